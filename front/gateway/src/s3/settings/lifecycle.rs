//! When objects go by themselves. Moving them to another storage class is refused: there is one.

use platform::objects::settings::{
    Expiration, FilterForm, LifecycleFilter, LifecycleRule, Noncurrent, SettingsChange,
};
use s3s::dto::{
    self, AbortIncompleteMultipartUpload, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
    ExpirationStatus, GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
    LifecycleExpiration, LifecycleRuleAndOperator, LifecycleRuleFilter,
    NoncurrentVersionExpiration, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput,
};
use types::{Id, Timestamp};

use super::tagging;
use crate::s3::{Desk, ask::Ask, convert, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_bucket_lifecycle_configuration(
        &self,
        input: GetBucketLifecycleConfigurationInput,
        ask: &Ask,
    ) -> Result<GetBucketLifecycleConfigurationOutput, Refused> {
        let settings = self.settings(ask, "s3:GetLifecycleConfiguration", &input.bucket).await?;
        if settings.lifecycle.is_empty() {
            return Err(Refused::missing(
                "NoSuchLifecycleConfiguration",
                "The lifecycle configuration does not exist",
            )
            .with("BucketName", input.bucket));
        }
        Ok(GetBucketLifecycleConfigurationOutput {
            rules: Some(settings.lifecycle.into_iter().map(written).collect()),
            transition_default_minimum_object_size: None,
        })
    }

    pub(in crate::s3) async fn put_bucket_lifecycle_configuration(
        &self,
        input: PutBucketLifecycleConfigurationInput,
        ask: &Ask,
    ) -> Result<PutBucketLifecycleConfigurationOutput, Refused> {
        let asked = input.lifecycle_configuration.ok_or_else(Refused::malformed)?;
        let rules = asked.rules.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if rules.is_empty() {
            return Err(Refused::malformed());
        }
        let change = SettingsChange::Lifecycle(rules);
        self.change(ask, "s3:PutLifecycleConfiguration", &input.bucket, change).await?;
        Ok(PutBucketLifecycleConfigurationOutput::default())
    }

    pub(in crate::s3) async fn delete_bucket_lifecycle(
        &self,
        input: DeleteBucketLifecycleInput,
        ask: &Ask,
    ) -> Result<DeleteBucketLifecycleOutput, Refused> {
        let change = SettingsChange::Lifecycle(Vec::new());
        self.change(ask, "s3:PutLifecycleConfiguration", &input.bucket, change).await?;
        Ok(DeleteBucketLifecycleOutput::default())
    }
}

fn read(rule: dto::LifecycleRule) -> Result<LifecycleRule, Refused> {
    let moves = rule.transitions.unwrap_or_default();
    if moves.iter().any(|it| it.date.clone().is_some_and(|date| !is_midnight(date))) {
        return Err(Refused::argument("'Date' must be at midnight GMT"));
    }
    if !moves.is_empty() || rule.noncurrent_version_transitions.is_some_and(|it| !it.is_empty()) {
        return Err(Refused::not_implemented("A transition to another storage class"));
    }
    let enabled = match rule.status.as_str() {
        ExpirationStatus::ENABLED => true,
        ExpirationStatus::DISABLED => false,
        _ => return Err(Refused::malformed()),
    };
    let id = rule.id.filter(|id| !id.is_empty());
    Ok(LifecycleRule {
        id: id.unwrap_or_else(|| Id::random().hyphenated()),
        enabled,
        filter: read_filter(rule.filter, rule.prefix)?,
        expiration: rule.expiration.map(read_expiration).transpose()?,
        noncurrent: rule.noncurrent_version_expiration.as_ref().map(read_noncurrent).transpose()?,
        abort_uploads_after: rule
            .abort_incomplete_multipart_upload
            .map(|abort| abort.days_after_initiation.ok_or_else(Refused::malformed))
            .transpose()?,
    })
}

fn is_midnight(date: dto::Timestamp) -> bool {
    time::OffsetDateTime::from(date).time() == time::Time::MIDNIGHT
}

fn read_expiration(expiration: LifecycleExpiration) -> Result<Expiration, Refused> {
    let LifecycleExpiration { date, days, expired_object_delete_marker: markers } = expiration;
    match (date, days, markers) {
        (Some(date), None, None) => {
            let at = convert::instant(date).ok_or_else(Refused::malformed)?;
            Ok(Expiration::Date(at.micros()))
        }
        (None, Some(days), None) => Ok(Expiration::Days(days)),
        (None, None, Some(true)) => Ok(Expiration::LoneMarkers),
        _ => Err(Refused::malformed()),
    }
}

fn read_noncurrent(noncurrent: &NoncurrentVersionExpiration) -> Result<Noncurrent, Refused> {
    let days = noncurrent.noncurrent_days.ok_or_else(Refused::malformed)?;
    Ok(Noncurrent { days, keep: noncurrent.newer_noncurrent_versions })
}

/// A rule says what it is about either in the old way or in the new one. Conditions that stand
/// beside each other without `And` are taken as if it were there.
fn read_filter(
    filter: Option<LifecycleRuleFilter>,
    legacy: Option<String>,
) -> Result<LifecycleFilter, Refused> {
    let filter = match (filter, legacy) {
        (Some(filter), None) => filter,
        (None, Some(prefix)) => {
            let (form, prefix) = (FilterForm::Legacy, Some(prefix));
            return Ok(LifecycleFilter { form, prefix, ..LifecycleFilter::default() });
        }
        (Some(_), Some(_)) | (None, None) => return Err(Refused::malformed()),
    };
    let several = filter.and.is_some() || conditions(&filter) > 1;
    let and = filter.and.unwrap_or_default();
    let mut tags: Vec<dto::Tag> = filter.tag.into_iter().collect();
    tags.extend(and.tags.unwrap_or_default());
    Ok(LifecycleFilter {
        form: if several { FilterForm::And } else { FilterForm::Single },
        prefix: and.prefix.or(filter.prefix),
        tags: tagging::read(tags)?,
        larger_than: and.object_size_greater_than.or(filter.object_size_greater_than),
        smaller_than: and.object_size_less_than.or(filter.object_size_less_than),
    })
}

fn conditions(filter: &LifecycleRuleFilter) -> usize {
    let there = [
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
    ];
    there.into_iter().filter(|there| *there).count()
}

fn written(rule: LifecycleRule) -> dto::LifecycleRule {
    let LifecycleRule { id, enabled, filter, expiration, noncurrent, abort_uploads_after } = rule;
    let status = if enabled { ExpirationStatus::ENABLED } else { ExpirationStatus::DISABLED };
    let (filter, prefix) = written_filter(filter);
    dto::LifecycleRule {
        abort_incomplete_multipart_upload: abort_uploads_after
            .map(|days| AbortIncompleteMultipartUpload { days_after_initiation: Some(days) }),
        expiration: expiration.map(written_expiration),
        filter,
        id: Some(id),
        noncurrent_version_expiration: noncurrent.map(|noncurrent| NoncurrentVersionExpiration {
            noncurrent_days: Some(noncurrent.days),
            newer_noncurrent_versions: noncurrent.keep,
        }),
        noncurrent_version_transitions: None,
        prefix,
        status: ExpirationStatus::from_static(status),
        transitions: None,
    }
}

fn written_expiration(expiration: Expiration) -> LifecycleExpiration {
    let mut written = LifecycleExpiration::default();
    match expiration {
        Expiration::Days(days) => written.days = Some(days),
        Expiration::Date(at) => written.date = Some(convert::moment(Timestamp::from_micros(at))),
        Expiration::LoneMarkers => written.expired_object_delete_marker = Some(true),
    }
    written
}

fn written_filter(filter: LifecycleFilter) -> (Option<LifecycleRuleFilter>, Option<String>) {
    let LifecycleFilter { form, prefix, tags, larger_than, smaller_than } = filter;
    let mut tags = tagging::written(tags);
    match form {
        FilterForm::Legacy => (None, prefix),
        FilterForm::Single => {
            let filter = LifecycleRuleFilter {
                and: None,
                object_size_greater_than: larger_than,
                object_size_less_than: smaller_than,
                prefix,
                tag: tags.pop(),
            };
            (Some(filter), None)
        }
        FilterForm::And => {
            let and = LifecycleRuleAndOperator {
                object_size_greater_than: larger_than,
                object_size_less_than: smaller_than,
                prefix,
                tags: (!tags.is_empty()).then_some(tags),
            };
            (Some(LifecycleRuleFilter { and: Some(and), ..Default::default() }), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(status: &'static str) -> dto::LifecycleRule {
        dto::LifecycleRule {
            abort_incomplete_multipart_upload: None,
            expiration: Some(LifecycleExpiration { days: Some(3), ..Default::default() }),
            filter: None,
            id: Some("r".to_owned()),
            noncurrent_version_expiration: None,
            noncurrent_version_transitions: None,
            prefix: Some("logs/".to_owned()),
            status: ExpirationStatus::from_static(status),
            transitions: None,
        }
    }

    fn tag(name: &str) -> dto::Tag {
        dto::Tag { key: Some(name.to_owned()), value: Some(String::new()) }
    }

    #[test]
    fn a_rule_is_read_back_as_it_was_written() {
        let legacy = rule(ExpirationStatus::ENABLED);
        let mut single = rule(ExpirationStatus::DISABLED);
        single.prefix = None;
        single.filter = Some(LifecycleRuleFilter { tag: Some(tag("a")), ..Default::default() });
        let mut several = single.clone();
        several.filter = Some(LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                prefix: Some("p".to_owned()),
                tags: Some(vec![tag("a"), tag("b")]),
                object_size_greater_than: Some(1),
                object_size_less_than: Some(9),
            }),
            ..Default::default()
        });
        let mut everything = single.clone();
        everything.filter = Some(LifecycleRuleFilter::default());
        let date = convert::moment(Timestamp::from_micros(86_400_000_000));
        everything.expiration =
            Some(LifecycleExpiration { date: Some(date), ..Default::default() });
        for rule in [legacy, single, several, everything] {
            assert_eq!(written(read(rule.clone()).unwrap()), rule);
        }
    }

    #[test]
    fn a_rule_without_a_name_gets_one() {
        for id in [None, Some(String::new())] {
            let rule = dto::LifecycleRule { id, ..rule(ExpirationStatus::ENABLED) };
            assert!(!read(rule).unwrap().id.is_empty());
        }
    }

    #[test]
    fn what_the_schema_does_not_allow_is_malformed() {
        let code = |change: fn(&mut dto::LifecycleRule)| {
            let mut rule = rule(ExpirationStatus::ENABLED);
            change(&mut rule);
            read(rule).unwrap_err().code
        };
        let malformed = "MalformedXML";
        assert_eq!(code(|it| it.status = ExpirationStatus::from_static("enabled")), malformed);
        assert_eq!(code(|it| it.prefix = None), malformed);
        assert_eq!(code(|it| it.filter = Some(LifecycleRuleFilter::default())), malformed);
        assert_eq!(code(|it| it.expiration = Some(LifecycleExpiration::default())), malformed);
        assert_eq!(
            code(|it| it.transitions = Some(vec![dto::Transition::default()])),
            "NotImplemented"
        );
    }
}
