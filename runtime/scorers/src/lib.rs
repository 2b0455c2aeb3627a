//! Scorers: loaded models that answer invocations by the serving container's contract.
//!
//! [`Loader`] is all that the house needs. Behind it stands the built-in XGBoost: `model_file`
//! reads what XGBoost wrote, pickled or not, into a checked `booster`, `predictor` lays it out and
//! scores it (bit-identical to XGBoost 3.2, old models to the version that wrote them), `request`
//! and `reply` are the container's formats, `xgboost` its order of checks. [`Predictor`] stands
//! alone for who has rows already.
//!
//! Bits rest on the C library: `f32::exp` and `f32::ln` call its `expf` and `logf`, as XGBoost does.
//! On a target with another C library than glibc (musl, say) probabilities may differ in the last
//! bit; margins of `reg:squarederror` never do.

mod archive;
mod booster;
mod forest;
mod format;
mod kernels;
mod linear;
mod model_file;
mod objective;
mod pickle;
mod predictor;
mod readable;
mod reply;
mod request;
mod rows;
mod xgboost;

#[cfg(test)]
mod differential;

use std::{collections::BTreeMap, io::Read, sync::Arc};

use platform::scorer::{LoadError, LoadModel, Scorer};

pub use predictor::{Predictor, TooWide};
pub use rows::Rows;

use archive::Limits;
use xgboost::{Settings, Xgboost};

/// Repositories of the images whose models are XGBoost's.
const XGBOOST_REPOSITORIES: [&str; 2] = ["xgboost", "sagemaker-xgboost"];

/// Loads every kind of model that is scored natively.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loader;

impl LoadModel for Loader {
    fn serves(&self, image: &str) -> bool {
        XGBOOST_REPOSITORIES.contains(&repository(image))
    }

    fn load(
        &self,
        image: &str,
        archive: &mut dyn Read,
        environment: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn Scorer>, LoadError> {
        if !self.serves(image) {
            return Err(LoadError(format!("models of the image `{image}` cannot be loaded here.")));
        }
        let settings = Settings::read(environment)?;
        let files = archive::model_files(archive, Limits::of_model(settings.wanted()))
            .map_err(|error| LoadError(format!("{error}.")))?;
        Ok(Arc::new(Xgboost::load(heeds_best_trees(image), files, settings)?))
    }
}

/// The last path component, without tag and digest.
fn repository(image: &str) -> &str {
    name_and_tag(image).0
}

/// Whether the image's XGBoost predicts with the trees only that a file notes to be the best: when it
/// loads one, `best_ntree_limit` becomes the booster's from 1.4 on, and is no more from 2.0 on.
fn heeds_best_trees(image: &str) -> bool {
    let version = name_and_tag(image).1.split('-').next();
    version.is_some_and(|version| ["1.5", "1.7"].contains(&version))
}

fn name_and_tag(image: &str) -> (&str, &str) {
    let path = image.split('@').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    last.split_once(':').unwrap_or((last, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_repository_whatever_its_registry_and_tag() {
        for image in [
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
            "localhost:5000/xgboost",
            "sagemaker-xgboost@sha256:00",
            "sagemaker-xgboost:3.2-0",
        ] {
            assert!(Loader.serves(image), "{image}");
        }
        for image in ["", "registry/sagemaker-xgboost-mine:1", "xgboost/other:1", "linear-learner"]
        {
            assert!(!Loader.serves(image), "{image}");
        }
        for (image, heeds) in
            [("a/sagemaker-xgboost:1.7-1", true), ("xgboost:1.5-1@sha256:00", true), ("x:1", false)]
        {
            assert_eq!(heeds_best_trees(image), heeds, "{image}");
        }
        let refused = Loader.load("other", &mut &b""[..], &BTreeMap::new());
        assert!(refused.is_err_and(|error| error.0.contains("`other`")));
    }
}
