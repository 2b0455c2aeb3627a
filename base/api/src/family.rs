//! How the gateway reaches a trait's methods by the names of operations.

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use types::{Caller, Document};

use crate::{Fault, What};

/// A request that the service model has accepted: the document as sent, and a view of what the
/// handler acts on.
#[derive(Clone, Debug)]
pub struct Input<T> {
    /// Everything, to be kept and echoed.
    pub document: Arc<Document>,
    /// What the handler reads.
    pub view: T,
}

/// Some operations of one AWS service.
#[async_trait]
pub trait Family: Send + Sync {
    /// Their names.
    fn operations(&self) -> &'static [&'static str];

    /// Carries one of them out. The document has been validated against the service model.
    async fn call(
        &self,
        caller: &Caller,
        operation: &str,
        document: Arc<Document>,
    ) -> Result<Document, Fault>;

    /// AWS's code and HTTP status for a fault of this family.
    fn code(&self, fault: &Fault) -> (&'static str, u16);
}

/// Reads the view of a document.
pub fn bind<T: DeserializeOwned>(document: Arc<Document>) -> Result<Input<T>, Fault> {
    let view = T::deserialize(&*document)
        .map_err(|error| Fault::new(What::Invalid, "", format_args!("Invalid request: {error}")))?;
    Ok(Input { document, view })
}

/// Declares an API trait, and how its operations are reached by name.
///
/// ```text
/// family! {
///     /// Training jobs.
///     pub trait TrainingApi as Training with code {
///         /// Accepts the job and returns.
///         "CreateTrainingJob" => create_training_job(TrainingJobSpec);
///     }
/// }
/// ```
/// makes `trait TrainingApi` with the method, and `struct Training(pub Arc<dyn TrainingApi>)`,
/// which is a [`Family`].
macro_rules! family {
    (
        $(#[$about:meta])*
        pub trait $api:ident as $family:ident with $code:path {
            $($(#[$doc:meta])* $operation:literal => $method:ident($view:ty);)+
        }
    ) => {
        $(#[$about])*
        #[async_trait::async_trait]
        pub trait $api: Send + Sync {
            $($(#[$doc])*
            async fn $method(
                &self,
                caller: &types::Caller,
                input: $crate::Input<$view>,
            ) -> Result<types::Document, $crate::Fault>;)+
        }

        /// The operations of the trait, by name.
        pub struct $family(pub std::sync::Arc<dyn $api>);

        #[async_trait::async_trait]
        impl $crate::Family for $family {
            fn operations(&self) -> &'static [&'static str] {
                &[$($operation),+]
            }

            async fn call(
                &self,
                caller: &types::Caller,
                operation: &str,
                document: std::sync::Arc<types::Document>,
            ) -> Result<types::Document, $crate::Fault> {
                match operation {
                    $($operation => self.0.$method(caller, $crate::bind(document)?).await,)+
                    other => Err($crate::Fault::new(
                        $crate::What::Unsupported,
                        "",
                        format_args!("{other} is not supported here."),
                    )),
                }
            }

            fn code(&self, fault: &$crate::Fault) -> (&'static str, u16) {
                $code(fault)
            }
        }
    };
}

pub(crate) use family;
