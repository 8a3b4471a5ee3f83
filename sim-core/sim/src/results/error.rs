//! What can go wrong with a results folder.

use std::io;
use std::path::{Path, PathBuf};

/// Why a results folder cannot be written or read. Each message is one sentence with the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The folder holds something else. Fatal; nothing was touched.
    #[error("`{0}` is not empty and holds no results of this program: choose another folder")]
    NotEmpty(PathBuf),
    /// The folder holds results of other inputs, another seed, another number of replications or another version. Fatal;
    /// nothing was touched.
    #[error("`{path}` holds results of another study (fingerprint {found}, not {expected}): choose another folder")]
    OtherStudy {
        /// The folder.
        path: PathBuf,
        /// Fingerprint in the folder, its first characters.
        found: String,
        /// Fingerprint of the study to be written.
        expected: String,
    },
    /// The study is there already. Fatal; nothing was touched.
    #[error("`{0}` holds the finished results of this very study already")]
    Complete(PathBuf),
    /// Another process writes the same study. Can be resumed once it has ended.
    #[error("another run is writing into `{0}`")]
    Busy(PathBuf),
    /// Reading a study that was interrupted. Can be resumed by running the same study into the same folder.
    #[error("`{0}` holds an unfinished study: run it again into the same folder to finish it")]
    Unfinished(PathBuf),
    /// No space left. Can be resumed: finished chunks are on disk.
    #[error("the disk is full while writing `{0}`: free some space and run the same command again")]
    DiskFull(PathBuf),
    /// The file system cannot be written. Can be resumed once it can.
    #[error("`{0}` lies on a read-only file system: choose another folder")]
    ReadOnly(PathBuf),
    /// No permission. Can be resumed once there is.
    #[error("no permission to write or read `{0}`")]
    Permission(PathBuf),
    /// Something that should be there is not. Fatal.
    #[error("`{0}` does not exist")]
    Missing(PathBuf),
    /// A file is damaged. Fatal for reading; a damaged chunk is simulated again.
    #[error("`{path}` cannot be read as results: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Written by a later version of the program. Fatal.
    #[error("`{path}` has results format {found}, newer than {known}, the newest that this program reads")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// The histories do not fit the layout or the study that the writer was opened with: a mistake of the calling program.
    /// Fatal; nothing was written.
    #[error("history does not fit the study: {0}")]
    Mismatch(String),
    /// Any other refusal of the operating system. Can be resumed unless it is permanent.
    #[error("cannot use `{path}`: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ResultsError {
    /// The sentence for an error of the operating system at a path.
    #[must_use]
    pub fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
            io::ErrorKind::PermissionDenied => Self::Permission(path),
            io::ErrorKind::NotFound => Self::Missing(path),
            _ => Self::Io { path, source },
        }
    }

    /// A file of the folder that does not say what it should.
    #[must_use]
    pub fn corrupt(path: &Path, reason: impl std::fmt::Display) -> Self {
        // Libraries below write several lines; the planner gets the first.
        let reason = reason.to_string().lines().next().unwrap_or_default().to_string();
        Self::Corrupt { path: path.to_path_buf(), reason }
    }

    /// Whether the same command, run again once the cause is gone, goes on where this one ended.
    #[must_use]
    pub const fn can_be_resumed(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unfinished(_) | Self::DiskFull(_) | Self::ReadOnly(_) | Self::Permission(_) | Self::Io { .. })
    }
}
