-module(p_bits).
-export([run/0]).
run() -> exit(t()).
t() ->
    B = id(<<1, 2, 3, 4, 5, 6, 7, 8, 9, 10>>),
    <<A:4, C:12/little, D:16/signed, R/binary>> = B,
    <<F:32/float, _/bits>> = <<(id(1.5)):32/float, 0>>,
    [A, C, D, R, F, <<(id(300)):16>>, <<(id(-1)):13>>, <<B/binary, 1>>, <<(id(5)):3, (id(1)):5/little>>,
     << <<(X * 2)>> || <<X>> <= B >>, [X || <<X:3>> <= B], build(1000, <<>>), utf(),
     <<(id(1 bsl 90)):100/little>>, <<(id(-(1 bsl 90))):100>>, big(id(<<255, 254, 253, 252, 251, 250, 249, 248, 247, 246>>)),
     match(id(<<"hello world">>)), match(id(<<"other">>)), tail(id(<<1:1, 2:2, 3:5, 7:3>>)),
     bit_size(id(<<5:3>>)), byte_size(B), id(<<>>), parse(id(<<3, "abc", 2, "de">>), []),
     try <<(id(a)):8>> catch error:badarg -> badarg end,
     try <<(id(<<1>>))/bits, (id(3)):(id(-1))>> catch error:badarg -> badarg2 end,
     << <<N:4>> || N <- [1, 2, 3] >>, binary_to_list(B), list_to_binary([1, <<2, 3>>, [4]]),
     f(id(<<3.14/float>>)), f(id(<<3.14:64/little-float>>)), size_match(id(<<4, 1, 2, 3, 4, 5>>))].
size_match(<<N, X:N/binary, R/bits>>) -> {N, X, R}.
f(<<X/float>>) -> X;
f(_) -> none.
parse(<<N, S:N/binary, R/binary>>, Acc) -> parse(R, [S | Acc]);
parse(<<>>, Acc) -> Acc.
tail(<<A:1, B:2, R/bits>>) -> {A, B, R}.
match(<<"hello ", R/binary>>) -> {hello, R};
match(<<"other">>) -> other.
big(<<X:80/signed>>) -> X.
build(0, B) -> byte_size(B);
build(N, B) -> build(N - 1, <<B/binary, N:16>>).
utf() ->
    B = << <<C/utf8>> || C <- [$a, 233, 8364, 66560] >>,
    B16 = << <<C/utf16-little>> || C <- [$a, 233, 8364, 66560] >>,
    B32 = << <<C/utf32>> || C <- [$a, 66560] >>,
    {B, [C || <<C/utf8>> <= B], B16, [C || <<C/utf16-little>> <= B16], [C || <<C/utf32>> <= B32]}.
id(X) -> X.
