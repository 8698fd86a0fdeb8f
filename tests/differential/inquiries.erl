%% What the runtime says of processes and of itself: every documented item of process_info,
%% process_flag, system_info, statistics, system_flag and memory; values where both must agree,
%% shapes where they may differ.
-module(inquiries).
-compile([export_all, nowarn_export_all]).

try_it(F) -> try F() catch C:R -> {C, R} end.

%% The shape of a term: numbers, pids and texts give way to the names of their kinds.
shape(X) when is_integer(X), X >= 0 -> int;
shape(X) when is_integer(X) -> neg;
shape(X) when is_float(X) -> float;
shape(X) when is_binary(X) -> binary;
shape(X) when is_pid(X) -> pid;
shape(X) when is_port(X) -> port;
shape(X) when is_reference(X) -> ref;
shape(X) when is_function(X) -> 'fun';
shape({K, V}) when is_atom(K) -> {K, shape(V)};
shape(X) when is_tuple(X) -> list_to_tuple([shape(E) || E <- tuple_to_list(X)]);
shape([]) -> [];
shape([C | _] = L) when is_integer(C), C > 31, C < 127 -> case io_lib:printable_list(L) of true -> string; false -> shapes(L) end;
shape(L) when is_list(L) -> shapes(L);
shape(M) when is_map(M) -> maps:map(fun(_, V) -> shape(V) end, M);
shape(X) -> X.
%% A list of equal shapes is told once.
shapes(L) -> S = [shape(E) || E <- L], case lists:usort(S) of [One] -> [One]; _ -> S end.

items() ->
    [async_dist, backtrace, binary, catchlevel, current_function, current_location, current_stacktrace, dictionary, error_handler, garbage_collection, garbage_collection_info,
     group_leader, heap_size, initial_call, links, last_calls, memory, message_queue_len, messages, min_heap_size, min_bin_vheap_size, monitored_by, monitors, message_queue_data, parent, priority,
     reductions, registered_name, sequential_trace_token, stack_size, status, suspending, total_heap_size, trace, trap_exit, magic_ref, fullsweep_after, max_heap_size].
t_info_self() -> [{I, shape(try_it(fun() -> process_info(self(), I) end))} || I <- items()].
t_info_other() ->
    S = self(),
    P = spawn(fun() -> put(k, v), register(an_info_name, self()), process_flag(trap_exit, true), link(S), monitor(process, S), S ! ready, receive stop -> ok end end),
    receive ready -> ok end,
    P ! {a, message}, P ! <<"another">>,
    timer:sleep(10),
    R = [{I, named(S, P, process_info(P, I))} || I <- items(), not lists:member(I, [backtrace, memory, heap_size, total_heap_size, stack_size, garbage_collection_info, reductions, current_stacktrace, binary, group_leader, monitored_by])],
    R2 = named(S, P, process_info(P, [links, registered_name, messages, status, trap_exit])),
    unlink(P), exit(P, kill), {R, R2}.
named(S, P, X) -> if X =:= S -> me; X =:= P -> it; is_pid(X) -> pid; is_reference(X) -> ref; is_tuple(X) -> list_to_tuple([named(S, P, E) || E <- tuple_to_list(X)]); is_list(X) -> try [named(S, P, E) || E <- X] catch _:_ -> X end; true -> X end.
t_info_default() -> [K || {K, _} <- process_info(self())].
t_info_default_shape() -> P = spawn(fun() -> receive x -> ok end end), timer:sleep(20), shape(process_info(P)).
t_info_current_function() -> lists:usort([begin {_, {M, _, _}} = process_info(spawn(fun() -> receive x -> ok end end), current_function), lists:member(M, [erlang, inquiries]) end || _ <- lists:seq(1, 500)]).
t_info_dead() -> {P, R} = spawn_monitor(fun() -> ok end), receive {'DOWN', R, _, _, _} -> ok end, [process_info(P), process_info(P, links), process_info(P, [links, memory])].
t_info_errors() ->
    S = self(),
    [try_it(fun() -> process_info(A, B) end) || {A, B} <- [{x, links}, {S, x}, {S, [x]}, {S, [links | x]}, {S, 1}, {S, []}, {S, [links, links]}, {S, {dictionary, k}}, {S, [{dictionary, k}]}, {make_ref(), links}]]
    ++ [try_it(fun() -> process_info(X) end) || X <- [a, 1]].
t_info_unnamed() -> [process_info(self(), registered_name), process_info(self(), [registered_name]), proplists:is_defined(registered_name, process_info(self()))].
t_heavy_info_binary() ->
    B = binary:copy(<<"x">>, 1000), garbage_collect(),
    {binary, L} = process_info(self(), binary),
    {[{Sz, is_integer(Id), Refs > 0} || {Id, Sz, Refs} <- L, Sz =:= 1000], byte_size(B)}.
t_info_monitors() ->
    {P, _} = spawn_monitor(fun() -> receive x -> ok end end), register(a_monitored_one, Q = spawn(fun() -> receive x -> ok end end)), M = monitor(process, a_monitored_one), N = node(),
    R = lists:sort([case X of {process, P} -> p; {process, {a_monitored_one, N}} -> named; _ -> X end || X <- element(2, process_info(self(), monitors))]),
    By = [process_info(X, monitored_by) =:= {monitored_by, [self()]} || X <- [P, Q]],
    demonitor(M), exit(P, kill), exit(Q, kill), {R, By}.
t_info_suspending() -> P = spawn(fun() -> receive x -> ok end end), A = process_info(self(), suspending), erlang:suspend_process(P), erlang:suspend_process(P), {suspending, [{P, N, O}]} = process_info(self(), suspending), S = process_info(P, status), erlang:resume_process(P), {suspending, [{P, N1, O1}]} = process_info(self(), suspending), erlang:resume_process(P), {A, N, O, S, N1, O1, process_info(self(), suspending), process_info(P, status) =/= {status, suspended}}.
t_suspend_options() ->
    P = spawn(fun() -> receive x -> ok end end),
    R = [try_it(fun() -> erlang:suspend_process(P, O) end) || O <- [[], [unless_suspending], [asynchronous], [{asynchronous, a_tag}], [asynchronous, unless_suspending], [x], [unless_suspending | x], x]],
    Got = receive {a_tag, What} -> What after 500 -> none end,
    N = count(P),
    [try_it(fun() -> erlang:suspend_process(X) end) || X <- [self(), x]] ++ [R, Got, N, [try_it(fun() -> erlang:resume_process(P) end) || _ <- lists:seq(1, 5)], try_it(fun() -> erlang:resume_process(self()) end)].
count(P) -> timer:sleep(20), {suspending, L} = process_info(self(), suspending), [{A, B} || {Q, A, B} <- L, Q =:= P].
t_suspend_dead() -> {P, R} = spawn_monitor(fun() -> ok end), receive {'DOWN', R, _, _, _} -> ok end, {try_it(fun() -> erlang:suspend_process(P) end), try_it(fun() -> erlang:suspend_process(P, [unless_suspending]) end), try_it(fun() -> erlang:suspend_process(P, [{asynchronous, t}]) end), receive {t, W} -> W after 100 -> none end, try_it(fun() -> erlang:resume_process(P) end)}.
t_backtrace() -> {backtrace, B} = process_info(self(), backtrace), [lists:member(W, [W0 || L <- binary:split(B, <<"\n">>, [global]), W0 <- [hd(binary:split(L, <<":">>))], W0 =/= <<>>]) || W <- [<<"Program counter">>]].
t_gc_info() -> {garbage_collection_info, L} = process_info(self(), garbage_collection_info), [K || {K, _} <- L].
t_gc_settings() -> {garbage_collection, L} = process_info(self(), garbage_collection), lists:keyreplace(minor_gcs, 1, L, {minor_gcs, is_integer(proplists:get_value(minor_gcs, L))}).

t_flags() ->
    [{F, [V | [try_it(fun() -> process_flag(F, X) end) || X <- Xs]]} || {F, V, Xs} <- [
        {trap_exit, x, [true, false, a, 1]}, {priority, x, [low, normal, high, normal, a, 1]}, {error_handler, x, [my_handler, error_handler, 1]},
        {min_heap_size, x, [1000, 233, -1, a]}, {min_bin_vheap_size, x, [50000, 46422, -1, a]}, {fullsweep_after, x, [10, 65535, -1, a]},
        {max_heap_size, x, [0, 1000000, #{size => 2000000, kill => false}, #{size => 0, error_logger => false}, #{}, #{kill => true}, #{size => a}, #{size => 100, kill => 1}, -1, a, #{size => 0, kill => true, error_logger => true}]},
        {message_queue_data, x, [off_heap, on_heap, a]}, {save_calls, x, [10, 0, -1, a, 10001, 10000, 0]}, {sensitive, x, [true, false, a]}, {async_dist, x, [true, false, a]},
        {monitor_nodes, x, [true, true, false, a]}, {{monitor_nodes, []}, x, [true, false]}, {{monitor_nodes, [nodedown_reason]}, x, [true, false]}, {{monitor_nodes, x}, x, [true]}, {nosuch, x, [true]}, {1, x, [true]}, {scheduler, x, [0, 1, 2, 0, 99999, a]}]].
t_flag_3() -> P = spawn(fun() -> receive x -> ok end end), R = [try_it(fun() -> process_flag(Pid, F, V) end) || {Pid, F, V} <- [{P, save_calls, 10}, {P, save_calls, 0}, {self(), save_calls, 5}, {self(), save_calls, 0}, {P, trap_exit, true}, {P, save_calls, a}, {x, save_calls, 1}, {P, save_calls, -1}]], exit(P, kill), R.
t_last_calls() -> process_flag(save_calls, 5), _ = lists:reverse([1]), X = process_info(self(), last_calls), process_flag(save_calls, 0), {is_list(element(2, X)), process_info(self(), last_calls)}.
t_spawn_opt_heap() -> {P, R} = spawn_opt(fun() -> receive x -> ok end end, [monitor, {min_heap_size, 5000}, {min_bin_vheap_size, 100000}, {fullsweep_after, 7}, {max_heap_size, #{size => 1000000, kill => false, error_logger => false}}, {message_queue_data, off_heap}, {priority, low}]),
    I = process_info(P, [garbage_collection, message_queue_data, priority, min_heap_size, max_heap_size]), exit(P, kill), demonitor(R, [flush]), I.

max_heap_end(Opts) ->
    {P, R} = spawn_opt(fun() -> eat([]) end, [monitor, {max_heap_size, Opts}]),
    receive {'DOWN', R, _, P, W} -> W after 10000 -> exit(P, kill), none end.
eat(L) when length(L) > 300000 -> done;
eat(L) -> eat(lists:seq(1, 1000) ++ L).
t_heavy_max_heap_kill() -> [max_heap_end(O) || O <- [20000, #{size => 20000, error_logger => false}, #{size => 20000, kill => true}, #{size => 20000, kill => false, error_logger => false}]].
log(#{level := L, msg := M, meta := Meta}, #{config := To}) -> To ! {L, M, maps:keys(Meta), maps:get(error_logger, Meta, none)}.
t_heavy_max_heap_report() ->
    ok = logger:update_handler_config(default, level, none),
    ok = logger:set_primary_config(level, all),
    ok = logger:add_handler(inquiry, ?MODULE, #{config => self()}),
    Why = max_heap_end(#{size => 20000, kill => true, error_logger => true}),
    R = receive {error, {F, [P, Size, Actual | More]}, K, E} when is_pid(P), is_integer(Size) -> {F, is_integer(Actual), length(More), lists:sort(K), E}; {error, M, K, E} -> {M, K, E} after 2000 -> none end,
    logger:remove_handler(inquiry), logger:set_primary_config(level, none), {Why, R}.

info_items() ->
    [allocated_areas, allocator, {allocator, ets_alloc}, {allocator, no_alloc}, alloc_util_allocators, {allocator_sizes, ets_alloc}, {allocator_sizes, no_alloc}, cpu_topology, {cpu_topology, defined}, {cpu_topology, detected}, {cpu_topology, used}, {cpu_topology, x},
     logical_processors, logical_processors_available, logical_processors_online, update_cpu_info, fullsweep_after, garbage_collection, heap_sizes, heap_type, max_heap_size, message_queue_data, min_heap_size, min_bin_vheap_size, procs, atom_count, atom_limit, ets_count, ets_limit, port_count, port_limit, process_count, process_limit,
     end_time, os_monotonic_time_source, os_system_time_source, start_time, time_correction, time_offset, time_warp_mode, tolerant_timeofday, dirty_cpu_schedulers, dirty_cpu_schedulers_online, dirty_io_schedulers, multi_scheduling, multi_scheduling_blockers, normal_multi_scheduling_blockers,
     otp_release, scheduler_bind_type, scheduler_bindings, scheduler_id, schedulers, smp_support, threads, thread_pool_size, creation, delayed_node_table_gc, dist, dist_buf_busy_limit, dist_ctrl, c_compiler_used, check_io, compat_rel, debug_compiled, driver_version, dynamic_trace, dynamic_trace_probes, info, kernel_poll, loaded, machine,
     modified_timing_level, nif_version, port_parallelism, system_architecture, system_logger, system_version, trace_control_word, version, wordsize, {wordsize, internal}, {wordsize, external}, {wordsize, x}, outstanding_system_requests_limit, async_dist, emu_flavor, emu_type, build_type, build_flags, schedulers_online, schedulers_state, schedulers_total, schedulers_active, global_heaps_size, global, internal_cpu_topology, lock_checking, lock_counting, eager_check_io, print_ethread_info, reader_groups_map, sequential_tracer, taints, instance, nosuch, constant_pool_support, halt_flush, atom, total_memory, decentralized_counter_groups_map, ets_always_compress, beam_jump_table, stop_memory_trace, hybrid, fun_count, module_count, dirty, dirty_io, {x, y, z}, 1, "x", {ets_count}, start, long_gc, snifs, static_nifs, static_drivers].
t_heavy_system_info() -> [{I, shape(brief(I, try_it(fun() -> erlang:system_info(I) end)))} || I <- info_items()].
%% What is a matter of the machine's memory: only that it is of the documented kind.
brief({allocator, A}, [{instance, _, _} | _]) -> {instances, A};
brief({allocator_sizes, A}, [{instance, _, _} | _]) -> {instances, A};
brief(allocator, {_, V, F, S}) -> {is_list(V), is_list(F), is_list(S)};
brief(alloc_util_allocators, L) -> lists:all(fun is_atom/1, L);
brief(I, B) when is_binary(B), I =:= info orelse I =:= loaded orelse I =:= dist orelse I =:= procs -> text;
brief(check_io, L) when is_list(L) -> lists:all(fun is_list/1, L);
brief(allocated_areas, L) -> lists:all(fun is_tuple/1, L);
brief(snifs, L) when is_list(L) -> lists:all(fun({_, _, _}) -> true end, L);
brief(start_time, X) -> is_integer(X);
brief(reader_groups_map, L) -> is_list(L);
brief(system_logger, P) when is_pid(P); P =:= logger -> logger;
brief(I, _) when I =:= emu_flavor; I =:= c_compiler_used; I =:= build_flags; I =:= compile_info -> differs;
brief(_, X) -> X.
t_system_values() -> [{I, try_it(fun() -> erlang:system_info(I) end)} || I <- [cpu_topology, {cpu_topology, defined}, {cpu_topology, detected}, {cpu_topology, used}, logical_processors, logical_processors_available, logical_processors_online, fullsweep_after, garbage_collection, heap_sizes, heap_type, max_heap_size, message_queue_data, min_heap_size, min_bin_vheap_size,
    atom_limit, ets_limit, port_limit, process_limit, time_correction, time_offset, time_warp_mode, tolerant_timeofday, dirty_cpu_schedulers, dirty_cpu_schedulers_online, dirty_io_schedulers, multi_scheduling, multi_scheduling_blockers, normal_multi_scheduling_blockers, otp_release, scheduler_bind_type, scheduler_bindings, schedulers, schedulers_online, smp_support, threads, thread_pool_size, creation,
    delayed_node_table_gc, dist_buf_busy_limit, dist_ctrl, compat_rel, debug_compiled, driver_version, dynamic_trace, dynamic_trace_probes, kernel_poll, machine, modified_timing_level, nif_version, port_parallelism, system_architecture, trace_control_word, version, wordsize, outstanding_system_requests_limit, async_dist, build_type, emu_type, lock_checking, eager_check_io, sequential_tracer, taints, ets_always_compress, static_drivers]].
t_os_time_sources() -> [[K || {K, _} <- erlang:system_info(I)] || I <- [os_monotonic_time_source, os_system_time_source]].
t_counts() ->
    N = erlang:system_info(ets_count), T = ets:new(t, []), N1 = erlang:system_info(ets_count), ets:delete(T),
    P = erlang:system_info(process_count), Pid = spawn(fun() -> receive x -> ok end end), P1 = erlang:system_info(process_count), exit(Pid, kill),
    Q = erlang:system_info(port_count), Port = open_port({spawn, "cat"}, []), Q1 = erlang:system_info(port_count), port_close(Port),
    A = erlang:system_info(atom_count), _ = list_to_atom("a_new_atom_for_the_count"), A1 = erlang:system_info(atom_count),
    {N1 - N, P1 - P, Q1 - Q, A1 - A}.

stat_items() -> [active_tasks, active_tasks_all, context_switches, exact_reductions, garbage_collection, io, microstate_accounting, reductions, run_queue, run_queue_lengths, run_queue_lengths_all, runtime, scheduler_wall_time, scheduler_wall_time_all, total_active_tasks, total_active_tasks_all, total_run_queue_lengths, total_run_queue_lengths_all, wall_clock, nosuch].
t_statistics() -> [{I, shape(try_it(fun() -> statistics(I) end))} || I <- stat_items(), I =/= microstate_accounting] ++ [try_it(fun() -> statistics(X) end) || X <- [1, "x", {a}]].
t_heavy_wall_time() ->
    A = erlang:system_flag(scheduler_wall_time, true),
    L0 = lists:sort(erlang:statistics(scheduler_wall_time)), All = lists:sort(erlang:statistics(scheduler_wall_time_all)),
    spin(erlang:monotonic_time() + erlang:convert_time_unit(50, millisecond, native)),
    L1 = lists:sort(erlang:statistics(scheduler_wall_time)),
    Busy = lists:sum([A1 - A0 || {{I, A0, _}, {I, A1, _}} <- lists:zip(L0, L1)]) > 0,
    Total = lists:all(fun({{I, A0, T0}, {I, A1, T1}}) -> T1 > T0 andalso A1 >= A0 andalso A1 - A0 =< T1 - T0 + erlang:convert_time_unit(5, millisecond, native) end, lists:zip(L0, L1)),
    B = erlang:system_flag(scheduler_wall_time, false),
    {A, B, length(L0), length(All), Busy, Total, statistics(scheduler_wall_time), try_it(fun() -> erlang:system_flag(scheduler_wall_time, x) end)}.
spin(Until) -> case erlang:monotonic_time() > Until of true -> ok; false -> spin(Until) end.
t_microstates() ->
    A = erlang:system_flag(microstate_accounting, true), L = statistics(microstate_accounting), R = erlang:system_flag(microstate_accounting, reset), B = erlang:system_flag(microstate_accounting, false),
    {A, R, B, is_list(L), lists:usort([lists:sort(maps:keys(M)) || M <- L]), lists:usort([T || #{type := T} <- L]), try_it(fun() -> erlang:system_flag(microstate_accounting, x) end)}.
t_msacc_states() -> erlang:system_flag(microstate_accounting, true), timer:sleep(5), L = statistics(microstate_accounting), erlang:system_flag(microstate_accounting, false), lists:usort([lists:sort(maps:keys(C)) || #{counters := C} <- L]).
t_heavy_reductions() -> {A, _} = statistics(reductions), lists:foldl(fun(I, S) -> S + I end, 0, lists:seq(1, 20000)), {B, D} = statistics(reductions), {B > A, D > 10000, B - A =:= D}.
t_heavy_runtime() -> statistics(wall_clock), timer:sleep(20), {W, D} = statistics(wall_clock), {W > D, D >= 19}.

t_system_flags() ->
    [{F, [try_it(fun() -> norm(F, erlang:system_flag(F, X)) end) || X <- Xs]} || {F, Xs} <- [
        {backtrace_depth, [20, 8, -1, a]}, {fullsweep_after, [10, 65535, -1, a]}, {min_heap_size, [1000, 233, -1, a]}, {min_bin_vheap_size, [50000, 46422, -1, a]}, {max_heap_size, [1000000, 0, #{size => 0, kill => false}, #{size => 0, kill => true}, a, -1, #{}]},
        {multi_scheduling, [block, unblock, block_normal, unblock_normal, unblock, x]}, {schedulers_online, [0, 100000, a, -1]}, {dirty_cpu_schedulers_online, [0, 100000, a]},
        {time_offset, [finalize, x]}, {trace_control_word, [1, 0, a, -1, 16#FFFFFFFF, 0, 16#100000000]}, {system_logger, [logger, undefined, logger, x]}, {outstanding_system_requests_limit, [10, 0, -1, 134217727, 134217728, a]},
        {cpu_topology, [undefined, x]}, {scheduler_bind_type, [unbound, x]}, {scheduler_wall_time, [x]}, {erts_alloc, [{x, y}, x]}, {dirty_cpu_schedulers_online, [a]}, {debug_flags, [x]}, {dist_ctrl, [x]}, {internal_cpu_topology, [x]}, {nosuch, [x]}, {1, [1]}, {sequential_tracer, [x]}, {display_items, [10]}, {reset_seq_trace, [true]}, {fullsweep_after, [65535]}, {outstanding_system_requests_limit, [100]}]].
norm(system_logger, P) when is_pid(P) -> logger_pid;
norm(_, X) -> X.
t_schedulers_online() ->
    N = erlang:system_info(schedulers),
    A = erlang:system_flag(schedulers_online, 1), B = erlang:system_info(schedulers_online), S = erlang:system_info(schedulers_state), C = erlang:system_flag(schedulers_online, N),
    {A, B, S, C, erlang:system_info(schedulers_online), erlang:system_info(schedulers_state), length(statistics(run_queue_lengths)), length(statistics(active_tasks))}.
t_multi_scheduling() ->
    A = erlang:system_flag(multi_scheduling, block), I = erlang:system_info(multi_scheduling), [B] = [case X of X when X =:= self() -> me; _ -> X end || X <- erlang:system_info(multi_scheduling_blockers)],
    C = erlang:system_flag(multi_scheduling, unblock), {A, I, B, C, erlang:system_info(multi_scheduling), erlang:system_info(multi_scheduling_blockers)}.
%% Who has blocked still gets what dirty schedulers do, and so do others; these stop meanwhile.
t_multi_scheduling_dirty() ->
    S = self(), {ok, C} = file:get_cwd(), erlang:system_flag(multi_scheduling, block),
    A = [Active || {_, _, _, Active} <- erlang:system_info(all_schedulers_state)],
    B = [element(1, file:read_file_info(C)) || _ <- lists:seq(1, 20)],
    [spawn(fun() -> S ! {done, element(1, file:read_file_info(C))} end) || _ <- lists:seq(1, 5)],
    D = [receive {done, R} -> R end || _ <- lists:seq(1, 5)],
    {A, B, D, erlang:system_flag(multi_scheduling, unblock)}.
t_memory() ->
    L = erlang:memory(), V = fun(K) -> proplists:get_value(K, L) end,
    {[K || {K, _} <- L], V(total) =:= V(processes) + V(system), V(processes_used) =< V(processes), V(atom_used) =< V(atom), [try_it(fun() -> erlang:memory(X) end) || X <- [x, [total | x], [x], 1, []]], [is_integer(erlang:memory(K)) || {K, _} <- L], [K || {K, _} <- erlang:memory([ets, binary, code])]}.
t_heavy_memory_grows() -> garbage_collect(), A = erlang:memory(binary), B = binary:copy(<<0>>, 5000000), C = erlang:memory(binary), T = ets:new(t, []), E = erlang:memory(ets), ets:insert(T, [{I, I} || I <- lists:seq(1, 10000)]), E1 = erlang:memory(ets), {C - A >= 4000000, byte_size(B), E1 - E > 500000}.
t_time() -> {erlang:time_offset() - erlang:time_offset(), is_integer(erlang:system_time()), abs(erlang:system_time(second) - os:system_time(second)) =< 1, erlang:monotonic_time() =< erlang:monotonic_time(), erlang:convert_time_unit(1, second, native)}.
t_spawn_request_bad() ->
    F = fun() -> ok end,
    [begin
        R = try_it(fun() -> spawn_request(F, O) end),
        {is_reference(R), case R of {_, _} -> R; _ -> receive {spawn_reply, R, error, W} -> {told, W}; {tag, R, error, W} -> {tag, W}; {spawn_reply, R, ok, _} -> ok after 50 -> nothing end end}
     end || O <- [[bad], [{reply, x}], [{reply, no}, bad], [{reply, error_only}, bad], [{reply, success_only}, bad], [{reply_tag, tag}, bad], [monitors, links], [bad | x], x, [{priority, x}], [{max_heap_size, 10}]]].
t_max_heap_below_min() -> [try_it(fun() -> process_flag(max_heap_size, 232) end), try_it(fun() -> process_flag(max_heap_size, #{size => 100}) end), try_it(fun() -> spawn_opt(fun() -> ok end, [{max_heap_size, 100}]) end), try_it(fun() -> spawn_opt(fun() -> ok end, [{max_heap_size, 500}, {min_heap_size, 600}]) end), try_it(fun() -> erlang:system_flag(max_heap_size, 100) end)].
t_depth_of_stacktraces() -> [begin erlang:system_flag(backtrace_depth, D), {current_stacktrace, S} = process_info(self(), current_stacktrace), erlang:system_flag(backtrace_depth, 8), length(S) end || D <- [0, 1, 2]].
t_own_messages() -> self() ! a, erlang:demonitor(erlang:monitor(process, self())), self() ! b, {process_info(self(), messages), process_info(self(), message_queue_len), process_info(self(), [message_queue_len, messages])}.
t_more_system_info() -> [{I, shape(try_it(fun() -> erlang:system_info(I) end))} || I <- [all_schedulers_state, run_queues, context_reductions, cpu_quota, hipe_architecture, literal_test, port_tasks, break_ignored, io_thread, ets_realloc_moves]].
t_max_heap_messages() ->
    {P, R} = spawn_opt(fun() -> receive x -> ok after 10000 -> ok end end, [monitor, {max_heap_size, #{size => 1024, error_logger => false}}, {message_queue_data, on_heap}]),
    [P ! lists:duplicate(I, I) || I <- lists:seq(1, 100)], process_info(P, messages), erlang:garbage_collect(P),
    receive {'DOWN', R, _, _, W} -> W after 3000 -> exit(P, kill), none end.
t_microstates_stay() -> erlang:system_flag(microstate_accounting, true), timer:sleep(10), erlang:system_flag(microstate_accounting, false), A = statistics(microstate_accounting), timer:sleep(10), B = statistics(microstate_accounting), Sum = fun(L) -> lists:sum([V || #{type := scheduler, counters := C} <- L, V <- maps:values(C)]) end, R = {Sum(A) > 0, lists:sort(A) =:= lists:sort(B)}, erlang:system_flag(microstate_accounting, reset), {R, Sum(statistics(microstate_accounting)), msacc:start(20), length(msacc:stats()) > 10}.
t_sensitive_processes_keep_their_secrets() ->
    P = spawn(fun() -> put(a, b), process_flag(sensitive, true), receive stop -> ok end end),
    P ! message, erlang:yield(), timer:sleep(20),
    Of = fun(Pid) -> [process_info(Pid, I) || I <- [messages, message_queue_len, dictionary, backtrace]] end,
    put(c, d), false = process_flag(sensitive, true), Mine = Of(self()), true = process_flag(sensitive, false),
    {Of(P), Mine, process_info(self(), dictionary) =:= {dictionary, []}, element(2, process_info(self(), backtrace)) =:= <<>>}.
