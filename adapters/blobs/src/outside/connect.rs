//! An outside store's client: the address from the settings, credentials from the environment.
//!
//! `from_env` reads more than credentials; whatever says *where* is set again, so that a shell that
//! is led to a Sagewright (`AWS_ENDPOINT_URL`) does not lead its blobs there.

use std::time::Duration;

use object_store::{
    BackoffConfig, ClientOptions, Result, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::GoogleCloudStorageBuilder,
    path::Path,
};

use super::{Store, journal::Journal};
use crate::place::{Address, Cloud};

/// How long a request is tried again. Clients of ours wait 60 s by default, and should get an
/// answer before.
const RETRIED_FOR: Duration = Duration::from_secs(30);
/// Times that a request is tried again within that.
const RETRIES: usize = 10;
/// How long a connection may take.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// How long a store may be silent, the time in which it takes a part in included.
const SILENT_FOR: Duration = Duration::from_mins(1);
/// S3's region where nothing names one.
const REGION: &str = "us-east-1";
/// GCS's own address.
const GOOGLE: &str = "https://storage.googleapis.com";

/// The store at that address. Nothing is sent yet.
pub(super) fn connect(address: &Address, journal: Journal) -> Result<Store> {
    // Whoever came first chose the same one: all TLS of the house is rustls with ring.
    drop(rustls::crypto::ring::default_provider().install_default());
    let root = Path::parse(&address.prefix)?;
    Ok(match &address.cloud {
        Cloud::S3 { region } => Store::new(s3(address, region.as_deref()).build()?, root, journal),
        Cloud::Google => Store::new(google(address).build()?, root, journal),
        Cloud::Azure { account } => {
            Store::new(azure(address, account.as_deref()).build()?, root, journal)
        }
    })
}

/// The address to speak to, in the form that all builders take.
fn endpoint(address: &Address, own: String) -> String {
    match &address.endpoint {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => own,
    }
}

fn s3(address: &Address, region: Option<&str>) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::from_env();
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
    let region = region.unwrap_or_else(|| REGION.to_owned());
    let own = format!("https://s3.{region}.amazonaws.com");
    builder
        .with_bucket_name(&address.bucket)
        .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint(address, own))
        .with_virtual_hosted_style_request(false)
        // One blob is deleted at a time, and not every store knows of another way.
        .with_disable_bulk_delete(true)
        .with_client_options(options(address))
        .with_retry(retries())
}

fn google(address: &Address) -> GoogleCloudStorageBuilder {
    GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&address.bucket)
        .with_base_url(&endpoint(address, GOOGLE.to_owned()))
        .with_client_options(options(address))
        .with_retry(retries())
}

fn azure(address: &Address, account: Option<&str>) -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::from_env();
    if let Some(account) = account {
        builder = builder.with_account(account);
    }
    // Without an account the builder says so.
    let account = builder.get_config_value(&AzureConfigKey::AccountName).unwrap_or_default();
    let own = format!("https://{account}.blob.core.windows.net");
    builder
        .with_container_name(&address.bucket)
        .with_endpoint(endpoint(address, own))
        .with_client_options(options(address))
        .with_retry(retries())
}

/// No limit to a whole request, for a long body is no fault; one to silence.
pub(super) fn options(address: &Address) -> ClientOptions {
    let plain = address.endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
    ClientOptions::new()
        .with_allow_http(plain)
        .with_timeout_disabled()
        .with_connect_timeout(CONNECTED_WITHIN)
        .with_read_timeout(SILENT_FOR)
}

/// Errors of the store's, and answers that do not come, are waited out.
pub(super) fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRIED_FOR,
    }
}
