//! `predict train --islands`: training over slow links.

use bastide_cost_models::compute::low_communication::{Exchange, Link, Workers, bandwidth_for, traffic, utilisation};
use bastide_units::{Bandwidth, Duration, Quantity, format_significant};
use serde_json::{Value, json};

use crate::args::{ExchangeArg, TrainInput};
use crate::exit::Failure;

/// Layers of a fragment of streaming exchange (Douillard et al. 2025, section 3).
const FRAGMENT_LAYERS: f64 = 3.0;
/// Steps beside which a fragment travels (the same).
const OVERLAP: f64 = 5.0;
/// Utilisations whose bandwidth is asked for.
const SHARES: [f64; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];

/// What the link lets through.
pub struct Islands {
    /// Islands.
    pub count: u32,
    /// Share of the time that islands compute.
    pub utilisation: f64,
    /// Bytes that an island sends in a round \[B\].
    traffic: f64,
    /// Bandwidth for each of the utilisations \[bit/s\].
    needed: Vec<(f64, Option<f64>)>,
}

impl Islands {
    /// From the command line; `step` is the time of an island's step \[s\].
    pub fn of(args: &TrainInput, parameters: f64, layers: f64, step: f64) -> Result<Option<Self>, Failure> {
        let Some(count) = args.islands else { return Ok(None) };
        let wrong = |key: &str, text: &str, example: &str| {
            Failure::hinted(format!("`{text}` is not a {key}"), format!("for example \"{example}\""))
        };
        let bandwidth = Bandwidth::parse(&args.link).ok().filter(|it| it.as_gb_per_s() > 0.0);
        let bandwidth = bandwidth.ok_or_else(|| wrong("bandwidth above zero", &args.link, "10 Gbit/s"))?;
        let round_trip = Duration::parse(&args.round_trip).ok().filter(|it| it.as_s() >= 0.0);
        let round_trip = round_trip.ok_or_else(|| wrong("round trip", &args.round_trip, "30 ms"))?.as_s();
        let workers = Workers { parameters, layers, step_time: step, count: f64::from(count) };
        let inner = f64::from(args.inner_steps);
        let exchange = match args.exchange {
            ExchangeArg::DataParallel => Exchange::DATA_PARALLEL,
            ExchangeArg::Diloco => Exchange::diloco(inner),
            ExchangeArg::Streaming => {
                Exchange::streaming(inner, (layers / FRAGMENT_LAYERS).ceil().min(inner)).overlapped(OVERLAP.min(inner))
            }
            ExchangeArg::Eager => Exchange::eager(inner),
        }
        .quantised(args.bits);
        let link = Link { bandwidth: bandwidth.as_gb_per_s() * 8e9, round_trip };
        Ok(Some(Self {
            count,
            utilisation: utilisation(&workers, &exchange, &link),
            traffic: traffic(&workers, &exchange) / 8.0,
            needed: SHARES.map(|share| (share, bandwidth_for(&workers, &exchange, round_trip, share))).to_vec(),
        }))
    }

    pub fn document(&self) -> Value {
        let needed: Vec<_> =
            self.needed.iter().map(|(share, bits)| json!({ "utilisation": share, "gbit_per_s": bits.map(|it| it / 1e9) })).collect();
        json!({ "islands": self.count, "utilisation": self.utilisation, "bytes_per_round": self.traffic, "bandwidth_for": needed })
    }

    pub fn lines(&self) -> Vec<String> {
        let needed: Vec<String> = self
            .needed
            .iter()
            .map(|(share, bits)| {
                let bits = bits.map_or_else(|| "none".to_owned(), |it| format!("{} Gbit/s", format_significant(it / 1e9, 3)));
                format!("{:.0} %: {bits}", share * 100.0)
            })
            .collect();
        vec![
            format!(
                "islands         {}, each computes {:.2} % of the time and sends {} GB a round",
                self.count,
                self.utilisation * 100.0,
                format_significant(self.traffic / 1e9, 4)
            ),
            format!("link needed     {}", needed.join(", ")),
        ]
    }
}
