//! The rows. Longer than most files because it is one table.

use bastide_units::{
    Area, Bandwidth, CapacityCost, CapacityRate, CarbonIntensity, Compute, ComputeRate, DataSize, Duration, Energy, EnergyPrice, Length,
    Money, MoneyRate, Power, Rate, Ratio, Temperature, TokenPrice, TokenRate, WaterIntensity,
};

use super::Kind::{
    AppliesTo, Boolean, Count, Date, Degrees, Dependants, Distribution, Endpoint, Factors, Integer, LinkStates, ListOf, Name, Nations,
    OneOf, Profile, Purchases, Quantity, RatiosOf, RatiosOfNations, Reference, References, Restoration, Shape, Targets, Text, Word, Words,
};
use super::Need::{Computed, Default, Optional, Required};
use super::Range::{Any, AtLeastOne, BelowOne, NotNegative, Positive, PositiveShare, Share};
use super::{Key, Kind, Need, TableSpec, unit};

mod strike;

pub(crate) use strike::{DELAY, REPAIR_ORDERS, SPARE_DAMAGES};

const fn row(name: &'static str, kind: Kind, need: Need, doc: &'static str) -> Key {
    Key { name, kind, need, doc }
}
const fn array(name: &'static str, required: bool, doc: &'static str, keys: &'static [Key]) -> TableSpec {
    TableSpec { name, array: true, required, doc, keys, variants: &[] }
}
const fn single(name: &'static str, required: bool, doc: &'static str, keys: &'static [Key]) -> TableSpec {
    TableSpec { name, array: false, required, doc, keys, variants: &[] }
}

const POWER: Kind = Quantity(unit::<Power>(), Positive);
const DURATION: Kind = Quantity(unit::<Duration>(), NotNegative);
const TIME: Kind = Quantity(unit::<Duration>(), Positive);
const REPAIR: Kind = Distribution(unit::<Duration>());

const NAME: Key = row("name", Name, Required, "Name, unique within its table.");
const TITLE: Key = row("title", Text, Computed("the name"), "Words for people.");
const LATITUDE: Key = row("latitude", Degrees(90.0), Optional, "Degrees north.");
const LONGITUDE: Key = row("longitude", Degrees(180.0), Optional, "Degrees east.");
const MTTF: Key = row("mttf", TIME, Optional, "Mean time to failure; exponential.");
const FAILURE_RATE: Key = row("failure_rate", Quantity(unit::<Rate>(), NotNegative), Optional, "Failures per time, instead of `mttf`.");
const REPAIR_TIME: Key = row("repair", REPAIR, Optional, "Time to repair; required with `mttf` or `failure_rate`.");
const SOURCE: Key = row("source", Text, Optional, "Where the values of this table come from.");
const VERIFIED: Key = row("verified", Boolean, Optional, "Whether that source was seen.");
const CLASS: Key = row("class", Word, Optional, "Class of its data, which rules may name.");
const RESIDENCY: Key = row("residency", Nations, Default(""), "Nations or groups in which it must stay; empty means anywhere.");
const CERTIFICATION: Key = row("certification", Words, Default(""), "Certificates that its site must hold.");
const NATION: Key = row("nation", Reference("nation"), Required, "Nation it belongs to: the law that applies.");
const FROM: Key = row("from", Date, Computed("the start"), "First moment.");
const UNTIL: Key = row("until", Date, Computed("the end"), "End, not included.");
const AT: Key = row("at", Date, Optional, "The one moment at which it happens.");
const RATE: Key = row("rate", Quantity(unit::<Rate>(), NotNegative), Optional, "Events per time, instead of `at`.");
const TARGETS: Key =
    row("targets", Targets, Required, "What it may hit: `site.riga`, `line.lt-pl`, `generator.x`, `link.y`, `bus.z`, `facility.w`, `site.*`.");
/// What outages and strikes may hit.
pub(crate) const HIT_TARGETS: &[&str] = &["site", "line", "generator", "link", "bus", "facility"];
const DETECTION: Key = row("detection", REPAIR, Required, "Time until it is noticed.");
const NOTICE: Key = row("detection", REPAIR, Default("0 s"), "Time until the gang notices that a member is gone.");
const NODE_REPAIR: Key = row("repair", REPAIR, Optional, "Time of repair once noticed, waiting apart; without, the node goes on.");
const SPARE: Key = row("spare", Boolean, Default("false"), "Whether a repair takes a spare part of the site.");
const HIT_REPAIR: Key = row("repair", REPAIR, Required, "Time out of service.");

pub(crate) const SITE_TIERS: &[&str] = &["core", "regional", "edge", "pool"];
pub(crate) const HARDENINGS: &[&str] = &["none", "hardened", "bunker"];
pub(crate) const LINK_KINDS: &[&str] = &["fibre", "submarine", "satellite"];
pub(crate) const FACILITY_KINDS: &[&str] =
    &["landing-point", "fibre-hut", "substation", "control-centre", "control-plane", "identity", "licence-server"];
pub(crate) const TIERS: &[&str] = &["T0", "T1", "T2", "T3"];
pub(crate) const CAMPAIGN_MODES: &[&str] = &["synchronous", "elastic", "low-communication"];
pub(crate) const CHECKPOINT_MODES: &[&str] = &["blocking", "asynchronous", "in-memory"];
pub(crate) const CHECKPOINT_STORES: &[&str] = &["safe", "site"];
pub(crate) const CHECKPOINT_INTERVALS: &[&str] = &["young", "daly"];
pub(crate) const AIMS: &[&str] = &["random", "value"];
pub(crate) const FAILOVERS: &[&str] = &["none", "planned", "any-legal"];
pub(crate) const RULE_KINDS: &[&str] = &["residency", "operator", "certification", "forbid"];
pub(crate) const FAILURE_DOMAINS: &[&str] = &["node", "rack", "hall", "site"];
pub(crate) const FAILURE_KINDS: &[&str] = &["crash", "transient", "silent", "straggler"];
pub(crate) const HAZARD_KINDS: &[&str] = &["random-outage", "strike-campaign", "wiper", "cable-cut", "degraded-links", "supply-delay"];

/// Every table of a scenario, in the order in which a planner would write them.
pub static TABLES: &[TableSpec] = &[
    single(
        "scenario",
        true,
        "What is studied, when and for how long.",
        &[
            row("format", Integer, Required, "Version of this format: 1."),
            NAME,
            TITLE,
            row("question", Text, Default(""), "The question that the study answers."),
            row("start", Date, Required, "Start of the simulated time."),
            row("duration", TIME, Required, "Length of the simulated time, 1 h to 20 y."),
            row("price_year", Integer, Required, "Year of all prices."),
            row("seed", Integer, Default("7"), "Random seed."),
        ],
    ),
    array(
        "nation",
        true,
        "A jurisdiction: law, demand, its zones of the grid.",
        &[
            NAME,
            TITLE,
            row("groups", Words, Default(""), "Groups it belongs to, which rules may name."),
            LATITUDE,
            LONGITUDE,
            row(
                "utc_offset",
                Quantity(unit::<Duration>(), Any),
                Default("0 h"),
                "Local time less UTC, the same all year; `daily` and `weekly` of services follow it.",
            ),
            row(
                "backbone",
                Boolean,
                Default("false"),
                "Whether the rest of the world is reached here; who reaches no such nation is cut off. Without any, the part of the network with most hubs is the rest of the world.",
            ),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "bus",
        true,
        "A zone or bus of the electric grid.",
        &[
            NAME,
            TITLE,
            row("nation", Reference("nation"), Required, "Nation it lies in."),
            LATITUDE,
            LONGITUDE,
            row("energy_price", Profile(unit::<EnergyPrice>(), Any), Required, "What a site pays for energy here."),
            row("hosting_limit", POWER, Optional, "Most load of sites that the grid operator lets connect here."),
            row(
                "forecast_error",
                Kind::Ratio(BelowOne),
                Default("0"),
                "Standard deviation of the load forecast of a year as a share of the load; adequacy draws one normal factor a year.",
            ),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "line",
        false,
        "An electric line, interconnector or transfer corridor.",
        &[
            NAME,
            TITLE,
            row("from", Reference("bus"), Required, "One end."),
            row("to", Reference("bus"), Required, "Other end."),
            row("capacity", Quantity(unit::<Power>(), NotNegative), Required, "Most power from `from` to `to`."),
            row("reverse_capacity", Quantity(unit::<Power>(), NotNegative), Computed("capacity"), "Most power from `to` to `from`."),
            row(
                "reactance",
                Kind::Ratio(Any),
                Optional,
                "Series reactance in p.u. on 100 MVA, times the tap ratio: the flow then obeys Kirchhoff's laws; without it the flow is chosen, as on a DC line.",
            ),
            row("phase_shift", Degrees(180.0), Optional, "Phase shift of a transformer in degrees; needs `reactance`."),
            MTTF,
            FAILURE_RATE,
            REPAIR_TIME,
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "generator",
        false,
        "A class of identical generating units.",
        &[
            NAME,
            TITLE,
            row("bus", Reference("bus"), Required, "Where it feeds in."),
            row("technology", Word, Required, "Technology in words."),
            row("capacity", POWER, Required, "Capacity of all units together."),
            row("units", Count(AtLeastOne), Default("1"), "Number of units."),
            row("availability", Profile(unit::<Ratio>(), Share), Default("1"), "Available share of the capacity by hour."),
            row("cost", Quantity(unit::<EnergyPrice>(), Any), Required, "Marginal cost."),
            row("carbon", Quantity(unit::<CarbonIntensity>(), NotNegative), Required, "Direct emissions."),
            MTTF,
            FAILURE_RATE,
            REPAIR_TIME,
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "storage",
        false,
        "A storage unit that buys below one price and sells above another.",
        &[
            NAME,
            TITLE,
            row("bus", Reference("bus"), Required, "Where it is connected."),
            row("power", POWER, Required, "Most charging and discharging power."),
            row("energy", Quantity(unit::<Energy>(), Positive), Required, "Energy content."),
            row("efficiency", Kind::Ratio(PositiveShare), Default("85 %"), "Round-trip efficiency."),
            row("buy_below", Quantity(unit::<EnergyPrice>(), Any), Required, "Charges where energy is cheaper than this."),
            row("sell_above", Quantity(unit::<EnergyPrice>(), Any), Required, "Discharges where energy is dearer than this."),
            row("initial", Kind::Ratio(Share), Default("50 %"), "Content at the start."),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "load",
        false,
        "Demand at a bus, other than that of the sites.",
        &[
            NAME,
            TITLE,
            row("bus", Reference("bus"), Required, "Where."),
            row("power", Profile(unit::<Power>(), NotNegative), Required, "Demand by hour."),
            row(
                "value_of_lost_load",
                Quantity(unit::<EnergyPrice>(), NotNegative),
                Required,
                "Cost of a lost unit of energy; the lowest is shed first.",
            ),
            row(
                "interruptible",
                Boolean,
                Default("false"),
                "Whether its users have agreed to yield: it is shed before the rest, and what it yields is no loss of load.",
            ),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "accelerator",
        false,
        "A type of accelerator; overrides or adds to the library.",
        &[
            NAME,
            row("title", Text, Computed("that of the library, or the name"), "Words for people."),
            row("peak", Quantity(unit::<ComputeRate>(), Positive), Computed("library"), "Dense 16-bit peak."),
            row("memory", Quantity(unit::<DataSize>(), Positive), Computed("library"), "Memory."),
            row("memory_bandwidth", Quantity(unit::<Bandwidth>(), Positive), Computed("library"), "Memory bandwidth."),
            row("power", POWER, Computed("library"), "IT power per accelerator with its share of host, network and storage."),
            row("idle_share", Kind::Ratio(Share), Computed("library"), "Share of `power` drawn when idle."),
            row("price", Quantity(unit::<Money>(), NotNegative), Computed("library"), "Price with its share of host, network and storage."),
            row("per_node", Count(AtLeastOne), Computed("library"), "Accelerators per node."),
            row("node_failure_rate", Quantity(unit::<Rate>(), NotNegative), Computed("library"), "Failures of one node."),
            row("node_repair", REPAIR, Computed("library"), "Time to repair a node."),
            row("nodes_per_rack", Count(AtLeastOne), Optional, "Nodes of a rack, for failures of racks and halls."),
            row("lifetime", TIME, Computed("library"), "Time in service."),
            row("vendor", Word, Computed("library"), "Company that makes it."),
            row("vendor_nation", Word, Computed("library"), "Home of that company."),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "site",
        true,
        "A place for accelerators, standing or to be built.",
        &[
            NAME,
            TITLE,
            row("bus", Reference("bus"), Required, "Bus that feeds it."),
            row("nation", Reference("nation"), Computed("that of the bus"), "Jurisdiction."),
            row("tier", OneOf(SITE_TIERS), Required, "Size class."),
            LATITUDE,
            LONGITUDE,
            row("existing", Boolean, Default("false"), "Whether it stands already."),
            row("connection", POWER, Required, "Limit of the grid connection."),
            row(
                "interruptible",
                Boolean,
                Default("false"),
                "Whether it has agreed to yield to the grid: what adequacy takes from it is no loss of load.",
            ),
            row("max_it_power", POWER, Computed("connection / pue"), "Most IT power that it has room for."),
            row("pue", Kind::Ratio(AtLeastOne), Default("1.2"), "Power usage effectiveness up to `free_cooling`."),
            row("pue_rise", Kind::Ratio(NotNegative), Default("0"), "Rise of the PUE per degree above `free_cooling`."),
            row(
                "free_cooling",
                Quantity(unit::<Temperature>(), Any),
                Default("18 degC"),
                "Outdoor temperature up to which the PUE is at its base.",
            ),
            row(
                "temperature",
                Profile(unit::<Temperature>(), Any),
                Optional,
                "Outdoor temperature; without one the PUE stays at its base.",
            ),
            row(
                "cooling_limit",
                Quantity(unit::<Temperature>(), Any),
                Default("40 degC"),
                "Outdoor temperature above which cooling capacity falls.",
            ),
            row("cooling_loss", Kind::Ratio(Share), Default("0.05"), "Share of IT power lost per degree above `cooling_limit`."),
            row("wue", Quantity(unit::<WaterIntensity>(), NotNegative), Default("0 L/kWh"), "Water per IT energy."),
            row("ups", DURATION, Default("0 min"), "How long the UPS carries the load."),
            row("generator_start", Kind::Ratio(Share), Default("0"), "Probability that the emergency generators start; zero without any."),
            row("fuel", DURATION, Default("0 h"), "How long the fuel lasts at full load."),
            row("refuel", REPAIR, Default("24 h"), "Time from an empty tank to a full one."),
            row("restart", REPAIR, Default("0 h"), "Time from returned power to full service."),
            MTTF,
            FAILURE_RATE,
            REPAIR_TIME,
            row("racks_per_hall", Count(AtLeastOne), Optional, "Racks of a hall, for failures of halls."),
            row("repair_crews", Count(AtLeastOne), Computed("any number"), "Repairs of nodes at a time; the others wait."),
            row("spares", Count(NotNegative), Computed("any number"), "Spare parts in stock at the start."),
            row("spare_lead_time", REPAIR, Optional, "Time in which a used part is replaced; required with `spares`."),
            row("hardening", OneOf(HARDENINGS), Default("none"), "How well it withstands a hit."),
            row("operator", Word, Required, "Who runs it."),
            row("operator_nation", Reference("nation"), Computed("nation"), "Where the operator is at home."),
            row("certifications", Words, Default(""), "Certificates held."),
            row("segment", Word, Computed("its own name"), "Segment of the management network; a wiper reaches all sites of a segment."),
            row("land", Quantity(unit::<Area>(), NotNegative), Default("0 ha"), "Land taken at full IT power."),
            row("fixed_cost", Quantity(unit::<Money>(), NotNegative), Default("0 EUR"), "Cost of opening the site, whatever its size."),
            row("building_cost", Quantity(unit::<CapacityCost>(), NotNegative), Required, "Building, power and cooling per IT power."),
            row(
                "connection_cost",
                Quantity(unit::<CapacityCost>(), NotNegative),
                Default("0 EUR/MW"),
                "Grid connection per connection power used.",
            ),
            row("fixed_upkeep", Quantity(unit::<MoneyRate>(), NotNegative), Default("0 EUR/y"), "Staff and upkeep, whatever the size."),
            row("upkeep", Quantity(unit::<CapacityRate>(), NotNegative), Default("0 EUR/MW/y"), "Staff and upkeep per IT power."),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "fleet",
        false,
        "Accelerators that exist or are ordered whatever the plan says.",
        &[
            NAME,
            TITLE,
            row("site", Reference("site"), Required, "Where; an existing site."),
            row("accelerator", Reference("accelerator"), Required, "Type."),
            row("count", Count(AtLeastOne), Required, "How many."),
            row("energised", Date, Computed("the start"), "When they begin to work."),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "link",
        false,
        "A data link between nations' hubs and sites.",
        &[
            NAME,
            TITLE,
            row("from", Endpoint, Required, "One end: `nation.poland` or `site.riga`."),
            row("to", Endpoint, Required, "Other end."),
            row("kind", OneOf(LINK_KINDS), Default("fibre"), "Medium."),
            row("bandwidth", Quantity(unit::<Bandwidth>(), Positive), Required, "Capacity."),
            row("latency", DURATION, Required, "One-way latency."),
            row("length", Quantity(unit::<Length>(), Positive), Optional, "Length of the route."),
            row("duct", Word, Optional, "Links with the same duct are cut together."),
            row("ducts", Words, Optional, "Ducts of a link that lies in several, instead of `duct`; a cut of any one cuts it."),
            row(
                "standby",
                Boolean,
                Default("false"),
                "Whether it is used only between parts of the network that nothing else joins, as a satellite.",
            ),
            MTTF,
            FAILURE_RATE,
            REPAIR_TIME,
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "facility",
        false,
        "Something that other things need: a landing point, a substation, a control plane, a licence server.",
        &[
            NAME,
            TITLE,
            row("kind", OneOf(FACILITY_KINDS), Required, "What it is."),
            row("nation", Reference("nation"), Optional, "Nation in which it stands, at its hub; this or `site`."),
            row("site", Reference("site"), Optional, "Site in which it stands; it is down while that site is, or has no power."),
            LATITUDE,
            LONGITUDE,
            row(
                "needed_by",
                Dependants,
                Required,
                "What needs it: `site.riga`, `service.x`, `link.y`, `line.z`, `generator.g`, `site.*`. Links, lines and generators are out while it is down; sites and services must also reach it over the network. To a site a `substation` is its grid supply, and a `fibre-hut` or `landing-point` its access to the network of its nation.",
            ),
            row("group", Word, Optional, "What needs several facilities of one group needs any one of them."),
            row("grace", DURATION, Default("0 h"), "How long what needs it goes on without it; the longest of a group."),
            row("segment", Word, Optional, "Segment of the management network that it belongs to."),
            row("operator", Word, Optional, "Who runs it."),
            row("operator_nation", Reference("nation"), Computed("where it stands"), "Where the operator is at home."),
            row("hardening", OneOf(HARDENINGS), Default("none"), "How well it withstands a hit."),
            MTTF,
            FAILURE_RATE,
            REPAIR_TIME,
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "dataset",
        false,
        "Data with copies.",
        &[
            NAME,
            TITLE,
            NATION,
            row("size", Quantity(unit::<DataSize>(), Positive), Required, "Size."),
            row("replicas", Count(AtLeastOne), Default("1"), "Copies at different sites."),
            row("replication_interval", TIME, Default("1 h"), "Time between two synchronisations of the copies."),
            row("backup_interval", TIME, Optional, "Time between two offline backups."),
            row("max_staleness", TIME, Optional, "Greatest age at which a copy that is cut off from the primary is read; any age without."),
            CLASS,
            RESIDENCY,
            CERTIFICATION,
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "service",
        false,
        "Inference demand.",
        &[
            NAME,
            TITLE,
            NATION,
            row("tier", OneOf(TIERS), Required, "Criticality; `T0` is shed last."),
            row("model", Word, Optional, "Model of the library; this or `tokens_per_accelerator` is required."),
            row(
                "tokens_per_accelerator",
                Quantity(unit::<TokenRate>(), Positive),
                Optional,
                "Throughput of one accelerator; wins over `model`.",
            ),
            row("demand", Quantity(unit::<TokenRate>(), Positive), Required, "Mean demand of all origins."),
            row("profile", Profile(unit::<Ratio>(), NotNegative), Default("1"), "Factor on the demand by hour."),
            row("daily", Shape(24), Optional, "Weights of the hours of the day, local time of the origin; scaled to a mean of 1."),
            row(
                "weekly",
                Shape(7),
                Optional,
                "Weights of the days of the week, Monday first, local time of the origin; scaled to a mean of 1.",
            ),
            row(
                "demand_noise",
                Kind::Ratio(NotNegative),
                Default("0"),
                "Standard deviation of a random factor on the demand of each hour.",
            ),
            row("noise_correlation", DURATION, Computed("0 h"), "Time in which the correlation of `demand_noise` falls to 1/e."),
            row("origins", RatiosOfNations, Computed("all from `nation`"), "Shares of demand by nation; they sum to 1."),
            row("max_latency", TIME, Default("1 s"), "Most one-way network latency from origin to site."),
            row(
                "bytes_per_token",
                Quantity(unit::<DataSize>(), Positive),
                Optional,
                "What a token takes on links, with its share of the request, retrieved text and protocol; without, traffic is no matter.",
            ),
            CLASS,
            RESIDENCY,
            CERTIFICATION,
            row("dataset", Reference("dataset"), Optional, "Data that must be readable where it runs."),
            row("value", Quantity(unit::<TokenPrice>(), NotNegative), Required, "Value of a token; what a lost one costs."),
            row("security_overhead", Kind::Ratio(BelowOne), Default("0"), "Slow-down by the security mode."),
            row(
                "request_tokens",
                Kind::Ratio(Positive),
                Optional,
                "Mean tokens of an answer; with `tokens_per_accelerator`, for latencies.",
            ),
            row("concurrency", Count(AtLeastOne), Computed("1"), "Requests that a replica serves at a time; with `request_tokens`."),
            row("replica", Count(AtLeastOne), Computed("that of the library's model, or 1"), "Accelerators of a replica."),
            row("latency_target", TIME, Optional, "95 % of requests should take no longer, network there and back included."),
            row(
                "latency_cap",
                Boolean,
                Computed("false"),
                "Whether load beyond what meets `latency_target`, network apart, is turned away.",
            ),
            row(
                "scale_target",
                Kind::Ratio(PositiveShare),
                Optional,
                "Utilisation at which replicas are kept by starting and stopping them.",
            ),
            row("min_replicas", Count(NotNegative), Computed("0"), "Fewest replicas at each site that the plan names."),
            row("max_replicas", Count(AtLeastOne), Optional, "Most replicas at one site."),
            row("startup", DURATION, Computed("`weights` / `load_bandwidth` + `warmup`"), "From the start of a replica until it serves."),
            row("weights", Quantity(unit::<DataSize>(), NotNegative), Computed("those of `model`, or none"), "What a replica loads."),
            row("load_bandwidth", Quantity(unit::<Bandwidth>(), Positive), Computed("1.5 GB/s"), "From the site's disks into a replica."),
            row("warmup", DURATION, Computed("30 s"), "From loaded weights to the first request."),
            row("cooldown", DURATION, Computed("5 min"), "Time of excess until replicas stop."),
            row("kv_warmup", DURATION, Computed("0 s"), "Further time at a site that had no replica ready: caches are computed again."),
            row("defer", TIME, Optional, "Batch work: how long it may wait; it runs on accelerators that nobody else uses."),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "campaign",
        false,
        "Training of one model.",
        &[
            NAME,
            TITLE,
            NATION,
            row("tier", OneOf(TIERS), Default("T3"), "Services of this tier or above may take its accelerators."),
            row("compute", Quantity(unit::<Compute>(), Positive), Required, "Work."),
            row("accelerators", Count(AtLeastOne), Required, "Size of the gang."),
            row("mode", OneOf(CAMPAIGN_MODES), Default("synchronous"), "How it spreads."),
            row("min_accelerators", Count(AtLeastOne), Optional, "Elastic: fewest accelerators it goes on with; required in that mode."),
            row("step", Count(AtLeastOne), Computed("one node"), "Elastic: accelerators that come and go together."),
            row("resize", DURATION, Computed("1 min"), "Elastic: how long a change of members stops training."),
            row("islands", Count(AtLeastOne), Optional, "Low communication: gangs that train alone and exchange; required in that mode."),
            row("sync_interval", TIME, Computed("30 min"), "Low communication: work between two exchanges."),
            row("inner_steps", Count(AtLeastOne), Computed("100"), "Low communication: steps in that work."),
            row(
                "sync_size",
                Quantity(unit::<DataSize>(), NotNegative),
                Optional,
                "Low communication: what each island has to tell the others in a round; this or `sync_time` is required in that mode.",
            ),
            row("sync_fragments", Count(AtLeastOne), Computed("1"), "Low communication: fragments in which it goes."),
            row("sync_overlap", Count(NotNegative), Computed("0"), "Low communication: steps that go on while an exchange is under way."),
            row("sync_time", DURATION, Computed("size and links"), "Low communication: how long an exchange stops training."),
            row("utilisation", Kind::Ratio(PositiveShare), Default("38 %"), "Share of peak that training reaches while it runs."),
            row("start", Date, Computed("the start"), "When it may begin."),
            row("deadline", Date, Required, "When it should be done."),
            row(
                "checkpoint_mode",
                OneOf(CHECKPOINT_MODES),
                Default("blocking"),
                "Whether training waits for its checkpoints, goes on meanwhile, or keeps them in the memory of other members.",
            ),
            row(
                "checkpoint_interval",
                Kind::QuantityOr(unit::<Duration>(), Positive, CHECKPOINT_INTERVALS),
                Default("1 h"),
                "Work between two checkpoints; `young` and `daly` work it out from the gang's rate of failures.",
            ),
            row("checkpoint_time", DURATION, Computed("`checkpoint_size` / `checkpoint_bandwidth`, or 0 s"), "How long writing one takes."),
            row("checkpoint_size", Quantity(unit::<DataSize>(), Positive), Optional, "Size of a checkpoint."),
            row(
                "checkpoint_bandwidth",
                Quantity(unit::<Bandwidth>(), Positive),
                Optional,
                "At which the gang writes one to the site's storage.",
            ),
            row("checkpoint_replicas", Count(AtLeastOne), Computed("1"), "In memory: members that may be lost at once."),
            row("persistent_interval", TIME, Computed("3 h"), "In memory: time between two copies to the site's storage."),
            row(
                "persistent_time",
                DURATION,
                Computed("`checkpoint_size` / `checkpoint_bandwidth`, or 0 s"),
                "In memory: how long such a copy takes; training goes on.",
            ),
            row(
                "checkpoint_storage",
                OneOf(CHECKPOINT_STORES),
                Default("safe"),
                "Whether checkpoints are out of reach of what hits the site, or are lost where its storage burns or is wiped.",
            ),
            row(
                "checkpoint_remote",
                Reference("site"),
                Optional,
                "Site that gets copies of checkpoints; needs `checkpoint_size`, and means something with `checkpoint_storage = \"site\"`.",
            ),
            row("checkpoint_remote_interval", TIME, Computed("6 h"), "Time between the beginnings of two such copies."),
            row("detection", DURATION, Default("0 s"), "From the failure of a member to its notice, where the cause does not say."),
            row("restart", REPAIR, Default("15 min"), "From the notice of a failure to training again, once all members are there."),
            row(
                "relocate_after",
                DURATION,
                Optional,
                "How long a gang that cannot work at its site waits before it goes on at another with free accelerators of its type; without, for ever.",
            ),
            row(
                "planned_stops",
                Quantity(unit::<Rate>(), NotNegative),
                Optional,
                "Planned stops per time, such as updates of data or firmware: each begins with a checkpoint and ends with a restart.",
            ),
            CLASS,
            RESIDENCY,
            CERTIFICATION,
            row("dataset", Reference("dataset"), Optional, "Data it reads."),
            row("cost_of_delay", Quantity(unit::<MoneyRate>(), NotNegative), Default("0 EUR/d"), "What a day's delay costs."),
            row("value", Quantity(unit::<Money>(), NotNegative), Default("0 EUR"), "What not running it at all costs."),
            SOURCE,
            VERIFIED,
        ],
    ),
    TableSpec {
        name: "rule",
        array: true,
        required: false,
        doc: "What the law lets run where, with effective dates.",
        keys: &[
            NAME,
            TITLE,
            row("kind", OneOf(RULE_KINDS), Required, "What it demands."),
            row("from", Date, Computed("always"), "First moment at which it holds."),
            row("until", Date, Computed("always"), "End, not included."),
            row(
                "applies_to",
                AppliesTo,
                Computed("all"),
                "Lists of `services`, `campaigns`, `datasets`, `classes`, `tiers`, `nations`; a thing is meant if it matches every list given.",
            ),
            SOURCE,
            VERIFIED,
        ],
        variants: &[
            ("residency", &[row("allow", Nations, Required, "Nations or groups in which the site must lie.")]),
            ("operator", &[row("allow", Nations, Required, "Nations or groups in which the operator must be at home.")]),
            ("certification", &[row("require", Words, Required, "Certificates that the site must hold.")]),
            ("forbid", &[row("sites", References("site"), Required, "Sites that are not allowed.")]),
        ],
    },
    TableSpec {
        name: "hazard",
        array: true,
        required: false,
        doc: "A process that makes events.",
        keys: &[NAME, TITLE, row("kind", OneOf(HAZARD_KINDS), Required, "What it does."), SOURCE, VERIFIED],
        variants: &[
            ("random-outage", &[TARGETS, AT, RATE, FROM, UNTIL, HIT_REPAIR]),
            (
                "strike-campaign",
                &[
                    TARGETS,
                    AT,
                    RATE,
                    FROM,
                    UNTIL,
                    row("munitions", Count(AtLeastOne), Required, "Munitions per salvo."),
                    row("interception", Kind::Ratio(Share), Required, "Probability that one munition is intercepted."),
                    row("aim", OneOf(AIMS), Default("random"), "How the attacker chooses."),
                    row("damage", RatiosOf(HARDENINGS), Required, "Probability that one hit takes the target out, by hardening."),
                    HIT_REPAIR,
                    row("nodes_destroyed", Kind::Ratio(Share), Default("0"), "Share of a hit site's nodes destroyed for good."),
                ],
            ),
            (
                "wiper",
                &[
                    row("segments", Words, Required, "Segments that can be reached, or `[\"*\"]`."),
                    AT,
                    RATE,
                    FROM,
                    UNTIL,
                    row("spread", Kind::Ratio(Share), Default("0"), "Probability that each further segment is reached after the first."),
                    row("share", Kind::Ratio(PositiveShare), Default("100 %"), "Share of each reached site that is wiped."),
                    row(
                        "restoration",
                        Restoration,
                        Required,
                        "Steps `{ after = \"2 d\", restored = 0.5 }`, increasing; the last restores 1.",
                    ),
                    row("data_lost", Boolean, Default("false"), "Whether online copies at wiped sites are lost."),
                ],
            ),
            (
                "cable-cut",
                &[TARGETS, AT, RATE, FROM, UNTIL, row("cuts", Count(AtLeastOne), Default("1"), "Ducts cut by one event."), HIT_REPAIR],
            ),
            (
                "degraded-links",
                &[
                    TARGETS,
                    AT,
                    RATE,
                    FROM,
                    UNTIL,
                    row(
                        "states",
                        LinkStates,
                        Required,
                        "States of each duct of the targets, the first of them the usual one; without `at` and `rate` they follow one another by themselves.",
                    ),
                ],
            ),
            (
                "supply-delay",
                &[
                    row("accelerators", References("accelerator"), Computed("all"), "Types concerned."),
                    row("probability", Kind::Ratio(Share), Default("1"), "Probability that it happens."),
                    row("delay", REPAIR, Required, "How late."),
                ],
            ),
        ],
    },
    strike::REPAIR_POOL,
    TableSpec {
        name: "failure",
        array: true,
        required: false,
        doc: "A cause of failures of machines; replaces `node_failure_rate` of the types and sites that it concerns.",
        keys: &[
            NAME,
            TITLE,
            row("kind", OneOf(FAILURE_KINDS), Required, "What it does to the nodes that it hits."),
            row("accelerators", References("accelerator"), Computed("all"), "Types concerned."),
            row("sites", References("site"), Computed("all"), "Sites concerned."),
            row("domain", OneOf(FAILURE_DOMAINS), Default("node"), "What one event takes down together."),
            row("rate", Quantity(unit::<Rate>(), NotNegative), Required, "Events of one node, rack, hall or site."),
            row(
                "by_age",
                Factors(unit::<Duration>()),
                Computed("1 at all ages"),
                "Factor on the rate from each age on since the nodes were energised; the first from age 0.",
            ),
            row(
                "by_job_size",
                Factors(unit::<Ratio>()),
                Computed("1 for all"),
                "Factor on the rate of members of a gang by its accelerators; between two sizes by logarithms, beyond the ends constant.",
            ),
            SOURCE,
            VERIFIED,
        ],
        variants: &[
            ("crash", &[row("repair", REPAIR, Required, "Time of repair, waiting apart."), SPARE, NOTICE]),
            ("transient", &[NOTICE]),
            ("silent", &[DETECTION, NODE_REPAIR, SPARE]),
            (
                "straggler",
                &[
                    row("slowdown", Kind::Ratio(BelowOne), Required, "Share of its speed that a gang loses by one such member."),
                    DETECTION,
                    NODE_REPAIR,
                    SPARE,
                ],
            ),
        ],
    },
    array(
        "maintenance",
        false,
        "A planned outage that comes again and again, of one share of a site's nodes after the other.",
        &[
            NAME,
            TITLE,
            row("sites", References("site"), Computed("all"), "Sites concerned."),
            row("every", TIME, Required, "From the beginning of one round to that of the next."),
            row("duration", TIME, Required, "How long each share is out."),
            row("share", Kind::Ratio(PositiveShare), Default("100 %"), "Share of the nodes that are out at a time."),
            row("from", Date, Computed("the start"), "Beginning of the first round."),
            row("until", Date, Computed("the end"), "No round begins from here on."),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "power_cap",
        false,
        "A limit on the power of accelerators; speed falls less than power.",
        &[
            NAME,
            TITLE,
            row("sites", References("site"), Computed("all"), "Sites concerned."),
            row("share", Profile(unit::<Ratio>(), PositiveShare), Required, "Share of their full power that accelerators may draw."),
            FROM,
            UNTIL,
            row("daily_from", DURATION, Optional, "Time of day in UTC from which it holds, such as `\"17 h\"`; the whole day without."),
            row(
                "daily_until",
                DURATION,
                Optional,
                "Time of day in UTC up to which it holds; before `daily_from` it is that of the next day.",
            ),
            row(
                "exponent",
                Kind::Ratio(PositiveShare),
                Default("0.3"),
                "Speed is `share` to this power. 0.3: V100 capped at 150 of 250 W took 6.8 % more time for 13.7 % less energy (McDonald et al. 2022).",
            ),
            SOURCE,
            VERIFIED,
        ],
    ),
    array(
        "spike",
        false,
        "A flash crowd: demand rises, stays and falls again.",
        &[
            NAME,
            TITLE,
            row("services", References("service"), Computed("all"), "Services that it concerns."),
            row("tiers", ListOf(TIERS), Computed("all"), "Tiers that it concerns; with `services`, those in both."),
            row("origins", Nations, Computed("all"), "Nations or groups whose demand it concerns."),
            AT,
            RATE,
            FROM,
            UNTIL,
            row("factor", Distribution(unit::<Ratio>()), Required, "Factor on the demand at its height."),
            row("rise", DURATION, Default("0 s"), "From ordinary demand to the height."),
            row("duration", REPAIR, Required, "Time at the height."),
            row("decay", DURATION, Default("0 s"), "From the height to ordinary demand."),
            SOURCE,
            VERIFIED,
        ],
    ),
    single(
        "policy",
        false,
        "What the operator does when something breaks.",
        &[
            row("failover", OneOf(FAILOVERS), Default("planned"), "Where requests go when their site is down."),
            row("failover_time", DURATION, Default("5 min"), "Time until another site has taken over."),
            row("preempt_training", Boolean, Default("true"), "Whether services may take the accelerators of campaigns of a lower tier."),
            row(
                "value_of_lost_load",
                Quantity(unit::<EnergyPrice>(), NotNegative),
                Default("1000 EUR/MWh"),
                "Rank of the sites when the grid sheds load.",
            ),
            row(
                "headroom",
                Kind::Ratio(PositiveShare),
                Default("70 %"),
                "Most share of a site's accelerators that services fill on a mean day.",
            ),
        ],
    ),
    single(
        "plan",
        true,
        "What the search for a plan may spend and must reach.",
        &[
            row("budget", Quantity(unit::<Money>(), Positive), Required, "Most capital spent."),
            row("it_power", POWER, Required, "Most IT power of all sites together."),
            row("candidates", References("site"), Computed("all sites"), "Sites that may be used."),
            row("accelerators", Purchases, Required, "Types that may be bought: names, or `{ name = \"b200\", cap = 50000 }`."),
            row("survive_site_loss", ListOf(TIERS), Default(""), "Tiers that must survive the loss of any single site."),
            row("min_service", RatiosOf(TIERS), Default(""), "Least share of each tier's mean demand that must be served."),
            row("min_sites", Count(NotNegative), Default("0"), "Fewest sites."),
            row("max_sites", Count(AtLeastOne), Computed("number of sites"), "Most sites."),
            row("discount_rate", Kind::Ratio(BelowOne), Required, "Weighted cost of capital per year."),
            row("building_lifetime", TIME, Default("20 y"), "Life of buildings and connections."),
            row("lead_time", DURATION, Default("0 d"), "From order to energised."),
            row("gap", Kind::Ratio(BelowOne), Default("0.1 %"), "Relative gap at which the solver may stop."),
            row("time_limit", TIME, Default("120 s"), "Time limit for the solver."),
        ],
    ),
    array(
        "alternative",
        false,
        "A rival architecture under the same budget and power.",
        &[
            NAME,
            TITLE,
            row("plan", Text, Optional, "Path of a plan file, instead of a search."),
            row("sites", References("site"), Computed("all candidates"), "Sites allowed."),
            row("required", References("site"), Default(""), "Sites that must be built."),
            row("min_sites", Count(NotNegative), Computed("that of `[plan]`"), "Fewest sites."),
            row("max_sites", Count(AtLeastOne), Computed("that of `[plan]`"), "Most sites."),
            row("tier_share", RatiosOf(SITE_TIERS), Default(""), "Least share of IT power in sites of a tier."),
            row("max_site_share", Kind::Ratio(PositiveShare), Optional, "Most share of IT power at any one site."),
            row("survive_site_loss", ListOf(TIERS), Computed("that of `[plan]`"), "Tiers that must survive the loss of any single site."),
        ],
    ),
    single(
        "report",
        false,
        "Words for the report.",
        &[row("letterhead", Text, Optional, "Who publishes it."), row("summary", Text, Optional, "Words under the title.")],
    ),
];
