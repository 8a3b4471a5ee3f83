//! Fewer draws for the same error: importance sampling of single hours.
//!
//! Where no hour depends on another, the hourly indices are sums over (hour, state of the components), and need no history. Hours and
//! states are drawn from a law under which shortages are common, and weighted by the ratio of the laws, which keeps every
//! estimate unbiased:
//!
//! - The law approaches that of the states given a shortage: hours in proportion to their loss-of-load probability, then each component
//!   given those before it, from the convolution of those after it (the zero-variance law of importance sampling; L'Ecuyer, Mandjes
//!   & Tuffin 2009, "Importance sampling in rare event simulation"). With several areas it is a mixture over the sets of areas that can be cut
//!   off. For one area it is exact but for rounding; elsewhere what the convolution does not see (profiles, forecast errors) costs
//!   draws, but no bias.
//! - A tenth of the draws come from the true law ("defensive mixture", Hesterberg 1995), so no weight exceeds 10 and standard
//!   errors can be believed.
//! - Frequency in continuous time: the rate at which the sampled short states end, state by state (Billinton & Li 1994,
//!   section 3; conditional probability), which by reversibility is the rate at which they begin, plus those that begin with the
//!   hour. Hourly frequency: the hour before is drawn given the short one, again by reversibility.

use std::sync::atomic::AtomicBool;

use bastide_engine::{Pool, Stream, derive_key, philox4x32, stream_key};

use super::SequentialError;
use super::flow::{NOTHING_MW, Network};
use super::path::interior;
use super::prepare::{DAY, Prepared};
use super::tilt::{Members, Target, pick, targets};
use crate::adequacy::System;

/// Share of the draws from the true law.
const DEFENSIVE: f64 = 0.1;
/// Draws of the pilot, from which the number of draws is set.
const PILOT: u32 = 1000;
/// Draws that one thread makes in a row.
const BLOCK: u32 = 1024;

/// How to sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotOptions {
    /// Standard error wanted for the hours of loss of load and the energy not served, as a share of each -- input. The number of draws is set from the
    /// pilot, before the draws that count.
    pub relative_error: f64,
    /// Most draws -- input.
    pub most_draws: u32,
    /// Seed of every draw -- input.
    pub seed: u64,
    /// Threads; 0 is one per core -- input. Does not change a bit of the results.
    pub threads: usize,
    /// One load forecast error for all areas instead of one each -- input.
    pub correlated_forecast: bool,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self { relative_error: 0.01, most_draws: 10_000_000, seed: 0, threads: 1, correlated_forecast: false }
    }
}

/// A mean of weighted draws.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightedMean {
    /// Mean.
    pub mean: f64,
    /// Its standard error.
    pub stderr: f64,
}

/// Indices from weighted snapshots, per year (per horizon of the system).
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotAdequacy {
    /// Draws that count -- output.
    pub draws: u32,
    /// The system: some area is short -- output.
    pub system: SnapshotShortfall,
    /// Each area -- output.
    pub areas: Vec<SnapshotShortfall>,
    /// Hours and energy \[MWh\] of curtailment of each tier of each area -- output.
    pub tiers: Vec<Vec<(WeightedMean, WeightedMean)>>,
}

/// Loss of load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotShortfall {
    /// Loss-of-load hours \[h\] -- output.
    pub lole_h: WeightedMean,
    /// Days whose hour of greatest firm demand is short \[d\] -- output.
    pub peak_days: WeightedMean,
    /// Expected unserved energy \[MWh\] -- output.
    pub eue_mwh: WeightedMean,
    /// Events from the states at the beginning of each hour; absent where a component has no chronology -- output.
    pub frequency: Option<WeightedMean>,
    /// Events in continuous time -- output.
    pub continuous_frequency: Option<WeightedMean>,
    /// Hours of an hourly event: ratio of the two means, standard error by the delta method \[h\] -- output.
    pub duration_h: Option<WeightedMean>,
}

/// Numbers of a draw by scope: hours, peak days, energy, frequency, continuous frequency; then hours times frequency.
const PER_SCOPE: usize = 5;

/// Room to draw in.
struct Sampler<'a> {
    prepared: &'a Prepared<'a>,
    seed: u64,
    correlated_forecast: bool,
    members: &'a Members,
    targets: &'a [Target],
    state: Vec<u8>,
    before: Vec<u8>,
    /// Share of members lost, by component.
    lost: Vec<f64>,
    factor: Vec<f64>,
    network: Network,
    loss_mw: Vec<f64>,
    tier_mw: Vec<f64>,
    hour: usize,
}

impl<'a> Sampler<'a> {
    fn new(prepared: &'a Prepared<'a>, options: &SnapshotOptions, members: &'a Members, targets: &'a [Target]) -> Self {
        Self {
            prepared,
            seed: options.seed,
            correlated_forecast: options.correlated_forecast,
            members,
            targets,
            state: vec![0; members.component.len()],
            before: vec![0; members.component.len()],
            lost: vec![0.0; prepared.components.len()],
            factor: vec![1.0; prepared.areas],
            network: Network::new(prepared.areas, &prepared.system.ties, prepared.levels),
            loss_mw: vec![0.0; prepared.scopes()],
            tier_mw: vec![0.0; prepared.tiers.len()],
            hour: 0,
        }
    }

    /// Draws an hour and a state, and returns the weight: true density over that of the mixture.
    fn draw(&mut self, draw: u32, key: u64) -> f64 {
        let (prepared, members) = (self.prepared, self.members);
        let seed = [self.seed as u32, (self.seed >> 32) as u32];
        let (low, high) = (key as u32, (key >> 32) as u32);
        let head = philox4x32([0, draw, low, high], seed);
        let which = interior(head[0], head[1]);
        let when = interior(head[2], head[3]);
        let mut block = [0; 4];
        let state = &mut self.state;
        let mut choose = |place: usize, probability: &[f64; 3]| {
            if place.is_multiple_of(2) {
                block = philox4x32([(place / 2 + 1) as u32, draw, low, high], seed);
            }
            let word = 2 * (place % 2);
            let drawn = pick(probability, block[word], block[word + 1]);
            state[place] = drawn as u8;
            drawn
        };
        let mut sum = DEFENSIVE;
        let mut chosen = usize::MAX;
        let mut density = DEFENSIVE;
        if which < DEFENSIVE {
            self.hour = ((when * prepared.hours as f64) as usize).min(prepared.hours - 1);
            for (place, component) in members.component.iter().enumerate() {
                choose(place, &members.probability[*component as usize]);
            }
        } else {
            chosen = self.targets.len() - 1;
            for (place, target) in self.targets.iter().enumerate() {
                sum += (1.0 - DEFENSIVE) * target.share;
                if which < sum {
                    chosen = place;
                    break;
                }
            }
            let target = &self.targets[chosen];
            self.hour = target.draw_hour(when);
            density += (1.0 - DEFENSIVE) * target.share * target.walk(prepared, members, self.hour, choose);
        }
        let state = &self.state;
        for (place, target) in self.targets.iter().enumerate() {
            if place != chosen {
                let ratio = target.walk(prepared, members, self.hour, |place, _| usize::from(state[place]));
                density += (1.0 - DEFENSIVE) * target.share * ratio;
            }
        }
        self.lost.fill(0.0);
        for (component, state) in members.component.iter().zip(state) {
            self.lost[*component as usize] += members.lost[*component as usize][usize::from(*state)];
        }
        self.draw_factors(draw, key);
        1.0 / density
    }

    fn draw_factors(&mut self, draw: u32, key: u64) {
        for (area, what) in self.prepared.system.areas.iter().enumerate() {
            if what.forecast_error > 0.0 {
                let own = if self.correlated_forecast { 0 } else { self.prepared.forecast_keys[area] };
                let normal = Stream::new(self.seed, draw, derive_key(key ^ own, 1)).normal();
                self.factor[area] = (1.0 + what.forecast_error * normal).max(0.0);
            }
        }
    }

    /// Serves an hour with what `lost` says is out; true where some scope is short or some tier yields.
    fn evaluate(&mut self, hour: usize) -> bool {
        let prepared = self.prepared;
        let areas = prepared.areas;
        self.loss_mw.fill(0.0);
        self.network.supply_mw.copy_from_slice(&prepared.supply_mw[hour * areas..(hour + 1) * areas]);
        for (place, component) in prepared.components[..prepared.first_storage].iter().enumerate() {
            let unit = &prepared.system.units[component.place];
            let out = unit.maintenance.iter().any(|out| out.contains(&hour));
            let members = if out { f64::from(unit.count) } else { self.lost[place] };
            if members > 0.0 {
                let share = prepared.profile[component.place].get(hour).copied().unwrap_or(1.0);
                self.network.supply_mw[component.area] -= members * component.capacity_mw * share;
            }
        }
        let mut needed = false;
        for area in 0..areas {
            let slot = hour * areas + area;
            let load = self.factor[area] * prepared.load_mw[slot];
            let supply = self.network.supply_mw[area];
            let own = supply - load - prepared.tier_sum_mw[slot];
            needed |= own < -NOTHING_MW;
            self.network.supply_mw[area] = supply.max(0.0);
            self.network.unmet_mw[area] = load - supply.min(0.0);
        }
        if !needed {
            return false;
        }
        self.network.unmet_mw[areas..].fill(0.0);
        for (place, tier) in prepared.tiers.iter().enumerate() {
            self.network.unmet_mw[tier.level * areas + tier.area] += prepared.tier_mw[place][hour];
        }
        for (place, tie) in prepared.system.ties.iter().enumerate() {
            let up = self.lost[prepared.first_tie + place] == 0.0;
            self.network.limit_mw[place] = if up { (tie.forward_mw, tie.backward_mw) } else { (0.0, 0.0) };
        }
        self.network.flow_mw.fill(0.0);
        for level in 0..prepared.levels {
            self.network.serve(level, false);
        }
        let several = areas > 1;
        let mut any = false;
        let mut add = |area: usize, mw: f64| {
            self.loss_mw[0] += mw;
            if several {
                self.loss_mw[area + 1] += mw;
            }
        };
        for area in 0..areas {
            add(area, self.network.unmet_mw[area]);
            any |= self.network.unmet_mw[area] > NOTHING_MW;
        }
        for (place, tier) in prepared.tiers.iter().enumerate() {
            let mw = self.network.unmet_mw[tier.level * areas + tier.area];
            self.tier_mw[place] = mw;
            any |= mw > NOTHING_MW;
            if tier.firm {
                add(tier.area, mw);
            }
        }
        any
    }

    /// Adds the weighted numbers of the draw.
    fn count(&mut self, weight: f64, draw: u32, key: u64, sums: &mut [f64], numbers: &mut [f64]) {
        let prepared = self.prepared;
        let scopes = prepared.scopes();
        let hour = self.hour;
        if !self.evaluate(hour) {
            return;
        }
        let weight = weight * prepared.hours as f64;
        numbers.fill(0.0);
        for scope in 0..scopes {
            if self.loss_mw[scope] > NOTHING_MW {
                let at = PER_SCOPE * scope;
                numbers[at] = weight;
                let peak = usize::from(prepared.peak_hour[scope * prepared.source_days + hour / DAY]);
                numbers[at + 1] = if hour % DAY == peak { weight } else { 0.0 };
                numbers[at + 2] = weight * self.loss_mw[scope];
            }
        }
        for (place, mw) in self.tier_mw.iter().enumerate() {
            if *mw > NOTHING_MW {
                numbers[PER_SCOPE * scopes + 2 * place] = weight;
                numbers[PER_SCOPE * scopes + 2 * place + 1] = weight * mw;
            }
        }
        if prepared.chronology && self.loss_mw[0] > NOTHING_MW {
            self.count_events(weight, draw, key, numbers);
        }
        for (place, number) in numbers.iter().enumerate() {
            sums[2 * place] += number;
            sums[2 * place + 1] += number * number;
        }
        for scope in 0..scopes {
            sums[2 * numbers.len() + scope] += numbers[PER_SCOPE * scope] * numbers[PER_SCOPE * scope + 3];
        }
    }

    /// The part of the draw's weight that begins an event, hourly and in continuous time.
    fn count_events(&mut self, weight: f64, draw: u32, key: u64, numbers: &mut [f64]) {
        let prepared = self.prepared;
        let scopes = prepared.scopes();
        let hour = self.hour;
        let mut begins = |year: &Self, share: f64, place: usize, always: bool| {
            for scope in 0..scopes {
                let at = PER_SCOPE * scope;
                if numbers[at] > 0.0 && (always || year.loss_mw[scope] <= NOTHING_MW) {
                    numbers[at + place] += weight * share;
                }
            }
        };
        // With the hour: the same state was enough an hour before.
        if hour == 0 {
            begins(self, 1.0, 3, true);
            begins(self, 1.0, 4, true);
        } else {
            self.evaluate(hour - 1);
            begins(self, 1.0, 4, false);
        }
        // Within the hour: every return that would end it. Members of a class in one state share a test.
        let mut place = 0;
        while place < self.members.component.len() {
            let component = self.members.component[place];
            let mut of_state = [0_u32; 3];
            while place < self.members.component.len() && self.members.component[place] == component {
                of_state[usize::from(self.state[place])] += 1;
                place += 1;
            }
            let chain = &prepared.components[component as usize].chain;
            for state in 1..3 {
                let lost = chain.lost()[state];
                let rate = f64::from(of_state[state]) * chain.return_rate(state);
                if rate > 0.0 && lost > 0.0 {
                    let all = self.lost[component as usize];
                    self.lost[component as usize] = if of_state[1] + of_state[2] == 1 { 0.0 } else { all - lost };
                    self.evaluate(hour);
                    begins(self, rate, 4, false);
                    self.lost[component as usize] = all;
                }
            }
        }
        if hour > 0 {
            let mut stream = Stream::new(self.seed, draw, derive_key(key, 2));
            self.lost.fill(0.0);
            for ((component, state), before) in self.members.component.iter().zip(&self.state).zip(&mut self.before) {
                let chain = &prepared.components[*component as usize].chain;
                let drawn = chain.after_hour(usize::from(*state), &mut stream);
                *before = drawn as u8;
                self.lost[*component as usize] += chain.lost()[drawn];
            }
            self.evaluate(hour - 1);
            begins(self, 1.0, 3, false);
        }
    }
}

/// Samples weighted snapshots of a system whose hours do not depend on each other.
///
/// # Errors
/// Where the arrays of the system do not fit each other, or where hours depend on each other: storage, hydro with a reservoir, tiers
/// with limited hours. These need [`simulate`](super::simulate).
pub fn sample_snapshots(system: &System, options: &SnapshotOptions) -> Result<SnapshotAdequacy, SequentialError> {
    let prepared = Prepared::new(system, None)?;
    if prepared.memory {
        return Err(SequentialError::Method("hours depend on each other (storage, hydro, limited hours of a tier): simulate years".into()));
    }
    if options.relative_error.is_nan() || options.relative_error <= 0.0 || options.most_draws < 2 {
        return Err(SequentialError::Input("a positive relative error and at least two draws expected".into()));
    }
    let members = Members::new(&prepared);
    let targets = targets(&prepared, &members);
    let spread = spread(&mut Sampler::new(&prepared, options, &members, &targets));
    let wanted = (spread / options.relative_error).powi(2).ceil();
    let draws = if wanted.is_finite() { wanted.clamp(f64::from(2 * BLOCK), f64::from(u32::MAX)) as u32 } else { u32::MAX };
    let draws = draws.min(options.most_draws);
    let width = PER_SCOPE * prepared.scopes() + 2 * prepared.tiers.len();
    let key = stream_key("snapshot", "draw");
    let pool = Pool::new(options.threads);
    let blocks = pool.replicate(0..draws.div_ceil(BLOCK), &AtomicBool::new(false), &|_| (), |block| {
        let mut sampler = Sampler::new(&prepared, options, &members, &targets);
        let mut sums = vec![0.0; 2 * width + prepared.scopes()];
        let mut numbers = vec![0.0; width];
        for draw in block * BLOCK..(block * BLOCK).saturating_add(BLOCK).min(draws) {
            let weight = sampler.draw(draw, key);
            sampler.count(weight, draw, key, &mut sums, &mut numbers);
        }
        sums
    });
    let mut sums = vec![0.0; 2 * width + prepared.scopes()];
    for block in blocks.into_iter().flatten() {
        for (sum, more) in sums.iter_mut().zip(block) {
            *sum += more;
        }
    }
    Ok(summarise(&prepared, &sums, width, draws))
}

/// Standard deviation of a draw over its mean: of the hours or of the energy, whichever is worse. Without a single shortage
/// nothing is known, and as many draws as are allowed will be made.
fn spread(sampler: &mut Sampler) -> f64 {
    let key = stream_key("snapshot", "pilot");
    let mut sums = [[0.0; 2]; 2];
    for draw in 0..PILOT {
        let weight = sampler.draw(draw, key);
        sampler.evaluate(sampler.hour);
        let loss = sampler.loss_mw[0];
        if loss > NOTHING_MW {
            for (sum, x) in sums.iter_mut().zip([weight, weight * loss]) {
                sum[0] += x;
                sum[1] += x * x;
            }
        }
    }
    let n = f64::from(PILOT);
    let of = |[sum, squares]: [f64; 2]| if sum > 0.0 { (squares * n / sum / sum - 1.0).max(0.0).sqrt() } else { f64::INFINITY };
    of(sums[0]).max(of(sums[1]))
}

fn summarise(prepared: &Prepared, sums: &[f64], width: usize, draws: u32) -> SnapshotAdequacy {
    let n = f64::from(draws);
    let of = |place: usize| {
        let mean = sums[2 * place] / n;
        let variance = (sums[2 * place + 1] / n - mean * mean).max(0.0) / (n - 1.0);
        WeightedMean { mean, stderr: variance.sqrt() }
    };
    let shortfalls: Vec<SnapshotShortfall> = (0..prepared.scopes())
        .map(|scope| {
            let at = PER_SCOPE * scope;
            let (hours, frequency) = (of(at), of(at + 3));
            let duration_h = (prepared.chronology && frequency.mean > 0.0).then(|| {
                let mean = hours.mean / frequency.mean;
                let covariance = (sums[2 * width + scope] / n - hours.mean * frequency.mean) / (n - 1.0);
                let variance = hours.stderr.powi(2) - 2.0 * mean * covariance + (mean * frequency.stderr).powi(2);
                WeightedMean { mean, stderr: variance.max(0.0).sqrt() / frequency.mean }
            });
            SnapshotShortfall {
                lole_h: hours,
                peak_days: of(at + 1),
                eue_mwh: of(at + 2),
                frequency: prepared.chronology.then_some(frequency),
                continuous_frequency: prepared.chronology.then(|| of(at + 4)),
                duration_h,
            }
        })
        .collect();
    let mut tiers = vec![Vec::new(); prepared.areas];
    for (place, tier) in prepared.tiers.iter().enumerate() {
        let at = PER_SCOPE * prepared.scopes() + 2 * place;
        tiers[tier.area].push((of(at), of(at + 1)));
    }
    let areas = if shortfalls.len() == 1 { shortfalls.clone() } else { shortfalls[1..].to_vec() };
    SnapshotAdequacy { draws, system: shortfalls[0], areas, tiers }
}
