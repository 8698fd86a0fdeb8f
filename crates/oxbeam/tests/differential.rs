//! The differential corpus: each program prints the same on stock `erl` and on oxbeam.

mod support;

macro_rules! families {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            let mut args = vec!["-noshell", "-noinput", "-run", "runner", "main", stringify!($name)];
            // A build that is slow on purpose leaves out what takes long.
            if std::env::var_os("OXBEAM_LIGHT").is_some() {
                args.push("-light");
            }
            support::same(&args, "");
        }
    )*};
}

families! {
    arithmetic,
    behaviours,
    bits,
    code_loading,
    collections,
    exceptions,
    failures,
    files,
    funs,
    identities,
    inquiries,
    internals,
    mapping,
    matching,
    packets,
    patterns,
    processes,
    processors,
    saved_calls,
    sequential,
    starting,
    structure,
    tables,
    terms,
    texts,
    tracing,
    watching,
}

/// Bit syntax as compilers before OTP 25 wrote it.
#[test]
fn bits_of_older_compilers() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("r24");
    std::fs::create_dir_all(&folder).expect("a folder for the program");
    let source = support::repository().join("tests/differential/bits.erl");
    let mut compiler = std::process::Command::new("erlc");
    // The families try what compilers warn of.
    compiler.arg("-W0");
    let status = compiler.arg("+r24").arg("-o").arg(&folder).arg(source).status();
    assert!(status.expect("erlc is installed").success(), "the program compiles");
    let folder = folder.to_str().expect("a path of text");
    support::same(&["-noshell", "-noinput", "-pa", folder, "-run", "runner", "main", "bits"], "");
}

/// Natives that no family calls, and why.
const UNCALLED: [(&str, &str, &str); 3] = [
    ("erlang", "display_nl", "it prints where nobody looks"),
    ("erts_internal", "erase_persistent_terms", "it is for the end of a runtime that starts again"),
    ("erts_internal", "spawn_system_process", "its end is the runtime's"),
];

#[test]
fn every_native_is_called_by_a_family() {
    let folder = support::repository().join("tests/differential");
    let programs = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text: String = programs.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
    let words: std::collections::HashSet<&str> = text.split(|c| !is_part(c)).collect();
    for native in oxbeam_bif::table::BIFS.iter().filter(|native| native.missing.is_none()) {
        let (module, function) = (native.module, native.function);
        let named = match function.contains(is_part) {
            true => words.contains(function),
            false => text.contains(function),
        };
        let listed = UNCALLED.iter().any(|row| (row.0, row.1) == (module, function));
        assert!(named != listed, "{module}:{function}/{}", native.arity);
    }
}

#[test]
fn every_program_is_named_here() {
    let source = include_str!("differential.rs");
    for entry in std::fs::read_dir(support::repository().join("tests/differential")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let named = source.contains(&format!("    {name},\n"));
        assert!(named || name == "runner", "tests/differential/{name}.erl is in no family");
    }
}
