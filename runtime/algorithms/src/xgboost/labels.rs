//! Which labels an objective can learn, for the message about one that it cannot.
//!
//! The library decides; it only does not say which label it means.

use super::hyperparameters::Hyperparameters;

/// The highest grade whose gain the library computes by default, which is 2 to its power.
const HIGHEST_GRADE: f32 = 31.0;

/// The first row whose label is out of the objective's range.
pub fn first_refused(chosen: &Hyperparameters, labels: &[f32]) -> Option<usize> {
    let classes = chosen.integer("num_class").unwrap_or(i64::MAX);
    #[expect(clippy::cast_precision_loss, reason = "no class has a number that large")]
    let classes = classes as f32;
    let learns: &dyn Fn(f32) -> bool = match chosen.objective() {
        "binary:logistic" | "binary:logitraw" | "reg:logistic" => {
            &|label| (0.0..=1.0).contains(&label)
        }
        "multi:softmax" | "multi:softprob" => {
            &move |label| (0.0..classes).contains(&label) && label.fract() == 0.0
        }
        "count:poisson" | "reg:tweedie" => &|label| label >= 0.0,
        "reg:gamma" => &|label| label > 0.0,
        "rank:ndcg" => &|label| (0.0..=HIGHEST_GRADE).contains(&label) && label.fract() == 0.0,
        "reg:squaredlogerror" => &|label| label > -1.0,
        _ => &|label| label.is_finite(),
    };
    labels.iter().position(|label| !learns(*label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xgboost::era::Era;

    #[test]
    fn each_objective_has_its_range() {
        for (objective, labels, expected) in [
            ("binary:logistic", &[0.0, 1.0, 0.5, 1.5][..], Some(3)),
            ("multi:softprob", &[0.0, 2.0, 3.0], Some(2)),
            ("multi:softmax", &[0.0, 0.5], Some(1)),
            ("count:poisson", &[0.0, -1.0], Some(1)),
            ("reg:gamma", &[1.0, 0.0], Some(1)),
            ("reg:squaredlogerror", &[0.0, -1.0], Some(1)),
            ("rank:ndcg", &[0.0, 31.0, 32.0], Some(2)),
            ("reg:squarederror", &[-1e9, 1e9], None),
            ("reg:squarederror", &[1.0, f32::INFINITY], Some(1)),
        ] {
            let raw = [("num_round", "1"), ("num_class", "3"), ("objective", objective)];
            let raw = raw.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let chosen = Hyperparameters::validate(&raw, Era::V3_2).unwrap();
            assert_eq!(first_refused(&chosen, labels), expected, "{objective}");
        }
    }
}
