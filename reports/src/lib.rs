//! Reports: from a results folder to a page that a ministry can print.
//!
//! [`View`](view::View) computes every number and sentence; templates and `markdown` only arrange them. Drawings come from
//! [`chart`] and [`map`].
//!
//! Architecture invariant: a report reads a results folder and nothing else, and needs no network to be read.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod chart;
mod compare;
pub mod date;
pub mod event;
mod html;
pub mod map;
mod markdown;
pub mod number;
pub mod planning;
#[cfg(test)]
mod tests;
pub mod view;

use std::path::{Path, PathBuf};

use bastide_sim::results::{ResultsError, Study};

pub use compare::compare;
pub use html::render_html;
pub use markdown::render_markdown;

/// Why a report cannot be made. The results folder is left as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The results cannot be read. Fatal, unless [`ResultsError::can_be_resumed`].
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A chart cannot be drawn: a bug, or numbers beyond all bounds. Fatal.
    #[error("cannot draw a chart: {0}")]
    Chart(String),
    /// A template is broken. Fatal.
    #[error("cannot fill the template: {0}")]
    Template(String),
}

/// Makes `report.html` in a results folder from the folder alone, and gives its path.
///
/// # Errors
/// [`ReportError`]; an older report is replaced only by a whole new one.
pub fn write_report(folder: &Path) -> Result<PathBuf, ReportError> {
    let page = render_html(&Study::open(folder)?)?;
    let path = folder.join("report.html");
    let temporary = folder.join("report.html.tmp");
    let written = std::fs::write(&temporary, page).and_then(|()| std::fs::rename(&temporary, &path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        ResultsError::io(&path, error)
    })?;
    Ok(path)
}
