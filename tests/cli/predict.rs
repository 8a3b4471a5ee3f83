//! `predict`, `replay`, `calibrate`: what they print, and what they say of bad input.

use crate::support::{Scratch, arg, bastide, json, run, text};

const PRODUCTS: &str = "\
id,group,accelerator,dtype,m,n,k,latency_ms
1,mine,H200-SXM-141GB,bfloat16,4096,8192,8192,0.85
2,mine,H200-SXM-141GB,fp8,16,8192,8192,0.035
3,mine,H299-SXM,bfloat16,16,8192,8192,0.035
4,mine,H100-SXM-80GB,bfloat16,0,8192,8192,0.035
";

#[test]
fn a_table_is_answered_row_by_row() {
    let scratch = Scratch::new("predict-table");
    let (table, rows) = (scratch.join("products.csv"), scratch.join("rows.csv"));
    std::fs::write(&table, PRODUCTS).unwrap();
    let (code, document) = json(&["predict", "serve", "--table", arg(&table), "-o", arg(&rows)]);
    assert_eq!(code, 0);
    assert_eq!(document["schema"], "bastide/predict/1");
    assert_eq!(document["family"], "gemm");
    let first = &document["rows"][0];
    // 2 * 4096 * 8192^2 FLOP at 989 TFLOP/s take 0.556 ms at the least.
    let predicted = first["predicted"].as_f64().unwrap();
    assert!((0.556..1.1).contains(&predicted), "{first}");
    assert!(first["low90"].as_f64().unwrap() < predicted && predicted < first["high90"].as_f64().unwrap());
    assert_eq!(
        (first["unit"].as_str(), first["grade"].as_str(), first["part"].as_str()),
        (Some("ms"), Some("interpolated"), Some("left out"))
    );
    let reasons: Vec<_> = (2..4).map(|row| document["rows"][row]["reason"].as_str().unwrap().to_owned()).collect();
    assert!(reasons[0].contains("unknown accelerator `H299-SXM`; nearest: ") && reasons[0].contains("`H200-SXM`"), "{reasons:?}");
    assert!(reasons[1].contains("`m` is not a number above zero"), "{reasons:?}");
    let all = &document["summary"][0];
    assert_eq!((all["name"].as_str(), all["n"].as_u64(), all["unsupported"].as_u64()), (Some("all"), Some(2), Some(2)));
    let written = std::fs::read_to_string(&rows).unwrap();
    assert!(written.lines().next().unwrap().ends_with(",predicted,low90,high90,error,grade,reason,part"), "{written}");
    assert_eq!(written.lines().count(), 5);
}

#[test]
fn a_table_of_no_known_kind_names_the_nearest() {
    let scratch = Scratch::new("predict-unknown");
    let table = scratch.join("t.csv");
    std::fs::write(&table, "accelerator,dtype,m,n,latency_ms\nH100,bfloat16,1,2,3\n").unwrap();
    let output = run(&["predict", "train", "--table", arg(&table)]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("nearest is `gemm`, which needs also: k"), "{said}");
    std::fs::write(&table, "accelerator,dtype,m,n,k,latency_ms\nH100,bfloat16,1,2\n").unwrap();
    let said = text(&run(&["predict", "train", "--table", arg(&table)]).stderr);
    assert!(said.contains("t.csv:2: 4 fields where the header has 6"), "{said}");
}

#[test]
fn a_replica_and_a_fleet() {
    let replica = ["predict", "serve", "--model", "llama-3.1-70b", "--accelerator", "h100", "--weights", "fp8", "--tensor", "4"];
    let metric = |document: &serde_json::Value, name: &str| {
        let rows = document["rows"].as_array().unwrap();
        rows.iter().find(|row| row["metric"] == name).unwrap()["predicted"].as_f64().unwrap()
    };
    let (_, light) = json(&[&replica[..], &["--concurrency", "4", "--explain"]].concat());
    let (_, heavy) = json(&[&replica[..], &["--concurrency", "64"]].concat());
    assert!(metric(&heavy, "tpot") > metric(&light, "tpot"));
    assert!(metric(&heavy, "output_tokens_per_s") > 2.0 * metric(&light, "output_tokens_per_s"));
    // The terms of a token's time add up to it.
    let rows = light["rows"].as_array().unwrap();
    let tpot = rows.iter().find(|row| row["metric"] == "tpot").unwrap();
    let terms: f64 = tpot["terms"].as_array().unwrap().iter().map(|term| term["seconds"].as_f64().unwrap()).sum();
    assert!((terms * 1e3 / metric(&light, "tpot") - 1.0).abs() < 1e-3, "{tpot}");

    let target = "users=20000,think=30 s,tokens=1024/256,ttft_p95=2 s,tpot=50 ms";
    let (code, fleet) =
        json(&["predict", "serve", "--model", "llama-3.1-70b", "--accelerator", "h100", "--weights", "fp8", "--target", target]);
    assert_eq!(code, 0);
    let number = |key: &str| fleet[key].as_f64().unwrap();
    assert!((20.0..2000.0).contains(&number("gpus")) && number("utilisation") <= 1.001, "{fleet}");
    // A server of 8 H100 with its network draws 10.7 kW at most, times PUE 1.2: 1.6 kW each.
    let each = number("power_mw") * 1e6 / number("gpus");
    assert!((480.0..1610.0).contains(&each), "{each}");
    assert!((number("capital_eur") / number("gpus") - 30_326.0).abs() < 1.0, "the library's price of an H100");
}

#[test]
fn what_cannot_be_served_says_why() {
    let cases: [(&[&str], &str); 8] = [
        (&["--model", "llama-3.1-71b", "--accelerator", "h100"], "nearest: `llama-3.1-70b`"),
        (&["--model", "llama-3.1-70b", "--accelerator", "h101"], "the library has no accelerator `h101`"),
        (&["--model", "llama-3.1-70b", "--accelerator", "h100", "--tensor", "3"], "64 attention heads do not divide by --tensor 3"),
        (&["--model", "llama-3.1-70b", "--accelerator", "h100", "--tensor", "1"], "does not fit 1 h100"),
        (&["--model", "llama-3.1-70b", "--accelerator", "h100", "--weights", "fp9"], "`fp9` is not a number format"),
        (&["--model", "llama-3.1-70b", "--accelerator", "h100", "--engine", "torchserve"], "`torchserve` is not a known engine"),
        (&["--model", "llama-3.1-8b", "--accelerator", "h100", "--target", "users=-3"], "`users` of a target is above 0"),
        (&["--model", "llama-3.1-8b", "--accelerator", "h100", "--target", "users=100,ttft_p95=1 us"], "is above 0"),
    ];
    for (arguments, expected) in cases {
        let output = run(&[&["predict", "serve"], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(run(&["predict", "serve", "--model", "llama-3.1-8b", "--accelerator", "h100", "--prompt", "-1"]).status.code(), Some(2));
}

#[test]
fn a_training_run_and_one_that_does_not_fit() {
    let herd = ["predict", "train", "--model", "llama-3.1-405b", "--accelerator", "h100", "--gpus", "16384", "--global-batch", "2048"];
    let (code, document) = json(&[&herd[..], &["--tokens", "15.6 T tokens", "--search"]].concat());
    assert_eq!(code, 0);
    let rows = document["rows"].as_array().unwrap();
    let metric = |name: &str| rows.iter().find(|row| row["metric"] == name).unwrap()["predicted"].as_f64().unwrap();
    // Grattafiori et al. 2024: 38 to 43 % of the peak; 22.6 MW reported for the cluster; 3.8e25 FLOP.
    assert!((33.0..50.0).contains(&metric("MFU")), "{}", metric("MFU"));
    assert!((19.0..27.0).contains(&metric("power")), "{}", metric("power"));
    assert!((document["run"]["flop"].as_f64().unwrap() / 3.8e25 - 1.0).abs() < 0.06);
    assert!(document["layouts"].as_array().unwrap().len() > 1);

    let output = run(&["predict", "train", "--model", "llama-3.1-405b", "--accelerator", "h100", "--gpus", "64"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("the run does not fit") && said.contains("of them would"), "{said}");
    let said = text(&run(&[&herd[..], &["--tensor", "7", "--pipeline", "3"]].concat()).stderr);
    assert!(said.contains("not 16384 devices"), "{said}");
}

#[test]
fn requests_are_replayed() {
    let scratch = Scratch::new("replay");
    let trace = scratch.join("trace.csv");
    std::fs::write(&trace, "arrival_s,input_tokens,output_tokens\n0,512,64\n0.1,1024,64\n0.2,256,1\n").unwrap();
    let service = "model=llama-3.1-8b,accelerator=h100,tensor=1";
    let rows = scratch.join("requests.csv");
    let (code, document) = json(&["replay", arg(&trace), "--service", service, "-o", arg(&rows)]);
    assert_eq!(code, 0);
    assert_eq!(document["requests"]["requests"], 3);
    // Weights of 16 GB at 3.35 TB/s: 4.8 ms a token at the least.
    let tpot = document["requests"]["tpot"]["mean"].as_f64().unwrap();
    assert!((0.0048..0.03).contains(&tpot), "{tpot}");
    assert_eq!(std::fs::read_to_string(&rows).unwrap().lines().count(), 4);

    let fails = |content: &str, arguments: &[&str], expected: &str| {
        std::fs::write(&trace, content).unwrap();
        let output = run(&[&["replay", arg(&trace)], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    fails("", &["--service", service], "the trace has no requests");
    fails("arrival_s,input_tokens,output_tokens\n1,8,8\n0,8,8\n", &["--service", service], "line 3: arrival 0 s is before");
    fails("arrival_s,input_tokens,output_tokens\n1,8,0\n", &["--service", service], "line 2: tokens of the answer");
    fails("arrival_s,input_tokens,output_tokens\n1,8,8\n", &["--service", "model=llama-3.1-8b,gpu=h100,seats=3"], "unknown field `seats`");
    fails("arrival_s,input_tokens,output_tokens\n1,8,8\n", &[], "--accelerator is missing");
}

#[test]
fn a_pack_that_is_none_is_refused() {
    let scratch = Scratch::new("calibrate");
    let pack = scratch.join("pack.toml");
    std::fs::write(&pack, "schema = \"something else\"\n").unwrap();
    for arguments in
        [vec!["calibrate", "--check", arg(&pack)], vec!["predict", "serve", "--calibration", arg(&pack), "--model", "llama-3.1-8b"]]
    {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("not a calibration pack"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_machine_without_a_gpu_gets_one_sentence() {
    let output = bastide(&["calibrate"]).env("CUDA_VISIBLE_DEVICES", "").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.starts_with("error: cannot calibrate: ") && said.lines().count() == 2, "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_load_that_comes_on_its_own_is_checked_request_by_request() {
    let service = ["--model", "llama-3.1-8b", "--accelerator", "h100"];
    let poisson = |text: &str| json(&[&["replay", "--poisson", text][..], &service].concat());
    let (code, document) = poisson("load=60 %,input=700,output=150,output_cv=0.7,requests=12000");
    assert_eq!((code, document["schema"].as_str()), (0, Some("bastide/replay-poisson/1")));
    let row = |document: &serde_json::Value, name: &str, key: &str| {
        let rows = document["rows"].as_array().unwrap();
        rows.iter().find(|row| row["metric"] == name).unwrap()[key].as_f64().unwrap()
    };
    assert!((document["load"].as_f64().unwrap() - 0.6).abs() < 1e-9);
    assert!(row(&document, "latency", "difference").abs() < 0.05, "{document}");
    assert!(row(&document, "requests_per_s", "difference").abs() < 0.01, "{document}");
    // The same load of fixed lengths from `predict serve`, by its rate and by its share.
    let serve = |extra: &[&str]| json(&[&["predict", "serve", "--prompt", "700", "--answer", "150"][..], &service, extra].concat()).1;
    let shared = serve(&["--load", "60 %", "--check", "8000"]);
    let rate = shared["state"]["latency"]["rate"].as_f64().unwrap();
    let same = serve(&["--rate", &format!("{} /h", rate * 3600.0)]);
    let tpot = |document: &serde_json::Value| document["state"]["latency"]["tpot"].as_f64().unwrap();
    assert!((tpot(&shared) / tpot(&same) - 1.0).abs() < 1e-6);
    assert!((row(&shared["check"], "tpot", "fluid") / tpot(&shared) - 1.0).abs() < 1e-6);
    assert!(row(&shared["check"], "latency", "difference").abs() < 0.05, "{shared}");
    // Above the largest rate nothing is steady.
    let (code, flood) = poisson("rate=1000,requests=500");
    assert!(code == 0 && flood["fluid"].is_null() && flood["rows"][1]["fluid"].is_null());

    let said = |arguments: &[&str]| text(&run(&[arguments, &service].concat()).stderr);
    for (bad, says) in [
        ("rate=x", "write a rate above 0"),
        ("load=120 %", "write a share above 0 and below 1"),
        ("input=5", "one of `rate` and `load`"),
        ("rate=1,load=50 %", "one of `rate` and `load`"),
        ("rate=1,requests=5", "`requests` is a number from 100"),
        ("rate=1,output_law=zipf", "no such law of lengths: `zipf`"),
        ("rate=1,outputs=4", "`outputs` is not known"),
        ("rate=1,output=1e300", "`output` is a number"),
        ("rate=1,lengths=nowhere.csv", "nowhere.csv"),
        ("rate", "`rate` is not KEY=VALUE"),
    ] {
        let said = said(&["replay", "--poisson", bad]);
        assert!(said.contains(says), "{bad}: {said}");
    }
    assert!(said(&["predict", "serve", "--check"]).contains("give --rate 5 or --load"));
    assert!(said(&["predict", "serve", "--rate", "100000"]).contains("cannot serve so many requests"));
}
