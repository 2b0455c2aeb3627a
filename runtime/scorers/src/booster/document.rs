//! Reads a [`Booster`] from the tokens of a document, whatever the order of its members.

use std::{collections::VecDeque, str::FromStr};

use super::{
    Booster, BoosterError, MAX_DEPTH, MAX_FEATURES, MAX_OUTPUTS, MAX_TREES, Model, Node, Tree,
};
use crate::{
    format::{Token, Tokens, floats, integers, object, skip, text},
    objective::Objective,
};

/// What the members of a document hold, before they are put together.
#[derive(Default)]
struct Document {
    booster: String,
    objective: String,
    features: usize,
    classes: usize,
    targets: usize,
    base_scores: Vec<f32>,
    trees: Vec<Columns>,
    outputs: Vec<usize>,
    weight_drop: Vec<f32>,
    weights: Vec<f32>,
}

/// A tree as XGBoost stores it: one array per property, by node.
#[derive(Default)]
struct Columns {
    left: Vec<i32>,
    right: Vec<i32>,
    features: Vec<i64>,
    conditions: Vec<f32>,
    default_left: Vec<u8>,
    split_types: Vec<u8>,
    leaf_size: usize,
}

/// Reads a model.
pub(crate) fn read<'a>(mut tokens: impl Tokens<'a>) -> Result<Booster, BoosterError> {
    let mut document = Document::default();
    let mut found = false;
    object(&mut tokens, |key, tokens| match key {
        "learner" => {
            found = true;
            learner(tokens, &mut document)
        }
        _ => Ok(skip(tokens)?),
    })?;
    if !found {
        return Err(BoosterError::Damaged("it has no member `learner`".into()));
    }
    document.booster()
}

fn learner<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Document) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| match key {
        "learner_model_param" => parameters(tokens, to),
        "objective" => object(tokens, |key, tokens| match key {
            "name" => {
                to.objective = text(tokens)?.into_owned();
                Ok(())
            }
            _ => Ok(skip(tokens)?),
        }),
        "gradient_booster" => gradient_booster(tokens, to),
        _ => Ok(skip(tokens)?),
    })
}

fn parameters<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Document) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| {
        match key {
            "num_feature" => to.features = parsed(key, &text(tokens)?)?,
            "num_class" => to.classes = parsed(key, &text(tokens)?)?,
            "num_target" => to.targets = parsed(key, &text(tokens)?)?,
            "base_score" => to.base_scores = base_scores(&text(tokens)?)?,
            _ => skip(tokens)?,
        }
        Ok(())
    })
}

/// `dart` wraps a `gbtree`; both spell their trees alike.
fn gradient_booster<'a, T: Tokens<'a>>(
    tokens: &mut T,
    to: &mut Document,
) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| match key {
        "name" => {
            to.booster = text(tokens)?.into_owned();
            Ok(())
        }
        "gbtree" => object(tokens, |key, tokens| match key {
            "model" => model(tokens, to),
            _ => Ok(skip(tokens)?),
        }),
        "model" => model(tokens, to),
        "weight_drop" => {
            to.weight_drop = floats(tokens)?;
            Ok(())
        }
        _ => Ok(skip(tokens)?),
    })
}

fn model<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Document) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| {
        match key {
            "trees" => to.trees = trees(tokens)?,
            "tree_info" => to.outputs = integers(tokens)?,
            "weights" => to.weights = floats(tokens)?,
            _ => skip(tokens)?,
        }
        Ok(())
    })
}

fn trees<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<Vec<Columns>, BoosterError> {
    if tokens.next()? != Token::ArrayStart {
        return Err(tokens.malformed("expected an array").into());
    }
    let mut trees = Vec::new();
    loop {
        match tokens.next()? {
            Token::ArrayEnd => return Ok(trees),
            Token::ObjectStart => trees.push(columns(tokens)?),
            _ => return Err(tokens.malformed("expected a tree").into()),
        }
        bounded("trees", trees.len(), MAX_TREES)?;
    }
}

/// Reads a tree whose opening bracket is consumed.
fn columns<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<Columns, BoosterError> {
    let mut columns = Columns::default();
    loop {
        let key = match tokens.next()? {
            Token::ObjectEnd => return Ok(columns),
            Token::Text(key) => key,
            _ => return Err(tokens.malformed("expected a key").into()),
        };
        match &*key {
            "left_children" => columns.left = integers(tokens)?,
            "right_children" => columns.right = integers(tokens)?,
            "split_indices" => columns.features = integers(tokens)?,
            "split_conditions" => columns.conditions = floats(tokens)?,
            "default_left" => columns.default_left = integers(tokens)?,
            "split_type" => columns.split_types = integers(tokens)?,
            "tree_param" => object(tokens, |key, tokens| {
                match key {
                    "size_leaf_vector" => columns.leaf_size = parsed(key, &text(tokens)?)?,
                    _ => skip(tokens)?,
                }
                Ok::<_, BoosterError>(())
            })?,
            _ => skip(tokens)?,
        }
    }
}

fn parsed<V: FromStr>(name: &str, text: &str) -> Result<V, BoosterError> {
    text.parse().map_err(|_| BoosterError::Damaged(format!("its `{name}` is `{text}`")))
}

/// `5E-1` up to XGBoost 3.0, `[5E-1]` or `[1E-1,2E-1]` since.
fn base_scores(text: &str) -> Result<Vec<f32>, BoosterError> {
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    list.split(',').map(|score| parsed("base_score", score.trim())).collect()
}

fn bounded(what: &'static str, found: usize, limit: usize) -> Result<(), BoosterError> {
    if found > limit {
        return Err(BoosterError::TooLarge { what, found, limit });
    }
    Ok(())
}

impl Document {
    fn booster(self) -> Result<Booster, BoosterError> {
        bounded("features", self.features, MAX_FEATURES)?;
        let outputs = self.classes.max(self.targets).max(1);
        bounded("outputs", outputs, MAX_OUTPUTS)?;
        let objective = Objective::named(&self.objective).ok_or_else(|| {
            BoosterError::Unsupported(format!(
                "its objective `{}` is not supported",
                self.objective
            ))
        })?;
        let base_margins = self.base_margins(&objective, outputs)?;
        let features = self.features;
        let model = match self.booster.as_str() {
            "gbtree" | "dart" => Model::Trees(self.forest(outputs)?),
            "gblinear" => Model::Linear(self.linear(outputs)?),
            other => {
                let sentence = format!("its booster `{other}` is not supported");
                return Err(BoosterError::Unsupported(sentence));
            }
        };
        Ok(Booster { features, outputs, base_margins, objective, model })
    }

    fn base_margins(
        &self,
        objective: &Objective,
        outputs: usize,
    ) -> Result<Vec<f32>, BoosterError> {
        let mut margins: Vec<f32> =
            self.base_scores.iter().map(|score| objective.margin(*score)).collect();
        if margins.iter().any(|margin| margin.is_nan()) {
            let sentence = format!("its `base_score` does not fit `{}`", objective.name);
            return Err(BoosterError::Damaged(sentence));
        }
        if let [margin] = margins[..] {
            margins.resize(outputs, margin);
        }
        if margins.len() != outputs {
            let sentence = format!("{} base scores for {outputs} outputs", margins.len());
            return Err(BoosterError::Damaged(sentence));
        }
        Ok(margins)
    }

    fn forest(self, outputs: usize) -> Result<Vec<Tree>, BoosterError> {
        let dart = self.booster == "dart";
        if self.outputs.len() != self.trees.len()
            || (dart && self.weight_drop.len() != self.trees.len())
        {
            return Err(BoosterError::Damaged("not every tree has its output and weight".into()));
        }
        let mut forest = Vec::with_capacity(self.trees.len());
        for (index, columns) in self.trees.into_iter().enumerate() {
            let output = self.outputs[index];
            if output >= outputs {
                return Err(BoosterError::Damaged(format!("tree {index} has output {output}")));
            }
            let weight = if dart { self.weight_drop[index] } else { 1.0 };
            let (nodes, depth) = columns.nodes(index, self.features)?;
            forest.push(Tree { nodes, depth, output, weight });
        }
        Ok(forest)
    }

    /// 3.2 starts each output of a linear model from the first base score; see `linear`.
    fn linear(self, outputs: usize) -> Result<Vec<f32>, BoosterError> {
        let expected = (self.features + 1) * outputs;
        if self.weights.len() != expected {
            let found = self.weights.len();
            return Err(BoosterError::Damaged(format!("{found} weights instead of {expected}")));
        }
        Ok(self.weights)
    }
}

impl Columns {
    /// The nodes that the root reaches, breadth first, and the depth.
    fn nodes(&self, tree: usize, features: usize) -> Result<(Vec<Node>, usize), BoosterError> {
        self.check_shape(tree)?;
        let mut nodes = Vec::with_capacity(self.left.len());
        let mut waiting = VecDeque::from([(0usize, 0usize)]);
        let mut deepest = 0;
        while let Some((at, depth)) = waiting.pop_front() {
            deepest = deepest.max(depth);
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
            nodes.push(self.split(tree, at, left, features)?);
            for child in [self.left[at], self.right[at]] {
                let child = usize::try_from(child).ok().filter(|child| *child < self.left.len());
                let child = child.ok_or_else(|| damaged(tree, at, "a child is out of range"))?;
                waiting.push_back((child, depth + 1));
            }
        }
        Ok((nodes, deepest))
    }

    fn split(
        &self,
        tree: usize,
        at: usize,
        left: usize,
        features: usize,
    ) -> Result<Node, BoosterError> {
        let feature = usize::try_from(self.features[at]).ok().filter(|feature| *feature < features);
        let feature = feature.and_then(|feature| u32::try_from(feature).ok());
        let feature = feature.ok_or_else(|| damaged(tree, at, "its feature is out of range"))?;
        if self.split_types.get(at).is_some_and(|kind| *kind != 0) {
            return Err(BoosterError::Unsupported(
                "it splits on categories; train it with numbers (one column per category)".into(),
            ));
        }
        let left = u32::try_from(left).map_err(|_| damaged(tree, at, "too many nodes"))?;
        Ok(Node::Split {
            feature,
            threshold: self.conditions[at],
            default_left: self.default_left[at] != 0,
            left,
        })
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
        Ok(())
    }
}

fn damaged(tree: usize, node: usize, what: &str) -> BoosterError {
    BoosterError::Damaged(format!("tree {tree}, node {node}: {what}"))
}
