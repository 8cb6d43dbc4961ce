//! One server per directory: the lock file beside the segments.

use crate::error::{Error, Result};
use crate::storage::{LockError, Storage};

/// The lock file's name. The leading dot keeps it out of everybody's patterns; Redis only reads what its manifest names.
pub const LOCK_NAME: &str = ".lock";

/// Takes the lock of the directory, or says who has it.
pub fn lock<S: Storage>(storage: &S, dir: &str) -> Result<S::Lock> {
    let path = format!("{dir}/{LOCK_NAME}");
    storage.lock(&path).map_err(|e| match e {
        LockError::Held(holder) => {
            Error::InUse { dir: storage.display(dir), holder: holder.map_or("unknown".to_owned(), |pid| pid.to_string()) }
        }
        LockError::Io(e) => Error::io("lock", storage.display(&path), e),
    })
}
