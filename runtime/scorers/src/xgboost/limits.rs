//! What a call may take at the most, so that no model and no payload take the machine.

use std::time::{Duration, Instant};

use platform::scorer::Rejection;

/// Numbers that the predictions of a call may hold, unless its payload is longer than that: 64 MiB
/// of them. What 25 classes come to is a payload of 670,000 rows.
const MAX_VALUES: usize = 16 << 20;
/// How long AWS waits for an invocation.
const PATIENCE: Duration = Duration::from_mins(1);
/// HTTP: Bad Request.
const BAD_REQUEST: u16 = 400;
/// HTTP: Gateway Timeout.
const TIMED_OUT: u16 = 504;

/// Refuses predictions of `width` numbers for each of so many rows that are out of all proportion
/// to the `payload`, bytes. A model of one number a row is never refused: rows are bytes.
pub(super) fn check_values(rows: usize, width: usize, payload: usize) -> Result<(), Rejection> {
    let limit = MAX_VALUES.max(payload);
    if rows.saturating_mul(width) <= limit {
        return Ok(());
    }
    let message = format!(
        "The predictions of {rows} rows of {width} numbers each are more than the {limit} numbers \
         that one payload may have. Send fewer rows at once."
    );
    Err(Rejection { status: BAD_REQUEST, message })
}

/// Until when a call must have been scored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// Of a call that is over in no time, and of batch transform, whose jobs have a time limit of
    /// their own.
    pub(super) const NONE: Self = Self(None);

    /// Of a call that begins now.
    pub(super) fn of_call() -> Self {
        Self(Some(Instant::now() + PATIENCE))
    }

    pub(super) fn check(&self) -> Result<(), Late> {
        match self.0 {
            Some(end) if Instant::now() >= end => Err(Late),
            Some(_) | None => Ok(()),
        }
    }
}

/// The deadline is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "The invocation timed out: its rows were not scored within {} seconds. Send fewer rows at once.",
    PATIENCE.as_secs()
)]
pub(super) struct Late;

impl From<Late> for Rejection {
    fn from(late: Late) -> Self {
        Self { status: TIMED_OUT, message: late.to_string() }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One that is over.
    pub(crate) const PASSED: fn() -> Deadline = || Deadline(Some(Instant::now()));

    #[test]
    fn predictions_are_in_proportion_to_what_was_sent() {
        assert_eq!(check_values(1, MAX_VALUES, 2), Ok(()));
        assert_eq!(check_values(50 << 20, 1, 100 << 20), Ok(()), "rows of two bytes each");
        for (rows, width) in [(2, MAX_VALUES), (usize::MAX, 2), (1 << 15, 1 << 16)] {
            let refused = check_values(rows, width, 1 << 16).unwrap_err();
            assert_eq!(refused.status, 400);
            assert!(refused.message.contains("fewer rows"), "{}", refused.message);
        }
    }

    #[test]
    fn a_call_has_a_minute() {
        assert_eq!(Deadline::of_call().check(), Ok(()));
        assert_eq!(Deadline::NONE.check(), Ok(()));
        let rejection = Rejection::from(PASSED().check().unwrap_err());
        assert_eq!(rejection.status, 504);
        assert!(rejection.message.contains("within 60 seconds"), "{}", rejection.message);
    }
}
