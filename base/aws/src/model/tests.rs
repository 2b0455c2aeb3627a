//! The models as shipped, and the sentences that clients see.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use types::Document;

use super::{shape::Kind, *};
use crate::wire::Protocol;

fn document(value: Json) -> Document {
    match value {
        Json::Object(document) => document,
        other => panic!("{other} is no object"),
    }
}

fn operation(service: Service, name: &str) -> &'static Operation {
    Models::get().service(service).operation(name).expect("a known operation")
}

fn refused(name: &str, input: Json) -> String {
    operation(Service::SageMaker, name).validate(&document(input)).unwrap_err().to_string()
}

fn training_job() -> Json {
    json!({
        "TrainingJobName": "churn-1",
        "HyperParameters": { "max_depth": "5", "eta": "0.2", "objective": "binary:logistic" },
        "AlgorithmSpecification": {
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "TrainingInputMode": "File",
        },
        "RoleArn": "arn:aws:iam::123456789012:role/service-role/Role",
        "InputDataConfig": [{
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": { "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": "s3://bucket/train",
                "S3DataDistributionType": "FullyReplicated",
            } },
        }],
        "OutputDataConfig": { "S3OutputPath": "s3://bucket/out", "KmsKeyId": "" },
        "ResourceConfig": { "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5 },
        "StoppingCondition": { "MaxRuntimeInSeconds": 3600 },
        "Tags": [{ "Key": "team", "Value": "churn" }],
    })
}

fn changed(path: &str, value: Json) -> Json {
    let mut job = training_job();
    *job.pointer_mut(path).expect("a member") = value;
    job
}

#[test]
fn every_model_loads_with_all_its_operations() {
    let count = |service| Models::get().service(service).operations().count();
    assert_eq!(Service::ALL.map(count), [425, 3, 11, 180, 118, 59]);
}

#[test]
fn a_known_name_is_told_from_an_unknown_one() {
    let iam = Models::get().service(Service::Iam);
    assert!(iam.operation("GetRole").unwrap().shaped());
    assert!(!iam.operation("CreateUser").unwrap().shaped());
    assert!(iam.operation("MakeCoffee").is_none());
    let all = Models::get().service(Service::SageMaker);
    assert!(all.operations().all(Operation::shaped));
}

#[test]
fn services_say_how_they_are_spoken_to() {
    let of = |service| Models::get().service(service);
    assert_eq!(of(Service::SageMaker).protocol(), Protocol::Json11);
    assert_eq!(of(Service::SageMakerRuntime).protocol(), Protocol::RestJson);
    assert_eq!(of(Service::Sts).protocol(), Protocol::Query);
    assert_eq!(of(Service::CloudWatch).protocol(), Protocol::Json10);
    assert_eq!(of(Service::CloudWatch).signing_name(), "monitoring");
    assert_eq!(of(Service::CloudWatch).target_prefix(), Some("GraniteServiceVersion20100801"));
    assert_eq!(of(Service::SageMakerRuntime).signing_name(), "sagemaker");
    assert_eq!(of(Service::Logs).target_prefix(), Some("Logs_20140328"));
    assert_eq!(of(Service::Sts).api_version(), "2011-06-15");
}

#[test]
fn every_pattern_of_every_model_compiles() {
    let mut broken = Vec::new();
    for service in Service::ALL {
        let model = Models::get().service(service);
        let Some(any) = model.operations().next() else { continue };
        for shape in &any.shapes.0 {
            if let Kind::Text { pattern: Some(pattern), .. } = &shape.kind
                && !pattern.compiles()
            {
                broken.push(pattern.source().to_owned());
            }
        }
    }
    broken.sort();
    broken.dedup();
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_good_request_is_good() {
    let create = operation(Service::SageMaker, "CreateTrainingJob");
    assert_eq!(create.validate(&document(training_job())), Ok(()));
}

#[test]
fn a_bad_word_is_told_with_all_good_ones() {
    let told =
        refused("CreateTrainingJob", changed("/ResourceConfig/InstanceType", json!("local")));
    let start = "1 validation error detected: Value 'local' at 'resourceConfig.instanceType' failed \
                 to satisfy constraint: Member must satisfy enum value set: [ml.";
    assert!(told.starts_with(start), "{told}");
    assert!(told.ends_with(']'));
}

#[test]
fn what_is_missing_is_told_all_at_once() {
    assert_eq!(
        refused("CreateEndpoint", json!({ "EndpointName": null })),
        "2 validation errors detected: Value null at 'endpointName' failed to satisfy constraint: \
         Member must not be null; Value null at 'endpointConfigName' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn lengths_and_patterns_and_values_are_told() {
    let long = "a".repeat(64);
    let told = refused("DescribeEndpoint", json!({ "EndpointName": long }));
    let expected = format!(
        "1 validation error detected: Value '{long}' at 'endpointName' failed to satisfy \
         constraint: Member must have length less than or equal to 63"
    );
    assert!(told.starts_with(&expected) || told.contains("; "), "{told}");
    let told = refused("CreateTrainingJob", changed("/TrainingJobName", json!("a_b")));
    assert!(told.contains("Value 'a_b' at 'trainingJobName'"), "{told}");
    assert!(told.contains("Member must satisfy regular expression pattern: "), "{told}");
    let told = refused("CreateTrainingJob", changed("/ResourceConfig/InstanceCount", json!(-1)));
    assert!(told.contains("Member must have value greater than or equal to 0"), "{told}");
}

#[test]
fn members_of_lists_and_maps_have_their_place() {
    let told = refused("CreateTrainingJob", changed("/Tags/0/Key", json!("")));
    assert!(told.contains("at 'tags.1.member.key'"), "{told}");
    assert!(told.contains("Member must have length greater than or equal to 1"), "{told}");
    let long = "v".repeat(3_000);
    let told = refused("CreateTrainingJob", changed("/HyperParameters/eta", json!(long)));
    assert!(told.contains("at 'hyperParameters.eta.member'"), "{told}");
    assert!(told.len() < 2_000, "a value is shown in part");
}

#[test]
fn a_value_of_another_kind_cannot_be_read() {
    let create = operation(Service::SageMaker, "CreateTrainingJob");
    let bad = changed("/ResourceConfig/InstanceCount", json!("1"));
    let refused = create.validate(&document(bad)).unwrap_err();
    assert_eq!(refused.code(), "SerializationException");
    assert_eq!(
        refused.to_string(),
        "STRING_VALUE can not be converted to an Integer at 'resourceConfig.instanceCount'"
    );
    let bad = changed("/ResourceConfig/InstanceCount", json!(3_000_000_000_i64));
    assert_eq!(create.validate(&document(bad)).unwrap_err().code(), "SerializationException");
}

#[test]
fn a_sensitive_value_is_not_repeated() {
    let told = refused(
        "CreateModelCard",
        json!({
            "ModelCardName": "card",
            "ModelCardStatus": "Draft",
            "Content": "s3cret".repeat(20_000),
        }),
    );
    assert!(told.contains("Value at 'content' failed"), "{}", &told[..200]);
    assert!(!told.contains("s3cret"));
}

#[test]
fn unknown_members_and_nulls_are_cut_and_the_order_stays() {
    let create = operation(Service::SageMaker, "CreateTrainingJob");
    let mut sent = training_job();
    sent["Unknown"] = json!(1);
    sent["VpcConfig"] = Json::Null;
    sent["ResourceConfig"]["More"] = json!({});
    let kept = create.clean_input(document(sent));
    assert_eq!(Json::Object(kept.clone()), training_job());
    assert_eq!(kept.keys().next_back().map(String::as_str), Some("Tags"));
}

#[test]
fn an_answer_has_only_what_its_shape_knows_and_nothing_hollow() {
    let describe = operation(Service::SageMaker, "DescribeEndpoint");
    let stored = document(json!({
        "EndpointName": "e",
        "Phase": "internal",
        "DataCaptureConfig": {},
        "FailureReason": null,
        "AsyncInferenceConfig": { "OutputConfig": { "Internal": 1 } },
        "ProductionVariants": [],
        "CreationTime": 1.5,
    }));
    let kept = json!({ "EndpointName": "e", "ProductionVariants": [], "CreationTime": 1.5 });
    assert_eq!(Json::Object(describe.filter_output(stored)), kept);
}

#[test]
fn an_answer_without_shape_is_empty() {
    let delete = operation(Service::SageMaker, "DeleteEndpoint");
    assert_eq!(delete.filter_output(document(json!({ "a": 1 }))), Document::new());
}

#[test]
fn lists_say_how_they_page() {
    let page = operation(Service::SageMaker, "ListTrainingJobs").pagination().unwrap();
    assert_eq!((page.input_token.as_str(), page.output_token.as_str()), ("NextToken", "NextToken"));
    assert_eq!(page.limit_key.as_deref(), Some("MaxResults"));
    assert_eq!(page.result_key, ["TrainingJobSummaries"]);
    let page = operation(Service::Iam, "ListRoles").pagination().unwrap();
    assert_eq!(page.more_results.as_deref(), Some("IsTruncated"));
    assert_eq!(operation(Service::SageMaker, "CreateModel").pagination(), None);
}

#[test]
fn a_path_names_its_operation() {
    let runtime = Models::get().service(Service::SageMakerRuntime);
    let route = |method, path| {
        runtime.route(method, path).map(|(operation, params)| (operation.name(), params))
    };
    let named = |value: &'static str| vec![("EndpointName", value.into())];
    assert_eq!(route("POST", "/endpoints/a/invocations"), Some(("InvokeEndpoint", named("a"))));
    assert_eq!(
        route("POST", "/endpoints/a%20b/async-invocations"),
        Some(("InvokeEndpointAsync", named("a b")))
    );
    assert_eq!(route("GET", "/endpoints/a/invocations"), None);
    assert_eq!(route("POST", "/endpoints//invocations"), None);
    assert_eq!(route("POST", "/endpoints/a/invocations/"), None);
    assert_eq!(route("POST", "/"), None);
    assert_eq!(operation(Service::SageMakerRuntime, "InvokeEndpointAsync").status(), 202);
}

#[test]
fn a_document_nested_too_deep_is_refused() {
    let mut filter = json!({ "Filters": [] });
    for _ in 0..100 {
        filter = json!({ "SubExpressions": [filter] });
    }
    let search = json!({ "Resource": "TrainingJob", "SearchExpression": filter });
    let search = document(search);
    let operation = operation(Service::SageMaker, "Search");
    assert_eq!(operation.validate(&search), Err(Invalid::TooDeep));
    assert!(Json::Object(operation.clean_input(search)).to_string().len() < 2_000);
}

#[test]
fn printable_means_what_it_means_in_java() {
    let invoke = operation(Service::SageMakerRuntime, "InvokeEndpoint");
    let good = |id: &str| {
        let input = json!({ "EndpointName": "e", "InferenceId": id });
        invoke.validate(&document(input)).is_ok()
    };
    assert!(good("order 7~"));
    assert!(!good("a\u{1}"));
    assert!(!good("aü"));
}

/// Any JSON, with names that some shape may know.
fn json_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map("[A-Za-z]{0,4}", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_document_makes_any_operation_panic(values in prop::collection::vec(json_value(), 1..8)) {
        for service in Service::ALL {
            for operation in Models::get().service(service).operations() {
                // Known names with unknown values reach every kind of shape.
                let names = operation.input_members().iter().map(|member| member.name);
                let input: Document = names
                    .zip(values.iter().cycle())
                    .map(|(name, value)| (name.to_owned(), value.clone()))
                    .collect();
                let _ = operation.validate(&input).map_err(|invalid| invalid.to_string());
                let cut = operation.clean_input(input.clone());
                prop_assert_eq!(operation.clean_input(cut.clone()), cut);
                let shown = operation.filter_output(input);
                prop_assert_eq!(operation.filter_output(shown.clone()), shown);
            }
        }
    }
}
