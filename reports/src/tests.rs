//! The page of a synthetic study, written and read by the real writer and reader.

#[path = "../../sim-core/sim/src/results/tests/synthetic.rs"]
mod synthetic;

use std::fs;
use std::path::PathBuf;

use ::bastide_sim;
use bastide_sim::Layout;
use bastide_sim::results::{RunFacts, Study, StudyWriter};

use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bastide-reports-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a study of `alternatives` alternatives with `replications` histories.
fn study(scratch: &Scratch, title: &str, alternatives: usize, replications: u32) -> Study {
    let model = synthetic::model(title);
    let layout = Layout::new(&model);
    let (plans, run, mut list) = (synthetic::plans(&model), RunFacts::default(), Vec::new());
    let mut meta = synthetic::meta(&model, &plans, &run, &mut list);
    meta.alternatives = &meta.alternatives[..alternatives];
    meta.replications = replications;
    let mut writer = StudyWriter::create(&scratch.0, &meta).unwrap();
    for alternative in 0..alternatives {
        writer.write_chunk(alternative, &synthetic::histories(&model, &layout, alternative, 0..replications)).unwrap();
    }
    writer.finish(&run, Ok(synthetic::adequacy(&model, meta.alternatives))).unwrap();
    Study::open(&scratch.0).unwrap()
}

#[test]
fn the_page_stands_alone_and_escapes_everything() {
    let scratch = Scratch::new("hostile");
    study(&scratch, "<script>alert('x')</script><img src=x onerror=y>\"&", 3, synthetic::REPLICATIONS);
    let path = write_report(&scratch.0).unwrap();
    let page = fs::read_to_string(path).unwrap();
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert!(!page.contains("<script") && !page.contains("<img"));
    assert!(page.contains("&lt;script&gt;"));
    // Nothing is fetched.
    for word in ["src=\"", "url(", "@import", "<link", "<iframe", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
    // No number was lost on the way, and no name of a type or debug form came through.
    for word in ["NaN", "inf ", "None", "Some(", "undefined", "#010101", "#030300"] {
        assert!(!page.contains(word), "{word}");
    }
    // Each drawing has a title and each table a caption.
    assert_eq!(page.matches("<svg").count(), page.matches("</title><desc>").count());
    assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    for tag in ["section", "figure", "table", "svg", "details", "div", "dl"] {
        assert_eq!(page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // Every link within the page has its target.
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
    // The same folder gives the same page.
    assert_eq!(page, render_html(&Study::open(&scratch.0).unwrap()).unwrap());
}

#[test]
fn the_answer_follows_from_the_numbers() {
    let scratch = Scratch::new("answer");
    let study = study(&scratch, "Citizens", 3, synthetic::REPLICATIONS);
    let view = view::View::of(&study).unwrap();
    let served = |name: &str| study.estimate(name, "system", "all", "served_share").unwrap();
    // Many sites serve most in the synthetic numbers, by far more than the error.
    let difference = study.difference("many-sites", "system", "all", "served_share").unwrap();
    assert!(difference.mean > 2.0 * difference.stderr.unwrap());
    assert!(view.answer.text.starts_with("Many small sites serves most: "), "{}", view.answer.text);
    assert!(
        view.answer.text.contains(&number::plus_minus(100.0 * served("many-sites").mean, served("many-sites").stderr.map(|x| 100.0 * x)))
    );
    assert_eq!(view.answer.cards.len(), 3);
    // The table of cost sums to its total within its rounding.
    let cost = view.cost[0].table.as_ref().unwrap();
    let number = |text: &str| text.replace('\u{202f}', "").parse::<f64>().unwrap();
    for column in 1..=3 {
        let sum: f64 = cost.rows.iter().filter(|row| row.kind.is_empty()).map(|row| number(&row.cells[column].text)).sum();
        let total = cost.rows.iter().find(|row| row.kind == "total").unwrap();
        assert!((sum - number(&total.cells[column].text)).abs() <= 0.05 * cost.rows.len() as f64);
    }
    // Losses are booked on their first cause, each until its service is back: in the synthetic histories the strikes take
    // (share of a site) x (hours) of one service away.
    let mut expected = 0.0;
    study
        .for_each_history(|name, _, events| {
            if name == "recommended" {
                for lost in events.iter().filter(|x| x.kind == "service-lost") {
                    let back = events.iter().find(|x| x.kind == "service-restored" && x.seq > lost.seq).map_or(8760.0, |x| x.time_h);
                    expected += (1.0 - lost.value) * (back - lost.time_h) / f64::from(synthetic::REPLICATIONS);
                }
            }
        })
        .unwrap();
    let shown = view.causes[0].rows[0].cells[1].text.split('±').map(|x| number(x.trim())).collect::<Vec<_>>();
    assert!((shown[0] - expected).abs() <= shown[1], "{shown:?} {expected}");
    assert!(view.causes[0].rows[0].cells[0].text.starts_with("Strike: Winter salvos"));
    assert!(!view.next.is_empty() && view.next[0].command.starts_with("bastide plan scenarios/synthetic-alliance --set plan.budget="));
}

#[test]
fn adequacy_is_told_as_it_was_computed() {
    let scratch = Scratch::new("adequacy");
    let study = study(&scratch, "Citizens", 3, 2);
    let found = study.summary.adequacy.clone().unwrap();
    let adequacy = view::View::of(&study).unwrap().adequacy.unwrap();
    // A row for each zone under each of three heads, the first of them loss of load without AI load.
    assert_eq!(adequacy.table.rows.len(), 3 * (found.zones.len() + 1));
    for (row, zone) in adequacy.table.rows[1..].iter().zip(&found.cases[0].zones) {
        let lole = zone.lole_h_per_year;
        assert_eq!(row.cells[1].text, number::plus_minus(lole.mean, lole.stderr));
    }
    assert_eq!(adequacy.alternatives.unwrap().head.len(), 4);
    // A sentence, a row and a figure for each zone with candidates; the sentence has the numbers of the row.
    let hosting = adequacy.hosting.unwrap();
    assert_eq!(
        (hosting.rows.len(), adequacy.figures.len(), adequacy.text.len()),
        (found.hosting.len(), found.hosting.len(), found.hosting.len() + 1)
    );
    for (row, sentence) in hosting.rows.iter().zip(&adequacy.text[1..]) {
        assert!(sentence.starts_with(&row.cells[0].text), "{sentence}");
        for cell in row.cells[1..].iter().filter(|cell| cell.text != "none") {
            assert!(sentence.contains(&cell.text), "{sentence}");
        }
    }
    assert!(adequacy.text[0].contains("raises loss of load most in"), "{}", adequacy.text[0]);
    assert!(adequacy.text[4].contains("exceeds 3\u{a0}hours a year of loss of load already"), "{}", adequacy.text[4]);
    let (page, text) = (render_html(&study).unwrap(), render_markdown(&study).unwrap());
    assert!(page.contains("id=\"adequacy\"") && text.contains("## Power system adequacy"));
    for sentence in &adequacy.text {
        assert!(text.contains(sentence.as_str()), "{sentence}");
    }
    // Results of an older version have no such section.
    let mut old = study;
    old.summary.adequacy = None;
    let (page, text) = (render_html(&old).unwrap(), render_markdown(&old).unwrap());
    assert!(!page.contains("adequacy\"") && !text.contains("Power system adequacy"));
}

#[test]
fn alike_is_called_alike() {
    let scratch = Scratch::new("alike");
    let study = study(&scratch, "Citizens", 3, 2);
    // Two histories: no difference between the two best can be clear of so rough an error, unless by accident of the draws.
    let view = view::View::of(&study).unwrap();
    let line = view::Comparison::of(&study).unwrap();
    let served = line.line("system", "all", "served_share").unwrap();
    let order = served.ranking();
    let difference = served.difference(order[0], order[1]).unwrap();
    let clear = difference.mean.abs() >= 2.0 * difference.stderr.unwrap();
    assert_eq!(
        view.answer.text.contains("no difference beyond error:") || view.answer.text.contains("no difference beyond error ("),
        !clear
    );
    assert_eq!(view.answer.text.contains("serves most"), clear);
}

#[test]
fn one_alternative_and_one_history_still_make_a_page() {
    let scratch = Scratch::new("single");
    let study = study(&scratch, "Citizens", 1, 1);
    let page = render_html(&study).unwrap();
    assert!(page.contains("of all demand at ") && !page.contains("NaN"));
    assert!(page.contains("Only 1 history: "));
}

#[test]
fn the_brief_forms_say_the_same() {
    let scratch = Scratch::new("brief");
    let study = study(&scratch, "Citizens | <b>", 3, synthetic::REPLICATIONS);
    let text = render_markdown(&study).unwrap();
    let view = view::View::of(&study).unwrap();
    assert!(text.contains(&view.answer.text) && text.contains(&view.fingerprint));
    assert!(text.contains("Citizens \\| &lt;b>"));
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let rows: Vec<usize> = text.lines().filter(|line| line.starts_with('|')).map(columns).collect();
    assert!(rows.len() > 10 && rows.iter().all(|count| (4..=5).contains(count)), "{rows:?}");
    // A table has as many columns in all of its rows.
    for (above, below) in text.lines().zip(text.lines().skip(1)) {
        assert!(!above.starts_with('|') || !below.starts_with('|') || columns(above) == columns(below), "{above}\n{below}");
    }
    let table = compare(&[study.clone(), study]).unwrap();
    assert!(table.lines().next().unwrap().starts_with("metric"));
    let same = table.lines().filter(|line| line.contains("recommended") && line.ends_with("paired"));
    assert!(same.count() > 5);
}

/// Leaves a page behind to be looked at: `BASTIDE_PAGE=folder cargo test -p bastide-reports -- --ignored`.
#[test]
#[ignore = "writes a page to look at"]
fn a_page_to_look_at() {
    let folder = PathBuf::from(std::env::var("BASTIDE_PAGE").unwrap());
    let _ = fs::remove_dir_all(&folder);
    let scratch = std::mem::ManuallyDrop::new(Scratch(folder));
    study(&scratch, "Citizens", 3, synthetic::REPLICATIONS);
    write_report(&scratch.0).unwrap();
}
