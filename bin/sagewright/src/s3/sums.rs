//! What a server says of an object's bytes, and whether it is so.
//!
//! Checksums of the CRC family are put together from those of ranges, so a download in parallel is
//! checked as it comes; the others ask for a second look at the whole file.

use std::{fs::File, io::Read};

use anyhow::{Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use crc_fast::{CrcAlgorithm, checksum_combine};
use http::HeaderMap;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// How much of a file is hashed at once, bytes.
const BLOCK: usize = 1 << 20;

const CRCS: [(&str, CrcAlgorithm); 3] = [
    ("x-amz-checksum-crc64nvme", CrcAlgorithm::Crc64Nvme),
    ("x-amz-checksum-crc32c", CrcAlgorithm::Crc32Iscsi),
    ("x-amz-checksum-crc32", CrcAlgorithm::Crc32IsoHdlc),
];

/// What is known of an object's bytes.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// A checksum that is put together.
    Crc(CrcAlgorithm, String),
    /// One that is not: base64 text.
    Sha256(String),
    /// The same.
    Sha1(String),
    /// Hexadecimal: an ETag.
    Md5(String),
    /// Their number alone.
    Length,
}

impl Known {
    /// What the headers of a HEAD say.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // A checksum of checksums says nothing of the bytes without the sizes of the parts.
        let whole = |name| text(name).filter(|value| !value.contains('-')).map(str::to_owned);
        if let Some(known) = CRCS.iter().find_map(|(name, crc)| Some(Self::Crc(*crc, whole(name)?)))
        {
            return known;
        }
        let sha256 = || whole("x-amz-checksum-sha256").map(Self::Sha256);
        let sha1 = || whole("x-amz-checksum-sha1").map(Self::Sha1);
        sha256().or_else(sha1).or_else(|| md5(headers)).unwrap_or(Self::Length)
    }

    /// What the ranges are summed by, where that says something.
    pub fn crc(&self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc(algorithm, _) => Some(*algorithm),
            Self::Sha256(_) | Self::Sha1(_) | Self::Md5(_) | Self::Length => None,
        }
    }

    /// Checks a file; `sums` are its ranges in order, by [`Self::crc`].
    pub fn check(&self, file: &mut File, sums: &[Sum]) -> Result<()> {
        let (told, found) = match self {
            Self::Crc(algorithm, told) => (told, text(*algorithm, together(*algorithm, sums))),
            Self::Sha256(told) => (told, BASE64.encode(hashed::<Sha256>(file)?)),
            Self::Sha1(told) => (told, BASE64.encode(hashed::<Sha1>(file)?)),
            Self::Md5(told) => (told, hex::encode(hashed::<Md5>(file)?)),
            Self::Length => return Ok(()),
        };
        if *told != found {
            bail!("what came is not what is stored: its checksum is {found}, and should be {told}");
        }
        Ok(())
    }
}

/// An ETag that is the MD5 of the bytes: no parts, and no key of somebody else's.
fn md5(headers: &HeaderMap) -> Option<Known> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let plain = text("x-amz-server-side-encryption").is_none_or(|it| it == "AES256")
        && text("x-amz-server-side-encryption-customer-algorithm").is_none();
    let etag = text("etag")?.trim_matches('"');
    let digits = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    (plain && digits).then(|| Known::Md5(etag.to_owned()))
}

fn hashed<D: Digest>(file: &mut File) -> Result<Vec<u8>> {
    let (mut digest, mut block) = (D::new(), vec![0; BLOCK]);
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(digest.finalize().to_vec());
        }
        digest.update(&block[..read]);
    }
}

/// A range's checksum.
#[derive(Clone, Copy)]
pub struct Sum {
    value: u64,
    len: u64,
}

impl Sum {
    /// That of these bytes.
    pub fn of(algorithm: CrcAlgorithm, bytes: &[u8]) -> Self {
        Self { value: crc_fast::checksum(algorithm, bytes), len: bytes.len() as u64 }
    }
}

/// The checksum of ranges one after the other.
pub fn together(algorithm: CrcAlgorithm, sums: &[Sum]) -> u64 {
    let Some((first, rest)) = sums.split_first() else {
        return crc_fast::checksum(algorithm, &[]);
    };
    let join = |value, sum: &Sum| checksum_combine(algorithm, value, sum.value, sum.len);
    rest.iter().fold(first.value, join)
}

/// A checksum as headers carry it.
pub fn text(algorithm: CrcAlgorithm, value: u64) -> String {
    let bytes = value.to_be_bytes();
    BASE64.encode(if algorithm == CrcAlgorithm::Crc64Nvme { &bytes[..] } else { &bytes[4..] })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn known(headers: &[(&'static str, &'static str)]) -> Known {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Known::of(&headers.iter().map(header).collect())
    }

    #[test]
    fn the_best_that_is_told_of_the_whole_is_checked() {
        let etag = ("etag", "\"5d41402abc4b2a76b9719d911017c592\"");
        let crc = ("x-amz-checksum-crc32", "NhCmhg==");
        assert_eq!(known(&[etag, crc]).crc(), Some(CrcAlgorithm::Crc32IsoHdlc));
        assert!(matches!(known(&[etag]), Known::Md5(_)));
        assert_eq!(known(&[("etag", "\"5d41402abc4b2a76b9719d911017c592-2\"")]), Known::Length);
        assert_eq!(known(&[("x-amz-checksum-sha256", "abc-2")]), Known::Length);
        assert_eq!(known(&[etag, ("x-amz-server-side-encryption", "aws:kms")]), Known::Length);
    }

    #[test]
    fn each_checksum_tells_right_bytes_from_wrong_ones() {
        let header = [
            ("x-amz-checksum-crc32", "NhCmhg=="),
            ("x-amz-checksum-crc32c", "mnG7TA=="),
            ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
            ("x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
            ("etag", "5d41402abc4b2a76b9719d911017c592"),
        ];
        for header in header {
            let check = |bytes: &[u8]| {
                let known = known(&[header]);
                let sums: Vec<_> = known.crc().map(|crc| Sum::of(crc, bytes)).into_iter().collect();
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(bytes).unwrap();
                std::io::Seek::rewind(&mut file).unwrap();
                known.check(&mut file, &sums)
            };
            assert!(check(b"hello").is_ok(), "{header:?}");
            assert!(check(b"hellp").is_err(), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn ranges_have_the_checksum_of_the_whole(bytes: Vec<u8>, cuts in proptest::collection::vec(1_usize..9, 1..9)) {
            for (_, crc) in CRCS {
                let (mut rest, mut sums) = (&bytes[..], Vec::new());
                for cut in cuts.iter().cycle() {
                    if rest.is_empty() { break; }
                    let (range, more) = rest.split_at(rest.len().min(*cut));
                    sums.push(Sum::of(crc, range));
                    rest = more;
                }
                prop_assert_eq!(together(crc, &sums), crc_fast::checksum(crc, &bytes));
            }
        }
    }
}
