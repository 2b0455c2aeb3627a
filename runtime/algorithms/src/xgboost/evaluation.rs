//! One round's metrics: from the library's line, with the container's own, to the job's line.

use std::iter;

use super::python;

/// The metrics of one round, by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    number: i32,
    channels: Vec<Scores>,
}

/// What one channel scored.
#[derive(Clone, Debug, PartialEq)]
struct Scores {
    channel: &'static str,
    metrics: Vec<(String, f64)>,
}

impl Round {
    /// Reads `[3]\ttrain-rmse:1.2345678901234567\t…`, as the library writes it.
    pub fn parse(number: i32, line: &str, channels: &[&'static str]) -> Self {
        let mut round = Self {
            number,
            channels: channels
                .iter()
                .map(|channel| Scores { channel, metrics: Vec::new() })
                .collect(),
        };
        for field in line.split('\t').skip(1) {
            let scored = field.rsplit_once(':').and_then(|(name, value)| {
                let (channel, metric) = name.split_once('-')?;
                Some((channel, metric, python::float(value)?))
            });
            if let Some((channel, metric, value)) = scored {
                round.push(channel, metric, value);
            }
        }
        round
    }

    /// Adds a metric behind a channel's.
    fn push(&mut self, channel: &str, metric: &str, value: f64) {
        self.insert(channel, usize::MAX, metric, value);
    }

    /// Adds one that the container computes: behind a channel's, or in the place of the library's
    /// own of that name. Python hands it to the log as a text of six decimals.
    pub fn add(&mut self, channel: &str, metric: &str, value: f64) {
        let value = format!("{value:.6}").parse().unwrap_or(value);
        let scores = self.channels.iter_mut().find(|scores| scores.channel == channel);
        let own = scores.and_then(|s| s.metrics.iter_mut().find(|(name, _)| name == metric));
        match own {
            Some((_, own)) => *own = value,
            None => self.push(channel, metric, value),
        }
    }

    /// Adds a metric to a channel's at its place among them.
    pub fn insert(&mut self, channel: &str, place: usize, metric: &str, value: f64) {
        if let Some(scores) = self.channels.iter_mut().find(|scores| scores.channel == channel) {
            let place = place.min(scores.metrics.len());
            scores.metrics.insert(place, (metric.to_owned(), value));
        }
    }

    /// What every channel scored by every metric, in their order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let metrics = self.channels.iter_mut().flat_map(|scores| &mut scores.metrics);
        metrics.map(|(_, value)| value)
    }

    /// The job's line. Tabs are tabs; the log pipeline escapes them.
    pub fn line(&self) -> String {
        let fields = self.channels.iter().flat_map(|Scores { channel, metrics }| {
            metrics.iter().map(move |(metric, value)| {
                format!("\t{channel}-{metric}:{}", five_decimals(*value))
            })
        });
        iter::once(format!("[{}]", self.number)).chain(fields).collect()
    }

    /// The place among a channel's metrics of the one of this name, or else of the first that has
    /// only a threshold or a parameter of XGBoost's behind it.
    pub fn place(&self, channel: &str, metric: &str) -> Option<usize> {
        let metrics = &self.of(channel)?.metrics;
        let extended = |name: &str| name.strip_prefix(metric).is_some_and(|r| r.starts_with('@'));
        let exact = metrics.iter().position(|(name, _)| name == metric);
        exact.or_else(|| metrics.iter().position(|(name, _)| extended(name)))
    }

    /// A channel's score by the metric in a place.
    pub fn score(&self, channel: &str, place: usize) -> Option<f64> {
        self.of(channel)?.metrics.get(place).map(|(_, value)| *value)
    }

    /// The last metric of the last channel: its channel, its place there, and its name.
    pub fn last(&self) -> Option<(&'static str, usize, &str)> {
        let Scores { channel, metrics } = self.channels.last()?;
        let place = metrics.len().checked_sub(1)?;
        Some((channel, place, &metrics[place].0))
    }

    fn of(&self, channel: &str) -> Option<&Scores> {
        self.channels.iter().find(|scores| scores.channel == channel)
    }
}

/// The line of a cross validation: each metric's mean over models, channel by channel. A job's
/// rounds have all the same metrics.
pub fn mean_line(number: i64, rounds: &[Round]) -> String {
    let Some(first) = rounds.first() else { return format!("[{number}]") };
    let metrics = first.channels.first().map_or(0, |scores| scores.metrics.len());
    #[expect(clippy::cast_precision_loss, reason = "no job has 2^53 models")]
    let models = rounds.len() as f64;
    let fields = (0..metrics).flat_map(|at| {
        first.channels.iter().enumerate().filter_map(move |(place, Scores { channel, metrics })| {
            let score = |round: &Round| Some(round.channels.get(place)?.metrics.get(at)?.1);
            let mean = rounds.iter().filter_map(score).sum::<f64>() / models;
            Some(format!("\t{channel}-{}:{}", metrics.get(at)?.0, five_decimals(mean)))
        })
    });
    iter::once(format!("[{number}]")).chain(fields).collect()
}

/// As Python's `%.5f`.
fn five_decimals(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:.5}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [&str; 2] = ["train", "validation"];

    #[test]
    fn the_librarys_line_is_printed_again_with_five_decimals_by_channel() {
        let line = "[3]\ttrain-rmse:1.2570151\tvalidation-rmse:2.4312649\ttrain-mae:nan\tvalidation-mae:1e-7";
        assert_eq!(
            Round::parse(3, line, &BOTH).line(),
            "[3]\ttrain-rmse:1.25702\ttrain-mae:nan\tvalidation-rmse:2.43126\tvalidation-mae:0.00000"
        );
    }

    #[test]
    fn what_the_container_computes_comes_last() {
        let mut round = Round::parse(0, "[0]\ttrain-logloss:0.5", &BOTH[..1]);
        round.add("train", "f1", 0.25);
        assert_eq!(round.line(), "[0]\ttrain-logloss:0.50000\ttrain-f1:0.25000");
        assert_eq!(round.last(), Some(("train", 1, "f1")));
    }

    #[test]
    fn what_the_container_computes_stands_in_the_place_of_the_librarys_own() {
        let mut round = Round::parse(0, "[0]\ttrain-rmse:0.5\ttrain-mae:2", &BOTH[..1]);
        round.add("train", "rmse", 0.25);
        assert_eq!(round.line(), "[0]\ttrain-rmse:0.25000\ttrain-mae:2.00000");
    }

    #[test]
    fn what_the_container_computes_is_rounded_twice() {
        let mut round = Round::parse(0, "[0]", &BOTH[..1]);
        round.add("train", "mse", 0.123_464_9);
        round.add("train", "r2", f64::NAN);
        assert_eq!(round.line(), "[0]\ttrain-mse:0.12347\ttrain-r2:nan");
    }

    #[test]
    fn the_line_of_a_cross_validation_has_means_and_goes_metric_by_metric() {
        let round = |a: f64, b: f64| {
            let line = format!(
                "[9]\ttrain-rmse:{a}\tvalidation-rmse:{b}\ttrain-mae:1\tvalidation-mae:nan"
            );
            Round::parse(9, &line, &BOTH)
        };
        assert_eq!(
            mean_line(10, &[round(1.0, 3.0), round(2.0, 3.5)]),
            "[10]\ttrain-rmse:1.50000\tvalidation-rmse:3.25000\ttrain-mae:1.00000\tvalidation-mae:nan"
        );
        assert_eq!(mean_line(10, &[]), "[10]");
    }

    #[test]
    fn a_metric_is_found_with_what_xgboost_writes_behind_it() {
        let round =
            Round::parse(0, "[0]\ttrain-tweedie-nloglik@1.5:2.5\ttrain-error@0.7:0.1", &BOTH);
        let score = |metric| round.score("train", round.place("train", metric)?);
        assert_eq!(score("tweedie-nloglik"), Some(2.5));
        assert_eq!(score("error@0.7"), Some(0.1));
        assert_eq!(score("err"), None);
        assert_eq!(round.place("validation", "error"), None);
    }

    #[test]
    fn a_metric_of_the_very_name_is_found_before_one_with_a_threshold() {
        let round = Round::parse(0, "[0]\ttrain-error@0.7:0.1\ttrain-error:0.2", &BOTH[..1]);
        assert_eq!(round.place("train", "error"), Some(1));
        assert_eq!(round.place("train", "error@0.7"), Some(0));
    }
}
