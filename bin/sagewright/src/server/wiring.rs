//! Every part of the server, handed what it needs.

use std::{
    fs::File,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use algorithms::Catalogue;
use anyhow::Result;
use api::Family;
use aws::model::Service;
use exec_local::Local;
use gateway::{Config, Door, Limits, Wiring, authority::Authority};
use jobs::{Drive, Driver, Wake};
use platform::{
    access::Access,
    algorithm::Algorithms,
    executor::Executor,
    follow::Follow,
    objects::Objects,
    routes::Routes,
    scorer::LoadModel,
    store::Store,
    telemetry::{Logs, Metrics},
};
use services::{
    Hands, Holding, Patience,
    accounts::{IamService, Keyring, StsService, seed_role},
    inference::{EndpointMachine, InferenceService, MeterReader, Needs, TransformMachine},
    registry::{SearchService, TagService},
    storage::Storage,
    telemetry::{Follower, LogService, MetricService},
    training::{TrainingMachine, TrainingService},
};
use store_sql::{Sqlite, objects::SqliteIndex};
use tokio::{sync::watch, task::JoinSet};
use types::Owner;

use crate::{cli::Hold, config::Settings, data::Data, keys::Secrets, programs};

/// Variables of the server's that jobs need to fetch what they run on.
const HANDED_ON: &[&str] = &["PIP_", "SSL_CERT_", "HTTPS_PROXY", "NO_PROXY", "HOME", "PATH"];

/// The parts that outlive their wiring.
pub struct House {
    /// What requests come in by.
    pub door: Arc<Door>,
    /// What makes certificates.
    pub authority: Arc<Authority>,
    /// What runs jobs.
    pub hands: Hands,
    store: Arc<dyn Store>,
    storage: Arc<Storage>,
    endpoints: Arc<EndpointMachine>,
    follower: Arc<Follower>,
    ready: Arc<AtomicBool>,
}

/// What will run beside the door.
pub struct Workers {
    driver: Driver,
    meters: MeterReader,
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
        let sqlite = Arc::new(Sqlite::open(data.join("meta.db"))?);
        let (store, logs, metrics): (Arc<dyn Store>, Arc<dyn Logs>, Arc<dyn Metrics>) =
            (sqlite.clone(), sqlite.clone(), sqlite);
        let objects_folder = data.join("objects");
        let index = Arc::new(SqliteIndex::open(objects_folder.join("index.db"))?);
        let storage =
            Arc::new(Storage::new(index, Arc::new(blobs::Folder::open(&objects_folder)?)));
        let objects: Arc<dyn Objects> = storage.clone();
        let local = Local::open(&data.join("jobs"), binary, environment(data, settings))?;
        let executor: Arc<dyn Executor> = Arc::new(local);
        let hands = Hands(executor.clone());

        let keyring = Arc::new(Keyring::new([secrets.key.clone()], secrets.seal()?));
        let access: Arc<dyn Access> = keyring.clone();
        let key = &secrets.key;
        let owner = Owner::new(&*key.account, &*settings.region, &*key.principal);
        seed_role(&*store, &owner).await?;

        let wake = Wake::new();
        let holding = Arc::new(Holding::new(match settings.hold {
            Hold::On => Patience::AsClientsAllow,
            Hold::Off => Patience::Off,
        }));
        let routes = Arc::new(Routes::default());
        let loader: Arc<dyn LoadModel> = Arc::new(scorers::Loader);
        let algorithms: Arc<dyn Algorithms> = Arc::new(Catalogue);
        let follower = Follower::new(executor, logs.clone(), metrics.clone());
        let follow: Arc<dyn Follow> = follower.clone();

        let endpoints = Arc::new(EndpointMachine::new(
            store.clone(),
            objects.clone(),
            loader.clone(),
            routes.clone(),
            logs.clone(),
        ));
        let training_machine = Arc::new(TrainingMachine {
            hands: hands.clone(),
            objects: objects.clone(),
            follow: follow.clone(),
            algorithms: algorithms.clone(),
        });
        let transform_machine =
            Arc::new(TransformMachine { hands: hands.clone(), objects: objects.clone(), follow });
        let machines: Vec<Arc<dyn Drive>> = vec![
            Arc::new(training_machine),
            Arc::new(transform_machine),
            Arc::new(endpoints.clone()),
        ];
        let driver = Driver::new(store.clone(), machines, wake.clone());

        let training = Arc::new(TrainingService::new(
            store.clone(),
            objects.clone(),
            algorithms,
            holding.clone(),
            wake.clone(),
        ));
        let inference = Arc::new(InferenceService::new(Needs {
            store: store.clone(),
            objects: objects.clone(),
            loader,
            logs: logs.clone(),
            machine: endpoints.clone(),
            holding,
            wake,
        }));
        let search = Arc::new(SearchService::new(store.clone(), training.clone()));
        let families: Vec<(Service, Arc<dyn Family>)> = vec![
            (Service::SageMaker, Arc::new(api::training::Training(training))),
            (Service::SageMaker, Arc::new(api::inference::Inference(inference))),
            (Service::SageMaker, Arc::new(api::search::Search(search))),
            (
                Service::SageMaker,
                Arc::new(api::tags::Tags(Arc::new(TagService::new(store.clone())))),
            ),
            (Service::Sts, Arc::new(api::identity::Sts(Arc::new(StsService::new(keyring))))),
            (
                Service::Iam,
                Arc::new(api::identity::Iam(Arc::new(IamService::new(
                    store.clone(),
                    access.clone(),
                )))),
            ),
            (Service::Logs, Arc::new(api::telemetry::Logs(Arc::new(LogService::new(logs))))),
            (
                Service::CloudWatch,
                Arc::new(api::telemetry::Metrics(Arc::new(MetricService::new(metrics.clone())))),
            ),
        ];

        let authority = Arc::new(Authority::new(data.join("ca"), Vec::new()));
        let ready = Arc::new(AtomicBool::new(false));
        let config = Config {
            region: settings.region.as_str().into(),
            address,
            names: Vec::new(),
            air_gapped: settings.air_gapped,
            sigv2: settings.presigned_sigv2,
            tunnel_token: Some(secrets.tunnel_token.clone()),
            limits: Limits::default(),
        };
        let s3 = Arc::new(gateway::s3::Front::new(objects, access.clone()));
        let door = Door::new(
            config,
            Wiring {
                access,
                families,
                routes: routes.clone(),
                s3,
                authority: authority.clone(),
                ready: ready.clone(),
            },
        );
        let meters = MeterReader::new(routes, metrics);
        let house = Self { door, authority, hands, store, storage, endpoints, follower, ready };
        Ok((house, Workers { driver, meters }))
    }
}

impl House {
    /// Starts what runs beside the door, until `stopping` says so.
    pub fn start(&self, workers: Workers, stopping: &watch::Receiver<bool>) -> Background {
        let mut background = JoinSet::new();
        background.spawn(workers.driver.run(self.hands.0.changed(), stopping.clone()));
        background.spawn(workers.meters.run(stopping.clone()));
        background.spawn(self.follower.clone().run(stopping.clone()));
        let (storage, mut stopped) = (self.storage.clone(), stopping.clone());
        background.spawn(async move {
            tokio::select! {
                () = storage.keep_swept() => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        Background(background)
    }

    /// Brings back what was there before: no orphan runs, and every endpoint's model is tried.
    pub async fn restore(&self) -> Result<()> {
        self.hands.release_orphans(&*self.store).await?;
        self.endpoints.restore().await?;
        Ok(())
    }

    /// Says that everything answers.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Release);
    }
}

/// What jobs' programs see beside their own: where native libraries are, and how to fetch them.
fn environment(data: &Data, settings: &Settings) -> Vec<(String, String)> {
    let handed_on = std::env::vars()
        .filter(|(name, _)| HANDED_ON.iter().any(|prefix| name.starts_with(prefix)));
    let lib = (programs::LIB.to_owned(), data.join("lib").display().to_string());
    let offline = settings.offline.then(|| ("SAGEWRIGHT_OFFLINE".to_owned(), "1".to_owned()));
    // Threads that spin while they wait cost more than the work of a small job does.
    let waits = ("OMP_WAIT_POLICY".to_owned(), "passive".to_owned());
    handed_on.chain([lib, waits]).chain(offline).collect()
}
