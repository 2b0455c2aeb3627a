//! How many columns a payload may have. Of most models XGBoost itself decides, and takes columns
//! that a payload lacks as missing; before a pickled one the container looks itself.

use platform::scorer::Rejection;

use crate::{predictor::TooWide, request::Format};

/// What a model file's kind asks of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Widths {
    /// Whatever the model has columns for.
    Padded,
    /// As many as it was trained on, or one fewer; libsvm leaves out what it likes.
    AsTrained,
}

/// Why a payload does not fit the model, in the container's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error(
        "Feature size of {format} inference data {columns} is not consistent with feature size of \
         trained model {features}."
    )]
    Inconsistent { format: &'static str, columns: usize, features: usize },
    #[error(
        "Feature size of libsvm inference data {columns} is larger than feature size of trained \
         model {features}."
    )]
    Larger { columns: usize, features: usize },
    #[error(transparent)]
    TooWide(#[from] TooWide),
}

impl Widths {
    /// Tells pickles (of protocol 2 and up) from what XGBoost writes.
    pub(super) fn of(file: &[u8]) -> Self {
        if matches!(file, [0x80, 2..=5, ..]) { Self::AsTrained } else { Self::Padded }
    }

    pub(super) fn check(
        self,
        format: Format,
        columns: usize,
        features: usize,
    ) -> Result<(), Unfit> {
        match (self, format) {
            (Self::AsTrained, Format::Libsvm) if columns > features + 1 => {
                Err(Unfit::Larger { columns, features })
            }
            (Self::AsTrained, Format::Csv | Format::RecordIo)
                if columns != features && columns + 1 != features =>
            {
                Err(Unfit::Inconsistent { format: format.name(), columns, features })
            }
            (Self::Padded | Self::AsTrained, Format::Csv | Format::Libsvm | Format::RecordIo) => {
                Ok(())
            }
        }
    }
}

impl From<Unfit> for Rejection {
    fn from(unfit: Unfit) -> Self {
        let message = format!("Unable to evaluate payload provided: {unfit}");
        Self { status: 400, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(format: Format, columns: usize) -> Option<String> {
        let checked = Widths::AsTrained.check(format, columns, 5);
        checked.err().map(|unfit| Rejection::from(unfit).message)
    }

    #[test]
    fn only_pickles_have_the_container_count_columns() {
        assert_eq!(Widths::of(b"\x80\x03cxgboost.core"), Widths::AsTrained);
        for file in [&b"{\"learner\""[..], b"{L", b"binf", b"\x80", b""] {
            assert_eq!(Widths::of(file), Widths::Padded);
        }
        for columns in [0, 4, 5, 6, 99] {
            assert_eq!(Widths::Padded.check(Format::Csv, columns, 5), Ok(()));
        }
    }

    #[test]
    fn a_pickled_model_takes_its_columns_or_one_fewer() {
        for (format, name) in [(Format::Csv, "csv"), (Format::RecordIo, "recordio-protobuf")] {
            for columns in [4, 5] {
                assert_eq!(told(format, columns), None);
            }
            for columns in [3, 6] {
                let message = format!(
                    "Unable to evaluate payload provided: Feature size of {name} inference data \
                     {columns} is not consistent with feature size of trained model 5."
                );
                assert_eq!(told(format, columns), Some(message));
            }
        }
    }

    #[test]
    fn libsvm_for_a_pickled_model_may_have_one_column_more() {
        for columns in [0, 5, 6] {
            assert_eq!(told(Format::Libsvm, columns), None);
        }
        let message = "Unable to evaluate payload provided: Feature size of libsvm inference data 7 \
                       is larger than feature size of trained model 5.";
        assert_eq!(told(Format::Libsvm, 7).as_deref(), Some(message));
    }
}
