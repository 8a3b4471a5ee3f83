//! A plan over years: its periods, and the connections that grow.

use super::{CLASS_RETURN, Event, World};

impl World<'_> {
    /// Schedules the periods and the connections of a roadmap.
    pub(super) fn begin_roadmap(&mut self) {
        let setup = self.setup;
        for (period, from) in setup.calendar.begins.iter().enumerate().filter(|(_, from)| **from < setup.end) {
            self.queue.schedule(*from, CLASS_RETURN, Event::PeriodBegins { period: period as u32 });
        }
        for step in setup.plan.roadmap.iter().flat_map(|it| &it.steps).filter(|step| step.ready < setup.end) {
            let expansion = &setup.model.growth.expansions[step.expansion];
            let kw = (expansion.connection.as_mw() * 1e3 * f64::from(step.count)).round() as u32;
            self.queue.schedule(step.ready, CLASS_RETURN, Event::Connected { site: expansion.site.index() as u32, kw });
        }
    }

    pub(super) fn on_connected(&mut self, site: usize, mw: f64) {
        self.sites[site].connection_mw += mw;
        self.recorder.event(self.now, "connected", "site", site, mw, "MW", None);
        self.set_ceiling(site);
        self.dirty.grid = true;
    }

    pub(super) fn on_period(&mut self, period: usize) {
        self.integrate_services();
        self.period = period;
        self.dirty.services = true;
        self.dirty.batch = true;
    }

    /// Share of its service's demand that a flow asks for.
    #[inline]
    pub(super) fn weight(&self, flow: usize) -> f64 {
        self.setup.calendar.weight(self.period, flow).unwrap_or(self.setup.flows[flow].weight)
    }

    /// Share of a service's demand that is placed.
    #[inline]
    pub(super) fn placed(&self, service: usize) -> f64 {
        self.setup.calendar.placed(self.period, service).unwrap_or(self.setup.placed[service])
    }
}
