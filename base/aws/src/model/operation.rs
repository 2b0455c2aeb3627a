//! One operation: its name, its binding, its documents.

use std::sync::Arc;

use serde::Deserialize;
use types::Document;

use super::{
    Invalid, filter,
    shape::{Member, ShapeId, Shapes},
    validate,
};

/// An operation that the model knows.
pub struct Operation {
    pub(super) name: &'static str,
    pub(super) input: Option<ShapeId>,
    pub(super) output: Option<ShapeId>,
    pub(super) errors: Vec<&'static str>,
    pub(super) http: Http<'static>,
    pub(super) page: Option<Pagination>,
    pub(super) shapes: Arc<Shapes>,
}

/// An operation's REST binding. Those of the other protocols all have the same.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Http<'a> {
    pub method: &'a str,
    /// With parameters as `{Name}`.
    pub uri: &'a str,
    pub status: u16,
}

impl Default for Http<'_> {
    fn default() -> Self {
        Self { method: "POST", uri: "/", status: 200 }
    }
}

/// The members that page a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pagination {
    /// Of the request: the token.
    pub input_token: String,
    /// Of the answer: the next token.
    pub output_token: String,
    /// Of the request: how many a page holds.
    pub limit_key: Option<String>,
    /// Of the answer: the lists that are paged.
    pub result_key: Vec<String>,
    /// Of the answer: whether more follows (IAM's `IsTruncated`).
    pub more_results: Option<String>,
}

impl Operation {
    /// `CreateTrainingJob`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the model holds its shapes. Where not, nothing serves the operation here and no
    /// document can be checked.
    #[must_use]
    pub fn shaped(&self) -> bool {
        self.input.is_some()
    }

    /// The errors of its own that it may answer with, by the names of their shapes.
    #[must_use]
    pub fn errors(&self) -> &[&'static str] {
        &self.errors
    }

    /// Checks an input as AWS does. Unknown members and nulls are no error.
    pub fn validate(&self, input: &Document) -> Result<(), Invalid> {
        self.input.map_or(Ok(()), |shape| validate::document(&self.shapes, shape, input))
    }

    /// The input without nulls and members that the shape does not know; order kept.
    #[must_use]
    pub fn clean_input(&self, input: Document) -> Document {
        self.input.map(|shape| filter::input(&self.shapes, shape, input)).unwrap_or_default()
    }

    /// The output with only what its shape knows, without nulls and without `{}`.
    #[must_use]
    pub fn filter_output(&self, output: Document) -> Document {
        self.output.map(|shape| filter::output(&self.shapes, shape, output)).unwrap_or_default()
    }

    /// How its answers page, where they do.
    #[must_use]
    pub fn pagination(&self) -> Option<&Pagination> {
        self.page.as_ref()
    }

    /// The HTTP status of its answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.http.status
    }

    pub(super) fn input_members(&self) -> &[Member] {
        self.input.map(|shape| self.shapes.members(shape)).unwrap_or_default()
    }

    pub(super) fn output_members(&self) -> &[Member] {
        self.output.map(|shape| self.shapes.members(shape)).unwrap_or_default()
    }
}
