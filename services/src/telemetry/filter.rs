//! Filter patterns of `FilterLogEvents`: words that must all occur, as its unstructured form has it.

/// A pattern: every word must occur in a message, and no excluded one may.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filter {
    words: Vec<String>,
    excluded: Vec<String>,
}

/// The pattern is one of the structured forms, which are not supported here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Filter patterns of JSON or space-delimited events are not supported; use words.")]
pub struct Structured;

impl Filter {
    /// Reads `error "disk full" -retry`.
    pub fn parse(pattern: &str) -> Result<Self, Structured> {
        let mut rest = pattern.trim();
        if rest.starts_with(['{', '[', '%']) {
            return Err(Structured);
        }
        let mut filter = Self::default();
        while !rest.is_empty() {
            let (list, word) = match rest.strip_prefix('-') {
                Some(word) => (&mut filter.excluded, word),
                None => (&mut filter.words, rest),
            };
            let (word, after) = match word.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => word.split_once(char::is_whitespace).unwrap_or((word, "")),
            };
            list.push(word.to_owned());
            rest = after.trim_start();
        }
        Ok(filter)
    }

    /// Whether a message passes.
    #[must_use]
    pub fn passes(&self, message: &str) -> bool {
        self.words.iter().all(|word| message.contains(word))
            && !self.excluded.iter().any(|word| message.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_occur_and_no_excluded_one() {
        let filter = Filter::parse(r#"error "disk full" -retry"#).unwrap();
        assert!(filter.passes("error: disk full"));
        assert!(!filter.passes("error: disk full, retry"));
        assert!(!filter.passes("error: disk is full"));
        assert!(Filter::parse("").unwrap().passes("anything"));
        assert_eq!(Filter::parse("{ $.level = 1 }"), Err(Structured));
    }
}
