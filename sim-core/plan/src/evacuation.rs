//! What leaves first: the order of an evacuation that saves most value by the loss, with a proven bound.
//!
//! Data `d` of size `s_d` and value `v_d` leaves sites that have it, over routes `r` of links or on devices `c`, in intervals `i` between the
//! moments at which something changes: the law lets data go, a road closes or opens, the loss comes. The loss comes after `T_k` with
//! probability `p_k`; nobody knows which `k` it will be, so there is one schedule for all. The mixed-integer program, a weighted number of
//! on-time jobs (Lawler 1990) on parallel machines that may share a job, is
//!
//! ```text
//! maximise   sum_k p_k sum_d v_d y_dk
//! subject to s_d y_dk <= sum_{i ends by T_k} (sum_r x_dri + sum_c z_dci)      all of it is out by T_k           (1)
//!            sum_i (sum_r x_dri + sum_c z_dci) <= s_d                        and leaves once                   (2)
//!            sum_{d, r over e} x_dri <= share w_e l_i                        links e of width w_e, lit for l_i  (3)
//!            sum_{d, i in (a, b]} z_dci <= W_c(a, b)                         devices, between any two moments   (4)
//!            y_dk in {0, 1};  in [0, 1] where parts have value
//! ```
//!
//! with `x`, `z` only where the law allows it, and in (1) without what stands behind a closed road at `T_k`. `W_c` is what the devices can
//! be filled with between two moments: filled at their rate, away for the mean round trip, at best back at the beginning. Routes between two
//! places are widest paths when nothing is broken, each without the narrowest parts of those before it. Every order that the simulation can follow with mean trips and
//! nothing broken is a point of the program; so its bound holds for all of them.
//!
//! The order is that of the program's `y`: what is out by the first loss first. It is carried out as the simulation would
//! (`rehearsal`); so are value per byte and first come, first served, and the best of them is improved by moving single datasets as long as
//! that helps. What is reported is what the order achieves there, beside the bound.

mod instance;
mod rehearsal;
#[cfg(test)]
mod tests;

use bastide_engine::{Stream, stream_key};
use bastide_model::model::{DepartureOrder, Model};
use bastide_model::plan::Plan;
use bastide_units::Duration;

use crate::PlanError;
use crate::program::{Group, Program};
use crate::solver::{Answer, Limits, solve};
use instance::Instance;
pub use rehearsal::Departure;

/// Relative gap at which the search stops.
const GAP: f64 = 1e-3;
/// The search of one order is cut here.
const TIME_LIMIT: Duration = Duration::from_s(30.0);
/// Rehearsals that improving an order may take.
const REHEARSALS: usize = 3000;
/// Random orders that the comparison draws.
const RANDOM_ORDERS: u64 = 200;
/// The objective is the share of value times this, for the solver's tolerances.
const SCALE: f64 = 1e3;

/// The order of one evacuation, and what it is worth with mean trips and nothing broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Departures {
    /// Position of the evacuation.
    pub evacuation: usize,
    /// Datasets, first to leave first, by position.
    pub order: Vec<usize>,
    /// When each is out, in that order.
    pub schedule: Vec<Departure>,
    /// Expected share of value saved by the loss.
    pub value: f64,
    /// No order saves more.
    pub bound: f64,
    /// `(bound - value) / bound`; zero where nothing can be saved.
    pub gap: f64,
    /// The same of value per byte.
    pub by_value: f64,
    /// The same of first come, first served.
    pub first_come: f64,
    /// Mean of the same over random orders, and its standard error.
    pub random: (f64, f64),
    /// Random orders drawn.
    pub random_orders: u64,
    /// Data that leaves by the expected loss \[TB\].
    pub saved_tb: f64,
    /// All its data \[TB\].
    pub size_tb: f64,
    /// From the order to the loss, with probabilities \[s\].
    pub losses: Vec<(f64, f64)>,
}

/// The best order found, by job; what it is worth, and that no order is worth more than the bound.
fn best(instance: &Instance) -> Result<(Vec<usize>, f64, f64), PlanError> {
    let (found, bound) = search(instance)?;
    let mut spent = 0;
    let mut value_of = |list: &[usize]| {
        spent += 1;
        (rehearsal::value(instance, list), spent)
    };
    let first_come: Vec<usize> = (0..instance.jobs.len()).collect();
    let mut best = (0.0, first_come.clone());
    for list in [instance.by_density(), first_come.clone(), found] {
        let value = value_of(&list).0;
        if value >= best.0 {
            best = (value, list);
        }
    }
    // Single datasets to other places, while that helps and the bound is not reached.
    'improve: while best.0 < bound * (1.0 - 1e-9) {
        for from in 0..best.1.len() {
            for to in 0..best.1.len() {
                let mut list = best.1.clone();
                let moved = list.remove(from);
                list.insert(to, moved);
                let (value, spent) = value_of(&list);
                if value > best.0 * (1.0 + 1e-9) {
                    best = (value, list);
                    continue 'improve;
                }
                if spent > REHEARSALS {
                    break 'improve;
                }
            }
        }
        break;
    }
    // Rounding of the solver may put the bound below what was achieved.
    Ok((best.1, best.0, bound.max(best.0)))
}

/// Finds the order of one evacuation under a plan, which says where its data stands.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub fn evacuate(model: &Model, plan: &Plan, evacuation: usize) -> Result<Departures, PlanError> {
    let instance = Instance::new(model, plan, evacuation);
    let (list, value, bound) = best(&instance)?;
    let first_come: Vec<usize> = (0..instance.jobs.len()).collect();
    let density = instance.by_density();
    let mut stream = Stream::new(model.header.seed, 0, stream_key(&model.evacuations[evacuation].entity.name, "random orders"));
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..RANDOM_ORDERS {
        let mut order = first_come.clone();
        stream.shuffle(&mut order);
        let drawn = rehearsal::value(&instance, &order);
        sum += drawn;
        squares += drawn * drawn;
    }
    let n = RANDOM_ORDERS as f64;
    let mean = sum / n;
    let stderr = ((squares / n - mean * mean).max(0.0) / (n - 1.0)).sqrt();
    let schedule = rehearsal::schedule(&instance, &list);
    Ok(Departures {
        evacuation,
        order: list.iter().map(|job| instance.jobs[*job].dataset).collect(),
        value,
        bound,
        gap: if bound > 0.0 { (bound - value) / bound } else { 0.0 },
        by_value: rehearsal::value(&instance, &density),
        first_come: rehearsal::value(&instance, &first_come),
        random: (mean, stderr),
        random_orders: RANDOM_ORDERS,
        saved_tb: rehearsal::saved_tb(&instance, &list),
        size_tb: instance.jobs.iter().map(|job| job.size).sum(),
        losses: instance.losses.clone(),
        schedule,
    })
}

/// Orders of all evacuations of a model that ask for the best one; `None` for the others.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub fn departures(model: &Model, plan: &Plan) -> Result<Vec<Option<Vec<usize>>>, PlanError> {
    let wants = |at: usize| model.evacuations[at].order == DepartureOrder::Optimal;
    let order = |at: usize| {
        let instance = Instance::new(model, plan, at);
        best(&instance).map(|(list, ..)| Some(list.into_iter().map(|job| instance.jobs[job].dataset).collect()))
    };
    (0..model.evacuations.len()).map(|at| if wants(at) { order(at) } else { Ok(None) }).collect()
}

/// The program's order, and its bound on the expected share of value.
fn search(instance: &Instance) -> Result<(Vec<usize>, f64), PlanError> {
    let (program, kept) = program(instance);
    let already: f64 = instance.safe_value;
    let limits = Limits { gap: GAP, time_limit: TIME_LIMIT };
    let (values, bound) = match solve(&program, &limits)? {
        Answer::Found(found) => (found.values, -found.bound / SCALE),
        // Nothing leaves is always a point.
        Answer::Infeasible => return Err(PlanError::Solver("an evacuation without any order".to_owned())),
        Answer::Unknown { bound, .. } => (vec![0.0; program.columns.len()], if bound.is_finite() { -bound / SCALE } else { 1.0 }),
    };
    let density = instance.by_density();
    let place = |job: usize| density.iter().position(|at| *at == job);
    let mut order: Vec<usize> = (0..instance.jobs.len()).collect();
    order.sort_by_key(|job| {
        let loss = kept[*job].iter().position(|column| values[*column] > 0.5).unwrap_or(usize::MAX);
        (loss, place(*job))
    });
    Ok((order, (bound + already).min(1.0)))
}

/// The program, and for each job its columns `y` by loss.
fn program(instance: &Instance) -> (Program, Vec<Vec<usize>>) {
    let mut program = Program::default();
    let intervals = instance.moments.len() - 1;
    let mut over: Vec<Vec<Vec<(usize, f64)>>> = vec![vec![Vec::new(); intervals]; instance.widths.len()];
    let mut on: Vec<Vec<Vec<(usize, f64)>>> = vec![vec![Vec::new(); intervals]; instance.fleets.len()];
    let mut kept = Vec::with_capacity(instance.jobs.len());
    for job in &instance.jobs {
        // Columns by interval, with the fleet of those that go by courier.
        let mut out: Vec<Vec<(usize, Option<usize>)>> = vec![Vec::new(); intervals];
        for (i, out) in out.iter_mut().enumerate() {
            let middle = 0.5 * (instance.moments[i] + instance.moments[i + 1]);
            for route in instance.routes.iter().filter(|route| job.may_take(route.from, route.to, middle)) {
                let x = program.continuous(0.0, 0.0, job.size);
                out.push((x, None));
                route.over.iter().for_each(|edge| over[*edge][i].push((x, 1.0)));
            }
            for (c, _) in instance.fleets.iter().enumerate().filter(|(_, fleet)| job.may_ride(fleet.to, middle)) {
                let z = program.continuous(0.0, 0.0, job.size);
                out.push((z, Some(c)));
                on[c][i].push((z, 1.0));
            }
        }
        program.at_most(Group::Structure, out.iter().flatten().map(|(column, _)| (*column, 1.0)), job.size);
        let mut own = Vec::with_capacity(instance.losses.len());
        for (loss, probability) in &instance.losses {
            let gain = -SCALE * probability * job.value;
            let y = if instance.partial { program.continuous(gain, 0.0, 1.0) } else { program.integer(gain, 0.0, 1.0) };
            let is_out = |i: usize, fleet: Option<usize>| match fleet {
                Some(fleet) => instance.fleets[fleet].is_out(instance.moments[i + 1], *loss),
                None => instance.moments[i + 1] <= loss + 1e-6,
            };
            let by_then = (0..intervals).flat_map(|i| out[i].iter().filter(move |(_, fleet)| is_out(i, *fleet)));
            let terms: Vec<(usize, f64)> = by_then.map(|(column, _)| (*column, -1.0)).chain([(y, job.size)]).collect();
            program.at_most(Group::Structure, terms, 0.0);
            own.push(y);
        }
        kept.push(own);
    }
    for (edge, rows) in over.into_iter().enumerate() {
        for (i, terms) in rows.into_iter().enumerate().filter(|(_, terms)| !terms.is_empty()) {
            let room = instance.widths[edge] * instance.lit(instance.moments[i], instance.moments[i + 1]);
            program.at_most(Group::Structure, terms, room);
        }
    }
    for (fleet, rows) in instance.fleets.iter().zip(&on) {
        for a in 0..intervals {
            for b in a + 1..=intervals {
                let terms: Vec<(usize, f64)> = rows[a..b].iter().flatten().copied().collect();
                if !terms.is_empty() {
                    program.at_most(Group::Structure, terms, fleet.most(instance.moments[a], instance.moments[b]));
                }
            }
        }
    }
    (program, kept)
}
