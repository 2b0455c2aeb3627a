//! The metrics that the container computes itself, by scikit-learn's definitions, of unweighted
//! rows.
//!
//! XGBoost handed its Python callers predictions until 1.0, and margins from 1.2 on; the container
//! has asked for predictions again since 3.0. So what `mae`, `mse`, `rmse` and `r2` say depends on
//! the version. Classes are told from what the container took them from, but for those of 3.x: it
//! takes every probability above 0 for class 1, a slip that is not repeated here.

use std::collections::BTreeMap;

use super::{era::Era, failure::Failure};

/// One of them, as a version computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomMetric {
    kind: Kind,
    /// What it is computed from.
    pub basis: Basis,
}

/// What the booster says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The sums of its leaves.
    Margin,
    /// What the objective makes of them.
    Prediction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
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

impl Kind {
    fn of(name: &str, era: Era) -> Option<Self> {
        let computes_rmse_and_mae = era >= Era::V1_3;
        Some(match name {
            "accuracy" => Self::Accuracy,
            "balanced_accuracy" => Self::BalancedAccuracy,
            "f1" | "f1_macro" => Self::F1Macro,
            "f1_binary" => Self::F1Binary,
            "mae" if computes_rmse_and_mae => Self::Mae,
            "mse" => Self::Mse,
            "precision" => Self::PrecisionBinary,
            "precision_macro" => Self::PrecisionMacro,
            "precision_micro" => Self::PrecisionMicro,
            "r2" => Self::R2,
            "recall" => Self::RecallBinary,
            "recall_macro" => Self::RecallMacro,
            "recall_micro" => Self::RecallMicro,
            "rmse" if computes_rmse_and_mae => Self::Rmse,
            _ => return None,
        })
    }

    fn basis(self, era: Era) -> Basis {
        let from_margins = match self {
            Self::Mae | Self::Mse | Self::R2 | Self::Rmse => (Era::V1_2..=Era::V2_1).contains(&era),
            Self::Accuracy
            | Self::BalancedAccuracy
            | Self::F1Binary
            | Self::F1Macro
            | Self::PrecisionBinary
            | Self::PrecisionMacro
            | Self::PrecisionMicro
            | Self::RecallBinary
            | Self::RecallMacro
            | Self::RecallMicro => era >= Era::V1_2,
        };
        if from_margins { Basis::Margin } else { Basis::Prediction }
    }
}

impl CustomMetric {
    /// The metric that a version's container computes under this name.
    pub fn of(name: &str, era: Era) -> Option<Self> {
        let kind = Kind::of(name, era)?;
        Some(Self { kind, basis: kind.basis(era) })
    }

    /// Its value for rows with these labels, of each of which the booster says this: one number or
    /// several.
    pub fn score(self, said: &[f32], labels: &[f32]) -> Result<f64, Failure> {
        let classes = || Classes::count(self.basis, said, labels);
        match self.kind {
            Kind::Mae => Ok(mean(differences(said, labels)?.map(f64::abs))),
            Kind::Mse => Ok(mean(differences(said, labels)?.map(|d| d * d))),
            Kind::Rmse => Ok(mean(differences(said, labels)?.map(|d| d * d)).sqrt()),
            Kind::R2 => r2(said, labels),
            Kind::Accuracy | Kind::PrecisionMicro | Kind::RecallMicro => Ok(classes()?.accuracy()),
            Kind::BalancedAccuracy => Ok(classes()?.balanced_accuracy()),
            Kind::F1Macro => Ok(classes()?.macro_average(Hits::f1)),
            Kind::PrecisionMacro => Ok(classes()?.macro_average(Hits::precision)),
            Kind::RecallMacro => Ok(classes()?.macro_average(Hits::recall)),
            Kind::F1Binary => classes()?.positive(Hits::f1),
            Kind::PrecisionBinary => classes()?.positive(Hits::precision),
            Kind::RecallBinary => classes()?.positive(Hits::recall),
        }
    }
}

fn differences<'a>(
    said: &'a [f32],
    labels: &'a [f32],
) -> Result<impl Iterator<Item = f64> + 'a, Failure> {
    if said.len() == labels.len() {
        Ok(said.iter().zip(labels).map(|(s, l)| f64::from(*l) - f64::from(*s)))
    } else {
        Err(Failure::User("y_true and y_pred have different number of output".into()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "no job has 2^53 rows")]
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    sum / count as f64
}

fn r2(said: &[f32], labels: &[f32]) -> Result<f64, Failure> {
    let residual: f64 = differences(said, labels)?.map(|d| d * d).sum();
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
    fn count(basis: Basis, said: &[f32], labels: &[f32]) -> Result<Self, Failure> {
        let outputs = said.len().checked_div(labels.len()).unwrap_or(1).max(1);
        let mut hits = BTreeMap::<i32, Hits>::new();
        for (row, label) in said.chunks_exact(outputs).zip(labels) {
            let (said, is) = (class(basis, row), class_of_label(*label)?);
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

/// The class that is said of a row: by the sign of a margin, as a prediction is rounded, or by the
/// largest of several.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and saturates")]
fn class(basis: Basis, said: &[f32]) -> i32 {
    match (basis, said) {
        (Basis::Margin, [margin]) => i32::from(*margin > 0.0),
        (Basis::Prediction, [prediction]) => prediction.round_ties_even() as i32,
        (Basis::Margin | Basis::Prediction, many) => {
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
        CustomMetric::of(name, Era::V1_7).unwrap().score(margins, labels).unwrap()
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
    fn errors_are_those_of_what_was_said() {
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
        let binary = CustomMetric::of("f1_binary", Era::V1_7).unwrap();
        let binary = binary.score(&margins, &[2.0, 0.0]).unwrap_err();
        assert!(binary.to_string().contains("Target is multiclass but average='binary'"));
    }

    #[test]
    fn each_version_computes_from_what_xgboost_handed_it() {
        use Basis::{Margin, Prediction};
        for (era, rmse, mse, f1) in [
            (Era::V0_72, None, Prediction, Prediction),
            (Era::V1_0, None, Prediction, Prediction),
            (Era::V1_2, None, Margin, Margin),
            (Era::V1_3, Some(Margin), Margin, Margin),
            (Era::V2_1, Some(Margin), Margin, Margin),
            (Era::V3_0, Some(Prediction), Prediction, Margin),
            (Era::V3_2, Some(Prediction), Prediction, Margin),
        ] {
            let basis = |name| CustomMetric::of(name, era).map(|metric| metric.basis);
            assert_eq!([basis("rmse"), basis("mae")], [rmse, rmse], "{era:?}");
            assert_eq!([basis("mse"), basis("r2")], [Some(mse), Some(mse)], "{era:?}");
            assert_eq!([basis("f1"), basis("auc")], [Some(f1), None], "{era:?}");
        }
    }

    #[test]
    fn predictions_are_rounded_to_classes_as_python_rounds() {
        let accuracy = CustomMetric::of("accuracy", Era::V0_90).unwrap();
        let said = [0.2, 0.5, 0.51, 1.5, 2.4];
        let right = accuracy.score(&said, &[0.0, 0.0, 1.0, 2.0, 2.0]).unwrap();
        assert!((right - 1.0).abs() < 1e-12);
    }

    #[test]
    fn labels_between_classes_are_refused() {
        assert!(CustomMetric::of("accuracy", Era::V1_7).unwrap().score(&[1.0], &[0.5]).is_err());
    }
}
