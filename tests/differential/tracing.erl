%% Tracing of calls: what tracers are told, and what trace_info says.
-module(tracing).
-compile([export_all, nowarn_export_all, nowarn_unused_function, nowarn_obsolete_guard]).

%% What is traced.

leaf(X) -> {leaf, X}.
outer(X) -> {inner(X)}.
inner(X) -> [leaf(X)].
tail(X) -> leaf(X).
count_down(0) -> done;
count_down(N) -> count_down(N - 1).
deep(0) -> 0;
deep(N) -> 1 + deep(N - 1).
fails(X) -> {hd(X)}.
fails_below(X) -> {fails(X)}.
catches(X) -> try fails_below(X) of V -> V catch C:R -> {C, R} end.
throws(X) -> throw({ball, X}).
catches_ball(X) -> {catch throws(X)}.
native(X) -> {erlang:phash2(X, 1)}.
native_last(X) -> erlang:phash2(X, 1).
by_fun(X) -> {(a_fun(X))(1)}.
a_fun(X) -> fun(Y) -> {X, leaf(Y)} end.
matched(<<A, Rest/binary>>) -> {A, rest(Rest)}.
rest(<<B, Rest/binary>>) -> [B | rest(Rest)];
rest(<<>>) -> [].
many(A, B, C, D, E, F, G, H, I, J) -> {A, B, C, D, E, F, G, H, I, J}.
waits() -> receive {_, stop} -> ok; {From, X} -> From ! {self(), leaf(X)}, waits() end.
yields(X) -> erlang:yield(), leaf(X).
long(X) -> length(binary_to_list(X)).

%% Runs Fun in a process that is traced with Flags, with patterns set and cleared around it; gives
%% its result and what the tracer was told.
traced(Flags, Patterns, Fun) ->
    traced_more(Flags, Patterns, Fun, fun(_) -> ok end).

traced_more(Flags, Patterns, Fun, Then) ->
    Parent = self(),
    Tracee = spawn(fun() -> receive go -> ok end, R = outcome(Fun), Parent ! {result, R},
                            receive stop -> ok end end),
    1 = erlang:trace(Tracee, true, Flags),
    [erlang:trace_pattern(MFA, Spec, Options) || {MFA, Spec, Options} <- Patterns],
    Tracee ! go,
    Result = case Then of
        {meanwhile, Do} -> Do(Tracee), receive {result, R} -> R after 10000 -> timeout end;
        _ -> receive {result, R} -> Then(Tracee), R after 10000 -> timeout end
    end,
    Told = told(Tracee),
    [erlang:trace_pattern(MFA, false, Options) || {MFA, _, Options} <- Patterns],
    exit(Tracee, kill),
    {Result, Told}.

outcome(Fun) -> try Fun() catch C:R -> {C, R} end.

told(Tracee) ->
    Ref = erlang:trace_delivered(Tracee),
    told(Tracee, Ref, []).

told(Tracee, Ref, Acc) ->
    receive
        {trace_delivered, Tracee, Ref} -> lists:reverse(Acc);
        M when element(1, M) =:= trace; element(1, M) =:= trace_ts; element(1, M) =:= seq_trace ->
            told(Tracee, Ref, [M | Acc])
    after 10000 -> lists:reverse([no_end | Acc])
    end.

local(F) -> {{?MODULE, F, '_'}, true, [local]}.
local(F, Spec) -> {{?MODULE, F, '_'}, Spec, [local]}.
global(F) -> {{?MODULE, F, '_'}, true, [global]}.
global(F, Spec) -> {{?MODULE, F, '_'}, Spec, [global]}.

-define(ALL, {{?MODULE, '_', '_'}, true, [local]}).

t_local_calls() -> traced([call], [local(outer), local(inner), local(leaf)], fun() -> outer(1) end).
t_only_those_that_are_set() -> traced([call], [local(leaf)], fun() -> outer(1) end).
t_global_calls() -> traced([call], [global(outer), global(leaf)], fun() -> ?MODULE:outer(2) end).
t_global_sees_no_local_calls() -> traced([call], [global(inner)], fun() -> ?MODULE:outer(2) end).
t_arity() -> traced([call, arity], [local(outer), local(many)], fun() -> outer(1), many(1, 2, 3, 4, 5, 6, 7, 8, 9, 0) end).
t_many_arguments() -> traced([call], [local(many)], fun() -> many(1, b, "c", {d}, <<"e">>, 6.0, g, h, i, make_ref()) end).
t_not_without_the_flag() -> traced([return_to], [local(outer)], fun() -> outer(1) end).
t_not_without_a_pattern() -> traced([call], [], fun() -> outer(1) end).
t_recursion() -> traced([call], [local(count_down), local(deep)], fun() -> {count_down(3), deep(3)} end).
t_apply() -> traced([call], [global(leaf), local(inner)], fun() -> {apply(?MODULE, leaf, [1]), apply(fun ?MODULE:leaf/1, [2]), apply(fun inner/1, [3])} end).
t_funs() -> traced([call], [{{?MODULE, '-a_fun/1-fun-0-', '_'}, true, [local]}, local(leaf)], fun() -> by_fun(7) end).
t_match_contexts() -> traced([call], [local(rest)], fun() -> matched(<<1, 2, 3, 4>>) end).
t_match_contexts_of_bits() -> traced([call], [local(bits)], fun() -> first_bits(<<5:3, 9:7, 1:2>>) end).
first_bits(<<A:3, R/bitstring>>) -> {A, bits(R)}.
bits(<<A:7, R/bitstring>>) -> {A, bits(R)};
bits(R) -> R.

t_return_to() -> traced([call, return_to], [local(outer), local(inner), local(leaf)], fun() -> outer(1) end).
t_return_to_of_tail_calls() -> traced([call, return_to], [local(tail), local(leaf), local(count_down)], fun() -> {tail(1), count_down(4)} end).
t_return_to_is_for_local_ones() -> traced([call, return_to], [global(outer)], fun() -> {?MODULE:outer(1)} end).
t_return_to_over_a_catch() -> traced([call, return_to], [local(fails), local(catches), local(fails_below)], fun() -> {catches(x)} end).
t_return_to_over_a_ball() -> traced([call, return_to], [local(throws), local(catches_ball)], fun() -> {catches_ball(x)} end).
t_return_to_all() -> traced([call, return_to], [?ALL], fun() -> {outer(1), catches(2), catches_ball(3)} end).

t_natives() -> traced([call], [{{erlang, phash2, 2}, true, []}], fun() -> {native(1), native_last(2)} end).
t_natives_local() -> traced([call, return_to], [{{erlang, phash2, 2}, true, [local]}], fun() -> {native(1), {native_last(2)}} end).
t_natives_return() -> traced([call], [{{erlang, phash2, 2}, [{'_', [], [{return_trace}]}], []}], fun() -> {native(1), {native_last(2)}} end).
t_natives_that_fail() -> traced([call], [{{erlang, atom_to_list, 1}, [{'_', [], [{exception_trace}]}], []}], fun() -> atom_to_list(1) end).
t_natives_that_fail_last() -> traced([call], [{{erlang, list_to_atom, 1}, true, []}, local(fails_last)], fun() -> try fails_last(1) catch _:R:S -> {R, [{M, F, A} || {M, F, A, _} <- lists:sublist(S, 2)]} end end).
fails_last(X) -> list_to_atom(X).
t_natives_by_apply() -> traced([call], [{{erlang, phash2, 2}, true, []}], fun() -> {apply(erlang, phash2, [1, 1]), lists:map(fun(X) -> apply(fun erlang:phash2/2, [X, 1]) end, [1, 2])} end).
t_natives_that_trap() -> traced([call], [{{erlang, binary_to_list, 1}, [{'_', [], [{return_trace}]}], []}], fun() -> long(<<"abc">>) end).
t_natives_that_yield() -> {R, T} = traced([call], [{{erlang, binary_to_list, 1}, [{'_', [], [{message, false}, {return_trace}]}], []}], fun() -> long(binary:copy(<<"abc">>, 200000)) end), {R, [{E, P, F} || {trace, P, E, F, _} <- T]}.
t_error_1() -> traced([call], [{{erlang, error, '_'}, true, []}], fun() -> catches_error() end).
catches_error() -> try erlang:error(x) catch C:R -> {C, R} end.
t_yield() -> traced([call], [local(yields), local(leaf)], fun() -> yields(1) end).
t_receive_at_the_entry() -> traced_more([call], [local(waits), local(leaf)], fun() -> waits() end, {meanwhile, fun(P) -> [begin P ! {self(), N}, receive {P, _} -> ok end end || N <- [1, 2, 3]], P ! {self(), stop} end}).

spec(Body) -> [{'_', [], Body}].
t_return_trace() -> traced([call], [local(outer, spec([{return_trace}])), local(leaf, spec([{return_trace}]))], fun() -> outer(1) end).
t_return_trace_of_recursion() -> traced([call], [local(deep, spec([{return_trace}])), local(count_down, spec([{return_trace}]))], fun() -> {deep(2), count_down(2)} end).
t_return_trace_over_an_exception() -> traced([call], [local(fails, spec([{return_trace}])), local(catches, spec([{return_trace}]))], fun() -> catches(x) end).
t_exception_trace() -> traced([call], [local(fails, spec([{exception_trace}])), local(fails_below, spec([{exception_trace}])), local(catches, spec([{exception_trace}]))], fun() -> catches(x) end).
t_exception_trace_of_a_ball() -> traced([call, return_to], [local(throws, spec([{exception_trace}])), local(catches_ball, spec([{exception_trace}]))], fun() -> catches_ball(x) end).
t_exception_that_ends_it() ->
    {Tracee, Ref} = spawn_monitor(fun() -> receive go -> ok end, fails_below(x) end),
    1 = erlang:trace(Tracee, true, [call]),
    erlang:trace_pattern({?MODULE, '_', '_'}, spec([{exception_trace}]), [local]),
    Tracee ! go,
    receive {'DOWN', Ref, _, _, {Reason, _}} -> ok end,
    erlang:trace_pattern({?MODULE, '_', '_'}, false, [local]),
    {Reason, told(Tracee)}.
t_all_of_them() -> traced([call, return_to], [{{?MODULE, '_', '_'}, spec([{exception_trace}, {message, {caller}}]), [local]}], fun() -> {outer(1), catches(x), tail(3)} end).
t_message() -> traced([call], [local(leaf, [{['$1'], [{'>', '$1', 1}], [{message, {{a, '$1', '$$', '$_'}}}]}])], fun() -> [leaf(N) || N <- [1, 2, 3]] end).
t_message_false() -> traced([call], [local(leaf, [{['$1'], [], [{message, {'>', '$1', 1}}]}])], fun() -> [leaf(N) || N <- [1, 2, 3]] end).
t_message_true() -> traced([call], [local(leaf, spec([{message, true}]))], fun() -> leaf(1) end).
t_guards_select() -> traced([call], [local(leaf, [{[1], [], [{message, one}]}, {['$1'], [{is_atom, '$1'}], [{message, atom}]}])], fun() -> [leaf(N) || N <- [1, 2, a]] end).
t_caller() -> traced([call], [local(leaf, spec([{message, {caller}}])), local(inner, spec([{message, {caller}}]))], fun() -> {outer(1), tail(2)} end).
t_caller_behind_frames() -> traced([call, return_to], [local(leaf, spec([{return_trace}, {message, {caller}}])), local(tail, spec([{return_trace}]))], fun() -> {tail(2)} end).
t_caller_line() -> traced([call], [local(leaf, spec([{message, {caller_line}}]))], fun() -> {outer(1)} end).
t_silent_flag() -> traced([call, silent, return_to], [local(leaf, spec([{return_trace}])), local(inner)], fun() -> outer(1) end).
t_silent_by_specification() -> traced([call], [local(outer, spec([{silent, true}])), local(inner), local(leaf, spec([{silent, false}]))], fun() -> [outer(1), outer(2)] end).
t_self_and_tcw() ->
    Old = erlang:system_flag(trace_control_word, 17),
    R = traced([call], [local(leaf, spec([{set_tcw, {'+', {get_tcw}, 1}}, {message, {{{self}, {get_tcw}}}}]))], fun() -> leaf(1) end),
    {R, erlang:system_flag(trace_control_word, Old)}.
t_process_dump() -> {_, [{trace, _, call, _, Dump}]} = traced([call], [local(leaf, spec([{message, {process_dump}}]))], fun() -> leaf(1) end), {is_binary(Dump), byte_size(Dump) > 10}.
t_disable_trace() -> traced([call], [local(inner, spec([{disable_trace, call}])), local(leaf), local(tail)], fun() -> {outer(1), tail(1)} end).
t_enable_trace() -> traced([call], [local(inner, spec([{enable_trace, arity}])), local(leaf)], fun() -> {outer(1), leaf(1)} end).
t_trace_2() -> traced([call], [local(inner, spec([{message, {trace, [], [arity, return_to]}}])), local(leaf)], fun() -> {outer(1), leaf(1)} end).
t_trace_2_off() -> traced([call, arity], [local(inner, spec([{message, {trace, [arity], []}}])), local(leaf)], fun() -> {outer(1), leaf(1)} end).
t_trace_2_changes_nothing() -> traced([call], [local(leaf, spec([{message, {trace, [], [call]}}]))], fun() -> leaf(1) end).
t_trace_3_of_another() ->
    Other = spawn(fun() -> receive go -> leaf(other) end, receive stop -> ok end end),
    R = traced([call], [local(leaf, [{[{'$1'}], [], [{message, {trace, '$1', [], [call]}}]}, {'_', [], []}])], fun() -> leaf({Other}) end),
    {R, begin Other ! go, erlang:trace_info(Other, flags) end}.
t_set_seq_token_and_display_are_there() -> traced([call], [local(leaf, spec([{message, {{{is_seq_trace}, {get_seq_token}}}}]))], fun() -> leaf(1) end).

shape({trace_ts, _, W, X, T}) -> {W, X, time_shape(T)};
shape({trace_ts, _, W, X, Y, T}) -> {W, X, Y, time_shape(T)};
shape(Other) -> Other.
time_shape({A, B, C}) when is_integer(A), is_integer(B), C < 1000000 -> stamp;
time_shape({A, B}) when is_integer(A), is_integer(B) -> strict;
time_shape(A) when is_integer(A) -> monotonic.
stamped(Flag) ->
    {R, Told} = traced([call, return_to, Flag], [local(outer, spec([{return_trace}]))], fun() -> {outer(1)} end),
    {R, [shape(M) || M <- Told], lists:sort([element(tuple_size(M), M) || M <- Told]) =:= [element(tuple_size(M), M) || M <- Told]}.
t_timestamp() -> stamped(timestamp).
t_monotonic_timestamp() -> stamped(monotonic_timestamp).
t_strict_monotonic_timestamp() -> stamped(strict_monotonic_timestamp).
t_two_timestamps() -> {_, Told} = traced([call, strict_monotonic_timestamp, monotonic_timestamp], [local(leaf)], fun() -> leaf(1) end), [shape(M) || M <- Told].
t_cpu_timestamp() -> {erlang:trace(all, true, [cpu_timestamp]), stamped(timestamp), erlang:trace(all, false, [cpu_timestamp])}.
t_scheduler_id() -> {_, [{trace, _, call, _, Id}]} = traced([call, scheduler_id], [local(leaf)], fun() -> leaf(1) end), is_integer(Id).

t_meta() ->
    erlang:trace_pattern({?MODULE, leaf, 1}, true, [meta]),
    R = in_another(fun() -> outer(1) end),
    erlang:trace_pattern({?MODULE, leaf, 1}, false, [meta]),
    {R, [shape(M) || M <- told(all)]}.
t_meta_specification() ->
    erlang:trace_pattern({?MODULE, '_', '_'}, spec([{return_trace}, {message, {caller}}]), [{meta, self()}]),
    R = in_another(fun() -> {outer(1)} end),
    erlang:trace_pattern({?MODULE, '_', '_'}, false, [meta]),
    {R, [shape(M) || M <- told(all), element(2, M) =/= self()]}.
t_meta_exceptions() ->
    erlang:trace_pattern({?MODULE, fails, '_'}, spec([{exception_trace}]), [meta]),
    R = in_another(fun() -> catches(x) end),
    erlang:trace_pattern({?MODULE, fails, '_'}, false, [meta]),
    {R, [shape(M) || M <- told(all)]}.
t_meta_and_local() ->
    erlang:trace_pattern({?MODULE, leaf, '_'}, spec([{return_trace}]), [meta]),
    {R, Told} = traced([call, return_to], [local(leaf, spec([{return_trace}]))], fun() -> {leaf(1)} end),
    erlang:trace_pattern({?MODULE, leaf, '_'}, false, [meta]),
    {R, [shape(M) || M <- Told]}.
t_meta_of_a_dead_tracer() ->
    Dead = spawn(fun() -> ok end), timer:sleep(20),
    erlang:trace_pattern({?MODULE, leaf, '_'}, true, [{meta, Dead}]),
    leaf(1),
    I = erlang:trace_info({?MODULE, leaf, 1}, all),
    erlang:trace_pattern({?MODULE, leaf, '_'}, false, [meta]),
    I.
t_meta_is_not_for_the_tracer() ->
    erlang:trace_pattern({?MODULE, leaf, '_'}, true, [meta]),
    leaf(1),
    R = told(all),
    erlang:trace_pattern({?MODULE, leaf, '_'}, false, [meta]),
    R.

in_another(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({is, outcome(Fun)}) end),
    receive {'DOWN', Ref, process, Pid, {is, R}} -> R end.

t_call_count() ->
    {_, _} = {erlang:trace_pattern({?MODULE, leaf, 1}, true, [call_count]), ok},
    Count = fun() -> erlang:trace_info({?MODULE, leaf, 1}, call_count) end,
    A = Count(), [leaf(X) || X <- lists:seq(1, 10)], B = Count(), outer(1), in_another(fun() -> leaf(1) end), C = Count(),
    erlang:trace_pattern({?MODULE, leaf, 1}, pause, [call_count]), leaf(1), D = Count(),
    erlang:trace_pattern({?MODULE, leaf, 1}, restart, [call_count]), leaf(1), E = Count(),
    erlang:trace_pattern({?MODULE, leaf, 1}, false, [call_count]), F = Count(),
    erlang:trace_pattern({?MODULE, leaf, 1}, restart, [call_count]), G = Count(),
    {A, B, C, D, E, F, G}.
t_call_count_of_tail_calls() ->
    erlang:trace_pattern({?MODULE, count_down, 1}, true, [call_count]),
    count_down(100000),
    R = erlang:trace_info({?MODULE, count_down, 1}, call_count),
    erlang:trace_pattern({?MODULE, count_down, 1}, false, [call_count]),
    R.
t_call_time() ->
    Time = fun(F, A) -> {call_time, L} = erlang:trace_info({?MODULE, F, A}, call_time), is_list(L) andalso lists:sort([{is_pid(P), N, S} || {P, N, S, U} <- L, U >= 0]) end,
    {_, _} = traced_more([call], [{{?MODULE, leaf, 1}, true, [call_time]}, {{?MODULE, deep, 1}, true, [call_time]}, {{?MODULE, count_down, 1}, true, [call_time]}],
        fun() -> {outer(1), deep(5), count_down(7), catches(x), leaf(2)} end,
        fun(_) -> self() ! {times, Time(leaf, 1), Time(deep, 1), Time(count_down, 1)} end),
    receive {times, A, B, C} -> {A, B, C, Time(leaf, 1)} end.

info() -> erlang:trace_info({?MODULE, leaf, 1}, all).
t_info_of_nothing() -> {info(), erlang:trace_info({?MODULE, nope, 1}, all), erlang:trace_info({nope, nope, 1}, traced), erlang:trace_info({?MODULE, leaf, 1}, traced)}.
t_info_of_functions() ->
    I = fun(Spec, Options) -> N = erlang:trace_pattern({?MODULE, leaf, 1}, Spec, Options), {N, info()} end,
    A = I(true, []), B = I(spec([]), [global]), C = I(true, [local]), D = I(spec([{message, x}]), [meta]), E = I(true, [call_count]),
    F = I(pause, [call_count]), G = I(false, [local]), H = I(true, [global]), J = I(false, [meta]), K = I(false, [global]),
    {A, B, C, D, E, F, G, H, J, K, [erlang:trace_info({?MODULE, leaf, 1}, X) || X <- [traced, match_spec, meta, meta_match_spec, call_count, call_time]]}.
t_counts_of_patterns() ->
    [erlang:trace_pattern(M, S, O) || {M, O} <- [{{?MODULE, leaf, 1}, [local]}, {{?MODULE, leaf, '_'}, []}, {{?MODULE, nope, 1}, [local]}, {{nope, '_', '_'}, []}, {{erlang, phash2, '_'}, [local]}, {{erlang, phash2, '_'}, []}, {{erlang, '!', 2}, []}, {{lists, reverse, '_'}, [local]}, {{lists, reverse, '_'}, []}], S <- [true, false]].
t_bad_patterns() ->
    [outcome(fun() -> erlang:trace_pattern(M, S, O) end) || {M, S, O} <-
      [{{?MODULE, '_', 1}, true, []}, {{1, a, 1}, true, []}, {{?MODULE, a, b}, true, []}, {x, true, []}, {{?MODULE, leaf, 1}, true, [x]},
       {{?MODULE, leaf, 1}, true, [global, local]}, {{?MODULE, leaf, 1}, true, [local, global]}, {{?MODULE, leaf, 1}, [x], [local]},
       {{?MODULE, leaf, 1}, [{'_', [], []}], [call_count]}, {{?MODULE, leaf, 1}, true, [{meta, x}]}, {{?MODULE, leaf, 1}, true, local},
       {{?MODULE, leaf, 1}, x, [local]}, {on_load, x, [local]}]].
t_bad_traces() ->
    P = spawn(fun() -> receive stop -> ok end end), Dead = spawn(fun() -> ok end), timer:sleep(20),
    [outcome(fun() -> erlang:trace(W, H, F) end) || {W, H, F} <-
      [{P, true, [x]}, {P, x, [call]}, {x, true, [call]}, {P, true, call}, {P, true, [call | x]}, {P, true, [cpu_timestamp]}, {Dead, true, [call]}, {Dead, false, [call]},
       {P, true, [{tracer, x}]}, {P, true, [{tracer, lists, x}]}, {P, true, [{x, P}]}, {P, true, [{tracer, Dead}, call]}]] ++ [erlang:trace_info(P, flags)].
t_only_one_tracer() ->
    P = spawn(fun() -> receive stop -> ok end end),
    T = spawn(fun() -> receive stop -> ok end end),
    A = erlang:trace(P, true, [call]),
    B = outcome(fun() -> erlang:trace(P, true, [{tracer, T}, call]) end),
    C = in_another(fun() -> erlang:trace(P, true, [call]) end),
    D = in_another(fun() -> erlang:trace(P, false, [call]) end),
    E = erlang:trace_info(P, flags),
    F = erlang:trace(P, true, [{tracer, T}, call]),
    G = erlang:trace_info(P, tracer) =:= {tracer, T},
    {A, B, C, D, E, F, G}.
t_a_dead_tracer_leaves() ->
    P = spawn(fun() -> receive stop -> ok end end),
    T = spawn(fun() -> receive stop -> ok end end),
    1 = erlang:trace(P, true, [{tracer, T}, call, arity]),
    A = erlang:trace_info(P, flags),
    exit(T, kill), timer:sleep(20),
    {A, erlang:trace_info(P, flags), erlang:trace_info(P, tracer), erlang:trace(P, true, [call])}.
t_its_own_tracer() ->
    erlang:trace_pattern({?MODULE, leaf, 1}, true, [local]),
    A = erlang:trace(self(), true, [call]), leaf(1),
    B = {erlang:trace_info(self(), tracer) =:= {tracer, self()}, told(self())},
    erlang:trace_pattern({?MODULE, leaf, 1}, false, [local]),
    {A, B}.
t_flags_in_order() ->
    P = spawn(fun() -> receive stop -> ok end end),
    erlang:trace(P, true, [silent, arity, call, return_to, timestamp, monotonic_timestamp, strict_monotonic_timestamp, set_on_spawn, set_on_link, set_on_first_spawn, set_on_first_link]),
    A = erlang:trace_info(P, flags),
    erlang:trace(P, false, [arity, timestamp]),
    {A, erlang:trace_info(P, flags), erlang:trace(P, false, [all]), erlang:trace_info(P, flags), erlang:trace_info(P, tracer)}.
t_sensitive() -> traced([call], [local(leaf)], fun() -> leaf(1), process_flag(sensitive, true), leaf(2), process_flag(sensitive, false), leaf(3) end).
t_new_processes() ->
    erlang:trace(new, true, [call]),
    P = spawn(fun() -> receive go -> leaf(1) end, receive stop -> ok end end),
    A = {erlang:trace_info(P, flags), erlang:trace_info(P, tracer) =:= {tracer, self()}, erlang:trace_info(new, flags), erlang:trace_info(new_processes, tracer) =:= {tracer, self()}},
    erlang:trace(new, false, [all]),
    Q = spawn(fun() -> ok end),
    {A, erlang:trace_info(new, flags), erlang:trace_info(Q, flags) =/= {flags, [call]}}.
t_traces_of_all() -> N = erlang:trace(existing_processes, true, [arity]), M = erlang:trace(existing_processes, false, [all]), {N > 10, M > 10, erlang:trace_info(self(), flags)}.
t_changed_while_it_runs() ->
    Self = self(),
    traced_more([call], [local(leaf)], fun() -> leaf(1), Self ! here, receive more -> ok end, leaf(2) end, {meanwhile, fun(P) ->
        receive here -> ok end, erlang:trace_pattern({?MODULE, leaf, 1}, spec([{return_trace}]), [local]), P ! more end}).
t_cleared_before_it_returns() ->
    traced_more([call, return_to], [local(stays, spec([{return_trace}]))], fun() -> {stays()} end, fun(_) -> ok end).
stays() -> erlang:trace_pattern({?MODULE, stays, 0}, false, [local]), back.
t_stack_traces_do_not_show_it() ->
    {R, _} = traced([call, return_to], [local(fails_deep, spec([{return_trace}]))], fun() -> try {fails_deep(3)} catch error:x:S -> [{F, A} || {?MODULE, F, A, _} <- S] end end), R.
fails_deep(0) -> erlang:error(x);
fails_deep(N) -> {N, fails_deep(N - 1)}.
t_heavy_collections_keep_the_frames() ->
    {R, T} = traced([call, return_to], [local(builds, spec([{return_trace}]))], fun() -> length(builds(2000)) end), {R, length(T), erlang:phash2([X || {trace, _, _, X} <- T])}.
builds(0) -> [];
builds(N) -> L = lists:seq(1, N rem 50), [length(L) | builds(N - 1)].

%% Loading.
compiled(N) ->
    Forms = [{attribute, 1, module, tracing_loaded}, {attribute, 1, export, [{f, 1}, {g, 1}]},
             {function, 1, f, 1, [{clause, 1, [{var, 1, 'X'}], [], [{tuple, 1, [{integer, 1, N}, {call, 1, {atom, 1, h}, [{var, 1, 'X'}]}]}]}]},
             {function, 1, g, 1, [{clause, 1, [{var, 1, 'X'}], [], [{var, 1, 'X'}]}]},
             {function, 1, h, 1, [{clause, 1, [{var, 1, 'X'}], [], [{var, 1, 'X'}]}]}],
    {ok, tracing_loaded, Code} = compile:forms(Forms, []), Code.
load(N) -> code:purge(tracing_loaded), {module, _} = code:load_binary(tracing_loaded, "", compiled(N)).
loaded_info() -> [erlang:trace_info({tracing_loaded, F, 1}, X) || F <- [f, g, h], X <- [traced, call_count, meta]].
t_a_load_clears_breakpoints() ->
    load(1),
    erlang:trace_pattern({tracing_loaded, '_', '_'}, true, [local, meta, call_count]), A = loaded_info(), load(2), B = loaded_info(),
    erlang:trace_pattern({tracing_loaded, '_', '_'}, true, [global]), C = loaded_info(), load(3), D = loaded_info(),
    erlang:trace_pattern({tracing_loaded, '_', '_'}, true, [local]), code:purge(tracing_loaded), E = loaded_info(), code:delete(tracing_loaded), F = loaded_info(), code:purge(tracing_loaded),
    {A, B, C, D, E, F}.
t_flags_as_a_number() ->
    P = idle(),
    [begin erlang:trace(P, true, [F]), I = process_info(P, trace), erlang:trace(P, false, [F]), {F, I} end
     || F <- [send, 'receive', procs, call, running, garbage_collection, timestamp, arity, return_to, silent, set_on_spawn,
              set_on_link, set_on_first_spawn, set_on_first_link, exiting, scheduler_id, monotonic_timestamp,
              strict_monotonic_timestamp, ports, running_ports, running_procs, all]].

%% The operator is no call of the function.
t_send_and_its_operator() ->
    Me = self(),
    [traced([call], [{{erlang, send, 2}, true, Options}], fun() -> Me ! a, erlang:send(Me, b), apply(erlang, send, [Me, c]) end)
     || Options <- [[local], [global]]].

%% A failing on_load function: the calls of what stays are not told, neither are they after it.
t_on_load_of_a_module_that_waits() ->
    Load = fun(Exports, Texts) ->
        Parsed = [begin {ok, Ts, _} = erl_scan:string(T), {ok, F} = erl_parse:parse_form(Ts), F end || T <- Texts],
        Attributes = [{attribute, 1, module, waits}, {attribute, 1, export, Exports}, {attribute, 1, on_load, {f, 0}}],
        {ok, waits, B} = compile:forms(Attributes ++ Parsed),
        code:load_binary(waits, "", B) end,
    erlang:trace_pattern(on_load, true, []),
    Told = tracee([call], fun() ->
        Load([{a, 0}], ["f() -> ok.", "a() -> 1."]), waits:a(),
        erlang:trace_pattern({waits, '_', '_'}, true),
        {error, on_load_failure} = Load([{b, 0}], ["f() -> waits:a(), no.", "b() -> 2."]), waits:a(),
        erlang:trace_pattern({waits, '_', '_'}, true), waits:a(),
        Load([{c, 0}], ["f() -> ok.", "c() -> 3."]), waits:c() end),
    erlang:trace_pattern(on_load, false, []),
    code:purge(waits), code:delete(waits), code:purge(waits),
    [T || {trace, _, call, {waits, _, _}} = T <- Told].

t_on_load() ->
    Reset = fun() -> erlang:trace_pattern(on_load, false, [local, meta, call_count, call_time]), erlang:trace_pattern(on_load, false, [global]) end,
    Reset(),
    I = fun() -> {erlang:trace_info(on_load, all), loaded_info()} end,
    load(1), A = I(),
    erlang:trace_pattern(on_load, true, [global]), load(2), B = I(),
    erlang:trace_pattern(on_load, spec([{message, x}]), [local]), load(3), C = I(),
    erlang:trace_pattern(on_load, true, [call_count]), load(4), D = I(),
    Reset(), load(5), E = I(), code:delete(tracing_loaded), code:purge(tracing_loaded),
    {A, B, C, D, E}.
t_old_code_is_not_traced() ->
    load(1),
    {R, T} = traced_more([call], [{{tracing_loaded, '_', '_'}, true, [local]}], fun() -> tracing_loaded:f(1) end, fun(_) -> load(2), tracing_loaded:f(2) end),
    {R, T}.

%% Processes.
tracee(Flags, Fun) -> tracee(Flags, Fun, fun(_) -> ok end).
tracee(Flags, Fun, Then) ->
    {Pid, Ref} = spawn_monitor(fun() -> receive go -> Fun() end end),
    1 = erlang:trace(Pid, true, Flags),
    Pid ! go,
    Then(Pid),
    receive {'DOWN', Ref, process, Pid, _} -> ok end,
    told(Pid).
idle() -> spawn(fun() -> receive stop -> ok end end).

t_send() -> S = self(), tracee([send], fun() -> S ! one, erlang:send(S, {two}), erlang:send(S, three, []), catch nobody_here ! four, catch 5 ! five, self() ! six end).
t_send_to_names() -> register(tracing_name, S = self()), R = tracee([send], fun() -> tracing_name ! one, {tracing_name, node()} ! two, {nobody_here, node()} ! three, S ! four end), unregister(tracing_name), R.
t_send_to_the_dead() -> P = spawn(fun() -> ok end), timer:sleep(20), tracee([send], fun() -> P ! one end).
t_send_pattern() ->
    S = self(),
    A = erlang:trace_info(send, match_spec),
    1 = erlang:trace_pattern(send, [{['_', {'$1'}], [], [{message, {{x, '$1'}}}]}, {['_', b], [], [{message, false}]}, {['_', c], [], []}], []),
    R = tracee([send], fun() -> S ! a, S ! b, S ! c, S ! {d} end),
    B = erlang:trace_info(send, match_spec),
    1 = erlang:trace_pattern(send, false, []),
    C = erlang:trace_info(send, match_spec),
    Q = tracee([send], fun() -> S ! a end),
    1 = erlang:trace_pattern(send, true, []),
    {A, R, B, C, Q, erlang:trace_info(send, match_spec)}.
t_receive() -> S = self(), tracee(['receive'], fun() -> receive {_, last} -> ok end end, fun(P) -> P ! one, erlang:send(P, {two}), P ! {S, last} end).
t_receive_of_its_own() -> tracee(['receive', send], fun() -> self() ! x, receive x -> ok end end).
t_receive_of_signals() ->
    tracee(['receive'], fun() -> process_flag(trap_exit, true), P = spawn_link(fun() -> exit(bye) end), receive {'EXIT', P, _} -> ok end,
        {Q, R} = spawn_monitor(fun() -> exit(down) end), receive {'DOWN', R, _, Q, _} -> ok end end).
t_receive_pattern() ->
    A = erlang:trace_pattern('receive', false, []),
    R = tracee(['receive'], fun() -> receive last -> ok end end, fun(P) -> P ! last end),
    B = erlang:trace_info('receive', match_spec),
    C = erlang:trace_pattern('receive', true, []),
    {A, R, B, C, erlang:trace_info('receive', match_spec)}.
t_silent_does_not_hush_sends() -> S = self(), tracee([send, silent], fun() -> S ! one end).
t_procs_spawn() -> tracee([procs], fun() -> spawn(?MODULE, leaf, [1]), spawn_link(?MODULE, leaf, [2]), {_, _} = spawn_monitor(?MODULE, leaf, [3]), receive after 50 -> ok end end).
t_procs_spawn_fun() -> tracee([procs], fun() -> spawn(fun() -> ok end) end).
t_procs_links() ->
    P = idle(),
    R = tracee([procs], fun() -> link(P), link(P), unlink(P), unlink(P), catch link(x) end),
    exit(P, kill), R.
t_procs_getting_linked() ->
    tracee([procs], fun() -> receive stop -> ok end end, fun(P) -> link(P), unlink(P), process_info(P, links), P ! stop end).
t_procs_exit() -> [tracee([procs], F) || F <- [fun() -> ok end, fun() -> exit(why) end, fun() -> throw(x) end]].
t_procs_exit_of_an_error() -> [{trace, _, exit, {R, L}}] = tracee([procs], fun() -> hd(x) end), {R, is_list(L)}.
t_procs_killed() -> tracee([procs], fun() -> receive stop -> ok end end, fun(P) -> exit(P, kill) end).
t_procs_exit_by_a_link() ->
    Q = spawn(fun() -> receive {P, go} -> link(P), P ! linked, receive die -> exit(dying) end end end),
    tracee([procs], fun() -> receive linked -> ok end, receive stop -> ok end end, fun(P) -> Q ! {P, go}, process_info(P, links), Q ! die end).
t_procs_names() -> tracee([procs], fun() -> register(tracing_name, self()), unregister(tracing_name), register(tracing_name, self()) end).
t_procs_named_by_another() -> tracee([procs], fun() -> receive stop -> ok end end, fun(P) -> register(tracing_name, P), unregister(tracing_name), P ! stop end).
children(Flags) ->
    S = self(),
    P = spawn(fun() -> receive go -> ok end, A = idle(), B = spawn_link(fun() -> receive stop -> ok end end), C = idle(), S ! {are, [A, B, C]}, receive stop -> ok end end),
    1 = erlang:trace(P, true, Flags),
    P ! go,
    Children = receive {are, L} -> L end,
    R = {[{erlang:trace_info(X, flags), erlang:trace_info(X, tracer)} || X <- [P | Children]]},
    [exit(X, kill) || X <- [P | Children]],
    R.
t_set_on_spawn() -> children([call, set_on_spawn]).
t_set_on_first_spawn() -> children([call, set_on_first_spawn]).
t_set_on_link_of_a_child() -> children([call, set_on_link]).
t_set_on_first_link_of_a_child() -> children([call, set_on_first_link]).
linked(Flags) ->
    S = self(), A = idle(), B = idle(),
    P = spawn(fun() -> receive go -> ok end, link(A), link(B), S ! done, receive stop -> ok end end),
    1 = erlang:trace(P, true, Flags),
    P ! go, receive done -> ok end,
    [process_info(X, links) || X <- [A, B]],
    R = [{erlang:trace_info(X, flags), erlang:trace_info(X, tracer)} || X <- [P, A, B]],
    exit(P, kill), R.
t_set_on_link() -> linked([call, set_on_link]).
t_set_on_first_link() -> linked([call, set_on_first_link]).
t_children_are_told_of() ->
    S = self(), T = tracer(S),
    P = spawn(fun() -> receive go -> Q = spawn(?MODULE, leaf, [1]), monitor(process, Q), receive {'DOWN', _, _, _, _} -> ok end end, S ! done end),
    1 = erlang:trace(P, true, [procs, set_on_spawn, {tracer, T}]),
    P ! go, receive done -> ok end, timer:sleep(50),
    T ! {get, S}, receive {told, L} -> lists:sort([{element(2, M) =:= P, setelement(2, M, p)} || M <- L]) end.
tracer(S) -> spawn(fun() -> collect(S, []) end).
collect(S, L) -> receive {get, S} -> S ! {told, lists:reverse(L)}; M -> collect(S, [M | L]) end.
t_running() ->
    L = tracee([running], fun() -> receive after 20 -> ok end end),
    {lists:usort([{W, is_tuple(F) orelse F} || {trace, _, W, F} <- L]), lists:last([W || {trace, _, W, _} <- L])}.
t_exiting() -> [lists:last(tracee([exiting], fun() -> ok end))].
t_garbage_collection() ->
    L = tracee([garbage_collection], fun() -> erlang:garbage_collect(), erlang:garbage_collect(self(), [{type, major}]) end),
    [{W, [K || {K, V} <- I, is_integer(V)]} || {trace, _, W, I} <- L, W =:= gc_major_start orelse W =:= gc_major_end].
t_heavy_garbage_collection_of_much() ->
    L = tracee([garbage_collection], fun() -> lists:foldl(fun(N, A) -> [N | A] end, [], lists:seq(1, 20000)) end),
    Names = [W || {trace, _, W, _} <- L],
    {lists:member(gc_minor_start, Names), pairs(Names)}.
pairs([gc_minor_start, gc_minor_end | L]) -> pairs(L);
pairs([gc_major_start, gc_major_end | L]) -> pairs(L);
pairs(L) -> L.
t_all_flags() -> P = idle(), {erlang:trace(P, true, [all]), erlang:trace_info(P, flags), erlang:trace(P, false, [all]), erlang:trace_info(P, flags)}.
t_procs_and_receive_of_an_exit() -> tracee([procs, 'receive'], fun() -> process_flag(trap_exit, true), P = spawn_link(fun() -> exit(bye) end), receive {'EXIT', P, _} -> ok end end).
t_procs_of_a_normal_exit_of_a_link() -> tracee([procs], fun() -> {P, R} = spawn_opt(fun() -> ok end, [link, monitor]), receive {'DOWN', R, _, P, _} -> ok end end).
t_send_of_a_large_message() -> S = self(), [{trace, _, send, L, To}] = tracee([send], fun() -> S ! lists:seq(1, 100000) end), receive L -> {length(L), To} end.
t_uncaught_ball() ->
    {Tracee, Ref} = spawn_monitor(fun() -> receive go -> ok end, throws(x) end),
    1 = erlang:trace(Tracee, true, [call]),
    erlang:trace_pattern({?MODULE, throws, '_'}, spec([{exception_trace}]), [local]),
    Tracee ! go,
    receive {'DOWN', Ref, _, _, {Reason, _}} -> ok end,
    erlang:trace_pattern({?MODULE, throws, '_'}, false, [local]),
    {Reason, told(Tracee)}.
t_receive_of_a_timeout() -> tracee(['receive'], fun() -> receive x -> ok after 5 -> ok end, receive y -> ok after 0 -> ok end end).
t_apply_of_error_is_shown() -> traced([call], [{{erlang, error, '_'}, [{'_', [], [{exception_trace}]}], []}], fun() -> try error_by_apply(erlang, error, [x]) catch error:x:S -> [{F, A} || {?MODULE, F, A, _} <- lists:sublist(S, 2)] end end).
error_by_apply(M, F, A) -> apply(M, F, A).
t_receive_specification() ->
    S = self(), N = node(),
    R = [begin
        1 = erlang:trace_pattern('receive', Spec, []),
        tracee(['receive'], fun() -> receive {_, last} -> ok end end, fun(P) -> P ! {S, last} end)
    end || Spec <- [[{[N, S, '_'], [], []}], [{[N, '$1', '_'], [{'=/=', '$1', S}], []}], [{['$1', '_', '_'], [{'=:=', '$1', N}], [{message, {{'$1'}}}]}], [{['_', '_', {'_', last}], [], []}]]],
    I = erlang:trace_info('receive', match_spec),
    Bad = [outcome(fun() -> erlang:trace_pattern(E, Spec, O) end) || {E, Spec, O} <- [{'receive', spec([{caller}]), []}, {'receive', spec([{silent, true}]), []}, {send, spec([{caller}]), []}, {send, true, [global]}, {send, pause, []}]],
    1 = erlang:trace_pattern('receive', true, []),
    {R, I, Bad, outcome(fun() -> erlang:trace_pattern(send, spec([{silent, false}]), []) end), erlang:trace_pattern(send, true, [])}.

%% Calls that go to the error handler of the process instead.

breakpoint(Module, Function, Args) -> {broken, Module, Function, Args}.

undefined_function(Module, Function, Args) -> error_handler:undefined_function(Module, Function, Args).

undefined_lambda(Module, Fun, Args) -> error_handler:undefined_lambda(Module, Fun, Args).

broken(X) -> X + 1.

calls_broken(X, Y) -> {X, broken(Y)}.

breaks(MFA, On) -> try erts_debug:breakpoint(MFA, On) catch Class:Reason -> {Class, Reason} end.

with_breakpoint(Function, Arity, Fun) ->
    process_flag(error_handler, ?MODULE),
    Set = breaks({?MODULE, Function, Arity}, true),
    Result = (catch Fun()),
    Cleared = breaks({?MODULE, Function, Arity}, false),
    After = (catch Fun()),
    process_flag(error_handler, error_handler),
    {Set, Result, Cleared, After}.

t_breakpoint_arguments() ->
    [breaks(MFA, On) || {MFA, On} <- [{{?MODULE, no_such, 1}, true}, {{?MODULE, broken, 7}, true},
        {{no_such_module, x, 1}, true}, {{?MODULE, broken, a}, true}, {{?MODULE, broken, 1}, x}, {foo, true},
        {{"a", b, 1}, true}, {{'_', b, 1}, true}, {{?MODULE, '_', 1}, true}, {{?MODULE, broken, 1}, false},
        {{erlang, self, 0}, true}, {{erlang, self, 0}, false}, {{maps, from_list, 1}, false}]].

t_breakpoint() ->
    with_breakpoint(broken, 1, fun() ->
        Local = fun broken/1,
        [broken(1), ?MODULE:broken(2), calls_broken(3, 4), Local(5), apply(?MODULE, broken, [6]),
         erlang:trace_info({?MODULE, broken, 1}, all)]
    end).

t_breakpoint_and_traces() ->
    process_flag(error_handler, ?MODULE),
    1 = breaks({?MODULE, broken, 1}, true),
    1 = erlang:trace_pattern({?MODULE, broken, 1}, true, [local, call_count]),
    Both = {broken(1), erlang:trace_info({?MODULE, broken, 1}, all)},
    1 = erlang:trace_pattern({?MODULE, broken, 1}, false, [local, call_count]),
    Again = {broken(1), erlang:trace_info({?MODULE, broken, 1}, all)},
    1 = erlang:trace_pattern({?MODULE, broken, 1}, true, []),
    Global = {broken(1), ?MODULE:broken(2)},
    1 = erlang:trace_pattern({?MODULE, broken, 1}, false, []),
    Last = {broken(1), ?MODULE:broken(2)},
    1 = breaks({?MODULE, broken, 1}, false),
    process_flag(error_handler, error_handler),
    {Both, Again, Global, Last}.

t_breakpoint_of_another_process() ->
    1 = breaks({?MODULE, broken, 1}, true),
    Me = self(),
    spawn(fun() -> process_flag(error_handler, ?MODULE), Me ! {result, [broken(N) || N <- lists:seq(1, 300)]} end),
    Results = receive {result, R} -> R end,
    1 = breaks({?MODULE, broken, 1}, false),
    {length(Results), lists:last(Results)}.
