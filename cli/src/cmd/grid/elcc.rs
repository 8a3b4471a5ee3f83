//! `grid elcc`: what a resource is worth in firm terms.

use bastide_grid::adequacy::{ConvolutionOptions, Metric, TwoState, Unit, equivalent_firm_capacity, load_carrying_capability};
use serde_json::json;

use super::system;
use crate::args::{Format, Global, SystemInput};
use crate::exit::Failure;
use crate::output::Output;

/// Answers are this near \[MW\].
const TOLERANCE_MW: f64 = 0.001;

pub fn run(args: &SystemInput, capacity: f64, rate: f64, global: &Global, output: &Output) -> Result<(), Failure> {
    if !(capacity.is_finite() && capacity > 0.0 && (0.0..1.0).contains(&rate)) {
        return Err(Failure::hinted(
            "a unit has a capacity above 0 MW and a forced outage rate from 0 to below 1",
            "for example --capacity 100 --forced-outage-rate 0.04",
        ));
    }
    let base = system::system(args, global, output)?.system;
    let mut with = base.clone();
    let outage = if rate == 0.0 { TwoState::Perfect } else { TwoState::Unavailability(rate) };
    with.units.push(Unit {
        name: "added".into(),
        area: 0,
        count: 1,
        capacity_mw: capacity,
        profile: Vec::new(),
        outage,
        derated: None,
        maintenance: Vec::new(),
    });
    let options = ConvolutionOptions::default();
    let failed = |error: bastide_grid::adequacy::AdequacyError| Failure::sentence(format!("no capability: {error}"));
    let mut value = json!({ "capacity_mw": capacity, "forced_outage_rate": rate, "tolerance_mw": TOLERANCE_MW });
    for (name, metric) in [("lole", Metric::Lole), ("lole_days", Metric::LoleDays), ("eue", Metric::Eue)] {
        let carried = load_carrying_capability(&base, &with, metric, TOLERANCE_MW, &options).map_err(failed)?;
        let firm = equivalent_firm_capacity(&base, &with, metric, TOLERANCE_MW, &options).map_err(failed)?;
        let (carried, firm) = (carried.map(|size| size.mw), firm.map(|size| size.mw));
        let words = |mw: Option<f64>| mw.map_or_else(|| "none".to_owned(), |mw| format!("{mw:.3} MW"));
        output.line(&format!(
            "at equal {}: carries {} more load; worth {} of firm capacity",
            name.replace('_', " "),
            words(carried),
            words(firm)
        ))?;
        value[name] = json!({ "elcc_mw": carried, "efc_mw": firm });
    }
    if output.format == Format::Json {
        output.json("grid-elcc/1", &value)?;
    }
    Ok(())
}
