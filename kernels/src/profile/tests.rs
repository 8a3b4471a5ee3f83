//! Packs go out and come back, and damaged ones are refused. The pack is made up: its times follow from simple formulas.

use super::*;
use crate::suite::suite;
use crate::{check, fit::Fit};

/// A device of 800 TFLOP/s and 4 TB/s with 3 us of latency, on paper.
pub(crate) fn synthetic() -> Profile {
    let points: Vec<Point> = suite(true, true, 100 << 30, 2)
        .into_iter()
        .map(|work| {
            let double = if matches!(work, Work::Gemm { format: Format::Fp8, .. }) { 2.0 } else { 1.0 };
            let link = if matches!(work, Work::Transfer { .. } | Work::Collective { .. }) { 50e9 } else { 4e12 };
            let seconds = 3e-6 + (work.flops() / (8e14 * double)).max(work.device_bytes() as f64 / link);
            let value = if matches!(work, Work::Power { .. }) { 400.0 } else { seconds };
            Point {
                samples: [0.99, 1.0, 1.02].map(|share| crate::harness::rounded(value * share)).to_vec(),
                runs: 4,
                graph: seconds < 5e-5,
                error: (work.flops() > 0.0).then_some(2e-3),
                rate: matches!(work, Work::Power { .. }).then_some(1e12),
                conditions: Conditions {
                    power_w: Some(500.0),
                    temperature_c: Some(50.0),
                    sm_mhz: Some(1980.0),
                    memory_mhz: None,
                    throttle: Some(4),
                },
                void: None,
                work,
            }
        })
        .collect();
    Profile {
        device: DeviceRecord {
            name: "Made \"up\"".to_owned(),
            compute_capability: "9.0".to_owned(),
            multiprocessors: 132,
            memory_bytes: 100 << 30,
            l2_bytes: 50 << 20,
            library: Some("h100".to_owned()),
        },
        software: SoftwareRecord {
            program: "0.1.0".to_owned(),
            driver: String::new(),
            cuda: "13.0".to_owned(),
            nvrtc: "13.0".to_owned(),
            cublaslt: "13.0.0".to_owned(),
            attention: "none".to_owned(),
        },
        run: RunRecord {
            date: "2026-05-04".to_owned(),
            quick: true,
            devices: 2,
            highest_sm_mhz: Some(1980.0),
            highest_memory_mhz: None,
            power_limit_w: Some(700.0),
            link_generation: Some(5),
            link_width: Some(16),
        },
        fit: Fit::of(&points, Some("h100")),
        points,
    }
}

/// The text with its checksum put right, as somebody who edits a pack on purpose would.
fn resealed(text: &str) -> String {
    let sum = write::checksum(text);
    let line = |line: &str| if line.starts_with(write::CHECKSUM) { format!("{}\"{sum}\"\n", write::CHECKSUM) } else { line.to_owned() };
    text.split_inclusive('\n').map(line).collect()
}

#[test]
fn a_pack_comes_back_as_it_was() {
    let profile = synthetic();
    let text = profile.to_toml();
    assert_eq!(Profile::from_toml(&text).unwrap(), profile);
    assert_eq!(Profile::from_toml(&text).unwrap().to_toml(), text, "the same bytes");
    assert_eq!(resealed(&text), text);
}

#[test]
fn a_void_point_comes_back_with_its_reason() {
    let mut profile = synthetic();
    profile.points[2].void = Some("wrong result: \"0.3\"\nand more".to_owned());
    profile.points[3].samples.clear();
    profile.points[3].void = Some("not supported".to_owned());
    let back = Profile::from_toml(&profile.to_toml()).unwrap();
    assert_eq!(back, profile);
    let report = check(&profile.to_toml()).unwrap();
    assert_eq!(report.voids.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(back.gemm().len(), synthetic().gemm().len() - 2);
}

#[test]
fn a_stored_pack_is_fitted_again() {
    let report = check(&synthetic().to_toml()).unwrap();
    assert!(report.sound() && report.differences.is_empty() && report.drift == Some(0.0), "{:?}", report.differences);
    let mut changed = synthetic();
    changed.fit.gemm[0].rate *= 1.1;
    changed.fit.launch_graph_s = None;
    let report = check(&changed.to_toml()).unwrap();
    let names: Vec<&str> = report.differences.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["gemm.bf16.rate", "launch_graph_s"]);
    assert!(!report.sound());
    let mut drifted = synthetic();
    for sample in &mut drifted.points.last_mut().unwrap().samples {
        *sample *= 1.2;
    }
    let report = check(&drifted.to_toml()).unwrap();
    assert!((report.drift.unwrap() - 0.2).abs() < 1e-6 && !report.sound());
}

#[test]
fn the_fit_finds_the_device_on_paper() {
    let fit = synthetic().fit;
    let near = |value: f64, exact: f64| (value / exact - 1.0).abs() < 0.03;
    assert!(near(fit.gemm[0].best_rate, 8e14) && near(fit.gemm[1].best_rate, 16e14), "{:?}", fit.gemm);
    assert!(near(fit.stream[0].memory_bandwidth, 4e12));
    let host = fit.link.iter().find(|link| link.name == "host-to-device pinned").unwrap().line;
    assert!(near(host.rate, 50e9) && near(host.latency_s, 3e-6), "{host:?}");
    assert!(fit.link.iter().any(|link| link.name == "all-reduce 2"));
    assert_eq!(fit.power.len(), 4);
    assert!(fit.decode_attention.is_some() && fit.prefill_attention.is_some());
}

#[test]
fn a_changed_pack_is_refused() {
    let text = synthetic().to_toml();
    for (from, to) in [("multiprocessors = 132", "multiprocessors = 133"), ("quick = true", "quick = false"), ("# Measured", "# measured")]
    {
        assert!(text.contains(from), "{from}");
        let error = Profile::from_toml(&text.replacen(from, to, 1)).unwrap_err();
        assert!(matches!(error, PackError::Checksum { .. }), "{error}");
    }
    let cut = &text[..text.rfind("[[point]]").unwrap()];
    assert!(matches!(Profile::from_toml(cut).unwrap_err(), PackError::Checksum { .. }));
}

#[test]
fn what_cannot_be_is_refused_with_its_line() {
    let text = synthetic().to_toml();
    let cases = [
        ("kind = \"gemm\"", "kind = \"gem\"", "unknown kind `gem`"),
        ("format = \"bf16\"", "format = \"bf15\"", "unknown format `bf15`"),
        ("cold = true", "bytes = 5", "has no `bytes`"),
        ("cold = true\n", "\n", "needs `cold`"),
        ("m = 1\n", "m = -1\n", "expected u64"),
        ("m = 1\n", "m = 0\n", "a dimension is zero"),
        ("count = 3", "count = 4", "there are 3 samples"),
        ("temperature_c = 5e1", "temperature_c = nan", "not a number"),
        ("temperature_c = 5e1", "temperature_c = -3.0", "negative"),
        ("samples = [", "samples = [-1.0, ", "not a positive number"),
        ("samples = [", "samples = [inf, ", "not a positive number"),
        ("\nmedian = ", "\nmedian = 1", "but the samples have"),
        ("runs = 4", "ruins = 4", "unknown field `ruins`"),
        ("launch_stream_s = ", "launch_stream_s = -", "negative"),
    ];
    // Some words also stand in the fit, before the points.
    let points = text.find("[[point]]").unwrap();
    for (from, to, message) in cases {
        let start = text[points..].find(from).map_or_else(|| text.find(from), |at| Some(at + points)).expect(from);
        let changed = format!("{}{to}{}", &text[..start], &text[start + from.len()..]);
        let error = Profile::from_toml(&resealed(&changed)).map(|_| to).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(message) && said.starts_with("line "), "{to}: {said}");
        let PackError::Form { line, column, .. } = error else { panic!("{said}") };
        assert!(line > 1 && column >= 1, "{said}");
    }
}

#[test]
fn other_files_are_told_apart() {
    let text = synthetic().to_toml();
    assert_eq!(Profile::from_toml("a = 1").unwrap_err(), PackError::Schema(String::new()));
    assert_eq!(Profile::from_toml(&text.replace(SCHEMA, "other")).unwrap_err(), PackError::Schema("other".to_owned()));
    assert_eq!(Profile::from_toml(&text.replace("version = 1", "version = 2")).unwrap_err(), PackError::Version(2));
    assert!(matches!(Profile::from_toml("schema = [").unwrap_err(), PackError::Form { line: 1, .. }));
    assert!(matches!(Profile::from_toml("").unwrap_err(), PackError::Schema(_)));
}
