//! Paying for work, and the yield when there is nothing left to pay with.

use crate::ZEAL;
use crate::routine::loan_of;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Pays `units` of the poll's budget; yields when that uses it up. A yield point.
pub fn charge(units: usize) -> Charge {
    Charge { units, always: false, paid: false }
}

/// Yields in any case.
pub fn pause() -> Charge {
    Charge { units: 0, always: true, paid: false }
}

/// See [`charge`].
pub struct Charge {
    units: usize,
    always: bool,
    paid: bool,
}

impl Future for Charge {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.paid {
            return Poll::Ready(());
        }
        self.paid = true;
        let loan = loan_of(context);
        loan.spend(self.units);
        if self.always || loan.left() <= 0 || ZEAL { Poll::Pending } else { Poll::Ready(()) }
    }
}
