//! The checksums of S3: what they are called, how they are computed and put together.
//!
//! An object of parts has either the checksum of its parts' checksums (*composite*, ends in `-N`)
//! or that of all its bytes (*full object*), which only CRCs allow, for only they can be put
//! together from those of the parts.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, checksum_combine};
use md5::{Digest as _, Md5};
use platform::objects::{Checksums, ObjectError, UploadedPart};
use sha1::Sha1;
use sha2::Sha256;

/// An algorithm that clients may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As [`Checksums::algorithm`] spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Crc32 => Kind::Crc(CrcAlgorithm::Crc32IsoHdlc, 4),
            Self::Crc32c => Kind::Crc(CrcAlgorithm::Crc32Iscsi, 4),
            Self::Crc64Nvme => Kind::Crc(CrcAlgorithm::Crc64Nvme, 8),
            Self::Sha1 => Kind::Sha1,
            Self::Sha256 => Kind::Sha256,
        }
    }

    /// The algorithm that was asked for, if any was.
    pub(super) fn asked(checksums: &Checksums) -> Result<Option<Self>, ObjectError> {
        checksums.algorithm.as_deref().map(str::parse).transpose()
    }
}

impl FromStr for Algorithm {
    type Err = ObjectError;

    fn from_str(name: &str) -> Result<Self, ObjectError> {
        let known = Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            let what = format!("The checksum algorithm {name} is not known here; use {known}.");
            ObjectError::InvalidArgument(what)
        })
    }
}

/// How an algorithm computes.
enum Kind {
    /// Which CRC, and the bytes it has.
    Crc(CrcAlgorithm, usize),
    Sha1,
    Sha256,
}

/// Computes one checksum.
enum Sum {
    Crc(crc_fast::Digest, usize),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Sum {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm.kind() {
            Kind::Crc(crc, width) => Self::Crc(crc_fast::Digest::new(crc), width),
            Kind::Sha1 => Self::Sha1(Sha1::new()),
            Kind::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(sum, _) => sum.update(bytes),
            Self::Sha1(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
        }
    }

    fn base64(self) -> String {
        match self {
            Self::Crc(sum, width) => crc_base64(sum.finalize(), width),
            Self::Sha1(sum) => STANDARD.encode(sum.finalize()),
            Self::Sha256(sum) => STANDARD.encode(sum.finalize()),
        }
    }
}

/// A CRC on the wire: its bytes, the highest first.
fn crc_base64(crc: u64, width: usize) -> String {
    STANDARD.encode(&crc.to_be_bytes()[8 - width..])
}

/// All that is computed of a body as it passes: its MD5, which is its ETag or what that is made of,
/// a checksum, and the SHA-256 of a body that was signed with it.
pub(super) struct Hashes {
    md5: Md5,
    sum: Option<(Algorithm, Sum)>,
    signed: Option<Sha256>,
}

/// What was computed of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    /// Sixteen bytes.
    pub(super) md5: Vec<u8>,
    /// The checksum that was asked for.
    pub(super) checksums: Checksums,
    /// Lower-case hexadecimal, where the body was signed with it.
    pub(super) signed: Option<String>,
}

impl Hashes {
    fn new(algorithm: Option<Algorithm>, signed: bool) -> Self {
        let sum = algorithm.map(|algorithm| (algorithm, Sum::new(algorithm)));
        Self { md5: Md5::new(), sum, signed: signed.then(Sha256::new) }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        if let Some((_, sum)) = &mut self.sum {
            sum.update(bytes);
        }
        if let Some(signed) = &mut self.signed {
            signed.update(bytes);
        }
    }

    pub(super) fn finish(self) -> Digests {
        let checksums = self.sum.map(|(algorithm, sum)| known(algorithm, sum.base64()));
        Digests {
            md5: self.md5.finalize().to_vec(),
            checksums: checksums.unwrap_or_default(),
            signed: self.signed.map(|signed| hex::encode(signed.finalize())),
        }
    }
}

fn known(algorithm: Algorithm, value: String) -> Checksums {
    Checksums {
        algorithm: Some(algorithm.name().to_owned()),
        value: Some(value),
        full_object: true,
    }
}

/// What a sender promised of a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Promise {
    algorithm: Option<Algorithm>,
    value: Option<String>,
    md5: Option<Vec<u8>>,
    signed: Option<String>,
}

impl Promise {
    /// Reads what was sent; `algorithm` is what the upload asks for where the request does not.
    pub(super) fn new(
        checksums: &Checksums,
        algorithm: Option<Algorithm>,
        content_md5: Option<&str>,
    ) -> Result<Self, ObjectError> {
        let asked = Algorithm::asked(checksums)?;
        if let (Some(asked), Some(wanted)) = (asked, algorithm)
            && asked != wanted
        {
            return Err(ObjectError::InvalidArgument(format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                wanted.name(),
                asked.name()
            )));
        }
        let md5 = content_md5.map(md5_from).transpose()?;
        let value = checksums.value.clone();
        Ok(Self { algorithm: asked.or(algorithm), value, md5, signed: None })
    }

    /// With the SHA-256 that the body was signed with.
    pub(super) fn signed(self, signed: Option<String>) -> Self {
        Self { signed, ..self }
    }

    /// What must be computed to keep it.
    pub(super) fn hashes(&self) -> Hashes {
        Hashes::new(self.algorithm, self.signed.is_some())
    }

    /// Whether the body is what was promised.
    pub(super) fn check(&self, digests: &Digests) -> Result<(), ObjectError> {
        if self.signed != digests.signed {
            return Err(ObjectError::ContentHash);
        }
        if self.md5.as_ref().is_some_and(|md5| *md5 != digests.md5) {
            return Err(ObjectError::BadDigest("Content-MD5".to_owned()));
        }
        if let (Some(algorithm), Some(_)) = (self.algorithm, &self.value)
            && self.value != digests.checksums.value
        {
            return Err(ObjectError::BadDigest(algorithm.name().to_uppercase()));
        }
        Ok(())
    }
}

/// `Content-MD5`. What is no MD5 is refused before the body is read.
fn md5_from(text: &str) -> Result<Vec<u8>, ObjectError> {
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 16);
    bytes.ok_or_else(|| {
        ObjectError::InvalidArgument("The Content-MD5 you specified is not valid.".to_owned())
    })
}

/// Refuses a checksum that no object of parts can have.
pub(super) fn check_asked(asked: &Checksums) -> Result<(), ObjectError> {
    let algorithm = Algorithm::asked(asked)?;
    let impossible = matches!(algorithm, Some(Algorithm::Sha1 | Algorithm::Sha256));
    if asked.full_object && impossible {
        return Err(ObjectError::InvalidArgument(
            "The FULL_OBJECT checksum type cannot be used with the sha1 and sha256 checksum algorithms."
                .to_owned(),
        ));
    }
    Ok(())
}

/// The ETag of an object of parts: the MD5 of their MD5s, and how many they are.
pub(super) fn etag_of_parts(parts: &[UploadedPart]) -> Result<String, ObjectError> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(&part.etag).map_err(ObjectError::internal)?);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}

/// The checksum of an object of parts, where the upload asked for one and every part has it.
pub(super) fn of_parts(
    asked: &Checksums,
    parts: &[UploadedPart],
) -> Result<Checksums, ObjectError> {
    let Some(algorithm) = Algorithm::asked(asked)? else { return Ok(Checksums::default()) };
    let whole = asked.full_object || algorithm == Algorithm::Crc64Nvme;
    match algorithm.kind() {
        Kind::Crc(crc, width) if whole => Ok(known(algorithm, full_object(crc, width, parts)?)),
        Kind::Crc(..) | Kind::Sha1 | Kind::Sha256 => {
            let value = composite(algorithm, parts)?;
            Ok(Checksums { full_object: false, ..known(algorithm, value) })
        }
    }
}

fn composite(algorithm: Algorithm, parts: &[UploadedPart]) -> Result<String, ObjectError> {
    let mut sum = Sum::new(algorithm);
    for part in parts {
        sum.update(&raw(part)?);
    }
    Ok(format!("{}-{}", sum.base64(), parts.len()))
}

fn full_object(
    crc: CrcAlgorithm,
    width: usize,
    parts: &[UploadedPart],
) -> Result<String, ObjectError> {
    let mut whole = None;
    for part in parts {
        let raw = raw(part)?;
        let value = raw.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        whole = Some(whole.map_or(value, |sum| checksum_combine(crc, sum, value, part.size)));
    }
    Ok(crc_base64(whole.unwrap_or_default(), width))
}

/// The bytes of a part's checksum, which was computed when it came.
fn raw(part: &UploadedPart) -> Result<Vec<u8>, ObjectError> {
    let value = part.checksums.value.as_deref().unwrap_or_default();
    STANDARD.decode(value).map_err(ObjectError::internal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::Timestamp;

    use super::*;

    fn digests(algorithm: Algorithm, bytes: &[u8]) -> Digests {
        let mut hashes = Hashes::new(Some(algorithm), false);
        hashes.update(bytes);
        hashes.finish()
    }

    fn value(algorithm: Algorithm, bytes: &[u8]) -> String {
        digests(algorithm, bytes).checksums.value.unwrap()
    }

    fn part(number: u32, algorithm: Algorithm, bytes: &[u8]) -> UploadedPart {
        let Digests { md5, checksums, .. } = digests(algorithm, bytes);
        UploadedPart {
            number,
            size: bytes.len() as u64,
            etag: hex::encode(md5),
            modified: Timestamp::default(),
            checksums,
            encryption: None,
        }
    }

    #[test]
    fn checksums_are_those_of_the_catalogues() {
        // The check values of `123456789`, from the CRC catalogue and FIPS 180's test vectors.
        let text = b"123456789";
        assert_eq!(value(Algorithm::Crc32, text), STANDARD.encode([0xcb, 0xf4, 0x39, 0x26]));
        assert_eq!(value(Algorithm::Crc32c, text), STANDARD.encode([0xe3, 0x06, 0x92, 0x83]));
        let nvme = 0xae8b_1486_0a79_9888_u64.to_be_bytes();
        assert_eq!(value(Algorithm::Crc64Nvme, text), STANDARD.encode(nvme));
        assert_eq!(value(Algorithm::Sha1, b"abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        let sha256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        assert_eq!(value(Algorithm::Sha256, b"abc"), sha256);
        assert_eq!(
            hex::encode(digests(Algorithm::Crc32, b"").md5),
            "d41d8cd98f00b204e9800998ecf8427e"
        );
    }

    #[test]
    fn a_broken_promise_names_what_was_broken() {
        let checksums = known(Algorithm::Crc32, value(Algorithm::Crc32, b"abc"));
        let kept = Promise::new(&checksums, None, Some("kAFQmDzST7DWlj99KOF/cg==")).unwrap();
        assert!(kept.check(&digests(Algorithm::Crc32, b"abc")).is_ok());
        let broken = kept.check(&digests(Algorithm::Crc32, b"abd"));
        assert!(matches!(broken, Err(ObjectError::BadDigest(what)) if what == "Content-MD5"));
        let broken = Promise { md5: None, ..kept }.check(&digests(Algorithm::Crc32, b"abd"));
        assert!(matches!(broken, Err(ObjectError::BadDigest(what)) if what == "CRC32"));
        assert!(Promise::new(&Checksums::default(), None, Some("short")).is_err());
        assert!(Promise::new(&checksums, Some(Algorithm::Sha1), None).is_err());
    }

    #[test]
    fn a_composite_checksum_is_that_of_the_parts_checksums() {
        let parts = [part(1, Algorithm::Sha256, b"a"), part(2, Algorithm::Sha256, b"b")];
        let asked = Checksums { algorithm: Some("sha256".to_owned()), ..Checksums::default() };
        let whole = of_parts(&asked, &parts).unwrap();
        let both = [raw(&parts[0]).unwrap(), raw(&parts[1]).unwrap()].concat();
        assert_eq!(whole.value.unwrap(), format!("{}-2", value(Algorithm::Sha256, &both)));
        assert!(!whole.full_object);
        let md5s = [hex::decode(&parts[0].etag).unwrap(), hex::decode(&parts[1].etag).unwrap()];
        let etag = hex::encode(digests(Algorithm::Crc32, &md5s.concat()).md5);
        assert_eq!(etag_of_parts(&parts).unwrap(), format!("{etag}-2"));
    }

    proptest! {
        #[test]
        fn a_full_objects_crc_is_that_of_its_bytes(cut in prop::collection::vec(any::<Vec<u8>>(), 1..5)) {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let numbered = (1..).zip(&cut);
                let parts: Vec<UploadedPart> =
                    numbered.map(|(number, bytes)| part(number, algorithm, bytes)).collect();
                let asked = Checksums {
                    algorithm: Some(algorithm.name().to_owned()),
                    value: None,
                    full_object: true,
                };
                let whole = of_parts(&asked, &parts).unwrap();
                prop_assert_eq!(whole.value.unwrap(), value(algorithm, &cut.concat()));
            }
        }

        #[test]
        fn names_of_algorithms_are_read_in_any_case_and_nothing_else(name in ".{0,12}") {
            let known = Algorithm::ALL.iter().any(|a| a.name() == name.to_ascii_lowercase());
            prop_assert_eq!(name.parse::<Algorithm>().is_ok(), known);
        }
    }
}
