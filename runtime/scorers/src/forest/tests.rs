//! Every layout and kernel against a walker that reads trees as they are told, over random forests
//! and rows that hold everything a float can.

use proptest::prelude::*;

use super::*;
use crate::booster::{Categories, Node};

/// What rows and thresholds are made of, beside ordinary numbers.
const SPECIAL: [f32; 12] = [
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    -1e-40,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    1.0,
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    /// Few different ones, so that rows meet thresholds exactly.
    fn number(&mut self, special: usize) -> f32 {
        if self.below(100) < special {
            return SPECIAL[self.below(SPECIAL.len())];
        }
        [-2.5, -1.0, -0.5, 0.25, 0.5, 1.5, 3.0, 1e6][self.below(8)] * [1.0, 1.1][self.below(2)]
    }
}

/// What a forest is like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    trees: usize,
    depth: usize,
    features: usize,
    outputs: usize,
    /// Of a hundred nodes above the last level, how many are split.
    split: usize,
    /// Of a hundred thresholds, how many are special.
    special: usize,
}

fn tree(random: &mut Random, shape: Shape) -> Tree {
    let mut nodes = Vec::new();
    let mut level = 1;
    for depth in 0..=shape.depth {
        let (first, mut next) = (nodes.len(), nodes.len() + level);
        let mut below = 0;
        for _ in 0..level {
            let split = depth < shape.depth && random.below(100) < shape.split;
            nodes.push(if split {
                let left = u32::try_from(next).unwrap();
                next += 2;
                below += 2;
                let feature = u32::try_from(random.below(shape.features)).unwrap();
                let threshold = random.number(shape.special);
                Node::Split { feature, threshold, default_left: random.below(2) == 0, left }
            } else {
                Node::Leaf([0.1, -0.7, 3e-3, -0.0, 1e7, 0.3333][random.below(6)])
            });
        }
        debug_assert_eq!(nodes.len(), first + level);
        level = below;
    }
    let depth = (0..nodes.len()).map(|at| steps(&nodes, at)).max().unwrap();
    let (weight, categories) = ([1.0, 1.0, 0.3][random.below(3)], Categories::default());
    Tree { nodes, categories, depth, output: random.below(shape.outputs), weight }
}

/// Splits above a node.
fn steps(nodes: &[Node], at: usize) -> usize {
    let parent = nodes.iter().position(|node| match node {
        Node::Split { left, .. } => [*left as usize, *left as usize + 1].contains(&at),
        Node::Leaf(_) => false,
    });
    parent.map_or(0, |parent| 1 + steps(nodes, parent))
}

fn rows(random: &mut Random, count: usize, columns: usize) -> Vec<f32> {
    (0..count * columns).map(|_| random.number(30)).collect()
}

/// As XGBoost describes a tree.
fn reference(trees: &[Tree], row: &[f32], margins: &mut [f32]) {
    for tree in trees {
        let mut at = 0;
        let leaf = loop {
            match tree.nodes[at] {
                Node::Leaf(leaf) => break leaf,
                Node::Split { feature, threshold, default_left, left } => {
                    let value = row.get(feature as usize).copied().unwrap_or(f32::NAN);
                    let goes_left = if value.is_nan() { default_left } else { value < threshold };
                    at = left as usize + usize::from(!goes_left);
                }
            }
        };
        margins[tree.output] += (0.0 + leaf) * tree.weight;
    }
}

/// Every layout that takes these trees, with every kernel, by name.
pub(crate) fn layouts(trees: &[Tree], outputs: usize) -> Vec<(String, Layout)> {
    let walked = Layout::Walked(Walked::new(trees.to_vec(), outputs));
    if trees.iter().any(|tree| !tree.categories.is_empty()) {
        return vec![("walked".into(), walked)];
    }
    let mut layouts = vec![
        ("walked".into(), walked),
        ("linked keys".into(), Layout::Keys(Keys::new(trees, outputs, 0))),
        ("keys".into(), Layout::Keys(Keys::new(trees, outputs, usize::MAX))),
    ];
    if let Some(ranked) = Ranked::new(trees, outputs, usize::MAX) {
        layouts.push(("ranks".into(), Layout::Ranked { ranked, many: None }));
    }
    for kernel in Kernel::all() {
        if let Some(ranked) = Ranked::new(trees, outputs, usize::MAX) {
            let many = Some(Tournament { kernel, from: 1 });
            layouts.push((format!("{kernel:?}"), Layout::Ranked { ranked, many }));
        }
    }
    layouts
}

const MEASURING: Duration = Duration::from_micros(100);

/// What is made of layouts.
fn mixtures(trees: &[Tree], outputs: usize) -> Vec<(String, Layout)> {
    let mut mixtures = vec![
        ("chosen".into(), choose::layout(trees.to_vec(), outputs, usize::MAX, MEASURING)),
        ("chosen for a tiny file".into(), choose::layout(trees.to_vec(), outputs, 0, MEASURING)),
    ];
    for (kernel, both) in
        Kernel::all().into_iter().flat_map(|kernel| [(kernel, true), (kernel, false)])
    {
        let (few, many) = (Keys::new(trees, outputs, usize::MAX), Tournament { kernel, from: 20 });
        if let Some(ranked) = Ranked::new(trees, outputs, usize::MAX) {
            let layout = if both {
                Layout::Both { few, ranked, many }
            } else {
                Layout::Ranked { ranked, many: Some(many) }
            };
            mixtures.push((format!("{kernel:?} from 20 rows, keys below: {both}"), layout));
        }
    }
    mixtures
}

/// All layouts give what the reference does; how many there are.
fn compare(seed: u64, shape: Shape, count: usize, columns: usize) -> usize {
    let mut random = Random(seed);
    let trees: Vec<Tree> = (0..shape.trees).map(|_| tree(&mut random, shape)).collect();
    let cells = rows(&mut random, count, columns);
    let mut expected = vec![0.5; count * shape.outputs];
    for (row, margins) in cells.chunks(columns).zip(expected.chunks_mut(shape.outputs)) {
        reference(&trees, row, margins);
    }
    let dense = Rows::Dense { columns, cells };
    let mut layouts = layouts(&trees, shape.outputs);
    layouts.extend(mixtures(&trees, shape.outputs));
    for (name, layout) in &layouts {
        for rows in [&dense, &sparse(&dense)] {
            let mut margins = vec![0.5; count * shape.outputs];
            layout.add(rows, 0, &mut margins, shape.outputs, &mut Scratch::default());
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&margins), bits(&expected), "{name}, {shape:?}");
            let half = count / 2;
            let (first, rest) = (0.5_f32, half * shape.outputs);
            let mut margins = vec![first; count * shape.outputs - rest];
            layout.add(rows, half, &mut margins, shape.outputs, &mut Scratch::default());
            assert_eq!(bits(&margins), bits(&expected[rest..]), "{name}, from {half} on");
        }
    }
    layouts.len()
}

fn sparse(dense: &Rows) -> Rows {
    let (mut ends, mut entries) = (Vec::new(), Vec::new());
    for row in 0..dense.len() {
        dense.visit(row, |column, value| entries.push((u32::try_from(column).unwrap(), value)));
        ends.push(entries.len());
    }
    Rows::Sparse { columns: dense.columns(), ends, entries }
}

const USUAL: Shape = Shape { trees: 19, depth: 6, features: 9, outputs: 1, split: 95, special: 0 };

#[test]
fn all_layouts_take_an_ordinary_forest_of_any_depth() {
    for depth in 1..=9 {
        let layouts = compare(depth as u64, Shape { depth, ..USUAL }, 150, 9);
        assert_eq!(layouts, 6 + 3 * Kernel::all().len(), "depth {depth}");
    }
}

#[test]
fn a_forest_of_leaves_alone_looks_at_nothing() {
    compare(1, Shape { depth: 0, ..USUAL }, 70, 3);
}

#[test]
fn rows_may_be_none_few_or_narrower_than_the_model() {
    for count in [0, 1, 19, 20, 63, 64, 65, 128, 700] {
        compare(count as u64, USUAL, count, 4);
    }
}

#[test]
fn long_thin_trees_are_not_padded() {
    let shape = Shape { trees: 200, depth: 40, split: 52, ..USUAL };
    compare(1, shape, 70, 9);
    let mut random = Random(1);
    let trees: Vec<Tree> = (0..shape.trees).map(|_| tree(&mut random, shape)).collect();
    let nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
    assert!(trees.iter().any(|tree| tree.depth > 12));
    assert!(Keys::new(&trees, 1, usize::MAX).bytes() <= 48 * nodes + 64);
    assert!(Keys::new(&trees, 1, 0).bytes() <= 20 * nodes + 64 * trees.len());
}

#[test]
fn a_column_of_255_thresholds_is_ranked_and_one_of_256_is_not() {
    for (count, fits) in [(255_u16, true), (256, false)] {
        let stump = |threshold: u16| Tree {
            nodes: vec![
                Node::Split {
                    feature: 0,
                    threshold: f32::from(threshold),
                    default_left: threshold.is_multiple_of(2),
                    left: 1,
                },
                Node::Leaf(0.1),
                Node::Leaf(0.7),
            ],
            categories: Categories::default(),
            depth: 1,
            output: 0,
            weight: 1.0,
        };
        let trees: Vec<Tree> = (0..count).map(stump).collect();
        assert_eq!(Ranked::new(&trees, 1, usize::MAX).is_some(), fits);
        let values = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -1.0, 0.0, 253.5, 254.0, 255.0];
        let rows = Rows::Dense { columns: 1, cells: values.to_vec() };
        let mut expected = vec![0.0; values.len()];
        for (value, margin) in values.iter().zip(expected.chunks_mut(1)) {
            reference(&trees, &[*value], margin);
        }
        for (name, layout) in layouts(&trees, 1) {
            let mut margins = vec![0.0; values.len()];
            layout.add(&rows, 0, &mut margins, 1, &mut Scratch::default());
            assert_eq!(margins, expected, "{name}, {count} thresholds");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn all_layouts_give_the_same_bits_for_any_forest_and_row(
        seed: u64,
        trees in 1..30_usize,
        depth in 0..10_usize,
        features in 1..40_usize,
        outputs in 1..5_usize,
        split in 30..100_usize,
        special in 0..40_usize,
        count in 0..200_usize,
        columns in 1..40_usize,
    ) {
        let shape = Shape { trees, depth, features, outputs, split, special };
        compare(seed, shape, count, columns.min(features));
    }
}
