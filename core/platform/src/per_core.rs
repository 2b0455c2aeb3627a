//! Counters that threads do not fight over: one for each core, summed by who reads them.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Bytes that processors move between cores at a time: lines of 64 bytes, fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// One `T` for each core. A thread keeps to one of them; several threads may share one, so `T` must
/// bear that.
#[derive(Debug)]
pub struct PerCore<T>(Box<[Apart<T>]>);

impl<T: Default> Default for PerCore<T> {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self((0..cores).map(|_| Apart::default()).collect())
    }
}

impl<T> PerCore<T> {
    /// The calling thread's.
    ///
    /// # Panics
    /// Never: there is at least one core.
    #[must_use]
    pub fn mine(&self) -> &T {
        &self.0[thread_number() % self.0.len()].0
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|apart| &apart.0)
    }
}

/// Threads in the order in which they asked, so that those of one pool are spread evenly.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    }
    NUMBER.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_threads_counted_apart_is_there_in_all() {
        let counts = PerCore::<AtomicU64>::default();
        thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| counts.mine().fetch_add(1, Ordering::Relaxed));
            }
        });
        assert_eq!(counts.all().map(|count| count.load(Ordering::Relaxed)).sum::<u64>(), 5);
        assert!(std::ptr::eq(counts.mine(), counts.mine()), "a thread keeps to its own");
    }
}
