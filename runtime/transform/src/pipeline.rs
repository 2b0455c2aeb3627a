//! Reads, scores and writes at the same time: one thread cuts objects into pieces, some score them,
//! and the calling one takes the answers in the order of the pieces.
//!
//! All queues are bounded, so that memory does not grow with the input: as many pieces are alive as
//! threads score, and a few more.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use platform::{transform::Settings, workload::ChannelFile};

use crate::{
    cut::{CutError, Cutter},
    score::{Scored, Scoring},
    source,
};

/// What is told of objects, one object after the other.
pub enum Told {
    /// What became of its next piece.
    Piece(Scored),
    /// It has been read to its end, or as far as it could be.
    End(Result<(), CutError>),
}

/// A piece on its way to a scoring thread, and where its answer is waited for.
struct Work {
    piece: Vec<u8>,
    answer: SyncSender<Scored>,
}

/// What the reading thread hands on, in order.
enum Step {
    Piece(Receiver<Scored>),
    End(Result<(), CutError>),
}

/// The answers of all objects, in order.
pub struct Answers<'a> {
    steps: Receiver<Step>,
    /// The number of an object of which no more is wanted, plus one.
    unwanted: &'a AtomicUsize,
}

impl Answers<'_> {
    /// The next news of the object whose turn it is. An error if a thread has died.
    pub fn next(&mut self) -> io::Result<Told> {
        let died = |_| io::Error::other("a thread of the transform has ended early");
        Ok(match self.steps.recv().map_err(died)? {
            Step::Piece(answer) => Told::Piece(answer.recv().map_err(died)?),
            Step::End(result) => Told::End(result),
        })
    }

    /// Has the rest of an object left unread.
    pub fn skip(&self, object: usize) {
        self.unwanted.store(object + 1, Ordering::Relaxed);
    }
}

/// Scores the objects on `threads` threads while `take` takes the answers.
pub fn run<T>(
    files: &[ChannelFile],
    settings: &Settings,
    scoring: &Scoring<'_>,
    threads: usize,
    take: impl FnOnce(Answers<'_>) -> T,
) -> T {
    let unwanted = AtomicUsize::new(0);
    let (work, queue) = sync_channel::<Work>(0);
    let queue = Arc::new(Mutex::new(queue));
    let (used, spare) = channel();
    let (told, steps) = sync_channel(threads);
    thread::scope(|scope| {
        let mut all = Vec::with_capacity(threads + 1);
        for _ in 0..threads {
            let (queue, used) = (queue.clone(), used.clone());
            all.push(scope.spawn(move || score(&queue, &used, scoring)));
        }
        // The reading thread waits for those that score, and must see when none is left.
        drop((queue, used));
        let reading = Reading { settings, scoring, unwanted: &unwanted, work, told, spare };
        all.push(scope.spawn(move || reading.all(files)));
        let taken = take(Answers { steps, unwanted: &unwanted });
        for thread in all {
            // One that panicked is told of by the answers that it left out.
            let _ = thread.join();
        }
        taken
    })
}

/// Scores pieces until there are no more, and hands their memory back.
fn score(queue: &Mutex<Receiver<Work>>, used: &Sender<Vec<u8>>, scoring: &Scoring<'_>) {
    let next = || queue.lock().ok()?.recv().ok();
    while let Some(Work { piece, answer }) = next() {
        // Where nobody waits any more, the job has failed.
        let _ = answer.send(scoring.score(&piece));
        let _ = used.send(piece);
    }
}

/// The reading thread's.
struct Reading<'a> {
    settings: &'a Settings,
    scoring: &'a Scoring<'a>,
    unwanted: &'a AtomicUsize,
    work: SyncSender<Work>,
    told: SyncSender<Step>,
    spare: Receiver<Vec<u8>>,
}

/// Nobody listens any more.
struct Deaf;

impl Reading<'_> {
    fn all(self, files: &[ChannelFile]) {
        for (number, file) in files.iter().enumerate() {
            let read = match self.pieces(number, file) {
                Ok(()) => Ok(()),
                Err(Ended::Cut(error)) => Err(error),
                Err(Ended::Deaf) => return,
            };
            if self.told.send(Step::End(read)).is_err() {
                return;
            }
        }
    }

    fn pieces(&self, number: usize, file: &ChannelFile) -> Result<(), Ended> {
        if let Some(why) = self.settings.unopened.get(&file.name) {
            return Err(CutError::Unopened(why.clone()).into());
        }
        let source = source::records(file, self.settings.gzip).map_err(CutError::from)?;
        let mut cutter = Cutter::new(source, self.scoring.framing(), self.settings.max_payload());
        while self.unwanted.load(Ordering::Relaxed) != number + 1 {
            let mut piece = self.spare.try_recv().unwrap_or_default();
            if !cutter.next_piece(&mut piece)? {
                break;
            }
            self.hand_on(piece)?;
        }
        Ok(())
    }

    fn hand_on(&self, piece: Vec<u8>) -> Result<(), Deaf> {
        let (answer, waiting) = sync_channel(1);
        self.told.send(Step::Piece(waiting)).map_err(|_| Deaf)?;
        self.work.send(Work { piece, answer }).map_err(|_| Deaf)?;
        if self.settings.is_streamed() {
            // One alone may be as large as memory allows: none is read beside it, or kept after.
            drop(self.spare.recv().map_err(|_| Deaf)?);
        }
        Ok(())
    }
}

/// Why an object is read no further.
enum Ended {
    Cut(CutError),
    Deaf,
}

impl From<CutError> for Ended {
    fn from(error: CutError) -> Self {
        Self::Cut(error)
    }
}

impl From<Deaf> for Ended {
    fn from(_: Deaf) -> Self {
        Self::Deaf
    }
}
