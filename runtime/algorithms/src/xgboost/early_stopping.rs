//! Stops a job whose watched metric no longer improves.

use super::metrics;

/// What a round's score means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The best so far.
    Best,
    /// Not better, and there is patience left.
    Worse,
    /// Not better for too long.
    Stop,
}

/// Watches one metric on the validation channel.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    patience: i64,
    maximize: bool,
    best: Option<(i32, f64)>,
    since: i64,
}

impl EarlyStopping {
    /// Stops after `patience` rounds without a better `metric`.
    pub fn new(patience: i64, metric: &str) -> Self {
        Self { patience, maximize: metrics::is_maximized(metric), best: None, since: 0 }
    }

    /// Takes a round's score. A score that is not a number is never better.
    pub fn judge(&mut self, round: i32, score: f64) -> Verdict {
        let improved = match self.best {
            None => true,
            Some((_, best)) if self.maximize => score > best,
            Some((_, best)) => score < best,
        };
        if improved {
            self.best = Some((round, score));
            self.since = 0;
            return Verdict::Best;
        }
        self.since += 1;
        if self.since >= self.patience { Verdict::Stop } else { Verdict::Worse }
    }

    /// The best round so far and its score.
    pub fn best(&self) -> Option<(i32, f64)> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimized_metric_stops_after_its_patience() {
        let mut stopping = EarlyStopping::new(2, "rmse");
        let verdicts: Vec<_> = [3.0, 2.0, 2.0, f64::NAN]
            .into_iter()
            .zip(0..)
            .map(|(s, r)| stopping.judge(r, s))
            .collect();
        assert_eq!(verdicts, [Verdict::Best, Verdict::Best, Verdict::Worse, Verdict::Stop]);
        assert_eq!(stopping.best(), Some((1, 2.0)));
    }

    #[test]
    fn a_better_score_renews_the_patience() {
        let mut stopping = EarlyStopping::new(2, "auc");
        let verdicts: Vec<_> =
            [0.5, 0.4, 0.6, 0.5].into_iter().zip(0..).map(|(s, r)| stopping.judge(r, s)).collect();
        assert_eq!(verdicts, [Verdict::Best, Verdict::Worse, Verdict::Best, Verdict::Worse]);
    }
}
