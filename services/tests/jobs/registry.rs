//! Tags and search over jobs.

use serde_json::json;

use crate::house::{House, training_job};

const ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-1";

#[tokio::test]
async fn tags_come_with_a_job_and_can_be_changed() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("churn-1")).await.unwrap();
    let arn = json!({ "ResourceArn": ARN });
    let tags = house.call("ListTags", arn.clone()).await.unwrap();
    assert_eq!(tags["Tags"], json!([{ "Key": "team", "Value": "risk" }]));
    let more = json!({ "ResourceArn": ARN, "Tags": [{ "Key": "a", "Value": "1" }] });
    house.call("AddTags", more).await.unwrap();
    let fewer = json!({ "ResourceArn": ARN, "TagKeys": ["team"] });
    house.call("DeleteTags", fewer).await.unwrap();
    let tags = house.call("ListTags", arn).await.unwrap();
    assert_eq!(tags["Tags"], json!([{ "Key": "a", "Value": "1" }]));
    let (code, _) = house.refused("ListTags", json!({ "ResourceArn": "arn:x" })).await;
    assert_eq!(code, "ValidationException");
}

#[tokio::test]
async fn jobs_are_found_by_name_and_by_tag_and_listed_page_by_page() {
    let house = House::new().await;
    for name in ["churn-1", "churn-2", "price-1"] {
        house.call("CreateTrainingJob", training_job(name)).await.unwrap();
    }
    let filter = |name: &str, value: &str| {
        let filter = json!({ "Name": name, "Operator": "Contains", "Value": value });
        json!({ "Resource": "TrainingJob", "SearchExpression": { "Filters": [filter] } })
    };
    let found = house.call("Search", filter("TrainingJobName", "churn")).await.unwrap();
    assert_eq!(found["Results"].as_array().unwrap().len(), 2);
    let found = house.call("Search", filter("Tags.team", "risk")).await.unwrap();
    assert_eq!(found["Results"].as_array().unwrap().len(), 3);

    let mut names = Vec::new();
    let mut request = json!({ "MaxResults": 2, "SortBy": "Name", "SortOrder": "Ascending" });
    loop {
        let page = house.call("ListTrainingJobs", request.clone()).await.unwrap();
        let jobs = page["TrainingJobSummaries"].as_array().unwrap();
        names.extend(jobs.iter().map(|job| job["TrainingJobName"].as_str().unwrap().to_owned()));
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(names, ["churn-1", "churn-2", "price-1"]);
    let (code, _) = house.refused("Search", json!({ "Resource": "Project" })).await;
    assert_eq!(code, "UnsupportedOperationException");
}
