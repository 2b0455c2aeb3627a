//! The models' regular expressions, written for Java.
//!
//! AWS matches the whole value. In Java `\d` and `\w` are ASCII, in Rust they are not; and a few
//! patterns are written in ways that no Rust crate reads.

use std::{borrow::Cow, sync::OnceLock};

/// Patterns that compile in neither crate, and what they mean. Java writes letters beyond 16 bits as
/// two surrogates.
const REWRITTEN: &[(&str, &str)] = &[(
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*",
    r"[\t\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*",
)];

/// What Java reads as ASCII, and what stands for it inside of brackets.
const CLASSES: &[(&str, &str)] = &[
    (r"\d", "0-9"),
    (r"\w", "0-9A-Za-z_"),
    (r"\p{Alnum}", "[:alnum:]"),
    (r"\p{ASCII}", "[:ascii:]"),
    (r"\p{Print}", "[:print:]"),
];

/// How large a compiled automaton may get, in bytes. The largest of the models takes about a third.
const LARGEST: usize = 64 << 20;

/// A pattern, compiled when first met.
pub struct Pattern {
    source: Cow<'static, str>,
    compiled: OnceLock<Option<Compiled>>,
}

enum Compiled {
    /// In linear time.
    Linear(Box<regex::Regex>),
    /// With look-around, by backtracking with a bound on the steps.
    Backtracking(Box<fancy_regex::Regex>),
}

impl Pattern {
    /// A pattern as the model writes it.
    pub fn new(source: Cow<'static, str>) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// As the model writes it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        match self.compiled() {
            Some(Compiled::Linear(regex)) => regex.is_match(text),
            Some(Compiled::Backtracking(regex)) => regex.is_match(text).unwrap_or(false),
            // The test over all patterns holds that there is none.
            None => true,
        }
    }

    fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| compile(&self.source)).as_ref()
    }

    /// Whether either crate reads it.
    #[cfg(test)]
    pub fn compiles(&self) -> bool {
        self.compiled().is_some()
    }
}

fn compile(source: &str) -> Option<Compiled> {
    let rewritten = REWRITTEN.iter().find(|(java, _)| *java == source).map(|(_, rust)| *rust);
    let whole = format!(r"\A(?:{})\z", ascii(rewritten.unwrap_or(source)));
    let linear = regex::RegexBuilder::new(&whole).size_limit(LARGEST).build();
    match linear {
        Ok(regex) => Some(Compiled::Linear(Box::new(regex))),
        Err(_) => fancy_regex::Regex::new(&whole)
            .ok()
            .map(|regex| Compiled::Backtracking(Box::new(regex))),
    }
}

/// `\d`, `\w` and the POSIX classes as Java means them. The negations stay, for what they let
/// through beyond ASCII is let through by Java, too.
fn ascii(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let (mut rest, mut in_class) = (source, false);
    while let Some(letter) = rest.chars().next() {
        let java = CLASSES.iter().find_map(|(java, rust)| Some((rest.strip_prefix(java)?, rust)));
        if let Some((after, rust)) = java {
            let (open, close) = if in_class { ("", "") } else { ("[", "]") };
            out.extend([open, rust, close]);
            rest = after;
            continue;
        }
        let escaped = if letter == '\\' { rest.chars().nth(1) } else { None };
        if escaped.is_none() {
            in_class = letter == '[' || (in_class && letter != ']');
        }
        let length = letter.len_utf8() + escaped.map_or(0, char::len_utf8);
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &'static str, text: &str) -> bool {
        Pattern::new(pattern.into()).matches(text)
    }

    #[test]
    fn the_whole_value_must_match() {
        assert!(matches("[a-z]+", "abc"));
        assert!(!matches("[a-z]+", "abc1"));
        assert!(!matches("^[a-z]+$", "abc\n"));
        assert!(!matches("a|b", "ab"));
    }

    #[test]
    fn digits_and_words_are_ascii() {
        assert!(matches(r"\d{12}", "123456789012"));
        assert!(!matches(r"\d", "٣"));
        assert!(!matches(r"[\w-]+", "ü"));
        assert!(matches(r"[\w-]+", "a-b_9"));
        assert!(matches(r"[\S\s]*", "ü\n"));
    }

    #[test]
    fn letters_beyond_sixteen_bits_are_letters() {
        let (java, _) = REWRITTEN[0];
        assert!(matches(java, "a\t\u{1F600}ü"));
        assert!(!matches(java, "a\n"));
    }

    #[test]
    fn look_around_works() {
        assert!(matches(r"(?!-)[a-z-]+(?<!-)", "a-b"));
        assert!(!matches(r"(?!-)[a-z-]+(?<!-)", "a-"));
    }
}
