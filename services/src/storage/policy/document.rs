//! From the JSON of a policy to its statements, or AWS's word on why not.

use serde_json::{Map, Value};

use super::{
    Effect, Names, Policy, PolicyFault, Statement, Subject,
    actions::{self, Level},
    condition,
    pattern::{Pattern, Syntax},
    principal,
};

/// The largest policy of a bucket, bytes (S3 user guide, "Bucket policies").
const LARGEST: usize = 20 * 1024;

const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];

/// The members of a policy and of a statement; any other is refused.
const MEMBERS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_MEMBERS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// The texts of a text or of a list of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The same, where numbers and booleans may stand for themselves.
pub(super) fn scalars(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        single => one(single).map(|text| vec![text]),
    }
}

pub(super) fn parse(text: &str, bucket: &str) -> Result<Policy, PolicyFault> {
    if text.len() > LARGEST {
        return Err(PolicyFault::TooLarge);
    }
    if !text.starts_with('{') {
        return Err(PolicyFault::Json);
    }
    let document: Value = serde_json::from_str(text).map_err(|_| PolicyFault::Json)?;
    let document = document.as_object().ok_or(PolicyFault::Json)?;
    known_members(document, &MEMBERS)?;
    let version = document.get("Version").map_or(Some(VERSIONS[0]), Value::as_str);
    let version = version.filter(|version| VERSIONS.contains(version));
    let variables = version.ok_or(PolicyFault::Version)? == VERSIONS[1];
    let reader = Reader { bucket, variables };
    let statements: Vec<&Value> = match document.get("Statement") {
        None => return Err(PolicyFault::Missing("Statement")),
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(single) => vec![single],
    };
    if statements.is_empty() {
        return Err(PolicyFault::NoStatement);
    }
    let statements: Result<_, _> = statements.into_iter().map(|it| reader.statement(it)).collect();
    Ok(Policy { statements: statements? })
}

fn known_members(object: &Map<String, Value>, known: &[&str]) -> Result<(), PolicyFault> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(PolicyFault::Unknown(name.clone())),
        None => Ok(()),
    }
}

struct Reader<'a> {
    bucket: &'a str,
    /// Whether `${…}` means something.
    variables: bool,
}

impl Reader<'_> {
    fn statement(&self, value: &Value) -> Result<Statement, PolicyFault> {
        let members = value.as_object().ok_or(PolicyFault::Syntax)?;
        known_members(members, &STATEMENT_MEMBERS)?;
        if members.get("Sid").is_some_and(|sid| !sid.is_string()) {
            return Err(PolicyFault::Syntax);
        }
        let effect = effect(members.get("Effect"))?;
        let subject = subject(members, effect)?;
        let (actions, levels) = actions_of(members)?;
        let resources = self.resources(members, &levels)?;
        let conditions = match members.get("Condition") {
            Some(conditions) => condition::read(conditions, self.variables)?,
            None => Vec::new(),
        };
        Ok(Statement { effect, subject, actions, resources, conditions })
    }

    /// What a statement is about. Each action must be of a kind that one of the resources has.
    fn resources(
        &self,
        members: &Map<String, Value>,
        actions: &[Vec<Level>],
    ) -> Result<Names, PolicyFault> {
        let (negated, values) = one_of(members, "Resource", "NotResource")?;
        let values = texts(values).ok_or(PolicyFault::Resource)?;
        let mut kinds = Vec::new();
        for value in &values {
            kinds.extend(self.kinds(value).ok_or(PolicyFault::Resource)?);
        }
        if kinds.is_empty() {
            return Err(PolicyFault::Missing("Resource cannot be empty!"));
        }
        let apply = |levels: &Vec<Level>| levels.iter().any(|level| kinds.contains(level));
        if !negated && !actions.iter().all(apply) {
            return Err(PolicyFault::Apply);
        }
        let syntax = Syntax { wild: true, variables: self.variables, fold: false };
        let patterns = values.iter().map(|value| Pattern::new(value, syntax)).collect();
        Ok(Names { negated, patterns })
    }

    /// The kinds of things in our bucket that a resource can be; nothing where it is of another.
    fn kinds(&self, resource: &str) -> Option<Vec<Level>> {
        let name = ["arn:aws:s3:::", "arn:aws-cn:s3:::", "arn:aws-us-gov:s3:::"]
            .iter()
            .find_map(|prefix| resource.strip_prefix(prefix))?;
        let (bucket, kinds) = match name.split_once('/') {
            Some((bucket, _)) => (bucket, vec![Level::Object]),
            None if name.contains('*') => (name, vec![Level::Bucket, Level::Object]),
            None => (name, vec![Level::Bucket]),
        };
        let pattern = Pattern::new(bucket, Syntax { wild: true, ..Syntax::default() });
        pattern.matches(self.bucket, &platform::objects::Context::default()).then_some(kinds)
    }
}

fn effect(value: Option<&Value>) -> Result<Effect, PolicyFault> {
    match value {
        None => Err(PolicyFault::Missing("Effect")),
        Some(Value::String(effect)) if effect == "Allow" => Ok(Effect::Allow),
        Some(Value::String(effect)) if effect == "Deny" => Ok(Effect::Deny),
        Some(Value::String(effect)) => Err(PolicyFault::Effect(effect.clone())),
        Some(_) => Err(PolicyFault::Syntax),
    }
}

fn subject(members: &Map<String, Value>, effect: Effect) -> Result<Subject, PolicyFault> {
    let (negated, value) = one_of(members, "Principal", "NotPrincipal")?;
    if negated && effect == Effect::Allow {
        return Err(PolicyFault::AllowNotPrincipal);
    }
    Ok(Subject { negated, who: principal::read(value)? })
}

/// The patterns of `Action` or `NotAction`, and for each the levels of what it means.
fn actions_of(members: &Map<String, Value>) -> Result<(Names, Vec<Vec<Level>>), PolicyFault> {
    let (negated, values) = one_of(members, "Action", "NotAction")?;
    let values = texts(values).ok_or(PolicyFault::Action)?;
    if values.is_empty() {
        return Err(PolicyFault::Missing("Action cannot be empty!"));
    }
    let (mut patterns, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        let pattern = Pattern::new(value, Syntax { wild: true, variables: false, fold: true });
        let context = platform::objects::Context::default();
        let of_s3 = value == "*" || value.get(..3).is_some_and(|it| it.eq_ignore_ascii_case("s3:"));
        let meant: Vec<Level> =
            actions::meant_by(|name| of_s3 && pattern.matches(name, &context)).collect();
        if meant.is_empty() {
            return Err(PolicyFault::Action);
        }
        patterns.push(pattern);
        levels.push(meant);
    }
    Ok((Names { negated, patterns }, levels))
}

/// The value of one of two members that exclude each other, and whether it is the negated one.
fn one_of<'a>(
    members: &'a Map<String, Value>,
    plain: &'static str,
    negated: &'static str,
) -> Result<(bool, &'a Value), PolicyFault> {
    match (members.get(plain), members.get(negated)) {
        (Some(value), None) => Ok((false, value)),
        (None, Some(value)) => Ok((true, value)),
        (None, None) => Err(PolicyFault::Missing(plain)),
        (Some(_), Some(_)) => Err(PolicyFault::Syntax),
    }
}
