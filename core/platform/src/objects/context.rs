//! What the conditions of a policy may ask about a request.

use std::borrow::Cow;

/// The condition keys of one request and their values. Keys are compared without case, as AWS
/// does; one that was set more than once has several values, one that was not set is absent.
#[derive(Clone, Debug, Default)]
pub struct Context<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Context<'a> {
    /// Adds a value to a key.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push((key.into(), value.into()));
    }

    /// Adds a value where there is one.
    pub fn set_some(&mut self, key: &'static str, value: Option<impl Into<Cow<'a, str>>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Gives a key this value alone, whatever was set before.
    pub fn replace(&mut self, key: &'static str, value: impl Into<Cow<'a, str>>) {
        self.0.retain(|(name, _)| !name.eq_ignore_ascii_case(key));
        self.set(key, value);
    }

    /// The values of a key, in the order in which they were set.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_spelled_and_keeps_all_its_values() {
        let mut context = Context::default();
        context.set("s3:RequestObjectTagKeys", "a");
        context.set("s3:RequestObjectTagKeys", "b");
        context.set_some("s3:prefix", None::<&str>);
        let keys: Vec<&str> = context.values("S3:requestobjecttagkeys").collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(context.values("s3:prefix").count(), 0);
        context.replace("s3:RequestObjectTagKeys", "c");
        let keys: Vec<&str> = context.values("s3:RequestObjectTagKeys").collect();
        assert_eq!(keys, ["c"]);
    }
}
