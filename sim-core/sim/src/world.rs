//! What changes during one history, and what then has to be solved again.
//!
//! Events are ordered by (time, class, sequence). Classes at one moment: returns and repairs (0), failures and hazards (1), the hour (2),
//! decisions that waited (3). When all events of a moment are through, [`World::settle`] solves again what they touched, in this
//! order: paths, readable data, services and campaigns, the grid, power at the sites, and once more services where power changed.
//! Nothing is solved when nothing changed; node failures that leave slack touch nothing (see `service`).

mod blackout;
pub(crate) mod bus;
pub(crate) mod campaign;
mod cascade;
mod cyber;
pub(crate) mod data;
mod defence;
pub(crate) mod evacuation;
pub(crate) mod facility;
mod failure;
pub(crate) mod fleet;
pub(crate) mod grid;
mod law;
mod ledger;
pub(crate) mod link;
mod maintenance;
pub(crate) mod network;
mod partition;
mod power_cap;
pub(crate) mod reconstruction;
mod repair;
mod roadmap;
pub(crate) mod service;
mod shedding;
pub(crate) mod site;
pub(crate) mod supply;
mod trace;
mod worth;

use bastide_engine::{Queue, Stream};
use bastide_model::shortfall::Shortfalls;
use bastide_units::{Duration, Time};

use crate::hazard::HazardState;
use crate::record::{History, Options};
use crate::setup::Setup;
use trace::{Recorder, Timeline};

/// Returns and repairs.
pub(crate) const CLASS_RETURN: u8 = 0;
/// Failures and hazards.
pub(crate) const CLASS_FAILURE: u8 = 1;
/// The hour.
pub(crate) const CLASS_HOUR: u8 = 2;
/// Decisions that waited.
pub(crate) const CLASS_DECISION: u8 = 3;

/// What can happen. Numbers are positions in the model's tables, or of pools in the setup.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Hour,
    Energised {
        pool: u32,
        nodes: u32,
        bought: bool,
    },
    /// Nodes that a roadmap ordered arrive, to work from a moment on.
    Delivered {
        pool: u32,
        nodes: u32,
        energise: Time,
    },
    /// Delivered nodes begin to work.
    SwitchedOn {
        pool: u32,
        nodes: u32,
    },
    /// Nodes leave.
    Retired {
        pool: u32,
        nodes: u32,
    },
    /// A site's connection grows.
    Connected {
        site: u32,
        kw: u32,
    },
    /// A period of a roadmap begins.
    PeriodBegins {
        period: u32,
    },
    Failure {
        process: u32,
        version: u32,
    },
    Noticed {
        job: u32,
    },
    Repaired {
        job: u32,
    },
    RepairDone {
        job: u32,
        version: u32,
    },
    CrewBack {
        pool: u32,
    },
    FollowUp {
        strike: u32,
    },
    PartArrives {
        pool: u32,
    },
    SpareArrives {
        site: u32,
        pool: u32,
    },
    Maintenance {
        maintenance: u32,
    },
    PowerCap {
        cap: u32,
    },
    UnitFails {
        generator: u32,
    },
    UnitsRepaired {
        generator: u32,
        units: u32,
    },
    BlackStart {
        bus: u32,
        version: u32,
    },
    Reclose,
    CutOver {
        seq: u64,
    },
    TurnOver {
        bus: u32,
    },
    LineFails {
        line: u32,
    },
    LineBack {
        line: u32,
    },
    BusBack {
        bus: u32,
    },
    LinkFails {
        link: u32,
    },
    LinkBack {
        link: u32,
    },
    LinkState {
        chain: u32,
        version: u32,
    },
    FacilityFails {
        facility: u32,
    },
    FacilityBack {
        facility: u32,
    },
    GraceOver {
        claim: u32,
        version: u32,
    },
    SiteFails {
        site: u32,
    },
    SiteBack {
        site: u32,
    },
    PowerTimer {
        site: u32,
        version: u32,
    },
    Refuelled {
        site: u32,
    },
    Restarted {
        site: u32,
        version: u32,
    },
    Restored {
        site: u32,
    },
    IntrusionEnds {
        intrusion: u32,
    },
    Assessed {
        attack: u32,
    },
    WorkDone {
        hazard: u32,
        version: u32,
    },
    PoolBack {
        pool: u32,
    },
    FacilityRestored {
        facility: u32,
    },
    Failover,
    Legal,
    LawChanges,
    SpellActs {
        spell: u32,
    },
    SpellEnds {
        spell: u32,
    },
    CampaignStart {
        campaign: u32,
    },
    CampaignDone {
        campaign: u32,
    },
    PlannedStop {
        campaign: u32,
    },
    CheckpointCopy {
        gang: u32,
        store: campaign::Store,
    },
    CheckpointCopied {
        gang: u32,
        store: campaign::Store,
    },
    FaultFound {
        gang: u32,
    },
    SeekPlace {
        gang: u32,
    },
    StragglerOver {
        gang: u32,
    },
    Copied {
        dataset: u32,
        replica: u32,
    },
    CopyAges,
    EvacuationOrder {
        evacuation: u32,
    },
    EvacuationStep {
        version: u32,
    },
    DeviceStep {
        evacuation: u32,
        device: u32,
        version: u32,
    },
    SpikeBegins {
        spike: u32,
    },
    SpikeStep {
        place: u32,
    },
    Replicas {
        choice: u32,
    },
    BacklogEmpty {
        queue: u32,
        version: u32,
    },
    Hazard {
        hazard: u32,
        target: u32,
    },
}

/// What has to be solved again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dirty {
    pub network: bool,
    /// What needs a facility may have gained or lost it.
    pub claims: bool,
    pub data: bool,
    pub evacuations: bool,
    pub services: bool,
    /// Batch work alone.
    pub batch: bool,
    pub grid: bool,
    /// An hour has come: sites may ask for another power.
    pub needs: bool,
}

impl Dirty {
    const fn any(self) -> bool {
        self.network || self.claims || self.data || self.evacuations || self.services || self.batch || self.grid || self.needs
    }
}

/// A thing that is out until the latest of its repairs ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outage {
    pub until: Time,
    pub out: bool,
    since: Time,
    /// Repairs in pools that must be done first, and dead ends.
    pub open: u32,
    /// Time out so far \[s\].
    pub total_s: f64,
    /// Event that began it.
    pub seq: Option<u64>,
    /// Things that hold it out, whatever its own repairs.
    held: u32,
}

impl Outage {
    /// Out until at least `until`. True if it was in service before.
    pub(crate) fn begin(&mut self, now: Time, until: Time, seq: Option<u64>) -> bool {
        self.until = self.until.max(until);
        let fresh = !self.out;
        if fresh {
            (self.out, self.since, self.seq) = (true, now, seq);
        }
        fresh
    }

    /// Back in service if the latest repair is through.
    fn end(&mut self, now: Time) -> bool {
        if !self.out || now < self.until || self.open > 0 || self.held > 0 {
            return false;
        }
        self.out = false;
        self.total_s += now.since(self.since).as_s();
        true
    }

    /// Something else holds it out from now on. True if it was in service before.
    pub(crate) fn hold(&mut self, now: Time) -> bool {
        self.held += 1;
        let until = self.until;
        let fresh = self.begin(now, until, None);
        debug_assert!(self.out);
        fresh
    }

    /// One of the things that held it out does no longer. True if it is back in service.
    pub(crate) fn release(&mut self, now: Time) -> bool {
        self.held = self.held.saturating_sub(1);
        self.end(now)
    }

    /// Share of the time from the start to `end` in service.
    fn availability(&self, end: Time) -> f64 {
        let open = if self.out { end.since(self.since).as_s() } else { 0.0 };
        (1.0 - (self.total_s + open) / end.since(Time::ZERO).as_s()).max(0.0)
    }
}

pub(crate) struct World<'a> {
    pub setup: &'a Setup<'a>,
    pub seed: u64,
    pub replication: u32,
    pub now: Time,
    pub hour: usize,
    /// Period of a roadmap.
    pub period: usize,
    pub queue: Queue<Event>,
    pub dirty: Dirty,
    pub recorder: Recorder,
    pub timeline: Timeline,
    pub sites: Vec<site::SiteState>,
    pub fleet: fleet::Fleet,
    pub repairs: repair::Repairs,
    pub reconstruction: reconstruction::Reconstruction,
    pub defences: Vec<defence::DefenceState>,
    pub maintenances: Vec<maintenance::MaintenanceState>,
    pub grid: grid::Grid,
    pub blackouts: blackout::Blackouts,
    pub turns: shedding::Turns,
    pub losses: cascade::Losses,
    pub heat: crate::hazard::grid_event::Heat,
    pub net: link::NetworkState,
    pub facilities: facility::Facilities,
    pub partitions: partition::Partitions,
    pub data: data::Data,
    pub evacuations: evacuation::Evacuations,
    pub services: service::Services,
    pub campaigns: Vec<campaign::CampaignState>,
    pub gangs: Vec<campaign::GangState>,
    /// Gangs of each pool, in the order of tier, then of the scenario.
    pub pool_gangs: Vec<Vec<usize>>,
    /// Gangs that look for another site.
    pub seeking: Vec<usize>,
    pub hazards: Vec<HazardState>,
    pub supply: supply::Supply,
    pub law: law::LawState,
    pub cyber: cyber::Cyber,
    /// First event of each hazard.
    pub first_of_hazard: Vec<Time>,
    /// Allocations, gangs and replicas where the rules forbid them.
    pub violations: u64,
    /// Who looks at what is lost.
    pub observer: Option<service::Observer>,
}

impl<'a> World<'a> {
    /// The world at its start, with all first events scheduled.
    pub(crate) fn new(setup: &'a Setup<'a>, seed: u64, replication: u32, options: Options) -> Self {
        let model = setup.model;
        let mut world = Self {
            setup,
            seed,
            replication,
            now: Time::ZERO,
            hour: 0,
            period: 0,
            queue: Queue::with_capacity(1024),
            dirty: Dirty { network: true, data: true, services: true, grid: true, needs: true, ..Dirty::default() },
            recorder: Recorder::new(options.trace),
            timeline: Timeline::new(setup.layout, options.timeline),
            sites: site::states(setup, seed, replication),
            fleet: fleet::Fleet::new(setup, seed, replication),
            repairs: repair::Repairs::new(setup, seed, replication),
            reconstruction: reconstruction::Reconstruction::new(model),
            defences: defence::states(model),
            maintenances: vec![maintenance::MaintenanceState::default(); model.maintenances.len()],
            grid: grid::Grid::new(setup, seed, replication),
            blackouts: blackout::Blackouts::new(setup, seed, replication),
            turns: shedding::Turns::new(setup),
            losses: cascade::Losses::default(),
            heat: crate::hazard::grid_event::Heat::new(setup),
            net: link::NetworkState::new(setup, seed, replication),
            facilities: facility::Facilities::new(setup, seed, replication),
            partitions: partition::Partitions::new(setup),
            data: data::Data::new(setup, seed, replication),
            evacuations: evacuation::Evacuations::new(setup, seed, replication),
            services: service::Services::new(setup, seed, replication, options),
            campaigns: campaign::campaigns(setup, seed, replication),
            gangs: campaign::gangs(setup),
            pool_gangs: setup.pool_gangs.clone(),
            seeking: Vec::new(),
            hazards: Vec::new(),
            supply: supply::Supply::new(model),
            law: law::LawState::default(),
            cyber: cyber::Cyber::new(setup),
            first_of_hazard: vec![Time::NEVER; model.hazards.len()],
            violations: 0,
            observer: None,
        };
        world.hazards = crate::hazard::begin(&mut world);
        world.begin();
        world
    }

    /// Schedules what is known at the start.
    fn begin(&mut self) {
        self.begin_fleet();
        self.begin_roadmap();
        self.begin_maintenance();
        self.begin_power_caps();
        self.begin_sites();
        self.begin_grid();
        for link in 0..self.net.links.len() {
            self.next_link_failure(link, Time::ZERO);
        }
        self.begin_facilities();
        self.begin_campaigns();
        self.begin_spikes();
        self.begin_evacuations();
        for &time in &self.setup.legal_changes {
            self.queue.schedule(time, CLASS_DECISION, Event::Legal);
        }
        self.queue.schedule(Time::ZERO, CLASS_HOUR, Event::Hour);
        self.violations += self.illegal_replicas();
    }

    /// Runs the history to its end.
    pub(crate) fn run(mut self) -> History {
        self.go();
        self.finish()
    }

    /// Runs the history to its end and looks at what the services of some tiers lose.
    pub(crate) fn run_observed(mut self, tiers: [bool; 4]) -> (History, Shortfalls) {
        self.observer = Some(service::Observer::new(self.setup, tiers));
        self.go();
        self.integrate_services();
        let found = self.observer.take().map(|observer| observer.found).unwrap_or_default();
        (self.finish(), found)
    }

    fn go(&mut self) {
        let end = self.setup.end;
        while let Some((time, _, event)) = self.queue.pop_before(end) {
            self.now = time;
            self.handle(event);
            if self.queue.peek_time() != Some(time) {
                self.settle();
            }
        }
        self.now = end;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Hour => self.on_hour(),
            Event::Energised { pool, nodes, bought } => self.on_energised(pool as usize, nodes, bought),
            Event::Delivered { pool, nodes, energise } => self.on_delivered(pool as usize, nodes, energise),
            Event::SwitchedOn { pool, nodes } => self.switch_on(pool as usize, nodes),
            Event::Retired { pool, nodes } => self.on_retired(pool as usize, nodes),
            Event::Connected { site, kw } => self.on_connected(site as usize, f64::from(kw) * 1e-3),
            Event::PeriodBegins { period } => self.on_period(period as usize),
            Event::Failure { process, version } => self.on_failure(process as usize, version),
            Event::Noticed { job } => self.on_noticed(job as usize),
            Event::RepairDone { job, version } => self.on_repair_done(job, version),
            Event::CrewBack { pool } => self.crew_free(pool),
            Event::FollowUp { strike } => self.on_follow_up(strike as usize),
            Event::PartArrives { pool } => self.on_part_arrives(pool),
            Event::Repaired { job } => self.on_repaired(job as usize),
            Event::SpareArrives { site, pool } => self.on_spare_arrives(site as usize, pool as usize),
            Event::Maintenance { maintenance } => self.on_maintenance(maintenance as usize),
            Event::PowerCap { cap } => self.on_power_cap(cap as usize),
            Event::UnitFails { generator } => self.on_unit_fails(generator as usize),
            Event::UnitsRepaired { generator, units } => self.on_units_repaired(generator as usize, units),
            Event::BlackStart { bus, version } => self.on_black_start(bus as usize, version),
            Event::Reclose => self.on_reclose(),
            Event::CutOver { seq } => self.on_cut_over(seq),
            Event::TurnOver { bus } => self.on_turn_over(bus as usize),
            Event::LineFails { line } => self.on_line_fails(line as usize),
            Event::LineBack { line } => self.on_line_back(line as usize),
            Event::BusBack { bus } => self.on_bus_back(bus as usize),
            Event::LinkFails { link } => self.on_link_fails(link as usize),
            Event::LinkBack { link } => self.on_link_back(link as usize),
            Event::LinkState { chain, version } => self.on_link_state(chain as usize, version),
            Event::FacilityFails { facility } => self.on_facility_fails(facility as usize),
            Event::FacilityBack { facility } => self.on_facility_back(facility as usize),
            Event::GraceOver { claim, version } => self.on_grace_over(claim as usize, version),
            Event::SiteFails { site } => self.on_site_fails(site as usize),
            Event::SiteBack { site } => self.on_site_back(site as usize),
            Event::PowerTimer { site, version } => self.on_power_timer(site as usize, version),
            Event::Refuelled { site } => self.on_refuelled(site as usize),
            Event::Restarted { site, version } => self.on_restarted(site as usize, version),
            Event::Restored { site } => self.on_restored(site as usize),
            Event::IntrusionEnds { intrusion } => self.on_intrusion_ends(intrusion as usize),
            Event::Assessed { attack } => self.on_assessed(attack as usize),
            Event::WorkDone { hazard, version } => self.on_work_done(hazard as usize, version),
            Event::FacilityRestored { facility } => self.release_facility(facility as usize),
            Event::PoolBack { pool } => self.on_pool_back(pool as usize),
            Event::CopyAges => self.dirty.data = true,
            Event::Failover => self.dirty.services = true,
            Event::Legal => {
                self.dirty.evacuations = true;
                self.on_legal();
            }
            Event::LawChanges => self.law_changes(),
            Event::SpellActs { spell } => self.on_spell_acts(spell),
            Event::SpellEnds { spell } => self.on_spell_ends(spell),
            Event::EvacuationOrder { evacuation } => self.on_evacuation_order(evacuation as usize),
            Event::EvacuationStep { version } => self.on_evacuation_step(version),
            Event::DeviceStep { evacuation, device, version } => self.on_device(evacuation as usize, device as usize, version),
            Event::CampaignStart { campaign } => self.on_campaign_start(campaign as usize),
            Event::CampaignDone { campaign } => self.on_campaign_done(campaign as usize),
            Event::PlannedStop { campaign } => self.on_planned_stop(campaign as usize),
            Event::CheckpointCopy { gang, store } => self.on_checkpoint_copy(gang as usize, store),
            Event::CheckpointCopied { gang, store } => self.on_checkpoint_copied(gang as usize, store),
            Event::SeekPlace { gang } => self.on_seek_place(gang as usize),
            Event::FaultFound { gang } => self.on_fault_found(gang as usize),
            Event::StragglerOver { gang } => self.on_straggler_over(gang as usize),
            Event::Copied { dataset, replica } => self.on_copied(dataset as usize, replica as usize),
            Event::SpikeBegins { spike } => self.on_spike_begins(spike as usize),
            Event::SpikeStep { place } => self.on_spike_step(place as usize),
            Event::Replicas { choice } => self.on_replicas(choice as usize),
            Event::BacklogEmpty { queue, version } => self.on_backlog_empty(queue as usize, version),
            Event::Hazard { hazard, target } => self.on_hazard(hazard as usize, target as usize),
        }
    }

    /// The clock of series strikes: demand, weather, availability.
    fn on_hour(&mut self) {
        let step = Duration::from_h(1.0);
        self.hour = (self.now.as_hours() + 0.5) as usize;
        if self.now + step < self.setup.end {
            self.queue.schedule(self.now + step, CLASS_HOUR, Event::Hour);
        }
        self.integrate_grid();
        self.weather();
        self.power_caps_of_the_hour();
        self.services_hour();
        self.grid_hour();
    }

    /// Solves again what the events of this moment touched.
    fn settle(&mut self) {
        // A stop of a site for lack of power touches services and data, never the grid; so this ends after two rounds.
        let mut paths = false;
        while self.dirty.any() || self.relocate() {
            if std::mem::take(&mut self.dirty.network) {
                self.solve_paths();
                paths = true;
                self.partitions_changed();
                self.paths_changed();
                self.dirty.claims = true;
                self.dirty.data = true;
                self.dirty.services = true;
            }
            if std::mem::take(&mut self.dirty.claims) {
                self.refresh_claims();
            }
            if std::mem::take(&mut self.dirty.data) {
                self.refresh_data();
                self.dirty.evacuations = true;
            }
            if std::mem::take(&mut self.dirty.evacuations) {
                self.go_on_evacuating();
            }
            if std::mem::take(&mut self.dirty.services) {
                self.allocate();
                // Exchanges take what services leave of new paths.
                if std::mem::take(&mut paths) && self.setup.any_traffic {
                    self.paths_changed();
                }
            }
            if std::mem::take(&mut self.dirty.batch) {
                self.allocate_batch_alone();
            }
            if std::mem::take(&mut self.dirty.needs) && !self.dirty.grid {
                self.dirty.grid = self.needs_changed();
            }
            if std::mem::take(&mut self.dirty.grid) {
                self.dispatch();
            }
        }
    }

    pub(crate) fn stream(&self, key: u64) -> Stream {
        Stream::new(self.seed, self.replication, key)
    }
}
