//! Prints what an invocation costs: `measure MODEL_ARCHIVE PAYLOAD_CSV`, nanoseconds a row.
//!
//! The best of twenty rounds, on one thread. A model of one stump tells what the text around it costs.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use platform::scorer::{Invocation, LoadModel};
use scorers::Loader;

fn main() -> Result<(), Box<dyn Error>> {
    let [_, model, payload] = &env::args().collect::<Vec<_>>()[..] else {
        return Err("usage: measure MODEL_ARCHIVE PAYLOAD_CSV".into());
    };
    let scorer = Loader.load("xgboost", &mut fs::File::open(model)?, &BTreeMap::new())?;
    let body = fs::read(payload)?;
    let rows = body.trim_ascii().split(|byte| *byte == b'\n').count();
    let call = Invocation { content_type: Some("text/csv"), accept: None, body: &body };
    let rounds = 200_000 / rows + 1;
    let calls = u32::try_from(rounds * rows)?;
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(scorer.invoke(black_box(call))?);
        }
        best = best.min(start.elapsed() / calls);
    }
    println!("{rows} rows a call: {} ns a row", best.as_nanos());
    Ok(())
}
