//! Quantities with units, and integer time.
//!
//! A quantity is an `f64` in a base unit behind a newtype, so that power is never added to energy and a megawatt never
//! taken for a kilowatt. Constructors and getters are units (`Power::from_mw`, `as_mw`); products that mean something
//! are listed in one table (`Power * Duration = Energy`). Text such as `"120 MW"` becomes a quantity through
//! [`Quantity::parse`].
//!
//! Architecture invariant: arithmetic only. No clock, no randomness, no files.

mod parse;
mod quantity;
mod time;

pub use parse::{ParseQuantityError, display, format_significant};
pub use quantity::*;
pub use time::Time;
