//! From text to a checked, dense, immutable [`Model`](model::Model).
//!
//! Text ends here: positions, names and units are known to this crate; the engines index arrays.

#![forbid(unsafe_code)]

pub mod diag;
pub mod model;
pub mod plan;
pub mod source;
