//! What a call takes: reckoned before its payload is read, and bounded once its rows are known.

use std::time::Duration;

use memchr::memchr_iter;
use platform::scorer::{Estimate, Rejection};

/// Bytes of a reply at most: a batch of 100 MB, the largest `MaxPayloadInMB`, in rows of ten bytes
/// comes to 400 MB.
const LONGEST_REPLY: usize = 512 << 20;
/// The container's answer to a payload that it read and cannot predict.
const BAD_REQUEST: u16 = 400;
/// Nanoseconds to read a byte of a payload.
const READ: u32 = 2;
/// Nanoseconds to write a byte of a reply.
const WRITE: u32 = 4;

/// What a row takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// To be scored.
    pub(super) row: Duration,
    /// Bytes in the reply.
    pub(super) reply: usize,
}

impl Bounds {
    /// What a payload will take, by its bytes and its lines.
    pub(super) fn estimate(self, body: &[u8]) -> Estimate {
        let rows = rows(body);
        let reply = self.reply.saturating_mul(rows);
        let read = Duration::from_nanos(1).saturating_mul(READ).saturating_mul(count(body.len()));
        let write = Duration::from_nanos(1).saturating_mul(WRITE).saturating_mul(count(reply));
        let score = self.row.saturating_mul(count(rows));
        let time = read.saturating_add(score).saturating_add(write);
        Estimate { time, reply: reply.min(LONGEST_REPLY) }
    }

    /// Refuses what would make a reply too long.
    pub(super) fn check(self, rows: usize) -> Result<(), Rejection> {
        let reply = self.reply.saturating_mul(rows);
        if reply <= LONGEST_REPLY {
            return Ok(());
        }
        let message = format!(
            "The predictions of {rows} rows would take about {reply} bytes; at most \
             {LONGEST_REPLY} are sent. Send fewer rows at once."
        );
        Err(Rejection { status: BAD_REQUEST, message })
    }
}

/// How many rows a payload has at most: a row of text is a line, and the first byte of a record's
/// magic number is a line feed too.
fn rows(body: &[u8]) -> usize {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    memchr_iter(b'\n', body).count() + 1
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { row: Duration::from_micros(10), reply: 100 };

    #[test]
    fn a_payload_takes_what_its_rows_take() {
        let few = BOUNDS.estimate(b"1\n");
        let many = BOUNDS.estimate(&b"1\n".repeat(32 << 10));
        assert!(few.time < Duration::from_micros(11), "{few:?}");
        assert!(many.time > Duration::from_millis(300), "{many:?}");
        assert_eq!((few.reply, many.reply), (100, 100 << 15));
        assert_eq!(BOUNDS.estimate(b"1,2").reply, 100);
    }

    #[test]
    fn no_record_is_overlooked() {
        let mut body = Vec::new();
        for _ in 0..50 {
            let numbers = recordio::Numbers::Float32(vec![1.0]);
            let features = Some(recordio::Tensor::dense(numbers));
            recordio::write(&recordio::Record { features, label: None }, &mut body);
        }
        assert!(rows(&body) >= 50, "{}", rows(&body));
    }

    #[test]
    fn a_reply_beyond_all_bounds_is_refused_and_is_never_reckoned_with() {
        let most = LONGEST_REPLY / BOUNDS.reply;
        assert!(BOUNDS.check(most).is_ok());
        let refused = BOUNDS.check(most + 1).unwrap_err();
        assert_eq!(refused.status, 400);
        assert!(refused.message.ends_with("Send fewer rows at once."), "{}", refused.message);
        assert_eq!(BOUNDS.estimate(&vec![b'\n'; most * 2]).reply, LONGEST_REPLY);
        assert!(BOUNDS.check(usize::MAX).is_err());
    }
}
