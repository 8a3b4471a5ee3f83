//! Wipers: destruction of the virtual layer of segments.
//!
//! The first segment is one of the list that has a site with accelerators, all alike; each further one is reached by itself with
//! the probability of spreading. A reached site is wiped in part and comes back in stages.

use bastide_model::model::HazardKind;
use bastide_units::Duration;

use crate::world::{CLASS_RETURN, Event, World};

/// Share of a site that is still wiped some time after the attack.
pub(crate) fn wiped_share(kind: &HazardKind, since: Duration) -> f64 {
    let HazardKind::Wiper { share, restoration, .. } = kind else { return 0.0 };
    // Times are rounded to the nanosecond.
    let reached = restoration.iter().filter(|(after, _)| after.as_s() <= since.as_s() + 1e-9);
    let restored = reached.map(|(_, restored)| *restored).fold(0.0, f64::max);
    share * (1.0 - restored).max(0.0)
}

impl World<'_> {
    pub(super) fn wiper(&mut self, hazard: usize) {
        let setup = self.setup;
        let HazardKind::Wiper { segments, spread, share, restoration, data_lost, .. } = &setup.model.hazards[hazard].kind else {
            return;
        };
        // An attacker does not enter where there is nothing. Each segment draws its own lot, and the highest of those present is the
        // way in: plans that share segments then share the attack, too.
        let present = |segment| (0..setup.model.sites.len()).any(|site| setup.built[site] && setup.model.sites[site].segment == segment);
        let draws: Vec<(f64, bool)> =
            self.hazards[hazard].targets.iter_mut().map(|stream| (stream.uniform(), stream.bernoulli(*spread))).collect();
        let first = (0..segments.len()).filter(|&at| present(segments[at])).max_by(|&a, &b| draws[a].0.total_cmp(&draws[b].0));
        let reached: Vec<bool> =
            draws.iter().enumerate().map(|(at, (_, spreads))| first.is_some() && (*spreads || first == Some(at))).collect();
        let count = reached.iter().filter(|reached| **reached).count();
        let seq = self.recorder.event(self.now, "wiper", "hazard", hazard, count as f64, "segments reached", None);
        for site in 0..setup.model.sites.len() {
            let own = setup.model.sites[site].segment;
            if !setup.built[site] || !segments.iter().zip(&reached).any(|(segment, reached)| *reached && *segment == own) {
                continue;
            }
            self.wipe(site, hazard, *share, seq);
            if *data_lost {
                self.lose_replicas(site, Some(seq));
            }
            for (after, _) in restoration {
                self.queue.schedule(self.now + *after, CLASS_RETURN, Event::Restored { site: site as u32 });
            }
        }
    }
}
