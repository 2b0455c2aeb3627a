//! Models: what CreateModel keeps, and what is checked before.

use api::{
    Document, Fault, What,
    inference::{ContainerSpec, ModelSpec},
};
use platform::{
    objects::{Conditions, ObjectName, Objects},
    scorer::LoadModel,
    store::{Record, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{Owner, Timestamp};

use crate::record::{Kind, S3Uri, epoch, unsupported};

/// A model, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Model {
    /// The version of this form.
    pub format: u32,
    /// As the client sent it.
    pub request: Document,
}

impl Kind for Model {
    const KIND: &'static str = "model";

    fn missing(arn: &str) -> String {
        format!("Could not find model \"{arn}\".")
    }

    fn taken(arn: &str) -> String {
        format!("Cannot create already existing model \"{arn}\".")
    }

    fn state(&self, _: Timestamp) -> Result<State, serde_json::Error> {
        let body = serde_json::to_string(self)?;
        Ok(State { status: String::new(), due: None, body, detail: String::new() })
    }
}

impl Model {
    /// Whose rights it has.
    pub fn role(&self) -> Option<String> {
        self.request.get("ExecutionRoleArn").and_then(Value::as_str).map(str::to_owned)
    }

    /// The one container that serves it.
    pub fn container(&self) -> Result<ContainerSpec, Fault> {
        let spec = ModelSpec::deserialize(&self.request).map_err(Fault::internal)?;
        container(&spec).cloned()
    }
}

/// The one container of a model; chains of them are not built.
pub fn container(spec: &ModelSpec) -> Result<&ContainerSpec, Fault> {
    match (&spec.primary_container, &*spec.containers) {
        (Some(container), []) | (None, [container]) => Ok(container),
        (None, []) => {
            Err(invalid("Either PrimaryContainer or Containers must be given to create a model."))
        }
        (Some(_), [_, ..]) => Err(invalid("PrimaryContainer and Containers cannot both be given.")),
        (None, [_, _, ..]) => {
            Err(unsupported(Model::KIND, "A model of more than one container is not supported"))
        }
    }
}

/// Refuses what cannot be served here, and data that is not there.
pub async fn check(
    owner: &Owner,
    container: &ContainerSpec,
    loader: &dyn LoadModel,
    objects: &dyn Objects,
) -> Result<(), Fault> {
    if container.mode.as_deref() == Some("MultiModel") {
        return Err(unsupported(Model::KIND, "Mode MultiModel is not supported"));
    }
    let image = container.image.as_deref().unwrap_or_default();
    if !loader.serves(image) {
        let what = format!(
            "Serving with the image {image} is not supported: it is none of the built-in \
             algorithms that are served here (xgboost)"
        );
        return Err(unsupported(Model::KIND, &what));
    }
    let uri = data(container)?;
    let missing = || invalid(format!("Could not find model data at {uri}."));
    match objects
        .head(owner, ObjectName::current(&uri.bucket, &uri.key), &Conditions::default(), None)
        .await
    {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => Err(missing()),
    }
}

/// Where a container's model is.
pub fn data(container: &ContainerSpec) -> Result<S3Uri, Fault> {
    let url = container.model_data_url.as_deref();
    let url = url.ok_or_else(|| invalid("ModelDataUrl must be given."))?;
    url.parse().map_err(invalid)
}

/// What DescribeModel shows.
pub fn describe(record: &Record, model: Model) -> Document {
    let mut shown = model.request;
    shown.remove("Tags");
    shown.insert("ModelArn".to_owned(), json!(record.arn));
    shown.insert("CreationTime".to_owned(), epoch(record.created));
    shown.entry("EnableNetworkIsolation").or_insert(Value::Bool(false));
    shown
}

/// A model in a list.
pub fn summary(record: &Record) -> Value {
    json!({
        "ModelName": record.key.name,
        "ModelArn": record.arn,
        "CreationTime": epoch(record.created),
    })
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, Model::KIND, message)
}
