//! From text to a checked, dense, immutable [`Model`](model::Model).
//!
//! Text ends here: positions, names and units are known to this crate; the engines index arrays.

#![forbid(unsafe_code)]

mod check;
mod decode;
pub mod diag;
pub mod keys;
mod load;
pub mod model;
pub mod plan;
mod resolve;
mod scenario;
pub mod source;
mod text;
mod tree;

pub use keys::{explain, json_schema, reference_markdown};
pub use load::{Loaded, load};
pub use resolve::latencies;
