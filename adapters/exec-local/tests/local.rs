//! The executor of this machine, with real processes.

#![expect(clippy::unwrap_used, reason = "helpers of tests say what they expect, as tests do")]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use exec_local::Local;
use platform::{
    executor::{
        Executor, Exit, Seen, Stop, Unpacked,
        suite::{self, HOST},
    },
    workload::{Pack, Workload},
};
use types::Id;

const PROBE: &str = env!("CARGO_BIN_EXE_exec-local-probe");

fn open(jobs: &Path) -> Local {
    Local::open(jobs, File::open(PROBE).unwrap(), vec![]).unwrap()
}

/// An executor with a folder of its own, which goes with it.
struct Fresh {
    local: Local,
    jobs: tempfile::TempDir,
}

impl Fresh {
    fn new() -> Self {
        let jobs = tempfile::tempdir().unwrap();
        Self { local: open(jobs.path()), jobs }
    }

    fn host(&self, id: Id) -> PathBuf {
        self.jobs.path().join(id.to_string()).join(HOST)
    }
}

async fn running(local: &Local, id: Id) {
    suite::until(local, id, |seen| matches!(seen, Seen::Running { .. })).await;
}

/// Waits for a file that a program writes.
async fn written(path: &Path) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Ok(text) = fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text.trim().to_owned();
        }
        assert!(Instant::now() < deadline, "{} is written", path.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn pid_in(json: &Path) -> i32 {
    let text = fs::read_to_string(json).unwrap();
    let shim: serde_json::Value = serde_json::from_str(&text).unwrap();
    i32::try_from(shim["identity"]["pid"].as_i64().unwrap()).unwrap()
}

/// Whether a process runs; one that only waits to be collected does not.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

fn kill(pid: i32) {
    let killed = Command::new("/bin/sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap();
    assert!(killed.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_an_executor() {
    let folders = std::sync::Mutex::new(Vec::new());
    suite::run(async || {
        let fresh = Fresh::new();
        folders.lock().unwrap().push(fresh.jobs);
        fresh.local
    })
    .await;
}

#[tokio::test]
async fn a_workload_survives_the_server_that_submitted_it() {
    let jobs = tempfile::tempdir().unwrap();
    let id = Id::random();
    let script =
        "i=0; while [ $i -lt 30 ]; do echo $i; i=$((i+1)); sleep 0.01; done; echo done > model/m";
    let mut server = Command::new(PROBE)
        .args(["submit", jobs.path().to_str().unwrap(), &id.to_string(), script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "true\n");
    server.kill().unwrap();
    server.wait().unwrap();

    let next = open(jobs.path());
    assert_eq!(next.list().await.unwrap(), [id]);
    running(&next, id).await;
    assert_eq!(suite::ended(&next, id).await, [Exit::Code(0)]);
    let lines = suite::whole_log(&next, id, HOST).await;
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        (0..30).map(|i| i.to_string()).collect::<Vec<_>>()
    );
    assert!(next.output(id, HOST, "model.tar.gz").await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_died_before_it_started_the_shim_is_made_up_for() {
    let fresh = Fresh::new();
    let workload = suite::script("echo started");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    // As it was laid out: no shim has been here.
    for record in ["shim.json", "exit.json", "log"] {
        fs::remove_file(fresh.host(workload.id).join(record)).unwrap();
    }
    let next = open(fresh.jobs.path());
    assert_eq!(suite::ended(&next, workload.id).await, [Exit::Code(0)]);
    assert_eq!(suite::whole_log(&next, workload.id, HOST).await, "started\n");
}

#[tokio::test]
async fn after_the_machine_restarted_nothing_runs_again() {
    let fresh = Fresh::new();
    let workload = suite::script("echo started");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    fs::remove_file(fresh.host(workload.id).join("exit.json")).unwrap();
    fs::remove_file(fresh.host(workload.id).join("shim.json")).unwrap();
    let submitted = fresh.jobs.path().join(workload.id.to_string()).join("workload.json");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let text = fs::read_to_string(&submitted).unwrap().replace(boot.trim(), "an earlier one");
    fs::write(&submitted, text).unwrap();
    let next = open(fresh.jobs.path());
    assert_eq!(suite::ended(&next, workload.id).await, [Exit::Signal(9)]);
    assert_eq!(suite::whole_log(&next, workload.id, HOST).await, "started\n");
}

/// Makes a workload's folder as one whose shim was killed so many seconds ago.
fn killed_before(host: &Path, seconds: u64) -> SystemTime {
    fs::remove_file(host.join("exit.json")).unwrap();
    let then = SystemTime::now() - Duration::from_secs(seconds);
    for name in ["lock", "shim.json", "log"] {
        File::open(host.join(name)).unwrap().set_modified(then).unwrap();
    }
    then
}

fn micros(at: SystemTime) -> i64 {
    i64::try_from(at.duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

#[tokio::test]
async fn the_time_after_a_shim_was_killed_is_no_time_of_its_program() {
    let fresh = Fresh::new();
    let workload = suite::script("echo up");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let host = fresh.host(workload.id);
    let then = killed_before(&host, 100);
    let started = fs::read_to_string(host.join("shim.json")).unwrap();
    let mut shim: serde_json::Value = serde_json::from_str(&started).unwrap();
    shim["started"] = serde_json::json!(micros(then) - 5_000_000);
    fs::write(host.join("shim.json"), shim.to_string()).unwrap();
    File::open(host.join("shim.json")).unwrap().set_modified(then).unwrap();
    let ending = fresh.local.endings(workload.id).await.unwrap().remove(0);
    assert_eq!(ending.ended.since(ending.started), Duration::from_secs(5));
}

#[tokio::test]
async fn a_shim_says_that_it_lives_while_its_program_says_nothing() {
    let fresh = Fresh::new();
    let workload = suite::script("echo up; exec sleep 60");
    fresh.local.submit(&workload).await.unwrap();
    running(&fresh.local, workload.id).await;
    let shim = File::open(fresh.host(workload.id).join("shim.json")).unwrap();
    let written = shim.metadata().unwrap().modified().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while shim.metadata().unwrap().modified().unwrap() == written {
        assert!(Instant::now() < deadline, "its record is touched");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fresh.local.stop(workload.id, Stop::Kill).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    assert!(fresh.local.endings(workload.id).await.unwrap()[0].told);
}

#[tokio::test]
async fn records_that_a_power_cut_tore_are_none() {
    let fresh = Fresh::new();
    for torn in ["", "{\"identity\":{\"pid\""] {
        let workload = suite::script("echo up");
        fresh.local.submit(&workload).await.unwrap();
        suite::ended(&fresh.local, workload.id).await;
        let host = fresh.host(workload.id);
        fs::remove_file(host.join("exit.json")).unwrap();
        fs::write(host.join("shim.json"), torn).unwrap();
        fs::write(host.join("stop"), torn).unwrap();
        let next = open(fresh.jobs.path());
        next.stop(workload.id, Stop::Kill).await.unwrap();
        assert_eq!(suite::ended(&next, workload.id).await, [Exit::Signal(9)]);
        next.forget(workload.id).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_half_laid_out_or_half_forgotten_is_swept_at_start() {
    let jobs = tempfile::tempdir().unwrap();
    for name in [".new-1/algo-1", ".gone-2/algo-1"] {
        fs::create_dir_all(jobs.path().join(name)).unwrap();
    }
    assert_eq!(open(jobs.path()).list().await.unwrap(), []);
    assert_eq!(fs::read_dir(jobs.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn when_the_shim_is_killed_its_program_and_all_it_started_end_with_it() {
    let fresh = Fresh::new();
    let workload = suite::script(
        "setsid sh -c 'echo $$ > left; exec sleep 60' & echo $$ > own; exec sleep 60",
    );
    fresh.local.submit(&workload).await.unwrap();
    running(&fresh.local, workload.id).await;
    let host = fresh.host(workload.id);
    let mut pids = Vec::new();
    for name in ["left", "own"] {
        pids.push(written(&host.join("ml").join(name)).await.parse::<i32>().unwrap());
    }
    kill(pid_in(&host.join("shim.json")));
    assert_eq!(suite::ended(&fresh.local, workload.id).await, [Exit::Signal(9)]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while pids.iter().any(|pid| runs(*pid)) {
        assert!(Instant::now() < deadline, "{pids:?} end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let endings = fresh.local.endings(workload.id).await.unwrap();
    assert!(endings[0].trouble.as_ref().unwrap().contains("nothing was packed"));
    assert!(endings[0].settled && !endings[0].told);
    // The end stays what it was, whoever looks.
    let again = fresh.local.endings(workload.id).await.unwrap();
    assert_eq!(endings, again);
}

#[tokio::test]
async fn a_stop_that_comes_before_the_program_is_not_lost() {
    let fresh = Fresh::new();
    for _ in 0..5 {
        let workload = suite::script("exec sleep 60");
        fresh.local.submit(&workload).await.unwrap();
        fresh.local.stop(workload.id, Stop::Kill).await.unwrap();
        assert_eq!(suite::ended(&fresh.local, workload.id).await, [Exit::Signal(9)]);
    }
}

#[tokio::test]
async fn a_program_holds_three_descriptors_and_none_of_the_servers_environment() {
    let fresh = Fresh::new();
    let workload = Workload {
        limits: platform::workload::Limits {
            open_files: Some(50),
            threads: 2,
            ..Default::default()
        },
        ..suite::script("ls /proc/$$/fd; ulimit -n; ulimit -c; env | cut -d= -f1 | sort")
    };
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let log = suite::whole_log(&fresh.local, workload.id, HOST).await;
    let expected = "0\n1\n2\n50\n0\nHOME\nLANG\nOMP_NUM_THREADS\nPATH\nPWD\nSAGEWRIGHT_HOST\n\
                    SAGEWRIGHT_OPT_ML\nTMPDIR\n";
    assert_eq!(log, expected);
}

#[tokio::test]
async fn a_program_begins_with_no_signal_held_back() {
    let fresh = Fresh::new();
    // `sed` is asked, for a shell may set its own mask.
    let workload = suite::script("exec sed -n s/^SigBlk://p /proc/self/status");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let log = suite::whole_log(&fresh.local, workload.id, HOST).await;
    assert_eq!(log.trim(), "0000000000000000");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_ends_with_127_and_says_why() {
    let fresh = Fresh::new();
    let mut workload = suite::script("exit 0");
    // Longer than the kernel takes as one argument (128 KiB).
    workload.name = "n".repeat(200_000);
    fresh.local.submit(&workload).await.unwrap();
    assert_eq!(suite::ended(&fresh.local, workload.id).await, [Exit::Code(127)]);
    let log = suite::whole_log(&fresh.local, workload.id, HOST).await;
    assert!(log.starts_with("sagewright: the program could not be started: "), "{log}");
    let endings = fresh.local.endings(workload.id).await.unwrap();
    assert!(endings[0].trouble.as_ref().unwrap().contains("could not be started"));
}

#[tokio::test]
async fn what_cannot_be_packed_is_said_in_the_end() {
    let fresh = Fresh::new();
    let workload = Workload {
        packs: vec![Pack { folder: "model".into(), archive: "model.tar.gz".into() }],
        ..suite::script("rmdir model; ln -s /etc model; exit 0")
    };
    fresh.local.submit(&workload).await.unwrap();
    assert_eq!(suite::ended(&fresh.local, workload.id).await, [Exit::Code(0)]);
    let endings = fresh.local.endings(workload.id).await.unwrap();
    assert!(endings[0].trouble.as_ref().unwrap().contains("model could not be packed"));
    let Unpacked { archive, why } = &endings[0].unpacked[0];
    assert_eq!(archive, "model.tar.gz");
    assert!(why.starts_with("model could not be packed into model.tar.gz: "), "{why}");
    assert!(fresh.local.output(workload.id, HOST, "model.tar.gz").await.unwrap().is_none());
}

#[tokio::test]
async fn an_end_tells_what_was_used() {
    let fresh = Fresh::new();
    let workload = suite::script("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let ending = fresh.local.endings(workload.id).await.unwrap().remove(0);
    assert_eq!((ending.host.as_str(), ending.exit, ending.trouble), (HOST, Exit::Code(0), None));
    assert!(ending.max_resident_bytes > 100_000 && ending.cpu > Duration::from_millis(1));
    assert!(ending.ended > ending.started);
}

#[tokio::test]
async fn ten_megabytes_of_log_come_whole() {
    let fresh = Fresh::new();
    let workload = suite::script("head -c 10000000 /dev/zero | tr '\\0' x");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let (mut from, mut pieces) = (0, 0);
    loop {
        let chunk = fresh.local.log(workload.id, HOST, from, usize::MAX).await.unwrap();
        if chunk.bytes.is_empty() {
            break;
        }
        assert!(chunk.bytes.iter().all(|byte| *byte == b'x'));
        from = chunk.next;
        pieces += 1;
    }
    assert_eq!(from, 10_000_000);
    assert!(pieces >= 10, "a call answers with a bounded piece");
}

#[tokio::test]
async fn the_shim_runs_the_binary_that_was_opened_whatever_became_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("binary");
    fs::copy(PROBE, &name).unwrap();
    let local =
        Local::open(&folder.path().join("jobs"), File::open(&name).unwrap(), vec![]).unwrap();
    fs::remove_file(&name).unwrap();
    let workload = suite::script("echo still here");
    local.submit(&workload).await.unwrap();
    assert_eq!(suite::ended(&local, workload.id).await, [Exit::Code(0)]);
}

#[tokio::test]
async fn no_process_is_left_uncollected() {
    let fresh = Fresh::new();
    let workload = suite::script("exit 0");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let shim = pid_in(&fresh.host(workload.id).join("shim.json"));
    let deadline = Instant::now() + Duration::from_secs(5);
    while Path::new(&format!("/proc/{shim}")).exists() {
        assert!(Instant::now() < deadline, "the shim is collected");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Prints the figures; the bound is loose, for machines that do much else at the same time.
#[tokio::test]
async fn a_job_costs_little_beside_its_program() {
    const ROUNDS: u32 = 30;
    let fresh = Fresh::new();
    let (mut up, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let workload = suite::script("exec true");
        let began = Instant::now();
        fresh.local.submit(&workload).await.unwrap();
        suite::until(&fresh.local, workload.id, |seen| *seen != Seen::Starting).await;
        up.push(began.elapsed());
        suite::ended(&fresh.local, workload.id).await;
        whole.push(began.elapsed());
    }
    up.sort_unstable();
    whole.sort_unstable();
    let middle = ROUNDS as usize / 2;
    println!("submit to running {:?}, to the end {:?} (medians)", up[middle], whole[middle]);
    println!("slowest: {:?}, {:?}", up[middle * 2 - 1], whole[middle * 2 - 1]);
    assert!(whole[middle] < Duration::from_millis(500));
}

#[tokio::test]
async fn outputs_are_read_by_their_paths() {
    let fresh = Fresh::new();
    let workload = suite::script("mkdir output/data/a; echo deep > output/data/a/b");
    fresh.local.submit(&workload).await.unwrap();
    suite::ended(&fresh.local, workload.id).await;
    let mut text = String::new();
    let output = fresh.local.output(workload.id, HOST, "data/a/b").await.unwrap();
    output.unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "deep\n");
}
