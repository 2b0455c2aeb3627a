//! The control plane: from a verified request to a handler and back.
//!
//! A handler that only reads lives as long as its client waits. One that writes is let finish, so
//! that a client's going never leaves half a change behind.

use std::{any::Any, borrow::Cow, error::Error, iter, panic::AssertUnwindSafe, sync::Arc};

use api::Fault;
use aws::{
    Refusal,
    form::Form,
    json,
    model::{Invalid, Models, Operation, Service, query},
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, request::Parts};
use types::{Caller, Document};

use crate::{
    body::Response, destination::prefix, dialect::Dialect, door::Door, families::Served,
    visit::Visit,
};

/// Operations that begin so change nothing.
const READING: [&str; 6] = ["Describe", "List", "Get", "Search", "Filter", "Simulate"];

/// A verified request for a service that speaks in documents.
pub struct Call<'a> {
    /// Who asks.
    pub caller: Caller,
    /// Its head.
    pub parts: &'a Parts,
    /// Its body, whole.
    pub body: Bytes,
    /// How it is answered.
    pub dialect: Dialect,
}

/// The operation stands in the target.
pub async fn json(
    door: &Arc<Door>,
    call: Call<'_>,
    service: Service,
    operation: &str,
    visit: &mut Visit,
) -> Result<Response, Refusal> {
    let served = door.families.find(service, operation)?;
    visit.operation = served.operation.name();
    let document = json::parse(&call.body).map_err(malformed)?;
    perform(door, &call, service, served, document).await
}

/// The operation stands in the form, or in the query of a GET.
pub async fn query(
    door: &Arc<Door>,
    call: Call<'_>,
    service: Service,
    visit: &mut Visit,
) -> Result<Response, Refusal> {
    let raw = if call.parts.method == Method::GET {
        call.parts.uri.query().unwrap_or("").as_bytes()
    } else {
        &call.body
    };
    let form = Form::parse(raw).map_err(malformed)?;
    let action =
        form.action().ok_or_else(|| refusal("MissingAction", "The form has no Action."))?;
    let served = door.families.find(service, action)?;
    visit.operation = served.operation.name();
    let document = query::decode(served.operation, &form);
    let document = document.map_err(|error| invalid(&error, call.dialect))?;
    perform(door, &call, service, served, document).await
}

async fn perform(
    door: &Arc<Door>,
    call: &Call<'_>,
    service: Service,
    served: Served,
    document: Document,
) -> Result<Response, Refusal> {
    let operation = served.operation;
    operation.validate(&document).map_err(|error| invalid(&error, call.dialect))?;
    let document = Arc::new(operation.clean_input(document));
    allow(door, &call.caller, service, operation, call.dialect)?;
    let output = carry_out(door, call.caller.clone(), served, document).await?;
    let output = operation.filter_output(output);
    Ok(call.dialect.answer(operation, &output, call.caller.request_id()))
}

/// Which resource is meant the service knows; the door asks for the action as such.
fn allow(
    door: &Door,
    caller: &Caller,
    service: Service,
    operation: &Operation,
    dialect: Dialect,
) -> Result<(), Refusal> {
    let action = format!("{}:{}", prefix(service), operation.name());
    door.access.allow(caller, &action, "*", caller.owner()).map_err(|denied| {
        let (code, status) = match dialect {
            Dialect::Json { .. } => ("AccessDeniedException", 400),
            Dialect::Query(_) | Dialect::S3 => ("AccessDenied", 403),
        };
        Refusal { code, status, message: denied.to_string() }
    })
}

async fn carry_out(
    door: &Arc<Door>,
    caller: Caller,
    served: Served,
    document: Arc<Document>,
) -> Result<Document, Refusal> {
    let name = served.operation.name();
    let reads = READING.iter().any(|prefix| name.starts_with(prefix));
    let (family, id) = (served.family.clone(), caller.request_id());
    let handler = async move {
        AssertUnwindSafe(served.family.call(&caller, name, document)).catch_unwind().await
    };
    let outcome = if reads {
        handler.await
    } else {
        let occupant = door.occupant();
        let task = tokio::spawn(async move {
            let outcome = handler.await;
            drop(occupant);
            outcome
        });
        task.await.unwrap_or_else(|ended| Err(Box::new(ended) as Box<dyn Any + Send>))
    };
    let outcome = outcome.unwrap_or_else(|_panic| {
        door.panicked(name);
        Err(Fault::internal("a panic in a handler"))
    });
    outcome.map_err(|fault| {
        let (code, status) = family.code(&fault);
        if status >= 500 {
            log_causes(&id.hyphenated(), name, &fault);
        }
        Refusal { code, status, message: fault.message }
    })
}

fn log_causes(id: &str, operation: &str, fault: &Fault) {
    let chain = iter::successors(fault.source(), |cause| (*cause).source());
    let causes = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::error!(id, operation, causes, "a handler failed");
}

fn invalid(error: &Invalid, dialect: Dialect) -> Refusal {
    let code = match dialect {
        Dialect::Query(_) => error.query_code(),
        Dialect::Json { .. } | Dialect::S3 => error.code(),
    };
    refusal(code, error)
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    refusal("SerializationException", error)
}

fn refusal(code: &'static str, message: impl std::fmt::Display) -> Refusal {
    Refusal { code, status: 400, message: message.to_string() }
}

/// An operation of the runtime by its path: its name, and the endpoint it is for.
pub fn runtime_operation(parts: &Parts) -> Option<(&'static Operation, Cow<'_, str>)> {
    let model = Models::get().service(Service::SageMakerRuntime);
    let (operation, params) = model.route(parts.method.as_str(), parts.uri.path())?;
    let endpoint = params.into_iter().find(|(name, _)| *name == "EndpointName");
    Some((operation, endpoint.map(|(_, value)| value).unwrap_or_default()))
}
