//! Search expressions: filters on members of what Describe shows, joined by `And` or `Or`.

use serde::Deserialize;
use serde_json::Value;
use types::Document;

/// Expressions nest at most so deep; AWS allows 20 in all (semantics 1.0).
const DEEPEST: usize = 20;

/// What must hold of a resource.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Expression {
    filters: Vec<Filter>,
    sub_expressions: Vec<Expression>,
    operator: Option<String>,
}

/// What must hold of one member.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    name: String,
    operator: Option<String>,
    value: Option<String>,
}

/// Why an expression cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It nests too deep.
    #[error("The search expression is nested too deep.")]
    Deep,
    /// The operator is not one of AWS's.
    #[error("The operator {0} is not supported.")]
    Operator(String),
    /// The operator compares, and there is nothing to compare with.
    #[error("The filter on {0} needs a value.")]
    Value(String),
}

impl Expression {
    /// Whether it holds of a resource, as Describe shows it.
    pub fn holds(&self, shown: &Document) -> Result<bool, Unfit> {
        self.holds_at(shown, 0)
    }

    fn holds_at(&self, shown: &Document, depth: usize) -> Result<bool, Unfit> {
        if depth > DEEPEST {
            return Err(Unfit::Deep);
        }
        let mut verdicts = Vec::new();
        for filter in &self.filters {
            verdicts.push(filter.holds(shown)?);
        }
        for expression in &self.sub_expressions {
            verdicts.push(expression.holds_at(shown, depth + 1)?);
        }
        Ok(match self.operator.as_deref() {
            Some("Or") => verdicts.is_empty() || verdicts.contains(&true),
            _ => !verdicts.contains(&false),
        })
    }
}

impl Filter {
    fn holds(&self, shown: &Document) -> Result<bool, Unfit> {
        let found = member(shown, &self.name);
        let operator = self.operator.as_deref().unwrap_or("Equals");
        match operator {
            "Exists" => return Ok(found.is_some()),
            "NotExists" => return Ok(found.is_none()),
            _ => {}
        }
        let wanted = self.value.as_deref().ok_or_else(|| Unfit::Value(self.name.clone()))?;
        let text = found.map(text);
        let is = |test: &dyn Fn(&str) -> bool| text.as_deref().is_some_and(test);
        let order = text.as_deref().and_then(|text| compare(text, wanted));
        Ok(match operator {
            "Equals" => is(&|text| text == wanted),
            "NotEquals" => !is(&|text| text == wanted),
            "Contains" => is(&|text| text.contains(wanted)),
            "In" => is(&|text| wanted.split(',').any(|one| one == text)),
            "GreaterThan" => order.is_some_and(std::cmp::Ordering::is_gt),
            "GreaterThanOrEqualTo" => order.is_some_and(std::cmp::Ordering::is_ge),
            "LessThan" => order.is_some_and(std::cmp::Ordering::is_lt),
            "LessThanOrEqualTo" => order.is_some_and(std::cmp::Ordering::is_le),
            other => return Err(Unfit::Operator(other.to_owned())),
        })
    }
}

/// A member by its path: `HyperParameters.eta`, `Tags.team`.
fn member<'a>(shown: &'a Document, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let value = shown.get(first)?;
    match (rest, value) {
        (None, value) => Some(value),
        (Some(rest), Value::Object(inner)) => member(inner, rest),
        (Some(key), Value::Array(tags)) => {
            let named = |tag: &&Value| tag.get("Key").and_then(Value::as_str) == Some(key);
            tags.iter().find(named)?.get("Value")
        }
        (Some(_), _) => None,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Numbers compare as numbers, all else as text.
fn compare(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        _ => Some(left.cmp(right)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(expression: Value) -> Result<bool, Unfit> {
        let shown = json!({
            "TrainingJobName": "churn-1",
            "HyperParameters": { "eta": "0.3" },
            "Tags": [{ "Key": "team", "Value": "risk" }],
        });
        let Value::Object(shown) = shown else { unreachable!() };
        serde_json::from_value::<Expression>(expression).unwrap().holds(&shown)
    }

    fn filter(name: &str, operator: &str, value: &str) -> Value {
        json!({ "Filters": [{ "Name": name, "Operator": operator, "Value": value }] })
    }

    #[test]
    fn filters_look_at_what_describe_shows() {
        assert_eq!(holds(filter("TrainingJobName", "Contains", "churn")), Ok(true));
        assert_eq!(holds(filter("TrainingJobName", "Equals", "churn")), Ok(false));
        assert_eq!(holds(filter("HyperParameters.eta", "LessThan", "0.31")), Ok(true));
        assert_eq!(holds(filter("Tags.team", "In", "fraud,risk")), Ok(true));
        assert_eq!(holds(filter("FailureReason", "NotEquals", "x")), Ok(true));
        assert!(holds(filter("TrainingJobName", "Like", "x")).is_err());
    }

    #[test]
    fn expressions_join_their_parts() {
        let both = json!({
            "Operator": "Or",
            "SubExpressions": [
                filter("TrainingJobName", "Equals", "other"),
                filter("TrainingJobName", "Equals", "churn-1"),
            ],
        });
        assert_eq!(holds(both.clone()), Ok(true));
        assert_eq!(holds(json!({ "SubExpressions": both["SubExpressions"] })), Ok(false));
        assert_eq!(holds(json!({})), Ok(true));
    }
}
