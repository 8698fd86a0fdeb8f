//! What a user types: the same output and exit code as stock `erl`.

mod support;
use support::same;

macro_rules! commands {
    ($($name:ident: [$($arg:expr),* $(,)?] $stdin:expr;)*) => {$(
        #[test]
        fn $name() {
            same(&[$($arg),*], $stdin);
        }
    )*};
}

commands! {
    eval_prints: ["-noshell", "-eval", "io:format(\"~p~n\", [hello]), halt()."] "";
    eval_exit_code: ["-noshell", "-eval", "halt(3)."] "";
    eval_error_ends_the_node: ["-noshell", "-eval", "error(oops)."] "";
    run_with_arguments: ["-noshell", "-run", "io", "format", "hello~n", "-s", "init", "stop"] "";
    s_function: ["-noshell", "-s", "erlang", "halt"] "";
    plain_arguments: ["-noshell", "-eval", "io:format(\"~p~n\", [init:get_plain_arguments()]), halt().", "-extra", "a", "b c"] "";
    get_line: ["-noshell", "-eval", "io:format(\"<~s>~n\", [io:get_line(\"\")]), halt()."] "one\ntwo\n";
    copy_stdin: ["-noshell", "-eval", "F = fun F() -> case io:get_line(\"\") of eof -> halt(); L -> io:put_chars([\"> \", L]), F() end end, F()."] "one\ntwo\nthree";
    unicode_output: ["-noshell", "-eval", "io:setopts([{encoding, unicode}]), io:format(\"~ts~n\", [[229, 228, 246, 8364]]), halt()."] "";
    sasl: ["-noshell", "-eval", "io:format(\"~p~n\", [application:start(sasl)]), halt()."] "";
    versions: ["-noshell", "-eval", "io:format(\"~s ~s ~p~n\", [erlang:system_info(otp_release), erlang:system_info(version), erlang:system_info(wordsize)]), halt()."] "";
    stop_flushes: ["-noshell", "-eval", "[io:format(\"~p~n\", [N]) || N <- lists:seq(1, 1000)], init:stop()."] "";
    shell_on_a_pipe: [] "1 + 2.\nX = [a, b].\nlists:reverse(X).\nhalt().\n";
}
