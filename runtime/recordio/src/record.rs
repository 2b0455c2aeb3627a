//! A `Record` of `aialgs.data`, as far as algorithms look at it: the tensors `values` of its
//! features and of its label.

use std::collections::BTreeMap;

use prost::Message as _;

use crate::RecordError;

/// The name under which SageMaker's libraries put both tensors.
const VALUES: &str = "values";

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What is learned from.
    pub features: Option<Tensor>,
    /// What is to be learned.
    pub label: Option<Tensor>,
}

/// A vector of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// All of a dense vector; of a sparse one those that are there.
    pub numbers: Numbers,
    /// Where the numbers of a sparse vector stand, as many as they are; none for a dense one.
    pub keys: Vec<u64>,
    /// How long a sparse vector is; a dense one may say it too.
    pub shape: Vec<u64>,
}

/// Numbers of one of three types.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// `float32_tensor`
    Float32(Vec<f32>),
    /// `float64_tensor`
    Float64(Vec<f64>),
    /// `int32_tensor`
    Int32(Vec<i32>),
}

impl Numbers {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Float32(values) => values.len(),
            Self::Float64(values) => values.len(),
            Self::Int32(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends them, rounded to 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "rounding is what is promised")]
    #[expect(clippy::cast_precision_loss, reason = "rounding is what is promised")]
    pub fn push_to(&self, to: &mut Vec<f32>) {
        match self {
            Self::Float32(values) => to.extend_from_slice(values),
            Self::Float64(values) => to.extend(values.iter().map(|value| *value as f32)),
            Self::Int32(values) => to.extend(values.iter().map(|value| *value as f32)),
        }
    }
}

impl Tensor {
    /// A vector whose numbers are all there.
    #[must_use]
    pub fn dense(numbers: Numbers) -> Self {
        Self { numbers, keys: Vec::new(), shape: Vec::new() }
    }

    /// Whether numbers may be absent. A shape alone makes no vector sparse, unless it has no numbers:
    /// then it is a row of nothing.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        !self.keys.is_empty() || (self.numbers.is_empty() && !self.shape.is_empty())
    }
}

impl Record {
    pub(crate) fn decode(bytes: &[u8], number: u64) -> Result<Self, RecordError> {
        let message = wire::Record::decode(bytes)
            .map_err(|source| RecordError::NoRecord { number, source })?;
        let tensor = |mut named: BTreeMap<String, wire::Value>| {
            named.remove(VALUES).map(Tensor::of).transpose()
        };
        let contradiction = |what| RecordError::Contradiction { number, what };
        Ok(Self {
            features: tensor(message.features).map_err(contradiction)?.flatten(),
            label: tensor(message.label).map_err(contradiction)?.flatten(),
        })
    }

    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let named = |tensor: &Option<Tensor>| {
            tensor.iter().map(|tensor| (VALUES.to_owned(), tensor.clone().into())).collect()
        };
        let message = wire::Record { features: named(&self.features), label: named(&self.label) };
        // Appends to the end of a vector, which always has room.
        message.encode_raw(to);
    }
}

impl Tensor {
    fn of(value: wire::Value) -> Result<Option<Self>, &'static str> {
        let (numbers, keys, shape) = match value.value {
            None => return Ok(None),
            Some(wire::Kind::Float32(it)) => (Numbers::Float32(it.values), it.keys, it.shape),
            Some(wire::Kind::Float64(it)) => (Numbers::Float64(it.values), it.keys, it.shape),
            Some(wire::Kind::Int32(it)) => (Numbers::Int32(it.values), it.keys, it.shape),
        };
        if !keys.is_empty() && keys.len() != numbers.len() {
            return Err("a sparse tensor has as many keys as values");
        }
        let length = shape.first().copied().unwrap_or(u64::MAX);
        if keys.iter().any(|key| *key >= length) {
            return Err("a key of a sparse tensor is not below its shape");
        }
        Ok(Some(Self { numbers, keys, shape }))
    }
}

impl From<Tensor> for wire::Value {
    fn from(Tensor { numbers, keys, shape }: Tensor) -> Self {
        let value = match numbers {
            Numbers::Float32(values) => wire::Kind::Float32(wire::Float32 { values, keys, shape }),
            Numbers::Float64(values) => wire::Kind::Float64(wire::Float64 { values, keys, shape }),
            Numbers::Int32(values) => wire::Kind::Int32(wire::Int32 { values, keys, shape }),
        };
        Self { value: Some(value) }
    }
}

/// Appends the message of a record without features, whose labels are dense.
pub(crate) fn encode_labels<'a>(
    labels: impl IntoIterator<Item = (&'a str, Vec<f32>)>,
    to: &mut Vec<u8>,
) {
    let labels = labels.into_iter().map(|(name, values)| {
        let tensor = Tensor::dense(Numbers::Float32(values));
        (name.to_owned(), tensor.into())
    });
    let message = wire::Record { features: BTreeMap::new(), label: labels.collect() };
    // Appends to the end of a vector, which always has room.
    message.encode_raw(to);
}

/// The messages, by the numbers of their fields. What is not named here is passed over.
mod wire {
    use std::collections::BTreeMap;

    use prost::{Message, Oneof};

    #[derive(Clone, PartialEq, Message)]
    pub struct Record {
        #[prost(btree_map = "string, message", tag = "1")]
        pub features: BTreeMap<String, Value>,
        #[prost(btree_map = "string, message", tag = "2")]
        pub label: BTreeMap<String, Value>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Value {
        #[prost(oneof = "Kind", tags = "2, 3, 7")]
        pub value: Option<Kind>,
    }

    #[derive(Clone, PartialEq, Oneof)]
    pub enum Kind {
        #[prost(message, tag = "2")]
        Float32(Float32),
        #[prost(message, tag = "3")]
        Float64(Float64),
        #[prost(message, tag = "7")]
        Int32(Int32),
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Float32 {
        #[prost(float, repeated, tag = "1")]
        pub values: Vec<f32>,
        #[prost(uint64, repeated, tag = "2")]
        pub keys: Vec<u64>,
        #[prost(uint64, repeated, tag = "3")]
        pub shape: Vec<u64>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Float64 {
        #[prost(double, repeated, tag = "1")]
        pub values: Vec<f64>,
        #[prost(uint64, repeated, tag = "2")]
        pub keys: Vec<u64>,
        #[prost(uint64, repeated, tag = "3")]
        pub shape: Vec<u64>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Int32 {
        #[prost(int32, repeated, tag = "1")]
        pub values: Vec<i32>,
        #[prost(uint64, repeated, tag = "2")]
        pub keys: Vec<u64>,
        #[prost(uint64, repeated, tag = "3")]
        pub shape: Vec<u64>,
    }
}
