//! Running other programs: their output is the user's, their failure is ours.

use std::{
    io::{BufRead, BufReader},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, ensure};

/// Runs it to its end; what it prints goes where ours goes.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {}", shown(command)))?;
    success(command, status)
}

/// Runs it to its end and shows each line of its output to `see`, which decides what is printed.
pub fn watch(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    command.stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {}", shown(command)))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            see(&String::from_utf8_lossy(&line?));
        }
    }
    let status = child.wait()?;
    success(command, status)
}

fn success(command: &Command, status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "{} ended with {status}", shown(command));
    Ok(())
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_program_is_shown_also_the_last_without_its_end() {
        let mut seen = Vec::new();
        watch(Command::new("printf").arg("a\\nb"), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["a", "b"]);
    }

    #[test]
    fn a_program_that_fails_is_named_with_its_arguments() {
        let error = run(Command::new("false").arg("now")).unwrap_err();
        assert!(error.to_string().starts_with("false now ended with"), "{error}");
    }
}
