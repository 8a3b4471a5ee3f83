//! What a plan makes of a model: pools of accelerators, routes of requests, offers and loads of the grid. Computed once, read by
//! every replication.

mod calendar;
mod facility;
mod failure;
mod gang;
mod grid;

pub(crate) use calendar::Calendar;
use std::ops::Range;

use bastide_engine::{derive_key, stream_key};
use bastide_grid::{GridError, Load, Offer};
use bastide_model::model::{Failover, HazardKind, LatencyLaw, Model, SiteId, Target};
use bastide_model::plan::Plan;
use bastide_units::Time;

use crate::record::Layout;
use crate::world::network::Graph;

pub(crate) use facility::{Claim, Claimant};
pub(crate) use failure::{Process, Unit};
pub(crate) use gang::{Cycle, Gang, Gangs, NEVER_S};
pub(crate) use grid::GridDispatcher;

/// Accelerators of one type at one site.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub site: usize,
    /// Accelerators per node; a fraction where an order is not in whole nodes.
    pub per_node: f64,
    /// Deliveries.
    pub orders: Vec<Order>,
    /// Power per accelerator at work, with its share of the host \[MW\].
    pub power_mw: f64,
    /// Share of it when idle.
    pub idle_share: f64,
    pub accelerator: usize,
}

/// Nodes that become energised together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// When they begin to work.
    pub due: Time,
    /// When they are delivered, where a roadmap says so; what holds up deliveries acts then.
    pub delivered: Option<Time>,
    /// When they leave.
    pub retired: Time,
    pub nodes: u32,
    /// Whether supply delays concern it: it is on order, not standing.
    pub on_order: bool,
    /// Whether the plan buys it.
    pub bought: bool,
}

/// A type of accelerator that can run a service at a site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub pool: usize,
    pub service: usize,
    pub site: usize,
    /// Tokens per second of one accelerator at full power.
    pub rate: f64,
    /// Share of the service's work at this site that the plan puts here; zero where the plan does not say.
    pub planned: f64,
}

/// A service at a site where the plan wants it.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub site: usize,
    /// Stand-bys for the loss of the site, with their shares of what is displaced.
    pub standbys: Vec<(usize, f64)>,
}

/// Demand of one origin that the plan sends to one site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub pair: usize,
    pub origin: usize,
    /// Share of the service's demand.
    pub weight: f64,
}

pub(crate) struct Setup<'a> {
    pub model: &'a Model,
    pub plan: &'a Plan,
    pub layout: &'a Layout,
    pub end: Time,
    pub pools: Vec<Pool>,
    /// What fails where.
    pub processes: Vec<Process>,
    /// Processes of each pool.
    pub pool_processes: Vec<Vec<usize>>,
    /// Pools of each site.
    pub site_pools: Vec<Range<usize>>,
    /// Sites with accelerators.
    pub built: Vec<bool>,
    /// IT power of each site when all is delivered \[MW\].
    pub it_mw: Vec<f64>,
    pub pairs: Vec<Pair>,
    pub flows: Vec<Flow>,
    /// Pairs of each service.
    pub service_pairs: Vec<Range<usize>>,
    /// Flows of each service.
    pub service_flows: Vec<Range<usize>>,
    /// Share of each service's demand that the plan places.
    pub placed: Vec<f64>,
    /// What a roadmap changes over time.
    pub calendar: Calendar,
    /// `choices[choice_at[service * sites + site]]`.
    pub choices: Vec<Choice>,
    pub choice_at: Vec<Range<usize>>,
    /// Choices of each pool.
    pub pool_choices: Vec<Vec<usize>>,
    /// Whether the plan names a site for a service, as a place or as a stand-by: `[service * sites + site]`.
    pub named: Vec<bool>,
    /// Sites of batch work in the order in which it takes them: empty for services that do not wait.
    pub batch_sites: Vec<Vec<usize>>,
    /// Other sites for a service by origin, nearest first: `[service][origin index in the service]`.
    pub others: Vec<Vec<(usize, Vec<usize>)>>,
    /// Whether a token of a service served at a site counts as sovereign: `[service * sites + site]`.
    pub sovereign: Vec<bool>,
    /// Services in the order in which they are served: by tier, then as written, but what a service needs before it.
    pub service_order: Vec<usize>,
    pub gangs: Gangs,
    /// Gangs of each pool, in the order of tier, then of the scenario.
    pub pool_gangs: Vec<Vec<usize>>,
    /// Sites of each dataset's copies, the primary first.
    pub replicas: Vec<Vec<usize>>,
    /// How many of them the plan places; the others are where evacuations may bring it.
    pub planned_replicas: Vec<usize>,
    /// Data of each evacuation in the order in which it leaves, where a search has found one.
    pub departures: Vec<Option<Vec<usize>>>,
    pub graph: Graph,
    /// Who needs which facilities.
    pub claims: Vec<Claim>,
    /// What a token of each service takes on links \[B\]; zero where that is no matter.
    pub bytes_per_token: Vec<f64>,
    /// Whether any service sends over links that may be short.
    pub any_traffic: bool,
    /// Nations that are origins of services.
    pub origins: Vec<bool>,
    /// Times at which what is legal changes.
    pub legal_changes: Vec<Time>,
    /// Whether any rule may forbid something.
    pub restricted: bool,
    /// The grid; loads are the scenario's, then built sites, then storages that charge.
    pub dispatcher: GridDispatcher,
    /// Load of each built site.
    pub site_load: Vec<usize>,
    /// First load that is a storage.
    pub storage_load: usize,
    /// Index in `metrics` groups of each service's tier.
    pub tier_place: [Option<usize>; 4],
}

impl<'a> Setup<'a> {
    pub(crate) fn new(model: &'a Model, plan: &'a Plan, layout: &'a Layout) -> Result<Self, GridError> {
        let (pools, site_pools) = pools(model, plan);
        let everywhere = calendar::everywhere(plan);
        let built: Vec<bool> = site_pools.iter().map(|range| !range.is_empty()).collect();
        let mut it_mw = vec![0.0; model.sites.len()];
        for pool in &pools {
            it_mw[pool.site] += f64::from(pool.most_nodes()) * pool.per_node * pool.power_mw;
        }
        let graph = Graph::new(model, &plan.links);
        let (choices, choice_at) = choices(model, &everywhere, &pools, &site_pools);
        let mut origins = vec![false; model.nations.len()];
        for service in &model.services {
            for (nation, _) in &service.origins {
                origins[nation.index()] = true;
            }
            if service.operation.defer.is_some() {
                origins[service.nation.index()] = true;
            }
        }
        let mut latency = crate::world::network::Paths::new(&graph);
        latency.solve(&graph, &vec![true; graph.width.len()], &graph.latency_s, &origins);
        let routes = routes(model, &everywhere, &latency);
        let calendar = Calendar::new(model, plan, &routes, &latency);
        let others = others(model, &built, &choice_at, &latency);
        let mut pool_choices = vec![Vec::new(); pools.len()];
        for (at, choice) in choices.iter().enumerate() {
            pool_choices[choice.pool].push(at);
        }
        let named = named(model, &routes);
        let batch_sites = batch_sites(model, &routes, &choice_at, &built, &latency);
        let (gangs, pool_gangs) = gang::gangs(model, plan, &pools);
        let processes = failure::processes(model, &pools, &gangs);
        let of_pool = |pool| (0..processes.len()).filter(|at| processes[*at].pools.contains(&pool)).collect();
        let pool_processes = (0..pools.len()).map(of_pool).collect();
        let mut replicas = vec![Vec::new(); model.datasets.len()];
        for replica in &plan.replicas {
            replicas[replica.dataset.index()].push(replica.site.index());
        }
        let able = |service: usize, site: usize| !choice_at[service * model.sites.len() + site].is_empty();
        let claims = facility::claims(model, &built, &able, &graph);
        let planned_replicas = replicas.iter().map(Vec::len).collect();
        for evacuation in &model.evacuations {
            for dataset in &evacuation.datasets {
                let places = &mut replicas[dataset.index()];
                let new: Vec<usize> = evacuation.to.iter().map(|site| site.index()).filter(|site| !places.contains(site)).collect();
                places.extend(new);
            }
        }
        let bytes_per_token =
            model.services.iter().map(|it| it.bytes_per_token.map_or(0.0, bastide_units::DataSize::as_bytes)).collect::<Vec<_>>();
        let (dispatcher, site_load, storage_load) = grid(model, &built)?;
        let mut tier_place = [None; 4];
        let mut tiers = 0;
        for (tier, place) in tier_place.iter_mut().enumerate() {
            if model.services.iter().any(|service| service.tier as usize == tier) {
                *place = Some(tiers);
                tiers += 1;
            }
        }
        let (legal_changes, restricted) = legal_changes(model);
        Ok(Self {
            model,
            plan,
            layout,
            end: Time::ZERO + model.header.duration,
            sovereign: sovereign(model),
            pools,
            processes,
            pool_processes,
            site_pools,
            built,
            it_mw,
            pairs: routes.pairs,
            flows: routes.flows,
            service_pairs: routes.service_pairs,
            service_flows: routes.service_flows,
            placed: routes.placed,
            calendar,
            choices,
            choice_at,
            pool_choices,
            named,
            batch_sites,
            service_order: service_order(model),
            others,
            gangs,
            pool_gangs,
            replicas,
            planned_replicas,
            departures: vec![None; model.evacuations.len()],
            graph,
            claims,
            any_traffic: !model.links.is_empty() && bytes_per_token.iter().any(|bytes| *bytes > 0.0),
            bytes_per_token,
            origins,
            legal_changes,
            restricted,
            dispatcher,
            site_load,
            storage_load,
            tier_place,
        })
    }
}

/// Services in the order of the model, each behind those that it needs. What a vital service needs is as vital.
fn service_order(model: &Model) -> Vec<usize> {
    fn put(model: &Model, at: usize, put_already: &mut [bool], order: &mut Vec<usize>) {
        if !std::mem::replace(&mut put_already[at], true) {
            for need in &model.services[at].operation.needs {
                put(model, need.index(), put_already, order);
            }
            order.push(at);
        }
    }
    let mut order = Vec::with_capacity(model.services.len());
    let mut put_already = vec![false; model.services.len()];
    for at in 0..model.services.len() {
        put(model, at, &mut put_already, &mut order);
    }
    order
}

impl Pool {
    /// Nodes that are due at a time and have not left; of what has no date of its own, all.
    pub(crate) fn expected(&self, now: Time) -> u32 {
        let dated = |order: &&Order| order.delivered.is_none() || order.due <= now && now < order.retired;
        self.orders.iter().filter(dated).map(|order| order.nodes).sum()
    }
    /// Most nodes that are there at any time.
    pub(crate) fn most_nodes(&self) -> u32 {
        let at = |now: Time| self.orders.iter().filter(|order| order.due <= now && now < order.retired).map(|order| order.nodes).sum();
        self.orders.iter().map(|order| at(order.due)).max().unwrap_or(0)
    }
}

impl Setup<'_> {
    /// How long requests take in a replica of a choice; `None` where their lengths are unknown.
    #[inline]
    pub(crate) fn law(&self, choice: &Choice) -> Option<&LatencyLaw> {
        self.model.replicas.get(choice.service)?.get(self.pools[choice.pool].accelerator)?.law.as_ref()
    }

    /// Accelerators of a replica of a choice.
    #[inline]
    pub(crate) fn replica_size(&self, choice: &Choice) -> f64 {
        let row = self.model.replicas.get(choice.service);
        row.and_then(|row| row.get(self.pools[choice.pool].accelerator)).map_or(1.0, |replica| f64::from(replica.accelerators.max(1)))
    }

    /// Choices of a service.
    pub(crate) fn service_choices(&self, service: usize) -> Range<usize> {
        let sites = self.model.sites.len();
        let ranges = &self.choice_at[service * sites..(service + 1) * sites];
        ranges.first().map_or(0, |range| range.start)..ranges.last().map_or(0, |range| range.end)
    }

    /// Channel of a queue of batch work, by its position among those.
    pub(crate) fn backlog_channel(&self, queue: usize) -> usize {
        self.tier_place.iter().flatten().count() + queue
    }
}

/// Pools of the existing fleets and the plan's builds, by site, then type.
fn pools(model: &Model, plan: &Plan) -> (Vec<Pool>, Vec<Range<usize>>) {
    let mut pools: Vec<Pool> = Vec::new();
    let mut ranges = Vec::with_capacity(model.sites.len());
    for site in 0..model.sites.len() {
        let start = pools.len();
        for (at, accelerator) in model.accelerators.iter().enumerate() {
            let mut orders = Vec::new();
            let mut count = 0;
            let mut order = |accelerators: u32, due, delivered, retired, on_order, bought| {
                if accelerators > 0 {
                    count += accelerators;
                    let nodes = accelerators.div_ceil(accelerator.per_node.max(1));
                    orders.push(Order { due, delivered, retired, nodes, on_order, bought });
                }
            };
            for fleet in model.fleets.iter().filter(|f| f.site.index() == site && f.accelerator.index() == at) {
                order(fleet.count, fleet.energised, None, fleet.retired, fleet.energised > Time::ZERO, false);
            }
            for build in plan.builds.iter().filter(|b| b.site.index() == site && b.accelerator.index() == at && plan.roadmap.is_none()) {
                order(build.count, Time::ZERO + model.planning.lead_time, None, Time::NEVER, true, true);
            }
            for lot in plan.roadmap.iter().flat_map(|it| &it.lots).filter(|lot| lot.site.index() == site && lot.accelerator.index() == at) {
                order(lot.count, lot.energised, Some(lot.delivered), lot.retired, true, true);
            }
            let nodes: u32 = orders.iter().map(|order| order.nodes).sum();
            if nodes > 0 {
                pools.push(Pool {
                    site,
                    per_node: f64::from(count) / f64::from(nodes),
                    orders,
                    power_mw: accelerator.power.as_mw(),
                    idle_share: accelerator.idle_share,
                    accelerator: at,
                });
            }
        }
        ranges.push(start..pools.len());
    }
    (pools, ranges)
}

/// Pools that can run each service at each site, most tokens per energy first.
fn choices(model: &Model, plan: &Plan, pools: &[Pool], site_pools: &[Range<usize>]) -> (Vec<Choice>, Vec<Range<usize>>) {
    let mut choices = Vec::new();
    let mut ranges = Vec::with_capacity(model.services.len() * model.sites.len());
    for (service, demand) in model.services.iter().enumerate() {
        for (site, range) in site_pools.iter().enumerate() {
            let start = choices.len();
            let placement = plan.placements.iter().find(|p| p.service.index() == service && p.site.index() == site);
            for pool in range.clone() {
                let rate = model.token_rate[service][pools[pool].accelerator].as_tokens_per_s() * (1.0 - demand.security_overhead);
                if rate > 0.0 {
                    let listed = placement.and_then(|p| p.accelerators.iter().find(|(a, _)| a.index() == pools[pool].accelerator));
                    choices.push(Choice { pool, service, site, rate, planned: listed.map_or(0.0, |(_, count)| count.max(0.0) * rate) });
                }
            }
            let here = &mut choices[start..];
            here.sort_by(|a, b| (b.rate / pools[b.pool].power_mw).total_cmp(&(a.rate / pools[a.pool].power_mw)).then(a.pool.cmp(&b.pool)));
            let planned: f64 = here.iter().map(|choice| choice.planned).sum();
            if planned > 0.0 {
                here.iter_mut().for_each(|choice| choice.planned /= planned);
            }
            ranges.push(start..choices.len());
        }
    }
    (choices, ranges)
}

pub(crate) struct Routes {
    pairs: Vec<Pair>,
    flows: Vec<Flow>,
    service_pairs: Vec<Range<usize>>,
    service_flows: Vec<Range<usize>>,
    placed: Vec<f64>,
}

/// Demand by origin and planned site. An origin uses the planned sites within its latency limit in proportion to their shares.
fn routes(model: &Model, plan: &Plan, latency: &crate::world::network::Paths) -> Routes {
    let mut routes =
        Routes { pairs: Vec::new(), flows: Vec::new(), service_pairs: Vec::new(), service_flows: Vec::new(), placed: Vec::new() };
    for (service, demand) in model.services.iter().enumerate() {
        let placements: Vec<_> = plan.placements.iter().filter(|p| p.service.index() == service && p.share > 0.0).collect();
        let total: f64 = placements.iter().map(|p| p.share).sum();
        // More than all of the demand cannot be placed; rounding of a file may say so.
        let placed = total.min(1.0);
        let first_pair = routes.pairs.len();
        for placement in &placements {
            let own = plan.standbys.iter().filter(|s| s.service == placement.service && s.of == placement.site && s.share > 0.0);
            let sum: f64 = own.clone().map(|s| s.share).sum();
            routes.pairs.push(Pair { site: placement.site.index(), standbys: own.map(|s| (s.site.index(), s.share / sum)).collect() });
        }
        routes.service_pairs.push(first_pair..routes.pairs.len());
        let first_flow = routes.flows.len();
        for &(nation, share) in &demand.origins {
            let near = |site: SiteId| latency.latency_s(nation.index(), site.index()) <= demand.max_latency.as_s();
            let reachable: f64 = placements.iter().filter(|p| near(p.site)).map(|p| p.share).sum();
            for (at, placement) in placements.iter().enumerate() {
                // An origin out of reach of every planned site asks all of them, in vain.
                let part = if reachable > 0.0 {
                    f64::from(u8::from(near(placement.site))) * placement.share / reachable
                } else {
                    placement.share / total
                };
                if part > 0.0 && share > 0.0 {
                    routes.flows.push(Flow { pair: first_pair + at, origin: nation.index(), weight: placed * share * part });
                }
            }
        }
        routes.service_flows.push(first_flow..routes.flows.len());
        routes.placed.push(routes.flows[first_flow..].iter().map(|flow| flow.weight).sum());
    }
    routes
}

/// Sites that the plan names for each service.
fn named(model: &Model, routes: &Routes) -> Vec<bool> {
    let sites = model.sites.len();
    let mut named = vec![false; model.services.len() * sites];
    for (service, pairs) in routes.service_pairs.iter().enumerate() {
        for pair in &routes.pairs[pairs.clone()] {
            for site in [pair.site].into_iter().chain(pair.standbys.iter().map(|(site, _)| *site)) {
                named[service * sites + site] = true;
            }
        }
    }
    named
}

/// Planned sites, stand-bys, and others where the policy allows them, nearest to the service's nation first.
fn batch_sites(
    model: &Model,
    routes: &Routes,
    choice_at: &[Range<usize>],
    built: &[bool],
    latency: &crate::world::network::Paths,
) -> Vec<Vec<usize>> {
    let sites = model.sites.len();
    let mut all = vec![Vec::new(); model.services.len()];
    for (service, it) in model.services.iter().enumerate().filter(|(_, it)| it.operation.defer.is_some()) {
        let pairs = &routes.pairs[routes.service_pairs[service].clone()];
        let mut order: Vec<usize> = pairs.iter().map(|pair| pair.site).collect();
        if model.policy.failover != Failover::None {
            order.extend(pairs.iter().flat_map(|pair| pair.standbys.iter().map(|(site, _)| *site)));
        }
        if model.policy.failover == Failover::AnyLegal {
            let mut rest: Vec<usize> = (0..sites).filter(|&site| built[site] && !choice_at[service * sites + site].is_empty()).collect();
            let seconds = |site: usize| latency.latency_s(it.nation.index(), site);
            rest.sort_by(|a, b| seconds(*a).total_cmp(&seconds(*b)).then(a.cmp(b)));
            order.extend(rest);
        }
        for site in order {
            if !all[service].contains(&site) {
                all[service].push(site);
            }
        }
    }
    all
}

/// For failover to any legal site: the sites that can run a service, nearest to the origin first.
fn others(
    model: &Model,
    built: &[bool],
    choice_at: &[Range<usize>],
    latency: &crate::world::network::Paths,
) -> Vec<Vec<(usize, Vec<usize>)>> {
    let sites = model.sites.len();
    model
        .services
        .iter()
        .enumerate()
        .map(|(service, demand)| {
            let able: Vec<usize> = (0..sites)
                .filter(|&site| {
                    let legal = &model.legal_service[service][site];
                    built[site] && legal.from < legal.until && !choice_at[service * sites + site].is_empty()
                })
                .collect();
            demand
                .origins
                .iter()
                .map(|&(nation, _)| {
                    let mut order = able.clone();
                    let seconds = |site: &usize| latency.latency_s(nation.index(), *site);
                    order.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)).then(a.cmp(b)));
                    (nation.index(), order)
                })
                .collect()
        })
        .collect()
}

fn grid(model: &Model, built: &[bool]) -> Result<(GridDispatcher, Vec<usize>, usize), GridError> {
    let mut offers: Vec<Offer> = Vec::with_capacity(model.generators.len() + model.storages.len());
    offers.extend(model.generators.iter().map(|g| Offer { bus: g.bus.index(), cost_eur_per_mwh: g.cost.as_eur_per_mwh() }));
    offers.extend(model.storages.iter().map(|s| Offer { bus: s.bus.index(), cost_eur_per_mwh: s.sell_above.as_eur_per_mwh() }));
    let mut loads: Vec<Load> =
        model.loads.iter().map(|l| Load { bus: l.bus.index(), value_eur_per_mwh: l.value_of_lost_load.as_eur_per_mwh() }).collect();
    let mut site_load = vec![usize::MAX; model.sites.len()];
    for (site, place) in model.sites.iter().enumerate() {
        if built[site] {
            site_load[site] = loads.len();
            loads.push(Load { bus: place.bus.index(), value_eur_per_mwh: model.policy.value_of_lost_load.as_eur_per_mwh() });
        }
    }
    let storage_load = loads.len();
    loads.extend(model.storages.iter().map(|s| Load { bus: s.bus.index(), value_eur_per_mwh: s.buy_below.as_eur_per_mwh() }));
    Ok((GridDispatcher::new(model, &offers, &loads)?, site_load, storage_load))
}

/// A token counts as sovereign where the operator is at home in the service's nation or in one that shares a group with it.
fn sovereign(model: &Model) -> Vec<bool> {
    let mut table = Vec::with_capacity(model.services.len() * model.sites.len());
    for service in &model.services {
        let home = &model.nations[service.nation];
        for site in &model.sites {
            let operator = &model.nations[site.operator_nation];
            table.push(site.operator_nation == service.nation || operator.groups.iter().any(|group| home.groups.contains(group)));
        }
    }
    table
}

fn legal_changes(model: &Model) -> (Vec<Time>, bool) {
    let all = model.legal_service.iter().chain(&model.legal_campaign).chain(&model.legal_dataset).flatten();
    let mut times = Vec::new();
    let mut restricted = false;
    for legality in all {
        restricted |= !legality.always();
        if legality.from < legality.until {
            times.extend([legality.from, legality.until].into_iter().filter(|time| *time > Time::ZERO && *time < Time::NEVER));
        }
    }
    let changes = |hazard: &bastide_model::model::Hazard| matches!(&hazard.kind, HazardKind::Disruption(_));
    if model.hazards.iter().any(changes) {
        // In a changed law, dates matter that did not.
        let dates = model.laws.iter().flat_map(|law| [law.from, law.until]);
        times.extend(dates.filter(|time| *time > Time::ZERO && *time < Time::NEVER));
    }
    times.sort_unstable();
    times.dedup();
    (times, restricted)
}

/// Name of a target as streams and scenarios know it: `site.riga`.
pub(crate) fn target_name(model: &Model, target: Target) -> String {
    match target {
        Target::Site(id) => format!("site.{}", model.sites[id].entity.name),
        Target::Line(id) => format!("line.{}", model.lines[id].entity.name),
        Target::Generator(id) => format!("generator.{}", model.generators[id].entity.name),
        Target::Bus(id) => format!("bus.{}", model.buses[id].entity.name),
        Target::Link(id) => format!("link.{}", model.links[id].entity.name),
        Target::Facility(id) => format!("facility.{}", model.facilities[id].entity.name),
    }
}

/// Key of the stream of a target's own outages or repairs.
pub(crate) fn entity_key(kind: &str, name: &str, purpose: &str) -> u64 {
    derive_key(stream_key(kind, name), stream_key(name, purpose))
}
