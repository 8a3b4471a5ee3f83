//! The page of a synthetic study, written and read by the real writer and reader.

#[path = "../../sim-core/sim/src/results/tests/synthetic.rs"]
mod synthetic;

use std::fs;
use std::path::PathBuf;

use ::bastide_sim;
use bastide_sim::Layout;
use bastide_sim::results::{
    BreakEven, CaseEstimate, CaseFacts, ChangeFacts, Crossing, MarginalCost, QuestionFacts, RunFacts, Spread, Standing, Study, StudyWriter,
    Subject,
};

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

fn spread(mean: f64, stderr: f64) -> Spread {
    Spread { mean, stderr: Some(stderr), n: 24, p05: mean, p50: mean, p95: mean, cvar95: None }
}

/// A case of two alternatives with these shares; the first is the reference.
fn case(name: &str, value: Option<f64>, shares: [f64; 2], base: [f64; 2]) -> CaseFacts {
    let subject = Subject { entity_kind: "tier".into(), entity: "T1".into(), metric: "served_share".into(), unit: "1".into() };
    let one = |at: usize, alternative: &str| CaseEstimate {
        alternative: alternative.into(),
        subject: subject.clone(),
        estimate: spread(shares[at], 0.002),
        difference: (at > 0).then(|| spread(shares[1] - shares[0], 0.001)),
        change: (name != "base").then(|| spread(shares[at] - base[at], 0.003)),
        standing: (shares[at] > shares[1 - at]).then_some(Standing::Best),
    };
    CaseFacts {
        name: name.into(),
        title: if name == "base" { "as written".into() } else { format!("{name} of them") },
        group: if name == "base" { String::new() } else { "hits".into() },
        axis: value.map(|_| "hits [per week]".into()),
        value,
        cost_eur: None,
        changes: if name == "base" { Vec::new() } else { vec![ChangeFacts { key: "hazard.<x>.munitions".into(), value: name.into() }] },
        source: None,
        verified: None,
        folder: None,
        replications: 24,
        estimates: vec![one(0, "recommended"), one(1, "one-campus")],
    }
}

#[test]
fn cases_are_told_as_they_were_computed() {
    let scratch = Scratch::new("cases");
    let mut study = study(&scratch, "Citizens", 3, 2);
    let before = render_html(&study).unwrap();
    assert!(!before.contains("id=\"cases\"") && !before.contains("id=\"questions\""));
    let base = [0.9, 0.8];
    let cases = [case("base", None, base, base), case("few", Some(2.0), [0.97, 0.99], base), case("many", Some(10.0), [0.9, 0.7], base)];
    let subject = cases[0].estimates[0].subject.clone();
    let summary = &mut study.summary;
    summary.cases = cases.to_vec();
    summary.shown = vec![subject.clone()];
    summary.questions =
        vec![QuestionFacts { title: "Who <b>serves</b>?".into(), metrics: vec![subject.clone()], group: Some("hits".into()) }];
    // The campus leads by 2 points at 2, trails by 20 at 10: nought at 2 + 8 / 11.
    summary.break_even = vec![BreakEven {
        group: "hits".into(),
        axis: "hits [per week]".into(),
        alternative: "one-campus".into(),
        against: "recommended".into(),
        subject,
        values: vec![2.0, 10.0],
        differences: vec![spread(0.02, 0.001), spread(-0.2, 0.001)],
        crossings: vec![Crossing { value: 2.0 + 8.0 / 11.0, low: None, high: Some(3.1) }],
    }];
    let price = |ratio: Option<f64>| MarginalCost {
        case: None,
        alternative: "recommended".into(),
        against: Some("one-campus".into()),
        tier: "T1".into(),
        cost: spread(2e6, 0.0),
        hours: spread(40.0, 4.0),
        eur_per_hour: ratio,
        stderr: ratio.map(|_| 5e3),
    };
    summary.marginal_costs = vec![price(Some(5e4)), price(None), price(Some(-3.0))];

    let view = view::View::of(&study).unwrap();
    let title = |at: usize| study.summary.alternatives[at].title.clone();
    let cases = view.cases.as_ref().unwrap();
    let group = &cases.groups[0];
    assert_eq!((cases.groups.len(), group.title.as_str(), group.figures.len()), (1, "Hits", 1));
    let told = format!(
        "Demand served, T1: {} leads {} below hits = 2.73\u{a0}per week (95 % interval below 2 to 3.1\u{a0}per week); above, it is the other way round.",
        title(1),
        title(0)
    );
    assert_eq!(group.text, [told]);
    // A heading, the scenario as written, and two cases along the axis.
    let rows: Vec<&str> = group.table.rows.iter().map(|row| row.cells[0].text.as_str()).collect();
    assert_eq!(rows, ["Demand served, T1 [%]", "As written", "2: few of them", "10: many of them"]);
    let cells = &group.table.rows[2].cells;
    let plain = |text: &str| text.replace(['\u{a0}', '\u{202f}'], " ");
    assert_eq!((plain(&cells[1].text).as_str(), plain(&cells[1].sub).as_str(), cells[1].mark), ("97.0 ± 0.2", "+7.0 ± 0.3 pp*", ""));
    assert_eq!((plain(&cells[2].text).as_str(), cells[2].mark), ("99.0 ± 0.2", "best"));
    // No change, and an alternative that the case does not tell of.
    assert_eq!(plain(&group.table.rows[3].cells[1].sub), "0.0 ± 0.3 pp");
    assert_eq!(cells[3].text, "\u{2013}");
    let points = group.break_even.as_ref().unwrap();
    assert_eq!(
        points.rows[1].cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>()[1..],
        ["2.73".into(), "below 2 to 3.1".into(), title(1), title(0)]
    );
    let costs = cases.costs.as_ref().unwrap();
    let last = |at: usize| plain(&costs.rows[at].cells[4].text);
    assert_eq!([last(1), last(2), last(3)], ["50 000 ± 5000", "no hours avoided beyond error", "none: it costs no more"]);
    assert_eq!(view.questions[0].text, group.text);

    let (page, text) = (render_html(&study).unwrap(), render_markdown(&study).unwrap());
    assert!(page.contains("id=\"cases\"") && page.contains("Who &lt;b&gt;serves&lt;") && !page.contains("<b>"));
    assert!(page.contains("hazard.&lt;x&gt;.munitions = many"));
    for words in ["## Questions and answers", "## Under other assumptions", "### Hits", "Who &lt;b>serves&lt;/b>?"] {
        assert!(text.contains(words), "{words}");
    }
    for tag in ["section", "figure", "table", "svg", "details", "div"] {
        assert_eq!(page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // Where no one overtakes, the leader is named; where nothing is clear, nobody.
    let never = |mean: f64| {
        let mut study = study.clone();
        let it = &mut study.summary.break_even[0];
        (it.differences, it.crossings) = (vec![spread(mean, 0.001), spread(2.0 * mean, 0.001)], Vec::new());
        view::View::of(&study).unwrap().cases.unwrap().groups[0].text.clone()
    };
    assert_eq!(
        never(-0.1),
        [format!("Demand served, T1: {} leads all along, with hits from 2 to 10\u{a0}per week; there is no break-even point.", title(0))]
    );
    assert!(never(0.0005).is_empty());
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

#[test]
fn the_planner_is_quoted_as_it_wrote() {
    let scratch = Scratch::new("planning");
    let study = study(&scratch, "Citizens", 3, 2);
    let period = |name: &str, from: &str, ordered: u32, delivered: u32, energised: u32, waiting: u32, stranded: f64| {
        format!(
            r#"{{"name": "{name}", "from": "{from}", "ordered": {ordered}, "delivered": {delivered}, "energised": {energised}, "retired": 0, "waiting": {waiting},
            "standing": {energised}, "connection_mw": 40.0, "facility_mw": {}, "stranded_mw": {stranded}, "capital_eur": 2e6, "demand_tokens_per_s": 100.0, "served_tokens_per_s": 90.0}}"#,
            40.0 - stranded
        )
    };
    let periods = [
        period("2027 Q1", "2027-01-01T00:00:00Z", 800, 0, 0, 0, 40.0),
        period("2027 Q2", "2027-04-01T00:00:00Z", 0, 800, 300, 500, 20.5),
        period("2028 Q1", "2028-01-01T00:00:00Z", 0, 0, 500, 0, 10.0),
    ];
    let text = format!(
        r#"{{"schema": "bastide/planning/1", "of a later version": 1, "plans": [{{"alternative": "recommended", "roadmap": {{"periods": [{}], "builds": [
            {{"site": "riga", "accelerator": "b200", "count": 300, "energised": "2027-05-01"}}, {{"site": "riga", "accelerator": "b200", "count": 500, "energised": "2028-01-01"}}]}},
            "uncertainty": {{"rp": 5e6, "ws": null, "evpi": 1.5e6}}, "outlooks": [{{"name": "shock", "probability": 0.25, "unserved": [{{"service": "x", "tokens_per_s": 2e6}}]}}],
            "objectives": [{{"name": "cost", "unit": "EUR/y"}}, {{"name": "unserved", "unit": "tokens/s"}}],
            "pareto": [{{"cost": 3e6, "unserved": 1.0, "gap": 0.001, "status": "proven"}}, {{"cost": 2e6, "unserved": 4.0}}, {{"cost": 2e6}}],
            "rounds": [{{"round": 1, "objective_eur": 4e6, "cuts": 1, "added": ["loss of riga"], "service": [{{"tier": "T0", "target": 0.99, "simulated": 0.97, "stderr": 0.001, "met": false}}]}}],
            "why_not": "in another form",
            "ranging": [{{"sentence": "<b> & more"}}]}}]}}"#,
        periods.join(", ")
    );
    fs::write(scratch.0.join(planning::FILE), text).unwrap();
    let found = view::View::of(&study).unwrap().planning.unwrap();
    let plan = &found.plans[0];
    assert!(found.comparison.is_none() && found.plans.len() == 1);
    assert_eq!(plan.text[0], "Accelerators wait for power in 1 of 3 periods, at most 500 of them (2027 Q2).");
    assert_eq!(plan.text[1], "At most 40\u{a0}MW of 40\u{a0}MW of connection stand without load (2027 Q1).");
    assert_eq!(plan.text[2], "Demand is left unserved from 2027 Q1 on, most in 2027 Q1: 10\u{a0}%.");
    let table = |caption: &str| plan.tables.iter().find(|table| table.caption.starts_with(caption)).unwrap();
    let cells = |caption: &str, row: usize| table(caption).rows[row].cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>();
    assert_eq!(cells("Year by year", 0)[..6], ["2027", "800", "800", "300", "0", "300"]);
    assert_eq!(cells("Year by year", 1)[3], "500");
    assert_eq!(cells("Accelerators by site", 0)[2..], ["300", "500", "800"]);
    assert_eq!(cells("Value of knowing more", 1)[..2], ["EVPI = RP \u{2212} WS", "1.50"]);
    assert_eq!(cells("Plan, simulate", 0)[5..], [number::plus_minus(97.0, Some(0.1)), "loss of riga".to_string()]);
    assert_eq!(cells("The plan in each outlook", 0), ["Shock".to_string(), "25".to_string(), number::plain("tokens/s", 2e6)]);
    // The front is in the order of its first objective.
    let front = plan.front.as_ref().unwrap().table.as_ref().unwrap();
    assert_eq!(front.rows[0].cells[1].text, "2");
    assert_eq!(plan.figures.len(), 2);
    let (page, text) = (render_html(&study).unwrap(), render_markdown(&study).unwrap());
    assert!(page.contains("id=\"planning\"") && page.contains("&lt;b&gt; &amp; more") && !page.contains("<b> &"));
    assert!(text.contains("## Period by period"));
    // Another schema, or no JSON, is no reason to guess.
    for wrong in ["{\"schema\": \"bastide/planning/2\"}", "{", "[]"] {
        fs::write(scratch.0.join(planning::FILE), wrong).unwrap();
        assert!(matches!(render_html(&study), Err(ReportError::Results(_))), "{wrong}");
    }
    // Numbers beyond all bounds are drawn or refused, never a panic.
    let wild = r#"{"schema": "bastide/planning/1", "plans": [{"roadmap": {"periods": [{"ordered": 1e308, "delivered": -5, "from": "\u00e9\u00e9\u00e9"}, {"ordered": 1e308, "stranded_mw": 1e300}]},
        "objectives": [{"name": "a"}, {"name": "b"}], "pareto": [{}, {"a": 0, "b": 1e300}, {"a": "x", "b": null}]}]}"#;
    fs::write(scratch.0.join(planning::FILE), wild).unwrap();
    let _ = render_html(&study);
}
