//! The order of the tables' locks; it stands before the runtime's, but for the lock under which a process is ended.

oxbeam_ethread::lock_order! {
    /// Into which parts an ordered table is divided.
    TreeDivision = 50;
    /// A part of an ordered table; several are taken in the order of their keys.
    TreePart = 60 several;
}
