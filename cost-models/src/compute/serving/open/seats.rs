//! The number of requests that decode: births in clusters, deaths by processor sharing, a queue where seats or memory run out.

use super::backlog::Steps;
use super::tail::{Wait, percentile};
use super::{Open, OpenState};

/// Weight of a number over the largest from which on it is left out.
const NEGLIGIBLE: f64 = 1e-7;
/// Standard deviations below the mean from which numbers count.
const REACH: f64 = 7.0;
/// Groups of requests by the pace at which they decode, for the tail.
const PACES: f64 = 7.0;

/// Steps at numbers of decoding requests, solved when they are asked for.
struct Table<'a> {
    service: &'a Open,
    rate: f64,
    steps: Vec<Option<Steps>>,
}

impl<'a> Table<'a> {
    fn new(service: &'a Open, rate: f64) -> Self {
        Self { service, rate, steps: vec![None; service.grid.len()] }
    }

    /// At a point of the grid.
    fn of(&mut self, index: usize) -> Steps {
        let mut it = *self.steps[index].get_or_insert_with(|| self.service.steps(index, self.rate));
        if index == 0 && self.steps.len() > 1 {
            // Those that come while a first prompt is computed find its request decoding.
            let one = self.of(1);
            (it.bursts, it.excess) = (one.bursts, one.excess);
        }
        it
    }

    fn at(&mut self, decoding: f64) -> Steps {
        let (low, high, share) = self.service.between(decoding);
        let (a, b) = (self.of(low), self.of(high));
        let mut it = a.towards(&b, share);
        // What prompts add is smooth; the step without them has jumps where kernels change with the batch.
        let smooth = self.service.grid[low].1.plain * (1.0 - share) + self.service.grid[high].1.plain * share;
        if smooth > 0.0 {
            let factor = self.service.plain_at(decoding) / smooth;
            it.mean *= factor;
            it.cycle *= factor;
        }
        it
    }
}

/// How many requests decode, over time.
struct Occupancy {
    /// Number, share of the time, steps. The last share holds the times in which others wait for a seat.
    numbers: Vec<(f64, f64, Steps)>,
    /// Share of the time in which others wait.
    full: f64,
    /// Requests that wait for a seat.
    waiting: f64,
}

impl Occupancy {
    fn mean(&self, of: impl Fn(f64, &Steps) -> f64) -> f64 {
        self.numbers.iter().map(|(number, share, steps)| share * of(*number, steps)).sum()
    }

    /// Mean steps of requests, with shares: each number counts as often as there are requests in it.
    fn paces(&self) -> Vec<(f64, f64)> {
        let mut paces: Vec<(f64, f64)> = Vec::new();
        let running = self.mean(|number, _| number);
        let mut below = 0.0;
        let mut group = f64::NAN;
        for (number, share, steps) in self.numbers.iter().filter(|it| it.0 * it.1 > 0.0) {
            let share = share * number / running;
            let this = (below * PACES).floor();
            below += share;
            match paces.last_mut() {
                Some(last) if this == group => *last = (last.0 + steps.mean * share, last.1 + share),
                _ => paces.push((steps.mean * share, share)),
            }
            group = this;
        }
        paces.iter_mut().for_each(|it| it.0 /= it.1);
        paces
    }
}

impl Open {
    /// Grid points around a number of decoding requests, and how far it is from the first to the second.
    fn between(&self, decoding: f64) -> (usize, usize, f64) {
        let high = self.grid.partition_point(|it| it.0 < decoding).min(self.grid.len() - 1);
        let low = high.saturating_sub(1);
        let width = self.grid[high].0 - self.grid[low].0;
        (low, high, if width > 0.0 { ((decoding - self.grid[low].0) / width).clamp(0.0, 1.0) } else { 0.0 })
    }

    /// A step without prompts \[s\].
    fn plain_at(&self, decoding: f64) -> f64 {
        let low = (decoding.max(0.0).floor() as usize).min(self.plain.len() - 1);
        let high = (low + 1).min(self.plain.len() - 1);
        self.plain[low] + (self.plain[high] - self.plain[low]) * decoding.max(0.0).fract()
    }

    /// A step full of prompts \[s\].
    pub(super) fn full(&self, decoding: f64) -> f64 {
        let (low, high, share) = self.between(decoding);
        self.grid[low].1.full() * (1.0 - share) + self.grid[high].1.full() * share
    }

    /// A prompt by itself beside decoding requests \[s\].
    fn prompt_alone(&self, tokens: f64, decoding: f64) -> f64 {
        let (low, high, share) = self.between(decoding);
        let budget = self.budget(decoding);
        self.grid[low].1.chunks(tokens, budget) * (1.0 - share) + self.grid[high].1.chunks(tokens, budget) * share
    }

    /// Mean step while as many requests decode \[s\].
    pub(super) fn mean_step(&self, decoding: f64, rate: f64) -> f64 {
        Table::new(self, rate).at(decoding).mean
    }

    /// In step time a request decodes for as many steps as it has tokens left, and a step with prompts is a moment in which more
    /// begin to decode: clusters of a geometric number of births, for which the flow over the cut between two numbers gives the
    /// next weight. Over real time each number counts as long as its steps take.
    fn occupancy(&self, table: &mut Table<'_>) -> Occupancy {
        let decode = self.decode_steps.0;
        let most = self.decoding(self.most);
        let last = most.ceil() as usize;
        let rate = table.rate;
        // Where births and deaths balance.
        let (mut low, mut high) = (0, self.grid.len() - 1);
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if rate * decode * table.of(middle).mean > self.grid[middle].0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        let spread = (2.0 * self.grid[high].0 * table.of(high).bursts.min(50.0)).sqrt();
        let first = (self.grid[low].0 - REACH * spread).max(0.0) as usize;
        let cluster = |it: &Steps| 1.0 + (it.bursts - 1.0) * self.overlap;

        let mut numbers: Vec<(f64, f64, Steps)> = Vec::new();
        let (mut weight, mut up, mut largest): (f64, f64, f64) = (1.0, 0.0, 1.0);
        for number in first..=last {
            let decoding = (number as f64).min(most);
            // Between nobody and one there is nothing.
            let steps = table.at(if number == 0 { 0.0 } else { decoding.max(1.0) });
            numbers.push((decoding, weight, steps));
            if weight < NEGLIGIBLE * largest && number > first + 1 {
                break;
            }
            up = weight * rate * steps.cycle / cluster(&steps) + (1.0 - 1.0 / cluster(&steps)) * up;
            weight = up * decode / ((number + 1) as f64).min(most);
            largest = largest.max(weight);
            if largest > 1e200 {
                numbers.iter_mut().for_each(|it| it.1 /= largest);
                (weight, up, largest) = (weight / largest, up / largest, 1.0);
            }
        }
        // With nobody decoding, a step is also the time until the next request comes.
        numbers.iter_mut().for_each(|it| it.1 *= it.2.cycle);
        // Beyond the seats: what clusters carry over, and a queue that falls off geometrically.
        let (mut full, mut waiting) = (0.0, 0.0);
        if first + numbers.len() > last && most > 0.0 {
            let steps = table.at(most.max(1.0));
            let busy = (rate * decode * steps.mean / most).min(0.9999);
            full = numbers[numbers.len() - 1].1 * (busy + cluster(&steps) - 1.0) / (1.0 - busy);
            let variation = self.decode_steps.1 / (self.seated() * self.seated());
            waiting = full / (1.0 - busy) * (steps.bursts + variation) / 2.0;
            if let Some(last) = numbers.last_mut() {
                last.1 += full;
            }
        }
        let total: f64 = numbers.iter().map(|it| it.1).sum();
        numbers.iter_mut().for_each(|it| it.1 /= total);
        Occupancy { numbers, full: full / total, waiting: waiting / total }
    }

    /// The replica at a rate \[1/s\]; `None` where it cannot serve so many, or the rate is no rate.
    #[must_use]
    pub fn at(&self, rate: f64) -> Option<OpenState> {
        if !(rate > 0.0 && rate < self.saturation) {
            return None;
        }
        let mut table = Table::new(self, rate);
        let occupancy = self.occupancy(&mut table);
        let decoding = occupancy.mean(|number, _| number);
        let variance = (occupancy.mean(|number, _| number * number) - decoding * decoding).max(0.0);
        // The backlog of prompts follows slow changes of the number that decodes. Of fast ones it sees the mean, which while
        // prompts wait goes towards as many as begin in full steps.
        let here = table.at(decoding);
        let most = self.decoding(self.most);
        let follows = if here.memory.is_finite() { here.memory / (here.memory + self.decode_steps.0.max(1e-9)) } else { 1.0 };
        let beside = decoding + (self.balance().min(most) - decoding).max(0.0) * follows;
        let swing = (3.0 * variance * (1.0 - follows)).sqrt();
        let prefill: f64 = [(-swing, 1.0 / 6.0), (0.0, 2.0 / 3.0), (swing, 1.0 / 6.0)]
            .map(|(side, weight)| weight * table.at((beside + side).clamp(0.0, most)).prefill)
            .iter()
            .sum();
        let notice = occupancy.mean(|_, it| it.notice) * (1.0 - occupancy.full);
        let blocked = occupancy.waiting / rate;
        let ttft = notice + prefill + blocked;
        let answer = decoding / rate + occupancy.mean(|_, it| it.excess) * if most > 0.0 { 1.0 } else { 0.0 };
        let queue = (prefill - here.alone).max(0.0);

        let waits = (Wait::new(queue, here.company), Wait::new(blocked, occupancy.full));
        // The rest of a step is any part of it.
        let parts = [-0.75, -0.25, 0.25, 0.75].map(|part| (notice + part * here.residual).max(0.0));
        let firsts: Vec<(f64, f64)> = (self.groups.iter())
            .flat_map(|(tokens, share)| parts.map(|part| (part + self.prompt_alone(*tokens, decoding), share / 4.0)))
            .collect();
        let paces = occupancy.paces();
        let usual: f64 = paces.iter().map(|(pace, share)| pace * share).sum();
        let lasts: Vec<(f64, f64)> = (self.answers.iter())
            .flat_map(|(tokens, share)| {
                paces.iter().map(move |(pace, part)| (notice + here.alone + tokens * answer * pace / usual, share * part))
            })
            .collect();
        let latency_p95 = percentile(if lasts.is_empty() { &firsts } else { &lasts }, waits.0, waits.1);
        Some(OpenState {
            rate,
            load: rate / self.saturation,
            ttft,
            latency: ttft + answer,
            ttft_p95: percentile(&firsts, waits.0, waits.1),
            latency_p95,
            notice,
            prompt: here.alone,
            queue,
            blocked,
            decoding: rate * answer,
            waiting: occupancy.waiting,
            step: here.mean,
            plain: self.plain_at(decoding.max(1.0)),
            busy: 1.0 - occupancy.mean(|_, it| it.idle),
        })
    }
}
