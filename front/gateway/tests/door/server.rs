//! A gateway whose every port is a fake.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, atomic::AtomicBool, mpsc},
    time::Duration,
};

use api::{Family, Fault, What};
use async_trait::async_trait;
use aws::model::Service;
use gateway::{
    Config, Door, Lanes, Limits, Response, S3, S3Request, Wiring,
    authority::Authority,
    body::{collect, full},
};
use platform::{
    access::{Access, Denied, Identity, Unidentified},
    routes::{Counts, Entry, Live, Route, RouteKey, RouteVariant, Routes},
    scorer::{Estimate, Invocation, Rejection, Reply, Scorer},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use types::{Caller, Document, Id, Owner};

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "us-west-2";
pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const TOKEN: &str = "tunnel-token";

pub struct Keys;

impl Access for Keys {
    fn identify(&self, key: &str, token: Option<&str>) -> Result<Identity, Unidentified> {
        match (key, token) {
            (KEY, None) => Ok(Identity {
                secret: SECRET.into(),
                account: ACCOUNT.into(),
                principal: format!("arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me").into(),
            }),
            (KEY, Some(_)) => Err(Unidentified::BadToken),
            _ => Err(Unidentified::UnknownKey),
        }
    }

    fn allow(&self, caller: &Caller, action: &str, on: &str, _: &Owner) -> Result<(), Denied> {
        let denied = action == "sagemaker:StopTrainingJob";
        let principal = caller.owner().principal.to_string();
        let denial = Denied { principal, action: action.to_owned(), resource: on.to_owned() };
        if denied { Err(denial) } else { Ok(()) }
    }
}

/// Path, who signed, bucket of the host, length of the body.
pub type S3Call = (String, Option<String>, Option<String>, usize);

/// What the fake handlers tell the tests.
#[derive(Default)]
pub struct Stage {
    /// A slow handler has begun.
    pub begun: Notify,
    /// Lets slow handlers go on.
    pub go_on: Notify,
    /// A handler that writes came to its end.
    pub written: Notify,
    /// A handler that reads was dropped before its end.
    pub dropped: Notify,
    /// What S3 was called with.
    pub s3: Mutex<Vec<S3Call>>,
}

pub struct Handlers(Arc<Stage>);

struct TellsItsDrop(Option<Arc<Stage>>);

impl Drop for TellsItsDrop {
    fn drop(&mut self) {
        if let Some(stage) = self.0.take() {
            stage.dropped.notify_one();
        }
    }
}

fn document(value: &serde_json::Value) -> Document {
    value.as_object().cloned().unwrap()
}

#[async_trait]
impl Family for Handlers {
    fn operations(&self) -> &'static [&'static str] {
        &["DescribeModel", "DeleteModel", "StopTrainingJob", "GetCallerIdentity"]
    }

    async fn call(
        &self,
        caller: &Caller,
        operation: &str,
        input: Arc<Document>,
    ) -> Result<Document, Fault> {
        let name = input.get("ModelName").and_then(|name| name.as_str()).unwrap_or_default();
        match (operation, name) {
            (_, "missing") => Err(Fault::new(What::Missing, "model", "Could not find model.")),
            (_, "panic") => panic!("as the test wishes"),
            ("DescribeModel", "slow") => {
                let mut tells = TellsItsDrop(Some(self.0.clone()));
                self.0.begun.notify_one();
                self.0.go_on.notified().await;
                tells.0 = None;
                Ok(document(&json!({ "ModelName": name })))
            }
            ("DeleteModel", "slow") => {
                self.0.begun.notify_one();
                self.0.go_on.notified().await;
                self.0.written.notify_one();
                Ok(Document::new())
            }
            ("GetCallerIdentity", _) => Ok(document(&json!({
                "Account": &*caller.owner().account,
                "Arn": &*caller.owner().principal,
                "UserId": "AROA:me",
            }))),
            _ => Ok(document(&json!({
                "ModelName": name,
                "ModelArn": caller.owner().arn("sagemaker", &format!("model/{name}")),
                "Inner": "never shown",
            }))),
        }
    }

    fn code(&self, fault: &Fault) -> (&'static str, u16) {
        api::sagemaker::code(fault)
    }
}

struct Bucket(Arc<Stage>);

#[async_trait]
impl S3 for Bucket {
    async fn call(&self, request: S3Request) -> Response {
        let who = request.caller.map(|caller| caller.owner().principal.to_string());
        let body = collect(request.body, 1 << 20, |_| true).await.unwrap();
        let path = request.parts.uri.path().to_owned();
        self.0.s3.lock().unwrap().push((path, who, request.bucket, body.len()));
        Response::new(full("from s3"))
    }
}

struct Echo;

impl Scorer for Echo {
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
        match call.content_type {
            Some("text/csv") => Ok(Reply {
                status: 200,
                content_type: "text/csv; charset=utf-8".into(),
                body: call.body.len().to_string().into_bytes(),
            }),
            Some("panic") => panic!("as the test wishes"),
            other => {
                let message = format!("Content-type {} not supported", other.unwrap_or(""));
                Err(Rejection { status: 415, message })
            }
        }
    }
}

/// A model that takes as long as the test wishes, and says how much it takes.
pub struct Weighty {
    pub estimate: Estimate,
    pub begun: Arc<Notify>,
    pub go_on: Mutex<mpsc::Receiver<()>>,
}

impl Scorer for Weighty {
    fn invoke(&self, _: Invocation<'_>) -> Result<Reply, Rejection> {
        self.begun.notify_one();
        let told = self.go_on.lock().unwrap().recv_timeout(Duration::from_secs(5));
        let body = if told.is_ok() { b"told".to_vec() } else { b"left alone".to_vec() };
        Ok(Reply { status: 200, content_type: "text/csv".into(), body })
    }

    fn estimate(&self, _: &[u8]) -> Estimate {
        self.estimate
    }
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub stage: Arc<Stage>,
    pub routes: Arc<Routes>,
    pub ready: Arc<AtomicBool>,
    pub authority: Arc<Authority>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config {
            region: REGION.into(),
            address,
            names: Vec::new(),
            air_gapped: false,
            sigv2: true,
            tunnel_token: Some(TOKEN.to_owned()),
            limits: Limits { grace: Duration::from_secs(5), ..Limits::default() },
        };
        change(&mut config);
        let folder = TempDir::new().unwrap();
        let stage = Arc::<Stage>::default();
        let routes = Arc::<Routes>::default();
        let ready = Arc::<AtomicBool>::default();
        let authority = Arc::new(Authority::new(folder.path().join("ca"), Vec::new()));
        let handlers: Arc<dyn Family> = Arc::new(Handlers(stage.clone()));
        let wiring = Wiring {
            access: Arc::new(Keys),
            families: vec![(Service::SageMaker, handlers.clone()), (Service::Sts, handlers)],
            routes: routes.clone(),
            s3: Arc::new(Bucket(stage.clone())),
            authority: authority.clone(),
            ready: ready.clone(),
            damaged_blobs: Arc::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(gateway::serve(
            listener,
            Door::new(config, wiring),
            Lanes::here(),
            shutdown,
        ));
        let stop = Some(stop);
        Self { address, stage, routes, ready, authority, stop, task, _folder: folder }
    }

    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub async fn ended(self) {
        self.task.await.unwrap();
    }

    /// Puts an endpoint in service.
    pub fn route(&self, endpoint: &str, variants: &[&str]) {
        let variant = |name: &&str| variant(name, Arc::new(Echo));
        self.live(endpoint, variants.iter().map(variant).collect());
    }

    /// Puts an endpoint of another model in service.
    pub fn serve(&self, endpoint: &str, scorer: impl Scorer + 'static) {
        self.live(endpoint, vec![variant("AllTraffic", Arc::new(scorer))]);
    }

    fn live(&self, endpoint: &str, variants: Vec<RouteVariant>) {
        let arn = format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{endpoint}");
        self.set(endpoint, Route::Live(Live::new(arn, variants)));
    }

    pub fn set(&self, endpoint: &str, route: Route) {
        let (account, region) = (ACCOUNT.into(), REGION.into());
        let key = RouteKey { account, region, endpoint: endpoint.into() };
        let entry = Entry { id: Id::random(), route: Arc::new(route) };
        assert!(self.routes.publish(&key, self.routes.holder(&key), &entry));
    }

    /// The meter of an endpoint's first variant.
    pub fn calls(&self, endpoint: &str) -> (u64, u64, u64) {
        let counts = self.counts(endpoint);
        (counts.invocations, counts.client_errors, counts.server_errors)
    }

    pub fn counts(&self, endpoint: &str) -> Counts {
        let (account, region) = (ACCOUNT.into(), REGION.into());
        let key = RouteKey { account, region, endpoint: endpoint.into() };
        let route = self.routes.get(&key).unwrap();
        let Route::Live(live) = &*route else { panic!("the endpoint is live") };
        live.variants[0].meter.read()
    }
}

fn variant(name: &str, scorer: Arc<dyn Scorer>) -> RouteVariant {
    RouteVariant { name: name.into(), weight: 1.0, instances: 1, scorer, meter: Arc::default() }
}
