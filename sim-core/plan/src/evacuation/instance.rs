//! An evacuation as numbers: times in seconds since the order, sizes in terabytes, values as shares of all.

use bastide_model::model::{Courier, Endpoint, Link, LinkId, Model, SiteId};
use bastide_model::plan::Plan;
use bastide_units::{Duration, Time};

const DAY_S: f64 = 86_400.0;
/// Points that stand for a loss at an uncertain time: the middles of as many parts of equal probability.
const LOSS_POINTS: usize = 8;
/// Width of a site's access to its nation's hub, as the simulation takes it [TB/s]: 100 Gbit/s.
const ACCESS_TB_PER_S: f64 = 0.0125;
/// Most routes between two places, as in the simulation: widest paths, each without the narrowest parts of those before it.
const ROUTES: usize = 4;

/// A dataset that leaves.
pub(super) struct Job {
    /// Position of the dataset.
    pub dataset: usize,
    pub size: f64,
    pub value: f64,
    /// Sites of the evacuation's `from` that have it.
    pub sources: Vec<usize>,
    /// When it may be at each site of `to`: from, until.
    legal: Vec<(f64, f64)>,
}

impl Job {
    pub fn is_legal(&self, to: usize, time: f64) -> bool {
        self.legal[to].0 <= time && time < self.legal[to].1
    }
    pub fn may_take(&self, from: usize, to: usize, time: f64) -> bool {
        self.sources.contains(&from) && self.is_legal(to, time)
    }
    pub fn may_ride(&self, to: usize, time: f64) -> bool {
        !self.sources.is_empty() && self.is_legal(to, time)
    }
}

/// The widest path between two sites.
pub(super) struct Route {
    pub from: usize,
    pub to: usize,
    pub width: f64,
    /// Links, then accesses of sites.
    pub over: Vec<usize>,
}

/// Devices of one courier.
pub(super) struct Fleet {
    pub to: usize,
    pub devices: u32,
    pub capacity: f64,
    pub rate: f64,
    pub round_trip: f64,
    pub first: f64,
    pub closed: Option<(f64, f64)>,
}

impl Fleet {
    fn new(courier: &Courier, to: usize, since: impl Fn(Time) -> f64) -> Self {
        Self {
            to,
            devices: courier.devices,
            capacity: courier.capacity.as_tb(),
            rate: courier.load_rate.as_gb_per_s() * 1e-3,
            round_trip: courier.round_trip.mean(),
            first: courier.first.as_s(),
            closed: courier.closed.map(|(from, until)| (since(from), since(until))),
        }
    }

    /// When a device that is loaded at a time leaves.
    pub fn leaves(&self, loaded: f64) -> f64 {
        match self.closed {
            Some((from, until)) if from <= loaded && loaded < until => until,
            _ => loaded,
        }
    }

    /// Whether what is filled between two moments has left by a third: not behind a closed road.
    pub fn is_out(&self, until: f64, by: f64) -> bool {
        until <= by + 1e-6 && self.closed.is_none_or(|(closed, open)| until <= closed || !(closed <= by && by < open))
    }

    /// Most that all devices can be filled with between two moments.
    pub fn most(&self, from: f64, until: f64) -> f64 {
        // While the road is closed, no device is filled twice.
        let behind = self.closed.is_some_and(|(closed, open)| closed <= from && until <= open);
        let loads = if behind { 1.0 } else { f64::INFINITY };
        let length = until - from.max(self.first);
        if length <= 0.0 {
            return 0.0;
        }
        let fill = self.capacity / self.rate;
        let cycle = fill + self.round_trip;
        let whole = (length / cycle).floor();
        let filled = (whole * self.capacity + self.rate * fill.min(length - whole * cycle)).min(loads * self.capacity);
        f64::from(self.devices) * filled
    }
}

pub(super) struct Instance {
    pub jobs: Vec<Job>,
    /// Value of what stands elsewhere already.
    pub safe_value: f64,
    pub routes: Vec<Route>,
    /// Widths of what routes go over, as far as the evacuation gets them [TB/s].
    pub widths: Vec<f64>,
    pub fleets: Vec<Fleet>,
    /// When the loss comes, with probabilities; rising.
    pub losses: Vec<(f64, f64)>,
    /// When the loss is known to come.
    pub deadline: Option<f64>,
    /// Moments at which something changes, from 0 to the last loss.
    pub moments: Vec<f64>,
    pub partial: bool,
    power_cuts_s: f64,
    /// Time of day of the order \[s\].
    day_s: f64,
}

impl Instance {
    pub fn new(model: &Model, plan: &Plan, at: usize) -> Self {
        let evacuation = &model.evacuations[at];
        let order = evacuation.expected_order(model);
        let seconds = |time: Time| time.since(Time::ZERO).as_s();
        let since = |time: Time| if time == Time::NEVER { f64::INFINITY } else { seconds(time) - seconds(order) };
        let end = (model.header.duration.as_s() - seconds(order)).max(0.0);
        let whole: f64 = evacuation.datasets.iter().map(|id| model.datasets[*id].value.as_eur()).sum();
        let (mut jobs, mut safe_value) = (Vec::new(), 0.0);
        for id in &evacuation.datasets {
            let it = &model.datasets[*id];
            let value = if whole > 0.0 { it.value.as_eur() / whole } else { 0.0 };
            let copies: Vec<SiteId> = plan.replicas.iter().filter(|replica| replica.dataset == *id).map(|replica| replica.site).collect();
            if copies.iter().any(|site| !evacuation.from.contains(site)) {
                safe_value += value;
                continue;
            }
            let legal = evacuation.to.iter().map(|site| &model.legal_dataset[*id][site.index()]);
            jobs.push(Job {
                dataset: id.index(),
                size: it.size.as_tb(),
                value,
                sources: (0..evacuation.from.len()).filter(|from| copies.contains(&evacuation.from[*from])).collect(),
                legal: legal
                    .map(|legal| if legal.from < legal.until { (since(legal.from), since(legal.until)) } else { (0.0, 0.0) })
                    .collect(),
            });
        }
        // A link that neither stands nor is built carries nothing.
        let carries = |at: usize| model.links[LinkId::from_index(at)].build_cost.is_none() || plan.links.contains(&LinkId::from_index(at));
        let width = |(at, link): (usize, &Link)| if carries(at) { link.bandwidth.as_gb_per_s() * 1e-3 } else { 0.0 };
        let mut widths: Vec<f64> = model.links.iter().enumerate().map(width).collect();
        widths.resize(model.links.len() + model.sites.len(), ACCESS_TB_PER_S);
        let mut routes = Vec::new();
        for (from, start) in evacuation.from.iter().enumerate() {
            for (to, goal) in evacuation.to.iter().enumerate() {
                let mut open = vec![true; widths.len()];
                for _ in 0..ROUTES {
                    let Some((width, over)) = widest(model, &widths, &open, *start, *goal) else { break };
                    over.iter().for_each(|edge| open[*edge] &= widths[*edge] > width);
                    routes.push(Route { from, to, width, over });
                }
            }
        }
        widths.iter_mut().for_each(|width| *width *= evacuation.link_share);
        let place = |site: SiteId| evacuation.to.iter().position(|to| *to == site).unwrap_or(0);
        let fleets: Vec<Fleet> = evacuation.couriers.iter().map(|courier| Fleet::new(courier, place(courier.to), since)).collect();
        let losses = match &evacuation.expected_loss {
            None => vec![(end, 1.0)],
            Some(bastide_engine::Distribution::Fixed(loss)) => vec![(loss.min(end), 1.0)],
            Some(law) => {
                let point = |k: usize| law.quantile((k as f64 + 0.5) / LOSS_POINTS as f64).clamp(0.0, end);
                (0..LOSS_POINTS).map(|k| (point(k), 1.0 / LOSS_POINTS as f64)).collect()
            }
        };
        let last = losses.last().map_or(end, |(loss, _)| *loss);
        let mut moments = vec![0.0, last];
        moments.extend(losses.iter().map(|(loss, _)| *loss));
        moments.extend(jobs.iter().flat_map(|job| &job.legal).flat_map(|(from, until)| [*from, *until]));
        moments.extend(fleets.iter().filter_map(|fleet| fleet.closed).flat_map(|(from, until)| [from, until]));
        moments.retain(|moment| moment.is_finite() && *moment >= 0.0 && *moment <= last);
        moments.sort_by(f64::total_cmp);
        moments.dedup_by(|a, b| *a - *b < 1e-6);
        if moments.len() < 2 {
            moments = vec![0.0, 0.0];
        }
        let fixed = matches!(evacuation.expected_loss, Some(bastide_engine::Distribution::Fixed(_)));
        Self {
            jobs,
            safe_value,
            routes,
            widths,
            fleets,
            deadline: fixed.then_some(last),
            losses,
            moments,
            partial: evacuation.partial,
            power_cuts_s: evacuation.power_cuts.as_s(),
            day_s: (model.header.start_epoch_s as f64 + seconds(order)).rem_euclid(DAY_S),
        }
    }

    /// Jobs by value per byte, as listed where equal.
    pub fn by_density(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.jobs.len()).collect();
        let density = |job: &usize| self.jobs[*job].value / self.jobs[*job].size.max(1e-12);
        order.sort_by(|a, b| density(b).total_cmp(&density(a)));
        order
    }

    /// Time between two moments in which links have power \[s\].
    pub fn lit(&self, from: f64, until: f64) -> f64 {
        let dark_before = |time: f64| {
            let clock = self.day_s + time;
            (clock / DAY_S).floor() * self.power_cuts_s + clock.rem_euclid(DAY_S).min(self.power_cuts_s)
        };
        (until - from) - (dark_before(until) - dark_before(from))
    }

    /// Whether links have no power at a moment, and when that changes.
    pub fn power(&self, time: f64) -> (bool, f64) {
        if self.power_cuts_s <= 0.0 {
            return (false, f64::INFINITY);
        }
        let clock = (self.day_s + time).rem_euclid(DAY_S);
        let dark = clock + 1e-6 < self.power_cuts_s;
        (dark, time + if dark { self.power_cuts_s } else { DAY_S } - clock)
    }
}

/// The widest path between two sites (Pollack 1960): its width, and the links and accesses that it takes.
fn widest(model: &Model, widths: &[f64], usable: &[bool], from: SiteId, to: SiteId) -> Option<(f64, Vec<usize>)> {
    let (hubs, links) = (model.nations.len(), model.links.len());
    let node = |end: Endpoint| match end {
        Endpoint::Nation(id) => id.index(),
        Endpoint::Site(id) => hubs + id.index(),
    };
    let mut edges: Vec<Vec<(usize, usize)>> = vec![Vec::new(); hubs + model.sites.len()];
    let mut join = |a: usize, b: usize, edge: usize| {
        edges[a].push((b, edge));
        edges[b].push((a, edge));
    };
    for (site, it) in model.sites.iter().enumerate() {
        join(hubs + site, it.nation.index(), links + site);
    }
    for (at, link) in model.links.iter().enumerate() {
        join(node(link.from), node(link.to), at);
    }
    let (start, goal) = (hubs + from.index(), hubs + to.index());
    let mut width = vec![0.0_f64; edges.len()];
    let mut came: Vec<Option<(usize, usize)>> = vec![None; edges.len()];
    let mut done = vec![false; edges.len()];
    width[start] = f64::INFINITY;
    loop {
        let open = (0..edges.len()).filter(|&at| !done[at] && width[at] > 0.0);
        let at = open.max_by(|&a, &b| width[a].total_cmp(&width[b]).then(b.cmp(&a)))?;
        if at == goal {
            break;
        }
        done[at] = true;
        for &(other, edge) in edges[at].iter().filter(|(_, edge)| usable[*edge]) {
            let through = width[at].min(widths[edge]);
            if !done[other] && through > width[other] {
                (width[other], came[other]) = (through, Some((at, edge)));
            }
        }
    }
    let (mut over, mut at) = (Vec::new(), goal);
    while let Some((before, edge)) = came[at] {
        over.push(edge);
        at = before;
    }
    Some((width[goal], over))
}

/// A time since the order.
pub(super) const fn after(seconds: f64) -> Duration {
    Duration::from_s(seconds)
}
