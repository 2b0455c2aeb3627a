//! Logs (CloudWatch Logs) and metrics (CloudWatch).

use serde::Deserialize;

use crate::{Fault, What, family::family};

/// CloudWatch Logs' table.
#[must_use]
pub fn logs_code(fault: &Fault) -> (&'static str, u16) {
    match fault.what {
        What::Missing => ("ResourceNotFoundException", 400),
        What::Taken => ("ResourceAlreadyExistsException", 400),
        What::InUse => ("OperationAbortedException", 400),
        What::Limit => ("LimitExceededException", 400),
        What::Refused => ("AccessDeniedException", 400),
        What::Invalid => ("InvalidParameterException", 400),
        What::Unsupported => ("UnsupportedOperationException", 400),
        What::NotReady => ("ThrottlingException", 400),
        What::Internal => ("ServiceUnavailableException", 500),
    }
}

/// CloudWatch's table.
#[must_use]
pub fn metrics_code(fault: &Fault) -> (&'static str, u16) {
    match fault.what {
        What::Missing => ("ResourceNotFound", 404),
        What::Taken | What::InUse | What::Invalid => ("InvalidParameterValue", 400),
        What::Limit => ("LimitExceeded", 400),
        What::Refused => ("AccessDenied", 403),
        What::Unsupported => ("UnsupportedOperationException", 400),
        What::NotReady => ("Throttling", 400),
        What::Internal => ("InternalServiceError", 500),
    }
}

family! {
    /// Log groups, streams and events.
    pub trait LogsApi as Logs with logs_code {
        /// Makes a group.
        "CreateLogGroup" => create_log_group(GroupName);
        /// Removes a group and what is in it.
        "DeleteLogGroup" => delete_log_group(GroupName);
        /// A page of groups.
        "DescribeLogGroups" => describe_log_groups(DescribeLogGroups);
        /// Makes a stream.
        "CreateLogStream" => create_log_stream(StreamName);
        /// A page of streams.
        "DescribeLogStreams" => describe_log_streams(DescribeLogStreams);
        /// A page of a stream's events.
        "GetLogEvents" => get_log_events(GetLogEvents);
        /// A page of a group's events, of all its streams.
        "FilterLogEvents" => filter_log_events(FilterLogEvents);
        /// Adds events to a stream.
        "PutLogEvents" => put_log_events(PutLogEvents);
    }
}

family! {
    /// Metrics.
    pub trait MetricsApi as Metrics with metrics_code {
        /// One metric, summed up by period.
        "GetMetricStatistics" => get_metric_statistics(GetMetricStatistics);
        /// Several metrics, summed up by period.
        "GetMetricData" => get_metric_data(GetMetricData);
        /// What metrics there are.
        "ListMetrics" => list_metrics(ListMetrics);
        /// Adds points.
        "PutMetricData" => put_metric_data(PutMetricData);
    }
}

/// Names a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupName {
    /// Its name.
    pub log_group_name: String,
}

/// Names a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamName {
    /// Its group.
    pub log_group_name: String,
    /// Its name.
    pub log_stream_name: String,
}

/// Which groups to list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogGroups {
    /// Only names that begin with this.
    pub log_group_name_prefix: Option<String>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// 1 to 50.
    pub limit: Option<usize>,
}

/// Which streams to list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogStreams {
    /// The group's name.
    pub log_group_name: Option<String>,
    /// The group's name or ARN.
    pub log_group_identifier: Option<String>,
    /// Only names that begin with this.
    pub log_stream_name_prefix: Option<String>,
    /// `LogStreamName` or `LastEventTime`.
    pub order_by: Option<String>,
    /// Largest first.
    pub descending: Option<bool>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// 1 to 50.
    pub limit: Option<usize>,
}

/// Which events to read. Times are epoch milliseconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLogEvents {
    /// The group's name.
    pub log_group_name: Option<String>,
    /// The group's name or ARN.
    pub log_group_identifier: Option<String>,
    /// The stream's name.
    pub log_stream_name: String,
    /// Inclusive.
    pub start_time: Option<i64>,
    /// Exclusive.
    pub end_time: Option<i64>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// 1 to 10,000.
    pub limit: Option<usize>,
    /// Earliest first.
    pub start_from_head: Option<bool>,
}

/// Which events of a group to read. Times are epoch milliseconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEvents {
    /// The group's name.
    pub log_group_name: Option<String>,
    /// The group's name or ARN.
    pub log_group_identifier: Option<String>,
    /// Only these streams.
    pub log_stream_names: Option<Vec<String>>,
    /// Only streams that begin with this.
    pub log_stream_name_prefix: Option<String>,
    /// Inclusive.
    pub start_time: Option<i64>,
    /// Exclusive.
    pub end_time: Option<i64>,
    /// Words that must all occur.
    pub filter_pattern: Option<String>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// 1 to 10,000.
    pub limit: Option<usize>,
}

/// Events to add.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLogEvents {
    /// The group's name.
    pub log_group_name: String,
    /// The stream's name.
    pub log_stream_name: String,
    /// By time.
    pub log_events: Vec<InputLogEvent>,
}

/// One event to add.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputLogEvent {
    /// Epoch milliseconds.
    pub timestamp: i64,
    /// The line.
    pub message: String,
}

/// A dimension of a metric.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

/// Which statistics to compute. Times are epoch seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMetricStatistics {
    /// The namespace.
    pub namespace: String,
    /// The metric.
    pub metric_name: String,
    /// All of them.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Inclusive.
    pub start_time: f64,
    /// Exclusive.
    pub end_time: f64,
    /// Seconds.
    pub period: u64,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`.
    #[serde(default)]
    pub statistics: Vec<String>,
}

/// Which metrics to compute. Times are epoch seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMetricData {
    /// At most 500.
    pub metric_data_queries: Vec<MetricDataQuery>,
    /// Inclusive.
    pub start_time: f64,
    /// Exclusive.
    pub end_time: f64,
    /// `TimestampAscending` or `TimestampDescending` (the default).
    pub scan_by: Option<String>,
}

/// One of several metrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDataQuery {
    /// Names the result.
    pub id: String,
    /// Labels the result.
    pub label: Option<String>,
    /// A metric.
    pub metric_stat: Option<MetricStat>,
    /// A formula over other results.
    pub expression: Option<String>,
    /// Whether to answer it.
    pub return_data: Option<bool>,
}

/// A metric and how to sum it up.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricStat {
    /// The metric.
    pub metric: MetricSpec,
    /// Seconds.
    pub period: u64,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`.
    pub stat: String,
}

/// Names a metric.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricSpec {
    /// The namespace.
    pub namespace: Option<String>,
    /// The metric.
    pub metric_name: Option<String>,
    /// All of them.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
}

/// Which metrics to list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListMetrics {
    /// Only of this namespace.
    pub namespace: Option<String>,
    /// Only of this name.
    pub metric_name: Option<String>,
    /// Only with these dimensions.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Where the last page ended.
    pub next_token: Option<String>,
}

/// Points to add.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutMetricData {
    /// The namespace; `AWS/…` is not for users.
    pub namespace: String,
    /// At most 1,000.
    #[serde(default)]
    pub metric_data: Vec<MetricDatum>,
}

/// One point, or a set of values.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDatum {
    /// The metric.
    pub metric_name: String,
    /// All of them.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Epoch seconds; now where it is not said.
    pub timestamp: Option<f64>,
    /// A single value.
    pub value: Option<f64>,
    /// Or sums.
    pub statistic_values: Option<StatisticSet>,
    /// Or values.
    #[serde(default)]
    pub values: Vec<f64>,
    /// How often each occurred.
    #[serde(default)]
    pub counts: Vec<f64>,
}

/// Sums of many values.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatisticSet {
    /// How many.
    pub sample_count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
}
