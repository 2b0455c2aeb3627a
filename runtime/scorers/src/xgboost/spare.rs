//! Memory that the calls of a thread use one after the other.

use std::cell::Cell;

/// Numbers that are kept from call to call, in each place: 1 MiB. A call that needs more asks anew.
const MOST: usize = 256 << 10;

/// What a call needs beside its reply.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Of a payload.
    pub(super) cells: Vec<f32>,
    /// What is predicted.
    pub(super) values: Vec<f32>,
}

thread_local! {
    static SPARE: Cell<Spare> = Cell::default();
}

impl Spare {
    /// What the last call left; nothing where it failed.
    pub(super) fn take() -> Self {
        SPARE.take()
    }

    /// Leaves it to the next call.
    pub(super) fn leave(self) {
        let bounded = |memory: Vec<f32>| if memory.capacity() > MOST { Vec::new() } else { memory };
        SPARE.set(Self { cells: bounded(self.cells), values: bounded(self.values) });
    }
}
