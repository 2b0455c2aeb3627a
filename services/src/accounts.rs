//! Who may call and as whom: keys, STS, the IAM roles that SageMaker's clients ask for, and the one
//! function that every call is authorised by.

mod iam;
mod keys;
mod policy;
mod sts;

pub use iam::{IamService, seed_role};
pub use keys::{Key, Keyring};
pub use sts::StsService;

/// The role that the first start makes; `get_execution_role()` finds it through the caller's ARN.
pub const EXECUTION_ROLE: &str = "SagewrightExecutionRole";

/// The ARN that an administrator's key presents itself with: SDKs accept only an assumed role's
/// (`contracts`: wire 9).
#[must_use]
pub fn assumed_role(account: &str, role: &str, session: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
}

/// The ARN of an IAM user, whom a key that is no administrator's belongs to.
#[must_use]
pub fn user(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:user/{name}")
}
