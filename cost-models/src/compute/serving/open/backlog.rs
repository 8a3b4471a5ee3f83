//! Prompts beside a number of decoding requests: a Markov chain over the steps of the tokens that wait to be prefilled.

use super::Open;

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

/// Times of steps by tokens of prompts, linear in between.
#[derive(Clone, Debug)]
pub(super) struct Surface {
    knots: Vec<(f64, f64)>,
    /// Without prompts \[s\].
    pub plain: f64,
}

impl Surface {
    /// Up to as many tokens as a step has room for.
    pub fn new(budget: f64, seconds: &dyn Fn(f64) -> f64) -> Self {
        let mut knots = vec![(1.0, seconds(1.0))];
        let mut tokens: f64 = 16.0;
        while tokens < 0.95 * budget {
            knots.push((tokens, seconds(tokens)));
            tokens = (tokens * std::f64::consts::SQRT_2).ceil();
        }
        let budget = budget.max(2.0);
        knots.push((budget, seconds(budget)));
        Self { knots, plain: seconds(0.0) }
    }

    /// A step with as many tokens as it has room for \[s\].
    pub fn full(&self) -> f64 {
        self.knots[self.knots.len() - 1].1
    }

    /// A prompt by itself, in as many steps as it takes \[s\].
    pub fn chunks(&self, tokens: f64, budget: f64) -> f64 {
        let before = (tokens / budget - 1e-9).floor().max(0.0);
        before * self.full() + self.at(tokens - before * budget)
    }

    fn at(&self, tokens: f64) -> f64 {
        if tokens < 0.5 {
            return self.plain;
        }
        let above = self.knots.partition_point(|knot| knot.0 < tokens).clamp(1, self.knots.len() - 1);
        let (a, b) = (self.knots[above - 1], self.knots[above]);
        a.1 + (b.1 - a.1) * ((tokens - a.0) / (b.0 - a.0)).clamp(0.0, 1.0)
    }
}

impl Open {
    /// Steps at a point of the grid of seated requests, where `rate` arrive \[1/s\].
    pub(super) fn steps(&self, index: usize, rate: f64) -> Steps {
        let (decoding, surface) = &self.grid[index];
        let nobody = *decoding == 0.0;
        let budget = self.budget(*decoding);
        let (mean, square) = self.prompt;
        let full = surface.full();
        let fill = rate * full * mean / budget;
        if fill >= FULLEST {
            return Steps {
                mean: full,
                cycle: full,
                prefill: f64::INFINITY,
                notice: 1.5 * full,
                residual: full / 2.0,
                bursts: 1.0,
                memory: f64::INFINITY,
                alone: self.groups.iter().map(|(tokens, weight)| weight * surface.chunks(*tokens, budget)).sum(),
                company: 1.0,
                ..Steps::default()
            };
        }
        // How far the backlog goes: what arrives in a step, and what is left of that from full ones.
        let some = surface.at((rate * full * mean).min(budget));
        let slack = budget - rate * full * mean;
        let memory = rate * full * square / (slack * slack);
        let reach = rate * some * mean + 6.0 * (rate * some * square).sqrt() + 3.0 * rate * full * square / slack + 2.0 * mean;
        // Coarse where the backlog is long, but fine enough to tell prompts from none.
        let varied = square > 1.01 * mean * mean;
        let fine = mean.min(budget) / if varied || mean > budget / 8.0 { 3.0 } else { 1.0 };
        let coarsest = (if varied { 0.75 } else { 1.0 } * mean).min(budget / 2.0).max(fine);
        let unit = budget / (budget / (reach / STATES).clamp(fine, coarsest)).round().max(1.0);
        let room = (budget / unit).round() as usize;
        let states = (((reach / unit).ceil() as usize).max(4) + 1).min(3 * STATES as usize);
        let lengths = self.lengths(unit, states);
        let times: Vec<f64> = (0..=room.min(states - 1)).map(|units| surface.at(units as f64 * unit)).collect();
        let arrivals: Vec<Vec<f64>> = times
            .iter()
            .enumerate()
            .map(|(units, seconds)| if nobody && units == 0 { lengths.clone() } else { compound(rate * seconds, &lengths) })
            .collect();
        let served = |units: usize| units.min(room).min(states - 1);
        let stationary = stationary(states, room, &|units| (units - served(units), &arrivals[served(units)]));
        let idle_share = if nobody { stationary[0] } else { 0.0 };
        let seconds = |units: usize| if nobody && units == 0 { 0.0 } else { times[served(units)] };
        let running: f64 = stationary.iter().enumerate().map(|(units, share)| share * seconds(units)).sum();
        let cycle = running + idle_share / rate;
        let average = running / (1.0 - idle_share).max(1e-300);

        // What an arrival finds when it is scheduled: what its step left and what else arrived in that step.
        let mut found = vec![(0.0, 0.0); states];
        let mut left = vec![0.0; states];
        let mut residual = 0.0;
        for (units, share) in stationary.iter().enumerate().filter(|(_, share)| **share > NEGLIGIBLE) {
            let weight = share * seconds(units) / cycle;
            if weight <= 0.0 {
                continue;
            }
            residual += weight * seconds(units) / 2.0;
            let rest = units - served(units);
            left[rest] += weight;
            for (more, chance) in arrivals[served(units)].iter().enumerate() {
                let all = &mut found[(rest + more).min(states - 1)];
                all.0 += weight * chance;
                // Half of those that arrived in the same step are behind.
                all.1 += weight * chance * (rest as f64 + more as f64 / 2.0);
            }
        }
        let idle = idle_share / rate / cycle;
        found[0].0 += idle;
        let mut usual = vec![0.0; states];
        for (units, share) in stationary.iter().enumerate().filter(|(_, share)| **share > NEGLIGIBLE) {
            for (more, chance) in arrivals[served(units)].iter().enumerate() {
                usual[more] += share * chance;
            }
        }
        let mut next = 0.0;
        if self.scheduler.ahead {
            for (rest, weight) in left.iter().enumerate().filter(|(_, weight)| **weight > NEGLIGIBLE) {
                for (more, chance) in usual.iter().enumerate() {
                    next += weight * chance * times[served((rest + more).min(states - 1))];
                }
            }
        }
        // Its own prompt with what it found.
        let mut prefill = 0.0;
        let mut last = vec![0.0; states];
        for (units, (share, ahead)) in found.iter().enumerate().filter(|(_, it)| it.0 > NEGLIGIBLE) {
            for (tokens, weight) in &self.groups {
                let total = units as f64 * unit + tokens;
                let before = ((ahead / share * unit + tokens) / budget - 1e-9).floor().max(0.0);
                let rest = total - before * budget;
                prefill += share * weight * (before * full + surface.at(rest.min(budget)));
                // Others come meanwhile.
                let place = ((rest + before * full * rate * mean) / unit).min((states - 1) as f64);
                let low = place.floor() as usize;
                last[low] += share * weight * (1.0 - place.fract());
                last[(low + 1).min(states - 1)] += share * weight * place.fract();
            }
        }
        let alone = self.groups.iter().map(|(tokens, weight)| weight * surface.chunks(*tokens, budget)).sum();
        let company = 1.0 - found[0].0;
        let mut excess = 0.0;
        let begun =
            |shares: &[f64]| shares.iter().enumerate().map(|(units, share)| share * served(units) as f64).sum::<f64>() * unit / mean;
        let mut bursts = begun(&last) - rate * average;
        let mut settled = f64::NAN;

        let mut before = f64::NAN;
        for step in 0..if nobody { 0 } else { self.decode_steps.0.ceil().min(4096.0) as usize } {
            let mut to = vec![0.0; states];
            for (units, share) in last.iter().enumerate().filter(|(_, share)| **share > 1e-9) {
                for (more, chance) in arrivals[served(units)].iter().enumerate() {
                    to[(units - served(units) + more).min(states - 1)] += share * chance;
                }
            }
            last = to;
            let more = last.iter().enumerate().map(|(units, share)| share * seconds(units)).sum::<f64>() - average;
            let births = 2.0 * (begun(&last) - rate * average);
            excess += more;
            bursts += births;
            // In the end it dies away geometrically.
            let ratio = more / before;
            if more.abs() < 1e-4 * average || (step > 8 && (0.0..0.995).contains(&ratio) && (ratio - settled).abs() < 2e-3) {
                let rest = self.decode_steps.0 - (step + 1) as f64;
                let tail = if (0.0..0.995).contains(&ratio) { ratio / (1.0 - ratio) * (1.0 - ratio.powf(rest.max(0.0))) } else { 0.0 };
                excess += more * tail;
                bursts += births * tail;
                break;
            }
            settled = ratio;
            before = more;
        }
        Steps {
            mean: average,
            cycle,
            notice: residual + next,
            residual,
            prefill,
            alone,
            company,
            excess,
            idle,
            bursts: bursts.max(1.0),
            memory,
        }
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
