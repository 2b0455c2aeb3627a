//! Where things are: the checkout, the build's output, the cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace that this tool belongs to.
pub struct Project {
    metadata: Metadata,
}

/// How a program is compiled.
#[derive(Clone, Copy)]
pub enum Profile {
    /// What tests use, also for the binary that real clients talk to.
    Ci,
    /// What users get.
    Release,
}

impl Profile {
    /// Its name, which is that of its folder too.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Ci => "ci",
            Profile::Release => "release",
        }
    }
}

impl Project {
    /// Asks cargo, which knows of `CARGO_TARGET_DIR` and the like.
    pub fn open() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("reading the workspace")?;
        Ok(Self { metadata })
    }

    /// The workspace's packages.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// A folder under `.cache`, made if it was not there.
    pub fn cache(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root().join(".cache").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }

    /// The same cargo that runs us, in the checkout.
    pub fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).current_dir(self.root());
        cargo
    }

    /// What the disk of the build's output has left for us, in bytes; nothing where it cannot be asked.
    pub fn free_bytes(&self) -> Option<u64> {
        let output = self.metadata.target_directory.as_std_path();
        let disk = rustix::fs::statvfs(output).ok()?;
        Some(disk.f_bavail * disk.f_frsize)
    }

    /// Where a build leaves a program.
    pub fn binary(&self, name: &str, profile: Profile) -> PathBuf {
        self.metadata.target_directory.as_std_path().join(profile.name()).join(name)
    }
}
