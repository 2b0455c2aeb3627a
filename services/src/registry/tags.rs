//! Tags by ARN.

use std::{collections::BTreeMap, sync::Arc};

use api::{
    Caller, Document, Fault, Input, What,
    tags::{AddTags, DeleteTags, ListTags, Tag, TagsApi},
};
use async_trait::async_trait;
use platform::store::{Store, Write};
use serde_json::{Value, json};

/// A resource may carry so many tags (semantics 1.0).
const MOST: usize = 50;

/// Answers for tags.
pub struct TagService {
    store: Arc<dyn Store>,
}

impl TagService {
    /// Over this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The tags of a resource that exists and is the caller's.
    async fn tags(&self, caller: &Caller, arn: &str) -> Result<BTreeMap<String, String>, Fault> {
        let record = self.store.by_arn(arn).await.map_err(Fault::internal)?;
        if record.is_none_or(|record| record.key.account != caller.owner().account) {
            let message = format!("Could not find the resource \"{arn}\".");
            return Err(Fault::new(What::Missing, "tag", message));
        }
        let tags = self.store.tags(arn).await.map_err(Fault::internal)?;
        Ok(tags.into_iter().collect())
    }
}

fn show(tags: BTreeMap<String, String>) -> Document {
    let tag = |(key, value)| json!(Tag { key, value });
    let tags: Vec<Value> = tags.into_iter().map(tag).collect();
    Document::from_iter([("Tags".to_owned(), Value::Array(tags))])
}

#[async_trait]
impl TagsApi for TagService {
    async fn add_tags(&self, caller: &Caller, input: Input<AddTags>) -> Result<Document, Fault> {
        let AddTags { resource_arn: arn, tags } = input.view;
        let mut all = self.tags(caller, &arn).await?;
        all.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        if all.len() > MOST {
            let message = format!("A resource cannot have more than {MOST} tags.");
            return Err(Fault::new(What::Limit, "tag", message));
        }
        let write = |tag: Tag| Write::Tag { arn: arn.clone(), key: tag.key, value: tag.value };
        let writes = tags.into_iter().map(write).collect();
        self.store.commit(writes).await.map_err(Fault::internal)?;
        Ok(show(all))
    }

    async fn delete_tags(
        &self,
        caller: &Caller,
        input: Input<DeleteTags>,
    ) -> Result<Document, Fault> {
        let DeleteTags { resource_arn: arn, tag_keys } = input.view;
        self.tags(caller, &arn).await?;
        let write = |key: String| Write::Untag { arn: arn.clone(), key };
        let writes = tag_keys.into_iter().map(write).collect();
        self.store.commit(writes).await.map_err(Fault::internal)?;
        Ok(Document::new())
    }

    async fn list_tags(&self, caller: &Caller, input: Input<ListTags>) -> Result<Document, Fault> {
        // All of them fit one page, so there is never a token.
        Ok(show(self.tags(caller, &input.view.resource_arn).await?))
    }
}
