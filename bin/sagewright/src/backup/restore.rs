//! From a file to a data folder.
//!
//! An archive is somebody's file: whatever is not exactly what [`super::take`] writes is refused.
//! Until all of it was checked and is on the disk, the folder says that it is unfinished
//! (`Data::begin`), and no server starts on it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufReader, Read},
    os::{
        fd::AsFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use blobs::Place;
use rustix::fs::syncfs;
use store_sql::{
    Sqlite,
    objects::{NamedBlob, SqliteIndex},
};
use tar::{Entries, Entry};

use super::{
    BLOCK,
    manifest::{About, Lines, Passed, Passing, Summary},
    member::Member,
};
use crate::data::Data;

/// Where a backup comes from.
pub enum Source {
    /// From a file.
    File(PathBuf),
    /// From standard input.
    Stdin,
}

impl Source {
    fn open(&self) -> Result<File> {
        match self {
            Self::File(path) => {
                File::open(path).with_context(|| format!("cannot open {}", path.display()))
            }
            Self::Stdin => Ok(io::stdin().as_fd().try_clone_to_owned()?.into()),
        }
    }
}

/// Makes the folder, which must be empty or not there, of a backup: all of it or nothing.
pub fn restore(data: &Data, source: &Source) -> Result<Summary> {
    let folder = data.path();
    let there = check_empty(folder)?;
    let archive = source.open()?;
    data.begin()?;
    let mut attempt = Attempt { data, there, whole: false };
    data.lay_out()?;
    // Opened before anything is written: it tells of errors from then on.
    let disk = File::open(folder)?;
    let restored = unpack(archive, folder).context("this is no whole backup, or no room for it")?;
    syncfs(disk).with_context(|| format!("{} did not reach the disk", folder.display()))?;
    data.say_whole()?;
    attempt.whole = true;
    Ok(restored)
}

/// Whether the folder is there.
fn check_empty(folder: &Path) -> Result<bool> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    if entries.next().is_some() {
        bail!("{} is not empty; restore into another folder: --data DIR", folder.display());
    }
    Ok(true)
}

/// Empties the folder again, unless it is whole.
struct Attempt<'a> {
    data: &'a Data,
    there: bool,
    whole: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        // What cannot be removed stays, and still says that it is unfinished.
        if self.data.abandon().is_ok() && !self.there {
            let _ = fs::remove_dir(self.data.path());
        }
    }
}

fn unpack(archive: impl Read, folder: &Path) -> Result<Summary> {
    let mut archive = tar::Archive::new(BufReader::with_capacity(BLOCK, archive));
    // Raw: extensions of the format, which could be of any size, are members like others.
    let entries = archive.entries()?.raw(true);
    let mut unpacker = Unpacker { entries, lines: Lines::new(scratch(folder)?), folder };
    let about = unpacker.about()?;
    blobs::settle(&folder.join("objects"), &about.blobs)?;
    unpacker.expect(&Member::Meta)?;
    unpacker.expect(&Member::Index)?;
    let (meta, index) = (folder.join(Member::Meta.path()), folder.join(Member::Index.path()));
    Sqlite::check(&meta)?;
    SqliteIndex::check(&index)?;
    store_sql::objects::named_blobs(&index, |blob| match about.blobs {
        Place::Folder => unpacker.blob(&blob),
        Place::Outside(_) => Ok(()),
    })?;
    unpacker.rest(about)
}

/// A file without a name.
fn scratch(folder: &Path) -> Result<File> {
    let path = folder.join("lines");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

/// Takes members as they come, and only those that must come.
struct Unpacker<'a, R: Read> {
    entries: Entries<'a, R>,
    lines: Lines,
    folder: &'a Path,
}

impl<'a, R: Read> Unpacker<'a, R> {
    fn next(&mut self) -> Result<(Member, Entry<'a, R>)> {
        let entry =
            self.entries.next().context("its end is missing")?.context("it cannot be read on")?;
        let path = entry.path_bytes();
        let path = String::from_utf8_lossy(&path);
        let member = Member::at(&path).with_context(|| format!("it holds {path:?}"))?;
        if !entry.header().entry_type().is_file() {
            bail!("{path} is no file in it");
        }
        if member.limit().is_some_and(|limit| entry.size() > limit) {
            bail!("{path} is too large to be what it should");
        }
        Ok((member, entry))
    }

    fn about(&mut self) -> Result<About> {
        let mut text = Vec::new();
        let (member, entry) = self.next()?;
        if member != Member::About {
            bail!("it does not begin with {}", Member::About.path());
        }
        self.pass(&member, entry, &mut text)?;
        About::parse(&text)
    }

    /// Unpacks the next member, which is this one.
    fn expect(&mut self, expected: &Member) -> Result<Passed> {
        let (member, entry) = self.next()?;
        if member != *expected {
            bail!("it holds {} where {} belongs", member.path(), expected.path());
        }
        self.write(&member, entry)
    }

    fn blob(&mut self, blob: &NamedBlob) -> Result<()> {
        let member = Member::Blob(blob.id);
        if !self.expect(&member)?.is(blob) {
            bail!("{} is not what the index says", member.path());
        }
        Ok(())
    }

    /// Unpacks what comes after the blobs, and compares everything with the manifest.
    fn rest(mut self, about: About) -> Result<Summary> {
        loop {
            let (member, entry) = self.next()?;
            match member {
                Member::Settings | Member::Secret(..) => drop(self.write(&member, entry)?),
                Member::Manifest => {
                    let summary = self.lines.summary(about);
                    self.lines.check(entry)?;
                    return match self.entries.next() {
                        None => Ok(summary),
                        Some(_) => bail!("it goes on after its manifest"),
                    };
                }
                Member::About | Member::Meta | Member::Index | Member::Blob(_) => {
                    bail!("{} is one too many", member.path())
                }
            }
        }
    }

    fn write(&mut self, member: &Member, entry: Entry<'a, R>) -> Result<Passed> {
        let path = self.folder.join(member.path());
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(member.mode()).open(&path);
        let mut file = made.with_context(|| format!("cannot make {}", path.display()))?;
        self.pass(member, entry, &mut file)
    }

    fn pass(
        &mut self,
        member: &Member,
        entry: Entry<'a, R>,
        to: &mut impl io::Write,
    ) -> Result<Passed> {
        let size = entry.size();
        let mut from = BufReader::with_capacity(BLOCK, Passing::new(entry));
        io::copy(&mut from, to).with_context(|| format!("at {}", member.path()))?;
        let passed = from.into_inner().passed();
        if passed.size != size {
            bail!("it breaks off in {}", member.path());
        }
        self.lines.add(member, &passed)?;
        Ok(passed)
    }
}
