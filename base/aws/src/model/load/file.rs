//! The form of the files that codegen writes.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::model::operation::{Http, Pagination};

/// One service.
#[derive(Deserialize)]
pub struct File<'a> {
    /// Bindings of the whole service.
    #[serde(borrow)]
    pub metadata: Metadata<'a>,
    /// By name.
    #[serde(borrow)]
    pub operations: Entries<'a, RawOperation<'a>>,
    /// By name.
    #[serde(borrow)]
    pub shapes: Entries<'a, RawShape<'a>>,
}

/// Bindings of a whole service.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// A date.
    pub api_version: &'a str,
    /// `1.0` or `1.1`.
    pub json_version: Option<&'a str>,
    /// What its clients speak, the newest first.
    #[serde(borrow)]
    pub protocols: Vec<&'a str>,
    /// First part of its host name.
    pub endpoint_prefix: &'a str,
    /// In a signature's scope, where not the endpoint prefix.
    pub signing_name: Option<&'a str>,
    /// In `X-Amz-Target`.
    pub target_prefix: Option<&'a str>,
    /// Of the query protocol's XML.
    pub xml_namespace: Option<&'a str>,
}

/// An operation; all absent where only its name is kept.
#[derive(Deserialize)]
pub struct RawOperation<'a> {
    /// Name of the shape.
    pub input: Option<&'a str>,
    /// Name of the shape.
    pub output: Option<&'a str>,
    /// Names of the errors it may answer with.
    #[serde(default, borrow)]
    pub errors: Vec<&'a str>,
    /// Its REST binding.
    #[serde(borrow)]
    pub http: Option<Http<'a>>,
    /// How it pages.
    pub page: Option<RawPage>,
}

/// How an operation pages, with one list or several.
#[derive(Deserialize)]
pub struct RawPage {
    input_token: String,
    output_token: String,
    limit_key: Option<String>,
    result_key: Option<OneOrMore>,
    more_results: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<RawPage> for Pagination {
    fn from(raw: RawPage) -> Self {
        let result_key = match raw.result_key {
            None => Vec::new(),
            Some(OneOrMore::One(key)) => vec![key],
            Some(OneOrMore::More(keys)) => keys,
        };
        Self {
            input_token: raw.input_token,
            output_token: raw.output_token,
            limit_key: raw.limit_key,
            result_key,
            more_results: raw.more_results,
        }
    }
}

/// A shape of any kind.
#[derive(Deserialize)]
pub struct RawShape<'a> {
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Names of a structure's members that must not be null.
    #[serde(default, borrow)]
    pub required: Vec<&'a str>,
    /// A structure's members.
    #[serde(default, borrow)]
    pub members: Entries<'a, RawMember<'a>>,
    /// A list's elements.
    #[serde(borrow)]
    pub member: Option<RawMember<'a>>,
    /// A map's keys.
    #[serde(borrow)]
    pub key: Option<RawMember<'a>>,
    /// A map's values.
    #[serde(borrow)]
    pub value: Option<RawMember<'a>>,
    /// Least length or value.
    pub min: Option<f64>,
    /// Greatest length or value.
    pub max: Option<f64>,
    /// Java's regular expression of a whole text.
    pub pattern: Option<String>,
    /// The only texts allowed.
    #[serde(default, rename = "enum")]
    pub words: Vec<Cow<'static, str>>,
    /// Must not be repeated in messages.
    #[serde(default)]
    pub sensitive: bool,
}

/// A reference to a shape.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum RawMember<'a> {
    /// In the body.
    Plain(&'a str),
    /// Elsewhere.
    Placed {
        /// The shape's name.
        shape: &'a str,
        /// `uri`, `querystring` or `header`.
        location: &'a str,
        /// Its name there.
        #[serde(rename = "locationName")]
        location_name: Option<&'a str>,
    },
}

impl<'a> RawMember<'a> {
    /// The shape's name.
    pub fn shape(&self) -> &'a str {
        match self {
            Self::Plain(shape) | Self::Placed { shape, .. } => shape,
        }
    }
}

/// An object's members in the file's order.
pub struct Entries<'a, T>(pub Vec<(&'a str, T)>);

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<'a, T>(PhantomData<(&'a str, T)>);

        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for InOrder<'a, T> {
            type Value = Entries<'a, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}
