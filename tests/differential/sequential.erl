%% Sequential traces: a token that goes along with messages.
-module(sequential).
-compile([export_all, nowarn_export_all]).

%% What a tracer hears while the process runs `Fun`, with what the fun gives. Pids, references and times
%% are given numbers, in the order in which they come.
told(Flags, Fun) -> told(Flags, a_label, Fun).

told(Flags, Label, Fun) ->
    seq_trace:reset_trace(),
    Me = self(),
    {Tracer, Ref} = spawn_monitor(fun() -> listen(Me, []) end),
    false = seq_trace:set_system_tracer(Tracer),
    seq_trace:set_token(label, Label),
    [seq_trace:set_token(Flag, true) || Flag <- Flags],
    Value = (catch Fun()),
    Token = seq_trace:get_token(),
    seq_trace:set_token([]),
    wait(Tracer),
    Tracer = seq_trace:set_system_tracer(false),
    seq_trace:reset_trace(),
    Tracer ! {stop, Me},
    Heard = receive {heard, H} -> H end,
    receive {'DOWN', Ref, process, Tracer, normal} -> ok end,
    names({Value, Token, Heard}).

%% Until nothing more comes.
wait(Tracer) ->
    Before = count(Tracer),
    receive after 30 -> ok end,
    case count(Tracer) of
        Before -> ok;
        _ -> wait(Tracer)
    end.

count(Tracer) ->
    Tracer ! {count, self()},
    receive {count, Count} -> Count end.

listen(Me, Heard) ->
    receive
        {stop, Me} -> Me ! {heard, lists:reverse(Heard)};
        {count, Me} -> Me ! {count, length(Heard)}, listen(Me, Heard);
        Told -> listen(Me, [Told | Heard])
    end.

names(Term) ->
    put(names, #{self() => me}),
    Named = name(Term),
    erase(names),
    Named.

name(Term) when is_pid(Term); is_reference(Term); is_port(Term) ->
    Names = get(names),
    case Names of
        #{Term := Name} -> Name;
        #{} ->
            Name = {kind(Term), map_size(Names)},
            put(names, Names#{Term => Name}),
            Name
    end;
name(Fun) when is_function(Fun) -> a_fun;
name([H | T]) -> Named = name(H), [Named | name(T)];
name(Tuple) when is_tuple(Tuple) -> list_to_tuple(name(tuple_to_list(Tuple)));
name(Other) -> Other.

kind(Term) when is_pid(Term) -> pid;
kind(Term) when is_port(Term) -> port;
kind(_) -> reference.

own(Fun) ->
    seq_trace:reset_trace(),
    Me = self(),
    {Pid, Ref} = spawn_monitor(fun() -> Me ! {self(), catch names(Fun())} end),
    receive {Pid, Result} -> receive {'DOWN', Ref, process, Pid, _} -> seq_trace:reset_trace(), Result end end.

%% Parts of the token.

t_no_token() ->
    Parts = [send, 'receive', print, spawn, timestamp, monotonic_timestamp,
             strict_monotonic_timestamp, label, serial, foo, sequential_trace_token, {a}, 1],
    {seq_trace:get_token(), [catch_(fun() -> erlang:seq_trace_info(Part) end) || Part <- Parts],
     catch_(fun() -> erlang:seq_trace(foo, 1) end)}.

catch_(Fun) -> try Fun() catch Class:Reason -> {Class, Reason} end.

t_parts() ->
    own(fun() ->
        Sets = [{label, 17}, {label, {a, "b", <<1:9>>}}, {send, true}, {send, true}, {send, false},
                {send, foo}, {'receive', true}, {print, true}, {spawn, true}, {timestamp, true},
                {monotonic_timestamp, true}, {strict_monotonic_timestamp, true}, {timestamp, false},
                {serial, {3, 5}}, {serial, {a, 5}}, {serial, 5}, {serial, {1, 2, 3}},
                {serial, {-1, -2}}, {serial, {1 bsl 62, 0}}, {foo, 1}, {"a", 1},
                {sequential_trace_token, x}, {sequential_trace_token, []}, {label, 4}],
        Gets = [label, serial, send, 'receive', print, timestamp, spawn, foo],
        [{Part, Value, catch_(fun() -> seq_trace:set_token(Part, Value) end), seq_trace:get_token(),
          [catch_(fun() -> seq_trace:get_token(Get) end) || Get <- Gets]} || {Part, Value} <- Sets]
    end).

t_each_flag_first() ->
    [own(fun() -> {catch_(fun() -> seq_trace:set_token(Part, Value) end), seq_trace:get_token()} end)
     || {Part, Value} <- [{send, true}, {send, false}, {'receive', true}, {print, true}, {timestamp, true},
                          {monotonic_timestamp, true}, {strict_monotonic_timestamp, true}, {label, x},
                          {serial, {1, 2}}, {serial, {1, x}}, {sequential_trace_token, []}]].

t_whole_token() ->
    own(fun() ->
        Me = self(),
        ok = seq_trace:set_token({31, label, 7, Me, 5}),
        First = seq_trace:get_token(),
        Old = seq_trace:set_token([]),
        {First, Old, seq_trace:set_token([]), seq_trace:set_token(label, 1), seq_trace:get_token()}
    end).

t_reset() ->
    own(fun() ->
        seq_trace:set_token(serial, {3, 4}),
        Before = seq_trace:get_token(),
        True = seq_trace:reset_trace(),
        None = seq_trace:get_token(),
        seq_trace:set_token(label, a),
        {Before, True, None, seq_trace:get_token()}
    end).

t_reset_takes_tokens_of_messages() ->
    own(fun() ->
        seq_trace:set_token(label, a),
        self() ! hello,
        seq_trace:reset_trace(),
        seq_trace:set_token(label, b),
        receive hello -> ok end,
        {seq_trace:get_token(), seq_trace:set_token(label, c), seq_trace:get_token()}
    end).

t_token_of_another() ->
    own(fun() ->
        Me = self(),
        Pid = spawn_link(fun() ->
            seq_trace:set_token(label, {some, label}),
            seq_trace:set_token(send, true),
            Me ! go,
            receive stop -> ok end
        end),
        receive go -> ok end,
        Info = process_info(Pid, sequential_trace_token),
        Pid ! stop,
        {Info, process_info(self(), [sequential_trace_token, status])}
    end).

%% The system's tracer.

t_system_tracer() ->
    Me = self(),
    Dead = spawn(fun() -> ok end),
    wait_for_end(Dead),
    Set = fun(Tracer) -> catch_(fun() -> seq_trace:set_system_tracer(Tracer) end) end,
    All = [Set(X) || X <- [false, Me, Me, false, Dead, Me, foo, 1, "a", true, {x}, {erl_tracer, Me}, {a, b}, false]],
    names({All, erlang:system_info(sequential_tracer)}).

t_tracer_that_ends() ->
    {Tracer, Ref} = spawn_monitor(fun() -> receive stop -> ok end end),
    false = seq_trace:set_system_tracer(Tracer),
    Is = seq_trace:get_system_tracer() =:= Tracer,
    Tracer ! stop,
    receive {'DOWN', Ref, process, Tracer, normal} -> ok end,
    {Is, seq_trace:get_system_tracer(), seq_trace:set_system_tracer(false)}.

wait_for_end(Pid) ->
    Ref = monitor(process, Pid),
    receive {'DOWN', Ref, process, Pid, _} -> ok end.

%% Sending and taking.

t_send() -> told([send], fun() -> self() ! hello, {take(), seq_trace:get_token()} end).

take() -> receive X -> X after 1000 -> nothing end.

t_send_and_receive() ->
    told([send, 'receive'], fun() -> self() ! hello, self() ! {again, 1}, [take(), take()] end).

t_flags() ->
    [told(Flags, fun() -> self() ! hello, seq_trace:print(said), take() end)
     || Flags <- [[], [print], ['receive'], [send, print]]].

t_echo() ->
    told([send, 'receive'], fun() ->
        Me = self(),
        Token = seq_trace:set_token([]),
        Echo = spawn(fun() -> echo(3) end),
        seq_trace:set_token(Token),
        Echo ! {Me, one},
        One = take(),
        Echo ! {Me, two},
        Two = take(),
        Pid = erlang:send(Echo, {Me, three}),
        {Echo, One, Two, take(), Pid =:= {Me, three}}
    end).

echo(0) -> ok;
echo(N) -> receive {From, What} -> From ! {self(), What} end, echo(N - 1).

t_names_and_aliases() ->
    told([send, 'receive'], fun() ->
        register(t_names_and_aliases, self()),
        Alias = alias([reply]),
        t_names_and_aliases ! by_name,
        {t_names_and_aliases, node()} ! by_name_and_node,
        Alias ! by_alias,
        Alias ! no_more,
        unregister(t_names_and_aliases),
        [take(), take(), take()]
    end).

t_without_a_token() ->
    told(['receive'], fun() ->
        Me = self(),
        Token = seq_trace:set_token([]),
        Pid = spawn(fun() -> receive go -> Me ! hello end end),
        seq_trace:set_token(Token),
        Before = seq_trace:get_token(),
        erlang:send_after(1, Me, {timer, 1}),
        Timer = take(),
        Between = seq_trace:get_token(),
        T2 = seq_trace:set_token([]),
        Pid ! go,
        seq_trace:set_token(T2),
        receive hello -> ok end,
        {Before, Timer, Between, seq_trace:get_token()}
    end).

t_timeouts_keep_it() ->
    told([send], fun() ->
        receive after 0 -> ok end,
        receive x -> ok after 1 -> ok end,
        seq_trace:get_token()
    end).

t_answers_keep_it() ->
    told([send, 'receive'], fun() ->
        Pid = spawn(fun() -> receive stop -> ok end end),
        _ = process_info(Pid, status),
        true = is_process_alive(Pid),
        _ = erlang:garbage_collect(Pid),
        Between = seq_trace:get_token(),
        Pid ! stop,
        Between
    end).

t_monitors() ->
    [told([send, 'receive'], fun() ->
        Token = seq_trace:set_token([]),
        {Pid, Ref} = spawn_monitor(fun() -> receive go -> exit(Reason) end end),
        seq_trace:set_token(Token),
        Pid ! go,
        receive {'DOWN', Ref, process, Pid, Why} -> {Why, seq_trace:get_token()} end
     end) || Reason <- [normal, {a, tuple}]].

t_links() ->
    process_flag(trap_exit, true),
    All = [told([send, 'receive'], fun() ->
        Token = seq_trace:set_token([]),
        Pid = spawn_link(fun() -> receive go -> exit(Reason) end end),
        seq_trace:set_token(Token),
        Pid ! go,
        receive {'EXIT', Pid, Why} -> {Why, seq_trace:get_token()} end
     end) || Reason <- [normal, kill, {a, tuple}]],
    process_flag(trap_exit, false),
    All.

t_link_to_none() ->
    process_flag(trap_exit, true),
    All = told([send, 'receive'], fun() ->
        Token = seq_trace:set_token([]),
        Pid = spawn(fun() -> ok end),
        wait_for_end(Pid),
        seq_trace:set_token(Token),
        link(Pid),
        receive {'EXIT', Pid, Why} -> {Why, seq_trace:get_token()} end
    end),
    process_flag(trap_exit, false),
    All.

t_exit_2() ->
    process_flag(trap_exit, true),
    All = told([send, 'receive'], fun() ->
        exit(self(), {some, reason}),
        receive {'EXIT', _, Why} -> {Why, seq_trace:get_token()} end
    end),
    process_flag(trap_exit, false),
    All.

t_large_message() ->
    Large = lists:seq(1, 30000),
    {Value, Token, Heard} = told([send, 'receive'], fun() ->
        Me = self(),
        Token = seq_trace:set_token([]),
        Pid = spawn(fun() -> receive L -> Me ! {length(L), seq_trace:get_token()} end end),
        seq_trace:set_token(Token),
        Pid ! Large,
        take()
    end),
    {Value, Token, [erlang:phash2(Told) || Told <- Heard]}.

t_queue_off_heap() ->
    process_flag(message_queue_data, off_heap),
    Told = told([send, 'receive'], fun() ->
        [self() ! {N, "text"} || N <- [1, 2, 3]],
        erlang:garbage_collect(),
        [receive {N, _} -> {N, seq_trace:get_token()} end || N <- [2, 1, 3]]
    end),
    process_flag(message_queue_data, on_heap),
    Told.

t_collections_keep_it() ->
    told([send], {a, "label", <<0:800>>, make_ref()}, fun() ->
        erlang:garbage_collect(),
        erlang:garbage_collect(),
        self() ! x,
        erlang:garbage_collect(),
        take()
    end).

t_stamps() ->
    Told = fun(Flag) ->
        seq_trace:reset_trace(),
        Me = self(),
        spawn(fun() -> seq_trace:set_system_tracer(self()), Me ! ready, receive X -> Me ! X end end),
        ready = take(),
        seq_trace:set_token(label, 1),
        [seq_trace:set_token(F, true) || F <- [print | Flag]],
        seq_trace:print(hello),
        seq_trace:set_token([]),
        Heard = take(),
        seq_trace:set_system_tracer(false),
        Heard
    end,
    Shape = fun({seq_trace, 1, {print, _, _, [], hello}}) -> none;
               ({seq_trace, 1, {print, _, _, [], hello}, {A, B, C}}) when is_integer(A + B + C) -> three;
               ({seq_trace, 1, {print, _, _, [], hello}, {A, B}}) when is_integer(A + B) -> two;
               ({seq_trace, 1, {print, _, _, [], hello}, A}) when is_integer(A) -> one end,
    All = [timestamp, monotonic_timestamp, strict_monotonic_timestamp],
    [Shape(Told(Flags)) || Flags <- [[] | [[F] || F <- All]] ++ [[A, B] || A <- All, B <- All] ++ [All]].

t_print() ->
    told([print], fun() ->
        [erlang:seq_trace_print(hello), erlang:seq_trace_print(a_label, x), erlang:seq_trace_print(b, y),
         catch_(fun() -> seq_trace:print(a_label, x) end), seq_trace:print(1, x)]
    end).

t_print_with_numbers() ->
    [told([print], Label, fun() -> [erlang:seq_trace_print(L, L) || L <- [1, 1.0, [1], {1}]] end)
     || Label <- [1, 1.0, {1}]].

t_print_without_a_token() ->
    {erlang:seq_trace_print(hello), erlang:seq_trace_print(a, hello)}.

%% Births.

t_spawn() ->
    [told([send, 'receive'], fun() ->
        Me = self(),
        Born = Spawn(fun() -> Me ! {hello, seq_trace:get_token()}, receive stop -> ok end end),
        Between = seq_trace:get_token(),
        Hello = receive {hello, Token} -> Token end,
        {Born, Between, Hello, seq_trace:get_token()}
     end) || Spawn <- [fun(F) -> spawn(F) end,
                       fun(F) -> P = spawn_link(F), unlink(P), P end,
                       fun(F) -> {P, R} = spawn_monitor(F), demonitor(R), {P, R} end,
                       fun(F) -> spawn_opt(F, [{priority, high}]) end,
                       fun(F) -> spawn(?MODULE, call, [F]) end]].

call(F) -> F().

t_spawn_request() ->
    [told([send, 'receive'], fun() ->
        Me = self(),
        Id = spawn_request(fun() -> receive go -> Me ! {hello, seq_trace:get_token()} end end, Options),
        Reply = receive {_, Id, _, _} = R -> R after 100 -> none end,
        {Id, Reply, seq_trace:get_token()}
     end) || Options <- [[], [{reply_tag, {a, tag}}], [{reply, no}], [monitor], [{foo, 1}]]].

t_spawn_without_flags() ->
    told([], fun() ->
        Me = self(),
        spawn(fun() -> Me ! {hello, seq_trace:get_token()} end),
        receive {hello, Token} -> {Token, seq_trace:get_token()} end
    end).

t_spawn_keeps_no_token() ->
    own(fun() ->
        Me = self(),
        spawn(fun() -> Me ! {hello, seq_trace:get_token()} end),
        receive {hello, Token} -> {Token, seq_trace:get_token()} end
    end).

%% Ports.

t_port() ->
    told([send, 'receive'], fun() ->
        Token = seq_trace:set_token([]),
        Port = open_port({spawn, "cat"}, [binary]),
        seq_trace:set_token(Token),
        Port ! {self(), {command, <<"hello">>}},
        Answer = receive {Port, {data, Data}} -> Data end,
        Between = seq_trace:get_token(),
        port_command(Port, <<"more">>),
        More = receive {Port, {data, D2}} -> D2 end,
        port_close(Port),
        {Port, Answer, Between, More}
    end).

%% Sensitive processes.

t_sensitive() ->
    told([send, 'receive', print], fun() ->
        process_flag(sensitive, true),
        self() ! hello,
        take(),
        seq_trace:print(nothing),
        process_flag(sensitive, false),
        self() ! again,
        take()
    end).

t_exit_to_a_sensitive_process() ->
    process_flag(trap_exit, true),
    Told = told([send, 'receive'], fun() ->
        Token = seq_trace:set_token([]),
        Pid = spawn_link(fun() -> receive go -> exit(gone) end end),
        process_flag(sensitive, true),
        seq_trace:set_token(Token),
        Pid ! go,
        Exit = take(),
        process_flag(sensitive, false),
        Exit
    end),
    process_flag(trap_exit, false),
    Told.

%% Match specifications.

leaf(X) -> X.

matched(Body) ->
    own(fun() ->
        Me = self(),
        Tracer = spawn_link(fun() -> listen(Me, []) end),
        Spec = [{'_', [], Body}],
        1 = erlang:trace_pattern({?MODULE, leaf, 1}, Spec, [local]),
        1 = erlang:trace(self(), true, [call, {tracer, Tracer}]),
        [leaf(X) || X <- [1, 2]],
        After = seq_trace:get_token(),
        self() ! x,
        take(),
        erlang:trace(self(), false, [call]),
        1 = erlang:trace_pattern({?MODULE, leaf, 1}, false, [local]),
        Ref = erlang:trace_delivered(self()),
        receive {trace_delivered, Me, Ref} -> ok end,
        Tracer ! {stop, Me},
        Heard = receive {heard, H} -> H end,
        {After, Heard, seq_trace:get_token()}
    end).

t_set_in_a_specification() ->
    [matched(Body) || Body <- [
        [{set_seq_token, label, {{a, b}}}],
        [{set_seq_token, label, 5}, {message, {get_seq_token}}],
        [{set_seq_token, send, true}, {set_seq_token, timestamp, true}, {message, {is_seq_trace}}],
        [{message, {set_seq_token, serial, {{3, 4}}}}],
        [{message, {set_seq_token, serial, 3}}],
        [{message, {set_seq_token, foo, 3}}],
        [{message, {is_seq_trace}}],
        [{message, {get_seq_token}}],
        [{set_seq_token, label, 5}, {set_seq_token, sequential_trace_token, []}]]].

t_guards_of_a_specification() ->
    own(fun() ->
        Spec = [{'_', [{is_seq_trace}], [{message, {get_seq_token}}]}],
        Test = fun() -> erlang:match_spec_test([1], Spec, trace) end,
        First = Test(),
        seq_trace:set_token(label, {a, label}),
        {First, Test(), [erlang:match_spec_test([1], [{'_', [], [{message, {set_seq_token, P, V}}]}], trace)
                         || {P, V} <- [{label, 5}, {serial, 1}, {send, false}, {foo, 1}]],
         seq_trace:get_token()}
    end).

t_set_when_sending() ->
    own(fun() ->
        Me = self(),
        Tracer = spawn_link(fun() -> listen(Me, []) end),
        1 = erlang:trace_pattern(send, [{'_', [], [{set_seq_token, label, sent}]}], []),
        1 = erlang:trace(self(), true, [send, {tracer, Tracer}]),
        self() ! hello,
        erlang:trace(self(), false, [send]),
        1 = erlang:trace_pattern(send, true, []),
        take(),
        Token = seq_trace:get_token(),
        Tracer ! {stop, Me},
        {Token, receive {heard, H} -> H end}
    end).
