%% Terms: order, conversions, external format, tuples, atoms, printing.
-module(terms).
-compile([export_all, nowarn_export_all]).

sample() -> [1, -1, 1.0, 1.5, 1 bsl 80, -(1 bsl 80), a, 'B c', [], [1], [1 | 2], "str", {}, {a}, {a, 1}, {b}, <<>>, <<1>>, <<1:3>>, #{}, #{a => 1}, fun lists:map/2, true, 0.0, -0.0, 1.0e300, [[]], [{}], {[]}].
t_heavy_long_list_to_tuple() -> L = lists:seq(1, 140000), T = list_to_tuple(L), {tuple_size(T), tuple_to_list(T) =:= L, catch list_to_tuple(L ++ tail)}.
t_heavy_lists_within_lists_decoded() -> L = lists:seq(1, 3000), [begin B = term_to_binary(X, O), {erlang:phash2(B), binary_to_term(B) =:= X} end || X <- [L, {a, L}, [b, L, L, [L | c], {L, [L]} | L], [[L ++ L], L | d], #{L => [L, #{1 => L}]}], O <- [[], [compressed], [{minor_version, 2}, {compressed, 9}]]].
t_heavy_large_map_in_order() -> [begin B = term_to_binary(M, [deterministic]), {erlang:phash2(B), binary_to_term(B) =:= M} end || M <- [maps:from_keys(lists:seq(1, 5000), x), #{a => maps:from_keys(lists:seq(1, 2000), maps:from_keys(lists:seq(1, 40), y)), b => []}]].
t_sort() -> lists:sort(sample()).
t_usort() -> lists:usort(sample() ++ sample()).
t_compare() -> erlang:phash2([{A < B, A == B, A =:= B, A =/= B, A /= B, A >= B} || A <- sample(), B <- sample()]).
t_phash2() -> [erlang:phash2(T) || T <- sample()].
t_phash2_range() -> [erlang:phash2(T, 1000) || T <- sample()].
t_phash() -> [erlang:phash(T, 1 bsl 32) || T <- sample(), not is_function(T)].
t_md5() -> [erlang:md5(B) || B <- ["", "a", <<"abc">>, lists:duplicate(1000, $x)]].
t_ext() -> [binary_to_term(term_to_binary(T)) =:= T || T <- sample()].
t_ext_bytes() -> [term_to_binary(T) || T <- sample(), not is_map(T)].
t_ext_compressed() -> [byte_size(term_to_binary(lists:duplicate(1000, T), [compressed])) || T <- [a, 1, "abc"]].
t_ext_minor() -> [term_to_binary(1.5, [{minor_version, V}]) || V <- [0, 1, 2]].
t_ext_used() -> binary_to_term(<<(term_to_binary({a, b}))/binary, 1, 2, 3>>, [used]).
t_ext_bad() -> [catch_it(fun() -> binary_to_term(B) end) || B <- [<<>>, <<131>>, <<131, 255>>, <<131, 104, 2, 97>>, <<1, 2>>, <<131, 100, 0, 5, "ab">>]].
t_ext_safe() -> catch_it(fun() -> binary_to_term(<<131, 119, 20, "never_heard_of_this_">>, [safe]) end).
t_size() -> [erlang:external_size(T) || T <- sample(), not is_function(T)].
t_tuples() -> [setelement(2, {a, b, c}, x), erlang:append_element({a}, b), erlang:insert_element(1, {a}, b), erlang:delete_element(2, {a, b, c}), tuple_to_list({1, 2}), list_to_tuple([1, 2]), erlang:make_tuple(3, x), erlang:make_tuple(3, x, [{2, y}])].
t_bad_tuples() -> [catch_it(F) || F <- [fun() -> element(0, {a}) end, fun() -> element(2, {a}) end, fun() -> setelement(3, {a}, b) end, fun() -> list_to_tuple([a | b]) end, fun() -> tuple_size(x) end, fun() -> erlang:make_tuple(-1, x) end]].
t_atoms() -> [atom_to_list('å'), atom_to_binary('å', utf8), list_to_atom("x y"), binary_to_atom(<<"ö"/utf8>>), list_to_existing_atom("true"), atom_to_list('')].
t_bad_atoms() -> [catch_it(F) || F <- [fun() -> list_to_atom([a]) end, fun() -> list_to_existing_atom("no such atom ever made here") end, fun() -> list_to_atom(lists:duplicate(256, $a)) end, fun() -> binary_to_atom(<<255>>, utf8) end]].
t_atoms_too_long() ->
    A = fun(N) -> binary:copy(<<"a">>, N) end,
    Names = [{N, B} || N <- [1, 255, 256, 300, 1019, 1020, 1021, 1022, 70000], B <- [A(N), binary:copy(<<"Ã©">>, N), <<255, (A(N - 1))/binary>>, <<(A(N - 1))/binary, 255>>, <<(A(N - 1))/binary, 1:1>>, <<(A(N div 2))/binary, 255, (A(N - N div 2 - 1))/binary>>]],
    Bytes = [{N, F, E, R} || {N, B} <- Names, E <- [utf8, unicode, latin1, other], F <- [binary_to_atom, binary_to_existing_atom], {error, R} <- [try erlang:F(B, E) catch C:R -> {C, R} end]],
    Lists = [try erlang:F(lists:duplicate(N, $a) ++ T) catch C:R -> {C, R} end || F <- [list_to_atom, list_to_existing_atom], N <- [0, 254, 255, 256, 2000], T <- [[], foo, [foo], [-1], [16#110000]]],
    {Bytes, Lists}.
t_large_elements() ->
    L = fun(X) -> lists:seq(1, 40000) ++ [X] end,
    As = [L(a), {L(b)}, #{k => L(c)}, L(1), 7], Many = lists:duplicate(600, {x}),
    {[lists:member(L(X), Y) || X <- [a, b, 1, 1.0], Y <- [As, Many ++ As]], [lists:member({L(b)}, As), lists:member(#{k => L(c)}, Many ++ As)],
     [case lists:keyfind(L(X), 2, [{1, Y} || Y <- Z]) of {1, K} -> lists:last(K); F -> F end || X <- [a, b, 1, 1.0], Z <- [As, Many ++ As]],
     [lists:keymember(L(X), 1, [foo, {L(b)}]) || X <- [a, b]],
     [try lists:member(L(z), Y) catch error:R -> R end || Y <- [[L(a) | L(z)], [L(a) | x], Many ++ [L(a) | x]]],
     [try lists:keysearch(L(z), 1, Y) catch error:R -> R end || Y <- [[{L(a)} | x], Many ++ [{L(a)} | x]]],
     [[erlang:phash2(Z) || Z <- X -- Y] || {X, Y} <- [{[L(a), L(b), L(a)], [L(a)]}, {As ++ As, As}, {As ++ Many, [L(a), L(b) | As]}, {Many ++ As, lists:reverse(As) ++ Many}, {lists:seq(1, 2000) ++ As, As ++ lists:seq(3, 3000)}, {lists:seq(1, 30), lists:seq(1, 40, 3)}, {[1, 1.0, 1, 2, 1.0], [1.0, 3, 1, 9, 8, 7, 6, 5, 4, 1.0]}]]}.
t_integers() -> [integer_to_list(123), integer_to_binary(-5), list_to_integer("-17"), binary_to_integer(<<"99">>), list_to_integer("FF", 16), integer_to_list(255, 2)].
t_bad_integers() -> [catch_it(fun() -> list_to_integer(S) end) || S <- ["", "a", "1a", "-", "1.0", [1 | 2], "+"]].
t_print_w() -> lists:flatten(io_lib:format("~w", [sample()])).
t_print_p() -> lists:flatten(io_lib:format("~p", [sample()])).
t_print_0p() -> lists:flatten(io_lib:format("~0p", [sample()])).
t_print_P() -> [lists:flatten(io_lib:format("~P ~W", [T, 5, T, 4])) || T <- [lists:seq(1, 20), {a, {b, {c, {d}}}}, "a long string here", #{a => #{b => #{c => d}}}]].
t_display_forms() -> [erlang:pid_to_list(list_to_pid("<0.0.0>")), catch_it(fun() -> list_to_pid("<1.2>") end)].
t_improper() -> [length_or([1, 2 | 3]), hd([a | b]), tl([a | b]), [1, 2] ++ 3, [] ++ x].
t_append_bad() -> id([1 | 2]) ++ [3].
t_subtract() -> [[1, 2, 3, 2] -- [2], [1, 2] -- [3], lists:seq(1, 50) -- lists:seq(10, 40), [] -- []].
t_iolists() -> [iolist_to_binary([1, [2, <<3>>], [] | <<4>>]), iolist_size(["abc", <<"de">>]), catch_it(fun() -> iolist_to_binary([256]) end), catch_it(fun() -> iolist_size([a]) end)].
t_list_to_binary_bad() -> [catch_it(fun() -> list_to_binary(L) end) || L <- [a, [a], [1 | 2], [-1]]].
t_min_max() -> [min(1, a), max([], {}), min(1, 1.0), max(1, 1.0)].
t_is() -> [[is_atom(T), is_binary(T), is_boolean(T), is_float(T), is_function(T), is_integer(T), is_list(T), is_map(T), is_number(T), is_pid(T), is_tuple(T), is_reference(T)] || T <- sample()].
t_flat_size() -> [erts_debug:flat_size(T) || T <- [1, a, [], [1, 2], {}, {a, b}, 1.0, 1 bsl 70, <<1, 2, 3>>, #{a => 1}]].
t_refs() -> A = make_ref(), B = make_ref(), [A < B, A =:= A, A == B, is_reference(A)].
t_node() -> [node(), node(self()), node(make_ref()), nodes()].
t_heavy_deep_compare() -> A = nest(100000), B = nest(100000), {A =:= B, A == B, A < B}.
t_heavy_long_compare() -> A = lists:seq(1, 100000), {A =:= lists:seq(1, 100000), A < lists:seq(1, 100001)}.
t_heavy_deep_ext() -> D = nest(100000), binary_to_term(term_to_binary(D)) =:= D.
t_heavy_deep_send() -> D = nest(100000), self() ! D, receive X -> X =:= D end.
t_crc() -> [erlang:crc32(<<"hello">>), erlang:adler32("hello"), erlang:crc32_combine(erlang:crc32("ab"), erlang:crc32("cd"), 2) =:= erlang:crc32("abcd")].
t_unique() -> A = erlang:unique_integer([positive, monotonic]), B = erlang:unique_integer([positive, monotonic]), {A < B, A > 0, is_integer(erlang:unique_integer())}.

nest(N) -> lists:foldl(fun(_, A) -> [A] end, [], lists:seq(1, N)).
length_or(L) -> try length(L) catch error:badarg -> improper end.
catch_it(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.
