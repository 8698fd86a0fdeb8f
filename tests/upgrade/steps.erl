%% The longest pieces of work that any thread does at one go, in its CPU time, while a large module is
%% loaded and purged over and over. Only on oxbeam.
-module(steps).
-export([main/1]).

main([File, Rounds]) ->
    {ok, Bytes} = file:read_file(File),
    erts_debug:set_internal_state(available_internal_state, true),
    erts_debug:set_internal_state(longest_work, true),
    %% Somebody who holds literals and funs of it, so that there is something to ask and to copy.
    Holder = spawn_link(fun() -> holder([]) end),
    [round(Bytes, Holder) || _ <- lists:seq(1, list_to_integer(Rounds))],
    Rows = [{Ns, Count, Kind, Native} || {Kind, Native, Ns, Count} <- erts_debug:get_internal_state(longest_work)],
    [
        io:format("~.1f\t~b\t~s\t~0p~n", [Ns / 1000, Count, Kind, Native])
     || {Ns, Count, Kind, Native} <- lists:reverse(lists:sort(Rows))
    ],
    erlang:halt(0).

round(Bytes, Holder) ->
    erts_code_purger:purge(gaps_large),
    {module, gaps_large} = erlang:load_module(gaps_large, Bytes),
    Holder ! [gaps_large:f1(C, 7) || C <- lists:seq(1, 12)].

holder(_) ->
    receive Held -> holder(Held) end.
