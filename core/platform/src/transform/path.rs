//! The part of JSONPath that batch transform knows: `$`, `.name`, `*`, `['a','b']`, `[i,j]`, `[a:b]`.
//!
//! It is not everyone's JSONPath. A slice holds both of its ends: `$[1:4]` is the second to the fifth
//! element (developer guide, "Associate Prediction Results with Input Records"), and an index that
//! is not there is an error. Names are of letters, digits, spaces and hyphens alone: AWS refuses
//! `account_id`.

use serde::{Deserialize, Serialize};

/// What is filtered: the value of `ContentType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// Each row is an array.
    #[serde(rename = "text/csv")]
    Csv,
    /// A document.
    #[serde(rename = "application/json")]
    Json,
    /// A document on each line.
    #[serde(rename = "application/jsonlines")]
    JsonLines,
}

impl Format {
    /// By its content type, whatever its case and parameters.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let name = content_type.split(';').next().unwrap_or_default().trim();
        [Self::Csv, Self::Json, Self::JsonLines]
            .into_iter()
            .find(|format| name.eq_ignore_ascii_case(format.name()))
    }

    /// Its content type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonlines",
        }
    }

    /// Beside digits, and letters where there are names.
    const fn operators(self) -> &'static [char] {
        match self {
            Self::Csv => &['$', '[', ']', '*', ' ', ',', ':', '-'],
            Self::Json | Self::JsonLines => &['$', '[', ']', '*', '.', ' ', ',', ':', '-', '\''],
        }
    }

    fn allows(self, character: char) -> bool {
        let named = !matches!(self, Self::Csv);
        character.is_ascii_digit()
            || named && character.is_ascii_alphabetic()
            || self.operators().contains(&character)
    }
}

/// A path, with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// `.name` or `['name']`.
    Name(String),
    /// `['a','b']`: an object of these members.
    Names(Vec<String>),
    /// `.*` or `[*]`: an array of everything.
    All,
    /// `[3]`: the element itself.
    Element(i64),
    /// `[1,3]`, `[1:3]`: an array of these elements.
    Elements(Vec<Span>),
}

/// Neighbouring elements, both ends among them; negative ends count from the last, which is -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first where nothing is said.
    pub first: Option<i64>,
    /// The last where nothing is said.
    pub last: Option<i64>,
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A character that no path for this format has. The sentence is AWS's.
    #[error(
        "Unexpected \"{character}\" in JsonPath. Supported operators for \"{}\" are [{}]",
        format.name(),
        listed(format.operators())
    )]
    Unexpected {
        /// The character.
        character: char,
        /// For what the path was.
        format: Format,
    },
    /// Something else than was written must stand there.
    #[error("Expected {expected} at position {position} in JsonPath")]
    Expected {
        /// What.
        expected: &'static str,
        /// Characters before it.
        position: usize,
    },
    /// More than one step into rows.
    #[error("Each row of \"text/csv\" is an array, so only one index or slice can be applied")]
    NotOfRows,
}

fn listed(operators: &[char]) -> String {
    operators.iter().map(|operator| format!("'{operator}'")).collect::<Vec<_>>().join(", ")
}

/// A path leads beyond an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("index {index} is not within the dimension size {len}")]
pub struct OutOfRange {
    /// The index, as written.
    pub index: i64,
    /// How many elements there are.
    pub len: usize,
}

impl JsonPath {
    /// Reads a path for a format. An empty one is `$`.
    pub fn parse(text: &str, format: Format) -> Result<Self, PathError> {
        if let Some(character) = text.chars().find(|character| !format.allows(*character)) {
            return Err(PathError::Unexpected { character, format });
        }
        let steps = if text.is_empty() { Vec::new() } else { Parser::new(text).steps()? };
        if format == Format::Csv && steps.len() > 1 {
            return Err(PathError::NotOfRows);
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// From the root down.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether it is `$`, everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Span {
    /// One element.
    #[must_use]
    pub const fn one(index: i64) -> Self {
        Self { first: Some(index), last: Some(index) }
    }

    /// The places of its first and last element among `len`.
    pub fn within(self, len: usize) -> Result<(usize, usize), OutOfRange> {
        let first = place(self.first.unwrap_or(0), len)?;
        let last = place(self.last.unwrap_or(-1), len)?;
        if first > last {
            return Err(OutOfRange { index: self.last.unwrap_or(-1), len });
        }
        Ok((first, last))
    }
}

/// The place of an index among `len` elements.
fn place(index: i64, len: usize) -> Result<usize, OutOfRange> {
    let outside = OutOfRange { index, len };
    let from_start = if index < 0 { index.checked_add_unsigned(len as u64) } else { Some(index) };
    let place = from_start.and_then(|place| usize::try_from(place).ok());
    place.filter(|place| *place < len).ok_or(outside)
}

/// Reads from left to right. All that is allowed is ASCII, so that a byte is a character.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    fn steps(mut self) -> Result<Vec<Step>, PathError> {
        self.expect(b'$', "\"$\"")?;
        let mut steps = Vec::new();
        loop {
            self.skip_spaces();
            match self.peek() {
                None => return Ok(steps),
                Some(b'.') => {
                    self.at += 1;
                    steps.push(self.after_dot()?);
                }
                Some(b'[') => steps.push(self.brackets()?),
                Some(_) => return Err(self.expected("\".\" or \"[\"")),
            }
        }
    }

    fn after_dot(&mut self) -> Result<Step, PathError> {
        match self.peek() {
            Some(b'[') => self.brackets(),
            Some(b'*') => {
                self.at += 1;
                Ok(Step::All)
            }
            _ => self.name().map(Step::Name),
        }
    }

    fn brackets(&mut self) -> Result<Step, PathError> {
        self.expect(b'[', "\"[\"")?;
        self.skip_spaces();
        let step = match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Step::All
            }
            Some(b'\'') => self.names()?,
            _ => self.elements()?,
        };
        self.skip_spaces();
        self.expect(b']', "\"]\"")?;
        Ok(step)
    }

    fn names(&mut self) -> Result<Step, PathError> {
        let mut names = vec![self.quoted()?];
        while self.comma() {
            names.push(self.quoted()?);
        }
        Ok(match <[String; 1]>::try_from(names) {
            Ok([name]) => Step::Name(name),
            Err(names) => Step::Names(names),
        })
    }

    fn elements(&mut self) -> Result<Step, PathError> {
        let begin = self.at;
        let mut spans = vec![self.span()?];
        while self.comma() {
            spans.push(self.span()?);
        }
        let ranges = self.text[begin..self.at].contains(&b':');
        Ok(match spans[..] {
            [Span { first: Some(index), .. }] if !ranges => Step::Element(index),
            _ => Step::Elements(spans),
        })
    }

    fn span(&mut self) -> Result<Span, PathError> {
        let first = self.number()?;
        self.skip_spaces();
        if self.peek() != Some(b':') {
            return first.map(Span::one).ok_or_else(|| self.expected("a number"));
        }
        self.at += 1;
        let last = self.number()?;
        Ok(Span { first, last })
    }

    fn number(&mut self) -> Result<Option<i64>, PathError> {
        self.skip_spaces();
        let rest = &self.text[self.at..];
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if sign + digits == 0 {
            return Ok(None);
        }
        let text = std::str::from_utf8(&rest[..sign + digits]).unwrap_or_default();
        let number = text.parse().map_err(|_| self.expected("a number"))?;
        self.at += sign + digits;
        Ok(Some(number))
    }

    fn quoted(&mut self) -> Result<String, PathError> {
        self.skip_spaces();
        self.expect(b'\'', "a name in quotes")?;
        let rest = &self.text[self.at..];
        let inside = |byte: &&u8| !matches!(byte, b'\'' | b'.' | b'[' | b']' | b'*' | b'$');
        let length = rest.iter().take_while(inside).count();
        let name = self.take(length)?;
        self.expect(b'\'', "the closing quote")?;
        Ok(name)
    }

    fn name(&mut self) -> Result<String, PathError> {
        let rest = &self.text[self.at..];
        let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
        self.take(rest.iter().take_while(inside).count())
    }

    fn take(&mut self, length: usize) -> Result<String, PathError> {
        let name = &self.text[self.at..self.at + length];
        if name.is_empty() {
            return Err(self.expected("a name"));
        }
        self.at += length;
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    fn comma(&mut self) -> bool {
        self.skip_spaces();
        let found = self.peek() == Some(b',');
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), PathError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    const fn expected(&self, expected: &'static str) -> PathError {
        PathError::Expected { expected, position: self.at }
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        JsonPath::parse(text, Format::Json).unwrap().steps
    }

    fn refusal(text: &str, format: Format) -> String {
        JsonPath::parse(text, format).unwrap_err().to_string()
    }

    fn name(name: &str) -> Step {
        Step::Name(name.into())
    }

    #[test]
    fn every_operator_of_the_guide_is_read() {
        let range = |first, last| Span { first, last };
        for (text, expected) in [
            ("$", vec![]),
            ("", vec![]),
            ("$.id", vec![name("id")]),
            ("$.id.*", vec![name("id"), Step::All]),
            ("$[*]", vec![Step::All]),
            ("$['id']", vec![name("id")]),
            (
                "$['id','SageMakerOutput']",
                vec![Step::Names(vec!["id".into(), "SageMakerOutput".into()])],
            ),
            (
                "$.field1.['a', 'b c']",
                vec![name("field1"), Step::Names(vec!["a".into(), "b c".into()])],
            ),
            ("$[1]", vec![Step::Element(1)]),
            ("$[-1]", vec![Step::Element(-1)]),
            ("$[1,3,5]", vec![Step::Elements(vec![Span::one(1), Span::one(3), Span::one(5)])]),
            ("$[2:5]", vec![Step::Elements(vec![range(Some(2), Some(5))])]),
            ("$[:5]", vec![Step::Elements(vec![range(None, Some(5))])]),
            ("$[ 2 : ]", vec![Step::Elements(vec![range(Some(2), None)])]),
            ("$[0,5:]", vec![Step::Elements(vec![Span::one(0), range(Some(5), None)])]),
            ("$.a[0].b", vec![name("a"), Step::Element(0), name("b")]),
        ] {
            assert_eq!(steps(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_where_it_goes_wrong() {
        assert_eq!(
            refusal("$['account_id','SageMakerOutput']", Format::JsonLines),
            "Unexpected \"_\" in JsonPath. Supported operators for \"application/jsonlines\" are \
             ['$', '[', ']', '*', '.', ' ', ',', ':', '-', ''']"
        );
        assert!(refusal("$.features", Format::Csv).starts_with("Unexpected \".\" in JsonPath."));
        assert_eq!(refusal("[0]", Format::Csv), "Expected \"$\" at position 0 in JsonPath");
        assert!(refusal("$[0][1]", Format::Csv).starts_with("Each row of"));
        for text in [
            "$.",
            "$..a",
            "$[",
            "$[]",
            "$[1",
            "$[1,]",
            "$[a]",
            "$['a",
            "$['']",
            "$['a.b']",
            "$ 1",
            "$[1:2:3]",
            "$[-]",
            "$[99999999999999999999]",
            "$.a b",
            "$['a',1]",
        ] {
            assert!(JsonPath::parse(text, Format::Json).is_err(), "{text}");
        }
    }

    #[test]
    fn a_slice_holds_both_of_its_ends() {
        let within = |first, last, len| Span { first, last }.within(len);
        assert_eq!(within(Some(1), Some(4), 6), Ok((1, 4)));
        assert_eq!(within(None, Some(5), 6), Ok((0, 5)));
        assert_eq!(within(Some(1), None, 6), Ok((1, 5)));
        assert_eq!(within(Some(-2), Some(-1), 6), Ok((4, 5)));
        assert_eq!(within(Some(1), Some(6), 6), Err(OutOfRange { index: 6, len: 6 }));
        assert_eq!(within(Some(-7), None, 6), Err(OutOfRange { index: -7, len: 6 }));
        assert!(within(Some(4), Some(2), 6).is_err());
        assert!(within(None, None, 0).is_err());
        assert!(within(Some(i64::MIN), None, 6).is_err());
    }

    #[test]
    fn content_types_are_told_whatever_their_case_and_parameters() {
        assert_eq!(Format::of("Text/CSV; label_size=0"), Some(Format::Csv));
        assert_eq!(Format::of("application/jsonlines"), Some(Format::JsonLines));
        assert_eq!(Format::of("text/libsvm"), None);
    }

    fn written(steps: &[Step]) -> String {
        let number =
            |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
        let span = |Span { first, last }: &Span| format!("{}:{}", number(*first), number(*last));
        let step = |step: &Step| match step {
            Step::Name(name) => format!("['{name}']"),
            Step::Names(names) => format!("['{}']", names.join("','")),
            Step::All => "[*]".into(),
            Step::Element(index) => format!("[{index}]"),
            Step::Elements(spans) => {
                format!("[{}]", spans.iter().map(span).collect::<Vec<_>>().join(","))
            }
        };
        format!("${}", steps.iter().map(step).collect::<String>())
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let name = || "[A-Za-z0-9][A-Za-z0-9 -]{0,8}";
        let span = (any::<Option<i64>>(), any::<Option<i64>>());
        let span = span.prop_map(|(first, last)| Span { first, last });
        prop_oneof![
            name().prop_map(Step::Name),
            prop::collection::vec(name(), 2..4).prop_map(Step::Names),
            Just(Step::All),
            any::<i64>().prop_map(Step::Element),
            prop::collection::vec(span, 1..4).prop_map(Step::Elements),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(steps in prop::collection::vec(any_step(), 0..4)) {
            let text = written(&steps);
            prop_assert_eq!(JsonPath::parse(&text, Format::Json).unwrap().steps, steps);
        }

        #[test]
        fn any_text_ends_without_a_panic(text: String, operators in "[$.\\[\\]'*:, a1-]{0,20}") {
            for format in [Format::Csv, Format::Json, Format::JsonLines] {
                let _ = JsonPath::parse(&text, format);
                let _ = JsonPath::parse(&format!("${operators}"), format);
            }
        }

        #[test]
        fn a_span_never_leads_outside(first: Option<i64>, last: Option<i64>, len in 0_usize..50) {
            if let Ok((first, last)) = (Span { first, last }).within(len) {
                prop_assert!(first <= last && last < len);
            }
        }
    }
}
