//! Where a request belongs, by its host, its signature's scope and its target: by its path only
//! where nobody signed it and S3 has no such operation, for a bucket may be called `endpoints`.

use aws::{
    model::{Models, Service},
    wire::Protocol,
};
use http::{HeaderName, Method, header::CONTENT_TYPE, request::Parts};

use crate::{control::runtime_operation, dialect::Dialect, host::Host};

/// Under this stands what is no AWS call: no bucket's name may begin with an underscore.
const OURS: &str = "/_/";

/// Names the operation of services that speak JSON.
static TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Our own pages.
    Ours,
    /// The SDK's reports of use: answered, not kept.
    Telemetry,
    /// S3, with the bucket that the host names.
    S3(Option<String>),
    /// The operation stands in `X-Amz-Target`.
    Json(Service, String),
    /// The operation stands in the form.
    Query(Service),
    /// The operation is method and path of SageMaker's runtime.
    Runtime,
    /// Another service of AWS, by the name it signs as.
    Foreign(String),
}

impl Destination {
    /// `scope` is the service that the signature names, if there is one.
    pub fn of(parts: &Parts, host: &Host, scope: Option<&str>) -> Self {
        let ours = parts.uri.path().starts_with(OURS) || parts.uri.path() == "/_";
        if ours && !host.is_aws() {
            return Self::Ours;
        }
        if scope.is_none() && parts.method == Method::GET && host.is_telemetry() {
            return Self::Telemetry;
        }
        if let Some(destination) = by_target(parts) {
            return destination;
        }
        match scope {
            Some("s3") => Self::S3(host.s3().flatten()),
            Some("sagemaker") => Self::Runtime,
            Some("sts") => Self::Query(Service::Sts),
            Some("iam") => Self::Query(Service::Iam),
            Some("monitoring") => Self::Query(Service::CloudWatch),
            Some(other) => Self::Foreign(other.to_owned()),
            None if is_form(parts) => Self::Query(Service::Sts),
            None if invokes(parts, host) => Self::Runtime,
            None => Self::S3(host.s3().flatten()),
        }
    }

    /// How it writes.
    pub fn dialect(&self, parts: &Parts) -> Dialect {
        match self {
            Self::Json(service, _) => {
                let mode = parts.headers.get("x-amzn-query-mode");
                let query_mode = mode.is_some_and(|mode| mode == "true");
                let protocol = Models::get().service(*service).protocol();
                Dialect::Json { protocol, query_mode }
            }
            Self::Runtime => Dialect::Json { protocol: Protocol::RestJson, query_mode: false },
            Self::Query(service) => Dialect::Query(*service),
            Self::Foreign(_) if is_form(parts) => Dialect::Query(Service::Sts),
            Self::Ours | Self::Telemetry | Self::Foreign(_) => crate::dialect::PLAIN,
            Self::S3(_) => Dialect::S3,
        }
    }

    /// What its requests must be signed for; anything for those whose model we do not hold.
    pub fn signing_name(&self) -> Option<&'static str> {
        match self {
            Self::S3(_) => Some("s3"),
            Self::Json(service, _) | Self::Query(service) => {
                Some(Models::get().service(*service).signing_name())
            }
            Self::Runtime => Some("sagemaker"),
            Self::Ours | Self::Telemetry | Self::Foreign(_) => None,
        }
    }

    /// For log and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Ours => "gateway",
            Self::Telemetry => "telemetry",
            Self::S3(_) => "s3",
            Self::Json(service, _) | Self::Query(service) => prefix(*service),
            Self::Runtime => "sagemaker-runtime",
            Self::Foreign(_) => "foreign",
        }
    }
}

/// What stands before the colon of a service's actions in policies.
pub fn prefix(service: Service) -> &'static str {
    match service {
        Service::SageMaker | Service::SageMakerRuntime => "sagemaker",
        Service::Sts => "sts",
        Service::Iam => "iam",
        Service::Logs => "logs",
        Service::CloudWatch => "cloudwatch",
    }
}

/// The service whose prefix the target has. A target of no service that we know is left to the
/// signature's scope, which names it.
fn by_target(parts: &Parts) -> Option<Destination> {
    let target = parts.headers.get(&TARGET)?.to_str().ok()?;
    let (prefix, operation) = target.rsplit_once('.')?;
    let services = [Service::SageMaker, Service::Logs, Service::CloudWatch];
    let service = services
        .into_iter()
        .find(|service| Models::get().service(*service).target_prefix() == Some(prefix))?;
    Some(Destination::Json(service, operation.to_owned()))
}

/// Whether nobody but the runtime can be meant: S3 takes no POST without a query but a form's, which
/// goes to a bucket.
fn invokes(parts: &Parts, host: &Host) -> bool {
    parts.method == Method::POST
        && parts.uri.query().is_none()
        && host.s3().is_none()
        && runtime_operation(parts).is_some()
}

fn is_form(parts: &Parts) -> bool {
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn of(uri: &str, host: &str, target: Option<&str>, scope: Option<&str>) -> Destination {
        sent(Request::get(uri), host, target, scope)
    }

    fn sent(
        mut request: http::request::Builder,
        host: &str,
        target: Option<&str>,
        scope: Option<&str>,
    ) -> Destination {
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Destination::of(&parts, &Host::parse(host).unwrap(), scope)
    }

    #[test]
    fn what_is_signed_for_s3_goes_to_s3_whatever_its_path() {
        for path in ["/endpoints/x/invocations", "/FeatureGroup/x", "/bucket/_/x"] {
            assert_eq!(of(path, "localhost", None, Some("s3")), Destination::S3(None));
        }
    }

    #[test]
    fn our_pages_never_hide_a_key_of_a_bucket_that_the_host_names() {
        assert_eq!(of("/_/metrics", "localhost", None, None), Destination::Ours);
        let bucket = Destination::S3(Some("b".to_owned()));
        assert_eq!(of("/_/metrics", "b.s3.us-east-1.amazonaws.com", None, Some("s3")), bucket);
    }

    #[test]
    fn a_target_names_its_service_before_the_scope_does() {
        let wanted = Destination::Json(Service::SageMaker, "CreateModel".to_owned());
        for scope in [None, Some("s3"), Some("sagemaker")] {
            assert_eq!(of("/", "localhost", Some("SageMaker.CreateModel"), scope), wanted);
        }
        assert_eq!(wanted.signing_name(), Some("sagemaker"));
    }

    #[test]
    fn what_nobody_signed_is_s3s() {
        assert_eq!(of("/bucket/key", "localhost", None, None), Destination::S3(None));
    }

    #[test]
    fn an_invocation_that_nobody_signed_is_the_runtimes() {
        let post = |uri: &str, host: &str| sent(Request::post(uri), host, None, None);
        let uri = "/endpoints/x/invocations";
        assert_eq!(post(uri, "localhost"), Destination::Runtime);
        assert_eq!(post(&format!("{uri}?uploads"), "localhost"), Destination::S3(None));
        assert_eq!(post("/endpoints", "localhost"), Destination::S3(None));
        let bucket = Destination::S3(Some("b".to_owned()));
        assert_eq!(post(uri, "b.s3.us-east-1.amazonaws.com"), bucket);
    }

    #[test]
    fn reports_of_use_are_recognised_by_their_exact_host() {
        let host = "sm-pysdk-t-us-west-2.s3.us-west-2.amazonaws.com";
        assert_eq!(of("/telemetry?x-accountId=1", host, None, None), Destination::Telemetry);
        let bucket = Destination::S3(Some("sm-pysdk-t-us-west-2".to_owned()));
        assert_eq!(of("/telemetry", host, None, Some("s3")), bucket);
    }
}
