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
