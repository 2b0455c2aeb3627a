//! `map`, the mean average precision of rankings, as XGBoost defined it before 2.0.
//!
//! Any label from 1 on is relevant. The library's own of today refuses labels above 1, and so does
//! not know what the versions before printed by default for every ranking with grades.

use super::failure::Failure;

/// The metric, of all rows or of the first ones of each query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AveragePrecision {
    /// How many of a query's best rows count.
    top: usize,
}

/// What a query without anything relevant scores.
const NOTHING_TO_FIND: f64 = 1.0;

impl AveragePrecision {
    /// The metric of this name: `map`, or `map@5`.
    pub fn named(metric: &str) -> Option<Self> {
        let (name, top) = metric.split_once('@').unwrap_or((metric, ""));
        let digits = top.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(top.len());
        (name == "map").then(|| Self { top: top[..digits].parse().unwrap_or(usize::MAX) })
    }

    /// The mean over queries, which are runs of the same number in `queries`; without any, all rows
    /// are of one. `margins` and `labels` must be one for each row.
    pub fn score(self, margins: &[f32], labels: &[f32], queries: &[u32]) -> Result<f64, Failure> {
        if margins.len() != labels.len() {
            let sentence =
                "The metric map ranks rows by one prediction each; the objective has several.";
            return Err(Failure::User(sentence.to_owned()));
        }
        let mut lengths: Vec<_> = queries.chunk_by(PartialEq::eq).map(<[u32]>::len).collect();
        if lengths.is_empty() {
            lengths.push(labels.len());
        }
        let mut rows = margins.iter().copied().zip(labels.iter().map(|label| *label >= 1.0));
        let sum: f64 =
            lengths.iter().map(|length| self.of_query(rows.by_ref().take(*length).collect())).sum();
        Ok(sum / number(lengths.len()))
    }

    /// Of the margins of one query's rows, and whether each is relevant.
    fn of_query(self, mut rows: Vec<(f32, bool)>) -> f64 {
        rows.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let relevant = rows.iter().filter(|(_, relevant)| *relevant).count();
        if relevant == 0 {
            return NOTHING_TO_FIND;
        }
        let places = (1_usize..).zip(&rows).filter(|(_, (_, relevant))| *relevant);
        let counted = places.map(|(place, _)| place).take_while(|place| *place <= self.top);
        let precisions = (1_usize..).zip(counted).map(|(hits, place)| number(hits) / number(place));
        precisions.sum::<f64>() / number(relevant)
    }
}

#[expect(clippy::cast_precision_loss, reason = "no job has 2^53 rows")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_mean_precision_at_what_is_relevant() {
        let (margins, graded) = ([0.9, 0.8, 0.7, 0.6], [2.0, 0.0, 1.0, 0.0]);
        let of_all = f64::midpoint(1.0, 2.0 / 3.0);
        for (metric, labels, queries, expected) in [
            ("map", graded, &[][..], of_all),
            ("map@2", graded, &[], 0.5),
            ("map@2.5", graded, &[], 0.5),
            ("map", graded, &[7, 7, 8, 8], 1.0),
            ("map", graded, &[7, 8, 8, 8], f64::midpoint(1.0, 0.5)),
            ("map", [0.0; 4], &[], 1.0),
        ] {
            let metric = AveragePrecision::named(metric).unwrap();
            let score = metric.score(&margins, &labels, queries).unwrap();
            assert!((score - expected).abs() < 1e-12, "{metric:?} {queries:?}: {score}");
        }
    }

    #[test]
    fn rows_of_several_predictions_have_no_order() {
        let metric = AveragePrecision { top: usize::MAX };
        assert!(metric.score(&[0.1, 0.9], &[1.0], &[]).is_err());
    }

    #[test]
    fn no_other_metric_is_it() {
        for metric in ["ndcg", "mape", "map5", "auc@1"] {
            assert_eq!(AveragePrecision::named(metric), None, "{metric}");
        }
    }
}
