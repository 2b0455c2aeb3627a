//! The services whose models we hold.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use super::{Operation, load, rest};
use crate::wire::Protocol;

/// A service that speaks in documents. S3 does not, and is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// The control plane.
    SageMaker,
    /// `InvokeEndpoint` and its kin.
    SageMakerRuntime,
    /// Identities and temporary credentials.
    Sts,
    /// Roles and policies.
    Iam,
    /// CloudWatch Logs.
    Logs,
    /// CloudWatch metrics; signs as `monitoring`.
    CloudWatch,
}

macro_rules! packed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".json.gz"))
    };
}

impl Service {
    /// Every service there is.
    pub const ALL: [Self; 6] = [
        Self::SageMaker,
        Self::SageMakerRuntime,
        Self::Sts,
        Self::Iam,
        Self::Logs,
        Self::CloudWatch,
    ];

    fn packed(self) -> &'static [u8] {
        match self {
            Self::SageMaker => packed!("sagemaker"),
            Self::SageMakerRuntime => packed!("sagemaker-runtime"),
            Self::Sts => packed!("sts"),
            Self::Iam => packed!("iam"),
            Self::Logs => packed!("logs"),
            Self::CloudWatch => packed!("cloudwatch"),
        }
    }
}

/// All models; each is loaded when first asked for.
pub struct Models([OnceLock<ServiceModel>; Service::ALL.len()]);

static MODELS: Models = Models([const { OnceLock::new() }; Service::ALL.len()]);

impl Models {
    /// The one set there is.
    #[must_use]
    pub fn get() -> &'static Self {
        &MODELS
    }

    /// A service's model.
    ///
    /// # Panics
    /// Where the model in this program is broken, which the tests of this crate would have found.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the models are our own and the tests load each")]
    pub fn service(&self, service: Service) -> &ServiceModel {
        self.0[service as usize].get_or_init(|| {
            let loaded = load::load(service.packed()).expect("our own model is sound");
            ServiceModel { metadata: loaded.metadata, operations: loaded.operations }
        })
    }
}

/// Decoded parameters of a path, by member name.
pub type Parameters<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// What one service is.
pub struct ServiceModel {
    metadata: load::Metadata<'static>,
    operations: HashMap<&'static str, Operation>,
}

impl ServiceModel {
    /// An operation by name; present for every name that AWS knows, shaped or not.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// Every operation, in no order.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// The service name in a signature's scope.
    #[must_use]
    pub fn signing_name(&self) -> &'static str {
        self.metadata.signing_name.unwrap_or(self.metadata.endpoint_prefix)
    }

    /// `SageMaker` of `X-Amz-Target: SageMaker.CreateModel`; nothing for query and REST.
    #[must_use]
    pub fn target_prefix(&self) -> Option<&'static str> {
        self.metadata.target_prefix
    }

    /// `2017-07-24`.
    #[must_use]
    pub fn api_version(&self) -> &'static str {
        self.metadata.api_version
    }

    /// What its clients speak first, of what we speak: CloudWatch's also speak
    /// [`Protocol::Query`], and CBOR, which we do not.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        let speaks = |name| self.metadata.protocols.contains(&name);
        match self.metadata.json_version {
            _ if speaks("rest-json") => Protocol::RestJson,
            Some("1.0") if speaks("json") => Protocol::Json10,
            Some(_) if speaks("json") => Protocol::Json11,
            _ => Protocol::Query,
        }
    }

    /// The operation of a REST-JSON path, and the path's decoded parameters by member name.
    #[must_use]
    pub fn route<'a>(&self, method: &str, path: &'a str) -> Option<(&Operation, Parameters<'a>)> {
        self.operations()
            .find_map(|operation| Some((operation, rest::bind(operation, method, path)?)))
    }

    pub(super) fn xml_namespace(&self) -> &'static str {
        self.metadata.xml_namespace.unwrap_or_default()
    }
}
