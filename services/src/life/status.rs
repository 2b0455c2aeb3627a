//! What a job's phase is called on the wire.

use super::{Loss, Outcome, Phase, StopReason};

impl Phase {
    /// The status of `List*`, the same for every family.
    #[must_use]
    pub fn status(&self) -> &'static str {
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

    /// `SecondaryStatus`, as training jobs show it.
    #[must_use]
    pub fn secondary_status(&self) -> &'static str {
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
