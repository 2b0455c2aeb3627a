//! The first start's key and the installation's secrets: made once, kept with mode 0600.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use services::accounts::{EXECUTION_ROLE, Key, assumed_role};

use crate::data::{Data, write_private};

/// The session that the first key presents itself as.
const SESSION: &str = "admin";

/// What an installation keeps secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// The account's administrator.
    pub key: Key,
    /// Opens tunnels through our proxy.
    pub tunnel_token: String,
    /// Seals session tokens: 32 bytes, hexadecimal.
    seal: String,
}

impl Secrets {
    /// Those of the data folder, made for `account` where there are none yet.
    pub fn open(data: &Data, account: &str) -> Result<Self> {
        let path = path(data);
        if !path.try_exists()? {
            write_private(&path, &serde_json::to_vec_pretty(&Self::make(account)?)?)?;
        }
        Self::read(data)
    }

    /// Those of the data folder.
    pub fn read(data: &Data) -> Result<Self> {
        let path = path(data);
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is not what it should be", path.display()))
    }

    fn make(account: &str) -> Result<Self> {
        let key = Key {
            access_key: format!("AKIA{}", letters(16)?),
            secret: letters(40)?,
            account: account.to_owned(),
            principal: assumed_role(account, EXECUTION_ROLE, SESSION),
        };
        Ok(Self { key, tunnel_token: letters(32)?, seal: hex::encode(random::<32>()?) })
    }

    /// The key that seals session tokens.
    pub fn seal(&self) -> Result<[u8; 32]> {
        let bytes = hex::decode(&self.seal).context("the seal is not hexadecimal")?;
        bytes.try_into().ok().context("the seal is not 32 bytes long")
    }
}

fn path(data: &Data) -> PathBuf {
    data.join("keys").join("root.json")
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the operating system gives no random bytes")?;
    Ok(bytes)
}

/// Random letters and digits of base32 (RFC 4648), as AWS's access keys are written: five bits each.
fn letters(count: usize) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bytes = random::<64>()?;
    Ok(bytes.iter().take(count).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}
