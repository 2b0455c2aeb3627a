//! `sagewright keys`: what requests of an account are signed with.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::{order::take_up_keys, say};
use crate::{
    cli::{Json, Keys, NewKey},
    config::Settings,
    data::Data,
    roster::{Holder, KeyEntry, Roster},
};

/// As whom a key acts that was given no name.
const ADMINISTRATOR: &str = "admin";
const USER: &str = "user";

/// Adds, lists or removes keys.
pub fn keys(data: &Data, action: Keys) -> Result<ExitCode> {
    data.prepare()?;
    let first = Settings::of(data)?.account;
    match action {
        Keys::Add(new) => add(data, &first, new)?,
        Keys::Ls(Json { json: true }) => {
            let keys = Roster::open(data, &first)?.keys;
            say(keys.iter().map(shown).collect::<Value>())?;
        }
        Keys::Ls(Json { json: false }) => {
            for KeyEntry { key, .. } in Roster::open(data, &first)?.keys {
                say(format_args!("{}  {}  {}", key.access_key, key.account, key.principal))?;
            }
        }
        Keys::Rm { access_key, json } => {
            Roster::change(data, &first, |roster| roster.remove_key(&access_key))?;
            take_up_keys(data)?;
            if json {
                say(json!({ "access_key_id": access_key }))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The secret is told before the server is: it is never told again.
fn add(data: &Data, first: &str, new: NewKey) -> Result<()> {
    let holder = match (new.admin, new.name) {
        (true, name) => Holder::Administrator(name.unwrap_or_else(|| ADMINISTRATOR.to_owned())),
        (false, name) => Holder::User(name.unwrap_or_else(|| USER.to_owned())),
    };
    let entry = Roster::change(data, first, |roster| roster.add_key(&new.account, &holder))?;
    let key = &entry.key;
    if new.json {
        let mut shown = shown(&entry);
        shown["secret_access_key"] = json!(key.secret);
        say(shown)?;
    } else {
        say(format_args!("AWS_ACCESS_KEY_ID={}", key.access_key))?;
        say(format_args!("AWS_SECRET_ACCESS_KEY={}", key.secret))?;
        eprintln!("it acts as {}; its secret is shown this once", key.principal);
    }
    take_up_keys(data)
}

fn shown(entry: &KeyEntry) -> Value {
    let key = &entry.key;
    json!({
        "access_key_id": key.access_key,
        "account": key.account,
        "principal": key.principal,
        "admin": entry.is_administrators(),
        "created": entry.created.epoch_seconds(),
    })
}
