%% Files: every function of `prim_file`, and raw files with what `file` puts on top of them. Each
%% case has a folder of its own, which is the current one while it runs.
-module(files).
-compile([export_all, nowarn_export_all, nowarn_deprecated_function]).
-include_lib("kernel/include/file.hrl").

in_folder(Case) ->
    Place = filename:join(["/tmp", "files." ++ os:getpid() ++ "." ++ unique()]),
    ok = file:make_dir(Place),
    {ok, Before} = file:get_cwd(),
    ok = file:set_cwd(Place),
    try
        Case()
    after
        ok = file:set_cwd(Before),
        _ = file:del_dir_r(Place)
    end.

unique() -> integer_to_list(erlang:unique_integer([positive])).

written(Name, Bytes) -> ok = file:write_file(Name, Bytes), Name.

opened(Name, Modes) -> {ok, Fd} = prim_file:open(Name, Modes), Fd.

bytes(N) -> << <<(I rem 251)>> || I <- lists:seq(0, N - 1) >>.

%% What it gives, or how it fails.
try_it(F) -> try named(F()) catch C:R -> {C, named(R)} end.

named({ok, #file_descriptor{}}) -> opened;
named({ok, Ref}) when is_reference(Ref); is_pid(Ref) -> opened;
named(#file_info{} = Info) -> shown(Info);
named({ok, #file_info{} = Info}) -> {ok, shown(Info)};
named(#file_descriptor{}) -> descriptor;
named(X) when is_tuple(X) -> list_to_tuple([named(E) || E <- tuple_to_list(X)]);
named(X) -> X.

%% What two runs share of a file's information.
shown(#file_info{size = Size, type = Type, access = Access, mode = Mode, links = Links} = Info) ->
    {Type, case Type of directory -> any; _ -> Size end, Access, Mode band 8#7777, Links,
     Info#file_info.uid, Info#file_info.gid}.

t_open_errors() ->
    in_folder(fun() ->
        written("f", "x"),
        ok = file:make_dir("d"),
        ok = file:make_symlink("loop", "loop"),
        [{Name, Modes, try_it(fun() -> prim_file:open(Name, Modes) end)}
         || Name <- ["", ".", "d", "f/x", "f/", "no/such", "nosuch", "loop", "loop/x", "a\0b",
                     lists:duplicate(300, $x), lists:duplicate(5000, $x), <<"f">>, <<"a", 0>>, x, 1,
                     [x], [1.5], ["f"], "/dev/null", [16#1F600]],
            Modes <- [[read], [read, directory], [write, exclusive]]]
    end).

t_modes() ->
    in_folder(fun() ->
        [begin
             written("f", "before"),
             {Modes, try_it(fun() ->
                 case prim_file:open("f", Modes) of
                     {ok, Fd} ->
                         R = [prim_file:write(Fd, "ab"), prim_file:position(Fd, bof),
                              prim_file:read(Fd, 3)],
                         ok = prim_file:close(Fd),
                         {R, prim_file:read_file("f")};
                     Error -> Error
                 end
             end)}
         end || Modes <- [[], [read], [write], [append], [read, write], [read, append],
                          [write, append], [exclusive], [write, exclusive], [raw, read],
                          [binary, read], [binary, read, write], [sync, write], [read, list],
                          [nonsense], [read, {read_ahead, 3}], [read, {nonsense, 3}], [read | x],
                          x, [read, directory], [1]]]
    end).

t_read() ->
    in_folder(fun() ->
        written("f", bytes(1000)),
        Fd = opened("f", [read, binary]),
        R = [try_it(fun() -> prim_file:read(Fd, N) end)
             || N <- [0, 10, 1, -1, x, 1.5, 1 bsl 70, 500, 10000, 1, 0]],
        ok = prim_file:close(Fd),
        {R, try_it(fun() -> prim_file:read(Fd, 1) end), try_it(fun() -> prim_file:close(Fd) end)}
    end).

t_position() ->
    in_folder(fun() ->
        written("f", bytes(100)),
        Fd = opened("f", [read, write, binary]),
        [{At, try_it(fun() -> {prim_file:position(Fd, At), prim_file:read(Fd, 2)} end)}
         || At <- [0, 5, bof, cur, eof, {bof, 3}, {bof, -1}, {cur, 4}, {cur, -3}, {cur, -1000},
                   {eof, -2}, {eof, 2}, {eof, -1000}, -1, x, {x, 1}, {bof, x}, 1.5, 1 bsl 62,
                   1 bsl 63, 1 bsl 64, {eof, 1 bsl 63}, {bof, 1, 2}, {bof, 0}]]
    end).

t_pread() ->
    in_folder(fun() ->
        written("f", bytes(100)),
        Fd = opened("f", [read, binary]),
        One = [{At, N, try_it(fun() -> prim_file:pread(Fd, At, N) end)}
               || {At, N} <- [{0, 3}, {98, 10}, {100, 1}, {1000, 1}, {0, 0}, {100, 0}, {-1, 1},
                              {1, -1}, {x, 1}, {1, x}, {1 bsl 63, 1}, {1 bsl 64, 1}, {0, 1 bsl 64},
                              {{bof, 2}, 3}, {{cur, 2}, 3}, {{eof, -2}, 3}, {bof, 2}]],
        Lists = [{L, try_it(fun() -> prim_file:pread(Fd, L) end)}
                 || L <- [[], [{0, 3}], [{0, 3}, {98, 10}, {100, 1}, {2, 2}], [{100, 1}], [x],
                          [{0, 1}, {-1, 1}], [{0, 1} | x], x, [{0, 1}, {1, x}], [{0, 0}]]],
        {One, Lists, prim_file:position(Fd, cur)}
    end).

t_pwrite() ->
    in_folder(fun() ->
        [begin
             written("f", "0123456789"),
             Fd = opened("f", [read, write]),
             R = try_it(fun() -> apply(prim_file, pwrite, [Fd | Args]) end),
             ok = prim_file:close(Fd),
             {Args, R, file:read_file("f")}
         end || Args <- [[0, "ab"], [9, "ab"], [12, "ab"], [-1, "ab"], [x, "ab"], [0, x], [0, []],
                         [0, [<<"a">>, "b", [[$c]]]], [0, [300]], [0, ["a" | <<"b">>]],
                         [{bof, 2}, "a"], [eof, "a"], [{eof, 0}, "a"],
                         [[{0, "a"}, {5, "b"}]], [[]], [[{0, "a"}, {-1, "b"}]], [[{0, "a"} | x]],
                         [[{0, x}]], [x], [[{1, "a"}, {2, x}, {3, "c"}]]]]
    end).

t_write() ->
    in_folder(fun() ->
        [begin
             Fd = opened("f", [write]),
             R = try_it(fun() -> prim_file:write(Fd, Data) end),
             ok = prim_file:close(Fd),
             {R, file:read_file("f"), try_it(fun() -> prim_file:write(Fd, "x") end)}
         end || Data <- ["", "abc", <<"abc">>, [<<"a">>, [$b, [<<"c">>]]], ["a" | <<"b">>], x, [x],
                         [256], [-1], [a | b], <<1:1>>, [<<1:1>>], {a}, 1]]
    end).

t_write_large() ->
    in_folder(fun() ->
        Data = [bytes(70000), lists:duplicate(100, bytes(977)), $x],
        Fd = opened("f", [write]),
        R = prim_file:write(Fd, Data),
        ok = prim_file:close(Fd),
        {ok, Read} = prim_file:read_file("f"),
        {R, Read =:= iolist_to_binary(Data), byte_size(Read)}
    end).

t_truncate() ->
    in_folder(fun() ->
        written("f", "0123456789"),
        Fd = opened("f", [read, write]),
        R = [begin
                 P = prim_file:position(Fd, At),
                 {P, prim_file:truncate(Fd), prim_file:read_file("f")}
             end || At <- [5, eof, 8, 0]],
        ok = prim_file:close(Fd),
        Reader = opened("f", [read]),
        {R, prim_file:truncate(Reader), try_it(fun() -> prim_file:truncate(Fd) end),
         try_it(fun() -> prim_file:truncate(x) end)}
    end).

t_syncs() ->
    in_folder(fun() ->
        Fd = opened("f", [write]),
        R = [prim_file:sync(Fd), prim_file:datasync(Fd)],
        ok = prim_file:close(Fd),
        {R, [try_it(fun() -> prim_file:F(X) end) || F <- [sync, datasync], X <- [Fd, x]]}
    end).

t_advise() ->
    in_folder(fun() ->
        Fd = opened(written("f", bytes(100)), [read]),
        [{Args, try_it(fun() -> apply(prim_file, advise, [Fd | Args]) end)}
         || Args <- [[0, 10, A] || A <- [normal, random, sequential, will_need, dont_need, no_reuse,
                                         nonsense, 1]]
                ++ [[-1, 10, normal], [0, -1, normal], [x, 1, normal], [0, x, normal],
                    [0, 0, normal], [1 bsl 64, 1, normal]]]
    end).

t_allocate() ->
    in_folder(fun() ->
        Fd = opened("f", [write]),
        R = [{Args, try_it(fun() -> apply(prim_file, allocate, [Fd | Args]) end), filelib:file_size("f")}
             || Args <- [[0, 10], [5, 100], [0, 0], [-1, 5], [0, -5], [x, 1], [1, x], [1 bsl 64, 1]]],
        ok = prim_file:close(Fd),
        Reader = opened("f", [read]),
        {R, try_it(fun() -> prim_file:allocate(Reader, 0, 1000) end)}
    end).

t_read_line() ->
    in_folder(fun() ->
        written("f", ["one\n", "two\r\n", "\n", lists:duplicate(700, $x), "\n", "last"]),
        [begin
             Fd = opened("f", Modes),
             L = lines(Fd),
             ok = prim_file:close(Fd),
             {Modes, L}
         end || Modes <- [[read], [read, binary], [read, {read_ahead, 10}]]]
    end).

lines(Fd) ->
    case prim_file:read_line(Fd) of
        {ok, Line} -> [Line | lines(Fd)];
        Other -> [Other]
    end.

t_read_file() ->
    in_folder(fun() ->
        written("f", bytes(20)),
        written("empty", ""),
        ok = file:make_dir("d"),
        ok = file:make_symlink("f", "l"),
        ok = file:make_symlink("gone", "dangling"),
        [{N, try_it(fun() -> prim_file:read_file(N) end)}
         || N <- ["f", "empty", "d", "l", "dangling", "nosuch", "f/x", "", x, "a\0", <<"f">>, [300]]]
            ++ [byte_size(element(2, prim_file:read_file("/proc/self/stat"))) > 10]
    end).

t_write_file() ->
    in_folder(fun() ->
        ok = file:make_dir("d"),
        [{N, D, try_it(fun() -> prim_file:write_file(N, D) end), try_it(fun() -> prim_file:read_file(N) end)}
         || {N, D} <- [{"f", "abc"}, {"f", <<"x">>}, {"d", "x"}, {"no/such", "x"}, {"f", x}, {"", "x"},
                       {"f", []}, {"f", [1, [2]]}, {x, "x"}, {"a\0b", "x"}]]
            ++ [{M, file:write_file("g", "x", M), file:read_file("g")}
                || M <- [[append], [append], [exclusive], [raw], [nonsense], [delayed_write], x]]
    end).

t_file_info() ->
    in_folder(fun() ->
        written("f", bytes(20)),
        ok = file:make_dir("d"),
        ok = file:make_symlink("f", "l"),
        ok = file:make_symlink("gone", "dangling"),
        ok = file:make_link("f", "hard"),
        [{N, try_it(fun() -> prim_file:read_file_info(N) end),
          try_it(fun() -> prim_file:read_link_info(N) end),
          try_it(fun() -> prim_file:read_file_info(N, [{time, posix}]) end)}
         || N <- ["f", "d", "l", "dangling", "hard", "nosuch", "f/x", "", x, "a\0", <<"f">>]]
            ++ [shown(element(2, prim_file:read_file_info("/dev/null"))),
                [try_it(fun() -> prim_file:read_file_info("f", O) end)
                 || O <- [[{time, local}], [{time, universal}], [{time, posix}], [{time, x}], [x], x, [raw]]]]
    end).

t_handle_info() ->
    in_folder(fun() ->
        Fd = opened(written("f", bytes(20)), [read]),
        R = [try_it(fun() -> apply(prim_file, read_handle_info, [Fd | More]) end)
             || More <- [[], [[{time, posix}]], [[{time, x}]], [x]]],
        ok = prim_file:close(Fd),
        {R, try_it(fun() -> prim_file:read_handle_info(Fd) end),
         try_it(fun() -> prim_file:read_handle_info(x) end)}
    end).

t_write_file_info() ->
    in_folder(fun() ->
        written("f", "x"),
        Times = #file_info{atime = 1000000000, mtime = 1100000000},
        [prim_file:write_file_info("f", Times, [{time, posix}]),
         begin
             {ok, I} = prim_file:read_file_info("f", [{time, posix}]),
             {I#file_info.atime, I#file_info.mtime}
         end,
         begin
             {ok, U} = prim_file:read_file_info("f", [{time, universal}]),
             {U#file_info.atime, U#file_info.mtime}
         end,
         begin
             {ok, Local} = prim_file:read_file_info("f"),
             {Local#file_info.atime, Local#file_info.mtime}
         end]
        ++ [{I, try_it(fun() -> prim_file:write_file_info("f", I) end),
             try_it(fun() -> prim_file:read_file_info("f") end)}
            || I <- [#file_info{mode = 8#600}, #file_info{mode = 8#4755}, #file_info{mode = 0},
                     #file_info{uid = 1, gid = 2}, #file_info{gid = 0}, #file_info{uid = 0},
                     #file_info{mode = x}, #file_info{uid = x}, #file_info{}]]
        ++ [{O, try_it(fun() -> prim_file:write_file_info("f", I, O) end)}
            || {I, O} <- [{#file_info{mtime = {{2001, 2, 3}, {4, 5, 6}}}, [{time, universal}]},
                          {#file_info{mtime = {{2001, 2, 3}, {4, 5, 6}}}, [{time, local}]},
                          {#file_info{mtime = x}, [{time, posix}]}, {x, []}, {#file_info{}, x},
                          {#file_info{mtime = -5}, [{time, posix}]}]]
        ++ [element(6, element(2, prim_file:read_file_info("f", [{time, posix}])))]
        ++ [{N, try_it(fun() -> prim_file:write_file_info(N, #file_info{mode = 8#700}) end)}
            || N <- ["nosuch", "f/x", "", x, "a\0"]]
    end).

t_links() ->
    in_folder(fun() ->
        written("f", "x"),
        ok = file:make_dir("d"),
        Make = [{F, A, B, try_it(fun() -> prim_file:F(A, B) end)}
                || F <- [make_link, make_symlink],
                   {A, B} <- [{"f", atom_to_list(F)}, {"f", "f"}, {"f", "d"}, {"nosuch", "to_" ++ atom_to_list(F)},
                              {"f", "no/such"}, {"d", "dir_" ++ atom_to_list(F)}, {"f", "f/x"}, {"f", ""},
                              {"", "y" ++ atom_to_list(F)}, {x, "z"}, {"f", x}, {"a\0", "z"}, {"f", "a\0"}]],
        Read = [{F, N, try_it(fun() -> prim_file:F(N) end)}
                || F <- [read_link, read_link_all],
                   N <- ["f", "d", "make_symlink", "make_link", "nosuch", "f/x", "", x, "a\0",
                         "to_make_symlink"]],
        {Make, Read, file:read_file("make_symlink"), file:read_file("make_link")}
    end).

t_odd_links() ->
    in_folder(fun() ->
        ok = file:make_symlink(<<"a", 255, "b">>, "raw"),
        ok = file:make_symlink([$a, 16#E9, 16#1F600], "unicode"),
        [{F, N, try_it(fun() -> prim_file:F(N) end)}
         || F <- [read_link, read_link_all], N <- ["raw", "unicode"]]
    end).

t_directories() ->
    in_folder(fun() ->
        ok = prim_file:make_dir("d"),
        written("d/x", ""),
        written("f", ""),
        ok = prim_file:make_dir("e"),
        ok = file:make_symlink("e", "l"),
        Make = [{N, try_it(fun() -> prim_file:make_dir(N) end)}
                || N <- ["d", "f", "f/x", "no/such", "", x, "a\0", <<"b">>, ".", "..", "/",
                         lists:duplicate(300, $x)]],
        Delete = [{N, try_it(fun() -> prim_file:del_dir(N) end)}
                  || N <- ["d", "f", "f/x", "nosuch", "l", "", x, "a\0", "e", ".", "..", "/proc", "b"]],
        {Make, Delete, lists:sort(element(2, prim_file:list_dir(".")))}
    end).

t_list_dir() ->
    in_folder(fun() ->
        ok = file:make_dir("d"),
        [written(filename:join(<<"d">>, N), "x")
         || N <- [<<"plain">>, <<".hidden">>, <<"with space">>, <<"new\nline">>, <<255, 254>>,
                  <<"caf", 195, 169>>, <<"-dash">>, <<"e", 204, 129>>, <<240, 159, 152, 128>>]],
        written("f", ""),
        [{F, N, try_it(fun() -> sorted(prim_file:F(N)) end)}
         || F <- [list_dir, list_dir_all], N <- ["d", "f", "nosuch", "", x, "a\0", <<"d">>, "f/x"]]
            ++ [sorted(file:list_dir("d")), sorted(file:list_dir_all("d")),
                lists:sort(filelib:wildcard("d/*"))]
    end).

sorted({ok, Names}) -> {ok, lists:sort(Names)};
sorted(Other) -> Other.

t_delete() ->
    in_folder(fun() ->
        written("f", "x"),
        written("g", "x"),
        ok = file:make_dir("d"),
        ok = file:make_symlink("d", "l"),
        [{N, try_it(fun() -> prim_file:delete(N) end)}
         || N <- ["f", "f", "d", "l", "nosuch", "g/x", "", x, "a\0", <<"g">>, "."]]
            ++ [file:delete("f", [raw]), file:delete("nosuch", [raw])]
    end).

t_rename() ->
    in_folder(fun() ->
        [begin
             written("f", "from"),
             written("g", "to"),
             _ = file:make_dir("d"),
             _ = file:make_dir("d/sub"),
             _ = file:make_dir("e"),
             R = try_it(fun() -> prim_file:rename(A, B) end),
             L = sorted(prim_file:list_dir(".")),
             [file:del_dir_r(N) || N <- element(2, L)],
             {A, B, R, L}
         end || {A, B} <- [{"f", "g"}, {"f", "new"}, {"f", "f"}, {"f", "d"}, {"d", "f"}, {"d", "e"},
                           {"e", "d"}, {"d", "d/sub/x"}, {"nosuch", "x"}, {"f", "no/such"}, {"d", "d"},
                           {"f", ""}, {"", "f"}, {x, "f"}, {"f", x}, {"f", "a\0"}, {"e", "h"},
                           {"f", "g/x"}, {"d", "/"}, {"f", "/proc/x"}]]
    end).

t_cwd() ->
    in_folder(fun() ->
        ok = file:make_dir("d"),
        written("f", ""),
        {ok, Here} = prim_file:get_cwd(),
        R = [{N, try_it(fun() -> prim_file:set_cwd(N) end),
              string:prefix(element(2, prim_file:get_cwd()), Here)}
             || N <- ["d", "..", "f", "nosuch", "", x, "a\0", <<"d">>, <<"..">>, [300]]],
        {R, [try_it(fun() -> prim_file:get_cwd(D) end) || D <- ["/", "c:", x, []]],
         try_it(fun() -> {ok, _} = prim_file:get_cwd(".") end)}
    end).

t_gone_folder() ->
    in_folder(fun() ->
        ok = file:make_dir("gone"),
        {ok, Here} = prim_file:get_cwd(),
        ok = file:set_cwd("gone"),
        ok = file:del_dir("../gone"),
        R = {file:get_cwd(), file:list_dir("."), file:write_file("x", "x")},
        ok = file:set_cwd(Here),
        R
    end).

t_names() ->
    [try_it(fun() -> prim_file:F(N) end)
     || F <- [internal_name2native, internal_native2name, internal_normalize_utf8, is_translatable,
              altname],
        N <- ["abc", <<"abc">>, [16#E9], [16#1F600], <<255>>, <<195, 169>>, <<"e", 204, 129>>, "",
              <<>>, x, [x], [16#D800], "a\0b", [1 bsl 40]]].

t_ipread() ->
    in_folder(fun() ->
        written("f", [<<8:32, 16:32>>, <<"payload!">>, <<100:32, 12:32>>, <<3:32, 200:32>>, <<1, 2>>]),
        Fd = opened("f", [read, binary]),
        [{Args, try_it(fun() -> apply(prim_file, ipread_s32bu_p32bu, [Fd | Args]) end)}
         || Args <- [[0, 100], [0, 2], [8, 100], [16, 1000], [24, 1000], [30, 10], [1000, 10], [-1, 10],
                     [x, 10], [0, -1], [0, x], [0, infinity], [0, 1 bsl 31]]]
    end).

t_handles() ->
    in_folder(fun() ->
        Fd = opened(written("f", "abc"), [read]),
        {element(1, #file_descriptor{}), is_binary(prim_file:get_handle(Fd)),
         [try_it(fun() -> prim_file:get_handle(X) end) || X <- [x, 1]],
         [try_it(fun() -> prim_file:file_desc_to_ref(X, []) end) || X <- [-1, x, 9999]],
         try_it(fun() -> prim_file:internal_get_nif_resource(x) end)}
    end).

t_copy() ->
    in_folder(fun() ->
        written("f", bytes(5000)),
        R = [{N, file:copy("f", "g", N), filelib:file_size("g")} || N <- [0, 10, 5000, 9999, infinity]],
        E = [{A, B, try_it(fun() -> file:copy(A, B) end)}
             || {A, B} <- [{"nosuch", "x"}, {"f", "no/such"}, {".", "x"}, {"f", "."}, {x, "y"}]],
        From = opened("f", [read, binary]),
        To = opened("h", [write]),
        {R, E, prim_file:copy(From, To, 4000), prim_file:copy(From, To, infinity),
         try_it(fun() -> prim_file:copy(From, x, 1) end)}
    end).

t_sendfile() ->
    in_folder(fun() ->
        Fd = opened(written("f", "abc"), [read]),
        [try_it(fun() -> file:sendfile(F, S, 0, 0, []) end) || {F, S} <- [{Fd, x}, {x, y}, {"f", 1}]]
            ++ [file:sendfile("nosuch", x)]
    end).

%% Files of `file`: raw ones.
raw(Modes, Body) ->
    {ok, Fd} = file:open("f", [raw | Modes]),
    R = try_it(fun() -> Body(Fd) end),
    _ = file:close(Fd),
    {R, try_it(fun() -> file:read(Fd, 1) end)}.

t_raw_read_ahead() ->
    in_folder(fun() ->
        written("f", bytes(3000)),
        [raw([read, binary | M], fun(Fd) ->
             [file:read(Fd, 3), file:position(Fd, cur), file:read(Fd, 700), file:pread(Fd, 10, 4),
              file:position(Fd, cur), file:read(Fd, 2), file:position(Fd, {cur, -1}), file:read(Fd, 2),
              file:position(Fd, {eof, -3}), file:read(Fd, 10), file:read(Fd, 10),
              file:pread(Fd, [{0, 2}, {2999, 5}, {3000, 1}]), file:position(Fd, {cur, -10000}),
              file:position(Fd, 5), file:read_line(Fd)]
         end) || M <- [[], [read_ahead], [{read_ahead, 100}], [{read_ahead, 1}]]]
    end).

t_raw_delayed_write() ->
    in_folder(fun() ->
        [begin
             file:delete("f"),
             raw([write | M], fun(Fd) ->
                 [file:write(Fd, "abc"), filelib:file_size("f"), file:position(Fd, cur),
                  filelib:file_size("f"), file:write(Fd, "def"), file:pwrite(Fd, 1, "X"), file:sync(Fd),
                  file:read_file("f"), file:write(Fd, bytes(100)), filelib:file_size("f"),
                  file:write(Fd, x), file:truncate(Fd), file:datasync(Fd), filelib:file_size("f")]
             end)
         end || M <- [[delayed_write], [{delayed_write, 50, 10000}], [{delayed_write, 1, 10000}], []]]
    end).

t_raw_both() ->
    in_folder(fun() ->
        written("f", bytes(100)),
        raw([read, write, {read_ahead, 20}, {delayed_write, 1000, 10000}], fun(Fd) ->
            [file:read(Fd, 5), file:write(Fd, "XY"), file:read(Fd, 5), file:position(Fd, 0), file:read(Fd, 10)]
        end)
    end).

t_raw_compressed() ->
    in_folder(fun() ->
        W = raw([write, compressed], fun(Fd) ->
            [file:write(Fd, bytes(1000)), file:position(Fd, cur), file:write(Fd, "end"), file:position(Fd, {bof, 2000}),
             file:read(Fd, 1)]
        end),
        {ok, <<Magic:2/binary, _/binary>>} = file:read_file("f"),
        R = raw([read, compressed, binary], fun(Fd) ->
            [file:read(Fd, 5), file:position(Fd, cur), file:position(Fd, {bof, 998}), file:read(Fd, 10),
             file:position(Fd, bof), file:read(Fd, 2), file:position(Fd, eof), file:position(Fd, {eof, -1}),
             file:write(Fd, "x"), file:pread(Fd, 3, 2), file:truncate(Fd), file:sync(Fd), file:read_line(Fd)]
        end),
        written("f", "not packed\nat all"),
        P = raw([read, compressed], fun(Fd) -> [file:read(Fd, 5), file:read_line(Fd), file:read(Fd, 100)] end),
        B = [try_it(fun() -> file:open("f", M) end)
             || M <- [[raw, read, write, compressed], [raw, append, compressed], [raw, compressed],
                      [read, write, compressed]]],
        {W, Magic, R, P, B}
    end).

t_file_modes() ->
    in_folder(fun() ->
        [begin
             written("f", "abc"),
             {M, try_it(fun() ->
                 case file:open("f", M) of
                     {ok, Fd} ->
                         R = [file:read(Fd, 2), file:write(Fd, "z"), file:position(Fd, 0), file:read(Fd, 9)],
                         {R, file:close(Fd), file:read_file("f")};
                     Error -> Error
                 end
             end)}
         end || M <- [[read], [write], [append], [read, write], [read, append], [exclusive], [binary],
                      [read, binary], [read, {encoding, utf8}], [read, {encoding, x}], [x],
                      [read, {read_ahead, -1}], [write, {delayed_write, -1, 0}], [write, {delayed_write, x, 1}],
                      [raw, {encoding, utf8}], x, [ram, read], [ram, binary, read, write], [raw, ram],
                      [directory], [read, directory], [write, delayed_write], [read, read_ahead]]]
    end).

t_owner_only() ->
    in_folder(fun() ->
        Fd = opened(written("f", "abc"), [read]),
        {Pid, Ref} = spawn_monitor(fun() ->
            exit([try_it(fun() -> F(Fd) end)
                  || F <- [fun(X) -> prim_file:read(X, 1) end, fun prim_file:close/1, fun prim_file:sync/1,
                           fun(X) -> prim_file:position(X, 0) end, fun prim_file:read_handle_info/1,
                           fun prim_file:get_handle/1]])
        end),
        receive {'DOWN', Ref, process, Pid, Why} -> Why end
    end).

t_consult() ->
    in_folder(fun() ->
        [begin
             written("f", Text),
             {try_it(fun() -> file:consult("f") end), try_it(fun() -> file:script("f") end),
              try_it(fun() -> file:eval("f") end)}
         end || Text <- ["{a, 1}.\n[b].\n", "{a", "", "a. b", "x = .", <<"\"", 195, 169, "\".">>,
                         "%% coding: latin-1\n\"\351\"."]]
            ++ [file:consult("nosuch"), file:consult("."), file:path_consult(["nosuch", "."], "f"),
                file:format_error({1, erl_parse, "x"}), file:format_error(enoent), file:format_error(x),
                file:format_error(badarg), file:format_error(terminated), file:format_error(system_limit)]
    end).

t_format_error() ->
    [{E, file:format_error(E)}
     || E <- [eacces, eagain, ebadf, ebusy, edquot, eexist, efault, efbig, eintr, einval, eio, eisdir, eloop,
              emfile, emlink, enametoolong, enfile, enodev, enoent, enomem, enospc, enotblk, enotdir,
              enotsup, enxio, eperm, epipe, erofs, espipe, esrch, estale, exdev, {1, x}, 1]].
