//! Calls that a browser makes for a page of another origin: the question before them (`OPTIONS`),
//! and what their answers say.
//!
//! A browser asks without signing, and whether the call itself is allowed is decided when it comes.
//! A call from an origin that no rule names is carried out all the same: it is the browser that
//! keeps the answer from the page.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use platform::objects::{CorsAnswer, CorsAsked, CorsGrant, Objects};

use super::{errors::Refused, sub_resources::Level};
use crate::S3Request;

/// On what else an answer to another origin depends, so that caches keep them apart.
const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// What a request says about the page that it is made for.
pub(super) struct Page {
    bucket: String,
    level: Level,
    origin: String,
    method: String,
    /// Names of the headers that a call will have.
    asked_headers: Option<String>,
}

impl Page {
    /// The page that a call is made for, if it is one.
    pub(super) fn calling(request: &S3Request) -> Option<Self> {
        let origin = text(&request.parts.headers, &header::ORIGIN)?;
        let method = request.parts.method.as_str().to_owned();
        Some(Self::of(request, origin, method, None))
    }

    /// The page that asks whether it may call.
    pub(super) fn asking(request: &S3Request) -> Result<Self, Refused> {
        let headers = &request.parts.headers;
        let origin = text(headers, &header::ORIGIN).ok_or_else(|| {
            Refused::bad("BadRequest", "Insufficient information. Origin request header needed.")
        })?;
        let method = text(headers, &header::ACCESS_CONTROL_REQUEST_METHOD);
        let known = method
            .filter(|method| METHODS.contains(&method.as_str()))
            .ok_or_else(|| Refused::bad("BadRequest", "Invalid Access-Control-Request-Method."))?;
        let asked_headers = text(headers, &header::ACCESS_CONTROL_REQUEST_HEADERS);
        Ok(Self::of(request, origin, known, asked_headers))
    }

    fn of(
        request: &S3Request,
        origin: String,
        method: String,
        asked_headers: Option<String>,
    ) -> Self {
        let path = request.parts.uri.path();
        let (bucket, level) = if let Some(bucket) = &request.bucket {
            (bucket.clone(), Level::of(&format!("/{bucket}{path}")))
        } else {
            let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
            (first.to_owned(), Level::of(path))
        };
        Self { bucket, level, origin, method, asked_headers }
    }

    async fn answer(&self, objects: &dyn Objects) -> Result<CorsAnswer, Refused> {
        if self.level == Level::Service {
            return Ok(CorsAnswer::Off);
        }
        let headers: Vec<&str> = self.header_names().collect();
        let Self { origin, method, bucket, .. } = self;
        let asked = CorsAsked { origin, method, headers: &headers };
        Ok(objects.cors(bucket, &asked).await?)
    }

    fn header_names(&self) -> impl Iterator<Item = &str> {
        let list = self.asked_headers.as_deref().unwrap_or_default();
        list.split(',').map(str::trim).filter(|name| !name.is_empty())
    }

    /// The answer to the question.
    pub(super) async fn preflight(&self, objects: &dyn Objects) -> Result<HeaderMap, Refused> {
        match self.answer(objects).await? {
            CorsAnswer::Granted(grant) => {
                let mut headers = self.granted(&grant);
                let names: Vec<&str> = self.header_names().collect();
                if !names.is_empty() {
                    set(&mut headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &names.join(", "));
                }
                Ok(headers)
            }
            CorsAnswer::Off => Err(self.forbidden("CORS is not enabled for this bucket.")),
            CorsAnswer::Refused => Err(self.forbidden(
                "This CORS request is not allowed. This is usually because the evalution of \
                 Origin, request method / Access-Control-Request-Method or \
                 Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
            )),
        }
    }

    fn forbidden(&self, why: &str) -> Refused {
        let kind = if self.level == Level::Object { "OBJECT" } else { "BUCKET" };
        let message = format!("CORSResponse: {why}");
        Refused::new(StatusCode::FORBIDDEN, "AccessForbidden", message)
            .with("Method", &self.method)
            .with("ResourceType", kind)
    }

    /// Tells the browser, on the answer of a call, what the page may see of it.
    pub(super) async fn tell(&self, objects: &dyn Objects, answer: &mut HeaderMap) {
        if let Ok(CorsAnswer::Granted(grant)) = self.answer(objects).await {
            for (name, value) in self.granted(&grant) {
                answer.extend(name.map(|name| (name, value)));
            }
        }
    }

    fn granted(&self, grant: &CorsGrant) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let origin = if grant.any_origin { "*" } else { &self.origin };
        set(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(&mut headers, header::ACCESS_CONTROL_ALLOW_METHODS, &grant.methods.join(", "));
        if !grant.any_origin {
            set(&mut headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        if !grant.exposed.is_empty() {
            set(&mut headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &grant.exposed.join(", "));
        }
        if let Some(seconds) = grant.max_age {
            set(&mut headers, header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
        set(&mut headers, header::VARY, VARY);
        headers
    }
}

/// The methods that a browser can ask for and a rule can allow.
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// Whether a request is a browser's question.
pub(super) fn is_question(method: &Method) -> bool {
    method == Method::OPTIONS
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// A value that no header can carry comes from a rule that no browser can use.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
