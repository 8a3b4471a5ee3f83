//! What a plan must reach in simulation.

use super::Planning;
use crate::source::Span;

/// How a plan is verified: simulated, and made again until it serves what it must.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Where the scenario asks for it; `None` where it does not.
    pub span: Option<Span>,
    /// Least share of each tier's demand that must be served in simulation; `None` for no target.
    pub target: [Option<f64>; 4],
    /// Histories of each round.
    pub replications: u32,
    /// Most rounds.
    pub rounds: u32,
}

/// Histories of a round where nobody says how many. As `keys/tables/verification.rs`.
const REPLICATIONS: u32 = 40;
/// Most rounds where nobody says how many. As `keys/tables/verification.rs`.
const ROUNDS: u32 = 8;

impl Planning {
    /// How the plan is verified: as `verify` says, or with `min_service` as the target.
    #[must_use]
    pub fn verification(&self) -> Verification {
        let by_default = Verification { span: None, target: self.min_service, replications: REPLICATIONS, rounds: ROUNDS };
        self.verification.clone().unwrap_or(by_default)
    }
}
