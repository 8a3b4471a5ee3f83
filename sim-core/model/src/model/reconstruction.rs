//! Repair after damage: pools of crews and spare parts.

use bastide_engine::Distribution;

use super::{Entity, Target};

/// How badly a thing is damaged. A thing without damage has none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Windows, cabling, cooling: repaired from what is at hand.
    Light,
    /// Structure, transformers, switchgear.
    Heavy,
    /// To be rebuilt.
    Destroyed,
}

impl Damage {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Light, Self::Heavy, Self::Destroyed];
}

/// What may hold a repair up.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairDelay {
    /// What it is, in words.
    pub name: String,
    /// Probability for each repair.
    pub probability: f64,
    /// How long \[s\].
    pub delay: Distribution,
}

/// Which waiting repair a free crew turns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairOrder {
    /// The one that is ready first.
    FirstCome,
    /// The one of the greatest announced value; among equals the first.
    Value,
}

/// Crews and spare parts that repair what hazards damage.
#[derive(Clone, Debug)]
pub struct RepairPool {
    /// Name.
    pub entity: Entity,
    /// What it repairs; no other pool repairs these.
    pub targets: Vec<Target>,
    /// Repairs at a time; `None` for any number.
    pub crews: Option<u32>,
    /// From the call of a crew to its work on the spot \[s\].
    pub mobilisation: Distribution,
    /// What may hold each repair up.
    pub delays: Vec<RepairDelay>,
    /// Spare parts in stock at the start, and the time in which one that was used is replaced \[s\]; `None` for a stock that never ends.
    pub spares: Option<(u32, Distribution)>,
    /// Least damage whose repair takes a spare part; damage without a state always takes one.
    pub spare_for: Damage,
    /// Order of repairs.
    pub order: RepairOrder,
}
