//! Several studies side by side, as text.

use bastide_engine::Estimate;
use bastide_sim::results::Study;

use crate::ReportError;
use crate::number::Scale;
use crate::view::Comparison;

/// A text table of every alternative of several results folders against the first alternative of the first one. Differences
/// are paired where both went through the same draws (same seed and number of histories), which the last column says.
///
/// # Errors
/// [`ReportError`] if a table cannot be read.
pub fn compare(studies: &[Study]) -> Result<String, ReportError> {
    let mut loaded = Vec::new();
    for study in studies {
        loaded.push((study, Comparison::of(study)?));
    }
    let Some((base, first)) = loaded.first() else { return Ok(String::new()) };
    let mut rows = vec![["metric", "study", "alternative", "value", "unit", "difference", "draws"].map(str::to_string)];
    for line in &first.lines {
        let Some(reference) = line.values.first() else { continue };
        let all = loaded.iter().filter_map(|(_, other)| other.line(line.kind, &line.entity, line.metric));
        if all.clone().all(|other| other.values.iter().flatten().all(|value| *value == 0.0)) {
            continue;
        }
        let scale: Scale = line.scale();
        for (place, (study, other)) in loaded.iter().enumerate() {
            let Some(other) = other.line(line.kind, &line.entity, line.metric) else { continue };
            for (index, alternative) in study.summary.alternatives.iter().enumerate() {
                let Some(estimate) = other.estimate(index) else { continue };
                let paired = study.summary.seed == base.summary.seed && study.summary.replications == base.summary.replications;
                let difference = if paired { Estimate::paired(&other.values[index], reference) } else { independent(&estimate, reference) };
                let itself = place == 0 && index == 0;
                rows.push([
                    line.words(),
                    study.folder.file_name().unwrap_or(study.folder.as_os_str()).to_string_lossy().into_owned(),
                    alternative.name.clone(),
                    scale.value(estimate.mean, estimate.stderr),
                    scale.unit.clone(),
                    difference.filter(|_| !itself).map_or_else(String::new, |x| scale.signed(x.mean, x.stderr)),
                    if itself {
                        ""
                    } else if paired {
                        "paired"
                    } else {
                        "independent"
                    }
                    .to_string(),
                ]);
            }
        }
    }
    Ok(align(&rows))
}

/// Difference of two independent means: the errors add in squares.
fn independent(estimate: &Estimate, reference: &[f64]) -> Option<Estimate> {
    let other = Estimate::of(reference)?;
    let stderr = estimate.stderr.zip(other.stderr).map(|(a, b)| a.hypot(b));
    Some(Estimate { mean: estimate.mean - other.mean, stderr, ..*estimate })
}

fn align(rows: &[[String; 7]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            // Numbers end in one column.
            if column == 3 || column == 5 {
                line += &format!("{pad}{cell}  ");
            } else {
                line += &format!("{cell}{pad}  ");
            }
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}
