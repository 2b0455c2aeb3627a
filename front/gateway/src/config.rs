//! What the door must be told. Plain data: `bin` fills it from flags, environment and file.

use std::{net::SocketAddr, sync::Arc, time::Duration};

/// How the door behaves.
#[derive(Clone)]
pub struct Config {
    /// The server's own region: that of requests whose signature names none.
    pub region: Arc<str>,
    /// Where we listen, to recognise requests that reach us by our own proxy.
    pub address: SocketAddr,
    /// Names that lead here beside `localhost` and the address, lower case.
    pub names: Vec<String>,
    /// No tunnels at all.
    pub air_gapped: bool,
    /// Accept version 2 signatures in S3's queries.
    pub sigv2: bool,
    /// The password that opens tunnels; without one there are none.
    pub tunnel_token: Option<String>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds on what strangers may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; one more is answered 503.
    pub connections: usize,
    /// From the first byte of a head to its end; also to a connection's first byte, and for a
    /// handshake.
    pub header_timeout: Duration,
    /// From the end of an answer to the next head's.
    pub idle_timeout: Duration,
    /// How long a body may stand still.
    pub body_idle_timeout: Duration,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Bytes of a control-plane request.
    pub document_bytes: usize,
    /// Bytes of an `InvokeEndpoint` payload.
    pub invoke_bytes: usize,
    /// Bytes of documents, payloads and replies held in memory at a time, over all connections,
    /// beside the first 64 KiB of each.
    pub buffered_bytes: usize,
    /// How long a shutdown waits for what was accepted.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_timeout: Duration::from_secs(10),
            // Clients keep connections for about so long, and so does the container.
            idle_timeout: Duration::from_mins(1),
            body_idle_timeout: Duration::from_mins(1),
            header_bytes: 64 << 10,
            // Twice the largest document that a limit of the model allows (a pipeline definition).
            document_bytes: 16 << 20,
            // The developer guide's current figure; botocore's model still says 6 MiB.
            invoke_bytes: 25 << 20,
            buffered_bytes: 1 << 30,
            grace: Duration::from_secs(30),
        }
    }
}
