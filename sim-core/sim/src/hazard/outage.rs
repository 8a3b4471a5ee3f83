//! Random outages of single things.

use bastide_engine::Distribution;
use bastide_model::model::Target;

use crate::world::World;

impl World<'_> {
    pub(super) fn random_outage(&mut self, hazard: usize, place: usize, target: Target, repair: &Distribution, units: Option<f64>) {
        // Drawn also where nothing stands, so that the next outage is the same in every plan.
        let repair_s = repair.sample(&mut self.hazards[hazard].targets[place]);
        if let Target::Site(id) = target
            && !self.setup.built[id.index()]
        {
            return;
        }
        let seq = self.recorder.event(self.now, "outage", "hazard", hazard, repair_s / 3600.0, "hours", None);
        let count = match (target, units) {
            (Target::Generator(id), Some(share)) => (share * f64::from(self.setup.model.generators[id].units)).round().max(1.0) as u32,
            _ => 1,
        };
        self.damage_units(target, count, repair_s, seq, "outage");
    }
}
