//! CloudWatch metrics: points summed up by period.

use std::{collections::BTreeMap, sync::Arc};

use api::{
    Caller, Document, Fault, Input, What,
    telemetry::{
        Dimension, GetMetricData, GetMetricStatistics, ListMetrics, MetricDataQuery, MetricDatum,
        MetricsApi, PutMetricData,
    },
};
use async_trait::async_trait;
use platform::telemetry::{MetricName, Metrics, Point};
use serde_json::{Map, Value, json};
use types::{Owner, Timestamp};

/// What ListMetrics answers at once (its API reference).
const PAGE: usize = 500;

/// The service, over a port to points.
pub struct MetricService {
    metrics: Arc<dyn Metrics>,
}

impl MetricService {
    /// Over these points.
    #[must_use]
    pub fn new(metrics: Arc<dyn Metrics>) -> Self {
        Self { metrics }
    }

    /// A metric's points by period: the period's begin, and their sum.
    async fn summed(
        &self,
        owner: &Owner,
        metric: &MetricName,
        window: &Window,
    ) -> Result<BTreeMap<i64, Point>, Fault> {
        let points = self.metrics.points(owner, metric, window.from, window.until).await;
        let mut periods: BTreeMap<i64, Point> = BTreeMap::new();
        for point in points.map_err(Fault::internal)? {
            let begin = window.period_of(point.at);
            periods
                .entry(begin.micros())
                .and_modify(|sum| add(sum, &point))
                .or_insert(Point { at: begin, ..point });
        }
        Ok(periods)
    }
}

/// A stretch of time in periods.
struct Window {
    from: Timestamp,
    until: Timestamp,
    period_micros: i64,
}

impl Window {
    /// CloudWatch aligns the begin of a window to its period.
    fn new(from: f64, until: f64, period: u64) -> Result<Self, Fault> {
        let wrong = |message: &str| Err(Fault::new(What::Invalid, "metric", message));
        let Some(period_micros) = i64::try_from(period).ok().and_then(|p| p.checked_mul(1_000_000))
        else {
            return wrong("The parameter Period is too large.");
        };
        if period_micros < 1 {
            return wrong("The parameter Period must be at least 1.");
        }
        if from >= until {
            return wrong("The parameter StartTime must be less than the parameter EndTime.");
        }
        let aligned = micros(from).div_euclid(period_micros) * period_micros;
        Ok(Self {
            from: Timestamp::from_micros(aligned),
            until: Timestamp::from_micros(micros(until)),
            period_micros,
        })
    }

    fn period_of(&self, at: Timestamp) -> Timestamp {
        let since = at.micros() - self.from.micros();
        Timestamp::from_micros(at.micros() - since.rem_euclid(self.period_micros))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float-to-int cast saturates")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

fn add(sum: &mut Point, point: &Point) {
    sum.sum += point.sum;
    sum.count += point.count;
    sum.min = sum.min.min(point.min);
    sum.max = sum.max.max(point.max);
}

/// A statistic by its name.
fn statistic(point: &Point, name: &str) -> Result<f64, Fault> {
    match name {
        "Average" => Ok(point.sum / point.count),
        "Sum" => Ok(point.sum),
        "Minimum" => Ok(point.min),
        "Maximum" => Ok(point.max),
        "SampleCount" => Ok(point.count),
        other => {
            let message = format!("The statistic {other} is not supported.");
            Err(Fault::new(What::Invalid, "metric", message))
        }
    }
}

/// What AWS's own metrics of endpoints are measured in; of others no unit is kept.
fn unit(metric: &MetricName) -> &'static str {
    match (&*metric.namespace, &*metric.name) {
        ("AWS/SageMaker", "ModelLatency" | "OverheadLatency") => "Microseconds",
        (_, _) => "None",
    }
}

fn metric_name(namespace: &str, name: &str, dimensions: Vec<Dimension>) -> MetricName {
    let pair = |dimension: Dimension| (dimension.name, dimension.value.unwrap_or_default());
    let mut dimensions: Vec<_> = dimensions.into_iter().map(pair).collect();
    dimensions.sort();
    MetricName { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
}

#[async_trait]
impl MetricsApi for MetricService {
    async fn get_metric_statistics(
        &self,
        caller: &Caller,
        input: Input<GetMetricStatistics>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let window = Window::new(view.start_time, view.end_time, view.period)?;
        let metric = metric_name(&view.namespace, &view.metric_name, view.dimensions);
        let mut datapoints = Vec::new();
        for point in self.summed(caller.owner(), &metric, &window).await?.values() {
            let mut datapoint = Map::new();
            datapoint.insert("Timestamp".into(), json!(point.at.epoch_seconds()));
            for name in &view.statistics {
                datapoint.insert(name.clone(), json!(statistic(point, name)?));
            }
            datapoint.insert("Unit".into(), unit(&metric).into());
            datapoints.push(Value::Object(datapoint));
        }
        Ok(document([("Label", view.metric_name.into()), ("Datapoints", datapoints.into())]))
    }

    async fn get_metric_data(
        &self,
        caller: &Caller,
        input: Input<GetMetricData>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let ascending = view.scan_by.as_deref() == Some("TimestampAscending");
        let mut results = Vec::new();
        for query in view.metric_data_queries {
            if query.return_data == Some(false) {
                continue;
            }
            let times = (view.start_time, view.end_time);
            results.push(self.result(caller.owner(), query, times, ascending).await?);
        }
        Ok(document([("MetricDataResults", results.into()), ("Messages", json!([]))]))
    }

    async fn list_metrics(
        &self,
        caller: &Caller,
        input: Input<ListMetrics>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let after = view.next_token.as_deref().map(parse_token).transpose()?;
        let namespace = view.namespace.as_deref();
        let all = self.metrics.list(caller.owner(), namespace, after.as_ref(), usize::MAX).await;
        let matches = |metric: &MetricName| {
            let wanted = |dimension: &Dimension| {
                metric.dimensions.iter().any(|(name, value)| {
                    *name == dimension.name && dimension.value.as_ref().is_none_or(|v| v == value)
                })
            };
            view.metric_name.as_ref().is_none_or(|name| *name == metric.name)
                && view.dimensions.iter().all(wanted)
        };
        let mut found: Vec<_> = all.map_err(Fault::internal)?.into_iter().filter(matches).collect();
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(token);
        let shown = found.iter().map(show_metric).collect::<Vec<_>>();
        let mut answer = document([("Metrics", shown.into())]);
        answer.extend(next.map(|next| ("NextToken".to_owned(), Value::String(next))));
        Ok(answer)
    }

    async fn put_metric_data(
        &self,
        caller: &Caller,
        input: Input<PutMetricData>,
    ) -> Result<Document, Fault> {
        let PutMetricData { namespace, metric_data } = input.view;
        if namespace.starts_with("AWS/") {
            let message = "The value AWS/ for parameter Namespace is invalid.";
            return Err(Fault::new(What::Invalid, "metric", message));
        }
        let now = Timestamp::now();
        let points = metric_data.into_iter().flat_map(|datum| points(&namespace, datum, now));
        let put = self.metrics.put(caller.owner(), points.collect()).await;
        put.map_err(Fault::internal)?;
        Ok(Document::new())
    }
}

impl MetricService {
    async fn result(
        &self,
        owner: &Owner,
        query: MetricDataQuery,
        (from, until): (f64, f64),
        ascending: bool,
    ) -> Result<Value, Fault> {
        let Some(stat) = query.metric_stat else {
            let expression = query.expression.unwrap_or_default();
            let message = format!("The expression `{expression}` is not supported.");
            return Err(Fault::new(What::Invalid, "metric", message));
        };
        let window = Window::new(from, until, stat.period)?;
        let name = stat.metric.metric_name.unwrap_or_default();
        let namespace = stat.metric.namespace.unwrap_or_default();
        let metric = metric_name(&namespace, &name, stat.metric.dimensions);
        let summed = self.summed(owner, &metric, &window).await?;
        let mut pairs = Vec::with_capacity(summed.len());
        for point in summed.values() {
            pairs.push((point.at.epoch_seconds(), statistic(point, &stat.stat)?));
        }
        if !ascending {
            pairs.reverse();
        }
        let (times, values): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        Ok(json!({
            "Id": query.id,
            "Label": query.label.unwrap_or(name),
            "Timestamps": times,
            "Values": values,
            "StatusCode": "Complete",
        }))
    }
}

/// The points that a datum stands for.
fn points(namespace: &str, datum: MetricDatum, now: Timestamp) -> Vec<(MetricName, Point)> {
    let at = datum.timestamp.map_or(now, |seconds| Timestamp::from_micros(micros(seconds)));
    let name = metric_name(namespace, &datum.metric_name, datum.dimensions);
    let single = datum.value.map(|value| Point::single(at, value));
    let set = datum.statistic_values.map(|set| Point {
        at,
        sum: set.sum,
        count: set.sample_count,
        min: set.minimum,
        max: set.maximum,
    });
    let counts = datum.counts.into_iter().chain(std::iter::repeat(1.0));
    let values = datum.values.into_iter().zip(counts).map(|(value, count)| Point {
        at,
        sum: value * count,
        count,
        min: value,
        max: value,
    });
    let all = single.into_iter().chain(set).chain(values);
    all.map(|point| (name.clone(), point)).collect()
}

fn document<const N: usize>(members: [(&str, Value); N]) -> Document {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn show_metric(metric: &MetricName) -> Value {
    let dimension = |(name, value): &(String, String)| json!({ "Name": name, "Value": value });
    json!({
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": metric.dimensions.iter().map(dimension).collect::<Vec<_>>(),
    })
}

/// A metric's name as an opaque token.
fn token(metric: &MetricName) -> String {
    json!([metric.namespace, metric.name, metric.dimensions]).to_string()
}

fn parse_token(token: &str) -> Result<MetricName, Fault> {
    let (namespace, name, dimensions) = serde_json::from_str(token)
        .map_err(|_| Fault::new(What::Invalid, "metric", "The parameter NextToken is invalid."))?;
    Ok(MetricName { namespace, name, dimensions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_on_its_period_and_a_point_belongs_to_one() {
        let window = Window::new(61.0, 200.0, 60).unwrap();
        assert_eq!(window.from, Timestamp::from_micros(60_000_000));
        let begin = window.period_of(Timestamp::from_micros(125_000_000));
        assert_eq!(begin, Timestamp::from_micros(120_000_000));
        assert!(Window::new(5.0, 5.0, 60).is_err() && Window::new(0.0, 5.0, 0).is_err());
    }

    #[test]
    fn latencies_of_endpoints_have_a_unit() {
        let of = |namespace, name| unit(&metric_name(namespace, name, Vec::new()));
        assert_eq!(of("AWS/SageMaker", "ModelLatency"), "Microseconds");
        assert_eq!(of("AWS/SageMaker", "Invocations"), "None");
        assert_eq!(of("Mine", "ModelLatency"), "None");
    }

    #[test]
    fn a_set_of_values_is_worth_its_counts() {
        let datum = serde_json::from_value(json!({
            "MetricName": "m", "Values": [1.0, 3.0], "Counts": [2.0],
        }));
        let points = points("n", datum.unwrap(), Timestamp::default());
        let mut sum = points[0].1.clone();
        add(&mut sum, &points[1].1);
        let text = |name| statistic(&sum, name).unwrap().to_string();
        assert_eq!((text("Sum"), text("SampleCount")), ("5".to_owned(), "3".to_owned()));
    }
}
