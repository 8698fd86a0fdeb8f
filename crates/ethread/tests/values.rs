//! What each operation does with its value, with every barrier.
#![cfg(not(oxbeam_model))]

use oxbeam_ethread::{
    Atomic32, Atomic64, AtomicDoubleWord, AtomicU32, AtomicU64, AtomicUword, AtomicWord,
    for_each_double_operation, for_each_operation,
};

/// Old value, arguments, and what must come of them, by the name of the operation.
fn expected(name: &str, old: i128, a: i128, b: i128) -> (i128, Option<i128>) {
    match name {
        "init" | "set" => (a, None),
        "read" => (old, Some(old)),
        "add" => (old + a, None),
        "add_read" => (old + a, Some(old + a)),
        "inc" => (old + 1, None),
        "inc_read" => (old + 1, Some(old + 1)),
        "dec" => (old - 1, None),
        "dec_read" => (old - 1, Some(old - 1)),
        "read_band" => (old & a, Some(old)),
        "read_bor" => (old | a, Some(old)),
        "xchg" => (a, Some(old)),
        "cmpxchg" => (if old == b { a } else { old }, Some(old)),
        other => unreachable!("no operation {other}"),
    }
}

trait Outcome {
    fn value(self) -> Option<i128>;
}
impl Outcome for () {
    fn value(self) -> Option<i128> {
        None
    }
}
macro_rules! outcomes { ($($int:ty)*) => { $(impl Outcome for $int {
    fn value(self) -> Option<i128> {
        Some(self as i128)
    }
})* } }
outcomes! { i32 u32 i64 u64 isize usize }

macro_rules! arguments {
    ($cell:ident $name:ident; $c:ident, $o:ident) => {
        $cell.$name()
    };
    ($cell:ident $name:ident; $c:ident, $o:ident, $a:ident) => {
        $cell.$name(A)
    };
    ($cell:ident $name:ident; $c:ident, $o:ident, $a:ident, $b:ident) => {
        $cell.$name(A, B)
    };
}
macro_rules! values {
    ($Type:ident $int:ident; $($access:ident $args:tt -> $out:tt $body:block [
        $first:ident $(, $name:ident)*
    ])*) => { {
        const A: $int = 12;
        const B: $int = 7;
        let mut operations = 0;
        $( for old in [7 as $int, 25] {
            values! { @one $Type A B operations old $first $first $args }
            $( values! { @one $Type A B operations old $first $name $args } )*
        } )*
        assert_eq!(operations, 13 * 7 * 2);
    } };
    (@one $Type:ident $A:ident $B:ident $count:ident $old:ident $base:ident $name:ident ($($arg:ident),*)) => {
        let cell = $Type::new($old);
        let result = Outcome::value(arguments!(cell $name; $($arg),*));
        let shown = (cell.read() as i128, result);
        let right = expected(stringify!($base), $old as i128, $A as i128, $B as i128);
        assert_eq!(shown, right, "{} of {}", stringify!($name), $old);
        $count += 1;
    };
}

#[test]
fn all_operations_of_all_sizes() {
    for_each_operation!(values, Atomic32 i32);
    for_each_operation!(values, AtomicU32 u32);
    for_each_operation!(values, Atomic64 i64);
    for_each_operation!(values, AtomicU64 u64);
    for_each_operation!(values, AtomicWord isize);
    for_each_operation!(values, AtomicUword usize);
}

#[test]
fn arithmetic_wraps() {
    let cell = Atomic32::new(i32::MAX);
    assert_eq!(cell.inc_read_mb(), i32::MIN);
    assert_eq!(cell.dec_read_wb(), i32::MAX);
    assert_eq!(AtomicUword::new(0).dec_read(), usize::MAX);
}

macro_rules! doubles {
    ($($access:ident $args:tt -> $out:tt $body:block [$($name:ident),*])*) => {
        $( $( doubles! { @one $access $name } )* )*
    };
    (@one Set $name:ident) => {
        let cell = AtomicDoubleWord::new([1, 2]);
        cell.$name([3, 4]);
        assert_eq!(cell.read(), [3, 4]);
    };
    (@one Read $name:ident) => {
        assert_eq!(AtomicDoubleWord::new([5, usize::MAX]).$name(), [5, usize::MAX]);
    };
    (@one Exchange $name:ident) => {
        let cell = AtomicDoubleWord::new([1, 2]);
        assert_eq!(cell.$name([3, 4], [1, 3]), [1, 2]);
        assert_eq!(cell.$name([3, 4], [0, 2]), [1, 2]);
        assert_eq!(cell.$name([3, 4], [1, 2]), [1, 2]);
        assert_eq!(cell.read(), [3, 4]);
    };
}

#[test]
fn all_operations_of_double_words() {
    for_each_double_operation!(doubles);
}

#[test]
fn double_words_are_never_seen_torn() {
    let cell = AtomicDoubleWord::new([0, 0]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let mut old = cell.read();
                    loop {
                        assert_eq!(old[0], old[1]);
                        let now = cell.cmpxchg_mb([old[0] + 1, old[1] + 1], old);
                        if now == old {
                            break;
                        }
                        old = now;
                    }
                }
            });
        }
    });
    assert_eq!(cell.read_mb(), [40_000, 40_000]);
}
