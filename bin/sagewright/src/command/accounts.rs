//! `sagewright accounts`: who has resources of their own.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::{order::take_up_keys, say};
use crate::{
    cli::{Accounts, Json},
    config::Settings,
    data::Data,
    roster::{AccountEntry, Roster},
};

/// Adds an account, or lists them.
pub fn accounts(data: &Data, action: Accounts) -> Result<ExitCode> {
    data.prepare()?;
    let first = Settings::of(data)?.account;
    match action {
        Accounts::Add { id, name, json } => {
            let account = Roster::change(data, &first, |roster| roster.add_account(id, name))?;
            tell(&account, json)?;
            take_up_keys(data)?;
            if !json {
                let id = account.id;
                eprintln!("its first key: sagewright keys add --account {id} --admin");
            }
        }
        Accounts::Ls(Json { json: true }) => {
            let accounts = Roster::open(data, &first)?.accounts;
            say(accounts.iter().map(shown).collect::<Value>())?;
        }
        Accounts::Ls(Json { json: false }) => {
            for account in Roster::open(data, &first)?.accounts {
                tell(&account, false)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(account: &AccountEntry, json: bool) -> Result<()> {
    let AccountEntry { id, canonical_id, name, .. } = account;
    if json {
        say(shown(account))?;
    } else {
        say(format_args!("{id}  {canonical_id}  {name}"))?;
    }
    Ok(())
}

fn shown(account: &AccountEntry) -> Value {
    json!({
        "id": account.id,
        "canonical_id": account.canonical_id,
        "name": account.name,
        "created": account.created.epoch_seconds(),
    })
}
