//! Keys of growth over years.

use bastide_units::{Duration, Money, Power, Ratio};

use super::{DURATION, FROM, NAME, SOURCE, TIERS, TIME, TITLE, UNTIL, VERIFIED, array, row};
use crate::keys::Kind::{self, ByYear, Count, Date, Nations, Quantity, QuantityOr, RatiosOf, Reference, References};
use crate::keys::Need::{Computed, Default, Optional, Required};
use crate::keys::Range::{Any, AtLeastOne, NotNegative, Positive, Share};
use crate::keys::{Key, TableSpec, unit};

pub(crate) const PERIODS: &[&str] = &["month", "quarter", "half-year", "year"];

pub(super) const HORIZON: Key = row("horizon", TIME, Optional, "How far to plan: with it, the plan is a roadmap, period by period.");
pub(super) const PERIOD: Key =
    row("period", QuantityOr(unit::<Duration>(), Positive, PERIODS), Computed("quarter"), "Length of a period of the roadmap.");
pub(super) const BUDGET_BY_YEAR: Key = row(
    "budget_by_year",
    ByYear(unit::<Money>(), NotNegative),
    Optional,
    "Most capital paid in each year from the start; the last holds on. `budget` limits all of it.",
);
pub(super) const WAITING_COST: Key = row(
    "waiting_cost",
    Kind::Ratio(NotNegative),
    Computed("0"),
    "Yearly cost of an accelerator that is delivered and not energised, as a share of its price.",
);
pub(super) const SITE_LEAD_TIME: Key =
    row("lead_time", DURATION, Default("0 d"), "In a roadmap: from the decision to build until halls and connection can be used.");
pub(super) const HOSTING_LIMIT_BY_YEAR: Key = row(
    "hosting_limit_by_year",
    ByYear(unit::<Power>(), NotNegative),
    Optional,
    "In a roadmap: the hosting limit in each year from the start; the last holds on.",
);
pub(super) const GROWTH: Key =
    row("growth", Kind::Ratio(Any), Optional, "Growth of the demand per year, from the start on, hour by hour; on top of `profile`.");
pub(super) const DEMAND_BY_YEAR: Key = row(
    "demand_by_year",
    ByYear(unit::<Ratio>(), NotNegative),
    Optional,
    "Factors on the demand at the beginning of each year, straight lines between, constant after the last; instead of `growth`.",
);
pub(super) const ORDER_BOOKS: Key = row(
    "order_books",
    References("order_book"),
    Computed("all"),
    "Order books that a roadmap may use; types without a book are not concerned.",
);
pub(super) const ACCELERATORS: Key =
    row("accelerators", References("accelerator"), Computed("those of `[plan]`"), "Types that a roadmap may buy, of those in `[plan]`.");
pub(super) const EXPORT_CAPS: Key = row("export_caps", References("export_cap"), Computed("all"), "Export caps that hold.");
pub(super) const EXPANSIONS: Key = row("expansions", References("expansion"), Computed("all"), "Expansions that may be built.");
pub(super) const ORDER_FROM: Key = row("order_from", Date, Computed("the start"), "First moment at which a roadmap orders accelerators.");
pub(super) const ORDER_UNTIL: Key = row("order_until", Date, Computed("the end"), "End of orders, not included.");

pub(super) const PARENT: Key =
    row("parent", Reference("outlook"), Optional, "In a roadmap: the outlook that this one follows; siblings sum to 1.");
pub(super) const FROM_THEN: Key =
    row("from", Date, Computed("the second period"), "In a roadmap: when everybody knows; what it says holds from then on.");
pub(super) const ACCELERATOR_PRICE: Key = row(
    "accelerator_price",
    Kind::Ratio(NotNegative),
    Computed("1"),
    "In a roadmap: factor on the price of accelerators that are ordered then.",
);
pub(super) const DELIVERIES: Key = row(
    "deliveries",
    Kind::Ratio(Share),
    Computed("1"),
    "In a roadmap: share of what is due then that arrives; the rest never comes and is not paid.",
);
pub(super) const DELAY: Key = row("delay", DURATION, Computed("0 d"), "In a roadmap: what is due then arrives later by this.");
pub(super) const HOSTING: Key = row("hosting", Kind::Ratio(NotNegative), Computed("1"), "In a roadmap: factor on hosting limits.");

pub(super) const ORDER_BOOK: TableSpec = array(
    "order_book",
    false,
    "Accelerators of one type that may be ordered, when, how many, at what price. A type of `[plan]` without a book can be had at any time.",
    &[
        NAME,
        TITLE,
        row("accelerator", Reference("accelerator"), Required, "Type, one of `accelerators` of `[plan]`."),
        FROM,
        UNTIL,
        row("cap", Count(NotNegative), Optional, "Most that are ordered in all."),
        row(
            "cap_by_year",
            ByYear(unit::<Ratio>(), NotNegative),
            Optional,
            "Most that are ordered in each year from the start of the scenario; the last holds on.",
        ),
        row("cap_per_period", Count(NotNegative), Optional, "Most that are ordered in each period."),
        row("lead_time", DURATION, Computed("that of `[plan]`"), "From order to delivery."),
        row(
            "price",
            Quantity(unit::<Money>(), NotNegative),
            Computed("that of the type"),
            "Price of one at the start, with its share of host, network and storage; fixed at the order, paid at delivery.",
        ),
        row("price_decline", Kind::Ratio(Any), Optional, "Yearly fall of the price; negative where it rises."),
        row(
            "price_by_year",
            ByYear(unit::<Ratio>(), NotNegative),
            Optional,
            "Factors on the price at the beginning of each year, straight lines between, constant after the last; instead of `price_decline`.",
        ),
        row(
            "remaining_life",
            TIME,
            Computed("the lifetime of the type"),
            "Time in service from energised on: shorter for second-hand ones.",
        ),
        row("sites", References("site"), Computed("all candidates"), "Sites that may get them."),
        SOURCE,
        VERIFIED,
    ],
);
pub(super) const EXPORT_CAP: TableSpec = array(
    "export_cap",
    false,
    "In a roadmap: most accelerators delivered to the sites of some nations between two dates, counted together.",
    &[
        NAME,
        TITLE,
        row("nations", Nations, Computed("all"), "Nations whose sites count together; caps that are not pooled are entries of their own."),
        row("accelerators", References("accelerator"), Computed("all"), "Types that count together."),
        row("cap", Count(NotNegative), Required, "Most that are delivered."),
        FROM,
        UNTIL,
        SOURCE,
        VERIFIED,
    ],
);
pub(super) const EXPANSION: TableSpec = array(
    "expansion",
    false,
    "A step by which a site can grow: connection, room, or both.",
    &[
        NAME,
        TITLE,
        row("site", Reference("site"), Required, "Site."),
        row("connection", Quantity(unit::<Power>(), NotNegative), Default("0 MW"), "Connection that a step adds."),
        row(
            "it_power",
            Quantity(unit::<Power>(), NotNegative),
            Computed("`connection` / PUE of the site"),
            "Room for IT power that a step adds.",
        ),
        row("cost", Quantity(unit::<Money>(), NotNegative), Default("0 EUR"), "Cost of a step; its connection costs nothing else."),
        row("lead_time", DURATION, Default("0 d"), "From the decision until a step can be used."),
        row("earliest", Date, Computed("the start"), "First moment at which a step can be used."),
        row("most", Count(AtLeastOne), Default("1"), "Most steps."),
        SOURCE,
        VERIFIED,
    ],
);
pub(super) const MILESTONE: TableSpec = array(
    "milestone",
    false,
    "Least service of a roadmap from a date on.",
    &[
        NAME,
        TITLE,
        row("from", Date, Required, "From when on."),
        row(
            "min_service",
            RatiosOf(TIERS),
            Required,
            "Least share of each tier's demand that must be served; other tiers stay as they were.",
        ),
    ],
);
