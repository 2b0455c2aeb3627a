//! Policies, and what they decide.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ME: &str = "111122223333";
const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/SageMaker/me";
const OTHER: &str = "444455556666";
const OTHER_ROLE: &str = "arn:aws:sts::444455556666:assumed-role/Reader/you";

fn policy(statements: &Value) -> Policy {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    Policy::parse(&document.to_string(), "data").unwrap()
}

fn fault(statement: &Value) -> PolicyFault {
    let document = json!({"Version": "2012-10-17", "Statement": [statement]});
    Policy::parse(&document.to_string(), "data").unwrap_err()
}

fn signed<'a>(account: &'a str, arn: &'a str) -> Principal<'a> {
    Principal::Signed { account, arn, canonical: None }
}

fn ask<'a>(
    principal: Principal<'a>,
    action: &'a str,
    resource: &'a str,
    context: &'a Context<'a>,
) -> Request<'a> {
    Request { principal, action, resource, context }
}

fn read_by<'a>(principal: Principal<'a>, context: &'a Context<'a>) -> Request<'a> {
    ask(principal, "s3:GetObject", "arn:aws:s3:::data/train/x.csv", context)
}

fn reading(principal: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["s3:GetObject"],
        "Resource": "arn:aws:s3:::data/*",
    })
}

fn denial(condition: &Value) -> Value {
    json!({
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
        "Condition": condition,
    })
}

fn permits(
    policy: Option<&Policy>,
    block: Option<PublicAccessBlock>,
    account: &str,
    request: &Request<'_>,
) -> bool {
    judge(policy, block, account, request) == Decision::Allow
}

#[test]
fn the_own_account_may_all_and_others_nothing_where_there_is_no_policy() {
    let context = Context::default();
    assert!(permits(None, None, ME, &read_by(signed(ME, ROLE), &context)));
    assert!(!permits(None, None, ME, &read_by(signed(OTHER, OTHER_ROLE), &context)));
    assert!(!permits(None, None, ME, &read_by(Principal::Anonymous, &context)));
}

#[test]
fn who_is_allowed_may_do_that_and_nothing_else() {
    let policy = policy(&json!([reading(&json!({"AWS": OTHER}))]));
    let context = Context::default();
    let you = signed(OTHER, OTHER_ROLE);
    let permitted = |request: &Request<'_>| permits(Some(&policy), None, ME, request);
    assert!(permitted(&read_by(you, &context)));
    assert!(permitted(&ask(you, "S3:getobject", "arn:aws:s3:::data/x", &context)));
    assert!(!permitted(&ask(you, "s3:GetObjectVersion", "arn:aws:s3:::data/x", &context)));
    assert!(!permitted(&ask(you, "s3:GetObject", "arn:aws:s3:::data2/x", &context)));
    assert!(!permitted(&read_by(Principal::Anonymous, &context)));
    assert!(permitted(&ask(signed(ME, ROLE), "s3:PutObject", "arn:aws:s3:::data/x", &context)));
}

#[test]
fn a_denial_outweighs_every_permission_and_holds_for_the_owner_too() {
    let plain = json!({"Bool": {"aws:SecureTransport": "false"}});
    let policy = policy(&json!([reading(&json!("*")), denial(&plain)]));
    let mut insecure = Context::default();
    insecure.set("aws:SecureTransport", "false");
    for principal in [Principal::Anonymous, signed(ME, ROLE), signed(OTHER, OTHER_ROLE)] {
        let request = read_by(principal, &insecure);
        assert_eq!(policy.decide(&request), Decision::Deny);
        assert!(!permits(Some(&policy), None, ME, &request));
    }
    let mut secure = Context::default();
    secure.set("aws:SecureTransport", "true");
    assert!(permits(Some(&policy), None, ME, &read_by(Principal::Anonymous, &secure)));
}

#[test]
fn nobody_is_locked_out_of_their_own_policy() {
    let policy = policy(&json!([denial(&json!({}))]));
    let context = Context::default();
    let bucket = "arn:aws:s3:::data";
    for action in NEVER_LOCKED_OUT {
        assert!(permits(Some(&policy), None, ME, &ask(signed(ME, ROLE), action, bucket, &context)));
        let stranger = ask(signed(OTHER, OTHER_ROLE), action, bucket, &context);
        assert!(!permits(Some(&policy), None, ME, &stranger));
    }
    let listing = ask(signed(ME, ROLE), "s3:ListBucket", bucket, &context);
    assert!(!permits(Some(&policy), None, ME, &listing));
}

#[test]
fn a_restricted_bucket_lets_no_stranger_in_by_a_public_policy() {
    let context = Context::default();
    let block = Some(PublicAccessBlock { restrict_buckets: true, ..Default::default() });
    let named = policy(&json!([reading(&json!({"AWS": OTHER}))]));
    let you = read_by(signed(OTHER, OTHER_ROLE), &context);
    assert!(permits(Some(&named), block, ME, &you));
    let public = policy(&json!([reading(&json!("*"))]));
    assert!(permits(Some(&public), None, ME, &you));
    assert!(!permits(Some(&public), block, ME, &you));
    assert!(!permits(Some(&public), block, ME, &read_by(Principal::Anonymous, &context)));
    assert!(permits(Some(&public), block, ME, &read_by(signed(ME, ROLE), &context)));
    // Nor by an ACL, which is asked where a policy is silent.
    let silent = ask(signed(OTHER, OTHER_ROLE), "s3:PutObject", "arn:aws:s3:::data/k", &context);
    assert_eq!(judge(Some(&public), None, ME, &silent), Decision::Silent);
    assert_eq!(judge(Some(&public), block, ME, &silent), Decision::Deny);
    assert_eq!(judge(Some(&named), block, ME, &silent), Decision::Silent);
}

#[test]
fn negated_members_mean_all_but_what_they_name() {
    let policy = policy(&json!([
        {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:role/SageMaker"]},
            "NotAction": "s3:List*",
            "NotResource": "arn:aws:s3:::data/public/*",
        },
        reading(&json!("*")),
    ]));
    let context = Context::default();
    let (me, you) = (signed(ME, ROLE), signed(OTHER, OTHER_ROLE));
    let decide =
        |principal, action, resource| policy.decide(&ask(principal, action, resource, &context));
    assert_eq!(decide(me, "s3:GetObject", "arn:aws:s3:::data/x"), Decision::Allow);
    assert_eq!(decide(you, "s3:GetObject", "arn:aws:s3:::data/x"), Decision::Deny);
    assert_eq!(decide(you, "s3:GetObject", "arn:aws:s3:::data/public/x"), Decision::Allow);
    assert_eq!(decide(you, "s3:ListBucket", "arn:aws:s3:::data"), Decision::Silent);
}

#[test]
fn variables_mean_something_in_the_newer_language_only() {
    let statement = json!([{
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/${aws:username}/*",
    }]);
    let mut context = Context::default();
    context.set("aws:username", "ann");
    let home = |policy: &Policy, resource| {
        policy.decide(&ask(Principal::Anonymous, "s3:GetObject", resource, &context))
    };
    let newer = policy(&statement);
    assert_eq!(home(&newer, "arn:aws:s3:::data/ann/x"), Decision::Allow);
    assert_eq!(home(&newer, "arn:aws:s3:::data/bob/x"), Decision::Silent);
    let text = json!({"Version": "2008-10-17", "Statement": statement}).to_string();
    let older = Policy::parse(&text, "data").unwrap();
    assert_eq!(home(&older, "arn:aws:s3:::data/ann/x"), Decision::Silent);
    assert_eq!(home(&older, "arn:aws:s3:::data/${aws:username}/x"), Decision::Allow);
}

#[test]
fn what_is_public_is_what_s3_calls_public() {
    let with = |principal: Value, condition: Value| {
        let mut statement = reading(&principal);
        statement["Condition"] = condition;
        policy(&json!([statement])).is_public()
    };
    assert!(with(json!("*"), json!({})));
    assert!(with(json!({"AWS": ["*", ME]}), json!({})));
    assert!(!with(json!({"AWS": ME}), json!({})));
    assert!(!with(json!({"Service": "sagemaker.amazonaws.com"}), json!({})));
    assert!(!with(json!("*"), json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}})));
    assert!(with(json!("*"), json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})));
    assert!(!with(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})));
    assert!(with(json!("*"), json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*"}})));
    assert!(with(json!("*"), json!({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})));
    assert!(with(json!("*"), json!({"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}})));
    assert!(with(json!("*"), json!({"StringEquals": {"s3:prefix": "a"}})));
    assert!(!policy(&json!([denial(&json!({}))])).is_public());
}

#[test]
fn whether_tags_are_asked_for_is_known_before_they_are_looked_up() {
    let mut statement = reading(&json!("*"));
    assert!(!policy(&json!([statement])).asks_for_tags());
    statement["Condition"] = json!({"StringEquals": {"s3:existingobjecttag/class": "open"}});
    assert!(policy(&json!([statement])).asks_for_tags());
}

#[test]
fn a_single_statement_needs_no_list_and_an_id_is_no_matter() {
    let document = json!({"Id": "mine", "Statement": reading(&json!("*"))});
    assert!(Policy::parse(&document.to_string(), "data").is_ok());
}

#[test]
fn what_is_no_policy_is_refused_in_aws_s_words() {
    let parse = |text: &str| Policy::parse(text, "data").unwrap_err();
    for text in ["", "x", "[]", " {}", "{", "{\"Version\": }", "\u{feff}{}"] {
        assert_eq!(parse(text), PolicyFault::Json, "{text}");
    }
    assert_eq!(parse(&" ".repeat(20_481)), PolicyFault::TooLarge);
    assert_eq!(parse("{}"), PolicyFault::Missing("Statement"));
    assert_eq!(parse(r#"{"Statement": []}"#), PolicyFault::NoStatement);
    assert_eq!(parse(r#"{"Statement": "x"}"#), PolicyFault::Syntax);
    assert_eq!(parse(r#"{"Version": "2020-01-01", "Statement": []}"#), PolicyFault::Version);
    let unknown = parse(r#"{"statement": []}"#);
    assert_eq!(unknown.to_string(), "Unknown field statement");
}

#[test]
fn each_member_of_a_statement_is_checked() {
    let changed = |member: &str, value: Value| {
        let mut statement = reading(&json!("*"));
        statement[member] = value;
        fault(&statement)
    };
    let without = |member: &str| {
        let mut statement = reading(&json!("*"));
        statement.as_object_mut().unwrap().remove(member);
        fault(&statement)
    };
    for member in ["Effect", "Principal", "Action", "Resource"] {
        assert_eq!(without(member), PolicyFault::Missing(member));
    }
    assert_eq!(changed("Effect", json!("allow")).to_string(), "Invalid effect: allow");
    assert_eq!(changed("Principal", json!({"AWS": "me"})), PolicyFault::Principal);
    assert_eq!(changed("NotPrincipal", json!("*")), PolicyFault::Syntax);
    for action in [json!("s3:Fly"), json!("ec2:*"), json!(7), json!(["s3:GetObject", "x"])] {
        assert_eq!(changed("Action", action), PolicyFault::Action);
    }
    for resource in
        ["*", "arn:aws:s3:::other/*", "data/*", "arn:aws:s3:us-east-1::data", "arn:aws:s3:::d"]
    {
        assert_eq!(changed("Resource", json!(resource)), PolicyFault::Resource, "{resource}");
    }
    for (action, resource) in [
        ("s3:GetObject", "arn:aws:s3:::data"),
        ("s3:ListBucket", "arn:aws:s3:::data/*"),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*"),
        ("s3:GetBucket*", "arn:aws:s3:::data/*"),
    ] {
        let mut statement = reading(&json!("*"));
        (statement["Action"], statement["Resource"]) = (json!(action), json!(resource));
        assert_eq!(fault(&statement), PolicyFault::Apply, "{action}");
    }
    let mut statement = reading(&json!("*"));
    statement["NotPrincipal"] = statement.as_object_mut().unwrap().remove("Principal").unwrap();
    assert_eq!(fault(&statement), PolicyFault::AllowNotPrincipal);
}

#[test]
fn patterns_of_buckets_cover_the_bucket_and_what_is_in_it() {
    for (action, resource) in [
        ("s3:*", "arn:aws:s3:::data"),
        ("*", "arn:aws:s3:::data/*"),
        ("s3:GetObject", "arn:aws:s3:::da*"),
        ("s3:ListBucket", "arn:aws:s3:::*"),
        ("s3:GetObject", "arn:aws:s3:::*/*"),
    ] {
        let mut statement = reading(&json!("*"));
        (statement["Action"], statement["Resource"]) = (json!(action), json!(resource));
        policy(&json!([statement]));
    }
}

#[test]
fn nested_documents_end_in_an_answer() {
    let deep = format!("{{\"Statement\": {}{}}}", "[".repeat(9_000), "]".repeat(9_000));
    assert_eq!(Policy::parse(&deep, "data").unwrap_err(), PolicyFault::Json);
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in ".{0,200}") {
        drop(Policy::parse(&text, "data"));
    }

    #[test]
    fn no_shape_of_statement_breaks_the_parser(
        member in prop::sample::select(vec![
            "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
            "NotResource", "Condition",
        ]),
        value in prop::sample::select(vec![
            json!(null), json!(1), json!(""), json!([]), json!({}), json!([[]]), json!([null]),
            json!({"AWS": {}}), json!({"StringEquals": null}), json!({"Bool": {"aws:x": [null]}}),
        ]),
    ) {
        let mut statement = reading(&json!("*"));
        statement[member] = value;
        let document = json!({"Statement": statement}).to_string();
        drop(Policy::parse(&document, "data"));
    }

    #[test]
    fn a_denial_of_everything_is_never_allowed(
        action in "s3:(Get|Put|Delete)Object(Tagging)?",
        key in "[a-z/]{1,20}",
        account in prop::sample::select(vec![ME, OTHER]),
    ) {
        let policy = policy(&json!([reading(&json!("*")), denial(&json!({}))]));
        let resource = format!("arn:aws:s3:::data/{key}");
        let context = Context::default();
        let request = ask(signed(account, ROLE), &action, &resource, &context);
        prop_assert!(!permits(Some(&policy), None, ME, &request));
    }
}
