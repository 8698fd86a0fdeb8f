//! Chores of the repository: `cargo run -p xtask -- tidy`.

fn main() {
    println!("xtask: no chores yet");
}
