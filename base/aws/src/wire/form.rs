//! Forms: what the query protocol's requests are made of.

use thiserror::Error;

use super::escape::{decode_field, fields};

/// How many fields a form may have. A full `PutMetricData` has 1,000 data of a few members.
pub const FIELDS: usize = 50_000;

/// The body is no form that the query protocol writes. AWS calls it `MalformedQueryString`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormError {
    /// Not UTF-8 once decoded.
    #[error("the form is not UTF-8")]
    NotUtf8,
    /// More than [`FIELDS`] fields.
    #[error("the form has more than {FIELDS} fields")]
    TooMany,
}

/// A decoded form, order kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Decodes `application/x-www-form-urlencoded` (or a raw query).
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(body).map_err(|_| FormError::NotUtf8)?;
        if fields(text).nth(FIELDS).is_some() {
            return Err(FormError::TooMany);
        }
        let decoded = |text| String::from_utf8(decode_field(text)).map_err(|_| FormError::NotUtf8);
        fields(text)
            .map(|(name, value)| Ok((decoded(name)?, decoded(value)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(there, _)| *there == name).map(|(_, value)| value)
    }

    /// The operation's name.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// The API's version, a date.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_in_its_order() {
        let form = Form::parse(b"Action=GetRole&RoleName=a+b%2Bc&Version=2010-05-08&flag").unwrap();
        assert_eq!(form.action(), Some("GetRole"));
        assert_eq!(form.version(), Some("2010-05-08"));
        assert_eq!(form.get("RoleName"), Some("a b+c"));
        assert_eq!(form.iter().last(), Some(("flag", "")));
    }

    #[test]
    fn what_is_no_text_and_what_has_too_many_fields_is_refused() {
        assert_eq!(Form::parse(b"a=%FF"), Err(FormError::NotUtf8));
        assert_eq!(Form::parse(&b"a&".repeat(FIELDS + 1)), Err(FormError::TooMany));
        assert!(Form::parse(&b"a&".repeat(FIELDS)).is_ok());
    }
}
