//! Fetches XGBoost's library: `sagewright runtimes prefetch xgboost`, and a job that finds none.
//!
//! The library is inside a Python wheel, which `pip` downloads from wherever this machine's pip
//! looks. Wheel and files are pinned by hash, and the files are hashed again before every load,
//! so neither a mirror nor a broken disk can put another library into a job. The files keep the
//! wheel's own layout, because the library finds its OpenMP relative to itself.

mod staging;

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sha2::{Digest, Sha256};

use staging::Staging;

/// The package and its version, for pip.
const REQUIREMENT: &str = "xgboost-cpu==3.2.0";
/// The folder below `lib/`.
const FOLDER: &str = "xgboost-3.2.0";
/// The wheel is unpacked and never imported, so any Python may fetch it; this is one that the
/// package's own metadata accepts.
const NOMINAL_PYTHON: &str = "3.12";
/// No pinned file is larger: the limit for what an archive may make us write, bytes.
const LARGEST_FILE: u64 = 64 << 20;
/// How much of pip's output goes into a message, characters.
const PIP_TAIL: usize = 800;

/// A wheel and what we take out of it, by SHA-256.
struct Wheel {
    /// `std::env::consts::ARCH`.
    architecture: &'static str,
    name: &'static str,
    sha256: &'static str,
    files: [(&'static str, &'static str); 2],
}

const WHEELS: [Wheel; 2] = [
    Wheel {
        architecture: "x86_64",
        name: "xgboost_cpu-3.2.0-py3-none-manylinux_2_28_x86_64.whl",
        sha256: "9c10b1653e1a689bf4094a328144cf3633c9be0e5217a76fbdc2fde6abcb2950",
        files: [
            (
                xgboost_sys::LIBRARY_PATH,
                "bad3eb7004550b6db2338486061bf628cabc2340d4913e811b0564ba4788eef5",
            ),
            (
                "xgboost_cpu.libs/libgomp-e985bcbb.so.1.0.0",
                "a43904e4fa297301d4640dc1bb3c8a3480b406f99e498eba9b1914b68aab604a",
            ),
        ],
    },
    Wheel {
        architecture: "aarch64",
        name: "xgboost_cpu-3.2.0-py3-none-manylinux_2_28_aarch64.whl",
        sha256: "896b9e2bc52ec0921edf92ddd1cebedf47032e94992b7aca0293524d380ce6e9",
        files: [
            (
                xgboost_sys::LIBRARY_PATH,
                "32a854dcd03f7e66b93ea3df543a4b82f16809c2cd93f74f29a6c97f83723b8d",
            ),
            (
                "xgboost_cpu.libs/libgomp-a49a47f9.so.1.0.0",
                "43642df04bdf20f9b4122d336ef3e2e6a486c536e614159ac0e981a901d54537",
            ),
        ],
    },
];

/// Why there is no library.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nothing may be downloaded.
    #[error(
        "XGBoost's library is not in {} and nothing may be downloaded (offline). On a machine \
         with a package index run `sagewright runtimes prefetch xgboost`, or copy that folder \
         from one that has it", folder.display()
    )]
    Offline {
        /// Where it should be.
        folder: PathBuf,
    },
    /// The wheel exists for other machines only.
    #[error("XGBoost's library is packaged for x86_64 and aarch64, not for {0}")]
    Architecture(&'static str),
    /// There is no `python3` in the path.
    #[error(
        "python3 with pip is needed to download XGBoost's library. Install it and run `sagewright \
         runtimes prefetch xgboost`"
    )]
    NoPython(#[source] io::Error),
    /// Pip ran and failed.
    #[error(
        "pip could not download {REQUIREMENT}. Once pip reaches a package index, run `sagewright \
         runtimes prefetch xgboost`. Pip said: {0}"
    )]
    Pip(String),
    /// The download is not the wheel that was pinned, or is broken.
    #[error("the archive {} cannot be unpacked", path.display())]
    Archive {
        /// The wheel.
        path: PathBuf,
        /// What is wrong with it.
        source: zip::result::ZipError,
    },
    /// A file is not the one that was pinned.
    #[error(
        "{} is not the file that was fetched (its hash differs). Remove the folder and run \
         `sagewright runtimes prefetch xgboost`", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("cannot write XGBoost's library to {}", path.display())]
    Disk {
        /// What was being written or read.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The folder of the library below `lib_dir`, if all its files are the pinned ones. Reads and
/// hashes them (17 MB).
#[must_use]
pub fn installed(lib_dir: &Path) -> Option<PathBuf> {
    let folder = lib_dir.join(FOLDER);
    let wheel = wheel().ok()?;
    check(wheel, &folder).ok()?;
    Some(folder)
}

/// Makes sure that the library is there and returns its folder, for [`xgboost_sys::Library::open`].
/// Two processes may do so at once: the first to finish wins, and the other uses its files.
pub fn ensure(
    lib_dir: &Path,
    offline: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, FetchError> {
    let folder = lib_dir.join(FOLDER);
    let wheel = wheel()?;
    // Whether it can be swept or not, the library may be there, or can be fetched.
    let _ = staging::sweep(lib_dir);
    if folder.exists() {
        check(wheel, &folder)?;
        return Ok(folder);
    }
    if offline {
        return Err(FetchError::Offline { folder });
    }
    fs::create_dir_all(lib_dir).map_err(disk(lib_dir))?;
    let staging = Staging::below(lib_dir).map_err(disk(lib_dir))?;
    progress(&format!("Downloading {REQUIREMENT} with pip"));
    let archive = download(wheel, staging.path())?;
    let size = fs::metadata(&archive).map_err(disk(&archive))?.len();
    progress(&format!("Downloaded {} ({size} bytes)", wheel.name));
    let unpacked = staging.path().join("unpacked");
    unpack(wheel, &archive, &unpacked)?;
    publish(wheel, &unpacked, &folder)?;
    sync(lib_dir)?;
    progress(&format!("Installed XGBoost's library in {}", folder.display()));
    Ok(folder)
}

fn wheel() -> Result<&'static Wheel, FetchError> {
    let here = std::env::consts::ARCH;
    WHEELS.iter().find(|wheel| wheel.architecture == here).ok_or(FetchError::Architecture(here))
}

/// Has pip download the wheel into `folder`.
fn download(wheel: &Wheel, folder: &Path) -> Result<PathBuf, FetchError> {
    let requirements = folder.join("requirements.txt");
    let line = format!("{REQUIREMENT} --hash=sha256:{}\n", wheel.sha256);
    fs::write(&requirements, line).map_err(disk(&requirements))?;
    let mut pip = Command::new("python3");
    // A person sees pip's own progress bar; a log is told before and after.
    if io::stderr().is_terminal() {
        pip.stdout(io::stderr());
    }
    let output = pip
        .args(["-m", "pip", "download", "--disable-pip-version-check", "--no-input"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .args(["--python-version", NOMINAL_PYTHON, "--dest"])
        .arg(folder)
        .arg("--requirement")
        .arg(&requirements)
        .output()
        .map_err(FetchError::NoPython)?;
    let archive = folder.join(wheel.name);
    if output.status.success() && archive.exists() {
        Ok(archive)
    } else {
        Err(FetchError::Pip(tail(&output)))
    }
}

fn tail(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(PIP_TAIL);
    text.chars().skip(skip).collect()
}

/// Writes the pinned files, and only these, durably below `folder`.
fn unpack(wheel: &Wheel, archive: &Path, folder: &Path) -> Result<(), FetchError> {
    let broken = |source| FetchError::Archive { path: archive.to_owned(), source };
    let file = File::open(archive).map_err(disk(archive))?;
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file)).map_err(broken)?;
    for (name, _) in wheel.files {
        let entry = zip.by_name(name).map_err(broken)?;
        write_durably(&mut entry.take(LARGEST_FILE), &folder.join(name))?;
    }
    check(wheel, folder)
}

/// Writes a file with its folders, and makes both last.
fn write_durably(content: &mut dyn Read, path: &Path) -> Result<(), FetchError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(disk(parent))?;
    let mut file = File::create(path).map_err(disk(path))?;
    io::copy(content, &mut file).and_then(|_| file.sync_all()).map_err(disk(path))?;
    sync(parent)
}

/// Gives the unpacked folder its name, unless another process was faster.
fn publish(wheel: &Wheel, unpacked: &Path, folder: &Path) -> Result<(), FetchError> {
    sync(unpacked)?;
    match fs::rename(unpacked, folder) {
        Ok(()) => Ok(()),
        Err(_) if folder.exists() => check(wheel, folder),
        Err(source) => Err(FetchError::Disk { path: folder.to_owned(), source }),
    }
}

fn check(wheel: &Wheel, folder: &Path) -> Result<(), FetchError> {
    for (name, expected) in wheel.files {
        let path = folder.join(name);
        if hash(&path).map_err(disk(&path))? != expected {
            return Err(FetchError::Changed { path });
        }
    }
    Ok(())
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&block[..read]),
        }
    }
}

fn sync(folder: &Path) -> Result<(), FetchError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk(folder))
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> FetchError + use<> {
    let path = path.to_owned();
    move |source| FetchError::Disk { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_without_a_library_names_the_command_to_run() {
        let lib = tempfile::tempdir().unwrap();
        let mut said = Vec::new();
        let error = ensure(lib.path(), true, &mut |line| said.push(line.to_owned())).unwrap_err();
        assert!(matches!(&error, FetchError::Offline { folder } if folder.ends_with(FOLDER)));
        assert!(error.to_string().contains("sagewright runtimes prefetch xgboost"));
        assert!(said.is_empty(), "nothing was begun");
    }

    #[test]
    fn a_changed_file_is_not_taken_for_the_library() {
        let lib = tempfile::tempdir().unwrap();
        let library = lib.path().join(FOLDER).join(xgboost_sys::LIBRARY_PATH);
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::write(&library, "not a library").unwrap();
        assert_eq!(installed(lib.path()), None);
        let error = ensure(lib.path(), true, &mut |_| ()).unwrap_err();
        assert!(matches!(error, FetchError::Changed { path } if path == library));
    }

    #[test]
    fn an_archive_without_the_pinned_files_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("x.whl");
        zip::ZipWriter::new(File::create(&archive).unwrap()).finish().unwrap();
        let error = unpack(&WHEELS[0], &archive, &folder.path().join("out")).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }));
    }

    #[test]
    fn an_archive_with_other_content_is_refused() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("x.whl");
        let mut zip = zip::ZipWriter::new(File::create(&archive).unwrap());
        for (name, _) in WHEELS[0].files {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"something else").unwrap();
        }
        zip.finish().unwrap();
        let error = unpack(&WHEELS[0], &archive, &folder.path().join("out")).unwrap_err();
        assert!(matches!(error, FetchError::Changed { .. }));
    }
}
