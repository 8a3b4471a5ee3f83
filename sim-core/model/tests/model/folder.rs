//! Scenario folders that tests write: the minimal scenario with patches.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bastide_model::diag::Diagnostic;
use bastide_model::{Loaded, load};

/// A folder that goes when the test does.
pub struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bastide-model-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
    pub fn with(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }
    pub fn load(&self) -> Result<Loaded, Vec<Diagnostic>> {
        load(&self.0, &[])
    }
}

/// The text of the minimal scenario.
pub fn minimal() -> String {
    std::fs::read_to_string(scenarios().join("minimal/scenario.toml")).unwrap()
}

pub fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

/// The minimal scenario with one text replaced.
pub fn patched(from: &str, to: &str) -> String {
    let text = minimal();
    assert!(text.contains(from), "the minimal scenario has no `{from}`");
    text.replacen(from, to, 1)
}

/// Code, line and column of what is wrong with a scenario text; warnings included.
pub fn codes(text: &str) -> Vec<(String, u32, u32)> {
    found(&Folder::new().with("scenario.toml", text).load())
}

pub fn found(result: &Result<Loaded, Vec<Diagnostic>>) -> Vec<(String, u32, u32)> {
    let list = match result {
        Ok(loaded) => &loaded.warnings,
        Err(list) => list,
    };
    list.iter().map(|it| (it.code.to_owned(), it.span().line, it.span().column)).collect()
}
