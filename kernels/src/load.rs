//! Finds NVIDIA's libraries at run time: nothing of CUDA is needed to build or to run the rest of the program.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::error::CalibrationError;

/// Opens the first of `names` (`libnvrtc.so.12`) that is found: in the file or folder that the environment variable names,
/// where the system looks for libraries, in a CUDA toolkit, or among the packages of the first `python3`.
pub(crate) fn open(title: &'static str, names: &[&str], variable: &'static str) -> Result<Library, CalibrationError> {
    let mut reason = String::new();
    let mut attempt = |path: &OsStr| {
        // SAFETY: runs the initialisers of NVIDIA's library, which have no conditions.
        unsafe { Library::new(path) }.map_err(|error| reason = error.to_string()).ok()
    };
    if let Some(place) = std::env::var_os(variable) {
        let place = PathBuf::from(place);
        let files = if place.is_dir() { names.iter().map(|name| place.join(name)).collect() } else { vec![place] };
        if let Some(library) = files.iter().find_map(|file| attempt(file.as_os_str())) {
            return Ok(library);
        }
        return Err(CalibrationError::Library { title, variable, reason });
    }
    let plain = names.iter().map(OsString::from);
    let folders = folders();
    let files = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    let files = files.filter(|file| file.is_file()).map(PathBuf::into_os_string);
    plain.chain(files).find_map(|file| attempt(&file)).ok_or(CalibrationError::Library { title, variable, reason })
}

fn folders() -> Vec<PathBuf> {
    let toolkits = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let toolkits = toolkits.chain([PathBuf::from("/usr/local/cuda"), PathBuf::from("/opt/cuda")]);
    let mut folders: Vec<PathBuf> =
        toolkits.flat_map(|root| [root.join("lib64"), root.join("lib"), root.join("targets/x86_64-linux/lib")]).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let python = std::env::split_paths(&path).find(|folder| folder.join("python3").exists());
    if let Some(root) = python.as_deref().and_then(Path::parent) {
        // lib/python3.12/site-packages/nvidia/cublas/lib, and Debian's local/lib/python3.12/dist-packages.
        for lib in [root.join("lib"), root.join("local/lib")] {
            for version in entries(&lib).filter(|path| name_starts(path, "python3")) {
                for packages in ["site-packages", "dist-packages"] {
                    folders.extend(entries(&version.join(packages).join("nvidia")).map(|package| package.join("lib")));
                }
            }
        }
    }
    folders
}

fn name_starts(path: &Path, start: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
}

/// What is in a folder, in order of name; nothing where it cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut list: Vec<PathBuf> =
        std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    list.sort();
    list.into_iter()
}

/// A function of a library.
///
/// # Safety
/// `F` must be the type that the library's header gives the function, and the library must stay open while it is used.
pub(crate) unsafe fn function<F: Copy>(library: &Library, title: &'static str, name: &'static str) -> Result<F, CalibrationError> {
    // SAFETY: the caller vouches for the type.
    unsafe { library.get::<F>(name.as_bytes()) }.map(|symbol| *symbol).map_err(|_| CalibrationError::Symbol { title, name })
}
