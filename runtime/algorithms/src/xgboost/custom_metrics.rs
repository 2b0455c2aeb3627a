//! The metrics that the container computes itself, by scikit-learn's definitions, from margins.
//!
//! A margin becomes a class by its sign, or by the largest of a row's; so `mae`, `mse`, `rmse` and
//! `r2` are those of the margin too, which is what the container prints. Where the margin *is* the
//! prediction, XGBoost's own `rmse` and `mae` say the same, and are used.

use std::collections::BTreeMap;

use super::failure::Failure;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomMetric {
    Accuracy,
    BalancedAccuracy,
    F1Binary,
    F1Macro,
    Mae,
    Mse,
    PrecisionBinary,
    PrecisionMacro,
    PrecisionMicro,
    R2,
    RecallBinary,
    RecallMacro,
    RecallMicro,
    Rmse,
}

/// Objectives whose prediction is the margin.
const IDENTITY: [&str; 3] = ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"];

impl CustomMetric {
    /// The metric that is ours to compute under this name.
    pub fn of(name: &str, objective: &str) -> Option<Self> {
        Some(match name {
            "accuracy" => Self::Accuracy,
            "balanced_accuracy" => Self::BalancedAccuracy,
            "f1" | "f1_macro" => Self::F1Macro,
            "f1_binary" => Self::F1Binary,
            "mae" if !IDENTITY.contains(&objective) => Self::Mae,
            "mse" => Self::Mse,
            "precision" => Self::PrecisionBinary,
            "precision_macro" => Self::PrecisionMacro,
            "precision_micro" => Self::PrecisionMicro,
            "r2" => Self::R2,
            "recall" => Self::RecallBinary,
            "recall_macro" => Self::RecallMacro,
            "recall_micro" => Self::RecallMicro,
            "rmse" if !IDENTITY.contains(&objective) => Self::Rmse,
            _ => return None,
        })
    }

    /// Its value for rows with these margins (one or several each) and labels.
    pub fn score(self, margins: &[f32], labels: &[f32]) -> Result<f64, Failure> {
        match self {
            Self::Mae => Ok(mean(differences(margins, labels)?.map(f64::abs))),
            Self::Mse => Ok(mean(differences(margins, labels)?.map(|d| d * d))),
            Self::Rmse => Ok(mean(differences(margins, labels)?.map(|d| d * d)).sqrt()),
            Self::R2 => r2(margins, labels),
            Self::Accuracy | Self::PrecisionMicro | Self::RecallMicro => {
                Ok(Classes::count(margins, labels)?.accuracy())
            }
            Self::BalancedAccuracy => Ok(Classes::count(margins, labels)?.balanced_accuracy()),
            Self::F1Macro => Ok(Classes::count(margins, labels)?.macro_average(Hits::f1)),
            Self::PrecisionMacro => {
                Ok(Classes::count(margins, labels)?.macro_average(Hits::precision))
            }
            Self::RecallMacro => Ok(Classes::count(margins, labels)?.macro_average(Hits::recall)),
            Self::F1Binary => Classes::count(margins, labels)?.positive(Hits::f1),
            Self::PrecisionBinary => Classes::count(margins, labels)?.positive(Hits::precision),
            Self::RecallBinary => Classes::count(margins, labels)?.positive(Hits::recall),
        }
    }
}

fn differences<'a>(
    margins: &'a [f32],
    labels: &'a [f32],
) -> Result<impl Iterator<Item = f64> + 'a, Failure> {
    if margins.len() == labels.len() {
        Ok(margins.iter().zip(labels).map(|(m, l)| f64::from(*l) - f64::from(*m)))
    } else {
        Err(Failure::User("y_true and y_pred have different number of output".into()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "no job has 2^53 rows")]
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    sum / count as f64
}

fn r2(margins: &[f32], labels: &[f32]) -> Result<f64, Failure> {
    let residual: f64 = differences(margins, labels)?.map(|d| d * d).sum();
    let average = mean(labels.iter().map(|label| f64::from(*label)));
    let total: f64 = labels.iter().map(|label| (f64::from(*label) - average).powi(2)).sum();
    Ok(match (residual > 0.0, total > 0.0) {
        (_, true) => 1.0 - residual / total,
        (true, false) => 0.0,
        (false, false) => 1.0,
    })
}

/// How often a class was said, was true, and both.
#[derive(Clone, Copy, Debug, Default)]
struct Hits {
    hit: u32,
    said: u32,
    true_: u32,
}

impl Hits {
    fn precision(self) -> f64 {
        ratio(self.hit, self.said)
    }

    fn recall(self) -> f64 {
        ratio(self.hit, self.true_)
    }

    fn f1(self) -> f64 {
        ratio(2 * self.hit, self.said + self.true_)
    }
}

/// 0 of nothing is 0, as in scikit-learn.
fn ratio(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

/// The classes that were true or said.
struct Classes {
    hits: BTreeMap<i32, Hits>,
}

impl Classes {
    fn count(margins: &[f32], labels: &[f32]) -> Result<Self, Failure> {
        let outputs = margins.len().checked_div(labels.len()).unwrap_or(1).max(1);
        let mut hits = BTreeMap::<i32, Hits>::new();
        for (row, label) in margins.chunks_exact(outputs).zip(labels) {
            let (said, is) = (class(row), class_of_label(*label)?);
            hits.entry(said).or_default().said += 1;
            let true_ = hits.entry(is).or_default();
            true_.true_ += 1;
            true_.hit += u32::from(said == is);
        }
        Ok(Self { hits })
    }

    fn accuracy(&self) -> f64 {
        let sum = |field: fn(&Hits) -> u32| self.hits.values().map(field).sum::<u32>();
        ratio(sum(|hits| hits.hit), sum(|hits| hits.true_))
    }

    fn balanced_accuracy(&self) -> f64 {
        mean(self.hits.values().filter(|hits| hits.true_ > 0).map(|hits| hits.recall()))
    }

    fn macro_average(&self, of: fn(Hits) -> f64) -> f64 {
        mean(self.hits.values().map(|hits| of(*hits)))
    }

    /// Of class 1 among 0 and 1.
    fn positive(&self, of: fn(Hits) -> f64) -> Result<f64, Failure> {
        if self.hits.keys().any(|class| !(0..=1).contains(class)) {
            return Err(Failure::User(
                "Target is multiclass but average='binary'. Please choose another average \
                 setting, one of [None, 'micro', 'macro', 'weighted']."
                    .into(),
            ));
        }
        Ok(of(self.hits.get(&1).copied().unwrap_or_default()))
    }
}

/// The class that a row's margins say.
fn class(margins: &[f32]) -> i32 {
    match margins {
        [margin] => i32::from(*margin > 0.0),
        many => {
            let first_largest =
                (0..).zip(many).reduce(|best, next| if next.1 > best.1 { next } else { best });
            first_largest.map_or(0, |(class, _)| class)
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole, and saturates")]
fn class_of_label(label: f32) -> Result<i32, Failure> {
    if label.fract() == 0.0 {
        Ok(label as i32)
    } else {
        Err(Failure::User(
            "Classification metrics can't handle a mix of continuous and binary targets".into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(name: &str, margins: &[f32], labels: &[f32]) -> f64 {
        CustomMetric::of(name, "binary:logistic").unwrap().score(margins, labels).unwrap()
    }

    /// Margins that say 1, 1, 0, 0, 0 where 1, 0, 0, 0, 1 is true.
    const MARGINS: [f32; 5] = [2.0, 0.1, -1.0, 0.0, -0.5];
    const LABELS: [f32; 5] = [1.0, 0.0, 0.0, 0.0, 1.0];

    #[test]
    fn two_classes_score_as_scikit_learn_scores_them() {
        for (name, expected) in [
            ("accuracy", 0.6),
            ("balanced_accuracy", f64::midpoint(0.5, 2.0 / 3.0)),
            ("f1", f64::midpoint(0.5, 2.0 / 3.0)),
            ("f1_binary", 0.5),
            ("f1_macro", f64::midpoint(0.5, 2.0 / 3.0)),
            ("precision", 0.5),
            ("precision_macro", f64::midpoint(0.5, 2.0 / 3.0)),
            ("precision_micro", 0.6),
            ("recall", 0.5),
            ("recall_macro", f64::midpoint(0.5, 2.0 / 3.0)),
            ("recall_micro", 0.6),
        ] {
            assert!((score(name, &MARGINS, &LABELS) - expected).abs() < 1e-12, "{name}");
        }
    }

    #[test]
    fn errors_are_those_of_the_margin() {
        let (margins, labels) = ([1.0, 3.0], [2.0, 1.0]);
        assert!((score("mae", &margins, &labels) - 1.5).abs() < 1e-12);
        assert!((score("mse", &margins, &labels) - 2.5).abs() < 1e-12);
        assert!((score("rmse", &margins, &labels) - 2.5_f64.sqrt()).abs() < 1e-12);
        assert!((score("r2", &margins, &labels) - (1.0 - 5.0 / 0.5)).abs() < 1e-12);
    }

    #[test]
    fn several_margins_say_the_class_of_the_largest() {
        let margins = [0.1, 0.3, 0.2, 0.9, 0.0, 0.9];
        assert!((score("accuracy", &margins, &[1.0, 0.0]) - 1.0).abs() < 1e-12);
        let binary = CustomMetric::F1Binary.score(&margins, &[2.0, 0.0]).unwrap_err();
        assert!(binary.to_string().contains("Target is multiclass but average='binary'"));
    }

    #[test]
    fn the_librarys_own_serve_where_the_margin_is_the_prediction() {
        assert_eq!(CustomMetric::of("rmse", "reg:squarederror"), None);
        assert_eq!(CustomMetric::of("rmse", "reg:gamma"), Some(CustomMetric::Rmse));
        assert_eq!(CustomMetric::of("auc", "binary:logistic"), None);
    }

    #[test]
    fn labels_between_classes_are_refused() {
        assert!(CustomMetric::Accuracy.score(&[1.0], &[0.5]).is_err());
    }
}
