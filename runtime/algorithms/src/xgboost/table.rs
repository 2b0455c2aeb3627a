//! The hyperparameters as data: name, form, range, and the versions that they do anything in. Read
//! in the open-source container.
//!
//! Ranges are written as the container prints them in its messages, and parsed from that.

use std::ops::RangeInclusive;

use super::era::Era;

/// A hyperparameter's form and what it may be.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A whole number within an interval.
    Integer(&'static str),
    /// A number within an interval.
    Float(&'static str),
    /// One of some words.
    Word(&'static [&'static str]),
    /// One of the metrics on the validation channel.
    TuningMetric,
    /// Words between commas, each one of some.
    Words(&'static [&'static str]),
    /// Metrics between commas.
    Metrics,
    /// A tuple of -1, 0 and 1.
    Signs,
    /// A list of lists of numbers within an interval.
    Groups(&'static str),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub form: Form,
    /// The versions in which it does anything; in the others it may be set, in vain.
    pub used: Used,
}

/// Versions that act on a hyperparameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// This one and later ones.
    From(Era),
    /// This one and earlier ones.
    Until(Era),
    /// None: what it asked for is not done here.
    Never,
}

impl Used {
    /// Whether a version is one of them.
    pub fn by(self, era: Era) -> bool {
        match self {
            Self::From(first) => era >= first,
            Self::Until(last) => era <= last,
            Self::Never => false,
        }
    }
}

use Form::{Float, Groups, Integer, Metrics, Signs, TuningMetric, Word, Words};

const FLAG: &[&str] = &["true", "false"];

/// Known from the first version on.
const fn early(name: &'static str, form: Form) -> Row {
    since(Era::V0_72, name, form)
}

/// Came with 1.0 or later.
const fn later(name: &'static str, form: Form) -> Row {
    since(Era::V1_0, name, form)
}

const fn since(era: Era, name: &'static str, form: Form) -> Row {
    Row { name, form, used: Used::From(era) }
}

/// The one that every job must set.
pub const REQUIRED: &str = "num_round";

/// Other names for some of them.
pub const ALIASES: [(&str, &str); 4] = [
    ("learning_rate", "eta"),
    ("min_split_loss", "gamma"),
    ("reg_lambda", "lambda"),
    ("reg_alpha", "alpha"),
];

/// Those that only some versions' containers take.
pub const PASSING: &[(RangeInclusive<Era>, Row)] = &[
    // How 0.72 and 0.90 asked for quiet; became `verbosity`.
    (
        Era::V0_72..=Era::V1_0,
        Row { name: "silent", form: Integer("[0, 1]"), used: Used::Until(Era::V0_90) },
    ),
    // Faster sums of 32 bits; today's library has no such choice.
    (
        Era::V1_2..=Era::V1_5,
        Row { name: "single_precision_histogram", form: Word(FLAG), used: Used::Never },
    ),
    // A cross validation that 1.2-1 told of beside the job's model; became `_kfold`.
    (Era::V1_2..=Era::V1_2, Row { name: "_nfold", form: Integer("[2, +inf)"), used: Used::Never }),
    (Era::V3_2..=Era::V3_2, later("device", Word(&["cpu", "cuda", "gpu"]))),
];

/// An updater of the versions until 1.5, and what today's library has in its place.
pub const LOCAL_HISTMAKER: (&str, &str) = ("grow_local_histmaker", "grow_histmaker");

/// All of them, in the container's order.
pub const ROWS: &[Row] = &[
    early(REQUIRED, Integer("[1, +inf)")),
    early("csv_weights", Integer("[0, 1]")),
    early("early_stopping_rounds", Integer("[1, +inf)")),
    early("booster", Word(&["gbtree", "gblinear", "dart"])),
    since(Era::V0_90, "verbosity", Integer("[0, 3]")),
    early("nthread", Integer("[1, +inf)")),
    early("eta", Float("[0, 1]")),
    early("gamma", Float("[0, +inf)")),
    early("max_depth", Integer("[0, +inf)")),
    early("min_child_weight", Float("[0, +inf)")),
    early("max_delta_step", Float("[0, +inf)")),
    early("subsample", Float("(0, 1]")),
    early("colsample_bytree", Float("(0, 1]")),
    early("colsample_bylevel", Float("(0, 1]")),
    since(Era::V0_90, "colsample_bynode", Float("(0, 1]")),
    early("lambda", Float("[0, +inf)")),
    early("alpha", Float("[0, +inf)")),
    early("tree_method", Word(&["auto", "exact", "approx", "hist", "gpu_hist"])),
    early("sketch_eps", Float("(0, 1)")),
    early("scale_pos_weight", Float("(0, +inf)")),
    early("updater", Words(UPDATERS)),
    early("dsplit", Word(&["row", "col"])),
    early("refresh_leaf", Integer("[0, 1]")),
    early("process_type", Word(&["default", "update"])),
    early("grow_policy", Word(&["depthwise", "lossguide"])),
    early("max_leaves", Integer("[0, +inf)")),
    early("max_bin", Integer("[0, +inf)")),
    early("predictor", Word(&["auto", "cpu_predictor", "gpu_predictor"])),
    early("monotone_constraints", Signs),
    later("interaction_constraints", Groups("[1, +inf)")),
    early("sample_type", Word(&["uniform", "weighted"])),
    early("normalize_type", Word(&["tree", "forest"])),
    early("rate_drop", Float("[0, 1]")),
    early("one_drop", Integer("[0, 1]")),
    early("skip_drop", Float("[0, 1]")),
    early("lambda_bias", Float("[0, 1]")),
    early("tweedie_variance_power", Float("(1, 2)")),
    early("objective", Word(OBJECTIVES)),
    early("num_class", Integer("[2, +inf)")),
    early("base_score", Float("[0, +inf)")),
    later("_kfold", Integer("[2, +inf)")),
    later("_num_cv_round", Integer("[1, +inf)")),
    early("_tuning_objective_metric", TuningMetric),
    early("eval_metric", Metrics),
    early("seed", Integer("(-2147483648, 2147483647)")),
    early("num_parallel_tree", Integer("[1, +inf)")),
    later("save_model_on_termination", Word(FLAG)),
    later("aft_loss_distribution", Word(&["normal", "logistic", "extreme"])),
    later("aft_loss_distribution_scale", Float("[0, +inf)")),
    later("deterministic_histogram", Word(FLAG)),
    later("sampling_method", Word(&["uniform", "gradient_based"])),
    later("prob_buffer_row", Integer("(1.0, +inf)")),
    later("use_dask_gpu_training", Word(FLAG)),
];

/// What `updater` may name; the repetitions are the container's, and its messages show them.
const UPDATERS: &[&str] = &[
    "grow_colmaker",
    "distcol",
    "grow_histmaker",
    "grow_skmaker",
    "sync",
    "refresh",
    "prune",
    "grow_colmaker",
    "distcol",
    "grow_histmaker",
    "grow_colmaker",
    "shotgun",
    "coord_descent",
    "refresh",
    "prune",
];

/// The first is the container's slip; XGBoost refuses it.
const OBJECTIVES: &[&str] = &[
    "aft_loss_distribution",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "reg:linear",
    "reg:squarederror",
    "reg:logistic",
    "reg:gamma",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:absoluteerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
];

/// Whether a number lies in an interval of the table, such as `(0, 1]`. NaN lies in none.
pub fn contains(interval: &str, value: f64) -> bool {
    let Some((low, high)) = interval.split_once(", ") else { return false };
    let bound = |text: &str| text.trim_matches(['[', ']', '(', ')']).parse().unwrap_or(f64::NAN);
    let (lowest, highest): (f64, f64) = (bound(low), bound(high));
    let above = if low.starts_with('[') { value >= lowest } else { value > lowest };
    let open_ended = highest == f64::INFINITY && value == f64::INFINITY;
    let below = if high.ends_with(']') { value <= highest } else { value < highest };
    above && (below || open_ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_of_the_table_can_be_parsed_and_holds_something() {
        for row in ROWS {
            if let Integer(interval) | Float(interval) | Groups(interval) = row.form {
                let inside = [0.5, 1.0, 1.5, 2.0, 5.0];
                assert!(inside.iter().any(|v| contains(interval, *v)), "{}", row.name);
                assert!(!contains(interval, f64::NAN));
                assert!(!contains(interval, -3e9), "{}", row.name);
            }
        }
    }

    #[test]
    fn open_and_closed_ends_differ() {
        assert!(contains("[0, 1]", 0.0) && contains("[0, 1]", 1.0));
        assert!(!contains("(0, 1)", 0.0) && !contains("(0, 1)", 1.0));
        assert!(contains("[0, +inf)", f64::INFINITY));
        assert!(!contains("(1.0, +inf)", 1.0) && contains("(1.0, +inf)", 2.0));
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
        assert_eq!(names.len(), 53);
    }
}
