%% `oxbeam:upgrade_plan/1` and `oxbeam:upgrade/1`: each t_*/0 is a case. The first is the example of
%% docs/Upgrade.md.
-module(live).
-export([main/1]).
-compile([export_all, nowarn_export_all]).

%% Argument: the folder of the sources.
main([Folder]) ->
    ok = logger:set_primary_config(level, none),
    put(folder, Folder),
    Cases = [F || {F, 0} <- lists:sort(?MODULE:module_info(exports)), lists:prefix("t_", atom_to_list(F))],
    [begin io:format("~s~n", [Case]), ok = ?MODULE:Case() end || Case <- Cases],
    io:format("~p cases passed~n", [length(Cases)]),
    erlang:halt(0).

%% --- a busy server is upgraded, and downgraded, again and again

t_a_busy_server_loses_no_call() ->
    Versions = [{N, [compiled(M, N) || M <- [till, tariff]]} || N <- [1, 2]],
    {ok, [till, tariff]} = oxbeam:upgrade(proplists:get_value(1, Versions)),
    {ok, _} = till:start(),
    Clients = [spawn_link(fun() -> client(0) end) || _ <- lists:seq(1, 20)],
    Rounds = 20,
    [change_to(1 + N rem 2, Versions) || N <- lists:seq(1, Rounds)],
    {Paid, Seen} = lists:unzip([stopped(Client) || Client <- Clients]),
    #{version := 1, money := Money} = till:report(),
    Money = 5 * lists:sum(Paid),
    true = lists:sum(Paid) > Rounds,
    [{1, 1}, {2, 2}] = lists:umerge(Seen),
    ok = gen_server:stop(till),
    gone([till, tariff]).

%% All that an upgrade of a running server takes.
change_to(New, Versions) ->
    Old = till:report(),
    ok = sys:suspend(till),
    {ok, [till, tariff]} = oxbeam:upgrade(proplists:get_value(New, Versions)),
    ok = sys:change_code(till, till, from(New), []),
    ok = sys:resume(till),
    #{version := New} = till:report(),
    true = maps:get(money, till:report()) >= maps:get(money, Old),
    timer:sleep(10).

from(2) -> 1;
from(1) -> {down, 2}.

client(Paid) ->
    receive
        {stop, From} -> From ! {self(), Paid, lists:usort(get_keys())}
    after 0 ->
        put(till:pay(bread), seen),
        client(Paid + 1)
    end.

stopped(Client) ->
    Client ! {stop, self()},
    receive {Client, Paid, Seen} -> {Paid, Seen} end.

%% --- the plan

t_a_plan_tells_what_changes() ->
    {ok, [up_a]} = oxbeam:upgrade([text(up_a, ["f() -> 1.", "g() -> 2."])]),
    {ok, Plan} = oxbeam:upgrade_plan([text(up_a, ["f() -> 1.", "h(X) -> X."]), text(up_b, ["f() -> 1."])]),
    #{modules := [A, B], processes := [], killed := [], refused := []} = Plan,
    #{module := up_a, change := changed, added := [{h, 1}], removed := [{g, 0}], old_code := false} = A,
    #{module := up_b, change := new, added := [{f, 0} | _], removed := []} = B,
    {ok, #{modules := [#{change := unchanged}]}} =
        oxbeam:upgrade_plan([text(up_a, ["f() -> 1.", "g() -> 2."])]),
    %% Nothing has happened.
    false = erlang:module_loaded(up_b),
    {2, false} = {up_a:g(), erlang:check_old_code(up_a)},
    gone([up_a]).

t_a_plan_tells_who_is_in_the_code() ->
    load_waiter(1),
    Old = waiter(),
    register(up_old, Old),
    load_waiter(2),
    Current = waiter(),
    F = up_w:make(7),
    {ok, #{processes := Processes, killed := [Old]}} = oxbeam:upgrade_plan([text(up_w, ["other() -> 1."])]),
    [#{old := [{up_w, wait, 0, Place}], current := [], name := up_old}] = of_pid(Old, Processes),
    [4, "up_w.erl"] = [proplists:get_value(Key, Place) || Key <- [line, file]],
    [#{current := [{up_w, wait, 0, _}, {up_w, outer, 0, _}], old := []}] = of_pid(Current, Processes),
    [#{current_funs := 1, old_funs := 0, current := []}] = of_pid(self(), Processes),
    7 = F(),
    %% A change of another module touches none of them.
    {ok, #{processes := []}} = oxbeam:upgrade_plan([text(up_b, ["f() -> 1."])]),
    exit(Old, kill),
    exit(Current, kill),
    gone([up_w]).

load_waiter(N) ->
    {ok, [up_w]} = oxbeam:upgrade([text(up_w, [
        "outer() -> " ++ frame(N), "wait() -> receive go -> ok end.", "make(X) -> fun() -> X end.",
        "v() -> " ++ integer_to_list(N) ++ "."
    ])]).

%% The first version waits in a tail call.
frame(1) -> "wait().";
frame(2) -> "X = wait(), {X}.".

waiter() ->
    Pid = spawn(up_w, outer, []),
    waits(Pid).

waits(Pid) ->
    case process_info(Pid, status) of
        {status, waiting} -> Pid;
        _ -> erlang:yield(), waits(Pid)
    end.

of_pid(Pid, Processes) -> [P || #{pid := Of} = P <- Processes, Of =:= Pid].

%% --- all or nothing

t_old_code_in_use_stops_all() ->
    load_waiter(1),
    Pid = waiter(),
    load_waiter(2),
    Files = [text(up_b, ["f() -> 1."]), text(up_w, ["other() -> 1."])],
    {error, [{up_w, {not_purged, [Pid]}}]} = oxbeam:upgrade(Files),
    {false, 2, true} = {erlang:module_loaded(up_b), up_w:v(), is_process_alive(Pid)},
    Ref = monitor(process, Pid),
    Pid ! go,
    receive {'DOWN', Ref, _, _, normal} -> ok end,
    {ok, [up_b, up_w]} = oxbeam:upgrade(Files),
    {1, 1} = {up_b:f(), up_w:other()},
    gone([up_b, up_w]).

t_what_cannot_be_loaded_stops_all() ->
    Good = text(up_b, ["f() -> 1."]),
    OnLoad = text(up_a, ["-on_load(f/0).", "f() -> ok."]),
    {lists, LBytes, Lists} = code:get_object_code(lists),
    Refused = [
        {{up_a, <<"x">>}, {up_a, badfile}},
        {"/no/such/file.beam", {"/no/such/file.beam", enoent}},
        {Good, {up_b, duplicated}},
        {OnLoad, {up_a, on_load_not_allowed}},
        {{up_c, element(2, Good)}, {up_c, badfile}}
    ],
    [{error, [Why]} = oxbeam:upgrade([Good, File]) || {File, Why} <- Refused],
    {ok, #{refused := [{up_a, on_load_not_allowed}]}} = oxbeam:upgrade_plan([Good, OnLoad]),
    %% What is the same is not loaded again, not even where that is forbidden.
    {ok, []} = oxbeam:upgrade([{lists, Lists, LBytes}]),
    {error, [{lists, sticky_directory}]} = oxbeam:upgrade([Good, text(lists, ["f() -> 1."])]),
    false = erlang:module_loaded(up_b),
    ok.

t_files_are_given_by_path_too() ->
    {up_b, Bytes} = text(up_b, ["f() -> 1."]),
    ok = file:write_file("up_b.beam", Bytes),
    {ok, [up_b]} = oxbeam:upgrade(["up_b.beam"]),
    {file, File} = code:is_loaded(up_b),
    File = filename:absname("up_b.beam"),
    {ok, []} = oxbeam:upgrade([<<"up_b.beam">>]),
    ok = file:delete("up_b.beam"),
    gone([up_b]).

%% --- the module itself

t_nobody_sees_the_module_before_it_is_called() ->
    true = erlang:delete_module(oxbeam),
    false = erlang:module_loaded(oxbeam),
    false = code:is_loaded(oxbeam),
    {'EXIT', {undef, [{oxbeam, nothing, [1], []} | _]}} = (catch oxbeam:nothing(1)),
    %% Many at once find it.
    erts_code_purger:purge(oxbeam),
    erlang:delete_module(oxbeam),
    erts_code_purger:purge(oxbeam),
    Self = self(),
    Pids = [spawn(fun() -> Self ! {self(), catch oxbeam:upgrade([])} end) || _ <- lists:seq(1, 10)],
    [receive {Pid, Answer} -> {ok, []} = Answer end || Pid <- Pids],
    true = erlang:module_loaded(oxbeam),
    false = lists:member(oxbeam, erlang:pre_loaded()),
    ok.

%% --- helpers

compiled(Module, Version) ->
    Source = filename:join(get(folder), atom_to_list(Module) ++ ".erl"),
    {ok, Module, Bytes} = compile:file(Source, [binary, {d, 'VSN', Version}]),
    {Module, Bytes}.

text(Name, Lines) ->
    Text = ["-module(" ++ atom_to_list(Name) ++ ").", "-compile([export_all,nowarn_export_all])." | Lines],
    {Forms, _} = lists:mapfoldl(fun(Line, N) -> {form(Line, N), N + 1} end, 1, Text),
    {ok, Name, Bytes} = compile:forms(Forms, [debug_info]),
    {Name, Bytes}.

form(Line, N) ->
    {ok, Tokens, _} = erl_scan:string(Line, N),
    {ok, Form} = erl_parse:parse_form(Tokens),
    Form.

gone(Modules) ->
    [begin code:purge(M), code:delete(M), code:purge(M) end || M <- Modules],
    ok.
