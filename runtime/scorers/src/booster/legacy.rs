//! Reads a [`Booster`] from XGBoost's old binary, which `save_model` wrote from 0.4 to 2.x.
//!
//! It is C structures behind one another, little-endian, with reserved space in each; lengths are
//! 64 bits wide. From 1.2 on the file begins with `binf`. Of what follows the trees or weights
//! only one attribute is read; metrics and a Poisson step do not change a prediction. Before 1.0
//! the base score is a margin already, and up to 1.2 `binary:logitraw` has one in probabilities.

use super::{
    Booster, BoosterError, LIMIT, MAX_TREES, Order,
    columns::Columns,
    parts::{Base, Parts, bounded},
};
use crate::{
    format::{LONGEST_NAME, Malformed},
    objective::Objective,
};

/// What the file may begin with.
const MAGIC: &[u8] = b"binf";
/// `LearnerModelParam`, of which 36 bytes are used.
const PARAMETERS: usize = 136;
/// `GBTreeModelParam`, which begins with the number of trees.
const FOREST: usize = 160;
/// `TreeParam`: 6 numbers that are used.
const TREE: usize = 148;
/// Parent, two children, feature with the default's direction on top, condition or leaf.
const NODE: usize = 20;
/// `RTreeNodeStat`: what training leaves behind for each node.
const STATISTICS: usize = 16;
/// `GBLinearModelParam`, of which nothing is needed.
const LINEAR: usize = 136;
/// The bit of a node's feature that sends missing values to the left.
const DEFAULT_LEFT: u32 = 1 << 31;

/// Whether the names stand where the old binary has them.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
        || header(&mut Fields::new(bytes))
            .is_ok_and(|parts| ["gbtree", "dart", "gblinear"].contains(&parts.booster.as_str()))
}

/// Reads a model.
pub(crate) fn read(bytes: &[u8]) -> Result<Booster, BoosterError> {
    let mut fields = Fields::new(bytes);
    let mut parts = header(&mut fields)?;
    match parts.booster.as_str() {
        "gblinear" => {
            fields.take(LINEAR)?;
            parts.weights = fields.floats()?;
        }
        "gbtree" => forest(&mut fields, &mut parts)?,
        "dart" => {
            forest(&mut fields, &mut parts)?;
            if !parts.trees.is_empty() {
                parts.weight_drop = fields.floats()?;
            }
        }
        // Which is refused by its name.
        _ => {}
    }
    // Nothing but this note is lost where the rest is damaged.
    parts.best_ntree_limit = limit(&mut fields).ok().flatten().unwrap_or(0);
    parts.booster()
}

/// The note of the best trees among the attributes: pairs of texts, each behind its length.
fn limit(fields: &mut Fields<'_>) -> Result<Option<usize>, Malformed> {
    for _ in 0..fields.length()? {
        let (key, value) = (fields.text()?, fields.text()?);
        if key == LIMIT.as_bytes() {
            return Ok(std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()));
        }
    }
    Ok(None)
}

/// What stands before the trees or weights.
fn header(fields: &mut Fields<'_>) -> Result<Parts, Malformed> {
    let mut parameters = Fields { bytes: fields.take(PARAMETERS)?, at: 0 };
    let base_score = parameters.float()?;
    let (features, classes) = (parameters.count()?, parameters.count()?);
    let _extra_attributes_and_metrics = parameters.take(8)?;
    let version = (parameters.unsigned()?, parameters.unsigned()?);
    let targets = parameters.count()?;
    let (objective, booster) = (fields.name()?, fields.name()?);
    let base = base(version, &objective, base_score);
    let order = order(version, &booster);
    Ok(Parts { booster, objective, features, classes, targets, base, order, ..Parts::default() })
}

fn order(version: (u32, u32), booster: &str) -> Order {
    match (version, booster) {
        ((0, _) | (1, ..3), _) | ((1, 3), "dart") => Order::BaseLast,
        _ => Order::BaseFirst,
    }
}

fn base(version: (u32, u32), objective: &str, score: f32) -> Base {
    match (version, objective) {
        ((0, _), _) => Base::Margin(score),
        ((1, ..3), "binary:logitraw") => {
            let logistic = Objective::named("binary:logistic");
            Base::Margin(logistic.map_or(score, |logistic| logistic.margin(score)))
        }
        _ => Base::Scores(vec![score]),
    }
}

fn forest(fields: &mut Fields<'_>, parts: &mut Parts) -> Result<(), BoosterError> {
    let trees = Fields { bytes: fields.take(FOREST)?, at: 0 }.count()?;
    bounded("trees", trees, MAX_TREES)?;
    for index in 0..trees {
        parts.trees.push(tree(fields, index)?.tree(index)?);
    }
    for output in fields.records::<4>(trees)? {
        let output = i32::from_le_bytes(*output);
        parts.outputs.push(usize::try_from(output).unwrap_or(usize::MAX));
    }
    Ok(())
}

fn tree(fields: &mut Fields<'_>, index: usize) -> Result<Columns, BoosterError> {
    let mut parameters = Fields { bytes: fields.take(TREE)?, at: 0 };
    let (roots, nodes) = (parameters.count()?, parameters.count()?);
    let _deleted_depth_and_features = parameters.take(12)?;
    let leaf_size = parameters.count()?;
    if roots > 1 {
        let sentence = format!("its tree {index} has {roots} roots; at most one is supported");
        return Err(BoosterError::Unsupported(sentence));
    }
    let records = fields.records::<NODE>(nodes)?;
    fields.records::<STATISTICS>(nodes)?;
    let mut columns = Columns { leaf_size, ..Columns::with_room(nodes) };
    for record in records {
        let mut node = Fields { bytes: record, at: 0 };
        let _parent = node.take(4)?;
        columns.left.push(node.signed()?);
        columns.right.push(node.signed()?);
        let feature = node.unsigned()?;
        columns.features.push(feature & !DEFAULT_LEFT);
        columns.default_left.push(u8::from(feature & DEFAULT_LEFT != 0));
        columns.conditions.push(node.float()?);
    }
    Ok(columns)
}

/// Bytes being read. Nothing is allocated by a length before that many bytes are there.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn new(file: &'a [u8]) -> Self {
        let at = if file.starts_with(MAGIC) { MAGIC.len() } else { 0 };
        Self { bytes: file, at }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.malformed("the file ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn records<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], Malformed> {
        Ok(self.take(count.saturating_mul(N))?.as_chunks().0)
    }

    fn float(&mut self) -> Result<f32, Malformed> {
        self.array().map(f32::from_le_bytes)
    }

    fn signed(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    fn unsigned(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of 32 bits that counts something.
    fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.signed()?);
        count.map_err(|_| self.malformed("a count is negative"))
    }

    /// A length of 64 bits.
    fn length(&mut self) -> Result<usize, Malformed> {
        let length = usize::try_from(u64::from_le_bytes(self.array()?));
        length.map_err(|_| self.malformed("a length is out of range"))
    }

    /// Bytes behind their length.
    fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        self.take(length)
    }

    fn name(&mut self) -> Result<String, Malformed> {
        let name = std::str::from_utf8(self.text()?).ok();
        let name = name.filter(|name| name.len() <= LONGEST_NAME);
        Ok(name.ok_or_else(|| self.malformed("a name is no short text"))?.to_owned())
    }

    fn floats(&mut self) -> Result<Vec<f32>, Malformed> {
        let length = self.length()?;
        Ok(self.records(length)?.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

#[cfg(test)]
pub(crate) mod tests;
