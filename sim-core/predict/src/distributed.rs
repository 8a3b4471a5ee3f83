//! Tables of training and inference over slow links.

mod fit;
mod question;

use bastide_cost_models::compute::low_communication::{Distributed as Parameters, parameters};
use bastide_cost_models::compute::{Grade, Prediction};

use crate::{Answer, Family, Row, Table};
use question::Question;

/// Rows of low-communication training (bandwidth for a utilisation, wall clock, volume) and of chains of servers.
pub struct Distributed;

impl Family for Distributed {
    fn name(&self) -> &'static str {
        "distributed"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["method", "model", "params_b", "n_workers", "H_inner_steps", "step_time_s", "metric", "unit"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let metric = row.get("metric").unwrap_or_default().to_owned();
        let unit = row.get("unit").unwrap_or_default().to_owned();
        let outcome = predict(row, parameters());
        vec![Answer { metric, unit, measured: row.number("value"), outcome }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        fit::fit(table)
    }
}

/// How much wider the interval is where usual figures stand in for what a row does not say.
const ASSUMED: f64 = 2.0;

fn predict(row: Row<'_>, parameters: &Parameters) -> Result<Prediction, String> {
    let question = Question::of(row)?;
    let value = question.answer(parameters)?;
    if !(value.is_finite() && value > 0.0) {
        return Err(format!("`{}` has no finite value", question.metric));
    }
    let (conformal, grade) = if question.share.is_some() {
        let known = parameters.printed.contains_key(question.study);
        (parameters.bandwidth_interval, if known { Grade::Transferred } else { Grade::Datasheet })
    } else {
        (parameters.interval, Grade::Datasheet)
    };
    let (low90, high90) = conformal.interval(value, if question.assumes() { ASSUMED } else { 1.0 });
    Ok(Prediction { value, low90, high90, grade, terms: question.terms() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate;

    macro_rules! say {
        ($($it:tt)*) => {{
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), $($it)*);
        }};
    }

    const HEADER: &str = "id,group,source,source_ref,method,model,params_b,n_workers,link_gbit_s,rtt_ms,H_inner_steps,step_time_s,metric,value,unit,note,verified";

    fn answer(line: &str) -> Result<Prediction, String> {
        let table = Table::read(&format!("{HEADER}\n{line}\n")).unwrap();
        predict(table.rows().next().unwrap(), parameters())
    }

    #[test]
    fn printed_cells_are_within_a_step_of_the_grid() {
        // Douillard et al. 2025, table 4; Charles et al. 2025, table 6.
        for (line, printed) in [
            ("a,g,Streaming DiLoCo,,Streaming DiLoCo overlapped FP4,10B,10,2,,,100,0.8,bandwidth_for_CU_90,1.4,Gbit/s,quantised,yes", 1.4),
            ("a,g,Streaming DiLoCo,,Vanilla DiLoCo,10B,10,2,,,100,0.8,bandwidth_for_CU_95,33.9,Gbit/s,quantised,yes", 33.9),
            ("a,g,DiLoCo scaling laws,,DiLoCo H=300,Llama3-405B,405,2,,,300,26,bandwidth_for_CU_90,6.2,Gbit/s,quantised grid,yes", 6.2),
            ("a,g,DiLoCo scaling laws,,Data-Parallel,Llama3-405B,405,2,,,1,26,bandwidth_for_CU_80,222.3,Gbit/s,quantised grid,yes", 222.3),
        ] {
            let it = answer(line).unwrap();
            assert!((it.value / printed).ln().abs() < 1.21_f64.ln(), "{line}: {}", it.value);
            assert!(it.low90 < it.value && it.value < it.high90);
        }
    }

    #[test]
    fn a_bad_row_says_why() {
        let reason = |line: &str| answer(line).unwrap_err();
        assert!(reason("a,g,,,DiLoCo H=10,x,10,2,,,,0.8,colour,1,,,yes").contains("metric"));
        assert!(reason("a,g,,,DiLoCo H=10,x,-10,2,,,,0.8,bandwidth_for_CU_90,1,,,yes").contains("params_b"));
        assert!(reason("a,g,,,DiLoCo H=10,x,10,2,,,,,bandwidth_for_CU_90,1,,,yes").contains("step_time_s"));
        assert!(reason("a,g,,,DiLoCo,x,10,2,,,,0.8,bandwidth_for_CU_90,1,,,yes").contains("H_inner_steps"));
        assert!(reason("a,g,,,Smoke signals,x,10,2,,,,0.8,bandwidth_for_CU_90,1,,,yes").contains("method"));
        assert!(reason("a,g,,,DiLoCo H=10,x,10,2,,,,0.8,bandwidth_for_CU_190,1,,,yes").contains("metric"));
        assert!(reason("a,g,,,Data-Parallel,x,10,2,,5e9,,0.8,bandwidth_for_CU_90,1,,,yes").contains("latency"));
    }

    #[test]
    fn reference_cells_are_within_a_step_of_the_grid() {
        let folder =
            std::env::var("BASTIDE_REFERENCE_DATA").unwrap_or_else(|_| format!("{}/../../../shared/data", env!("CARGO_MANIFEST_DIR")));
        let path = format!("{folder}/ai/distributed.csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            say!("skipped: {path} is absent");
            return;
        };
        let table = Table::read(&text).unwrap();
        let evaluation = evaluate(&Distributed, &table);
        for summary in evaluation.summaries() {
            say!("{summary:?}");
        }
        let mut steps = Vec::new();
        for (line, answer) in evaluation.rows.iter().flat_map(|row| row.answers.iter().map(move |it| (row, it))) {
            match (&answer.outcome, answer.measured) {
                (Ok(it), Some(measured)) if answer.metric.starts_with("bandwidth") => steps.push((it.value / measured).ln().abs()),
                (Ok(it), Some(measured)) => {
                    say!("{} {} {:.4} {measured} {:+.1} %", line.group, answer.metric, it.value, 100.0 * (it.value / measured - 1.0));
                }
                (Err(reason), _) => say!("{} {}: {reason}", line.id, answer.metric),
                _ => {}
            }
        }
        let share = steps.iter().filter(|it| **it < 1.21_f64.ln()).count() as f64 / steps.len() as f64;
        say!("{:.3} of {} cells within one step of the grid", share, steps.len());
        assert!(share >= 0.9, "{share}");
    }
}
