//! Which image is which algorithm.
//!
//! Images are recognised by repository and tag: every region has its own registry account, and a
//! mirror has its own host. A repository of ours with a tag that we do not know is still ours, so
//! that the refusal names what is known.

use std::collections::BTreeMap;

use platform::algorithm::{Algorithm, Algorithms, MetricDefinition, Unsupported};

use crate::xgboost::{era::Era, metrics};

/// The repository of the versions up to 0.72.
const FIRST_REPOSITORY: &str = "xgboost";
/// The repository of the open-source container.
const SECOND_REPOSITORY: &str = "sagemaker-xgboost";
/// What some tags say beside the version.
const TAG_SUFFIXES: [&str; 2] = ["-cpu-py3", "-py3"];

/// Our algorithms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue;

impl Algorithms for Catalogue {
    fn find(&self, image: &str) -> Option<Algorithm> {
        let image = Image::parse(image);
        let version = match image.repository {
            FIRST_REPOSITORY => first_version(image.tag),
            SECOND_REPOSITORY => plain(image.tag),
            _ => return None,
        };
        Some(Algorithm {
            name: "xgboost",
            train: ["algorithm", "xgboost", "--version", version].map(str::to_owned).to_vec(),
            version: version.to_owned(),
            metrics: metric_definitions(),
        })
    }

    fn check(
        &self,
        algorithm: &Algorithm,
        hyperparameters: &BTreeMap<String, String>,
    ) -> Result<(), Unsupported> {
        if Era::of(&algorithm.version).is_none() {
            return Err(Unsupported(format!(
                "The versions of the XGBoost algorithm are {}. Version {} is not supported",
                Era::KNOWN.join(", "),
                algorithm.version
            )));
        }
        if !hyperparameters.contains_key("sagemaker_program") {
            return Ok(());
        }
        Err(Unsupported(
            "The hyperparameter 'sagemaker_program' asks for a program of your own, where the \
             built-in XGBoost trains on the channels without one. Script mode is not supported"
                .to_owned(),
        ))
    }
}

/// The two parts of an image URI that say what it is.
struct Image<'a> {
    repository: &'a str,
    tag: &'a str,
}

impl<'a> Image<'a> {
    fn parse(uri: &'a str) -> Self {
        let (name, digest) = uri.split_once('@').unwrap_or((uri, ""));
        let path = match name.split_once('/') {
            Some((host, path)) if is_host(host) => path,
            _ => name,
        };
        match path.rsplit_once(':') {
            Some((repository, tag)) => Self { repository, tag },
            None if digest.is_empty() => Self { repository: path, tag: "latest" },
            None => Self { repository: path, tag: digest },
        }
    }
}

/// A registry's name, and not the first component of a repository's.
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

fn plain(tag: &str) -> &str {
    TAG_SUFFIXES.iter().find_map(|suffix| tag.strip_suffix(suffix)).unwrap_or(tag)
}

/// The first repository held one version, under three names.
fn first_version(tag: &str) -> &str {
    match plain(tag) {
        "1" | "latest" | "0.72" => "0.72",
        tag if tag.starts_with("0.72-") => "0.72",
        tag => tag,
    }
}

/// What every job reports: each metric on each channel. AWS's own end in `(\S+)`, which takes in
/// the next metric of a line, since an escaped tab is no white space.
fn metric_definitions() -> Vec<MetricDefinition> {
    ["train", "validation"]
        .into_iter()
        .flat_map(|channel| {
            metrics::names().map(move |metric| MetricDefinition {
                name: format!("{channel}:{metric}"),
                regex: format!(r".*\[[0-9]+\].*#011{channel}-{metric}:([^\s#]+)"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(image: &str) -> Option<String> {
        Catalogue.find(image).map(|algorithm| algorithm.version)
    }

    fn check(image: &str, hyperparameters: &[&str]) -> Result<(), String> {
        let algorithm = Catalogue.find(image).unwrap();
        let hyperparameters =
            hyperparameters.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        Catalogue.check(&algorithm, &hyperparameters).map_err(|error| error.0)
    }

    #[test]
    fn an_image_is_known_by_repository_and_tag_whatever_the_registry() {
        for (image, expected) in [
            ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "0.72"),
            ("xgboost:latest", "0.72"),
            ("xgboost", "0.72"),
            ("localhost:5000/xgboost", "0.72"),
            ("xgboost:0.72-cpu-py3", "0.72"),
            (
                "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:0.90-1-cpu-py3",
                "0.90-1",
            ),
            ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "1.7-1"),
            ("sagemaker-xgboost:3.2-0@sha256:00", "3.2-0"),
        ] {
            assert_eq!(version(image).as_deref(), Some(expected), "{image}");
        }
    }

    #[test]
    fn other_repositories_are_none_of_ours() {
        for image in
            ["linear-learner:1", "my-xgboost:1", "team/xgboost:1", "host.io/team/xgboost:1", ""]
        {
            assert_eq!(version(image), None, "{image}");
        }
    }

    #[test]
    fn an_unknown_version_of_our_repositories_is_refused_by_name() {
        let refusal = check("sagemaker-xgboost:9.9-1", &[]).unwrap_err();
        assert_eq!(
            refusal,
            "The versions of the XGBoost algorithm are 0.72, 0.90-1, 0.90-2, 1.0-1, 1.2-1, 1.2-2, \
             1.3-1, 1.5-1, 1.7-1, 2.1-1, 3.0-5, 3.2-0. Version 9.9-1 is not supported"
        );
        assert!(check("sagemaker-xgboost@sha256:00", &[]).unwrap_err().contains("sha256:00"));
        assert!(check("xgboost:2", &[]).is_err());
    }

    #[test]
    fn script_mode_is_refused_by_name_and_built_in_mode_is_not() {
        let image = "sagemaker-xgboost:1.7-1";
        let refusal = check(image, &["sagemaker_program"]).unwrap_err();
        assert!(refusal.contains("'sagemaker_program' asks for a program of your own"));
        assert!(refusal.ends_with("Script mode is not supported"), "its end is the service's");
        assert_eq!(check(image, &["num_round"]), Ok(()));
    }

    #[test]
    fn a_job_is_started_by_its_version() {
        let algorithm = Catalogue.find("xgboost:1").unwrap();
        assert_eq!(algorithm.train, ["algorithm", "xgboost", "--version", "0.72"]);
    }

    #[test]
    fn every_metric_of_either_channel_is_read_from_an_escaped_line() {
        let line = "[12]#011train-rmse:1.25702#011validation-rmse:2.43126";
        let definitions = metric_definitions();
        let read = |name: &str| {
            let definition = definitions.iter().find(|d| d.name == name).unwrap();
            let regex = regex::Regex::new(&definition.regex).unwrap();
            regex.captures(line).map(|groups| groups[1].to_owned())
        };
        assert_eq!(read("train:rmse").as_deref(), Some("1.25702"));
        assert_eq!(read("validation:rmse").as_deref(), Some("2.43126"));
        assert_eq!(read("validation:auc"), None);
        assert_eq!(definitions.len(), 66);
    }
}
