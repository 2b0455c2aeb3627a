//! Policies of buckets: who else may do what, and who may not.
//!
//! Text in, decision out; no clock and no look-up. A policy is checked when it is set, in AWS's
//! words, and what it says of a request is [`Policy::decide`]. What follows from that together with
//! whose bucket it is says [`judge`]; where both are silent, ACLs may still let somebody in.

mod actions;
mod condition;
mod document;
mod pattern;
mod principal;
#[cfg(test)]
mod tests;

use platform::objects::{Context, settings::PublicAccessBlock};
use types::CanonicalId;

use condition::Condition;
use pattern::Pattern;
use principal::Who;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Principal<'a> {
    /// Nobody signed.
    Anonymous,
    /// Somebody whose signature was right.
    Signed {
        /// Twelve digits.
        account: &'a str,
        /// `arn:aws:sts::111122223333:assumed-role/Role/session`, or a user's.
        arn: &'a str,
        /// The account's canonical id.
        canonical: Option<CanonicalId>,
    },
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Who asks.
    pub(super) principal: Principal<'a>,
    /// `s3:GetObject`.
    pub(super) action: &'a str,
    /// `arn:aws:s3:::bucket` or `arn:aws:s3:::bucket/key`.
    pub(super) resource: &'a str,
    /// What conditions may ask about.
    pub(super) context: &'a Context<'a>,
}

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// A statement allows it, and none denies it.
    Allow,
    /// A statement denies it.
    Deny,
    /// None is about it.
    Silent,
}

/// A policy that was checked.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: Effect,
    subject: Subject,
    actions: Names,
    resources: Names,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
struct Subject {
    negated: bool,
    who: Vec<Who>,
}

/// `Action`, `Resource`, and their negations.
#[derive(Clone, Debug)]
struct Names {
    negated: bool,
    patterns: Vec<Pattern>,
}

/// Why a text is no policy of the bucket; the words are AWS's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PolicyFault {
    /// More than 20 KB.
    #[error("Policy exceeds the maximum allowed document size.")]
    TooLarge,
    /// No JSON object.
    #[error("Policies must be valid JSON and the first byte must be '{{'")]
    Json,
    /// JSON, but not of a policy's form.
    #[error("Invalid policy syntax.")]
    Syntax,
    /// A member that policies have not.
    #[error("Unknown field {0}")]
    Unknown(String),
    /// Neither of the two versions of the language.
    #[error("The policy must contain a valid version string")]
    Version,
    /// A list of statements without any.
    #[error("Could not parse the policy: Statement is empty!")]
    NoStatement,
    /// A member that each statement has.
    #[error("Missing required field {0}")]
    Missing(&'static str),
    /// Neither `Allow` nor `Deny`.
    #[error("Invalid effect: {0}")]
    Effect(String),
    /// No name of anybody.
    #[error("Invalid principal in policy")]
    Principal,
    /// Allowing all but some lets strangers in by accident.
    #[error("Allow with NotPrincipal is not allowed.")]
    AllowNotPrincipal,
    /// No action of S3.
    #[error("Policy has invalid action")]
    Action,
    /// Not of this bucket.
    #[error("Policy has invalid resource")]
    Resource,
    /// An action on buckets with objects as its resource, or the other way round.
    #[error("Action does not apply to any resource(s) in statement")]
    Apply,
    /// No operator of conditions.
    #[error("Invalid Condition type : {0}")]
    ConditionType(String),
    /// No key that requests to S3 have.
    #[error("Policy has an invalid condition key")]
    ConditionKey,
    /// Not a value that the operator compares with.
    #[error("Policy has an invalid condition value")]
    ConditionValue,
}

impl Policy {
    /// Reads and checks the policy of `bucket`.
    pub(super) fn parse(text: &str, bucket: &str) -> Result<Self, PolicyFault> {
        document::parse(text, bucket)
    }

    /// What it says of a request.
    pub(super) fn decide(&self, request: &Request<'_>) -> Decision {
        let mut decision = Decision::Silent;
        for statement in self.statements.iter().filter(|statement| statement.is_about(request)) {
            match statement.effect {
                Effect::Deny => return Decision::Deny,
                Effect::Allow => decision = Decision::Allow,
            }
        }
        decision
    }

    /// Whether it lets in people whom it does not name, by S3's definition ("The meaning of
    /// public" in the user guide): an `Allow` to everybody that no condition ties to fixed values.
    pub(super) fn is_public(&self) -> bool {
        self.statements.iter().any(Statement::is_public)
    }

    /// Whether it asks for a tag of the object that the request is about.
    pub(super) fn asks_for_tags(&self) -> bool {
        let conditions = self.statements.iter().flat_map(|statement| &statement.conditions);
        conditions.into_iter().any(|condition| {
            condition
                .key
                .get(..EXISTING_TAG.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(EXISTING_TAG))
        })
    }
}

/// What a condition key for a tag of the object begins with.
pub(super) const EXISTING_TAG: &str = "s3:ExistingObjectTag/";

impl Statement {
    fn is_about(&self, request: &Request<'_>) -> bool {
        self.subject.who.iter().any(|who| who.is(&request.principal)) != self.subject.negated
            && self.actions.include(request.action, request.context)
            && self.resources.include(request.resource, request.context)
            && self.conditions.iter().all(|condition| condition.holds(request.context))
    }

    fn is_public(&self) -> bool {
        self.effect == Effect::Allow
            && self.subject.who.contains(&Who::Everybody)
            && !self.conditions.iter().any(is_tied)
    }
}

impl Names {
    fn include(&self, name: &str, context: &Context<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name, context)) != self.negated
    }
}

/// The keys whose fixed values make a statement not public (same place).
const TYING_KEYS: [&str; 14] = [
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
];

fn is_tied(condition: &Condition) -> bool {
    TYING_KEYS.contains(&condition.key.to_ascii_lowercase().as_str()) && condition.pins_down()
}

/// The actions by which an account keeps itself from being locked out of its own bucket.
const NEVER_LOCKED_OUT: [&str; 3] =
    ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

/// What is said of a request to a bucket of `account`.
///
/// The bucket's own account may do all that is not denied to it, and may always change the policy;
/// everybody else only what is allowed to them, and nothing at all where there is a policy for
/// everybody and the bucket restricts those.
pub(super) fn judge(
    policy: Option<&Policy>,
    block: Option<PublicAccessBlock>,
    account: &str,
    request: &Request<'_>,
) -> Decision {
    let own = matches!(request.principal, Principal::Signed { account: of, .. } if of == account);
    if own && NEVER_LOCKED_OUT.contains(&request.action) {
        return Decision::Allow;
    }
    let restricted = || {
        block.is_some_and(|block| block.restrict_buckets) && policy.is_some_and(Policy::is_public)
    };
    match policy.map_or(Decision::Silent, |policy| policy.decide(request)) {
        Decision::Deny => Decision::Deny,
        Decision::Silent | Decision::Allow if own => Decision::Allow,
        Decision::Silent | Decision::Allow if restricted() => Decision::Deny,
        decision @ (Decision::Silent | Decision::Allow) => decision,
    }
}
