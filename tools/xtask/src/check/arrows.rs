//! Which crate may use which: the edges of ARCHITECTURE.md, as a table.
//!
//! An arrow allows what it leads to as well: who may use `platform` may name `types`. Dependencies
//! of tests are free, for a test may stand on a higher floor than what it tests.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};

/// Knows all, known by none.
const TOP: &str = "sagewright";

/// Each crate and what it may use. A crate that is missing here may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("aws", &["types"]),
    ("api", &["aws"]),
    ("platform", &["types"]),
    ("jobs", &["platform"]),
    ("store-sql", &["platform"]),
    ("blobs", &["platform"]),
    ("exec-local", &["platform"]),
    ("xgboost-sys", &["platform"]),
    ("scorers", &["platform", "recordio"]),
    ("transform", &["platform"]),
    ("recordio", &[]),
    ("algorithms", &["platform", "recordio", "xgboost-sys"]),
    ("services", &["api", "jobs", "platform"]),
    ("gateway", &["api", "platform"]),
    ("codegen", &[]),
    ("xtask", &[]),
    ("bench", &["aws"]),
    ("crash", &["aws"]),
];

/// One sentence for each arrow that is used and not drawn.
pub fn undrawn(metadata: &Metadata) -> Vec<String> {
    let crates = metadata.packages.iter();
    crates
        .flat_map(|package| {
            let ours = package
                .dependencies
                .iter()
                .filter(|used| used.path.is_some() && used.kind != DependencyKind::Development);
            let used: Vec<&str> = ours.map(|used| used.name.as_str()).collect();
            judge(package.name.as_str(), &used)
        })
        .collect()
}

fn judge(name: &str, used: &[&str]) -> Vec<String> {
    if name == TOP {
        return Vec::new();
    }
    let Some(allowed) = reach(name) else {
        return vec![format!(
            "crate {name} is not in ARROWS: draw it there and in ARCHITECTURE.md"
        )];
    };
    let beyond = used.iter().filter(|other| !allowed.contains(*other));
    beyond.map(|other| format!("crate {name} uses {other}: there is no such arrow")).collect()
}

/// All that a crate's arrows lead to.
fn reach(name: &str) -> Option<BTreeSet<&'static str>> {
    let (_, direct) = ARROWS.iter().find(|(from, _)| *from == name)?;
    let beyond = direct.iter().filter_map(|next| reach(next)).flatten();
    Some(direct.iter().copied().chain(beyond).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_and_what_it_leads_to_are_allowed() {
        assert!(judge("services", &["api", "jobs", "platform", "types", "aws"]).is_empty());
    }

    #[test]
    fn an_arrow_that_nobody_drew_is_named() {
        assert_eq!(
            judge("services", &["store-sql"]),
            ["crate services uses store-sql: there is no such arrow"]
        );
        assert_eq!(judge("platform", &["jobs"]).len(), 1);
    }

    #[test]
    fn the_top_may_use_everything_and_nobody_may_use_it() {
        assert!(judge(TOP, &["services", "gateway", "blobs"]).is_empty());
        assert_eq!(judge("gateway", &[TOP]).len(), 1);
    }

    #[test]
    fn a_crate_that_is_not_in_the_table_is_refused() {
        assert_eq!(judge("utils", &[]).len(), 1);
    }
}
