//! The push decoder: states between the bytes.

use bytes::{Buf, Bytes};

use super::{ChunkError, Mode, Trailers, signatures::Chain};
use crate::wire::sigv4::Verified;

/// How long a chunk's head or a trailer may be. Real ones take about a hundred bytes.
const LINE: usize = 8 * 1_024;
/// How many trailers there may be; clients send one.
const TRAILERS: usize = 16;
const SIGNATURE_TRAILER: &str = "x-amz-trailer-signature";

enum State {
    /// In the line that gives a chunk's size.
    Head,
    /// In a chunk, so many bytes before its end.
    Data(u64),
    /// Between a chunk and the next one's line.
    AfterData,
    /// Behind the last chunk: trailers, then an empty line.
    Tail,
    /// Nothing may follow.
    Done,
}

/// Takes the body's bytes as they come, gives its contents.
pub struct Decoder {
    mode: Mode,
    chain: Option<Chain>,
    state: State,
    line: Vec<u8>,
    said: u64,
    got: u64,
    announced: Vec<String>,
    trailers: Trailers,
    trailer_signature: Option<String>,
}

impl Decoder {
    /// For a body of `decoded_length` bytes. `verified` is needed by the signed modes; `trailers`
    /// are the names that `x-amz-trailer` announces.
    pub fn new(
        mode: Mode,
        verified: Option<Verified>,
        decoded_length: u64,
        trailers: &[String],
    ) -> Result<Self, ChunkError> {
        let chain = match (mode, verified) {
            (Mode::UnsignedTrailer, _) => None,
            (Mode::Signed | Mode::SignedTrailer, Some(request)) => Some(Chain::new(request)),
            (Mode::Signed | Mode::SignedTrailer, None) => return Err(ChunkError::Signature),
        };
        let announced: Vec<String> =
            trailers.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        if announced.len() > TRAILERS {
            return Err(ChunkError::Malformed("too many trailers are announced"));
        }
        Ok(Self {
            mode,
            chain,
            state: State::Head,
            line: Vec::new(),
            said: decoded_length,
            got: 0,
            announced,
            trailers: Vec::new(),
            trailer_signature: None,
        })
    }

    /// Takes more of the body and puts its contents, slices of `input`, in `out`. What a signed
    /// chunk holds is given out before its signature is seen, so nothing may be kept before
    /// [`Decoder::finish`].
    pub fn push(&mut self, mut input: Bytes, out: &mut Vec<Bytes>) -> Result<(), ChunkError> {
        while input.has_remaining() {
            if let State::Data(left) = self.state {
                out.push(self.data(left, &mut input)?);
            } else if let Some(line) = self.line(&mut input)? {
                self.on_line(&line)?;
            }
        }
        Ok(())
    }

    /// The body has ended.
    pub fn finish(mut self) -> Result<Trailers, ChunkError> {
        if !matches!(self.state, State::Done) {
            return Err(ChunkError::Incomplete);
        }
        if self.got != self.said {
            return Err(self.length(self.got));
        }
        self.check_trailers()?;
        Ok(self.trailers)
    }

    fn data(&mut self, left: u64, input: &mut Bytes) -> Result<Bytes, ChunkError> {
        let there = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let data = input.split_to(there);
        let left = left - there as u64;
        if let Some(chain) = &mut self.chain {
            chain.update(&data);
            if left == 0 {
                chain.end()?;
            }
        }
        self.state = if left == 0 { State::AfterData } else { State::Data(left) };
        Ok(data)
    }

    /// The next line without its end, once it is whole. Every line ends in CR LF, but trailers,
    /// which some clients end in LF alone.
    fn line(&mut self, input: &mut Bytes) -> Result<Option<String>, ChunkError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let part = input.split_to(end.map_or(input.len(), |end| end + 1));
        if self.line.len() + part.len() > LINE {
            return Err(ChunkError::Malformed("a line is too long"));
        }
        self.line.extend_from_slice(&part);
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        } else if !matches!(self.state, State::Tail) {
            return Err(ChunkError::Malformed("a line does not end in CR LF"));
        }
        String::from_utf8(line).map(Some).map_err(|_| ChunkError::Malformed("a line is not text"))
    }

    fn on_line(&mut self, line: &str) -> Result<(), ChunkError> {
        match self.state {
            State::Head => self.head(line),
            State::AfterData if line.is_empty() => {
                self.state = State::Head;
                Ok(())
            }
            State::AfterData => Err(ChunkError::Malformed("a chunk is longer than its size")),
            State::Tail if line.is_empty() => {
                self.state = State::Done;
                Ok(())
            }
            State::Tail => self.trailer(line),
            State::Data(_) | State::Done => Err(ChunkError::Malformed("something follows the end")),
        }
    }

    fn head(&mut self, line: &str) -> Result<(), ChunkError> {
        let digits = self.begin_chunk(line)?;
        let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(digits, 16).ok().filter(|_| digits_only);
        let size = size.ok_or(ChunkError::Malformed("a chunk's size is no hexadecimal number"))?;
        self.got = self.got.saturating_add(size);
        if self.got > self.said {
            return Err(self.length(self.got));
        }
        self.state = State::Data(size);
        if size == 0 {
            if let Some(chain) = &mut self.chain {
                chain.end()?;
            }
            self.state = State::Tail;
        }
        Ok(())
    }

    /// The digits of the size; what is signed goes to the chain.
    fn begin_chunk<'a>(&mut self, line: &'a str) -> Result<&'a str, ChunkError> {
        let Some(chain) = &mut self.chain else {
            return Ok(line);
        };
        let (digits, signature) = line
            .split_once(";chunk-signature=")
            .ok_or(ChunkError::Malformed("a chunk has no signature"))?;
        chain.begin(signature);
        Ok(digits)
    }

    fn trailer(&mut self, line: &str) -> Result<(), ChunkError> {
        let (name, value) =
            line.split_once(':').ok_or(ChunkError::Malformed("a trailer has no colon"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if self.mode == Mode::SignedTrailer
            && name == SIGNATURE_TRAILER
            && self.trailer_signature.is_none()
        {
            self.trailer_signature = Some(value);
            return Ok(());
        }
        let again = self.trailers.iter().any(|(there, _)| *there == name);
        if again || self.mode == Mode::Signed || !self.announced.contains(&name) {
            return Err(ChunkError::Trailer(name));
        }
        self.trailers.push((name, value));
        Ok(())
    }

    fn check_trailers(&mut self) -> Result<(), ChunkError> {
        let came = |name: &String| self.trailers.iter().any(|(there, _)| there == name);
        if let Some(missing) = self.announced.iter().find(|name| !came(name)) {
            return Err(ChunkError::Trailer(missing.clone()));
        }
        let (Mode::SignedTrailer, Some(chain)) = (self.mode, &mut self.chain) else {
            return Ok(());
        };
        let lines = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n"));
        let signature = self.trailer_signature.as_deref().ok_or(ChunkError::Signature)?;
        chain.trailers(&lines.collect::<String>(), signature)
    }

    fn length(&self, got: u64) -> ChunkError {
        ChunkError::Length { said: self.said, got }
    }
}
