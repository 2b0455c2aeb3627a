//! What travels with a request beside its `s3s` input: who asks, what was read from the head, and
//! what came of it.

use std::sync::{Mutex, OnceLock, PoisonError};

use http::{HeaderName, HeaderValue};
use platform::objects::{ByteRange, Checksums, Conditions, Encryption};
use types::Caller;

use super::{encryption::Asked, errors::Refused, facts::Facts};
use crate::body::RequestBody;

/// A verified request, as operations see it. Stands in the extensions, shared with the body.
pub(super) struct Ask {
    /// Who signed; nobody where the request is unsigned.
    pub(super) caller: Option<Caller>,
    /// What policies may ask about the request.
    pub(super) facts: Facts,
    /// Something in the head that is not done. Told only to those who may.
    pub(super) undone: Option<Refused>,
    /// `If-…`.
    pub(super) conditions: Conditions,
    /// `x-amz-copy-source-if-…`.
    pub(super) source_conditions: Conditions,
    /// `Range`, where it is one that S3 heeds.
    pub(super) range: Option<ByteRange>,
    /// The checksum of an upload. One without a value comes in the trailer, or is only asked for.
    pub(super) checksums: Checksums,
    /// `Content-MD5` of an upload, base64 text.
    pub(super) content_md5: Option<String>,
    /// The SHA-256 that was signed, of an upload: the store compares it.
    pub(super) content_sha256: Option<String>,
    encryption: Result<Asked, Refused>,
    outcome: Outcome,
}

#[derive(Default)]
struct Outcome {
    operation: OnceLock<&'static str>,
    refused: Mutex<Option<Refused>>,
    unread: Mutex<Option<RequestBody>>,
    headers: Mutex<Vec<(HeaderName, HeaderValue)>>,
}

impl Ask {
    /// A request without conditions, range and checksum.
    pub(super) fn of(
        caller: Option<Caller>,
        facts: Facts,
        encryption: Result<Asked, Refused>,
    ) -> Self {
        Self {
            caller,
            facts,
            undone: None,
            conditions: Conditions::default(),
            source_conditions: Conditions::default(),
            range: None,
            checksums: Checksums::default(),
            content_md5: None,
            content_sha256: None,
            encryption,
            outcome: Outcome::default(),
        }
    }

    /// Says which operation it is, for the log.
    pub(super) fn name(&self, operation: &'static str) {
        self.outcome.operation.get_or_init(|| operation);
    }

    /// Which operation it was, if it came to one.
    pub(super) fn operation(&self) -> Option<&'static str> {
        self.outcome.operation.get().copied()
    }

    /// Decides the answer. The first refusal stands: what the body was found to be explains the
    /// operation's failure, never the other way round.
    pub(super) fn refuse(&self, refused: Refused) {
        lock(&self.outcome.refused).get_or_insert(refused);
    }

    /// The refusal, if there was one.
    pub(super) fn take_refused(&self) -> Option<Refused> {
        lock(&self.outcome.refused).take()
    }

    /// A header of the answer that the operation's output has no member for. One whose value cannot
    /// stand in a header is left out.
    pub(super) fn tell(&self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::try_from(value) {
            lock(&self.outcome.headers).push((HeaderName::from_static(name), value));
        }
    }

    /// What is said of encryption. Asked for once the request is allowed, for a policy may refuse
    /// what makes no sense either.
    pub(super) fn encryption(&self) -> Result<&Asked, Refused> {
        self.encryption.as_ref().map_err(Clone::clone)
    }

    /// Tells how the object is encrypted that was written.
    pub(super) fn wrote(&self, encryption: Option<&Encryption>) {
        self.tell_encryption(encryption, true);
    }

    /// Tells how the object is encrypted that is read.
    pub(super) fn reads(&self, encryption: Option<&Encryption>) {
        self.tell_encryption(encryption, false);
    }

    fn tell_encryption(&self, encryption: Option<&Encryption>, written: bool) {
        let (Some(encryption), Ok(asked)) = (encryption, &self.encryption) else { return };
        for (name, value) in asked.told(encryption, written) {
            self.tell(name, &value);
        }
    }

    /// The headers that the operation told.
    pub(super) fn take_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        std::mem::take(&mut *lock(&self.outcome.headers))
    }

    /// Keeps what nobody read of the body.
    pub(super) fn give_back(&self, unread: RequestBody) {
        *lock(&self.outcome.unread) = Some(unread);
    }

    /// What nobody read of the body.
    pub(super) fn take_unread(&self) -> Option<RequestBody> {
        lock(&self.outcome.unread).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
