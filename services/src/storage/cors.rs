//! Which pages of other origins may call a bucket from a browser.
//!
//! The first rule that fits decides. That it may be called says nothing about whether the call is
//! allowed: that is [`super::policy`]'s.

use platform::objects::{CorsAsked, CorsGrant, settings::CorsRule};

/// The most rules of a bucket (S3 user guide, "CORS configuration").
const RULES: usize = 100;

/// The longest id of a rule, characters (S3 API reference, CORSRule).
const LONGEST_ID: usize = 255;

const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// Why rules are refused; the words are AWS's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CorsFault {
    /// None, too many, or a rule without a method or an origin.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    Schema,
    /// A method that no rule can allow.
    #[error("Found unsupported HTTP method in CORS config. Unsupported method is {0}")]
    Method(String),
    /// More than one wildcard in an origin.
    #[error("AllowedOrigin \"{0}\" can not have more than one wildcard.")]
    Origin(String),
    /// More than one wildcard in a header.
    #[error("AllowedHeader \"{0}\" can not have more than one wildcard.")]
    Header(String),
    /// A wildcard where only names are.
    #[error(
        "ExposeHeader \"{0}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
    )]
    Exposed(String),
    /// A name that is too long.
    #[error("The ID of a rule may have at most 255 characters.")]
    Id,
}

/// Checks all rules of a bucket.
pub(super) fn check(rules: &[CorsRule]) -> Result<(), CorsFault> {
    if rules.is_empty() || rules.len() > RULES {
        return Err(CorsFault::Schema);
    }
    rules.iter().try_for_each(check_rule)
}

fn check_rule(rule: &CorsRule) -> Result<(), CorsFault> {
    if rule.methods.is_empty() || rule.origins.is_empty() {
        return Err(CorsFault::Schema);
    }
    if rule.id.as_ref().is_some_and(|id| id.chars().count() > LONGEST_ID) {
        return Err(CorsFault::Id);
    }
    let unknown = |method: &&String| !METHODS.contains(&method.as_str());
    if let Some(method) = rule.methods.iter().find(unknown) {
        return Err(CorsFault::Method(method.clone()));
    }
    let wilder_than = |limit: usize| move |text: &&String| text.matches('*').count() > limit;
    if let Some(origin) = rule.origins.iter().find(wilder_than(1)) {
        return Err(CorsFault::Origin(origin.clone()));
    }
    if let Some(header) = rule.headers.iter().find(wilder_than(1)) {
        return Err(CorsFault::Header(header.clone()));
    }
    match rule.exposed.iter().find(wilder_than(0)) {
        Some(header) => Err(CorsFault::Exposed(header.clone())),
        None => Ok(()),
    }
}

/// What a browser is told, by the first rule that fits.
pub(super) fn granted(rules: &[CorsRule], asked: &CorsAsked<'_>) -> Option<CorsGrant> {
    rules.iter().find_map(|rule| {
        let origin = rule.origins.iter().find(|origin| fits(origin, asked.origin, false))?;
        let method = rule.methods.iter().any(|method| method == asked.method);
        let allows = |header: &&str| rule.headers.iter().any(|known| fits(known, header, true));
        (method && asked.headers.iter().all(allows)).then(|| CorsGrant {
            any_origin: origin == "*",
            methods: rule.methods.clone(),
            exposed: rule.exposed.clone(),
            max_age: rule.max_age,
        })
    })
}

/// Whether a text is what a rule says, with at most one `*`.
fn fits(pattern: &str, text: &str, fold: bool) -> bool {
    let (pattern, text) = if fold {
        (pattern.to_ascii_lowercase(), text.to_ascii_lowercase())
    } else {
        (pattern.to_owned(), text.to_owned())
    };
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| rest.ends_with(tail)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(origins: &[&str], methods: &[&str]) -> CorsRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CorsRule { origins: owned(origins), methods: owned(methods), ..CorsRule::default() }
    }

    fn asked<'a>(origin: &'a str, method: &'a str, headers: &'a [&'a str]) -> CorsAsked<'a> {
        CorsAsked { origin, method, headers }
    }

    #[test]
    fn origins_fit_with_one_star_and_with_their_case() {
        let rules = [rule(&["*suffix"], &["GET"]), rule(&["start*end", "prefix*"], &["GET"])];
        for origin in ["foo.suffix", "suffix", "startend", "start12end", "prefix", "prefix.x"] {
            assert!(granted(&rules, &asked(origin, "GET", &[])).is_some(), "{origin}");
        }
        for origin in ["foo.bar", "foo.suffix.get", "0startend", "startxen", "bla.prefix", "SUFFIX"]
        {
            assert!(granted(&rules, &asked(origin, "GET", &[])).is_none(), "{origin}");
        }
        let overlap = [rule(&["aba*ba"], &["GET"])];
        assert!(granted(&overlap, &asked("aba", "GET", &[])).is_none());
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let mut first = rule(&["*"], &["GET"]);
        first.max_age = Some(1);
        let mut second = rule(&["https://a.example"], &["GET", "PUT"]);
        second.headers = vec!["x-amz-*".to_owned(), "Content-Type".to_owned()];
        let rules = [first, second];
        let of = |method, headers: &[&str]| {
            granted(&rules, &CorsAsked { origin: "https://a.example", method, headers })
        };
        assert_eq!(of("GET", &[]).unwrap().max_age, Some(1));
        assert!(of("GET", &[]).unwrap().any_origin);
        let put = of("PUT", &["content-type", "X-Amz-Date"]).unwrap();
        assert!(!put.any_origin && put.methods == ["GET", "PUT"]);
        assert!(of("GET", &["content-type"]).is_some());
        assert!(of("PUT", &["authorization"]).is_none());
        assert!(of("DELETE", &[]).is_none());
    }

    #[test]
    fn rules_that_mean_nothing_are_refused() {
        assert_eq!(check(&[]), Err(CorsFault::Schema));
        assert_eq!(check(&vec![rule(&["*"], &["GET"]); 101]), Err(CorsFault::Schema));
        assert_eq!(check(&[rule(&[], &["GET"])]), Err(CorsFault::Schema));
        assert_eq!(check(&[rule(&["*"], &[])]), Err(CorsFault::Schema));
        assert_eq!(check(&[rule(&["*"], &["PATCH"])]), Err(CorsFault::Method("PATCH".to_owned())));
        assert_eq!(check(&[rule(&["*.*"], &["GET"])]), Err(CorsFault::Origin("*.*".to_owned())));
        let mut stars = rule(&["*"], &["GET"]);
        stars.headers = vec!["x-*-*".to_owned()];
        assert_eq!(check(&[stars.clone()]), Err(CorsFault::Header("x-*-*".to_owned())));
        stars.headers = vec!["*".to_owned()];
        assert_eq!(check(&[stars.clone()]), Ok(()));
        stars.exposed = vec!["*".to_owned()];
        assert_eq!(check(&[stars.clone()]), Err(CorsFault::Exposed("*".to_owned())));
        stars.exposed.clear();
        stars.id = Some("i".repeat(256));
        assert_eq!(check(&[stars]), Err(CorsFault::Id));
    }

    proptest! {
        #[test]
        fn a_star_stands_for_anything(head in "[a-z]{0,9}", middle in ".{0,9}", tail in "[a-z]{0,9}") {
            let pattern = format!("{head}*{tail}");
            let text = format!("{head}{middle}{tail}");
            prop_assert!(fits(&pattern, &text, false));
        }
    }
}
