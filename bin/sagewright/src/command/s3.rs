//! `sagewright s3`: buckets and objects, for those without another client.
//!
//! What it prints is what `aws s3` prints, but that times are UTC's.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use tokio::sync::watch;

use super::{FAILED, NOT_FOUND, running, say};
use crate::{
    cli::S3Action,
    data::Data,
    roster::Roster,
    s3::{Client, Failed, Local, Object, Place, Transfers},
};

/// The exit code of a command line that makes no sense, as clap has it.
const USAGE: u8 = 2;

/// Works with those of the running server.
pub fn here(data: &Data, action: S3Action) -> Result<ExitCode> {
    match running(data)? {
        Ok(running) => {
            carry_out(Client::of(&running, Roster::read(data)?.administrator()?)?, action)
        }
        Err(code) => Ok(code),
    }
}

/// Works with those of another endpoint.
pub fn elsewhere(url: &str, action: S3Action) -> Result<ExitCode> {
    carry_out(Client::of_environment(url)?, action)
}

fn carry_out(client: Client, action: S3Action) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match action {
            S3Action::Ls { place: None, json, .. } => buckets(&client, json).await,
            S3Action::Ls { place: Some(prefix), recursive, json } => {
                list(&client, &prefix, recursive, json).await
            }
            S3Action::Cp { source, target, recursive } => {
                copy(client, source, target, recursive).await
            }
            S3Action::Rm { place, recursive } => remove(&client, &place, recursive).await,
            S3Action::Presign { object, expires_in } => {
                say(client.presigned(&object, expires_in)?)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

async fn buckets(client: &Client, json: bool) -> Result<ExitCode> {
    for bucket in client.buckets().await? {
        if json {
            say(json!({ "bucket": bucket.name, "created": bucket.created }))?;
        } else {
            say(format_args!("{} {}", time(&bucket.created), bucket.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, prefix: &Object, recursive: bool, json: bool) -> Result<ExitCode> {
    let delimiter = if recursive { "" } else { "/" };
    let (mut after, mut found) = (None, prefix.key.is_empty());
    loop {
        let page = client.page(prefix, delimiter, after.as_deref()).await?;
        found |= !page.prefixes.is_empty() || !page.objects.is_empty();
        for folder in page.prefixes {
            if json {
                say(json!({ "prefix": folder }))?;
            } else {
                let name = folder.strip_suffix('/').unwrap_or(&folder);
                say(format_args!("{:>30} {}/", "PRE", last(name)))?;
            }
        }
        for object in page.objects {
            if json {
                let (key, size, etag) = (object.key, object.size, object.etag);
                say(
                    json!({ "key": key, "size": size, "modified": object.modified, "etag": etag }),
                )?;
            } else {
                let name = if recursive { &object.key } else { last(&object.key) };
                say(format_args!("{} {:>10} {name}", time(&object.modified), object.size))?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(NOT_FOUND) });
        }
    }
}

/// The last component of a key.
fn last(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

/// `2026-11-23 15:18:28` of ISO 8601.
fn time(text: &str) -> String {
    text.chars().take(19).map(|sign| if sign == 'T' { ' ' } else { sign }).collect()
}

async fn copy(client: Client, from: Place, to: Place, recursive: bool) -> Result<ExitCode> {
    if let (Place::Local(_), Place::Local(_)) = (&from, &to) {
        eprintln!("sagewright: neither SRC nor DST begins with s3://");
        return Ok(ExitCode::from(USAGE));
    }
    if let Place::Local(Local(path)) = &from
        && !path.exists()
    {
        eprintln!("sagewright: the path {} does not exist", path.display());
        return Ok(ExitCode::from(NOT_FOUND));
    }
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        // Where signals cannot be had, the process ends by them as usual.
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
        }
    });
    let transfers = Transfers::new(client, stopping);
    let done =
        if recursive { transfers.folder(from, to).await } else { transfers.one(from, to).await };
    match done {
        // Each was told of already.
        Err(error) if error.is::<Failed>() => Ok(ExitCode::from(FAILED)),
        done => done.map(|()| ExitCode::SUCCESS),
    }
}

async fn remove(client: &Client, place: &Object, recursive: bool) -> Result<ExitCode> {
    if recursive {
        return remove_folder(client, &place.as_folder()).await;
    }
    if place.key.is_empty() {
        eprintln!("sagewright: {place} names no object; add --recursive to remove all below it");
        return Ok(ExitCode::from(USAGE));
    }
    client.delete(place).await?;
    say(format_args!("delete: {place}"))?;
    Ok(ExitCode::SUCCESS)
}

async fn remove_folder(client: &Client, folder: &Object) -> Result<ExitCode> {
    let (mut after, mut failed) = (None, false);
    loop {
        let page = client.page(folder, "", after.as_deref()).await?;
        let keys: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
        let refused = client.delete_all(folder, &keys).await?;
        for key in keys {
            let object = folder.with_key(key);
            match refused.iter().find(|(key, _)| *key == object.key) {
                Some((_, why)) => eprintln!("delete failed: {object} {why}"),
                None => say(format_args!("delete: {object}"))?,
            }
        }
        failed |= !refused.is_empty();
        after = page.next;
        if after.is_none() {
            return Ok(ExitCode::from(if failed { FAILED } else { 0 }));
        }
    }
}
