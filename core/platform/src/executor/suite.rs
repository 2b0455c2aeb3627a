//! The same questions for every executor.
//!
//! An adapter's test calls [`run`] with a fresh executor for each question. The programs are shell
//! scripts: as a built-in, the executor is asked for the sub-command [`SHELL`] with a script, and
//! the binary that the test gave it must replace itself by `/bin/sh -c SCRIPT`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a suite is a test: it says what it expects, and a panic is its report"
)]

use std::{
    collections::BTreeSet,
    io::{Read, Seek},
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use types::{Id, Timestamp};

use super::{Executor, ExecutorError, Exit, Seen, Stop};
use crate::{
    parts::PartReader,
    sealed::{Ciphertext, Sealed, Sealer, Secret},
    workload::{
        Channels, Distribution, Input, InputFile, Limits, OwnFile, Pack, Part, PrivateCopy,
        Program, Workload,
    },
};

/// The sub-command that runs a shell script.
pub const SHELL: &str = "suite-shell";

/// Longer than any program here takes; a question that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The one host of most workloads here.
pub const HOST: &str = "algo-1";

/// Asks every question, each of a fresh executor.
pub async fn run<E: Executor>(fresh: impl AsyncFn() -> E) {
    a_program_ends_with_its_code(&fresh().await).await;
    a_workload_that_was_never_submitted_is_absent(&fresh().await).await;
    submitting_again_changes_nothing(&fresh().await).await;
    an_interrupted_program_may_save_its_work(&fresh().await).await;
    a_program_that_will_not_stop_is_killed(&fresh().await).await;
    what_a_program_left_running_ends_with_it(&fresh().await).await;
    a_log_is_read_from_any_byte(&fresh().await).await;
    files_channels_and_environment_reach_the_program(&fresh().await).await;
    what_lies_sealed_is_opened_by_the_program_alone(&fresh().await).await;
    folders_are_packed_and_outputs_opened(&fresh().await).await;
    links_are_not_followed_out_of_the_outputs(&fresh().await).await;
    a_programs_files_are_told_and_opened_while_it_runs(&fresh().await).await;
    links_in_a_programs_folder_are_no_files(&fresh().await).await;
    what_was_forgotten_may_be_submitted_again(&fresh().await).await;
    each_host_runs_and_ends_by_itself(&fresh().await).await;
    a_host_that_fails_ends_the_others(&fresh().await).await;
    a_host_that_was_told_to_end_ends_no_other(&fresh().await).await;
    hosts_know_where_each_of_them_is(&fresh().await).await;
    a_host_sees_its_own_files_and_its_share_of_what_is_sharded(&fresh().await).await;
    a_host_is_handed_the_keys_of_its_share_alone(&fresh().await).await;
    only_what_has_ended_is_forgotten(&fresh().await).await;
    names_that_leave_the_folder_are_refused(&fresh().await).await;
}

/// A workload of one host that runs `script`.
#[must_use]
pub fn script(script: &str) -> Workload {
    Workload {
        id: Id::random(),
        name: "suite".into(),
        program: Program::BuiltIn { arguments: vec![SHELL.into(), script.into()] },
        hosts: vec![HOST.into()],
        environment: vec![],
        files: vec![],
        own_files: vec![],
        copies: vec![],
        inputs: vec![],
        packs: vec![],
        limits: Limits::default(),
    }
}

/// Waits until `wanted` is seen, woken by [`Executor::changed`] and by nothing else.
///
/// # Panics
/// Where that does not come to pass in 20 seconds.
pub async fn until(executor: &dyn Executor, id: Id, wanted: impl Fn(&Seen) -> bool) -> Seen {
    let mut changed = executor.changed();
    let wait = async {
        loop {
            changed.mark_unchanged();
            let seen = executor.observe(id).await.expect("it can be observed");
            if wanted(&seen) {
                return seen;
            }
            changed.changed().await.expect("the executor lives");
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it is seen in time")
}

/// Waits for the end.
///
/// # Panics
/// Where it does not come in 20 seconds.
pub async fn ended(executor: &dyn Executor, id: Id) -> Vec<Exit> {
    match until(executor, id, |seen| matches!(seen, Seen::Ended { .. })).await {
        Seen::Ended { exits, .. } => exits,
        other => panic!("{other:?} is no end"),
    }
}

/// Everything that `host` has written.
///
/// # Panics
/// Where it cannot be read.
pub async fn whole_log(executor: &dyn Executor, id: Id, host: &str) -> String {
    let chunk = executor.log(id, host, 0, 1 << 20).await.expect("the log can be read");
    String::from_utf8_lossy(&chunk.bytes).into_owned()
}

async fn logged(executor: &dyn Executor, id: Id, text: &str) {
    let wait = async {
        while !whole_log(executor, id, HOST).await.contains(text) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it is logged in time");
}

async fn read(executor: &dyn Executor, id: Id, path: &str) -> Option<Vec<u8>> {
    read_of(executor, id, HOST, path).await
}

async fn read_of(executor: &dyn Executor, id: Id, host: &str, path: &str) -> Option<Vec<u8>> {
    let mut file = executor.output(id, host, path).await.expect("outputs can be opened")?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("an output can be read");
    Some(bytes)
}

async fn a_program_ends_with_its_code(executor: &dyn Executor) {
    for (text, code) in [("exit 0", 0), ("exit 7", 7)] {
        let workload = script(text);
        executor.submit(&workload).await.unwrap();
        assert_eq!(ended(executor, workload.id).await, [Exit::Code(code)]);
    }
}

async fn a_workload_that_was_never_submitted_is_absent(executor: &dyn Executor) {
    let id = Id::random();
    assert_eq!(executor.observe(id).await.unwrap(), Seen::Absent);
    let stopped = executor.stop(id, Stop::Interrupt).await;
    assert!(matches!(stopped, Err(ExecutorError::Absent(absent)) if absent == id));
    let log = executor.log(id, HOST, 0, 10).await;
    assert!(matches!(log, Err(ExecutorError::Absent(_))));
    executor.forget(id).await.unwrap();
    assert_eq!(executor.list().await.unwrap(), []);
}

async fn submitting_again_changes_nothing(executor: &dyn Executor) {
    let workload = script("echo once");
    let (first, second) = tokio::join!(executor.submit(&workload), executor.submit(&workload));
    first.unwrap();
    second.unwrap();
    ended(executor, workload.id).await;
    executor.submit(&workload).await.unwrap();
    ended(executor, workload.id).await;
    assert_eq!(whole_log(executor, workload.id, HOST).await, "once\n");
    assert_eq!(executor.list().await.unwrap(), [workload.id]);
}

async fn an_interrupted_program_may_save_its_work(executor: &dyn Executor) {
    let workload = script("trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.01; done");
    executor.submit(&workload).await.unwrap();
    until(executor, workload.id, |seen| matches!(seen, Seen::Running { .. })).await;
    logged(executor, workload.id, "up").await;
    executor.stop(workload.id, Stop::Interrupt).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(0)]);
    assert!(whole_log(executor, workload.id, HOST).await.contains("saved"));
    executor.stop(workload.id, Stop::Interrupt).await.unwrap();
}

async fn a_program_that_will_not_stop_is_killed(executor: &dyn Executor) {
    let workload = script("trap 'echo no' TERM; echo up; while :; do sleep 0.01; done");
    executor.submit(&workload).await.unwrap();
    logged(executor, workload.id, "up").await;
    executor.stop(workload.id, Stop::Interrupt).await.unwrap();
    logged(executor, workload.id, "no").await;
    executor.stop(workload.id, Stop::Kill).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Signal(9)]);
}

/// The one left behind would write when the program has ended; its log must end before that.
async fn what_a_program_left_running_ends_with_it(executor: &dyn Executor) {
    let workload = script(
        "setsid sh -c 'trap \"\" TERM HUP; echo left; sleep 60; echo never' & sleep 0.1; exit 3",
    );
    executor.submit(&workload).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(3)]);
    assert_eq!(whole_log(executor, workload.id, HOST).await, "left\n");
}

async fn a_log_is_read_from_any_byte(executor: &dyn Executor) {
    let workload = script("printf 0123; printf 4567 >&2; printf 89");
    executor.submit(&workload).await.unwrap();
    ended(executor, workload.id).await;
    for (from, limit, bytes, next) in
        [(0, 4, "0123", 4), (3, 100, "3456789", 10), (10, 5, "", 10), (99, 5, "", 99)]
    {
        let chunk = executor.log(workload.id, HOST, from, limit).await.unwrap();
        assert_eq!((chunk.bytes, chunk.next), (Bytes::from(bytes), next));
    }
}

/// A file that holds `bytes` and has no name.
fn blob(bytes: &[u8]) -> Arc<std::fs::File> {
    let path = std::env::temp_dir().join(format!("suite-blob-{}", Id::random()));
    std::fs::write(&path, bytes).unwrap();
    let mut file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.rewind().unwrap();
    Arc::new(file)
}

async fn files_channels_and_environment_reach_the_program(executor: &dyn Executor) {
    let workload = Workload {
        files: vec![("input/config/hyperparameters.json".into(), Bytes::from_static(b"{}"))],
        environment: vec![
            ("TRAINING_JOB_NAME".into(), "churn-1".into()),
            ("LD_PRELOAD".into(), "/evil.so".into()),
        ],
        inputs: vec![Input {
            name: "train".into(),
            content_type: Some("text/csv".into()),
            distribution: Distribution::Replicated,
            gzip: false,
            files: vec![InputFile {
                name: "part-0.csv".into(),
                parts: vec![
                    Part::Inline(Bytes::from_static(b"1,2\n3")),
                    Part::Blob { file: blob(b"xx,4\n5,6\nyy"), offset: 2, len: 7 },
                ],
            }],
        }],
        ..script(
            "cd $SAGEWRIGHT_OPT_ML; cat input/config/hyperparameters.json; \
             echo $TRAINING_JOB_NAME $LD_PRELOAD $SAGEWRIGHT_HOST; cp input/channels.json output/",
        )
    };
    executor.submit(&workload).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(0)]);
    assert_eq!(whole_log(executor, workload.id, HOST).await, "{}churn-1 algo-1\n");

    let bytes = read(executor, workload.id, "channels.json").await.unwrap();
    let channels: Channels = serde_json::from_slice(&bytes).unwrap();
    let file = &channels.channels[0].files[0];
    assert_eq!((channels.channels[0].name.as_str(), file.name.as_str()), ("train", "part-0.csv"));
    let mut data = Vec::new();
    for span in &file.spans {
        let whole = std::fs::read(&span.path).unwrap();
        let start = usize::try_from(span.offset).unwrap();
        data.extend_from_slice(&whole[start..start + usize::try_from(span.len).unwrap()]);
    }
    assert_eq!(data, b"1,2\n3,4\n5,6\n");
}

fn input(name: &str, distribution: Distribution, files: Vec<InputFile>) -> Input {
    Input { name: name.into(), content_type: None, distribution, gzip: false, files }
}

/// The keys come in on standard input, and only there.
async fn what_lies_sealed_is_opened_by_the_program_alone(executor: &dyn Executor) {
    let key = Secret::random().unwrap().of_inline();
    let mut sealer = Sealer::new(key.clone());
    sealer.add(b"secret,1\n").unwrap();
    let bytes = Bytes::from(sealer.finish().unwrap());
    let part = |bytes| Part::Sealed { sealed: Sealed::new(bytes, key.clone()), offset: 0, len: 9 };
    let in_file = Ciphertext::file(blob(&bytes)).unwrap();
    let parts = vec![part(Ciphertext::Memory(bytes)), part(in_file)];
    let files = vec![InputFile { name: "part-0.csv".into(), parts }];
    let workload = Workload {
        inputs: vec![input("train", Distribution::Replicated, files)],
        ..script("cd $SAGEWRIGHT_OPT_ML; cat > output/keys; cp input/channels.json output/")
    };
    executor.submit(&workload).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(0)]);
    let keys = read(executor, workload.id, "keys").await.unwrap();
    let listed = read(executor, workload.id, "channels.json").await.unwrap();
    let mut channels: Channels = serde_json::from_slice(&listed).unwrap();
    assert!(channels.channels[0].files[0].spans[0].open().is_err(), "a key stands in a file");
    channels.take_keys(&mut &keys[..]).unwrap();
    let spans = &channels.channels[0].files[0].spans;
    let mut text = String::new();
    let parts = spans.iter().map(|span| span.open().unwrap()).collect();
    PartReader::new(parts).read_to_string(&mut text).unwrap();
    assert_eq!(text, "secret,1\nsecret,1\n");
}

async fn folders_are_packed_and_outputs_opened(executor: &dyn Executor) {
    let workload = Workload {
        packs: vec![
            Pack { folder: "model".into(), archive: "model.tar.gz".into() },
            Pack { folder: "output/data".into(), archive: "output.tar.gz".into() },
            Pack { folder: "tmp".into(), archive: "empty.tar.gz".into() },
        ],
        ..script(
            "cd $SAGEWRIGHT_OPT_ML; echo trees > model/xgboost-model; mkdir -p output/data/deep tmp; \
             echo why > output/failure; exit 1",
        )
    };
    executor.submit(&workload).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(1)]);
    assert_eq!(read(executor, workload.id, "failure").await.unwrap(), b"why\n");
    for archive in ["model.tar.gz", "output.tar.gz"] {
        let bytes = read(executor, workload.id, archive).await.expect("it is packed");
        assert_eq!(bytes[..2], [0x1f, 0x8b], "{archive} is gzip");
    }
    for nothing in ["empty.tar.gz", "nothing"] {
        assert_eq!(read(executor, workload.id, nothing).await, None);
    }
}

async fn links_are_not_followed_out_of_the_outputs(executor: &dyn Executor) {
    let workload = script(
        "cd $SAGEWRIGHT_OPT_ML/output; ln -s /etc/passwd failure; ln -s /etc etc; mkfifo fifo; mkdir dir",
    );
    executor.submit(&workload).await.unwrap();
    ended(executor, workload.id).await;
    for path in
        ["failure", "etc/passwd", "../../log", "/etc/passwd", "", ".", "fifo", "dir", "a\0b"]
    {
        assert_eq!(read(executor, workload.id, path).await, None, "{path:?}");
    }
}

const FOLDER: &str = "checkpoints";

async fn read_file(executor: &dyn Executor, id: Id, path: &str) -> Option<String> {
    let mut file = executor.file(id, HOST, FOLDER, path).await.expect("files can be opened")?;
    let mut text = String::new();
    file.read_to_string(&mut text).expect("a file can be read");
    Some(text)
}

async fn a_programs_files_are_told_and_opened_while_it_runs(executor: &dyn Executor) {
    let placed = PrivateCopy {
        path: format!("{FOLDER}/deep/placed"),
        parts: vec![Part::Inline(Bytes::from_static(b"one")), Part::Inline(Bytes::from("two"))],
        modified: Timestamp::from_millis(1_000),
    };
    let workload = Workload {
        copies: vec![placed],
        ..script(
            "cd $SAGEWRIGHT_OPT_ML/checkpoints; cat deep/placed; echo made > made; echo; echo up; \
             trap 'echo more >> deep/placed; rm made; exit 0' TERM; while :; do sleep 0.01; done",
        )
    };
    let id = workload.id;
    assert!(matches!(executor.files(id, HOST, FOLDER).await, Err(ExecutorError::Absent(_))));
    executor.submit(&workload).await.unwrap();
    logged(executor, id, "onetwo\nup\n").await;
    let first = executor.files(id, HOST, FOLDER).await.unwrap();
    let told: Vec<_> = first.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(told, [("deep/placed", 6), ("made", 5)]);
    assert_eq!(first[0].modified, Timestamp::from_millis(1_000));
    assert!(first[1].modified > Timestamp::from_millis(1_000));
    assert_eq!(executor.files(id, HOST, FOLDER).await.unwrap(), first, "nothing was written");
    assert_eq!(read_file(executor, id, "made").await.as_deref(), Some("made\n"));
    assert_eq!(executor.files(id, HOST, "nowhere").await.unwrap(), []);
    executor.stop(id, Stop::Interrupt).await.unwrap();
    ended(executor, id).await;
    let last = executor.files(id, HOST, FOLDER).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_ne!((last[0].size, &last[0].version), (first[0].size, &first[0].version));
    assert_eq!(read_file(executor, id, "deep/placed").await.as_deref(), Some("onetwomore\n"));
    assert_eq!(read_file(executor, id, "made").await, None);
}

async fn links_in_a_programs_folder_are_no_files(executor: &dyn Executor) {
    let workload = script(
        "mkdir -p $SAGEWRIGHT_OPT_ML/checkpoints; cd $SAGEWRIGHT_OPT_ML/checkpoints; \
         ln -s /etc/passwd link; ln -s /etc etc; mkfifo fifo; mkdir empty; echo ours > file; \
         ln -s checkpoints ../linked",
    );
    executor.submit(&workload).await.unwrap();
    ended(executor, workload.id).await;
    let files = executor.files(workload.id, HOST, FOLDER).await.unwrap();
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["file"]);
    for path in ["link", "etc/passwd", "../input/channels.json", "/etc/passwd", "", "empty"] {
        assert_eq!(read_file(executor, workload.id, path).await, None, "{path:?}");
    }
    for folder in ["linked", "..", "/etc", "", "../.."] {
        assert_eq!(executor.files(workload.id, HOST, folder).await.unwrap(), [], "{folder:?}");
        let opened = executor.file(workload.id, HOST, folder, "passwd").await.unwrap();
        assert!(opened.is_none(), "{folder:?}");
    }
}

async fn what_was_forgotten_may_be_submitted_again(executor: &dyn Executor) {
    let workload = script("exit 3");
    for code in [3, 5] {
        let Program::BuiltIn { mut arguments } = workload.program.clone();
        arguments[1] = format!("echo {code}; exit {code}");
        let again = Workload { program: Program::BuiltIn { arguments }, ..workload.clone() };
        executor.submit(&again).await.unwrap();
        assert_eq!(ended(executor, workload.id).await, [Exit::Code(code)]);
        assert_eq!(whole_log(executor, workload.id, HOST).await, format!("{code}\n"));
        executor.forget(workload.id).await.unwrap();
    }
}

async fn each_host_runs_and_ends_by_itself(executor: &dyn Executor) {
    let hosts = vec!["algo-1".to_owned(), "algo-2".to_owned()];
    let workload = Workload {
        hosts: hosts.clone(),
        ..script("echo $SAGEWRIGHT_HOST; [ $SAGEWRIGHT_HOST = algo-1 ] || sleep 0.05")
    };
    executor.submit(&workload).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(0); 2]);
    for host in hosts {
        assert_eq!(whole_log(executor, workload.id, &host).await, format!("{host}\n"));
    }
}

fn three_hosts() -> Vec<String> {
    ["algo-1", "algo-2", "algo-3"].map(str::to_owned).to_vec()
}

async fn a_host_that_fails_ends_the_others(executor: &dyn Executor) {
    // Not before all are up, so that what is ended is a program and not a beginning.
    let workload = Workload {
        hosts: three_hosts(),
        ..script(
            "touch $SAGEWRIGHT_MEETING/$SAGEWRIGHT_HOST; [ $SAGEWRIGHT_HOST = algo-2 ] || exec \
             sleep 60; while [ $(ls $SAGEWRIGHT_MEETING | wc -l) -lt 3 ]; do sleep 0.01; done; \
             exit 3",
        )
    };
    executor.submit(&workload).await.unwrap();
    let killed = Exit::Signal(9);
    assert_eq!(ended(executor, workload.id).await, [killed, Exit::Code(3), killed]);
    let endings = executor.endings(workload.id).await.unwrap();
    let first = endings.iter().min_by_key(|ending| ending.ended).unwrap();
    assert_eq!(first.host, "algo-2", "who failed is known by when it ended");
    let told: Vec<_> = endings.iter().map(|ending| ending.told).collect();
    assert_eq!(told, [true, false, true], "and by what it was not told");
}

async fn a_host_that_was_told_to_end_ends_no_other(executor: &dyn Executor) {
    let workload = Workload {
        hosts: three_hosts(),
        ..script(
            "touch $SAGEWRIGHT_MEETING/$SAGEWRIGHT_HOST; [ $SAGEWRIGHT_HOST = algo-1 ] || exec \
             sleep 60; trap 'sleep 0.2; echo saved; exit 0' TERM; while :; do [ $(ls \
             $SAGEWRIGHT_MEETING | wc -l) -lt 3 ] || echo up; sleep 0.01; done",
        )
    };
    executor.submit(&workload).await.unwrap();
    logged(executor, workload.id, "up").await;
    executor.stop(workload.id, Stop::Interrupt).await.unwrap();
    let ended = ended(executor, workload.id).await;
    assert_eq!(ended, [Exit::Code(0), Exit::Signal(15), Exit::Signal(15)]);
    assert!(whole_log(executor, workload.id, HOST).await.contains("saved"));
}

async fn hosts_know_where_each_of_them_is(executor: &dyn Executor) {
    let workload = Workload { hosts: three_hosts(), ..script("echo $SAGEWRIGHT_ADDRESSES") };
    executor.submit(&workload).await.unwrap();
    ended(executor, workload.id).await;
    for host in &workload.hosts {
        let told = whole_log(executor, workload.id, host).await;
        let (names, addresses): (Vec<_>, Vec<_>) =
            told.trim().split(',').map(|pair| pair.split_once('=').unwrap()).unzip();
        assert_eq!(names, workload.hosts);
        let different: BTreeSet<Ipv4Addr> =
            addresses.iter().map(|address| address.parse().unwrap()).collect();
        assert_eq!(different.len(), 3, "{told}");
    }
}

/// Runs `script` on three hosts that see `inputs`; each leaves its channels among its outputs.
async fn on_three_hosts(executor: &dyn Executor, script: &str, inputs: Vec<Input>) -> Workload {
    let own = |host: &str| OwnFile {
        host: host.into(),
        path: "input/config/resourceconfig.json".into(),
        bytes: Bytes::copy_from_slice(host.as_bytes()),
    };
    let hosts = three_hosts();
    let workload = Workload {
        own_files: hosts.iter().map(|host| own(host)).collect(),
        hosts,
        inputs,
        ..self::script(&format!("cd $SAGEWRIGHT_OPT_ML; cp input/channels.json output/; {script}"))
    };
    executor.submit(&workload).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Code(0); 3]);
    workload
}

async fn channels_of(executor: &dyn Executor, id: Id, host: &str) -> Channels {
    let listed = read_of(executor, id, host, "channels.json").await.unwrap();
    serde_json::from_slice(&listed).unwrap()
}

async fn a_host_sees_its_own_files_and_its_share_of_what_is_sharded(executor: &dyn Executor) {
    let file = |name: &str| {
        let parts = vec![Part::Inline(Bytes::copy_from_slice(name.as_bytes()))];
        InputFile { name: name.into(), parts }
    };
    let inputs = vec![
        input("train", Distribution::Sharded, ["a", "b", "c", "d"].map(file).to_vec()),
        input("validation", Distribution::Replicated, ["v", "w"].map(file).to_vec()),
        input("test", Distribution::Sharded, vec![file("t")]),
    ];
    let script = "cat input/config/resourceconfig.json";
    let workload = on_three_hosts(executor, script, inputs).await;
    let shares = [["a d", "v w", "t"], ["b", "v w", ""], ["c", "v w", ""]];
    for (host, share) in workload.hosts.iter().zip(shares) {
        assert_eq!(whole_log(executor, workload.id, host).await, *host);
        let channels = channels_of(executor, workload.id, host).await.channels;
        let names = channels.iter().map(|channel| {
            let names = channel.files.iter().map(|file| file.name.clone());
            names.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(names.collect::<Vec<_>>(), share, "{host}");
    }
}

async fn a_host_is_handed_the_keys_of_its_share_alone(executor: &dyn Executor) {
    let file = |name: &str| {
        let key = Secret::random().unwrap().of_inline();
        let mut sealer = Sealer::new(key.clone());
        sealer.add(name.as_bytes()).unwrap();
        let bytes = Ciphertext::Memory(Bytes::from(sealer.finish().unwrap()));
        let len = name.len() as u64;
        let parts = vec![Part::Sealed { sealed: Sealed::new(bytes, key), offset: 0, len }];
        InputFile { name: name.into(), parts }
    };
    let inputs = vec![input("train", Distribution::Sharded, vec![file("one"), file("two")])];
    let workload = on_three_hosts(executor, "cat > output/keys", inputs).await;
    for (host, expected) in workload.hosts.iter().zip(["one", "two", ""]) {
        let keys = read_of(executor, workload.id, host, "keys").await.unwrap();
        let mut left = &keys[..];
        let mut channels = channels_of(executor, workload.id, host).await;
        channels.take_keys(&mut left).unwrap();
        assert!(left.is_empty(), "{host} has keys of what it does not see");
        let files = channels.channels.iter().flat_map(|channel| &channel.files);
        let parts = files.flat_map(|file| &file.spans).map(|span| span.open().unwrap()).collect();
        let mut text = String::new();
        PartReader::new(parts).read_to_string(&mut text).unwrap();
        assert_eq!(text, expected, "{host}");
    }
}

async fn only_what_has_ended_is_forgotten(executor: &dyn Executor) {
    let workload = script("exec sleep 60");
    executor.submit(&workload).await.unwrap();
    let early = executor.forget(workload.id).await;
    assert!(matches!(early, Err(ExecutorError::StillRunning(id)) if id == workload.id));
    executor.stop(workload.id, Stop::Kill).await.unwrap();
    assert_eq!(ended(executor, workload.id).await, [Exit::Signal(9)]);
    executor.forget(workload.id).await.unwrap();
    assert_eq!(executor.observe(workload.id).await.unwrap(), Seen::Absent);
    assert_eq!(executor.list().await.unwrap(), []);
    executor.forget(workload.id).await.unwrap();
}

async fn names_that_leave_the_folder_are_refused(executor: &dyn Executor) {
    let file =
        |path: &str| Workload { files: vec![(path.into(), Bytes::new())], ..script("exit 0") };
    let copy = |path: &str| {
        let copy = PrivateCopy { path: path.into(), parts: vec![], modified: Timestamp::now() };
        Workload { copies: vec![copy], ..script("exit 0") }
    };
    let host = |host: &str| Workload { hosts: vec![host.into()], ..script("exit 0") };
    let own_file = |host: &str, path: &str| Workload {
        own_files: vec![OwnFile { host: host.into(), path: path.into(), bytes: Bytes::new() }],
        ..script("exit 0")
    };
    let pack = |archive: &str| Workload {
        packs: vec![Pack { folder: "model".into(), archive: archive.into() }],
        ..script("exit 0")
    };
    let hostile = [
        file("../x"),
        file("/etc/x"),
        file("a/../../x"),
        file(""),
        file("a\0b"),
        own_file(HOST, "../x"),
        own_file("algo-2", "x"),
        copy("../x"),
        copy("/etc/x"),
        host(".."),
        host("a/b"),
        host(""),
        host("algo\n1"),
        pack("../model.tar.gz"),
        pack(""),
        Workload { hosts: vec![], ..script("exit 0") },
        Workload { environment: vec![("A=B".into(), "c".into())], ..script("exit 0") },
        Workload { environment: vec![("A".into(), "c\0".into())], ..script("exit 0") },
    ];
    for workload in hostile {
        let refused = executor.submit(&workload).await;
        assert!(matches!(refused, Err(ExecutorError::Unsupported(_))), "{workload:?}");
        assert_eq!(executor.observe(workload.id).await.unwrap(), Seen::Absent);
    }
}
