//! Stops a job whose watched metric no longer improves.

use super::metrics;

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

    /// Goes on after so many rounds, of which the best is known.
    pub fn resumed(self, rounds: i32, best: (i32, f64)) -> Self {
        Self { best: Some(best), since: i64::from(rounds) - 1 - i64::from(best.0), ..self }
    }

    /// Whether there is no patience left.
    pub fn is_over(&self) -> bool {
        self.since >= self.patience
    }

    /// Takes a round's score, and says whether it is the best so far. A score that is not a number
    /// is never better.
    pub fn judge(&mut self, round: i32, score: f64) -> bool {
        let improved = match self.best {
            None => true,
            Some((_, best)) if self.maximize => score > best,
            Some((_, best)) => score < best,
        };
        if improved {
            self.best = Some((round, score));
            self.since = 0;
        } else {
            self.since += 1;
        }
        improved
    }

    /// The best round so far and its score.
    pub fn best(&self) -> Option<(i32, f64)> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each round is the best so far, and whether it is the last.
    fn judged(stopping: &mut EarlyStopping, scores: &[f64]) -> Vec<(bool, bool)> {
        let judge =
            |(score, round): (&f64, i32)| (stopping.judge(round, *score), stopping.is_over());
        scores.iter().zip(0..).map(judge).collect()
    }

    #[test]
    fn a_minimized_metric_stops_after_its_patience() {
        let mut stopping = EarlyStopping::new(2, "rmse");
        let judged = judged(&mut stopping, &[3.0, 2.0, 2.0, f64::NAN]);
        assert_eq!(judged, [(true, false), (true, false), (false, false), (false, true)]);
        assert_eq!(stopping.best(), Some((1, 2.0)));
    }

    #[test]
    fn one_that_goes_on_has_the_patience_that_was_left() {
        let stopping = EarlyStopping::new(3, "rmse").resumed(6, (4, 2.0));
        assert!(!stopping.is_over());
        let mut stopping = stopping.resumed(7, (4, 2.0));
        assert!(!stopping.is_over());
        assert!(!stopping.judge(7, 2.0));
        assert!(stopping.is_over());
        assert_eq!(stopping.best(), Some((4, 2.0)));
    }

    #[test]
    fn a_better_score_renews_the_patience() {
        let mut stopping = EarlyStopping::new(2, "auc");
        let judged = judged(&mut stopping, &[0.5, 0.4, 0.6, 0.5]);
        assert_eq!(judged, [(true, false), (false, false), (true, false), (false, false)]);
    }
}
