//! `sagewright runtimes`: what algorithms run on.

use std::process::ExitCode;

use algorithms::fetch;
use anyhow::Result;
use serde_json::json;

use super::{NOT_FOUND, say};
use crate::{
    cli::{Json, Runtimes},
    data::Data,
};

/// Lists runtimes, or fetches one.
pub fn runtimes(data: &Data, action: &Runtimes) -> Result<ExitCode> {
    data.prepare()?;
    let lib = data.join("lib");
    match action {
        Runtimes::Ls(Json { json }) => {
            let installed = fetch::installed(&lib);
            match installed {
                installed if *json => say(json!({ "name": "xgboost", "installed": installed }))?,
                Some(folder) => say(format_args!("xgboost  {}", folder.display()))?,
                None => say("xgboost  not fetched (sagewright runtimes prefetch xgboost)")?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Runtimes::Prefetch { name, offline } if name == "xgboost" => {
            let folder = fetch::ensure(&lib, offline.offline, &mut |line| eprintln!("{line}"))?;
            say(folder.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Runtimes::Prefetch { name, .. } => {
            eprintln!("sagewright: there is no runtime called {name}; known: xgboost");
            Ok(ExitCode::from(NOT_FOUND))
        }
    }
}
