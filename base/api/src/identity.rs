//! Who one is (STS) and what roles there are (IAM).

use serde::Deserialize;

use crate::{Fault, What, family::family, tags::Tag};

/// STS's table.
#[must_use]
pub fn sts_code(fault: &Fault) -> (&'static str, u16) {
    match fault.what {
        What::Missing | What::Taken | What::InUse | What::Invalid => ("ValidationError", 400),
        What::Limit | What::NotReady => ("Throttling", 400),
        What::Refused => ("AccessDenied", 403),
        What::Unsupported => ("UnsupportedOperationException", 400),
        What::Internal => ("InternalFailure", 500),
    }
}

/// IAM's table.
#[must_use]
pub fn iam_code(fault: &Fault) -> (&'static str, u16) {
    match fault.what {
        What::Missing => ("NoSuchEntity", 404),
        What::Taken => ("EntityAlreadyExists", 409),
        What::InUse => ("DeleteConflict", 409),
        What::Limit => ("LimitExceeded", 409),
        What::Refused => ("AccessDenied", 403),
        What::Invalid if fault.kind == "policy-document" => ("MalformedPolicyDocument", 400),
        What::Invalid => ("ValidationError", 400),
        What::Unsupported => ("UnsupportedOperationException", 400),
        What::NotReady => ("Throttling", 400),
        What::Internal => ("ServiceFailure", 500),
    }
}

family! {
    /// Who one is.
    pub trait StsApi as Sts with sts_code {
        /// The caller's account and ARN, always an assumed role's.
        "GetCallerIdentity" => get_caller_identity(Nothing);
        /// Temporary credentials of a role of the caller's account.
        "AssumeRole" => assume_role(AssumeRole);
    }
}

family! {
    /// What roles there are.
    pub trait IamApi as Iam with iam_code {
        /// Makes a role.
        "CreateRole" => create_role(CreateRole);
        /// A role with its trust policy, URL-encoded as IAM does.
        "GetRole" => get_role(RoleName);
        /// A page of roles.
        "ListRoles" => list_roles(ListRoles);
        /// Removes a role that has no policies.
        "DeleteRole" => delete_role(RoleName);
        /// Attaches a managed policy.
        "AttachRolePolicy" => attach_role_policy(RolePolicyArn);
        /// Takes a managed policy off.
        "DetachRolePolicy" => detach_role_policy(RolePolicyArn);
        /// The managed policies of a role.
        "ListAttachedRolePolicies" => list_attached_role_policies(RoleName);
        /// Sets an inline policy.
        "PutRolePolicy" => put_role_policy(PutRolePolicy);
        /// An inline policy.
        "GetRolePolicy" => get_role_policy(RolePolicyName);
        /// Removes an inline policy.
        "DeleteRolePolicy" => delete_role_policy(RolePolicyName);
        /// The names of a role's inline policies.
        "ListRolePolicies" => list_role_policies(RoleName);
        /// What the identity would be allowed, by the rule that calls are allowed by.
        "SimulatePrincipalPolicy" => simulate_principal_policy(SimulatePrincipalPolicy);
    }
}

/// No arguments.
#[derive(Clone, Debug, Deserialize)]
pub struct Nothing {}

/// Whom to become.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRole {
    /// The role.
    pub role_arn: String,
    /// Stands in the assumed role's ARN.
    pub role_session_name: String,
    /// 900 to 43,200; an hour where it is not said.
    pub duration_seconds: Option<u64>,
}

/// Names a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleName {
    /// Its name, without path.
    pub role_name: String,
}

/// A new role.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateRole {
    /// `/` where it is not said.
    pub path: Option<String>,
    /// Its name.
    pub role_name: String,
    /// JSON: who may become it.
    pub assume_role_policy_document: String,
    /// For people.
    pub description: Option<String>,
    /// Seconds.
    pub max_session_duration: Option<u64>,
    /// Tags to set with it.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// Which roles to list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRoles {
    /// Only below this path.
    pub path_prefix: Option<String>,
    /// Where the last page ended.
    pub marker: Option<String>,
    /// 1 to 1,000.
    pub max_items: Option<usize>,
}

/// A role and a managed policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RolePolicyArn {
    /// The role.
    pub role_name: String,
    /// The policy.
    pub policy_arn: String,
}

/// A role and an inline policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RolePolicyName {
    /// The role.
    pub role_name: String,
    /// The policy.
    pub policy_name: String,
}

/// An inline policy to set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRolePolicy {
    /// The role.
    pub role_name: String,
    /// The policy.
    pub policy_name: String,
    /// JSON.
    pub policy_document: String,
}

/// What to simulate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatePrincipalPolicy {
    /// A role or user.
    pub policy_source_arn: String,
    /// `s3:PutObject`.
    pub action_names: Vec<String>,
    /// `*` where it is not said.
    #[serde(default)]
    pub resource_arns: Vec<String>,
}
