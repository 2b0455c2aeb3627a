//! What metrics promise: every point kept, by time, under exactly its name.

use types::Timestamp;

use super::{at, owner, stranger};
use crate::telemetry::{MetricName, Metrics, Point};

pub(super) async fn run<S: Metrics, F: AsyncFn() -> S>(fresh: &F) {
    points_are_read_back_by_time(fresh().await).await;
    points_at_one_time_are_all_kept(fresh().await).await;
    a_number_is_read_back_unrounded(fresh().await).await;
    a_metric_is_its_name_and_its_dimensions(fresh().await).await;
    metrics_are_listed_in_order_and_by_page(fresh().await).await;
}

fn metric(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> MetricName {
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    MetricName { namespace: namespace.into(), name: name.into(), dimensions: dimensions.collect() }
}

fn rmse() -> MetricName {
    metric("/aws/sagemaker/TrainingJobs", "validation:rmse", &[("TrainingJobName", "churn-1")])
}

async fn all(store: &impl Metrics, metric: &MetricName) -> Vec<Point> {
    store.points(&owner(), metric, Timestamp::default(), at(1_000)).await.unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn point(second: i64) -> Point {
    Point::single(at(second), second as f64 / 3.0)
}

async fn points_are_read_back_by_time(store: impl Metrics) {
    let points = [3, 1, 4, 2].map(|second| (rmse(), point(second)));
    store.put(&owner(), points.to_vec()).await.unwrap();
    assert_eq!(all(&store, &rmse()).await, [1, 2, 3, 4].map(point));
    let within = store.points(&owner(), &rmse(), at(2), at(4)).await.unwrap();
    assert_eq!(within, [2, 3].map(point));
    assert_eq!(store.points(&stranger(), &rmse(), at(0), at(9)).await.unwrap(), []);
}

async fn points_at_one_time_are_all_kept(store: impl Metrics) {
    let points = [1.0, 2.0, 1.0].map(|value| Point::single(at(1), value));
    for point in points.clone() {
        store.put(&owner(), vec![(rmse(), point)]).await.unwrap();
    }
    assert_eq!(all(&store, &rmse()).await, points);
}

async fn a_number_is_read_back_unrounded(store: impl Metrics) {
    let values = [0.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, 0.1 + 0.2];
    for (value, second) in values.into_iter().zip(1..) {
        let point = Point { at: at(second), sum: value, count: 3.0, min: -value, max: value };
        store.put(&owner(), vec![(rmse(), point)]).await.unwrap();
    }
    store.put(&owner(), vec![(rmse(), Point::single(at(9), f64::NAN))]).await.unwrap();
    let stored = all(&store, &rmse()).await;
    let bits: Vec<_> = stored.iter().map(|point| point.sum.to_bits()).collect();
    assert_eq!(bits[..6], values.map(f64::to_bits));
    assert!(stored[6].sum.is_nan() && stored[6].min.is_nan());
    assert_eq!(stored[5].count.to_bits(), 3_f64.to_bits());
}

async fn a_metric_is_its_name_and_its_dimensions(store: impl Metrics) {
    let others = [
        metric("n", "m", &[]),
        metric("n", "m", &[("a", "b")]),
        metric("n", "m", &[("a", "b"), ("c", "d")]),
        metric("n", "m", &[("a", "bc"), ("", "d")]),
        metric("n", "m", &[("a\0b", "")]),
        metric("n", "ma", &[("", "b")]),
    ];
    for (metric, second) in others.iter().zip(1..) {
        store.put(&owner(), vec![(metric.clone(), point(second))]).await.unwrap();
    }
    for (metric, second) in others.iter().zip(1..) {
        assert_eq!(all(&store, metric).await, [point(second)], "{metric:?}");
    }
}

async fn metrics_are_listed_in_order_and_by_page(store: impl Metrics) {
    let mut sorted = vec![
        metric("a", "m", &[("d", "1")]),
        metric("a", "m", &[("d", "1"), ("e", "1")]),
        metric("a", "m", &[("d", "10")]),
        metric("a", "m", &[("d\0", "1")]),
        metric("a", "m", &[("d ", "1")]),
        metric("a", "n", &[]),
        metric("b", "m", &[]),
    ];
    sorted.sort();
    for metric in sorted.iter().rev() {
        store
            .put(&owner(), vec![(metric.clone(), point(1)), (metric.clone(), point(2))])
            .await
            .unwrap();
    }
    store.put(&stranger(), vec![(rmse(), point(1))]).await.unwrap();

    let mut listed: Vec<MetricName> = Vec::new();
    loop {
        let page = store.list(&owner(), None, listed.last(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, sorted);
    assert_eq!(store.list(&owner(), Some("b"), None, 9).await.unwrap(), sorted[6..]);
    assert_eq!(store.list(&owner(), Some("a"), Some(&sorted[4]), 9).await.unwrap(), sorted[5..6]);
    assert_eq!(store.list(&owner(), Some("c"), None, 9).await.unwrap(), []);
}
