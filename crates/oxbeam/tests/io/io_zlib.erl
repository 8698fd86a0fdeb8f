%% Compression: the same bytes, the same answers.
-module(io_zlib).
-export([main/0]).

main() ->
    Text = iolist_to_binary([[integer_to_list(N * N), $ , $\n] || N <- lists:seq(1, 5000)]),
    Tests =
        [fun() -> [erlang:md5(zlib:F(Text)) || F <- [compress, zip, gzip]] end,
         fun() -> [zlib:uncompress(zlib:compress(Text)) =:= Text, zlib:unzip(zlib:zip(Text)) =:= Text, zlib:gunzip(zlib:gzip(Text)) =:= Text] end,
         fun() -> zlib:compress(<<>>) end,
         fun() -> zlib:uncompress(<<"nonsense">>) end,
         fun() -> zlib:gunzip(<<31, 139, 8>>) end,
         fun() -> zlib:uncompress(binary:part(zlib:compress(Text), 0, 100)) end,
         fun() -> levels(Text) end,
         fun() -> pieces(Text) end,
         fun() -> dictionary(Text) end,
         fun() -> safe(Text) end,
         fun() -> parameters(Text) end,
         fun() -> Z = zlib:open(), zlib:deflate(Z, "a") end,
         fun() -> Z = zlib:open(), zlib:close(Z), zlib:close(Z) end,
         fun() -> Z = zlib:open(), zlib:deflateInit(Z), zlib:deflateInit(Z) end,
         fun() -> Z = zlib:open(), zlib:deflateInit(Z), zlib:inflate(Z, "a") end,
         fun() -> Z = zlib:open(), zlib:deflateInit(Z, 99) end,
         fun() -> Z = zlib:open(), zlib:deflateInit(Z), zlib:deflate(Z, "abc"), zlib:deflateEnd(Z) end,
         fun() -> Z = zlib:open(), zlib:inflateInit(Z), zlib:inflateEnd(Z) end,
         fun() -> other_process() end,
         fun() -> zlib:deflate(foo, "a") end,
         fun() -> [zlib:crc32(zlib:open(), "abc"), zlib:adler32(zlib:open(), "abc"), erlang:crc32("abc"), erlang:adler32("abc")] end,
         fun() -> concatenated(Text) end,
         fun() -> byte_size(zlib:gzip(binary:copy(<<0>>, 3000000))) end,
         fun() -> zlib:uncompress([zlib:compress("ab")]) end],
    lists:foreach(fun({N, T}) -> io:format("~p: ~p~n", [N, try T() catch C:R -> {C, R} end]) end,
                  lists:zip(lists:seq(1, length(Tests)), Tests)).

levels(Text) ->
    [begin
         Z = zlib:open(),
         ok = zlib:deflateInit(Z, Level, deflated, Bits, Mem, Strategy),
         Out = iolist_to_binary(zlib:deflate(Z, Text, finish)),
         ok = zlib:deflateEnd(Z),
         {byte_size(Out), erlang:md5(Out)}
     end || {Level, Bits, Mem, Strategy} <-
                [{none, 15, 8, default}, {best_speed, 15, 8, default}, {best_compression, 15, 9, default},
                 {default, -15, 8, filtered}, {5, 31, 1, huffman_only}, {9, 9, 8, rle}]].

pieces(Text) ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z),
    Out = [[zlib:deflate(Z, [X], F) || {X, F} <- [{Text, none}, {<<"x">>, sync}, {Text, full}, {<<>>, finish}]]],
    ok = zlib:deflateEnd(Z),
    Bin = iolist_to_binary(Out),
    I = zlib:open(),
    ok = zlib:inflateInit(I),
    Back = [zlib:inflate(I, [B]) || <<B:1/binary>> <= Bin],
    ok = zlib:inflateEnd(I),
    {erlang:md5(Bin), iolist_to_binary(Back) =:= <<Text/binary, "x", Text/binary>>}.

dictionary(Text) ->
    Dict = binary:part(Text, 0, 1000),
    Z = zlib:open(),
    ok = zlib:deflateInit(Z),
    Sum = zlib:deflateSetDictionary(Z, Dict),
    Out = iolist_to_binary(zlib:deflate(Z, Text, finish)),
    I = zlib:open(),
    ok = zlib:inflateInit(I),
    Need = (catch zlib:inflate(I, Out, [{exception_on_need_dict, false}])),
    Set = zlib:inflateSetDictionary(I, Dict),
    Rest = zlib:inflate(I, []),
    J = zlib:open(),
    ok = zlib:inflateInit(J),
    Raised = (catch zlib:inflate(J, Out)),
    {Sum, element(1, Need), Set, erlang:md5(iolist_to_binary(Rest)), element(1, element(2, Raised)), byte_size(zlib:inflateGetDictionary(I))}.

safe(Text) ->
    I = zlib:open(),
    ok = zlib:inflateInit(I),
    loop(I, zlib:safeInflate(I, zlib:compress(Text)), []).

loop(I, {continue, Out}, Acc) -> loop(I, zlib:safeInflate(I, []), [Acc, Out]);
loop(_, {finished, Out}, Acc) -> erlang:md5(iolist_to_binary([Acc, Out])).

parameters(Text) ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z, none),
    A = zlib:deflate(Z, Text),
    ok = zlib:deflateParams(Z, best_compression, default),
    B = zlib:deflate(Z, Text, finish),
    ok = zlib:deflateEnd(Z),
    Bin = iolist_to_binary([A, B]),
    {byte_size(Bin), zlib:uncompress(Bin) =:= <<Text/binary, Text/binary>>}.

other_process() ->
    Z = zlib:open(),
    {P, R} = spawn_monitor(fun() -> exit(catch zlib:deflateInit(Z)) end),
    First = receive {'DOWN', R, process, P, {'EXIT', {Why, _}}} -> Why end,
    {Q, S} = spawn_monitor(fun() -> receive go -> exit(zlib:deflateInit(Z)) end end),
    zlib:set_controlling_process(Z, Q),
    Q ! go,
    {First, receive {'DOWN', S, process, Q, Then} -> Then end}.

concatenated(Text) ->
    Two = <<(zlib:gzip(Text))/binary, (zlib:gzip("tail"))/binary>>,
    [begin
         I = zlib:open(),
         ok = zlib:inflateInit(I, 31, Behaviour),
         try erlang:md5(iolist_to_binary(zlib:inflate(I, Two))) catch C:R -> {C, R} end
     end || Behaviour <- [cut, reset, error]].
