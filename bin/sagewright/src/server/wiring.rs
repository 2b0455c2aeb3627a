//! Every part of the server, handed what it needs.

use std::{
    fs::File,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use algorithms::{
    Catalogue,
    xgboost::train::{DEFAULT_NUMBERS, OFFLINE},
};
use anyhow::Result;
use api::Family;
use aws::model::Service;
use exec_local::Local;
use gateway::{Config, Door, Limits, Wiring, authority::Authority, s3::Front};
use jobs::{Drive, Driver, Wake};
use platform::{
    algorithm::Algorithms,
    objects::Objects,
    routes::Routes,
    scorer::LoadModel,
    store::Store,
    telemetry::{Logs, Metrics},
};
use services::{
    Hands, Holding, OpenJobs, Patience,
    accounts::{IamService, Keyring, StsService},
    inference::{EndpointMachine, InferenceService, MeterReader, Needs, TransformMachine},
    registry::{SearchService, TagService},
    storage::{Day, Storage, Vault},
    telemetry::{Follower, LogService, MetricService},
    training::{TrainingMachine, TrainingService},
};
use store_sql::{Sqlite, objects::SqliteIndex};
use tokio::{sync::watch, task::JoinSet};

use super::identities::Identities;
use crate::{cli::Hold, config::Settings, data::Data, keys::Secrets, master, programs};

/// Variables of the server's that jobs need to fetch what they run on.
const HANDED_ON: &[&str] = &["PIP_", "SSL_CERT_", "HTTPS_PROXY", "NO_PROXY", "HOME", "PATH"];

/// What must be written for anything to be acknowledged.
#[derive(Clone)]
struct Files {
    meta: Arc<Sqlite>,
    index: Arc<SqliteIndex>,
}

impl Files {
    /// Returns once one of them can no longer be written.
    async fn stopped(&self) {
        tokio::select! {
            () = self.meta.stopped() => {}
            () = self.index.stopped() => {}
        }
    }
}

/// Every port, opened on the data folder, and what is shared over them.
struct Ports {
    files: Files,
    store: Arc<dyn Store>,
    logs: Arc<dyn Logs>,
    metrics: Arc<dyn Metrics>,
    storage: Arc<Storage>,
    objects: Arc<dyn Objects>,
    hands: Hands,
    keyring: Arc<Keyring>,
    routes: Arc<Routes>,
    loader: Arc<dyn LoadModel>,
    algorithms: Arc<dyn Algorithms>,
    follower: Arc<Follower>,
    holding: Arc<Holding>,
    wake: Wake,
}

/// The object store over the data folder and where its blobs lie, with its keys.
async fn open_storage(data: &Data, settings: &Settings) -> Result<(Storage, Arc<SqliteIndex>)> {
    let folder = data.join("objects");
    let blobs = blobs::open(&folder, &settings.blobs).await?;
    let index = Arc::new(SqliteIndex::open(folder.join("index.db"))?);
    let new = Vault::is_new(&*index).await?;
    let vault = Vault::open(index.clone(), master::open(data, settings, new)?).await?;
    let storage = Storage::new(index.clone(), blobs)
        .reserving(settings.disk_reserve())
        .owning(settings.object_ownership)
        .with_keys(vault, settings.encrypt_at_rest);
    Ok((storage, index))
}

impl Ports {
    async fn open(
        data: &Data,
        settings: &Settings,
        secrets: &Secrets,
        binary: File,
    ) -> Result<Self> {
        let sqlite = Arc::new(Sqlite::open(data.join("meta.db"))?);
        let (storage, index) = open_storage(data, settings).await?;
        let storage = Arc::new(storage);
        let local = Local::open(&data.join("jobs"), binary, environment(data, settings))?;
        let hands = Hands(Arc::new(local));
        let patience = match settings.hold {
            Hold::On => Patience::AsClientsAllow,
            Hold::Off => Patience::Off,
        };
        Ok(Self {
            store: sqlite.clone(),
            logs: sqlite.clone(),
            metrics: sqlite.clone(),
            objects: storage.clone(),
            storage,
            follower: Follower::new(hands.0.clone(), sqlite.clone(), sqlite.clone()),
            files: Files { meta: sqlite, index },
            hands,
            keyring: Arc::new(Keyring::new(secrets.seal()?)),
            routes: Arc::default(),
            loader: Arc::new(scorers::Loader),
            algorithms: Arc::new(Catalogue),
            holding: Arc::new(Holding::new(patience)),
            wake: Wake::new(),
        })
    }

    fn endpoints(&self) -> Arc<EndpointMachine> {
        Arc::new(EndpointMachine::new(
            self.store.clone(),
            self.objects.clone(),
            self.loader.clone(),
            self.routes.clone(),
            self.logs.clone(),
        ))
    }

    fn driver(&self, endpoints: &Arc<EndpointMachine>) -> Driver {
        let training = Arc::new(TrainingMachine {
            hands: self.hands.clone(),
            objects: self.objects.clone(),
            follow: self.follower.clone(),
            algorithms: self.algorithms.clone(),
        });
        let transform = Arc::new(TransformMachine {
            hands: self.hands.clone(),
            objects: self.objects.clone(),
            follow: self.follower.clone(),
        });
        let machines: Vec<Arc<dyn Drive>> =
            vec![Arc::new(training), Arc::new(transform), Arc::new(endpoints.clone())];
        Driver::new(self.store.clone(), machines, self.wake.clone())
    }

    fn training(&self) -> Arc<TrainingService> {
        Arc::new(TrainingService::new(
            self.store.clone(),
            self.objects.clone(),
            self.algorithms.clone(),
            self.holding.clone(),
            self.wake.clone(),
        ))
    }

    fn inference(&self, machine: Arc<EndpointMachine>) -> Arc<InferenceService> {
        Arc::new(InferenceService::new(Needs {
            store: self.store.clone(),
            objects: self.objects.clone(),
            loader: self.loader.clone(),
            logs: self.logs.clone(),
            machine,
            holding: self.holding.clone(),
            wake: self.wake.clone(),
        }))
    }

    /// Who serves which operations.
    fn families(&self, endpoints: &Arc<EndpointMachine>) -> Vec<(Service, Arc<dyn Family>)> {
        use api::{identity, inference, search, tags, telemetry, training};
        let trains = self.training();
        let finds = Arc::new(SearchService::new(self.store.clone(), trains.clone()));
        let tagged = Arc::new(TagService::new(self.store.clone()));
        let roles = Arc::new(IamService::new(self.store.clone(), self.keyring.clone()));
        let tokens = Arc::new(StsService::new(self.keyring.clone()));
        let lines = Arc::new(LogService::new(self.logs.clone()));
        let points = Arc::new(MetricService::new(self.metrics.clone()));
        vec![
            (Service::SageMaker, Arc::new(training::Training(trains))),
            (Service::SageMaker, Arc::new(inference::Inference(self.inference(endpoints.clone())))),
            (Service::SageMaker, Arc::new(search::Search(finds))),
            (Service::SageMaker, Arc::new(tags::Tags(tagged))),
            (Service::Sts, Arc::new(identity::Sts(tokens))),
            (Service::Iam, Arc::new(identity::Iam(roles))),
            (Service::Logs, Arc::new(telemetry::Logs(lines))),
            (Service::CloudWatch, Arc::new(telemetry::Metrics(points))),
        ]
    }
}

/// The parts that outlive their wiring.
pub struct House {
    /// What requests come in by.
    pub door: Arc<Door>,
    /// What makes certificates.
    pub authority: Arc<Authority>,
    /// What runs jobs.
    pub hands: Hands,
    /// What stops them.
    pub open_jobs: Arc<OpenJobs>,
    /// Who may call.
    pub identities: Arc<Identities>,
    files: Files,
    store: Arc<dyn Store>,
    /// What keeps objects.
    pub storage: Arc<Storage>,
    endpoints: Arc<EndpointMachine>,
    follower: Arc<Follower>,
    ready: Arc<AtomicBool>,
}

/// What will run beside the door.
pub struct Workers {
    /// Bytes a second, if the store is scrubbed.
    scrub_rate: Option<u64>,
    driver: Driver,
    meters: MeterReader,
    lifecycle_day: Day,
}

/// What runs beside the door.
pub struct Background(JoinSet<()>);

impl Background {
    /// Waits until all of it has come to rest.
    pub async fn join(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

impl House {
    /// Opens everything in the data folder and wires it.
    pub async fn open(
        data: &Data,
        settings: &Settings,
        secrets: &Secrets,
        binary: File,
        address: SocketAddr,
    ) -> Result<(Self, Workers)> {
        let ports = Ports::open(data, settings, secrets, binary).await?;
        let identities = Arc::new(Identities {
            data: data.clone(),
            store: ports.store.clone(),
            keyring: ports.keyring.clone(),
        });
        identities.reload().await?;

        let endpoints = ports.endpoints();
        let authority = Arc::new(Authority::new(data.join("ca"), Vec::new()));
        let ready = Arc::new(AtomicBool::new(false));
        let families = ports.families(&endpoints);
        let answering = families.iter().map(|(_, family)| family.clone()).collect();
        let open_jobs = Arc::new(OpenJobs::new(ports.store.clone(), answering));
        let door = Door::new(
            config(settings, secrets, address),
            Wiring {
                access: ports.keyring.clone(),
                families,
                routes: ports.routes.clone(),
                s3: Arc::new(Front::new(ports.objects.clone(), ports.keyring.clone())),
                authority: authority.clone(),
                ready: ready.clone(),
                damaged_blobs: ports.storage.damaged_blobs(),
            },
        );
        let workers = Workers {
            scrub_rate: settings.scrub_rate(),
            driver: ports.driver(&endpoints),
            meters: MeterReader::new(ports.routes, ports.metrics, ports.logs),
            lifecycle_day: Day::of_seconds(settings.lifecycle_day),
        };
        let Ports { files, store, storage, hands, follower, .. } = ports;
        let house = Self {
            door,
            authority,
            hands,
            open_jobs,
            identities,
            files,
            store,
            storage,
            endpoints,
            follower,
            ready,
        };
        Ok((house, workers))
    }

    /// Starts what runs beside the door, until `stopping` says so.
    pub fn start(&self, workers: Workers, stopping: &watch::Receiver<bool>) -> Background {
        let mut background = JoinSet::new();
        background.spawn(workers.driver.run(self.hands.0.changed(), stopping.clone()));
        background.spawn(workers.meters.run(stopping.clone()));
        background.spawn(self.follower.clone().run(stopping.clone()));
        let (sweeper, expirer) = (self.storage.clone(), self.storage.clone());
        let mut stopped = stopping.clone();
        background.spawn(async move {
            tokio::select! {
                () = sweeper.keep_swept() => {}
                () = expirer.keep_expired(workers.lifecycle_day) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        if let Some(rate) = workers.scrub_rate {
            let (storage, mut stopped) = (self.storage.clone(), stopping.clone());
            background.spawn(async move {
                tokio::select! {
                    () = storage.keep_scrubbed(rate) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
        }
        Background(background)
    }

    /// Brings back what was there before: no orphan runs, and every endpoint's model is tried.
    pub async fn restore(&self) -> Result<()> {
        self.hands.release_orphans(&*self.store).await?;
        self.endpoints.restore().await?;
        Ok(())
    }

    /// Says that everything answers, for as long as what is written is kept.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Release);
        let (files, ready) = (self.files.clone(), self.ready.clone());
        tokio::spawn(async move {
            files.stopped().await;
            ready.store(false, Ordering::Release);
        });
    }
}

fn config(settings: &Settings, secrets: &Secrets, address: SocketAddr) -> Config {
    Config {
        region: settings.region.as_str().into(),
        address,
        names: Vec::new(),
        air_gapped: settings.air_gapped,
        sigv2: settings.presigned_sigv2,
        tunnel_token: Some(secrets.tunnel_token.clone()),
        limits: Limits::default(),
    }
}

/// What jobs' programs see beside their own: where native libraries are, and how to fetch them.
fn environment(data: &Data, settings: &Settings) -> Vec<(String, String)> {
    let handed_on = std::env::vars()
        .filter(|(name, _)| HANDED_ON.iter().any(|prefix| name.starts_with(prefix)));
    let lib = (programs::LIB.to_owned(), data.join("lib").display().to_string());
    let offline = settings.offline.then(|| (OFFLINE.to_owned(), "1".to_owned()));
    let numbers = (DEFAULT_NUMBERS.to_owned(), settings.xgboost_numbers.name().to_owned());
    // Threads that spin while they wait cost more than the work of a small job does.
    let waits = ("OMP_WAIT_POLICY".to_owned(), "passive".to_owned());
    // Huge pages, where the kernel gives them to who asks: XGBoost took 8 % less time (300,000 rows
    // of 28 features, 50 rounds).
    let pages = ("GLIBC_TUNABLES".to_owned(), "glibc.malloc.hugetlb=1".to_owned());
    handed_on.chain([lib, numbers, waits, pages]).chain(offline).collect()
}
