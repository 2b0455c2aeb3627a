//! Many connections on one thread: of what can be asked over sockets, the least CPU taken from the
//! server, which shares the machine.
//!
//! One request is sent over and over, so every answer is as long as the first one, and no answer
//! needs more reading than its status. A request's time runs from its **arrival**, not from when
//! a connection was free to send it: at a given rate, requests that had to wait behind a slow answer
//! tell so (no "coordinated omission").

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};

use crate::client::Connection;

/// Bytes read at once: more than an answer of one row has.
const READ: usize = 4 << 10;

/// Answers taken up at once.
const EVENTS: usize = 64;

/// No answer takes longer, or the server hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// When requests arrive.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// One for each connection, and another one for each answer.
    Answered,
    /// So many a second, whatever the answers do.
    PerSecond(f64),
}

/// Connections that ask the same.
pub struct Crowd {
    epoll: OwnedFd,
    members: Vec<Member>,
    request: Vec<u8>,
    /// Bytes of an answer.
    answer: usize,
}

/// One of them.
struct Member {
    stream: TcpStream,
    /// When the request under way arrived.
    since: Instant,
    /// Bytes of its answer that are still to come.
    left: usize,
}

impl Crowd {
    /// Connects so many times to a port of this machine, and asks once to see what is answered.
    pub fn gather(port: u16, connections: usize, request: Vec<u8>) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let answer = Connection::open(port)?.measure(&request)?;
        let mut members = Vec::with_capacity(connections);
        for number in 0..connections {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let data = epoll::EventData::new_u64(u64::try_from(number)?);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
            members.push(Member { stream, since: Instant::now(), left: 0 });
        }
        Ok(Self { epoll, members, request, answer })
    }

    /// Asks so many times; how long each took.
    pub fn ask(&mut self, requests: usize, pace: Pace) -> Result<Vec<Duration>> {
        let begun = Instant::now();
        let mut idle: Vec<usize> = (0..self.members.len()).collect();
        let (mut waiting, mut arrived) = (VecDeque::new(), 0);
        let mut took = Vec::with_capacity(requests);
        let mut ready = Vec::with_capacity(EVENTS);
        while took.len() < requests {
            let now = Instant::now();
            let due = pace.due(now - begun, self.members.len(), took.len()).min(requests);
            waiting.extend((arrived..due).map(|_| now));
            arrived = arrived.max(due);
            while let Some(since) = waiting.front().copied() {
                let Some(number) = idle.pop() else { break };
                waiting.pop_front();
                self.send(number, since)?;
            }
            let patience = if arrived < requests { pace.until_next(now - begun) } else { None };
            self.wait(patience, &mut ready)?;
            for event in ready.drain(..) {
                let number = usize::try_from(event.data.u64())?;
                if self.read(number)? {
                    took.push(self.members[number].since.elapsed());
                    idle.push(number);
                }
            }
        }
        Ok(took)
    }

    fn send(&mut self, number: usize, since: Instant) -> Result<()> {
        let member = &mut self.members[number];
        let written = member.stream.write(&self.request)?;
        ensure!(written == self.request.len(), "the request is longer than a socket's buffer");
        (member.since, member.left) = (since, self.answer);
        Ok(())
    }

    /// Answers that are there; nothing after `patience`. `epoll_wait` counts milliseconds, so the
    /// clock is `ppoll`'s.
    fn wait(&self, patience: Option<Duration>, ready: &mut Vec<epoll::Event>) -> Result<()> {
        let time = |time: Duration| Timespec::try_from(time).context("a wait is short");
        if let Some(patience) = patience {
            let mut all = [PollFd::new(&self.epoll, PollFlags::IN)];
            if poll(&mut all, Some(&time(patience)?))? == 0 {
                return Ok(());
            }
        }
        epoll::wait(&self.epoll, rustix::buffer::spare_capacity(ready), Some(&time(PATIENCE)?))?;
        ensure!(!ready.is_empty(), "no answer within {} s", PATIENCE.as_secs());
        Ok(())
    }

    /// Whether the answer is whole.
    fn read(&mut self, number: usize) -> Result<bool> {
        let member = &mut self.members[number];
        let mut bytes = [0; READ];
        let read = match member.stream.read(&mut bytes) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let first = member.left == self.answer;
        if read > member.left || first && !bytes.starts_with(b"HTTP/1.1 200 ") {
            bail!("another answer than the first: {}", String::from_utf8_lossy(&bytes[..read]));
        }
        member.left -= read;
        Ok(member.left == 0)
    }
}

impl Pace {
    /// How many requests have arrived.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of requests that a measurement lives to see"
    )]
    fn due(self, elapsed: Duration, connections: usize, answered: usize) -> usize {
        match self {
            Self::Answered => connections + answered,
            Self::PerSecond(rate) => (elapsed.as_secs_f64() * rate) as usize,
        }
    }

    /// How long until another one arrives, where the clock decides it.
    fn until_next(self, elapsed: Duration) -> Option<Duration> {
        match self {
            Self::Answered => None,
            Self::PerSecond(rate) => {
                let next = (elapsed.as_secs_f64() * rate).floor() + 1.0;
                Some(Duration::from_secs_f64(next / rate).saturating_sub(elapsed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
        thread,
    };

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    /// A server that answers each request after a pause, but the `odd` one of each connection with
    /// another status.
    fn server(pause: Duration, odd: usize) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move |mut stream: TcpStream| {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for number in 0.. {
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                thread::sleep(pause);
                let status = if number == odd { "500 No" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n11");
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        };
        thread::spawn(move || {
            listener
                .incoming()
                .flatten()
                .for_each(|stream| drop(thread::spawn(move || serve(stream))));
        });
        port
    }

    #[test]
    fn every_request_is_answered_once() {
        let port = server(Duration::ZERO, usize::MAX);
        let mut crowd = Crowd::gather(port, 3, REQUEST.to_vec()).unwrap();
        assert_eq!(crowd.ask(20, Pace::Answered).unwrap().len(), 20);
        assert_eq!(crowd.ask(20, Pace::PerSecond(5_000.0)).unwrap().len(), 20);
    }

    #[test]
    fn a_request_that_waited_for_a_slow_answer_says_so() {
        let pause = Duration::from_millis(4);
        let port = server(pause, usize::MAX);
        let mut crowd = Crowd::gather(port, 1, REQUEST.to_vec()).unwrap();
        let took = crowd.ask(10, Pace::PerSecond(1_000.0)).unwrap();
        assert!(took[9] >= 5 * pause, "{took:?}");
    }

    #[test]
    fn another_status_ends_the_measurement() {
        let port = server(Duration::ZERO, 4);
        let mut crowd = Crowd::gather(port, 1, REQUEST.to_vec()).unwrap();
        let said = crowd.ask(20, Pace::Answered).unwrap_err().to_string();
        assert!(said.contains("500 No"), "{said}");
    }
}
