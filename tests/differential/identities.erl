%% Pids, ports and references that have been elsewhere: of this node under another creation, of other nodes,
%% and those that come back; which processes there are.
-module(identities).
-compile([export_all, nowarn_export_all]).

former() -> case erlang:system_info(creation) of C when C =< 4 -> 16#FFFFFFFF; C -> C - 1 end.
me() -> atom_to_binary(node()).
mk_pid(Name, Creation) -> binary_to_term(<<131, 88, 119, (byte_size(Name)), Name/binary, 4711:32, 17:32, Creation:32>>).
mk_port(Name, Creation) -> binary_to_term(<<131, 89, 119, (byte_size(Name)), Name/binary, 4711:32, Creation:32>>).
mk_ref(Name, Creation) -> binary_to_term(<<131, 90, 3:16, 119, (byte_size(Name)), Name/binary, Creation:32, 4711:32, 47:32, 11:32>>).
former_ends() -> {mk_pid(me(), former()), mk_port(me(), former()), mk_ref(me(), former())}.
far_ends() -> {mk_pid(<<"x@far">>, 3), mk_port(<<"x@far">>, 3), mk_ref(<<"x@far">>, 3)}.

%% What a call gives, and the message that comes of it.
try_it(F) ->
    R = try F() catch C:W -> {C, W} end,
    M = receive X when is_tuple(X) -> [plain(E) || E <- tuple_to_list(X)]; X -> X after 10 -> none end,
    {plain(R), M}.
plain(X) when is_reference(X) -> ref;
plain(X) when is_pid(X), node(X) =:= 'x@far' -> far_pid;
plain(X) -> X.
died(F) -> {_, M} = spawn_monitor(F), receive {'DOWN', M, _, _, {W, _}} -> W; {'DOWN', M, _, _, W} -> W end.

calls({Pid, Port, Ref}) ->
    process_flag(trap_exit, true),
    [try_it(F) || F <- [
        fun() -> monitor(process, Pid) end,
        fun() -> monitor(process, Port) end,
        fun() -> monitor(port, Pid) end,
        fun() -> monitor(port, Port) end,
        fun() -> monitor(port, Port, [{tag, x}, {alias, demonitor}]) end,
        fun() -> R = monitor(port, Port), [demonitor(R, [info]), demonitor(R, [info, flush])] end,
        fun() -> R = monitor(port, Port), {monitors, L} = process_info(self(), monitors), demonitor(R, [flush]), length(L) end,
        fun() -> R = monitor(process, Pid), {monitors, L} = process_info(self(), monitors), demonitor(R, [flush]), length(L) end,
        fun() -> link(Pid) end,
        fun() -> link(Port) end,
        fun() -> unlink(Pid) end,
        fun() -> unlink(Port) end,
        fun() -> exit(Pid, x) end,
        fun() -> exit(Port, x) end,
        fun() -> demonitor(Ref) end,
        fun() -> demonitor(Ref, [flush, info]) end,
        fun() -> unalias(Ref) end,
        fun() -> Pid ! x end,
        fun() -> Port ! x end,
        fun() -> Ref ! x end,
        fun() -> erlang:send(Pid, x, [noconnect]) end,
        fun() -> erlang:send(Port, x, [noconnect]) end,
        fun() -> erlang:send(Ref, x, [noconnect]) end,
        fun() -> erlang:send(Pid, x, [nosuspend]) end,
        fun() -> erlang:send_nosuspend(Pid, x) end,
        fun() -> erlang:port_info(Port) end,
        fun() -> erlang:port_info(Port, name) end,
        fun() -> port_command(Port, "x") end,
        fun() -> port_close(Port) end,
        fun() -> port_connect(Port, self()) end,
        fun() -> process_info(Pid) end,
        fun() -> process_info(Pid, status) end,
        fun() -> process_info(Pid, [nonsense]) end,
        fun() -> is_process_alive(Pid) end,
        fun() -> register(a_name, Pid) end,
        fun() -> register(a_name, Port) end,
        fun() -> group_leader(self(), Pid) end,
        fun() -> erlang:suspend_process(Pid) end,
        fun() -> erlang:garbage_collect(Pid) end,
        fun() -> erlang:check_process_code(Pid, lists) end,
        fun() -> erlang:send_after(1, Pid, x) end,
        fun() -> erlang:process_flag(Pid, save_calls, 1) end,
        fun() -> died(fun() -> link(Pid), receive after infinity -> ok end end) end,
        fun() -> died(fun() -> link(Port), receive after infinity -> ok end end) end]].
t_former_self() -> calls(former_ends()).
t_far_nodes() -> calls(far_ends()).
t_named_elsewhere() ->
    [try_it(F) || F <- [
        fun() -> monitor(process, {a, 'x@far'}) end,
        fun() -> monitor(port, {a, 'x@far'}) end,
        fun() -> monitor(port, {a, node()}) end,
        fun() -> {a, 'x@far'} ! x end,
        fun() -> erlang:send({a, 'x@far'}, x, [noconnect]) end,
        fun() -> erlang:send({a, node()}, x, [noconnect]) end]].
%% The group leader may be anybody.
t_far_leader() ->
    {Pid, _, _} = far_ends(),
    GL = group_leader(),
    true = group_leader(Pid, self()),
    garbage_collect(),
    R = {group_leader() =:= Pid, plain(element(2, process_info(self(), group_leader)))},
    group_leader(GL, self()),
    R.

there_and_back(X) -> [binary_to_term(term_to_binary(X)), list_to_ref(ref_to_list(X)), list_to_ref(lists:flatten(io_lib:format("~p", [X])))].
told() -> receive X -> X after 20 -> none end.
t_aliases_come_back() ->
    A = alias(),
    Backs = there_and_back(A),
    Now = [begin B ! {to, N}, told() end || {N, B} <- lists:zip([1, 2, 3], Backs)],
    unalias(A),
    Later = [begin B ! late, told() end || B <- there_and_back(A) ++ Backs],
    {[B =:= A || B <- Backs], Now, Later}.
t_aliases_of_others_come_back() ->
    Me = self(),
    P = spawn_link(fun() ->
        A = alias([reply]), Me ! {a, A},
        X = told_from(A), receive after 20 -> ok end, Me ! {got, X, told()} end),
    A = receive {a, Z} -> Z end,
    [B, C, D] = there_and_back(A),
    B ! {to, 1}, C ! {to, 2}, D ! {to, 3},
    X = receive {got, Y, W} -> {Y, W} end,
    unlink(P),
    E = binary_to_term(term_to_binary(A)),
    E ! nobody,
    {X, E =:= A}.
told_from(_) -> receive X -> X end.
t_monitor_aliases_come_back() ->
    P = spawn(fun() -> receive {From, A} -> binary_to_term(A) ! {reply, From =:= element(2, process_info(self(), parent))} end end),
    R = monitor(process, P, [{alias, reply_demonitor}]),
    P ! {self(), term_to_binary(R)},
    X = receive Y -> Y end,
    binary_to_term(term_to_binary(R)) ! again,
    {X =:= {reply, true} orelse X, told(), demonitor(R, [info])}.
t_magic_references_come_back() ->
    A = atomics:new(2, []),
    C = counters:new(1, []),
    [begin atomics:add(B, 1, 1), atomics:put(B, 2, 7) end || B <- there_and_back(A)],
    {atomics:get(A, 1), atomics:get(hd(there_and_back(A)), 2), counters:get(C, 1), [B =:= A || B <- there_and_back(A)]}.
t_dead_magic_references() ->
    Bin = dead_atomics(),
    garbage_collect(),
    R = binary_to_term(Bin),
    {is_reference(R), try atomics:get(R, 1) catch error:W -> W end}.
dead_atomics() -> A = atomics:new(1, []), term_to_binary(A).
%% How many references there are to what it refers to.
t_magic_references_are_counted() ->
    with_states(fun() ->
        {M, At} = erts_debug:set_internal_state(make, magic_ref),
        Count = fun(X) -> case erts_debug:get_internal_state({magic_ref, X}) of {At, N, true} -> N; Y -> Y end end,
        One = Count(M),
        M2 = binary_to_term(term_to_binary(M)),
        Two = {Count(M), Count(M2), M =:= M2},
        {P, R} = spawn_monitor(fun() -> receive {M3, From} -> From ! {count, Count(M3)} end end),
        P ! {M, self()},
        Three = receive {count, N} -> N end,
        %% Until now they are in use.
        true = M =:= M2,
        receive {'DOWN', R, process, P, _} -> ok end,
        true = M =:= M2,
        Ext = other_magic(),
        garbage_collect(),
        {M4, _} = binary_to_term(Ext),
        {One, Two, Three, Count(M4)}
    end).
other_magic() -> term_to_binary(erts_debug:set_internal_state(make, magic_ref)).
with_states(Fun) ->
    Was = erts_debug:set_internal_state(available_internal_state, true),
    Result = Fun(),
    erts_debug:set_internal_state(available_internal_state, Was),
    Result.

%% What a compiled specification refers to.
t_references_of_specifications() ->
    with_states(fun() ->
        {Pid, Port, Ref} = {mk_pid(<<"spec@far">>, 1), mk_port(<<"spec@far">>, 1), mk_ref(<<"spec@far">>, 1)},
        Some = selected(Pid, Port, Ref),
        garbage_collect(),
        {Some, counted(binary), counted(ets)}
    end).
selected(Pid, Port, Ref) ->
    Tab = ets:new(x, []),
    ets:insert(Tab, [{a, Pid, Port, Ref}, {b, self(), Port, Ref}, {d, Pid, Port, Ref}]),
    {M1, C1} = ets:select(Tab, [{{'$1', Pid, Port, Ref}, [{'=/=', '$1', {const, Port}}], ['$1', {{Pid}}]}], 1),
    Some = {counted(binary), counted(ets)},
    {M2, C2} = ets:select(C1),
    Same = counted(binary),
    '$end_of_table' = ets:select(C2),
    '$end_of_table' = ets:select(element(2, ets:select(C1))),
    ets:delete(Tab),
    {Some, Same, length(M1 ++ M2)}.
counted(Kind) ->
    {{_, Nodes}, _} = erts_debug:get_internal_state(node_and_dist_references),
    {_, _, Holders} = lists:keyfind({'spec@far', 1}, 1, Nodes),
    lists:sum([N || {_, Kinds} <- Holders, {K, N} <- Kinds, K =:= Kind]).

%% All processes are those of one moment, though others end while they are listed: of two of which one
%% ends before the other the second is never missed alone.
t_heavy_processes_of_one_moment() ->
    [Sooner, Later] = [[spawn(fun wait/0) || _ <- lists:seq(1, 4000)] || _ <- [1, 2]],
    Pairs = lists:zip(Sooner, Later),
    {_, M} = spawn_monitor(fun() -> [[ended(P), ended(Q)] || {P, Q} <- Pairs] end),
    lists:usort(moments(M, Pairs)).
moments(M, Pairs) ->
    All = maps:from_keys(processes(), there),
    Wrong = [P || {P, Q} <- Pairs, is_map_key(P, All), not is_map_key(Q, All)],
    receive {'DOWN', M, _, _, _} -> [length(Wrong)] after 0 -> [length(Wrong) | moments(M, Pairs)] end.
wait() -> receive after infinity -> ok end.
ended(P) -> R = monitor(process, P), exit(P, kill), receive {'DOWN', R, _, _, _} -> ok end.

%% Where the caller is, also if signals had to be seen first.
t_info_of_itself_after_signals() ->
    Me = self(),
    A = atomics:new(1, []),
    P = spawn_link(fun() -> sends(Me, A, 0) end),
    Rs = [begin atomics:put(A, 1, 1), spin(A), here() end || _ <- lists:seq(1, 50)],
    unlink(P), exit(P, kill),
    lists:usort([F || [_, F] <- Rs]).
here() -> process_info(self(), [message_queue_len, current_function]).
spin(A) -> case atomics:get(A, 1) of 2 -> ok; _ -> spin(A) end.
sends(To, A, N) -> case atomics:get(A, 1) of 1 -> To ! N, atomics:put(A, 1, 2), sends(To, A, N + 1); _ -> erlang:yield(), sends(To, A, N) end.

%% More come while it looks at many.
t_heavy_many_messages_of_itself() ->
    Me = self(),
    {P, M} = spawn_monitor(fun() -> [Me ! {N, [N, N]} || N <- lists:seq(1, 30000)] end),
    many(P, M).
many(P, M) ->
    {messages, L} = process_info(self(), messages),
    case lists:keymember(M, 2, L) of
        true -> {length(L), [process_info(self(), message_queue_len)]};
        false -> many(P, M)
    end.

%% Who was sent a message before the question waits no more.
t_status_of_who_is_woken() ->
    process_flag(scheduler, 1),
    process_flag(priority, high),
    Waits = fun() -> receive go -> receive after infinity -> ok end end end,
    Sleeps = fun() -> erlang:hibernate(?MODULE, wait, []) end,
    R = [begin
        P = spawn_opt(F, [{scheduler, 1}]),
        waiting(P),
        P ! M,
        {status, S} = process_info(P, status),
        exit(P, kill),
        {S =:= waiting, M}
    end || F <- [Waits, Sleeps], M <- [go, not_expected]],
    process_flag(scheduler, 0),
    R.
waiting(P) -> case process_info(P, status) of {_, waiting} -> ok; _ -> receive after 1 -> waiting(P) end end.

%% Of tasks for a process a low one comes after eight normal ones.
t_low_tasks_among_normal_ones() ->
    process_flag(priority, high),
    process_flag(scheduler, 1),
    P = spawn_opt(fun() -> receive after infinity -> ok end end, [{scheduler, 1}]),
    Ask = fun(Prio, From, To) -> [erts_internal:request_system_task(P, Prio, {system_task_test, {Prio, N}}) || N <- lists:seq(From, To)] end,
    Answers = fun(Count) -> [receive {system_task_test, {Prio, N}, true} -> {Prio, N} end || _ <- lists:seq(1, Count)] end,
    Ask(low, 0, 1), Ask(normal, 0, 10), Ask(low, 2, 4), Ask(normal, 11, 26), Ask(high, 0, 1),
    One = Answers(34),
    Ask(low, 0, 1), Ask(normal, 0, 20),
    Two = Answers(23),
    process_flag(scheduler, 0),
    exit(P, kill),
    {One, Two}.
