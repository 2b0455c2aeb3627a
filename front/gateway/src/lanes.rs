//! Where connections are served: a thread for each core, each with a reactor of its own.
//!
//! A connection stays on the lane that it was given. On a runtime whose threads share their work, a
//! request on an idle server wakes two of them: one to serve it, and one to wait for what comes
//! next in its place. Nothing that blocks or computes for long may run on a lane: it would keep the
//! other connections there waiting, and no other thread takes them over.

use std::{io, num::NonZero, sync::Arc, thread};

use tokio::{
    net::TcpStream,
    runtime::{self, Handle},
    sync::oneshot,
};

/// Threads that serve connections. They end, with all that they serve, when this is dropped.
pub struct Lanes(Vec<Lane>);

struct Lane {
    reactor: Handle,
    /// Held once more by each of its connections.
    connections: Arc<()>,
    /// The thread ends when this is dropped.
    _open: Option<oneshot::Sender<()>>,
}

impl Lanes {
    /// One for each core that the process may use.
    pub fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        (0..cores).map(Lane::start).collect::<io::Result<_>>().map(Self)
    }

    /// The runtime that this is called in, and no thread more.
    #[must_use]
    pub fn here() -> Self {
        let reactor = Handle::current();
        Self(vec![Lane { reactor, connections: Arc::new(()), _open: None }])
    }

    /// Serves a connection on the lane that has the fewest.
    pub(crate) fn serve<F: Future<Output = ()> + Send + 'static>(
        &self,
        stream: TcpStream,
        connection: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) {
        let fewest = self.0.iter().min_by_key(|lane| Arc::strong_count(&lane.connections));
        let Some(Lane { reactor, connections, .. }) = fewest else { return };
        let place = connections.clone();
        reactor.spawn(async move {
            // A stream belongs to the reactor that it was accepted on.
            match stream.into_std().and_then(TcpStream::from_std) {
                Ok(stream) => connection(stream).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
            drop(place);
        });
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let reactor = runtime.handle().clone();
        let (open, dropped) = oneshot::channel();
        let serve = move || {
            // An error means that the sender was dropped, which is what is waited for.
            let _: Result<(), _> = runtime.block_on(dropped);
        };
        thread::Builder::new().name(format!("lane-{number}")).spawn(serve)?;
        Ok(Self { reactor, connections: Arc::new(()), _open: Some(open) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_are_spread_over_the_lanes_and_stay_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lanes = Lanes((0..3).map(Lane::start).collect::<io::Result<_>>().unwrap());
        let (tell, told) = mpsc::channel();
        let mut clients = Vec::new();
        for _ in 0..6 {
            clients.push(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            lanes.serve(stream, |stream| async move {
                let name = || thread::current().name().unwrap().to_owned();
                let first = name();
                stream.readable().await.unwrap();
                tell.send((first, name())).unwrap();
            });
        }
        drop(clients);
        let mut names = Vec::new();
        for _ in 0..6 {
            let (first, later) = told.recv().unwrap();
            assert_eq!(first, later);
            names.push(first);
        }
        names.sort_unstable();
        assert_eq!(names, ["lane-0", "lane-0", "lane-1", "lane-1", "lane-2", "lane-2"]);
    }
}
