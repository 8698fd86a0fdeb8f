%% What the runtime says of its memory against what the system says.
-module(memory).
-export([main/1]).

main([Name]) -> io:format("~0p~n", [apply_name(list_to_atom(Name))]), erlang:halt(0).

%% Memory of a peak goes back to the system: kilobytes before, at the peak, and afterwards.
apply_name(peak) ->
    Before = rss_kb(),
    {P, M} = spawn_monitor(fun() ->
        Kept = {lists:seq(1, 5000000), [binary:copy(<<"x">>, 1000000) || _ <- lists:seq(1, 80)], table()},
        Waiting = [spawn_link(fun() -> L = lists:seq(1, 1000), receive stop -> L end end) || _ <- lists:seq(1, 2000)],
        receive {peak, From} -> From ! {peak, rss_kb(), tuple_size(Kept) + length(Waiting)} end
    end),
    P ! {peak, self()},
    Peak = receive {peak, Kb, _} -> Kb end,
    exit(P, kill), receive {'DOWN', M, _, _, _} -> ok end,
    After = settled(Before + (Peak - Before) div 2, 1000),
    {Peak - Before > 80000, After < Before + (Peak - Before) div 2, {Before, Peak, After}};
%% What erlang:memory says grows by what is made, and by what the system gives.
apply_name(sums) ->
    All = erlang:memory(), true = sum(All, [processes, system]) =:= sum(All, [total]),
    true = sum(All, [processes_used]) =< sum(All, [processes]),
    true = sum(All, [atom, binary, code, ets]) =< sum(All, [system]),
    [grows(Kind, Make) || {Kind, Make} <- [
        {processes, fun() -> lists:seq(1, 4000000) end},
        {binary, fun() -> [binary:copy(<<N>>, 500000) || N <- lists:seq(1, 120)] end},
        {ets, fun table/0}]];
apply_name(allocators) ->
    {_, _, Features, _} = erlang:system_info(allocator),
    {is_list(Features), [{A, is_list(erlang:system_info({allocator, A}))} || A <- [binary_alloc, ets_alloc, eheap_alloc]]}.

%% Parts of what was made that `erlang:memory` and the system told, in percent.
grows(Kind, Make) ->
    Me = self(),
    {P, M} = spawn_monitor(fun() ->
        receive after 1200 -> ok end, {M0, T0, R0} = now_held(Kind), Made = Make(), {M1, T1, R1} = now_held(Kind),
        Me ! {grown, M1 - M0, T1 - T0, R1 - R0}, receive stop -> Made end
    end),
    Grown = receive {grown, Said, Total, Given} -> {Kind, Said > 40000000, Total >= Said * 9 div 10, Given > Total * 6 div 10 andalso Given < Total * 3 orelse {Said, Total, Given}} end,
    exit(P, kill), receive {'DOWN', M, _, _, _} -> Grown end.
now_held(Kind) -> erlang:garbage_collect(), {erlang:memory(Kind), erlang:memory(total), 1024 * rss_kb()}.

table() -> T = ets:new(t, []), [ets:insert(T, {N, lists:seq(1, 20)}) || N <- lists:seq(1, 150000)], T.
sum(All, Kinds) -> lists:sum([V || {K, V} <- All, lists:member(K, Kinds)]).
settled(Limit, 0) -> _ = Limit, rss_kb();
settled(Limit, N) -> case rss_kb() of Kb when Kb < Limit -> Kb; _ -> receive after 10 -> ok end, settled(Limit, N - 1) end.
rss_kb() ->
    {ok, Text} = file:read_file("/proc/" ++ os:getpid() ++ "/status"),
    {match, [Kb]} = re:run(Text, "VmRSS:\\s+([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(Kb).
