//! Deliveries and spare parts: what comes when it is due, what is held, what never comes.

use bastide_model::model::{Disruption, DisruptionKind};
use bastide_units::{Duration, Time};

use super::super::ledger::annuity;
use super::super::{CLASS_RETURN, Event, World};
use super::of;

/// A delivery that a disruption keeps back.
pub(crate) struct HeldDelivery {
    spell: u32,
    pool: usize,
    nodes: u32,
    bought: bool,
    /// When a roadmap wants them to work.
    energise: Option<Time>,
}

/// A spare part that a disruption keeps back.
pub(crate) struct HeldPart {
    spell: u32,
    /// What happens when it comes.
    arrives: Event,
}

impl World<'_> {
    /// How many of the nodes that are due come.
    pub(in crate::world) fn admit(&mut self, pool: usize, nodes: u32, bought: bool, energise: Option<Time>) -> u32 {
        let model = self.setup.model;
        if self.supply.spells.is_empty() {
            return nodes;
        }
        let (site, accelerator) = (self.setup.pools[pool].site, self.setup.pools[pool].accelerator);
        if let Some((spell, seq)) = self.stopping(site, accelerator, false) {
            self.hold(HeldDelivery { spell, pool, nodes, bought, energise }, true, seq);
            return 0;
        }
        // Of several caps the one with the least room counts.
        let per_node = self.setup.pools[pool].per_node;
        let mut least: Option<(u32, usize, bool)> = None;
        let mut accounts = Vec::new();
        for (at, spell) in self.supply.spells.iter().enumerate() {
            let Some(Disruption { effect: DisruptionKind::ExportCap { accelerators, nation, cap, waits }, .. }) = of(model, spell.hazard)
            else {
                continue;
            };
            if *nation == model.sites[site].nation && accelerators.iter().any(|id| id.index() == accelerator) {
                let room = ((f64::from(*cap) - spell.admitted[accelerator]) / per_node + 1e-9).max(0.0) as u32;
                accounts.push(at);
                if least.is_none_or(|(known, ..)| room < known) {
                    least = Some((room, at, *waits));
                }
            }
        }
        let mut comes = nodes;
        if let Some((room, at, waits)) = least
            && room < nodes
        {
            comes = room;
            let (number, seq) = (self.supply.spells[at].number, self.supply.spells[at].seq);
            self.hold(HeldDelivery { spell: number, pool, nodes: nodes - room, bought, energise }, waits, seq);
        }
        for at in accounts {
            self.supply.spells[at].admitted[accelerator] += f64::from(comes) * per_node;
        }
        if bought {
            self.pay_more(pool, comes);
        }
        comes
    }

    /// A disruption that lets nothing of a type through to a site, deliveries or parts: its number and event.
    fn stopping(&self, site: usize, accelerator: usize, parts: bool) -> Option<(u32, u64)> {
        let stops = |effect: &DisruptionKind| match effect {
            DisruptionKind::DeliveryStop { accelerators, .. } => !parts && accelerators.iter().any(|id| id.index() == accelerator),
            DisruptionKind::SparesStop { accelerators, sites, .. } => {
                parts && accelerators.iter().any(|id| id.index() == accelerator) && sites.iter().any(|id| id.index() == site)
            }
            DisruptionKind::Sanction { accelerators, sites, .. } => {
                accelerators.iter().any(|id| id.index() == accelerator) || sites.iter().any(|id| id.index() == site)
            }
            _ => false,
        };
        let spells = self.supply.spells.iter().filter(|spell| of(self.setup.model, spell.hazard).is_some_and(|it| stops(&it.effect)));
        // The one that holds it longest; of those, the first.
        spells.max_by_key(|spell| (spell.until, std::cmp::Reverse(spell.number))).map(|spell| (spell.number, spell.seq))
    }

    /// The newest event for which a site gets no spare parts.
    pub(in crate::world) fn parts_cause(&self, site: usize) -> Option<u64> {
        self.setup.site_pools[site]
            .clone()
            .filter_map(|pool| self.stopping(site, self.setup.pools[pool].accelerator, true))
            .map(|it| it.1)
            .max()
    }

    fn hold(&mut self, held: HeldDelivery, waits: bool, cause: u64) {
        let (pool, nodes) = (held.pool, held.nodes);
        let kind = if waits { "delivery-held" } else { "delivery-refused" };
        let count = f64::from(nodes) * self.setup.pools[pool].per_node;
        let seq = self.recorder.event(self.now, kind, "fleet", self.setup.pools[pool].site, count, "accelerators", Some(cause));
        self.fleet.pools[pool].late = Some(seq);
        if waits {
            self.supply.deliveries.push(held);
        }
    }

    /// Accelerators that come while prices are up are paid at that price.
    fn pay_more(&mut self, pool: usize, nodes: u32) {
        let (setup, model) = (self.setup, self.setup.model);
        let pool = &setup.pools[pool];
        let mut factor = 1.0;
        for spell in &self.supply.spells {
            if let Some(Disruption { effect: DisruptionKind::PriceShock { accelerator, accelerators, .. }, .. }) = of(model, spell.hazard)
                && accelerators.iter().any(|id| id.index() == pool.accelerator)
            {
                factor *= accelerator;
            }
        }
        if factor != 1.0 {
            let kind = &model.accelerators[pool.accelerator];
            let price = f64::from(nodes) * pool.per_node * kind.price.as_eur();
            self.supply.extra_yearly_eur += price * (factor - 1.0) * annuity(model.planning.discount_rate, kind.lifetime.as_y());
        }
    }

    /// Whether a spare part that is due is kept back.
    pub(in crate::world) fn part_is_held(&mut self, site: usize, pool: usize) -> bool {
        if self.supply.spells.is_empty() {
            return false;
        }
        let Some((spell, _)) = self.stopping(site, self.setup.pools[pool].accelerator, true) else { return false };
        self.supply.parts.push(HeldPart { spell, arrives: Event::SpareArrives { site: site as u32, pool: pool as u32 } });
        true
    }

    /// Whether a spare part that is due at a repair pool is kept back.
    pub(in crate::world) fn pool_part_is_held(&mut self, pool: usize) -> bool {
        let model = self.setup.model;
        let stops = |hazard: usize| match of(model, hazard).map(|it| &it.effect) {
            Some(DisruptionKind::SparesStop { repair_pools, .. }) => repair_pools.contains(&pool),
            _ => false,
        };
        let spells = self.supply.spells.iter().filter(|spell| stops(spell.hazard));
        // The one that holds it longest; of those, the first.
        let Some(spell) = spells.max_by_key(|spell| (spell.until, std::cmp::Reverse(spell.number))).map(|spell| spell.number) else {
            return false;
        };
        self.supply.parts.push(HeldPart { spell, arrives: Event::PartArrives { pool: pool as u32 } });
        true
    }

    /// What a disruption held is due again.
    pub(super) fn release(&mut self, number: u32, backlog: Option<Duration>, seq: u64) {
        let time = self.now + backlog.unwrap_or(Duration::ZERO);
        for at in 0..self.supply.deliveries.len() {
            let held = &self.supply.deliveries[at];
            if held.spell == number {
                let (pool, nodes) = (held.pool as u32, held.nodes);
                let event = match held.energise {
                    Some(energise) => Event::Delivered { pool, nodes, energise },
                    None => Event::Energised { pool, nodes, bought: held.bought },
                };
                self.fleet.pools[held.pool].late = Some(seq);
                self.queue.schedule(time, CLASS_RETURN, event);
            }
        }
        self.supply.deliveries.retain(|held| held.spell != number);
        for part in self.supply.parts.iter().filter(|part| part.spell == number) {
            self.queue.schedule(self.now, CLASS_RETURN, part.arrives);
        }
        self.supply.parts.retain(|part| part.spell != number);
    }
}
