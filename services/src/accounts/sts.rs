//! STS: who one is, and temporary credentials of a role.

use std::{sync::Arc, time::Duration};

use api::{
    Caller, Document, Fault, Input, What,
    identity::{AssumeRole, Nothing, StsApi},
};
use async_trait::async_trait;
use serde_json::json;
use sha2::{Digest, Sha256};
use types::{Owner, Timestamp};

use super::{assumed_role, keys::Keyring};
use crate::record::{self, document};

/// What AssumeRole's `DurationSeconds` is where it is not said, and its bounds (its API reference).
const HOUR: u64 = 3_600;
const SHORTEST: u64 = 900;
const LONGEST: u64 = 43_200;

/// The service, over the ring that seals its tokens.
pub struct StsService {
    keys: Arc<Keyring>,
}

impl StsService {
    /// Over this ring.
    #[must_use]
    pub fn new(keys: Arc<Keyring>) -> Self {
        Self { keys }
    }
}

#[async_trait]
impl StsApi for StsService {
    async fn get_caller_identity(
        &self,
        caller: &Caller,
        _: Input<Nothing>,
    ) -> Result<Document, Fault> {
        let Owner { account, principal, .. } = caller.owner();
        let id = user_id(account, principal);
        Ok(document(json!({ "UserId": id, "Account": &**account, "Arn": &**principal })))
    }

    async fn assume_role(
        &self,
        caller: &Caller,
        input: Input<AssumeRole>,
    ) -> Result<Document, Fault> {
        let AssumeRole { role_arn, role_session_name, duration_seconds } = input.view;
        record::role(caller.owner(), &role_arn).map_err(|_| {
            let Owner { principal, .. } = caller.owner();
            let message = format!(
                "User: {principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            );
            Fault::new(What::Refused, "role", message)
        })?;
        let duration = duration_seconds.unwrap_or(HOUR);
        if !(SHORTEST..=LONGEST).contains(&duration) {
            let message = format!("DurationSeconds must be between {SHORTEST} and {LONGEST}.");
            return Err(Fault::new(What::Invalid, "role", message));
        }
        let role = role_arn.rsplit('/').next().unwrap_or_default();
        let account = &caller.owner().account;
        let arn = assumed_role(account, role, &role_session_name);
        let expires = Timestamp::now() + Duration::from_secs(duration);
        let issued = self.keys.issue(account, &arn, expires).map_err(Fault::internal)?;
        Ok(document(json!({
            "Credentials": {
                "AccessKeyId": issued.access_key,
                "SecretAccessKey": issued.secret,
                "SessionToken": issued.token,
                "Expiration": expires.epoch_seconds(),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": format!("{}:{role_session_name}", role_id(account, role)),
                "Arn": arn,
            },
        })))
    }
}

/// What AWS calls a principal's unique id: a user's, or a role's and its session's name.
fn user_id(account: &str, principal: &str) -> String {
    let mut names = principal.split('/');
    let kind = names.next().unwrap_or_default();
    let (name, session) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    if kind.ends_with(":user") {
        unique_id("AIDA", account, name)
    } else {
        format!("{}:{session}", role_id(account, name))
    }
}

/// The stable id that AWS shows for a role.
pub(super) fn role_id(account: &str, role: &str) -> String {
    unique_id("AROA", account, role)
}

/// A prefix for the kind (IAM user guide, "Unique identifiers") and seventeen characters, made of
/// the name.
fn unique_id(kind: &str, account: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{account}/{name}").as_bytes());
    format!("{kind}{}", &hex::encode_upper(digest)[..17])
}
