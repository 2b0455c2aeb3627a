//! How fast bytes are sealed and read back: `cargo run --release -p platform --example sealing`.
//! (In the profile `ci` dependencies are optimised, so the figures are nearly the same.)

use std::{io::Read, time::Instant};

use platform::sealed::{Ciphertext, Sealed, SealedReader, Sealer, Secret};

/// Bytes that are sealed.
const SIZE: usize = 256 << 20;
/// Bytes that come in at once.
const CHUNK: usize = 1 << 20;
/// Bytes that a reader asks for at once.
const ASKED: usize = 256 * 1024;

fn main() -> std::io::Result<()> {
    let plain = vec![7; CHUNK];
    let key = Secret::random()?.of_inline();
    let mut sealer = Sealer::new(key.clone());
    let mut blocks = Vec::with_capacity(SIZE / CHUNK + 1);
    let begun = Instant::now();
    for _ in 0..SIZE / CHUNK {
        sealer.add(&plain)?;
        blocks.push(sealer.take());
    }
    blocks.push(sealer.finish()?);
    tell("sealed", begun);
    let mut sealer = Sealer::new(key.clone());
    let begun = Instant::now();
    for _ in 0..SIZE / CHUNK {
        sealer.add(&plain)?;
        drop(sealer.take());
    }
    tell("sealed, and forgotten", begun);
    let object = Sealed::new(Ciphertext::Memory(blocks.concat().into()), key);
    let begun = Instant::now();
    let mut reader = SealedReader::new(object.clone(), 0, SIZE as u64);
    let mut buffer = vec![0; ASKED];
    while reader.read(&mut buffer)? > 0 {}
    tell("read", begun);

    let begun = Instant::now();
    for offset in (0..SIZE).step_by(8 * platform::sealed::BLOCK) {
        object.read(offset as u64, 8 * platform::sealed::BLOCK as u64)?;
    }
    tell("read in windows of eight blocks", begun);
    Ok(())
}

fn tell(what: &str, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{what}: {:.2} GB/s",
        f64::from(u32::try_from(SIZE).unwrap_or(u32::MAX)) / seconds / 1e9
    );
}
