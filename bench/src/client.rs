//! HTTP/1.1 over one blocking socket: a request as bytes, its whole answer.
//!
//! It knows what the measured servers send and no more; anything but a 200 is an error that shows
//! the server's words.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, bail};

/// Bytes read at once: large objects come in few calls.
const READ: usize = 256 * 1024;

/// A connection to a server on this machine. One that the server closes after an answer is opened
/// again for the next request.
pub struct Connection {
    port: u16,
    to: TcpStream,
    from: BufReader<TcpStream>,
    ended: bool,
}

impl Connection {
    /// Connects to a port of this machine.
    pub fn open(port: u16) -> Result<Self> {
        let to = TcpStream::connect(("127.0.0.1", port))?;
        to.set_nodelay(true)?;
        let from = BufReader::with_capacity(READ, to.try_clone()?);
        Ok(Self { port, to, from, ended: false })
    }

    /// Sends a request that stands in one piece, and reads the whole answer.
    pub fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        self.exchange(&[request], &mut body)?;
        Ok(body)
    }

    /// Sends a request that stands in one piece; how long its whole answer is, its head included.
    pub fn measure(&mut self, request: &[u8]) -> Result<usize> {
        self.to.write_all(request)?;
        let mut counted = Counted { from: &mut self.from, read: 0 };
        let head = Head::read(&mut counted)?;
        head.body(&mut counted, &mut io::sink())?;
        Ok(counted.read)
    }

    /// Sends a request piece by piece, and writes the answer's body to `into`; how long it was.
    pub fn exchange(&mut self, request: &[&[u8]], into: &mut impl Write) -> Result<u64> {
        if self.ended {
            *self = Self::open(self.port)?;
        }
        for piece in request {
            self.to.write_all(piece)?;
        }
        let head = Head::read(&mut self.from)?;
        self.ended = head.last;
        head.body(&mut self.from, into)
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    from: &'a mut R,
    read: usize,
}

impl<R: BufRead> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.read += read;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.from.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.from.consume(amount);
        self.read += amount;
    }
}

/// What an answer's head says of its body.
struct Head {
    status: String,
    length: u64,
    chunked: bool,
    /// No other answer comes on this connection.
    last: bool,
}

impl Head {
    fn read(from: &mut impl BufRead) -> Result<Self> {
        let status = line(from)?;
        let last = status.starts_with("HTTP/1.0");
        let mut head = Self { status, length: 0, chunked: false, last };
        loop {
            let line = line(from)?;
            let Some((name, value)) = line.split_once(':') else { return Ok(head) };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse()?,
                "transfer-encoding" => head.chunked = value == "chunked",
                "connection" => head.last = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
    }

    fn body(&self, from: &mut impl BufRead, into: &mut impl Write) -> Result<u64> {
        if self.status.split_ascii_whitespace().nth(1) == Some("200") {
            return self.copy(from, into);
        }
        let mut said = Vec::new();
        self.copy(from, &mut said)?;
        bail!("not a 200: {} {}", self.status, String::from_utf8_lossy(&said));
    }

    fn copy(&self, from: &mut impl BufRead, into: &mut impl Write) -> Result<u64> {
        if !self.chunked {
            copy(from, self.length, into)?;
            return Ok(self.length);
        }
        let mut whole = 0;
        loop {
            let length = u64::from_str_radix(&line(from)?, 16).context("a chunk without a size")?;
            copy(from, length, into)?;
            line(from)?;
            whole += length;
            if length == 0 {
                return Ok(whole);
            }
        }
    }
}

fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Exactly `length` bytes, out of the reader's own buffer.
fn copy(from: &mut impl BufRead, length: u64, into: &mut impl Write) -> Result<()> {
    let mut rest = from.take(length);
    while rest.limit() > 0 {
        let bytes = rest.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        into.write_all(bytes)?;
        let read = bytes.len();
        rest.consume(read);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(mut text: &[u8]) -> Result<(Vec<u8>, &[u8], bool)> {
        let mut body = Vec::new();
        let head = Head::read(&mut text)?;
        head.body(&mut text, &mut body)?;
        Ok((body, text, head.last))
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let next = b"HTTP/1.1 200 OK\r\n\r\n";
        let two = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n11", &next[..]].concat();
        assert_eq!(heard(&two).unwrap(), (b"11".to_vec(), &next[..], false));
    }

    #[test]
    fn chunks_are_put_together() {
        let said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\na\r\n0123456789\r\n0\r\n\r\nx";
        assert_eq!(heard(said).unwrap(), (b"ab0123456789".to_vec(), &b"x"[..], false));
    }

    #[test]
    fn the_last_answer_of_a_connection_is_known() {
        assert!(heard(b"HTTP/1.0 200 OK\r\n\r\n").unwrap().2);
        assert!(heard(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap().2);
    }

    #[test]
    fn a_refusal_is_shown_in_the_servers_words() {
        let refused =
            heard(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nkey?").unwrap_err();
        assert_eq!(refused.to_string(), "not a 200: HTTP/1.1 403 Forbidden key?");
    }

    #[test]
    fn a_connection_that_ends_is_not_taken_for_an_answer() {
        assert!(heard(b"").is_err());
        assert!(heard(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").is_err());
        assert!(heard(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab").is_err());
    }
}
