//! What a target is worth to an attacker who sees what serves at this moment.

use bastide_model::model::{Dependant, Target};

use super::World;

impl World<'_> {
    /// Power that is at work through a target \[MW\]: at sites that of the accelerators that serve, and of those that train times a weight;
    /// flow over lines, output of one unit of a class, what passes a bus. Links have none.
    pub(crate) fn worth_mw(&self, target: Target, training_weight: f64) -> f64 {
        let setup = self.setup;
        match target {
            Target::Site(id) => {
                let pools = setup.site_pools[id.index()].clone();
                let mw = |pool: usize| {
                    let state = &self.fleet.pools[pool];
                    let serving = state.used + self.services.batch.used[pool] - self.services.replicas.idle_in[pool];
                    (serving.max(0.0) + training_weight * state.gangs) * setup.pools[pool].power_mw
                };
                pools.map(mw).sum()
            }
            Target::Line(id) => self.grid.flow_mw(id.index()),
            Target::Generator(id) => self.grid.output_mw(id.index()) / f64::from(self.grid.units(id.index()).max(1)),
            Target::Bus(id) => {
                // All that comes in leaves again: half of what both sides sum to, for buses with lines alone.
                let lines = setup.model.lines.iter().enumerate().filter(|(_, line)| line.from == id || line.to == id);
                let flows: f64 = lines.map(|(at, _)| self.grid.flow_mw(at)).sum();
                let units = setup.model.generators.iter().enumerate().filter(|(_, generator)| generator.bus == id);
                let output: f64 = units.map(|(at, _)| self.grid.output_mw(at)).sum();
                flows.max(output)
            }
            // What cannot do without it, shared among those of its group that are up.
            Target::Facility(id) => {
                let facility = &setup.model.facilities[id];
                let needed = facility.needed_by.iter().map(|dependant| match *dependant {
                    Dependant::Site(id) if setup.built[id.index()] => self.worth_mw(Target::Site(id), training_weight),
                    Dependant::Line(id) => self.grid.flow_mw(id.index()),
                    Dependant::Generator(id) => self.grid.output_mw(id.index()),
                    _ => 0.0,
                });
                let of_group = |at: &usize| {
                    let other = &setup.model.facilities[*at];
                    *at == id.index() || (other.group.is_some() && other.group == facility.group && !self.facilities.states[*at].outage.out)
                };
                needed.sum::<f64>() / (0..setup.model.facilities.len()).filter(of_group).count().max(1) as f64
            }
            Target::Link(_) => 0.0,
        }
    }

    /// Whether a target is out already.
    pub(crate) fn is_out(&self, target: Target) -> bool {
        match target {
            Target::Site(id) => self.sites[id.index()].outage.out,
            Target::Line(id) => self.grid.lines[id.index()].out,
            Target::Generator(id) => self.grid.units(id.index()) == 0,
            Target::Bus(id) => self.grid.buses[id.index()].out,
            Target::Facility(id) => self.facilities.states[id.index()].outage.out,
            Target::Link(id) => self.net.links[id.index()].out,
        }
    }
}
