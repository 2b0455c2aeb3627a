//! Where everything of a workload lies, and how it gets there: whole or not at all.
//!
//! A workload is laid out under a name that starts with a dot, and renamed when it is complete.
//! Names that begin so are swept at start.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File},
    io,
    net::Ipv4Addr,
    os::unix::fs::DirBuilderExt,
    path::{Component, Path, PathBuf},
};

use platform::{
    executor::ExecutorError,
    workload::{Channels, Program, Workload},
};
use types::Id;
use zeroize::Zeroizing;

use crate::{
    folder,
    inputs::Placer,
    linux::{files, identity},
    records::{self, Submitted},
};

/// Each has an address of its own in 127.0.1.0/24.
const MOST_HOSTS: usize = 254;

/// The address of host number `number` of a workload, from 0. Until hosts have networks of their
/// own they share the machine's loopback, and ports differ from workload to workload.
pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number + 1).unwrap_or(u8::MAX))
}

/// `jobs/<id>`.
#[derive(Clone, Debug)]
pub struct JobFolder(PathBuf);

/// `jobs/<id>/<host>`.
#[derive(Clone, Debug)]
pub struct HostFolder(PathBuf);

impl JobFolder {
    /// That of a workload, whether it exists or not.
    pub fn of(jobs: &Path, id: Id) -> Self {
        Self(jobs.join(id.to_string()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What was submitted.
    pub fn submitted(&self) -> PathBuf {
        self.0.join("workload.json")
    }

    /// One of its hosts. No host may be called like another entry: theirs have `_` or `.`.
    pub fn host(&self, host: &str) -> HostFolder {
        HostFolder(self.0.join(host))
    }

    /// What all hosts see and may write.
    pub fn meeting(&self) -> PathBuf {
        self.0.join("_meeting")
    }

    fn data(&self) -> PathBuf {
        self.0.join("_data")
    }
}

impl HostFolder {
    /// The one at `path`.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its workload's.
    pub fn job(&self) -> JobFolder {
        JobFolder(self.0.parent().unwrap_or(&self.0).to_owned())
    }

    /// Held while its shim lives.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// Which process the shim is.
    pub fn shim(&self) -> PathBuf {
        self.0.join("shim.json")
    }

    /// What was asked of it.
    pub fn stop(&self) -> PathBuf {
        self.0.join("stop")
    }

    /// How it ended.
    pub fn exit(&self) -> PathBuf {
        self.0.join("exit.json")
    }

    /// The program's `/opt/ml`.
    pub fn ml(&self) -> PathBuf {
        self.0.join("ml")
    }

    /// What the program wrote.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// What was packed.
    pub fn archives(&self) -> PathBuf {
        self.0.join("archives")
    }

    /// The program's folder for what it throws away.
    pub fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }
}

/// A host that was laid out and is to be started.
pub struct LaidOut {
    /// Held until its shim holds it.
    pub lock: File,
    /// The keys of what lies sealed in the channels that it sees. They are in none of its files.
    pub keys: Zeroizing<Vec<u8>>,
}

/// Lays a workload out, and answers its hosts in order; `None` where it was there already.
pub fn lay_out(
    jobs: &Path,
    workload: &Workload,
    server: &[(String, String)],
) -> Result<Option<Vec<LaidOut>>, ExecutorError> {
    check(workload)?;
    let home = JobFolder::of(jobs, workload.id);
    if home.path().exists() {
        return Ok(None);
    }
    let staging = JobFolder(jobs.join(format!(".new-{}", Id::random())));
    let laid_out = fill(&staging, &home, workload, server).and_then(|laid_out| {
        let ours = files::rename_if_free(staging.path(), home.path())?;
        Ok(ours.then_some(laid_out))
    });
    if !matches!(laid_out, Ok(Some(_))) {
        let _ = fs::remove_dir_all(staging.path());
    }
    records::sync_folder(jobs)?;
    laid_out.map_err(refused)
}

/// What is full now may be emptied, so it is told apart.
fn refused(error: io::Error) -> ExecutorError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ExecutorError::Full(error),
        _ => ExecutorError::Io(error),
    }
}

fn fill(
    staging: &JobFolder,
    home: &JobFolder,
    workload: &Workload,
    server: &[(String, String)],
) -> io::Result<Vec<LaidOut>> {
    folder(staging.path())?;
    folder(&staging.data())?;
    folder(&staging.meeting())?;
    let channels = Placer::new(&staging.data(), &home.data())?.place(&workload.inputs)?;
    let fill = |number| fill_host(staging, workload, number, &channels);
    let hosts = (0..workload.hosts.len()).map(fill).collect::<io::Result<Vec<_>>>()?;
    let environment = environment(workload, server);
    let mut submitted = Submitted::new(workload, identity::boot_id()?, environment);
    submitted.sealed = hosts.iter().any(|host| !host.keys.is_empty());
    records::write_durably(&staging.submitted(), &submitted)?;
    Ok(hosts)
}

fn fill_host(
    staging: &JobFolder,
    workload: &Workload,
    number: usize,
    channels: &Channels,
) -> io::Result<LaidOut> {
    let name = &workload.hosts[number];
    let host = staging.host(name);
    for path in [host.path(), &host.archives(), &host.temporary()] {
        folder(path)?;
    }
    let ml = host.ml();
    for path in ["model", "output/data", "input/config", "input/data"] {
        folder(&ml.join(path))?;
    }
    for (path, bytes) in &workload.files {
        write(&ml.join(path), bytes)?;
    }
    for own in workload.own_files.iter().filter(|own| own.host == *name) {
        write(&ml.join(&own.path), &own.bytes)?;
    }
    for copy in &workload.copies {
        folder::place(&ml, copy)?;
    }
    let mut channels = workload.channels_of(number, channels);
    match &workload.program {
        Program::BuiltIn { .. } => {
            write(&ml.join(Channels::PATH), &serde_json::to_vec(&channels)?)?;
        }
    }
    let lock = File::create_new(host.lock())?;
    lock.try_lock()?;
    Ok(LaidOut { lock, keys: Zeroizing::new(channels.keys()) })
}

fn folder(path: &Path) -> io::Result<()> {
    /// Nobody but the server's user.
    const PRIVATE: u32 = 0o700;
    DirBuilder::new().recursive(true).mode(PRIVATE).create(path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), folder)?;
    fs::write(path, bytes)
}

/// The program's environment but for what depends on its host; later entries win.
fn environment(workload: &Workload, server: &[(String, String)]) -> Vec<(String, String)> {
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = vec![own("PATH", "/usr/local/bin:/usr/bin:/bin"), own("LANG", "C.UTF-8")];
    if workload.limits.threads > 0 {
        all.push(own("OMP_NUM_THREADS", &workload.limits.threads.to_string()));
    }
    all.extend(workload.environment.iter().filter(|(name, _)| !is_reserved(name)).cloned());
    all.extend_from_slice(server);
    all
}

/// Whether a request could steer our own program by this variable: load code into it, or point it
/// at other files.
fn is_reserved(name: &str) -> bool {
    ["SAGEWRIGHT_", "LD_", "GLIBC_", "GCONV_", "MALLOC_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The names in a workload become names of files, so they are looked at before one is made.
fn check(workload: &Workload) -> Result<(), ExecutorError> {
    let refuse = |what: String| Err(ExecutorError::Unsupported(what));
    let hosts = workload.hosts.iter().collect::<HashSet<_>>();
    if workload.hosts.is_empty() || hosts.len() != workload.hosts.len() {
        return refuse("A workload needs at least one host, and hosts of different names.".into());
    }
    if workload.hosts.len() > MOST_HOSTS {
        return refuse(format!("A workload has at most {MOST_HOSTS} hosts on one machine."));
    }
    if let Some(host) = workload.hosts.iter().find(|host| !is_host(host)) {
        return refuse(format!(
            "The host name {host:?} is none: it must be 1 to 63 letters, digits and hyphens."
        ));
    }
    if let Some(own) = workload.own_files.iter().find(|own| !hosts.contains(&own.host)) {
        return refuse(format!(
            "The file {:?} is for the host {:?}, which the workload does not have.",
            own.path, own.host
        ));
    }
    let files = workload.files.iter().map(|(path, _)| path);
    let own_files = workload.own_files.iter().map(|own| &own.path);
    let folders = workload.packs.iter().map(|pack| &pack.folder);
    let copies = workload.copies.iter().map(|copy| &copy.path);
    let mut paths = files.chain(own_files).chain(folders).chain(copies);
    if let Some(path) = paths.find(|path| !is_below(path)) {
        return refuse(format!("The path {path:?} does not lie below /opt/ml."));
    }
    if let Some(pack) = workload.packs.iter().find(|pack| !is_name(&pack.archive)) {
        return refuse(format!("The archive name {:?} is no name of a file.", pack.archive));
    }
    let Program::BuiltIn { arguments } = &workload.program;
    let values = workload.environment.iter().map(|(_, value)| value);
    if arguments.iter().chain(values).chain([&workload.name]).any(|text| text.contains('\0')) {
        return refuse("A null byte stands in the arguments or in the environment.".into());
    }
    let is_variable = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    if let Some((name, _)) = workload.environment.iter().find(|(name, _)| !is_variable(name)) {
        return refuse(format!("The environment variable {name:?} has a name that cannot be."));
    }
    Ok(())
}

fn is_host(host: &str) -> bool {
    /// Of a DNS label, bytes.
    const LONGEST: usize = 63;
    (1..=LONGEST).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_below(path: &str) -> bool {
    let mut components = Path::new(path).components();
    !path.is_empty()
        && !path.contains('\0')
        && components.all(|component| matches!(component, Component::Normal(_)))
}

fn is_name(name: &str) -> bool {
    is_below(name) && !name.contains('/') && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use platform::executor::suite;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_accepted_path_stays_below(path in "[a./\\x00]{0,12}") {
            if is_below(&path) {
                prop_assert!(!path.starts_with('/'));
                prop_assert!(path.split('/').all(|component| component != ".."));
            }
        }
    }

    #[test]
    fn a_layout_that_fails_leaves_nothing() {
        let jobs = tempfile::tempdir().unwrap();
        let file = |path: &str| (path.to_owned(), bytes::Bytes::new());
        let workload = Workload { files: vec![file("a"), file("a/b")], ..suite::script("exit 0") };
        assert!(matches!(lay_out(jobs.path(), &workload, &[]), Err(ExecutorError::Io(_))));
        assert_eq!(fs::read_dir(jobs.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_disk_without_room_is_told_apart() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(refused(full), ExecutorError::Full(_)));
        assert!(matches!(refused(io::ErrorKind::NotFound.into()), ExecutorError::Io(_)));
    }

    #[test]
    fn the_server_has_the_last_word_on_its_own_variables() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut workload = suite::script("exit 0");
        workload.limits.threads = 2;
        workload.environment = vec![
            pair("OMP_NUM_THREADS", "8"),
            pair("LD_PRELOAD", "/evil.so"),
            pair("SAGEWRIGHT_LIB", "/evil"),
        ];
        let all = environment(&workload, &[pair("SAGEWRIGHT_LIB", "/lib")]);
        let last =
            |name: &str| all.iter().rfind(|(known, _)| known == name).map(|(_, v)| v.as_str());
        assert_eq!(last("OMP_NUM_THREADS"), Some("8"));
        assert_eq!(last("LD_PRELOAD"), None);
        assert_eq!(all.iter().filter(|(name, _)| name == "SAGEWRIGHT_LIB").count(), 1);
        assert_eq!(last("SAGEWRIGHT_LIB"), Some("/lib"));
    }
}
