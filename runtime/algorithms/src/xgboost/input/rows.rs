//! Rows with their labels, dense or sparse.

/// Features that rows may have: as many as those of a model that we score.
pub const MAX_COLUMNS: usize = 1 << 24;
/// What is said of a number that XGBoost takes from no one.
pub const INFINITE: &str = "infinite, or too large for 32 bits, which XGBoost refuses";

/// Whether a row may have this weight.
pub fn is_weight(weight: f32) -> bool {
    weight.is_finite() && weight >= 0.0
}

/// Rows of a channel, or a run of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// One for each row.
    pub labels: Vec<f32>,
    /// One for each row, or none at all.
    pub weights: Vec<f32>,
    /// Which query each row belongs to (`qid`), or none at all.
    pub queries: Vec<u32>,
    /// What is learned from.
    pub features: Features,
}

/// The features of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Features {
    /// Row by row, `columns` each; NaN is missing.
    Dense {
        /// At least 1.
        columns: usize,
        /// A multiple of `columns`.
        cells: Vec<f32>,
    },
    /// Only what is there.
    Sparse {
        /// One more than the largest column.
        columns: usize,
        /// Where each row ends in the other two.
        ends: Vec<u64>,
        /// Columns.
        indices: Vec<u32>,
        /// As many as `indices`.
        values: Vec<f32>,
    },
}

impl Rows {
    /// No rows, of so many columns.
    pub fn dense(columns: usize) -> Self {
        Self::of(Features::Dense { columns, cells: Vec::new() })
    }

    /// No rows.
    pub fn sparse() -> Self {
        let none = (Vec::new(), Vec::new(), Vec::new());
        Self::of(Features::Sparse { columns: 0, ends: none.0, indices: none.1, values: none.2 })
    }

    fn of(features: Features) -> Self {
        Self { labels: Vec::new(), weights: Vec::new(), queries: Vec::new(), features }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// How many numbers there are to look at.
    pub fn cells(&self) -> usize {
        match &self.features {
            Features::Dense { cells, .. } => cells.len(),
            Features::Sparse { values, .. } => values.len(),
        }
    }

    /// How many columns.
    pub fn columns(&self) -> usize {
        match &self.features {
            Features::Dense { columns, .. } | Features::Sparse { columns, .. } => *columns,
        }
    }

    /// Puts runs behind one another, of which all are of one kind. Each is let go once its numbers
    /// are taken over, so that nearly no memory is used twice.
    pub fn joined(runs: Vec<Self>) -> Option<Self> {
        let cells: usize = runs.iter().map(Self::cells).sum();
        let rows: usize = runs.iter().map(Self::len).sum();
        let mut runs = runs.into_iter();
        let mut all = runs.next()?;
        all.reserve(rows - all.len(), cells - all.cells());
        runs.for_each(|run| all.append(run));
        Some(all)
    }

    /// Puts the rows of channels behind one another, or says how they differ.
    pub fn alike(channels: Vec<Self>) -> Result<Self, String> {
        let carries = |rows: &Self| (!rows.weights.is_empty(), !rows.queries.is_empty());
        for pair in channels.windows(2) {
            match (&pair[0].features, &pair[1].features) {
                (Features::Sparse { .. }, Features::Sparse { .. }) => {}
                (Features::Dense { columns: one, .. }, Features::Dense { columns: other, .. }) => {
                    if one != other {
                        return Err(format!("one has {one} columns, the other {other}"));
                    }
                }
                (Features::Dense { .. }, Features::Sparse { .. })
                | (Features::Sparse { .. }, Features::Dense { .. }) => {
                    return Err("one is dense, the other sparse".to_owned());
                }
            }
            if carries(&pair[0]) != carries(&pair[1]) {
                return Err("only one has weights, or queries (qid)".to_owned());
            }
        }
        Self::joined(channels).ok_or_else(|| "there is none".to_owned())
    }

    fn reserve(&mut self, rows: usize, cells: usize) {
        self.labels.reserve_exact(rows);
        match &mut self.features {
            Features::Dense { cells: held, .. } => held.reserve_exact(cells),
            Features::Sparse { ends, indices, values, .. } => {
                ends.reserve_exact(rows);
                indices.reserve_exact(cells);
                values.reserve_exact(cells);
            }
        }
    }

    fn append(&mut self, mut run: Self) {
        self.labels.append(&mut run.labels);
        self.weights.append(&mut run.weights);
        self.queries.append(&mut run.queries);
        match (&mut self.features, run.features) {
            (Features::Dense { cells, .. }, Features::Dense { cells: mut more, .. }) => {
                cells.append(&mut more);
            }
            (
                Features::Sparse { columns, ends, indices, values },
                Features::Sparse {
                    columns: more_columns,
                    ends: more_ends,
                    indices: mut more_indices,
                    values: mut more_values,
                },
            ) => {
                let before = values.len() as u64;
                *columns = (*columns).max(more_columns);
                ends.extend(more_ends.into_iter().map(|end| before + end));
                indices.append(&mut more_indices);
                values.append(&mut more_values);
            }
            (Features::Dense { .. }, Features::Sparse { .. })
            | (Features::Sparse { .. }, Features::Dense { .. }) => {
                unreachable!("a format's runs are all of one kind")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(columns: usize, labels: &[f32]) -> Rows {
        let cells = vec![1.0; columns * labels.len()];
        Rows { labels: labels.to_vec(), ..Rows::of(Features::Dense { columns, cells }) }
    }

    #[test]
    fn channels_that_are_alike_become_one() {
        let whole = Rows::alike(vec![dense(2, &[1.0]), dense(2, &[2.0, 3.0])]).unwrap();
        assert_eq!(whole, dense(2, &[1.0, 2.0, 3.0]));
    }

    #[test]
    fn how_channels_differ_is_told() {
        let mut weighted = dense(2, &[1.0]);
        weighted.weights.push(0.5);
        for (other, expected) in [
            (dense(3, &[1.0]), "one has 2 columns, the other 3"),
            (Rows::sparse(), "one is dense, the other sparse"),
            (weighted, "only one has weights, or queries (qid)"),
        ] {
            assert_eq!(Rows::alike(vec![dense(2, &[1.0]), other]).unwrap_err(), expected);
        }
    }
}
