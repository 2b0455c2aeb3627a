//! Jobs of several hosts: a process each, at an address each, joined by the library's own tracker.
//!
//! The processes are this test program itself, run for the one test that is a host.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/layout.rs"]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use algorithms::xgboost::train;
use platform::workload::{ADDRESSES, MEETING, OPT_ML};
use support::{Declared, lib, write_job};
use tempfile::TempDir;

/// Longer than any job here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a test looks for what it waits for.
const LOOK: Duration = Duration::from_millis(10);

/// Is a host where a test says so, and else nothing.
#[test]
fn host_of_a_job() {
    let Some(opt_ml) = env::var_os(OPT_ML).map(PathBuf::from) else { return };
    let mut log = fs::File::create(opt_ml.join("log")).unwrap();
    let status = train::run("3.2-0", &opt_ml, &lib().unwrap(), &mut log);
    std::process::exit(status);
}

/// The hosts of a job. Those that still run are killed with it.
struct Job {
    folder: TempDir,
    hosts: Vec<Child>,
}

impl Drop for Job {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            let _ = host.kill().and_then(|()| host.wait());
        }
    }
}

impl Job {
    /// Each host has a `train` and perhaps a `validation` of its own; an empty text is no file.
    fn start(hyperparameters: &[(&str, &str)], hosts: &[&[(&str, &str)]]) -> Option<Self> {
        lib()?;
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> = (1..=hosts.len()).map(|number| format!("algo-{number}")).collect();
        let addresses: Vec<_> =
            (1..).zip(&names).map(|(at, name)| format!("{name}=127.0.1.{at}")).collect();
        let mut job = Self { folder, hosts: Vec::new() };
        fs::create_dir(job.folder.path().join("meeting")).unwrap();
        for (name, channels) in names.iter().zip(hosts) {
            let opt_ml = job.folder.path().join(name);
            let declared = channels.iter().map(|(name, text)| Declared {
                name,
                content_type: "text/csv",
                distribution: "ShardedByS3Key",
                content: Some(text.as_bytes()).filter(|text| !text.is_empty()),
            });
            write_job(&opt_ml, hyperparameters, &declared.collect::<Vec<_>>());
            let list = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(",");
            let config = format!(r#"{{"current_host": {name:?}, "hosts": [{list}]}}"#);
            fs::write(opt_ml.join("input/config/resourceconfig.json"), config).unwrap();
            let host = Command::new(env::current_exe().unwrap())
                .args(["host_of_a_job", "--exact"])
                .env(OPT_ML, &opt_ml)
                .env(ADDRESSES, addresses.join(","))
                .env(MEETING, job.folder.path().join("meeting"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            job.hosts.push(host.unwrap());
        }
        Some(job)
    }

    fn ended(&mut self, host: usize) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.hosts[host].try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "host {host} ends: {}", self.log(host));
            thread::sleep(LOOK);
        }
    }

    /// Waits for all, which must succeed.
    fn done(mut self) -> Self {
        for host in 0..self.hosts.len() {
            let status = self.ended(host);
            assert!(status.success(), "host {host}: {status} {}", self.log(host));
        }
        self
    }

    fn signal(&self, host: usize, signal: &str) {
        let pid = self.hosts[host].id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    fn opt_ml(&self, host: usize) -> PathBuf {
        self.folder.path().join(format!("algo-{}", host + 1))
    }

    fn log(&self, host: usize) -> String {
        fs::read_to_string(self.opt_ml(host).join("log")).unwrap_or_default()
    }

    fn failure(&self, host: usize) -> String {
        fs::read_to_string(self.opt_ml(host).join("output/failure")).unwrap_or_default()
    }

    fn model(&self, host: usize) -> PathBuf {
        self.opt_ml(host).join("model/xgboost-model")
    }

    /// Which hosts have saved a model, and which have told rounds.
    fn saved_and_told(&self) -> (Vec<usize>, Vec<usize>) {
        let hosts = || 0..self.hosts.len();
        let saved = hosts().filter(|host| self.model(*host).exists()).collect();
        let told = hosts().filter(|host| self.log(*host).contains("[0]\ttrain-")).collect();
        (saved, told)
    }

    /// Waits until the first host has told so many rounds.
    fn after(&self, rounds: usize) {
        let told = format!("[{rounds}]\ttrain-");
        until("rounds are told", || self.log(0).contains(&told));
    }
}

/// Rows of a label and four features, different for each seed.
fn rows(seed: u32, count: u32) -> String {
    let row = |row: u32| {
        let draw = |column: u32| {
            (row + 1).wrapping_mul(2_654_435_761).wrapping_add(column * 40_503 + seed * 7_919) >> 20
        };
        let label = u32::from(draw(0) * 3 + draw(1) > 6_000);
        format!("{label},{},{},{},{}\n", draw(0), draw(1), draw(2), draw(3))
    };
    (0..count).map(row).collect()
}

const LOGISTIC: [(&str, &str); 4] =
    [("num_round", "8"), ("max_depth", "4"), ("objective", "binary:logistic"), ("nthread", "1")];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all: BTreeMap<_, _> = LOGISTIC.into();
    all.extend(more.iter().copied());
    all.into_iter().collect()
}

#[test]
fn hosts_grow_the_trees_that_xgboosts_own_package_grows_with_as_many_processes() {
    for count in [2, 3] {
        let shards: Vec<_> = (0..count).map(|seed| rows(seed, 300 + 50 * seed)).collect();
        let channels: Vec<_> = shards.iter().map(|shard| [("train", shard.as_str())]).collect();
        let hosts: Vec<_> = channels.iter().map(|channels| &channels[..]).collect();
        let Some(job) = Job::start(&LOGISTIC, &hosts) else { return };
        let job = job.done();
        assert_eq!(job.saved_and_told(), (vec![0], vec![0]), "one tells and saves");
        let files: Vec<_> = shards
            .iter()
            .enumerate()
            .map(|(at, shard)| {
                let path = job.folder.path().join(format!("shard-{at}"));
                fs::write(&path, shard).unwrap();
                path.to_str().unwrap().to_owned()
            })
            .collect();
        let parameters = r#"{"max_depth": 4, "objective": "binary:logistic"}"#;
        let model = job.model(0);
        let mut arguments = vec!["hosts", parameters, "8", model.to_str().unwrap()];
        arguments.extend(files.iter().map(String::as_str));
        let Some(told) = oracle::oracle("3.2.0", "oracle.py", &arguments) else { return };
        // The library tells of ranks too.
        assert_eq!(told.lines().last(), Some("the same"), "{count} hosts");
    }
}

#[test]
fn hosts_that_all_have_the_same_rows_train_too() {
    let shard = rows(1, 200);
    let channels = [("train", shard.as_str()), ("validation", shard.as_str())];
    let Some(job) = Job::start(&LOGISTIC, &[&channels, &channels]) else { return };
    assert_eq!(job.done().saved_and_told(), (vec![0], vec![0]));
}

#[test]
fn a_host_without_data_is_left_out_and_succeeds() {
    let (one, two) = (rows(1, 200), rows(2, 200));
    for (hosts, saves) in
        [(vec!["", &one, &two], 1), (vec![&one, "", &two], 0), (vec!["", "\n", &two], 2)]
    {
        let channels: Vec<_> = hosts.iter().map(|text| [("train", *text)]).collect();
        let channels: Vec<_> = channels.iter().map(|channels| &channels[..]).collect();
        let Some(job) = Job::start(&LOGISTIC, &channels) else { return };
        let job = job.done();
        assert_eq!(job.saved_and_told(), (vec![saves], vec![saves]));
        let empty = hosts.iter().position(|text| text.trim().is_empty()).unwrap();
        let told = format!("Host algo-{} not being used for distributed training.", empty + 1);
        assert!(job.log(empty).contains(&told), "{}", job.log(empty));
        assert!(job.log(empty).contains("does not have training data."));
    }
}

#[test]
fn a_job_of_which_no_host_has_data_fails_on_each() {
    let Some(mut job) = Job::start(&LOGISTIC, &[&[("train", "")], &[("train", "\n\n")]]) else {
        return;
    };
    for host in 0..2 {
        assert_eq!(job.ended(host).code(), Some(1), "{}", job.log(host));
        assert!(job.failure(host).starts_with("ClientError: No data in training channel path"));
    }
}

#[test]
fn hosts_stop_at_the_same_round_by_the_mean_of_what_they_see() {
    let data: Vec<_> = (0..4).map(|seed| rows(seed, 150)).collect();
    let hosts: Vec<_> = [0, 2]
        .map(|at| [("train", data[at].as_str()), ("validation", data[at + 1].as_str())])
        .to_vec();
    let chosen = with(&[
        ("num_round", "300"),
        ("early_stopping_rounds", "3"),
        ("eval_metric", "logloss,accuracy"),
    ]);
    let Some(job) = Job::start(&chosen, &[&hosts[0], &hosts[1]]) else { return };
    let job = job.done();
    let log = job.log(0);
    assert!(log.contains("\tvalidation-accuracy:") && !log.contains("[299]\t"), "{log}");
    let best = |host: usize| {
        let log = job.log(host);
        log.lines().find_map(|line| Some(line.split_once("The best round is ")?.1.to_owned()))
    };
    assert!(best(0).is_some());
    assert_eq!(best(0), best(1));
}

#[test]
fn hosts_of_different_widths_are_refused_on_each() {
    let narrow = (0..50).map(|row| format!("{},{row}\n", row % 2)).collect::<Vec<_>>().concat();
    let wide = rows(1, 50);
    let hosts = [[("train", wide.as_str())], [("train", narrow.as_str())]];
    let Some(mut job) = Job::start(&LOGISTIC, &[&hosts[0], &hosts[1]]) else { return };
    for (host, columns) in [(0, 4), (1, 1)] {
        assert_eq!(job.ended(host).code(), Some(1), "{}", job.log(host));
        let told = format!("ClientError: This host's rows have {columns} columns behind the label");
        assert!(job.failure(host).starts_with(&told), "{}", job.failure(host));
    }
}

#[test]
fn a_host_that_is_left_alone_ends_and_says_why() {
    let shards = [rows(1, 3_000), rows(2, 3_000)];
    let hosts = [[("train", shards[0].as_str())], [("train", shards[1].as_str())]];
    let chosen = with(&[("num_round", "1000000")]);
    for lost in [0, 1] {
        let Some(mut job) = Job::start(&chosen, &[&hosts[0], &hosts[1]]) else { return };
        job.after(3);
        job.hosts[lost].kill().unwrap();
        let lost_at = Instant::now();
        let left = 1 - lost;
        assert_eq!(job.ended(left).code(), Some(1), "{}", job.log(left));
        assert!(lost_at.elapsed() < Duration::from_secs(30), "it does not hang");
        let told = job.failure(left);
        assert!(told.starts_with("AlgorithmError: XGB train call failed"), "{told}");
        assert!(told.contains("collective/"), "{told}");
    }
}

#[test]
fn a_first_host_that_fails_before_the_others_found_it_is_the_one_that_is_told() {
    let good = rows(1, 100);
    let bad = format!("{good}x,1,2,3,4\n");
    let hosts = [[("train", bad.as_str())], [("train", &good)], [("train", &good)]];
    let hosts: Vec<_> = hosts.iter().map(|channels| &channels[..]).collect();
    let Some(mut job) = Job::start(&LOGISTIC, &hosts) else { return };
    assert_eq!(job.ended(0).code(), Some(1), "{}", job.log(0));
    assert!(job.failure(0).starts_with("ClientError: Failed to load csv data"), "{}", job.log(0));
    // They wait to be ended with the job: far longer than they would take to fail by themselves.
    let failed_at = Instant::now();
    while failed_at.elapsed() < Duration::from_secs(2) {
        for host in [1, 2] {
            assert!(job.hosts[host].try_wait().unwrap().is_none(), "{}", job.log(host));
        }
        thread::sleep(LOOK);
    }
    for host in [1, 2] {
        assert_eq!(job.ended(host).code(), Some(1), "{}", job.log(host));
        assert!(job.failure(host).contains("collective/"), "{}", job.failure(host));
    }
}

#[test]
fn a_host_that_was_stopped_for_a_while_still_meets_the_others() {
    let shard = rows(1, 200);
    let channels = [("train", shard.as_str())];
    let Some(job) = Job::start(&LOGISTIC, &[&channels, &channels]) else { return };
    job.signal(1, "STOP");
    // The first asks its tracker for the group, and waits for the other.
    until("the first host looks for the group", || {
        !addresses(job.hosts[0].id(), ESTABLISHED).is_empty()
    });
    job.signal(0, "STOP");
    job.signal(0, "CONT");
    thread::sleep(Duration::from_millis(200));
    job.signal(1, "CONT");
    assert_eq!(job.done().saved_and_told(), (vec![0], vec![0]));
}

#[test]
fn every_host_listens_at_its_own_address_and_nowhere_else() {
    let shards = [rows(1, 3_000), rows(2, 3_000), rows(3, 3_000)];
    let hosts: Vec<_> = shards.iter().map(|shard| [("train", shard.as_str())]).collect();
    let hosts: Vec<_> = hosts.iter().map(|channels| &channels[..]).collect();
    let Some(job) = Job::start(&with(&[("num_round", "1000000")]), &hosts) else { return };
    job.after(3);
    for (number, host) in (1..).zip(&job.hosts) {
        let own = Ipv4Addr::new(127, 0, 1, number);
        let listening = listening(host.id());
        // What peers and the tracker connect to, and the tracker on the first.
        assert!(!listening.is_empty(), "host {number} listens");
        assert_eq!(listening, BTreeSet::from([own.to_string()]), "host {number}");
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(LOOK);
    }
}

/// How the kernel's tables call the states of sockets.
const ESTABLISHED: &str = "01";
const LISTENING: &str = "0A";

/// The addresses at which a process listens, of either version of IP.
fn listening(process: u32) -> BTreeSet<String> {
    addresses(process, LISTENING)
}

/// The own addresses of a process's sockets in this state.
fn addresses(process: u32, state: &str) -> BTreeSet<String> {
    let folder = Path::new("/proc").join(process.to_string());
    let sockets: BTreeSet<String> = fs::read_dir(folder.join("fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| {
            Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .collect();
    let mut found = BTreeSet::new();
    for table in ["net/tcp", "net/tcp6"] {
        let Ok(table) = fs::read_to_string(folder.join(table)) else { continue };
        for line in table.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (Some(local), Some(is), Some(inode)) =
                (fields.get(1), fields.get(3), fields.get(9))
            else {
                continue;
            };
            if *is == state && sockets.contains(*inode) {
                found.insert(address(local));
            }
        }
    }
    found
}

/// `0101007F:9C40` is 127.0.1.1; what is no IPv4 address stays as it is.
fn address(hexadecimal: &str) -> String {
    let text = hexadecimal.split(':').next().unwrap();
    if text.len() != 8 {
        return text.to_owned();
    }
    let word = u32::from_str_radix(text, 16).unwrap();
    Ipv4Addr::from(word.to_ne_bytes()).to_string()
}

#[test]
fn the_kernels_table_is_read_aright() {
    assert_eq!(address("0101007F:9C40"), "127.0.1.1");
    assert_eq!(address("00000000:0050"), "0.0.0.0");
    let listener = std::net::TcpListener::bind("127.0.1.9:0").unwrap();
    assert!(listening(std::process::id()).contains("127.0.1.9"));
    drop(listener);
}
