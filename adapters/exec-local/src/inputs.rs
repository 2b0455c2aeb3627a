//! Channel data for built-ins: read where it lies, never moved.
//!
//! A blob gets a second name in the job's private folder, so that it stays when the object is
//! deleted. That is for our own code only: a process that runs user code must never be given such a
//! link, because it could change the mode and then the blob. What cannot be linked, and what lives
//! in the index, is gathered in one file.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use platform::workload::{Channel, ChannelFile, Channels, Input, InputFile, Part, Span};

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
        let files = input.files.iter().map(|file| self.file(file)).collect::<io::Result<_>>()?;
        Ok(Channel { name: input.name.clone(), content_type: input.content_type.clone(), files })
    }

    fn file(&mut self, file: &InputFile) -> io::Result<ChannelFile> {
        let spans = file.parts.iter().map(|part| self.span(part)).collect::<io::Result<_>>()?;
        Ok(ChannelFile { name: file.name.clone(), spans })
    }

    fn span(&mut self, part: &Part) -> io::Result<Span> {
        match part {
            Part::Inline(bytes) => {
                self.gathered.write_all(bytes)?;
                Ok(self.gathered_span(bytes.len() as u64))
            }
            Part::Blob { file, offset, len } => {
                if offset.saturating_add(*len) > file.metadata()?.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if let Some(path) = self.linked(file)? {
                    return Ok(Span { path, offset: *offset, len: *len });
                }
                files::copy(file, *offset, *len, &mut self.gathered)?;
                Ok(self.gathered_span(*len))
            }
        }
    }

    fn gathered_span(&mut self, len: u64) -> Span {
        let offset = self.gathered_bytes;
        self.gathered_bytes += len;
        Span { path: self.home.join(GATHERED), offset, len }
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
    use std::{fs, sync::Arc};

    use bytes::Bytes;

    use super::*;

    fn read(span: &Span) -> Vec<u8> {
        let whole = fs::read(&span.path).unwrap();
        let start = usize::try_from(span.offset).unwrap();
        whole[start..start + usize::try_from(span.len).unwrap()].to_vec()
    }

    fn input(parts: Vec<Part>) -> Input {
        let files = vec![InputFile { name: "a.csv".into(), parts }];
        Input { name: "train".into(), content_type: None, files }
    }

    fn place(folder: &Path, parts: Vec<Part>) -> Vec<Span> {
        let mut placer = Placer::new(folder, folder).unwrap();
        placer.place(&[input(parts)]).unwrap().channels.remove(0).files.remove(0).spans
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
    fn a_blob_that_is_shorter_than_promised_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut placer = Placer::new(folder.path(), folder.path()).unwrap();
        let result = placer.place(&[input(vec![Part::Blob { file, offset: 0, len: 1 }])]);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
