//! Oxbeam beside stock `erl`, in turn, as a table: starting up, memory, processes.
//!
//! Each figure is the median over the rounds; the two run A B A B, so that a machine whose speed
//! drifts drifts for both.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

const ROUNDS: usize = 7;

/// Prints the peak resident memory in kB.
const PEAK_MEMORY: &str = "{ok, B} = file:read_file(\"/proc/self/status\"), \
    [_, T] = binary:split(B, <<\"VmHWM:\">>), \
    io:format(\"~s\", [hd(string:lexemes(T, \" \\t\"))]), halt().";

/// Prints the bytes of an idle process, over 200,000 of them.
const PROCESS_BYTES: &str = "R = fun() -> {ok, B} = file:read_file(\"/proc/self/statm\"), \
    [_, P | _] = string:lexemes(B, \" \"), 4096 * binary_to_integer(P) end, \
    A = R(), N = 200000, [spawn(timer, sleep, [infinity]) || _ <- lists:seq(1, N)], \
    receive after 500 -> ok end, io:format(\"~p\", [(R() - A) div N]), halt().";

/// A compiled module, for figures that must not be those of `erl_eval`: it prints the microseconds
/// of each of 200,000 rounds, and the lateness of a wake-up.
const MODULE: &str = r#"-module(measured).
-export([watched/0, alone/0, timers/0, woken/0]).
show(F, N) -> F(1000), {T, _} = timer:tc(fun() -> F(N) end),
    io:format("~.3f", [T / N]), halt().
watched() -> show(fun watched/1, 200000).
watched(0) -> ok;
watched(N) -> {_, M} = spawn_monitor(erlang, self, []),
    receive {'DOWN', M, _, _, _} -> watched(N - 1) end.
alone() -> show(fun alone/1, 200000).
alone(N) when N =< 0 -> ok;
alone(N) -> [spawn(erlang, self, []) || _ <- lists:seq(1, 1000)], erlang:yield(), alone(N - 1000).
timers() -> show(fun timers/1, 1000000).
timers(N) -> L = [erlang:start_timer(100000 + X rem 500000, self(), x) || X <- lists:seq(1, N)],
    lists:foreach(fun erlang:cancel_timer/1, L).
woken() -> P = spawn_opt(fun echo/0, [{scheduler, 2}]),
    L = lists:sort([begin receive after 3 -> ok end,
        P ! {self(), erlang:monotonic_time(nanosecond)},
        receive D -> D end end || _ <- lists:seq(1, 301)]),
    io:format("~.3f", [lists:nth(151, L) / 1000]), halt().
echo() -> receive {F, T} -> F ! erlang:monotonic_time(nanosecond) - T end, echo().
"#;

/// Compiles the module with the `erlc` on PATH; gives the folder.
fn compiled() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("oxbeam-measure-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the module");
    std::fs::write(folder.join("measured.erl"), MODULE).expect("the module can be written");
    let status = Command::new("erlc").arg("measured.erl").current_dir(&folder).status();
    assert!(status.expect("erlc starts").success());
    folder
}

fn call(program: &PathBuf, function: &str) -> f64 {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(compiled);
    let args = ["-noshell", "-s", "measured", function, "-pa"];
    number(Command::new(program).args(args).arg(folder))
}

fn text(program: &PathBuf, code: &str) -> f64 {
    let args = ["+P", "1000000", "-noshell", "-eval", code];
    number(Command::new(program).args(args))
}

fn number(command: &mut Command) -> f64 {
    let output = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or(f64::NAN)
}

fn start_ms(program: &PathBuf) -> f64 {
    let began = Instant::now();
    let status = Command::new(program).args(["-noshell", "-s", "erlang", "halt"]).status();
    assert!(status.expect("the program starts").success());
    began.elapsed().as_secs_f64() * 1000.0
}

type Measure = (&'static str, fn(&PathBuf) -> f64);

const MEASURES: [Measure; 7] = [
    ("start to halt, ms", start_ms),
    ("peak resident memory of a started node, kB", |program| text(program, PEAK_MEMORY)),
    ("bytes of an idle process", |program| text(program, PROCESS_BYTES)),
    ("spawn and exit, µs", |program| call(program, "alone")),
    ("spawn, exit and DOWN, one at a time, µs", |program| call(program, "watched")),
    ("start and cancel of a timer among a million, µs", |program| call(program, "timers")),
    ("message to a process of an idle scheduler, µs", |program| call(program, "woken")),
];

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints the table; the executables are the release build's and the `erl` on PATH.
pub fn run() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let oxbeam = root.join("target/release/oxbeam");
    let stock = PathBuf::from("erl");
    println!("| measure | stock erl | oxbeam | oxbeam / stock |");
    println!("|---|---|---|---|");
    for (name, measure) in MEASURES {
        let (mut theirs, mut ours) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            theirs.push(measure(&stock));
            ours.push(measure(&oxbeam));
        }
        let (a, b) = (median(&mut theirs), median(&mut ours));
        println!("| {name} | {a:.2} | {b:.2} | {:.2} |", b / a);
    }
}
