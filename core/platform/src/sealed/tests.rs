//! Whatever the lengths and ranges: the same bytes come back, or an error, and never others.

use std::io::{Read, Write};

use proptest::prelude::*;
use types::Id;

use super::*;

fn key(blob: u128) -> BlobKey {
    Secret::from_bytes([5; KEY_BYTES]).of_blob(Id::from_bits(blob))
}

/// Bytes of which no two blocks are alike.
fn plain(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from((n * 7 + n / 253 + n / 65_521) % 256).unwrap()).collect()
}

/// Sealed as they come in, in pieces of these sizes over and over, taken out now and then.
fn seal(bytes: &[u8], pieces: &[usize]) -> Vec<u8> {
    let mut sealer = Sealer::new(key(1));
    let (mut ciphertext, mut rest) = (Vec::new(), bytes);
    for (at, piece) in pieces.iter().cycle().enumerate() {
        let (now, later) = rest.split_at(rest.len().min(*piece));
        sealer.add(now).unwrap();
        if at % 3 == 0 {
            ciphertext.extend(sealer.take());
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    ciphertext.extend(sealer.finish().unwrap());
    ciphertext
}

fn in_memory(sealed: &[u8]) -> Sealed {
    Sealed::new(Ciphertext::Memory(Bytes::copy_from_slice(sealed)), key(1))
}

/// The same in the middle of a file.
fn in_file(sealed: &[u8]) -> Sealed {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before").unwrap();
    file.write_all(sealed).unwrap();
    file.write_all(b"after").unwrap();
    let len = sealed.len() as u64;
    Sealed::new(Ciphertext::File { file: Arc::new(file), start: 6, len }, key(1))
}

fn range(len: usize) -> impl Strategy<Value = (u64, u64)> {
    (0..=len, 0..=len)
        .prop_map(|(one, other)| (one.min(other) as u64, (one.max(other) - one.min(other)) as u64))
}

/// Lengths around those of blocks.
fn length() -> impl Strategy<Value = usize> {
    (0..5_usize, -2..=2_isize, 0..BLOCK).prop_map(|(blocks, near, any)| {
        if near == 0 { blocks * any } else { (blocks * BLOCK).saturating_add_signed(near) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_sealed_is_read_in_any_range_and_never_lies_plain(
        (len, (offset, count)) in length().prop_flat_map(|len| (Just(len), range(len))),
        pieces in prop::collection::vec(1..200_000_usize, 1..4),
    ) {
        let bytes = plain(len);
        let sealed = seal(&bytes, &pieces);
        prop_assert_eq!(sealed.len() as u64, sealed_len(len as u64));
        prop_assert!(bytes.len() < 16 || !sealed.windows(16).any(|window| window == &bytes[..16]));
        let (from, to) = (usize::try_from(offset).unwrap(), usize::try_from(offset + count).unwrap());
        for sealed in [in_memory(&sealed), in_file(&sealed)] {
            prop_assert!(sealed.read(offset, count).unwrap() == bytes[from..to]);
            let mut read = Vec::new();
            SealedReader::new(sealed, offset, count).read_to_end(&mut read).unwrap();
            prop_assert!(read == bytes[from..to]);
        }
    }

    #[test]
    fn a_changed_bit_is_an_error(len in 1..3 * BLOCK, place: prop::sample::Index, bit in 0..8_u32) {
        let mut sealed = seal(&plain(len), &[len]);
        let place = place.index(sealed.len());
        sealed[place] ^= 1 << bit;
        prop_assert!(in_memory(&sealed).read(0, len as u64).is_err());
        // Blocks that were not touched are read as before.
        let clean = if place < SEALED_BLOCK { BLOCK..len.max(BLOCK) } else { 0..BLOCK };
        prop_assert!(in_memory(&sealed).read(clean.start as u64, clean.len() as u64).is_ok());
    }

    #[test]
    fn what_was_cut_short_is_an_error(len in 1..3 * BLOCK, left: prop::sample::Index) {
        let sealed = seal(&plain(len), &[len]);
        let cut = &sealed[..left.index(sealed.len())];
        prop_assert!(in_memory(cut).read(0, len as u64).is_err());
        prop_assert!(in_file(cut).read(0, len as u64).is_err());
    }
}

#[test]
fn blocks_that_changed_places_are_an_error() {
    let mut sealed = seal(&plain(2 * BLOCK), &[BLOCK]);
    sealed.rotate_left(SEALED_BLOCK);
    assert!(in_memory(&sealed).read(0, BLOCK as u64).is_err());
    assert!(in_memory(&sealed).read(BLOCK as u64, BLOCK as u64).is_err());
}

#[test]
fn a_blob_that_stands_in_anothers_place_is_an_error() {
    let sealed = Bytes::from(seal(&plain(100), &[100]));
    let read = |blob| Sealed::new(Ciphertext::Memory(sealed.clone()), key(blob)).read(0, 100);
    assert!(read(1).is_ok());
    assert_eq!(read(2).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_range_beyond_the_end_is_an_error_and_not_a_panic() {
    let sealed = in_file(&seal(&plain(BLOCK + 5), &[BLOCK]));
    let (whole, far) = (BLOCK as u64 + 5, u64::MAX);
    for (offset, len) in [(0, whole + 1), (whole, 1), (far, 0), (far, far), (0, far), (far - 1, 1)]
    {
        assert!(sealed.read(offset, len).is_err(), "{offset} {len}");
    }
    assert!(sealed.read(whole, 0).unwrap().is_empty());
}
