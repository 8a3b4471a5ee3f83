//! Outages that a plan must survive: what is left of sites, types and reach in each of them.

use bastide_model::latencies_without;
use bastide_model::model::{AcceleratorId, Asset, AssetClass, BusId, LineId, LinkId, Model, ServiceId, SiteId, Tier};
use bastide_model::source::Span;

use crate::instance::near;

/// A state in which services are placed anew on what is left, and the least service of each tier must still be given. Campaigns of a lower
/// tier than all that must be served give way.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// Name for messages.
    pub name: String,
    /// Sites that are lost altogether.
    pub down_sites: Vec<SiteId>,
    /// Further sites, with the share of their accelerators that is lost, from 0 to 1.
    pub lost_share: Vec<(SiteId, f64)>,
    /// Types of which nothing is left.
    pub down_types: Vec<AcceleratorId>,
    /// Services that reach their users from a site no more.
    pub cut_off: Vec<(ServiceId, SiteId)>,
    /// Factor on the demand of each tier.
    pub demand_factor: [f64; 4],
    /// Least share of each tier's demand that must be served; `None` where nothing is asked.
    pub min_service: [Option<f64>; 4],
    /// Scenario line that asks for it, where there is one.
    pub span: Option<Span>,
}

impl Outage {
    /// An outage in which nothing is lost yet, and the least service of the scenario is asked.
    #[must_use]
    pub fn named(name: impl Into<String>, model: &Model) -> Self {
        Self {
            name: name.into(),
            down_sites: Vec::new(),
            lost_share: Vec::new(),
            down_types: Vec::new(),
            cut_off: Vec::new(),
            demand_factor: [1.0; 4],
            min_service: model.planning.min_service,
            span: None,
        }
    }

    /// Share of a site's accelerators that is left.
    #[must_use]
    pub fn left(&self, site: SiteId) -> f64 {
        if self.down_sites.contains(&site) {
            return 0.0;
        }
        let lost: f64 = self.lost_share.iter().filter(|(id, _)| *id == site).map(|(_, lost)| lost).sum();
        (1.0 - lost).clamp(0.0, 1.0)
    }

    /// Tiers of which something must be served.
    #[must_use]
    pub fn tiers(&self) -> Vec<Tier> {
        Tier::ALL.into_iter().filter(|tier| self.min_service[*tier as usize].is_some_and(|least| least > 0.0)).collect()
    }
}

/// The outages that a scenario asks its plan to survive: its `[[outage]]` tables, and every single loss of the classes of `survive`.
#[must_use]
pub fn outages(model: &Model) -> Vec<Outage> {
    let uncertainty = &model.planning.uncertainty;
    let mut all: Vec<Outage> = Vec::new();
    for it in &uncertainty.outages {
        let mut least = it.min_service;
        least.iter_mut().zip(model.planning.min_service).for_each(|(own, of_plan)| *own = own.or(of_plan));
        let named = Outage::named(it.entity.name.clone(), model);
        let outage = Outage { demand_factor: it.demand, min_service: least, span: Some(it.entity.span.clone()), ..named };
        all.push(lose(model, outage, &it.down));
    }
    for class in &uncertainty.survive {
        for (name, asset) in single_losses(model, *class) {
            let named = Outage { span: Some(model.planning.span.clone()), ..Outage::named(format!("loss of {name}"), model) };
            let outage = lose(model, named, &[asset]);
            // What loses nothing asks for nothing that `min_service` does not ask anyway.
            if !(outage.down_sites.is_empty() && outage.down_types.is_empty() && outage.cut_off.is_empty()) {
                all.push(outage);
            }
        }
    }
    all
}

/// Every asset of a class with its name.
fn single_losses(model: &Model, class: AssetClass) -> Vec<(String, Asset)> {
    match class {
        AssetClass::Site => {
            let sites = (0..model.sites.len()).map(SiteId::from_index);
            let usable = sites.filter(|id| model.sites[*id].existing || model.planning.candidates.contains(id));
            usable.map(|id| (model.sites[id].entity.name.clone(), Asset::Site(id))).collect()
        }
        AssetClass::Link => {
            let named =
                |(index, it): (usize, &bastide_model::model::Link)| (it.entity.name.clone(), Asset::Link(LinkId::from_index(index)));
            model.links.iter().enumerate().map(named).collect()
        }
        AssetClass::Line => {
            let named =
                |(index, it): (usize, &bastide_model::model::Line)| (it.entity.name.clone(), Asset::Line(LineId::from_index(index)));
            model.lines.iter().enumerate().map(named).collect()
        }
        AssetClass::Bus => {
            let named = |(index, it): (usize, &bastide_model::model::Bus)| (it.entity.name.clone(), Asset::Bus(BusId::from_index(index)));
            model.buses.iter().enumerate().map(named).collect()
        }
        AssetClass::Vendor => {
            let mut vendors: Vec<&String> = model.planning.accelerators.iter().map(|(id, _)| &model.accelerators[*id].vendor).collect();
            vendors.sort();
            vendors.dedup();
            vendors.into_iter().map(|vendor| (vendor.clone(), Asset::Vendor(vendor.clone()))).collect()
        }
    }
}

/// An outage with what the loss of some assets means: sites of lost buses and of islands without a generator, types of lost vendors, and
/// sites that no link leads to in time.
fn lose(model: &Model, mut outage: Outage, down: &[Asset]) -> Outage {
    let (mut links, mut lines, mut buses) = (Vec::new(), Vec::new(), Vec::new());
    for asset in down {
        match asset {
            Asset::Site(id) => outage.down_sites.push(*id),
            Asset::Link(id) => links.push(*id),
            Asset::Line(id) => lines.push(*id),
            Asset::Bus(id) => buses.push(*id),
            Asset::Vendor(vendor) => {
                let types = (0..model.accelerators.len()).map(AcceleratorId::from_index);
                outage.down_types.extend(types.filter(|id| model.accelerators[*id].vendor == *vendor));
            }
        }
    }
    if !(lines.is_empty() && buses.is_empty()) {
        let (before, after) = (powered(model, &[], &[]), powered(model, &lines, &buses));
        let dark = |bus: BusId| buses.contains(&bus) || (before[bus.index()] && !after[bus.index()]);
        outage.down_sites.extend((0..model.sites.len()).map(SiteId::from_index).filter(|id| dark(model.sites[*id].bus)));
    }
    outage.down_sites.sort();
    outage.down_sites.dedup();
    if !links.is_empty() {
        let (before, after) = (bastide_model::latencies(model), latencies_without(model, &links));
        for (at, service) in model.services.iter().enumerate() {
            let sites = (0..model.sites.len()).map(SiteId::from_index);
            let lost = sites.filter(|site| near(&before, service, *site) && !near(&after, service, *site));
            outage.cut_off.extend(lost.map(|site| (ServiceId::from_index(at), site)));
        }
    }
    outage
}

/// Whether each bus is in an island with a generator, without some lines and buses.
fn powered(model: &Model, lines: &[LineId], buses: &[BusId]) -> Vec<bool> {
    let up = |bus: BusId| !buses.contains(&bus);
    let mut island: Vec<usize> = (0..model.buses.len()).collect();
    let mut join = |from: usize, to: usize| {
        let (one, other) = (island[from].min(island[to]), island[from].max(island[to]));
        island.iter_mut().filter(|it| **it == other).for_each(|it| *it = one);
    };
    for (index, line) in model.lines.iter().enumerate() {
        if up(line.from) && up(line.to) && !lines.contains(&LineId::from_index(index)) {
            join(line.from.index(), line.to.index());
        }
    }
    let mut fed = vec![false; model.buses.len()];
    model.generators.iter().filter(|it| up(it.bus)).for_each(|it| fed[island[it.bus.index()]] = true);
    island.into_iter().enumerate().map(|(bus, island)| up(BusId::from_index(bus)) && fed[island]).collect()
}
