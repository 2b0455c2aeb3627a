//! What the owner of a bucket has set about it: data, changed one part at a time.
//!
//! What the parts mean is decided in `services::storage`; here is only their form. It is stored as
//! JSON, so every field has a default, and a bucket of an earlier version reads as one that has
//! nothing set.

use serde::{Deserialize, Serialize};

use super::{Acl, Ownership};

/// Names and values, in the order in which they were set.
pub type Tags = Vec<(String, String)>;

/// Whether a bucket keeps what is replaced and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never asked for: every object is the version `null`, and answers name no version.
    #[default]
    Off,
    /// Every write makes a version, every delete a marker.
    Enabled,
    /// Writes make the version `null` again; what was kept stays.
    Suspended,
}

/// Which origins a browser may call from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CorsRule {
    /// The owner's name for it.
    pub id: Option<String>,
    /// `https://example.org`, with at most one `*`.
    pub origins: Vec<String>,
    /// `GET`, `PUT`, `POST`, `DELETE`, `HEAD`.
    pub methods: Vec<String>,
    /// Request headers, each with at most one `*`.
    pub headers: Vec<String>,
    /// Response headers that scripts may read.
    pub exposed: Vec<String>,
    /// How long a browser may keep the answer, seconds.
    pub max_age: Option<i32>,
}

/// When objects go by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifecycleRule {
    /// The owner's name for it, or one that was made.
    pub id: String,
    /// Whether it is followed.
    pub enabled: bool,
    /// Which objects.
    pub filter: LifecycleFilter,
    /// When the current version goes.
    pub expiration: Option<Expiration>,
    /// When versions go that are no longer current.
    pub noncurrent: Option<Noncurrent>,
    /// When uploads end that were not completed, days after they began.
    pub abort_uploads_after: Option<i32>,
}

/// Which objects a rule is about: those for which all of it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifecycleFilter {
    /// How it was written, so that it is read back alike.
    pub form: FilterForm,
    /// What keys begin with.
    pub prefix: Option<String>,
    /// Tags that objects have.
    pub tags: Tags,
    /// Larger than so many bytes.
    pub larger_than: Option<i64>,
    /// Smaller than so many bytes.
    pub smaller_than: Option<i64>,
}

/// The three ways in which S3 writes a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterForm {
    /// `Prefix` in the rule itself, as it was before 2016.
    Legacy,
    /// One condition in `Filter`, or none.
    #[default]
    Single,
    /// Several, in `Filter` and `And`.
    And,
}

/// When the current version goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiration {
    /// So many days after it was made.
    Days(i32),
    /// From this midnight (UTC) on, microseconds since 1970.
    Date(i64),
    /// Only a delete marker goes, once it is the last version of its key.
    LoneMarkers,
}

/// When versions go that are no longer current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noncurrent {
    /// So many days after they were replaced.
    pub days: i32,
    /// But never the newest so many of them.
    pub keep: Option<i32>,
}

/// How objects are encrypted of which nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultEncryption {
    /// With a named key, which may be the account's own; else by the store's (`SSE-S3`).
    pub kms: bool,
    /// The named key, as it was written; the account's own where there is none.
    pub key: Option<String>,
    /// Kept and told, as S3 does; it changes nothing here.
    pub bucket_key: bool,
}

/// Keeps policies and ACLs from letting strangers in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "S3's four switches")]
pub struct PublicAccessBlock {
    /// Refuse to set public ACLs.
    pub block_acls: bool,
    /// Let nobody in by a grant to everybody.
    pub ignore_acls: bool,
    /// Refuse policies that let everybody in.
    pub block_policy: bool,
    /// Let nobody in from outside the account by a policy that lets everybody in.
    pub restrict_buckets: bool,
}

/// All that is set about a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BucketSettings {
    /// Whether versions are kept.
    pub versioning: Versioning,
    /// The bucket's own tags.
    pub tags: Tags,
    /// Origins that browsers may call from; the first that fits counts.
    pub cors: Vec<CorsRule>,
    /// When objects go by themselves.
    pub lifecycle: Vec<LifecycleRule>,
    /// Who else may do what: a policy document, as it was written.
    pub policy: Option<String>,
    /// What is done where a request does not ask for encryption.
    pub encryption: Option<DefaultEncryption>,
    /// Limits to what a policy can do.
    pub public_access: Option<PublicAccessBlock>,
    /// Whether it has ACLs.
    pub ownership: Ownership,
    /// The owner took back the word about that. It holds still.
    pub ownership_undeclared: bool,
    /// Who else may, where it has ACLs.
    pub acl: Acl,
}

/// A change to one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsChange {
    /// Never back to [`Versioning::Off`].
    Versioning(Versioning),
    /// All of them; none removes them.
    Tags(Tags),
    /// All of them; none removes them.
    Cors(Vec<CorsRule>),
    /// All of them; none removes them.
    Lifecycle(Vec<LifecycleRule>),
    /// The document, or none.
    Policy(Option<String>),
    /// The default, or none.
    Encryption(Option<DefaultEncryption>),
    /// The switches, or none.
    PublicAccess(Option<PublicAccessBlock>),
    /// Whether there are ACLs; nothing takes the word back and leaves it as it is.
    Ownership(Option<Ownership>),
    /// Who else may.
    Acl(Acl),
}

impl BucketSettings {
    /// Makes a change.
    pub fn apply(&mut self, change: SettingsChange) {
        match change {
            SettingsChange::Versioning(versioning) => self.versioning = versioning,
            SettingsChange::Tags(tags) => self.tags = tags,
            SettingsChange::Cors(cors) => self.cors = cors,
            SettingsChange::Lifecycle(lifecycle) => self.lifecycle = lifecycle,
            SettingsChange::Policy(policy) => self.policy = policy,
            SettingsChange::Encryption(encryption) => self.encryption = encryption,
            SettingsChange::PublicAccess(public_access) => self.public_access = public_access,
            SettingsChange::Ownership(ownership) => {
                self.ownership_undeclared = ownership.is_none();
                self.ownership = ownership.unwrap_or(self.ownership);
            }
            SettingsChange::Acl(acl) => self.acl = acl,
        }
    }
}
