//! POST Object: an upload by a form of a web page, which brings its signature in its fields.
//!
//! `s3s` would gather the whole file in memory, so it never sees a form. Here the fields are read,
//! then it is decided who signed them and whether the policy that was signed allows them, and only
//! then the file streams into the same call as that of a PUT. The head of the request says nothing
//! but where the form goes: what of S3's headers stands there is covered by no signature.

mod boundary;
mod fault;
mod fields;
mod file;
mod part;
mod policy;
mod reader;
mod reply;
mod stored;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;
use platform::objects::{ObjectInfo, Put};
use types::{Caller, Timestamp};

use super::{
    Desk, adapt,
    answer::{self, About, Answered},
    ask::Ask,
    conditions,
    errors::Refused,
    facts::Facts,
    served,
};
use crate::{
    S3Request,
    body::{self, RequestBody},
    s3_request::Account,
};
use boundary::Boundary;
use fault::FormFault;
use fields::Fields;
use file::{FileBody, FileReader, Sizes};
use policy::Policy;
use reader::{FieldReader, Item};
use reply::Reply;

/// What the log calls it.
const OPERATION: &str = "PostObject";

/// Whether a request is a form for a bucket that nobody signed outside of it.
pub(super) fn is_form(request: &S3Request) -> bool {
    let parts = &request.parts;
    parts.method == Method::POST
        && request.caller.is_none()
        && parts.uri.query().unwrap_or_default().is_empty()
        && served::is_form(&parts.headers)
        && bucket(request).is_some()
}

/// The bucket that a request names, if it names nothing else.
fn bucket(request: &S3Request) -> Option<String> {
    let path = request.parts.uri.path();
    if let Some(bucket) = &request.bucket {
        return (path == "/").then(|| bucket.clone());
    }
    let path = path.strip_prefix('/')?;
    let name = path.strip_suffix('/').unwrap_or(path);
    let name = percent_decode_str(name).decode_utf8().ok()?;
    (!name.is_empty() && !name.contains('/')).then(|| name.into_owned())
}

/// Carries a form out.
pub(super) async fn answer(desk: &Desk, mut request: S3Request, about: &About) -> Answered {
    let form = match Form::open(&mut request).await {
        Ok(form) => form,
        Err(refused) => {
            return answer::of_operation(OPERATION, Err(refused), Some(request.body), about);
        }
    };
    let (ask, reply) = (Arc::clone(&form.ask), form.reply(&request));
    let stored = form.store(desk, request.body).await;
    let result = match ask.take_refused() {
        Some(refused) => Err(refused),
        None => stored.map(|info| reply.told(&info, ask.take_headers())),
    };
    let answered = answer::of_operation(OPERATION, result, ask.take_unread(), about);
    match &ask.caller {
        Some(caller) => answered.with(Account(caller.owner().account.clone())),
        None => answered,
    }
}

/// A form that was read up to its file, and is allowed by its policy.
struct Form {
    bucket: String,
    fields: Fields,
    file: FileReader,
    sizes: Sizes,
    ask: Arc<Ask>,
}

impl Form {
    async fn open(request: &mut S3Request) -> Result<Self, Refused> {
        let bucket = bucket(request).ok_or_else(Refused::denied)?;
        for (name, value) in &request.parts.headers {
            served::check_header(name.as_str(), value.to_str().unwrap_or("?"))?;
        }
        let boundary = request.parts.headers.get(header::CONTENT_TYPE).and_then(Boundary::of);
        let boundary = boundary.ok_or(FormFault::Malformed)?;
        let (mut fields, filename, file) = read(&mut request.body, boundary).await?;
        fields.place(&bucket, filename.as_deref().unwrap_or_default())?;
        let (caller, sizes) = judge(&fields, request)?;
        let private = request.secure || request.peer.ip().is_loopback();
        let encryption = stored::encryption(&fields, private);
        let mut ask = Ask::of(caller, facts(request, &fields), encryption);
        ask.conditions = conditions::conditions(&request.parts.headers, "");
        let ask = Arc::new(ask);
        Ok(Self { bucket, fields, file, sizes, ask })
    }

    fn reply(&self, request: &S3Request) -> Reply {
        let host = request.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let scheme = if request.secure { "https" } else { "http" };
        let mut place = format!("{scheme}://{}", host.unwrap_or_default());
        if request.bucket.is_none() {
            place.push('/');
            place.push_str(&self.bucket);
        }
        Reply::asked(&self.fields, &self.bucket, &place)
    }

    /// Stores the file. What is left of `body` is found in the [`Ask`].
    async fn store(self, desk: &Desk, body: RequestBody) -> Result<ObjectInfo, Refused> {
        let Self { bucket, fields, file, sizes, ask } = self;
        let body = FileBody::new(body, file, sizes, Arc::clone(&ask));
        stored::check(&fields)?;
        let headers = stored::headers(&fields)?;
        let key = fields.required("key")?.to_owned();
        let tags = stored::tags(&fields)?;
        let owner = desk.allow_put(&ask, &bucket, &key, &tags).await?;
        let acl = desk.acl_of_headers(&ask, &owner, (&bucket, &key)).await?;
        let put = Put {
            headers: stored::object_headers(&fields, &headers)?,
            tags,
            acl,
            checksums: adapt::upload_checksum(&headers, None)?,
            content_md5: adapt::content_md5(&headers)?,
            content_sha256: None,
            conditions: ask.conditions.clone(),
            protection: ask.encryption()?.protection(),
            body: Box::pin(body),
            bucket: bucket.clone(),
            key,
        };
        let info = desk.objects.put(&owner, put).await?;
        ask.wrote(info.encryption.as_ref());
        if let Some(expiration) = desk.expiration(&owner, &bucket, &info).await {
            ask.tell("x-amz-expiration", &expiration);
        }
        Ok(info)
    }
}

/// The fields before the file, the file's name, and where the file begins.
async fn read(
    body: &mut RequestBody,
    boundary: Boundary,
) -> Result<(Fields, Option<String>, FileReader), Refused> {
    let mut reader = FieldReader::new(boundary);
    let mut fields = Fields::default();
    loop {
        match reader.item()? {
            Some(Item::Field { name, value }) => fields.add(&name, value)?,
            Some(Item::File { name }) => return Ok((fields, name, reader.into_file())),
            None => match body::next(body).await.map_err(FormFault::from)? {
                Some(bytes) => reader.push(&bytes),
                None => return Err(FormFault::Malformed.into()),
            },
        }
    }
}

/// Who signed the form, and how large the policy lets the file be.
fn judge(fields: &Fields, request: &S3Request) -> Result<(Option<Caller>, Sizes), Refused> {
    let Some(signed) = fields.signed()? else { return Ok((None, Sizes::ANY)) };
    let caller = request.policies.caller(&signed, &request.parts, request.request_id);
    let caller = caller.map_err(|error| Refused::from(error.s3()))?;
    let policy = Policy::parse(signed.policy)?;
    policy.check(fields, Timestamp::now())?;
    Ok((Some(caller), policy.sizes))
}

/// What the policy of a bucket may ask about a form: what its head says of the client, and S3's
/// fields for S3's headers. Those of the head are nobody's word.
fn facts(request: &S3Request, fields: &Fields) -> Facts {
    let of_client = request.parts.headers.iter();
    let of_client = of_client.filter(|(name, _)| !name.as_str().starts_with("x-amz-"));
    let mut headers: HeaderMap =
        of_client.map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in fields.iter() {
        let name = if name == "acl" { "x-amz-acl" } else { name };
        let value = HeaderValue::try_from(value);
        if name.starts_with("x-amz-")
            && let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value)
        {
            headers.insert(name, value);
        }
    }
    Facts::of_form(headers, request.peer, request.secure)
}
