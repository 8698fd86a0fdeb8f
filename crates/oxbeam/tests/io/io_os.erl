%% Environment and signals.
-module(io_os).
-export([main/0]).

main() ->
    Tests =
        [fun() -> os:putenv("FOO", [$b, 229, 1234]) end, fun() -> os:getenv("FOO") end, fun() -> os:getenv("A=B") end,
         fun() -> os:getenv("") end, fun() -> os:getenv(foo) end, fun() -> os:getenv("NOPE") end, fun() -> os:getenv("NOPE", x) end,
         fun() -> os:putenv("", "a") end, fun() -> os:putenv("A=", "a") end, fun() -> os:putenv("A", [0]) end,
         fun() -> os:putenv("A", "") end, fun() -> os:getenv("A") end, fun() -> os:unsetenv("=") end, fun() -> os:unsetenv("A") end,
         fun() -> os:getenv("A") end, fun() -> lists:keyfind("FOO", 1, os:env()) end,
         fun() -> [os:set_signal(S, A) || S <- [sigterm, sighup, sigusr2], A <- [handle, ignore, default]] end,
         fun() -> os:set_signal(sigint, handle) end, fun() -> os:set_signal(sigkill, handle) end, fun() -> os:set_signal(sigusr2, foo) end,
         fun() -> list_to_integer(os:getpid()) > 1 end, fun() -> os:type() end, fun() -> tuple_size(os:version()) end,
         fun() -> os:find_executable("sh") =/= false end, fun() -> os:set_signal(sigterm, handle) end],
    [io:format("~p: ~p~n", [N, try T() catch C:R -> {C, R} end]) || {N, T} <- lists:zip(lists:seq(1, length(Tests)), Tests)].
