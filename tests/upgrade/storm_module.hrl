%% What the modules that are replaced are made of; see storm.erl. One defines OTHER, the module that it calls.
-export([v/0, both/0, make_fun/1, lit/0]).

-define(MOULD, 16#12345678).

v() -> ?MOULD.

both() ->
    Before = ?MOULD,
    Other = ?OTHER:v(),
    {Before, Other, ?MOULD}.

make_fun(X) -> fun(Y) -> {?MOULD, X, Y} end.

lit() -> {lit, ?MOULD, [?MOULD, {?MOULD}], #{?MOULD => <<"0123456789">>}}.
