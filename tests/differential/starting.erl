%% `init`: what it tells of the start, and its requests as a running system answers them.
-module(starting).
-compile([export_all, nowarn_export_all]).

try_it(F) -> try F() catch C:R -> {C, R} end.

t_arguments() -> [A || {Flag, _} = A <- init:get_arguments(), not lists:member(Flag, [progname, bindir, light])].

t_argument() ->
    [{F, init:get_argument(F)}
     || F <- [home, root, noshell, noinput, run, no_such_flag, boot, "home", 1, {x}]].

t_plain_arguments() -> init:get_plain_arguments().

t_status() -> init:get_status().

t_script() -> [init:script_id(), is_list(init:script_name())].

t_ensure_loaded() ->
    [try_it(fun() -> init:ensure_loaded(M) end) || M <- [lists, no_such_module]].

t_fetch_loaded() -> is_list(init:fetch_loaded()).

%% It is not: `-run` is part of the start.
t_notify_when_started() -> init:notify_when_started(self()).

t_configfd() -> [init:get_configfd(99), init:set_configfd(99, [x]), init:get_configfd(99)].

t_code_path_choice() -> init:code_path_choice().

t_objfile_extension() -> init:objfile_extension().

t_make_permanent() ->
    {ok, Here} = file:get_cwd(),
    [init:make_permanent(filename:join(Here, "no_such_boot"), false)
     | [try_it(fun() -> init:make_permanent(B, C) end) || {B, C} <- [{x, false}, {"x", 1}, {"", ""}]]].

t_bad_requests() ->
    [try_it(fun() -> init:F(X) end)
     || {F, X} <- [{stop, x}, {stop, -1}, {stop, [a]}, {stop, {}}, {restart, x}, {restart, [x]},
                   {restart, [{mode, x}]}, {restart, [{x, embedded}]}]].

t_unknown_message() ->
    init ! nonsense,
    init ! {self(), nonsense},
    {init:get_status(), receive M -> M after 0 -> none end}.

t_run_on_load_handlers() -> try_it(fun() -> init:run_on_load_handlers([no_such_module], not_a_debugger) end).

%% The loader beneath `code`.
t_loader() ->
    {ok, Paths} = erl_prim_loader:get_path(),
    {ok, B, Full} = erl_prim_loader:get_file("lists.beam"),
    [is_list(hd(Paths)), is_binary(B), filename:basename(Full), erl_prim_loader:get_file("no_such.beam"),
     erl_prim_loader:list_dir("/no/such/folder"), erl_prim_loader:read_file_info("/no/such/file"),
     erl_prim_loader:read_link_info("/no/such/file"), element(1, erl_prim_loader:get_cwd()),
     try_it(fun() -> erl_prim_loader:get_file(1) end),
     try_it(fun() -> erl_prim_loader:set_path(x) end),
     try_it(fun() -> erl_prim_loader:set_path([x, 1]) end),
     element(1, erl_prim_loader:list_dir("/")), element(1, erl_prim_loader:read_file_info("/"))].
