//! Whether a roadmap keeps its order books, lead times, connections and the budget of each year.

use bastide_units::{Money, Power, Time, display};

use super::{Check, exceeds};
use crate::diag::Diagnostic;
use crate::model::{Fleet, Horizon, SiteId, of_year};
use crate::plan::{Lot, Roadmap};

/// Rounding of dates in files.
const SECOND: u64 = 1_000_000_000;

/// Whether a moment lies before another by more than rounding.
fn before(a: Time, b: Time) -> bool {
    a.as_nanos().saturating_add(SECOND) < b.as_nanos()
}

impl Check<'_> {
    /// Every limit of a roadmap, at the line that breaks it.
    pub(super) fn roadmap(&mut self, roadmap: &Roadmap) {
        let Some(horizon) = &self.model.growth.horizon else {
            let message = "the plan is a roadmap, and `[plan]` has no `horizon`";
            self.found.push(Diagnostic::error("F0927", self.places.file.clone(), message).hint("add `horizon`, or leave out the dates"));
            return;
        };
        for (index, lot) in roadmap.lots.iter().enumerate() {
            self.lot(index, lot);
        }
        for (index, it) in roadmap.works.iter().enumerate() {
            let lead = self.model.sites[it.site].lead_time;
            if before(it.ready, it.decided + lead) {
                let message = format!("site `{}` is built in less than its lead time of {}", self.site(it.site), display(lead));
                self.found.push(
                    Diagnostic::error("F0927", self.places.of(&self.places.works, index).clone(), message).hint("let `ready` be later"),
                );
            }
        }
        for (index, it) in roadmap.steps.iter().enumerate() {
            let step = &self.model.growth.expansions[it.expansion];
            let place = self.places.of(&self.places.steps, index).clone();
            if before(it.ready, (it.decided + step.lead_time).max(step.earliest)) {
                let message = format!("expansion `{}` is ready before it can be", step.entity.name);
                self.found.push(Diagnostic::error("F0927", place, message).hint("see its `lead_time` and `earliest`"));
                continue;
            }
            let so_far: u32 = roadmap.steps[..=index].iter().filter(|other| other.expansion == it.expansion).map(|other| other.count).sum();
            if so_far > step.most {
                let message = format!("{so_far} steps of expansion `{}`, of which there are {}", step.entity.name, step.most);
                self.found.push(Diagnostic::error("F0928", place, message).hint("build fewer"));
            }
        }
        self.orders(roadmap, horizon);
        self.deliveries(roadmap);
        self.power_over_time(roadmap, horizon);
        self.power_of_all(roadmap, horizon);
        self.money_by_year(roadmap, horizon);
    }

    /// Place of the last lot that counts: the one that goes beyond.
    fn last_lot(&self, roadmap: &Roadmap, counts: impl Fn(&Lot) -> bool) -> crate::source::Span {
        let index = roadmap.lots.iter().rposition(counts);
        index.map_or(&self.places.file, |index| self.places.of(&self.places.builds, index)).clone()
    }

    fn lot(&mut self, index: usize, lot: &Lot) {
        let place = self.places.of(&self.places.builds, index).clone();
        let kind = &self.model.accelerators[lot.accelerator];
        let book = lot.book.map(|book| &self.model.growth.order_books[book]);
        let (lead, life) = book.map_or((self.model.planning.lead_time, kind.lifetime), |book| (book.lead_time, book.life));
        let mut refuse = |code, message: String, hint: String| self.found.push(Diagnostic::error(code, place.clone(), message).hint(hint));
        if !lot.count.is_multiple_of(kind.per_node) {
            let message = format!("{} of `{}` are no whole number of nodes", lot.count, kind.entity.name);
            refuse("F0911", message, format!("it comes in nodes of {}", kind.per_node));
        }
        if before(lot.delivered, lot.ordered + lead) {
            let message = format!("`{}` are delivered sooner than {} after their order", kind.entity.name, display(lead));
            refuse("F0927", message, "let `delivered` be later, or `ordered` earlier".to_owned());
        }
        if before(lot.energised, lot.delivered) {
            refuse("F0927", "they are energised before they are delivered".to_owned(), "let `energised` be later".to_owned());
        }
        if lot.energised != Time::NEVER && before(lot.retired, lot.energised) {
            refuse("F0927", "they leave before they work".to_owned(), "let `retired` be later".to_owned());
        }
        let end = Time::ZERO + self.model.growth.horizon.as_ref().map_or(self.model.header.duration, |horizon| horizon.length);
        let period = self.model.growth.horizon.as_ref().map_or(bastide_units::Duration::ZERO, |horizon| horizon.period);
        // A life ends within a period: they stay to its end.
        if lot.energised != Time::NEVER && before((lot.energised + life + period).min(end), lot.retired.min(end)) {
            refuse("F0927", format!("they work longer than {}", display(life)), "let `retired` be earlier".to_owned());
        }
        let Some(book) = book else {
            if self.model.growth.order_books.iter().any(|book| book.accelerator == lot.accelerator) {
                let hint = "say which: `order_book = \"...\"`".to_owned();
                refuse("F0928", format!("`{}` are ordered from one of its order books", kind.entity.name), hint);
            }
            return;
        };
        if book.accelerator != lot.accelerator {
            refuse("F0928", format!("book `{}` holds another type", book.entity.name), "name a book of this type".to_owned());
        }
        if before(lot.ordered, book.from) || !before(lot.ordered, book.until) && book.until != Time::NEVER {
            refuse("F0928", format!("book `{}` takes no orders then", book.entity.name), "see its `from` and `until`".to_owned());
        }
        if book.sites.as_ref().is_some_and(|sites| !sites.contains(&lot.site)) {
            refuse("F0928", format!("book `{}` does not deliver to this site", book.entity.name), "see its `sites`".to_owned());
        }
    }

    fn orders(&mut self, roadmap: &Roadmap, horizon: &Horizon) {
        for (id, book) in self.model.growth.order_books.iter().enumerate() {
            let mut check = |counts: &dyn Fn(&Lot) -> bool, cap: Option<f64>, words: String| {
                let mine = |lot: &Lot| lot.book == Some(id) && counts(lot);
                let sum: f64 = roadmap.lots.iter().filter(|lot| mine(lot)).map(|lot| f64::from(lot.count)).sum();
                if let Some(cap) = cap.filter(|cap| exceeds(sum, *cap)) {
                    let message = format!("{sum} are ordered from book `{}`{words}, and {cap} can be had", book.entity.name);
                    let place = self.last_lot(roadmap, mine);
                    self.found
                        .push(Diagnostic::error("F0928", place, message).label(book.entity.span.clone(), "the book").hint("order fewer"));
                }
            };
            check(&|_| true, book.cap.map(f64::from), String::new());
            for period in 0..horizon.periods() {
                let of_period = |lot: &Lot| horizon.period_at(lot.ordered) == period;
                check(&of_period, book.cap_per_period.map(f64::from), format!(" in period {}", period + 1));
            }
            for year in 0..=horizon.year(horizon.periods() - 1) {
                let of_year_ = |lot: &Lot| horizon.year(horizon.period_at(lot.ordered)) == year;
                check(&of_year_, of_year(&book.cap_by_year, year), format!(" in year {}", year + 1));
            }
        }
    }

    fn deliveries(&mut self, roadmap: &Roadmap) {
        // An alternative may do without a cap; only the plan that bears no alternative's name is held to all of them.
        let named = self.model.alternatives.iter().find(|alternative| alternative.entity.name == self.plan.name);
        let allowed = named.and_then(|it| it.supply.export_caps.as_ref());
        for (id, cap) in self.model.growth.export_caps.iter().enumerate().filter(|(id, _)| allowed.is_none_or(|list| list.contains(id))) {
            let counts =
                |lot: &Lot| cap.from <= lot.delivered && lot.delivered < cap.until && cap.counts(self.model, lot.site, lot.accelerator);
            let sum: u64 = roadmap.lots.iter().filter(|lot| counts(lot)).map(|lot| u64::from(lot.count)).sum();
            if sum > u64::from(self.model.growth.export_caps[id].cap) {
                let message = format!("{sum} are delivered under export cap `{}` of {}", cap.entity.name, cap.cap);
                let place = self.last_lot(roadmap, counts);
                self.found.push(Diagnostic::error("F0928", place, message).label(cap.entity.span.clone(), "the cap").hint("deliver fewer"));
            }
        }
    }

    /// Most IT power at work in each period against halls, room and connection.
    fn power_over_time(&mut self, roadmap: &Roadmap, horizon: &Horizon) {
        for site in (0..self.model.sites.len()).map(SiteId::from_index) {
            let it = &self.model.sites[site];
            let of_fleets = |period: usize| -> Power {
                let here = self.fleets_in(horizon, period).filter(|fleet| fleet.site == site);
                here.map(|fleet| self.model.accelerators[fleet.accelerator].power * f64::from(fleet.count)).sum()
            };
            let standing = (0..horizon.periods()).map(|period| of_fleets(period).as_mw()).fold(0.0, f64::max);
            for period in 0..horizon.periods() {
                let now = horizon.begin(period);
                let runs = |lot: &Lot| lot.site == site && lot.runs(now);
                let bought: Power = roadmap
                    .lots
                    .iter()
                    .filter(|lot| runs(lot))
                    .map(|lot| self.model.accelerators[lot.accelerator].power * f64::from(lot.count))
                    .sum();
                let used = (bought + of_fleets(period)).as_mw();
                let works = || roadmap.works.iter().filter(|works| works.site == site && !before(now, works.ready));
                let steps = || {
                    roadmap
                        .steps
                        .iter()
                        .filter(|step| !before(now, step.ready))
                        .map(|step| (&self.model.growth.expansions[step.expansion], f64::from(step.count)))
                        .filter(|(step, _)| step.site == site)
                };
                let halls = standing + works().map(|it| it.it_power.as_mw()).sum::<f64>();
                let room = it.max_it_power.as_mw() + steps().map(|(step, count)| step.it_power.as_mw() * count).sum::<f64>();
                let own = (standing * it.pue + works().map(|it| it.connection.as_mw()).sum::<f64>()).min(it.connection.as_mw());
                let connection = own + steps().map(|(step, count)| step.connection.as_mw() * count).sum::<f64>();
                let opened = standing > 0.0 || works().any(|works| works.opens);
                let most = if opened { halls.min(room).min(connection / it.pue) } else { 0.0 };
                if exceeds(used, most) && bought > Power::ZERO {
                    let message = format!(
                        "site `{}` has {used:.3} MW of IT power at work in period {}, and {most:.3} MW are built",
                        it.entity.name,
                        period + 1
                    );
                    let place = self.last_lot(roadmap, runs);
                    self.found.push(
                        Diagnostic::error("F0907", place, message).hint("energise later, or build `[[works]]` or a `[[step]]` before"),
                    );
                    break;
                }
            }
        }
    }

    /// IT power at work of all sites together.
    fn power_of_all(&mut self, roadmap: &Roadmap, horizon: &Horizon) {
        let most = self.model.planning.it_power.as_mw();
        for period in 0..horizon.periods() {
            let now = horizon.begin(period);
            let lots = roadmap.lots.iter().filter(|lot| lot.runs(now)).map(|lot| (lot.accelerator, lot.count));
            let all = lots.chain(self.fleets_in(horizon, period).map(|fleet| (fleet.accelerator, fleet.count)));
            let used: f64 = all.map(|(kind, count)| self.model.accelerators[kind].power.as_mw() * f64::from(count)).sum();
            if exceeds(used, most) {
                let message = format!(
                    "all sites together have {used:.3} MW of IT power at work in period {}, above the limit of {most:.3} MW",
                    period + 1
                );
                let place = self.last_lot(roadmap, |lot| lot.runs(now));
                let span = self.model.planning.it_power_span.clone();
                self.found.push(Diagnostic::error("F0909", place, message).label(span, "`it_power` stands here"));
                return;
            }
        }
    }

    /// Fleets that stand at some time in a period.
    fn fleets_in(&self, horizon: &Horizon, period: usize) -> impl Iterator<Item = &Fleet> {
        let (begin, end) = (horizon.begin(period), horizon.begin(period + 1).min(Time::ZERO + horizon.length));
        self.model.fleets.iter().filter(move |fleet| fleet.energised < end && begin < fleet.retired)
    }

    /// Capital of each year: accelerators at delivery, the rest when it is decided.
    fn money_by_year(&mut self, roadmap: &Roadmap, horizon: &Horizon) {
        let year = |time: Time| horizon.year(horizon.period_at(time));
        let mut spent = vec![Money::ZERO; horizon.year(horizon.periods() - 1) + 1];
        let mut pay = |time: Time, money: Money| {
            if let Some(sum) = spent.get_mut(year(time)) {
                *sum += money;
            }
        };
        for lot in &roadmap.lots {
            let kind = &self.model.accelerators[lot.accelerator];
            let price = lot.book.map_or(kind.price, |book| self.model.growth.order_books[book].price_at(lot.ordered));
            pay(lot.delivered, price * f64::from(lot.count));
        }
        for it in &roadmap.works {
            let site = &self.model.sites[it.site];
            let opening = if it.opens && !site.existing { site.fixed_cost } else { Money::ZERO };
            pay(it.decided, opening + it.it_power * site.building_cost + it.connection * site.connection_cost);
        }
        for it in &roadmap.steps {
            pay(it.decided, self.model.growth.expansions[it.expansion].cost * f64::from(it.count));
        }
        let total: Money = spent.iter().copied().sum();
        let mut limits: Vec<(Money, Money, Option<usize>)> = vec![(total, self.model.planning.budget, None)];
        let by_year = spent.iter().enumerate().filter_map(|(year, sum)| Some((*sum, of_year(&horizon.budget_by_year, year)?, Some(year))));
        limits.extend(by_year);
        for (sum, budget, of) in limits.into_iter().filter(|(sum, budget, _)| exceeds(sum.as_meur(), budget.as_meur())) {
            let (when, label) =
                of.map_or((String::new(), &self.model.planning.budget_span), |at| (format!(" in year {}", at + 1), &horizon.budget_span));
            let place = self.last_lot(roadmap, |lot| of.is_none_or(|of| year(lot.delivered) == of));
            let message =
                format!("the plan spends {:.3} M EUR of capital{when}, above the budget of {:.3} M EUR", sum.as_meur(), budget.as_meur());
            self.found.push(Diagnostic::error("F0908", place, message).label(label.clone(), "the budget stands here"));
        }
    }
}
