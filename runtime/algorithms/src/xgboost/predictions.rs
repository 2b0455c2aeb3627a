//! What the models of a cross validation say of the rows that they did not see: `predictions.csv`.
//!
//! The columns are the container's. Its class of a single output is whether that is above a half,
//! whatever the objective; so for `multi:softmax`, whose output is a class, it is 1 for all but 0.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

/// The file's name in the job's folder of output data.
pub const FILE: &str = "predictions.csv";
/// From here on a single output means class 1.
const POSITIVE_ABOVE: f32 = 0.5;

/// The predictions of all rows, added up over the repetitions.
pub struct Predictions {
    classifying: bool,
    sums: Vec<f64>,
    /// The class of each row, one list for each repetition.
    said: Vec<Vec<f32>>,
}

impl Predictions {
    /// Nothing, of so many rows.
    pub fn new(rows: usize, classifying: bool) -> Self {
        Self { classifying, sums: vec![0.0; rows], said: Vec::new() }
    }

    /// Before the folds of a repetition.
    pub fn repeat(&mut self) {
        self.said.push(vec![0.0; self.sums.len()]);
    }

    /// Takes what was predicted for these rows, one number or several for each.
    pub fn record(&mut self, rows: &[i32], predicted: &[f32]) {
        let outputs = predicted.len().checked_div(rows.len()).unwrap_or(1).max(1);
        let rows = rows.iter().filter_map(|row| usize::try_from(*row).ok());
        for (row, outputs) in rows.zip(predicted.chunks_exact(outputs)) {
            let (prediction, class) = best(outputs);
            self.sums[row] += f64::from(prediction);
            if let Some(said) = self.said.last_mut() {
                said[row] = class;
            }
        }
    }

    /// The file's content: the label, the mean prediction, and for classes the one said most often.
    fn write(&self, labels: &[f32], out: &mut impl Write) -> io::Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "no job has 2^53 repetitions")]
        let repetitions = self.said.len() as f64;
        for (row, (label, sum)) in labels.iter().zip(&self.sums).enumerate() {
            write!(out, "{},{}", fixed(f64::from(*label)), fixed(sum / repetitions))?;
            if self.classifying {
                write!(out, ",{}", fixed(f64::from(self.mode(row))))?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// The smallest of the classes that were said most often.
    fn mode(&self, row: usize) -> f32 {
        let mut said: Vec<f32> = self.said.iter().map(|classes| classes[row]).collect();
        said.sort_unstable_by(f32::total_cmp);
        let mut best: &[f32] = &[];
        for run in said.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
            if run.len() > best.len() {
                best = run;
            }
        }
        best.first().copied().unwrap_or_default()
    }

    /// Writes the file into a folder, which is made where there is none.
    pub fn save(&self, labels: &[f32], folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = BufWriter::new(File::create(folder.join(FILE))?);
        self.write(labels, &mut file)?;
        file.into_inner()?.sync_all()
    }
}

/// The prediction that counts, and the class that it means.
fn best(outputs: &[f32]) -> (f32, f32) {
    if let [output] = outputs {
        return (*output, f32::from(u8::from(*output > POSITIVE_ABOVE)));
    }
    let mut class = 0.0;
    let mut best = (f32::NEG_INFINITY, class);
    for output in outputs {
        if *output > best.0 {
            best = (*output, class);
        }
        class += 1.0;
    }
    best
}

/// As Python's `%f`.
fn fixed(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:.6}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(predictions: &Predictions, labels: &[f32]) -> String {
        let mut out = Vec::new();
        predictions.write(labels, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_regression_is_the_mean_of_its_repetitions() {
        let mut predictions = Predictions::new(2, false);
        for (first, second) in [(1.0, -2.5), (2.0, f32::NAN)] {
            predictions.repeat();
            predictions.record(&[1], &[second]);
            predictions.record(&[0], &[first]);
        }
        let content = written(&predictions, &[1.25, 1e7]);
        assert_eq!(content, "1.250000,1.500000\n10000000.000000,nan\n");
    }

    #[test]
    fn one_output_is_class_1_above_a_half_and_the_smaller_class_wins_a_tie() {
        let mut predictions = Predictions::new(2, true);
        for outputs in [[0.9, 0.5], [0.2, 0.4]] {
            predictions.repeat();
            predictions.record(&[0, 1], &outputs);
        }
        let content = written(&predictions, &[1.0, 0.0]);
        assert_eq!(content, "1.000000,0.550000,0.000000\n0.000000,0.450000,0.000000\n");
    }

    #[test]
    fn of_several_outputs_the_largest_is_the_class_and_counts() {
        let mut predictions = Predictions::new(1, true);
        for outputs in [[0.2, 0.1, 0.7], [0.1, 0.8, 0.1], [0.1, 0.3, 0.6]] {
            predictions.repeat();
            predictions.record(&[0], &outputs);
        }
        assert_eq!(written(&predictions, &[2.0]), "2.000000,0.700000,2.000000\n");
    }
}
