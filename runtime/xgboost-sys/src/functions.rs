//! The C declarations, as `xgboost/c_api.h` of 3.2 has them. Every function answers 0 for success.

use std::ffi::{c_char, c_int, c_uint, c_void};

use libloading::Library;

/// An opaque object of the library. Never looked into, freed exactly once by its owner here.
pub type Handle = *mut c_void;
/// The C library's `bst_ulong`.
pub type Length = u64;

/// Declares the table of functions and how each is found by its C name.
macro_rules! functions {
    ($($field:ident = $symbol:literal : fn($($argument:ty),*) -> $result:ty;)*) => {
        /// The functions that we call, valid for as long as `_library` is loaded.
        pub struct Functions {
            $(pub $field: unsafe extern "C" fn($($argument),*) -> $result,)*
            _library: Library,
        }

        impl Functions {
            /// Finds every function.
            ///
            /// # Safety
            /// `library` must be XGBoost 3.2, whose functions have these signatures.
            pub unsafe fn find(library: Library) -> Result<Self, libloading::Error> {
                $(
                    // SAFETY: the caller promises that the symbol has this signature; the pointer
                    // lives beside the library that it points into, and both drop together.
                    let $field = *unsafe {
                        library.get::<unsafe extern "C" fn($($argument),*) -> $result>($symbol)
                    }?;
                )*
                Ok(Self { $($field,)* _library: library })
            }
        }
    };
}

functions! {
    version = b"XGBoostVersion\0": fn(*mut c_int, *mut c_int, *mut c_int) -> ();
    last_error = b"XGBGetLastError\0": fn() -> *const c_char;
    dmatrix_from_dense = b"XGDMatrixCreateFromDense\0":
        fn(*const c_char, *const c_char, *mut Handle) -> c_int;
    dmatrix_from_csr = b"XGDMatrixCreateFromCSR\0": fn(
        *const c_char, *const c_char, *const c_char, Length, *const c_char, *mut Handle
    ) -> c_int;
    dmatrix_from_uri = b"XGDMatrixCreateFromURI\0": fn(*const c_char, *mut Handle) -> c_int;
    dmatrix_free = b"XGDMatrixFree\0": fn(Handle) -> c_int;
    dmatrix_set_info = b"XGDMatrixSetInfoFromInterface\0":
        fn(Handle, *const c_char, *const c_char) -> c_int;
    dmatrix_slice = b"XGDMatrixSliceDMatrixEx\0":
        fn(Handle, *const c_int, Length, *mut Handle, c_int) -> c_int;
    dmatrix_rows = b"XGDMatrixNumRow\0": fn(Handle, *mut Length) -> c_int;
    dmatrix_cells = b"XGDMatrixNumNonMissing\0": fn(Handle, *mut Length) -> c_int;
    dmatrix_csr = b"XGDMatrixGetDataAsCSR\0":
        fn(Handle, *const c_char, *mut Length, *mut c_uint, *mut f32) -> c_int;
    dmatrix_get_info = b"XGDMatrixGetFloatInfo\0":
        fn(Handle, *const c_char, *mut Length, *mut *const f32) -> c_int;
    dmatrix_columns = b"XGDMatrixNumCol\0": fn(Handle, *mut Length) -> c_int;
    booster_create = b"XGBoosterCreate\0": fn(*const Handle, Length, *mut Handle) -> c_int;
    booster_free = b"XGBoosterFree\0": fn(Handle) -> c_int;
    booster_set_parameter = b"XGBoosterSetParam\0":
        fn(Handle, *const c_char, *const c_char) -> c_int;
    booster_set_attribute = b"XGBoosterSetAttr\0":
        fn(Handle, *const c_char, *const c_char) -> c_int;
    booster_attribute = b"XGBoosterGetAttr\0":
        fn(Handle, *const c_char, *mut *const c_char, *mut c_int) -> c_int;
    booster_update = b"XGBoosterUpdateOneIter\0": fn(Handle, c_int, Handle) -> c_int;
    booster_evaluate = b"XGBoosterEvalOneIter\0": fn(
        Handle, c_int, *const Handle, *const *const c_char, Length, *mut *const c_char
    ) -> c_int;
    booster_predict = b"XGBoosterPredictFromDMatrix\0": fn(
        Handle, Handle, *const c_char, *mut *const Length, *mut Length, *mut *const f32
    ) -> c_int;
    booster_predict_dense = b"XGBoosterPredictFromDense\0": fn(
        Handle, *const c_char, *const c_char, Handle,
        *mut *const Length, *mut Length, *mut *const f32
    ) -> c_int;
    booster_slice = b"XGBoosterSlice\0": fn(Handle, c_int, c_int, c_int, *mut Handle) -> c_int;
    booster_rounds = b"XGBoosterBoostedRounds\0": fn(Handle, *mut c_int) -> c_int;
    booster_save = b"XGBoosterSaveModelToBuffer\0":
        fn(Handle, *const c_char, *mut Length, *mut *const c_char) -> c_int;
    booster_load = b"XGBoosterLoadModelFromBuffer\0":
        fn(Handle, *const c_char, Length) -> c_int;
    tracker_create = b"XGTrackerCreate\0": fn(*const c_char, *mut Handle) -> c_int;
    tracker_run = b"XGTrackerRun\0": fn(Handle, *const c_char) -> c_int;
    tracker_worker_args = b"XGTrackerWorkerArgs\0": fn(Handle, *mut *const c_char) -> c_int;
    tracker_wait = b"XGTrackerWaitFor\0": fn(Handle, *const c_char) -> c_int;
    tracker_free = b"XGTrackerFree\0": fn(Handle) -> c_int;
    communicator_init = b"XGCommunicatorInit\0": fn(*const c_char) -> c_int;
    communicator_finalize = b"XGCommunicatorFinalize\0": fn() -> c_int;
    communicator_rank = b"XGCommunicatorGetRank\0": fn() -> c_int;
    communicator_allreduce = b"XGCommunicatorAllreduce\0":
        fn(*mut c_void, usize, c_int, c_int) -> c_int;
}
