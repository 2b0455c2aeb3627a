//! Named keys, wrapped by a master key that is not here.

use async_trait::async_trait;
use platform::objects::{
    index::IndexError,
    keys::{KeyShelf, NamedKey},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Refusal, SqliteIndex,
    rows::{micros, time},
};

#[async_trait]
impl KeyShelf for SqliteIndex {
    async fn find(&self, account: &str, name: &str) -> Result<Option<NamedKey>, IndexError> {
        let (account, name) = (account.to_owned(), name.to_owned());
        self.read(move |connection| find(connection, &account, &name)).await
    }

    async fn add(&self, key: NamedKey) -> Result<NamedKey, IndexError> {
        self.write(move |connection| add(connection, key)).await
    }
}

fn find(connection: &Connection, account: &str, name: &str) -> Result<Option<NamedKey>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT account, id, alias, wrapped, created FROM sealing_keys
         WHERE account = ?1 AND (id = ?2 OR alias = ?2)",
    )?;
    Ok(statement.query_row([account, name], key_from).optional()?)
}

fn key_from(row: &Row<'_>) -> rusqlite::Result<NamedKey> {
    Ok(NamedKey {
        account: row.get(0)?,
        id: row.get(1)?,
        alias: row.get(2)?,
        wrapped: row.get(3)?,
        created: time(row, 4)?,
    })
}

fn add(connection: &Connection, key: NamedKey) -> Result<NamedKey, Refusal> {
    for name in [Some(&key.id), key.alias.as_ref()].into_iter().flatten() {
        if let Some(known) = find(connection, &key.account, name)? {
            return Ok(known);
        }
    }
    let NamedKey { account, id, alias, wrapped, created } = &key;
    connection
        .prepare_cached(
            "INSERT INTO sealing_keys (account, id, alias, wrapped, created)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![account, id, alias, wrapped, micros(*created)])?;
    Ok(key)
}
