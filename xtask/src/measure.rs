//! Oxbeam beside stock `erl`, in turn, as a table: starting up, memory, processes.
//!
//! Each figure is the median over the rounds; the two run A B A B, so that a machine whose speed
//! drifts drifts for both.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 9;

/// Prints the peak resident memory in kB.
const PEAK_MEMORY: &str = "{ok, B} = file:read_file(\"/proc/self/status\"), \
    [_, T] = binary:split(B, <<\"VmHWM:\">>), \
    io:format(\"~s\", [hd(string:lexemes(T, \" \\t\"))]), halt().";

/// Prints the bytes of an idle process, over 200,000 of them.
const PROCESS_BYTES: &str = "R = fun() -> {ok, B} = file:read_file(\"/proc/self/statm\"), \
    [_, P | _] = string:lexemes(B, \" \"), 4096 * binary_to_integer(P) end, \
    A = R(), N = 200000, [spawn(timer, sleep, [infinity]) || _ <- lists:seq(1, N)], \
    receive after 500 -> ok end, io:format(\"~p\", [(R() - A) div N]), halt().";

/// Prints the microseconds of spawning and ending a process, over 100,000 of them in turn.
const SPAWN_US: &str = "F = fun F(0) -> ok; F(N) -> {_, M} = spawn_monitor(erlang, self, []), \
    receive {'DOWN', M, _, _, _} -> F(N - 1) end end, \
    {T, _} = timer:tc(fun() -> F(100000) end), io:format(\"~.2f\", [T / 100000]), halt().";

fn text(program: &PathBuf, code: &str) -> f64 {
    let args = ["+P", "1000000", "-noshell", "-eval", code];
    let output = Command::new(program).args(args).output().expect("the program starts");
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

const MEASURES: [Measure; 4] = [
    ("start to halt, ms", start_ms),
    ("peak resident memory of a started node, kB", |program| text(program, PEAK_MEMORY)),
    ("bytes of an idle process", |program| text(program, PROCESS_BYTES)),
    ("spawn, exit and DOWN, µs", |program| text(program, SPAWN_US)),
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
        println!("| {name} | {a:.1} | {b:.1} | {:.2} |", b / a);
    }
}
