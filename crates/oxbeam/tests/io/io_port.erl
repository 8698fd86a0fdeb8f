%% Ports: what they send, how they end.
-module(io_port).
-export([main/0]).

main() ->
    process_flag(trap_exit, true),
    lists:foreach(fun({Name, T}) -> io:format("~s: ~p~n", [Name, try clean(T()) catch C:R -> {C, R} end]) end, tests()).

%% Ports, pids and references are different in each run.
clean(P) when is_port(P) -> port;
clean(P) when is_pid(P) -> if P =:= self() -> self; true -> pid end;
clean(R) when is_reference(R) -> ref;
clean([H | T]) -> [clean(H) | clean(T)];
clean(T) when is_tuple(T) -> list_to_tuple(clean(tuple_to_list(T)));
clean(T) -> T.

flush() -> flush(400).
flush(Ms) -> receive X -> [X | flush(Ms)] after Ms -> [] end.

open(Command, Options) -> open_port({spawn, Command}, Options).

tests() ->
    [{"cmd", fun() -> os:cmd("echo hello; echo error >&2") end},
     {"cmd unicode", fun() -> os:cmd("printf '\\303\\245'") end},
     {"cat", fun() -> P = open("cat", [binary]), P ! {self(), {command, ["ab", <<"c">>]}}, {flush(), port_close(P), flush()} end},
     {"close message", fun() -> P = open("cat", []), P ! {self(), close}, flush() end},
     {"bad message", fun() -> P = open("cat", []), P ! foo, flush() end},
     {"not the owner", fun() -> P = open("cat", []), spawn(fun() -> P ! {self(), {command, "x"}} end), flush() end},
     {"for the owner", fun() -> S = self(), P = open("cat", []), spawn(fun() -> P ! {S, {command, "x"}} end), flush() end},
     {"lines", fun() -> open("printf 'abc\\ndef\\r\\ngh'", [{line, 2}, exit_status]), flush() end},
     {"eof", fun() -> open("echo abc", [exit_status, eof]), flush() end},
     {"status", fun() -> open("sh -c 'exit 7'", [exit_status]), flush() end},
     {"killed", fun() -> open("sh -c 'kill -9 $$'", [exit_status]), flush() end},
     {"no such command", fun() -> open("nonexisting_command", [{line, 200}, exit_status, stderr_to_stdout]), flush() end},
     {"no such file", fun() -> open_port({spawn_executable, "/nonexist"}, []) end},
     {"not executable", fun() -> open_port({spawn_executable, "/etc/passwd"}, []) end},
     {"executable", fun() -> open_port({spawn_executable, "/bin/sh"}, [exit_status, {args, ["-c", "echo $A $0 $1 $HOME $(pwd)", "x", <<"y">>]}, {env, [{"A", "5"}, {"HOME", false}]}, {cd, "/tmp"}]), flush() end},
     {"arg0", fun() -> open_port({spawn_executable, "/bin/sh"}, [{arg0, "zero"}, {args, ["-c", "echo $0"]}]), flush() end},
     {"packets", fun() -> P = open("cat", [{packet, 2}, binary]), P ! {self(), {command, "abc"}}, P ! {self(), {command, binary:copy(<<"x">>, 1000)}}, R = flush(), port_close(P), {R, flush()} end},
     {"too large a packet", fun() -> P = open("cat", [{packet, 1}]), P ! {self(), {command, lists:duplicate(300, $x)}}, flush() end},
     {"much", fun() -> P = open("cat", [binary, stream]), B = binary:copy(<<"0123456789">>, 100000), P ! {self(), {command, B}}, N = receive_bytes(P, byte_size(B)), port_close(P), {N, flush()} end},
     {"nouse_stdio", fun() -> P = open("sh -c 'cat <&3 >&4'", [nouse_stdio]), P ! {self(), {command, "q"}}, R = flush(), port_close(P), {R, flush()} end},
     {"environment", fun() -> os:putenv("OXBEAM_T", "v"), os:cmd("echo $OXBEAM_T") end},
     {"bad settings", fun() -> [catch_error(fun() -> open("cat", [O]) end) || O <- [foo, {packet, 3}, {line, 0}, {env, [a]}, {args, ["x"]}]] end},
     {"bad names", fun() -> [catch_error(fun() -> open_port(N, []) end) || N <- [1, {spawn, 1}, {fd, a, b}, {foo, "x"}, {spawn_driver, "foo"}]] end},
     {"terminal", fun() -> catch_error(fun() -> open("tty_sl -c -e", [eof]) end) end},
     {"command", fun() -> P = open("cat", []), R = [port_command(P, "a"), catch_error(fun() -> port_command(P, "", [foo]) end), catch_error(fun() -> port_control(P, 1, "") end), catch_error(fun() -> erlang:port_call(P, 1, a) end)], {R, flush(), port_close(P)} end},
     {"closed", fun() -> P = open("cat", []), port_close(P), {[catch_error(fun() -> port_command(P, "a") end), catch_error(fun() -> port_close(P) end), erlang:port_info(P), P ! {self(), close}], flush()} end},
     {"info", fun() -> P = open("cat", []), {name, N} = erlang:port_info(P, name), I = [erlang:port_info(P, X) || X <- [name, links, connected, input, output, registered_name, parallelism, locking, queue_size]], port_close(P), flush(), {N, I} end},
     {"registered", fun() -> P = open("cat", []), register(oxbeam_p, P), R = [whereis(oxbeam_p) =:= P, erlang:port_info(oxbeam_p, registered_name), oxbeam_p ! {self(), {command, "z"}}], F = flush(), oxbeam_p ! {self(), close}, {R, F, flush(), whereis(oxbeam_p)} end},
     {"monitor", fun() -> P = open("cat", []), M = erlang:monitor(port, P), port_close(P), F = flush(), _ = erlang:monitor(port, P), {is_reference(M), F, flush()} end},
     {"connect", fun() -> P = open("cat", []), Q = spawn(fun() -> receive stop -> ok end end), R = port_connect(P, Q), I = erlang:port_info(P, connected) =:= {connected, Q}, Q ! stop, {R, I, flush()} end},
     {"link", fun() -> P = open("cat", []), unlink(P), L1 = erlang:port_info(P, links), link(P), L2 = erlang:port_info(P, links), exit(P, foo), {L1, L2, flush()} end},
     {"owner dies", fun() -> S = self(), spawn(fun() -> P = open("cat", []), S ! {port, P} end), receive {port, P} -> ok end, timer:sleep(200), erlang:port_info(P) end},
     {"data", fun() -> P = open("cat", []), R = [erlang:port_get_data(P), erlang:port_set_data(P, {a, "b"}), erlang:port_get_data(P)], port_close(P), flush(), R end},
     {"file", fun() -> F = "/tmp/oxbeam-port-" ++ os:getpid(), P = open_port(F, [out]), P ! {self(), {command, "to a file"}}, P ! {self(), close}, flush(), R = file:read_file(F), file:delete(F), R end},
     {"many", fun() -> [open("echo " ++ integer_to_list(N), [{line, 20}]) || N <- lists:seq(1, 30)], lists:sort([L || {_, {data, {eol, L}}} <- flush(1000)]) end}].

catch_error(F) -> try F() catch C:R -> {C, R} end.

receive_bytes(_, 0) -> done;
receive_bytes(P, Left) ->
    receive {P, {data, B}} -> receive_bytes(P, Left - byte_size(B)) after 5000 -> {left, Left} end.
