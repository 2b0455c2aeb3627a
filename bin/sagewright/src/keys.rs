//! The installation's own secrets, in `keys/root.json`: made once, kept with mode 0600.
//!
//! Whoever changes something in `keys/` holds [`lock`] meanwhile, which is taken once and not
//! inside each other: a process that takes it twice waits for itself.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use services::accounts::Key;

use crate::data::{Data, write_private};

/// What an installation keeps secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Where the first key stood before there were accounts: `crate::roster` moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    /// Opens tunnels through our proxy.
    pub tunnel_token: String,
    /// Seals session tokens: 32 bytes, hexadecimal.
    seal: String,
}

impl Secrets {
    /// Those of the data folder, made where there are none yet. For who holds [`lock`].
    pub fn open(data: &Data) -> Result<Self> {
        if !path(data).try_exists()? {
            let seal = hex::encode(random::<32>()?);
            Self { key: None, tunnel_token: letters(32)?, seal }.write(data)?;
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

    /// The first key of a folder that was made before there were accounts.
    pub fn first_key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Keeps no first key here any more, lest one that is removed comes back. For who holds
    /// [`lock`].
    pub fn forget_first_key(&mut self, data: &Data) -> Result<()> {
        match self.key.take() {
            Some(_) => self.write(data),
            None => Ok(()),
        }
    }

    /// The key that seals session tokens.
    pub fn seal(&self) -> Result<[u8; 32]> {
        let bytes = hex::decode(&self.seal).context("the seal is not hexadecimal")?;
        bytes.try_into().ok().context("the seal is not 32 bytes long")
    }

    fn write(&self, data: &Data) -> Result<()> {
        Ok(write_private(&path(data), &serde_json::to_vec_pretty(self)?)?)
    }
}

fn path(data: &Data) -> PathBuf {
    data.join("keys").join("root.json")
}

/// Keeps other processes from changing `keys/` until it is dropped.
pub fn lock(data: &Data) -> Result<File> {
    let folder = data.join("keys");
    let lock = File::open(&folder).with_context(|| format!("cannot open {}", folder.display()))?;
    flock(&lock, FlockOperation::LockExclusive).context("the keys cannot be locked")?;
    Ok(lock)
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the operating system gives no random bytes")?;
    Ok(bytes)
}

/// Random letters and digits of base32 (RFC 4648), as AWS's access keys are written: five bits each.
pub fn letters(count: usize) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bytes = random::<64>()?;
    Ok(bytes.iter().take(count).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}
