//! Power caps: a site's accelerators may draw a share of their power, and keep more than that share of their speed.
//!
//! speed = share ^ exponent: dynamic power falls faster than the clock that a lower voltage allows, and work that waits for memory or for
//! the network does not notice at all. The exponent of 0.3 is that of V100 capped at 150 of their 250 W: training took 6.8 % more time for
//! 13.7 % less energy (McDonald et al. 2022, "Great Power, Great Responsibility"), so power fell to 0.863 / 1.068 = 0.81 and speed to
//! 1 / 1.068 = 0.94. Of several caps the lowest share counts.

use bastide_model::model::{Profile, SiteId};
use bastide_units::Duration;

use super::{CLASS_FAILURE, Event, World};

impl World<'_> {
    pub(super) fn begin_power_caps(&mut self) {
        for (at, cap) in self.setup.model.power_caps.iter().enumerate() {
            self.queue.schedule(cap.from, CLASS_FAILURE, Event::PowerCap { cap: at as u32 });
        }
    }

    /// A cap begins or ceases to hold.
    pub(super) fn on_power_cap(&mut self, at: usize) {
        let next = self.setup.model.power_caps[at].next_change(self.now, self.start_of_day());
        if next < self.setup.end {
            self.queue.schedule(next, CLASS_FAILURE, Event::PowerCap { cap: at as u32 });
        }
        self.set_power_caps();
    }

    /// Caps that follow a series.
    pub(super) fn power_caps_of_the_hour(&mut self) {
        if self.setup.model.power_caps.iter().any(|cap| matches!(cap.share, Profile::Series { .. })) {
            self.set_power_caps();
        }
    }

    fn start_of_day(&self) -> Duration {
        Duration::from_s(self.setup.model.header.start_epoch_s.rem_euclid(86_400) as f64)
    }

    /// Takes over what each site may draw.
    fn set_power_caps(&mut self) {
        let model = self.setup.model;
        // The hour of this moment: its own event may come later.
        let hour = (self.now.as_hours() + 1e-9) as usize;
        for site in 0..self.sites.len() {
            if !self.setup.built[site] {
                continue;
            }
            let (mut share, mut speed) = (1.0_f64, 1.0_f64);
            for cap in model.power_caps.iter().filter(|cap| cap.concerns(SiteId::from_index(site))) {
                if cap.holds(self.now, self.start_of_day()) {
                    let allowed = model.at(cap.share, hour).min(1.0);
                    (share, speed) = (share.min(allowed), speed.min(allowed.powf(cap.exponent)));
                }
            }
            let state = &mut self.sites[site];
            if share != state.cap || speed != state.cap_speed {
                (state.cap, state.cap_speed) = (share, speed);
                let seq = self.recorder.event(self.now, "power-cap", "site", site, share, "share of power", None);
                self.sites[site].why.cap = Some(seq).filter(|_| share < 1.0);
                self.refresh_site(site, None, "");
                self.dirty.needs = true;
            }
        }
    }
}
