//! The metrics of the algorithm: their names, and which way is better.

/// Higher is better.
pub const MAXIMIZE: [&str; 16] = [
    "accuracy",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "map",
    "ndcg",
    "precision",
    "r2",
    "recall",
    "precision_macro",
    "precision_micro",
    "recall_macro",
    "recall_micro",
];

/// Lower is better.
pub const MINIMIZE: [&str; 17] = [
    "aft-nloglik",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
];

/// Every metric, in the container's order.
pub fn names() -> impl Iterator<Item = &'static str> {
    MAXIMIZE.into_iter().chain(MINIMIZE)
}

/// Whether more of it is better. A threshold (`error@0.7`) does not change that.
#[must_use]
pub fn is_maximized(metric: &str) -> bool {
    let name = metric.split('@').next().unwrap_or(metric);
    MAXIMIZE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_does_not_change_the_direction() {
        assert!(is_maximized("ndcg@5") && is_maximized("auc"));
        assert!(!is_maximized("error@0.7") && !is_maximized("rmse"));
    }

    #[test]
    fn no_metric_is_named_twice() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 33);
    }
}
