//! `report`: the pages of a results folder, again.

use std::path::Path;

use bastide_sim::results::Study;
use serde_json::json;

use crate::args::{Format, Global, ReportKind};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(folder: &Path, kind: ReportKind, global: &Global, output: &Output) -> Result<(), Failure> {
    let study = Study::open(folder).map_err(|error| Failure::sentence(error.to_string()))?;
    let (name, text) = match kind {
        ReportKind::Html => ("report.html", bastide_reports::render_html(&study)),
        ReportKind::Md => ("report.md", bastide_reports::render_markdown(&study)),
    };
    let text = text.map_err(|error| Failure::sentence(error.to_string()))?;
    let path = global.output.clone().unwrap_or_else(|| folder.join(name));
    std::fs::write(&path, text).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
    if output.format == Format::Json {
        return output.json("report/1", &json!({ "report": path }));
    }
    output.line(&path.display().to_string())
}
