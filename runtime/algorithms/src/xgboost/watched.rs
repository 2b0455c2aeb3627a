//! Which metrics a job reports, who computes each, and which one can stop the job.

use std::collections::BTreeSet;

use super::{
    average_precision::AveragePrecision, custom_metrics::CustomMetric, era::Era,
    hyperparameters::Hyperparameters,
};

/// The metrics of a job: XGBoost's, and those that the container computes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// XGBoost's, for `eval_metric`; empty means the library's default.
    pub native: Vec<String>,
    /// Those of them that the version defined otherwise than the library, by their places.
    pub former: Vec<(usize, AveragePrecision)>,
    /// The container's.
    pub custom: Vec<(String, CustomMetric)>,
    /// The one that was asked for last, or to be tuned by; from 1.3 on it can stop the job.
    pub stopping: Option<String>,
}

/// Which metrics a job reports, and which one can stop it.
pub fn watched(era: Era, chosen: &Hyperparameters) -> Watched {
    let asked = chosen.words("eval_metric").map(<[String]>::to_vec);
    let tuned = chosen.tuning_metric().map(str::to_owned);
    let last_asked = asked.as_ref().and_then(|asked| asked.last().cloned());
    let all = match (asked, tuned.clone()) {
        (None, None) => Vec::new(),
        (Some(asked), None) => asked,
        (None, Some(tuned)) => vec![tuned],
        (Some(mut both), Some(tuned)) => {
            both.push(tuned);
            both.sort_unstable();
            both
        }
    };
    let (mut custom, mut native) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for name in all.into_iter().filter(|name| seen.insert(name.clone())) {
        match CustomMetric::of(&name, era) {
            Some(metric) => custom.push((name, metric)),
            None => native.push(name),
        }
    }
    let default = era.default_metric(chosen.objective());
    if native.is_empty() {
        native.extend(default.map(str::to_owned));
    }
    let defined = |name: &String| AveragePrecision::named(name).filter(|_| era.is_classic());
    let places = native.iter().enumerate();
    let former = places.filter_map(|(at, name)| Some((at, defined(name)?))).collect();
    Watched { native, former, custom, stopping: tuned.or(last_asked) }
}

impl Watched {
    /// What the library is told: its metrics, or that it has nothing to measure.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let is_former = |at| self.former.iter().any(|(place, _)| *place == at);
        let nothing = !self.former.is_empty() && self.former.len() == self.native.len();
        let told = self.native.iter().enumerate().filter(move |(at, _)| !is_former(*at));
        told.map(|(_, metric)| ("eval_metric", metric.clone()))
            .chain(nothing.then(|| ("disable_default_eval_metric", "1".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Hyperparameters {
        let pairs = std::iter::once(&("num_round", "1")).chain(pairs);
        let raw: Vec<_> =
            pairs.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Hyperparameters::validate(&raw, Era::V1_7).unwrap()
    }

    #[test]
    fn metrics_asked_for_twice_are_reported_once_and_the_tuned_one_stops() {
        let both = chosen(&[
            ("objective", "binary:logistic"),
            ("eval_metric", "logloss,auc,f1"),
            ("_tuning_objective_metric", "validation:auc"),
        ]);
        assert_eq!(
            watched(Era::V1_7, &both),
            Watched {
                native: vec!["auc".into(), "logloss".into()],
                former: Vec::new(),
                custom: vec![custom("f1")],
                stopping: Some("auc".into()),
            }
        );
        let twice = chosen(&[("eval_metric", "f1,rmsle,f1,mae,rmsle")]);
        let twice = watched(Era::V1_7, &twice);
        assert_eq!(twice.custom, [custom("f1"), custom("mae")]);
        assert_eq!(twice.native, ["rmsle"]);
    }

    fn custom(name: &str) -> (String, CustomMetric) {
        (name.to_owned(), CustomMetric::of(name, Era::V1_7).unwrap())
    }

    #[test]
    fn without_a_metric_the_versions_default_is_reported_and_stops_nothing() {
        let none = chosen(&[("objective", "binary:logistic")]);
        let old = watched(Era::V0_90, &none);
        assert_eq!((old.native, old.stopping), (vec!["error".to_owned()], None));
        assert_eq!(watched(Era::V3_2, &none), Watched::default());
    }

    #[test]
    fn what_a_version_defined_otherwise_is_not_asked_of_the_library() {
        let told = |era, pairs: &[(&str, &str)]| {
            watched(era, &chosen(pairs)).parameters().collect::<Vec<_>>()
        };
        let metric = |name: &str| ("eval_metric", name.to_owned());
        let ranking = ("objective", "rank:pairwise");
        let both = [ranking, ("eval_metric", "map@3,ndcg")];
        assert_eq!(told(Era::V1_7, &both), [metric("ndcg")]);
        assert_eq!(told(Era::V2_1, &both), [metric("map@3"), metric("ndcg")]);
        let nothing = ("disable_default_eval_metric", "1".to_owned());
        assert_eq!(told(Era::V1_7, &[ranking]), [nothing]);
        assert_eq!(told(Era::V3_2, &[ranking]), []);
    }
}
