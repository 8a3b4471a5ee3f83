//! Disruptions in force, and what waits for their end: deliveries, spare parts, prices, licences, operators, models.
//!
//! A delivery or a part is looked at when it is due. What a disruption keeps back is held until it ends, and is then due again; another
//! disruption may keep it back once more.

mod delivery;

use bastide_model::model::{Disruption, DisruptionKind, HazardKind, Model, ServiceId};
use bastide_units::{Duration, Time};

use super::{CLASS_RETURN, Event, World};
use delivery::{HeldDelivery, HeldPart};

/// A disruption in force.
#[derive(Clone, Debug)]
pub(crate) struct Spell {
    number: u32,
    pub hazard: usize,
    /// The event that announced it.
    pub seq: u64,
    until: Time,
    /// From now to what it brings (licences lapse, the operator leaves, the exit), or from its end to what it held (deliveries).
    later: Option<Duration>,
    /// Drawn for each of its sites or services.
    each: Vec<Option<Duration>>,
    /// Whether what it announced has come true, and the event.
    pub acting: Option<u64>,
    /// Accelerators of each type that an export cap let in.
    admitted: Vec<f64>,
    /// Services that are out for qualification, and until when.
    pub out: Vec<(ServiceId, Time)>,
}

impl Spell {
    pub(crate) fn new(
        hazard: usize,
        seq: u64,
        until: Time,
        later: Option<Duration>,
        each: Vec<Option<Duration>>,
        accelerators: usize,
    ) -> Self {
        Self { number: 0, hazard, seq, until, later, each, acting: None, admitted: vec![0.0; accelerators], out: Vec::new() }
    }
}

/// What disruptions change.
pub(crate) struct Supply {
    pub spells: Vec<Spell>,
    begun: u32,
    deliveries: Vec<HeldDelivery>,
    parts: Vec<HeldPart>,
    /// Factor on the price of energy at each bus.
    pub energy_factor: Vec<f64>,
    /// Yearly payments for accelerators above the planned price [EUR].
    pub extra_yearly_eur: f64,
}

impl Supply {
    pub(crate) fn new(model: &Model) -> Self {
        Self {
            spells: Vec::new(),
            begun: 0,
            deliveries: Vec::new(),
            parts: Vec::new(),
            energy_factor: vec![1.0; model.buses.len()],
            extra_yearly_eur: 0.0,
        }
    }
}

/// The disruption of a hazard; none where the hazard is of another kind, which no spell names.
pub(super) fn of(model: &Model, hazard: usize) -> Option<&Disruption> {
    if let HazardKind::Disruption(it) = &model.hazards[hazard].kind { Some(it) } else { None }
}

impl World<'_> {
    pub(crate) fn begin_spell(&mut self, mut spell: Spell) {
        let setup = self.setup;
        let Some(it) = of(setup.model, spell.hazard) else { return };
        spell.number = self.supply.begun;
        self.supply.begun += 1;
        let number = spell.number;
        match &it.effect {
            DisruptionKind::Sanction { .. } | DisruptionKind::OperatorWithdrawal { .. } | DisruptionKind::MemberExit { .. } => {
                if let Some(later) = spell.later {
                    self.queue.schedule(self.now + later, CLASS_RETURN, Event::SpellActs { spell: number });
                }
            }
            DisruptionKind::ModelChange { services, .. } => {
                for (id, time) in services.iter().zip(&spell.each) {
                    if let Some(time) = time.filter(|time| *time > Duration::ZERO) {
                        let until = (self.now + time).min(spell.until);
                        spell.out.push((*id, until));
                        self.queue.schedule(until, CLASS_RETURN, Event::LawChanges);
                    }
                }
            }
            _ => {}
        }
        if spell.until < setup.end {
            self.queue.schedule(spell.until, CLASS_RETURN, Event::SpellEnds { spell: number });
        }
        self.supply.spells.push(spell);
        self.spells_changed(&it.effect);
    }

    /// What a disruption announced comes true.
    pub(super) fn on_spell_acts(&mut self, number: u32) {
        let setup = self.setup;
        let Some(at) = self.supply.spells.iter().position(|spell| spell.number == number) else { return };
        let (hazard, seq) = (self.supply.spells[at].hazard, self.supply.spells[at].seq);
        let Some(it) = of(setup.model, hazard) else { return };
        let kind = match &it.effect {
            DisruptionKind::Sanction { .. } => "licences-lapse",
            DisruptionKind::OperatorWithdrawal { .. } => "operator-leaves",
            _ => "group-left",
        };
        let seq = self.recorder.event(self.now, kind, "hazard", hazard, 0.0, "", Some(seq));
        self.supply.spells[at].acting = Some(seq);
        if let DisruptionKind::OperatorWithdrawal { sites, .. } = &it.effect {
            let each = self.supply.spells[at].each.clone();
            for (id, handover) in sites.iter().zip(each) {
                if setup.built[id.index()] {
                    let until = handover.map_or(setup.end, |handover| self.now + handover);
                    self.site_out(id.index(), until, Some(seq), "operator left");
                }
            }
            // The sites are out now, each for its own time.
            self.supply.spells.remove(at);
            return;
        }
        self.spells_changed(&it.effect);
    }

    pub(super) fn on_spell_ends(&mut self, number: u32) {
        let Some(at) = self.supply.spells.iter().position(|spell| spell.number == number) else { return };
        let spell = self.supply.spells.remove(at);
        let Some(it) = of(self.setup.model, spell.hazard) else { return };
        let seq = self.recorder.event(self.now, "disruption-ends", "hazard", spell.hazard, 0.0, it.effect.name(), Some(spell.seq));
        self.release(number, if matches!(it.effect, DisruptionKind::DeliveryStop { .. }) { spell.later } else { None }, seq);
        self.spells_changed(&it.effect);
    }

    /// Takes over what the disruptions in force now mean for what one of them changes.
    fn spells_changed(&mut self, effect: &DisruptionKind) {
        match effect {
            DisruptionKind::PriceShock { .. } => self.refresh_prices(),
            DisruptionKind::Sanction { .. } => self.refresh_licences(),
            DisruptionKind::ModelChange { .. } => {
                self.refresh_pace();
                self.law_changes();
            }
            DisruptionKind::RuleChange { .. } | DisruptionKind::MemberExit { .. } | DisruptionKind::Suspension { .. } => self.law_changes(),
            _ => {}
        }
    }

    fn refresh_prices(&mut self) {
        self.integrate_grid();
        let model = self.setup.model;
        let mut factors = vec![1.0; model.buses.len()];
        for spell in &self.supply.spells {
            if let Some(Disruption { effect: DisruptionKind::PriceShock { energy, buses, .. }, .. }) = of(model, spell.hazard) {
                buses.iter().for_each(|bus| factors[bus.index()] *= energy);
            }
        }
        self.supply.energy_factor = factors;
        self.set_energy_prices();
    }

    /// Accelerators without licences stand still.
    fn refresh_licences(&mut self) {
        let setup = self.setup;
        for (at, pool) in setup.pools.iter().enumerate() {
            let lapsed = |spell: &Spell| {
                let Some(Disruption { effect: DisruptionKind::Sanction { accelerators, sites, .. }, .. }) = of(setup.model, spell.hazard)
                else {
                    return None;
                };
                let concerned =
                    accelerators.iter().any(|id| id.index() == pool.accelerator) || sites.iter().any(|id| id.index() == pool.site);
                spell.acting.filter(|_| concerned)
            };
            let seq = self.supply.spells.iter().filter_map(lapsed).max();
            if seq.is_some() != self.fleet.pools[at].unlicensed.is_some() {
                self.fleet.pools[at].unlicensed = seq;
                self.nodes_changed(at);
                self.dirty.services = true;
                self.dirty.needs = true;
            }
        }
    }

    /// Speed of each service by the models that it has now.
    fn refresh_pace(&mut self) {
        let model = self.setup.model;
        self.services.pace.fill(1.0);
        for spell in &self.supply.spells {
            if let Some(Disruption { effect: DisruptionKind::ModelChange { services, throughput, .. }, .. }) = of(model, spell.hazard) {
                services.iter().for_each(|id| self.services.pace[id.index()] *= throughput);
            }
        }
        self.dirty.services = true;
    }
}
