//! A channel's file as one run of bytes, read in place from the ranges that hold it.

use std::{
    io::{self, BufRead, BufReader, Read},
    vec,
};

use flate2::bufread::GzDecoder;
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

/// What a file holds: its bytes, or what they were before gzip compressed them.
pub enum Content {
    Plain(Source),
    Gzip(Box<Members<BufReader<Source>>>),
}

impl Content {
    /// From the first byte. Nothing at all is nothing compressed, too.
    pub fn of(file: &ChannelFile) -> Self {
        let source = Source::new(file);
        if file.gzip && length(file) > 0 {
            Self::Gzip(Box::new(Members(Some(GzDecoder::new(BufReader::new(source))))))
        } else {
            Self::Plain(source)
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(buffer),
            Self::Gzip(source) => source.read(buffer),
        }
    }
}

/// The members of a gzip file, one behind the other. Zeros behind one are padding, as for gzip
/// itself.
pub struct Members<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let rest = self.0.take().map(GzDecoder::into_inner);
            self.0 = rest.map(next_member).transpose()?.flatten();
        }
        Ok(0)
    }
}

fn next_member<R: BufRead>(mut rest: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let held = rest.fill_buf()?;
        if held.is_empty() {
            return Ok(None);
        }
        let zeros = held.iter().take_while(|byte| **byte == 0).count();
        let ends = zeros < held.len();
        rest.consume(zeros);
        if ends {
            return Ok(Some(GzDecoder::new(rest)));
        }
    }
}

/// What is said where a range cannot be read, or is no gzip where it should be.
pub fn unreadable(file: &ChannelFile, error: &io::Error) -> Failure {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let name = &file.name;
    if file.gzip && matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
        return Failure::User(format!(
            "file '{name}' cannot be decompressed as CompressionType Gzip: {error}. Compress it \
             with gzip, or leave CompressionType out"
        ));
    }
    Failure::Platform(format!("cannot read {name}: {error}"))
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
        let spans = vec![span(2, 3), span(5, 0), span(7, 4)];
        let file = ChannelFile { name: "x".into(), spans, gzip: false };
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
        let file = ChannelFile { name: "x".into(), spans: vec![span], gzip: false };
        assert!(Source::new(&file).read_to_end(&mut Vec::new()).is_err());
    }

    fn gzipped(bytes: &[u8]) -> (tempfile::NamedTempFile, ChannelFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let half = bytes.len() as u64 / 2;
        let span = |offset, len| Span::plain(file.path().to_owned(), offset, len);
        let spans = vec![span(0, half), span(half, bytes.len() as u64 - half)];
        (file, ChannelFile { name: "x.gz".into(), spans, gzip: true })
    }

    #[test]
    fn what_gzip_compressed_is_read_as_what_it_was() {
        let member = |text: &str| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap()
        };
        for padding in [0, 1, 20_000] {
            let padding = vec![0; padding];
            let members = [member("1,2\n3,"), padding.clone(), member("4\n"), padding];
            let (_file, file) = gzipped(&members.concat());
            let mut read = String::new();
            Content::of(&file).read_to_string(&mut read).unwrap();
            assert_eq!(read, "1,2\n3,4\n");
        }
        let (_file, file) = gzipped(b"");
        assert_eq!(Content::of(&file).read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn what_is_no_gzip_is_the_users_to_mend() {
        for content in [&b"1,2\n3,4\n"[..], &[0; 100]] {
            let (_file, file) = gzipped(content);
            let error = Content::of(&file).read_to_end(&mut Vec::new()).unwrap_err();
            let told = unreadable(&file, &error).to_string();
            assert!(told.starts_with("ClientError: file 'x.gz' cannot be decompressed"), "{told}");
        }
    }
}
