//! The library's own UBJSON, in which two places are put as the versions before 3.1 and 3.0 read them.
//!
//! The base score is one number there, where today's library writes one for each output: they would
//! take a half instead, and say nothing. And 2.1 insists on a setting of `reg:squaredlogerror`.

use memchr::memmem;

use super::super::era::Era;

/// What stands before the base score's length: a key, and the marks of a text with a length of 64
/// bits, big-endian.
const KEY: &[u8] = b"L\0\0\0\0\0\0\0\x0abase_scoreSL";
/// The end of an objective that has no settings, and of one that has what it had.
const BARE: &[u8] = b"SL\0\0\0\0\0\0\0\x13reg:squaredlogerror}";
const SET: &[u8] = b"SL\0\0\0\0\0\0\0\x13reg:squaredlogerrorL\0\0\0\0\0\0\0\x0ereg_loss_param{\
    L\0\0\0\0\0\0\0\x10scale_pos_weightSL\0\0\0\0\0\0\0\x011}}";

/// A model of today's library as a version reads it; `None` where it is not as expected.
pub(super) fn of_era(model: Vec<u8>, era: Era) -> Option<Vec<u8>> {
    if era > Era::V3_0 {
        return Some(model);
    }
    let model = with_one_base_score(&model)?;
    Some(if era > Era::V2_1 { model } else { with_settings(model) })
}

/// With the first of its base scores, for all are the same where one was set.
fn with_one_base_score(model: &[u8]) -> Option<Vec<u8>> {
    let at = memmem::find(model, KEY)? + KEY.len();
    let (length, rest) = model.get(at..)?.split_first_chunk()?;
    let (scores, rest) =
        rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    let score =
        scores.strip_prefix(b"[")?.strip_suffix(b"]")?.split(|byte| *byte == b',').next()?;
    Some([&model[..at], &(score.len() as u64).to_be_bytes(), score, rest].concat())
}

fn with_settings(model: Vec<u8>) -> Vec<u8> {
    match memmem::find(&model, BARE) {
        Some(at) => [&model[..at], SET, &model[at + BARE.len()..]].concat(),
        None => model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_base_scores_the_first_is_left() {
        let model = |scores: &str| {
            let length = u8::try_from(scores.len()).unwrap();
            [b"{", KEY, &[0, 0, 0, 0, 0, 0, 0, length], scores.as_bytes(), b"}"].concat()
        };
        let one = with_one_base_score(&model("[5E-1,5E-1]"));
        assert_eq!(one, Some(model("5E-1")));
        assert_eq!(with_one_base_score(&model("[2E0]")), Some(model("2E0")));
        assert_eq!(with_one_base_score(&model("5E-1")), None);
        assert_eq!(with_one_base_score(&model("[5E-1]")[..30]), None);
        assert_eq!(with_one_base_score(b"{}"), None);
    }

    #[test]
    fn a_setting_is_given_where_2_1_insists_on_it() {
        let model = |end| [KEY, b"\0\0\0\0\0\0\0\x03[1]", end].concat();
        let one = |end| [KEY, b"\0\0\0\0\0\0\0\x011", end].concat();
        assert_eq!(of_era(model(BARE), Era::V2_1), Some(one(SET)));
        assert_eq!(of_era(model(b"}"), Era::V2_1), Some(one(b"}")));
        assert_eq!(of_era(model(BARE), Era::V3_0), Some(one(BARE)));
        assert_eq!(of_era(model(BARE), Era::V3_2), Some(model(BARE)));
        assert_eq!(of_era(b"{}".to_vec(), Era::V2_1), None);
    }
}
