//! Disruptions of supply, markets and law: when they begin and how long they last. What they do meanwhile is in `world/supply` and
//! `world/law`.
//!
//! An occurrence draws whether it comes true, how long it lasts and how long what it brings takes, in this order and whatever the plan is.

use bastide_engine::{Distribution, Stream};
use bastide_model::model::{Disruption, DisruptionKind, Model};
use bastide_units::{Duration, Time};

use crate::world::World;
use crate::world::supply::Spell;

/// Streams of the things that a disruption draws for one by one: sites of operators, services of a model.
pub(super) fn targets(model: &Model, it: &Disruption, stream: &dyn Fn(&str) -> Stream) -> Vec<Stream> {
    match &it.effect {
        DisruptionKind::OperatorWithdrawal { sites, .. } => {
            sites.iter().map(|id| stream(&format!("site.{}", model.sites[*id].entity.name))).collect()
        }
        DisruptionKind::ModelChange { services, .. } => {
            services.iter().map(|id| stream(&format!("service.{}", model.services[*id].entity.name))).collect()
        }
        _ => Vec::new(),
    }
}

fn draw(distribution: Option<&Distribution>, stream: &mut Stream) -> Option<Duration> {
    distribution.map(|it| Duration::from_s(it.sample(stream).max(0.0)))
}

impl World<'_> {
    pub(super) fn disruption(&mut self, hazard: usize, it: &Disruption) {
        let state = &mut self.hazards[hazard];
        let comes = state.whole.bernoulli(it.probability);
        let lasts = draw(it.lasts.as_ref(), &mut state.whole);
        let later = match &it.effect {
            DisruptionKind::DeliveryStop { backlog, .. } => Some(backlog),
            DisruptionKind::Sanction { licences, .. } => licences.as_ref(),
            DisruptionKind::OperatorWithdrawal { notice, .. } | DisruptionKind::MemberExit { notice, .. } => Some(notice),
            _ => None,
        };
        let later = draw(later, &mut state.whole);
        let of_targets = match &it.effect {
            DisruptionKind::OperatorWithdrawal { handover, .. } => handover.as_ref(),
            DisruptionKind::ModelChange { requalification, .. } => requalification.as_ref(),
            _ => None,
        };
        let each: Vec<Option<Duration>> = state.targets.iter_mut().map(|stream| draw(of_targets, stream)).collect();
        if !comes {
            return;
        }
        let (now, end) = (self.now, self.setup.end);
        let until = lasts.map_or(Time::NEVER, |lasts| now + lasts);
        let days = until.min(end).since(now).as_h() / 24.0;
        let seq = self.recorder.event(now, it.effect.name(), "hazard", hazard, days, "days", None);
        self.begin_spell(Spell::new(hazard, seq, until, later, each, self.setup.model.accelerators.len()));
    }
}
