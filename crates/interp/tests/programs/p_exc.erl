-module(p_exc).
-export([run/0, thrower/1]).
run() -> exit(t()).
t() ->
    [catch throw(a), catch exit(b), strip(catch error(c)), try_it(fun() -> throw(x) end),
     try_it(fun() -> exit(y) end), try_it(fun() -> error(z) end), try_it(fun() -> ok end),
     try_it(fun() -> {a, b} = id({a, c}) end), try_it(fun() -> id(1) + id(a) end),
     try_it(fun() -> case id(1) of 2 -> ok end end),
     try_it(fun() -> if hd([false]) -> ok end end),
     try_it(fun() -> (id(foo))(1) end), try_it(fun() -> (id(fun(X) -> X end))() end),
     try_it(fun() -> ?MODULE:nope(1) end), try_it(fun() -> thrower({1, 2}) end),
     try_it(fun() -> hd(id([])) end), try_it(fun() -> element(id(5), {a}) end),
     try_it(fun() -> fc(id(2)) end), after_test(), nested(),
     try_it(fun() -> erlang:raise(error, foo, [{m, f, 1, []}]) end),
     stack(), try_it(fun() -> apply(id(?MODULE), thrower, [q]) end),
     try_it(fun() -> maps:get(id(a), #{}) end), try_it(fun() -> (id(5))#{a => 1} end),
     try_it(fun() -> (id(#{}))#{a := 1} end), try_it(fun() -> list_to_atom(id(1)) end)].
thrower(X) -> throw({thrown, X}).
fc(1) -> ok.
strip({'EXIT', {R, _}}) -> {r, R}.
try_it(F) ->
    try F() of
        ok -> fine;
        V -> {value, V}
    catch
        C:R:S -> {C, R, [setelement(4, I, lists:keydelete(file, 1, element(4, I))) || I <- S,
                  element(1, I) =:= ?MODULE orelse element(1, I) =:= erlang orelse element(1, I) =:= maps]}
    end.
stack() ->
    try deep(5) catch error:R:S -> {R, [{M, F, A, proplist(L)} || {M, F, A, L} <- S, M =:= ?MODULE]} end.
proplist(L) -> lists:keysort(1, L).
deep(0) -> error(bottom);
deep(N) -> 1 + deep(N - 1).
after_test() ->
    put(k, 0),
    try try throw(a) after put(k, 1) end catch throw:a -> get(k) end.
nested() ->
    try
        try error(one) catch error:one -> error(two) end
    catch
        error:X -> {got, X}
    end.
id(X) -> X.
