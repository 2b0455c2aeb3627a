//! `sagewright doctor`: what is missing on this machine, and what to do about it.

use std::{
    process::{Command, ExitCode, Stdio},
    thread,
};

use algorithms::fetch;
use anyhow::Result;
use serde_json::json;

use super::{FAILED, say};
use crate::data::Data;

/// Less free space than this is told, bytes.
const LITTLE_SPACE: u64 = 1 << 30;

/// How a check came out.
enum Verdict {
    Fine(String),
    /// Something is missing that some work needs.
    Missing {
        what: String,
        fix: String,
    },
    /// Something is not held, and nothing can be done here.
    Note(String),
}

/// Looks at everything and tells it. Fails where something is missing.
pub fn doctor(data: &Data, json: bool) -> Result<ExitCode> {
    data.prepare()?;
    let mut verdicts = vec![cores(), space(data)?, pip(), xgboost(data)];
    verdicts
        .extend(exec_local::Local::report().into_iter().map(|line| Verdict::Note(line.to_owned())));
    let mut failed = false;
    for verdict in &verdicts {
        failed |= matches!(verdict, Verdict::Missing { .. });
        if json {
            say(as_json(verdict))?;
        } else {
            say(as_text(verdict))?;
        }
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

fn as_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Fine(what) => format!("ok       {what}"),
        Verdict::Missing { what, fix } => format!("missing  {what}\n         {fix}"),
        Verdict::Note(what) => format!("note     {what}"),
    }
}

fn as_json(verdict: &Verdict) -> serde_json::Value {
    match verdict {
        Verdict::Fine(what) => json!({ "verdict": "ok", "what": what }),
        Verdict::Missing { what, fix } => json!({ "verdict": "missing", "what": what, "fix": fix }),
        Verdict::Note(what) => json!({ "verdict": "note", "what": what }),
    }
}

fn cores() -> Verdict {
    let count = thread::available_parallelism().map_or(1, usize::from);
    Verdict::Fine(format!("{count} cores"))
}

fn space(data: &Data) -> Result<Verdict> {
    let disk = rustix::fs::statvfs(data.path())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let what = format!("{} MiB free for {}", free >> 20, data.path().display());
    Ok(if free > LITTLE_SPACE {
        Verdict::Fine(what)
    } else {
        Verdict::Missing {
            what,
            fix: "free some space, or choose another folder with --data".into(),
        }
    })
}

fn pip() -> Verdict {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if pip.status().is_ok_and(|status| status.success()) {
        Verdict::Fine("python3 with pip, to fetch runtimes".into())
    } else {
        Verdict::Missing {
            what: "python3 with pip, to fetch runtimes".into(),
            fix: "install Python 3 with pip (Debian: apt-get install python3-pip)".into(),
        }
    }
}

fn xgboost(data: &Data) -> Verdict {
    match fetch::installed(&data.join("lib")) {
        Some(_) => Verdict::Fine("the XGBoost library".into()),
        None => Verdict::Missing {
            what: "the XGBoost library; the first job will fetch it".into(),
            fix: "sagewright runtimes prefetch xgboost".into(),
        },
    }
}
