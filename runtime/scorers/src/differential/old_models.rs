//! Compares every bit with the XGBoost that wrote a model, from 0.90 to 1.7: old binaries and
//! pickles of each protocol, that `tests/old_models.py` makes.
//!
//! `SAGEWRIGHT_ORACLES` is a folder with one Python environment for each version,
//! `xgboost-<version>/bin/python`; says which versions are not there.

use super::*;

/// One for each container tag below 2.0 whose package still installs.
const VERSIONS: [&str; 6] = ["0.90", "1.0.2", "1.2.0", "1.3.3", "1.5.2", "1.7.6"];

#[test]
fn old_models_predict_as_the_xgboost_that_wrote_them_to_the_bit() {
    for version in VERSIONS {
        let python = env::var_os("SAGEWRIGHT_ORACLES")
            .map(|folder| PathBuf::from(folder).join(format!("xgboost-{version}/bin/python")))
            .filter(|python| python.exists());
        let Some(python) = python else {
            writeln!(std::io::stderr(), "skipped: no XGBoost {version} below SAGEWRIGHT_ORACLES")
                .unwrap();
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_models.py");
        let status = Command::new(python).arg(script).arg(folder.path()).status().unwrap();
        assert!(status.success(), "XGBoost {version}: {status}");
        let cases = folders(folder.path());
        assert!(!cases.is_empty());
        for case in &cases {
            compare_old(case, version);
        }
        writeln!(std::io::stderr(), "XGBoost {version}: {} models", cases.len()).unwrap();
    }
}

fn compare_old(case: &Path, version: &str) {
    let columns: usize = fs::read_to_string(case.join("columns")).unwrap().parse().unwrap();
    let rows = Rows::Dense { columns, cells: floats(&case.join("rows.f32")) };
    let expected = |name: &str| floats(&case.join(format!("{name}.f32")));
    let predictor = |file: &str| Predictor::read(&fs::read(case.join(file)).unwrap()).unwrap();
    let name = format!("XGBoost {version}, {}", case.display());
    let model = predictor("model");
    assert_bits(&model.margins(&rows).unwrap(), &expected("margins"), &name);
    assert_bits(&model.predict(&rows).unwrap(), &expected("predictions"), &name);
    for protocol in 0..6 {
        let file = format!("pickle.{protocol}");
        if !case.join(&file).exists() {
            continue;
        }
        let pickled = predictor(&file);
        let name = format!("{name}, protocol {protocol}");
        assert_bits(&pickled.predict(&rows).unwrap(), &expected("best"), &name);
    }
}
