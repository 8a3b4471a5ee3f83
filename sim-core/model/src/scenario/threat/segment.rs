//! `[[segment]]`.

use bastide_units::MoneyRate;

use super::super::each;
use crate::decode::{Context, suggestion};
use crate::model::{SegmentGraph, SegmentId};
use crate::tree::Table;

/// Decodes `[[segment]]`; segments that no site names join the others.
pub fn segments(ctx: &mut Context, root: &Table, names: &mut Vec<String>) -> SegmentGraph {
    // First all names, so that an edge may lead to a segment that is described further down.
    for (table, _) in super::super::entries(root, "segment") {
        if let Some(name) = table.text("name")
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    let count = names.len();
    let mut graph = SegmentGraph {
        exposed: vec![false; count],
        edges: Vec::new(),
        zero_trust: vec![0.0; count],
        micro_segments: vec![1; count],
        upkeep: vec![MoneyRate::from_eur_per_y(0.0); count],
    };
    each(ctx, root, "segment", |cursor| {
        let entity = cursor.entity();
        // Missing only where the entry has no name, which is reported.
        let Some(own) = names.iter().position(|name| *name == entity.name) else { return };
        graph.exposed[own] = cursor.boolean("exposed");
        graph.zero_trust[own] = cursor.ratio("zero_trust");
        graph.micro_segments[own] = cursor.count("micro_segments");
        graph.upkeep[own] = cursor.quantity("upkeep");
        for (word, at) in cursor.words_at("connects").unwrap_or_default() {
            match names.iter().position(|name| name == word) {
                Some(other) if other == own => {
                    cursor.ctx.error_hint("F0855", at, format!("segment `{word}` connects to itself"), "name another, or remove it");
                }
                Some(other) => graph.edges.push((SegmentId::from_index(own), SegmentId::from_index(other))),
                None => {
                    let known: Vec<&str> = names.iter().map(String::as_str).collect();
                    let hint = suggestion(word, &known, "segment");
                    cursor.ctx.error_hint("F0301", at, format!("there is no segment `{word}`"), hint);
                }
            }
        }
    });
    graph
}
