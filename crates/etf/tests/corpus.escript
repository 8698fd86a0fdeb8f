#!/usr/bin/env escript
%% Writes corpus.tsv: terms with all that stock Erlang/OTP 25 says about them.
%%
%%   escript corpus.escript terms > corpus.tsv     (one line a term, in term order)
%%   escript corpus.escript display > display.txt  (what erlang:display/1 prints)
%%
%% Columns: external term in hex, phash2 and phash of 32 bits, how the term stands to the next
%% one (equal by value, equal exactly).

main(["terms"]) ->
    Terms = terms(),
    Lines = [[hex(term_to_binary(T)), $\t, integer_to_list(erlang:phash2(T, 1 bsl 32)), $\t,
              integer_to_list(erlang:phash(T, 1 bsl 32) - 1), $\t,
              atom_to_list(T == N), $\t, atom_to_list(T =:= N), $\n]
             || {T, N} <- lists:zip(Terms, tl(Terms) ++ [none])],
    io:put_chars(Lines);
main(["display"]) ->
    [erlang:display(T) || T <- terms()].

hex(Bin) -> [io_lib:format("~2.16.0b", [B]) || <<B>> <= Bin].

terms() -> lists:sort(all()).

all() ->
    numbers() ++ atoms() ++ bits() ++ lists_() ++ tuples() ++ maps_() ++ identities()
        ++ [[X] || X <- numbers()] ++ [{X, a} || X <- numbers()]
        ++ [#{X => 1} || X <- numbers()] ++ [#{1 => X} || X <- numbers()].

numbers() ->
    Ints = [N + D || N <- [0, 255, 256, 1 bsl 27, 1 bsl 31, 1 bsl 32, 1 bsl 53, 1 bsl 59,
                           1 bsl 60, 1 bsl 63, 1 bsl 64, 1 bsl 127, 1 bsl 128, 1 bsl 2050,
                           12345678901234567890123456789], D <- [-1, 0, 1]],
    Floats = [0.0, 1.0, 1.5, 0.1, 1.0e22, 1.0e100, 1.7976931348623157e308, 5.0e-324,
              9007199254740992.0, 9007199254740994.0, 18446744073709551616.0,
              576460752303423488.0, 255.0, 256.0, 3.4028236692093846e38],
    Ints ++ [-I || I <- Ints] ++ Floats ++ [-F || F <- Floats, F =/= 0.0].

atoms() ->
    [a, b, ab, '', 'A b', 'hello world', 'it\'s', true, list_to_atom("å"), list_to_atom("Å"),
     list_to_atom([1234, 5]), list_to_atom("a\n\t\e"), list_to_atom([133, 97]),
     list_to_atom(lists:duplicate(255, $x)), list_to_atom([16#10000]), aé, 'a@b', a_1].

bits() ->
    <<_:3, Odd/bits>> = <<1, 2, 3, 255, 254, 17>>,
    [<<>>, <<0>>, <<"abc">>, <<"a\"b">>, <<1, 2, 3>>, <<1:1>>, <<5:3>>, <<"abc", 3:5>>, Odd,
     <<"1234567890ab">>, <<"1234567890abc">>, binary:copy(<<"xyz">>, 40),
     <<(binary:copy(<<7>>, 100))/binary, 1:3>>, <<0:1>>, <<255, 7:3>>, <<255, 224>>].

lists_() ->
    [[], [1], [a], "hello", "say \"hi\"\n", [1000], [1, 2 | 3], [a | b], [[]], [[], []],
     [$a, 1000], [$a, $b, $c, $d, $e, 1000, $a], lists:seq(1, 300), lists:seq(0, 5),
     [1.0], "a" ++ b, "abcd" ++ 5.0, [[1], [2 | c]], "åäö", [128], [160], "abc" ++ [[]],
     lists:duplicate(10, {x, y})].

tuples() ->
    [{}, {1}, {a, b}, {1, 2, 3}, {{}, {{}}}, {1.0}, list_to_tuple(lists:seq(1, 300)),
     {error, {badmatch, [<<"x">>]}}, {a, {b, {c, {d, {e, "f"}}}}}].

maps_() ->
    Big = fun(N) -> maps:from_list([{I, I * I} || I <- lists:seq(1, N)]) end,
    Strings = maps:from_list([{"key" ++ integer_to_list(I), <<I:16>>} || I <- lists:seq(1, 200)]),
    Mixed = maps:from_list([{{I, float(I), <<I>>}, [I]} || I <- lists:seq(1, 64)]),
    Floats = maps:from_list([{I / 8, I} || I <- lists:seq(-40, 40)]),
    Bigs = maps:from_list([{I bsl 70, I} || I <- lists:seq(-40, 40)]),
    Nested = maps:from_list([{#{I => {I}}, I} || I <- lists:seq(1, 50)]),
    Deep = maps:from_list([{(Big(40))#{"x" => I}, I} || I <- [one | lists:seq(1, 40)], I =/= one]),
    [#{}, #{1 => 2}, #{a => 1}, #{1 => 1, 1.0 => 2}, Big(31), Big(32), Big(33), Big(34), Big(40),
     Big(100), Big(1000), Big(5000), Strings, Mixed, Floats, Bigs, Nested, Deep,
     maps:remove(17, Big(100)), maps:remove(1, Big(33)), (Big(40))#{3 => a}, (Big(40))#{3 => 9.0},
     (Big(40))#{3 => 8.0, 30 => 0}, maps:put(41, 0, maps:remove(2, Big(40))),
     maps:put(2.0, 4, maps:remove(2, Big(40)))].

identities() ->
    Pid = fun(Name, N, S, C) ->
                  binary_to_term(<<131, 88, (atom(Name))/binary, N:32, S:32, C:32>>) end,
    Port = fun(Name, N, C) ->
                   binary_to_term(<<131, 120, (atom(Name))/binary, N:64, C:32>>) end,
    Ref = fun(Name, Ns, C) ->
                  binary_to_term(<<131, 90, (length(Ns)):16, (atom(Name))/binary, C:32,
                                   << <<N:32>> || N <- Ns>>/binary>>) end,
    [Pid("n@h", 1, 2, 3), Pid("n@h", 2, 1, 3), Pid("n@h", 1, 2, 4), Pid("m@h", 1, 2, 3),
     Port("n@h", 1, 3), Port("n@h", 1 bsl 40, 3), Port("m@h", 1, 3),
     Ref("n@h", [1, 2, 3], 3), Ref("n@h", [1, 2, 4], 3), Ref("n@h", [2, 2, 3], 3),
     Ref("n@h", [1], 3), Ref("m@h", [1, 2, 3, 4, 5], 3),
     Pid("nonode@nohost", 100, 0, 0), Pid("nonode@nohost", 100, 1, 0),
     Port("nonode@nohost", 77, 0), Ref("nonode@nohost", [9, 8, 7], 0),
     fun lists:map/2, fun erlang:'+'/2, fun lists:'no such'/0].

atom(Name) -> <<119, (length(Name)), (list_to_binary(Name))/binary>>.
