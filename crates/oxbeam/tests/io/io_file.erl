%% Files and directories: what each operation answers.
-module(io_file).
-export([main/0]).

main() ->
    Dir = filename:join("/tmp", "oxbeam-io-file-" ++ os:getpid()),
    ok = file:make_dir(Dir),
    ok = file:set_cwd(Dir),
    lists:foreach(fun({Name, Test}) ->
                          io:format("~s: ~p~n", [Name, catch Test()])
                  end, tests()),
    ok = file:set_cwd("/"),
    os:cmd("rm -rf " ++ Dir).

tests() ->
    [{"write_file", fun() -> file:write_file("a", ["one ", <<"two\n">>, $x]) end},
     {"read_file", fun() -> file:read_file("a") end},
     {"read missing", fun() -> file:read_file("nope") end},
     {"read directory", fun() -> file:read_file(".") end},
     {"bad name", fun() -> file:read_file([0, $a]) end},
     {"not a name", fun() -> file:read_file({a}) end},
     {"unicode name", fun() -> {file:write_file([229, 1234], "x"), lists:sort(element(2, file:list_dir(".")))} end},
     {"raw bytes name", fun() -> {file:write_file(<<255, "z">>, "x"), file:read_file(<<255, "z">>), file:delete(<<255, "z">>)} end},
     {"raw", fun raw/0},
     {"positions", fun positions/0},
     {"pread", fun pread/0},
     {"buffered", fun buffered/0},
     {"modes", fun modes/0},
     {"info", fun info/0},
     {"links", fun links/0},
     {"directories", fun directories/0},
     {"rename", fun rename/0},
     {"closed", fun() -> {ok, F} = file:open("a", [raw, read]), {file:close(F), file:read(F, 1), file:close(F)} end},
     {"owner ends", fun owner/0},
     {"io server", fun server/0},
     {"large", fun large/0},
     {"consult", fun() -> {file:write_file("t", "{a, 1}.\n[\"b\"].\n"), file:consult("t")} end},
     {"copy", fun() -> {file:copy("a", "c"), file:read_file("c")} end},
     {"truncate", fun truncate/0},
     {"huge", fun() -> {ok, F} = file:open("a", [raw, read, binary]), R = file:read(F, 1 bsl 60), file:close(F), R end},
     {"advise", fun() -> {ok, F} = file:open("a", [raw, read]), [file:advise(F, 0, 0, A) || A <- [normal, random, sequential, will_need, dont_need, no_reuse, foo]] end},
     {"cwd", fun() -> {ok, D} = file:get_cwd(), filename:basename(D) =:= "oxbeam-io-file-" ++ os:getpid() end}].

raw() ->
    {ok, F} = file:open("raw", [raw, write, read, binary]),
    R = [file:write(F, [<<"abc">>, "def"]), file:position(F, bof), file:read(F, 4),
         file:read(F, 4), file:read(F, 4), file:sync(F), file:datasync(F),
         file:pwrite(F, 1, "XY"), file:pread(F, 0, 10), file:write(F, [a])],
    ok = file:close(F),
    R.

positions() ->
    {ok, F} = file:open("raw", [raw, read]),
    R = [file:position(F, P) || P <- [0, {bof, 2}, {cur, 1}, {cur, -5}, {eof, -1}, eof, cur, -1, {foo, 1}, 1 bsl 70]],
    ok = file:close(F),
    R.

pread() ->
    {ok, F} = file:open("raw", [raw, read, binary]),
    R = [file:pread(F, [{0, 1}, {3, 2}, {100, 1}]), file:pread(F, 100, 1), file:pread(F, -1, 1), file:pread(F, a, 1)],
    ok = file:close(F),
    R.

buffered() ->
    ok = file:write_file("lines", [[integer_to_list(N), $\n] || N <- lists:seq(1, 3000)]),
    {ok, F} = file:open("lines", [raw, read, binary, {read_ahead, 100}]),
    L1 = file:read_line(F), L2 = file:read_line(F), R = file:read(F, 10),
    {ok, _} = file:position(F, {cur, 5000}),
    L3 = file:read_line(F), N = count(F, 0),
    ok = file:close(F),
    {ok, D} = file:open("delayed", [raw, append, {delayed_write, 50, 10}]),
    [ok = file:write(D, integer_to_list(I)) || I <- lists:seq(1, 100)],
    ok = file:close(D),
    {L1, L2, R, L3, N, filelib:file_size("delayed")}.

count(F, N) ->
    case file:read_line(F) of
        {ok, _} -> count(F, N + 1);
        eof -> N
    end.

modes() ->
    [case file:open(Name, Modes) of
         {ok, F} -> W = file:write(F, "m"), file:close(F), {ok, W, file:read_file(Name)};
         E -> E
     end || {Name, Modes} <- [{"m1", [raw, write]}, {"m1", [raw, append]}, {"m1", [raw, exclusive]},
                              {"m2", [raw, exclusive]}, {"m1", [raw, read]}, {"m1", [raw, read, write]},
                              {"nodir/x", [raw, write]}, {".", [raw, read]}, {".", [raw, read, directory]},
                              {"m1", [raw, directory]}, {"m1", [raw, sync, write]}, {"m1", [foo]}, {"m1", bar}]].

info() ->
    ok = file:change_mode("a", 8#640),
    ok = file:change_time("a", {{2001, 2, 3}, {4, 5, 6}}, {{2002, 3, 4}, {5, 6, 7}}),
    {ok, I} = file:read_file_info("a", [{time, universal}]),
    {ok, P} = file:read_file_info("a", [{time, posix}]),
    {ok, F} = file:open("a", [raw, read]),
    {ok, H} = file:read_file_info(F, [{time, posix}]),
    {element(2, I), element(3, I), element(4, I), element(5, I), element(6, I), element(8, I) band 8#777,
     element(9, I), element(5, P), element(2, H), element(3, H), element(3, element(2, file:read_file_info("/dev/null"))),
     file:read_file_info("nope"), file:change_mode("nope", 0), file:change_owner("nope", 1, 1)}.

links() ->
    [file:make_link("a", "hard"), file:make_link("a", "hard"), file:make_symlink("a", "soft"),
     file:read_link("soft"), file:read_link("a"), element(3, element(2, file:read_link_info("soft"))),
     element(3, element(2, file:read_file_info("soft"))), file:read_file("hard"), file:read_link_all("soft"),
     file:delete("hard"), file:delete("soft"), file:delete("soft")].

directories() ->
    [file:make_dir("d"), file:make_dir("d"), file:list_dir("d"), file:write_file("d/f", ""), file:del_dir("d"),
     file:delete("d"), file:list_dir("d"), file:list_dir("a"), file:delete("d/f"), file:del_dir("d"), file:del_dir("d"),
     filelib:is_dir("."), filelib:is_regular("a"), filelib:ensure_dir("x/y/z"), filelib:wildcard("x/*"), file:del_dir_r("x")].

rename() ->
    [file:write_file("r1", "r"), file:rename("r1", "r2"), file:rename("r1", "r2"), file:make_dir("rd"),
     file:rename("r2", "rd"), file:rename("rd", "r2"), file:rename("/", "q"), file:del_dir("rd"), file:read_file("r2")].

owner() ->
    Self = self(),
    {Pid, Ref} = spawn_monitor(fun() -> {ok, F} = file:open("a", [raw, read]), Self ! {file, F} end),
    receive {file, F} -> ok end,
    receive {'DOWN', Ref, process, Pid, _} -> ok end,
    timer:sleep(100),
    file:read(F, 1).

server() ->
    {ok, F} = file:open("srv", [write, read, {encoding, utf8}]),
    ok = io:format(F, "~ts ~w~n", [[229, 1234], {a, b}]),
    ok = io:put_chars(F, "second\n"),
    {ok, 0} = file:position(F, bof),
    R = {io:get_line(F, ''), io:get_chars(F, '', 3), io:get_line(F, ''), io:get_line(F, '')},
    ok = file:close(F),
    {R, file:read_file("srv")}.

large() ->
    Bin = binary:copy(<<"0123456789">>, 500000),
    ok = file:write_file("large", [Bin, Bin, binary:part(Bin, 3, 4)]),
    {ok, Back} = file:read_file("large"),
    {ok, F} = file:open("large", [raw, read, binary]),
    {ok, Part} = file:read(F, 7000000),
    {ok, Rest} = file:read(F, 7000000),
    file:close(F),
    {byte_size(Back), erlang:md5(Back), byte_size(Part), byte_size(Rest), erlang:crc32(Rest)}.

truncate() ->
    {ok, F} = file:open("tr", [raw, write, read]),
    R = [file:write(F, "0123456789"), file:position(F, 4), file:truncate(F), file:allocate(F, 0, 100), file:read_file("tr")],
    file:close(F),
    R.
