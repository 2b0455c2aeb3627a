//! Settings: flags over environment over the data folder's `sagewright.toml` over defaults.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use algorithms::xgboost::Numbers;
use anyhow::{Context, Result, anyhow, bail};
use blobs::Place;
use platform::objects::Ownership;
use serde::{Deserialize, Serialize};

use crate::{
    cli::{Hold, Up},
    data::Data,
    roster,
};

/// The file in the data folder.
pub const FILE: &str = "sagewright.toml";

/// All settings, with their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a file that people write")]
pub struct Settings {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port for everything.
    pub port: u16,
    /// The account, twelve digits. Counts at the first start only.
    pub account: String,
    /// The region that requests without one are for. A real one: SDKs know them all.
    pub region: String,
    /// Whether the first Describe after a Create waits for the end.
    pub hold: Hold,
    /// Fetch nothing from package registries.
    pub offline: bool,
    /// Open no tunnels to other hosts.
    pub air_gapped: bool,
    /// Accept version 2 signatures in S3's presigned URLs, which is what SDKs make by default.
    pub presigned_sigv2: bool,
    /// Where the blobs of objects lie: in the data folder, or in an outside store.
    pub blobs: Place,
    /// MiB of stored objects that are read again each second and compared with their checksums, in
    /// the background; 0 for never.
    pub scrub_mib_per_second: u32,
    /// MiB of the disk that uploads leave free, for deletes and for what the server itself writes.
    pub disk_reserve_mib: u32,
    /// How long a day of buckets' lifecycle rules lasts, seconds. For rehearsals.
    pub lifecycle_day: u32,
    /// Encrypt every object at rest, also where neither the request nor its bucket asks for it.
    pub encrypt_at_rest: bool,
    /// How training jobs of XGBoost that do not say it read the numbers of CSV and libsvm.
    pub xgboost_numbers: Numbers,
    /// Whether new buckets have ACLs of which nothing else is said.
    pub object_ownership: Ownership,
    /// The file with the master key: 32 bytes, raw, hexadecimal or base64. `keys/master.key` in the
    /// data folder where it is empty, which is made at the first start.
    pub master_key_file: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 7243,
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            hold: Hold::On,
            offline: false,
            air_gapped: false,
            presigned_sigv2: true,
            blobs: Place::Folder,
            scrub_mib_per_second: 16,
            disk_reserve_mib: 256,
            lifecycle_day: 86_400,
            encrypt_at_rest: false,
            xgboost_numbers: Numbers::Exact,
            object_ownership: Ownership::Enforced,
            master_key_file: PathBuf::new(),
        }
    }
}

impl Settings {
    /// What the data folder says.
    pub fn of(data: &Data) -> Result<Self> {
        let path = data.join(FILE);
        let settings: Self = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("in {}", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        roster::account_id(&settings.account)
            .map_err(|why| anyhow!("{why}, and account is {:?}", settings.account))?;
        Ok(settings)
    }

    /// The settings of a start.
    pub fn read(data: &Data, up: &Up) -> Result<Self> {
        let mut settings = Self::of(data)?;
        settings.host = up.host.unwrap_or(settings.host);
        settings.port = up.port.unwrap_or(settings.port);
        settings.hold = up.hold.unwrap_or(settings.hold);
        settings.offline |= up.offline.offline;
        settings.check(up)?;
        Ok(settings)
    }

    fn check(&self, up: &Up) -> Result<()> {
        if !self.host.is_loopback() && !up.insecure {
            bail!(
                "{} can be reached by others, and plain HTTP is served beside TLS: \
                 add --insecure to listen there nevertheless",
                self.host
            );
        }
        Ok(())
    }

    /// Bytes a second, if anything is to be read again: outside stores look after their own disks,
    /// and charge for reading.
    pub fn scrub_rate(&self) -> Option<u64> {
        let mib = u64::from(self.scrub_mib_per_second);
        (mib > 0 && self.blobs == Place::Folder).then_some(mib << 20)
    }

    /// Bytes of the disk that uploads leave free.
    pub fn disk_reserve(&self) -> u64 {
        u64::from(self.disk_reserve_mib) << 20
    }

    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_an_error_that_names_the_known_ones() {
        let error = toml::from_str::<Settings>("prot = 1").unwrap_err().to_string();
        assert!(error.contains("prot") && error.contains("`port`"), "{error}");
    }

    #[test]
    fn the_documented_file_says_the_defaults() {
        let text = include_str!("../../../docs/sagewright.toml");
        let settings = text.lines().filter(|line| line.contains(" = "));
        let uncommented: Vec<_> = settings.filter_map(|line| line.strip_prefix('#')).collect();
        assert_eq!(
            toml::from_str::<Settings>(&uncommented.join("\n")).unwrap(),
            Settings::default()
        );
    }
}
