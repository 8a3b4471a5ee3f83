//! Planning under uncertainty: rows of `[[outlook]]`, `[[outage]]`, and tables of `[plan]`.

use super::Kind::{Count, Ratio, RatiosBy, RatiosOf, Words};
use super::Need::{Computed, Default, Required};
use super::{NAME, SOURCE, TIERS, TITLE, VERIFIED, array, growth, row, single};
use crate::keys::Range::{AtLeastOne, NotNegative, Positive, Share};
use crate::keys::{Key, TableSpec};

/// Classes of assets that can be lost one by one.
pub(crate) const ASSETS: &[&str] = &["site", "link", "line", "bus", "vendor"];

const DEFAULT_DEMAND: Key = row("default_demand", Ratio(NotNegative), Default("1"), "Factor on all other demand.");

pub(super) const OUTLOOK: TableSpec = array(
    "outlook",
    false,
    "A possible future against which the plan is made. The first is the nominal one.",
    &[
        NAME,
        TITLE,
        row("probability", Ratio(Share), Required, "Probability; those of all outlooks sum to 1, of those with a `parent` given that."),
        row("availability", RatiosBy("site", Share), Default(""), "Share of a site's accelerators that can be used."),
        row("default_availability", Ratio(Share), Default("1"), "That share at all other sites."),
        row("demand", RatiosBy("service or tier", NotNegative), Default(""), "Factor on the demand of a service, or of a tier's services."),
        DEFAULT_DEMAND,
        row("energy_price", RatiosBy("bus", NotNegative), Default(""), "Factor on the energy price at a bus."),
        row("default_energy_price", Ratio(NotNegative), Default("1"), "Factor at all other buses."),
        growth::PARENT,
        growth::FROM_THEN,
        growth::ACCELERATOR_PRICE,
        growth::DELIVERIES,
        growth::DELAY,
        growth::HOSTING,
        SOURCE,
        VERIFIED,
    ],
);

pub(super) const OUTAGE: TableSpec = array(
    "outage",
    false,
    "An outage in which the least service must still be given.",
    &[
        NAME,
        TITLE,
        row("down", Words, Required, "What is lost at once: `site.riga`, `link.x`, `line.y`, `bus.z`, `vendor.v`."),
        row("demand", RatiosBy("tier", NotNegative), Default(""), "Factor on the demand of a tier."),
        DEFAULT_DEMAND,
        row("min_service", RatiosOf(TIERS), Computed("that of `[plan]`"), "Least share of each tier's demand that must be served."),
        SOURCE,
        VERIFIED,
    ],
);

pub(crate) const CVAR: TableSpec = single(
    "cvar",
    false,
    "Weight on the worst outlooks: conditional value at risk of the cost of unserved demand.",
    &[
        row("level", Ratio(NotNegative), Default("95 %"), "Confidence level, above 0 and below 1."),
        row("weight", Ratio(NotNegative), Required, "Weight in the objective, beside the expected cost."),
    ],
);

pub(crate) const DEMAND_BUDGET: TableSpec = single(
    "demand_budget",
    false,
    "How much of demand may rise at once.",
    &[
        row("services", Count(AtLeastOne), Required, "Most services whose demand rises at once."),
        row("rise", Ratio(Positive), Required, "Share by which it rises."),
    ],
);
