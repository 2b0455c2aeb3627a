//! The rooms of `services` do not know each other: what one needs of another it is handed.

use crate::check::{at, source::Source};

/// Each owns a family of operations. Modules that all rooms share are not among them.
const ROOMS: &[&str] = &["accounts", "inference", "registry", "storage", "telemetry", "training"];

const HOUSE: &str = "services/src/";

/// Where a room's file names another room.
pub fn crossed(source: &Source) -> Vec<String> {
    let Some(own) = room(&source.path) else { return Vec::new() };
    let code = source.lines.join("\n");
    let foreign = names(&code).into_iter().filter(|(_, name)| *name != own && ROOMS.contains(name));
    foreign
        .map(|(line, other)| at(source, line, &format!("the room {own} names the room {other}")))
        .collect()
}

/// The room that a file belongs to.
fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix(HOUSE)?;
    let name = inside.split(['/', '.']).next()?;
    ROOMS.contains(&name).then_some(name)
}

/// Every module that is named through `crate::`, with its line; also those in braces.
fn names(code: &str) -> Vec<(usize, &str)> {
    const PATH: &str = "crate::";
    code.match_indices(PATH)
        .flat_map(|(at, _)| {
            let rest = &code[at + PATH.len()..];
            let line = code[..at].matches('\n').count();
            first_names(rest).into_iter().map(move |name| (line, name))
        })
        .collect()
}

fn first_names(rest: &str) -> Vec<&str> {
    match rest.strip_prefix('{') {
        Some(group) => group_names(group),
        None => vec![word(rest)],
    }
}

/// The first names of a group's members: `a::{b, c}, d}` has `a` and `d`.
fn group_names(group: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut fresh = true;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !letter.is_whitespace() => {
                found.push(word(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, code: &str) -> Vec<String> {
        crossed(&Source::read(path, code))
    }

    #[test]
    fn a_room_that_names_another_is_found_with_its_line() {
        let found =
            findings("services/src/training/job.rs", "//! Jobs.\nuse crate::storage::Key;\n");
        assert_eq!(
            found,
            ["services/src/training/job.rs:2: the room training names the room storage"]
        );
    }

    #[test]
    fn a_group_over_several_lines_hides_nothing() {
        let code = "use crate::{\n    record::{self, storage},\n    storage::Key,\n};\n";
        assert_eq!(findings("services/src/training.rs", code).len(), 1);
    }

    #[test]
    fn its_own_room_shared_modules_and_comments_are_free() {
        let code = "use crate::{record::Shelf, training::Job};\n// see crate::storage::Key\n";
        assert!(findings("services/src/training/job.rs", code).is_empty());
    }

    #[test]
    fn what_is_no_room_may_name_them_all() {
        let code = "pub use crate::{storage::Key, training::Job};";
        assert!(findings("services/src/lib.rs", code).is_empty());
        assert!(findings("front/gateway/src/storage.rs", "use crate::training::Job;").is_empty());
    }
}
