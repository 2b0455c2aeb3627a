//! Takes the answers in their order and keeps them: a file for each object, gone again where the
//! object fails.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use platform::{
    transform::{Output, Outputs, Settings},
    workload::ChannelFile,
};

use crate::{
    failure::{Failed, ObjectFailure},
    pipeline::{Answers, Told},
    score::Answer,
};

/// Predictions lie in this folder below `/opt/ml/output`.
const FOLDER: &str = "data";

/// What became of all objects.
#[derive(Debug, Default)]
pub struct Kept {
    /// Those that were scored to their end.
    pub outputs: Outputs,
    /// The others.
    pub failed: Option<Failed>,
}

/// Writes the outputs of objects, and what the log says of them.
pub struct Writer<'a> {
    pub settings: &'a Settings,
    /// `/opt/ml/output`
    pub folder: &'a Path,
    pub log: &'a mut dyn Write,
}

impl Writer<'_> {
    /// Keeps the answers to all `files`. One that fails does not keep the others from theirs.
    pub fn keep(mut self, files: &[ChannelFile], mut answers: Answers<'_>) -> io::Result<Kept> {
        fs::create_dir_all(self.folder.join(FOLDER))?;
        let mut kept = Kept::default();
        for (number, file) in files.iter().enumerate() {
            match self.object(number, file, &mut answers)? {
                Ok(output) => kept.outputs.outputs.push(output),
                Err(failure) => {
                    self.log.write_all(failure.log().as_bytes())?;
                    match &mut kept.failed {
                        Some(failed) => failed.count += 1,
                        none => {
                            *none = Some(Failed { first: failure, count: 1, objects: files.len() });
                        }
                    }
                }
            }
        }
        Ok(kept)
    }

    fn object(
        &mut self,
        number: usize,
        file: &ChannelFile,
        answers: &mut Answers<'_>,
    ) -> io::Result<Result<Output, ObjectFailure>> {
        let path = format!("{FOLDER}/{number:08}");
        let mut target = Target::create(self.folder.join(&path))?;
        let (mut records, mut failure) = (0, None);
        let object = || format!("{}{}", self.settings.location, file.name);
        loop {
            match answers.next()? {
                Told::Piece(_) if failure.is_some() => {}
                Told::Piece(scored) => match scored.answer {
                    Ok(answer) => {
                        records += scored.records;
                        target.add(answer)?;
                    }
                    Err(fault) => {
                        answers.skip(number);
                        failure = Some(ObjectFailure::refused(object(), records, fault));
                    }
                },
                Told::End(Err(error)) if failure.is_none() => {
                    failure = Some(ObjectFailure::cut(object(), records, self.settings, error)?);
                    break;
                }
                Told::End(_) => break,
            }
        }
        if let Some(failure) = failure {
            target.remove()?;
            return Ok(Err(failure));
        }
        let content_type = target.finish()?;
        writeln!(self.log, "transformed {}: {records} records", file.name)?;
        Ok(Ok(Output { input: file.name.clone(), file: path, content_type }))
    }
}

/// The file of an object's predictions.
struct Target {
    path: PathBuf,
    file: BufWriter<File>,
    content_type: String,
}

impl Target {
    fn create(path: PathBuf) -> io::Result<Self> {
        let file = BufWriter::new(File::create(&path)?);
        Ok(Self { path, file, content_type: String::new() })
    }

    fn add(&mut self, Answer { body, content_type }: Answer) -> io::Result<()> {
        // Pieces without a record have none.
        if !content_type.is_empty() {
            self.content_type = content_type;
        }
        self.file.write_all(&body)
    }

    fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// The exit status that follows must not survive a loss of power that the predictions do not.
    fn finish(self) -> io::Result<String> {
        self.file.into_inner()?.sync_data()?;
        Ok(self.content_type)
    }
}
