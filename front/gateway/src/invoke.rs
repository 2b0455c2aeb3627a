//! `InvokeEndpoint`, the hot way: route, scorer, answer. No document, no database, no copy.
//!
//! A small payload is scored where it arrived; a large one on the blocking pool, as many at a time
//! as there are cores, so that the reactor stays free.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use aws::Refusal;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
    request::Parts,
};
use platform::{
    routes::{Counts, Live, Meter, Route, RouteVariant},
    scorer::{Invocation, Rejection, Reply, Scorer},
};
use serde_json::json;
use types::{Caller, Owner};

use crate::{
    body::{Response, full},
    dialect::status_code,
    door::Door,
};

/// Scoring this much takes tens of microseconds; a hop to another thread costs as much.
const SCORE_INLINE: usize = 64 << 10;

/// `ModelError`'s status.
const MODEL_ERROR: u16 = 424;

/// What SageMaker's clients choose a variant with, and what they accept.
static TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
static SAGEMAKER_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-accept");
/// Tells which variant answered.
static INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");

/// Answers one invocation of `endpoint`.
pub async fn invoke(
    door: &Door,
    caller: &Caller,
    endpoint: &str,
    parts: &Parts,
    body: Bytes,
) -> Result<Response, Refusal> {
    let begun = Instant::now();
    let owner = caller.owner();
    let route = door.routes.find(&owner.account, &owner.region, endpoint);
    allow(door, caller, endpoint, route.as_deref())?;
    let route = route.ok_or_else(|| {
        let message = format!("Endpoint {endpoint} of account {} not found.", owner.account);
        refusal("ValidationError", 400, message)
    })?;
    let Route::Live(live) = &*route else {
        let message = format!("The model of endpoint {endpoint} is still being loaded. Try again.");
        return Err(refusal("ModelNotReadyException", 429, message));
    };
    let variant = choose(live, &parts.headers)?;
    let scoring = Instant::now();
    let outcome = score(door, &variant.scorer, &parts.headers, body).await;
    meter(&variant.meter, outcome.as_ref().err(), scoring.elapsed(), scoring - begun);
    Ok(match outcome {
        Ok(reply) => answer(reply, variant),
        Err(rejection) => model_error(&rejection, owner, endpoint),
    })
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
    door.access
        .allow(caller, "sagemaker:InvokeEndpoint", &arn, owner)
        .map_err(|denied| refusal("AccessDeniedException", 400, denied.to_string()))
}

fn choose<'a>(live: &'a Live, headers: &HeaderMap) -> Result<&'a RouteVariant, Refusal> {
    match text(headers, &TARGET_VARIANT) {
        Some(name) => live.named(name).ok_or_else(|| {
            let message = format!("Variant {name} not found for endpoint {}.", live.arn);
            refusal("ValidationError", 400, message)
        }),
        None => live.pick().ok_or_else(|| {
            let message = format!("Endpoint {} has no variant in service.", live.arn);
            refusal("ModelNotReadyException", 429, message)
        }),
    }
}

async fn score(
    door: &Door,
    scorer: &Arc<dyn Scorer>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let content_type = text(headers, &CONTENT_TYPE);
    let accept = text(headers, &SAGEMAKER_ACCEPT).or_else(|| text(headers, &ACCEPT));
    let outcome = if body.len() <= SCORE_INLINE {
        caught(&**scorer, Invocation { content_type, accept, body: &body })
    } else {
        let (content_type, accept) = (content_type.map(str::to_owned), accept.map(str::to_owned));
        let scorer = scorer.clone();
        let permit = door.scoring.clone().acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let (content_type, accept) = (content_type.as_deref(), accept.as_deref());
            caught(&*scorer, Invocation { content_type, accept, body: &body })
        });
        task.await.unwrap_or(None)
    };
    outcome.unwrap_or_else(|| {
        door.panicked("InvokeEndpoint");
        Err(Rejection { status: 500, message: "Internal Server Error".to_owned() })
    })
}

/// Nothing where the scorer panicked.
fn caught(scorer: &dyn Scorer, call: Invocation<'_>) -> Option<Result<Reply, Rejection>> {
    catch_unwind(AssertUnwindSafe(|| scorer.invoke(call))).ok()
}

fn meter(meter: &Meter, rejected: Option<&Rejection>, model: Duration, around: Duration) {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let failed = |server: bool| {
        let of_server = |rejected: &Rejection| rejected.status >= 500;
        u64::from(rejected.is_some_and(|rejected| of_server(rejected) == server))
    };
    meter.count(Counts {
        invocations: 1,
        client_errors: failed(false),
        server_errors: failed(true),
        model_micros: micros(model),
        overhead_micros: micros(around),
    });
}

fn answer(reply: Reply, variant: &RouteVariant) -> Response {
    let mut response = Response::new(full(reply.body));
    *response.status_mut() = status_code(reply.status);
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(reply.content_type) {
        headers.insert(CONTENT_TYPE, kind);
    }
    if let Ok(name) = HeaderValue::from_str(&variant.name) {
        headers.insert(&INVOKED_VARIANT, name);
    }
    response
}

/// AWS tells what the container answered, and where its log is.
fn model_error(rejection: &Rejection, owner: &Owner, endpoint: &str) -> Response {
    let Rejection { status, message } = rejection;
    let Owner { account, region, .. } = owner;
    let group = format!("/aws/sagemaker/Endpoints/{endpoint}");
    let side = if *status >= 500 { "server" } else { "client" };
    let sentence = format!(
        "Received {side} error ({status}) from primary with message \"{message}\". See \
         https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}\
         #logEventViewer:group={group} in account {account} for more information."
    );
    let body = json!({
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL",
        "LogStreamArn": format!("arn:aws:logs:{region}:{account}:log-group:{group}"),
        "Message": sentence,
        "OriginalMessage": message,
        "OriginalStatusCode": status,
    });
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status_code(MODEL_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static("ModelError"));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refusal(code: &'static str, status: u16, message: String) -> Refusal {
    Refusal { code, status, message }
}
