//! What a job's phase is called on the wire.

use super::{Life, Loss, Outcome, Phase, StopReason};

impl Life {
    /// The status of `List*`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        let stopping = self.stop_asked && !self.has_ended();
        if stopping { "Stopping" } else { self.phase.status() }
    }

    /// `SecondaryStatus`, as training jobs show it.
    #[must_use]
    pub fn secondary_status(&self) -> &'static str {
        match self.phase {
            Phase::Pending
            | Phase::Downloading
            | Phase::Running { .. }
            | Phase::Lost { .. }
            | Phase::Finishing { outcome: Outcome::Failed(_) }
                if self.stop_asked =>
            {
                "Stopping"
            }
            _ => self.phase.secondary_status(),
        }
    }
}

impl Phase {
    /// The status, the same for every family.
    fn status(&self) -> &'static str {
        match self {
            Self::Pending
            | Self::Downloading
            | Self::Running { .. }
            | Self::Lost { .. }
            | Self::Finishing { outcome: Outcome::Completed | Outcome::Failed(_) } => "InProgress",
            Self::Stopping { .. } | Self::Finishing { outcome: Outcome::Stopped(_) } => "Stopping",
            Self::Ended { outcome: Outcome::Completed } => "Completed",
            Self::Ended { outcome: Outcome::Stopped(_) } => "Stopped",
            Self::Ended { outcome: Outcome::Failed(_) } => "Failed",
        }
    }

    /// The secondary status.
    pub(super) fn secondary_status(&self) -> &'static str {
        match self {
            Self::Pending => "Starting",
            Self::Downloading => "Downloading",
            Self::Running { .. } | Self::Finishing { outcome: Outcome::Failed(_) } => "Training",
            Self::Lost { by: Loss::Interruption, .. } => "Interrupted",
            Self::Lost { by: Loss::InternalError, .. } => "Restarting",
            Self::Stopping { .. } => "Stopping",
            Self::Finishing { outcome: Outcome::Completed | Outcome::Stopped(_) } => "Uploading",
            Self::Ended { outcome: Outcome::Completed } => "Completed",
            Self::Ended { outcome: Outcome::Stopped(StopReason::Asked) } => "Stopped",
            Self::Ended { outcome: Outcome::Stopped(StopReason::TimeLimit) } => {
                "MaxRuntimeExceeded"
            }
            Self::Ended { outcome: Outcome::Stopped(StopReason::WaitLimit) } => {
                "MaxWaitTimeExceeded"
            }
            Self::Ended { outcome: Outcome::Failed(_) } => "Failed",
        }
    }
}
