//! Which metrics and channels a scenario has.

use bastide_model::model::{HazardKind, Model, Tier};
use bastide_units::Duration;

use super::Better::{self, Higher, Lower, Neither};

/// One metric of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricDef {
    /// `system`, `tier`, `service`, `campaign`, `interruption` (a campaign and a cause), `site`, `bus`, `line`, `link`, `nation`, `facility`,
    /// `dataset`, `evacuation`, `evacuation-class` (an evacuation and a class of data), `failure`, `users`, `wiper`, `defence`, `repair_pool`, `cost`.
    pub entity_kind: &'static str,
    /// Name of the entity; `all` for the system, the line of cost for `cost`.
    pub entity: String,
    /// Name of the metric.
    pub metric: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Good direction.
    pub better: Better,
    /// What it says, and what stands where nothing can be measured.
    pub meaning: &'static str,
}

/// One channel of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelDef {
    /// `system`, `tier` or `service`.
    pub entity_kind: &'static str,
    /// Name of the entity.
    pub entity: String,
    /// Name of the channel.
    pub channel: &'static str,
    /// Unit.
    pub unit: &'static str,
}

/// Places of all numbers of a history: the same for every plan of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Metrics, grouped by kind, then entity, in the model's order.
    pub metrics: Vec<MetricDef>,
    /// Channels.
    pub channels: Vec<ChannelDef>,
    /// Number of bins of each channel; at most 400 unless the history has more days than a bin of 360 d can hold.
    pub bins: usize,
    /// Length of a bin; the last one may be cut by the end.
    pub bin: Duration,
    /// First metric of each kind.
    starts: Vec<(&'static str, usize)>,
}

type Row = (&'static str, &'static str, Better, &'static str);

const SYSTEM: &[Row] = &[
    ("served_share", "1", Higher, "tokens served / tokens demanded, all tiers; 1 without demand"),
    ("tokens_served", "M tokens", Higher, "tokens served"),
    ("tokens_lost", "M tokens", Lower, "tokens demanded and not served"),
    (
        "training_progress",
        "1",
        Higher,
        "useful compute / compute of all campaigns of the scenario; one that the plan does not run counts as none; 1 without campaigns",
    ),
    (
        "training_goodput",
        "1",
        Higher,
        "useful compute / compute at full speed from each campaign's first start to its end; 1 without campaigns, 0 if none started",
    ),
    ("accelerator_hours_lost", "accelerator h", Lower, "hours that started gangs did not turn into useful work"),
    ("ai_energy", "MWh", Neither, "energy that sites took from the grid"),
    ("ai_unserved", "MWh", Lower, "energy that sites asked of the grid and did not get"),
    ("generator_energy", "MWh", Lower, "energy from the sites' own generators"),
    ("fuel", "L", Lower, "diesel burnt at 0.27 L/kWh (typical full-load consumption of generator sets of 1 to 2 MW)"),
    ("co2", "t", Lower, "grid energy of sites times the traced mix at their bus (Bialek 1996), plus diesel at 2.69 kg/L (EPA 2023)"),
    ("water", "m3", Lower, "IT energy times the water use of each site"),
    ("land", "ha", Lower, "land of the sites that are built"),
    ("others_unserved", "MWh", Lower, "energy that loads other than sites did not get (EUE)"),
    ("others_shed_hours", "h", Lower, "time with any other load shed (LOLE)"),
    ("longest_cut", "h", Lower, "longest time for which one feeder of a load went without power"),
    ("sites_out_of_fuel", "count", Lower, "sites whose tank ran empty at least once"),
    ("sites_up_share", "1", Higher, "mean share of energised sites that work; 1 without sites"),
    (
        "cost_per_mtokens",
        "EUR/M tokens",
        Lower,
        "capital, upkeep and energy over tokens served, training included; the mean is expected cost over expected tokens",
    ),
    (
        "effective_sovereignty",
        "1",
        Higher,
        "share of served tokens at sites whose operator is at home in the service's nation or in a nation of one of its groups; 0 when none is served",
    ),
    ("hhi_site", "1", Lower, "concentration (Herfindahl-Hirschman) of planned IT power by site; 0 without any"),
    ("hhi_operator", "1", Lower, "concentration of planned IT power by operator; 0 without any"),
    ("hhi_vendor", "1", Lower, "concentration of planned IT power by accelerator vendor; 0 without any"),
    ("it_power", "MW", Neither, "planned IT power, existing fleets included"),
    (
        "partitions",
        "count",
        Lower,
        "times that nations with demand were cut off from the rest of the world, from the first until all are back",
    ),
    ("residency_violations", "count", Lower, "allocations, gangs or replicas at a site that the rules forbid at that time"),
];
const TIER: &[Row] = &[
    ("served_share", "1", Higher, "tokens served / tokens demanded; 1 without demand"),
    ("hours_below_90", "h", Lower, "time with less than 90 % of demand served"),
    ("hours_below_50", "h", Lower, "time with less than 50 % of demand served"),
    ("time_to_recover", "h", Lower, "longest contiguous stretch with less than 90 % served"),
    ("resilience_area", "h", Lower, "integral over time of 1 - served share: hours of the whole tier that were lost (Bruneau et al. 2003)"),
    ("worst_hour_share", "1", Higher, "lowest share of demand served in a full hour of the clock; 1 without demand"),
    ("recovery_point", "h", Lower, "largest recovery point of the datasets of its services; 0 without a loss"),
    ("data_lost", "TB", Lower, "data of its services of which no copy and no backup is left"),
    ("latency_p95", "ms", Lower, "95th percentile of one-way network latency over tokens served; 0 when none is served"),
    ("tokens_served", "M tokens", Higher, "tokens served"),
    ("tokens_lost", "M tokens", Lower, "tokens demanded and not served"),
    (
        "request_latency",
        "s",
        Lower,
        "mean time of a request over tokens served, network there and back and replica; 0 where lengths are unknown",
    ),
    ("request_latency_p95", "s", Lower, "95th percentile of that time over tokens served; 0 where lengths are unknown"),
    ("queueing_delay", "s", Lower, "mean time in the replica before work on a request begins; 0 where lengths are unknown"),
    ("within_target", "1", Higher, "share of tokens served within the `latency_target` of their service; 1 without one"),
    (
        "autonomy",
        "h",
        Higher,
        "mean over partitions of the time until less than 90 % of the demand of the nations cut off is served, for longer than `failover_time`; a partition that ends before counts with its length; 0 without one",
    ),
    ("autonomy_kept", "1", Higher, "share of partitions through which 90 % or more was served to the end; 1 without one"),
];
const SERVICE: &[Row] = &[
    ("served_share", "1", Higher, "tokens served / tokens demanded; 1 without demand"),
    ("tokens_served", "M tokens", Higher, "tokens served"),
    ("tokens_lost", "M tokens", Lower, "tokens demanded and not served"),
    ("failed_over_share", "1", Neither, "tokens served away from their planned site / tokens served; 0 when none is served"),
    ("abroad_share", "1", Neither, "tokens served in another nation than that of the request / tokens served; 0 when none is served"),
    (
        "request_latency",
        "s",
        Lower,
        "mean time of a request over tokens served, network there and back and replica; 0 where lengths are unknown",
    ),
    ("request_latency_p95", "s", Lower, "95th percentile of that time over tokens served; 0 where lengths are unknown"),
    ("queueing_delay", "s", Lower, "mean time in the replica before work on a request begins; 0 where lengths are unknown"),
    ("within_target", "1", Higher, "share of tokens served within `latency_target`; 1 without one"),
    ("accelerators_held", "count", Neither, "mean accelerators that its replicas hold, loading or serving; 0 without `scale_target`"),
    ("tokens_waiting", "M tokens", Lower, "batch work that waits at the end; 0 without `defer`"),
    ("tokens_late", "M tokens", Lower, "batch work that became older than `defer`, part of the tokens lost; 0 without `defer`"),
    ("backlog_mean", "M tokens", Lower, "mean batch work that waits; 0 without `defer`"),
    ("backlog_max", "M tokens", Lower, "most batch work that waited; 0 without `defer`"),
    ("completion_age", "h", Lower, "mean time that batch work waited until it was served; 0 without `defer`"),
];
const CAMPAIGN: &[Row] = &[
    (
        "goodput",
        "1",
        Higher,
        "effective training time ratio: useful compute / (gang x rate x time from first start until done or the end); 0 if it never started",
    ),
    (
        "ettr",
        "1",
        Higher,
        "productive accelerator time that was kept / accelerators x time from when the campaign wants them until done or the end; slow time is productive",
    ),
    ("progress", "1", Higher, "useful compute / compute of the campaign"),
    ("delay", "d", Lower, "time after the deadline until done; until the end of the history if not done; 0 if the deadline is later"),
    ("accelerator_hours_lost", "accelerator h", Lower, "hours of the gang since its first start that were not useful work"),
    ("hours_rework", "accelerator h", Lower, "of which work that was done and lost, at full speed"),
    ("hours_recovery", "accelerator h", Lower, "of which from the failure to training again: detection, restart, changes of members"),
    ("hours_checkpoints", "accelerator h", Lower, "of which training waited for checkpoints or exchanges"),
    ("hours_slowdown", "accelerator h", Lower, "of which lost to power, cooling and slow members while training"),
    ("hours_waiting", "accelerator h", Lower, "of which without accelerators, site, data or leave"),
    ("interruptions", "count", Lower, "stops after the first start, pre-emption included"),
    ("interruptions_unexpected", "count", Lower, "of which by failures of members, sites, power, data, or attacks"),
    ("interruptions_planned", "count", Lower, "of which planned, or by law"),
    ("interruptions_preempted", "count", Lower, "of which for services"),
    (
        "time_to_interruption",
        "h",
        Higher,
        "time from first start until done or the end / unexpected interruptions; all of that time without any",
    ),
    ("checkpoint_interval", "min", Neither, "work between two checkpoints; 0 where the plan does not run it"),
    ("moves", "count", Neither, "times that a gang went on at another site; 0 without `relocate_after`"),
    ("done", "1", Higher, "1 if completed, 0 if not"),
];
const INTERRUPTION: &[Row] = &[
    ("interruptions", "count", Lower, "interruptions of the campaign for this cause"),
    ("accelerator_hours_lost", "accelerator h", Lower, "hours lost to it: rework, recovery, waiting and slowdown"),
];
/// Causes of interruptions that no table of the scenario names.
pub(crate) const REASONS: [&str; 10] =
    ["node", "site", "power", "wiped", "pre-empted", "accelerators", "no data", "not legal", "maintenance", "planned"];
const SITE: &[Row] = &[
    ("built", "1", Neither, "1 if the plan or an existing fleet has accelerators there; all other numbers are 0 where it is 0"),
    ("it_power", "MW", Neither, "planned IT power, existing fleets included"),
    ("availability", "1", Higher, "share of time since energised in which the site works, derated or not"),
    ("outages", "count", Lower, "stops"),
    ("isolated_hours", "h", Lower, "time in which it did not reach the rest of the world, working or not"),
    ("hours_curtailed", "h", Lower, "time with less than full power, outages for other reasons left out"),
    ("energy", "MWh", Neither, "energy taken from the grid"),
    ("energy_cost", "EUR", Lower, "at the energy price of the bus"),
    ("generator_hours", "h", Lower, "running time of its own generators"),
    ("fuel", "L", Lower, "diesel burnt at 0.27 L/kWh"),
    (
        "fuel_exhausted_after",
        "h",
        Higher,
        "least time from the loss of supply until the tank was empty; the length of the history if it never was",
    ),
    (
        "spares_exhausted_after",
        "h",
        Higher,
        "time from the start until the stock of spare parts is used up for the first time; the whole history if it never is",
    ),
    ("tokens_served", "M tokens", Neither, "tokens served there"),
];
const BUS: &[Row] = &[
    ("shed_energy", "MWh", Lower, "energy not served to loads other than sites (EUE)"),
    ("shed_hours", "h", Lower, "time with a load other than sites shed (LOLE)"),
    ("longest_cut", "h", Lower, "longest time for which one feeder of its loads went without power"),
    ("price", "EUR/MWh", Neither, "mean marginal price over time"),
];
const LINE: &[Row] = &[("availability", "1", Higher, "share of time in service")];
const LINK: &[Row] = &[("availability", "1", Higher, "share of time in service")];
const FACILITY: &[Row] = &[
    ("availability", "1", Higher, "share of time in service; where it stands in a site, that the site has power"),
    ("outages", "count", Lower, "times that it went out of service"),
    (
        "service_hours_stopped",
        "service h",
        Lower,
        "time in which services could not run without it, its grace over, at a site that the plan names for them, or anywhere while they lost requests; put down to one of its group",
    ),
    ("tokens_lost", "M tokens", Lower, "tokens that those services lost in that time"),
];
const NATION: &[Row] = &[
    ("isolated_hours", "h", Lower, "time in which its hub did not reach the rest of the world"),
    (
        "bandwidth_left",
        "1",
        Higher,
        "mean over time of the most that fits between its hub and the rest of the world / the same as built; 1 where nothing is built",
    ),
    ("bandwidth_least", "Gbit/s", Higher, "least of that at any time"),
];
const DATASET: &[Row] = &[
    ("data_lost", "TB", Lower, "data of which no copy and no backup is left"),
    ("recovery_point", "h", Lower, "largest age of the copy that a loss fell back to; 0 without a loss"),
    ("readable_share", "1", Higher, "share of time with a copy at a working site; 0 where the plan has no copy"),
    ("staleness_max", "h", Lower, "greatest age of a copy at a working site that was cut off from the primary; 0 if none ever was"),
];
const EVACUATION: &[Row] = &[
    ("saved", "TB", Higher, "data that arrived where it was to go"),
    (
        "value_saved",
        "1",
        Higher,
        "value of data with a copy elsewhere / value of all its data; parts count only with `partial`; 1 without value",
    ),
    ("lost", "TB", Lower, "data that did not arrive and of which neither a copy nor a backup is left"),
    ("on_soil", "TB", Lower, "data that stands only at the sites that it should leave"),
    (
        "legal_wait",
        "h",
        Lower,
        "from the order until the law lets the last of its data go; to the end where it never does; 0 without an order",
    ),
    ("duration", "h", Neither, "from the order until the last of it arrived; to the end while some is left; 0 without an order"),
    ("courier_trips", "count", Neither, "journeys that devices began"),
    ("devices", "count", Neither, "devices that carried anything"),
    ("people", "count", Neither, "people that went with them"),
    ("cost", "EUR", Lower, "journeys at the couriers' `trip_cost`"),
];
const EVACUATION_CLASS: &[Row] = &[
    ("saved", "TB", Higher, "data of the class that arrived where it was to go"),
    (
        "value_saved",
        "1",
        Higher,
        "value of its data with a copy elsewhere / value of all; parts count only with `partial`; 1 without value",
    ),
    ("lost", "TB", Lower, "data of the class that did not arrive and of which neither a copy nor a backup is left"),
    ("on_soil", "TB", Lower, "data of the class that stands only at the sites that it should leave"),
];
const FAILURE: &[Row] = &[
    ("events", "count", Lower, "events that hit at least one node that was up"),
    ("nodes_out", "count", Lower, "nodes that went to repair"),
    ("node_hours_lost", "node h", Lower, "time that nodes were out, waiting included"),
    ("time_to_repair", "h", Lower, "mean time from out to back of repairs that are done, waiting included; 0 without any"),
    ("part_wait", "h", Lower, "time that repairs waited for a spare part, all together"),
    ("crew_wait", "h", Lower, "time that repairs waited for a crew, all together"),
];
const USERS: &[Row] = &[(
    "hours_lost",
    "M user h",
    Lower,
    "users of the service x tokens lost / tokens demanded x hours of the history: with steady demand the hours that its users went without, a partial service in part",
)];
const WIPER: &[Row] = &[
    ("attacks", "count", Lower, "attacks that were not found before they struck"),
    ("contained", "count", Neither, "attacks that were found before they struck"),
    ("segments_reached", "count", Lower, "segments that the attacks reached, all together"),
    (
        "restored_t0",
        "h",
        Lower,
        "longest time from an attack until all that serves tier T0 was restored; until the end if it was not; 0 without a team",
    ),
    ("restored_t1", "h", Lower, "the same for tier T1"),
    ("restored_t2", "h", Lower, "the same for tier T2"),
    ("restored_t3", "h", Lower, "the same for tier T3"),
    ("restored_all", "h", Lower, "the same for everything"),
];
const REPAIR_POOL: &[Row] = &[
    ("jobs", "count", Lower, "repairs that were asked for"),
    ("repaired", "count", Neither, "of which done before the end"),
    ("time_to_repair", "h", Lower, "mean time from damage to the end of its repair, waiting included; 0 without any"),
    ("crew_wait", "h", Lower, "time that repairs waited for a crew, all together"),
    ("spare_wait", "h", Lower, "time that repairs waited for a spare part, all together"),
    (
        "spares_exhausted_after",
        "h",
        Higher,
        "time from the start until the stock of spare parts is used up for the first time; the whole history if it never is",
    ),
];
const DEFENCE: &[Row] = &[
    ("engaged", "count", Neither, "munitions that it shot at"),
    ("downed", "count", Neither, "of which it brought down"),
    ("interceptors_spent", "count", Lower, "interceptors that it spent"),
    ("exhausted_after", "h", Higher, "time from the start until its stock is empty for the first time; the whole history if it never is"),
];
const COST: &[Row] = &[("cost", "EUR", Lower, "cost over the history, capital as its annuity")];

/// Lines of cost, in the order of the `cost` metrics; `total` is the sum of the others.
pub(crate) const COST_LINES: [&str; 6] = ["capital", "upkeep", "energy", "lost tokens", "training delay", "total"];

fn tiers(model: &Model) -> impl Iterator<Item = Tier> + '_ {
    Tier::ALL.into_iter().filter(|tier| model.services.iter().any(|service| service.tier == *tier))
}

/// Whether the attacks of a hazard have metrics of their own: wipers with a dwell time or a team.
pub(crate) fn shows_attacks(kind: &HazardKind) -> bool {
    matches!(kind, HazardKind::Wiper { attack, .. } if attack.dwell.is_some() || attack.recovery.is_some())
}

/// Each campaign with each cause: `llama-3: faulty-gpu`.
fn interruptions(model: &Model) -> impl Iterator<Item = String> + '_ {
    let causes = || model.failures.iter().map(|cause| cause.entity.name.as_str()).chain(REASONS);
    model.campaigns.iter().flat_map(move |campaign| causes().map(move |cause| format!("{}: {cause}", campaign.entity.name)))
}

/// Classes of the data of each evacuation, in the order of its data.
pub(crate) fn evacuation_classes(model: &Model) -> impl Iterator<Item = (usize, String)> + '_ {
    model.evacuations.iter().enumerate().flat_map(|(at, evacuation)| {
        let mut classes: Vec<String> = Vec::new();
        for id in &evacuation.datasets {
            let class = model.datasets[*id].class.as_deref().unwrap_or("unclassified");
            if !classes.iter().any(|known| known == class) {
                classes.push(class.to_owned());
            }
        }
        classes.into_iter().map(move |class| (at, class))
    })
}

fn class_name(model: &Model, evacuation: usize, class: &str) -> String {
    format!("{}: {class}", model.evacuations[evacuation].entity.name)
}

impl Layout {
    /// The layout of a model.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let mut layout = Self { metrics: Vec::new(), channels: Vec::new(), bins: 0, bin: Duration::ZERO, starts: Vec::new() };
        layout.group("system", SYSTEM, ["all".to_owned()]);
        layout.group("tier", TIER, tiers(model).map(|tier| tier.name().to_owned()));
        layout.group("service", SERVICE, model.services.iter().map(|x| x.entity.name.clone()));
        layout.group("campaign", CAMPAIGN, model.campaigns.iter().map(|x| x.entity.name.clone()));
        layout.group("interruption", INTERRUPTION, interruptions(model));
        layout.group("site", SITE, model.sites.iter().map(|x| x.entity.name.clone()));
        layout.group("bus", BUS, model.buses.iter().map(|x| x.entity.name.clone()));
        layout.group("line", LINE, model.lines.iter().map(|x| x.entity.name.clone()));
        layout.group("link", LINK, model.links.iter().map(|x| x.entity.name.clone()));
        let linked = model.nations.iter().filter(|_| !model.links.is_empty());
        layout.group("nation", NATION, linked.map(|x| x.entity.name.clone()));
        layout.group("facility", FACILITY, model.facilities.iter().map(|x| x.entity.name.clone()));
        layout.group("dataset", DATASET, model.datasets.iter().map(|x| x.entity.name.clone()));
        layout.group("evacuation", EVACUATION, model.evacuations.iter().map(|x| x.entity.name.clone()));
        layout.group("evacuation-class", EVACUATION_CLASS, evacuation_classes(model).map(|(at, class)| class_name(model, at, &class)));
        layout.group("failure", FAILURE, model.failures.iter().map(|x| x.entity.name.clone()));
        layout.group("users", USERS, model.services.iter().filter(|x| x.users.is_some()).map(|x| x.entity.name.clone()));
        let wipers = model.hazards.iter().filter(|x| shows_attacks(&x.kind));
        layout.group("wiper", WIPER, wipers.map(|x| x.entity.name.clone()));
        layout.group("defence", DEFENCE, model.defences.iter().map(|x| x.entity.name.clone()));
        layout.group("repair_pool", REPAIR_POOL, model.repair_pools.iter().map(|x| x.entity.name.clone()));
        layout.group("cost", COST, COST_LINES.map(str::to_owned));

        let mut channel = |entity_kind, entity: &str, channel, unit| {
            layout.channels.push(ChannelDef { entity_kind, entity: entity.to_owned(), channel, unit });
        };
        for tier in tiers(model) {
            channel("tier", tier.name(), "served_share", "1");
        }
        for service in model.services.iter().filter(|service| service.operation.defer.is_some()) {
            channel("service", &service.entity.name, "backlog", "M tokens");
        }
        for (at, class) in evacuation_classes(model) {
            channel("evacuation-class", &class_name(model, at, &class), "saved", "TB");
        }
        channel("system", "all", "training_goodput", "1");
        channel("system", "all", "ai_power", "MW");
        channel("system", "all", "others_shed", "MW");
        channel("system", "all", "sites_up_share", "1");

        let hours = model.header.duration.as_h();
        let round = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 120.0, 240.0, 480.0, 720.0, 2160.0, 4320.0, 8640.0];
        let bin = round.into_iter().find(|bin| hours / bin <= 400.0).unwrap_or(8640.0);
        layout.bins = ((hours / bin).ceil() as usize).max(1);
        layout.bin = Duration::from_h(bin);
        layout
    }

    fn group(&mut self, entity_kind: &'static str, rows: &[Row], entities: impl IntoIterator<Item = String>) {
        self.starts.push((entity_kind, self.metrics.len()));
        for entity in entities {
            self.metrics.extend(rows.iter().map(|&(metric, unit, better, meaning)| MetricDef {
                entity_kind,
                entity: entity.clone(),
                metric,
                unit,
                better,
                meaning,
            }));
        }
    }

    /// Where a metric stands, by the entity's position among those of its kind (tiers: among those with services).
    #[must_use]
    pub fn position(&self, entity_kind: &str, entity: usize, metric: &str) -> Option<usize> {
        let start = self.starts.iter().find(|(kind, _)| *kind == entity_kind)?.1;
        let rows =
            self.metrics[start..].iter().take_while(|def| def.entity_kind == entity_kind && def.entity == self.metrics[start].entity);
        let (mut count, mut place) = (0, None);
        for (row, def) in rows.enumerate() {
            count += 1;
            if def.metric == metric {
                place = Some(row);
            }
        }
        let at = start + entity * count + place?;
        self.metrics.get(at).filter(|def| def.entity_kind == entity_kind).map(|_| at)
    }

    /// Where a metric of a named entity stands.
    #[must_use]
    pub fn find(&self, entity_kind: &str, entity: &str, metric: &str) -> Option<usize> {
        self.metrics.iter().position(|def| def.entity_kind == entity_kind && def.entity == entity && def.metric == metric)
    }

    /// Where a channel of a named entity stands.
    #[must_use]
    pub fn find_channel(&self, entity_kind: &str, entity: &str, channel: &str) -> Option<usize> {
        self.channels.iter().position(|def| def.entity_kind == entity_kind && def.entity == entity && def.channel == channel)
    }
}

/// Name of the entity of an event ([`super::EventRecord`]); empty if there is none.
#[must_use]
pub fn entity_name<'a>(model: &'a Model, entity_kind: &str, entity: u32) -> &'a str {
    let at = entity as usize;
    let entity = match entity_kind {
        "hazard" => model.hazards.get(at).map(|x| &x.entity),
        "rule" => model.laws.get(at).map(|x| &x.entity),
        "failure" => model.failures.get(at).map(|x| &x.entity),
        "site" | "fleet" => model.sites.get(at).map(|x| &x.entity),
        "defence" => model.defences.get(at).map(|x| &x.entity),
        "repair_pool" => model.repair_pools.get(at).map(|x| &x.entity),
        "line" => model.lines.get(at).map(|x| &x.entity),
        "generator" => model.generators.get(at).map(|x| &x.entity),
        "link" => model.links.get(at).map(|x| &x.entity),
        "facility" => model.facilities.get(at).map(|x| &x.entity),
        "service" => model.services.get(at).map(|x| &x.entity),
        "campaign" => model.campaigns.get(at).map(|x| &x.entity),
        "dataset" => model.datasets.get(at).map(|x| &x.entity),
        "evacuation" => model.evacuations.get(at).map(|x| &x.entity),
        "spike" => model.spikes.get(at).map(|x| &x.entity),
        "nation" => model.nations.get(at).map(|x| &x.entity),
        "bus" => model.buses.get(at).map(|x| &x.entity),
        _ => None,
    };
    entity.map_or("", |entity| &entity.name)
}
