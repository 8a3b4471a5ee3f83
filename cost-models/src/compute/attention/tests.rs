use super::calibration::{DecodePoint, PrefillPoint};
use super::*;
use crate::compute::{device, devices};

const LLAMA: Heads = Heads { query: 32.0, key_value: 8.0, size: 128.0, window: f64::INFINITY, cache: Format::Bf16, format: Format::Bf16 };

fn h200() -> &'static Device {
    device("h200").unwrap().1
}

#[test]
fn every_device_has_times_that_grow() {
    for (name, it) in devices() {
        for cache in [Format::Bf16, Format::Fp8] {
            let heads = Heads { cache, ..LLAMA };
            let mut before = (0.0, 0.0);
            for length in [128.0, 1024.0, 8192.0, 65_536.0] {
                let now = (decode_attention_time(it, heads, 16.0, length), prefill_attention_time(it, heads, 2.0, length, 0.0));
                assert!(now.0 > before.0 && now.1 > before.1 && now.0.is_finite() && now.1.is_finite(), "{name} {length}: {now:?}");
                before = now;
            }
            let mut before = 0.0;
            for batch in [1.0, 8.0, 64.0, 512.0] {
                let now = decode_attention_time(it, heads, batch, 4096.0);
                assert!(now > before, "{name} {batch}: {now}");
                before = now;
            }
        }
    }
}

#[test]
fn no_time_beats_the_memory_or_the_matrix_units() {
    for (name, it) in devices() {
        // 64 requests over 32,768 tokens of 8 heads of 128: 8.6 GB.
        let bytes = 2.0 * 64.0 * 32_768.0 * 8.0 * 128.0 * 2.0;
        let decode = decode_attention_time(it, LLAMA, 64.0, 32_768.0);
        assert!(decode > bytes / (it.memory_bandwidth.as_gb_per_s() * 1e9), "{name}: {decode}");
        // 2 x 2 x 32 heads x 128 x 32,768^2 / 2 operations.
        let flop = 2.0 * 32.0 * 128.0 * 32_768.0_f64.powi(2);
        let prefill = prefill_attention_time(it, LLAMA, 1.0, 32_768.0, 0.0);
        assert!(prefill > flop / it.peak(Format::Bf16).as_flop_per_s(), "{name}: {prefill}");
        assert!(prefill < 8.0 * flop / it.peak(Format::Bf16).as_flop_per_s() + 1e-3, "{name}: {prefill}");
    }
}

#[test]
fn no_input_breaks_it() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e-300, 0.3, 1.0, 2.7, 1e6, 1e300];
    for it in [h200(), device("v100").unwrap().1, device("tpu-v5e").map_or(h200(), |it| it.1)] {
        for a in odd {
            for b in odd {
                let heads = Heads { query: a, key_value: b, size: 128.0, window: b, cache: Format::Fp8, format: Format::Fp8 };
                for heads in [heads, Heads { size: a, ..LLAMA }, Heads { window: a, cache: Format::Fp32, ..LLAMA }] {
                    let times = [
                        decode_attention_time(it, heads, a, b),
                        prefill_attention_time(it, heads, a, b, a),
                        prefill_attention_time(it, heads, 1.0, a, b),
                    ];
                    assert!(times.iter().all(|time| time.is_finite() && *time > 0.0), "{a} {b} {heads:?}: {times:?}");
                }
                let latent = Latent { query: a, latent: 512.0, position: b, cache: Format::Bf16 };
                let time = latent_attention_time(it, latent, a, b, a);
                assert!(time.is_finite() && time > 0.0, "{a} {b}: {time}");
            }
        }
    }
}

#[test]
fn windows_and_small_caches_save_time() {
    let window = Heads { window: 1024.0, ..LLAMA };
    assert!(decode_attention_time(h200(), window, 64.0, 32_768.0) < 0.3 * decode_attention_time(h200(), LLAMA, 64.0, 32_768.0));
    assert!(prefill_attention_time(h200(), window, 1.0, 32_768.0, 0.0) < 0.3 * prefill_attention_time(h200(), LLAMA, 1.0, 32_768.0, 0.0));
    let small = Heads { cache: Format::Fp8, ..LLAMA };
    assert!(decode_attention_time(h200(), small, 64.0, 32_768.0) < 0.6 * decode_attention_time(h200(), LLAMA, 64.0, 32_768.0));
    // What fits in the last cache is faster when it is still there.
    let decode = |circumstance| decode_attention(h200(), LLAMA, 8.0, 1024.0, circumstance).value;
    assert!(decode(Circumstance::Table) < decode(Circumstance::Model));
}

/// Points read from ai-dynamo/aiconfigurator 095f58a51 (`aic-core/.../systems/data`, TensorRT-LLM 1.3.0rc20, attention).
#[test]
fn published_points_are_met() {
    let heads = |query, key_value, cache| Heads { query, key_value, cache, ..LLAMA };
    let decode = |it: &Device, heads, batch, context| decode_attention(it, heads, batch, context, Circumstance::Table);
    let h100 = device("h100").unwrap().1;
    for (prediction, published) in [
        // 64 requests, 2 heads of keys for 4 of queries, 16,384 tokens in 8 bits, H200.
        (decode(h200(), heads(4.0, 2.0, Format::Fp8), 64.0, 16_384.0), 133.6e-6),
        // 4 heads of keys for 16 of queries, 131,072 tokens in 16 bits, H200.
        (decode(h200(), heads(16.0, 4.0, Format::Bf16), 2.0, 131_072.0), 154.9e-6),
        // Heads of their own keys, 512 tokens, H200.
        (decode(h200(), heads(40.0, 40.0, Format::Bf16), 128.0, 512.0), 325.8e-6),
        (prefill_attention(h100, heads(32.0, 1.0, Format::Bf16), 1.0, 2048.0, 0.0, Circumstance::Table), 122.0e-6),
    ] {
        assert!((prediction.value / published - 1.0).abs() < 0.15, "{} {published}", prediction.value);
        assert!((prediction.low90..=prediction.high90).contains(&published), "{prediction:?}");
        assert_eq!(prediction.grade, Grade::Interpolated);
        let sum: f64 = prediction.terms.iter().map(|term| term.seconds).sum();
        assert!((sum / prediction.value - 1.0).abs() < 1e-9);
    }
}

#[test]
fn points_of_a_device_adjust_the_kernels() {
    // A device whose launches take twice, blocks 1.3 times as long, and whose memory is as shipped.
    let machine = Machine::of(h200());
    let truth = |heads, batch, context| {
        let parts = library().decode(&machine, heads, batch, context, Circumstance::Model).0;
        Parts { launch: 2.0 * parts.launch, blocks: 1.3 * parts.blocks, ..parts }.total() * 1e-6
    };
    let mut points = Vec::new();
    for batch in [1.0, 4.0, 16.0, 64.0, 256.0] {
        for context in [512.0, 2048.0, 8192.0, 32_768.0, 65_536.0] {
            let heads = Heads { cache: Format::Fp8, ..LLAMA };
            let seconds = truth(heads, batch, context);
            points.push(DecodePoint { heads, batch, context, seconds, circumstance: Circumstance::Model });
        }
    }
    let it = library().from_points(h200(), &points, &[]);
    assert_eq!(it.tiled_8bit, library().tiled_8bit);
    for point in &points {
        let time = it.decode(&machine, point.heads, point.batch, point.context, point.circumstance).0.total() * 1e-6;
        assert!((time / point.seconds - 1.0).abs() < 0.1, "{point:?}: {time}");
    }
    assert!(it.grouped_8bit.full.high < 0.1);
    // No points, no numbers: as shipped.
    let nothing = [PrefillPoint { heads: LLAMA, batch: 1.0, length: 1024.0, seconds: f64::NAN, circumstance: Circumstance::Model }];
    assert_eq!(&library().from_points(h200(), &[], &nothing), library());
}
