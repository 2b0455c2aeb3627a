//! Headers and forms that are not served are refused by name, before `s3s` could overlook what
//! they ask for.

use http::{HeaderMap, HeaderValue, Method, header};

use super::{errors::Refused, sub_resources::decoded};

/// Headers that ask for something that we do not do.
const HEADERS: [&str; 6] = [
    "x-amz-object-lock-",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
    "x-amz-mfa",
    "x-amz-rename-source",
];

/// Whether a body says that it is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|text| {
        text.to_ascii_lowercase().trim_ascii_start().starts_with(b"multipart/form-data")
    })
}

/// Refuses the forms that are none of POST Object's: `s3s` would gather the whole file in memory.
pub(super) fn check_form(parts: &http::request::Parts) -> Result<(), Refused> {
    if parts.method == Method::POST && is_form(&parts.headers) {
        return Err(Refused::not_implemented(
            "A form that is signed outside of its fields, or sent to anything but a bucket,",
        ));
    }
    Ok(())
}

/// Refuses a header (or the member of a query that stands for one) that asks for what is not done.
pub(super) fn check_header(name: &str, value: &str) -> Result<(), Refused> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "x-amz-storage-class" => check_storage_class(value),
        name if !value.is_empty() && HEADERS.iter().any(|known| name.starts_with(known)) => {
            Err(Refused::not_implemented(name))
        }
        _ => Ok(()),
    }
}

fn check_storage_class(value: &str) -> Result<(), Refused> {
    match value {
        "STANDARD" => Ok(()),
        _ => {
            Err(Refused::bad("InvalidStorageClass", "The storage class you specified is not valid"))
        }
    }
}

/// The query as `s3s` may see it: without signature members. What a member asks for that is not
/// done is left in `undone`.
pub(super) fn check_query(query: &str, undone: &mut Option<Refused>) -> Result<String, Refused> {
    let mut kept: Vec<&str> = Vec::new();
    for member in query.split('&').filter(|member| !member.is_empty()) {
        let (name, value) = member.split_once('=').unwrap_or((member, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        if !is_of_signature(&name) {
            kept.push(member);
            continue;
        }
        *undone = undone.take().or(check_header(&name, &value).err());
    }
    Ok(kept.join("&"))
}

fn is_of_signature(name: &str) -> bool {
    let version_4 = name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("x-amz-"));
    version_4 || matches!(name, "AWSAccessKeyId" | "Signature" | "Expires")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_loses_its_signature_and_nothing_else() {
        let query = "partNumber=1&X-Amz-Signature=ab&uploadId=a%2Bb&Expires=9&AWSAccessKeyId=k\
                     &response-expires=x&X%2DAmz-Date=1&Signature=c";
        let kept = check_query(query, &mut None).unwrap();
        assert_eq!(kept, "partNumber=1&uploadId=a%2Bb&response-expires=x");
    }

    #[test]
    fn what_is_not_done_is_refused_wherever_it_is_asked_for() {
        let by_header = check_header("x-amz-object-lock-mode", "GOVERNANCE");
        assert_eq!(by_header.unwrap_err().status.as_u16(), 501);
        let mut undone = None;
        check_query("X-Amz-Object-Lock-Mode=GOVERNANCE&X-Amz-Acl=private", &mut undone).unwrap();
        assert_eq!(undone.unwrap().status.as_u16(), 501);
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_reader(query in "[ -~]{0,60}") {
            if let Ok(kept) = check_query(&query, &mut None) {
                prop_assert!(!kept.split('&').any(|it| it.starts_with("X-Amz-Signature=")));
            }
        }
    }
}
