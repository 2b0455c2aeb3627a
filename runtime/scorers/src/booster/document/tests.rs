//! Documents as they should be, as they should not be, and mutated.

use proptest::prelude::*;

use super::{super::MAX_DEPTH, *};
use crate::{
    format::{json::Json, ubjson::Ubjson},
    predictor::{MEASURING, Predictor},
    rows::Rows,
};

/// Where `f0` is 1 or 3: 0.75; else 0.25 where `f1` is below 2, and 0.5 where it is not.
const CHOOSING: &str = r#"{"learner":{"gradient_booster":{"model":{"tree_info":[0],"trees":[{
    "categories":[1,3],"categories_nodes":[0],"categories_segments":[0],"categories_sizes":[2],
    "default_left":[1,0,0,0,0],"left_children":[1,3,-1,-1,-1],"right_children":[2,4,-1,-1,-1],
    "split_conditions":[0,2E0,7.5E-1,2.5E-1,5E-1],"split_indices":[0,1,0,0,0],
    "split_type":[1,0,0,0,0],"tree_param":{"size_leaf_vector":"1"}}]},"name":"gbtree"},
    "learner_model_param":{"base_score":"[0E0]","num_class":"0","num_feature":"2"},
    "objective":{"name":"reg:squarederror"}}}"#;

/// The same in UBJSON, token by token.
fn ubjson(json: &str) -> Vec<u8> {
    let (mut tokens, mut bytes) = (Json::new(json.as_bytes()), Vec::new());
    // Whether what is open is an object, and whether its next text is a key.
    let (mut open, mut key) = (Vec::new(), false);
    loop {
        let token = tokens.next().unwrap();
        let is_key = key && matches!(token, Token::Text(_));
        match token {
            Token::ObjectStart | Token::ArrayStart => {
                open.push(token == Token::ObjectStart);
                bytes.push(if token == Token::ObjectStart { b'{' } else { b'[' });
            }
            Token::ObjectEnd | Token::ArrayEnd => {
                open.pop();
                bytes.push(if token == Token::ObjectEnd { b'}' } else { b']' });
            }
            Token::Text(text) => {
                bytes.extend(if is_key { &b"U"[..] } else { b"SU" });
                let text = text.read().unwrap();
                bytes.push(u8::try_from(text.len()).unwrap());
                bytes.extend(text.bytes());
            }
            Token::Integer(value) => {
                bytes.push(b'i');
                bytes.extend(i8::try_from(value).unwrap().to_be_bytes());
            }
            Token::Float(value) => {
                bytes.push(b'd');
                bytes.extend(value.to_be_bytes());
            }
            Token::Bool(_) | Token::Null => bytes.push(b'Z'),
        }
        let Some(object) = open.last() else { return bytes };
        key = *object && !is_key;
    }
}

/// Loads what may be read, and scores rows of all kinds.
fn scored(booster: Booster, bytes: usize) -> Vec<f32> {
    let cells = vec![1.0, 9.0, 0.0, 1.0, 0.0, 2.0, f32::NAN, f32::NAN, f32::INFINITY, -1.0];
    let rows = Rows::Dense { columns: 2, cells };
    let predictor = Predictor::new(booster, bytes, MEASURING);
    predictor.predict(&rows).unwrap_or_default()
}

#[test]
fn json_and_ubjson_choose_alike() {
    let json = read(Json::new(CHOOSING.as_bytes())).unwrap();
    assert_eq!(read(Ubjson::new(&ubjson(CHOOSING))), Ok(json.clone()));
    assert_eq!(scored(json, CHOOSING.len()), [0.75, 0.25, 0.5, 0.5, 0.25]);
}

#[test]
fn a_tree_with_a_cycle_and_categories_out_of_order_are_refused() {
    let told = |document: &str| read(Json::new(document.as_bytes())).unwrap_err().to_string();
    for (from, to, why) in [
        ("[1,3,-1", "[1,0,-1", "no tree"),
        ("[2,4,-1", "[2,1,-1", "no tree"),
        ("[1,3],", "[1],", "not in order"),
        ("[1,3],", "[1,-3],", "integer in range"),
        ("categories_nodes\":[0]", "categories_nodes\":[1]", "names none"),
    ] {
        assert!(CHOOSING.contains(from), "{from}");
        let told = told(&CHOOSING.replacen(from, to, 1));
        assert!(told.contains(why), "{to}: {told}");
    }
}

#[test]
fn a_chain_is_read_to_its_bound_and_no_further() {
    for (splits, why) in [(MAX_DEPTH, None), (MAX_DEPTH + 1, Some("513 splits on one path"))] {
        // Each split's left child is a leaf, its right one the next split.
        let children = |first: usize| {
            let of = |node: usize| {
                if node.is_multiple_of(2) && node < 2 * splits {
                    (node + first).to_string()
                } else {
                    "-1".into()
                }
            };
            (0..=2 * splits).map(of).collect::<Vec<_>>().join(",")
        };
        let zeros = vec!["0"; 2 * splits + 1].join(",");
        let tree = format!(
            r#""left_children":[{}],"right_children":[{}],"split_indices":[{zeros}],"split_conditions":[{zeros}],"default_left":[{zeros}],"split_type""#,
            children(1),
            children(2)
        );
        let start = CHOOSING.find("\"categories\"").unwrap();
        let end = CHOOSING.find("\"split_type\"").unwrap() + "\"split_type\"".len();
        let document = [&CHOOSING[..start], &tree, &CHOOSING[end..]].concat();
        let document = document.replace("[1,0,0,0,0]", "[]");
        let told = read(Json::new(document.as_bytes())).err().map(|error| error.to_string());
        assert_eq!(told.is_some(), why.is_some(), "{told:?}");
        assert!(told.unwrap_or_default().contains(why.unwrap_or_default()));
    }
}

#[test]
fn a_forest_of_too_many_trees_is_refused() {
    let tree = r#"{"left_children":[-1],"right_children":[-1],"split_indices":[0],"split_conditions":[0],"default_left":[0]}"#;
    let start = CHOOSING.find("[{").unwrap();
    let many =
        format!("{}[{tree}{}]}}}}}}}}", &CHOOSING[..start], format!(",{tree}").repeat(MAX_TREES));
    let told = read(Json::new(many.as_bytes())).unwrap_err().to_string();
    assert!(told.contains("100001 trees"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]
    #[test]
    fn a_changed_document_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        digits in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 0..3),
    ) {
        for (mut document, is_json) in [(CHOOSING.as_bytes().to_vec(), true), (ubjson(CHOOSING), false)] {
            let places = document.clone();
            let numbers: Vec<_> = (0..places.len()).filter(|at| places[*at].is_ascii_digit()).collect();
            for (at, digit) in &digits {
                document[numbers[at.index(numbers.len())]] = *digit;
            }
            // Half of the documents stay documents.
            for (at, byte) in changes.iter().filter(|_| digits.is_empty()) {
                let at = at.index(document.len());
                document[at] = *byte;
            }
            let told = if is_json { read(Json::new(&document)) } else { read(Ubjson::new(&document)) };
            if let Ok(booster) = told {
                drop(scored(booster, document.len()));
            }
        }
    }
}
