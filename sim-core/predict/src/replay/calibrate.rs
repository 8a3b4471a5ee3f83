//! Fits the step times of a machine to requests that were measured on it.

use super::{Policy, Profiled, ReplayError, Since, StepParameters, Trace, replay};
use crate::fit::{Parameter, minimise};
use bastide_cost_models::compute::serving::Deployment;
use bastide_engine::{Stream, stream_key};

/// Measured requests of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Requests with what was measured of them.
    pub trace: &'a Trace,
    /// What served them.
    pub deployment: &'a Deployment<'a>,
    /// How.
    pub policy: &'a Policy,
    /// Requests that count, from and to, in the order of the trace; all are served, as others load the engine too.
    pub counted: (usize, usize),
}

/// One of the parameters.
type Field = fn(&mut StepParameters) -> &mut f64;

/// How far a parameter may go from its start, as the standard deviation of its logarithm: kernels measured alone tell the
/// shares of the data sheet well, what an engine adds to them hardly.
const SPREAD: [(f64, Field); COUNT] = [
    (0.7, |it| &mut it.host),
    (0.7, |it| &mut it.mixed_layer),
    (1.0, |it| &mut it.request),
    (0.2, |it| &mut it.layer),
    (0.02, |it| &mut it.stream),
    (0.04, |it| &mut it.matrix),
    (0.15, |it| &mut it.expert_matrix),
    (0.3, |it| &mut it.independent),
    (0.4, |it| &mut it.routing),
    (0.03, |it| &mut it.cache_stream),
    (0.2, |it| &mut it.attention_start),
    (0.07, |it| &mut it.attention_matrix),
    (0.3, |it| &mut it.tile_start),
    (0.4, |it| &mut it.link_share),
    (0.4, |it| &mut it.link_latency),
];
/// Parameters that are fitted.
const COUNT: usize = 15;
/// Loss of a parameter that is a standard deviation from its start.
const AWAY: f64 = 1e-3;
/// Largest distance from the start, in standard deviations.
const FARTHEST: f64 = 2.5;
/// Members of the population of the search, and its generations.
const POPULATION: usize = 56;
const GENERATIONS: usize = 80;

/// Parameters under which a replay of the runs is nearest to what was measured, and the error there: for each run the mean
/// absolute logarithm of times per token and of latencies, with weights 0.2 and 0.3 that of the mean and the median time to
/// the first token, which depends on the chance of which step a request comes to. `start` are the parameters known before,
/// from kernels measured alone or from another machine; they hold where the runs tell nothing.
///
/// Single requests jump from step to step as parameters change, so the loss is rough: differential evolution (Storn and Price
/// 1997, rand/1/bin) with a fixed sequence of draws, then a search by coordinates.
///
/// # Errors
/// [`ReplayError`] where a run cannot be replayed at all.
pub fn calibrate_steps(runs: &[Run<'_>], start: &StepParameters) -> Result<(StepParameters, f64), ReplayError> {
    let place = |x: &[f64]| {
        let mut parameters = start.clone();
        for ((spread, field), x) in SPREAD.iter().zip(x) {
            *field(&mut parameters) *= (x * spread).exp();
        }
        parameters
    };
    let error = |x: &[f64]| -> Result<f64, ReplayError> {
        let parameters = place(x);
        let mut sum = 0.0;
        for run in runs {
            sum += replay_error(run, &parameters)?;
        }
        Ok(sum / runs.len().max(1) as f64)
    };
    error(&[0.0; COUNT])?;
    let loss = |x: &[f64]| error(x).map_or(f64::INFINITY, |error| error + AWAY * x.iter().map(|x| x * x).sum::<f64>());
    let mut draws = Stream::new(0, 0, stream_key("steps", "calibration"));
    let mut members: Vec<([f64; COUNT], f64)> = (0..POPULATION)
        .map(|member| {
            // The first is the start.
            let x = std::array::from_fn(|_| if member == 0 { 0.0 } else { 2.0 * draws.uniform() - 1.0 });
            (x, loss(&x))
        })
        .collect();
    for _ in 0..GENERATIONS {
        for index in 0..POPULATION {
            let [a, b, c] = [(); 3].map(|()| members[(draws.uniform() * POPULATION as f64) as usize].0);
            let factor = 0.5 + 0.5 * draws.uniform();
            let certain = (draws.uniform() * COUNT as f64) as usize;
            let mut trial = members[index].0;
            for (i, x) in trial.iter_mut().enumerate() {
                if i == certain || draws.uniform() < 0.7 {
                    *x = (a[i] + factor * (b[i] - c[i])).clamp(-FARTHEST, FARTHEST);
                }
            }
            let value = loss(&trial);
            if value <= members[index].1 {
                members[index] = (trial, value);
            }
        }
    }
    let best = members.iter().fold(&members[0], |best, it| if it.1 < best.1 { it } else { best }).0;
    let ranges = best.map(|start| Parameter { start, low: -FARTHEST, high: FARTHEST });
    let (best, _) = minimise(&ranges, 20, loss);
    let reached = error(&best)?;
    Ok((place(&best), reached))
}

fn replay_error(run: &Run<'_>, parameters: &StepParameters) -> Result<f64, ReplayError> {
    let outcome = replay(run.trace, &Profiled::new(run.deployment, parameters), run.policy)?;
    let (mut times, mut firsts, mut ours, mut theirs) = (0.0, Vec::new(), 0.0, 0.0);
    let log = |ours: f64, theirs: f64| (ours.max(1e-6) / theirs.max(1e-6)).ln().abs();
    for (index, measured) in run.trace.measured.iter().enumerate().take(run.counted.1.min(outcome.output.len())).skip(run.counted.0) {
        let first = outcome.ttft(index, Since::Queue);
        times += log(outcome.latency(index, Since::Queue), measured.latency);
        times += outcome.tpot(index).zip(measured.per_token).map_or(0.0, |(ours, theirs)| log(ours, theirs));
        firsts.push(log(first, measured.first));
        ours += first;
        theirs += measured.first;
    }
    if firsts.is_empty() {
        return Ok(0.0);
    }
    let count = firsts.len();
    firsts.sort_unstable_by(f64::total_cmp);
    Ok(times / count as f64 + 0.2 * log(ours, theirs) + 0.3 * firsts[count / 2])
}
