//! Strikes: munitions, defences, what a hit does.

use bastide_engine::Distribution;
use bastide_units::{Length, Mass, Rate};

use super::{Aim, Entity, MunitionId, Place, Target};

/// A type of munition.
#[derive(Clone, Debug)]
pub struct Munition {
    /// Name.
    pub entity: Entity,
    /// Probability that one is intercepted on its way, where the campaign does not say.
    pub interception: f64,
    /// Circular error probable: half of them fall within this distance of the mark.
    pub cep: Length,
    /// Explosive, as TNT; `None` if only the damage of hits is known.
    pub warhead: Option<Mass>,
}

/// Air defence of an area.
#[derive(Clone, Debug)]
pub struct Defence {
    /// Name.
    pub entity: Entity,
    /// What it defends wherever it stands.
    pub targets: Vec<Target>,
    /// Centre and radius of what it defends besides: all that stands at a known place within.
    pub area: Option<(Place, Length)>,
    /// Probability that one shot brings a munition down, by type; zero for types that it does not reach.
    pub interception: Vec<f64>,
    /// The same for munitions without a type.
    pub interception_untyped: f64,
    /// Most shots at one munition; the next is fired when the one before has missed.
    pub shots: u32,
    /// Interceptors in stock at the start; `None` for a stock that never ends.
    pub interceptors: Option<u32>,
    /// At which the stock is filled up again.
    pub resupply: Rate,
}

/// Munitions of one type in a salvo.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Type; `None` if the campaign knows none.
    pub munition: Option<MunitionId>,
    /// How many, rounded to a whole number.
    pub count: Distribution,
}

/// What one hit does.
#[derive(Clone, Debug, PartialEq)]
pub enum Harm {
    /// Probability that it takes the target out, by hardening (none, hardened, bunker); lines, links, buses and generators count as none.
    Out([f64; 3]),
    /// Probability of damage of each state or worse, by hardening.
    States([[f64; 3]; 3]),
    /// Damage by distance and warhead, by hardening.
    Blast([Fragility; 3]),
}

/// Fragility by scaled distance: damage of a state or worse has probability `Phi(ln(median / Z) / dispersion)` at the distance R from W kg
/// of TNT, with Z = R / W^(1/3) (Hopkinson 1915, Cranz 1926).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fragility {
    /// Scaled distance at which half suffer light, heavy damage, or destruction [m/kg^(1/3)]; falling.
    pub median: [f64; 3],
    /// Standard deviation of its logarithm.
    pub dispersion: f64,
}

impl Fragility {
    /// Curves by hardening where a scenario gives none. Ordinary buildings: windows shatter at 6.9 kPa, walls of concrete blocks at 17 kPa,
    /// buildings are destroyed at 69 kPa (Clancey 1972; Glasstone and Dolan 1977, table 5.145). At these overpressures a burst on the ground
    /// has the scaled distances below (Kingery and Bulmash 1984, as simplified by Swisdak 1994). Hardened: 21, 69 and 207 kPa; bunkers:
    /// 207, 690 and 1380 kPa; assumptions, as is the dispersion.
    pub const PUBLISHED: [Self; 3] = [
        Self { median: [18.1, 9.1, 3.88], dispersion: 0.3 },
        Self { median: [7.93, 3.88, 2.3], dispersion: 0.3 },
        Self { median: [2.3, 1.36, 0.99], dispersion: 0.3 },
    ];
}

/// What damage of one state means.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Time out of service once a crew is there \[s\].
    pub repair: Distribution,
    /// Share of a hit site's nodes destroyed for good.
    pub nodes_destroyed: f64,
    /// Probability that the copies in the storage of a hit site are lost.
    pub storage_lost: f64,
}

/// What sites near a hit share.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedArea {
    /// How near.
    pub radius: Length,
    /// Probability that a hit cuts what they share.
    pub probability: f64,
    /// Time out \[s\].
    pub outage: Distribution,
}

/// A second strike at those who repair.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowUp {
    /// Probability after each damage.
    pub probability: f64,
    /// Time after the hit \[s\].
    pub after: Distribution,
    /// What it adds to the repair \[s\].
    pub repair: Distribution,
    /// How long a crew that is at work there is lost to its pool \[s\].
    pub crew_out: Distribution,
}

/// A campaign of salvos.
#[derive(Clone, Debug, PartialEq)]
pub struct Strike {
    /// Munitions of one salvo, in the order in which they come.
    pub munitions: Vec<Group>,
    /// Probability that one munition is intercepted before any defence of its mark; `None` leaves it to the munitions.
    pub interception: Option<f64>,
    /// How the attacker chooses.
    pub aim: Aim,
    /// For [`Aim::Adaptive`]: what a megawatt of training counts beside one that serves.
    pub training_weight: f64,
    /// What a hit does.
    pub harm: Harm,
    /// What damage means, by state; all the same without states.
    pub effects: [Effect; 3],
    /// What sites near a hit share.
    pub area: Option<SharedArea>,
    /// Second strikes.
    pub follow_up: Option<FollowUp>,
    /// How long the fire service cuts a struck site off from the grid and from its generators \[s\].
    pub fire_cutoff: Option<Distribution>,
}

impl Strike {
    /// Whether hits have states of damage.
    #[must_use]
    pub const fn has_states(&self) -> bool {
        !matches!(self.harm, Harm::Out(_))
    }
}
