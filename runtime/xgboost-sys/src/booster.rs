//! A model in training.

use std::{ffi::CStr, ffi::c_int, ptr, slice};

use crate::{DMatrix, DenseRows, Error, Library, functions::Handle, library::c_text};

/// What a model is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFormat {
    /// Text.
    Json,
    /// Binary JSON, the library's own choice since 2.1.
    Ubj,
}

impl ModelFormat {
    fn config(self) -> &'static CStr {
        match self {
            Self::Json => cr#"{"format":"json"}"#,
            Self::Ubj => cr#"{"format":"ubj"}"#,
        }
    }
}

/// Margins of all trees, in the shape that the objective has.
const MARGIN: &CStr =
    cr#"{"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false}"#;

/// Predictions of all trees, in the shape that the objective has.
const VALUE: &CStr =
    cr#"{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false}"#;

/// Predictions of all trees from rows in memory.
const IN_PLACE: &CStr = cr#"{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN,"cache_id":0}"#;

/// A model. Not shared between threads; the library runs its own.
#[derive(Debug)]
pub struct Booster {
    library: Library,
    handle: Handle,
}

impl Booster {
    /// An empty model. Predictions on the `cached` matrices are kept from round to round.
    pub fn new(library: &Library, cached: &[&DMatrix]) -> Result<Self, Error> {
        let handles: Vec<Handle> = cached.iter().map(|matrix| matrix.handle()).collect();
        let mut handle = ptr::null_mut();
        // SAFETY: `handles` are live matrices of this library, read before the call returns.
        let status = unsafe {
            (library.functions().booster_create)(
                handles.as_ptr(),
                handles.len() as u64,
                &raw mut handle,
            )
        };
        library.check(status)?;
        Ok(Self { library: library.clone(), handle })
    }

    /// Sets a parameter; `eval_metric` adds to what was set before.
    pub fn set_parameter(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = (c_text(name)?, c_text(value)?);
        // SAFETY: the handle is live, both texts are copied.
        let status = unsafe {
            (self.library.functions().booster_set_parameter)(
                self.handle,
                name.as_ptr(),
                value.as_ptr(),
            )
        };
        self.library.check(status)
    }

    /// Writes a note into the model.
    pub fn set_attribute(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = (c_text(name)?, c_text(value)?);
        // SAFETY: the handle is live, both texts are copied.
        let status = unsafe {
            (self.library.functions().booster_set_attribute)(
                self.handle,
                name.as_ptr(),
                value.as_ptr(),
            )
        };
        self.library.check(status)
    }

    /// A note in the model, if there is one of that name.
    pub fn attribute(&self, name: &str) -> Result<Option<String>, Error> {
        let name = c_text(name)?;
        let (mut text, mut found) = (ptr::null(), 0);
        // SAFETY: the handle is live, `name` outlives the call, both results are written on success.
        let status = unsafe {
            (self.library.functions().booster_attribute)(
                self.handle,
                name.as_ptr(),
                &raw mut text,
                &raw mut found,
            )
        };
        self.library.check(status)?;
        if found == 0 {
            return Ok(None);
        }
        // SAFETY: where one was found, `text` is a NUL-terminated text that lives until the next
        // call on this thread; it is copied here.
        Ok(Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()))
    }

    /// One round of boosting.
    pub fn update(&mut self, round: i32, train: &DMatrix) -> Result<(), Error> {
        // SAFETY: both handles are live.
        let status = unsafe {
            (self.library.functions().booster_update)(self.handle, round, train.handle())
        };
        self.library.check(status)
    }

    /// The metrics of this round, as `[3]\ttrain-rmse:1.2345678901234567\t…`.
    pub fn evaluate(&mut self, round: i32, watched: &[(&str, &DMatrix)]) -> Result<String, Error> {
        let handles: Vec<Handle> = watched.iter().map(|(_, matrix)| matrix.handle()).collect();
        let names =
            watched.iter().map(|(name, _)| c_text(name)).collect::<Result<Vec<_>, Error>>()?;
        let texts: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let mut line = ptr::null();
        // SAFETY: both arrays have `handles.len()` live entries.
        let status = unsafe {
            (self.library.functions().booster_evaluate)(
                self.handle,
                round,
                handles.as_ptr(),
                texts.as_ptr(),
                handles.len() as u64,
                &raw mut line,
            )
        };
        self.library.check(status)?;
        // SAFETY: on success `line` is a NUL-terminated text that lives until the next call on
        // this thread; it is copied here.
        Ok(unsafe { CStr::from_ptr(line) }.to_string_lossy().into_owned())
    }

    /// The margins of every row, one number for each of the objective's outputs.
    pub fn predict_margin(&mut self, matrix: &DMatrix) -> Result<Vec<f32>, Error> {
        self.predict_as(matrix, MARGIN)
    }

    /// The prediction of every row: what the objective makes of its margins.
    pub fn predict(&mut self, matrix: &DMatrix) -> Result<Vec<f32>, Error> {
        self.predict_as(matrix, VALUE)
    }

    fn predict_as(&mut self, matrix: &DMatrix, config: &CStr) -> Result<Vec<f32>, Error> {
        let (mut shape, mut dimensions, mut values) = (ptr::null(), 0, ptr::null());
        // SAFETY: both handles are live, the three results are written on success.
        let status = unsafe {
            (self.library.functions().booster_predict)(
                self.handle,
                matrix.handle(),
                config.as_ptr(),
                &raw mut shape,
                &raw mut dimensions,
                &raw mut values,
            )
        };
        self.library.check(status)?;
        // SAFETY: the library owns `dimensions` numbers at `shape` until the next prediction.
        let shape = unsafe { borrowed(shape, dimensions) };
        let count = shape.iter().product();
        // SAFETY: the product of the shape is how many values there are, valid as long; copied.
        Ok(unsafe { borrowed(values, count) }.to_vec())
    }

    /// Predictions of rows where they lie in memory; valid until the next prediction.
    pub fn predict_dense(&mut self, rows: &DenseRows<'_>) -> Result<&[f32], Error> {
        let (mut shape, mut dimensions, mut values) = (ptr::null(), 0, ptr::null());
        // SAFETY: the handle is live, `rows` names a live slice by its true shape, no matrix of
        // meta data is given, the three results are written on success.
        let status = unsafe {
            (self.library.functions().booster_predict_dense)(
                self.handle,
                rows.interface().as_ptr(),
                IN_PLACE.as_ptr(),
                ptr::null_mut(),
                &raw mut shape,
                &raw mut dimensions,
                &raw mut values,
            )
        };
        self.library.check(status)?;
        // SAFETY: the library owns `dimensions` numbers at `shape` until the next prediction.
        let count = unsafe { borrowed(shape, dimensions) }.iter().product();
        // SAFETY: the product of the shape is how many values there are; `self` stays borrowed.
        Ok(unsafe { borrowed(values, count) })
    }

    /// A model of the rounds from `begin` up to, without, `end`. Trees only.
    pub fn slice(&self, begin: i32, end: i32) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: the handle is live; the new one is written on success and owned by the result.
        let status = unsafe {
            (self.library.functions().booster_slice)(self.handle, begin, end, 1, &raw mut handle)
        };
        self.library.check(status)?;
        Ok(Self { library: self.library.clone(), handle })
    }

    /// How many rounds it has.
    pub fn rounds(&self) -> Result<i32, Error> {
        let mut rounds: c_int = 0;
        // SAFETY: the handle is live, `rounds` is written once.
        let status =
            unsafe { (self.library.functions().booster_rounds)(self.handle, &raw mut rounds) };
        self.library.check(status)?;
        Ok(rounds)
    }

    /// The model as a file's content.
    pub fn save(&self, format: ModelFormat) -> Result<Vec<u8>, Error> {
        let (mut length, mut bytes) = (0, ptr::null());
        // SAFETY: the handle is live, both results are written on success.
        let status = unsafe {
            (self.library.functions().booster_save)(
                self.handle,
                format.config().as_ptr(),
                &raw mut length,
                &raw mut bytes,
            )
        };
        self.library.check(status)?;
        // SAFETY: the library owns `length` bytes there until the next call; they are copied.
        Ok(unsafe { borrowed(bytes.cast::<u8>(), length) }.to_vec())
    }

    /// Replaces the model by one that was saved, JSON or UBJSON.
    pub fn load(&mut self, model: &[u8]) -> Result<(), Error> {
        // SAFETY: the handle is live, `model` is read before the call returns.
        let status = unsafe {
            (self.library.functions().booster_load)(
                self.handle,
                model.as_ptr().cast(),
                model.len() as u64,
            )
        };
        self.library.check(status)
    }
}

impl Drop for Booster {
    fn drop(&mut self) {
        // SAFETY: the handle is live, ours alone, and not used after this.
        unsafe { (self.library.functions().booster_free)(self.handle) };
    }
}

/// A slice over what the library owns; empty where it hands out a null pointer.
///
/// # Safety
/// `data` is null or points to `length` values that stay unchanged while the slice lives.
pub unsafe fn borrowed<'a, T>(data: *const T, length: u64) -> &'a [T] {
    let length = usize::try_from(length).unwrap_or(0);
    if data.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise, and neither null nor empty.
    unsafe { slice::from_raw_parts(data, length) }
}
