%% Regular expressions: matches, captures, options, errors.
-module(io_re).
-export([main/0]).

main() ->
    [show(S, R, O) || {S, R, O} <- runs()],
    [io:format("compile ~p: ~p~n", [R, result(fun() -> shape(re:compile(R)) end)]) || R <- bad()],
    [io:format("~p~n", [result(T)]) || T <- others()].

show(S, R, O) -> io:format("~p ~p ~p: ~p~n", [S, R, O, result(fun() -> re:run(S, R, O) end)]).

result(F) -> try F() catch C:E -> {C, E} end.

shape({ok, {re_pattern, N, U, C, _}}) -> {ok, N, U, C};
shape(Other) -> Other.

runs() ->
    [{"abc", "b", []}, {"abc", "(a)(b)?(x)?(c)", []}, {"abc", "x", []}, {"aXbX", "x", [caseless, global]},
     {<<"abc">>, <<"(?<n>b)">>, [{capture, all_names, binary}]}, {"abc", "b", [{capture, all_names, list}]},
     {"abc", "(x)?(b)(y)?", [{capture, [0, 1, 2, 3, 4], list}]}, {"abc", "(?<x>b)", [{capture, [x, "x", <<"x">>, y], binary}]},
     {"ab", "(?<n>a)|(?<n>b)", [dupnames, {capture, [n], list}]}, {"b", "(?<n>a)|(?<n>b)", [dupnames, {capture, all_names, list}]},
     {"abc", "b", [{capture, none}]}, {"abc", "b", [{capture, []}]}, {"abc", "(b)", [{capture, all_but_first}]},
     {"abc", "b", [{capture, all_but_first}]}, {"abc", "b", [{capture, foo}]}, {"abc", "b", [foo]}, {"abc", "b", [{capture, all, foo}]},
     {"aaa", "a*?", [global, {capture, all, list}]}, {"", "^$", []}, {"a\nb", "^b", []}, {"a\nb", "^b", [multiline]},
     {"a\nb", "a$", [multiline]}, {"a\n", "a$", []}, {"a\n", "a$", [dollar_endonly]}, {"a\nb", "a.b", []}, {"a\nb", "a.b", [dotall]},
     {"a\rb", "^b", [multiline, {newline, cr}]}, {"a\r\nb", "^b", [multiline, {newline, crlf}]}, {"a\r\nb", "a$", [multiline, {newline, anycrlf}]},
     {"a b # c", "a b # c", []}, {"ab", "a b # c", [extended]}, {"aab", "a+", [ungreedy]}, {"xab", "ab", [anchored]}, {"xab", "ab", [{offset, 1}, anchored]},
     {"abab", "ab", [{offset, 1}]}, {"", "a*", [notempty]}, {"abc", "^b", [{offset, 1}]}, {"abc", "^a", [notbol]}, {"abc", "c$", [noteol]},
     {[229, 1234, 98], ".b", [unicode, {capture, all, list}]}, {<<"åb"/utf8>>, ".b", [unicode]}, {<<"åb"/utf8>>, <<".b">>, [unicode, {capture, all, binary}]},
     {<<"åb"/utf8>>, ".b", []}, {<<255>>, "b", [unicode]}, {[1234], "b", []}, {<<"Ä"/utf8>>, <<"ä"/utf8>>, [unicode, caseless]},
     {<<"٣"/utf8>>, "\\d", [unicode]}, {<<"٣"/utf8>>, "\\d", [unicode, ucp]}, {"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "(a+)+$", [{match_limit, 100}]},
     {"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "(a+)+$", [{match_limit, 100}, report_errors]}, {"abc", "(", []}, {"abc", "(", [report_errors]},
     {"2024-01-02 and 2025-03-04", "(\\d+)-(\\d+)-(\\d+)", [global, {capture, all_but_first, list}]}, {["a", <<"b">>, $c], ["b", $c], []},
     {"foobar", "(?<=foo)bar", []}, {"foobar", "(?=bar)", []}, {"aabb", "^(a(?1)?b)$", []}, {"abcabc", "(abc)\\1", []}, {"a\x{2028}b", "a\\Rb", []},
     {<<"a", 226, 128, 168, "b">>, "a\\Rb", [unicode]}, {<<"a", 226, 128, 168, "b">>, "a\\Rb", [unicode, bsr_anycrlf]}, {binary:copy(<<"ab">>, 50), "b+a", [{capture, first, binary}]},
     {<<"x", 1:1>>, "x", []}, {foo, "x", []}, {"x", foo, []}, {"x", "x", foo}].

bad() -> ["(", "a**", "[z-a]", "abc)", "\\", "[abc", "(?<n>a)(?<n>b)", "(?z)", "a{3,1}", "[[:foo:]]", "(?#c", "\\x{110000}"].

others() ->
    [fun() -> {ok, MP} = re:compile("(a)(?<n>b)", [caseless]), {element(2, MP), re:run("xAB", MP), re:run("xAB", MP, [{capture, [n], list}]), re:inspect(MP, namelist)} end,
     fun() -> {ok, MP} = re:compile(<<"ä"/utf8>>, [unicode]), {re:run([228], MP), re:run(<<"xä"/utf8>>, MP, [{capture, first, list}])} end,
     fun() -> {ok, MP} = re:compile("a"), re:run("a", binary_to_term(term_to_binary(MP))) end,
     fun() -> {ok, MP} = re:compile("a"), re:run("a", MP, [caseless]) end,
     fun() -> re:run("a", {re_pattern, 0, 0, 0, <<"abcd">>}) end,
     fun() -> re:inspect(foo, namelist) end,
     fun() -> re:compile("a", [offset]) end,
     fun() -> re:compile("a", [{capture, all}]) end,
     fun() -> re:compile([1234]) end,
     fun() -> re:compile(<<255>>, [unicode]) end,
     fun() -> re:split("a,b,,c", ",") end,
     fun() -> re:split("a,b;c", "([,;])", [{return, list}]) end,
     fun() -> re:split("abc", "", [{return, list}]) end,
     fun() -> re:replace("hello world", "o(.)", "[&\\1]", [global, {return, list}]) end,
     fun() -> re:replace([228, 98], "b", [1234], [unicode, {return, list}]) end,
     fun() -> re:replace("abc", "b", fun(W, _) -> [W, W] end, [{return, binary}]) end,
     fun() -> string:split("a b c", " ", all) end,
     fun() -> is_binary(re:version()) end].
