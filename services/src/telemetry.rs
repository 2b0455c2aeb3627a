//! CloudWatch Logs and CloudWatch, as far as SageMaker's clients use them, and the follower that
//! fills them from what workloads write.

mod filter;
mod follower;
mod logs;
mod metrics;

pub use follower::Follower;
pub use logs::LogService;
pub use metrics::MetricService;
