#![expect(clippy::print_stderr, reason = "what is skipped and what was measured must be seen")]

use std::path::PathBuf;

use super::*;
use crate::evaluate;

const COLUMNS: &str = "id,group,model,accelerator,backend,backend_version,precision,gemm_quant_mode,moe_quant_mode,mode,isl,osl,\
                       concurrency,tp_size,pp_size,attention_dp_size,moe_tp_size,moe_ep_size,prefill_num_workers,prefill_tp_size,\
                       decode_num_workers,decode_tp_size,ttft_ms,tpot_ms,measured_date";

fn reference() -> Option<Table> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("ai/inference_silicon_e2e.csv")) else {
        eprintln!("skipped: no reference table of serving configurations");
        return None;
    };
    Some(Table::read(&text).unwrap())
}

fn answers(row: &str) -> Vec<Answer> {
    let table = Table::read(&format!("{COLUMNS}\n{row}\n")).unwrap();
    let row = table.rows().next().unwrap();
    Silicon.answer(row)
}

fn value(row: &str) -> f64 {
    answers(row)[0].outcome.as_ref().unwrap().value
}

#[test]
fn measured_configurations_are_near() {
    let Some(table) = reference() else { return };
    let evaluation = evaluate(&Silicon, &table);
    let summary = |name: &str, metric: &str| {
        let it = evaluation.summaries().into_iter().find(|it| it.name == name && it.metric == metric).unwrap();
        eprintln!("{it:?}");
        it
    };
    let (tpot, ttft) = (summary("fitted", "tpot"), summary("fitted", "ttft"));
    assert!(tpot.n > 1800 && tpot.unsupported == 0, "{tpot:?}");
    assert!(tpot.median < 0.10 && tpot.mean < 0.16 && tpot.p90 < 0.37, "{tpot:?}");
    assert!(ttft.median < 0.26 && ttft.mean < 0.34, "{ttft:?}");
    // Most of the groups that no fit saw are disaggregated without a word on how many workers there are.
    let (tpot, ttft) = (summary("left out", "tpot"), summary("left out", "ttft"));
    assert!(tpot.median < 0.22 && ttft.median < 0.42, "{tpot:?} {ttft:?}");
    for metric in ["tpot", "ttft"] {
        let all = summary("all", metric);
        assert!((0.85..0.97).contains(&all.coverage), "{all:?}");
    }
}

/// `BASTIDE_WRITE_FIT` names the file of parameters to write.
#[test]
#[ignore = "takes minutes"]
fn the_parameters_are_fitted() {
    let Some(table) = reference() else { return };
    let text = Silicon.fit(&table).unwrap();
    let fitted: Parameters = toml::from_str(&text).unwrap();
    assert!(fitted.products > 0.0);
    if let Some(path) = std::env::var_os("BASTIDE_WRITE_FIT") {
        std::fs::write(path, &text).unwrap();
    }
}

#[test]
fn a_row_is_answered_with_its_terms() {
    let row = "1,g,meta-llama/Llama-3.1-70B,b200_sxm,vllm,0.11,fp8,fp8,fp8,agg,1024,1024,16,4,1,1,4,1,,,,,100,10,2025-10-29";
    let it = answers(row);
    assert_eq!((it[0].metric.as_str(), it[1].metric.as_str()), ("tpot", "ttft"));
    for answer in &it {
        let prediction = answer.outcome.as_ref().unwrap();
        assert!(prediction.low90 < prediction.value && prediction.value < prediction.high90);
        assert!(prediction.terms.len() > 1, "{prediction:?}");
    }
    // Software ages: terms are of the current.
    let sum: f64 = it[0].outcome.as_ref().unwrap().terms.iter().map(|term| term.seconds * 1e3).sum();
    assert!((sum / it[0].outcome.as_ref().unwrap().value - 1.0).abs() < 0.2, "{sum}");
}

#[test]
fn degrees_that_a_table_multiplied_are_divided() {
    // A deployment of 4 devices with experts over 4 is listed as tensor parallel 16 = 4 x 4.
    let listed = "1,g,gpt-oss-120b,h200_sxm,trtllm,1.0,fp4,nvfp4,nvfp4,agg,1024,1024,16,16,1,1,4,4,,,,,,,";
    let meant = "1,g,gpt-oss-120b,h200_sxm,trtllm,1.0,fp4,nvfp4,nvfp4,agg,1024,1024,16,4,1,1,1,4,,,,,,,";
    assert!((value(listed) / value(meant) - 1.0).abs() < 1e-9);
    // Two groups of data-parallel attention on two devices.
    let listed = "1,g,MiniMaxAI/MiniMax-M2.5,b200_sxm,vllm,0.19,fp8,fp8,fp8,agg,1024,1024,64,2,1,2,1,4,,,,,,,";
    let meant = "1,g,MiniMaxAI/MiniMax-M2.5,b200_sxm,vllm,0.19,fp8,fp8,fp8,agg,1024,1024,64,1,1,2,1,2,,,,,,,";
    assert!((value(listed) / value(meant) - 1.0).abs() < 1e-9);
}

#[test]
fn more_workers_leave_fewer_requests_for_each() {
    let row = |workers: &str| {
        format!("1,g,Kimi-K2.5,gb200,trtllm,1.1,fp4,nvfp4,nvfp4,disagg,1024,1024,256,,1,1,1,1,1,4,{workers},8,400,12,2026-04-18")
    };
    assert!(value(&row("2")) > value(&row("8")));
    assert!(value(&row("")).is_finite());
}

#[test]
fn rows_that_cannot_be_answered_say_why() {
    let reason = |row: &str| answers(row)[0].outcome.clone().unwrap_err();
    assert!(reason("1,g,no-such,h200,vllm,,fp8,,,agg,1,1,1,1,,,,,,,,,,,").starts_with("unknown model `no-such`; nearest: "));
    assert!(reason("1,g,llama-3.1-8b,h201,vllm,,fp8,,,agg,1,1,1,1,,,,,,,,,,,").starts_with("unknown accelerator `h201`; nearest: "));
    assert_eq!(reason("1,g,llama-3.1-8b,h200,vllm,,odd,,,agg,1,1,1,1,,,,,,,,,,,"), "no number format `odd`");
    assert_eq!(reason("1,g,llama-3.1-8b,h200,vllm,,fp8,,,agg,-5,1,1,1,,,,,,,,,,,"), "`isl` is not a number above zero: -5");
    assert!(reason("1,g,llama-3.1-8b,h200,vllm,,fp8,,,agg,100,100,8,1.5,,,,,,,,,,,").contains("tensor parallel"));
    let large = reason("1,g,llama-3.1-405b,h100,vllm,,bf16,,,agg,1000,1000,8,2,,,,,,,,,,,");
    assert!(large.contains("does not fit") && large.contains("GB"), "{large}");
}
