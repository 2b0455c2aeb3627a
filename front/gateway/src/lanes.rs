//! Where connections are served: a thread for each core, each with a reactor of its own.
//!
//! A connection stays on the lane that it was given. On a runtime whose threads share their work, a
//! request on an idle server wakes two of them: one to serve it, and one to wait for what comes
//! next in its place. Nothing that blocks or computes for long may run on a lane: it would keep the
//! other connections there waiting, and no other thread takes them over.

use std::{
    io,
    num::NonZero,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    runtime::{self, Handle},
    sync::oneshot,
    time::{sleep, timeout},
};

/// Between two looks at threads that are ending.
const LOOK: Duration = Duration::from_millis(5);

/// Threads that serve connections. They end, with all that they serve, when this is dropped.
pub struct Lanes(Vec<Lane>);

struct Lane {
    reactor: Handle,
    /// Held once more by each of its connections.
    connections: Arc<()>,
    /// The thread ends when this is dropped.
    _open: Option<oneshot::Sender<()>>,
    /// Ends after what blocks on its behalf, such as a write of an object.
    thread: Option<JoinHandle<()>>,
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
        Self(vec![Lane { reactor, connections: Arc::new(()), _open: None, thread: None }])
    }

    /// Ends the threads and waits for what they began, at most for `grace`. Says whether all ended.
    pub(crate) async fn end(self, grace: Duration) -> bool {
        let threads: Vec<_> = self.0.into_iter().filter_map(|lane| lane.thread).collect();
        let ended = async {
            while !threads.iter().all(JoinHandle::is_finished) {
                sleep(LOOK).await;
            }
        };
        timeout(grace, ended).await.is_ok()
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
        let thread = thread::Builder::new().name(format!("lane-{number}")).spawn(serve)?;
        let (open, thread) = (Some(open), Some(thread));
        Ok(Self { reactor, connections: Arc::new(()), _open: open, thread })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_a_lane_began_is_waited_for_and_not_for_ever() {
        let (patient, hasty) = (Duration::from_secs(10), Duration::from_millis(1));
        for (grace, ends) in [(patient, true), (hasty, false)] {
            let lane = Lane::start(0).unwrap();
            let (begun, go_on) = (mpsc::channel(), mpsc::channel::<()>());
            let write = move || {
                begun.0.send(()).unwrap();
                let _ = go_on.1.recv_timeout(Duration::from_millis(100));
            };
            lane.reactor.spawn_blocking(write);
            begun.1.recv().unwrap();
            assert_eq!(Lanes(vec![lane]).end(grace).await, ends);
        }
    }

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
