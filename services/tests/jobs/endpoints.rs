//! Models, endpoint configurations and endpoints.

use std::time::Duration;

use platform::{
    objects::{DeleteIf, ListKeys, ObjectName, Objects},
    store::{Key, State, Store, Write},
};
use serde_json::{Value, json};
use types::Owner;

use crate::house::{House, IMAGE, ROLE, owner};

async fn model(house: &House, name: &str, text: &'static str) {
    let key = format!("models/{name}.tar.gz");
    house.put(&key, text).await;
    let container = json!({ "Image": IMAGE, "ModelDataUrl": format!("s3://data/{key}") });
    let request =
        json!({ "ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": container });
    house.call("CreateModel", request).await.unwrap();
}

async fn config(house: &House, name: &str, variants: &[(&str, &str, f64)]) {
    let variant = |(name, model, weight): &(&str, &str, f64)| {
        json!({
            "VariantName": name, "ModelName": model, "InitialVariantWeight": weight,
            "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium",
        })
    };
    let variants: Vec<_> = variants.iter().map(variant).collect();
    let request = json!({ "EndpointConfigName": name, "ProductionVariants": variants });
    house.call("CreateEndpointConfig", request).await.unwrap();
}

fn endpoint(name: &str, config: &str) -> Value {
    json!({ "EndpointName": name, "EndpointConfigName": config })
}

async fn settled(house: &House, status: &str) -> Value {
    house.until("DescribeEndpoint", json!({ "EndpointName": "e" }), "EndpointStatus", status).await
}

/// An endpoint `e` that answers `one`.
async fn in_service() -> House {
    let house = House::new().await;
    model(&house, "one", "model one").await;
    config(&house, "c1", &[("AllTraffic", "one", 1.0)]).await;
    house.call("CreateEndpoint", endpoint("e", "c1")).await.unwrap();
    settled(&house, "InService").await;
    house
}

#[tokio::test]
async fn an_endpoint_serves_what_its_configuration_names() {
    let house = in_service().await;
    assert_eq!(house.invoke("e").as_deref(), Some("one"));
    let shown = settled(&house, "InService").await;
    assert_eq!(shown["ProductionVariants"][0]["VariantName"], "AllTraffic");
    let groups = house.call("DescribeLogGroups", json!({})).await.unwrap();
    assert_eq!(groups["logGroups"][0]["logGroupName"], "/aws/sagemaker/Endpoints/e");
}

#[tokio::test]
async fn an_endpoint_outlives_its_configuration_and_its_model() {
    let mut house = in_service().await;
    house.call("DeleteEndpointConfig", json!({ "EndpointConfigName": "c1" })).await.unwrap();
    house.call("DeleteModel", json!({ "ModelName": "one" })).await.unwrap();
    house.restart().await;
    assert_eq!(house.invoke("e").as_deref(), Some("one"));
}

#[tokio::test]
async fn an_update_moves_to_another_model() {
    let house = in_service().await;
    model(&house, "two", "model two").await;
    config(&house, "c2", &[("AllTraffic", "two", 1.0)]).await;
    house.call("UpdateEndpoint", endpoint("e", "c2")).await.unwrap();
    let shown = settled(&house, "InService").await;
    assert_eq!(shown["EndpointConfigName"], "c2");
    assert_eq!(house.invoke("e").as_deref(), Some("two"));
}

#[tokio::test]
async fn an_update_to_what_is_no_model_leaves_the_old_one_in_service() {
    let house = in_service().await;
    model(&house, "bad", "something else").await;
    config(&house, "c2", &[("AllTraffic", "bad", 1.0)]).await;
    house.call("UpdateEndpoint", endpoint("e", "c2")).await.unwrap();
    let shown = settled(&house, "InService").await;
    assert_eq!(shown["EndpointConfigName"], "c1");
    assert!(shown["FailureReason"].as_str().unwrap().contains("it is no model"), "{shown}");
    assert_eq!(house.invoke("e").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_model_that_is_none_fails_the_endpoint_with_the_reason() {
    let house = House::new().await;
    model(&house, "bad", "something else").await;
    config(&house, "c", &[("AllTraffic", "bad", 1.0)]).await;
    house.call("CreateEndpoint", endpoint("e", "c")).await.unwrap();
    let shown = settled(&house, "Failed").await;
    assert!(shown["FailureReason"].as_str().unwrap().contains("it is no model"), "{shown}");
    assert_eq!(house.invoke("e"), None);
}

#[tokio::test]
async fn weights_move_traffic_between_variants() {
    let house = House::new().await;
    model(&house, "one", "model one").await;
    model(&house, "two", "model two").await;
    config(&house, "c", &[("a", "one", 1.0), ("b", "two", 0.0)]).await;
    house.call("CreateEndpoint", endpoint("e", "c")).await.unwrap();
    settled(&house, "InService").await;
    assert!((0..20).all(|_| house.invoke("e").as_deref() == Some("one")));
    let weights = json!([
        { "VariantName": "a", "DesiredWeight": 0.0 },
        { "VariantName": "b", "DesiredWeight": 1.0 },
    ]);
    let request = json!({ "EndpointName": "e", "DesiredWeightsAndCapacities": weights });
    house.call("UpdateEndpointWeightsAndCapacities", request).await.unwrap();
    settled(&house, "InService").await;
    assert!((0..20).all(|_| house.invoke("e").as_deref() == Some("two")));
}

#[tokio::test]
async fn a_deleted_endpoint_serves_no_more() {
    let house = in_service().await;
    house.call("DeleteEndpoint", json!({ "EndpointName": "e" })).await.unwrap();
    assert_eq!(house.invoke("e"), None);
    let (code, message) = house.refused("DescribeEndpoint", json!({ "EndpointName": "e" })).await;
    assert_eq!(code, "ValidationException");
    assert!(message.starts_with("Could not find endpoint \"arn:aws:sagemaker:"), "{message}");
}

#[tokio::test]
async fn names_and_references_are_refused_in_awss_words() {
    let house = in_service().await;
    let container = json!({ "Image": IMAGE, "ModelDataUrl": "s3://data/models/one.tar.gz" });
    let again = json!({ "ModelName": "one", "PrimaryContainer": container });
    let cases = [
        ("CreateModel", again, "Cannot create already existing model \"arn:"),
        ("CreateEndpoint", endpoint("e", "c1"), "Cannot create already existing endpoint \"arn:"),
        ("CreateEndpoint", endpoint("f", "none"), "Could not find endpoint configuration \"arn:"),
        ("DescribeModel", json!({ "ModelName": "none" }), "Could not find model \"arn:"),
    ];
    for (operation, request, words) in cases {
        let (code, message) = house.refused(operation, request).await;
        assert_eq!(code, "ValidationException", "{message}");
        assert!(message.starts_with(words), "{message}");
    }
    let container = json!({ "Image": IMAGE, "ModelDataUrl": "s3://data/none.tar.gz" });
    let request = json!({ "ModelName": "m", "PrimaryContainer": container });
    let (_, message) = house.refused("CreateModel", request).await;
    assert_eq!(message, "Could not find model data at s3://data/none.tar.gz.");
}

/// Whose the copies of models that are served are, and where they lie.
const KEEPER: &str = "sagewright";
const KEPT: &str = "sagewright-models-of-endpoints";

/// The keys of the copies that are kept.
async fn kept(house: &House) -> Vec<String> {
    let list = ListKeys { bucket: KEPT.into(), limit: 100, ..ListKeys::default() };
    let listing = house.objects.list(&Owner::new(KEEPER, "us-east-1", ""), &list).await.unwrap();
    listing.objects.into_iter().map(|info| info.key).collect()
}

/// Waits until so many copies are left.
async fn until_kept(house: &House, count: usize) {
    for _ in 0..400 {
        if kept(house).await.len() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?} are kept", kept(house).await);
}

async fn delete_object(house: &House, owner: &Owner, bucket: &str, key: &str) {
    let name = ObjectName::current(bucket, key);
    house.objects.delete(owner, name, &DeleteIf::default()).await.unwrap();
}

#[tokio::test]
async fn an_endpoint_serves_after_a_restart_what_it_served_before() {
    let mut house = in_service().await;
    house.put("models/one.tar.gz", "model other").await;
    house.restart().await;
    assert_eq!(house.invoke("e").as_deref(), Some("one"));
    delete_object(&house, &owner(), "data", "models/one.tar.gz").await;
    house.restart().await;
    assert_eq!(house.invoke("e").as_deref(), Some("one"));
}

#[tokio::test]
async fn an_update_to_a_model_whose_data_was_replaced_serves_the_new_data() {
    let mut house = in_service().await;
    house.put("models/one.tar.gz", "model other").await;
    house.call("UpdateEndpoint", endpoint("e", "c1")).await.unwrap();
    settled(&house, "InService").await;
    assert_eq!(house.invoke("e").as_deref(), Some("other"));
    until_kept(&house, 1).await;
    house.restart().await;
    assert_eq!(house.invoke("e").as_deref(), Some("other"));
}

#[tokio::test]
async fn copies_of_models_go_with_their_endpoint() {
    let mut house = in_service().await;
    until_kept(&house, 1).await;
    model(&house, "bad", "something else").await;
    config(&house, "c2", &[("AllTraffic", "bad", 1.0)]).await;
    house.call("UpdateEndpoint", endpoint("e", "c2")).await.unwrap();
    settled(&house, "InService").await;
    until_kept(&house, 1).await;
    house.restart().await;
    assert_eq!((kept(&house).await.len(), house.invoke("e").as_deref()), (1, Some("one")));
    house.call("DeleteEndpoint", json!({ "EndpointName": "e" })).await.unwrap();
    assert_eq!(kept(&house).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_endpoint_whose_data_is_lost_fails_at_a_restart_and_has_no_route() {
    let mut house = in_service().await;
    house.put("models/one.tar.gz", "model other").await;
    let copies = kept(&house).await;
    delete_object(&house, &Owner::new(KEEPER, "us-east-1", ""), KEPT, &copies[0]).await;
    house.restart().await;
    let shown = settled(&house, "Failed").await;
    assert!(shown["FailureReason"].as_str().unwrap().contains("was replaced"), "{shown}");
    assert!(house.routes.all().is_empty());
}

#[tokio::test]
async fn a_name_that_is_given_again_while_a_model_loads_serves_the_second_endpoint() {
    let house = House::new().await;
    model(&house, "first", "model large").await;
    model(&house, "second", "model small").await;
    config(&house, "c1", &[("AllTraffic", "first", 1.0)]).await;
    config(&house, "c2", &[("AllTraffic", "second", 1.0)]).await;
    house.call("CreateEndpoint", endpoint("e", "c1")).await.unwrap();
    // The first one's model is being loaded once its copy is there.
    until_kept(&house, 1).await;
    house.call("DeleteEndpoint", json!({ "EndpointName": "e" })).await.unwrap();
    house.call("CreateEndpoint", endpoint("e", "c2")).await.unwrap();
    settled(&house, "InService").await;
    for _ in 0..50 {
        assert_eq!(house.invoke("e").as_deref(), Some("small"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until_kept(&house, 1).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_harms_no_other_and_can_be_deleted() {
    let mut house = in_service().await;
    house.call("CreateEndpoint", endpoint("f", "c1")).await.unwrap();
    let shown = json!({ "EndpointName": "f" });
    house.until("DescribeEndpoint", shown.clone(), "EndpointStatus", "InService").await;
    let record = house.store.get(&Key::new(&owner(), "endpoint", "f")).await.unwrap().unwrap();
    let body = record.body.replace("\"weight\":1.0", "\"weight\":null");
    assert_ne!(body, record.body);
    let state = State { status: record.status, due: None, body, detail: String::new() };
    let update = Write::Update { key: record.key, version: record.version, token: None, state };
    house.store.commit(vec![update]).await.unwrap();

    house.restart().await;
    assert_eq!(house.invoke("e").as_deref(), Some("one"));
    let names = |listed: Value| -> Vec<String> {
        let all = listed["Endpoints"].as_array().unwrap().clone();
        all.iter().map(|one| one["EndpointName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(house.call("ListEndpoints", json!({})).await.unwrap()), ["e"]);
    house.call("DeleteEndpoint", shown).await.unwrap();
    assert_eq!(kept(&house).await.len(), 1);
}

#[tokio::test]
async fn shares_that_no_variant_can_have_are_refused() {
    let house = in_service().await;
    let all = "AllTraffic";
    let cases = [
        (json!([{ "VariantName": all, "DesiredWeight": 1e39 }]), "DesiredWeight is too large."),
        (
            json!([{ "VariantName": all, "DesiredWeight": -1 }]),
            "DesiredWeight must be zero or more.",
        ),
        (
            json!([{ "VariantName": all, "DesiredInstanceCount": 0 }]),
            "DesiredInstanceCount must be",
        ),
        (
            json!([{ "VariantName": all, "DesiredInstanceCount": 1_000_000_000 }]),
            "DesiredInstanceCount must be",
        ),
        (
            json!([{ "VariantName": all }, { "VariantName": all }]),
            "The variant AllTraffic occurs more than once.",
        ),
        (json!([{ "VariantName": "b" }]), "Could not find variant \"b\"."),
    ];
    for (weights, words) in cases {
        let request = json!({ "EndpointName": "e", "DesiredWeightsAndCapacities": weights });
        let (code, message) = house.refused("UpdateEndpointWeightsAndCapacities", request).await;
        assert_eq!(code, "ValidationException");
        assert!(message.starts_with(words), "{message}");
    }
    settled(&house, "InService").await;
}

#[tokio::test]
async fn an_update_keeps_the_properties_that_it_does_not_exclude() {
    let house = in_service().await;
    let weights =
        json!([{ "VariantName": "AllTraffic", "DesiredWeight": 0.25, "DesiredInstanceCount": 3 }]);
    let request = json!({ "EndpointName": "e", "DesiredWeightsAndCapacities": weights });
    house.call("UpdateEndpointWeightsAndCapacities", request).await.unwrap();
    settled(&house, "InService").await;
    for (excluded, weight, count) in [
        (json!([]), 0.25, 3),
        (json!([{ "VariantPropertyType": "DesiredWeight" }]), 1.0, 3),
        (json!([{ "VariantPropertyType": "DesiredInstanceCount" }]), 1.0, 1),
    ] {
        let mut request = endpoint("e", "c1");
        request["RetainAllVariantProperties"] = json!(true);
        request["ExcludeRetainedVariantProperties"] = excluded;
        house.call("UpdateEndpoint", request).await.unwrap();
        let shown = settled(&house, "InService").await["ProductionVariants"][0].take();
        assert_eq!(
            (&shown["CurrentWeight"], &shown["CurrentInstanceCount"]),
            (&json!(weight), &json!(count))
        );
    }
}

#[tokio::test]
async fn what_is_not_built_is_refused_by_its_name() {
    let house = in_service().await;
    let rolling = json!({ "TrafficRoutingConfiguration": { "Type": "LINEAR" } });
    let mut update = endpoint("e", "c1");
    update["DeploymentConfig"] = json!({ "BlueGreenUpdatePolicy": rolling });
    let variant = |change: (&str, Value)| {
        let mut variant = json!({
            "VariantName": "v", "ModelName": "one", "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": 1,
        });
        variant[change.0] = change.1;
        json!({ "EndpointConfigName": "c", "ProductionVariants": [variant] })
    };
    let cases = [
        ("UpdateEndpoint", update.clone(), "LINEAR"),
        ("CreateEndpoint", update, "LINEAR"),
        ("CreateEndpointConfig", variant(("ModelName", Value::Null)), "inference components"),
        ("CreateEndpointConfig", variant(("InstanceType", Value::Null)), "InstanceType"),
        ("CreateEndpointConfig", variant(("InitialInstanceCount", Value::Null)), "InstanceType"),
        ("CreateEndpointConfig", variant(("InitialInstanceCount", json!(0))), "between 1 and"),
        ("CreateEndpointConfig", variant(("InitialVariantWeight", json!(1e39))), "too large"),
    ];
    for (operation, request, words) in cases {
        let (_, message) = house.refused(operation, request).await;
        assert!(message.contains(words), "{message}");
    }
}
