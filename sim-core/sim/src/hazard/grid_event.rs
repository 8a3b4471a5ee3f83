//! Blackouts, heat, stops of fuel, common causes of failures to start.
//!
//! Whether a window of heat, of a stop of fuel or of a common cause comes in a history is one draw of the hazard at the start, whatever the plan.

use bastide_model::model::{HazardKind, Model, Target};
use bastide_units::Time;

use crate::setup::Setup;
use crate::world::{CLASS_FAILURE, Event, World};

/// What heat takes and adds, all heatwaves together.
pub(crate) struct Heat {
    /// By site [degrees].
    pub degrees: Vec<f64>,
    /// Share of its capacity that is left, by generator class and by line.
    pub generators: Vec<f64>,
    pub lines: Vec<f64>,
    /// The heatwave that a site has, for causes.
    pub seq: Vec<Option<u64>>,
    /// Events of the heatwaves under way, by hazard.
    waves: Vec<Option<u64>>,
}

impl Heat {
    pub(crate) fn new(setup: &Setup) -> Self {
        let model = setup.model;
        Self {
            degrees: vec![0.0; model.sites.len()],
            generators: vec![1.0; model.generators.len()],
            lines: vec![1.0; model.lines.len()],
            seq: vec![None; model.sites.len()],
            waves: vec![None; model.hazards.len()],
        }
    }

    fn sum_up(&mut self, model: &Model) {
        self.degrees.fill(0.0);
        self.generators.fill(1.0);
        self.lines.fill(1.0);
        self.seq.fill(None);
        for (hazard, wave) in model.hazards.iter().zip(&self.waves) {
            let (HazardKind::Heatwave { sites, degrees, targets, derating, .. }, Some(seq)) = (&hazard.kind, wave) else { continue };
            for site in sites {
                self.degrees[site.index()] += degrees;
                self.seq[site.index()] = Some(*seq);
            }
            for target in targets {
                match target {
                    Target::Generator(id) => self.generators[id.index()] *= 1.0 - derating,
                    Target::Line(id) => self.lines[id.index()] *= 1.0 - derating,
                    _ => {}
                }
            }
        }
    }
}

/// The probability that a window comes, and the window itself; `None` for other hazards.
fn window(kind: &HazardKind) -> Option<(f64, Time, Time)> {
    match kind {
        HazardKind::Heatwave { probability, from, until, .. }
        | HazardKind::FuelBlock { probability, from, until, .. }
        | HazardKind::GeneratorFailure { probability, from, until, .. } => Some((*probability, *from, *until)),
        _ => None,
    }
}

/// Schedules both ends of a window, if it comes; says whether it does.
pub(super) fn begin(world: &mut World, hazard: usize, whole: &mut bastide_engine::Stream) -> bool {
    let Some((probability, from, until)) = window(&world.setup.model.hazards[hazard].kind) else { return false };
    let present = whole.bernoulli(probability);
    if present {
        for (end, time) in [from, until].into_iter().enumerate() {
            if time < world.setup.end {
                world.queue.schedule(time, CLASS_FAILURE, Event::Hazard { hazard: hazard as u32, target: end as u32 });
            }
        }
    }
    present
}

impl World<'_> {
    pub(super) fn black_out_buses(&mut self, hazard: usize) {
        let model = self.setup.model;
        let HazardKind::Blackout { buses, .. } = &model.hazards[hazard].kind else { return };
        let seq = self.recorder.event(self.now, "blackout", "hazard", hazard, buses.len() as f64, "buses", None);
        for bus in buses {
            self.black_out(bus.index(), Some(seq), "hazard");
        }
    }

    /// Either end of a window.
    pub(super) fn window_turns(&mut self, hazard: usize, end: usize) {
        let model = self.setup.model;
        let (begins, over, concerned) = match &model.hazards[hazard].kind {
            HazardKind::Heatwave { degrees, .. } => ("heatwave", "heatwave-over", *degrees),
            HazardKind::FuelBlock { sites, .. } => ("fuel-block", "fuel-block-over", sites.len() as f64),
            HazardKind::GeneratorFailure { sites, .. } => ("generators-unfit", "generators-fit", sites.len() as f64),
            _ => return,
        };
        let began = self.hazards[hazard].seq;
        let kind = if end == 0 { begins } else { over };
        let seq = self.recorder.event(self.now, kind, "hazard", hazard, concerned, "", began);
        self.hazards[hazard].seq = Some(seq);
        if matches!(model.hazards[hazard].kind, HazardKind::Heatwave { .. }) {
            self.heat.waves[hazard] = (end == 0).then_some(seq);
            self.heat.sum_up(model);
            self.weather();
            self.derate_grid();
        }
    }

    /// Until when no fuel comes to a site; `None` if it does.
    pub(crate) fn fuel_blocked(&self, site: usize) -> Option<(Time, Option<u64>)> {
        let blocks = self.setup.model.hazards.iter().zip(&self.hazards).filter_map(|(hazard, state)| {
            let HazardKind::FuelBlock { sites, from, until, .. } = &hazard.kind else { return None };
            let holds = state.present && *from <= self.now && self.now < *until && sites.iter().any(|id| id.index() == site);
            holds.then_some((*until, state.seq))
        });
        blocks.max_by_key(|(until, _)| *until)
    }

    /// Probability that the generators of a site start when called now, and whether a common cause has lowered it.
    pub(crate) fn start_probability(&self, site: usize) -> (f64, bool) {
        let place = &self.setup.model.sites[site];
        let mut probability = place.generator_start;
        for (hazard, state) in self.setup.model.hazards.iter().zip(&self.hazards) {
            let HazardKind::GeneratorFailure { sites, start, from, until, .. } = &hazard.kind else { continue };
            if state.present && *from <= self.now && self.now < *until && sites.iter().any(|id| id.index() == site) {
                probability = probability.min(place.supply.common_start.unwrap_or(*start));
            }
        }
        (probability, probability < place.generator_start)
    }
}
