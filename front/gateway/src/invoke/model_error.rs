//! `ModelError`: what the container answered, and where its log is.

use http::{HeaderValue, header::CONTENT_TYPE};
use platform::scorer::Rejection;
use serde_json::json;
use types::Owner;

use crate::{
    body::{Response, full},
    dialect::status_code,
    regions,
};

const STATUS: u16 = 424;

/// From here on a status says that the container failed, not its caller.
pub const SERVER_ERRORS: u16 = 500;

/// A model's refusal as the runtime tells it.
pub fn response(rejection: &Rejection, owner: &Owner, endpoint: &str) -> Response {
    let Rejection { status, message } = rejection;
    let Owner { account, region, .. } = owner;
    let group = format!("/aws/sagemaker/Endpoints/{endpoint}");
    let client = *status < SERVER_ERRORS;
    let side = if client { "client" } else { "server" };
    let sentence = format!(
        "Received {side} error ({status}) from primary with message \"{message}\". See \
         https://{}/cloudwatch/home?region={region}#logEventViewer:group={group} in account \
         {account} for more information.",
        regions::console(region)
    );
    let mut body = json!({
        "LogStreamArn": owner.arn("logs", &format!("log-group:{group}")),
        "Message": sentence,
        "OriginalMessage": message,
        "OriginalStatusCode": status,
    });
    // AWS's word for failures of the container itself is not known to us.
    if client {
        body["ErrorCode"] = "CLIENT_ERROR_FROM_MODEL".into();
    }
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status_code(STATUS);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static("ModelError"));
    response
}
