//! Sites: power chain, cooling, outages, wiped shares.
//!
//! A site asks the grid for its facility power (IT power x PUE) at every dispatch and gets a share of it. When it gets less than it needs:
//!
//! 1. The generators are called, once for each shortage; they start with probability `generator_start`. Running, they carry what the
//!    grid does not, and burn fuel in proportion. A delivery is ordered when they start and fills the tank after `refuel`; if
//!    they still run then, the next one is ordered.
//! 2. Without generators the UPS carries the missing part for `ups`, whatever its size. It is full again when the grid is, or
//!    when generators ran.
//! 3. After that a site with at least [`LEAST_SHARE`] of its power slows down: all accelerators work at that share of their speed.
//! 4. With less, it stops. It goes on asking for what it asked for when the shortage began, and is back `restart` after power is.
//!
//! Energy of the UPS itself is left out of the balance: minutes of load.
//!
//! Without UPS the start of generators is still taken as without a gap. A site in outage (own failure, hit) asks for no power and its
//! power chain starts afresh after the repair; overlapping outages end with the latest repair. Cooling above its limit and a PUE that
//! takes the connection beyond its limit slow a site down in the same way. A wiped share is idle, but powered. A power cap at or below what
//! cooling and connection allow takes their place: it slows a site down by less than it takes of its power (see `power_cap`).

use bastide_engine::Stream;
use bastide_units::{Duration, Temperature, Time};

use super::{CLASS_DECISION, CLASS_FAILURE, CLASS_RETURN, Event, Outage, World};
use crate::hazard::cyber::{Intrusion, wiped_share};
use crate::setup::{Setup, entity_key};

/// Share of its power below which a site cannot work: about what network, control and house load of a data hall need.
const LEAST_SHARE: f64 = 0.05;
/// Shares this close to one are rounding.
const ENOUGH: f64 = 1.0 - 1e-6;

pub(crate) struct SiteState {
    /// Limit of the grid connection, with the steps that are ready \[MW\].
    pub connection_mw: f64,
    /// Something is energised.
    pub energised: bool,
    since: Time,
    pub outage: Outage,
    /// Without power, or in restart after that.
    pub stopped: bool,
    restarting: bool,
    /// Facilities that it cannot do without and that are missing.
    halted: u32,
    /// Things that keep the grid from supplying it, and the first of them.
    pub supply_held: u32,
    pub supply_seq: Option<u64>,
    /// Facilities in it have power.
    powered: bool,
    /// Energised, not in outage, not stopped, not halted.
    pub works: bool,
    /// Event that stopped it.
    pub down_seq: Option<u64>,
    pub why: super::service::SiteCauses,
    /// Share of speed that power and cooling allow; zero when it does not work.
    pub speed: f64,
    /// What power allows.
    power_share: f64,
    /// What cooling and connection allow.
    ceiling: f64,
    /// Share of its nodes that maintenance has taken out.
    pub in_maintenance: f64,
    /// Share of their power that its accelerators may draw.
    pub cap: f64,
    /// Share of their speed that they keep at that.
    pub cap_speed: f64,
    pub wiped: f64,
    /// Whether its storage has to be restored before data can come back.
    pub storage_wiped: bool,
    /// Event that wiped it last.
    /// Attacks that are restored in steps, with the share that each wiped.
    wiped_by: Vec<(usize, Time, f64)>,
    pub pue: f64,
    cooling: f64,
    /// Asked of the grid at the last dispatch \[MW\].
    pub need_mw: f64,
    /// Asked when the shortage began \[MW\].
    frozen_mw: f64,
    /// Share of it that the grid gives.
    pub grid_share: f64,
    shortage: bool,
    /// When the shortage began, and the event that explains it best.
    short_since: Time,
    started: bool,
    pub running: bool,
    ups_until: Time,
    /// Fuel left, as time at full load \[s\].
    fuel_s: f64,
    /// Full-load share at which it is burnt.
    burn: f64,
    fuel_at: Time,
    ordered: bool,
    /// Number of the last timer; earlier ones are stale.
    timer: u32,
    /// Number of the last restart or stop; earlier restarts are stale.
    restart: u32,
    own: Stream,
    starts: Stream,
    deliveries: Stream,
    restarts: Stream,
    // Sums.
    down_s: f64,
    changed: Time,
    pub outages: u32,
    curtailed: bool,
    curtailed_since: Time,
    curtailed_s: f64,
    running_since: Time,
    running_s: f64,
    /// Least time from the loss of supply until the tank was empty \[s\].
    exhausted_s: f64,
}

pub(super) fn states(setup: &Setup, seed: u64, replication: u32) -> Vec<SiteState> {
    let one = |site: &bastide_model::model::Site| {
        let stream = |purpose: &str| Stream::new(seed, replication, entity_key("site", &site.entity.name, purpose));
        SiteState {
            connection_mw: site.connection.as_mw(),
            energised: false,
            since: Time::ZERO,
            outage: Outage::default(),
            stopped: false,
            restarting: false,
            halted: 0,
            supply_held: 0,
            supply_seq: None,
            powered: true,
            works: false,
            down_seq: None,
            why: super::service::SiteCauses::default(),
            speed: 0.0,
            power_share: 1.0,
            ceiling: 1.0,
            in_maintenance: 0.0,
            cap: 1.0,
            cap_speed: 1.0,
            wiped: 0.0,
            storage_wiped: false,
            wiped_by: Vec::new(),
            pue: site.pue,
            cooling: 1.0,
            need_mw: 0.0,
            frozen_mw: 0.0,
            grid_share: 1.0,
            shortage: false,
            short_since: Time::ZERO,
            started: false,
            running: false,
            ups_until: Time::ZERO,
            fuel_s: site.fuel.as_s(),
            burn: 0.0,
            fuel_at: Time::ZERO,
            ordered: false,
            timer: 0,
            restart: 0,
            own: stream("outage"),
            starts: stream("generator-start"),
            deliveries: stream("refuel"),
            restarts: stream("restart"),
            down_s: 0.0,
            changed: Time::ZERO,
            outages: 0,
            curtailed: false,
            curtailed_since: Time::ZERO,
            curtailed_s: 0.0,
            running_since: Time::ZERO,
            running_s: 0.0,
            exhausted_s: f64::INFINITY,
        }
    };
    setup.model.sites.iter().map(one).collect()
}

impl World<'_> {
    pub(super) fn begin_sites(&mut self) {
        for site in 0..self.sites.len() {
            if self.setup.built[site] {
                self.next_site_failure(site, Time::ZERO);
            }
        }
    }

    pub(super) fn site_energised(&mut self, site: usize) {
        let state = &mut self.sites[site];
        if !state.energised {
            (state.energised, state.since, state.changed) = (true, self.now, self.now);
            self.sites_up_changed();
        }
    }

    fn next_site_failure(&mut self, site: usize, from: Time) {
        if let Some(reliability) = &self.setup.model.sites[site].reliability
            && reliability.failure_rate.as_per_s() > 0.0
        {
            let wait = self.sites[site].own.exponential(1.0 / reliability.failure_rate.as_per_s());
            self.queue.schedule(from + Duration::from_s(wait), CLASS_FAILURE, Event::SiteFails { site: site as u32 });
        }
    }

    pub(super) fn on_site_fails(&mut self, site: usize) {
        let mut again = self.now;
        if let Some(reliability) = &self.setup.model.sites[site].reliability
            && self.sites[site].works
        {
            again = self.now + Duration::from_s(reliability.repair.sample(&mut self.sites[site].own));
            self.site_out(site, again, None, "own failure");
        }
        self.next_site_failure(site, again);
    }

    /// Takes a site out until at least `until`.
    pub(crate) fn site_out(&mut self, site: usize, until: Time, cause: Option<u64>, note: &'static str) {
        self.sites[site].outage.begin(self.now, until, cause);
        self.queue.schedule(until, CLASS_RETURN, Event::SiteBack { site: site as u32 });
        self.power_chain_off(site);
        self.refresh_site(site, cause, note);
        self.dirty.grid = true;
    }

    pub(super) fn on_site_back(&mut self, site: usize) {
        if self.sites[site].outage.end(self.now) {
            let cause = self.sites[site].down_seq;
            self.refresh_site(site, cause, "repaired");
            self.dirty.grid = true;
            self.copy_missing();
        }
    }

    /// Wipes a share of a site: of the parts of it that an intruder holds.
    pub(crate) fn wipe(&mut self, site: usize, intrusion: &Intrusion, share: f64, parts: f64, cause: u64) {
        let seq = self.recorder.event(self.now, "site-wiped", "site", site, share * parts, "", Some(cause));
        self.sites[site].why.wiped = Some(seq);
        if !self.begin_recovery(site, intrusion, share, parts, seq) {
            self.sites[site].wiped_by.push((intrusion.hazard, self.now, share * parts));
        }
        self.set_wiped(site);
        for pool in self.setup.site_pools[site].clone() {
            self.stop_gangs(pool, "wiped");
        }
    }

    /// More of a site is restored.
    pub(super) fn restored_further(&mut self, site: usize) {
        self.set_wiped(site);
        if self.sites[site].wiped <= 0.0 {
            self.sites[site].why.wiped = None;
        }
        self.copy_missing();
    }

    pub(super) fn on_restored(&mut self, site: usize) {
        let before = self.sites[site].wiped;
        self.set_wiped(site);
        if self.sites[site].wiped < before {
            let cause = self.sites[site].why.wiped;
            self.recorder.event(self.now, "site-restored", "site", site, 1.0 - self.sites[site].wiped, "share", cause);
        }
        if self.sites[site].wiped <= 0.0 {
            self.sites[site].why.wiped = None;
        }
        self.copy_missing();
    }

    /// The share of a site that is wiped: that of the worst attack, less what its restoration has brought back in stages.
    fn set_wiped(&mut self, site: usize) {
        let (now, model) = (self.now, self.setup.model);
        let left = |&(hazard, attack, share): &(usize, Time, f64)| wiped_share(&model.hazards[hazard].kind, share, now.since(attack));
        let (by_team, storage) = self.wiped_in_recovery(site);
        let state = &mut self.sites[site];
        state.wiped_by.retain(|attack| left(attack) > 0.0);
        let in_steps = state.wiped_by.iter().map(left).fold(0.0, f64::max);
        state.wiped = in_steps.max(by_team);
        state.storage_wiped = in_steps > 0.0 || storage;
        for pool in self.setup.site_pools[site].clone() {
            self.refresh_pool(pool);
        }
        self.dirty.services = true;
        self.dirty.data = true;
    }

    /// PUE and cooling of the hour.
    pub(crate) fn weather(&mut self) {
        let model = self.setup.model;
        for (site, place) in model.sites.iter().enumerate() {
            let heat = self.heat.degrees[site];
            // Without a temperature of its own, heat comes on top of the last cool degree; what a heatwave has changed goes back with it.
            let profile = match place.temperature {
                Some(profile) => profile,
                None if heat > 0.0 || self.sites[site].pue != place.pue || self.sites[site].cooling != 1.0 => {
                    bastide_model::model::Profile::Constant(place.free_cooling.as_celsius())
                }
                None => continue,
            };
            if !self.setup.built[site] {
                continue;
            }
            let celsius = model.at(profile, self.hour) + heat;
            let id = bastide_model::model::SiteId::from_index(site);
            let pue = model.pue(id, Some(Temperature::from_celsius(celsius)));
            let above = (celsius - place.cooling_limit.as_celsius()).max(0.0);
            let cooling = (1.0 - place.cooling_loss_per_degree * above).max(0.0);
            let state = &mut self.sites[site];
            if pue != state.pue || cooling != state.cooling {
                (state.pue, state.cooling) = (pue, cooling);
                self.set_ceiling(site);
            }
        }
    }

    /// What cooling and connection allow.
    pub(super) fn set_ceiling(&mut self, site: usize) {
        let (_, full) = self.it_power(site);
        let facility = full * self.sites[site].pue;
        let connection = self.sites[site].connection_mw;
        let allowed = if facility > connection { connection / facility } else { 1.0 };
        let ceiling = self.sites[site].cooling.min(if allowed > ENOUGH { 1.0 } else { allowed });
        if ceiling != self.sites[site].ceiling {
            self.sites[site].ceiling = ceiling;
            self.refresh_site(site, None, "");
        }
    }

    /// What a site asks of the grid now \[MW\].
    pub(super) fn facility_need(&self, site: usize) -> f64 {
        let state = &self.sites[site];
        if !state.energised || state.outage.out {
            return 0.0;
        }
        if state.shortage && (state.stopped || state.power_share < 1.0) {
            return state.frozen_mw;
        }
        let (now, full) = self.it_power(site);
        let busy = if state.stopped { LEAST_SHARE * full } else { 0.0 };
        // What the cap has taken away already, cooling and connection do not take again.
        let ceiling = (state.ceiling / state.cap).min(1.0);
        (now.max(busy) * ceiling.max(LEAST_SHARE) * state.pue).min(state.connection_mw)
    }

    /// Goes through the rules of the power chain after a dispatch or a timer.
    pub(super) fn power_step(&mut self, site: usize, cause: Option<u64>) {
        let now = self.now;
        let full_mw = self.it_power(site).1 * self.setup.model.sites[site].pue;
        let place = &self.setup.model.sites[site];
        let begins = self.sites[site].grid_share < ENOUGH && !self.sites[site].shortage;
        let (start, common) = if begins { self.start_probability(site) } else { (place.generator_start, false) };
        let state = &mut self.sites[site];
        if !state.energised || state.outage.out {
            return;
        }
        state.burn_fuel(now);
        let powered;
        let mut timer = Time::NEVER;
        let (mut called, mut exhausted) = (false, false);
        if state.grid_share >= ENOUGH {
            if !state.shortage && !state.stopped {
                return;
            }
            state.shortage = false;
            state.why.power = None;
            state.started = false;
            state.set_running(now, false);
            state.power_share = 1.0;
            powered = true;
        } else {
            if !state.shortage {
                state.shortage = true;
                state.short_since = now;
                state.frozen_mw = state.need_mw;
                state.ups_until = now + place.ups;
                // One draw for each call, with or without generators, so that call n is the same draw in every plan.
                state.started = state.starts.bernoulli(start) && place.fuel > Duration::ZERO;
                called = true;
            }
            let was_running = state.running;
            let run = state.started && state.fuel_s > 1e-6;
            state.set_running(now, run);
            if was_running && !run {
                state.ups_until = now + place.ups;
                state.exhausted_s = state.exhausted_s.min(now.since(state.short_since).as_s());
                exhausted = true;
            }
            if run {
                state.power_share = 1.0;
                state.burn = if full_mw > 0.0 { (1.0 - state.grid_share) * state.need_mw / full_mw } else { 0.0 };
                powered = true;
                if state.burn > 0.0 {
                    timer = now + Duration::from_s(state.fuel_s / state.burn);
                }
            } else if now < state.ups_until && !state.stopped {
                state.power_share = 1.0;
                powered = true;
                timer = state.ups_until;
            } else {
                powered = state.grid_share >= LEAST_SHARE;
                state.power_share = if powered { state.grid_share } else { 0.0 };
            }
        }
        if !state.running {
            state.burn = 0.0;
        }
        state.timer += 1;
        let order = state.running && !state.ordered;
        state.ordered |= order;
        let mut restart = false;
        if !powered {
            (state.stopped, state.restarting) = (true, false);
            state.restart += 1;
        } else if state.stopped && !state.restarting {
            state.restarting = true;
            state.restart += 1;
            restart = true;
        }
        let (timer_version, restart_version) = (state.timer, state.restart);
        if timer < self.setup.end {
            // A nanosecond late rather than early, so that the tank is empty when the timer rings.
            let ring = timer + Duration::from_s(1e-9);
            self.queue.schedule(ring, CLASS_DECISION, Event::PowerTimer { site: site as u32, version: timer_version });
        }
        if called {
            // Without an outage it is the hour: load is high, wind is low, units of the grid are in repair.
            let share = self.sites[site].grid_share;
            let hour = |recorder: &mut super::Recorder| recorder.event(now, "power-short", "site", site, share, "share of power", None);
            self.sites[site].why.power = cause.or_else(|| Some(hour(&mut self.recorder)));
        }
        let cause = self.sites[site].why.power.or(cause);
        if called && place.generator_start > 0.0 {
            let started = self.sites[site].started;
            let kind = if started { "generators-start" } else { "generators-fail" };
            let note = if common && !started { "common cause" } else { "hours of fuel at full load" };
            let seq = self.recorder.event(now, kind, "site", site, self.sites[site].fuel_s / 3600.0, note, cause);
            self.sites[site].why.power = Some(seq);
        }
        if exhausted {
            let hours = now.since(self.sites[site].short_since).as_h();
            let cause = self.sites[site].why.power.or(cause);
            let seq = self.recorder.event(now, "fuel-exhausted", "site", site, hours, "hours without the grid", cause);
            self.sites[site].why.power = Some(seq);
        }
        if order {
            self.order_fuel(site);
        }
        if restart {
            let wait = place.restart.sample(&mut self.sites[site].restarts);
            self.queue.schedule(
                now + Duration::from_s(wait),
                CLASS_RETURN,
                Event::Restarted { site: site as u32, version: restart_version },
            );
        }
        let why = self.sites[site].why.power.or(cause);
        self.refresh_site(site, why, "no power");
    }

    fn order_fuel(&mut self, site: usize) {
        let wait = self.setup.model.sites[site].refuel.sample(&mut self.sites[site].deliveries);
        self.queue.schedule(self.now + Duration::from_s(wait), CLASS_RETURN, Event::Refuelled { site: site as u32 });
    }

    pub(super) fn on_refuelled(&mut self, site: usize) {
        if let Some((until, block)) = self.fuel_blocked(site) {
            self.recorder.event(self.now, "delivery-stopped", "site", site, until.since(self.now).as_h(), "hours late", block);
            self.queue.schedule(until, CLASS_RETURN, Event::Refuelled { site: site as u32 });
            return;
        }
        self.integrate_grid();
        let now = self.now;
        let state = &mut self.sites[site];
        state.burn_fuel(now);
        state.fuel_s = self.setup.model.sites[site].fuel.as_s();
        state.ordered = false;
        self.power_step(site, None);
    }

    pub(super) fn on_power_timer(&mut self, site: usize, version: u32) {
        if self.sites[site].timer == version {
            self.integrate_grid();
            let cause = self.power_cause(site).or(self.grid.cause(self.now));
            self.power_step(site, cause);
        }
    }

    pub(super) fn on_restarted(&mut self, site: usize, version: u32) {
        let state = &mut self.sites[site];
        if state.restarting && state.restart == version {
            (state.stopped, state.restarting) = (false, false);
            let cause = state.down_seq;
            self.refresh_site(site, cause, "restarted");
            self.copy_missing();
        }
    }

    /// The power chain at rest, for a site in outage.
    fn power_chain_off(&mut self, site: usize) {
        self.integrate_grid();
        let now = self.now;
        let state = &mut self.sites[site];
        state.burn_fuel(now);
        state.set_running(now, false);
        (state.shortage, state.started, state.stopped, state.restarting) = (false, false, false, false);
        state.why.power = None;
        (state.burn, state.power_share, state.grid_share, state.need_mw) = (0.0, 1.0, 1.0, 0.0);
        state.timer += 1;
        state.restart += 1;
    }

    /// Takes over a new state: records it, and passes it on to pools, services and data.
    pub(super) fn refresh_site(&mut self, site: usize, cause: Option<u64>, note: &'static str) {
        let now = self.now;
        let state = &mut self.sites[site];
        let works = state.energised && !state.outage.out && !state.stopped && state.halted == 0;
        let powered = !state.energised || (!state.outage.out && !state.stopped);
        let switched = powered != std::mem::replace(&mut state.powered, powered);
        let capped = state.cap < 1.0 && state.cap <= state.ceiling;
        let allowed = if capped { state.power_share * state.cap_speed } else { state.power_share.min(state.ceiling) };
        let speed = if works { allowed } else { 0.0 };
        let curtailed = state.energised && !state.outage.out && (state.stopped || state.power_share < 1.0);
        if curtailed != state.curtailed {
            if state.curtailed {
                state.curtailed_s += now.since(state.curtailed_since).as_s();
            }
            (state.curtailed, state.curtailed_since) = (curtailed, now);
        }
        let turned = works != state.works;
        if turned {
            if works {
                state.down_s += now.since(state.changed).as_s();
            }
            state.changed = now;
            state.works = works;
            if !works {
                state.outages += 1;
                let hours = if state.outage.out { state.outage.until.since(now).as_h() } else { 0.0 };
                let seq = self.recorder.event(now, "site-down", "site", site, hours, note, cause);
                self.sites[site].down_seq = Some(seq);
            } else if let Some(seq) = state.down_seq {
                self.recorder.event(now, "site-up", "site", site, 0.0, note, Some(seq));
            }
            self.sites_up_changed();
        }
        if turned || speed != self.sites[site].speed {
            self.sites[site].speed = speed;
            for pool in self.setup.site_pools[site].clone() {
                self.refresh_pool(pool);
                if turned && !works {
                    self.stop_gangs(pool, "site");
                }
            }
            self.dirty.services = true;
            self.dirty.data |= turned;
        }
        if switched {
            let cause = self.sites[site].down_seq.or(cause);
            self.hosted_facilities(site, powered, cause);
        }
    }

    /// A facility that the site cannot do without is missing until it is released.
    pub(crate) fn hold_site(&mut self, site: usize, cause: Option<u64>, note: &'static str) {
        self.sites[site].halted += 1;
        self.refresh_site(site, cause, note);
        self.dirty.grid = true;
    }

    pub(crate) fn release_site(&mut self, site: usize) {
        self.sites[site].halted = self.sites[site].halted.saturating_sub(1);
        let cause = self.sites[site].down_seq;
        self.refresh_site(site, cause, "released");
        self.dirty.grid = true;
        self.copy_missing();
    }

    /// The grid no longer reaches the site, whatever there is in it, until it is released.
    pub(crate) fn hold_supply(&mut self, site: usize, cause: Option<u64>, note: &'static str) {
        self.sites[site].supply_held += 1;
        if self.sites[site].supply_held == 1 {
            let seq = self.recorder.event(self.now, "supply-lost", "site", site, 0.0, note, cause);
            self.sites[site].supply_seq = Some(seq);
            self.dirty.grid = true;
        }
    }

    pub(crate) fn release_supply(&mut self, site: usize) {
        self.sites[site].supply_held = self.sites[site].supply_held.saturating_sub(1);
        if self.sites[site].supply_held == 0 {
            let cause = self.sites[site].supply_seq.take();
            self.recorder.event(self.now, "supply-back", "site", site, 0.0, "", cause);
            self.dirty.grid = true;
        }
    }
}

impl SiteState {
    /// Burns fuel up to now.
    fn burn_fuel(&mut self, now: Time) {
        self.fuel_s = (self.fuel_s - self.burn * now.since(self.fuel_at).as_s()).max(0.0);
        self.fuel_at = now;
    }

    fn set_running(&mut self, now: Time, running: bool) {
        if self.running && !running {
            self.running_s += now.since(self.running_since).as_s();
        } else if running && !self.running {
            self.running_since = now;
        }
        self.running = running;
    }

    /// Share of the time since it was energised in which it works; zero if it never was.
    pub(super) fn availability(&self, end: Time) -> f64 {
        if !self.energised || end <= self.since {
            return 0.0;
        }
        let open = if self.works { 0.0 } else { end.since(self.changed).as_s() };
        (1.0 - (self.down_s + open) / end.since(self.since).as_s()).max(0.0)
    }

    pub(super) fn hours_curtailed(&self, end: Time) -> f64 {
        (self.curtailed_s + if self.curtailed { end.since(self.curtailed_since).as_s() } else { 0.0 }) / 3600.0
    }

    pub(super) fn generator_hours(&self, end: Time) -> f64 {
        (self.running_s + if self.running { end.since(self.running_since).as_s() } else { 0.0 }) / 3600.0
    }

    /// Time from the loss of supply until the tank was first empty, at least \[h\]; the length of the history if it never was.
    pub(super) fn fuel_exhausted_after(&self, end: Time) -> f64 {
        self.exhausted_s.min(end.since(Time::ZERO).as_s()) / 3600.0
    }

    /// Whether the tank was ever empty.
    pub(super) fn ran_dry(&self) -> bool {
        self.exhausted_s < f64::INFINITY
    }
}
