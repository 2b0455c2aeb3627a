//! Who is calling, and who owns what.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Id;

/// Whose resource it is, where it lives, and as whom its work is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Twelve digits.
    pub account: Arc<str>,
    /// A region's name (`us-east-1`), or [`crate::GLOBAL`].
    pub region: Arc<str>,
    /// The ARN of the identity that made it.
    pub principal: Arc<str>,
}

impl Owner {
    /// An owner from its three names.
    pub fn new(
        account: impl Into<Arc<str>>,
        region: impl Into<Arc<str>>,
        principal: impl Into<Arc<str>>,
    ) -> Self {
        Self { account: account.into(), region: region.into(), principal: principal.into() }
    }

    /// The ARN of something of this owner: `owner.arn("sagemaker", "training-job/churn-1")`.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region, .. } = self;
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }
}

/// Somebody whose right to call was established. There are two ways to become one, and no other.
#[derive(Clone, Debug)]
pub struct Caller {
    owner: Owner,
    request_id: Id,
    agent: Arc<str>,
}

impl Caller {
    /// For the verifier alone: a request whose signature was found to be right. `agent` is its
    /// `User-Agent`, empty where none was sent.
    #[must_use]
    pub fn verified(owner: Owner, request_id: Id, agent: impl Into<Arc<str>>) -> Self {
        Self { owner, request_id, agent: agent.into() }
    }

    /// For work done later in a resource's name, by the driver or by a service.
    #[must_use]
    pub fn on_behalf_of(owner: &Owner) -> Self {
        Self { owner: owner.clone(), request_id: Id::random(), agent: Arc::from("") }
    }

    /// Whose account, region and identity the call counts for.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Goes back to the client and stands in every log line of this call.
    #[must_use]
    pub fn request_id(&self) -> Id {
        self.request_id
    }

    /// The client's `User-Agent`.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }
}
