//! A channel's rows, handed over to the library.

use xgboost_sys::{DMatrix, Info, Library, Sparse};

use super::{
    channels::Source,
    failure::Failure,
    hyperparameters::Hyperparameters,
    input::{self, Features, Numbers, Rows},
    log::Log,
    threads,
};

/// A channel that the library has a copy of.
pub struct Data {
    /// `train`, `validation`
    pub channel: &'static str,
    /// The library's copy.
    pub matrix: DMatrix,
    /// What is to be learned, one for each row.
    pub labels: Vec<f32>,
    /// How much each row counts, or nothing.
    pub weights: Vec<f32>,
    /// The query that each row belongs to, or nothing.
    pub queries: Vec<u32>,
    /// How many threads its size is worth.
    pub threads: usize,
}

/// Reads a channel. `None` where there is no row.
pub fn read(
    channel: &str,
    source: &Source,
    chosen: &Hyperparameters,
    numbers: Numbers,
    log: &mut Log<'_>,
) -> Result<Option<Rows>, Failure> {
    let weighted = chosen.integer("csv_weights") == Some(1);
    let readers = threads::reading(input::size(&source.channel));
    let read = input::read(&source.channel, source.format, weighted, numbers, readers)?;
    let Some(input::Read { rows, delimiter, texts }) = read else { return Ok(None) };
    if let Some(delimiter) = delimiter {
        log.info(&format!("Determined delimiter of CSV input is '{delimiter}'"))?;
    }
    if texts > 0 {
        log.warning(&format!(
            "{texts} cells of the channel '{channel}' are no numbers. As in the container, each is \
             the number that it begins with, else missing, and a label is 0"
        ))?;
    }
    let count = rows.len();
    log.info(&match channel {
        "train" => format!("Train matrix has {count} rows and {} columns", rows.columns()),
        _ => format!("Validation matrix has {count} rows"),
    })?;
    Ok(Some(rows))
}

impl Data {
    /// Copies rows into the library.
    pub fn of(
        channel: &'static str,
        rows: &Rows,
        chosen: &Hyperparameters,
        library: &Library,
    ) -> Result<Self, Failure> {
        let threads = threads::training(chosen, rows.cells());
        let matrix =
            matrix(library, rows, threads).map_err(|error| Failure::from_training(&error))?;
        let (labels, weights) = (rows.labels.clone(), rows.weights.clone());
        Ok(Self { channel, matrix, labels, weights, queries: rows.queries.clone(), threads })
    }

    /// Some of its rows.
    pub fn rows(&self, rows: &[i32]) -> Result<Self, Failure> {
        let matrix = self.matrix.slice(rows).map_err(|error| Failure::from_training(&error))?;
        Ok(Self {
            channel: self.channel,
            matrix,
            labels: picked(&self.labels, rows),
            weights: picked(&self.weights, rows),
            queries: picked(&self.queries, rows),
            threads: self.threads,
        })
    }
}

/// The numbers of rows; none where there are none at all.
fn picked<T: Copy>(numbers: &[T], rows: &[i32]) -> Vec<T> {
    let at = |row: &i32| numbers.get(usize::try_from(*row).ok()?).copied();
    rows.iter().filter_map(at).collect()
}

fn matrix(library: &Library, rows: &Rows, threads: usize) -> Result<DMatrix, xgboost_sys::Error> {
    let mut matrix = match &rows.features {
        Features::Dense { columns, cells } => {
            DMatrix::from_dense(library, cells, *columns, threads)
        }
        Features::Sparse { columns, ends, indices, values } => {
            let sparse = Sparse { columns: *columns, ends, indices, values };
            DMatrix::from_sparse(library, sparse, threads)
        }
    }?;
    matrix.set(Info::Label, &rows.labels)?;
    if !rows.weights.is_empty() {
        matrix.set(Info::Weight, &rows.weights)?;
    }
    if !rows.queries.is_empty() {
        matrix.set_queries(&rows.queries)?;
    }
    Ok(matrix)
}
