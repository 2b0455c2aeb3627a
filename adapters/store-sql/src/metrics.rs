//! Metric points over SQLite.

mod dimensions;

use async_trait::async_trait;
use platform::{
    store::StoreError,
    telemetry::{MetricName, Metrics, Point},
};
use rusqlite::{Connection, Row, named_params, types::Value};
use types::{Owner, Timestamp};

use crate::{
    Sqlite,
    sql::{self, Select, time},
};

#[async_trait]
impl Metrics for Sqlite {
    async fn put(&self, owner: &Owner, points: Vec<(MetricName, Point)>) -> Result<(), StoreError> {
        let owner = owner.clone();
        let work = move |connection: &Connection| {
            points.iter().try_for_each(|(metric, point)| {
                let metric = made(connection, &owner, metric)?;
                insert(connection, metric, point)
            })
        };
        self.database.write(work).await
    }

    async fn points(
        &self,
        owner: &Owner,
        metric: &MetricName,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Point>, StoreError> {
        const POINTS: &str = "SELECT at, sum, count, min, max FROM metric_points \
                              WHERE metric = ? AND at >= ? AND at < ? ORDER BY at, nth";
        let (owner, metric) = (owner.clone(), metric.clone());
        let work = move |connection: &_| {
            let Some(metric) = find(connection, &owner, &metric)? else { return Ok(Vec::new()) };
            sql::all(connection, POINTS, (metric, from.micros(), until.micros()), point)
        };
        self.database.read(work).await
    }

    async fn list(
        &self,
        owner: &Owner,
        namespace: Option<&str>,
        after: Option<&MetricName>,
        limit: usize,
    ) -> Result<Vec<MetricName>, StoreError> {
        let select = select(owner, namespace, after, limit);
        self.database.read(move |connection| select.all(connection, name)).await
    }
}

fn find(
    connection: &Connection,
    owner: &Owner,
    metric: &MetricName,
) -> Result<Option<i64>, StoreError> {
    const FIND: &str = "SELECT id FROM metrics WHERE account = ? AND region = ? \
                        AND namespace = ? AND name = ? AND dimensions = ?";
    let MetricName { namespace, name, dimensions } = metric;
    let Owner { account, region, .. } = owner;
    let params = (account, region, namespace, name, dimensions::encode(dimensions));
    sql::first(connection, FIND, params, |row| row.get("id"))
}

fn made(connection: &Connection, owner: &Owner, metric: &MetricName) -> Result<i64, StoreError> {
    const MAKE: &str = "INSERT INTO metrics (account, region, namespace, name, dimensions) \
                        VALUES (?, ?, ?, ?, ?)";
    if let Some(id) = find(connection, owner, metric)? {
        return Ok(id);
    }
    let MetricName { namespace, name, dimensions } = metric;
    let Owner { account, region, .. } = owner;
    let params = (account, region, namespace, name, dimensions::encode(dimensions));
    sql::execute(connection, MAKE, params)?;
    Ok(connection.last_insert_rowid())
}

fn insert(connection: &Connection, metric: i64, point: &Point) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO metric_points (metric, at, nth, sum, count, min, max) \
                          VALUES (:metric, :at, (SELECT coalesce(max(nth), 0) + 1 \
                          FROM metric_points WHERE metric = :metric AND at = :at), \
                          :sum, :count, :min, :max)";
    let Point { at, sum, count, min, max } = point;
    let params = named_params! {
        ":metric": metric, ":at": at.micros(), ":sum": sum, ":count": count, ":min": min,
        ":max": max,
    };
    sql::execute(connection, INSERT, params).map(drop)
}

fn select(
    owner: &Owner,
    namespace: Option<&str>,
    after: Option<&MetricName>,
    limit: usize,
) -> Select {
    let mut select = Select::new("SELECT namespace, name, dimensions FROM metrics");
    select.and("account = ?", [Value::from(owner.account.to_string())]);
    select.and("region = ?", [Value::from(owner.region.to_string())]);
    select.and_if("namespace = ?", namespace.map(str::to_owned));
    if let Some(MetricName { namespace, name, dimensions }) = after {
        let dimensions = dimensions::encode(dimensions);
        let place = [namespace.clone().into(), name.clone().into(), dimensions.into()];
        select.and("(namespace, name, dimensions) > (?, ?, ?)", place);
    }
    select.order("namespace, name, dimensions", limit);
    select
}

fn name(row: &Row<'_>) -> rusqlite::Result<MetricName> {
    let dimensions: Vec<u8> = row.get("dimensions")?;
    let dimensions = dimensions::decode(&dimensions);
    Ok(MetricName { namespace: row.get("namespace")?, name: row.get("name")?, dimensions })
}

fn point(row: &Row<'_>) -> rusqlite::Result<Point> {
    Ok(Point {
        at: time(row, "at")?,
        sum: number(row, "sum")?,
        count: number(row, "count")?,
        min: number(row, "min")?,
        max: number(row, "max")?,
    })
}

fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<f64> {
    let number: Option<f64> = row.get(column)?;
    Ok(number.unwrap_or(f64::NAN))
}
