//! The checksums that clients send with a body.
//!
//! The port names them in lower case, AWS's messages in upper case.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What the names of checksum headers and trailers begin with.
pub(super) const HEADER_PREFIX: &str = "x-amz-checksum-";

/// Bytes of an MD5.
const MD5_LEN: usize = 16;

/// A checksum's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] =
        [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As the port names it, and as headers end in it.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// As AWS's documents and messages name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that name, in any case.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id().eq_ignore_ascii_case(name))
    }

    /// The algorithm of a header or trailer.
    pub(super) fn of_header(header: &str) -> Option<Self> {
        header.strip_prefix(HEADER_PREFIX).and_then(Self::of)
    }

    /// Whether `value` is base64 text of a checksum's length.
    pub(super) fn fits(self, value: &str) -> bool {
        let len = match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        };
        is_base64_of(value, len)
    }
}

/// Whether `value` is base64 text of an MD5.
pub(super) fn is_md5(value: &str) -> bool {
    is_base64_of(value, MD5_LEN)
}

fn is_base64_of(value: &str, len: usize) -> bool {
    BASE64.decode(value).is_ok_and(|bytes| bytes.len() == len)
}

/// A checksum on its way.
pub(super) enum Hasher {
    Crc32(crc_fast::Digest),
    Crc64(crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
    Md5(Md5),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc)),
            Algorithm::Crc32c => Self::Crc32(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi)),
            Algorithm::Crc64Nvme => Self::Crc64(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme)),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn md5() -> Self {
        Self::Md5(Md5::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(digest) | Self::Crc64(digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
            Self::Md5(digest) => digest.update(bytes),
        }
    }

    /// The checksum as base64 text, most significant byte first.
    pub(super) fn finish(self) -> String {
        match self {
            // A CRC-32 stands in the low half.
            Self::Crc32(digest) => BASE64.encode(&digest.finalize().to_be_bytes()[4..]),
            Self::Crc64(digest) => BASE64.encode(digest.finalize().to_be_bytes()),
            Self::Sha1(digest) => BASE64.encode(digest.finalize()),
            Self::Sha256(digest) => BASE64.encode(digest.finalize()),
            Self::Md5(digest) => BASE64.encode(digest.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `printf 123456789`, the check input of the CRC catalogues.
    #[test]
    fn checksums_are_those_of_the_catalogues() {
        let sums = [
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (Algorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ];
        for (algorithm, sum) in sums {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"1234");
            hasher.update(b"56789");
            assert_eq!(hasher.finish(), sum, "{algorithm:?}");
            assert!(algorithm.fits(sum));
            assert!(!algorithm.fits("AA=="));
        }
    }

    #[test]
    fn an_algorithm_is_found_by_header_and_by_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of(algorithm.name()), Some(algorithm));
            let header = format!("{HEADER_PREFIX}{}", algorithm.id());
            assert_eq!(Algorithm::of_header(&header), Some(algorithm));
        }
        assert_eq!(Algorithm::of_header("x-amz-checksum-mode"), None);
    }
}
