//! Restoration of wiped sites by a team.
//!
//! The people of a hazard's team are one queue over all facilities and sites that it wiped. Facilities come first: sites and services need
//! them. Work on a site begins with what comes before anything there
//! can come back; then its accelerators, those of the most critical tier first. Of all work that waits, the team does that of the most
//! critical tier, then of the earlier attack, then in the order of the sites; more urgent work interrupts (preemptive resume). All people
//! work on one thing at a time: the times at which things are done then only depend on work, team and order, and more people never
//! make anything later.

use bastide_engine::Stream;
use bastide_model::model::HazardKind;
use bastide_units::{Duration, Time};

use super::super::{CLASS_RETURN, Event, World};
use crate::hazard::cyber::Intrusion;

/// Stages of restoration: the four tiers, then the rest.
pub(super) const STAGES: usize = 5;
/// Largest share of a site that comes back at one moment.
const PIECE: f64 = 0.1;

/// A site, or a facility, that was wiped, until it is restored.
pub(super) struct Attack {
    pub hazard: usize,
    /// The site; no site for a facility.
    site: usize,
    facility: Option<usize>,
    since: Time,
    /// Event that wiped the site.
    seq: u64,
    /// Share of the site that does not work until it is restored: what was wiped, or all of the parts that were reached.
    share: f64,
    /// Share of that that is back.
    restored: f64,
    /// Whether the site's control and storage are in order again.
    clean: bool,
    /// Shares of its accelerators that serve each tier, and the rest.
    shares: [f64; STAGES],
    /// Which tiers, and whether all, are back.
    back: [bool; STAGES],
    /// Work on all that was wiped, and before that \[person s\].
    work_s: f64,
    site_work_s: f64,
}

impl Attack {
    pub(super) const fn is_over(&self) -> bool {
        self.back[STAGES - 1]
    }

    /// Takes over how long the stages that are not back have taken so far.
    pub(super) fn count_open(&self, now: Time, longest_s: &mut [f64; STAGES]) {
        (0..STAGES).filter(|stage| !self.back[*stage]).for_each(|stage| self.count(stage, now, longest_s));
    }

    /// Takes over how long a stage took, if there is anything of it.
    fn count(&self, stage: usize, now: Time, longest_s: &mut [f64; STAGES]) {
        if self.shares[stage] > 0.0 || stage == STAGES - 1 {
            longest_s[stage] = longest_s[stage].max(now.since(self.since).as_s());
        }
    }
}

/// What is done by a piece of work.
#[derive(Clone, Copy)]
enum Piece {
    /// A facility.
    Facility(usize),
    /// Control and storage of the site.
    Site,
    /// A share of what was wiped; the last of a stage, or not.
    Share { share: f64, completes: Option<usize> },
}

struct Job {
    /// Stage (facilities, then the tiers), attack, place among the work on it: the order in which it is done.
    key: (usize, usize, usize),
    piece: Piece,
    /// \[person s\]
    left_s: f64,
}

pub(super) struct Team {
    people: f64,
    /// What waits, the most urgent last.
    jobs: Vec<Job>,
    since: Time,
    /// Number of the last look at when a piece is done.
    version: u32,
}

impl Team {
    pub(super) fn new(people: u32) -> Self {
        Self { people: f64::from(people.max(1)), jobs: Vec::new(), since: Time::ZERO, version: 0 }
    }

    /// Works up to now on the most urgent job.
    fn advance(&mut self, now: Time) {
        let done_s = self.people * now.since(self.since).as_s();
        if let Some(job) = self.jobs.last_mut() {
            job.left_s = (job.left_s - done_s).max(0.0);
        }
        self.since = now;
    }
}

impl World<'_> {
    /// Begins the restoration of a site of which a share of some parts was wiped, where a team does that; says whether it does.
    pub(in crate::world) fn begin_recovery(&mut self, site: usize, intrusion: &Intrusion, share: f64, parts: f64, seq: u64) -> bool {
        let HazardKind::Wiper { attack, .. } = &self.setup.model.hazards[intrusion.hazard].kind else { return false };
        let (Some(recovery), Some(draws)) = (&attack.recovery, &self.hazards[intrusion.hazard].attack) else { return false };
        let mut stream = draws.site(site, intrusion.number);
        // The first draw says whether the storage is hit.
        stream.uniform();
        let factor = 1.0 + attack.backups_lost * (attack.rebuild - 1.0);
        let work_s = recovery.work.sample(&mut stream).max(0.0) * factor * share * parts * self.accelerators_at(site);
        let site_work_s = recovery.site_work.sample(&mut stream).max(0.0) * factor * parts;
        let time = self.now + draws.assessment(&recovery.assessment, intrusion.number);
        let place = self.cyber.attacks.len();
        self.cyber.attacks.push(Attack {
            hazard: intrusion.hazard,
            site,
            facility: None,
            since: self.now,
            seq,
            share: if attack.services_stop { parts } else { share * parts },
            restored: 0.0,
            clean: false,
            shares: self.shares_by_tier(site),
            back: [false; STAGES],
            work_s,
            site_work_s,
        });
        self.cyber.of_site[site].push(place);
        self.queue.schedule(time, CLASS_RETURN, Event::Assessed { attack: place as u32 });
        true
    }

    /// The same of a facility.
    pub(in crate::world) fn begin_facility_recovery(
        &mut self,
        facility: usize,
        intrusion: &Intrusion,
        stream: &mut Stream,
        seq: u64,
    ) -> bool {
        let HazardKind::Wiper { attack, .. } = &self.setup.model.hazards[intrusion.hazard].kind else { return false };
        let (Some(recovery), Some(draws)) = (&attack.recovery, &self.hazards[intrusion.hazard].attack) else { return false };
        let factor = 1.0 + attack.backups_lost * (attack.rebuild - 1.0);
        let work_s = recovery.facility_work.sample(stream).max(0.0) * factor;
        let time = self.now + draws.assessment(&recovery.assessment, intrusion.number);
        let place = self.cyber.attacks.len();
        self.cyber.attacks.push(Attack {
            hazard: intrusion.hazard,
            site: usize::MAX,
            facility: Some(facility),
            since: self.now,
            seq,
            share: 0.0,
            restored: 0.0,
            clean: true,
            shares: [0.0; STAGES],
            // It belongs to no tier.
            back: [true, true, true, true, false],
            work_s,
            site_work_s: 0.0,
        });
        self.queue.schedule(time, CLASS_RETURN, Event::Assessed { attack: place as u32 });
        true
    }

    /// (Share wiped, whether storage is out of order) of a site that teams restore.
    pub(in crate::world) fn wiped_in_recovery(&self, site: usize) -> (f64, bool) {
        let under_way = self.cyber.of_site[site].iter().map(|place| &self.cyber.attacks[*place]);
        let left = under_way.clone().map(|attack| attack.share * (1.0 - attack.restored).max(0.0));
        (left.fold(0.0, f64::max), under_way.clone().any(|attack| !attack.clean))
    }

    /// Accelerators that stand at a site.
    fn accelerators_at(&self, site: usize) -> f64 {
        let count = |pool: usize| f64::from(self.fleet.pools[pool].installed) * self.setup.pools[pool].per_node;
        self.setup.site_pools[site].clone().map(count).sum()
    }

    /// Shares of a site's accelerators that the plan gives to the services of each tier, and the rest.
    fn shares_by_tier(&self, site: usize) -> [f64; STAGES] {
        let setup = self.setup;
        let mut shares = [0.0; STAGES];
        for placement in setup.plan.placements.iter().filter(|placement| placement.site.index() == site) {
            let service = placement.service.index();
            let demand = &setup.model.services[service];
            let listed: f64 = placement.accelerators.iter().map(|(_, count)| count.max(0.0)).sum();
            let best = setup.choice_at[service * setup.model.sites.len() + site].clone().next();
            let asked = || best.map_or(0.0, |best| placement.share.max(0.0) * demand.demand.as_tokens_per_s() / setup.choices[best].rate);
            shares[demand.tier as usize] += if listed > 0.0 { listed } else { asked() };
        }
        let planned: f64 = shares.iter().sum();
        let all = self.accelerators_at(site).max(planned);
        if all > 0.0 && all.is_finite() {
            shares.iter_mut().for_each(|share| *share /= all);
            shares[STAGES - 1] = (1.0 - shares[..STAGES - 1].iter().sum::<f64>()).max(0.0);
            shares
        } else {
            [0.0, 0.0, 0.0, 0.0, 1.0]
        }
    }

    /// The team begins on a site or a facility.
    pub(in crate::world) fn on_assessed(&mut self, attack: usize) {
        let hazard = self.cyber.attacks[attack].hazard;
        let jobs = match self.cyber.attacks[attack].facility {
            Some(facility) => {
                vec![Job { key: (0, attack, 0), piece: Piece::Facility(facility), left_s: self.cyber.attacks[attack].work_s }]
            }
            None => self.jobs_at_site(attack),
        };
        let now = self.now;
        let Some(team) = &mut self.cyber.teams[hazard] else { return };
        team.advance(now);
        team.jobs.extend(jobs);
        team.jobs.sort_by_key(|job| std::cmp::Reverse(job.key));
        self.work(hazard);
    }

    /// All work on a site.
    fn jobs_at_site(&self, attack: usize) -> Vec<Job> {
        let Attack { shares, work_s, site_work_s, .. } = &self.cyber.attacks[attack];
        // Work on the site is as urgent as the most critical tier there.
        let first = shares.iter().position(|share| *share > 0.0).unwrap_or(STAGES - 1);
        let mut jobs = vec![Job { key: (first + 1, attack, 0), piece: Piece::Site, left_s: *site_work_s }];
        for (stage, &share) in shares.iter().enumerate() {
            let pieces = (share / PIECE).ceil().max(1.0) as usize;
            let part = share / pieces as f64;
            for piece in 1..=pieces {
                let completes = (piece == pieces).then_some(stage);
                let key = (stage.max(first) + 1, attack, jobs.len());
                jobs.push(Job { key, piece: Piece::Share { share: part, completes }, left_s: part * work_s });
            }
        }
        jobs
    }

    pub(in crate::world) fn on_work_done(&mut self, hazard: usize, version: u32) {
        let now = self.now;
        let Some(team) = &mut self.cyber.teams[hazard] else { return };
        if team.version == version {
            team.advance(now);
            // What is left is rounding of the clock.
            if let Some(job) = team.jobs.last_mut() {
                job.left_s = 0.0;
            }
            self.work(hazard);
        }
    }

    /// Completes what is done, and waits for the next.
    fn work(&mut self, hazard: usize) {
        while let Some(job) = self.cyber.teams[hazard].as_mut().and_then(|team| team.jobs.pop_if(|job| job.left_s <= 0.0)) {
            self.complete(job.key.1, job.piece);
        }
        let (now, end) = (self.now, self.setup.end);
        let Some(team) = &mut self.cyber.teams[hazard] else { return };
        team.version += 1;
        if let Some(job) = team.jobs.last() {
            let time = now + Duration::from_s(job.left_s / team.people);
            if time < end {
                self.queue.schedule(time, CLASS_RETURN, Event::WorkDone { hazard: hazard as u32, version: team.version });
            }
        }
    }

    /// Takes over a piece of work that is done.
    fn complete(&mut self, attack: usize, piece: Piece) {
        let now = self.now;
        let it = &mut self.cyber.attacks[attack];
        let (site, hazard, seq) = (it.site, it.hazard, it.seq);
        let (kind, value, note) = match piece {
            Piece::Facility(facility) => {
                it.back[STAGES - 1] = true;
                it.count(STAGES - 1, now, &mut self.cyber.sums[hazard].longest_s);
                return self.release_facility(facility);
            }
            Piece::Site => {
                it.clean = true;
                ("site-clean", 0.0, "control and storage restored")
            }
            Piece::Share { share, completes } => {
                it.restored += share;
                if let Some(stage) = completes {
                    it.back[stage] = true;
                    it.count(stage, now, &mut self.cyber.sums[hazard].longest_s);
                    if stage == STAGES - 1 {
                        it.restored = 1.0;
                        self.cyber.of_site[site].retain(|place| *place != attack);
                    }
                }
                ("site-restored", self.cyber.attacks[attack].restored, "share")
            }
        };
        self.recorder.event(now, kind, "site", site, value, note, Some(seq));
        self.restored_further(site);
    }
}
