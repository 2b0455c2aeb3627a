//! The names of AWS's regions: a signature's scope must carry one of them.
//!
//! A region missing here is refused at the door, so new ones are added as AWS names them (public
//! endpoint data of the SDKs).

use std::sync::{Arc, LazyLock};

/// All regions of all partitions, sorted.
pub const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Whether AWS has a region of that name.
#[must_use]
pub fn known(name: &str) -> bool {
    REGIONS.binary_search(&name).is_ok()
}

/// A region's name as callers carry it; nothing where AWS has none of that name.
#[must_use]
pub fn shared(name: &str) -> Option<Arc<str>> {
    static SHARED: LazyLock<Vec<Arc<str>>> =
        LazyLock::new(|| REGIONS.iter().map(|name| Arc::from(*name)).collect());
    SHARED.get(REGIONS.binary_search(&name).ok()?).cloned()
}

/// The host of a region's pages in AWS's console, which each partition has under a name of its own.
#[must_use]
pub fn console(region: &str) -> String {
    let domain = match region.split('-').take(2).collect::<Vec<_>>()[..] {
        ["cn", _] => "console.amazonaws.cn",
        ["us", "gov"] => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!("{region}.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_a_console() {
        assert_eq!(console("us-east-1"), "us-east-1.console.aws.amazon.com");
        assert_eq!(console("cn-north-1"), "cn-north-1.console.amazonaws.cn");
        assert_eq!(console("us-gov-west-1"), "us-gov-west-1.console.amazonaws-us-gov.com");
    }

    #[test]
    fn the_table_is_sorted_so_that_every_region_is_found() {
        assert!(REGIONS.is_sorted());
        assert!(REGIONS.iter().all(|name| known(name)));
        assert!(REGIONS.iter().all(|name| shared(name).as_deref() == Some(*name)));
        assert!(!known("evil") && !known("") && !known("US-EAST-1"));
    }
}
