%% What the two texts on code loading state that oxbeam is drawn from, "Non-Blocking Code Loading" (000)
%% and the article on hot upgrade (001): a case for each statement, named after its place: text, line,
%% sentence. docs/CodeLoading.md has the table.
%%
%% `seed_*` cases print the same on stock OTP 25.2.3; where that differs from the text (they describe
%% R16), its name ends in `_differs` and a comment says how. `ours_seed_*` cases hold on oxbeam only.
-module(seeds).
-export([main/1]).
-compile([export_all, nowarn_export_all, nowarn_deprecated_function]).

main([Which]) ->
    ok = logger:set_primary_config(level, none),
    Prefix =
        case Which of
            "both" -> "seed_";
            "ours" -> "ours_"
        end,
    Cases = [F || {F, 0} <- lists:sort(?MODULE:module_info(exports)), lists:prefix(Prefix, atom_to_list(F))],
    [io:format("~s: ~0tp~n", [Case, outcome(Case)]) || Case <- Cases],
    io:format("~p cases~n", [length(Cases)]),
    erlang:halt(0).

outcome(Case) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({done, ?MODULE:Case()}) end),
    receive
        {'DOWN', Ref, _, _, {done, Value}} -> Value;
        {'DOWN', Ref, _, _, Reason} -> {ended, Reason}
    after 60000 ->
        exit(Pid, kill),
        no_end
    end.

%% --- 000, introduction: loading blocks nobody

%% "From R16 on loading does not block the virtual machine", "Erlang processes go on undisturbed".
seed_000_l12_s1_s2_processes_go_on_while_code_is_loaded() ->
    Self = self(),
    Counter = spawn_link(fun() -> count(0, Self) end),
    Bytes = large(),
    Before = ask(Counter, {self(), how_many}),
    {module, seed_large} = erlang:load_module(seed_large, Bytes),
    After = ask(Counter, {self(), how_many}),
    unlink(Counter),
    exit(Counter, kill),
    gone(seed_large),
    After > Before.

%% "Code is loaded by an Erlang process of its own, scheduled as any other": it can be suspended and killed.
seed_000_l12_s3_the_loader_is_a_process_as_any_other() ->
    Self = self(),
    Loader = spawn(fun() -> receive go -> ok end, load(seed_a, 1), Self ! loaded end),
    erlang:suspend_process(Loader),
    Loader ! go,
    R1 = receive loaded -> loaded after 20 -> waits end,
    false = erlang:module_loaded(seed_a),
    erlang:resume_process(Loader),
    R2 = receive loaded -> loaded after 5000 -> timeout end,
    gone(seed_a),
    {R1, R2}.

%% "When the load is done it is seen by all processes, as by one atomic operation": many at once.
seed_000_l12_s4_a_commit_is_seen_by_all_at_once() ->
    ok = load_all([seed_a, seed_b], 1),
    Self = self(),
    Watchers = [spawn_link(fun() -> watch(1, Self) end) || _ <- lists:seq(1, 4)],
    [begin purge_all([seed_a, seed_b]), ok = load_all([seed_a, seed_b], V) end || V <- lists:seq(2, 30)],
    [W ! stop || W <- Watchers],
    R = [receive {W, Seen} -> Seen end || W <- Watchers],
    lists:foreach(fun gone/1, [seed_a, seed_b]),
    R.

%% --- 000, phases

%% "Preparing does all that can be done without disturbing code that runs": nothing is seen of it.
seed_000_l19_s1_preparing_changes_nothing() ->
    load(seed_a, 1),
    P = erlang:prepare_loading(seed_a, file(seed_a, 2, "more() -> 1.\n")),
    Q = erlang:prepare_loading(seed_b, file(seed_b, 1, "")),
    R = {is_reference(P), is_reference(Q), seed_a:v(), erlang:function_exported(seed_a, more, 0),
         erlang:check_old_code(seed_a), erlang:module_loaded(seed_b)},
    gone(seed_a),
    R.

%% "Finishing makes the code reachable, and the old version cannot be reached any more".
seed_000_l21_s1_finishing_makes_the_code_reachable() ->
    load(seed_a, 1, "gone() -> 1.\n"),
    F = fun seed_a:gone/0,
    P = erlang:prepare_loading(seed_a, file(seed_a, 2, "more() -> 1.\n")),
    ok = erlang:finish_loading([P]),
    R = {seed_a:v(), seed_a:more(), reason(fun() -> seed_a:gone() end), reason(F)},
    gone(seed_a),
    R.

%% "Several processes may prepare different modules at once".
seed_000_l23_s1_many_prepare_at_once() ->
    Names = [seed_p1, seed_p2, seed_p3, seed_p4],
    Self = self(),
    [spawn_link(fun() -> Self ! {N, erlang:prepare_loading(N, file(N, 1, ""))} end) || N <- Names],
    Prepared = [receive {N, P} -> P end || N <- Names],
    ok = erlang:finish_loading(Prepared),
    R = [N:v() || N <- Names],
    lists:foreach(fun gone/1, Names),
    R.

%% "They finish one after the other", "the second waits", "only the Erlang process waits".
seed_000_l23_s1_s3_they_finish_one_after_the_other() ->
    Names = [list_to_atom("seed_q" ++ integer_to_list(N)) || N <- lists:seq(1, 8)],
    Prepared = [{N, erlang:prepare_loading(N, file(N, 1, ""))} || N <- Names],
    Self = self(),
    Counter = spawn_link(fun() -> count(0, Self) end),
    Before = ask(Counter, {self(), how_many}),
    Pids = [spawn_link(fun() -> Self ! {N, erlang:finish_loading([P])} end) || {N, P} <- Prepared],
    R = [receive {N, Result} -> Result end || N <- Names],
    After = ask(Counter, {self(), how_many}),
    unlink(Counter),
    exit(Counter, kill),
    V = [N:v() || N <- Names],
    lists:foreach(fun gone/1, Names),
    {length(Pids), R, V, After > Before}.

%% "Code is mostly loaded by the code server, one after the other".
seed_000_l25_s1_the_code_server_loads_in_order() ->
    Self = self(),
    Files = [{N, file(N, 1, "")} || N <- [seed_a, seed_b]],
    [spawn_link(fun() -> Self ! {N, code:load_binary(N, "seed", B)} end) || {N, B} <- Files],
    R = [receive {N, Result} -> Result end || {N, _} <- Files],
    L = [code:is_loaded(N) || {N, _} <- Files],
    lists:foreach(fun gone/1, [seed_a, seed_b]),
    {R, L}.

%% "prepare_loading(Module, Code) -> LoaderState", "returns a magic binary with the prepared state". In
%% 25.2.3 it is a magic reference, and serves once.
seed_000_l28_l32_s1_the_prepared_state_differs() ->
    P = erlang:prepare_loading(seed_a, file(seed_a, 1, "")),
    R = {is_reference(P), is_binary(P), erlang:finish_loading([P]), reason(fun() -> erlang:finish_loading([P]) end)},
    gone(seed_a),
    R.

%% "finish_loading takes a list of such states and does all the rest".
seed_000_l29_l32_s2_finish_takes_a_list() ->
    R = [reason(fun() -> erlang:finish_loading(X) end) || X <- [x, [x], [make_ref()], [<<>>], {}]],
    {R, erlang:finish_loading([])}.

%% "erlang:load_module calls the two in turn".
seed_000_l34_s1_load_module_is_both() ->
    R1 = erlang:load_module(seed_a, file(seed_a, 1, "")),
    R2 = erlang:load_module(seed_a, <<"no code">>),
    V = seed_a:v(),
    gone(seed_a),
    {R1, R2, V}.

%% "The list has one element, since nobody loads many". In 25.2.3 many are usual.
seed_000_l34_s2_many_modules_in_one_commit_differs() ->
    R = {load_all([seed_a, seed_b, seed_c], 3), [N:v() || N <- [seed_a, seed_b, seed_c]]},
    lists:foreach(fun gone/1, [seed_a, seed_b, seed_c]),
    R.

%% --- 000, order of the commit: the four ways to code

seed_000_l40_the_list_of_exports() ->
    A = erlang:function_exported(seed_a, v, 0),
    load(seed_a, 1),
    B = erlang:function_exported(seed_a, v, 0),
    gone(seed_a),
    {A, B, erlang:function_exported(seed_a, v, 0)}.

seed_000_l41_the_list_of_modules() ->
    A = lists:member(seed_a, erlang:loaded()),
    load(seed_a, 1),
    B = lists:member(seed_a, erlang:loaded()),
    gone(seed_a),
    {A, B, erlang:module_loaded(seed_a)}.

%% A catch that was set in old code is found there after the load.
seed_000_l42_catches_lead_to_their_own_code() ->
    Text = "c(F) -> X = (catch F()), {v(), X}.\nt(F) -> try F() catch throw:X -> {caught, v(), X} end.\n",
    load(seed_a, 1, Text),
    Self = self(),
    Pids = [
        spawn(fun() -> Self ! {self(), seed_a:F(fun() -> receive X -> throw(X) end end)} end)
     || F <- [c, t]
    ],
    [waits(P) || P <- Pids],
    load(seed_a, 2, Text),
    [P ! up || P <- Pids],
    R = [receive {P, X} -> X end || P <- Pids],
    gone(seed_a),
    R.

%% From an address to function and line, for old code and for new.
seed_000_l43_addresses_lead_to_lines() ->
    Text = "f(X) ->\n  Y = 1 + X,\n  [Y].\nhold() -> receive X -> f(X) end.\n",
    load(seed_a, 1, Text),
    Old = spawn(seed_a, hold, []),
    waits(Old),
    load(seed_a, 2, "\n\n" ++ Text),
    R = [lines(fun() -> seed_a:f(x) end), current_lines(Old)],
    exit(Old, kill),
    gone(seed_a),
    R.

lines(F) ->
    try F() catch error:badarith:Stack -> [{Fun, A, proplists:get_value(line, L)} || {seed_a, Fun, A, L} <- Stack] end.

current_lines(Pid) ->
    {_, Stack} = process_info(Pid, current_stacktrace),
    [{F, A, proplists:get_value(line, L)} || {seed_a, F, A, L} <- Stack].

%% "Every external call gets its address from the list of exports": the calls, applies and funs of all kinds.
seed_000_l45_s1_external_calls_go_by_the_exports() ->
    load(seed_a, 1),
    F = fun seed_a:v/0,
    All = fun() ->
        M = list_to_atom("seed_a"),
        [seed_a:v(), M:v(), apply(seed_a, v, []), apply(M, list_to_atom("v"), []), F(), apply(F, []),
         hd([X || X <- [seed_a:v()]]), lists:map(fun(_) -> seed_a:v() end, [1])]
    end,
    A = All(),
    load(seed_a, 2),
    B = All(),
    gone(seed_a),
    {A, B}.

%% "Code that runs never sees a load that is half done": one that fails leaves all as it was.
seed_000_l47_s8_no_half_of_a_load() ->
    load(seed_a, 1),
    load(seed_b, 1),
    load(seed_b, 2),
    P = [erlang:prepare_loading(N, file(N, 3, "more() -> 1.\n")) || N <- [seed_a, seed_c, seed_b]],
    R = {erlang:finish_loading(P), seed_a:v(), erlang:check_old_code(seed_a), erlang:module_loaded(seed_c),
         erlang:function_exported(seed_a, more, 0), seed_b:v()},
    lists:foreach(fun gone/1, [seed_a, seed_b]),
    R.

%% "8. The loading process returns from finish_loading": what it calls then is the new code.
seed_000_l58_the_loader_sees_what_it_has_loaded() ->
    R = [begin erts_code_purger:purge(seed_a), load(seed_a, V), seed_a:v() end || V <- lists:seq(1, 20)],
    gone(seed_a),
    R.

%% --- 001: two versions

seed_001_l03_s1_two_versions_at_most() ->
    load(seed_a, 1),
    load(seed_a, 2),
    R = {erlang:load_module(seed_a, file(seed_a, 3, "")), seed_a:v(), erlang:check_old_code(seed_a)},
    gone(seed_a),
    R.

seed_001_l03_s1_the_first_is_current() ->
    load(seed_a, 1),
    R = {erlang:module_loaded(seed_a), erlang:check_old_code(seed_a)},
    gone(seed_a),
    R.

seed_001_l03_s2_current_becomes_old() ->
    load(seed_a, 1),
    Pid = spawn(seed_a, wait, []),
    waits(Pid),
    A = erlang:check_process_code(Pid, seed_a),
    load(seed_a, 2),
    R = {A, erlang:check_process_code(Pid, seed_a), erlang:check_old_code(seed_a)},
    exit(Pid, kill),
    gone(seed_a),
    R.

%% "One version can be used at any time, so that service never stops".
seed_001_l03_s3_one_version_can_always_be_called() ->
    load(seed_a, 1),
    Self = self(),
    Caller = spawn_link(fun() -> calls(0, Self) end),
    [begin erts_code_purger:purge(seed_a), load(seed_a, V) end || V <- lists:seq(2, 30)],
    R = ask(Caller, {self(), how_many}),
    unlink(Caller),
    exit(Caller, kill),
    gone(seed_a),
    R > 0.

%% "purge kills processes that run old code; those in current code are not touched".
seed_001_l13_l35_purge_kills_only_who_is_in_old_code() ->
    load(seed_a, 1),
    Old = spawn(seed_a, wait, []),
    waits(Old),
    load(seed_a, 2),
    Current = spawn(seed_a, wait, []),
    waits(Current),
    R1 = code:purge(seed_a),
    R2 = {is_process_alive(Old), is_process_alive(Current)},
    exit(Current, kill),
    gone(seed_a),
    {R1, R2}.

seed_001_l15_errors_of_load_module() ->
    load(seed_a, 1),
    load(seed_a, 2),
    R = [
        erlang:load_module(seed_a, file(seed_a, 3, "")),
        erlang:load_module(seed_a, <<>>),
        reason(fun() -> erlang:load_module("seed_a", <<>>) end),
        reason(fun() -> erlang:load_module(seed_a, x) end)
    ],
    gone(seed_a),
    R.

%% --- 001: preparing

seed_001_l21_arguments_of_prepare_loading() ->
    [
        reason(fun() -> erlang:prepare_loading(1, <<>>) end),
        reason(fun() -> erlang:prepare_loading(seed_a, [1]) end),
        reason(fun() -> erlang:prepare_loading(seed_a, <<1:3>>) end),
        erlang:prepare_loading(seed_a, <<"FOR1">>),
        is_reference(erlang:prepare_loading(seed_a, shifted(file(seed_a, 1, ""))))
    ].

%% A binary that does not begin at a byte of its block.
shifted(Bytes) ->
    <<_:3, Rest/bits>> = <<0:3, Bytes/binary, 0:5>>,
    <<Same:(byte_size(Bytes))/binary, _/bits>> = Rest,
    Same.

%% The steps of parsing: the file's form, then each chunk.
seed_001_l23_what_is_no_beam_file() ->
    Bytes = file(seed_a, 1, ""),
    Half = byte_size(Bytes) div 2,
    [
        erlang:prepare_loading(seed_a, B)
     || B <- [<<>>, <<0:64>>, binary:part(Bytes, 0, Half), <<"FOR2", (binary:part(Bytes, 4, byte_size(Bytes) - 4))/binary>>]
    ].

seed_001_l23_chunks_that_must_be_there() ->
    {ok, seed_a, Chunks} = beam_lib:all_chunks(file(seed_a, 1, "l() -> {[1, 2], <<\"x\">>}.\n")),
    Without = fun(Id) -> built(lists:keydelete(Id, 1, Chunks)) end,
    [
        {Id, is_reference(erlang:prepare_loading(seed_a, Without(Id)))}
     || Id <- ["AtU8", "Code", "ImpT", "ExpT", "FunT", "Line", "Attr", "CInf", "Meta", "Dbgi"]
    ].

seed_001_l23_the_head_of_the_code() ->
    {ok, seed_a, Chunks} = beam_lib:all_chunks(file(seed_a, 1, "")),
    {_, <<Sub:32, Set:32, Max:32, Labels:32, Functions:32, Code/binary>>} = lists:keyfind("Code", 1, Chunks),
    Changed = [
        <<Sub:32, (Set + 1):32, Max:32, Labels:32, Functions:32, Code/binary>>,
        <<Sub:32, Set:32, 250:32, Labels:32, Functions:32, Code/binary>>,
        <<Sub:32, Set:32, Max:32, 1:32, Functions:32, Code/binary>>
    ],
    [erlang:prepare_loading(seed_a, built(lists:keystore("Code", 1, Chunks, {"Code", C}))) || C <- Changed].

%% --- 001, line 25: the table of exports

seed_001_l25_exports_that_are_not_there() ->
    {ok, seed_a, Chunks} = beam_lib:all_chunks(file(seed_a, 1, "")),
    {_, <<Count:32, F:32, A:32, L:32, Rest/binary>>} = lists:keyfind("ExpT", 1, Chunks),
    With = fun(Table) -> with_exports(Chunks, Table) end,
    [
        With(<<1000:32, F:32, A:32, L:32, Rest/binary>>),
        With(<<Count:32, F:32, 4000:32, L:32, Rest/binary>>),
        With(<<Count:32, 4000:32, A:32, L:32, Rest/binary>>)
    ].

with_exports(Chunks, Table) ->
    erlang:prepare_loading(seed_a, built(lists:keystore("ExpT", 1, Chunks, {"ExpT", Table}))).

%% "A stub for a BIF is not exported, and is filtered out of the functions". In 25.2.3 it is shown as any.
seed_001_l25_stubs_of_natives_give_way_differs() ->
    Functions = erlang:get_module_info(binary, functions),
    {binary:at(<<7>>, 0), lists:member({at, 2}, Functions), lists:member({replace, 3}, Functions),
     lists:member({at, 2}, erlang:get_module_info(binary, exports))}.

%% --- 001, line 28: finishing

%% "No more than one module": in 25.2.3 this holds where one of them has on_load.
seed_001_l28_system_limit_differs() ->
    P = [erlang:prepare_loading(N, file(N, 1, "-on_load(f/0).\nf() -> ok.\n")) || N <- [seed_a, seed_b]],
    {reason(fun() -> erlang:finish_loading(P) end), [erlang:module_loaded(N) || N <- [seed_a, seed_b]]}.

seed_001_l28_not_purged_names_the_modules() ->
    [begin load(N, 1), load(N, 2) end || N <- [seed_a, seed_b]],
    R = load_all([seed_a, seed_c, seed_b], 3),
    lists:foreach(fun gone/1, [seed_a, seed_b]),
    {R, erlang:module_loaded(seed_c)}.

%% "Modules may be given twice": 25.2.3 refuses that.
seed_001_l28_duplicated_differs() ->
    P = [erlang:prepare_loading(seed_a, file(seed_a, V, "")) || V <- [1, 2]],
    {erlang:finish_loading(P), erlang:module_loaded(seed_a)}.

seed_001_l28_l30_on_load_is_told() ->
    P = erlang:prepare_loading(seed_a, file(seed_a, 1, "-on_load(f/0).\nf() -> ok.\n")),
    R = {erlang:has_prepared_code_on_load(P), erlang:finish_loading([P]), erlang:function_exported(seed_a, v, 0)},
    erts_code_purger:finish_after_on_load(seed_a, false),
    gone(seed_a),
    R.

%% "A current and an old one together are in the way": a deleted current one is not.
seed_001_l32_what_was_deleted_is_not_in_the_way() ->
    load(seed_a, 1),
    erlang:delete_module(seed_a),
    R = {erlang:load_module(seed_a, file(seed_a, 2, "")), erlang:check_old_code(seed_a), seed_a:v()},
    gone(seed_a),
    R.

seed_001_l32_the_new_one_is_in_module_table_and_ranges() ->
    load(seed_a, 1),
    Md5 = erlang:get_module_info(seed_a, md5),
    load(seed_a, 2),
    R = {Md5 =:= erlang:get_module_info(seed_a, md5), lines(fun() -> seed_a:bad(x) end)},
    gone(seed_a),
    R.

%% --- 001: how hot upgrade works

%% "Every function is a run of instructions at an address; local calls stay in them".
seed_001_l44_s1_local_calls_stay_external_ones_change() ->
    Text = "both(F) -> X = F(), {X, v(), local(), ?MODULE:v()}.\nlocal() -> v().\n",
    load(seed_a, 1, Text),
    Self = self(),
    Pid = spawn(fun() -> Self ! seed_a:both(fun() -> receive X -> X end end) end),
    waits(Pid),
    load(seed_a, 2, Text),
    Pid ! go,
    R = receive X -> X end,
    gone(seed_a),
    R.

%% "The context of a process that runs is not changed": it returns into the old code, deep as it may be.
seed_001_l44_s2_returns_go_to_the_old_code() ->
    Text = "deep(0, F) -> F();\ndeep(N, F) -> [v() | deep(N - 1, F)].\n",
    load(seed_a, 1, Text),
    Self = self(),
    Pid = spawn(fun() -> Self ! seed_a:deep(5, fun() -> receive X -> X end end) end),
    waits(Pid),
    load(seed_a, 2, Text),
    Pid ! [],
    R = receive X -> X end,
    gone(seed_a),
    R.

%% The example: a local loop is killed by the second load, whose purge finds it in old code.
seed_001_l47_l51_the_second_load_kills_a_local_loop() ->
    Text = "start() -> Pid = spawn(fun() -> do_loop() end), register(seed_t, Pid).\n"
           "do_loop() -> receive {From, M} -> From ! {v(), M} end, do_loop().\n",
    loaded_by_server(seed_t, 1, Text),
    true = seed_t:start(),
    Pid = whereis(seed_t),
    waits(Pid),
    Ref = monitor(process, Pid),
    loaded_by_server(seed_t, 2, Text),
    A = {whereis(seed_t) =:= Pid, ask(Pid, {self(), x})},
    waits(Pid),
    loaded_by_server(seed_t, 3, Text),
    R = {A, whereis(seed_t), receive {'DOWN', Ref, _, _, Why} -> Why after 5000 -> alive end},
    gone(seed_t),
    R.

%% "A full call changes to the new code", and the process lives on over any number of loads.
seed_001_l56_l58_a_full_call_changes_over() ->
    Text = "loop() -> receive code_switch -> ?MODULE:loop(); {From, M} -> From ! {v(), M}, loop() end.\n",
    loaded_by_server(seed_t, 1, Text),
    Pid = spawn(seed_t, loop, []),
    R = [
        begin
            loaded_by_server(seed_t, V, Text),
            Early = ask(Pid, {self(), V}),
            Pid ! code_switch,
            {Early, ask(Pid, {self(), V})}
        end
     || V <- [2, 3, 4]
    ],
    exit(Pid, kill),
    gone(seed_t),
    R.

seed_001_l60_external_calls_ask_for_an_export() ->
    {module, seed_a} = erlang:load_module(seed_a, compiled(seed_a, "-export([a/0]).\na() -> b().\nb() -> 1.\n")),
    R = {seed_a:a(), reason(fun() -> seed_a:b() end), reason(fun() -> apply(seed_a, b, []) end)},
    gone(seed_a),
    R.

%% "A call of a module loads its current version first".
seed_001_l61_s1_a_call_loads_the_module() ->
    Dir = filename:join(filename:basedir(user_cache, "oxbeam_seeds"), os:getpid()),
    ok = filelib:ensure_path(Dir),
    ok = file:write_file(filename:join(Dir, "seed_auto.beam"), file(seed_auto, 7, "")),
    true = code:add_patha(Dir),
    R = {erlang:module_loaded(seed_auto), seed_auto:v(), erlang:module_loaded(seed_auto), reason(fun() -> seed_none:v() end)},
    code:del_path(Dir),
    ok = file:del_dir_r(Dir),
    gone(seed_auto),
    R.

%% "As long as all its calls are local, a process does not leave the code it is in".
seed_001_l61_s2_local_calls_never_load() ->
    Text = "loop(0) -> ok;\nloop(N) -> receive {From, M} -> From ! {v(), M}, loop(N - 1) end.\n",
    load(seed_a, 1, Text),
    Pid = spawn(seed_a, loop, [3]),
    A = ask(Pid, {self(), 1}),
    load(seed_a, 2, Text),
    B = [ask(Pid, {self(), M}) || M <- [2, 3]],
    gone(seed_a),
    {A, B}.

%% "Code index and current/old are two things": many loads of other modules move the index on, and a
%% module's versions stay what they are.
seed_001_l66_indices_are_not_versions() ->
    load(seed_a, 1),
    load(seed_a, 2),
    R = [
        begin
            load(seed_b, V),
            erts_code_purger:purge(seed_b),
            {seed_a:v(), seed_b:v(), erlang:check_old_code(seed_a)}
        end
     || V <- lists:seq(1, 7)
    ],
    lists:foreach(fun gone/1, [seed_a, seed_b]),
    R.

%% "A call counts a reduction; when none is left the process makes room".
seed_001_l96_calls_count_reductions() ->
    Text = "spin(0) -> ok;\nspin(N) -> spin(N - 1).\next(0) -> ok;\next(N) -> ?MODULE:ext(N - 1).\n",
    load(seed_a, 1, Text),
    R = [
        begin
            {_, A} = process_info(self(), reductions),
            ok = seed_a:F(100000),
            {_, B} = process_info(self(), reductions),
            B - A >= 100000
        end
     || F <- [spin, ext]
    ],
    gone(seed_a),
    R.

%% The experiment with a changed emulator: after the load another code is behind the same call.
seed_001_l106_l114_the_same_call_runs_other_code() ->
    load(seed_t, 1, "tt() -> v().\n"),
    load(seed_a, 1, "start() -> loop().\nloop() -> receive F -> F ! {self(), seed_t:tt()} end, loop().\n"),
    Pid = spawn(seed_a, start, []),
    Pid ! self(),
    A = receive {Pid, X} -> X end,
    load(seed_t, 2, "tt() -> v().\n"),
    Pid ! self(),
    B = receive {Pid, Y} -> Y end,
    exit(Pid, kill),
    lists:foreach(fun gone/1, [seed_t, seed_a]),
    {A, B}.

%% "A module as a table": its literals are read by many without a copy.
seed_001_l131_s1_literals_are_read_without_a_copy() ->
    load(seed_a, 1, "t() -> {a, [1, 2, 3], #{k => <<\"v\">>}}.\n"),
    R = {erts_debug:size(seed_a:t()) > 0, seed_a:t() =:= seed_a:t(), erts_debug:same(seed_a:t(), seed_a:t())},
    gone(seed_a),
    R.

%% "Whether a process uses old code is looked for in its stack, heap and messages". In 25.2.3 only frames
%% count.
seed_001_l131_s6_what_holds_old_code_differs() ->
    Text = "f() -> fun() -> v() end.\nl() -> [a, {b, \"literal\"}].\n",
    load(seed_a, 1, Text),
    Fun = seed_a:f(),
    Pid = spawn(fun() -> L = seed_a:l(), receive {go, F} -> {F, L} end end),
    waits(Pid),
    erlang:suspend_process(Pid),
    Pid ! {held, Fun},
    load(seed_a, 2, "other() -> 1.\n"),
    R = {erlang:check_process_code(Pid, seed_a), erts_code_purger:soft_purge(seed_a), is_process_alive(Pid), reason(Fun)},
    exit(Pid, kill),
    gone(seed_a),
    R.

%% "Deleting takes the exports away".
seed_001_l131_s7_deleting_takes_the_exports_away() ->
    load(seed_a, 1),
    R = {code:delete(seed_a), erlang:function_exported(seed_a, v, 0), erlang:check_old_code(seed_a), code:delete(seed_a)},
    gone(seed_a),
    R.

%% --- on oxbeam only

%% erts_debug:df/1 tells local and external calls apart (the native code of 25.2.3 writes nothing).
ours_seed_001_l69_l97_df_tells_local_from_external_calls() ->
    load(seed_test, 1, "t() -> t2().\nt1() -> ?MODULE:t2().\nt2() -> erlang:memory().\n"),
    ok = erts_debug:df(seed_test),
    {ok, Text} = file:read_file("seed_test.dis"),
    ok = file:delete("seed_test.dis"),
    Lines = binary:split(Text, <<"\n">>, [global]),
    Of = fun(F) -> following(Lines, iolist_to_binary([" func_info seed_test ", F, " 0"])) end,
    gone(seed_test),
    true = matches(Of("t"), "call_only seed_test:t2/0"),
    true = matches(Of("t1"), "call_ext_only seed_test:t2/0"),
    true = matches(Of("t2"), "erlang:memory/0"),
    ok.

following([Line, Next | Rest], What) ->
    case binary:match(Line, What) of
        nomatch -> following([Next | Rest], What);
        _ -> Next
    end.

matches(Line, Text) -> binary:match(Line, list_to_binary(Text)) =/= nomatch.

%% "A label that is not there is an error": 25.2.3 takes the file, and falls over it later.
ours_seed_001_l25_labels_of_exports_are_checked() ->
    {ok, seed_a, Chunks} = beam_lib:all_chunks(file(seed_a, 1, "")),
    {_, <<Count:32, F:32, A:32, _:32, Rest/binary>>} = lists:keyfind("ExpT", 1, Chunks),
    {error, badfile} = with_exports(Chunks, <<Count:32, F:32, A:32, 4000:32, Rest/binary>>),
    ok.

%% "Where tracing is on, all threads are blocked": here no load blocks any thread, whatever its size (line
%% 28). A process on another scheduler sees no gap as long as the load.
ours_seed_001_l28_no_load_blocks_a_thread() ->
    no_load_blocks_a_thread(fun() -> ok end),
    %% Nor does one that has breakpoints to take away, and to set.
    0 = erlang:trace_pattern(on_load, true, [local]),
    no_load_blocks_a_thread(fun() -> erlang:trace_pattern({seed_large, '_', '_'}, true, [call_count]) end),
    0 = erlang:trace_pattern(on_load, false, [local]),
    ok.

no_load_blocks_a_thread(Between) ->
    Bytes = large(),
    Self = self(),
    Ticker = spawn_link(fun() -> tick(erlang:monotonic_time(), 0, 0, Self) end),
    T0 = erlang:monotonic_time(),
    [
        begin erts_code_purger:purge(seed_large), {module, _} = erlang:load_module(seed_large, Bytes), Between() end
     || _ <- lists:seq(1, 20)
    ],
    Took = erlang:monotonic_time() - T0,
    Ticker ! stop,
    {Ticks, _Longest} = receive {ticks, T, L} -> {T, L} end,
    gone(seed_large),
    %% It runs all the while: a tick takes some microseconds.
    true = Ticks * 200 > erlang:convert_time_unit(Took, native, microsecond),
    ok.

tick(Last, N, Longest, To) ->
    Now = erlang:monotonic_time(),
    receive
        stop -> To ! {ticks, N, max(Longest, Now - Last)}
    after 0 -> tick(Now, N + 1, max(Longest, Now - Last), To)
    end.

%% --- helpers

file(Name, Version, More) ->
    Key = {?MODULE, Name, Version, More},
    case persistent_term:get(Key, none) of
        none ->
            Bytes = compiled(Name, [
                "-compile([export_all,nowarn_export_all]).\n", More,
                "\nwait() -> receive go -> v() end.\nbad(X) -> 1 + X.\nv() -> ", integer_to_list(Version), ".\n"
            ]),
            persistent_term:put(Key, Bytes),
            Bytes;
        Bytes ->
            Bytes
    end.

compiled(Name, Text0) ->
    Text = string:replace(lists:flatten(Text0), "?MODULE", atom_to_list(Name), all),
    {ok, Tokens, _} = erl_scan:string("-module(" ++ atom_to_list(Name) ++ ").\n" ++ lists:flatten(Text)),
    Forms = [begin {ok, F} = erl_parse:parse_form(T), F end || T <- split(Tokens, [])],
    {ok, Name, Bytes} = compile:forms(Forms, []),
    Bytes.

split([], []) -> [];
split([{dot, _} = Dot | Rest], Form) -> [lists:reverse([Dot | Form]) | split(Rest, [])];
split([Token | Rest], Form) -> split(Rest, [Token | Form]).

built(Chunks) ->
    {ok, Bytes} = beam_lib:build_module(Chunks),
    Bytes.

%% A module whose preparation takes a while.
large() ->
    file(seed_large, 1, [
        ["f", integer_to_list(N), "(X) -> {X, \"text ", integer_to_list(N), "\", [X | ", integer_to_list(N), "]}.\n"]
     || N <- lists:seq(1, 1500)
    ]).

load(Name, Version) -> load(Name, Version, "").

load(Name, Version, More) -> {module, Name} = erlang:load_module(Name, file(Name, Version, More)).

load_all(Names, Version) ->
    erlang:finish_loading([erlang:prepare_loading(N, file(N, Version, "")) || N <- Names]).

%% As the shell's l/1.
loaded_by_server(Name, Version, More) ->
    code:purge(Name),
    {module, Name} = code:load_binary(Name, atom_to_list(Name), file(Name, Version, More)).

purge_all(Names) -> [erts_code_purger:purge(N) || N <- Names].

gone(Name) ->
    erts_code_purger:purge(Name),
    erlang:delete_module(Name),
    erts_code_purger:purge(Name).

reason(F) ->
    try F()
    catch
        error:{badfun, _} -> badfun;
        Class:Reason -> {Class, Reason}
    end.

waits(Pid) -> process_info(Pid, status) =:= {status, waiting} orelse begin erlang:yield(), waits(Pid) end.

ask(Pid, Message) ->
    Pid ! Message,
    receive Answer -> Answer after 5000 -> timeout end.

count(N, Owner) ->
    receive
        {Owner, how_many} -> Owner ! N, count(N, Owner)
    after 0 -> count(N + 1, Owner)
    end.

calls(N, Owner) ->
    true = is_integer(seed_a:v()),
    receive
        {Owner, how_many} -> Owner ! N, calls(N, Owner)
    after 0 -> calls(N + 1, Owner)
    end.

%% Versions only grow, over both modules of a commit.
watch(Last, Owner) ->
    A = seed_a:v(),
    B = seed_b:v(),
    true = Last =< A andalso A =< B,
    receive
        stop -> Owner ! {self(), whole}
    after 0 -> watch(B, Owner)
    end.
