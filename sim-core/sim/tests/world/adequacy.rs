//! Adequacy of a study against the binomial law: four units of 1 MW, each in service with probability 0.9.

use bastide_model::plan::Plan;
use bastide_sim::adequacy;
use bastide_sim::results::{AdequacyCase, AdequacyFacts, AiCase, Mean};

use crate::support::*;

const YEAR_H: f64 = 8760.0;
/// Probability that at most so many units are in service.
const AT_MOST: [f64; 4] = [0.0001, 0.0037, 0.0523, 0.3439];

/// A town of so many megawatts, and a site of so many cards, each 1.25 kW.
fn study(town: &str, cards: u32, keys: &str, threads: usize) -> AdequacyFacts {
    let units = "4 MW\"\nunits = 4\nmttf = \"900 h\"\nrepair = { dist = \"exponential\", mean = \"100 h\" }\ncost";
    let base = BASE.replace("100 MW\"\ncost", units).replace("2 MW\"\nvalue", &format!("{town} MW\"\nvalue"));
    let model = load(&[&header("365 d"), &base, &card(NO_FAILURES), &site("left", keys), &chat(8, "")]);
    let plan: Plan = plan(&model, &(build("left", cards) + &place("left", 1.0)));
    adequacy(&model, &[("by-hand", &plan)], 7, threads).unwrap()
}

fn expect(found: Mean, expected: f64) {
    let stderr = found.stderr.unwrap();
    assert!((found.mean - expected).abs() <= 3.0 * stderr, "{found:?}, expected {expected}");
    assert!(stderr < 0.1 * expected, "the error says little: {found:?}");
}

fn case(facts: &AdequacyFacts, ai: AiCase) -> &AdequacyCase {
    facts.cases.iter().find(|case| case.ai == ai).unwrap()
}

/// 2.8 MW are short with two units; with 0.3 MW of AI load with three.
#[test]
fn firm_load_counts_and_load_that_yields_does_not() {
    for (keys, firm) in [("", true), ("interruptible = true", false)] {
        let facts = study("2.8", 240, keys, 0);
        let lole = |ai| case(&facts, ai).zones[0].lole_h_per_year;
        let eue = |ai| case(&facts, ai).zones[0].eue_mwh_per_year;
        // 0.8, 1.8 and 2.8 MW are missing with two, one and no unit.
        let town = YEAR_H * (0.0486 * 0.8 + 0.0036 * 1.8 + 0.0001 * 2.8);
        // 0.1 MW with three units, all 0.3 MW with fewer.
        let site = YEAR_H * (0.2916 * 0.1 + 0.0523 * 0.3);
        expect(lole(AiCase::Without), YEAR_H * AT_MOST[2]);
        expect(eue(AiCase::Without), town);
        expect(lole(AiCase::AsPlanned), YEAR_H * AT_MOST[if firm { 3 } else { 2 }]);
        expect(eue(AiCase::AsPlanned), if firm { town + site } else { town });
        expect(lole(AiCase::Interruptible), YEAR_H * AT_MOST[2]);
        expect(case(&facts, AiCase::Without).zones[0].neue_ppm, 1e6 * town / (2.8 * YEAR_H));
        for ai in [AiCase::AsPlanned, AiCase::Interruptible] {
            let yielded = &case(&facts, ai).sites[0];
            assert_eq!((yielded.site.as_str(), yielded.zone), ("left", 0));
            assert!((yielded.mw - 0.3).abs() < 1e-9);
            assert_eq!(yielded.interruptible, ai == AiCase::Interruptible || !firm);
            expect(yielded.hours_per_year, YEAR_H * AT_MOST[3]);
            expect(yielded.share, AT_MOST[3]);
            expect(yielded.mwh_per_year, site);
            // Nothing at the site replaces it.
            assert_eq!(yielded.lost_mwh_per_year, yielded.mwh_per_year);
        }
        // The same failures in all cases.
        assert_eq!(lole(AiCase::Without), lole(AiCase::Interruptible));
    }
}

#[test]
fn a_load_that_needs_every_unit() {
    let facts = study("3.5", 8, "", 0);
    expect(case(&facts, AiCase::Without).zones[0].lole_h_per_year, YEAR_H * AT_MOST[3]);
    // Each of the four fails 8760 / 1000 times a year; the first failure begins an event: probability of all in service times its rate.
    let begins = 0.9_f64.powi(4) * 4.0 / 900.0 * YEAR_H;
    let frequency = case(&facts, AiCase::Without).zones[0].lolf_per_year;
    // Repairs within the hour go unseen in hourly states: a percent.
    assert!((frequency.mean / begins - 1.0).abs() < 0.03, "{frequency:?}, expected {begins}");
    // Its limit of 3 h is passed without any more.
    assert!(facts.hosting[0].firm.is_none());
}

/// 0.8 MW of town and 0.1 MW of AI load: one unit carries 0.1 MW more and is missing 0.876 h a year, two carry 1.1 MW more and are missing 0.37 % of
/// the hours, three would be missing 5 %.
#[test]
fn hosting_ends_where_one_more_unit_is_needed() {
    let facts = study("0.8", 80, "", 0);
    assert_eq!((facts.zones[0].zone.as_str(), facts.zones[0].nation.as_str()), ("north", "north"));
    let hosting = &facts.hosting[0];
    let (firm, yields) = (hosting.firm.unwrap(), hosting.interruptible.unwrap());
    assert!((firm.mw.mean - 0.1).abs() < 0.01 && firm.mw.mean <= 0.1, "{firm:?}");
    assert!(firm.risk.mean <= facts.most_lole_h_per_year, "{firm:?}");
    assert!((yields.mw.mean - 1.1).abs() < 0.01 && yields.mw.mean <= 1.1, "{yields:?}");
    assert!(yields.risk.mean <= facts.most_yield_share, "{yields:?}");
    // The steps of the binomial law at every size, to an hour a year where nothing happened in the few years that a size far from its limit takes.
    for point in &hosting.curve {
        let law = |more: f64| {
            let units = (0.9 + more - 1e-9).ceil() as usize;
            if more == 0.0 || units > 4 { None } else { Some(AT_MOST[units - 1]) }
        };
        let Some(probability) = law(point.mw) else { continue };
        let (firm, yields) = (point.firm_lole_h_per_year, point.yield_share);
        assert!((firm.mean - YEAR_H * probability).abs() <= 4.0 * firm.stderr.unwrap() + 1.0, "{point:?}");
        assert!((yields.mean - probability).abs() <= 4.0 * yields.stderr.unwrap() + 1.0 / YEAR_H, "{point:?}");
    }
    assert!(hosting.curve.windows(2).all(|pair| pair[0].mw < pair[1].mw));
}

#[test]
fn threads_change_nothing() {
    assert_eq!(study("2.8", 240, "", 1), study("2.8", 240, "", 4));
}
