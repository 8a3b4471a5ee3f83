#![allow(clippy::print_stderr, reason = "a skipped test says so, and the others what they measured")]

use std::path::PathBuf;

use bastide_cost_models::compute::collective::{Communication, collective_time, communication};

use super::*;
use crate::evaluate;
use bastide_cost_models::compute::device;

/// The reference table, or `None` with a visible line.
fn reference() -> Option<Table> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("ai/calibration_collectives.csv")) else {
        eprintln!("skipped: no reference table of collectives");
        return None;
    };
    Some(Table::read(&text).unwrap())
}

/// Median, mean and 90th percentile of the errors of parameters on rows with so many members.
fn errors(it: &Communication, table: &Table, members: f64, what: &str) -> (f64, f64, f64) {
    let mut errors: Vec<f64> = table
        .rows()
        .filter(|row| row.get("group").is_some_and(|group| group.contains(what)))
        .filter_map(|row| {
            let question = Question::read(row).ok().filter(|it| it.exchange.members == members)?;
            let device = device(row.get("accelerator")?)?.1;
            let time = it.time(device, question.operation, question.exchange, Fabric::ScaleUp, question.by);
            Some((time / row.number("latency_us")? - 1.0).abs())
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
    (at(0.5), errors.iter().sum::<f64>() / errors.len() as f64, at(0.9))
}

/// Steps and bandwidths of four follow from two by the growth that each algorithm has. Where fits start (what two members say
/// nothing of, as the share of a hop in a launch) was chosen with both counts in view, so that this is a check of the form and
/// less than a blind test.
#[test]
fn four_members_are_told_by_two() {
    let Some(table) = reference() else { return };
    let two = fit_collectives(&table, |_, members| members == 2.0).unwrap();
    for what in ["all_reduce", "all_gather", "reduce_scatter"] {
        eprintln!("2 -> 4 {what}: {:?}", errors(&two, &table, 4.0, what));
    }
    let (median, mean, p90) = errors(&two, &table, 4.0, "");
    eprintln!("2 -> 4: median {median:.3} mean {mean:.3} p90 {p90:.3}");
    assert!(median < 0.10 && p90 < 0.25, "{median} {mean} {p90}");
}

#[test]
fn the_shipped_parameters_are_the_fit_of_the_reference_table() {
    let Some(table) = reference() else { return };
    let text = CollectivesFamily.fit(&table).unwrap();
    if let Some(path) = std::env::var_os("BASTIDE_WRITE_FIT") {
        std::fs::write(path, &text).unwrap();
    }
    for summary in evaluate(&CollectivesFamily, &table).summaries() {
        eprintln!("{summary:?}");
    }
    let fitted: Communication = toml::from_str(&text).unwrap();
    for (fitted, shipped) in fitted.all_gather.values().iter().zip(communication().all_gather.values()) {
        // Another processor rounds sums otherwise.
        assert!((fitted / shipped - 1.0).abs() < 0.02, "{fitted} {shipped}");
    }
    let (median, _, p90) = errors(communication(), &table, 4.0, "");
    assert!(median < 0.06 && p90 < 0.15, "{median} {p90}");
}

/// All-reduce bandwidth of eight H200 (stas00/ml-engineering, network benchmarks: bus bandwidth, 2 (p - 1) / p bytes over time).
#[test]
fn eight_members_reach_published_bandwidths() {
    let h200 = device("h200").unwrap().1;
    let bus = |operation, bytes: f64, members: f64, rounds: f64| {
        rounds * (members - 1.0) / members * bytes / collective_time(h200, operation, bytes, members, Fabric::ScaleUp) / 1e9
    };
    for (bytes, members, published) in [(1.074e9, 8.0, 463.6), (8.59e9, 8.0, 477.5), (8.59e9, 6.0, 435.6), (8.59e9, 4.0, 363.3)] {
        let it = bus(Collective::AllReduce, bytes, members, 2.0);
        eprintln!("all-reduce {bytes:e} B among {members}: {it:.1} GB/s, published {published}");
        assert!((it / published - 1.0).abs() < 0.06, "{bytes} {members}: {it} {published}");
    }
    let it = bus(Collective::AllGather, 8.59e9, 8.0, 1.0);
    eprintln!("all-gather: {it:.1} GB/s, published 361.4");
    assert!((it / 361.4 - 1.0).abs() < 0.06, "{it}");
}
