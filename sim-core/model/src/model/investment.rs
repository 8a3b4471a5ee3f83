//! What a plan may buy besides accelerators, and the scenario once it has.

use std::borrow::Cow;

use bastide_units::{Duration, Money, MoneyRate, Power, Quantity, Time, TokenRate};

use super::{AcceleratorId, Entity, Fleet, Hardening, InvestmentId, Model, ServiceId, SiteId};
use crate::plan::Plan;

/// An investment, contract or measure that a plan may choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Investment {
    /// Name.
    pub entity: Entity,
    /// Site that it changes; `None` for measures that belong to none.
    pub site: Option<SiteId>,
    /// How often it may be bought.
    pub most: u32,
    /// Capital, each time.
    pub cost: Money,
    /// Time over which the capital is paid off; `None` for the lifetime of buildings.
    pub lifetime: Option<Duration>,
    /// Yearly cost, each time.
    pub upkeep: MoneyRate,
    /// Investments without which it cannot be bought.
    pub requires: Vec<InvestmentId>,
    /// Investments that rule it out.
    pub excludes: Vec<InvestmentId>,
    /// What it does.
    pub effect: Improvement,
}

/// What an investment changes. Sums are for each time that it is bought; values replace those of the site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Improvement {
    /// Grid connection added.
    pub connection: Power,
    /// Room for IT power added.
    pub it_power: Power,
    /// Accelerators of a type added: second-hand, rented or under contract; `upkeep` is their price.
    pub accelerators: Option<(AcceleratorId, u32)>,
    /// Power usage effectiveness at or below `free_cooling`.
    pub pue: Option<f64>,
    /// Factor on the tokens that an accelerator serves of some services; above one.
    pub speedup: Option<(f64, Vec<ServiceId>)>,
    /// How long the UPS carries the load.
    pub ups: Option<Duration>,
    /// Probability that on-site generators start.
    pub generator_start: Option<f64>,
    /// How long the fuel lasts.
    pub fuel: Option<Duration>,
    /// How well the site withstands a hit.
    pub hardening: Option<Hardening>,
    /// Repairs of nodes at a time, added; nothing where there are any number.
    pub repair_crews: u32,
    /// Spare parts in stock at the start, added; nothing where there are any number.
    pub spares: u32,
}

impl Investment {
    /// Whether it adds accelerators of a type to a site.
    #[must_use]
    pub fn adds(&self, site: SiteId, kind: AcceleratorId) -> bool {
        self.site == Some(site) && self.effect.accelerators.is_some_and(|(it, _)| it == kind)
    }
}

impl Model {
    /// Whether two investments rule each other out: by their words, or because they would set the same PUE or speed up the same service.
    #[must_use]
    pub fn clash(&self, one: InvestmentId, other: InvestmentId) -> bool {
        let (a, b) = (&self.investments[one], &self.investments[other]);
        let words = a.excludes.contains(&other) || b.excludes.contains(&one);
        let pue = a.site == b.site && a.effect.pue.is_some() && b.effect.pue.is_some();
        let faster = |it: &Investment| it.effect.speedup.as_ref().map_or(&[] as &[ServiceId], |(_, services)| services).to_vec();
        let services = faster(b);
        words || pue || faster(a).iter().any(|service| services.contains(service))
    }

    /// The scenario as a plan's investments change it. Their effects are in it then; only what they cost is left of them.
    #[must_use]
    pub fn realised(&self, plan: &Plan) -> Cow<'_, Self> {
        if plan.investments.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut model = self.clone();
        for (id, times) in plan.investments.iter().filter(|(_, times)| *times > 0) {
            let effect = std::mem::take(&mut model.investments[id.index()].effect);
            model.apply(*id, &effect, *times);
        }
        Cow::Owned(model)
    }

    fn apply(&mut self, id: InvestmentId, effect: &Improvement, times: u32) {
        let factor = f64::from(times);
        if let Some((speedup, services)) = &effect.speedup {
            for service in services {
                for rate in &mut self.token_rate[service.index()] {
                    *rate = TokenRate::from_base(rate.base() * speedup);
                }
            }
        }
        let Some(site) = self.investments[id.index()].site else { return };
        if let Some((accelerator, count)) = effect.accelerators {
            let entity = self.investments[id.index()].entity.clone();
            let energised = Time::ZERO + self.planning.lead_time;
            self.fleets.push(Fleet { entity, site, accelerator, count: count.saturating_mul(times), energised, retired: Time::NEVER });
        }
        let place = &mut self.sites[site.index()];
        place.connection += effect.connection * factor;
        place.max_it_power += effect.it_power * factor;
        place.pue = effect.pue.map_or(place.pue, |pue| pue.min(place.pue));
        place.ups = effect.ups.map_or(place.ups, |ups| ups.max(place.ups));
        place.generator_start = effect.generator_start.map_or(place.generator_start, |start| start.max(place.generator_start));
        place.fuel = effect.fuel.map_or(place.fuel, |fuel| fuel.max(place.fuel));
        if let Some(hardening) = effect.hardening
            && hardening as u8 > place.hardening as u8
        {
            place.hardening = hardening;
        }
        if let Some(crews) = &mut place.repair_crews {
            *crews = crews.saturating_add(effect.repair_crews.saturating_mul(times));
        }
        if let Some((spares, _)) = &mut place.spares {
            *spares = spares.saturating_add(effect.spares.saturating_mul(times));
        }
    }
}
