%% Processes: messages, links, monitors, exits, timers, names.
-module(processes).
-compile([export_all, nowarn_export_all]).

t_echo() -> P = spawn(fun echo/0), P ! {self(), hello}, receive {P, X} -> X end.
t_order() -> S = self(), spawn(fun() -> [S ! N || N <- lists:seq(1, 100)] end), [receive N -> N end || N <- lists:seq(1, 100)].
t_selective() -> [self() ! N || N <- lists:seq(1, 10)], [receive N -> N end || N <- lists:reverse(lists:seq(1, 10))].
t_after_zero() -> receive x -> x after 0 -> none end.
t_after() -> T = erlang:monotonic_time(millisecond), receive x -> x after 30 -> ok end, D = erlang:monotonic_time(millisecond) - T, {D >= 30, D < 2000}.
t_after_message() -> self() ! b, receive a -> a after 20 -> receive b -> late end end.
t_system_priorities() -> [process_info(P, [initial_call, priority]) || P <- lists:sublist(processes(), 6)].
t_bad_timeout() -> receive x -> x after id(foo) -> ok end.
t_link_exit() -> process_flag(trap_exit, true), P = spawn_link(fun() -> exit(oops) end), receive {'EXIT', P, R} -> R end.
t_link_normal() -> process_flag(trap_exit, true), P = spawn_link(fun() -> ok end), receive {'EXIT', P, R} -> R end.
t_link_error() -> process_flag(trap_exit, true), P = spawn_link(fun() -> error(bad, [1]) end), receive {'EXIT', P, {R, [{M, F, A, _} | _]}} -> {R, M, F, A} end.
t_link_noproc() -> process_flag(trap_exit, true), P = dead(), link(P), receive {'EXIT', P, R} -> R end.
t_link_noproc_error() -> link(dead()).
t_unlink() -> process_flag(trap_exit, true), P = spawn_link(fun wait/0), unlink(P), exit(P, kill), receive X -> X after 50 -> none end.
t_exit_trapped() -> process_flag(trap_exit, true), exit(self(), foo), receive {'EXIT', _, R} -> R end.
t_reductions_left() -> erts_debug:set_internal_state(available_internal_state, true), [try erts_debug:set_internal_state(reds_left, N) catch error:E -> E end || N <- [1, 4000, 5000, 1 bsl 62, 1 bsl 63, 1 bsl 64 - 1, 1 bsl 64, -1, a]].
t_heavy_returns_cost_reductions() -> {_, A} = process_info(self(), reductions), L = nest(100000), {_, B} = process_info(self(), reductions), {length(L), B - A >= 200000}.
t_exit_self_large() -> [begin {P, R} = spawn_monitor(fun() -> process_flag(trap_exit, T), exit(self(), lists:seq(1, 5000)), exit({went_on, receive {'EXIT', _, W} -> length(W) after 0 -> none end}) end), receive {'DOWN', R, process, P, [1 | _] = L} -> length(L); {'DOWN', R, _, _, X} -> X end end || T <- [false, true]].
t_exit_large() ->
    process_flag(trap_exit, true),
    [begin
         {P, R} = spawn_opt(fun() -> register(going, self()), D(lists:seq(1, 20000)), ok end, [link, monitor]),
         {receive {'DOWN', R, process, P, X} -> large(X) end, receive {'EXIT', P, Y} -> large(Y) end,
          is_process_alive(P), process_info(P), whereis(going)}
     end || D <- [fun erlang:exit/1, fun erlang:error/1, fun erlang:throw/1, fun(L) -> not_this = L end, fun lists:last/1,
                  fun(L) -> put(x, L), exit({L, L, list_to_binary(lists:duplicate(100, 1))}) end]].
t_exit_large_in_time() ->
    {P, R} = spawn_monitor(fun() -> receive L when is_list(L) -> exit(L) end end),
    L = lists:seq(1, 20000), P ! L,
    [P ! X || X <- lists:seq(1, 100)], M = monitor(process, P),
    {receive {'DOWN', R, _, _, X} -> X =:= L end, receive {'DOWN', M, _, _, Y} -> Y =:= L orelse Y =:= noproc end}.
t_heavy_dictionary_large_keys() ->
    [K, L] = [[X || X <- lists:seq(1, 40000)] || _ <- [1, 2]], M = [0 | K],
    [put(K, a), get(L), put(L, b), put(M, c), get(K), get(M), erase(L), get(K), erase(K), get([1 | M]), get_keys(c) =:= [M], process_info(self(), dictionary) =:= {dictionary, [{M, c}]}].
t_heavy_dictionary_many() ->
    [put(X, -X) || X <- lists:seq(1, 20000)], [erase(X) || X <- lists:seq(1, 20000, 3)], [put({X}, X) || X <- lists:seq(1, 5000)],
    {dictionary, D} = process_info(self(), dictionary), S = self(),
    spawn(fun() -> S ! {info, process_info(S, [dictionary, status]), process_info(S, dictionary)} end),
    {info, [{dictionary, E}, {status, _}], {dictionary, F}} = receive I -> I end,
    {length(D), D =:= E, E =:= F, lists:sort(D) =:= lists:sort(get()), get(1), get(2), get({7}), erlang:phash2(lists:sort(D))}.
t_heavy_info_large() ->
    S = self(),
    {P, R} = spawn_monitor(fun() -> put(large, lists:seq(1, 30000)), [spawn_link(fun wait/0) || _ <- lists:seq(1, 20)], S ! ready, receive stop -> exit(done) end end),
    receive ready -> ok end,
    [P ! {X, lists:seq(1, 100)} || X <- lists:seq(1, 1000)],
    {messages, M} = process_info(P, messages), [{links, L}, {dictionary, D}, {messages, N}] = process_info(P, [links, dictionary, messages]),
    P ! stop, W = receive {'DOWN', R, _, _, X1} -> X1 end,
    [self() ! {X, lists:seq(1, 100)} || X <- lists:seq(1, 1000)], {messages, O} = process_info(self(), messages),
    {length(M), M =:= N, M =:= O, length(L), length(proplists:get_value(large, D)), W, process_info(P, messages)}.
t_heavy_hibernate_large() ->
    [begin
         {P, R} = spawn_monitor(fun() -> L = [{X, X} || X <- lists:seq(1, 60000)], [self() ! early || _ <- [1], E], erlang:hibernate(?MODULE, woken_with, [L]) end),
         [hibernated(P) || not E], garbage_collect(P), P ! wake,
         {E, receive {'DOWN', R, _, _, W} -> W end}
     end || E <- [false, true]].
t_exit_normal_self() -> process_flag(trap_exit, true), exit(self(), normal), receive {'EXIT', _, R} -> R end.
t_kill() -> {P, R} = spawn_monitor(fun wait/0), exit(P, kill), receive {'DOWN', R, process, P, W} -> W end.
t_kill_trapped() -> {P, R} = spawn_monitor(fun() -> process_flag(trap_exit, true), wait() end), exit(P, kill), receive {'DOWN', R, process, P, W} -> W end.
t_exit_normal_ignored() -> {P, R} = spawn_monitor(fun wait/0), exit(P, normal), receive {'DOWN', R, _, _, W} -> W after 50 -> P ! stop, alive end.
t_cascade() -> process_flag(trap_exit, true), P = spawn_link(fun() -> spawn_link(fun() -> exit(inner) end), wait() end), receive {'EXIT', P, R} -> R end.
t_killed_cascade() -> process_flag(trap_exit, true), P = spawn_link(fun() -> Q = spawn_link(fun wait/0), exit(Q, kill), wait() end), receive {'EXIT', P, R} -> R end.
t_monitor() -> P = spawn(fun wait/0), R = monitor(process, P), P ! stop, receive {'DOWN', R, process, P, W} -> W end.
t_monitor_dead() -> P = dead(), R = monitor(process, P), receive {'DOWN', R, process, P, W} -> W end.
t_monitor_name() -> R = monitor(process, nobody), receive {'DOWN', R, process, O, W} -> {O, W} end.
t_monitor_no_port() -> [begin R = monitor(port, N), receive {'DOWN', R, K, O, W} -> {K, O, W} end end || N <- [nobody, {nobody, node()}]].
t_demonitor() -> P = spawn(fun wait/0), R = monitor(process, P), demonitor(R), exit(P, kill), receive X -> X after 30 -> none end.
t_demonitor_flush() -> P = dead(), R = monitor(process, P), timer_wait(20), demonitor(R, [flush]), receive X -> X after 0 -> none end.
t_demonitor_info() -> P = spawn(fun wait/0), R = monitor(process, P), A = demonitor(R, [info]), {A, demonitor(R, [info])}.
t_monitor_tag() -> P = dead(), R = monitor(process, P, [{tag, {my, tag}}]), receive {{my, tag}, R, process, P, W} -> W end.
t_alias() -> A = alias(), S = spawn(fun() -> receive go -> A ! hi, A ! again end end), S ! go, X = receive hi -> hi end, Y = receive again -> again end, unalias(A), A ! lost, {X, Y, receive lost -> lost after 20 -> none end}.
t_alias_reply() -> A = alias([reply]), A ! one, A ! two, {receive one -> one end, receive two -> two after 20 -> none end}.
t_monitor_alias() -> {P, R} = {spawn(fun() -> receive {From, X} -> From ! {From, X} end end), undefined}, M = monitor(process, P, [{alias, reply_demonitor}]), P ! {M, hi}, {R, receive {M, Y} -> Y end, receive {'DOWN', _, _, _, W} -> W after 20 -> none end}.
t_spawn_monitor() -> {P, R} = spawn_monitor(fun() -> exit(x) end), receive {'DOWN', R, process, P, W} -> W end.
t_spawn_opt() -> {P, R} = spawn_opt(fun() -> exit(process_info(self(), priority)) end, [monitor, {priority, high}, {min_heap_size, 1000}]), receive {'DOWN', R, process, P, W} -> W end.
t_spawn_badarg() -> spawn(not_an_atom, 1, []).
t_spawn_undef() -> {_, R} = spawn_monitor(no_such_module, f, [1, 2]), receive {'DOWN', R, _, _, {W, [{M, F, A, _} | _]}} -> {W, M, F, A} end.
t_register() -> register(me_here, self()), X = {whereis(me_here) =:= self(), lists:member(me_here, registered()), process_info(self(), registered_name)}, unregister(me_here), {X, whereis(me_here)}.
t_register_twice() -> register(me_once, self()), register(me_once, self()).
t_register_dead() -> register(ghost, dead()).
t_send_name() -> register(named, self()), named ! hi, receive hi -> ok end.
t_send_no_name() -> no_such_name ! hi.
t_send_name_node() -> {no_such_name, node()} ! hi.
t_name_gone() -> P = spawn(fun wait/0), register(soon_gone, P), R = monitor(process, P), P ! stop, receive {'DOWN', R, _, _, _} -> whereis(soon_gone) end.
t_timer() -> R = erlang:start_timer(10, self(), hi), receive {timeout, R, X} -> X end.
t_send_after() -> erlang:send_after(10, self(), hi), receive hi -> hi end.
t_cancel() -> R = erlang:send_after(10000, self(), hi), L = erlang:cancel_timer(R), {is_integer(L), L > 9000, erlang:cancel_timer(R)}.
t_read_timer() -> R = erlang:send_after(10000, self(), hi), L = erlang:read_timer(R), erlang:cancel_timer(R), {L > 9000, erlang:read_timer(R)}.
t_timer_order() -> [erlang:send_after(T, self(), T) || T <- [50, 10, 30]], [receive X -> X end || _ <- [1, 2, 3]].
t_dictionary() -> put(a, 1), put(b, 2), {put(a, 3), get(a), erase(b), get(b), lists:sort(get()), get_keys(3)}.
t_group_leader() -> G = group_leader(), P = spawn(fun() -> receive {S} -> S ! {g, group_leader()} end end), P ! {self()}, receive {g, H} -> G =:= H end.
t_trap_flag() -> {process_flag(trap_exit, true), process_flag(trap_exit, false), process_info(self(), trap_exit)}.
t_bad_flag() -> process_flag(no_such_flag, 1).
t_is_alive() -> P = spawn(fun wait/0), A = is_process_alive(P), exit(P, kill), {A, is_process_alive(P), is_process_alive(self())}.
t_is_alive_many() -> lists:usort([begin P = spawn(fun wait/0), exit(P, kill), is_process_alive(P) end || _ <- lists:seq(1, 500)]).
t_info_other() -> P = spawn(fun wait/0), P ! a, P ! b, timer_wait(10), R = process_info(P, [message_queue_len, messages, status]), exit(P, kill), R.
t_info_dead() -> process_info(dead(), status).
t_info_links() -> process_flag(trap_exit, true), P = spawn_link(fun wait/0), {links, L} = process_info(self(), links), lists:member(P, L).
t_info_bad() -> process_info(self(), no_such_item).
t_hibernate() -> {P, R} = spawn_monitor(fun() -> erlang:hibernate(?MODULE, woken, [1]) end), P ! wake, receive {'DOWN', R, _, _, W} -> W end.
t_heavy_many() -> S = self(), Ps = [spawn(fun() -> receive go -> S ! N end end) || N <- lists:seq(1, 2000)], [P ! go || P <- Ps], lists:sum([receive N -> N end || _ <- Ps]).
t_heavy_ring() -> L = lists:foldl(fun(_, Next) -> spawn(fun() -> forward(Next) end) end, self(), lists:seq(1, 500)), L ! 0, receive N -> N end.
t_heavy_big_message() -> S = self(), T = [{N, integer_to_list(N), <<N:64>>} || N <- lists:seq(1, 5000)], P = spawn(fun() -> receive X -> S ! {back, erlang:phash2(X), X =:= T} end end), P ! T, receive {back, H, E} -> {H, E} end.
t_binary_message() -> B = binary:copy(<<"abc">>, 1000), S = self(), P = spawn(fun() -> receive X -> S ! binary:part(X, 5, 10) end end), P ! B, receive Y -> Y end.
t_heavy_gc_sender() -> S = self(), P = spawn(fun() -> collect(S, 200, []) end), [P ! {N, lists:duplicate(50, N)} || N <- lists:seq(1, 200)], receive {sum, X} -> X end.
t_heavy_mailbox_gc() -> [self() ! {N, lists:duplicate(20, N)} || N <- lists:seq(1, 500)], garbage_collect(), lists:sum([receive {N, L} -> length(L) + N end || N <- lists:reverse(lists:seq(1, 500))]).
t_suspend() -> P = spawn(fun echo/0), erlang:suspend_process(P), P ! {self(), x}, A = receive {P, X} -> X after 30 -> none end, erlang:resume_process(P), {A, receive {P, Y} -> Y end}.
t_suspend_on_the_way_to_receive() -> lists:usort([suspended_echo() || _ <- lists:seq(1, 300)]).
t_counters() ->
    C = counters:new(9, [write_concurrency]), S = self(),
    Ps = [spawn(fun() -> [counters:add(C, 9, 1) || _ <- lists:seq(1, 1000)], S ! done end) || _ <- lists:seq(1, 8)],
    [receive done -> ok end || _ <- Ps],
    Sum = counters:get(C, 9), ok = counters:put(C, 9, -5), ok = counters:sub(C, 9, 3),
    Bad = try counters:get(C, 10) catch error:badarg -> badarg end,
    {Sum, counters:get(C, 9), counters:get(C, 8), maps:get(size, counters:info(C)), Bad}.
t_max_heap_counts_messages() ->
    {P, R} = spawn_opt(fun() -> receive after infinity -> ok end end, [monitor, {max_heap_size, #{size => 1024, kill => true, error_logger => false}}, {message_queue_data, on_heap}]),
    [P ! lists:duplicate(N, N) || N <- lists:seq(1, 100)],
    process_info(P, messages), garbage_collect(P),
    receive {'DOWN', R, process, P, Reason} -> Reason after 5000 -> lives end.
t_monitor_node() -> [try F() catch C:R -> {C, R} end || F <- [fun() -> monitor_node(node(), true) end, fun() -> monitor_node(a@b, true) end, fun() -> monitor_node(1, true) end, fun() -> monitor_node(node(), x) end, fun() -> erlang:monitor_node(node(), true, [allow_passive_connect]) end, fun() -> erlang:monitor_node(a@b, true, [x]) end]].
t_spawn_request() -> R = spawn_request(fun() -> ok end, [{reply_tag, tagged}]), receive {tagged, R, ok, P} -> is_pid(P) end.
t_exit_reason_big() -> {_, R} = spawn_monitor(fun() -> exit(lists:seq(1, 1000)) end), receive {'DOWN', R, _, _, W} -> length(W) end.
t_registered_send_self() -> register(me_self, self()), me_self ! {a, [1, 2]}, receive X -> X end.
t_raise_in_spawn() -> {_, R} = spawn_monitor(fun() -> throw(ball) end), receive {'DOWN', R, _, _, {W, _}} -> W end.

suspended_echo() ->
    P = spawn(fun echo/0),
    erlang:suspend_process(P),
    P ! {self(), x},
    Early = receive {P, X} -> X after 1 -> none end,
    erlang:resume_process(P),
    {Early, Early =:= x orelse receive {P, Y} -> Y end}.
woken(N) -> exit({woken, N, receive X -> X end}).
echo() -> receive {From, X} -> From ! {self(), X}, echo() end.
wait() -> receive stop -> ok end.
forward(Next) -> receive N -> Next ! N + 1 end.
collect(S, 0, Acc) -> S ! {sum, lists:sum([length(L) + N || {N, L} <- Acc])};
collect(S, N, Acc) -> receive X -> collect(S, N - 1, [X | Acc]) end.
dead() -> {P, R} = spawn_monitor(fun() -> ok end), receive {'DOWN', R, _, _, _} -> P end.
timer_wait(T) -> receive after T -> ok end.
id(X) -> X.

%% Of the two links that most processes have, the first comes first.
t_links_in_order() ->
    [A, B, C] = Ps = [spawn(fun() -> receive stop -> ok end end) || _ <- [1, 2, 3]],
    Me = self(),
    Of = fun(Steps) ->
        spawn(fun() -> [link_step(S) || S <- Steps], Me ! process_info(self(), links) end),
        receive {links, Ends} -> [string:str(Ps, [E]) || E <- Ends] end
    end,
    R = [Of(Steps) || Steps <- [[A], [A, B], [B, A], [A, B, {off, A}, C], [B, A, {off, A}, C]]],
    [P ! stop || P <- Ps],
    R.
link_step({off, P}) -> unlink(P);
link_step(P) -> link(P).

%% The time of a `receive` is asked for once, however many messages come while it waits.
t_sleep_forever_and_messages() ->
    [begin
        P = spawn(timer, sleep, [T]),
        timer_wait(5),
        [begin P ! N, timer_wait(1) end || N <- lists:seq(1, 20)],
        garbage_collect(P),
        P ! last,
        timer_wait(5),
        {is_process_alive(P), element(2, process_info(P, message_queue_len)), exit(P, kill)}
     end || T <- [infinity, 1000000]].

%% Timers go with the process that they are for, not with who has set them, nor with who has a name.
t_timers_of_who_ended() ->
    Gone = dead(),
    R1 = [erlang:read_timer(erlang:send_after(100000, Gone, x)), erlang:cancel_timer(erlang:start_timer(100000, Gone, x))],
    P = spawn(fun wait/0),
    Ts = [erlang:start_timer(100000 + N, P, x) || N <- lists:seq(1, 50)],
    {Even, Odd} = lists:partition(fun({N, _}) -> N rem 2 =:= 0 end, lists:zip(lists:seq(1, 50), Ts)),
    R2 = [is_integer(erlang:cancel_timer(T)) || {_, T} <- Even],
    More = [erlang:send_after(100000, P, x) || _ <- lists:seq(1, 10)],
    R3 = [is_integer(erlang:read_timer(T)) || T <- [T || {_, T} <- Odd] ++ More],
    P ! stop,
    ended(P),
    R4 = [no_timer(T) || T <- Ts ++ More],
    Me = self(),
    register(who_has_a_timer, Q = spawn(fun wait/0)),
    Setter = spawn(fun() -> Me ! [erlang:send_after(300, who_has_a_timer, {named, Me}), erlang:send_after(300, Me, mine)] end),
    Named = receive [_, _] = L -> L end,
    ended(Setter),
    Q ! stop,
    ended(Q),
    R5 = [is_integer(erlang:read_timer(T)) || T <- Named],
    register(who_has_a_timer, Me),
    R6 = {receive {named, Me} -> named end, receive mine -> mine end, [erlang:read_timer(T) || T <- Named]},
    unregister(who_has_a_timer),
    {R1, R2, R3, R4, R5, R6}.
nest(0) -> [];
nest(N) -> [N | nest(N - 1)].
ended(P) -> R = monitor(process, P), receive {'DOWN', R, _, _, _} -> ok end.
no_timer(T) -> case erlang:read_timer(T) of false -> false; _ -> timer_wait(1), no_timer(T) end.
large(L) when is_list(L) -> lists:sum(L);
large({nocatch, L}) -> {nocatch, large(L)};
large({{badmatch, L}, _}) -> {badmatch, large(L)};
large({L, L, B}) -> {large(L), byte_size(B)};
large({L, S}) when is_list(S) -> {large(L), element(1, hd(S))};
large(X) -> X.
hibernated(P) -> case process_info(P, [status, current_function]) of [{_, waiting}, {_, {erlang, hibernate, 3}}] -> ok; _ -> timer_wait(1), hibernated(P) end.
woken_with(L) -> exit({length(L), receive X -> X end}).
