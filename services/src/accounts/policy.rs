//! Policy documents, as far as they are checked when they are stored.

use serde_json::Value;

/// The text is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPolicy {
    /// It is no JSON object.
    #[error("This policy contains invalid Json")]
    Json,
    /// It has no statements.
    #[error("Syntax errors in policy.")]
    Statement,
}

/// The largest policy that IAM keeps, characters (its quotas page: inline policies of a role).
const LARGEST: usize = 10_240;

/// Checks that a text is a policy: an object with at least one statement, each with an effect.
pub fn check(text: &str) -> Result<(), NotAPolicy> {
    if text.len() > LARGEST {
        return Err(NotAPolicy::Statement);
    }
    let policy: Value = serde_json::from_str(text).map_err(|_| NotAPolicy::Json)?;
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => Vec::new(),
    };
    let effective = |statement: &&Value| {
        matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny"))
    };
    if statements.is_empty() || !statements.iter().all(effective) {
        return Err(NotAPolicy::Statement);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_statements_with_an_effect() {
        assert_eq!(check(r#"{"Statement":{"Effect":"Allow"}}"#), Ok(()));
        assert_eq!(check("{"), Err(NotAPolicy::Json));
        assert_eq!(check(r#"{"Statement":[]}"#), Err(NotAPolicy::Statement));
        assert_eq!(check(r#"{"Statement":[{"Effect":"Perhaps"}]}"#), Err(NotAPolicy::Statement));
    }
}
