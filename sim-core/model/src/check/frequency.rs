//! Whether a history of what comes at a rate has an end that somebody lives to see.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{Failure, FailureDomain, HazardKind, Model, Spike, Timing};

/// Failures of one unit per day, all factors at their greatest: a node that fails each minute never works.
const MOST_FAILURES_PER_D: f64 = 1440.0;
/// Failures of the standing fleets in one history. A hundred million take about a minute.
const MOST_FAILURES: f64 = 1e8;
/// Outages and blackouts of one hazard in one history.
const MOST_OUTAGES: f64 = 1e6;
/// Spikes in one history.
const MOST_SPIKES: f64 = 1e5;
/// Spikes that hold at a time, on average.
const MOST_AT_A_TIME: f64 = 100.0;
/// Greatest factor of one spike, on average.
const GREATEST_FACTOR: f64 = 1e6;

/// What is expected to happen can be simulated.
pub fn check(ctx: &mut Context, model: &Model) {
    for (index, failure) in model.failures.iter().enumerate() {
        if !ctx.is_poisoned("failure", index)
            && let Some(message) = failures(model, failure)
        {
            let hint = "check the unit of `rate`, and `by_age` and `by_job_size`";
            ctx.push(Diagnostic::error("F0815", failure.entity.span.clone(), message).hint(hint));
        }
    }
    for (index, hazard) in model.hazards.iter().enumerate() {
        let (timing, each) = match &hazard.kind {
            HazardKind::RandomOutage { timing, targets, .. } => (timing, targets.len()),
            HazardKind::Blackout { timing, .. } => (timing, 1),
            _ => continue,
        };
        let Timing::Rate { rate, .. } = timing else { continue };
        let expected = rate.as_per_s() * model.header.duration.as_s() * each as f64;
        if !ctx.is_poisoned("hazard", index) && expected > MOST_OUTAGES {
            let message = format!("hazard `{}` is expected {expected:.0e} times in a history", hazard.entity.name);
            ctx.push(Diagnostic::error("F0815", hazard.entity.span.clone(), message).hint("check the unit of `rate`"));
        }
    }
    for (index, spike) in model.spikes.iter().enumerate() {
        if !ctx.is_poisoned("spike", index)
            && let Some(message) = spikes(model, spike)
        {
            let hint = "spikes multiply where they overlap: make them rarer, shorter or smaller";
            ctx.push(Diagnostic::error("F0815", spike.entity.span.clone(), message).hint(hint));
        }
    }
}

fn failures(model: &Model, failure: &Failure) -> Option<String> {
    let most = |factors: &mut dyn Iterator<Item = f64>| factors.fold(1.0, f64::max);
    let factor =
        most(&mut failure.by_age.iter().map(|(_, factor)| *factor)) * most(&mut failure.by_job_size.iter().map(|(_, factor)| *factor));
    let per_d = failure.rate.as_per_s() * 86_400.0 * factor;
    let name = &failure.entity.name;
    if per_d > MOST_FAILURES_PER_D {
        return Some(format!("failure `{name}` hits each {} more often than every minute", unit(failure.domain)));
    }
    let nodes = model.fleets.iter().map(|fleet| f64::from(fleet.count) / f64::from(model.accelerators[fleet.accelerator].per_node.max(1)));
    let units = if failure.domain == FailureDomain::Site { model.sites.len() as f64 } else { nodes.sum() };
    let expected = per_d * units * model.header.duration.as_d();
    (expected > MOST_FAILURES).then(|| format!("failure `{name}` is expected {expected:.0e} times in a history"))
}

const fn unit(domain: FailureDomain) -> &'static str {
    match domain {
        FailureDomain::Node => "node",
        FailureDomain::Rack => "rack",
        FailureDomain::Hall => "hall",
        FailureDomain::Site => "site",
    }
}

fn spikes(model: &Model, spike: &Spike) -> Option<String> {
    let name = &spike.entity.name;
    let per_s = spike.rate().as_per_s();
    let expected = per_s * model.header.duration.as_s();
    let at_a_time = per_s * (spike.rise.as_s() + spike.duration.mean() + spike.decay.as_s());
    if expected > MOST_SPIKES {
        Some(format!("spike `{name}` is expected {expected:.0e} times in a history"))
    } else if at_a_time > MOST_AT_A_TIME {
        Some(format!("{at_a_time:.0} spikes `{name}` hold at a time"))
    } else if spike.factor.mean() > GREATEST_FACTOR {
        Some(format!("spike `{name}` multiplies demand by {:.0e}", spike.factor.mean()))
    } else {
        None
    }
}
