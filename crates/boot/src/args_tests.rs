//! Each expectation was taken from what `erlexec` of OTP 25.2.3 hands over
//! (`compare_with_stock` asks again where it is installed).

use super::*;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::Command;

fn context(variables: &[(&str, &str)]) -> Context {
    let pairs = variables.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec()));
    Context {
        otp_release: "25".into(),
        root: b"/otp".to_vec(),
        bindir: b"/otp/bin".to_vec(),
        progname: b"erl".to_vec(),
        environment: pairs.collect(),
    }
}

fn words(line: &str) -> Vec<Word> {
    line.split_whitespace().map(|w| w.as_bytes().to_vec()).collect()
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>().join(" ")
}

fn emulator_args(line: &str, variables: &[(&str, &str)]) -> String {
    joined(&launch(&words(line), &context(variables)).unwrap().emulator_args[1..])
}

const FIXED: &str = "-- -root /otp -bindir /otp/bin -progname erl --";

#[test]
fn sources_are_merged_in_order() {
    let all = emulator_args(
        "+A1 -noshell",
        &[("ERL_AFLAGS", "+S 1 -x"), ("ERL_ZFLAGS", "-z 1"), ("HOME", "/h")],
    );
    assert_eq!(all, format!("-S 1 -A1 {FIXED} -home /h -- -x -- -noshell -- -z 1 --"));
}

#[test]
fn extra_of_every_source_comes_last() {
    let all = emulator_args("a -extra b", &[("ERL_FLAGS", "c -extra d")]);
    assert_eq!(all, format!("{FIXED} -- a -- c -extra b d --"));
}

#[test]
fn a_value_is_asked_for() {
    let stop = launch(&words("+S"), &context(&[])).unwrap_err();
    let Stop::Exit { stderr, code, .. } = stop else { panic!("{stop:?}") };
    assert_eq!(code, 1);
    assert!(stderr.starts_with(b"Missing argument(s) for '+S'.\nUsage: erl "));
}

#[test]
fn nodes_start_the_port_mapper() {
    let started = launch(&words("-sname a"), &context(&[])).unwrap();
    assert_eq!(started.epmd_command.as_deref(), Some(&b"\"/otp/bin/epmd\" -daemon"[..]));
    let not = launch(&words("-sname a -start_epmd false"), &context(&[])).unwrap();
    assert_eq!(not.epmd_command, None);
}

#[test]
fn the_search_path_does_not_grow() {
    let path = |old: &str| {
        let context = context(&[("PATH", old)]);
        String::from_utf8(search_path(&context)).unwrap()
    };
    assert_eq!(path("/usr/bin"), "/otp/bin:/otp/bin:/usr/bin");
    assert_eq!(path("/otp/bin:/usr/bin"), "/otp/bin:/usr/bin");
    assert_eq!(path("/x:/otp/bin:/usr/bin"), "/otp/bin:/x:/usr/bin");
}

fn stock() -> Option<(PathBuf, PathBuf)> {
    let root = PathBuf::from("/usr/lib/erlang");
    let mut found = std::fs::read_dir(&root).ok()?.filter_map(Result::ok).map(|e| e.path());
    let erts = found.find(|p| p.join("bin/erlexec").exists())?;
    Some((root, erts.join("bin/erlexec")))
}

/// A directory with a program in the emulator's place that prints what it got.
fn fake_bindir(name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let dir = std::env::temp_dir().join(format!("oxbeam-args-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let script = "#!/bin/sh\nprintf '%s\\n' \"$@\"\nprintf 'PATH %s\\n' \"$PATH\"\n";
    let path = dir.join("beam.smp");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    dir
}

#[test]
fn compare_with_stock() {
    let Some((root, erlexec)) = stock() else { return };
    let bindir = fake_bindir("all");
    let file = bindir.join("outer");
    let inner = bindir.join("inner");
    std::fs::write(
        &file,
        format!("+P 2000 # c\n-a 'x y' -args_file {} -b -extra z", inner.display()),
    )
    .unwrap();
    std::fs::write(&inner, "-c \"d\"\n-extra e\n").unwrap();
    let with_file = format!("-q -args_file {} -r -extra s", file.display());
    let lines = [
        "",
        "-noshell -s a b",
        "+S 2:2 +A1 +SDcpu 1:1 +SDio 3 -noinput",
        "+B -x",
        "+B i +Bc",
        "+c",
        "+c false +c true",
        "+hms 300 +h 400 +hmax 0 +hqq",
        "+MBas gf +Mea min +Muacul 0 +Mx",
        "+sbt u +sbwt none +sssdio 40 +sbtu",
        "+zdbbl 10 +zz",
        "+pc unicode +fnu +e 5 +ec",
        "-detachedx -emu_args_exit",
        "-emu_qouted_cmd_exit +K true",
        "-version",
        "-compile f",
        "-make g h",
        "-env A B -x",
        "-env A",
        "-name",
        "-configfd 0",
        "-configfd 3",
        "-configfd",
        "+IOt 2 +IOPt 50 +IOt3 +IOs true",
        "+IX 1",
        "+SDx 1",
        "+Bx",
        "+J Pperf true",
        "+J",
        "-smp enable",
        "-smp disable",
        "-extra -env +x -extra y",
        "-args_file",
        "-emu_type",
        "-args_file /nonexistent/f",
        "+rg 4 +r +W w +Ww",
        "a + b",
        "-no_epmd",
        "+Q -- x",
        "-keep_window -emu_name_exit",
        "-start_epmd maybe",
        &with_file,
    ];
    let environments: [&[(&str, &str)]; 2] = [
        &[],
        &[("ERL_FLAGS", "-f \"g h\" +A 2"), ("ERL_OTP25_FLAGS", "-o # p"), ("ERL_ZFLAGS", "")],
    ];
    for line in lines {
        for variables in environments {
            compare_one(line, variables, &root, &bindir, &erlexec);
        }
    }
    std::fs::remove_dir_all(bindir).unwrap();
}

fn compare_one(
    line: &str,
    variables: &[(&str, &str)],
    root: &std::path::Path,
    bindir: &std::path::Path,
    erlexec: &std::path::Path,
) {
    let mut all =
        vec![("HOME", "/home/x"), ("PATH", "/usr/bin:/bin"), ("PROGNAME", "erl"), ("EMU", "beam")];
    all.push(("ROOTDIR", root.to_str().unwrap()));
    all.push(("BINDIR", bindir.to_str().unwrap()));
    all.extend(variables);
    let output = Command::new(erlexec)
        .args(line.split_whitespace())
        .env_clear()
        .envs(all.iter().copied())
        .output()
        .unwrap();
    let mut context = context(&all);
    context.root = root.as_os_str().to_owned().into_vec();
    context.bindir = bindir.as_os_str().to_owned().into_vec();
    let (stdout, stderr, code) = match launch(&words(line), &context) {
        Ok(launch) => {
            let mut text = launch.stdout.clone();
            for word in &launch.emulator_args[1..] {
                text.extend([&word[..], b"\n"].concat());
            }
            let path = launch.set_variables.iter().find(|(k, _)| k == b"PATH").unwrap();
            text.extend([b"PATH ", &path.1[..], b"\n"].concat());
            (text, Vec::new(), 0)
        }
        Err(Stop::Exit { stdout, stderr, code }) => (stdout, stderr, code),
        Err(stop) => panic!("{line}: {stop:?}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&stdout), text(&output.stdout), "{line} {variables:?}");
    assert_eq!(text(&stderr), text(&output.stderr), "{line} {variables:?}");
    assert_eq!(Some(code), output.status.code(), "{line} {variables:?}");
}
