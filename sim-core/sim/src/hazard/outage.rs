//! Random outages of single things.

use bastide_engine::Distribution;
use bastide_model::model::Target;
use bastide_units::Duration;

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
        if let (Target::Generator(id), Some(share)) = (target, units) {
            let count = (share * f64::from(self.setup.model.generators[id].units)).round().max(1.0) as u32;
            if self.reconstruction.pool_of(target).is_none() {
                self.units_out(id.index(), count, self.now + Duration::from_s(repair_s), Some(seq), "outage");
                return;
            }
            // Each unit is repaired by itself.
            for _ in 0..count {
                if self.damage(target, repair_s, None, seq, "outage").is_none() {
                    break;
                }
            }
            return;
        }
        self.damage(target, repair_s, None, seq, "outage");
    }
}
