//! Capacitated warehouse location of OR-Library (J.E. Beasley, An algorithm for solving large capacitated warehouse location problems,
//! European Journal of Operational Research 33, 1988): `m n`; for each facility capacity and fixed cost; for each customer its demand
//! and the cost of serving all of it from each facility.

use super::{LocationOptions, Problem};
use crate::diag::Diagnostic;
use crate::import::words::Words;
use crate::keys::Range;
use crate::source::Span;

pub(super) fn read(text: &str, options: &LocationOptions) -> Result<Problem, Vec<Diagnostic>> {
    let mut words = Words::new(text, &options.file, false);
    let facilities = words.count(1, "the number of facilities").map_or(0, |(count, _)| count);
    let customers = words.count(1, "the number of customers").map_or(0, |(count, _)| count);
    let (mut fixed, mut capacity, mut demand, mut cost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut open = false;
    for at in 1..=facilities {
        let Some((word, place)) = words.word(format_args!("the capacity of facility {at}")) else { break };
        let size = match options.capacity {
            Some(size) if word.eq_ignore_ascii_case("capacity") => {
                open = true;
                size
            }
            None if word.eq_ignore_ascii_case("capacity") => {
                if !std::mem::replace(&mut open, true) {
                    let hint = "say what it stands for, such as `--capacity 5000`";
                    words.wrong("F0954", place, "the file leaves `capacity` open", hint);
                }
                1.0
            }
            _ => words.read(word, place, Range::NotNegative, format_args!("the capacity of facility {at}")),
        };
        capacity.push(Some(size));
        fixed.push(words.number(Range::NotNegative, format_args!("the fixed cost of facility {at}")));
    }
    cost.resize_with(fixed.len(), Vec::new);
    for customer in 1..=customers {
        if words.ended() {
            break;
        }
        demand.push(words.number(Range::NotNegative, format_args!("the demand of customer {customer}")));
        for (at, row) in cost.iter_mut().enumerate() {
            row.push(Some(words.number(Range::NotNegative, format_args!("the cost of customer {customer} at facility {}", at + 1))));
        }
    }
    words.finish("its last customer")?;
    if options.capacity.is_some() && !open {
        let message = "every capacity of the file is a number, and `--capacity` stands for none of them";
        return Err(vec![Diagnostic::error("F0954", Span::file(&options.file), message).hint("leave `--capacity` out")]);
    }
    Ok(Problem {
        title: format!("Capacitated location of {facilities} facilities for {customers} customers"),
        origin: "Form `cap` of OR-Library (Beasley 1988): demand may be split; a cost is that of serving all of a customer.",
        fixed,
        capacity,
        demand,
        cost,
        most: None,
        single: false,
    })
}
