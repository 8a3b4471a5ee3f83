//! The plan as a file: TOML with names.

use std::fmt::Write as _;

use bastide_units::{Quantity, TokenRate};

use super::roadmap::file as dated;
use super::{Build, CampaignPlacement, Certificate, CostLine, Lot, Placement, Plan, Price, Replica, Roadmap, SolveStatus, StandBy};
use crate::decode::{Context, Cursor};
use crate::diag::{Diagnostic, Severity};
use crate::keys::Kind::{Boolean, Count, Ratio as RatioKind, Reference, Text, Word};
use crate::keys::Need::{Optional, Required};
use crate::keys::{Key, Kind, Need, Range, TableSpec, nearest, unit};
use crate::model::{AcceleratorId, CampaignId, DatasetId, Entity, InvestmentId, LinkId, Model, ServiceId, SiteId};
use crate::source::Span;
use crate::text::{self, At};
use crate::tree::{self, Table, Value};

/// Version of the plan format.
pub const SCHEMA: &str = "bastide/plan/1";

/// Where a plan's entries stand in its file, in the order of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanPlaces {
    /// The file as a whole.
    pub file: Span,
    /// `[[build]]`.
    pub builds: Vec<Span>,
    /// `[[investment]]`.
    pub investments: Vec<Span>,
    /// `[[works]]`.
    pub works: Vec<Span>,
    /// `[[step]]`.
    pub steps: Vec<Span>,
    /// `[[placement]]`.
    pub placements: Vec<Span>,
    /// `[[stand-by]]`.
    pub standbys: Vec<Span>,
    /// `[[campaign]]`.
    pub campaigns: Vec<Span>,
    /// `[[replica]]`.
    pub replicas: Vec<Span>,
    /// `[[link]]`.
    pub links: Vec<Span>,
    /// `[[unserved]]`.
    pub unserved: Vec<Span>,
    /// `annual_eur` of each `[[cost]]`.
    pub annual_costs: Vec<Span>,
    /// `capital_eur` of each `[[cost]]`.
    pub capital_costs: Vec<Span>,
    /// Keys of the `[certificate]`.
    pub certificate: Vec<(&'static str, Span)>,
}

impl PlanPlaces {
    /// For a plan that was never a file: everything is at its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            file: Span::file(name),
            builds: vec![],
            works: vec![],
            steps: vec![],
            investments: vec![],
            placements: vec![],
            standbys: vec![],
            campaigns: vec![],
            replicas: vec![],
            links: vec![],
            unserved: vec![],
            annual_costs: vec![],
            capital_costs: vec![],
            certificate: vec![],
        }
    }
    /// The place of an entry, or the file.
    #[must_use]
    pub fn of<'a>(&'a self, list: &'a [Span], index: usize) -> &'a Span {
        list.get(index).unwrap_or(&self.file)
    }
}

pub(super) const fn row(name: &'static str, kind: Kind, need: Need) -> Key {
    Key { name, kind, need, doc: "see docs/formats.md" }
}
pub(super) const fn list(name: &'static str, keys: &'static [Key]) -> TableSpec {
    TableSpec { name, array: true, required: false, doc: "", keys, variants: &[] }
}
const SITE: Key = row("site", Reference("site"), Required);
const SERVICE: Key = row("service", Reference("service"), Required);
const SHARE: Key = row("share", RatioKind(Range::Share), Required);

static BUILD: TableSpec = list(
    "build",
    &[
        SITE,
        row("accelerator", Reference("accelerator"), Required),
        row("count", Count(Range::NotNegative), Required),
        dated::LOT[0],
        dated::LOT[1],
        dated::LOT[2],
        dated::LOT[3],
        dated::LOT[4],
    ],
);
static INVESTMENT: TableSpec =
    list("investment", &[row("name", Reference("investment"), Required), row("count", Count(Range::AtLeastOne), Optional)]);
static PLACEMENT: TableSpec = list("placement", &[SERVICE, SITE, SHARE, row("accelerators", Kind::AppliesTo, Optional)]);
static STANDBY: TableSpec = list("stand-by", &[SERVICE, row("of", Reference("site"), Required), SITE, SHARE]);
static CAMPAIGN: TableSpec = list(
    "campaign",
    &[
        row("campaign", Reference("campaign"), Required),
        SITE,
        row("accelerator", Reference("accelerator"), Required),
        row("islands", Count(Range::AtLeastOne), Optional),
    ],
);
static REPLICA: TableSpec = list("replica", &[row("dataset", Reference("dataset"), Required), SITE]);
static LINK: TableSpec = list("link", &[row("link", Reference("link"), Required)]);
static UNSERVED: TableSpec = list("unserved", &[SERVICE, row("demand", Kind::Quantity(unit::<TokenRate>(), Range::NotNegative), Required)]);
static COST: TableSpec =
    list("cost", &[row("line", Word, Required), row("annual_eur", Boolean, Required), row("capital_eur", Boolean, Required)]);
static PRICE: TableSpec = list(
    "price",
    &[
        row("constraint", Word, Required),
        row("annual_eur", Boolean, Required),
        row("unit", Text, Required),
        row("limit", Boolean, Required),
        row("place", Text, Required),
    ],
);
static CERTIFICATE: TableSpec = TableSpec {
    name: "certificate",
    array: false,
    required: false,
    doc: "",
    keys: &[
        row("status", Word, Required),
        row("solver", Text, Required),
        row("objective_eur", Boolean, Required),
        row("bound_eur", Boolean, Required),
        row("gap", Boolean, Required),
        row("rows", Count(Range::NotNegative), Required),
        row("columns", Count(Range::NotNegative), Required),
        row("integers", Count(Range::NotNegative), Required),
    ],
    variants: &[],
};
static SPECS: [&TableSpec; 16] = [
    &dated::WORKS,
    &dated::STEP,
    &dated::PERIOD,
    &dated::BEGIN,
    &dated::OUTLOOKS,
    &BUILD,
    &INVESTMENT,
    &PLACEMENT,
    &STANDBY,
    &CAMPAIGN,
    &REPLICA,
    &LINK,
    &UNSERVED,
    &COST,
    &PRICE,
    &CERTIFICATE,
];
const STATUSES: [(&str, SolveStatus); 4] = [
    ("optimal", SolveStatus::Optimal),
    ("within-gap", SolveStatus::WithinGap),
    ("limit-with-incumbent", SolveStatus::LimitWithIncumbent),
    ("manual", SolveStatus::Manual),
];

impl Plan {
    /// The plan as a file; reading it back gives the same plan.
    #[must_use]
    pub fn write(&self, model: &Model) -> String {
        let mut out = format!("schema = \"{SCHEMA}\"\nname = {}\nscenario = {}\n", quoted(&self.name), quoted(&model.header.name));
        let site = |id: SiteId| quoted(&model.sites[id].entity.name);
        let service = |id: ServiceId| quoted(&model.services[id].entity.name);
        let accelerator = |id: AcceleratorId| quoted(&model.accelerators[id].entity.name);
        // Writing to a String cannot fail.
        // Those of a roadmap are dated.
        for build in self.builds.iter().filter(|_| self.roadmap.is_none()) {
            let _ = write!(
                out,
                "\n[[build]]\nsite = {}\naccelerator = {}\ncount = {}\n",
                site(build.site),
                accelerator(build.accelerator),
                build.count
            );
        }
        for (id, times) in &self.investments {
            let _ = write!(out, "\n[[investment]]\nname = {}\ncount = {times}\n", quoted(&model.investments[*id].entity.name));
        }
        for placement in &self.placements {
            let _ = write!(
                out,
                "\n[[placement]]\nservice = {}\nsite = {}\nshare = {}\n",
                service(placement.service),
                site(placement.site),
                float(placement.share)
            );
            let types: Vec<String> =
                placement.accelerators.iter().map(|(id, count)| format!("{} = {}", accelerator(*id), float(*count))).collect();
            let _ = writeln!(out, "accelerators = {{ {} }}", types.join(", "));
        }
        for standby in &self.standbys {
            let _ = write!(
                out,
                "\n[[stand-by]]\nservice = {}\nof = {}\nsite = {}\nshare = {}\n",
                service(standby.service),
                site(standby.of),
                site(standby.site),
                float(standby.share)
            );
        }
        for placed in &self.campaigns {
            let campaign = quoted(&model.campaigns[placed.campaign].entity.name);
            let _ = write!(
                out,
                "\n[[campaign]]\ncampaign = {campaign}\nsite = {}\naccelerator = {}\n",
                site(placed.site),
                accelerator(placed.accelerator)
            );
            if placed.islands != 1 {
                let _ = writeln!(out, "islands = {}", placed.islands);
            }
        }
        for replica in &self.replicas {
            let _ = write!(
                out,
                "\n[[replica]]\ndataset = {}\nsite = {}\n",
                quoted(&model.datasets[replica.dataset].entity.name),
                site(replica.site)
            );
        }
        for id in &self.links {
            let _ = write!(out, "\n[[link]]\nlink = {}\n", quoted(&model.links[*id].entity.name));
        }
        for (id, demand) in &self.unserved {
            let _ = write!(out, "\n[[unserved]]\nservice = {}\ndemand = \"{} tokens/s\"\n", service(*id), demand.base());
        }
        out.push_str(&self.hedge.write(model));
        for cost in &self.cost {
            let _ = write!(
                out,
                "\n[[cost]]\nline = {}\nannual_eur = {}\ncapital_eur = {}\n",
                quoted(&cost.line),
                float(cost.annual_eur),
                float(cost.capital_eur)
            );
        }
        for price in &self.prices {
            let _ = write!(
                out,
                "\n[[price]]\nconstraint = {}\nannual_eur = {}\nunit = {}\nlimit = {}\nplace = {}\n",
                quoted(&price.constraint),
                float(price.annual_eur),
                quoted(&price.unit),
                float(price.limit),
                quoted(&price.place)
            );
        }
        if let Some(roadmap) = &self.roadmap {
            roadmap.write(&mut out, model);
        }
        if let Some(proof) = &self.certificate {
            let status = STATUSES.iter().find(|(_, status)| *status == proof.status).map_or("manual", |(name, _)| name);
            let _ = write!(
                out,
                "\n[certificate]\nstatus = \"{status}\"\nsolver = {}\nobjective_eur = {}\nbound_eur = {}\ngap = {}\nrows = {}\ncolumns = {}\nintegers = {}\n",
                quoted(&proof.solver),
                float(proof.objective_eur),
                float(proof.bound_eur),
                float(proof.gap),
                proof.rows,
                proof.columns,
                proof.integers
            );
        }
        out
    }

    /// Reads a plan file. Where a placement does not say its accelerators, they follow from share, demand and what is built.
    ///
    /// # Errors
    /// Every mistake found, in order of line.
    pub fn read(text: &str, file_name: &str, model: &Model) -> Result<Self, Vec<Diagnostic>> {
        Self::read_with_places(text, file_name, model).map(|(plan, _)| plan)
    }

    /// Reads a plan file, with the places of its entries for [`super::check_plan`].
    ///
    /// # Errors
    /// Every mistake found, in order of line.
    pub fn read_with_places(text: &str, file_name: &str, model: &Model) -> Result<(Self, PlanPlaces), Vec<Diagnostic>> {
        let text = text::decode(text.as_bytes(), file_name).map_err(|diagnostic| vec![*diagnostic])?;
        let mut ctx = Context::default();
        let file = ctx.files.sources.add(file_name, text);
        let mut syntax = Vec::new();
        let root = tree::parse(&ctx.files.sources, file, &mut syntax);
        if !syntax.is_empty() {
            return Err(syntax);
        }
        ctx.accelerators.clone_from(&model.accelerators);
        names(&mut ctx, "site", model.sites.iter().map(|site| &site.entity));
        names(&mut ctx, "investment", model.investments.iter().map(|investment| &investment.entity));
        names(&mut ctx, "service", model.services.iter().map(|service| &service.entity));
        names(&mut ctx, "campaign", model.campaigns.iter().map(|campaign| &campaign.entity));
        names(&mut ctx, "dataset", model.datasets.iter().map(|dataset| &dataset.entity));
        names(&mut ctx, "outlook", model.planning.uncertainty.outlooks.iter().map(|outlook| &outlook.entity));
        names(&mut ctx, "link", model.links.iter().map(|link| &link.entity));
        names(&mut ctx, "order_book", model.growth.order_books.iter().map(|book| &book.entity));
        names(&mut ctx, "expansion", model.growth.expansions.iter().map(|expansion| &expansion.entity));
        (ctx.clock, ctx.start_epoch_s) = (true, model.header.start_epoch_s);
        names(&mut ctx, "accelerator", model.accelerators.iter().map(|kind| &kind.entity));
        let name = outline(&mut ctx, &root, file);
        let (plan, places) = decode(&mut ctx, &root, name, file, model);
        let mut diagnostics = ctx.files.diagnostics;
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span().line, diagnostic.span().column));
        if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) { Err(diagnostics) } else { Ok((plan, places)) }
    }
}

fn names<'a>(ctx: &mut Context, table: &'static str, entities: impl Iterator<Item = &'a Entity>) {
    let names = entities.enumerate().map(|(index, entity)| (entity.name.clone(), (index, At::whole(0)))).collect();
    ctx.names.insert(table, names);
}

/// Checks the top of the file; gives the plan's name.
fn outline(ctx: &mut Context, root: &Table, file: u32) -> String {
    match root.text("schema") {
        Some(SCHEMA) => {}
        Some(other) => {
            let at = root.get("schema").map_or(At::whole(file), |entry| entry.node.at);
            ctx.error_hint(
                "F0901",
                at,
                format!("`{other}` is not a plan that this program reads"),
                format!("it reads `schema = \"{SCHEMA}\"`"),
            );
        }
        None => ctx.error_hint(
            "F0901",
            At::whole(file),
            "the file does not say that it is a plan",
            format!("begin with `schema = \"{SCHEMA}\"`"),
        ),
    }
    for entry in &root.entries {
        let key = entry.key.as_str();
        let spec = SPECS.iter().chain(&super::hedge_file::SPECS).find(|spec| spec.name == key);
        let form = match (spec, &entry.node.value) {
            (None, Value::Text(_)) if ["schema", "name", "scenario"].contains(&key) => continue,
            (None, _) => {
                let known = SPECS.iter().chain(&super::hedge_file::SPECS).map(|spec| spec.name).chain(["schema", "name", "scenario"]);
                let hint = nearest(key, known)
                    .map_or_else(|| "see `Plan` in docs/formats.md".to_owned(), |near| format!("did you mean `{near}`?"));
                ctx.error_hint("F0202", entry.key_at, format!("a plan has no `{key}`"), hint);
                continue;
            }
            (Some(spec), Value::List(items)) => spec.array && items.iter().all(|item| matches!(item.value, Value::Table(_))),
            (Some(spec), Value::Table(_)) => !spec.array,
            _ => false,
        };
        if !form {
            ctx.error_hint(
                "F0204",
                entry.key_at,
                format!("`{key}` has the wrong form"),
                "lists are written `[[build]]`, the certificate `[certificate]`",
            );
        }
    }
    root.text("name").unwrap_or("manual").to_owned()
}

fn each<T>(
    ctx: &mut Context,
    root: &Table,
    spec: &'static TableSpec,
    places: &mut Vec<Span>,
    mut decode: impl FnMut(&mut Cursor<'_, '_>) -> T,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, (table, at)) in crate::scenario::entries(root, spec.name).into_iter().enumerate() {
        places.push(ctx.span(at));
        let mut cursor = Cursor::open(ctx, spec, index, table, at);
        all.push(decode(&mut cursor));
    }
    all
}

fn decode(ctx: &mut Context, root: &Table, name: String, file: u32, model: &Model) -> (Plan, PlanPlaces) {
    let mut places = PlanPlaces::named(ctx.files.sources.name(file));
    let types = model.accelerators.len();
    let accelerator = |cursor: &mut Cursor<'_, '_>| {
        let index = cursor.reference("accelerator", "accelerator");
        if index as usize >= types {
            cursor.wrong(
                "F0301",
                "accelerator",
                "the scenario does not use this type of the library",
                "add it to `accelerators` of `[plan]`",
            );
        }
        AcceleratorId(index)
    };
    let mut nowhere = Vec::new();
    let mut lots = Vec::new();
    let mut builds = each(ctx, root, &BUILD, &mut places.builds, |cursor| {
        let build =
            Build { site: SiteId(cursor.reference("site", "site")), accelerator: accelerator(cursor), count: cursor.count("count") };
        lots.push(dated::lot(cursor, build.site, build.accelerator, build.count));
        build
    });
    let roadmap = roadmap(ctx, root, lots, &mut places);
    match &roadmap {
        Some(roadmap) => builds = roadmap.builds(),
        None => twins(ctx, &builds, &places),
    }
    let investments = each(ctx, root, &INVESTMENT, &mut places.investments, |cursor| {
        (InvestmentId(cursor.reference("name", "investment")), cursor.count_opt("count").unwrap_or(1))
    });
    let mut given = Vec::new();
    let mut placements = each(ctx, root, &PLACEMENT, &mut places.placements, |cursor| {
        let accelerators = accelerators(cursor, types);
        given.push(accelerators.is_some());
        Placement {
            service: ServiceId(cursor.reference("service", "service")),
            site: SiteId(cursor.reference("site", "site")),
            share: cursor.ratio("share"),
            accelerators: accelerators.unwrap_or_default(),
        }
    });
    let standbys = each(ctx, root, &STANDBY, &mut places.standbys, |cursor| StandBy {
        service: ServiceId(cursor.reference("service", "service")),
        of: SiteId(cursor.reference("of", "site")),
        site: SiteId(cursor.reference("site", "site")),
        share: cursor.ratio("share"),
    });
    let campaigns = each(ctx, root, &CAMPAIGN, &mut places.campaigns, |cursor| CampaignPlacement {
        campaign: CampaignId(cursor.reference("campaign", "campaign")),
        site: SiteId(cursor.reference("site", "site")),
        accelerator: accelerator(cursor),
        islands: cursor.count_opt("islands").unwrap_or(1),
    });
    let replicas = each(ctx, root, &REPLICA, &mut places.replicas, |cursor| Replica {
        dataset: DatasetId(cursor.reference("dataset", "dataset")),
        site: SiteId(cursor.reference("site", "site")),
    });
    let links = each(ctx, root, &LINK, &mut places.links, |cursor| LinkId(cursor.reference("link", "link")));
    let unserved = each(ctx, root, &UNSERVED, &mut places.unserved, |cursor| {
        (ServiceId(cursor.reference("service", "service")), cursor.quantity("demand"))
    });
    let (mut annual_costs, mut capital_costs) = (Vec::new(), Vec::new());
    let hedge = super::Hedge::read(ctx, root, model);
    let cost = each(ctx, root, &COST, &mut nowhere, |cursor| {
        annual_costs.push(cursor.ctx.span(cursor.place("annual_eur")));
        capital_costs.push(cursor.ctx.span(cursor.place("capital_eur")));
        CostLine { line: cursor.word("line"), annual_eur: real(cursor, "annual_eur"), capital_eur: real(cursor, "capital_eur") }
    });
    (places.annual_costs, places.capital_costs) = (annual_costs, capital_costs);
    let prices = each(ctx, root, &PRICE, &mut nowhere, |cursor| Price {
        constraint: cursor.word("constraint"),
        annual_eur: real(cursor, "annual_eur"),
        unit: cursor.text_opt("unit").unwrap_or_default(),
        limit: real(cursor, "limit"),
        place: cursor.text_opt("place").unwrap_or_default(),
    });
    let certificate = root.get("certificate").and_then(|entry| match &entry.node.value {
        Value::Table(table) => {
            let mut cursor = Cursor::open(ctx, &CERTIFICATE, 0, table, entry.node.at);
            places.certificate = CERTIFICATE.keys.iter().map(|key| (key.name, cursor.ctx.span(cursor.place(key.name)))).collect();
            Some(certificate(&mut cursor))
        }
        _ => None,
    });
    if ctx.files.diagnostics.is_empty() {
        for (placement, _) in placements.iter_mut().zip(given).filter(|(_, given)| !given) {
            placement.accelerators = split(model, &builds, placement);
        }
    }
    (
        Plan {
            name,
            builds,
            investments,
            placements,
            standbys,
            campaigns,
            replicas,
            links,
            unserved,
            hedge,
            cost,
            prices,
            roadmap,
            certificate,
        },
        places,
    )
}

/// What happens when, where anything of it is dated: then every build is.
fn roadmap(ctx: &mut Context, root: &Table, lots: Vec<Option<Lot>>, places: &mut PlanPlaces) -> Option<Box<Roadmap>> {
    let mut nowhere = Vec::new();
    let periods = each(ctx, root, &dated::PERIOD, &mut nowhere, dated::period);
    if lots.iter().all(Option::is_none) && periods.is_empty() {
        return None;
    }
    if let Some(undated) = lots.iter().position(Option::is_none) {
        let at = places.of(&places.builds, undated).clone();
        ctx.push(Diagnostic::error("F0927", at, "some builds are dated and others are not").hint("give every `[[build]]` its `ordered`"));
    }
    let [value_of_stochastic_solution, value_of_perfect_information] =
        root.get("outlooks").map_or([None; 2], |entry| match &entry.node.value {
            Value::Table(table) => dated::outlooks(&mut Cursor::open(ctx, &dated::OUTLOOKS, 0, table, entry.node.at)),
            _ => [None; 2],
        });
    Some(Box::new(Roadmap {
        lots: lots.into_iter().flatten().collect(),
        works: each(ctx, root, &dated::WORKS, &mut places.works, dated::works),
        steps: each(ctx, root, &dated::STEP, &mut places.steps, dated::step),
        periods,
        starts: each(ctx, root, &dated::BEGIN, &mut nowhere, dated::begin),
        value_of_stochastic_solution,
        value_of_perfect_information,
    }))
}

fn twins(ctx: &mut Context, builds: &[Build], places: &PlanPlaces) {
    for (index, build) in builds.iter().enumerate() {
        let same = |other: &Build| other.site == build.site && other.accelerator == build.accelerator;
        if let Some(first) = builds[..index].iter().position(same) {
            let diagnostic =
                Diagnostic::error("F0904", places.of(&places.builds, index).clone(), "this site and type stand in an earlier `[[build]]`");
            ctx.push(
                diagnostic.label(places.of(&places.builds, first).clone(), "the first is here").hint("add the counts up in one entry"),
            );
        }
    }
}

/// A bare number, which a program wrote.
pub(super) fn real(cursor: &mut Cursor<'_, '_>, key: &str) -> f64 {
    match cursor.table.get(key).map(|entry| &entry.node.value) {
        Some(Value::Float(float)) => *float,
        Some(Value::Integer(integer)) => *integer as f64,
        Some(other) => {
            let word = other.word();
            cursor.wrong("F0204", key, format!("`{key}` must be a bare number, not {word}"), "the key's name says its unit");
            f64::NAN
        }
        None => {
            cursor.miss(key);
            f64::NAN
        }
    }
}

pub(super) fn accelerators(cursor: &mut Cursor<'_, '_>, types: usize) -> Option<Vec<(AcceleratorId, f64)>> {
    let table = cursor.subtable("accelerators")?;
    let mut all = Vec::with_capacity(table.entries.len());
    for entry in &table.entries {
        let count = match entry.node.value {
            Value::Float(float) if float >= 0.0 && float.is_finite() => float,
            Value::Integer(integer) if integer >= 0 => integer as f64,
            _ => {
                cursor.ctx.error("F0208", entry.node.at, format!("the number of `{}` must be zero or more", entry.key));
                continue;
            }
        };
        match cursor.ctx.lookup("accelerator", &entry.key, entry.key_at) {
            Some(index) if index < types => all.push((AcceleratorId::from_index(index), count)),
            Some(_) => cursor.ctx.error_hint(
                "F0301",
                entry.key_at,
                "the scenario does not use this type of the library",
                "add it to `accelerators` of `[plan]`",
            ),
            None => {}
        }
    }
    Some(all)
}

/// Accelerators that a placement takes on a mean day: spread over the types at the site in proportion to their throughput.
fn split(model: &Model, builds: &[Build], placement: &Placement) -> Vec<(AcceleratorId, f64)> {
    let mut counts = vec![0.0; model.accelerators.len()];
    let built = builds.iter().filter(|build| build.site == placement.site).map(|build| (build.accelerator, build.count));
    let standing = model.fleets.iter().filter(|fleet| fleet.site == placement.site).map(|fleet| (fleet.accelerator, fleet.count));
    for (id, count) in built.chain(standing) {
        counts[id.index()] += f64::from(count);
    }
    let rates = &model.token_rate[placement.service];
    let usable: f64 = counts.iter().zip(rates).map(|(count, rate)| if rate.base() > 0.0 { *count } else { 0.0 }).sum();
    let capacity: f64 = counts.iter().zip(rates).map(|(count, rate)| count * rate.base()).sum();
    if usable <= 0.0 || capacity <= 0.0 {
        return Vec::new();
    }
    let service = &model.services[placement.service];
    // What is left of the throughput in the security mode serves the mean demand.
    let load = service.demand.base() * model.mean(service.profile) * placement.share / (capacity * (1.0 - service.security_overhead));
    let types = counts.iter().zip(rates).enumerate().filter(|(_, (count, rate))| **count > 0.0 && rate.base() > 0.0);
    types.map(|(index, (count, _))| (AcceleratorId::from_index(index), count * load)).collect()
}

fn certificate(cursor: &mut Cursor<'_, '_>) -> Certificate {
    let words = STATUSES.map(|(name, _)| name);
    Certificate {
        status: STATUSES[cursor.one_of("status", &words)].1,
        solver: cursor.text_opt("solver").unwrap_or_default(),
        objective_eur: real(cursor, "objective_eur"),
        bound_eur: real(cursor, "bound_eur"),
        gap: real(cursor, "gap"),
        rows: cursor.count("rows") as usize,
        columns: cursor.count("columns") as usize,
        integers: cursor.count("integers") as usize,
    }
}

/// A TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The shortest TOML float that reads back as the same number.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:?}") }
}
