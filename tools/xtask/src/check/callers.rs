//! A `Caller` is made by the verifier, or for work in a resource's name; nowhere else.

use crate::check::{at, source::Source};

/// Holds the verifier.
const GATEWAY: &str = "front/gateway/";
/// Holds the type and its two constructors.
const HOME: &str = "base/types/src/caller.rs";

/// Where a caller is made that nobody verified.
pub fn unverified(source: &Source) -> Vec<String> {
    if source.path == HOME {
        return Vec::new();
    }
    let lines = source.lines.iter().enumerate();
    lines
        .filter_map(|(line, text)| fault(&source.path, text).map(|what| at(source, line, what)))
        .collect()
}

fn fault(path: &str, line: &str) -> Option<&'static str> {
    if line.contains("Caller::verified(") && !path.starts_with(GATEWAY) {
        return Some("only the gateway's verifier makes a verified Caller");
    }
    literal(line).then_some("a Caller is made by its constructors only")
}

/// Whether a line builds the struct: `Caller {` that neither declares nor returns it.
fn literal(line: &str) -> bool {
    line.match_indices("Caller {").any(|(at, _)| {
        let before = &line[..at];
        let part_of_a_name = before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let declared =
            ["struct", "impl", "for", "->"].iter().any(|word| before.trim_end().ends_with(word));
        !part_of_a_name && !declared
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_gateway_says_that_a_caller_is_verified() {
        let line = "let caller = Caller::verified(owner, id, \"\");";
        assert!(fault("services/src/training.rs", line).is_some());
        assert!(fault("front/gateway/src/verify.rs", line).is_none());
    }

    #[test]
    fn building_the_struct_by_hand_is_found() {
        assert!(literal("let caller = Caller { owner, request_id };"));
        assert!(literal("    types::Caller {"));
    }

    #[test]
    fn declaring_extending_and_returning_it_is_not() {
        for line in [
            "pub struct Caller {",
            "impl Caller {",
            "impl fmt::Debug for Caller {",
            "fn caller(&self) -> Caller {",
            "struct PlannedCaller {",
        ] {
            assert!(!literal(line), "{line}");
        }
    }

    #[test]
    fn tests_may_call_as_anybody() {
        let code = "//! x\n#[cfg(test)]\nmod tests {\n    Caller::verified(a, b, c);\n}\n";
        assert!(unverified(&Source::read("services/src/training.rs", code)).is_empty());
    }
}
