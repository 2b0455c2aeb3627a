//! Asks the model: a piece becomes requests, and their answers what stands in the output.

use std::borrow::Cow;

use memchr::memchr_iter;
use platform::{
    scorer::{Invocation, Rejection, Scorer},
    transform::{Settings, Split, Strategy},
};

use crate::{
    frame::{FrameError, Framing},
    processing::{self, Trouble, Unprocessed},
};

/// The content type of records whose frames belong to them: one without is none that a model knows.
const RECORDIO: &str = "application/x-recordio-protobuf";

/// What a piece became.
#[derive(Debug)]
pub struct Scored {
    /// How many records it had.
    pub records: u64,
    /// What stands in the output, or why nothing does.
    pub answer: Result<Answer, Fault>,
}

/// What stands in the output.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub body: Vec<u8>,
    pub content_type: String,
}

/// Why a piece could not be scored, and which of its records are at fault, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub first: u64,
    pub last: u64,
    pub why: Why,
}

/// What was wrong with records.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The model does not take them.
    #[error("Bad HTTP status received from algorithm: {}", .0.status)]
    Rejected(Rejection),
    /// They are not framed as they should be.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// They, or their answers, cannot be filtered or joined.
    #[error(transparent)]
    Unprocessed(#[from] Trouble),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self { first: 0, last: 0, why: Why::Rejected(rejection) }
    }
}

impl From<Unprocessed> for Fault {
    fn from(Unprocessed { record, why }: Unprocessed) -> Self {
        Self { first: record, last: record, why: why.into() }
    }
}

/// Scores pieces; shared by threads.
pub struct Scoring<'a> {
    settings: &'a Settings,
    model: &'a dyn Scorer,
    framing: Option<Framing>,
    /// Whether a single record is sent without its frame.
    bare: bool,
}

impl<'a> Scoring<'a> {
    pub fn new(settings: &'a Settings, model: &'a dyn Scorer) -> Self {
        let content_type = settings.content_type.as_deref().unwrap_or_default();
        let own = content_type.split(';').next().unwrap_or_default().trim();
        let bare = !own.eq_ignore_ascii_case(RECORDIO);
        Self { settings, model, framing: framing(settings.split), bare }
    }

    /// What the records of a piece are.
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Scores the whole records of a piece.
    pub fn score(&self, piece: &[u8]) -> Scored {
        match (self.framing, self.settings.strategy) {
            (Some(framing), Strategy::SingleRecord) => self.one_by_one(piece, framing),
            (Some(framing), Strategy::MultiRecord) => {
                let records = count(piece, framing);
                let answer = self.ask_many(piece, framing, records);
                Scored { records, answer }
            }
            (None, _) => Scored { records: 1, answer: self.ask(piece) },
        }
    }

    fn ask_many(&self, piece: &[u8], framing: Framing, records: u64) -> Result<Answer, Fault> {
        if is_blank(piece, framing) {
            return Ok(Answer::default());
        }
        self.ask(piece).map_err(|fault| match fault.why {
            // Which record it is, the model does not tell; one that it refuses alone is.
            Why::Rejected(_) => {
                let alone = self.one_by_one(piece, framing).answer;
                alone.err().unwrap_or(Fault { last: records.saturating_sub(1), ..fault })
            }
            Why::Frame(_) | Why::Unprocessed(_) => fault,
        })
    }

    fn one_by_one(&self, mut piece: &[u8], framing: Framing) -> Scored {
        let (mut records, mut all) = (0, Answer::default());
        let fault = |at, why| {
            let fault = Fault { first: at, last: at, why };
            Scored { records: at, answer: Err(fault) }
        };
        loop {
            let first = match framing.split_first(piece) {
                Ok(Some(first)) => first,
                Ok(None) => return Scored { records, answer: Ok(all) },
                Err(error) => return fault(records, error.into()),
            };
            let request = if self.bare { first.content } else { first.whole };
            if !is_blank(request, framing) {
                match self.ask(request) {
                    Ok(answer) => {
                        all.body.extend_from_slice(&answer.body);
                        all.content_type = answer.content_type;
                    }
                    Err(Fault { why, .. }) => return fault(records, why),
                }
            }
            records += 1;
            piece = first.rest;
        }
    }

    /// One request, and what is kept of its answer.
    fn ask(&self, request: &[u8]) -> Result<Answer, Fault> {
        let reply = self.model.invoke(Invocation {
            content_type: self.settings.content_type.as_deref(),
            accept: self.settings.accept.as_deref(),
            body: &self.sent(request)?,
        })?;
        let mut body = match &self.settings.processing {
            Some(processing) if processing.touches_output() => {
                processing::answer(processing, request, &reply.body)?
            }
            _ => reply.body,
        };
        if self.settings.assemble_lines && !body.ends_with(b"\n") {
            body.push(b'\n');
        }
        Ok(Answer { body, content_type: reply.content_type.into_owned() })
    }

    fn sent<'b>(&self, request: &'b [u8]) -> Result<Cow<'b, [u8]>, Unprocessed> {
        match &self.settings.processing {
            Some(processing) if !processing.input.is_root() => {
                processing::request(processing, request).map(Cow::Owned)
            }
            _ => Ok(Cow::Borrowed(request)),
        }
    }
}

/// What `SplitType` means.
fn framing(split: Split) -> Option<Framing> {
    match split {
        Split::None => None,
        Split::Line => Some(Framing::Line),
        Split::RecordIo => Some(Framing::RecordIo),
        Split::TfRecord => Some(Framing::TfRecord),
    }
}

/// Lines of white space, as files end with, are no records.
fn is_blank(request: &[u8], framing: Framing) -> bool {
    framing == Framing::Line && request.trim_ascii().is_empty()
}

/// How many records there are in whole ones.
fn count(piece: &[u8], framing: Framing) -> u64 {
    match framing {
        Framing::Line => {
            let ends = memchr_iter(b'\n', piece).count() as u64;
            ends + u64::from(!piece.ends_with(b"\n"))
        }
        Framing::RecordIo | Framing::TfRecord => {
            let (mut records, mut rest) = (0, piece);
            while let Ok(Some(first)) = framing.split_first(rest) {
                (records, rest) = (records + 1, first.rest);
            }
            records
        }
    }
}
