//! What a call may ask for that no endpoint here has: refused by name, for the answer of another
//! model than the one that was meant would look right.

use aws::Refusal;
use http::{HeaderMap, HeaderName};

use super::invalid;

/// What all of them begin with.
const FAMILY: &str = "x-amzn-sagemaker-";

/// Headers, and what is told of an endpoint to who sends them. The first in AWS's words, the others
/// in their manner.
static REFUSED: [(HeaderName, &str); 5] = [
    (
        HeaderName::from_static("x-amzn-sagemaker-target-model"),
        "is not a multi-model endpoint and does not support target model header.",
    ),
    (
        HeaderName::from_static("x-amzn-sagemaker-target-container-hostname"),
        "is not a multi-container endpoint and does not support target container hostname header.",
    ),
    (
        HeaderName::from_static("x-amzn-sagemaker-inference-component"),
        "has no inference components and does not support inference component name header.",
    ),
    (
        HeaderName::from_static("x-amzn-sagemaker-session-id"),
        "has no stateful sessions and does not support session id header.",
    ),
    (
        HeaderName::from_static("x-amzn-sagemaker-enable-explanations"),
        "has no explainer and does not support enable explanations header.",
    ),
];

/// Whether a call of `endpoint` asks for nothing of this.
pub fn check(endpoint: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    // Most calls have none of the family, and are not asked for each.
    if !headers.keys().any(|name| name.as_str().starts_with(FAMILY)) {
        return Ok(());
    }
    let asked = REFUSED.iter().find(|(name, _)| headers.contains_key(name));
    asked.map_or(Ok(()), |(_, why)| Err(invalid(format!("Endpoint {endpoint} {why}"))))
}
