//! How a run ends: `halt` in all its forms, crash dumps, signals of the system, and starts that
//! fail. Both runtimes get the same and must print the same, with the same exit code.

#[allow(dead_code, reason = "not every test needs all of it")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a run printed and how it ended: the exit code, or the signal as 128 and its number.
#[derive(PartialEq, Eq, Debug)]
struct Ended {
    stdout: String,
    stderr: String,
    code: i32,
}

const LIMIT: Duration = Duration::from_secs(60);

/// A folder of its own for each case, so that cases do not meet in their files.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ending").join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder for the case");
    folder
}

/// Runs a line of the system's shell, in which `$X` is the runtime.
fn shell(program: &Path, line: &str, folder: &Path, while_running: impl FnOnce(u32)) -> Ended {
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    let file = |path: &Path| Stdio::from(std::fs::File::create(path).unwrap());
    let mut child = Command::new("sh")
        .args(["-c", line])
        .env("X", program)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(file(&out))
        .stderr(file(&err))
        .spawn()
        .expect("a shell");
    while_running(child.id());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > LIMIT {
            child.kill().ok();
            panic!("no end in {LIMIT:?}: {line}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0));
    // What the shell says if `heart` came first.
    let by_chance = |line: &str| line == "Killed";
    let stderr = without_late_messages(&read(&err))
        .lines()
        .filter(|line| !by_chance(line))
        .map(|line| format!("{line}\n").replace(&*folder.to_string_lossy(), "FOLDER"))
        .collect();
    Ended { stdout: read(&out), stderr, code }
}

/// `text` without what stock's own thread for such messages prints if the end does not come first, be it
/// in the middle of a line of another thread.
fn without_late_messages(text: &str) -> String {
    let mut parts = text.split("(no logger present)");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('\n').map_or("", |(_, behind)| behind));
    std::iter::once(first).chain(rest).collect()
}

/// Both runtimes end alike. Gives stock's end.
fn alike(name: &str, line: &str) -> Ended {
    let stock = shell(Path::new("erl"), line, &folder(&format!("{name}_stock")), |_| ());
    let ours = shell(&support::oxbeam(), line, &folder(name), |_| ());
    assert_eq!(stock, ours, "{name}: {line}");
    stock
}

/// As [`alike`], with stock's words for its own program in the place of ours.
fn alike_but_names(name: &str, line: &str) {
    let unnamed = |ended: Ended| {
        let start = |line: &str| match line.find("beam.smp ") {
            Some(at) if line.starts_with('/') => line[at..].to_owned(),
            _ => line.to_owned(),
        };
        let stderr = ended.stderr.lines().map(start).collect::<Vec<_>>().join("\n");
        Ended { stderr, ..ended }
    };
    let stock = shell(Path::new("erl"), line, &folder(&format!("{name}_stock")), |_| ());
    let ours = shell(&support::oxbeam(), line, &folder(name), |_| ());
    assert_eq!(unnamed(stock), unnamed(ours), "{name}: {line}");
}

#[test]
fn halt_in_all_forms() {
    for (name, call, code) in [
        ("halt_0", "halt()", 0),
        ("halt_7", "halt(7)", 7),
        ("halt_300", "halt(300)", 44),
        ("halt_opts", "halt(3, [])", 3),
        ("halt_flush", "halt(3, [{flush, true}])", 3),
        ("halt_no_flush", "halt(4, [{flush, false}])", 4),
        ("halt_text", "halt(\"a slogan\")", 1),
        ("halt_text_opts", "halt(\"a slogan\", [{flush, false}])", 1),
        ("halt_empty", "halt(\"\")", 1),
        ("halt_abort", "halt(abort)", 134),
        ("halt_abort_opts", "halt(abort, [{flush, true}])", 134),
    ] {
        let line = format!("ulimit -c 0; exec $X -noshell -noinput -eval 'erlang:{call}.'");
        assert_eq!(alike(name, &line).code, code, "{name}");
    }
}

#[test]
fn halt_refuses_what_it_does_not_know() {
    let bad = ["halt(-1)", "halt(x)", "halt(1, x)", "halt(1, [x])", "halt(1, [{flush, x}])"];
    let bad = bad.iter().chain(&["halt(\"a\", [{x, true}])", "halt([a])", "halt(1.0)"]);
    let tries: Vec<String> =
        bad.map(|call| format!("(catch element(1, element(2, catch erlang:{call})))")).collect();
    let line =
        format!("$X -noshell -noinput -eval 'erlang:display([{}]), halt(0).'", tries.join(","));
    alike("halt_bad", &line);
}

#[test]
fn output_is_flushed_before_the_end() {
    let line = "$X -noshell -noinput -eval 'P = open_port({fd, 0, 1}, [out]), \
                port_command(P, lists:duplicate(200000, $x)), erlang:halt(0).' | wc -c";
    alike("flush", line);
}

const DUMPING: &str = "put(key, [1, 2.5, <<\"abc\">>, {x, \"text\", #{a => 1}}]), \
     put(map, maps:from_list([{K, K * K} || K <- lists:seq(1, 50)])), \
     put(binary, binary:copy(<<1>>, 1000)), ets:new(a_table, [named_table]), \
     self() ! {message, fun() -> ok end, make_ref(), 1 bsl 70, -1 bsl 70, <<1:3>>}, \
     erlang:halt(\"the end\").";

/// OTP's own viewer reads the dump, every process in it, and tells what it shows of one.
const VIEWER: &str = "{ok, _} = crashdump_viewer:start_link(), \
     crashdump_viewer:read_file(\"erl_crash.dump\"), \
     Get = fun Get(0) -> error(unread); \
              Get(N) -> case crashdump_viewer:processes() of \
                  {ok, [_ | _] = L, _} -> L; _ -> timer:sleep(100), Get(N - 1) end end, \
     timer:sleep(1000), Ps = Get(100), {ok, G, W} = crashdump_viewer:general_info(), \
     io:format(\"~p ~p ~p~n\", [element(3, G), W, length(Ps) > 20]), \
     Text = fun(P) when is_pid(P) -> pid_to_list(P); (P) -> P end, \
     Ds = [element(2, {ok, _, _} = crashdump_viewer:proc_details(Text(element(2, P)))) || P <- Ps], \
     [D] = [X || X <- Ds, element(2, X) =:= \"<0.9.0>\"], \
     Dictionary = hd([X || X <- tuple_to_list(D), is_list(X), lists:keymember(key, 1, X)]), \
     io:format(\"~p~n\", [lists:sort([{K, case V of #{} -> V; \
         [_, _, {Tag, _} | _] -> Tag; [A, B | _] -> {A, B}; _ -> other end} || {K, V} <- Dictionary])]), \
     {ok, Ts, _} = crashdump_viewer:ets_tables(all), io:format(\"~p~n\", [length(Ts) > 3]), \
     {ok, Ms, _} = crashdump_viewer:loaded_modules(), io:format(\"~p~n\", [is_tuple(Ms)]), \
     halt(0).";

#[test]
fn the_viewer_opens_a_crash_dump() {
    let place = folder("viewer");
    let line = format!("$X -noshell -noinput -eval '{DUMPING}'");
    assert_eq!(shell(&support::oxbeam(), &line, &place, |_| ()).code, 1);
    let text = std::fs::read_to_string(place.join("erl_crash.dump")).expect("a dump");
    assert!(text.starts_with("=erl_crash_dump:0.5\n") && text.ends_with("=end\n"));
    let view = format!("$X -noshell -noinput -eval '{VIEWER}'");
    let seen = shell(Path::new("erl"), &view, &place, |_| ());
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(seen.stdout.starts_with("\"the end\" [] true\n"), "{seen:?}");
    assert!(seen.stdout.contains("{map,#{") && seen.stdout.contains("50 => 2500"), "{seen:?}");
}

#[test]
fn a_crash_dump_shows_the_last_calls() {
    let line = "$X -noshell -noinput -eval 'process_flag(save_calls, 6), lists:reverse([]), \
                self() ! x, receive x -> ok end, receive after 1 -> ok end, halt(\"end\").'";
    let calls = |program: &Path, name| {
        let place = folder(name);
        assert_eq!(shell(program, line, &place, |_| ()).code, 1);
        let text = std::fs::read_to_string(place.join("erl_crash.dump")).expect("a dump");
        let (_, calls) = text.split_once("\nLast calls:").expect("calls");
        calls.split_once("\n\n").expect("their end").0.to_owned()
    };
    let stock = calls(Path::new("erl"), "last_calls_stock");
    assert_eq!(calls(&support::oxbeam(), "last_calls"), stock);
    assert_eq!(stock.lines().count(), 6, "{stock}");
}

#[test]
fn the_environment_rules_over_crash_dumps() {
    let cases = [
        ("dump_none", "ERL_CRASH_DUMP_SECONDS=0", false),
        ("dump_no_bytes", "ERL_CRASH_DUMP_BYTES=0", false),
        ("dump_seconds", "ERL_CRASH_DUMP_SECONDS=20", true),
        ("dump_endless", "ERL_CRASH_DUMP_SECONDS=-1", true),
        ("dump_named", "ERL_CRASH_DUMP=erl_crash.dump", true),
        ("dump_d", "ERL_FLAGS=+d", true),
        ("dump_unwritable", "ERL_CRASH_DUMP=/nonexistent/dump", false),
    ];
    for (name, variable, written) in cases {
        let line = format!("{variable} $X -noshell -noinput -eval 'halt(\"the end\").'");
        alike(name, &line);
        for place in [name.to_owned(), format!("{name}_stock")] {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ending").join(place);
            assert_eq!(file.join("erl_crash.dump").exists(), written, "{name}");
        }
    }
    let place = folder("dump_short");
    let line = "ERL_CRASH_DUMP_BYTES=2000 $X -noshell -noinput -eval 'halt(\"the end\").'";
    shell(&support::oxbeam(), line, &place, |_| ());
    let text = std::fs::read_to_string(place.join("erl_crash.dump")).expect("a dump");
    assert!(text.len() < 2100 && text.contains("=abort:CRASH DUMP SIZE LIMIT REACHED"), "{text}");
}

/// Sends a signal when the program has said that it is up.
fn signalled(program: &Path, name: &str, signal: &str) -> (i32, bool, String) {
    let place = folder(name);
    // Whoever runs the tests may ignore a signal, and programs inherit that.
    let line = "exec env --default-signal $X -noshell -noinput -eval \
                'io:put_chars(\"up\\n\"), timer:sleep(20000), halt(7).'";
    let out = place.join("stdout");
    let ended = shell(program, &format!("ulimit -c 0; {line}"), &place, |pid| {
        let started = Instant::now();
        while std::fs::metadata(&out).map_or(0, |data| data.len()) == 0 {
            assert!(started.elapsed() < LIMIT, "it comes up");
            std::thread::sleep(Duration::from_millis(20));
        }
        let sent = Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
        assert!(sent.unwrap().success());
    });
    (ended.code, place.join("erl_crash.dump").exists(), ended.stderr)
}

#[test]
fn signals_of_the_system() {
    for (signal, code, dump) in [
        ("HUP", 129, false),
        ("QUIT", 0, false),
        ("TERM", 0, false),
        ("USR1", 1, true),
        ("USR2", 140, false),
        ("INT", 0, false),
    ] {
        let stock = signalled(Path::new("erl"), &format!("{signal}_stock"), signal);
        let ours = signalled(&support::oxbeam(), signal, signal);
        assert_eq!(stock, ours, "{signal}");
        assert_eq!((ours.0, ours.1), (code, dump), "{signal}");
    }
}

#[test]
fn output_that_nobody_takes() {
    let long = "io:put_chars(lists:duplicate(100000, $x)), timer:sleep(200), halt(3).";
    for (name, code, redirect) in [
        ("closed", "io:put_chars(\"x\\n\"), halt(3).", ">&-"),
        ("closed_long", long, ">&-"),
        ("broken_pipe", long, "| true"),
        ("full", long, ">/dev/full"),
        ("full_raw", "erlang:display(a), halt(3).", ">/dev/full"),
        ("no_input", "io:format(\"~p~n\", [io:get_line(\"\")]), halt(3).", "<&-"),
        (
            "full_file",
            "io:format(\"~p~n\", [file:write_file(\"/dev/full\", \"abc\")]), halt(0).",
            "",
        ),
        (
            "full_raw_file",
            "{ok, F} = file:open(\"/dev/full\", [write, raw]), \
          io:format(\"~p~n\", [file:write(F, \"abc\")]), halt(0).",
            "",
        ),
    ] {
        alike(name, &format!("$X -noshell -eval '{code}' {redirect}; echo $?"));
    }
}

#[test]
fn starts_that_fail() {
    let halt = "-noshell -noinput -eval 'halt(0).'";
    let boot = "$(dirname $(readlink -f $(command -v erl)))";
    for (name, line) in [
        ("corrupt_boot", format!("echo garbage >bad.boot; $X -boot ./bad {halt}")),
        (
            "cut_boot",
            format!("head -c 300 {boot}/start_clean.boot >cut.boot; $X -boot ./cut {halt}"),
        ),
        ("missing_boot", format!("$X -boot ./nosuch {halt}")),
        ("missing_s", "$X -noshell -noinput -s nosuch_module".to_owned()),
        ("missing_run", "$X -noshell -noinput -run nosuch_module f a".to_owned()),
        ("missing_function", "$X -noshell -noinput -s lists nosuch".to_owned()),
        ("failing_eval", "$X -noshell -noinput -eval 'error(foo).'".to_owned()),
        ("wrong_eval", "$X -noshell -noinput -eval 'foo('".to_owned()),
        ("missing_config", format!("$X -config nosuch {halt}")),
        ("wrong_config", format!("echo '[{{a,b' >bad.config; $X -config bad {halt}")),
        ("missing_args_file", format!("$X -args_file nosuch {halt}")),
    ] {
        alike(name, &line);
    }
    for (name, flag) in
        [("z", "+Z 3"), ("p", "+P x"), ("s", "+S 0"), ("a", "+A 99999"), ("t", "+t 1")]
    {
        alike_but_names(&format!("flag_{name}"), &format!("$X {flag} {halt}"));
    }
}

#[test]
fn an_installation_that_cannot_be_read() {
    let place = folder("no_root");
    let line = "OXBEAM_OTP_ROOT=/nonexistent $X -noshell -noinput -eval 'halt(0).'";
    let ended = shell(&support::oxbeam(), line, &place, |_| ());
    assert!(ended.code == 1 && ended.stdout.is_empty(), "{ended:?}");
    assert!(
        ended.stderr.lines().count() == 1 && ended.stderr.contains("OXBEAM_OTP_ROOT"),
        "{ended:?}"
    );
}

#[test]
fn init_restarts() {
    let line = "$X -noshell -noinput -eval 'case file:read_file(\"again\") of \
         {ok, _} -> io:format(\"second~n\"), halt(5); \
         _ -> file:write_file(\"again\", []), io:format(\"first~n\"), init:restart() end.'";
    assert_eq!(alike("restart", line).code, 5);
}

#[test]
fn heart_watches() {
    for (name, end) in [
        ("heart_halt", "io:format(\"~p~n\", [heart:get_cmd()]), halt(3)."),
        ("heart_stop", "init:stop()."),
        ("heart_crash", "halt(\"a slogan\")."),
        ("heart_cleared", "heart:set_cmd(\"echo other >>log\"), halt(1)."),
    ] {
        let run = format!("$X -heart -noshell -noinput -eval '{end}'");
        let plain = "sed 's/[A-Z][a-z][a-z] [A-Z].*20[0-9][0-9]: //; s/pid = .*//' | sort";
        // The watcher may outlive the runtime: its output ends when both are gone.
        let watched = format!("HEART_COMMAND='echo again >>log' {run} 2>&1");
        alike(name, &format!("{watched} | {plain}; cat log"));
    }
}
