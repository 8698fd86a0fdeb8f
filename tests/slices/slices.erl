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
    receive ready -> ok; {'DOWN', Monitor, _, _, Unready} -> exit(Unready) end,
    Counters = counters:new(?BUCKETS, []),
    Ticker = spawn_link(fun() -> tick(Counters, erlang:monotonic_time(), 0, Me) end),
    note_longest(true),
    Worker ! go,
    Done = receive
        done -> ok;
        {'DOWN', Monitor, _, _, Why} when Ends =:= stay -> {error, Why};
        {'DOWN', Monitor, _, _, _} -> ended
    end,
    Done =:= ok andalso Ends =/= stay andalso receive {'DOWN', Monitor, _, _, _} -> ok end,
    Ends =/= stay andalso timer:sleep(50),
    Ticker ! stop,
    Gap = receive {longest, Native} -> native_us(Native) end,
    Longest = longest(Gap),
    note_longest(false),
    Worker ! stop,
    erlang:demonitor(Monitor, [flush]),
    wait_gone(Worker),
    case Done of
        {error, _} -> failed;
        _ -> {Longest, percentile(Counters)}
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
     {"lists ++", fun list/0, fun(L) -> L ++ [tail] end},
     {"lists --", fun list/0, fun(L) -> L -- lists:reverse(L) end},
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
     {"taking 1,000,000 messages", fun nothing/0,
      fun(_) -> held(fun(Me) -> [Me ! X || X <- list()] end) end, crowd},
     {"start_timer/3, 1,000,000 times", fun list/0,
      fun(L) -> [erlang:start_timer(3600000 + X rem 1000, self(), x) || X <- L] end},
     {"1,000,000 timers that fire", fun() -> {sink(), list()} end,
      fun({Sink, L}) -> [erlang:send_after(1500, Sink, x) || _ <- L], receive after 2500 -> ok end end},
     {"monitor/2, 1,000,000 times", fun() -> {sink(), list()} end,
      fun({Sink, L}) -> [monitor(process, Sink) || _ <- L] end},
     {"alias/0, 1,000,000 times", fun list/0, fun(L) -> [alias() || _ <- L] end},
     {"taking 1,000,000 requests of monitors", fun nothing/0,
      fun(_) -> held(fun(Me) -> [monitor(process, Me) || _ <- list()] end) end, crowd},
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
     {"exit/1 with a large reason", fun pairs/0, fun(L) -> exit(L) end, ends},
     {"exit/1 with a large reason, linked", fun() -> link(trapper()), pairs() end,
      fun(L) -> exit(L) end, ends},
     {"exit/1 with a large reason, monitored", fun() -> watcher(), pairs() end,
      fun(L) -> exit(L) end, ends},
     {"error/1 with a large reason, caught", fun pairs/0, fun(L) -> catch error(L) end},
     {"send of a large message to a name", fun() -> catch unregister(slices_sink), register(slices_sink, sink()), pairs() end,
      fun(L) -> slices_sink ! L end},
     {"send of a large message to an alias", fun() -> {alias(), pairs()} end,
      fun({A, L}) -> A ! L end},
     {"spawn_request with a large argument", fun pairs/0,
      fun(L) -> spawn_request(erlang, length, [L]) end},
     {"spawn_opt with a large argument", fun pairs/0,
      fun(L) -> spawn_opt(erlang, length, [L], [link]) end},
     {"receive of a large message", fun() -> self() ! pairs(), ok end,
      fun(_) -> receive [_ | _] -> ok end end},
     {"get/0, 1,000,000 entries", fun dictionary/0, fun(_) -> get() end},
     {"get_keys/0, 1,000,000 entries", fun dictionary/0, fun(_) -> get_keys() end},
     {"get_keys/1, 1,000,000 entries", fun dictionary/0, fun(_) -> get_keys(x) end},
     {"erase/0, 1,000,000 entries", fun dictionary/0, fun(_) -> erase() end},
     {"put/2, 1,000,000 times", fun() -> ok end, fun(_) -> dictionary() end},
     {"exit with a dictionary of 1,000,000", fun dictionary/0, fun(_) -> ok end, ends},
     {"process_info of a large dictionary", fun dictionary/0,
      fun(_) -> process_info(self(), dictionary) end},
     {"ports/0, 1,000 ports", fun() -> opened(1000) end, fun(_) -> erlang:ports() end},
     {"ets:all/0, 20,000 tables", fun() -> tables(20000) end, fun(_) -> ets:all() end},
     {"ets:delete/1, 20,000 times", fun() -> tables(20000) end,
      fun(Ts) -> [ets:delete(T) || T <- Ts] end},
     {"exit with 100,000 tables", fun() -> tables(100000) end, fun(_) -> ok end, ends},
     {"ets:info/1", fun() -> table(set) end, fun(T) -> ets:info(T) end},
     {"ets:info/2 of memory", fun() -> table(ordered_set) end,
      fun(T) -> ets:info(T, memory) end},
     {"ets:give_away/3 with a large gift", fun() -> {table(set), sink(), pairs()} end,
      fun({T, P, L}) -> ets:give_away(T, P, L) end},
     {"ets:setopts/2 with a large heir", fun() -> {table(set), sink(), pairs()} end,
      fun({T, P, L}) -> ets:setopts(T, {heir, P, L}) end},
     {"ets:insert/2, a large object", fun() -> {ets:new(t, []), pairs()} end,
      fun({T, L}) -> ets:insert(T, {1, L}) end},
     {"ets:lookup/2, a large object", fun large_object/0, fun(T) -> ets:lookup(T, 1) end},
     {"ets:lookup_element/3, a large object", fun large_object/0,
      fun(T) -> ets:lookup_element(T, 1, 2) end},
     {"ets:delete/2, a large object", fun large_object/0, fun(T) -> ets:delete(T, 1) end},
     {"ets:lookup/2, a bag's 1,000,000 objects", fun bag/0, fun(T) -> ets:lookup(T, 1) end},
     {"ets:delete/2, a bag's 1,000,000 objects", fun bag/0, fun(T) -> ets:delete(T, 1) end},
     {"get_module_info of a large module", fun() -> code:ensure_loaded(unicode_util) end,
      fun(_) -> unicode_util:module_info() end},
     {"erts_debug:size/1", fun pairs/0, fun(L) -> erts_debug:size(L) end},
     {"erts_debug:flat_size/1", fun pairs/0, fun(L) -> erts_debug:flat_size(L) end},
     {"erts_debug:size_shared/1", fun pairs/0, fun(L) -> erts_debug:size_shared(L) end},
     {"erts_debug:copy_shared/1", fun pairs/0, fun(L) -> erts_debug:copy_shared(L) end},
     {"erlang:memory/0", fun() -> sleepers(100000, []) end, fun(_) -> erlang:memory() end},
     {"garbage_collect/0", fun pairs/0, fun(L) -> garbage_collect(), hd(L) end},
     {"persistent_term:get/1 and erase/1", fun() -> persistent_term:put(slices, pairs()) end,
      fun(_) -> persistent_term:get(slices), persistent_term:erase(slices) end},
     {"== in a guard", fun() -> {pairs(), pairs()} end, fun({A, B}) when A == B -> ok end},
     {"match in receive", fun() -> self() ! pairs(), pairs() end,
      fun(L) -> receive L -> ok end end},
     {"map update, large key in a large map", fun() -> {list(), maps:put(list(), 1, map())} end,
      fun({K, M}) -> M#{K := 2} end},
     {"map put, large key in a large map", fun() -> {list(), map()} end,
      fun({K, M}) -> M#{K => 2} end},
     {"map construction with a large key", fun list/0, fun(K) -> #{K => 2} end},
     {"is_map_key, large key in a large map", fun() -> {list(), maps:put(list(), 1, map())} end,
      fun({K, M}) when is_map_key(K, M) -> ok end},
     {"lists:member/2 of large elements", fun() -> {pairs(), [pairs()]} end,
      fun({X, L}) -> true = lists:member(X, L) end},
     {"lists:keyfind/3 of a large key", fun() -> {pairs(), [{pairs(), 1}]} end,
      fun({X, L}) -> {_, 1} = lists:keyfind(X, 1, L) end},
     {"lists:subtract/2 of large elements", fun() -> {pairs(), pairs()} end, fun({A, B}) -> [A] -- [B] end},
     {"ets:insert/2, a large key", fun() -> {ets:new(t, []), list()} end,
      fun({T, L}) -> ets:insert(T, {L, 1}) end},
     {"ets:lookup/2, a large key", fun() -> T = ets:new(t, []), ets:insert(T, {list(), 1}), {T, list()} end,
      fun({T, L}) -> ets:lookup(T, L) end},
     {"put/2 with a large key", fun list/0, fun(L) -> put(L, 1) end},
     {"process_info of 100,000 links", fun() -> sleepers(100000, [link]) end,
      fun(_) -> process_info(self(), links) end, crowd},
     {"hibernate with a large heap", fun pairs/0, fun(L) -> Me = self(),
          spawn(fun() -> Me ! wake end), erlang:hibernate(erlang, hd, [L]) end, ends},
     {"ets:test_ms/2 of a large object", fun pairs/0,
      fun(L) -> ets:test_ms({1, L}, [{{1, '$1'}, [], ['$1']}]) end},
     {"binary_to_float of 64 MB", fun bytes/0, fun(B) -> catch binary_to_float(B) end},
     {"binary_to_atom of 64 MB", fun bytes/0, fun(B) -> catch binary_to_atom(B) end},
     {"bit syntax: append of 64 MB", fun bytes/0, fun(B) -> <<B/binary, 1>> end},
     {"bit syntax: unaligned copy", fun bytes/0, fun(B) -> <<1:1, B/binary>> end},
     {"bit syntax: shifted bits, twice", fun() -> <<_:3, R/bits>> = bytes(), R end,
      fun(R) -> <<R/bits, 1:1, R/bits>> end},
     {"bit syntax: append that grows", fun() -> <<(bytes())/binary, 1>> end,
      fun(B) -> <<B/binary, B/binary, 2>> end},
     {"bit syntax: large integer", fun digits/0, fun(D) -> <<D:3200000>> end},
     {"bit syntax: extract a large integer", fun() -> <<1:3200000>> end,
      fun(<<D:3200000>>) -> D end},
     {"bit syntax: match an unaligned binary", fun bytes/0,
      fun(<<_:3, R/bitstring>>) -> <<R/bitstring>> end},
     {"erlang:delete_element/2", fun() -> erlang:make_tuple(?N, x) end,
      fun(T) -> erlang:delete_element(3, T) end},
     {"erlang:insert_element/3", fun() -> erlang:make_tuple(?N, x) end,
      fun(T) -> erlang:insert_element(3, T, y) end},
     {"erlang:make_tuple/3 with initial values", fun pairs/0,
      fun(L) -> erlang:make_tuple(?N, x, L) end},
     {"maps:take/2 with a large key", fun() -> {list(), maps:put(list(), 1, map())} end,
      fun({K, M}) -> maps:take(K, M) end},
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

nothing() -> ok.

%% The caller does not run while `Send` sends it signals, nor does the ticker.
held(Send) ->
    Me = self(),
    Send1 = fun() -> Send(Me), Me ! sent, receive stop -> ok end end,
    Sender = spawn_opt(Send1, [{priority, high}]),
    receive sent -> Sender ! stop end.

%% A hundred thousand objects more each time, which all live.
grow(0, Kept) -> length(Kept);
grow(N, Kept) -> grow(N - 1, lists:foldl(fun(I, All) -> [{I, [N]} | All] end, Kept, lists:seq(1, 100000))).

%% One that is told of the ends of others.
trapper() ->
    spawn(fun() -> process_flag(trap_exit, true), receive never -> ok end end).

%% One that is told of the caller's end.
watcher() ->
    Me = self(),
    Watcher = spawn(fun() -> monitor(process, Me), Me ! watched, receive never -> ok end end),
    receive watched -> Watcher end.

dictionary() ->
    [put(X, X) || X <- list()],
    ok.

opened(Count) -> [open_port({spawn, "cat"}, []) || _ <- lists:seq(1, Count)].

tables(Count) -> [ets:new(table, []) || _ <- lists:seq(1, Count)].

large_object() ->
    Table = ets:new(table, []),
    ets:insert(Table, {1, pairs()}),
    Table.

bag() ->
    Table = ets:new(table, [duplicate_bag]),
    ets:insert(Table, [{1, X} || X <- list()]),
    Table.
