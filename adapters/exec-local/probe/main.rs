//! The binary that tests give to the executor: shim, scripted program, and a server to be killed.

use std::{
    fs::File, io::Write, os::unix::process::CommandExt, path::Path, process::Command,
    time::Duration,
};

use exec_local::Local;
use platform::{
    executor::Executor,
    workload::{Limits, Pack, Program, Workload},
};

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    let code = match arguments[..] {
        [exec_local::SHIM, folder] => exec_local::shim::main(Path::new(folder)),
        // What `platform::executor::suite::SHELL` asks for.
        ["suite-shell", script] => {
            let error = Command::new("/bin/sh").args(["-c", script]).exec();
            eprintln!("no shell: {error}");
            1
        }
        ["submit", jobs, id, script] => submit_and_wait(jobs, id, script),
        _ => 64,
    };
    std::process::exit(code);
}

/// Submits a script, says so, and waits to be killed.
#[tokio::main(flavor = "current_thread")]
async fn submit_and_wait(jobs: &str, id: &str, script: &str) -> i32 {
    let workload = Workload {
        id: id.parse().unwrap_or_else(|_| types::Id::random()),
        name: "orphan".into(),
        program: Program::BuiltIn { arguments: vec!["suite-shell".into(), script.into()] },
        hosts: vec!["algo-1".into()],
        environment: vec![],
        files: vec![],
        own_files: vec![],
        copies: vec![],
        inputs: vec![],
        packs: vec![Pack { folder: "model".into(), archive: "model.tar.gz".into() }],
        limits: Limits::default(),
    };
    let binary = File::open("/proc/self/exe");
    let submitted = match binary.and_then(|binary| Local::open(Path::new(jobs), binary, vec![])) {
        Ok(local) => local.submit(&workload).await.is_ok(),
        Err(_) => false,
    };
    println!("{submitted}");
    let _ = std::io::stdout().flush();
    tokio::time::sleep(Duration::from_mins(1)).await;
    0
}
