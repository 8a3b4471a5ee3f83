//! Processes that make events, one file for each kind.
//!
//! Every draw belongs to the hazard and, where one is concerned, to its target: an outage of `site.riga` is the same in every
//! plan and in every scenario with that hazard and that site, whatever else is there.

mod cable;
pub(crate) mod common_mode;
pub(crate) mod cyber;
mod disruption;
pub(crate) mod grid_event;
mod link_state;
mod outage;
mod strike;
pub(crate) mod supply;

pub(crate) use strike::size;

use bastide_engine::{Stream, stream_key};
use bastide_model::model::{HazardKind, Target, Timing};
use bastide_units::{Duration, Time};

pub(crate) use link_state::Chain;

use crate::setup::target_name;
use crate::world::{CLASS_FAILURE, Event, World};

/// Streams of one hazard.
pub(crate) struct HazardState {
    /// When it happens.
    times: Stream,
    /// One for each target, segment or duct, in the order of the hazard.
    targets: Vec<Stream>,
    /// Draws of the event as a whole.
    whole: Stream,
    /// What a strike campaign remembers.
    strike: strike::StrikeState,
    /// Names of ducts, for cable cuts, with their links.
    ducts: Vec<Vec<usize>>,
    /// Of wipers.
    pub attack: Option<Box<cyber::Draws>>,
    /// Of common-mode exploits.
    exploit: Option<common_mode::Draws>,
    /// Whether a window comes in this history.
    present: bool,
    /// The last event of a window.
    seq: Option<u64>,
    /// First chain of states, for degraded links.
    first_chain: usize,
}

/// Schedules the first event of each hazard.
pub(crate) fn begin(world: &mut World) -> Vec<HazardState> {
    let model = world.setup.model;
    let mut states = Vec::with_capacity(model.hazards.len());
    for (at, hazard) in model.hazards.iter().enumerate() {
        let name = format!("hazard.{}", hazard.entity.name);
        let stream = |purpose: &str| world.stream(stream_key(&name, purpose));
        let of_targets = |targets: &[Target]| targets.iter().map(|target| stream(&target_name(model, *target))).collect();
        let (mut ducts, mut first_chain) = (Vec::new(), 0);
        let targets: Vec<Stream> = match &hazard.kind {
            HazardKind::RandomOutage { targets, .. } | HazardKind::StrikeCampaign { targets, .. } => of_targets(targets),
            HazardKind::Wiper { segments, .. } => {
                segments.iter().map(|id| stream(&format!("segment.{}", model.segments[id.index()]))).collect()
            }
            HazardKind::CableCut { targets, .. } => {
                let names;
                (names, ducts) = cable::ducts(model, targets);
                names.iter().map(|duct| stream(&format!("duct.{duct}"))).collect()
            }
            HazardKind::DegradedLinks { targets, .. } => {
                let (names, links) = cable::ducts(model, targets);
                first_chain = link_state::begin(world, at, &names, links);
                let stream = |purpose: &str| world.stream(stream_key(&name, purpose));
                names.iter().map(|duct| stream(&format!("duct.{duct}"))).collect()
            }
            HazardKind::Disruption(it) => disruption::targets(model, it, &stream),
            HazardKind::CommonMode(_)
            | HazardKind::SupplyDelay { .. }
            | HazardKind::Blackout { .. }
            | HazardKind::Heatwave { .. }
            | HazardKind::FuelBlock { .. }
            | HazardKind::GeneratorFailure { .. } => Vec::new(),
        };
        let stream = |purpose: &str| world.stream(stream_key(&name, purpose));
        let (mut attack, mut exploit) = (None, None);
        match &hazard.kind {
            HazardKind::Wiper { segments, .. } => attack = Some(Box::new(cyber::Draws::new(model, segments, &stream))),
            HazardKind::CommonMode(it) => exploit = Some(common_mode::Draws::new(model, it, &stream)),
            _ => {}
        }
        let strike = match &hazard.kind {
            HazardKind::StrikeCampaign { targets, .. } => strike::StrikeState::new(model, stream("munitions"), targets),
            _ => strike::StrikeState::new(model, stream("munitions"), &[]),
        };
        let mut state = HazardState {
            times: stream("times"),
            targets,
            whole: stream("whole"),
            strike,
            ducts,
            attack,
            exploit,
            present: false,
            seq: None,
            first_chain,
        };
        match &hazard.kind {
            HazardKind::RandomOutage { timing, .. } => {
                for target in 0..state.targets.len() {
                    let first = first(*timing, &mut state.targets[target]);
                    schedule(world, at, target, first, *timing);
                }
            }
            HazardKind::StrikeCampaign { timing, .. }
            | HazardKind::Wiper { timing, .. }
            | HazardKind::CableCut { timing, .. }
            | HazardKind::Blackout { timing, .. } => {
                let first = first(*timing, &mut state.times);
                schedule(world, at, 0, first, *timing);
            }
            HazardKind::DegradedLinks { timing: Some(timing), .. } => {
                for duct in 0..state.targets.len() {
                    let first = first(*timing, &mut state.targets[duct]);
                    schedule(world, at, duct, first, *timing);
                }
            }
            HazardKind::CommonMode(it) => {
                let first = first(it.timing, &mut state.times);
                schedule(world, at, 0, first, it.timing);
            }
            HazardKind::Heatwave { .. } | HazardKind::FuelBlock { .. } | HazardKind::GeneratorFailure { .. } => {
                state.present = grid_event::begin(world, at, &mut state.whole);
            }
            HazardKind::DegradedLinks { timing: None, .. } => {}
            HazardKind::Disruption(it) => {
                let first = first(it.timing, &mut state.times);
                schedule(world, at, 0, first, it.timing);
            }
            HazardKind::SupplyDelay { .. } => {}
        }
        states.push(state);
    }
    states
}

pub(crate) fn first(timing: Timing, stream: &mut Stream) -> Time {
    match timing {
        Timing::At(time) => time,
        Timing::Rate { rate, from, .. } => next(from, rate.as_per_s(), stream),
    }
}

pub(crate) fn next(from: Time, rate: f64, stream: &mut Stream) -> Time {
    if rate > 0.0 { from + Duration::from_s(stream.exponential(1.0 / rate)) } else { Time::NEVER }
}

fn schedule(world: &mut World, hazard: usize, target: usize, time: Time, timing: Timing) {
    let until = if let Timing::Rate { until, .. } = timing { until } else { Time::NEVER };
    if time <= until && time < world.setup.end {
        world.first_of_hazard[hazard] = world.first_of_hazard[hazard].min(time);
        world.queue.schedule(time, CLASS_FAILURE, Event::Hazard { hazard: hazard as u32, target: target as u32 });
    }
}

impl World<'_> {
    pub(crate) fn on_hazard(&mut self, hazard: usize, target: usize) {
        let model = self.setup.model;
        let timing = match &model.hazards[hazard].kind {
            HazardKind::RandomOutage { targets, timing, repair, units } => {
                self.random_outage(hazard, target, targets[target], repair, *units);
                *timing
            }
            HazardKind::StrikeCampaign { timing, .. } => {
                self.salvo(hazard);
                *timing
            }
            HazardKind::Wiper { timing, .. } => {
                self.wiper(hazard);
                *timing
            }
            HazardKind::CommonMode(it) => {
                self.common_mode(hazard);
                it.timing
            }
            HazardKind::CableCut { timing, cuts, repair, .. } => {
                self.cable_cut(hazard, *cuts, repair);
                *timing
            }
            HazardKind::DegradedLinks { timing: Some(timing), .. } => {
                self.degrade(hazard, self.hazards[hazard].first_chain + target);
                *timing
            }
            HazardKind::Blackout { timing, .. } => {
                self.black_out_buses(hazard);
                *timing
            }
            HazardKind::Heatwave { .. } | HazardKind::FuelBlock { .. } | HazardKind::GeneratorFailure { .. } => {
                self.window_turns(hazard, target);
                return;
            }
            HazardKind::DegradedLinks { timing: None, .. } => return,
            HazardKind::Disruption(it) => {
                self.disruption(hazard, it);
                it.timing
            }
            HazardKind::SupplyDelay { .. } => return,
        };
        if let Timing::Rate { rate, .. } = timing {
            let state = &mut self.hazards[hazard];
            let own = matches!(model.hazards[hazard].kind, HazardKind::RandomOutage { .. } | HazardKind::DegradedLinks { .. });
            let stream = if own { &mut state.targets[target] } else { &mut state.times };
            let again = next(self.now, rate.as_per_s(), stream);
            schedule(self, hazard, target, again, timing);
        }
    }

    /// Takes a target out; nothing happens to a site that is not there.
    pub(crate) fn target_out(&mut self, target: Target, until: Time, cause: u64, note: &'static str) {
        match target {
            Target::Site(id) => {
                if self.setup.built[id.index()] {
                    self.site_out(id.index(), until, Some(cause), note);
                }
            }
            Target::Line(id) => self.line_out(id.index(), until, Some(cause), note),
            Target::Generator(id) => self.unit_out(id.index(), until, Some(cause), note),
            Target::Bus(id) => self.bus_out(id.index(), until, Some(cause), note),
            Target::Link(id) => self.link_out(id.index(), until, Some(cause), note),
            Target::Facility(id) => self.facility_out(id.index(), until, Some(cause), note),
        }
    }
}
