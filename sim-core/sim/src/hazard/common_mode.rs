//! Exploits of what sites have in common.
//!
//! Hits of sites that share something are correlated: site i is hit where X_i = 1, with
//!
//! X_i = B_i C + (1 - B_i) D_i,   C, D_i ~ Bernoulli(p),   B_i ~ Bernoulli(sqrt(r)),   all independent,
//!
//! with one C for all that share it. Then P(X_i = 1) = p, and the correlation of two sites is P(B_i = B_j = 1) = r. At 1 all fail as
//! one, at 0 each by itself.

use bastide_engine::Stream;
use bastide_model::model::{CommonMode, HazardKind, Model, Shared};
use bastide_units::Duration;

use crate::world::World;

/// Sites that share something.
struct Group {
    name: String,
    common: Stream,
    members: Vec<(usize, Stream)>,
}

/// Draws of the events of one hazard; each stream has a member for each event.
pub(crate) struct Draws {
    groups: Vec<Group>,
    events: u64,
}

impl Draws {
    pub(super) fn new(model: &Model, exploit: &CommonMode, stream: &dyn Fn(&str) -> Stream) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut join = |name: &str, site: usize| {
            if exploit.only.as_ref().is_some_and(|only| only != name) {
                return;
            }
            let place = groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
                groups.push(Group { name: name.to_owned(), common: stream(&format!("common.{name}")), members: Vec::new() });
                groups.len() - 1
            });
            if groups[place].members.iter().all(|(known, _)| *known != site) {
                let own = stream(&format!("{name}/site.{}", model.sites[site].entity.name));
                groups[place].members.push((site, own));
            }
        };
        for site in exploit.sites.iter().map(|id| id.index()) {
            if exploit.shares == Shared::Vendor {
                model.accelerators.iter().for_each(|kind| join(&kind.vendor, site));
            } else if let Some(name) = model.shared(exploit.shares, site) {
                join(name, site);
            }
        }
        Self { groups, events: 0 }
    }
}

impl World<'_> {
    pub(super) fn common_mode(&mut self, hazard: usize) {
        let setup = self.setup;
        let HazardKind::CommonMode(exploit) = &setup.model.hazards[hazard].kind else { return };
        let Some(draws) = &mut self.hazards[hazard].exploit else { return };
        let number = draws.events;
        draws.events += 1;
        let vendor = exploit.shares == Shared::Vendor;
        let together = exploit.correlation.max(0.0).sqrt();
        // Site, its pools that are concerned, time out.
        let mut hits: Vec<(usize, Vec<usize>, f64)> = Vec::new();
        for group in &draws.groups {
            let common = group.common.member(number).bernoulli(exploit.probability);
            for (site, stream) in &group.members {
                let mut stream = stream.member(number);
                let with_the_others = stream.bernoulli(together);
                let alone = stream.bernoulli(exploit.probability);
                let repair_s = exploit.repair.sample(&mut stream).max(0.0);
                let made_by_it = |pool: &usize| setup.model.accelerators[setup.pools[*pool].accelerator].vendor == group.name;
                let pools: Vec<usize> = setup.site_pools[*site].clone().filter(|pool| !vendor || made_by_it(pool)).collect();
                if (if with_the_others { common } else { alone }) && !pools.is_empty() {
                    hits.push((*site, pools, repair_s));
                }
            }
        }
        let seq = self.recorder.event(self.now, "common-mode", "hazard", hazard, hits.len() as f64, "sites hit", None);
        for (site, pools, repair_s) in hits {
            let until = self.now + Duration::from_s(repair_s);
            if vendor {
                self.pools_out(site, &pools, until, seq);
            } else {
                self.site_out(site, until, Some(seq), "common-mode exploit");
            }
        }
    }
}
