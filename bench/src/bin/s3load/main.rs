//! `s3load --port PORT --pid PID ACTION`: one kind of S3 request, many times, to any S3 server on
//! this machine; prints one JSON object: throughput, latencies and the server's CPU time.
//!
//! Credentials are those of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_REGION`. All
//! requests are signed before the clock starts. Keys are `PREFIX` and eight digits.

mod list;
mod signer;

use std::{io, time::Duration};

use anyhow::{Result, ensure};
use aws::sigv4::Payload;
use bench::{
    client::Connection,
    measure::{Measured, timed, together},
};
use clap::{Args, Parser, Subcommand};
use sha2::{Digest as _, Sha256};

use signer::{Signer, sha256};

/// What large bodies repeat, bytes. No server here looks for repetitions, but for what compresses.
const BLOCK: usize = 1 << 20;

/// Digests that make a block.
const DIGESTS: u32 = 1 << 15;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    port: u16,
    /// The server's process.
    #[arg(long)]
    pid: String,
    #[arg(long, default_value = "bench")]
    bucket: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Makes the bucket.
    Make,
    /// Puts many small objects, each body signed.
    Put(Many),
    /// Gets many small objects.
    Get(Many),
    /// Puts one object of SIZE bytes as it is streamed; SIZE is rounded down to whole MiB.
    Upload {
        size: usize,
        /// Sign the body's SHA-256.
        #[arg(long)]
        signed: bool,
    },
    /// Gets what `upload` put.
    Download { size: u64 },
    /// Lists what begins with PREFIX, a thousand keys a page, and must find COUNT keys.
    List { prefix: String, count: usize },
}

#[derive(Args)]
struct Many {
    prefix: String,
    /// The first number.
    first: usize,
    count: usize,
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Bytes of each object.
    #[arg(long, default_value_t = 4096)]
    size: usize,
}

impl Many {
    /// The numbers that are one connection's.
    fn share(&self, worker: usize) -> impl Iterator<Item = usize> {
        (self.first..self.first + self.count).skip(worker).step_by(self.connections)
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load = Load { signer: Signer::from_environment(arguments.port)?, arguments: &arguments };
    let measured = match &arguments.action {
        Action::Make => load.once(&load.head("PUT", "", &Payload::Unsigned, 0)?, &[], 0),
        Action::Put(many) => load.put(many),
        Action::Get(many) => load.get(many),
        Action::Upload { size, signed } => load.upload(*size, *signed),
        Action::Download { size } => {
            load.once(&load.head("GET", LARGE, &Payload::Unsigned, 0)?, &[], *size)
        }
        Action::List { prefix, count } => load.list(prefix, *count),
    };
    println!("{}", measured?);
    Ok(())
}

/// The key of the one large object.
const LARGE: &str = "/large";

struct Load<'a> {
    signer: Signer,
    arguments: &'a Arguments,
}

impl Load<'_> {
    fn head(&self, method: &str, path: &str, payload: &Payload, length: usize) -> Result<Vec<u8>> {
        let path = format!("/{}{path}", self.arguments.bucket);
        self.signer.head(method, &path, payload, length)
    }

    fn put(&self, many: &Many) -> Result<Measured> {
        self.many(many, |number| {
            let mut body = vec![0x5a; many.size];
            let digits = format!("{number:08}");
            let mark = digits.len().min(body.len());
            body[..mark].copy_from_slice(&digits.as_bytes()[..mark]);
            let path = format!("/{}{digits}", many.prefix);
            let payload = Payload::Hex(sha256([&body[..]]));
            let mut request = self.head("PUT", &path, &payload, body.len())?;
            request.extend(body);
            Ok(request)
        })
    }

    fn get(&self, many: &Many) -> Result<Measured> {
        self.many(many, |number| {
            self.head("GET", &format!("/{}{number:08}", many.prefix), &Payload::Unsigned, 0)
        })
    }

    fn many(
        &self,
        many: &Many,
        request: impl Fn(usize) -> Result<Vec<u8>> + Sync,
    ) -> Result<Measured> {
        together(&self.arguments.pid, many.connections, |worker| {
            let requests = many.share(worker).map(&request).collect::<Result<Vec<_>>>()?;
            let mut connection = Connection::open(self.arguments.port)?;
            Ok(move || requests.iter().map(|one| timed(|| connection.ask(one))).collect())
        })
    }

    fn upload(&self, size: usize, signed: bool) -> Result<Measured> {
        let block: Vec<u8> = (0..DIGESTS).flat_map(|n| Sha256::digest(n.to_be_bytes())).collect();
        let blocks = vec![&block[..]; size / BLOCK];
        let payload =
            if signed { Payload::Hex(sha256(blocks.iter().copied())) } else { Payload::Unsigned };
        let head = self.head("PUT", LARGE, &payload, blocks.len() * BLOCK)?;
        self.once(&head, &blocks, 0)
    }

    /// One request, whose answer must have a body of `length` bytes.
    fn once(&self, head: &[u8], body: &[&[u8]], length: u64) -> Result<Measured> {
        let request = [&[head], body].concat();
        together(&self.arguments.pid, 1, |_| {
            let mut connection = Connection::open(self.arguments.port)?;
            let request = &request;
            Ok(move || {
                let took = timed(|| {
                    let came = connection.exchange(request, &mut io::sink())?;
                    ensure!(came == length, "{came} bytes came instead of {length}");
                    Ok(())
                })?;
                Ok::<Vec<Duration>, _>(vec![took])
            })
        })
    }
}
