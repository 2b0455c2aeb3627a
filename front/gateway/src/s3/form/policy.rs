//! The policy of a form: until when it holds, and what each field must be.
//!
//! A policy says everything or nothing: a field that no condition speaks of is refused, and so is a
//! policy that says something that is not understood here.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};
use types::Timestamp;

use super::{fields::Fields, file::Sizes};
use crate::s3::{digest::HEADER_PREFIX, errors::Refused};

/// Fields that need no condition: they are what is signed and what signs it.
const UNCONDITIONED: [&str; 4] = ["policy", "x-amz-signature", "awsaccesskeyid", "signature"];

/// When a policy ends, in UTC.
const MOMENT: &[BorrowedFormatItem<'_>] = format_description!(
    version = 2,
    "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]Z"
);

/// A policy that was understood.
#[derive(Debug)]
pub(super) struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    /// How large the file may be.
    pub(super) sizes: Sizes,
}

#[derive(Debug)]
struct Condition {
    operator: Operator,
    /// The field's name as it was written.
    field: String,
    value: String,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Eq,
    StartsWith,
}

/// What one condition is about.
enum Rule {
    Field(Condition),
    Sizes(Sizes),
}

impl Policy {
    /// Reads the policy of a form.
    pub(super) fn parse(base64: &str) -> Result<Self, Refused> {
        let text = BASE64.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| invalid("it is not base64 text of UTF-8."))?;
        let Ok(Value::Object(document)) = serde_json::from_str(&as_json(&text)) else {
            return Err(invalid("Invalid JSON."));
        };
        if let Some(name) =
            document.keys().find(|name| !matches!(&***name, "expiration" | "conditions"))
        {
            return Err(invalid(&format!("Unexpected: '{name}'")));
        }
        let mut policy = Self {
            expiration: expiration(document.get("expiration"))?,
            conditions: Vec::new(),
            sizes: Sizes::ANY,
        };
        let Some(Value::Array(conditions)) = document.get("conditions") else {
            return Err(invalid("Policy missing conditions."));
        };
        for condition in conditions {
            match Rule::parse(condition)? {
                Rule::Field(condition) => policy.conditions.push(condition),
                Rule::Sizes(sizes) => policy.sizes = policy.sizes.and(sizes),
            }
        }
        Ok(policy)
    }

    /// Whether the fields are what was signed. The file's size is left to whoever reads it.
    pub(super) fn check(&self, fields: &Fields, now: Timestamp) -> Result<(), Refused> {
        if now > self.expiration {
            return Err(denied("Policy expired."));
        }
        let unmet = self.conditions.iter().find(|condition| !condition.holds(fields));
        if let Some(condition) = unmet {
            return Err(denied(&format!("Policy Condition failed: {}", condition.shown())));
        }
        let names = fields.iter().map(|(name, _)| name);
        let extra: Vec<&str> = names.filter(|name| !self.speaks_of(name)).collect();
        if extra.is_empty() {
            return Ok(());
        }
        Err(denied(&format!("Extra input fields: {}", extra.join(", "))))
    }

    /// Whether a field may be there. Who sends the file may say what its bytes are: a checksum can
    /// only have the file refused.
    fn speaks_of(&self, name: &str) -> bool {
        UNCONDITIONED.contains(&name)
            || name.starts_with(HEADER_PREFIX)
            || self.conditions.iter().any(|condition| condition.field.eq_ignore_ascii_case(name))
    }
}

impl Condition {
    fn holds(&self, fields: &Fields) -> bool {
        let name = self.field.to_ascii_lowercase();
        let Some(value) = fields.get(&name) else { return false };
        match self.operator {
            Operator::Eq => value == self.value,
            // A list of types, each of which must fit.
            Operator::StartsWith if name == "content-type" => {
                value.split(',').all(|value| value.trim_start().starts_with(&self.value))
            }
            Operator::StartsWith => value.starts_with(&self.value),
        }
    }

    /// As AWS shows it.
    fn shown(&self) -> String {
        let operator = match self.operator {
            Operator::Eq => "eq",
            Operator::StartsWith => "starts-with",
        };
        let [field, value] = [format!("${}", self.field), self.value.clone()].map(Value::from);
        format!("[\"{operator}\", {field}, {value}]")
    }
}

impl Rule {
    fn parse(condition: &Value) -> Result<Self, Refused> {
        match condition {
            Value::Object(properties) => {
                let mut properties = properties.iter();
                match (properties.next(), properties.next()) {
                    (Some((field, Value::String(value))), None) => {
                        Ok(Self::field(Operator::Eq, field, value))
                    }
                    (Some(_), None) => {
                        Err(invalid("Invalid Simple-Condition: the value must be a string."))
                    }
                    _ => Err(invalid(
                        "Invalid Simple-Condition: Simple-Conditions must have exactly one \
                         property specified.",
                    )),
                }
            }
            Value::Array(members) => Self::listed(members),
            _ => Err(invalid("Invalid condition: it is neither an object nor a list.")),
        }
    }

    fn listed(members: &[Value]) -> Result<Self, Refused> {
        let [Value::String(name), first, second] = members else {
            return Err(invalid("Invalid condition: a list names an operation and two arguments."));
        };
        let operator = match &*name.to_ascii_lowercase() {
            "eq" => Operator::Eq,
            "starts-with" => Operator::StartsWith,
            "content-length-range" => return range(first, second),
            _ => return Err(invalid(&format!("Invalid operation name: '{name}'"))),
        };
        let field = first.as_str().and_then(|first| first.strip_prefix('$'));
        match (field, second) {
            (Some(field), Value::String(value)) => Ok(Self::field(operator, field, value)),
            _ => Err(invalid(&format!(
                "Invalid {name}: a field's name after a dollar sign and a string are wanted."
            ))),
        }
    }

    fn field(operator: Operator, field: &str, value: &str) -> Self {
        Self::Field(Condition { operator, field: field.to_owned(), value: value.to_owned() })
    }
}

fn range(least: &Value, most: &Value) -> Result<Rule, Refused> {
    match (bytes(least), bytes(most)) {
        (Some(least), Some(most)) => Ok(Rule::Sizes(Sizes { least, most })),
        _ => Err(invalid("Invalid content-length-range: two numbers of bytes are wanted.")),
    }
}

/// A number of bytes, which some write as a string.
fn bytes(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().ok()
        }
        value => value.as_u64(),
    }
}

fn expiration(value: Option<&Value>) -> Result<Timestamp, Refused> {
    let value = value.ok_or_else(|| invalid("Policy missing expiration."))?;
    let moment = value.as_str().and_then(|text| PrimitiveDateTime::parse(text, MOMENT).ok());
    let micros = moment.map(|at| at.assume_utc().unix_timestamp_nanos() / 1_000);
    micros
        .and_then(|micros| i64::try_from(micros).ok())
        .map(Timestamp::from_micros)
        .ok_or_else(|| invalid(&format!("Invalid 'expiration' value: {value}")))
}

/// A policy as JSON knows it: AWS's have `\$` and `\v` besides.
fn as_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, if character == '\\' { characters.next() } else { None }) {
            ('\\', Some('$')) => json.push('$'),
            ('\\', Some('v')) => json.push_str("\\u000b"),
            (character, escaped) => json.extend([character].into_iter().chain(escaped)),
        }
    }
    json
}

fn invalid(what: &str) -> Refused {
    Refused::bad("InvalidPolicyDocument", format!("Invalid Policy: {what}"))
}

fn denied(what: &str) -> Refused {
    let mut refused = Refused::denied();
    refused.message = format!("Invalid according to Policy: {what}").into();
    refused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::s3::form::fields::tests::fields;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

    fn policy(json: &str) -> Result<Policy, Refused> {
        Policy::parse(&BASE64.encode(json))
    }

    fn with(conditions: &str) -> Result<Policy, Refused> {
        policy(&format!(
            "{{\"expiration\":\"2100-01-01T00:00:00Z\",\"conditions\":[{conditions}]}}"
        ))
    }

    /// The end of the refusal's message.
    fn check(conditions: &str, form: &[(&str, &str)]) -> Result<(), String> {
        let checked = with(conditions).unwrap().check(&fields(form), NOW);
        checked.map_err(|refused| {
            assert_eq!((refused.status.as_u16(), refused.code), (403, "AccessDenied"));
            let message = refused.message.strip_prefix("Invalid according to Policy: ");
            message.unwrap().to_owned()
        })
    }

    #[test]
    fn each_kind_of_condition_holds_or_fails_in_awss_words() {
        for (condition, good, bad, shown) in [
            (r#"{"Key": "a/b"}"#, "a/b", "a/c", r#"["eq", "$Key", "a/b"]"#),
            (r#"["EQ", "$kEy", "\"\u0041\""]"#, "\"A\"", "A", r#"["eq", "$kEy", "\"A\""]"#),
            (r#"["Starts-With", "$key", "a/"]"#, "a/", "b/a/", r#"["starts-with", "$key", "a/"]"#),
            (
                r#"["eq", "$key", "\$a\v\\"]"#,
                "$a\u{b}\\",
                "\\$a",
                r#"["eq", "$key", "$a\u000b\\"]"#,
            ),
        ] {
            assert_eq!(check(condition, &[("key", good)]), Ok(()));
            let failed = Err(format!("Policy Condition failed: {shown}"));
            assert_eq!(check(condition, &[("key", bad)]), failed);
            assert_eq!(check(condition, &[]), failed);
        }
    }

    #[test]
    fn a_type_of_each_file_is_wanted() {
        let condition = r#"["starts-with", "$content-type", "image/"]"#;
        assert_eq!(check(condition, &[("Content-Type", "image/png, image/gif")]), Ok(()));
        assert!(check(condition, &[("Content-Type", "image/png,text/html")]).is_err());
    }

    #[test]
    fn a_field_that_no_condition_speaks_of_is_refused() {
        let form = [("policy", "p"), ("X-Amz-Signature", "s"), ("AWSAccessKeyId", "k")];
        assert_eq!(check("", &form), Ok(()));
        assert_eq!(check("", &[("x-amz-checksum-crc32", "c"), ("x-ignore-me", "i")]), Ok(()));
        let extra = Err("Extra input fields: acl, x-amz-meta-a".to_owned());
        assert_eq!(check("", &[("X-Amz-Meta-A", ""), ("acl", "private")]), extra);
    }

    #[test]
    fn a_policy_holds_until_it_expires() {
        for (moment, good) in [
            ("2001-09-09T01:46:40Z", true),
            ("2001-09-09T01:46:40.000Z", true),
            ("2001-09-09T01:46:39.999999Z", false),
        ] {
            let json = format!("{{\"expiration\":\"{moment}\",\"conditions\":[]}}");
            let checked = policy(&json).unwrap().check(&fields(&[]), NOW);
            assert_eq!(checked.is_ok(), good, "{moment}");
        }
    }

    #[test]
    fn sizes_are_those_that_all_ranges_allow() {
        let ranges = r#"["content-length-range", 5, 20], ["Content-Length-Range", "1", "10"]"#;
        assert_eq!(with(ranges).unwrap().sizes, Sizes { least: 5, most: 10 });
        assert_eq!(with("").unwrap().sizes, Sizes::ANY);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"conditions":[]}"#,
            r#"{"expiration":"2100-01-01T00:00:00Z"}"#,
            r#"{"expiration":"2100-01-01T00:00:00Z","conditions":{}}"#,
            r#"{"expiration":"2100-01-01T00:00:00Z","CONDITIONS":[]}"#,
            r#"{"expiration":"2100-01-01T00:00:00Z","conditions":[],"more":1}"#,
            r#"{"expiration":"2100-01-01 00:00:00.5+00:00","conditions":[]}"#,
            r#"{"expiration":"2100-01-01T00:00:00+01:00","conditions":[]}"#,
            r#"{"expiration":4102444800,"conditions":[]}"#,
        ] {
            assert_eq!(policy(json).unwrap_err().code, "InvalidPolicyDocument", "{json}");
        }
        for condition in [
            "1",
            "{}",
            r#"{"a":"1","b":"2"}"#,
            r#"{"a":1}"#,
            "[]",
            r#"["eq","$a"]"#,
            r#"["eq","a","b"]"#,
            r#"["eq","$a",1]"#,
            r#"["eq","$a","b","c"]"#,
            r#"["ends-with","$a","b"]"#,
            r#"["content-length-range",0]"#,
            r#"["content-length-range",-1,0]"#,
            r#"["content-length-range",0,1.5]"#,
            r#"["content-length-range","","+1"]"#,
        ] {
            let refused = with(condition).unwrap_err();
            assert_eq!(refused.code, "InvalidPolicyDocument", "{condition}");
            assert!(refused.message.starts_with("Invalid Policy: "), "{condition}");
        }
        assert_eq!(Policy::parse("{}").unwrap_err().code, "InvalidPolicyDocument");
    }

    proptest! {
        #[test]
        fn a_condition_holds_for_its_own_value_and_no_other(
            field in "[a-z-]{1,8}",
            value in ".{0,8}",
            other in ".{0,8}",
        ) {
            let [name, json] = [format!("${field}"), value.clone()].map(Value::from);
            let eq = check(&format!("[\"eq\",{name},{json}]"), &[(&field, &other)]);
            prop_assert_eq!(eq.is_ok(), value == other);
            let grown = format!("{value}{other}");
            let begins = check(&format!("[\"starts-with\",{name},{json}]"), &[(&field, &grown)]);
            prop_assert!(begins.is_ok());
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*", conditions in "[\\[\\]{}\",$:a-z0-9\\\\]*") {
            let _ = Policy::parse(&text);
            let _ = policy(&text);
            let _ = with(&conditions);
        }
    }
}
