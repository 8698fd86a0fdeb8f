%% Processors: topologies that users define, and how schedulers and groups go over them.
-module(processors).
-compile([export_all, nowarn_export_all]).

%% With `Topology` defined as long as `F` runs.
with(Topology, F) ->
    Old = erlang:system_info({cpu_topology, defined}),
    Before = erlang:system_info(cpu_topology),
    case erlang:system_flag(cpu_topology, Topology) of
        Before -> ok;
        Other -> exit({not_the_old_one, Other})
    end,
    try F() after erlang:system_flag(cpu_topology, Old) end.

l(N) -> {logical, N}.
t(X) -> {thread, X}.
c(X) -> {core, X}.
p(X) -> {processor, X}.
n(X) -> {node, X}.

cores(From, Threads, Count) -> [c([t(l(From + Threads * C + T)) || T <- lists:seq(0, Threads - 1)]) || C <- lists:seq(0, Count - 1)].
single(From, Count) -> [c(l(From + N)) || N <- lists:seq(0, Count - 1)].

topologies() ->
    [[p(single(0, 4))],
     [c(l(0)), c(l(1))],
     [p([t(l(0)), t(l(1))]), p([t(l(2)), t(l(3))])],
     [n([p(cores(0, 2, 2)), p(cores(4, 2, 2))]), n([p(cores(8, 2, 2)), p(cores(12, 2, 2))])],
     [p([n(cores(0, 2, 2)), n(cores(4, 2, 2))]), p([n(cores(8, 2, 2)), n(cores(12, 2, 2))])],
     [n([p(cores(0, 2, 2)), p(cores(4, 2, 2))]), p([n(cores(8, 2, 2)), n(cores(12, 2, 2))]),
      n([p(cores(16, 2, 2)), p(cores(20, 2, 2))]), p([n(cores(24, 2, 2)), n(cores(28, 2, 2))])],
     [p(cores(0, 2, 4)), p(cores(8, 2, 4))],
     [n([p(single(0, 2))]), p([n(single(2, 2))]), n([p(single(4, 2))]), p([n(single(6, 2))])],
     [p(single(0, 5)), p([t(l(N)) || N <- [5, 6, 7, 8, 9]]), p([t(l(10))]), p(single(11, 3)), p(single(14, 2))],
     [c(l(0)), c(l(65535))], [p(l(3)), p(l(1))]].

t_defined_and_told() ->
    [with(T, fun() -> [erlang:system_info(cpu_topology), erlang:system_info({cpu_topology, defined}), erlang:system_info({cpu_topology, used})] end) || T <- topologies()].
t_no_topologies() ->
    Old = erlang:system_info(cpu_topology),
    R = [try erlang:system_flag(cpu_topology, T) of _ -> T catch C:E -> {C, E} end
         || T <- [x, [], [x], [l(3)], l(4), [c(l(0)), c(l(0))], [l(0), l(1)], [c(l(-1))], [c(l(65536))], [c(p(l(0)))], [n([p(l(0))]), p(l(1))], {1, 2}, 7]],
    {R, erlang:system_info(cpu_topology) =:= Old, erlang:system_info({cpu_topology, defined})}.
t_none_again() -> with([p(single(0, 3))], fun() -> erlang:system_flag(cpu_topology, undefined), erlang:system_info({cpu_topology, defined}) end).
t_internal() ->
    with([n([p(cores(0, 2, 1))]), p([n(single(2, 1))])],
        fun() -> {erlang:system_info({internal_cpu_topology, used}), erlang:system_info({internal_cpu_topology, defined})} end).
t_unknown_ones() -> [catch element(1, element(2, catch erlang:system_info({cpu_topology, X}))) || X <- [x, 1, internal]].

binds() -> [no_spread, thread_spread, processor_spread, spread, no_node_thread_spread, no_node_processor_spread, thread_no_node_processor_spread, default_bind, unbound].
t_orders() ->
    internal(fun() ->
        [with(T, fun() -> [erts_debug:get_internal_state({fake_scheduler_bindings, B}) || B <- binds()] end) || T <- topologies()]
    end).
t_groups() ->
    internal(fun() ->
        [with(T, fun() -> [lists:sort(erts_debug:get_internal_state({reader_groups_map, N})) || N <- [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 100]] end) || T <- topologies()]
    end).
internal(F) ->
    Old = erts_debug:set_internal_state(available_internal_state, true),
    try F() after erts_debug:set_internal_state(available_internal_state, Old) end.

t_bound_by_what_is_defined() ->
    Old = erlang:system_info(scheduler_bind_type),
    R = with([p([c(l(1)), c(l(0))])], fun() ->
        Was = erlang:system_flag(scheduler_bind_type, no_spread),
        Binds = bindings([1, 0]),
        {Was =:= Old, Binds, erlang:system_flag(scheduler_bind_type, unbound), bindings([unbound, unbound])}
    end),
    erlang:system_flag(scheduler_bind_type, Old), R.
%% What bindings become, where there are two schedulers and two processors.
bindings(Wanted) -> bindings(Wanted, 500).
bindings(Wanted, Tries) ->
    Now = tuple_to_list(erlang:system_info(scheduler_bindings)),
    case erlang:system_info(schedulers) =:= 2 andalso erlang:system_info(logical_processors_available) =:= 2 of
        true when Now =:= Wanted -> as_wanted;
        true when Tries > 0 -> timer:sleep(10), bindings(Wanted, Tries - 1);
        true -> Now;
        false -> as_wanted
    end.

t_update() -> {erlang:system_info(update_cpu_info), erlang:system_info(update_cpu_info)}.
t_counts() -> [erlang:system_info(I) || I <- [logical_processors, logical_processors_online, logical_processors_available, cpu_quota]].
