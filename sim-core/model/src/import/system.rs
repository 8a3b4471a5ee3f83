//! Adequacy systems from tables (CSV) or from JSON.

mod json;
mod load;
mod table;

use std::path::{Path, PathBuf};

use bastide_grid::adequacy::{System, TwoState};
use bastide_units::Power;

use super::csv::Table;
use crate::diag::Diagnostic;
use crate::keys::Range;
use crate::source::Span;

/// How an adequacy system is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SystemOptions {
    /// Peak load; needed where the load is given in percent of it.
    pub peak: Option<Power>,
    /// Units, instead of `units.csv` in the folder; relative to the folder.
    pub units_file: Option<PathBuf>,
    /// Hourly load, instead of `load.csv` in the folder; relative to the folder.
    pub load_file: Option<PathBuf>,
    /// Which system, where a JSON file holds several.
    pub system: Option<String>,
}

/// Reads an adequacy system: a folder of tables, the table of its units (a `.csv` file), a `.json` file, or the folder of the source
/// data of RTS-GMLC.
///
/// Tables, by their columns; `*` is required:
/// - `units.csv`: `unit` or `unit_group`, `capacity_mw`\*, `count` (1), `area`, outages as `mttf_h` and `mttr_h`, or
///   `forced_outage_rate`; planned maintenance as `maintenance_from_h` and `maintenance_hours`; a third state as `derated_mw` with `derated_probability` or `derated_mttf_h` and `derated_mttr_h`
/// - `load.csv`: one row for each hour, one column for each area \[MW\]; or `load_weekly_peak_pct.csv`, `load_daily_peak_pct.csv` and
///   `load_hourly_pct.csv` of the IEEE RTS, for 52 weeks that begin on Monday, with [`SystemOptions::peak`]
/// - `variable.csv`: as `load.csv`, generation that is taken as it comes
/// - `ties.csv`: `from`\*, `to`\*, `forward_mw`\*, `backward_mw` (forward), `mttf_h`, `mttr_h`, `forced_outage_rate`
/// - `areas.csv`: `area`\*, `forecast_error` (0); `tiers.csv`, shed before the firm load in the order of its rows: `tier`, `area`, `mw`\*, `kind` (`interruptible` or
///   `firm`), `backup_mw`, `backup_h`, `most_h_per_day` (24); `hydro.csv`: `hydro`, `area`, `power_mw`\*, `energy_mwh`\*, `inflow_mwh`\* by hour, `initial` (0.5)
/// - `storage.csv`: `storage`, `area`, `power_mw`\* (or `charge_mw` and `discharge_mw`), `energy_mwh`\*, `efficiency` (0.85), `initial` (0.5), outages as for units
///
/// JSON: `{"systems": {NAME: {"load": [..] or [[..], ..] by area, "gens": [{"cap", "lam", "mu", "region"}], "lines": [{"a", "b", "cap", "lam", "mu"}]}}}`
/// with hourly probabilities of failure `lam` and of repair `mu`; `cap` is one number or one by hour; `lam` 0 never fails.
///
/// # Errors
/// Every mistake found, with its file, line and column.
pub fn read_system(path: &Path, options: &SystemOptions) -> Result<System, Vec<Diagnostic>> {
    let shown = path.display().to_string();
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
        return json::read(path, &shown, options);
    }
    let is_gmlc = ["gen.csv", "SourceData/gen.csv", "RTS_Data/SourceData/gen.csv"].iter().any(|name| path.join(name).is_file());
    if is_gmlc && options.units_file.is_none() && !path.join("units.csv").exists() {
        return super::read_rts_gmlc(path).map(|read| read.adequacy_system());
    }
    let (folder, units) = if path.is_dir() {
        let units = options.units_file.clone().unwrap_or_else(|| PathBuf::from("units.csv"));
        (path, path.join(units))
    } else if path.is_file() {
        let units = options.units_file.as_ref().map(|units| path.parent().unwrap_or(Path::new("")).join(units));
        (path.parent().unwrap_or(Path::new("")), units.unwrap_or_else(|| path.to_path_buf()))
    } else {
        let diagnostic = Diagnostic::error("F0101", Span::file(&shown), format!("`{shown}` does not exist"));
        return Err(vec![diagnostic.hint("give a folder with `units.csv`, a table of units, or a `.json` file")]);
    };
    table::read(folder, &units, options)
}

/// Outage columns of a table.
pub(super) struct Outages {
    /// Mean time to failure.
    pub mttf: Option<usize>,
    /// Mean time to repair.
    pub mttr: Option<usize>,
    /// Forced outage rate.
    pub rate: Option<usize>,
}

impl Outages {
    fn of(table: &Table, prefix: &str, rate: &str) -> Self {
        Self { mttf: table.find(&format!("{prefix}mttf_h")), mttr: table.find(&format!("{prefix}mttr_h")), rate: table.find(rate) }
    }

    /// Whether a row says anything about outages.
    fn any(&self, table: &Table, row: usize) -> bool {
        [self.mttf, self.mttr, self.rate].into_iter().any(|column| !table.is_blank(row, column))
    }

    /// The outages of a row; `Perfect` after a message. `owner` is what fails, for messages.
    pub(super) fn read(&self, table: &Table, row: usize, owner: &str, mistakes: &mut Vec<Diagnostic>) -> TwoState {
        let has = |column| !table.is_blank(row, column);
        let rate = has(self.rate).then(|| table.number(row, self.rate, Range::Share, mistakes));
        if !has(self.mttf) && !has(self.mttr) {
            return match rate {
                Some(rate) if rate > 0.0 => TwoState::Unavailability(rate),
                _ => TwoState::Perfect,
            };
        }
        for (column, other) in [(self.mttf, self.mttr), (self.mttr, self.mttf)] {
            if let Some(column) = column
                && has(Some(column))
                && !has(other)
            {
                let message = format!("{owner} has a mean time to one of failure and repair, not to both");
                mistakes.push(
                    Diagnostic::error("F0215", table.place(row, column), message).hint("give both times, or only the forced outage rate"),
                );
                return TwoState::Perfect;
            }
        }
        // What never fails is often written as zeros.
        let zero = |column| table.text(row, column).parse::<f64>().is_ok_and(|value| value == 0.0);
        if rate == Some(0.0) && zero(self.mttf) && zero(self.mttr) {
            return TwoState::Perfect;
        }
        let mttf_h = table.number(row, self.mttf, Range::Positive, mistakes);
        let mttr_h = table.number(row, self.mttr, Range::Positive, mistakes);
        if !(mttf_h.is_finite() && mttr_h.is_finite()) {
            return TwoState::Perfect;
        }
        let from_times = mttr_h / (mttf_h + mttr_h);
        if let (Some(rate), Some(column)) = (rate, self.rate)
            && (rate - from_times).abs() > rounding(table.text(row, Some(column)))
        {
            let message = format!("{owner} has a forced outage rate of {rate}, and MTTR / (MTTF + MTTR) = {from_times:.6}");
            mistakes.push(Diagnostic::error("F1003", table.place(row, column), message).hint("correct one, or leave the rate out"));
        }
        TwoState::Times { mttf_h, mttr_h }
    }
}

/// Half a unit of the last digit of a number as written, at most 0.005: what rounding explains.
fn rounding(text: &str) -> f64 {
    let digits = text.split_once('.').map_or(0, |(_, decimals)| decimals.chars().take_while(char::is_ascii_digit).count());
    (0.5 * 10.0_f64.powi(-(digits.min(15) as i32))).min(0.005) + 1e-9
}
