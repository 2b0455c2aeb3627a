//! A step: what is seen is noted, decided on, and written down; and when to look again.

use std::time::Duration;

use types::Timestamp;

use super::{Action, Hindrance, Life, Phase, Seen, decide};

/// When to look again at what should have moved on by itself, and when to try again what failed by
/// our own fault.
const PATIENCE: Duration = Duration::from_secs(10);

impl Life {
    /// When to look again in any case; `None` once it has ended.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = match self.phase {
            Phase::Pending => now,
            Phase::Downloading | Phase::Finishing { .. } => {
                self.rests_until(now).unwrap_or(now + PATIENCE)
            }
            Phase::Running { deadline } => deadline,
            Phase::Lost { again_at, .. } if again_at > now => again_at,
            Phase::Stopping { kill_at, .. } if kill_at > now => kill_at,
            Phase::Lost { .. } | Phase::Stopping { .. } => now + PATIENCE,
            Phase::Ended { .. } => return None,
        };
        let patience_ends = self.patience_ends().filter(|end| *end > now);
        Some(patience_ends.map_or(due, |end| due.min(end)))
    }

    /// When what failed is tried again, if that is to come.
    pub(super) fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.hindrance?.last + PATIENCE).filter(|until| *until > now)
    }

    /// Decides what becomes of a job, from where it stands and what is seen of it.
    #[must_use]
    pub fn step<K>(mut self, seen: &Seen<K>, now: Timestamp) -> (Self, Option<Action>) {
        self.note_times(seen, now);
        self.note_hindrance(seen, now);
        let (phase, action) = decide::decide(&self, seen, now);
        if phase != self.phase {
            self.note_missed(seen);
            self.enter(phase, now);
        }
        (self, action)
    }

    /// When the process began and ended, whichever observation tells it first.
    fn note_times<K>(&mut self, seen: &Seen<K>, now: Timestamp) {
        // A lost run's are noted already.
        if let Phase::Lost { .. } = self.phase {
            return;
        }
        match seen {
            Seen::Running { since } => self.started = self.started.or(Some(*since)),
            Seen::Exited { started, at, .. } => {
                self.started = self.started.or(*started);
                self.ended = self.ended.or(Some(*at));
            }
            // It has vanished, and nobody can tell since when.
            Seen::Nothing if self.started.is_some() => self.ended = self.ended.or(Some(now)),
            Seen::Nothing
            | Seen::Refused(_)
            | Seen::Hindered(_)
            | Seen::Starting
            | Seen::Kept { .. } => {}
        }
    }

    /// For how long it cannot go on.
    fn note_hindrance<K>(&mut self, seen: &Seen<K>, now: Timestamp) {
        /// The most that counts of the time between two tries: more than most of them take, and
        /// less than a server is away whose machine is being mended.
        const LONGEST_TRY: Duration = Duration::from_mins(5);
        let Seen::Hindered(_) = seen else { return };
        let lasted = self.hindrance.map_or(Duration::ZERO, |so_far| {
            so_far.lasted + now.since(so_far.last).min(LONGEST_TRY)
        });
        self.hindrance = Some(Hindrance { lasted, last: now });
    }

    /// A process that was first seen when it had ended has run all the same.
    fn note_missed<K>(&mut self, seen: &Seen<K>) {
        if let (Phase::Downloading, Seen::Exited { .. }, Some(started)) =
            (&self.phase, seen, self.started)
            && !self.stop_asked
        {
            self.show("Training", started);
        }
    }
}
