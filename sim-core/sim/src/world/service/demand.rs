//! Demand: hours, local time, noise and spikes.
//!
//! Demand of a service from an origin is `demand` x `profile` x noise of the hour, times its share, times the weight of the local
//! hour, times the level of every spike under way. It changes at full hours and at the steps of spikes, and at no other time.

use bastide_engine::{Stream, stream_key};
use bastide_model::model::{Model, Profile, Spike, Timing};
use bastide_units::{Duration, Time};

use super::super::{CLASS_FAILURE, Event, World};
use crate::hazard;
use crate::setup::{Setup, entity_key};

/// Steps of a rise or a decay. Each has the mean of its part of the ramp: tokens demanded are exact, and tokens lost above a limit
/// within (height x time of the ramp) / (8 x 16^2).
const RAMP_STEPS: u32 = 16;

/// Demand as it is now.
pub(crate) struct Demand {
    /// Of each service, all origins [tokens/s].
    pub total: Vec<f64>,
    /// Of each service, before local time and spikes [tokens/s].
    base: Vec<f64>,
    /// Local time and spikes: `factor[service * nations + nation]`.
    factor: Vec<f64>,
    /// Services with a factor other than one.
    shaped: Vec<bool>,
    nations: usize,
    noise: Vec<Option<Noise>>,
    /// Whether any service changes by the hour.
    varying: bool,
    spikes: Vec<SpikeState>,
    /// Spikes under way; places are used again.
    under_way: Vec<Option<Crowd>>,
}

/// A random factor of each hour.
struct Noise {
    stream: Stream,
    /// Correlation of the logarithms of two hours in a row.
    correlation: f64,
    /// Standard deviation of the logarithm.
    sigma: f64,
    /// The logarithm, standardised; `None` before the first hour.
    state: Option<f64>,
}

impl Noise {
    /// The factor of the next hour: exp(sigma x - sigma^2 / 2), with x a stationary autoregression.
    fn next(&mut self) -> f64 {
        let draw = self.stream.normal();
        let state = self.state.map_or(draw, |before| self.correlation * before + (1.0 - self.correlation.powi(2)).max(0.0).sqrt() * draw);
        self.state = Some(state);
        (self.sigma * (state - 0.5 * self.sigma)).exp()
    }
}

/// Streams of one spike of the model.
struct SpikeState {
    times: Stream,
    sizes: Stream,
}

/// One occurrence of a spike.
#[derive(Clone, Copy)]
struct Crowd {
    spike: usize,
    height: f64,
    hold: Duration,
    step: u32,
    seq: u64,
}

impl Crowd {
    /// Level and length of its present step; `None` once it is over.
    fn stage(&self, spike: &Spike) -> Option<(f64, Duration)> {
        let steps = |ramp: Duration| if ramp > Duration::ZERO { RAMP_STEPS } else { 0 };
        let (up, down) = (steps(spike.rise), steps(spike.decay));
        let (level, length) = if self.step < up {
            ((f64::from(self.step) + 0.5) / f64::from(up), spike.rise / f64::from(up))
        } else if self.step == up {
            (1.0, self.hold)
        } else if self.step <= up + down {
            let passed = f64::from(self.step - up - 1) + 0.5;
            (1.0 - passed / f64::from(down), spike.decay / f64::from(down))
        } else {
            return None;
        };
        Some((1.0 + (self.height - 1.0) * level, length))
    }
}

impl Demand {
    /// The newest spike under way that concerns a service.
    pub(super) fn crowd_seq(&self, model: &Model, service: usize) -> Option<u64> {
        let concerned = |crowd: &&Crowd| model.spikes[crowd.spike].services.iter().any(|id| id.index() == service);
        self.under_way.iter().flatten().filter(concerned).map(|crowd| crowd.seq).max()
    }

    pub(super) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let model = setup.model;
        let (count, nations) = (model.services.len(), model.nations.len());
        let noise = |service: &bastide_model::model::Service| {
            let noise = service.shape.noise?;
            let correlation = if noise.correlation > Duration::ZERO { (-1.0 / noise.correlation.as_h()).exp() } else { 0.0 };
            let key = entity_key("service", &service.entity.name, "demand-noise");
            // Mean and standard deviation of the factor are one and `deviation`.
            let sigma = noise.deviation.powi(2).ln_1p().sqrt();
            Some(Noise { stream: Stream::new(seed, replication, key), correlation, sigma, state: None })
        };
        let by_hour = |service: &bastide_model::model::Service| {
            let shape = &service.shape;
            !matches!(service.profile, Profile::Constant(_)) || shape.daily.is_some() || shape.weekly.is_some() || shape.noise.is_some()
        };
        let spike = |spike: &Spike| {
            let name = format!("spike.{}", spike.entity.name);
            let stream = |purpose: &str| Stream::new(seed, replication, stream_key(&name, purpose));
            SpikeState { times: stream("times"), sizes: stream("sizes") }
        };
        let concerned = |at: usize| model.spikes.iter().any(|spike| spike.services.iter().any(|id| id.index() == at));
        Self {
            total: vec![0.0; count],
            base: vec![0.0; count],
            factor: vec![1.0; count * nations],
            shaped: (model.services.iter().enumerate())
                .map(|(at, service)| service.shape.daily.is_some() || service.shape.weekly.is_some() || concerned(at))
                .collect(),
            nations,
            noise: model.services.iter().map(noise).collect(),
            varying: model.services.iter().any(by_hour),
            spikes: model.spikes.iter().map(spike).collect(),
            under_way: Vec::new(),
        }
    }

    /// Demand of a service from an origin with this share of it [tokens/s].
    #[inline]
    pub(in crate::world) fn of(&self, service: usize, origin: usize, weight: f64) -> f64 {
        self.base[service] * self.factor[service * self.nations + origin] * weight
    }

    /// Whether an hour asks for anything else than the one before: a demand that grows does so in steps.
    fn changes(&self, model: &Model, hour: usize) -> bool {
        let of = |service: &bastide_model::model::Service, hour| model.at(service.profile, hour);
        let drawn = |at: usize| self.shaped[at] || self.noise[at].is_some();
        model.services.iter().enumerate().any(|(at, it)| drawn(at) || of(it, hour) != of(it, hour - 1))
    }

    /// Works out local time and spikes of a service again.
    fn shape(&mut self, model: &Model, service: usize, hour: usize) {
        let it = &model.services[service];
        if !self.shaped[service] {
            self.total[service] = self.base[service];
            return;
        }
        let hours = model.header.start_epoch_s.div_euclid(3600) + hour as i64;
        let mut sum = 0.0;
        for &(nation, share) in &it.origins {
            let mut factor = it.shape.local(hours, model.nations[nation].utc_offset);
            for crowd in self.under_way.iter().flatten() {
                let spike = &model.spikes[crowd.spike];
                let from_here = spike.origins.as_ref().is_none_or(|origins| origins.contains(&nation));
                if from_here && spike.services.iter().any(|id| id.index() == service) {
                    factor *= crowd.stage(spike).map_or(1.0, |(level, _)| level);
                }
            }
            self.factor[service * self.nations + nation.index()] = factor;
            sum += share * factor;
        }
        self.total[service] = self.base[service] * sum;
    }
}

impl World<'_> {
    /// Demand of the hour.
    pub(in crate::world) fn services_hour(&mut self) {
        let model = self.setup.model;
        if self.hour == 0 || self.services.demand.varying && self.services.demand.changes(model, self.hour) {
            self.integrate_services();
            let demand = &mut self.services.demand;
            for (at, service) in model.services.iter().enumerate() {
                let noise = demand.noise[at].as_mut().map_or(1.0, Noise::next);
                demand.base[at] = service.demand.as_tokens_per_s() * model.at(service.profile, self.hour).max(0.0) * noise;
                demand.shape(model, at, self.hour);
            }
            self.dirty.services = true;
        }
    }

    /// Schedules the first occurrence of each spike.
    pub(in crate::world) fn begin_spikes(&mut self) {
        for (at, spike) in self.setup.model.spikes.iter().enumerate() {
            let first = hazard::first(spike.timing, &mut self.services.demand.spikes[at].times);
            self.schedule_spike(at, first);
        }
    }

    fn schedule_spike(&mut self, at: usize, time: Time) {
        let until = if let Timing::Rate { until, .. } = self.setup.model.spikes[at].timing { until } else { Time::NEVER };
        if time <= until && time < self.setup.end {
            self.queue.schedule(time, CLASS_FAILURE, Event::SpikeBegins { spike: at as u32 });
        }
    }

    pub(in crate::world) fn on_spike_begins(&mut self, at: usize) {
        let spike = &self.setup.model.spikes[at];
        let state = &mut self.services.demand.spikes[at];
        let height = spike.factor.sample(&mut state.sizes);
        let hold = Duration::from_s(spike.duration.sample(&mut state.sizes));
        if let Timing::Rate { rate, .. } = spike.timing {
            let again = hazard::next(self.now, rate.as_per_s(), &mut state.times);
            self.schedule_spike(at, again);
        }
        let seq = self.recorder.event(self.now, "spike", "spike", at, height, "factor on demand", None);
        let crowd = Crowd { spike: at, height, hold, step: 0, seq };
        let places = &mut self.services.demand.under_way;
        let place = places.iter().position(Option::is_none).unwrap_or(places.len());
        if place == places.len() {
            places.push(None);
        }
        self.integrate_services();
        self.services.demand.under_way[place] = Some(crowd);
        self.step_of_spike(place);
    }

    pub(in crate::world) fn on_spike_step(&mut self, place: usize) {
        self.integrate_services();
        if let Some(crowd) = &mut self.services.demand.under_way[place] {
            crowd.step += 1;
        }
        self.step_of_spike(place);
    }

    /// Takes over the level of a spike's present step, and schedules the next.
    fn step_of_spike(&mut self, place: usize) {
        let model = self.setup.model;
        let Some(crowd) = self.services.demand.under_way[place] else { return };
        let spike = &model.spikes[crowd.spike];
        match crowd.stage(spike) {
            Some((_, length)) => {
                let time = self.now + length;
                if time < self.setup.end {
                    self.queue.schedule(time, CLASS_FAILURE, Event::SpikeStep { place: place as u32 });
                }
            }
            None => {
                self.services.demand.under_way[place] = None;
                self.recorder.event(self.now, "spike-over", "spike", crowd.spike, 1.0, "factor on demand", Some(crowd.seq));
            }
        }
        for id in &spike.services {
            self.services.demand.shape(model, id.index(), self.hour);
        }
        self.dirty.services = true;
    }
}
