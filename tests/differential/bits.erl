%% Bit syntax: building and matching of every kind and unit.
-module(bits).
-compile([export_all, nowarn_export_all]).

t_append_segments() -> [<<(id(B))/binary, N:16, (id(B))/binary, $x/utf8, $x/utf16>> || B <- [<<>>, <<1, 2>>, binary:copy(<<7>>, 100)], N <- [0, 65535]].
t_append_of_a_size() -> [<<(id(<<1, 2, 3, 4>>)):N/binary-unit:4, 5:N>> || N <- [0, 2, 4]].
t_append_nothing() -> A = id(<<"123">>), B = <<(id(<<>>))/binary, 1, 2, 3>>, [erts_debug:same(X, <<X/binary, (id(<<>>))/binary>>) || X <- [A, B]].
t_match_too_many_bits() -> B = binary:copy(<<255>>, 5000000), Size = bit_size(B), [case B of <<_:Size>> -> skipped end, catch case B of <<N:Size>> -> N > 0; _ -> no end, case <<1>> of <<_:8, _:18446744073709551616>> -> yes; _ -> no end].
t_reductions_of_building() -> T = <<0:2048000/unit:8>>, erlang:yield(), {_, R} = process_info(self(), reductions), _ = byte_size(id(<<0:8, T/binary>>)), {_, S} = process_info(self(), reductions), S - R >= 1900.
t_ints() -> [<<N:S>> || N <- [0, 1, 255, 256, -1, 12345678901234567890], S <- [0, 1, 7, 8, 9, 16, 31, 64, 65, 128]].
t_little() -> [<<N:S/little>> || N <- [1, 258, -2, 16#123456789abcdef01], S <- [3, 8, 12, 16, 24, 33, 64, 72]].
t_native() -> <<1:32/native>> =:= <<1:32/little>>.
t_signed() -> [begin <<X:S/signed, _/bits>> = B, X end || B <- [<<255, 1, 2, 3, 4, 5, 6, 7, 8>>, <<127, 255, 0, 0, 0, 0, 0, 0, 9>>], S <- [1, 3, 8, 15, 32, 61, 64, 70]].
t_signed_little() -> [begin <<X:S/signed-little, _/bits>> = B, X end || B <- [<<255, 1, 2, 3, 4, 5, 6, 7, 8>>, <<127, 255, 0, 0, 0, 0, 0, 128, 9>>], S <- [1, 3, 8, 15, 32, 61, 64, 70]].
t_unsigned() -> [begin <<X:S, _/bits>> = <<171, 205, 239, 1, 2, 3, 4, 5, 6, 7, 8>>, X end || S <- lists:seq(0, 80)].
t_unaligned() -> [begin <<_:O, X:S, _/bits>> = <<171, 205, 239, 1, 2, 3, 4, 5, 6, 7, 8, 9>>, X end || O <- [1, 3, 5, 7], S <- [1, 7, 8, 13, 32, 60, 64]].
t_floats() -> [{<<F/float>>, <<F:32/float>>, <<F:64/little-float>>, <<F:16/float>>} || F <- [0.0, 1.5, -2.25, 65504.0, 1.0e-3]].
t_match_floats() -> <<A/float, B:32/float, C:64/little-float, D:16/float>> = <<1.5/float, 2.5:32/float, -3.5:64/little-float, 0.5:16/float>>, {A, B, C, D}.
t_int_as_float() -> <<1/float>>.
t_match_nan() -> case <<16#7FF0000000000001:64>> of <<F/float>> -> F; _ -> none end.
t_the_atom_all_is_no_size() -> A = id(all), [[catch_it(fun() -> <<B:A/binary>> end), catch_it(fun() -> <<1, B:A/bits, 5>> end), catch_it(fun() -> <<B/binary, 5:A>> end), case B of <<X:A/binary>> -> X; _ -> no end, case B of <<_:A/bits>> -> yes; _ -> no end, case B of <<_:A, _/bits>> -> yes; _ -> no end] || B <- [<<>>, <<1, 2>>, <<1:1>>]].
t_binary() -> B = <<1, 2, 3, 4, 5>>, {<<B/binary, B:2/binary>>, <<0:1, B/bitstring>>, <<B:3/binary-unit:8>>}.
t_bitstring_match() -> <<A:3/bits, B:7/bits, C/bits>> = <<1, 2, 3, 4>>, {A, B, C}.
t_sub_of_sub() -> <<_:5, A/bits>> = <<1, 2, 3, 4, 5, 6>>, <<_:9, B/bits>> = A, <<_:3, C:16/bits, D/bits>> = B, {A, B, C, D, bit_size(D)}.
t_binary_unit() -> [catch_it(fun() -> <<B/binary>> = S, B end) || S <- [<<1>>, <<1:9>>, <<>>]].
t_utf8() -> [<<C/utf8>> || C <- [0, 127, 128, 2047, 2048, 65535, 65536, 1114111]].
t_utf16() -> [{<<C/utf16>>, <<C/utf16-little>>} || C <- [0, 65535, 65536, 1114111]].
t_utf32() -> [{<<C/utf32>>, <<C/utf32-little>>} || C <- [0, 65536, 1114111]].
t_bad_utf() -> [catch_it(fun() -> <<C/utf8>> end) || C <- [16#D800, 16#110000, -1, a]].
t_match_utf8() -> [case B of <<C/utf8, R/bits>> -> {C, R}; _ -> none end || B <- [<<"a">>, <<195, 165, 1>>, <<226, 130, 172>>, <<240, 159, 152, 128>>, <<195>>, <<255>>, <<237, 160, 128>>, <<192, 128>>, <<>>]].
t_match_utf16() -> [case B of <<C/utf16, R/bits>> -> {C, R}; _ -> none end || B <- [<<0, 97>>, <<16#D8, 0, 16#DC, 0, 9>>, <<16#D8, 0>>, <<16#DC, 0, 0, 0>>, <<1>>]].
t_match_utf32() -> [case B of <<C/utf32, R/bits>> -> {C, R}; _ -> none end || B <- [<<97:32>>, <<16#110000:32>>, <<16#D800:32>>, <<1, 2>>]].
t_unaligned_utf8() -> <<0:3, "åäö"/utf8>>.
t_comprehension() -> [X || <<X:3>> <= <<1, 2, 3, 4>>].
t_binary_comprehension() -> << <<(X * 2):16>> || <<X>> <= <<1, 2, 3, 255>>, X > 1 >>.
t_list_to_bits() -> << <<X:N>> || {X, N} <- [{1, 1}, {5, 3}, {9, 4}, {1, 1}] >>.
t_append() -> lists:foldl(fun(N, Acc) -> <<Acc/binary, N>> end, <<>>, lists:seq(1, 300)).
t_append_bits() -> lists:foldl(fun(N, Acc) -> <<Acc/bits, N:5>> end, <<>>, lists:seq(1, 100)).
t_append_shared() -> A = lists:foldl(fun(N, Acc) -> <<Acc/binary, N>> end, <<>>, lists:seq(1, 100)), B = <<A/binary, 1>>, C = <<A/binary, 2>>, {B =:= C, byte_size(A), erlang:phash2(B), erlang:phash2(C)}.
t_append_kept() -> A = <<(binary:copy(<<7>>, 100))/binary, 1>>, Bs = [<<A/binary, N>> || N <- lists:seq(1, 5)], [binary:last(B) || B <- Bs].
t_append_sent() -> S = self(), B = lists:foldl(fun(N, Acc) -> <<Acc/binary, N>> end, <<>>, lists:seq(1, 200)), P = spawn(fun() -> receive X -> S ! erlang:phash2(X) end end), P ! B, C = <<B/binary, "more">>, receive H -> {H =:= erlang:phash2(B), byte_size(C)} end.
t_appends_from_the_same_values() -> appends(400).
t_heavy_appends_from_the_same_values() -> appends(60000).
t_append_in_a_loop() -> [{byte_size(B), erlang:phash2(B)} || B <- [append_all(20000, K, <<>>) || K <- lists:seq(0, 6)]].
t_append_what_is_wrong() -> A = <<(id(<<"start">>))/binary, 1>>, B = lists:foldl(fun(X, Acc) -> _ = (catch <<Acc/binary, 5, X:8, 6>>), <<Acc/binary, "ok">> end, A, [a, 1.0, 2, <<1>>, 1 bsl 70, -1]), {B, catch_it(fun() -> <<B/binary, 1, (id(<<1:3>>))/binary>> end), catch_it(fun() -> <<B/binary, 1, (id(16#D800))/utf8>> end), catch_it(fun() -> <<B/binary, 1, 1:(id(-1))>> end), <<B/binary, 7>>}.
t_reductions_of_appending() -> B = append_all(100000, 0, <<>>), {_, R} = process_info(self(), reductions), C = append_all(2000, 0, B), {_, S} = process_info(self(), reductions), {byte_size(C), S - R < 20000}.
t_bad_size() -> [catch_it(fun() -> <<1:S>> end) || S <- [-1, a, 1.0]].
t_bad_value() -> [catch_it(fun() -> <<V:8>> end) || V <- [a, "x", 1.5, <<1>>]].
t_bad_float() -> [catch_it(fun() -> <<V:S/float>> end) || {V, S} <- [{a, 64}, {1.0, 17}, {1.0e300, 32}]].
t_bad_binary() -> [catch_it(fun() -> <<V/binary>> end) || V <- [a, 1, <<1:3>>]].
t_short_binary() -> catch_it(fun() -> B = <<1, 2>>, <<B:3/binary>> end).
t_match_size_var() -> [case B of <<S, V:S/binary, R/binary>> -> {V, R}; _ -> none end || B <- [<<2, 1, 2, 3>>, <<9, 1>>, <<0>>, <<>>]].
t_match_literal() -> [case B of <<"abc", R/binary>> -> {abc, R}; <<"ab", R/binary>> -> {ab, R}; <<1:1, R/bits>> -> {bit, R}; _ -> none end || B <- [<<"abcd">>, <<"abd">>, <<200>>, <<1>>]].
t_match_huge_size() -> S = id(1 bsl 70), case <<1, 2, 3>> of <<_:S, _/bits>> -> yes; _ -> no end.
t_match_negative() -> S = id(-1), case <<1, 2, 3>> of <<_:S, _/bits>> -> yes; _ -> no end.
t_tail_unit() -> [case B of <<_, R/binary-unit:16>> -> R; _ -> none end || B <- [<<1, 2, 3>>, <<1, 2>>, <<1>>]].
t_skip() -> <<_:16, X, _:3, Y:5, _/bits>> = <<1, 2, 3, 255, 5>>, {X, Y}.
t_parse() -> parse(<<3, "abc", 0, 2, "xy">>, []).
t_compare() -> lists:sort([<<1>>, <<1:7>>, <<>>, <<1, 0>>, <<0:1>>, <<2:2>>, <<255>>, <<1, 0:1>>]).
t_equal_offsets() -> <<_:3, A:16/bits, _/bits>> = <<1, 2, 3, 4>>, B = <<(id(16#0810)):16>>, {A, A =:= B, A == <<A/bits>>}.
t_size_guards() -> [{byte_size(B), bit_size(B), is_binary(B), is_bitstring(B)} || B <- [<<>>, <<1>>, <<1:3>>, <<1:17>>]].
t_binary_part() -> [catch_it(fun() -> binary_part(<<1, 2, 3, 4>>, P, L) end) || {P, L} <- [{0, 2}, {4, -2}, {1, 3}, {3, 2}, {5, 0}]].
t_split() -> [split_binary(<<1, 2, 3>>, N) || N <- [0, 1, 3]].
t_list() -> [binary_to_list(<<1, 2, 3>>), bitstring_to_list(<<1, 2, 3:4>>), list_to_bitstring([<<1:1>>, 2, [<<3:3>>]]), list_to_binary([1, [<<2>>, 3], <<4, 5>>])].
t_heavy_big_copy() -> B = binary:copy(<<1, 2, 3, 4, 5, 6, 7>>, 1000), <<_:13, R/bits>> = B, {erlang:phash2(R), bit_size(R), erlang:phash2(<<R/bits, 1:5>>)}.
t_heavy_integer_sum() -> sum(binary:copy(<<1, 2, 3>>, 1000), 0).
t_copies_at_all_shifts() -> B = << <<(X * 37)>> || X <- lists:seq(1, 40) >>, [erlang:phash2([begin <<_:From, R:Size/bits, _/bits>> = B, <<5:To, R/bits, 1:3>> end || Size <- lists:seq(0, 20) ++ [55, 56, 57, 63, 64, 65, 71, 72, 73, 127, 128, 129, 200, 255, 256, 257]]) || From <- lists:seq(0, 9), To <- lists:seq(0, 9)].
t_appends_at_all_shifts() -> B = << <<(X * 91)>> || X <- lists:seq(1, 40) >>, [erlang:phash2(lists:foldl(fun(Size, Acc) -> <<_:From, R:Size/bits, _/bits>> = B, <<Acc/bits, R/bits, 0:To>> end, <<>>, lists:seq(0, 140))) || From <- lists:seq(0, 8), To <- lists:seq(0, 8)].
t_large_binaries() -> [{bit_size(B), erlang:phash2(B)} || B <- large(200)].
t_large_binaries_that_fail() -> fail_large(200).
t_heavy_large_binaries() -> [{bit_size(B), erlang:phash2(B)} || B <- large(400000)].
t_heavy_large_binaries_that_fail() -> fail_large(400000).
t_match_in_fun() -> F = fun(<<A:4, B:4, _/bits>>) -> {A, B}; (_) -> none end, [F(<<16#AB>>), F(<<1:3>>), F(a)].
t_function_clause() -> only_bytes(<<1:3>>).

large(N) ->
    B = binary:copy(<<1, 2, 3, 4, 5, 6, 7>>, N), <<_:3, R/bits>> = B,
    A = <<(id(B))/binary, 1>>, C = <<A/binary, R/bits>>, D = <<A/binary, 2, "and a string", R/bits>>,
    S = self(), P = spawn(fun() -> receive X -> S ! {sent, <<0:5, X/bits, "ab", 7:N/unit:8>>} end end), P ! R,
    E = <<1.5/float, B:N/binary-unit:12, $x/utf8, (id(R))/bits>>,
    garbage_collect(), F = << <<X:7>> || <<X>> <= C >>,
    [A, B, C, D, E, F, <<C/bits, 1:1>>, receive {sent, Sent} -> Sent end].
fail_large(N) ->
    B = binary:copy(<<1, 2, 3, 4, 5, 6, 7>>, N), Huge = id(1 bsl 2000),
    [catch_it(F) || F <- [fun() -> <<B/binary, (id(a))>> end, fun() -> <<1:3, B/binary, Huge/float>> end, fun() -> <<B/binary, Huge/float>> end,
                          fun() -> <<B/binary, B:(id(8 * N))/binary>> end, fun() -> <<B/binary, 0:(id(-1))>> end]].
only_bytes(<<X>>) -> X.
parse(<<>>, Acc) -> lists:reverse(Acc);
parse(<<N, S:N/binary, R/binary>>, Acc) -> parse(R, [S | Acc]).
sum(<<X, R/binary>>, N) -> sum(R, N + X);
sum(<<>>, N) -> N.
catch_it(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.

append_all(0, _, Acc) -> Acc;
append_all(N, 0, Acc) -> append_all(N - 1, 0, <<Acc/binary, N:8>>);
append_all(N, 1, Acc) -> append_all(N - 1, 1, <<Acc/binary, N:64>>);
append_all(N, 2, Acc) -> append_all(N - 1, 2, <<Acc/binary, "abc", N:24>>);
append_all(N, 3, Acc) -> append_all(N - 1, 3, <<Acc/binary, (id(<<1, 2, N>>))/binary, N/utf8>>);
append_all(N, 4, Acc) -> append_all(N - 1, 4, <<Acc/bits, N:7, 1:1>>);
append_all(N, 5, Acc) when byte_size(Acc) > 50000 -> append_all(N - 1, 5, <<Acc/binary, N:16/little>>);
append_all(N, 5, Acc) -> append_all(N - 1, 5, <<Acc/binary, N, Acc/binary>>);
append_all(N, 6, Acc) -> append_all(N - 1, 6, <<Acc/binary, N/float, (-N):40>>).

%% Eight values, each made of another, which stays in use or goes; through messages, tables, collections.
appends(Steps) ->
    Table = ets:new(t, []),
    Echo = spawn_link(fun echo/0),
    Values = appends(Steps, 1, list_to_tuple(lists:duplicate(8, <<>>)), Table, Echo, 0),
    [{bit_size(V), erlang:phash2(V)} || V <- tuple_to_list(Values)].

appends(0, _, Values, _, Echo, Hash) ->
    unlink(Echo), exit(Echo, kill), erlang:append_element(Values, <<Hash:16>>);
appends(Steps, Seed, Values, Table, Echo, Hash) ->
    Next = (Seed * 1103515245 + 12345) band 16#7FFFFFFF,
    [From, Other, To, How] = [(Next bsr At) band 7 || At <- [8, 11, 14, 17]],
    Base = case element(From + 1, Values) of Long when bit_size(Long) > 80000 -> <<>>; Short -> Short end,
    New = one_more(How + ((Next bsr 20) band 1) * 8, Base, element(Other + 1, Values), Next, Table, Echo),
    Steps rem 97 =:= 0 andalso garbage_collect(),
    appends(Steps - 1, Next, setelement(To + 1, Values, New), Table, Echo, (Hash + erlang:phash2(New)) band 16#FFFF).

one_more(0, A, _, N, _, _) -> <<A/bits, N:8>>;
one_more(1, A, _, N, _, _) -> <<A/bits, N:16, 1, 2, 3>>;
one_more(2, A, B, N, _, _) when bit_size(B) < 9000 -> <<A/bits, B/bits, N:8>>;
one_more(3, A, _, N, _, _) when N band 7 =:= 0 -> <<A/bits, N:3>>;
one_more(4, A, _, N, _, _) -> B = <<A/bits, N:32>>, C = <<A/bits, N:24>>, <<B/bits, C/bits>>;
one_more(5, A, _, N, _, Echo) -> Echo ! {self(), A}, B = <<A/bits, N:32>>, receive {back, C} -> true = C =:= A, <<B/bits, (bit_size(C)):16>> end;
one_more(6, A, _, N, Table, _) -> ets:insert(Table, {1, A}), B = <<A/bits, N:8>>, [{1, C}] = ets:lookup(Table, 1), true = C =:= A, <<B/bits, 9>>;
one_more(7, A, _, N, _, _) -> <<A/bits, "text", N:64, (N band 127)/utf8>>;
one_more(8, A, _, N, _, _) -> case A of <<X:16, R/bits>> -> B = <<A/bits, X:8>>, <<B/bits, N:8, (bit_size(R)):8>>; _ -> A end;
one_more(9, A, _, N, _, _) -> lists:foldl(fun(X, Acc) -> <<Acc/bits, X:8>> end, A, lists:seq(1, N band 63));
one_more(10, A, _, N, _, _) -> Size = bit_size(A) div 2, <<R:Size/bits, _/bits>> = A, <<R/bits, N:8>>;
one_more(11, A, _, N, _, Echo) -> Echo ! {self(), A}, receive {back, C} -> <<C/bits, N:8, (erlang:phash2(A)):32>> end;
one_more(12, A, B, N, _, _) -> garbage_collect(), C = <<A/bits, N:16>>, garbage_collect(), <<C/bits, (erlang:phash2(B)):16>>;
one_more(13, A, _, N, _, _) -> catch <<A/bits, N:16, (id(a)):8>>, <<A/bits, N:8>>;
one_more(14, A, _, N, _, _) -> [<<A/bits, X:8>> || X <- lists:seq(1, 30)], <<A/bits, (N bsr 3):8>>;
one_more(_, A, _, _, _, _) -> A.

echo() -> receive {From, A} -> B = <<A/bits, "echo">>, From ! {back, A}, _ = id(B), echo() end.
