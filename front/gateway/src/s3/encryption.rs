//! Encryption as requests ask for it and answers tell it: the headers of SSE-S3, SSE-KMS, SSE-C.
//!
//! What is refused, and in which words, is what AWS was seen to answer. AWS takes a customer's key
//! over TLS only; here plain HTTP will do on this machine itself, for a key that never leaves it.
//! A header that stands in a presigned URL's query counts as one.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use platform::{
    objects::{Encryption, KmsAsked, Protection},
    sealed::{KEY_BYTES, Secret},
};

use super::errors::Refused;

/// What all headers about an object's encryption begin with.
pub(super) const ENCRYPTION: &str = "x-amz-server-side-encryption";
/// The same of a copy's source.
const OF_SOURCE: &str = "x-amz-copy-source-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const CONTEXT: &str = "x-amz-server-side-encryption-context";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const CUSTOMER: &str = "x-amz-server-side-encryption-customer-algorithm";
const CUSTOMER_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";

/// The one cipher that there is.
const AES256: &str = "AES256";
const KMS: &str = "aws:kms";

/// What a request says of encryption.
#[derive(Debug, Default)]
pub(super) struct Asked {
    protection: Protection,
    /// Of the customer's key, as it was sent.
    md5: Option<String>,
    source: Option<Secret>,
}

impl Asked {
    /// Reads the headers and takes them away, for they hold keys. `private` says whether nobody
    /// else could read them.
    pub(super) fn take(headers: &mut HeaderMap, private: bool) -> Result<Self, Refused> {
        let asked = read(headers, private);
        let ours = |name: &HeaderName| name.as_str().starts_with(ENCRYPTION) || is_of_source(name);
        let taken: Vec<HeaderName> = headers.keys().filter(|name| ours(name)).cloned().collect();
        for name in taken {
            headers.remove(name);
        }
        asked
    }

    /// How an object is to be written.
    pub(super) fn protection(&self) -> Protection {
        self.protection.clone()
    }

    /// Whether anything was said about what is written.
    pub(super) const fn is_said(&self) -> bool {
        !matches!(self.protection, Protection::Unsaid)
    }

    /// The customer's key for what is read, or for a part. How it was encrypted is no question
    /// then.
    pub(super) fn key(&self) -> Result<Option<&Secret>, Refused> {
        match &self.protection {
            Protection::Unsaid => Ok(None),
            Protection::Customer(key) => Ok(Some(key)),
            Protection::S3 | Protection::Kms(_) => Err(argument(
                "x-amz-server-side-encryption header is not supported for this operation.",
            )),
        }
    }

    /// The customer's key of a copy's source.
    pub(super) const fn source_key(&self) -> Option<&Secret> {
        self.source.as_ref()
    }

    /// The headers of an answer that say how the object is encrypted. The context is told to who
    /// wrote it alone.
    pub(super) fn told(
        &self,
        encryption: &Encryption,
        written: bool,
    ) -> Vec<(&'static str, String)> {
        match encryption {
            Encryption::S3 => vec![(ENCRYPTION, AES256.to_owned())],
            Encryption::Kms { key, bucket_key, context } => {
                let mut told = vec![(ENCRYPTION, KMS.to_owned()), (KMS_KEY, key.clone())];
                told.extend(bucket_key.then(|| (BUCKET_KEY, "true".to_owned())));
                let context = context.as_ref().filter(|_| written);
                told.extend(context.map(|context| (CONTEXT, STANDARD.encode(context))));
                told
            }
            Encryption::Customer => match &self.md5 {
                Some(md5) => vec![(CUSTOMER, AES256.to_owned()), (CUSTOMER_MD5, md5.clone())],
                None => Vec::new(),
            },
        }
    }
}

fn is_of_source(name: &HeaderName) -> bool {
    name.as_str().starts_with(OF_SOURCE)
}

/// Whether a name is that of a header read here.
pub(super) fn is_about(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with(ENCRYPTION) || name.starts_with(OF_SOURCE)
}

/// The headers that stand in the query of a presigned URL.
pub(super) fn from_query(query: &str, headers: &mut HeaderMap) -> Result<(), Refused> {
    for (name, value) in query.split('&').filter_map(|member| member.split_once('=')) {
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else { continue };
        if !is_about(&name) {
            continue;
        }
        let name = HeaderName::try_from(name.to_ascii_lowercase());
        let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) else {
            return Err(Refused::bad("InvalidURI", "Couldn't parse the specified URI."));
        };
        headers.entry(name).or_insert(value);
    }
    Ok(())
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn read(headers: &HeaderMap, private: bool) -> Result<Asked, Refused> {
    let source = customer(headers, OF_SOURCE, private)?.map(|(key, _)| key);
    let customer = customer(headers, ENCRYPTION, private)?;
    let method = header(headers, ENCRYPTION)?;
    let (protection, md5) = match (method, customer) {
        (Some(method), Some(_)) => {
            return Err(argument(
                "Server Side Encryption with Customer provided key is incompatible with the \
                 encryption method specified",
            )
            .with("ArgumentValue", method));
        }
        (None, Some((key, md5))) => (Protection::Customer(key), Some(md5)),
        (Some(method), None) => (by_method(method, headers)?, None),
        (None, None) => (unsaid(headers)?, None),
    };
    Ok(Asked { protection, md5, source })
}

fn by_method(method: &str, headers: &HeaderMap) -> Result<Protection, Refused> {
    match method {
        AES256 => {
            unsaid(headers)?;
            Ok(Protection::S3)
        }
        KMS => Ok(Protection::Kms(KmsAsked {
            key: header(headers, KMS_KEY)?.map(ToOwned::to_owned),
            bucket_key: bucket_key(headers)?,
            context: header(headers, CONTEXT)?.map(context).transpose()?,
        })),
        "aws:kms:dsse" => Err(Refused::not_implemented("Dual-layer encryption (aws:kms:dsse)")),
        _ => Err(argument("The encryption method specified is not supported")
            .with("ArgumentValue", method)),
    }
}

/// Refuses what belongs to SSE-KMS where that is not asked for.
fn unsaid(headers: &HeaderMap) -> Result<Protection, Refused> {
    if headers.contains_key(KMS_KEY) || headers.contains_key(CONTEXT) {
        return Err(argument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header \
             x-amz-server-side-encryption : aws:kms",
        ));
    }
    Ok(Protection::Unsaid)
}

fn bucket_key(headers: &HeaderMap) -> Result<Option<bool>, Refused> {
    match header(headers, BUCKET_KEY)? {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(argument(format!("The value of {BUCKET_KEY} must be true or false."))),
    }
}

/// The encryption context in one form, whatever the order and the spaces in which it was sent.
fn context(text: &str) -> Result<String, Refused> {
    let json = STANDARD.decode(text).ok();
    let map = json.and_then(|json| serde_json::from_slice::<BTreeMap<String, String>>(&json).ok());
    map.and_then(|map| serde_json::to_string(&map).ok()).ok_or_else(|| {
        argument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 \
             string holding JSON which represents a string-string map",
        )
    })
}

/// A customer's key and its MD5, where headers that begin so bring one.
fn customer(
    headers: &HeaderMap,
    prefix: &str,
    private: bool,
) -> Result<Option<(Secret, String)>, Refused> {
    let of = |name| header(headers, &format!("{prefix}-customer-{name}"));
    let (algorithm, key, md5) = (of("algorithm")?, of("key")?, of("key-md5")?);
    if algorithm.is_none() && key.is_none() && md5.is_none() {
        return Ok(None);
    }
    if !private {
        return Err(must("be made over a secure connection."));
    }
    match algorithm {
        None => return Err(must("provide a valid encryption algorithm.")),
        Some(AES256) => {}
        Some(other) => {
            return Err(Refused::bad(
                "InvalidEncryptionAlgorithmError",
                "The Encryption request you specified is not valid. Supported value: AES256.",
            )
            .with("ArgumentName", ENCRYPTION)
            .with("ArgumentValue", other));
        }
    }
    let key = key.ok_or_else(|| must("provide an appropriate secret key."))?;
    let md5 = md5.ok_or_else(|| must("provide the client calculated MD5 of the secret key."))?;
    Ok(Some((secret(key, md5)?, md5.to_owned())))
}

fn secret(key: &str, md5: &str) -> Result<Secret, Refused> {
    let invalid = || argument("The secret key was invalid for the specified algorithm.");
    let key = STANDARD.decode(key).map_err(|_| invalid())?;
    if STANDARD.encode(Md5::digest(&key)) != md5 {
        return Err(argument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
        ));
    }
    <[u8; KEY_BYTES]>::try_from(key).map(Secret::from_bytes).map_err(|_| invalid())
}

fn must(what: &str) -> Refused {
    argument(format!(
        "Requests specifying Server Side Encryption with Customer provided keys must {what}"
    ))
}

/// AWS names this header whichever of them it means.
fn argument(message: impl Into<std::borrow::Cow<'static, str>>) -> Refused {
    Refused::argument(message).with("ArgumentName", ENCRYPTION)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refused> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| argument(format!("The header {name} is invalid.")))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=";
    const MD5: &str = "DWygnHRtgiJ77HCm+1rvHw==";

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name = HeaderName::try_from(format!("x-amz-{name}")).unwrap();
            (name, HeaderValue::try_from(*value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn taken(pairs: &[(&str, &str)]) -> Result<Asked, Refused> {
        Asked::take(&mut headers(pairs), true)
    }

    fn customer_headers(key: &'static str, md5: &'static str) -> [(&'static str, &'static str); 3] {
        [
            ("server-side-encryption-customer-algorithm", "AES256"),
            ("server-side-encryption-customer-key", key),
            ("server-side-encryption-customer-key-md5", md5),
        ]
    }

    fn told(asked: &Asked, encryption: &Encryption, written: bool) -> Vec<(String, String)> {
        let told = asked.told(encryption, written);
        told.into_iter().map(|(name, value)| (name.replace(ENCRYPTION, "*"), value)).collect()
    }

    #[test]
    fn each_kind_of_encryption_is_asked_for_by_its_headers() {
        assert!(matches!(taken(&[]).unwrap().protection(), Protection::Unsaid));
        let s3 = taken(&[("server-side-encryption", "AES256")]).unwrap();
        assert!(matches!(s3.protection(), Protection::S3));
        let context = STANDARD.encode(r#"{ "b": "2", "a": "1" }"#);
        let kms = taken(&[
            ("server-side-encryption", "aws:kms"),
            ("server-side-encryption-aws-kms-key-id", "alias/x"),
            ("server-side-encryption-bucket-key-enabled", "True"),
            ("server-side-encryption-context", &context),
        ]);
        let Protection::Kms(kms) = kms.unwrap().protection() else { panic!() };
        assert_eq!((kms.key.as_deref(), kms.bucket_key), (Some("alias/x"), Some(true)));
        assert_eq!(kms.context.as_deref(), Some(r#"{"a":"1","b":"2"}"#));
        let customer = taken(&customer_headers(KEY, MD5)).unwrap();
        assert!(customer.key().unwrap().is_some() && customer.source_key().is_none());
    }

    #[test]
    fn keys_are_taken_out_of_the_head() {
        let mut headers = headers(&customer_headers(KEY, MD5));
        headers.insert("x-amz-meta-a", HeaderValue::from_static("b"));
        let asked = Asked::take(&mut headers, true).unwrap();
        assert_eq!(headers.len(), 1);
        assert!(!format!("{asked:?}").contains("pO3u"));
    }

    /// Headers without their first words, the code of the refusal, and what it says.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

    #[test]
    fn what_cannot_be_meant_is_refused_in_awss_words() {
        let s3 = ("server-side-encryption", "AES256");
        let [algorithm, key, md5] = customer_headers(KEY, MD5);
        let short = STANDARD.encode("short");
        let short_md5 = STANDARD.encode(Md5::digest("short"));
        let cases: &[Case<'_>] = &[
            (&[("server-side-encryption", "")], "InvalidArgument", "not supported"),
            (&[("server-side-encryption", "aes:kms")], "InvalidArgument", "not supported"),
            (&[("server-side-encryption", "aws:kms:dsse")], "NotImplemented", "Dual-layer"),
            (&[s3, algorithm, key, md5], "InvalidArgument", "incompatible"),
            (
                &[s3, ("server-side-encryption-aws-kms-key-id", "k")],
                "InvalidArgument",
                "requires HTTP header",
            ),
            (
                &[("server-side-encryption-aws-kms-key-id", "k")],
                "InvalidArgument",
                "requires HTTP header",
            ),
            (&[key, md5], "InvalidArgument", "a valid encryption algorithm"),
            (&[algorithm, md5], "InvalidArgument", "an appropriate secret key"),
            (&[algorithm, key], "InvalidArgument", "calculated MD5"),
            (
                &customer_headers(KEY, "AAAAAAAAAAAAAAAAAAAAAA=="),
                "InvalidArgument",
                "did not match",
            ),
            (
                &[
                    algorithm,
                    ("server-side-encryption-customer-key", &short),
                    ("server-side-encryption-customer-key-md5", &short_md5),
                ],
                "InvalidArgument",
                "invalid for the specified",
            ),
            (
                &[("server-side-encryption-customer-algorithm", "AES192"), key, md5],
                "InvalidEncryptionAlgorithmError",
                "AES256",
            ),
            (
                &[("server-side-encryption", "aws:kms"), ("server-side-encryption-context", "e30")],
                "InvalidArgument",
                "string-string map",
            ),
        ];
        for (pairs, code, words) in cases {
            let refused = taken(pairs).unwrap_err();
            assert_eq!(refused.code, *code, "{pairs:?}");
            assert!(refused.message.contains(words), "{pairs:?}: {}", refused.message);
        }
    }

    #[test]
    fn a_customers_key_does_not_come_over_a_network_in_the_open() {
        let mut sent = headers(&customer_headers(KEY, MD5));
        let refused = Asked::take(&mut sent, false).unwrap_err();
        assert!(refused.message.ends_with("must be made over a secure connection."));
        let mut kms = headers(&[("server-side-encryption", "aws:kms")]);
        assert!(Asked::take(&mut kms, false).is_ok());
    }

    #[test]
    fn readers_bring_a_key_and_ask_for_nothing() {
        assert!(taken(&[]).unwrap().key().unwrap().is_none());
        let refused = taken(&[("server-side-encryption", "AES256")]).unwrap().key().unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.code), (400, "InvalidArgument"));
    }

    #[test]
    fn an_answer_tells_what_was_done() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let nothing = taken(&[]).unwrap();
        assert_eq!(told(&nothing, &Encryption::S3, true), [pair("*", "AES256")]);
        let kms = |bucket_key| Encryption::Kms {
            key: "arn".to_owned(),
            bucket_key,
            context: Some("{}".to_owned()),
        };
        let key = pair("*-aws-kms-key-id", "arn");
        let mut written = told(&nothing, &kms(true), true);
        written.sort();
        let context = pair("*-context", "e30=");
        let bucket_key = pair("*-bucket-key-enabled", "true");
        assert_eq!(written, [pair("*", "aws:kms"), key.clone(), bucket_key, context]);
        assert_eq!(told(&nothing, &kms(false), false), [pair("*", "aws:kms"), key]);
        let customer = taken(&customer_headers(KEY, MD5)).unwrap();
        let of_customer = told(&customer, &Encryption::Customer, false);
        assert_eq!(
            of_customer,
            [pair("*-customer-algorithm", "AES256"), pair("*-customer-key-md5", MD5)]
        );
        assert_eq!(told(&nothing, &Encryption::Customer, true), []);
    }

    #[test]
    fn headers_may_stand_in_a_presigned_query() {
        let mut sent = headers(&[]);
        let query = "a=1&X-Amz-Server-Side-Encryption=aws%3Akms&X-Amz-Signature=x\
                     &x-amz-server-side-encryption-aws-kms-key-id=alias%2Fx";
        from_query(query, &mut sent).unwrap();
        assert_eq!(sent.len(), 2);
        let asked = Asked::take(&mut sent, true).unwrap();
        assert!(
            matches!(asked.protection(), Protection::Kms(kms) if kms.key.as_deref() == Some("alias/x"))
        );
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(
            values in prop::collection::vec("(AES256|aws:kms|[ -~]{0,50})", 8),
        ) {
            let names = [
                "server-side-encryption",
                "server-side-encryption-aws-kms-key-id",
                "server-side-encryption-context",
                "server-side-encryption-bucket-key-enabled",
                "server-side-encryption-customer-algorithm",
                "server-side-encryption-customer-key",
                "server-side-encryption-customer-key-md5",
                "copy-source-server-side-encryption-customer-key",
            ];
            let pairs: Vec<_> =
                names.into_iter().zip(values.iter().map(String::as_str)).collect();
            for from in 0..pairs.len() {
                let _ = taken(&pairs[from..]);
            }
        }
    }
}
