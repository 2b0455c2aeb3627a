//! Work on a row of things, on several threads, with the outcomes in the order of the things.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// Things that a thread may have before it: the one in work, and one that waits.
const AHEAD: usize = 2;

/// Hands each outcome of `work` to `take`, in order, until that fails. At most [`AHEAD`] things for
/// each thread are in memory.
pub fn in_order<T: Send, R: Send, E>(
    threads: usize,
    things: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    if threads <= 1 {
        return things.map(work).try_for_each(take);
    }
    thread::scope(|scope| {
        let work = &work;
        let lanes: Vec<Lane<T, R>> = (0..threads)
            .map(|_| {
                let (to, inbox) = sync_channel(AHEAD);
                let (outbox, from) = sync_channel(AHEAD);
                scope.spawn(move || {
                    inbox.into_iter().try_for_each(|thing| outbox.send(work(thing)))
                });
                Lane { to, from }
            })
            .collect();
        let (mut sent, mut taken) = (0, 0);
        for thing in things {
            if sent - taken == AHEAD * threads {
                // A lane that is gone has panicked; the scope passes that on.
                let Ok(outcome) = lanes[taken % threads].from.recv() else { return Ok(()) };
                take(outcome)?;
                taken += 1;
            }
            if lanes[sent % threads].to.send(thing).is_err() {
                return Ok(());
            }
            sent += 1;
        }
        while taken < sent {
            let Ok(outcome) = lanes[taken % threads].from.recv() else { return Ok(()) };
            take(outcome)?;
            taken += 1;
        }
        Ok(())
    })
}

/// The way to a thread and back.
struct Lane<T, R> {
    to: SyncSender<T>,
    from: Receiver<R>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_the_order_of_the_things() {
        for threads in [1, 2, 3, 8] {
            let mut seen = Vec::new();
            let work = |n: u64| {
                if n.is_multiple_of(3) {
                    thread::yield_now();
                }
                n * n
            };
            let done: Result<(), ()> = in_order(threads, 0..100, work, |square| {
                seen.push(square);
                Ok(())
            });
            assert_eq!(done, Ok(()));
            assert_eq!(seen, (0..100).map(|n| n * n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_ends_it() {
        for threads in [1, 2, 4] {
            let mut taken = 0;
            let failed = in_order(
                threads,
                0..,
                |n: u64| n,
                |n| {
                    taken += 1;
                    if n == 10 { Err(n) } else { Ok(()) }
                },
            );
            assert_eq!((failed, taken), (Err(10), 11));
        }
    }
}
