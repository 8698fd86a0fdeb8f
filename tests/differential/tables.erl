%% Tables: kinds and options, walks while others write, compressed objects.
-module(tables).
-compile([export_all, nowarn_export_all]).

t_heavy_many_of_one_key() -> [begin T = ets:new(t, [K]), true = ets:insert(T, [{1, X} || X <- lists:seq(1, 12000)] ++ [{2, x}]), F andalso ets:safe_fixtable(T, true), A = ets:delete_object(T, {1, 11000}), N = ets:info(T, size), L = ets:take(T, 1), true = ets:insert(T, [{1, X} || X <- lists:seq(1, 12000)]), M = ets:info(T, size), B = ets:delete(T, 1), {A, N, erlang:phash2(lists:sort(L)), M, B, ets:tab2list(T)} end || K <- [bag, duplicate_bag], F <- [false, true]].
t_heavy_all_of_many_tables() -> Ts = [ets:new(t, []) || _ <- lists:seq(1, 2500)], A = ets:all(), {Ts -- A, length(A) >= 2500, [ets:delete(T) || T <- Ts] =:= [true || _ <- Ts], [T || T <- ets:all(), lists:member(T, Ts)]}.
t_locks_option() -> [catch_it(fun() -> [ets:info(ets:new(t, O), I) || I <- [write_concurrency, decentralized_counters]] end) || O <- [[public, locks(N)] || N <- [1, 64, 65, 3000, 32768, 32769, 0, a]] ++ [[ordered_set, locks(64)], [private, locks(64)], [public, locks(64), {write_concurrency, true}]]].
locks(N) -> {write_concurrency, {debug_hash_fixed_number_of_locks, N}}.
t_dead_heir() -> {P, M} = spawn_monitor(fun() -> ok end), receive {'DOWN', M, _, _, _} -> ok end, T = ets:new(t, [{heir, P, data}]), A = ets:info(T, heir), ets:setopts(T, {heir, self(), data}), B = ets:info(T, heir) =:= self(), ets:setopts(T, {heir, P, data}), {A, B, ets:info(T, heir)}.
t_end_is_no_key() -> T = ets:new(t, [ordered_set]), ets:insert(T, [{a}, {z}]), [catch_it(fun() -> ets:F(T, '$end_of_table') end) || F <- [next, prev]] ++ [ets:next(T, '$'), ets:prev(T, zz)].
t_continuation_of_an_older_table() -> T = ets:new(named, [named_table]), ets:insert(T, [{N, x} || N <- lists:seq(1, 10)]), {_, C} = ets:select(T, [{{'$1', x}, [], ['$1']}], 2), ets:delete(T), ets:new(named, [named_table]), catch_it(fun() -> ets:select(C) end).
t_marks_keep_binaries() -> T = ets:new(t, []), B = binary:copy(<<1>>, 1000), ets:insert(T, {k, B}), ets:safe_fixtable(T, true), ets:delete(T, k), A = length(ets:info(T, binary)), ets:safe_fixtable(T, false), {A, ets:info(T, binary), ets:info(T, size)}.
t_slots() -> T = ets:new(t, []), ets:insert(T, [{N} || N <- lists:seq(1, 1000)]), slots(T, 0, []) =:= lists:seq(1, 1000).
slots(T, N, Acc) -> case ets:slot(T, N) of '$end_of_table' -> lists:sort(Acc); L -> slots(T, N + 1, [K || {K} <- L] ++ Acc) end.
t_slot_beyond() -> T = ets:new(t, []), [catch_it(fun() -> ets:slot(T, element(1, ets:info(T, stats)) + N) end) || N <- [0, 1]].
t_part_of_a_binary() -> T = ets:new(t, []), {_, B} = split_binary(list_to_binary(lists:seq(1, 40)), 20), ets:insert(T, {k, B}), M = ets:info(T, memory), ets:insert(T, {k, binary:copy(B)}), {M =:= ets:info(T, memory), ets:lookup(T, k), erts_debug:flat_size(B) =:= erts_debug:flat_size(binary:copy(B))}.
t_replace_many() -> [begin T = ets:new(t, O), ets:insert(T, [{N, N} || N <- lists:seq(1, 5000)]), {ets:select_replace(T, [{{'$1', '$2'}, [{'=:=', {'rem', '$1', 3}, 0}], [{{'$1', {'*', '$2', 2}}}]}]), lists:sum([V || {_, V} <- ets:tab2list(T)])} end || O <- options()].
t_replace_bad() -> T = ets:new(t, []), ets:insert(T, [{N, N} || N <- lists:seq(1, 2000)]), B = ets:new(t, [bag]), [catch_it(fun() -> ets:select_replace(X, [{{'$1', '$2'}, [], [{{'$2', '$1'}}]}]) end) || X <- [T, B]].
t_clear_fixed() -> [begin T = ets:new(t, O), ets:insert(T, [{N, N} || N <- lists:seq(1, 3000)]), ets:safe_fixtable(T, true), F = ets:first(T), ets:delete_all_objects(T), R = {ets:info(T, size), ets:next(T, F)}, ets:insert(T, {new}), ets:safe_fixtable(T, false), {R, ets:tab2list(T)} end || O <- options()].
t_release_many() -> T = ets:new(t, []), ets:insert(T, [{N} || N <- lists:seq(1, 5000)]), ets:safe_fixtable(T, true), [ets:delete(T, N) || N <- lists:seq(1, 4990)], ets:safe_fixtable(T, false), {element(7, ets:info(T, stats)), lists:sort(ets:tab2list(T))}.
t_walk_both_ways() -> [begin T = ets:new(t, [ordered_set | O]), ets:insert(T, [{N} || N <- lists:seq(1, 200)]), {walk(T, next, ets:first(T), 0), walk(T, prev, ets:last(T), 0)} end || O <- [[], [public, {write_concurrency, true}]]].
walk(_, _, '$end_of_table', N) -> N;
walk(T, F, K, N) -> walk(T, F, ets:F(T, K), (N * 31 + K) band 16#ffffff).
%% Keys that stay are seen once each, in order, whatever others write.
t_heavy_walk_while_others_write() -> T = ets:new(t, [ordered_set, public, {write_concurrency, true}]), Kept = [K * 10 || K <- lists:seq(1, 500)], ets:insert(T, [{K, kept} || K <- Kept]), Me = self(), Ws = [spawn_link(fun() -> others(T, O, 500), Me ! {done, self()} end) || O <- [1, 2, 3]], Seen = [lists:usort([Kept =:= seen(T, How) || _ <- lists:seq(1, 5)]) || How <- [keys, select, reverse, portions]], [receive {done, W} -> ok end || W <- Ws], {Seen, ets:info(T, size), Kept =:= seen(T, keys)}.
others(_, _, 0) -> ok;
others(T, O, N) -> K = (N * 7919 rem 500) * 10 + O, ets:insert(T, {K, O}), ets:insert(T, [{K + 10 * I, O} || I <- lists:seq(1, 3)]), [ets:delete(T, K + 10 * I) || I <- lists:seq(0, 3)], others(T, O, N - 1).
seen(T, keys) -> [K || K <- keys(T, ets:first(T)), K rem 10 =:= 0];
seen(T, select) -> [K || {K, kept} <- ets:select(T, [{{'$1', '_'}, [], ['$_']}])];
seen(T, reverse) -> lists:reverse([K || {K, kept} <- ets:select_reverse(T, [{{'$1', '_'}, [], ['$_']}])]);
seen(T, portions) -> portions(ets:select(T, [{{'$1', kept}, [], ['$1']}], 7)).
keys(_, '$end_of_table') -> [];
keys(T, K) -> [K | keys(T, ets:next(T, K))].
portions('$end_of_table') -> [];
portions({L, C}) -> L ++ portions(ets:select(C)).

%% Who inserts into a table that is being deleted has inserted, or fails.
t_heavy_insert_while_deleted() -> lists:usort([race(O, L) || O <- options(), L <- [1, 30, 3000], _ <- lists:seq(1, 5)]).
race(O, L) -> T = ets:new(t, [public | O -- [public]]), Ws = [spawn_monitor(fun() -> fresh(T, [{N * L + Z} || Z <- lists:seq(1, L)], true) end) || N <- [1]], receive after 3 -> ok end, ets:delete(T), [receive {'DOWN', M, _, _, R} -> R end || {_, M} <- Ws].
fresh(T, L, First) -> try {ets:insert_new(T, L), ets:lookup(T, element(1, hd(L)))} of {First, [_]} -> fresh(T, L, false); Other -> exit({Other, First}) catch error:badarg -> ok end.
t_portions_of_shards() -> [begin T = ets:new(t, [K, public | O]), ets:insert(T, [{N, N} || N <- lists:seq(1, 500)]), [lists:sort(portions(ets:select(T, [{{'$1', '_'}, [], ['$1']}], L))) =:= lists:seq(1, 500) || L <- [13, 100, 499, 500, 501]] end || K <- [set, bag, duplicate_bag], O <- [[], [{write_concurrency, true}]]].
t_ram_file() -> {ok, F} = file:open(<<"hello">>, [ram, read, write, binary]), R = [file:read(F, 2), file:position(F, eof), file:write(F, " world"), file:pread(F, 0, 100), file:pread(F, [{0, 2}, {100, 2}]), file:pwrite(F, 14, <<"!">>), ram_file:get_file(F), ram_file:get_size(F), file:position(F, {bof, -1}), file:position(F, 4), file:truncate(F), ram_file:get_file(F), file:sync(F), file:advise(F, 0, 0, normal), file:allocate(F, 0, 10)], ok = file:close(F), R ++ [file:read(F, 1)].
t_ram_file_as_list() -> {ok, F} = file:open("hello", [ram, read]), R = [file:read(F, 3), file:write(F, "x"), file:truncate(F), file:read(F, 10), file:read(F, 1)], file:close(F), R.
t_ram_file_ports() -> P = open_port({spawn, "ram_file_drv"}, [binary]), port_command(P, [1, <<3:32>>, "abc"]), A = get(P, 1), port_command(P, [30]), B = get(P, 1), port_command(P, [4, "x"]), C = get(P, 1), port_command(P, [77]), D = get(P, 0), I = [erlang:port_info(P, X) || X <- [name, input, output]], port_close(P), {A, B, C, D, I}.
get(P, N) -> receive {P, X} -> X after N * 5000 -> none end.

%% Compressed tables give what others give.
t_compressed() -> [same(fun(T) -> F(T) end, K) || K <- [set, bag, ordered_set], F <- [fun lookups/1, fun selects/1, fun deletes/1]] ++ [same(F, K) || K <- [set, ordered_set], F <- [fun counters/1, fun elements/1]].
same(F, Kind) -> [A, B] = [begin T = ets:new(t, [Kind, {keypos, 2} | O]), ets:insert(T, objects()), R = F(T), {R, lists:sort(ets:tab2list(T))} end || O <- [[], [compressed]]], case A =:= B of true -> erlang:phash2(A); false -> {A, B} end.
objects() -> R = ref(), [{N, {key, N}, lists:seq(1, 50), "text", 1.5, 1 bsl 80, <<N, 1, 2>>, binary:copy(<<N>>, 100), #{N => [a]}, R, fun erlang:abs/1} || N <- lists:seq(1, 30)].
ref() -> case get(ref) of undefined -> R = <<"r">>, put(ref, R), R; R -> R end.
lookups(T) -> [{ets:lookup(T, {key, N}), catch_it(fun() -> ets:lookup_element(T, {key, N}, 3) end), ets:member(T, {key, N})} || N <- [1, 7, 31]].
selects(T) -> [lists:sort(ets:select(T, [{{'$1', '_', '$2', '_', '_', '$3', '_', '_', '$4', '_', '_'}, [{'>', '$1', 5}], [{{'$1', {hd, '$2'}, '$3', '$4'}}]}])), lists:sort(ets:match(T, {'$1', '_', '_', "text", '_', '_', '_', '_', '_', '_', '_'})), ets:select_count(T, [{{'$1', '_', '_', '_', 1.5, '_', '_', '_', '_', '_', '_'}, [], [true]}]), ets:select_delete(T, [{{'_', '_', '_', '_', '_', '_', <<4, 1, 2>>, '_', '_', '_', '_'}, [], [true]}])].
deletes(T) -> [O | _] = objects(), [ets:delete_object(T, O), ets:take(T, {key, 2}), ets:delete(T, {key, 3}), ets:match_delete(T, {5, '_', '_', '_', '_', '_', '_', '_', '_', '_', '_'})].
counters(T) -> [catch_it(fun() -> ets:update_counter(T, {key, 1}, Op) end) || Op <- [{1, 5}, [{1, 1}, {6, 1}], {6, -(1 bsl 80)}, {4, 1}, {2, 1}, {1, 1 bsl 90}]] ++ [ets:update_counter(T, new, {1, 2}, {0, x, "default of some length, that can be packed"})].
elements(T) -> [catch_it(fun() -> ets:update_element(T, {key, 1}, E) end) || E <- [{1, "other"}, [{3, x}, {4, lists:seq(1, 100)}], {2, y}, {12, z}]].
t_compressed_is_smaller() -> [A, B] = [begin T = ets:new(t, O), ets:insert(T, [{N, lists:seq(1, 200), "some text"} || N <- lists:seq(1, 100)]), ets:info(T, memory) end || O <- [[], [compressed]]], {B < A div 5, ets:info(ets:new(t, [compressed]), compressed)}.
t_compressed_keeps_tables_usable() -> T = ets:new(t, []), C = ets:new(c, [compressed]), ets:insert(C, {k, [T, self()], fun(X) -> {T, X} end}), [{k, [U, P], F}] = ets:lookup(C, k), ets:insert(U, {x}), {ets:lookup(T, x), P =:= self(), F(1) =:= {T, 1}}.
t_large_objects() -> L = lists:seq(1, 20000), [begin T = ets:new(t, O), K = {L}, [ets:insert(T, {K, L, a}), ets:insert_new(T, {{lists:seq(1, 20000)}, b}), ets:lookup(T, K) =:= [{K, L, a}], length(ets:lookup_element(T, K, 2)), ets:member(T, K), ets:delete_object(T, {K, L, b}), ets:info(T, size), length(ets:take(T, K)), ets:lookup(T, K)] end || O <- [[], [ordered_set], [compressed]]].
t_many_objects_of_a_key() -> T = ets:new(t, [duplicate_bag]), ets:insert(T, [{1, N} || N <- lists:seq(1, 40000)]), [length(ets:lookup(T, 1)), lists:sum(ets:lookup_element(T, 1, 2)), ets:delete(T, 1), ets:info(T, size)].
t_many_tables_end_with_their_owner() -> Me = self(), {P, M} = spawn_monitor(fun() -> Ts = [ets:new(t, []) || _ <- lists:seq(1, 300)], Me ! Ts, receive stop -> ok end end), Ts = receive L -> L end, P ! stop, receive {'DOWN', M, _, _, Why} -> ok end, {Why, lists:usort([ets:info(T) || T <- Ts]), is_process_alive(P), lists:member(P, processes())}.
t_a_table_shrinks() -> T = ets:new(t, []), ets:insert(T, [{N, N} || N <- lists:seq(1, 30000)]), Deleted = ets:select_delete(T, [{{'$1', '_'}, [{'>', '$1', 10}], [true]}]), {Deleted, lists:sort(ets:tab2list(T))}.

options() -> [[], [public, {write_concurrency, true}], [ordered_set], [ordered_set, public, {write_concurrency, true}], [compressed]].
catch_it(F) -> try F() catch C:R -> {C, R} end.
