//! A metric's dimensions as bytes that sort as the pairs do, and that no other pairs have.
//!
//! Each text ends in `00 01`; a zero byte within a text is written `00 02`. So a text sorts before
//! every longer one that begins with it, and nothing within a text looks like an end.

const END: [u8; 2] = [0, 1];
const ZERO: [u8; 2] = [0, 2];

/// Writes the pairs down.
pub(super) fn encode(pairs: &[(String, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        for byte in text.bytes() {
            match byte {
                0 => bytes.extend(ZERO),
                byte => bytes.push(byte),
            }
        }
        bytes.extend(END);
    }
    bytes
}

/// Reads back what [`encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let (mut text, mut rest) = (Vec::new(), bytes);
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (0, [1, after @ ..]) => {
                texts.push(String::from_utf8_lossy(&std::mem::take(&mut text)).into_owned());
                after
            }
            (0, [_, after @ ..]) => {
                text.push(0);
                after
            }
            (byte, after) => {
                text.push(*byte);
                after
            }
        };
    }
    let mut texts = texts.into_iter();
    std::iter::from_fn(|| Some((texts.next()?, texts.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_read_back(pairs in vec(("[\0\u{1}a-cé]{0,4}", "[\0\u{1}a-cé]{0,4}"), 0..4)) {
            prop_assert_eq!(decode(&encode(&pairs)), pairs);
        }

        #[test]
        fn bytes_sort_as_the_pairs_do(
            one in vec(("[\0\u{1}ab]{0,3}", "[\0\u{1}ab]{0,3}"), 0..3),
            other in vec(("[\0\u{1}ab]{0,3}", "[\0\u{1}ab]{0,3}"), 0..3),
        ) {
            prop_assert_eq!(encode(&one).cmp(&encode(&other)), one.cmp(&other));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
