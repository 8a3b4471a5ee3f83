//! The attack that hurts most, with proof, and the defence that makes it least bad.
//!
//! [`worst`] walks through the attacks that a budget buys on a [`Field`] of targets and leaves out those of which a response of the defender shows
//! that they do less than what is known. [`Transmission`] is such a field: an electric network in the DC approximation, whose operator sheds as
//! little as possible.
//!
//! Architecture invariant: no clock, no files, no ids; targets are positions in arrays. The answer depends on no thread.

#![forbid(unsafe_code)]

mod greedy;
mod harden;
mod median;
mod path;
mod search;
mod transmission;

pub use harden::{Defence, Measure, frontier};
pub use median::Median;
pub use path::{Link, Path};
pub use search::{Answer, Attack, Field, Question, Source, with_threads, worst};
pub use transmission::{Element, Target, Transmission};
