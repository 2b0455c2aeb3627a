//! Jobs that go on where others were cut off, and end with the model of one that was not.
//!
//! `SAGEWRIGHT_LIB` as for the eras.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

use std::{fmt::Write, fs, path::Path};

use support::Job;

const CONFIG: &str = r#"{"LocalPath": "/opt/ml/checkpoints"}"#;

type Chosen = &'static [(&'static str, &'static str)];

/// Rows of a label from 0 to 2 and three features that tell it, more or less.
fn data(rows: u32, seed: u32) -> String {
    let mut text = String::new();
    for row in 0..rows {
        let mixed = |by: u32| (row + seed).wrapping_mul(by) >> 7 & 0x3ff;
        let [a, b, c] = [mixed(2_654_435_761), mixed(2_246_822_519), mixed(3_266_489_917)];
        let label = (a + b / 2 + c / 8) * 3 / 1664;
        writeln!(text, "{label},{a}.25,{b}.5,{c}").unwrap();
    }
    text
}

/// A job of so many rounds whose checkpoints' folder is made ready.
fn run(tag: &str, chosen: Chosen, rounds: &str, prepare: impl FnOnce(&Path)) -> Option<Job> {
    let [train, validation] = [data(200, 1), data(60, 7)];
    let channels = [("train", &train), ("validation", &validation)]
        .map(|(name, text)| (name, "text/csv", text.as_bytes()));
    let chosen: Vec<_> = chosen.iter().copied().chain([("num_round", rounds)]).collect();
    Job::prepared("", tag, &chosen, &channels, |opt_ml| {
        for folder in ["input/config", "checkpoints"] {
            fs::create_dir_all(opt_ml.join(folder)).unwrap();
        }
        fs::write(opt_ml.join("input/config/checkpointconfig.json"), CONFIG).unwrap();
        prepare(&opt_ml.join("checkpoints"));
    })
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The same job, with what an earlier one left in its checkpoints' folder.
fn resumed(tag: &str, chosen: Chosen, rounds: &str, earlier: &Job) -> Job {
    let from = earlier.folder.path().join("checkpoints");
    run(tag, chosen, rounds, |to| copy_all(&from, to)).unwrap()
}

/// The lines of the rounds.
fn rounds(job: &Job) -> Vec<&str> {
    job.log.lines().filter(|line| line.starts_with('[') && line.contains("\ttrain-")).collect()
}

fn model(job: &Job) -> Vec<u8> {
    fs::read(job.model()).unwrap()
}

/// Settings in which XGBoost promises the same trees: nothing is drawn at random.
const SETTINGS: [(&str, Chosen); 8] = [
    ("3.2-0", &[]),
    ("3.2-0", &[("tree_method", "exact")]),
    ("3.2-0", &[("tree_method", "approx"), ("grow_policy", "lossguide"), ("max_leaves", "7")]),
    ("3.2-0", &[("objective", "multi:softprob"), ("num_class", "3")]),
    ("3.2-0", &[("objective", "count:poisson"), ("num_parallel_tree", "2")]),
    ("3.2-0", &[("booster", "gblinear"), ("updater", "coord_descent")]),
    ("1.7-1", &[("eval_metric", "rmse,mae,r2")]),
    ("0.90-1", &[("booster", "dart")]),
];

#[test]
fn a_job_that_goes_on_ends_with_the_model_of_one_that_was_never_cut_off() {
    for (tag, chosen) in SETTINGS {
        let Some(whole) = run(tag, chosen, "20", |_| ()) else { return };
        let half = run(tag, chosen, "10", |_| ()).unwrap();
        let other_half = resumed(tag, chosen, "20", &half);
        assert_eq!(model(&other_half), model(&whole), "{tag} {chosen:?}");
        assert_eq!([rounds(&half), rounds(&other_half)].concat(), rounds(&whole));
        let said = "Checkpoint loaded from /opt/ml/checkpoints/xgboost-checkpoint.9";
        assert!(other_half.log.contains(said), "{}", other_half.log);
        assert!(other_half.log.contains("Resuming from iteration 10"));
    }
}

#[test]
fn a_job_that_draws_at_random_says_that_it_goes_on_with_other_numbers() {
    for (chosen, told) in [(&[("subsample", "0.5")] as Chosen, true), (&[], false)] {
        let Some(half) = run("3.2-0", chosen, "2", |_| ()) else { return };
        assert!(!half.log.contains("draws at random"));
        let on = resumed("3.2-0", chosen, "4", &half);
        assert_eq!(on.log.contains("draws at random"), told, "{}", on.log);
    }
}

#[test]
fn a_job_that_has_all_its_rounds_writes_their_model_and_trains_no_more() {
    let Some(whole) = run("3.2-0", &[], "6", |_| ()) else { return };
    let again = resumed("3.2-0", &[], "6", &whole);
    assert_eq!(model(&again), model(&whole));
    assert_eq!(rounds(&again), <[&str; 0]>::default());
}

#[test]
fn early_stopping_goes_on_with_the_best_round_and_the_patience_that_was_left() {
    let chosen: Chosen = &[("eval_metric", "rmse"), ("early_stopping_rounds", "6"), ("eta", "0.9")];
    let Some(whole) = run("3.2-0", chosen, "200", |_| ()) else { return };
    let count = rounds(&whole).len();
    assert!((8..200).contains(&count), "{}", whole.log);
    // Before the best round, behind it, and where no patience is left.
    for cut in [2, count - 6, count - 3, count] {
        let cut_off = run("3.2-0", chosen, &cut.to_string(), |_| ()).unwrap();
        let on = resumed("3.2-0", chosen, "200", &cut_off);
        assert_eq!(model(&on), model(&whole), "cut off after {cut} of {count}");
        assert_eq!(on.printed("validation-rmse"), whole.printed("validation-rmse")[cut..]);
    }
}

#[test]
fn folds_go_on_each_by_itself() {
    let chosen: Chosen = &[("_kfold", "2")];
    let Some(whole) = run("3.2-0", chosen, "8", |_| ()) else { return };
    let half = run("3.2-0", chosen, "4", |_| ()).unwrap();
    let on = resumed("3.2-0", chosen, "8", &half);
    for file in ["model/xgboost-model-0", "model/xgboost-model-1", "output/data/predictions.csv"] {
        let read = |job: &Job| fs::read(job.folder.path().join(file)).unwrap();
        assert_eq!(read(&on), read(&whole), "{file}");
    }
    assert_eq!(rounds(&on).len(), rounds(&half).len());
}

#[test]
fn what_is_no_checkpoint_is_passed_over_for_the_newest_that_is_one() {
    let Some(half) = run("3.2-0", &[], "10", |_| ()) else { return };
    let whole = run("3.2-0", &[], "20", |_| ()).unwrap();
    let from = half.folder.path().join("checkpoints");
    let good = fs::read(from.join("xgboost-checkpoint.9")).unwrap();
    let on = run("3.2-0", &[], "20", |to| {
        copy_all(&from, to);
        let torn = (0..40u32).map(|n| good[..good.len() * n as usize / 40].to_vec());
        let foreign = [b"PK\x03\x04".to_vec(), b"{\"learner\": 1}".to_vec(), good.clone()];
        for (bytes, round) in torn.chain(foreign).zip(100..) {
            fs::write(to.join(format!("xgboost-checkpoint.{round}")), bytes).unwrap();
        }
    });
    let on = on.unwrap();
    assert_eq!(model(&on), model(&whole));
    assert_eq!(on.log.matches("is passed over: ").count(), 43, "{}", on.log);
    assert!(on.log.contains("xgboost-checkpoint.142 is passed over: it holds 10 rounds"));
}

#[test]
fn a_checkpoint_of_fewer_columns_fails_the_job_and_is_not_trained_over() {
    let Some(earlier) = run("3.2-0", &[], "2", |_| ()) else { return };
    let wider = data(50, 1).replace('\n', ",1,2\n");
    let chosen = [("num_round", "4")];
    let job =
        Job::prepared("", "3.2-0", &chosen, &[("train", "csv", wider.as_bytes())], |opt_ml| {
            copy_all(earlier.folder.path(), opt_ml);
        });
    let failure = job.unwrap().failure();
    assert!(failure.contains("Number of columns does not match number of features"), "{failure}");
}

#[test]
fn a_job_without_the_file_that_names_their_folder_keeps_none() {
    let Some(job) = Job::on("3.2-0", &[("num_round", "2")], &[("train", "csv", b"1,2\n0,1\n")])
    else {
        return;
    };
    assert_eq!(job.status, 0, "{}", job.log);
    assert!(!job.folder.path().join("checkpoints").exists());
}
