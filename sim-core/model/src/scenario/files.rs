//! The files of one scenario, as they are read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::keys::nearest;
use crate::model::InputFile;
use crate::text::{self, Sources};

/// The scenario's folder, what was read from it, and what was wrong.
#[derive(Default)]
pub struct Files {
    /// Folder that holds the main file.
    pub folder: PathBuf,
    /// Texts.
    pub sources: Sources,
    /// Bytes and hashes.
    pub inputs: Vec<InputFile>,
    /// All diagnostics so far.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether a base that the scenario extends could not be read, so that what is missing may stand there.
    pub partial: bool,
}

impl Files {
    /// Reads a file by its name relative to the folder; notes it as an input; reports what is wrong with it, at `said` if a
    /// value of the scenario names the file.
    pub fn read(&mut self, name: &str, limit: u64, said: Option<crate::text::At>) -> Option<(u32, Arc<str>)> {
        let path = self.folder.join(name);
        match text::read(&path, name, limit) {
            Ok(contents) => {
                self.note(name, contents.bytes);
                let file = self.sources.add(name, Arc::clone(&contents.text));
                Some((file, contents.text))
            }
            Err(diagnostic) => {
                let mut diagnostic = *diagnostic;
                // A file that is not there is the mistake of the line that names it.
                if let (Some(at), 0) = (said, diagnostic.span().line) {
                    diagnostic.labels[0].0 = self.sources.span(at);
                    if let Some(hint) = near_file(&self.sources.slice(at).replace(['"', '\''], ""), &path) {
                        diagnostic.hint = Some(hint);
                    }
                }
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// Notes a file that the scenario depends on.
    pub fn note(&mut self, name: &str, bytes: Arc<[u8]>) {
        if self.inputs.iter().all(|input| input.path != name) {
            let hash = blake3::hash(&bytes).to_hex().to_string();
            self.inputs.push(InputFile { path: name.to_owned(), bytes, hash });
        }
    }
}

/// The file that may be meant by a path, as the scenario says it, to one that cannot be read.
#[must_use]
pub fn near_file(said: &str, path: &Path) -> Option<String> {
    if path.is_dir() {
        let inside = path.join("scenario.toml").is_file();
        return inside.then(|| format!("it is a folder: write `{}/scenario.toml`", said.trim_end_matches('/')));
    }
    let wanted = path.file_name()?.to_str()?;
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let near = nearest(wanted, names.iter().map(String::as_str).filter(|name| *name != wanted))?;
    Some(format!("did you mean `{}`?", said.strip_suffix(wanted).map_or_else(|| near.to_owned(), |folder| format!("{folder}{near}"))))
}

/// A path that a file says, relative to the scenario's folder, with forward slashes and without detours.
#[must_use]
pub fn relative_to(file: &str, said: &str) -> String {
    let said = said.replace('\\', "/");
    if Path::new(&said).is_absolute() {
        return said;
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(said.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if folder.starts_with('/') { format!("/{joined}") } else { joined }
}
