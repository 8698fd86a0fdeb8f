-module(p_misc).
-export([run/0, f/1, loop/1]).
-record(r, {a, b = 2}).
run() -> exit(t()).
t() ->
    M = #{a => 1, b => 2},
    #{a := X} = M,
    Big = maps:from_list([{I, I * I} || I <- lists:seq(1, 100)]),
    F = fun ?MODULE:f/1,
    N = 3,
    G = fun(Y) -> Y + N end,
    Self = self(),
    P = spawn(fun() -> receive {From, V} -> From ! {self(), V * 2} end end),
    P ! {Self, 21},
    R = receive {P, W} -> W after 5000 -> timeout end,
    {P2, Ref} = spawn_monitor(fun() -> exit(bye) end),
    Down = receive {'DOWN', Ref, process, P2, Why} -> Why after 5000 -> timeout end,
    T = receive nothing -> no after 10 -> timed_out end,
    Ps = [spawn(?MODULE, loop, [Self]) || _ <- lists:seq(1, 50)],
    [Q ! {Self, go} || Q <- Ps],
    Got = length([ok || _ <- Ps, receive {loop, done} -> true end]),
    [X, M#{c => 3}, M#{a := 5}, maps:size(Big), maps:get(50, Big), lists:sum(maps:values(Big)),
     F(1), G(4), R, Down, T, Got, #r{a = 1}, (#r{a = 7})#r.a, sel(id(3)), sel(id(b)), sel(id(1 bsl 70)),
     sel(id(99)), selt(id({a, b})), selt(id({a})), tag(id({foo, 1})), tag(id({bar, 1})), is_function(F, 1),
     is_function(G, 2), case M of #{zz := _} -> y; #{} -> n end, is_map_key(a, M), map_size(M),
     erlang:fun_info(F, arity), apply(F, [9]), apply(?MODULE, f, [8]), gc(), dict(), str(), {X, Y} = {1, Y = 4}].
gc() ->
    L = [{I, [I, I]} || I <- lists:seq(1, 2000)],

    length([1 || {A, [A, A]} <- L]).
dict() -> put(a, 1), put(b, {2}), {get(a), get(b), erase(a), get(a)}.
str() -> {atom_to_list(abc), integer_to_list(123), list_to_integer("77"), [C || C <- "abc", C > $a]}.
loop(Parent) -> receive {Parent, go} -> Parent ! {loop, done} end.
f(X) -> {f, X}.
sel(1) -> one; sel(2) -> two; sel(3) -> three; sel(4) -> four; sel(a) -> aa; sel(b) -> bb;
sel(1180591620717411303424) -> big; sel(_) -> other.
selt({_, _}) -> two; selt({_}) -> one; selt({_, _, _}) -> three.
tag({foo, X}) -> {is_foo, X}; tag({bar, X}) -> {is_bar, X}.
id(X) -> X.
