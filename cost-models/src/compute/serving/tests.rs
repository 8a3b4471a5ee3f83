use super::*;
use crate::compute::{Architecture, Device, Format, architecture, device};

fn the_device(name: &str) -> &'static Device {
    device(name).unwrap().1
}

fn the_model(name: &str) -> &'static Architecture {
    architecture(name).unwrap().1
}

fn llama_8b(layout: Layout) -> Deployment<'static> {
    Deployment::new(the_device("h100"), the_model("llama-3.1-8b"), Format::Fp8, layout, Engine::Vllm)
}

fn close(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-9
}

#[test]
fn experts_of_a_step_by_hand() {
    // 4 tokens through 8 of 256 experts touch 256 (1 - (1 - 8/256)^4) = 30.5 of them; each has 3 * 7168 * 2048 bytes, an eighth on
    // each device, in 58 layers.
    let mut fitted = parameters().clone();
    (fitted.expert_stream, fitted.expert_matrix, fitted.expert_rows) = (1.0, 1.0, 0.0);
    (fitted.routing, fitted.narrow, fitted.unpacking, fitted.imbalance) = (1.0, 0.0, 1.0, 0.0);
    let it = Deployment {
        parameters: &fitted,
        ..Deployment::new(the_device("h200"), the_model("deepseek-v3"), Format::Fp8, Layout::tensor(8.0), Engine::Sglang)
    };
    let touched = 256.0 * (1.0 - (1.0 - 8.0 / 256.0_f64).powi(4));
    let bytes = touched * 3.0 * 7168.0 * 2048.0 / 8.0;
    let expected = 58.0 * bytes / (it.device.memory_bandwidth.as_gb_per_s() * 1e9);
    let step = it.step(&Batch::decode(4.0, 1000.0));
    assert!(close(step.experts, expected), "{} {expected}", step.experts);
    // The host's part: layers, the step and four requests.
    let host = fitted.sglang.step
        + 4.0 * fitted.sglang.request
        + 61.0 * (fitted.sglang.layer + fitted.latent_layer)
        + 58.0 * (fitted.routed_layer + fitted.quantised_layer)
        + 61.0 * fitted.passes * 4.0 * 7168.0 * 2.0 / (it.device.memory_bandwidth.as_gb_per_s() * 1e9);
    assert!(close(step.host, host), "{} {host}", step.host);
    let sum: f64 = step.terms().iter().map(|term| term.seconds).sum();
    assert!(close(sum, step.total()));
}

#[test]
fn steps_grow_with_batch_and_context() {
    for name in ["llama-3.1-70b", "deepseek-v3", "gpt-oss-120b", "qwen3.5-397b-a17b"] {
        for (device, layout) in [("h100", Layout::tensor(8.0)), ("b200", Layout { tensor: 1.0, pipeline: 1.0, expert: 8.0, data: 8.0 })] {
            let it = Deployment::new(the_device(device), the_model(name), Format::Fp8, layout, Engine::TrtLlm);
            let time = |requests: f64, context: f64| it.step(&Batch::decode(requests, context)).total();
            for power in 0..9 {
                let requests = f64::from(1 << power);
                // Another kernel may take a little less: whole steps stay in order.
                assert!(time(requests * 2.0, 1000.0) > time(requests, 1000.0) * 0.94, "{name} {device} {requests}");
                assert!(time(requests, 16_000.0) > time(requests, 1000.0) * 0.94, "{name} {device} {requests}");
            }
            let mixed = Batch { prefill: 2000.0, attended: 2e6, ..Batch::decode(8.0, 1000.0) };
            assert!(it.step(&mixed).total() > time(8.0, 1000.0), "{name} {device}");
        }
    }
}

#[test]
fn memory_of_a_device_by_hand() {
    // Llama 3.1 8B in 8 bits over 2 devices: 32 layers of 4096 * 128 * (2 * 32 + 2 * 8) and 3 * 4096 * 14336 parameters, and two
    // 16-bit embeddings of 128256 * 4096; half of each on a device. A token keeps 2 * 4 heads * 128 * 2 bytes in 32 layers.
    let memory = llama_8b(Layout::tensor(2.0)).memory().unwrap();
    let layers = 32.0 * (4096.0 * 128.0 * 80.0 + 3.0 * 4096.0 * 14336.0);
    assert!(close(memory.weights * 2.0, layers + 2.0 * 2.0 * 128_256.0 * 4096.0), "{memory:?}");
    assert!(close(memory.token, 32.0 * 2.0 * 4.0 * 128.0 * 2.0), "{memory:?}");
    assert_eq!(memory.blocks, (memory.cache / (memory.token * 16.0)).floor());
    assert_eq!(memory.tokens, memory.blocks * 16.0);
}

#[test]
fn a_model_that_does_not_fit_says_by_how_much() {
    let model = the_model("llama-3.1-405b");
    let it = Deployment::new(the_device("h100"), model, Format::Bf16, Layout::tensor(4.0), Engine::Vllm);
    let shortage = it.memory().unwrap_err();
    // 812 GB over 4 devices of 80 GB.
    assert!((shortage.bytes - (203e9 - it.device.memory.as_bytes() * memory::USABLE + memory::WORKSPACE)).abs() < 4e9, "{shortage:?}");
    assert_eq!(shortage.devices, 16.0);
    assert!(Deployment { layout: Layout::tensor(16.0), ..it }.memory().is_ok());
    assert_eq!(it.room(1000.0), 0.0);
    assert!(it.at_rate(1.0, Lengths { prompt: 100.0, output: 100.0 }, None).is_none());
}

#[test]
fn a_closed_queue_by_hand() {
    // One customer never waits. Ten with service 1 and thinking 9: R^2 - R - 9 = 0.
    assert!(close(closed_queue(1.0, 9.0, 1.0, 1.0), 1.0));
    assert!(close(closed_queue(1.0, 9.0, 10.0, 1.0), f64::midpoint(1.0, 37.0_f64.sqrt())));
    // Far more than the server can take: all but those who think wait.
    assert!((closed_queue(1.0, 9.0, 1000.0, 1.0) / 991.0 - 1.0).abs() < 0.01);
}

#[test]
fn tokens_of_a_verified_step() {
    // Leviathan, Kalman and Matias 2023, equation 1: (1 - 0.8^5) / 0.2.
    assert!(close(Speculation { tokens: 4.0, acceptance: 0.8, cost: 0.0 }.yielded(), 3.3616));
    assert!(close(Speculation { tokens: 4.0, acceptance: 1.0, cost: 0.0 }.yielded(), 5.0));
    assert!(close(Speculation { tokens: 4.0, acceptance: 0.0, cost: 0.0 }.yielded(), 1.0));
    let it = llama_8b(Layout::tensor(1.0));
    let lengths = Lengths { prompt: 1000.0, output: 1000.0 };
    let drafts = Speculation { tokens: 3.0, acceptance: 0.7, cost: 0.05 };
    assert!(it.closed_loop(1.0, lengths, Some(drafts)).tpot < it.closed_loop(1.0, lengths, None).tpot);
}

#[test]
fn more_load_waits_longer() {
    let it = llama_8b(Layout::tensor(1.0));
    let lengths = Lengths { prompt: 1000.0, output: 500.0 };
    let mut last = Latency::default();
    for power in 0..10 {
        let latency = it.closed_loop(f64::from(1 << power), lengths, None);
        assert!(latency.ttft > last.ttft && latency.tpot > last.tpot && latency.rate > last.rate * 0.99, "{latency:?} after {last:?}");
        last = latency;
    }
}

#[test]
fn requests_beyond_memory_wait() {
    let it = llama_8b(Layout::tensor(1.0));
    let lengths = Lengths { prompt: 8000.0, output: 1000.0 };
    let room = it.room(8500.0);
    let (full, over) = (it.closed_loop(room, lengths, None), it.closed_loop(room * 2.0, lengths, None));
    assert_eq!(over.waiting, room);
    // As many wait as are held: a request waits as long as one is held (Little 1961).
    assert!(close(over.memory_wait, over.ttft - over.memory_wait + lengths.output * over.tpot), "{over:?}");
    assert!((over.rate / full.rate - 1.0).abs() < 0.05, "{full:?} {over:?}");
}

#[test]
fn terms_add_up() {
    let it = llama_8b(Layout::tensor(1.0));
    let lengths = Lengths { prompt: 1000.0, output: 500.0 };
    for speculation in [None, Some(Speculation { tokens: 3.0, acceptance: 0.7, cost: 0.05 })] {
        let latency = it.closed_loop(20.0, lengths, speculation);
        let sum: f64 = it.tpot_terms(&latency, lengths, speculation).iter().map(|term| term.seconds).sum();
        assert!((sum / latency.tpot - 1.0).abs() < 0.02, "{sum} {}", latency.tpot);
        let sum: f64 = it.ttft_terms(&latency).iter().map(|term| term.seconds).sum();
        assert!(close(sum, latency.ttft), "{sum} {}", latency.ttft);
    }
}

#[test]
fn work_of_a_step_by_hand() {
    // One token of Llama 3.1 8B: two operations for each parameter but the input embedding's, and 4 * 4096 for each of 1,000 tokens
    // that it attends to in 32 layers.
    let it = llama_8b(Layout::tensor(1.0));
    let layers = 32.0 * (4096.0 * 128.0 * 80.0 + 3.0 * 4096.0 * 14336.0);
    let head = 128_256.0 * 4096.0;
    let work = it.work(&Batch::decode(1.0, 1000.0));
    assert!(close(work.flop, 2.0 * (layers + head) + 4.0 * 1000.0 * 32.0 * 4096.0), "{work:?}");
    assert!(close(work.bytes, layers + 2.0 * head + 1000.0 * 32.0 * 2.0 * 8.0 * 128.0 * 2.0), "{work:?}");
    let busy =
        it.activity(&it.closed_loop(64.0, Lengths { prompt: 1000.0, output: 500.0 }, None), Lengths { prompt: 1000.0, output: 500.0 });
    let calm =
        it.activity(&it.closed_loop(1.0, Lengths { prompt: 1000.0, output: 500.0 }, None), Lengths { prompt: 1000.0, output: 500.0 });
    assert!(calm > 0.1 && busy > calm && busy <= 1.0, "{calm} {busy}");
}

#[test]
fn prompts_apart_leave_decoding_alone() {
    let lengths = Lengths { prompt: 8000.0, output: 1000.0 };
    let worker = Deployment::new(the_device("h200"), the_model("llama-3.1-70b"), Format::Fp8, Layout::tensor(4.0), Engine::Vllm);
    let apart = Disaggregated { prefill: worker, prefill_workers: Some(2.0), decode: worker, decode_workers: 2.0 };
    let (together, apart) = (worker.closed_loop(32.0, lengths, None), apart.closed_loop(64.0, lengths, None));
    assert!(apart.tpot < together.tpot, "{apart:?} {together:?}");
}

#[test]
fn absurd_numbers_are_answered() {
    let it = llama_8b(Layout::tensor(1.0));
    let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, 1e-300];
    for a in odd {
        for b in odd {
            let lengths = Lengths { prompt: a, output: b };
            for c in odd {
                let _ = it.closed_loop(c, lengths, Some(Speculation { tokens: a, acceptance: b, cost: c }));
                let _ = it.state(c, lengths, None);
                let _ = it.at_rate(c, lengths, None);
                let _ = it.step(&Batch { decoding: a, kept: b, prefill: c, attended: a });
                let _ = it.work(&Batch { decoding: a, kept: b, prefill: c, attended: a });
            }
            let _ = it.largest_load(lengths, None, Targets { ttft_p95: a, tpot: b });
        }
    }
    assert!(Layout { tensor: 0.0, ..Layout::tensor(1.0) }.check().is_err());
    assert!(Layout { expert: 3.0, ..Layout::tensor(8.0) }.check().is_err());
}
