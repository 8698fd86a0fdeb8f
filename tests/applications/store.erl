%% What keeps terms on disk: dets, disk_log and mnesia, in the current directory.
-module(store).
-export([main/0, writer/0, recovered/0]).

-record(item, {key, value}).

main() ->
    ok = logger:set_primary_config(level, critical),
    io:format("dets ~p~n", [dets()]),
    io:format("disk_log ~p~n", [disk_log()]),
    io:format("mnesia ~p~n", [mnesia()]),
    init:stop().

dets() ->
    {ok, t} = dets:open_file(t, [{file, "t.dets"}, {type, bag}, {auto_save, 1000}]),
    ok = dets:insert(t, [{N rem 7, N, <<N:200>>} || N <- lists:seq(1, 3000)]),
    ok = dets:delete(t, 3),
    Counts = [length(dets:lookup(t, K)) || K <- lists:seq(0, 6)],
    Matched = length(dets:match(t, {1, '$1', '_'})),
    Folded = dets:foldl(fun({_, N, _}, Sum) -> N + Sum end, 0, t),
    ok = dets:close(t),
    {ok, t} = dets:open_file(t, [{file, "t.dets"}, {type, bag}]),
    Size = dets:info(t, size),
    ok = dets:delete_all_objects(t),
    Empty = dets:info(t, size),
    ok = dets:close(t),
    {Counts, Matched, Folded, Size, Empty, dets:is_dets_file("t.dets")}.

disk_log() ->
    {ok, l} = disk_log:open([{name, l}, {file, "l.log"}, {type, wrap}, {size, {10000, 4}}]),
    [ok = disk_log:log(l, {entry, N, lists:duplicate(20, N)}) || N <- lists:seq(1, 500)],
    ok = disk_log:sync(l),
    Terms = chunks(start, []),
    Info = [lists:keyfind(Item, 1, disk_log:info(l)) || Item <- [type, size, current_file, no_items]],
    ok = disk_log:close(l),
    {length(Terms), hd(Terms) =:= lists:min(Terms), lists:last(Terms), Info}.

chunks(At, All) ->
    case disk_log:chunk(l, At) of
        eof -> All;
        {Next, Terms} -> chunks(Next, All ++ Terms);
        {Next, Terms, _Bad} -> chunks(Next, All ++ Terms)
    end.

mnesia() ->
    ok = application:set_env(mnesia, dir, "mnesia"),
    ok = mnesia:create_schema([node()]),
    ok = mnesia:start(),
    Fields = {attributes, record_info(fields, item)},
    {atomic, ok} = mnesia:create_table(ram, [{ram_copies, [node()]}, {record_name, item}, Fields]),
    {atomic, ok} =
        mnesia:create_table(disc, [{disc_copies, [node()]}, {record_name, item}, {index, [value]}, Fields]),
    ok = mnesia:wait_for_tables([ram, disc], 5000),
    Add = fun(T) -> [mnesia:write(T, #item{key = N, value = N rem 10}, write) || N <- lists:seq(1, 200)] end,
    {atomic, _} = mnesia:transaction(fun() -> Add(ram), Add(disc) end),
    Aborted = mnesia:transaction(fun() -> mnesia:delete({disc, 1}), mnesia:abort(no) end),
    Update = fun(K) ->
        [#item{value = V}] = mnesia:read(disc, K, write),
        mnesia:write(disc, #item{key = K, value = V + 1}, write)
    end,
    Parent = self(),
    Workers = [spawn_link(fun() -> [mnesia:transaction(Update, [5]) || _ <- lists:seq(1, 25)], Parent ! {done, self()} end)
               || _ <- lists:seq(1, 4)],
    [receive {done, W} -> ok end || W <- Workers],
    {atomic, [#item{value = Counted}]} = mnesia:transaction(fun() -> mnesia:read(disc, 5) end),
    Indexed = length(mnesia:dirty_index_read(disc, 7, #item.value)),
    Selected = lists:sort(mnesia:dirty_select(disc, [{#item{key = '$1', value = 3}, [{'<', '$1', 50}], ['$1']}])),
    dumped = mnesia:dump_log(),
    stopped = mnesia:stop(),
    ok = mnesia:start(),
    ok = mnesia:wait_for_tables([ram, disc], 5000),
    Sizes = [mnesia:table_info(T, size) || T <- [ram, disc]],
    stopped = mnesia:stop(),
    {Aborted, Counted, Indexed, Selected, Sizes}.

%% Writes for ever what must survive when the runtime is killed: says so after each transaction.
writer() ->
    ok = application:set_env(mnesia, dir, "killed"),
    ok = mnesia:create_schema([node()]),
    ok = mnesia:start(),
    Options = [{disc_copies, [node()]}, {record_name, item}, {attributes, record_info(fields, item)}],
    {atomic, ok} = mnesia:create_table(disc, Options),
    write(1).

write(N) ->
    {atomic, ok} = mnesia:sync_transaction(fun() -> mnesia:write(disc, #item{key = N, value = N}, write) end),
    ok = mnesia:sync_log(),
    io:format("~b~n", [N]),
    write(N + 1).

%% How many keys from 1 on are there after recovery.
recovered() ->
    ok = logger:set_primary_config(level, critical),
    ok = application:set_env(mnesia, dir, "killed"),
    ok = mnesia:start(),
    ok = mnesia:wait_for_tables([disc], 10000),
    Keys = lists:sort(mnesia:dirty_all_keys(disc)),
    true = Keys =:= lists:seq(1, length(Keys)),
    io:format("~b~n", [length(Keys)]),
    init:stop().
