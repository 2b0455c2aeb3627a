//! Cuts an object into requests: whole, by line, or as many lines as a payload takes.

use std::io::{self, Read};

use platform::transform::Settings;

/// How much is read at once, bytes.
const BLOCK: usize = 1 << 20;

/// Why there is no next request.
#[derive(Debug)]
pub enum Error {
    /// A record is larger than a payload may be.
    Payload,
    /// The object could not be read.
    Io(io::Error),
}

/// Cuts one object. Holds at most a payload and a block of it in memory.
pub struct Splitter<R> {
    source: R,
    lines: Lines,
    max_payload: usize,
    buffer: Vec<u8>,
    /// What was handed out of the buffer.
    used: usize,
    ended: bool,
}

/// Where requests end.
#[derive(Clone, Copy)]
enum Lines {
    /// At the object's end.
    Whole,
    /// After every line.
    One,
    /// After the last line that fits.
    Many,
}

impl<R: Read> Splitter<R> {
    /// From the object's first byte.
    pub fn new(source: R, settings: &Settings) -> Self {
        let lines = match (settings.split_lines, settings.many_records) {
            (false, _) => Lines::Whole,
            (true, false) => Lines::One,
            (true, true) => Lines::Many,
        };
        let max_payload = settings.max_payload;
        Self { source, lines, max_payload, buffer: Vec::new(), used: 0, ended: false }
    }

    /// The next request; `None` at the end. An object without a byte is no request.
    pub fn next_request(&mut self) -> Result<Option<&[u8]>, Error> {
        self.buffer.drain(..self.used);
        self.used = 0;
        loop {
            if let Some(end) = self.end() {
                self.used = end;
                if end > self.max_payload {
                    return Err(Error::Payload);
                }
                return Ok((end > 0).then(|| &self.buffer[..end]));
            }
            if self.buffer.len() > self.max_payload {
                return Err(Error::Payload);
            }
            self.read_block().map_err(Error::Io)?;
        }
    }

    /// Where the next request ends in the buffer, if that is known yet.
    fn end(&self) -> Option<usize> {
        let line = |buffer: &[u8]| buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let found = match self.lines {
            Lines::Whole => None,
            Lines::One => line(&self.buffer),
            // Only a full payload, or the end, tells which line is the last that fits.
            Lines::Many if self.buffer.len() >= self.max_payload => {
                let fits = &self.buffer[..self.max_payload];
                fits.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1)
            }
            Lines::Many => None,
        };
        found.or_else(|| self.ended.then_some(self.buffer.len()))
    }

    fn read_block(&mut self) -> io::Result<()> {
        let read = (&mut self.source).take(BLOCK as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < BLOCK;
        Ok(())
    }
}
