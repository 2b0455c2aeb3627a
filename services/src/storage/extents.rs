//! Where the bytes of a range lie.

use bytes::Bytes;
use platform::objects::index::{Content, Extent};

/// The part of the content from `offset` on, `len` bytes long. What lies beyond the end is not
/// there.
pub(super) fn slice(content: &Content, offset: u64, len: u64) -> Content {
    match content {
        Content::Inline(bytes) => Content::Inline(slice_bytes(bytes, offset, len)),
        Content::Extents(extents) => Content::Extents(slice_extents(extents, offset, len)),
    }
}

fn slice_bytes(bytes: &Bytes, offset: u64, len: u64) -> Bytes {
    let within = |position: u64| {
        usize::try_from(position).map_or(bytes.len(), |position| position.min(bytes.len()))
    };
    bytes.slice(within(offset)..within(offset.saturating_add(len)))
}

fn slice_extents(extents: &[Extent], offset: u64, len: u64) -> Vec<Extent> {
    let end = offset.saturating_add(len);
    let mut begins = 0;
    let mut found = Vec::new();
    for extent in extents {
        let (from, to) = (offset.max(begins), end.min(begins + extent.len));
        if from < to {
            let offset = extent.offset + (from - begins);
            found.push(Extent { offset, len: to - from, ..*extent });
        }
        begins += extent.len;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::Id;

    use super::*;

    /// Every byte that an extent stands for: its blob and its place there.
    fn places(extents: &[Extent]) -> Vec<(Id, u64)> {
        extents
            .iter()
            .flat_map(|extent| (0..extent.len).map(|n| (extent.blob, extent.offset + n)))
            .collect()
    }

    proptest! {
        #[test]
        fn a_slice_stands_for_the_same_bytes(
            shapes in prop::collection::vec((0..9_u64, 0..9_u64), 0..6),
            offset in 0..60_usize,
            len in 0..60_usize,
        ) {
            let extents: Vec<Extent> = (0..)
                .zip(shapes)
                .map(|(n, (offset, len))| Extent {
                    blob: Id::from_bits(n),
                    offset,
                    len,
                    sum: None,
                })
                .collect();
            let whole = places(&extents);
            let expected: Vec<_> = whole.iter().skip(offset).take(len).copied().collect();
            let found = slice_extents(&extents, offset as u64, len as u64);
            prop_assert!(found.iter().all(|extent| extent.len > 0));
            prop_assert_eq!(places(&found), expected);
        }

        #[test]
        fn a_slice_of_bytes_stays_inside(bytes: Vec<u8>, offset: u64, len: u64) {
            let expected: Vec<u8> = bytes
                .iter()
                .skip(usize::try_from(offset).unwrap())
                .take(usize::try_from(len).unwrap())
                .copied()
                .collect();
            prop_assert_eq!(slice_bytes(&bytes.into(), offset, len), expected);
        }
    }
}
