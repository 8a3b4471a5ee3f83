//! Capacitated location with a single source (K. Holmberg, M. Rönnqvist and D. Yuan, An exact algorithm for the capacitated facility
//! location problems with single sourcing, European Journal of Operational Research 113, 1999): `m n`; for each facility capacity and
//! fixed cost; all demands; for each facility the cost of each customer.

use super::{LocationOptions, Problem};
use crate::diag::Diagnostic;
use crate::import::words::Words;
use crate::keys::Range;

pub(super) fn read(text: &str, options: &LocationOptions) -> Result<Problem, Vec<Diagnostic>> {
    let mut words = Words::new(text, &options.file, false);
    let facilities = words.count(1, "the number of facilities").map_or(0, |(count, _)| count);
    let customers = words.count(1, "the number of customers").map_or(0, |(count, _)| count);
    let (mut fixed, mut capacity, mut demand, mut cost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for at in 1..=facilities {
        if words.ended() {
            break;
        }
        capacity.push(Some(words.number(Range::NotNegative, format_args!("the capacity of facility {at}"))));
        fixed.push(words.number(Range::NotNegative, format_args!("the fixed cost of facility {at}")));
    }
    for customer in 1..=customers {
        if words.ended() {
            break;
        }
        demand.push(words.number(Range::NotNegative, format_args!("the demand of customer {customer}")));
    }
    for at in 1..=facilities {
        let mut row = Vec::new();
        for customer in 1..=customers {
            if words.ended() {
                break;
            }
            row.push(Some(words.number(Range::NotNegative, format_args!("the cost of customer {customer} at facility {at}"))));
        }
        if words.ended() {
            break;
        }
        cost.push(row);
    }
    words.finish("the costs of its last facility")?;
    Ok(Problem {
        title: format!("Single-source location of {facilities} facilities for {customers} customers"),
        origin: "Form of Holmberg, Rönnqvist and Yuan (1999): each customer has one source; a cost is that of serving all of a customer.",
        fixed,
        capacity,
        demand,
        cost,
        most: None,
        single: true,
    })
}
