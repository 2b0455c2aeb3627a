//! Texts of a policy that match other texts: `*` for any characters, `?` for one, and `${key}` for
//! what the request says of itself.
//!
//! A variable's value is taken literally, so nobody can send a `*`. One that the request does not
//! set, and that names no default, makes the whole text match nothing.

use std::str::Chars;

use platform::objects::Context;

/// A text to match against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    fold: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    One(char),
    Any,
    Many,
    Variable(Box<Variable>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    key: String,
    default: Option<String>,
}

/// Which characters of a policy's text are more than themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?`.
    pub wild: bool,
    /// `${…}`; only policies of the version of 2012 have them.
    pub variables: bool,
    /// Upper and lower case are the same.
    pub fold: bool,
}

impl Pattern {
    pub(super) fn new(text: &str, syntax: Syntax) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            rest = &rest[first.len_utf8()..];
            if let Some((piece, after)) = syntax.variables.then(|| variable(first, rest)).flatten()
            {
                pieces.push(piece);
                rest = after;
                continue;
            }
            match first {
                '*' if syntax.wild => {
                    if pieces.last() != Some(&Piece::Many) {
                        pieces.push(Piece::Many);
                    }
                }
                '?' if syntax.wild => pieces.push(Piece::Any),
                other => pieces.push(Piece::One(other)),
            }
        }
        Self { pieces, fold: syntax.fold }
    }

    /// Whether it is all of `text`.
    pub(super) fn matches(&self, text: &str, context: &Context<'_>) -> bool {
        if !self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(_))) {
            return glob(&self.pieces, text, self.fold);
        }
        self.resolved(context).is_some_and(|pieces| glob(&pieces, text, self.fold))
    }

    /// Whether it is one text and no other, whatever the request.
    pub(super) fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::One(_)))
    }

    fn resolved(&self, context: &Context<'_>) -> Option<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Variable(variable) => {
                    let said = context.values(&variable.key).next();
                    let value = said.or(variable.default.as_deref())?;
                    pieces.extend(value.chars().map(Piece::One));
                }
                Piece::One(_) | Piece::Any | Piece::Many => pieces.push(piece.clone()),
            }
        }
        Some(pieces)
    }
}

/// `${key}`, `${key, 'default'}`, or one of `${*}`, `${?}`, `${$}`, which stand for themselves.
fn variable(first: char, rest: &str) -> Option<(Piece, &str)> {
    let inner = rest.strip_prefix('{').filter(|_| first == '$')?;
    let (name, after) = inner.split_once('}')?;
    if let "*" | "?" | "$" = name {
        return name.chars().next().map(|character| (Piece::One(character), after));
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => (key, default.trim().strip_prefix('\'')?.strip_suffix('\'')),
        None => (name, None),
    };
    let (key, default) = (key.trim().to_owned(), default.map(str::to_owned));
    Some((Piece::Variable(Box::new(Variable { key, default })), after))
}

/// Greedy: only the last `*` is ever taken back, so no text makes it try everything.
fn glob(pattern: &[Piece], text: &str, fold: bool) -> bool {
    let (mut rest, mut chars) = (pattern, text.chars());
    let mut retry: Option<(&[Piece], Chars<'_>)> = None;
    loop {
        match rest.split_first() {
            Some((Piece::Many, [])) => return true,
            Some((Piece::Many, after)) => {
                retry = Some((after, chars.clone()));
                rest = after;
                continue;
            }
            Some((piece, after)) => {
                // What is left to match only gets shorter by taking back.
                let mut next = chars.clone();
                let Some(character) = next.next() else { return false };
                if takes(piece, character, fold) {
                    (rest, chars) = (after, next);
                    continue;
                }
            }
            None if chars.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after, from)) = retry.as_mut() else { return false };
        if from.next().is_none() {
            return false;
        }
        (rest, chars) = (*after, from.clone());
    }
}

fn takes(piece: &Piece, character: char, fold: bool) -> bool {
    match piece {
        Piece::One(wanted) if fold => wanted.to_lowercase().eq(character.to_lowercase()),
        Piece::One(wanted) => *wanted == character,
        Piece::Any => true,
        Piece::Many | Piece::Variable(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    const WILD: Syntax = Syntax { wild: true, variables: true, fold: false };

    fn matches(pattern: &str, text: &str) -> bool {
        let mut context = Context::default();
        context.set("aws:username", "a*b");
        Pattern::new(pattern, WILD).matches(text, &context)
    }

    #[test]
    fn stars_and_question_marks_match_as_they_say() {
        for (pattern, text) in
            [("*", ""), ("a*", "a"), ("a*c", "abc"), ("a?c", "aüc"), ("*a*b*", "xxaybz"), ("", "")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("?", ""), ("a*c", "ab"), ("a", "ab"), ("*b", "a"), ("??", "ü")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_variable_is_what_the_request_says_and_never_a_wildcard() {
        assert!(matches("home/${aws:username}/*", "home/a*b/x"));
        assert!(!matches("home/${aws:username}/*", "home/axb/x"));
        assert!(!matches("${aws:unknown}*", "anything"));
        assert!(matches("${aws:unknown, 'none'}", "none"));
        assert!(matches("a${*}", "a*") && !matches("a${*}", "ab"));
        assert!(matches("${broken", "${broken"));
    }

    #[test]
    fn without_syntax_a_text_is_itself() {
        let plain = Pattern::new("a*${x}?", Syntax::default());
        assert!(plain.is_fixed() && plain.matches("a*${x}?", &Context::default()));
        let folded = Pattern::new("s3:getOBJECT", Syntax { fold: true, ..Syntax::default() });
        assert!(folded.matches("S3:GetObject", &Context::default()));
    }

    #[test]
    fn no_pattern_makes_it_try_everything() {
        let (pattern, text) = ("*a".repeat(500) + "b", "a".repeat(1024));
        let started = Instant::now();
        assert!(!matches(&pattern, &text));
        assert!(started.elapsed() < Duration::from_millis(500));
    }

    /// The definition, without care for time.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| slowly(rest, &text[skip..])),
            Some((one, rest)) => text
                .split_first()
                .is_some_and(|(first, after)| (*one == '?' || one == first) && slowly(rest, after)),
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_matches(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let (slow, letters): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), slowly(&slow, &letters));
        }

        #[test]
        fn no_text_breaks_it(pattern in ".{0,40}", text in ".{0,40}") {
            matches(&pattern, &text);
        }
    }
}
