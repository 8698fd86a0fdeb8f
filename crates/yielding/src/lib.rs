//! Routines that stop in the middle and go on later, wherever and by whomever they are polled.
//!
//! A routine is an `async fn`: the compiler makes the state machine. This crate gives it memory
//! that costs nothing when it ends at once, and hands it what it works on for each poll.
//!
//! 1. A routine is built in place in a block that does not move while it lives; a [`Routine`]
//!    owns the block and moves by pointer. A thread keeps one spare block, so a routine that
//!    ends takes no memory from the system.
//! 2. The state is `Send + 'static`: it holds nothing that is lent.
//! 3. What is lent for one poll (the loan) is reached through that poll's waker. Its data points
//!    at the loan, which lives on the stack of whoever polls; a clone of the waker leads nowhere.
//!    So nothing lent can be reached after the poll.
//! 4. A loan names the family it belongs to. Only code that knows the family gets the pointer.
//! 5. One part of a routine at a time uses the loan: whoever gets it by [`with_loan`] gives it
//!    back before it returns, and asks for no other meanwhile.

mod charge;
mod routine;

pub use charge::{Charge, charge, pause};
pub use routine::{Loan, Routine, suspended_count, with_loan};

/// Whether this build yields at every point where a routine may.
pub const ZEAL: bool = cfg!(oxbeam_zeal);
