//! Random outages of single things.

use bastide_engine::Distribution;
use bastide_model::model::Target;

use crate::world::World;

impl World<'_> {
    pub(super) fn random_outage(&mut self, hazard: usize, place: usize, target: Target, repair: &Distribution) {
        // Drawn also where nothing stands, so that the next outage is the same in every plan.
        let repair_s = repair.sample(&mut self.hazards[hazard].targets[place]);
        if let Target::Site(id) = target
            && !self.setup.built[id.index()]
        {
            return;
        }
        let seq = self.recorder.event(self.now, "outage", "hazard", hazard, repair_s / 3600.0, "hours", None);
        self.damage(target, repair_s, None, seq, "outage");
    }
}
