//! The model of training beside published runs: single figures typed again with their sources, and the rows that no fit has seen.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::PathBuf;

use bastide_predict::{Evaluation, Table, evaluate, family_of};

const HEADER: &str = "id,group,source,source_ref,model,arch,params_b,active_params_b,layers,hidden,seq_len,accelerator,n_acc,precision,\
                      tp,pp,cp,dp,ep,vp,micro_batch,global_batch,recompute,framework,metric,value,unit,note,verified\n";

fn read(rows: &str) -> Evaluation {
    let table = Table::read(&format!("{HEADER}{rows}")).unwrap();
    let family = family_of(&table).unwrap();
    assert_eq!(family.name(), "training");
    evaluate(family, &table)
}

/// Largest error of published figures.
fn worst(rows: &str) -> f64 {
    let evaluation = read(rows);
    let errors = evaluation.rows.iter().flat_map(|row| &row.answers).map(|it| {
        let predicted = it.outcome.as_ref().unwrap().value;
        (predicted / it.measured.unwrap() - 1.0).abs()
    });
    errors.fold(0.0, f64::max)
}

fn reference(name: &str) -> Option<Table> {
    let root = std::env::var("BASTIDE_REFERENCE_DATA")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join("ai").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no reference table at {}", path.display());
        return None;
    };
    Some(Table::read(&text).unwrap())
}

#[test]
fn llama_3_405b() {
    // Llama 3 (2024), Table 4: 43 % on 8,192, 41 % on 16,384 H100, 38 % at 131,072 tokens with context parallelism.
    let error = worst(
        "a,v,Llama 3 herd of models,,Llama-3.1-405B,dense,405,,126,16384,8192,H100-SXM-80GB,8192,bf16,8,16,1,64,,,,32 seq per DP group,,\
         \"Meta internal 4D (TP,CP,PP,FSDP), RoCE 400Gb\",MFU,43,%,,yes\n\
         b,v,Llama 3 herd of models,,Llama-3.1-405B,dense,405,,126,16384,8192,H100-SXM-80GB,16384,bf16,8,16,1,128,,,,16 seq per DP group,,\
         \"Meta internal 4D (TP,CP,PP,FSDP), RoCE 400Gb\",MFU,41,%,,yes\n\
         c,v,Llama 3 herd of models,,Llama-3.1-405B,dense,405,,126,16384,131072,H100-SXM-80GB,16384,bf16,8,16,16,8,,,,16 seq per DP group,,\
         \"Meta internal 4D (TP,CP,PP,FSDP), RoCE 400Gb\",MFU,38,%,,yes\n",
    );
    assert!(error < 0.15, "{error}");
}

#[test]
fn megatron_lm_2021() {
    // Narayanan et al. 2021, Table 1: 1.7B to 530B on 32 to 2,520 A100; TFLOP/s of the hardware, recomputation included.
    let row = |b: &str, layers: u32, hidden: u32, n: u32, tp: u32, pp: u32, batch: u32, value: f64| {
        format!(
            "a,v,Narayanan et al. 2021 (arXiv 2104.04473),,GPT {b}B,\"dense GPT\",{b},,{layers},{hidden},2048,A100-80GB,{n},mixed,{tp},{pp},,,,,,\
             {batch},full,\"Megatron-LM PTD-P, Selene 8x200Gb HDR\",TFLOP_per_s_per_gpu_hw,{value},TFLOP/s/GPU,,yes\n"
        )
    };
    let rows = [
        row("1.7", 24, 2304, 32, 1, 1, 512, 137.0),
        row("7.5", 36, 4096, 128, 4, 1, 512, 142.0),
        row("39.1", 48, 8192, 512, 8, 2, 1536, 138.0),
        row("145.6", 80, 12_288, 1536, 8, 8, 2304, 148.0),
        row("529.6", 105, 20_480, 2520, 8, 35, 2520, 163.0),
    ];
    let error = worst(&rows.concat());
    assert!(error < 0.12, "{error}");
}

#[test]
fn deepseek_v3() {
    // DeepSeek-AI 2024, DeepSeek-V3, Table 1: 2.664 million H800 hours for 14.8 trillion tokens; the layout is ours.
    let error = worst(
        "a,v,DeepSeek-V3 technical report,,DeepSeek-V3,MoE,671,37,61,7168,4096,H800-SXM-80GB,2048,fp8,,,,,,,,,,,pretrain_gpu_hours,2664000,\
         H800 GPU-hours,14.8T tokens,yes\n",
    );
    assert!(error < 0.35, "{error}");
}

#[test]
fn bad_rows_say_why() {
    let reason = |row: &str| {
        let evaluation = read(row);
        evaluation.rows[0].answers[0].outcome.clone().unwrap_err()
    };
    let row = |model: &str, device: &str, n: &str, tp: &str, batch: &str, metric: &str| {
        format!("a,v,x,,{model},MoE,,,,,4096,{device},{n},bf16,{tp},1,1,,,,1,{batch},,,{metric},1,%,,yes\n")
    };
    assert!(reason(&row("llama-9", "H100", "8", "8", "8", "MFU")).contains("`llama-9` is not known; nearest: `llama"));
    assert!(reason(&row("llama-3.1-8b", "H1000", "8", "8", "8", "MFU")).contains("nearest: `h100"));
    assert!(reason(&row("llama-3.1-8b", "H100", "8", "3", "8", "MFU")).contains("not 8 devices"));
    assert!(reason(&row("llama-3.1-8b", "H100", "-8", "1", "8", "MFU")).contains("`n_acc` is not a number above zero"));
    assert!(reason(&row("llama-3.1-8b", "H100", "8.5", "1", "8", "MFU")).contains("not a whole number"));
    assert!(reason(&row("llama-3.1-8b", "H100", "8", "8", "many", "MFU")).contains("`global_batch` cannot be read"));
    assert!(reason(&row("llama-3.1-8b", "H100", "8", "8", "8", "smiles")).contains("not a known metric"));
    assert!(reason(&row("llama-3.1-8b", "H100", "8", "8", "8", "time_to_train")).contains("benchmark"));
    // Absurd numbers are answered or refused, never a panic.
    for odd in ["0", "-1", "nan", "inf", "1e300", "9999999", "1", ""] {
        for column in 0..29 {
            let mut fields: Vec<String> = "a,v,x,,llama-3.1-8b,dense,8,,32,4096,4096,H100,8,bf16,2,2,1,2,1,1,1,8,full,general,MFU,1,%,,yes"
                .split(',')
                .map(str::to_owned)
                .collect();
            fields[column] = odd.to_owned();
            let _ = read(&(fields.join(",") + "\n"));
        }
    }
}

#[test]
fn training_groups_left_out_are_predicted() {
    let Some(table) = reference("training.csv") else { return };
    let summaries = evaluate(family_of(&table).unwrap(), &table).summaries();
    let of = |name: &str, metric: &str| summaries.iter().find(|it| it.name == name && it.metric == metric).unwrap();
    // Three groups are of software and chips that were fitted; the largest is of TPUs, of which no fitted row tells.
    for (group, mean) in [("mpt-1b/h100_80gb", 0.06), ("mpt-30b/h100_80gb", 0.10), ("mpt-3b/a100_80gb", 0.05), ("maxtext/TPU-v5e", 0.15)] {
        let it = of(group, "MFU");
        assert!(it.mean < mean && it.unsupported == 0, "{it:?}");
    }
    let all = of("left out", "MFU");
    assert!(all.median < 0.06 && all.mean < 0.08 && all.coverage > 0.85, "{all:?}");
    let time = of("left out", "time_to_train");
    assert!(time.mean < 0.15 && time.coverage > 0.85, "{time:?}");
    let fitted = of("fitted", "MFU");
    assert!(fitted.mean < 0.05 && fitted.p90 < 0.12, "{fitted:?}");
}

#[test]
fn steps_of_groups_left_out_are_predicted() {
    let Some(table) = reference("training_steps_memory.csv") else { return };
    let summaries = evaluate(family_of(&table).unwrap(), &table).summaries();
    let it = summaries.iter().find(|it| it.name == "left out" && it.metric == "step_time").unwrap();
    assert!(it.mean < 0.05 && it.p90 < 0.1 && it.coverage > 0.8, "{it:?}");
}
