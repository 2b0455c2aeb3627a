//! What a host name says of a request: one of AWS's that we stand in for, and which bucket.
//!
//! Names are judged without their port and without regard to case. A name that merely contains an
//! AWS name (`amazonaws.com.evil.org`) is none.

use http::uri::Authority;

use crate::regions;

/// The suffixes that we answer for behind CONNECT: AWS itself, China, Studio and MLflow apps.
const AWS_SUFFIXES: [&str; 4] =
    [".amazonaws.com", ".amazonaws.com.cn", ".sagemaker.aws", ".app.aws"];

/// Buckets that the SageMaker SDK reports its use to, before the dash and the region.
const TELEMETRY_BUCKETS: [&str; 2] = ["sm-pysdk-t", "dev-exp-t"];

/// A host name without its port, lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads `name`, `name:port` or `[v6]:port`; nothing where it is none of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::plain(text).or_else(|| Self::any(text))
    }

    /// Reads the usual: lower-case letters, digits, dots and dashes, and digits behind a colon.
    fn plain(text: &str) -> Option<Self> {
        let (name, port) = match text.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (name, Some(port.parse().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let usual = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        let plain = !name.is_empty() && name.bytes().all(usual);
        plain.then(|| Self { name: name.to_owned(), port })
    }

    fn any(text: &str) -> Option<Self> {
        if text.contains('@') {
            return None;
        }
        let authority: Authority = text.parse().ok()?;
        let name = authority.host().to_ascii_lowercase();
        let port = authority.port_u16();
        let portless = name.len() == text.len();
        (!name.is_empty() && (portless || port.is_some())).then_some(Self { name, port })
    }

    /// The name alone; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port where one stands there.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// One of the names that we answer for.
    #[must_use]
    pub fn is_aws(&self) -> bool {
        AWS_SUFFIXES
            .iter()
            .any(|suffix| self.name.strip_suffix(suffix).is_some_and(|left| !left.is_empty()))
    }

    /// A name of S3, and the bucket in it: `Some(None)` for `s3.us-east-1.amazonaws.com`.
    #[must_use]
    pub fn s3(&self) -> Option<Option<String>> {
        let left = self.name.strip_suffix(".cn").unwrap_or(&self.name);
        let mut labels: Vec<&str> = left.strip_suffix(".amazonaws.com")?.split('.').collect();
        if labels.last().is_some_and(|label| regions::known(label)) {
            labels.pop();
        }
        if labels.last() == Some(&"dualstack") {
            labels.pop();
        }
        let service = labels.pop()?;
        let dashed = service.strip_prefix("s3-").is_some_and(regions::known);
        if service != "s3" && service != "s3-accelerate" && !dashed {
            return None;
        }
        Some(Some(labels.join(".")).filter(|bucket| !bucket.is_empty()))
    }

    /// A bucket that takes reports of use; nothing of them is kept or passed on.
    #[must_use]
    pub fn is_telemetry(&self) -> bool {
        let Some(Some(bucket)) = self.s3() else { return false };
        TELEMETRY_BUCKETS.iter().any(|prefix| {
            let region = bucket.strip_prefix(prefix).and_then(|left| left.strip_prefix('-'));
            region.is_some_and(regions::known)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn a_name_that_only_contains_an_aws_name_is_none() {
        assert!(host("sts.us-east-1.amazonaws.com").is_aws());
        assert!(host("API.SageMaker.us-west-2.AmazonAWS.com:443").is_aws());
        assert!(host("eu-west-1.experiments.sagemaker.aws").is_aws());
        for other in ["amazonaws.com.evil.org", "evilamazonaws.com", ".amazonaws.com", "localhost"]
        {
            assert!(Host::parse(other).is_none_or(|host| !host.is_aws()), "{other}");
        }
    }

    #[test]
    fn the_bucket_stands_before_s3_and_may_have_dots() {
        for (name, bucket) in [
            ("s3.amazonaws.com", Some(None)),
            ("s3.eu-west-1.amazonaws.com", Some(None)),
            ("s3-eu-west-1.amazonaws.com", Some(None)),
            ("b.s3.amazonaws.com", Some(Some("b"))),
            ("a.b.s3.eu-west-1.amazonaws.com", Some(Some("a.b"))),
            ("b.s3.dualstack.eu-west-1.amazonaws.com", Some(Some("b"))),
            ("b.s3.cn-north-1.amazonaws.com.cn", Some(Some("b"))),
            ("sts.eu-west-1.amazonaws.com", None),
            ("127.0.0.1", None),
        ] {
            let wanted = bucket.map(|bucket| bucket.map(str::to_owned));
            assert_eq!(host(name).s3(), wanted, "{name}");
        }
    }

    #[test]
    fn only_the_sdks_own_buckets_are_telemetry() {
        assert!(host("sm-pysdk-t-us-west-2.s3.us-west-2.amazonaws.com").is_telemetry());
        assert!(!host("sm-pysdk-t-mine.s3.us-west-2.amazonaws.com").is_telemetry());
        assert!(!host("mine.s3.us-west-2.amazonaws.com").is_telemetry());
    }

    #[test]
    fn user_names_and_bad_ports_are_no_hosts() {
        for text in ["a@b", "a:", "a:port", "a:99999", "", "a b", "a/b"] {
            assert_eq!(Host::parse(text), None, "{text}");
        }
        assert_eq!(host("[::1]:4599").name(), "[::1]");
    }

    proptest! {
        #[test]
        fn the_usual_is_read_as_anything_is(text in "[a-b0-1.A:@-]{0,6}(:[0-9]{0,6})?") {
            if let Some(host) = Host::plain(&text) {
                prop_assert_eq!(Some(host), Host::any(&text));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,80}") {
            if let Some(host) = Host::parse(&text) {
                let _ = (host.is_aws(), host.s3(), host.is_telemetry());
            }
        }
    }
}
