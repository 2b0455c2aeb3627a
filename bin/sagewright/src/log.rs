//! Where the server's log goes: to standard error, many lines in one write.
//!
//! A request's line waits for no disk: lines gather in memory, and a thread of their own writes them a
//! moment later. A warning or an error is written at once, by whoever has it, behind what came before
//! it. So a kill takes at most the requests of that moment out of the log, and never what went wrong.

mod format;

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

pub use format::Format;

/// How long a line may lie in memory.
const MOMENT: Duration = Duration::from_millis(20);

/// Bytes that may. Beyond it whoever logs writes them, and waits.
const MOST: usize = 1 << 20;

/// The log. Clones are the same one.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    lines: Mutex<Vec<u8>>,
    some: Condvar,
    out: Mutex<Out>,
}

/// Where lines go, and the memory that they lay in last.
struct Out {
    to: Box<dyn Write + Send>,
    spare: Vec<u8>,
}

impl Log {
    /// A log to standard error.
    pub fn to_stderr() -> io::Result<Self> {
        Self::to(Box::new(io::stderr()))
    }

    fn to(to: Box<dyn Write + Send>) -> io::Result<Self> {
        let out = Mutex::new(Out { to, spare: Vec::new() });
        let log = Self(Arc::new(Shared { lines: Mutex::default(), some: Condvar::new(), out }));
        let shared = log.0.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_on())?;
        Ok(log)
    }

    /// Writes what there is.
    pub fn flush(&self) {
        self.0.write();
    }
}

impl Shared {
    fn write_on(&self) {
        loop {
            let nothing = |lines: &mut Vec<u8>| lines.is_empty();
            let some = self.some.wait_while(locked(&self.lines), nothing);
            drop(some.unwrap_or_else(PoisonError::into_inner));
            thread::sleep(MOMENT);
            self.write();
        }
    }

    fn write(&self) {
        let mut out = locked(&self.out);
        let spare = mem::take(&mut out.spare);
        let mut lines = mem::replace(&mut *locked(&self.lines), spare);
        // There is nobody to tell that nobody listens.
        let _ = out.to.write_all(&lines);
        lines.clear();
        out.spare = lines;
    }

    fn add(&self, line: &[u8], urgent: bool) {
        let mut lines = locked(&self.lines);
        let first = lines.is_empty();
        lines.extend_from_slice(line);
        let full = lines.len() > MOST;
        drop(lines);
        if urgent || full {
            self.write();
        } else if first {
            self.some.notify_one();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the lines of one event.
pub struct Line<'a> {
    log: &'a Shared,
    urgent: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.log.add(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { log: &self.0, urgent: false }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line { log: &self.0, urgent: *of.level() <= Level::WARN }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    struct Page(Sender<String>);

    impl Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(text).into_owned()).map_err(io::Error::other)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log() -> (Log, Receiver<String>) {
        let (to, page) = channel();
        (Log::to(Box::new(Page(to))).unwrap(), page)
    }

    #[test]
    fn a_line_is_written_without_being_asked_for() {
        let (log, page) = log();
        for line in ["one\n", "two\n"] {
            log.make_writer().write_all(line.as_bytes()).unwrap();
            let written = page.recv_timeout(Duration::from_secs(10));
            assert_eq!(written.as_deref(), Ok(line));
        }
    }

    #[test]
    fn what_went_wrong_is_written_at_once_behind_what_came_before() {
        let (log, page) = log();
        log.0.add(b"request\n", false);
        log.0.add(b"error\n", true);
        let written: String = page.try_iter().collect();
        assert_eq!(written, "request\nerror\n");
    }

    #[test]
    fn more_than_may_lie_in_memory_is_written_by_who_logs_it() {
        let (log, page) = log();
        log.0.add(&vec![b'x'; MOST + 1], false);
        assert_eq!(page.try_iter().map(|text| text.len()).sum::<usize>(), MOST + 1);
    }
}
