//! Writes `base/aws/models/*.json` from botocore's service models.
//!
//! `pip install botocore==1.44.5`, then `cargo run -p codegen -- --botocore DIR`, where `DIR` is the
//! installed package (it holds `data`). The same input gives the same bytes, so that CI can run it
//! and assert a clean tree. A trait of the model that nothing here knows is an error: it might
//! change what our clients send.

mod select;
mod trim;
mod write;

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Parser;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

/// A JSON object; the order of members is botocore's, which is AWS's.
type Object = Map<String, Value>;

#[derive(Parser)]
struct Arguments {
    /// The installed botocore package.
    #[arg(long)]
    botocore: PathBuf,
    /// Where the trimmed models go.
    #[arg(long, default_value = "base/aws/models")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for service in select::SERVICES {
        let folder = latest(&arguments.botocore.join("data").join(service.name))?;
        let model = read(&folder.join("service-2.json"))?;
        let pages = read(&folder.join("paginators-1.json")).unwrap_or_default();
        let trimmed = trim::service(service, &model, &pages)
            .with_context(|| format!("trimming the model of {}", service.name))?;
        let file = arguments.out.join(format!("{}.json", service.name));
        fs::write(&file, write::service(&trimmed)?)
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

/// The newest version of a service's API: versions are dates.
fn latest(service: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(service)
        .with_context(|| format!("no models in {}: is it botocore?", service.display()))?;
    let mut versions: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    versions.sort();
    versions.pop().with_context(|| format!("no version in {}", service.display()))
}

/// A model's file, which newer packages compress.
fn read(file: &Path) -> Result<Object> {
    let mut text = String::new();
    let packed = file.with_extension("json.gz");
    match File::open(&packed) {
        Ok(packed) => GzDecoder::new(packed).read_to_string(&mut text)?,
        Err(_) => File::open(file)
            .with_context(|| format!("neither {} nor its .gz", file.display()))?
            .read_to_string(&mut text)?,
    };
    serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))
}
