//! Prompts beside a number of decoding requests: a Markov chain over the steps of the tokens that wait to be prefilled.

use super::Open;
use super::surface::Surface;

/// The steps of a replica while a number of its requests decode.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    /// Mean time of a step \[s\].
    pub mean: f64,
    /// The same, waiting for a request where nothing runs included \[s\].
    pub cycle: f64,
    /// From an arrival until its own prompt is scheduled: the rest of the running step, and the one scheduled already \[s\].
    pub notice: f64,
    /// The rest of the running step alone \[s\].
    pub residual: f64,
    /// From there to the first token \[s\].
    pub prefill: f64,
    /// What its own prompt alone would take of that \[s\].
    pub alone: f64,
    /// Share of requests whose prompts share their steps with others.
    pub company: f64,
    /// How much longer a request's decoding takes for beginning right after a step with its own prompt \[s\].
    pub excess: f64,
    /// Share of the time in which nothing runs.
    pub idle: f64,
    /// Variance over mean of the number of requests that begin to decode in some steps: prompts make steps long, in which more
    /// requests arrive.
    pub bursts: f64,
    /// Steps for which the backlog remembers.
    pub memory: f64,
}

impl Steps {
    /// In between; what grows without end is linear in its inverse.
    pub fn towards(&self, other: &Self, share: f64) -> Self {
        let linear = |a: f64, b: f64| a + (b - a) * share;
        let steep = |a: f64, b: f64| if a > 0.0 && b > 2.0 * a { 1.0 / linear(1.0 / a, 1.0 / b) } else { linear(a, b) };
        Self {
            mean: linear(self.mean, other.mean),
            cycle: linear(self.cycle, other.cycle),
            notice: linear(self.notice, other.notice),
            residual: linear(self.residual, other.residual),
            prefill: steep(self.prefill, other.prefill),
            alone: linear(self.alone, other.alone),
            company: linear(self.company, other.company),
            excess: linear(self.excess, other.excess),
            idle: linear(self.idle, other.idle),
            bursts: linear(self.bursts, other.bursts),
            memory: steep(self.memory, other.memory),
        }
    }
}

/// States of the chain, about.
const STATES: f64 = 64.0;
/// Fullest steps that are solved; beyond, prompts wait without end.
pub(super) const FULLEST: f64 = 0.985;
/// Probability below which states are left out.
const NEGLIGIBLE: f64 = 1e-12;

/// Tokens that wait to be prefilled, in units, from step to step.
struct Chain {
    unit: f64,
    /// Units that a step has room for.
    room: usize,
    states: usize,
    /// Whether nobody decodes: without prompts there is no step, but the time until a request comes.
    nobody: bool,
    /// Seconds of a step by the units that it prefills.
    times: Vec<f64>,
    /// Units that arrive in such a step.
    arrivals: Vec<Vec<f64>>,
    stationary: Vec<f64>,
}

impl Chain {
    fn served(&self, units: usize) -> usize {
        units.min(self.room).min(self.states - 1)
    }

    /// A step while so many units wait \[s\]; 0 where there is none.
    fn seconds(&self, units: usize) -> f64 {
        if self.nobody && units == 0 { 0.0 } else { self.times[self.served(units)] }
    }

    /// Mean over states with shares.
    fn mean(shares: &[f64], of: impl Fn(usize) -> f64) -> f64 {
        shares.iter().enumerate().map(|(units, share)| share * of(units)).sum()
    }

    /// What waits after a step.
    fn after(&self, shares: &[f64]) -> Vec<f64> {
        let mut to = vec![0.0; self.states];
        for (units, share) in shares.iter().enumerate().filter(|(_, share)| **share > 1e-9) {
            let left = units - self.served(units);
            for (more, chance) in self.arrivals[self.served(units)].iter().enumerate() {
                to[(left + more).min(self.states - 1)] += share * chance;
            }
        }
        to
    }

    /// Adds a share at a place between two states.
    fn put(&self, shares: &mut [f64], tokens: f64, share: f64) {
        let place = (tokens / self.unit).min((self.states - 1) as f64);
        let low = place.floor() as usize;
        shares[low] += share * (1.0 - place.fract());
        shares[(low + 1).min(self.states - 1)] += share * place.fract();
    }
}

/// What a request finds when it comes.
struct Found {
    /// The rest of the running step \[s\].
    residual: f64,
    /// The step that is scheduled already \[s\].
    next: f64,
    /// When its own prompt can be scheduled: share and, times that, units ahead of it, by the units of others that wait.
    others: Vec<(f64, f64)>,
}

impl Open {
    /// Steps at a point of the grid of decoding requests, where `rate` arrive \[1/s\].
    pub(super) fn steps(&self, index: usize, rate: f64) -> Steps {
        let (decoding, surface) = &self.grid[index];
        let budget = self.budget(*decoding);
        let (mean, square) = self.prompt;
        let full = surface.full();
        let alone = self.groups.iter().map(|(tokens, weight)| weight * surface.chunks(*tokens, budget)).sum();
        let slack = budget - rate * full * mean;
        if slack <= (1.0 - FULLEST) * budget {
            let ever = f64::INFINITY;
            let usual = Steps { mean: full, cycle: full, notice: 1.5 * full, residual: full / 2.0, alone, ..Steps::default() };
            return Steps { prefill: ever, memory: ever, company: 1.0, bursts: 1.0, ..usual };
        }
        let memory = rate * full * square / (slack * slack);
        let chain = self.chain(surface, budget, *decoding == 0.0, rate);
        let idle_share = if chain.nobody { chain.stationary[0] } else { 0.0 };
        let running = Chain::mean(&chain.stationary, |units| chain.seconds(units));
        let cycle = running + idle_share / rate;
        let average = running / (1.0 - idle_share).max(1e-300);
        let idle = idle_share / rate / cycle;
        let found = self.found(&chain, cycle, idle);

        // Its own prompt with what it found, and what waits in the step in which that is done.
        let mut prefill = 0.0;
        let mut last = vec![0.0; chain.states];
        for (units, (share, ahead)) in found.others.iter().enumerate().filter(|(_, it)| it.0 > NEGLIGIBLE) {
            for (tokens, weight) in &self.groups {
                let total = units as f64 * chain.unit + tokens;
                let before = ((ahead / share * chain.unit + tokens) / budget - 1e-9).floor().max(0.0);
                let rest = total - before * budget;
                prefill += share * weight * (before * full + surface.at(rest.min(budget)));
                // Others come meanwhile.
                chain.put(&mut last, rest + before * full * rate * mean, share * weight);
            }
        }
        let (excess, bursts) = self.aftermath(&chain, last, average, rate);
        Steps {
            mean: average,
            cycle,
            notice: found.residual + found.next,
            residual: found.residual,
            prefill,
            alone,
            company: 1.0 - found.others[0].0,
            excess,
            idle,
            bursts,
            memory,
        }
    }

    fn chain(&self, surface: &Surface, budget: f64, nobody: bool, rate: f64) -> Chain {
        let (mean, square) = self.prompt;
        let full = surface.full();
        // How far the backlog goes: what arrives in a step, and what is left of that from full ones.
        let come = rate * full * mean;
        let some = surface.at(come.min(budget));
        let reach = rate * some * mean + 6.0 * (rate * some * square).sqrt() + 3.0 * rate * full * square / (budget - come) + 2.0 * mean;
        // Coarse where the backlog is long, but fine enough to tell prompts from none.
        let varied = square > 1.01 * mean * mean;
        let fine = mean.min(budget) / if varied || mean > budget / 8.0 { 3.0 } else { 1.0 };
        let coarsest = (if varied { 0.75 } else { 1.0 } * mean).min(budget / 2.0).max(fine);
        let unit = budget / (budget / (reach / STATES).clamp(fine, coarsest)).round().max(1.0);
        let room = (budget / unit).round() as usize;
        let states = (((reach / unit).ceil() as usize).max(4) + 1).min(3 * STATES as usize);
        let lengths = self.lengths(unit, states);
        let times: Vec<f64> = (0..=room.min(states - 1)).map(|units| surface.at(units as f64 * unit)).collect();
        let arrivals: Vec<Vec<f64>> = (times.iter().enumerate())
            .map(|(units, seconds)| if nobody && units == 0 { lengths.clone() } else { compound(rate * seconds, &lengths) })
            .collect();
        let mut chain = Chain { unit, room, states, nobody, times, arrivals, stationary: Vec::new() };
        chain.stationary = stationary(states, room, &|units| {
            let served = chain.served(units);
            (units - served, &chain.arrivals[served])
        });
        chain
    }

    /// What an arrival finds: it comes at any time alike, in longer steps more often.
    fn found(&self, chain: &Chain, cycle: f64, idle: f64) -> Found {
        let mut found = Found { residual: 0.0, next: 0.0, others: vec![(0.0, 0.0); chain.states] };
        let mut left = vec![0.0; chain.states];
        let mut usual = vec![0.0; chain.states];
        for (units, share) in chain.stationary.iter().enumerate().filter(|(_, share)| **share > NEGLIGIBLE) {
            let (seconds, served) = (chain.seconds(units), chain.served(units));
            let weight = share * seconds / cycle;
            let rest = units - served;
            found.residual += weight * seconds / 2.0;
            left[rest] += weight;
            for (more, chance) in chain.arrivals[served].iter().enumerate() {
                usual[more] += share * chance;
                let all = &mut found.others[(rest + more).min(chain.states - 1)];
                all.0 += weight * chance;
                // Half of those that arrive in the same step are behind.
                all.1 += weight * chance * (rest as f64 + more as f64 / 2.0);
            }
        }
        found.others[0].0 += idle;
        if self.scheduler.ahead {
            // What is scheduled already came in the step before.
            for (rest, weight) in left.iter().enumerate().filter(|(_, weight)| **weight > NEGLIGIBLE) {
                let more = |more: usize| chain.times[chain.served((rest + more).min(chain.states - 1))];
                found.next += weight * Chain::mean(&usual, more);
            }
        }
        found
    }

    /// The steps after the one in which a request's prompt is done, of which `waits` gives what waits in it: how much longer than
    /// usual they are, and the variance over mean of how many requests begin to decode.
    fn aftermath(&self, chain: &Chain, waits: Vec<f64>, average: f64, rate: f64) -> (f64, f64) {
        let begun = |shares: &[f64]| Chain::mean(shares, |units| chain.served(units) as f64) * chain.unit / self.prompt.0;
        let mut bursts = begun(&waits) - rate * average;
        let (mut waits, mut excess) = (waits, 0.0);
        if chain.nobody {
            return (excess, bursts.max(1.0));
        }
        let (mut before, mut settled) = (f64::NAN, f64::NAN);
        for step in 1..=self.decode_steps.0.ceil().min(4096.0) as usize {
            waits = chain.after(&waits);
            let more = Chain::mean(&waits, |units| chain.seconds(units)) - average;
            let births = 2.0 * (begun(&waits) - rate * average);
            excess += more;
            bursts += births;
            // In the end it dies away geometrically.
            let ratio = more / before;
            let dying = (0.0..0.995).contains(&ratio);
            if more.abs() < 1e-4 * average || (step > 9 && dying && (ratio - settled).abs() < 2e-3) {
                let rest = (self.decode_steps.0 - step as f64).max(0.0);
                let tail = if dying { ratio / (1.0 - ratio) * (1.0 - ratio.powf(rest)) } else { 0.0 };
                excess += more * tail;
                bursts += births * tail;
                break;
            }
            settled = ratio;
            before = more;
        }
        (excess, bursts.max(1.0))
    }

    /// Lengths of prompts in units, with the same mean and none of 0.
    fn lengths(&self, unit: f64, states: usize) -> Vec<f64> {
        let mut lengths = vec![0.0; states];
        let mut lifted = 0.0;
        for (tokens, share) in &self.prompts {
            let units = (tokens / unit).min((states - 1) as f64);
            if units < 1.0 {
                lengths[1] += share;
                lifted += share * (1.0 - units);
            } else {
                let low = units.floor() as usize;
                lengths[low] += share * (1.0 - units.fract());
                lengths[(low + 1).min(states - 1)] += share * units.fract();
            }
        }
        // What short ones were lifted, long ones are lowered.
        let long: f64 = lengths[2..].iter().sum();
        if lifted > 0.0 && long > 0.0 {
            let share = (lifted / long).min(1.0);
            for units in 2..states {
                let moved = lengths[units] * share;
                lengths[units] -= moved;
                lengths[units - 1] += moved;
            }
        }
        lengths
    }
}

/// Sum of a Poisson number of lengths (Panjer 1981).
fn compound(mean: f64, lengths: &[f64]) -> Vec<f64> {
    let states = lengths.len();
    let mut sum = vec![0.0; states];
    sum[0] = (-mean * (1.0 - lengths[0])).max(-600.0).exp();
    let longest = lengths.iter().rposition(|share| *share > 0.0).unwrap_or(0);
    for units in 1..states {
        let some: f64 = (1..=units.min(longest)).map(|part| part as f64 * lengths[part] * sum[units - part]).sum();
        sum[units] = mean / units as f64 * some;
    }
    let missing = 1.0 - sum.iter().sum::<f64>();
    sum[states - 1] += missing.max(0.0);
    let total: f64 = sum.iter().sum();
    sum.iter_mut().for_each(|it| *it /= total);
    let last = sum.iter().rposition(|share| *share > NEGLIGIBLE).unwrap_or(0);
    sum.truncate(last + 1);
    sum
}

/// Stationary distribution of a chain by elimination without subtraction (Grassmann, Taksar and Heyman 1985). Each state falls
/// by at most `room` and then rises by a random amount; what would rise above the last stays in it.
fn stationary<'a>(states: usize, room: usize, row: &dyn Fn(usize) -> (usize, &'a Vec<f64>)) -> Vec<f64> {
    let mut matrix = vec![0.0; states * states];
    for from in 0..states {
        let (base, rises) = row(from);
        for (rise, chance) in rises.iter().enumerate() {
            matrix[from * states + (base + rise).min(states - 1)] += chance;
        }
    }
    for last in (1..states).rev() {
        let lowest = last.saturating_sub(room);
        let (upper, lower) = matrix.split_at_mut(last * states);
        let lower = &lower[lowest..last];
        let out: f64 = lower.iter().sum();
        if out <= 0.0 {
            continue;
        }
        for from in 0..last {
            let share = upper[from * states + last] / out;
            upper[from * states + last] = share;
            if share > 0.0 {
                for (it, down) in upper[from * states + lowest..from * states + last].iter_mut().zip(lower) {
                    *it += share * down;
                }
            }
        }
    }
    let mut shares = vec![0.0; states];
    shares[0] = 1.0;
    for state in 1..states {
        shares[state] = (0..state).map(|from| shares[from] * matrix[from * states + state]).sum();
    }
    let total: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|it| *it /= total);
    shares
}
