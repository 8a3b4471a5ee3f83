//! Laws that hold whatever services are asked to do; `simulate` checks the balances of each history.

use proptest::prelude::*;

use crate::support::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn tokens_are_conserved(
        (cards, cold, target, startup_min, cooldown_min) in (8_u32..200, 0_u32..4, 0.2_f64..1.0, 0_u32..300, 0_u32..600),
        (defer_h, noise, correlation_h, factor, rise_h) in (1_u32..60, 0.0_f64..1.5, 0_u32..30, 0.0_f64..8.0, 0_u32..6),
        (failover, offset_min, preempt, replica) in (0_usize..3, -720_i32..840, any::<bool>(), 1_u32..9),
    ) {
        let failover = ["none", "planned", "any-legal"][failover];
        let nodes = "node_failure_rate = \"30 / 1000 node d\"\nnode_repair = { dist = \"exponential\", mean = \"1 d\" }";
        let keys = "mttf = \"200 h\"\nrepair = { dist = \"exponential\", mean = \"12 h\" }\nups = \"10 min\"\nrestart = \"1 h\"";
        let sites = site("left", keys) + &site("right", keys) + &site("third", keys);
        let daily = format!("daily = [{}{}]\n", "1, ".repeat(9), "3, ".repeat(15));
        let scaled = chat(40, &format!(
            "{daily}scale_target = {target}\nstartup = \"{startup_min} min\"\ncooldown = \"{cooldown_min} min\"\nkv_warmup = \"3 min\"\nmin_replicas = {cold}\nreplica = {replica}\nrequest_tokens = 300\nconcurrency = 8\nlatency_target = \"2 s\"\nweights = \"100 GB\""
        ));
        let plain = chat(30, &format!("weekly = [1, 1, 1, 2, 2, 0, 0]\ndemand_noise = {noise}\nnoise_correlation = \"{correlation_h} h\"\nrequest_tokens = 3000"))
            .replace("\"chat\"", "\"talk\"").replace("T1", "T2");
        let night = chat(25, &format!("defer = \"{defer_h} h\"\ndemand_noise = {noise}")).replace("\"chat\"", "\"night\"").replace("T1", "T3");
        let base = BASE.replace("[[nation]]\nname = \"north\"", &format!("[[nation]]\nname = \"north\"\nutc_offset = \"{offset_min} min\""));
        let extra = format!(
            "\n[[spike]]\nname = \"news\"\nrate = \"3 / d\"\nfactor = {{ dist = \"uniform\", low = 0, high = {} }}\nrise = \"{rise_h} h\"\nduration = {{ dist = \"exponential\", mean = \"2 h\" }}\ndecay = \"30 min\"\n[[campaign]]\nname = \"model\"\nnation = \"north\"\naccelerators = 40\ncompute = \"1e30 FLOP\"\ndeadline = 2027-01-09T00:00:00Z\nstart = 2027-01-03T00:00:00Z\ntier = \"T2\"\n{}",
            factor + 0.1,
            policy(&format!("failover = \"{failover}\"\nfailover_time = \"7 min\"\npreempt_training = {preempt}")),
        );
        let model = load(&[&header("12 d"), &base, &card(nodes), &sites, &scaled, &plain, &night, &extra]);
        let mut text = build("left", 8 * cards.div_ceil(8)) + &build("right", 64) + &build("third", 40);
        for service in ["chat", "talk", "night"] {
            let named = place("left", 0.6) + &place("right", 0.3) + &standby("left", "right", 0.6) + &standby("right", "left", 0.3);
            text += &named.replace("chat", service);
        }
        text += "\n[[campaign]]\ncampaign = \"model\"\nsite = \"right\"\naccelerator = \"card\"\n";
        let plan = plan(&model, &text);
        let run = simulate(&model, &plan, 2);
        for metric in ["request_latency", "request_latency_p95", "queueing_delay", "completion_age", "backlog_mean", "backlog_max", "accelerators_held"] {
            for service in ["chat", "talk", "night"] {
                prop_assert!(run.values("service", service, metric).iter().all(|value| *value >= 0.0));
            }
        }
        prop_assert!(run.value("service", "night", "completion_age") <= f64::from(defer_h) + 1e-6);
        prop_assert!(run.value("service", "night", "backlog_max") >= run.value("service", "night", "tokens_waiting") - 1e-9);
        prop_assert!(run.value("service", "chat", "within_target") <= 1.0);
        // The same again, whatever ran before.
        let again = simulate(&model, &plan, 2);
        prop_assert_eq!(&again.histories, &run.histories);
        // With what is measured left out, the same happens.
        let off = bastide_sim::Options { timeline: false, latency: false, trace: true };
        let bare = simulate_with(&model, &plan, 2, off);
        prop_assert_eq!(&bare.histories[1].balance, &run.histories[1].balance);
    }
}
