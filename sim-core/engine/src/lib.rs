//! The machinery under every simulation: pending events, integer time, random streams, estimates, replications.
//!
//! The parts know nothing of sites or grids. A simulation owns a [`Queue`] of its own plain event type, draws from
//! [`Stream`]s that belong to an entity and a purpose, tells an [`Observer`] what happens, lets a [`Pool`] run many
//! replications, and condenses what they return into an [`Estimate`]. The chapter `docs/engine.md` shows each part at work;
//! two whole programs are in `examples`.
//!
//! Architecture invariants: no wall clock, no hash map, no global state, no text. The same seed gives the same bytes with
//! one thread and with many, because a draw is a function of (seed, replication, stream key, index), events are ordered by
//! (time, class, sequence), and estimates are summed in replication order.
//!
//! # A queue with three servers (M/M/3)
//!
//! ```
//! use std::{collections::VecDeque, sync::atomic::AtomicBool};
//! use bastide_engine::{Estimate, Pool, Queue, Stream, stream_key};
//! use bastide_units::{Duration, Time};
//!
//! #[derive(Clone, Copy)]
//! enum Event { Arrival, Departure }
//!
//! /// Mean wait [s] of 20,000 customers who come every 0.5 s on average; a service takes 1 s on average.
//! fn mean_wait(replication: u32) -> f64 {
//!     let mut arrivals = Stream::new(7, replication, stream_key("shop", "arrival"));
//!     let mut services = Stream::new(7, replication, stream_key("shop", "service"));
//!     let (between, service) = (Duration::from_s(0.5), Duration::from_s(1.0));
//!     let mut queue = Queue::new();
//!     let mut waiting: VecDeque<Time> = VecDeque::new();
//!     let (mut idle, mut served, mut waited) = (3, 0, 0.0);
//!     queue.schedule(Time::ZERO, 1, Event::Arrival);
//!     while let Some((now, _, event)) = queue.pop() {
//!         match event {
//!             Event::Arrival => {
//!                 waiting.push_back(now);
//!                 queue.schedule(now + arrivals.exponential_duration(between), 1, Event::Arrival);
//!             }
//!             Event::Departure => idle += 1,
//!         }
//!         while idle > 0 && let Some(since) = waiting.pop_front() {
//!             idle -= 1;
//!             served += 1;
//!             waited += (now - since).as_s();
//!             queue.schedule(now + services.exponential_duration(service), 0, Event::Departure);
//!         }
//!         if served >= 20_000 { break }
//!     }
//!     waited / f64::from(served)
//! }
//!
//! let waits = Pool::new(2).replicate(0..10, &AtomicBool::new(false), &|_| (), mean_wait);
//! let waits: Vec<f64> = waits.into_iter().flatten().collect();
//! let estimate = Estimate::of(&waits).expect("ten replications");
//! // Erlang C (Erlang 1917): 0.4444 s.
//! assert!((estimate.mean - 4.0 / 9.0).abs() < 0.04, "{estimate:?}");
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod distribution;
mod empirical;
mod estimate;
pub mod exact;
mod gauge;
mod logarithm;
mod observer;
mod philox;
mod poisson_process;
mod queue;
mod random;
mod replicate;
mod special;

pub use distribution::Distribution;
pub use empirical::Empirical;
pub use estimate::{Estimate, cvar, quantile};
pub use gauge::{TimeBelow, TimeWeighted};
pub use observer::Observer;
pub use philox::philox4x32;
pub use poisson_process::PoissonProcess;
pub use queue::{EventId, Queue};
pub use random::{Stream, derive_key, stream_key};
pub use replicate::{Pool, replicate};

/// The code of the chapter on this crate is compiled and run with the crate's own.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/engine.md")]
struct Chapter;
