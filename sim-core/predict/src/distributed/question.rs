//! A row of a distributed table as a question.

use bastide_cost_models::compute::low_communication::{DecodeChain, Distributed, Exchange, Link, Workers, bandwidth_for, exposed, traffic};
use bastide_cost_models::compute::{Architecture, Device, Format, Term, architecture, device};

use crate::Row;

/// Layers of a fragment of Streaming `DiLoCo`, where the row does not say (Douillard et al. 2025, section 3.1).
const FRAGMENT_LAYERS: f64 = 3.0;
/// Tokens of a step of the 1-billion runs of Douillard et al. 2025: 512 sequences of 2,048.
const STEP_TOKENS: f64 = 1_048_576.0;
/// Share of a bandwidth that reading weights reaches.
const READING: f64 = 0.8;
/// Memory bandwidth of a home computer that runs a part of a model \[B/s\]: two channels of DDR5-4800 at 0.8.
const HOME_BANDWIDTH: f64 = 61e9;
/// Time of a layer's launches in a compiled engine on a home computer \[s\].
const HOME_LAYER: f64 = 1e-4;
/// Time a home computer takes to take up a message \[s\].
const HOME_SERVER: f64 = 5e-3;
/// Round trip between volunteers' servers, where the row does not say \[s\]: Europe and North America.
const VOLUNTEERS_ROUND_TRIP: f64 = 0.06;
/// Bits of a number in plain data parallelism with 32-bit gradients, the yardstick of published reductions.
const PLAIN_BITS: f64 = 32.0;

/// What a row asks, in basic units.
#[derive(Clone)]
pub struct Question<'a> {
    /// The row's metric.
    pub metric: &'a str,
    /// Which publication's conventions the printed value follows.
    pub study: &'static str,
    /// Utilisation of a bandwidth question.
    pub share: Option<f64>,
    row: Row<'a>,
    parameters: f64,
    layers: f64,
    workers: f64,
    shape: Option<&'static Architecture>,
}

impl<'a> Question<'a> {
    /// # Errors
    /// Why the row cannot be answered.
    pub fn of(row: Row<'a>) -> Result<Self, String> {
        let metric = row.get("metric").ok_or("`metric` is empty")?;
        let model = row.get("model").unwrap_or_default();
        // `DeepSeek-V3-671B` is `DeepSeek-V3`.
        let shape = architecture(model).or_else(|| model.rsplit_once('-').and_then(|it| architecture(it.0))).map(|it| it.1);
        let parameters = if row.get("params_b").is_some() {
            row.positive("params_b")? * 1e9
        } else {
            shape.ok_or("`params_b` is empty and `model` is not known")?.parameters
        };
        let source = row.get("source").unwrap_or_default();
        let share = match metric.strip_prefix("bandwidth_for_CU_") {
            None => None,
            Some(text) => match text.parse::<f64>() {
                Ok(percent) if percent > 0.0 && percent < 100.0 => Some(percent / 100.0),
                _ => return Err(format!("metric `{metric}`: a utilisation is above 0 and below 100 %")),
            },
        };
        Ok(Self {
            metric,
            study: if source.contains("Streaming") {
                "streaming-diloco"
            } else if source.to_ascii_lowercase().contains("scaling law") {
                "diloco-scaling-laws"
            } else {
                ""
            },
            share,
            row,
            parameters,
            layers: shape.map_or_else(|| Workers::typical_layers(parameters), |it| it.layers),
            workers: row.get("n_workers").and_then(first_number).filter(|it| *it >= 1.0).unwrap_or(2.0),
            shape,
        })
    }

    /// # Errors
    /// Why it cannot be answered.
    pub fn answer(&self, parameters: &Distributed) -> Result<f64, String> {
        if let Some(share) = self.share {
            let bits = self.bandwidth(share)?;
            let printed = parameters.printed.get(self.study).copied().unwrap_or(parameters.printed_otherwise);
            // Only a simulation's sweep is printed on its grid and by its conventions.
            return Ok(if self.note().contains("grid") || self.note().contains("quantised") {
                parameters.on_grid(bits / 1e9 * printed)
            } else {
                bits / 1e9
            });
        }
        match self.metric {
            it if it.starts_with("hours_at_") => self.hours(),
            "terabytes_exchanged" => {
                let exchange = self.exchange()?;
                let payload = traffic(&self.together(1.0), &exchange) / 8.0;
                Ok(self.steps()? / exchange.inner_steps * payload * parameters.printed_volume / 1e12)
            }
            "median_allreduce_time" | "allreduce_time" => self.exchange_time(parameters),
            "compute_utilization" | "compute_utilisation" => Ok(100.0 * self.compute_share(parameters)?),
            "MFU" => Ok(100.0 * parameters.inner_mfu * self.compute_share(parameters)?),
            "communication_reduction" | "bandwidth_reduction" => {
                let exchange = self.exchange()?;
                Ok(exchange.inner_steps * PLAIN_BITS / exchange.bits)
            }
            "wall_clock" => self.wall_clock(parameters),
            "decode_steps_per_s" => Ok(1.0 / self.chain(parameters)?.token_time()),
            "ms_per_token" => Ok(1e3 * self.chain(parameters)?.token_time()),
            other => Err(format!("`{other}` is not a known metric of distributed tables")),
        }
    }

    /// Bandwidth for a utilisation \[bit/s\].
    pub fn bandwidth(&self, share: f64) -> Result<f64, String> {
        let round_trip = self.round_trip()?.unwrap_or(0.0);
        bandwidth_for(&self.together(self.row.positive("step_time_s")?), &self.exchange()?, round_trip, share)
            .filter(|it| it.is_finite())
            .ok_or_else(|| format!("latency alone ({round_trip} s) keeps the utilisation below {} %", 100.0 * share))
    }

    /// Whether usual figures stand in for what the row does not say: round trips of a region, how many accelerators a run had on
    /// average, the software of a chain of servers.
    pub fn assumes(&self) -> bool {
        match self.metric {
            "decode_steps_per_s" | "ms_per_token" | "wall_clock" => true,
            "median_allreduce_time" | "allreduce_time" | "compute_utilization" | "compute_utilisation" | "MFU" => {
                self.row.get("link_gbit_s").is_none()
            }
            _ => false,
        }
    }

    /// Where the time of a round goes.
    pub fn terms(&self) -> Vec<Term> {
        let (Some(share), Ok(exchange), Ok(step)) = (self.share, self.exchange(), self.row.positive("step_time_s")) else {
            return Vec::new();
        };
        let Ok(bandwidth) = self.bandwidth(share) else { return Vec::new() };
        let link = Link { bandwidth, round_trip: 0.0 };
        vec![
            Term { name: "inner steps", seconds: exchange.inner_steps * step, formula: "H x step time", source: "Douillard et al. 2024" },
            Term {
                name: "exposed exchange",
                seconds: exposed(&self.together(step), &exchange, &link),
                formula: "sum over fragments of max(0, queue of layers on the link - backward - overlap)",
                source: "Douillard et al. 2025; Patarasuk and Yuan 2009",
            },
        ]
    }

    fn note(&self) -> &'a str {
        self.row.get("note").unwrap_or_default()
    }

    fn together(&self, step_time: f64) -> Workers {
        Workers { parameters: self.parameters, layers: self.layers, step_time, count: self.workers }
    }

    fn round_trip(&self) -> Result<Option<f64>, String> {
        self.row.get("rtt_ms").map(|_| self.row.positive("rtt_ms").map(|it| it / 1e3)).transpose()
    }

    fn exchange(&self) -> Result<Exchange, String> {
        let method = self.row.get("method").unwrap_or_default();
        let lower = method.to_ascii_lowercase();
        let has = |word: &str| lower.contains(word);
        let inner_steps = || -> Result<f64, String> {
            if self.row.get("H_inner_steps").is_some() {
                return self.row.positive("H_inner_steps");
            }
            let named = lower.split_once("h=").and_then(|it| first_number(it.1));
            named.filter(|it| *it >= 1.0).or(has("fp4").then_some(100.0)).ok_or_else(|| "`H_inner_steps` is empty".to_owned())
        };
        let bits = if has("fp4") || has("int4") {
            4.0
        } else if has("fp8") || has("int8") {
            8.0
        } else if has("fp32") {
            32.0
        } else {
            16.0
        };
        let it = if has("data-parallel") || has("data parallel") {
            Exchange::DATA_PARALLEL
        } else if has("streaming") {
            let fragment = self.note().split_once("fragment = ").and_then(|it| first_number(it.1)).unwrap_or(FRAGMENT_LAYERS);
            Exchange::streaming(inner_steps()?, (self.layers / fragment.max(1.0)).round().max(1.0))
        } else if has("eager") {
            Exchange::eager(inner_steps()?)
        } else if has("diloco") || has("fedavg") || has("local sgd") {
            Exchange::diloco(inner_steps()?)
        } else {
            return Err(format!("method `{method}` is not known: Data-Parallel, DiLoCo, Streaming DiLoCo, Eager DiLoCo"));
        };
        Ok(it.overlapped(if has("overlap") { 1.0_f64.max(it.overlap_steps) } else { it.overlap_steps }).quantised(bits))
    }

    /// Training tokens of a note: `25B tokens`, `1T tokens`.
    fn tokens(&self) -> Result<f64, String> {
        let (before, _) = self.note().split_once(" tokens").ok_or("the number of training tokens is not given")?;
        let word = before.rsplit([' ', ',', ';']).next().unwrap_or_default();
        let scale = match word.chars().last() {
            Some('T') => 1e12,
            Some('B') => 1e9,
            Some('M') => 1e6,
            _ => return Err(format!("`{word}` is not a number of tokens: 25B, 1T")),
        };
        first_number(word).map(|it| it * scale).filter(|it| *it > 0.0).ok_or_else(|| format!("`{word}` is not a number of tokens: 25B, 1T"))
    }

    fn steps(&self) -> Result<f64, String> {
        Ok(self.tokens()? / STEP_TOKENS)
    }

    /// Hours of a run on a link, with the time without a link from the note.
    fn hours(&self) -> Result<f64, String> {
        let bandwidth = self.row.positive("link_gbit_s")? * 1e9;
        let alone = self
            .note()
            .split_once(" h with infinite")
            .and_then(|(before, _)| first_number(before.rsplit([' ', ';']).next().unwrap_or_default()))
            .ok_or("the hours with an infinite bandwidth are not given")?;
        let steps = self.steps()?;
        let exchange = self.exchange()?;
        let link = Link { bandwidth, round_trip: self.round_trip()?.unwrap_or(0.0) };
        let waiting = exposed(&self.together(alone * 3600.0 / steps), &exchange, &link);
        Ok(alone + steps / exchange.inner_steps * waiting / 3600.0)
    }

    /// Time of one exchange over a wide-area network, nothing overlapped \[s\].
    fn exchange_time(&self, parameters: &Distributed) -> Result<f64, String> {
        let bandwidth = match self.row.get("link_gbit_s") {
            Some(_) => self.row.positive("link_gbit_s")? * 1e9,
            None => {
                // The slowest hop of the ring: coast to coast; western North America to Europe; round the world.
                let note = self.note();
                let place = note.split(';').next().unwrap_or_default().to_ascii_lowercase();
                let round_trip = match self.round_trip()? {
                    Some(it) => it,
                    None if place.contains("baseline") => return Ok(0.0),
                    None if place.contains("usa") || place.contains("us ") => 0.06,
                    None if place.contains("atlantic") || place.contains("europe") => 0.15,
                    None if place.contains("global") || place.contains("asia") => 0.25,
                    None => return Err("neither `link_gbit_s` nor `rtt_ms` nor a region is given".to_owned()),
                };
                parameters.window_bits / round_trip
            }
        };
        Ok(traffic(&self.together(1.0), &self.exchange()?) / bandwidth)
    }

    fn compute_share(&self, parameters: &Distributed) -> Result<f64, String> {
        let compute = self.exchange()?.inner_steps * self.row.positive("step_time_s")?;
        Ok(compute / (compute + self.exchange_time(parameters)?))
    }

    /// Days of a run that names the most accelerators it had: arrivals spread over the run make the mean half of them.
    fn wall_clock(&self, parameters: &Distributed) -> Result<f64, String> {
        let note = self.note();
        let most = note.split_once("up to ").and_then(|it| first_number(it.1));
        let devices =
            most.map(|it| it / 2.0).or_else(|| self.row.get("n_workers").and_then(first_number)).ok_or("no number of accelerators")?;
        let flop = 6.0 * self.parameters * self.tokens()?;
        let peak = known_device(note).peak(Format::Bf16).as_flop_per_s();
        let share = self.compute_share(parameters).unwrap_or(1.0);
        Ok(flop / (devices * peak * parameters.inner_mfu * share) / 86_400.0)
    }

    fn chain(&self, parameters: &Distributed) -> Result<DecodeChain, String> {
        let row = self.row;
        let words = row.get("n_workers").unwrap_or_default();
        let method = row.get("method").unwrap_or_default().to_ascii_lowercase();
        let home = method.contains("offload") || row.get("group").is_some_and(|it| it.contains("home"));
        // Petals serves BLOOM in 8-bit integers and later models in 4 bits; home engines in 4.
        let bytes = if method.contains("int8") { 1.0 } else { Format::Int4.bytes() };
        let hidden = self.shape.map_or_else(|| (self.parameters / (12.0 * self.layers)).sqrt(), |it| it.hidden);
        let context = self.note().split_once("sequence length ").and_then(|it| first_number(it.1)).unwrap_or(128.0);
        let kept = self.shape.map_or(2.0 * self.layers * hidden / 8.0, Architecture::kept_per_token);
        let bandwidth = READING * known_device(words).memory_bandwidth.as_gb_per_s() * 1e9;
        let (bandwidth, layer_overhead, server_overhead) = if home {
            (HOME_BANDWIDTH, HOME_LAYER, HOME_SERVER)
        } else {
            (bandwidth, parameters.layer_overhead, parameters.server_overhead)
        };
        let link = if row.get("link_gbit_s").is_some() { row.positive("link_gbit_s")? * 1e9 } else { 1e9 };
        Ok(DecodeChain {
            servers: self.workers,
            layers: self.layers,
            layer_overhead,
            layer_bytes: self.parameters * bytes / self.layers.max(1.0),
            bandwidth,
            context_bytes: 2.0 * kept * context,
            context_bandwidth: if home { bandwidth } else { parameters.context_bandwidth },
            server_overhead,
            round_trip: self.round_trip()?.unwrap_or(VOLUNTEERS_ROUND_TRIP),
            state_bytes: 2.0 * hidden,
            link,
        })
    }
}

/// The accelerator that a text names, an A100 where it names none.
fn known_device(text: &str) -> &'static Device {
    let named = text.split([' ', ',']).find_map(|word| match word {
        // The sheets know variants; tables name the family.
        "A100" => device("A100-SXM-80GB"),
        "H100" => device("H100-SXM"),
        other => device(other),
    });
    // The library has an A100 and is never empty: the tests of its crate parse it.
    named.or_else(|| device("A100-SXM-80GB")).map_or_else(|| &bastide_cost_models::compute::devices()[0], |it| it.1)
}

/// The first number of a text.
fn first_number(text: &str) -> Option<f64> {
    let start = text.find(|it: char| it.is_ascii_digit())?;
    let digits = &text[start..];
    let end = digits.find(|it: char| !(it.is_ascii_digit() || it == '.')).unwrap_or(digits.len());
    digits[..end].trim_end_matches('.').parse().ok()
}
