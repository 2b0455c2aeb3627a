//! The control plane's records over SQLite.

mod claims;
mod commit;
mod list;
mod rows;

use async_trait::async_trait;
use platform::store::{
    Claim, Conflict, Counter, Event, Key, Page, Query, Record, Store, StoreError, Write,
};
use rusqlite::named_params;
use tokio::sync::watch;
use types::{Id, Timestamp};

use crate::{
    Sqlite,
    sql::{self, Select, bits, signed},
};

impl Sqlite {
    fn announce(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The record that `condition` about one value chooses; the oldest, where there are several.
    async fn one(
        &self,
        condition: &'static str,
        value: impl Into<rusqlite::types::Value>,
    ) -> Result<Option<Record>, StoreError> {
        let mut select = Select::new(rows::RECORDS);
        select.and(condition, [value.into()]);
        select.order("created, name", 1);
        self.database.read(move |connection| select.first(connection, rows::record)).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), Conflict> {
        let work = move |connection: &_| commit::apply(connection, writes, Timestamp::now());
        self.database.write(work).await?;
        self.announce();
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let mut select = Select::new(rows::RECORDS);
        for (condition, value) in [
            ("kind = ?", key.kind.as_ref()),
            ("account = ?", key.account.as_ref()),
            ("region = ?", key.region.as_ref()),
            ("name = ?", key.name.as_str()),
        ] {
            select.and(condition, [value.to_owned().into()]);
        }
        self.database.read(move |connection| select.first(connection, rows::record)).await
    }

    async fn find(&self, id: Id) -> Result<Option<Record>, StoreError> {
        self.one("id = ?", bits(id).to_vec()).await
    }

    async fn by_arn(&self, arn: &str) -> Result<Option<Record>, StoreError> {
        self.one("arn = ?", arn.to_owned()).await
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        let Some(select) = list::select(query) else { return Ok(Page::default()) };
        let read = move |connection: &_| select.all(connection, rows::record);
        Ok(list::page(self.database.read(read).await?, query))
    }

    async fn scan(&self, kinds: &[&'static str]) -> Result<Vec<Record>, StoreError> {
        let mut select = Select::new(rows::RECORDS);
        select.and_one_of("kind", kinds);
        select.end("ORDER BY kind, account, region, name");
        self.database.read(move |connection| select.all(connection, rows::record)).await
    }

    async fn claim_due(
        &self,
        kinds: &[&'static str],
        due: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let (any, free) = (claims::any_free(kinds, due, now), claims::free(kinds, due, now));
        // Mostly nothing is due; a reader says so without a write and its fsync.
        let due = self.database.read(move |connection| any.first(connection, |_| Ok(()))).await?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        self.database.write(move |connection| claims::claim(connection, &free, until)).await
    }

    async fn touch(&self, id: Id, now: Timestamp) -> Result<(), StoreError> {
        self.database.write(move |connection| claims::touch(connection, id, now)).await?;
        self.announce();
        Ok(())
    }

    async fn next_due(&self, kinds: &[&'static str]) -> Result<Option<Timestamp>, StoreError> {
        let mut select = Select::new("SELECT min(due) AS due FROM resources");
        select.and("due IS NOT NULL", []);
        select.and_one_of("kind", kinds);
        let read =
            move |connection: &_| select.first(connection, |row| sql::maybe_time(row, "due"));
        Ok(self.database.read(read).await?.flatten())
    }

    async fn tags(&self, arn: &str) -> Result<Vec<(String, String)>, StoreError> {
        const TAGS: &str = "SELECT key, value FROM tags WHERE arn = ? ORDER BY key";
        let arn = arn.to_owned();
        let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.database.read(move |connection| sql::all(connection, TAGS, [arn], pair)).await
    }

    async fn used(&self, counter: &Counter) -> Result<u64, StoreError> {
        let counter = counter.clone();
        self.database.read(move |connection| commit::used(connection, &counter)).await
    }

    async fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        const EVENTS: &str = "SELECT seq, at, id, account, region, kind, name, status, detail \
                              FROM events WHERE seq > :seq ORDER BY seq LIMIT :limit";
        let (seq, limit) = (signed(seq), signed(limit as u64));
        let read = move |connection: &_| {
            sql::all(connection, EVENTS, named_params! {":seq": seq, ":limit": limit}, rows::event)
        };
        self.database.read(read).await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::Sqlite;

    #[tokio::test]
    async fn sqlite_is_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let opened = AtomicU32::new(0);
        platform::store::suite::run(async || {
            let name = format!("{}.db", opened.fetch_add(1, Ordering::Relaxed));
            Sqlite::open(folder.path().join(name)).unwrap()
        })
        .await;
    }
}
