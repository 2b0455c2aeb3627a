//! The fields of a form, by their names in lower case.
//!
//! A field that stands twice is refused: the policy would be asked about one of them, and the
//! object made of the other.

use std::collections::BTreeMap;

use aws::{AuthError, sigv4::PolicyFields};
use platform::objects::ObjectError;

use crate::{
    s3::errors::Refused,
    verify::{Signature, SignedPolicy},
};

/// Fields of a form that nobody looks at begin with this.
const IGNORED: &str = "x-ignore-";

/// Stands in a key for the file's name.
const FILENAME: &str = "${filename}";

/// The longest key, bytes (S3 user guide, "Object key naming guidelines").
const KEY_BYTES: usize = 1024;

/// Fields that only a signature of version 4 has, and of version 2.
const VERSION_4: [&str; 4] =
    ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];
const VERSION_2: [&str; 2] = ["awsaccesskeyid", "signature"];

/// The fields that stand before the file.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Adds a field as it came.
    pub(super) fn add(&mut self, name: &str, value: Vec<u8>) -> Result<(), Refused> {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with(IGNORED) {
            return Ok(());
        }
        let value = String::from_utf8(value).map_err(|_| invalid(name))?;
        if self.0.insert(lower, value).is_some() {
            let message = format!("Bucket POST must contain the field '{name}' only once.");
            return Err(Refused::argument(message).with("ArgumentName", name));
        }
        Ok(())
    }

    /// Says where the file goes: the bucket that the request names is the field `bucket`, whatever
    /// the form says, and the file's name stands in the key where the form asks for it.
    pub(super) fn place(&mut self, bucket: &str, filename: &str) -> Result<(), Refused> {
        self.0.insert("bucket".to_owned(), bucket.to_owned());
        let Some(key) = self.0.get_mut("key") else { return Ok(()) };
        // Some browsers tell the whole path.
        let filename = filename.rsplit(['/', '\\']).next().unwrap_or_default();
        if key.matches(FILENAME).count().saturating_mul(filename.len()) > KEY_BYTES {
            return Err(ObjectError::KeyTooLong.into());
        }
        *key = key.replace(FILENAME, filename);
        Ok(())
    }

    /// A field's value, by its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All fields, by their names in lower case.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A field that must be there, by its name as AWS writes it.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refused> {
        self.get(&name.to_ascii_lowercase()).ok_or_else(|| {
            // Both blanks are AWS's.
            let message = format!(
                "Bucket POST must contain a field named '{name}'.  If it is specified, please \
                 check the order of the fields."
            );
            Refused::argument(message).with("ArgumentName", name).with("ArgumentValue", "")
        })
    }

    /// The policy and the signature over it; nothing where the form has neither.
    pub(super) fn signed(&self) -> Result<Option<SignedPolicy<'_>>, Refused> {
        let has = |names: &[&str]| names.iter().any(|name| self.get(name).is_some());
        let signature = match (has(&VERSION_4), has(&VERSION_2)) {
            (true, true) => return Err(AuthError::Ambiguous.s3().into()),
            (false, false) if self.get("policy").is_none() => return Ok(None),
            (true, false) => self.version_4()?,
            (false, _) => self.version_2()?,
        };
        Ok(Some(SignedPolicy { policy: self.required("policy")?, signature }))
    }

    fn version_4(&self) -> Result<Signature<'_>, Refused> {
        Ok(Signature::Version4(PolicyFields {
            algorithm: self.required("X-Amz-Algorithm")?,
            credential: self.required("X-Amz-Credential")?,
            date: self.required("X-Amz-Date")?,
            signature: self.required("X-Amz-Signature")?,
            token: self.token(),
        }))
    }

    fn version_2(&self) -> Result<Signature<'_>, Refused> {
        Ok(Signature::Version2 {
            access_key: self.required("AWSAccessKeyId")?,
            signature: self.required("signature")?,
            token: self.token(),
        })
    }

    fn token(&self) -> Option<&str> {
        self.get("x-amz-security-token")
    }
}

/// The value of a field cannot be what it stands for.
pub(super) fn invalid(name: &str) -> Refused {
    Refused::argument(format!("The value of the field '{name}' is invalid."))
        .with("ArgumentName", name)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::s3::form) fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add(name, value.as_bytes().to_vec()).unwrap();
        }
        fields
    }

    #[test]
    fn names_are_known_in_any_case_and_stand_once() {
        let mut form = fields(&[("kEy", "a"), ("X-Ignore-B", "1"), ("x-ignore-b", "2")]);
        assert_eq!(form.iter().collect::<Vec<_>>(), [("key", "a")]);
        assert_eq!(form.add("KEY", b"b".to_vec()).unwrap_err().code, "InvalidArgument");
        assert_eq!(form.add("b", b"\xff".to_vec()).unwrap_err().code, "InvalidArgument");
    }

    #[test]
    fn the_key_takes_the_last_part_of_the_files_name() {
        for (filename, key) in
            [("a b.txt", "to/a b.txt/a b.txt"), ("C:\\x\\y.txt", "to/y.txt/y.txt"), ("", "to//")]
        {
            let mut form = fields(&[("key", "to/${filename}/${filename}"), ("bucket", "other")]);
            form.place("mine", filename).unwrap();
            assert_eq!((form.get("key"), form.get("bucket")), (Some(key), Some("mine")));
        }
    }

    #[test]
    fn a_key_cannot_be_blown_up() {
        let mut form = fields(&[("key", &FILENAME.repeat(5_000))]);
        let refused = form.place("mine", &"x".repeat(16_000)).unwrap_err();
        assert_eq!(refused.code, "KeyTooLongError");
    }

    #[test]
    fn a_signature_is_whole_or_there_is_none() {
        assert!(fields(&[("key", "a")]).signed().unwrap().is_none());
        let whole = ["policy", "x-amz-algorithm", "X-Amz-Credential", "x-amz-date"];
        let whole = [&whole[..], &["x-amz-signature"]].concat();
        let older = ["policy", "AWSAccessKeyId", "signature"];
        for names in [&whole[..], &older] {
            let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, "v")).collect();
            assert!(fields(&all).signed().unwrap().is_some());
            for left in 0..all.len() {
                let mut some = all.clone();
                some.remove(left);
                let refused = fields(&some).signed().map(|_| ()).unwrap_err();
                assert_eq!(refused.code, "InvalidArgument", "{some:?}");
            }
        }
        let both = fields(&[("signature", "v"), ("x-amz-signature", "v"), ("policy", "v")]);
        assert_eq!(both.signed().map(|_| ()).unwrap_err().code, "InvalidArgument");
    }
}
