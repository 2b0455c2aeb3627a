//! Our forest beside XGBoost's own C library: one thread, the same rows in memory, the same bits.
//!
//! `SAGEWRIGHT_LIB` names the folder that `xgboost-3.2.0` was fetched into. Models are trained once
//! from seeded noise and kept in the target folder. Times are of the thread's CPU, ours and theirs
//! in turn, so that a busy machine slows both; told are minimum and median, and the ratio of
//! minima. The library is asked by `XGBoosterPredictFromDense` with everything prepared that can
//! be, and one thread. An argument, `A` or `B`, chooses one of the models.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, ensure};
use scorers::{Predictor, Rows};
use xgboost_sys::{Booster, DMatrix, DenseRows, Info, Library, ModelFormat};

/// What is trained, and what a model of its kind is called in the contract's table.
struct Kind {
    name: &'static str,
    rounds: i32,
    depth: usize,
    columns: usize,
    /// Rows that it is trained on: enough to fill trees as the contract's are (63 and 166 leaves).
    training: usize,
    eta: &'static str,
}

const A: Kind =
    Kind { name: "A", rounds: 100, depth: 6, columns: 28, training: 100_000, eta: "0.1" };
const B: Kind =
    Kind { name: "B", rounds: 1000, depth: 8, columns: 100, training: 16_000, eta: "0.02" };

/// One line of the table.
struct Line {
    kind: &'static Kind,
    rows: usize,
    /// At most this part of the library's CPU.
    bar: f64,
    repetitions: usize,
    /// Calls in one repetition.
    calls: usize,
}

const LINES: [Line; 6] = [
    Line { kind: &A, rows: 1, bar: 1.0 / 40.0, repetitions: 31, calls: 1000 },
    Line { kind: &A, rows: 1000, bar: 1.0, repetitions: 31, calls: 10 },
    Line { kind: &A, rows: 100_000, bar: 1.0 / 2.5, repetitions: 11, calls: 1 },
    Line { kind: &B, rows: 1, bar: 1.0, repetitions: 31, calls: 100 },
    Line { kind: &B, rows: 1000, bar: 1.0, repetitions: 11, calls: 1 },
    Line { kind: &B, rows: 8000, bar: 1.0 / 4.0, repetitions: 7, calls: 1 },
];

/// The contract's features carry signal and noise in equal parts.
struct Noise(u64);

impl Noise {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Near enough to normal: the sum of four uniform numbers, scaled.
    fn normal(&mut self) -> f32 {
        let bytes = self.next().to_le_bytes();
        let sum: f32 =
            bytes.chunks_exact(2).map(|two| f32::from(u16::from_le_bytes([two[0], two[1]]))).sum();
        (sum / 65_536.0 - 2.0) * 1.732
    }

    fn rows(&mut self, rows: usize, columns: usize) -> Vec<f32> {
        (0..rows * columns).map(|_| self.normal()).collect()
    }
}

fn label(row: &[f32], noise: &mut Noise) -> f32 {
    let signal = row[0] * row[1] + row[2] - row[3] * row[3] + row[4..].iter().sum::<f32>() / 4.0;
    f32::from(u8::from(signal + noise.normal() > 0.0))
}

fn model(library: &Library, kind: &Kind) -> Result<Vec<u8>> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.ubj", kind.name));
    if let Ok(model) = fs::read(&file) {
        return Ok(model);
    }
    let mut noise = Noise(1);
    let values = noise.rows(kind.training, kind.columns);
    let labels: Vec<f32> = values.chunks(kind.columns).map(|row| label(row, &mut noise)).collect();
    let mut matrix = DMatrix::from_dense(library, &values, kind.columns, 1)?;
    matrix.set(Info::Label, &labels)?;
    let mut booster = Booster::new(library, &[&matrix])?;
    let depth = kind.depth.to_string();
    for (name, value) in [
        ("objective", "binary:logistic"),
        ("tree_method", "hist"),
        ("max_depth", &depth),
        ("eta", kind.eta),
        ("nthread", "1"),
    ] {
        booster.set_parameter(name, value)?;
    }
    for round in 0..kind.rounds {
        booster.update(round, &matrix)?;
    }
    let model = booster.save(ModelFormat::Ubj)?;
    fs::write(&file, &model)?;
    Ok(model)
}

/// The calling thread's CPU time, nanoseconds.
#[expect(unsafe_code, reason = "the standard library has no clock of a thread")]
fn cpu_time() -> Result<f64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is live and written once.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    ensure!(status == 0, "this system has no clock of a thread's CPU time");
    #[expect(clippy::cast_precision_loss, reason = "a measurement's length in 53 bits")]
    Ok(time.tv_sec as f64 * 1e9 + time.tv_nsec as f64)
}

/// CPU time of one row, nanoseconds.
fn timed(line: &Line, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let before = cpu_time()?;
    for _ in 0..line.calls {
        call()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of rows in 53 bits")]
    Ok((cpu_time()? - before) / (line.calls * line.rows) as f64)
}

struct Times(Vec<f64>);

impl Times {
    fn minimum(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn median(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[self.0.len() / 2]
    }
}

fn measure(library: &Library, line: &Line, model: &[u8]) -> Result<()> {
    let mut booster = Booster::new(library, &[])?;
    booster.set_parameter("nthread", "1")?;
    booster.load(model)?;
    let predictor = Predictor::read(model)?;
    let cells = Noise(2).rows(line.rows, line.kind.columns);
    let dense = DenseRows::new(&cells, line.kind.columns)?;
    let rows = Rows::Dense { columns: line.kind.columns, cells: cells.clone() };
    let mut values = Vec::new();
    predictor.predict_into(&rows, &mut values)?;
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    ensure!(bits(&values) == bits(booster.predict_dense(&dense)?), "the bits differ");
    let (mut ours, mut theirs) = (Times(Vec::new()), Times(Vec::new()));
    for _ in 0..line.repetitions {
        ours.0.push(timed(line, || Ok(predictor.predict_into(&rows, &mut values)?))?);
        theirs.0.push(timed(line, || Ok(booster.predict_dense(&dense).map(|_| ())?))?);
    }
    let parts = theirs.minimum() / ours.minimum();
    println!(
        "{:>5} {:>7} {:>10.0} {:>10.0} {:>12.0} {:>12.0} {:>9.1} {:>8.1}  {}",
        line.kind.name,
        line.rows,
        ours.minimum(),
        ours.median(),
        theirs.minimum(),
        theirs.median(),
        parts,
        1.0 / line.bar,
        if parts * line.bar >= 1.0 { "bits equal" } else { "bits equal, bar missed" },
    );
    Ok(())
}

fn main() -> Result<()> {
    let folder = env::var_os("SAGEWRIGHT_LIB").context("SAGEWRIGHT_LIB is not set")?;
    let library = Library::open(&Path::new(&folder).join("xgboost-3.2.0"))?;
    println!("CPU of one row, ns: ours and XGBoost {}'s, minimum and median", library.version());
    println!(
        "{:>5} {:>7} {:>10} {:>10} {:>12} {:>12} {:>9} {:>8}",
        "model", "rows", "ours", "median", "library", "median", "1/ratio", "1/bar"
    );
    let chosen = env::args().nth(1).filter(|name| LINES.iter().any(|l| l.kind.name == name));
    let is_chosen = |line: &&Line| chosen.as_ref().is_none_or(|name| line.kind.name == name);
    for line in LINES.iter().filter(is_chosen) {
        measure(&library, line, &model(&library, line.kind)?)?;
    }
    Ok(())
}
