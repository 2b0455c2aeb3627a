//! A matrix of training data, owned by the library.

use std::ptr;

use crate::{Error, Library, functions::Handle, library::c_text};

/// What a row carries beside its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Info {
    /// What is to be learned.
    Label,
    /// How much the row counts.
    Weight,
}

impl Info {
    fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Weight => "weight",
        }
    }
}

/// XGBoost's copy of a matrix. Missing cells are left out of it, the others take 8 bytes each.
#[derive(Debug)]
pub struct DMatrix {
    library: Library,
    handle: Handle,
}

impl DMatrix {
    /// Copies `values` (row by row, `columns` each, NaN = missing) on `threads` threads.
    pub fn from_dense(
        library: &Library,
        values: &[f32],
        columns: usize,
        threads: usize,
    ) -> Result<Self, Error> {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        if rows * columns != values.len() {
            return Err(Error::Shape { values: values.len(), rows, columns });
        }
        let data = c_text(&interface(values, &[rows, columns]))?;
        let config = c_text(&format!(r#"{{"missing":NaN,"nthread":{threads}}}"#))?;
        let mut handle = ptr::null_mut();
        // SAFETY: `data` names the live slice `values` with its true shape; the library copies it
        // before the call returns. `handle` is written on success only.
        let status = unsafe {
            (library.functions().dmatrix_from_dense)(
                data.as_ptr(),
                config.as_ptr(),
                &raw mut handle,
            )
        };
        library.check(status)?;
        Ok(Self { library: library.clone(), handle })
    }

    /// Gives every row its label or weight.
    pub fn set(&mut self, info: Info, values: &[f32]) -> Result<(), Error> {
        let name = c_text(info.name())?;
        let data = c_text(&interface(values, &[values.len()]))?;
        // SAFETY: the handle is live; `data` names the live slice, copied before the call returns.
        let status = unsafe {
            (self.library.functions().dmatrix_set_info)(self.handle, name.as_ptr(), data.as_ptr())
        };
        self.library.check(status)
    }

    /// How many rows it has.
    pub fn rows(&self) -> Result<u64, Error> {
        let mut rows = 0;
        // SAFETY: the handle is live, `rows` is written once.
        let status = unsafe { (self.library.functions().dmatrix_rows)(self.handle, &raw mut rows) };
        self.library.check(status)?;
        Ok(rows)
    }

    /// How many columns it has.
    pub fn columns(&self) -> Result<u64, Error> {
        let mut columns = 0;
        // SAFETY: the handle is live, `columns` is written once.
        let status =
            unsafe { (self.library.functions().dmatrix_columns)(self.handle, &raw mut columns) };
        self.library.check(status)?;
        Ok(columns)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }
}

impl Drop for DMatrix {
    fn drop(&mut self) {
        // SAFETY: the handle is live, ours alone, and not used after this. Boosters that cached it
        // hold their own counted reference.
        unsafe { (self.library.functions().dmatrix_free)(self.handle) };
    }
}

/// The array interface that the library reads a slice through: valid as long as the slice is.
fn interface(values: &[f32], shape: &[usize]) -> String {
    let address = values.as_ptr().addr();
    let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let endian = if cfg!(target_endian = "little") { '<' } else { '>' };
    format!(r#"{{"data":[{address},true],"shape":[{shape}],"typestr":"{endian}f4","version":3}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_names_the_slices_address_and_shape() {
        let values = [1.0_f32, 2.0];
        let address = values.as_ptr().addr();
        let text = interface(&values, &[1, 2]);
        assert!(text.starts_with(&format!(r#"{{"data":[{address},true],"shape":[1,2],"#)));
    }
}
