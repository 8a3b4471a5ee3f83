//! Throughput against published measurements: a few re-typed here, all of the reference tables where they are at hand.

#![allow(clippy::print_stdout, reason = "tests show their figures, and say when a table is missing")]

use std::path::PathBuf;

use bastide_predict::{Evaluation, Summary, Table, evaluate, family_of};

/// Llama 3 405B (Grattafiori et al. 2024, table 4), GPT models (Narayanan et al. 2021, table 1), DeepSeek-V3 (DeepSeek-AI 2024,
/// table 1): utilisation, rates and hours, with the layouts as published.
const TRAINING: &str = "\
id,group,source,model,arch,params_b,active_params_b,layers,hidden,seq_len,accelerator,n_acc,precision,tp,pp,cp,dp,ep,vp,micro_batch,global_batch,recompute,framework,metric,value,unit,note
1,llama-3,Grattafiori et al. 2024 table 4,Llama-3.1-405B,dense,405,,126,16384,8192,H100-SXM-80GB,8192,bf16,8,16,1,64,,,,2048,,\"Meta internal 4D, RoCE 400Gb\",MFU,43,%,
2,llama-3,Grattafiori et al. 2024 table 4,Llama-3.1-405B,dense,405,,126,16384,8192,H100-SXM-80GB,16384,bf16,8,16,1,128,,,,2048,,\"Meta internal 4D, RoCE 400Gb\",MFU,41,%,
3,llama-3,Grattafiori et al. 2024 table 4,Llama-3.1-405B,dense,405,,126,16384,131072,H100-SXM-80GB,16384,bf16,8,16,16,8,,,,128,,\"Meta internal 4D, RoCE 400Gb\",MFU,38,%,
4,gpt,Narayanan et al. 2021 table 1,GPT 1.7B,dense GPT,1.7,,24,2304,2048,A100-80GB,32,bf16/fp16 mixed,1,1,,32,,,,512,full,\"Megatron-LM PTD-P, Selene 8x200Gb HDR\",TFLOP_per_s_per_gpu_hw,137,TFLOP/s,
5,gpt,Narayanan et al. 2021 table 1,GPT 7.5B,dense GPT,7.5,,36,4096,2048,A100-80GB,128,bf16/fp16 mixed,4,1,,32,,,,512,full,\"Megatron-LM PTD-P, Selene 8x200Gb HDR\",TFLOP_per_s_per_gpu_hw,142,TFLOP/s,
6,gpt,Narayanan et al. 2021 table 1,GPT 39.1B,dense GPT,39.1,,48,8192,2048,A100-80GB,512,bf16/fp16 mixed,8,2,,32,,,,1536,full,\"Megatron-LM PTD-P, Selene 8x200Gb HDR\",TFLOP_per_s_per_gpu_hw,138,TFLOP/s,
7,gpt,Narayanan et al. 2021 table 1,GPT 145.6B,dense GPT,145.6,,80,12288,2048,A100-80GB,1536,bf16/fp16 mixed,8,8,,24,,,,2304,full,\"Megatron-LM PTD-P, Selene 8x200Gb HDR\",TFLOP_per_s_per_gpu_hw,148,TFLOP/s,
8,deepseek,DeepSeek-AI 2024 table 1,DeepSeek-V3,MoE,671,37,61,7168,4096,H800-SXM-80GB,2048,fp8,,,,,,,,15360,,,pretrain_gpu_hours,2664000,h,14.8T tokens
";

fn answered(text: &str) -> Evaluation {
    let table = Table::read(text).unwrap();
    evaluate(family_of(&table).unwrap(), &table)
}

#[test]
fn published_training_runs() {
    // What each row may be off: three layouts of one software, Megatron-LM of 2021, and one whose layout nobody says.
    let bounds = [("llama-3", 0.12), ("gpt", 0.10), ("deepseek", 0.35)];
    for row in answered(TRAINING).rows {
        let (published, ours) = (row.answers[0].measured.unwrap(), row.answers[0].outcome.as_ref().unwrap());
        let error = ours.value / published - 1.0;
        println!("{} {}: published {published}, ours {:.4} ({:+.1} %)", row.group, row.id, ours.value, error * 100.0);
        let bound = bounds.iter().find(|(group, _)| *group == row.group).unwrap().1;
        assert!(error.abs() < bound, "{} {}: {error}", row.group, row.id);
        assert!(ours.low90 < ours.value && ours.value < ours.high90);
    }
}

/// The reference tables, where they are.
fn reference(name: &str) -> Option<Evaluation> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or_else(|| crate::support::root().join("../shared/data"), PathBuf::from);
    let path = folder.join("ai").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(answered(&text)),
        Err(_) => {
            println!("skipped: no reference table {}", path.display());
            None
        }
    }
}

fn left_out(evaluation: &Evaluation, metric: &str) -> Summary {
    evaluation.summaries().into_iter().find(|it| it.name == "left out" && it.metric == metric).unwrap()
}

/// Errors on groups that no fit has seen, with a margin over what was found (`docs/validation.md`), so that a change that makes
/// predictions worse is noticed.
#[test]
fn groups_that_no_fit_has_seen() {
    let bounds = [
        // Table, metric, largest median and mean error, least coverage of the 90 % interval.
        ("calibration_gemm.csv", "latency", 0.045, 0.07, 0.85),
        ("calibration_attention.csv", "latency", 0.06, 0.08, 0.85),
        ("training.csv", "MFU", 0.09, 0.12, 0.80),
        ("training_steps_memory.csv", "peak_memory_allocated", 0.01, 0.01, 0.85),
        ("training_steps_memory.csv", "step_time", 0.08, 0.09, 0.80),
        ("inference.csv", "tokens_per_s", 0.13, 0.16, 0.85),
        ("inference_silicon_e2e.csv", "tpot", 0.25, 0.55, 0.60),
        ("inference_silicon_e2e.csv", "ttft", 0.45, 1.10, 0.50),
    ];
    for (name, metric, median, mean, coverage) in bounds {
        let Some(evaluation) = reference(name) else { continue };
        let it = left_out(&evaluation, metric);
        println!(
            "{name} {metric}: n {}, median {:.4}, mean {:.4}, p90 {:.4}, coverage {:.3}",
            it.n, it.median, it.mean, it.p90, it.coverage
        );
        assert!(it.median <= median && it.mean <= mean && it.coverage >= coverage, "{name} {metric}: {it:?}");
    }
}

#[test]
fn bandwidth_of_low_communication_training_within_a_grid_step() {
    let Some(evaluation) = reference("distributed.csv") else { return };
    let cells: Vec<f64> = evaluation
        .rows
        .iter()
        .flat_map(|row| &row.answers)
        .filter(|it| it.metric.starts_with("bandwidth_for_CU"))
        .map(|it| (it.outcome.as_ref().unwrap().value / it.measured.unwrap()).ln().abs())
        .collect();
    // The papers sweep the bandwidth in steps of 1.21 (Douillard et al. 2025).
    let near = cells.iter().filter(|error| **error <= 1.215_f64.ln()).count();
    println!("{near} of {} cells within one grid step", cells.len());
    assert!(near as f64 >= 0.9 * cells.len() as f64);
}
