%% Damages installed modules and runs what still loads.
%%
%% A variant is a number: it decides the module, the damage, the functions called and their
%% arguments, so that each can be made again alone. Rules:
%%  1. The module is renamed before it is damaged (its name is the first atom of its table, to which
%%     its own calls refer too), so that the runtime's own copy stays whole.
%%  2. Only modules that reach no file, port or system call are taken.
%%  3. Calls are made in processes with a bounded heap and bounded time.
%%  4. The number of a variant is in the trail before it is tried, its outcome after: whoever finds
%%     the runtime dead knows where.
-module(hostile).
-export([main/1, show/1]).

-define(CALLS, 8).
-define(CALL_MS, 200).
-define(KILL_MS, 20000).
-define(HEAP_WORDS, 2000000).

%% Arguments: file of the trail, first variant, number of variants.
main([Trail, First, Count]) ->
    ok = logger:set_primary_config(level, none),
    {ok, File} = file:open(Trail, [raw, append]),
    From = list_to_integer(First),
    try variants(File, From, From + list_to_integer(Count), #{}) of
        ok -> erlang:halt(0)
    catch
        throw:stuck -> erlang:halt(3);
        Class:Reason:Stack ->
            file:write(File, io_lib:format("driver ~0tp~n", [{Class, Reason, Stack}])),
            erlang:halt(4)
    end.

%% Prints the outcomes of one variant.
show([Variant]) ->
    N = list_to_integer(Variant),
    {Module, Bytes} = variant(N, chunks(N)),
    io:format("~p ~p~n", [N, Module]),
    io:format("~0tp~n", [attempt(Module, Bytes)]),
    erlang:halt(0).

variants(_, End, End, _) -> ok;
variants(File, N, End, Whole) ->
    ok = file:write(File, [integer_to_list(N), " "]),
    At = N rem tuple_size(sources()),
    Chunks = case Whole of #{At := Known} -> Known; #{} -> chunks(N) end,
    {Module, Bytes} = variant(N, Chunks),
    Outcome = case attempt(Module, Bytes) of
        refused -> "refused";
        Outcomes ->
            Short = lists:droplast([[Kind, $,] || {_, Kind, _} <- Outcomes] ++ [end_of_list]),
            io_lib:format("loaded ~b ~ts", [erlang:phash2(Outcomes), Short])
    end,
    ok = file:write(File, [Outcome, $\n]),
    variants(File, N + 1, End, Whole#{At => Chunks}).

sources() ->
    {lists, string, dict, gb_trees, gb_sets, queue, base64, proplists, orddict, ordsets, sets,
     erl_scan, io_lib_format, io_lib, unicode_util, array, sofs, maps, binary, uri_string, erl_parse,
     erl_lint, erl_anno, v3_core, sys_core_fold, beam_types, cerl, erl_pp}.

%% --- damage

%% The chunks of a variant's module under its new name.
chunks(N) ->
    Source = element(N rem tuple_size(sources()) + 1, sources()),
    Path = filename:join(code:lib_dir(application(Source), ebin), atom_to_list(Source) ++ ".beam"),
    {ok, _, All} = beam_lib:all_chunks(Path),
    Name = list_to_atom("hostile_" ++ atom_to_list(Source)),
    {Name, [{Id, renamed(Id, Data, Name)} || {Id, Data} <- All, loaded(Id)]}.

application(Source) ->
    case lists:member(Source, [v3_core, sys_core_fold, beam_types, cerl]) of
        true -> compiler;
        false -> stdlib
    end.

loaded(Id) -> not lists:member(Id, ["Dbgi", "Docs", "Abst", "CInf"]).

renamed("AtU8", <<Count:32, Size, _:Size/binary, Others/binary>>, Name) ->
    Text = atom_to_binary(Name),
    <<Count:32, (byte_size(Text)), Text/binary, Others/binary>>;
renamed(_, Data, _) ->
    Data.

variant(N, {Module, Chunks}) ->
    rand:seed(exsss, {N, N bxor 16#5DEECE6, 25}),
    Bytes = case rand:uniform(20) of
        1 -> truncated(built(Chunks));
        R when R =< 4 -> damaged(built(Chunks));
        R when R =< 15 -> built(in_chunk("Code", Chunks));
        16 -> built(in_chunk("LitT", Chunks));
        17 -> built(swapped(rand:uniform(3), N, Chunks));
        _ ->
            {Id, _} = lists:nth(rand:uniform(length(Chunks)), Chunks),
            built(in_chunk(Id, Chunks))
    end,
    {Module, Bytes}.

built(Chunks) ->
    {ok, Bytes} = beam_lib:build_module(Chunks),
    Bytes.

in_chunk(Id, Chunks) ->
    case lists:keyfind(Id, 1, Chunks) of
        {Id, Data} -> lists:keyreplace(Id, 1, Chunks, {Id, in_data(Id, Data)});
        false -> Chunks
    end.

%% Damage under the compression of the literals, or its checksum would hide all of it.
in_data("LitT", <<_:32, Packed/binary>>) ->
    Plain = damaged(zlib:uncompress(Packed)),
    <<(byte_size(Plain)):32, (zlib:compress(Plain))/binary>>;
%% The head of the code chunk is checked first; the instructions behind it are what is of interest.
in_data("Code", <<Head:20/binary, Instructions/binary>>) ->
    <<Head/binary, (damaged(Instructions))/binary>>;
in_data(_, Data) ->
    damaged(Data).

%% Chunks change places: their contents, with one of another module, or one stands there twice.
swapped(1, _, Chunks) ->
    {One, A} = lists:nth(rand:uniform(length(Chunks)), Chunks),
    {Other, B} = lists:nth(rand:uniform(length(Chunks)), Chunks),
    lists:keyreplace(Other, 1, lists:keyreplace(One, 1, Chunks, {One, B}), {Other, A});
swapped(2, N, Chunks) ->
    {_, Others} = chunks(N + 1),
    {Id, Data} = lists:nth(rand:uniform(length(Others)), Others),
    lists:keystore(Id, 1, Chunks, {Id, Data});
swapped(3, _, Chunks) ->
    {Id, Data} = lists:nth(rand:uniform(length(Chunks)), Chunks),
    [{Id, damaged(Data)} | Chunks].

truncated(Bytes) -> binary:part(Bytes, 0, rand:uniform(byte_size(Bytes)) - 1).

damaged(<<>>) -> <<>>;
damaged(Bytes) -> damaged(Bytes, max(1, rand:uniform(4) - 2)).

damaged(Bytes, 0) -> Bytes;
damaged(Bytes, Times) -> damaged(change(rand:uniform(8), Bytes), Times - 1).

change(Kind, Bytes) when Kind =< 2 ->
    at(Bytes, fun(Old) -> Old bxor (1 bsl (rand:uniform(8) - 1)) end);
change(3, Bytes) ->
    New = rand:uniform(256) - 1,
    at(Bytes, fun(_) -> New end);
change(4, Bytes) ->
    One = rand:uniform(byte_size(Bytes)) - 1,
    Other = rand:uniform(byte_size(Bytes)) - 1,
    put_byte(put_byte(Bytes, One, binary:at(Bytes, Other)), Other, binary:at(Bytes, One));
change(5, Bytes) ->
    %% Neighbours change places: operands of one instruction do.
    At = rand:uniform(byte_size(Bytes)) - 1,
    case Bytes of
        <<Before:At/binary, A, B, After/binary>> -> <<Before/binary, B, A, After/binary>>;
        _ -> Bytes
    end;
change(_, Bytes) ->
    %% An operand of one byte keeps its kind: another register, label, atom or number.
    New = rand:uniform(15) bsl 4,
    at(Bytes, fun(Old) -> Old bxor New end).

at(Bytes, Change) ->
    At = rand:uniform(byte_size(Bytes)) - 1,
    put_byte(Bytes, At, Change(binary:at(Bytes, At))).

put_byte(Bytes, At, New) ->
    <<Before:At/binary, _, After/binary>> = Bytes,
    <<Before/binary, New, After/binary>>.

%% --- running

%% `refused`, or a list of {Function, Kind, Outcome}: r returned, e raised, k killed (by the limit of
%% its heap), t had to be stopped.
attempt(Module, Bytes) ->
    Functions = calls(),
    case erlang:prepare_loading(Module, Bytes) of
        {error, _} -> refused;
        Prepared ->
            try erlang:finish_loading([Prepared]) of
                ok -> run(Module, Functions);
                _ -> refused
            catch
                error:_ -> refused
            end
    end.

%% Numbers that choose functions and arguments, drawn before anything damaged runs.
calls() -> [{rand:uniform(1 bsl 20), rand:uniform(1 bsl 20)} || _ <- lists:seq(1, ?CALLS)].

run(Module, Choices) ->
    Exports = lists:sort([{F, A} || {F, A} <- exports(Module), A =< 3, F =/= module_info]),
    Outcomes = case list_to_tuple(Exports) of
        {} -> [];
        Table -> [call(Module, element(F rem tuple_size(Table) + 1, Table), A) || {F, A} <- Choices]
    end,
    erlang:delete_module(Module),
    erts_code_purger:purge(Module),
    Outcomes.

exports(Module) ->
    try erlang:get_module_info(Module, exports) catch error:_ -> [] end.

call(Module, {Function, Arity}, Choice) ->
    Arguments = [argument(Choice bsr (6 * At)) || At <- lists:seq(0, Arity - 1)],
    Call = fun() -> exit({outcome, outcome(Module, Function, Arguments)}) end,
    Limit = {max_heap_size, #{size => ?HEAP_WORDS, kill => true, error_logger => false}},
    {Pid, Ref} = spawn_opt(Call, [monitor, Limit]),
    {Kind, Value} = wait(Pid, Ref),
    {Function, Kind, Value}.

outcome(Module, Function, Arguments) ->
    try erlang:apply(Module, Function, Arguments) of
        Value -> {$r, plain(Value)}
    catch
        Class:Reason -> {$e, {Class, plain(Reason)}}
    end.

%% Identities differ between two runtimes.
plain(Value) when is_function(Value); is_pid(Value); is_reference(Value); is_port(Value) -> identity;
plain([Head | Tail]) -> [plain(Head) | plain(Tail)];
plain(Tuple) when is_tuple(Tuple) -> list_to_tuple(plain(tuple_to_list(Tuple)));
plain(Map) when is_map(Map) -> {map, plain(lists:sort(maps:to_list(Map)))};
plain(Value) -> Value.

wait(Pid, Ref) ->
    receive
        {'DOWN', Ref, process, Pid, {outcome, Outcome}} -> Outcome;
        {'DOWN', Ref, process, Pid, killed} -> {$k, killed};
        {'DOWN', Ref, process, Pid, Reason} -> {$e, plain(Reason)}
    after ?CALL_MS ->
        exit(Pid, kill),
        receive
            {'DOWN', Ref, process, Pid, _} -> {$t, stopped}
        after ?KILL_MS -> throw(stuck)
        end
    end.

argument(Choice) ->
    Values = {0, 1, -1, 7, 1 bsl 70, 2.5, a, [], [3, 1, 2], "text", [{a, 1}, {b, 2}], [[$a], $b | <<"c">>],
              {}, {a, b}, {1, nil, nil}, <<>>, <<"binary">>, <<1:3>>, #{}, #{a => 1, 2 => b},
              fun(X) -> X end, fun(X, _) -> X end, gb_trees:from_orddict([{1, a}, {2, b}]),
              queue:from_list([1, 2]), dict:from_list([{k, v}]), array:from_list([x, y]),
              sofs:relation([{1, a}]), [<<"bin">>, <<"ary">>], {[], [1]}, "12:30 + f(X, Y).",
              binary:copy(<<7>>, 100), lists:seq(1, 40)},
    element(Choice rem tuple_size(Values) + 1, Values).
