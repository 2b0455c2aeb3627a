//! When objects, versions and uploads go by themselves. Pure: what is due, and never when it is.
//!
//! S3 counts from a moment whole days on and then rounds up to the next midnight (UTC). In a
//! rehearsal, where a day is shorter, nothing is rounded.

use std::{collections::HashSet, time::Duration};

use platform::objects::{
    Expiry,
    settings::{Expiration, LifecycleFilter, LifecycleRule, Noncurrent, Tags},
};
use types::Timestamp;

use super::tags;

/// Between two looks at least, however short a day is for a rehearsal.
const SHORTEST_LOOK: Duration = Duration::from_millis(200);

/// A real day, microseconds.
const DAY: i64 = 86_400 * 1_000_000;

/// The most rules of a bucket, the longest id (characters), and the most versions that a rule may
/// keep (S3 user guide, "Lifecycle configuration elements").
const RULES: usize = 1_000;
const LONGEST_ID: usize = 255;
const MOST_KEPT: i32 = 100;
/// The longest prefix, bytes: that of a key.
const LONGEST_PREFIX: usize = 1_024;

/// Why rules are refused; the words are AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LifecycleFault {
    /// No rule, or too many.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    Schema,
    /// A number or a name that means nothing.
    #[error("{0}")]
    Argument(&'static str),
    /// Parts of a rule that do not go together.
    #[error("{0}")]
    Request(&'static str),
}

/// Checks all rules of a bucket.
pub(super) fn check(rules: &[LifecycleRule]) -> Result<(), LifecycleFault> {
    if rules.is_empty() || rules.len() > RULES {
        return Err(LifecycleFault::Schema);
    }
    let mut ids = HashSet::new();
    for rule in rules {
        if rule.id.chars().count() > LONGEST_ID {
            return argument("ID length should not exceed allowed limit of 255");
        }
        if !ids.insert(rule.id.as_str()) {
            return argument("Rule ID must be unique. Found same ID for more than one rule");
        }
        check_filter(&rule.filter)?;
        check_actions(rule)?;
    }
    Ok(())
}

fn argument<T>(message: &'static str) -> Result<T, LifecycleFault> {
    Err(LifecycleFault::Argument(message))
}

fn request<T>(message: &'static str) -> Result<T, LifecycleFault> {
    Err(LifecycleFault::Request(message))
}

fn check_filter(filter: &LifecycleFilter) -> Result<(), LifecycleFault> {
    let LifecycleFilter { prefix, tags, larger_than, smaller_than, form: _ } = filter;
    if prefix.as_ref().is_some_and(|prefix| prefix.len() > LONGEST_PREFIX) {
        return request("The maximum size of a prefix is 1024.");
    }
    match tags::check_object(tags) {
        Ok(()) => {}
        Err(tags::TagFault::Twice) => return request("Duplicate Tag Keys are not allowed."),
        Err(tags::TagFault::Value) => return argument("The TagValue you have provided is invalid"),
        Err(_) => return argument("The TagKey you have provided is invalid"),
    }
    if larger_than.is_some_and(i64::is_negative) || smaller_than.is_some_and(|size| size < 1) {
        return argument("The sizes of a filter must be numbers of bytes.");
    }
    match (larger_than, smaller_than) {
        (Some(larger), Some(smaller)) if larger >= smaller => {
            request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
        }
        _ => Ok(()),
    }
}

fn check_actions(rule: &LifecycleRule) -> Result<(), LifecycleFault> {
    if rule.expiration.is_none() && rule.noncurrent.is_none() && rule.abort_uploads_after.is_none()
    {
        return request("At least one action needs to be specified in a rule.");
    }
    match rule.expiration {
        Some(Expiration::Days(..=0)) => {
            return argument("'Days' for Expiration action must be a positive integer");
        }
        Some(Expiration::Date(at)) if at.rem_euclid(DAY) != 0 => {
            return argument("'Date' must be at midnight GMT");
        }
        Some(Expiration::LoneMarkers) if !rule.filter.is_of_keys() => {
            return request("ExpiredObjectDeleteMarker cannot be specified with Tags or Sizes.");
        }
        Some(Expiration::Days(_) | Expiration::Date(_) | Expiration::LoneMarkers) | None => {}
    }
    if let Some(Noncurrent { days, keep }) = rule.noncurrent {
        if days < 1 {
            return argument(
                "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
            );
        }
        if keep.is_some_and(|keep| !(1..=MOST_KEPT).contains(&keep)) {
            return argument("'NewerNoncurrentVersions' must be between 1 and 100");
        }
    }
    match rule.abort_uploads_after {
        Some(..=0) => argument(
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
        ),
        Some(_) if !rule.filter.is_of_keys() => {
            request("AbortIncompleteMultipartUpload cannot be specified with Tags or Sizes.")
        }
        Some(_) | None => Ok(()),
    }
}

/// What a rule may ask about a version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// Its key.
    pub(super) key: &'a str,
    /// Bytes; of a marker there are none.
    pub(super) size: u64,
    /// Its tags; a marker has none.
    pub(super) tags: &'a Tags,
    /// When it was made.
    pub(super) modified: Timestamp,
    /// Whether it only says that there is no current version.
    pub(super) marker: bool,
}

/// Where a version stands among those of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The newest; `lone` if there is no other.
    Current {
        /// Whether there is no other version.
        lone: bool,
    },
    /// Replaced by another.
    Noncurrent {
        /// When its successor was made.
        since: Timestamp,
        /// How many versions lie between it and the current one.
        newer: usize,
    },
}

/// How long a day lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(i64);

impl Day {
    /// As everywhere.
    pub const REAL: Self = Self(DAY);

    /// Shorter, for rehearsals; never less than a second.
    #[must_use]
    pub fn of_seconds(seconds: u32) -> Self {
        Self(i64::from(seconds.max(1)) * 1_000_000)
    }

    /// How long to wait between two looks: nothing is due to the minute.
    pub(super) fn between_looks(self) -> Duration {
        let look = Duration::from_micros(u64::try_from(self.0 / 24).unwrap_or(0));
        look.max(SHORTEST_LOOK)
    }

    /// `days` after a moment, and then the next midnight.
    fn after(self, moment: Timestamp, days: i32) -> Timestamp {
        let exact = moment.micros().saturating_add(self.0.saturating_mul(i64::from(days)));
        if self != Self::REAL {
            return Timestamp::from_micros(exact);
        }
        let midnights = exact.saturating_add(DAY - 1).div_euclid(DAY);
        Timestamp::from_micros(midnights.saturating_mul(DAY))
    }
}

/// What all keys begin with that a rule can be about: nothing else needs to be looked at.
pub(super) fn prefix_of_all(rules: &[LifecycleRule]) -> &str {
    let mut prefixes = rules
        .iter()
        .filter(|rule| rule.enabled)
        .map(|rule| rule.filter.prefix.as_deref().unwrap_or_default());
    let first = prefixes.next().unwrap_or_default();
    prefixes.fold(first, |common, prefix| {
        let pairs = common.char_indices().zip(prefix.chars());
        let end = pairs.filter(|((_, one), other)| one != other).map(|((at, _), _)| at).next();
        let shorter = common.len().min(prefix.len());
        &common[..end.unwrap_or(shorter)]
    })
}

/// Whether a version goes now by one of the rules.
pub(super) fn is_due(
    rules: &[LifecycleRule],
    seen: &Seen<'_>,
    place: Place,
    now: Timestamp,
    day: Day,
) -> bool {
    let followed = rules.iter().filter(|rule| rule.enabled && rule.filter.is_about(seen));
    followed.into_iter().any(|rule| match place {
        Place::Current { lone: false } if seen.marker => false,
        Place::Current { .. } => {
            (seen.marker && rule.expiration == Some(Expiration::LoneMarkers))
                || rule.current_until(seen.modified, day).is_some_and(|at| at <= now)
        }
        Place::Noncurrent { since, newer } => rule.noncurrent.is_some_and(|rule| {
            let kept = usize::try_from(rule.keep.unwrap_or(0)).unwrap_or(0);
            newer >= kept && day.after(since, rule.days) <= now
        }),
    })
}

/// Whether an upload that was begun then ends now by one of the rules.
pub(super) fn upload_is_due(
    rules: &[LifecycleRule],
    key: &str,
    begun: Timestamp,
    now: Timestamp,
    day: Day,
) -> bool {
    rules.iter().any(|rule| {
        rule.enabled
            && rule.filter.prefix_fits(key)
            && rule.abort_uploads_after.is_some_and(|days| day.after(begun, days) <= now)
    })
}

/// When the current version goes, and by which rule: what `x-amz-expiration` says.
pub(super) fn expiry(rules: &[LifecycleRule], seen: &Seen<'_>) -> Option<Expiry> {
    rules
        .iter()
        .filter(|rule| rule.enabled && !seen.marker && rule.filter.is_about(seen))
        .filter_map(|rule| {
            let at = rule.current_until(seen.modified, Day::REAL)?;
            Some(Expiry { at, rule: rule.id.clone() })
        })
        .min_by_key(|expiry| expiry.at)
}

/// What rules mean; their form is the port's.
trait Meaning {
    fn current_until(&self, modified: Timestamp, day: Day) -> Option<Timestamp>;
}

impl Meaning for LifecycleRule {
    fn current_until(&self, modified: Timestamp, day: Day) -> Option<Timestamp> {
        match self.expiration? {
            Expiration::Days(days) => Some(day.after(modified, days)),
            Expiration::Date(at) => Some(Timestamp::from_micros(at)),
            Expiration::LoneMarkers => None,
        }
    }
}

/// What filters mean.
trait Scope {
    fn is_of_keys(&self) -> bool;
    fn prefix_fits(&self, key: &str) -> bool;
    fn is_about(&self, seen: &Seen<'_>) -> bool;
}

impl Scope for LifecycleFilter {
    /// Whether it asks about nothing but keys.
    fn is_of_keys(&self) -> bool {
        self.tags.is_empty() && self.larger_than.is_none() && self.smaller_than.is_none()
    }

    fn prefix_fits(&self, key: &str) -> bool {
        self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
    }

    /// A marker has neither tags nor a size, so that filters that ask for them are not about it.
    fn is_about(&self, seen: &Seen<'_>) -> bool {
        let size = i64::try_from(seen.size).unwrap_or(i64::MAX);
        self.prefix_fits(seen.key)
            && (!seen.marker || self.is_of_keys())
            && self.tags.iter().all(|tag| seen.tags.contains(tag))
            && self.larger_than.is_none_or(|limit| size > limit)
            && self.smaller_than.is_none_or(|limit| size < limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Noon of 2 January 1970.
    const MADE: Timestamp = Timestamp::from_micros(DAY + DAY / 2);
    static NO_TAGS: Tags = Vec::new();

    fn at_day(halves: i64) -> Timestamp {
        Timestamp::from_micros(halves * DAY / 2)
    }

    fn rule(expiration: Expiration) -> LifecycleRule {
        LifecycleRule {
            id: "r".to_owned(),
            enabled: true,
            expiration: Some(expiration),
            ..LifecycleRule::default()
        }
    }

    fn seen(key: &str) -> Seen<'_> {
        Seen { key, size: 10, tags: &NO_TAGS, modified: MADE, marker: false }
    }

    fn marker(key: &str) -> Seen<'_> {
        Seen { size: 0, marker: true, ..seen(key) }
    }

    const CURRENT: Place = Place::Current { lone: true };

    #[test]
    fn days_end_at_the_midnight_after_them() {
        let rules = [rule(Expiration::Days(1))];
        assert!(!is_due(&rules, &seen("a"), CURRENT, at_day(5), Day::REAL));
        assert!(is_due(&rules, &seen("a"), CURRENT, at_day(6), Day::REAL));
        let told = expiry(&rules, &seen("a")).unwrap();
        assert_eq!((told.at, told.rule.as_str()), (at_day(6), "r"));
        let rehearsal = Day::of_seconds(10);
        let later = |seconds: i64| Timestamp::from_micros(MADE.micros() + seconds * 1_000_000);
        assert!(!is_due(&rules, &seen("a"), CURRENT, later(9), rehearsal));
        assert!(is_due(&rules, &seen("a"), CURRENT, later(10), rehearsal));
    }

    #[test]
    fn the_rule_that_is_due_first_is_told() {
        let mut late = rule(Expiration::Days(30));
        late.id = "late".to_owned();
        let early = rule(Expiration::Date(3 * DAY));
        let told = expiry(&[late.clone(), early], &seen("a")).unwrap();
        assert_eq!((told.at, told.rule.as_str()), (at_day(6), "r"));
        late.enabled = false;
        assert_eq!(expiry(&[late.clone()], &seen("a")), None);
        assert!(!is_due(&[late], &seen("a"), CURRENT, at_day(999), Day::REAL));
    }

    #[test]
    fn a_filter_means_all_that_it_says() {
        let mut rule = rule(Expiration::Days(1));
        let tags = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
        rule.filter.prefix = Some("logs/".to_owned());
        rule.filter.tags = tags[..1].to_vec();
        (rule.filter.larger_than, rule.filter.smaller_than) = (Some(9), Some(11));
        let due = |seen: &Seen<'_>| is_due(&[rule.clone()], seen, CURRENT, at_day(99), Day::REAL);
        let good = Seen { tags: &tags, ..seen("logs/x") };
        assert!(due(&good));
        assert!(!due(&Seen { key: "log", ..good }));
        assert!(!due(&Seen { tags: &NO_TAGS, ..good }));
        assert!(!due(&Seen { size: 9, ..good }));
        assert!(!due(&Seen { size: 11, ..good }));
    }

    #[test]
    fn a_marker_goes_only_when_it_is_alone() {
        let lone = [rule(Expiration::LoneMarkers)];
        let among = Place::Current { lone: false };
        assert!(is_due(&lone, &marker("a"), CURRENT, MADE, Day::REAL));
        assert!(!is_due(&lone, &marker("a"), among, MADE, Day::REAL));
        assert!(!is_due(&lone, &seen("a"), CURRENT, MADE, Day::REAL));
        let days = [rule(Expiration::Days(1))];
        assert!(is_due(&days, &marker("a"), CURRENT, at_day(6), Day::REAL));
        assert!(!is_due(&days, &marker("a"), CURRENT, at_day(5), Day::REAL));
        assert!(!is_due(&days, &marker("a"), among, at_day(6), Day::REAL));
        assert_eq!(expiry(&days, &marker("a")), None);
    }

    #[test]
    fn versions_go_some_days_after_they_were_replaced_but_for_the_newest() {
        let mut rule = rule(Expiration::LoneMarkers);
        rule.expiration = None;
        rule.noncurrent = Some(Noncurrent { days: 1, keep: Some(2) });
        let due = |newer, halves| {
            let place = Place::Noncurrent { since: MADE, newer };
            is_due(&[rule.clone()], &seen("a"), place, at_day(halves), Day::REAL)
        };
        assert!(!due(0, 99) && !due(1, 99) && due(2, 99));
        assert!(!due(2, 5) && due(2, 6));
        assert!(!is_due(&[rule.clone()], &seen("a"), CURRENT, at_day(99), Day::REAL));
    }

    #[test]
    fn uploads_end_some_days_after_they_began() {
        let mut rule = rule(Expiration::Days(1));
        (rule.abort_uploads_after, rule.filter.prefix) = (Some(2), Some("a/".to_owned()));
        let due =
            |key, halves| upload_is_due(&[rule.clone()], key, MADE, at_day(halves), Day::REAL);
        assert!(!due("a/x", 7) && due("a/x", 8) && !due("b", 99));
    }

    #[test]
    fn rules_that_mean_nothing_are_refused_in_aws_s_words() {
        let words = |rule: LifecycleRule| check(&[rule]).unwrap_err().to_string();
        assert_eq!(check(&[]), Err(LifecycleFault::Schema));
        let twice = vec![rule(Expiration::Days(1)); 2];
        assert_eq!(
            check(&twice).unwrap_err().to_string(),
            "Rule ID must be unique. Found same ID for more than one rule"
        );
        assert_eq!(
            words(rule(Expiration::Days(0))),
            "'Days' for Expiration action must be a positive integer"
        );
        assert_eq!(words(rule(Expiration::Date(DAY + 1))), "'Date' must be at midnight GMT");
        let changed = |change: fn(&mut LifecycleRule)| {
            let mut rule = rule(Expiration::LoneMarkers);
            change(&mut rule);
            check(&[rule])
        };
        let request = |change| matches!(changed(change), Err(LifecycleFault::Request(_)));
        let argument = |change| matches!(changed(change), Err(LifecycleFault::Argument(_)));
        assert_eq!(changed(|_| {}), Ok(()));
        assert!(argument(|rule| rule.id = "i".repeat(256)));
        assert!(request(|rule| rule.expiration = None));
        assert!(request(|rule| rule.filter.tags.push(("a".to_owned(), String::new()))));
        assert!(request(|rule| rule.filter.prefix = Some("p".repeat(1_025))));
        assert!(argument(|rule| rule.noncurrent = Some(Noncurrent { days: 0, keep: None })));
        assert!(argument(|rule| rule.noncurrent = Some(Noncurrent { days: 1, keep: Some(101) })));
        assert!(argument(|rule| rule.abort_uploads_after = Some(0)));
        assert!(request(|rule| {
            rule.expiration = Some(Expiration::Days(1));
            (rule.filter.larger_than, rule.filter.smaller_than) = (Some(5), Some(5));
        }));
        assert!(request(|rule| {
            (rule.expiration, rule.abort_uploads_after) = (None, Some(1));
            rule.filter.larger_than = Some(5);
        }));
    }

    #[test]
    fn a_look_is_as_narrow_as_the_rules_together() {
        let prefix = |prefixes: &[&str]| {
            let rules: Vec<LifecycleRule> = prefixes
                .iter()
                .map(|prefix| {
                    let mut rule = rule(Expiration::Days(1));
                    rule.filter.prefix = Some((*prefix).to_owned());
                    rule
                })
                .collect();
            prefix_of_all(&rules).to_owned()
        };
        assert_eq!(prefix(&["logs/a", "logs/b"]), "logs/");
        assert_eq!(prefix(&["logs/", "log"]), "log");
        assert_eq!(prefix(&["ü1", "ü2"]), "ü");
        assert_eq!(prefix(&["é", "ü"]), "");
        assert_eq!(prefix(&["a"]), "a");
        assert_eq!(prefix(&["a", ""]), "");
        assert_eq!(prefix(&[]), "");
    }

    proptest! {
        #[test]
        fn what_is_due_stays_due(days in 1..4_000, made in 0..2_000_000_000_i64, now in 0..4_000_000_000_i64, later in 0..1_000_000_i64) {
            let rules = [rule(Expiration::Days(days))];
            let micros = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
            let object = Seen { modified: micros(made), ..seen("a") };
            let due = |at| is_due(&rules, &object, CURRENT, micros(at), Day::REAL);
            prop_assert!(!due(now) || due(now + later));
            prop_assert!(!due(made + i64::from(days) * 86_400 - 1));
            prop_assert!(due(made + i64::from(days + 1) * 86_400));
        }
    }
}
