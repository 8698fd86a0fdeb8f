%% system_monitor, system_profile, erts_debug, erts_internal: what the runtime tells of itself.
-module(watching).
-compile([export_all, nowarn_export_all]).

try_it(F) -> try F() catch C:R -> {C, R} end.
%% Pids of this process as a name.
me(X) -> S = self(), case X of S -> me; {S, L} -> {me, L}; _ -> X end.

t_monitor_settings() ->
    S = self(),
    [me(try_it(fun() -> erlang:system_monitor(S, O) end)) || O <- [[], [a], [long_gc], [{long_gc, 0}], [{long_gc, 1}, {long_schedule, 0}, {large_heap, 5}], [{long_gc, -1}], [{long_gc, a}], [{large_heap, 1 bsl 70}],
        [{large_heap, 20000}], [busy_port, busy_dist_port, {long_gc, 10}, {long_schedule, 1}], a, [{busy_port, 1}], [{long_gc, 1, 2}]]]
    ++ [me(erlang:system_monitor()), me(try_it(fun() -> erlang:system_monitor(undefined) end)), erlang:system_monitor(), try_it(fun() -> erlang:system_monitor(x) end),
        try_it(fun() -> erlang:system_monitor({S, [busy_port]}) end), me(try_it(fun() -> erlang:system_monitor({x, y, z}) end)), me(try_it(fun() -> erlang:system_monitor(undefined, []) end)), me(erlang:system_monitor()),
        try_it(fun() -> erlang:system_monitor(x, [busy_port]) end), try_it(fun() -> erlang:system_monitor(x, []) end)].
t_monitor_owner_ends() ->
    {P, R} = spawn_monitor(fun() -> erlang:system_monitor(self(), [busy_port]), exit(element(2, erlang:system_monitor())) end),
    Why = receive {'DOWN', R, _, P, W} -> W end,
    timer:sleep(50),
    {Why, erlang:system_monitor()}.
%% The first message of each kind, numbers left out.
t_heavy_monitor_messages() ->
    erlang:system_monitor(self(), [{long_gc, 1}, {large_heap, 100000}]),
    {P, R} = spawn_monitor(fun() -> L = lists:seq(1, 3000000), garbage_collect(), exit(length(L)) end),
    receive {'DOWN', R, _, P, _} -> ok end,
    erlang:system_monitor(undefined),
    [shape(P, Tag) || Tag <- [long_gc, large_heap]].
shape(P, Tag) -> receive {monitor, P, Tag, Info} -> {Tag, [value(I) || I <- Info]} after 0 -> {none, Tag} end.
value({timeout, N}) when N > 1 -> timeout;
value({K, N}) when is_integer(N), N >= 0 -> K;
value({K, {M, F, A}}) when is_atom(M), is_atom(F), is_integer(A) -> {K, mfa};
value(X) -> X.
t_heavy_monitor_busy_port() ->
    process_flag(trap_exit, true),
    erlang:system_monitor(self(), [busy_port]),
    W = spawn(fun() -> Port = open_port({spawn, "sleep 5"}, [binary]), [catch erlang:port_command(Port, binary:copy(<<1>>, 10000)) || _ <- lists:seq(1, 100)] end),
    X = receive {monitor, W, busy_port, Port} when is_port(Port) -> {told, process_info(W, status)} after 2000 -> none end,
    exit(W, kill),
    erlang:system_monitor(undefined), X.
t_profile_settings() ->
    S = self(),
    Clear = fun(X) -> me(X) end,
    [Clear(try_it(fun() -> erlang:system_profile(S, O) end)) || O <- [[], [a], [runnable_ports, exclusive], [timestamp], [monotonic_timestamp], [strict_monotonic_timestamp], a, [{scheduler, 1}], [exclusive]]]
    ++ [me(erlang:system_profile()), me(erlang:system_profile(undefined, [])), erlang:system_profile(), try_it(fun() -> erlang:system_profile(x, [scheduler]) end), erlang:system_profile(undefined, [scheduler])].
t_profile_messages() ->
    Q = spawn(fun Loop() -> receive stop -> ok; _ -> Loop() end end),
    timer:sleep(20),
    [begin
        erlang:system_profile(self(), [runnable_procs, Stamp]),
        Q ! go,
        timer:sleep(50),
        erlang:system_profile(undefined, []),
        profiled(Q)
     end || Stamp <- [timestamp, monotonic_timestamp, strict_monotonic_timestamp]].
profiled(Q) -> receive {profile, Q, S, {M, _, A}, T} -> [{S, M, A, stamp(T)} | profiled(Q)] after 0 -> flush() end.
flush() -> receive _ -> flush() after 0 -> [] end.
stamp({A, B, C}) when is_integer(A), B < 1000000, C < 1000000 -> timestamp;
stamp({A, B}) when is_integer(A), is_integer(B) -> strict;
stamp(A) when is_integer(A) -> monotonic.
t_heavy_map_info() -> [erts_debug:map_info(maps:from_list([{I, I} || I <- lists:seq(1, N)])) || N <- [33, 100, 1000, 20000]] ++ [try_it(fun() -> erts_debug:map_info(X) end) || X <- [#{}, x, 1]].
t_dist_ext() ->
    [try_it(fun() -> erts_debug:dist_ext_to_term(T, B) end) || {T, B} <- [{{}, <<131, 97, 1>>}, {{}, <<97, 1>>}, {{a, b}, <<131, 104, 3, 82, 0, 82, 1, 82, 0>>}, {{a, b}, <<131, 82, 2>>}, {{a, 1}, <<131, 82, 0>>}, {x, <<131, 97, 1>>}, {{}, <<>>}, {{}, <<131>>}, {{}, x}, {{}, <<131, 106, 1, 2>>}]].
t_copy_shared() ->
    B = binary:copy(<<"x">>, 100), F = 1.5 + length(get_keys()),
    A = {F, B}, L = [A, A | A], T = {L, L, #{k => L}, fun() -> {L, A} end, maps:from_list([{I, A} || I <- lists:seq(1, 40)]), binary:part(B, 1, 80), <<B/bitstring, 1:1>>, 1 bsl 80, self()},
    C = erts_debug:copy_shared(T),
    [C =:= T, erts_debug:size_shared(C) =:= erts_debug:size_shared(T), erts_debug:same(C, T), erts_debug:same(element(1, C), element(2, C)),
     (element(4, C))() =:= (element(4, T))(), try_it(fun() -> erts_debug:copy_shared(T, x) end), erts_debug:copy_shared(T, true) =:= T, erts_debug:copy_shared(a), erts_debug:copy_shared([1, 2 | 3])].
t_heavy_copy_deep() -> L = lists:foldl(fun(I, A) -> {I, A, A} end, nil, lists:seq(1, 100)), {_, A, B} = erts_debug:copy_shared(L), erts_debug:same(A, B).
t_counting() -> [erts_debug:interpreter_size(), erts_debug:lcnt_clear(), erts_debug:lcnt_collect(), try_it(fun() -> erts_debug:lcnt_control(mask) end), try_it(fun() -> erts_debug:lcnt_control(copy_save, true) end), lists:all(fun is_list/1, erts_debug:instructions())].
t_system_check() -> [erts_internal:system_check(schedulers), try_it(fun() -> erts_internal:system_check(x) end), process_info(self(), messages)].
t_histograms() -> [try_it(fun() -> erts_internal:F(X) end) || F <- [gather_alloc_histograms, gather_carrier_info], X <- [{nothing, 0, 10, 128, make_ref()}]].
