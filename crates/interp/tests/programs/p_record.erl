-module(p_record).
-export([run/0]).
-record(r, {a = 1, b = 2, c = 3, d = 4, e = 5, f = 6}).
run() -> exit({loop(3000, #r{}, []), loop(10, #r{}, lists:seq(1, 500))}).
loop(0, R, _) -> R;
loop(N, R, L) -> loop(N - 1, up(R, {N, L}, [N]), [N | L]).
up(R, X, Y) -> R#r{a = X, c = Y, e = element(1, X), f = Y}.
