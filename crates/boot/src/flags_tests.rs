//! Flags against expectations of ours, and bad ones against stock's messages.

use super::*;
use std::process::Command;

fn situation() -> Situation {
    Situation {
        processors: oxbeam_sys::cpu::processors(),
        otp_release: 25,
        erts_version: "13.1.5".into(),
        variables: Vec::new(),
    }
}

fn words(line: &str) -> Vec<Word> {
    line.split_whitespace().map(|w| w.as_bytes().to_vec()).collect()
}

fn options(line: &str) -> EmulatorOptions {
    match parse(&words(&format!("beam.smp {line} -- -root /otp")), &situation()) {
        Ok(parsed) => {
            assert_eq!(parsed.init_args, words("-root /otp"));
            parsed.options
        }
        Err(leave) => panic!("{}", String::from_utf8_lossy(&leave.stderr)),
    }
}

#[test]
fn values_glued_or_apart() {
    for line in ["-S 4:2 -A5 -P 2000", "-S4:2 -A 5 -P2000"] {
        let o = options(line);
        assert_eq!((o.schedulers, o.schedulers_online, o.async_threads), (4, 2, 5));
        assert_eq!(o.process_limit, 2000);
    }
}

#[test]
fn what_tools_pass() {
    let o = options("-S1 -sbtu -A0");
    assert_eq!((o.schedulers, o.async_threads), (1, 1));
    let o = options("-W w -P 1048576 -t 5000000 -stbt db -zdbbl 128000 -sbwt none -B i");
    assert_eq!((o.process_limit, o.atom_limit), (1_048_576, 5_000_000));
    assert_eq!(o.dist_busy_limit_bytes, 128_000 * 1024);
    assert_eq!((o.on_break, o.bind_type), (Break::Ignored, b"db".to_vec()));
    assert_eq!(o.busy_wait[0], b"none");
    assert!(!o.keep_sharing && options("-zshare true").keep_sharing);
}

#[test]
fn threads_that_poll_and_their_sets() {
    let counts = |text: &str| {
        let o = options(text);
        (o.poll_threads, o.poll_sets)
    };
    assert_eq!([counts(""), counts("-IOt 5"), counts("-IOt 5 -IOp 2")], [(1, 1), (5, 1), (5, 2)]);
    assert_eq!([counts("-IOt 10 -IOPp 50"), counts("-S 8 -IOPt 100 -IOPp 25")], [(10, 5), (8, 2)]);
    assert_eq!([counts("-S 4:2 -IOPt 100"), counts("-S 2 -IOPt 10 -IOPp 10")], [(4, 1), (1, 1)]);
}

#[test]
fn sizes_and_switches() {
    let o = options("-hms 400 -hmbs 50 -hmax 10000 -hmaxk false -hmqd off_heap -pc unicode -fnle");
    assert_eq!((o.min_heap_words, o.min_binary_heap_words), (400, 50));
    assert_eq!((o.max_heap_words, o.max_heap_kill), (10_000, false));
    assert!(o.message_queue_off_heap && o.printable_unicode);
    assert_eq!(o.file_names, FileNames::Latin1);
    assert!(!options("-c false").time_correction);
    assert!(options("-c true").time_correction);
    assert_eq!(options("-SDio 3 -SDcpu 1:1").dirty_io_schedulers, 3);
    assert_eq!(options("-sssdio 50").stack_kilowords, [128, 40, 50]);
    assert_eq!(options("-sss 60").stack_kilowords, [60, 40, 40]);
}

/// Lines that stock refuses, or leaves by, before it starts.
const LEAVING: &[&str] = &[
    "-S abc",
    "-S 0:5",
    "-S 2:9",
    "-S 5000",
    "-S :99",
    "-S",
    "-SP x",
    "-SP 1:-4",
    "-SP 100000",
    "-SDPcpu q",
    "-SDcpu 9:10",
    "-SDcpu z",
    "-SDio 0",
    "-SDq 1",
    "-P x",
    "-P 10",
    "-Q 5",
    "-A 9999",
    "-a 5",
    "-t 1",
    "-T 10",
    "-R 20",
    "-V",
    "-W x",
    "-zz",
    "-zdbbl 0",
    "-zdntgc q",
    "-zebwt q",
    "-zosrl 0",
    "-l",
    "-w",
    "-x",
    "-q",
    "-fnx",
    "-fnux",
    "-f",
    "-pc x",
    "-px",
    "-hms abc",
    "-hmbs 0",
    "-hpds 0",
    "-hmqd q",
    "-hmaxk q",
    "-hmaxel q",
    "-hmax -1",
    "-hmax 10 -hmax 5",
    "-ec -e -1",
    "-C q",
    "-cq",
    "-n q",
    "-n sa",
    "-rg q",
    "-rg -3",
    "-dcg q",
    "-sbt q",
    "-stbt q",
    "-sbwt q",
    "-sbwtdcpu q",
    "-sbwtdio q",
    "-scl q",
    "-spp q",
    "-sub q",
    "-swct q",
    "-swt q",
    "-swtdcpu q",
    "-swtdio q",
    "-sws q",
    "-sss 5",
    "-sssdcpu 5",
    "-sssdio 99999",
    "-sfwi -4",
    "-sqq",
    "-IOt 0",
    "-IOp q",
    "-IOPt 101",
    "-IOPp -1",
    "-IOs q",
    "-IOp 5",
    "-IOq 1",
    "-JDdump q",
    "-JPperf q",
    "-Jx q",
    "-Mx q",
    "-MBq q",
    "-M",
    "foo",
    "-v -q",
];

#[test]
fn bad_flags_are_refused_as_stock_refuses_them() {
    let root = std::path::Path::new("/usr/lib/erlang");
    let Ok(entries) = std::fs::read_dir(root) else { return };
    let mut found = entries.filter_map(Result::ok).map(|e| e.path().join("bin/beam.smp"));
    let Some(beam) = found.find(|p| p.exists()) else { return };
    let mut different = Vec::new();
    for line in LEAVING {
        let output = Command::new(&beam).args(line.split(' ')).output().unwrap();
        let mut args = vec![beam.as_os_str().as_encoded_bytes().to_vec()];
        args.extend(words(line));
        let ours = parse(&args, &situation());
        let ours = ours.err().map(|leave| (leave.stderr, Some(leave.code)));
        let theirs = Some((output.stderr, output.status.code()));
        if ours != theirs {
            let first =
                |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
            let show = |x: &Option<(Vec<u8>, Option<i32>)>| x.as_ref().map(|(t, c)| (first(t), *c));
            different.push(format!(
                "{line}\n  ours {:?}\n  stock {:?}",
                show(&ours),
                show(&theirs)
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
