%% Loading, replacing, deleting and purging code; funs, literals and stack traces of old code.
-module(code_loading).
-compile([export_all, nowarn_export_all, nowarn_deprecated_function]).

%% Helpers.

%% The file of a module with that version: v/0 and what the text adds. Compiled once.
file(Name, Version, More) ->
    Key = {?MODULE, Name, Version, More},
    case persistent_term:get(Key, none) of
        none ->
            Bytes = compiled(Name, Version, More),
            persistent_term:put(Key, Bytes),
            Bytes;
        Bytes -> Bytes
    end.

compiled(Name, Version, More) ->
    Text =
        "-module(" ++ atom_to_list(Name) ++ ").\n-compile([export_all,nowarn_export_all]).\n" ++
            More ++ "v() -> " ++ integer_to_list(Version) ++ ".\n",
    {ok, Tokens, _} = erl_scan:string(Text),
    Forms = [begin {ok, F} = erl_parse:parse_form(T), F end || T <- split(Tokens, [])],
    {ok, Name, Bytes} = compile:forms(Forms, []),
    Bytes.

split([], []) -> [];
split([{dot, _} = Dot | Rest], Form) -> [lists:reverse([Dot | Form]) | split(Rest, [])];
split([Token | Rest], Form) -> split(Rest, [Token | Form]).

load(Name, Version) -> load(Name, Version, "").

load(Name, Version, More) ->
    {module, Name} = erlang:load_module(Name, file(Name, Version, More)).

gone(Name) ->
    erts_code_purger:purge(Name),
    erlang:delete_module(Name),
    erts_code_purger:purge(Name).

%% A process that waits within M, and one that only holds something of it.
-define(WAITER,
    "wait() -> receive {From, stop} -> From ! stopped end, ok.\n"
    "loop() -> receive {From, X} -> From ! {v(), X}, loop(); next -> ?MODULE:loop(); stop -> ok end.\n"
    "lit() -> {literal, [1, 2, {three, \"four\"}], #{five => <<\"six\">>}}.\n"
    "lits() -> [[a, b, c], [d | <<1,2,3>>]].\n"
    "make_fun(X) -> fun(Y) -> {v(), X, Y} end.\n"
).

waiter() -> lists:flatten(string:replace(?WAITER, "?MODULE", "code_w", all)).

within(F) -> within(code_w, F).

%% A process that waits in a function.
within(M, F) ->
    Pid = spawn(M, F, []),
    waits(Pid),
    Pid.

waits(Pid) ->
    process_info(Pid, status) =:= {status, waiting} orelse begin erlang:yield(), waits(Pid) end.

held(F) ->
    Self = self(),
    Pid = spawn(fun() -> Held = F(), Self ! ready, hold(Held) end),
    receive ready -> Pid end.

hold(Held) ->
    receive
        {From, show} -> From ! {held, Held}, hold(Held);
        {From, call, Arg} -> From ! {called, catch Held(Arg)}, hold(Held);
        stop -> ok
    end.

ask(Pid, Message) ->
    Pid ! Message,
    receive Answer -> Answer after 5000 -> timeout end.

down(Pid) ->
    Ref = monitor(process, Pid),
    receive {'DOWN', Ref, _, _, Reason} -> Reason after 5000 -> alive end.

collected() ->
    %% Until the collector of literals is idle.
    Pid = list_to_pid("<0.2.0>"),
    Ref = make_ref(),
    Pid ! {get_status, Ref, self()},
    receive
        {Ref, idle} -> ok;
        {Ref, working} -> timer:sleep(1), collected()
    end.

%% Loading.

t_load_and_call() ->
    load(code_a, 1),
    A = code_a:v(),
    load(code_a, 2),
    B = code_a:v(),
    R = {A, B, erlang:check_old_code(code_a), erlang:module_loaded(code_a)},
    gone(code_a),
    {R, erlang:module_loaded(code_a), erlang:check_old_code(code_a)}.

t_third_version_needs_a_purge() ->
    load(code_a, 1),
    load(code_a, 2),
    R = erlang:load_module(code_a, file(code_a, 3, "")),
    V = code_a:v(),
    gone(code_a),
    {R, V}.

t_prepared_serves_once() ->
    P = erlang:prepare_loading(code_a, file(code_a, 1, "")),
    R1 = erlang:finish_loading([P]),
    R2 = catch erlang:finish_loading([P]),
    V = code_a:v(),
    gone(code_a),
    {is_reference(P), R1, R2, V}.

t_prepare_errors() ->
    [
        catch erlang:prepare_loading(a, b),
        catch erlang:prepare_loading(1, <<>>),
        erlang:prepare_loading(code_a, <<1, 2, 3>>),
        erlang:load_module(code_a, <<>>),
        erlang:load_module(code_b, file(code_a, 1, "")),
        catch erlang:has_prepared_code_on_load(x),
        erlang:has_prepared_code_on_load(erlang:prepare_loading(code_a, file(code_a, 1, "")))
    ].

t_finish_errors() ->
    P = erlang:prepare_loading(code_a, file(code_a, 1, "")),
    Q = erlang:prepare_loading(code_a, file(code_a, 2, "")),
    R = [
        catch erlang:finish_loading(x),
        catch erlang:finish_loading([x]),
        catch erlang:finish_loading([P | x]),
        catch erlang:finish_loading([make_ref()]),
        catch erlang:finish_loading([P, Q]),
        erlang:module_loaded(code_a),
        catch erlang:finish_loading([]),
        catch erlang:finish_loading([Q]),
        code_a:v()
    ],
    gone(code_a),
    R.

t_many_at_once() ->
    Names = [code_a, code_b, code_c],
    P1 = [erlang:prepare_loading(N, file(N, 1, "")) || N <- Names],
    ok = erlang:finish_loading(P1),
    V1 = [N:v() || N <- Names],
    P2 = [erlang:prepare_loading(N, file(N, 2, "")) || N <- Names],
    ok = erlang:finish_loading(P2),
    V2 = [N:v() || N <- Names],
    P3 = [erlang:prepare_loading(N, file(N, 3, "")) || N <- Names],
    R = erlang:finish_loading(P3),
    erts_code_purger:purge(code_b),
    R2 = erlang:finish_loading(P3),
    V3 = [N:v() || N <- Names],
    [erts_code_purger:purge(N) || N <- Names],
    R3 = erlang:finish_loading(P3),
    V4 = [N:v() || N <- Names],
    lists:foreach(fun gone/1, Names),
    {V1, V2, R, R2, V3, R3, V4}.

t_atomic_load() ->
    Names = [code_a, code_b],
    R1 = code:atomic_load([{N, "x", file(N, 1, "")} || N <- Names]),
    V1 = [N:v() || N <- Names],
    R2 = code:atomic_load([{code_a, "x", file(code_a, 1, "")}, {code_b, "x", <<1>>}]),
    R3 = code:atomic_load([{code_a, "x", file(code_a, 1, "")}, {code_a, "x", file(code_a, 1, "")}]),
    lists:foreach(fun gone/1, Names),
    {R1, V1, R2, R3}.

t_delete() ->
    R0 = erlang:delete_module(code_never_seen),
    load(code_a, 1),
    R1 = erlang:delete_module(code_a),
    R2 = {erlang:module_loaded(code_a), erlang:check_old_code(code_a), catch code_a:v()},
    R3 = erlang:function_exported(code_a, v, 0),
    load(code_a, 2),
    R4 = {code_a:v(), catch erlang:delete_module(code_a), code_a:v()},
    R5 = erts_code_purger:purge(code_a),
    R6 = erts_code_purger:purge(code_a),
    R7 = erlang:delete_module(code_a),
    R8 = lists:member(code_a, erlang:loaded()),
    R9 = erts_code_purger:soft_purge(code_a),
    R10 = lists:member(code_a, erlang:loaded()),
    R11 = erlang:delete_module(code_a),
    R12 = erts_code_purger:soft_purge(code_a),
    {R0, R1, strip(R2), R3, strip(R4), R5, R6, R7, R8, R9, R10, R11, R12, catch erlang:delete_module(1)}.

strip(T) when is_tuple(T) -> list_to_tuple([strip(X) || X <- tuple_to_list(T)]);
strip([{M, F, _, _} | _]) when is_atom(M), is_atom(F) -> trace;
strip(X) -> X.

t_removed_exports() ->
    load(code_a, 1, "f() -> f. g() -> g.\n"),
    R1 = {code_a:f(), code_a:g()},
    load(code_a, 2, "f() -> f2.\n"),
    R2 = {code_a:f(), erlang:function_exported(code_a, g, 0), element(1, element(2, catch code_a:g()))},
    gone(code_a),
    {R1, R2}.

t_module_info() ->
    load(code_a, 1, "f() -> f.\n"),
    R = [
        lists:sort(erlang:get_module_info(code_a, exports)),
        lists:sort(erlang:get_module_info(code_a, functions)),
        erlang:get_module_info(code_a, module),
        erlang:get_module_info(code_a, nifs),
        [K || {K, _} <- erlang:get_module_info(code_a)],
        catch erlang:get_module_info(code_a, foo),
        is_binary(erlang:get_module_info(code_a, md5))
    ],
    gone(code_a),
    {strip_all(R), strip_all([catch erlang:get_module_info(code_a), catch erlang:get_module_info(code_a, md5)])}.

strip_all(L) -> [case X of {'EXIT', {Reason, _}} -> {'EXIT', Reason}; _ -> X end || X <- L].

%% Processes in old code.

t_purge_kills_who_waits_in_old_code() ->
    load(code_w, 1, waiter()),
    Pid = within(wait),
    load(code_w, 2, waiter()),
    R1 = erlang:check_process_code(Pid, code_w),
    R2 = erts_code_purger:soft_purge(code_w),
    R3 = {is_process_alive(Pid), erlang:check_old_code(code_w)},
    Ref = monitor(process, Pid),
    R4 = erts_code_purger:purge(code_w),
    R5 = receive {'DOWN', Ref, _, _, Reason} -> Reason after 1000 -> none end,
    R6 = {is_process_alive(Pid), erlang:check_old_code(code_w), code_w:v()},
    gone(code_w),
    {R1, R2, R3, R4, R5, R6}.

%% The example of the article on hot upgrade: a local loop is killed by the second load, one that
%% calls through its module goes on.
t_a_full_call_changes_to_the_new_code() ->
    load(code_w, 1, waiter()),
    Stays = within(loop),
    Moves = within(loop),
    A = [ask(P, {self(), 1}) || P <- [Stays, Moves]],
    load(code_w, 2, waiter()),
    B = [ask(P, {self(), 2}) || P <- [Stays, Moves]],
    Moves ! next,
    C = [ask(P, {self(), 3}) || P <- [Stays, Moves]],
    D = [erlang:check_process_code(P, code_w) || P <- [Stays, Moves]],
    E = erts_code_purger:purge(code_w),
    load(code_w, 3, waiter()),
    F = [is_process_alive(P) || P <- [Stays, Moves]],
    G = ask(Moves, {self(), 4}),
    Moves ! stop,
    gone(code_w),
    {A, B, C, D, E, F, G}.

t_a_frame_below_counts() ->
    load(code_w, 1, "call(F) -> X = F(), {v(), X}.\n"),
    Self = self(),
    Pid = spawn(fun() -> Self ! code_w:call(fun() -> receive go -> done end end) end),
    waits(Pid),
    load(code_w, 2, "call(F) -> X = F(), {v(), X}.\n"),
    R1 = erlang:check_process_code(Pid, code_w),
    R2 = erts_code_purger:soft_purge(code_w),
    Pid ! go,
    R3 = receive X -> X after 5000 -> timeout end,
    down(Pid),
    R4 = erts_code_purger:soft_purge(code_w),
    gone(code_w),
    {R1, R2, R3, R4}.

%% A process that has not run yet starts in the code that is there when it does.
t_a_process_starts_in_the_code_of_its_first_turn() ->
    Self = self(),
    Report = "go(To) -> To ! {started, v()}.\n",
    load(code_w, 1, Report),
    process_flag(priority, max),
    Pid = spawn_opt(code_w, go, [Self], [{priority, low}, {scheduler, erlang:system_info(scheduler_id)}]),
    erlang:suspend_process(Pid, [asynchronous]),
    Early = process_info(Pid, current_function),
    load(code_w, 2, Report),
    R = {erlang:check_process_code(Pid, code_w), erts_code_purger:purge(code_w)},
    erlang:resume_process(Pid),
    process_flag(priority, normal),
    V = receive {started, X} -> X after 5000 -> none end,
    gone(code_w),
    {Early, R, V}.

t_check_process_code() ->
    load(code_w, 1, waiter()),
    Pid = within(wait),
    R0 = erlang:check_process_code(Pid, code_w),
    load(code_w, 2, waiter()),
    R1 = erlang:check_process_code(Pid, code_w, [{allow_gc, false}]),
    R2 = erlang:check_process_code(Pid, code_w, [{async, my_id}]),
    R3 = receive {check_process_code, my_id, X} -> X after 5000 -> timeout end,
    R4 = erlang:check_process_code(self(), code_w),
    R5 = erlang:check_process_code(self(), not_a_module_at_all),
    exit(Pid, kill),
    R6 = erlang:check_process_code(Pid, code_w),
    R7 = strip_all([
        catch erlang:check_process_code(Pid, code_w, [x]),
        catch erlang:check_process_code(Pid, 1),
        catch erlang:check_process_code(x, code_w),
        catch erts_internal:purge_module(code_w, prepare),
        catch erts_internal:check_process_code(1)
    ]),
    gone(code_w),
    {R0, R1, R2, R3, R4, R5, R6, R7}.

t_stack_traces_of_purged_code() ->
    load(code_w, 1, "f(X) -> Y = g(X), {Y}.\ng(X) -> Y = X + 1, {Y}.\n"),
    {'EXIT', {badarith, Trace}} = (catch code_w:f(a)),
    Self = self(),
    %% The raw trace is held over the purge.
    Pid = spawn(fun() ->
        try code_w:f(a)
        catch error:E:Stack ->
            Self ! caught,
            receive go -> ok end,
            Self ! {E, length(Stack) >= 1}
        end
    end),
    receive caught -> ok end,
    load(code_w, 2, "other() -> 1.\n"),
    R1 = erlang:check_process_code(Pid, code_w),
    R2 = erts_code_purger:purge(code_w),
    Pid ! go,
    R3 = receive Got -> Got after 5000 -> timeout end,
    gone(code_w),
    {[{M, F, A} || {M, F, A, _} <- Trace, M =:= code_w], R1, R2, R3}.

%% Funs.

t_funs_do_not_hold_code() ->
    load(code_w, 1, waiter()),
    F = code_w:make_fun(x),
    Pid = held(fun() -> F end),
    R1 = ask(Pid, {self(), call, 1}),
    load(code_w, 2, "other() -> 1.\n"),
    R2 = erlang:check_process_code(Pid, code_w),
    R3 = ask(Pid, {self(), call, 2}),
    R4 = erts_code_purger:soft_purge(code_w),
    {called, {'EXIT', {Reason, _}}} = ask(Pid, {self(), call, 3}),
    R5 = {element(1, Reason), is_function(element(2, Reason))},
    R6 = is_process_alive(Pid),
    R7 = [element(2, erlang:fun_info(F, I)) || I <- [module, arity, type, env]],
    Pid ! stop,
    gone(code_w),
    {R1, R2, R3, R4, R5, R6, R7}.

t_funs_of_the_same_code_live_on() ->
    load(code_w, 1, waiter()),
    F = code_w:make_fun(x),
    load(code_w, 1, waiter()),
    R1 = F(1),
    R2 = erts_code_purger:purge(code_w),
    R3 = F(2),
    erlang:delete_module(code_w),
    R4 = F(3),
    erts_code_purger:purge(code_w),
    {'EXIT', {Reason, _}} = (catch F(4)),
    load(code_w, 1, waiter()),
    R5 = F(5),
    gone(code_w),
    {R1, R2, R3, R4, Reason, R5}.

t_a_fun_is_called_while_its_code_is_purged() ->
    R = [purge_around_call(Type, Keep) || Type <- [true, false], Keep <- [true, false]],
    R.

%% Hard or soft purge; with a process in the old code (Keep) or without.
purge_around_call(Hard, Keep) ->
    load(code_w, 1, waiter()),
    F = code_w:make_fun(x),
    Pid = held(fun() -> F end),
    In = within(wait),
    Keep orelse begin exit(In, kill), down(In) end,
    load(code_w, 2, "other() -> 1.\n"),
    Ref = make_ref(),
    Purger = whereis(erts_code_purger),
    Purger ! {test_purge, code_w, self(), Hard, Ref},
    receive {started, Ref} -> ok after 5000 -> exit(not_started) end,
    %% The addresses are gone: this call has to wait for the end of the purge.
    Pid ! {self(), call, 7},
    Early = receive {called, X1} -> X1 after 50 -> nothing_yet end,
    Status = process_info(Pid, status),
    Purger ! {continue, Ref},
    receive {continued, Ref} -> ok after 5000 -> exit(not_continued) end,
    Still = receive {called, X2} -> X2 after 50 -> nothing_yet end,
    Purger ! {complete, Ref},
    Result = receive {test_purge, Res, Ref} -> Res after 5000 -> exit(no_result) end,
    Late =
        receive
            {called, {'EXIT', {{Why, _}, _}}} -> Why;
            {called, X3} -> X3
        after 5000 -> timeout
        end,
    Pid ! stop,
    exit(In, kill),
    gone(code_w),
    {Early, Status, Still, Result, Late}.

%% Literals.

t_literals_outlive_their_code() ->
    load(code_w, 1, waiter()),
    Lit = code_w:lit(),
    Holders =
        [
            held(fun() -> code_w:lit() end),
            held(fun() -> {code_w:lit(), tl(hd(code_w:lits()))} end),
            held(fun() -> [code_w:lits() | code_w:lits()] end),
            held(fun() -> put(k, code_w:lit()), erlang:garbage_collect(), get(k) end),
            held(fun() -> L = element(2, code_w:lit()), [X || X <- [L, tl(L), tl(tl(L))]] end),
            held(fun() -> M = element(3, code_w:lit()), <<B:2/binary, _/binary>> = maps:get(five, M), {B, M#{more => 1}} end)
        ],
    Before = [ask(P, {self(), show}) || P <- Holders],
    %% In a mailbox, looked at and not; in a table; in a timer; in a persistent term.
    Box = spawn(fun() -> receive {From, give} -> From ! [receive {later, L} -> L end, receive {timed, L} -> L end] end end),
    Box ! {later, code_w:lit()},
    T = ets:new(t, []),
    ets:insert(T, {1, code_w:lit()}),
    erlang:send_after(100, Box, {timed, code_w:lit()}),
    persistent_term:put(code_w_lit, code_w:lit()),
    load(code_w, 2, "other() -> 1.\n"),
    R1 = erts_code_purger:purge(code_w),
    ok = collected(),
    %% Let something else lie where the literals lay.
    load(code_w, 3, "other() -> {[x, y, z, {1, 2, 3}], [5, 6, 7, 8, 9, 10], #{a => b, c => d}, \"0123456789012345678901234567890123456789\"}.\n"),
    After = [ask(P, {self(), show}) || P <- Holders],
    [erlang:garbage_collect(P) || P <- Holders],
    Again = [ask(P, {self(), show}) || P <- Holders],
    R2 = {Before =:= After, Before =:= Again},
    R3 = ask(Box, {self(), give}),
    R4 = ets:lookup(T, 1),
    R5 = Lit =:= hd(R3),
    R6 = persistent_term:get(code_w_lit),
    persistent_term:erase(code_w_lit),
    [P ! stop || P <- Holders],
    gone(code_w),
    {R1, R2, R3, R4, R5, R6, Lit, Before}.

t_persistent_terms_are_replaced() ->
    persistent_term:put(code_k, {old, [1, 2, 3], "text"}),
    Pid = held(fun() -> persistent_term:get(code_k) end),
    persistent_term:put(code_k, {new, [1, 2, 3], "text"}),
    ok = collected(),
    [persistent_term:put({code_k, N}, {N, lists:seq(1, 100)}) || N <- lists:seq(1, 50)],
    A = ask(Pid, {self(), show}),
    erlang:garbage_collect(Pid),
    B = ask(Pid, {self(), show}),
    C = persistent_term:get(code_k),
    [persistent_term:erase({code_k, N}) || N <- lists:seq(1, 50)],
    D = persistent_term:erase(code_k),
    E = persistent_term:erase(code_k),
    Pid ! stop,
    {A, B, C, D, E, persistent_term:get(code_k, none)}.

t_heavy_literals_pass_while_they_are_purged() ->
    %% A ring passes literals on while the module is replaced over and over.
    load(code_w, 0, waiter()),
    Self = self(),
    Last = spawn_link(fun() -> sink(Self) end),
    Ring = lists:foldl(fun(_, Next) -> spawn_link(fun() -> pass(Next) end) end, Last, lists:seq(1, 20)),
    Want = code_w:lit(),
    Files = [file(code_w, V, waiter()) || V <- [1, 2]],
    Count =
        lists:sum([
            begin
                Ring ! {item, code_w:lit()},
                erts_code_purger:purge(code_w),
                {module, code_w} = erlang:load_module(code_w, File),
                1
            end
         || _ <- lists:seq(1, 20), File <- Files
        ]),
    Ring ! stop,
    R = receive {sunk, Items} -> {length(Items), lists:all(fun(I) -> I =:= Want end, Items)} after 20000 -> timeout end,
    gone(code_w),
    {Count, R}.

pass(Next) ->
    receive
        {item, I} -> Next ! {item, I}, pass(Next);
        stop -> Next ! stop
    end.

sink(To) -> sink(To, []).
sink(To, Items) ->
    receive
        {item, I} -> sink(To, [I | Items]);
        stop -> To ! {sunk, Items}
    end.

%% on_load.

-define(ON_LOAD(Body), "-on_load(init/0).\ninit() -> " Body ".\n").

t_on_load_says_yes() ->
    Bytes = file(code_o, 1, ?ON_LOAD("ok")),
    R = {code:load_binary(code_o, "code_o", Bytes), code_o:v()},
    gone(code_o),
    R.

t_on_load_says_no() ->
    load(code_o, 1),
    R1 = code:load_binary(code_o, "code_o", file(code_o, 2, ?ON_LOAD("no"))),
    V = code_o:v(),
    R2 = erlang:check_old_code(code_o),
    R3 = code:load_binary(code_o, "code_o", file(code_o, 3, ?ON_LOAD("{error, reason}"))),
    V3 = code_o:v(),
    R4 = code:load_binary(code_o, "code_o", file(code_o, 4, ?ON_LOAD("erlang:error(bad)"))),
    R5 = code:load_binary(code_o, "code_o", file(code_o, 4, ?ON_LOAD("exit(bad)"))),
    V5 = code_o:v(),
    gone(code_o),
    {R1, V, R2, R3, V3, R4, R5, V5}.

t_on_load_fails_with_old_code_there() ->
    load(code_o, 1, waiter()),
    Pid = within(code_o, wait),
    load(code_o, 2, waiter()),
    %% code:load_binary purges first, so the low way.
    P = erlang:prepare_loading(code_o, file(code_o, 3, ?ON_LOAD("no"))),
    R1 = catch erlang:finish_loading([P]),
    exit(Pid, kill),
    gone(code_o),
    R1.

t_on_load_low_level() ->
    load(code_o, 1),
    P = erlang:prepare_loading(code_o, file(code_o, 2, ?ON_LOAD("ok"))),
    R0 = erlang:has_prepared_code_on_load(P),
    R1 = erlang:finish_loading([P]),
    R2 = {code_o:v(), erlang:module_loaded(code_o), erlang:check_old_code(code_o)},
    R3 = erts_code_purger:finish_after_on_load(code_o, true),
    R4 = {code_o:v(), erlang:check_old_code(code_o)},
    R5 = strip_all([catch erlang:finish_after_on_load(code_o, true), catch erlang:finish_after_on_load(code_o, x)]),
    Two = [erlang:prepare_loading(N, file(N, 2, ?ON_LOAD("ok"))) || N <- [code_a, code_o]],
    R6 = strip_all([catch erlang:finish_loading(Two)]),
    gone(code_o),
    {R0, R1, R2, R3, R4, R5, R6}.

t_callers_wait_for_on_load() ->
    Path = filename:join([os:getenv("TMPDIR", "/tmp"), "code_loading_" ++ os:getpid()]),
    ok = filelib:ensure_path(Path),
    register(code_loading_main, self()),
    Bytes = file(code_o, 1, ?ON_LOAD("code_loading_main ! {self(), here}, receive go -> ok end")),
    File = filename:join(Path, "code_o.beam"),
    ok = file:write_file(File, Bytes),
    true = code:add_patha(Path),
    Self = self(),
    Pids = [spawn(fun() -> Self ! {v, catch code_o:v()} end) || _ <- [1, 2, 3]],
    Runner = receive {P, here} -> P after 5000 -> exit(not_run) end,
    Early = receive {v, X} -> X after 50 -> nothing_yet end,
    Runner ! go,
    All = [receive {v, V} -> V after 5000 -> timeout end || _ <- Pids],
    code:del_path(Path),
    ok = file:delete(File),
    file:del_dir(Path),
    gone(code_o),
    {Early, All}.

t_on_load_may_call_itself() ->
    Bytes = file(code_o, 1, ?ON_LOAD("put(x, 1), R = helper(3), {3, 6} = {3, R}, ok") ++ "helper(X) -> F = fun(Y) -> X + Y end, F(3).\n"),
    R = {code:load_binary(code_o, "code_o", Bytes), code_o:helper(1)},
    gone(code_o),
    R.

%% Functions that are to be natives are ordinary ones until a library is loaded.
t_nifs_attribute() ->
    Text =
        "-nifs([f/0, g/1]).\nf() -> erlang:nif_error(not_loaded).\ng(X) -> {erlang, X}.\n"
        "bind() -> erlang:load_nif(\"/no/such/library\", 0).\n",
    load(code_n, 1, Text),
    {error, {Why, Says}} = code_n:bind(),
    R = {
        erlang:get_module_info(code_n, nifs),
        strip_all([catch code_n:f()]),
        code_n:g(1),
        {Why, io_lib:printable_list(Says)},
        strip_all([catch erlang:load_nif(x, 0)]),
        lists:sort([F || {F, _} <- erlang:get_module_info(code_n, functions)])
    },
    gone(code_n),
    %% The compiler says no to what is not there.
    {R, strip_all([catch compiled(code_n, 1, "-nifs([not_there/0]).\n")])}.

t_a_failed_load_of_natives_fails_on_load() ->
    Text = "-nifs([f/0]).\n" ++ ?ON_LOAD("erlang:load_nif(\"/no/such/library\", 0)") ++ "f() -> 1.\n",
    R = {code:load_binary(code_n, "code_n", file(code_n, 1, Text)), erlang:module_loaded(code_n)},
    gone(code_n),
    R.

%% Many at once.

%% Files that take long to prepare, each in a process of its own, and one commit.
t_heavy_large_modules_are_prepared_in_parallel() ->
    Names = [list_to_atom("code_l" ++ integer_to_list(N)) || N <- lists:seq(1, 4)],
    More = [
        ["f", integer_to_list(N), "(X) -> {X, \"text\", [X | ", integer_to_list(N), "]}.\n"]
     || N <- lists:seq(1, 800)
    ],
    Files = [{N, file(N, 1, lists:flatten(More))} || N <- Names],
    Self = self(),
    [spawn_link(fun() -> Self ! {N, erlang:prepare_loading(N, F)} end) || {N, F} <- Files],
    Prepared = [receive {N, P} -> P after 50000 -> exit(timeout) end || N <- Names],
    R = {[byte_size(F) > 20000 || {_, F} <- Files], erlang:finish_loading(Prepared), [N:f7(N) || N <- Names]},
    lists:foreach(fun gone/1, Names),
    R.

t_heavy_loaders_in_parallel() ->
    Names = [list_to_atom("code_p" ++ integer_to_list(N)) || N <- lists:seq(1, 6)],
    Files = [{N, [file(N, V, waiter()) || V <- lists:seq(1, 3)]} || N <- Names],
    Self = self(),
    Pids = [spawn_link(fun() -> Self ! {self(), loads(N, Fs, 20)} end) || {N, Fs} <- Files],
    R = [receive {P, X} -> X after 50000 -> timeout end || P <- Pids],
    lists:foreach(fun gone/1, Names),
    R.

loads(Name, Files, Times) ->
    lists:usort([
        begin
            erts_code_purger:purge(Name),
            {module, Name} = erlang:load_module(Name, F),
            Name:v()
        end
     || _ <- lists:seq(1, Times), F <- Files
    ]).

%% What is done for each export and fun of a large module is done beside the schedulers.
t_heavy_a_large_module_comes_and_goes() ->
    Text = [
        io_lib:format("g~b(X) -> {fun(Y) -> {v(), X, Y, ~b} end, \"text ~b\"}.\n", [N, N, N])
     || N <- lists:seq(1, 260)
    ],
    More = lists:flatten(Text) ++ waiter(),
    load(code_w, 1, More),
    {F1, T1} = code_w:g7(a),
    Pid = within(wait),
    load(code_w, 2, More),
    {F2, T2} = code_w:g260(b),
    R1 = {F1(x), T1, F2(y), T2, erlang:check_process_code(Pid, code_w)},
    %% A purge that is given up.
    R2 = {[erts_code_purger:soft_purge(code_w) || _ <- lists:seq(1, 20)], F1(z), catch erlang:load_module(code_w, file(code_w, 1, More))},
    Pid ! {self(), stop},
    R3 = receive stopped -> down(Pid) end,
    R4 = {erts_code_purger:soft_purge(code_w), F2(u), strip_all([catch F1(v)]), T1},
    erlang:prepare_loading(code_w, file(code_w, 1, More)),
    erlang:garbage_collect(),
    Calls = fun() -> [catch element(2, code_w:F(1)) || F <- [g1, g200, g260]] end,
    R5 = [Calls(), erlang:delete_module(code_w), strip_all(Calls()), F2(w)],
    gone(code_w),
    {R1, R2, R3, R4, R5, erlang:module_loaded(code_w)}.

%% Stacks and heaps that take long to look through.
t_heavy_deep_stacks_and_large_heaps_are_searched() ->
    More = waiter() ++ "under(F) -> {F(), v()}.\n",
    load(code_w, 1, More),
    Self = self(),
    Rest = fun() -> Self ! self(), receive {From, go} -> From ! gone end end,
    Deep = fun
        Deep(0) -> Rest(), 0;
        Deep(N) -> 1 + Deep(N - 1)
    end,
    Last = fun() -> receive {From, stop} -> From ! stopped end end,
    Ps = [
        spawn(fun() -> code_w:under(fun() -> Deep(100000) end), Last() end),
        spawn(fun() -> Deep(100000), Last() end),
        spawn(fun() -> hold({lists:seq(1, 300000), code_w:lit()}) end)
    ],
    [receive P -> ok end || P <- lists:sublist(Ps, 2)],
    waits(lists:last(Ps)),
    Lit = {lists:seq(1, 300000), code_w:lit()},
    %% One that asks about itself.
    Asks = fun() -> receive go -> Self ! {asked, asks(50000, code_w)} end end,
    Asking = [spawn(fun() -> code_w:under(Asks) end), spawn(Asks)],
    [waits(P) || P <- Asking],
    load(code_w, 2),
    Check = fun() -> [erlang:check_process_code(P, code_w) || P <- Ps] end,
    R1 = Check(),
    R2 = [begin P ! go, receive {asked, A} -> A end end || P <- Asking],
    [ask(P, {self(), go}) || P <- lists:sublist(Ps, 2)],
    [waits(P) || P <- Ps],
    R3 = Check(),
    R4 = erts_code_purger:purge(code_w),
    ok = collected(),
    {held, Held} = ask(lists:last(Ps), {self(), show}),
    R5 = Held =:= Lit,
    [exit(P, kill) || P <- Ps],
    gone(code_w),
    {R1, R2, R3, R4, R5}.
asks(0, M) -> {erlang:check_process_code(self(), M), 0};
asks(N, M) -> {R, K} = asks(N - 1, M), {R, K + 1}.
