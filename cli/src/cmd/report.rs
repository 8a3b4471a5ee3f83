//! `report`: the pages of a results folder, again.

use std::path::{Path, PathBuf};

use bastide_sim::results::Study;
use serde_json::{Value, json};

use crate::args::{Format, Global, ReportKind};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(folder: &Path, kind: ReportKind, planning: &[PathBuf], global: &Global, output: &Output) -> Result<(), Failure> {
    if !planning.is_empty() {
        add_planning(folder, planning)?;
    }
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

/// Writes the documents of plans into a results folder.
pub fn write_planning(folder: &Path, documents: &[Value]) -> Result<(), Failure> {
    let path = folder.join(bastide_reports::planning::FILE);
    let text = format!("{:#}\n", json!({ "schema": bastide_reports::planning::SCHEMA, "plans": documents }));
    std::fs::write(&path, text).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))
}

/// Adds documents of `plan --format json` to those of a results folder: what a document says of a plan stands in place of what was said before.
fn add_planning(folder: &Path, files: &[PathBuf]) -> Result<(), Failure> {
    let parse = |path: &Path| -> Result<Value, Failure> {
        serde_json::from_str(&super::read_text(path)?)
            .map_err(|error| Failure::sentence(format!("`{}` is no JSON: {error}", path.display())))
    };
    let path = folder.join(bastide_reports::planning::FILE);
    let mut documents = match path.is_file().then(|| parse(&path)).transpose()? {
        Some(Value::Object(mut known)) => match known.remove("plans") {
            Some(Value::Array(plans)) => plans,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    for file in files {
        let Value::Object(mut new) = parse(file)? else {
            return Err(Failure::hinted(
                format!("`{}` is no document of a plan", file.display()),
                "write one with `bastide plan SCENARIO --format json`",
            ));
        };
        // A front is not of one plan: it stands with the first.
        let first =
            documents.first().and_then(|known| known.get("alternative")).and_then(Value::as_str).unwrap_or("recommended").to_owned();
        let name = match new.get("alternative").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None if new.contains_key("pareto") => first,
            None => {
                return Err(Failure::hinted(
                    format!("`{}` does not say which `alternative` it is about", file.display()),
                    "write one with `bastide plan SCENARIO --format json`",
                ));
            }
        };
        new.insert("alternative".to_owned(), name.as_str().into());
        match documents
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .find(|known| known.get("alternative").and_then(Value::as_str) == Some(name.as_str()))
        {
            Some(known) => known.extend(new),
            None => documents.push(Value::Object(new)),
        }
    }
    write_planning(folder, &documents)
}
