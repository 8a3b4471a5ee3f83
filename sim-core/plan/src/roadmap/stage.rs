//! The scenario tree: a stage for each period of each outlook. Without outlooks it is a path.
//!
//! A decision at a stage holds in every stage below it: what nobody can know yet cannot be used (Birge and Louveaux 2011,
//! section 2.4), so no further constraint of non-anticipativity is needed.

use bastide_model::model::{Model, Outlook};
use bastide_units::Duration;

/// A period of an outlook.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    /// Period, from 0.
    pub period: usize,
    /// Stage before.
    pub parent: Option<usize>,
    /// Stages after.
    pub children: Vec<usize>,
    /// Probability of coming here.
    pub probability: f64,
    /// Outlook, by its position; `None` on the trunk.
    pub outlook: Option<usize>,
    /// What holds here.
    pub factors: Factors,
}

/// Factors on what the scenario says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Factors {
    /// Share of each site's accelerators that can be used, by site of the model.
    pub availability: Vec<f64>,
    /// On the demand, by service.
    pub demand: Vec<f64>,
    /// On the price of energy, by bus.
    pub energy_price: Vec<f64>,
    /// On the price of accelerators that are ordered.
    pub accelerator_price: f64,
    /// Share of what is due that arrives.
    pub deliveries: f64,
    /// What is due arrives later by this.
    pub delay: Duration,
    /// On hosting limits.
    pub hosting: f64,
}

impl Factors {
    /// What the scenario says.
    pub(super) fn none(model: &Model) -> Self {
        Self {
            availability: vec![1.0; model.sites.len()],
            demand: vec![1.0; model.services.len()],
            energy_price: vec![1.0; model.buses.len()],
            accelerator_price: 1.0,
            deliveries: 1.0,
            delay: Duration::ZERO,
            hosting: 1.0,
        }
    }
    fn of(outlook: &Outlook) -> Self {
        let branch = &outlook.branch;
        Self {
            availability: outlook.availability.clone(),
            demand: outlook.demand.clone(),
            energy_price: outlook.energy_price.clone(),
            accelerator_price: branch.accelerator_price,
            deliveries: branch.deliveries,
            delay: branch.delay,
            hosting: branch.hosting,
        }
    }
}

/// The stages, each after its parent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    /// All.
    pub stages: Vec<Stage>,
}

impl Tree {
    /// The tree of a model's outlooks.
    pub(super) fn new(model: &Model, periods: usize) -> Self {
        let mut tree = Self { stages: Vec::new() };
        tree.grow(model, None, None, 0, periods);
        tree
    }

    /// The same periods with the mean of all outlooks, as a path: for the value of the stochastic solution.
    pub(super) fn of_means(&self, periods: usize) -> Self {
        let mean = |period: usize, of: &dyn Fn(&Factors) -> f64| -> f64 {
            self.stages.iter().filter(|it| it.period == period).map(|it| it.probability * of(&it.factors)).sum()
        };
        let each = |period: usize, of: &dyn Fn(&Factors) -> &Vec<f64>| -> Vec<f64> {
            let length = self.stages.first().map_or(0, |it| of(&it.factors).len());
            (0..length).map(|at| mean(period, &|it| of(it)[at])).collect()
        };
        let stage = |period: usize| Stage {
            period,
            parent: period.checked_sub(1),
            children: (period + 1 < periods).then_some(period + 1).into_iter().collect(),
            probability: 1.0,
            outlook: None,
            factors: Factors {
                availability: each(period, &|it| &it.availability),
                demand: each(period, &|it| &it.demand),
                energy_price: each(period, &|it| &it.energy_price),
                accelerator_price: mean(period, &|it| it.accelerator_price),
                deliveries: mean(period, &|it| it.deliveries),
                delay: Duration::from_s(mean(period, &|it| it.delay.as_s())),
                hosting: mean(period, &|it| it.hosting),
            },
        };
        Self { stages: (0..periods).map(stage).collect() }
    }

    /// The way to a last stage as if nothing else could come.
    pub(super) fn alone(&self, leaf: usize) -> Self {
        let mut way: Vec<usize> = self.back(leaf).collect();
        way.reverse();
        let stage = |(at, stage): (usize, &usize)| Stage {
            parent: at.checked_sub(1),
            children: (at + 1 < way.len()).then_some(at + 1).into_iter().collect(),
            probability: 1.0,
            ..self.stages[*stage].clone()
        };
        Self { stages: way.iter().enumerate().map(stage).collect() }
    }

    /// Adds the stages of an outlook from a period on, then those of the outlooks that branch off.
    fn grow(&mut self, model: &Model, outlook: Option<usize>, parent: Option<usize>, from: usize, periods: usize) {
        let outlooks = &model.planning.uncertainty.outlooks;
        let period = |time| model.growth.horizon.as_ref().map_or(1, |horizon| horizon.period_from(time));
        let first = |at: usize| outlooks[at].branch.from.map_or(1, period).max(1);
        let children: Vec<usize> =
            (0..outlooks.len()).filter(|at| outlooks[*at].branch.parent == outlook && first(*at) < periods).collect();
        let factors = outlook.map_or_else(|| Factors::none(model), |at| Factors::of(&outlooks[at]));
        let mut probability = parent.map_or(1.0, |at| self.stages[at].probability);
        probability *= outlook.map_or(1.0, |at| outlooks[at].probability);
        let end = children.iter().map(|at| first(*at)).min().unwrap_or(periods).max(from + usize::from(parent.is_none()));
        let mut last = parent;
        for period in from..end.min(periods) {
            let at = self.stages.len();
            self.stages.push(Stage { period, parent: last, children: Vec::new(), probability, outlook, factors: factors.clone() });
            if let Some(before) = last {
                self.stages[before].children.push(at);
            }
            last = Some(at);
        }
        for child in children {
            self.grow(model, Some(child), last, end, periods);
        }
    }

    /// Stages from one back to the first.
    pub(super) fn back(&self, stage: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(stage), |at| self.stages[*at].parent)
    }
    /// The stage of a period on the way to one.
    pub(super) fn on_way(&self, stage: usize, period: usize) -> Option<usize> {
        self.back(stage).find(|at| self.stages[*at].period == period)
    }
    /// The stage so many periods before one.
    pub(super) fn before(&self, stage: usize, periods: usize) -> Option<usize> {
        self.back(stage).nth(periods)
    }
    /// Last stages.
    pub(super) fn leaves(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.stages.len()).filter(|at| self.stages[*at].children.is_empty())
    }
    /// A stage and all below it.
    pub(super) fn below(&self, stage: usize) -> Vec<usize> {
        let mut all = vec![stage];
        let mut next = 0;
        while next < all.len() {
            all.extend_from_slice(&self.stages[all[next]].children);
            next += 1;
        }
        all
    }
}
