//! Repair after damage: rows of `[[repair_pool]]`.

use bastide_units::Duration;

use super::Kind::{Count, Distribution, OneOf, Ratio, Tables, Targets, Text};
use super::Need::{Computed, Default, Optional, Required};
use super::{NAME, REPAIR, SOURCE, TITLE, VERIFIED, array, row, single, unit};
use crate::keys::Range::{AtLeastOne, NotNegative, Share};
use crate::keys::TableSpec;

pub(crate) const REPAIR_ORDERS: &[&str] = &["first-come", "value"];
pub(crate) const SPARE_DAMAGES: &[&str] = &["every", "heavy", "destroyed"];

pub(crate) const DELAY: TableSpec = single(
    "delays",
    false,
    "What may hold a repair up while its crew is on the way.",
    &[
        row("name", Text, Required, "What it is: `weather`, `escort`."),
        row("probability", Ratio(Share), Required, "Probability for each repair."),
        row("delay", Distribution(unit::<Duration>()), Required, "How long it holds the repair up."),
    ],
);

pub(super) const REPAIR_POOL: TableSpec = array(
    "repair_pool",
    false,
    "Crews and spare parts that repair what hazards damage; targets of no pool are repaired at once, each by itself.",
    &[
        NAME,
        TITLE,
        row("for", Targets, Required, "What it repairs: `line.*`, `site.riga`, `bus.x`; each target belongs to at most one pool."),
        row("crews", Count(AtLeastOne), Computed("any number"), "Repairs at a time."),
        row("mobilisation", REPAIR, Default("0 s"), "From the call of a crew to its work on the spot: travel, transit of a ship."),
        row(
            "delays",
            Tables(&DELAY),
            Computed("none"),
            "What may hold a repair up: `[{ name = \"weather\", probability = 0.3, delay = \"4 d\" }]`.",
        ),
        row(
            "spares",
            Count(NotNegative),
            Optional,
            "Spare parts in stock at the start, such as transformers; a repair of heavy damage takes one.",
        ),
        row("spare_lead_time", REPAIR, Optional, "From the use of a spare part to its replacement; required with `spares`."),
        row(
            "spare_for",
            OneOf(SPARE_DAMAGES),
            Default("heavy"),
            "Least damage whose repair takes a spare part; damage without a state always takes one.",
        ),
        row(
            "order",
            OneOf(REPAIR_ORDERS),
            Default("first-come"),
            "Which waiting repair a free crew turns to: the first, or the one of the greatest announced value.",
        ),
        SOURCE,
        VERIFIED,
    ],
);
