//! What the model's environment chooses. A variable that is set to nothing counts as not set, but for
//! the selection: the container takes that for one name that nobody knows.

use std::{collections::BTreeMap, str::FromStr};

use platform::scorer::{LoadError, Rejection};

use super::ensemble::MAX_MODELS;
use crate::{archive::Wanted, readable::readable, reply::Accept};

/// The container's limit of a payload where none is set, bytes.
const MAX_CONTENT_LENGTH: usize = 6_291_456;

/// The choices.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Whether all files of the archive answer, or the first alone.
    pub(super) ensemble: bool,
    /// What is sent to who accepts anything.
    pub(super) default_accept: Accept,
    /// Whether batch transform asks.
    pub(super) batch: bool,
    /// What an answer holds, where it is not the bare predictions.
    pub(super) output: Option<String>,
    /// A payload's, bytes.
    pub(super) max_content_length: usize,
}

impl Settings {
    pub(crate) fn read(environment: &BTreeMap<String, String>) -> Result<Self, LoadError> {
        let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        refuse_unserved(set)?;
        let most = set("MAX_CONTENT_LENGTH");
        let accept = set("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT");
        Ok(Self {
            ensemble: environment
                .get("SAGEMAKER_INFERENCE_ENSEMBLE")
                .is_none_or(|value| value == "true"),
            default_accept: accept.map_or(Ok(Accept::Csv), |name| default_accept(name))?,
            batch: set("SAGEMAKER_BATCH").is_some(),
            output: environment.get("SAGEMAKER_INFERENCE_OUTPUT").cloned(),
            max_content_length: most.map_or(Ok(MAX_CONTENT_LENGTH), |most| length(most))?,
        })
    }

    /// Which files of the archive are models.
    pub(crate) fn wanted(&self) -> Wanted {
        if self.ensemble { Wanted::All(MAX_MODELS) } else { Wanted::First }
    }

    /// The answer to a payload over the limit.
    pub(super) fn too_large(&self) -> Rejection {
        let message = format!(
            "The payload exceeds the limit of {} bytes. Send less at once, or set \
             MAX_CONTENT_LENGTH in the model's environment.",
            self.max_content_length
        );
        Rejection { status: 413, message }
    }
}

/// Environment that would make the container answer otherwise than we do is an error, not ignored.
fn refuse_unserved<'a>(set: impl Fn(&str) -> Option<&'a String>) -> Result<(), LoadError> {
    for (name, what) in [
        ("SAGEMAKER_PROGRAM", "inference by a script of your own"),
        ("SAGEMAKER_MULTI_MODEL", "many models behind one endpoint"),
    ] {
        if set(name).is_some() {
            return Err(LoadError(format!(
                "the built-in XGBoost does not support {what} here; remove {name} from the \
                 model's environment."
            )));
        }
    }
    Ok(())
}

fn default_accept(name: &str) -> Result<Accept, LoadError> {
    Accept::named(name).ok_or_else(|| {
        LoadError(format!(
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is `{}`; use text/csv, application/json, \
             application/jsonlines or application/x-recordio-protobuf.",
            readable(name)
        ))
    })
}

fn length(text: &str) -> Result<usize, LoadError> {
    usize::from_str(text.trim()).map_err(|_| {
        let text = readable(text);
        LoadError(format!("MAX_CONTENT_LENGTH is `{text}`; it must be a number of bytes."))
    })
}
