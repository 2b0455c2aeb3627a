//! The loaded library: found, opened, asked for its version.

use std::{
    ffi::{CStr, CString, c_int},
    fmt,
    net::Ipv4Addr,
    path::Path,
    rc::Rc,
};

use crate::{Error, LIBRARY_PATH, functions::Functions, sockets};

/// A release of XGBoost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// 3 of 3.2.0.
    pub major: i32,
    /// 2 of 3.2.0.
    pub minor: i32,
    /// 0 of 3.2.0.
    pub patch: i32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// XGBoost, loaded into this process. What is made with it keeps it loaded.
#[derive(Clone)]
pub struct Library {
    functions: Rc<Functions>,
}

impl Library {
    /// The release whose declarations stand in this crate.
    pub const VERSION: Version = Version { major: 3, minor: 2, patch: 0 };

    /// Loads `folder`/[`LIBRARY_PATH`] and refuses any other release than [`Self::VERSION`].
    /// The caller has checked that the file is the one that was fetched: loading runs its code.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(LIBRARY_PATH);
        let failed = |source| Error::Load { path: path.clone(), source };
        // SAFETY: the library's initialisers are those of XGBoost's own wheel, checked by hash
        // before this call; they touch nothing of ours.
        let library = unsafe { libloading::Library::new(&path) }.map_err(failed)?;
        // SAFETY: the signatures are those of the release that is checked just below; before that
        // check only `version` is called, whose signature never changed.
        let functions = unsafe { Functions::find(library) }.map_err(failed)?;
        let library = Self { functions: Rc::new(functions) };
        let found = library.version();
        if found == Self::VERSION {
            Ok(library)
        } else {
            Err(Error::Version { path, found, expected: Self::VERSION })
        }
    }

    /// What the library says it is.
    #[must_use]
    pub fn version(&self) -> Version {
        let (mut major, mut minor, mut patch): (c_int, c_int, c_int) = (0, 0, 0);
        // SAFETY: three pointers to live integers, written once.
        unsafe { (self.functions.version)(&raw mut major, &raw mut minor, &raw mut patch) };
        Version { major, minor, patch }
    }

    /// From now on every socket of the library listens at `home`, and connects from there. As it
    /// is, it listens at every address of the machine, and knows no setting for it. One process
    /// has one home.
    pub fn keep_sockets_at(&self, home: Ipv4Addr) -> Result<(), Error> {
        sockets::keep_at(self.functions.version as usize, home)
    }

    pub(crate) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Turns the C status of a call into ours. To be called before any other call on this thread,
    /// which is where XGBoost keeps its last error.
    pub(crate) fn check(&self, status: c_int) -> Result<(), Error> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the library answers with a NUL-terminated text of its own, valid until the next
        // failing call on this thread; it is copied here.
        let text = unsafe { CStr::from_ptr((self.functions.last_error)()) };
        Err(Error::Call(text.to_string_lossy().into_owned()))
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XGBoost {}", self.version())
    }
}

/// A text as C wants it.
pub fn c_text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Nul(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_library_is_named() {
        let error = Library::open(Path::new("/nonexistent")).unwrap_err();
        assert!(matches!(&error, Error::Load { path, .. } if path.ends_with(LIBRARY_PATH)));
        assert!(error.to_string().contains("/nonexistent/xgboost/lib/libxgboost.so"));
    }

    #[test]
    fn a_text_with_a_nul_byte_never_reaches_the_library() {
        assert!(matches!(c_text("a\0b"), Err(Error::Nul(_))));
        assert!(c_text("objective").is_ok());
    }

    #[test]
    fn a_version_is_written_as_its_release() {
        assert_eq!(Library::VERSION.to_string(), "3.2.0");
    }
}
