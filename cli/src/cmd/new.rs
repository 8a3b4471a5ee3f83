//! `new`: a scenario to start from.

use std::path::PathBuf;

use crate::args::Global;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(name: &str, global: &Global, output: &Output) -> Result<(), Failure> {
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !valid {
        return Err(Failure::hinted(
            format!("`{name}` cannot be the name of a scenario"),
            "use lower-case letters, digits and hyphens, starting with a letter",
        ));
    }
    let folder = global.output.clone().unwrap_or_else(|| PathBuf::from(name));
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(Failure::hinted(format!("`{}` is not empty", folder.display()), "choose another name, or another folder with -o"));
    }
    for (path, contents) in bastide_model::new_scenario(name) {
        let path = folder.join(path);
        let write = |path: &PathBuf| {
            std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            std::fs::write(path, contents)
        };
        write(&path).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
    }
    output.line(&folder.display().to_string())?;
    output.say(&format!("next: edit {0}/scenario.toml, then bastide validate {0}, then bastide study {0}", folder.display()));
    Ok(())
}
