//! Tokens that one accelerator serves: what a plan counts with where a scenario names a model of the library.
//!
//! Replicas of every size up to a node are loaded as far as readers can bear ([`READABLE`]); the size with the most tokens for
//! each accelerator counts. Latencies are those of [`serving`](super::serving): kernels, engine and steady state, fitted to
//! public measurements.

use bastide_units::{Bandwidth, ComputeRate, DataSize, TokenRate};

use super::serving::{Deployment, Engine, Layout, Lengths, Targets};
use super::{Device, Format, architecture, device};
use crate::ModelData;

/// What readers can bear: 95 % of first tokens within 2 s, 20 tokens a second (faster than people read; our assumption).
pub const READABLE: Targets = Targets { ttft_p95: 2.0, tpot: 0.05 };

/// The data sheet of an accelerator that a scenario describes: the library's of its name with the scenario's figures, or an
/// H100's with multiprocessors in proportion for one that the library does not know.
#[must_use]
pub fn sheet_of(name: &str, peak: ComputeRate, memory: DataSize, memory_bandwidth: Bandwidth) -> Option<Device> {
    let known = device(name);
    let mut sheet = known.or_else(|| device("h100")).map(|(_, sheet)| sheet.clone())?;
    let faster = peak.as_flop_per_s() / sheet.peak_16bit.as_flop_per_s();
    // The libraries differ in what they count as memory and in the last digit of peaks: only a scenario's own figure changes a
    // known sheet.
    if known.is_none() {
        name.clone_into(&mut sheet.title);
    }
    if known.is_none() || (faster - 1.0).abs() > 0.02 {
        sheet.peak_16bit = peak;
        for other in [&mut sheet.peak_fp8, &mut sheet.peak_fp4, &mut sheet.peak_int8] {
            *other = other.map(|it| it * faster);
        }
        sheet.multiprocessors = ((f64::from(sheet.multiprocessors) * faster).round() as u32).max(1);
    }
    let differs = |ours: f64, theirs: f64| (ours / theirs - 1.0).abs() > 0.08;
    if known.is_none() || differs(memory.as_bytes(), sheet.memory.as_bytes()) {
        sheet.memory = memory;
    }
    if known.is_none() || differs(memory_bandwidth.as_gb_per_s(), sheet.memory_bandwidth.as_gb_per_s()) {
        sheet.memory_bandwidth = memory_bandwidth;
    }
    Some(sheet)
}

/// A replica as a plan counts it: the size with the most tokens for each accelerator, at its planned load.
#[derive(Clone, Debug)]
pub struct Serving<'a> {
    /// Accelerators of a replica.
    pub accelerators: u32,
    /// Tokens of answers for each of them.
    pub rate: TokenRate,
    deployment: Deployment<'a>,
    lengths: Lengths,
    concurrency: f64,
}

/// A replica at some load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadedReplica {
    /// Tokens over those at the planned load.
    pub share: f64,
    /// Mean time of a request \[s\].
    pub latency: f64,
    /// Its 95th percentile \[s\].
    pub latency_p95: f64,
    /// Of the mean, before work on the request begins \[s\].
    pub wait: f64,
    /// Power between idle (0) and full (1).
    pub activity: f64,
}

impl Serving<'_> {
    /// The replica at `points` loads from a single request now and then up to the planned load, in ascending order. Latencies do not
    /// fall with load: where a kernel of a larger batch is faster, the slower one stands for both.
    #[must_use]
    pub fn loads(&self, points: usize) -> Vec<LoadedReplica> {
        let steps = points.max(2) - 1;
        let full = self.deployment.state(self.concurrency, self.lengths, None).output_tokens_per_s;
        let mut loads: Vec<LoadedReplica> = Vec::with_capacity(steps + 2);
        for step in 0..=steps {
            let concurrency = self.concurrency.max(1.0).powf(step as f64 / steps as f64);
            let state = self.deployment.state(concurrency, self.lengths, None);
            let further = (self.lengths.output - 1.0).max(0.0) * state.latency.tpot;
            let mut load = LoadedReplica {
                share: if step == steps { 1.0 } else { (state.output_tokens_per_s / full).min(1.0) },
                latency: state.latency.ttft + further,
                latency_p95: state.ttft_p95 + further,
                wait: (state.latency.ttft - state.latency.prefill).max(0.0),
                activity: state.activity,
            };
            if let Some(last) = loads.last() {
                load.latency = load.latency.max(last.latency);
                load.latency_p95 = load.latency_p95.max(last.latency_p95);
                load.wait = load.wait.max(last.wait);
                load.activity = load.activity.max(last.activity);
                if load.share <= last.share {
                    continue;
                }
            } else {
                // Less than one request at a time: as it is alone, and idle in between.
                loads.push(LoadedReplica { share: 0.0, activity: 0.0, ..load });
            }
            loads.push(load);
        }
        loads
    }
}

/// Replicas of up to `per_node` accelerators within the targets; where none meets them, at whatever latency. `None` where the
/// model does not fit a node.
#[must_use]
pub fn serving_replica<'a>(model: &ModelData, sheet: &'a Device, per_node: u32, targets: Targets) -> Option<Serving<'a>> {
    let (_, shape) = architecture(&model.architecture)?;
    let weights = match model.bytes_per_parameter {
        bytes if bytes < 0.75 => Format::Fp4,
        bytes if bytes < 1.5 => Format::Fp8,
        _ => Format::Bf16,
    };
    let lengths = Lengths { prompt: model.prompt_tokens, output: model.output_tokens };
    // Replicas are powers of two, as attention heads are split evenly, or the whole node.
    let gangs = (0..).map(|power| 1 << power).take_while(|gang: &u32| *gang < per_node).chain([per_node]);
    let best = |targets: Targets| {
        gangs
            .clone()
            .filter(|gang| shape.attention.heads % f64::from(*gang) == 0.0)
            .filter_map(|accelerators| {
                let gang = f64::from(accelerators);
                let mut it = Deployment::new(sheet, shape, weights, Layout::tensor(gang), Engine::Vllm);
                if model.kv_per_token.as_bytes() < 1.5 * shape.kept_per_token() {
                    it.cache = Format::Fp8;
                }
                let state = it.largest_load(lengths, None, targets)?;
                let rate = TokenRate::from_tokens_per_s(state.output_tokens_per_s / gang);
                Some(Serving { accelerators, rate, deployment: it, lengths, concurrency: state.concurrency })
            })
            .fold(None, |best: Option<Serving<'a>>, it| match best {
                Some(best) if best.rate >= it.rate => Some(best),
                _ => Some(it),
            })
    };
    best(targets).or_else(|| best(Targets::NONE))
}

/// Tokens of answers for each accelerator of [`serving_replica`].
#[must_use]
pub fn serving_rate(model: &ModelData, sheet: &Device, per_node: u32, targets: Targets) -> Option<TokenRate> {
    serving_replica(model, sheet, per_node, targets).map(|it| it.rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library;

    /// Published offline throughput per accelerator: model, accelerator, bytes per parameter, prompt and output lengths,
    /// tokens/s per accelerator, source.
    type Row = (&'static str, &'static str, f64, f64, f64, f64, &'static str);

    const PUBLISHED: [Row; 9] = [
        ("llama-3-70b", "b200", 0.5, 294.0, 294.0, 12_875.0, "MLPerf Inference v5.1, Llama 2 70B offline, 8 GPU"),
        ("llama-3-70b", "h200", 1.0, 294.0, 294.0, 4_350.0, "MLPerf Inference v5.1, Llama 2 70B offline, 8 GPU"),
        ("llama-3-8b", "h200", 1.0, 778.0, 73.0, 8_254.0, "MLPerf Inference v5.1, Llama 3.1 8B offline, 8 GPU"),
        ("llama-3-70b", "h200", 1.0, 1000.0, 1000.0, 2_909.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h200", 1.0, 2048.0, 128.0, 442.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h200", 1.0, 5000.0, 500.0, 566.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h100", 1.0, 1000.0, 1000.0, 2_102.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B, 2 GPU"),
        ("llama-3-8b", "h200", 1.0, 1000.0, 1000.0, 17_744.0, "TensorRT-LLM 1.0 performance overview, Llama 3.1 8B"),
        ("llama-3-8b", "h100", 1.0, 500.0, 2000.0, 17_660.0, "TensorRT-LLM 1.0 performance overview, Llama 3.1 8B"),
    ];

    fn of_library(name: &str) -> Device {
        let it = &library().accelerators[name];
        sheet_of(name, it.peak.value, it.memory.value, it.memory_bandwidth.value).unwrap()
    }

    #[test]
    fn published_figures_are_within_a_factor_of_two() {
        let mut wrong = Vec::new();
        for (name, accelerator, bytes, prompt, output, published, source) in PUBLISHED {
            let mut model = library().models[name].clone();
            model.kv_per_token = model.kv_per_token * (if model.bytes_per_parameter > 1.0 && bytes <= 1.0 { 0.5 } else { 1.0 });
            (model.bytes_per_parameter, model.prompt_tokens, model.output_tokens) = (bytes, prompt, output);
            let per_node = library().accelerators[accelerator].per_node;
            let ours = serving_rate(&model, &of_library(accelerator), per_node, Targets::NONE).unwrap().as_tokens_per_s();
            let ratio = ours / published;
            if !(0.5..=2.0).contains(&ratio) {
                wrong.push(format!("{name} on {accelerator}: published {published}, ours {ours:.0} ({ratio:.2}), {source}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_model_larger_than_a_node_does_not_fit() {
        // 405.9 GB of weights: 8 x 80 GB hold them, 8 x 48 GB do not.
        let model = &library().models["llama-3-405b"];
        assert!(serving_rate(model, &of_library("h100"), 8, READABLE).is_some());
        assert!(serving_rate(model, &of_library("l40s"), 8, READABLE).is_none());
    }

    #[test]
    fn every_model_is_served_somewhere_and_targets_cost_throughput() {
        for (name, model) in &library().models {
            let sheet = of_library("h200");
            let (bound, free) = (serving_rate(model, &sheet, 8, READABLE), serving_rate(model, &sheet, 8, Targets::NONE));
            assert!(free.is_some() && bound <= free, "{name}: {bound:?} {free:?}");
        }
    }

    #[test]
    fn lighter_loads_wait_less() {
        let sheet = of_library("h100");
        for name in ["llama-3-8b", "llama-3-70b", "deepseek-v3"] {
            let Some(model) = library().models.get(name) else { continue };
            let Some(it) = serving_replica(model, &sheet, 8, READABLE) else { continue };
            let loads = it.loads(24);
            let (first, last) = (loads[0], loads[loads.len() - 1]);
            assert_eq!((first.share, last.share), (0.0, 1.0), "{name}");
            assert!(loads.windows(2).all(|pair| pair[0].share < pair[1].share && pair[0].latency <= pair[1].latency), "{name}");
            assert!(first.latency < last.latency && first.latency_p95 >= first.latency && last.wait <= last.latency, "{name}: {last:?}");
            assert!(last.activity <= 1.0 && first.activity == 0.0);
        }
    }

    #[test]
    fn a_scenario_may_describe_its_own_accelerator() {
        let it = &library().accelerators["h100"];
        let own = |faster: f64| sheet_of("home-made", it.peak.value * faster, it.memory.value, it.memory_bandwidth.value * faster).unwrap();
        let rate = |sheet: &Device| serving_rate(&library().models["llama-3-8b"], sheet, 8, READABLE).unwrap();
        assert!(rate(&own(2.0)) > rate(&own(1.0)));
        assert_eq!(of_library("h100"), device("h100").unwrap().1.clone(), "the library's own figures change nothing");
    }
}
