//! A disk whose power can be cut: ext4 on a loop device.
//!
//! `commit=300` keeps the file system from writing by itself what nobody asked it to sync. The
//! backing file at some moment is then what a disk would hold after a power cut at that moment, for
//! a disk that writes in order. The server is halted while it is copied, for a copy of a file that
//! changes is a state that no disk was ever in.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// A mounted disk; unmounted when it is dropped.
pub struct Disk {
    size: u64,
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// An empty one of that many bytes, mounted; only what is written takes room. Fails where this
    /// machine has no loop devices or we may not mount.
    pub fn make(place: &Path, size: u64) -> Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "mounting needs root");
        let disk = Self { size, image: place.join("disk"), mount: place.join("mounted") };
        fs::create_dir(&disk.mount)?;
        disk.format()?;
        disk.attach()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.mount
    }

    fn format(&self) -> Result<()> {
        File::create(&self.image)?.set_len(self.size)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&self.image))
    }

    fn attach(&self) -> Result<()> {
        let options = ["-o", "loop,commit=300"];
        run(Command::new("mount").args(options).arg(&self.image).arg(&self.mount))
    }

    fn detach(&self) -> Result<()> {
        run(Command::new("umount").arg(&self.mount))
    }

    fn copied(&self) -> PathBuf {
        self.image.with_extension("cut")
    }

    /// Keeps what the disk holds now.
    pub fn cut(&self) -> Result<()> {
        run(Command::new("cp").arg("--sparse=always").arg(&self.image).arg(self.copied()))
    }

    /// Comes back with what it held when it was [`Disk::cut`]; nobody may use it now.
    pub fn power_up(&self) -> Result<()> {
        self.detach()?;
        fs::rename(self.copied(), &self.image)?;
        self.attach()
    }

    /// Comes back empty.
    pub fn replace(&self) -> Result<()> {
        self.detach()?;
        fs::remove_file(&self.image)?;
        self.format()?;
        self.attach()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.detach() {
            eprintln!("{} stays mounted: {error:#}", self.mount.display());
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    Ok(())
}
