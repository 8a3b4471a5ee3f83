//! Replicas: how many accelerators one has, and how long requests take in it.

use bastide_units::TokenRate;

use crate::decode::Context;
use crate::model::{Accelerator, LatencyLaw, Places, Replica, Service};
use crate::scenario::demand::Demands;

/// Replicas of a service on each type; where the scenario caps latency, `rates` falls to what meets the target.
pub fn replicas(
    ctx: &mut Context,
    service: &Service,
    demands: &Demands,
    accelerators: &[Accelerator],
    rates: &mut [TokenRate],
) -> Vec<Replica> {
    let mut all: Vec<Replica> = accelerators.iter().zip(&*rates).map(|(kind, rate)| replica(service, demands, kind, *rate)).collect();
    let Some(target_s) = service.operation.latency_target.map(bastide_units::Duration::as_s).filter(|target| !target.is_nan()) else {
        return all;
    };
    let most = |replica: &Replica| replica.law.as_ref().map(|law| law.within(target_s));
    let within: Vec<Option<Option<f64>>> = all.iter().map(most).collect();
    let known = within.iter().zip(&*rates).any(|(within, rate)| within.is_some() && rate.as_tokens_per_s() > 0.0);
    if known && within.iter().flatten().all(Option::is_none) {
        if let Some(at) = demands.replica.target_at {
            let message = format!("requests of service `{}` take longer on every type, even where they are alone", service.entity.name);
            ctx.error_hint("F0544", at, message, "95 % of requests must fit, to their last token: give them more time");
        }
        return all;
    }
    if demands.replica.cap {
        for ((replica, within), rate) in all.iter_mut().zip(within).zip(rates) {
            let (Some(law), Some(within)) = (&replica.law, within) else { continue };
            let share = within.unwrap_or(0.0);
            *rate = *rate * share;
            replica.law = Some(law.derated(share));
        }
    }
    all
}

fn replica(service: &Service, demands: &Demands, _kind: &Accelerator, rate: TokenRate) -> Replica {
    let keys = &demands.replica;
    let accelerators = keys.accelerators.unwrap_or(1).max(1);
    let tokens_per_s = rate.as_tokens_per_s() * f64::from(accelerators) * (1.0 - service.security_overhead);
    let law = keys.request_tokens.filter(|tokens| tokens.is_finite() && tokens_per_s > 0.0).map(|tokens| {
        let count = keys.concurrency.max(1);
        LatencyLaw::Places(Places { count, service_s: tokens * f64::from(count) / tokens_per_s })
    });
    Replica { accelerators, law }
}
