//! Which results folder, alternative and history is meant.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bastide_sim::results::{EventFacts, Study};

use crate::cmd::simulate;
use crate::exit::Failure;
use crate::output::Output;

/// Opens the results of a case, or of the scenario itself.
pub fn open(folder: Option<&Path>, case: Option<&str>, output: &Output) -> Result<Study, Failure> {
    let study = open_study(folder, output)?;
    let Some(case) = case.filter(|case| *case != "base") else { return Ok(study) };
    let names = cases(&study);
    match names.iter().find(|name| *name == case) {
        Some(name) => open_case(&study, name),
        None if names.is_empty() => {
            Err(Failure::hinted(format!("there is no case `{case}`"), "these results are of a scenario without cases"))
        }
        None => Err(unknown("case", case, &names.iter().map(String::as_str).collect::<Vec<_>>())),
    }
}

/// Names of the cases that were simulated.
pub fn cases(study: &Study) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(study.folder.join("cases")).into_iter().flatten().flatten().filter(|entry| is_results(&entry.path())) {
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    names
}

/// Results of one of its cases.
pub fn open_case(study: &Study, name: &str) -> Result<Study, Failure> {
    simulate::open(&study.folder.join("cases").join(name))
}

/// Opens the folder that was named, or else this folder if it holds results, or else the one of `results/` that was written last.
fn open_study(folder: Option<&Path>, output: &Output) -> Result<Study, Failure> {
    if let Some(folder) = folder {
        return simulate::open(folder);
    }
    if is_results(Path::new(".")) {
        return simulate::open(Path::new("."));
    }
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir("results").into_iter().flatten().flatten() {
        let path = entry.path();
        if let Ok(written) = path.join("manifest.toml").metadata().and_then(|file| file.modified())
            && is_results(&path)
        {
            found.push((written, path));
        }
    }
    // The latest; names decide between folders of one moment.
    found.sort();
    let Some((_, folder)) = found.last() else {
        return Err(Failure::hinted("there are no finished results in `results`", "name a folder that `bastide study` or `run` wrote"));
    };
    if found.len() > 1 {
        output.say(&format!("of {} results folders, the latest: {}", found.len(), folder.display()));
    }
    simulate::open(folder)
}

fn is_results(folder: &Path) -> bool {
    folder.join("summary.json").is_file() && folder.join("manifest.toml").is_file()
}

/// The alternative that was named, or else the recommended one, or else the one that all others are compared with.
pub fn alternative<'s>(study: &'s Study, name: Option<&str>) -> Result<&'s str, Failure> {
    let names: Vec<&str> = study.summary.alternatives.iter().map(|alternative| alternative.name.as_str()).collect();
    let wanted = name.unwrap_or(if names.contains(&"recommended") { "recommended" } else { &study.summary.reference });
    names.iter().find(|known| **known == wanted).copied().ok_or_else(|| unknown("alternative", wanted, &names))
}

/// There is no such thing, but perhaps one with nearly that name.
pub fn unknown(thing: &str, name: &str, known: &[&str]) -> Failure {
    let hint = match bastide_model::keys::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("these results have {}", known.join(", ")),
    };
    Failure::hinted(format!("there is no {thing} `{name}` in these results"), hint)
}

/// Events of one history, in order.
pub fn history(study: &Study, alternative: &str, replication: u32) -> Result<Vec<EventFacts>, Failure> {
    let count = study.summary.replications;
    if replication >= count {
        let hint = format!("the replications of these results are 0 to {}", count.saturating_sub(1));
        return Err(Failure::hinted(format!("there is no replication {replication}"), hint));
    }
    let mut found = Vec::new();
    study
        .for_each_history(|name, number, events| {
            if name == alternative && number == replication {
                found = events.to_vec();
            }
        })
        .map_err(|error| Failure::of(&error))?;
    Ok(found)
}

/// `Riga (site.riga)`.
pub fn thing(study: &Study, entity_kind: &str, entity: &str) -> String {
    if entity.is_empty() {
        return String::new();
    }
    // Events of a fleet name its site.
    let kind = if entity_kind == "fleet" { "site" } else { entity_kind };
    let title = title(study, kind, entity);
    format!("{title} ({kind}.{entity})")
}

/// Title of an entity; its name where it has none.
pub fn title<'s>(study: &'s Study, entity_kind: &str, entity: &'s str) -> &'s str {
    let facts = study.entities.iter().find(|facts| facts.kind == entity_kind && facts.name == entity);
    facts.map_or(entity, |facts| &facts.title)
}
