//! What the law allows now.
//!
//! The model's intervals hold as long as the law goes as planned. Where a history changes it (a rule comes or goes, a nation leaves a group,
//! a regulator or a new model stops a service), what is then forbidden, and what no longer is, lies over them.

use bastide_model::model::{Bar, Disruption, DisruptionKind, Model, SiteId, Thing};

use super::World;
use super::supply::of;

/// What differs from the law as planned; empty as long as nothing does.
#[derive(Default)]
pub(crate) struct LawState {
    /// Event that forbids a thing at a site: services, then campaigns, by `thing * sites + site`.
    bars: Vec<Option<u64>>,
    /// Whether a rule that would forbid it, and nothing else does, is not in force.
    open: Vec<bool>,
    /// The last event that changed each rule by its dates.
    dated: Vec<Option<u64>>,
}

fn place(model: &Model, thing: Thing, site: SiteId) -> usize {
    let row = match thing {
        Thing::Service(id) => id.index(),
        Thing::Campaign(id) => model.services.len() + id.index(),
    };
    row * model.sites.len() + site.index()
}

impl World<'_> {
    /// Whether the law lets a service run at a site now.
    #[inline]
    pub(super) fn may_serve(&self, service: usize, site: usize) -> bool {
        let planned = || self.setup.model.legal_service[service][site].at(self.now);
        if self.law.bars.is_empty() { planned() } else { self.may(service * self.sites.len() + site, planned) }
    }

    /// Whether the law lets a campaign run at a site now.
    #[inline]
    pub(super) fn may_train(&self, campaign: usize, site: usize) -> bool {
        let planned = || self.setup.model.legal_campaign[campaign][site].at(self.now);
        let row = self.setup.model.services.len() + campaign;
        if self.law.bars.is_empty() { planned() } else { self.may(row * self.sites.len() + site, planned) }
    }

    fn may(&self, place: usize, planned: impl FnOnce() -> bool) -> bool {
        self.law.bars[place].is_none() && (self.law.open[place] || planned())
    }

    /// The event by which the law forbids a service at a site.
    pub(super) fn law_cause(&self, service: usize, site: usize) -> Option<u64> {
        let thing = Thing::Service(bastide_model::model::ServiceId::from_index(service));
        self.cause_in_law(thing, site)
    }

    /// The event by which the law forbids a campaign at a site.
    pub(super) fn training_law_cause(&self, campaign: usize, site: usize) -> Option<u64> {
        let thing = Thing::Campaign(bastide_model::model::CampaignId::from_index(campaign));
        self.cause_in_law(thing, site)
    }

    fn cause_in_law(&self, thing: Thing, site: usize) -> Option<u64> {
        let (model, site) = (self.setup.model, SiteId::from_index(site));
        if let Some(Some(seq)) = self.law.bars.get(place(model, thing, site)) {
            return Some(*seq);
        }
        let rules = model.laws.iter().zip(&self.law.dated).filter(|(law, _)| law.bars.contains(&(thing, site)));
        rules.filter_map(|(_, seq)| *seq).max()
    }

    /// Rules come and go by their dates.
    pub(super) fn on_legal(&mut self) {
        let model = self.setup.model;
        self.law.dated.resize(model.laws.len(), None);
        for (at, law) in model.laws.iter().enumerate() {
            let kind = if law.from == self.now {
                "rule-begins"
            } else if law.until == self.now {
                "rule-ends"
            } else {
                continue;
            };
            let seq = self.recorder.event(self.now, kind, "rule", at, 0.0, "", None);
            self.law.dated[at] = Some(seq);
        }
        if self.law.bars.is_empty() {
            self.dirty.services = true;
        } else {
            self.law_changes();
        }
    }

    /// Works out again what differs from the law as planned.
    pub(super) fn law_changes(&mut self) {
        let model = self.setup.model;
        let size = (model.services.len() + model.campaigns.len()) * model.sites.len();
        let mut bars: Vec<Option<u64>> = vec![None; size];
        let mut open = vec![false; size];
        // What disruptions say of each rule; the latest counts.
        let mut said: Vec<Option<(bool, u64)>> = vec![None; model.laws.len()];
        for spell in &self.supply.spells {
            if let Some(Disruption { effect: DisruptionKind::RuleChange { rule, begins }, .. }) = of(model, spell.hazard)
                && let Some(law) = said.get_mut(rule.index())
            {
                *law = Some((*begins, spell.seq));
            }
        }
        let in_force =
            |at: usize| said[at].map_or(model.laws[at].from <= self.now && self.now < model.laws[at].until, |(begins, _)| begins);
        for (at, law) in model.laws.iter().enumerate() {
            let Some((begins, seq)) = said[at] else { continue };
            for &(thing, site) in &law.bars {
                let place = place(model, thing, site);
                if begins {
                    bars[place] = bars[place].max(Some(seq));
                } else {
                    let forbids = |other: usize| in_force(other) && model.laws[other].bars.contains(&(thing, site));
                    open[place] = !(0..model.laws.len()).any(forbids);
                }
            }
        }
        for spell in &self.supply.spells {
            match of(model, spell.hazard).map(|it| &it.effect) {
                Some(DisruptionKind::MemberExit { bars: exits, .. }) => {
                    let Some(seq) = spell.acting else { continue };
                    for Bar { rule, thing, site } in exits {
                        if rule.is_none_or(|rule| in_force(rule.index())) {
                            let place = place(model, *thing, *site);
                            bars[place] = bars[place].max(Some(seq));
                        }
                    }
                }
                Some(DisruptionKind::Suspension { services, nations }) => {
                    for (at, site) in model.sites.iter().enumerate() {
                        if nations.as_ref().is_none_or(|nations| nations.contains(&site.nation)) {
                            for id in services {
                                let place = place(model, Thing::Service(*id), SiteId::from_index(at));
                                bars[place] = bars[place].max(Some(spell.seq));
                            }
                        }
                    }
                }
                _ => {}
            }
            for (id, _) in spell.out.iter().filter(|(_, until)| self.now < *until) {
                for at in 0..model.sites.len() {
                    let place = place(model, Thing::Service(*id), SiteId::from_index(at));
                    bars[place] = bars[place].max(Some(spell.seq));
                }
            }
        }
        (self.law.bars, self.law.open) = (bars, open);
        self.dirty.services = true;
        self.dirty.evacuations = true;
    }
}
