//! Rows of features: as a request brings them, and as the forest wants them.

/// Rows as a request has them; what is absent is missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rows {
    /// Row after row, all of the same width; a NaN is missing.
    Dense {
        /// Columns of each row, at least 1.
        columns: usize,
        /// A multiple of `columns`.
        cells: Vec<f32>,
    },
    /// Only what is there.
    Sparse {
        /// One more than the largest column.
        columns: usize,
        /// Where each row ends in `entries`.
        ends: Vec<usize>,
        /// Column and value, in the order of columns within a row.
        entries: Vec<(u32, f32)>,
    },
}

impl Rows {
    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Dense { columns, cells } => cells.len() / columns,
            Self::Sparse { ends, .. } => ends.len(),
        }
    }

    /// How many columns.
    pub(crate) fn columns(&self) -> usize {
        match self {
            Self::Dense { columns, .. } | Self::Sparse { columns, .. } => *columns,
        }
    }

    /// Hands `visit` each value of a row that is not missing, by rising column.
    pub(crate) fn visit(&self, row: usize, mut visit: impl FnMut(usize, f32)) {
        match self {
            Self::Dense { columns, cells } => {
                let row = &cells[row * columns..(row + 1) * columns];
                for (column, value) in row.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                    visit(column, *value);
                }
            }
            Self::Sparse { ends, entries, .. } => {
                let start = row.checked_sub(1).map_or(0, |before| ends[before]);
                let row = &entries[start..ends[row]];
                for (column, value) in row.iter().filter(|(_, value)| !value.is_nan()) {
                    visit(*column as usize, *value);
                }
            }
        }
    }
}
