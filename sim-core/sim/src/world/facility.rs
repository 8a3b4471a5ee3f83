//! Facilities, and what goes without them.
//!
//! A facility fails by itself, is hit, or is down with the site that it stands in (outage or no power). What needs it is a claim on any one
//! of its group. A claim that no facility meets is in force after its grace: links, lines and units are out, sites stop, lose their grid
//! supply (substations) or their access to the network (fibre huts, landing points), services are not served at a site. Sites and
//! services must also reach the facility over the network; so a partition takes their control plane, identity or licences from them.
//!
//! Claims are looked at when a facility or a path has changed, and at no other time.

use bastide_engine::Stream;
use bastide_model::model::Endpoint;
use bastide_units::{Duration, Time};

use super::{CLASS_DECISION, CLASS_FAILURE, CLASS_RETURN, Event, Outage, World};
use crate::setup::{Claim, Claimant, Setup, entity_key};

/// A facility.
pub(crate) struct FacilityState {
    pub outage: Outage,
    own: Stream,
    /// Times that it went out of service.
    pub outages: u32,
    /// Tokens that services lost while a claim on it was in force.
    pub tokens_lost: f64,
    /// Sum over services of the time in which a claim on it was in force at a site that the plan names for them \[s\].
    pub service_s: f64,
}

impl FacilityState {
    /// Share of the time in service.
    pub(super) fn up_share(&self, end: Time) -> f64 {
        self.outage.availability(end)
    }
}

/// A claim during a history.
#[derive(Clone, Copy, Default)]
struct ClaimState {
    /// No facility meets it.
    unmet: bool,
    /// And its grace is over.
    in_force: bool,
    /// Number of the last change; earlier ends of grace are stale.
    version: u32,
    /// The facility whose loss left it unmet.
    facility: usize,
    /// What left it unmet.
    cause: Option<u64>,
}

/// All facilities and claims.
pub(crate) struct Facilities {
    pub states: Vec<FacilityState>,
    claims: Vec<ClaimState>,
    /// Claims of sites and services that are in force.
    in_force: Vec<usize>,
    /// Claims in force on a service at a site: `[service * sites + site]`; empty without facilities.
    pub blocked: Vec<u32>,
    /// The last event that blocked each service.
    pub blocked_seq: Vec<Option<u64>>,
}

impl Facilities {
    pub(crate) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let model = setup.model;
        let state = |name: &str| FacilityState {
            outage: Outage::default(),
            own: Stream::new(seed, replication, entity_key("facility", name, "outage")),
            outages: 0,
            tokens_lost: 0.0,
            service_s: 0.0,
        };
        let pairs = if setup.claims.is_empty() { 0 } else { model.services.len() * model.sites.len() };
        Self {
            states: model.facilities.iter().map(|facility| state(&facility.entity.name)).collect(),
            claims: vec![ClaimState::default(); setup.claims.len()],
            in_force: Vec::new(),
            blocked: vec![0; pairs],
            blocked_seq: vec![None; model.services.len()],
        }
    }

    /// Whether a facility that a service needs at a site is missing.
    #[inline]
    pub(super) fn blocks(&self, place: usize) -> bool {
        self.blocked.get(place).is_some_and(|claims| *claims > 0)
    }
}

impl World<'_> {
    pub(super) fn begin_facilities(&mut self) {
        for facility in 0..self.facilities.states.len() {
            self.next_facility_failure(facility, Time::ZERO);
        }
    }

    fn next_facility_failure(&mut self, facility: usize, from: Time) {
        if let Some(reliability) = &self.setup.model.facilities[facility].reliability
            && reliability.failure_rate.as_per_s() > 0.0
        {
            let wait = self.facilities.states[facility].own.exponential(1.0 / reliability.failure_rate.as_per_s());
            let event = Event::FacilityFails { facility: facility as u32 };
            self.queue.schedule(from + Duration::from_s(wait), CLASS_FAILURE, event);
        }
    }

    pub(super) fn on_facility_fails(&mut self, facility: usize) {
        let mut again = self.now;
        if let Some(reliability) = self.setup.model.facilities[facility].reliability
            && !self.facilities.states[facility].outage.out
        {
            again = self.now + Duration::from_s(reliability.repair.sample(&mut self.facilities.states[facility].own));
            self.facility_out(facility, again, None, "fault");
        }
        self.next_facility_failure(facility, again);
    }

    /// Takes a facility out until at least `until`.
    pub(crate) fn facility_out(&mut self, facility: usize, until: Time, cause: Option<u64>, note: &'static str) {
        let hours = until.since(self.now).as_h();
        let seq = self.recorder.event(self.now, "facility-down", "facility", facility, hours, note, cause);
        let state = &mut self.facilities.states[facility];
        if state.outage.begin(self.now, until, Some(seq)) {
            state.outages += 1;
            self.dirty.claims = true;
        }
        if until < self.setup.end {
            self.queue.schedule(until, CLASS_RETURN, Event::FacilityBack { facility: facility as u32 });
        }
    }

    pub(super) fn on_facility_back(&mut self, facility: usize) {
        if self.facilities.states[facility].outage.end(self.now) {
            self.facility_up(facility);
        }
    }

    /// Something holds a facility out until it is released; returns the event that says so.
    pub(crate) fn hold_facility(&mut self, facility: usize, cause: u64, note: &'static str) -> u64 {
        let seq = self.recorder.event(self.now, "facility-down", "facility", facility, 0.0, note, Some(cause));
        let state = &mut self.facilities.states[facility];
        if state.outage.hold(self.now) {
            state.outage.seq = Some(seq);
            state.outages += 1;
            self.dirty.claims = true;
        }
        seq
    }

    /// One thing that held a facility out does no longer.
    pub(crate) fn release_facility(&mut self, facility: usize) {
        if self.facilities.states[facility].outage.release(self.now) {
            self.facility_up(facility);
        }
    }

    fn facility_up(&mut self, facility: usize) {
        let cause = self.facilities.states[facility].outage.seq;
        self.recorder.event(self.now, "facility-up", "facility", facility, 0.0, "", cause);
        self.dirty.claims = true;
    }

    /// The site in which facilities stand has lost its power, or has it again.
    pub(super) fn hosted_facilities(&mut self, site: usize, powered: bool, cause: Option<u64>) {
        let model = self.setup.model;
        for (at, _) in model.facilities.iter().enumerate().filter(|(_, it)| matches!(it.at, Endpoint::Site(id) if id.index() == site)) {
            if powered {
                if self.facilities.states[at].outage.release(self.now) {
                    self.facility_up(at);
                }
            } else if self.facilities.states[at].outage.hold(self.now) {
                let seq = self.recorder.event(self.now, "facility-down", "facility", at, 0.0, "with its site", cause);
                let state = &mut self.facilities.states[at];
                state.outage.seq = Some(seq);
                state.outages += 1;
                self.dirty.claims = true;
            }
        }
    }

    /// Looks at all claims again.
    pub(super) fn refresh_claims(&mut self) {
        let setup = self.setup;
        for (at, claim) in setup.claims.iter().enumerate() {
            let up = |facility: &usize| {
                let reached =
                    claim.node.is_none_or(|node| self.net.paths.same_island(node, setup.graph.node(setup.model.facilities[*facility].at)));
                !self.facilities.states[*facility].outage.out && reached
            };
            let unmet = !claim.members.iter().any(up);
            let before = self.facilities.claims[at];
            if unmet == before.unmet {
                continue;
            }
            let state = &mut self.facilities.claims[at];
            state.unmet = unmet;
            state.version += 1;
            if !unmet {
                if before.in_force {
                    self.claim_met(at, claim);
                }
                continue;
            }
            // What went down, rather than what is merely out of reach.
            let down = claim.members.iter().find(|facility| self.facilities.states[**facility].outage.out);
            let facility = *down.unwrap_or(&claim.members[0]);
            let cause = down.and_then(|at| self.facilities.states[*at].outage.seq).or_else(|| self.cut_cause(claim.node.unwrap_or(0)));
            let state = &mut self.facilities.claims[at];
            (state.facility, state.cause) = (facility, cause);
            let version = state.version;
            if claim.grace > Duration::ZERO {
                let over = self.now + claim.grace;
                if over < setup.end {
                    self.queue.schedule(over, CLASS_DECISION, Event::GraceOver { claim: at as u32, version });
                }
            } else {
                self.claim_in_force(at, claim);
            }
        }
    }

    pub(super) fn on_grace_over(&mut self, at: usize, version: u32) {
        let state = self.facilities.claims[at];
        if state.unmet && state.version == version {
            let setup = self.setup;
            self.claim_in_force(at, &setup.claims[at]);
        }
    }

    fn claim_in_force(&mut self, at: usize, claim: &Claim) {
        self.integrate_services();
        let state = &mut self.facilities.claims[at];
        state.in_force = true;
        let cause = state.cause;
        match claim.by {
            Claimant::Link(link) => self.hold_link(link, cause, claim.note),
            Claimant::Line(line) => self.hold_line(line, cause, claim.note),
            Claimant::Generator(generator) => self.hold_units(generator, cause, claim.note),
            Claimant::Access(site) => self.hold_access(site, cause, claim.note),
            Claimant::Supply(site) => self.hold_supply(site, cause, claim.note),
            Claimant::Site(site) => {
                self.facilities.in_force.push(at);
                self.hold_site(site, cause, claim.note);
            }
            Claimant::ServiceAt { service, site } => {
                self.facilities.in_force.push(at);
                let sites = self.sites.len();
                let first = self.blocked_places(service) == 0;
                self.facilities.blocked[service * sites + site] += 1;
                if first {
                    let hours = claim.grace.as_h();
                    let seq = self.recorder.event(self.now, "service-blocked", "service", service, hours, claim.note, cause);
                    self.facilities.blocked_seq[service] = Some(seq);
                }
                self.dirty.services = true;
            }
        }
    }

    fn claim_met(&mut self, at: usize, claim: &Claim) {
        self.integrate_services();
        self.facilities.claims[at].in_force = false;
        match claim.by {
            Claimant::Link(link) => self.release_link(link),
            Claimant::Line(line) => self.release_line(line),
            Claimant::Generator(generator) => self.release_units(generator),
            Claimant::Access(site) => self.release_access(site),
            Claimant::Supply(site) => self.release_supply(site),
            Claimant::Site(site) => {
                self.facilities.in_force.retain(|other| *other != at);
                self.release_site(site);
            }
            Claimant::ServiceAt { service, site } => {
                self.facilities.in_force.retain(|other| *other != at);
                let sites = self.sites.len();
                self.facilities.blocked[service * sites + site] -= 1;
                if self.blocked_places(service) == 0 {
                    let cause = self.facilities.blocked_seq[service].take();
                    self.recorder.event(self.now, "service-unblocked", "service", service, 0.0, claim.note, cause);
                }
                self.dirty.services = true;
            }
        }
    }

    /// Sites at which a service is blocked.
    fn blocked_places(&self, service: usize) -> usize {
        let sites = self.sites.len();
        self.facilities.blocked[service * sites..(service + 1) * sites].iter().filter(|claims| **claims > 0).count()
    }

    /// What services lost since the last time, put down to the facilities that they miss.
    pub(super) fn integrate_facilities(&mut self, seconds: f64) {
        let sites = self.sites.len();
        for service in 0..self.setup.model.services.len() {
            let lost = self.services.lost_rate(service);
            let (mut at_a_site, mut of_the_service) = (None, None);
            for &at in &self.facilities.in_force {
                let counts = |site: usize| self.setup.named[service * sites + site] || lost > 0.0;
                let facility = self.facilities.claims[at].facility;
                match self.setup.claims[at].by {
                    Claimant::Site(site) if self.setup.named[service * sites + site] => at_a_site = at_a_site.or(Some(facility)),
                    Claimant::ServiceAt { service: of, site } if of == service && counts(site) => {
                        of_the_service = of_the_service.or(Some(facility));
                    }
                    _ => {}
                }
            }
            // What it needs itself, rather than what one of its sites needs.
            let first = of_the_service.or(at_a_site);
            if let Some(facility) = first {
                let state = &mut self.facilities.states[facility];
                state.tokens_lost += lost * seconds;
                state.service_s += seconds;
            }
        }
    }

    /// Whether anything may have been lost for want of a facility.
    pub(super) fn misses_facilities(&self) -> bool {
        !self.facilities.in_force.is_empty()
    }
}
