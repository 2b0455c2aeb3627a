//! A matrix of training data, owned by the library.

use std::{
    ffi::{CStr, CString},
    iter,
    marker::PhantomData,
    ptr,
};

use crate::{
    Error, Library,
    booster::borrowed,
    functions::{Handle, Length},
    library::c_text,
};

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

/// Rows of which only what is there is named.
#[derive(Clone, Copy, Debug)]
pub struct Sparse<'a> {
    /// One more than the largest column.
    pub columns: usize,
    /// Where each row ends in the other two, rising.
    pub ends: &'a [u64],
    /// Columns, each below `columns`.
    pub indices: &'a [u32],
    /// As many as `indices`.
    pub values: &'a [f32],
}

impl Sparse<'_> {
    /// Whether its parts fit each other, so that the library reads nothing but them.
    fn fits(&self) -> bool {
        let inside = |index: &u32| (*index as usize) < self.columns;
        self.indices.len() == self.values.len()
            && self.ends.is_sorted()
            && self.ends.last().copied().unwrap_or(0) == self.values.len() as u64
            && self.indices.iter().all(inside)
    }
}

/// What a matrix holds, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Where each row ends in the other two.
    pub ends: Vec<u64>,
    /// Columns.
    pub indices: Vec<u32>,
    /// As many as `indices`.
    pub values: Vec<f32>,
}

/// Rows that the library reads where they lie.
#[derive(Clone, Debug)]
pub struct DenseRows<'a> {
    interface: CString,
    values: PhantomData<&'a [f32]>,
}

impl<'a> DenseRows<'a> {
    /// `values` row by row, `columns` each, NaN = missing.
    pub fn new(values: &'a [f32], columns: usize) -> Result<Self, Error> {
        let rows = rows(values, columns)?;
        let interface = c_text(&interface(values, &[rows, columns]))?;
        Ok(Self { interface, values: PhantomData })
    }

    pub(crate) fn interface(&self) -> &CStr {
        &self.interface
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
        let rows = rows(values, columns)?;
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

    /// Copies `rows` on `threads` threads; what is not there is missing.
    pub fn from_sparse(library: &Library, rows: Sparse<'_>, threads: usize) -> Result<Self, Error> {
        if !rows.fits() {
            let (values, rows, columns) = (rows.values.len(), rows.ends.len(), rows.columns);
            return Err(Error::Shape { values, rows, columns });
        }
        let begins: Vec<u64> = iter::once(0).chain(rows.ends.iter().copied()).collect();
        let [begins, indices, values] = [
            interface(&begins, &[begins.len()]),
            interface(rows.indices, &[rows.indices.len()]),
            interface(rows.values, &[rows.values.len()]),
        ]
        .map(|text| c_text(&text));
        let (begins, indices, values) = (begins?, indices?, values?);
        let config = c_text(&format!(r#"{{"missing":NaN,"nthread":{threads}}}"#))?;
        let mut handle = ptr::null_mut();
        // SAFETY: the interfaces name live slices with their true lengths, of which `fits` holds;
        // the library copies them before the call returns. `handle` is written on success only.
        let status = unsafe {
            (library.functions().dmatrix_from_csr)(
                begins.as_ptr(),
                indices.as_ptr(),
                values.as_ptr(),
                rows.columns as Length,
                config.as_ptr(),
                &raw mut handle,
            )
        };
        library.check(status)?;
        Ok(Self { library: library.clone(), handle })
    }

    /// What the library's own reader makes of a file, by its deprecated `path?format=csv&…`. Nothing
    /// is trained on it: it is what our readers are compared with.
    pub fn from_file(library: &Library, uri: &str) -> Result<Self, Error> {
        let config = c_text(&format!(r#"{{"uri":{uri:?},"silent":1}}"#))?;
        let mut handle = ptr::null_mut();
        // SAFETY: `config` is a text; `handle` is written on success only.
        let status =
            unsafe { (library.functions().dmatrix_from_uri)(config.as_ptr(), &raw mut handle) };
        library.check(status)?;
        Ok(Self { library: library.clone(), handle })
    }

    /// What it holds, without what is missing.
    pub fn cells(&self) -> Result<Cells, Error> {
        let mut count = 0;
        // SAFETY: the handle is live, `count` is written once.
        let status =
            unsafe { (self.library.functions().dmatrix_cells)(self.handle, &raw mut count) };
        self.library.check(status)?;
        let length = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let mut ends = vec![0; length(self.rows()?) + 1];
        let (mut indices, mut values) = (vec![0; length(count)], vec![0.0; length(count)]);
        // SAFETY: the handle is live; the library fills one more than its rows, and twice as many
        // as it has cells, which is what the three vectors hold.
        let status = unsafe {
            (self.library.functions().dmatrix_csr)(
                self.handle,
                c"{}".as_ptr(),
                ends.as_mut_ptr(),
                indices.as_mut_ptr(),
                values.as_mut_ptr(),
            )
        };
        self.library.check(status)?;
        ends.remove(0);
        Ok(Cells { ends, indices, values })
    }

    /// The labels of its rows.
    pub fn labels(&self) -> Result<Vec<f32>, Error> {
        let (mut length, mut labels) = (0, ptr::null());
        // SAFETY: the handle is live, both results are written on success.
        let status = unsafe {
            (self.library.functions().dmatrix_get_info)(
                self.handle,
                c"label".as_ptr(),
                &raw mut length,
                &raw mut labels,
            )
        };
        self.library.check(status)?;
        // SAFETY: the library owns `length` numbers there as long as the matrix; they are copied.
        Ok(unsafe { borrowed(labels, length) }.to_vec())
    }

    /// Gives every row its label or weight.
    pub fn set(&mut self, info: Info, values: &[f32]) -> Result<(), Error> {
        self.set_named(info.name(), values)
    }

    /// Tells which query each row belongs to; the rows of a query stand together.
    pub fn set_queries(&mut self, queries: &[u32]) -> Result<(), Error> {
        self.set_named("qid", queries)
    }

    fn set_named<T: Element>(&mut self, name: &str, values: &[T]) -> Result<(), Error> {
        let name = c_text(name)?;
        let data = c_text(&interface(values, &[values.len()]))?;
        // SAFETY: the handle is live; `data` names the live slice, copied before the call returns.
        let status = unsafe {
            (self.library.functions().dmatrix_set_info)(self.handle, name.as_ptr(), data.as_ptr())
        };
        self.library.check(status)
    }

    /// A copy of some rows, in the order given, with what they carry. The library refuses it where
    /// rows belong to queries.
    pub fn slice(&self, rows: &[i32]) -> Result<Self, Error> {
        let count = self.rows()?;
        let outside = |row: &&i32| u64::try_from(**row).map_or(true, |row| row >= count);
        if let Some(row) = rows.iter().find(outside) {
            return Err(Error::Row { row: *row, rows: count });
        }
        let mut handle = ptr::null_mut();
        // SAFETY: the handle is live, `rows` are its own and read before the call returns; the new
        // handle is written on success and owned by the result.
        let status = unsafe {
            (self.library.functions().dmatrix_slice)(
                self.handle,
                rows.as_ptr(),
                rows.len() as Length,
                &raw mut handle,
                0,
            )
        };
        self.library.check(status)?;
        Ok(Self { library: self.library.clone(), handle })
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

/// Numbers that the library reads in place.
trait Element {
    /// Kind and size in bytes, as NumPy writes them.
    const TYPE: &str;
}

impl Element for f32 {
    const TYPE: &str = "f4";
}

impl Element for u32 {
    const TYPE: &str = "u4";
}

impl Element for u64 {
    const TYPE: &str = "u8";
}

/// How many rows there are.
fn rows(values: &[f32], columns: usize) -> Result<usize, Error> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    if rows * columns == values.len() {
        Ok(rows)
    } else {
        Err(Error::Shape { values: values.len(), rows, columns })
    }
}

/// The array interface that the library reads a slice through: valid as long as the slice is.
fn interface<T: Element>(values: &[T], shape: &[usize]) -> String {
    let (address, kind) = (values.as_ptr().addr(), T::TYPE);
    let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let endian = if cfg!(target_endian = "little") { '<' } else { '>' };
    format!(
        r#"{{"data":[{address},true],"shape":[{shape}],"typestr":"{endian}{kind}","version":3}}"#
    )
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

    #[test]
    fn rows_whose_parts_do_not_fit_are_known() {
        let fits = |columns, ends: &[u64], indices: &[u32], values: &[f32]| {
            Sparse { columns, ends, indices, values }.fits()
        };
        assert!(fits(2, &[1, 1, 2], &[0, 1], &[1.0, 2.0]));
        assert!(fits(0, &[0], &[], &[]));
        assert!(!fits(1, &[1, 1, 2], &[0, 1], &[1.0, 2.0]));
        assert!(!fits(2, &[2, 1, 2], &[0, 1], &[1.0, 2.0]));
        assert!(!fits(2, &[1], &[0, 1], &[1.0, 2.0]));
        assert!(!fits(2, &[1], &[0], &[]));
    }

    #[test]
    fn rows_that_the_values_do_not_fill_are_refused() {
        assert!(matches!(DenseRows::new(&[1.0; 5], 2), Err(Error::Shape { rows: 2, .. })));
        assert!(DenseRows::new(&[1.0; 6], 2).is_ok());
    }
}
