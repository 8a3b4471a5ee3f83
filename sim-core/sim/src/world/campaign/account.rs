//! Where the time of accelerators goes: what was useful, and what was lost in which way and for which cause.

use bastide_units::{Duration, Time};

use super::{Work, World};
use crate::record::{Balance, REASONS};
use crate::world::ledger::{Metrics, share};

/// A way to lose time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Work that was done and is lost.
    Rework,
    /// From a failure to training again.
    Recovery,
    /// Checkpoints and exchanges that training waits for.
    Checkpoints,
    /// Less than full speed.
    Slowdown,
    /// Without accelerators, power, data or leave.
    Waiting,
}

/// Metrics of the lines, in their order.
const LINES: [&str; 5] = ["hours_rework", "hours_recovery", "hours_checkpoints", "hours_slowdown", "hours_waiting"];

/// A kind of interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unexpected,
    Planned,
    PreEmpted,
}

impl Kind {
    /// The kind of a reason.
    pub(super) fn of(reason: &str) -> Self {
        match reason {
            "pre-empted" => Self::PreEmpted,
            "maintenance" | "planned" | "not legal" => Self::Planned,
            _ => Self::Unexpected,
        }
    }
}

/// What a campaign lost.
pub(super) struct Losses {
    /// By line [accelerator s].
    lines: [f64; 5],
    /// By cause [accelerator s].
    causes: Vec<f64>,
    /// Interruptions by kind.
    kinds: [u32; 3],
    /// Interruptions by cause.
    counts: Vec<u32>,
}

impl Losses {
    pub(super) fn new(causes: usize) -> Self {
        Self { lines: [0.0; 5], causes: vec![0.0; causes], kinds: [0; 3], counts: vec![0; causes] }
    }

    pub(super) fn add(&mut self, line: Line, cause: Option<usize>, accelerator_s: f64) {
        self.lines[line as usize] += accelerator_s;
        if let Some(cause) = cause {
            self.causes[cause] += accelerator_s;
        }
    }

    pub(super) fn count(&mut self, kind: Kind, cause: usize) {
        self.kinds[kind as usize] += 1;
        self.counts[cause] += 1;
    }
}

impl World<'_> {
    /// Accounts for work at less than full speed: missing members, then power, then the slowest straggler.
    pub(super) fn account_for_slowness(&mut self, at: usize, worked_s: f64) {
        let (short, unpowered) = (self.reason("accelerators"), self.reason("power"));
        let gang = &self.gangs[at].gang;
        let state = &self.gangs[at];
        let there = gang.size * (state.held / gang.held) * worked_s;
        let slowest = state.stragglers.iter().min_by(|a, b| a.share.total_cmp(&b.share));
        let losses = &mut self.campaigns[gang.campaign].losses;
        losses.add(Line::Waiting, Some(short), gang.size * worked_s - there);
        losses.add(Line::Slowdown, Some(unpowered), there * (1.0 - state.power));
        if let Some(slowest) = slowest {
            losses.add(Line::Slowdown, Some(slowest.cause), there * state.power * (1.0 - slowest.share));
        }
    }

    /// Takes work back that a gang did.
    pub(super) fn lose(&mut self, at: usize, work: Work, cause: usize) {
        let gang = &self.gangs[at].gang;
        let campaign = &mut self.campaigns[gang.campaign];
        campaign.lost_flop += work.flop;
        campaign.losses.add(Line::Rework, Some(cause), work.flop / gang.rate * gang.size);
    }

    pub(in crate::world) fn finish_campaigns(&self, metrics: &mut Metrics, balance: &mut Balance) {
        let (mut useful, mut possible, mut wanted, mut lost_hours, mut planned) = (0.0, 0.0, 0.0, 0.0, 0);
        for (at, (campaign, state)) in self.setup.model.campaigns.iter().zip(&self.campaigns).enumerate() {
            balance.campaigns += 1;
            wanted += campaign.compute.as_flop();
            let stop = if state.done { state.end } else { self.setup.end };
            metrics.set("campaign", at, "delay", stop.since(campaign.deadline).as_d());
            let gangs = self.setup.gangs.of_campaign[at].clone();
            let Some(first) = self.gangs.get(gangs.start).map(|state| state.gang).filter(|_| !gangs.is_empty()) else {
                balance.campaigns_dropped += 1;
                continue;
            };
            planned += 1;
            match (state.done, gangs.clone().any(|gang| self.gangs[gang].running)) {
                (true, _) => balance.campaigns_done += 1,
                (false, true) => balance.campaigns_running += 1,
                (false, false) => balance.campaigns_waiting += 1,
            }
            let kept = self.useful(at);
            balance.compute_done += state.done_flop;
            balance.compute_retained += kept.flop;
            balance.compute_lost += state.lost_flop;
            let elapsed_s = state.first.map_or(0.0, |first| stop.since(first).as_s());
            let rate: f64 = gangs.clone().map(|gang| self.gangs[gang].gang.rate).sum();
            let most = rate * elapsed_s;
            let goodput = share(kept.flop, most, 0.0).min(1.0);
            let hours = f64::from(campaign.accelerators) * elapsed_s / 3600.0 * (1.0 - goodput);
            useful += kept.flop;
            possible += most;
            lost_hours += hours;
            let full_s: f64 = gangs.clone().map(|gang| self.gangs[gang].gang.size).sum::<f64>() * elapsed_s;
            let full_speed_s = |gang: usize| self.gangs[gang].useful().flop / self.gangs[gang].gang.rate * self.gangs[gang].gang.size;
            balance.training_s += full_s;
            balance.training_parts_s += state.losses.lines.iter().sum::<f64>() + gangs.clone().map(full_speed_s).sum::<f64>();
            let waited_s = if stop > campaign.start { stop.since(campaign.start).as_s() } else { 0.0 };
            metrics.set("campaign", at, "goodput", goodput);
            metrics.set("campaign", at, "ettr", share(kept.accelerator_s, f64::from(campaign.accelerators) * waited_s, 0.0).min(1.0));
            metrics.set("campaign", at, "progress", share(kept.flop, campaign.compute.as_flop(), 1.0).min(1.0));
            metrics.set("campaign", at, "accelerator_hours_lost", hours);
            for (line, lost_s) in LINES.into_iter().zip(state.losses.lines) {
                metrics.set("campaign", at, line, lost_s / 3600.0);
            }
            let [unexpected, by_plan, taken] = state.losses.kinds.map(f64::from);
            metrics.set("campaign", at, "interruptions", unexpected + by_plan + taken);
            metrics.set("campaign", at, "interruptions_unexpected", unexpected);
            metrics.set("campaign", at, "interruptions_planned", by_plan);
            metrics.set("campaign", at, "interruptions_preempted", taken);
            metrics.set("campaign", at, "time_to_interruption", elapsed_s / 3600.0 / unexpected.max(1.0));
            metrics.set("campaign", at, "checkpoint_interval", Duration::from_s(first.checkpoint_s).as_h() * 60.0);
            metrics.set("campaign", at, "moves", f64::from(state.moves));
            metrics.set("campaign", at, "done", f64::from(u8::from(state.done)));
            self.finish_causes(at, metrics);
        }
        let none = if planned == 0 { 1.0 } else { 0.0 };
        metrics.set("system", 0, "training_goodput", share(useful, possible, none).min(1.0));
        metrics.set("system", 0, "training_progress", share(useful, wanted, 1.0).min(1.0));
        metrics.set("system", 0, "accelerator_hours_lost", lost_hours);
    }

    fn finish_causes(&self, campaign: usize, metrics: &mut Metrics) {
        let losses = &self.campaigns[campaign].losses;
        let causes = self.setup.model.failures.len() + REASONS.len();
        for cause in 0..causes {
            let place = campaign * causes + cause;
            metrics.set("interruption", place, "interruptions", f64::from(losses.counts[cause]));
            metrics.set("interruption", place, "accelerator_hours_lost", losses.causes[cause] / 3600.0);
        }
    }

    /// The time at which what a campaign costs by its delay ends; `None` where the plan does not run it.
    pub(in crate::world) fn training_ended(&self, campaign: usize) -> Option<Time> {
        let runs = !self.setup.gangs.of_campaign[campaign].is_empty();
        let state = &self.campaigns[campaign];
        runs.then_some(if state.done { state.end } else { self.setup.end })
    }
}
