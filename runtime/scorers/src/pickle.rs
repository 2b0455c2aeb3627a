//! Reads Python pickles of `xgboost.core.Booster`, as containers up to 1.2 write them, as data.
//!
//! A pickle is a program for a stack machine that may call anything. This machine knows the
//! instructions that CPython's protocols 0 to 5 write for a booster and nothing else: it never
//! calls, imports or looks up anything. A class or function is one of [`Global`]'s inert names, or
//! the pickle is refused by that name. What cannot hold a model (numbers, lists, other texts) is
//! not kept but only counted on the stack, so a pickle takes little beyond its own bytes.
//!
//! The booster's state has the model as `handle`, which protocols below 3 spell as a text of the
//! same characters.

mod machine;
mod value;

use std::borrow::Cow;

use crate::format::Malformed;
use machine::Machine;

/// Why a pickle is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PickleError {
    /// It is cut off, or no pickle.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// It would have Python look something up that a booster does not need.
    #[error("it names `{0}`, and only a pickled `xgboost.core.Booster` is read, without Python")]
    Foreign(String),
    /// It ends with something else.
    #[error("it holds no trained `xgboost.core.Booster`")]
    NoModel,
}

/// What matters of a pickled booster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pickled<'a> {
    /// What XGBoost made of the model.
    pub(crate) handle: Cow<'a, [u8]>,
    /// `best_ntree_limit`: how many trees for each output the container predicts with; 0 for all.
    pub(crate) limit: usize,
}

/// Whether these are the first bytes of a pickle; those of protocols 0 and 1 of a booster.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 0..=5, ..]) || bytes.starts_with(b"ccopy")
}

/// Reads a pickle.
pub(crate) fn read(bytes: &[u8]) -> Result<Pickled<'_>, PickleError> {
    let state = Machine::new(bytes).run()?;
    let handle = state.handle.ok_or(PickleError::NoModel)?;
    Ok(Pickled { handle, limit: state.limit })
}

#[cfg(test)]
mod tests;
