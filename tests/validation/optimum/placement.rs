//! Two-stage placements of accelerators: the plan of the imported scenario against the rows of the table, and against the same problem
//! written out from its words, without scenario and planner.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bastide_model::import::import_placement;
use bastide_plan::SolveOptions;
use bastide_plan::stochastic::{Extensive, Information, uncertainty};
use bastide_units::Duration;
use serde_json::{Value, json};

use super::stochastic::{asked, named, programs, valued, words};
use super::{PROVEN, Row, data, model, proven, read, rows};

/// Sites up to which a file of the reference data is solved a second time, written out.
const FEW: usize = 10;

/// What of a file a row is about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Question {
    /// A value under the file's scenarios.
    Outlooks,
    /// The least cost with the worst loss of so many sites.
    Strike(u32),
}

impl Question {
    /// The question of a row: `strike k`, in its name, its parameters or its family, unless its name says another value.
    fn of(row: &Row) -> Self {
        let known = ["RP", "WS", "EV", "EEV", "EVPI", "VSS"];
        let texts = [&row.id, &row.params, &row.family].map(|text| text.to_lowercase());
        if words(&row.id).any(|word| known.contains(&word)) || !texts.iter().any(|text| text.contains("strike")) {
            return Self::Outlooks;
        }
        let after = |text: &str, mark: &str| {
            let rest = text.split_once(mark)?.1.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            rest.trim_start_matches('k')
                .trim_start_matches(|c: char| !c.is_ascii_digit())
                .split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        };
        let [id, params, family] = &texts;
        let found = [(params, "k="), (params, "strike"), (id, "strike"), (id, "_k"), (family, "strike")]
            .into_iter()
            .find_map(|(text, mark)| after(text, mark));
        Self::Strike(found.unwrap_or_else(|| panic!("{}: how many sites are lost? {row:?}", row.id)))
    }
}

/// Objective of the plan of a file \[M EUR/y\], and what its outlooks are worth.
fn planned(name: &str, text: &str, strike: Option<u32>) -> (f64, Option<Information>) {
    let model = model(&import_placement(text, name, strike).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:#?}")));
    let (plan, proof) = proven(name, &model);
    let options = SolveOptions { time_limit: Some(Duration::from_s(600.0)), ..SolveOptions::default() };
    let it = uncertainty(&model, None, &options, &plan).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(it.is_none_or(|it| !it.limited), "{name}: {it:?}");
    let millions = |value: f64| value * 1e-6;
    let it = it.map(|it| Information {
        rp: millions(it.rp),
        ws: it.ws.map(millions),
        ev: it.ev.map(millions),
        eev: it.eev.map(millions),
        limited: it.limited,
    });
    (millions(proof.objective_eur), it)
}

/// The problem, as its file has it.
struct Written<'v>(&'v Value);

/// Availability by site and factor of demand by workload.
type Outlook = (Vec<f64>, Vec<f64>);

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

impl Written<'_> {
    /// Position of a site or of a type.
    fn at(&self, what: &str, id: &Value) -> usize {
        list(&self.0[what]).iter().position(|it| it["id"] == *id).unwrap_or_else(|| panic!("there is no {what} {id}"))
    }

    fn sites(&self) -> usize {
        list(&self.0["sites"]).len()
    }

    /// The scenarios of the file, with their probabilities.
    fn outlooks(&self) -> Vec<(f64, Outlook)> {
        let numbers = |it: &Value| list(it).iter().map(number).collect::<Vec<_>>();
        list(&self.0["scenarios"]).iter().map(|it| (number(&it["prob"]), (numbers(&it["avail"]), numbers(&it["dmult"])))).collect()
    }

    /// The first stage: blocks by site and type.
    fn first_stage(&self, program: &mut Extensive) -> Vec<Vec<usize>> {
        let types = list(&self.0["gpus"]);
        let mut blocks = Vec::new();
        for site in list(&self.0["sites"]) {
            let open = program.integer(number(&site["fixed"]), 0.0, 1.0);
            let power = |it: &Value| number(&it["mw_block"]) * number(&site["pue"]);
            let column = |it: &Value| {
                let cost = number(&it["capex"]) + power(it) * number(&site["energy"]);
                program.integer(cost, 0.0, number(&it["supply"]))
            };
            let here: Vec<usize> = types.iter().map(column).collect();
            program.at_most(here.iter().zip(types).map(|(n, it)| (*n, power(it))).chain([(open, -number(&site["power_mw"]))]), 0.0);
            program.at_most(here.iter().map(|n| (*n, 1.0)).chain([(open, -number(&site["rack_blocks"]))]), 0.0);
            [open].iter().chain(&here).for_each(|column| program.first_stage(*column));
            blocks.push(here);
        }
        for (at, it) in types.iter().enumerate() {
            program.at_most(blocks.iter().map(|here| (here[at], 1.0)), number(&it["supply"]));
        }
        blocks
    }

    /// The second stage for some demand: what is unserved of each workload, and by workload and site its blocks with their efficiency.
    /// Unserved work costs so many times its penalty.
    fn second_stage(
        &self,
        program: &mut Extensive,
        (blocks, share): (&[Vec<usize>], &[f64]),
        demand: &[f64],
        weight: f64,
    ) -> (Vec<usize>, Vec<Served>) {
        let mut room: Vec<Vec<Vec<(usize, f64)>>> =
            blocks.iter().zip(share).map(|(here, share)| here.iter().map(|n| vec![(*n, -share)]).collect()).collect();
        let (mut unserved, mut all) = (Vec::new(), Vec::new());
        for (work, demand) in list(&self.0["workloads"]).iter().zip(demand) {
            let mut served = Served::new();
            for site in list(&work["sites"]) {
                let here = served.entry(self.at("sites", site)).or_default();
                for gpu in list(&work["gpus"]) {
                    let x = program.continuous(0.0, 0.0, f64::INFINITY);
                    here.push((x, number(&work["eff"][gpu.to_string()])));
                    room[self.at("sites", site)][self.at("gpus", gpu)].push((x, 1.0));
                }
            }
            let lost = program.continuous(weight * number(&work["penalty"]), 0.0, *demand);
            let terms = served.values().flatten().map(|(x, eff)| (*x, -eff));
            program.at_most(terms.chain([(lost, -1.0)]), -demand);
            unserved.push(lost);
            all.push(served);
        }
        room.into_iter().flatten().for_each(|terms| program.at_most(terms, 0.0));
        (unserved, all)
    }

    /// The program of some scenarios, of which the first has the rows of critical work.
    fn extensive(&self, outlooks: &[(f64, &Outlook)]) -> Extensive {
        let mut program = Extensive::default();
        let blocks = self.first_stage(&mut program);
        for (at, (probability, (share, factor))) in outlooks.iter().enumerate() {
            let works = list(&self.0["workloads"]);
            let demand: Vec<f64> = works.iter().zip(factor).map(|(work, factor)| number(&work["demand"]) * factor).collect();
            let (_, served) = self.second_stage(&mut program, (&blocks, share), &demand, *probability);
            for (work, served) in works.iter().zip(served) {
                let critical = number(&work["critical"]) * number(&work["demand"]);
                if at > 0 || critical <= 0.0 || served.len() < 2 {
                    continue;
                }
                let largest = program.continuous(0.0, 0.0, f64::INFINITY);
                let slack = program.continuous(3.0 * number(&work["penalty"]), 0.0, critical);
                for here in served.values() {
                    program.at_most(here.iter().copied().chain([(largest, -1.0)]), 0.0);
                }
                let all = served.values().flatten().map(|(x, eff)| (*x, -eff));
                program.at_most(all.chain([(largest, 1.0), (slack, -1.0)]), -critical);
            }
        }
        program
    }

    /// The program against every loss of so many sites, each written out.
    fn strike(&self, count: u32) -> Extensive {
        let mut program = Extensive::default();
        let blocks = self.first_stage(&mut program);
        let worst = program.continuous(1.0, 0.0, f64::INFINITY);
        let works = list(&self.0["workloads"]);
        let demand: Vec<f64> = works.iter().map(|work| number(&work["critical"]) * number(&work["demand"])).collect();
        let sets = (0_u32..1 << self.sites()).filter(|set| set.count_ones() == count.min(self.sites() as u32));
        for set in sets {
            let share: Vec<f64> = (0..self.sites()).map(|site| f64::from(1 - (set >> site & 1))).collect();
            let (unserved, _) = self.second_stage(&mut program, (&blocks, &share), &demand, 0.0);
            let loss = unserved.into_iter().zip(works).map(|(lost, work)| (lost, number(&work["penalty"])));
            program.at_most(loss.chain([(worst, -1.0)]), 0.0);
        }
        program
    }
}

/// Columns of a workload's blocks by site, with what a block does.
type Served = BTreeMap<usize, Vec<(usize, f64)>>;

/// The plan of a file has the values of the problem written out, and so have those against the loss of up to so many sites.
fn agrees(name: &str, text: &str, strikes: u32) {
    let file: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = Written(&file);
    let near = |what: &str, ours: f64, theirs: f64| {
        println!("{name}: {what} {ours} planned, {theirs} written out");
        assert!((ours - theirs).abs() <= 2.0 * PROVEN * theirs.abs().max(1.0), "{name}: {what} {ours} {theirs}");
    };
    let outlooks = written.outlooks();
    let mean = |of: fn(&Outlook) -> &Vec<f64>| {
        let at = |index: usize| outlooks.iter().map(|(probability, it)| probability * of(it)[index]).sum::<f64>();
        (0..of(&outlooks[0].1).len()).map(at).collect::<Vec<f64>>()
    };
    let family = programs(|outlooks: &[(f64, &Outlook)]| written.extensive(outlooks));
    let theirs = valued(name, &outlooks, &(mean(|it| &it.0), mean(|it| &it.1)), &family);
    let (objective, ours) = planned(name, text, None);
    near("RP", objective, theirs.rp);
    if let Some(ours) = ours {
        for word in ["WS", "EV", "EEV"] {
            near(word, named(word, &ours).unwrap(), named(word, &theirs).unwrap());
        }
    }
    if list(&file["workloads"]).iter().any(|work| number(&work["critical"]) > 0.0) {
        for count in 1..=strikes.min(written.sites() as u32) {
            let solved = written.strike(count).solve(None, PROVEN / 10.0, Duration::from_s(600.0)).unwrap().expect("nothing need be built");
            near(&format!("strike {count}"), planned(name, text, Some(count)).0, solved.objective);
        }
    }
}

/// A file, a strike, and the values found.
type Known = (PathBuf, Option<u32>, (f64, Option<Information>));

#[test]
fn placements_have_the_values_of_the_table() {
    let mut known: Vec<Known> = Vec::new();
    // The table may have none: then only the words of the problem say what the answers are, in the tests below.
    for (row, path) in rows("placements", |row| row.folder() == "placement") {
        let strike = match Question::of(&row) {
            Question::Outlooks => None,
            Question::Strike(count) => Some(count),
        };
        let found = known.iter().position(|(file, count, _)| (file, count) == (&path, &strike)).unwrap_or_else(|| {
            known.push((path.clone(), strike, planned(&row.file, &read(&path), strike)));
            known.len() - 1
        });
        let (objective, information) = &known[found].2;
        // One scenario is known in advance: all values are that of the plan.
        let (ws, ev, eev) = (Some(*objective), Some(*objective), Some(*objective));
        let alone = Information { rp: *objective, ws, ev, eev, limited: false };
        let value = if strike.is_some() { *objective } else { asked(&row, information.as_ref().unwrap_or(&alone)) };
        assert!(row.agrees(value), "{}: {} is expected, {value} is found", row.id, row.optimum);
    }
}

/// Checks every file of the reference data that is small enough.
fn check_files(strikes: u32) {
    let Some(folder) = data().map(|data| data.join("placement")).filter(|folder| folder.is_dir()) else {
        println!("skipped: placements, the reference data is not at hand (BASTIDE_REFERENCE_DATA)");
        return;
    };
    let files = std::fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    for path in files {
        let (text, name) = (read(&path), path.file_name().map_or(path.as_path(), Path::new).display().to_string());
        let file: Value = serde_json::from_str(&text).expect("a file of JSON");
        if list(&file["sites"]).len() > FEW {
            println!("{name}: too many sites to write out");
        } else {
            agrees(&name, &text, strikes);
        }
    }
}

#[test]
fn placements_of_the_reference_data_agree_with_their_words() {
    check_files(1);
}

#[test]
#[ignore = "takes a minute: every loss of two sites is written out"]
fn placements_of_the_reference_data_agree_with_their_words_when_two_sites_are_lost() {
    check_files(2);
}

/// Three sites, two types, three workloads and three scenarios, invented: one workload may run at one site only, one has no type.
fn invented() -> Value {
    let site = |id: u32, power: f64, racks: u32, pue: f64, fixed: f64| json!({ "id": id, "country": id % 2, "power_mw": power, "rack_blocks": racks, "pue": pue, "fixed": fixed, "energy": 0.7 });
    let work = |id: u32, sites: &[u32], gpus: &[u32], demand: f64, critical: f64, penalty: f64| {
        let eff: BTreeMap<String, f64> = gpus.iter().map(|gpu| (gpu.to_string(), 0.9 + 0.4 * f64::from(*gpu))).collect();
        json!({ "id": id, "country": 0, "sites": sites, "gpus": gpus, "eff": eff, "demand": demand, "critical": critical, "penalty": penalty })
    };
    json!({
        "kind": "placement-v1",
        "sites": [site(4, 1.5, 30, 1.2, 9.0), site(7, 40.0, 12, 1.1, 6.0), site(9, 30.0, 60, 1.4, 5.0)],
        "gpus": [
            { "id": 0, "mw_block": 0.07, "capex": 1.0, "perf": 1.0, "memclass": 0, "supply": 25 },
            { "id": 1, "mw_block": 0.09, "capex": 1.3, "perf": 1.4, "memclass": 1, "supply": 14 },
        ],
        "workloads": [
            work(0, &[4, 7, 9], &[0, 1], 14.0, 0.6, 11.0),
            work(1, &[9], &[1], 6.5, 1.0, 9.0),
            work(2, &[4, 7], &[0], 5.2, 0.0, 12.0),
            work(3, &[4, 9], &[], 2.0, 0.5, 8.0),
        ],
        "scenarios": [
            { "id": 0, "prob": 0.5, "avail": [1.0, 1.0, 1.0], "dmult": [1.0, 1.0, 1.0, 1.0] },
            { "id": 1, "prob": 0.2, "avail": [0.0, 1.0, 0.6], "dmult": [1.3, 1.2, 1.1, 1.0] },
            { "id": 2, "prob": 0.3, "avail": [1.0, 1.0, 1.0], "dmult": [0.9, 0.8, 1.0, 1.1] },
        ],
    })
}

#[test]
fn an_invented_placement_agrees_with_its_words() {
    let mut file = invented();
    agrees("invented", &file.to_string(), 2);
    // One scenario, and nothing critical.
    file["scenarios"].as_array_mut().expect("a list").truncate(1);
    file["scenarios"][0]["prob"] = json!(1.0);
    file["workloads"].as_array_mut().expect("a list").iter_mut().for_each(|work| work["critical"] = json!(0.0));
    agrees("invented, alone", &file.to_string(), 0);
}

#[test]
fn questions_of_rows() {
    let row = |id: &str, family: &str, params: &str| Row { id: id.into(), family: family.into(), params: params.into(), ..Row::default() };
    for (row, expected) in [
        (row("tiny_RP", "placement-v1", "RP; N-1 rows"), Question::Outlooks),
        (row("tiny_VSS", "placement and strike", ""), Question::Outlooks),
        (row("tiny", "placement-v1", "two-stage"), Question::Outlooks),
        (row("tiny_strike2", "placement-v1", ""), Question::Strike(2)),
        (row("tiny_k1", "worst strike", ""), Question::Strike(1)),
        (row("tiny_strike_k3", "placement-v1", "no N-1 rows"), Question::Strike(3)),
        (row("tiny_s", "placement-v1", "strike 12"), Question::Strike(12)),
    ] {
        assert_eq!(Question::of(&row), expected, "{row:?}");
    }
}
