//! Reproducible rows, and what is predicted for them.

use std::{fmt::Write, fs, path::Path};

/// As many as show a difference, and few enough to be quick.
const ROWS: usize = 500;
pub const FEATURES: usize = 6;

/// Reproducible numbers in -1..1, of which some repeat and some are missing.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 40).unwrap()) / f64::from(1 << 23) - 1.0
    }
}

/// Label-first CSV with six features. `label` gets a number from about -4 to 4.
pub fn data(label: impl Fn(f64) -> f64) -> String {
    let mut numbers = Numbers(7);
    let mut text = String::new();
    for _ in 0..ROWS {
        let row: Vec<f64> = (0..FEATURES).map(|_| numbers.next()).collect();
        let truth = 2.0 * row[0] + row[1] * row[2] - row[3] + 0.3 * numbers.next();
        text.push_str(&label(truth).to_string());
        for value in row {
            let missing = numbers.next() > 0.9;
            text.push(',');
            if !missing {
                write!(text, "{value:.4}").unwrap();
            }
        }
        text.push('\n');
    }
    text
}

/// What our own engine predicts for it with a model file.
pub fn scored(content: &str, model: &[u8]) -> Vec<f32> {
    let mut cells = Vec::new();
    for line in content.lines() {
        cells.extend(line.split(',').skip(1).map(|cell| cell.parse().unwrap_or(f32::NAN)));
    }
    let mut values = Vec::new();
    let rows = scorers::Rows::Dense { columns: FEATURES, cells };
    scorers::Predictor::read(model).unwrap().predict_into(&rows, &mut values).unwrap();
    values
}

/// The numbers that a script left in a file.
pub fn floats(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
