#!/usr/bin/env escript
%% Writes calls.tsv: calls of built-in functions with what stock Erlang/OTP 25 makes of them.
%%
%%   escript calls.escript > calls.tsv
%%
%% Columns: module, function, then in hex as external terms the list of arguments and
%% {ok, Value} or {Class, Reason}.

main(_) ->
    [io:put_chars([atom_to_list(M), $\t, atom_to_list(F), $\t, hex(A), $\t, hex(outcome(M, F, A)), $\n])
     || {M, F, As} <- calls(), A <- As].

outcome(M, F, A) ->
    try {ok, apply(M, F, A)} catch C:R -> {C, R} end.

hex(Term) -> [io_lib:format("~2.16.0b", [B]) || <<B>> <= term_to_binary(Term)].

calls() -> arith() ++ text() ++ bytes() ++ lists_() ++ maps_() ++ binary_() ++ unicode_() ++
               math_() ++ hashes() ++ terms_() ++ tuples_().

numbers() -> [0, 1, -1, 255, 1 bsl 27, 1 bsl 59 - 1, 1 bsl 59, -(1 bsl 59), -(1 bsl 59) - 1, 1 bsl 64,
              -(1 bsl 64), 1 bsl 200 + 12345, -(1 bsl 200) - 999, 0.0, 1.5, -2.5, 1.0e22, 1.0e300, a].

arith() ->
    Two = [[X, Y] || X <- numbers(), Y <- numbers()],
    One = [[X] || X <- numbers()],
    Shifts = [[X, Y] || X <- numbers(), Y <- [0, 1, -1, 5, 64, -64, 130, -300, 1.0, a, -(1 bsl 70)]],
    [{erlang, F, Two} || F <- ['+', '-', '*', '/', 'div', 'rem', 'band', 'bor', 'bxor',
                               '==', '/=', '<', '=<', '>', '>=', '=:=', '=/=']] ++
    [{erlang, F, One} || F <- ['+', '-', 'bnot', abs, trunc, round, floor, ceil, float,
                               is_integer, is_float, is_number]] ++
    [{erlang, F, Shifts} || F <- ['bsl', 'bsr']] ++
    [{erlang, F, [[X, Y] || X <- [true, false, a], Y <- [true, false, 1]]} || F <- ['and', 'or', 'xor']].

text() ->
    Ints = [[N] || N <- numbers()],
    Bases = [[N, B] || N <- numbers(), B <- [2, 10, 16, 36, 1, 37, a]],
    Digits = ["", "-", "+", "0", "-0", "+12", "12a", "1_0", " 1", "9223372036854775808",
              "-576460752303423489", lists:duplicate(400, $7), a, [1], [$1 | $2], "1.5", "ff", "Zz"],
    Floats = ["1.5", "-1.5e3", "+0.1E-5", "1e5", "1.", ".5", "1.5e", "1.0e400", "1.0e-400", "1,5", "",
              "x", a, [$1, $., a], "1.5 "],
    FOpts = [[], [{decimals, 2}], [{decimals, 0}], [{decimals, 25}], [{decimals, 253}], [{decimals, 254}],
             [{decimals, 5}, compact], [{scientific, 3}], [{scientific, 0}], [{scientific, 300}],
             [{scientific, -1}], [{decimals, -1}], [short], [compact], [foo], foo, [{decimals, a}]],
    Fs = [0.0, 1.0, 0.1, 1.5, -2.25, 7.995, 123456.789, 1.0e15, 1.0e16, 1.0e22, 1.0e-5, 1.23e-7, 5.0e-324,
          1.7976931348623157e308, 9007199254740993.0, 0.5, 2.5, 3.14159265358979, 100.0, 1000.0, 12340.0,
          1.0e100, 1, a],
    [{erlang, integer_to_list, Ints ++ Bases}, {erlang, integer_to_binary, Ints ++ Bases},
     {erlang, list_to_integer, [[D] || D <- Digits] ++ [[D, 16] || D <- Digits] ++ [["z", 36], ["1", 1]]},
     {erlang, binary_to_integer, [[list_to_binary(D)] || D <- Digits, D =/= a, D =/= [$1 | $2]] ++ [[a], [<<1:3>>]]},
     {erlang, list_to_float, [[F] || F <- Floats]},
     {erlang, binary_to_float, [[list_to_binary(F)] || F <- Floats, F =/= a, F =/= [$1, $., a]] ++ [[a]]},
     {erlang, float_to_list, [[F] || F <- Fs] ++ [[F, O] || F <- Fs, O <- FOpts]},
     {erlang, float_to_binary, [[F] || F <- Fs] ++ [[1.5, O] || O <- FOpts]},
     {string, list_to_integer, [[L] || L <- Digits ++ ["12abc", [$1, a], [a]]]},
     {string, list_to_float, [[L] || L <- Floats ++ ["1.5e3x", "1.5e+x", "1", [$1, $., $5 | a]]]},
     {erlang, atom_to_list, [[abc], ['å'], [list_to_atom([1234])], [1]]},
     {erlang, atom_to_binary, [[X, E] || X <- [abc, 'å', list_to_atom([1234]), 1], E <- [utf8, latin1, unicode, foo]]},
     {erlang, list_to_atom, [["abc"], [[1234]], [[16#D800]], [a], [lists:duplicate(256, $a)], [""], [[-1]], [[$a | $b]]]},
     {erlang, list_to_existing_atom, [["abc"], ["never seen this one"], [a]]},
     {erlang, binary_to_atom, [[B, E] || B <- [<<"abc">>, <<"å"/utf8>>, <<229>>, <<1:3>>, a], E <- [utf8, latin1, foo]]},
     {erlang, binary_to_existing_atom, [[<<"abc">>, utf8], [<<"never seen that one">>, utf8]]}].

bytes() ->
    Io = [[], [1, 2], "abc", [<<"a">>, "b", [[$c]] | <<"d">>], [<<1:3>>], [1 | 2], [256], [-1], a, <<"bin">>,
          <<1:3>>, [[] | <<"x">>], [[[[<<>>]]]], [a], [1.0], [<<"ab">> | <<1:1>>], [[1 | <<2>>], 3]],
    <<_:3, Odd/bits>> = <<"odd bits here">>,
    [{erlang, F, [[X] || X <- Io ++ [Odd]]} || F <- [iolist_size, iolist_to_binary, list_to_binary,
                                                     list_to_bitstring, binary_to_list, bitstring_to_list,
                                                     byte_size, bit_size, size]] ++
    [{erlang, list_to_bitstring, [[[<<5:3>>, <<6:3>>, 255, <<1:1>>]], [[<<1:7>>, <<"abc">>, <<3:2>>]]]},
     {erlang, iolist_to_iovec, [[<<"abc">>], [[]], [<<>>], [a]]},
     {erlang, binary_to_list, [[<<"hello">>, S, E] || S <- [0, 1, 3, 6], E <- [0, 1, 3, 5, 6]]},
     {erlang, binary_part, [[<<"hello">>, {S, L}] || S <- [0, 2, 5, 6, -1], L <- [0, 1, 3, -2, -5, a]] ++
          [[<<"hello">>, 1, 2], [a, 0, 0]]},
     {erlang, split_binary, [[<<"hello">>, N] || N <- [0, 2, 5, 6, -1, a]] ++ [[Odd, 3], [a, 1]]}].

lists_() ->
    L = [3, 1.0, a, "x", {1}, <<"b">>, 1],
    T = [{a, 1}, {b, 2.0}, x, {c}, {2, 3, 4}, {1, one}],
    Big = lists:seq(1, 50),
    [{lists, reverse, [[L, []], [L, [z]], [L, z], [[], []], [a, []], [[1 | 2], []]]},
     {lists, member, [[X, L] || X <- [1, 1.0, 3.0, "x", b]] ++ [[1, a], [1, [2 | 3]], [1, [1 | 3]], [x, []]]},
     {lists, keyfind, [[K, N, T] || K <- [a, 1, 1.0, 2, 3, one, zz], N <- [1, 2, 3]] ++
          [[a, 0, T], [a, -1, T], [a, a, T], [zz, 1, [x | y]], [a, 1 bsl 70, T]]},
     {lists, keymember, [[a, 1, T], [zz, 1, T]]}, {lists, keysearch, [[a, 1, T], [zz, 1, T]]},
     {erlang, '++', [[[1, 2], [3]], [[1], x], [[], x], [x, []], [[1 | 2], []]]},
     {erlang, '--', [[L, [1, a]], [[1, 2, 1, 2], [1]], [L, L], [Big ++ Big, lists:seq(10, 40)], [Big, []],
                     [[1, 1.0], [1.0]], [x, []], [[1], x], [[1 | 2], [1]], [[], [1 | 2]]]},
     {erlang, length, [[L], [[]], [a], [[1 | 2]]]}, {erlang, hd, [[L], [[]]]}, {erlang, tl, [[L], [[]]]}].

big_map() -> maps:from_list([{I, I * 2} || I <- lists:seq(1, 100)]).

maps_() ->
    Ms = [#{}, #{1 => a, 1.0 => b, "k" => c}, big_map(), x],
    Ks = [1, 1.0, 2, 50, "k", "zz"],
    [{maps, F, [[K, M] || K <- Ks, M <- Ms]} || F <- [get, find, is_key, remove, take]] ++
    [{maps, put, [[K, v, M] || K <- Ks, M <- Ms]}, {maps, update, [[K, v, M] || K <- Ks, M <- Ms]},
     {maps, keys, [[M] || M <- Ms]}, {maps, values, [[M] || M <- Ms]},
     {maps, merge, [[A, B] || A <- Ms, B <- Ms]},
     {maps, from_list, [[maps:to_list(M)] || M <- Ms, is_map(M)] ++
          [[[{1, a}, {1, b}]], [[a]], [[{1, 2} | x]], [x],
           [[{I rem 20, I} || I <- lists:seq(1, 50)]], [[{I rem 40, I} || I <- lists:seq(1, 90)]]]},
     {maps, from_keys, [[lists:seq(1, 40), x], [[1, 1.0, 1], x], [x, x]]},
     {erlang, map_size, [[M] || M <- Ms]}, {erlang, map_get, [[1, M] || M <- Ms]},
     {erlang, is_map_key, [[1, M] || M <- Ms]},
     {erts_internal, map_next, [[0, M, []] || M <- Ms, M =/= big_map()] ++ [[0, #{1 => 2}, iterator], [a, #{}, []], [0, #{}, x]]}].

binary_() ->
    S = <<"abcabcab,,x,y,">>,
    Ps = [<<"b">>, <<",">>, <<"abc">>, <<"zz">>, [<<"b">>, <<"bc">>, <<"x">>], [<<"ab">>, <<",">>], [], <<>>, [<<>>], a],
    Opts = [[], [global], [global, trim], [global, trim_all], [trim], [{scope, {2, 6}}], [{scope, {9, -6}}, global],
            [{scope, {0, 99}}], [foo], foo],
    [{binary, match, [[S, P] || P <- Ps] ++ [[S, P, O] || P <- Ps, O <- Opts]},
     {binary, matches, [[S, P] || P <- Ps] ++ [[S, P, O] || P <- Ps, O <- Opts]},
     {binary, split, [[S, P] || P <- Ps] ++ [[S, P, O] || P <- Ps, O <- Opts] ++
          [[<<>>, <<",">>, O] || O <- Opts] ++ [[<<",,">>, <<",">>, O] || O <- Opts] ++ [[a, <<"b">>], [<<1:3>>, <<"b">>]]},
     {binary, at, [[S, 0], [S, 13], [S, 14], [S, -1], [a, 0], [<<1:3>>, 0]]},
     {binary, first, [[S], [<<>>], [a]]}, {binary, last, [[S], [<<>>], [a]]},
     {binary, part, [[S, {1, 3}], [S, {5, -3}], [S, {5, -6}], [S, 2, 4], [a, 0, 0], [S, a]]},
     {binary, copy, [[S], [S, 3], [S, 0], [S, -1], [a], [<<1:3>>]]},
     {binary, list_to_bin, [[[1, [<<2>>]]], [a], [<<1>>]]},
     {binary, decode_unsigned, [[<<>>], [<<0, 1, 2>>], [<<255:80>>], [<<1, 2>>, little], [<<1, 2>>, a], [a], [<<1:3>>]]},
     {binary, encode_unsigned, [[N] || N <- numbers()] ++ [[258, little], [1 bsl 70, little], [1, a]]},
     {binary, longest_common_prefix, [[[<<"abcd">>, <<"abce">>, <<"ab">>]], [[<<"a">>]], [[]], [[a]], [a]]},
     {binary, longest_common_suffix, [[[<<"xabc">>, <<"yabc">>]], [[<<"a">>, <<>>]], [[]], [[a]]]},
     {binary, referenced_byte_size, [[<<"abc">>], [a]]}].

unicode_() ->
    Ins = [["abc", 1000, [<<"é"/utf8>> | <<"x">>]], [1, 2, 300], <<200>>, <<"abc", 200>>, [<<"abc", 200>>, "def"],
           [<<"abc", 195>>, <<169, "x">>], [<<"abc", 195>> | <<169, "x">>], ["x", [<<"abc", 255>>, 1], 2 | <<"zz">>],
           [1, a], a, [1 | a], [16#D800], ["ab", 16#110000, "cd"], [-1], [[<<"ab">>, [$c, 16#D800 | <<"q">>], $d], $e],
           <<"ab", 226, 130>>, [<<226>>, <<130>>, <<172>>], [<<226>>, <<130>>], [<<226>>, $a], [<<226>>, [[]], <<130, 172>>],
           [<<226>>, [$b]], <<1:3>>, [$a, <<5:7>>], [], <<>>, [<<195>>], [1 bsl 80], <<237, 160, 128>>, <<192, 128>>,
           [<<195>>, <<"x">>], [<<195>> | <<"x">>], [[<<195>>], [<<"x">>, 1], 2], [<<226>>, <<130, "x">>, 5],
           [[<<226>>] | <<130>>], [[[<<226>> | <<130>>]], $x], <<244, 144, 128, 128>>, <<245, 144>>, <<226, "x">>, <<226, "xy">>,
           <<128>>, [<<226>>, <<"x">>], <<"plain">>, <<"blåbær"/utf8>>],
    [{unicode, F, [[I, E] || I <- Ins, E <- [utf8, latin1]] ++ [["a", foo]]} || F <- [characters_to_binary, characters_to_list]] ++
    [{unicode, bin_is_7bit, [[<<1, 127>>], [<<128>>], [a], [<<1:3>>]]}].

math_() ->
    Xs = [0, 1, -1, 0.5, -0.5, 2, 10.25, 1.0e10, 1000, 1 bsl 70, 1 bsl 2000, a],
    [{math, F, [[X] || X <- Xs]} || F <- [acos, acosh, asin, asinh, atan, atanh, ceil, cos, cosh, erf, erfc, exp, floor,
                                          log, log10, log2, sin, sinh, sqrt, tan, tanh]] ++
    [{math, F, [[X, Y] || X <- Xs, Y <- Xs]} || F <- [atan2, fmod, pow]].

hashes() ->
    Ts = numbers() ++ ["abc", <<"abc">>, #{1 => 2}, {a, b}, [a | b], <<1:3>>],
    [{erlang, phash2, [[T] || T <- Ts] ++ [[T, R] || T <- Ts, R <- [1, 2, 1000, 1 bsl 32]] ++ [[a, 0], [a, 1 bsl 33]]},
     {erlang, phash, [[T, R] || T <- Ts, R <- [1, 7, 1 bsl 32]] ++ [[a, 0]]},
     {erlang, crc32, [["abc"], [<<"hello world">>], [0, "abc"], [891568578, "def"], [a], [-1, "a"]]},
     {erlang, crc32_combine, [[891568578, 214229345, 3]]},
     {erlang, adler32, [["abc"], [<<"hello world">>], [1, "abc"], [38600999, "def"], [a]]},
     {erlang, adler32_combine, [[38600999, 43647286, 3]]},
     {erlang, md5, [[""], ["abc"], [[<<"a">>, "bc"]], [a]]}].

terms_() ->
    Ts = [1, 1 bsl 70, "abc", [1000], {a, 1.5}, #{k => [1.0]}, list_to_atom([1234]), 'å', lists:seq(1, 400),
          binary:copy(<<"x">>, 1000)],
    [{erlang, term_to_binary, [[T] || T <- Ts] ++
          [[T, O] || T <- Ts, O <- [[compressed], [{compressed, 9}], [{compressed, 0}], [{minor_version, 0}],
                                    [{minor_version, 2}], [deterministic]]] ++ [[a, [foo]], [a, [{compressed, 10}]], [a, foo]]},
     {erlang, external_size, [[T] || T <- Ts] ++ [[T, [{minor_version, 0}]] || T <- Ts]},
     {erlang, binary_to_term, [[term_to_binary(T)] || T <- Ts] ++ [[term_to_binary(T, [compressed])] || T <- Ts] ++
          [[<<131, 97, 1, 2>>], [<<131, 97>>], [<<>>], [a], [<<131, 97, 1, 2>>, [used]], [<<131, 97, 1>>, [safe, used]],
           [<<131, 100, 0, 20, "no such atom at all!">>, [safe]], [<<131, 97, 1>>, [foo]],
           [<<(term_to_binary(lists:seq(1, 400), [compressed]))/binary, 1, 2>>, [used]]]}].

tuples_() ->
    T = {a, b, c},
    [{erlang, element, [[N, T] || N <- [0, 1, 3, 4, a, -1]] ++ [[1, a]]},
     {erlang, setelement, [[N, T, x] || N <- [0, 1, 3, 4, a]] ++ [[1, a, x]]},
     {erlang, append_element, [[T, x], [a, x], [{}, x]]}, {erlang, insert_element, [[N, T, x] || N <- [0, 1, 4, 5]]},
     {erlang, delete_element, [[N, T] || N <- [0, 1, 3, 4]] ++ [[1, {}]]},
     {erlang, make_tuple, [[3, x], [0, x], [-1, x], [3, x, [{1, a}, {1, b}]], [3, x, [{4, a}]], [1 bsl 24, x]]},
     {erlang, tuple_to_list, [[T], [{}], [a]]}, {erlang, list_to_tuple, [["abc"], [[]], [a], [[1 | 2]]]},
     {erlang, tuple_size, [[T], [a]]}, {erlang, is_tuple, [[T], [a]]},
     {erlang, is_function, [[fun lists:map/2], [fun lists:map/2, 2], [fun lists:map/2, 3], [a, 2], [a, -1], [a, b]]},
     {erlang, is_record, [[T, a], [T, b], [T, a, 3], [T, a, 4], [T, 1], [{}, a], [T, a, x]]},
     {erlang, fun_to_list, [[fun lists:map/2], [a]]}, {erlang, ref_to_list, [[a]]}, {erlang, pid_to_list, [[a]]},
     {erlang, list_to_pid, [["<0.1.2>"], ["<0.1>"], ["<0.99999.0>"], ["x"], [a]]}].
