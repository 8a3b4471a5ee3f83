//! Strikes and repair after damage: rows of `[[munition]]`, `[[defence]]`, `strike-campaign` and `[[repair_pool]]`.

use bastide_units::{Duration, Length, Mass, Rate};

use super::Kind::{Count, Distribution, Munitions, OneOf, Quantity, Ratio, RatioByMunition, Table, Tables, Targets, Text};
use super::Need::{Computed, Default, Optional, Required};
use super::{
    AIMS, AT, FROM, HARDENINGS, LATITUDE, LONGITUDE, NAME, RATE, REPAIR, SOURCE, TITLE, UNTIL, VERIFIED, array, row, single, unit,
};
use crate::keys::Range::{AtLeastOne, NotNegative, Positive, Share};
use crate::keys::{Key, TableSpec};

pub(crate) const REPAIR_ORDERS: &[&str] = &["first-come", "value"];
pub(crate) const SPARE_DAMAGES: &[&str] = &["every", "heavy", "destroyed"];
pub(crate) const DAMAGES: [&str; 3] = ["light", "heavy", "destroyed"];

const HARDENING: Key =
    row("hardening", OneOf(HARDENINGS), Required, "Hardening that it is about; others take that of the next weaker one.");

pub(crate) const STATES: TableSpec = single(
    "states",
    false,
    "Probability of each state of damage by one hit.",
    &[
        HARDENING,
        row("light", Ratio(Share), Default("0"), "Probability of light damage."),
        row("heavy", Ratio(Share), Default("0"), "Probability of heavy damage."),
        row("destroyed", Ratio(Share), Default("0"), "Probability of destruction."),
    ],
);

pub(crate) const FRAGILITY: TableSpec = single(
    "fragility",
    false,
    "Scaled distances, in m/kg^(1/3) of TNT, at which half of all targets suffer damage.",
    &[
        HARDENING,
        row("light", Ratio(Positive), Required, "Scaled distance of light damage or worse."),
        row("heavy", Ratio(Positive), Required, "Scaled distance of heavy damage or worse."),
        row("destroyed", Ratio(Positive), Required, "Scaled distance of destruction."),
        row("dispersion", Ratio(NotNegative), Default("0.3"), "Standard deviation of the logarithm of these distances."),
    ],
);

pub(crate) const EFFECTS: TableSpec = single(
    "effects",
    false,
    "What damage of one state means.",
    &[
        row("damage", OneOf(&DAMAGES), Required, "The state."),
        row("repair", REPAIR, Required, "Time out of service once a crew is there."),
        row("nodes_destroyed", Ratio(Share), Default("0"), "Share of a hit site's nodes destroyed for good."),
        row("storage_lost", Ratio(Share), Computed("`nodes_destroyed`"), "Probability that the copies in a hit site's storage are lost."),
    ],
);

pub(crate) const SHARED_AREA: TableSpec = single(
    "area",
    false,
    "What sites near a hit share: power, water, fibre of one quarter.",
    &[
        row("radius", Quantity(unit::<Length>(), Positive), Required, "How near."),
        row("probability", Ratio(Share), Required, "Probability that one hit cuts it, for all sites within together."),
        row("outage", REPAIR, Required, "Time out."),
    ],
);

pub(crate) const FOLLOW_UP: TableSpec = single(
    "follow_up",
    false,
    "A second strike at those who repair.",
    &[
        row("probability", Ratio(Share), Required, "Probability after each damage."),
        row("after", REPAIR, Required, "Time after the hit."),
        row("repair", REPAIR, Default("0 s"), "What it adds to the repair, if that is not done yet."),
        row("crew_out", REPAIR, Default("0 s"), "How long a crew that is at work there is lost to its pool."),
    ],
);

pub(super) const MUNITION: TableSpec = array(
    "munition",
    false,
    "A type of munition.",
    &[
        NAME,
        TITLE,
        row("interception", Ratio(Share), Default("0"), "Probability that one is intercepted on its way, where the campaign does not say."),
        row(
            "cep",
            Quantity(unit::<Length>(), NotNegative),
            Default("0 m"),
            "Circular error probable: half fall within this distance of the mark.",
        ),
        row("warhead", Quantity(unit::<Mass>(), Positive), Optional, "Explosive, as TNT; needed where damage follows distance."),
        SOURCE,
        VERIFIED,
    ],
);

pub(super) const DEFENCE: TableSpec = array(
    "defence",
    false,
    "Air defence of an area, after whatever intercepts on the way.",
    &[
        NAME,
        TITLE,
        row("targets", Targets, Optional, "What it defends, wherever it stands."),
        LATITUDE,
        LONGITUDE,
        row("radius", Quantity(unit::<Length>(), Positive), Optional, "It also defends what stands this near to `latitude`, `longitude`."),
        row(
            "interception",
            RatioByMunition,
            Required,
            "Probability that one shot brings a munition down: a ratio, or `{ drone = 0.8 }` by type.",
        ),
        row("shots", Count(AtLeastOne), Default("1"), "Most shots at one munition, one after the other."),
        row("interceptors", Count(NotNegative), Computed("any number"), "Interceptors in stock at the start, and at most."),
        row(
            "resupply",
            Quantity(unit::<Rate>(), NotNegative),
            Default("0 / d"),
            "Interceptors that come per time, one by one from the start on, while there is room.",
        ),
        SOURCE,
        VERIFIED,
    ],
);

pub(super) const STRIKE_CAMPAIGN: &[Key] = &[
    row(
        "targets",
        Targets,
        Computed("`sequence`"),
        "What it may aim at: `site.riga`, `line.lt-pl`, `generator.x`, `link.y`, `bus.z`, `facility.w`, `site.*`.",
    ),
    AT,
    RATE,
    FROM,
    UNTIL,
    row(
        "munitions",
        Munitions,
        Required,
        "Munitions per salvo: a number, a distribution of it, or either by type: `{ drone = 30, ballistic = 4 }`.",
    ),
    row(
        "interception",
        Ratio(Share),
        Computed("that of each `[[munition]]`"),
        "Probability that one munition is intercepted on its way; required without types.",
    ),
    row("aim", OneOf(AIMS), Default("random"), "How the attacker chooses."),
    row("sequence", Targets, Optional, "Marks in their order, again and again, for `aim = \"list\"`, which needs it."),
    row(
        "training_weight",
        Ratio(NotNegative),
        Default("1"),
        "For `aim = \"adaptive\"`: what a MW of training counts beside one that serves.",
    ),
    row(
        "damage",
        super::RatiosOf(HARDENINGS),
        Optional,
        "Probability that one hit takes the target out, by hardening; or give `states` or `fragility`.",
    ),
    row(
        "states",
        Tables(&STATES),
        Optional,
        "Probability of each state of damage by hardening: `[{ hardening = \"none\", light = 0.3, heavy = 0.4 }]`.",
    ),
    row(
        "fragility",
        Tables(&FRAGILITY),
        Computed("published curves"),
        "Damage by distance and warhead, by hardening; without `damage` and `states`.",
    ),
    row(
        "effects",
        Tables(&EFFECTS),
        Optional,
        "What damage of each state means; `repair` and `nodes_destroyed` hold for states not listed.",
    ),
    row("repair", REPAIR, Optional, "Time out of service; required unless `effects` say it for every state."),
    row("nodes_destroyed", Ratio(Share), Default("0"), "Share of a hit site's nodes destroyed for good."),
    row("area", Table(&SHARED_AREA), Optional, "What sites near a hit share."),
    row("follow_up", Table(&FOLLOW_UP), Optional, "Second strikes at those who repair."),
    row("fire_cutoff", REPAIR, Optional, "How long the fire service cuts a struck site off from the grid and from its own generators."),
];

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
