//! Why something is not in a plan: the cheapest plan that is made to have it, and what that costs more.
//!
//! The reduced cost of a choice in an integer program is the rise of the optimum when the choice is forced (Wolsey 1981, "Integer programming
//! duality: price functions and sensitivity analysis", section 3); it is found here by solving again, with a bound. Both plans are
//! proven within their gaps, so that the true difference lies between `at_least_eur` and `at_most_eur`.

use bastide_model::model::{AcceleratorId, Alternative, CampaignId, Model, SiteId};
use bastide_model::plan::{CostLine, Plan};

use crate::conflict::Conflict;
use crate::program::{Group, Program, Sense};
use crate::search::Search;
use crate::siting::Proof;
use crate::solver::Answer;
use crate::{PlanError, SolveOptions};

/// What a plan could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// New or standing accelerators at a site.
    Site(SiteId),
    /// At least one node of a type.
    Accelerator(AcceleratorId),
    /// A campaign that runs.
    Campaign(CampaignId),
}

impl Choice {
    /// The choice of a name: a site, a type or a campaign, `site.riga` where a name stands for several things.
    #[must_use]
    pub fn named(model: &Model, name: &str) -> Option<Self> {
        let (kind, name) = name.split_once('.').map_or((None, name), |(kind, name)| (Some(kind), name));
        let wanted = |word: &str| kind.is_none_or(|kind| kind == word);
        let site = || model.sites.iter().position(|it| it.entity.name == name).map(|at| Self::Site(SiteId::from_index(at)));
        let accelerator =
            || model.accelerators.iter().position(|it| it.entity.name == name).map(|at| Self::Accelerator(AcceleratorId::from_index(at)));
        let campaign = || model.campaigns.iter().position(|it| it.entity.name == name).map(|at| Self::Campaign(CampaignId::from_index(at)));
        let found = [("site", site()), ("accelerator", accelerator()), ("campaign", campaign())];
        found.into_iter().filter(|(word, _)| wanted(word)).find_map(|(_, choice)| choice)
    }

    /// Its name.
    #[must_use]
    pub fn name(self, model: &Model) -> &str {
        match self {
            Self::Site(id) => &model.sites[id].entity.name,
            Self::Accelerator(id) => &model.accelerators[id].entity.name,
            Self::Campaign(id) => &model.campaigns[id].entity.name,
        }
    }

    /// What a plan with it does, in words.
    fn deed(self, model: &Model) -> String {
        let name = self.name(model);
        match self {
            Self::Site(_) => format!("uses site `{name}`"),
            Self::Accelerator(_) => format!("buys `{name}`"),
            Self::Campaign(_) => format!("runs campaign `{name}`"),
        }
    }

    /// Whether a plan has it.
    #[must_use]
    pub fn is_in(self, plan: &Plan) -> bool {
        match self {
            Self::Site(id) => plan.builds.iter().any(|build| build.site == id && build.count > 0),
            Self::Accelerator(id) => plan.builds.iter().any(|build| build.accelerator == id && build.count > 0),
            Self::Campaign(id) => plan.campaigns.iter().any(|placed| placed.campaign == id),
        }
    }
}

/// The cheapest plan with a choice, beside the plan without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Forced {
    /// The plan that has it, with its certificate.
    pub plan: Box<Plan>,
    /// What it costs more [EUR/y]; negative if it is cheaper, which only a gap allows.
    pub extra_eur: f64,
    /// The true difference of the two optima is at least this [EUR/y].
    pub at_least_eur: f64,
    /// And at most this [EUR/y].
    pub at_most_eur: f64,
    /// What changes, line by line.
    pub lines: Vec<CostLine>,
}

/// Why a choice is not in a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// It is.
    Chosen,
    /// It costs more.
    Dearer(Forced),
    /// No plan has it, in words; with the wishes that exclude it where they are known.
    Impossible(String, Option<Conflict>),
    /// The time limit came first, in words.
    Unknown(String),
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq)]
pub struct WhyNot {
    /// What was asked for.
    pub choice: Choice,
    /// Why it is not there.
    pub reason: Reason,
    /// The same in words.
    pub sentence: String,
}

/// Why a choice is not in a plan that a search found, and what it would cost to have it.
///
/// # Errors
/// [`PlanError`] when the solver breaks off or the result contradicts itself.
pub fn why_not(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    base: &Plan,
    choice: Choice,
) -> Result<WhyNot, PlanError> {
    let reason = if choice.is_in(base) { Reason::Chosen } else { reason(model, alternative, options, base, choice)? };
    let sentence = sentence(model, choice, &reason);
    Ok(WhyNot { choice, reason, sentence })
}

fn reason(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    base: &Plan,
    choice: Choice,
) -> Result<Reason, PlanError> {
    let search = match Search::laid_out(model, alternative, options)? {
        Ok(search) => search,
        Err(conflict) => return Ok(Reason::Impossible("there is no plan at all".to_owned(), Some(conflict))),
    };
    let Some(program) = forced(&search, choice) else {
        return Ok(Reason::Impossible(closed(choice).to_owned(), None));
    };
    let program = search.strengthened(&program);
    let start = match search.point_of(base)? {
        Some(mut point) => {
            if let Choice::Site(id) = choice
                && let Some(at) = search.instance.sites.iter().position(|site| site.id == id)
            {
                point[search.formulation.build[at]] = 1.0;
            }
            search.near(&program, &point)?
        }
        None => None,
    };
    let found = match search.solve(&program, &search.limits, start.as_deref())? {
        Answer::Found(found) => found,
        Answer::Infeasible => {
            let conflict = match choice {
                Choice::Site(id) => Some(search.conflict_under(Some(&requiring(model, alternative, id)))?),
                Choice::Accelerator(_) | Choice::Campaign(_) => None,
            };
            return Ok(Reason::Impossible("no plan that has it keeps the limits".to_owned(), conflict));
        }
        Answer::Unknown { reason, .. } => return Ok(Reason::Unknown(reason)),
    };
    let polished = search.polished(&program, &found)?;
    let mut plan = search.drawn(&polished.values)?;
    let certificate = search.certificate(&plan, Proof::of(crate::SOLVER, &program), found.bound * 1e6, found.limited);
    let cost = |plan: &Plan| plan.cost.iter().map(|line| line.annual_eur).sum::<f64>();
    let (with, without) = (cost(&plan), cost(base));
    // A plan that does not say its bound is at best free of charge.
    let bound = base.certificate.as_ref().map_or(f64::NEG_INFINITY, |it| it.bound_eur);
    let lines = difference(&plan.cost, &base.cost);
    let at_least_eur = certificate.bound_eur - without;
    plan.certificate = Some(certificate);
    Ok(Reason::Dearer(Forced { extra_eur: with - without, at_least_eur, at_most_eur: with - bound, lines, plan: Box::new(plan) }))
}

/// The program with a choice forced; `None` where nothing could have it. Twins need not be used in order any more.
fn forced(search: &Search, choice: Choice) -> Option<Program> {
    let (instance, it) = (&search.instance, &search.formulation);
    let mut program = it.program.clone();
    program.rows.retain(|row| row.group != Group::Order);
    match choice {
        Choice::Site(id) => {
            let at = instance.sites.iter().position(|site| site.id == id)?;
            program.columns[it.build[at]].lower = 1.0;
        }
        Choice::Accelerator(id) => {
            let kind = instance.types.iter().position(|kind| kind.id == id)?;
            let bought: Vec<_> = it.nodes.iter().filter_map(|by_type| by_type[kind]).map(|column| (column, -1.0)).collect();
            if bought.is_empty() {
                return None;
            }
            program.at_most(Group::Structure, bought, -1.0);
        }
        Choice::Campaign(id) => {
            let mut runs: Vec<_> = it.train.iter().filter(|(campaign, ..)| *campaign == id).map(|(.., column)| (*column, 1.0)).collect();
            if runs.is_empty() {
                let gangs = instance.gangs.iter().zip(&it.run).filter(|(gang, _)| gang.campaign == id);
                runs.extend(gangs.map(|(_, column)| (*column, 1.0)));
            }
            if runs.is_empty() {
                return None;
            }
            program.row(Group::Structure, runs, Sense::Equal, 1.0);
        }
    }
    Some(program)
}

/// Why nothing could have a choice.
const fn closed(choice: Choice) -> &'static str {
    match choice {
        Choice::Site(_) => "it is no candidate of the plan and has no accelerators",
        Choice::Accelerator(_) => "it is not among the accelerators that the plan may buy",
        Choice::Campaign(_) => "no site may run it from its beginning to its end, or no type holds it",
    }
}

/// An alternative like this one that requires a site.
fn requiring(model: &Model, alternative: Option<&Alternative>, site: SiteId) -> Alternative {
    let mut it = alternative.cloned().unwrap_or_else(|| Alternative {
        entity: model.sites[site].entity.clone(),
        plan: None,
        sites: None,
        count: None,
        required: Vec::new(),
        tier_share: Vec::new(),
        max_site_share: None,
        survive_site_loss: None,
        supply: bastide_model::model::Supply::default(),
    });
    it.required.push(site);
    it
}

/// Cost lines of one plan less those of another; only those that differ.
fn difference(with: &[CostLine], without: &[CostLine]) -> Vec<CostLine> {
    let of = |lines: &[CostLine], name: &str| {
        lines.iter().filter(|line| line.line == name).fold((0.0, 0.0), |sum, line| (sum.0 + line.annual_eur, sum.1 + line.capital_eur))
    };
    let names = with.iter().map(|line| &line.line);
    let lines = names.map(|name| {
        let (a, b) = (of(with, name), of(without, name));
        CostLine { line: name.clone(), annual_eur: a.0 - b.0, capital_eur: a.1 - b.1 }
    });
    lines.filter(|line| line.annual_eur.abs() >= 0.5 || line.capital_eur.abs() >= 0.5).collect()
}

fn sentence(model: &Model, choice: Choice, reason: &Reason) -> String {
    let deed = choice.deed(model);
    let money =
        |eur: f64| bastide_units::display(bastide_units::Money::from_eur(bastide_units::format_significant(eur, 4).parse().unwrap_or(eur)));
    match reason {
        Reason::Chosen => format!("the plan {deed}"),
        Reason::Impossible(why, conflict) => {
            let names = conflict.iter().flat_map(|it| &it.groups).map(|group| format!("`{}`", group.name)).collect::<Vec<_>>();
            let list = if names.is_empty() { String::new() } else { format!(": {} exclude each other", names.join(", ")) };
            format!("no plan {deed}: {why}{list}")
        }
        Reason::Unknown(why) => format!("whether a plan that {deed} is much dearer is not known: {why}"),
        Reason::Dearer(forced) => {
            let largest = forced.lines.iter().max_by(|a, b| a.annual_eur.total_cmp(&b.annual_eur)).filter(|line| line.annual_eur > 0.0);
            let mostly = largest.map_or_else(String::new, |line| format!(", most of it for {}: {}", line.line, money(line.annual_eur)));
            if forced.at_least_eur > 0.0 {
                format!(
                    "the cheapest plan found that {deed} costs {} a year more, at least {} and at most {}{mostly}",
                    money(forced.extra_eur),
                    money(forced.at_least_eur),
                    money(forced.at_most_eur)
                )
            } else if forced.extra_eur > 0.0 {
                format!(
                    "a plan that {deed} costs {} a year more, which is within the gap: it may be as good{mostly}",
                    money(forced.extra_eur)
                )
            } else {
                format!("a plan that {deed} is as cheap, within the gap")
            }
        }
    }
}
