//! Predictions of throughput for tables of configurations, the fits behind them, and replays request by request.
//!
//! ```text
//! Table (CSV) --> Family (gemm, attention, .. training) --> Answer (measured, predicted, interval, grade | reason) --> Summary
//!                       '-- fit: parameters of cost-models/data/throughput, on the groups that are not left out
//! ```
//!
//! The models themselves are arithmetic of `bastide_cost_models::compute`; this crate turns rows of tables into their
//! questions and measures how right they are.
//!
//! Architecture invariant: no clock, no hash map, no printing.

#![forbid(unsafe_code)]

pub mod attention;
pub mod collectives;
pub mod distributed;
pub mod evaluation;
pub mod family;
pub mod fit;
pub mod gemm;
pub mod inference;
pub mod library;
pub mod replay;
pub mod silicon;
pub mod steps;
pub mod steps_memory;
pub mod table;
pub mod training;

pub use evaluation::{Evaluation, Summary, evaluate};
pub use family::{Answer, Family, families, family_of};
pub use table::{Row, Table, TableError};
pub use training::training_interval;
