//! Asks XGBoost's own packages, which stand in `SAGEWRIGHT_ORACLES`.

use std::{path::Path, process::Command};

use crate::support::configured;

/// What a script of this folder prints with a version's own package.
pub fn oracle(version: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let python = configured("SAGEWRIGHT_ORACLES")?.join(format!("xgboost-{version}/bin/python"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    // One thread: the tests run beside each other, and idle threads of old packages spin.
    let output = Command::new(&python)
        .arg(script)
        .args(arguments)
        .env("OMP_NUM_THREADS", "1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", python.display());
    Some(String::from_utf8(output.stdout).unwrap())
}
