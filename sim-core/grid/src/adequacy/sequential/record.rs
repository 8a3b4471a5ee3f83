//! What a replication leaves behind: a row of numbers, and the lengths of its events.

use super::prepare::Prepared;

/// Places of the numbers in a replication's row.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    scopes: usize,
    tiers: usize,
    storages: usize,
    hydros: usize,
    ties: usize,
}

impl Layout {
    pub fn new(prepared: &Prepared) -> Self {
        let system = prepared.system;
        Self {
            scopes: prepared.scopes(),
            tiers: prepared.tiers.len(),
            storages: system.storages.len(),
            hydros: system.hydros.len(),
            ties: system.ties.len(),
        }
    }

    /// Hours short, days with a short hour, days whose peak hour is short, events by the hour, events in continuous time,
    /// energy not served \[MWh\].
    pub fn scope(self, scope: usize) -> usize {
        debug_assert!(scope < self.scopes);
        6 * scope
    }

    /// Hours curtailed, energy curtailed \[MWh\], hours lost after backup, energy from backup, energy lost after backup \[MWh\].
    pub fn tier(self, tier: usize) -> usize {
        6 * self.scopes + 5 * tier
    }

    /// Energy charged and discharged, at the terminals \[MWh\].
    pub fn storage(self, storage: usize) -> usize {
        self.tier(self.tiers) + 2 * storage
    }

    /// Energy given on call, and inflow that found the reservoir full \[MWh\].
    pub fn hydro(self, hydro: usize) -> usize {
        self.storage(self.storages) + 2 * hydro
    }

    /// Energy from `from` to `to`, and back \[MWh\].
    pub fn tie(self, tie: usize) -> usize {
        self.hydro(self.hydros) + 2 * tie
    }

    pub fn width(self) -> usize {
        self.tie(self.ties)
    }
}

/// How many events of each length there were, by scope: `counts[scope][hours - 1]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths {
    pub counts: Vec<Vec<u64>>,
}

impl Lengths {
    pub fn new(scopes: usize) -> Self {
        Self { counts: vec![Vec::new(); scopes] }
    }

    pub fn add(&mut self, scope: usize, hours: usize) {
        if hours > 0 {
            let counts = &mut self.counts[scope];
            if counts.len() < hours {
                counts.resize(hours, 0);
            }
            counts[hours - 1] += 1;
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), 0);
            }
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine += theirs;
            }
        }
    }
}
