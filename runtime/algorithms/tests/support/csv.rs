//! Jobs on CSV, as versions are compared by.

use super::support::Job;

/// A label of about 110 to 190 with one decimal, from a number of about -4 to 4.
pub fn regression(truth: f64) -> f64 {
    (truth * 1000.0).round() / 10.0 + 150.0
}

/// Runs a job.
pub fn run(
    tag: &str,
    hyperparameters: &[(&str, &str)],
    train: &str,
    validation: Option<&str>,
) -> Option<Job> {
    let both = [("train", Some(train)), ("validation", validation)];
    let channels = both
        .into_iter()
        .filter_map(|(name, content)| Some((name, "text/csv", content?.as_bytes())));
    Job::on(tag, hyperparameters, &channels.collect::<Vec<_>>())
}
