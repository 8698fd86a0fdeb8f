//! The order of the tables' locks; it stands before the runtime's.

oxbeam_ethread::lock_order! {
    /// Into which parts an ordered table is divided.
    TreeDivision = 50;
    /// A part of an ordered table; several are taken in the order of their keys.
    TreePart = 60 several;
}
