//! How far transfers are: a bar on a terminal, and a line for each that is done.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{bytes} of {total_bytes} [{wide_bar}] {bytes_per_sec}, {eta} left";

/// A bar on stderr, where that is a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar of nothing yet.
    pub fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    /// So many bytes more are to come.
    pub fn expect(&self, bytes: u64) {
        self.0.inc_length(bytes);
    }

    /// So many bytes more are done.
    pub fn done(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Writes a line to stdout, above the bar.
    pub fn say(&self, line: &str) -> io::Result<()> {
        self.0.suspend(|| writeln!(io::stdout(), "{line}"))
    }

    /// Writes a line to stderr, above the bar.
    pub fn warn(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
