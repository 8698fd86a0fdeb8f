%% Common Test's own start-up: runs `sample_SUITE` of the given folder, without a distributed node.
-module(tester).
-export([main/1]).

main([Folder]) ->
    ok = file:make_dir("logs"),
    Result = ct:run_test([{dir, Folder}, {suite, sample_SUITE}, {logdir, "logs"}, {auto_compile, true}]),
    io:format("~nresult ~p~n", [Result]),
    io:format("index ~p~n", [filelib:is_regular("logs/index.html")]),
    init:stop().
