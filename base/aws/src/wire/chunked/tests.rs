//! A sender of our own against the decoder, split and spoilt in every way.

use bytes::Bytes;
use proptest::prelude::*;

use super::{signatures::Chain, *};
use crate::wire::sigv4::{SigningKey, Verified};

const TRAILER: &str = "x-amz-checksum-crc32";

fn verified() -> Verified {
    Verified {
        seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".into(),
        key: SigningKey::derive(
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "20130524",
            "us-east-1",
            "s3",
        ),
        at: "20130524T000000Z".into(),
        scope: "20130524/us-east-1/s3/aws4_request".into(),
    }
}

fn frame(mode: Mode, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut chain = Chain::new(verified());
    let mut body = Vec::new();
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()).chain([&Vec::new()]) {
        body.extend_from_slice(format!("{:x}", chunk.len()).as_bytes());
        if mode != Mode::UnsignedTrailer {
            let signature = chain.next_chunk(chunk);
            body.extend_from_slice(format!(";chunk-signature={signature}").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        if !chunk.is_empty() {
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
    }
    if mode != Mode::Signed {
        body.extend_from_slice(format!("{TRAILER}:AAAAAA==\r\n").as_bytes());
    }
    if mode == Mode::SignedTrailer {
        let signature = chain.next_trailers(&format!("{TRAILER}:AAAAAA==\n"));
        body.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
    }
    body.extend_from_slice(b"\r\n");
    body
}

fn announced(mode: Mode) -> Vec<String> {
    if mode == Mode::Signed { Vec::new() } else { vec![TRAILER.to_owned()] }
}

fn decode(mode: Mode, parts: &[&[u8]], length: usize) -> Result<(Vec<u8>, Trailers), ChunkError> {
    let mut decoder = Decoder::new(mode, Some(verified()), length as u64, &announced(mode))?;
    let mut out = Vec::new();
    for part in parts {
        decoder.push(Bytes::copy_from_slice(part), &mut out)?;
    }
    Ok((out.concat(), decoder.finish()?))
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::UnsignedTrailer), Just(Mode::Signed), Just(Mode::SignedTrailer)]
}

fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5)
}

proptest! {
    #[test]
    fn however_a_body_is_split_its_contents_are_the_same(
        mode in modes(),
        chunks in bodies(),
        step in 1..50usize,
    ) {
        let (body, contents) = (frame(mode, &chunks), chunks.concat());
        let parts: Vec<&[u8]> = body.chunks(step).collect();
        let (got, trailers) = decode(mode, &parts, contents.len()).unwrap();
        prop_assert_eq!(got, contents);
        prop_assert_eq!(trailers.len(), announced(mode).len());
    }

    #[test]
    fn a_flipped_bit_of_a_signed_body_is_refused_or_changes_nothing(
        trailers in any::<bool>(),
        chunks in bodies(),
        place in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let mode = if trailers { Mode::SignedTrailer } else { Mode::Signed };
        let (mut body, contents) = (frame(mode, &chunks), chunks.concat());
        let right = decode(mode, &[&body], contents.len()).unwrap();
        *place.get_mut(&mut body) ^= 1 << bit;
        // The case of a size's digits or of a trailer's name means nothing, all else is covered.
        if let Ok(got) = decode(mode, &[&body], contents.len()) {
            prop_assert_eq!(got, right);
        }
    }

    #[test]
    fn a_body_that_ends_early_is_refused(
        mode in modes(),
        chunks in bodies(),
        place in any::<prop::sample::Index>(),
    ) {
        let (body, contents) = (frame(mode, &chunks), chunks.concat());
        let cut = &body[..place.index(body.len())];
        prop_assert!(decode(mode, &[cut], contents.len()).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(mode in modes(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(mode, &[&body], 100);
    }
}

#[test]
fn the_published_example_decodes() {
    // AWS's "chunked upload" page: 65,536 and 1,024 bytes of 'a'.
    let first = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    let second = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497";
    let last = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9";
    let body = format!(
        "10000;chunk-signature={first}\r\n{}\r\n400;chunk-signature={second}\r\n{}\r\n\
         0;chunk-signature={last}\r\n\r\n",
        "a".repeat(65_536),
        "a".repeat(1_024)
    );
    let (contents, _) = decode(Mode::Signed, &[body.as_bytes()], 66_560).unwrap();
    assert_eq!(contents.len(), 66_560);
}

#[test]
fn a_body_of_another_length_than_said_is_refused() {
    let body = frame(Mode::UnsignedTrailer, &[b"hello".to_vec()]);
    let got = |said| decode(Mode::UnsignedTrailer, &[&body], said);
    assert!(got(5).is_ok());
    assert_eq!(got(6).unwrap_err(), ChunkError::Length { said: 6, got: 5 });
    assert_eq!(got(4).unwrap_err(), ChunkError::Length { said: 4, got: 5 });
}

#[test]
fn trailers_must_be_the_announced_ones() {
    let unannounced = b"0\r\nx-amz-meta-owner:me\r\n\r\n";
    let refused = decode(Mode::UnsignedTrailer, &[unannounced], 0).unwrap_err();
    assert_eq!(refused, ChunkError::Trailer("x-amz-meta-owner".into()));
    let refused = decode(Mode::UnsignedTrailer, &[b"0\r\n\r\n"], 0).unwrap_err();
    assert_eq!(refused, ChunkError::Trailer(TRAILER.into()));
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let line = vec![b'1'; 9_000];
    let refused = decode(Mode::UnsignedTrailer, &[&line], 0).unwrap_err();
    assert_eq!(refused, ChunkError::Malformed("a line is too long"));
}

#[test]
fn contents_are_slices_of_what_came_in() {
    let body = Bytes::from(frame(Mode::Signed, &[b"hello".to_vec()]));
    let mut decoder = Decoder::new(Mode::Signed, Some(verified()), 5, &[]).unwrap();
    let mut out = Vec::new();
    decoder.push(body.clone(), &mut out).unwrap();
    assert!(body.as_ptr_range().contains(&out[0].as_ptr()));
}
