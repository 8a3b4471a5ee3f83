//! What is built, what binds, what it rests on.

use bastide_model::plan::{Price, SolveStatus};

use super::{Facts, Part, Table, words};
use crate::number;

/// The plan of each alternative.
pub(super) fn plans(facts: &Facts<'_>) -> Vec<Part> {
    (facts.alternatives.iter())
        .map(|alternative| {
            let plan = &alternative.plan;
            let site = |name: &str| facts.title("site", name);
            let mut tables = Vec::new();
            let mut builds = Table::new("Accelerators", &["Site", "Type", "#Accelerators", "#IT power [MW]", "Status"]);
            let (mut count, mut mw) = (0, 0.0);
            // Fleets of one site and type stand side by side in the scenario, by date.
            let mut fleets: Vec<bastide_sim::results::BuildFacts> = Vec::new();
            for x in &plan.fleets {
                match fleets.iter_mut().find(|it| (&it.site, &it.accelerator) == (&x.site, &x.accelerator)) {
                    Some(it) => (it.count, it.it_mw) = (it.count + x.count, it.it_mw + x.it_mw),
                    None => fleets.push(x.clone()),
                }
            }
            for (list, status) in [(&plan.builds, "bought"), (&fleets, "existing")] {
                for x in list {
                    (count, mw) = (count + x.count, mw + x.it_mw);
                    let kind = facts.title("accelerator", &x.accelerator);
                    let power = number::fixed(x.it_mw, 2);
                    builds.push(vec![site(&x.site).into(), kind.into(), number::count(x.count).into(), power.into(), status.into()]);
                }
            }
            builds.total(vec!["All".into(), "".into(), number::count(count).into(), number::fixed(mw, 2).into(), "".into()]);
            tables.push(builds);
            let head = ["Service", "Tier", "Sites (share of demand)", "#Accelerators", "Stand-by"];
            let mut services = Table::new("Services and their stand-by", &head);
            let mut names: Vec<&str> = plan.placements.iter().map(|x| x.service.as_str()).collect();
            names.dedup();
            for name in names {
                let mut places: Vec<_> = plan.placements.iter().filter(|x| x.service == name).collect();
                // Where most of it runs comes first.
                places.sort_by(|a, b| b.share.total_cmp(&a.share));
                let sites: Vec<String> = places.iter().map(|x| format!("{} {}", site(&x.site), number::plain("1", x.share))).collect();
                let mut standby: Vec<String> = plan.standbys.iter().filter(|x| x.service == name).map(|x| site(&x.site)).collect();
                standby.sort();
                standby.dedup();
                services.push(vec![
                    facts.title("service", name).into(),
                    places.first().map_or("", |x| x.tier.as_str()).into(),
                    words::list(&sites, 4).into(),
                    number::count(places.iter().map(|x| x.accelerators).sum::<f64>()).into(),
                    words::list(&standby, 3).into(),
                ]);
            }
            for x in &plan.unserved {
                let left = format!("left unserved: {}", number::plain("tokens/s", x.tokens_per_s));
                services.push(vec![facts.title("service", &x.service).into(), "".into(), left.into(), "".into(), "".into()]);
            }
            tables.push(services);
            let mut others = Table::new("Campaigns and data", &["What", "Site", "#Accelerators"]);
            for x in &plan.campaigns {
                let head = facts.title("campaign", &x.campaign);
                others.push(vec![head.into(), site(&x.site).into(), number::count(x.accelerators).into()]);
            }
            for name in &plan.campaigns_left_out {
                others.push(vec![facts.title("campaign", name).into(), "does not run".into(), "".into()]);
            }
            let mut datasets: Vec<&str> = plan.replicas.iter().map(|x| x.dataset.as_str()).collect();
            datasets.dedup();
            for name in datasets {
                let sites: Vec<String> = plan.replicas.iter().filter(|x| x.dataset == name).map(|x| site(&x.site)).collect();
                others.push(vec![facts.title("dataset", name).into(), words::list(&sites, 6).into(), "".into()]);
            }
            tables.push(others);
            if !plan.cost.is_empty() {
                let mut cost = Table::new("Cost as planned, before anything breaks", &["Line", "#M EUR per year", "#Capital, M EUR"]);
                for line in &plan.cost {
                    let (annual, capital) = (number::fixed(line.annual_eur / 1e6, 1), number::fixed(line.capital_eur / 1e6, 1));
                    cost.push(vec![words::capital(&line.line).into(), annual.into(), capital.into()]);
                }
                let (annual, capital) = plan.cost.iter().fold((0.0, 0.0), |sum, x| (sum.0 + x.annual_eur, sum.1 + x.capital_eur));
                cost.total(vec!["Total".into(), number::fixed(annual / 1e6, 1).into(), number::fixed(capital / 1e6, 1).into()]);
                tables.push(cost);
            }
            tables.retain(|table| !table.rows.is_empty());
            Part { title: alternative.title.clone(), text: proof(facts, alternative), tables }
        })
        .collect()
}

/// How good the plan is known to be.
fn proof(facts: &Facts<'_>, alternative: &bastide_sim::results::AlternativeFacts) -> Vec<String> {
    let scenario = &facts.study.summary.scenario;
    let capital: f64 = alternative.plan.cost.iter().map(|x| x.capital_eur).sum();
    let mut text = Vec::new();
    if capital > 0.0 {
        text.push(format!("Spends {} of capital out of {}.", number::plain("EUR", capital), number::plain("EUR", scenario.budget_eur)));
    }
    text.push(match &alternative.plan.certificate {
        None => "Written by a person: nothing is proven about it.".to_string(),
        Some(x) => {
            let status = match x.status {
                SolveStatus::Optimal => "proven optimal",
                SolveStatus::WithinGap => "proven within the gap that was asked for",
                SolveStatus::LimitWithIncumbent => "the best found before the limit",
                SolveStatus::Manual => "written by a person",
            };
            format!(
                "{}: {status}. Yearly cost {}, no plan below {}; gap {} %. {} rows, {} columns, {} of them whole numbers.",
                x.solver,
                number::plain("EUR", x.objective_eur),
                number::plain("EUR", x.bound_eur),
                number::significant(100.0 * x.gap, 2),
                number::count(x.rows as f64),
                number::count(x.columns as f64),
                number::count(x.integers as f64)
            )
        }
    });
    text
}

/// Share of the yearly cost below which a price is not told.
const TELLING: f64 = 1e-5;

/// Prices in words.
pub(super) fn prices(facts: &Facts<'_>) -> Vec<Part> {
    (facts.alternatives.iter())
        .filter(|alternative| !alternative.plan.prices.is_empty())
        .map(|alternative| {
            let total = alternative.plan.certificate.as_ref().map_or(0.0, |x| x.objective_eur.abs());
            let telling = alternative.plan.prices.iter().filter(|price| price.annual_eur * price.limit >= TELLING * total);
            let text = telling.take(8).map(|price| sentence(facts, price)).collect();
            Part { title: alternative.title.clone(), text, tables: Vec::new() }
        })
        .filter(|part| !part.text.is_empty())
        .collect()
}

/// A price in a sentence.
fn sentence(facts: &Facts<'_>, price: &Price) -> String {
    let what = words::capital(&constraint_words(facts, &price.constraint));
    let saving = number::plain("EUR", price.annual_eur);
    let (limit, place) = (limit(price.limit, &price.unit), &price.place);
    match price.constraint.split_once(' ').map(|(kind, _)| kind) {
        Some("loss") => format!("{what}: one accelerator fewer to replace would save {saving} a year ({limit}; {place})."),
        Some("least") => format!(
            "{what}: one percentage point less would save {saving} a year (limit {} %; {place}).",
            number::significant(price.limit, 4)
        ),
        _ => format!("{what}: one more {} would save {saving} a year (limit {limit}; {place}).", price.unit.trim_end_matches('s')),
    }
}

/// `connection of riga` with the title instead of the name.
pub(super) fn constraint_words(facts: &Facts<'_>, constraint: &str) -> String {
    let Some((what, name)) = constraint.split_once(" of ") else { return constraint.to_string() };
    // `connection of riga in 2031`, of a plan over years.
    let (name, when) = match name.rsplit_once(" in ") {
        Some((name, year)) if year.parse::<u16>().is_ok() => (name, format!(" in {year}")),
        _ => (name, String::new()),
    };
    let known = ["site", "bus", "accelerator"].map(|kind| (kind, facts.title(kind, name)));
    let title = known.into_iter().find(|(_, title)| title != name).map_or_else(|| name.to_string(), |(_, title)| title);
    format!("{what} of {title}{when}")
}

/// `3000 M EUR` without digits nobody wrote; things that are counted are whole.
pub(super) fn limit(value: f64, unit: &str) -> String {
    let value = if unit.starts_with("accelerators") { value.round() } else { value };
    format!("{}{}{unit}", number::significant(value, 4), number::SPACE)
}

/// Operators and vendors on whom the reference plan depends.
pub(super) fn dependencies(facts: &Facts<'_>) -> Table {
    let mut table = Table::new("On whom each alternative depends", &["Alternative", "Operators (home)", "Vendors (home)"]);
    let entities = &facts.study.entities;
    for alternative in facts.alternatives {
        let plan = &alternative.plan;
        let (mut operators, mut vendors) = (Vec::new(), Vec::new());
        for build in plan.builds.iter().chain(&plan.fleets).filter(|x| x.count > 0) {
            let find = |kind: &str, name: &str| entities.iter().find(|x| x.kind == kind && x.name == name);
            if let Some(operator) = find("site", &build.site).and_then(|x| x.note.clone()) {
                operators.push(operator);
            }
            if let Some(x) = find("accelerator", &build.accelerator) {
                let home: Vec<String> = x.nation.as_deref().unwrap_or_default().split('-').map(words::capital).collect();
                vendors.push(format!("{}, {}", x.note.as_deref().unwrap_or_default(), home.join(" ")));
            }
        }
        let join = |mut words: Vec<String>| {
            words.sort();
            words.dedup();
            words.join("; ")
        };
        table.push(vec![alternative.title.as_str().into(), join(operators).into(), join(vendors).into()]);
    }
    table
}

/// Where the numbers come from, and how many were seen.
pub(super) fn assumptions(facts: &Facts<'_>) -> (Table, String) {
    let list = &facts.study.assumptions;
    let mut table = Table::new("Assumptions", &["Key", "#Value", "Source", "Verified", "Place"]);
    for x in list {
        let verified = match x.verified {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not said",
        };
        let source = x.source.as_deref().unwrap_or("none given");
        table.push(vec![x.key.as_str().into(), x.value.as_str().into(), source.into(), verified.into(), x.place.as_str().into()]);
    }
    let tally = |verified| number::count(list.iter().filter(|x| x.verified == verified).count() as f64);
    let text = format!(
        "{} assumptions: {} verified, {} marked as not verified, {} without a statement.",
        number::count(list.len() as f64),
        tally(Some(true)),
        tally(Some(false)),
        tally(None)
    );
    (table, text)
}

/// Conservation in all histories.
pub(super) fn balance(facts: &Facts<'_>) -> Table {
    let mut table = Table::new("Conservation: largest imbalance over all histories, relative to the turnover", &["Law", "#Imbalance"]);
    for law in facts.study.summary.balance.iter().filter(|law| law.law != "sign") {
        table.push(vec![words::capital(&law.law).into(), number::significant(law.residual, 2).into()]);
    }
    table
}

/// Files read.
pub(super) fn inputs(facts: &Facts<'_>) -> Table {
    let mut table = Table::new("Files read; copies lie in inputs/", &["File", "BLAKE3"]);
    for input in &facts.study.manifest.input {
        table.push(vec![input.path.as_str().into(), input.blake3.as_str().into()]);
    }
    table
}
