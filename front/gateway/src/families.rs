//! Who carries which operation out.

use std::{collections::HashMap, sync::Arc};

use api::Family;
use aws::{
    Refusal,
    model::{Models, Operation, Service},
};

/// AWS names a version by its first two numbers; so do we.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Every served operation.
pub struct Families(HashMap<(Service, &'static str), Arc<dyn Family>>);

impl Families {
    /// The operations of these families. Where two serve the same one, the last does.
    pub fn new(families: Vec<(Service, Arc<dyn Family>)>) -> Self {
        let served = families.into_iter().flat_map(|(service, family)| {
            let names = family.operations();
            names.iter().map(move |name| ((service, *name), family.clone()))
        });
        Self(served.collect())
    }

    /// Who serves an operation, or what a client is told: that AWS has none of that name, or that
    /// we do not serve it. Never 5xx, which clients would repeat.
    pub fn find(&self, service: Service, name: &str) -> Result<Served, Refusal> {
        let model = Models::get().service(service);
        let operation = model.operation(name).ok_or_else(|| unknown(service, name))?;
        let family = self.0.get(&(service, operation.name())).cloned();
        let family = family.ok_or_else(|| unsupported(operation.name()))?;
        Ok(Served { operation, family })
    }
}

/// An operation and who carries it out.
pub struct Served {
    /// What the model knows of it.
    pub operation: &'static Operation,
    /// Who does it.
    pub family: Arc<dyn Family>,
}

/// AWS has no such operation.
pub fn unknown(service: Service, name: &str) -> Refusal {
    let (code, message) = match service {
        Service::Sts | Service::Iam => {
            let version = Models::get().service(service).api_version();
            ("InvalidAction", format!("Could not find operation {name} for version {version}"))
        }
        Service::SageMaker | Service::SageMakerRuntime | Service::Logs | Service::CloudWatch => {
            ("UnknownOperationException", format!("There is no operation of the name '{name}'."))
        }
    };
    Refusal { code, status: 400, message }
}

/// AWS has it and we do not.
pub fn unsupported(name: &str) -> Refusal {
    let message = format!("{name} is not supported by Sagewright {VERSION}.");
    Refusal { code: "UnsupportedOperationException", status: 400, message }
}
