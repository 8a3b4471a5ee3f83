//! Fits the attention kernels to a table.

use std::collections::BTreeMap;

use bastide_cost_models::compute::attention::{
    Circumstance, Fitted, Grouped, Library, Machine, Parts, Prompt, Single, Step, Tiled, prompt, step, takes_single,
};
use bastide_cost_models::compute::{Conformal, device, left_out};

use super::least_squares::least_squares;
use super::{Phase, Question};
use crate::Table;

/// How strongly parameters are held where fits start (logarithms): what the rows say nothing of stays there.
const HOLD: f64 = 0.05;
/// Rounds of the fit.
const ROUNDS: usize = 60;
/// Parts into which groups are dealt to find the errors on groups that a fit has not seen.
const FOLDS: usize = 5;

/// A measured row.
struct Case<S> {
    group: String,
    machine: Machine,
    asked: S,
    windowed: bool,
    /// Measured \[us\].
    measured: f64,
}

/// Fits every kernel to the rows whose groups are not left out and that `take` takes (by accelerator); `None` where some
/// kernel has no rows.
#[must_use]
pub fn fit_attention(table: &Table, take: impl Fn(&str) -> bool) -> Option<Library> {
    let mut single: [Vec<Case<Step>>; 2] = Default::default();
    let mut grouped: [Vec<Case<Step>>; 2] = Default::default();
    let mut tiled: [Vec<Case<Prompt>>; 3] = Default::default();
    for row in table.rows() {
        let (Some(accelerator), Some(group), Some(measured)) = (row.get("accelerator"), row.get("group"), row.number("latency_ms")) else {
            continue;
        };
        let (Ok(question), Some((_, device))) = (Question::read(row), device(accelerator)) else { continue };
        if left_out(group) || !take(accelerator) || measured <= 0.0 {
            continue;
        }
        let (machine, measured, group) = (Machine::of(device), measured * 1e3, group.to_owned());
        let eight_bit = question.heads.cache.bytes() <= 1.0;
        match question.phase {
            Phase::Context => {
                let asked = prompt(question.heads, question.batch, question.context, 0.0, Circumstance::Table);
                let kind = if question.heads.format.bytes() <= 1.0 { 2 } else { usize::from(eight_bit) };
                tiled[kind].push(Case { group, machine, windowed: asked.windowed(), asked, measured });
            }
            Phase::Generation => {
                let asked = step(question.heads, question.batch, question.context, Circumstance::Table);
                let kind = if takes_single(&machine, &asked, eight_bit, Circumstance::Table) { &mut single } else { &mut grouped };
                kind[usize::from(eight_bit)].push(Case { group, machine, windowed: asked.window < asked.context, asked, measured });
            }
        }
    }
    let single_time = |it: &[f64], case: &Case<Step>| Single::from_values(it).parts(&case.machine, &case.asked);
    let grouped_time = |it: &[f64], case: &Case<Step>, eight| Grouped::from_values(it).parts(&case.machine, &case.asked, eight);
    let tiled_time = |it: &[f64], case: &Case<Prompt>, eight| Tiled::from_values(it).parts(&case.machine, &case.asked, eight);
    let (a, b, c) = (Single::START.values(), Grouped::START.values(), Tiled::START.values());
    Some(Library {
        provenance: "fitted to the kernel tables of ai-dynamo/aiconfigurator 095f58a51 (TensorRT-LLM 1.3.0rc20 on H100 and H200 SXM, \
                     last cache not flushed), without the left-out groups; intervals from five-fold cross-validation over groups"
            .into(),
        single_16bit: fit(&single[0], &a, single_time)?.with(Single::from_values),
        single_8bit: fit(&single[1], &a, single_time)?.with(Single::from_values),
        grouped_16bit: fit(&grouped[0], &b, |it, case| grouped_time(it, case, false))?.with(Grouped::from_values),
        grouped_8bit: fit(&grouped[1], &b, |it, case| grouped_time(it, case, true))?.with(Grouped::from_values),
        tiled_16bit: fit(&tiled[0], &c, |it, case| tiled_time(it, case, false))?.with(Tiled::from_values),
        tiled_mixed: fit(&tiled[1], &c, |it, case| tiled_time(it, case, true))?.with(Tiled::from_values),
        tiled_8bit: fit(&tiled[2], &c, |it, case| tiled_time(it, case, true))?.with(Tiled::from_values),
    })
}

/// Values of a kernel and its intervals.
struct Kernel {
    values: Vec<f64>,
    full: Conformal,
    windowed: Conformal,
}

impl Kernel {
    fn with<T>(self, kernel: impl Fn(&[f64]) -> T) -> Fitted<T> {
        // Six digits: more say nothing and change with the order of sums.
        let rounded: Vec<f64> = self.values.iter().map(|value| rounded(*value)).collect();
        Fitted { full: self.full, windowed: self.windowed, kernel: kernel(&rounded) }
    }
}

fn fit<S>(cases: &[Case<S>], start: &[f64], time: impl Fn(&[f64], &Case<S>) -> Parts) -> Option<Kernel> {
    if cases.is_empty() {
        return None;
    }
    let start: Vec<f64> = start.iter().map(|value| value.ln()).collect();
    let exp = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value.exp()).collect() };
    let error = |values: &[f64], case: &Case<S>| (case.measured / time(values, case).total()).ln();
    let solve = |keep: &dyn Fn(&Case<S>) -> bool| {
        let kept: Vec<&Case<S>> = cases.iter().filter(|case| keep(case)).collect();
        exp(&least_squares(&start, ROUNDS, |trial| {
            let values = exp(trial);
            let held = trial.iter().zip(&start).map(|(at, start)| HOLD * (at - start));
            kept.iter().map(|case| error(&values, case)).chain(held).collect()
        }))
    };
    // Groups are dealt in order of their names' hashes, so that neighbours are apart.
    let mut groups: Vec<(u64, &str)> = cases.iter().map(|case| (hash(&case.group), case.group.as_str())).collect();
    groups.sort_unstable();
    groups.dedup();
    let fold: BTreeMap<&str, usize> = groups.iter().enumerate().map(|(index, (_, name))| (*name, index % FOLDS)).collect();
    let mut unseen: [Vec<(f64, f64)>; 2] = Default::default();
    for index in 0..FOLDS {
        let values = solve(&|case| fold[case.group.as_str()] != index);
        for case in cases.iter().filter(|case| fold[case.group.as_str()] == index) {
            unseen[usize::from(case.windowed)].push((error(&values, case), 1.0));
        }
    }
    let all = Conformal::calibrate(unseen.iter().flatten().copied())?;
    // Few rows make no quantile: then that of all serves.
    let of = |rows: &[(f64, f64)]| if rows.len() < 40 { Some(all) } else { Conformal::calibrate(rows.iter().copied()) };
    let short = |it: Conformal| Conformal { low: rounded(it.low), high: rounded(it.high) };
    Some(Kernel { values: solve(&|_| true), full: short(of(&unseen[0])?), windowed: short(of(&unseen[1])?) })
}

/// Six significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// FNV-1a hash of a name, mixed so that neighbours part.
fn hash(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 29 ^ hash).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}
