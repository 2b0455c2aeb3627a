//! Whole jobs of cross validation, and the same by XGBoost's and scikit-learn's own packages.
//!
//! `SAGEWRIGHT_LIB` and `SAGEWRIGHT_ORACLES` as for the eras.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "support/oracle.rs"]
mod oracle;
mod support;

use std::{collections::BTreeMap, fmt::Write, fs};

use oracle::oracle;
use support::Job;

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

/// A job on CSV.
fn run(chosen: &[(&str, &str)], train: &str, validation: Option<&str>) -> Option<Job> {
    let both = [("train", Some(train)), ("validation", validation)];
    let channels =
        both.into_iter().filter_map(|(name, text)| Some((name, "text/csv", text?.as_bytes())));
    Job::on("3.2-0", chosen, &channels.collect::<Vec<_>>())
}

fn predictions(job: &Job) -> String {
    assert_eq!(job.status, 0, "{}", job.log);
    fs::read_to_string(job.folder.path().join("output/data/predictions.csv")).unwrap()
}

fn models(job: &Job) -> Vec<String> {
    let file = job.model();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> =
        fs::read_dir(file.parent().unwrap()).unwrap().flatten().map(name).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_fold_leaves_a_model_and_every_row_a_prediction() {
    let (train, validation) = (data(90, 1), data(30, 2));
    let chosen = [("num_round", "4"), ("_kfold", "3"), ("_num_cv_round", "2")];
    let Some(job) = run(&chosen, &train, Some(&validation)) else { return };
    let predictions = predictions(&job);
    assert_eq!(predictions.lines().count(), 120);
    let labels = train.lines().chain(validation.lines()).map(|line| line.split(',').next());
    for (line, label) in predictions.lines().zip(labels) {
        assert_eq!(line.split(',').count(), 2);
        assert_eq!(line.split(',').next(), Some(&*format!("{}.000000", label.unwrap())));
    }
    let expected: Vec<_> = (0..6).map(|fold| format!("xgboost-model-{fold}")).collect();
    assert_eq!(models(&job), expected);
}

#[test]
fn the_log_has_every_round_of_every_fold_and_the_means_behind_them() {
    let chosen =
        [("num_round", "4"), ("_kfold", "2"), ("_num_cv_round", "2"), ("eval_metric", "rmse,mae")];
    let Some(job) = run(&chosen, &data(90, 1), Some(&data(30, 2))) else { return };
    let said: Vec<_> = ["Run 2-round of 2-fold cross validation with 120 rows"]
        .into_iter()
        .chain(["Train cross validation fold 1", "Train cross validation fold 2"])
        .chain(["The metrics of round 1 cross validation", "Train cross validation fold 1"])
        .chain(["Train cross validation fold 2", "The metrics of round 2 cross validation"])
        .chain(["Storing predictions on validation set(s) in "])
        .chain(["The overall metrics of 2-round cross validation"])
        .collect();
    let mut rest = &*job.log;
    for line in said {
        rest = rest.split_once(line).unwrap_or_else(|| panic!("{line} in {}", job.log)).1;
    }
    let of_folds: Vec<_> = job.log.lines().filter(|line| line.starts_with("[3]\t")).collect();
    let means: Vec<_> = job.log.lines().filter(|line| line.starts_with("[4]\t")).collect();
    assert_eq!((of_folds.len(), means.len()), (4, 3), "{}", job.log);
    let order = |line: &str| {
        let names = line.split('\t').skip(1).map(|field| field.split(':').next().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        order(of_folds[0]),
        ["train-rmse", "train-mae", "validation-rmse", "validation-mae"]
    );
    assert_eq!(order(means[0]), ["train-rmse", "validation-rmse", "train-mae", "validation-mae"]);
    let score = |line: &str| -> f64 {
        let (_, tail) = line.split_once("validation-rmse:").unwrap();
        tail.split('\t').next().unwrap().parse().unwrap()
    };
    let mean: f64 = of_folds.iter().map(|line| score(line)).sum::<f64>() / 4.0;
    assert!((mean - score(means[2])).abs() < 1.5e-5, "{}", job.log);
}

#[test]
fn the_predictions_are_those_of_the_packages() {
    let (train, validation) = (data(90, 1), data(30, 2));
    for (objective, classes) in
        [("reg:squarederror", None), ("multi:softprob", Some("3")), ("multi:softmax", Some("3"))]
    {
        let parameters: BTreeMap<_, _> = [("objective", objective), ("max_depth", "3")]
            .into_iter()
            .chain(classes.map(|count| ("num_class", count)))
            .collect();
        let mut chosen: Vec<_> = parameters.iter().map(|(name, value)| (*name, *value)).collect();
        chosen.extend([("num_round", "5"), ("_kfold", "4"), ("_num_cv_round", "3")]);
        let Some(job) = run(&chosen, &train, Some(&validation)) else { return };
        let at = |name: &str| job.folder.path().join(name).to_str().unwrap().to_owned();
        let parameters = serde_json::to_string(&parameters).unwrap();
        let [one, other] = [at("train.blob"), at("validation.blob")];
        let arguments = ["folds", &parameters, "5", "4", "3", &one, &other];
        let Some(theirs) = oracle("3.2.0", "oracle.py", &arguments) else { return };
        if theirs.is_empty() {
            eprintln!("skipped: the environment has no scikit-learn");
            return;
        }
        assert_eq!(predictions(&job), theirs, "{objective}");
    }
}

#[test]
fn folds_are_drawn_by_the_jobs_seed() {
    let content = data(60, 1);
    let drawn = |seed| {
        let chosen = [("num_round", "2"), ("_kfold", "3"), ("seed", seed)];
        run(&chosen, &content, None).map(|job| predictions(&job))
    };
    let Some(one) = drawn("1") else { return };
    assert_eq!(Some(&one), drawn("1").as_ref());
    assert_ne!(Some(&one), drawn("-2").as_ref());
}

#[test]
fn each_folds_model_is_cut_at_its_best_round_and_every_round_is_kept_if_asked() {
    let chosen = [
        ("num_round", "200"),
        ("_kfold", "2"),
        ("eval_metric", "rmse"),
        ("eta", "1"),
        ("early_stopping_rounds", "2"),
        ("save_model_on_termination", "true"),
    ];
    let Some(job) = run(&chosen, &data(90, 1), Some(&data(60, 7))) else { return };
    assert_eq!(models(&job), ["xgboost-model-0", "xgboost-model-1"]);
    assert_eq!(job.log.matches("The best round is").count(), 2, "{}", job.log);
    assert!(job.printed("validation-rmse").len() < 400);
}

#[test]
fn what_cannot_be_cross_validated_is_the_users_fault_and_is_told() {
    let binary = [("num_round", "1"), ("_kfold", "2"), ("objective", "binary:logistic")];
    let plain = [("num_round", "1"), ("_kfold", "2")];
    let data = data(20, 1);
    for (chosen, train, validation, expected) in [
        (
            &binary[..],
            "0,1\n1,2\n0.5,3\n",
            None,
            "Hyperparameter _kfold: Supported target types are: ('binary', 'multiclass'). Got \
             'continuous' instead.",
        ),
        (
            &binary,
            "0,1\n1,2\n",
            None,
            "Hyperparameter _kfold: n_splits=2 cannot be greater than the number of members in \
             each class.",
        ),
        (
            &plain,
            &data,
            Some("1,2\n"),
            "The rows of the channel 'validation' have 1 columns behind the label, those of 'train' \
             3. Both must have the same columns",
        ),
    ] {
        let Some(job) = run(chosen, train, validation) else { return };
        assert_eq!(job.failure(), format!("ClientError: {expected}"));
    }
    let rare = "0,1\n0,2\n0,3\n1,4\n";
    let Some(job) = run(&binary, rare, None) else { return };
    assert!(job.log.contains("The least populated class in y has only 1 members"), "{}", job.log);
}
