//! One request from its head to the last byte of its answer: the log line and the counts.
//!
//! A visit ends when it is dropped: with the answer's body, or with the handler where the client
//! left before there was an answer (status 499). So no way out of a request goes unlogged.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use types::Id;

use crate::{
    body::{Response, ResponseBody},
    metrics::{Metrics, Series},
    s3_request::{Account, OperationName},
};

/// What we call the status of a request whose client left before the answer.
const CLIENT_LEFT: u16 = 499;

/// Where the request's id stands in an answer of S3, and in one of the others.
static S3_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A request under way.
pub struct Visit {
    metrics: Arc<Metrics>,
    /// When its head was there.
    pub started: Instant,
    /// Goes back to the client and stands in every log line.
    pub id: Id,
    /// `sagemaker`, `s3`, `proxy`, …
    pub service: &'static str,
    /// `CreateTrainingJob`, or `-` until it is known.
    pub operation: &'static str,
    /// Whose account, once the signature was found right.
    pub account: Option<Arc<str>>,
    status: u16,
    bytes: u64,
}

impl Visit {
    /// A request's head is there.
    pub fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.begun();
        Self {
            metrics: metrics.clone(),
            started: Instant::now(),
            id: Id::drawn_ahead(),
            service: "-",
            operation: "-",
            account: None,
            status: CLIENT_LEFT,
            bytes: 0,
        }
    }

    /// The answer with its id; the visit ends with its body.
    pub fn answered(mut self, mut response: Response) -> http::Response<Observed> {
        self.status = response.status().as_u16();
        if let Some(OperationName(name)) = response.extensions().get() {
            self.operation = name;
        }
        if let Some(Account(account)) = response.extensions().get() {
            self.account = Some(account.clone());
        }
        let header = if self.service == "s3" { &S3_REQUEST_ID } else { &REQUEST_ID };
        if let Ok(id) = HeaderValue::from_str(self.id.hyphens().as_str()) {
            response.headers_mut().entry(header).or_insert(id);
        }
        response.map(|body| Observed { body, visit: self })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Self { service, operation, status, bytes, .. } = *self;
        let took = self.started.elapsed();
        self.metrics.ended(Series { service, operation, status }, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (id, account) = (self.id.hyphens(), self.account.as_deref().unwrap_or("-"));
        let id = id.as_str();
        tracing::info!(target: "access", id, account, service, operation, status, micros, bytes);
    }
}

/// An answer's body that counts what is sent.
pub struct Observed {
    body: ResponseBody,
    visit: Visit,
}

impl Body for Observed {
    type Data = Bytes;
    type Error = <ResponseBody as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            let length = frame.data_ref().map_or(0, Bytes::len);
            this.visit.bytes += u64::try_from(length).unwrap_or(0);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
