//! GetObjectAttributes: what is known of an object, member by member, and its parts by the page.

use platform::objects::{Checksums, ObjectInfo, ObjectPart};
use s3s::dto::{
    GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts,
    ObjectPart as ListedPart, StorageClass,
};

use super::{
    Desk,
    ask::Ask,
    convert::{self, summed},
    errors::Refused,
    rights::Right,
};

/// The most parts that are told of in one answer (AWS).
const PARTS_PAGE: usize = 1_000;

impl Desk {
    pub(super) async fn get_object_attributes(
        &self,
        input: GetObjectAttributesInput,
        ask: &Ask,
    ) -> Result<GetObjectAttributesOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let right = Right::of_object("s3:GetObjectAttributes", name.bucket, name.key)
            .of_version("s3:GetObjectVersionAttributes", name.version);
        self.allow_right(ask, &right).await?;
        let owner = &self.allow_get(ask, name).await?;
        let info = match self.info(owner, name, &ask.conditions, ask).await {
            Ok(info) => info,
            Err(refused) => return Err(self.missing(ask, name, refused).await),
        };
        let page = Parts {
            after: u32::try_from(input.part_number_marker.unwrap_or(0)).unwrap_or(0),
            limit: convert::limit(input.max_parts, PARTS_PAGE, "max-parts")?,
        };
        // The header is one list, which `s3s` takes for one name.
        let names = input.object_attributes.iter().flat_map(|list| list.as_str().split(','));
        let mut output = GetObjectAttributesOutput {
            last_modified: Some(convert::moment(info.modified)),
            version_id: convert::told(info.version),
            ..Default::default()
        };
        for name in names {
            attribute(&mut output, name.trim(), &info, page)?;
        }
        Ok(output)
    }
}

/// Which of an object's parts to tell of.
#[derive(Clone, Copy)]
struct Parts {
    after: u32,
    limit: usize,
}

fn attribute(
    output: &mut GetObjectAttributesOutput,
    name: &str,
    info: &ObjectInfo,
    page: Parts,
) -> Result<(), Refused> {
    match name {
        "ETag" => output.e_tag = Some(convert::etag(&info.etag)),
        "Checksum" if info.checksums.value.is_some() => {
            output.checksum = Some(convert::sums(&info.checksums));
        }
        "ObjectParts" if !info.parts.is_empty() => output.object_parts = Some(page.of(info)),
        "Checksum" | "ObjectParts" => {}
        "StorageClass" => {
            output.storage_class = Some(StorageClass::from_static(StorageClass::STANDARD));
        }
        "ObjectSize" => output.object_size = Some(convert::size(info.size)),
        _ => return Err(Refused::argument("Invalid attribute name specified.")),
    }
    Ok(())
}

impl Parts {
    fn of(self, info: &ObjectInfo) -> GetObjectAttributesParts {
        let number = |part: &ObjectPart| i32::try_from(part.number).unwrap_or(i32::MAX);
        let later = info.parts.iter().filter(|part| part.number > self.after);
        let page: Vec<&ObjectPart> = later.clone().take(self.limit).collect();
        let truncated = later.count() > page.len();
        let told = |part: &&ObjectPart| {
            let checksums = Checksums { value: part.checksum.clone(), ..info.checksums.clone() };
            summed!(ListedPart, &checksums, {
                part_number: Some(number(part)),
                size: Some(convert::size(part.size)),
            })
        };
        GetObjectAttributesParts {
            total_parts_count: Some(convert::count(info.parts.len())),
            is_truncated: Some(truncated),
            max_parts: Some(convert::count(self.limit)),
            part_number_marker: Some(i32::try_from(self.after).unwrap_or(i32::MAX)),
            next_part_number_marker: page.last().map(|part| number(part)),
            parts: Some(page.iter().map(told).collect()),
        }
    }
}
