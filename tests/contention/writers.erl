%% Writers with keys of their own in one ordered table: operations in a microsecond, for one writer and
%% for two, without and with `write_concurrency`.
-module(writers).
-export([main/0]).

-define(KEYS, 10000).
-define(WRITES, 400000).

main() ->
    Rates = [rate(Options, Count) || Options <- [[], [{write_concurrency, true}]], Count <- [1, 2]],
    io:format("~s~n", [lists:join("\t", [io_lib:format("~.3f", [Rate]) || Rate <- Rates])]),
    erlang:halt(0).

rate(Options, Count) ->
    Table = ets:new(table, [ordered_set, public | Options]),
    ets:insert(Table, [{Key, Key} || Key <- lists:seq(1, Count * ?KEYS)]),
    Begin = erlang:monotonic_time(microsecond),
    Writers = [spawn_monitor(fun() -> write(Table, Number * ?KEYS, ?WRITES, 12345 + Number) end)
               || Number <- lists:seq(0, Count - 1)],
    [receive {'DOWN', Ref, process, Pid, normal} -> ok end || {Pid, Ref} <- Writers],
    Count * ?WRITES / (erlang:monotonic_time(microsecond) - Begin).

write(_, _, 0, _) -> ok;
write(Table, Base, Left, Seed) ->
    Next = (Seed * 1103515245 + 12345) band 16#7fffffff,
    ets:insert(Table, {Base + 1 + (Next bsr 8) rem ?KEYS, Left}),
    write(Table, Base, Left - 1, Next).
