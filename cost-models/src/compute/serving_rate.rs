//! Output tokens per second of one accelerator in continuous batching, by roofline.
//!
//! A replica takes the fewest accelerators `g` of a node (tensor parallel) whose memory holds the weights and
//! [`MIN_BATCH`] requests. With `W` bytes of weights, `k` bytes of keys and values per token, prompts of `p` and answers
//! of `o` tokens, `a` active of `n` parameters:
//!
//! ```text
//! batch    B = min(MAX_BATCH, (g * memory * USABLE_MEMORY - W) / (k * (p + o / 2)))
//! read     R = W * (1 - (1 - a / n)^B) + B * k * (p + o / 2)        bytes per decode step (all experts that B tokens hit)
//! decode   t = max(R / (g * bandwidth * BANDWIDTH_EFFICIENCY), 2 a B / F)
//! prefill  q = (B / o) * p * 2 a / F                                 each step ends B / o requests, whose successors start
//! rate       = B / (t + q) / g
//! ```
//!
//! `F = g * peak * speed-up * MATRIX_EFFICIENCY`; matrix units run 8-bit weights twice as fast as 16-bit ones. 4-bit
//! units are not counted on: servers differ in whether they use them.
//!
//! References: Williams, Waterman and Patterson 2009 (roofline); Kwon et al. 2023 (paged memory of keys and values);
//! Pope et al. 2022, section 3 (2 FLOP per active parameter and token; batch against memory).
//! Grade *datasheet*: from data sheets and constants, not measured on the device; the test below shows published figures
//! within a factor of two. Attention's own FLOP are left out: valid for contexts up to some ten thousand tokens.

use bastide_units::{Bandwidth, ComputeRate, DataSize, Duration, TokenRate};

use crate::ModelData;

/// Share of memory for weights, keys and values; the rest is for activations and the runtime (vLLM's default
/// `gpu_memory_utilization`, 2024).
pub const USABLE_MEMORY: f64 = 0.90;
/// Share of the data sheet's bandwidth that streaming reads reach: 3.89 of 4.8 TB/s on an H200 (stas00/ml-engineering,
/// 2025).
pub const BANDWIDTH_EFFICIENCY: f64 = 0.81;
/// Share of the data sheet's peak that serving reaches in its matrix products: 0.73 (8-bit) to 0.80 (16-bit) for large
/// products on an H200 (1453 of 1979, 794.5 of 989 TFLOP/s; stas00/ml-engineering, 2025), less a quarter for attention, sampling and
/// communication between accelerators (our assumption).
pub const MATRIX_EFFICIENCY: f64 = 0.55;
/// Most requests of one replica at once: keeps a decode step short enough to read along (our assumption; vLLM's default
/// is 256 to 1024 by version).
pub const MAX_BATCH: f64 = 512.0;
/// Fewest requests of one replica at once: below, a further accelerator per replica is cheaper (our assumption).
pub const MIN_BATCH: f64 = 16.0;

/// Output tokens per second of one accelerator; `None` where the model does not fit a node's memory.
#[must_use]
pub fn serving_rate(
    model: &ModelData,
    peak: ComputeRate,
    memory: DataSize,
    memory_bandwidth: Bandwidth,
    per_node: u32,
) -> Option<TokenRate> {
    let context = model.prompt_tokens + model.output_tokens / 2.0;
    let kept_per_request = model.kv_per_token * context;
    let room = |gang: f64| memory * (USABLE_MEMORY * gang) - model.weights();
    // Replicas are powers of two, as attention heads are split evenly, or the whole node.
    let gang = (0..).map(|power| 1 << power).take_while(|gang: &u32| *gang < per_node).chain([per_node]).map(f64::from);
    let gang = gang.into_iter().find(|gang| room(*gang) >= kept_per_request * MIN_BATCH)?;

    let batch = (room(gang) / kept_per_request).min(MAX_BATCH);
    let weights_read = model.weights() * (1.0 - (1.0 - model.active_parameters / model.parameters).powf(batch));
    let step_read = weights_read + kept_per_request * batch;
    let speed_up = (2.0 / model.bytes_per_parameter).min(2.0);
    let matrix_rate = peak * (gang * speed_up * MATRIX_EFFICIENCY);
    let flop = |tokens: f64| bastide_units::Compute::from_flop(2.0 * model.active_parameters * tokens);
    let decode: Duration = (step_read / (memory_bandwidth * (gang * BANDWIDTH_EFFICIENCY))).max(flop(batch) / matrix_rate);
    let prefill: Duration = flop(batch / model.output_tokens * model.prompt_tokens) / matrix_rate;
    Some(TokenRate::from_tokens_per_s(batch / (decode + prefill).as_s() / gang))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library;

    /// A row of [`PUBLISHED`].
    type Row = (&'static str, &'static str, f64, f64, f64, f64, f64, &'static str);

    /// Published offline throughput per accelerator beside ours: model, accelerator, bytes per parameter, prompt and output
    /// lengths, published and our tokens/s per accelerator, source. Grade: within a factor of two (here 0.68 to 1.56).
    const PUBLISHED: [Row; 18] = [
        (
            "llama-3-70b",
            "gb200-nvl72",
            0.5,
            294.0,
            294.0,
            12_014.0,
            9_738.0,
            "Microsoft Azure 2025, Llama 2 70B, 72 GPU (unverified MLPerf v4.1)",
        ),
        ("llama-3-70b", "b200", 0.5, 294.0, 294.0, 12_875.0, 8_764.0, "MLPerf Inference v5.1, Llama 2 70B offline, 8 GPU"),
        ("llama-3-70b", "h200", 1.0, 294.0, 294.0, 4_350.0, 3_854.0, "MLPerf Inference v5.1, Llama 2 70B offline, 8 GPU"),
        ("llama-3-70b", "mi300x", 1.0, 294.0, 294.0, 3_480.0, 5_093.0, "MLPerf Inference v5.1, Llama 2 70B offline, 8 GPU"),
        (
            "llama-3-405b",
            "gb300-nvl72",
            0.5,
            9428.0,
            684.0,
            222.0,
            170.0,
            "MLPerf Inference v5.1, Llama 3.1 405B, 72 GPU; lengths recalled",
        ),
        (
            "deepseek-v3",
            "gb300-nvl72",
            0.5,
            800.0,
            3880.0,
            5_833.0,
            7_332.0,
            "MLPerf Inference v5.1, DeepSeek-R1 offline, 72 GPU; lengths recalled",
        ),
        ("llama-3-8b", "b200", 0.5, 778.0, 73.0, 18_375.0, 12_663.0, "MLPerf Inference v5.1, Llama 3.1 8B offline, 8 GPU"),
        ("llama-3-8b", "h200", 1.0, 778.0, 73.0, 8_254.0, 5_714.0, "MLPerf Inference v5.1, Llama 3.1 8B offline, 8 GPU"),
        ("llama-3-70b", "h200", 1.0, 128.0, 128.0, 3_803.0, 3_854.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h200", 1.0, 500.0, 2000.0, 3_666.0, 5_717.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h200", 1.0, 1000.0, 1000.0, 2_909.0, 3_674.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h200", 1.0, 2048.0, 128.0, 442.0, 439.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h200", 1.0, 5000.0, 500.0, 566.0, 557.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
        ("llama-3-70b", "h100", 1.0, 1000.0, 1000.0, 2_102.0, 3_253.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B, 2 GPU"),
        ("llama-3-70b", "h100", 1.0, 2048.0, 128.0, 381.0, 430.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B, 2 GPU"),
        ("llama-3-8b", "h200", 1.0, 1000.0, 1000.0, 17_744.0, 22_690.0, "TensorRT-LLM 1.0 performance overview, Llama 3.1 8B"),
        ("llama-3-8b", "h100", 1.0, 500.0, 2000.0, 17_660.0, 21_883.0, "TensorRT-LLM 1.0 performance overview, Llama 3.1 8B"),
        ("llama-3-70b", "rtx-pro-6000", 0.5, 1000.0, 1000.0, 1_787.0, 1_784.0, "TensorRT-LLM 1.0 performance overview, Llama 3.3 70B"),
    ];

    fn rate(model: &ModelData, accelerator: &str) -> Option<f64> {
        let it = &library().accelerators[accelerator];
        serving_rate(model, it.peak.value, it.memory.value, it.memory_bandwidth.value, it.per_node).map(TokenRate::as_tokens_per_s)
    }

    #[test]
    fn published_figures_are_within_a_factor_of_two() {
        let mut wrong = Vec::new();
        for (model, accelerator, bytes, prompt, output, published, listed, source) in PUBLISHED {
            let mut model = library().models[model].clone();
            model.kv_per_token = model.kv_per_token * (if model.bytes_per_parameter > 1.0 && bytes <= 1.0 { 0.5 } else { 1.0 });
            (model.bytes_per_parameter, model.prompt_tokens, model.output_tokens) = (bytes, prompt, output);
            let ours = rate(&model, accelerator).unwrap();
            assert!((ours / listed - 1.0).abs() < 0.01, "the table is out of date: {} on {accelerator} {ours:.0}", model.title);
            let ratio = ours / published;
            if !(0.5..=2.0).contains(&ratio) {
                wrong.push(format!("{} on {accelerator}: published {published}, ours {ours:.0} ({ratio:.2}), {source}", model.title));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_model_larger_than_a_node_does_not_fit() {
        // 405.9 GB of weights: 8 * 80 GB * 0.9 = 576 GB hold them, 8 * 48 GB * 0.9 = 346 GB do not.
        let model = &library().models["llama-3-405b"];
        assert!(rate(model, "h100").is_some());
        assert!(rate(model, "l40s").is_none());
    }

    #[test]
    fn a_faster_device_serves_more() {
        for model in library().models.values() {
            let it = &library().accelerators["h200"];
            let rate = |peak: f64, memory: f64, bandwidth: f64| {
                serving_rate(model, it.peak.value * peak, it.memory.value * memory, it.memory_bandwidth.value * bandwidth, 8)
                    .map_or(0.0, TokenRate::as_tokens_per_s)
            };
            assert!(rate(1.2, 1.0, 1.0) >= rate(1.0, 1.0, 1.0) && rate(1.0, 1.0, 1.2) >= rate(1.0, 1.0, 1.0), "{}", model.title);
        }
    }

    #[test]
    fn one_step_by_hand() {
        // 10 G parameters at 1 byte, 100 kB per token, prompts of 900 and answers of 200 tokens: 1,000 tokens kept, 100 MB
        // a request. 100 GB * 0.9 - 10 GB = 80 GB hold 800 requests; the cap is 512. A step reads 10 + 51.2 = 61.2 GB at
        // 810 GB/s: 75.56 ms. 1 PFLOP/s * 2 * 0.55 = 1.1 PFLOP/s: decoding 2e10 * 512 = 1.024e13 FLOP takes 9.3 ms,
        // less; prefill of 512 / 200 * 900 = 2,304 tokens takes 41.89 ms. 512 tokens in 117.45 ms: 4,359 a second.
        let mut model = library().models["llama-3-70b"].clone();
        (model.parameters, model.active_parameters, model.bytes_per_parameter) = (10e9, 10e9, 1.0);
        (model.kv_per_token, model.prompt_tokens, model.output_tokens) = (DataSize::from_bytes(1e5), 900.0, 200.0);
        let rate = serving_rate(&model, ComputeRate::from_flop_per_s(1e15), DataSize::from_gb(100.0), Bandwidth::from_gb_per_s(1000.0), 8);
        assert!((rate.unwrap().as_tokens_per_s() - 4359.4).abs() < 0.5, "{rate:?}");
    }
}
