//! `serving_cost` of `[plan]`: a matrix with a row for each service and a column for each site.

use std::collections::BTreeMap;

use bastide_units::{MoneyRate, Quantity};
use csv::StringRecord;

use super::demand::Demands;
use super::files::{near_file, relative_to};
use super::series::cell;
use crate::decode::{Context, suggestion};
use crate::keys::Range;
use crate::model::{Legality, Service, ServingCost, Site};
use crate::source::Span;
use crate::text::{At, MAX_SERIES};
use crate::tree::{Table, Value};
use bastide_units::Time;

/// Most mistakes that the file reports.
const MAX_REPORTS: usize = 20;

/// Decodes the matrix. Services and sites that it does not name cost nothing; where a cell is empty, the service may not run.
pub fn serving_cost(ctx: &mut Context, root: &Table, sites: &[Site], services: &[Service], demands: &[Demands]) -> Option<ServingCost> {
    let Value::Table(plan) = &root.get("plan")?.node.value else { return None };
    let node = &plan.get("serving_cost")?.node;
    let Value::Text(said) = &node.value else {
        ctx.error("F0204", node.at, format!("`serving_cost` must be a text, not {}", node.value.word()));
        return None;
    };
    let name = relative_to(ctx.files.sources.name(node.at.file), said);
    let path = ctx.files.folder.join(&name);
    if !path.is_file() {
        let hint = near_file(said, &path).unwrap_or_else(|| "the path is relative to the file that says it".to_owned());
        ctx.error_hint("F0401", node.at, format!("there is no file `{name}`"), hint);
        return None;
    }
    let (file, text) = ctx.files.read(&name, MAX_SERIES, Some(node.at))?;
    let matrix = Matrix { name: &name, file, text: &text };
    // `flexible`: rows of another length get our own message, with a place.
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok);
    let columns = matrix.columns(ctx, &records.next().unwrap_or_default(), sites)?;

    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, (service, demands)) in services.iter().zip(demands).enumerate() {
        if !ctx.is_poisoned("service", demands.index) {
            by_name.insert(&service.entity.name, at);
        }
    }
    let mut annual = vec![vec![Some(MoneyRate::ZERO); sites.len()]; services.len()];
    let mut seen: Vec<bool> = vec![false; services.len()];
    let mut reports = 0;
    for record in records {
        if reports >= MAX_REPORTS {
            return None;
        }
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let service = record.get(0).unwrap_or("").trim();
        let wrong = if record.len() == columns.len() + 1 {
            match by_name.get(service) {
                Some(at) if std::mem::replace(&mut seen[*at], true) => {
                    Some(("F0950", format!("service `{service}` stands twice in `{name}`"), "keep one of its rows".to_owned()))
                }
                Some(at) => {
                    reports += matrix.row(ctx, &record, &columns, &mut annual[*at]);
                    None
                }
                // A service that could not be read is reported where it stands.
                None if ctx.names.get("service").is_some_and(|names| names.contains_key(service)) => None,
                None => {
                    let known: Vec<&str> = by_name.keys().copied().collect();
                    Some(("F0301", format!("there is no service `{service}`"), suggestion(service, &known, "service")))
                }
            }
        } else {
            let message = format!("this row has {} fields, the header has {}", record.len(), columns.len() + 1);
            Some(("F0414", message, "every row has one field for each column; decimals have a point".to_owned()))
        };
        if let Some((code, message, hint)) = wrong {
            reports += 1;
            matrix.error(ctx, &record, 0, code, message, hint);
        }
    }
    if reports > 0 { None } else { Some(ServingCost { span: ctx.span(node.at), annual }) }
}

/// The file, for places in messages.
struct Matrix<'a> {
    name: &'a str,
    file: u32,
    text: &'a str,
}

/// A column: its site and the size of its unit; `None` for a site that could not be read.
type Column = (Option<usize>, f64);

impl Matrix<'_> {
    fn error(&self, ctx: &mut Context, record: &StringRecord, field: usize, code: &'static str, message: String, hint: String) {
        let (start, end) = cell(self.text, record, field);
        ctx.error_hint(code, At { file: self.file, start, end }, message, hint);
    }

    /// The columns of the header.
    fn columns(&self, ctx: &mut Context, header: &StringRecord, sites: &[Site]) -> Option<Vec<Column>> {
        if header.get(0).unwrap_or("").trim() != "service" {
            let hint = "a header such as `service,riga,vilnius`, then one row for each service".to_owned();
            self.error(ctx, header, 0, "F0951", format!("the first column of `{}` is not `service`", self.name), hint);
            return None;
        }
        let mut columns: Vec<Column> = Vec::with_capacity(header.len());
        let mut right = true;
        // What a cell is in where its column names no unit.
        let usual = MoneyRate::from_eur_per_y(1.0).base();
        for (index, title) in header.iter().enumerate().skip(1) {
            let (bare, unit) = title.split_once('[').map_or((title, None), |(bare, unit)| (bare, Some(unit)));
            let (bare, unit) = (bare.trim(), unit.map(|unit| unit.trim().trim_end_matches(']').trim()));
            let site = sites.iter().position(|site| site.entity.name == bare);
            let size = unit.map_or(Some(usual), |unit| MoneyRate::UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size));
            let wrong = if site.is_some_and(|site| columns.iter().any(|(earlier, _)| *earlier == Some(site))) {
                Some(("F0418", format!("column `{bare}` stands twice"), "rename or remove one".to_owned()))
            } else if site.is_none() && !ctx.is_unsure("site") {
                let known: Vec<&str> = sites.iter().map(|site| site.entity.name.as_str()).collect();
                Some(("F0301", format!("there is no site `{bare}`"), suggestion(bare, &known, "site")))
            } else if size.is_none() {
                let units: Vec<&str> = MoneyRate::UNITS.iter().map(|(name, _)| *name).collect();
                let unit = unit.unwrap_or("");
                Some(("F0405", format!("`{unit}` is not a unit of {}", MoneyRate::NAME), format!("units: {}", units.join(", "))))
            } else {
                None
            };
            if let Some((code, message, hint)) = wrong {
                self.error(ctx, header, index, code, message, hint);
                right = false;
            }
            columns.push((site, size.unwrap_or(usual)));
        }
        right.then_some(columns)
    }

    /// The cells of a row; the number of mistakes.
    fn row(&self, ctx: &mut Context, record: &StringRecord, columns: &[Column], costs: &mut [Option<MoneyRate>]) -> usize {
        let mut reports = 0;
        for (index, (site, size)) in columns.iter().enumerate() {
            let Some(site) = site else { continue };
            let text = record.get(index + 1).unwrap_or("").trim();
            if text.is_empty() {
                costs[*site] = None;
                continue;
            }
            let wrong = match text.parse::<f64>() {
                Ok(cost) if !cost.is_finite() => {
                    ("F0407", format!("`{text}` is not a finite number"), "leave the cell empty where the service may not run")
                }
                Ok(cost) if Range::NotNegative.holds(cost) => {
                    costs[*site] = Some(MoneyRate::from_base(cost * size));
                    continue;
                }
                Ok(_) => {
                    ("F0208", format!("a serving cost must be zero or more: {text}"), "leave the cell empty where the service may not run")
                }
                Err(_) => ("F0406", format!("`{text}` is not a number"), "digits with a decimal point, without a unit"),
            };
            if reports < MAX_REPORTS {
                self.error(ctx, record, index + 1, wrong.0, wrong.1, wrong.2.to_owned());
            }
            reports += 1;
        }
        reports
    }
}

/// Closes the sites where the matrix is empty to the service.
pub fn close(serving: &ServingCost, legal: &mut [Vec<Legality>]) {
    let never = |span: &Span| Legality {
        from: Time::ZERO,
        until: Time::ZERO,
        forbidden_by: Some(("an empty cell of `serving_cost`".to_owned(), span.clone())),
    };
    for (row, costs) in legal.iter_mut().zip(&serving.annual) {
        for (legality, _) in row.iter_mut().zip(costs).filter(|(_, cost)| cost.is_none()) {
            *legality = never(&serving.span);
        }
    }
}
