//! Which input would change the decision: how far a price, a demand or a limit may move until other sites or types are better.
//!
//! The decision is which sites have accelerators and which types are bought. For an input at a value, two programs are solved: the best plan
//! with this decision (`a`), and the best plan at all (`v`), begun from the first. With `v >= bound(v)`, the decision costs at most
//! `a - bound(v)` too much there: it stays. With `v < bound(a)`, another decision is better than any plan with this one: it is changed. The value
//! at which that happens is looked for by bisection from a factor of two or a half (a mixed-integer program has no ranging
//! from one solve; Geoffrion and Nauss 1977, "Parametric and postoptimality analysis in integer linear programming").

use bastide_model::model::{AcceleratorId, Alternative, BusId, Model, Profile, ServiceId, SiteId};
use bastide_model::plan::Plan;
use bastide_model::source::Span;
use bastide_units::{Duration, EnergyPrice, Quantity, display, format_significant};

use crate::deadline::Deadline;
use crate::program::{Group, Program};
use crate::search::Search;
use crate::solver::{Answer, Limits};
use crate::{PlanError, SolveOptions};

/// Factors at which an input is looked at first.
const FAR: [f64; 2] = [0.5, 2.0];
/// Times that an interval is halved.
const HALVINGS: usize = 3;

/// A number of the scenario that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Price of a type.
    Price(AcceleratorId),
    /// Price of energy at a bus.
    Energy(BusId),
    /// Cost of opening a site.
    FixedCost(SiteId),
    /// Demand of a service.
    Demand(ServiceId),
    /// Capital.
    Budget,
    /// Grid connection of a site.
    Connection(SiteId),
}

impl Input {
    /// The main inputs of a model that are not zero, the widest first.
    #[must_use]
    pub fn all(model: &Model, plan: &Plan) -> Vec<Self> {
        let planning = &model.planning;
        let used = |id: SiteId| plan.builds.iter().any(|build| build.site == id);
        let mut all = vec![Self::Budget];
        all.extend(planning.accelerators.iter().map(|(id, _)| Self::Price(*id)));
        all.extend(
            (0..model.buses.len())
                .map(BusId::from_index)
                .filter(|bus| planning.candidates.iter().any(|id| model.sites[*id].bus == *bus))
                .map(Self::Energy),
        );
        all.extend((0..model.services.len()).map(ServiceId::from_index).map(Self::Demand));
        all.extend(planning.candidates.iter().copied().filter(|id| !model.sites[*id].existing).map(Self::FixedCost));
        all.extend(planning.candidates.iter().copied().filter(|id| used(*id)).map(Self::Connection));
        all.retain(|input| input.size(model) > 0.0 && input.size(model).is_finite());
        all
    }

    /// Its size in its base unit; of a profile, its mean.
    fn size(self, model: &Model) -> f64 {
        match self {
            Self::Price(id) => model.accelerators[id].price.base(),
            Self::Energy(id) => model.mean(model.buses[id].energy_price),
            Self::FixedCost(id) => model.sites[id].fixed_cost.base(),
            Self::Demand(id) => model.services[id].demand.base(),
            Self::Budget => model.planning.budget.base(),
            Self::Connection(id) => model.sites[id].connection.base(),
        }
    }

    /// Its name: `price of b200`.
    #[must_use]
    pub fn name(self, model: &Model) -> String {
        match self {
            Self::Price(id) => format!("price of {}", model.accelerators[id].entity.name),
            Self::Energy(id) => format!("price of energy at {}", model.buses[id].entity.name),
            Self::FixedCost(id) => format!("fixed cost of {}", model.sites[id].entity.name),
            Self::Demand(id) => format!("demand of {}", model.services[id].entity.name),
            Self::Budget => "budget".to_owned(),
            Self::Connection(id) => format!("connection of {}", model.sites[id].entity.name),
        }
    }

    /// Its value times a factor, with a unit.
    #[must_use]
    pub fn value(self, model: &Model, factor: f64) -> String {
        let rounded = |base: f64| format_significant(base * factor, 4).parse().unwrap_or(base * factor);
        match self {
            Self::Price(id) => display(bastide_units::Money::from_base(rounded(model.accelerators[id].price.base()))),
            Self::Energy(id) => {
                let mean = EnergyPrice::from_base(model.mean(model.buses[id].energy_price)).as_eur_per_mwh() * factor;
                format!("{} EUR/MWh", format_significant(mean, 4))
            }
            Self::FixedCost(id) => display(bastide_units::Money::from_base(rounded(model.sites[id].fixed_cost.base()))),
            Self::Demand(id) => display(bastide_units::TokenRate::from_base(rounded(model.services[id].demand.base()))),
            Self::Budget => display(bastide_units::Money::from_base(rounded(model.planning.budget.base()))),
            Self::Connection(id) => display(bastide_units::Power::from_base(rounded(model.sites[id].connection.base()))),
        }
    }

    /// Where the scenario says it.
    #[must_use]
    pub fn place(self, model: &Model) -> &Span {
        match self {
            Self::Price(id) => &model.accelerators[id].entity.span,
            Self::Energy(id) => &model.buses[id].entity.span,
            Self::FixedCost(id) | Self::Connection(id) => &model.sites[id].entity.span,
            Self::Demand(id) => &model.services[id].entity.span,
            Self::Budget => &model.planning.budget_span,
        }
    }

    /// The model with this input at a multiple of its value.
    #[must_use]
    pub fn scaled(self, model: &Model, factor: f64) -> Model {
        let mut model = model.clone();
        match self {
            Self::Price(id) => model.accelerators[id.index()].price = model.accelerators[id].price * factor,
            Self::Energy(id) => {
                let bus = &mut model.buses[id.index()];
                bus.energy_price = match bus.energy_price {
                    Profile::Constant(value) => Profile::Constant(value * factor),
                    Profile::Series { series, scale } => Profile::Series { series, scale: scale * factor },
                };
            }
            Self::FixedCost(id) => model.sites[id.index()].fixed_cost = model.sites[id].fixed_cost * factor,
            Self::Demand(id) => model.services[id.index()].demand = model.services[id].demand * factor,
            Self::Budget => model.planning.budget = model.planning.budget * factor,
            Self::Connection(id) => model.sites[id.index()].connection = model.sites[id].connection * factor,
        }
        model
    }
}

/// One end of the range of an input.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Farthest factor looked at where the decision stays.
    pub stays: f64,
    /// What the decision may cost too much there, relative: proven by two solves.
    pub tolerance: f64,
    /// Nearest factor looked at where it does not, and why.
    pub changes: Option<Change>,
    /// Whether time ended the search.
    pub limited: bool,
}

/// Another decision that is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Factor.
    pub at: f64,
    /// It is better by at least this [EUR/y]; `None` where no plan with the old decision is possible.
    pub better_by_eur: Option<f64>,
    /// Sites that are used and were not.
    pub opened: Vec<SiteId>,
    /// Sites that were used and are not.
    pub left: Vec<SiteId>,
}

/// How far one input may move.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Which.
    pub input: Input,
    /// Below its value.
    pub low: End,
    /// Above it.
    pub high: End,
    /// The same in words.
    pub sentence: String,
}

/// Ranges of inputs, and those that time did not suffice for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranging {
    /// Ranges, in the order of the inputs.
    pub ranges: Vec<Range>,
    /// Inputs that were not looked at.
    pub left_out: Vec<Input>,
}

/// Finds the ranges of inputs within which a plan's sites and types stay the best. The whole takes at most `time`.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub fn ranging(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    plan: &Plan,
    inputs: &[Input],
    time: Duration,
) -> Result<Ranging, PlanError> {
    let question = Question { model, alternative, options, plan, deadline: Deadline::new(time) };
    let mut ranges = Vec::new();
    let mut left_out = Vec::new();
    for input in inputs {
        if question.deadline.passed() {
            left_out.push(*input);
            continue;
        }
        let [low, high] = [question.end(*input, FAR[0])?, question.end(*input, FAR[1])?];
        let sentence = sentence(model, *input, &low, &high);
        ranges.push(Range { input: *input, low, high, sentence });
    }
    Ok(Ranging { ranges, left_out })
}

struct Question<'a> {
    model: &'a Model,
    alternative: Option<&'a Alternative>,
    options: &'a SolveOptions,
    plan: &'a Plan,
    deadline: Deadline,
}

/// What two solves say about a decision.
enum Verdict {
    Stays(f64),
    Changes(Change),
    Open,
}

impl Question<'_> {
    fn end(&self, input: Input, far: f64) -> Result<End, PlanError> {
        let mut end = End { stays: 1.0, tolerance: 0.0, changes: None, limited: false };
        let mut at = far;
        for _ in 0..=HALVINGS {
            match self.verdict(input, at)? {
                Verdict::Stays(tolerance) => {
                    (end.stays, end.tolerance) = (at, tolerance);
                    if end.changes.is_none() {
                        return Ok(end);
                    }
                }
                Verdict::Changes(change) => end.changes = Some(change),
                Verdict::Open => {
                    end.limited = true;
                    return Ok(end);
                }
            }
            at = 0.5 * (end.stays + end.changes.as_ref().map_or(far, |change| change.at));
        }
        Ok(end)
    }

    /// Whether the plan's decision stays when an input is multiplied.
    fn verdict(&self, input: Input, factor: f64) -> Result<Verdict, PlanError> {
        let model = input.scaled(self.model, factor);
        let Ok(mut search) = Search::laid_out(&model, self.alternative, self.options)? else {
            return Ok(Verdict::Changes(Change { at: factor, better_by_eur: None, opened: vec![], left: vec![] }));
        };
        search.limits.time_limit = Duration::from_s(search.limits.time_limit.as_s().min(self.deadline.left().as_s()).max(1e-3));
        let limits: Limits = search.limits;
        let mut program = search.strengthened(&search.formulation.program);
        // Twins that the plan uses out of order are as good.
        program.rows.retain(|row| row.group != Group::Order);
        let decided = self.decided(&search, &program);
        let start = search.point_of(self.plan)?;
        let kept = match search.solve(&decided, &limits, start.as_deref())? {
            Answer::Found(found) => Some(found),
            Answer::Infeasible => None,
            Answer::Unknown { .. } => return Ok(Verdict::Open),
        };
        let start = match &kept {
            Some(kept) => search.near(&decided, &kept.values)?,
            None => None,
        };
        let best = match search.solve(&program, &limits, start.as_deref())? {
            Answer::Found(best) => best,
            // No plan at all: nothing is better.
            Answer::Infeasible => return Ok(Verdict::Changes(Change { at: factor, better_by_eur: None, opened: vec![], left: vec![] })),
            Answer::Unknown { .. } => return Ok(Verdict::Open),
        };
        let (opened, left) = self.moved(&search, &best.values);
        let change = |better_by_eur| Verdict::Changes(Change { at: factor, better_by_eur, opened, left });
        Ok(match kept {
            None => change(None),
            Some(kept) if best.objective < kept.bound => change(Some((kept.bound - best.objective) * 1e6)),
            Some(kept) => {
                let excess = (kept.objective - best.bound) / kept.objective.abs().max(1e-6);
                // Two searches that time cut short say nothing.
                if kept.limited || best.limited && excess > 2.0 * limits.gap { Verdict::Open } else { Verdict::Stays(excess.max(0.0)) }
            }
        })
    }

    fn used(&self, site: SiteId) -> bool {
        self.plan.builds.iter().any(|build| build.site == site && build.count > 0)
    }

    /// The program with the plan's decision: the same sites, and the same types somewhere.
    fn decided(&self, search: &Search, program: &Program) -> Program {
        let (instance, it) = (&search.instance, &search.formulation);
        let mut program = program.clone();
        for (at, site) in instance.sites.iter().enumerate() {
            let used = f64::from(u8::from(self.used(site.id) || instance.stands(at)));
            let column = &mut program.columns[it.build[at]];
            (column.lower, column.upper) = (used, used);
        }
        for (kind, terms) in instance.types.iter().enumerate() {
            let columns: Vec<usize> = it.nodes.iter().filter_map(|by_type| by_type[kind]).collect();
            if columns.is_empty() {
                continue;
            }
            if self.plan.builds.iter().any(|build| build.accelerator == terms.id && build.count > 0) {
                program.at_most(Group::Structure, columns.into_iter().map(|column| (column, -1.0)), -1.0);
            } else {
                columns.into_iter().for_each(|column| program.columns[column].upper = 0.0);
            }
        }
        program
    }

    /// Sites that a point uses and the plan does not, and the other way round.
    fn moved(&self, search: &Search, values: &[f64]) -> (Vec<SiteId>, Vec<SiteId>) {
        let sites =
            || search.instance.sites.iter().zip(&search.formulation.build).enumerate().filter(|(at, _)| !search.instance.stands(*at));
        let built = |column: usize| values[column] > 0.5;
        let opened = sites().filter(|(_, (site, column))| built(**column) && !self.used(site.id)).map(|(_, (site, _))| site.id).collect();
        let left = sites().filter(|(_, (site, column))| !built(**column) && self.used(site.id)).map(|(_, (site, _))| site.id).collect();
        (opened, left)
    }
}

fn sentence(model: &Model, input: Input, low: &End, high: &End) -> String {
    let percent = |end: &End| format_significant((end.tolerance * 100.0).max(1e-4), 2);
    let names = |sites: &[SiteId]| sites.iter().map(|id| format!("`{}`", model.sites[*id].entity.name)).collect::<Vec<_>>().join(", ");
    let end = |end: &End, word: &str| {
        let change = end.changes.as_ref().map(|change| {
            let value = input.value(model, change.at);
            let Some(better) = change.better_by_eur else { return format!("at {value} no plan with the same sites and types is possible") };
            let better = display(bastide_units::Money::from_eur(format_significant(better, 3).parse().unwrap_or(better)));
            let moves = match (change.opened.as_slice(), change.left.as_slice()) {
                ([], []) => "other types are better".to_owned(),
                (opened, []) => format!("using {} too is better", names(opened)),
                ([], left) => format!("leaving {} is better", names(left)),
                (opened, left) => format!("{} instead of {} is better", names(opened), names(left)),
            };
            format!("at {value} {moves} by at least {better} a year")
        });
        let stays = if end.stays == 1.0 {
            None
        } else {
            Some(format!("{word} to {} (within {} % there)", input.value(model, end.stays), percent(end)))
        };
        let limited = end.limited.then(|| format!("{word} of that is not known: time ended the search"));
        [stays, change, limited].into_iter().flatten().collect::<Vec<_>>().join("; ")
    };
    let name = input.name(model);
    let ends: Vec<String> = [end(low, "down"), end(high, "up")].into_iter().filter(|text| !text.is_empty()).collect();
    format!("{name}, now {}: the chosen sites and types stay the best {}", input.value(model, 1.0), ends.join("; "))
}
