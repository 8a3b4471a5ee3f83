//! Cyber attacks under way: intruders who have not struck, wiped sites, and the teams that restore them (`recovery`).

mod recovery;

use bastide_model::model::{HazardKind, Shutdown};
use bastide_units::{Duration, Time};

use super::ledger::Metrics;
use super::{CLASS_RETURN, Event, World};
use crate::hazard::cyber::Intrusion;
use crate::setup::Setup;
use recovery::{Attack, STAGES, Team};

/// What the attacks of one hazard came to.
#[derive(Clone, Copy, Default)]
struct Sums {
    attacks: f64,
    contained: f64,
    segments: f64,
    /// Longest time from a detonation until all of a tier, and all, is restored \[s\].
    longest_s: [f64; STAGES],
}

pub(crate) struct Cyber {
    intrusions: Vec<Intrusion>,
    attacks: Vec<Attack>,
    /// Attacks whose restoration is not through, by site.
    of_site: Vec<Vec<usize>>,
    /// By hazard.
    teams: Vec<Option<Team>>,
    sums: Vec<Sums>,
}

impl Cyber {
    pub(super) fn new(setup: &Setup) -> Self {
        let model = setup.model;
        let team = |hazard: &bastide_model::model::Hazard| {
            let HazardKind::Wiper { attack, .. } = &hazard.kind else { return None };
            attack.recovery.as_ref().map(|recovery| Team::new(recovery.team))
        };
        Self {
            intrusions: Vec::new(),
            attacks: Vec::new(),
            of_site: vec![Vec::new(); model.sites.len()],
            teams: model.hazards.iter().map(team).collect(),
            sums: vec![Sums::default(); model.hazards.len()],
        }
    }

    /// Keeps an intruder until he strikes or is found.
    pub(crate) fn remember(&mut self, intrusion: Intrusion) -> u32 {
        self.intrusions.push(intrusion);
        (self.intrusions.len() - 1) as u32
    }
}

impl World<'_> {
    pub(super) fn on_intrusion_ends(&mut self, intrusion: usize) {
        // Each comes to its end once.
        let nobody = Intrusion { hazard: 0, number: 0, cause: None, found: true, breaches: Vec::new() };
        let ended = std::mem::replace(&mut self.cyber.intrusions[intrusion], nobody);
        self.end_intrusion(&ended);
    }

    /// The intruder strikes, or is found.
    pub(crate) fn end_intrusion(&mut self, intrusion: &Intrusion) {
        if intrusion.found {
            self.contain(intrusion);
        } else {
            self.detonate(intrusion);
        }
    }

    /// Sites of the plan that an intruder holds, with the share of each that he does.
    fn breached(&self, intrusion: &Intrusion) -> Vec<(usize, f64)> {
        let setup = self.setup;
        let breach = |site: usize| intrusion.breaches.iter().find(|breach| breach.segment == setup.model.sites[site].segment);
        let built = (0..setup.model.sites.len()).filter(|site| setup.built[*site]);
        built.filter_map(|site| breach(site).map(|breach| (site, breach.share))).collect()
    }

    fn contain(&mut self, intrusion: &Intrusion) {
        let hazard = intrusion.hazard;
        let HazardKind::Wiper { attack, .. } = &self.setup.model.hazards[hazard].kind else { return };
        let count = intrusion.breaches.len() as f64;
        let seq = self.recorder.event(self.now, "intrusion-found", "hazard", hazard, count, "segments reached", intrusion.cause);
        self.cyber.sums[hazard].contained += 1.0;
        let Some(draws) = &self.hazards[hazard].attack else { return };
        let isolation = draws.isolation(attack, intrusion.number);
        if isolation.as_s() > 0.0 {
            for (site, _) in self.breached(intrusion) {
                self.site_out(site, self.now + isolation, Some(seq), "isolated");
            }
        }
    }

    fn detonate(&mut self, intrusion: &Intrusion) {
        let setup = self.setup;
        let (hazard, number) = (intrusion.hazard, intrusion.number);
        let HazardKind::Wiper { share, restoration, data_lost, attack, .. } = &setup.model.hazards[hazard].kind else { return };
        let count = intrusion.breaches.len() as f64;
        let seq = self.recorder.event(self.now, "wiper", "hazard", hazard, count, "segments reached", intrusion.cause);
        self.cyber.sums[hazard].attacks += 1.0;
        self.cyber.sums[hazard].segments += count;
        self.breach_facilities(intrusion, restoration, seq);
        let reached = self.breached(intrusion);
        for &(site, parts) in &reached {
            self.wipe(site, intrusion, *share, parts, seq);
            // A site's storage lies in one of its parts.
            let Some(draws) = &self.hazards[hazard].attack else { continue };
            if *data_lost && draws.site(site, number).bernoulli(parts) {
                let lost = |dataset| draws.backup_lost(dataset, number, attack.backups_lost);
                let lost: Vec<bool> = (0..setup.model.datasets.len()).map(lost).collect();
                self.lose_replicas_and_backups(site, Some(seq), &lost);
            }
            for (after, _) in restoration {
                self.queue.schedule(self.now + *after, CLASS_RETURN, Event::Restored { site: site as u32 });
            }
        }
        self.shut_down(intrusion, &reached, seq);
    }

    /// Takes out the facilities of the segments that an intruder holds, until a team or the first step of the restoration brings them back.
    fn breach_facilities(&mut self, intrusion: &Intrusion, restoration: &[(Duration, f64)], cause: u64) {
        let facilities = &self.setup.model.facilities;
        for (facility, it) in facilities.iter().enumerate() {
            let Some(breach) = intrusion.breaches.iter().find(|breach| it.segment == Some(breach.segment)) else { continue };
            let Some(draws) = &self.hazards[intrusion.hazard].attack else { continue };
            let mut stream = draws.facility(facility, intrusion.number);
            if !stream.bernoulli(breach.share) {
                continue;
            }
            let seq = self.hold_facility(facility, cause, "wiped");
            if !self.begin_facility_recovery(facility, intrusion, &mut stream, seq) {
                let first = restoration.iter().find(|(_, restored)| *restored > 0.0).map_or(Duration::ZERO, |(after, _)| *after);
                self.queue.schedule(self.now + first, CLASS_RETURN, Event::FacilityRestored { facility: facility as u32 });
            }
        }
    }

    /// Shuts healthy sites down as a precaution.
    fn shut_down(&mut self, intrusion: &Intrusion, reached: &[(usize, f64)], cause: u64) {
        let setup = self.setup;
        let HazardKind::Wiper { attack, .. } = &setup.model.hazards[intrusion.hazard].kind else { return };
        let Some(draws) = &self.hazards[intrusion.hazard].attack else { return };
        let until = self.now + draws.shutdown(attack, intrusion.number);
        if attack.shutdown == Shutdown::None || until <= self.now || intrusion.breaches.is_empty() {
            return;
        }
        let sites = &setup.model.sites;
        for site in (0..sites.len()).filter(|site| setup.built[*site]) {
            let own = sites[site].segment;
            let concerned = match attack.shutdown {
                Shutdown::None => false,
                Shutdown::Operator => reached.iter().any(|(hit, _)| sites[*hit].operator == sites[site].operator),
                Shutdown::Connected => intrusion.breaches.iter().any(|breach| setup.model.segment_graph.joined(breach.segment, own)),
                Shutdown::All => true,
            };
            if concerned && reached.iter().all(|(hit, _)| *hit != site) {
                self.site_out(site, until, Some(cause), "precautionary shutdown");
            }
        }
    }

    pub(super) fn finish_cyber(&mut self, metrics: &mut Metrics) {
        let Cyber { attacks, sums, .. } = &mut self.cyber;
        for attack in attacks.iter().filter(|attack| !attack.is_over()) {
            attack.count_open(self.now, &mut sums[attack.hazard].longest_s);
        }
        let shown = self.setup.model.hazards.iter().zip(&self.cyber.sums).filter(|(hazard, _)| crate::record::shows_attacks(&hazard.kind));
        for (place, (_, sums)) in shown.enumerate() {
            metrics.set("wiper", place, "attacks", sums.attacks);
            metrics.set("wiper", place, "contained", sums.contained);
            metrics.set("wiper", place, "segments_reached", sums.segments);
            let rows = ["restored_t0", "restored_t1", "restored_t2", "restored_t3", "restored_all"];
            for (row, seconds) in rows.into_iter().zip(sums.longest_s) {
                metrics.set("wiper", place, row, seconds / 3600.0);
            }
        }
    }

    /// Takes accelerators of a site out until at least a moment.
    pub(crate) fn pools_out(&mut self, site: usize, pools: &[usize], until: Time, cause: u64) {
        let hours = until.since(self.now).as_h();
        let seq = self.recorder.event(self.now, "accelerators-down", "site", site, hours, "common-mode exploit", Some(cause));
        for &pool in pools {
            let state = &mut self.fleet.pools[pool];
            state.out_until = state.out_until.max(until);
            state.out_by = Some(seq);
            self.stop_gangs(pool, "accelerators");
            self.refresh_pool(pool);
            self.queue.schedule(until, CLASS_RETURN, Event::PoolBack { pool: pool as u32 });
        }
        self.dirty.services = true;
    }

    pub(super) fn on_pool_back(&mut self, pool: usize) {
        if self.now >= self.fleet.pools[pool].out_until {
            let (site, cause) = (self.setup.pools[pool].site, self.fleet.pools[pool].out_by);
            self.recorder.event(self.now, "accelerators-up", "site", site, 0.0, "", cause);
            self.refresh_pool(pool);
            self.dirty.services = true;
        }
    }
}
