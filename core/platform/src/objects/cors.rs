//! A browser's question whether a page of another origin may call, and the answer.

/// What a browser asks, or says, before it calls a bucket for a page of another origin.
#[derive(Clone, Copy, Debug)]
pub struct CorsAsked<'a> {
    /// `https://example.org`.
    pub origin: &'a str,
    /// The method of the call.
    pub method: &'a str,
    /// Names of the headers that the page will send.
    pub headers: &'a [&'a str],
}

/// What the first rule that fits allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsGrant {
    /// The rule is for every origin, so that the answer names none.
    pub any_origin: bool,
    /// All methods that the rule allows.
    pub methods: Vec<String>,
    /// Response headers that scripts may read.
    pub exposed: Vec<String>,
    /// How long a browser may keep the answer, seconds.
    pub max_age: Option<i32>,
}

/// What is said about a call from another origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsAnswer {
    /// The bucket has no rules.
    Off,
    /// None of its rules fits.
    Refused,
    /// The first rule that fits allows it.
    Granted(CorsGrant),
}
