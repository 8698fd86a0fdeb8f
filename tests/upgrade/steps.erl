%% The longest pieces of work that any thread does at one go, in its CPU time, while large modules are
%% loaded, deleted and purged over and over, and processes of all kinds are asked about them. Only on
%% oxbeam.
-module(steps).
-export([source/1, main/1]).

%% Writes the source of a module with 4,000 exports, as many funs, and twice as many literals.
source([File]) ->
    Numbers = lists:seq(1, 4000),
    Exports = lists:join(",", [io_lib:format("g~b/1", [N]) || N <- Numbers]),
    Functions = [
        io_lib:format("g~b(X) -> {fun(Y) -> [X, Y, ~b] end, \"text ~b\", {a~b, <<~b:32>>}}.\n", [N, N, N, N, N])
     || N <- Numbers
    ],
    Stay = "-export([stay/0]).\nstay() -> receive leave -> left end.\n",
    ok = file:write_file(File, ["-module(steps_funs).\n-export([", Exports, "]).\n", Stay, Functions]),
    erlang:halt(0).

main([Large, Funs, Rounds]) ->
    Files = [{gaps_large, read(Large)}, {steps_funs, read(Funs)}],
    erts_debug:set_internal_state(available_internal_state, true),
    Holders = [
        %% Who holds literals and funs, so that there is something to ask and to copy: with a small heap,
        %% with one of a million words, with 100,000 frames, and with as many messages.
        spawn_link(fun() -> holder([], []) end),
        spawn_link(fun() -> holder(lists:seq(1, 500000), []) end),
        spawn_link(fun() -> deep(100000) end),
        spawn_link(fun() -> receive {never} -> ok end end)
    ],
    [lists:last(Holders) ! N || N <- lists:seq(1, 100000)],
    [spawn_link(fun() -> timer:sleep(infinity) end) || _ <- lists:seq(1, 500)],
    timer:sleep(500),
    erts_debug:set_internal_state(longest_work, true),
    [round(Files, Holders) || _ <- lists:seq(1, list_to_integer(Rounds))],
    Rows = [{Ns, Count, Kind, Native} || {Kind, Native, Ns, Count} <- erts_debug:get_internal_state(longest_work)],
    [
        io:format("~.1f\t~b\t~s\t~0p~n", [Ns / 1000, Count, Kind, Native])
     || {Ns, Count, Kind, Native} <- lists:reverse(lists:sort(Rows))
    ],
    erlang:halt(0).

read(File) ->
    {ok, Bytes} = file:read_file(File),
    Bytes.

round(Files, Holders) ->
    [erts_code_purger:purge(Name) || {Name, _} <- Files],
    %% Prepared and never loaded.
    [erlang:prepare_loading(Name, Bytes) || {Name, Bytes} <- Files],
    Prepared = [erlang:prepare_loading(Name, Bytes) || {Name, Bytes} <- Files],
    ok = erlang:finish_loading(Prepared),
    Held = [gaps_large:f1(C, 7) || C <- lists:seq(1, 12)] ++ [steps_funs:g1(1), steps_funs:g2(2)],
    [Holder ! Held || Holder <- Holders],
    %% A purge that is given up.
    erts_code_purger:purge(steps_funs),
    {Stays, Mon} = spawn_monitor(steps_funs, stay, []),
    true = erlang:delete_module(steps_funs),
    false = erts_code_purger:soft_purge(steps_funs),
    Stays ! leave,
    receive {'DOWN', Mon, _, _, _} -> ok end.

holder(Heap, _) ->
    receive Held -> holder(Heap, Held) end.

deep(0) -> holder([], []), 0;
deep(N) -> 1 + deep(N - 1).
