%% Every native that takes several turns, with other things going on between them.
%%
%% main/1 prints "ok" or what is wrong. Its argument says how densely the turns are tried (4: each
%% number of turns is a quarter more than the one before).
%%  1. each native gives the same whatever its turns are, also when its process is suspended and
%%     resumed, gets signals, is asked about, or must answer whether it uses old code in between;
%%  2. a process that is killed after any number of turns leaves nothing behind: no state of a
%%     native, no memory, no half of an insertion;
%%  3. no native of several turns is left out.
%% With one scheduler a yield of the test is one turn of the worker.
-module(turns).
-export([main/1]).

main([Step]) ->
    erts_debug:set_internal_state(available_internal_state, true),
    Natives = lists:usort(erts_debug:get_internal_state(yielding_natives)),
    erts_debug:set_internal_state(native_reductions, 3),
    persistent_term:put(turns_code, code()),
    Seed = erlang:unique_integer([positive]) + erlang:system_time(),
    rand:seed(exsss, Seed),
    Wrong = lists:append([native(MFA, list_to_integer(Step)) || MFA <- Natives])
        ++ lists:append([insertions(F, Type, list_to_integer(Step))
                         || F <- [insert, insert_new], Type <- [set, ordered_set, bag, duplicate_bag]]),
    case Wrong of
        [] -> io:format("ok: ~b natives~n", [length(Natives)]);
        _ -> io:format("seed ~b: ~p~n", [Seed, Wrong])
    end,
    halt().

native({M, F, A} = MFA, Step) ->
    try
        Whole = whole(MFA),
        Killed = killed(MFA, 0, Step, 0),
        Disturbed = [What || What <- disturbances(), disturbed(MFA, What) =/= Whole],
        Turns = case Killed > 3 of true -> []; false -> [{few_turns, M, F, A, Killed}] end,
        Turns ++ [{differs, M, F, A, Disturbed} || Disturbed =/= []]
    catch
        _:Why:Stack -> [{M, F, A, Why, hd(Stack)}]
    end.

%% Without a yield, if that can be.
whole(MFA) ->
    erts_debug:set_internal_state(native_reductions, 0),
    Result = disturbed(MFA, fun(_) -> ok end),
    erts_debug:set_internal_state(native_reductions, 3),
    Result.

start({M, F, A} = MFA) ->
    Me = self(),
    {Worker, Monitor} = spawn_monitor(fun() ->
        Args = args(MFA),
        length(Args) =:= A orelse exit({arguments, MFA}),
        Me ! {self(), ready},
        receive go -> ok end,
        Result = try apply(M, F, Args) catch Class:Reason -> {Class, Reason} end,
        exit({result, plain(Result)})
    end),
    receive
        {Worker, ready} -> ok;
        {'DOWN', Monitor, _, _, Why} -> error({no_arguments, Why})
    end,
    Worker ! go,
    {Worker, Monitor}.

%% What can be compared: no identity of one run.
plain(X) when is_pid(X) -> pid;
plain(X) when is_reference(X) -> reference;
plain({P, R}) when is_pid(P), is_reference(R) -> pid_and_reference;
plain([P | _] = L) when is_pid(P) -> is_list(L);
plain(X) -> erlang:phash2(X).

%% Kills the worker after more and more turns, until it ends by itself; how many those were.
killed(MFA, Turns, Step, Bytes) ->
    {Worker, Monitor} = start(MFA),
    yields(Turns),
    exit(Worker, kill),
    Done = receive {'DOWN', Monitor, _, _, Why} -> Why =/= killed end,
    settled(MFA, Turns, 100),
    Now = erlang:memory(processes) + erlang:memory(binary) + erlang:memory(ets),
    if
        Turns > 5, Now > Bytes + 3000000 -> error({grows, Turns, Bytes, Now});
        Done -> Turns;
        Turns =< 5 -> killed(MFA, Turns + 1, Step, max(Bytes, Now));
        true -> killed(MFA, Turns + 1 + Turns div Step, Step, Bytes)
    end.

%% Who inserts a list into a table of another's is killed after more and more turns: all of it is in
%% the table afterwards or nothing, and with the table goes every byte of it.
insertions(F, Type, Step) ->
    Before = erlang:memory(ets),
    try
        Turns = killed_insertion(F, Type, 0, Step),
        [{few_turns, F, Type, Turns} || Turns =< 3] ++
            [{leaks, F, Type, erlang:memory(ets) - Before} || not comes_to(Before, 100)]
    catch
        _:Why -> [{F, Type, Why}]
    end.

killed_insertion(F, Type, Turns, Step) ->
    Table = ets:new(turns, [Type, public]),
    {Worker, Monitor} = spawn_monitor(fun() -> true = ets:F(Table, pairs()) end),
    yields(Turns),
    exit(Worker, kill),
    Done = receive {'DOWN', Monitor, _, _, Why} -> Why =/= killed end,
    Size = length(ets:tab2list(Table)),
    Size =:= ets:info(Table, size) orelse error({size, Turns, Size}),
    Size =:= 0 orelse Size =:= length(list()) orelse error({half, Turns, Size}),
    ets:delete(Table),
    case Done of
        true -> Turns;
        false -> killed_insertion(F, Type, Turns + 1 + Turns div Step, Step)
    end.

%% Memory goes back a little later.
comes_to(Bytes, Left) ->
    erlang:memory(ets) =< Bytes orelse
        (Left > 0 andalso begin timer:sleep(5), comes_to(Bytes, Left - 1) end).

yields(0) -> ok;
yields(N) -> erlang:yield(), yields(N - 1).

%% Nothing is under way when all who help have finished.
settled(MFA, Turns, Left) ->
    case erts_debug:get_internal_state(suspended_natives) of
        0 -> ok;
        Count when Left =:= 0 -> error({left, Count, MFA, Turns});
        _ -> timer:sleep(1), settled(MFA, Turns, Left - 1)
    end.

disturbed(MFA, What) ->
    {Worker, Monitor} = start(MFA),
    Again = fun Again() ->
        erlang:yield(),
        receive
            {'DOWN', Monitor, _, _, {result, Result}} -> Result;
            {'DOWN', Monitor, _, _, Why} -> error(Why)
        after 0 -> What(Worker), Again()
        end
    end,
    Again().

%% The gentle ones each for itself, and all of them in an order that is another one each time.
disturbances() ->
    All = single_disturbances() ++ more_disturbances(),
    single_disturbances() ++ [fun(Worker) -> (lists:nth(rand:uniform(length(All)), All))(Worker) end].

single_disturbances() ->
    [fun(_) -> ok end,
     fun(Worker) -> Worker ! {more, lists:seq(1, 100)} end,
     fun(Worker) ->
         try erlang:suspend_process(Worker), erlang:yield(), erlang:resume_process(Worker)
         catch error:badarg -> ok end
     end,
     %% The suspender ends, by itself or by another, and suspenders overlap.
     fun(Worker) -> spawn(fun() -> catch erlang:suspend_process(Worker) end) end,
     fun(Worker) ->
         Suspender = spawn(fun() -> catch erlang:suspend_process(Worker), receive never -> ok end end),
         erlang:yield(),
         exit(Suspender, kill)
     end,
     fun(Worker) -> process_info(Worker, [current_function, total_heap_size, messages]) end,
     fun(Worker) -> link(Worker), unlink(Worker) end,
     %% Others hibernate and wake; code is asked for, and collections.
     fun(Worker) ->
         Sleeper = spawn(fun() -> erlang:hibernate(erlang, exit, [normal]) end),
         erlang:garbage_collect(Worker, [{async, x}]),
         erlang:check_process_code(Worker, lists, [{async, y}]),
         Sleeper ! wake
     end].

more_disturbances() ->
    [%% Signals that end nobody: from one who ends well, and to one who ends on none.
     fun(Worker) -> exit(Worker, normal), spawn(fun() -> catch link(Worker) end) end,
     %% Code comes, is replaced and purged.
     fun(_) ->
         Few = erlang:system_info(process_count) < 200,
         Few andalso rand:uniform(200) =:= 1 andalso replace_code()
     end].

replace_code() ->
    {ok, Module, Code} = persistent_term:get(turns_code),
    {module, Module} = code:load_binary(Module, "none", Code),
    true = Module:list() =:= [1, 2, 3],
    code:purge(Module),
    code:delete(Module),
    code:purge(Module).

code() ->
    compile:forms([{attribute, 1, module, turns_code}, {attribute, 2, export, [{list, 0}]},
                   {function, 3, list, 0, [{clause, 3, [], [],
                       [erl_parse:abstract([1, 2, 3])]}]}]).

list() -> lists:seq(1, 1500).
pairs() -> [{X, X} || X <- list()].
map() -> maps:from_list(pairs()).
bytes() -> binary:copy(<<"0123456789abcdef">>, 2500).
forest() -> [{X, <<X:800>>, [X, {X}], #{X => 1.5}} || X <- lists:seq(1, 900)].
iolist() -> [list_bytes(), [bytes() | <<"end">>]].
list_bytes() -> [X band 255 || X <- list()].

table(Type) ->
    Table = ets:new(turns, [Type, public]),
    [ets:insert(Table, Pair) || Pair <- pairs()],
    Table.

sink() -> spawn_link(fun() -> receive never -> ok end end).

%% Ends with its maker, but its maker not with it.
companion() ->
    Maker = self(),
    spawn(fun() -> Monitor = monitor(process, Maker), receive {'DOWN', Monitor, _, _, _} -> ok end end).

args({erlang, F, A}) when F =:= get; F =:= erase; F =:= get_keys ->
    [put(X, X rem 3) || X <- list()],
    [2 || A =:= 1];
args({binary, copy, 1}) -> [bytes()];
args({binary, copy, 2}) -> [<<"0123456789abcdef">>, 8000];
args({binary, list_to_bin, 1}) -> [iolist()];
args({binary, split, 3}) -> [bytes(), <<"ef0">>, [global]];
args({binary, matches, 2}) -> [bytes(), <<"ef0">>];
args({binary, _, 2}) -> [bytes(), <<"xyz">>];
args({binary, matches, 3}) -> [bytes(), <<"ef0">>, []];
args({binary, _, 3}) -> [bytes(), <<"xyz">>, []];
args({erlang, '++', 2}) -> [list(), [tail]];
args({erlang, append, 2}) -> [list(), [tail]];
args({erlang, '--', 2}) -> [list(), lists:reverse(list())];
args({erlang, subtract, 2}) -> [list(), lists:reverse(list())];
args({erlang, '!', 2}) -> [sink(), forest()];
args({erlang, send, 2}) -> [sink(), forest()];
args({erlang, send, 3}) -> [sink(), forest(), []];
args({erlang, exit, 2}) -> [companion(), forest()];
args({erlang, send_after, 3}) -> [1 bsl 40, self(), forest()];
args({erlang, send_after, 4}) -> [1 bsl 40, self(), forest(), []];
args({erlang, start_timer, 3}) -> [1 bsl 40, self(), forest()];
args({erlang, start_timer, 4}) -> [1 bsl 40, self(), forest(), []];
args({erlang, spawn, 3}) -> [erlang, length, [forest()]];
args({erlang, spawn_link, 3}) -> [erlang, length, [forest()]];
args({erlang, spawn_opt, 4}) -> [erlang, length, [forest()], [monitor]];
args({erts_internal, spawn_request, 4}) -> [erlang, length, [forest()], []];
args({erlang, processes, 0}) ->
    [companion() || _ <- lists:seq(1, 1000)],
    [];
args({erlang, adler32, 2}) -> [1, iolist()];
args({erlang, crc32, 2}) -> [1, iolist()];
args({erlang, md5_update, 2}) -> [erlang:md5_init(), iolist()];
args({erlang, binary_to_list, 1}) -> [binary:part(bytes(), 0, 2000)];
args({erlang, binary_to_list, 3}) -> [bytes(), 3, 3000];
args({erlang, bitstring_to_list, 1}) -> [<<(binary:part(bytes(), 0, 2000))/binary, 5:3>>];
args({erlang, list_to_bitstring, 1}) -> [[iolist(), <<1:1>>, iolist()]];
args({erlang, binary_to_term, 1}) -> [term_to_binary([map(), forest()])];
args({erlang, binary_to_term, 2}) -> [term_to_binary([map(), forest()]), [used]];
args({erlang, F, 1}) when F =:= term_to_binary; F =:= term_to_iovec; F =:= external_size ->
    [[map(), forest()]];
args({erlang, external_size, 2}) -> [[map(), forest()], []];
args({erlang, F, 2}) when F =:= term_to_binary; F =:= term_to_iovec ->
    [[map(), forest()], [deterministic]];
args({erlang, F, 1}) when F =:= length; F =:= list_to_tuple -> [list()];
args({erlang, tuple_to_list, 1}) -> [list_to_tuple(list())];
args({erlang, _, 1}) -> [iolist()];
args({lists, member, 2}) -> [none, list()];
args({lists, reverse, 2}) -> [list(), [tail]];
args({lists, _, 3}) -> [none, 1, pairs()];
args({maps, from_keys, 2}) -> [list(), x];
args({maps, from_list, 1}) -> [pairs()];
args({maps, merge, 2}) -> [map(), maps:from_keys(lists:seq(700, 2500), y)];
args({maps, _, 1}) -> [map()];
args({unicode, bin_is_7bit, 1}) -> [bytes()];
args({unicode, _, 2}) -> [[list(), bytes()], utf8];
args({ets, insert, 2}) -> [ets:new(turns, [public]), pairs()];
args({ets, insert_new, 2}) -> [ets:new(turns, [ordered_set, public]), pairs()];
args({ets, F, 1}) when F =:= delete; F =:= tab2list -> [table(set)];
args({ets, internal_delete_all, 2}) -> [table(set), undefined];
args({ets, safe_fixtable, 2}) ->
    Table = table(set),
    ets:safe_fixtable(Table, true),
    [ets:delete(Table, X) || X <- list()],
    [Table, false];
args({ets, internal_select_delete, 2}) -> [table(set), [{{'$1', '_'}, [{'>', '$1', 7}], [true]}]];
args({ets, select_replace, 2}) -> [table(set), [{{'$1', '_'}, [], [{{'$1', x}}]}]];
args({ets, F, 2}) when F =:= match; F =:= match_object -> [table(ordered_set), {'$1', '_'}];
args({ets, _, 2}) -> [table(ordered_set), [{{'$1', '_'}, [{'>', '$1', 7}], [true]}]];
args(_) -> exit(say_what_to_call_it_with).
