//! Fewer draws for the same error: importance sampling of single hours.
//!
//! Where no hour depends on another, the hourly indices are sums over (hour, state of the components), and need no history. Hours and
//! states are drawn from a law under which shortages are common, and weighted by the ratio of the laws, which keeps every
//! estimate unbiased:
//!
//! - The law is found by cross-entropy (Rubinstein & Kroese 2004; González-Fernández & Leite da Silva 2011, "Reliability
//!   assessment of time-dependent systems via sequential cross-entropy Monte Carlo simulation") from pilot draws that are
//!   thrown away. It multiplies over the components, with other probabilities in each of a few groups of hours: the tighter an
//!   hour, the fewer outages make it short.
//! - A tenth of the draws come from the true law ("defensive mixture", Hesterberg 1995), so no weight exceeds 10 and standard
//!   errors can be believed.
//! - Frequency in continuous time: the rate at which the sampled short states end, state by state (Billinton & Li 1994,
//!   section 3; conditional probability), which by reversibility is the rate at which they begin, plus those that begin with the
//!   hour. Hourly frequency: the hour before is drawn given the short one, again by reversibility.

use std::sync::atomic::AtomicBool;

use bastide_engine::{Pool, Stream, derive_key, philox4x32, stream_key};

use super::SequentialError;
use super::flow::{NOTHING_MW, Network};
use super::prepare::{DAY, Prepared};
use crate::adequacy::System;

/// Share of the draws from the true law.
const DEFENSIVE: f64 = 0.1;
/// Most bins of hours.
const BINS: usize = 128;
/// Groups of bins that have a law of their own.
const GROUPS: usize = 4;
/// Draws of a round of the pilot, and most rounds.
const PILOT: u32 = 3000;
const ROUNDS: u64 = 12;
/// Share of a round's draws, the worst, from which the next law is learnt.
const ELITE: f64 = 0.1;
/// Draws that one thread makes in a row.
const BLOCK: u32 = 1024;

/// How to sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotOptions {
    /// Standard error wanted for the hours of loss of load, as a share of them -- input. The number of draws is set from the
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
    /// Draws of the pilot -- output.
    pub pilot_draws: u32,
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

/// The law that draws come from.
struct Law {
    /// Probabilities in units of 2^-32, cumulative, by group and component: below the first is down, below the second derated.
    threshold: Vec<[u64; 2]>,
    /// True probability over this one, by group, component and state.
    ratio: Vec<[f64; 3]>,
    /// Cumulative probability of the bins of hours, true probability over this one, and group.
    bins: Vec<f64>,
    bin_ratio: Vec<f64>,
    group: Vec<usize>,
}

impl Law {
    /// `probability` has the components of each group in turn.
    fn new(truth: &[[f64; 3]], probability: &[[f64; 3]], bin_share: &[f64], bin: &[f64], group: &[usize]) -> Self {
        const SCALE: f64 = (1_u64 << 32) as f64;
        let (mut threshold, mut ratio) = (Vec::new(), Vec::new());
        for (truth, wanted) in truth.iter().cycle().zip(probability) {
            // What the thresholds of 32 bits really give, so that the weights are exact.
            let down = (wanted[2] * SCALE).round();
            let part = (wanted[1] * SCALE).round();
            let given = [(SCALE - down - part) / SCALE, part / SCALE, down / SCALE];
            threshold.push([down as u64, (down + part) as u64]);
            ratio.push(std::array::from_fn(|state| if given[state] > 0.0 { truth[state] / given[state] } else { 0.0 }));
        }
        let total: f64 = bin.iter().sum();
        let mut sum = 0.0;
        let bins = bin.iter().map(|weight| {
            sum += weight / total;
            sum
        });
        let bins = bins.collect();
        let bin_ratio = bin_share.iter().zip(bin).map(|(share, weight)| if *weight > 0.0 { share * total / weight } else { 0.0 }).collect();
        Self { threshold, ratio, bins, bin_ratio, group: group.to_vec() }
    }
}

/// Room to draw in.
struct Sampler<'a> {
    prepared: &'a Prepared<'a>,
    seed: u64,
    correlated_forecast: bool,
    /// Component of each member.
    members: &'a [u32],
    /// Source hours from the least to the greatest surplus, and the first place of each bin.
    order: &'a [u32],
    first: &'a [usize],
    state: Vec<u8>,
    before: Vec<u8>,
    /// Share of members lost, by component.
    lost: Vec<f64>,
    factor: Vec<f64>,
    network: Network,
    loss_mw: Vec<f64>,
    tier_mw: Vec<f64>,
    bin: usize,
    hour: usize,
    /// Surplus of the system, or of the area with the least surplus that imports cannot cover, in the draw \[MW\].
    surplus_mw: f64,
}

impl<'a> Sampler<'a> {
    fn new(prepared: &'a Prepared<'a>, options: &SnapshotOptions, members: &'a [u32], order: &'a [u32], first: &'a [usize]) -> Self {
        Self {
            prepared,
            seed: options.seed,
            correlated_forecast: options.correlated_forecast,
            members,
            order,
            first,
            state: vec![0; members.len()],
            before: vec![0; members.len()],
            lost: vec![0.0; prepared.components.len()],
            factor: vec![1.0; prepared.areas],
            network: Network::new(prepared.areas, &prepared.system.ties, prepared.levels),
            loss_mw: vec![0.0; prepared.scopes()],
            tier_mw: vec![0.0; prepared.tiers.len()],
            bin: 0,
            hour: 0,
            surplus_mw: 0.0,
        }
    }

    /// Draws an hour and a state, and returns the weight: true law over the mixture of the true law and `law`.
    fn draw(&mut self, truth: &Law, law: &Law, draw: u32, key: u64) -> f64 {
        let seed = [self.seed as u32, (self.seed >> 32) as u32];
        let (low, high) = (key as u32, (key >> 32) as u32);
        let head = philox4x32([0, draw, low, high], seed);
        let from = if u64::from(head[0]) < (DEFENSIVE * 4_294_967_296.0) as u64 { truth } else { law };
        let place = super::path::interior(head[1], head[2]);
        self.bin = from.bins.partition_point(|sum| *sum <= place).min(from.bins.len() - 1);
        let (begin, end) = (self.first[self.bin], self.first[self.bin + 1]);
        let within = (u64::from(head[3]) * (end - begin) as u64) >> 32;
        self.hour = self.order[begin + within as usize] as usize;
        let mut ratio = law.bin_ratio[self.bin];
        let components = self.prepared.components.len();
        let (mine, theirs) = (from.group[self.bin] * components, law.group[self.bin] * components);
        self.lost.fill(0.0);
        let mut block = [0; 4];
        for (place, (component, state)) in self.members.iter().zip(&mut self.state).enumerate() {
            if place % 4 == 0 {
                block = philox4x32([(place / 4 + 1) as u32, draw, low, high], seed);
            }
            let component = *component as usize;
            let bits = u64::from(block[place % 4]);
            let [down, part] = from.threshold[mine + component];
            let drawn = if bits < down { 2 } else { usize::from(bits < part) };
            *state = drawn as u8;
            ratio *= law.ratio[theirs + component][drawn];
            if drawn > 0 {
                self.lost[component] += self.prepared.components[component].chain.lost()[drawn];
            }
        }
        self.draw_factors(draw, key);
        1.0 / (DEFENSIVE + (1.0 - DEFENSIVE) / ratio.max(f64::MIN_POSITIVE))
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
        let mut total = 0.0;
        for area in 0..areas {
            let slot = hour * areas + area;
            let load = self.factor[area] * prepared.load_mw[slot];
            let supply = self.network.supply_mw[area];
            let own = supply - load - prepared.tier_sum_mw[slot];
            total += own;
            needed |= own < -NOTHING_MW;
            self.network.supply_mw[area] = supply.max(0.0);
            self.network.unmet_mw[area] = load - supply.min(0.0);
        }
        self.surplus_mw = total;
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
        while place < self.members.len() {
            let component = self.members[place];
            let mut of_state = [0_u32; 3];
            while place < self.members.len() && self.members[place] == component {
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
            for ((component, state), before) in self.members.iter().zip(&self.state).zip(&mut self.before) {
                let chain = &prepared.components[*component as usize].chain;
                let drawn = chain.after_hour(usize::from(*state), &mut stream);
                *before = drawn as u8;
                self.lost[*component as usize] += chain.lost()[drawn];
            }
            self.evaluate(hour - 1);
            begins(self, 1.0, 3, false);
        }
    }

    /// How far an hour is from a shortage: less is worse.
    fn slack(&mut self) -> (f64, bool) {
        self.evaluate(self.hour);
        let short = self.loss_mw[0] > NOTHING_MW;
        // Unserved load, where ties bind, is worse than any surplus elsewhere.
        (if short { -self.loss_mw[0] } else { self.surplus_mw.max(0.0) }, short)
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
    let members: Vec<u32> = prepared
        .components
        .iter()
        .enumerate()
        .filter(|(_, component)| component.chain.probability()[0] < 1.0)
        .flat_map(|(place, component)| std::iter::repeat_n(place as u32, component.keys.len()))
        .collect();
    let (order, first) = bins_of_hours(&prepared);
    let truth: Vec<[f64; 3]> = prepared.components.iter().map(|component| component.chain.probability()).collect();
    let shares: Vec<f64> = first.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / prepared.hours as f64).collect();
    let true_law = Law::new(&truth, &truth, &shares, &shares, &vec![0; shares.len()]);
    let mut sampler = Sampler::new(&prepared, options, &members, &order, &first);
    let (law, pilot_draws, spread) = learn(&mut sampler, &truth, &shares, &true_law);
    let wanted = (spread / options.relative_error).powi(2).ceil();
    let draws = if wanted.is_finite() { wanted.clamp(f64::from(2 * BLOCK), f64::from(u32::MAX)) as u32 } else { u32::MAX };
    let draws = draws.min(options.most_draws);
    let width = PER_SCOPE * prepared.scopes() + 2 * prepared.tiers.len();
    let key = stream_key("snapshot", "draw");
    let pool = Pool::new(options.threads);
    let blocks = pool.replicate(0..draws.div_ceil(BLOCK), &AtomicBool::new(false), &|_| (), |block| {
        let mut sampler = Sampler::new(&prepared, options, &members, &order, &first);
        let mut sums = vec![0.0; 2 * width + prepared.scopes()];
        let mut numbers = vec![0.0; width];
        for draw in block * BLOCK..(block * BLOCK).saturating_add(BLOCK).min(draws) {
            let weight = sampler.draw(&true_law, &law, draw, key);
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
    Ok(summarise(&prepared, &sums, width, draws, pilot_draws))
}

/// Hours from the least to the greatest surplus with everything up, in bins of about the same size.
fn bins_of_hours(prepared: &Prepared) -> (Vec<u32>, Vec<usize>) {
    let areas = prepared.areas;
    let mut surplus = vec![0.0; prepared.hours];
    for (hour, surplus) in surplus.iter_mut().enumerate() {
        for area in 0..areas {
            let slot = hour * areas + area;
            *surplus += prepared.supply_mw[slot] - prepared.load_mw[slot] - prepared.tier_sum_mw[slot];
        }
        for (place, unit) in prepared.system.units.iter().enumerate() {
            if unit.maintenance.iter().any(|out| out.contains(&hour)) {
                let share = prepared.profile[place].get(hour).copied().unwrap_or(1.0);
                *surplus -= f64::from(unit.count) * unit.capacity_mw * share;
            }
        }
    }
    let mut order: Vec<u32> = (0..prepared.hours as u32).collect();
    order.sort_by(|a, b| surplus[*a as usize].total_cmp(&surplus[*b as usize]).then(a.cmp(b)));
    let bins = BINS.min(prepared.hours);
    let first = (0..=bins).map(|bin| bin * prepared.hours / bins).collect();
    (order, first)
}

/// Finds the law by cross-entropy; also the draws taken, and the standard deviation of the weighted indicator over its mean.
fn learn(sampler: &mut Sampler, truth: &[[f64; 3]], shares: &[f64], true_law: &Law) -> (Law, u32, f64) {
    let components = truth.len();
    let mut probability = truth.repeat(GROUPS);
    let mut bin = shares.to_vec();
    let mut group = vec![0; shares.len()];
    let mut law = Law::new(truth, &probability, shares, &bin, &group);
    let mut drawn = 0;
    let mut settled = 0;
    for round in 0..ROUNDS {
        let key = derive_key(stream_key("snapshot", "pilot"), round);
        // First the worst draws are looked for, then these are drawn again to learn from them: no state is stored.
        let mut slacks: Vec<(f64, bool)> = Vec::with_capacity(PILOT as usize);
        for draw in 0..PILOT {
            sampler.draw(true_law, &law, draw, key);
            slacks.push(sampler.slack());
        }
        drawn += PILOT;
        let shorts = slacks.iter().filter(|(_, short)| *short).count();
        let enough = shorts as f64 >= ELITE * f64::from(PILOT);
        let mut sorted: Vec<f64> = slacks.iter().map(|(slack, _)| *slack).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let limit = sorted[(ELITE * f64::from(PILOT)) as usize];
        let elite = |(slack, short): (f64, bool)| if enough { short } else { slack <= limit };
        let mut bin_sum = vec![0.0; shares.len()];
        for draw in (0..PILOT).filter(|draw| elite(slacks[*draw as usize])) {
            let weight = sampler.draw(true_law, &law, draw, key);
            bin_sum[sampler.bin] += weight;
        }
        let total: f64 = bin_sum.iter().sum();
        if total <= 0.0 {
            break;
        }
        // Groups of the same weight, once shortages are common enough to fill them.
        if enough {
            let mut before = 0.0;
            for (group, sum) in group.iter_mut().zip(&bin_sum) {
                *group = (((before + 0.5 * sum) / total * GROUPS as f64) as usize).min(GROUPS - 1);
                before += sum;
            }
        }
        let mut state_sum = vec![[0.0; 3]; components * GROUPS];
        for draw in (0..PILOT).filter(|draw| elite(slacks[*draw as usize])) {
            let weight = sampler.draw(true_law, &law, draw, key);
            let base = group[sampler.bin] * components;
            for (component, state) in sampler.members.iter().zip(&sampler.state) {
                state_sum[base + *component as usize][usize::from(*state)] += weight;
            }
        }
        for ((probability, state_sum), truth) in probability.iter_mut().zip(&state_sum).zip(truth.iter().cycle()) {
            learn_states(probability, state_sum, truth);
        }
        for (bin, sum) in bin.iter_mut().zip(smooth(&bin_sum)) {
            *bin = 0.8 * sum / total + 0.2 * *bin;
        }
        law = Law::new(truth, &probability, shares, &bin, &group);
        settled += u32::from(enough);
        if settled >= 4 {
            break;
        }
    }
    // How much a draw of the last law tells.
    let key = derive_key(stream_key("snapshot", "pilot"), ROUNDS);
    let (mut sum, mut squares) = (0.0, 0.0);
    for draw in 0..PILOT {
        let weight = sampler.draw(true_law, &law, draw, key);
        if sampler.slack().1 {
            sum += weight;
            squares += weight * weight;
        }
    }
    drawn += PILOT;
    let n = f64::from(PILOT);
    let mean = sum / n;
    // Without a single shortage nothing is known: as many draws as are allowed.
    let spread = if mean > 0.0 { (squares / n - mean * mean).max(0.0).sqrt() / mean } else { f64::INFINITY };
    (law, drawn, spread)
}

/// Moves the probabilities of a component towards what its weighted states say. Never rarer than in truth, never nearly certain:
/// both keep rare combinations within reach.
fn learn_states(probability: &mut [f64; 3], state_sum: &[f64; 3], truth: &[f64; 3]) {
    let members: f64 = state_sum.iter().sum();
    if members <= 0.0 || truth[0] <= 0.0 {
        return;
    }
    for state in 1..3 {
        let new = 0.8 * state_sum[state] / members + 0.2 * probability[state];
        probability[state] = if truth[state] > 0.0 { new.clamp(truth[state], truth[state].max(0.48)) } else { 0.0 };
    }
    probability[0] = 1.0 - probability[1] - probability[2];
    if probability[0] <= 0.0 {
        *probability = *truth;
    }
}

/// Neighbouring bins lend each other a part: a bin that the pilot missed is not a bin that cannot be short.
fn smooth(values: &[f64]) -> Vec<f64> {
    let at = |place: Option<usize>| place.and_then(|place| values.get(place)).copied();
    (0..values.len())
        .map(|place| {
            let own = values[place];
            0.5 * own + 0.25 * at(place.checked_sub(1)).unwrap_or(own) + 0.25 * at(Some(place + 1)).unwrap_or(own)
        })
        .collect()
}

fn summarise(prepared: &Prepared, sums: &[f64], width: usize, draws: u32, pilot_draws: u32) -> SnapshotAdequacy {
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
    SnapshotAdequacy { draws, pilot_draws, system: shortfalls[0], areas, tiers }
}
