//! XGBoost's C library, loaded at run time, behind types that cannot be misused.
//!
//! The library comes out of the `xgboost-cpu` Python wheel. Its loader path is
//! `$ORIGIN/../../xgboost_cpu.libs` (where the wheel keeps its own OpenMP), so a folder given to
//! [`Library::open`] holds `xgboost/lib/libxgboost.so` and `xgboost_cpu.libs/` as the wheel does.
//! Only the functions that training needs are declared.
//!
//! A failing call answers with XGBoost's own text; a C++ *abort* takes the process with it, so
//! nothing that must live loads this crate's library.
#![expect(unsafe_code, reason = "this crate is the boundary to a C library")]

mod booster;
mod collective;
mod dmatrix;
mod functions;
mod library;
#[cfg_attr(not(target_os = "linux"), path = "sockets/elsewhere.rs")]
mod sockets;

pub use booster::{Booster, ModelFormat};
pub use collective::{Communicator, Meeting, Tracker, end_process};
pub use dmatrix::{Cells, DMatrix, DenseRows, Info, Sparse};
pub use library::{Library, Version};

use std::path::PathBuf;

/// Where the shared library lies in the folder that is opened.
pub const LIBRARY_PATH: &str = "xgboost/lib/libxgboost.so";

/// What can go wrong at the boundary.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing, damaged, or needs something that this system lacks.
    #[error("cannot load XGBoost's library from {}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// The loader's word.
        source: libloading::Error,
    },
    /// A library that we did not test.
    #[error("XGBoost {found} was found in {} where {expected} is needed", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        found: Version,
        /// What we were written for.
        expected: Version,
    },
    /// XGBoost refused a call; its own words.
    #[error("{0}")]
    Call(String),
    /// A text for XGBoost holds a NUL byte.
    #[error("a text for XGBoost holds a NUL byte: {0:?}")]
    Nul(String),
    /// A row that the matrix does not have.
    #[error("row {row} was asked for where there are {rows}")]
    Row {
        /// Counted from 0.
        row: i32,
        /// How many there are.
        rows: u64,
    },
    /// The library's calls to the operating system are not where they were expected, so that its
    /// sockets cannot be kept to one address.
    #[error("XGBoost's library cannot be kept to one network address: {0}")]
    Sockets(&'static str),
    /// The tracker's answer is not what it is known to be.
    #[error("XGBoost's tracker does not say where it listens: {0}")]
    Tracker(String),
    /// The matrix's numbers do not fill its shape.
    #[error("{values} values do not fill {rows} rows of {columns} columns")]
    Shape {
        /// How many there are.
        values: usize,
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
    },
}
