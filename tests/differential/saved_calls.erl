%% The last calls of a process, as `process_flag(save_calls, N)` keeps them.
-module(saved_calls).
-compile([export_all, nowarn_export_all]).

on(N) -> process_flag(save_calls, N).

last() -> element(2, process_info(self(), last_calls)).

exported() -> ok.

exported(X) -> X.

unexported(X) -> X.

t_off() -> {last(), on(0), on(0), last()}.

t_kinds_of_calls() ->
    on(10),
    _ = lists:reverse([1]),
    ?MODULE:exported(),
    unexported(1),
    ?MODULE:exported(2),
    Last = last(),
    {Last, on(0), last()}.

t_first_call() -> on(10), ?MODULE:exported(), last().

t_first_call_local() -> on(10), unexported(2), ?MODULE:exported(), last().

t_messages() ->
    on(40),
    self() ! a,
    receive a -> ok end,
    receive after 0 -> ok end,
    receive after 1 -> ok end,
    receive x -> ok after 1 -> ok end,
    erlang:send(self(), b),
    erlang:send(self(), b, [noconnect]),
    receive b -> ok end,
    receive b -> ok after 10 -> ok end,
    last().

t_large_message() ->
    on(4),
    self() ! lists:seq(1, 5),
    Large = lists:seq(1, 20000),
    {Pid, Ref} = spawn_monitor(fun() -> receive M -> exit(length(M)) end end),
    Pid ! Large,
    Saved = last(),
    {Saved, receive {'DOWN', Ref, process, Pid, R} -> R end}.

t_receivers() ->
    on(20),
    Alias = erlang:alias(),
    Alias ! x,
    register(t_receivers, self()),
    t_receivers ! z,
    {t_receivers, node()} ! y,
    catch (no_such_name ! x),
    catch ({a, b, c} ! x),
    catch ({no_such_name, node()} ! x),
    catch (5 ! x),
    erlang:send_nosuspend(self(), t),
    last().

t_port() ->
    on(6),
    Port = open_port({spawn, "cat"}, []),
    Port ! {self(), {command, "x"}},
    Saved = last(),
    receive {Port, {data, "x"}} -> port_close(Port) end,
    Saved.

t_apply() ->
    on(20),
    External = fun ?MODULE:exported/0,
    External(),
    Local = fun() -> ok end,
    Local(),
    (fun lists:reverse/1)([]),
    M = unexported(?MODULE),
    M:exported(),
    apply(M, exported, []),
    apply(External, []),
    apply(Local, []),
    A = unexported(apply),
    erlang:A(M, exported, []),
    erlang:A(External, []),
    apply(lists, reverse, [[a, b]]),
    last().

t_operators() ->
    on(10),
    X = unexported([1]),
    _ = {length(X), abs(hd(X)), self(), element(1, {a}), X ++ X},
    apply(erlang, '+', [1, 2]),
    last().

tail() -> ?MODULE:exported().

tail(X) -> Y = unexported(X), lists:reverse(Y).

t_tail_calls() -> on(5), tail(), tail([1]), [?MODULE:exported() || _ <- lists:seq(1, 7)], last().

t_raising() ->
    on(10),
    catch erlang:error(x),
    catch exit(y),
    catch throw(z),
    catch lists:nth(a, b),
    catch binary_to_list(unexported(1)),
    try ?MODULE:clause(1) catch _:_ -> ok end,
    last().

clause(2) -> ok.

t_undefined() ->
    _ = code:ensure_loaded(?MODULE),
    on(3),
    catch ?MODULE:no_such_function(unexported(1)),
    hd(last()).

t_ring() -> on(3), self() ! x, ring(), last().

ring() -> lists:foreach(fun(X) -> put(X, X) end, [1, 2]).

t_many() -> on(5), repeated(20000), last().

repeated(0) -> ok;
repeated(N) -> ?MODULE:exported(), repeated(N - 1).

t_collections() ->
    on(5),
    Sum = lists:sum([length(?MODULE:exported(lists:seq(1, 100))) || _ <- lists:seq(1, 2000)]),
    erlang:garbage_collect(),
    {Sum, last()}.

t_new_size() ->
    on(10),
    lists:reverse([]),
    ?MODULE:exported(),
    Before = last(),
    Old = on(3),
    After = last(),
    lists:reverse([]),
    {Before, Old, After, last()}.

t_sensitive() ->
    on(10),
    process_flag(sensitive, true),
    ?MODULE:exported(),
    ?MODULE:exported(),
    Saved = last(),
    process_flag(sensitive, false),
    {Saved, last()}.

loop() -> receive {From, go} -> ?MODULE:exported(), From ! go, ?MODULE:loop() end.

go(Pid) -> Pid ! {self(), go}, receive go -> ok end.

%% What it does behind its answer.
settled(Pid) ->
    case process_info(Pid, [status, last_calls]) of
        [{status, waiting}, {last_calls, Calls}] -> Calls;
        _ -> erlang:yield(), settled(Pid)
    end.

t_of_another() ->
    P = spawn(?MODULE, loop, []),
    waiting = element(2, waiting(P)),
    Old = process_flag(P, save_calls, 8),
    go(P),
    go(P),
    Calls = settled(P),
    {Old, Calls, process_flag(P, save_calls, 0), process_info(P, last_calls)}.

waiting(P) ->
    case process_info(P, status) of
        {status, waiting} = Waiting -> Waiting;
        _ -> erlang:yield(), waiting(P)
    end.

t_hibernating() ->
    P = spawn(fun() -> on(10), ?MODULE:exported(), erlang:hibernate(?MODULE, loop, []) end),
    waiting(P),
    go(P),
    settled(P).

t_dead() ->
    {P, R} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', R, _, _, _} -> ok end,
    {try process_flag(P, save_calls, 1) catch C:E -> {C, E} end, process_info(P, last_calls)}.

t_wrong_numbers() ->
    [try on(N) catch C:R:S -> {C, R, hd(S)} end
     || N <- [-1, a, 1.0, 10001, 10000, 1 bsl 70, 0]].

%% No more reductions than a turn has.
t_bumped() ->
    Reductions = fun() -> element(2, process_info(self(), reductions)) end,
    [begin
         Before = Reductions(),
         Bumped = (catch element(1, {erlang:bump_reductions(N)})),
         {N, Bumped, Reductions() - Before < 5000}
     end || N <- [0, 1, 4000, 5000, 1 bsl 31]].

%% Processes that save calls end their turns too.
t_turns_end() ->
    Spin = fun Spin() -> ?MODULE:exported(), Spin() end,
    Ps = [spawn(fun() -> on(2), Spin() end)
          || _ <- lists:seq(1, 2 * erlang:system_info(schedulers))],
    receive after 20 -> ok end,
    [exit(P, kill) || P <- Ps],
    done.
