//! How many tests passed, read from the closing lines of cargo's runner and of pytest.

use std::fmt;

/// The sum over all runners.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds what a runner's closing line says; every other line says nothing.
    pub fn read(&mut self, line: &str) {
        let closing = line.starts_with("test result: ") || line.starts_with("====");
        let words: Vec<&str> =
            line.split([' ', ';', ',', '=']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2).filter(|_| closing) {
            if let Ok(count) = pair[0].parse::<u64>() {
                self.add(count, pair[1]);
            }
        }
    }

    fn add(&mut self, count: u64, what: &str) {
        match what {
            "passed" => self.passed += count,
            "failed" | "error" | "errors" => self.failed += count,
            "skipped" | "ignored" | "deselected" => self.skipped += count,
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_both_runners_are_added_up() {
        let mut tally = Tally::default();
        tally.read("test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 0 filtered");
        tally.read("====== 3 failed, 40 passed, 1 error in 12.34s (0:01:02) ======");
        assert_eq!(tally, Tally { passed: 52, failed: 5, skipped: 2 });
        assert_eq!(tally.to_string(), "52 passed, 5 failed, 2 skipped");
    }

    #[test]
    fn what_a_test_prints_is_not_taken_for_a_closing_line() {
        let mut tally = Tally::default();
        tally.read("the bank says 3 failed logins, 4 passed");
        assert_eq!(tally, Tally::default());
    }
}
