//! What a version of the algorithm does where the user set nothing.
//!
//! Measured with the versions' own packages (`tests/eras.rs` asks them again): `exact` of today's
//! library gives yesterday's trees, with sums that differ in their last bits, once it starts from
//! yesterday's intercept. `approx` and `hist` do not: they cut features into other bins than before
//! 2.0, and a job is told so. What differs stays in one place, here.

use super::{failure::Failure, hyperparameters::Hyperparameters};

/// A version of XGBoost, by the containers' tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// `xgboost:1`, `xgboost:latest`.
    V0_72,
    /// The first of the open-source container.
    V0_90,
    /// 1.0.
    V1_0,
    /// 1.2.
    V1_2,
    /// 1.3: the loss became the default metric of classification.
    V1_3,
    /// 1.5.
    V1_5,
    /// 1.7: an absolute error starts from the median.
    V1_7,
    /// 2.1: `hist` is the default method, the intercept is estimated.
    V2_1,
    /// 3.0.
    V3_0,
    /// 3.2, the library's own.
    V3_2,
}

/// From this many rows on, `auto` meant `approx` before 2.0 (found with 0.90, 1.3.3 and 1.7.6).
const APPROXIMATE_FROM: usize = 1 << 22;
/// What all versions before 2.0 started from.
const FIXED_INTERCEPT: f64 = 0.5;
/// The exponent of `count:poisson`'s safeguard where `max_delta_step` is not set.
const POISSON_STEP: f64 = 0.7;
/// Where `tweedie_variance_power` is not set.
const TWEEDIE_POWER: f64 = 1.5;

/// The updaters that look at features by bins.
const BINNING: [&str; 2] = ["grow_histmaker", "grow_quantile_histmaker"];

/// What an intercept is estimated from.
#[derive(Clone, Copy)]
pub struct Targets<'a> {
    /// One per row.
    pub labels: &'a [f32],
    /// One per row, or none at all.
    pub weights: &'a [f32],
    /// What two sums over these rows are over those of all hosts.
    pub whole: &'a dyn Fn([f64; 2]) -> Result<[f64; 2], Failure>,
}

/// What a model is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// A Python pickle of a booster.
    Pickle {
        /// Python's number of the format.
        protocol: u8,
    },
    /// XGBoost's old binary.
    Binary,
    /// The library's own UBJSON.
    Ubj,
}

impl Era {
    /// The tags that are known.
    pub const KNOWN: [&str; 12] = [
        "0.72", "0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2", "1.3-1", "1.5-1", "1.7-1", "2.1-1",
        "3.0-5", "3.2-0",
    ];

    /// The era of a tag.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        Some(match tag {
            "0.72" => Self::V0_72,
            "0.90-1" | "0.90-2" => Self::V0_90,
            "1.0-1" => Self::V1_0,
            "1.2-1" | "1.2-2" => Self::V1_2,
            "1.3-1" => Self::V1_3,
            "1.5-1" => Self::V1_5,
            "1.7-1" => Self::V1_7,
            "3.0-5" => Self::V3_0,
            "3.2-0" => Self::V3_2,
            _ => {
                let build = tag.strip_prefix("2.1-")?;
                (!build.is_empty() && build.bytes().all(|b| b.is_ascii_digit()))
                    .then_some(Self::V2_1)?
            }
        })
    }

    /// Before the method and the intercept changed.
    pub fn is_classic(self) -> bool {
        self < Self::V2_1
    }

    /// What its models are written as.
    pub fn artifact(self) -> Artifact {
        match self {
            Self::V0_72 | Self::V0_90 | Self::V1_0 => Artifact::Pickle { protocol: 3 },
            Self::V1_2 => Artifact::Pickle { protocol: 4 },
            Self::V1_3 | Self::V1_5 | Self::V1_7 => Artifact::Binary,
            Self::V2_1 | Self::V3_0 | Self::V3_2 => Artifact::Ubj,
        }
    }

    /// Whether a job that stopped early leaves out the rounds behind the best one; before, its
    /// model has all of them, and notes which one that is.
    pub fn cuts_at_best(self) -> bool {
        self >= Self::V1_3
    }

    /// The release of XGBoost that its container installs: major, minor, patch.
    pub fn release(self) -> (u32, u32, u32) {
        match self {
            Self::V0_72 => (0, 72, 0),
            Self::V0_90 => (0, 90, 0),
            Self::V1_0 => (1, 0, 0),
            Self::V1_2 => (1, 2, 0),
            Self::V1_3 => (1, 3, 3),
            Self::V1_5 => (1, 5, 2),
            Self::V1_7 => (1, 7, 4),
            Self::V2_1 => (2, 1, 0),
            Self::V3_0 => (3, 0, 5),
            Self::V3_2 => (3, 2, 0),
        }
    }

    /// Whether early stopping watches what was printed last, whatever that is, as `xgboost.train`
    /// did; before 1.3 the container left it to that.
    pub fn stops_on_last_metric(self) -> bool {
        self < Self::V1_3
    }

    /// Whether a setting's random numbers are drawn by another generator than the version's own.
    pub fn draws_differently(self, chosen: &Hyperparameters) -> bool {
        self.is_classic() && chosen.draws_at_random()
    }

    /// Whether features are cut into other bins than the version's own. `method` is what the
    /// version made of `tree_method`, where it was left to it.
    pub fn bins_differently(self, chosen: &Hyperparameters, method: Option<&str>) -> bool {
        let method = method.or(chosen.word("tree_method"));
        let bins = matches!(method, Some("approx" | "hist"))
            || chosen
                .words("updater")
                .is_some_and(|all| all.iter().any(|one| BINNING.contains(&one.as_str())));
        self.is_classic() && bins && chosen.word("booster") != Some("gblinear")
    }

    /// The default metric, where it is not the library's own.
    pub fn default_metric(self, objective: &str) -> Option<&'static str> {
        match objective {
            "binary:logistic" if self < Self::V1_3 => Some("error"),
            "multi:softmax" | "multi:softprob" if self < Self::V1_3 => Some("merror"),
            "binary:logitraw" if self < Self::V1_5 => Some("auc"),
            "rank:pairwise" | "rank:ndcg" | "rank:map" if self.is_classic() => Some("map"),
            "reg:gamma" if self.is_classic() => Some("gamma-nloglik"),
            _ => None,
        }
    }

    /// The method that `auto` or nothing meant, where it is not the library's own.
    pub fn tree_method(self, chosen: &Hyperparameters, rows: usize) -> Option<&'static str> {
        let automatic = matches!(chosen.word("tree_method"), None | Some("auto"));
        let grows_trees = chosen.word("booster") != Some("gblinear")
            && !chosen.has("updater")
            && chosen.word("process_type") != Some("update");
        (self.is_classic() && automatic && grows_trees).then_some(if rows < APPROXIMATE_FROM {
            "exact"
        } else {
            "approx"
        })
    }

    /// The intercept (`base_score`) to begin with, where it is not the library's own.
    pub fn base_score(
        self,
        chosen: &Hyperparameters,
        labels: Targets<'_>,
    ) -> Result<Option<f64>, Failure> {
        let objective = chosen.objective();
        let asked = chosen.float("base_score");
        if objective == "binary:logitraw" && self < Self::V1_3 {
            return Ok(Some(logit(asked.unwrap_or(FIXED_INTERCEPT))));
        }
        if asked.is_some() {
            return Ok(None);
        }
        Ok(match objective {
            "reg:absoluteerror" if self >= Self::V1_7 => None,
            "multi:softmax" | "multi:softprob" if self <= Self::V3_0 => Some(FIXED_INTERCEPT),
            _ if self.is_classic() => Some(FIXED_INTERCEPT),
            _ if self == Self::V2_1 => newton_intercept(objective, chosen, labels)?,
            _ => None,
        })
    }
}

/// The inverse of the logistic function.
fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// 2.x began with one Newton step from a margin of 0, where 3.x takes the labels' mean. `None`
/// for objectives whose step is the same in both.
fn newton_intercept(
    objective: &str,
    chosen: &Hyperparameters,
    labels: Targets<'_>,
) -> Result<Option<f64>, Failure> {
    let logistic = ["binary:logistic", "binary:logitraw", "reg:logistic"].contains(&objective);
    let positive_weight =
        if logistic { chosen.float("scale_pos_weight").unwrap_or(1.0) } else { 1.0 };
    let (mut labelled, mut total) = (0.0, 0.0);
    for (row, label) in labels.labels.iter().map(|label| f64::from(*label)).enumerate() {
        let weight = labels.weights.get(row).map_or(1.0, |w| f64::from(*w));
        #[expect(clippy::float_cmp, reason = "XGBoost weighs labels that are exactly 1")]
        let weight = if label == 1.0 { weight * positive_weight } else { weight };
        labelled += weight * label;
        total += weight;
    }
    let [labelled, total] = (labels.whole)([labelled, total])?;
    let step = chosen.float("max_delta_step").unwrap_or(POISSON_STEP);
    let power = chosen.float("tweedie_variance_power").unwrap_or(TWEEDIE_POWER);
    let excess = labelled - total;
    let score = match objective {
        "binary:logitraw" => (labelled - total / 2.0) / (total / 4.0),
        _ if logistic => 1.0 / (1.0 + (-(labelled - total / 2.0) / (total / 4.0)).exp()),
        "count:poisson" => (excess / (total * step.exp())).exp(),
        "reg:gamma" => (excess / labelled).exp(),
        "reg:tweedie" => (excess / ((power - 1.0) * labelled + (2.0 - power) * total)).exp(),
        _ => return Ok(None),
    };
    Ok(Some(score).filter(|score| score.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Hyperparameters {
        let raw: Vec<_> = std::iter::once(&("num_round", "1"))
            .chain(pairs)
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Hyperparameters::validate(&raw, Era::V1_7).unwrap()
    }

    const NONE: Targets<'_> = Targets { labels: &[], weights: &[], whole: &|sums| Ok(sums) };

    fn base_score(era: Era, chosen: &Hyperparameters, labels: Targets<'_>) -> Option<f64> {
        era.base_score(chosen, labels).unwrap()
    }

    #[test]
    fn every_known_tag_has_an_era_and_no_other_tag_has() {
        for tag in Era::KNOWN {
            assert!(Era::of(tag).is_some(), "{tag}");
        }
        assert_eq!(Era::of("2.1-12"), Some(Era::V2_1));
        for tag in ["", "1", "2.1-", "2.1-x", "1.7", "9.9-1"] {
            assert_eq!(Era::of(tag), None, "{tag}");
        }
    }

    #[test]
    fn versions_before_2_start_from_a_half_and_grow_exactly() {
        for era in [Era::V0_72, Era::V0_90, Era::V1_0, Era::V1_2, Era::V1_3, Era::V1_5, Era::V1_7] {
            assert_eq!(base_score(era, &chosen(&[]), NONE), Some(0.5));
            assert_eq!(era.tree_method(&chosen(&[]), 500), Some("exact"));
            assert_eq!(era.tree_method(&chosen(&[]), 1 << 22), Some("approx"));
            assert_ne!(era.artifact(), Artifact::Ubj);
        }
        for era in [Era::V2_1, Era::V3_0, Era::V3_2] {
            assert_eq!(base_score(era, &chosen(&[]), NONE), None);
            assert_eq!(era.tree_method(&chosen(&[]), 500), None);
            assert_eq!(era.artifact(), Artifact::Ubj);
        }
    }

    #[test]
    fn what_the_user_set_is_left_alone() {
        let set = chosen(&[("base_score", "0.3"), ("tree_method", "hist")]);
        assert_eq!(base_score(Era::V0_90, &set, NONE), None);
        assert_eq!(Era::V0_90.tree_method(&set, 500), None);
        let linear = chosen(&[("booster", "gblinear")]);
        assert_eq!(Era::V0_90.tree_method(&linear, 500), None);
    }

    #[test]
    fn the_raw_logit_began_at_zero_before_1_3() {
        let raw = chosen(&[("objective", "binary:logitraw")]);
        assert_eq!(base_score(Era::V1_2, &raw, NONE), Some(0.0));
        assert_eq!(base_score(Era::V1_3, &raw, NONE), Some(0.5));
        let set = chosen(&[("objective", "binary:logitraw"), ("base_score", "0.3")]);
        let margin = base_score(Era::V0_90, &set, NONE).unwrap();
        assert!((margin + 0.847_297_86).abs() < 1e-8);
    }

    #[test]
    fn default_metrics_changed_with_1_3_1_5_and_2() {
        assert_eq!(Era::V1_2.default_metric("binary:logistic"), Some("error"));
        assert_eq!(Era::V1_3.default_metric("binary:logistic"), None);
        assert_eq!(Era::V1_2.default_metric("multi:softprob"), Some("merror"));
        assert_eq!(Era::V1_3.default_metric("binary:logitraw"), Some("auc"));
        assert_eq!(Era::V1_5.default_metric("binary:logitraw"), None);
        assert_eq!(Era::V1_7.default_metric("rank:ndcg"), Some("map"));
        assert_eq!(Era::V1_7.default_metric("reg:gamma"), Some("gamma-nloglik"));
        assert_eq!(Era::V2_1.default_metric("reg:gamma"), None);
        assert_eq!(Era::V0_72.default_metric("reg:squarederror"), None);
    }

    #[test]
    fn two_point_one_takes_one_newton_step() {
        let labels = Targets { labels: &[0.0, 0.0, 1.0], ..NONE };
        let logistic = chosen(&[("objective", "binary:logistic")]);
        let score = base_score(Era::V2_1, &logistic, labels).unwrap();
        assert!((score - 1.0 / (1.0 + (2.0_f64 / 3.0).exp())).abs() < 1e-12);
        assert_eq!(base_score(Era::V3_0, &logistic, labels), None);
        let classes = chosen(&[("objective", "multi:softmax"), ("num_class", "3")]);
        assert_eq!(base_score(Era::V3_0, &classes, labels), Some(0.5));
        assert_eq!(base_score(Era::V3_2, &classes, labels), None);
    }

    #[test]
    fn an_intercept_is_not_estimated_by_a_host_alone() {
        let broken = || Failure::Platform("the group is broken".into());
        let labels = Targets { labels: &[1.0], whole: &|_| Err(broken()), ..NONE };
        let logistic = chosen(&[("objective", "binary:logistic")]);
        assert_eq!(Era::V2_1.base_score(&logistic, labels), Err(broken()));
    }

    #[test]
    fn early_versions_cut_features_into_other_bins() {
        let method = |name| chosen(&[("tree_method", name)]);
        assert!(Era::V1_7.bins_differently(&method("hist"), None));
        assert!(!Era::V2_1.bins_differently(&method("hist"), None));
        assert!(!Era::V1_7.bins_differently(&method("exact"), None));
        assert!(!Era::V1_7.bins_differently(&chosen(&[]), Some("exact")));
        assert!(Era::V1_7.bins_differently(&chosen(&[]), Some("approx")));
        let updater = chosen(&[("updater", "grow_histmaker,prune")]);
        assert!(Era::V0_90.bins_differently(&updater, None));
    }
}
