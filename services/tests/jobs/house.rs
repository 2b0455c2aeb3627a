//! Everything wired over fakes, as the server wires it over adapters.

use std::{collections::BTreeMap, io::Read, sync::Arc, time::Duration};

use api::{Caller, Document, Family, Fault};
use jobs::{Drive, Driver, Wake};
use platform::{
    algorithm::{Algorithm, Algorithms, MetricDefinition, Unsupported},
    executor::{Exit, Seen, fake::Fake},
    objects::{
        ObjectName, Objects, Put, blobs::memory::MemoryBlobs, index::memory::MemoryIndex,
        keys::memory::MemoryShelf, whole,
    },
    routes::{Route, RouteKey, Routes},
    scorer::{Invocation, LoadError, LoadModel, Rejection, Reply, Scorer},
    sealed::Secret,
    store::memory::Memory,
    telemetry,
    workload::Workload,
};
use serde_json::{Value, json};
use services::{
    Hands, Holding, OpenJobs, Patience,
    inference::{EndpointMachine, InferenceService, Needs, TransformMachine},
    registry::{SearchService, TagService},
    storage::{Storage, Vault},
    telemetry::{Follower, LogService},
    training::{TrainingMachine, TrainingService},
};
use tokio::sync::watch;
use types::{Id, Owner, Timestamp};

pub const ROLE: &str = "arn:aws:iam::123456789012:role/R";
pub const IMAGE: &str = "1.dkr.ecr.us-east-1.amazonaws.com/echo:1";

/// Any `echo` image is ours.
struct Echo;

impl Algorithms for Echo {
    fn find(&self, image: &str) -> Option<Algorithm> {
        image.contains("echo").then(|| Algorithm {
            name: "echo",
            version: "1".into(),
            train: vec!["algorithm".into(), "echo".into()],
            metrics: vec![MetricDefinition {
                name: "train:rmse".into(),
                regex: r"#011train-rmse:(\S+)".into(),
            }],
        })
    }

    fn check(
        &self,
        _: &Algorithm,
        parameters: &BTreeMap<String, String>,
    ) -> Result<(), Unsupported> {
        match parameters.get("sagemaker_program") {
            Some(_) => Err(Unsupported("Script mode is not supported".into())),
            None => Ok(()),
        }
    }
}

/// A model is the text that it answers with.
impl LoadModel for Echo {
    fn serves(&self, image: &str) -> bool {
        image.contains("echo")
    }

    fn load(
        &self,
        _: &str,
        archive: &mut dyn Read,
        _: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn Scorer>, LoadError> {
        let mut text = String::new();
        archive.read_to_string(&mut text).map_err(|error| LoadError(error.to_string()))?;
        // A large one takes its time.
        if text.contains("large") {
            std::thread::sleep(Duration::from_millis(150));
        }
        match text.strip_prefix("model ") {
            Some(answer) => Ok(Arc::new(Says(answer.to_owned()))),
            None => Err(LoadError("it is no model.".into())),
        }
    }
}

struct Says(String);

impl Scorer for Says {
    fn invoke(&self, _: Invocation<'_>) -> Result<Reply, Rejection> {
        let body = self.0.clone().into_bytes();
        Ok(Reply { status: 200, content_type: "text/plain".into(), body })
    }
}

pub struct House {
    pub executor: Arc<Fake>,
    pub objects: Arc<Storage>,
    pub store: Arc<Memory>,
    pub routes: Arc<Routes>,
    pub endpoints: Arc<EndpointMachine>,
    pub open_jobs: Arc<OpenJobs>,
    families: Vec<Arc<dyn Family>>,
    _stop: watch::Sender<bool>,
}

pub fn owner() -> Owner {
    Owner::new("123456789012", "us-east-1", "arn:aws:sts::123456789012:assumed-role/R/s")
}

impl House {
    pub async fn new() -> Self {
        Self::with(Patience::Off).await
    }

    pub async fn with(patience: Patience) -> Self {
        let store = Arc::new(Memory::default());
        let telemetry = Arc::new(telemetry::memory::Memory::default());
        let executor = Arc::new(Fake::new());
        let vault = Vault::open(Arc::new(MemoryShelf::default()), Secret::from_bytes([1; 32]));
        let storage =
            Storage::new(Arc::new(MemoryIndex::default()), Arc::new(MemoryBlobs::default()));
        let objects = Arc::new(storage.with_keys(vault.await.unwrap(), false));
        let (routes, wake) = (Arc::new(Routes::default()), Wake::new());
        let holding = Arc::new(Holding::new(patience));
        let hands = Hands(executor.clone());
        let follow = Follower::new(executor.clone(), telemetry.clone(), telemetry.clone());
        let endpoints = Arc::new(EndpointMachine::new(
            store.clone(),
            objects.clone(),
            Arc::new(Echo),
            routes.clone(),
            telemetry.clone(),
        ));
        let training_machine = TrainingMachine {
            hands: hands.clone(),
            objects: objects.clone(),
            follow: follow.clone(),
            algorithms: Arc::new(Echo),
        };
        let transform_machine =
            TransformMachine { hands, objects: objects.clone(), follow: follow.clone() };
        let machines: Vec<Arc<dyn Drive>> = vec![
            Arc::new(Arc::new(training_machine)),
            Arc::new(Arc::new(transform_machine)),
            Arc::new(endpoints.clone()),
        ];
        let (stop, stopping) = watch::channel(false);
        let seen = platform::executor::Executor::changed(&*executor);
        tokio::spawn(
            Driver::new(store.clone(), machines, wake.clone()).run(seen, stopping.clone()),
        );
        tokio::spawn(follow.run(stopping));
        let training = Arc::new(TrainingService::new(
            store.clone(),
            objects.clone(),
            Arc::new(Echo),
            holding.clone(),
            wake.clone(),
        ));
        let inference = InferenceService::new(Needs {
            store: store.clone(),
            objects: objects.clone(),
            loader: Arc::new(Echo),
            logs: telemetry.clone(),
            machine: endpoints.clone(),
            holding,
            wake,
        });
        let search = SearchService::new(store.clone(), training.clone());
        let families: Vec<Arc<dyn Family>> = vec![
            Arc::new(api::training::Training(training)),
            Arc::new(api::inference::Inference(Arc::new(inference))),
            Arc::new(api::search::Search(Arc::new(search))),
            Arc::new(api::tags::Tags(Arc::new(TagService::new(store.clone())))),
            Arc::new(api::telemetry::Logs(Arc::new(LogService::new(telemetry)))),
        ];
        let open_jobs = Arc::new(OpenJobs::new(store.clone(), families.clone()));
        let house =
            Self { executor, objects, store, routes, endpoints, open_jobs, families, _stop: stop };
        house.endpoints.restore().await.unwrap();
        house.objects.create_bucket(&owner(), "data").await.unwrap();
        house.put("train/a.csv", "1,2\n").await;
        house
    }

    /// Endpoints as a server that starts now on the same data brings them back.
    pub async fn restart(&mut self) {
        self.routes = Arc::default();
        self.endpoints = Arc::new(EndpointMachine::new(
            self.store.clone(),
            self.objects.clone(),
            Arc::new(Echo),
            self.routes.clone(),
            Arc::new(telemetry::memory::Memory::default()),
        ));
        self.endpoints.restore().await.unwrap();
    }

    pub async fn put(&self, key: &str, text: &'static str) {
        self.objects.put(&owner(), Put::new("data", key, whole(text))).await.unwrap();
    }

    /// How large an object is, if there is one.
    pub async fn size(&self, key: &str) -> Option<u64> {
        let name = ObjectName::current("data", key);
        self.objects.describe(&owner(), name).await.ok().map(|info| info.size)
    }

    pub async fn call(&self, operation: &str, document: Value) -> Result<Value, (String, Fault)> {
        self.call_as("", operation, document).await
    }

    /// Calls an operation as a client with this user agent.
    pub async fn call_as(
        &self,
        agent: &str,
        operation: &str,
        document: Value,
    ) -> Result<Value, (String, Fault)> {
        let caller = Caller::verified(owner(), Id::random(), agent);
        let serves = |family: &&Arc<dyn Family>| family.operations().contains(&operation);
        let family = self.families.iter().find(serves).unwrap();
        let document: Document = serde_json::from_value(document).unwrap();
        match family.call(&caller, operation, Arc::new(document)).await {
            Ok(answer) => Ok(Value::Object(answer)),
            Err(fault) => Err((family.code(&fault).0.to_owned(), fault)),
        }
    }

    /// The code and the message of a call that must be refused.
    pub async fn refused(&self, operation: &str, document: Value) -> (String, String) {
        let (code, fault) = self.call(operation, document).await.unwrap_err();
        (code, fault.message)
    }

    /// Asks until the answer's member is as expected.
    pub async fn until(&self, operation: &str, name: Value, member: &str, expected: &str) -> Value {
        for _ in 0..400 {
            let answer = self.call(operation, name.clone()).await.unwrap();
            if answer[member] == expected {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{operation} {name} never said {member} {expected}");
    }

    /// The workload that was submitted last.
    pub async fn submitted(&self) -> Workload {
        for _ in 0..400 {
            if let Some(workload) = self.executor.submitted().pop() {
                return workload;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing was submitted");
    }

    pub fn runs(&self, id: Id) {
        self.executor.set(id, Seen::Running { since: Timestamp::now() });
    }

    pub fn ends(&self, id: Id, code: i32) {
        let exits = vec![Exit::Code(code)];
        self.executor.set(id, Seen::Ended { at: Timestamp::now(), exits });
    }

    pub fn invoke(&self, endpoint: &str) -> Option<String> {
        let Owner { account, region, .. } = owner();
        let key = RouteKey { account, region, endpoint: endpoint.into() };
        let route = self.routes.get(&key)?;
        let Route::Live(live) = &*route else { return None };
        let call = Invocation { content_type: None, accept: None, body: b"" };
        let reply = live.pick()?.scorer.invoke(call).ok()?;
        String::from_utf8(reply.body).ok()
    }
}

pub fn training_job(name: &str) -> Value {
    json!({
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": { "TrainingImage": IMAGE, "TrainingInputMode": "File" },
        "HyperParameters": { "num_round": "5" },
        "InputDataConfig": [{
            "ChannelName": "train",
            "ContentType": "csv",
            "DataSource": {
                "S3DataSource": { "S3DataType": "S3Prefix", "S3Uri": "s3://data/train" },
            },
        }],
        "OutputDataConfig": { "S3OutputPath": "s3://data/out/" },
        "ResourceConfig": { "InstanceType": "ml.m4.xlarge", "InstanceCount": 1 },
        "StoppingCondition": { "MaxRuntimeInSeconds": 60 },
        "Tags": [{ "Key": "team", "Value": "risk" }],
    })
}
