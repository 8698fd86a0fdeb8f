%% Maps: syntax, the module, order of small and big ones.
-module(mapping).
-compile([export_all, nowarn_export_all]).

t_merge_nothing() -> S = id(#{a => 1}), L = maps:from_list([{N, N} || N <- lists:seq(1, 200)]), [erts_debug:same(maps:merge(A, B), M) || M <- [S, L], {A, B} <- [{#{}, M}, {M, #{}}, {M, M}]].
t_first_missing_key() -> M = #{1.0 => a, 1 => b}, [catch_it(fun() -> M#{42.0 := x, 42 := y} end), catch_it(fun() -> M#{42 => v, 42.0 := x, 43 := y} end)].
t_syntax() -> M = #{a => 1, b => 2}, #{a := X} = M, {X, M#{c => 3}, M#{a := 9}, maps:size(M)}.
t_bad_update() -> M = id(#{a => 1}), M#{b := 2}.
t_not_a_map() -> M = id(foo), M#{a => 1}.
t_match_missing() -> #{z := X} = id(#{a => 1}), X.
t_guard() -> [f(M) || M <- [#{}, #{a => 1}, #{a => 2, b => 3}, foo]].
t_keys() -> [{K, maps:get(K, #{1 => a, 1.0 => b, "x" => c, <<"y">> => d, {t} => e}, none)} || K <- [1, 1.0, "x", <<"y">>, {t}, 2]].
t_equal() -> [#{1 => a} == #{1.0 => a}, #{1 => 1} == #{1 => 1.0}, #{1 => 1} =:= #{1 => 1.0}, #{a => 1} < #{b => 0}, #{a => 1, b => 1} < #{c => 0}].
t_big_order() -> maps:to_list(maps:from_list([{N, N} || N <- lists:seq(1, 100)])).
t_big_mixed_order() -> maps:keys(maps:from_list([{K, x} || N <- lists:seq(1, 40), K <- [N, float(N), <<N>>, [N], {N, N}, integer_to_list(N)]])).
t_bignum_keys() -> maps:keys(maps:from_list([{1 bsl N, x} || N <- lists:seq(1, 150)])).
t_border() -> [maps:size(maps:from_list([{N, N} || N <- lists:seq(1, S)])) || S <- [31, 32, 33, 34, 1000]].
t_shrink() -> M = maps:from_list([{N, N} || N <- lists:seq(1, 40)]), maps:to_list(lists:foldl(fun maps:remove/2, M, lists:seq(1, 20))).
t_fold() -> maps:fold(fun(K, V, A) -> K + V + A end, 0, maps:from_list([{N, N * 2} || N <- lists:seq(1, 500)])).
t_map() -> maps:map(fun(K, V) -> {K, V} end, #{a => 1, b => 2}).
t_filter() -> maps:filter(fun(K, _) -> K rem 2 =:= 0 end, maps:from_list([{N, N} || N <- lists:seq(1, 70)])).
t_merge() -> [maps:merge(#{a => 1, b => 2}, #{b => 3, c => 4}), maps:size(maps:merge(big(100), big(150))), maps:merge(big(3), big(50)) =:= big(50)].
t_merge_with() -> maps:merge_with(fun(_, A, B) -> A + B end, #{a => 1, b => 2}, #{b => 3, c => 4}).
t_intersect() -> {maps:intersect(#{a => 1, b => 2}, #{b => 3}), maps:with([a], #{a => 1, b => 2}), maps:without([a], #{a => 1, b => 2})}.
t_find() -> {maps:find(a, #{a => 1}), maps:find(b, #{a => 1}), maps:take(a, #{a => 1, b => 2}), maps:take(z, #{})}.
t_iterator() -> I = maps:iterator(big(50)), drain(maps:next(I), []).
t_iterator_small() -> drain(maps:next(maps:iterator(#{a => 1, b => 2})), []).
t_from_keys() -> {maps:from_keys([a, b], 1), maps:size(maps:from_keys(lists:seq(1, 200), x))}.
t_update_with() -> {maps:update_with(a, fun(X) -> X + 1 end, #{a => 1}), maps:update_with(b, fun(X) -> X end, 7, #{a => 1})}.
t_bad() -> [catch_it(F) || F <- [fun() -> maps:get(a, #{}) end, fun() -> maps:get(a, x) end, fun() -> maps:from_list([a]) end, fun() -> maps:update(a, 1, #{}) end, fun() -> maps:keys(x) end, fun() -> maps:merge(#{}, 1) end, fun() -> map_size(x) end]].
t_nested() -> M = #{a => #{b => #{c => [1, 2]}}}, #{a := #{b := #{c := [X | _]}}} = M, X.
t_heavy_update_many() -> M = lists:foldl(fun(N, A) -> A#{N rem 100 => N} end, #{}, lists:seq(1, 2000)), {maps:size(M), erlang:phash2(M)}.
t_delete_all() -> lists:foldl(fun maps:remove/2, big(300), lists:seq(1, 300)).
t_hash() -> [erlang:phash2(M) || M <- [#{}, #{a => 1}, big(32), big(33), big(500)]].
t_compare_big() -> [big(40) < big(41), big(40) == big(40), (big(40))#{7 => 8} < big(40), lists:sort([big(35), #{}, big(34), #{z => 1}]) =:= [#{}, #{z => 1}, big(34), big(35)]].
t_print() -> lists:flatten(io_lib:format("~p ~w", [#{a => [1, 2], "k" => <<"v">>}, #{1 => 2}])).
t_message() -> S = self(), M = big(200), P = spawn(fun() -> receive X -> S ! {X =:= big(200), maps:get(77, X)} end end), P ! M, receive R -> R end.
t_heavy_gc() -> M = lists:foldl(fun(N, A) -> garbage_collect(), A#{N => [N]} end, #{}, lists:seq(1, 60)), erlang:phash2(M).
t_ext() -> binary_to_term(term_to_binary(big(100))) =:= big(100).
t_groups() -> maps:groups_from_list(fun(X) -> X rem 3 end, lists:seq(1, 10)).
t_large_keys() -> K = lists:seq(1, 40000), M = #{K => 1, b => 2, {K} => 3}, L = large(), #{L := 1, {L} := 3, b := B} = M, N = M#{L := 7, b := B + 1, c => 5}, [B, N =:= #{K => 7, b => 3, {K} => 3, c => 5}, is_map_key(L, M), case M of #{[a | L] := _} -> found; _ -> missing end, case id(x) of #{L := _} -> found; _ -> missing end, case M of #{L := _} -> found end].
t_large_keys_fail() -> L = large(), [failed(F) || F <- [fun() -> (id(#{L => 1}))#{[a | L] := 1} end, fun() -> (id(x))#{L := 1} end, fun() -> (id(x))#{L => 1} end, fun() -> #{[b | L] := X} = id(#{L => 1}), X end]].

large() -> lists:seq(1, 40000).
failed(F) -> try F() catch error:{badkey, [a | K]} -> {badkey, length(K)}; error:{badmatch, M} -> {badmatch, map_size(M)}; C:R -> {C, R} end.
big(N) -> maps:from_list([{K, K * K} || K <- lists:seq(1, N)]).
drain(none, Acc) -> lists:reverse(Acc);
drain({K, V, I}, Acc) -> drain(maps:next(I), [{K, V} | Acc]).
f(M) when is_map_key(a, M), map_get(a, M) > 1 -> big;
f(#{a := _}) -> a;
f(M) when map_size(M) =:= 0 -> empty;
f(_) -> other.
catch_it(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.
