//! The bytes of requests one after the other: heads line by line, bodies skipped.

use memchr::memchr;

/// How much of a line is kept: names, lengths and sizes are shorter.
const LINE: usize = 64;

/// What stands behind a chunk.
const LINE_END: u64 = 2;

/// Digits of the largest size of a chunk.
const SIZE_DIGITS: usize = 16;

/// Where in a connection's bytes we are.
#[derive(Default)]
pub(super) struct Scan {
    stage: Stage,
    line: Line,
    head: Head,
    unclear: bool,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Head,
    Body(u64),
    Size,
    Chunk(u64),
    Trailers,
    /// Behind CONNECT: what comes is no more for us to read.
    Tunnel,
    /// No more heads are found.
    Lost,
}

/// A line as far as it came.
#[derive(Default)]
struct Line {
    /// At most [`LINE`] bytes.
    kept: Vec<u8>,
    length: usize,
    last: u8,
}

/// A whole line without its end.
#[derive(Clone, Copy)]
struct Whole<'a> {
    /// Without blanks around it.
    text: &'a [u8],
    /// There was more of it.
    cut: bool,
    /// It ended as it must, and not by a line feed alone.
    plain: bool,
}

#[derive(Clone, Copy, Default)]
struct Head {
    request: RequestLine,
    length: Option<u64>,
    chunked: bool,
    unclear: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum RequestLine {
    #[default]
    ToCome,
    Connect,
    Other,
}

impl Scan {
    /// Whether a body came whose end others may see elsewhere.
    pub(super) fn is_unclear(&self) -> bool {
        self.unclear
    }

    /// Whether a head has begun and not ended.
    pub(super) fn is_inside_head(&self) -> bool {
        matches!(self.stage, Stage::Head)
            && (self.head.request != RequestLine::ToCome || self.line.length > 0)
    }

    /// Goes on with what came next.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.stage {
                Stage::Tunnel | Stage::Lost => return,
                Stage::Body(left) => self.skip(bytes, left, Stage::Body, Stage::Head),
                Stage::Chunk(left) => self.skip(bytes, left, Stage::Chunk, Stage::Size),
                Stage::Head | Stage::Size | Stage::Trailers => self.feed_line(bytes),
            };
        }
    }

    fn skip<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        inside: fn(u64) -> Stage,
        behind: Stage,
    ) -> &'a [u8] {
        let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(left);
        self.stage = if here == left { behind } else { inside(left - here) };
        usize::try_from(here).ok().and_then(|here| bytes.get(here..)).unwrap_or(&[])
    }

    /// Takes at most one line; what is left comes back.
    fn feed_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = memchr(b'\n', bytes) else {
            self.line.add(bytes);
            return &[];
        };
        let (line, rest) = (bytes.get(..end), bytes.get(end + 1..));
        let (line, rest) = (line.unwrap_or(&[]), rest.unwrap_or(&[]));
        if self.line.length == 0 {
            self.line_ended(Whole::of(line, line.len(), line.last().copied()));
            return rest;
        }
        self.line.add(line);
        let mut taken = std::mem::take(&mut self.line);
        self.line_ended(Whole::of(&taken.kept, taken.length, Some(taken.last)));
        taken.kept.clear();
        self.line.kept = taken.kept;
        rest
    }

    fn line_ended(&mut self, line: Whole<'_>) {
        self.stage = match self.stage {
            Stage::Head => self.of_head(line),
            Stage::Size => match line.chunk() {
                Some(0) => Stage::Trailers,
                Some(size) => Stage::Chunk(size),
                None => Stage::Lost,
            },
            Stage::Trailers if !line.plain => Stage::Lost,
            Stage::Trailers if line.text.is_empty() => Stage::Head,
            Stage::Trailers => Stage::Trailers,
            // Nothing of these is read by lines.
            stage @ (Stage::Body(_) | Stage::Chunk(_) | Stage::Tunnel | Stage::Lost) => stage,
        };
        self.unclear |= matches!(self.stage, Stage::Lost);
    }

    fn of_head(&mut self, line: Whole<'_>) -> Stage {
        if !line.text.is_empty() {
            self.head.read(line);
            return Stage::Head;
        }
        let head = std::mem::take(&mut self.head);
        self.unclear |= head.unclear || (head.chunked && head.length.is_some());
        match head.length {
            _ if head.request == RequestLine::Connect => Stage::Tunnel,
            _ if head.chunked => Stage::Size,
            Some(length) if length > 0 => Stage::Body(length),
            Some(_) | None => Stage::Head,
        }
    }
}

impl Line {
    fn add(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or(&[]));
        self.length = self.length.saturating_add(bytes.len());
        self.last = bytes.last().copied().unwrap_or(self.last);
    }
}

impl<'a> Whole<'a> {
    fn of(kept: &'a [u8], length: usize, last: Option<u8>) -> Self {
        let text = kept.get(..LINE).unwrap_or(kept).trim_ascii();
        Self { text, cut: length > LINE, plain: last == Some(b'\r') }
    }

    /// How much a chunk that is announced so takes, with the end of its line; 0 for the last one.
    fn chunk(self) -> Option<u64> {
        let digits = self.text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, rest) = self.text.split_at_checked(digits)?;
        let extension = rest.trim_ascii_start();
        let plain = self.plain && (extension.is_empty() || extension.starts_with(b";"));
        if !plain || digits.len() > SIZE_DIGITS {
            return None;
        }
        let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 { Some(0) } else { size.checked_add(LINE_END) }
    }
}

impl Head {
    fn read(&mut self, Whole { text, cut, .. }: Whole<'_>) {
        if self.request == RequestLine::ToCome {
            let connect = text.starts_with(b"CONNECT ");
            self.request = if connect { RequestLine::Connect } else { RequestLine::Other };
        }
        let Some(colon) = memchr(b':', text) else { return };
        let (name, value) = text.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = true;
            self.unclear |= cut;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let value = value.get(1..).unwrap_or(&[]).trim_ascii();
            let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            // What is no number hyper refuses, and there is no next head.
            self.length = Some(length.unwrap_or(u64::MAX));
            self.unclear |= cut;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unclear(bytes: &[u8], step: usize) -> bool {
        let mut scan = Scan::default();
        bytes.chunks(step.max(1)).for_each(|piece| scan.feed(piece));
        scan.is_unclear()
    }

    #[test]
    fn both_framings_are_seen_in_either_order_and_any_case() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH:3\r\n\r\n",
            "\r\nPOST / HTTP/1.1\nTransfer-Encoding: x\nContent-Length: no\n\n",
        ] {
            assert!(unclear(head.as_bytes(), 1) && unclear(head.as_bytes(), 1000), "{head}");
        }
    }

    #[test]
    fn a_body_that_looks_like_a_head_is_no_head() {
        let body = "a: b\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        let text = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert!(!unclear(text.as_bytes(), 1));
        let next =
            format!("{text}GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: x\r\n\r\n");
        assert!(unclear(next.as_bytes(), 7));
    }

    #[test]
    fn a_line_that_is_longer_than_what_is_kept_of_it_is_unclear_where_it_frames() {
        let blanks = " ".repeat(70);
        for (line, is) in [("Content-Length:", true), ("X-Other:", false)] {
            let head = format!("POST / HTTP/1.1\r\n{line}{blanks}7\r\n\r\n");
            for step in [1, 50, 1000] {
                assert_eq!(unclear(head.as_bytes(), step), is, "{line}");
            }
        }
    }

    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const BOTH: &str = "GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn the_head_behind_a_chunked_body_is_found() {
        for body in
            ["0\r\n\r\n", "3\r\nabc\r\n00a;x=\"y\"\r\n0123\r\n\r\n89\r\n0 \r\nTrailer: x\r\n\r\n"]
        {
            let clear = format!("{CHUNKED}{body}{CHUNKED}{body}GET / HTTP/1.1\r\n\r\n");
            let both = format!("{clear}{BOTH}");
            for step in [1, 3, 1000] {
                assert!(!unclear(clear.as_bytes(), step), "{body}");
                assert!(unclear(both.as_bytes(), step), "{body}");
            }
        }
    }

    #[test]
    fn what_goes_through_a_tunnel_is_not_read() {
        let mut scan = Scan::default();
        scan.feed(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01");
        scan.feed(BOTH.as_bytes());
        assert!(!scan.is_unclear() && !scan.is_inside_head());
    }

    #[test]
    fn a_head_in_a_chunk_is_no_head() {
        let text = format!("{CHUNKED}{:x}\r\n{BOTH}\r\n0\r\n\r\n", BOTH.len());
        assert!(!unclear(text.as_bytes(), 1) && !unclear(text.as_bytes(), 1000));
    }

    #[test]
    fn a_chunk_in_no_plain_form_is_unclear() {
        for body in [
            "3\nabc\r\n",
            "\r\n",
            "x\r\n",
            "3x\r\n",
            "+3\r\n",
            "0x3\r\n",
            "12345678901234567\r\n",
            "ffffffffffffffff\r\n",
            "0\r\n\n",
            "0\r\nTrailer: x\n\r\n",
        ] {
            let text = format!("{CHUNKED}{body}");
            assert!(unclear(text.as_bytes(), 1) && unclear(text.as_bytes(), 1000), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_seen_does_not_depend_on_how_the_bytes_arrive(
            text in "((Content-Length: {0,70}[0-9]{1,2}|Transfer-Encoding: chunked|GET / HTTP|[0-3]|[a-z: ]{0,70})?\r?\n){0,12}",
            step in 1_usize..40,
        ) {
            prop_assert_eq!(unclear(text.as_bytes(), step), unclear(text.as_bytes(), usize::MAX));
        }
    }
}
