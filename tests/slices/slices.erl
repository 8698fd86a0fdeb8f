%% Longest time that one call of a long native keeps another process from running.
%%
%% With one scheduler a ticker and a worker take turns: what lies between two ticks is a slice of
%% the worker. Prints a line for each case: name, least over the runs of the longest slice, and
%% the worst 99.9th percentile of the ticker's gaps, in microseconds. A runtime that tells the CPU
%% time of its threads' longest pieces of work is asked for the slice; else it is the longest gap.
-module(slices).
-compile(nowarn_deprecated_function).
-export([main/1]).

-define(N, 1000000).
-define(BYTES, 64 * 1024 * 1024).
%% Buckets of ten microseconds.
-define(BUCKETS, 100000).
%% A case is not run again after so long.
-define(CASE_MS, 2000).

main([Runs | Names]) ->
    Wanted = fun(Name) -> Names =:= [] orelse lists:member(Name, Names) end,
    %% Stock reports that.
    ok = logger:set_primary_config(level, none),
    erts_debug:set_internal_state(available_internal_state, true),
    [run(Case, list_to_integer(Runs)) || Case <- cases(), Wanted(element(1, Case))],
    halt().

%% A case that takes long is not repeated: what it shows, it shows at once.
run({Name, Make, Do}, Runs) ->
    run({Name, Make, Do, stay}, Runs);
run({Name, Make, Do, Ends}, Runs) ->
    case runs(Make, Do, Ends, Runs, erlang:monotonic_time(millisecond) + ?CASE_MS) of
        [] ->
            io:format("~s\t-\t-~n", [Name]);
        Good when Ends =:= crowd ->
            {Longest, _} = lists:unzip(Good),
            io:format("~s\t~b\t-~n", [Name, lists:min(Longest)]);
        Good ->
            {Longest, Gaps} = lists:unzip(Good),
            io:format("~s\t~b\t~b~n", [Name, lists:min(Longest), lists:max(Gaps)])
    end.

runs(_, _, _, 0, _) -> [];
runs(Make, Do, Ends, Left, Until) ->
    Result = once(Make, Do, Ends),
    Rest = case erlang:monotonic_time(millisecond) < Until of
        true -> runs(Make, Do, Ends, Left - 1, Until);
        false -> []
    end,
    [R || {_, _} = R <- [Result]] ++ Rest.

%% `Ends`: whether the worker's end is part of the case. With a crowd that learns of it the ticker
%% waits for so many turns of others that its gaps say nothing.
once(Make, Do, Ends) ->
    Me = self(),
    %% A large heap: collections are another matter.
    Options = [monitor, {min_heap_size, 40000000}, {min_bin_vheap_size, 40000000},
               {fullsweep_after, 65535}],
    {Worker, Monitor} = spawn_opt(fun() ->
        Input = Make(),
        erlang:garbage_collect(),
        Me ! ready,
        receive go -> ok end,
        Do(Input),
        Me ! done,
        Ends =:= stay andalso receive stop -> ok end
    end, Options),
    receive ready -> ok; {'DOWN', Monitor, _, _, _} -> ok end,
    Counters = counters:new(?BUCKETS, []),
    Ticker = spawn_link(fun() -> tick(Counters, erlang:monotonic_time(), 0, Me) end),
    note_longest(true),
    Worker ! go,
    Done = receive done -> ok; {'DOWN', Monitor, _, _, Why} -> {error, Why} end,
    Ends =/= stay andalso receive {'DOWN', Monitor, _, _, _} -> timer:sleep(50) end,
    Ticker ! stop,
    Gap = receive {longest, Native} -> native_us(Native) end,
    Longest = longest(Gap),
    note_longest(false),
    Worker ! stop,
    erlang:demonitor(Monitor, [flush]),
    wait_gone(Worker),
    case Done of
        ok -> {Longest, percentile(Counters)};
        _ -> failed
    end.

note_longest(On) ->
    catch erts_debug:set_internal_state(longest_work, On).

%% Only what a scheduler did counts.
longest(Gap) ->
    try erts_debug:get_internal_state(longest_work) of
        Rows -> lists:max([0 | [Ns div 1000 || {Kind, _, Ns, _} <- Rows, Kind =/= dirty]])
    catch
        error:_ -> Gap
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
     {"re:split/2", fun() -> binary:copy(<<"0123456789abcdef">>, ?N div 16) end,
      fun(B) -> re:split(B, "ef0") end},
     {"multiplication of 3.2 Mbit", fun digits/0, fun(D) -> D * D end},
     {"division of 6.4 Mbit", fun() -> {digits() * digits(), digits() - 77} end,
      fun({A, B}) -> A div B end},
     {"sum, shift and band of 3.2 Mbit", fun digits/0, fun(D) -> (D + D - 5) bsl 77 band D end},
     {"integer_to_list/1, 400 kbit", fun() -> (1 bsl 400000) - 1 end,
      fun(D) -> integer_to_list(D) end},
     {"integer_to_binary/1, 400 kbit", fun() -> (1 bsl 400000) - 1 end,
      fun(D) -> integer_to_binary(D) end},
     {"list_to_integer/1, 120,000 digits", fun() -> lists:duplicate(120000, $7) end,
      fun(L) -> list_to_integer(L) end},
     {"binary_to_integer/1, 120,000 digits", fun() -> binary:copy(<<"7">>, 120000) end,
      fun(B) -> binary_to_integer(B) end},
     {"binary:encode_unsigned/1, 3.2 Mbit", fun digits/0, fun(D) -> binary:encode_unsigned(D) end},
     {"binary:decode_unsigned/1, 400 kB", fun() -> binary:copy(<<7>>, 400000) end,
      fun(B) -> binary:decode_unsigned(B) end},
     {"=:= of lists", fun() -> {pairs(), pairs()} end, fun({A, B}) -> true = A =:= B end},
     {"== of lists", fun() -> {pairs(), pairs()} end, fun({A, B}) -> true = A == B end},
     {"< of lists", fun() -> {pairs(), pairs()} end, fun({A, B}) -> false = A < B end},
     {"=:= of maps", fun() -> {map(), map()} end, fun({A, B}) -> true = A =:= B end},
     {"< of maps", fun() -> {map(), maps:put(-1, 1, map())} end, fun({A, B}) -> true = A < B end},
     {"=:= of binaries", fun() -> {bytes(), bytes()} end, fun({A, B}) -> true = A =:= B end},
     {"match of a variable", fun() -> {pairs(), pairs()} end, fun({A, A}) -> ok end},
     {"maps:get/2, large key", fun() -> {list(), #{list() => 1}} end,
      fun({K, M}) -> maps:get(K, M) end},
     {"map match, large key in a large map", fun() -> {list(), maps:put(list(), 1, map())} end,
      fun({K, M}) -> #{K := 1} = M end},
     {"maps:put/3, large key in a large map", fun() -> {list(), map()} end,
      fun({K, M}) -> maps:put(K, 1, M) end},
     {"setelement/3", fun() -> erlang:make_tuple(?N, x) end, fun(T) -> setelement(7, T, y) end},
     {"erlang:make_tuple/2", fun() -> ok end, fun(_) -> erlang:make_tuple(?N, x) end},
     {"erlang:append_element/2", fun() -> erlang:make_tuple(?N, x) end,
      fun(T) -> erlang:append_element(T, y) end},
     {"binary_to_list/3", fun bytes/0, fun(B) -> binary_to_list(B, 5, 4 * ?N) end},
     {"bitstring_to_list/1", fun() -> <<(binary:part(bytes(), 0, 4 * ?N))/binary, 5:3>> end,
      fun(B) -> bitstring_to_list(B) end},
     {"list_to_bitstring/1", fun() -> [<<1:1>>, binary:part(bytes(), 0, 8 * ?N) | iolist()] end,
      fun(L) -> list_to_bitstring(L) end},
     {"iolist_to_iovec/1", fun iolist/0, fun(L) -> erlang:iolist_to_iovec(L) end},
     {"term_to_iovec/1", fun pairs/0, fun(L) -> erlang:term_to_iovec(L) end},
     {"external_size/1", fun pairs/0, fun(L) -> erlang:external_size(L) end},
     {"phash/2, list", fun pairs/0, fun(L) -> erlang:phash(L, 1000) end},
     {"phash2/1, map", fun map/0, fun(M) -> erlang:phash2(M) end},
     {"unicode:bin_is_7bit/1", fun bytes/0, fun(B) -> unicode:bin_is_7bit(B) end},
     {"binary:longest_common_prefix/1", fun() -> [bytes(), bytes()] end,
      fun(L) -> binary:longest_common_prefix(L) end},
     {"binary:match/2, many patterns", fun() -> binary:part(bytes(), 0, 16 * ?N) end,
      fun(B) -> binary:match(B, [<<"xyz">>, <<"zyx">>, <<"g0">>]) end},
     {"persistent_term:put/2", fun pairs/0, fun(L) -> persistent_term:put(slices, L) end},
     {"processes/0, 100,000 processes", fun() -> sleepers(100000, []) end,
      fun(_) -> 100000 < length(processes()) end},
     {"process_info of 100,000 messages", fun() -> told(100000) end,
      fun(_) -> process_info(self(), messages) end},
     {"prepare_loading/2", fun() -> {unicode_util, _, _} = code:get_object_code(unicode_util) end,
      fun({Module, Code, _}) -> erlang:prepare_loading(Module, Code) end},
     {"ets:insert/2, list", fun() -> {ets:new(t, [public]), pairs()} end,
      fun({T, L}) -> ets:insert(T, L) end},
     {"ets:insert_new/2, list, ordered_set", fun() -> {ets:new(t, [ordered_set]), pairs()} end,
      fun({T, L}) -> ets:insert_new(T, L) end},
     {"ets:tab2list/1", fun() -> table(set) end, fun(T) -> ets:tab2list(T) end},
     {"ets:select/2", fun() -> table(set) end,
      fun(T) -> ets:select(T, [{{'$1', '$2'}, [{'>', '$1', 500000}], ['$2']}]) end},
     {"ets:match_object/2", fun() -> table(set) end, fun(T) -> ets:match_object(T, {'_', 5}) end},
     {"ets:select_count/2, ordered_set", fun() -> table(ordered_set) end,
      fun(T) -> ets:select_count(T, [{{'_', '$2'}, [{'>', '$2', 5}], [true]}]) end},
     {"ets:select_replace/2", fun() -> table(set) end,
      fun(T) -> ets:select_replace(T, [{{'$1', '_'}, [], [{{'$1', x}}]}]) end},
     {"ets:match_delete/2", fun() -> table(set) end, fun(T) -> ets:match_delete(T, {'_', 5}) end},
     {"ets:delete/1", fun() -> table(set) end, fun(T) -> ets:delete(T) end},
     {"ets:delete_all_objects/1", fun() -> table(set) end,
      fun(T) -> ets:delete_all_objects(T) end},
     {"send of a large message", fun() -> {sink(), pairs()} end, fun({P, L}) -> P ! L end},
     {"send_after/3 of a large message", fun pairs/0,
      fun(L) -> erlang:send_after(1 bsl 40, self(), L) end},
     {"exit/2 with a large reason", fun() -> {sink(), pairs()} end, fun({P, L}) -> exit(P, L) end},
     {"spawn with a large argument", fun pairs/0, fun(L) -> spawn(erlang, length, [L]) end},
     {"spawn_opt with a large fun", fun pairs/0,
      fun(L) -> spawn_opt(fun() -> L =:= [] end, [monitor]) end},
     {"collections of a heap that grows", fun() -> 30 end, fun(N) ->
          {_, M} = spawn_monitor(fun() -> grow(N, []) end),
          receive {'DOWN', M, _, _, normal} -> ok end end},
     {"exit with a large heap", fun pairs/0, fun(L) -> hd(L) end, ends},
     {"exit with a large table", fun() -> table(set) end, fun(_) -> ok end, ends},
     {"exit with 100,000 links", fun() -> sleepers(100000, [link]) end, fun(_) -> ok end, crowd},
     {"exit with 100,000 monitors", fun() -> sleepers(100000, [monitor]) end, fun(_) -> ok end,
      crowd},
     {"exit with 100,000 messages", fun() -> told(100000) end, fun(_) -> ok end, ends}].

%% Processes that sleep as long as the caller lives.
sleepers(Count, Options) ->
    Me = self(),
    Start = fun() -> Monitor = monitor(process, Me), receive {'DOWN', Monitor, _, _, _} -> ok end end,
    [spawn_opt(Start, Options) || _ <- lists:seq(1, Count)],
    erlang:yield().

%% A process that never looks at what it gets.
sink() ->
    Sink = spawn_link(fun() -> receive never -> ok end end),
    erlang:suspend_process(Sink),
    Sink.

%% The caller has so many messages that it will not look at.
told(Count) ->
    Me = self(),
    [Me ! {told, X} || X <- lists:seq(1, Count)],
    ok.

%% A hundred thousand objects more each time, which all live.
grow(0, Kept) -> length(Kept);
grow(N, Kept) -> grow(N - 1, lists:foldl(fun(I, All) -> [{I, [N]} | All] end, Kept, lists:seq(1, 100000))).
