//! Salvos of missiles or drones.
//!
//! Each munition is intercepted or not by itself, and aims by itself: at a target drawn in proportion to its weight, by a race of
//! exponential clocks, one for each target (the exponential race of Efraimidis and Spirakis 2006). Each clock belongs to its
//! target; so two plans that share targets see the same munitions go to the same places unless one of them offers a better mark.

use bastide_model::model::{Aim, HazardKind, Model, Target};

use crate::setup::Setup;
use crate::world::World;

/// Announced size: planned IT power of sites, capacity of lines, of all units of a class and of the lines at a bus \[MW\]. Links have none.
pub(crate) fn size(setup: &Setup, target: Target) -> f64 {
    let model = setup.model;
    match target {
        Target::Site(id) => setup.it_mw[id.index()],
        Target::Line(id) => model.lines[id].capacity.max(model.lines[id].reverse_capacity).as_mw(),
        Target::Generator(id) => model.generators[id].capacity.as_mw(),
        Target::Bus(id) => {
            let lines = model.lines.iter().filter(|line| line.from == id || line.to == id);
            lines.map(|line| line.capacity.max(line.reverse_capacity).as_mw()).sum()
        }
        Target::Link(_) | Target::Facility(_) => 0.0,
    }
}

fn hardening(model: &Model, target: Target) -> usize {
    match target {
        Target::Site(id) => model.sites[id].hardening as usize,
        Target::Facility(id) => model.facilities[id].hardening as usize,
        _ => 0,
    }
}

impl World<'_> {
    pub(super) fn salvo(&mut self, hazard: usize) {
        let setup = self.setup;
        let HazardKind::StrikeCampaign { targets, munitions, interception, aim, damage, repair, nodes_destroyed, .. } =
            &setup.model.hazards[hazard].kind
        else {
            return;
        };
        let present = |target: &Target| !matches!(target, Target::Site(id) if !setup.built[id.index()]);
        let total: f64 = targets.iter().filter(|target| present(target)).map(|target| size(setup, *target)).sum();
        // Sizes decide unless nobody has one.
        let by_size = *aim == Aim::Value && total > 0.0;
        let mut seq = None;
        let mut leaking = 0;
        for _ in 0..*munitions {
            let leaks = !self.hazards[hazard].whole.bernoulli(*interception);
            let mut first = (f64::INFINITY, None);
            for (place, target) in targets.iter().enumerate() {
                // Drawn for every target, so that munition n meets the same clocks in every plan.
                let clock = self.hazards[hazard].targets[place].exponential(1.0);
                let weight = if by_size { size(setup, *target) } else { 1.0 };
                if present(target) && weight > 0.0 && clock / weight < first.0 {
                    first = (clock / weight, Some(place));
                }
            }
            let (true, Some(place)) = (leaks, first.1) else { continue };
            leaking += 1;
            let target = targets[place];
            // The stream of the hit is its own, so that a hit here does not move the clock of the next munition.
            let stream = &mut self.hazards[hazard].targets[place];
            let mut hit = stream.member(stream.position());
            let damaged = hit.bernoulli(damage[hardening(setup.model, target)]);
            let repair_s = repair.sample(&mut hit);
            let burnt = hit.bernoulli(*nodes_destroyed);
            let salvo = match seq {
                Some(salvo) => salvo,
                None => self.recorder.event(self.now, "strike", "hazard", hazard, f64::from(*munitions), "munitions", None),
            };
            seq = Some(salvo);
            if !damaged {
                continue;
            }
            self.damage(target, repair_s, None, salvo, "strike");
            if let Target::Site(id) = target {
                self.destroy_nodes(id.index(), *nodes_destroyed);
                // Storage stands in the same halls: it burns with the probability that a node does.
                if burnt {
                    self.lose_replicas(id.index(), Some(salvo));
                }
            }
        }
        if leaking == 0 {
            self.recorder.event(self.now, "strike-intercepted", "hazard", hazard, f64::from(*munitions), "munitions", None);
        }
    }
}
