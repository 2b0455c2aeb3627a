//! What endpoints serve now: published in one pointer swap, read by the gateway without a lock.

mod meter;
mod refusals;

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use types::Id;

use crate::scorer::Scorer;

pub use meter::{Counts, Meter, Range, Ranges};
pub use refusals::Refusals;

/// Names an endpoint: account, region, name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteKey {
    /// Twelve digits.
    pub account: Arc<str>,
    /// A region's name.
    pub region: Arc<str>,
    /// The endpoint's name.
    pub endpoint: Arc<str>,
}

/// The same names, owned or borrowed: a call is found without making a key.
trait Names {
    fn names(&self) -> [&str; 3];
}

impl Names for RouteKey {
    fn names(&self) -> [&str; 3] {
        [&self.account, &self.region, &self.endpoint]
    }
}

impl Names for [&str; 3] {
    fn names(&self) -> [&str; 3] {
        *self
    }
}

impl Hash for RouteKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().hash(state);
    }
}

impl Hash for dyn Names + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().hash(state);
    }
}

impl PartialEq for dyn Names + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names()
    }
}

impl Eq for dyn Names + '_ {}

impl<'a> Borrow<dyn Names + 'a> for RouteKey {
    fn borrow(&self) -> &(dyn Names + 'a) {
        self
    }
}

/// One variant of an endpoint.
pub struct RouteVariant {
    /// `AllTraffic`.
    pub name: Arc<str>,
    /// Its share is this over the sum of all.
    pub weight: f32,
    /// On so many instances its endpoint's owner reckons: metrics are told for each of them.
    pub instances: u64,
    /// The loaded model.
    pub scorer: Arc<dyn Scorer>,
    /// What it has done.
    pub meter: Arc<Meter>,
}

/// What an endpoint serves.
pub enum Route {
    /// It was not tried yet after a start: clients are told to come again.
    NotReady,
    /// In service.
    Live(Live),
}

/// The variants in service, at least one with a weight above 0, or all at 0 (then by turns).
pub struct Live {
    /// For `LogStreamArn` and errors.
    pub arn: String,
    /// In the configuration's order.
    pub variants: Vec<RouteVariant>,
    turn: AtomicU64,
}

impl Live {
    /// A route with these variants.
    #[must_use]
    pub fn new(arn: String, variants: Vec<RouteVariant>) -> Self {
        Self { arn, variants, turn: AtomicU64::new(0) }
    }

    /// The variant for the next call.
    #[must_use]
    pub fn pick(&self) -> Option<&RouteVariant> {
        if let [only] = &*self.variants {
            return Some(only);
        }
        let total: f64 = self.variants.iter().map(|variant| f64::from(variant.weight)).sum();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if total <= 0.0 {
            let count = u64::try_from(self.variants.len()).ok().filter(|count| *count > 0)?;
            return self.variants.get(usize::try_from(turn % count).ok()?);
        }
        let mut left = spread(turn) * total;
        for variant in &self.variants {
            let weight = f64::from(variant.weight);
            if left < weight {
                return Some(variant);
            }
            left -= weight;
        }
        self.variants.iter().rev().find(|variant| variant.weight > 0.0)
    }

    /// The variant of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&RouteVariant> {
        self.variants.iter().find(|variant| &*variant.name == name)
    }
}

/// 2^64 divided by the golden ratio (Knuth, TAOCP 3, section 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The place of the `turn`-th call in [0, 1): a low-discrepancy sequence, so that shares hold for
/// few calls as for many.
fn spread(turn: u64) -> f64 {
    // The high half of the product, which is exact in a double.
    let high = u32::try_from(turn.wrapping_mul(GOLDEN) >> 32).unwrap_or(u32::MAX);
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

/// What stands in the table for a name.
#[derive(Clone)]
pub struct Entry {
    /// The id of the endpoint that has the name: another one may have had it before.
    pub id: Id,
    /// What it serves.
    pub route: Arc<Route>,
}

type Table = HashMap<RouteKey, Entry>;

/// The live table.
#[derive(Default)]
pub struct Routes(ArcSwap<Table>);

impl Routes {
    /// What an endpoint serves; `None` where there is none of that name.
    #[must_use]
    pub fn get(&self, key: &RouteKey) -> Option<Arc<Route>> {
        self.0.load().get(key).map(|entry| entry.route.clone())
    }

    /// The same by the names alone.
    #[must_use]
    pub fn find(&self, account: &str, region: &str, endpoint: &str) -> Option<Arc<Route>> {
        let names: &dyn Names = &[account, region, endpoint];
        self.0.load().get(names).map(|entry| entry.route.clone())
    }

    /// What stands for a name.
    #[must_use]
    pub fn entry(&self, key: &RouteKey) -> Option<Entry> {
        self.0.load().get(key).cloned()
    }

    /// The endpoint that has a name.
    #[must_use]
    pub fn holder(&self, key: &RouteKey) -> Option<Id> {
        self.0.load().get(key).map(|entry| entry.id)
    }

    /// Publishes what an endpoint serves, if the name is still held by `holder`; says whether it
    /// did. Calls under way keep what they began with.
    #[must_use]
    pub fn publish(&self, key: &RouteKey, holder: Option<Id>, entry: &Entry) -> bool {
        self.change(key, holder, |table| {
            table.insert(key.clone(), entry.clone());
        })
    }

    /// Takes an endpoint's route away, unless its name is another's by now.
    pub fn withdraw(&self, key: &RouteKey, id: Id) {
        self.change(key, Some(id), |table| {
            table.remove(key);
        });
    }

    fn change(&self, key: &RouteKey, holder: Option<Id>, change: impl Fn(&mut Table)) -> bool {
        let holds = |table: &Table| table.get(key).map(|entry| entry.id) == holder;
        let before = self.0.rcu(|table| {
            let mut changed = Table::clone(table);
            if holds(table) {
                change(&mut changed);
            }
            changed
        });
        holds(&before)
    }

    /// Every route, for telemetry.
    #[must_use]
    pub fn all(&self) -> Arc<HashMap<RouteKey, Entry>> {
        self.0.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::{Invocation, Rejection, Reply};

    struct Silent;

    impl Scorer for Silent {
        fn invoke(&self, _: Invocation<'_>) -> Result<Reply, Rejection> {
            Err(Rejection { status: 500, message: String::new() })
        }
    }

    fn live(weights: &[f32]) -> Live {
        let variant = |(i, weight): (usize, &f32)| RouteVariant {
            name: format!("v{i}").into(),
            weight: *weight,
            instances: 1,
            scorer: Arc::new(Silent),
            meter: Arc::default(),
        };
        Live::new("arn".into(), weights.iter().enumerate().map(variant).collect())
    }

    fn shares(live: &Live, calls: usize) -> Vec<usize> {
        let mut counts = vec![0; live.variants.len()];
        for _ in 0..calls {
            let name = live.pick().unwrap().name.clone();
            counts[name[1..].parse::<usize>().unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn shares_follow_weights_within_one_per_cent_of_a_thousand_calls() {
        let counts = shares(&live(&[7.0, 2.0, 1.0]), 1_000);
        for (count, share) in counts.iter().zip([700usize, 200, 100]) {
            assert!(count.abs_diff(share) <= 10, "{counts:?}");
        }
    }

    #[test]
    fn an_endpoint_is_found_by_its_three_names_and_no_others() {
        let routes = Routes::default();
        let key = RouteKey { account: "1".into(), region: "r".into(), endpoint: "e".into() };
        let entry = Entry { id: Id::random(), route: Arc::new(Route::NotReady) };
        assert!(routes.publish(&key, None, &entry));
        assert!(routes.get(&key).is_some() && routes.find("1", "r", "e").is_some());
        for (account, region, endpoint) in [("2", "r", "e"), ("1", "re", ""), ("1", "r", "x")] {
            assert!(routes.find(account, region, endpoint).is_none());
        }
    }

    #[test]
    fn a_name_is_published_and_withdrawn_for_who_holds_it() {
        let routes = Routes::default();
        let key = RouteKey { account: "1".into(), region: "r".into(), endpoint: "e".into() };
        let (old, new) = (Id::random(), Id::random());
        let entry = |id| Entry { id, route: Arc::new(Route::NotReady) };
        assert!(routes.publish(&key, None, &entry(old)));
        assert!(routes.publish(&key, Some(old), &entry(new)));
        // Who looked before the other one came is told so.
        assert!(!routes.publish(&key, None, &entry(old)));
        assert!(!routes.publish(&key, Some(old), &entry(old)));
        routes.withdraw(&key, old);
        assert_eq!(routes.holder(&key), Some(new));
        routes.withdraw(&key, new);
        assert!(routes.holder(&key).is_none() && routes.get(&key).is_none());
    }

    #[test]
    fn a_variant_without_weight_gets_nothing_unless_all_are_without() {
        assert_eq!(shares(&live(&[0.0, 1.0]), 100), [0, 100]);
        assert_eq!(shares(&live(&[0.0, 0.0]), 100), [50, 50]);
        assert!(live(&[]).pick().is_none());
    }
}
