//! (being founded)
