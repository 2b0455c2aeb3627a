//! Models, endpoint configurations and endpoints.

use serde_json::{Value, json};

use crate::house::{House, IMAGE, ROLE};

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
    let house = in_service().await;
    house.call("DeleteEndpointConfig", json!({ "EndpointConfigName": "c1" })).await.unwrap();
    house.call("DeleteModel", json!({ "ModelName": "one" })).await.unwrap();
    house.endpoints.restore().await.unwrap();
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
