-module(p_recv).
-export([run/0, server/0]).
run() -> exit(t()).
t() ->
    S = spawn(?MODULE, server, []),
    [self() ! {junk, N} || N <- lists:seq(1, 3000)],
    R = [call(S, N) || N <- lists:seq(1, 200)],
    Junk = drain(0),
    T = after_zero(),
    {lists:sum(R), Junk, T, order(), timeouts(), sel()}.
call(S, N) ->
    Ref = erlang:monitor(process, S),
    S ! {call, self(), Ref, N},
    receive {Ref, V} -> erlang:demonitor(Ref, [flush]), V;
            {'DOWN', Ref, _, _, _} -> down
    end.
server() -> receive {call, P, Ref, N} -> P ! {Ref, N * 2}, server() end.
drain(N) -> receive {junk, _} -> drain(N + 1) after 0 -> N end.
after_zero() -> receive x -> got after 0 -> empty end.
order() ->
    [self() ! X || X <- [c, a, b]],
    A = receive a -> a end, B = receive b -> b end, C = receive X -> X end,
    [A, B, C].
timeouts() ->
    P = self(),
    spawn(fun() -> receive after 20 -> P ! late end end),
    A = receive late -> late after 1 -> early end,
    B = receive late -> late after 2000 -> early end,
    {A, B}.
sel() ->
    self() ! {1, x}, self() ! {2, y},
    receive {2, V} -> receive {1, W} -> {V, W} end end.
