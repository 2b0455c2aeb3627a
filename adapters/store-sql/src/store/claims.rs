//! What is due, and who holds it.

use platform::store::{Claim, StoreError, Token};
use rusqlite::{Connection, named_params};
use types::{Id, Timestamp};

use super::rows;
use crate::sql::{self, Select, bits};

/// Whether anything may be claimed.
pub(super) fn any_free(kinds: &[&'static str], due: Timestamp, now: Timestamp) -> Select {
    let mut select = Select::new("SELECT 1 FROM resources");
    narrow(&mut select, kinds, due, now);
    select.end("LIMIT 1");
    select
}

/// All that may be claimed, the longest due first.
pub(super) fn free(kinds: &[&'static str], due: Timestamp, now: Timestamp) -> Select {
    let mut select = Select::new(rows::RECORDS);
    narrow(&mut select, kinds, due, now);
    select.end("ORDER BY due, name");
    select
}

fn narrow(select: &mut Select, kinds: &[&'static str], due: Timestamp, now: Timestamp) {
    select.and_one_of("kind", kinds);
    select.and("due <= ?", [due.micros().into()]);
    select.and("(claimed_until IS NULL OR claimed_until <= ?)", [now.micros().into()]);
}

/// Claims what `free` finds.
pub(super) fn claim(
    connection: &Connection,
    free: &Select,
    until: Timestamp,
) -> Result<Vec<Claim>, StoreError> {
    const CLAIM: &str =
        "UPDATE resources SET claimed_by = :token, claimed_until = :until WHERE id = :id";
    let mut claims = Vec::new();
    for record in free.all(connection, rows::record)? {
        let token = Token(Id::random());
        let params = named_params! {
            ":token": bits(token.0), ":until": until.micros(), ":id": bits(record.id),
        };
        sql::execute(connection, CLAIM, params)?;
        claims.push(Claim { record, token });
    }
    Ok(claims)
}

/// Makes a record due and ends its claim.
pub(super) fn touch(connection: &Connection, id: Id, now: Timestamp) -> Result<(), StoreError> {
    const TOUCH: &str =
        "UPDATE resources SET due = ?, claimed_by = NULL, claimed_until = NULL WHERE id = ?";
    sql::execute(connection, TOUCH, (now.micros(), bits(id))).map(drop)
}
