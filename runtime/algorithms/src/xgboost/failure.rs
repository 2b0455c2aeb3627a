//! Why a job failed, told as SageMaker tells it: whose fault it is comes first.

use std::fmt;

/// What of XGBoost's errors is the user's doing, by a fragment of the text. The container has such
/// a list with the texts of older versions; these are its cases as 3.2 words them, and the two
/// about values that no training data may have.
const USERS_FAULT: [&str; 11] = [
    "label must be",
    "Invalid shape of labels",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "the dataset only contains pos or neg samples",
    "base_score must be in (0,1)",
    "`base_score` must be greater than 0",
    "Parameter reg_lambda should be greater equal to 0",
    "Label contains NaN, infinity or a value too large",
    "Input data contains `inf`",
    "Relevance degress must be lesser than or equal to",
];

/// A job's end that is none of success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The user can mend it.
    User(String),
    /// Training failed.
    Algorithm(String),
    /// This machine failed.
    Platform(String),
}

impl Failure {
    /// Puts an error of the library where the container puts it.
    pub fn from_training(error: &xgboost_sys::Error) -> Self {
        let text = error.to_string();
        let text = without_stack(&text);
        if USERS_FAULT.iter().any(|fragment| text.contains(fragment)) {
            Self::User(text.to_owned())
        } else {
            Self::of_training(text)
        }
    }

    /// In the container's words for what is not the user's doing.
    pub fn of_training(text: &str) -> Self {
        Self::Algorithm(format!("XGB train call failed with exception:\n {text}"))
    }

    /// Whether it is only that another host is gone: the library then names the source of its
    /// collective.
    pub fn is_of_the_group(&self) -> bool {
        match self {
            Self::Algorithm(text) | Self::User(text) | Self::Platform(text) => {
                text.contains("collective/")
            }
        }
    }

    /// Names an error with all its causes.
    pub fn platform(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        Self::Platform(text)
    }

    /// The line that the container's log ends with, whose class people search for.
    pub fn log_line(&self) -> String {
        match self {
            Self::User(text) => format!("UserError: {text}"),
            Self::Algorithm(text) => format!("AlgorithmError: {text}"),
            Self::Platform(text) => format!("PlatformError: {text}"),
        }
    }
}

/// As `FailureReason` shows it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(text) => write!(f, "ClientError: {text}"),
            Self::Algorithm(text) => write!(f, "AlgorithmError: {text}"),
            Self::Platform(text) => write!(f, "InternalServerError: {text}"),
        }
    }
}

/// XGBoost appends its own call stack, which helps no one here.
fn without_stack(text: &str) -> &str {
    text.split("\nStack trace:").next().unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_out_of_range_is_the_users_fault_and_loses_the_stack() {
        let error = xgboost_sys::Error::Call(
            "[12:00:00] x.cu:83: label must be in (0, 1) for logistic regression\nStack trace:\n  [0]".into(),
        );
        assert_eq!(
            Failure::from_training(&error).to_string(),
            "ClientError: [12:00:00] x.cu:83: label must be in (0, 1) for logistic regression"
        );
    }

    #[test]
    fn any_other_error_of_the_library_is_an_algorithm_error() {
        let failure = Failure::from_training(&xgboost_sys::Error::Call("boom".into()));
        assert_eq!(
            failure.to_string(),
            "AlgorithmError: XGB train call failed with exception:\n boom"
        );
        assert!(failure.log_line().starts_with("AlgorithmError: "));
    }

    #[test]
    fn a_platform_error_names_its_causes() {
        let error = crate::fetch::FetchError::NoPython(std::io::Error::other("not found"));
        assert!(Failure::platform(&error).to_string().ends_with(": not found"));
    }
}
