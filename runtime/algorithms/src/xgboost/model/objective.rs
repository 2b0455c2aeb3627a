//! What a version called an objective and its settings, and what it meant by base score.

use serde_json::{Value, json};

use super::{super::era::Era, document::Document};

/// `max_delta_step` of `count:poisson` where none is set, as the library spells it.
const DEFAULT_STEP: &str = "0.699999988";

/// What the version called the objective.
pub(super) fn name(model: &Document, era: Era) -> &str {
    match model.objective.as_str() {
        "reg:squarederror" if era == Era::V0_72 => "reg:linear",
        name => name,
    }
}

/// A margin before 1.0; from there up to 1.2 that of `binary:logitraw` as a probability.
pub(super) fn base_score(model: &Document, era: Era) -> f32 {
    let score = model.base_score;
    match model.objective.as_str() {
        "binary:logistic" | "reg:logistic" if era < Era::V1_0 => -(1.0 / score - 1.0).ln(),
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" if era < Era::V1_0 => {
            score.ln()
        }
        "binary:logitraw" if (Era::V1_0..Era::V1_3).contains(&era) => 1.0 / (1.0 + (-score).exp()),
        _ => score,
    }
}

/// The objective's settings as JSON, in which the version insists on what it has.
pub(super) fn settings(model: &Document, era: Era) -> String {
    let name = &model.objective;
    let settings = match name.as_str() {
        "rank:pairwise" | "rank:ndcg" | "rank:map" => {
            let parameters = json!({"fix_list_weight": "0", "num_pairsample": "1"});
            json!({"lambda_rank_param": parameters, "name": name})
        }
        // Python's `train` copied the model at its end, and the library forgot what was set.
        "count:poisson" if era == Era::V1_2 => {
            json!({"name": name, "poisson_regression_param": {"max_delta_step": DEFAULT_STEP}})
        }
        "reg:gamma" => json!({"name": name}),
        "reg:squaredlogerror" => of_a_loss(name),
        "reg:pseudohubererror" if era < Era::V1_7 => of_a_loss(name),
        _ => return model.settings.clone(),
    };
    settings.to_string()
}

fn of_a_loss(name: &str) -> Value {
    json!({"name": name, "reg_loss_param": {"scale_pos_weight": "1"}})
}

/// `max_delta_step` of `count:poisson`, which the versions before 1.0 kept apart, as the user gave
/// it; 0.7 where he gave none.
pub(super) fn poisson_step(model: &Document) -> Option<String> {
    let settings: Value = serde_json::from_str(&model.settings).ok()?;
    let step = settings.get("poisson_regression_param")?.get("max_delta_step")?;
    let step: f32 = step.as_str()?.parse().ok()?;
    Some(step.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(objective: &str, base_score: f32) -> Document {
        let settings = json!({"name": objective}).to_string();
        Document { objective: objective.into(), settings, base_score, ..Document::default() }
    }

    #[test]
    fn base_score_was_a_margin_before_1_0_and_the_raw_logits_a_probability_up_to_1_2() {
        let logit = -(1.0_f32 / 0.25 - 1.0).ln();
        for (objective, era, given, expected) in [
            ("binary:logistic", Era::V0_90, 0.25, logit),
            ("binary:logistic", Era::V1_0, 0.25, 0.25),
            ("reg:gamma", Era::V0_72, 0.25, 0.25_f32.ln()),
            ("reg:squarederror", Era::V0_72, 0.25, 0.25),
            ("binary:logitraw", Era::V0_90, logit, logit),
            ("binary:logitraw", Era::V1_2, 0.0, 0.5),
            ("binary:logitraw", Era::V1_3, 0.25, 0.25),
        ] {
            let told = base_score(&of(objective, given), era);
            assert_eq!(told.to_bits(), expected.to_bits(), "{objective} {era:?}");
        }
    }

    #[test]
    fn settings_are_those_that_the_version_insists_on() {
        let told = |objective, era| settings(&of(objective, 0.5), era);
        let loss = r#"{"name":"reg:pseudohubererror","reg_loss_param":{"scale_pos_weight":"1"}}"#;
        assert_eq!(told("reg:pseudohubererror", Era::V1_5), loss);
        assert_eq!(told("reg:pseudohubererror", Era::V1_7), r#"{"name":"reg:pseudohubererror"}"#);
        assert!(told("rank:ndcg", Era::V1_7).starts_with(r#"{"lambda_rank_param":{"#));
    }
}
