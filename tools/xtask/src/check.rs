//! `cargo xtask check`: what the compiler cannot say about how the house is built.
//!
//! It fails on an arrow that nobody drew and on a caller that nobody verified; of sizes it only
//! warns. The scanners read lines, not syntax: they rely on rustfmt's layout.

mod arrows;
mod callers;
mod rooms;
mod sizes;
mod source;

use anyhow::{Result, ensure};

use crate::{check::source::Source, project::Project};

/// Looks at every crate and file of the workspace.
pub fn run(project: &Project) -> Result<()> {
    let sources = source::all(project)?;
    for warning in sources.iter().flat_map(sizes::large) {
        println!("warning: {warning}");
    }
    let errors: Vec<String> = arrows::undrawn(project.metadata())
        .into_iter()
        .chain(sources.iter().flat_map(rooms::crossed))
        .chain(sources.iter().flat_map(callers::unverified))
        .collect();
    for error in &errors {
        println!("error: {error}");
    }
    ensure!(errors.is_empty(), "{} of the rules in ARCHITECTURE.md are broken", errors.len());
    println!(
        "{} crates and {} files keep the rules",
        project.metadata().packages.len(),
        sources.len()
    );
    Ok(())
}

/// A finding, where an editor can jump to it.
fn at(source: &Source, line: usize, what: &str) -> String {
    format!("{}:{}: {what}", source.path, line + 1)
}
