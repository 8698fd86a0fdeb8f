%% What works on programs and documents: eunit, cover, xmerl, edoc, proper, the parsers, xref.
-module(tools).
-export([main/0]).

main() ->
    [io:format("~p ~p~n", [Name, catch Tool()]) || {Name, Tool} <- tools()],
    init:stop().

tools() ->
    [{eunit, fun eunit/0}, {cover, fun cover/0}, {xmerl, fun xmerl/0}, {edoc, fun edoc/0}, {proper, fun proper/0},
     {parsers, fun parsers/0}, {xref, fun xref/0}, {crypto_free, fun erlang_syntax/0}].


source() -> "tools_sample.erl".

sample() ->
    ok = file:write_file(source(),
        "%% @author nobody\n%% @doc A sample.\n-module(tools_sample).\n-export([f/1, g/0]).\n"
        "%% @doc Twice or not.\n-spec f(integer()) -> integer().\nf(N) when N > 0 -> N * 2;\nf(_) -> 0.\n"
        "g() -> unknown:h(), f(1).\n").

%% A suite with a failure, an error, a generator, a fixture and a time limit.
eunit() ->
    ok = file:write_file("tools_tests.erl",
        "-module(tools_tests).\n-include_lib(\"eunit/include/eunit.hrl\").\n"
        "right_test() -> ?assertEqual(4, 2 + 2).\n"
        "wrong_test() -> ?assertEqual(other, node()).\n"
        "broken_test() -> error(broken).\n"
        "some_test_() -> [?_assert(N > 0) || N <- [1, 2, 3]].\n"
        "slow_test_() -> {timeout, 0.05, fun() -> timer:sleep(2000) end}.\n"
        "kept_test_() -> {setup, fun() -> kept end, fun(kept) -> ok end, fun(K) -> [?_assertEqual(kept, K)] end}.\n"
        "raises_test() -> ?assertError(badarg, list_to_atom(node())).\n"),
    {ok, tools_tests} = c:c(tools_tests),
    Result = eunit:test(tools_tests, [no_tty, {report, {eunit_surefire, [{dir, "."}]}}]),
    {ok, Report} = file:read_file("TEST-tools_tests.xml"),
    {Doc, []} = xmerl_scan:string(binary_to_list(Report)),
    Count = fun(What) -> length(xmerl_xpath:string("//" ++ What, Doc)) end,
    {Result, Count("testcase"), Count("failure"), Count("error")}.

cover() ->
    sample(),
    {ok, _} = cover:start(),
    {ok, tools_sample} = cover:compile(source()),
    6 = tools_sample:f(3),
    {ok, Lines} = cover:analyse(tools_sample, calls, line),
    {ok, Coverage} = cover:analyse(tools_sample, coverage, function),
    ok = cover:stop(),
    {Lines, Coverage}.

xmerl() ->
    Text = "<?xml version=\"1.0\"?><a x=\"1\"><!-- c --><b>t&amp;u</b><b/></a>",
    {Doc, []} = xmerl_scan:string(Text),
    Found = length(xmerl_xpath:string("//b", Doc)),
    {Found, lists:flatten(xmerl:export_simple([Doc], xmerl_xml)),
     xmerl_sax_parser:stream(Text, [{event_fun, fun(_, _, N) -> N + 1 end}, {event_state, 0}])}.

edoc() ->
    sample(),
    {_, Doc} = edoc:get_doc(source()),
    Text = edoc:layout(Doc),
    {iolist_size(Text) > 1000, nomatch =/= string:find(Text, "Twice or not")}.

proper() ->
    Reverses = proper:forall(proper_types:list(proper_types:int()), fun(L) -> lists:reverse(lists:reverse(L)) =:= L end),
    Small = proper:forall(proper_types:int(), fun(N) -> N < 20 end),
    {proper:quickcheck(Reverses, [quiet, {numtests, 200}]), proper:quickcheck(Small, [quiet, {numtests, 2000}])}.

parsers() ->
    ok = file:write_file("calc.yrl",
        "Nonterminals e. Terminals '+' number. Rootsymbol e. Left 100 '+'.\n"
        "e -> e '+' e : value('$1') + value('$3'). e -> number : '$1'.\n"
        "Erlang code.\nvalue({number, _, N}) -> N; value(N) -> N.\n"),
    ok = file:write_file("words.xrl",
        "Definitions.\nRules.\n[0-9]+ : {token, {number, TokenLine, list_to_integer(TokenChars)}}.\n"
        "\\+ : {token, {'+', TokenLine}}.\n[\\s]+ : skip_token.\nErlang code.\n"),
    {ok, _} = yecc:file("calc.yrl", []),
    {ok, _} = leex:file("words.xrl", []),
    [{ok, M} = c:c(M) || M <- [calc, words]],
    {ok, Tokens, _} = words:string("1 + 20 + 300"),
    calc:parse(Tokens).

xref() ->
    sample(),
    {ok, tools_sample} = compile:file(source(), [debug_info]),
    {ok, _} = xref:start(s),
    ok = xref:set_default(s, [{warnings, false}, {verbose, false}]),
    {ok, tools_sample} = xref:add_module(s, "tools_sample"),
    {ok, Calls} = xref:q(s, "E | tools_sample"),
    xref:stop(s),
    lists:sort(Calls).

erlang_syntax() ->
    {ok, Forms} = epp_dodger:parse_file(source()),
    erl_prettypr:format(erl_syntax:form_list(Forms)).
