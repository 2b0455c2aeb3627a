//! Compares every bit with XGBoost's own library, on models and rows that `tests/differential.py`
//! makes.
//!
//! Needs a Python with `xgboost-cpu==3.2.0`, named by `XGBOOST_PYTHON`; says so where there is none.
//! `XGBOOST_MODELS` may name a folder of models that other versions wrote.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use platform::scorer::{Invocation, LoadModel};

use crate::{
    Loader, archive, model_file,
    predictor::{MEASURING, Predictor},
    reply::number::write_repr,
    rows::Rows,
};

mod old_models;

#[test]
fn margins_predictions_and_answers_are_xgboosts_to_the_bit() {
    let Some(python) = env::var_os("XGBOOST_PYTHON") else {
        // Past the test harness, which swallows what a passing test prints.
        let note = b"skipped: XGBOOST_PYTHON names no Python with xgboost-cpu==3.2.0\n";
        return std::io::stderr().write_all(note).unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential.py");
    let status = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .args(env::var_os("XGBOOST_MODELS"))
        .status()
        .unwrap();
    assert!(status.success(), "the script failed: {status}");
    let mut compared = 0;
    compare_numbers(folder.path());
    for case in folders(&folder.path().join("cases")).iter().flat_map(|case| folders(case)) {
        compared += compare(&case);
    }
    assert!(compared > 0, "the script made no case");
    writeln!(std::io::stderr(), "{compared} rows are equal to the bit").unwrap();
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// Compares one case; the number of its rows.
fn compare(case: &Path) -> usize {
    let columns: usize = fs::read_to_string(case.join("columns")).unwrap().parse().unwrap();
    let rows = Rows::Dense { columns, cells: floats(&case.join("rows.f32")) };
    let file = fs::read(case.join("model.json")).unwrap();
    let json = model_file::read(&file, false).unwrap();
    let ubjson = model_file::read(&fs::read(case.join("model.ubj")).unwrap(), false).unwrap();
    // As text, in which a NaN equals itself.
    assert!(format!("{json:?}") == format!("{ubjson:?}"), "{}: JSON is UBJSON", case.display());
    let ways = Predictor::every(&json);
    let predictor = Predictor::new(json, file.len(), MEASURING);
    let name = format!("{} ({})", case.display(), predictor.objective().name);
    let margins = floats(&case.join("margins.f32"));
    assert_bits(&predictor.margins(&rows).unwrap(), &margins, &name);
    for (way, predictor) in ways {
        assert_bits(&predictor.margins(&rows).unwrap(), &margins, &format!("{name}, {way}"));
    }
    let predictions = predictor.predict(&rows).unwrap();
    assert_bits(&predictions, &floats(&case.join("predictions.f32")), &name);
    for row in 0..rows.len().min(70) {
        let mut cells = vec![f32::NAN; columns];
        rows.visit(row, |column, value| cells[column] = value);
        let alone = predictor.predict(&Rows::Dense { columns, cells }).unwrap();
        let width = predictor.width();
        assert_bits(&alone, &predictions[row * width..(row + 1) * width], &name);
    }
    if case.ends_with("finite") {
        compare_answers(case);
    }
    rows.len()
}

/// The whole way: archive, CSV in, CSV out.
fn compare_answers(case: &Path) {
    let model = fs::read(case.join("model.ubj")).unwrap();
    let archive = archive::tests::packed(&[("xgboost-model", &model)]);
    let scorer =
        Loader.load("sagemaker-xgboost:3.2-0", &mut &archive[..], &BTreeMap::new()).unwrap();
    let body = fs::read(case.join("payload.csv")).unwrap();
    let call = Invocation { content_type: Some("text/csv"), accept: None, body: &body };
    let reply = scorer.invoke(call).unwrap();
    let answer = String::from_utf8(reply.body).unwrap();
    assert_eq!(answer, fs::read_to_string(case.join("answer.csv")).unwrap(), "{}", case.display());
}

fn compare_numbers(folder: &Path) {
    let texts = fs::read_to_string(folder.join("numbers")).unwrap();
    for (value, text) in floats(&folder.join("numbers.f32")).into_iter().zip(texts.lines()) {
        let mut ours = Vec::new();
        write_repr(&mut ours, value);
        assert_eq!(String::from_utf8(ours).unwrap(), text);
    }
}

fn floats(file: &Path) -> Vec<f32> {
    let bytes = fs::read(file).unwrap();
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn assert_bits(ours: &[f32], theirs: &[f32], name: &str) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let same = ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan());
        assert!(same, "{name}: value {index} is {ours:e}, XGBoost has {theirs:e}");
    }
}
