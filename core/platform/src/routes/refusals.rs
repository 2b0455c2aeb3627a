//! What a variant's model refused, until it stands in the endpoint's log.
//!
//! A client may send nothing that a model takes, as fast as it can: of all between two readings the
//! first are kept, and the others are counted.

use std::sync::{Mutex, PoisonError};

use crate::scorer::Rejection;

/// How many are kept between two readings.
const KEPT: usize = 100;
/// How much of a message is kept, characters.
const LONGEST: usize = 1_024;

/// Refusals between two readings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// In order.
    pub first: Vec<Rejection>,
    /// How many came behind those.
    pub more: u64,
}

/// Takes them in, and hands them out.
#[derive(Debug, Default)]
pub(super) struct Inbox(Mutex<Refusals>);

impl Inbox {
    pub(super) fn add(&self, Rejection { status, message }: &Rejection) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.first.len() == KEPT {
            held.more += 1;
            return;
        }
        let message = message.chars().take(LONGEST).collect();
        held.first.push(Rejection { status: *status, message });
    }

    pub(super) fn take(&self) -> Refusals {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_the_others_counted() {
        let inbox = Inbox::default();
        let rejection = Rejection { status: 415, message: "é".repeat(LONGEST + 1) };
        for _ in 0..KEPT + 3 {
            inbox.add(&rejection);
        }
        let Refusals { first, more } = inbox.take();
        assert_eq!((first.len(), more), (KEPT, 3));
        let cut = Rejection { status: 415, message: "é".repeat(LONGEST) };
        assert!(first.iter().all(|refused| *refused == cut));
        assert_eq!(inbox.take(), Refusals::default());
    }
}
