//! The hosts of a job, and how those of them that have data become one group.
//!
//! As in the container there are two groups, one after the other: in the first all hosts tell
//! whether they have data, the second trains. The tracker of the first is the first host's; where it
//! listens stands in a file that all hosts see. The tracker of the second is that of the first host
//! with data, which tells the others through the first group.
//!
//! A host that fails must say so before the others notice that it is gone, or theirs would be the
//! reason that is told: see [`abandon`].

use std::{
    env, fs,
    io::ErrorKind,
    mem,
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use platform::workload::{ADDRESSES, MEETING};
use serde_json::Value;
use xgboost_sys::{Communicator, Error, Library, Meeting, Tracker, end_process};

use super::failure::Failure;

/// What the container is told of its hosts, below `/opt/ml`.
const CONFIG: &str = "input/config/resourceconfig.json";
/// Where the first host writes down where it listens, in the folder that all hosts see.
const TRACKER: &str = "tracker";
/// For how long hosts look for each other, as in the container.
const PATIENCE: Duration = Duration::from_mins(15);
/// How often they look.
const PAUSE: Duration = Duration::from_millis(5);
/// For how long a host that trained waits until the others have left the group, seconds.
const FAREWELL: u32 = 60;
/// For how long a host that was left alone waits to be ended with the job. Longer than it takes to
/// write down the end of the host that failed.
const GRACE: Duration = Duration::from_secs(5);

/// The hosts of a job of several.
pub struct Hosts {
    names: Vec<String>,
    own: usize,
    address: Ipv4Addr,
    folder: PathBuf,
}

/// How a host takes part in training.
pub enum Role {
    /// No host has data.
    Nobody,
    /// Others have data; this one is done.
    Idle,
    /// No other has data.
    Alone,
    /// With others.
    Member,
}

impl Hosts {
    /// Those of the job in `opt_ml`; `None` where it has one.
    pub fn of(opt_ml: &Path) -> Result<Option<Self>, Failure> {
        let path = opt_ml.join(CONFIG);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(&path.display(), &error)),
        };
        let config: Value =
            serde_json::from_slice(&text).map_err(|error| broken(&path.display(), &error))?;
        let names: Vec<String> = config["hosts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        if names.len() < 2 {
            return Ok(None);
        }
        let variable =
            |name: &str| env::var(name).map_err(|error| broken(&format_args!("${name}"), &error));
        let (addresses, folder) = (variable(ADDRESSES)?, PathBuf::from(variable(MEETING)?));
        let current = config["current_host"].as_str().unwrap_or_default();
        let own = names.iter().position(|name| name == current);
        let (own, address) = own
            .zip(address_of(&addresses, current))
            .ok_or_else(|| broken(&path.display(), &"the host is none of the job's"))?;
        Ok(Some(Self { names, own, address, folder }))
    }

    /// What this one is called.
    pub fn own_name(&self) -> &str {
        &self.names[self.own]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// What the container says on a host without data in a channel.
    pub fn without_data(&self, channel: &str) -> String {
        let (host, kind) = (self.own_name(), if channel == "train" { "training" } else { channel });
        format!(
            "Host {host} does not have {kind} data. Will broadcast to cluster and this host {host} \
             will not be used in distributed training. Please divide the {kind} data across \
             instances properly. See https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html\
             #Instance-XGBoost-distributed-training-divide-data. "
        )
    }

    /// Opens what this host has to open before the others can find it. From here on it listens at
    /// its own address only.
    pub fn open(&self, library: &Library) -> Result<Bond, Failure> {
        let failed = |error: Error| Failure::platform(&error);
        library.keep_sockets_at(self.address).map_err(failed)?;
        if self.own > 0 {
            return Ok(Bond::Meeting(None));
        }
        let tracker = Tracker::start(library, self.address, self.count()).map_err(failed)?;
        self.announce(tracker.meeting())?;
        Ok(Bond::Meeting(Some(tracker)))
    }

    /// Finds out with all other hosts which of them have data, and joins those.
    pub fn gather(
        &self,
        library: &Library,
        has_data: bool,
        bond: &mut Bond,
    ) -> Result<Role, Failure> {
        let failed = |error: Error| Failure::from_training(&error);
        bond.join(library, self.meeting()?, self.own)?;
        let mut data = vec![0; self.count()];
        data[self.own] = u64::from(has_data);
        bond.largest(&mut data)?;
        let members = || (0..data.len()).filter(|host| data[*host] > 0);
        let (count, rank) = (members().count(), members().position(|host| host == self.own));

        let leads = count > 1 && rank == Some(0);
        let start = || Tracker::start(library, self.address, count);
        let tracker = leads.then(start).transpose().map_err(failed)?;
        let mut meeting = [tracker.as_ref().map_or(0, |tracker| as_number(tracker.meeting()))];
        bond.largest(&mut meeting)?;
        bond.leave().map_err(failed)?;
        Ok(match (count, rank) {
            (0, _) => Role::Nobody,
            (_, None) => Role::Idle,
            (1, Some(_)) => Role::Alone,
            (_, Some(rank)) => {
                *bond = Bond::Meeting(tracker);
                bond.join(library, as_meeting(meeting[0]), rank)?;
                Role::Member
            }
        })
    }

    /// Whole or not at all, for the others may look at any moment.
    fn announce(&self, meeting: Meeting) -> Result<(), Failure> {
        let (path, staged) = (self.folder.join(TRACKER), self.folder.join(".tracker"));
        fs::write(&staged, meeting.to_string())
            .and_then(|()| fs::rename(&staged, &path))
            .map_err(|error| broken(&path.display(), &error))
    }

    fn meeting(&self) -> Result<Meeting, Failure> {
        let path = self.folder.join(TRACKER);
        let end = Instant::now() + PATIENCE;
        loop {
            match fs::read_to_string(&path) {
                Ok(text) => return text.parse().map_err(|error| broken(&path.display(), &error)),
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(broken(&path.display(), &error));
                }
                Err(_) if Instant::now() > end => {
                    let what = format!("the host {} was not found", self.names[0]);
                    return Err(Failure::Platform(what));
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }
}

/// What ties this host to the others of its job. It outlives what fails: a group or a tracker that
/// is given up too early tells the others before the reason is told.
#[derive(Default)]
pub enum Bond {
    /// There are no others, or none that train with this one.
    #[default]
    Free,
    /// They look for each other; at this one's tracker, where it has one.
    Meeting(Option<Tracker>),
    /// They train one model together, and met at this one's tracker, where it has one.
    Joined(Communicator, Option<Tracker>),
}

impl Bond {
    /// Waits until the group is whole.
    fn join(&mut self, library: &Library, meeting: Meeting, rank: usize) -> Result<(), Failure> {
        let joined = Communicator::join(library, meeting, &task(rank));
        let communicator = joined.map_err(|error| Failure::from_training(&error))?;
        let tracker = match mem::take(self) {
            Self::Meeting(tracker) => tracker,
            Self::Free | Self::Joined(..) => None,
        };
        *self = Self::Joined(communicator, tracker);
        Ok(())
    }

    fn communicator(&self) -> Option<&Communicator> {
        match self {
            Self::Joined(communicator, _) => Some(communicator),
            Self::Free | Self::Meeting(_) => None,
        }
    }

    /// Whether other hosts train with this one.
    pub fn is_shared(&self) -> bool {
        self.communicator().is_some()
    }

    /// Whether others can notice that this host ends.
    pub fn holds(&self) -> bool {
        match self {
            Self::Meeting(_) | Self::Joined(..) => true,
            Self::Free => false,
        }
    }

    /// Whether this host is the one that tells and saves: of several, one does.
    pub fn is_first(&self) -> bool {
        self.communicator().is_none_or(|group| group.rank() == 0)
    }

    /// Each number becomes the sum of those that the hosts have in its place.
    pub fn sum(&self, numbers: &mut [f64]) -> Result<(), Failure> {
        let summed = self.communicator().map_or(Ok(()), |group| group.sum(numbers));
        summed.map_err(|error| Failure::from_training(&error))
    }

    /// Each number becomes the largest of those that the hosts have in its place.
    pub fn largest(&self, numbers: &mut [u64]) -> Result<(), Failure> {
        let found = self.communicator().map_or(Ok(()), |group| group.largest(numbers));
        found.map_err(|error| Failure::from_training(&error))
    }

    /// Each number becomes the mean of those that the hosts have in its place, as the container's
    /// metrics do.
    pub fn mean(&self, mut numbers: Vec<f64>) -> Result<Vec<f64>, Failure> {
        let mut hosts = [1.0];
        self.sum(&mut hosts)?;
        self.sum(&mut numbers)?;
        Ok(numbers.into_iter().map(|sum| sum / hosts[0]).collect())
    }

    /// Takes leave, once all others do.
    pub fn leave(&mut self) -> Result<(), Error> {
        let Self::Joined(communicator, tracker) = mem::take(self) else { return Ok(()) };
        communicator.leave()?;
        tracker.map_or(Ok(()), |tracker| tracker.wait(FAREWELL))
    }
}

/// Ends the process of a job that failed, without a word to the others: whoever started the hosts
/// ends them. If it was another that failed, this one leaves it the time to be first.
pub fn abandon(failure: &Failure) -> ! {
    if failure.is_of_the_group() {
        thread::sleep(GRACE);
    }
    end_process(1)
}

/// Ranks are given by the order of these texts.
fn task(number: usize) -> String {
    format!("{number:05}")
}

fn address_of(addresses: &str, host: &str) -> Option<Ipv4Addr> {
    let pairs = addresses.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == host).find_map(|(_, address)| address.parse().ok())
}

fn as_number(meeting: Meeting) -> u64 {
    u64::from(meeting.ip().to_bits()) << 16 | u64::from(meeting.port())
}

#[expect(clippy::cast_possible_truncation, reason = "the parts that `as_number` put together")]
fn as_meeting(number: u64) -> Meeting {
    SocketAddrV4::new(Ipv4Addr::from_bits((number >> 16) as u32), number as u16)
}

fn broken(what: &dyn std::fmt::Display, error: &dyn std::fmt::Display) -> Failure {
    Failure::Platform(format!("cannot read {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_survives_being_a_number() {
        for meeting in ["127.0.1.1:40123", "255.255.255.255:65535", "0.0.0.0:0"] {
            let meeting: Meeting = meeting.parse().unwrap();
            assert_eq!(as_meeting(as_number(meeting)), meeting);
        }
    }

    #[test]
    fn a_host_finds_its_own_address() {
        let addresses = "algo-1=127.0.1.1,algo-11=127.0.1.11";
        assert_eq!(address_of(addresses, "algo-11"), Some(Ipv4Addr::new(127, 0, 1, 11)));
        assert_eq!(address_of(addresses, "algo-2"), None);
        assert_eq!(address_of("algo-1=x", "algo-1"), None);
    }

    #[test]
    fn tasks_are_in_the_order_of_their_numbers() {
        assert!((0..300).map(task).is_sorted());
    }

    #[test]
    fn a_job_of_one_host_has_no_hosts_to_find() {
        let opt_ml = tempfile::tempdir().unwrap();
        assert!(Hosts::of(opt_ml.path()).unwrap().is_none());
        let path = opt_ml.path().join(CONFIG);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, r#"{"current_host": "algo-1", "hosts": ["algo-1"]}"#).unwrap();
        assert!(Hosts::of(opt_ml.path()).unwrap().is_none());
        fs::write(&path, "{").unwrap();
        assert!(Hosts::of(opt_ml.path()).is_err());
    }
}
