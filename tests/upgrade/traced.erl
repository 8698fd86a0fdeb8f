%% A module is loaded over and over while breakpoints on it and on its callers come and go, and
%% other processes call it all the while.
%%
%% 1. Each call of each process is answered.
%% 2. With patterns asked for `on_load', each call of the export by a traced process is told of, once,
%%    in order: none falls between new code and its breakpoints.
%% 3. A call that is told of has its arguments and its result, of the version that it ran in.
-module(traced).
-export([main/1, step/1]).

main([Loads]) ->
    Versions = [compiled(V) || V <- lists:seq(1, 4)],
    N = list_to_integer(Loads),
    load(hd(Versions)),
    all_are_told(Versions, N),
    what_is_told_is_so(Versions, N),
    io:format("exact~n"),
    halt(0).

%% Version V: f(X) -> {V, g(X)}.
compiled(V) ->
    X = {var, 1, 'X'},
    Forms = [
        {attribute, 1, module, traced_target},
        {attribute, 1, export, [{f, 1}]},
        {function, 1, f, 1, [{clause, 1, [X], [], [{tuple, 1, [{integer, 1, V}, {call, 1, {atom, 1, g}, [X]}]}]}]},
        {function, 1, g, 1, [{clause, 1, [X], [], [X]}]}
    ],
    {ok, traced_target, Code} = compile:forms(Forms, []),
    Code.

load(Code) ->
    erts_code_purger:purge(traced_target),
    {module, _} = erlang:load_module(traced_target, Code).

load_all(_, 0) -> ok;
load_all([Code | Rest], N) -> load(Code), load_all(Rest ++ [Code], N - 1).

%% Claims 1 and 2.
all_are_told([First | _] = Versions, N) ->
    Returns = [{'_', [], [{return_trace}]}],
    0 = erlang:trace_pattern(on_load, Returns, [local]),
    load(First),
    Idle = callers(erlang:system_info(schedulers)),
    {Caller, Collector} = traced_caller(fun(K) -> traced_target:f(K) end),
    load_all(Versions, N),
    {Made, Told} = stop(Caller, Collector),
    stop(Idle),
    erlang:trace_pattern(on_load, false, [local]),
    erlang:trace_pattern({traced_target, '_', '_'}, false, [local]),
    true = length(Made) > N,
    %% A call of g follows in the same code, which may have become old, and lost its breakpoints.
    OfF = [Event || Event <- Told, element(2, Event) =:= f],
    same(lists:flatmap(fun({K, R}) -> [{call, f, [K]}, {return_from, f, R}] end, Made), OfF, 0).

same([], [], _) -> ok;
same([E | Expected], [E | Told], N) -> same(Expected, Told, N + 1);
same(Expected, Told, N) -> exit({differ, N, lists:sublist(Expected, 9), lists:sublist(Told, 9)}).

%% Claims 1 and 3.
what_is_told_is_so(Versions, N) ->
    Idle = callers(erlang:system_info(schedulers)),
    {Caller, Collector} = traced_caller(fun(K) -> ?MODULE:step(K) end),
    Self = self(),
    Toggler = spawn_link(fun() -> toggle(Self, 0) end),
    load_all(Versions, N),
    Toggler ! stop,
    receive {toggled, Toggler, Times} -> true = Times > 0 end,
    {Made, Told} = stop(Caller, Collector),
    stop(Idle),
    [erlang:trace_pattern({M, '_', '_'}, false, O) || M <- [?MODULE, traced_target], O <- [[local], []]],
    are_so(Told, maps:from_list(Made), []).

step(K) -> {told, traced_target:f(K)}.

toggle(To, N) ->
    Returns = [{'_', [], [{return_trace}]}],
    Patterns = [
        {{?MODULE, step, 1}, [local]}, {{traced_target, '_', '_'}, [local]}, {{traced_target, f, 1}, []},
        {{traced_target, '_', '_'}, [call_count]}
    ],
    [
        begin
            erlang:trace_pattern(MFA, Pattern, Options),
            erlang:yield(),
            erlang:trace_pattern(MFA, false, Options)
        end
     || {MFA, Options} <- Patterns, Pattern <- [Returns || Options =/= [call_count]] ++ [true]
    ],
    receive stop -> To ! {toggled, self(), N + 1} after 0 -> toggle(To, N + 1) end.

%% A call that was told of with a pattern without returns has no return; a return belongs to the
%% innermost open call of its function.
are_so([], _, _) -> ok;
are_so([{call, F, [K]} | Told], Made, Open) ->
    true = maps:is_key(K, Made),
    are_so(Told, Made, [{F, K} | Open]);
are_so([{return_from, F, Result} | Told], Made, Open) ->
    [{F, K} | Rest] = lists:dropwhile(fun({G, _}) -> G =/= F end, Open),
    {told, R} = maps:get(K, Made),
    Result = case F of step -> {told, R}; f -> R; g -> K end,
    are_so(Told, Made, Rest).

%% Processes that are not traced.
callers(N) -> [spawn_link(fun() -> calls(0) end) || _ <- lists:seq(1, N)].

calls(K) ->
    {_, K} = traced_target:f(K),
    receive
        {stop, To} -> To ! {stopped, self()}
    after 0 -> calls(K + 1)
    end.

stop(Callers) ->
    [P ! {stop, self()} || P <- Callers],
    [receive {stopped, P} -> ok end || P <- Callers].

traced_caller(Call) ->
    Self = self(),
    Collector = spawn_link(fun() -> collect([]) end),
    Caller = spawn_link(fun() -> receive go -> ok end, make(Self, Call, 1, []) end),
    1 = erlang:trace(Caller, true, [call, {tracer, Collector}]),
    Caller ! go,
    {Caller, Collector}.

make(To, Call, K, Made) ->
    Result = Call(K),
    K rem 8 =:= 0 andalso erlang:yield(),
    receive
        stop -> To ! {made, self(), lists:reverse([{K, Result} | Made])}
    after K div 20000 -> make(To, Call, K + 1, [{K, Result} | Made])
    end.

collect(Told) ->
    receive
        {trace, _, call, {_, F, Args}} -> collect([{call, F, Args} | Told]);
        {trace, _, return_from, {_, F, _}, Result} -> collect([{return_from, F, Result} | Told]);
        {get, To} -> To ! {told, lists:reverse(Told)}
    end.

stop(Caller, Collector) ->
    Caller ! stop,
    Made = receive {made, Caller, M} -> M end,
    Ref = erlang:trace_delivered(Caller),
    receive {trace_delivered, Caller, Ref} -> ok end,
    Collector ! {get, self()},
    Told = receive {told, T} -> T end,
    {Made, Told}.
