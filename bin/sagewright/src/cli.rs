//! The command line, as clap reads it.

use std::{net::IpAddr, path::PathBuf};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{FalseyValueParser, OsStringValueParser, TypedValueParser},
};

use crate::{
    roster,
    s3::{Object, Place},
};

/// Self-hosted SageMaker: unmodified SageMaker code runs against it.
#[derive(Parser)]
#[command(name = "sagewright", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// Where everything is kept [default: $XDG_DATA_HOME/sagewright].
    #[arg(long, global = true, value_name = "DIR", env = "SAGEWRIGHT_DATA")]
    pub data: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server.
    Up(Up),
    /// Stop the server. Jobs go on under their shims.
    Down {
        /// Stop all jobs first, as StopTrainingJob does: they keep what they saved.
        #[arg(long)]
        stop_jobs: bool,
    },
    /// Say whether the server runs, and what it does.
    Status(Json),
    /// Print the log of a training job, a transform job or an endpoint.
    Logs {
        /// Its name.
        name: String,
        /// Go on as lines come in.
        #[arg(short, long)]
        follow: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Print what points SageMaker code at this server: eval "$(sagewright env)".
    Env {
        /// For which shell.
        #[arg(long, value_enum, default_value_t = Shell::Bash)]
        shell: Shell,
        /// Instead of a shell's commands.
        #[arg(long, value_enum)]
        format: Option<EnvFormat>,
    },
    /// Run a command with that environment: sagewright run -- python notebook.py
    Run {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Write all that is kept into one file, whether the server runs or not.
    Backup(Backup),
    /// Make an empty data folder of a backup.
    Restore(Restore),
    /// Who has resources of their own.
    Accounts {
        /// What to do with them.
        #[command(subcommand)]
        action: Accounts,
    },
    /// What requests of an account are signed with.
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        action: Keys,
    },
    /// Work with buckets and objects, as `aws s3` does.
    S3(S3),
    /// What algorithms run on.
    Runtimes {
        /// What to do with them.
        #[command(subcommand)]
        action: Runtimes,
    },
    /// Look for what is missing on this machine, and say what to do.
    Doctor(Json),
    /// Print the version.
    Version(Json),
}

/// How to start.
#[derive(Args)]
pub struct Up {
    /// The port for everything.
    #[arg(long, env = "SAGEWRIGHT_PORT")]
    pub port: Option<u16>,
    /// The address to listen on.
    #[arg(long, env = "SAGEWRIGHT_HOST_ADDRESS")]
    pub host: Option<IpAddr>,
    /// Listen on others' networks although requests may come in plain.
    #[arg(long)]
    pub insecure: bool,
    /// Go to the background once it is ready.
    #[arg(long)]
    pub detach: bool,
    /// Whether the first Describe after a Create waits for the end.
    #[arg(long, value_enum, env = "SAGEWRIGHT_HOLD")]
    pub hold: Option<Hold>,
    /// Whether to stay off the network.
    #[command(flatten)]
    pub offline: Offline,
}

/// What a backup holds, and where it goes.
#[derive(Args)]
pub struct Backup {
    /// A tar archive, there once it is whole; - for standard output.
    pub file: PathBuf,
    /// Keys, secrets and the certificate authority too: who has the file can then do everything.
    #[arg(long)]
    pub with_keys: bool,
    /// Take the place of the file that is there.
    #[arg(long)]
    pub replace: bool,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What to restore.
#[derive(Args)]
pub struct Restore {
    /// What `backup` wrote; - for standard input.
    pub file: PathBuf,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Whether to stay off the network.
#[derive(Args)]
pub struct Offline {
    /// Fetch nothing from package registries.
    #[arg(long, env = "SAGEWRIGHT_OFFLINE", value_parser = FalseyValueParser::new())]
    pub offline: bool,
}

/// Whether Describes are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// As long as the client allows.
    On,
    /// Never.
    Off,
}

/// Whether to print JSON.
#[derive(Args)]
pub struct Json {
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// A shell's way of setting variables.
#[derive(Clone, Copy, ValueEnum)]
pub enum Shell {
    /// And zsh, and sh.
    Bash,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
}

/// Instead of a shell's commands.
#[derive(Clone, Copy, ValueEnum)]
pub enum EnvFormat {
    /// NAME=value lines.
    Dotenv,
    /// One JSON object.
    Json,
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum Accounts {
    /// Make one, with its execution role.
    Add {
        /// Twelve digits [default: some that nobody has].
        #[arg(long, value_parser = roster::account_id)]
        id: Option<String>,
        /// What S3 shows as its owner's display name [default: its id].
        #[arg(long, value_name = "TEXT", value_parser = roster::account_name)]
        name: Option<String>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List them: id, canonical id, name.
    Ls(Json),
}

/// What to do with keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Make one; its secret is shown this once.
    Add(NewKey),
    /// List them: access key, account, as whom it acts.
    Ls(Json),
    /// Remove one; no request that it signs is carried out any more.
    Rm {
        /// `AKIA…`.
        access_key: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// A key to make.
#[derive(Args)]
pub struct NewKey {
    /// Whose: twelve digits.
    #[arg(long, value_name = "ID", value_parser = roster::account_id)]
    pub account: String,
    /// The account's administrator's, and no user's.
    #[arg(long)]
    pub admin: bool,
    /// The IAM user; of an administrator, the session [default: `user`, or `admin`].
    #[arg(long, value_name = "USER", value_parser = roster::holder_name)]
    pub name: Option<String>,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// How to work with buckets and objects.
#[derive(Args)]
pub struct S3 {
    /// Another server's, with the key of the environment (`AWS_ACCESS_KEY_ID`, …).
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// What to do with them.
    #[command(subcommand)]
    pub action: S3Action,
}

/// What to do with buckets and objects.
#[derive(Subcommand)]
pub enum S3Action {
    /// List buckets, or what begins with a prefix. Times are UTC's.
    Ls {
        /// `s3://BUCKET[/PREFIX]`.
        #[arg(value_parser = Object::read)]
        place: Option<Object>,
        /// Folders too.
        #[arg(long)]
        recursive: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Copy a file or an object, in parts where it is large.
    Cp {
        /// A file, or `s3://BUCKET/KEY`.
        #[arg(value_name = "SRC", value_parser = place())]
        source: Place,
        /// A file, a folder, or `s3://BUCKET[/KEY]`.
        #[arg(value_name = "DST", value_parser = place())]
        target: Place,
        /// All that is in a folder.
        #[arg(long)]
        recursive: bool,
    },
    /// Remove an object.
    Rm {
        /// `s3://BUCKET/KEY`.
        #[arg(value_parser = Object::read)]
        place: Object,
        /// All that is in a folder.
        #[arg(long)]
        recursive: bool,
    },
    /// Print a URL by which anybody can read an object for a while.
    Presign {
        /// `s3://BUCKET/KEY`.
        #[arg(value_parser = Object::read)]
        object: Object,
        /// For how long, seconds; at most seven days.
        #[arg(long, value_name = "S", default_value_t = 3_600,
              value_parser = clap::value_parser!(u64).range(1..=604_800))]
        expires_in: u64,
    },
}

fn place() -> impl TypedValueParser<Value = Place> {
    OsStringValueParser::new().try_map(|argument| Place::read(&argument))
}

/// What to do with runtimes.
#[derive(Subcommand)]
pub enum Runtimes {
    /// List them.
    Ls(Json),
    /// Fetch one before a job needs it.
    Prefetch {
        /// `xgboost`.
        name: String,
        /// Whether to stay off the network.
        #[command(flatten)]
        offline: Offline,
    },
}

/// Reads the command line; a wrong one ends the program with code 2.
pub fn parse() -> Cli {
    Cli::parse()
}
