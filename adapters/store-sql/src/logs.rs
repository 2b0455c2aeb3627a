//! Log events over SQLite: groups hold streams, streams hold events by position.

mod append;
mod read;

use async_trait::async_trait;
use platform::{
    store::StoreError,
    telemetry::{Append, EventQuery, Events, LogGroup, LogStream, Logs, StreamName},
};
use rusqlite::Connection;
use types::{Owner, Timestamp};

use crate::{Sqlite, sql};

#[async_trait]
impl Logs for Sqlite {
    async fn create_group(&self, owner: &Owner, group: &str) -> Result<bool, StoreError> {
        let (owner, group) = (owner.clone(), group.to_owned());
        let now = Timestamp::now();
        let work = move |connection: &_| append::make_group(connection, &owner, &group, now);
        self.database.write(work).await
    }

    async fn delete_group(&self, owner: &Owner, group: &str) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM log_groups WHERE account = ? AND region = ? AND name = ?";
        let (owner, group) = (owner.clone(), group.to_owned());
        let work = move |connection: &_| {
            sql::execute(connection, DELETE, (&owner.account, &owner.region, &group))
        };
        Ok(self.database.write(work).await? > 0)
    }

    async fn append(&self, appends: Vec<Append>) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let work = move |connection: &Connection| {
            appends.iter().try_for_each(|append| append::append(connection, append, now))
        };
        self.database.write(work).await
    }

    async fn cursor(&self, owner: &Owner, stream: &StreamName) -> Result<u64, StoreError> {
        let (owner, stream) = (owner.clone(), stream.clone());
        self.database.read(move |connection| read::cursor(connection, &owner, &stream)).await
    }

    async fn groups(
        &self,
        owner: &Owner,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogGroup>, StoreError> {
        let (select, prefix) = (read::groups(owner, prefix, after, limit), prefix.to_owned());
        let work = move |connection: &_| select.all(connection, read::group);
        let groups = self.database.read(work).await?;
        Ok(groups.into_iter().take_while(|group| group.name.starts_with(&prefix)).collect())
    }

    async fn streams(
        &self,
        owner: &Owner,
        group: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<LogStream>>, StoreError> {
        let (owner, group) = (owner.clone(), group.to_owned());
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let work = move |connection: &_| {
            let Some(group) = read::group_id(connection, &owner, &group)? else { return Ok(None) };
            let select = read::streams(group, &prefix, after.as_deref(), limit);
            let streams = select.all(connection, read::stream)?;
            let of_prefix = streams.into_iter().take_while(|s| s.name.starts_with(&prefix));
            Ok(Some(of_prefix.collect()))
        };
        self.database.read(work).await
    }

    async fn events(
        &self,
        owner: &Owner,
        stream: &StreamName,
        query: &EventQuery,
    ) -> Result<Option<Events>, StoreError> {
        let (owner, stream, query) = (owner.clone(), stream.clone(), query.clone());
        let work = move |connection: &_| {
            let stream = read::stream_id(connection, &owner, &stream)?;
            stream.map(|stream| read::events(connection, stream, &query)).transpose()
        };
        self.database.read(work).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::Sqlite;

    #[tokio::test]
    async fn sqlite_keeps_logs_and_metrics() {
        let folder = tempfile::tempdir().unwrap();
        let opened = AtomicU32::new(0);
        platform::telemetry::suite::run(async || {
            let name = format!("{}.db", opened.fetch_add(1, Ordering::Relaxed));
            Sqlite::open(folder.path().join(name)).unwrap()
        })
        .await;
    }
}
