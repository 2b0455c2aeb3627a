//! Channel data for built-ins: read where it lies, never moved.
//!
//! A blob gets a second name in the job's private folder, so that it stays when the object is
//! deleted. That is for our own code only: a process that runs user code must never be given such a
//! link, because it could change the mode and then the blob. What cannot be linked, and what lives
//! in the index, is gathered in one file. What lies sealed stays so: it is linked or gathered as it
//! lies, and its key goes to the program alone.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use platform::{
    sealed::{Ciphertext, Sealed},
    workload::{Channel, ChannelFile, Channels, Input, InputFile, Part, SealedSpan, Span},
};

use crate::linux::files;

/// The file that gathers what has no file of its own.
const GATHERED: &str = "gathered";

/// Places the data of one job.
pub struct Placer<'a> {
    folder: &'a Path,
    /// What the folder will be called when the program runs.
    home: &'a Path,
    gathered: File,
    gathered_bytes: u64,
    /// By device and inode: `None` for one that cannot be linked.
    links: HashMap<(u64, u64), Option<PathBuf>>,
}

impl<'a> Placer<'a> {
    /// Places into `folder`, which exists and will be renamed to `home`.
    pub fn new(folder: &'a Path, home: &'a Path) -> io::Result<Self> {
        let gathered = File::options().write(true).create_new(true).open(folder.join(GATHERED))?;
        Ok(Self { folder, home, gathered, gathered_bytes: 0, links: HashMap::new() })
    }

    /// Places all channels.
    pub fn place(&mut self, inputs: &[Input]) -> io::Result<Channels> {
        let channels = inputs.iter().map(|input| self.channel(input)).collect::<io::Result<_>>()?;
        Ok(Channels { channels })
    }

    fn channel(&mut self, input: &Input) -> io::Result<Channel> {
        let file = |file| self.file(file, input.gzip);
        let files = input.files.iter().map(file).collect::<io::Result<_>>()?;
        Ok(Channel { name: input.name.clone(), content_type: input.content_type.clone(), files })
    }

    fn file(&mut self, file: &InputFile, gzip: bool) -> io::Result<ChannelFile> {
        let spans = file.parts.iter().map(|part| self.span(part)).collect::<io::Result<_>>()?;
        Ok(ChannelFile { name: file.name.clone(), spans, gzip })
    }

    fn span(&mut self, part: &Part) -> io::Result<Span> {
        match part {
            Part::Inline(bytes) => {
                let (path, offset) = self.gather(bytes)?;
                Ok(Span::plain(path, offset, bytes.len() as u64))
            }
            Part::Blob { file, offset, len } => {
                let (path, offset) = self.place_file(file, *offset, *len)?;
                Ok(Span::plain(path, offset, *len))
            }
            Part::Sealed { sealed, offset, len } => {
                let (path, run) = self.sealed(sealed)?;
                Ok(Span { path, offset: *offset, len: *len, sealed: Some(run) })
            }
        }
    }

    /// Where a run of sealed bytes is found.
    fn sealed(&mut self, sealed: &Sealed) -> io::Result<(PathBuf, SealedSpan)> {
        let bytes = sealed.ciphertext();
        let (path, start) = match bytes {
            Ciphertext::Memory(bytes) => self.gather(bytes)?,
            Ciphertext::File { file, start, len } => self.place_file(file, *start, *len)?,
        };
        let key = Some(sealed.key().clone());
        Ok((path, SealedSpan { start, len: bytes.size(), key }))
    }

    /// Where a range of a file is found, and where it begins there.
    fn place_file(&mut self, file: &File, offset: u64, len: u64) -> io::Result<(PathBuf, u64)> {
        if offset.saturating_add(len) > file.metadata()?.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(path) = self.linked(file)? {
            return Ok((path, offset));
        }
        files::copy(file, offset, len, &mut self.gathered)?;
        Ok(self.gathered_at(len))
    }

    fn gather(&mut self, bytes: &[u8]) -> io::Result<(PathBuf, u64)> {
        self.gathered.write_all(bytes)?;
        Ok(self.gathered_at(bytes.len() as u64))
    }

    /// Where the bytes are that were just gathered.
    fn gathered_at(&mut self, len: u64) -> (PathBuf, u64) {
        let offset = self.gathered_bytes;
        self.gathered_bytes += len;
        (self.home.join(GATHERED), offset)
    }

    fn linked(&mut self, file: &File) -> io::Result<Option<PathBuf>> {
        let metadata = file.metadata()?;
        let key = (metadata.dev(), metadata.ino());
        if let Some(known) = self.links.get(&key) {
            return Ok(known.clone());
        }
        let name = self.links.len().to_string();
        let linked = files::link(file, &self.folder.join(&name))?.then(|| self.home.join(name));
        self.links.insert(key, linked.clone());
        Ok(linked)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, sync::Arc};

    use bytes::Bytes;
    use platform::{
        parts::PartReader,
        sealed::{Sealer, Secret},
        workload::Distribution,
    };

    use super::*;

    fn read_all(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap()
    }

    fn read(span: &Span) -> Vec<u8> {
        let whole = read_all(&span.path);
        let start = usize::try_from(span.offset).unwrap();
        whole[start..start + usize::try_from(span.len).unwrap()].to_vec()
    }

    fn input(parts: Vec<Part>) -> Input {
        let files = vec![InputFile { name: "a.csv".into(), parts }];
        let distribution = Distribution::Replicated;
        Input { name: "train".into(), content_type: None, distribution, gzip: true, files }
    }

    fn place(folder: &Path, parts: Vec<Part>) -> Vec<Span> {
        let mut placer = Placer::new(folder, folder).unwrap();
        let file = placer.place(&[input(parts)]).unwrap().channels.remove(0).files.remove(0);
        assert!(file.gzip, "it is as the input says");
        file.spans
    }

    #[test]
    fn a_blob_is_linked_once_and_outlives_its_own_name() {
        let (blobs, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = blobs.path().join("blob");
        fs::write(&name, "0123456789").unwrap();
        let file = Arc::new(File::open(&name).unwrap());
        let part = |offset, len| Part::Blob { file: file.clone(), offset, len };
        let spans = place(folder.path(), vec![part(0, 3), part(7, 3)]);
        assert_eq!(fs::metadata(&name).unwrap().nlink(), 2);
        fs::remove_file(&name).unwrap();
        assert_eq!(spans.iter().map(read).collect::<Vec<_>>(), [b"012", b"789"]);
    }

    #[test]
    fn what_cannot_be_linked_is_gathered_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("blob");
        fs::write(&name, "xxhelloyy").unwrap();
        let file = Arc::new(File::open(&name).unwrap());
        fs::remove_file(&name).unwrap();
        let spans = place(
            folder.path(),
            vec![
                Part::Inline(Bytes::from_static(b"one")),
                Part::Blob { file: file.clone(), offset: 2, len: 5 },
                Part::Inline(Bytes::from_static(b"two")),
            ],
        );
        assert_eq!(spans.iter().map(read).collect::<Vec<_>>(), [&b"one"[..], b"hello", b"two"]);
        assert!(spans.iter().all(|span| span.path == spans[0].path));
    }

    #[test]
    fn what_is_sealed_is_placed_as_it_lies_and_opened_with_its_key() {
        let key = Secret::random().unwrap().of_inline();
        let mut sealer = Sealer::new(key.clone());
        sealer.add(b"a secret of the customer's").unwrap();
        let bytes = sealer.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("blob");
        fs::write(&name, &bytes).unwrap();
        let in_file = Ciphertext::file(Arc::new(File::open(&name).unwrap())).unwrap();
        let part =
            |bytes| Part::Sealed { sealed: Sealed::new(bytes, key.clone()), offset: 2, len: 6 };
        let plain = Part::Inline(Bytes::from_static(b"plain"));
        let spans = place(
            folder.path(),
            vec![plain, part(Ciphertext::Memory(bytes.into())), part(in_file)],
        );
        for span in &spans[1..] {
            assert!(!read_all(&span.path).windows(6).any(|window| window == b"secret"));
            let mut text = String::new();
            PartReader::new(vec![span.open().unwrap()]).read_to_string(&mut text).unwrap();
            assert_eq!(text, "secret");
        }
        assert_ne!(spans[1].path, spans[2].path);
    }

    #[test]
    fn a_blob_that_is_shorter_than_promised_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut placer = Placer::new(folder.path(), folder.path()).unwrap();
        let result = placer.place(&[input(vec![Part::Blob { file, offset: 0, len: 1 }])]);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
