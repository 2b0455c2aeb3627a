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

/// Runs them until one fails. The times and the closing line are printed in either case.
pub fn all(project: &Project, steps: &[Step]) -> Result<()> {
    let mut tally = Tally::default();
    let mut times = Vec::new();
    let outcome = steps.iter().try_for_each(|step| {
        println!("\n== {}", step.name);
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
    fn a_step_that_took_too_long_says_so() {
        let step = Step { name: "clippy", budget: minutes(1), act: |_, _| Ok(()) };
        let quick = Line { step: &step, time: Duration::from_secs(59) }.to_string();
        let slow = Line { step: &step, time: Duration::from_secs(65) }.to_string();
        assert_eq!(quick, "clippy                  0:59 of   1:00");
        assert_eq!(slow, "clippy                  1:05 of   1:00  over its budget");
    }
}
