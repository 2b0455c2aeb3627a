//! An HTTP server that sends back what it gets, on the stack that the gateway stands on.
//!
//! It is the limit that `InvokeEndpoint` is measured against: whatever it costs more than this is
//! ours. Runtime and connection settings must stay those of the gateway (`gateway::serve::http`),
//! or the comparison is none. It prints the port that it listens on.

use std::{
    convert::Infallible,
    future,
    net::{self, TcpListener},
    thread,
    time::Duration,
};

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
use tokio::{
    net::TcpStream,
    runtime::{self, Handle},
};

/// As the gateway's: a timer is armed for each request's head.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes that hyper reads ahead on one connection, as the gateway's.
const READ_BUFFER: usize = 64 << 10;

fn main() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    let lanes = lanes()?;
    for lane in lanes.iter().cycle() {
        let (stream, _) = listener.accept()?;
        lane.spawn(async move {
            if let Err(error) = converse(stream).await {
                eprintln!("connection: {error}");
            }
        });
    }
    Ok(())
}

/// A thread for each core, each with a reactor of its own (`gateway::Lanes`).
fn lanes() -> Result<Vec<Handle>> {
    let lane = |_| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let reactor = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(future::pending::<()>()));
        Ok(reactor)
    };
    (0..thread::available_parallelism()?.get()).map(lane).collect()
}

async fn converse(stream: net::TcpStream) -> Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let stream = TokioIo::new(TcpStream::from_std(stream)?);
    builder().serve_connection(stream, service_fn(echo)).with_upgrades().await?;
    Ok(())
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
