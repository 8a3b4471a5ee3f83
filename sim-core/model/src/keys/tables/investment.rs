//! Rows of `[[investment]]`.

use bastide_units::{Duration, Money, MoneyRate};

use super::{DURATION, HARDENINGS, NAME, POWER, SOURCE, TITLE, VERIFIED, array, row};
use crate::keys::Kind::{self, Count, OneOf, Quantity, Reference, References};
use crate::keys::Need::{Computed, Default, Optional, Required};
use crate::keys::Range::{AtLeastOne, NotNegative, Positive, Share};
use crate::keys::{TableSpec, unit};

pub(super) const INVESTMENT: TableSpec = array(
    "investment",
    false,
    "What a plan may buy besides accelerators: connection steps, halls, cooling, contracts for accelerators, levers of efficiency, UPS, fuel, hardening, crews, spares.",
    &[
        NAME,
        TITLE,
        row("site", Reference("site"), Optional, "Site that it changes; required unless it is a `speedup`."),
        row("most", Count(AtLeastOne), Default("1"), "How often it may be bought."),
        row("cost", Quantity(unit::<Money>(), NotNegative), Required, "Capital, each time."),
        row(
            "lifetime",
            Quantity(unit::<Duration>(), Positive),
            Computed("plan.building_lifetime"),
            "Time over which the capital is paid off.",
        ),
        row("upkeep", Quantity(unit::<MoneyRate>(), NotNegative), Default("0 EUR/y"), "Yearly cost, each time: staff, licences, rent."),
        row("requires", References("investment"), Default(""), "Investments without which it cannot be bought."),
        row("excludes", References("investment"), Default(""), "Investments that rule it out."),
        row("connection", POWER, Default("0 MW"), "Grid connection that it adds, each time."),
        row("it_power", POWER, Default("0 MW"), "Room for IT power that it adds, each time."),
        row(
            "accelerator",
            Reference("accelerator"),
            Optional,
            "Type of the accelerators that it adds: second-hand, rented, under contract.",
        ),
        row("count", Count(AtLeastOne), Optional, "How many accelerators it adds, each time; with `accelerator`."),
        row("pue", Kind::Ratio(AtLeastOne), Optional, "Power usage effectiveness of the site up to `free_cooling` from then on."),
        row(
            "speedup",
            Kind::Ratio(Positive),
            Optional,
            "Factor on the tokens that an accelerator serves: quantisation, distillation, caches.",
        ),
        row("services", References("service"), Optional, "Services that it speeds up; with `speedup`."),
        row("ups", DURATION, Optional, "How long the UPS carries the load from then on."),
        row("generator_start", Kind::Ratio(Share), Optional, "Probability that the emergency generators start from then on."),
        row("fuel", DURATION, Optional, "How long the fuel lasts from then on."),
        row("hardening", OneOf(HARDENINGS), Default("none"), "How well the site withstands a hit from then on."),
        row("repair_crews", Count(NotNegative), Default("0"), "Repairs at a time that it adds."),
        row("spares", Count(NotNegative), Default("0"), "Spare parts in stock that it adds."),
        SOURCE,
        VERIFIED,
    ],
);
