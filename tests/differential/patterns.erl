%% Patterns of `re`: what each matches in a few texts, or what is wrong with it and where. Left out are
%% those that docs/Patterns.md names: there stock and oxbeam differ.
-module(patterns).
-compile([export_all, nowarn_export_all]).

texts() ->
    ["", "a", "abc", "aaa", "8", "\\8", "ab12 _-]", "foo\nbar\r\nbaz", "\e\f\t\v\n\r\a\0", "AbC",
     [200, 201, 255, 160, 16#85], "a]b[c^d-e", "xyz{1,2}", "(())", "#c x"].

seen(Pattern, Options) ->
    case catch re:compile(Pattern, Options) of
        {ok, _} -> [run(Text, Pattern, Options) || Text <- texts()];
        {error, Error} -> Error;
        {'EXIT', {Reason, _}} -> {exit, Reason}
    end.

run(Text, Pattern, Options) ->
    Subject = case lists:member(unicode, Options) of
        true -> unicode:characters_to_binary(Text);
        false -> list_to_binary(Text)
    end,
    case catch re:run(Subject, Pattern, Options ++ [{match_limit, 100000}, report_errors]) of
        {match, Match} -> Match;
        nomatch -> n;
        {'EXIT', {Reason, _}} -> {exit, Reason};
        Other -> Other
    end.

all(Patterns, Options) -> [{P, O, seen(P, O)} || P <- Patterns, O <- Options, not differs(P)].

escapes() -> [[$\\, C] || C <- lists:seq(0, 127)].

t_heavy_escapes() ->
    all([E ++ T || E <- escapes(), T <- ["", "a", "{2}", "41", "{41}", "{zz}", "101", "{L}", "{^Lu}", "<n>", "-z", "81"]],
        [[], [unicode]]).

t_heavy_escapes_behind_groups() ->
    all(["(a)(?<n>b)?" ++ E ++ T || E <- escapes(), T <- ["", "+", "1", "<n>", "{n}", "'n'", "{-1}"]], [[]]).

t_heavy_escapes_in_classes() ->
    all(["[" ++ X ++ E ++ Y ++ "]" || E <- escapes(), {X, Y} <- [{"", ""}, {"^", "a"}, {"!-", ""}, {"", "-z"}, {"", "{41}"}]],
        [[], [unicode]]).

t_groups() ->
    all([X ++ G || G <- groups(), X <- ["", "(a)(?<n>b)"]], [[]]).

t_verbs() -> all([X ++ V ++ Y || V <- verbs(), {X, Y} <- [{"", "a"}, {"a", "b"}]], [[]]).

t_classes() -> all(classes(), [[], [unicode], [caseless], [extended], [ucp]]).

t_heavy_quantifiers() -> all(quants(), [[], [ungreedy]]).

t_heavy_others() -> all(others(), options()).

t_heavy_pairs() -> all([A ++ B ++ C || A <- tokens(), B <- tokens(), C <- ["", "a"]], [[], [extended]]).

tokens() ->
    ["a", "(", ")", "[", "]", "*", "+", "?", "|", "^", "$", "\\", "{1}", "{", "(?:", "(?=", "(?<=", "(?<n>", "\\1", "\\Q", "\\E", "-", "\\d", "\\b", "#", " ", "\n", ":", ".", "(?i)", "(?1)", "\\K", "\\R", "1", "\\x{61}", "\\8", "(*F)", "(?#", "=", "!"].

groups() ->
    ["(?" ++ S || S <- [[C] || C <- lists:seq(33, 126)] ++ [[C, $)] || C <- lists:seq(33, 126)]
   ++ [[C] ++ "a)" || C <- lists:seq(33, 126)] ++ [[C] ++ "a>b)" || C <- lists:seq(33, 126)]
   ++ [[C, D] ++ "a)" || C <- "<P(|-+^C", D <- lists:seq(33, 126)]
   ++ ["P" ++ X || X <- ["<a>b)", "<1a>b)", "<>b)", "<a", "=a)", "=", ">a)", "<a-b>c)", "<abcdefghijabcdefghijabcdefghijab>x)", "<abcdefghijabcdefghijabcdefghijabc>x)", "<é>x)"]]
   ++ ["(1)a|b)", "(0)a)", "(R)a)", "(R1)a)", "(R&n)a)", "(DEFINE)a)", "(DEFINE)a|b)", "(<n>)a)", "('n')a)", "(n)a)", "(?=a)b|c)", "(?!a)b|c)", "(?<=a)b)", "(-1)a)", "(+1)a)", "(VERSION>=1)a)", "(VERSION=8.44)a|b)", "(1a)b)", "(1)a|b|c)", "(?a)b)", "(*ACCEPT)a)"]
   ++ ["R)", "R1)", "0)", "1)", "+1)", "-1)", "-0)", "+0)", "&n)", "2)", "99)", "i)a", "i-s)a", "imsxJU)a", "imsxJU-imsx)a", "^)a", "^i)a", "xx)a b", "n)(a)", "i:a)", "-i:a)", "--i)", "i-)", "#c)a", "#c", "C)a", "C1)a", "C255)a", "C256)a", "C'x')a", "C{x})a", "|a|(b))", "|(a)|(b))\\1", "-", "-:a)", "--)", "i", "i-", "i)"]].

verbs() -> ["(*" ++ V || V <- ["ACCEPT)", "FAIL)", "F)", "COMMIT)", "PRUNE)", "PRUNE:x)", "SKIP)", "SKIP:x)", "THEN)", "THEN:x)", "MARK:x)", ":x)", "MARK)", "MARK:)", "COMMIT:x)", "ACCEPT:x)", "FAIL:x)", "F:x)", "CR)", "LF)", "CRLF)", "ANYCRLF)", "ANY)", "NUL)", "BSR_ANYCRLF)", "BSR_UNICODE)", "UTF)", "UTF8)", "UTF16)", "UCP)", "NO_START_OPT)", "NO_AUTO_POSSESS)", "NOTEMPTY)", "NOTEMPTY_ATSTART)", "NO_JIT)", "NO_DOTSTAR_ANCHOR)", "LIMIT_MATCH=10)", "LIMIT_RECURSION=10)", "LIMIT_DEPTH=10)", "LIMIT_HEAP=10)", "LIMIT_MATCH=)", "LIMIT_MATCH=99999999999)", "pla:a)", "positive_lookahead:a)", "nla:a)", "plb:a)", "nlb:a)", "atomic:a)", "sr:a)", "script_run:a)", "asr:a)", "napla:a)", "accept)", "X)", ")", "", "a", ":)", "PRUNE", "PRUNE:", "SKIP:)", "THEN:)", "PRUNE:)"]].

classes() -> ["[" ++ X || X <- ["]", "]a]", "^]", "^]a]", "a-z]", "z-a]", "a-]", "-a]", "a-z-9]", "a\\-z]", "\\d-z]", "a-\\d]", "\\d-\\w]", "[:alpha:]]", "[:^alpha:]]", "[:foo:]]", "[:alpha:]", "[.a.]]", "[=a=]]", "[:alpha:]-z]", "a-[:digit:]]", "[:ALPHA:]]", "[:alpha]]", "[:word:][:ascii:][:blank:]]", "[:<:]]a", "[:>:]]a", "\\Qab-z\\E]", "\\Q]\\E]", "a-\\Qz\\E]", "\\Qa\\E-z]", "a\\Q-\\Ez]", "\\x{100}]", "\\x{100}-\\x{200}]", "\\x41-\\x5a]", "\\101-\\132]", "\\b]", "\\B]", "\\R]", "\\X]", "\\N]", "\\h]", "\\H]", "\\v\\V]", "\\K]", "\\A]", "\\z]", "\\Z]", "\\G]", "\\8]", "\\9]", "\\1]", "\\81]", "\\c]]", "\\e-\\n]", "\\p{L}]", "\\p{L}-z]", "\\P{^L}]", "\\", "a", "", "^", "[a]", "[a]]", "a[b]", "a-b-c]", "--a]", "+--]", "^-a]", "a&&b]", "\\E]", "\\Ea]", "\\E^a]", "^\\Ea]", "]-a]", "\\]-a]", "\\ca-\\cz]", "#]", " ]", "^ ]", "a\\x{}]", "\\o{101}]", "\\g1]", "\\k<n>]", "\\N{U+41}]","\\x]", "\\xg]", "a-\\x]"]].

quants() -> [A ++ Q || A <- ["a", "(a)", "[a]", "\\d", ".", "^", "$", "\\b", "(?=a)", "(?<=a)", "(?i)", "(?#x)", "|", "(", "", "\\K", "\\A", "\\G", "a*", "a+", "a?", "a{2}", "\\1", "(?R)", "(a)(?1)", "(*F)", "\\Qa\\E", "\\Qab\\E", "\\E", "(?(1)a)", "(?:)", "()", "(?>a)", "\\R", "\\X", "\\C"],
   Q <- ["*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "**", "+*", "{1}", "{1,}", "{,1}", "{1,2}", "{2,1}", "{1}?", "{1}+", "{1,2}*", "{0}", "{0,0}", "{65535}", "{65536}", "{99999}", "{1,65536}", "{-1}", "{a}", "{1", "{1,", "{1,a}", "{ 1}", "{}", "{,}", "{1 }", "{1,2,3}", "*{2}", "?{2}", "{2}{3}"]].

others() -> ["(?<n>a)(?<n>b)", "(?J)(?<n>a)(?<n>b)", "(?J)(?<n>a)|(?<n>b)", "(?|(?<a>x)|(?<a>y))", "(?|(?<a>x)|(?<b>y))", "(?<n>a)\\k<n>", "(?<n>a)\\k'n'", "(?<n>a)\\k{n}", "(?<n>a)\\g{n}", "(?<n>a)\\g<n>", "(?<n>a)(?P=n)", "(?<n>a)(?P>n)", "(?<n>a)(?&n)", "\\k<n>", "(?P=n)", "(?&n)", "(a)\\g1", "(a)\\g{1}", "(a)\\g-1", "(a)\\g{-1}", "(a)\\g{-2}", "\\g{1}", "\\g0", "(a)\\g{+1}(b)", "(a)\\2", "(a)\\10", "\\10", "\\07", "\\8", "\\9", "(a)\\8", "\\81", "\\018", "\\18", "\\377", "\\400", "\\777", "\\1234", "(a)(?(1)b|c)", "(a)?(?(1)b|c)", "(?(1)b|c)", "(?<n>a)?(?(<n>)b|c)", "(?(n)b|c)", "(?<=a*)b", "(?<=a{2})b", "(?<=a|bc)d", "(?<=(a|bc))d", "(?<=\\R)b", "(?<=\\X)b", "(?<=\\C)b", "(?<=a+)", "(?<!a*)b", "(?<=(?1))(a)", "(?<=\\1)(a)", "(?<=a(?=b*))b", "(?<=(?:a|(?:b|cc)))d", "(?<=(a)|(?<x>bb))", "a(?<=a\\Kb)", "(?=a\\K)", "(?R)", "(?R)a", "a(?R)?b", "(a(?1)?b)", "(?1)(a)", "((?1))", "(?1)", "(?0)a|b", "()(?R)", "(a|(?1)b)", "(?i)a(?-i)b", "(?i:a)b", "a(?i)b|c", "(a(?i)b|c)d", "((?i)a)b", "(?x) a b #c\n c", "(?x)a\\ b", "(?x)[a b]", "(?xx)[a b]", "(?x)a #c", "(?x)a{ 1 }", "(?x)(? i)a", "(?x)a +", "(?s).", "(?m)^b", "(?m)a$", "a$", "\\Aa", "a\\Z", "a\\z", "\\Ga", "(?U)a+", "(?U)a+?", "\\Qa.b", "\\Qa.b\\E", "\\Q\\E", "a\\Q\\E+", "a\\E", "\\Q\\", "\\Q\\\\E", "ab\\", "\\c", "\\c\xe9", "\\ca", "\\c\\", "\\c[", "\\x", "\\x4", "\\x41", "\\x{", "\\x{41", "\\x{}", "\\x{g}", "\\x{100}", "\\x{1ff}", "\\o", "\\o{", "\\o{}", "\\o{8}", "\\o{101}", "\\o{777}", "\\N", "\\N{U+41}", "\\N{name}", "\\N{2}", "\\N{,3}", "\\u", "\\u0041", "\\U", "\\l", "\\L", "\\p", "\\P", "\\p{", "\\p{L", "\\pL", "\\p{L}", "\\PL", "\\p{^L}", "\\P{^L}", "\\pZ", "\\p{Foo}", "\\pq", "\\X", "\\C", "\\R", "\\h\\H\\v\\V", "\\K", "a\\Kb", "\\B", "\\y", "\\Y", "\\i", "\\I", "\\j", "\\J", "\\m", "\\M", "\\q", "\\O", "\\T", "\\F", "\\<", "\\>", "\\_", "\\'", "\\\"", "\\`", "\\%", "\\ ", "\\-", "\\\n", "a|", "|a", "|", "||", "(|)", "(a|b|)", "a||b", ")", "(", "a)", "(a", "((a)", "(?:a", "[a", "[]", "[^]", "a{1", "x{1,2}", "x{,2}", "{1}", "{", "}", "]", "{,}", "^*", "$*", "^+", "\\b+", "(?=a)*", "(?=a)+", "(?!a){2}", "(?<=a)*", "(?<!a)?", "(?:(?=a))*", "(?:a|b)*?c", "(a*)*", "(a*)+", "(a+)+b", "(?:)*", "()*", "(?>a*)b", "a++b", "(?>a+)a", "(*MARK:x)a", "a(*F)|b", "(?:a(*THEN)b|c)", "(a)(*ACCEPT)b", "a(*COMMIT)b", "a(*SKIP)b", "(*UTF8)a", "(*UCP)\\w", "(*UTF8)(*UCP)\\w", "(*CR)a$", "(*CRLF)^b", "(*ANY)a$", "(*NO_START_OPT)a", "(*LIMIT_MATCH=1)a*b", "a(*UTF8)", "(*BSR_ANYCRLF)\\R", "(?C)a", "(?C1)a", "(?C256)", "(?C1", "(?C'a')", "((((((((((((((((((((a))))))))))))))))))))", lists:duplicate(255, $() ++ "a" ++ lists:duplicate(255, $)), lists:duplicate(260, $() ++ "a" ++ lists:duplicate(260, $)), "(?-x: a)", "(?^)", "(?^:a)", "(?<=\\d{3})a", "\\d{3}(?<=12)", "[[:alpha:][:digit:]]+", "[\\w-]+", "[\\w-.]+", "[a-c-e]", "[--/]", "[\\s\\S]", "[^\\S]", "[^\\d\\D]", "[[.ch.]]", "[[=e=]]", "[:alpha:]", "[[:alpha:", "[[:^space:]]", "(?<a_b1>x)", "(?<1>x)", "(?<a b>x)", "(?<>x)", "(?<a", "(?<a>", "(?'a'x)", "(?'a>x)", "(?<a'x)", "(?P<a>x)(?P<b>y)\\k<a>", "(?P<a>x", "(?P", "(?P>", "(?P=", "(?", "(?<", "(?(", "(?()", "(?()a)", "(?(1", "(?(R", "(?(R)", "(?(<a>)x)", "(?(1)a|b|c)", "(?(DEFINE)(?<d>x))(?&d)", "(?(?=a)a|b)", "(?(?=a)", "(?(a)b)", "(?i", "(?i)", "(?z)", "(?-z)", "(?#", "(?#a", "(?#a)b", "(?|", "(?>", "(?=", "(?!", "(?<=", "(?<!", "(?+", "(?-", "(?&", "(?&)", "(?&a", "(?1", "(?+1)", "(?-1)", "(a)(?-1)", "(a)(?+1)(b)", "(?+1", "(?R", "(?R1)", "(?a)", "a\0b", "\\0", "\\00", "\\000", "\\0000"].

options() ->
    [[], [unicode], [extended], [ungreedy], [no_auto_capture], [{newline, any}], [bsr_unicode], [never_utf]].

%% See above.
differs(P) -> lists:member(P, known()) orelse lists:any(fun(S) -> lists:prefix(S, P) end, loops()).

known() ->
    ["(?P<>b)", "(a)(?<n>b)(?P<>b)", "(?(R1)a)", "(?(R&n)a)", "(?(DEFINE)a|b)",
     "(a)(?<n>b)(?(DEFINE)a|b)", "(?(-1)a)", "(?(1)a|b|c)", "(a)(?<n>b)(?(1)a|b|c)", "(a)(?<n>b)?\\E+",
     "(?<=\\C)b", "(*LIMIT_MATCH=)a", "(*LIMIT_MATCH=99999999999)a", "(?(1)a){65535}", "(?=a){65535}",
     "(?<=a){65535}", "(*BSR_ANYCRLF)\\R"].

loops() -> ["(?R)", "(?0)", "((?1))", "()(?R)", "(a|(?1)b)"].
