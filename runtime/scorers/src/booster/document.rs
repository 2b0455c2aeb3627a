//! Reads a [`Booster`] from the tokens of a document, whatever the order of its members.

use std::str::FromStr;

use super::{
    Booster, BoosterError, LIMIT, MAX_OUTPUTS, MAX_TREES, Tree,
    columns::Columns,
    parts::{Base, Parts, bounded},
};
use crate::{
    format::{Token, Tokens, floats, integers, name, object, saturated, skip, text},
    readable::readable,
};

/// Bytes of a document for each node, at the least: ten arrays have something for it, of two bytes or,
/// where that is a float, of four. A tree has more.
const NODE: usize = 24;
/// For each weight of a linear model.
const WEIGHT: usize = 4;
/// For each category of a split: of those with one digit there are but ten.
const CATEGORY: usize = 3;

/// Reads a model, or what XGBoost serializes since 1.3: a model beside its configuration.
pub(crate) fn read<'a>(mut tokens: impl Tokens<'a>) -> Result<Booster, BoosterError> {
    let (mut parts, mut found) = (Parts::default(), false);
    object(&mut tokens, |key, tokens| match key {
        "learner" => {
            found = true;
            learner(tokens, &mut parts)
        }
        "Model" => object(tokens, |key, tokens| match key {
            "learner" => {
                found = true;
                learner(tokens, &mut parts)
            }
            _ => Ok(skip(tokens)?),
        }),
        _ => Ok(skip(tokens)?),
    })?;
    if !found {
        return Err(BoosterError::Damaged("it has no member `learner`".into()));
    }
    parts.booster()
}

fn learner<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Parts) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| match key {
        "learner_model_param" => parameters(tokens, to),
        "objective" => object(tokens, |key, tokens| match key {
            "name" => {
                to.objective = name(tokens)?;
                Ok(())
            }
            _ => Ok(skip(tokens)?),
        }),
        "gradient_booster" => gradient_booster(tokens, to),
        "attributes" => attributes(tokens, to),
        _ => Ok(skip(tokens)?),
    })
}

/// Texts that users may add to, so that one which says nothing is no damage.
fn attributes<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Parts) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| match key {
        LIMIT => {
            to.best_ntree_limit = text(tokens)?.parse().unwrap_or(0);
            Ok(())
        }
        _ => Ok(skip(tokens)?),
    })
}

fn parameters<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Parts) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| {
        match key {
            "num_feature" => to.features = parsed(key, &text(tokens)?)?,
            "num_class" => to.classes = parsed(key, &text(tokens)?)?,
            "num_target" => to.targets = parsed(key, &text(tokens)?)?,
            "base_score" => to.base = Base::Scores(base_scores(&text(tokens)?)?),
            _ => skip(tokens)?,
        }
        Ok(())
    })
}

/// `dart` wraps a `gbtree`; both spell their trees alike.
fn gradient_booster<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Parts) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| match key {
        "name" => {
            to.booster = name(tokens)?;
            Ok(())
        }
        "gbtree" => object(tokens, |key, tokens| match key {
            "model" => model(tokens, to),
            _ => Ok(skip(tokens)?),
        }),
        "model" => model(tokens, to),
        "weight_drop" => {
            to.weight_drop = floats(tokens, NODE)?;
            Ok(())
        }
        _ => Ok(skip(tokens)?),
    })
}

fn model<'a, T: Tokens<'a>>(tokens: &mut T, to: &mut Parts) -> Result<(), BoosterError> {
    object(tokens, |key, tokens| {
        match key {
            "trees" => to.trees = trees(tokens)?,
            "tree_info" => to.outputs = integers(tokens, NODE)?,
            "weights" => to.weights = floats(tokens, WEIGHT)?,
            _ => skip(tokens)?,
        }
        Ok(())
    })
}

fn trees<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<Vec<Tree>, BoosterError> {
    if tokens.next()? != Token::ArrayStart {
        return Err(tokens.malformed("expected an array").into());
    }
    let (mut trees, mut nodes) = (Vec::new(), 0);
    loop {
        let tree = match tokens.next()? {
            Token::ArrayEnd => return Ok(trees),
            Token::ObjectStart => tree(tokens, trees.len())?,
            _ => return Err(tokens.malformed("expected a tree").into()),
        };
        nodes += tree.nodes.len();
        bounded("nodes", nodes, tokens.room(NODE))?;
        trees.push(tree);
        bounded("trees", trees.len(), MAX_TREES)?;
    }
}

/// Reads a tree whose opening bracket is consumed. Its columns are charged until it is made of them.
fn tree<'a, T: Tokens<'a>>(tokens: &mut T, index: usize) -> Result<Tree, BoosterError> {
    let before = *tokens.allowance();
    let columns = columns(tokens)?;
    let kept = columns.tree_bytes();
    tokens.charge(kept)?;
    let tree = columns.tree(index)?;
    *tokens.allowance() = before;
    tokens.charge(kept)?;
    Ok(tree)
}

fn columns<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<Columns, BoosterError> {
    let mut columns = Columns::default();
    loop {
        let key = match tokens.next()? {
            Token::ObjectEnd => return Ok(columns),
            Token::Text(key) => key,
            _ => return Err(tokens.malformed("expected a key").into()),
        };
        match &*key.key() {
            "left_children" => columns.left = integers(tokens, NODE)?,
            "right_children" => columns.right = integers(tokens, NODE)?,
            "split_indices" => columns.features = saturated(tokens, NODE)?,
            "split_conditions" => columns.conditions = floats(tokens, NODE)?,
            "default_left" => columns.default_left = integers(tokens, NODE)?,
            "split_type" => columns.split_types = integers(tokens, NODE)?,
            "categories_nodes" => columns.choices.nodes = integers(tokens, NODE)?,
            "categories_segments" => columns.choices.starts = integers(tokens, NODE)?,
            "categories_sizes" => columns.choices.sizes = integers(tokens, NODE)?,
            "categories" => columns.choices.categories = integers(tokens, CATEGORY)?,
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
    text.parse().map_err(|_| BoosterError::Damaged(format!("its `{name}` is `{}`", readable(text))))
}

/// `5E-1` up to XGBoost 3.0, `[5E-1]` or `[1E-1,2E-1]` since.
fn base_scores(text: &str) -> Result<Vec<f32>, BoosterError> {
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    // One more than there may be is too many already.
    let scores = list.split(',').take(MAX_OUTPUTS + 1);
    scores.map(|score| parsed("base_score", score.trim())).collect()
}

#[cfg(test)]
mod tests;
