//! Worst attacks on networks, medians and paths, and the best defences against them.

use std::collections::BTreeMap;
use std::path::Path as File;

use bastide_grid::opf::Shedding;
use bastide_grid::{Branch, Bus, BusKind, Case, Convention, Generator};
use bastide_strike::{Attack, Element, Field, Link, Measure, Median, Path, Question, Target, Transmission, frontier, worst};

use super::backbone::{links, network};
use super::{Row, cells, read, rows};

/// The worst attack, proven.
fn proven<F: Field + Clone + Sync>(row: &Row, field: &F, budget: u32) -> Attack {
    let answer = worst(field, &Question::of(budget));
    assert!(answer.proven && answer.gap() == 0.0, "{}: {answer:?}", row.id);
    println!("{}: {} by {:?}, {} sets", row.id, answer.bound, answer.attacks[0].targets, answer.looked_at);
    answer.attacks[0].clone()
}

/// The rows of a CSV file, by title.
fn table(file: &File) -> Vec<BTreeMap<String, f64>> {
    let text = read(file);
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap_or_default();
    let number = |text: &String| text.parse().unwrap_or_else(|_| panic!("{}: `{text}` is no number", file.display()));
    lines.map(|line| header.iter().cloned().zip(line.iter().map(number)).collect()).collect()
}

/// `folder/{bus,gen,branch}.csv` as a case.
fn case(pattern: &File) -> Case {
    let folder = pattern.parent().expect("the pattern has a folder");
    let [buses, units, branches] = ["bus.csv", "gen.csv", "branch.csv"].map(|name| table(&folder.join(name)));
    let at = |number: f64| buses.iter().position(|bus| bus["bus"] == number).expect("the bus exists");
    let bus = |(at, row): (usize, &BTreeMap<String, f64>)| Bus {
        number: row["bus"] as u64,
        kind: if at == 0 { BusKind::Reference } else { BusKind::Load },
        demand_mw: row["pd_mw"],
        ..Bus::default()
    };
    let unit = |row: &BTreeMap<String, f64>| Generator {
        bus: at(row["bus"]),
        in_service: true,
        output_mw: 0.0,
        min_mw: 0.0,
        max_mw: row["pmax_mw"],
        cost: None,
    };
    let branch = |row: &BTreeMap<String, f64>| Branch {
        from: at(row["from"]),
        to: at(row["to"]),
        in_service: true,
        resistance_pu: 0.0,
        reactance_pu: row["x_pu"],
        rate_a_mw: Some(row["rate_mw"]),
        rate_b_mw: None,
        rate_c_mw: None,
        tap: row["tap"],
        shift_deg: 0.0,
        angle_min_deg: None,
        angle_max_deg: None,
    };
    Case {
        name: folder.display().to_string(),
        base_mva: 100.0,
        buses: buses.iter().enumerate().map(bus).collect(),
        generators: units.iter().map(unit).collect(),
        branches: branches.iter().map(branch).collect(),
        dc_lines: Vec::new(),
    }
}

fn lines_of(case: &Case) -> Transmission {
    let targets = (0..case.branches.len()).map(|row| Target { elements: vec![Element::Branch(row)], cost: 1 }).collect();
    let shedding = Shedding::shares(case, &[("load", 1.0, 1.0)]);
    Transmission::new(case, Convention::Matpower, &shedding, targets).expect("a sound case")
}

/// Larger budgets take minutes: `cargo test --release --test validation interdiction -- --ignored`.
const LARGE: f64 = 5.0;

fn transmission(large: bool) {
    let known = rows("attacks on transmission lines", |row| row.family.contains("line interdiction"));
    for (row, path) in known {
        let budget = row.number_after("k=").expect("a budget");
        if (budget > LARGE) == large {
            let worst = proven(&row, &lines_of(&case(&path)), budget as u32);
            assert!(row.agrees(worst.damage), "{}: {} is published, {} is found", row.id, row.optimum, worst.damage);
        }
    }
}

#[test]
fn attacks_on_lines_do_what_others_published() {
    transmission(false);
}

#[test]
#[ignore = "takes minutes"]
fn large_attacks_on_lines_do_what_others_published() {
    transmission(true);
}

/// Weighted distances of a file of places: number, x, y, population.
fn weighted_distances(path: &File, facilities: &[usize]) -> Vec<Vec<f64>> {
    let places: Vec<[f64; 4]> = read(path)
        .lines()
        .map(|line| line.split(',').filter_map(|word| word.trim().parse().ok()).collect::<Vec<f64>>())
        .filter(|row| row.len() >= 4)
        .map(|row| [row[0], row[1], row[2], row[3]])
        .collect();
    let place = |number: usize| places.iter().find(|it| it[0] == number as f64).expect("the facility is a place");
    let distance = |a: &[f64; 4], b: &[f64; 4]| a[3] * (a[1] - b[1]).hypot(a[2] - b[2]);
    places.iter().map(|customer| facilities.iter().map(|number| distance(customer, place(*number))).collect()).collect()
}

#[test]
fn lost_facilities_and_their_defence_cost_what_others_found() {
    for (row, path) in rows("r-interdiction medians", |row| row.family.starts_with("r-interdiction median")) {
        let list = row.params.split_once("facilities ").expect("facilities").1.split(';').next().unwrap_or_default();
        let facilities: Vec<usize> = list.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let lost = row.number_after("r=").expect("a budget") as u32;
        let field = Median::new(&weighted_distances(&path, &facilities));
        let found = match row.number_after("fortify q=") {
            None => proven(&row, &field, lost).damage,
            Some(most) => {
                let measures: Vec<Measure> = (0..facilities.len()).map(|at| Measure { protects: vec![at], cost: 1 }).collect();
                let defences = frontier(&field, &Question::of(lost), &measures, most as u32);
                let last = defences.last().expect("one for each budget");
                assert!(last.proven && last.bound == last.attack.damage, "{}: {last:?}", row.id);
                let fortified: Vec<usize> = last.measures.iter().map(|at| facilities[*at]).collect();
                println!("{}: {} with {fortified:?} fortified, {} rounds", row.id, last.bound, last.rounds);
                last.attack.damage
            }
        };
        assert!(row.agrees(found), "{}: {} is published, {found} is found", row.id, row.optimum);
    }
}

#[test]
fn delayed_links_lengthen_paths_as_others_found() {
    for (row, path) in rows("shortest-path interdiction", |row| row.family.starts_with("shortest-path interdiction")) {
        let model = network(&row, &path);
        let delay = row.number_after("+").or_else(|| row.family.split_once('+')?.1.split(' ').next()?.parse().ok()).expect("a delay");
        let ends = row.params.split_once("from ").expect("ends").1.split(';').next().unwrap_or_default();
        let (from, to) = ends.split_once(" to ").expect("two ends");
        let same = |a: &str, b: &str| {
            let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
            plain(a) == plain(b)
        };
        let place = |name: &str| model.nations.iter().position(|it| same(&it.entity.name, name)).expect("the place exists");
        let links = links(&model).into_iter().map(|(from, to, length)| Link { from, to, length, delay }).collect();
        let field = Path::new(model.nations.len(), links, place(from.trim()), place(to.trim()));
        let found = proven(&row, &field, row.number_after("k=").expect("a budget") as u32).damage;
        assert!(row.agrees(found), "{}: {} is published, {found} is found", row.id, row.optimum);
    }
}
