//! Why a transform failed, in AWS's words where it has some: the reason of the job, and what its log
//! says of each object.

use std::{fmt, io};

use platform::{
    scorer::LoadError,
    transform::{FailedObject, Settings, Split},
};

use crate::{
    cut::CutError,
    score::{Fault, Why},
    source,
};

/// Why a transform failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("ClientError: {0}")]
    Model(#[from] LoadError),
    #[error("InternalServerError: the {0} channel is missing")]
    Channel(&'static str),
    #[error("InternalServerError: {0}")]
    Io(#[from] io::Error),
}

/// Why an object could not be transformed.
#[derive(Debug)]
pub struct ObjectFailure {
    /// Its bucket and key.
    object: String,
    why: Reason,
}

#[derive(Debug)]
enum Reason {
    /// Records, counted from 1, and what is wrong with them.
    Records { first: u64, last: u64, why: Why },
    /// A record is longer than a request may be.
    Payload { record: Option<u64>, limit: u64 },
    /// No record can be read any more.
    Unreadable { record: u64, error: CutError },
    /// It is no gzip.
    Compression(io::Error),
    /// It could not be opened when the job began.
    Unopened(String),
}

impl ObjectFailure {
    /// A piece was refused, before which so many records have numbers.
    pub fn refused(object: String, numbered: u64, fault: Fault) -> Self {
        let Fault { first, last, why } = fault;
        let (first, last) = (numbered + first + 1, numbered + last + 1);
        Self { object, why: Reason::Records { first, last, why } }
    }

    /// It could not be cut further behind so many records; what is not its own fault is an error.
    pub fn cut(
        object: String,
        numbered: u64,
        settings: &Settings,
        error: CutError,
    ) -> io::Result<Self> {
        let record = numbered + 1;
        let why = match error {
            CutError::TooLong => Reason::Payload {
                record: (settings.split != Split::None).then_some(record),
                limit: settings.max_payload() as u64,
            },
            CutError::Read(error) if settings.gzip && source::is_no_gzip(&error) => {
                Reason::Compression(error)
            }
            CutError::Read(error) => return Err(error),
            CutError::Frame(_) => Reason::Unreadable { record, error },
            CutError::Unopened(why) => Reason::Unopened(why),
        };
        Ok(Self { object, why })
    }

    /// What the list says of object number `number`.
    pub fn told(self, number: usize) -> FailedObject {
        FailedObject { number, reason: self.why.to_string(), object: self.object }
    }

    /// What the log says, line by line, as AWS's does.
    pub fn log(&self) -> String {
        let text = match &self.why {
            Reason::Records { first, last, why: Why::Rejected(rejection) } => {
                let records = Records(*first, *last);
                format!("ClientError: {}\n\nMessage:\n{rejection}\n{records}", rejection.status)
            }
            _ => self.why.to_string(),
        };
        let line = |line| format!("[sagemaker logs]: {}: {line}\n", self.object);
        text.lines().map(line).collect()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records { first, last, why } => {
                write!(to, "{why} ({}).", Records(*first, *last))?;
                match why {
                    Why::Rejected(rejection) => write!(to, " {rejection}"),
                    Why::Frame(_) | Why::Unprocessed(_) => Ok(()),
                }
            }
            Self::Payload { record, limit } => {
                write!(to, "too much data for max payload size ({limit} bytes): ")?;
                match record {
                    Some(record) => write!(to, "record {record} is longer; raise MaxPayloadInMB."),
                    None => {
                        write!(to, "the object is longer; raise MaxPayloadInMB or set SplitType.")
                    }
                }
            }
            Self::Unopened(why) => write!(to, "{why}."),
            Self::Unreadable { record, error } => write!(to, "record {record} {error}."),
            Self::Compression(error) => {
                write!(to, "cannot be decompressed as CompressionType Gzip: {error}.")
            }
        }
    }
}

/// One record or several, counted from 1.
struct Records(u64, u64);

impl fmt::Display for Records {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, last) = self;
        if first == last {
            write!(to, "record {first}")
        } else {
            write!(to, "records {first} to {last}")
        }
    }
}
