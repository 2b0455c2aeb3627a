//! The model file of every version's tag, opened by that version's own package.
//!
//! `SAGEWRIGHT_LIB` and `SAGEWRIGHT_ORACLES` as for the eras. The package of 0.72 does not install
//! any more: `xgboost::model` has that version's layout byte for byte, and here 0.90 opens it, which
//! was made to.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "support/oracle.rs"]
mod oracle;
mod support;
#[path = "support/table.rs"]
mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use oracle::oracle;
use platform::scorer::{Invocation, LoadModel};
use scorers::Loader;
use support::Job;
use table::{data, floats, scored};

const ROUNDS: &str = "5";

/// Tags, oldest first, and the release that opens their files.
const TAGS: [(&str, &str); 9] = [
    ("0.90-2", "0.90"),
    ("1.0-1", "1.0.2"),
    ("1.2-2", "1.2.0"),
    ("1.3-1", "1.3.3"),
    ("1.5-1", "1.5.2"),
    ("1.7-1", "1.7.6"),
    ("2.1-1", "2.1.4"),
    ("3.0-5", "3.0.5"),
    ("3.2-0", "3.2.0"),
];
/// The first tags whose files are the library's own.
const UBJ: usize = 6;
/// What no old version trained as today's library does: rows of equal times counted otherwise, pairs
/// were drawn, bins were cut elsewhere.
const UNLIKE: [&str; 3] = ["survival:cox", "rank:pairwise", "hist"];

/// The first tag that knows it, hyperparameters, and labels for the objective.
type Case = (&'static str, &'static [(&'static str, &'static str)], fn(f64) -> f64);

const CASES: &[Case] = &[
    ("0.90-2", &[("objective", "reg:squarederror"), ("num_parallel_tree", "2")], |truth| truth),
    ("0.90-2", &[("objective", "binary:logistic"), ("base_score", "0.3")], positive),
    ("0.90-2", &[("objective", "binary:logistic"), ("scale_pos_weight", "2")], positive),
    ("0.90-2", &[("objective", "binary:logitraw")], positive),
    ("0.90-2", &[("objective", "binary:hinge")], positive),
    ("0.90-2", &[("objective", "reg:logistic"), ("gamma", "1")], positive),
    ("0.90-2", &[("objective", "multi:softprob"), ("num_class", "3")], class),
    (
        "0.90-2",
        &[
            ("objective", "multi:softmax"),
            ("num_class", "3"),
            ("booster", "dart"),
            ("rate_drop", "1"),
        ],
        class,
    ),
    ("0.90-2", &[("objective", "count:poisson")], |truth| truth.abs().round()),
    ("0.90-2", &[("objective", "count:poisson"), ("max_delta_step", "0.5")], |truth| {
        truth.abs().round()
    }),
    ("0.90-2", &[("objective", "reg:gamma"), ("booster", "dart"), ("rate_drop", "1")], above_zero),
    ("0.90-2", &[("objective", "reg:tweedie"), ("tweedie_variance_power", "1.3")], above_zero),
    ("0.90-2", &[("objective", "survival:cox")], above_zero),
    ("0.90-2", &[("objective", "rank:pairwise")], positive),
    ("0.90-2", &[("objective", "reg:squarederror"), ("booster", "gblinear")], |truth| truth),
    (
        "0.90-2",
        &[("objective", "multi:softprob"), ("num_class", "3"), ("booster", "gblinear")],
        class,
    ),
    ("1.0-1", &[("objective", "reg:squaredlogerror")], above_zero),
    (
        "1.2-2",
        &[
            ("objective", "reg:squarederror"),
            ("tree_method", "hist"),
            ("max_leaves", "9"),
            ("grow_policy", "lossguide"),
        ],
        |truth| truth,
    ),
    ("1.3-1", &[("objective", "reg:pseudohubererror")], above_zero),
    ("1.7-1", &[("objective", "reg:absoluteerror")], |truth| truth),
];

fn positive(truth: f64) -> f64 {
    f64::from(truth > 0.2)
}

fn class(truth: f64) -> f64 {
    f64::from(truth > -0.5) + f64::from(truth > 0.7)
}

fn above_zero(truth: f64) -> f64 {
    (truth.abs() * 100.0).round() / 100.0 + 0.5
}

/// A job that was done, and how a package does the same.
struct Trained {
    job: Job,
    content: String,
    parameters: String,
}

impl Trained {
    fn of(tag: &str, (_, chosen, label): &Case) -> Option<Self> {
        let content = data(label);
        let chosen: BTreeMap<_, _> = [("max_depth", "3")].iter().chain(*chosen).copied().collect();
        let all: Vec<_> = chosen
            .iter()
            .map(|(name, value)| (*name, *value))
            .chain([("num_round", ROUNDS)])
            .collect();
        let job = Job::on(tag, &all, &[("train", "text/csv", content.as_bytes())])?;
        Some(Self { job, content, parameters: serde_json::to_string(&chosen).unwrap() })
    }

    fn model(&self) -> Vec<u8> {
        fs::read(self.job.model()).unwrap()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.job.folder.path().join(name)
    }
}

/// Opens files with a release and compares each prediction with ours; those with parameters are
/// compared with what the release itself writes.
fn opened(version: &str, cases: &[(&Trained, &str)]) {
    let mut arguments = Vec::new();
    for (trained, parameters) in cases {
        let paths = [trained.at("train.blob"), trained.job.model(), trained.at("predicted")];
        arguments.extend(paths.map(|path| path.to_str().unwrap().to_owned()));
        arguments.extend([(*parameters).to_owned(), ROUNDS.to_owned()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if oracle(version, "model_files.py", &arguments).is_none() {
        return;
    }
    for (trained, _) in cases {
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let ours = bits(scored(&trained.content, &trained.model()));
        let theirs = bits(floats(&trained.at("predicted")));
        let first = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        let first = first.map(|(ours, theirs)| [ours, theirs].map(|bits| f32::from_bits(*bits)));
        assert!(ours == theirs, "{version}: {}: {first:?}", trained.parameters);
    }
}

#[test]
fn each_tags_model_file_is_laid_out_and_predicts_as_in_its_version() {
    for (at, (tag, version)) in TAGS.into_iter().enumerate() {
        let known = |case: &&Case| TAGS.iter().position(|(tag, _)| *tag == case.0).unwrap() <= at;
        let trained = CASES.iter().filter(known).map(|case| Trained::of(tag, case));
        let Some(trained) = trained.collect::<Option<Vec<_>>>() else { return };
        let alike =
            |case: &Trained| at < UBJ && !UNLIKE.iter().any(|name| case.parameters.contains(name));
        let cases =
            trained.iter().map(|case| (case, if alike(case) { &*case.parameters } else { "" }));
        opened(version, &cases.collect::<Vec<_>>());
    }
}

#[test]
fn a_file_of_0_72_opens_in_0_90() {
    let trained: Option<Vec<_>> =
        CASES[..16].iter().map(|case| Trained::of("0.72", case)).collect();
    let Some(trained) = trained else { return };
    opened("0.90", &trained.iter().map(|case| (case, "")).collect::<Vec<_>>());
}

/// What a job wrote that stops before its last round.
fn stopped(tag: &str) -> Option<Trained> {
    let (content, noise) = (data(positive), data(|truth| positive(truth * 7.0 % 2.0)));
    let chosen = [
        ("num_round", "200"),
        ("objective", "binary:logistic"),
        ("eval_metric", "logloss"),
        ("early_stopping_rounds", "3"),
    ];
    let channels =
        [("train", "text/csv", content.as_bytes()), ("validation", "text/csv", noise.as_bytes())];
    let job = Job::on(tag, &chosen, &channels)?;
    Some(Trained { job, content, parameters: tag.to_owned() })
}

#[test]
fn a_job_that_stopped_early_predicts_with_its_best_rounds_in_every_version() {
    for (tag, version) in TAGS {
        let Some(trained) = stopped(tag) else { return };
        opened(version, &[(&trained, "")]);
    }
}

/// What an endpoint of an image answers with the model of an archive, for rows without their labels.
fn answered(image: &str, archive: &Path, content: &str) -> Vec<f32> {
    let rows: Vec<_> = content.lines().map(|line| line.split_once(',').unwrap().1).collect();
    let archive = fs::read(archive).unwrap();
    let model = Loader.load(image, &mut &archive[..], &BTreeMap::new()).unwrap();
    let body = rows.join("\n");
    let call = Invocation { content_type: Some("text/csv"), accept: None, body: body.as_bytes() };
    let reply = String::from_utf8(model.invoke(call).unwrap().body).unwrap();
    reply.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_file_that_notes_its_best_trees_predicts_with_them_where_its_image_does() {
    let content = data(positive);
    for (image, version) in
        [("sagemaker-xgboost:1.5-1", "1.5.2"), ("sagemaker-xgboost:1.7-1", "1.7.6")]
    {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("data.csv"), &content).unwrap();
        let arguments =
            ["noted", at("data.csv").to_str().unwrap(), folder.path().to_str().unwrap()]
                .map(str::to_owned);
        let arguments = arguments.each_ref().map(String::as_str);
        if oracle(version, "oracle.py", &arguments).is_none() {
            return;
        }
        let (best, all) = (floats(&at("best")), floats(&at("all")));
        assert_ne!(best, all);
        for archive in [at("binary.tar.gz"), at("json.tar.gz")] {
            assert_eq!(answered(image, &archive, &content), best, "{image} {archive:?}");
            assert_eq!(answered("sagemaker-xgboost:3.0-5", &archive, &content), all);
        }
    }
}

/// How many trees an old binary of a `gbtree` has, which may stand in a pickle.
fn trees(model: &[u8]) -> usize {
    let name = b"\x06\0\0\0\0\0\0\0gbtree";
    let at = model.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    u32::from_le_bytes(model[at..at + 4].try_into().unwrap()).try_into().unwrap()
}

#[test]
fn a_model_is_cut_at_its_best_round_since_1_3_and_whole_before() {
    for (tag, whole) in [("0.90-2", true), ("1.2-2", true), ("1.3-1", false), ("1.7-1", false)] {
        let Some(trained) = stopped(tag) else { return };
        let rounds = trained.job.printed("validation-logloss").len();
        assert!((4..200).contains(&rounds), "{tag}: {rounds} rounds");
        assert_eq!(trees(&trained.model()), if whole { rounds } else { rounds - 3 }, "{tag}");
    }
}

#[test]
fn folds_and_rounds_leave_files_of_the_same_format() {
    let content = data(positive);
    for (tag, begins) in
        [("1.2-2", &b"\x80\x04\x8c\x0cxgboost.core"[..]), ("1.7-1", b"binf"), ("3.2-0", b"{L")]
    {
        let chosen = [
            ("num_round", "3"),
            ("objective", "binary:logistic"),
            ("save_model_on_termination", "true"),
            ("_kfold", "2"),
        ];
        let train = [("train", "text/csv", content.as_bytes())];
        let Some(whole) = Job::on(tag, &chosen[..3], &train) else { return };
        let folds = Job::on(tag, &chosen, &train).unwrap();
        assert_eq!(folds.status, 0, "{}", folds.log);
        let fold = |number: u8| folds.folder.path().join(format!("model/xgboost-model-{number}"));
        for path in [whole.model(), fold(0), fold(1)] {
            let model = fs::read(path).unwrap();
            assert!(model.starts_with(begins), "{tag}: {}", model[..20].escape_ascii());
            assert_eq!(scored(&content, &model).len(), content.lines().count());
        }
    }
}

#[test]
fn a_job_that_fails_leaves_no_model_file() {
    let chosen = [("num_round", "3"), ("objective", "binary:logistic")];
    for tag in ["0.72", "1.7-1", "3.2-0"] {
        let Some(job) = Job::on(tag, &chosen, &[("train", "text/csv", b"2,1\n3,4\n")]) else {
            return;
        };
        assert!(job.failure().starts_with("ClientError: "));
        assert!(!job.folder.path().join("model/xgboost-model").exists());
    }
}
