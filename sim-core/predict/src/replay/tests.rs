use bastide_cost_models::compute::serving::{Batch, Deployment, Engine, Layout, Lengths};
use bastide_cost_models::compute::{Format, architecture, device, devices};

use super::*;
use crate::{Family, Table, evaluate};

/// Seconds of a step that are linear in all that it does.
struct Linear {
    step: f64,
    request: f64,
    kept: f64,
    prompt: f64,
    attended: f64,
}

impl StepModel for Linear {
    fn step_time(&self, batch: &Batch) -> f64 {
        self.step + self.request * batch.decoding + self.kept * batch.kept + self.prompt * batch.prefill + self.attended * batch.attended
    }
}

const SECOND: Linear = Linear { step: 1.0, request: 0.0, kept: 0.0, prompt: 0.0, attended: 0.0 };
const CARD: Linear = Linear { step: 8e-3, request: 2e-5, kept: 1e-7, prompt: 3e-5, attended: 2e-10 };

fn request(arrival: f64, input: u32, output: u32) -> Request {
    Request { arrival, input, output }
}

fn trace(requests: &[(f64, u32, u32)]) -> Trace {
    Trace::new(requests.iter().map(|(arrival, input, output)| request(*arrival, *input, *output)).collect()).unwrap()
}

fn small() -> Policy {
    Policy { max_num_seqs: 2, max_num_batched_tokens: 16, block_size: 4, schedule_ahead: false, prefix_caching: false, ..Policy::default() }
}

/// Numbers from 0 to 1.
fn draws(mut seed: u64) -> impl FnMut() -> f64 {
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn poisson(count: usize, rate: f64, input: u32, output: u32, seed: u64) -> Trace {
    let mut draw = draws(seed);
    let mut at = 0.0;
    let requests = (0..count).map(|_| {
        at -= (1.0 - draw()).ln() / rate;
        request(at, 1 + (draw() * f64::from(input)) as u32, 1 + (draw() * f64::from(output)) as u32)
    });
    Trace::new(requests.collect()).unwrap()
}

#[test]
fn three_requests_by_hand() {
    // Steps of a second. 0: prompt of A. 1: A's second token and prompt of B. 2: A's third, B's second. C comes at 10 alone.
    let three = trace(&[(0.0, 10, 3), (0.5, 10, 2), (10.0, 5, 1)]);
    let it = replay(&three, &SECOND, &small()).unwrap();
    assert_eq!((it.times.queued, it.times.first, it.times.last), (vec![0.0, 1.0, 10.0], vec![1.0, 2.0, 11.0], vec![3.0, 3.0, 11.0]));
    // Scheduled ahead, step 1..2 is decided when B comes, so B's prompt is in step 2..3.
    let it = replay(&three, &SECOND, &Policy { schedule_ahead: true, ..small() }).unwrap();
    assert_eq!((it.times.queued, it.times.first, it.times.last), (vec![0.0, 1.0, 10.0], vec![1.0, 3.0, 11.0], vec![3.0, 4.0, 11.0]));
}

#[test]
fn long_prompts_come_in_chunks_beside_decoding() {
    // A decodes from 1 on. B's 40 tokens: 15 beside A in each of 1..2 and 2..3, the last 10 in 3..4.
    let it = replay(&trace(&[(0.0, 8, 9), (0.0, 40, 1)]), &SECOND, &small()).unwrap();
    // In 0..1 B has the 8 tokens that A leaves; then 15, 15 and 2.
    assert_eq!((it.times.first[1], it.times.last[0]), (4.0, 9.0));
    // Chunks of at most 8: 40 tokens in 5 steps.
    let it = replay(&trace(&[(0.0, 8, 9), (0.0, 40, 1)]), &SECOND, &Policy { longest_chunk: Some(8), ..small() }).unwrap();
    assert_eq!(it.times.first[1], 5.0);
}

#[test]
fn a_third_waits_for_a_seat() {
    // Two seats; A and B hold them until 4; C is seen with a free seat at 4 (at 5 where a step is scheduled ahead, which ends at 6).
    let three = trace(&[(0.0, 4, 4), (0.0, 4, 4), (0.0, 4, 1)]);
    assert_eq!(replay(&three, &SECOND, &small()).unwrap().times.first[2], 5.0);
    let ahead = replay(&three, &SECOND, &Policy { schedule_ahead: true, ..small() }).unwrap();
    assert_eq!((ahead.times.last[0], ahead.times.first[2]), (4.0, 5.0));
}

#[test]
fn policies_differ_as_published() {
    // B comes at 1.5 while A decodes. Prompts first: 2..3 is B's alone, so A's last token is at 6, not 5.
    let two = trace(&[(0.0, 4, 5), (1.5, 4, 2)]);
    let last = |batching| replay(&two, &SECOND, &Policy { batching, ..small() }).unwrap().times.last;
    assert_eq!(last(Batching::Chunked), [5.0, 4.0]);
    assert_eq!(last(Batching::PrefillFirst), [6.0, 4.0]);
    // A batch at a time: B starts when A is done.
    assert_eq!(last(Batching::Static), [5.0, 7.0]);
}

#[test]
fn the_last_to_come_gives_way_where_blocks_run_out() {
    // Blocks of 4 tokens, 6 in all. A and B keep 8 + n tokens after n steps of decoding: 2 blocks each at first, 3 each from
    // the first decode step, 4 each from the fifth, which do not fit: B goes, is computed anew when A has gone.
    let it = replay(&trace(&[(0.0, 8, 9), (0.0, 8, 9)]), &SECOND, &Policy { blocks: Some(6), ..small() }).unwrap();
    assert_eq!(it.preemptions, 1);
    assert_eq!(it.times.last[0], 9.0);
    // B has made 5 tokens by then; from 9 on: 13 tokens anew give the 6th, 3 more follow.
    assert_eq!((it.times.first[1], it.times.last[1]), (1.0, 13.0));
    assert_eq!(it.prefilled_tokens, 8.0 + 8.0 + 13.0);
    assert_eq!(it.peak_occupancy, 1.0);
}

#[test]
fn a_preempted_request_finds_what_is_left_of_its_blocks() {
    // As above: B goes at 5 with 12 tokens in 3 blocks. A takes one of them at 5, for its 13th token, and gives all back at 9.
    // B has 13 tokens to compute and finds 2 blocks, 8 tokens.
    let policy = Policy { blocks: Some(6), prefix_caching: true, ..small() };
    let it = replay(&trace(&[(0.0, 8, 9), (0.0, 8, 9)]), &SECOND, &policy).unwrap();
    assert_eq!((it.preemptions, it.prefilled_tokens, it.cached_tokens), (1, 8.0 + 8.0 + 5.0, 8.0));
}

#[test]
fn a_known_prefix_is_not_computed_again() {
    let lines = "{\"timestamp\":0,\"input_length\":1200,\"output_length\":2,\"hash_ids\":[1,2,3]}\n\
                 {\"timestamp\":9000,\"input_length\":1300,\"output_length\":2,\"hash_ids\":[1,2,9]}\n\
                 {\"timestamp\":19000,\"input_length\":1024,\"output_length\":2,\"hash_ids\":[1,2]}\n";
    let trace = Trace::read(lines).unwrap();
    let policy = Policy { prefix_caching: true, blocks: Some(200), ..Policy::default() };
    let it = replay(&trace, &SECOND, &policy).unwrap();
    // Two blocks of 512 for the second; one for the third, of which at least a token must be computed.
    assert_eq!((it.cached_tokens, it.prefilled_tokens), (1024.0 + 512.0, 1200.0 + 276.0 + 512.0));
    let it = replay(&trace, &SECOND, &Policy { prefix_caching: false, ..policy.clone() }).unwrap();
    assert_eq!((it.cached_tokens, it.prefilled_tokens), (0.0, 3524.0));
    let error = replay(&trace, &SECOND, &Policy { block_size: 48, ..policy }).unwrap_err();
    assert_eq!(error.to_string(), "block_size must be a divisor of the trace's prefix blocks of 512 tokens: 48");
}

/// Many ways to serve many requests.
fn cases() -> Vec<(Trace, Policy)> {
    let mut cases = Vec::new();
    let mut prefixed = poisson(300, 30.0, 1500, 60, 5);
    prefixed.prefix_block = 64;
    let mut draw = draws(9);
    for index in 0..prefixed.requests.len() {
        let blocks = prefixed.requests[index].input.div_ceil(64);
        let family = (draw() * 4.0) as u32;
        prefixed.prefixes.extend((0..blocks).map(|block| family * 40 + block.min(30 + family)));
        prefixed.prefix_ends.push(prefixed.prefixes.len() as u32);
    }
    for schedule_ahead in [false, true] {
        for batching in [Batching::Chunked, Batching::PrefillFirst, Batching::Static] {
            for (replicas, lockstep) in [(1, false), (3, false), (3, true)] {
                for blocks in [None, Some(400)] {
                    for (prefix_caching, reserve_whole_prompt, longest_chunk) in [(false, true, None), (true, false, Some(200))] {
                        let policy = Policy {
                            batching,
                            max_num_seqs: 24,
                            max_num_batched_tokens: 512,
                            longest_chunk,
                            blocks,
                            reserve_whole_prompt,
                            prefix_caching,
                            schedule_ahead,
                            replicas,
                            lockstep,
                            routing: if lockstep { Routing::RoundRobin } else { Routing::LeastLoaded { refresh: 0.1 } },
                            ..Policy::default()
                        };
                        let trace = if prefix_caching { prefixed.clone() } else { poisson(300, 30.0, 600, 300, 7) };
                        cases.push((trace, policy));
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn steps_that_are_alike_are_skipped_without_a_trace() {
    let mut preemptions = 0;
    for (trace, policy) in cases() {
        let blocks = policy.blocks.unwrap_or(1_000_000);
        let quick = engine::run(&trace, &CARD, &policy, blocks, engine::LONGEST_SKIP).unwrap();
        let slow = engine::run(&trace, &CARD, &policy, blocks, 0).unwrap();
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1.0));
        let (a, b) = (&quick.times, &slow.times);
        assert!(
            near(&a.first, &b.first) && near(&a.last, &b.last) && near(&a.queued, &b.queued) && near(&a.scheduled, &b.scheduled),
            "{policy:?}"
        );
        assert_eq!(
            (quick.steps, quick.preemptions, quick.prefilled_tokens),
            (slow.steps, slow.preemptions, slow.prefilled_tokens),
            "{policy:?}"
        );
        preemptions += quick.preemptions;
    }
    assert!(preemptions > 1000, "{preemptions}");
}

#[test]
fn every_request_is_served_in_order_of_its_life() {
    for (trace, policy) in cases() {
        let it = replay(&trace, &CARD, &policy).unwrap();
        for (index, request) in trace.requests.iter().enumerate() {
            let life = [request.arrival, it.times.queued[index], it.times.scheduled[index], it.times.first[index], it.times.last[index]];
            assert!(life.is_sorted() && life.iter().all(|time| time.is_finite()), "{policy:?}: {life:?}");
            // No token without a step.
            assert!(it.times.last[index] - it.times.first[index] >= f64::from(request.output - 1) * CARD.step * 0.999, "{policy:?}");
        }
        let prompts: f64 = trace.requests.iter().map(|it| f64::from(it.input)).sum();
        let computed = it.prefilled_tokens + it.cached_tokens;
        assert!(if it.preemptions == 0 { computed == prompts } else { computed >= prompts }, "{policy:?}");
        assert!(it.utilisation <= 1.0 + 1e-9 && it.peak_occupancy <= 1.0 && it.mean_batch <= f64::from(policy.max_num_seqs), "{policy:?}");
        if policy.batching == Batching::Chunked && policy.blocks.is_none() && policy.replicas == 1 {
            // First come, first served.
            assert!(it.times.scheduled.is_sorted(), "{policy:?}");
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (trace, policy) in cases().into_iter().step_by(7) {
        let bits = || replay(&trace, &CARD, &policy).unwrap().times.last.iter().map(|time| time.to_bits()).collect::<Vec<u64>>();
        assert_eq!(bits(), bits());
    }
}

#[test]
fn one_seat_is_a_queue_with_constant_service() {
    // Pollaczek-Khinchine: with service of a second and arrivals of 0.7 a second, requests wait 0.7 / (2 * 0.3) = 1.1667 s.
    let mut draw = draws(3);
    let mut at = 0.0;
    let requests = (0..400_000).map(|_| {
        at -= (1.0 - draw()).ln() / 0.7;
        request(at, 8, 1)
    });
    let trace = Trace::new(requests.collect()).unwrap();
    let it = replay(&trace, &SECOND, &Policy { max_num_seqs: 1, ..small() }).unwrap();
    let wait = it.summary(Since::Arrival).queueing.mean;
    assert!((wait / (0.7 / 0.6) - 1.0).abs() < 0.03, "{wait}");
    assert!((it.utilisation - 0.7).abs() < 0.01, "{}", it.utilisation);
}

#[test]
fn saturated_throughput_is_that_of_the_fluid() {
    // Steps are linear, so their mean is that of the mean step: all seats decode, and as many prompts are computed as answers end.
    let (seats, prompt, output) = (64.0, 300.0, 200.0);
    let mut draw = draws(17);
    let requests = (0..6000).map(|_| request(0.0, (draw() * 2.0 * prompt) as u32 + 1, (draw() * 2.0 * output) as u32 + 1));
    let trace = Trace::new(requests.collect()).unwrap();
    let policy = Policy { max_num_seqs: 64, max_num_batched_tokens: 2048, schedule_ahead: false, ..Policy::default() };
    let it = replay(&trace, &CARD, &policy).unwrap();
    // Means of uniform lengths: a request in its seat is met with its length squared (inspection paradox): prompt + 2/3 output.
    let context = prompt + output * 2.0 / 3.0;
    let squares = (2.0 * prompt).powi(2) / 3.0;
    let step =
        CARD.step + seats * (CARD.request + CARD.kept * context) + seats / output * (CARD.prompt * prompt + CARD.attended * squares / 2.0);
    let fluid = seats / step;
    // Start and end, where seats are empty, take 1 to 2 % of the run.
    let measured = it.output_tokens / it.makespan;
    assert!((measured / fluid - 1.0).abs() < 0.03, "{measured:.1} {fluid:.1}");
}

#[test]
fn below_saturation_throughput_is_the_demand_and_load_follows_little() {
    let trace = poisson(20_000, 8.0, 600, 400, 23);
    let policy = Policy { schedule_ahead: false, ..Policy::default() };
    let it = replay(&trace, &CARD, &policy).unwrap();
    let summary = it.summary(Since::Arrival);
    assert!((summary.requests_per_s / 8.0 - 1.0).abs() < 0.02, "{}", summary.requests_per_s);
    // n = rate * output * t(n), with prompts in between.
    let (rate, prompt, output) = (8.0, 300.5, 200.5);
    let mut n = 1.0;
    for _ in 0..100 {
        let context = prompt + output * 2.0 / 3.0;
        let busy = rate * (CARD.prompt * prompt + CARD.attended * 600.0_f64.powi(2) / 6.0);
        n = rate * (output - 1.0) * (CARD.step + n * (CARD.request + CARD.kept * context)) / (1.0 - busy);
    }
    assert!((it.mean_batch / n - 1.0).abs() < 0.03, "{} {n}", it.mean_batch);
    assert!((summary.tpot.mean / (n / rate / (output - 1.0)) - 1.0).abs() < 0.03, "{}", summary.tpot.mean);
}

#[test]
fn the_steady_state_of_a_closed_loop_agrees() {
    let (_, h100) = device("h100").unwrap();
    let (_, llama) = architecture("llama-3.1-70b").unwrap();
    let deployment = Deployment::new(h100, llama, Format::Fp8, Layout::tensor(4.0), Engine::Vllm);
    for (concurrency, prompt, output) in [(8, 1024, 512), (32, 1024, 1024), (64, 2048, 512), (128, 512, 512)] {
        // As many requests as seats: one follows as another ends.
        let requests = (0..concurrency * 30).map(|_| request(0.0, prompt, output)).collect();
        let policy = Policy { max_num_seqs: concurrency, ..Policy::default() };
        let it = serve(&Trace::new(requests).unwrap(), &deployment, &policy).unwrap().summary(Since::Queue);
        let lengths = Lengths { prompt: f64::from(prompt), output: f64::from(output) };
        let fluid = deployment.closed_loop(f64::from(concurrency), lengths, None);
        let (rate, tpot) = (it.requests_per_s / fluid.rate, it.tpot.mean / fluid.tpot);
        assert!((0.8..1.25).contains(&rate) && (0.8..1.25).contains(&tpot), "{concurrency}: rate {rate:.3}, TPOT {tpot:.3}");
    }
}

#[test]
fn impossible_input_is_named() {
    let one = trace(&[(0.0, 50, 60)]);
    let message = |policy: Policy| replay(&one, &SECOND, &policy).unwrap_err().to_string();
    assert_eq!(message(Policy { max_num_seqs: 0, ..small() }), "max_num_seqs must be at least 1: 0");
    assert_eq!(message(Policy { max_num_seqs: 20, ..small() }), "max_num_batched_tokens must be at least max_num_seqs: 16");
    assert_eq!(
        message(Policy { blocks: Some(20), ..small() }),
        "line 1: a request of 110 tokens is longer than the cache of a replica, 80 tokens"
    );
    let none = Linear { step: f64::NAN, ..SECOND };
    assert!(replay(&one, &none, &small()).unwrap_err().to_string().starts_with("the model of steps gives NaN s"));
    let (_, l4) = device("l4").unwrap();
    let (_, llama) = architecture("llama-3.1-70b").unwrap();
    let too_large = Deployment::new(l4, llama, Format::Bf16, Layout::tensor(1.0), Engine::Vllm);
    assert!(serve(&one, &too_large, &Policy::default()).unwrap_err().to_string().starts_with("the model does not fit"));
    let staged = Deployment { layout: Layout { pipeline: 2.0, ..Layout::tensor(8.0) }, ..too_large };
    assert!(serve(&one, &staged, &Policy::default()).unwrap_err().to_string().starts_with("pipeline must be 1"));
}

#[test]
fn replicas_share_the_load() {
    let trace = poisson(4000, 60.0, 600, 300, 31);
    let policy = |routing, replicas| Policy { replicas, routing, max_num_seqs: 24, max_num_batched_tokens: 512, ..Policy::default() };
    let serve = |policy: Policy| replay(&trace, &CARD, &policy).unwrap().summary(Since::Arrival);
    let one = serve(policy(Routing::RoundRobin, 1));
    let four = serve(policy(Routing::RoundRobin, 4));
    let least = serve(policy(Routing::LeastLoaded { refresh: 0.0 }, 4));
    assert!(four.queueing.mean < one.queueing.mean / 20.0 && four.requests_per_s > 3.0 * one.requests_per_s);
    // Joining the shorter queue beats taking turns, the more so the fresher the counts.
    let stale = serve(policy(Routing::LeastLoaded { refresh: 2.0 }, 4));
    assert!(least.queueing.mean < four.queueing.mean && least.queueing.mean < stale.queueing.mean, "{four:?} {least:?} {stale:?}");
}

#[test]
fn calibration_finds_what_made_the_measurements() {
    let profile = profile("rtx-pro-6000").unwrap();
    let (_, llama) = architecture("llama-3.1-8b").unwrap();
    let deployment = Deployment::new(&devices()["rtx-pro-6000"], llama, Format::Bf16, Layout::tensor(1.0), Engine::Vllm);
    let mut trace = poisson(80, 6.0, 1500, 200, 41);
    let policy = Policy::default();
    let mut truth = profile.parameters.clone();
    truth.host *= 2.0;
    truth.matrix *= 0.95;
    let made = replay(&trace, &Profiled::new(&deployment, &truth), &policy).unwrap();
    trace.measured = (0..trace.requests.len())
        .map(|it| Measured { first: made.ttft(it, Since::Queue), latency: made.latency(it, Since::Queue), per_token: made.tpot(it) })
        .collect();
    let run = Run { trace: &trace, deployment: &deployment, policy: &policy, counted: (0, 80) };
    let (fitted, error) = calibrate_steps(&[run], &profile.parameters).unwrap();
    let batch = Batch { decoding: 20.0, kept: 2e4, prefill: 500.0, attended: 2e5 };
    let seconds = |parameters: &StepParameters| Profiled::new(&deployment, parameters).step_time(&batch);
    assert!(error < 0.01, "{error}");
    assert!((seconds(&fitted) / seconds(&truth) - 1.0).abs() < 0.01);
    // What the run tells nothing of stays.
    assert!((fitted.link_share / profile.parameters.link_share - 1.0).abs() < 0.02);
}

#[test]
fn profiles_are_complete() {
    for it in profile::profiles() {
        assert!(devices().contains_key(&it.device) && it.source.len() > 40, "{}", it.device);
        for model in &it.models {
            assert!(architecture(model).is_some_and(|(name, _)| name == model), "{model}");
        }
        let table = toml::Table::try_from(&it.parameters).unwrap();
        assert!(table.iter().all(|(_, value)| value.as_float().is_some_and(|value| value > 0.0)), "{}", it.device);
    }
}

/// Folder of the reference tables.
fn reference() -> Option<std::path::PathBuf> {
    let root = std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), std::path::PathBuf::from);
    let folder = root.join("ai");
    folder.join("inference_requests_summary.csv").exists().then_some(folder)
}

#[test]
fn measured_means_are_met() {
    let Some(folder) = reference() else {
        #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
        {
            eprintln!("skipped: no reference tables");
        }
        return;
    };
    let table = Table::read(&std::fs::read_to_string(folder.join("inference_requests_summary.csv")).unwrap()).unwrap();
    assert_eq!(crate::family_of(&table).unwrap().name(), "requests");
    let family = Requests::new(move |file| std::fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}")));
    let evaluation = evaluate(&family, &table);
    for row in &evaluation.rows {
        for answer in &row.answers {
            let (ours, measured) = (answer.outcome.as_ref().unwrap().value, answer.measured.unwrap());
            let limit = if answer.metric == "ttft" { 0.07 } else { 0.02 };
            assert!((ours / measured - 1.0).abs() < limit, "{} {}: {ours:.1}, measured {measured}", row.id, answer.metric);
        }
    }
    assert!(family.fit(&table).is_none());
}

#[test]
fn public_traces_are_served() {
    let Some(folder) = reference() else {
        #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
        {
            eprintln!("skipped: no reference tables");
        }
        return;
    };
    let (_, h100) = device("h100").unwrap();
    let (_, llama) = architecture("llama-3.1-8b").unwrap();
    let deployment = Deployment::new(h100, llama, Format::Bf16, Layout::tensor(4.0), Engine::Vllm);
    for (file, requests) in [("azure_llm_2023_conv.csv", 19_366), ("mooncake_conversation.jsonl", 12_031)] {
        let trace = Trace::read(&std::fs::read_to_string(folder.join("traces").join(file)).unwrap()).unwrap();
        assert_eq!(trace.requests.len(), requests, "{file}");
        let plain = serve(&trace, &deployment, &Policy::default()).unwrap().summary(Since::Arrival);
        let cached = serve(&trace, &deployment, &Policy { prefix_caching: true, ..Policy::default() }).unwrap().summary(Since::Arrival);
        assert!(plain.ttft.mean > 0.0 && cached.ttft.mean <= plain.ttft.mean, "{file}");
        // Mooncake's conversations share prefixes; Azure's trace knows none.
        assert_eq!(cached.prefix_hit_share > 0.05, file.ends_with("jsonl"), "{file}: {}", cached.prefix_hit_share);
        if file.ends_with("jsonl") {
            // With room for all, what has been seen before is found: 37.3 % of tokens, less those still being computed.
            let it = replay(&trace, &CARD, &Policy { max_num_seqs: 1024, ..Policy::default() }).unwrap();
            let share = it.cached_tokens / (it.cached_tokens + it.prefilled_tokens);
            assert!((0.34..0.374).contains(&share), "{share}");
        }
    }
    let read = |file: &str| std::fs::read_to_string(folder.join("traces").join(file)).unwrap();
    for pool in ["servegen_m_large", "servegen_mm_image"] {
        let draw = Draw { from: 36_000.0, until: 37_200.0, share: 0.05, seed: 1 };
        let trace = draw_trace(&read(&format!("{pool}_arrivals.csv")), &read(&format!("{pool}_lengths.csv")), draw).unwrap();
        let it = serve(&trace, &deployment, &Policy::default()).unwrap().summary(Since::Arrival);
        assert!(it.requests == trace.requests.len() && it.ttft.mean > 0.0, "{pool}");
    }
}
