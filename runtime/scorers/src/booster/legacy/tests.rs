//! Files of the old binary, whole and broken.

use proptest::prelude::*;

use super::*;
use crate::predictor::{MEASURING, Predictor};

/// Where things stand in [`stump`]: behind the header's names, the forest's and tree's parameters.
const FIRST_TREE: usize = PARAMETERS + 8 + 16 + 8 + 6 + FOREST;
const ROOT: usize = FIRST_TREE + TREE;

/// One split: `f0 < 1` gives 0.25, else (and where it is missing) 0.75. Two features, base score 0,
/// as XGBoost 1.0 wrote it.
pub(crate) fn stump() -> Vec<u8> {
    let mut file = Vec::new();
    let words = |file: &mut Vec<u8>, words: &[i32], length: usize| {
        let end = file.len() + length;
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        file.resize(end, 0);
    };
    words(&mut file, &[0, 2, 0, 0, 0, 1], PARAMETERS);
    for name in ["reg:squarederror", "gbtree"] {
        file.extend((name.len() as u64).to_le_bytes());
        file.extend(name.bytes());
    }
    words(&mut file, &[1], FOREST);
    words(&mut file, &[1, 3], TREE);
    for (left, right, condition) in [(1, 2, 1.0_f32), (-1, -1, 0.25), (-1, -1, 0.75)] {
        words(&mut file, &[-1, left, right, 0, i32::from_le_bytes(condition.to_le_bytes())], NODE);
    }
    words(&mut file, &[], 3 * STATISTICS);
    words(&mut file, &[0], 4);
    file
}

/// The stump with attributes behind it.
fn noting(attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut file = stump();
    file.extend((attributes.len() as u64).to_le_bytes());
    for text in attributes.iter().flat_map(|(key, value)| [key, value]) {
        file.extend((text.len() as u64).to_le_bytes());
        file.extend(text.bytes());
    }
    file
}

#[test]
fn the_number_of_the_best_trees_is_found_among_attributes() {
    let noted = |file: &[u8]| read(file).unwrap().best_ntree_limit;
    let file = noting(&[("best_iteration", "6"), (LIMIT, "7"), ("scikit_learn", "{}")]);
    assert_eq!(noted(&file), 7);
    assert_eq!(noted(&noting(&[("best_iteration", "6")])), 0);
    assert_eq!(noted(&noting(&[(LIMIT, "all")])), 0);
    let file = noting(&[(LIMIT, "7")]);
    assert_eq!(noted(&file[..file.len() - 1]), 0, "it is torn");
    let mut file = stump();
    file.extend(u64::MAX.to_le_bytes());
    assert_eq!(noted(&file), 0, "it promises more than there is");
}

/// The stump with a number of 32 bits in another place.
fn with(at: usize, word: i32) -> Vec<u8> {
    let mut file = stump();
    file[at..at + 4].copy_from_slice(&word.to_le_bytes());
    file
}

#[test]
fn a_stump_is_read_with_and_without_its_magic() {
    let booster = read(&stump()).unwrap();
    assert_eq!(read(&[MAGIC, &stump()].concat()), Ok(booster.clone()));
    let super::super::Model::Trees(trees) = booster.model else { panic!("no trees") };
    let left =
        super::super::Node::Split { feature: 0, threshold: 1.0, default_left: false, left: 1 };
    let leaf = super::super::Node::Leaf;
    assert_eq!(trees[0].nodes, [left, leaf(0.25), leaf(0.75)]);
    assert!(is_one(&stump()));
}

#[test]
fn the_base_score_is_a_margin_before_1_0_and_a_probability_of_the_raw_logit_up_to_1_2() {
    let margin = |version, objective: &str| {
        let parts = Parts {
            booster: "gbtree".into(),
            objective: objective.into(),
            base: base(version, objective, 0.75),
            ..Parts::default()
        };
        parts.booster().unwrap().base_margins[0]
    };
    let logit = -(1.0_f32 / 0.75 - 1.0).ln();
    for (version, objective, expected) in [
        ((0, 0), "binary:logistic", 0.75),
        ((1, 0), "binary:logistic", logit),
        ((1, 2), "binary:logitraw", logit),
        ((1, 3), "binary:logitraw", 0.75),
    ] {
        assert_eq!(margin(version, objective).to_bits(), expected.to_bits(), "{version:?}");
    }
}

#[test]
fn a_file_that_would_lead_out_of_its_bounds_is_refused() {
    for (at, word, why) in [
        (4, 99_999_999, "99999999 features"),
        (4, -1, "negative"),
        (8, 99_999_999, "99999999 outputs"),
        (FIRST_TREE - FOREST, 100_001, "100001 trees"),
        (FIRST_TREE - FOREST, 2, "too early"),
        (FIRST_TREE, 2, "2 roots"),
        (FIRST_TREE + 4, i32::MAX, "too early"),
        (FIRST_TREE + 4, 0, "arrays differ"),
        (FIRST_TREE + 20, 3, "vectors"),
        (ROOT + 4, 0, "no tree"),
        (ROOT + 4, 9, "child is out of range"),
        (ROOT + 8, -7, "child is out of range"),
        (ROOT + 12, 2, "feature is out of range"),
    ] {
        let told = read(&with(at, word)).map(|booster| booster.features).map_err(|e| e.to_string());
        assert!(told.as_ref().is_err_and(|told| told.contains(why)), "{at}: {told:?}");
    }
    let tree_info = stump().len() - 4;
    assert!(read(&with(tree_info, 1)).unwrap_err().to_string().contains("output 1"));
    assert!(read(&with(tree_info, -1)).is_err());
    let mut long_name = stump();
    long_name[PARAMETERS + 7] = 0xff;
    assert!(read(&long_name).is_err());
    let other = |from: &[u8], to: &[u8]| {
        let at = stump().windows(from.len()).position(|window| window == from).unwrap();
        let mut file = stump();
        file[at..at + from.len()].copy_from_slice(to);
        read(&file).unwrap_err().to_string()
    };
    assert!(other(b"gbtree", b"gbtrie").contains("`gbtrie`"));
    assert!(other(b"reg:squarederror", b"reg:cubedxxerror").contains("`reg:cubedxxerror`"));
}

#[test]
fn every_cut_file_is_refused() {
    let file = stump();
    for length in 0..file.len() {
        assert!(read(&file[..length]).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        drop(read(&bytes));
        drop(read(&[&stump()[..FIRST_TREE], &bytes].concat()));
    }

    #[test]
    fn a_changed_file_is_read_or_refused(
        changes in prop::collection::vec((0..stump().len(), any::<u8>()), 1..9)
    ) {
        let mut file = stump();
        for (at, byte) in changes {
            file[at] = byte;
        }
        if let Ok(booster) = read(&file) {
            let rows = crate::rows::Rows::Dense { columns: 1, cells: vec![0.5] };
            let predictor = Predictor::new(booster, file.len(), MEASURING);
            drop(predictor.predict(&rows));
        }
    }
}
