%% Storms of spawns, exits, links, monitors, messages, kills, names, timers and inquiries, all at
%% once for a time, each with what must hold checked as it goes. Prints what was done; ends with
%% status 0 if all held.
-module(storms).
-export([main/1]).

-define(STORMS, [order, monitors, links, unlinks, kills, names, timers, inquiries, collections, aliases, schedulers]).

main([Seconds | Names]) ->
    logger:set_primary_config(level, none),
    Before = erlang:system_info(process_count),
    End = erlang:monotonic_time(millisecond) + 1000 * list_to_integer(Seconds),
    Storms = case Names of [] -> ?STORMS; _ -> [list_to_atom(N) || N <- Names] end,
    Running = [{spawn_monitor(fun() -> rand:seed(exsss, erlang:unique_integer()), exit({held, storm(S, End, 0)}) end), S} || S <- Storms],
    Results = [{S, receive {'DOWN', R, process, P, Why} -> Why after 1000 * list_to_integer(Seconds) + 120000 -> stuck(S, P) end} || {{P, R}, S} <- Running],
    Left = left(Before, 500),
    [io:format("~p: ~0p~n", [S, Why]) || {S, Why} <- Results], io:format("left: ~p~n", [Left]),
    Good = Left =:= 0 andalso lists:all(fun({_, {held, N}}) -> N > 0; (_) -> false end, Results),
    erlang:halt(case Good of true -> 0; false -> 1 end).

stuck(S, P) -> io:format("~p is stuck: ~p~n", [S, process_info(P)]), stuck.
left(Before, 0) -> erlang:system_info(process_count) - Before;
left(Before, N) -> case erlang:system_info(process_count) - Before of Left when Left > 0 -> receive after 20 -> ok end, left(Before, N - 1); _ -> 0 end.

%% Rounds of a storm until the time is over; gives their number.
storm(S, End, N) -> case erlang:monotonic_time(millisecond) < End of true -> once(S), storm(S, End, N + 1); false -> N end.

%% What one process sends another arrives in order, signals of other kinds in between.
once(order) ->
    Me = self(), Count = 300,
    Receivers = [spawn(fun() -> Me ! {done, self(), ordered(#{}, 4 * Count)} end) || _ <- [1, 2, 3]],
    Senders = [spawn(fun() -> [begin To ! {self(), N}, noise(To, N) end || N <- lists:seq(1, Count), To <- Receivers] end) || _ <- lists:seq(1, 4)],
    [receive {done, R, Last} -> [Count] = lists:usort(maps:values(Last)), 4 = map_size(Last) end || R <- Receivers], length(Senders);
%% A monitor tells once, and with the right reason; not at all once it is taken back.
once(monitors) ->
    Watched = [begin
        Kind = rand:uniform(4), {P, R} = spawn_monitor(fun() -> ends(Kind) end), {P, R, Kind}
    end || _ <- lists:seq(1, 100)],
    [case Kind of 4 -> demonitor(R, [flush]), exit(P, kill); 3 -> exit(P, kill); _ -> ok end || {P, R, Kind} <- Watched],
    [receive {'DOWN', R, process, P, Why} -> true = right(Kind, Why) end || {P, R, Kind} <- Watched, Kind =/= 4],
    nothing();
%% Each end of a link learns once of the other's end.
once(links) ->
    process_flag(trap_exit, true),
    Ps = [spawn_link(fun() -> receive {stop, Why} -> exit(Why) end end) || _ <- lists:seq(1, 50)],
    [link(P) || P <- Ps],
    [case N rem 3 of 0 -> exit(P, kill); 1 -> P ! {stop, {why, N}}; 2 -> exit(P, {told, N}) end || {N, P} <- numbered(Ps)],
    [receive {'EXIT', P, Why} -> true = Why =:= case N rem 3 of 0 -> killed; 1 -> {why, N}; 2 -> {told, N} end end || {N, P} <- numbered(Ps)],
    process_flag(trap_exit, false), nothing();
%% After an unlink nothing comes over that link, whatever was on its way.
once(unlinks) ->
    process_flag(trap_exit, true),
    Ps = [spawn_link(fun() -> receive after rand:uniform(2) - 1 -> exit(soon) end end) || _ <- lists:seq(1, 50)],
    [begin unlink(P), receive {'EXIT', P, soon} -> ok after 0 -> ok end end || P <- Ps],
    Rs = [monitor(process, P) || P <- Ps], [receive {'DOWN', R, _, _, _} -> ok end || R <- Rs],
    process_flag(trap_exit, false), nothing();
%% Trees of linked processes fall as a whole.
once(kills) ->
    Me = self(),
    Root = spawn(fun() -> tree(Me, 5) end),
    All = [receive {node, P} -> {P, monitor(process, P)} end || _ <- lists:seq(1, 63)],
    {Victim, _} = lists:nth(rand:uniform(63), All),
    exit(Victim, kill),
    [receive {'DOWN', R, process, P, Why} -> true = lists:member(Why, [killed, noproc]) end || {P, R} <- All],
    false = is_process_alive(Root), nothing();
%% A name is one process's at a time, and gone with it.
once(names) ->
    Name = storm_name,
    Ps = [spawn(fun() -> catch register(Name, self()), receive stop -> ok after 2 -> ok end end) || _ <- lists:seq(1, 20)],
    [case whereis(Name) of
        undefined -> ok;
        P -> true = is_pid(P), catch (Name ! stop), catch exit(P, kill)
    end || _ <- Ps],
    Rs = [monitor(process, P) || P <- Ps], [receive {'DOWN', R, _, _, _} -> ok end || R <- Rs],
    undefined = whereis(Name);
%% A timer fires once or is cancelled.
once(timers) ->
    Rs = [{erlang:start_timer(rand:uniform(6) - 1, self(), N), N} || N <- lists:seq(1, 200)],
    [case rand:uniform(2) of
        1 -> case erlang:cancel_timer(R) of false -> receive {timeout, R, N} -> ok end; Left -> true = Left >= 0 end;
        2 -> receive {timeout, R, N} -> false = erlang:cancel_timer(R) end
    end || {R, N} <- Rs],
    nothing();
%% Whoever is asked answers, or is gone.
once(inquiries) ->
    Ps = [spawn(fun() -> busy(50) end) || _ <- lists:seq(1, 20)],
    [begin
        case process_info(P, [message_queue_len, status, current_function, links, dictionary]) of undefined -> ok; I -> 5 = length(I) end,
        true = lists:member(is_process_alive(P), [true, false]),
        catch erlang:suspend_process(P), catch erlang:resume_process(P)
    end || P <- Ps ++ Ps],
    Rs = [monitor(process, P) || P <- Ps], [receive {'DOWN', R, _, _, normal} -> ok; {'DOWN', R, _, _, noproc} -> ok end || R <- Rs],
    nothing();
%% Heaps keep their terms while they grow, are sent and collected from outside.
once(collections) ->
    Me = self(),
    P = spawn_link(fun() -> keeper(Me, [], 0) end),
    [begin P ! {keep, {N, lists:seq(1, rand:uniform(300)), binary:copy(<<N:32>>, rand:uniform(60))}}, case N rem 7 of 0 -> erlang:garbage_collect(P, [{async, N}]); _ -> ok end end || N <- lists:seq(1, 100)],
    P ! give, receive {kept, Kept} -> 100 = length(Kept), [true = lists:all(fun({I, E}) -> I =:= E end, numbered(L)) andalso B =:= binary:copy(<<N:32>>, byte_size(B) div 4) || {N, L, B} <- Kept] end,
    [receive {garbage_collect, N, X} -> true = is_boolean(X) end || N <- lists:seq(7, 100, 7)],
    nothing();
%% A message through an alias comes while that is active.
once(aliases) ->
    Ps = [spawn(fun() -> receive {Alias, N} -> Alias ! {answer, N}, Alias ! {answer, N} end end) || _ <- lists:seq(1, 30)],
    [begin
        R = monitor(process, P, [{alias, reply_demonitor}]), P ! {R, N},
        receive {answer, N} -> ok; {'DOWN', R, _, _, Why} -> exit({no_answer, Why}) end, demonitor(R, [flush])
    end || {N, P} <- numbered(Ps)],
    nothing();
%% Schedulers come and go under all of this.
once(schedulers) ->
    All = erlang:system_info(schedulers),
    _ = erlang:system_flag(schedulers_online, rand:uniform(All)), receive after 3 -> ok end,
    _ = erlang:system_flag(schedulers_online, All), receive after 3 -> ok end.

nothing() -> receive X -> exit({unexpected, X}) after 0 -> ok end.
numbered(L) -> lists:zip(lists:seq(1, length(L)), L).
noise(To, N) -> case N rem 50 of 0 -> demonitor(monitor(process, To), [flush]); 25 -> link(To), unlink(To); 10 -> is_process_alive(To); _ -> ok end.
ordered(Last, 0) -> Last;
ordered(Last, N) -> receive {From, I} when is_integer(I) -> I = maps:get(From, Last, 0) + 1, ordered(Last#{From => I}, N - 1) end.
ends(1) -> ok;
ends(2) -> exit(reason);
ends(_) -> receive never -> ok end.
right(1, Why) -> Why =:= normal;
right(2, Why) -> Why =:= reason;
right(3, Why) -> Why =:= killed.
tree(To, 0) -> To ! {node, self()}, receive never -> ok end;
tree(To, N) -> To ! {node, self()}, [spawn_link(fun() -> tree(To, N - 1) end) || _ <- [1, 2]], receive never -> ok end.
busy(0) -> ok;
busy(N) -> put(N, lists:seq(1, N)), erlang:yield(), busy(N - 1).
keeper(To, Kept, N) -> receive {keep, X} -> keeper(To, [X | Kept], N + 1); give -> To ! {kept, lists:reverse(Kept)}, unlink(To) end.
