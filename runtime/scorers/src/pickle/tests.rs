//! The pickles are those of CPython 3.11 (protocols 0 to 5) and 2.7 for a booster with the handle
//! `\x00\\\n\xff`, as far as they matter.

use proptest::prelude::*;

use super::*;

const HANDLE: &[u8] = b"\x00\\\n\xff";

const PROTOCOL_0: &[u8] = b"ccopy_reg\n_reconstructor\np0\n(cxgboost.core\nBooster\np1\n\
    c__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVhandle\np6\nc__builtin__\nbytearray\np7\n\
    (c_codecs\nencode\np8\n(V\\u0000\\u005c\\u000a\xff\np9\nVlatin1\np10\ntp11\nRp12\ntp13\nRp14\ns\
    Vfeature_names\np15\n(lp16\nVf0\np17\naVf1\np18\nasVbest_score\np19\nF0.25\ns\
    Vbest_ntree_limit\np20\nI7\nsb.";
const PROTOCOL_0_OF_PYTHON_2: &[u8] = b"ccopy_reg\n_reconstructor\np0\n(cxgboost.core\nBooster\np1\n\
    c__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nS'handle'\np6\nc__builtin__\nbytearray\np7\n\
    (V\\u0000\\u005c\\u000a\xff\np8\nS'latin-1'\np9\ntp10\nRp11\nsS'best_ntree_limit'\np12\nI7\nsb.";
const PROTOCOL_2: &[u8] = b"\x80\x02cxgboost.core\nBooster\nq\x00)\x81q\x01}q\x02(\
    X\x06\x00\x00\x00handleq\x03c__builtin__\nbytearray\nq\x04c_codecs\nencode\nq\x05\
    X\x05\x00\x00\x00\x00\\\n\xc3\xbfq\x06X\x06\x00\x00\x00latin1q\x07\x86q\x08Rq\x09\x85q\x0aRq\x0b\
    X\x0d\x00\x00\x00feature_namesq\x0c]q\x0d(X\x02\x00\x00\x00f0q\x0eX\x02\x00\x00\x00f1q\x0fe\
    X\x10\x00\x00\x00best_ntree_limitq\x10K\x07ub.";
const PROTOCOL_4: &[u8] = b"\x80\x04\x95\x80\x00\x00\x00\x00\x00\x00\x00\x8c\x0cxgboost.core\x94\
    \x8c\x07Booster\x94\x93\x94)\x81\x94}\x94(\x8c\x06handle\x94\x8c\x08builtins\x94\
    \x8c\x09bytearray\x94\x93\x94C\x04\x00\\\n\xff\x94\x85\x94R\x94\x8c\x07booster\x94\
    \x8c\x06gbtree\x94\x8c\x0dfeature_types\x94N\x8c\x10best_ntree_limit\x94K\x07ub.";
const PROTOCOL_5: &[u8] = b"\x80\x05\x95\x60\x00\x00\x00\x00\x00\x00\x00\x8c\x0cxgboost.core\x94\
    \x8c\x07Booster\x94\x93\x94)\x81\x94}\x94(\x8c\x06handle\x94\
    \x96\x04\x00\x00\x00\x00\x00\x00\x00\x00\\\n\xff\x94\x8c\x10best_ntree_limit\x94K\x07ub.";

const ALL: [&[u8]; 5] = [PROTOCOL_0, PROTOCOL_0_OF_PYTHON_2, PROTOCOL_2, PROTOCOL_4, PROTOCOL_5];

#[test]
fn every_protocol_spells_the_same_booster() {
    for pickle in ALL {
        assert!(is_one(pickle));
        let expected = Pickled { handle: HANDLE.into(), limit: 7 };
        assert_eq!(read(pickle), Ok(expected), "{}", pickle.escape_ascii());
    }
}

#[test]
fn code_is_refused_by_its_name_and_never_run() {
    for (pickle, name) in [
        (&b"cos\nsystem\n(S'true'\ntR."[..], "os.system"),
        (b"\x80\x02cbuiltins\neval\n.", "builtins.eval"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "posix.system"),
        (b"\x80\x03cxgboost.sklearn\nXGBClassifier\n.", "xgboost.sklearn.XGBClassifier"),
        (b"cbuiltins\ngetattr\x1b[2J\n.", "builtins.getattr\\u{1b}[2J"),
    ] {
        assert_eq!(read(pickle), Err(PickleError::Foreign(name.into())));
    }
}

#[test]
fn calls_and_states_that_no_booster_needs_are_refused() {
    for pickle in [
        &b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R."[..],
        b"\x80\x02cxgboost.core\nBooster\nX\x01\x00\x00\x00a\x85R.",
        b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02cbuiltins\nobject\n)\x81.",
        b"\x80\x02}}b.",
        b"\x80\x02c_codecs\nencode\nX\x02\x00\x00\x00\xc4\x80X\x06\x00\x00\x00latin1\x86R.",
        b"\x80\x02i",
        b"\x80\x06.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x80\x02R.",
        b"\x80\x02(R.",
        b"\x80\x02\x85.",
        b"\x80\x02u.",
        b"\x80\x02NNs.",
        b"",
    ] {
        let told = read(pickle);
        assert!(matches!(told, Err(PickleError::Malformed(_))), "{told:?}");
    }
    for pickle in [&b"\x80\x02N."[..], b"\x80\x02.", b"\x80\x02cxgboost.core\nBooster\n)\x81}b."] {
        assert_eq!(read(pickle), Err(PickleError::NoModel));
    }
}

#[test]
fn what_grows_without_end_is_refused() {
    let many = |unit: &[u8]| [b"\x80\x04", &unit.repeat(100_000)[..], b"."].concat();
    for unit in [&b"N"[..], b"(", b")", b"}", b"]"] {
        assert!(read(&many(unit)).unwrap_err().to_string().contains("more values"));
    }
    let names = [b"\x80\x04\x8c\x06handle", &b"\x94".repeat(1000)[..], b"."].concat();
    assert!(read(&names).unwrap_err().to_string().contains("more names"));
    let nested = [b"\x80\x04)", &b"\x85".repeat(1_000_000)[..], b"."].concat();
    assert_eq!(read(&nested), Err(PickleError::NoModel));
}

#[test]
fn every_cut_pickle_is_refused() {
    for pickle in ALL {
        for length in 0..pickle.len() {
            assert!(read(&pickle[..length]).is_err());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        drop(read(&bytes));
        drop(read(&[b"\x80\x04", &bytes[..]].concat()));
    }

    #[test]
    fn a_changed_pickle_is_read_or_refused(
        pickle in prop::sample::select(&ALL[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9)
    ) {
        let mut pickle = pickle.to_vec();
        for (at, byte) in changes {
            let at = at.index(pickle.len());
            pickle[at] = byte;
        }
        drop(read(&pickle));
    }
}
