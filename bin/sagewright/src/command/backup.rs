//! `sagewright backup` and `sagewright restore`.

use std::{path::Path, process::ExitCode};

use anyhow::{Result, anyhow};
use blobs::Place;
use serde_json::json;

use super::say;
use crate::{
    backup::{self, Source, Summary, Target},
    cli,
    config::Settings,
    data::Data,
};

/// What stands for standard output and input.
const STREAM: &str = "-";

/// Writes a backup.
pub fn backup(data: &Data, arguments: cli::Backup) -> Result<ExitCode> {
    let cli::Backup { file, with_keys, replace, json } = arguments;
    let settings = Settings::of(data)?;
    let place = &settings.blobs;
    let to_stdout = file == Path::new(STREAM);
    let target =
        if to_stdout { Target::Stdout } else { Target::File { path: file.clone(), replace } };
    let taken = backup::take(data, &target, with_keys, place);
    let summary = match taken {
        // Nobody may take it for the end of a program that had seen enough.
        Err(error) if to_stdout => return Err(anyhow!("{error:#}")),
        taken => taken?,
    };
    let told = tell("written", &file, &summary, json);
    if to_stdout {
        eprintln!("{told}");
    } else {
        say(told)?;
    }
    if let Place::Outside(_) = place {
        eprintln!("without the blobs of objects, which lie at {place}: keep a copy of them, too");
    }
    let key = settings.master_key_file;
    match (key.as_os_str().is_empty(), with_keys) {
        (true, true) => {}
        (true, false) if summary.about.sealed => eprintln!(
            "without keys: objects are encrypted, and cannot be read without keys/master.key"
        ),
        (true, false) => eprintln!("without keys: who restores it gets new ones"),
        (false, _) => eprintln!("without the master key, which is in {}", key.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a data folder of a backup.
pub fn restore(data: &Data, arguments: cli::Restore) -> Result<ExitCode> {
    let cli::Restore { file, json } = arguments;
    let stdin = file == Path::new(STREAM);
    let source = if stdin { Source::Stdin } else { Source::File(file) };
    let summary = backup::restore(data, &source)?;
    say(tell("restored", data.path(), &summary, json))?;
    let about = &summary.about;
    if let Place::Outside(_) = about.blobs {
        eprintln!(
            "without the blobs of objects, which lie at {}: this folder does not have them before \
             you say so there (docs/backup.md)",
            about.blobs
        );
    }
    match (about.keys, about.sealed) {
        (true, _) => {}
        (false, true) => eprintln!(
            "without keys: objects are encrypted; put the master key where it was before the first \
             start (keys/master.key, if the settings do not say)"
        ),
        (false, false) => eprintln!("without keys: the first start makes new ones"),
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(done: &str, path: &Path, summary: &Summary, json: bool) -> String {
    let Summary { about, files, bytes } = summary;
    if json {
        let (keys, sealed, blobs) = (about.keys, about.sealed, &about.blobs);
        json!({
            "path": path, "files": files, "bytes": bytes, "keys": keys, "sealed": sealed,
            "blobs": blobs,
        })
        .to_string()
    } else {
        format!("{done}: {}, {files} files, {bytes} bytes", path.display())
    }
}
