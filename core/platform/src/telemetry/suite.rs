//! The questions for everything that keeps logs and metrics.
//!
//! Each question begins with an empty store; `fresh` makes one.

#![expect(clippy::unwrap_used, reason = "a suite says what it expects; a panic is its report")]

mod logs;
mod metrics;

use types::{Owner, Timestamp};

use super::{Logs, Metrics};

/// Asks everything, in order; panics at the first wrong answer.
pub async fn run<S: Logs + Metrics, F: AsyncFn() -> S>(fresh: F) {
    logs::run(&fresh).await;
    metrics::run(&fresh).await;
}

fn owner() -> Owner {
    Owner::new("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/ada")
}

fn stranger() -> Owner {
    Owner::new("123456789012", "eu-west-1", "arn:aws:iam::123456789012:user/ada")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}
