//! Answers invocations as an endpoint's model would, one a line: what `bench/xgboost/container`
//! asks of us.
//!
//! `answer MODEL_ARCHIVE [NAME=VALUE …]` loads the model with that environment. A line of standard
//! input is `{"content_type", "accept", "body"}`, the first two a text or null, the body in
//! hexadecimal; a line of standard output is `{"status", "content_type", "body"}`.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    io::{self, BufRead, Write},
};

use platform::scorer::{Invocation, LoadModel, Scorer};
use scorers::Loader;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let model = arguments.next().ok_or("usage: answer MODEL_ARCHIVE [NAME=VALUE …]")?;
    let environment: BTreeMap<_, _> = arguments
        .filter_map(|set| set.split_once('=').map(|(name, value)| (name.into(), value.into())))
        .collect();
    let scorer = Loader.load("xgboost", &mut fs::File::open(model)?, &environment)?;
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        writeln!(output, "{}", answer(&*scorer, &serde_json::from_str(&line?)?)?)?;
    }
    Ok(())
}

fn answer(scorer: &dyn Scorer, request: &Value) -> Result<Value, Box<dyn Error>> {
    let body = hex::decode(request["body"].as_str().unwrap_or_default())?;
    let call = Invocation {
        content_type: request["content_type"].as_str(),
        accept: request["accept"].as_str(),
        body: &body,
    };
    Ok(match scorer.invoke(call) {
        Ok(reply) => json!({
            "status": reply.status,
            "content_type": reply.content_type,
            "body": hex::encode(reply.body),
        }),
        Err(rejection) => json!({
            "status": rejection.status,
            "content_type": "text/html; charset=utf-8",
            "body": hex::encode(rejection.message),
        }),
    })
}
