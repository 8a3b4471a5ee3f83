//! `import`: other people's files become a scenario folder.

use std::path::{Path, PathBuf};

use bastide_model::import::{
    ImportedScenario, LocationForm, LocationOptions, MatpowerOptions, import_location, import_matpower, import_placement, import_rts_gmlc,
    import_sndlib,
};
use serde_json::json;

use crate::args::{Format, Global, ImportCommand};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(command: &ImportCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    let (source, imported) = match command {
        ImportCommand::Matpower { file } => {
            let text = super::read_text(file)?;
            let options = MatpowerOptions { name: None, file: file.display().to_string() };
            (file, import_matpower(&text, &options).map_err(Failure::Diagnostics)?)
        }
        ImportCommand::RtsGmlc { folder } => (folder, import_rts_gmlc(folder).map_err(Failure::Diagnostics)?),
        ImportCommand::OrlibCap { file, capacity } => {
            if capacity.is_some_and(|capacity| !(capacity > 0.0 && capacity.is_finite())) {
                return Err(Failure::hinted("`--capacity` must be above zero", "such as `--capacity 5000`"));
            }
            (file, location(LocationForm::OrlibCap, file, *capacity, None)?)
        }
        ImportCommand::OrlibPmed { file } => (file, location(LocationForm::OrlibPmed, file, None, None)?),
        ImportCommand::OrlibPmedcap { file } => (file, location(LocationForm::OrlibPmedcap, file, None, None)?),
        ImportCommand::Holmberg { file } => (file, location(LocationForm::Holmberg, file, None, None)?),
        ImportCommand::Sndlib { file } => {
            let text = super::read_text(file)?;
            (file, import_sndlib(&text, &file.display().to_string()).map_err(Failure::Diagnostics)?)
        }
        ImportCommand::PlacementV1 { file, strike } => {
            (file, import_placement(&super::read_text(file)?, &file.display().to_string(), *strike).map_err(Failure::Diagnostics)?)
        }
        ImportCommand::Swain { file, medians } => (file, location(LocationForm::Swain, file, None, *medians)?),
    };
    let folder = global.output.clone().unwrap_or_else(|| default_folder(source));
    write(&imported, &folder)?;
    if output.format == Format::Json {
        let files: Vec<&String> = imported.files.iter().map(|(path, _)| path).collect();
        return output.json("import/1", &json!({ "scenario": folder, "files": files }));
    }
    output.line(&folder.display().to_string())?;
    let next = if matches!(command, ImportCommand::Matpower { .. } | ImportCommand::RtsGmlc { .. }) { "study" } else { "plan" };
    output.say(&format!("next: bastide validate {0}; bastide {next} {0}", folder.display()));
    Ok(())
}

/// A location problem of a form.
fn location(form: LocationForm, file: &Path, capacity: Option<f64>, medians: Option<u32>) -> Result<ImportedScenario, Failure> {
    let options = LocationOptions { file: file.display().to_string(), capacity, medians };
    import_location(form, &super::read_text(file)?, &options).map_err(Failure::Diagnostics)
}

/// A folder in the current one, named like the source.
fn default_folder(source: &Path) -> PathBuf {
    let name = source.file_stem().or(source.file_name()).map_or_else(|| "imported".to_owned(), |name| name.to_string_lossy().into_owned());
    let word: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    PathBuf::from(word.trim_matches('-'))
}

fn write(imported: &ImportedScenario, folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure::sentence(format!("cannot write `{}`: {error}", path.display()));
    let taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Failure::hinted(format!("`{}` is not empty", folder.display()), "choose another folder with -o"));
    }
    for (path, text) in &imported.files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
