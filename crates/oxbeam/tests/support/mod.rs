//! Running the same program on stock `erl` and on oxbeam.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[path = "paths.rs"]
mod paths;
pub use paths::{oxbeam, repository};

/// Longest that one program may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What a program left behind.
#[derive(PartialEq, Eq, Debug)]
pub struct Outcome {
    pub stdout: String,
    pub code: Option<i32>,
}

/// A folder with the compiled programs of `tests/differential`.
pub fn compiled() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
        std::fs::create_dir_all(&folder).expect("a folder for compiled programs");
        let sources = std::fs::read_dir(repository().join("tests/differential"));
        let sources = sources.expect("the programs are there").map(|entry| entry.unwrap().path());
        let sources = sources.filter(|path| path.extension().is_some_and(|ext| ext == "erl"));
        let status = Command::new("erlc")
            // The programs try what compilers warn of.
            .args(["-W0", "-o"])
            .arg(&folder)
            .args(sources)
            .status();
        assert!(status.expect("erlc is installed").success(), "the programs compile");
        folder
    })
}

/// Runs a command with `stdin` and waits for it, at most the limit.
pub fn run(program: &Path, args: &[&str], stdin: &str) -> Outcome {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(compiled())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
    let mut out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![];
        std::io::Read::read_to_end(&mut out, &mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break Some(status);
        }
        if started.elapsed() > LIMIT {
            child.kill().ok();
            child.wait().ok();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Outcome { stdout: reader.join().unwrap(), code: status.and_then(|status| status.code()) }
}

/// How two lines begin, and what stands around the place where they differ.
fn where_they_differ(a: &str, b: &str) -> [String; 2] {
    let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    [a, b].map(|line| {
        let around: String = line.chars().skip(alike.saturating_sub(200)).take(400).collect();
        format!("{line:.40} ... {around}")
    })
}

/// Runs the same arguments on both and compares what they print and how they end.
pub fn same(args: &[&str], stdin: &str) {
    let stock = run(Path::new("erl"), args, stdin);
    let ours = run(&oxbeam(), args, stdin);
    if stock != ours {
        let stock_lines: Vec<_> = stock.stdout.lines().collect();
        for (at, line) in ours.stdout.lines().enumerate() {
            let expected = stock_lines.get(at).copied().unwrap_or("(nothing)");
            if line != expected {
                let [expected, line] = where_they_differ(expected, line);
                eprintln!("line {}\n  erl:    {expected}\n  oxbeam: {line}", at + 1);
            }
        }
        let (stock_count, our_count) = (stock_lines.len(), ours.stdout.lines().count());
        panic!(
            "{args:?}: lines {stock_count} / {our_count}, codes {:?} / {:?}",
            stock.code, ours.code
        );
    }
}
