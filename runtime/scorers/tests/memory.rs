//! What loading a model takes: at most four times its file, the file among them, whatever is in it.
//!
//! The allocator counts, so that there is one test here.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    fmt::Write,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use flate2::{Compression, write::GzEncoder};
use platform::scorer::LoadModel;
use scorers::{Loader, Predictor};

/// Counts the bytes that are taken, and the most there were at once.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    MOST.fetch_max(NOW.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one hands on what it is asked"
)]
// SAFETY: all is the system's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as promised to us.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        NOW.fetch_sub(layout.size(), Relaxed);
        took(size);
        // SAFETY: as promised to us.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Times its file that a model may take, the file among them.
const TIMES: usize = 4;
/// What any model may take: tables of a few trees, scratch of a thread.
const ANYWAY: usize = 1 << 20;
/// Nodes of the one tree that the models here have.
const NODES: usize = 200_001;

/// A model of one tree with these members.
fn json(tree: &str) -> Vec<u8> {
    format!(
        r#"{{"learner":{{"gradient_booster":{{"model":{{"tree_info":[0],"trees":[{{{tree}}}]}},"name":"gbtree"}},"learner_model_param":{{"base_score":"5E-1","num_class":"0","num_feature":"1"}},"objective":{{"name":"reg:squarederror"}}}}}}"#
    )
    .into_bytes()
}

fn array(name: &str, item: impl Fn(usize) -> String) -> String {
    let mut text = format!("\"{name}\":[");
    for node in 0..NODES {
        write!(text, "{}{}", if node == 0 { "" } else { "," }, item(node)).unwrap();
    }
    text + "],"
}

/// The left child of a node of a full tree, or none.
fn left(node: usize) -> i64 {
    if 2 * node + 2 < NODES { i64::try_from(2 * node + 1).unwrap() } else { -1 }
}

/// A full tree as XGBoost writes it, with the least digits.
fn full() -> String {
    let inner = |node, there: i64| if left(node) < 0 { -1 } else { there };
    [
        array("base_weights", |_| "0E0".into()),
        array("default_left", |_| "0".into()),
        array("left_children", |node| left(node).to_string()),
        array("loss_changes", |_| "0E0".into()),
        array("parents", |node| (node.saturating_sub(1) / 2).to_string()),
        array("right_children", |node| inner(node, left(node) + 1).to_string()),
        array("split_conditions", |_| "1E0".into()),
        array("split_indices", |_| "0".into()),
        array("split_type", |_| "0".into()),
        array("sum_hessian", |_| "0E0".into()),
    ]
    .concat()
        + r#""tree_param":{"size_leaf_vector":"1"}"#
}

/// Only what is read, in as few bytes as there can be: a leaf before so many nodes that none reaches.
fn bare() -> String {
    let least = ["default_left", "split_conditions", "split_indices", "split_type"];
    let least = least.map(|name| array(name, |_| "0".into())).concat();
    let children = ["left_children", "right_children"].map(|name| array(name, |_| "-1".into()));
    least + &children.concat() + r#""tree_param":{}"#
}

/// A leaf with many categories.
fn choosing() -> String {
    array("categories", |_| "0".into()) + r#""left_children":[-1]"#
}

/// A split that has as many, and two leaves.
fn chosen() -> String {
    let rest = r#""categories_nodes":[0],"categories_segments":[0],"default_left":[0,0,0],
        "left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[0,1E0,2E0],
        "split_indices":[0,0,0],"split_type":[1,0,0],"tree_param":{}"#;
    format!(r#"{}"categories_sizes":[{NODES}],{rest}"#, array("categories", |at| at.to_string()))
}

/// A leaf.
const LEAF: &str = r#""default_left":[0],"left_children":[-1],"right_children":[-1],
    "split_conditions":[1E0],"split_indices":[0],"tree_param":{}"#;

/// Long texts in place of `what` in a model of one leaf.
fn long(what: &str, text: &[u8]) -> Vec<u8> {
    let model = json(LEAF);
    let at = model.windows(what.len()).position(|there| there == what.as_bytes()).unwrap();
    let text = text.repeat((4 << 20) / text.len());
    [&model[..at], &text, &model[at + what.len()..]].concat()
}

/// A long text that nobody asks for.
fn passed_over() -> Vec<u8> {
    [&b"{\"x\":\""[..], &vec![0xff; 4 << 20], b"\",", &json(LEAF)[1..]].concat()
}

/// Arrays of bytes in UBJSON, each of which alone is within bounds.
fn many_arrays() -> Vec<u8> {
    let key = |name: &str| [b"U", &[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    let bytes = |name: &str, value: u8, count: usize| {
        let told = u32::try_from(count).unwrap().to_be_bytes();
        [key(name), b"[$i#l".to_vec(), told.to_vec(), vec![value; count]].concat()
    };
    let size = 24 * NODES;
    let zeros = [
        "default_left",
        "split_conditions",
        "split_indices",
        "split_type",
        "categories_nodes",
        "categories_segments",
        "categories_sizes",
    ];
    let zeros = zeros.map(|name| bytes(name, 0, NODES)).concat();
    let children = ["left_children", "right_children"].map(|name| bytes(name, 0xff, NODES));
    let categories = bytes("categories", 0, size / 3);
    let tree = [zeros, children.concat(), categories].concat();
    let first = [bytes("weights", 0, size / 4), bytes("tree_info", 0, NODES)].concat();
    let model = [&b"{"[..], &first, &key("trees"), b"[{", &tree, b"}]}"].concat();
    let drops = bytes("weight_drop", 0, NODES);
    let booster = [&b"{"[..], &drops, &key("model"), &model, b"}"].concat();
    let learner = [&b"{"[..], &key("gradient_booster"), &booster, b"}"].concat();
    let rest = vec![b'N'; size / 4];
    [&b"{"[..], &key("learner"), &learner, &rest, b"}"].concat()
}

/// [`bare`] in UBJSON, where a number is a byte.
fn bare_in_bytes() -> Vec<u8> {
    let key = |name: &str| [b"U", &[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    let bytes = |name: &str, value: u8| {
        let count = u32::try_from(NODES).unwrap().to_be_bytes();
        [key(name), b"[$i#l".to_vec(), count.to_vec(), vec![value; NODES]].concat()
    };
    let tree = [
        bytes("default_left", 0),
        bytes("left_children", 0xff),
        bytes("right_children", 0xff),
        bytes("split_conditions", 0),
        bytes("split_indices", 0),
    ]
    .concat();
    let model = [&b"{"[..], &key("trees"), b"[{", &tree, b"}]}"].concat();
    let booster = [&b"{"[..], &key("model"), &model, b"}"].concat();
    let learner = [&b"{"[..], &key("gradient_booster"), &booster, b"}"].concat();
    [&b"{"[..], &key("learner"), &learner, b"}"].concat()
}

/// XGBoost's old binary of the full tree.
fn binary() -> Vec<u8> {
    let word = |value: i64| u32::try_from(value & 0xffff_ffff).unwrap().to_le_bytes();
    let mut file = vec![0; 136];
    file[4..8].copy_from_slice(&word(1));
    file.extend(b"\x10\0\0\0\0\0\0\0reg:squarederror\x06\0\0\0\0\0\0\0gbtree");
    let structure = |file: &mut Vec<u8>, first: &[i64], words: usize| {
        let end = file.len() + 4 * words;
        file.extend(first.iter().flat_map(|value| word(*value)));
        file.resize(end, 0);
    };
    structure(&mut file, &[1], 40);
    structure(&mut file, &[1, i64::try_from(NODES).unwrap()], 37);
    for node in 0..NODES {
        let right = if left(node) < 0 { -1 } else { left(node) + 1 };
        structure(&mut file, &[0, left(node), right], 5);
    }
    structure(&mut file, &[], 4 * NODES + 1);
    file
}

/// A pickle of protocol 2, which spells bytes as a text of two bytes for those from 128 on.
fn pickled(model: &[u8]) -> Vec<u8> {
    let text: String = model.iter().copied().map(char::from).collect();
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [
        &b"\x80\x02cxgboost.core\nBooster\n)\x81}(X\x06\0\0\0handlec__builtin__\nbytearray\n(X"[..],
        &length,
        text.as_bytes(),
        b"X\x07\0\0\0latin-1tRub.",
    ]
    .concat()
}

/// A `model.tar.gz` of this file.
fn packed(model: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(model.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, "xgboost-model", model).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_model_takes_at_most_four_times_its_file_while_it_is_loaded() {
    let (full, bare) = (json(&full()), json(&bare()));
    for (name, file, is_a_model) in [
        ("a full tree", full.clone(), true),
        ("an old binary", binary(), true),
        ("a pickle", pickled(&binary()), true),
        ("nodes that none reaches", bare, false),
        ("the same in bytes", bare_in_bytes(), false),
        ("categories that no split has", json(&choosing()), false),
        ("a split of many categories", json(&chosen()), true),
        ("an objective of no text", long("reg:squarederror", b"\xff"), false),
        ("a long objective", long("reg:squarederror", b"A"), false),
        ("a long number", long("5E-1", b"A"), false),
        ("many base scores", long("5E-1", b"0,"), false),
        ("a text that nobody asks for", passed_over(), true),
        ("many arrays", many_arrays(), false),
    ] {
        let before = NOW.load(Relaxed);
        MOST.store(before, Relaxed);
        let read = Predictor::read(&file);
        let most = MOST.load(Relaxed) - before + file.len();
        assert_eq!(read.is_ok(), is_a_model, "{name}: {:?}", read.err());
        assert!(most <= TIMES * file.len() + ANYWAY, "{name}: {most} for {}", file.len());
    }
    let archive = packed(&full);
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    assert!(Loader.load("xgboost", &mut &archive[..], &BTreeMap::new()).is_ok());
    let most = MOST.load(Relaxed) - before;
    assert!(most <= TIMES * full.len() + ANYWAY, "an archive: {most} for {}", full.len());
}
