//! RTS-GMLC as an adequacy system of three areas.

use bastide_grid::adequacy::{Area, Storage, System, Tie, TwoState, Unit};

use super::RtsGmlc;

impl RtsGmlc {
    /// The system's areas with their loads, units, storage and ties.
    ///
    /// Equal units of an area are one class; units that never fail are taken as they come; units out of service in the case
    /// (solar thermal, synchronous condensers) are left out. What joins two areas is one tie: the continuous ratings of its
    /// lines and the DC line's, which do not fail.
    #[must_use]
    pub fn adequacy_system(&self) -> System {
        let mut areas: Vec<Area> =
            self.areas.iter().map(|area| Area { name: area.to_string(), load_mw: vec![0.0; self.hours], ..Area::default() }).collect();
        for (bus, load) in self.load_mw.iter().enumerate() {
            for (sum, mw) in areas[self.area(bus)].load_mw.iter_mut().zip(load) {
                *sum += mw;
            }
        }
        let mut units: Vec<Unit> = Vec::new();
        let mut groups: Vec<&str> = Vec::new();
        for (index, (unit, row)) in self.units.iter().zip(&self.case.generators).enumerate() {
            let area = self.area(row.bus);
            if !row.in_service || row.max_mw <= 0.0 {
                continue;
            }
            if unit.outage == TwoState::Perfect {
                let variable = &mut areas[area].variable_mw;
                variable.resize(self.hours, 0.0);
                for (hour, sum) in variable.iter_mut().enumerate() {
                    *sum += self.max_mw(index, hour);
                }
                continue;
            }
            let profile: Vec<f64> = unit.max_mw.iter().map(|mw| mw / row.max_mw).collect();
            let same = |(known, group): (&Unit, &&str)| {
                **group == unit.group
                    && (known.area, known.outage) == (area, unit.outage)
                    && known.capacity_mw.to_bits() == row.max_mw.to_bits()
                    && known.profile == profile
            };
            if let Some(position) = units.iter().zip(&groups).position(same) {
                units[position].count += 1;
                continue;
            }
            groups.push(&unit.group);
            units.push(Unit {
                name: unit.name.clone(),
                area,
                count: 1,
                capacity_mw: row.max_mw,
                profile,
                outage: unit.outage,
                derated: None,
                maintenance: Vec::new(),
            });
        }
        let storages = self.storages.iter().map(|storage| Storage { area: self.area(storage.area), ..storage.clone() }).collect();
        System { hours: self.hours, areas, units, storages, hydros: Vec::new(), ties: self.ties() }
    }

    fn ties(&self) -> Vec<Tie> {
        let mut ties: Vec<Tie> = Vec::new();
        let branches = self.case.branches.iter().filter(|branch| branch.in_service).map(|branch| {
            let rate = branch.rate_a_mw.unwrap_or(f64::INFINITY);
            (branch.from, branch.to, rate, rate)
        });
        // Out of service in the case, because the source fixes its flow; it carries help between areas all the same.
        let dc = self.case.dc_lines.iter().map(|line| (line.from, line.to, line.max_mw, -line.min_mw));
        for (from, to, forward, backward) in branches.chain(dc) {
            let (a, b) = (self.area(from), self.area(to));
            if a == b {
                continue;
            }
            let (low, high, forward, backward) = if a < b { (a, b, forward, backward) } else { (b, a, backward, forward) };
            if let Some(tie) = ties.iter_mut().find(|tie| (tie.from, tie.to) == (low, high)) {
                tie.forward_mw += forward;
                tie.backward_mw += backward;
            } else {
                let name = format!("{}-{}", self.areas[low], self.areas[high]);
                ties.push(Tie { name, from: low, to: high, forward_mw: forward, backward_mw: backward, outage: TwoState::Perfect });
            }
        }
        ties
    }
}
