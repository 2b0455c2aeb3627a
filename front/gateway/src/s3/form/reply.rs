//! The answer to a form that was carried out: where the browser goes next, or what was made.

use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use platform::objects::ObjectInfo;
use s3s::{Body, HttpResponse};

use super::fields::Fields;
use crate::s3::{answer::element, convert};

/// What is escaped in addresses: all but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a form wants to hear.
pub(super) struct Reply {
    bucket: String,
    key: String,
    location: String,
    outcome: Outcome,
}

enum Outcome {
    /// The browser goes on to this page.
    Redirect(Uri),
    /// The object is described in XML.
    Described,
    /// There is nothing to say.
    Empty(StatusCode),
}

impl Outcome {
    /// What cannot be understood is as if it were not there.
    fn asked(fields: &Fields) -> Self {
        let pages = ["success_action_redirect", "redirect"];
        if let Some(page) = pages.iter().find_map(|name| page(fields.get(name)?)) {
            return Self::Redirect(page);
        }
        match fields.get("success_action_status") {
            Some("200") => Self::Empty(StatusCode::OK),
            Some("201") => Self::Described,
            _ => Self::Empty(StatusCode::NO_CONTENT),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Redirect(_) => StatusCode::SEE_OTHER,
            Self::Described => StatusCode::CREATED,
            Self::Empty(status) => *status,
        }
    }
}

/// The address of a web page.
fn page(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    matches!(uri.scheme_str(), Some("http" | "https")).then_some(uri)
}

impl Reply {
    /// What `fields` ask for. `place` is the address of the bucket.
    pub(super) fn asked(fields: &Fields, bucket: &str, place: &str) -> Self {
        let key = fields.get("key").unwrap_or_default();
        Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            location: format!("{place}/{}", escaped(key)),
            outcome: Outcome::asked(fields),
        }
    }

    /// Tells of the object that was made, with `more` headers.
    pub(super) fn told(
        &self,
        info: &ObjectInfo,
        more: Vec<(HeaderName, HeaderValue)>,
    ) -> HttpResponse {
        let etag = format!("\"{}\"", info.etag);
        let mut response = HttpResponse::default();
        *response.status_mut() = self.outcome.status();
        let location = match &self.outcome {
            Outcome::Redirect(page) => self.next(page, &etag),
            Outcome::Described => {
                *response.body_mut() = Body::from(self.described(&etag));
                set(&mut response, header::CONTENT_TYPE, "application/xml");
                self.location.clone()
            }
            Outcome::Empty(_) => self.location.clone(),
        };
        set(&mut response, header::LOCATION, &location);
        set(&mut response, header::ETAG, &etag);
        if let Some(version) = convert::made(info.version) {
            set(&mut response, HeaderName::from_static("x-amz-version-id"), &version);
        }
        response.headers_mut().extend(more);
        response
    }

    fn next(&self, page: &Uri, etag: &str) -> String {
        let sign = if page.query().is_some() { '&' } else { '?' };
        let [bucket, key, etag] = [&self.bucket, &self.key, etag].map(escaped);
        format!("{page}{sign}bucket={bucket}&key={key}&etag={etag}")
    }

    fn described(&self, etag: &str) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>");
        let Self { bucket, key, location, .. } = self;
        for (name, text) in
            [("Location", &**location), ("Bucket", bucket), ("Key", key), ("ETag", etag)]
        {
            element(&mut xml, name, text);
        }
        xml.push_str("</PostResponse>");
        xml
    }
}

/// One whose value cannot stand in a header is left out.
fn set(response: &mut HttpResponse, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::form::fields::tests::fields;

    fn told(pairs: &[(&str, &str)]) -> HttpResponse {
        let form = fields(&[&[("key", "a b/ü")], pairs].concat());
        let info = ObjectInfo { etag: "e".to_owned(), ..Default::default() };
        Reply::asked(&form, "data", "http://host/data").told(&info, Vec::new())
    }

    fn location(response: &HttpResponse) -> &str {
        response.headers()["location"].to_str().unwrap()
    }

    #[test]
    fn a_form_chooses_its_status() {
        for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)] {
            let response = told(&[("success_action_status", asked)]);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(location(&response), "http://host/data/a%20b%2F%C3%BC");
            assert_eq!(response.headers()["etag"], "\"e\"");
        }
        assert_eq!(told(&[]).status().as_u16(), 204);
    }

    #[test]
    fn a_browser_is_sent_on_with_what_was_made() {
        let made = "bucket=data&key=a%20b%2F%C3%BC&etag=%22e%22";
        for (page, next) in [
            ("https://example.org/done", format!("https://example.org/done?{made}")),
            ("http://example.org?x=1", format!("http://example.org/?x=1&{made}")),
        ] {
            let response = told(&[("success_action_redirect", page)]);
            assert_eq!((response.status().as_u16(), location(&response)), (303, &*next));
            assert_eq!(location(&told(&[("Redirect", page)])), next);
        }
        for page in ["", "/done", "javascript:alert(1)", "http://a b/", "ftp://example.org/"] {
            let response = told(&[("success_action_redirect", page)]);
            assert_eq!(response.status().as_u16(), 204, "{page}");
        }
    }
}
