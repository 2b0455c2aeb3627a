//! Where a payload is scored, and what that took.
//!
//! What takes less time than a hop to another thread and back is scored where it arrived; the rest
//! on the blocking pool, as many payloads at a time as there are cores, so that the lane is free for
//! its other connections. Which it is the model says: a short payload may hold many rows.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName,
    header::{ACCEPT, CONTENT_TYPE},
};
use platform::scorer::{Invocation, Rejection, Reply, Scorer};

use super::text;
use crate::door::{Door, Room};

/// A longer payload is not even looked through on the lane.
const LOOKED_THROUGH: usize = 64 << 10;

/// What the other connections of a lane may have to wait: a few times what the hop costs.
const ON_THE_LANE: Duration = Duration::from_micros(100);

static SAGEMAKER_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-accept");

/// What came of a payload.
pub struct Scored {
    /// Nothing where the scorer panicked.
    pub outcome: Option<Result<Reply, Rejection>>,
    /// In the model, without any wait for it.
    pub took: Duration,
    /// The reply's, where it may be large.
    pub room: Option<Room>,
}

/// Scores a payload. Nothing where there is no memory for its reply.
pub async fn score(
    door: &Door,
    scorer: &Arc<dyn Scorer>,
    headers: &HeaderMap,
    body: Bytes,
) -> Option<Scored> {
    let content_type = text(headers, &CONTENT_TYPE);
    let accept = text(headers, &SAGEMAKER_ACCEPT).or_else(|| text(headers, &ACCEPT));
    if body.len() <= LOOKED_THROUGH && scorer.estimate(&body).time <= ON_THE_LANE {
        return Some(timed(&**scorer, Invocation { content_type, accept, body: &body }));
    }
    let (content_type, accept) = (content_type.map(str::to_owned), accept.map(str::to_owned));
    let (scorer, mut room) = (scorer.clone(), door.room());
    let permit = door.scoring.clone().acquire_owned().await;
    let task = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if !room.hold(scorer.estimate(&body).reply) {
            return None;
        }
        let (content_type, accept) = (content_type.as_deref(), accept.as_deref());
        let answered = timed(&*scorer, Invocation { content_type, accept, body: &body });
        // Less than was reckoned with: there is room for that.
        room.hold(answered.length());
        Some(Scored { room: Some(room), ..answered })
    });
    // It fails only where the runtime is ending.
    task.await.unwrap_or(None)
}

fn timed(scorer: &dyn Scorer, call: Invocation<'_>) -> Scored {
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| scorer.invoke(call))).ok();
    Scored { outcome, took: begun.elapsed(), room: None }
}

impl Scored {
    fn length(&self) -> usize {
        let reply = self.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        reply.map_or(0, |reply| reply.body.len())
    }
}
