%% Strings, unicode, io_lib, lists: the library on top.
-module(texts).
-compile([export_all, nowarn_export_all]).

f(F, A) -> lists:flatten(io_lib:format(F, A)).
t_format() -> [f("~s ~p ~w ~c ~b ~.16b ~#", ["s", "p", "w", $c, 10, 255]) || false] ++ [f("~s|~10s|~-10s|~5.2s|", ["abc", "abc", "abc", "abc"])].
t_format_num() -> [f("~b ~.2b ~.16B ~16#~n", [10, 5, 255]) || false] ++ [f("~b ~.2b ~.16B ~.16x ~.10#", [10, 5, 255, 255, "0x", 7])].
t_format_float() -> [f("~f ~.2f ~e ~g ~.3e ~10.3f", [1.5, 2.345, 1.0e10, 1.0e-5, 123.456, 2.0])].
t_format_pad() -> [f("~*c ~3..0b ~-8w| ~20p", [3, $x, 7, ab, {a, b}])].
t_format_unicode() -> [f("~ts ~tp ~ts", ["åäö€", "åäö", <<"åäö"/utf8>>])].
t_format_bad() -> [catch_it(fun() -> io_lib:format(F, A) end) || {F, A} <- [{"~p", []}, {"~p", [a, b]}, {"~z", [a]}, {"~s", [1]}]].
t_scan() -> [io_lib:fread("~d ~f ~s", "12 3.5 abc"), io_lib:fread("~a", "atom")].
t_string() -> [string:split("a,b,c", ","), string:split("a,b,c", ",", all), string:uppercase("aåß"), string:trim("  x "), string:length("e\x{301}"), string:reverse("abc"), string:tokens("a b  c", " "), string:find("hello", "l"), string:pad("x", 4, both), string:to_integer("12ab"), string:to_float("1.5e3x"), string:lexemes("a-b_c", "-_")].
t_string_bin() -> [string:uppercase(<<"straße"/utf8>>), string:split(<<"a b">>, " "), string:slice(<<"hello">>, 1, 3), string:casefold("ÅÄÖ"), string:equal("å", "a\x{30a}", false, nfc)].
t_unicode() -> [unicode:characters_to_binary("åäö€😀"), unicode:characters_to_list(<<"åäö"/utf8>>), unicode:characters_to_binary(<<"aå">>, latin1, utf8), unicode:characters_to_binary("ab", utf8, utf16), unicode:characters_to_list(<<255, 254>>), unicode:characters_to_binary([<<195>>, <<165>>]), unicode:characters_to_binary([16#D800])].
t_heavy_normal() -> [unicode:characters_to_nfc_list("e\x{301}"), unicode:characters_to_nfd_list("é"), unicode:characters_to_nfkc_binary("ﬁ")].
t_lists() -> L = [5, 3, 8, 1], [lists:sort(L), lists:reverse(L), lists:max(L), lists:nth(2, L), lists:last(L), lists:sum(L), lists:zip(L, L), lists:split(2, L), lists:partition(fun(X) -> X > 3 end, L), lists:keysort(2, [{a, 2}, {b, 1}]), lists:flatten([1, [2, [3]]]), lists:nthtail(1, L), lists:sublist(L, 2, 2), lists:duplicate(3, x), lists:foldr(fun(X, A) -> [X | A] end, [], L), lists:mapfoldl(fun(X, A) -> {X * 2, A + X} end, 0, L), lists:umerge([1, 3], [2, 3]), lists:seq(10, 1, -3), lists:droplast(L), lists:join(x, L), lists:search(fun(X) -> X > 4 end, L)].
t_keys() -> L = [{a, 1}, {b, 2}, {c, 3}], [lists:keyfind(b, 1, L), lists:keymember(z, 1, L), lists:keysearch(3, 2, L), lists:keydelete(a, 1, L), lists:keyreplace(b, 1, L, {b, 9}), lists:keystore(d, 1, L, {d, 4}), lists:keytake(c, 1, L), lists:keymap(fun(X) -> -X end, 2, L)].
t_keyfind_num() -> [lists:keyfind(1, 1, [{1.0, a}]), lists:keyfind(1.0, 1, [{1, b}]), lists:member(1, [1.0])].
t_sort_stable() -> lists:keysort(1, [{N rem 3, N} || N <- lists:seq(1, 30)]).
t_heavy_sort_big() -> L = [(N * 7919) rem 10007 || N <- lists:seq(1, 5000)], {lists:sort(L) =:= lists:seq(0, 10006) -- (lists:seq(0, 10006) -- L), erlang:phash2(lists:usort(L))}.
t_binary() -> [binary:split(<<"a,b,c">>, <<",">>, [global]), binary:match(<<"hello">>, <<"l">>), binary:matches(<<"abcabc">>, [<<"a">>, <<"c">>]), binary:replace(<<"aXbX">>, <<"X">>, <<"-">>, [global]), binary:part(<<"hello">>, 1, 3), binary:copy(<<"ab">>, 3), binary:longest_common_prefix([<<"abc">>, <<"abd">>]), binary:encode_unsigned(65535), binary:decode_unsigned(<<1, 0>>), binary:first(<<5>>), binary:at(<<1, 2>>, 1), binary:bin_to_list(<<1, 2, 3>>, 1, 2), binary:encode_hex(<<255, 1>>), binary:decode_hex(<<"FF01">>)].
t_re() -> [re:run("hello world", "o", [global]), re:run("abc123", "([a-z]+)([0-9]+)", [{capture, all, list}]), re:replace("aXbX", "X", "-", [global, {return, list}]), re:split("a,b;c", "[,;]", [{return, list}]), re:run("ABC", "b", [caseless]), re:run("x", "y"), re:run("åäö", "ä", [unicode, {capture, all, list}]), re:run("abc", "(?<n>b)", [{capture, [n], binary}])].
t_re_latin1() -> [{Class, [C || C <- lists:seq(0, 255), re:run([C], Class) =/= nomatch]} || Class <- ["\\s", "\\w", "\\d", "\\h", "\\v", "[[:upper:]]", "[[:lower:]]", "[[:punct:]]", "[[:graph:]]", "[[:print:]]", "[[:cntrl:]]", "[[:alpha:]]", "[[:alnum:]]"]].
t_re_latin1_caseless() -> [{C, D} || C <- lists:seq(128, 255), D <- lists:seq(128, 255), C =/= D, re:run([D], ["\\Q", C], [caseless]) =/= nomatch].
t_re_latin1_unicode() -> [re:run([229], "\\w", [unicode]), re:run([1024], "\\w", [unicode]), re:run([1024], "\\w", [unicode, ucp])].
t_re_hyphen() -> [catch re:run("12-34z", P, [{capture, all, list}]) || P <- ["[\\d-z]+", "[\\w-]+", "[[:digit:]-z]+", "[z\\d-]+", "\\d-\\d"]].
t_re_bad_option() -> [element(1, catch_it(fun() -> re:run("a", "a", [no_such]) end))].
t_unicode_encodings() -> [unicode:characters_to_list(<<65:16, 228:16>>, {utf16, big}), unicode:characters_to_list(<<65:16/little, 55296:16/little>>, {utf16, little}), unicode:characters_to_binary(<<65:32, 1114112:32>>, utf32), catch_it(fun() -> unicode:characters_to_list("a", nonsense) end)].
t_re_bad() -> [re:compile("("), re:compile("[a"), re:compile("*a"), catch_it(fun() -> re:run("a", "(") end)].
t_base64() -> [base64:encode("hello"), base64:decode("aGVsbG8="), base64:encode(<<0, 255, 1>>)].
t_queue() -> queue:to_list(lists:foldl(fun queue:in/2, queue:new(), lists:seq(1, 20))).
t_gb() -> T = lists:foldl(fun(N, A) -> gb_trees:enter(N rem 17, N, A) end, gb_trees:empty(), lists:seq(1, 100)), gb_trees:to_list(T).
t_dict() -> lists:sort(dict:to_list(lists:foldl(fun(N, A) -> dict:update_counter(N rem 7, 1, A) end, dict:new(), lists:seq(1, 100)))).
t_sets() -> lists:sort(sets:to_list(sets:union(sets:from_list([1, 2, 3]), sets:from_list([3, 4])))).
t_array() -> array:to_list(array:set(5, x, array:from_list([1, 2, 3]))).
t_proplists() -> [proplists:get_value(a, [{a, 1}, b]), proplists:get_bool(b, [{a, 1}, b]), proplists:delete(a, [{a, 1}, {b, 2}])].
t_calendar() -> [calendar:day_of_the_week(2026, 11, 22), calendar:datetime_to_gregorian_seconds({{2026, 11, 22}, {1, 2, 3}}), calendar:gregorian_seconds_to_datetime(63000000000), calendar:valid_date(2023, 2, 29)].
t_heavy_eval() -> {ok, Ts, _} = erl_scan:string("X = 3, lists:map(fun(Y) -> Y * X end, [1, 2])."), {ok, Es} = erl_parse:parse_exprs(Ts), {value, V, _} = erl_eval:exprs(Es, []), V.
t_heavy_parse_form() -> {ok, Ts, _} = erl_scan:string("f(X) when X > 1 -> {X, a}; f(_) -> ok."), {ok, F} = erl_parse:parse_form(Ts), lists:flatten(erl_pp:form(F)).
t_heavy_compile() -> {ok, Ts1, L} = erl_scan:string("-module(made_here). "), {ok, Ts2, _} = erl_scan:string("-export([f/1]). ", L), {ok, Ts3, _} = erl_scan:string("f(X) -> [X | lists:seq(1, X)].", L), Fs = [begin {ok, F} = erl_parse:parse_form(T), F end || T <- [Ts1, Ts2, Ts3]], {ok, M, B} = compile:forms(Fs, []), {module, M} = code:load_binary(M, "made_here", B), M:f(3).
t_rand() -> S = rand:seed_s(exsss, {1, 2, 3}), {A, S1} = rand:uniform_s(1000, S), {B, _} = rand:uniform_s(S1), {A, B}.
t_uri() -> [uri_string:parse("http://a.b:80/c?d=e#f"), uri_string:quote("a b/c")].
t_zip() -> Z = zlib:compress(lists:duplicate(1000, $a)), {byte_size(Z), zlib:uncompress(Z) =:= list_to_binary(lists:duplicate(1000, $a)), zlib:gunzip(zlib:gzip("hello"))}.
t_ets() -> T = ets:new(t, [ordered_set]), ets:insert(T, [{N, N * N} || N <- lists:seq(1, 100)]), {ets:lookup(T, 7), ets:select(T, [{{'$1', '$2'}, [{'<', '$2', 50}], ['$1']}]), ets:info(T, size)}.

catch_it(F) -> try F() catch C:R -> {C, R} end.
