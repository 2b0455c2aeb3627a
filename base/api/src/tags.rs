//! Tags of SageMaker's resources.

use serde::{Deserialize, Serialize};

use crate::{family::family, sagemaker::code};

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// At most 128 characters.
    pub key: String,
    /// At most 256 characters.
    pub value: String,
}

family! {
    /// Tags by ARN.
    pub trait TagsApi as Tags with code {
        /// Sets tags.
        "AddTags" => add_tags(AddTags);
        /// Takes tags off.
        "DeleteTags" => delete_tags(DeleteTags);
        /// The tags of a resource, always present and perhaps empty.
        "ListTags" => list_tags(ListTags);
    }
}

/// Which tags to set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddTags {
    /// The resource.
    pub resource_arn: String,
    /// At most 50.
    pub tags: Vec<Tag>,
}

/// Which tags to take off.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteTags {
    /// The resource.
    pub resource_arn: String,
    /// Their keys.
    pub tag_keys: Vec<String>,
}

/// Whose tags.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTags {
    /// The resource.
    pub resource_arn: String,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// At least 50.
    pub max_results: Option<usize>,
}
