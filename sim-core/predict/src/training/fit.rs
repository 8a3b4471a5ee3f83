//! Fits what frameworks make of kernels and links to measured steps.
//!
//! One level at a time, each drawn to the level above as far as its rows do not say otherwise: all rows, rows of a framework, rows of a
//! framework on chips of one architecture.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bastide_cost_models::compute::training::{Common, Framework, GENERAL, Parameters, generation_name};
use bastide_cost_models::compute::{Conformal, Generation, left_out};

use super::Run;
use crate::fit::{Parameter, minimise};

/// A measured run: `ln(measured / predicted) = sign * ln(seconds) + constant`.
pub(crate) struct Observation {
    pub(crate) run: Run,
    pub(crate) group: String,
    /// Whether the value falls (-1: rates) or grows (1: times) with the step's time.
    pub(crate) sign: f64,
    /// Logarithm of the measured value over what a step of one second would give.
    pub(crate) measured: f64,
}

impl Observation {
    fn residual(&self, parameters: &Parameters, framework: &Framework, common: &Common) -> f64 {
        let setting = self.run.setting(parameters);
        let setting =
            bastide_cost_models::compute::training::Setting { framework, common, sustained: common.sustained(self.run.device), ..setting };
        let seconds = bastide_cost_models::compute::training::step(setting, self.run.task(), &self.run.layout).seconds();
        self.measured - self.sign * seconds.ln()
    }
}

/// Names, ranges and spreads between frameworks of the fitted figures. The spread is what a framework differs from the general by
/// one standard deviation.
const FIGURES: [(&str, f64, f64, f64); 13] = [
    ("matrix", 0.7, 2.5, 0.1),
    ("attention", 0.4, 5.0, 0.4),
    ("elementwise", 0.6, 5.0, 0.5),
    ("launch", 0.0, 5e-3, 5e-4),
    ("expert_launch", 0.0, 1e-2, 1.5e-3),
    ("tensor_exposed", 0.05, 3.0, 0.4),
    ("data_overlap", 0.0, 1.0, 0.1),
    ("expert_exposed", 0.05, 3.0, 0.4),
    ("grouped", 0.8, 3.0, 0.2),
    ("selective", 0.0, 1.0, 0.2),
    ("pressure", 0.0, 0.5, 0.1),
    ("straggle", 0.0, 0.04, 0.004),
    ("step", 0.0, 0.1, 0.01),
];

fn figures(it: &Framework) -> [f64; 13] {
    [
        it.matrix,
        it.attention,
        it.elementwise,
        it.launch,
        it.expert_launch,
        it.tensor_exposed,
        it.data_overlap,
        it.expert_exposed,
        it.grouped,
        it.selective,
        it.pressure,
        it.straggle,
        it.step,
    ]
}

fn framework(x: &[f64]) -> Framework {
    Framework {
        matrix: x[0],
        attention: x[1],
        elementwise: x[2],
        launch: x[3],
        expert_launch: x[4],
        tensor_exposed: x[5],
        data_overlap: x[6],
        expert_exposed: x[7],
        grouped: x[8],
        selective: x[9],
        pressure: x[10],
        straggle: x[11],
        step: x[12],
    }
}

/// Where a framework that nobody has measured is taken to be before any fit: kernels as they are, links hidden as documented.
const START: [f64; 13] = [1.05, 1.1, 1.3, 6e-4, 1.5e-3, 1.0, 0.9, 0.9, 1.1, 0.0, 0.0, 3e-3, 5e-3];

/// Frameworks of which no fitted row tells: from what is known of the software. XLA compiles a step into one program that leaves
/// no launches and fuses norms and activations into products; systolic arrays reach about 95 % of their peak on large products, where the
/// kernel model takes 80 to 83 % (scaling book of the JAX authors, recalled).
///
/// DeepSeek's own framework hides the all-to-all of experts and most of the pipeline (DeepSeek-AI 2024, DeepSeek-V3, section 3.2); the rest
/// is what Megatron reaches on the same chips.
const KNOWN: [(&str, [f64; 13]); 2] = [
    ("hai-llm", [1.05, 1.1, 1.3, 6e-4, 1.5e-3, 1.0, 0.9, 0.05, 1.1, 0.0, 0.0, 2e-3, 5e-3]),
    ("maxtext-tpu", [0.87, 0.9, 0.8, 0.0, 0.0, 1.0, 0.95, 0.9, 1.1, 0.15, 0.0, 1.5e-3, 1e-3]),
];

/// What a residual costs: its size, of which little above `cap` counts.
fn cost(residual: f64, cap: f64) -> f64 {
    let size = if residual.is_finite() { residual.abs() } else { 10.0 };
    size.min(cap) + 0.1 * (size - cap).max(0.0)
}

/// A framework's figures for some rows, drawn to `prior`.
fn fit_one(rows: &[&Observation], parameters: &Parameters, prior: &[f64; 13], noise: f64, rounds: usize) -> [f64; 13] {
    let ranges: Vec<Parameter> =
        FIGURES.iter().zip(prior).map(|((_, low, high, _), start)| Parameter { start: *start, low: *low, high: *high }).collect();
    // Rows of a group are alike: a group of four counts as two of one.
    let mut sizes: BTreeMap<&str, f64> = BTreeMap::new();
    for row in rows {
        *sizes.entry(row.group.as_str()).or_default() += 1.0;
    }
    let (best, _) = minimise(&ranges, rounds, |x| {
        let it = framework(x);
        let data: f64 =
            rows.iter().map(|row| cost(row.residual(parameters, &it, &parameters.common), 0.5) / sizes[row.group.as_str()].sqrt()).sum();
        let away: f64 = x.iter().zip(prior).zip(&FIGURES).map(|((x, prior), figure)| ((x - prior) / figure.3).powi(2)).sum();
        data + noise * away / 2.0
    });
    let mut out = *prior;
    out.copy_from_slice(&best);
    out
}

/// The keys of a run's parameters, most particular first.
fn keys(run: &Run) -> [String; 2] {
    [format!("{}/{}", run.framework, generation_name(run.device.generation)), run.framework.to_owned()]
}

/// Every level below the general one.
fn fit_levels(
    rows: &[&Observation],
    parameters: &Parameters,
    general: &[f64; 13],
    noise: f64,
    rounds: usize,
) -> BTreeMap<String, [f64; 13]> {
    let mut found = BTreeMap::new();
    for level in [1, 0] {
        let mut sets: BTreeMap<String, Vec<&Observation>> = BTreeMap::new();
        for row in rows {
            sets.entry(keys(&row.run)[level].clone()).or_default().push(row);
        }
        for (key, set) in sets {
            let parent = keys(&set[0].run)[1].clone();
            let siblings = rows.iter().filter(|row| row.run.framework == parent).count();
            let prior = if level == 1 { *general } else { found.get(&parent).copied().unwrap_or(*general) };
            // One architecture alone is its framework.
            if level == 1 || (set.len() >= 4 && set.len() < siblings) {
                found.insert(key, fit_one(&set, parameters, &prior, noise, rounds));
            }
        }
    }
    found
}

/// The parameters of every level, with residuals of groups that took no part: each group is predicted by a fit of the others.
/// `noise` is that of the measured values, in logarithms; `with_general` fits what holds for all frameworks too.
pub(crate) fn fit(observations: &[Observation], start: &Parameters, provenance: &str, noise: f64, with_general: bool) -> Option<String> {
    let rows: Vec<&Observation> = observations.iter().filter(|it| !left_out(&it.group)).collect();
    if rows.is_empty() {
        return None;
    }
    let mut parameters = start.clone();
    let mut general = if with_general {
        START
    } else {
        // Megatron-LM as it is installed hides neither tensor-parallel communication nor all-to-alls.
        let it = *start.framework(GENERAL, Generation::Hopper).0;
        figures(&Framework { tensor_exposed: 1.0, expert_exposed: 1.0, ..it })
    };
    if with_general {
        // Frameworks count alike, however many rows they have.
        let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
        for row in &rows {
            *counts.entry(row.run.framework).or_default() += 1.0;
        }
        let chips = [Generation::Hopper, Generation::Blackwell];
        let mut ranges: Vec<Parameter> =
            FIGURES.iter().zip(START).map(|((_, low, high, _), start)| Parameter { start, low: *low, high: *high }).collect();
        ranges.push(Parameter { start: 2.9, low: 2.0, high: 4.5 });
        ranges.push(Parameter { start: 0.7, low: 0.0, high: 1.5 });
        ranges.push(Parameter { start: 0.9, low: 0.4, high: 1.1 });
        ranges.push(Parameter { start: 0.8, low: 0.0, high: 1.2 });
        ranges.extend(chips.map(|_| Parameter { start: 1.1, low: 0.8, high: 1.8 }));
        let common = |x: &[f64]| {
            let mut common = start.common.clone();
            common.attention_backward = x[13];
            common.power = x[14];
            common.narrow = x[15];
            common.shape = x[16];
            for (chip, value) in chips.iter().zip(&x[17..]) {
                common.sustained.insert(*chip, *value);
            }
            common
        };
        let (best, _) = minimise(&ranges, 40, |x| {
            let (it, common) = (framework(x), common(x));
            let data: f64 =
                rows.iter().map(|row| cost(row.residual(&parameters, &it, &common), 0.5) / counts[row.run.framework]).sum::<f64>()
                    / counts.len() as f64;
            let away: f64 = x.iter().zip(START).zip(&FIGURES).map(|((x, start), figure)| ((x - start) / figure.3).powi(2)).sum();
            let chips: f64 = x[17..].iter().map(|it| ((it - 1.1) / 0.1).powi(2)).sum();
            data + 0.003
                * (away
                    + chips
                    + ((x[13] - 2.9) / 0.3).powi(2)
                    + ((x[14] - 0.7) / 0.3).powi(2)
                    + ((x[15] - 0.9) / 0.1).powi(2)
                    + ((x[16] - 0.8) / 0.4).powi(2))
        });
        general.copy_from_slice(&best[..13]);
        parameters.common = common(&best);
    }
    let found = fit_levels(&rows, &parameters, &general, noise, 150);
    // Leave one group out.
    let groups: std::collections::BTreeSet<&str> = rows.iter().map(|it| it.group.as_str()).collect();
    let mut residuals: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for group in groups {
        let (out, kept): (Vec<&Observation>, Vec<&Observation>) = rows.iter().partition(|it| it.group == group);
        let names: std::collections::BTreeSet<&str> = out.iter().map(|it| it.run.framework).collect();
        let kept: Vec<&Observation> = kept.into_iter().filter(|it| names.contains(it.run.framework)).collect();
        let levels = fit_levels(&kept, &parameters, &general, noise, 50);
        for row in out {
            let key = keys(&row.run);
            let it = levels.get(&key[0]).or_else(|| levels.get(&key[1]));
            let regime = row.run.regime(it.is_some());
            let it = framework(it.unwrap_or(&general));
            residuals.entry(regime.to_owned()).or_default().push(row.residual(&parameters, &it, &parameters.common));
        }
    }
    let mean = |set: &[f64]| set.iter().map(|it| it.abs()).sum::<f64>() / set.len().max(1) as f64;
    let mut out = String::new();
    let scores: Vec<String> =
        residuals.iter().map(|(name, set)| format!("{name} {:.1} % of {} rows", 100.0 * mean(set), set.len())).collect();
    let _ = writeln!(
        out,
        "provenance = \"{provenance}; fitted on the groups that are not left out; mean error of groups that took no part: {}\"\n",
        scores.join(", ")
    );
    let _ = writeln!(
        out,
        "[common]\nattention_backward = {:.4}\nstream = {:.4}\npower = {:.4}\nnarrow = {:.4}\nshape = {:.4}",
        parameters.common.attention_backward,
        parameters.common.stream,
        parameters.common.power,
        parameters.common.narrow,
        parameters.common.shape
    );
    let chips: Vec<String> =
        parameters.common.sustained.iter().map(|(chip, value)| format!("{} = {value:.4}", generation_name(*chip))).collect();
    let _ = writeln!(out, "sustained = {{ {} }}", chips.join(", "));
    for name in ["framework", "composer", "experts", "general", "searched", "benchmark"] {
        let own = residuals.get(name).filter(|set| set.len() >= 8).map(|set| {
            // Symmetric: few rows say little about skew. Nine tenths of the sizes, between ranks.
            let mut sizes: Vec<f64> = set.iter().map(|it| it.abs()).collect();
            sizes.sort_by(f64::total_cmp);
            let at = 0.9 * (sizes.len() - 1) as f64;
            let (below, above) = (sizes[at.floor() as usize], sizes[at.ceil() as usize]);
            let size = below + (above - below) * at.fract();
            Conformal { low: -size, high: size }
        });
        let it = own.or_else(|| start.residuals.get(name).copied());
        if let Some(it) = it {
            let _ = writeln!(out, "\n[residuals.{name}]\nlow = {:.4}\nhigh = {:.4}", it.low.min(-0.02), it.high.max(0.02));
        }
    }
    let mut write = |name: &str, x: &[f64; 13]| {
        let _ = writeln!(out, "\n[framework.\"{name}\"]");
        for ((figure, ..), value) in FIGURES.iter().zip(x) {
            let _ = writeln!(out, "{figure} = {value:.6}");
        }
    };
    write(GENERAL, &general);
    for (name, x) in KNOWN.iter().filter(|(name, _)| with_general && !found.contains_key(*name)) {
        write(name, x);
    }
    for (name, x) in &found {
        write(name, x);
    }
    Some(out)
}
