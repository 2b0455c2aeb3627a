//! How often an invocation asks for memory: once, for its reply. All else is used again.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::BTreeMap,
};

use flate2::{Compression, write::GzEncoder};
use platform::scorer::{Invocation, LoadModel, Scorer};
use scorers::Loader;

/// Counts what the calling thread asks for.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe; this one hands everything to the system's")]
// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as promised to us.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One split: `f0 < 1` gives 0.25, else 0.75.
const MODEL: &str = r#"{"learner": {"gradient_booster": {"model": {"tree_info": [0], "trees": [{
    "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0],
    "split_conditions": [1E0, 2.5E-1, 7.5E-1], "default_left": [0, 0, 0], "tree_param": {}}]},
    "name": "gbtree"}, "learner_model_param": {"base_score": "0E0", "num_class": "0",
    "num_feature": "2"}, "objective": {"name": "reg:squarederror"}}}"#;

fn scorer() -> std::sync::Arc<dyn Scorer> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(MODEL.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, "xgboost-model", MODEL.as_bytes()).unwrap();
    let archive = archive.into_inner().unwrap().finish().unwrap();
    Loader.load("xgboost", &mut &archive[..], &BTreeMap::new()).unwrap()
}

#[test]
fn an_invocation_asks_for_memory_once() {
    const CALLS: usize = 100;
    let scorer = scorer();
    for body in ["0,5", &"0,5\n1,5\n".repeat(1000)] {
        let call = Invocation {
            content_type: Some("text/csv"),
            accept: Some("text/csv"),
            body: body.as_bytes(),
        };
        let first = scorer.invoke(call).unwrap();
        let before = COUNT.get();
        for _ in 0..CALLS {
            assert_eq!(scorer.invoke(call).unwrap().body, first.body);
        }
        assert!(COUNT.get() - before <= CALLS, "{} in {CALLS} calls", COUNT.get() - before);
    }
}
