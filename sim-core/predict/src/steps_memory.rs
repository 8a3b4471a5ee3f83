//! Rows of peak memory in tables of single training steps.

use std::collections::BTreeMap;

use bastide_cost_models::compute::training::Recompute;
use bastide_cost_models::compute::training::memory::{USABLE_FOR_TRAINING, memory_prediction};
use bastide_cost_models::compute::{Prediction, left_out};

use crate::training::Run;
use crate::{Row, Table};

/// What a row's words say of the run beyond its columns.
///
/// A model cut to few layers keeps one dense layer where the whole one has several: DeepSeek runs of `SimuMax`
/// (`--moe-layer-freq ([0]*1+[1]*n)`). Its Llama 405B has 16 groups of keys and values (`num_query_groups=16`), the published one
/// 8. Case names say what is recomputed (`full_recompute`), how many chunks a stage has (`vp2`) and whether the loss is
/// fused (`cef`).
#[must_use]
pub fn as_launched(mut run: Run, row: Row<'_>, whole_layers: f64) -> Run {
    let text = |column: &str| row.get(column).unwrap_or_default().to_ascii_lowercase();
    let simumax = text("source").contains("simumax");
    let reference = text("source_ref");
    let case = reference.split_once(" case ").map_or("", |it| it.1);
    let words = format!("{case} {}", text("note"));
    if let Some(experts) = run.architecture.experts.as_mut().filter(|_| run.architecture.layers < whole_layers) {
        experts.dense_layers = experts.dense_layers.min(1.0);
    }
    if simumax && text("model").contains("405b") {
        run.architecture.attention.kv_heads = 16.0;
    }
    if words.contains("full_recompute") || words.contains("full recompute") {
        run.layout.recompute = Recompute::Full;
    }
    if simumax && !case.is_empty() && !case.ends_with("_cef") {
        run.layout.fused_cross_entropy = false;
    }
    let chunks = case.split('_').find_map(|word| word.strip_prefix("vp").and_then(|digits| digits.parse::<u32>().ok()));
    if let Some(chunks) = chunks.filter(|it| (1..=64).contains(it)) {
        run.layout.interleaving = chunks;
    }
    run
}

/// Peak memory of a row's run in the unit of the row.
///
/// # Errors
/// Why the row cannot be answered, for its `reason`.
pub fn answer_memory(row: Row<'_>) -> Result<Prediction, String> {
    let run = Run::of_step(row)?;
    let whole_layers = row.get("model").and_then(bastide_cost_models::compute::architecture).map_or(0.0, |it| it.1.layers);
    let run = as_launched(run, row, whole_layers);
    let it = memory_prediction(&run.task(), &run.layout);
    // What the allocator reserves holds fragments too.
    let reserved = if row.get("metric").is_some_and(|it| it.contains("reserved")) { 1.0 / USABLE_FOR_TRAINING } else { 1.0 };
    let unit = match row.get("unit").unwrap_or("GiB") {
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GB" => 1e9,
        "MB" => 1e6,
        "B" | "bytes" => 1.0,
        other => return Err(format!("`{other}` is not a unit of memory: GiB, MiB, GB, MB, B")),
    };
    if !(it.value.is_finite() && it.value > 0.0) {
        return Err("the run has no finite memory".to_owned());
    }
    let scale = reserved / unit;
    Ok(Prediction { value: it.value * scale, low90: it.low90 * scale, high90: it.high90 * scale, ..it })
}

/// The interval of peak memory from a table, as the TOML text of `cost-models/data/throughput/training_memory.toml`.
///
/// Nothing else of the memory is fitted, so that every row's residual is one of a row not seen; micro-batch counts do not change the
/// peak, so that configurations count once. With n configurations the 90 % quantile of the residual's size is its
/// `ceil(0.9 (n + 1))`-th; twice that is taken, since a few configurations are not what users will ask. `None` without rows.
#[must_use]
pub fn fit_memory(table: &Table) -> Option<String> {
    let mut sizes: BTreeMap<u64, f64> = BTreeMap::new();
    let seen = |row: &Row<'_>| row.get("metric") == Some("peak_memory_allocated") && !left_out(row.get("group").unwrap_or_default());
    for row in table.rows().filter(seen) {
        let (Ok(it), Ok(measured)) = (answer_memory(row), row.positive("value")) else { continue };
        sizes.insert(it.value.to_bits(), (measured / it.value).ln().abs());
    }
    let mut sizes: Vec<f64> = sizes.into_values().collect();
    sizes.sort_by(f64::total_cmp);
    let last = sizes.len().checked_sub(1)?;
    let rank = ((sizes.len() + 1) as f64 * 0.9).ceil() as usize;
    let high = 2.0 * sizes[(rank.max(1) - 1).min(last)];
    Some(format!(
        "# Memory of training steps. The model itself has no fitted parameter.\nprovenance = \"\"\"\nFrom {} configurations of Megatron-LM on 8 B200 \
         (SimuMax 1.2, Moore Threads 2026,\ngithub MooreThreads/SimuMax 4dcaae5): twice the 90 % quantile of |ln(measured / predicted)|.\"\"\"\n\
         interval = {{ low = {:.5}, high = {high:.5} }}\n",
        sizes.len(),
        -high
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! say {
        ($($it:tt)*) => {{
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), $($it)*);
        }};
    }

    const HEADER: &str = "id,group,source,source_ref,model,n_layers_run,accelerator,n_acc,precision,tp,pp,dp,ep,cp,seq_len,micro_batch_size,micro_batch_count,metric,value,unit,note";

    fn answer(line: &str) -> Result<Prediction, String> {
        let table = Table::read(&format!("{HEADER}\n{line}\n")).unwrap();
        answer_memory(table.rows().next().unwrap())
    }

    #[test]
    fn a_row_is_answered_in_its_unit() {
        // SimuMax 1.2 (Moore Threads 2026): 28.29 GiB measured.
        let row = |unit: &str| {
            format!(
                "x,g,SimuMax,r case llama3_70b_l12_tp8_pp1_dp1_mbc4_cef,llama3-70b,12,B200-SXM,8,bf16,8,1,1,1,1,4096,1,4,peak_memory_allocated,28.29,{unit},"
            )
        };
        let gib = answer(&row("GiB")).unwrap();
        assert!((gib.value / 28.29 - 1.0).abs() < 0.005 && gib.low90 < gib.value && gib.value < gib.high90, "{gib:?}");
        let gb = answer(&row("GB")).unwrap();
        assert!((gb.value / gib.value - 1.073_741_824).abs() < 1e-9);
        assert!(answer(&row("furlong")).unwrap_err().contains("unit of memory"));
    }

    #[test]
    fn words_of_the_case_change_the_run() {
        let row = |case: &str| {
            answer(&format!("x,g,SimuMax,r case {case},llama3-70b,8,B200-SXM,8,bf16,1,4,2,1,1,4096,1,8,peak_memory_allocated,,GiB,"))
                .unwrap()
                .value
        };
        let plain = row("llama3_70b_l8_tp1_pp4_dp2_mbc8_cef");
        assert!(row("llama3_70b_l8_tp1_pp4_vp2_dp2_mbc8_cef") > plain);
        assert!(row("llama3_70b_l8_tp1_pp4_dp2_mbc8_full_recompute_cef") < plain);
    }

    #[test]
    fn a_bad_row_says_why() {
        let error = answer("x,g,s,r,llama3-70b,12,B200-SXM,8,bf16,3,1,1,1,1,4096,1,4,peak_memory_allocated,1,GiB,").unwrap_err();
        assert!(error.contains("data parallelism") || error.contains("heads"), "{error}");
        assert!(
            answer("x,g,s,r,llama-9,12,B200-SXM,8,bf16,8,1,1,1,1,4096,1,4,peak_memory_allocated,1,GiB,").unwrap_err().contains("nearest")
        );
        assert!(answer("x,g,s,r,llama3-70b,-1,B200-SXM,8,bf16,8,1,1,1,1,4096,1,4,peak_memory_allocated,1,GiB,").is_err());
    }

    #[test]
    fn reference_rows_lie_within_a_percent() {
        let folder =
            std::env::var("BASTIDE_REFERENCE_DATA").unwrap_or_else(|_| format!("{}/../../../shared/data", env!("CARGO_MANIFEST_DIR")));
        let path = format!("{folder}/ai/training_steps_memory.csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            say!("skipped: {path} is absent");
            return;
        };
        let table = Table::read(&text).unwrap();
        let (mut sum, mut count, mut inside) = (0.0, 0.0, 0.0);
        for row in table.rows().filter(|row| row.get("metric") == Some("peak_memory_allocated")) {
            let (it, measured) = (answer_memory(row).unwrap(), row.number("value").unwrap());
            say!("{:40} {:8.2} {measured:8.2} {:+.2} %", row.get("group").unwrap(), it.value, 100.0 * (it.value / measured - 1.0));
            sum += (it.value / measured - 1.0).abs();
            count += 1.0;
            inside += f64::from(u8::from((it.low90..=it.high90).contains(&measured)));
        }
        say!("mean {:.3} %, coverage {:.2} of {count}", 100.0 * sum / count, inside / count);
        assert!(sum / count < 0.01 && inside / count >= 0.85);
        // The interval that ships is that of the fit.
        let interval = |text: &str| text.lines().find(|line| line.starts_with("interval")).map(str::to_owned);
        let shipped = include_str!("../../../cost-models/data/throughput/training_memory.toml");
        assert_eq!(interval(&fit_memory(&table).unwrap()), interval(shipped));
    }
}
