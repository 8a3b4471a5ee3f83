//! Where simulated service fell short: the states of the world in which it did, and what kept it from them. The simulator fills it in,
//! the search for a plan reads it.

use std::collections::BTreeMap;

use crate::model::{ServiceId, SiteId, Tier};

/// Share of a site's accelerators below which it counts as lost.
pub const LOST_SITE: f64 = 0.25;

/// What was missing while a tier fell short. Sites that none of its services may use are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// Sites that gave nothing: down, dark, wiped, out of reach, or with less than [`LOST_SITE`] of their accelerators.
    pub down: Vec<SiteId>,
    /// Sites that gave less than three quarters, with the quarters that they gave: 1 or 2.
    pub weak: Vec<(SiteId, u8)>,
    /// Services that reached at most half of their users from a site that works for others.
    pub cut_off: Vec<(ServiceId, SiteId)>,
}

impl State {
    /// Whether everything stood.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.down.is_empty() && self.weak.is_empty() && self.cut_off.is_empty()
    }

    /// Whether a plan that gets through `worse` gets through this.
    #[must_use]
    pub fn is_within(&self, worse: &Self) -> bool {
        let down = |site: &SiteId| worse.down.contains(site);
        let weaker = |(site, quarters): &(SiteId, u8)| down(site) || worse.weak.iter().any(|(id, left)| id == site && left <= quarters);
        let cut = |pair: &(ServiceId, SiteId)| down(&pair.1) || worse.cut_off.contains(pair);
        self.down.iter().all(down) && self.weak.iter().all(weaker) && self.cut_off.iter().all(cut)
    }
}

/// Width of a bin of [`Shortfall::asked`].
pub const BIN: f64 = 0.02;
/// Last bin: everything above.
pub const LAST_BIN: u32 = 1000;

/// What a tier lost in a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shortfall {
    /// Time in which it fell short \[s\].
    pub seconds: f64,
    /// Tokens asked for in that time, less what the plan leaves unserved by choice.
    pub asked: f64,
    /// Tokens lost in that time, less what the plan leaves unserved by choice and what waits for a failover.
    pub lost: f64,
    /// Tokens served, by how many times as many were asked for at that moment, in bins of [`BIN`].
    pub by_ratio: BTreeMap<u32, f64>,
    /// Tokens lost while these were part of the reason: `hazard.x`, `site.y`, `line.z`.
    pub because: BTreeMap<String, f64>,
}

impl Shortfall {
    /// Tokens that `factor` times the capacity would still have lost.
    #[must_use]
    pub fn lost_with(&self, factor: f64) -> f64 {
        let above = |(bin, served): (&u32, &f64)| served * ((f64::from(*bin) + 1.0) * BIN - factor).max(0.0);
        let never: f64 = if self.by_ratio.is_empty() { self.lost } else { 0.0 };
        never + self.by_ratio.iter().map(above).sum::<f64>()
    }

    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.asked += other.asked;
        self.lost += other.lost;
        other.by_ratio.iter().for_each(|(bin, served)| *self.by_ratio.entry(*bin).or_default() += served);
        other.because.iter().for_each(|(name, lost)| *self.because.entry(name.clone()).or_default() += lost);
    }
}

/// Why a tier lost what it lost, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TierLosses {
    /// Demanded.
    pub demanded: f64,
    /// Lost, for whatever reason.
    pub lost: f64,
    /// Of these: the plan leaves them unserved by choice.
    pub by_choice: f64,
    /// Of these: lost while a failover was under way.
    pub failing_over: f64,
    /// Of these: lost while most of the plan's accelerators were not due yet.
    pub not_due: f64,
    /// Of these: batch work that was not done in time.
    pub batch: f64,
}

/// What many histories of one plan lost, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shortfalls {
    /// By tier.
    pub tiers: [TierLosses; 4],
    /// By tier and state, for the tiers that were looked at.
    pub states: BTreeMap<(Tier, State), Shortfall>,
}

impl Shortfalls {
    /// Adds another history.
    pub fn add(&mut self, other: &Self) {
        for (own, new) in self.tiers.iter_mut().zip(&other.tiers) {
            own.demanded += new.demanded;
            own.lost += new.lost;
            own.by_choice += new.by_choice;
            own.failing_over += new.failing_over;
            own.not_due += new.not_due;
            own.batch += new.batch;
        }
        for (key, shortfall) in &other.states {
            self.states.entry(key.clone()).or_default().add(shortfall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_more_capacity_leaves_lost() {
        // 100 tokens served where 150 were asked for: half as much again loses nothing, a quarter more loses 25.
        let shortfall = Shortfall { by_ratio: [(74, 100.0)].into(), lost: 50.0, ..Shortfall::default() };
        assert!(shortfall.lost_with(1.5).abs() < 1e-9);
        assert!((shortfall.lost_with(1.25) - 25.0).abs() < 1e-9);
        // Where nothing was served no factor helps.
        assert_eq!(Shortfall { lost: 50.0, ..Shortfall::default() }.lost_with(9.0), 50.0);
    }

    #[test]
    fn a_state_within_a_worse_one() {
        let (a, b) = (SiteId(0), SiteId(1));
        let down = State { down: vec![a], ..State::default() };
        let both = State { down: vec![a, b], ..State::default() };
        let weak = State { weak: vec![(b, 2)], ..State::default() };
        let weaker = State { weak: vec![(b, 1)], ..State::default() };
        assert!(down.is_within(&both) && !both.is_within(&down));
        assert!(weak.is_within(&weaker) && !weaker.is_within(&weak) && weaker.is_within(&both));
        let cut = State { cut_off: vec![(ServiceId(3), b)], ..State::default() };
        assert!(cut.is_within(&both) && !cut.is_within(&down) && State::default().is_within(&down));
    }
}
