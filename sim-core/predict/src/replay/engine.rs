//! Replicas, their clock, and the way of requests to them.

use super::StepModel;
use super::blocks::Blocks;
use super::outcome::{Outcome, Totals};
use super::policy::{Policy, ReplayError, Routing};
use super::rank::{Plan, Rank, Times};
use super::request::Trace;
use bastide_cost_models::compute::serving::Batch;

/// Most steps that are skipped in one go: between both ends the time of a step is taken as linear in the context, which is
/// exact for rooflines of one kind and a good chord otherwise.
pub(super) const LONGEST_SKIP: u64 = 256;

/// Replicas that step together: those that share experts, or one.
struct Group {
    ranks: Vec<Rank>,
    skips: u64,
    clock: f64,
    /// Scheduled for now.
    current: Vec<Plan>,
    /// Scheduled for after that, where the policy schedules ahead.
    next: Vec<Plan>,
    totals: Totals,
}

/// Serves the requests of a trace, one by one, on replicas with `blocks` blocks of keys and values each, going over at most
/// `skips` steps in one go.
///
/// # Errors
/// [`ReplayError`] for settings that make no sense, requests longer than the cache, and step times that are no times.
pub(super) fn run(trace: &Trace, model: &dyn StepModel, policy: &Policy, blocks: u32, skips: u64) -> Result<Outcome, ReplayError> {
    policy.check()?;
    let capacity = u64::from(blocks) * u64::from(policy.block_size);
    for (index, it) in trace.requests.iter().enumerate() {
        let tokens = u64::from(it.input) + u64::from(it.output);
        if tokens > capacity {
            return Err(ReplayError::TooLong { line: trace.lines.get(index).copied().unwrap_or(index as u64 + 1), tokens, capacity });
        }
    }
    let cached = policy.prefix_caching && !trace.prefix_ends.is_empty();
    if cached && !trace.prefix_block.is_multiple_of(policy.block_size) {
        let must = format!("a divisor of the trace's prefix blocks of {} tokens", trace.prefix_block);
        return Err(ReplayError::Setting { setting: "block_size", must, value: policy.block_size.to_string() });
    }
    let (span, entries) = if cached {
        (trace.prefix_block / policy.block_size, trace.prefixes.iter().max().map_or(0, |last| *last as usize + 1))
    } else {
        (0, 0)
    };
    let rank = || Rank::new(policy, Blocks::new(blocks, span, entries));
    let (groups, members) = if policy.lockstep { (1, policy.replicas) } else { (policy.replicas, 1) };
    let mut groups: Vec<Group> = (0..groups)
        .map(|_| Group {
            ranks: (0..members).map(|_| rank()).collect(),
            skips,
            clock: 0.0,
            current: vec![Plan::default(); members as usize],
            next: vec![Plan::default(); members as usize],
            totals: Totals::default(),
        })
        .collect();
    let unknown = vec![f64::NAN; trace.requests.len()];
    let mut times = Times { queued: unknown.clone(), scheduled: unknown.clone(), first: unknown.clone(), last: unknown };
    let mut router = Router::new(policy);
    for (index, it) in trace.requests.iter().enumerate() {
        let rank = if policy.replicas == 1 { 0 } else { router.choose(it.arrival, &mut groups, model, policy, trace, &mut times)? };
        let (group, member) = (rank / members as usize, rank % members as usize);
        groups[group].advance(it.arrival, model, policy, trace, &mut times)?;
        groups[group].ranks[member].push(index as u32);
    }
    for group in &mut groups {
        group.advance(f64::INFINITY, model, policy, trace, &mut times)?;
    }
    let totals: Vec<Totals> = groups.into_iter().map(Group::close).collect();
    Ok(Outcome::new(trace, times, &totals))
}

impl Group {
    /// Steps until the clock is at `until` or all work is done.
    fn advance(&mut self, until: f64, model: &dyn StepModel, policy: &Policy, trace: &Trace, times: &mut Times) -> Result<(), ReplayError> {
        while self.clock < until {
            if self.current.iter().all(Plan::is_empty) {
                if self.ranks.iter().all(Rank::is_idle) {
                    if until.is_finite() {
                        self.clock = until;
                    }
                    return Ok(());
                }
                for (plan, rank) in self.current.iter_mut().zip(&mut self.ranks) {
                    *plan = rank.schedule(self.clock, policy, trace, times);
                }
                if self.current.iter().all(Plan::is_empty) {
                    // Only those leave who had made their last token; the next look finds their seats free.
                    continue;
                }
            }
            if policy.schedule_ahead {
                for (plan, rank) in self.next.iter_mut().zip(&mut self.ranks) {
                    *plan = rank.schedule(self.clock, policy, trace, times);
                }
            }
            let first = self.step_time(0, model)?;
            let seconds = self.skip(first, until, policy.schedule_ahead, model)?;
            self.clock += seconds;
            self.totals.step(seconds, 1.0, &self.current, &self.ranks);
            for request in self.current.iter().flat_map(|plan| &plan.firsts) {
                times.first[*request as usize] = self.clock;
            }
            if policy.schedule_ahead {
                std::mem::swap(&mut self.current, &mut self.next);
            } else {
                self.current.iter_mut().for_each(|plan| *plan = Plan::default());
            }
        }
        Ok(())
    }

    /// Goes over the steps that are alike and end before `until`, and returns the time of the one after them.
    fn skip(&mut self, first: f64, until: f64, ahead: bool, model: &dyn StepModel) -> Result<f64, ReplayError> {
        // Where the next step is scheduled already, somebody may have been preempted for it.
        let alike = !ahead || self.current.iter().zip(&self.next).all(|(now, next)| now.decoding == next.decoding);
        let plain = alike && self.current.iter().chain(&self.next).all(Plan::is_plain_decode);
        let mut most = if plain { self.skips } else { 0 };
        for rank in &self.ranks {
            if most == 0 {
                return Ok(first);
            }
            most = rank.alike(most);
        }
        // Which rank keeps most decides the step; over a change of that the time is not linear.
        while most > 1 && self.fullest(0) != self.fullest(most) {
            most /= 2;
        }
        if most == 0 {
            return Ok(first);
        }
        let last = self.step_time(most, model)?;
        let slope = (last - first) / most as f64;
        let sum = |steps: u64| steps as f64 * (first + slope * (steps as f64 - 1.0) / 2.0);
        let room = until - self.clock;
        let mut steps = most;
        if sum(steps) >= room {
            // steps * (first - slope / 2) + steps^2 * slope / 2 = room
            let half = first - slope / 2.0;
            let root = 2.0 * room / (half + (half * half + 2.0 * slope * room).max(0.0).sqrt());
            steps = (root.max(0.0) as u64).min(most);
            while steps < most && sum(steps + 1) < room {
                steps += 1;
            }
            while steps > 0 && sum(steps) >= room {
                steps -= 1;
            }
        }
        if steps == 0 {
            return Ok(first);
        }
        let seconds = sum(steps);
        for (rank, plan) in self.ranks.iter_mut().zip(&mut self.current) {
            rank.skip(steps);
            plan.kept += f64::from(plan.decoding) * steps as f64;
        }
        for plan in &mut self.next {
            plan.kept += f64::from(plan.decoding) * steps as f64;
        }
        self.clock += seconds;
        self.totals.step(seconds, steps as f64, &self.current, &self.ranks);
        Ok(first + slope * steps as f64)
    }

    /// The rank that keeps most after some steps.
    fn fullest(&self, steps: u64) -> usize {
        let kept = |plan: &Plan| plan.kept + f64::from(plan.decoding) * steps as f64;
        let mut best = 0;
        for (index, plan) in self.current.iter().enumerate() {
            if kept(plan) > kept(&self.current[best]) {
                best = index;
            }
        }
        best
    }

    /// Time of the scheduled step, `later` steps on. Ranks that step together wait for the fullest, as vLLM pads them all.
    fn step_time(&self, later: u64, model: &dyn StepModel) -> Result<f64, ReplayError> {
        let mut batch = Batch::default();
        for plan in &self.current {
            batch.decoding = batch.decoding.max(f64::from(plan.decoding));
            batch.kept = batch.kept.max(plan.kept + f64::from(plan.decoding) * later as f64);
            batch.prefill = batch.prefill.max(f64::from(plan.prefill));
            batch.attended = batch.attended.max(plan.attended);
        }
        let ranks = self.ranks.len() as f64;
        batch.decoding *= ranks;
        batch.kept *= ranks;
        batch.prefill *= ranks;
        batch.attended *= ranks;
        let seconds = model.step_time(&batch);
        if seconds > 0.0 && seconds < 1e9 {
            Ok(seconds)
        } else {
            Err(ReplayError::StepTime { seconds, decoding: batch.decoding, prefill: batch.prefill })
        }
    }

    fn close(mut self) -> Totals {
        for rank in &self.ranks {
            self.totals.preemptions += rank.preemptions;
            self.totals.prefilled += rank.prefilled;
            self.totals.cached += rank.cached;
        }
        self.totals
    }
}

/// Sends requests to replicas.
struct Router {
    next: usize,
    stale_at: f64,
    scores: Vec<f64>,
}

impl Router {
    fn new(policy: &Policy) -> Self {
        Self { next: 0, stale_at: f64::NEG_INFINITY, scores: vec![0.0; policy.replicas as usize] }
    }

    fn choose(
        &mut self,
        now: f64,
        groups: &mut [Group],
        model: &dyn StepModel,
        policy: &Policy,
        trace: &Trace,
        times: &mut Times,
    ) -> Result<usize, ReplayError> {
        let Routing::LeastLoaded { refresh } = policy.routing else {
            let chosen = self.next;
            self.next = (chosen + 1) % self.scores.len();
            return Ok(chosen);
        };
        if now >= self.stale_at {
            for group in groups.iter_mut() {
                group.advance(now, model, policy, trace, times)?;
            }
            for (score, rank) in self.scores.iter_mut().zip(groups.iter().flat_map(|group| &group.ranks)) {
                let (waiting, running) = rank.load();
                *score = 4.0 * waiting as f64 + running as f64;
            }
            self.stale_at = if refresh > 0.0 { ((now / refresh).floor() + 1.0) * refresh } else { now };
        }
        let mut chosen = 0;
        for (index, score) in self.scores.iter().enumerate() {
            if *score < self.scores[chosen] {
                chosen = index;
            }
        }
        self.scores[chosen] += 4.0;
        Ok(chosen)
    }
}
