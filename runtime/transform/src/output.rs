//! Takes the answers in their order and keeps them: a file for each object, gone again where the
//! object fails.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use platform::{
    transform::{Line, OUTPUTS, Output, Settings},
    workload::ChannelFile,
};

use crate::{
    failure::ObjectFailure,
    pipeline::{Answers, Told},
    score::{Answer, Count},
};

/// Predictions lie in this folder below `/opt/ml/output`.
const FOLDER: &str = "data";

/// Writes the outputs of objects, and what the log says of them.
pub struct Writer<'a> {
    pub settings: &'a Settings,
    /// `/opt/ml/output`
    pub folder: &'a Path,
    pub log: &'a mut dyn Write,
}

impl Writer<'_> {
    /// Keeps the answers to all `files`. One that fails does not keep the others from theirs.
    pub fn keep(mut self, files: &[ChannelFile], mut answers: Answers<'_>) -> io::Result<()> {
        fs::create_dir_all(self.folder.join(FOLDER))?;
        let mut list = File::create(self.folder.join(OUTPUTS))?;
        for (number, file) in files.iter().enumerate() {
            let line = match self.object(number, file, &mut answers)? {
                Ok(output) => Line::Made(output),
                Err(failure) => {
                    self.log.write_all(failure.log().as_bytes())?;
                    Line::Failed(failure.told(number))
                }
            };
            // At once: what is done must be known, whatever becomes of this process.
            list.write_all(line.text().as_bytes())?;
        }
        // The exit status that follows must not survive a loss of power that the files do not.
        sync_folder(&self.folder.join(FOLDER))?;
        list.write_all(Line::End.text().as_bytes())?;
        list.sync_all()?;
        sync_folder(self.folder)
    }

    fn object(
        &mut self,
        number: usize,
        file: &ChannelFile,
        answers: &mut Answers<'_>,
    ) -> io::Result<Result<Output, ObjectFailure>> {
        let path = format!("{FOLDER}/{number:08}");
        let mut target = Target::create(self.folder.join(&path))?;
        let (mut count, mut failure) = (Count::default(), None);
        let object = || format!("{}{}", self.settings.location, file.name);
        loop {
            match answers.next()? {
                Told::Piece(_) if failure.is_some() => {}
                Told::Piece(scored) => match scored.answer {
                    Ok(answer) => {
                        count += scored.count;
                        target.add(answer)?;
                    }
                    Err(fault) => {
                        answers.skip(number);
                        failure = Some(ObjectFailure::refused(object(), count.numbered, fault));
                    }
                },
                Told::End(Err(error)) if failure.is_none() => {
                    let passed = count.numbered;
                    failure = Some(ObjectFailure::cut(object(), passed, self.settings, error)?);
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
        writeln!(self.log, "transformed {}: {} records", file.name, count.filled)?;
        Ok(Ok(Output { input: file.name.clone(), file: path, content_type }))
    }
}

/// Writes a file whose loss an exit status must not survive.
pub fn leave(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut file = File::create(folder.join(name))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
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

    /// Durable, for its line in the list says so.
    fn finish(self) -> io::Result<String> {
        self.file.into_inner()?.sync_data()?;
        Ok(self.content_type)
    }
}
