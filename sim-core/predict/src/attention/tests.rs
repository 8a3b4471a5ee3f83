#![allow(clippy::print_stderr, reason = "a skipped test says so, and the others what they measured")]

use std::path::PathBuf;

use bastide_cost_models::compute::attention::{Library, Machine, library};

use super::*;
use crate::{Evaluation, Summary, evaluate};
use bastide_cost_models::compute::device;

/// The reference table, or `None` with a visible line.
fn reference() -> Option<Table> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("ai/calibration_attention.csv")) else {
        eprintln!("skipped: no reference table of attention kernels");
        return None;
    };
    Some(Table::read(&text).unwrap())
}

fn summary(evaluation: &Evaluation, name: &str) -> Summary {
    evaluation.summaries().into_iter().find(|it| it.name == name).unwrap()
}

#[test]
fn unseen_layouts_are_within_reach() {
    let Some(table) = reference() else { return };
    let evaluation = evaluate(&AttentionFamily, &table);
    for name in ["fitted", "left out"] {
        let it = summary(&evaluation, name);
        eprintln!("{it:?}");
        if name == "left out" {
            assert!(it.n > 500 && it.unsupported == 0, "{it:?}");
            assert!(it.median < 0.06 && it.p90 < 0.20, "{it:?}");
            assert!((0.85..0.95).contains(&it.coverage) && it.half_width < 0.25, "{it:?}");
        }
    }
}

/// The parameters that ship are those that the fit gives; `BASTIDE_WRITE_FIT` names a file to write them to.
#[test]
fn the_shipped_parameters_are_the_fit_of_the_reference_table() {
    let Some(table) = reference() else { return };
    let text = AttentionFamily.fit(&table).unwrap();
    if let Some(path) = std::env::var_os("BASTIDE_WRITE_FIT") {
        std::fs::write(path, &text).unwrap();
    }
    let fitted: Library = toml::from_str(&text).unwrap();
    let pairs = [
        (fitted.single_16bit.kernel.values(), library().single_16bit.kernel.values()),
        (fitted.grouped_8bit.kernel.values(), library().grouped_8bit.kernel.values()),
        (fitted.tiled_16bit.kernel.values(), library().tiled_16bit.kernel.values()),
    ];
    for (fitted, shipped) in pairs {
        for (fitted, shipped) in fitted.iter().zip(shipped) {
            // Another processor rounds sums otherwise.
            assert!((fitted / shipped - 1.0).abs() < 0.02, "{fitted} {shipped}");
        }
    }
}

/// Fitted on H200 alone, the H100 is told from its data sheet.
#[test]
fn one_device_tells_another() {
    let Some(table) = reference() else { return };
    let library = fit_attention(&table, |accelerator| accelerator.starts_with("H200")).unwrap();
    let mut errors = Vec::new();
    for row in table.rows().filter(|row| row.get("accelerator").is_some_and(|name| name.starts_with("H100"))) {
        let question = Question::read(row).unwrap();
        let machine = Machine::of(device("h100").unwrap().1);
        let Question { heads, batch, context, .. } = question;
        let parts = match question.phase {
            Phase::Context => library.prefill(&machine, heads, batch, context, 0.0, Circumstance::Table).0,
            Phase::Generation => library.decode(&machine, heads, batch, context, Circumstance::Table).0,
        };
        errors.push((parts.total() / (row.number("latency_ms").unwrap() * 1e3) - 1.0).abs());
    }
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    eprintln!("H100 from H200: {} rows, mean error {mean:.4}", errors.len());
    assert!(mean < 0.10, "{mean}");
}

/// Errors by accelerator, phase and formats, of fitted and of left-out layouts.
#[test]
fn no_kind_of_kernel_is_far_off() {
    let Some(table) = reference() else { return };
    let mut kinds: std::collections::BTreeMap<String, Vec<f64>> = std::collections::BTreeMap::new();
    for row in table.rows() {
        let group = row.get("group").unwrap();
        let part = if bastide_cost_models::compute::left_out(group) { "left out" } else { "fitted" };
        let value = AttentionFamily.answer(row)[0].outcome.as_ref().unwrap().value;
        let cell = |column| row.get(column).unwrap();
        let kind = format!("{part}, {}, {}, {} on {}", cell("accelerator"), cell("phase"), cell("attn_dtype"), cell("kv_cache_dtype"));
        kinds.entry(kind).or_default().push((value / row.number("latency_ms").unwrap() - 1.0).abs());
    }
    for (kind, mut errors) in kinds {
        errors.sort_by(f64::total_cmp);
        let (median, p90) = (errors[errors.len() / 2], errors[errors.len() * 9 / 10]);
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        eprintln!("{kind}: n {}, median {:.1} %, mean {:.1} %, p90 {:.1} %", errors.len(), median * 1e2, mean * 1e2, p90 * 1e2);
        assert!(median < 0.10 && p90 < 0.25, "{kind}: {median} {p90}");
    }
}
