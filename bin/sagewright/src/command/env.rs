//! `sagewright env`: what points SageMaker code at a server.
//!
//! What honours an endpoint goes plain; what has AWS's hosts written into it goes through our
//! proxy, which answers for them with a certificate of our own (`contracts`: wire 2).

use std::{fs, process::ExitCode};

use anyhow::Result;

use super::{running, say};
use crate::{
    cli::{EnvFormat, Shell},
    data::{Data, Running},
    keys::Secrets,
    roster::Roster,
};

/// What must not be set beside it.
pub const UNSET: &[&str] = &["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// The SDKs' telemetry goes to Amazon, and hangs where it cannot.
const SDK_DEFAULTS: &str = "SchemaVersion: '1.0'\n\
    SageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n";

/// Prints the environment of a running server.
pub fn env(data: &Data, shell: Shell, format: Option<EnvFormat>) -> Result<ExitCode> {
    let running = match running(data)? {
        Ok(running) => running,
        Err(code) => return Ok(code),
    };
    let variables = variables(data, &running)?;
    match format {
        Some(EnvFormat::Json) => {
            let object: serde_json::Map<_, _> =
                variables.into_iter().map(|(name, value)| (name, value.into())).collect();
            say(serde_json::Value::Object(object))?;
        }
        Some(EnvFormat::Dotenv) => {
            for (name, value) in variables {
                say(format_args!("{name}={value}"))?;
            }
        }
        None => say(commands(shell, &variables).trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The variables, in the order they are shown.
pub fn variables(data: &Data, running: &Running) -> Result<Vec<(String, String)>> {
    let secrets = Secrets::read(data)?;
    let roster = Roster::read(data)?;
    let key = roster.administrator()?;
    let host = running.url.trim_start_matches("http://");
    let proxy = format!("http://sagewright:{}@{host}", secrets.tunnel_token);
    let ca = running.ca_bundle.display().to_string();
    let sdk = data.join("client").join("sagemaker-config.yaml");
    fs::write(&sdk, SDK_DEFAULTS)?;
    let mut variables = Vec::new();
    let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
    set("AWS_ENDPOINT_URL", &running.url);
    set("AWS_ACCESS_KEY_ID", &key.access_key);
    set("AWS_SECRET_ACCESS_KEY", &key.secret);
    set("AWS_REGION", &running.region);
    set("AWS_DEFAULT_REGION", &running.region);
    for name in ["HTTPS_PROXY", "https_proxy"] {
        set(name, &proxy);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        set(name, "127.0.0.1,localhost,::1");
    }
    for name in
        ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT"]
    {
        set(name, &ca);
    }
    set("AWS_EC2_METADATA_DISABLED", "true");
    if std::env::var_os("SAGEMAKER_USER_CONFIG_OVERRIDE").is_none() {
        set("SAGEMAKER_USER_CONFIG_OVERRIDE", &sdk.display().to_string());
    }
    Ok(variables)
}

fn commands(shell: Shell, variables: &[(String, String)]) -> String {
    let unset = |name: &&str| match shell {
        Shell::Bash => format!("unset {name}\n"),
        Shell::Fish => format!("set -e {name}\n"),
        Shell::Powershell => format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue\n"),
    };
    let set = |(name, value): &(String, String)| match shell {
        Shell::Bash => format!("export {name}='{}'\n", value.replace('\'', r"'\''")),
        Shell::Fish => {
            format!("set -gx {name} '{}'\n", value.replace('\\', r"\\").replace('\'', r"\'"))
        }
        Shell::Powershell => format!("$env:{name} = '{}'\n", value.replace('\'', "''")),
    };
    UNSET.iter().map(unset).chain(variables.iter().map(set)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_quote_survives_every_shell() {
        let variables = [("A".to_owned(), r"it's \ here".to_owned())];
        let last = |shell| commands(shell, &variables).lines().last().unwrap().to_owned();
        assert_eq!(last(Shell::Bash), r"export A='it'\''s \ here'");
        assert_eq!(last(Shell::Fish), r"set -gx A 'it\'s \\ here'");
        assert_eq!(last(Shell::Powershell), r"$env:A = 'it''s \ here'");
    }
}
