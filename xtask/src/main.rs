//! Chores of the repository: `cargo run -p xtask -- tidy` or `-- measure`.

mod measure;
mod tidy;

fn main() {
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("tidy") => tidy::run(),
        Some("measure") => measure::run(),
        _ => {
            eprintln!("xtask: say which chore: tidy, measure");
            std::process::exit(2);
        }
    }
}
