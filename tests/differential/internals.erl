%% Natives that OTP's own modules call: `erts_internal`, and what else no other family names.
-module(internals).
-compile([export_all, nowarn_export_all, nowarn_deprecated_function]).

try_it(F) -> try F() catch C:R -> {C, R} end.

tried(Module, Calls) ->
    [{F, Args, try_it(fun() -> shape(apply(Module, F, Args)) end)} || {F, Args} <- Calls].

shape(X) when is_reference(X) -> reference;
shape(X) when is_pid(X) -> pid;
shape(X) -> X.

terms() -> [1, 1.5, 1 bsl 70, -(1 bsl 70), a, [], [a], [a | b], {}, {a}, #{}, #{a => 1}, <<>>, <<"a">>,
            <<1:3>>, fun erlang:abs/1, self(), make_ref()].

t_cmp_term() ->
    Terms = [1, 1.0, 2, -1, 1.5, 1 bsl 70, 1.0e30, a, b, "ab", [1], [1.0], {1}, {1.0}, {a, b}, <<>>, <<"a">>,
             #{}, #{1 => a}, #{1.0 => a}, #{1 => a, b => c}],
    [{A, B, erts_internal:cmp_term(A, B)} || A <- Terms, B <- Terms].

t_term_type() ->
    [erts_internal:term_type(T)
     || T <- terms() ++ [fun() -> ok end, maps:from_list([{I, I} || I <- lists:seq(1, 100)]),
                         binary:copy(<<"x">>, 100), binary:part(binary:copy(<<"x">>, 100), 1, 80),
                         hd([P || P <- erlang:ports()])]].

t_maps() ->
    Small = #{a => 1, b => 2},
    Large = maps:from_list([{I, I} || I <- lists:seq(1, 50)]),
    [try_it(fun() -> erts_internal:map_to_tuple_keys(M) end) || M <- [Small, #{}, Large, x, []]]
        ++ [try_it(fun() -> tuple_size(erts_internal:map_hashmap_children(M)) > 0 end) || M <- [Large]]
        ++ [try_it(fun() -> erts_internal:map_hashmap_children(M) end) || M <- [Small, #{}, x]]
        ++ [try_it(fun() -> erts_internal:map_next(0, Small, How) end) || How <- [iterator, [], x]]
        ++ [try_it(fun() -> lists:sort(erts_internal:map_next(0, Small, [])) end),
            try_it(fun() -> erts_internal:map_next(x, Small, iterator) end),
            try_it(fun() -> erts_internal:map_next(0, x, iterator) end),
            steps(erts_internal:map_next(0, Large, iterator))].

steps(none) -> 0;
steps({_, _, [Path | Map]}) -> 1 + steps(erts_internal:map_next(Path, Map, iterator));
steps({_, _, Rest}) -> 1 + steps(Rest).

t_counters() ->
    A = erts_internal:counters_new(3),
    tried(erts_internal, [{F, Args} || {F, Args} <- [{counters_put, [A, 1, 5]}, {counters_add, [A, 1, -7]},
        {counters_get, [A, 1]}, {counters_get, [A, 0]}, {counters_get, [A, 4]}, {counters_add, [A, 1, x]},
        {counters_put, [A, 1, 1 bsl 70]}, {counters_get, [x, 1]}]], A)
        ++ tried(erts_internal, [{counters_new, [N]} || N <- [0, -1, x, 1]])
        ++ [lists:sort(maps:keys(erts_internal:counters_info(A))),
            try_it(fun() -> erts_internal:counters_info(x) end)].

%% As `tried/2`, without the reference.
tried(Module, Calls, Hidden) ->
    [{F, [case A of Hidden -> it; _ -> A end || A <- Args], Value}
     || {F, Args, Value} <- tried(Module, Calls)].

t_atomics() ->
    tried(erts_internal, [{atomics_new, [N, O]} || N <- [1, 0, -1, x], O <- [0, 1, x, -1]]).

t_units() ->
    [erts_internal:time_unit(), erts_internal:perf_counter_unit(), os:perf_counter() > 0,
     os:perf_counter(second) >= 0, try_it(fun() -> os:perf_counter(x) end)].

t_system_processes() ->
    System = [P || P <- processes(), erts_internal:is_system_process(P)],
    [lists:sort([element(2, element(2, erlang:process_info(P, current_function))) =/= x || P <- System]) =/= [],
     erts_internal:is_system_process(self()), erts_internal:is_system_process(whereis(init))]
        ++ [try_it(fun() -> erts_internal:is_system_process(X) end) || X <- [x, 1, make_ref()]].

t_executing_dirty() ->
    [try_it(fun() -> erts_internal:is_process_executing_dirty(X) end) || X <- [self(), whereis(init), x, 1]]
        ++ [try_it(fun() -> erts_internal:dirty_process_handle_signals(X) end) || X <- [self(), x]]
        ++ [try_it(fun() -> erts_internal:check_dirty_process_code(P, M) end)
            || {P, M} <- [{self(), lists}, {whereis(init), no_such_module}, {x, lists}, {self(), 1}]].

t_system_tasks() ->
    P = spawn(fun() -> receive stop -> ok end end),
    R = [begin
             Id = make_ref(),
             A = try_it(fun() -> erts_internal:request_system_task(P, normal, list_to_tuple([Kind, {Id} | More])) end),
             Answer = case A of
                 ok -> receive {Kind, {Id}, Value} -> Value; {K, {Id}, V} -> {K, V} after 5000 -> nothing end;
                 _ -> none
             end,
             {Kind, More, A, Answer}
         end || {Kind, More} <- [{garbage_collect, [major]}, {garbage_collect, [minor]},
                                 {check_process_code, [lists]}, {check_process_code, [no_such_module]},
                                 {nonsense, [x]}, {garbage_collect, [x]}]],
    E = [{Args, try_it(fun() -> apply(erts_internal, request_system_task, Args) end)}
         || Args <- [[x, normal, {garbage_collect, 1, major}], [self(), x, {garbage_collect, 1, major}],
                     [self(), normal, x], [self(), normal, {}]], is_atom(hd(Args)) orelse true],
    P ! stop,
    {R, [V || {_, V} <- E]}.

t_process_display() ->
    [try_it(fun() -> erts_internal:process_display(P, What) end)
     || {P, What} <- [{self(), x}, {x, backtrace}, {1, backtrace}, {self(), 1}]].

t_beam_files() ->
    Binary = binary(),
    Chunks = [{C, try_it(fun() -> is_binary(erts_internal:beamfile_chunk(Binary, C)) end)}
              || C <- ["Attr", "CInf", "Code", "AtU8", "ImpT"]],
    E = [try_it(fun() -> erts_internal:beamfile_chunk(B, C) end)
         || {B, C} <- [{Binary, "None"}, {Binary, x}, {Binary, "Att"}, {<<>>, "Attr"}, {x, "Attr"},
                       {<<"FOR1", 0:32, "BEAM">>, "Attr"}, {binary:part(Binary, 0, 100), "Attr"}]],
    {Chunks, E, erts_internal:beamfile_module_md5(Binary) =:= element(2, element(2, beam_lib:md5(Binary))),
     [try_it(fun() -> erts_internal:beamfile_module_md5(B) end) || B <- [<<>>, x, <<"FOR1">>]],
     [try_it(fun() -> erts_internal:prepare_loading(M, B) end)
      || {M, B} <- [{x, <<>>}, {1, Binary}, {other, Binary}, {x, y}, {x, <<"FOR1", 0:32, "BEAM">>}]]}.

binary() ->
    Forms = [{attribute, 1, module, small}, {attribute, 2, export, [{f, 0}]},
             {function, 3, f, 0, [{clause, 3, [], [], [{atom, 3, ok}]}]}],
    {ok, small, Binary} = compile:forms(Forms, []),
    Binary.

t_tables() ->
    T = ets:new(t, [public]),
    ets:insert(T, [{1, a}, {2, binary:copy(<<"x">>, 100)}]),
    O = ets:new(o, [ordered_set]),
    ets:insert(O, [{I} || I <- lists:seq(1, 3)]),
    [length(erts_internal:ets_lookup_binary_info(T, 2)), erts_internal:ets_lookup_binary_info(T, 1),
     try_it(fun() -> erts_internal:ets_lookup_binary_info(x, 1) end),
     erts_internal:ets_raw_first(O), erts_internal:ets_raw_next(O, 1), erts_internal:ets_raw_next(O, 3),
     try_it(fun() -> erts_internal:ets_raw_next(O, 9) end),
     try_it(fun() -> erts_internal:ets_raw_first(x) end),
     try_it(fun() -> erts_internal:ets_super_user(x) end), erts_internal:ets_super_user(false)].

t_super_user() ->
    T = ets:new(t, [private]),
    Self = self(),
    spawn(fun() ->
        Before = try_it(fun() -> ets:info(T, size) end),
        erts_internal:ets_super_user(true),
        Read = try_it(fun() -> ets:lookup(T, 1) end),
        erts_internal:ets_super_user(false),
        Self ! {read, Before, Read, try_it(fun() -> ets:lookup(T, 1) end)}
    end),
    receive {read, A, B, {C, D}} -> {A, B, C, D}; Other -> Other end.

t_creation() -> [is_integer(erts_internal:get_creation()), erts_internal:no_aux_work_threads() > 0].

t_ports() ->
    P = open_port({spawn, "cat"}, []),
    R = [{F, Args, try_it(fun() -> apply(erts_internal, F, [P | Args]) =/= x end)}
         || {F, Args} <- [{port_info, []}, {port_info, [name]}, {port_command, ["x", []]}]],
    E = [{F, Args, try_it(fun() -> apply(erts_internal, F, Args) end)}
         || {F, Args} <- [{port_info, [x]}, {port_info, [x, name]}, {port_info, [1]}, {port_command, [x, "a", []]},
                          {port_connect, [x, x]}, {port_close, [x]}, {port_control, [x, 1, []]},
                          {port_call, [x, 1, y]}, {open_port, [x, []]}, {open_port, [{spawn, "x"}, x]}]],
    receive {P, {data, "x"}} -> port_close(P) end,
    {R, E}.

t_port_data() ->
    P = open_port({spawn, "cat"}, []),
    R = [erlang:port_get_data(P), erlang:port_set_data(P, {a, [1]}), erlang:port_get_data(P),
         erlang:port_set_data(P, 1), erlang:port_get_data(P)],
    port_close(P),
    {R, [try_it(fun() -> erlang:F(X) end) || F <- [port_get_data], X <- [x, 1, P]],
     [try_it(fun() -> erlang:port_set_data(X, y) end) || X <- [x, 1, P]]}.

t_modules_of_the_runtime() -> [lists:sort(erlang:pre_loaded()), is_list(erlang:loaded())].

t_dates() ->
    {{_, _, _}, {_, _, _}} = erlang:localtime(),
    {{_, _, _}, {_, _, _}} = erlang:universaltime(),
    {Y, M, D} = erlang:date(),
    {H, Mi, S} = erlang:time(),
    {Mega, Sec, Micro} = erlang:now(),
    [Y > 2000, M, D > 0, H < 24, Mi < 60, S < 61, Mega > 1000, Sec < 1000000, Micro < 1000000,
     erlang:now() < erlang:now()] -- [M].

t_tags() ->
    [erlang:dt_get_tag(), erlang:dt_get_tag_data(), erlang:dt_put_tag(x), erlang:dt_put_tag(<<"x">>),
     erlang:dt_prepend_vm_tag_data(<<"a">>), erlang:dt_append_vm_tag_data(<<"a">>),
     erlang:dt_prepend_vm_tag_data(x), erlang:dt_append_vm_tag_data([1]), erlang:dt_spread_tag(true),
     erlang:dt_restore_tag(true), try_it(fun() -> erlang:dt_spread_tag(x) end),
     try_it(fun() -> erlang:dt_restore_tag(x) end)].

t_fun_mfa() ->
    F = fun(X) -> X end,
    {M, Name, Arity} = erlang:fun_info_mfa(F),
    [M, is_atom(Name), Arity | [try_it(fun() -> erlang:fun_info_mfa(X) end) || X <- [x, 1, fun lists:map/2]]].

t_abandoned() ->
    R = erlang:spawn_request(erlang, abs, [1], []),
    receive {spawn_reply, R, ok, _} -> ok end,
    [erlang:spawn_request_abandon(R), erlang:spawn_request_abandon(make_ref())
     | [try_it(fun() -> erlang:spawn_request_abandon(X) end) || X <- [x, 1, self()]]].

t_displays() ->
    [try_it(fun() -> erlang:F(X) end)
     || F <- [display_string], X <- ["", x, 1, [a], <<"x">>, [$a | b]]].

t_exit_signals() ->
    process_flag(trap_exit, true),
    P = spawn_link(fun() -> process_flag(trap_exit, true), receive {'EXIT', _, Why} -> exit({got, Why}) end end),
    R = try_it(fun() -> erlang:exit_signal(P, because) end),
    Got = receive {'EXIT', P, W} -> W after 2000 -> none end,
    [R, Got | [try_it(fun() -> erlang:exit_signal(X, y) end) || X <- [x, 1, []]]].

t_trace_delivered() -> [try_it(fun() -> erlang:trace_delivered(X) end) || X <- [x, 1]].

t_on_load() ->
    [try_it(fun() -> erlang:call_on_load_function(M) end) || M <- [no_such_module, 1]]
        ++ [try_it(fun() -> erlang:finish_after_on_load(M, B) end) || {M, B} <- [{no_such_module, true}, {1, x}]].

t_encodings() ->
    [file:native_name_encoding(), io:printable_range(), error_logger:warning_map(),
     unicode:bin_is_7bit(<<"abc">>), unicode:bin_is_7bit(<<200>>), unicode:bin_is_7bit(<<>>),
     try_it(fun() -> unicode:bin_is_7bit(x) end), try_it(fun() -> unicode:bin_is_7bit(<<1:3>>) end)].

t_net_kernel() -> [try_it(fun() -> net_kernel:dflag_unicode_io(X) end) || X <- [self(), x, 1]].

t_ets_internals() ->
    T = ets:new(t, [public]),
    ets:insert(T, [{I, I rem 3} || I <- lists:seq(1, 30)]),
    [ets:internal_select_delete(T, [{{'_', 1}, [], [true]}]), ets:info(T, size),
     ets:internal_delete_all(T, undefined), ets:info(T, size),
     try_it(fun() -> ets:internal_select_delete(x, []) end), try_it(fun() -> ets:internal_delete_all(x, undefined) end),
     ets:match_spec_run_r([{1}, {2}, x], ets:match_spec_compile([{{'$1'}, [], ['$1']}]), [z]),
     try_it(fun() -> ets:match_spec_run_r([{1}], x, []) end),
     try_it(fun() -> ets:match_spec_run_r(x, ets:match_spec_compile([{'_', [], ['$_']}]), []) end)].

t_re_internal() ->
    [try_it(fun() -> re:internal_run(S, R, O, F) end)
     || {S, R, O, F} <- [{"abc", "b", [], true}, {"abc", "b", [], false}, {"abc", "(", [], true},
                         {"abc", "b", [x], true}, {x, "b", [], true}, {"abc", "b", [], x},
                         {"aba", "a", [global], true}]].

t_debug() ->
    erts_debug:dirty_cpu(wait, 1),
    [try_it(fun() -> erts_debug:dirty_cpu(X, Y) end) || {X, Y} <- [{wait, x}, {y, x}]]
        ++ [try_it(fun() -> erts_debug:disassemble(X) end) || X <- [x, {no_such_module, f, 0}, {lists, nosuch, 1}]]
        ++ [try_it(fun() -> erts_debug:get_internal_state(X) end) || X <- [x, {nonsense, 1}]].

t_of_system_processes_only() ->
    [try_it(fun() -> erts_literal_area_collector:release_area_switch() end),
     try_it(fun() -> erts_literal_area_collector:send_copy_request(self(), x, y) end)].

t_all_tables() ->
    Ref = ets:internal_request_all(),
    case Ref of
        {R, N} when is_reference(R) -> [is_list(receive {R, L} -> L end) || _ <- lists:seq(1, N)] =/= [];
        Other -> shape(Other)
    end.

t_flags_of_code() ->
    [try_it(fun() -> erts_internal:purge_module(M, O) end)
     || {M, O} <- [{1, prepare}, {no_such_module, x}, {no_such_module, prepare}, {no_such_module, abort},
                   {no_such_module, complete}]].

t_scheduler_times() ->
    [try_it(fun() -> erts_internal:scheduler_wall_time(X) end) || X <- [x, 1]]
        ++ [try_it(fun() -> erts_internal:system_flag_scheduler_wall_time(X) end) || X <- [x]].

t_spawn_request() ->
    [try_it(fun() -> shape(erts_internal:spawn_request(M, F, A, O)) end)
     || {M, F, A, O} <- [{1, f, [], []}, {m, 1, [], []}, {m, f, x, []}, {m, f, [], x}, {m, f, [], [x]}]].

%% Nodes that external pids, ports and references speak of.

mk_pid(Name, Creation) ->
    binary_to_term(<<131, 88, 119, (byte_size(Name)), Name/binary, 4711:32, 1:32, Creation:32>>).

mk_port(Name, Creation) ->
    binary_to_term(<<131, 89, 119, (byte_size(Name)), Name/binary, 4711:32, Creation:32>>).

mk_ref(Name, Creation) ->
    binary_to_term(<<131, 90, 3:16, 119, (byte_size(Name)), Name/binary, Creation:32, 4711:32, 47:32, 11:32>>).

with_states(Fun) ->
    #{level := Level} = logger:get_primary_config(),
    logger:set_primary_config(level, none),
    Was = erts_debug:set_internal_state(available_internal_state, true),
    Result = Fun(),
    erts_debug:set_internal_state(available_internal_state, Was),
    sys:get_state(logger),
    logger:set_primary_config(level, Level),
    Result.

%% How many references to a node there are, and of which kinds; what is said of its name.
held(Name, Creation) ->
    erlang:garbage_collect(),
    {{node_references, Nodes}, {dist_references, Dists}} =
        erts_debug:get_internal_state(node_and_dist_references),
    Node = binary_to_atom(Name),
    {case lists:keyfind({Node, Creation}, 1, Nodes) of
         {_, Count, Holders} ->
             Kinds = lists:sort([{holder(Who), Kinds} || {Who, Kinds} <- Holders]),
             {Count, lists:sum([N || {_, Ks} <- Kinds, {_, N} <- Ks]), Kinds};
         false -> false
     end,
     case lists:keyfind(Node, 1, Dists) of
         {_, Names, By} -> {Names, length(By)};
         false -> false
     end}.

holder({process, Pid}) when Pid =:= self() -> me;
holder({process, _}) -> process;
holder({Kind, _}) -> Kind.

t_references_to_nodes() ->
    with_states(fun() ->
        Name = <<"t_references_to_nodes@nowhere">>,
        None = held(Name, 1),
        Mine = {mk_pid(Name, 1), mk_port(Name, 1), mk_ref(Name, 1)},
        One = held(Name, 1),
        Other = mk_pid(Name, 2),
        Two = {held(Name, 1), held(Name, 2)},
        Tab = ets:new(x, []),
        true = ets:insert(Tab, [{1, Mine}, {2, Other, Mine}]),
        Stored = {held(Name, 1), held(Name, 2)},
        ets:delete(Tab, 1),
        Less = {held(Name, 1), held(Name, 2)},
        ets:delete(Tab),
        Timer = erlang:start_timer(100000, self(), {Mine, Other}),
        Timed = case held(Name, 2) of {{N, N, [{me, Ks}]}, D} -> {N, lists:sort(Ks), D} end,
        erlang:cancel_timer(Timer),
        self() ! {message, Mine, Other},
        receive {message, A, B} -> true = {A, B} =:= {Mine, Other} end,
        {None, One, Two, Stored, Less, Timed, {A, B} =:= {Mine, Other}}
    end).

t_nodes_are_forgotten() ->
    with_states(fun() ->
        ok = erts_debug:set_internal_state(node_tab_delayed_delete, 0),
        Name = <<"t_nodes_are_forgotten@nowhere">>,
        Node = binary_to_atom(Name),
        Me = self(),
        {Pid, Ref} = spawn_monitor(fun() -> X = mk_pid(Name, 7), Me ! lists:member(Node, nodes(known)),
                                            receive stop -> X end end),
        Known = receive K -> K end,
        Pid ! stop,
        receive {'DOWN', Ref, process, Pid, _} -> ok end,
        Gone = wait_for(fun() -> not lists:member(Node, nodes(known)) end, 200),
        erts_debug:set_internal_state(node_tab_delayed_delete, -1),
        Again = mk_pid(Name, 7),
        {Known, Gone, lists:member(Node, nodes(known)), node(Again)}
    end).

wait_for(_, 0) -> false;
wait_for(Fun, N) ->
    case Fun() of
        true -> true;
        false -> receive after 10 -> wait_for(Fun, N - 1) end
    end.

t_next_port() ->
    with_states(fun() ->
        Next = erts_debug:get_internal_state(next_port),
        High = erts_debug:set_internal_state(next_port, (1 bsl 28) - 2),
        Outputs = [os:cmd("echo hello") || _ <- lists:seq(1, 4)],
        {is_integer(Next), is_integer(High), Outputs,
         erts_debug:get_internal_state(next_port) < 1000000,
         erts_debug:set_internal_state(next_port, Next) >= Next}
    end).
