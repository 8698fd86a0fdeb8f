%% Loaders replace modules over and over while everybody calls through their exports.
%%
%% Claims: a process sees the versions of a module only grow, and never a mixture across one commit
%% (after a call of one module at version N, no call of another that is committed with it finds a
%% version below N); code never changes under a function that runs; funs and literals of old code
%% stay whole or are refused, never something else; nobody dies who does not stay in old code.
-module(storm).
-export([main/1, flat/1, observer/2]).

%% A module compiled with this number as its version is the mould of all versions.
-define(MOULD, 16#12345678).

main([Folder, Seconds]) ->
    [A, B, C] = moulds(Folder),
    put(started, ms()),
    Until = ms() + 1000 * list_to_integer(Seconds),
    process_flag(trap_exit, true),
    ok = load([A, B], 0),
    ok = load([C], 0),
    persistent_term:put(storm_key, {0, 0, [0, 0]}),
    Table = ets:new(storm, [public]),
    Count = 3 * erlang:system_info(schedulers),
    Observers = [spawn_link(?MODULE, observer, [Until, Table]) || _ <- lists:seq(1, Count)],
    Loaders = [
        spawn_link(fun() -> loader([A, B], 1, Until) end),
        spawn_link(fun() -> loader([C], 1, Until) end),
        spawn_link(fun() -> failing([A, B, C], Until) end),
        spawn_link(fun() -> replacer(1, Until) end)
    ],
    Seen = lists:sum([ended(P) || P <- Observers]),
    Versions = [ended(P) || P <- Loaders],
    io:format("~p calls while ~p versions came~n", [Seen, Versions]),
    true = lists:all(fun(V) -> V > 0 end, Versions),
    io:format("whole~n"),
    erlang:halt(0).

ended(Pid) ->
    receive {'EXIT', Pid, {done, N}} -> N;
            {'EXIT', Pid, Other} -> io:format("~p~n", [Other]), erlang:halt(1)
    end.

ms() -> erlang:monotonic_time(millisecond).

%% The files of the three modules, each with the chunks that hold its version.
moulds(Folder) ->
    [begin
        {ok, Bytes} = file:read_file(filename:join(Folder, atom_to_list(M) ++ ".beam")),
        {ok, M, Chunks} = beam_lib:all_chunks(Bytes),
        {M, [Chunk || {Id, _} = Chunk <- Chunks, not lists:member(Id, ["Dbgi", "Docs"])]}
     end || M <- [storm_a, storm_b, storm_c]].

%% The file of a mould with another version, in code and literals.
version({_, Chunks}, N) ->
    {ok, Bytes} = beam_lib:build_module([chunk(Chunk, N) || Chunk <- Chunks]),
    Bytes.

chunk({"Code", Code}, N) -> {"Code", replaced(Code, N)};
chunk({"LitT", <<_:32, Packed/binary>>}, N) ->
    Plain = replaced(zlib:uncompress(Packed), N),
    {"LitT", <<(byte_size(Plain)):32, (zlib:compress(Plain))/binary>>};
chunk(Chunk, _) -> Chunk.

replaced(Bytes, N) -> binary:replace(Bytes, <<?MOULD:32>>, <<(?MOULD + N):32>>, [global]).

load(Moulds, N) ->
    erlang:finish_loading([erlang:prepare_loading(M, version(Mould, N)) || {M, _} = Mould <- Moulds]).

loader(Moulds, N, Until) ->
    case ms() < Until of
        false -> exit({done, N - 1});
        true ->
            Names = [M || {M, _} <- Moulds],
            [purge(M) || M <- Names],
            case load(Moulds, N) of
                ok -> loader(Moulds, N + 1, Until);
                {not_purged, _} -> exit({loader, Names, not_purged})
            end
    end.

%% Only observers that are just within are in old code; they leave it.
purge(M) ->
    erts_code_purger:soft_purge(M) orelse begin erlang:yield(), purge(M) end.

%% What fails must change nothing.
failing(Moulds, Until) ->
    [{A, _} = MA | _] = Moulds,
    Prepared = [erlang:prepare_loading(A, version(MA, 0)) || _ <- [1, 2]],
    failing_rounds(Prepared, Until, 0).

failing_rounds(Prepared, Until, N) ->
    case ms() < Until of
        false -> exit({done, N});
        true ->
            {duplicated, [storm_a]} = erlang:finish_loading(Prepared),
            badarg = try erlang:finish_loading([x | Prepared]) catch error:badarg -> badarg end,
            erlang:yield(),
            failing_rounds(Prepared, Until, N + 1)
    end.

replacer(N, Until) ->
    case ms() < Until of
        false -> exit({done, N - 1});
        true ->
            persistent_term:put(storm_key, {N, N, [N, N]}),
            timer:sleep(1),
            replacer(N + 1, Until)
    end.

-record(seen, {ab = ?MOULD, c = ?MOULD, key = 0, f, lit, rounds = 0}).

observer(Until, Table) -> observe(#seen{}, Until, Table).

observe(#seen{rounds = Rounds} = S, Until, Table) ->
    case Rounds rem 16 =/= 0 orelse ms() < Until of
        false -> exit({done, Rounds});
        true -> observe((round(S, Table))#seen{rounds = Rounds + 1}, Until, Table)
    end.

round(S, Table) ->
    %% Versions grow, over both modules of one commit.
    A1 = storm_a:v(),
    B1 = storm_b:v(),
    {A2, B2, A3} = storm_a:both(),
    B3 = storm_b:v(),
    grow(versions, [S#seen.ab, A1, B1, A2, B2, B3]),
    %% A function sees its own module's version, whatever is loaded meanwhile.
    same(function, A2, A3),
    C = storm_c:v(),
    grow(c, [S#seen.c, C]),
    %% A fun gives the version it was made in, or is refused.
    F = called(S#seen.f),
    %% Literals.
    Lit = storm_c:lit(),
    whole(Lit),
    S#seen.lit =:= undefined orelse whole(S#seen.lit),
    Self = self(),
    Key = {Self, S#seen.rounds band 7},
    ets:insert(Table, {Key, Lit}),
    Oldest = case S#seen.rounds < 8 of true -> 0; false -> (S#seen.rounds + 1) band 7 end,
    [{_, Stored}] = ets:lookup(Table, {Self, Oldest}),
    whole(Stored),
    S#seen.rounds rem 8 =:= 0 andalso pass_on(Lit),
    {K1, K2, [K3, K4]} = persistent_term:get(storm_key),
    same(key, [K1, K1, K1], [K2, K3, K4]),
    grow(key, [S#seen.key, K1]),
    S#seen{ab = B3, c = C, key = K1, f = F, lit = kept(S#seen.lit, Lit, S#seen.rounds)}.

%% Literals are held for a while, over several purges.
kept(undefined, Lit, _) -> Lit;
kept(_, Lit, Rounds) when Rounds rem 64 =:= 0 -> Lit;
kept(Held, _, _) -> Held.

%% Another process gets a literal as an argument and sends it back.
pass_on(Lit) ->
    Self = self(),
    Ref = make_ref(),
    spawn(fun() -> Self ! {Ref, Lit} end),
    receive {Ref, Back} -> whole(Back) end.

called(undefined) ->
    F = storm_a:make_fun(x),
    {F, element(1, F(1))};
called({F, Version} = Held) ->
    try F(2) of
        {V, x, 2} -> same('fun', V, Version), Held
    catch
        error:{badfun, F} -> undefined
    end.

whole({lit, V, [V, {V}], #{}} = Lit) when V >= ?MOULD, element(4, Lit) =:= #{V => <<"0123456789">>} -> Lit;
whole(Other) -> exit({broken_literal, Other}).

grow(What, Values) ->
    lists:sort(Values) =:= Values orelse exit({shrinks, What, Values}).

same(_, X, X) -> ok;
same(What, X, Y) -> exit({differ, What, X, Y}).

%% A module replaced again and again takes no more memory in the end than after a while.
flat([Folder, Times]) ->
    [A, _, C] = moulds(Folder),
    Rounds = list_to_integer(Times),
    Holder = spawn(fun() -> holder([]) end),
    replace([A, C], 1, Rounds div 5, Holder),
    Early = resident_kb(),
    replace([A, C], Rounds div 5 + 1, Rounds, Holder),
    Late = resident_kb(),
    io:format("~p replacements: ~p kB, then ~p kB; code ~p~n", [Rounds, Early, Late, erlang:memory(code)]),
    Late - Early < 2000 orelse erlang:halt(1),
    io:format("flat~n"),
    erlang:halt(0).

replace(_, N, Last, _) when N > Last -> ok;
replace(Moulds, N, Last, Holder) ->
    [erts_code_purger:purge(M) || {M, _} <- Moulds],
    ok = load(Moulds, N),
    Holder ! {storm_a:make_fun(x), storm_c:lit()},
    persistent_term:put(storm_key, {N, lists:seq(1, 100)}),
    N rem 64 =:= 0 andalso erlang:garbage_collect(),
    replace(Moulds, N + 1, Last, Holder).

holder(Held) ->
    receive X -> holder(lists:sublist([X | Held], 5)) end.

resident_kb() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kb]} = re:run(Status, "VmRSS:\\s+([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(Kb).
