//! The command line, as clap reads it.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::FalseyValueParser};

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
        /// Interrupt running jobs first; they may save their models.
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
