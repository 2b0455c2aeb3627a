//! Conditions: under which circumstances a statement counts.
//!
//! What a request does not say fails a positive test and passes a negative one (`StringNotEquals`),
//! as AWS has it: a `Deny` for all but one network also denies who comes from none that is known.

use std::{cmp::Ordering, net::IpAddr};

use platform::objects::Context;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    PolicyFault, document,
    pattern::{Pattern, Syntax},
};

/// One key under one operator: all of them must hold.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) key: String,
    operator: Operator,
    wanted: Vec<Wanted>,
}

#[derive(Clone, Copy, Debug)]
struct Operator {
    test: Test,
    negated: bool,
    scope: Scope,
    if_exists: bool,
}

/// How several values of one key count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Plain,
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Text(Syntax),
    Number(Relation),
    Date(Relation),
    Bool,
    Address,
    Arn,
    Null,
}

/// What an order may be, so that a test holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A value of the policy, read for its test.
#[derive(Clone, Debug)]
enum Wanted {
    Text(Pattern),
    Number(Relation, f64),
    /// Microseconds since 1970.
    Date(Relation, i128),
    Bool(bool),
    Network(Network),
    /// The six parts between colons, each by itself.
    Arn(Vec<Pattern>),
}

/// A block of addresses (`192.0.2.0/24`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    bits: u8,
}

const LITERAL: Syntax = Syntax { wild: false, variables: false, fold: false };
const FOLDED: Syntax = Syntax { fold: true, ..LITERAL };
const WILD: Syntax = Syntax { wild: true, ..LITERAL };

/// The operators without their prefix and suffix, and which of them negate (IAM user guide, "IAM
/// JSON policy elements: Condition operators").
const OPERATORS: [(&str, Test, bool); 27] = [
    ("StringEquals", Test::Text(LITERAL), false),
    ("StringNotEquals", Test::Text(LITERAL), true),
    ("StringEqualsIgnoreCase", Test::Text(FOLDED), false),
    ("StringNotEqualsIgnoreCase", Test::Text(FOLDED), true),
    ("StringLike", Test::Text(WILD), false),
    ("StringNotLike", Test::Text(WILD), true),
    ("NumericEquals", Test::Number(Relation::Equal), false),
    ("NumericNotEquals", Test::Number(Relation::Equal), true),
    ("NumericLessThan", Test::Number(Relation::Less), false),
    ("NumericLessThanEquals", Test::Number(Relation::AtMost), false),
    ("NumericGreaterThan", Test::Number(Relation::More), false),
    ("NumericGreaterThanEquals", Test::Number(Relation::AtLeast), false),
    ("DateEquals", Test::Date(Relation::Equal), false),
    ("DateNotEquals", Test::Date(Relation::Equal), true),
    ("DateLessThan", Test::Date(Relation::Less), false),
    ("DateLessThanEquals", Test::Date(Relation::AtMost), false),
    ("DateGreaterThan", Test::Date(Relation::More), false),
    ("DateGreaterThanEquals", Test::Date(Relation::AtLeast), false),
    ("Bool", Test::Bool, false),
    // It compares base64 texts, whose letters' case matters.
    ("BinaryEquals", Test::Text(LITERAL), false),
    ("IpAddress", Test::Address, false),
    ("NotIpAddress", Test::Address, true),
    ("ArnEquals", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnLike", Test::Arn, false),
    ("ArnNotLike", Test::Arn, true),
    ("Null", Test::Null, false),
];

/// Condition keys of S3 itself that its policies may ask about (service authorization reference).
const KEYS: [&str; 33] = [
    "s3:accessgrantsinstancearn",
    "s3:accesspointnetworkorigin",
    "s3:authtype",
    "s3:bucketkeyenabled",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:delimiter",
    "s3:if-match",
    "s3:if-none-match",
    "s3:locationconstraint",
    "s3:max-keys",
    "s3:object-lock-legal-hold",
    "s3:object-lock-mode",
    "s3:object-lock-remaining-retention-days",
    "s3:object-lock-retain-until-date",
    "s3:objectcreationoperation",
    "s3:prefix",
    "s3:requestobjecttagkeys",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
];

/// Those that end in a tag's name, and those of AWS as a whole.
const KEY_PREFIXES: [&str; 4] =
    ["aws:", "s3:existingobjecttag/", "s3:requestobjecttag/", "s3:buckettag/"];

/// Reads `Condition`.
pub(super) fn read(value: &Value, variables: bool) -> Result<Vec<Condition>, PolicyFault> {
    let operators = value.as_object().ok_or(PolicyFault::Syntax)?;
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let operator = operator(name).ok_or_else(|| PolicyFault::ConditionType(name.clone()))?;
        for (key, values) in keys.as_object().ok_or(PolicyFault::Syntax)? {
            conditions.push(condition(operator, key, values, variables)?);
        }
    }
    Ok(conditions)
}

fn operator(name: &str) -> Option<Operator> {
    let (scope, name) = match name.split_once(':') {
        Some(("ForAllValues", rest)) => (Scope::ForAllValues, rest),
        Some(("ForAnyValue", rest)) => (Scope::ForAnyValue, rest),
        Some(_) => return None,
        None => (Scope::Plain, name),
    };
    let (base, if_exists) =
        name.strip_suffix("IfExists").map_or((name, false), |base| (base, true));
    let (_, test, negated) = OPERATORS.iter().find(|(known, ..)| *known == base)?;
    let operator = Operator { test: *test, negated: *negated, scope, if_exists };
    (*test != Test::Null || !if_exists).then_some(operator)
}

fn condition(
    operator: Operator,
    key: &str,
    values: &Value,
    variables: bool,
) -> Result<Condition, PolicyFault> {
    let lower = key.to_ascii_lowercase();
    let known = KEYS.contains(&lower.as_str())
        || KEY_PREFIXES
            .iter()
            .any(|prefix| lower.strip_prefix(prefix).is_some_and(|it| !it.is_empty()));
    if !known {
        return Err(PolicyFault::ConditionKey);
    }
    let texts = document::scalars(values).ok_or(PolicyFault::Syntax)?;
    let wanted = texts.iter().map(|text| operator.test.read(text, variables));
    let wanted: Option<Vec<Wanted>> = wanted.collect();
    let wanted = wanted.ok_or(PolicyFault::ConditionValue)?;
    Ok(Condition { key: key.to_owned(), operator, wanted })
}

impl Test {
    /// Reads a value of the policy.
    fn read(self, text: &str, variables: bool) -> Option<Wanted> {
        let pattern = |text, syntax| Pattern::new(text, Syntax { variables, ..syntax });
        Some(match self {
            Self::Text(syntax) => Wanted::Text(pattern(text, syntax)),
            Self::Number(relation) => Wanted::Number(relation, number(text)?),
            Self::Date(relation) => Wanted::Date(relation, date(text)?),
            Self::Bool | Self::Null => Wanted::Bool(boolean(text)?),
            Self::Address => Wanted::Network(Network::read(text)?),
            Self::Arn => {
                Wanted::Arn(text.splitn(ARN_PARTS, ':').map(|part| pattern(part, WILD)).collect())
            }
        })
    }
}

/// The parts of an ARN; what follows the fifth colon is one, whatever stands in it.
const ARN_PARTS: usize = 6;

impl Condition {
    pub(super) fn holds(&self, context: &Context<'_>) -> bool {
        let Operator { test, negated, scope, if_exists } = self.operator;
        let mut values = context.values(&self.key);
        let absent = context.values(&self.key).next().is_none();
        if test == Test::Null {
            let told = if absent { "true" } else { "false" };
            return self.one_wanted(told, context);
        }
        let fits = |value: &str| self.one_wanted(value, context) != negated;
        match scope {
            Scope::ForAllValues => values.all(fits),
            Scope::ForAnyValue => values.any(fits) || (absent && if_exists),
            Scope::Plain if absent => negated || if_exists,
            Scope::Plain if negated => values.all(fits),
            Scope::Plain => values.any(fits),
        }
    }

    fn one_wanted(&self, value: &str, context: &Context<'_>) -> bool {
        self.wanted.iter().any(|wanted| wanted.is(value, context))
    }

    /// Whether it asks that a key has one of a few given values.
    pub(super) fn pins_down(&self) -> bool {
        let Operator { negated, scope, if_exists, .. } = self.operator;
        let plain = !negated && !if_exists && scope != Scope::ForAllValues;
        plain && self.wanted.iter().all(Wanted::is_fixed)
    }
}

impl Wanted {
    fn is(&self, value: &str, context: &Context<'_>) -> bool {
        match self {
            Self::Text(pattern) => pattern.matches(value, context),
            Self::Number(relation, wanted) => {
                let order = number(value).and_then(|value| value.partial_cmp(wanted));
                order.is_some_and(|order| relation.allows(order))
            }
            Self::Date(relation, wanted) => {
                date(value).is_some_and(|value| relation.allows(value.cmp(wanted)))
            }
            Self::Bool(wanted) => boolean(value) == Some(*wanted),
            Self::Network(network) => value.parse().is_ok_and(|address| network.contains(address)),
            Self::Arn(parts) => {
                let values: Vec<&str> = value.splitn(parts.len(), ':').collect();
                let pairs = || parts.iter().zip(&values);
                values.len() == parts.len() && pairs().all(|(part, it)| part.matches(it, context))
            }
        }
    }

    fn is_fixed(&self) -> bool {
        match self {
            Self::Text(pattern) => pattern.is_fixed(),
            Self::Arn(parts) => parts.iter().all(Pattern::is_fixed),
            Self::Network(network) => network.is_narrow(),
            Self::Number(..) | Self::Date(..) | Self::Bool(_) => false,
        }
    }
}

impl Relation {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Microseconds since 1970, from one of ISO 8601's forms or from seconds since 1970.
fn date(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * 1_000_000);
    }
    let midnight = format!("{text}T00:00:00Z");
    let full = if text.contains('T') { text } else { &midnight };
    let moment = OffsetDateTime::parse(full, &Rfc3339).ok()?;
    Some(moment.unix_timestamp_nanos() / 1_000)
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self { address, bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        let same = |wanted: u128, address: u128, all: u8| {
            let shift = u32::from(all - self.bits);
            wanted.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(wanted), IpAddr::V4(address)) => {
                same(u128::from(wanted.to_bits()), u128::from(address.to_bits()), 32)
            }
            (IpAddr::V6(wanted), IpAddr::V6(address)) => {
                same(wanted.to_bits(), address.to_bits(), 128)
            }
            (IpAddr::V6(wanted), IpAddr::V4(address)) => {
                same(wanted.to_bits(), address.to_ipv6_mapped().to_bits(), 128)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }

    /// Narrow enough that not everybody is in it: /8 and /32 (S3 user guide, "The meaning of
    /// public").
    fn is_narrow(self) -> bool {
        self.bits >= if self.address.is_ipv4() { 8 } else { 32 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(condition: &Value, said: &[(&'static str, &'static str)]) -> bool {
        let mut context = Context::default();
        for (key, value) in said {
            context.set(*key, *value);
        }
        let conditions = read(condition, true).unwrap();
        conditions.iter().all(|condition| condition.holds(&context))
    }

    #[test]
    fn each_operator_holds_where_it_says_and_not_elsewhere() {
        let cases = [
            ("StringEquals", "s3:prefix", json!(["a", "b*"]), "b*", "bc"),
            ("StringNotEquals", "s3:prefix", json!(["a", "b"]), "c", "b"),
            ("StringEqualsIgnoreCase", "s3:prefix", json!("aB"), "Ab", "ac"),
            ("StringLike", "s3:prefix", json!(["home/*"]), "home/x", "Home/x"),
            ("StringNotLike", "s3:prefix", json!("home/*"), "house", "home/x"),
            ("NumericLessThanEquals", "s3:max-keys", json!(10), "10", "11"),
            ("NumericGreaterThan", "s3:max-keys", json!("10"), "11", "x"),
            ("NumericEquals", "s3:max-keys", json!([1, 2]), "2.0", "3"),
            ("DateLessThan", "aws:CurrentTime", json!("2026-01-01"), "2025-12-31T23:59:59Z", "0x"),
            ("DateGreaterThan", "aws:CurrentTime", json!("1700000000"), "1700000001", "1700000000"),
            ("Bool", "aws:SecureTransport", json!(false), "false", "true"),
            ("IpAddress", "aws:SourceIp", json!("192.0.2.0/24"), "192.0.2.9", "192.0.3.9"),
            ("NotIpAddress", "aws:SourceIp", json!(["10.0.0.0/8"]), "11.0.0.1", "10.9.8.7"),
            ("IpAddress", "aws:SourceIp", json!("2001:db8::/32"), "2001:db8::7", "2001:db9::7"),
            ("IpAddress", "aws:SourceIp", json!("127.0.0.1"), "::ffff:127.0.0.1", "127.0.0.2"),
            (
                "ArnLike",
                "aws:PrincipalArn",
                json!("arn:aws:iam::*:role/Sage*"),
                "arn:aws:iam::1:role/SageMaker",
                "arn:aws:iam::1:2:role/SageMaker",
            ),
            (
                "ArnNotEquals",
                "aws:PrincipalArn",
                json!("arn:aws:iam::1:role/A"),
                "arn:aws:iam::1:role/B",
                "arn:aws:iam::1:role/A",
            ),
        ];
        for (operator, key, wanted, good, bad) in cases {
            let condition = json!({operator: {key: wanted}});
            assert!(holds(&condition, &[(key, good)]), "{condition} {good}");
            assert!(!holds(&condition, &[(key, bad)]), "{condition} {bad}");
        }
    }

    #[test]
    fn what_is_not_said_passes_only_negations_and_what_need_not_exist() {
        for (operator, held) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotEquals", false),
            ("StringLikeIfExists", true),
        ] {
            assert_eq!(holds(&json!({operator: {"s3:prefix": "a"}}), &[]), held, "{operator}");
        }
        assert!(holds(&json!({"Null": {"s3:prefix": "true"}}), &[]));
        assert!(!holds(&json!({"Null": {"s3:prefix": "true"}}), &[("s3:prefix", "")]));
        assert!(holds(&json!({"Null": {"s3:prefix": false}}), &[("s3:prefix", "")]));
    }

    #[test]
    fn several_values_are_taken_all_or_any() {
        let both = [("s3:RequestObjectTagKeys", "a"), ("s3:RequestObjectTagKeys", "b")];
        let of =
            |operator: &str, wanted: Value| json!({operator: {"s3:RequestObjectTagKeys": wanted}});
        assert!(holds(&of("ForAllValues:StringEquals", json!(["a", "b", "c"])), &both));
        assert!(!holds(&of("ForAllValues:StringEquals", json!(["a"])), &both));
        assert!(holds(&of("ForAnyValue:StringEquals", json!(["b", "c"])), &both));
        assert!(!holds(&of("ForAnyValue:StringEquals", json!(["c"])), &both));
        assert!(!holds(&of("StringNotEquals", json!(["b"])), &both));
    }

    #[test]
    fn all_operators_and_keys_must_hold_together() {
        let both = json!({
            "StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"},
            "Bool": {"aws:SecureTransport": "true"},
        });
        let said = [("s3:prefix", "a"), ("s3:delimiter", "/"), ("aws:SecureTransport", "true")];
        assert!(holds(&both, &said));
        for left_out in 0..said.len() {
            let mut said = said.to_vec();
            said.remove(left_out);
            assert!(!holds(&both, &said));
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let fault = |condition| read(&condition, true).unwrap_err();
        assert!(matches!(
            fault(json!({"StringSounds": {"s3:prefix": "a"}})),
            PolicyFault::ConditionType(name) if name == "StringSounds"
        ));
        assert!(matches!(
            fault(json!({"NullIfExists": {"s3:prefix": true}})),
            PolicyFault::ConditionType(_)
        ));
        for key in ["s3:nothing", "ec2:Region", "aws:", "s3:ExistingObjectTag/"] {
            let fault = fault(json!({"StringEquals": {key: "a"}}));
            assert_eq!(fault, PolicyFault::ConditionKey, "{key}");
        }
        for (operator, value) in [
            ("IpAddress", json!("300.1.1.1")),
            ("IpAddress", json!("10.0.0.0/33")),
            ("NumericEquals", json!("ten")),
            ("DateEquals", json!("soon")),
            ("Bool", json!("maybe")),
        ] {
            let fault = fault(json!({operator: {"aws:x": value}}));
            assert_eq!(fault, PolicyFault::ConditionValue, "{operator}");
        }
        for condition in [json!([]), json!({"Bool": []}), json!({"StringEquals": {"aws:x": {}}})] {
            assert_eq!(fault(condition), PolicyFault::Syntax);
        }
    }

    proptest! {
        #[test]
        fn no_value_breaks_a_test(operator in 0..OPERATORS.len(), wanted in ".{0,20}", value in ".{0,20}") {
            let (name, ..) = OPERATORS[operator];
            let condition = json!({name: {"aws:x": wanted}});
            if let Ok(conditions) = read(&condition, true) {
                let mut context = Context::default();
                context.set("aws:x", value);
                prop_assert!(conditions.iter().filter(|it| it.holds(&context)).count() <= 1);
            }
        }

        #[test]
        fn a_network_holds_its_own_addresses(address: [u8; 4], bits in 0_u8..=32) {
            let address = IpAddr::from(address);
            let network = Network::read(&format!("{address}/{bits}")).unwrap();
            prop_assert!(network.contains(address));
        }
    }
}
