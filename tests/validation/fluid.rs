//! The fluid law of a service against the replay of its requests one by one, with the same step times and scheduler.

#![allow(clippy::print_stdout, reason = "the test shows its figures")]

use bastide_cost_models::compute::serving::{Deployment, Engine, Layout, LengthLaw};
use bastide_cost_models::compute::{Format, architecture, device};
use bastide_predict::replay::{Arrivals, Comparison, Policy, Remembered, SteadyState, fluid, replay, settled};

struct Case {
    model: &'static str,
    device: &'static str,
    tensor: f64,
    weights: Format,
    seats: u32,
    prompt: LengthLaw,
    output: LengthLaw,
}

/// Models of 8 to 671 billion parameters, dense and of experts, on four generations of devices; every law of lengths.
fn cases() -> Vec<Case> {
    let case = |model, device, tensor, weights, seats, prompt: LengthLaw, output: LengthLaw| Case {
        model,
        device,
        tensor,
        weights,
        seats,
        prompt: prompt.at_most(32_768.0),
        output: output.at_most(8192.0),
    };
    let measured = [12.0, 40.0, 95.0, 180.0, 410.0, 900.0, 2600.0].into_iter().cycle().take(70);
    let trace = LengthLaw::empirical(measured).expect("lengths");
    vec![
        case("llama-3.1-8b", "h100", 1.0, Format::Bf16, 256, LengthLaw::fixed(1024.0), LengthLaw::geometric(256.0)),
        case("llama-3.1-70b", "h200", 4.0, Format::Fp8, 256, LengthLaw::lognormal(550.0, 0.9), LengthLaw::lognormal(160.0, 1.2)),
        case("qwen3-235b-a22b", "h200", 8.0, Format::Fp8, 1024, LengthLaw::lognormal(1500.0, 0.4), LengthLaw::uniform(1.0, 600.0)),
        case("mixtral-8x7b", "b200", 2.0, Format::Bf16, 256, LengthLaw::geometric(300.0), trace),
        case("deepseek-v3", "h200", 8.0, Format::Fp8, 128, LengthLaw::uniform(1.0, 1600.0), LengthLaw::fixed(200.0)),
        case("llama-3.1-405b", "b200", 8.0, Format::Fp8, 256, LengthLaw::fixed(2000.0), LengthLaw::lognormal(300.0, 0.5)),
        case("qwen3-32b", "a100", 4.0, Format::Bf16, 64, LengthLaw::lognormal(700.0, 1.0), LengthLaw::geometric(120.0)),
    ]
}

#[test]
fn the_fluid_agrees_with_requests_one_by_one() {
    let mut wrong = Vec::new();
    let mut errors: Vec<f64> = Vec::new();
    for (index, it) in cases().iter().enumerate() {
        let (device, architecture) = (device(it.device).unwrap().1, architecture(it.model).unwrap().1);
        let deployment = Deployment::new(device, architecture, it.weights, Layout::tensor(it.tensor), Engine::Vllm);
        let (deployment, policy) = settled(&deployment, &Policy { max_num_seqs: it.seats, ..Policy::default() }).unwrap();
        let model = Remembered::new(deployment);
        let (law, _) = fluid(&model, &policy, &it.prompt, &it.output);
        let arrivals =
            |rate, requests| Arrivals { rate, prompt: it.prompt.clone(), output: it.output.clone(), requests, seed: 40 + index as u64 };

        // More than can be served: what is served is the largest rate.
        let requests = 60 * it.seats as usize;
        let flood = arrivals(1.3 * law.saturation(), requests.max(8000));
        let served = SteadyState::of(&replay(&flood.trace().unwrap(), &model, &policy).unwrap()).unwrap().output_tokens_per_s;
        let saturation = law.saturation() * it.output.mean() / served - 1.0;
        let mut line = format!("{:16} {:5} x {}: saturation {:+.1} %, latency", it.model, it.device, it.tensor, 100.0 * saturation);
        if saturation.abs() > 0.025 {
            wrong.push(line.clone());
        }
        for (load, requests) in [(0.1, 6_000), (0.3, 8_000), (0.5, 10_000), (0.7, 12_000), (0.85, 20_000), (0.95, 40_000)] {
            let both = Comparison::of(&model, &policy, &arrivals(load * law.saturation(), requests)).unwrap();
            let fluid = both.fluid.unwrap();
            let simulated = both.simulated.latency;
            let error = fluid.latency / simulated.mean - 1.0;
            errors.push(error.abs());
            line += &format!(" {:+.1}", 100.0 * error);
            if error.abs() > 0.05 + 2.0 * simulated.error / simulated.mean {
                wrong.push(format!("{line} at {load}: {} {simulated:?}", fluid.latency));
            }
            // What comes is served: within 1 % and the noise of who is under way at both ends.
            let noise = 3.0 * (both.simulated.present / both.simulated.requests as f64 + 1.0 / both.simulated.requests as f64).sqrt() * 0.1;
            if (both.simulated.rate / both.simulated.arrived - 1.0).abs() > 0.01 + noise {
                wrong.push(format!("{line} at {load}: {} of {} requests/s", both.simulated.rate, both.simulated.arrived));
            }
        }
        println!("{line} %");
    }
    errors.sort_by(f64::total_cmp);
    println!("median {:.2} %, worst {:.2} %", 100.0 * errors[errors.len() / 2], 100.0 * errors[errors.len() - 1]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
