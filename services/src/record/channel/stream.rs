//! What is done to a channel's objects on their way into a stream: wrapped, put into another order.

use api::Fault;
use bytes::{BufMut, Bytes, BytesMut};
use platform::workload::{InputFile, Part};

use super::invalid;

/// What every record of RecordIO begins with.
const MAGIC: u32 = 0xCED7_230A;
/// No record is longer, bytes: the bits above tell of records in several parts.
const LONGEST: u64 = (1 << 29) - 1;
/// What a record is filled up to, bytes.
const ALIGNMENT: u64 = 4;

/// Makes each object one record of RecordIO, as `RecordWrapperType` asks for.
pub fn wrap(files: Vec<InputFile>) -> Result<Vec<InputFile>, Fault> {
    let wrapped = |file: InputFile| {
        let parts = record(file.parts)
            .map_err(|fault| invalid(format_args!("The object {}: {fault}", file.name)))?;
        Ok(InputFile { parts, ..file })
    };
    files.into_iter().map(wrapped).collect()
}

/// A record of RecordIO that holds these bytes.
pub(super) fn record(parts: Vec<Part>) -> Result<Vec<Part>, Fault> {
    let len: u64 = parts.iter().map(length).sum();
    let size = u32::try_from(len).ok().filter(|_| len <= LONGEST).ok_or_else(|| {
        invalid(format_args!("{len} bytes are more than one RecordIO record holds ({LONGEST})"))
    })?;
    let mut header = BytesMut::with_capacity(8);
    header.put_u32_le(MAGIC);
    header.put_u32_le(size);
    let filling = match len % ALIGNMENT {
        0 => Bytes::new(),
        1 => Bytes::from_static(&[0; 3]),
        2 => Bytes::from_static(&[0; 2]),
        _ => Bytes::from_static(&[0; 1]),
    };
    let mut wrapped = vec![Part::Inline(header.freeze())];
    wrapped.extend(parts);
    wrapped.push(Part::Inline(filling));
    Ok(wrapped)
}

fn length(part: &Part) -> u64 {
    match part {
        Part::Inline(bytes) => bytes.len() as u64,
        Part::Blob { len, .. } | Part::Sealed { len, .. } => *len,
    }
}

/// Puts files into an order that the seed alone decides, as `ShuffleConfig` asks for.
pub fn shuffle(files: &mut [InputFile], seed: u64) {
    let mut state = seed;
    for last in (1..files.len()).rev() {
        let other = draw(&mut state) % (last as u64 + 1);
        files.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

/// The next number of SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut drawn = *state;
    drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    drawn ^ (drawn >> 31)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use platform::parts::PartReader;

    use super::*;

    fn inline(text: &'static str) -> Part {
        Part::Inline(Bytes::from(text))
    }

    #[test]
    fn an_object_becomes_a_record_that_is_filled_up() {
        for (parts, expected) in [
            (vec![inline("ab"), inline("c")], &b"\x0a\x23\xd7\xce\x03\0\0\0abc\0"[..]),
            (vec![inline("abcd")], b"\x0a\x23\xd7\xce\x04\0\0\0abcd"),
            (vec![], b"\x0a\x23\xd7\xce\0\0\0\0"),
        ] {
            let files = wrap(vec![InputFile { name: "a".into(), parts }]).unwrap();
            let mut bytes = Vec::new();
            PartReader::new(files[0].parts.clone()).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_order_and_loses_nothing() {
        let order = |seed| {
            let file = |number: i32| InputFile { name: number.to_string(), parts: vec![] };
            let mut files: Vec<_> = (0..20).map(file).collect();
            shuffle(&mut files, seed);
            files.into_iter().map(|file| file.name).collect::<Vec<_>>()
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        let mut sorted = order(7);
        sorted.sort_by_key(|name| name.parse::<i32>().unwrap());
        assert_eq!(sorted, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}
