//! What a configuration serves: its variants, each with its model as it is now.

use std::sync::Arc;

use api::{Fault, inference::VariantSpec};
use platform::store::Store;
use types::Owner;

use super::{
    config::EndpointConfig,
    endpoint::{Serving, Variant},
    model::{self, Model},
};
use crate::record::Shelf;

/// A variant's weight where the configuration names none (its API reference).
const WEIGHT: f32 = 1.0;

/// The shelves that configurations and models stand on.
pub struct Served {
    /// Models.
    pub models: Shelf<Model>,
    /// Endpoint configurations.
    pub configs: Shelf<EndpointConfig>,
}

impl Served {
    /// In this store.
    pub fn new(store: &Arc<dyn Store>) -> Self {
        Self { models: Shelf::new(store.clone()), configs: Shelf::new(store.clone()) }
    }

    /// What a configuration serves.
    pub async fn serving(&self, owner: &Owner, name: &str) -> Result<Serving, Fault> {
        let (_, config) = self.configs.get(owner, name).await?;
        let mut variants = Vec::new();
        for spec in config.variants()? {
            variants.push(self.variant(owner, spec).await?);
        }
        Ok(Serving { config: name.to_owned(), variants })
    }

    /// A variant with all that is needed to serve it.
    pub async fn variant(&self, owner: &Owner, spec: VariantSpec) -> Result<Variant, Fault> {
        let name = spec.model_name.unwrap_or_default();
        let (_, model) = self.models.get(owner, &name).await?;
        let container = model.container()?;
        let data = model::data(&container)?.to_string();
        Ok(Variant {
            name: spec.variant_name,
            weight: spec.initial_variant_weight.unwrap_or(WEIGHT),
            model: name,
            image: container.image.unwrap_or_default(),
            data,
            environment: container.environment,
            instance_count: spec.initial_instance_count,
            etag: None,
        })
    }
}
