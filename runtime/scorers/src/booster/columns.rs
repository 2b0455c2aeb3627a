//! A tree as XGBoost's documents store it, one array for each property, and the checks that make a
//! [`Tree`] of it.

use std::collections::VecDeque;

use super::{BoosterError, Categories, MAX_DEPTH, Node, Tree, parts::bounded};

/// What marks a split that asks for categories.
const CATEGORICAL: u8 = 1;

/// Properties by node.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) left: Vec<i32>,
    pub(super) right: Vec<i32>,
    /// The most where it is out of range, as in nodes that were pruned away.
    pub(super) features: Vec<u32>,
    pub(super) conditions: Vec<f32>,
    pub(super) default_left: Vec<u8>,
    /// Nothing at all where all splits compare numbers.
    pub(super) split_types: Vec<u8>,
    pub(super) choices: Choices,
    pub(super) leaf_size: usize,
}

/// The categories of some nodes, which rise; one node's behind the other's.
#[derive(Default)]
pub(super) struct Choices {
    pub(super) nodes: Vec<u32>,
    /// Where each one's begin.
    pub(super) starts: Vec<usize>,
    pub(super) sizes: Vec<usize>,
    pub(super) categories: Vec<u32>,
}

impl Columns {
    /// Of so many nodes that compare numbers.
    pub(super) fn with_room(nodes: usize) -> Self {
        Self {
            left: Vec::with_capacity(nodes),
            right: Vec::with_capacity(nodes),
            features: Vec::with_capacity(nodes),
            conditions: Vec::with_capacity(nodes),
            default_left: Vec::with_capacity(nodes),
            ..Self::default()
        }
    }

    /// The tree that the root reaches, breadth first; as if it were alone. Its features are not
    /// checked, for a document tells how many there are behind its trees.
    pub(super) fn tree(&self, tree: usize) -> Result<Tree, BoosterError> {
        self.check_shape(tree)?;
        let categorical = self.split_types.contains(&CATEGORICAL);
        let mut nodes = Vec::with_capacity(self.left.len());
        let mut categories = if categorical {
            Categories::with_room(self.left.len(), self.choices.categories.len())
        } else {
            Categories::default()
        };
        let mut waiting = VecDeque::from([(0usize, 0usize)]);
        let mut deepest = 0;
        while let Some((at, depth)) = waiting.pop_front() {
            deepest = deepest.max(depth);
            if categorical {
                categories.push(self.chosen(tree, at)?);
            }
            if self.left[at] == -1 {
                nodes.push(Node::Leaf(self.conditions[at]));
                continue;
            }
            bounded("splits on one path", depth + 1, MAX_DEPTH)?;
            // Every node has one parent, or more would wait than there are.
            let left = nodes.len() + waiting.len() + 1;
            if left + 1 >= self.left.len() {
                return Err(damaged(tree, at, "its nodes are no tree"));
            }
            nodes.push(self.split(tree, at, left)?);
            for child in [self.left[at], self.right[at]] {
                let child = usize::try_from(child).ok().filter(|child| *child < self.left.len());
                let child = child.ok_or_else(|| damaged(tree, at, "a child is out of range"))?;
                waiting.push_back((child, depth + 1));
            }
        }
        nodes.shrink_to_fit();
        Ok(Tree { nodes, categories, depth: deepest, output: 0, weight: 1.0 })
    }

    /// Bytes that its tree takes, in a list that grows.
    pub(super) fn tree_bytes(&self) -> usize {
        let categories = self.split_types.len() + self.choices.categories.len();
        2 * size_of::<Tree>() + self.left.len() * size_of::<Node>() + categories * size_of::<u32>()
    }

    fn split(&self, tree: usize, at: usize, left: usize) -> Result<Node, BoosterError> {
        let left = u32::try_from(left).map_err(|_| damaged(tree, at, "too many nodes"))?;
        Ok(Node::Split {
            feature: self.features[at],
            threshold: self.conditions[at],
            default_left: self.default_left[at] != 0,
            left,
        })
    }

    /// What a node asks for: nothing where it is a leaf or compares numbers.
    fn chosen(&self, tree: usize, at: usize) -> Result<&[u32], BoosterError> {
        if self.left[at] == -1 || self.split_types.get(at) != Some(&CATEGORICAL) {
            return Ok(&[]);
        }
        let chosen = self.choices.of(at).filter(|chosen| !chosen.is_empty());
        chosen.ok_or_else(|| damaged(tree, at, "it asks for categories and names none"))
    }

    fn check_shape(&self, tree: usize) -> Result<(), BoosterError> {
        if self.leaf_size > 1 {
            return Err(BoosterError::Unsupported(
                "its leaves are vectors; train it with `multi_strategy` `one_output_per_tree`"
                    .into(),
            ));
        }
        let nodes = self.left.len();
        let lengths =
            [self.right.len(), self.features.len(), self.conditions.len(), self.default_left.len()];
        if nodes == 0 || lengths.iter().any(|length| *length != nodes) {
            return Err(damaged(tree, 0, "its arrays differ in length"));
        }
        if !self.choices.are_in_order() {
            return Err(damaged(tree, 0, "its categories are not in order"));
        }
        Ok(())
    }
}

impl Choices {
    /// Whether every node has its own, one behind the other: else a few would count many times.
    fn are_in_order(&self) -> bool {
        let Self { nodes, starts, sizes, categories } = self;
        let mut end = 0_usize;
        let behind = starts.iter().zip(sizes).all(|(start, size)| {
            let behind = *start == end;
            end = end.saturating_add(*size);
            behind
        });
        behind
            && [starts.len(), sizes.len()] == [nodes.len(); 2]
            && end <= categories.len()
            && nodes.is_sorted_by(|one, next| one < next)
    }

    fn of(&self, node: usize) -> Option<&[u32]> {
        let at = self.nodes.binary_search(&u32::try_from(node).ok()?).ok()?;
        self.categories.get(self.starts[at]..self.starts[at] + self.sizes[at])
    }
}

fn damaged(tree: usize, node: usize, what: &str) -> BoosterError {
    BoosterError::Damaged(format!("tree {tree}, node {node}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `f0` is one of 3 and 5: 0.75, else 0.25.
    fn choosing() -> Columns {
        Columns {
            left: vec![1, -1, -1],
            right: vec![2, -1, -1],
            features: vec![0; 3],
            conditions: vec![0.0, 0.25, 0.75],
            default_left: vec![0; 3],
            split_types: vec![CATEGORICAL, 0, 0],
            choices: Choices {
                nodes: vec![0],
                starts: vec![0],
                sizes: vec![2],
                categories: vec![5, 3],
            },
            leaf_size: 1,
        }
    }

    #[test]
    fn a_split_has_the_categories_of_its_node() {
        let tree = choosing().tree(0).unwrap();
        for (value, left) in [(3.0, false), (5.0, false), (4.0, true)] {
            assert_eq!(tree.categories.left(0, value), Some(left));
        }
        assert_eq!(tree.categories.left(1, 3.0), None);
    }

    #[test]
    fn categories_that_are_not_as_xgboost_writes_them_are_refused() {
        let told = |change: fn(&mut Columns)| {
            let mut columns = choosing();
            change(&mut columns);
            columns.tree(4).unwrap_err().to_string()
        };
        for (change, why) in [
            ((|columns| columns.choices.nodes = vec![1]) as fn(&mut Columns), "names none"),
            (|columns| columns.choices.sizes = vec![0], "names none"),
            (|columns| columns.choices = Choices::default(), "names none"),
            (|columns| columns.choices.sizes = vec![3], "not in order"),
            (|columns| columns.choices.sizes = vec![usize::MAX], "not in order"),
            (|columns| columns.choices.starts = vec![1], "not in order"),
            (|columns| columns.choices.starts.clear(), "not in order"),
            (
                |columns| {
                    columns.choices.nodes = vec![0, 0];
                    columns.choices.starts = vec![0, 1];
                    columns.choices.sizes = vec![1, 1];
                },
                "not in order",
            ),
        ] {
            let told = told(change);
            assert!(told.contains(why), "{told}");
        }
    }
}
