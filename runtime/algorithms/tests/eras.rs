//! Trains with the real library as each version's tag asks, and compares with the versions' own
//! packages.
//!
//! `SAGEWRIGHT_LIB` is a folder that has the library or may be given it. `SAGEWRIGHT_ORACLES` is a
//! folder with one Python environment per version, `xgboost-<version>/bin/python`. Without the one
//! or the other the tests that need it say so and pass: a fresh checkout has neither.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "support/csv.rs"]
mod csv;
#[path = "support/oracle.rs"]
mod oracle;
mod support;
#[path = "support/table.rs"]
mod table;

use std::{collections::BTreeMap, fs, path::PathBuf};

use csv::{regression, run};
use oracle::oracle;
use support::Job;
use table::{data, floats, scored};

const ROUNDS: &str = "20";
/// What `exact` and the fixed intercept promise against the early versions.
const CLOSE: f32 = 2e-6;

/// Each metric's scores, with five decimals.
type Printed = BTreeMap<String, Vec<String>>;

fn largest_relative_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs().max(1e-3)).fold(0.0, f32::max)
}

/// 0.90 summed its metrics in 32 bits, so its last decimal may differ.
fn is_the_same_score(ours: &str, theirs: &str, tolerance: f32) -> bool {
    if tolerance == 0.0 {
        return ours == theirs;
    }
    let [ours, theirs] = [ours, theirs].map(|text| text.parse::<f64>().unwrap());
    (ours - theirs).abs() <= 2e-5 + f64::from(tolerance) * theirs.abs()
}

/// An objective, its extra hyperparameters, and labels for it.
type Case = (&'static str, &'static [(&'static str, &'static str)], fn(f64) -> f64);

const CASES: &[Case] = &[
    ("reg:squarederror", &[], regression),
    ("binary:logistic", &[], |truth| f64::from(truth > 0.2)),
    ("binary:logitraw", &[], |truth| f64::from(truth > 0.2)),
    ("multi:softprob", &[("num_class", "3")], |truth| {
        f64::from(truth > -0.5) + f64::from(truth > 0.7)
    }),
    ("count:poisson", &[], |truth| truth.abs().round()),
    ("reg:gamma", &[], |truth| (truth.abs() * 100.0).round() / 100.0 + 0.5),
    ("reg:tweedie", &[], |truth| (truth.max(0.0) * 100.0).round() / 100.0),
];

/// A case that was trained under a tag, with what an oracle needs to do the same.
struct Trained {
    job: Job,
    content: String,
    objective: &'static str,
    data: String,
    parameters: String,
    predicted: PathBuf,
}

/// Trains every case under a tag.
fn trained(tag: &str) -> Option<Vec<Trained>> {
    let train = |(objective, extra, label): &Case| {
        let chosen: Vec<_> = [("num_round", ROUNDS), ("objective", objective), ("max_depth", "4")]
            .into_iter()
            .chain(extra.iter().copied())
            .collect();
        let content = data(label);
        let job = run(tag, &chosen, &content, None)?;
        let parameters: BTreeMap<_, _> = chosen[1..].iter().copied().collect();
        Some(Trained {
            data: job.folder.path().join("train.blob").to_str().unwrap().to_owned(),
            parameters: serde_json::to_string(&parameters).unwrap(),
            predicted: job.folder.path().join("predicted"),
            objective,
            content,
            job,
        })
    };
    CASES.iter().map(train).collect()
}

/// Trains every case under a tag and with the version's package on its own defaults, and compares.
fn compare(tag: &str, version: &str, tolerance: f32) -> Option<()> {
    let cases = trained(tag)?;
    let mut arguments = vec!["train"];
    for case in &cases {
        arguments.extend([
            &*case.data,
            &*case.parameters,
            ROUNDS,
            case.predicted.to_str().unwrap(),
        ]);
    }
    let reports = oracle(version, "oracle.py", &arguments)?;
    assert_eq!(reports.lines().count(), cases.len());
    for (case, report) in cases.iter().zip(reports.lines()) {
        let ours = scored(&case.content, &fs::read(case.job.model()).unwrap());
        let difference = largest_relative_difference(&ours, &floats(&case.predicted));
        assert!(difference <= tolerance, "{tag} {}: {difference}", case.objective);
        let report: Printed = serde_json::from_str(report).unwrap();
        for (metric, scores) in report {
            let printed = case.job.printed(&format!("train-{metric}"));
            assert_eq!(printed.len(), scores.len(), "{tag} {} {metric}", case.objective);
            for (ours, theirs) in printed.iter().zip(&scores) {
                assert!(
                    is_the_same_score(ours, theirs, tolerance),
                    "{tag} {} {metric}: {ours} against {theirs}",
                    case.objective
                );
            }
        }
    }
    Some(())
}

#[test]
fn early_tags_train_what_their_versions_trained() {
    for (tag, version) in [("0.90-2", "0.90"), ("1.3-1", "1.3.3"), ("1.7-1", "1.7.6")] {
        compare(tag, version, CLOSE);
    }
}

#[test]
fn the_newest_tag_trains_what_its_version_trains_to_the_bit() {
    compare("3.2-0", "3.2.0", 0.0);
}

#[test]
fn a_sampling_job_of_an_early_tag_fits_as_well_as_its_version_did() {
    let content = data(regression);
    let seeds = 10_u32;
    let mut sum = 0.0;
    for seed in 0..seeds {
        let seed = seed.to_string();
        let chosen = [
            ("num_round", ROUNDS),
            ("subsample", "0.7"),
            ("max_depth", "4"),
            ("seed", seed.as_str()),
        ];
        let Some(job) = run("0.90-1", &chosen, &content, None) else { return };
        assert!(job.log.contains("drawn as by XGBoost 3.2"));
        sum += job.printed("train-rmse").last().unwrap().parse::<f64>().unwrap();
    }
    let ours = sum / f64::from(seeds);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    fs::write(&path, &content).unwrap();
    let parameters = r#"{"subsample":0.7,"max_depth":4}"#;
    let arguments = ["rmse", path.to_str().unwrap(), parameters, ROUNDS, "10"];
    let Some(theirs) = oracle("1.7.6", "oracle.py", &arguments) else { return };
    let theirs: f64 = theirs.trim().parse().unwrap();
    assert!((ours / theirs - 1.0).abs() < 0.05, "{ours} against {theirs}");
}

#[test]
fn early_tags_say_that_features_are_cut_into_other_bins() {
    let content = data(regression);
    for (tag, method, told) in [("1.0-1", "hist", true), ("1.0-1", "exact", false)] {
        let chosen = [("num_round", "1"), ("tree_method", method)];
        let Some(job) = run(tag, &chosen, &content, None) else { return };
        assert_eq!(job.log.contains("Features are cut into bins as by XGBoost 3.2"), told);
    }
}

#[test]
fn early_tags_print_the_average_precision_of_rankings_with_grades() {
    let line =
        |n: usize| format!("{} qid:{} 0:{} 1:{}\n", n * n % 7 % 4, n / 9, n * 37 % 101, n * n % 89);
    let content: String = (0..450).map(line).collect();
    let channels = [("train", "text/libsvm", content.as_bytes())];
    let asked: [&[_]; 2] = [&[], &[("eval_metric", "map@3,ndcg,map")]];
    for more in asked {
        let chosen = [&[("num_round", "4"), ("objective", "rank:pairwise")], more].concat();
        let Some(job) = Job::on("1.7-1", &chosen, &channels) else { return };
        assert!(job.log.contains("drawn as by XGBoost 3.2"), "{}", job.log);
        let model = job.model();
        let data = job.folder.path().join("train.blob");
        let metrics = more.first().map_or("map", |(_, metrics)| metrics).split(',');
        let data = format!("{}?format=libsvm", data.to_str().unwrap());
        let arguments: Vec<_> =
            ["evaluate", model.to_str().unwrap(), &data].into_iter().chain(metrics).collect();
        let Some(theirs) = oracle("1.7.6", "oracle.py", &arguments) else { return };
        let ours = job.log.lines().rfind(|line| line.starts_with("[3]\t")).unwrap();
        let fields = |line: &str| {
            let fields =
                line.trim().split('\t').skip(1).map(|field| field.rsplit_once(':').unwrap());
            let scores = fields.map(|(name, score)| (name.to_owned(), score.parse().unwrap()));
            scores.map(|(name, score): (_, f64)| format!("{name}:{score:.5}")).collect::<Vec<_>>()
        };
        assert_eq!(fields(ours), fields(&theirs));
    }
}

#[test]
fn a_label_that_the_objective_refuses_is_the_users_fault() {
    let chosen = [("num_round", "2"), ("objective", "binary:logistic")];
    let Some(job) = run("1.7-1", &chosen, "2,1\n3,4\n", None) else { return };
    let failure = job.failure();
    assert!(failure.starts_with("ClientError: "), "{failure}");
    let place = "for logistic regression: line 1 of file 'train.csv', column 1 has the label '2'";
    assert!(failure.contains(place), "{failure}");
    assert!(!failure.contains("Stack trace"), "{failure}");
}

#[test]
fn classes_that_an_objective_does_not_have_are_the_users_fault() {
    let content = data(|truth| f64::from(truth > 0.2));
    let chosen = [("num_round", "2"), ("objective", "binary:logistic"), ("num_class", "2")];
    let Some(job) = run("3.2-0", &chosen, &content, None) else { return };
    assert!(job.failure().starts_with("ClientError: "), "{}", job.failure());
}

#[test]
fn what_is_wrong_with_a_job_is_told_before_anything_is_trained() {
    let good = "1,2\n3,4\n";
    for (hyperparameters, train, expected) in [
        (
            &[("num_round", "x")][..],
            good,
            "ClientError: Hyperparameter num_round: could not parse value (caused by ValueError)",
        ),
        (
            &[("num_round", "2"), ("_kfold", "3")],
            good,
            "ClientError: Hyperparameter _kfold: Cannot have number of splits n_splits=3 greater than the number of samples: n_samples=2.",
        ),
        (
            &[("num_round", "2")],
            "a,b\n1,2\n",
            "ClientError: Failed to load csv data with exception:\nline 1 of file 'train.csv', column 1: the label 'a' is not a number; CSV for training has its label in the first column, and no header: please remove the header if this is one",
        ),
    ] {
        let Some(job) = run("1.7-1", hyperparameters, train, None) else { return };
        assert_eq!(job.failure(), expected);
        assert!(job.log.contains("UserError: "));
    }
}

#[test]
fn a_model_is_left_behind_by_every_round_if_asked() {
    let chosen = [("num_round", "3"), ("save_model_on_termination", "true")];
    for tag in ["1.2-2", "1.7-1", "3.2-0"] {
        let Some(job) = run(tag, &chosen, &data(regression), None) else { return };
        let folder = job.model();
        assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);
    }
}
