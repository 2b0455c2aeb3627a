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

/// Columns that no one wonders at.
const WIDE: usize = 100_000;

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
    if is_stray(&rows) {
        log.warning(&format!(
            "The largest index of the channel '{channel}' is {}, and it has {} values in all. \
             Training looks at every column: if that index is a mistake, it makes the job slow",
            rows.columns() - 1,
            rows.cells()
        ))?;
    }
    Ok(Some(rows))
}

/// Whether most columns can hold nothing, as where one index is a mistake.
fn is_stray(rows: &Rows) -> bool {
    match rows.features {
        Features::Dense { .. } => false,
        Features::Sparse { columns, .. } => columns > WIDE && columns > rows.cells(),
    }
}

/// Refuses what the library would refuse of the rows that are learned from, in words of its own.
pub fn check_train(rows: &Rows) -> Result<(), Failure> {
    let what = if rows.columns() == 0 {
        "Its rows have labels and nothing else: there is no feature to learn from"
    } else if !rows.weights.is_empty() && rows.weights.iter().all(|weight| *weight == 0.0) {
        "All weights of its rows are 0: there is nothing to learn from"
    } else {
        return Ok(());
    };
    Err(Failure::User(format!("The channel 'train' cannot be learned from. {what}")))
}

/// How many columns rows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Each row states all of them.
    Stated(usize),
    /// Columns at the end may be absent in all rows.
    Found(usize),
}

impl Width {
    /// Of these rows.
    pub fn of(rows: &Rows) -> Self {
        match rows.features {
            Features::Dense { columns, .. } => Self::Stated(columns),
            Features::Sparse { columns, .. } => Self::Found(columns),
        }
    }

    /// Whether each row states its columns.
    pub fn is_stated(self) -> bool {
        match self {
            Self::Stated(_) => true,
            Self::Found(_) => false,
        }
    }

    /// Refuses rows of a validation, where those of the training are as wide as this.
    pub fn check(self, validation: &Rows) -> Result<(), Failure> {
        let (learned, watched, fits) = match (self, Self::of(validation)) {
            (Self::Stated(learned), Self::Stated(watched)) => {
                (learned, watched, watched == learned)
            }
            (
                Self::Stated(learned) | Self::Found(learned),
                Self::Stated(watched) | Self::Found(watched),
            ) => (learned, watched, watched <= learned),
        };
        if fits {
            return Ok(());
        }
        Err(Failure::User(format!(
            "The rows of the channel 'validation' have {watched} columns behind the label, those \
             of 'train' {learned}. Both must have the same columns"
        )))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(columns: usize, cells: usize) -> Rows {
        let features = Features::Sparse {
            columns,
            ends: vec![cells as u64],
            indices: vec![0; cells],
            values: vec![1.0; cells],
        };
        Rows { labels: vec![1.0], features, ..Rows::sparse() }
    }

    fn told(checked: Result<(), Failure>) -> String {
        checked.unwrap_err().to_string()
    }

    #[test]
    fn a_validation_has_the_columns_of_the_training() {
        let check = |train: &Rows, validation: &Rows| Width::of(train).check(validation);
        let (two, three) = (Rows::dense(2), Rows::dense(3));
        assert_eq!(check(&two, &two), Ok(()));
        let expected = "have 3 columns behind the label, those of 'train' 2. Both must";
        assert!(told(check(&two, &three)).contains(expected));
        assert!(check(&three, &two).is_err(), "no column is absent in rows that state all");
        assert_eq!(check(&sparse(3, 1), &sparse(2, 1)), Ok(()));
        assert!(told(check(&sparse(2, 1), &sparse(3, 1))).contains(expected));
    }

    #[test]
    fn rows_without_features_or_weight_are_not_learned_from() {
        assert!(told(check_train(&sparse(0, 0))).contains("there is no feature to learn from"));
        let weighing = |weights: &[f32]| Rows { weights: weights.to_vec(), ..sparse(1, 1) };
        assert!(
            told(check_train(&weighing(&[0.0, 0.0]))).contains("All weights of its rows are 0")
        );
        assert_eq!(check_train(&weighing(&[0.0, 1.0])), Ok(()));
        assert_eq!(check_train(&weighing(&[])), Ok(()));
    }

    #[test]
    fn a_stray_index_is_noticed() {
        assert!(is_stray(&sparse(1 << 24, 150)));
        assert!(!is_stray(&sparse(200_000, 250_000)) && !is_stray(&sparse(500, 3)));
    }
}
