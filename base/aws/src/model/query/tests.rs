//! Forms as botocore writes them, XML as it reads it.

use proptest::prelude::*;
use serde_json::{Value, json};
use types::Document;

use super::*;
use crate::{
    model::{Models, Operation, Service, ServiceModel},
    wire::form::Form,
};

fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => panic!("{other} is no object"),
    }
}

fn service(service: Service) -> &'static ServiceModel {
    Models::get().service(service)
}

fn operation(of: Service, name: &str) -> &'static Operation {
    service(of).operation(name).expect("a known operation")
}

fn decoded(of: Service, body: &str) -> Result<Document, crate::model::Invalid> {
    let form = Form::parse(body.as_bytes()).unwrap();
    decode(operation(of, form.action().unwrap()), &form)
}

#[test]
fn lists_structures_and_numbers_are_read_by_their_shapes() {
    let body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\
                &RoleSessionName=s&DurationSeconds=900&Tags.member.2.Key=b&Tags.member.2.Value=2\
                &Tags.member.1.Key=a&Tags.member.1.Value=1+x&TransitiveTagKeys=";
    assert_eq!(
        decoded(Service::Sts, body).unwrap(),
        document(json!({
            "RoleArn": "arn:aws:iam::1:role/r",
            "RoleSessionName": "s",
            "DurationSeconds": 900,
            "Tags": [{ "Key": "a", "Value": "1 x" }, { "Key": "b", "Value": "2" }],
            "TransitiveTagKeys": [],
        }))
    );
}

#[test]
fn timestamps_become_epoch_seconds() {
    let body = "Action=GetMetricStatistics&StartTime=2026-11-23T12:00:00Z&Period=60\
                &Statistics.member.1=Average&Dimensions.member.1.Name=TrainingJobName";
    assert_eq!(
        decoded(Service::CloudWatch, body).unwrap(),
        document(json!({
            "Dimensions": [{ "Name": "TrainingJobName" }],
            "StartTime": 1_795_435_200,
            "Period": 60,
            "Statistics": ["Average"],
        }))
    );
}

#[test]
fn a_value_of_another_kind_is_told_with_its_place() {
    let refused = decoded(Service::Sts, "Action=AssumeRole&DurationSeconds=long").unwrap_err();
    assert_eq!(refused.query_code(), "MalformedInput");
    assert!(refused.to_string().contains("'durationSeconds'"), "{refused}");
    let deep = format!("Action=AssumeRole&{}=1", "a.".repeat(100));
    assert_eq!(decoded(Service::Sts, &deep).unwrap_err(), crate::model::Invalid::TooDeep);
}

#[test]
fn an_answer_is_wrapped_as_clients_expect() {
    let output = document(json!({
        "Role": {
            "Path": "/",
            "RoleName": "a<b>&\u{1}",
            "CreateDate": 1_795_435_200.5,
            "Tags": [{ "Key": "k", "Value": "v" }],
        },
    }));
    let iam = service(Service::Iam);
    assert_eq!(
        encode(iam, operation(Service::Iam, "GetRole"), &output, "id"),
        "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult>\
         <Role><Path>/</Path><RoleName>a&lt;b&gt;&amp;\u{fffd}</RoleName>\
         <CreateDate>2026-11-23T12:00:00Z</CreateDate>\
         <Tags><member><Key>k</Key><Value>v</Value></member></Tags></Role></GetRoleResult>\
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetRoleResponse>"
    );
}

#[test]
fn maps_are_written_as_entries() {
    let output = document(json!({
        "EvaluationResults": [{
            "EvalActionName": "s3:GetObject",
            "EvalDecision": "allowed",
            "EvalDecisionDetails": { "IAM": "allowed" },
        }],
        "IsTruncated": false,
    }));
    let xml = encode(
        service(Service::Iam),
        operation(Service::Iam, "SimulatePrincipalPolicy"),
        &output,
        "id",
    );
    assert!(xml.contains(
        "<EvalDecisionDetails><entry><key>IAM</key><value>allowed</value></entry>\
         </EvalDecisionDetails>"
    ));
    assert!(xml.contains("<IsTruncated>false</IsTruncated>"));
}

#[test]
fn an_operation_without_output_has_no_result() {
    let xml = encode(
        service(Service::Iam),
        operation(Service::Iam, "DeleteRole"),
        &Document::new(),
        "id",
    );
    assert_eq!(
        xml,
        "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteRoleResponse>"
    );
}

#[test]
fn an_error_says_whose_fault_it_is() {
    let xml = error(service(Service::Iam), "NoSuchEntity", "no role 'x'", 404, "id");
    assert_eq!(
        xml,
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>\
         <Type>Sender</Type><Code>NoSuchEntity</Code><Message>no role &apos;x&apos;</Message>\
         </Error><RequestId>id</RequestId></ErrorResponse>"
    );
}

/// Writes a document as botocore does.
fn form(prefix: &str, value: &Value, fields: &mut Vec<String>) {
    let escaped = |text: &str| crate::wire::escape::encode(text.as_bytes());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                form(&format!("{prefix}{name}."), value, fields);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                form(&format!("{prefix}member.{}.", index + 1), value, fields);
            }
        }
        Value::String(text) => {
            fields.push(format!("{}={}", prefix.trim_end_matches('.'), escaped(text)));
        }
        scalar => fields.push(format!("{}={scalar}", prefix.trim_end_matches('.'))),
    }
}

proptest! {
    #[test]
    fn what_a_client_writes_is_read_again(
        name in "\\PC{0,20}",
        tags in prop::collection::vec(("\\PC{0,9}", "\\PC{0,9}"), 1..15),
        seconds in any::<i32>(),
    ) {
        let tags: Vec<Value> =
            tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let sent = json!({ "RoleArn": "r", "RoleSessionName": name, "DurationSeconds": seconds, "Tags": tags });
        let mut fields = vec!["Action=AssumeRole".to_owned()];
        form("", &sent, &mut fields);
        prop_assert_eq!(decoded(Service::Sts, &fields.join("&")).unwrap(), document(sent));
    }

    #[test]
    fn no_bytes_make_it_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        fields in "((Tags|Policy|PolicyArns|Provided|Dimensions|MetricData)?([.](member|entry|key|value|[0-9]{1,11}))*(=[a-z0-9]{0,3})?&){0,9}",
    ) {
        for body in [body.as_slice(), fields.as_bytes()] {
            if let Ok(form) = Form::parse(body) {
                for name in ["AssumeRole", "GetSessionToken"] {
                    let _ = decode(operation(Service::Sts, name), &form);
                }
                let _ = decode(operation(Service::CloudWatch, "PutMetricData"), &form);
            }
        }
    }
}
