//! Substations: a bus that was hit is dead. Its lines are out, its units and storages off, its loads and sites without grid.

use bastide_units::Time;

use super::{CLASS_RETURN, Event, World};

impl World<'_> {
    /// Takes a bus out until at least `until`.
    pub(crate) fn bus_out(&mut self, bus: usize, until: Time, cause: Option<u64>, note: &'static str) {
        let hours = until.since(self.now).as_h();
        let seq = self.recorder.event(self.now, "bus-down", "bus", bus, hours, note, cause);
        if self.grid.buses[bus].begin(self.now, until, Some(seq)) {
            self.set_bus(bus, Some(seq));
            for line in self.lines_at(bus) {
                self.grid.lines[line].open += 1;
                self.line_out(line, self.now, Some(seq), "substation");
            }
        }
        if until < self.setup.end {
            self.queue.schedule(until, CLASS_RETURN, Event::BusBack { bus: bus as u32 });
        }
    }

    pub(super) fn on_bus_back(&mut self, bus: usize) {
        if self.grid.buses[bus].end(self.now) {
            let cause = self.grid.buses[bus].seq;
            self.recorder.event(self.now, "bus-up", "bus", bus, 0.0, "", cause);
            self.set_bus(bus, None);
            for line in self.lines_at(bus) {
                self.grid.lines[line].open -= 1;
                self.on_line_back(line);
            }
        }
    }

    fn lines_at(&self, bus: usize) -> Vec<usize> {
        let lines = self.setup.model.lines.iter().enumerate();
        lines.filter(|(_, line)| line.from.index() == bus || line.to.index() == bus).map(|(at, _)| at).collect()
    }
}
