//! Steps in a row, each with its time beside its budget.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{project::Project, tally::Tally};

/// Something that can fail and should not take long.
pub struct Step {
    /// As it is shown.
    pub name: &'static str,
    /// What it may take on two cores, from a clean checkout.
    pub budget: Duration,
    /// Does it; what its runners counted goes into the tally.
    pub act: fn(&Project, &mut Tally) -> Result<()>,
}

/// Minutes, as budgets are written down.
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Runs them until one fails. A full disk fails a step in words that do not name it, so what is free
/// stands above each. The times and the closing line are printed in either case.
pub fn all(project: &Project, steps: &[Step]) -> Result<()> {
    let mut tally = Tally::default();
    let mut times = Vec::new();
    let outcome = steps.iter().try_for_each(|step| {
        println!("\n== {}{}", step.name, Free(project.free_bytes()));
        let start = Instant::now();
        let outcome = (step.act)(project, &mut tally);
        times.push((step, start.elapsed()));
        outcome.with_context(|| format!("step `{}`", step.name))
    });
    println!("\n== time of each step, and its budget");
    for (step, time) in &times {
        println!("{}", Line { step, time: *time });
    }
    println!("{tally}");
    outcome
}

/// What a disk has left: ` (78.3 GB free)`; nothing where that is not known.
struct Free(Option<u64>);

impl fmt::Display for Free {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A tenth of a GB, in bytes.
        const TENTH: u64 = 100_000_000;
        let Some(tenths) = self.0.map(|bytes| bytes / TENTH) else { return Ok(()) };
        write!(f, " ({}.{} GB free)", tenths / 10, tenths % 10)
    }
}

struct Line<'a> {
    step: &'a Step,
    time: Duration,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step: Step { name, budget, .. }, time } = self;
        let note = if time > budget { "  over its budget" } else { "" };
        write!(f, "{name:<20} {:>7} of {:>6}{note}", Clock(*time), Clock(*budget))
    }
}

/// Minutes and seconds: `1:05`.
struct Clock(Duration);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        f.pad(&format!("{}:{:02}", seconds / 60, seconds % 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_has_left_is_told_where_it_is_known() {
        assert_eq!(Free(Some(287_000_000)).to_string(), " (0.2 GB free)");
        assert_eq!(Free(Some(78_390_000_000)).to_string(), " (78.3 GB free)");
        assert_eq!(Free(None).to_string(), "");
    }

    #[test]
    fn a_step_that_took_too_long_says_so() {
        let step = Step { name: "clippy", budget: minutes(1), act: |_, _| Ok(()) };
        let quick = Line { step: &step, time: Duration::from_secs(59) }.to_string();
        let slow = Line { step: &step, time: Duration::from_secs(65) }.to_string();
        assert_eq!(quick, "clippy                  0:59 of   1:00");
        assert_eq!(slow, "clippy                  1:05 of   1:00  over its budget");
    }
}
