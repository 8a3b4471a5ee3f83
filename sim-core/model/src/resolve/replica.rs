//! Replicas: how many accelerators one has, how many tokens it serves, and how long requests take in it.

use std::collections::BTreeMap;

use bastide_cost_models::compute::{LoadedReplica, READABLE, serving_replica, sheet_of};
use bastide_units::{Duration, TokenRate};

use crate::decode::Context;
use crate::model::{Accelerator, LOAD_STEPS, LatencyLaw, LoadTable, Places, Replica, Service, Times};
use crate::scenario::demand::Demands;

/// Loads at which the library's replica is worked out; the table between them is linear.
const LOADS: usize = 24;

/// Replicas of the library's models by model and type, worked out once.
#[derive(Default)]
pub struct Library {
    known: BTreeMap<(String, usize), Option<OfLibrary>>,
}

/// A replica of a model of the library on one type.
#[derive(Clone)]
struct OfLibrary {
    accelerators: u32,
    rate: TokenRate,
    loads: Vec<LoadedReplica>,
}

impl Library {
    fn replica(&mut self, model: &str, at: usize, kind: &Accelerator) -> Option<&OfLibrary> {
        let of_library = || {
            let data = bastide_cost_models::library().models.get(model)?;
            let sheet = sheet_of(&kind.entity.name, kind.peak, kind.memory, kind.memory_bandwidth)?;
            let it = serving_replica(data, &sheet, kind.per_node, READABLE)?;
            Some(OfLibrary { accelerators: it.accelerators, rate: it.rate, loads: it.loads(LOADS) })
        };
        self.known.entry((model.to_owned(), at)).or_insert_with(of_library).as_ref()
    }
}

/// Replicas of a service on each type, and tokens per second of one accelerator before the security mode slows it: zero where the model
/// does not fit. Where the scenario caps latency, no more than meets the target.
pub fn replicas(
    ctx: &mut Context,
    library: &mut Library,
    service: &Service,
    demands: &Demands,
    kinds: &[Accelerator],
) -> (Vec<Replica>, Vec<TokenRate>) {
    let replica = |(at, kind)| match &demands.tokens_per_accelerator {
        Some(stated_rate) => {
            let by_type =
                |all: &Vec<(usize, TokenRate)>| all.iter().find(|(index, _)| *index == at).map_or(TokenRate::ZERO, |(_, rate)| *rate);
            let rate = stated_rate.as_ref().map_or_else(by_type, |rate| *rate);
            if rate.as_tokens_per_s() == 0.0 {
                (Replica { accelerators: 1, law: None }, rate)
            } else {
                (stated(service, demands, rate), rate)
            }
        }
        None => match library.replica(&service.model, at, kind) {
            Some(known) => (tabulated(service, demands, known), known.rate),
            None => (Replica { accelerators: 1, law: None }, TokenRate::ZERO),
        },
    };
    let (mut all, mut rates): (Vec<Replica>, Vec<TokenRate>) = kinds.iter().enumerate().map(replica).unzip();
    if let Some(target) = service.operation.latency_target {
        within(ctx, service, demands, target, &mut all, &mut rates);
    }
    (all, rates)
}

/// Reports a target that no load meets, and lowers rates to what meets it where the scenario says so.
fn within(ctx: &mut Context, service: &Service, demands: &Demands, target: Duration, all: &mut [Replica], rates: &mut [TokenRate]) {
    let target_s = target.as_s();
    if target_s.is_nan() {
        return;
    }
    let shares: Vec<Option<f64>> = all.iter().map(|replica| Some(replica.law.as_ref()?.within(target_s).unwrap_or(0.0))).collect();
    let known = shares.iter().flatten().count() > 0;
    if known && shares.iter().flatten().all(|share| *share <= 0.0) {
        if let Some(at) = demands.replica.target_at {
            let message = format!("requests of service `{}` take longer on every type, even where they are alone", service.entity.name);
            ctx.error_hint("F0544", at, message, "95 % of requests must fit, to their last token: give them more time");
        }
    } else if demands.replica.cap {
        for ((replica, share), rate) in all.iter_mut().zip(shares).zip(rates) {
            if let (Some(law), Some(share)) = (&replica.law, share) {
                *rate = *rate * share;
                replica.law = Some(law.derated(share));
            }
        }
    }
}

/// A replica whose throughput the scenario states: requests wait for its places, if it says how long they are.
fn stated(service: &Service, demands: &Demands, rate: TokenRate) -> Replica {
    let keys = &demands.replica;
    let accelerators = keys.accelerators.unwrap_or(1).max(1);
    let tokens_per_s = rate.as_tokens_per_s() * f64::from(accelerators) * (1.0 - service.security_overhead);
    let law = keys.request_tokens.filter(|tokens| tokens.is_finite() && tokens_per_s > 0.0).map(|tokens| {
        let count = keys.concurrency.clamp(1, MOST_PLACES);
        LatencyLaw::Places(Places { count, service_s: tokens * f64::from(count) / tokens_per_s })
    });
    Replica { accelerators, law }
}

/// Most places of a replica: beyond, nobody waits until it is full.
const MOST_PLACES: u32 = 4096;

/// A replica of the library, slowed by the security mode.
fn tabulated(service: &Service, demands: &Demands, known: &OfLibrary) -> Replica {
    let slower = 1.0 / (1.0 - service.security_overhead).max(1e-3);
    let mut times = Vec::with_capacity(LOAD_STEPS + 1);
    let mut p95_s = Vec::with_capacity(LOAD_STEPS + 1);
    for step in 0..=LOAD_STEPS {
        let it = between(&known.loads, step as f64 / LOAD_STEPS as f64);
        times.push(Times { mean_s: it.latency * slower, wait_s: it.wait * slower, activity: it.activity });
        p95_s.push(it.latency_p95 * slower);
    }
    Replica {
        accelerators: demands.replica.accelerators.unwrap_or(known.accelerators).max(1),
        law: Some(LatencyLaw::Table(Box::new(LoadTable { times, p95_s }))),
    }
}

/// The replica at a share of its planned load, linear between the loads that were worked out.
fn between(loads: &[LoadedReplica], share: f64) -> LoadedReplica {
    let above = loads.partition_point(|load| load.share < share).clamp(1, loads.len() - 1);
    let (low, high) = (&loads[above - 1], &loads[above]);
    let part = ((share - low.share) / (high.share - low.share)).clamp(0.0, 1.0);
    let mix = |of: fn(&LoadedReplica) -> f64| of(low) + (of(high) - of(low)) * part;
    LoadedReplica {
        share,
        latency: mix(|it| it.latency),
        latency_p95: mix(|it| it.latency_p95),
        wait: mix(|it| it.wait),
        activity: mix(|it| it.activity),
    }
}
