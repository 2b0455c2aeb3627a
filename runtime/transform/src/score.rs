//! Asks the model: a piece becomes requests, and their answers what stands in the output.

use std::{
    borrow::Cow,
    ops::AddAssign,
    panic::{AssertUnwindSafe, catch_unwind},
};

use platform::{
    scorer::{Invocation, Rejection, Reply, Scorer},
    transform::{Settings, Split, Strategy},
};

use crate::{
    frame::{FrameError, Framing},
    lines,
    processing::{self, Trouble, Unprocessed},
};

/// The content type of records whose frames belong to them: one without is none that a model knows.
const RECORDIO: &str = "application/x-recordio-protobuf";

/// What a piece became.
#[derive(Debug)]
pub struct Scored {
    /// How many records it had.
    pub count: Count,
    /// What stands in the output, or why nothing does.
    pub answer: Result<Answer, Fault>,
}

/// A number of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Blank lines among them: as editors count, and so do messages that name a record.
    pub numbered: u64,
    /// Without them.
    pub filled: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, more: Self) {
        self.numbered += more.numbered;
        self.filled += more.filled;
    }
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

impl Fault {
    /// The same, of records that stand behind so many.
    fn behind(self, numbered: u64) -> Self {
        Self { first: self.first + numbered, last: self.last + numbered, why: self.why }
    }
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
        let Some(framing) = self.framing else {
            let count = Count { numbered: 1, filled: 1 };
            return Scored { count, answer: self.ask(piece) };
        };
        let answer = match self.settings.strategy {
            Strategy::SingleRecord => self.one_by_one(piece, framing),
            Strategy::MultiRecord => self.together(piece, framing),
        };
        Scored { count: count(piece, framing), answer }
    }

    fn together(&self, piece: &[u8], framing: Framing) -> Result<Answer, Fault> {
        if is_blank(piece, framing) {
            return Ok(Answer::default());
        }
        self.ask(piece).map_err(|fault| match fault.why {
            Why::Rejected(rejection) => self.narrowed(piece, framing, rejection),
            Why::Frame(_) | Why::Unprocessed(_) => fault,
        })
    }

    /// The fewest neighbours of refused records that are refused without the others, for which record
    /// it is the model does not tell. Halves are asked for, so that it costs as much as the piece.
    fn narrowed(&self, piece: &[u8], framing: Framing, rejection: Rejection) -> Fault {
        if let Some(middle) = middle(piece, framing) {
            let (first, second) = piece.split_at(middle);
            if let Err(fault) = self.together(first, framing) {
                return fault;
            }
            if let Err(fault) = self.together(second, framing) {
                return fault.behind(count(first, framing).numbered);
            }
        }
        let last = count(piece, framing).numbered.saturating_sub(1);
        Fault { first: 0, last, why: Why::Rejected(rejection) }
    }

    fn one_by_one(&self, mut piece: &[u8], framing: Framing) -> Result<Answer, Fault> {
        let (mut number, mut all) = (0, Answer::default());
        let fault = |number, why| Fault { first: number, last: number, why };
        loop {
            let first = match framing.split_first(piece) {
                Ok(Some(first)) => first,
                Ok(None) => return Ok(all),
                Err(error) => return Err(fault(number, error.into())),
            };
            let request = if self.bare { &*first.content } else { first.whole };
            if !is_blank(request, framing) {
                let answer = self.ask(request).map_err(|refused| fault(number, refused.why))?;
                all.body.extend_from_slice(&answer.body);
                all.content_type = answer.content_type;
            }
            number += 1;
            piece = first.rest;
        }
    }

    /// One request, and what is kept of its answer.
    fn ask(&self, request: &[u8]) -> Result<Answer, Fault> {
        let reply = self.invoke(Invocation {
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

    /// A model that panics answers as a container that fails does.
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
        catch_unwind(AssertUnwindSafe(|| self.model.invoke(call)))
            .unwrap_or_else(|_| Err(Rejection::panicked()))
    }

    fn sent<'b>(&self, request: &'b [u8]) -> Result<Cow<'b, [u8]>, Unprocessed> {
        match (&self.settings.processing, self.framing) {
            (Some(processing), _) if !processing.input.is_root() => {
                processing::request(processing, request).map(Cow::Owned)
            }
            (_, Some(Framing::Line)) => Ok(lines::without_blank(request)),
            (_, Some(Framing::RecordIo | Framing::TfRecord) | None) => Ok(Cow::Borrowed(request)),
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
    framing == Framing::Line && lines::is_blank(request)
}

/// How many records there are in whole ones.
fn count(piece: &[u8], framing: Framing) -> Count {
    let mut all = Count::default();
    match framing {
        Framing::Line => lines::whole(piece).for_each(|line| {
            all += Count { numbered: 1, filled: u64::from(!lines::is_blank(line)) };
        }),
        Framing::RecordIo | Framing::TfRecord => {
            let mut at = 0;
            while let Ok(Some(len)) = framing.first_len(&piece[at..]) {
                at += len;
                all += Count { numbered: 1, filled: 1 };
            }
        }
    }
    all
}

/// Where the second half of several records begins.
fn middle(piece: &[u8], framing: Framing) -> Option<usize> {
    let half = count(piece, framing).numbered / 2;
    let mut at = 0;
    for _ in 0..half {
        at += framing.first_len(&piece[at..]).ok()??;
    }
    (at > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::tests::settings;

    /// A model that counts its calls, and refuses the words `bad` and, together, `a` and `b`.
    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Scorer for Counts {
        fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let has = |word: &[u8]| call.body.windows(word.len()).any(|part| part == word);
            if has(b"bad") || has(b"a\n") && has(b"b\n") {
                return Err(Rejection { status: 400, message: String::new() });
            }
            Ok(Reply { status: 200, content_type: "".into(), body: Vec::new() })
        }
    }

    #[test]
    fn the_record_that_is_refused_is_found_in_a_few_calls() {
        let (settings, model) = (settings(), Counts::default());
        let scoring = Scoring::new(&settings, &model);
        let mut lines = vec!["1\n"; 4000];
        for at in [0, 1, 1234, 3999] {
            lines[at] = "bad\n";
            let fault = scoring.score(lines.concat().as_bytes()).answer.unwrap_err();
            assert_eq!((fault.first, fault.last), (at as u64, at as u64));
            assert!(model.0.swap(0, Ordering::Relaxed) <= 1 + 2 * 12, "{at}");
            lines[at] = "1\n";
        }
        (lines[1], lines[3998]) = ("a\n", "b\n");
        let fault = scoring.score(lines.concat().as_bytes()).answer.unwrap_err();
        assert_eq!((fault.first, fault.last), (0, 3999), "no half is refused alone");
        assert_eq!(model.0.load(Ordering::Relaxed), 3);
    }
}
