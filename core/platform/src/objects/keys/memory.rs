//! Named keys in memory, for tests.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{KeyShelf, NamedKey};
use crate::objects::index::IndexError;

/// Holds its keys until it is dropped.
#[derive(Default)]
pub struct MemoryShelf {
    kept: Mutex<Vec<NamedKey>>,
}

fn is_called(key: &NamedKey, account: &str, name: &str) -> bool {
    key.account == account && (key.id == name || key.alias.as_deref() == Some(name))
}

#[async_trait]
impl KeyShelf for MemoryShelf {
    async fn find(&self, account: &str, name: &str) -> Result<Option<NamedKey>, IndexError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.iter().find(|key| is_called(key, account, name)).cloned())
    }

    async fn add(&self, key: NamedKey) -> Result<NamedKey, IndexError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let names = [Some(&key.id), key.alias.as_ref()];
        let known = kept
            .iter()
            .find(|known| names.iter().flatten().any(|name| is_called(known, &key.account, name)));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        kept.push(key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::keys::suite;

    #[tokio::test]
    async fn memory_keeps_what_a_shelf_promises() {
        suite::all(async || MemoryShelf::default()).await;
    }
}
