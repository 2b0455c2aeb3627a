//! Asks XGBoost's own packages, which stand in `SAGEWRIGHT_ORACLES`.

use std::{env, path::Path, process::Command};

/// What a script of this folder prints with a version's own package.
pub fn oracle(version: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let Some(oracles) = env::var_os("SAGEWRIGHT_ORACLES") else {
        eprintln!("skipped: SAGEWRIGHT_ORACLES is not set");
        return None;
    };
    let python = Path::new(&oracles).join(format!("xgboost-{version}/bin/python"));
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
