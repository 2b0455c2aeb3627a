//! Finding resources: the arguments that all lists share, and `Search`.

use serde::Deserialize;
use serde_json::Value;

use crate::{family::family, sagemaker::code};

/// The arguments that SageMaker's lists share. Times are epoch seconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListArguments {
    /// 1 to 100.
    pub max_results: Option<u64>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only names with this in them.
    pub name_contains: Option<String>,
    /// Only this status.
    pub status_equals: Option<String>,
    /// `Name`, `CreationTime`, `Status`, `LastModifiedTime`.
    pub sort_by: Option<String>,
    /// `Ascending`, `Descending`.
    pub sort_order: Option<String>,
    /// Exclusive.
    pub creation_time_after: Option<f64>,
    /// Exclusive.
    pub creation_time_before: Option<f64>,
    /// Exclusive.
    pub last_modified_time_after: Option<f64>,
    /// Exclusive.
    pub last_modified_time_before: Option<f64>,
}

family! {
    /// Search over what exists.
    pub trait SearchApi as Search with code {
        /// Resources of one type that match an expression.
        "Search" => search(SearchSpec);
    }
}

/// What to search for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SearchSpec {
    /// `TrainingJob`, `Model`, ….
    pub resource: String,
    /// Filters, nested filters, sub-expressions, joined by an operator.
    pub search_expression: Option<Value>,
    /// A member to sort by.
    pub sort_by: Option<String>,
    /// `Ascending`, `Descending`.
    pub sort_order: Option<String>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// 1 to 100.
    pub max_results: Option<u64>,
}
