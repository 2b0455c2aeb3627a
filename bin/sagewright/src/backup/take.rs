//! From a data folder to a file.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, IsTerminal, Read},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use blobs::Place;
use store_sql::objects::NamedBlob;
use tar::{Builder, EntryType, Header};

use super::{
    BLOCK,
    hold::Hold,
    manifest::{About, Lines, Passed, Passing, Summary},
    member::{Member, SECRETS, is_plain},
    workshop::Workshop,
};
use crate::{config, data::Data, keys, roster::Roster};

/// The archive's name in the workshop.
const ARCHIVE: &str = "archive";

/// Where a backup goes.
pub enum Target {
    /// To a file, which appears under its name when it is whole and on the disk.
    File {
        /// Where.
        path: PathBuf,
        /// Whether it may take the place of an older one.
        replace: bool,
    },
    /// To standard output. Its last member is missing where it broke off.
    Stdout,
}

impl Target {
    /// A folder to work in.
    fn workshop(&self, data: &Data) -> Result<Workshop> {
        match self {
            Self::File { path, replace } => {
                check(path, *replace)?;
                Workshop::beside(path)
            }
            Self::Stdout if io::stdout().is_terminal() => {
                bail!("a backup is nothing to read: send it to a file or a program")
            }
            Self::Stdout => Workshop::beside(&data.join("backup")),
        }
    }

    fn begin(&self, workshop: &Workshop) -> Result<File> {
        match self {
            Self::File { .. } => workshop.make(ARCHIVE),
            Self::Stdout => Ok(io::stdout().as_fd().try_clone_to_owned()?.into()),
        }
    }

    fn end(&self, archive: &File, workshop: &Workshop) -> Result<()> {
        match self {
            Self::File { path, .. } => {
                archive.sync_all()?;
                workshop.publish(ARCHIVE, path)
            }
            Self::Stdout => Ok(()),
        }
    }
}

fn check(file: &Path, replace: bool) -> Result<()> {
    match fs::symlink_metadata(file) {
        Ok(found) if !found.is_file() => bail!("{} is no file; name another", file.display()),
        Ok(_) if !replace => {
            bail!("{} is there already: name another, or say --replace", file.display())
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
    }
}

/// Writes a backup of the folder, of a running server or of none, whose blobs lie at `place`.
pub fn take(data: &Data, target: &Target, with_keys: bool, place: &Place) -> Result<Summary> {
    data.check_whole()?;
    let (meta, index) = (data.join(&Member::Meta.path()), data.join(&Member::Index.path()));
    if !(meta.try_exists()? && index.try_exists()?) {
        bail!("there is nothing to back up in {}", data.path().display());
    }
    blobs::settle(&data.join("objects"), place)?;
    let workshop = target.workshop(data)?;
    let mut hold = Hold::of(data)?;
    let meta = workshop.copy(&meta, "meta.db")?;
    let index = workshop.copy(&index, "index.db")?;
    let sealed = store_sql::objects::needs_master_key(&index)?;
    if !sealed && !with_keys {
        store_sql::objects::forget_keys(&index)?;
    }
    let archive = Archive::new(target.begin(&workshop)?, workshop.make("lines")?);
    let copies = Copies { meta, index };
    let about = About::new(with_keys, sealed, place.clone());
    let (taken, file) = write(data, &copies, about, archive, &mut hold)?;
    target.end(&file, &workshop)?;
    Ok(taken)
}

/// Where the databases were copied to.
struct Copies {
    meta: PathBuf,
    index: PathBuf,
}

fn write(
    data: &Data,
    copies: &Copies,
    about: About,
    mut archive: Archive,
    hold: &mut Hold,
) -> Result<(Summary, File)> {
    let text = about.text()?;
    archive.add(&Member::About, text.as_bytes(), text.len() as u64)?;
    archive.add_file(&Member::Meta, &copies.meta)?;
    archive.add_file(&Member::Index, &copies.index)?;
    if about.blobs == Place::Folder {
        store_sql::objects::named_blobs(&copies.index, |blob| {
            archive.add_blob(data, &copies.index, blob)
        })?;
    }
    if data.join(config::FILE).try_exists()? {
        archive.add_file(&Member::Settings, &data.join(config::FILE))?;
    }
    let _lock = keys::lock(data)?;
    if about.keys {
        add_secrets(data, &mut archive)?;
    } else {
        add_accounts(data, &mut archive)?;
    }
    // Without its manifest it is no backup.
    hold.check()?;
    archive.finish(about)
}

fn add_accounts(data: &Data, archive: &mut Archive) -> Result<()> {
    let accounts = serde_json::to_vec_pretty(&Roster::read(data)?.without_keys())?;
    let member = Member::Secret("keys", "accounts.json".to_owned());
    archive.add(&member, &*accounts, accounts.len() as u64).map(drop)
}

/// Hidden files are editors', and what ends in `.new` is on its way (`data::write_private`).
fn add_secrets(data: &Data, archive: &mut Archive) -> Result<()> {
    for folder in SECRETS {
        for entry in fs::read_dir(data.join(folder))? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.starts_with('.') || path.extension().is_some_and(|end| end == "new") {
                continue;
            }
            if !is_plain(&name) || !entry.file_type()?.is_file() {
                bail!("{} is no key of ours; take it elsewhere", path.display());
            }
            archive.add_file(&Member::Secret(folder, name), &path)?;
        }
    }
    Ok(())
}

/// An archive that is being written.
struct Archive {
    tar: Builder<BufWriter<File>>,
    lines: Lines,
}

impl Archive {
    fn new(file: File, lines: File) -> Self {
        let tar = Builder::new(BufWriter::with_capacity(BLOCK, file));
        Self { tar, lines: Lines::new(lines) }
    }

    fn add_blob(&mut self, data: &Data, index: &Path, blob: NamedBlob) -> Result<()> {
        let path = data.join(&Member::Blob(blob.id).path());
        let added = self.add_file(&Member::Blob(blob.id), &path).and_then(|passed| {
            passed.is(&blob).then_some(()).ok_or_else(|| {
                anyhow!(
                    "it is damaged: remove that object or write it again, and make the backup again"
                )
            })
        });
        added.with_context(|| match store_sql::objects::needed_by(index, blob.id) {
            Ok(Some(object)) => format!("at blob {} of {object}", blob.id),
            Ok(None) | Err(_) => format!("at blob {}", blob.id),
        })
    }

    fn add_file(&mut self, member: &Member, path: &Path) -> Result<Passed> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let size = file.metadata()?.len();
        self.add(member, BufReader::with_capacity(BLOCK, file), size)
            .with_context(|| format!("at {}", path.display()))
    }

    fn add(&mut self, member: &Member, from: impl Read, size: u64) -> Result<Passed> {
        if member.limit().is_some_and(|limit| size > limit) {
            bail!("it is too large to be what it should");
        }
        let mut from = Passing::new(from.take(size));
        self.tar.append_data(&mut header(member, size), member.path(), &mut from)?;
        let passed = from.passed();
        if passed.size != size {
            bail!("it became shorter while it was read");
        }
        self.lines.add(member, &passed)?;
        Ok(passed)
    }

    fn finish(mut self, about: About) -> Result<(Summary, File)> {
        let summary = self.lines.summary(about);
        let (lines, len) = self.lines.read()?;
        let mut header = header(&Member::Manifest, len);
        self.tar.append_data(&mut header, Member::Manifest.path(), BufReader::new(lines))?;
        let file = self.tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((summary, file))
    }
}

fn header(member: &Member, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(member.mode());
    header.set_size(size);
    header
}
