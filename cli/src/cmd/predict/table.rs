//! `predict --table`: every row of a table answered, with the errors where values were measured.

use std::path::Path;

use bastide_cost_models::compute::Prediction;
use bastide_predict::replay::Requests;
use bastide_predict::{Answer, Evaluation, Family, Summary, Table, TableError, evaluate, family_of};
use serde_json::{Value, json};

use crate::args::{Format, Global};
use crate::cmd::{aligned, read_text};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(file: &Path, explain: bool, global: &Global, output: &Output) -> Result<(), Failure> {
    if let (Some(out), Ok(input)) = (&global.output, file.canonicalize())
        && out.canonicalize().is_ok_and(|out| out == input)
    {
        return Err(Failure::hinted(format!("-o names the table itself: `{}`", file.display()), "write the rows to another file"));
    }
    let table = read(file)?;
    let mut family = family_of(&table).map_err(|error| unreadable(file, &error))?;
    // Tables of request statistics name files beside them.
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let requests = Requests::new(move |name| {
        std::fs::read_to_string(folder.join(name)).map_err(|error| format!("cannot read `{}`: {error}", folder.join(name).display()))
    });
    if family.name() == requests.name() {
        family = &requests;
    }
    let evaluation = evaluate(family, &table);
    let summaries = evaluation.summaries();
    if let Some(path) = &global.output {
        std::fs::write(path, rows_csv(&table, &evaluation)?)
            .map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
        output.say(&format!("rows written to `{}`", path.display()));
    }
    match output.format {
        Format::Json => output.json("predict/1", &document(&evaluation, &summaries)),
        Format::Quiet if global.output.is_some() => Ok(()),
        Format::Quiet => {
            use std::io::Write;
            output.out().write_all(&rows_csv(&table, &evaluation)?)?;
            Ok(())
        }
        Format::Human => {
            for line in summary_lines(&evaluation, &summaries) {
                output.line(&line)?;
            }
            if explain {
                output.say("hint: --format json prints the terms of every row");
            } else if global.output.is_none() {
                output.say("hint: -o FILE.csv writes every row with its prediction; --format json prints them");
            }
            Ok(())
        }
    }
}

/// Prints the parameters that the table's family fits to it.
pub fn fit(file: &Path, global: &Global, output: &Output) -> Result<(), Failure> {
    let table = read(file)?;
    let family = family_of(&table).map_err(|error| unreadable(file, &error))?;
    let text = family.fit(&table).ok_or_else(|| {
        Failure::sentence(format!("`{}`: a table of the kind `{}` has nothing to fit, or too few rows", file.display(), family.name()))
    })?;
    crate::cmd::write_or_print(&text, global, output)
}

fn read(file: &Path) -> Result<Table, Failure> {
    Table::read(&read_text(file)?).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &TableError) -> Failure {
    let hint = "the kinds of tables and their columns are in docs/formats.md";
    match error {
        TableError::Csv { line, message } => Failure::hinted(format!("{}:{line}: {message}", file.display()), hint),
        other => Failure::hinted(format!("{}: {other}", file.display()), hint),
    }
}

/// Significant digits that no interval of ours outdoes.
fn number(value: f64) -> String {
    bastide_units::format_significant(value, 6)
}

fn error_of(answer: &Answer) -> Option<f64> {
    let predicted = answer.outcome.as_ref().ok()?.value;
    answer.measured.filter(|measured| *measured != 0.0).map(|measured| predicted / measured - 1.0)
}

/// The table with one line for each answer and what was found appended.
fn rows_csv(table: &Table, evaluation: &Evaluation) -> Result<Vec<u8>, Failure> {
    let failed = |error: csv::Error| Failure::sentence(format!("cannot write the rows: {error}"));
    // Columns that name the answer, where the table itself does not.
    let own: Vec<&str> = ["metric", "unit", "value"].into_iter().filter(|name| !table.columns().any(|column| column == *name)).collect();
    let found = ["predicted", "low90", "high90", "error", "grade", "reason", "part"];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns().chain(own.iter().copied()).chain(found)).map_err(failed)?;
    for (row, answers) in table.rows().zip(&evaluation.rows) {
        for answer in &answers.answers {
            let mut fields: Vec<String> = row.fields().map(str::to_owned).collect();
            for name in &own {
                fields.push(match *name {
                    "metric" => answer.metric.clone(),
                    "unit" => answer.unit.clone(),
                    _ => answer.measured.map_or_else(String::new, number),
                });
            }
            let told = |value: &dyn Fn(&Prediction) -> f64| answer.outcome.as_ref().map_or_else(|_| String::new(), |it| number(value(it)));
            fields.extend([told(&|it| it.value), told(&|it| it.low90), told(&|it| it.high90)]);
            fields.push(error_of(answer).map_or_else(String::new, |error| format!("{error:.4}")));
            fields.push(answer.outcome.as_ref().map_or_else(|_| String::new(), |it| it.grade.to_string()));
            fields.push(answer.outcome.as_ref().err().cloned().unwrap_or_default());
            fields.push(part(answers.left_out).to_owned());
            writer.write_record(&fields).map_err(failed)?;
        }
    }
    writer.into_inner().map_err(|error| Failure::sentence(format!("cannot write the rows: {error}")))
}

fn part(left_out: bool) -> &'static str {
    if left_out { "left out" } else { "fitted" }
}

fn document(evaluation: &Evaluation, summaries: &[Summary]) -> Value {
    let mut rows = Vec::new();
    for row in &evaluation.rows {
        for answer in &row.answers {
            let mut it = json!({
                "line": row.line, "id": row.id, "group": row.group, "metric": answer.metric, "unit": answer.unit,
                "scored": row.scored, "part": part(row.left_out),
            });
            if let Some(measured) = answer.measured {
                it["measured"] = json!(measured);
            }
            match &answer.outcome {
                Ok(prediction) => {
                    it["predicted"] = json!(prediction.value);
                    it["low90"] = json!(prediction.low90);
                    it["high90"] = json!(prediction.high90);
                    it["grade"] = json!(prediction.grade);
                    if let Some(error) = error_of(answer) {
                        it["error"] = json!(error);
                    }
                    if !prediction.terms.is_empty() {
                        it["terms"] = json!(prediction.terms);
                    }
                }
                Err(reason) => it["reason"] = json!(reason),
            }
            rows.push(it);
        }
    }
    json!({ "family": evaluation.family, "rows": rows, "summary": summaries })
}

fn summary_lines(evaluation: &Evaluation, summaries: &[Summary]) -> Vec<String> {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let head = ["part or group", "metric", "n", "unsupported", "median", "mean", "p90", "bias", "coverage", "half width"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    for it in summaries {
        let mut row = vec![it.name.clone(), it.metric.clone(), it.n.to_string(), it.unsupported.to_string()];
        if it.n > 0 {
            row.extend([it.median, it.mean, it.p90, it.bias, it.coverage, it.half_width].map(percent));
        }
        cells.push(row);
    }
    let mut lines = vec![format!("table of the kind `{}`: {} rows", evaluation.family, evaluation.rows.len())];
    lines.extend(aligned(&cells));
    lines.push(
        "median, mean, p90: of |predicted / measured - 1|; coverage: measured values inside the 90 % interval; left out: groups that no fit has seen"
            .to_owned(),
    );
    lines
}
