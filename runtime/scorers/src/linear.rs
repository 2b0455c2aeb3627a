//! Scores `gblinear` models, to the bit as XGBoost does.
//!
//! A row's sum starts from bias plus base margin, then adds the features that are there, in `f32`,
//! by rising column.

use crate::rows::Rows;

/// Turns base margins of the rows from `first` on into margins, `outputs` a row. `weights` has one per feature and output,
/// then the biases. XGBoost 3.2 starts every output from the *first* base margin; so do we.
pub(crate) fn score(
    weights: &[f32],
    rows: &Rows,
    first: usize,
    margins: &mut [f32],
    outputs: usize,
) {
    let biases = &weights[weights.len() - outputs..];
    for (row, margins) in margins.chunks_mut(outputs).enumerate() {
        let base_margin = margins[0];
        for (margin, bias) in margins.iter_mut().zip(biases) {
            *margin = bias + base_margin;
        }
        rows.visit(first + row, |column, value| {
            let weights = &weights[column * outputs..(column + 1) * outputs];
            for (margin, weight) in margins.iter_mut().zip(weights) {
                *margin += value * weight;
            }
        });
    }
}
