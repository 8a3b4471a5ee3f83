//! The hedge of a plan in its file.

use std::fmt::Write as _;

use bastide_units::{Quantity, TokenRate};

use super::file::{accelerators, float, list, quoted, row};
use super::{Hedge, Placement, Recourse, Reserve, Worst};
use crate::decode::{Context, Cursor};
use crate::keys::Kind::{AppliesTo, Count, Quantity as QuantityKind, Ratio, Reference, References};
use crate::keys::Need::{Optional, Required};
use crate::keys::{Key, Range, TableSpec, unit};
use crate::model::{AcceleratorId, Model, ServiceId, SiteId};
use crate::tree::{Table, Value};

const SERVICE: Key = row("service", Reference("service"), Required);
const SITE: Key = row("site", Reference("site"), Required);
const OUTLOOK: Key = row("outlook", Reference("outlook"), Required);
const ACCELERATORS: Key = row("accelerators", AppliesTo, Optional);
const DEMAND: Key = row("demand", QuantityKind(unit::<TokenRate>(), Range::NotNegative), Required);

static RECOURSE: TableSpec = list("recourse", &[OUTLOOK, SERVICE, SITE, row("share", Ratio(Range::NotNegative), Required), ACCELERATORS]);
static RECOURSE_UNSERVED: TableSpec = list("recourse-unserved", &[OUTLOOK, SERVICE, DEMAND]);
static RESERVE: TableSpec = list("reserve", &[SERVICE, SITE, ACCELERATORS]);
static UNCOVERED: TableSpec = list("uncovered", &[SERVICE, DEMAND]);
static WORST: TableSpec = TableSpec {
    name: "worst",
    array: false,
    required: false,
    doc: "",
    keys: &[
        row("sites", Count(Range::NotNegative), Required),
        row("lost", References("site"), Required),
        row("raised", References("service"), Required),
    ],
    variants: &[],
};
static WORST_UNSERVED: TableSpec = list("worst-unserved", &[SERVICE, DEMAND]);

/// Tables of the hedge.
pub(super) static SPECS: [&TableSpec; 6] = [&RECOURSE, &RECOURSE_UNSERVED, &RESERVE, &UNCOVERED, &WORST, &WORST_UNSERVED];

impl Hedge {
    /// The hedge as the end of a plan file; empty where there is none.
    pub(super) fn write(&self, model: &Model) -> String {
        let site = |id: SiteId| quoted(&model.sites[id].entity.name);
        let service = |id: ServiceId| quoted(&model.services[id].entity.name);
        let types = |all: &[(AcceleratorId, f64)]| {
            let each = all.iter().map(|(id, count)| format!("{} = {}", quoted(&model.accelerators[*id].entity.name), float(*count)));
            format!("accelerators = {{ {} }}", each.collect::<Vec<_>>().join(", "))
        };
        let mut out = String::new();
        // Writing to a String cannot fail.
        let unserved = |out: &mut String, table: &str, outlook: &str, all: &[(ServiceId, TokenRate)]| {
            for (id, demand) in all {
                let _ = write!(out, "\n[[{table}]]\n{outlook}service = {}\ndemand = \"{} tokens/s\"\n", service(*id), demand.base());
            }
        };
        for it in &self.recourse {
            let name = model.planning.uncertainty.outlooks.get(it.outlook).map_or("?", |outlook| outlook.entity.name.as_str());
            let outlook = format!("outlook = {}\n", quoted(name));
            for placed in &it.placements {
                let _ = write!(
                    out,
                    "\n[[recourse]]\n{outlook}service = {}\nsite = {}\nshare = {}\n{}\n",
                    service(placed.service),
                    site(placed.site),
                    float(placed.share),
                    types(&placed.accelerators)
                );
            }
            unserved(&mut out, "recourse-unserved", &outlook, &it.unserved);
        }
        for it in &self.reserves {
            let _ =
                write!(out, "\n[[reserve]]\nservice = {}\nsite = {}\n{}\n", service(it.service), site(it.site), types(&it.accelerators));
        }
        unserved(&mut out, "uncovered", "", &self.uncovered);
        if let Some(worst) = &self.worst {
            let lost: Vec<String> = worst.lost.iter().map(|id| site(*id)).collect();
            let raised: Vec<String> = worst.raised.iter().map(|id| service(*id)).collect();
            let _ = write!(out, "\n[worst]\nsites = {}\nlost = [{}]\nraised = [{}]\n", worst.sites, lost.join(", "), raised.join(", "));
            unserved(&mut out, "worst-unserved", "", &worst.unserved);
        }
        out
    }

    /// Reads the hedge of a plan file.
    pub(super) fn read(ctx: &mut Context, root: &Table, model: &Model) -> Self {
        let types = model.accelerators.len();
        let service = |cursor: &mut Cursor<'_, '_>| ServiceId(cursor.reference("service", "service"));
        let demand = |cursor: &mut Cursor<'_, '_>| (service(cursor), cursor.quantity("demand"));
        let outlooks = model.planning.uncertainty.outlooks.len();
        let mut recourse: Vec<Recourse> = (1..outlooks).map(|outlook| Recourse { outlook, ..Recourse::default() }).collect();
        let placed = each(ctx, root, &RECOURSE, |cursor| {
            let accelerators = accelerators(cursor, types).unwrap_or_default();
            let site = SiteId(cursor.reference("site", "site"));
            let placement = Placement { service: service(cursor), site, share: cursor.ratio("share"), accelerators };
            (cursor.reference("outlook", "outlook") as usize, placement)
        });
        let lost = each(ctx, root, &RECOURSE_UNSERVED, |cursor| (cursor.reference("outlook", "outlook") as usize, demand(cursor)));
        let given = !(placed.is_empty() && lost.is_empty());
        for (outlook, placement) in placed {
            recourse.iter_mut().filter(|it| it.outlook == outlook).for_each(|it| it.placements.push(placement.clone()));
        }
        for (outlook, unserved) in lost {
            recourse.iter_mut().filter(|it| it.outlook == outlook).for_each(|it| it.unserved.push(unserved));
        }
        let reserves = each(ctx, root, &RESERVE, |cursor| Reserve {
            service: service(cursor),
            site: SiteId(cursor.reference("site", "site")),
            accelerators: accelerators(cursor, types).unwrap_or_default(),
        });
        let uncovered = each(ctx, root, &UNCOVERED, demand);
        let unserved = each(ctx, root, &WORST_UNSERVED, demand);
        let worst = root.get("worst").and_then(|entry| match &entry.node.value {
            Value::Table(table) => {
                let mut cursor = Cursor::open(ctx, &WORST, 0, table, entry.node.at);
                let lost = cursor.references("lost", "site").unwrap_or_default().into_iter().map(SiteId::from_index).collect();
                let raised = cursor.references("raised", "service").unwrap_or_default().into_iter().map(ServiceId::from_index).collect();
                Some(Worst { sites: cursor.count("sites"), lost, raised, unserved })
            }
            _ => None,
        });
        Self { recourse: if given { recourse } else { Vec::new() }, reserves, uncovered, worst }
    }
}

fn each<T>(ctx: &mut Context, root: &Table, spec: &'static TableSpec, mut decode: impl FnMut(&mut Cursor<'_, '_>) -> T) -> Vec<T> {
    let mut all = Vec::new();
    for (index, (table, at)) in crate::scenario::entries(root, spec.name).into_iter().enumerate() {
        all.push(decode(&mut Cursor::open(ctx, spec, index, table, at)));
    }
    all
}
