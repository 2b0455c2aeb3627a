//! Asks XGBoost's own packages, which stand in `SAGEWRIGHT_ORACLES`.

use std::{path::Path, process::Command};

use crate::support::configured;

/// Asks a version's own package.
pub fn oracle(version: &str, arguments: &[&str]) -> Option<String> {
    let python = configured("SAGEWRIGHT_ORACLES")?.join(format!("xgboost-{version}/bin/python"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle.py");
    let output = Command::new(&python).arg(script).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", python.display());
    Some(String::from_utf8(output.stdout).unwrap())
}
