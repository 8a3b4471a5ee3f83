//! A mixed-integer program as plain arrays: columns with cost, rows with the group of the scenario that they stand for.

use bastide_model::model::{AcceleratorId, BusId, DatasetId, ServiceId, SiteId, SiteTier, Tier};

/// The wish of the scenario that a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Definitions that no planner can give up.
    Structure,
    /// A site in use has accelerators.
    InUse,
    /// Twins are used in order.
    Order,
    /// Capital.
    Budget,
    /// Capital of a year of a roadmap.
    YearBudget(u32),
    /// Caps of an order book, by its position.
    OrderBook(u32),
    /// An export cap, by its position.
    ExportCap(u32),
    /// IT power of all sites.
    ItPower,
    /// Fewest sites.
    FewestSites,
    /// Most sites.
    MostSites,
    /// A site that must be built.
    Required(SiteId),
    /// Least share of IT power in sites of a tier.
    TierShare(SiteTier),
    /// Most share of IT power at any one site.
    SiteShare,
    /// Grid connection of a site.
    Connection(SiteId),
    /// Room of a site for IT power.
    Room(SiteId),
    /// Room of a site for accelerators.
    Accelerators(SiteId),
    /// AI load that a bus accepts.
    Hosting(BusId),
    /// Number of a type.
    TypeCap(AcceleratorId),
    /// Where a service may run.
    Legality(ServiceId),
    /// How far a service may be from its users.
    Latency(ServiceId),
    /// Nations stay connected when any single link is down.
    LinkLoss,
    /// All of a service runs at one site.
    SingleSite(ServiceId),
    /// A tier survives the loss of any single site.
    Survival(Tier),
    /// Least service of a tier.
    MinService(Tier),
    /// What must keep running of a service outside any single site.
    Critical(ServiceId),
    /// Least service in an outage, by its position.
    Outage(usize),
    /// Copies of a dataset.
    Dataset(DatasetId),
}

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// Objective coefficient [M EUR/y per unit].
    pub cost: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether it is integer.
    pub integer: bool,
}

/// How a row compares with its right-hand side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    /// At most.
    AtMost,
    /// Exactly.
    Equal,
}

/// A linear constraint: terms compared with a limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// What it stands for.
    pub group: Group,
    /// For the loss of which site it holds, in the rows of survival.
    pub loss_of: Option<usize>,
    /// In which stage of a roadmap it holds.
    pub stage: Option<usize>,
    /// Column and coefficient; each column at most once.
    pub terms: Vec<(usize, f64)>,
    /// Sense.
    pub sense: Sense,
    /// Right-hand side.
    pub limit: f64,
}

/// A program: minimise `offset + cost * x`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    /// Variables.
    pub columns: Vec<Column>,
    /// Constraints.
    pub rows: Vec<Row>,
    /// Constant of the objective [M EUR/y].
    pub offset: f64,
}

impl Program {
    /// Adds a continuous variable.
    pub(crate) fn continuous(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.columns.push(Column { cost, lower, upper, integer: false });
        self.columns.len() - 1
    }
    /// Adds an integer variable.
    pub(crate) fn integer(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.columns.push(Column { cost, lower, upper, integer: true });
        self.columns.len() - 1
    }
    /// Adds a constraint; terms of the same column are added up, zeros left out.
    pub(crate) fn row(&mut self, group: Group, terms: impl IntoIterator<Item = (usize, f64)>, sense: Sense, limit: f64) {
        let mut terms: Vec<(usize, f64)> = terms.into_iter().collect();
        terms.sort_by_key(|(column, _)| *column);
        terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        terms.retain(|(_, coefficient)| *coefficient != 0.0);
        self.rows.push(Row { group, loss_of: None, stage: None, terms, sense, limit });
    }
    /// At most.
    pub(crate) fn at_most(&mut self, group: Group, terms: impl IntoIterator<Item = (usize, f64)>, limit: f64) {
        self.row(group, terms, Sense::AtMost, limit);
    }
    /// The same program without any integer.
    pub(crate) fn relaxed(&self) -> Self {
        let mut program = self.clone();
        program.columns.iter_mut().for_each(|column| column.integer = false);
        program
    }
    /// Objective of a point [M EUR/y].
    pub(crate) fn value(&self, values: &[f64]) -> f64 {
        self.offset + self.columns.iter().zip(values).map(|(column, value)| column.cost * value).sum::<f64>()
    }
    /// The same program with every integer fixed at its rounded value.
    pub(crate) fn with_integers_fixed(&self, values: &[f64]) -> Self {
        let mut program = self.clone();
        for (column, value) in program.columns.iter_mut().zip(values).filter(|(column, _)| column.integer) {
            let value = value.round().clamp(column.lower, column.upper);
            (column.lower, column.upper, column.integer) = (value, value, false);
        }
        program
    }
}
