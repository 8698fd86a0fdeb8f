%% Runs every t_*/0 function of a module in a process of its own and prints what it gives, a line
%% each, in the order of their names. The same lines must come from stock erl and from oxbeam.
-module(runner).
-export([main/1, light/0]).

main([Name]) ->
    %% Reports of the logger come when they come.
    ok = logger:set_primary_config(level, none),
    Module = list_to_atom(Name),
    Cases = [F || {F, 0} <- lists:sort(Module:module_info(exports)), is_case(F)],
    lists:foreach(fun(Case) -> report(Module, Case) end, Cases),
    io:format("~p cases~n", [length(Cases)]),
    erlang:halt(0).

%% With the flag -light, for builds that are slow on purpose, cases named t_heavy_* are left out.
is_case(F) ->
    Name = atom_to_list(F),
    lists:prefix("t_", Name) andalso not (light() andalso lists:prefix("t_heavy_", Name)).

light() -> init:get_argument(light) =/= error.

report(Module, Case) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({done, outcome(Module, Case)}) end),
    receive
        {'DOWN', Ref, process, Pid, {done, Outcome}} ->
            io:format("~ts: ~0tp~n", [Case, named(Outcome)]);
        {'DOWN', Ref, process, Pid, Reason} ->
            io:format("~ts: ended ~0tp~n", [Case, named(Reason)])
    after 60000 ->
        exit(Pid, kill),
        io:format("~ts: no end in 60 s~n", [Case])
    end.

outcome(Module, Case) ->
    try Module:Case() of
        Value -> Value
    catch
        Class:Reason:Stack -> {Class, Reason, [frame(F) || F <- Stack, own(Module, F)]}
    end.

%% Frames of the case's own module, and natives; places in OTP's own files are its business.
own(Module, {M, _, _, _}) -> M =:= Module orelse M =:= erlang orelse M =:= lists;
own(_, _) -> false.

frame({M, F, Args, Info}) -> {M, F, Args, proplists:get_value(line, Info)}.

%% The term with names in the place of what no two runs share.
named(X) when is_pid(X) -> '<pid>';
named(X) when is_reference(X) -> '<ref>';
named(X) when is_port(X) -> '<port>';
named(X) when is_function(X) -> '<fun>';
named(X) when is_tuple(X) -> list_to_tuple(named(tuple_to_list(X)));
named([H | T]) -> [named(H) | named(T)];
named(X) -> X.
