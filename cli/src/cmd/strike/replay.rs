//! Attacks in the simulated world: the worst beside random ones of the same budget.

use bastide_engine::{Distribution, Estimate, Pool, Stream, quantile, stream_key};
use bastide_model::model::{Hazard, HazardKind, Model, Timing};
use bastide_model::plan::Plan;
use bastide_sim::{Layout, Options, Simulator};
use bastide_strike::world::WorldTarget;
use bastide_units::{Duration, Quantity, Time};
use serde_json::{Value, json};

use crate::exit::Failure;

/// When attacks happen: a day after the start.
pub fn at() -> Duration {
    Duration::from_d(1.0)
}

/// What simulation makes of attacks \[EUR\], each against the same history without one.
pub struct Replay {
    /// Of the worst attack.
    pub worst: f64,
    /// Of random attacks, rising.
    pub random: Vec<f64>,
}

impl Replay {
    /// Random attacks that do more.
    pub fn harder(&self) -> usize {
        self.random.iter().filter(|loss| **loss > self.worst * (1.0 + 1e-9)).count()
    }
    pub fn document(&self, scale: f64) -> Value {
        let mean = Estimate::of(&self.random);
        let at = |share: f64| quantile(&self.random, share).map(|it| it / scale);
        json!({
            "damage": self.worst / scale, "random_attacks": self.random.len(), "random_that_do_more": self.harder(),
            "random_mean": mean.as_ref().map(|it| it.mean / scale), "random_stderr": mean.as_ref().and_then(|it| it.stderr).map(|it| it / scale),
            "random_p95": at(0.95), "random_most": self.random.last().map(|it| it / scale),
        })
    }
}

/// Random attacks, and on how many threads.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    pub budget: u32,
    pub count: u32,
    pub seed: u64,
    pub threads: usize,
}

/// Simulates an attack, and `count` random ones that spend the same budget.
pub fn replay(
    model: &Model,
    plan: &Plan,
    targets: &[WorldTarget],
    attack: &[usize],
    Random { budget, count, seed, threads }: Random,
) -> Result<Replay, Failure> {
    let quiet = Model { hazards: Vec::new(), ..model.clone() };
    let layout = Layout::new(&quiet);
    let loss_of = |attack: &[usize]| -> Result<f64, Failure> {
        let struck = Model { hazards: hazards(&quiet, targets, attack), ..quiet.clone() };
        let simulator =
            Simulator::new(&struck, plan, &layout).map_err(|error| Failure::sentence(format!("the grid cannot be simulated: {error}")))?;
        Ok(loss(&struck, &layout, &simulator.simulate(seed, 0, Options { trace: false, timeline: false, latency: false }).metrics))
    };
    let usual = loss_of(&[])?;
    let pool = Pool::new(threads);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let done = pool.replicate(0..count, &stop, &|_| {}, |number| loss_of(&random(targets, budget, seed, number)));
    let mut random = done.into_iter().flatten().map(|loss| loss.map(|loss| loss - usual)).collect::<Result<Vec<f64>, _>>()?;
    random.sort_by(f64::total_cmp);
    Ok(Replay { worst: loss_of(attack)? - usual, random })
}

/// Targets in a random order, as many as the budget pays.
fn random(targets: &[WorldTarget], budget: u32, seed: u64, number: u32) -> Vec<usize> {
    let mut stream = Stream::new(seed, number, stream_key("strike", "random attack"));
    let mut order: Vec<(f64, usize)> = (0..targets.len()).map(|target| (stream.uniform(), target)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = budget;
    let mut attack = Vec::new();
    for (_, target) in order {
        if targets[target].cost <= left {
            left -= targets[target].cost;
            attack.push(target);
        }
    }
    attack
}

/// The hazards that are an attack.
fn hazards(model: &Model, targets: &[WorldTarget], attack: &[usize]) -> Vec<Hazard> {
    let Some(entity) = model.sites.first().map(|site| &site.entity) else { return Vec::new() };
    let one = |target: &WorldTarget| Hazard {
        entity: bastide_model::model::Entity { name: target.word(), ..entity.clone() },
        kind: HazardKind::RandomOutage {
            targets: target.hits(),
            timing: Timing::At(Time::ZERO + at()),
            repair: Distribution::Fixed(target.repair),
            // All units of a class.
            units: Some(1.0),
        },
    };
    attack.iter().map(|at| one(&targets[*at])).collect()
}

/// Value of lost tokens and of load that was not served, and cost of delay \[EUR\].
fn loss(model: &Model, layout: &Layout, metrics: &[f64]) -> f64 {
    let of = |kind: &str, name: &str, metric: &str| layout.find(kind, name, metric).map_or(0.0, |at| metrics[at]).max(0.0);
    let tokens = model.services.iter().map(|it| of("service", &it.entity.name, "tokens_lost") * 1e6 * it.value.base());
    let shed = model.buses.iter().enumerate().map(|(index, bus)| {
        let here = || model.loads.iter().filter(|load| load.bus.index() == index);
        let (mw, value) = here().fold((0.0, 0.0), |(mw, value), load| {
            let mean = model.mean(load.power);
            (mw + mean, value + mean * load.value_of_lost_load.base() * 3.6e9)
        });
        if mw > 0.0 { of("bus", &bus.entity.name, "shed_energy") * value / mw } else { 0.0 }
    });
    let delay =
        model.campaigns.iter().map(|it| of("campaign", &it.entity.name, "delay") * it.cost_of_delay.base() * Duration::from_d(1.0).base());
    tokens.sum::<f64>() + shed.sum::<f64>() + delay.sum::<f64>()
}
