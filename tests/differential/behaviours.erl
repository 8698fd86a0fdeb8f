%% gen_server, gen_statem, gen_event and supervisor programs.
-module(behaviours).
-compile([export_all, nowarn_export_all]).

t_server() -> {ok, P} = gen_server:start(?MODULE, server, []), gen_server:cast(P, {add, 5}), X = gen_server:call(P, get), gen_server:stop(P), {X, is_process_alive(P)}.
t_server_name() -> {ok, _} = gen_server:start({local, the_server}, ?MODULE, server, []), gen_server:cast(the_server, {add, 1}), R = gen_server:call(the_server, get), gen_server:stop(the_server), {R, whereis(the_server)}.
t_server_taken() -> {ok, P} = gen_server:start({local, taken}, ?MODULE, server, []), {error, {already_started, Q}} = gen_server:start({local, taken}, ?MODULE, server, []), gen_server:stop(P), P =:= Q.
t_server_info() -> {ok, P} = gen_server:start(?MODULE, server, []), P ! {add, 7}, X = gen_server:call(P, get), gen_server:stop(P), X.
t_server_timeout() -> {ok, P} = gen_server:start(?MODULE, server, []), R = try gen_server:call(P, sleep, 20) catch exit:{timeout, {gen_server, call, [_, sleep, 20]}} -> timed_out end, exit(P, kill), R.
t_server_crash() -> {ok, P} = gen_server:start(?MODULE, server, []), try gen_server:call(P, crash) catch exit:{{oops, [{M, F, A, _} | _]}, _} -> {M, F, A} end.
t_server_stop_reason() -> {ok, P} = gen_server:start(?MODULE, server, []), R = monitor(process, P), gen_server:cast(P, {stop, because}), receive {'DOWN', R, _, _, W} -> W end.
t_server_noproc() -> try gen_server:call(nobody_here, x) catch exit:{W, _} -> W end.
t_server_reply_later() -> {ok, P} = gen_server:start(?MODULE, server, []), R = gen_server:call(P, later), gen_server:stop(P), R.
t_server_init_fails() -> [gen_server:start(?MODULE, I, []) || I <- [ignore, {stop, bad}]].
t_heavy_server_many() -> {ok, P} = gen_server:start(?MODULE, server, []), [gen_server:cast(P, {add, N}) || N <- lists:seq(1, 1000)], R = gen_server:call(P, get), gen_server:stop(P), R.
t_multi_call() -> {ok, P} = gen_server:start({local, multi}, ?MODULE, server, []), R = gen_server:multi_call([node()], multi, get), gen_server:stop(P), R.
t_request() -> {ok, P} = gen_server:start(?MODULE, server, []), Id = gen_server:send_request(P, get), R = gen_server:receive_response(Id, 1000), gen_server:stop(P), R.
t_state() -> {ok, P} = gen_server:start(?MODULE, server, []), sys:replace_state(P, fun(N) -> N + 100 end), R = sys:get_state(P), gen_server:stop(P), R.
t_suspend() -> {ok, P} = gen_server:start(?MODULE, server, []), sys:suspend(P), gen_server:cast(P, {add, 3}), sys:resume(P), R = gen_server:call(P, get), gen_server:stop(P), R.
t_statem() -> {ok, P} = gen_statem:start(?MODULE, statem, []), R = [gen_statem:call(P, E) || E <- [push, push, count, push, count]], gen_statem:stop(P), R.
t_statem_timeout() -> {ok, P} = gen_statem:start(?MODULE, statem, []), on = gen_statem:call(P, {on_for, 20}), receive after 100 -> ok end, R = gen_statem:call(P, where), gen_statem:stop(P), R.
t_statem_postpone() -> {ok, P} = gen_statem:start(?MODULE, statem, []), S = self(), spawn(fun() -> S ! {waited, gen_statem:call(P, when_on)} end), receive after 20 -> ok end, gen_statem:call(P, push), R = receive {waited, X} -> X end, gen_statem:stop(P), R.
t_supervisor() -> process_flag(trap_exit, true), {ok, S} = supervisor:start_link(?MODULE, {sup, one_for_one}), [{_, P, _, _}] = [C || {a, _, _, _} = C <- supervisor:which_children(S)], exit(P, kill), Q = new_child(S, a, P, 200), R = {is_pid(Q), P =/= Q, supervisor:count_children(S)}, exit(S, shutdown), receive {'EXIT', S, W} -> {R, W} end.
t_supervisor_all() -> process_flag(trap_exit, true), {ok, S} = supervisor:start_link(?MODULE, {sup, one_for_all}), B = child(S, b), exit(child(S, a), kill), B2 = new_child(S, b, B, 200), exit(S, shutdown), receive {'EXIT', S, _} -> is_pid(B2) end.
t_supervisor_gives_up() -> process_flag(trap_exit, true), {ok, S} = supervisor:start_link(?MODULE, {sup, one_for_one}), kill_again(S, 6), receive {'EXIT', S, W} -> W after 2000 -> alive end.
t_supervisor_children() -> process_flag(trap_exit, true), {ok, S} = supervisor:start_link(?MODULE, {sup, one_for_one}), ok = supervisor:terminate_child(S, a), {ok, P} = supervisor:restart_child(S, a), E = supervisor:start_child(S, #{id => a, start => {x, y, []}}), exit(S, shutdown), {is_pid(P), element(1, E), element(1, element(2, E))}.
t_event() -> {ok, P} = gen_event:start(), ok = gen_event:add_handler(P, ?MODULE, {event, self()}), gen_event:notify(P, hello), R = receive {event, E} -> E end, X = gen_event:call(P, ?MODULE, ask), gen_event:stop(P), {R, X}.
t_proc_lib() -> P = proc_lib:start_link(?MODULE, ready, [self()]), receive {up, P2} -> P =:= {ok, P2} end.
t_application() -> [application:load(sasl), application:get_key(stdlib, mod), lists:keymember(kernel, 1, application:which_applications())].
t_task() -> Keys = [rpc:async_call(node(), erlang, '+', [N, 1]) || N <- lists:seq(1, 5)], [rpc:yield(K) || K <- Keys].
t_pmap() -> rpc:pmap({erlang, '*'}, [3], [1, 2, 3]).
t_timer_module() -> {ok, _} = timer:send_after(10, hi), receive hi -> ok after 1000 -> late end.

ready(Parent) -> proc_lib:init_ack(Parent, {ok, self()}), Parent ! {up, self()}.
child(S, Id) -> [P] = [P || {I, P, _, _} <- supervisor:which_children(S), I =:= Id], P.
new_child(S, Id, Old, N) when N > 0 -> case child(S, Id) of P when is_pid(P), P =/= Old -> P; _ -> receive after 10 -> new_child(S, Id, Old, N - 1) end end.
kill_again(_, 0) -> ok;
kill_again(S, N) -> try exit(child(S, a), kill) catch _:_ -> ok end, receive after 20 -> kill_again(S, N - 1) end.

init(server) -> {ok, 0};
init(ignore) -> ignore;
init({stop, R}) -> {stop, R};
init(statem) -> {ok, off, 0};
init({sup, Strategy}) -> {ok, {#{strategy => Strategy, intensity => 3, period => 5}, [#{id => I, start => {gen_server, start_link, [?MODULE, server, []]}} || I <- [a, b]]}};
init({event, To}) -> {ok, To}.
callback_mode() -> handle_event_function.
handle_call(get, _, N) -> {reply, N, N};
handle_call(sleep, _, N) -> receive after 5000 -> {reply, N, N} end;
handle_call(crash, _, _) -> error(oops);
handle_call(later, From, N) -> self() ! {answer, From}, {noreply, N}.
handle_cast({add, X}, N) -> {noreply, N + X};
handle_cast({stop, R}, N) -> {stop, R, N}.
handle_info({add, X}, N) -> {noreply, N + X};
handle_info({answer, From}, N) -> gen_server:reply(From, {later, N}), {noreply, N};
handle_info(_, N) -> {noreply, N}.
handle_event(hello, To) -> To ! {event, hello}, {ok, To}.
handle_call(ask, To) -> {ok, is_pid(To), To}.
handle_event({call, F}, push, off, N) -> {next_state, on, N + 1, [{reply, F, on}]};
handle_event({call, F}, push, on, N) -> {next_state, off, N, [{reply, F, off}]};
handle_event({call, F}, {on_for, T}, off, N) -> {next_state, on, N, [{reply, F, on}, {state_timeout, T, back}]};
handle_event(state_timeout, back, on, N) -> {next_state, off, N};
handle_event({call, F}, when_on, on, N) -> {keep_state, N, [{reply, F, was_on}]};
handle_event({call, _}, when_on, off, _) -> {keep_state_and_data, [postpone]};
handle_event({call, F}, where, S, _) -> {keep_state_and_data, [{reply, F, S}]};
handle_event({call, F}, count, _, N) -> {keep_state, N, [{reply, F, N}]}.
terminate(_, _) -> ok.
terminate(_, _, _) -> ok.
