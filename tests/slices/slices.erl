%% Longest time that one call of a long native keeps another process from running.
%%
%% With one scheduler a ticker and a worker take turns: what lies between two ticks is a slice of
%% the worker. Prints a line for each case: name, least over the runs of the longest slice, and
%% the worst 99.9th percentile of the ticker's gaps, in microseconds.
-module(slices).
-export([main/1]).

-define(N, 1000000).
-define(BYTES, 64 * 1024 * 1024).
%% Buckets of ten microseconds.
-define(BUCKETS, 100000).

main([Runs | Names]) ->
    Wanted = fun(Name) -> Names =:= [] orelse lists:member(Name, Names) end,
    [run(Name, Make, Do, list_to_integer(Runs)) || {Name, Make, Do} <- cases(), Wanted(Name)],
    halt().

run(Name, Make, Do, Runs) ->
    Results = [once(Make, Do) || _ <- lists:seq(1, Runs)],
    case [R || {_, _} = R <- Results] of
        [] ->
            io:format("~s\t-\t-~n", [Name]);
        Good ->
            {Longest, Gaps} = lists:unzip(Good),
            io:format("~s\t~b\t~b~n", [Name, lists:min(Longest), lists:max(Gaps)])
    end.

once(Make, Do) ->
    Me = self(),
    %% A large heap: collections are another matter.
    Options = [monitor, {min_heap_size, 40000000}, {fullsweep_after, 65535}],
    {Worker, Monitor} = spawn_opt(fun() ->
        Input = Make(),
        erlang:garbage_collect(),
        Me ! ready,
        receive go -> ok end,
        Do(Input),
        Me ! done
    end, Options),
    receive ready -> ok; {'DOWN', Monitor, _, _, _} -> ok end,
    Counters = counters:new(?BUCKETS, []),
    Ticker = spawn_link(fun() -> tick(Counters, erlang:monotonic_time(), 0, Me) end),
    Worker ! go,
    Done = receive done -> ok; {'DOWN', Monitor, _, _, Why} -> {error, Why} end,
    Ticker ! stop,
    Longest = receive {longest, Native} -> native_us(Native) end,
    erlang:demonitor(Monitor, [flush]),
    wait_gone(Worker),
    case Done of
        ok -> {Longest, percentile(Counters)};
        _ -> failed
    end.

wait_gone(Worker) ->
    case is_process_alive(Worker) of
        true -> timer:sleep(5), wait_gone(Worker);
        false -> ok
    end.

tick(Counters, Last, Longest, To) ->
    erlang:yield(),
    Now = erlang:monotonic_time(),
    Gap = Now - Last,
    counters:add(Counters, min(native_us(Gap) div 10 + 1, ?BUCKETS), 1),
    receive
        stop -> To ! {longest, max(Gap, Longest)}
    after 0 -> tick(Counters, Now, max(Gap, Longest), To)
    end.

native_us(Native) -> erlang:convert_time_unit(Native, native, microsecond).

percentile(Counters) ->
    Counts = [counters:get(Counters, I) || I <- lists:seq(1, ?BUCKETS)],
    over(Counts, lists:sum(Counts) * 999 div 1000, 0).

over([Count | _], Left, At) when Count > Left -> At * 10;
over([Count | Rest], Left, At) -> over(Rest, Left - Count, At + 1);
over([], _, At) -> At * 10.

list() -> lists:seq(1, ?N).
pairs() -> [{X, X} || X <- list()].
map() -> maps:from_list(pairs()).
bytes() -> binary:copy(<<"0123456789abcdef">>, ?BYTES div 16).
iolist() -> [[<<X>>, X band 255, "ab"] || X <- list()].
characters() -> unicode:characters_to_binary(lists:duplicate(8000000, 16#20AC)).
digits() -> (1 bsl 3200000) - 1.

table(Type) ->
    Table = ets:new(table, [Type, public]),
    ets:insert(Table, pairs()),
    Table.

cases() ->
    [{"lists:reverse/1", fun list/0, fun(L) -> lists:reverse(L) end},
     {"lists:member/2", fun list/0, fun(L) -> lists:member(none, L) end},
     {"lists:keyfind/3", fun pairs/0, fun(L) -> lists:keyfind(none, 1, L) end},
     {"length/1", fun list/0, fun(L) -> length(L) end},
     {"++", fun list/0, fun(L) -> L ++ [tail] end},
     {"--", fun list/0, fun(L) -> L -- lists:reverse(L) end},
     {"list_to_tuple/1", fun list/0, fun(L) -> list_to_tuple(L) end},
     {"tuple_to_list/1", fun() -> list_to_tuple(list()) end, fun(T) -> tuple_to_list(T) end},
     {"maps:from_list/1", fun pairs/0, fun(L) -> maps:from_list(L) end},
     {"maps:from_keys/2", fun list/0, fun(L) -> maps:from_keys(L, x) end},
     {"maps:keys/1", fun map/0, fun(M) -> maps:keys(M) end},
     {"maps:values/1", fun map/0, fun(M) -> maps:values(M) end},
     {"maps:to_list/1", fun map/0, fun(M) -> maps:to_list(M) end},
     {"maps:merge/2", fun() -> {map(), maps:from_keys(lists:seq(500000, 1500000), y)} end,
      fun({A, B}) -> maps:merge(A, B) end},
     {"binary_to_list/1", fun() -> binary:part(bytes(), 0, 4 * ?N) end,
      fun(B) -> binary_to_list(B) end},
     {"list_to_binary/1", fun() -> binary_to_list(binary:part(bytes(), 0, 4 * ?N)) end,
      fun(L) -> list_to_binary(L) end},
     {"iolist_to_binary/1", fun iolist/0, fun(L) -> iolist_to_binary(L) end},
     {"iolist_to_binary/1, large binaries", fun() -> [bytes()] end,
      fun(L) -> iolist_to_binary(L) end},
     {"iolist_size/1", fun iolist/0, fun(L) -> iolist_size(L) end},
     {"term_to_binary/1", fun pairs/0, fun(L) -> term_to_binary(L) end},
     {"term_to_binary/2, deterministic map", fun map/0,
      fun(M) -> term_to_binary(M, [deterministic]) end},
     {"term_to_binary/2, compressed", fun pairs/0, fun(L) -> term_to_binary(L, [compressed]) end},
     {"term_to_binary/1, large binary", fun bytes/0, fun(B) -> term_to_binary(B) end},
     {"binary_to_term/1", fun() -> term_to_binary(pairs()) end, fun(B) -> binary_to_term(B) end},
     {"binary_to_term/1, map", fun() -> term_to_binary(map()) end,
      fun(B) -> binary_to_term(B) end},
     {"binary_to_term/1, compressed", fun() -> term_to_binary(pairs(), [compressed]) end,
      fun(B) -> binary_to_term(B) end},
     {"md5/1", fun bytes/0, fun(B) -> erlang:md5(B) end},
     {"crc32/1", fun bytes/0, fun(B) -> erlang:crc32(B) end},
     {"adler32/1", fun bytes/0, fun(B) -> erlang:adler32(B) end},
     {"phash2/1, binary", fun bytes/0, fun(B) -> erlang:phash2(B) end},
     {"phash2/1, list", fun pairs/0, fun(L) -> erlang:phash2(L) end},
     {"binary:match/2", fun bytes/0, fun(B) -> binary:match(B, <<"xyz">>) end},
     {"binary:matches/2", fun() -> binary:part(bytes(), 0, 16 * ?N) end,
      fun(B) -> binary:matches(B, <<"ef0">>) end},
     {"binary:split/3", fun() -> binary:part(bytes(), 0, 16 * ?N) end,
      fun(B) -> binary:split(B, <<"ef0">>, [global]) end},
     {"binary:replace/4", fun() -> binary:part(bytes(), 0, 16 * ?N) end,
      fun(B) -> binary:replace(B, <<"ef0">>, <<"x">>, [global]) end},
     {"binary:copy/2", fun() -> <<"0123456789abcdef">> end,
      fun(B) -> binary:copy(B, ?BYTES div 16) end},
     {"unicode:characters_to_binary/1", fun() -> lists:duplicate(4 * ?N, 16#20AC) end,
      fun(L) -> unicode:characters_to_binary(L) end},
     {"unicode:characters_to_list/1", fun characters/0,
      fun(B) -> unicode:characters_to_list(B) end},
     {"re:run/2, no match", fun bytes/0, fun(B) -> re:run(B, "xyz[0-9]+") end},
     {"re:run/2, (a*)*b", fun() -> binary:copy(<<"a">>, 200000) end,
      fun(B) -> catch re:run(B, "(a*)*b") end},
     {"re:run/2, a*b", fun() -> binary:copy(<<"a">>, 200000) end,
      fun(B) -> catch re:run(B, "a*b") end},
     {"multiplication of 3.2 Mbit", fun digits/0, fun(D) -> D * D end},
     {"division of 6.4 Mbit", fun() -> {digits() * digits(), digits() - 77} end,
      fun({A, B}) -> A div B end},
     {"integer_to_list/1, 400 kbit", fun() -> (1 bsl 400000) - 1 end,
      fun(D) -> integer_to_list(D) end},
     {"list_to_integer/1, 120,000 digits", fun() -> lists:duplicate(120000, $7) end,
      fun(L) -> list_to_integer(L) end},
     {"ets:insert/2, list", fun() -> {ets:new(t, [public]), pairs()} end,
      fun({T, L}) -> ets:insert(T, L) end},
     {"ets:tab2list/1", fun() -> table(set) end, fun(T) -> ets:tab2list(T) end},
     {"ets:select/2", fun() -> table(set) end,
      fun(T) -> ets:select(T, [{{'$1', '$2'}, [{'>', '$1', 500000}], ['$2']}]) end},
     {"ets:select_count/2, ordered_set", fun() -> table(ordered_set) end,
      fun(T) -> ets:select_count(T, [{{'_', '$2'}, [{'>', '$2', 5}], [true]}]) end},
     {"ets:match_delete/2", fun() -> table(set) end, fun(T) -> ets:match_delete(T, {'_', 5}) end},
     {"ets:delete/1", fun() -> table(set) end, fun(T) -> ets:delete(T) end},
     {"ets:delete_all_objects/1", fun() -> table(set) end,
      fun(T) -> ets:delete_all_objects(T) end},
     {"send of a large message", fun pairs/0, fun(L) -> self() ! L end},
     {"spawn with a large argument", fun pairs/0,
      fun(L) -> spawn(erlang, length, [L]) end},
     {"exit with a large table", fun() -> table(set) end, fun(_) -> ok end},
     {"exit with 100,000 links", fun() ->
         Sleep = fun() -> receive stop -> ok end end,
         [spawn_opt(Sleep, [link, {min_heap_size, 233}]) || _ <- lists:seq(1, 100000)]
      end, fun(_) -> exit(normal) end}].
