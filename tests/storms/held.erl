%% A scheduler is held by a process of higher priority: who waits there gets turns elsewhere.
-module(held).
-export([main/1]).

-define(OTHERS, 200).
-define(LONGEST_MS, 120000).

%% Prints ok when each of many processes of lower priorities has had turns beside one that never
%% waits, and those that are bound to a scheduler have run on that one only.
main([Higher]) ->
    [code:ensure_loaded(Module) || Module <- [counters, lists]],
    process_flag(priority, max),
    Turns = counters:new(2 * ?OTHERS + 1, []),
    Self = self(),
    Spawn = fun(At, Priority) ->
                    spawn_opt(fun() -> Self ! {ready, self()}, receive go -> run(Turns, At) end end, [{priority, Priority}])
            end,
    Others = [Spawn(At, lists:nth(1 + At rem 2, [low, normal])) || At <- lists:seq(1, 2 * ?OTHERS)],
    Spinner = Spawn(2 * ?OTHERS + 1, list_to_existing_atom(Higher)),
    Bound = [spawn_opt(fun() -> Self ! {ready, self()}, receive go -> bound(Self, Number, 100) end end, [{scheduler, Number}])
             || Number <- lists:seq(1, erlang:system_info(schedulers))],
    All = [Spinner | Others] ++ Bound,
    [receive {ready, Pid} -> ok end || Pid <- All],
    [Pid ! go || Pid <- All],
    had_turns(Turns, erlang:monotonic_time(millisecond) + ?LONGEST_MS),
    [exit(Pid, kill) || Pid <- [Spinner | Others]],
    [receive {Pid, Schedulers} -> 1 = length(Schedulers) end || Pid <- Bound],
    erlang:display(ok),
    erlang:halt(0).

run(Turns, At) ->
    lists:seq(1, 50),
    counters:add(Turns, At, 1),
    run(Turns, At).

bound(Main, Number, 0) -> Main ! {self(), [Number]};
bound(Main, Number, Left) ->
    Number = erlang:system_info(scheduler_id),
    erlang:yield(),
    bound(Main, Number, Left - 1).

had_turns(Turns, Until) ->
    Without = [At || At <- lists:seq(1, 2 * ?OTHERS), counters:get(Turns, At) < 100],
    case Without =:= [] orelse erlang:monotonic_time(millisecond) > Until of
        true -> [] = Without;
        false -> receive after 10 -> had_turns(Turns, Until) end
    end.
