//! S3 as its clients speak it: a request that the gateway verified goes through `s3s` (routing,
//! XML, types) to the [`Objects`] port.
//!
//! `s3s` runs without its own authentication, and would misread what we verified: so [`adapt`]
//! takes from the request whatever it may not see, and reads what `s3s` is too strict about
//! (conditions, ranges). `s3s` also knows only half of an error (code and message), so an
//! operation leaves its [`Refused`](errors::Refused) in the request's [`Ask`](ask::Ask), and the
//! answer is made of that; a body that is not what was promised leaves its own there first.

mod acl;
mod adapt;
mod answer;
mod ask;
mod attributes;
mod body;
mod browser;
mod buckets;
mod conditions;
mod convert;
mod copies;
mod digest;
mod encryption;
mod errors;
mod facts;
mod form;
mod listing;
mod objects;
mod operations;
mod removal;
mod rights;
mod served;
mod settings;
mod sub_resources;
mod tagging;
mod uploads;

use std::sync::Arc;

use crate::{S3, S3Request, body::Response, s3_request::OperationName};
use adapt::Adapted;
use answer::{About, Answered};
use async_trait::async_trait;
use browser::Page;
use platform::{access::Access, objects::Objects};
use s3s::{
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};

pub use body::BodyFault;

/// The longest XML document that is read, bytes: the list of 10,000 parts with their checksums
/// takes 2.5 MB, a DeleteObjects of AWS's at most 2 MB.
const XML_LIMIT: usize = 4 * 1024 * 1024;

/// The S3 protocol over an object store.
pub struct Front {
    service: S3Service,
    desk: Desk,
}

impl Front {
    /// Serves `objects` to whom `access` allows it.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>, access: Arc<dyn Access>) -> Self {
        let mut config = S3Config::default();
        config.xml_max_body_size = XML_LIMIT;
        let desk = Desk { objects, access };
        let mut builder = S3ServiceBuilder::new(desk.clone());
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Self { service: builder.build(), desk }
    }

    /// Answers a browser that asks before it calls.
    async fn preflight(&self, request: S3Request, about: &About) -> Response {
        let answer = match Page::asking(&request) {
            Ok(page) => page.preflight(&*self.desk.objects).await,
            Err(refused) => Err(refused),
        };
        let unread = Some(request.body);
        let answered = match answer {
            Ok(headers) => answer::of_headers(headers, unread),
            Err(refused) => answer::refused(&refused, unread, about),
        };
        let mut response = answered.settle(about).await;
        response.extensions_mut().insert(OperationName("Preflight"));
        response
    }

    /// Carries out what `s3s` knows.
    async fn operation(&self, request: S3Request, about: &About) -> Answered {
        match adapt::adapt(request) {
            Ok(Adapted { request, ask }) => {
                let answered = self.service.call(request).await;
                answer::answered(answered, &ask, about)
            }
            Err(refused) => {
                let (refused, body) = *refused;
                answer::refused(&refused, Some(body), about)
            }
        }
    }
}

#[async_trait]
impl S3 for Front {
    async fn call(&self, request: S3Request) -> Response {
        let about = About::of(&request);
        if browser::is_question(&request.parts.method) {
            return self.preflight(request, &about).await;
        }
        let page = Page::calling(&request);
        let answered = if form::is_form(&request) {
            form::answer(&self.desk, request, &about).await
        } else {
            self.operation(request, &about).await
        };
        let mut response = answered.settle(&about).await;
        if let Some(page) = page {
            page.tell(&*self.desk.objects, response.headers_mut()).await;
        }
        response
    }
}

/// Where operations are carried out; their methods stand in the modules by kind.
#[derive(Clone)]
struct Desk {
    objects: Arc<dyn Objects>,
    access: Arc<dyn Access>,
}
