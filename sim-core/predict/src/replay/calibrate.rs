//! Fits the step times of a machine to requests that were measured on it.

use super::{Policy, Profiled, ReplayError, Since, StepParameters, Trace, replay};
use crate::fit::{Parameter, minimise};
use bastide_cost_models::compute::serving::Deployment;

/// Measured requests of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Requests with what was measured of them.
    pub trace: &'a Trace,
    /// What served them.
    pub deployment: &'a Deployment<'a>,
    /// How.
    pub policy: &'a Policy,
    /// Requests that count, in the order of the trace; all are served, as those before the first load the engine.
    pub counted: (usize, usize),
}

/// How far a parameter may go from its start, as the standard deviation of its logarithm: kernels measured alone tell the
/// shares of the data sheet well, what an engine adds to them hardly.
const SPREAD: [(f64, fn(&mut StepParameters) -> &mut f64); 10] = [
    (1.5, |it| &mut it.host),
    (1.5, |it| &mut it.request),
    (0.5, |it| &mut it.layer),
    (0.05, |it| &mut it.stream),
    (0.10, |it| &mut it.matrix),
    (0.5, |it| &mut it.routing),
    (0.05, |it| &mut it.cache_stream),
    (0.15, |it| &mut it.attention_matrix),
    (0.5, |it| &mut it.link_share),
    (0.7, |it| &mut it.link_latency),
];

/// Parameters under which a replay of the runs is nearest to what was measured, and the mean error there: absolute logarithm
/// of the time per token and of the latency of each request, and, capped, of the first token. `start` are the parameters
/// known before, from kernels measured alone or from another machine; they hold where the runs tell nothing.
///
/// # Errors
/// [`ReplayError`] where a run cannot be replayed at all.
pub fn calibrate_steps(runs: &[Run<'_>], start: &StepParameters) -> Result<(StepParameters, f64), ReplayError> {
    let error = |parameters: &StepParameters| -> Result<f64, ReplayError> {
        let mut sum = 0.0;
        for run in runs {
            sum += replay_error(run, parameters)?;
        }
        Ok(sum / runs.len().max(1) as f64)
    };
    error(start)?;
    let place = |x: &[f64]| {
        let mut parameters = start.clone();
        for ((_, field), x) in SPREAD.iter().zip(x) {
            *field(&mut parameters) *= x.exp();
        }
        parameters
    };
    let ranges: Vec<Parameter> =
        SPREAD.iter().map(|(spread, _)| Parameter { start: 0.0, low: -3.0 * spread, high: 3.0 * spread }).collect();
    let (best, _) = minimise(&ranges, 60, |x| {
        let away: f64 = SPREAD.iter().zip(x).map(|((spread, _), x)| (x / spread).powi(2)).sum();
        error(&place(x)).map_or(f64::INFINITY, |error| error + 5e-4 * away)
    });
    let parameters = place(&best);
    let error = error(&parameters)?;
    Ok((parameters, error))
}

fn replay_error(run: &Run<'_>, parameters: &StepParameters) -> Result<f64, ReplayError> {
    let outcome = replay(run.trace, &Profiled::new(run.deployment, parameters), run.policy)?;
    let (mut sum, mut count) = (0.0, 0.0);
    for (index, measured) in run.trace.measured.iter().enumerate().take(run.counted.1).skip(run.counted.0) {
        let log = |ours: f64, theirs: f64| (ours.max(1e-6) / theirs.max(1e-6)).ln().abs();
        sum += log(outcome.latency(index, Since::Queue), measured.latency);
        sum += 0.2 * log(outcome.ttft(index, Since::Queue), measured.first).min(0.5);
        if let Some((ours, theirs)) = outcome.tpot(index).zip(measured.per_token) {
            sum += log(ours, theirs);
        }
        count += 1.0;
    }
    Ok(sum / f64::max(count, 1.0))
}
