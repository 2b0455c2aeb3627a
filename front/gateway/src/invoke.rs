//! `InvokeEndpoint`, the hot way: route, scorer, answer. No document, no database, no copy.

mod model_error;
mod score;
mod targets;

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use aws::{
    Refusal,
    model::{Models, Service},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use platform::{
    routes::{Counts, Live, Route, RouteVariant},
    scorer::{Rejection, Reply},
};
use types::{Caller, Document};

use crate::{
    body::{Response, full},
    dialect::status_code,
    door::{Door, Room, busy},
};
use score::{Scored, score};

/// What SageMaker's clients choose a variant with.
static TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
/// Tells which variant answered.
static INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");

/// One invocation but its payload.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// Which endpoint.
    pub endpoint: &'a str,
    /// How.
    pub headers: &'a HeaderMap,
    /// When its head was there.
    pub begun: Instant,
}

/// Answers one invocation.
pub async fn invoke(door: &Door, call: Call<'_>, body: Bytes) -> Result<Response, Refusal> {
    let Call { caller, endpoint, headers, begun } = call;
    let owner = caller.owner();
    let route = door.routes.find(&owner.account, &owner.region, endpoint);
    if route.is_none() {
        well_formed(endpoint)?;
    }
    allow(door, caller, endpoint, route.as_deref())?;
    let route = route.ok_or_else(|| {
        invalid(format!("Endpoint {endpoint} of account {} not found.", owner.account))
    })?;
    let Route::Live(live) = &*route else {
        let message = format!("The model of endpoint {endpoint} is still being loaded. Try again.");
        return Err(not_ready(message));
    };
    targets::check(endpoint, headers)?;
    let variant = choose(live, headers)?;
    let Scored { outcome, took, room } =
        score(door, &variant.scorer, headers, body).await.ok_or_else(busy)?;
    let outcome = outcome.unwrap_or_else(|| {
        door.panicked("InvokeEndpoint");
        Err(Rejection::panicked())
    });
    variant.meter.count(counts(outcome.as_ref().err(), took, begun.elapsed()));
    Ok(match outcome {
        Ok(reply) => answer(reply, room, variant),
        Err(rejection) => {
            variant.meter.refuse(&rejection);
            model_error::response(&rejection, owner, endpoint)
        }
    })
}

/// Asked only of a name that no endpoint has: those that are there were checked when they were made.
fn well_formed(endpoint: &str) -> Result<(), Refusal> {
    let model = Models::get().service(Service::SageMakerRuntime);
    let document = Document::from_iter([("EndpointName".to_owned(), endpoint.into())]);
    let checked = model.operation("InvokeEndpoint").map_or(Ok(()), |it| it.validate(&document));
    checked.map_err(|error| invalid(error.to_string()))
}

/// Asked before anything is told of the endpoint. One that is live brings its ARN.
fn allow(
    door: &Door,
    caller: &Caller,
    endpoint: &str,
    route: Option<&Route>,
) -> Result<(), Refusal> {
    let owner = caller.owner();
    let arn = match route {
        Some(Route::Live(live)) => Cow::Borrowed(&*live.arn),
        Some(Route::NotReady) | None => {
            let name = endpoint.to_ascii_lowercase();
            Cow::Owned(owner.arn("sagemaker", &format!("endpoint/{name}")))
        }
    };
    door.access.allow(caller, "sagemaker:InvokeEndpoint", &arn, owner).map_err(|denied| Refusal {
        code: "AccessDeniedException",
        status: 400,
        message: denied.to_string(),
    })
}

fn choose<'a>(live: &'a Live, headers: &HeaderMap) -> Result<&'a RouteVariant, Refusal> {
    match text(headers, &TARGET_VARIANT) {
        Some(name) => live
            .named(name)
            .ok_or_else(|| invalid(format!("Variant {name} not found for endpoint {}.", live.arn))),
        None => live
            .pick()
            .ok_or_else(|| not_ready(format!("Endpoint {} has no variant in service.", live.arn))),
    }
}

/// `model` is the time in the model, `whole` that of the request until its answer was there.
fn counts(rejected: Option<&Rejection>, model: Duration, whole: Duration) -> Counts {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let of_server = rejected.map(|rejected| rejected.status >= model_error::SERVER_ERRORS);
    Counts {
        invocations: 1,
        client_errors: u64::from(of_server == Some(false)),
        server_errors: u64::from(of_server == Some(true)),
        model_micros: micros(model),
        overhead_micros: micros(whole.saturating_sub(model)),
    }
}

/// A reply and its place in memory, until it is sent.
struct Held {
    reply: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.reply
    }
}

fn answer(reply: Reply, room: Option<Room>, variant: &RouteVariant) -> Response {
    let Reply { status, content_type, body } = reply;
    let body = match room {
        Some(room) => Bytes::from_owner(Held { reply: body, _room: room }),
        None => body.into(),
    };
    let mut response = Response::new(full(body));
    *response.status_mut() = status_code(status);
    let headers = response.headers_mut();
    let kind = match content_type {
        Cow::Borrowed(kind) => Ok(HeaderValue::from_static(kind)),
        Cow::Owned(kind) => HeaderValue::try_from(kind),
    };
    if let Ok(kind) = kind {
        headers.insert(CONTENT_TYPE, kind);
    }
    if let Ok(name) = HeaderValue::from_str(&variant.name) {
        headers.insert(&INVOKED_VARIANT, name);
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn invalid(message: String) -> Refusal {
    Refusal { code: "ValidationError", status: 400, message }
}

fn not_ready(message: String) -> Refusal {
    Refusal { code: "ModelNotReadyException", status: 429, message }
}
