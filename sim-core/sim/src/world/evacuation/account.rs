//! What evacuations saved, lost and cost.

use bastide_units::{Duration, Time};

use super::Item;
use crate::world::World;
use crate::world::ledger::{Metrics, share};

/// Sums over data.
#[derive(Clone, Copy, Default)]
struct Sums {
    saved: f64,
    lost: f64,
    on_soil: f64,
    value: f64,
    value_saved: f64,
}

impl Sums {
    fn set(&self, metrics: &mut Metrics, kind: &str, at: usize) {
        metrics.set(kind, at, "saved", self.saved * 1e-12);
        metrics.set(kind, at, "value_saved", share(self.value_saved, self.value, 1.0).min(1.0));
        metrics.set(kind, at, "lost", self.lost * 1e-12);
        metrics.set(kind, at, "on_soil", self.on_soil * 1e-12);
    }
}

impl World<'_> {
    /// Adds bytes saved by class to the timeline, as they grew between two moments.
    pub(super) fn chart_evacuations(&mut self, since: Time, now: Time) {
        let (setup, evacuations) = (self.setup, &self.evacuations);
        if evacuations.saved_by_class.is_empty() || self.timeline.is_off() {
            return;
        }
        let mut rates = vec![0.0; evacuations.saved_by_class.len()];
        for (state, first) in evacuations.all.iter().zip(&evacuations.first_class) {
            state.items.iter().for_each(|item| rates[first + item.class] += item.rate);
        }
        let bin_s = setup.layout.bin.as_s();
        for (class, (saved, rate)) in evacuations.saved_by_class.iter().zip(&rates).enumerate() {
            let mut from = since;
            while from < now {
                let to = if *rate > 0.0 { (from + Duration::from_s(bin_s)).min(now) } else { now };
                let middle_s = from.since(since).as_s() + 0.5 * to.since(from).as_s();
                self.timeline.add(evacuations.channel + class, from, to, (saved + rate * middle_s) * 1e-12);
                from = to;
            }
        }
    }

    fn evacuation_sums(&self, at: usize, item: &Item) -> Sums {
        let model = self.setup.model;
        let (evacuation, it) = (&model.evacuations[at], &model.datasets[item.dataset]);
        let (size, value) = (it.size.as_bytes(), it.value.as_eur());
        let elsewhere = self.data.held_at(self.setup, item.dataset).any(|site| !evacuation.from.iter().any(|from| from.index() == site));
        let at_home = self.data.held_at(self.setup, item.dataset).any(|site| evacuation.from.iter().any(|from| from.index() == site));
        let part = if elsewhere {
            1.0
        } else if evacuation.partial {
            (item.saved / size.max(1.0)).min(1.0)
        } else {
            0.0
        };
        let rest = (size - item.saved).max(0.0);
        Sums {
            saved: item.saved,
            lost: if elsewhere || at_home || it.backup_interval.is_some() { 0.0 } else { rest },
            on_soil: if at_home && !elsewhere { size } else { 0.0 },
            value,
            value_saved: value * part,
        }
    }

    pub(in crate::world) fn finish_evacuations(&self, metrics: &mut Metrics) {
        let model = self.setup.model;
        for (at, state) in self.evacuations.all.iter().enumerate() {
            let first = self.evacuations.first_class[at];
            let last = self.evacuations.first_class.get(at + 1).copied().unwrap_or(self.evacuations.saved_by_class.len());
            let mut all = Sums::default();
            let mut by_class = vec![Sums::default(); last - first];
            // Without an order nothing left; its data is judged all the same.
            let unordered;
            let items = if state.given.is_some() {
                &state.items
            } else {
                unordered = self.leaving(at);
                &unordered
            };
            for item in items {
                let of = self.evacuation_sums(at, item);
                for sums in [&mut all, &mut by_class[item.class]] {
                    sums.saved += of.saved;
                    sums.lost += of.lost;
                    sums.on_soil += of.on_soil;
                    sums.value += of.value;
                    sums.value_saved += of.value_saved;
                }
            }
            all.set(metrics, "evacuation", at);
            for (class, sums) in by_class.iter().enumerate() {
                sums.set(metrics, "evacuation-class", first + class);
            }
            let used: Vec<usize> = state.devices.iter().filter(|device| device.used).map(|device| device.courier).collect();
            let people: u32 = used.iter().map(|courier| model.evacuations[at].couriers[*courier].staff).sum();
            let given = state.given.is_some();
            let end = self.setup.end;
            let until = state.ended.unwrap_or(end);
            metrics.set("evacuation", at, "duration", if given { until.since(state.ordered_at).as_h() } else { 0.0 });
            metrics.set("evacuation", at, "legal_wait", if given { self.legal_wait(at, state.ordered_at).as_h() } else { 0.0 });
            metrics.set("evacuation", at, "courier_trips", state.trips);
            metrics.set("evacuation", at, "devices", used.len() as f64);
            metrics.set("evacuation", at, "people", f64::from(people));
            metrics.set("evacuation", at, "cost", state.cost_eur);
        }
    }

    /// From the order until the law lets the last of the data go.
    fn legal_wait(&self, at: usize, ordered: Time) -> Duration {
        let model = self.setup.model;
        let evacuation = &model.evacuations[at];
        let opens = |dataset: usize| {
            let open = evacuation.to.iter().map(|site| &model.legal_dataset[dataset][site.index()]);
            open.filter(|legal| legal.from < legal.until && legal.until > ordered).map(|legal| legal.from).min().unwrap_or(Time::NEVER)
        };
        let last = evacuation.datasets.iter().map(|id| opens(id.index())).max().unwrap_or(Time::ZERO);
        last.min(self.setup.end).since(ordered)
    }
}
