//! Numbers in snapshots, bit for bit.
//!
//! A restored history must go on with the same bytes, but text formats may lose the last bit of a number, and JSON has
//! neither infinity nor NaN. Fields with this attribute are written as the 64 bits of the number, as an integer:
//!
//! ```
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct State {
//!     #[serde(with = "bastide_engine::exact")]
//!     next_failure_h: f64,
//! }
//! let text = serde_json::to_string(&State { next_failure_h: f64::INFINITY })?;
//! let state: State = serde_json::from_str(&text)?;
//! assert_eq!(state.next_failure_h, f64::INFINITY);
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Deserializer, Serializer};

/// Writes the bits.
///
/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(number.to_bits())
}

/// Reads the bits.
///
/// # Errors
/// Those of the format.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    u64::deserialize(deserializer).map(f64::from_bits)
}
