//! Files and functions that a reader would find long. Warnings: a long table is no fault.

use crate::check::{at, source::Source};

/// Lines of a file before its tests.
const FILE: usize = 400;
/// Lines of a function, from its head to its closing brace.
const FUNCTION: usize = 60;

/// What is over the sizes, and files that do not say what they are for.
pub fn large(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let length = source.lines.len();
    if length > FILE {
        found.push(at(source, 0, &format!("{length} lines before its tests")));
    }
    if !source.says_what_it_is_for {
        found.push(at(source, 0, "does not open with `//!`"));
    }
    for (line, name, length) in functions(&source.lines) {
        if length > FUNCTION {
            found.push(at(source, line, &format!("fn {name} has {length} lines")));
        }
    }
    found
}

/// Each function's first line, name and length. rustfmt puts the closing brace under the head.
fn functions(lines: &[String]) -> Vec<(usize, &str, usize)> {
    let heads = lines.iter().enumerate().filter_map(|(line, text)| Some((line, text, name(text)?)));
    heads
        .filter_map(|(line, text, name)| {
            let indent = &text[..text.len() - text.trim_start().len()];
            let end = format!("{indent}}}");
            let length = lines[line..].iter().position(|later| *later == end)? + 1;
            Some((line, name, length))
        })
        .collect()
}

/// The name of the function whose head begins on this line and whose body is not on it.
fn name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let modifiers = before.split_whitespace().all(|word| {
        matches!(word, "async" | "const" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub")
    });
    let one_line = line.ends_with('}') || line.ends_with(';');
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    (modifiers && !one_line && end > 0).then_some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(code: &str) -> Vec<String> {
        code.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_functions_length_is_counted_to_its_own_brace() {
        let code = lines(
            "impl A {\n    pub async fn b(\n        c: u8,\n    ) {\n        if c {\n        }\n    }\n}",
        );
        assert_eq!(functions(&code), [(1, "b", 6)]);
    }

    #[test]
    fn declarations_one_liners_and_prose_are_no_functions() {
        for line in ["fn a(&self);", "fn a() {}", "a fn pointer is", "let f: fn (u8) = g"] {
            assert_eq!(name(line), None, "{line}");
        }
    }

    #[test]
    fn a_long_file_without_a_purpose_is_told_both() {
        let code = "let x = 1;\n".repeat(FILE + 1);
        assert_eq!(large(&Source::read("a/src/b.rs", &code)).len(), 2);
    }
}
