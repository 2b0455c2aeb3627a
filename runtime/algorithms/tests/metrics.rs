//! The metrics that a job prints under each version's tag, and the rounds at which it stops by them.
//!
//! `SAGEWRIGHT_LIB` and `SAGEWRIGHT_ORACLES` as for the eras.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "support/csv.rs"]
mod csv;
#[path = "support/oracle.rs"]
mod oracle;
mod support;

use csv::{regression, run};
use oracle::oracle;
use support::Job;

/// Label-first CSV of four features, from which a label is made that is about -4 to 4.
fn data(label: impl Fn(f64) -> f64) -> String {
    let row = |row: u32| {
        let draw = |by: u32| f64::from((row + 1).wrapping_mul(by) >> 12 & 0x3ff) / 512.0 - 1.0;
        let [a, b, c, d] = [2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263].map(draw);
        let noise = draw(374_761_393);
        format!("{},{a},{b},{c},{d}\n", label(2.0 * a + b * c - d + 0.5 * noise))
    };
    (0..300).map(row).collect()
}

#[test]
fn metrics_of_the_container_stand_behind_those_of_the_library() {
    let content = data(|truth| f64::from(truth > 0.2));
    let chosen = [
        ("num_round", "3"),
        ("objective", "binary:logistic"),
        ("eval_metric", "accuracy,error,auc,f1"),
    ];
    let Some(job) = run("1.7-1", &chosen, &content, Some(&content)) else { return };
    let line = job.log.lines().find(|line| line.starts_with("[0]\t")).unwrap();
    let names: Vec<_> =
        line.split('\t').skip(1).map(|field| field.split(':').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "train-error",
            "train-auc",
            "train-accuracy",
            "train-f1",
            "validation-error",
            "validation-auc",
            "validation-accuracy",
            "validation-f1"
        ]
    );
    let number = |name: &str| job.printed(name)[2].parse::<f64>().unwrap();
    assert!((number("train-error") + number("train-accuracy") - 1.0).abs() < 1e-4);
}

#[test]
fn a_metric_of_two_classes_fails_a_job_of_three() {
    let content = data(|truth| f64::from(truth > -0.5) + f64::from(truth > 0.7));
    let chosen = [
        ("num_round", "2"),
        ("objective", "multi:softmax"),
        ("num_class", "3"),
        ("eval_metric", "f1_binary"),
    ];
    let Some(job) = run("1.7-1", &chosen, &content, None) else { return };
    assert!(job.failure().starts_with("ClientError: Target is multiclass"), "{}", job.failure());
}

#[test]
fn early_versions_stop_on_their_default_metric_and_later_ones_say_why_not() {
    let content = data(regression);
    let chosen = [("num_round", "60"), ("objective", "reg:linear"), ("early_stopping_rounds", "2")];
    let other = data(|truth| 150.0 - truth * 50.0);
    let Some(job) = run("0.72", &chosen, &content, Some(&other)) else { return };
    assert!(job.printed("validation-rmse").len() < 60, "{}", job.log);
    assert!(job.log.contains("reg:linear is now deprecated"));
    let job = run("1.7-1", &chosen, &content, Some(&other)).unwrap();
    assert_eq!(job.printed("validation-rmse").len(), 60);
    assert!(job.log.contains("early_stopping_rounds has no effect: eval_metric is not set"));
    let job = run("1.7-1", &chosen, &content, None).unwrap();
    assert!(
        job.log.contains("early_stopping_rounds has no effect: there is no validation channel")
    );
}

/// What a job says of its best round.
fn best(job: &Job) -> &str {
    let best = job.log.lines().find_map(|line| Some(line.split_once("The best round is ")?.1));
    assert!(best.is_some(), "{}", job.log);
    best.unwrap()
}

#[test]
fn early_versions_stop_by_what_is_printed_last_even_where_there_is_no_validation() {
    let content = data(|truth| f64::from(truth > 0.2));
    let logistic =
        [("num_round", "60"), ("objective", "binary:logistic"), ("early_stopping_rounds", "3")];
    let Some(default) = run("1.0-1", &logistic, &content, None) else { return };
    assert!(default.printed("train-error").len() < 60, "{}", default.log);
    let tuned = [
        &logistic[..],
        &[("eval_metric", "error"), ("_tuning_objective_metric", "validation:auc")],
    ]
    .concat();
    let tuned = run("1.0-1", &tuned, &content, None).unwrap();
    assert!(tuned.log.contains("\ttrain-auc:"), "{}", tuned.log);
    assert_eq!(best(&tuned), best(&default));
}

#[test]
fn early_versions_stop_where_their_package_stops() {
    let content = data(|truth| f64::from(truth > 0.2));
    let at = content.lines().take(200).map(|line| line.len() + 1).sum();
    let (train, validation) = content.split_at(at);
    let chosen =
        [("num_round", "60"), ("objective", "binary:logistic"), ("early_stopping_rounds", "3")];
    for validation in [Some(validation), None] {
        let Some(job) = run("1.0-1", &chosen, train, validation) else { return };
        let parameters = r#"{"objective": "binary:logistic"}"#;
        let file = |name| job.folder.path().join(name).to_str().unwrap().to_owned();
        let mut arguments = vec!["stops", parameters, "60", "3"];
        let files = [file("train.blob"), file("validation.blob")];
        let present = 1 + usize::from(validation.is_some());
        arguments.extend(files[..present].iter().map(String::as_str));
        let Some(theirs) = oracle("1.0.2", "oracle.py", &arguments) else { return };
        let (round, _) = best(&job).split_once(';').unwrap();
        let ours = format!("{} {round}", job.printed("train-error").len());
        assert_eq!(theirs.lines().last(), Some(ours.as_str()), "{}", job.log);
    }
}

#[test]
fn a_threshold_that_the_library_does_not_print_can_stop_a_job() {
    let content = data(|truth| f64::from(truth > 0.2));
    let chosen = [
        ("num_round", "60"),
        ("objective", "binary:logistic"),
        ("early_stopping_rounds", "3"),
        ("eval_metric", "logloss,error@0.5"),
    ];
    let Some(job) = run("1.7-1", &chosen, &content, Some(&content)) else { return };
    assert!(best(&job).ends_with("; the model is cut behind it"));
    assert!(job.printed("validation-error").len() < 60);
}

#[test]
fn a_linear_model_is_not_cut_and_its_job_says_so() {
    let content = data(|truth| f64::from(truth > 0.2));
    let chosen = [
        ("num_round", "40"),
        ("booster", "gblinear"),
        ("objective", "binary:logistic"),
        ("early_stopping_rounds", "2"),
        ("eval_metric", "error"),
    ];
    let Some(job) = run("1.7-1", &chosen, &content, Some(&content)) else { return };
    assert!(job.model().exists());
    assert!(best(&job).contains("a linear one cannot be cut"));
}

#[test]
fn errors_are_computed_from_what_each_version_handed_the_container() {
    let content = data(|truth| f64::from(truth > 0.2));
    let chosen =
        [("num_round", "2"), ("objective", "binary:logistic"), ("eval_metric", "rmse,mse")];
    let scores = |tag| {
        let job = run(tag, &chosen, &content, None)?;
        let last = |name| job.printed(name)[1].parse::<f64>().unwrap();
        Some((last("train-rmse"), last("train-mse")))
    };
    let Some((predicted, squared)) = scores("1.0-1") else { return };
    let alike = |a: f64, b: f64| (a - b).abs() < 2e-5;
    assert!(alike(predicted * predicted, squared));
    let (rmse, margins) = scores("1.2-2").unwrap();
    assert!(alike(rmse, predicted) && !alike(margins, squared));
    let (rmse, mse) = scores("1.7-1").unwrap();
    assert!(alike(rmse * rmse, mse) && alike(mse, margins));
    let (rmse, mse) = scores("3.2-0").unwrap();
    assert!(alike(rmse * rmse, mse) && rmse < 1.0);
}

#[test]
fn the_containers_errors_know_no_weights_and_leave_the_default_metric_printed() {
    let weighted = |row: (usize, &str)| {
        let (label, features) = row.1.split_once(',').unwrap();
        format!("{label},{},{features}\n", 1 + row.0 % 3)
    };
    let content: String = data(regression).lines().enumerate().map(weighted).collect();
    let chosen = [("num_round", "2"), ("csv_weights", "1")];
    let with = |metrics| [&chosen[..], &[("eval_metric", metrics)]].concat();
    let Some(library) = run("1.2-2", &with("rmse"), &content, None) else { return };
    let container = run("1.7-1", &with("rmse"), &content, None).unwrap();
    assert_eq!(container.printed("train-rmse").len(), 2);
    assert_ne!(container.printed("train-rmse"), library.printed("train-rmse"));
    let both = run("1.7-1", &with("mae"), &content, None).unwrap();
    assert_eq!(both.printed("train-rmse"), library.printed("train-rmse"), "the library's own");
    let line = both.log.lines().find(|line| line.starts_with("[0]\t")).unwrap();
    assert!(line.starts_with("[0]\ttrain-rmse:") && line.contains("\ttrain-mae:"), "{line}");
}
