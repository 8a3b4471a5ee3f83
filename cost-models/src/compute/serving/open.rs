//! A replica under an open load: requests arrive as a Poisson process, whatever the replica does.
//!
//! ```text
//! step time s(n, prompt tokens) --> Steps: chain of waiting prompt tokens at n decoding --> seats: chain of n --> OpenState
//!                                   mean step, notice, prefill, excess, bursts               mean, tail, wait for a seat
//! ```
//!
//! Decoding is processor sharing: each step gives every one of n requests a token, so a request passes n by s(n). With Poisson
//! arrivals the number present does not depend on the law of lengths, only on their mean (Cohen 1979; Kelly 1979, section 3.3).
//! Two things break that: steps with prompts are longer, more requests arrive in them, and these begin to decode together; and
//! seats and memory bound n. The first makes the births of the chain of n come in clusters, as long as the answers overlap; the
//! second makes a queue, with the tail of Zhang and Zwart (2008) for limited processor sharing.
//!
//! The same step times and scheduler as in the replay of requests one by one, with which it agrees (`docs/validation.md`).

mod backlog;
mod seats;
mod surface;
mod tail;

use super::{Batch, LengthLaw};
use backlog::FULLEST;
use surface::Surface;

/// How an engine forms its batches: vLLM's version 1 (Agrawal et al. 2024). Decoding first, then prompts in chunks in the order
/// of arrival.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheduler {
    /// Most requests that run at once.
    pub seats: f64,
    /// Most tokens of a step.
    pub tokens: f64,
    /// Tokens of keys and values that the replica keeps.
    pub kept: f64,
    /// Tokens of a block of them.
    pub block: f64,
    /// Whether the next step is scheduled while this one runs: a request that arrives waits for the step that is scheduled
    /// already, and a seat is free one step later.
    pub ahead: bool,
}

impl Default for Scheduler {
    /// vLLM's as its server starts it, without a limit of memory.
    fn default() -> Self {
        Self { seats: 256.0, tokens: 8192.0, kept: f64::INFINITY, block: 16.0, ahead: true }
    }
}

/// A service on a replica: step times, lengths and scheduler, ready to be asked for any rate.
#[derive(Clone, Debug)]
pub struct Open {
    scheduler: Scheduler,
    /// Lengths of prompts with their shares.
    prompts: Vec<(f64, f64)>,
    /// The same in few groups.
    groups: Vec<(f64, f64)>,
    /// Decoding over its mean, in few groups.
    answers: Vec<(f64, f64)>,
    /// Mean length of a prompt and of its square.
    prompt: (f64, f64),
    /// Steps in which a request decodes: mean, and variance.
    decode_steps: (f64, f64),
    /// Mean of the shorter of two answers over the mean.
    overlap: f64,
    /// Requests that run at once at most.
    most: f64,
    /// The largest rate \[1/s\].
    saturation: f64,
    /// Steps without prompts by decoding requests \[s\].
    plain: Vec<f64>,
    /// Steps with prompts, at some numbers of decoding requests.
    grid: Vec<(f64, Surface)>,
}

/// A replica at a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct OpenState {
    /// Requests \[1/s\].
    pub rate: f64,
    /// Its share of the saturation rate.
    pub load: f64,
    /// Mean time to the first token \[s\].
    pub ttft: f64,
    /// Mean time to the last token \[s\].
    pub latency: f64,
    /// 95th percentile of the time to the first token \[s\].
    pub ttft_p95: f64,
    /// 95th percentile of the time to the last token \[s\].
    pub latency_p95: f64,
    /// Part of the time to the first token until a seat or memory is free \[s\].
    pub blocked: f64,
    /// Part of the time to the first token until the prompt is scheduled for the first time, while seats are free \[s\].
    pub notice: f64,
    /// Part of the time to the first token for its own prompt \[s\].
    pub prompt: f64,
    /// Part of the time to the first token behind and beside other prompts \[s\].
    pub queue: f64,
    /// Requests that decode at a time.
    pub decoding: f64,
    /// Requests that wait for a seat or memory at a time.
    pub waiting: f64,
    /// Mean step \[s\].
    pub step: f64,
    /// A step of as many requests without prompts \[s\].
    pub plain: f64,
    /// Share of the time in which the replica steps.
    pub busy: f64,
}

impl Open {
    /// A service. `step` gives the seconds of a [`Batch`] of the whole replica; `yielded` is how many tokens of an answer a step
    /// gives a request, 1 without speculation.
    ///
    /// Lengths of no tokens count as one token.
    #[must_use]
    pub fn new(step: &dyn Fn(&Batch) -> f64, scheduler: Scheduler, prompt: &LengthLaw, output: &LengthLaw, yielded: f64) -> Self {
        // A scheduler that makes no sense holds one request; more than any engine's is cut off.
        let sane = |value: f64, most: f64| if value >= 1.0 { value.min(most) } else { 1.0 };
        let scheduler = Scheduler { seats: sane(scheduler.seats, 1e5), tokens: sane(scheduler.tokens, 1e9), ..scheduler };
        let yielded = sane(yielded, 1e3);
        let (prompts, answers) = (prompt.points(), output.points());
        let prompt = moments(&prompts);
        let output = moments(&answers);
        let decoded = output.0 - 1.0;
        let grown = if decoded > 0.0 { (output.1 - output.0) / 2.0 / decoded } else { 0.0 };
        let context = prompt.0 + grown;
        let decode_steps = (decoded / yielded, (output.1 - output.0 * output.0).max(0.0) / (yielded * yielded));
        // Those that are present are longer than those that come; a request's last block is half full. What the head of the
        // queue waits for stays free.
        let held = prompt.0 + output.1 / 2.0 / output.0 + scheduler.block / 2.0;
        let most = scheduler.seats.min(((scheduler.kept - prompt.0 / 2.0) / held).max(1.0));
        let mut it = Self {
            scheduler,
            groups: grouped(&prompts, 16),
            answers: if decoded > 0.0 {
                grouped(&answers, 8).iter().map(|(tokens, share)| ((tokens - 1.0) / decoded, *share)).collect()
            } else {
                Vec::new()
            },
            prompts,
            prompt,
            decode_steps,
            overlap: overlap(&answers),
            most,
            saturation: 0.0,
            plain: Vec::new(),
            grid: Vec::new(),
        };
        // A token of a prompt attends to half of that on average, longer prompts counting for more.
        let seen = prompt.1 / 2.0 / prompt.0;
        let seconds = |decoding: f64, prefill: f64| step(&Batch { decoding, kept: decoding * context, prefill, attended: prefill * seen });
        let last = it.decoding(most).ceil();
        it.plain = (0..=last as usize).map(|decoding| seconds(decoding as f64, 0.0)).collect();
        let mut decoding = 0.0;
        loop {
            it.grid.push((decoding, Surface::new(it.budget(decoding), &|prefill| seconds(decoding, prefill))));
            if decoding >= last {
                break;
            }
            decoding = (decoding + (decoding / 3.0).floor().max(1.0)).min(last);
        }
        it.saturation = it.largest();
        it
    }

    /// Tokens of prompts that a step has room for.
    fn budget(&self, decoding: f64) -> f64 {
        (self.scheduler.tokens - decoding).max(1.0)
    }

    /// Steps for which a request has a seat.
    fn seated(&self) -> f64 {
        self.decode_steps.0 + (self.prompt.0 / self.scheduler.tokens).max(1.0) + if self.scheduler.ahead { 1.0 } else { 0.0 }
    }

    /// Decoding requests where some have seats.
    fn decoding(&self, seated: f64) -> f64 {
        seated * self.decode_steps.0 / self.seated()
    }

    /// Requests that run at once at most: as many as there are seats, or as memory holds.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.most
    }

    /// The largest rate that the replica serves \[1/s\]; 0 where steps take no sensible time.
    #[must_use]
    pub fn saturation(&self) -> f64 {
        self.saturation
    }

    /// Decoding requests where each step is full of prompts and of those that decode after.
    fn balance(&self) -> f64 {
        let steps = self.decode_steps.0;
        self.scheduler.tokens * steps / (self.prompt.0 + steps)
    }

    fn largest(&self) -> f64 {
        let full = |decoding: f64| self.budget(decoding) / self.prompt.0 / self.full(decoding);
        let (steps, balance) = (self.decode_steps.0, self.balance());
        let most = self.decoding(self.most);
        let high = full(balance.min(most)) * if balance < most || most <= 0.0 { 1.0 } else { FULLEST };
        if !high.is_finite() {
            return 0.0;
        }
        if balance < most || most <= 0.0 {
            return high;
        }
        let (mut low, mut high) = (0.0, high);
        for _ in 0..30 {
            let rate = f64::midpoint(low, high);
            if rate * steps * self.mean_step(most.max(1.0), rate) < most {
                low = rate;
            } else {
                high = rate;
            }
        }
        low
    }
}

fn moments(points: &[(f64, f64)]) -> (f64, f64) {
    points.iter().fold((0.0, 0.0), |(mean, square), (tokens, share)| (mean + share * tokens, square + share * tokens * tokens))
}

/// Mean of the shorter of two lengths over the mean: for how much of its time a request is beside one that began with it.
fn overlap(points: &[(f64, f64)]) -> f64 {
    let (mut above, mut shorter) = (1.0, 0.0);
    for (tokens, share) in points {
        shorter += tokens * share * (2.0 * above - share);
        above -= share;
    }
    shorter / moments(points).0
}

/// Lengths in groups of as many neighbours, each at its mean.
fn grouped(points: &[(f64, f64)], size: usize) -> Vec<(f64, f64)> {
    let groups = points.chunks(size).map(moments_of);
    groups.filter(|(_, share)| *share > 0.0).map(|(sum, share)| (sum / share, share)).collect()
}

/// Sum of lengths by their shares, and of the shares.
fn moments_of(points: &[(f64, f64)]) -> (f64, f64) {
    points.iter().fold((0.0, 0.0), |(sum, all), (tokens, share)| (sum + tokens * share, all + share))
}

#[cfg(test)]
mod tests;
