//! The litmus programs, the spin lock and the event in loom's model of the language's memory:
//! run with `RUSTFLAGS="--cfg oxbeam_model" cargo test --release -p oxbeam-ethread`.
//!
//! Loom never gives a load a value that is stored later, so load buffering cannot show in it:
//! hardware_model.rs has that one.
#![cfg(oxbeam_model)]

use loom::sync::Arc;
use loom::thread;
use oxbeam_ethread::{Atomic32, AtomicDoubleWord, Event, Orders, SpinLock, membar};
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone)]
struct Cells {
    x: Arc<Atomic32>,
    y: Arc<Atomic32>,
}

/// Whether `program` can come out as `true`, over all executions.
fn happens(program: impl Fn(Cells) -> bool + Send + Sync + 'static) -> bool {
    let seen = std::sync::Arc::new(AtomicBool::new(false));
    let saw = seen.clone();
    loom::model(move || {
        let cells = Cells { x: Arc::new(Atomic32::new(0)), y: Arc::new(Atomic32::new(0)) };
        if program(cells) {
            saw.store(true, Ordering::SeqCst);
        }
    });
    seen.load(Ordering::SeqCst)
}

fn both<A: 'static, B>(
    cells: Cells,
    one: impl FnOnce(&Cells) -> A + Send + 'static,
    other: impl FnOnce(&Cells) -> B,
) -> (A, B) {
    let copy = cells.clone();
    let thread = thread::spawn(move || one(&copy));
    let here = other(&cells);
    (thread.join().expect("the program does not panic"), here)
}

type Side = fn(&Cells) -> i32;

fn store_buffering(one: Side, other: Side) -> bool {
    happens(move |cells| both(cells, one, other) == (0, 0))
}

#[test]
fn store_buffering_needs_store_load() {
    let bare: [Side; 2] = [
        |c| {
            c.x.set(1);
            c.y.read()
        },
        |c| {
            c.y.set(1);
            c.x.read()
        },
    ];
    assert!(store_buffering(bare[0], bare[1]));
    let relaxed: [Side; 2] = [
        |c| {
            c.x.set_relb(1);
            c.y.read_acqb()
        },
        |c| {
            c.y.set_relb(1);
            c.x.read_acqb()
        },
    ];
    assert!(store_buffering(relaxed[0], relaxed[1]));
    let sets: [Side; 2] = [
        |c| {
            c.x.set_acqb(1);
            c.y.read()
        },
        |c| {
            c.y.set_mb(1);
            c.x.read()
        },
    ];
    assert!(!store_buffering(sets[0], sets[1]));
    assert!(store_buffering(sets[0], bare[1]));
    let reads: [Side; 2] = [
        |c| {
            c.x.set(1);
            c.y.read_relb()
        },
        |c| {
            c.y.set(1);
            c.x.read_mb()
        },
    ];
    assert!(!store_buffering(reads[0], reads[1]));
    let between: Side = |c| {
        c.x.set(1);
        membar(Orders::STORE_LOAD);
        c.y.read()
    };
    assert!(!store_buffering(between, sets[1]));
    assert!(store_buffering(
        |c| {
            c.x.set(1);
            membar(Orders::LOAD_LOAD.union(Orders::STORE_STORE).union(Orders::LOAD_STORE));
            c.y.read()
        },
        sets[1]
    ));
}

fn message_passing(write: fn(&Cells), read: fn(&Cells) -> (i32, i32)) -> bool {
    happens(move |cells| both(cells, write, read).1 == (1, 0))
}

#[test]
fn message_passing_needs_both_sides() {
    let writers: [fn(&Cells); 3] = [
        |c| {
            c.x.set(1);
            c.y.set_relb(1);
        },
        |c| {
            c.x.set(1);
            c.y.set_wb(1);
        },
        |c| {
            c.x.set(1);
            membar(Orders::STORE_STORE);
            c.y.set(1);
        },
    ];
    let readers: [fn(&Cells) -> (i32, i32); 3] = [
        |c| (c.y.read_acqb(), c.x.read()),
        |c| (c.y.read_rb(), c.x.read()),
        |c| {
            let flag = c.y.read();
            membar(Orders::LOAD_LOAD);
            (flag, c.x.read())
        },
    ];
    let bare_writer: fn(&Cells) = |c| {
        c.x.set(1);
        c.y.set(1);
    };
    let bare_reader: fn(&Cells) -> (i32, i32) = |c| (c.y.read(), c.x.read());
    for writer in writers {
        for reader in readers {
            assert!(!message_passing(writer, reader));
            assert!(message_passing(bare_writer, reader));
        }
        assert!(message_passing(writer, bare_reader));
    }
}

fn independent_reads(read: fn(&Atomic32, &Atomic32) -> (i32, i32)) -> bool {
    happens(move |cells| {
        let [a, b, c] = [cells.clone(), cells.clone(), cells.clone()];
        let writers = [thread::spawn(move || a.x.set(1)), thread::spawn(move || b.y.set(1))];
        let reader = thread::spawn(move || read(&c.x, &c.y));
        let here = read(&cells.y, &cells.x);
        let there = reader.join().expect("the reader reads");
        writers.into_iter().for_each(|writer| writer.join().expect("the writer writes"));
        (there, here) == ((1, 0), (1, 0))
    })
}

#[test]
fn independent_reads_agree_with_full_barriers() {
    // Each reader sees one write and not the other, the other way round.
    assert!(independent_reads(|first, second| (first.read(), second.read())));
    // The language, unlike the hardware, asks for full barriers here.
    assert!(!independent_reads(|first, second| {
        let seen = first.read();
        membar(Orders::ALL);
        (seen, second.read())
    }));
}

/// The flag example: one thread waits for the flag and prints the value.
fn flag_fails(announce: fn(&Atomic32), wait: fn(&Atomic32) -> i32) -> bool {
    happens(move |cells| {
        let write = move |c: &Cells| {
            c.x.set(42);
            announce(&c.y);
        };
        let read = move |c: &Cells| {
            while wait(&c.y) == 0 {
                thread::yield_now();
            }
            c.x.read()
        };
        both(cells, write, read).1 != 42
    })
}

#[test]
fn a_flag_announces_a_value() {
    assert!(!flag_fails(|flag| flag.set_relb(1), Atomic32::read_acqb));
    assert!(flag_fails(|flag| flag.set(1), Atomic32::read_acqb));
    assert!(flag_fails(|flag| flag.set_relb(1), Atomic32::read));
}

#[test]
fn a_spin_lock_keeps_others_out() {
    loom::model(|| {
        let sum = Arc::new(SpinLock::new(0));
        let there = sum.clone();
        let thread = thread::spawn(move || *there.lock() += 1);
        *sum.lock() += 1;
        thread.join().expect("it adds");
        assert_eq!(*sum.lock(), 2);
    });
}

#[test]
fn an_event_is_never_slept_through() {
    loom::model(|| {
        let shared = Arc::new((Event::default(), Atomic32::new(0)));
        let there = shared.clone();
        let thread = thread::spawn(move || {
            there.1.set(7);
            there.0.set();
        });
        shared.0.wait();
        assert_eq!(shared.1.read(), 7);
        shared.0.reset();
        thread.join().expect("it sets the event");
    });
}

#[test]
fn a_double_word_changes_at_once() {
    loom::model(|| {
        let words = Arc::new(AtomicDoubleWord::new([0, 0]));
        let there = words.clone();
        let thread = thread::spawn(move || there.cmpxchg_mb([1, 1], [0, 0]));
        let seen = words.read_acqb();
        assert_eq!(seen[0], seen[1]);
        thread.join().expect("it changes the words");
    });
}

#[test]
fn the_model_finds_a_missing_barrier() {
    // What a broken protocol looks like to who runs the model: a panic of an execution.
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock();
    let broken = catch_unwind(|| {
        loom::model(|| {
            let cells = Cells { x: Arc::new(Atomic32::new(0)), y: Arc::new(Atomic32::new(0)) };
            let there = cells.clone();
            thread::spawn(move || {
                there.x.set(42);
                there.y.set(1);
            });
            if cells.y.read_acqb() == 1 {
                assert_eq!(cells.x.read(), 42);
            }
        });
    });
    std::panic::set_hook(silent);
    assert!(broken.is_err());
}
