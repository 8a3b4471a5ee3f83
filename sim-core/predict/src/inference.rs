//! Tables of inference throughput: full queues, MLPerf's scenarios, fixed batches, one stream of llama.cpp, memory.

mod fitting;
mod question;

use bastide_cost_models::compute::offline::{Boards, Parameters, Replica, Split, Step, parameters};
use bastide_cost_models::compute::{Device, Format, Generation, Grade, Prediction, Term};

use crate::{Answer, Family, Row, Table};
use question::{Kind, Question};

/// Rows of published throughputs: one metric a row.
pub struct Inference;

impl Family for Inference {
    fn name(&self) -> &'static str {
        "inference"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["model", "accelerator", "n_acc", "precision", "batch_or_concurrency", "isl", "osl", "scenario", "engine", "metric", "unit"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let metric = row.get("metric").unwrap_or("throughput").to_owned();
        let unit = row.get("unit").unwrap_or_default().to_owned();
        let outcome = Question::of(row).and_then(|question| question.prediction(parameters()));
        vec![Answer { metric, unit, measured: row.number("value"), outcome }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        fitting::fit(table)
    }
}

/// Most requests at once: the default of TensorRT-LLM's benchmark.
const MOST: f64 = 2048.0;
/// Devices over which one replica is cut at most in a tuned submission.
const WIDEST: f64 = 8.0;
/// Time of a step of production services that stream to readers: 20 tokens a second (DeepSeek-AI 2025, open-infra week) [s].
const READER: f64 = 0.05;
/// Prompt tokens of a step of devices that only prefill, for each of them.
const PREFILL_STEP: f64 = 16_384.0;

impl Question {
    fn replica<'a>(&self, split: Split, parameters: &'a Parameters) -> Replica<'a> {
        // Checkpoints in 8 and 4 bits keep keys and values in 8, where the device has such units.
        let cache = match self.format {
            Format::Fp4 | Format::Fp8 | Format::Fp8Block if self.device.peak_fp8.is_some() => Format::Fp8,
            _ => Format::Bf16,
        };
        Replica {
            device: self.device,
            architecture: self.architecture,
            weights: self.format,
            cache,
            split,
            cache_reads: 1.0,
            host: 1.0,
            parameters,
        }
    }

    /// The value in the row's unit, and where its time goes.
    ///
    /// # Errors
    /// Why there is none.
    fn value(&self, parameters: &Parameters) -> Result<(f64, Vec<Term>), String> {
        let fixed = |batch: f64, prompt: f64, answer: f64| -> Result<(Replica<'_>, f64), String> {
            let (tensor, pipeline) = self.split.unwrap_or((self.devices.min(WIDEST), 1.0));
            let it = &self.architecture.attention;
            let replica = Replica {
                // Kernels of 2023 read keys and values again for some of the queries that share them.
                cache_reads: 1.0 + parameters.scenario.shared_reads * (it.heads / it.kv_heads - 1.0).max(0.0),
                host: parameters.scenario.compiled_host,
                ..self.replica(Split::new(tensor, pipeline), parameters)
            };
            let replicas = (self.devices / (tensor * pipeline)).max(1.0);
            match replica.room(prompt + answer) {
                // Rows of tables were run: a little too much by our count is our count's error.
                Some(room) if room * 1.3 >= batch / replicas => Ok((replica, replicas)),
                Some(room) => Err(format!("a batch of {batch} does not fit: room for {:.0}", room * replicas)),
                None => Err(self.too_large(&replica)),
            }
        };
        let (value, terms) = match self.kind {
            Kind::FullQueue { prompt, answer } => {
                let (rate, step) = self.best(prompt, answer, f64::INFINITY, parameters)?;
                (rate, step.terms())
            }
            Kind::Scenario { prompt, answer, limit, arrivals, interactive, earlier, power_limited } => {
                let it = &parameters.scenario;
                let (rate, step) = self.best(prompt, answer, limit * it.share_of_limit, parameters)?;
                let factor = it.tuned
                    * if arrivals { it.arrivals } else { 1.0 }
                    * if interactive { it.first_token } else { 1.0 }
                    * if earlier { it.earlier } else { 1.0 }
                    * if power_limited { it.power_limited } else { 1.0 };
                (rate * factor, step.terms())
            }
            Kind::FixedBatch { batch, prompt, answer } => {
                let (replica, replicas) = fixed(batch, prompt, answer)?;
                let (seconds, step) = replica.fixed_batch(batch / replicas, prompt, answer);
                (parameters.scenario.fixed_batch * batch * answer / seconds, step.terms())
            }
            Kind::FirstToken { batch, prompt } => {
                let (replica, replicas) = fixed(batch, prompt, 1.0)?;
                let step = replica.prompts(batch / replicas, prompt);
                (step.total() * replica.split.pipeline / parameters.scenario.fixed_batch, step.terms())
            }
            Kind::TokenTime { batch, prompt, answer } => {
                let (replica, replicas) = fixed(batch, prompt, answer)?;
                let step = replica.step(batch / replicas, prompt + answer / 2.0, 0.0, 0.0);
                (step.total() * replica.split.pipeline / parameters.scenario.fixed_batch, step.terms())
            }
            Kind::LocalDecode { context } => {
                let terms = self.boards(context)?.decode(context, &parameters.local);
                (1.0 / seconds(&terms), terms)
            }
            Kind::LocalPrefill { prompt } => {
                let terms = self.boards(prompt)?.prompt(prompt, &parameters.local);
                (prompt / seconds(&terms), terms)
            }
            Kind::Fits { context } => (if self.every_board().load(context) <= 1.0 { 1.0 } else { 0.0 }, Vec::new()),
            Kind::Disaggregated { context, spread, decode } => {
                let experts = self.architecture.experts.is_some();
                let spread = spread.unwrap_or_else(|| self.widest_expert_group(parameters));
                let split = if experts { Split { tensor: 1.0, pipeline: 1.0, data: spread } } else { Split::new(spread.min(WIDEST), 1.0) };
                let replica = self.replica(split, parameters);
                let room = replica.room(context).ok_or_else(|| self.too_large(&replica))?;
                let (tokens, step) = if decode {
                    let mut requests = room.min(MOST);
                    while requests > 1.0 && replica.step(requests, context, 0.0, 0.0).total() > READER {
                        requests *= 0.97;
                    }
                    (requests, replica.step(requests, context, 0.0, 0.0))
                } else {
                    (PREFILL_STEP, replica.step(0.0, 0.0, PREFILL_STEP, context / 2.0))
                };
                (tokens * split.data / step.total() / split.devices() * self.devices, step.terms())
            }
        };
        let value = value * self.scale;
        let fits = matches!(self.kind, Kind::Fits { .. });
        if value.is_finite() && (value > 0.0 || fits) { Ok((value, terms)) } else { Err("no finite throughput".to_owned()) }
    }

    /// Generated tokens a second of the whole system, with a full queue, in the row's layout or the best one.
    fn best(&self, prompt: f64, answer: f64, limit: f64, parameters: &Parameters) -> Result<(f64, Step), String> {
        let degrees = [1.0, 2.0, 4.0, 8.0];
        let most = self.devices.min(WIDEST);
        let splits: Vec<Split> = match self.split {
            Some((tensor, pipeline)) => vec![Split::new(tensor, pipeline)],
            None => degrees
                .iter()
                .flat_map(|tensor| degrees.iter().map(|pipeline| Split::new(*tensor, *pipeline)))
                .chain(degrees[1..].iter().map(|data| Split { tensor: 1.0, pipeline: 1.0, data: *data }))
                .filter(|split| split.devices() <= most && (split.data < 1.5 || self.architecture.experts.is_some()))
                .collect(),
        };
        let mut best: Option<(f64, Step)> = None;
        for split in &splits {
            if let Some(steady) = self.replica(*split, parameters).full_queue(prompt, answer, MOST, limit) {
                let rate = steady.tokens_per_s * (self.devices / split.devices()).max(1.0);
                if best.is_none_or(|(before, _)| rate > before) {
                    best = Some((rate, steady.step));
                }
            }
        }
        best.ok_or_else(|| {
            let widest = self.replica(splits.last().copied().unwrap_or(Split::new(1.0, 1.0)), parameters);
            if widest.room(prompt + answer).is_some() {
                format!("no batch makes tokens within {:.1} ms", 1e3 * limit)
            } else {
                self.too_large(&widest)
            }
        })
    }

    /// Fewest devices, doubling, over which experts leave half of the memory to requests.
    fn widest_expert_group(&self, parameters: &Parameters) -> f64 {
        let group = |power: i32| Split { tensor: 1.0, pipeline: 1.0, data: f64::from(1 << power) };
        let half = 0.5 * self.device.memory.as_bytes();
        (0..9).map(group).find(|split| self.replica(*split, parameters).weights_bytes() < half).unwrap_or(group(9)).data
    }

    fn every_board(&self) -> Boards<'static> {
        Boards { device: self.device, architecture: self.architecture, count: self.devices, bits: self.bits }
    }

    fn boards(&self, context: f64) -> Result<Boards<'static>, String> {
        let boards = self.every_board();
        let load = boards.load(context);
        if load <= 1.05 {
            return Ok(boards);
        }
        Err(format!("does not fit: needs {:.2} times the memory of {}; {:.0} would do", load, self.devices, (load * self.devices).ceil()))
    }

    fn too_large(&self, replica: &Replica<'_>) -> String {
        let (weights, memory) = (replica.weights_bytes(), self.device.memory.as_bytes());
        let devices = replica.split.devices();
        format!(
            "does not fit: weights of {:.1} GB on each of {devices} devices with {:.1} GB; {:.0} would hold them",
            weights / 1e9,
            memory / 1e9,
            (weights * devices / (0.9 * memory - 3e9).max(1.0)).ceil()
        )
    }

    /// The prediction with interval and grade.
    ///
    /// # Errors
    /// Why there is none.
    fn prediction(&self, parameters: &Parameters) -> Result<Prediction, String> {
        let (value, terms) = self.value(parameters)?;
        let (low90, high90) = if let Kind::Fits { context } = self.kind {
            // Within 4 % of full either may be.
            let load = self.every_board().load(context);
            if (load - 1.0).abs() < 0.04 { (0.0, 1.0) } else { (value, value) }
        } else {
            let (interval, widening) = parameters.intervals.of(self.kind.regime());
            interval.interval(value, widening * self.distance())
        };
        let grade = if self.distance() > 1.0 { Grade::Datasheet } else { Grade::Transferred };
        Ok(Prediction { value, low90, high90, grade, terms })
    }

    /// How far from what was measured: 1 for generations of devices that the fits have seen.
    fn distance(&self) -> f64 {
        if known(self.device) { 1.0 } else { 1.5 }
    }
}

fn known(device: &Device) -> bool {
    matches!(
        device.generation,
        Generation::Ampere | Generation::Ada | Generation::Hopper | Generation::Blackwell | Generation::BlackwellRtx | Generation::Cdna3
    )
}

fn seconds(terms: &[Term]) -> f64 {
    terms.iter().map(|term| term.seconds).sum()
}
