//! What uncertainty adds to a plan's cost: expectations over outlooks, uncovered critical demand, risk, the worst case.

use bastide_model::model::{BusId, Model, ServiceId};
use bastide_model::plan::{Placement, Plan};
use bastide_units::{Power, TokenRate};

use super::lost_value;

/// Cost of unserved demand [EUR/y] in each outlook with its probability; of the plan itself where the scenario has no outlooks.
fn losses(model: &Model, plan: &Plan) -> Vec<(f64, f64)> {
    let of = |unserved: &[(ServiceId, TokenRate)]| unserved.iter().map(|(id, rate)| lost_value(model, *id, rate.as_tokens_per_s())).sum();
    let outlooks = crate::state::outlooks(model);
    let mut all = vec![(outlooks.first().map_or(1.0, |outlook| outlook.probability), of(&plan.unserved))];
    all.extend(plan.hedge.recourse.iter().filter_map(|it| Some((outlooks.get(it.outlook)?.probability, of(&it.unserved)))));
    all
}

/// Expected cost of unserved demand; of a plan against the worst case, that is no part of its objective.
pub(super) fn expected_loss(model: &Model, plan: &Plan) -> f64 {
    if plan.hedge.worst.is_some() { 0.0 } else { losses(model, plan).into_iter().map(|(probability, loss)| probability * loss).sum() }
}

/// Load that costs at the scenario's price what the loads of all outlooks cost on average at theirs.
pub(super) fn expected(model: &Model, plan: &Plan, bus: BusId, load: impl Fn(&[Placement]) -> Power) -> Power {
    let outlooks = crate::state::outlooks(model);
    if plan.hedge.worst.is_some() {
        return load(&[]);
    }
    let Some(nominal) = outlooks.first() else { return load(&plan.placements) };
    let mut sum = load(&plan.placements) * (nominal.probability * nominal.energy_price[bus.index()]);
    for it in &plan.hedge.recourse {
        if let Some(outlook) = outlooks.get(it.outlook) {
            sum += load(&it.placements) * (outlook.probability * outlook.energy_price[bus.index()]);
        }
    }
    sum
}

/// Expected cost of what runs in each outlook; none of it counts against the worst case.
pub(super) fn expected_cost(model: &Model, plan: &Plan, cost: impl Fn(&[Placement]) -> f64) -> f64 {
    let outlooks = &model.planning.uncertainty.outlooks;
    if plan.hedge.worst.is_some() {
        return 0.0;
    }
    let nominal = outlooks.first().map_or(1.0, |outlook| outlook.probability) * cost(&plan.placements);
    let others = plan.hedge.recourse.iter().filter_map(|it| Some(outlooks.get(it.outlook)?.probability * cost(&it.placements)));
    nominal + others.sum::<f64>()
}

/// Conditional value at risk of losses with their probabilities: their mean over the worst `1 - level` of probability.
fn value_at_risk(losses: &[(f64, f64)], level: f64) -> f64 {
    let mut sorted = losses.to_vec();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (mut left, mut sum) = (1.0 - level, 0.0);
    for (probability, loss) in sorted {
        let part = probability.min(left).max(0.0);
        sum += part * loss;
        left -= part;
    }
    sum / (1.0 - level)
}

/// Lines of the cost that only some scenarios have [EUR/y].
pub(super) fn lines(model: &Model, plan: &Plan) -> Vec<(&'static str, f64)> {
    let uncertainty = &model.planning.uncertainty;
    let mut lines = Vec::new();
    if let Some(worst) = &plan.hedge.worst {
        let loss = worst.unserved.iter().map(|(id, rate)| lost_value(model, *id, rate.as_tokens_per_s())).sum::<f64>();
        lines.push(("critical demand lost in the worst case", loss));
        return lines;
    }
    if model.services.iter().any(|service| service.critical.penalty.is_some()) {
        let price = |id: ServiceId| model.services[id].critical.penalty.map_or(0.0, crate::class::value_of);
        let uncovered = plan.hedge.uncovered.iter().map(|(id, rate)| price(*id) * 1e6 * rate.as_tokens_per_s()).sum::<f64>();
        lines.push(("critical demand not covered", uncovered));
    }
    if let Some(cvar) = uncertainty.cvar {
        lines.push(("risk of unserved demand", cvar.weight * value_at_risk(&losses(model, plan), cvar.level)));
    }
    lines
}
