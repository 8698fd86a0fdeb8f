%% Integers and floats at their edges.
-module(arithmetic).
-compile([export_all, nowarn_export_all]).

edges() ->
    P = fun(N) -> 1 bsl N end,
    Positive = [0, 1, 2, 3, 7, 10, 255, 256] ++
        lists:append([[P(N) - 1, P(N), P(N) + 1] || N <- [31, 32, 58, 59, 60, 63, 64, 65, 127, 128, 192]]),
    All = Positive ++ [-N || N <- Positive, N =/= 0],
    case runner:light() of
        true -> [N || {N, I} <- lists:zip(All, lists:seq(1, length(All))), I rem 6 =:= 0];
        false -> All
    end.

pairs() -> [{A, B} || A <- edges(), B <- edges()].
hash(Term) -> erlang:phash2(Term).
each(F) -> hash([try F(A, B) catch C:R -> {C, R} end || {A, B} <- pairs()]).

%% A turn may end at the comparison, between the instructions that write and read the float register.
t_floats_survive_a_turn() ->
    Name = floats_in_turns,
    Code = [{label, 1}, {func_info, {atom, Name}, {atom, f}, 4}, {label, 2},
        {fconv, {x, 0}, {fr, 0}}, {fconv, {x, 1}, {fr, 1}}, {bif, fadd, {f, 0}, [{fr, 0}, {fr, 1}], {fr, 0}},
        {test, is_eq_exact, {f, 3}, [{x, 2}, {x, 3}]},
        {test_heap, {alloc, [{words, 0}, {floats, 1}]}, 0}, {fmove, {fr, 0}, {x, 0}}, return,
        {label, 3}, {move, {atom, other}, {x, 0}}, return],
    {ok, Name, File} = compile:forms({Name, [{f, 4}], [], [{function, f, 4, 2, Code}], 4}, [from_asm]),
    {module, Name} = code:load_binary(Name, "", File),
    Other = spawn(fun Loop() -> 3.0 = Name:f(1, 2, a, a), Loop() end),
    Sums = [Name:f(X + 0.5, 2, lists:seq(1, 30000), lists:seq(1, 30000)) || X <- lists:seq(1, 10)],
    exit(Other, kill),
    Sums.
t_add() -> each(fun(A, B) -> A + B end).
t_sub() -> each(fun(A, B) -> A - B end).
t_mul() -> each(fun(A, B) -> A * B end).
t_div() -> each(fun(A, B) -> A div B end).
t_rem() -> each(fun(A, B) -> A rem B end).
t_band() -> each(fun(A, B) -> A band B end).
t_bor() -> each(fun(A, B) -> A bor B end).
t_bxor() -> each(fun(A, B) -> A bxor B end).
t_slash() -> each(fun(A, B) -> A / B end).
t_compare() -> each(fun(A, B) -> {A < B, A =< B, A == B, A =:= B, A > B} end).
t_compare_float() -> each(fun(A, B) -> F = float(B), {A < F, A == F, A =:= F, F > A} end).
t_min_max() -> each(fun(A, B) -> {min(A, B), max(A, B), min(float(A), B)} end).
t_bsl() -> hash([A bsl S || A <- edges(), S <- [0, 1, 3, 59, 60, 64, 100, -1, -59, -64, -200]]).
t_bsr() -> hash([A bsr S || A <- edges(), S <- [0, 1, 3, 59, 60, 64, 100, -1, -59, -64, -200]]).
t_bnot() -> [bnot A || A <- edges()].
t_neg() -> [-A || A <- edges()].
t_abs() -> [abs(A) || A <- edges()].
t_float() -> [float(A) || A <- edges()].
t_round() -> [[round(F), trunc(F), floor(F), ceil(F)] || F <- floats()].
t_print_base() -> hash([integer_to_list(A, B) || A <- edges(), B <- lists:seq(2, 36)]).
t_parse_base() -> lists:all(fun({A, B}) -> list_to_integer(integer_to_list(A, B), B) =:= A end,
                            [{A, B} || A <- edges(), B <- lists:seq(2, 36)]).
t_factorial() -> lists:foldl(fun(N, Acc) -> N * Acc end, 1, lists:seq(1, 100)).
t_power() -> hash([pow(A, N) || A <- [2, 3, -7, 10, 12345678901], N <- [0, 1, 5, 30, 100, 500]]).
t_big_div() -> hash([{pow(7, N) div pow(3, M), pow(7, N) rem pow(3, M)} || N <- [50, 300, 900], M <- [10, 200, 500]]).
t_gcd() -> [gcd(pow(6, 40), pow(10, 30)), gcd(1 bsl 100, 3)].
t_fib() -> fib(25).
t_bad_add() -> id(a) + 1.
t_bad_div() -> id(1) div id(0).
t_bad_rem() -> id(1) rem id(0).
t_bad_slash() -> 1 / id(0).
t_bad_float() -> id(1.0e308) * id(10.0).
t_bad_shift() -> id(1) bsl id(1.0).
t_huge_shift() -> id(0) bsl (1 bsl 70).
t_small_overflow() -> [id(1 bsl 59 - 1) + 1, id(-(1 bsl 59)) - 1, id(1 bsl 59 - 1) * id(1 bsl 59 - 1)].
t_float_ops() -> [{A + B, A - B, A * B} || A <- floats2(), B <- floats2()].
t_float_format() -> [{float_to_list(F), float_to_list(F, [short]), float_to_list(F, [{decimals, 4}, compact]), float_to_list(F, [{scientific, 5}])} || F <- floats()].
t_float_bits() -> [<<F/float>> || F <- floats()].
t_list_to_float() -> [list_to_float(S) || S <- ["1.0", "-0.5", "1.0e10", "2.5E-3", "123456789.123456789"]].
t_bad_list_to_float() -> [catch_it(fun() -> list_to_float(S) end) || S <- ["1", "1.", ".5", "1e5", "", "a", "1.0e999"]].
t_math() -> [math:sqrt(2), math:pow(2, 0.5), math:pi(), math:floor(-1.5), math:ceil(1.2), math:log2(8), math:fmod(7.5, 2)].
t_bad_math() -> math:sqrt(id(-1)).

floats() -> [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1.0e22, 1.0e23, 123456789.125, 1.0e-7, 9007199254740993.0, 5.0e-324, 1.7976931348623157e308, 0.1, 0.3].
floats2() -> [0.0, 1.5, -2.25, 1.0e10, 1.0e-10].
catch_it(F) -> try F() catch C:R -> {C, R} end.
pow(_, 0) -> 1;
pow(A, N) -> A * pow(A, N - 1).
gcd(A, 0) -> A;
gcd(A, B) -> gcd(B, A rem B).
fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).
id(X) -> X.
