//! Electric-network mathematics on plain arrays.
//!
//! [`Case`] is a network as MATPOWER's files have it: [`dc_flow`] gives its flows, [`Sensitivity`] their factors, [`opf`] its cheapest dispatch,
//! [`Contingency`] what an outage does, [`Cascade`] and [`RatedCascade`] what follows, [`restoration()`] the way back. [`adequacy`] asks whether
//! there is enough, and for how much AI load.
//!
//! [`Dispatcher`] answers, every hour of every replication: which offers run, how much power crosses each line, who is
//! shed, and what one more megawatt costs at each bus. The network is a transport model (net transfer capacities
//! between zones); the answer is an exact optimum of the linear programme, with valid dual prices.
//!
//! ```
//! use bastide_grid::{Dispatch, Dispatcher, Line, Load, Network, Offer};
//!
//! // A cheap zone (0) and a dear one (1), joined by a line of 50 MW.
//! let network = Network { buses: 2, lines: vec![Line { from: 0, to: 1 }] };
//! let offers = [Offer { bus: 0, cost_eur_per_mwh: 20.0 }, Offer { bus: 1, cost_eur_per_mwh: 90.0 }];
//! let loads = [Load { bus: 1, value_eur_per_mwh: 8000.0 }];
//! let mut dispatcher = Dispatcher::new(&network, &offers, &loads)?;
//! let mut out = Dispatch::default();
//! dispatcher.solve(&[200.0, 200.0], &[80.0], &[50.0], &[50.0], &mut out);
//! assert_eq!(out.generation_mw, [50.0, 30.0]);
//! assert_eq!(out.flow_mw, [50.0]);
//! assert_eq!(out.price_eur_per_mwh, [20.0, 90.0]);
//! # Ok::<(), bastide_grid::GridError>(())
//! ```
//!
//! Numbers in arrays are bare `f64` with the unit in the name of the array; single values are quantities of
//! `bastide-units`.
//!
//! Architecture invariant: no clock, no files, no ids; buses, lines, units and loads are positions in arrays. Only adequacy and blackout sizes
//! draw, from counter-based streams, so that nothing depends on threads. What has a memory (a [`Dispatcher`], an [`opf::Opf`]) gives
//! an answer that does not depend on it. Solvers are named in `opf/highs.rs` and `opf/interior.rs` alone.

#![forbid(unsafe_code)]

pub mod adequacy;
mod cascade;
mod case;
mod contingency;
mod dispatch;
mod dispatcher;
mod factor;
mod flow;
mod matpower;
mod network;
pub mod opf;
mod restoration;
mod sensitivity;
mod topology;

pub use cascade::{
    BlackoutSizes, Cascade, CascadeEnd, CascadeModel, CascadeScratch, CascadeStep, Frequency, Loss, Outcome, RatedCascade, RatedRules,
    RatedScratch, Swing, SwingOutcome, blackout_sizes,
};
pub use case::{Branch, Bus, BusKind, Case, Cost, DcLine, Generator};
pub use contingency::{Contingency, Element, Outage, OutageScratch, Overload, PairOutage, PairScreening, PickUp, Screening, Splits};
pub use dispatch::Dispatch;
pub use dispatcher::Dispatcher;
pub use factor::{Factor, Singular};
pub use flow::{Convention, DcFlow, DcNetwork, Islands, dc_flow, injections};
pub use matpower::{CaseError, read_matpower, write_matpower};
pub use network::{GridError, Line, Load, Network, Offer};
pub use restoration::{Restoration, RestorationAction, RestorationRules, ZoneRestoration, restoration};
pub use sensitivity::Sensitivity;
pub use topology::bridges;
