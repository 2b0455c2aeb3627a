//! Hyperparameters: from a job's strings to checked values, in the container's order and words.
//!
//! Aliases, required, form, range, then what depends on another. The first thing wrong is what
//! the user is told. Nothing gets a default here: what is not set is not passed on, so that the
//! version's own default applies ([`super::era`]).

use std::fmt;

use super::{
    era::Era,
    failure::Failure,
    metrics, python,
    table::{self, Form, Row},
};

/// One checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A word.
    Word(String),
    /// Words.
    Words(Vec<String>),
    /// A tuple of numbers.
    Signs(Vec<i64>),
    /// Lists of numbers.
    Groups(Vec<Vec<i64>>),
}

/// As Python's `str(value)`, which is what XGBoost is given.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{}", python::Float(*value)),
            Self::Word(value) => f.write_str(value),
            Self::Words(values) => f.write_str(&python::list(values)),
            Self::Signs(values) => {
                let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                let trailing = if texts.len() == 1 { "," } else { "" };
                write!(f, "({}{trailing})", texts.join(", "))
            }
            Self::Groups(values) => write!(f, "{values:?}"),
        }
    }
}

/// A job's hyperparameters, checked.
#[derive(Clone, Debug, Default)]
pub struct Hyperparameters {
    values: Vec<(&'static str, Value)>,
    /// Set by the user, and without effect in the version that the tag promises.
    pub unused: Vec<&'static str>,
}

impl Hyperparameters {
    /// Checks what a job asks for. `raw` is in the order of the job's document.
    pub fn validate(raw: &[(String, String)], era: Era) -> Result<Self, Failure> {
        let mut asked: Vec<(&str, &str)> = Vec::new();
        for (name, text) in raw {
            let name = unaliased(name);
            asked.retain(|(other, _)| *other != name);
            asked.push((name, text));
        }
        if !asked.iter().any(|(name, _)| *name == table::REQUIRED) {
            return Err(user(format!("Missing required hyperparameter: {}", table::REQUIRED)));
        }
        let mut checked = Self::default();
        let mut rows = Vec::new();
        for (name, text) in asked {
            let row = row(name, era)
                .ok_or_else(|| user(format!("Extraneous hyperparameter found: {name}")))?;
            let value = parse(row, text, era).ok_or_else(|| {
                user(format!("Hyperparameter {name}: could not parse value (caused by ValueError)"))
            })?;
            if row.used.by(era) {
                rows.push(row);
                checked.values.push((row.name, value));
            } else {
                checked.unused.push(row.name);
            }
        }
        for (row, (_, value)) in rows.iter().zip(&checked.values) {
            check_range(row, value)?;
        }
        for (name, value) in &checked.values {
            checked.check_dependencies(name, value)?;
        }
        Ok(checked)
    }

    /// All of them, in the order of the job's document.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Whether the user set it.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of one that is a whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of one that is a number.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of one that is a word.
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Word(value) => Some(value),
            _ => None,
        }
    }

    /// The value of one that is a list of words.
    pub fn words(&self, name: &str) -> Option<&[String]> {
        match self.get(name)? {
            Value::Words(values) => Some(values),
            _ => None,
        }
    }

    /// The metric that a tuning job watches, without its channel.
    pub fn tuning_metric(&self) -> Option<&str> {
        self.word("_tuning_objective_metric")?.strip_prefix(TUNING_CHANNEL)
    }

    /// What is learned; XGBoost's own default where none was set.
    pub fn objective(&self) -> &str {
        match self.word("objective") {
            None if self.has("num_class") => "multi:softmax",
            None | Some("reg:linear") => "reg:squarederror",
            Some(objective) => objective,
        }
    }

    /// Whether training draws random numbers: of rows, columns, pairs of a ranking, or trees to
    /// leave out.
    pub fn draws_at_random(&self) -> bool {
        let shares = ["subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode"];
        shares.iter().any(|name| self.float(name).is_some_and(|share| share < 1.0))
            || self.objective().starts_with("rank:")
            || self.drops_trees()
    }

    fn drops_trees(&self) -> bool {
        let drops = self.float("rate_drop").is_some_and(|share| share > 0.0);
        self.word("booster") == Some("dart") && (drops || self.integer("one_drop") == Some(1))
    }

    fn check_dependencies(&self, name: &str, value: &Value) -> Result<(), Failure> {
        match (name, value) {
            ("updater", Value::Words(updaters)) => self.check_updater(updaters),
            ("objective", Value::Word(_)) => self.check_classes(),
            ("eval_metric", Value::Words(metrics)) => {
                self.check_classes()?;
                self.check_metrics(metrics)
            }
            ("monotone_constraints", _) => self.check_tree_method(
                &["exact", "hist"],
                "monotone_constraints can be used only when the tree_method parameter is set to \
                 either 'exact' or 'hist'.",
            ),
            ("interaction_constraints", _) => self.check_tree_method(
                &["exact", "hist", "approx"],
                "interaction_constraints can be used only when the tree_method parameter is set \
                 to either 'exact', 'hist' or 'approx'.",
            ),
            _ => Ok(()),
        }
    }

    fn check_classes(&self) -> Result<(), Failure> {
        if self.objective().starts_with("multi:") && !self.has("num_class") {
            return Err(user("Require input for parameter 'num_class' for multi-classification"));
        }
        Ok(())
    }

    fn check_metrics(&self, metrics: &[String]) -> Result<(), Failure> {
        let objective = self.objective();
        let asks = |name: &str| metrics.iter().any(|metric| metric == name);
        if asks("auc") && !(objective.starts_with("binary:") || objective.starts_with("rank:")) {
            return Err(user(
                "Metric 'auc' can only be applied for classification and ranking problems.",
            ));
        }
        if asks("aft-nloglik") && objective != "survival:aft" {
            return Err(user(
                "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.",
            ));
        }
        Ok(())
    }

    fn check_tree_method(&self, allowed: &[&str], message: &str) -> Result<(), Failure> {
        match self.word("tree_method") {
            Some(method) if allowed.contains(&method) => Ok(()),
            _ => Err(user(message)),
        }
    }

    fn check_updater(&self, updaters: &[String]) -> Result<(), Failure> {
        let all_in = |allowed: &[&str]| updaters.iter().all(|one| allowed.contains(&one.as_str()));
        if self.word("booster") == Some("gblinear") {
            return if updaters.len() == 1 && all_in(&LINEAR_UPDATERS) {
                Ok(())
            } else {
                Err(user(
                    "Linear updater should be one of these options: 'shotgun', 'coord_descent'.",
                ))
            };
        }
        if self.word("process_type") == Some("update") {
            return if all_in(&REFRESHING_UPDATERS) {
                Ok(())
            } else {
                Err(user(
                    "process_type 'update' can only be used with updater 'refresh' and 'prune'",
                ))
            };
        }
        if !all_in(&TREE_UPDATERS) {
            return Err(user(
                "Tree updater should be selected from these options: 'grow_colmaker', 'distcol', \
                 'grow_histmaker', 'grow_skmaker', 'grow_quantile_histmaker', 'sync', 'refresh', \
                 'prune', 'shortgun', 'coord_descent'.",
            ));
        }
        if updaters.iter().filter(|one| GROWING_UPDATERS.contains(&one.as_str())).count() > 1 {
            return Err(user(
                "Only one tree grow plugin can be selected. Choose one from thefollowing: \
                 'grow_colmaker', 'distcol', 'grow_histmaker', 'grow_skmaker'",
            ));
        }
        Ok(())
    }
}

/// What stands before the metric in `_tuning_objective_metric`.
const TUNING_CHANNEL: &str = "validation:";
const LINEAR_UPDATERS: [&str; 2] = ["shotgun", "coord_descent"];
const REFRESHING_UPDATERS: [&str; 2] = ["refresh", "prune"];
const TREE_UPDATERS: [&str; 8] = [
    "grow_colmaker",
    "distcol",
    "grow_histmaker",
    "grow_skmaker",
    "sync",
    "refresh",
    "prune",
    "grow_quantile_histmaker",
];
/// Those of which there can be one; `grow_skmaker` is not among the container's.
const GROWING_UPDATERS: [&str; 4] =
    ["grow_colmaker", "distcol", "grow_histmaker", "grow_quantile_histmaker"];

fn user(message: impl Into<String>) -> Failure {
    Failure::User(message.into())
}

fn unaliased(name: &str) -> &str {
    table::ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name)
}

fn row(name: &str, era: Era) -> Option<&'static Row> {
    let passing = table::PASSING.iter().filter(|(eras, _)| eras.contains(&era));
    passing.map(|(_, row)| row).chain(table::ROWS).find(|row| row.name == name)
}

fn parse(row: &Row, text: &str, era: Era) -> Option<Value> {
    Some(match row.form {
        Form::Integer(_) => Value::Integer(python::integer(text)?),
        Form::Float(_) => Value::Float(python::float(text)?),
        Form::Word(_) | Form::TuningMetric => Value::Word(text.to_owned()),
        Form::Words(_) => Value::Words(text.split(',').map(|word| updater(word, era)).collect()),
        Form::Metrics => Value::Words(text.split(',').map(str::to_owned).collect()),
        Form::Signs => Value::Signs(python::integers(text)?),
        Form::Groups(_) => Value::Groups(python::nested_integers(text)?),
    })
}

/// An updater as today's library calls it.
fn updater(word: &str, era: Era) -> String {
    let (former, today) = table::LOCAL_HISTMAKER;
    if word == former && era <= Era::V1_5 { today } else { word }.to_owned()
}

fn check_range(row: &Row, value: &Value) -> Result<(), Failure> {
    let name = row.name;
    let one = |range: &str| Err(user(format!("Hyperparameter {name}: {value} is not in {range}")));
    let many = |range: &str| {
        Err(user(format!("Hyperparameter {name}: value {value} not in range {range}")))
    };
    match (row.form, value) {
        (Form::Integer(range), Value::Integer(number)) if !holds(range, *number) => one(range),
        (Form::Float(range), Value::Float(number)) if !table::contains(range, *number) => {
            one(range)
        }
        (Form::Word(words), Value::Word(word)) if !words.contains(&word.as_str()) => {
            one(&python::list(words))
        }
        (Form::TuningMetric, Value::Word(word)) if !is_tuning_metric(word) => {
            let names: Vec<_> = metrics::names().map(|m| format!("{TUNING_CHANNEL}{m}")).collect();
            one(&python::list(&names))
        }
        (Form::Words(words), Value::Words(asked))
            if !asked.iter().all(|word| words.contains(&word.as_str())) =>
        {
            many(&python::list(words))
        }
        (Form::Metrics, Value::Words(asked)) => {
            for metric in asked {
                if !is_metric(metric)? {
                    return many(&python::list(&metrics::names().collect::<Vec<_>>()));
                }
            }
            Ok(())
        }
        (Form::Signs, Value::Signs(signs)) if !signs.iter().all(|sign| (-1..=1).contains(sign)) => {
            many("[-1, 0, 1]")
        }
        (Form::Groups(range), Value::Groups(groups))
            if !groups.iter().flatten().all(|number| holds(range, *number)) =>
        {
            many(range)
        }
        _ => Ok(()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the table's bounds are far below 2^53")]
fn holds(interval: &str, number: i64) -> bool {
    table::contains(interval, number as f64)
}

fn is_tuning_metric(word: &str) -> bool {
    word.strip_prefix(TUNING_CHANNEL).is_some_and(|name| metrics::names().any(|m| m == name))
}

/// Whether a metric exists; some that do not are told in words of their own.
fn is_metric(metric: &str) -> Result<bool, Failure> {
    if metric.contains("<function") {
        return Err(user(format!("User defined evaluation metric {metric} is not supported yet.")));
    }
    let mut parts = metric.split('@');
    let (Some(name), Some(threshold)) = (parts.next(), parts.next()) else {
        return Ok(metrics::names().any(|known| known == metric));
    };
    let name = name.trim();
    if !["error", "ndcg", "map"].contains(&name) {
        return Err(user(format!(
            "Metric '{metric}' is not supported. Parameter 'eval_metric' with customized \
             threshold should be one of these options: 'error', 'ndcg', 'map'."
        )));
    }
    if python::float(threshold).is_none() {
        return Err(user(format!("Threshold value 't' in '{name}@t' expects float input.")));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(era: Era, pairs: &[(&str, &str)]) -> Result<Hyperparameters, String> {
        let raw: Vec<_> = std::iter::once(&("num_round", "10"))
            .chain(pairs)
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Hyperparameters::validate(&raw, era).map_err(|failure| match failure {
            Failure::User(text) => text,
            other => panic!("{other:?}"),
        })
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        validate(Era::V1_7, pairs).unwrap_err()
    }

    #[test]
    fn each_thing_wrong_is_told_in_the_containers_words() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("foo", "1")], "Extraneous hyperparameter found: foo"),
            (
                &[("max_depth", "5.0")],
                "Hyperparameter max_depth: could not parse value (caused by ValueError)",
            ),
            (
                &[("monotone_constraints", "x")],
                "Hyperparameter monotone_constraints: could not parse value (caused by ValueError)",
            ),
            (&[("num_round", "0")], "Hyperparameter num_round: 0 is not in [1, +inf)"),
            (&[("eta", "2")], "Hyperparameter eta: 2.0 is not in [0, 1]"),
            (&[("learning_rate", "1.5")], "Hyperparameter eta: 1.5 is not in [0, 1]"),
            (&[("subsample", "0")], "Hyperparameter subsample: 0.0 is not in (0, 1]"),
            (&[("gamma", "nan")], "Hyperparameter gamma: nan is not in [0, +inf)"),
            (
                &[("prob_buffer_row", "1")],
                "Hyperparameter prob_buffer_row: 1 is not in (1.0, +inf)",
            ),
            (
                &[("booster", "x")],
                "Hyperparameter booster: x is not in ['gbtree', 'gblinear', 'dart']",
            ),
            (
                &[("monotone_constraints", "(1, 2)")],
                "Hyperparameter monotone_constraints: value (1, 2) not in range [-1, 0, 1]",
            ),
            (
                &[("interaction_constraints", "[[0, 1]]")],
                "Hyperparameter interaction_constraints: value [[0, 1]] not in range [1, +inf)",
            ),
            (
                &[("objective", "multi:softprob")],
                "Require input for parameter 'num_class' for multi-classification",
            ),
            (
                &[("eval_metric", "auc"), ("objective", "reg:linear")],
                "Metric 'auc' can only be applied for classification and ranking problems.",
            ),
            (
                &[("eval_metric", "aft-nloglik")],
                "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.",
            ),
            (
                &[("eval_metric", "rmse@3")],
                "Metric 'rmse@3' is not supported. Parameter 'eval_metric' with customized threshold should be one of these options: 'error', 'ndcg', 'map'.",
            ),
            (
                &[("eval_metric", "error@x")],
                "Threshold value 't' in 'error@t' expects float input.",
            ),
            (
                &[("eval_metric", "<function f>")],
                "User defined evaluation metric <function f> is not supported yet.",
            ),
            (
                &[("monotone_constraints", "(1,)")],
                "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
            ),
            (
                &[("interaction_constraints", "[[1]]")],
                "interaction_constraints can be used only when the tree_method parameter is set to either 'exact', 'hist' or 'approx'.",
            ),
            (
                &[("updater", "prune"), ("booster", "gblinear")],
                "Linear updater should be one of these options: 'shotgun', 'coord_descent'.",
            ),
            (
                &[("updater", "grow_colmaker"), ("process_type", "update")],
                "process_type 'update' can only be used with updater 'refresh' and 'prune'",
            ),
            (
                &[("updater", "grow_colmaker,distcol")],
                "Only one tree grow plugin can be selected. Choose one from thefollowing: 'grow_colmaker', 'distcol', 'grow_histmaker', 'grow_skmaker'",
            ),
        ];
        for (pairs, message) in cases {
            assert_eq!(&refusal(pairs), message);
        }
        assert!(refusal(&[("updater", "shotgun")]).starts_with("Tree updater should be selected"));
    }

    #[test]
    fn lists_of_names_are_told_whole() {
        let metrics = refusal(&[("eval_metric", "rmse,foo")]);
        assert!(metrics.starts_with(
            "Hyperparameter eval_metric: value ['rmse', 'foo'] not in range ['accuracy', 'auc', "
        ));
        let tuning = refusal(&[("_tuning_objective_metric", "train:rmse")]);
        assert!(tuning.starts_with(
            "Hyperparameter _tuning_objective_metric: train:rmse is not in ['validation:accuracy', "
        ));
        assert!(
            refusal(&[("updater", "foo")])
                .ends_with("'shotgun', 'coord_descent', 'refresh', 'prune']")
        );
    }

    #[test]
    fn the_required_one_is_missed_first() {
        let raw = vec![("foo".to_owned(), "1".to_owned())];
        assert_eq!(
            Hyperparameters::validate(&raw, Era::V1_7).unwrap_err(),
            Failure::User("Missing required hyperparameter: num_round".into())
        );
    }

    #[test]
    fn form_is_told_before_range_and_range_before_dependencies() {
        let all = [("objective", "multi:softmax"), ("eta", "7"), ("max_depth", "x")];
        assert!(refusal(&all).contains("could not parse"));
        assert!(refusal(&all[..2]).contains("is not in [0, 1]"));
        assert!(refusal(&all[..1]).contains("num_class"));
    }

    #[test]
    fn values_are_handed_on_as_python_would_write_them() {
        let checked = validate(
            Era::V1_7,
            &[
                ("eta", "1"),
                ("tree_method", "hist"),
                ("monotone_constraints", "(1,)"),
                ("interaction_constraints", "[[1,2]]"),
            ],
        )
        .unwrap();
        let texts: Vec<_> = checked.iter().map(|(_, value)| value.to_string()).collect();
        assert_eq!(texts, ["10", "1.0", "hist", "(1,)", "[[1, 2]]"]);
    }

    #[test]
    fn names_that_came_later_are_noted_on_early_tags_and_not_refused() {
        let checked = validate(Era::V0_72, &[("verbosity", "1"), ("silent", "0")]).unwrap();
        assert_eq!(checked.unused, ["verbosity"]);
        assert_eq!(checked.integer("silent"), Some(0));
        let both = [("verbosity", "1"), ("colsample_bynode", "0.5"), ("_kfold", "2")];
        let checked = validate(Era::V0_90, &both).unwrap();
        assert_eq!(checked.unused, ["_kfold"]);
        assert!(validate(Era::V0_72, &[("foo", "1")]).unwrap_err().contains("Extraneous"));
    }

    #[test]
    fn names_of_some_versions_are_refused_by_the_others() {
        use Era::{V0_90, V1_0, V1_2, V1_3, V1_5, V1_7, V3_0, V3_2};
        for (name, value, known, unused, refused) in [
            ("silent", "1", vec![V0_90, V1_0], vec![V1_0], vec![V1_2, V3_2]),
            ("_nfold", "3", vec![V1_2], vec![V1_2], vec![V1_0, V1_3]),
            (
                "single_precision_histogram",
                "true",
                vec![V1_2, V1_3, V1_5],
                vec![V1_2, V1_3, V1_5],
                vec![V1_0, V1_7],
            ),
            ("device", "cpu", vec![V3_2], vec![], vec![V3_0]),
        ] {
            for era in known {
                let checked = validate(era, &[(name, value)]).unwrap();
                assert_eq!(checked.unused.contains(&name), unused.contains(&era), "{name} {era:?}");
                assert_eq!(checked.has(name), !unused.contains(&era), "{name} {era:?}");
            }
            for era in refused {
                let refusal = validate(era, &[(name, value)]).unwrap_err();
                assert!(refusal.contains("Extraneous"), "{name} {era:?}");
            }
        }
    }

    #[test]
    fn an_updater_of_early_versions_is_told_by_todays_name() {
        let local = [("updater", "grow_local_histmaker,prune")];
        for era in [Era::V0_90, Era::V1_5] {
            let checked = validate(era, &local).unwrap();
            assert_eq!(checked.words("updater").unwrap(), ["grow_histmaker", "prune"]);
        }
        assert!(refusal(&local).contains("not in range"));
    }

    #[test]
    fn what_draws_random_numbers_is_known() {
        let draws = |pairs| validate(Era::V3_2, pairs).unwrap().draws_at_random();
        for pairs in [
            &[("subsample", "0.5")][..],
            &[("objective", "rank:ndcg")],
            &[("booster", "dart"), ("rate_drop", "0.1")],
            &[("booster", "dart"), ("one_drop", "1")],
        ] {
            assert!(draws(pairs), "{pairs:?}");
        }
        for pairs in [&[][..], &[("subsample", "1")], &[("booster", "dart")], &[("rate_drop", "1")]]
        {
            assert!(!draws(pairs), "{pairs:?}");
        }
    }

    #[test]
    fn the_number_of_classes_alone_is_a_classification() {
        let objective = |pairs| validate(Era::V1_7, pairs).unwrap().objective().to_owned();
        assert_eq!(objective(&[]), "reg:squarederror");
        assert_eq!(objective(&[("num_class", "3")]), "multi:softmax");
        assert_eq!(
            objective(&[("num_class", "3"), ("objective", "reg:linear")]),
            "reg:squarederror"
        );
    }

    #[test]
    fn the_course_notes_hyperparameters_are_fine_on_every_version() {
        let course = [
            ("max_depth", "5"),
            ("eta", "0.2"),
            ("gamma", "4"),
            ("min_child_weight", "6"),
            ("subsample", "0.8"),
            ("objective", "reg:linear"),
            ("early_stopping_rounds", "10"),
        ];
        for tag in Era::KNOWN {
            assert!(validate(Era::of(tag).unwrap(), &course).is_ok(), "{tag}");
        }
    }
}
