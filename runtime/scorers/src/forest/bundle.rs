//! Neighbouring trees, walked in lock-step.
//!
//! [`LANES`] trees are one bundle and go down together, level by level, so that their loads overlap
//! and no branch depends on data. Their first levels are the *crown*, padded to perfect trees. What
//! is deeper is linked: padding it would double with each level, and deep trees are seldom full.
//!
//! Any tree can be laid out so: one that is long and thin has a crown of no level at all.

use crate::{
    booster::{Node, Tree},
    kernels::{Crown, LANES, LEVELS, ROWS, Split},
};

/// How many times the bytes of its nodes a bundle may take.
const MAX_PADDING: usize = 4;

/// A node below the crown.
#[derive(Clone, Copy, Debug)]
struct Link<S> {
    split: S,
    /// The right child; the left one stands before it. A leaf's is itself, and none goes left.
    right: u32,
}

/// Trees of about one depth.
#[derive(Debug)]
pub(super) struct Bundle<S> {
    crown: Crown<S>,
    /// Levels below it.
    below: usize,
    /// What follows the crown, tree by tree: first those that the crown leads to, then the rest.
    /// Empty where nothing is below.
    links: Vec<Link<S>>,
    /// The leaves among those, 0 for others.
    leaves: Vec<f32>,
    /// Where each tree's part of both begins.
    starts: [usize; LANES],
    /// Where each tree adds to; at least one, at most [`LANES`].
    outputs: Vec<usize>,
}

/// How many levels of trees to pad: as many as take no more than `allowance` bytes for each node,
/// and not too much whatever is allowed.
pub(super) fn levels<S: Split>(trees: &[Tree], allowance: usize) -> usize {
    let depth = depth(trees);
    let nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
    let limit = nodes.max(LANES) * allowance.min(MAX_PADDING * size_of::<Link<S>>());
    let bytes = |levels: usize| {
        let ends = trees.len() << levels;
        let linked = if levels < depth { ends + nodes } else { 0 };
        let links = linked * (size_of::<Link<S>>() + size_of::<f32>());
        Crown::<S>::bytes(levels) + ends * size_of::<f32>() + links
    };
    (0..=depth.min(LEVELS)).rev().find(|levels| bytes(*levels) <= limit).unwrap_or(0)
}

fn depth(trees: &[Tree]) -> usize {
    trees.iter().map(|tree| tree.depth).max().unwrap_or(0)
}

/// XGBoost multiplies the leaf, not the sum, and adds it to zero first (which turns −0 into 0).
pub(super) fn weighted(tree: &Tree, leaf: f32) -> f32 {
    (0.0 + leaf) * tree.weight
}

/// Trees being laid out.
struct Garden<S> {
    levels: usize,
    crown: Vec<S>,
    links: Vec<Link<S>>,
    leaves: Vec<f32>,
}

impl<S: Split> Garden<S> {
    /// Plants a tree; where its part begins.
    fn plant(&mut self, lane: usize, tree: &Tree, split: &impl Fn(u32, f32, bool) -> S) -> usize {
        let (start, ends) = (self.leaves.len(), 1 << self.levels);
        self.grow(start, ends);
        // A node of the tree, its place in the crown, its level.
        let mut open = vec![(0, 1, 0)];
        while let Some((at, place, level)) = open.pop() {
            match tree.nodes[at] {
                Node::Split { feature, threshold, default_left, left } if level < self.levels => {
                    self.crown[lane * ends + place] = split(feature, threshold, default_left);
                    open.push((left as usize, 2 * place + 1, level + 1));
                    open.push((left as usize + 1, 2 * place, level + 1));
                }
                Node::Split { .. } => self.link(start, place - ends, tree, at, split),
                Node::Leaf(leaf) => {
                    let padding = 1 << (self.levels - level);
                    let first = start + place * padding - ends;
                    self.leaves[first..first + padding].fill(weighted(tree, leaf));
                }
            }
        }
        start
    }

    /// Links what is below an end of the crown.
    fn link(
        &mut self,
        start: usize,
        end: usize,
        tree: &Tree,
        at: usize,
        split: &impl Fn(u32, f32, bool) -> S,
    ) {
        let mut open = vec![(at, end)];
        while let Some((at, place)) = open.pop() {
            match tree.nodes[at] {
                Node::Split { feature, threshold, default_left, left } => {
                    let child = self.leaves.len() - start;
                    self.grow(start, 2);
                    let split = split(feature, threshold, default_left);
                    self.links[start + place] = Link { split, right: narrow(child + 1) };
                    open.push((left as usize, child));
                    open.push((left as usize + 1, child + 1));
                }
                Node::Leaf(leaf) => self.leaves[start + place] = weighted(tree, leaf),
            }
        }
    }

    /// Adds leaves to the tree that begins at `start`.
    fn grow(&mut self, start: usize, count: usize) {
        for _ in 0..count {
            let place = self.leaves.len() - start;
            self.links.push(Link { split: S::NEVER, right: narrow(place) });
            self.leaves.push(0.0);
        }
    }
}

impl<S: Split> Bundle<S> {
    /// Lays out at most [`LANES`] trees, so many [`levels`] of them padded; `split` makes a split of
    /// feature, threshold, and whether what is missing goes left.
    pub(super) fn new(trees: &[Tree], levels: usize, split: impl Fn(u32, f32, bool) -> S) -> Self {
        let crown = vec![S::NEVER; LANES << levels];
        let mut garden = Garden { levels, crown, links: Vec::new(), leaves: Vec::new() };
        let mut starts = [0; LANES];
        for (lane, tree) in trees.iter().enumerate() {
            starts[lane] = garden.plant(lane, tree, &split);
        }
        let below = depth(trees) - levels;
        Self {
            crown: Crown::new(levels, garden.crown),
            below,
            links: if below == 0 { Vec::new() } else { exact(garden.links) },
            leaves: exact(garden.leaves),
            starts,
            outputs: trees.iter().map(|tree| tree.output).collect(),
        }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        Crown::<S>::bytes(self.crown.levels())
            + size_of_val(&self.links[..])
            + size_of_val(&self.leaves[..])
    }

    /// The padded levels.
    pub(super) fn crown(&self) -> &Crown<S> {
        &self.crown
    }

    /// Where each tree adds to.
    pub(super) fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// The leaves at the ends of a tree's crown, if nothing is below.
    pub(super) fn ends(&self, lane: usize) -> Option<&[f32]> {
        let start = self.starts[lane];
        (self.below == 0).then(|| &self.leaves[start..start + (1 << self.crown.levels())])
    }

    /// Adds the leaves that rows come to from their ends of a tree's crown. The cells of row `r`
    /// begin at `chunk[r]`.
    pub(super) fn add_below(
        &self,
        lane: usize,
        ends: &[u8; ROWS],
        chunk: &[S::Cell],
        sums: &mut [f32; ROWS],
    ) {
        let links = &self.links[self.starts[lane]..];
        let mut places = ends.map(usize::from);
        for _ in 0..self.below {
            let mut walking = false;
            for (row, place) in places.iter_mut().enumerate() {
                let next = links[*place].next(&chunk[row..]);
                walking |= next != *place;
                *place = next;
            }
            if !walking {
                break;
            }
        }
        let leaves = &self.leaves[self.starts[lane]..];
        sums.iter_mut().zip(places).for_each(|(sum, place)| *sum += leaves[place]);
    }

    /// Adds a row's leaves to its margins, tree by tree.
    pub(super) fn add(&self, row: &[S::Cell], margins: &mut [f32]) {
        let mut places = self.crown.descend(row);
        for _ in 0..self.below {
            let mut walking = false;
            for (start, place) in self.starts.iter().zip(&mut places) {
                let next = self.links[start + *place].next(row);
                walking |= next != *place;
                *place = next;
            }
            // Long trees are seldom walked to their longest end.
            if !walking {
                break;
            }
        }
        let leaves =
            self.starts.iter().zip(places).map(|(start, place)| self.leaves[start + place]);
        if let [first, rest @ ..] = &self.outputs[..]
            && rest.iter().all(|output| output == first)
        {
            // In a register: through memory, each sum would wait for the one before it.
            let trees = leaves.take(self.outputs.len());
            margins[*first] = trees.fold(margins[*first], |sum, leaf| sum + leaf);
        } else {
            for (leaf, output) in leaves.zip(&self.outputs) {
                margins[*output] += leaf;
            }
        }
    }
}

impl<S: Split> Link<S> {
    fn next(self, row: &[S::Cell]) -> usize {
        self.right as usize - usize::from(self.split.left(row[self.split.cell()]))
    }
}

fn exact<T>(mut values: Vec<T>) -> Vec<T> {
    values.shrink_to_fit();
    values
}

/// A tree's nodes are told in `u32` already.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
