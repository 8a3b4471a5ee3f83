//! From text to a checked, dense, immutable [`Model`](model::Model).
//!
//! Text ends here: positions, names and units are known to this crate; the engines index arrays.

#![forbid(unsafe_code)]

mod check;
pub mod codes;
mod decode;
pub mod diag;
mod expected;
pub mod import;
pub mod keys;
mod load;
pub mod model;
pub mod network;
pub mod plan;
mod resolve;
mod scenario;
pub mod shortfall;
mod show;
pub mod source;
mod template;
pub mod text;
pub mod tree;

pub use expected::expected_diagnostics;
pub use keys::{explain, json_schema, reference_markdown};
pub use load::{Loaded, LoadedCase, load};
pub use resolve::{latencies, latencies_with, latencies_without};
pub use scenario::case::unknown_metric;
pub use show::show_resolved;
pub use template::new_scenario;
