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

/// A folder of the test's own with the given files in it.
fn folder(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

const SCRIPT: &str = "#!/usr/bin/env escript\n%% -*- erlang -*-\n\
    main(Args) -> io:format(\"~p~n\", [Args]), halt(length(Args)).\n";

#[test]
fn an_escript_gets_its_arguments_and_gives_its_exit_code() {
    let script = folder("escript", &[("script", SCRIPT)]).join("script");
    let script = script.to_str().unwrap();
    let stock = support::run(std::path::Path::new("escript"), &[script, "a", "b c"], "");
    let ours = support::run(&support::oxbeam(), &["exec", "escript", script, "a", "b c"], "");
    assert_eq!(stock, ours);
    assert_eq!(ours.code, Some(2));
}

const MODULE: &str = "-module(made).\n-export([f/1]).\n\
    f(X) when is_map(X) -> maps:to_list(X#{k => [Y * 2 || Y <- [1, 2]]});\n\
    f(<<A:7, B/bits>>) -> {A, B};\nf(X) -> try X() catch C:R -> {C, R} end.\n";

#[test]
fn erlc_on_oxbeam_writes_the_bytes_that_stock_erlc_writes() {
    let folder = folder("erlc", &[("made.erl", MODULE)]);
    let source = folder.join("made.erl");
    let source = source.to_str().unwrap();
    let compiled = |program: &std::path::Path, before: &[&str], out: &str| {
        let out = folder.join(out);
        std::fs::create_dir_all(&out).unwrap();
        let rest = ["+deterministic", "-o", out.to_str().unwrap(), source];
        let outcome = support::run(program, &[before, &rest].concat(), "");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
        std::fs::read(out.join("made.beam")).unwrap()
    };
    let stock = compiled(std::path::Path::new("erlc"), &[], "stock");
    let ours = compiled(&support::oxbeam(), &["exec", "erlc"], "ours");
    assert!(stock == ours, "{} and {} bytes", stock.len(), ours.len());
}

#[test]
fn the_doctor_names_what_is_missing() {
    let outcome = support::run(&support::oxbeam(), &["doctor"], "");
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("erl_ddll:try_load/3"), "{}", outcome.stdout);
}

#[test]
fn without_an_installation_one_sentence_says_how_to_mend_it() {
    let output = std::process::Command::new(support::oxbeam())
        .env("OXBEAM_OTP_ROOT", "/nowhere/at/all")
        .args(["-noshell", "-s", "erlang", "halt"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("oxbeam: ") && text.contains("OXBEAM_OTP_ROOT"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
