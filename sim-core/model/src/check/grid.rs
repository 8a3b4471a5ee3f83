//! The electric grid: islands and what feeds them.

use petgraph::unionfind::UnionFind;

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{BusId, Load, Model};

/// Loads and sites on islands without generation; islands that can never meet their demand.
pub fn islands(ctx: &mut Context, model: &Model) {
    let count = model.buses.len();
    let mut joined: UnionFind<usize> = UnionFind::new(count);
    for (index, line) in model.lines.iter().enumerate() {
        let carries = line.capacity.as_mw() != 0.0 || line.reverse_capacity.as_mw() != 0.0;
        // A line with an unknown end may join anything: say nothing about islands then.
        if ctx.is_poisoned("line", index) {
            return;
        }
        if carries {
            joined.union(line.from.index(), line.to.index());
        }
    }
    let unsure = ["generator", "storage", "load", "bus", "line"].iter().any(|table| ctx.is_unsure(table));
    if unsure {
        return;
    }
    let island = |bus: BusId| joined.find(bus.index());
    let mut fed = vec![false; count];
    for generator in &model.generators {
        fed[island(generator.bus)] = true;
    }
    for load in model.loads.iter().filter(|load| !fed[island(load.bus)] && model.mean(load.power) != 0.0) {
        let bus = &model.buses[load.bus].entity;
        let message = format!("load `{}` is on an island without a generator", load.entity.name);
        let diagnostic = Diagnostic::error("F0502", load.entity.span.clone(), message);
        ctx.push(diagnostic.label(bus.span.clone(), "its bus").hint("add a generator, or a line to a bus that has one"));
    }
    for (index, site) in model.sites.iter().enumerate() {
        // Without any generator the scenario has no grid, only prices.
        if !model.generators.is_empty() && !ctx.is_poisoned("site", index) && !fed[island(site.bus)] {
            let bus = &model.buses[site.bus].entity;
            let message = format!("site `{}` is on an island without a generator", site.entity.name);
            let diagnostic = Diagnostic::error("F0502", site.entity.span.clone(), message);
            ctx.push(diagnostic.label(bus.span.clone(), "its bus").hint("add a generator, or a line to a bus that has one"));
        }
    }
    for root in (0..count).filter(|bus| joined.find(*bus) == *bus && fed[*bus]) {
        short(ctx, model, root, &island);
    }
}

/// Warns of interruptible loads that are worth more than a load at the same bus that has not agreed to yield.
pub fn interruptible(ctx: &mut Context, model: &Model) {
    if ["load", "bus"].iter().any(|table| ctx.is_unsure(table)) {
        return;
    }
    let mut cheapest: Vec<Option<&Load>> = vec![None; model.buses.len()];
    for load in model.loads.iter().filter(|load| !load.interruptible) {
        let slot = &mut cheapest[load.bus];
        if slot.is_none_or(|least| load.value_of_lost_load < least.value_of_lost_load) {
            *slot = Some(load);
        }
    }
    for load in model.loads.iter().filter(|load| load.interruptible) {
        let Some(firm) = cheapest[load.bus].filter(|firm| firm.value_of_lost_load < load.value_of_lost_load) else { continue };
        let message = format!("load `{}` is interruptible, and is shed after `{}`", load.entity.name, firm.entity.name);
        let diagnostic = Diagnostic::warning("F0519", load.entity.span.clone(), message);
        ctx.push(diagnostic.label(firm.entity.span.clone(), "worth less").hint("give it the lowest `value_of_lost_load` at its bus"));
    }
}

/// Warns of an island whose loads exceed its generation in every hour.
fn short(ctx: &mut Context, model: &Model, root: usize, island: &dyn Fn(BusId) -> usize) {
    let loads: Vec<_> = model.loads.iter().filter(|load| island(load.bus) == root).collect();
    let generators: Vec<_> = model.generators.iter().filter(|generator| island(generator.bus) == root).collect();
    let Some(first) = loads.first() else { return };
    let mut least = f64::INFINITY;
    for hour in 0..model.header.hours {
        let demand: f64 = loads.iter().map(|load| model.at(load.power, hour)).sum();
        let supply: f64 = generators.iter().map(|generator| generator.capacity.as_w() * model.at(generator.availability, hour)).sum();
        least = least.min(demand - supply);
        // NaN, for what could not be read, ends here too.
        if least.is_nan() || demand - supply <= 0.0 || supply.is_nan() || demand.is_nan() {
            return;
        }
    }
    let message = format!("the island of bus `{}` lacks at least {:.1} MW in every hour", model.buses[first.bus].entity.name, least / 1e6);
    ctx.push(
        Diagnostic::warning("F0503", first.entity.span.clone(), message)
            .hint("check the units of loads and generators; its users will be shed all the time"),
    );
}
