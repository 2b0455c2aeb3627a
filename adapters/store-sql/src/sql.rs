//! How this crate speaks to SQLite: prepared once, errors in the port's words.

use platform::store::StoreError;
use rusqlite::{
    Connection, Params, Row,
    types::{ToSql, Type, Value},
};
use types::{Id, Timestamp};

/// Runs a statement that answers no rows; says how many it changed.
pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<usize, StoreError> {
    let run = || connection.prepare_cached(sql)?.execute(params);
    run().map_err(StoreError::new)
}

/// The first row, where there is one.
pub(crate) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    };
    run().map_err(StoreError::new)
}

/// All rows.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let run = || -> rusqlite::Result<Vec<T>> {
        connection.prepare_cached(sql)?.query_map(params, read)?.collect()
    };
    run().map_err(StoreError::new)
}

/// A SELECT that is put together from conditions, each with its `?`s filled in order.
pub(crate) struct Select {
    text: String,
    values: Vec<Value>,
}

impl Select {
    /// Begins with `SELECT … FROM …`.
    pub fn new(text: &str) -> Self {
        Self { text: format!("{text} WHERE true"), values: Vec::new() }
    }

    /// Narrows it.
    pub fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.extend(values);
    }

    /// Narrows it where there is something to narrow it by.
    pub fn and_if(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.and(condition, [value.into()]);
        }
    }

    /// Narrows it to rows whose column has one of these texts.
    pub fn and_one_of(&mut self, column: &str, texts: &[&str]) {
        let marks = vec!["?"; texts.len()].join(", ");
        self.and(&format!("{column} IN ({marks})"), []);
        self.values.extend(texts.iter().map(|text| Value::from((*text).to_owned())));
    }

    /// Ends it: `ORDER BY …`, `LIMIT …`.
    pub fn end(&mut self, text: &str) {
        self.text.push(' ');
        self.text.push_str(text);
    }

    /// Ends it with an order and a limit.
    pub fn order(&mut self, by: &str, limit: usize) {
        self.end(&format!("ORDER BY {by} LIMIT ?"));
        self.values.push(Value::from(signed(limit as u64)));
    }

    pub fn first<T>(
        &self,
        connection: &Connection,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        first(connection, &self.text, self.params(), read)
    }

    pub fn all<T>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        all(connection, &self.text, self.params(), read)
    }

    fn params(&self) -> impl Params {
        rusqlite::params_from_iter(self.values.iter().map(|value| value as &dyn ToSql))
    }
}

/// SQLite counts to 2^63; nothing here ever counts beyond, so a larger bound is as good as that.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that is never negative.
pub(crate) fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(error))
    })
}

/// The 16 bytes that stand for an id.
pub(crate) fn bits(id: Id) -> [u8; 16] {
    id.bits().to_be_bytes()
}

/// Reads an id back.
pub(crate) fn id(row: &Row<'_>, column: &str) -> rusqlite::Result<Id> {
    Ok(Id::from_bits(u128::from_be_bytes(row.get(column)?)))
}

/// Reads a time.
pub(crate) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

/// Reads a time that may be missing.
pub(crate) fn maybe_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(Timestamp::from_micros))
}
