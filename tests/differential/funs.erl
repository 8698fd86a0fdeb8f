%% Funs: closures, external funs, apply, what is known of them.
-module(funs).
-compile([export_all, nowarn_export_all]).

t_closure() -> A = id(1), B = id([x]), F = fun(C) -> {A, B, C} end, F(3).
t_counter() -> F = lists:foldl(fun(_, G) -> N = G(), fun() -> N + 1 end end, fun() -> 0 end, lists:seq(1, 50)), F().
t_named() -> F = fun Fact(0) -> 1; Fact(N) -> N * Fact(N - 1) end, F(20).
t_external() -> F = fun lists:reverse/1, {F([1, 2]), F =:= fun lists:reverse/1, erlang:fun_info(F, module), erlang:fun_info(F, type)}.
t_local() -> F = fun double/1, [F(X) || X <- [1, 2]].
t_make() -> F = erlang:make_fun(lists, sum, 1), F([1, 2, 3]).
t_apply() -> [apply(fun(A, B) -> A + B end, [1, 2]), apply(lists, reverse, [[1, 2]]), apply(fun lists:max/1, [[1, 3, 2]])].
t_apply_many() -> apply(fun(A, B, C, D, E, F, G, H, I, J) -> [A, B, C, D, E, F, G, H, I, J] end, lists:seq(1, 10)).
t_module_var() -> M = id(lists), F = id(seq), M:F(1, 5).
t_info() -> F = fun(X) -> X end, [erlang:fun_info(F, I) || I <- [arity, module, type, env]].
t_info_env() -> A = id(7), F = fun() -> A end, erlang:fun_info(F, env).
t_is_function() -> F = fun(_) -> ok end, [is_function(F), is_function(F, 1), is_function(F, 2), is_function(fun lists:map/2, 2), is_function(x)].
t_bad_is_function() -> is_function(fun() -> ok end, id(-1)).
t_equal() -> [mk(1) =:= mk(1), mk(1) =:= mk(2), fun lists:map/2 == fun lists:map/2, fun lists:map/2 == fun lists:map/3].
t_compare() -> lists:sort([fun lists:map/2, a, 1, fun lists:all/2, {}]) .
t_in_message() -> S = self(), A = id(5), P = spawn(fun() -> receive F -> S ! F(3) end end), P ! fun(X) -> X * A end, receive R -> R end.
t_gc() -> A = lists:seq(1, 100), F = fun() -> lists:sum(A) end, garbage_collect(), garbage_collect(), F().
t_ext_format() -> F = fun lists:reverse/1, (binary_to_term(term_to_binary(F)))([1, 2, 3]).
t_local_ext_format() -> A = id(2), F = fun(X) -> X + A end, (binary_to_term(term_to_binary(F)))(40).
t_higher() -> Comp = fun(F, G) -> fun(X) -> F(G(X)) end end, (Comp(fun(X) -> X * 2 end, fun(X) -> X + 1 end))(5).
t_many() -> Fs = [fun(X) -> X + N end || N <- lists:seq(1, 1000)], lists:sum([F(1) || F <- Fs]).
t_print_external() -> lists:flatten(io_lib:format("~w ~p", [fun lists:map/2, fun erlang:'+'/2])).
t_badarity() -> (fun(_) -> ok end)(id(1), id(2)).
t_badarity_external() -> (id(fun lists:reverse/1))(1, 2).
t_undef_external() -> (id(fun no_module:f/0))().
t_function_clause() -> (fun(1) -> ok end)(id(2)).
t_recursion() -> Y = fun(F, N) -> if N =:= 0 -> done; true -> F(F, N - 1) end end, Y(Y, 10000).
t_fun_to_list() -> erlang:fun_to_list(fun lists:map/2).
t_operators() -> [(fun erlang:'+'/2)(1, 2), (fun erlang:'=:='/2)(a, a), lists:map(fun erlang:abs/1, [-1, 2])].
t_case_fun() -> F = case id(1) of 1 -> fun(X) -> {one, X} end; _ -> fun(X) -> {other, X} end end, F(x).

mk(A) -> fun() -> A end.
double(X) -> X * 2.
id(X) -> X.
