//! Chores of the repository: `cargo run -p xtask -- tidy`.

mod tidy;

fn main() {
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("tidy") => tidy::run(),
        _ => {
            eprintln!("xtask: say which chore: tidy");
            std::process::exit(2);
        }
    }
}
