//! The answer of one solve.

use bastide_units::{Duration, Money, MoneyRate, Power};

use crate::network::{Load, Network, Offer};

/// A least-cost dispatch: who generates, who is shed, what flows, and the price at each bus.
///
/// Made once with [`Dispatch::default`] and filled by every [`crate::Dispatcher::solve`]; its arrays take their lengths
/// at the first solve and are never allocated again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatch {
    /// Generation by offer \[MW\] -- output.
    pub generation_mw: Vec<f64>,
    /// Demand that is not served, by load \[MW\] -- output.
    pub shed_mw: Vec<f64>,
    /// Flow by line, positive from `from` to `to` \[MW\] -- output.
    pub flow_mw: Vec<f64>,
    /// Price by bus [EUR/MWh] -- output. What the next megawatt costs when every bus asks for a little more; never above the
    /// highest value of lost load of the whole network, and equal to it where nothing more can be generated or shed.
    /// An optimal dual of the bus balances. Without any load the cap is the dearest offer.
    pub price_eur_per_mwh: Vec<f64>,
    /// Cost of generation plus value of shed demand [EUR/h] -- output. The objective of the linear programme.
    pub cost_eur_per_h: f64,
    /// Cost of generation alone [EUR/h] -- output.
    pub generation_cost_eur_per_h: f64,
    /// Sum of [`Self::generation_mw`] \[MW\] -- output.
    pub total_generation_mw: f64,
    /// Sum of [`Self::shed_mw`] \[MW\] -- output.
    pub total_shed_mw: f64,
    /// Pivots that this solve needed -- output; zero when the last basis still holds. It depends on what was solved before,
    /// as nothing else here does.
    pub pivots: u32,
    /// Whether the dispatch is an optimum -- output. False only after the pivot limit, a safety net that no known case
    /// reaches; the dispatch is then feasible, each bus for itself, with all lines at zero.
    pub optimal: bool,
}

impl Dispatch {
    /// Gives the arrays their lengths; allocates only when they change.
    pub(crate) fn resize(&mut self, buses: usize, lines: usize, offers: usize, loads: usize) {
        self.generation_mw.resize(offers, 0.0);
        self.shed_mw.resize(loads, 0.0);
        self.flow_mw.resize(lines, 0.0);
        self.price_eur_per_mwh.resize(buses, 0.0);
    }

    /// Cost of generation plus value of shed demand.
    #[must_use]
    pub fn cost(&self) -> MoneyRate {
        Money::from_eur(self.cost_eur_per_h) / Duration::from_h(1.0)
    }

    /// Power that is generated.
    #[must_use]
    pub fn generation(&self) -> Power {
        Power::from_mw(self.total_generation_mw)
    }

    /// Demand that is not served.
    #[must_use]
    pub fn shed(&self) -> Power {
        Power::from_mw(self.total_shed_mw)
    }

    /// Available power of one offer that is not used: reserve of a power plant, curtailment of wind and sun.
    #[must_use]
    pub fn unused(&self, offer: usize, available_mw: &[f64]) -> Power {
        Power::from_mw((available_mw[offer] - self.generation_mw[offer]).max(0.0))
    }

    /// What the lines earn: flow times the difference of the prices at their ends.
    #[must_use]
    pub fn congestion_rent(&self, network: &Network) -> MoneyRate {
        let price = &self.price_eur_per_mwh;
        let rent = network.lines.iter().zip(&self.flow_mw).map(|(line, flow)| flow * (price[line.to] - price[line.from]));
        Money::from_eur(rent.sum()) / Duration::from_h(1.0)
    }

    /// Largest imbalance of any bus, in absolute value: generation + shed + inflow - outflow - demand \[MW\].
    ///
    /// Rounding leaves about 1e-13 of the total demand. Where an answer sits within a milliwatt per bus of a tie, up to
    /// `buses * 1e-9 MW` (see [`crate::Dispatcher`]). Allocates: for tests and debug assertions.
    #[must_use]
    pub fn imbalance_mw(&self, network: &Network, offers: &[Offer], loads: &[Load], demand_mw: &[f64]) -> f64 {
        let mut surplus = vec![0.0_f64; network.buses];
        for (offer, mw) in offers.iter().zip(&self.generation_mw) {
            surplus[offer.bus] += mw;
        }
        for ((load, shed), demand) in loads.iter().zip(&self.shed_mw).zip(demand_mw) {
            surplus[load.bus] += shed - demand;
        }
        for (line, flow) in network.lines.iter().zip(&self.flow_mw) {
            surplus[line.from] -= flow;
            surplus[line.to] += flow;
        }
        surplus.iter().fold(0.0, |worst, mw| worst.max(mw.abs()))
    }
}
