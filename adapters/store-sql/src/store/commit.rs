//! What each part of a commit does, inside the writer's transaction.
//!
//! Nobody else writes meanwhile, so a row that was read here is still the same when it is written.

use platform::store::{Conflict, Counter, Key, Record, Required, State, StoreError, Token, Write};
use rusqlite::{Connection, named_params};
use types::{Id, Owner, Timestamp};

use crate::sql::{self, bits, signed, unsigned};

/// Does all of it, or fails at the first part that cannot be done.
pub(super) fn apply(
    connection: &Connection,
    writes: Vec<Write>,
    now: Timestamp,
) -> Result<(), Conflict> {
    let commit = Commit { connection, now };
    writes.into_iter().try_for_each(|write| commit.apply(write))
}

/// What a counter stands at.
pub(super) fn used(connection: &Connection, counter: &Counter) -> Result<u64, StoreError> {
    const USED: &str = "SELECT used FROM counters \
                        WHERE account = :account AND region = :region AND name = :name";
    let Counter { account, region, name } = counter;
    let params = named_params! {":account": account, ":region": region, ":name": name};
    Ok(sql::first(connection, USED, params, |row| unsigned(row, "used"))?.unwrap_or(0))
}

struct Commit<'a> {
    connection: &'a Connection,
    now: Timestamp,
}

/// What must be known of a record to write it.
struct Current {
    id: Id,
    arn: String,
    status: String,
    version: u64,
    claimed_by: Option<Token>,
}

impl Commit<'_> {
    fn apply(&self, write: Write) -> Result<(), Conflict> {
        match write {
            Write::Create { id, key, arn, owner, parent, state } => {
                let State { status, due, body, detail } = state;
                let (created, modified, version) = (self.now, self.now, self.draw()?);
                let record = Record {
                    id,
                    key,
                    arn,
                    owner,
                    parent,
                    status,
                    created,
                    modified,
                    due,
                    version,
                    body,
                };
                self.create(record, &detail)
            }
            Write::Update { key, version, token, state } => {
                self.update(&key, version, token, &state)
            }
            Write::Delete { key, version } => self.delete(&key, version),
            Write::Require { key, state } => self.require(key, state),
            Write::Reserve { counter, amount, limit } => self.reserve(counter, amount, limit),
            Write::Release { counter, amount } => Ok(self.release(&counter, amount)?),
            Write::Tag { arn, key, value } => Ok(self.tag(&arn, &key, &value)?),
            Write::Untag { arn, key } => Ok(self.untag(&arn, &key)?),
        }
    }

    /// The next number of the store's one sequence.
    fn draw(&self) -> Result<u64, StoreError> {
        const DRAW: &str = "UPDATE sequence SET last = last + 1 RETURNING last";
        let drawn = sql::first(self.connection, DRAW, [], |row| unsigned(row, "last"))?;
        drawn.ok_or_else(|| StoreError::new("the table `sequence` has lost its row"))
    }

    fn current(&self, key: &Key) -> Result<Option<Current>, StoreError> {
        const CURRENT: &str = "SELECT id, arn, status, version, claimed_by FROM resources \
                               WHERE kind = :kind AND account = :account AND region = :region \
                               AND name = :name";
        let Key { account, region, kind, name } = key;
        let params =
            named_params! {":kind": kind, ":account": account, ":region": region, ":name": name};
        sql::first(self.connection, CURRENT, params, |row| {
            let claimed_by: Option<[u8; 16]> = row.get("claimed_by")?;
            Ok(Current {
                id: sql::id(row, "id")?,
                arn: row.get("arn")?,
                status: row.get("status")?,
                version: unsigned(row, "version")?,
                claimed_by: claimed_by.map(|b| Token(Id::from_bits(u128::from_be_bytes(b)))),
            })
        })
    }

    fn at_version(&self, key: &Key, version: u64) -> Result<Current, Conflict> {
        let current = self.current(key)?.filter(|current| current.version == version);
        current.ok_or_else(|| Conflict::Stale(key.clone()))
    }

    fn create(&self, record: Record, detail: &str) -> Result<(), Conflict> {
        const CREATE: &str = "INSERT INTO resources (id, account, region, kind, name, arn, \
                              parent, owner, status, created, modified, due, version, body) \
                              VALUES (:id, :account, :region, :kind, :name, :arn, :parent, \
                              :owner, :status, :created, :modified, :due, :version, :body) \
                              ON CONFLICT (kind, account, region, name) DO NOTHING";
        let Key { account, region, kind, name } = &record.key;
        let Owner { principal, .. } = &record.owner;
        let params = named_params! {
            ":id": bits(record.id), ":account": account, ":region": region, ":kind": kind,
            ":name": name, ":arn": record.arn, ":parent": record.parent, ":owner": principal,
            ":status": record.status, ":created": record.created.micros(),
            ":modified": record.modified.micros(), ":due": record.due.map(Timestamp::micros),
            ":version": signed(record.version), ":body": record.body,
        };
        if sql::execute(self.connection, CREATE, params)? == 0 {
            return Err(Conflict::Taken(record.key));
        }
        Ok(self.tell(record.id, &record.key, &record.status, detail)?)
    }

    fn update(
        &self,
        key: &Key,
        version: u64,
        token: Option<Token>,
        state: &State,
    ) -> Result<(), Conflict> {
        const UPDATE: &str = "UPDATE resources SET status = :status, due = :due, body = :body, \
                              modified = :modified, version = :version, claimed_by = NULL, \
                              claimed_until = NULL WHERE id = :id";
        let current = self.at_version(key, version)?;
        if token.is_some() && token != current.claimed_by {
            return Err(Conflict::Stale(key.clone()));
        }
        let State { status, due, body, detail } = state;
        let params = named_params! {
            ":status": status, ":due": due.map(Timestamp::micros), ":body": body,
            ":modified": self.now.micros(), ":version": signed(self.draw()?),
            ":id": bits(current.id),
        };
        sql::execute(self.connection, UPDATE, params)?;
        if *status != current.status {
            self.tell(current.id, key, status, detail)?;
        }
        Ok(())
    }

    fn delete(&self, key: &Key, version: u64) -> Result<(), Conflict> {
        let current = self.at_version(key, version)?;
        let id = bits(current.id);
        sql::execute(self.connection, "DELETE FROM resources WHERE id = ?", [id])?;
        sql::execute(self.connection, "DELETE FROM tags WHERE arn = ?", [current.arn])?;
        Ok(self.tell(current.id, key, "", "")?)
    }

    fn require(&self, key: Key, state: Required) -> Result<(), Conflict> {
        let version = self.current(&key)?.map(|current| current.version);
        let met = match state {
            Required::Present => version.is_some(),
            Required::Version(wanted) => version == Some(wanted),
            Required::Absent => version.is_none(),
        };
        if met { Ok(()) } else { Err(Conflict::Unmet(key)) }
    }

    fn reserve(&self, counter: Counter, amount: u64, limit: u64) -> Result<(), Conflict> {
        let used = used(self.connection, &counter)?;
        let most = limit.min(i64::MAX.unsigned_abs());
        match used.checked_add(amount).filter(|sum| *sum <= most) {
            Some(sum) => Ok(self.set(&counter, sum)?),
            None => Err(Conflict::Limit { counter: counter.name, used, limit, asked: amount }),
        }
    }

    fn release(&self, counter: &Counter, amount: u64) -> Result<(), StoreError> {
        let used = used(self.connection, counter)?;
        self.set(counter, used.saturating_sub(amount))
    }

    /// A counter at zero needs no row: there are as many counters as configurations ever made.
    fn set(&self, counter: &Counter, used: u64) -> Result<(), StoreError> {
        const SET: &str = "INSERT INTO counters (account, region, name, used) \
                           VALUES (?1, ?2, ?3, ?4) \
                           ON CONFLICT (account, region, name) DO UPDATE SET used = excluded.used";
        const UNSET: &str = "DELETE FROM counters WHERE account = ? AND region = ? AND name = ?";
        let Counter { account, region, name } = counter;
        if used == 0 {
            sql::execute(self.connection, UNSET, (account, region, name))?;
        } else {
            sql::execute(self.connection, SET, (account, region, name, signed(used)))?;
        }
        Ok(())
    }

    fn tag(&self, arn: &str, key: &str, value: &str) -> Result<(), StoreError> {
        const TAG: &str = "INSERT INTO tags (arn, key, value) VALUES (?, ?, ?) \
                           ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value";
        sql::execute(self.connection, TAG, (arn, key, value)).map(drop)
    }

    fn untag(&self, arn: &str, key: &str) -> Result<(), StoreError> {
        const UNTAG: &str = "DELETE FROM tags WHERE arn = ? AND key = ?";
        sql::execute(self.connection, UNTAG, (arn, key)).map(drop)
    }

    /// Writes the event of a changed status.
    fn tell(&self, id: Id, key: &Key, status: &str, detail: &str) -> Result<(), StoreError> {
        const TELL: &str = "INSERT INTO events (seq, at, id, account, region, kind, name, \
                            status, detail) VALUES (:seq, :at, :id, :account, :region, :kind, \
                            :name, :status, :detail)";
        let Key { account, region, kind, name } = key;
        let params = named_params! {
            ":seq": signed(self.draw()?), ":at": self.now.micros(), ":id": bits(id),
            ":account": account, ":region": region, ":kind": kind, ":name": name,
            ":status": status, ":detail": detail,
        };
        sql::execute(self.connection, TELL, params).map(drop)
    }
}
