-module(p_arith).
-export([run/0]).
run() -> exit(t()).
t() ->
    [fib(20), fact(50), sum(30000, 0), id(7) div id(2), id(-7) rem id(3), id(1) bsl id(100),
     (id(1) bsl id(100)) bsr id(97), id(5) band id(3), id(5) bor id(8), id(-1) bxor id(7),
     id(1.5) + id(2), id(10) / id(4), -id(1 bsl 80), id(1 bsl 60) * id(1 bsl 60),
     id(576460752303423487) + id(1), id(-576460752303423488) - id(1), fl(1.0, 2.0),
     id(3) > id(2.5), id(3) == id(3.0), id(3) =:= id(3.0), max(id(3), id(2)),
     (catch id(1) div id(0)) =/= 1, abs(id(-5)), round(id(2.5)), trunc(id(-2.5)), bnot id(5)].
fl(A, B) when is_float(A), is_float(B) -> (A + B) * A / B - A.
fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).
fact(0) -> 1;
fact(N) -> N * fact(N - 1).
sum(0, A) -> A;
sum(N, A) -> sum(N - 1, A + N).
id(X) -> X.
