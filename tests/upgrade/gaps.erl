%% Round trips of a pair of processes while a large module is loaded over and over.
-module(gaps).
-export([source/1, main/1]).

%% Writes the source of a module whose file has some 2.5 MB.
source([File]) ->
    Names = [lists:concat(["f", N]) || N <- lists:seq(1, 4000)],
    Exports = lists:join(",", [[F, "/2"] || F <- Names]),
    Functions = [function(F, N) || {F, N} <- lists:zip(Names, lists:seq(1, length(Names)))],
    ok = file:write_file(File, ["-module(gaps_large).\n-export([", Exports, "]).\n", Functions]),
    erlang:halt(0).

function(F, N) ->
    Clauses = [clause(F, N, C) || C <- lists:seq(1, 12)],
    [lists:join(";\n", Clauses), ".\n"].

clause(F, N, C) ->
    io_lib:format(
        "~s(~w, X) -> Y = [X + ~w | X], {a~w, Y, \"text ~w of ~w\", lists:append([Y], [~w, X])}",
        [F, C, N, N rem 50, C, N, C]
    ).

%% Prints: loads, round trips, median, 99th percentile and longest round trip in microseconds.
main([File, Seconds]) ->
    {ok, Bytes} = file:read_file(File),
    Until = erlang:monotonic_time(millisecond) + 1000 * list_to_integer(Seconds),
    Echo = spawn_link(fun echo/0),
    {Loader, _} = spawn_monitor(fun() -> loader(Bytes, Until, 0) end),
    %% One counter for each 100 ns up to 2 ms, one for all above.
    Buckets = counters:new(20002, []),
    {Trips, Worst} = trips(Echo, Until, Buckets, 0, 0),
    Loads = receive {'DOWN', _, process, Loader, {loads, N}} -> N end,
    io:format("~w\t~w\t~.1f\t~.1f\t~.1f~n", [
        Loads, Trips, at(Buckets, Trips div 2), at(Buckets, Trips * 99 div 100), Worst / 1000
    ]),
    erlang:halt(0).

echo() ->
    receive {From, X} -> From ! X, echo() end.

loader(Bytes, Until, N) ->
    case erlang:monotonic_time(millisecond) < Until of
        false ->
            exit({loads, N});
        true ->
            erts_code_purger:purge(gaps_large),
            {module, gaps_large} = erlang:load_module(gaps_large, Bytes),
            loader(Bytes, Until, N + 1)
    end.

trips(Echo, Until, Buckets, N, Worst) ->
    T0 = erlang:monotonic_time(nanosecond),
    Echo ! {self(), N},
    receive N -> ok end,
    T = erlang:monotonic_time(nanosecond) - T0,
    counters:add(Buckets, min(T div 100, 20000) + 1, 1),
    case N band 255 =/= 0 orelse erlang:monotonic_time(millisecond) < Until of
        true -> trips(Echo, Until, Buckets, N + 1, max(T, Worst));
        false -> {N + 1, max(T, Worst)}
    end.

at(Buckets, Count) -> at(Buckets, Count, 1).
at(Buckets, Count, Bucket) ->
    case counters:get(Buckets, Bucket) of
        C when C > Count -> Bucket / 10;
        C -> at(Buckets, Count - C, Bucket + 1)
    end.
