//! CloudWatch Logs: groups, streams and events, paged as its clients expect.
//!
//! A page's token names a position in the stream, so the same token read again later yields what
//! came since: SDK v3 relies on that, and every client stops at the first empty page.

use std::sync::Arc;

use api::{
    Caller, Document, Fault, Input, What,
    telemetry::{
        DescribeLogGroups, DescribeLogStreams, FilterLogEvents, GetLogEvents, GroupName, LogsApi,
        PutLogEvents, StreamName as StreamArguments,
    },
};
use async_trait::async_trait;
use platform::telemetry::{Append, EventQuery, LogEvent, LogGroup, LogStream, Logs, StreamName};
use serde_json::{Value, json};
use types::{Owner, Timestamp};

use super::filter::Filter;
use crate::record::document;

/// The most that DescribeLogGroups and DescribeLogStreams answer at once, and their default.
const PAGE: usize = 50;
/// The most events that a page holds, and the default.
const EVENTS: usize = 10_000;
/// The most streams that are looked through where an order or a filter needs all of them.
const STREAMS: usize = 10_000;

/// The service, over a port to events.
pub struct LogService {
    logs: Arc<dyn Logs>,
}

impl LogService {
    /// Over these logs.
    #[must_use]
    pub fn new(logs: Arc<dyn Logs>) -> Self {
        Self { logs }
    }

    async fn streams_of(
        &self,
        owner: &Owner,
        group: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogStream>, Fault> {
        let streams = self.logs.streams(owner, group, prefix, after, limit).await;
        streams.map_err(Fault::internal)?.ok_or_else(no_group)
    }
}

#[async_trait]
impl LogsApi for LogService {
    async fn create_log_group(
        &self,
        caller: &Caller,
        input: Input<GroupName>,
    ) -> Result<Document, Fault> {
        let made = self.logs.create_group(caller.owner(), &input.view.log_group_name).await;
        made.map_err(Fault::internal)?.then(Document::new).ok_or_else(|| {
            Fault::new(What::Taken, "log-group", "The specified log group already exists")
        })
    }

    async fn delete_log_group(
        &self,
        caller: &Caller,
        input: Input<GroupName>,
    ) -> Result<Document, Fault> {
        let removed = self.logs.delete_group(caller.owner(), &input.view.log_group_name).await;
        removed.map_err(Fault::internal)?.then(Document::new).ok_or_else(no_group)
    }

    async fn describe_log_groups(
        &self,
        caller: &Caller,
        input: Input<DescribeLogGroups>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let prefix = view.log_group_name_prefix.unwrap_or_default();
        let limit = view.limit.unwrap_or(PAGE).min(PAGE);
        let after = view.next_token.as_deref();
        let groups = self.logs.groups(caller.owner(), &prefix, after, limit + 1).await;
        let mut groups = groups.map_err(Fault::internal)?;
        let next = cut(&mut groups, limit, |group| group.name.clone());
        let shown = groups.iter().map(|group| show_group(caller.owner(), group)).collect();
        Ok(paged("logGroups", shown, next))
    }

    async fn create_log_stream(
        &self,
        caller: &Caller,
        input: Input<StreamArguments>,
    ) -> Result<Document, Fault> {
        let StreamArguments { log_group_name: group, log_stream_name: stream } = input.view;
        let same = self.streams_of(caller.owner(), &group, &stream, None, 1).await?;
        if same.first().is_some_and(|first| first.name == stream) {
            let message = "The specified log stream already exists";
            return Err(Fault::new(What::Taken, "log-stream", message));
        }
        self.append(caller.owner(), StreamName { group, stream }, Vec::new()).await
    }

    async fn describe_log_streams(
        &self,
        caller: &Caller,
        input: Input<DescribeLogStreams>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let group = group_name(view.log_group_name, view.log_group_identifier)?;
        let prefix = view.log_stream_name_prefix.unwrap_or_default();
        let limit = view.limit.unwrap_or(PAGE).min(PAGE);
        let by_name = view.order_by.as_deref() != Some("LastEventTime");
        let descending = view.descending.unwrap_or(false);
        let (owner, after) = (caller.owner(), view.next_token.as_deref());
        let mut streams = if by_name && !descending {
            self.streams_of(owner, &group, &prefix, after, limit + 1).await?
        } else {
            let mut all = self.streams_of(owner, &group, &prefix, None, STREAMS).await?;
            if !by_name {
                all.sort_by_key(|stream| stream.last_event);
            }
            if descending {
                all.reverse();
            }
            let begin = after.and_then(|after| all.iter().position(|stream| stream.name == after));
            all.drain(..begin.map_or(0, |begin| begin + 1));
            all
        };
        let next = cut(&mut streams, limit, |stream| stream.name.clone());
        let shown = streams.iter().map(|stream| show_stream(owner, &group, stream)).collect();
        Ok(paged("logStreams", shown, next))
    }

    async fn get_log_events(
        &self,
        caller: &Caller,
        input: Input<GetLogEvents>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let group = group_name(view.log_group_name, view.log_group_identifier)?;
        let name = StreamName { group, stream: view.log_stream_name };
        let position = view.next_token.as_deref().map(Position::parse).transpose()?;
        let query = EventQuery {
            from: view.start_time.map(Timestamp::from_millis),
            until: view.end_time.map(Timestamp::from_millis),
            from_head: match position {
                Some(Position::After(_)) => true,
                Some(Position::Before(_)) => false,
                None => view.start_from_head.unwrap_or(false),
            },
            after: position.and_then(Position::after),
            before: position.and_then(Position::before),
            limit: view.limit.unwrap_or(EVENTS).min(EVENTS),
        };
        let page = self.logs.events(caller.owner(), &name, &query).await;
        let page = page.map_err(Fault::internal)?.ok_or_else(|| {
            let message = "The specified log stream does not exist.";
            Fault::new(What::Missing, "log-stream", message)
        })?;
        let events: Vec<Value> = page.events.iter().map(show_event).collect();
        Ok(document(json!({
            "events": events,
            "nextForwardToken": Position::After(page.last).to_string(),
            "nextBackwardToken": Position::Before(page.first).to_string(),
        })))
    }

    async fn filter_log_events(
        &self,
        caller: &Caller,
        input: Input<FilterLogEvents>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let group = group_name(view.log_group_name, view.log_group_identifier)?;
        let pattern = Filter::parse(view.filter_pattern.as_deref().unwrap_or_default())
            .map_err(|error| Fault::new(What::Invalid, "log-group", error))?;
        let prefix = view.log_stream_name_prefix.unwrap_or_default();
        let owner = caller.owner();
        let streams = self.streams_of(owner, &group, &prefix, None, STREAMS).await?;
        let wanted =
            |name: &String| view.log_stream_names.as_ref().is_none_or(|names| names.contains(name));
        let query = EventQuery {
            from: view.start_time.map(Timestamp::from_millis),
            until: view.end_time.map(Timestamp::from_millis),
            ..EventQuery::first(usize::MAX)
        };
        let mut found = Vec::new();
        for stream in streams.into_iter().map(|stream| stream.name).filter(wanted) {
            let name = StreamName { group: group.clone(), stream };
            let page = self.logs.events(owner, &name, &query).await.map_err(Fault::internal)?;
            let events = page.map(|page| page.events).unwrap_or_default();
            let passing = events.into_iter().filter(|event| pattern.passes(&event.message));
            found.extend(passing.map(|event| (name.stream.clone(), event)));
        }
        found.sort_by_key(|(_, event)| event.at);
        let skip = match view.next_token.as_deref().map(Position::parse).transpose()? {
            Some(Position::After(count)) => usize::try_from(count).unwrap_or(usize::MAX),
            Some(Position::Before(_)) | None => 0,
        };
        let limit = view.limit.unwrap_or(EVENTS).min(EVENTS);
        let more = found.len() > skip.saturating_add(limit);
        let shown = found.iter().skip(skip).take(limit).enumerate();
        let shown = shown.map(|(i, (stream, event))| show_filtered(stream, event, skip + i));
        let next = more.then(|| Position::After((skip + limit) as u64).to_string());
        Ok(paged("events", shown.collect(), next))
    }

    async fn put_log_events(
        &self,
        caller: &Caller,
        input: Input<PutLogEvents>,
    ) -> Result<Document, Fault> {
        let PutLogEvents { log_group_name: group, log_stream_name: stream, log_events } =
            input.view;
        let same = self.streams_of(caller.owner(), &group, &stream, None, 1).await?;
        if same.first().is_none_or(|first| first.name != stream) {
            let message = "The specified log stream does not exist.";
            return Err(Fault::new(What::Missing, "log-stream", message));
        }
        let ingested = Timestamp::now();
        let event = |event: api::telemetry::InputLogEvent| LogEvent {
            at: Timestamp::from_millis(event.timestamp),
            ingested,
            message: event.message,
        };
        let events = log_events.into_iter().map(event).collect();
        self.append(caller.owner(), StreamName { group, stream }, events).await
    }
}

impl LogService {
    /// Appends what has no source to be read again: the clock is its cursor.
    async fn append(
        &self,
        owner: &Owner,
        stream: StreamName,
        events: Vec<LogEvent>,
    ) -> Result<Document, Fault> {
        let cursor = u64::try_from(Timestamp::now().micros()).unwrap_or_default();
        let append = Append { owner: owner.clone(), stream, events, cursor };
        self.logs.append(vec![append]).await.map_err(Fault::internal)?;
        Ok(Document::new())
    }
}

/// Where a page ended: `f/12` goes on after event 12, `b/3` before event 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    After(u64),
    Before(u64),
}

impl Position {
    fn parse(token: &str) -> Result<Self, Fault> {
        let wrong =
            || Fault::new(What::Invalid, "log-stream", "The specified nextToken is invalid.");
        let (direction, count) = token.split_once('/').ok_or_else(wrong)?;
        let count = count.parse().map_err(|_| wrong())?;
        match direction {
            "f" => Ok(Self::After(count)),
            "b" => Ok(Self::Before(count)),
            _ => Err(wrong()),
        }
    }

    fn after(self) -> Option<u64> {
        match self {
            Self::After(count) => Some(count),
            Self::Before(_) => None,
        }
    }

    fn before(self) -> Option<u64> {
        match self {
            Self::After(_) => None,
            Self::Before(count) => Some(count),
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::After(count) => write!(f, "f/{count}"),
            Self::Before(count) => write!(f, "b/{count}"),
        }
    }
}

fn no_group() -> Fault {
    Fault::new(What::Missing, "log-group", "The specified log group does not exist.")
}

/// A group by its name, or by its ARN.
fn group_name(name: Option<String>, identifier: Option<String>) -> Result<String, Fault> {
    let from_arn = |identifier: String| match identifier.split(":log-group:").nth(1) {
        Some(name) => name.trim_end_matches(":*").to_owned(),
        None => identifier,
    };
    name.or(identifier.map(from_arn)).ok_or_else(|| {
        let message = "One of logGroupName and logGroupIdentifier must be specified.";
        Fault::new(What::Invalid, "log-group", message)
    })
}

/// Cuts a list that was read one too far, and names where it goes on.
fn cut<T>(list: &mut Vec<T>, limit: usize, name: impl Fn(&T) -> String) -> Option<String> {
    let more = list.len() > limit;
    list.truncate(limit);
    list.last().filter(|_| more).map(name)
}

fn paged(member: &str, items: Vec<Value>, next: Option<String>) -> Document {
    let mut document = Document::new();
    document.insert(member.to_owned(), Value::Array(items));
    document.extend(next.map(|next| ("nextToken".to_owned(), Value::String(next))));
    document
}

fn show_group(owner: &Owner, group: &LogGroup) -> Value {
    json!({
        "logGroupName": group.name,
        "creationTime": group.created.millis(),
        "metricFilterCount": 0,
        "arn": owner.arn("logs", &format!("log-group:{}:*", group.name)),
        "storedBytes": group.stored_bytes,
    })
}

fn show_stream(owner: &Owner, group: &str, stream: &LogStream) -> Value {
    json!({
        "logStreamName": stream.name,
        "creationTime": stream.created.millis(),
        "firstEventTimestamp": stream.first_event.map(Timestamp::millis),
        "lastEventTimestamp": stream.last_event.map(Timestamp::millis),
        "lastIngestionTime": stream.last_ingestion.map(Timestamp::millis),
        "arn": owner.arn("logs", &format!("log-group:{group}:log-stream:{}", stream.name)),
        "storedBytes": 0,
    })
}

fn show_event(event: &LogEvent) -> Value {
    json!({
        "timestamp": event.at.millis(),
        "message": event.message,
        "ingestionTime": event.ingested.millis(),
    })
}

fn show_filtered(stream: &str, event: &LogEvent, place: usize) -> Value {
    json!({
        "logStreamName": stream,
        "timestamp": event.at.millis(),
        "message": event.message,
        "ingestionTime": event.ingested.millis(),
        "eventId": format!("{:020}{place:012}", event.at.micros()),
    })
}
