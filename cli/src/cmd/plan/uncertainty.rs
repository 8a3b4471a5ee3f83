//! Outlooks, information and the worst case, as `plan` prints them.

use std::sync::Arc;

use bastide_model::model::{Alternative, Model, ServiceId};
use bastide_model::plan::{Placement, Plan};
use bastide_plan::SolveOptions;
use bastide_plan::stochastic::{self, Information};
use bastide_units::TokenRate;
use serde_json::{Value, json};

use crate::exit::Failure;

/// `--strike K`: the scenario's key, from the command line.
pub fn strike(model: &mut Arc<Model>, strike: Option<u32>) -> Result<(), Failure> {
    let Some(sites) = strike else { return Ok(()) };
    if sites == 0 || sites as usize > model.sites.len() {
        let message = format!("{sites} sites cannot be lost: there are {}", model.sites.len());
        return Err(Failure::hinted(message, "give `--strike` a number from 1 to the number of sites"));
    }
    if model.services.iter().all(|service| service.critical.share <= 0.0) {
        let hint = "say what must keep running: `critical = \"60 %\"` in a `[[service]]`";
        return Err(Failure::hinted("`--strike` counts critical demand, and no service has any", hint));
    }
    let uncertainty = &mut Arc::make_mut(model).planning.uncertainty;
    uncertainty.strike = Some(sites);
    uncertainty.cvar = None;
    Ok(())
}

/// What the outlooks are worth to a plan.
pub fn information(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    plan: &Plan,
) -> Result<Option<Information>, Failure> {
    stochastic::uncertainty(model, alternative, options, plan)
        .map_err(|error| Failure::sentence(format!("the value of information could not be worked out: {error}")))
}

/// What the outlooks of a roadmap are worth, which it holds itself.
pub fn of_roadmap(plan: &Plan) -> Option<Value> {
    let (roadmap, rp) = (plan.roadmap.as_ref()?, plan.certificate.as_ref()?.objective_eur);
    let [vss, evpi] =
        [roadmap.value_of_stochastic_solution, roadmap.value_of_perfect_information].map(|value| value.map(bastide_units::Money::as_eur));
    (vss.is_some() || evpi.is_some()).then(|| json!({ "rp": rp, "evpi": evpi, "vss": vss, "unit": "EUR/y", "limited": false }))
}

/// Adds what a plan says about uncertainty; nothing where it says nothing.
pub fn document(model: &Model, plan: &Plan, information: Option<&Information>, document: &mut Value) {
    let service = |id: ServiceId| &model.services[id].entity.name;
    let placed = |all: &[Placement]| -> Vec<Value> {
        let place = |it: &Placement| json!({ "service": service(it.service), "site": model.sites[it.site].entity.name, "share": it.share });
        all.iter().map(place).collect()
    };
    let lost = |all: &[(ServiceId, TokenRate)]| -> Vec<Value> {
        all.iter().map(|(id, rate)| json!({ "service": service(*id), "tokens_per_s": rate.as_tokens_per_s() })).collect()
    };
    let hedge = &plan.hedge;
    if let Some(it) = information {
        document["uncertainty"] = json!({
            "rp": it.rp, "ws": it.ws, "ev": it.ev, "eev": it.eev, "evpi": it.evpi(), "vss": it.vss(),
            "unit": "EUR/y", "limited": it.limited,
        });
    }
    if hedge.is_empty() {
        return;
    }
    let outlooks = &model.planning.uncertainty.outlooks;
    document["outlooks"] = hedge
        .recourse
        .iter()
        .filter_map(|it| {
            let outlook = outlooks.get(it.outlook)?;
            let name = &outlook.entity.name;
            Some(json!({ "name": name, "probability": outlook.probability, "placements": placed(&it.placements), "unserved": lost(&it.unserved) }))
        })
        .collect();
    document["reserves"] = hedge
        .reserves
        .iter()
        .map(|it| {
            let types = it.accelerators.iter().map(|(id, count)| (model.accelerators[*id].entity.name.clone(), json!(count)));
            let types: serde_json::Map<String, Value> = types.collect();
            json!({ "service": service(it.service), "site": model.sites[it.site].entity.name, "accelerators": types })
        })
        .collect();
    document["uncovered"] = lost(&hedge.uncovered).into();
    if let Some(worst) = &hedge.worst {
        document["worst"] = json!({
            "sites": worst.sites,
            "lost": worst.lost.iter().map(|id| &model.sites[*id].entity.name).collect::<Vec<_>>(),
            "raised": worst.raised.iter().map(|id| service(*id)).collect::<Vec<_>>(),
            "unserved": lost(&worst.unserved),
        });
    }
}

/// The same for people.
pub fn describe(model: &Model, plan: &Plan, information: Option<&Information>) -> Vec<String> {
    let mut lines = Vec::new();
    let meur = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |eur| format!("{:.2} M EUR/y", eur / 1e6));
    if let Some(it) = information {
        let proven = if it.limited { "; stopped by the time limit, not proven" } else { "" };
        lines.push(format!(
            "  outlooks: {}; known in advance {} (perfect information is worth {}); planned for the mean {} (planning for all is worth {}){proven}",
            meur(Some(it.rp)),
            meur(it.ws),
            meur(it.evpi()),
            meur(it.eev),
            meur(it.vss())
        ));
    }
    if let Some(roadmap) = plan.roadmap.as_ref() {
        let of = |value: Option<bastide_units::Money>| meur(value.map(bastide_units::Money::as_eur));
        let (prepared, known) = (roadmap.value_of_stochastic_solution, roadmap.value_of_perfect_information);
        if prepared.is_some() || known.is_some() {
            lines.push(format!("  outlooks: planning for all is worth {}; perfect information is worth {}", of(prepared), of(known)));
        }
    }
    if let Some(worst) = &plan.hedge.worst {
        let lost: Vec<&str> = worst.lost.iter().map(|id| model.sites[*id].entity.name.as_str()).collect();
        let raised: Vec<&str> = worst.raised.iter().map(|id| model.services[*id].entity.name.as_str()).collect();
        let more = if raised.is_empty() { String::new() } else { format!(", demand of {} raised", raised.join(", ")) };
        let lost = if lost.is_empty() { "no site".to_owned() } else { lost.join(", ") };
        lines.push(format!("  worst case of at most {} sites: loss of {lost}{more}", worst.sites));
    }
    lines
}
