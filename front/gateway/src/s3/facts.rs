//! What a policy's conditions may ask about a request, kept of its head.
//!
//! It is kept as it came, and read only when a request is judged: most buckets have no policy.

use std::{borrow::Cow, net::SocketAddr};

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use platform::objects::Context;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use types::Caller;

use super::sub_resources;

/// A request's head, as conditions ask about it.
pub(super) struct Facts {
    headers: HeaderMap,
    query: String,
    peer: SocketAddr,
    secure: bool,
    form: bool,
}

/// Headers that conditions ask about by their own name.
const HEADERS: [(&str, HeaderName); 4] = [
    ("aws:Referer", http::header::REFERER),
    ("aws:UserAgent", http::header::USER_AGENT),
    ("s3:if-match", http::header::IF_MATCH),
    ("s3:if-none-match", http::header::IF_NONE_MATCH),
];

/// Members of the query that conditions ask about.
const MEMBERS: [(&str, &str); 4] = [
    ("s3:prefix", "prefix"),
    ("s3:delimiter", "delimiter"),
    ("s3:max-keys", "max-keys"),
    ("s3:VersionId", "versionId"),
];

impl Facts {
    /// Of a head before anything was taken from it.
    pub(super) fn of(headers: &HeaderMap, query: &str, peer: SocketAddr, secure: bool) -> Self {
        Self { headers: headers.clone(), query: query.to_owned(), peer, secure, form: false }
    }

    /// Of a form, some of whose fields are its headers.
    pub(super) fn of_form(headers: HeaderMap, peer: SocketAddr, secure: bool) -> Self {
        Self { headers, query: String::new(), peer, secure, form: true }
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header, which in a presigned address may stand in the query.
    pub(super) fn said(&self, name: &str) -> Option<Cow<'_, str>> {
        let header = self.headers.get(name).and_then(|value| value.to_str().ok());
        header.map(Cow::Borrowed).or_else(|| self.member(name).map(Cow::Owned))
    }

    /// The members of the query, as they were written.
    fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.query.split('&').filter(|member| !member.is_empty());
        members.map(|member| member.split_once('=').unwrap_or((member, "")))
    }

    fn member(&self, wanted: &str) -> Option<String> {
        let found = self.members().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, value)| sub_resources::decoded(value).ok())
    }

    /// What conditions may ask.
    pub(super) fn context<'a>(&'a self, caller: Option<&'a Caller>) -> Context<'a> {
        let mut context = Context::default();
        for (key, name) in &HEADERS {
            context.set_some(key, self.header(name));
        }
        for (key, name) in MEMBERS {
            context.set_some(key, self.member(name));
        }
        for (name, value) in self.amz() {
            context.set(format!("s3:{name}"), value);
        }
        context.set("aws:SourceIp", self.peer.ip().to_canonical().to_string());
        context.set("aws:SecureTransport", if self.secure { "true" } else { "false" });
        set_time(&mut context);
        set_caller(&mut context, caller);
        self.set_signature(&mut context, caller);
        context
    }

    /// `x-amz-…` of the headers, and of a presigned address's query.
    fn amz(&self) -> impl Iterator<Item = (String, Cow<'_, str>)> {
        let of_headers = self.headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), Cow::Borrowed(value.to_str().ok()?)))
        });
        let of_query = self.members().filter_map(|(name, value)| {
            Some((name.to_ascii_lowercase(), Cow::Owned(sub_resources::decoded(value).ok()?)))
        });
        of_headers.chain(of_query).filter(|(name, _)| name.starts_with("x-amz-"))
    }

    fn set_signature<'a>(&'a self, context: &mut Context<'a>, caller: Option<&Caller>) {
        if caller.is_none() {
            return;
        }
        let (kind, newer) = if self.form {
            ("POST", self.headers.contains_key("x-amz-algorithm"))
        } else if self.headers.contains_key(AUTHORIZATION) {
            ("REST-HEADER", true)
        } else {
            ("REST-QUERY-STRING", self.member("X-Amz-Algorithm").is_some())
        };
        context.set("s3:authType", kind);
        context.set("s3:signatureversion", if newer { "AWS4-HMAC-SHA256" } else { "AWS" });
    }

    /// The owner that the client expects of the bucket.
    pub(super) fn expected_owner(&self) -> Option<Cow<'_, str>> {
        self.said("x-amz-expected-bucket-owner")
    }

    /// The owner that the client expects of a copy's source.
    pub(super) fn expected_source_owner(&self) -> Option<Cow<'_, str>> {
        self.said("x-amz-source-expected-bucket-owner")
    }
}

fn set_time(context: &mut Context<'_>) {
    let now = OffsetDateTime::now_utc();
    context.set("aws:EpochTime", now.unix_timestamp().to_string());
    context.set_some("aws:CurrentTime", now.format(&Rfc3339).ok());
}

/// Who signed. Sessions count as their role, as on AWS.
fn set_caller<'a>(context: &mut Context<'a>, caller: Option<&'a Caller>) {
    let Some(caller) = caller else {
        context.set("aws:PrincipalType", "Anonymous");
        return;
    };
    let owner = caller.owner();
    context.set("aws:PrincipalAccount", &*owner.account);
    context.set("aws:RequestedRegion", &*owner.region);
    let principal = &*owner.principal;
    let resource = principal.splitn(6, ':').nth(5).unwrap_or_default();
    let mut parts = resource.split('/');
    match (parts.next(), parts.next(), parts.next_back()) {
        (Some("assumed-role"), Some(role), session) => {
            let account = &owner.account;
            context.set("aws:PrincipalType", "AssumedRole");
            context.set("aws:PrincipalArn", format!("arn:aws:iam::{account}:role/{role}"));
            context.set("aws:userid", format!("{role}:{}", session.unwrap_or_default()));
        }
        (Some("user"), Some(name), last) => {
            context.set("aws:PrincipalType", "User");
            context.set("aws:PrincipalArn", principal);
            context.set("aws:username", last.unwrap_or(name));
            context.set("aws:userid", last.unwrap_or(name));
        }
        _ => {
            context.set("aws:PrincipalType", "Account");
            context.set("aws:PrincipalArn", principal);
            context.set("aws:userid", &*owner.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use types::{Id, Owner};

    use super::*;

    fn facts(headers: &[(&'static str, &str)], query: &str) -> Facts {
        let pairs = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap())
        });
        let peer = SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 9));
        Facts::of(&pairs.collect(), query, peer, false)
    }

    fn caller(principal: &str) -> Caller {
        let owner = Owner::new("111122223333", "eu-west-1", principal);
        Caller::verified(owner, Id::random(), "")
    }

    fn value(context: &Context<'_>, key: &str) -> Option<String> {
        context.values(key).next().map(str::to_owned)
    }

    #[test]
    fn what_a_request_says_of_itself_is_found_under_aws_s_keys() {
        let facts = facts(
            &[("referer", "http://a/"), ("x-amz-copy-source", "b/k"), ("authorization", "x")],
            "prefix=home%2F&max-keys=7&X-Amz-Acl=private",
        );
        let me = caller("arn:aws:sts::111122223333:assumed-role/Sage/me");
        let context = facts.context(Some(&me));
        for (key, wanted) in [
            ("aws:Referer", "http://a/"),
            ("aws:SourceIp", "127.0.0.1"),
            ("aws:SecureTransport", "false"),
            ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/Sage"),
            ("aws:PrincipalType", "AssumedRole"),
            ("s3:prefix", "home/"),
            ("s3:max-keys", "7"),
            ("s3:x-amz-acl", "private"),
            ("s3:x-amz-copy-source", "b/k"),
            ("s3:authType", "REST-HEADER"),
            ("s3:signatureversion", "AWS4-HMAC-SHA256"),
        ] {
            assert_eq!(value(&context, key).as_deref(), Some(wanted), "{key}");
        }
        assert!(value(&context, "aws:username").is_none());
        assert!(value(&context, "aws:CurrentTime").unwrap().ends_with('Z'));
    }

    #[test]
    fn a_form_says_by_its_fields_how_it_was_signed() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let me = caller("arn:aws:iam::111122223333:user/ann");
        for (field, version) in [("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-acl", "AWS")] {
            let headers = [(HeaderName::from_static(field), HeaderValue::from_static("v"))];
            let facts = Facts::of_form(headers.into_iter().collect(), peer, true);
            let context = facts.context(Some(&me));
            assert_eq!(value(&context, "s3:authType").as_deref(), Some("POST"));
            assert_eq!(value(&context, "s3:signatureversion").as_deref(), Some(version));
        }
    }

    #[test]
    fn users_have_names_and_who_did_not_sign_has_nothing() {
        let facts = facts(&[], "AWSAccessKeyId=x");
        let user = caller("arn:aws:iam::111122223333:user/team/ann");
        assert_eq!(value(&facts.context(Some(&user)), "aws:username").as_deref(), Some("ann"));
        let version_2 = facts.context(Some(&user));
        assert_eq!(value(&version_2, "s3:signatureversion").as_deref(), Some("AWS"));
        let nobody = facts.context(None);
        assert_eq!(value(&nobody, "aws:PrincipalType").as_deref(), Some("Anonymous"));
        for key in ["aws:PrincipalArn", "aws:userid", "s3:authType"] {
            assert!(value(&nobody, key).is_none(), "{key}");
        }
    }

    #[test]
    fn expected_owners_may_stand_in_a_presigned_address() {
        let by_query = facts(&[], "x-amz-expected-bucket-owner=1");
        assert_eq!(by_query.expected_owner().as_deref(), Some("1"));
        let by_header = facts(&[("x-amz-source-expected-bucket-owner", "2")], "");
        assert_eq!(by_header.expected_source_owner().as_deref(), Some("2"));
    }
}
