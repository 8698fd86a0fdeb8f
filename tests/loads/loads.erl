%% Loads of processes, messages and timers. Prints a line each: name, tab, number (smaller is
%% better, unless the name says otherwise).
-module(loads).
-export([main/1, held/1]).
-compile([nowarn_unused_function]).

main(Names) ->
    [io:format("~s\t~.3f~n", [Name, float(load(list_to_atom(Name)))]) || Name <- Names],
    erlang:halt(0).

%% One pair, microseconds for a round trip.
load(ping_pong) -> ping_pong(1, 300000);
load(ping_pong_100_pairs) -> ping_pong(100, 5000);
%% Microseconds for a message.
load(many_to_one) -> many_to_one(50, 10000);
load(large_messages) -> large_messages(20000, lists:seq(1, 200));
%% Microseconds for a process.
load(spawn_exit) -> per(200000, fun() -> spawn_exit(200000) end);
load(spawn_100000_alive) -> per(100000, fun() -> alive(100000) end);
%% Microseconds for a timer.
load(timers_firing) -> per(1000000, fun() -> firing(1000000) end);
load(timers_set_and_cancelled) -> per(1000000, fun() -> cancelled(1000000) end);
load(receive_timeouts) -> per(50000, fun() -> timeouts(50000) end);
%% Milliseconds for a selective receive of the last of a million messages, and for all of them.
load(selective_of_a_million) -> selective(1000000);
load(mailbox_of_a_million) -> drained(1000000);
%% How many times as fast a group is on all schedulers as on one (larger is better).
load(scaling) -> scaling();
%% Microseconds until a process of an idle scheduler has answered, median and ninth decile.
load(wake_up) -> lists:nth(1, wake_ups());
load(wake_up_p90) -> lists:nth(2, wake_ups());

%% Rounds of the process that got least for one of who got most, of 64 alike (larger is fairer).
load(fairness) -> Rounds = rounds(lists:duplicate(64, normal)), lists:min(Rounds) / lists:max(Rounds);
%% Rounds of 16 processes of low priority for one of 16 normal ones.
load(low_for_normal) ->
    {Normal, Low} = lists:split(16, rounds(lists:duplicate(16, normal) ++ lists:duplicate(16, low))),
    lists:sum(Low) / lists:sum(Normal).

per(N, F) -> time(F) / N.
time(F) -> T = erlang:monotonic_time(), F(), erlang:convert_time_unit(erlang:monotonic_time() - T, native, nanosecond) / 1000.

ping_pong(Pairs, Rounds) ->
    per(Rounds, fun() -> each(Pairs, fun() ->
        Me = self(), Other = spawn_link(fun() -> pong(Me) end), ping(Other, Rounds) end) end) / Pairs.
ping(Other, 0) -> unlink(Other), exit(Other, kill);
ping(Other, N) -> Other ! ping, receive pong -> ping(Other, N - 1) end.
pong(To) -> receive ping -> To ! pong, pong(To) end.

each(Count, F) ->
    [receive {'DOWN', R, _, _, _} -> ok end || {_, R} <- [spawn_monitor(F) || _ <- lists:seq(1, Count)]].

many_to_one(Senders, Count) ->
    per(Senders * Count, fun() ->
        Me = self(),
        [spawn_link(fun() -> [Me ! {N, Count} || N <- lists:seq(1, Count)] end) || _ <- lists:seq(1, Senders)],
        taken(Senders * Count)
    end).
taken(0) -> ok;
taken(N) -> receive {_, _} -> taken(N - 1) end.

large_messages(Count, Message) ->
    per(Count, fun() ->
        Me = self(),
        spawn(fun() -> [begin Me ! {large, self(), Message}, receive next -> ok end end || _ <- lists:seq(1, Count)] end),
        larges(Count)
    end).
larges(0) -> ok;
larges(N) -> receive {large, From, [_ | _]} -> From ! next, larges(N - 1) end.

spawn_exit(0) -> ok;
spawn_exit(N) -> spawn(fun() -> ok end), spawn_exit(N - 1).
alive(N) ->
    Ps = [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, N)],
    Rs = [monitor(process, P) || P <- Ps], [P ! stop || P <- Ps], [receive {'DOWN', _, _, _, _} -> ok end || _ <- Rs].

firing(N) -> [erlang:send_after(I rem 50, self(), tick) || I <- lists:seq(1, N)], ticks(N).
ticks(0) -> ok;
ticks(N) -> receive tick -> ticks(N - 1) end.
cancelled(N) -> [erlang:cancel_timer(R) || R <- [erlang:start_timer(60000 + I rem 1000, self(), x) || I <- lists:seq(1, N)]].
timeouts(N) -> each(100, fun() -> waits(N div 100) end).
waits(0) -> ok;
waits(N) -> receive never -> ok after 0 -> ok end, receive never -> ok after 1 -> ok end, waits(N - 20).

selective(N) ->
    [self() ! {message, I} || I <- lists:seq(1, N)], self() ! last,
    T = time(fun() -> receive last -> ok end end) / 1000, taken(N), T.
drained(N) ->
    Me = self(), {P, M} = spawn_monitor(fun() -> receive go -> ok end, taken(N), Me ! done end),
    time(fun() -> [P ! {message, I} || I <- lists:seq(1, N)], P ! go, receive {'DOWN', M, _, _, _} -> ok end end) / 1000.

%% Work that takes a second or so, in 64 processes.
scaling() ->
    Work = fun() -> each(64, fun() -> fib(23) end) end,
    Work(),
    Old = erlang:system_flag(schedulers_online, 1), One = time(Work),
    erlang:system_flag(schedulers_online, Old), All = time(Work), One / All.
fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

%% How many rounds each of some processes does in three seconds.
rounds(Priorities) ->
    Me = self(),
    Ps = [spawn_opt(fun() -> works(Me, 0) end, [link, {priority, Priority}]) || Priority <- Priorities],
    [P ! go || P <- Ps],
    receive after 3000 -> ok end,
    [P ! stop || P <- Ps],
    [receive {did, P, N} -> N end || P <- Ps].
works(To, N) ->
    fib(10),
    receive stop -> To ! {did, self(), N} after 0 -> works(To, N + 1) end.

wake_ups() ->
    Me = self(),
    P = spawn_opt(fun() -> answer(Me) end, [link, {scheduler, erlang:system_info(schedulers)}]),
    Times = lists:sort([begin receive after 2 -> ok end, time(fun() -> P ! {ask, N}, receive {told, N} -> ok end end) end || N <- lists:seq(1, 500)]),
    [lists:nth(250, Times), lists:nth(450, Times)].
answer(To) -> receive {ask, N} -> To ! {told, N}, answer(To) end.

%% Holds what a node holds when it does nothing, until the time is over.
held([Seconds]) -> receive after 1000 * list_to_integer(Seconds) -> erlang:halt(0) end.
