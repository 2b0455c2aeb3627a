//! The hidden sub-commands that jobs run as: the shim, the built-in algorithms, batch transform.

use std::{ffi::OsString, io, path::Path, path::PathBuf};

use platform::workload::OPT_ML;

/// Where built-ins find native libraries: the server tells its jobs.
pub const LIB: &str = "SAGEWRIGHT_LIB";

/// Runs a program of a job and tells its exit code; `None` where the arguments name none.
pub fn run(arguments: &[OsString]) -> Option<i32> {
    let words: Vec<_> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match *words {
        [exec_local::SHIM, folder] => Some(exec_local::shim::main(Path::new(folder))),
        ["algorithm", "xgboost", "--version", version] => Some(algorithms::xgboost::train::run(
            version,
            &folder(OPT_ML),
            &folder(LIB),
            &mut io::stdout(),
        )),
        ["transform"] => Some(transform::run(&folder(OPT_ML), &scorers::Loader, &mut io::stdout())),
        _ => None,
    }
}

fn folder(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_default().into()
}
