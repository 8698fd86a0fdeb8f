//! Every operation as a function of its own, for the file test of the mapping to compile.
#![crate_type = "lib"]
#![allow(dead_code)]

#[macro_use]
#[path = "../../src/shared.rs"]
pub mod shared;

#[path = "../../src/atomic.rs"]
pub mod atomic;
#[path = "../../src/barrier.rs"]
pub mod barrier;
#[path = "../../src/cell.rs"]
pub mod cell;
#[path = "../../src/double.rs"]
pub mod double;
#[path = "../../src/mapping.rs"]
pub mod mapping;

macro_rules! probes {
    ($Type:ident $int:ident; $($access:ident $args:tt -> $out:tt $body:block [$($name:ident),*])*) => {
        type Int = $int;
        $( $( probe! { $Type $name $args $out } )* )*
    };
}
macro_rules! double_probes {
    ($($access:ident ($words:ident, $barrier:ident $(, $arg:ident : $type:ident)*) -> $out:tt $body:block
        [$($name:ident),*])*) => {
        $( double_probes! { @row ($($arg),*) $out $($name)* } )*
    };
    (@row $args:tt $out:tt $($name:ident)*) => { $( double_probes! { @one $args $out $name } )* };
    (@one ($($arg:ident),*) $out:tt $name:ident) => {
        #[inline(never)]
        pub fn $name(cell: &AtomicDoubleWord $(, $arg: DoubleWord)*) -> $out {
            cell.$name($($arg),*)
        }
    };
}
macro_rules! probe {
    ($Type:ident $name:ident ($cell:ident, $order:ident $(, $arg:ident)*) $out:tt) => {
        #[inline(never)]
        pub fn $name(cell: &$Type $(, $arg: Int)*) -> $out {
            cell.$name($($arg),*)
        }
    };
}

pub mod atomic32 {
    use crate::atomic::Atomic32;
    use crate::for_each_operation;
    for_each_operation!(probes, Atomic32 i32);
}
pub mod word {
    use crate::atomic::AtomicWord;
    use crate::for_each_operation;
    for_each_operation!(probes, AtomicWord isize);
}
pub mod double_word {
    use crate::double::{AtomicDoubleWord, DoubleWord};
    use crate::for_each_double_operation;
    for_each_double_operation!(double_probes);
}
pub mod free {
    use crate::barrier::Orders;
    use crate::cell::membar;
    macro_rules! membars {
        ($($name:ident $($order:ident)*;)*) => { $(
            #[inline(never)]
            pub fn $name() {
                membar(Orders::NONE$(.union(Orders::$order))*);
            }
        )* };
    }
    membars! {
        load_load LOAD_LOAD;
        load_store LOAD_STORE;
        store_load STORE_LOAD;
        store_store STORE_STORE;
        load_load_load_store LOAD_LOAD LOAD_STORE;
        load_load_store_load LOAD_LOAD STORE_LOAD;
        load_load_store_store LOAD_LOAD STORE_STORE;
        load_store_store_load LOAD_STORE STORE_LOAD;
        load_store_store_store LOAD_STORE STORE_STORE;
        store_load_store_store STORE_LOAD STORE_STORE;
        all_but_load_load LOAD_STORE STORE_LOAD STORE_STORE;
        all_but_load_store LOAD_LOAD STORE_LOAD STORE_STORE;
        all_but_store_load LOAD_LOAD LOAD_STORE STORE_STORE;
        all_but_store_store LOAD_LOAD LOAD_STORE STORE_LOAD;
        all LOAD_LOAD LOAD_STORE STORE_LOAD STORE_STORE;
    }
}
