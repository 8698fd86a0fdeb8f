//! What the barriers order, apart from any machine.

/// A set of orders between accesses before a point and accesses behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Orders(u8);

impl Orders {
    pub const NONE: Orders = Orders(0);
    /// Loads before the point are done before loads behind it.
    pub const LOAD_LOAD: Orders = Orders(1);
    /// Loads before the point are done before stores behind it are seen.
    pub const LOAD_STORE: Orders = Orders(2);
    /// Stores before the point are seen by all before loads behind it are done.
    pub const STORE_LOAD: Orders = Orders(4);
    /// Stores before the point are seen by all before stores behind it are.
    pub const STORE_STORE: Orders = Orders(8);
    pub const ALL: Orders = Orders(15);

    /// What either set orders.
    pub const fn union(self, other: Orders) -> Orders {
        Orders(self.0 | other.0)
    }
    /// Whether every order of `other` is in this set.
    pub const fn contains(self, other: Orders) -> bool {
        self.0 & other.0 == other.0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// All sixteen sets.
    pub fn all_sets() -> impl Iterator<Item = Orders> {
        (0..16).map(Orders)
    }
}

/// The kind of barrier that an operation implies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barrier {
    /// The operation is atomic and orders nothing.
    None,
    /// No access crosses the operation, in either direction.
    Mb,
    /// Accesses before the operation stay before it.
    Relb,
    /// Accesses behind the operation stay behind it.
    Acqb,
    /// Stores before the operation are ordered before stores from the operation's own on.
    Wb,
    /// Loads up to the operation's own are ordered before loads behind it.
    Rb,
    /// The operation's load is ordered before loads whose address depends on its value.
    Ddrb,
}

impl Barrier {
    pub const ALL: [Barrier; 7] = [
        Barrier::None,
        Barrier::Mb,
        Barrier::Relb,
        Barrier::Acqb,
        Barrier::Wb,
        Barrier::Rb,
        Barrier::Ddrb,
    ];
}

/// What an operation does with its variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Loads it.
    Read,
    /// Stores it.
    Set,
    /// Loads it and stores it in one step, always.
    Modify,
    /// Loads it and, in the same step, may store it.
    Exchange,
}

/// What must be ordered before the operation and behind it, the operation's own load counting
/// as a load and its store as a store.
///
/// A release of an operation that loads and stores keeps earlier accesses before its store, an
/// acquisition keeps later ones behind its load.
pub const fn required(access: Access, barrier: Barrier) -> (Orders, Orders) {
    const NO: Orders = Orders::NONE;
    const TO_LOAD: Orders = Orders::LOAD_LOAD.union(Orders::STORE_LOAD);
    const TO_STORE: Orders = Orders::LOAD_STORE.union(Orders::STORE_STORE);
    const FROM_LOAD: Orders = Orders::LOAD_LOAD.union(Orders::LOAD_STORE);
    const FROM_STORE: Orders = Orders::STORE_LOAD.union(Orders::STORE_STORE);
    match (barrier, access) {
        (Barrier::None | Barrier::Ddrb, _) => (NO, NO),
        (Barrier::Mb, Access::Read) => (TO_LOAD, FROM_LOAD),
        (Barrier::Mb, Access::Set) => (TO_STORE, FROM_STORE),
        (Barrier::Mb, Access::Modify | Access::Exchange) => (Orders::ALL, Orders::ALL),
        (Barrier::Relb, Access::Read) => (TO_LOAD, NO),
        (Barrier::Relb, _) => (TO_STORE, NO),
        (Barrier::Acqb, Access::Set) => (NO, FROM_STORE),
        (Barrier::Acqb, _) => (NO, FROM_LOAD),
        (Barrier::Wb, _) => (Orders::STORE_STORE, NO),
        (Barrier::Rb, _) => (NO, Orders::LOAD_LOAD),
    }
}
