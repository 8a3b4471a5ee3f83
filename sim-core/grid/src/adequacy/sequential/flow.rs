//! Who serves whom in an hour: exact maximum flow of least transport between areas, by levels of priority.

use crate::adequacy::Tie;

/// What is smaller than this is rounding \[MW\].
pub(crate) const NOTHING_MW: f64 = 1e-6;
/// Flows and sources below this are not worth a path \[MW\].
const CRUMB_MW: f64 = 1e-9;

/// The areas and their ties, with room to work in.
///
/// Demand has levels: level 0 (firm load) is served before level 1, and so on. In each level every area serves itself first;
/// what is left flows over the ties from the nearest surplus (fewest ties; successive shortest paths, each with the arcs of
/// the residual network), so the energy served is the most that the ties allow, level by level. Service once given is never taken
/// back; nothing is lost by that, because the sets of demand that a set of sources can serve form a gammoid, on which
/// the greedy choice is best, and more sources only add to it (Perfect 1968; Edmonds 1971).
pub(crate) struct Network {
    areas: usize,
    ties: Vec<(usize, usize)>,
    /// Limits in this hour, forward and backward \[MW\].
    pub limit_mw: Vec<(f64, f64)>,
    /// Flow, positive from `from` to `to` \[MW\].
    pub flow_mw: Vec<f64>,
    /// Generation not used yet \[MW\].
    pub supply_mw: Vec<f64>,
    /// Power that storage and hydro can still give \[MW\].
    pub reserve_mw: Vec<f64>,
    /// Demand not served yet: by level and area \[MW\].
    pub unmet_mw: Vec<f64>,
    distance: Vec<i32>,
    arrived: Vec<usize>,
}

impl Network {
    pub fn new(areas: usize, ties: &[Tie], levels: usize) -> Self {
        Self {
            areas,
            ties: ties.iter().map(|tie| (tie.from, tie.to)).collect(),
            limit_mw: vec![(0.0, 0.0); ties.len()],
            flow_mw: vec![0.0; ties.len()],
            supply_mw: vec![0.0; areas],
            reserve_mw: vec![0.0; areas],
            unmet_mw: vec![0.0; areas * levels],
            distance: vec![0; areas],
            arrived: vec![0; areas],
        }
    }

    /// Serves a level of demand from generation, or from storage and hydro.
    pub fn serve(&mut self, level: usize, from_reserve: bool) {
        let base = level * self.areas;
        let (mut left, mut short) = (0.0, 0.0);
        for area in 0..self.areas {
            let source = if from_reserve { &mut self.reserve_mw[area] } else { &mut self.supply_mw[area] };
            let unmet = &mut self.unmet_mw[base + area];
            let served = source.min(*unmet);
            if served > 0.0 {
                *source -= served;
                *unmet -= served;
            }
            left += *source;
            short += *unmet;
        }
        if self.ties.is_empty() {
            return;
        }
        // Path lengths never fall, and each of them saturates an arc, a source or a sink: so many paths are enough.
        let most = 2 * self.areas * (self.areas + self.ties.len()) + 8;
        for _ in 0..most {
            if left <= CRUMB_MW || short <= CRUMB_MW {
                break;
            }
            let sent = self.augment(base, from_reserve);
            if sent <= 0.0 {
                break;
            }
            left -= sent;
            short -= sent;
        }
    }

    /// Cost and room of the next bit of flow over an arc: one tie more, or one less where it cancels flow the other way.
    #[inline]
    fn arc(&self, tie: usize, forward: bool) -> (i32, f64) {
        let flow = self.flow_mw[tie];
        let (along, limit) = if forward { (flow, self.limit_mw[tie].0) } else { (-flow, self.limit_mw[tie].1) };
        if along < -CRUMB_MW { (-1, -along) } else { (1, limit - along) }
    }

    /// Sends power along one shortest path (Bellman 1958, Ford 1956: arcs that cancel flow have a negative length).
    fn augment(&mut self, base: usize, from_reserve: bool) -> f64 {
        const FAR: i32 = i32::MAX / 2;
        for area in 0..self.areas {
            let source = if from_reserve { self.reserve_mw[area] } else { self.supply_mw[area] };
            self.distance[area] = if source > CRUMB_MW { 0 } else { FAR };
            self.arrived[area] = usize::MAX;
        }
        for _ in 0..self.areas {
            let mut changed = false;
            for tie in 0..self.ties.len() {
                let (from, to) = self.ties[tie];
                for (forward, a, b) in [(true, from, to), (false, to, from)] {
                    let (cost, room) = self.arc(tie, forward);
                    if room > CRUMB_MW && self.distance[a] < FAR && self.distance[a] + cost < self.distance[b] {
                        self.distance[b] = self.distance[a] + cost;
                        self.arrived[b] = 2 * tie + usize::from(forward);
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        let mut target = usize::MAX;
        let mut nearest = FAR;
        for area in 0..self.areas {
            if self.unmet_mw[base + area] > CRUMB_MW && self.distance[area] < nearest {
                nearest = self.distance[area];
                target = area;
            }
        }
        if target == usize::MAX {
            return 0.0;
        }
        // Walk back twice: once for the room, once to send. A path has fewer arcs than there are areas.
        let mut sent = self.unmet_mw[base + target];
        let mut at = target;
        for _ in 0..self.areas {
            let Some((tie, forward, before)) = self.step_back(at) else { break };
            sent = sent.min(self.arc(tie, forward).1);
            at = before;
        }
        if self.arrived[at] != usize::MAX {
            // Rounding has closed a circle: nothing more can be sent.
            return 0.0;
        }
        let source = if from_reserve { &mut self.reserve_mw[at] } else { &mut self.supply_mw[at] };
        sent = sent.min(*source);
        *source -= sent;
        self.unmet_mw[base + target] -= sent;
        let mut at = target;
        while let Some((tie, forward, before)) = self.step_back(at) {
            self.flow_mw[tie] += if forward { sent } else { -sent };
            at = before;
        }
        sent
    }

    #[inline]
    fn step_back(&self, area: usize) -> Option<(usize, bool, usize)> {
        let arc = self.arrived[area];
        (arc != usize::MAX).then(|| {
            let (tie, forward) = (arc / 2, arc % 2 == 1);
            let (from, to) = self.ties[tie];
            (tie, forward, if forward { from } else { to })
        })
    }
}

#[cfg(test)]
mod tests {
    use bastide_engine::Stream;

    use super::*;
    use crate::adequacy::TwoState;

    /// Most demand of levels up to `level` that can be served: the least cut over all sets of areas on the side of the sources
    /// (Ford & Fulkerson 1956).
    fn least_cut(network: &Network, supply: &[f64], demand: &[f64], level: usize) -> f64 {
        let areas = network.areas;
        (0..1_usize << areas)
            .map(|set| {
                let inside = |area: usize| set >> area & 1 == 1;
                let mut cut = 0.0;
                for area in 0..areas {
                    let wanted: f64 = (0..=level).map(|level| demand[level * areas + area]).sum();
                    cut += if inside(area) { wanted } else { supply[area] };
                }
                for ((from, to), (forward, backward)) in network.ties.iter().zip(&network.limit_mw) {
                    cut += if inside(*from) && !inside(*to) { *forward } else { 0.0 };
                    cut += if inside(*to) && !inside(*from) { *backward } else { 0.0 };
                }
                cut
            })
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn every_level_gets_the_most_that_the_ties_allow() {
        for case in 0..3000 {
            let mut stream = Stream::new(1, case, 8);
            let areas = 1 + stream.index(5);
            let levels = 1 + stream.index(3);
            let mut ties = Vec::new();
            for _ in 0..if areas > 1 { stream.index(8) } else { 0 } {
                let from = stream.index(areas);
                let to = (from + 1 + stream.index(areas - 1)) % areas;
                let limit = |stream: &mut Stream| if stream.bernoulli(0.2) { 0.0 } else { (stream.uniform() * 40.0).round() };
                let (forward_mw, backward_mw) = (limit(&mut stream), limit(&mut stream));
                ties.push(Tie { name: String::new(), from, to, forward_mw, backward_mw, outage: TwoState::Perfect });
            }
            let mut network = Network::new(areas, &ties, levels);
            for (limit, tie) in network.limit_mw.iter_mut().zip(&ties) {
                *limit = (tie.forward_mw, tie.backward_mw);
            }
            let supply: Vec<f64> = (0..areas).map(|_| stream.uniform() * 60.0).collect();
            let reserve: Vec<f64> = (0..areas).map(|_| if stream.bernoulli(0.5) { stream.uniform() * 20.0 } else { 0.0 }).collect();
            let demand: Vec<f64> = (0..areas * levels).map(|_| (stream.uniform() * 50.0).floor() / levels as f64).collect();
            network.supply_mw.clone_from(&supply);
            network.reserve_mw.clone_from(&reserve);
            network.unmet_mw.clone_from(&demand);
            for from_reserve in [false, true] {
                let all: Vec<f64> =
                    supply.iter().zip(&reserve).map(|(supply, reserve)| supply + if from_reserve { *reserve } else { 0.0 }).collect();
                for level in 0..levels {
                    network.serve(level, from_reserve);
                }
                for level in 0..levels {
                    let places = 0..(level + 1) * areas;
                    let served: f64 = places.map(|place| demand[place] - network.unmet_mw[place]).sum();
                    let most = least_cut(&network, &all, &demand, level);
                    assert!((served - most).abs() < 1e-6, "case {case}, level {level}: {served} of {most}");
                }
            }
            // Each area balances: what it had and what came in is served, left or sent on.
            for area in 0..areas {
                let served: f64 = (0..levels).map(|level| demand[level * areas + area] - network.unmet_mw[level * areas + area]).sum();
                let net: f64 = network
                    .ties
                    .iter()
                    .zip(&network.flow_mw)
                    .map(|((from, to), flow)| f64::from(i8::from(*to == area) - i8::from(*from == area)) * flow)
                    .sum();
                let used = supply[area] - network.supply_mw[area] + reserve[area] - network.reserve_mw[area];
                assert!((used + net - served).abs() < 1e-6, "case {case}, area {area}");
            }
            for (flow, (forward, backward)) in network.flow_mw.iter().zip(&network.limit_mw) {
                assert!(*flow <= forward + 1e-6 && *flow >= -backward - 1e-6);
            }
        }
    }
}
