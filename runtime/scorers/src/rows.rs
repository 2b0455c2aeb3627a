//! Rows of features: as a request brings them, and as the forest wants them.

use std::ops::Range;

/// Rows as a request has them; what is absent is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
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
    /// The memory of dense cells, to be used again.
    pub(crate) fn into_cells(self) -> Vec<f32> {
        match self {
            Self::Dense { cells, .. } => cells,
            Self::Sparse { .. } => Vec::new(),
        }
    }

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

    /// A column of a sparse row. One beyond all models counts as the last: rows so wide are never
    /// scored.
    pub(crate) fn column(index: u64) -> u32 {
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// How many columns rows have that have this one.
    pub(crate) fn width(index: u64) -> usize {
        usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// Hands `put` what a row has in each of the `chosen` columns, which rise: the column's place
    /// among them and the value, NaN where it is missing. The last word on a place counts.
    pub(crate) fn pick(&self, row: usize, chosen: &[u32], mut put: impl FnMut(usize, f32)) {
        match self {
            Self::Dense { columns, cells } => {
                let row = &cells[row * columns..(row + 1) * columns];
                for (place, column) in chosen.iter().enumerate() {
                    put(place, row.get(*column as usize).copied().unwrap_or(f32::NAN));
                }
            }
            Self::Sparse { .. } => {
                (0..chosen.len()).for_each(|place| put(place, f32::NAN));
                self.visit(row, |column, value| {
                    if let Ok(place) =
                        chosen.binary_search_by(|other| (*other as usize).cmp(&column))
                    {
                        put(place, value);
                    }
                });
            }
        }
    }

    /// The same of at most `ROWS` rows, each of the chosen columns by itself.
    pub(crate) fn transpose<const ROWS: usize>(
        &self,
        range: Range<usize>,
        chosen: &[u32],
        values: &mut [[f32; ROWS]],
    ) {
        match self {
            Self::Dense { columns, cells } => {
                let rows = &cells[range.start * columns..range.end * columns];
                for (values, column) in values.iter_mut().zip(chosen) {
                    let column = *column as usize;
                    if column < *columns {
                        let rows = rows.chunks_exact(*columns);
                        values.iter_mut().zip(rows).for_each(|(value, row)| *value = row[column]);
                    } else {
                        values.fill(f32::NAN);
                    }
                }
            }
            Self::Sparse { .. } => {
                for (place, row) in range.enumerate() {
                    self.pick(row, chosen, |column, value| values[column][place] = value);
                }
            }
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
