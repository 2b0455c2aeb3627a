//! `Search`: resources that match an expression, as Describe shows them.

use std::sync::Arc;

use api::{
    Caller, Document, Fault, Input, What,
    search::{SearchApi, SearchSpec},
    training::{TrainingApi, TrainingJobName},
};
use async_trait::async_trait;
use platform::store::{Query, SortBy, Store};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::expression::Expression;
use crate::record::unsupported;

/// What `MaxResults` is where it is not said, and the most it may be (its API reference).
const PAGE: usize = 100;
/// How many records are read at once.
const BATCH: usize = 500;

/// Searches, over the API traits of those who show their resources.
pub struct SearchService {
    store: Arc<dyn Store>,
    training: Arc<dyn TrainingApi>,
}

impl SearchService {
    /// Over this store; `training` shows training jobs.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, training: Arc<dyn TrainingApi>) -> Self {
        Self { store, training }
    }

    /// A training job, as Describe shows it, with its tags.
    async fn shown(&self, caller: &Caller, name: String, arn: &str) -> Result<Document, Fault> {
        let document = Document::from_iter([("TrainingJobName".to_owned(), name.into())]);
        let input = api::bind::<TrainingJobName>(Arc::new(document))?;
        let mut shown = self.training.describe_training_job(caller, input).await?;
        let tags = self.store.tags(arn).await.map_err(Fault::internal)?;
        let tag = |(key, value): (String, String)| {
            Value::Object(Map::from_iter([
                ("Key".into(), key.into()),
                ("Value".into(), value.into()),
            ]))
        };
        shown.insert("Tags".into(), Value::Array(tags.into_iter().map(tag).collect()));
        Ok(shown)
    }

    /// Every training job of the caller that matches, in the order asked for.
    async fn matching(
        &self,
        caller: &Caller,
        spec: &SearchSpec,
        expression: &Expression,
    ) -> Result<Vec<Value>, Fault> {
        let reader = Caller::on_behalf_of(caller.owner());
        let mut query = Query {
            limit: BATCH,
            descending: spec.sort_order.as_deref() != Some("Ascending"),
            sort_by: match spec.sort_by.as_deref() {
                None | Some("LastModifiedTime") => SortBy::Modified,
                Some("CreationTime") => SortBy::Created,
                Some("TrainingJobName") => SortBy::Name,
                Some("TrainingJobStatus") => SortBy::Status,
                Some(other) => {
                    let message = format!("Results cannot be sorted by `{other}`.");
                    return Err(Fault::new(What::Invalid, "search", message));
                }
            },
            ..Query::all(caller.owner(), "training-job")
        };
        let mut found = Vec::new();
        loop {
            let page = self.store.list(&query).await.map_err(Fault::internal)?;
            for record in page.records {
                let shown = match self.shown(&reader, record.key.name, &record.arn).await {
                    Ok(shown) => shown,
                    // Deleted since the page was read.
                    Err(fault) if fault.what == What::Missing => continue,
                    Err(fault) => return Err(fault),
                };
                let holds = expression.holds(&shown);
                if holds.map_err(|error| Fault::new(What::Invalid, "search", error))? {
                    let result = Map::from_iter([("TrainingJob".into(), Value::Object(shown))]);
                    found.push(Value::Object(result));
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(found);
            }
        }
    }
}

#[async_trait]
impl SearchApi for SearchService {
    async fn search(&self, caller: &Caller, input: Input<SearchSpec>) -> Result<Document, Fault> {
        let spec = input.view;
        if spec.resource != "TrainingJob" {
            let what = format!("Search for {} is not supported", spec.resource);
            return Err(unsupported("search", &what));
        }
        let wrong = |error: &dyn std::fmt::Display| Fault::new(What::Invalid, "search", error);
        let expression = match &spec.search_expression {
            Some(expression) => {
                Expression::deserialize(expression).map_err(|error| wrong(&error))?
            }
            None => Expression::default(),
        };
        let skip = match spec.next_token.as_deref().map(str::parse::<usize>) {
            None => 0,
            Some(Ok(skip)) => skip,
            Some(Err(_)) => return Err(wrong(&"The NextToken is not valid.")),
        };
        let asked = spec.max_results.and_then(|most| usize::try_from(most).ok());
        let limit = asked.unwrap_or(PAGE).clamp(1, PAGE);
        let found = self.matching(caller, &spec, &expression).await?;
        let more = found.len() > skip.saturating_add(limit);
        let page: Vec<_> = found.into_iter().skip(skip).take(limit).collect();
        let mut answer = Document::from_iter([("Results".to_owned(), Value::Array(page))]);
        if more {
            answer.insert("NextToken".into(), (skip + limit).to_string().into());
        }
        Ok(answer)
    }
}
