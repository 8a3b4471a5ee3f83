//! Weighted points in the plane, as in the 55 points of Washington (R. Swain, A decomposition algorithm for a class of facility location
//! problems, Cornell University, 1971): a line for each point with its number, coordinates and population, by commas.

use super::{LocationOptions, Problem};
use crate::diag::Diagnostic;
use crate::import::words::Words;
use crate::keys::Range;
use crate::source::Span;

pub(super) fn read(text: &str, options: &LocationOptions) -> Result<Problem, Vec<Diagnostic>> {
    let mut words = Words::new(text, &options.file, true);
    let (mut places, mut weight) = (Vec::new(), Vec::new());
    while !words.ended() && (places.is_empty() || !words.is_over()) {
        let point = places.len() + 1;
        words.number(Range::Any, format_args!("the number of point {point}"));
        let x = words.number(Range::Any, format_args!("the first coordinate of point {point}"));
        places.push((x, words.number(Range::Any, format_args!("the second coordinate of point {point}"))));
        weight.push(words.number(Range::NotNegative, format_args!("the population of point {point}")));
    }
    words.finish("its last point")?;
    let points = places.len();
    let file = || Span::file(&options.file);
    let Some(medians) = options.medians else {
        let message = "the file does not say how many facilities may be open";
        return Err(vec![Diagnostic::error("F0954", file(), message).hint("say it, such as `--medians 5`")]);
    };
    if medians == 0 || medians as usize > points {
        let message = format!("{medians} medians are asked for, and there are {points} places for them");
        return Err(vec![Diagnostic::error("F0954", file(), message).hint("`--medians` is from 1 to the number of points")]);
    }
    let distance = |a: &(f64, f64), b: &(f64, f64)| (a.0 - b.0).hypot(a.1 - b.1);
    Ok(Problem {
        title: format!("{medians}-median of {points} weighted points"),
        origin: "Form of Swain (1971): every point is a customer and may be a facility; a cost is population times Euclidean distance.",
        fixed: vec![0.0; points],
        capacity: vec![None; points],
        demand: vec![1.0; points],
        cost: places.iter().map(|a| places.iter().zip(&weight).map(|(b, weight)| Some(weight * distance(a, b))).collect()).collect(),
        most: Some(medians as usize),
        single: false,
    })
}
