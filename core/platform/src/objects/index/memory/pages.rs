//! Pages of the index in memory: every name is folded one by one, as a page is defined.

use super::{Found, Held, Row, told};
use crate::objects::{
    Acl, Kept, ListKeys, ListUploads, ListVersions, Listing, ObjectHeaders, ObjectInfo, Tags,
    Upload, UploadListing, Version, VersionListing, index::common_prefix,
};

/// Whether `key` comes after a mark. A mark that is a common prefix stands for all that fold
/// with it.
fn is_after(prefix: &str, delimiter: Option<&str>, mark: Option<&str>, key: &str) -> bool {
    let Some(mark) = mark else { return true };
    key > mark && common_prefix(prefix, delimiter, key).is_none_or(|common| common != mark)
}

/// A page of keys that stand for objects.
pub(super) fn of_keys(held: &Held, list: &ListKeys) -> Listing {
    let delimiter = list.delimiter.as_deref();
    let mut page = Listing::default();
    let newest = held.keys.values().filter_map(|rows| rows.first());
    for row in newest {
        let Found::Object(entry) = told(row, held.told(row)) else { continue };
        let key = entry.info.key.as_str();
        let folded = common_prefix(&list.prefix, delimiter, key);
        if !key.starts_with(&list.prefix)
            || !is_after(&list.prefix, delimiter, list.after.as_deref(), key)
            || (folded.is_some() && folded == page.prefixes.last().map(String::as_str))
        {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == list.limit {
            page.truncated = list.limit > 0;
            break;
        }
        page.last = Some(folded.unwrap_or(key).to_owned());
        match folded {
            Some(common) => page.prefixes.push(common.to_owned()),
            None => page.objects.push(ObjectInfo { tags: Tags::new(), ..brief(entry.info) }),
        }
    }
    page
}

fn brief(info: ObjectInfo) -> ObjectInfo {
    ObjectInfo {
        headers: ObjectHeaders::default(),
        parts: Vec::new(),
        acl: Acl::default(),
        encryption: None,
        ..info
    }
}

fn kept(held: &Held, row: &Row) -> Kept {
    match told(row, held.told(row)) {
        Found::Object(entry) => Kept::Object(Box::new(brief(entry.info))),
        Found::Marker(marker) => Kept::Marker(marker),
    }
}

/// Those of a key's versions that come after the mark.
fn rows_after<'a>(rows: &'a [Row], key: &str, list: &ListVersions) -> &'a [Row] {
    let Some((mark, version)) = &list.after else { return rows };
    if mark != key {
        let later = is_after(&list.prefix, list.delimiter.as_deref(), Some(mark.as_str()), key);
        return if later { rows } else { &[] };
    }
    let place = version.and_then(|version| rows.iter().position(|row| row.is(version)));
    place.map_or(&[], |place| &rows[place + 1..])
}

/// A page of versions.
pub(super) fn of_versions(held: &Held, list: &ListVersions) -> VersionListing {
    let mut page = VersionListing::default();
    for (key, rows) in &held.keys {
        let key = String::from_utf8_lossy(key);
        if !key.starts_with(&list.prefix) {
            continue;
        }
        let folded = common_prefix(&list.prefix, list.delimiter.as_deref(), &key);
        for row in rows_after(rows, &key, list) {
            if folded.is_some() && folded == page.prefixes.last().map(String::as_str) {
                continue;
            }
            if page.versions.len() + page.prefixes.len() == list.limit {
                page.truncated = list.limit > 0;
                return page;
            }
            if let Some(common) = folded {
                page.prefixes.push(common.to_owned());
                page.last = Some((common.to_owned(), None));
            } else {
                let current = rows.first().is_some_and(|newest| newest.number == row.number);
                page.versions.push((kept(held, row), current));
                let version: Version = row.version();
                page.last = Some((key.clone().into_owned(), Some(version)));
            }
        }
    }
    page
}

/// A page of uploads.
pub(super) fn of_uploads(mut uploads: Vec<Upload>, list: &ListUploads) -> UploadListing {
    uploads.sort_by(|a, b| (&a.key, a.created, &a.id).cmp(&(&b.key, b.created, &b.id)));
    let delimiter = list.delimiter.as_deref();
    let mut page = UploadListing::default();
    let mut passed = false;
    for upload in uploads {
        let key = upload.key.as_str();
        let folded = common_prefix(&list.prefix, delimiter, key);
        let behind = match &list.after {
            Some((mark, Some(id))) if mark == key && folded.is_none() => {
                let before = !passed;
                passed |= *id == upload.id;
                before
            }
            Some((mark, _)) => !is_after(&list.prefix, delimiter, Some(mark.as_str()), key),
            None => false,
        };
        if behind
            || !key.starts_with(&list.prefix)
            || (folded.is_some() && folded == page.prefixes.last().map(String::as_str))
        {
            continue;
        }
        if page.uploads.len() + page.prefixes.len() == list.limit {
            page.truncated = list.limit > 0;
            break;
        }
        if let Some(common) = folded {
            page.last = Some((common.to_owned(), None));
            page.prefixes.push(common.to_owned());
        } else {
            page.last = Some((key.to_owned(), Some(upload.id.clone())));
            page.uploads.push(upload);
        }
    }
    page
}
