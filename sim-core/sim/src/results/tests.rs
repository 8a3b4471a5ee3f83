//! A study is written, interrupted, resumed, spoilt and read back.

mod synthetic;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::Layout;
// The name by which the synthetic study, shared with the tests of the report, knows this crate.
use crate as bastide_sim;

/// A folder of its own for a test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bastide-results-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes of every file below a folder.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Runs `body` with the synthetic study.
fn with_study<T>(body: impl FnOnce(&StudyMeta<'_>, &Layout) -> T) -> T {
    let model = synthetic::model("Citizens");
    let (plans, run, mut alternatives) = (synthetic::plans(&model), RunFacts { threads: 2, ..RunFacts::default() }, Vec::new());
    let meta = synthetic::meta(&model, &plans, &run, &mut alternatives);
    body(&meta, &Layout::new(&model))
}

/// Writes the whole study in chunks of a size.
fn write(folder: &Path, meta: &StudyMeta<'_>, layout: &Layout, size: u32) -> Summary {
    let mut writer = StudyWriter::create(folder, meta).unwrap();
    for alternative in 0..meta.alternatives.len() {
        for start in (0..meta.replications).step_by(size as usize) {
            let range = start..(start + size).min(meta.replications);
            writer.write_chunk(alternative, &synthetic::histories(meta.model, layout, alternative, range)).unwrap();
        }
    }
    writer.finish(meta.run, Ok(synthetic::adequacy(meta.model, meta.alternatives))).unwrap()
}

#[test]
fn the_same_study_gives_the_same_bytes_whatever_its_chunks() {
    let (a, b) = (Scratch::new("bytes-a"), Scratch::new("bytes-b"));
    with_study(|meta, layout| {
        write(&a.0, meta, layout, 24);
        // Other chunks, another number of threads, another day.
        let run = RunFacts { threads: 1, started: "2027-01-01T00:00:00Z".into(), ..RunFacts::default() };
        write(&b.0, &StudyMeta { run: &run, ..*meta }, layout, 5);
    });
    let (mut a, mut b) = (bytes(&a.0), bytes(&b.0));
    assert_ne!(a.remove("manifest.toml"), b.remove("manifest.toml"));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(bytes == &b[name], "{name} differs");
    }
    for name in ["summary.json", "plan.toml", "plans/many-sites.toml", "inputs/scenario.toml", "inputs/outside/up/base.toml"] {
        assert!(a.contains_key(name), "{name}");
    }
    assert!(a.keys().all(|name| !name.starts_with("partial")));
}

#[test]
fn what_was_written_is_read() {
    let scratch = Scratch::new("round-trip");
    with_study(|meta, layout| {
        let summary = write(&scratch.0, meta, layout, 7);
        let study = Study::open(&scratch.0).unwrap();
        // To the last bit, and without printing two documents.
        assert!(study.summary == summary);
        assert_eq!(summary.adequacy, Some(synthetic::adequacy(meta.model, meta.alternatives)));
        // Folders of older versions have none.
        let mut old = serde_json::to_value(&summary).unwrap();
        old.as_object_mut().unwrap().remove("adequacy");
        let old: Summary = serde_json::from_value(old).unwrap();
        assert!(old.adequacy.is_none() && old.estimates == summary.estimates);
        assert!(study.manifest.run.peak_memory_mib.is_none_or(|mib| mib > 1.0));
        // Values by replication are the histories'.
        let place = layout.find("system", "all", "served_share").unwrap();
        let values = study.values(&[("system", "all", "served_share"), ("tier", "T1", "hours_below_90")]).unwrap();
        for (alternative, values) in values[0].iter().enumerate() {
            let histories = synthetic::histories(meta.model, layout, alternative, 0..meta.replications);
            assert_eq!(*values, histories.iter().map(|history| history.metrics[place]).collect::<Vec<_>>());
            // Estimates and differences are those of the engine.
            let name = meta.alternatives[alternative].name;
            let estimate = bastide_engine::Estimate::of(values).unwrap();
            let read = study.estimate(name, "system", "all", "served_share").unwrap();
            assert_eq!((read.mean, read.stderr, read.p95), (estimate.mean, estimate.stderr, estimate.p95));
            assert_eq!(study.difference(name, "system", "all", "served_share").is_some(), alternative > 0);
        }
        // The timeline: mean over histories of the recorded bins.
        let channel = study.channel("one-campus", "tier", "T3", "served_share").unwrap();
        let histories = synthetic::histories(meta.model, layout, 1, 0..meta.replications);
        let at = layout.find_channel("tier", "T3", "served_share").unwrap();
        assert_eq!(channel.values.len(), layout.bins);
        for bin in [0, 31, layout.bins - 1] {
            let sum: f64 = histories.iter().map(|history| f64::from(history.timeline[at * layout.bins + bin])).sum();
            assert!((channel.values[bin].mean - sum / f64::from(meta.replications)).abs() < 1e-9);
            assert_eq!(channel.time_h[bin], bin as f64 * layout.bin.as_h());
        }
        // Events, with causes and names.
        let mut found = Vec::new();
        study
            .for_each_history(|alternative, replication, events| found.push((alternative.to_string(), replication, events.to_vec())))
            .unwrap();
        assert_eq!(found.len(), 3 * meta.replications as usize);
        let (name, replication, events) = &found[(meta.replications + 3) as usize];
        assert_eq!((name.as_str(), *replication, events.len()), ("one-campus", 3, histories[3].events.len()));
        let down = events.iter().find(|event| event.kind == "site-down").unwrap();
        assert_eq!((down.entity_kind.as_str(), down.entity.as_str()), ("site", "warsaw"));
        assert!(events.iter().any(|event| Some(event.seq) == down.cause_seq && event.kind == "strike"));
        // Entities, assumptions, plans.
        let riga = study.entities.iter().find(|x| x.kind == "site" && x.name == "riga").unwrap();
        assert_eq!((riga.title.as_str(), riga.tier.as_deref(), riga.capacity), ("Rīga", Some("core"), Some(40.0)));
        assert_eq!(study.assumptions.len(), 3);
        assert_eq!((study.assumptions[1].verified, study.assumptions[2].verified), (Some(false), None));
        assert_eq!(study.summary.alternatives[1].plan.builds[0].count, 92_000);
    });
}

#[test]
fn an_interrupted_study_goes_on() {
    let (whole, resumed) = (Scratch::new("whole"), Scratch::new("resumed"));
    with_study(|meta, layout| {
        write(&whole.0, meta, layout, 6);
        let mut writer = StudyWriter::create(&resumed.0, meta).unwrap();
        // What ended before the stop, with gaps: 0-4, 6-8, 20.
        let mut histories = synthetic::histories(meta.model, layout, 0, 0..5);
        histories.extend(synthetic::histories(meta.model, layout, 0, 6..9));
        histories.extend(synthetic::histories(meta.model, layout, 0, 20..21));
        writer.write_chunk(0, &histories).unwrap();
        assert!(matches!(StudyWriter::create(&resumed.0, meta), Err(ResultsError::Busy(_))));
        assert!(matches!(Study::open(&resumed.0), Err(ResultsError::Unfinished(_))));
        assert!(matches!(writer.finish(meta.run, Ok(synthetic::adequacy(meta.model, meta.alternatives))), Err(ResultsError::Mismatch(_))));
        // A chunk is spoilt and another file was under way.
        let partial = resumed.0.join("partial");
        let chunk = partial.join("000-00000006-00000009.chunk");
        let mut spoilt = fs::read(&chunk).unwrap();
        spoilt[100] ^= 1;
        fs::write(&chunk, spoilt).unwrap();
        fs::write(partial.join("000-00000009-00000012.chunk.tmp"), "half").unwrap();

        let mut writer = StudyWriter::create(&resumed.0, meta).unwrap();
        assert_eq!(writer.completed(0), [0..5, 20..21]);
        assert_eq!(writer.missing(0), [5..20, 21..24]);
        for alternative in 0..3 {
            for range in writer.missing(alternative) {
                writer.write_chunk(alternative, &synthetic::histories(meta.model, layout, alternative, range)).unwrap();
            }
        }
        assert!(matches!(writer.write_chunk(0, &histories), Err(ResultsError::Mismatch(_))));
        writer.finish(meta.run, Ok(synthetic::adequacy(meta.model, meta.alternatives))).unwrap();
        assert!(matches!(StudyWriter::create(&resumed.0, meta), Err(ResultsError::Complete(_))));
    });
    let (mut whole, mut resumed) = (bytes(&whole.0), bytes(&resumed.0));
    whole.remove("manifest.toml");
    resumed.remove("manifest.toml");
    assert!(whole == resumed);
}

#[test]
fn foreign_folders_are_left_alone() {
    let (foreign, other) = (Scratch::new("foreign"), Scratch::new("other"));
    with_study(|meta, layout| {
        fs::create_dir_all(&foreign.0).unwrap();
        fs::write(foreign.0.join("thesis.tex"), "years of work").unwrap();
        let error = StudyWriter::create(&foreign.0, meta).unwrap_err();
        assert!(matches!(error, ResultsError::NotEmpty(_)) && error.to_string().contains("choose another folder"), "{error}");
        assert!(!error.can_be_resumed());
        assert_eq!(bytes(&foreign.0).len(), 1);
        assert!(matches!(Study::open(&foreign.0), Err(ResultsError::Missing(_))));
        // Another seed is another study.
        write(&other.0, meta, layout, 24);
        let before = bytes(&other.0);
        let error = StudyWriter::create(&other.0, &StudyMeta { seed: 8, ..*meta }).unwrap_err();
        assert!(matches!(error, ResultsError::OtherStudy { .. }), "{error}");
        assert!(before == bytes(&other.0));
        // A folder that is a file.
        let file = foreign.0.join("thesis.tex");
        assert!(StudyWriter::create(&file, meta).is_err());
        assert_eq!(fs::read_to_string(file).unwrap(), "years of work");
    });
}

#[test]
fn histories_that_do_not_fit_are_refused() {
    let scratch = Scratch::new("misfit");
    with_study(|meta, layout| {
        let mut writer = StudyWriter::create(&scratch.0, meta).unwrap();
        let history = || synthetic::history(meta.model, layout, 0, 1);
        let mut short = history();
        short.metrics.pop();
        let mut infinite = history();
        infinite.metrics[0] = f64::INFINITY;
        let mut late = history();
        late.replication = meta.replications;
        for wrong in [short, infinite, late] {
            assert!(matches!(writer.write_chunk(0, &[wrong]), Err(ResultsError::Mismatch(_))));
        }
        assert!(matches!(writer.write_chunk(3, &[history()]), Err(ResultsError::Mismatch(_))));
        assert!(matches!(writer.write_chunk(0, &[history(), history()]), Err(ResultsError::Mismatch(_))));
    });
}

#[test]
fn damage_and_newer_formats_get_one_clear_sentence() {
    let scratch = Scratch::new("damage");
    with_study(|meta, layout| write(&scratch.0, meta, layout, 24));
    let good = bytes(&scratch.0);
    let restore = |name: &str| fs::write(scratch.0.join(name), &good[name]).unwrap();
    for name in ["metrics.parquet", "timeline.parquet", "events.parquet", "entities.parquet", "summary.json"] {
        let path = scratch.0.join(name);
        for damage in [&good[name][..good[name].len() / 2], b"", &[good[name].as_slice(), b"x"].concat()] {
            fs::write(&path, damage).unwrap();
            let error = Study::open(&scratch.0).unwrap_err();
            assert!(matches!(error, ResultsError::Corrupt { .. }), "{name}: {error}");
            assert!(!error.to_string().contains('\n') && error.to_string().contains(name), "{error}");
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(Study::open(&scratch.0), Err(ResultsError::Missing(_))));
        restore(name);
    }
    let manifest = String::from_utf8(good["manifest.toml"].clone()).unwrap();
    let path = scratch.0.join("manifest.toml");
    fs::write(&path, manifest.replace("results_format = 1", "results_format = 2")).unwrap();
    assert!(matches!(Study::open(&scratch.0), Err(ResultsError::Newer { found: 2, known: 1, .. })));
    fs::write(&path, "results_format = [").unwrap();
    assert!(matches!(Study::open(&scratch.0), Err(ResultsError::Corrupt { .. })));
    restore("manifest.toml");
    Study::open(&scratch.0).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_says_so() {
    // /dev/full refuses every byte with ENOSPC.
    use std::io::Write;
    let error = fs::OpenOptions::new().write(true).open("/dev/full").and_then(|mut file| file.write_all(b"x")).unwrap_err();
    let error = ResultsError::io(Path::new("out/metrics.parquet"), error);
    assert!(matches!(error, ResultsError::DiskFull(_)) && error.can_be_resumed());
    assert_eq!(error.to_string(), "the disk is full while writing `out/metrics.parquet`: free some space and run the same command again");
}
