//! The files that are judged: production code, without comments and without what stands in quotes,
//! with the line numbers kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::project::Project;

/// One file of ours.
pub struct Source {
    /// Under the checkout.
    pub path: String,
    /// Its lines before its tests; comments are blank, quoted text is gone.
    pub lines: Vec<String>,
    /// Whether its first line is `//!`.
    pub says_what_it_is_for: bool,
}

impl Source {
    /// From a file's text.
    pub fn read(path: &str, text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let production = &lines[..tests_begin(&lines)];
        Self {
            path: path.to_owned(),
            lines: production.iter().map(|line| code(line)).collect(),
            says_what_it_is_for: text.starts_with("//!"),
        }
    }
}

/// Every file under the `src` of every crate that is not made of tests only.
pub fn all(project: &Project) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for package in &project.metadata().packages {
        let folder = package.manifest_path.with_file_name("src");
        gather(folder.as_std_path(), &mut files)?;
    }
    files.sort();
    files.iter().map(|file| open(project.root(), file)).collect()
}

fn open(root: &Path, file: &Path) -> Result<Source> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Source::read(&file.strip_prefix(root)?.to_string_lossy(), &text))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if is_for_tests(&path) {
            continue;
        }
        if path.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Tests, the suites that adapters run, and the fakes that stand in for them.
fn is_for_tests(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    matches!(&*stem, "tests" | "suite" | "fake") || stem.ends_with("_tests")
}

/// The line of `mod tests {` under `#[cfg(test)]`, or the file's length.
fn tests_begin(lines: &[&str]) -> usize {
    let mut marked = false;
    for (number, line) in lines.iter().map(|line| line.trim()).enumerate() {
        match line {
            "#[cfg(test)]" => marked = true,
            _ if line.starts_with("#[") => {}
            _ if marked && line.starts_with("mod ") && line.ends_with('{') => return number,
            _ => marked = false,
        }
    }
    lines.len()
}

/// The line's code: what stands in quotes is left out, and so is a comment behind it.
fn code(line: &str) -> String {
    let line = line.replace(r#"'"'"#, "' '").replace(r#"\""#, "");
    let outside: Vec<&str> = line.split('"').step_by(2).collect();
    let bare = outside.join("\"\"");
    bare.split("//").next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_are_cut_off() {
        let source = Source::read("a.rs", "//! A.\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(source.lines, ["", "fn a() {}", "#[cfg(test)]"]);
        assert!(source.says_what_it_is_for);
    }

    #[test]
    fn a_declared_test_module_hides_nothing_below_it() {
        let source = Source::read("a.rs", "#[cfg(test)]\nmod tests;\n\nfn a() {}\n");
        assert_eq!(source.lines.last().map(String::as_str), Some("fn a() {}"));
        assert!(!source.says_what_it_is_for);
    }

    #[test]
    fn comments_are_blank_and_keep_their_lines() {
        let source = Source::read("a.rs", "/// Doc.\nlet a = 1; // why\n");
        assert_eq!(source.lines, ["", "let a = 1;"]);
    }

    #[test]
    fn what_stands_in_quotes_is_no_code() {
        assert_eq!(code(r#"let a = "b // c"; // d"#), r#"let a = "";"#);
        assert_eq!(code(r#"split('"').find("say \"hi\"")"#), r#"split(' ').find("")"#);
    }

    #[test]
    fn files_of_tests_are_not_judged() {
        assert!(is_for_tests(Path::new("services/src/storage/tests")));
        assert!(is_for_tests(Path::new("core/platform/src/executor/fake.rs")));
        assert!(!is_for_tests(Path::new("services/src/storage.rs")));
    }
}
