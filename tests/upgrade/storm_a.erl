%% One of the modules that are replaced; see storm.erl.
-module(storm_a).
-export([v/0, both/0, make_fun/1, lit/0]).

-define(MOULD, 16#12345678).

v() -> ?MOULD.

both() ->
    Before = ?MOULD,
    Other = storm_b:v(),
    {Before, Other, ?MOULD}.

make_fun(X) -> fun(Y) -> {?MOULD, X, Y} end.

lit() -> {lit, ?MOULD, [?MOULD, {?MOULD}], #{?MOULD => <<"0123456789">>}}.
