//! The Python environments of the real clients: one for each lock file, made once.
//!
//! An environment's folder carries the hash of its lock, so that a changed lock makes a new one
//! and never alters one that is in use. A folder without its mark was interrupted and is made
//! again. `SAGEWRIGHT_ENVIRONMENTS` puts them elsewhere: the largest weighs 1 GB.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{process, project::Project};

/// Every environment there is; `course` is the one that a new user gets.
pub const ALL: &[&str] = &[
    "course",
    "runner",
    "boto3_current",
    "boto3_1_26",
    "sdk_v2",
    "sdk_v3",
    "xgboost",
    "xgboost_3_0_5",
    "xgboost_2_1_4",
    "xgboost_1_7_6",
    "xgboost_1_5_2",
    "xgboost_1_3_3",
    "xgboost_1_2_0",
    "xgboost_1_0_2",
    "xgboost_0_90",
    "seaweedfs",
];

/// Versions of XGBoost that results are compared with, and the environment of each.
const ORACLES: &[(&str, &str)] = &[
    ("3.2.0", "xgboost"),
    ("3.0.5", "xgboost_3_0_5"),
    ("2.1.4", "xgboost_2_1_4"),
    ("1.7.6", "xgboost_1_7_6"),
    ("1.5.2", "xgboost_1_5_2"),
    ("1.3.3", "xgboost_1_3_3"),
    ("1.2.0", "xgboost_1_2_0"),
    ("1.0.2", "xgboost_1_0_2"),
    ("0.90", "xgboost_0_90"),
];

/// The Python that the locks were resolved for. SDK v1's pins have no wheels for newer ones.
const PYTHON: &str = "3.11";

/// Bytes of the lock's hash that name the folder: enough to tell locks apart.
const HASH_BYTES: usize = 8;

/// The folder of an environment, made if it was not there.
pub fn ready(project: &Project, name: &str) -> Result<PathBuf> {
    let lock = lock_file(project, name)?;
    let folder = folder(project, name, &lock)?;
    let guard = File::create(folder.with_extension("lock"))?;
    guard.lock().context("waiting for another maker of this environment")?;
    let mark = folder.join("complete");
    if !mark.exists() {
        make(&folder, &lock).with_context(|| format!("making the environment {name}"))?;
        fs::write(mark, "")?;
    }
    Ok(folder)
}

/// A folder with each oracle's environment as `xgboost-<version>`.
pub fn oracles(project: &Project) -> Result<PathBuf> {
    let folder = project.cache("oracles")?;
    for (version, name) in ORACLES {
        let link = folder.join(format!("xgboost-{version}"));
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        symlink(ready(project, name)?, &link)?;
    }
    Ok(folder)
}

/// Fetches XGBoost into a data folder, with the pip of an environment: the machine may have none.
pub fn prefetch_xgboost(sagewright: &Path, data: &Path, environment: &Path) -> Result<()> {
    let mut prefetch = Command::new(sagewright);
    prefetch
        .args(["runtimes", "prefetch", "xgboost"])
        .env("SAGEWRIGHT_DATA", data)
        .env("PATH", first_on_path(environment)?)
        .stdout(Stdio::null());
    process::run(&mut prefetch)
}

/// The PATH that finds an environment's programs before any others.
pub fn first_on_path(environment: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [environment.join("bin")].into_iter().chain(env::split_paths(&path));
    Ok(env::join_paths(folders)?)
}

fn lock_file(project: &Project, name: &str) -> Result<PathBuf> {
    if !ALL.contains(&name) {
        bail!("no environment is called {name}; there are {}", ALL.join(", "));
    }
    Ok(match name {
        "course" => project.root().join("examples/course/requirements.lock"),
        _ => project.root().join("conformance/envs").join(name).with_extension("lock"),
    })
}

fn folder(project: &Project, name: &str, lock: &Path) -> Result<PathBuf> {
    let text = fs::read(lock).with_context(|| format!("reading {}", lock.display()))?;
    let hash = hex::encode(&Sha256::digest(text)[..HASH_BYTES]);
    let home = match env::var_os("SAGEWRIGHT_ENVIRONMENTS") {
        Some(home) => PathBuf::from(home),
        None => project.cache("venv")?,
    };
    fs::create_dir_all(&home)?;
    Ok(home.join(format!("{name}-{hash}")))
}

fn make(folder: &Path, lock: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    process::run(Command::new(python()?).args(["-m", "venv"]).arg(folder).stdout(Stdio::null()))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"])
        .args(["--require-hashes", "--requirement"])
        .arg(lock);
    process::watch(&mut pip, |line| {
        if let Some(download) = download(line) {
            eprintln!("  {download}");
        }
    })
}

/// What pip says of a file that it fetches, with its size; nothing of its other chatter.
fn download(line: &str) -> Option<&str> {
    let line = line.trim();
    let fetched = line.starts_with("Downloading ") && line.ends_with(')');
    (fetched || line.starts_with("Using cached ")).then_some(line)
}

/// The first interpreter that is the one we lock for.
fn python() -> Result<&'static str> {
    let right = |program: &&&str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|said| is_ours(&String::from_utf8_lossy(&said.stdout)))
    };
    match ["python3.11", "python3", "python"].iter().find(right) {
        Some(program) => Ok(program),
        None => bail!(
            "no Python {PYTHON} on the PATH: the SDK of the course has no pins for another; \
             install python{PYTHON} and its venv module"
        ),
    }
}

fn is_ours(version: &str) -> bool {
    version.strip_prefix("Python ").is_some_and(|rest| rest.starts_with(&format!("{PYTHON}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_python_of_the_locks_will_do() {
        assert!(is_ours("Python 3.11.7\n"));
        assert!(!is_ours("Python 3.1.1\n"));
        assert!(!is_ours("Python 3.12.0\n"));
        assert!(!is_ours(""));
    }

    #[test]
    fn downloads_are_shown_and_chatter_is_not() {
        assert_eq!(
            download("  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)"),
            Some("Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)")
        );
        assert_eq!(download("Collecting six==1.17.0"), None);
        assert_eq!(download("  Downloading six-1.17.0-py2.py3-none-any.whl.metadata"), None);
    }
}
