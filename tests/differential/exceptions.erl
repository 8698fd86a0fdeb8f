%% Exceptions: classes, reasons, traces, cleanup.
-module(exceptions).
-compile([export_all, nowarn_export_all]).

t_raise_traces() -> [try erlang:raise(error, x, T) of X -> X catch _:_:S -> S end || T <- [[{a, b, 1}], [{a, b, [x]}], [{fun lists:map/2, [1]}], [{fun lists:map/2, [1], []}], [{a, b, 1, [{line, 2}]}, {c, d, 2}], [{a, b}], [{a, 1, 1}]]].
t_throw() -> try throw(x) catch T -> {caught, T} end.
t_error() -> try error(x) catch error:R -> R end.
t_exit() -> try exit(x) catch exit:R -> R end.
t_class() -> [try F() catch C:R -> {C, R} end || F <- [fun() -> throw(a) end, fun() -> error(b) end, fun() -> exit(c) end]].
t_old_catch() -> [catch throw(a), catch exit(b), element(1, catch error(c)), catch 1 + 1].
t_after() -> self() ! start, X = try throw(a) catch _ -> caught after self() ! done end, {X, flush()}.
t_after_rethrow() -> catch (try throw(a) after self() ! cleanup end), flush().
t_nested() -> try try error(inner) catch error:inner -> throw(outer) end catch outer -> ok end.
t_of() -> [try X of 1 -> one; 2 -> two catch _:_ -> never end || X <- [1, 2]].
t_of_clause() -> try id(3) of 1 -> one catch _:_ -> never end.
t_badmatch() -> {a, X} = id({b, 1}), X.
t_case_clause() -> case id(1) of 2 -> ok end.
t_if_clause() -> X = id(1), if X > 2 -> ok end.
t_function_clause() -> only_one(2).
t_function_clause_args() -> only_two(a, [1, 2]).
t_undef() -> no_such_module:no_such_function(1, 2).
t_undef_local() -> lists:no_such_function(1).
t_badfun() -> F = id(not_a_fun), F(1).
t_badarity() -> F = id(fun(X) -> X end), F(1, 2).
t_badarg() -> atom_to_list(id(1)).
t_badarith() -> id(a) * 2.
t_badmap() -> maps:put(a, 1, id(x)).
t_badkey() -> maps:get(a, id(#{})).
t_badrecord() -> element(5, id({a, b})).
t_try_clause() -> try id(1) of 2 -> x catch throw:_ -> y end.
t_lists_badarg() -> lists:reverse(id([a | b])).
t_length() -> length(id([a | b])).
t_hd() -> hd(id([])).
t_trace() -> try deep(3) catch error:deep:S -> [{M, F, A} || {M, F, A, _} <- S, M =:= ?MODULE] end.
t_trace_lines() -> try deep(2) catch error:deep:S -> [proplists:get_value(line, I) || {M, _, _, I} <- S, M =:= ?MODULE] end.
t_trace_tail() -> try tail() catch error:tail:S -> [{F, A} || {M, F, A, _} <- S, M =:= ?MODULE] end.
t_trace_depth() -> Old = erlang:system_flag(backtrace_depth, 8), R = [begin erlang:system_flag(backtrace_depth, N), [try within(F, 3) catch _:_:S -> [{M, G} || {M, G, _, _} <- S, M =/= runner] end || F <- [fun() -> 1 / id(0) end, fun() -> atom_to_list(id(1)) end, fun() -> foo:bar() end, fun() -> error(x) end]] end || N <- [0, 1, 2, 3]], M = [erlang:system_flag(backtrace_depth, N) || N <- [1000, 8]], erlang:system_flag(backtrace_depth, Old), {R, M}.
within(F, 0) -> [F()];
within(F, N) -> [within(F, N - 1)].
t_raise() -> try erlang:raise(error, x, [{a, b, 1, []}]) catch C:R:S -> {C, R, S} end.
t_raise_bad() -> erlang:raise(foo, x, []).
t_reraise() -> try try error(a) catch C:R:S -> erlang:raise(C, {again, R}, S) end catch error:X -> X end.
t_error_args() -> try error(bad, [1, 2]) catch error:bad:S0 -> [{_, F, A, _} | _] = S0, {F, A} end.
t_error_info() -> try error(bad, [1], [{error_info, #{cause => c}}]) catch error:bad:S0 -> [{_, _, _, I} | _] = S0, proplists:get_value(error_info, I) end.
t_native_info() -> try atom_to_binary(id(1)) catch error:badarg:S0 -> [{M, F, A, I} | _] = S0, {M, F, A, proplists:get_value(error_info, I)} end.
t_format() -> try element(id(9), {a}) catch error:R:S -> lists:flatten(erl_error:format_exception(error, R, S, #{stack_trim_fun => fun(M, _, _) -> M =/= erlang andalso M =/= ?MODULE end})) end.
t_catch_in_loop() -> lists:sum([try case N rem 3 of 0 -> throw(N); _ -> N end catch X -> -X end || N <- lists:seq(1, 1000)]).
t_heavy_deep_catch() -> deep_catch(1000).
t_heavy_throw_through() -> catch through(500).
t_gc_in_handler() -> try error(lists:seq(1, 500)) catch error:L -> garbage_collect(), lists:sum(L) end.
t_trace_survives_gc() -> try deep(3) catch error:deep:S -> garbage_collect(), length([x || {?MODULE, deep, _, _} <- S]) end.
t_fun_trace() -> F = fun(X) -> 1 + X end, try F(id(a)) catch error:badarith:S -> hd([{F2, A} || {M, F2, A, _} <- S, M =:= ?MODULE]) end.
t_apply_undef() -> try apply(?MODULE, nothing, [1]) catch error:undef:S0 -> [{M, F, A, _} | _] = S0, {M, F, A} end.
t_exit_trace() -> try exit(x) catch exit:x:S -> is_list(S) end.
t_guard_fails() -> [g(X) || X <- [1, a, [], {}]].
t_andalso() -> try id(1) andalso true catch error:R -> R end.
t_not() -> not id(1).
t_bool_and() -> id(true) and id(1).
t_stack_depth() -> try deep(50) catch error:deep:S -> length(S) end.
t_list_comp_bad() -> [X || X <- id(foo)].
t_bin_comp_bad() -> [X || <<X>> <= id(foo)].
t_bad_generator_tail() -> [X || X <- id([1 | 2])].
t_bad_filter() -> [X || X <- [1], id(X)].

deep(0) -> error(deep);
deep(N) -> [N | deep(N - 1)].
tail() -> tail2().
tail2() -> error(tail).
deep_catch(0) -> throw(bottom);
deep_catch(N) -> try deep_catch(N - 1) catch throw:X when N =:= 1000 -> {top, X} end.
through(0) -> throw(ball);
through(N) -> X = through(N - 1), id(X).
only_one(1) -> ok.
only_two(1, _) -> ok.
g(X) when X + 1 > 1 -> number;
g(X) when length(X) >= 0 -> list;
g(X) when element(1, X) =:= a -> tuple;
g(_) -> other.
flush() -> receive X -> [X | flush()] after 0 -> [] end.
id(X) -> X.
