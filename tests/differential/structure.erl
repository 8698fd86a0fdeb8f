%% What a process is made of: the facts of "Characterizing the Scalability of Erlang VM on
%% Many-core Processors", chapter 3.1, in the order of its sentences (docs/Structure.md).
-module(structure).
-compile([export_all, nowarn_export_all]).

%% Schedulers, processes, ports.
t_a_run_queue_for_each_scheduler() ->
    N = erlang:system_info(schedulers),
    {length(erlang:statistics(run_queue_lengths)) =:= N, length(erlang:statistics(active_tasks)) =:= N, erlang:system_info(scheduler_id) =< N}.
t_processes_and_ports_take_turns() ->
    Spinners = [spawn(fun() -> spin() end) || _ <- lists:seq(1, 4 * erlang:system_info(schedulers))],
    Port = open_port({spawn, "cat"}, [binary]),
    Echoed = [begin port_command(Port, <<N>>), receive {Port, {data, <<N>>}} -> N end end || N <- lists:seq(1, 20)],
    port_close(Port), [exit(P, kill) || P <- Spinners], Echoed.

%% Control block, stack and heap.
t_control_block() ->
    {P, M} = spawn_monitor(?MODULE, waiting, [a, b]), pause(P),
    I = process_info(P, [current_function, initial_call, status, message_queue_len, links, group_leader]),
    Stop = exit(P, kill), receive {'DOWN', M, _, _, _} -> {I, Stop} end.
t_heavy_first_block() -> bare(fun() -> process_info(self(), [heap_size, total_heap_size, min_heap_size]) end).
t_first_block_of_another_size() ->
    [configured(Words) || Words <- [100, 233, 234, 1000, 5000]].
t_first_block_by_default() -> {erlang:system_info(min_heap_size), erlang:system_info(heap_sizes) =:= lists:sort(erlang:system_info(heap_sizes)), lists:sublist(erlang:system_info(heap_sizes), 12)}.
t_heavy_stack_and_heap_share_a_block() ->
    bare(fun() ->
        [{total_heap_size, T0}] = process_info(self(), [total_heap_size]),
        {Deep, T1, S1} = deep(2000),
        {Deep, T1 > T0, S1 > 2000, T1 >= S1}
    end).
t_heavy_stack_gives_its_room_back() ->
    bare(fun() -> {_, T1, _} = deep(20000), erlang:garbage_collect(), {total_heap_size, T2} = process_info(self(), total_heap_size), {T1 >= 20000, T2 < T1} end).
t_values_on_the_stack_refer_to_the_heap() ->
    bare(fun() -> T = id({id(1), id(2)}), {stack_size, S1} = process_info(self(), stack_size), L = lists:seq(1, 100), {stack_size, S2} = process_info(self(), stack_size), {S1 =:= S2, length(L), T} end).

%% Fragments.
t_sender_does_not_collect_for_the_receiver() ->
    {P, M} = spawn_monitor(?MODULE, waiting, [a, b]), pause(P),
    erlang:suspend_process(P),
    {garbage_collection, Before} = process_info(P, garbage_collection),
    [P ! lists:seq(1, 500) || _ <- lists:seq(1, 20)],
    {garbage_collection, After} = process_info(P, garbage_collection),
    {message_queue_len, Len} = process_info(P, message_queue_len),
    exit(P, kill), receive {'DOWN', M, _, _, _} -> ok end,
    {Len, proplists:get_value(minor_gcs, Before) =:= proplists:get_value(minor_gcs, After)}.
t_heavy_fragments_are_merged_by_a_collection() ->
    bare(fun() ->
        [self() ! lists:seq(1, 500) || _ <- lists:seq(1, 20)],
        All = [receive L -> L end || _ <- lists:seq(1, 20)],
        erlang:garbage_collect(),
        {garbage_collection_info, I} = process_info(self(), garbage_collection_info),
        {heap_size, H} = process_info(self(), heap_size),
        {proplists:get_value(mbuf_size, I), H >= 20 * 1000, length(All)}
    end).
t_heavy_queued_messages_off_the_heap() ->
    {P, M} = spawn_opt(?MODULE, waiting, [a, b], [monitor, {message_queue_data, off_heap}]), pause(P),
    {total_heap_size, T0} = process_info(P, total_heap_size),
    [P ! lists:seq(1, 500) || _ <- lists:seq(1, 20)],
    {total_heap_size, T1} = process_info(P, total_heap_size),
    exit(P, kill), receive {'DOWN', M, _, _, _} -> T0 =:= T1 end.

%% Binaries over 64 bytes.
t_binaries_of_64_bytes_and_more() -> [kept(N) || N <- [1, 63, 64, 65, 100, 1000]].
t_small_binaries_are_copied() -> [sent_words(binary:copy(<<"x">>, N)) || N <- [1, 8, 9, 63, 64]].
t_large_binaries_are_referred_to() ->
    B = binary:copy(<<"x">>, 100000),
    S = self(),
    {P, M} = spawn_monitor(fun() -> receive X -> S ! {binaries(self()), erts_debug:flat_size(X)} end, receive after infinity -> ok end end),
    P ! B,
    {Theirs, Words} = receive R -> R end,
    Ours = binaries(self()), exit(P, kill), receive {'DOWN', M, _, _, _} -> ok end,
    Shared = [Id || {Id, 100000, _} <- Ours, {Other, 100000, _} <- Theirs, Id =:= Other],
    {Words, length(Shared), byte_size(B)}.
t_heavy_large_binaries_go_with_their_last_user() ->
    {P, M} = spawn_monitor(fun() -> B = binary:copy(<<"y">>, 20000000), receive stop -> byte_size(B) end end), pause(P),
    High = erlang:memory(binary), P ! stop, receive {'DOWN', M, _, _, _} -> ok end,
    lowered(fun() -> erlang:memory(binary) end, High - 19000000, 200).

%% Tuples and lists (figure 3.2).
t_tuple() -> [{erts_debug:flat_size(T), erts_debug:size(T), tuple_size(T)} || T <- [id({}), id({id(1)}), id({id(1), id(2), id(3)}), list_to_tuple(lists:seq(1, 50))]].
t_tuple_in_tuple() -> I = {id(1), id(2)}, O = {id(a), I, [id(3) | []]}, {erts_debug:flat_size(I), erts_debug:flat_size(O)}.
t_heavy_tuple_elements_at_once() -> T = list_to_tuple(lists:seq(1, 100000)), {element(1, T), element(50000, T), element(100000, T)}.
t_heavy_list() -> [{erts_debug:flat_size(L), erts_debug:size(L), length(L)} || L <- [[], [id(1)], lists:seq(1, 3), lists:seq(1, 1000)]].
t_list_of_lists() -> I = [id(1), id(2)], erts_debug:flat_size([I, [id(3)], id(4)]).
t_improper_list() -> erts_debug:flat_size([id(1) | id({x, id(2)})]).
t_other_terms() -> [erts_debug:flat_size(id(X)) || X <- [1, 1 bsl 59, -(1 bsl 59), 1 bsl 59 - 1, 1 bsl 64, -(1 bsl 64), 1 bsl 128, 1.5, a, self(), <<>>, <<1>>, <<1, 2, 3, 4, 5, 6, 7, 8>>, <<1, 2, 3, 4, 5, 6, 7, 8, 9>>]] ++ [erts_debug:flat_size(make_ref()), erts_debug:flat_size(closure(id(1), id(2)))].
t_maps() -> [erts_debug:flat_size(maps:from_list([{id(K), K} || K <- lists:seq(1, N)])) || N <- [0, 1, 2, 32]].

%% List C is list B before list A (figure 3.2).
t_list_c_shares_list_a() ->
    A = lists:seq(1, 10), B = lists:seq(101, 105), C = B ++ A,
    {erts_debug:same(A, lists:nthtail(5, C)), erts_debug:same(B, C), erts_debug:size({A, C}), erts_debug:size_shared({A, C}), erts_debug:flat_size({A, C}), erts_debug:size({A, B, C}), erts_debug:flat_size({A, B, C})}.
t_heavy_appending_copies_the_first_list_only() ->
    Long = lists:seq(1, 1000), Short = lists:seq(1, 3), E1 = Long ++ Short, E2 = Short ++ Long,
    {erts_debug:size({Long, E1}), erts_debug:size({Long, E2})}.
t_sharing_within_a_term() ->
    T = {id(1), id(2)}, S = {T, T, [T | T]},
    {erts_debug:size(S), erts_debug:size_shared(S), erts_debug:flat_size(S), erts_debug:same(element(1, S), element(2, S))}.
t_heavy_sharing_doubled() -> [{erts_debug:size(doubled(N)), erts_debug:size_shared(doubled(N)), erts_debug:flat_size(doubled(N))} || N <- [0, 1, 5, 10, 16]].
t_sharing_outlives_a_collection() ->
    A = lists:seq(1, 10), C = lists:seq(101, 105) ++ A, erlang:garbage_collect(), erlang:garbage_collect(),
    {erts_debug:same(A, lists:nthtail(5, C)), erts_debug:size({A, C})}.
t_equal_is_not_the_same() -> A = lists:seq(1, 3), B = lists:seq(1, 3), {A =:= B, erts_debug:same(A, B), erts_debug:size({A, B}), erts_debug:same(A, A)}.

%% Sending copies, and what was shared is not.
t_sent_list_c_is_copied_whole() -> A = lists:seq(1, 10), C = lists:seq(101, 105) ++ A, sent(fun(S) -> S ! C end, 1).
t_list_a_is_sent_again() -> A = lists:seq(1, 10), C = lists:seq(101, 105) ++ A, sent(fun(S) -> S ! C, S ! A end, 2).
t_sent_in_one_message() -> A = lists:seq(1, 10), C = lists:seq(101, 105) ++ A, sent(fun(S) -> S ! {A, C} end, 1).
t_sent_doubled() -> sent(fun(S) -> S ! doubled(5) end, 1).
t_sent_to_itself() -> [to_itself(Where) || Where <- [on_heap, off_heap]].
t_sent_to_itself_and_collected() -> T = [{id(1), id(2)} | lists:seq(1, 100)], [self() ! {N, T} || N <- [1, 2, 3]], erlang:garbage_collect(), [begin erlang:garbage_collect(), receive {N, M} -> {erts_debug:same(T, M), length(M)} end end || N <- [2, 1, 3]].
t_heavy_sent_to_itself_in_order() -> S = self(), P = spawn(fun() -> [S ! {other, N} || N <- lists:seq(1, 500)] end), pause(P), [self() ! {own, N} || N <- lists:seq(1, 500)], All = [receive X -> X end || _ <- lists:seq(1, 1000)], {[N || {own, N} <- All] =:= lists:seq(1, 500), [N || {other, N} <- All] =:= lists:seq(1, 500)}.
t_spawned_with_what_is_shared() -> S = self(), D = doubled(5), spawn(fun() -> S ! {size, erts_debug:size(D)} end), receive {size, N} -> {erts_debug:size(D), N} end.
t_kept_in_the_dictionary() -> T = {id(1), id(2)}, put(shared, {T, T}), erts_debug:size(get(shared)).
t_literals_are_not_copied() -> S = self(), P = spawn(fun() -> receive L -> S ! {same, erts_debug:same(L, literal())} end end), P ! literal(), receive {same, X} -> X end.

%% Collection of one process is its own affair.
t_heavy_each_process_is_collected_alone() ->
    {P, M} = spawn_monitor(?MODULE, waiting, [a, b]), pause(P),
    Before = process_info(P, garbage_collection),
    [erlang:garbage_collect() || _ <- lists:seq(1, 20)],
    After = process_info(P, garbage_collection), exit(P, kill), receive {'DOWN', M, _, _, _} -> Before =:= After end.
t_heavy_heap_grows_when_a_collection_frees_too_little() ->
    bare(fun() -> L = lists:seq(1, 100000), {total_heap_size, T} = process_info(self(), total_heap_size), {T >= 200000, length(L)} end).
t_heavy_heap_shrinks_when_little_is_used() ->
    bare(fun() -> 200000 = length(lists:seq(1, 200000)), {total_heap_size, T1} = process_info(self(), total_heap_size), erlang:garbage_collect(), {total_heap_size, T2} = process_info(self(), total_heap_size), {T1 > 100000, T2 < 2000} end).
t_heavy_the_end_frees_everything() ->
    {P, M} = spawn_monitor(fun() -> L = lists:seq(1, 3000000), receive stop -> length(L) end end), pause(P),
    High = erlang:memory(processes), P ! stop, receive {'DOWN', M, _, _, _} -> ok end,
    lowered(fun() -> erlang:memory(processes) end, High - 40000000, 200).
t_heavy_killed_by_a_collection_that_another_asked_for() -> [outgrown() || _ <- lists:seq(1, 30)].

outgrown() ->
    Go = counters:new(1, []),
    {P, M} = spawn_monitor(fun() ->
        L = lists:seq(1, 20000), erlang:garbage_collect(),
        process_flag(max_heap_size, #{size => 10000, kill => true, error_logger => false}),
        until_one(Go, 2), counters:put(Go, 1, 0), until_one(Go, 1), receive {never, X} -> {X, L} end
    end),
    counters:put(Go, 1, 2), until_one(Go, 0),
    erlang:garbage_collect(P, [{async, asked}]), counters:put(Go, 1, 1),
    receive {'DOWN', M, _, _, Why} -> Why after 5000 -> alive end.

until_one(Counter, N) -> case counters:get(Counter, 1) of N -> ok; _ -> until_one(Counter, N) end.

spin() -> spin().
id(X) -> X.
literal() -> {a, [b, "c"], <<"d">>}.
closure(A, B) -> fun() -> {A, B} end.
doubled(0) -> [id(x)];
doubled(N) -> D = doubled(N - 1), [D | D].
waiting(_, _) -> receive stop -> ok end.
pause(P) -> case process_info(P, status) of {status, waiting} -> ok; undefined -> ok; _ -> erlang:yield(), pause(P) end.
binaries(P) -> {binary, L} = process_info(P, binary), L.
lowered(_, _, 0) -> never;
lowered(Get, To, N) -> case Get() of Now when Now =< To -> lowered; _ -> receive after 10 -> ok end, lowered(Get, To, N - 1) end.

%% In a process that has done nothing yet.
bare(F) ->
    {P, M} = spawn_monitor(fun() -> exit({gave, F()}) end),
    receive {'DOWN', M, process, P, {gave, X}} -> X; {'DOWN', M, process, P, Why} -> {ended, Why} end.
to_itself(Where) ->
    process_flag(message_queue_data, Where), T = {id(1), id(2)}, self() ! {T, T},
    receive M -> {erts_debug:size(M), erts_debug:same(T, element(1, M))} end.
configured(Words) ->
    {P, M} = spawn_opt(fun() -> exit({gave, process_info(self(), [heap_size, min_heap_size])}) end, [monitor, {min_heap_size, Words}]),
    receive {'DOWN', M, process, P, {gave, [{heap_size, _}, Min]}} -> Min end.
deep(0) -> [{total_heap_size, T}, {stack_size, S}] = process_info(self(), [total_heap_size, stack_size]), {0, T, S};
deep(N) -> {D, T, S} = deep(N - 1), {D + 1, T, S}.
kept(N) ->
    B = binary:copy(<<"x">>, N),
    {N, erts_debug:flat_size(B), length([x || {_, Size, _} <- binaries(self()), Size =:= N, byte_size(B) =:= N])}.
sent_words(X) -> S = self(), spawn(fun() -> receive Y -> S ! {words, erts_debug:flat_size(Y), erts_debug:same(X, Y)} end end) ! X, receive {words, N, Same} -> {N, Same} end.
%% Sizes of what a process was sent, all messages together, beside those of the sender's terms.
sent(Send, Count) ->
    S = self(),
    P = spawn(fun() -> All = [receive X -> X end || _ <- lists:seq(1, Count)], S ! {sizes, [erts_debug:size(X) || X <- All], erts_debug:size(All) - 2 * Count} end),
    Send(P), receive {sizes, Each, Together} -> {Each, Together} end.
