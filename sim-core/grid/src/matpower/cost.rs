//! Cost tables.

use super::Mistakes;
use super::column::{Layout, Row};
use super::statement::Slot;
use crate::Cost;

/// Reads the costs of `count` elements: one row each, or (with `reactive`) two, of which the second half is left alone.
/// None where there is no table, or no row.
pub(super) fn costs(
    slot: &Slot,
    layout: &'static Layout,
    count: Option<usize>,
    reactive: bool,
    mistakes: &mut Mistakes,
) -> Vec<Option<Cost>> {
    let Slot::Table(table) = slot else { return Vec::new() };
    let rows = table.checked(layout, mistakes);
    let count = match count {
        // How many rows there should be is not known where either table broke off.
        Some(count) if table.whole => count,
        _ => return rows.into_iter().map(|row| row.and_then(|row| cost(&row, mistakes))).collect(),
    };
    let found = rows.len();
    if found != 0 && found != count && !(reactive && found == 2 * count) {
        let message = format!("`{}` has {found} rows for {count} {}", layout.table, if reactive { "generators" } else { "DC lines" });
        let hint = if reactive {
            format!("expected {count} rows, or {} with the costs of reactive power", 2 * count)
        } else {
            format!("expected {count} rows")
        };
        mistakes.add(table.at, message, hint);
    }
    rows.into_iter().take(count).map(|row| row.and_then(|row| cost(&row, mistakes))).collect()
}

const MODEL: usize = 0;
const COUNT: usize = 3;
const FIRST: usize = 4;

fn cost(row: &Row<'_>, mistakes: &mut Mistakes) -> Option<Cost> {
    let model = row.finite(MODEL, mistakes);
    let count = row.whole(COUNT, 0, mistakes) as usize;
    let (least, width) = match model {
        1.0 => (2, 2),
        2.0 => (0, 1),
        _ => {
            let hint = "expected 1 (piecewise linear) or 2 (polynomial)";
            row.mistake(MODEL, &format!("is unknown: {model}"), hint, mistakes);
            return None;
        }
    };
    if count < least {
        row.mistake(COUNT, &format!("is too small for a piecewise cost: {count}"), "expected at least 2 points", mistakes);
        return None;
    }
    let needed = count.saturating_mul(width).saturating_add(FIRST);
    let found = row.cells.len();
    if found < needed {
        let what = format!("has {found} columns, expected {needed}");
        let hint = match width {
            1 => format!("expected 4 columns, then the {count} coefficients that `n` says"),
            _ => format!("expected 4 columns, then the {count} points that `n` says"),
        };
        row.row_mistake(&what, &hint, mistakes);
        return None;
    }
    if width == 2 { piecewise(row, count, mistakes) } else { polynomial(row, count, mistakes) }
}

fn piecewise(row: &Row<'_>, count: usize, mistakes: &mut Mistakes) -> Option<Cost> {
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(count);
    let mut increasing = true;
    for column in (FIRST..FIRST + 2 * count).step_by(2) {
        let point = (row.finite(column, mistakes), row.finite(column + 1, mistakes));
        if let Some((before, _)) = points.last()
            && point.0 <= *before
            && increasing
        {
            let what = format!("does not increase: {} after {before}", point.0);
            row.mistake(column, &what, "expected the points of a piecewise cost by increasing output", mistakes);
            increasing = false;
        }
        points.push(point);
    }
    increasing.then_some(Cost::Piecewise(points))
}

/// The highest coefficient stands first; leading zeros are fine.
fn polynomial(row: &Row<'_>, count: usize, mistakes: &mut Mistakes) -> Option<Cost> {
    let coefficients = FIRST..FIRST + count;
    for (power, column) in coefficients.clone().rev().enumerate().skip(3).rev() {
        if row.finite(column, mistakes) != 0.0 {
            let hint = "expected at most a quadratic cost: give a piecewise cost (model 1) instead";
            row.mistake(column, &format!("makes the cost one of degree {power}"), hint, mistakes);
            return None;
        }
    }
    let mut last = coefficients.rev().map(|column| row.finite(column, mistakes));
    let (constant, linear, quadratic) = (last.next(), last.next(), last.next());
    Some(Cost::Polynomial { quadratic: quadratic.unwrap_or(0.0), linear: linear.unwrap_or(0.0), constant: constant.unwrap_or(0.0) })
}
