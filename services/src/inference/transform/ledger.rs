//! What became of a job's objects, over all of its hosts: the reason of a job that has failed.

use platform::transform::{FailedObject, shortened};

/// Counts objects, and remembers what is told of those that failed.
#[derive(Debug, Default)]
pub struct Ledger {
    objects: usize,
    failed: usize,
    /// The first of them in the order of the input, and its turn there.
    first: Option<(usize, FailedObject)>,
    /// What else went wrong first.
    trouble: Option<String>,
}

impl Ledger {
    /// An object has predictions.
    pub fn made(&mut self) {
        self.objects += 1;
    }

    /// An object, the one whose turn is `turn`, has none.
    pub fn failed(&mut self, turn: usize, object: FailedObject) {
        self.objects += 1;
        self.failed += 1;
        if self.first.as_ref().is_none_or(|(first, _)| turn < *first) {
            self.first = Some((turn, object));
        }
    }

    /// What was made cannot be kept.
    pub fn trouble(&mut self, reason: String) {
        self.trouble.get_or_insert(reason);
    }

    /// The job's `FailureReason`, if there is one.
    pub fn reason(self) -> Option<String> {
        let Self { objects, failed, first, trouble } = self;
        let objects_failed = first.map(|(_, FailedObject { object, reason, .. })| {
            let others = if objects > 1 {
                format!(
                    "; {failed} of {objects} objects failed, the outputs of the others are kept"
                )
            } else {
                String::new()
            };
            let object = shortened(&object);
            format!("ClientError: {object}: {reason} See job logs for more information{others}")
        });
        trouble.or(objects_failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> FailedObject {
        FailedObject { number: 0, object: format!("b/{name}"), reason: "415 (record 3).".into() }
    }

    #[test]
    fn objects_are_counted_over_all_hosts_and_the_first_of_the_input_is_named() {
        let mut ledger = Ledger::default();
        ledger.made();
        assert_eq!(Ledger::default().reason(), None);
        ledger.failed(4, object("e"));
        ledger.failed(1, object("b"));
        ledger.failed(3, object("d"));
        assert_eq!(
            ledger.reason().unwrap(),
            "ClientError: b/b: 415 (record 3). See job logs for more information; 3 of 4 objects \
             failed, the outputs of the others are kept"
        );
    }

    #[test]
    fn a_long_key_leaves_room_for_the_cause() {
        let mut ledger = Ledger::default();
        ledger.failed(0, object(&"k".repeat(1024)));
        let reason = ledger.reason().unwrap();
        assert!(reason.chars().count() < 400 && reason.contains("k: 415 (record 3)."), "{reason}");
        let mut ledger = Ledger::default();
        ledger.failed(0, object("a"));
        ledger.trouble("InternalServerError: first".into());
        ledger.trouble("InternalServerError: second".into());
        assert_eq!(ledger.reason().unwrap(), "InternalServerError: first");
    }
}
