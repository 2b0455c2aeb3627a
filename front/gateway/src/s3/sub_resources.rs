//! Which parts of buckets and objects have operations of their own, and by which methods.
//!
//! `s3s` names an operation by the sub-resource if it knows one for the method, and else takes the
//! request for one about the whole: `DELETE /bucket?policyStatus` would remove the bucket. So what
//! is no operation is refused here, before `s3s` sees it.

use http::{Method, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;

use super::errors::Refused;

/// The methods of a sub-resource: what is served, and what is S3's and not served.
struct Methods {
    served: &'static [&'static str],
    refused: &'static [&'static str],
}

struct SubResource {
    name: &'static str,
    bucket: Methods,
    object: Methods,
}

const NONE: Methods = served(&[]);

const fn served(methods: &'static [&'static str]) -> Methods {
    Methods { served: methods, refused: &[] }
}

const fn refused(methods: &'static [&'static str]) -> Methods {
    Methods { served: &[], refused: methods }
}

const fn of_bucket(name: &'static str, bucket: Methods) -> SubResource {
    SubResource { name, bucket, object: NONE }
}

const fn of_object(name: &'static str, object: Methods) -> SubResource {
    SubResource { name, bucket: NONE, object }
}

const fn of_both(name: &'static str, bucket: Methods, object: Methods) -> SubResource {
    SubResource { name, bucket, object }
}

/// Read and answered truthfully (nothing is set), never written.
const fn unset(writes: &'static [&'static str]) -> Methods {
    Methods { served: &["GET"], refused: writes }
}

const ALL: Methods = served(&["GET", "PUT", "DELETE"]);

const SUB_RESOURCES: [SubResource; 39] = [
    of_bucket("abac", refused(&["GET", "PUT"])),
    of_bucket("accelerate", unset(&["PUT"])),
    of_both("acl", served(&["GET", "PUT"]), served(&["GET", "PUT"])),
    of_bucket("analytics", refused(&["GET", "PUT", "DELETE"])),
    of_object("append", refused(&["PUT"])),
    of_object("attributes", served(&["GET"])),
    of_bucket("cors", ALL),
    of_bucket("delete", served(&["POST"])),
    of_both("encryption", ALL, refused(&["PUT"])),
    of_bucket("intelligent-tiering", refused(&["GET", "PUT", "DELETE"])),
    of_bucket("inventory", refused(&["GET", "PUT", "DELETE"])),
    of_object("legal-hold", refused(&["GET", "PUT"])),
    of_bucket("lifecycle", ALL),
    of_bucket("location", served(&["GET"])),
    of_bucket("logging", unset(&["PUT"])),
    of_bucket("metadataConfiguration", refused(&["GET", "POST", "DELETE"])),
    of_bucket("metadataInventoryTable", refused(&["PUT"])),
    of_bucket("metadataJournalTable", refused(&["PUT"])),
    of_bucket("metadataTable", refused(&["GET", "POST", "DELETE"])),
    of_bucket("metrics", refused(&["GET", "PUT", "DELETE"])),
    of_bucket("notification", unset(&["PUT"])),
    of_bucket("object-lock", unset(&["PUT"])),
    of_bucket("ownershipControls", ALL),
    of_bucket("policy", ALL),
    of_bucket("policyStatus", served(&["GET"])),
    of_bucket("publicAccessBlock", ALL),
    of_object("renameObject", refused(&["PUT"])),
    of_bucket("replication", unset(&["PUT", "DELETE"])),
    of_bucket("requestPayment", unset(&["PUT"])),
    of_object("restore", refused(&["POST"])),
    of_object("retention", refused(&["GET", "PUT"])),
    of_object("select", refused(&["POST"])),
    of_bucket("session", refused(&["GET"])),
    of_both("tagging", ALL, ALL),
    of_object("torrent", refused(&["GET"])),
    of_both("uploads", served(&["GET"]), served(&["POST"])),
    of_bucket("versioning", served(&["GET", "PUT"])),
    of_bucket("versions", served(&["GET"])),
    of_bucket("website", unset(&["PUT", "DELETE"])),
];

/// What the path of a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// All buckets.
    Service,
    /// One bucket.
    Bucket,
    /// One object.
    Object,
}

impl Level {
    /// By the path, whose first segment is the bucket.
    pub(super) fn of(path: &str) -> Self {
        match path.trim_start_matches('/').split_once('/') {
            Some((_, key)) if !key.is_empty() => Self::Object,
            Some(_) => Self::Bucket,
            None if path.trim_start_matches('/').is_empty() => Self::Service,
            None => Self::Bucket,
        }
    }
}

/// Refuses what is no operation that is served, by the name of what was asked for.
pub(super) fn check(method: &Method, uri: &Uri) -> Result<(), Refused> {
    let level = Level::of(uri.path());
    let names = names(uri.query().unwrap_or_default())?;
    check_part(method, level, &names)?;
    let known = |name: &String| SUB_RESOURCES.iter().find(|known| known.name == name);
    let mut asked = names.iter().filter_map(known);
    let Some(first) = asked.next() else { return Ok(()) };
    if let Some(other) = asked.find(|other| other.name != first.name) {
        let message =
            format!("Conflicting query string parameters: {}, {}", first.name, other.name);
        return Err(Refused::argument(message).with("ArgumentName", "ResourceType"));
    }
    first.check(method, level)
}

/// Whether a request is about a part of something, whose document it may carry.
pub(super) fn names_one(uri: &Uri) -> bool {
    let names = names(uri.query().unwrap_or_default()).unwrap_or_default();
    names.iter().any(|name| DOCUMENTS.contains(&name.as_str()))
}

/// Parts of objects whose documents are read here. `uploads` and the like carry none, and what
/// `uploadId` names is no document either.
const DOCUMENTS: [&str; 2] = ["acl", "tagging"];

/// Whether the document of a request is refused without a checksum (S3 API reference: "the
/// Content-MD5 header is required").
pub(super) fn wants_sum(method: &Method, uri: &Uri) -> bool {
    let names = names(uri.query().unwrap_or_default()).unwrap_or_default();
    method == Method::PUT
        && Level::of(uri.path()) == Level::Bucket
        && names.iter().any(|name| ["cors", "lifecycle", "tagging"].contains(&name.as_str()))
}

/// The names of a query's members.
fn names(query: &str) -> Result<Vec<String>, Refused> {
    let members = query.split('&').filter(|member| !member.is_empty());
    members.map(|member| decoded(member.split_once('=').map_or(member, |(name, _)| name))).collect()
}

/// Text of a query as it was meant.
pub(super) fn decoded(text: &str) -> Result<String, Refused> {
    let text = text.replace('+', " ");
    percent_decode_str(&text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Refused::bad("InvalidURI", "Couldn't parse the specified URI."))
}

/// A part without its upload's id, or the other way round, would be stored as an object.
fn check_part(method: &Method, level: Level, names: &[String]) -> Result<(), Refused> {
    let has = |name: &str| names.iter().any(|known| known == name);
    let whole = has("partNumber") == has("uploadId");
    if whole || method != Method::PUT || level != Level::Object {
        return Ok(());
    }
    Err(Refused::argument("A part is named by both partNumber and uploadId."))
}

impl SubResource {
    fn methods(&self, level: Level) -> &Methods {
        match level {
            Level::Service => &NONE,
            Level::Bucket => &self.bucket,
            Level::Object => &self.object,
        }
    }

    fn check(&self, method: &Method, level: Level) -> Result<(), Refused> {
        let Methods { served, refused } = self.methods(level);
        if served.contains(&method.as_str()) {
            return Ok(());
        }
        if refused.contains(&method.as_str()) {
            return Err(Refused::not_implemented(&format!("The sub-resource '{}'", self.name)));
        }
        let allowed: Vec<&str> = served.iter().chain(*refused).copied().collect();
        Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .with("Method", method.as_str())
        .with("ResourceType", self.name.to_ascii_uppercase())
        .header(header::ALLOW, &allowed.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(method: &str, uri: &str) -> Result<(), Refused> {
        check(&Method::from_bytes(method.as_bytes()).unwrap(), &uri.parse().unwrap())
    }

    fn code(method: &str, uri: &str) -> &'static str {
        ask(method, uri).unwrap_err().code
    }

    #[test]
    fn a_path_names_a_bucket_or_an_object() {
        for (path, level) in [
            ("/", Level::Service),
            ("/b", Level::Bucket),
            ("/b/", Level::Bucket),
            ("/b/k", Level::Object),
            ("/b//", Level::Object),
        ] {
            assert_eq!(Level::of(path), level, "{path}");
        }
    }

    #[test]
    fn nothing_reaches_the_removal_of_a_bucket_or_an_object_by_a_sub_resource_without_one() {
        for sub in &SUB_RESOURCES {
            for (level, path) in [(Level::Bucket, "/b"), (Level::Object, "/b/k")] {
                for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
                    let answer = ask(method, &format!("{path}?{}", sub.name));
                    let served = sub.methods(level).served.contains(&method);
                    assert_eq!(answer.is_ok(), served, "{method} {path}?{}", sub.name);
                }
            }
        }
        assert_eq!(code("DELETE", "/b?policyStatus"), "MethodNotAllowed");
        assert_eq!(code("DELETE", "/b/k?acl"), "MethodNotAllowed");
        assert_eq!(code("PUT", "/b/k?versions"), "MethodNotAllowed");
        assert_eq!(code("HEAD", "/b?policy"), "MethodNotAllowed");
        assert_eq!(code("GET", "/?acl"), "MethodNotAllowed");
    }

    #[test]
    fn what_is_s3_s_and_not_served_is_refused_by_name_however_it_is_spelled() {
        for uri in ["/b?inventory", "/b?x-id=1&metrics=", "/b?%69nventory", "/b/k?retention"] {
            assert_eq!(code("GET", uri), "NotImplemented", "{uri}");
        }
        for uri in ["/b?location", "/b?list-type=2", "/b/k?uploadId=acl", "/b/k?x-id=GetObject"] {
            ask("GET", uri).unwrap();
        }
    }

    #[test]
    fn two_sub_resources_at_once_are_refused() {
        let refused = ask("GET", "/b?acl&policy").unwrap_err();
        assert_eq!(refused.message, "Conflicting query string parameters: acl, policy");
        ask("GET", "/b?acl&acl").unwrap();
    }

    #[test]
    fn half_of_a_part_is_no_object() {
        assert_eq!(code("PUT", "/b/k?uploadId=1"), "InvalidArgument");
        assert_eq!(code("PUT", "/b/k?partNumber=1"), "InvalidArgument");
        ask("PUT", "/b/k?partNumber=1&uploadId=1").unwrap();
        ask("GET", "/b/k?partNumber=1").unwrap();
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_check(query in "[ -~&&[^#<>\"\\\\^`{|}\\[\\]]]{0,60}") {
            if let Ok(uri) = format!("/b?{}", query.replace(' ', "+")).parse::<Uri>() {
                drop(check(&Method::GET, &uri));
            }
        }
    }
}
