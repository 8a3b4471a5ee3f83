//! Names of the library in rows of tables, and the nearest ones where a name is not known.

use bastide_cost_models::compute::{Architecture, Device, architecture, architectures, device, devices};

/// A name that the library does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`; nearest: {nearest}")]
pub struct Unknown {
    /// What it should name: `accelerator`, `model`.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The nearest names that are known.
    pub nearest: String,
}

/// Why a row cannot be answered.
impl From<Unknown> for String {
    fn from(it: Unknown) -> Self {
        it.to_string()
    }
}

/// The data sheet of a name, with its name in the library.
///
/// # Errors
/// [`Unknown`] with the nearest names.
pub fn find_device(name: &str) -> Result<(&'static str, &'static Device), Unknown> {
    let names = devices().iter().flat_map(|(key, it)| std::iter::once(key).chain(&it.aliases)).map(String::as_str);
    device(name).ok_or_else(|| Unknown { what: "accelerator", name: name.to_owned(), nearest: nearest(name, names) })
}

/// The shape of a model, with its name in the library.
///
/// # Errors
/// [`Unknown`] with the nearest names.
pub fn find_architecture(name: &str) -> Result<(&'static str, &'static Architecture), Unknown> {
    let names = architectures().keys().map(String::as_str);
    architecture(name).ok_or_else(|| Unknown { what: "model", name: name.to_owned(), nearest: nearest(name, names) })
}

/// The three nearest names of a list, by shared pairs of letters (Dice 1945).
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let pairs = |text: &str| -> Vec<(char, char)> {
        let letters: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect();
        letters.windows(2).map(|it| (it[0], it[1])).collect()
    };
    let wanted = pairs(name);
    let mut scored: Vec<(f64, &str)> = names
        .map(|it| {
            let have = pairs(it);
            let shared = wanted.iter().filter(|pair| have.contains(pair)).count();
            (2.0 * shared as f64 / (wanted.len() + have.len()).max(1) as f64, it)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.iter().take(3).map(|it| format!("`{}`", it.1)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_brings_the_nearest() {
        assert!(find_device("H100-SXM-81GB").unwrap_err().nearest.contains("`H100-SXM-80GB`"));
        assert!(find_architecture("Llama-3.1-71B").unwrap_err().to_string().contains("`llama-3.1-70b`"));
        assert!(find_device("").is_err() && find_architecture("日本").is_err());
    }
}
