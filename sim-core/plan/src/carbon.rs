//! How much greenhouse gas the energy of a site causes.
//!
//! A bus that does not say has the mean of what is generated and imported there in the cheapest dispatch of the grid without AI load, traced
//! through the flows by proportional sharing (Bialek 1996, "Tracing the flow of electricity"), weighted with the energy. Lines carry up to
//! their limits; Kirchhoff's second law, outages, heat and storage are left out. It is the mean, not what one more megawatt would
//! cause.

use bastide_grid::{Dispatch, Dispatcher, Line, Load, Network, Offer};
use bastide_model::model::Model;

use crate::instance::year_s;

/// Hours between two dispatches: every hour of the day comes up, and a year has 351 of them.
const STEP: usize = 25;
/// Dispatches times things in the grid: large grids are looked at less often.
const WORK: usize = 400_000;
/// Less than this is rounding \[MW\].
const TINY_MW: f64 = 1e-6;

/// Emissions at each bus \[t per MWh\].
pub(crate) fn intensities(model: &Model) -> Vec<f64> {
    let traced = if model.buses.iter().all(|bus| bus.carbon.is_some()) { Vec::new() } else { traced(model) };
    let of = |(at, bus): (usize, &bastide_model::model::Bus)| bus.carbon.map_or_else(|| traced[at], |given| given.as_g_per_kwh() * 1e-3);
    model.buses.iter().enumerate().map(of).collect()
}

/// Emissions of a megawatt that is drawn at each bus all year \[t/y\].
pub(crate) fn of_a_year(model: &Model) -> Vec<f64> {
    intensities(model).into_iter().map(|t_per_mwh| t_per_mwh * year_s() / 3600.0).collect()
}

fn traced(model: &Model) -> Vec<f64> {
    let count = model.buses.len();
    let of_bus = |id: bastide_model::model::BusId| id.index();
    let network =
        Network { buses: count, lines: model.lines.iter().map(|line| Line { from: of_bus(line.from), to: of_bus(line.to) }).collect() };
    let offers: Vec<Offer> =
        model.generators.iter().map(|it| Offer { bus: of_bus(it.bus), cost_eur_per_mwh: it.cost.as_eur_per_mwh() }).collect();
    let loads: Vec<Load> =
        model.loads.iter().map(|it| Load { bus: of_bus(it.bus), value_eur_per_mwh: it.value_of_lost_load.as_eur_per_mwh() }).collect();
    // A grid that cannot be dispatched has no plants to speak of.
    let Ok(mut dispatcher) = Dispatcher::new(&network, &offers, &loads) else { return vec![0.0; count] };
    let forward: Vec<f64> = model.lines.iter().map(|line| line.capacity.as_mw()).collect();
    let reverse: Vec<f64> = model.lines.iter().map(|line| line.reverse_capacity.as_mw()).collect();
    let size = (count + network.lines.len() + offers.len() + loads.len()).max(1);
    let step = STEP * (1 + model.header.hours / STEP * size / WORK);
    let mut out = Dispatch::default();
    let (mut energy, mut emitted) = (vec![0.0; count], vec![0.0; count]);
    for hour in (0..model.header.hours.max(1)).step_by(step) {
        let available: Vec<f64> = model.generators.iter().map(|it| it.capacity.as_mw() * model.at(it.availability, hour)).collect();
        let demand: Vec<f64> = model.loads.iter().map(|it| model.at(it.power, hour) * 1e-6).collect();
        dispatcher.solve(&available, &demand, &forward, &reverse, &mut out);
        for (bus, (mwh, t)) in trace(model, &out).into_iter().enumerate() {
            energy[bus] += mwh;
            emitted[bus] += t;
        }
    }
    energy.iter().zip(&emitted).map(|(mwh, t)| if *mwh > TINY_MW { t / mwh } else { 0.0 }).collect()
}

/// What flows through each bus in an hour, and the emissions of it \[MWh, t\].
fn trace(model: &Model, out: &Dispatch) -> Vec<(f64, f64)> {
    let count = model.buses.len();
    let mut own = vec![(0.0, 0.0); count];
    for (generator, mw) in model.generators.iter().zip(&out.generation_mw) {
        let here = &mut own[generator.bus.index()];
        *here = (here.0 + mw, here.1 + mw * generator.carbon.as_g_per_kwh() * 1e-3);
    }
    let mut through = own.clone();
    // Flows of a transport model have no cycles in an optimum: as many sweeps as buses reach the exact answer.
    for _ in 0..count {
        let before = through.clone();
        through.clone_from(&own);
        for (line, flow) in model.lines.iter().zip(&out.flow_mw).filter(|(_, flow)| flow.abs() > TINY_MW) {
            let (from, to) = if *flow > 0.0 { (line.from.index(), line.to.index()) } else { (line.to.index(), line.from.index()) };
            let (mw, t) = before[from];
            let here = &mut through[to];
            *here = (here.0 + flow.abs(), here.1 + if mw > TINY_MW { flow.abs() * t / mw } else { 0.0 });
        }
        if through == before {
            break;
        }
    }
    through
}
