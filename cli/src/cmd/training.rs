//! What happened to the training campaigns of a study, as a table for people.

use bastide_reports::number::Scale;
use bastide_sim::results::Study;

/// Metrics of a campaign that the table shows.
const METRICS: [&str; 7] =
    ["goodput", "ettr", "delay", "interruptions_unexpected", "interruptions_planned", "time_to_interruption", "checkpoint_interval"];

/// Campaign by campaign, then cause by cause: mean with its error, and what 90 % of histories lie between. Empty without campaigns.
pub fn lines(study: &Study, alternative: &str) -> Vec<String> {
    let mut table = vec![["training", "mean", "5 %", "95 %"].map(str::to_owned).to_vec()];
    let mut row = |kind: &str, entity: &str, metric: &str, words: String| {
        let unit = study.summary.metrics.iter().find(|it| it.entity_kind == kind && it.metric == metric).map_or("", |it| &it.unit);
        let Some(of) = study.estimate(alternative, kind, entity, metric).filter(|of| kind == "campaign" || of.mean > 0.0) else { return };
        let scale = Scale::of(unit, of.p95.abs());
        table.push(vec![words, scale.with_unit(of.mean, of.stderr), scale.value(of.p05, None), scale.value(of.p95, None)]);
    };
    let named = |kind: &'static str, metric: &'static str| {
        let of = study.summary.estimates.iter().map(|it| (&it.alternative, &it.subject));
        of.filter(move |(of, it)| *of == alternative && it.entity_kind == kind && it.metric == metric).map(|(_, it)| it.entity.as_str())
    };
    for campaign in named("campaign", "goodput") {
        for metric in METRICS {
            row("campaign", campaign, metric, format!("{campaign} {}", metric.replace('_', " ")));
        }
    }
    for cause in named("interruption", "interruptions") {
        row("interruption", cause, "interruptions", format!("interruptions, {cause}"));
    }
    if table.len() > 1 { super::aligned(&table) } else { Vec::new() }
}
