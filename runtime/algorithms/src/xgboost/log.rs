//! The job's log: the container's line form, written out line by line so that a follower sees
//! each round as it happens.

use std::io::{self, Write};

use time::{OffsetDateTime, macros::format_description};

use super::failure::Failure;

/// Where a job's lines go.
pub struct Log<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Log<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    /// What happened.
    pub fn info(&mut self, text: &str) -> Result<(), Failure> {
        self.stamped("INFO", text)
    }

    /// What happened and may surprise.
    pub fn warning(&mut self, text: &str) -> Result<(), Failure> {
        self.stamped("WARNING", text)
    }

    /// A line as it is, for metrics.
    pub fn plain(&mut self, line: &str) -> Result<(), Failure> {
        self.write(line)
            .map_err(|error| Failure::Platform(format!("cannot write the log: {error}")))
    }

    fn stamped(&mut self, level: &str, text: &str) -> Result<(), Failure> {
        let form = format_description!("[year]-[month]-[day]:[hour]:[minute]:[second]");
        let now = OffsetDateTime::now_utc().format(&form).unwrap_or_default();
        self.plain(&format!("[{now}:{level}] {text}"))
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}
