//! An object, read as its records lie in it: part by part, decompressed where it is compressed.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use platform::{
    parts::PartReader,
    workload::{ChannelFile, Span},
};

/// How much of a compressed object is read at once, bytes.
const BLOCK: usize = 1 << 18;

/// A file of a channel, open for reading.
pub fn open(file: &ChannelFile) -> io::Result<PartReader> {
    Ok(PartReader::new(file.spans.iter().map(Span::open).collect::<io::Result<_>>()?))
}

/// The bytes of an object; of several members, if gzip wrote it so.
pub fn records(file: &ChannelFile, gzip: bool) -> io::Result<Box<dyn Read>> {
    let parts = open(file)?;
    Ok(if gzip {
        let compressed = BufReader::with_capacity(BLOCK, parts);
        Box::new(MultiGzDecoder::new(compressed))
    } else {
        Box::new(parts)
    })
}

/// Whether reading failed because the object is no gzip, which is its owner's mistake.
pub fn is_no_gzip(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}
