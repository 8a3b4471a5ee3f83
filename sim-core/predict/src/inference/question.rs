//! What a row of the table of inference throughput asks.

use bastide_cost_models::compute::offline::Regime;
use bastide_cost_models::compute::{Architecture, Device, Format, Generation};

use crate::Row;
use crate::library::{find_architecture, find_device};

/// A question about a model on devices.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub kind: Kind,
    pub device: &'static Device,
    pub architecture: &'static Architecture,
    /// Devices of the whole system.
    pub devices: f64,
    /// Tensor and pipeline parallel of a replica, where the row says.
    pub split: Option<(f64, f64)>,
    pub format: Format,
    /// Bits of a weight of llama.cpp.
    pub bits: f64,
    /// What the value in seconds or of the whole system is multiplied with for the row's unit.
    pub scale: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Generated tokens a second of a full queue.
    FullQueue { prompt: f64, answer: f64 },
    /// Generated tokens a second of a tuned submission with a limit on the time of a token [s].
    Scenario { prompt: f64, answer: f64, limit: f64, arrivals: bool, interactive: bool, earlier: bool, power_limited: bool },
    /// Generated tokens a second of a batch that is filled once.
    FixedBatch { batch: f64, prompt: f64, answer: f64 },
    /// Seconds to the first tokens of a batch.
    FirstToken { batch: f64, prompt: f64 },
    /// Seconds of a step of a batch.
    TokenTime { batch: f64, prompt: f64, answer: f64 },
    /// Tokens a second of one stream of llama.cpp, at a mean context.
    LocalDecode { context: f64 },
    /// Prompt tokens a second of llama.cpp.
    LocalPrefill { prompt: f64 },
    /// Whether the model fits, at a context.
    Fits { context: f64 },
    /// Tokens a second of devices that only decode, or only prefill, experts spread over `spread` devices where the row says.
    Disaggregated { context: f64, spread: Option<f64>, decode: bool },
}

impl Kind {
    pub(super) fn regime(self) -> Regime {
        match self {
            Self::FullQueue { .. } => Regime::FullQueue,
            Self::Scenario { .. } => Regime::Scenario,
            Self::FixedBatch { .. } | Self::FirstToken { .. } | Self::TokenTime { .. } => Regime::FixedBatch,
            Self::LocalDecode { .. } => Regime::LocalDecode,
            Self::LocalPrefill { .. } => Regime::LocalPrefill,
            Self::Fits { .. } | Self::Disaggregated { .. } => Regime::Other,
        }
    }
}

/// Mean lengths of a data set of MLPerf Inference, and limits of its scenarios on the time per token [s].
struct DataSet {
    prompt: f64,
    answer: f64,
    server: f64,
    interactive: f64,
}

/// Data sets by model (Reddi et al. 2020 for the scenarios; MLCommons, inference policies and task descriptions of rounds
/// 4.0 to 5.1 for limits and mean lengths).
fn data_set(architecture: &Architecture) -> Option<DataSet> {
    let set = |prompt, answer, server, interactive| Some(DataSet { prompt, answer, server, interactive });
    match architecture.title.as_str() {
        // OpenOrca.
        "Llama 2 70B" => set(294.0, 294.0, 0.2, 0.04),
        // OpenOrca, GSM8K with examples and MBXP in equal parts: 144.84 tokens of an answer in the reference's README; the mean
        // prompt is our estimate.
        "Mixtral 8x7B" => set(500.0, 145.0, 0.2, 0.2),
        // CNN and Daily Mail: articles of 781 words (card of the data set), 1.3 tokens a word. The reference's answers have
        // 8,167,644 / 13,368 = 611 characters, which is the limit of 128 tokens.
        "Llama 3.1 8B" => set(1015.0, 128.0, 0.1, 0.03),
        "GPT-J 6B" => set(1015.0, 69.0, f64::INFINITY, f64::INFINITY),
        // LongBench, RULER and GovReport.
        "Llama 3.1 405B" => set(9428.0, 684.0, 0.175, 0.08),
        // Mathematics, questions and code with reasoning.
        "DeepSeek V3 / R1" => set(800.0, 3880.0, 0.08, 0.015),
        _ => None,
    }
}

/// The first number in a text: `OpenOrca mean ~294` is 294.
fn number_in(text: &str) -> Option<f64> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    rest[..end].trim_end_matches('.').parse().ok().filter(|value: &f64| value.is_finite())
}

impl Question {
    /// Reads a row.
    ///
    /// # Errors
    /// Why it is not supported.
    pub(super) fn of(row: Row<'_>) -> Result<Self, String> {
        let text = |column: &str| row.get(column).unwrap_or_default().to_ascii_lowercase();
        let model = row.get("model").ok_or("`model` is empty")?;
        let (_, architecture) = find_architecture(model)?;
        let board = row.get("accelerator").ok_or("`accelerator` is empty")?;
        let (times, board) = several(board);
        let (_, device) = find_device(board)?;
        let degree = |column: &str| match row.get(column) {
            None => Ok(None),
            Some(_) => match row.positive(column)? {
                value if value.fract() == 0.0 && value <= 1e6 => Ok(Some(value)),
                _ => Err(format!("`{column}` is not a whole number up to a million")),
            },
        };
        let (tensor, pipeline) = (degree("tp")?, degree("pp")?);
        let count = degree("n_acc")?;
        let split = tensor.or(pipeline).map(|_| (tensor.unwrap_or(1.0), pipeline.unwrap_or(1.0)));
        let devices = count.or(split.map(|(tensor, pipeline)| tensor * pipeline)).unwrap_or(1.0) * times;
        let (engine, scenario, metric, unit) = (text("engine"), text("scenario"), text("metric"), text("unit"));
        let local = engine.contains("llama.cpp") || engine.contains("llamacpp") || engine.contains("gguf");
        let precision = text("precision");
        let (format, bits) = weights(&precision, device)?;

        let per_device = ["/gpu", "per gpu", "/acc", "per_gpu", "/chip"].iter().any(|it| unit.contains(it)) || metric.contains("per_gpu");
        let per_node = unit.contains("/node") || metric.contains("per_node");
        let rate = if per_device {
            1.0 / devices
        } else if per_node {
            NODE / devices
        } else {
            1.0
        };
        let time = if unit.starts_with("ms") || unit.contains("millisecond") || metric.ends_with("_ms") { 1e3 } else { 1.0 };

        let length = |column: &str| row.get(column).and_then(number_in);
        // Cells with words (`cnn_dm ~778`) name a data set whose lengths we know.
        let set = data_set(architecture);
        let known = |column: &str, of: fn(&DataSet) -> f64| row.number(column).or(set.as_ref().map(of)).or(length(column));
        let (prompt, answer) = (known("isl", |it| it.prompt), known("osl", |it| it.answer));
        let lengths = || match (prompt, answer) {
            (Some(prompt), Some(answer)) if prompt >= 0.0 && answer >= 1.0 && prompt + answer <= 1e8 => Ok((prompt, answer)),
            _ => Err("lengths of prompts and answers are not given".to_owned()),
        };
        let batch = length("batch_or_concurrency").filter(|value| *value >= 1.0 && *value <= 1e9);

        let asks = |words: &[&str]| words.iter().any(|word| metric.contains(word));
        let (kind, scale) = if asks(&["fits"]) {
            (Kind::Fits { context: length("isl").unwrap_or(0.0) + length("osl").unwrap_or(1024.0) }, 1.0)
        } else if local && asks(&["prefill", "prompt"]) {
            (Kind::LocalPrefill { prompt: prompt.filter(|it| *it >= 1.0).unwrap_or(1024.0) }, 1.0)
        } else if local && asks(&["decode", "generation", "output", "tokens_per_s"]) {
            (Kind::LocalDecode { context: length("isl").unwrap_or(0.0) + length("osl").unwrap_or(1024.0) / 2.0 }, 1.0)
        } else if asks(&["first_token", "ttft", "prefill_latency"]) {
            let prompt = prompt.filter(|it| *it >= 1.0).ok_or("the length of prompts is not given")?;
            (Kind::FirstToken { batch: batch.unwrap_or(1.0), prompt }, time)
        } else if asks(&["time_per_output", "tpot", "inter_token", "itl", "per_token", "token_latency", "latency_per"])
            && !asks(&["energy", "joule"])
        {
            let (prompt, answer) = (prompt.unwrap_or(DECODE_PROMPT), answer.unwrap_or(DECODE_ANSWER));
            // BLOOM's tables count milliseconds for each token of the whole batch.
            let share = if metric.contains("throughput") { 1.0 / batch.unwrap_or(1.0) } else { 1.0 };
            (Kind::TokenTime { batch: batch.unwrap_or(1.0), prompt, answer }, time * share)
        } else if asks(&["decode_tokens", "prefill_tokens"]) {
            let spread = length("ep").or(count).filter(|value| *value >= 1.0);
            let context = length("isl").map_or(DISAGGREGATED, |prompt| prompt + length("osl").unwrap_or(0.0) / 2.0);
            (Kind::Disaggregated { context, spread, decode: metric.contains("decode") }, rate)
        } else if asks(&["throughput", "tokens_per_s", "tokens/s", "token_rate"]) {
            let (prompt, answer) = lengths()?;
            let group = text("group");
            if scenario.contains("offline max") || scenario.contains("max throughput") || text("batch_or_concurrency").starts_with("max") {
                (Kind::FullQueue { prompt, answer }, rate)
            } else if let Some(batch) = batch {
                (Kind::FixedBatch { batch, prompt, answer }, rate)
            } else {
                let limits = set.as_ref().map_or((f64::INFINITY, f64::INFINITY), |it| (it.server, it.interactive));
                let limit = match scenario.as_str() {
                    "server" => limits.0,
                    "interactive" => limits.1,
                    _ => f64::INFINITY,
                };
                let kind = Kind::Scenario {
                    prompt,
                    answer,
                    limit,
                    arrivals: matches!(scenario.as_str(), "server" | "interactive"),
                    interactive: scenario == "interactive",
                    earlier: ["v3.", "v4."].iter().any(|round| text("source").contains(round)),
                    power_limited: group.ends_with("power"),
                };
                (kind, rate)
            }
        } else {
            return Err(format!("metric `{metric}` is not one of this table's laws"));
        };
        if local && !matches!(kind, Kind::LocalDecode { .. } | Kind::LocalPrefill { .. } | Kind::Fits { .. }) {
            return Err("of llama.cpp only prefill, decode and memory are modelled".to_owned());
        }
        Ok(Self { kind, device, architecture, devices, split, format, bits, scale })
    }
}

/// Devices of a node of published production figures.
const NODE: f64 = 8.0;
/// Lengths where a table of times per token does not say: 100 tokens after a short prompt (BLOOM's benchmark).
const DECODE_PROMPT: f64 = 16.0;
const DECODE_ANSWER: f64 = 100.0;
/// Mean context where a production figure does not say (DeepSeek-AI 2025, day 6 of the open-infra week: 4,989 tokens).
const DISAGGREGATED: f64 = 4989.0;

/// `4090 24GB * 4` is four boards.
fn several(name: &str) -> (f64, &str) {
    for mark in [" * ", " x ", " X ", "*"] {
        let Some((board, count)) = name.rsplit_once(mark) else { continue };
        if let Some(count) = count.trim().parse().ok().filter(|count: &f64| (1.0..=1e6).contains(count) && count.fract() == 0.0) {
            return (count, board.trim());
        }
    }
    (1.0, name)
}

/// Formats of GGUF, mean bits of a weight (llama.cpp, table of quantisations); a cell may give them: `Q4_K_M (~4.85 bpw)`.
const GGUF: [(&str, f64); 9] = [
    ("q8", 8.5),
    ("q6", 6.56),
    ("q5_k_s", 5.54),
    ("q5", 5.69),
    ("q4_k_m", 4.85),
    ("q4_k_s", 4.58),
    ("q4", 4.55),
    ("q3", 3.91),
    ("q2", 3.0),
];

/// Format and bits of weights. Where a submitter may choose, the fastest format that the device has units for.
fn weights(precision: &str, device: &Device) -> Result<(Format, f64), String> {
    if precision.is_empty() || precision.contains("vendor") {
        let format = if device.peak_fp4.is_some() {
            Format::Fp4
        } else if device.peak_fp8.is_some() {
            Format::Fp8
        } else if device.peak_int8.is_some() && device.generation != Generation::Xe2 {
            Format::Int8
        } else {
            Format::Int4
        };
        return Ok((format, format.bytes() * 8.0));
    }
    if let Some((_, usual)) = GGUF.iter().find(|(word, _)| precision.starts_with(word)) {
        let given = precision.split_once('~').and_then(|(_, rest)| number_in(rest));
        return Ok((Format::Int4, given.filter(|bits| (1.0..=32.0).contains(bits)).unwrap_or(*usual)));
    }
    let format = Format::parse(precision)
        .or_else(|| precision.split(|c: char| !c.is_ascii_alphanumeric()).find_map(Format::parse))
        .ok_or_else(|| format!("unknown precision `{precision}`"))?;
    Ok((format, if format == Format::Bf16 { 16.0 } else { format.bytes() * 8.0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    fn ask(cells: &str) -> Result<Question, String> {
        let header = "group,source,model,accelerator,n_acc,precision,tp,pp,ep,batch_or_concurrency,isl,osl,scenario,engine,metric,unit";
        let table = Table::read(&format!("{header}\n{cells}\n")).unwrap();
        let row = table.rows().next().unwrap();
        Question::of(row)
    }

    #[test]
    fn rows_are_understood() {
        let it = ask("g,s,Llama-3.3-70B,B200-SXM,1,fp4,1,1,,max (infinite request rate),128,2048,offline max throughput,TensorRT-LLM,total_output_throughput,tokens/s (whole config)").unwrap();
        assert_eq!((it.kind, it.format, it.split), (Kind::FullQueue { prompt: 128.0, answer: 2048.0 }, Format::Fp4, Some((1.0, 1.0))));
        let it = ask("g,MLPerf Inference v4.1,Llama-2-70B,MI300X,8,vendor choice (fp8/fp4),,,,vendor choice,OpenOrca mean ~294,mean ~294,Server,vLLM,tokens_per_s,tokens/s (whole system)").unwrap();
        let Kind::Scenario { limit, earlier, arrivals, .. } = it.kind else { panic!("{:?}", it.kind) };
        assert_eq!((limit, earlier, arrivals, it.format, it.scale), (0.2, true, true, Format::Fp8, 1.0));
        let it = ask("g,s,Llama-3-8B,4090 24GB * 4,,Q4_K_M (~4.85 bpw),,,,1,0,1024,batch-1 decode,llama.cpp,decode_tokens_per_s,tokens/s")
            .unwrap();
        assert_eq!((it.kind, it.devices, it.bits), (Kind::LocalDecode { context: 512.0 }, 4.0, 4.85));
        let it = ask("g,s,LLaMA-7B,A100-80GB,2,fp16,2,1,,64,2048,2048,static batch offline,TensorRT-LLM,output_throughput,tokens/s/GPU")
            .unwrap();
        assert_eq!((it.kind, it.scale), (Kind::FixedBatch { batch: 64.0, prompt: 2048.0, answer: 2048.0 }, 0.5));
    }

    #[test]
    fn odd_rows_say_why() {
        let row = |model: &str, board: &str, n: &str, precision: &str, metric: &str| {
            ask(&format!("g,s,{model},{board},{n},{precision},,,,max,128,128,offline,x,{metric},tokens/s")).unwrap_err()
        };
        assert!(row("nonesuch", "B200-SXM", "1", "fp8", "output_throughput").contains("unknown model"));
        assert!(row("Llama-2-70B", "Z80", "1", "fp8", "output_throughput").contains("unknown accelerator"));
        assert!(row("Llama-2-70B", "B200-SXM", "-3", "fp8", "output_throughput").contains("n_acc"));
        assert!(row("Llama-2-70B", "B200-SXM", "NaN", "fp8", "output_throughput").contains("n_acc"));
        assert!(row("Llama-2-70B", "B200-SXM", "1", "fp3", "output_throughput").contains("precision"));
        assert!(row("Llama-2-70B", "B200-SXM", "1", "fp8", "happiness").contains("metric"));
    }
}
