//! `sagewright logs`.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use super::{NOT_FOUND, running, say};
use crate::{
    client::{Client, Refused},
    data::Data,
    roster::Roster,
};

/// How often new lines are asked for.
const LOOK: Duration = Duration::from_millis(500);

/// Prints the log of a job or an endpoint.
pub fn logs(data: &Data, name: &str, follow: bool, json: bool) -> Result<ExitCode> {
    let running = match running(data)? {
        Ok(running) => running,
        Err(code) => return Ok(code),
    };
    let client = Client::new(running, Roster::read(data)?.administrator()?.clone());
    let streams = streams(&client, name)?;
    if streams.is_empty() {
        eprintln!("sagewright: there is no log of a job or an endpoint called {name}");
        return Ok(ExitCode::from(NOT_FOUND));
    }
    let mut tokens = vec![Value::Null; streams.len()];
    loop {
        let mut news = false;
        for (stream, token) in streams.iter().zip(&mut tokens) {
            news |= print(&client, stream, token, json)?;
        }
        if news {
            continue;
        }
        if !follow {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(LOOK);
    }
}

/// Where lines about `name` may stand: group and stream.
fn streams(client: &Client, name: &str) -> Result<Vec<(String, String)>> {
    let endpoint = format!("/aws/sagemaker/Endpoints/{name}");
    let job = format!("{name}/");
    let places = [
        ("/aws/sagemaker/TrainingJobs", &*job),
        ("/aws/sagemaker/TransformJobs", &*job),
        (&*endpoint, ""),
    ];
    let mut found = Vec::new();
    for (group, prefix) in places {
        let mut request = json!({ "logGroupName": group });
        if !prefix.is_empty() {
            request["logStreamNamePrefix"] = json!(prefix);
        }
        let answer = match client.call("logs", "Logs_20140328.DescribeLogStreams", &request) {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(error),
        };
        let names = answer["logStreams"].as_array().into_iter().flatten();
        let names = names.filter_map(|stream| stream["logStreamName"].as_str());
        found.extend(names.map(|stream| (group.to_owned(), stream.to_owned())));
    }
    Ok(found)
}

fn is_missing(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.code.ends_with("ResourceNotFoundException"))
}

/// Prints the next page of a stream, and says whether there was one.
fn print(
    client: &Client,
    (group, stream): &(String, String),
    token: &mut Value,
    json: bool,
) -> Result<bool> {
    let mut request =
        json!({ "logGroupName": group, "logStreamName": stream, "startFromHead": true });
    if !token.is_null() {
        request["nextToken"] = token.clone();
    }
    let answer = client.call("logs", "Logs_20140328.GetLogEvents", &request)?;
    *token = answer["nextForwardToken"].clone();
    let events = answer["events"].as_array().cloned().unwrap_or_default();
    for event in &events {
        if json {
            say(event)?;
        } else {
            say(event["message"].as_str().unwrap_or_default().replace("#011", "\t"))?;
        }
    }
    Ok(!events.is_empty())
}
