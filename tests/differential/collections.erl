%% Collections: what asks for them, what tracers and monitors are told, and the sizes that heaps get.
-module(collections).
-compile([export_all, nowarn_export_all]).

%% What a process that runs `F` tells of its collections. (Builds that are slow on purpose collect more.)
told(Options, F) ->
    {P, M} = spawn_opt(fun() -> receive go -> F() end end, [monitor | Options]),
    erlang:garbage_collect(P),
    erlang:trace(P, true, [garbage_collection]),
    P ! go,
    Reason = receive {'DOWN', M, process, P, R} -> R after 10000 -> still_there end,
    Ref = erlang:trace_delivered(P),
    receive {trace_delivered, P, Ref} -> ok end,
    {Reason, tags(P)}.

tags(P) ->
    receive {trace, P, Tag, Info} -> [{Tag, Info} | tags(P)] after 0 -> [] end.

names({Reason, Told}) -> {Reason, [Tag || {Tag, _} <- Told]}.

t_heavy_minor_by_itself() -> names(told([], fun() -> erlang:garbage_collect(self(), [{type, minor}]) end)).
t_heavy_minor_twice() -> names(told([], fun() -> M = [{type, minor}], erlang:garbage_collect(self(), M), erlang:garbage_collect(self(), M) end)).
t_heavy_minor_then_major() -> names(told([], fun() -> erlang:garbage_collect(self(), [{type, minor}]), erlang:garbage_collect() end)).
t_heavy_minor_where_all_are_major() -> names(told([{fullsweep_after, 0}], fun() -> erlang:garbage_collect(self(), [{type, minor}]) end)).
t_heavy_major_by_itself() -> names(told([], fun() -> erlang:garbage_collect(self(), [{type, major}]) end)).
t_heavy_major_of_much() ->
    {Reason, Tags} = names(told([], fun() -> L = lists:seq(1, 131072), erlang:garbage_collect(), exit(length(L)) end)),
    {Reason, lists:nthtail(length(Tags) - 2, Tags)}.
t_heavy_what_is_told() ->
    {normal, Told} = told([], fun() -> erlang:garbage_collect(self(), [{type, minor}]) end),
    [{Tag, [Name || {Name, _} <- Info]} || {Tag, Info} <- Told].
%% What has survived a collection is what is recent, the rest is young.
t_heavy_recent_words() ->
    {normal, [_, {gc_major_end, End} | _]} = told([], fun() -> L = lists:seq(1, 50), erlang:garbage_collect(), id(L) end),
    {recent_size, Recent} = lists:keyfind(recent_size, 1, End),
    {heap_size, Size} = lists:keyfind(heap_size, 1, End),
    {Recent =:= Size, Size >= 100}.
t_heavy_hibernation_is_not_told() ->
    P = spawn(fun() -> receive go -> erlang:hibernate(?MODULE, woken, []) end end),
    erlang:garbage_collect(P),
    erlang:trace(P, true, [garbage_collection]),
    P ! go,
    wait_for(fun() -> process_info(P, current_function) =:= {current_function, {erlang, hibernate, 3}} end),
    R = erlang:trace_delivered(P), receive {trace_delivered, P, R} -> ok end,
    exit(P, kill), names({ok, tags(P)}).

t_heavy_too_large() -> outgrown(#{size => 1000, kill => true, error_logger => false}).
t_heavy_too_large_and_spared() -> outgrown(#{size => 1000, kill => false, error_logger => false}).
%% When it is told differs: stock looks before a collection, at what it may need.
outgrown(Max) ->
    {Reason, Told} = told([{max_heap_size, Max}], fun() -> L = grow(20000, []), erlang:garbage_collect(), exit({grown, length(L)}) end),
    [Info | _] = [Info || {gc_max_heap_size, Info} <- Told],
    {Last, _} = lists:last(Told),
    {Reason, Last, [Name || {Name, _} <- Info]}.
%% Nothing more is done by a process that its heap has ended.
t_heavy_too_large_does_no_more() ->
    Me = self(),
    Max = #{size => 3000, kill => true, error_logger => false},
    {P, M} = spawn_opt(fun() -> grow_and_tell(Me, []) end, [monitor, {max_heap_size, Max}]),
    receive {'DOWN', M, process, P, R} -> {R, count() < 3000} end.
count() -> receive {at, _} -> 1 + count() after 0 -> 0 end.
grow_and_tell(To, L) -> To ! {at, 1}, grow_and_tell(To, [x | L]).
grow(0, L) -> L;
grow(N, L) -> grow(N - 1, [N | L]).

t_heavy_hibernated_and_woken() -> [hibernated(Words) || Words <- [233, 1000, 15000]].
hibernated(Words) ->
    Me = self(),
    P = spawn_opt(fun() -> erlang:hibernate(?MODULE, woken, []) end, [{min_heap_size, Words}]),
    wait_for(fun() -> process_info(P, current_function) =:= {current_function, {erlang, hibernate, 3}} end),
    {heap_size, Asleep} = process_info(P, heap_size),
    P ! {Me, sizes},
    receive {P, Sizes} -> {Asleep < 30, Sizes} end.
woken() ->
    receive {From, sizes} -> From ! {self(), process_info(self(), [heap_size, min_heap_size])} end.

t_heavy_monitors_of_large_heaps() ->
    {P, M} = spawn_monitor(fun() -> receive go -> ok end, L = grow(30000, []), erlang:garbage_collect(), exit(length(L)) end),
    Old = erlang:system_monitor(self(), [{large_heap, 20000}]),
    P ! go,
    R = receive {'DOWN', M, process, P, Why} -> Why end,
    erlang:system_monitor(Old),
    receive {monitor, P, large_heap, Info} -> {R, [Name || {Name, _} <- Info]} after 0 -> {R, none} end.

t_statistics_of_collections() ->
    {N0, W0, 0} = erlang:statistics(garbage_collection),
    L = lists:seq(1, 1000), erlang:garbage_collect(), S = lists:sum(L), erlang:garbage_collect(),
    {N1, W1, 0} = erlang:statistics(garbage_collection),
    {S, N1 > N0, W1 - W0 >= 1000}.

%% A collection is asked for by who is of higher priority than the process, which has more signals than it
%% handles at one go, one of them its end: nothing lets the answer wait for the one who waits for it.
t_asked_for_after_signals() ->
    process_flag(scheduler, 1),
    process_flag(priority, high),
    P = spawn_opt(fun() -> receive after infinity -> ok end end, [{scheduler, 1}]),
    [begin link(P), unlink(P) end || _ <- lists:seq(1, 5000)],
    exit(P, kill),
    Ref = make_ref(),
    async = erlang:garbage_collect(P, [{async, Ref}]),
    R = busy_wait(Ref),
    process_flag(scheduler, 0),
    R.
busy_wait(Ref) -> receive {garbage_collect, Ref, R} -> R after 0 -> busy_wait(Ref) end.

id(X) -> X.
wait_for(F) -> case F() of true -> ok; false -> timer:sleep(1), wait_for(F) end.
