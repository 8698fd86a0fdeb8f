//! The litmus programs on real threads: what must not happen does not happen.
//!
//! That an outcome shows when the barrier is taken out is the models' matter
//! (hardware_model.rs, loom_model.rs): hardware shows it when it pleases, and x86-64 hides all
//! of them but store buffering.
#![cfg(not(oxbeam_model))]

use oxbeam_ethread::{Atomic32, AtomicWord, Orders, membar};
use std::sync::atomic::{AtomicUsize, Ordering};

const ROUNDS: usize = 30_000;
/// Rounds after which the threads wait for each other, so that they stay close.
const STRETCH: usize = 50;

#[derive(Default)]
struct Cells {
    x: Atomic32,
    /// On a line of its own, as the programs' variables are.
    _apart: [u64; 15],
    y: Atomic32,
    seen: [AtomicWord; 4],
}

type Body = fn(&Cells);

/// Runs the threads side by side over fresh cells and looks at each cell's outcome.
fn litmus(threads: &[Body], wrong: fn([isize; 4]) -> bool) -> usize {
    let cells: Vec<Cells> = std::iter::repeat_with(Cells::default).take(ROUNDS).collect();
    let arrived = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for body in threads {
            let (cells, arrived) = (&cells, &arrived);
            scope.spawn(move || {
                for (stretch, cells) in cells.chunks(STRETCH).enumerate() {
                    arrived.fetch_add(1, Ordering::AcqRel);
                    while arrived.load(Ordering::Acquire) < threads.len() * (stretch + 1) {
                        std::thread::yield_now();
                    }
                    cells.iter().for_each(body);
                }
            });
        }
    });
    cells.iter().filter(|cells| wrong(std::array::from_fn(|at| cells.seen[at].read()))).count()
}

#[test]
fn store_buffering() {
    let both_old = |seen: [isize; 4]| seen[..2] == [0, 0];
    let by_set: [Body; 2] = [
        |cells| {
            cells.x.set_acqb(1);
            cells.seen[0].set(cells.y.read() as isize);
        },
        |cells| {
            cells.y.set_acqb(1);
            cells.seen[1].set(cells.x.read() as isize);
        },
    ];
    assert_eq!(litmus(&by_set, both_old), 0);
    let by_read: [Body; 2] = [
        |cells| {
            cells.x.set(1);
            cells.seen[0].set(cells.y.read_relb() as isize);
        },
        |cells| {
            cells.y.set(1);
            cells.seen[1].set(cells.x.read_relb() as isize);
        },
    ];
    assert_eq!(litmus(&by_read, both_old), 0);
    let by_membar: [Body; 2] = [
        |cells| {
            cells.x.set(1);
            membar(Orders::STORE_LOAD);
            cells.seen[0].set(cells.y.read() as isize);
        },
        |cells| {
            cells.y.set(1);
            membar(Orders::STORE_LOAD);
            cells.seen[1].set(cells.x.read() as isize);
        },
    ];
    assert_eq!(litmus(&by_membar, both_old), 0);
    let bare: [Body; 2] = [
        |cells| {
            cells.x.set(1);
            cells.seen[0].set(cells.y.read() as isize);
        },
        |cells| {
            cells.y.set(1);
            cells.seen[1].set(cells.x.read() as isize);
        },
    ];
    println!("store buffering without a barrier: {} of {ROUNDS}", litmus(&bare, both_old));
}

#[test]
fn message_passing() {
    let threads: [Body; 2] = [
        |cells| {
            cells.x.set(1);
            cells.y.set_relb(1);
        },
        |cells| {
            cells.seen[0].set(cells.y.read_acqb() as isize);
            cells.seen[1].set(cells.x.read() as isize);
        },
    ];
    assert_eq!(litmus(&threads, |seen| seen[..2] == [1, 0]), 0);
    let narrow: [Body; 2] = [
        |cells| {
            cells.x.set(1);
            cells.y.set_wb(1);
        },
        |cells| {
            cells.seen[0].set(cells.y.read_rb() as isize);
            cells.seen[1].set(cells.x.read() as isize);
        },
    ];
    assert_eq!(litmus(&narrow, |seen| seen[..2] == [1, 0]), 0);
}

#[test]
fn load_buffering() {
    let threads: [Body; 2] = [
        |cells| {
            cells.seen[0].set(cells.x.read_acqb() as isize);
            cells.y.set(1);
        },
        |cells| {
            cells.seen[1].set(cells.y.read() as isize);
            cells.x.set_relb(1);
        },
    ];
    assert_eq!(litmus(&threads, |seen| seen[..2] == [1, 1]), 0);
}

#[test]
fn independent_reads_of_independent_writes() {
    let threads: [Body; 4] = [
        |cells| cells.x.set(1),
        |cells| cells.y.set(1),
        |cells| {
            cells.seen[0].set(cells.x.read_mb() as isize);
            cells.seen[1].set(cells.y.read_mb() as isize);
        },
        |cells| {
            cells.seen[2].set(cells.y.read_mb() as isize);
            cells.seen[3].set(cells.x.read_mb() as isize);
        },
    ];
    assert_eq!(litmus(&threads, |seen| seen == [1, 0, 1, 0]), 0);
}

#[test]
fn a_flag_announces_a_value() {
    let threads: [Body; 2] = [
        |cells| {
            cells.x.set(42);
            cells.y.set_relb(1);
        },
        |cells| {
            while cells.y.read_acqb() == 0 {
                std::hint::spin_loop();
            }
            cells.seen[0].set(cells.x.read() as isize);
        },
    ];
    assert_eq!(litmus(&threads, |seen| seen[0] != 42), 0);
}
