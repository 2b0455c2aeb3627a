//! Tags of objects.

use platform::objects::{ObjectName, Tags};
use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
};

use super::{
    Desk,
    ask::Ask,
    convert,
    errors::Refused,
    rights::Right,
    settings::tagging::{read, written},
    sub_resources,
};

/// The tags that an upload or a copy brings in `x-amz-tagging`, written as a query; by name, for a
/// query's order means nothing.
pub(super) fn of_header(ask: &Ask) -> Result<Tags, Refused> {
    ask.facts.said("x-amz-tagging").map_or(Ok(Tags::new()), |text| parse(&text))
}

fn parse(text: &str) -> Result<Tags, Refused> {
    let members = text.split('&').filter(|member| !member.is_empty());
    let mut tags = members.map(pair).collect::<Result<Tags, _>>()?;
    tags.sort();
    let twice = tags.windows(2).any(|pair| pair[0].0 == pair[1].0);
    if twice { Err(malformed()) } else { Ok(tags) }
}

fn pair(member: &str) -> Result<(String, String), Refused> {
    let (name, value) = member.split_once('=').unwrap_or((member, ""));
    let decoded = |text| sub_resources::decoded(text).map_err(|_| malformed());
    Ok((decoded(name)?, decoded(value)?))
}

fn malformed() -> Refused {
    Refused::argument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters \
         without tag name duplicates.",
    )
    .with("ArgumentName", "x-amz-tagging")
}

/// How many tags there are, told only where there are any.
pub(super) fn count(tags: &Tags) -> Option<i32> {
    (!tags.is_empty()).then(|| convert::count(tags.len()))
}

impl Desk {
    pub(super) async fn get_object_tagging(
        &self,
        input: GetObjectTaggingInput,
        ask: &Ask,
    ) -> Result<GetObjectTaggingOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let right = Right::of_object("s3:GetObjectTagging", name.bucket, name.key)
            .of_version("s3:GetObjectVersionTagging", name.version);
        let owner = self.allow_right(ask, &right).await?;
        let info = match self.objects.describe(&owner, name).await {
            Ok(info) => info,
            Err(error) => return Err(self.missing(ask, name, error.into()).await),
        };
        Ok(GetObjectTaggingOutput {
            tag_set: written(info.tags),
            version_id: convert::told(info.version),
        })
    }

    pub(super) async fn put_object_tagging(
        &self,
        input: PutObjectTaggingInput,
        ask: &Ask,
    ) -> Result<PutObjectTaggingOutput, Refused> {
        let tags = read(input.tagging.tag_set)?;
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let right = Right::of_object("s3:PutObjectTagging", name.bucket, name.key)
            .of_version("s3:PutObjectVersionTagging", name.version)
            .with_tags(&tags);
        let version = self.set_tags(ask, &right, name, tags.clone()).await?;
        Ok(PutObjectTaggingOutput { version_id: version })
    }

    pub(super) async fn delete_object_tagging(
        &self,
        input: DeleteObjectTaggingInput,
        ask: &Ask,
    ) -> Result<DeleteObjectTaggingOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let right = Right::of_object("s3:DeleteObjectTagging", name.bucket, name.key)
            .of_version("s3:DeleteObjectVersionTagging", name.version);
        let version = self.set_tags(ask, &right, name, Tags::new()).await?;
        Ok(DeleteObjectTaggingOutput { version_id: version })
    }

    async fn set_tags(
        &self,
        ask: &Ask,
        right: &Right<'_>,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<String>, Refused> {
        let owner = self.allow_right(ask, right).await?;
        match self.objects.set_tags(&owner, name, tags).await {
            Ok(version) => Ok(convert::told(version)),
            Err(error) => Err(self.missing(ask, name, error.into()).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_read_as_a_query() {
        let tags = parse("f&b%20c=x%2By&d+e=&a=1").unwrap();
        let pairs: Vec<(&str, &str)> =
            tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("b c", "x+y"), ("d e", ""), ("f", "")]);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        for text in ["a=1&a=2", "a=1&%61=2", "a=%ff"] {
            assert_eq!(parse(text).unwrap_err().code, "InvalidArgument", "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[ -~]{0,60}") {
            drop(parse(&text));
        }
    }
}
