%% How long a purge takes while many processes live, and how long it takes until its literals are given
%% back.
-module(many).
-export([main/1]).

%% Arguments: processes, rounds. Prints both medians in milliseconds.
main([Processes, Rounds]) ->
    [Bytes1, Bytes2] = [compiled(V) || V <- [1, 2]],
    [spawn_link(fun idle/0) || _ <- lists:seq(1, list_to_integer(Processes))],
    {Purged, Collected} = lists:unzip([round(Bytes1, Bytes2) || _ <- lists:seq(1, list_to_integer(Rounds))]),
    io:format("~.1f\t~.1f~n", [median(Purged) / 1000, median(Collected) / 1000]),
    erlang:halt(0).

%% Each holds something on its heap.
idle() ->
    X = lists:seq(1, 10),
    receive X -> ok end.

round(Bytes1, Bytes2) ->
    {module, many_code} = erlang:load_module(many_code, Bytes1),
    {module, many_code} = erlang:load_module(many_code, Bytes2),
    {Purged, _} = timer:tc(fun() -> erts_code_purger:purge(many_code) end),
    {Collected, ok} = timer:tc(fun collected/0),
    erlang:delete_module(many_code),
    erts_code_purger:purge(many_code),
    collected(),
    {Purged, Purged + Collected}.

%% Until the collector of literals, the third process, is idle.
collected() ->
    Ref = make_ref(),
    list_to_pid("<0.2.0>") ! {get_status, Ref, self()},
    receive
        {Ref, idle} -> ok;
        {Ref, working} -> timer:sleep(1), collected()
    end.

compiled(Version) ->
    Text = "-module(many_code). -export([v/0]). v() -> {[1, 2, 3], \"text\", " ++ integer_to_list(Version) ++ "}. ",
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, many_code, Bytes} = compile:forms(forms(Tokens, [])),
    Bytes.

forms([], []) -> [];
forms([{dot, _} = Dot | Rest], Form) ->
    {ok, Parsed} = erl_parse:parse_form(lists:reverse(Form, [Dot])),
    [Parsed | forms(Rest, [])];
forms([Token | Rest], Form) -> forms(Rest, [Token | Form]).

median(Values) -> lists:nth((length(Values) + 1) div 2, lists:sort(Values)).
