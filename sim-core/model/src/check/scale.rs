//! Numbers of the plan that are so far apart that a unit is probably wrong: rounding in the solver could matter.

use bastide_units::display;

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::Model;
use crate::source::Span;

/// Largest ratio of two numbers of one kind: nine decades, of the sixteen digits that a number has.
const WILD: f64 = 1e9;
/// Room of a candidate as a share of the smallest node, below which it is taken for a wrong unit.
const NO_ROOM: f64 = 1e-3;

/// Warns of the money, power or demand that is farthest from the others of its kind where they span more than [`WILD`], and of candidates
/// that could not hold a thousandth of a node.
pub fn check(ctx: &mut Context, model: &Model) {
    let planning = &model.planning;
    let kinds = || planning.accelerators.iter().filter_map(|(id, _)| model.accelerators.get(id.index()));
    let candidates = || planning.candidates.iter().filter_map(|id| model.sites.get(id.index()));

    let mut money: Vec<Number> = vec![(planning.budget.as_eur(), display(planning.budget), "budget".to_owned(), &planning.budget_span)];
    money.extend(
        kinds().map(|kind| (kind.price.as_eur(), display(kind.price), format!("price of {}", kind.entity.name), &kind.entity.span)),
    );
    money.extend(candidates().map(|site| {
        (site.fixed_cost.as_eur(), display(site.fixed_cost), format!("fixed cost of {}", site.entity.name), &site.entity.span)
    }));
    spread(ctx, "money", money);

    let mut power: Vec<Number> =
        vec![(planning.it_power.as_w(), display(planning.it_power), "IT power of the plan".to_owned(), &planning.it_power_span)];
    power.extend(kinds().map(|kind| (kind.power.as_w(), display(kind.power), format!("power of {}", kind.entity.name), &kind.entity.span)));
    for site in candidates() {
        let (name, span) = (&site.entity.name, &site.entity.span);
        power.push((site.max_it_power.as_w(), display(site.max_it_power), format!("IT power of {name}"), span));
        power.push((site.connection.as_w(), display(site.connection), format!("connection of {name}"), span));
    }
    spread(ctx, "power", power);

    let demand = model.services.iter().map(|service| {
        let name = format!("demand of {}", service.entity.name);
        (service.demand.as_tokens_per_s(), display(service.demand), name, &service.entity.span)
    });
    spread(ctx, "demand", demand.collect());

    let node = kinds().map(|kind| kind.power.as_w() * f64::from(kind.per_node.max(1))).fold(f64::INFINITY, f64::min);
    for site in candidates().filter(|site| node.is_finite() && site.max_it_power.as_w() < NO_ROOM * node && site.max_it_power.as_w() > 0.0)
    {
        let message = format!("site `{}` has room for {}, far less than one node", site.entity.name, display(site.max_it_power));
        ctx.push(Diagnostic::warning("F0991", site.entity.span.clone(), message).hint("check the unit; the site can never be used"));
    }
}

/// Size in a common unit, in words, what it is, and where.
type Number<'m> = (f64, String, String, &'m Span);

fn spread(ctx: &mut Context, word: &str, mut numbers: Vec<Number>) {
    // Zeros say that there is none, and NaN was complained of.
    numbers.retain(|(size, ..)| *size > 0.0 && size.is_finite());
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ([smallest, ..], [.., largest]) = (numbers.as_slice(), numbers.as_slice()) else { return };
    if largest.0 / smallest.0 <= WILD {
        return;
    }
    let middle = numbers[numbers.len() / 2].0;
    let (odd, other) = if largest.0 / middle >= middle / smallest.0 { (largest, smallest) } else { (smallest, largest) };
    let message = format!("numbers of {word} span more than nine decades: {} is {}, {} is {}", odd.2, odd.1, other.2, other.1);
    let diagnostic = Diagnostic::warning("F0991", odd.3.clone(), message).label(other.3.clone(), format!("{}: {}", other.2, other.1));
    ctx.push(diagnostic.hint("check the units; the program is scaled before it is solved"));
}
