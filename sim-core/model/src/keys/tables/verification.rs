//! Keys of `verify` in `[plan]`.

use super::Kind::{Count, RatiosOf};
use super::Need::{Computed, Default};
use super::{TIERS, row, single};
use crate::keys::Range::AtLeastOne;
use crate::keys::TableSpec;

pub(crate) const VERIFICATION: TableSpec = single(
    "verify",
    false,
    "What the simulated plan must reach.",
    &[
        row("target", RatiosOf(TIERS), Computed("`min_service`"), "Least share of each tier's demand that must be served in simulation."),
        row("replications", Count(AtLeastOne), Default("40"), "Histories of each round."),
        row("rounds", Count(AtLeastOne), Default("8"), "Most rounds of planning and simulation."),
    ],
);
