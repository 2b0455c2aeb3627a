//! IAM's roles: kept, described and simulated, so that the SDKs find what they look for.
//!
//! A role here grants nothing yet: calls are allowed by [`platform::access::Access::allow`], and
//! `SimulatePrincipalPolicy` answers by that very rule.

use std::{collections::BTreeMap, sync::Arc};

use api::{
    Caller, Document, Fault, Input, What,
    identity::{
        CreateRole, IamApi, ListRoles, PutRolePolicy, RoleName, RolePolicyArn, RolePolicyName,
        SimulatePrincipalPolicy,
    },
};
use async_trait::async_trait;
use platform::{
    access::Access,
    store::{Conflict, Key, Query, Record, SortBy, State, Store, Write},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{GLOBAL, Id, Owner, Timestamp};

use super::{EXECUTION_ROLE, policy, sts::role_id};
use crate::record::one;

const KIND: &str = "role";
/// What `MaxItems` is where it is not said (IAM's API reference).
const PAGE: usize = 100;
/// The role's longest session, seconds, where it is not said.
const SESSION: u64 = 3_600;

/// A role, as stored.
#[derive(Clone, Serialize, Deserialize)]
struct Role {
    format: u32,
    path: String,
    trust: String,
    description: Option<String>,
    max_session: u64,
    /// ARNs of managed policies.
    attached: Vec<String>,
    /// Inline policies by name.
    inline: BTreeMap<String, String>,
}

/// The service.
pub struct IamService {
    store: Arc<dyn Store>,
    access: Arc<dyn Access>,
}

impl IamService {
    /// Over this store, answering by this rule.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, access: Arc<dyn Access>) -> Self {
        Self { store, access }
    }
}

/// Makes the execution role of `owner`'s account where there is none yet.
pub async fn seed_role(store: &dyn Store, owner: &Owner) -> Result<(), Fault> {
    let role = Role {
        format: 1,
        path: "/".into(),
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sagemaker.amazonaws.com" },
                "Action": "sts:AssumeRole",
            }],
        })
        .to_string(),
        description: Some("The role that jobs and endpoints of this installation act as.".into()),
        max_session: SESSION,
        attached: vec!["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess".into()],
        inline: BTreeMap::new(),
    };
    match store.commit(vec![create(&global(owner), EXECUTION_ROLE, &role)?]).await {
        Ok(()) | Err(Conflict::Taken(_)) => Ok(()),
        Err(other) => Err(Fault::internal(other)),
    }
}

/// IAM has no regions.
fn global(owner: &Owner) -> Owner {
    Owner { region: GLOBAL.into(), ..owner.clone() }
}

fn arn(owner: &Owner, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{}:role{path}{name}", owner.account)
}

fn state(role: &Role) -> Result<State, Fault> {
    let body = serde_json::to_string(role).map_err(Fault::internal)?;
    Ok(State { status: "Active".into(), due: None, body, detail: String::new() })
}

fn create(owner: &Owner, name: &str, role: &Role) -> Result<Write, Fault> {
    Ok(Write::Create {
        id: Id::random(),
        key: Key::new(owner, KIND, name),
        arn: arn(owner, &role.path, name),
        owner: owner.clone(),
        parent: None,
        state: state(role)?,
    })
}

fn read(record: &Record) -> Result<Role, Fault> {
    serde_json::from_str(&record.body).map_err(Fault::internal)
}

impl IamService {
    async fn get(&self, caller: &Caller, name: &str) -> Result<(Record, Role), Fault> {
        let key = Key::new(&global(caller.owner()), KIND, name);
        let record = self.store.get(&key).await.map_err(Fault::internal)?.ok_or_else(|| {
            let message = format!("The role with name {name} cannot be found.");
            Fault::new(What::Missing, KIND, message)
        })?;
        let role = read(&record)?;
        Ok((record, role))
    }

    /// Changes a role, again and again until nobody wrote in between.
    async fn change(
        &self,
        caller: &Caller,
        name: &str,
        change: impl Fn(&mut Role) -> Result<(), Fault> + Send + Sync,
    ) -> Result<Document, Fault> {
        loop {
            let (record, mut role) = self.get(caller, name).await?;
            change(&mut role)?;
            let (key, version) = (record.key, record.version);
            let write = Write::Update { key, version, token: None, state: state(&role)? };
            match self.store.commit(vec![write]).await {
                Ok(()) => return Ok(Document::new()),
                Err(Conflict::Stale(_)) => {}
                Err(other) => return Err(Fault::internal(other)),
            }
        }
    }
}

#[async_trait]
impl IamApi for IamService {
    async fn create_role(
        &self,
        caller: &Caller,
        input: Input<CreateRole>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        check_policy(&view.assume_role_policy_document)?;
        let role = Role {
            format: 1,
            path: view.path.unwrap_or_else(|| "/".into()),
            trust: view.assume_role_policy_document,
            description: view.description,
            max_session: view.max_session_duration.unwrap_or(SESSION),
            attached: Vec::new(),
            inline: BTreeMap::new(),
        };
        let owner = global(caller.owner());
        let role_arn = arn(&owner, &role.path, &view.role_name);
        let tag = |tag: api::tags::Tag| Write::Tag {
            arn: role_arn.clone(),
            key: tag.key,
            value: tag.value,
        };
        let create = create(&owner, &view.role_name, &role)?;
        let writes = std::iter::once(create).chain(view.tags.into_iter().map(tag)).collect();
        self.store.commit(writes).await.map_err(|conflict| match conflict {
            Conflict::Taken(_) => {
                let message = format!("Role with name {} already exists.", view.role_name);
                Fault::new(What::Taken, KIND, message)
            }
            other => Fault::internal(other),
        })?;
        let (record, role) = self.get(caller, &view.role_name).await?;
        Ok(one("Role", show(&record, &role)))
    }

    async fn get_role(&self, caller: &Caller, input: Input<RoleName>) -> Result<Document, Fault> {
        let (record, role) = self.get(caller, &input.view.role_name).await?;
        Ok(one("Role", show(&record, &role)))
    }

    async fn list_roles(
        &self,
        caller: &Caller,
        input: Input<ListRoles>,
    ) -> Result<Document, Fault> {
        let view = input.view;
        let query = Query {
            sort_by: SortBy::Name,
            descending: false,
            limit: view.max_items.unwrap_or(PAGE),
            after: view.marker,
            ..Query::all(&global(caller.owner()), KIND)
        };
        let page = self.store.list(&query).await.map_err(Fault::internal)?;
        let prefix = view.path_prefix.unwrap_or_else(|| "/".into());
        let mut roles = Vec::new();
        for record in &page.records {
            let role = read(record)?;
            if role.path.starts_with(&prefix) {
                roles.push(show(record, &role));
            }
        }
        let mut answer = one("Roles", roles);
        answer.insert("IsTruncated".into(), page.next.is_some().into());
        answer.extend(page.next.map(|next| ("Marker".to_owned(), Value::String(next))));
        Ok(answer)
    }

    async fn delete_role(
        &self,
        caller: &Caller,
        input: Input<RoleName>,
    ) -> Result<Document, Fault> {
        let (record, role) = self.get(caller, &input.view.role_name).await?;
        if !role.attached.is_empty() || !role.inline.is_empty() {
            let message = "Cannot delete entity, must detach all policies first.";
            return Err(Fault::new(What::InUse, KIND, message));
        }
        let (key, version) = (record.key, record.version);
        let delete = self.store.commit(vec![Write::Delete { key, version }]).await;
        delete.map_err(Fault::internal)?;
        Ok(Document::new())
    }

    async fn attach_role_policy(
        &self,
        caller: &Caller,
        input: Input<RolePolicyArn>,
    ) -> Result<Document, Fault> {
        let RolePolicyArn { role_name, policy_arn } = input.view;
        self.change(caller, &role_name, |role| {
            if !role.attached.contains(&policy_arn) {
                role.attached.push(policy_arn.clone());
            }
            Ok(())
        })
        .await
    }

    async fn detach_role_policy(
        &self,
        caller: &Caller,
        input: Input<RolePolicyArn>,
    ) -> Result<Document, Fault> {
        let RolePolicyArn { role_name, policy_arn } = input.view;
        self.change(caller, &role_name, |role| {
            let before = role.attached.len();
            role.attached.retain(|attached| *attached != policy_arn);
            if role.attached.len() == before {
                let message = format!("Policy {policy_arn} was not found.");
                return Err(Fault::new(What::Missing, KIND, message));
            }
            Ok(())
        })
        .await
    }

    async fn list_attached_role_policies(
        &self,
        caller: &Caller,
        input: Input<RoleName>,
    ) -> Result<Document, Fault> {
        let (_, role) = self.get(caller, &input.view.role_name).await?;
        let show = |arn: &String| json!({ "PolicyName": arn.rsplit('/').next().unwrap_or_default(), "PolicyArn": arn });
        let policies: Vec<_> = role.attached.iter().map(show).collect();
        let mut answer = one("AttachedPolicies", policies);
        answer.insert("IsTruncated".into(), false.into());
        Ok(answer)
    }

    async fn put_role_policy(
        &self,
        caller: &Caller,
        input: Input<PutRolePolicy>,
    ) -> Result<Document, Fault> {
        let PutRolePolicy { role_name, policy_name, policy_document } = input.view;
        check_policy(&policy_document)?;
        self.change(caller, &role_name, |role| {
            role.inline.insert(policy_name.clone(), policy_document.clone());
            Ok(())
        })
        .await
    }

    async fn get_role_policy(
        &self,
        caller: &Caller,
        input: Input<RolePolicyName>,
    ) -> Result<Document, Fault> {
        let RolePolicyName { role_name, policy_name } = input.view;
        let (_, role) = self.get(caller, &role_name).await?;
        let document = role.inline.get(&policy_name).ok_or_else(|| no_policy(&policy_name))?;
        let mut answer = one("RoleName", role_name);
        answer.insert("PolicyName".into(), policy_name.into());
        answer.insert("PolicyDocument".into(), encode(document).into());
        Ok(answer)
    }

    async fn delete_role_policy(
        &self,
        caller: &Caller,
        input: Input<RolePolicyName>,
    ) -> Result<Document, Fault> {
        let RolePolicyName { role_name, policy_name } = input.view;
        self.change(caller, &role_name, |role| match role.inline.remove(&policy_name) {
            Some(_) => Ok(()),
            None => Err(no_policy(&policy_name)),
        })
        .await
    }

    async fn list_role_policies(
        &self,
        caller: &Caller,
        input: Input<RoleName>,
    ) -> Result<Document, Fault> {
        let (_, role) = self.get(caller, &input.view.role_name).await?;
        let names: Vec<_> = role.inline.into_keys().collect();
        let mut answer = one("PolicyNames", names);
        answer.insert("IsTruncated".into(), false.into());
        Ok(answer)
    }

    async fn simulate_principal_policy(
        &self,
        caller: &Caller,
        input: Input<SimulatePrincipalPolicy>,
    ) -> Result<Document, Fault> {
        let SimulatePrincipalPolicy { policy_source_arn, action_names, resource_arns } = input.view;
        let account = policy_source_arn.split(':').nth(4).unwrap_or_default();
        let Owner { region, .. } = caller.owner();
        let source =
            Caller::on_behalf_of(&Owner::new(account, region.clone(), &*policy_source_arn));
        let resources = if resource_arns.is_empty() { vec!["*".into()] } else { resource_arns };
        let result = |action: &String, resource: &String| {
            let allowed = self.access.allow(&source, action, resource, caller.owner()).is_ok();
            json!({
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": if allowed { "allowed" } else { "implicitDeny" },
                "MatchedStatements": [],
                "MissingContextValues": [],
            })
        };
        let of = |action| resources.iter().map(move |resource| result(action, resource));
        let results: Vec<_> = action_names.iter().flat_map(of).collect();
        let mut answer = one("EvaluationResults", results);
        answer.insert("IsTruncated".into(), false.into());
        Ok(answer)
    }
}

fn check_policy(text: &str) -> Result<(), Fault> {
    policy::check(text).map_err(|error| Fault::new(What::Invalid, "policy-document", error))
}

fn no_policy(name: &str) -> Fault {
    let message = format!("The role policy with name {name} cannot be found.");
    Fault::new(What::Missing, KIND, message)
}

fn show(record: &Record, role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": record.key.name,
        "RoleId": role_id(&record.owner.account, &record.key.name),
        "Arn": record.arn,
        "CreateDate": seconds(record.created),
        "AssumeRolePolicyDocument": encode(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session,
    })
}

/// IAM shows whole seconds.
fn seconds(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

/// IAM answers policies percent-encoded, by RFC 3986.
fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string()
}

const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
