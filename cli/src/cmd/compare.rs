//! `compare`: which alternative, by how much, on the same draws.

use std::path::PathBuf;

use bastide_sim::results::Study;
use serde_json::json;

use super::simulate;
use crate::args::Format;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(folders: &[PathBuf], output: &Output) -> Result<(), Failure> {
    let studies = folders.iter().map(|folder| simulate::open(folder)).collect::<Result<Vec<Study>, _>>()?;
    if output.format == Format::Json {
        let list: Vec<_> = studies
            .iter()
            .map(|study| {
                json!({
                    "results": study.folder, "scenario": study.summary.scenario.name, "seed": study.summary.seed, "replications": study.summary.replications,
                    "reference": study.summary.reference, "headline": study.summary.headline,
                    "differences": study.summary.estimates.iter().filter(|row| row.difference.is_some()).collect::<Vec<_>>(),
                })
            })
            .collect();
        return output.json("compare/1", &json!({ "studies": list }));
    }
    for study in &studies {
        let summary = &study.summary;
        output.line(&format!("{} ({}): differences to `{}` on the same draws", summary.scenario.name, study.folder.display(), summary.reference))?;
        let mut table = vec![["metric", "alternative", "value", "difference", ""].map(str::to_owned).to_vec()];
        for row in &summary.headline {
            let entity = if row.entity == "all" { String::new() } else { format!("{} ", row.entity) };
            let (difference, verdict) = row.difference.as_ref().map_or_else(Default::default, |difference| {
                let clear = difference.stderr.is_some_and(|stderr| difference.mean.abs() > 2.0 * stderr);
                let verdict = if clear { "" } else { "within the error" };
                (bastide_reports::value_with_error(difference.mean, difference.stderr), verdict.to_owned())
            });
            table.push(vec![
                format!("{entity}{} [{}]", row.metric, row.unit),
                row.alternative.clone(),
                bastide_reports::value_with_error(row.estimate.mean, row.estimate.stderr),
                difference,
                verdict,
            ]);
        }
        for line in super::aligned(&table) {
            output.line(&line)?;
        }
    }
    Ok(())
}
