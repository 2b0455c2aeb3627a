//! The API of models, endpoint configurations, endpoints and transform jobs.

use std::sync::Arc;

use api::{
    Caller, Document, Fault, Input, What,
    inference::{
        EndpointConfigName, EndpointConfigSpec, EndpointName, EndpointSpec, InferenceApi,
        ModelName, ModelSpec, TransformJobName, TransformJobSpec, VariantSpec, WeightsSpec,
    },
    search::ListArguments,
};
use async_trait::async_trait;
use jobs::Wake;
use platform::{
    objects::Objects,
    scorer::LoadModel,
    store::{Key, Record, Required, Store, Write},
    telemetry::Logs,
};
use types::{Owner, Timestamp};

use super::{
    config::{self, EndpointConfig},
    endpoint::{self, Endpoint, EndpointMachine, Phase, Serving, change},
    model::{self, Model},
    served::Served,
    transform::{self, TransformJob},
};
use crate::record::{self, Holding, Kind, Shelf, one, read, readable, unbuilt};

/// Answers for everything that serves models.
pub struct InferenceService {
    serves: Served,
    endpoints: Shelf<Endpoint>,
    transforms: Shelf<TransformJob>,
    objects: Arc<dyn Objects>,
    loader: Arc<dyn LoadModel>,
    logs: Arc<dyn Logs>,
    machine: Arc<EndpointMachine>,
    holding: Arc<Holding>,
    wake: Wake,
}

/// What the service works with.
pub struct Needs {
    /// Holds the records.
    pub store: Arc<dyn Store>,
    /// Holds models and data.
    pub objects: Arc<dyn Objects>,
    /// Knows which models can be served.
    pub loader: Arc<dyn LoadModel>,
    /// Holds the log groups of endpoints.
    pub logs: Arc<dyn Logs>,
    /// Publishes endpoints.
    pub machine: Arc<EndpointMachine>,
    /// Holds first Describes.
    pub holding: Arc<Holding>,
    /// Wakes the driver.
    pub wake: Wake,
}

impl InferenceService {
    /// With what it needs.
    #[must_use]
    pub fn new(needs: Needs) -> Self {
        let Needs { store, objects, loader, logs, machine, holding, wake } = needs;
        Self {
            serves: Served::new(&store),
            endpoints: Shelf::new(store.clone()),
            transforms: Shelf::new(store),
            objects,
            loader,
            logs,
            machine,
            holding,
            wake,
        }
    }

    async fn change_endpoint(
        &self,
        owner: &Owner,
        name: &str,
        next: impl Fn(&Endpoint) -> Result<Serving, Fault> + Send + Sync,
    ) -> Result<Document, Fault> {
        let arn = Shelf::<Endpoint>::arn(owner, name);
        let busy = || {
            let message = format!("Cannot update in-progress endpoint \"{arn}\".");
            Fault::new(What::InUse, Endpoint::KIND, message)
        };
        let failed = || {
            let message = format!("Cannot update failed endpoint \"{arn}\"; delete it instead.");
            Fault::new(What::InUse, Endpoint::KIND, message)
        };
        let change = |endpoint: &mut Endpoint| {
            match endpoint.phase {
                Phase::InService => {}
                Phase::Creating | Phase::Updating { .. } | Phase::Resuming => {
                    return Err(busy());
                }
                Phase::Failed => return Err(failed()),
            }
            endpoint.phase = Phase::Updating { next: next(endpoint)? };
            Ok(())
        };
        let record = self.endpoints.update(owner, name, change).await?;
        self.holding.created(record.id);
        self.wake.wake();
        Ok(one("EndpointArn", arn))
    }
}

#[async_trait]
impl InferenceApi for InferenceService {
    async fn create_model(
        &self,
        caller: &Caller,
        input: Input<ModelSpec>,
    ) -> Result<Document, Fault> {
        let Input { document, view } = input;
        let owner = caller.owner();
        if let Some(role) = &view.execution_role_arn {
            record::role(owner, role)?;
        }
        let container = model::container(&view)?;
        model::check(owner, container, &*self.loader, &*self.objects).await?;
        let model = Model { format: 1, request: Arc::unwrap_or_clone(document) };
        let (_, writes) = Shelf::create(owner, &view.model_name, &model, &view.tags)?;
        self.serves.models.commit(owner, writes).await?;
        Ok(one("ModelArn", Shelf::<Model>::arn(owner, &view.model_name)))
    }

    async fn describe_model(
        &self,
        caller: &Caller,
        input: Input<ModelName>,
    ) -> Result<Document, Fault> {
        let (record, model) =
            self.serves.models.get(caller.owner(), &input.view.model_name).await?;
        Ok(model::describe(&record, model))
    }

    async fn list_models(
        &self,
        caller: &Caller,
        input: Input<ListArguments>,
    ) -> Result<Document, Fault> {
        let store = self.serves.models.store();
        let (records, next) = record::page(store, caller.owner(), Model::KIND, &input.view).await?;
        Ok(record::summaries("Models", records.iter().map(model::summary).collect(), next))
    }

    async fn delete_model(
        &self,
        caller: &Caller,
        input: Input<ModelName>,
    ) -> Result<Document, Fault> {
        self.serves.models.delete(caller.owner(), &input.view.model_name).await?;
        Ok(Document::new())
    }

    async fn create_endpoint_config(
        &self,
        caller: &Caller,
        input: Input<EndpointConfigSpec>,
    ) -> Result<Document, Fault> {
        let Input { document, view } = input;
        let owner = caller.owner();
        unbuilt::refuse(EndpointConfig::KIND, &document, config::UNBUILT)?;
        config::check(&view)?;
        for variant in &view.production_variants {
            self.serves.variant(owner, variant.clone()).await?;
        }
        let kept = EndpointConfig { format: 1, request: Arc::unwrap_or_clone(document) };
        let name = &view.endpoint_config_name;
        let (_, writes) = Shelf::create(owner, name, &kept, &view.tags)?;
        self.serves.configs.commit(owner, writes).await?;
        Ok(one("EndpointConfigArn", Shelf::<EndpointConfig>::arn(owner, name)))
    }

    async fn describe_endpoint_config(
        &self,
        caller: &Caller,
        input: Input<EndpointConfigName>,
    ) -> Result<Document, Fault> {
        let name = &input.view.endpoint_config_name;
        let (record, kept) = self.serves.configs.get(caller.owner(), name).await?;
        Ok(config::describe(&record, kept))
    }

    async fn list_endpoint_configs(
        &self,
        caller: &Caller,
        input: Input<ListArguments>,
    ) -> Result<Document, Fault> {
        let (store, kind) = (self.serves.configs.store(), EndpointConfig::KIND);
        let (records, next) = record::page(store, caller.owner(), kind, &input.view).await?;
        let shown = records.iter().map(config::summary).collect();
        Ok(record::summaries("EndpointConfigs", shown, next))
    }

    async fn delete_endpoint_config(
        &self,
        caller: &Caller,
        input: Input<EndpointConfigName>,
    ) -> Result<Document, Fault> {
        self.serves.configs.delete(caller.owner(), &input.view.endpoint_config_name).await?;
        Ok(Document::new())
    }

    async fn create_endpoint(
        &self,
        caller: &Caller,
        input: Input<EndpointSpec>,
    ) -> Result<Document, Fault> {
        let Input { document, view } = input;
        let owner = caller.owner();
        let name = &view.endpoint_name;
        change::check_deployment(&document)?;
        let serving = self.serves.serving(owner, &view.endpoint_config_name).await?;
        let kept = Endpoint::new(serving);
        let (id, mut writes) = Shelf::create(owner, name, &kept, &view.tags)?;
        let key = Key::new(owner, EndpointConfig::KIND, &*view.endpoint_config_name);
        writes.push(Write::Require { key, state: Required::Present });
        let group = endpoint::log_group(name);
        self.logs.create_group(owner, &group).await.map_err(Fault::internal)?;
        self.holding.created(id);
        self.endpoints.commit(owner, writes).await?;
        self.wake.wake();
        Ok(one("EndpointArn", Shelf::<Endpoint>::arn(owner, name)))
    }

    async fn describe_endpoint(
        &self,
        caller: &Caller,
        input: Input<EndpointName>,
    ) -> Result<Document, Fault> {
        let (record, _) = self.endpoints.get(caller.owner(), &input.view.endpoint_name).await?;
        let settled = |record: &Record| record.due.is_none();
        let held = self.holding.first_look(self.endpoints.store(), caller, record, settled).await;
        let record = held.map_err(Fault::internal)?;
        Ok(endpoint::describe::describe(&record, &read(&record)?))
    }

    async fn list_endpoints(
        &self,
        caller: &Caller,
        input: Input<ListArguments>,
    ) -> Result<Document, Fault> {
        let (store, kind) = (self.endpoints.store(), Endpoint::KIND);
        let (records, next) = record::page(store, caller.owner(), kind, &input.view).await?;
        let show = |record: &Record| {
            readable(record).map(|endpoint| endpoint::describe::summary(record, &endpoint))
        };
        let shown = records.iter().filter_map(show).collect();
        Ok(record::summaries("Endpoints", shown, next))
    }

    async fn update_endpoint(
        &self,
        caller: &Caller,
        input: Input<EndpointSpec>,
    ) -> Result<Document, Fault> {
        let Input { document, view } = input;
        change::check_deployment(&document)?;
        let next = self.serves.serving(caller.owner(), &view.endpoint_config_name).await?;
        self.change_endpoint(caller.owner(), &view.endpoint_name, |endpoint| {
            Ok(change::retaining(&view, &endpoint.serving, next.clone()))
        })
        .await
    }

    async fn update_endpoint_weights_and_capacities(
        &self,
        caller: &Caller,
        input: Input<WeightsSpec>,
    ) -> Result<Document, Fault> {
        let WeightsSpec { endpoint_name, desired_weights_and_capacities: desired } = input.view;
        change::check_weights(&desired)?;
        self.change_endpoint(caller.owner(), &endpoint_name, |endpoint| {
            change::reweighted(&endpoint.serving, &desired)
        })
        .await
    }

    async fn delete_endpoint(
        &self,
        caller: &Caller,
        input: Input<EndpointName>,
    ) -> Result<Document, Fault> {
        let name = &input.view.endpoint_name;
        let record = self.endpoints.delete(caller.owner(), name).await?;
        self.machine.forget(&record).await;
        Ok(Document::new())
    }

    async fn create_transform_job(
        &self,
        caller: &Caller,
        input: Input<TransformJobSpec>,
    ) -> Result<Document, Fault> {
        let Input { document, view } = input;
        let owner = caller.owner();
        unbuilt::refuse(TransformJob::KIND, &document, transform::UNBUILT)?;
        let model = self.serves.variant(owner, variant_of(&view)).await?;
        let (_, stored) = self.serves.models.get(owner, &view.model_name).await?;
        let role = stored.role();
        let reader = role.as_deref().unwrap_or(&owner.principal);
        transform::check(owner, &view, reader, &*self.objects).await?;
        let request = Arc::unwrap_or_clone(document);
        let job = TransformJob::new(request, model, role, Timestamp::now());
        let (id, writes) = Shelf::create(owner, &view.transform_job_name, &job, &view.tags)?;
        self.holding.created(id);
        self.transforms.commit(owner, writes).await?;
        self.wake.wake();
        let arn = Shelf::<TransformJob>::arn(owner, &view.transform_job_name);
        Ok(one("TransformJobArn", arn))
    }

    async fn describe_transform_job(
        &self,
        caller: &Caller,
        input: Input<TransformJobName>,
    ) -> Result<Document, Fault> {
        let name = &input.view.transform_job_name;
        let (record, _) = self.transforms.get(caller.owner(), name).await?;
        let ended = |record: &Record| record.due.is_none();
        let held = self.holding.first_look(self.transforms.store(), caller, record, ended).await;
        let record = held.map_err(Fault::internal)?;
        Ok(transform::describe(&record, &read(&record)?))
    }

    async fn list_transform_jobs(
        &self,
        caller: &Caller,
        input: Input<ListArguments>,
    ) -> Result<Document, Fault> {
        let (store, kind) = (self.transforms.store(), TransformJob::KIND);
        let (records, next) = record::page(store, caller.owner(), kind, &input.view).await?;
        let show = |record: &Record| readable(record).map(|job| transform::summary(record, &job));
        let shown = records.iter().filter_map(show).collect();
        Ok(record::summaries("TransformJobSummaries", shown, next))
    }

    async fn stop_transform_job(
        &self,
        caller: &Caller,
        input: Input<TransformJobName>,
    ) -> Result<Document, Fault> {
        let name = &input.view.transform_job_name;
        let now = Timestamp::now();
        let change = |job: &mut TransformJob| job.life.ask_to_stop(TransformJob::KIND, now);
        self.transforms.update(caller.owner(), name, change).await?;
        self.wake.wake();
        Ok(Document::new())
    }
}

/// A transform's model, named as a variant names it.
fn variant_of(view: &TransformJobSpec) -> VariantSpec {
    VariantSpec {
        variant_name: String::new(),
        model_name: Some(view.model_name.clone()),
        instance_type: None,
        initial_instance_count: None,
        initial_variant_weight: None,
        serverless_config: None,
    }
}
