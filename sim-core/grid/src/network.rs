//! What exists: buses, lines, offers and loads, by index.

/// An electric network of buses (zones) joined by lines (net transfer capacities).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Number of buses -- constant. A bus is a number below this one.
    pub buses: usize,
    /// Lines between buses -- constant. Several lines may join the same two buses.
    pub lines: Vec<Line>,
}

/// A line between two buses. Its limits are given at each solve, so that an outage is a limit of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Bus where a positive flow leaves -- constant.
    pub from: usize,
    /// Bus where a positive flow arrives -- constant.
    pub to: usize,
}

/// A class of generation at one bus. Its available power is given at each solve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// Bus that it feeds -- constant.
    pub bus: usize,
    /// Marginal cost [EUR/MWh] -- constant. May be negative (subsidised or must-run generation).
    pub cost_eur_per_mwh: f64,
}

/// A block of demand at one bus. Its demand is given at each solve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Bus that feeds it -- constant.
    pub bus: usize,
    /// Value of lost load [EUR/MWh] -- constant. At one bus the lowest value is shed first, and among equal values the
    /// lowest index; a load whose value is below the price goes without power.
    pub value_eur_per_mwh: f64,
}

/// Why no [`crate::Dispatcher`] can be built. Nothing is left behind; correct the arrays and build again.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum GridError {
    /// A line, an offer or a load names a bus that is not in the network. Fatal.
    #[error("{what} {index} is at bus {bus}, but the network has {buses} buses")]
    UnknownBus {
        /// `line`, `offer` or `load`.
        what: &'static str,
        /// Which of them.
        index: usize,
        /// The bus that it names.
        bus: usize,
        /// Number of buses of the network.
        buses: usize,
    },
    /// A line joins a bus to itself. Fatal.
    #[error("line {index} joins bus {bus} to itself")]
    LoopLine {
        /// Which line.
        index: usize,
        /// The bus at both of its ends.
        bus: usize,
    },
    /// A cost or a value of lost load is not a finite number. Fatal.
    #[error("{what} {index} has no finite price: {value}")]
    PriceNotFinite {
        /// `offer` or `load`.
        what: &'static str,
        /// Which of them.
        index: usize,
        /// Its cost or value [EUR/MWh].
        value: f64,
    },
    /// A susceptance is not a finite number, or the susceptances define no flow. Fatal.
    #[error("line {line} has no usable susceptance")]
    Susceptance {
        /// Which line; 0 where negative susceptances cancel the others.
        line: usize,
    },
    /// More buses, offers and loads than the integer prices of the algorithm can tell apart. Fatal.
    #[error("the network is too large for exact tie-breaking: {buses} buses, {blocks} offers and loads")]
    TooLarge {
        /// Number of buses.
        buses: usize,
        /// Number of offers and loads.
        blocks: usize,
    },
}

impl Network {
    /// Checks that every index exists and every price is finite.
    ///
    /// # Errors
    /// The first mistake, in the order lines, offers, loads.
    pub fn check(&self, offers: &[Offer], loads: &[Load]) -> Result<(), GridError> {
        let at = |what, index, bus| {
            if bus < self.buses { Ok(()) } else { Err(GridError::UnknownBus { what, index, bus, buses: self.buses }) }
        };
        let finite = |what, index, value: f64| {
            if value.is_finite() { Ok(()) } else { Err(GridError::PriceNotFinite { what, index, value }) }
        };
        for (index, line) in self.lines.iter().enumerate() {
            at("line", index, line.from)?;
            at("line", index, line.to)?;
            if line.from == line.to {
                return Err(GridError::LoopLine { index, bus: line.from });
            }
        }
        for (index, offer) in offers.iter().enumerate() {
            at("offer", index, offer.bus)?;
            finite("offer", index, offer.cost_eur_per_mwh)?;
        }
        for (index, load) in loads.iter().enumerate() {
            at("load", index, load.bus)?;
            finite("load", index, load.value_eur_per_mwh)?;
        }
        Ok(())
    }
}
