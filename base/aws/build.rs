//! Compresses the service models, which the sources keep readable.

use std::{env, error::Error, fs, fs::File, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=models");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for entry in fs::read_dir("models")? {
        let file = entry?.path();
        let Some(name) = file.file_name().filter(|_| file.extension() == Some("json".as_ref()))
        else {
            continue;
        };
        let target = File::create(out.join(name).with_extension("json.gz"))?;
        let mut packer = GzEncoder::new(target, Compression::best());
        packer.write_all(&fs::read(&file)?)?;
        packer.finish()?;
    }
    Ok(())
}
