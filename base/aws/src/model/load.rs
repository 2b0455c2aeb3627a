//! From the trimmed model's JSON to [`Shapes`] and [`Operation`]s.
//!
//! The text lives as long as the program, so names are borrowed from it.

mod file;

use std::{borrow::Cow, collections::HashMap, io::Read, sync::Arc};

use flate2::read::GzDecoder;
use thiserror::Error;

pub use file::Metadata;
use file::{Entries, File, RawMember, RawOperation, RawShape};

use super::{
    operation::Operation,
    pattern::Pattern,
    shape::{Bounds, Kind, Location, Member, Shape, ShapeId, Shapes, Size},
};

/// A model that does not hold together. We made it ourselves, so only a test meets one.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Not what the build compressed.
    #[error("the model cannot be inflated")]
    Packed(#[from] std::io::Error),
    /// Not JSON of the form that codegen writes.
    #[error("the model cannot be read")]
    Json(#[from] serde_json::Error),
    /// A name that nothing has.
    #[error("the model names a shape '{0}' that it does not hold")]
    NoShape(&'static str),
    /// A kind of shape, or a place for a member, that we do not know.
    #[error("the model has a '{0}', which is none of those we know")]
    Unknown(&'static str),
    /// A list or map that does not say of what.
    #[error("the shape '{0}' does not say what it holds")]
    Hollow(&'static str),
}

/// A model as loaded.
pub struct Loaded {
    /// Bindings of the whole service.
    pub metadata: Metadata<'static>,
    /// By name.
    pub operations: HashMap<&'static str, Operation>,
}

/// Inflates and reads a model.
pub fn load(packed: &[u8]) -> Result<Loaded, LoadError> {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text)?;
    let file: File<'static> = serde_json::from_str(String::leak(text))?;
    let places = Places::of(&file.shapes);
    let shapes = file.shapes.0.into_iter().map(|(name, raw)| places.shape(name, raw));
    let shapes = Arc::new(Shapes(shapes.collect::<Result<_, _>>()?));
    let operations = file
        .operations
        .0
        .into_iter()
        .map(|(name, raw)| Ok((name, places.operation(name, raw, &shapes)?)));
    Ok(Loaded {
        metadata: file.metadata,
        operations: operations.collect::<Result<_, LoadError>>()?,
    })
}

/// Which shape stands where.
struct Places(HashMap<&'static str, ShapeId>);

impl Places {
    fn of(shapes: &Entries<'static, RawShape<'static>>) -> Self {
        let names = shapes.0.iter().map(|(name, _)| *name);
        Self(names.enumerate().map(|(place, name)| (name, ShapeId(place))).collect())
    }

    fn find(&self, name: &'static str) -> Result<ShapeId, LoadError> {
        self.0.get(name).copied().ok_or(LoadError::NoShape(name))
    }

    fn operation(
        &self,
        name: &'static str,
        raw: RawOperation<'static>,
        shapes: &Arc<Shapes>,
    ) -> Result<Operation, LoadError> {
        Ok(Operation {
            name,
            input: raw.input.map(|name| self.find(name)).transpose()?,
            output: raw.output.map(|name| self.find(name)).transpose()?,
            errors: raw.errors,
            http: raw.http.unwrap_or_default(),
            page: raw.page.map(Into::into),
            shapes: Arc::clone(shapes),
        })
    }

    fn shape(&self, name: &'static str, raw: RawShape<'static>) -> Result<Shape, LoadError> {
        let bounds = Bounds { min: raw.min, max: raw.max };
        let part = |part: Option<RawMember<'static>>| {
            self.find(part.ok_or(LoadError::Hollow(name))?.shape())
        };
        let kind = match raw.kind {
            "structure" => Kind::Structure(self.members(raw.members, &raw.required)?),
            "list" => Kind::List { element: part(raw.member)?, length: bounds },
            "map" => Kind::Map { key: part(raw.key)?, value: part(raw.value)?, length: bounds },
            "string" => Kind::Text {
                length: bounds,
                pattern: raw.pattern.map(|text| Pattern::new(Cow::Owned(text))),
                words: raw.words,
            },
            "integer" => Kind::Whole { size: Size::Integer, value: bounds },
            "long" => Kind::Whole { size: Size::Long, value: bounds },
            "float" | "double" => Kind::Real { value: bounds },
            "boolean" => Kind::Boolean,
            "timestamp" => Kind::Timestamp,
            "blob" => Kind::Blob,
            unknown => return Err(LoadError::Unknown(unknown)),
        };
        Ok(Shape { sensitive: raw.sensitive, kind })
    }

    fn members(
        &self,
        members: Entries<'static, RawMember<'static>>,
        required: &[&'static str],
    ) -> Result<Vec<Member>, LoadError> {
        let made = members.0.into_iter().map(|(name, raw)| {
            Ok(Member {
                name,
                shape: self.find(raw.shape())?,
                required: required.contains(&name),
                location: location(name, &raw)?,
            })
        });
        made.collect()
    }
}

fn location(name: &'static str, raw: &RawMember<'static>) -> Result<Location, LoadError> {
    let RawMember::Placed { location, location_name, .. } = raw else {
        return Ok(Location::Body);
    };
    let under = location_name.unwrap_or(name);
    match *location {
        "uri" => Ok(Location::Path(under)),
        "querystring" => Ok(Location::Query(under)),
        "header" => Ok(Location::Header(under)),
        unknown => Err(LoadError::Unknown(unknown)),
    }
}
