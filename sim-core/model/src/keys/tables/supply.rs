//! Keys of hazards of supply, markets and law.

use super::{AT, FROM, RATE, REPAIR, UNTIL, row};
use crate::keys::Key;
use crate::keys::Kind::{self, Count, Nations, OneOf, Reference, References, Word, Words};
use crate::keys::Need::{Computed, Default, Optional, Required};
use crate::keys::Range::{NotNegative, Positive, Share};

pub(crate) const ABOVE_CAPS: &[&str] = &["waits", "refused"];
pub(crate) const RULE_CHANGES: &[&str] = &["begins", "ends"];

const PROBABILITY: Key = row("probability", Kind::Ratio(Share), Default("1"), "Probability that an occurrence comes true.");
const LASTS: Key = row("lasts", REPAIR, Optional, "How long it lasts; without, to the end.");
const TYPES: Key = row("accelerators", References("accelerator"), Computed("all"), "Types concerned.");
const NOTICE: Key = row("notice", REPAIR, Default("0 s"), "From the announcement until it takes effect.");
const OPERATORS: &str = "Operators of sites, by the words of `site.operator`.";

pub(super) const EXPORT_CAP: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    TYPES,
    row("nation", Reference("nation"), Required, "Nation whose sites are concerned."),
    row("cap", Count(NotNegative), Required, "Most accelerators of each type that are delivered there while it lasts."),
    row("above", OneOf(ABOVE_CAPS), Default("waits"), "Whether deliveries above the cap come when it is lifted, or never."),
];
pub(super) const DELIVERY_STOP: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    TYPES,
    row("backlog", REPAIR, Default("0 s"), "From the end of the stop until what was held arrives."),
];
pub(super) const PRICE_SHOCK: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    row("energy_price", Kind::Ratio(Positive), Default("1"), "Factor on the price of energy."),
    row("nations", Nations, Computed("all"), "Nations whose buses have that price of energy."),
    row("accelerator_price", Kind::Ratio(Positive), Default("1"), "Factor on the price of accelerators that are delivered meanwhile."),
    TYPES,
];
pub(super) const SPARES_STOP: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    TYPES,
    row("sites", References("site"), Computed("all; none where `repair_pools` stands alone"), "Sites that get no spare parts."),
    row("repair_pools", References("repair_pool"), Default(""), "Repair pools that get no spare parts."),
];
pub(super) const SANCTION: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    row("vendors", Words, Optional, "Vendors whose accelerators are concerned, at every site."),
    row("vendor_nations", Words, Optional, "Nations of vendors, in the same way."),
    row("operators", Words, Optional, OPERATORS),
    row("operator_nations", Nations, Optional, "Nations in which operators of sites are at home."),
    row("licences", REPAIR, Optional, "From the beginning until licences lapse and what is concerned stands still; without, they hold."),
];
pub(super) const OPERATOR_WITHDRAWAL: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    row("operators", Words, Required, OPERATORS),
    NOTICE,
    row("handover", REPAIR, Optional, "From the stop until another operator runs a site; without, never."),
];
pub(super) const MODEL_CHANGE: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    row("models", Words, Optional, "Models that change: all services that use them are concerned."),
    row("services", References("service"), Optional, "Further services concerned."),
    row("requalification", REPAIR, Optional, "Time out of service, drawn for each service."),
    row("throughput", Kind::Ratio(Positive), Default("1"), "Factor on the tokens per second of an accelerator while it lasts."),
];
pub(super) const RULE_CHANGE: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    row("rule", Reference("rule"), Required, "Which rule."),
    row(
        "change",
        OneOf(RULE_CHANGES),
        Required,
        "Whether it comes into force or ceases to be, whatever its dates; afterwards its dates hold again.",
    ),
];
pub(super) const MEMBER_EXIT: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    row("nation", Reference("nation"), Required, "Which nation."),
    row("group", Word, Required, "The group that it leaves."),
    NOTICE,
];
pub(super) const SUSPENSION: &[Key] = &[
    AT,
    RATE,
    FROM,
    UNTIL,
    PROBABILITY,
    LASTS,
    row("services", References("service"), Required, "Services that may not run."),
    row("nations", Nations, Computed("all"), "Nations at whose sites they may not run."),
];
