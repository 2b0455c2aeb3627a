//! A channel's file as one run of bytes, read in place from the ranges that hold it.

use std::{
    io::{self, Read},
    vec,
};

use platform::{
    parts::PartReader,
    workload::{ChannelFile, Span},
};

use crate::xgboost::failure::Failure;

/// The bytes of a file's ranges, in order. One range is open at a time.
pub struct Source {
    spans: vec::IntoIter<Span>,
    open: Option<PartReader>,
}

impl Source {
    /// From the first byte.
    pub fn new(file: &ChannelFile) -> Self {
        Self::from(file, 0)
    }

    /// From the byte at `start`; nothing where that is behind the end.
    pub fn from(file: &ChannelFile, start: u64) -> Self {
        let mut skipped = 0;
        let mut spans = Vec::new();
        for span in &file.spans {
            let skip = start.saturating_sub(skipped).min(span.len);
            skipped += skip;
            if skip < span.len {
                let (offset, len) = (span.offset + skip, span.len - skip);
                spans.push(Span { offset, len, ..span.clone() });
            }
        }
        Self { spans: spans.into_iter(), open: None }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                let read = open.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            let Some(next) = self.spans.next() else { return Ok(0) };
            self.open = Some(PartReader::new(vec![next.open()?]));
        }
    }
}

/// What is said where a range cannot be read.
pub fn unreadable(file: &ChannelFile, error: &io::Error) -> Failure {
    Failure::Platform(format!("cannot read {}: {error}", file.name))
}

/// How many bytes a file has.
pub fn length(file: &ChannelFile) -> u64 {
    file.spans.iter().map(|span| span.len).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_read_from_any_byte_of_its_ranges() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"--abc--defg-").unwrap();
        let span = |offset, len| Span::plain(file.path().to_owned(), offset, len);
        let file =
            ChannelFile { name: "x".into(), spans: vec![span(2, 3), span(5, 0), span(7, 4)] };
        assert_eq!(length(&file), 7);
        for start in 0..9 {
            let mut read = String::new();
            Source::from(&file, start as u64).read_to_string(&mut read).unwrap();
            assert_eq!(read, "abcdefg".get(start..).unwrap_or_default());
        }
    }

    #[test]
    fn a_range_beyond_the_files_end_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let span = Span::plain(file.path().to_owned(), 0, 5);
        let file = ChannelFile { name: "x".into(), spans: vec![span] };
        assert!(Source::new(&file).read_to_end(&mut Vec::new()).is_err());
    }
}
