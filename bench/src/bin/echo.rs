//! An HTTP server that sends back what it gets, on the stack that the gateway stands on.
//!
//! It is the limit that `InvokeEndpoint` is measured against: whatever it costs more than this is
//! ours. Runtime and connection settings must stay those of the gateway (`gateway::serve::http`),
//! or the comparison is none. It prints the port that it listens on.

use std::{convert::Infallible, time::Duration};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    server::conn::http1::{self, Builder},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// As the gateway's: a timer is armed for each request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that hyper reads ahead on one connection, as the gateway's.
const READ_BUFFER: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let builder = builder();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = builder.serve_connection(TokioIo::new(stream), service_fn(echo));
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                eprintln!("connection: {error}");
            }
        });
    }
}

fn builder() -> Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(READ_BUFFER);
    builder
}

/// An upload that broke off is answered with nothing.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    Ok(Response::new(Full::new(body)))
}
