-module(p_lists).
-export([run/0]).
run() -> exit(t()).
t() ->
    L = seq(1, 5000),
    {len(L), nrev(seq(1, 200)), lists:sum(L), lists:foldl(fun(X, A) -> X + A end, 0, L),
     [X * 2 || X <- seq(1, 10), X rem 2 =:= 0], lists:sort([3, 1, 2, a, "b", {1, 2}, 1.5]),
     lists:map(fun(X) -> {X, X} end, [a, b, c]), lists:keysearch(b, 1, [{a, 1}, {b, 2}]),
     lists:reverse([1, 2, 3]), [1, 2] ++ [3], [1, 2, 3, 2] -- [2], lists:member(3, [1, 2, 3]),
     lists:zip([1, 2], [a, b]), lists:usort([b, a, b]), lists:nth(2, [x, y, z]),
     lists:flatten([1, [2, [3]], []]), tuple_to_list({1, 2}), list_to_tuple([1, 2]),
     element(2, {a, b}), setelement(1, {a, b}, c), lists:seq(1, 5), lists:duplicate(3, x)}.
len([]) -> 0;
len([_ | T]) -> 1 + len(T).
seq(N, N) -> [N];
seq(A, N) -> [A | seq(A + 1, N)].
nrev([]) -> [];
nrev([H | T]) -> app(nrev(T), [H]).
app([], L) -> L;
app([H | T], L) -> [H | app(T, L)].
