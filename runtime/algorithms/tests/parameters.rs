//! Every hyperparameter that changes a model does so as it does in XGBoost's own package: the same
//! predictions to the bit, and the same metrics in every round.
//!
//! Needs what `eras.rs` needs, and says so where it is not there.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "support/oracle.rs"]
mod oracle;
mod support;
#[path = "support/table.rs"]
mod table;

use std::{collections::BTreeMap, fs};

use oracle::oracle;
use support::Job;
use table::{data, floats, scored};

const TAG: &str = "3.2-0";
const VERSION: &str = "3.2.0";
const ROUNDS: &str = "8";

/// What a label is made of.
type Label = fn(f64) -> f64;

const NUMBER: Label = |truth| (truth * 1000.0).round() / 10.0;
const POSITIVE: Label = |truth| (truth.abs() * 100.0).round() / 100.0 + 0.5;
const CLASS: Label = |truth| f64::from(truth > 0.2);
const GRADE: Label = |truth| f64::from(truth > -0.5) + f64::from(truth > 0.7);
/// Of a survival: negative where it was not seen to end.
const SURVIVED: Label = |truth| (truth * 100.0).round() + 0.5;

/// Labels, and what is asked for.
type Case = (Label, &'static [(&'static str, &'static str)]);

/// How trees and lines are grown.
const WAYS: &[Case] = &[
    (NUMBER, &[("booster", "dart"), ("rate_drop", "0.3"), ("seed", "4")]),
    (
        NUMBER,
        &[
            ("booster", "dart"),
            ("sample_type", "weighted"),
            ("normalize_type", "forest"),
            ("one_drop", "1"),
            ("skip_drop", "0.2"),
            ("rate_drop", "0.5"),
        ],
    ),
    (NUMBER, &[("booster", "gblinear"), ("updater", "coord_descent"), ("lambda", "0.5")]),
    (GRADE, &[("booster", "gblinear"), ("objective", "multi:softprob"), ("num_class", "3")]),
    (NUMBER, &[("tree_method", "hist"), ("monotone_constraints", "(1, 0, -1, 0, 1, 0)")]),
    (NUMBER, &[("tree_method", "exact"), ("monotone_constraints", "(-1, 1, 0, 0, 0, 0)")]),
    (NUMBER, &[("tree_method", "hist"), ("interaction_constraints", "[[1, 2], [3, 4, 5]]")]),
    (NUMBER, &[("tree_method", "exact"), ("interaction_constraints", "[[1, 2], [3, 4]]")]),
    (NUMBER, &[("tree_method", "approx"), ("max_bin", "16")]),
    (NUMBER, &[("tree_method", "hist"), ("grow_policy", "lossguide"), ("max_leaves", "9")]),
    (NUMBER, &[("max_depth", "0"), ("max_leaves", "6"), ("grow_policy", "lossguide")]),
    (NUMBER, &[("max_depth", "9"), ("min_child_weight", "7"), ("gamma", "2.5")]),
    (NUMBER, &[("lambda", "3"), ("alpha", "0.7"), ("eta", "0.05")]),
    (NUMBER, &[("learning_rate", "0.4"), ("reg_lambda", "0"), ("min_split_loss", "1")]),
    (NUMBER, &[("subsample", "0.6"), ("seed", "11")]),
    (NUMBER, &[("colsample_bytree", "0.5"), ("colsample_bylevel", "0.7"), ("seed", "2")]),
    (NUMBER, &[("colsample_bynode", "0.4"), ("num_parallel_tree", "3"), ("subsample", "0.5")]),
    (CLASS, &[("objective", "binary:logistic"), ("scale_pos_weight", "2.5")]),
    (CLASS, &[("objective", "binary:logistic"), ("max_delta_step", "0.3")]),
    (CLASS, &[("objective", "binary:logistic"), ("base_score", "0.2")]),
    (NUMBER, &[("base_score", "75")]),
    (NUMBER, &[("updater", "grow_colmaker,prune"), ("gamma", "5")]),
    (NUMBER, &[("updater", "grow_histmaker")]),
];

/// What is learned, and how well that went.
const AIMS: &[Case] = &[
    (NUMBER, &[("objective", "reg:squarederror"), ("eval_metric", "mape")]),
    (POSITIVE, &[("objective", "reg:squaredlogerror"), ("eval_metric", "rmsle")]),
    (NUMBER, &[("objective", "reg:absoluteerror")]),
    (NUMBER, &[("objective", "reg:pseudohubererror"), ("eval_metric", "mphe")]),
    (CLASS, &[("objective", "reg:logistic")]),
    (CLASS, &[("objective", "binary:logistic"), ("eval_metric", "auc")]),
    (CLASS, &[("objective", "binary:logistic"), ("eval_metric", "aucpr")]),
    (CLASS, &[("objective", "binary:logistic"), ("eval_metric", "error@0.7")]),
    (CLASS, &[("objective", "binary:logitraw"), ("eval_metric", "logloss")]),
    (CLASS, &[("objective", "binary:hinge"), ("eval_metric", "error")]),
    (GRADE, &[("objective", "multi:softmax"), ("num_class", "3"), ("eval_metric", "merror")]),
    (GRADE, &[("objective", "multi:softprob"), ("num_class", "3"), ("eval_metric", "mlogloss")]),
    (POSITIVE, &[("objective", "count:poisson"), ("eval_metric", "poisson-nloglik")]),
    (POSITIVE, &[("objective", "count:poisson"), ("eval_metric", "rmse")]),
    (CLASS, &[("objective", "binary:logistic"), ("eval_metric", "mae")]),
    (GRADE, &[("num_class", "3")]),
    (POSITIVE, &[("objective", "reg:gamma"), ("eval_metric", "gamma-deviance")]),
    (POSITIVE, &[("objective", "reg:gamma"), ("eval_metric", "gamma-nloglik")]),
    (POSITIVE, &[("objective", "reg:tweedie"), ("tweedie_variance_power", "1.3")]),
    (SURVIVED, &[("objective", "survival:cox"), ("eval_metric", "cox-nloglik")]),
    (GRADE, &[("objective", "rank:pairwise"), ("eval_metric", "ndcg@5")]),
    (GRADE, &[("objective", "rank:ndcg"), ("eval_metric", "ndcg")]),
    (CLASS, &[("objective", "rank:map"), ("eval_metric", "map@7")]),
];

/// Trains all cases here and with the package, and compares.
fn compare(cases: &[Case]) {
    let jobs: Option<Vec<_>> = cases.iter().map(|(label, chosen)| job(*label, chosen)).collect();
    let Some(jobs) = jobs else { return };
    let at = |job: &Job, name: &str| job.folder.path().join(name).to_str().unwrap().to_owned();
    let mut arguments = vec!["train".to_owned()];
    for ((_, chosen), (_, job)) in cases.iter().zip(&jobs) {
        let parameters: BTreeMap<_, _> = chosen.iter().copied().collect();
        let parameters = serde_json::to_string(&parameters).unwrap();
        arguments.extend([at(job, "train.blob"), parameters, ROUNDS.into(), at(job, "predicted")]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let Some(reports) = oracle(VERSION, "oracle.py", &arguments) else { return };
    assert_eq!(reports.lines().count(), cases.len());
    for (((_, chosen), (content, job)), report) in cases.iter().zip(&jobs).zip(reports.lines()) {
        let ours = scored(content, &fs::read(job.model()).unwrap());
        let theirs = floats(&job.folder.path().join("predicted"));
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(ours), bits(theirs), "{chosen:?}");
        let report: BTreeMap<String, Vec<String>> = serde_json::from_str(report).unwrap();
        for (metric, scores) in report {
            assert_eq!(job.printed(&format!("train-{metric}")), scores, "{chosen:?}");
        }
    }
}

fn job(label: Label, chosen: &[(&str, &str)]) -> Option<(String, Job)> {
    let content = data(label);
    let chosen: Vec<_> = chosen.iter().copied().chain([("num_round", ROUNDS)]).collect();
    let job = Job::on(TAG, &chosen, &[("train", "text/csv", content.as_bytes())])?;
    job.model();
    Some((content, job))
}

#[test]
fn what_changes_how_trees_are_grown_changes_them_as_in_the_package() {
    compare(WAYS);
}

#[test]
fn every_objective_is_learned_and_measured_as_in_the_package() {
    compare(AIMS);
}

#[test]
fn what_the_library_does_not_know_any_more_fails_the_job_in_its_words() {
    let content = data(NUMBER);
    let chosen = [("num_round", ROUNDS), ("updater", "grow_skmaker")];
    let channels = [("train", "text/csv", content.as_bytes())];
    let Some(job) = Job::on(TAG, &chosen, &channels) else { return };
    let failure = job.failure();
    assert!(failure.starts_with("AlgorithmError: XGB train call failed with exception:\n "));
    assert!(failure.contains("Unknown tree updater grow_skmaker"), "{failure}");
}
