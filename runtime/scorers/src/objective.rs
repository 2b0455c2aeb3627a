//! What an objective does to a margin, to the bit as XGBoost 3.2 does it.
//!
//! A model file stores `base_score` in the space of predictions; the margin that trees are added
//! to is its inverse. All of it is `f32`, with the C library's `expf` and `logf`, which
//! [`f32::exp`] and [`f32::ln`] call. A reader could be tempted to compute in `f64` and round: that
//! differs in the last bit.

/// Beside zero for XGBoost (`kRtEps`).
const EPSILON: f32 = 1e-6;
/// Beyond this `expf` overflows; XGBoost cuts here.
const LARGEST_EXPONENT: f32 = 88.7;

/// How a margin becomes a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// The margin itself.
    Identity,
    /// The logistic function.
    Logistic,
    /// `e^margin`
    Exponential,
    /// `e^margin` reckoned in `f64` and then rounded, as only `survival:aft` does.
    WideExponential,
    /// 1 where the margin is positive.
    Step,
    /// The index of the largest margin: one number a row.
    LargestClass,
    /// Probabilities over the row's margins.
    Softmax,
}

/// A training objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objective {
    /// As XGBoost spells it.
    pub(crate) name: String,
    /// What it does to margins.
    pub(crate) transform: Transform,
}

impl Objective {
    /// The objective of that name; `None` where XGBoost 3.2 has none.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let transform = match name {
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:absoluteerror"
            | "reg:pseudohubererror"
            | "reg:quantileerror"
            | "binary:logitraw"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => Transform::Identity,
            "reg:logistic" | "binary:logistic" => Transform::Logistic,
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" => {
                Transform::Exponential
            }
            "survival:aft" => Transform::WideExponential,
            "binary:hinge" => Transform::Step,
            "multi:softmax" => Transform::LargestClass,
            "multi:softprob" => Transform::Softmax,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), transform })
    }

    /// The margin of a base score; NaN where XGBoost refuses it.
    pub(crate) fn margin(&self, base_score: f32) -> f32 {
        match self.transform {
            Transform::Logistic if !(0.0..=1.0).contains(&base_score) => f32::NAN,
            Transform::Exponential if self.name == "reg:gamma" && base_score <= 0.0 => f32::NAN,
            Transform::Logistic => {
                let bounded = base_score.clamp(EPSILON, 1.0 - EPSILON);
                -(1.0 / bounded - 1.0).ln()
            }
            Transform::Exponential | Transform::WideExponential => base_score.ln(),
            Transform::Identity
            | Transform::Step
            | Transform::LargestClass
            | Transform::Softmax => base_score,
        }
    }

    /// How many numbers a row's prediction is, of `outputs` margins.
    pub(crate) fn width(&self, outputs: usize) -> usize {
        if self.transform == Transform::LargestClass { 1 } else { outputs }
    }

    /// Turns margins, `outputs` a row, into predictions in their place; how many numbers these are.
    pub(crate) fn predict(&self, margins: &mut [f32], outputs: usize) -> usize {
        match self.transform {
            Transform::Identity => {}
            Transform::Logistic => each(margins, logistic),
            Transform::Exponential => each(margins, f32::exp),
            Transform::WideExponential => each(margins, wide_exponential),
            Transform::Step => each(margins, |margin| f32::from(u8::from(margin > 0.0))),
            Transform::LargestClass => return classes(margins, outputs),
            Transform::Softmax => margins.chunks_mut(outputs).for_each(softmax),
        }
        margins.len()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "so does XGBoost")]
fn wide_exponential(margin: f32) -> f32 {
    f64::from(margin).exp() as f32
}

fn each(values: &mut [f32], change: impl Fn(f32) -> f32) {
    for value in values {
        *value = change(*value);
    }
}

fn logistic(margin: f32) -> f32 {
    // C++'s `std::min(-x, cut)`: the first where they do not compare, so a NaN stays one.
    let exponent = if LARGEST_EXPONENT < -margin { LARGEST_EXPONENT } else { -margin };
    1.0 / (exponent.exp() + 1.0 + 1e-16)
}

/// Each row's class; a row's margins are read before anything is written over them.
fn classes(margins: &mut [f32], outputs: usize) -> usize {
    let rows = margins.len() / outputs;
    for row in 0..rows {
        margins[row] = largest(&margins[row * outputs..(row + 1) * outputs]);
    }
    rows
}

#[expect(clippy::cast_precision_loss, reason = "XGBoost tells a class as a float")]
fn largest(margins: &[f32]) -> f32 {
    let mut best = 0;
    for (class, margin) in margins.iter().enumerate() {
        if *margin > margins[best] {
            best = class;
        }
    }
    best as f32
}

/// The sum is kept in `f64` and rounded once, the rest is `f32`.
#[expect(clippy::cast_possible_truncation, reason = "so does XGBoost")]
fn softmax(margins: &mut [f32]) {
    let largest = margins.iter().copied().fold(f32::NAN, f32::max);
    let mut sum = 0.0_f64;
    for value in margins.iter_mut() {
        *value = (*value - largest).exp();
        sum += f64::from(*value);
    }
    each(margins, |value| value / sum as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predict(name: &str, margins: &[f32], outputs: usize) -> Vec<f32> {
        let mut values = margins.to_vec();
        let count = Objective::named(name).unwrap().predict(&mut values, outputs);
        values.truncate(count);
        values
    }

    #[test]
    fn each_family_turns_margins_into_its_predictions() {
        assert_eq!(predict("reg:squarederror", &[1.5], 1), [1.5]);
        assert_eq!(predict("binary:logistic", &[0.0, -1000.0], 1), [0.5, 1.0 / 88.7_f32.exp()]);
        assert_eq!(predict("count:poisson", &[0.0], 1), [1.0]);
        assert_eq!(predict("binary:hinge", &[0.1, 0.0, -0.1], 1), [1.0, 0.0, 0.0]);
        assert_eq!(predict("multi:softmax", &[0.0, 2.0, 2.0, 9.0, 1.0, 1.0], 3), [1.0, 0.0]);
        assert_eq!(predict("multi:softprob", &[3.0, 3.0], 2), [0.5, 0.5]);
    }

    #[test]
    fn a_base_score_becomes_the_margin_it_was_made_of() {
        let margin = |name: &str, score| Objective::named(name).unwrap().margin(score);
        assert_eq!(margin("binary:logistic", 0.5).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(margin("reg:gamma", 1.0).to_bits(), 0.0_f32.to_bits());
        assert_eq!(margin("reg:squarederror", 0.5).to_bits(), 0.5_f32.to_bits());
        assert!(margin("binary:logistic", 0.0).is_finite(), "bounded away from minus infinity");
        assert!(margin("reg:logistic", 1.0).is_finite(), "and from infinity");
        assert!(margin("reg:tweedie", 0.0).is_infinite());
    }

    #[test]
    fn a_base_score_that_xgboost_refuses_has_no_margin() {
        for (name, score) in [
            ("binary:logistic", 2.0),
            ("binary:logistic", -1.0),
            ("reg:logistic", f32::INFINITY),
            ("reg:logistic", f32::NAN),
            ("reg:gamma", -0.0),
            ("reg:gamma", 0.0),
        ] {
            assert!(Objective::named(name).unwrap().margin(score).is_nan(), "{name}: {score}");
        }
    }

    #[test]
    fn an_unknown_objective_is_none_of_ours() {
        assert_eq!(Objective::named("reg:unheard"), None);
    }
}
