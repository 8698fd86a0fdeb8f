-module(p_ets).
-export([run/0]).
run() -> exit(t()).

t() ->
    Kinds = [set, bag, duplicate_bag, ordered_set],
    [[{K, basics(K), errors(K), walks(K), selects(K), portions(K), replaced(K)} || K <- Kinds],
     [counters(K) || K <- [set, ordered_set]],
     [ranges(K) || K <- [set, ordered_set]], owners(), infos(), keypos(), literals(),
     [random(K, Seed) || K <- Kinds, Seed <- [1, 77, 4242]]].

%% The value, or the error with what its error_info says.
v(F) ->
    try F() catch C:R:S -> failed(C, R, S) end.

failed(error, R, [{ets, Name, _, Info} | _]) ->
    case lists:keyfind(error_info, 1, Info) of
        {_, Map} -> {R, Name, Map};
        _ -> {R, Name}
    end;
failed(C, R, _) -> {C, R}.

basics(K) ->
    T = ets:new(t, [K]),
    [ets:insert(T, {a, 1}), ets:insert(T, [{b, 1}, {b, 1}, {b, 2}, {1, x}, {1.0, y}]),
     ets:insert(T, []),
     ets:lookup(T, a), ets:lookup(T, b), ets:lookup(T, 1), ets:lookup(T, 1.0), ets:lookup(T, zz),
     ets:member(T, a), ets:member(T, zz), ets:info(T, size),
     ets:insert_new(T, {a, 9}), ets:insert_new(T, [{q, 1}, {a, 1}]), ets:insert_new(T, [{q, 1}, {q, 2}, {r, 1}]),
     ets:lookup(T, q),
     v(fun() -> ets:lookup_element(T, b, 2) end), v(fun() -> ets:lookup_element(T, b, 3) end),
     v(fun() -> ets:lookup_element(T, zz, 2) end), v(fun() -> ets:lookup_element(T, b, 0) end),
     ets:delete_object(T, {b, 1}), ets:lookup(T, b), ets:delete_object(T, {nope, 1}),
     ets:take(T, b), ets:take(T, b), ets:delete(T, 1), ets:delete(T, zz),
     all(T), ets:internal_delete_all(T, undefined), ets:info(T, size), ets:first(T), ets:last(T),
     ets:delete(T), v(fun() -> ets:lookup(T, a) end), ets:info(T), ets:info(T, size)].

errors(K) ->
    T = ets:new(t, [K, private, {keypos, 2}]),
    N = ets:new(p_ets_named, [K, named_table]),
    R = [v(fun() -> ets:F1(X, {a, b}) end) || F1 <- [insert, insert_new, delete_object], X <- [nope, 1, "x", make_ref()]] ++
        [v(fun() -> ets:insert(T, X) end) || X <- [a, {}, {a}, [{a}], [{a, b} | c], [a], #{}]] ++
        [v(fun() -> ets:insert_new(T, X) end) || X <- [a, {}, {a}, [{a}], [{a, b} | c], [a]]] ++
        [v(fun() -> ets:delete_object(T, X) end) || X <- [a, {}, {a}]] ++
        [v(fun() -> ets:new(X, Y) end) || {X, Y} <- [{1, []}, {a, foo}, {a, [foo]}, {a, [{keypos, 0}]}, {a, [{keypos, a}]},
            {a, [{heir, self()}]}, {a, [{heir, a, b}]}, {a, [{write_concurrency, x}]}, {a, [set | x]},
            {p_ets_named, [named_table]}, {a, [{read_concurrency, 1}]}]] ++
        [v(fun() -> ets:rename(N, X) end) || X <- ["a", p_ets_named]] ++
        [v(fun() -> ets:rename(T, p_ets_named) =:= T end)] ++
        [v(fun() -> ets:whereis(X) end) || X <- [nope, 1, T]] ++
        [v(fun() -> ets:setopts(T, X) end) || X <- [foo, [foo], {heir, none}, {heir, self()}, [{protection, a}], [],
            {heir, self(), x}, [{heir, none}, {protection, public}], [{heir, none} | x]]] ++
        [ets:info(T, protection)] ++
        [v(fun() -> ets:safe_fixtable(T, X) end) || X <- [a, 1]] ++
        [v(fun() -> ets:give_away(T, X, y) end) || X <- [a, self(), list_to_pid("<0.32000.1>")]] ++
        [v(fun() -> ets:info(T, X) end) || X <- [a, 1, keypos, type, protection, named_table, fixed, heir, name]] ++
        [v(fun() -> ets:info(X, Y) end) || X <- [nope, 1, make_ref()], Y <- [size, foo]] ++
        [v(fun() -> ets:info(X) end) || X <- [nope, 1, make_ref()]] ++
        [v(fun() -> ets:slot(T, X) end) || X <- [a, -1, 1 bsl 70, 1 bsl 50]] ++
        [v(fun() -> ets:next(T, nokey) end), v(fun() -> ets:prev(T, nokey) end)] ++
        [v(fun() -> ets:F(T, X) end) || F <- [select, select_count, internal_select_delete, select_replace, select_reverse],
            X <- [a, [], [a], [{a, b}], [{a, [], []}], [{a, [{foo}], [b]}]]] ++
        [v(fun() -> ets:F(nope, []) end) || F <- [select, select_count, internal_select_delete, select_replace, select_reverse, match, match_object]] ++
        [v(fun() -> ets:F(T, X, Y) end) || F <- [select, select_reverse], X <- [a, [{'_', [], ['$_']}]], Y <- [0, -1, a, 1]] ++
        [v(fun() -> ets:F(T, X, Y) end) || F <- [match, match_object], X <- [a, '$1'], Y <- [0, -1, a, 1]] ++
        [v(fun() -> ets:F(X) end) || F <- [select, select_reverse, match, match_object], X <- [a, {}, '$end_of_table', {T, 1, 2, make_ref(), [], 0}]] ++
        [v(fun() -> ets:match_spec_compile(X) end) || X <- [a, [], [{a, [], []}]]] ++
        [v(fun() -> ets:match_spec_run_r(X, Y, []) end) || X <- [a, [{1}]], Y <- [a, make_ref()]] ++
        [v(fun() -> ets:update_element(T, a, X) end) || X <- [a, {1, 2}, {0, 1}, {a, 1}, [{1, 2}, a], [], [{1, 2} | a]]] ++
        [v(fun() -> ets:update_counter(T, a, X) end) || X <- [a, {1, 2}, {0, 1}, {a, 1}, 1, [], [1], {1, 1, 1}, {1, a}]],
    Self = self(),
    Other = spawn(fun() ->
        Self ! {other, [v(F) || F <- [fun() -> ets:lookup(N, a) end, fun() -> ets:insert(N, {a}) end, fun() -> ets:delete(N) end,
            fun() -> ets:first(T) end, fun() -> ets:info(T, size) end, fun() -> ets:give_away(N, self(), x) end,
            fun() -> ets:setopts(N, []) end, fun() -> ets:rename(N, b) end, fun() -> ets:take(N, b) end]]}
    end),
    true = is_pid(Other),
    O = receive {other, L} -> L end,
    ets:delete(N), ets:delete(T),
    {R, O}.

keys(T) -> keys(T, ets:first(T)).
keys(_, '$end_of_table') -> [];
keys(T, K) -> [K | keys(T, ets:next(T, K))].
rkeys(_, '$end_of_table') -> [];
rkeys(T, K) -> [K | rkeys(T, ets:prev(T, K))].

all(T) -> sort(T, ets:match_object(T, '_')).
sort(T, L) ->
    case ets:info(T, type) of
        ordered_set -> L;
        _ -> lists:sort(L)
    end.

walks(K) ->
    T = ets:new(t, [K, public]),
    [ets:insert(T, {I rem 300, I}) || I <- lists:seq(1, 500)],
    Keys = keys(T),
    Back = rkeys(T, ets:last(T)),
    ets:safe_fixtable(T, true),
    %% Every second key goes while the walk is on, others come.
    Seen = churn(T, ets:first(T), 0),
    Fixed = {ets:info(T, fixed), ets:info(T, size), length(keys(T))},
    [First | _] = keys(T),
    ets:delete(T, First),
    Next = is_integer(ets:next(T, First)),
    ets:insert(T, {First, again}),
    Again = ets:lookup(T, First),
    ets:safe_fixtable(T, false),
    Slots = slots(T, 0),
    {length(Keys), lists:sort(Keys) =:= lists:seq(0, 299), lists:sort(Back) =:= lists:seq(0, 299),
     K =/= ordered_set orelse {Keys, Back} =:= {lists:seq(0, 299), lists:seq(299, 0, -1)},
     length(Seen) >= 300, lists:sort([S || S <- Seen, S < 300]) =:= lists:seq(0, 299), element(1, Fixed), Next,
     length(Again), ets:info(T, fixed), ets:info(T, safe_fixed), lists:sort(Slots) =:= lists:sort(all(T))}.

churn(_, '$end_of_table', _) -> [];
churn(T, Key, N) ->
    if N rem 2 =:= 0 -> ets:delete(T, Key); true -> ok end,
    ets:insert(T, {1000 + N, x}),
    if Key >= 1000 -> [Key || N < 5000] ++ (if N < 900 -> churn(T, ets:next(T, Key), N + 1); true -> [] end);
       true -> [Key | churn(T, ets:next(T, Key), N + 1)] end.

slots(T, N) ->
    case ets:slot(T, N) of
        '$end_of_table' -> [];
        L -> L ++ slots(T, N + 1)
    end.

fill(T) ->
    ets:insert(T, [{I, I rem 7, {I, [I, b | c]}, #{k => I}} || I <- lists:seq(1, 60)] ++ [{{a, x}, 1}, {{a, y}, 2}, {3.0, f}]).

specs() ->
    [[{'$1', [], ['$1']}], [{'_', [], ['$_']}], [{{'$1', '$2', '_', '_'}, [], ['$$']}],
     [{{5, '$2', '$3', '$4'}, [], [{{'$2', '$3', '$4'}}]}], [{{7, '_', '_', '_'}, [], ['$_']}, {{5, '_', '_', '_'}, [], ['$_']}],
     [{{3, '_'}, [], ['$_']}, {{3, '_', '_', '_'}, [], ['$_']}], [{{3.0, '_'}, [], ['$_']}],
     [{{'$1', 3, '_', '_'}, [{'>', '$1', 20}, {'<', '$1', 50}], ['$1']}],
     [{{'$1', '_', {'$1', ['$2' | '$3']}, #{k => '$4'}}, [{'=:=', '$2', '$4'}], [[{'+', '$4', 1} | '$3']]}],
     [{{{a, '$1'}, '$2'}, [], [{{'$1', '$2'}}]}], [{{{a, x}, '_'}, [], [{element, 1, '$_'}]}],
     [{{'$1', '_', '_', '$2'}, [{'orelse', {'=:=', '$1', 3}, {'>', {'map_get', k, '$2'}, 58}}], [#{'$1' => '$2'}]}],
     [{{'$1', '_', '_', '_'}, [{'not', {'is_tuple', '$1'}}, {'andalso', true, {'==', {'rem', '$1', 10}, 0}}], [true]},
      {{{a, '_'}, '_'}, [], [{hd, []}]}],
     [{nomatch, [], ['$_']}], [{{'_', '_', '_'}, [], ['$_']}]].

selects(K) ->
    T = ets:new(t, [K]),
    fill(T),
    A = [{sort(T, ets:select(T, S)), lists:sort(ets:select_reverse(T, S)), ets:select_count(T, S)} || S <- specs()],
    B = [sort(T, ets:match(T, P)) || P <- ['$1', '_', {'$2', '$1', '_', '_'}, {5, '$1', '_', '_'}, {{a, '$1'}, '$2'}]],
    C = [sort(T, ets:match_object(T, P)) || P <- [{'_', 3, '_', '_'}, {'$1', '_', {'$1', '_'}, '_'}]],
    D = [case K of ordered_set -> ets:select_reverse(T, [{'$1', [], ['$1']}]); _ -> x end,
         ets:internal_select_delete(T, [{{'$1', 3, '_', '_'}, [], [true]}]),
         ets:internal_select_delete(T, [{{4, '_', '_', '_'}, [], [true]}, {{{a, x}, '_'}, [], [true]}]),
         ets:internal_select_delete(T, [{{'_', 1, '_', '_'}, [], [false]}]), ets:info(T, size),
         ets:internal_select_delete(T, [{'_', [], [true]}]), ets:info(T, size)],
    {A, B, C, D}.

chunks('$end_of_table', _) -> [];
chunks({L, C}, F) -> [L | chunks(ets:F(C), F)].

portions(K) ->
    T = ets:new(t, [K]),
    [ets:insert(T, {I rem 40, I}) || I <- lists:seq(1, 100)],
    All = lists:sort(ets:match_object(T, '_')),
    ets:safe_fixtable(T, true),
    R = [begin
             A = chunks(ets:select(T, [{'_', [], ['$_']}], N), select),
             B = chunks(ets:match_object(T, '_', N), match_object),
             C = chunks(ets:match(T, '$1', N), match),
             D = chunks(ets:select_reverse(T, [{'_', [], ['$_']}], N), select_reverse),
             E = chunks(ets:select(T, [{{3, '_'}, [], ['$_']}], N), select),
             F = chunks(ets:select(T, [{{'$1', '$2'}, [{'<', '$2', 60}], ['$2']}], N), select),
             [lists:sort(lists:append(A)) =:= All, lists:sort(lists:append(B)) =:= All,
              lists:sort(lists:append(C)) =:= [[O] || O <- All], lists:sort(lists:append(D)) =:= All,
              lists:append(E), lists:sort(lists:append(F)),
              lists:all(fun(L) -> length(L) =< N end, A),
              case K of ordered_set -> {A, D}; _ -> x end]
         end || N <- [1, 2, 7, 40, 41, 99, 100, 101, 1000]],
    {R, ets:select(T, [{{none}, [], [x]}], 3), ets:match(T, {none}, 1)}.

replaced(K) ->
    T = ets:new(t, [K]),
    ets:insert(T, [{I, I, {I}} || I <- lists:seq(1, 10)] ++ [{{a, 1}, b}]),
    [{v(fun() -> ets:select_replace(T, S) end), all(T)}
     || S <- [[{{'$1', '$2', '_'}, [], [{{'$1', {'+', '$2', 1}}}]}], [{{'$1', '$2', '_'}, [], [{{'$2', '$1'}}]}],
              [{'_', [], ['$_']}], [{{{a, '$1'}, '$2'}, [], [{{{{a, '$1'}}, x}}]}], [{{'$1', '_'}, [], [{const, {'$1', 2}}]}],
              [{{3, '_'}, [], [{const, {3, three}}]}], [{{4, '_'}, [], [{{4, four}}]}], [{'$1', [], ['$1']}],
              [{{'$1', '_'}, [{'>', '$1', 8}], [{{{element, 1, '$_'}, last}}]}], [{{'$1', '_'}, [], [{{{element, 2, '$_'}, last}}]}],
              [{{'$1'}, [], [a]}], [{{'$1', '_'}, [], [{{'$1'}}, {{'$1'}}]}]]].

counters(K) ->
    T = ets:new(t, [K]),
    ets:insert(T, [{a, 1, 2}, {b, x, 1 bsl 59 - 1}, {c, 1 bsl 80, -5}]),
    A = [v(fun() -> ets:update_counter(T, Key, Op) end)
     || Key <- [a, b, c, zz], Op <- [1, -1, {2, 5}, {3, 1}, {3, 1 bsl 70}, {3, -(1 bsl 70)}, {2, 1, 3, 0}, {2, -1, 3, 0}, {2, 1, 0, 0},
                                     [], [{2, 1}, {3, 1}, {2, 1}], {1, 1}, {4, 1}, {0, 1}, {a, 1}, {2, a}, {2, 1, 2}, [{2, 1} | x], x,
                                     [{2, 1}, {9, 1}], [{2, 1}, 7], {2, 1, a, 1}, {2, 1.0}, {-1, 1}]],
    B = [v(fun() -> ets:update_counter(T, Key, Op, Def) end)
         || Key <- [a, new, {new}], Op <- [{2, 1}, [], [{2, 1}, {3, 2}], {3, 1}, 1], Def <- [{x, 10, 20}, {x}, x, {x, y, z}]],
    C = [v(fun() -> ets:update_element(T, Key, Op) end)
         || Key <- [a, b, zz], Op <- [{2, q}, {2, "long value"}, [{2, 1}, {3, {x}}], {1, a}, {4, a}, {0, a}, {2}, x, [], [{2, 1} | x], [{2, 5}, {9, 1}]]],
    {A, B, C, all(T)}.

%% Keys of which a part is given.
ranges(K) ->
    T = ets:new(t, [K]),
    ets:insert(T, [{{A, B, [C]}, x} || A <- [1, 2, 2.5, a, "s"], B <- lists:seq(1, 9), C <- [p, q]] ++
                  [{[1, 2 | z], 1}, {[1, 2, 3], 2}, {[1], 3}, {[], 4}, {{1}, 5}, {{2, 3}, 6}, {7, 7}, {#{a => 1}, 8}, {<<"b">>, 9}]),
    [{sort(T, ets:select(T, S)), lists:sort(ets:select_reverse(T, S)), ets:select_count(T, S),
      case K of ordered_set -> [chunks(ets:F(T, S, N), F) || F <- [select, select_reverse], N <- [1, 3, 7, 100]]; _ -> x end}
     || P <- [{2, '_', '_'}, {2.0, 3, '_'}, {2, '$1', [q]}, {a, 4, ['_']}, {"s", '_', '$1'}, {'_', 2, '_'}, {'_'}, {1, '_'}, {b, '_', '_'},
              ['_' | '_'], [1 | '$1'], [1, 2 | '$1'], [1, '_', '_'], ['_'], {[1 | '_'], 2, 3}, {0, '_', '_'}, {2, '_', '_', '_'}, #{a => '_'},
              {1, 1, [p]}, {2.5, 9, ['_' | '_']}],
        S <- [[{{P, '_'}, [], ['$_']}]]] ++
        [begin N = ets:internal_select_delete(T, [{{{2, '_', '_'}, '_'}, [{'=:=', 1, 1}], [true]}]), {N, ets:info(T, size)} end].

owners() ->
    Self = self(),
    Wait = fun() -> receive M when element(1, M) =:= 'ETS-TRANSFER' -> setelement(3, setelement(2, M, t), p) after 2000 -> none end end,
    P = spawn(fun() -> ets:new(p_ets_h, [named_table, {heir, Self, [<<"data">>]}]), ets:insert(p_ets_h, {a, 1}),
                       T2 = ets:new(x, [public]), Self ! {t2, T2}, receive stop -> ok end end),
    T2 = receive {t2, X} -> X end,
    true = ets:insert(T2, {a, b}),
    Before = ets:info(p_ets_h, owner) =:= P,
    P ! stop,
    H = Wait(),
    Gone = gone(T2, 100),
    R1 = [H, Before, Gone, ets:info(p_ets_h, owner) =:= Self, ets:lookup(p_ets_h, a), ets:info(p_ets_h, heir) =:= Self],
    Q = spawn(fun() -> receive {'ETS-TRANSFER', p_ets_h, From, D} -> ets:insert(p_ets_h, {got, D}), From ! {gift, D} end, receive stop -> ok end end),
    true = ets:give_away(p_ets_h, Q, {my, gift}),
    D = receive {gift, G} -> G after 2000 -> none end,
    R2 = [D, v(fun() -> ets:insert(p_ets_h, {x, y}) end), ets:lookup(p_ets_h, got), ets:info(p_ets_h, owner) =:= Q,
          v(fun() -> ets:give_away(p_ets_h, Q, x) end)],
    %% A fixation goes with its process.
    F = ets:new(f, [public]), ets:insert(F, [{I} || I <- lists:seq(1, 10)]),
    S = spawn(fun() -> ets:safe_fixtable(F, true), ets:safe_fixtable(F, true), Self ! fixed, receive stop -> ok end end),
    receive fixed -> ok end,
    {_, Who} = ets:info(F, safe_fixed),
    ets:delete(F, 3),
    S ! stop, unfixed(F, 100),
    Q ! stop,
    Back = Wait(),
    Heir = ets:info(p_ets_h, owner) =:= Self,
    ets:delete(p_ets_h),
    {R1, R2, Who =:= [{S, 2}], ets:info(F, fixed), ets:info(F, size), Back, Heir}.

gone(T, 0) -> ets:info(T);
gone(T, N) -> case ets:info(T) of undefined -> gone; _ -> erlang:yield(), receive after 5 -> ok end, gone(T, N - 1) end.
unfixed(_, 0) -> no;
unfixed(T, N) -> case ets:info(T, fixed) of false -> ok; _ -> receive after 5 -> ok end, unfixed(T, N - 1) end.

infos() ->
    [begin
         T = ets:new(infos, O),
         I = [{K, ets:info(T, K)} || K <- [name, type, keypos, protection, named_table, compressed, read_concurrency, write_concurrency,
                                           decentralized_counters, heir, size, fixed, safe_fixed, safe_fixed_monotonic_time, node]],
         L = [K || {K, _} <- ets:info(T)],
         Id = case T of infos -> ets:info(T, id) =:= ets:whereis(infos); _ -> ets:info(T, id) =:= T end,
         ets:delete(T),
         {I, L, Id}
     end || O <- [[], [named_table, public, ordered_set], [private, {write_concurrency, true}, {read_concurrency, true}], [bag, {write_concurrency, auto}],
                  [duplicate_bag, compressed, {keypos, 3}], [ordered_set, {write_concurrency, true}], [{write_concurrency, true}, {decentralized_counters, true}],
                  [{decentralized_counters, true}], [public, {read_concurrency, true}, {heir, none}, set, bag, set]]].

keypos() ->
    T = ets:new(t, [{keypos, 3}]),
    [ets:insert(T, {a, b, c, d}), ets:lookup(T, c), ets:lookup_element(T, c, 4), ets:update_counter(T, k, {1, 1}, {0, 0, 0}), all(T),
     ets:update_element(T, c, {1, z}), all(T), ets:select(T, [{{'_', '_', c, '$1'}, [], ['$1']}])].

literals() ->
    T = ets:new(t, []),
    B = binary:copy(<<"0123456789">>, 20),
    ets:insert(T, {k, B, "a literal", #{1 => {2}}, fun lists:reverse/1, [B, binary:part(B, 3, 90)], 1.5, 1 bsl 100}),
    F = fun(X) -> {X, B} end,
    ets:insert(T, {f, F, <<1:3>>}),
    [{f, G, Bits}] = ets:lookup(T, f),
    [ets:lookup(T, k), G(1), Bits, G =:= F].

%% Random operations, checked against a model as lists go.
random(K, Seed) ->
    T = ets:new(t, [K]),
    ops(T, K, Seed, 1500, []),
    {ets:info(T, size), erlang:phash2(canon(all(T)))}.

%% A list in one order, whatever mixture of 1 and 1.0 is in it.
canon(L) -> lists:sort([term_to_binary(E) || E <- L]).

next_seed(S) -> (S * 1103515245 + 12345) band 16#7FFFFFFF.

ops(_, _, _, 0, _) -> ok;
ops(T, K, S0, N, M0) ->
    S = next_seed(S0),
    Key = case (S bsr 8) rem 60 of X when X > 50 -> float(X - 30); X -> X end,
    O = {Key, (S bsr 16) rem 4},
    M = case (S bsr 20) rem 8 of
            0 -> ets:delete(T, Key), [E || E <- M0, not same(K, element(1, E), Key)];
            1 -> ets:delete_object(T, O), [E || E <- M0, E =/= O];
            2 -> [] = lists:sort(ets:take(T, Key)) -- [E || E <- M0, same(K, element(1, E), Key)],
                 [E || E <- M0, not same(K, element(1, E), Key)];
            3 -> case ets:insert_new(T, O) of
                     true -> [O | M0];
                     false -> true = lists:any(fun(E) -> same(K, element(1, E), Key) end, M0), M0
                 end;
            _ -> ets:insert(T, O), put_in(K, O, M0)
        end,
    true = ets:info(T, size) =:= length(M),
    true = canon(ets:lookup(T, Key)) =:= canon([E || E <- M, same(K, element(1, E), Key)]),
    if N rem 100 =:= 0 -> true = canon(all(T)) =:= canon(M), true = length(keys(T)) =< length(M); true -> ok end,
    ops(T, K, S, N - 1, M).

same(ordered_set, A, B) -> A == B;
same(_, A, B) -> A =:= B.

put_in(duplicate_bag, O, M) -> [O | M];
put_in(bag, O, M) -> [O | [E || E <- M, E =/= O]];
put_in(K, O, M) -> [O | [E || E <- M, not same(K, element(1, E), element(1, O))]].
