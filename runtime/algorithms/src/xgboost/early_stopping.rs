//! Stops a job whose watched metric no longer improves.

use super::{evaluation::Round, metrics};

/// Watches one metric on one channel.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    channel: &'static str,
    place: usize,
    patience: i64,
    maximize: bool,
    best: Option<(i32, f64)>,
    since: i64,
}

impl EarlyStopping {
    /// Stops after `patience` rounds without a better `metric`, which has this place among a
    /// channel's.
    pub fn new(channel: &'static str, place: usize, metric: &str, patience: i64) -> Self {
        let maximize = metrics::is_maximized(metric);
        Self { channel, place, patience, maximize, best: None, since: 0 }
    }

    /// Goes on after so many rounds, of which the best is known.
    pub fn resumed(self, rounds: i32, best: (i32, f64)) -> Self {
        Self { best: Some(best), since: i64::from(rounds) - 1 - i64::from(best.0), ..self }
    }

    /// Whether there is no patience left.
    pub fn is_over(&self) -> bool {
        self.since >= self.patience
    }

    /// Takes a round, and answers its score if that is the best so far.
    pub fn look(&mut self, number: i32, round: &Round) -> Option<f64> {
        // Every round has the metrics of the first.
        let score = round.score(self.channel, self.place)?;
        self.judge(number, score).then_some(score)
    }

    /// Whether a score is the best so far. One that is not a number is never better.
    fn judge(&mut self, round: i32, score: f64) -> bool {
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
        let mut stopping = EarlyStopping::new("train", 0, "rmse", 2);
        let judged = judged(&mut stopping, &[3.0, 2.0, 2.0, f64::NAN]);
        assert_eq!(judged, [(true, false), (true, false), (false, false), (false, true)]);
        assert_eq!(stopping.best(), Some((1, 2.0)));
    }

    #[test]
    fn one_that_goes_on_has_the_patience_that_was_left() {
        let stopping = EarlyStopping::new("train", 0, "rmse", 3).resumed(6, (4, 2.0));
        assert!(!stopping.is_over());
        let mut stopping = stopping.resumed(7, (4, 2.0));
        assert!(!stopping.is_over());
        assert!(!stopping.judge(7, 2.0));
        assert!(stopping.is_over());
        assert_eq!(stopping.best(), Some((4, 2.0)));
    }

    #[test]
    fn one_metric_of_one_channel_is_looked_at() {
        let round = |score: f64| {
            let line =
                format!("[0]\ttrain-rmse:{score}\tvalidation-rmse:1\tvalidation-mae:{score}");
            Round::parse(0, &line, &["train", "validation"])
        };
        let mut stopping = EarlyStopping::new("validation", 1, "mae", 2);
        let looked = [3.0, 4.0, 2.0].map(|score| stopping.look(0, &round(score)));
        assert_eq!(looked, [Some(3.0), None, Some(2.0)]);
    }

    #[test]
    fn a_better_score_renews_the_patience() {
        let mut stopping = EarlyStopping::new("train", 0, "auc", 2);
        let judged = judged(&mut stopping, &[0.5, 0.4, 0.6, 0.5]);
        assert_eq!(judged, [(true, false), (false, false), (true, false), (false, false)]);
    }
}
