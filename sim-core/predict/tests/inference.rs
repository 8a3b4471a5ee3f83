//! The laws of inference throughput beside the published rows that they were fitted to, and those left out.

#![allow(clippy::print_stdout, reason = "tests show their figures, and say when a table is missing")]

use std::path::PathBuf;

use bastide_predict::{Table, evaluate, family_of};

fn table() -> Option<Table> {
    let root = std::env::var("BASTIDE_REFERENCE_DATA")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join("ai/inference.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no reference table at {}", path.display());
        return None;
    };
    Some(Table::read(&text).unwrap())
}

#[test]
fn groups_left_out_are_predicted() {
    let Some(table) = table() else { return };
    let evaluation = evaluate(family_of(&table).unwrap(), &table);
    assert_eq!(evaluation.family, "inference");
    let summaries = evaluation.summaries();
    let of = |name: &str, metric: &str| summaries.iter().find(|it| it.name == name && it.metric == metric).unwrap();
    // MLPerf's scenarios on groups that no fit has seen.
    let scenarios = of("left out", "tokens_per_s");
    assert!(scenarios.n >= 60 && scenarios.unsupported == 0, "{scenarios:?}");
    assert!(scenarios.median < 0.15 && scenarios.p90 < 0.35, "{scenarios:?}");
    assert!(scenarios.coverage > 0.8, "{scenarios:?}");
    for (metric, median) in [("total_output_throughput", 0.10), ("decode_tokens_per_s", 0.06), ("prefill_tokens_per_s", 0.08)] {
        let it = of("fitted", metric);
        assert!(it.median < median && it.unsupported == 0 && it.coverage > 0.85, "{it:?}");
    }
    // Whether a model fits is exact.
    let fits = evaluation.rows.iter().flat_map(|row| &row.answers).filter(|answer| answer.metric == "fits_in_memory");
    let mut count = 0;
    for answer in fits {
        count += 1;
        assert_eq!(answer.outcome.as_ref().ok().map(|it| it.value), answer.measured);
    }
    assert!(count >= 30, "{count}");
}

#[test]
fn every_model_and_board_is_known() {
    let Some(table) = table() else { return };
    let evaluation = evaluate(family_of(&table).unwrap(), &table);
    for row in &evaluation.rows {
        for answer in &row.answers {
            assert!(answer.outcome.is_ok(), "{}: {:?}", row.id, answer.outcome);
        }
    }
}
