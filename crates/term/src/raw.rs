//! A term as a plain word.

use crate::atom::Atom;
use crate::tag::{self, Subtag};

/// A term word without a proof that it is still good. See the crate rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct RawTerm(pub u64);

impl RawTerm {
    /// Not a term: marks an absent value.
    pub const NONE: RawTerm = RawTerm(0);
    pub const NIL: RawTerm = RawTerm(tag::NIL);

    /// A small; `value` must be in the small range.
    pub const fn small(value: i64) -> RawTerm {
        debug_assert!(value >= tag::SMALL_MIN && value <= tag::SMALL_MAX);
        RawTerm((value as u64) << 4 | tag::SMALL)
    }
    /// Whether `value` can be a small.
    pub const fn fits_small(value: i64) -> bool {
        value >= tag::SMALL_MIN && value <= tag::SMALL_MAX
    }
    pub const fn atom(atom: Atom) -> RawTerm {
        RawTerm((atom.index() as u64) << 6 | tag::ATOM)
    }
    pub const fn bool(value: bool) -> RawTerm {
        RawTerm::atom(if value { crate::am::true_ } else { crate::am::false_ })
    }
    /// A local pid of the given process-table data.
    pub const fn pid(data: u64) -> RawTerm {
        RawTerm(data << 4 | tag::PID)
    }
    /// A local port of the given port-table data.
    pub const fn port(data: u64) -> RawTerm {
        RawTerm(data << 4 | tag::PORT)
    }
    /// A catch tag, as the stack holds it.
    pub const fn catch(index: u32) -> RawTerm {
        RawTerm((index as u64) << 6 | tag::CATCH)
    }
    /// A term that points at the boxed object at `ptr`.
    pub fn boxed(ptr: *const u64) -> RawTerm {
        RawTerm(ptr as u64 | tag::BOXED)
    }
    /// A term that points at the cons cell at `ptr`.
    pub fn list(ptr: *const u64) -> RawTerm {
        RawTerm(ptr as u64 | tag::LIST)
    }

    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
    pub const fn is_nil(self) -> bool {
        self.0 == tag::NIL
    }
    pub const fn is_small(self) -> bool {
        self.0 & tag::IMMED1_MASK == tag::SMALL
    }
    pub const fn is_atom(self) -> bool {
        self.0 & tag::IMMED2_MASK == tag::ATOM
    }
    pub const fn is_catch(self) -> bool {
        self.0 & tag::IMMED2_MASK == tag::CATCH
    }
    pub const fn is_local_pid(self) -> bool {
        self.0 & tag::IMMED1_MASK == tag::PID
    }
    pub const fn is_local_port(self) -> bool {
        self.0 & tag::IMMED1_MASK == tag::PORT
    }
    pub const fn is_immediate(self) -> bool {
        self.0 & tag::PRIMARY_MASK == tag::IMMED1
    }
    pub const fn is_list(self) -> bool {
        self.0 & tag::PRIMARY_MASK == tag::LIST
    }
    pub const fn is_boxed(self) -> bool {
        self.0 & tag::PRIMARY_MASK == tag::BOXED
    }
    /// A header word or a continuation pointer.
    pub const fn is_header(self) -> bool {
        self.0 & tag::PRIMARY_MASK == tag::HEADER
    }

    /// The value of a small. Meaningless for another term.
    pub const fn small_value(self) -> i64 {
        self.0 as i64 >> 4
    }
    pub const fn as_small(self) -> Option<i64> {
        if self.is_small() { Some(self.small_value()) } else { None }
    }
    pub const fn as_atom(self) -> Option<Atom> {
        if self.is_atom() { Some(Atom::from_index((self.0 >> 6) as u32)) } else { None }
    }
    /// Process- or port-table data of a local pid or port.
    pub const fn local_data(self) -> u64 {
        self.0 >> 4
    }
    pub const fn catch_index(self) -> u32 {
        (self.0 >> 6) as u32
    }
    /// Address of the cons cell or boxed object.
    pub const fn ptr(self) -> *mut u64 {
        (self.0 & !tag::PRIMARY_MASK) as *mut u64
    }

    /// The header word of a boxed term.
    ///
    /// # Safety
    /// The term is boxed and points into live memory.
    pub unsafe fn header(self) -> u64 {
        debug_assert!(self.is_boxed());
        // SAFETY: the caller says the object is live.
        unsafe { *self.ptr() }
    }
    /// Whether the term is a boxed object of `subtag`.
    ///
    /// # Safety
    /// If boxed, the term points into live memory.
    pub unsafe fn is_subtag(self, subtag: Subtag) -> bool {
        // SAFETY: the caller says the object is live.
        self.is_boxed() && unsafe { Subtag::of(self.header()) } == subtag
    }
    /// Head of a cons cell.
    ///
    /// # Safety
    /// The term is a list cell in live memory.
    pub unsafe fn head(self) -> RawTerm {
        debug_assert!(self.is_list());
        // SAFETY: the caller says the cell is live.
        RawTerm(unsafe { *self.ptr() })
    }
    /// Tail of a cons cell.
    ///
    /// # Safety
    /// The term is a list cell in live memory.
    pub unsafe fn tail(self) -> RawTerm {
        debug_assert!(self.is_list());
        // SAFETY: the caller says the cell is live.
        RawTerm(unsafe { *self.ptr().add(1) })
    }
    /// Word `index` after the header of a boxed object (0 is the first).
    ///
    /// # Safety
    /// The term is boxed, live, and the object has that word.
    pub unsafe fn word(self, index: usize) -> u64 {
        // SAFETY: the caller says the word is the object's.
        unsafe { *self.ptr().add(1 + index) }
    }
}

impl From<Atom> for RawTerm {
    fn from(atom: Atom) -> RawTerm {
        RawTerm::atom(atom)
    }
}

impl std::fmt::Debug for RawTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.as_small(), self.as_atom()) {
            (Some(value), _) => write!(f, "{value}"),
            (_, Some(atom)) => write!(f, "'{}'", atom.name()),
            _ if self.is_nil() => f.write_str("[]"),
            _ => write!(f, "#{:x}", self.0),
        }
    }
}
