//! Processes as a whole: storms of all they can do to each other (`tests/storms/storms.erl` states
//! what must hold), the memory they take and give back, and how their messages are copied.
//!
//! `OXBEAM_STORM_SECONDS` says how long the storms last (10 if absent, 5 for builds that are slow
//! on purpose); a night of them is `OXBEAM_STORM_SECONDS=28800`.

#[path = "support/paths.rs"]
mod paths;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn slow_build() -> bool {
    std::env::var_os("OXBEAM_LIGHT").is_some() || cfg!(oxbeam_zeal)
}

fn compiled() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("storms");
        std::fs::create_dir_all(&folder).expect("a folder for compiled programs");
        let sources = ["storms", "memory", "held"]
            .map(|name| paths::repository().join(format!("tests/storms/{name}.erl")));
        let status = Command::new("erlc").arg("-o").arg(&folder).args(sources).status();
        assert!(status.expect("erlc is installed").success(), "the programs compile");
        folder
    })
}

fn run(args: &[&str]) -> String {
    let mut command = Command::new(paths::oxbeam());
    let output = command.args(["-noshell", "-noinput"]).args(args).current_dir(compiled()).output();
    let output = output.expect("oxbeam starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {}\n{text}{errors:.2000}", output.status);
    text
}

#[test]
fn storms_of_everything_at_once() {
    let usual = if slow_build() { "5" } else { "10" };
    let seconds = std::env::var("OXBEAM_STORM_SECONDS").unwrap_or(usual.to_owned());
    let told = run(&["-run", "storms", "main", &seconds]);
    assert!(told.ends_with("left: 0\n"), "{told}");
}

#[test]
fn storms_with_other_ways_of_scheduling() {
    for flags in [["+swt", "very_low"], ["+scl", "false"], ["+sbt", "db"], ["+zshare", "true"]] {
        let mut args = flags.to_vec();
        args.extend(["+S", "4", "-run", "storms", "main", "1"]);
        assert!(run(&args).ends_with("left: 0\n"));
    }
}

/// One of two schedulers always has somebody of higher priority to run.
#[test]
fn who_waits_at_a_held_scheduler_gets_turns_elsewhere() {
    let kinds = if slow_build() { &[][..] } else { &["high", "max"] };
    for higher in kinds {
        assert_eq!(run(&["+S", "2", "-run", "held", "main", higher]).trim_end(), "ok");
    }
}

#[test]
fn memory_of_a_peak_goes_back_to_the_system() {
    if !slow_build() {
        let told = run(&["-run", "memory", "main", "peak"]);
        assert!(told.starts_with("{true,true,"), "{told}");
    }
}

#[test]
fn what_memory_says_is_what_the_system_gives() {
    if !slow_build() {
        let told = run(&["-run", "memory", "main", "sums"]);
        let all = "[{processes,true,true,true},{binary,true,true,true},{ets,true,true,true}]\n";
        assert_eq!(told, all);
    }
}

/// List C is list B before list A: what it shares with A is lost by sending, or kept if asked for.
#[test]
fn messages_keep_sharing_when_asked() {
    let program = "S = self(), A = lists:seq(1, 10), C = lists:seq(101, 105) ++ A, \
        D = lists:foldl(fun(_, X) -> [X | X] end, [A], lists:seq(1, 10)), \
        P = spawn(fun() -> receive X -> S ! {size, erts_debug:size(X)} end, \
            receive Y -> S ! {size, erts_debug:size(Y)} end end), \
        P ! {A, C}, P ! D, \
        spawn(fun() -> S ! {size, erts_debug:size({A, C})} end), \
        io:format(\"~w~n\", [[receive {size, N} -> N end || _ <- [1, 2, 3]]]), halt().";
    let told = |flag: &str| {
        let text = run(&["+zshare", flag, "-eval", program]);
        let mut sizes: Vec<usize> =
            text.trim().trim_matches(['[', ']']).split(',').map(|n| n.parse().unwrap()).collect();
        sizes.sort();
        sizes
    };
    assert_eq!(told("true"), [33, 33, 42]);
    assert_eq!(told("false"), [53, 53, 24574]);
}

/// Threads are where the system flag says, and no others follow them.
#[test]
fn schedulers_are_bound_to_processors() {
    // Setting the flag is warned of, as on stock.
    let program = "logger:set_primary_config(level, none), \
        Before = erlang:system_info(scheduler_bindings), \
        Old = erlang:system_flag(scheduler_bind_type, no_spread), timer:sleep(100), \
        {ok, _} = file:read_file_info(\".\"), \
        io:format(\"~w ~w ~w~n\", [Before, Old, erlang:system_info(scheduler_bindings)]), \
        [io:format(\"~s\", [os:cmd(\"cat /proc/\" ++ os:getpid() ++ \"/task/*/status\")])], halt().";
    let told = run(&["+S", "1", "-eval", program]);
    assert!(told.starts_with("{unbound} unbound {"), "{told}");
    let mut threads = vec![];
    for part in told.split("Name:\t").skip(1) {
        let list = part.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t"));
        threads.push((part.lines().next().unwrap_or_default(), list.unwrap_or_default()));
    }
    let scheduler = threads.iter().find(|thread| thread.0 == "erts_sched_1").expect("it runs");
    assert!(scheduler.1.parse::<usize>().is_ok(), "{threads:?}");
    let all = threads.iter().find(|thread| thread.0.starts_with("erts_d")).expect("it has run");
    assert!(
        !std::thread::available_parallelism().is_ok_and(|n| n.get() > 1) || all.1 != scheduler.1
    );
}

/// Powers of two, up to the greatest number that stock takes.
#[test]
fn limits_are_rounded_as_stock_rounds_them() {
    let program =
        "io:format(\"~w\", [[erlang:system_info(X) || X <- [process_limit, port_limit]]]), halt().";
    for (flag, limit) in [("1025", "2048"), ("134217727", "134217727")] {
        let told = run(&["+P", flag, "+Q", flag, "-eval", program]);
        assert_eq!(told, format!("[{limit},{limit}]"));
    }
}
