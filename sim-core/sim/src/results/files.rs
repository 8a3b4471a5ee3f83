//! Files that are either whole or absent, and what the system says about this process.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::ResultsError;

/// Ending of files under way; they never count.
pub(super) const TEMPORARY: &str = "tmp";

/// A file that appears under its name only when it is complete and on disk.
pub(super) struct NewFile {
    out: Option<BufWriter<File>>,
    temporary: PathBuf,
    path: PathBuf,
}

impl NewFile {
    pub(super) fn create(path: &Path) -> Result<Self, ResultsError> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".");
        name.push(TEMPORARY);
        let temporary = path.with_file_name(name);
        let out = File::create(&temporary).map_err(|error| ResultsError::io(path, error))?;
        Ok(Self { out: Some(BufWriter::with_capacity(1 << 16, out)), temporary, path: path.to_path_buf() })
    }

    /// Flushes, syncs and renames.
    pub(super) fn commit(mut self) -> Result<(), ResultsError> {
        let finish = |out: Option<BufWriter<File>>| -> io::Result<()> {
            if let Some(out) = out {
                out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            }
            fs::rename(&self.temporary, &self.path)?;
            sync_folder(self.path.parent())
        };
        let out = self.out.take();
        finish(out).map_err(|error| {
            let _ = fs::remove_file(&self.temporary);
            ResultsError::io(&self.path, error)
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // `out` is taken only by `commit`, which consumes the file.
        self.out.as_mut().map_or(Ok(0), |out| out.write(bytes))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Not committed: an error or a stop came first.
        if self.out.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole file at once.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).map_err(|error| ResultsError::io(path, error))?;
    file.commit()
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ResultsError> {
    fs::read(path).map_err(|error| ResultsError::io(path, error))
}

/// Reads a text.
pub(super) fn read_text(path: &Path) -> Result<String, ResultsError> {
    String::from_utf8(read(path)?).map_err(|_| ResultsError::corrupt(path, "not UTF-8"))
}

/// Creates a folder with those above it.
pub(super) fn create_folder(path: &Path) -> Result<(), ResultsError> {
    fs::create_dir_all(path).map_err(|error| ResultsError::io(path, error))
}

/// Makes a rename lasting. Windows cannot open folders; there a rename is journalled anyway.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder {
        Some(folder) if cfg!(unix) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()
        }
        _ => Ok(()),
    }
}

/// Where the copy of an input goes below `inputs/`: the same relative path; one that leaves the scenario's folder goes below
/// `outside/`, with `up` for each step out.
pub(super) fn copy_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ups = 0;
    let absolute = path.starts_with('/') || path.contains(':');
    for part in path.split(['/', '\\', ':']) {
        match part {
            "" | "." => {}
            ".." => {
                if kept.pop().is_none() {
                    ups += 1;
                }
            }
            part => kept.push(part),
        }
    }
    let inside = kept.join("/");
    match (absolute, ups) {
        (true, _) => format!("outside/root/{inside}"),
        (false, 0) => inside,
        (false, ups) => format!("outside/{}{inside}", "up/".repeat(ups)),
    }
}

/// Most memory that this process has held so far \[bytes\]; `None` where the system does not say (`VmHWM` of Linux).
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_never_leave_the_folder() {
        for (path, copy) in [
            ("scenario.toml", "scenario.toml"),
            ("series/demand.csv", "series/demand.csv"),
            ("./a/../b.csv", "b.csv"),
            ("../base.toml", "outside/up/base.toml"),
            ("../../library/base.toml", "outside/up/up/library/base.toml"),
            ("/etc/passwd", "outside/root/etc/passwd"),
            ("a/../../../x", "outside/up/up/x"),
        ] {
            assert_eq!(copy_path(path), copy, "{path}");
        }
    }

    #[test]
    fn linux_knows_the_peak() {
        if cfg!(target_os = "linux") {
            assert!(peak_memory().unwrap() > 1 << 20);
        }
    }
}
