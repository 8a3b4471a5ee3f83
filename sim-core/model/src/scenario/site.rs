//! Accelerator types, sites, fleets and data links.

use bastide_engine::Distribution;
use bastide_units::{Duration, Power, Quantity, Temperature, Time};

use super::{each, entries};
use crate::decode::{Context, Cursor};
use crate::keys;
use crate::model::{
    Accelerator, AcceleratorId, Assumption, Bus, BusId, Endpoint, Entity, Fleet, Hardening, Link, LinkKind, NationId, Reliability,
    SegmentId, Site, SiteId, SiteTier,
};
use crate::source::Span;
use crate::tree::Table;

/// Decodes `[[accelerator]]` into the context; types of the library join as they are named.
pub fn accelerators(ctx: &mut Context, root: &Table) {
    ctx.accelerators = each(ctx, root, "accelerator", accelerator);
    for (table, _) in entries(root, "accelerator") {
        let name = table.text("name").unwrap_or_default();
        if let Some(data) = bastide_cost_models::library().accelerators.get(name) {
            ctx.assume_library(name, data, |key| table.get(key).is_none());
        }
    }
}

fn accelerator(cursor: &mut Cursor<'_, '_>) -> Accelerator {
    let mut entity = cursor.entity();
    let base = bastide_cost_models::library().accelerators.get(&entity.name).map(|data| from_library(&entity.name, data));
    if let (Some(base), false) = (&base, cursor.has("title")) {
        entity.title.clone_from(&base.entity.title);
    }
    if base.is_none() {
        for key in [
            "peak",
            "memory",
            "memory_bandwidth",
            "power",
            "idle_share",
            "price",
            "per_node",
            "node_failure_rate",
            "node_repair",
            "lifetime",
            "vendor",
            "vendor_nation",
        ] {
            if !cursor.has(key) {
                cursor.miss(key);
            }
        }
    }
    let nothing = Reliability { failure_rate: Quantity::from_base(f64::NAN), repair: Distribution::Fixed(f64::NAN) };
    let base_reliability = base.as_ref().map_or(nothing, |base| base.node_reliability);
    macro_rules! quantity {
        ($key:ident) => {
            cursor.quantity_opt(stringify!($key)).unwrap_or_else(|| base.as_ref().map_or(Quantity::from_base(f64::NAN), |base| base.$key))
        };
    }
    Accelerator {
        entity,
        peak: quantity!(peak),
        memory: quantity!(memory),
        memory_bandwidth: quantity!(memory_bandwidth),
        power: quantity!(power),
        idle_share: cursor.ratio_opt("idle_share").unwrap_or_else(|| base.as_ref().map_or(f64::NAN, |base| base.idle_share)),
        price: quantity!(price),
        per_node: cursor.count_opt("per_node").unwrap_or_else(|| base.as_ref().map_or(1, |base| base.per_node)),
        node_reliability: Reliability {
            failure_rate: cursor.quantity_opt("node_failure_rate").unwrap_or(base_reliability.failure_rate),
            repair: cursor.distribution_opt::<Duration>("node_repair").unwrap_or(base_reliability.repair),
        },
        nodes_per_rack: cursor.count_opt("nodes_per_rack"),
        lifetime: quantity!(lifetime),
        vendor: cursor.word_opt("vendor").or_else(|| base.as_ref().map(|base| base.vendor.clone())).unwrap_or_default(),
        vendor_nation: cursor
            .word_opt("vendor_nation")
            .or_else(|| base.as_ref().map(|base| base.vendor_nation.clone()))
            .unwrap_or_default(),
    }
}

fn from_library(name: &str, data: &bastide_cost_models::AcceleratorData) -> Accelerator {
    let (median, p95) = (data.node_repair_median.value.base(), data.node_repair_p95.value.base());
    let repair = Distribution::lognormal_from_median_p95(median, p95).unwrap_or(Distribution::Fixed(median));
    Accelerator {
        entity: Entity { name: name.to_owned(), title: data.title.clone(), span: Span::file("library of accelerators") },
        peak: data.peak.value,
        memory: data.memory.value,
        memory_bandwidth: data.memory_bandwidth.value,
        power: data.power.value,
        idle_share: data.idle_share.value.value(),
        price: data.price.value,
        per_node: data.per_node,
        nodes_per_rack: None,
        node_reliability: Reliability { failure_rate: data.node_failure_rate.value, repair },
        lifetime: data.lifetime.value,
        vendor: data.vendor.clone(),
        vendor_nation: data.vendor_nation.clone(),
    }
}

impl Context {
    /// Position of an accelerator type; one of the library joins the types in use.
    pub fn accelerator(&mut self, name: &str) -> Option<usize> {
        if let Some(index) = self.accelerators.iter().position(|known| known.entity.name == name) {
            return Some(index);
        }
        let data = bastide_cost_models::library().accelerators.get(name)?;
        self.assume_library(name, data, |_| true);
        self.accelerators.push(from_library(name, data));
        Some(self.accelerators.len() - 1)
    }

    /// Notes the library's figures of a type, with their sources, for the keys that it decides.
    fn assume_library(&mut self, name: &str, data: &bastide_cost_models::AcceleratorData, decides: impl Fn(&str) -> bool) {
        macro_rules! assume {
            ($($field:ident of $key:literal),*) => { $(
                if decides($key) {
                    self.assumptions.push(Assumption {
                        key: format!("accelerator.{name}.{}", stringify!($field)),
                        value: bastide_units::display(data.$field.value),
                        source: Some(data.$field.source.clone()),
                        verified: Some(data.$field.verified),
                        place: "library of accelerators".to_owned(),
                    });
                }
            )* };
        }
        assume!(
            peak of "peak", memory of "memory", memory_bandwidth of "memory_bandwidth", power of "power", idle_share of "idle_share",
            price of "price", node_failure_rate of "node_failure_rate", node_repair_median of "node_repair", node_repair_p95 of "node_repair",
            lifetime of "lifetime"
        );
    }
}

/// Decodes `[[site]]`, and the segments that its sites make.
pub fn sites(ctx: &mut Context, root: &Table, buses: &[Bus]) -> (Vec<Site>, Vec<String>) {
    let mut segments: Vec<String> = Vec::new();
    let sites = each(ctx, root, "site", |cursor| {
        let entity = cursor.entity();
        let bus = BusId(cursor.reference("bus", "bus"));
        let home = buses.get(bus.index()).map_or(NationId(0), |bus| bus.nation);
        let nation = cursor.reference_opt("nation", "nation").map_or(home, NationId::from_index);
        let operator_nation = cursor.reference_opt("operator_nation", "nation").map_or(nation, NationId::from_index);
        let segment = cursor.word_opt("segment").unwrap_or_else(|| entity.name.clone());
        let segment = segments.iter().position(|known| *known == segment).unwrap_or_else(|| {
            segments.push(segment);
            segments.len() - 1
        });
        let connection: Power = cursor.quantity("connection");
        let pue = cursor.ratio("pue");
        let max_it_power = cursor.quantity_opt::<Power>("max_it_power");
        if let Some(most) = max_it_power
            && most.as_mw() * pue > connection.as_mw() * (1.0 + 1e-9)
        {
            let message = format!(
                "site `{}` needs {:.1} MW for its IT power, above its connection of {:.1} MW",
                entity.name,
                most.as_mw() * pue,
                connection.as_mw()
            );
            cursor.wrong(
                "F0501",
                "max_it_power",
                message,
                format!("with this PUE the connection carries {:.1} MW of IT power", connection.as_mw() / pue),
            );
        }
        let (free_cooling, cooling_limit): (Temperature, Temperature) = (cursor.quantity("free_cooling"), cursor.quantity("cooling_limit"));
        if free_cooling > cooling_limit {
            let key = if cursor.has("cooling_limit") { "cooling_limit" } else { "free_cooling" };
            cursor.wrong(
                "F0511",
                key,
                "`cooling_limit` lies below `free_cooling`",
                "cooling loses capacity only where it already works hardest",
            );
        }
        let fuel: Duration = cursor.quantity("fuel");
        let generator_start = cursor.ratio("generator_start");
        if generator_start > 0.0 && fuel.as_s() <= 0.0 {
            cursor.wrong(
                "F0512",
                "generator_start",
                format!("the generators of site `{}` have no fuel", entity.name),
                "give `fuel`, such as \"48 h\"",
            );
        }
        Site {
            entity,
            bus,
            nation,
            tier: [SiteTier::Core, SiteTier::Regional, SiteTier::Edge, SiteTier::Pool][cursor.one_of("tier", keys::SITE_TIERS)],
            place: cursor.place_on_map(),
            existing: cursor.boolean("existing"),
            connection,
            interruptible: cursor.boolean("interruptible"),
            pue,
            pue_rise_per_degree: cursor.ratio("pue_rise"),
            free_cooling,
            temperature: cursor.profile_opt::<Temperature>("temperature"),
            cooling_limit,
            cooling_loss_per_degree: cursor.ratio("cooling_loss"),
            wue: cursor.quantity("wue"),
            ups: cursor.quantity("ups"),
            generator_start,
            fuel,
            refuel: cursor.distribution::<Duration>("refuel"),
            restart: cursor.distribution::<Duration>("restart"),
            supply: super::grid_event::supply(cursor),
            reliability: cursor.reliability(),
            hardening: [Hardening::None, Hardening::Hardened, Hardening::Bunker][cursor.one_of("hardening", keys::HARDENINGS)],
            operator: cursor.word("operator"),
            operator_nation,
            certifications: cursor.words("certifications"),
            firmware: cursor.word_opt("firmware"),
            segment: SegmentId::from_index(segment),
            land: cursor.quantity("land"),
            fixed_cost: cursor.quantity("fixed_cost"),
            building_cost: cursor.quantity("building_cost"),
            connection_cost: cursor.quantity("connection_cost"),
            fixed_upkeep: cursor.quantity("fixed_upkeep"),
            upkeep: cursor.quantity("upkeep"),
            max_it_power: max_it_power.unwrap_or(connection / pue),
            lead_time: cursor.quantity("lead_time"),
            max_accelerators: cursor.count_opt("max_accelerators"),
            racks_per_hall: cursor.count_opt("racks_per_hall"),
            repair_crews: cursor.count_opt("repair_crews"),
            spares: super::machine::spares(cursor),
        }
    });
    (sites, segments)
}

/// Decodes `[[fleet]]`.
pub fn fleets(ctx: &mut Context, root: &Table, sites: &[Site]) -> Vec<Fleet> {
    each(ctx, root, "fleet", |cursor| {
        let entity = cursor.entity();
        let site = cursor.reference_opt("site", "site");
        let accelerator = cursor.reference_opt("accelerator", "accelerator");
        if let Some(site) = site.and_then(|site| sites.get(site))
            && !site.existing
        {
            let hint = format!("set `existing = true` in site `{}`, or let the plan buy the accelerators", site.entity.name);
            cursor.wrong("F0510", "site", format!("fleet `{}` stands at a site that does not exist yet", entity.name), hint);
        }
        let count = cursor.count("count");
        if let Some(kind) = accelerator.and_then(|index| cursor.ctx.accelerators.get(index))
            && kind.per_node > 0
            && !count.is_multiple_of(kind.per_node)
        {
            let (name, per_node) = (kind.entity.name.clone(), kind.per_node);
            cursor.wrong(
                "F0513",
                "count",
                format!("{count} is no whole number of nodes"),
                format!("`{name}` comes in nodes of {per_node}"),
            );
        }
        let energised = cursor.date_opt("energised").unwrap_or(Time::ZERO);
        let retired = cursor.date_opt("retired").unwrap_or(Time::NEVER);
        if retired <= energised {
            cursor.wrong("F0973", "retired", format!("fleet `{}` leaves before it works", entity.name), "`energised` < `retired`");
        }
        Fleet {
            entity,
            site: SiteId::from_index(site.unwrap_or(0)),
            accelerator: AcceleratorId::from_index(accelerator.unwrap_or(0)),
            count,
            energised,
            retired,
        }
    })
}

/// Decodes `[[link]]`.
pub fn links(ctx: &mut Context, root: &Table) -> Vec<Link> {
    each(ctx, root, "link", |cursor| {
        let entity = cursor.entity();
        let (from, to) = (cursor.endpoint("from"), cursor.endpoint("to"));
        if from.is_some() && from == to {
            cursor.wrong("F0304", "to", format!("link `{}` begins and ends at the same place", entity.name), "name two different ends");
        }
        Link {
            entity,
            from: from.unwrap_or(Endpoint::Nation(NationId(0))),
            to: to.unwrap_or(Endpoint::Nation(NationId(0))),
            kind: [LinkKind::Fibre, LinkKind::Submarine, LinkKind::Satellite][cursor.one_of("kind", keys::LINK_KINDS)],
            bandwidth: cursor.quantity("bandwidth"),
            latency: cursor.quantity("latency"),
            length: cursor.quantity_opt("length"),
            build_cost: cursor.quantity_opt("build_cost"),
            ducts: ducts(cursor),
            standby: cursor.boolean("standby"),
            reliability: cursor.reliability(),
        }
    })
}

/// `duct`, or the `ducts` of a link that lies in several.
fn ducts(cursor: &mut Cursor<'_, '_>) -> Vec<String> {
    let one = cursor.word_opt("duct");
    if !cursor.has("ducts") {
        return one.into_iter().collect();
    }
    let several = cursor.words("ducts");
    if one.is_some() {
        cursor.wrong("F0864", "ducts", "`duct` and `ducts` both stand", "keep `ducts`, with all of them");
    } else if several.iter().any(|duct| duct.trim().is_empty()) || several.is_empty() {
        cursor.wrong("F0217", "ducts", "`ducts` is empty, or a word in it", "name the ducts, or leave the key out");
    }
    several
}
