//! Adequacy of the grid: short of power without AI load, with it, with it yielding; and how much more could be hosted.

use bastide_sim::results::{AdequacyCase, AdequacyFacts, AiCase, HostPointFacts, HostSize, HostingFacts, Mean, ShortfallFacts};
use serde::Serialize;

use super::{Cell, Facts, Figure, Key, Table};
use crate::ReportError;
use crate::chart::{self, Axes, Line};
use crate::number::{self, SPACE, Scale};

const SOURCE: &str = "Source: summary.json of this study, under adequacy.";
/// Least hours a year that a chart shows, and most.
const SHOWN_H: (f64, f64) = (0.1, 1000.0);
const YEAR_H: f64 = 8760.0;

/// The section; empty for results of an older version.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Adequacy {
    /// What it says.
    pub text: Vec<String>,
    /// Zones without the reference's AI load, with it, with it yielding.
    pub table: Table,
    /// Zones under the AI load of every alternative; absent for a single one.
    pub alternatives: Option<Table>,
    /// What zones could host.
    pub hosting: Option<Table>,
    /// Hosting by size.
    pub figures: Vec<Figure>,
    /// Lines of the figures.
    pub keys: Vec<Key>,
    /// How it was computed.
    pub method: String,
}

pub(super) fn adequacy(facts: &Facts<'_>) -> Result<Option<Adequacy>, ReportError> {
    let Some(found) = &facts.study.summary.adequacy else { return Ok(None) };
    let of = |alternative: Option<&str>, ai: AiCase| found.cases.iter().find(|x| x.alternative.as_deref() == alternative && x.ai == ai);
    let reference = facts.study.summary.reference.as_str();
    let cases = [of(None, AiCase::Without), of(Some(reference), AiCase::AsPlanned), of(Some(reference), AiCase::Interruptible)];
    let [Some(without), Some(planned), Some(yielding)] = cases else { return Ok(None) };
    let view = View { facts, found, names: (0..found.zones.len()).map(|zone| zone_name(facts, found, zone)).collect() };
    let mut text = vec![view.effect(without, planned)];
    text.extend(found.hosting.iter().map(|x| view.sentence(x)));
    let years = f64::from(found.repetitions) * found.hours as f64 / YEAR_H;
    let method = format!(
        "Each case repeats the scenario's hours {} times ({} years) with random failures of units and lines, storage and help between zones, under the same failures for all cases; each size of hosted load {} times. Hazards and prices are left out here. Indices are for a year of 8,760 hours; 0 means: not once. Errors are standard errors.",
        number::count(found.repetitions),
        number::significant(years, 3),
        number::count(found.host_repetitions)
    );
    let keys = ["Hours short if it is firm", "Hours in which it yields, if it may", "Limit for firm load", "Limit for load that yields"];
    Ok(Some(Adequacy {
        text,
        table: view.table([without, planned, yielding]),
        alternatives: (facts.alternatives.len() > 1).then(|| view.alternatives()),
        hosting: (!found.hosting.is_empty()).then(|| view.hosting()),
        figures: found.hosting.iter().map(|x| view.figure(x)).collect::<Result<_, _>>()?,
        keys: keys.into_iter().zip(COLOURS).map(|(label, colour)| Key { label: label.to_string(), colour }).collect(),
        method,
    }))
}

/// Colours of the lines, as `keys` has them.
const COLOURS: [usize; 4] = [0, 5, 1, 2];

/// The nation's title where it has one zone, else the zone's.
fn zone_name(facts: &Facts<'_>, found: &AdequacyFacts, zone: usize) -> String {
    let place = &found.zones[zone];
    let title = if found.zones.iter().filter(|x| x.nation == place.nation).count() == 1 {
        facts.title("nation", &place.nation)
    } else {
        facts.title("bus", &place.zone)
    };
    // Remarks after a comma are for tables of things.
    title.split(',').next().unwrap_or_default().to_string()
}

struct View<'a> {
    facts: &'a Facts<'a>,
    found: &'a AdequacyFacts,
    names: Vec<String>,
}

fn value(scale: &Scale, mean: &Mean) -> Cell {
    scale.value(mean.mean, mean.stderr).into()
}

/// `1720 ± 70 MW`, or `more than 8000 MW`.
fn size(size: &HostSize) -> String {
    let scale = Scale::of("MW", size.mw.mean);
    if size.misses_mw.is_none() {
        return format!("more than {}", number::plain("MW", size.mw.mean));
    }
    scale.with_unit(size.mw.mean, size.mw.stderr)
}

impl View<'_> {
    fn name(&self, zone: usize) -> &str {
        self.names.get(zone).map_or("", String::as_str)
    }

    /// What the reference's AI load does to the others.
    fn effect(&self, without: &AdequacyCase, planned: &AdequacyCase) -> String {
        let reference = self.facts.alternatives.first().map_or("the plan", |x| x.title.as_str());
        let more = |zone: usize| planned.zones[zone].lole_h_per_year.mean - without.zones[zone].lole_h_per_year.mean;
        let worst = (0..planned.zones.len()).max_by(|a, b| more(*a).total_cmp(&more(*b)));
        match worst.filter(|zone| more(*zone) > 0.0) {
            Some(zone) => {
                let hours = |case: &AdequacyCase| {
                    let lole = case.zones[zone].lole_h_per_year;
                    number::plus_minus(lole.mean, lole.stderr)
                };
                format!(
                    "The AI load of {reference} raises loss of load most in {}: from {} to {} hours a year, if none of it yields that has not agreed to.",
                    self.name(zone),
                    hours(without),
                    hours(planned)
                )
            }
            None => format!("The AI load of {reference} adds no hour of loss of load in any zone."),
        }
    }

    fn sentence(&self, hosting: &HostingFacts) -> String {
        let reference = self.facts.alternatives.first().map_or("the plan", |x| x.title.as_str());
        let zone = self.name(hosting.zone);
        let hours = format!("{}{SPACE}hours a year", number::significant(self.found.most_lole_h_per_year, 3));
        let share = number::plain("1", self.found.most_yield_share);
        let beside = format!("beside {reference}");
        match (&hosting.firm, &hosting.interruptible) {
            (Some(firm), Some(yielding)) => format!(
                "{zone} could host {} of firm AI load {beside} before loss of load exceeds {hours}; {} if it yields in up to {share} of hours.",
                size(firm),
                size(yielding)
            ),
            (None, Some(yielding)) => format!(
                "{zone} exceeds {hours} of loss of load already, so that it has no room for firm AI load; it could host {} {beside} that yields in up to {share} of hours.",
                size(yielding)
            ),
            (Some(firm), None) => {
                format!("{zone} could host {} of firm AI load {beside} before loss of load exceeds {hours}.", size(firm))
            }
            (None, None) => {
                format!("{zone} exceeds {hours} of loss of load already; AI load {beside} would yield in more than {share} of hours.")
            }
        }
    }

    /// Rows of all zones under a head.
    fn rows(&self, table: &mut Table, metric: &str, unit: &str, cell: impl Fn(usize) -> Vec<Option<Mean>>) {
        let zones: Vec<Vec<Option<Mean>>> = (0..self.names.len()).map(cell).collect();
        let largest = zones.iter().flatten().flatten().map(|x| x.mean.abs()).fold(0.0, f64::max);
        let scale = Scale::of(unit, largest);
        table.group(&format!("{metric} [{} a year]", scale.unit));
        for (name, values) in self.names.iter().zip(zones) {
            let mut cells = vec![Cell::from(name.as_str())];
            cells.extend(values.iter().map(|x| x.map_or_else(|| "\u{2013}".into(), |x| value(&scale, &x))));
            table.push(cells);
        }
    }

    fn table(&self, cases: [&AdequacyCase; 3]) -> Table {
        let head = ["Zone", "#Without AI load", "#With AI load", "#If all of it yields first"];
        let mut table = Table::new("Adequacy of each zone without and with the AI load of the reference: mean ± standard error", &head);
        let of = |get: fn(&ShortfallFacts) -> Mean| move |zone: usize| cases.iter().map(|x| x.zones.get(zone).map(get)).collect();
        self.rows(&mut table, "Loss of load", "h", of(|x| x.lole_h_per_year));
        self.rows(&mut table, "Unserved energy", "MWh", of(|x| x.eue_mwh_per_year));
        let yields = |zone: usize| {
            let most = |case: &&AdequacyCase| {
                let here = case.sites.iter().filter(|x| x.zone == zone).map(|x| x.hours_per_year);
                here.max_by(|a, b| a.mean.total_cmp(&b.mean))
            };
            cases.iter().map(most).collect()
        };
        self.rows(&mut table, "AI load gets less than it asks for", "h", yields);
        table.note = "Loss of load counts AI load that has not agreed to yield. The last rows are of the site that gets less most often."
            .to_string();
        table
    }

    fn alternatives(&self) -> Table {
        let mut table = self.facts.table("Adequacy of each zone with the AI load of each alternative: mean ± standard error", "Zone");
        let found = self.found;
        let of = |get: fn(&ShortfallFacts) -> Mean| {
            move |zone: usize| {
                let names = self.facts.alternatives.iter().map(|x| Some(x.name.as_str()));
                let case = |name| found.cases.iter().find(|x| x.alternative.as_deref() == name && x.ai == AiCase::AsPlanned);
                names.map(|name| case(name).and_then(|x| x.zones.get(zone)).map(get)).collect()
            }
        };
        self.rows(&mut table, "Loss of load", "h", of(|x| x.lole_h_per_year));
        self.rows(&mut table, "Unserved energy", "MWh", of(|x| x.eue_mwh_per_year));
        table
    }

    fn hosting(&self) -> Table {
        let firm = format!("#Firm, loss of load up to {} h a year", number::significant(self.found.most_lole_h_per_year, 3));
        let yields = format!("#Yields in up to {} of hours", number::plain("1", self.found.most_yield_share));
        let head = ["Zone", &firm, &yields];
        let mut table =
            Table::new("AI load that each zone could host beside the reference, one zone at a time: size ± standard error", &head);
        for x in &self.found.hosting {
            let cell = |x: Option<&HostSize>| x.map_or_else(|| "none".to_string(), size);
            table.push(vec![self.name(x.zone).into(), cell(x.firm.as_ref()).into(), cell(x.interruptible.as_ref()).into()]);
        }
        table
    }

    /// Hours against size, on a logarithmic scale, with both limits.
    fn figure(&self, hosting: &HostingFacts) -> Result<Figure, ReportError> {
        let name = self.name(hosting.zone);
        let solved = [hosting.firm, hosting.interruptible].iter().flatten().map(|x| x.mw.mean).fold(0.0, f64::max);
        let end = hosting.curve.iter().map(|x| x.mw).find(|mw| *mw >= 1.15 * solved).unwrap_or(f64::INFINITY);
        let points: Vec<&HostPointFacts> = hosting.curve.iter().filter(|x| x.mw <= end).collect();
        let log = |hours: f64| hours.clamp(SHOWN_H.0, SHOWN_H.1).log10();
        let line = |series: usize, hours: &dyn Fn(&HostPointFacts) -> Mean| {
            let point = |x: &&HostPointFacts| {
                let (mean, error) = (hours(x).mean, 2.0 * hours(x).stderr.unwrap_or(0.0));
                (x.mw, log(mean), log(mean - error), log(mean + error))
            };
            Line { series, points: points.iter().map(point).collect() }
        };
        let of_share = |x: &HostPointFacts| Mean { mean: x.yield_share.mean * YEAR_H, stderr: x.yield_share.stderr.map(|y| y * YEAR_H) };
        let limit = |series: usize, hours: f64| {
            let (from, to) = (points.first().map_or(0.0, |x| x.mw), points.last().map_or(1.0, |x| x.mw));
            Line { series, points: vec![(from, log(hours), log(hours), log(hours)), (to, log(hours), log(hours), log(hours))] }
        };
        let lines = [
            line(COLOURS[0], &|x| x.firm_lole_h_per_year),
            line(COLOURS[1], &of_share),
            limit(COLOURS[2], self.found.most_lole_h_per_year),
            limit(COLOURS[3], self.found.most_yield_share * YEAR_H),
        ];
        let title = format!("{name}: room for AI load");
        let axes = Axes {
            title: title.clone(),
            description: format!("Hours a year in which further AI load in {name} is not served in full, by its size, with both limits."),
            x: "MW of further AI load".to_string(),
            y: "hours a year".to_string(),
            range: (SHOWN_H.0.log10(), SHOWN_H.1.log10()),
            log: true,
        };
        let svg = chart::lines(&axes, &lines)?;
        let head = ["#Size [MW]", "#Loss of load if firm [h a year]", "#Hours in which it yields [%]"];
        let mut table = Table::new(format!("{title}: mean ± standard error"), &head);
        let (hours, share) = (Scale::of("h", 1.0), Scale::of("1", 1.0));
        for x in &hosting.curve {
            let cells = [value(&hours, &x.firm_lole_h_per_year), value(&share, &x.yield_share)];
            table.push([vec![number::significant(x.mw, 4).into()], cells.to_vec()].concat());
        }
        let caption = format!(
            "The band is two standard errors wide on each side. The axis is logarithmic, from {} to {} hours.",
            number::significant(SHOWN_H.0, 2),
            number::significant(SHOWN_H.1, 4)
        );
        Ok(Figure { title, caption, svg, table: Some(table), source: SOURCE.to_string() })
    }
}
