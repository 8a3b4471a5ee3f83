//! Two-stage problems of textbooks, by the engine that also says what outlooks are worth to a plan.
//!
//! A file says by its contents which problem it is: a farm, a newsvendor, or a folder of scenarios for the location of servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use bastide_plan::stochastic::{Extensive, Family, Information, Programs, Solved, information};
use bastide_units::Duration;
use serde_json::Value;

use super::{PROVEN, Row, read, rows};

/// Longest time for a problem and its family.
const LIMIT: Duration = Duration::from_s(600.0);

/// A family of programs that are proven.
pub(super) fn programs<F>(build: F) -> Programs<F> {
    Programs::new(build, PROVEN / 10.0, LIMIT)
}

/// A problem of the family, solved and proven.
fn proven<O>(name: &str, family: &impl Family<O>, outlooks: &[(f64, &O)]) -> Solved {
    let start = Instant::now();
    let solved = family.solve(outlooks, None).unwrap_or_else(|error| panic!("{name}: {error}"));
    let solved = solved.unwrap_or_else(|| panic!("{name}: no answer"));
    println!("{name}: {} with bound {}, {:.1} s", solved.objective, solved.bound, start.elapsed().as_secs_f64());
    let gap = (solved.objective - solved.bound).abs() / solved.objective.abs().max(1.0);
    assert!(!solved.limited && gap <= PROVEN, "{name}: {solved:?}");
    solved
}

/// All values of a family, none of them cut short.
pub(super) fn valued<O>(name: &str, outlooks: &[(f64, O)], mean: &O, family: &impl Family<O>) -> Information {
    let it = information(outlooks, mean, family, None).unwrap_or_else(|error| panic!("{name}: {error}"));
    let it = it.unwrap_or_else(|| panic!("{name}: no answer"));
    println!("{name}: {it:?}");
    assert!(!it.limited, "{name}: {it:?}");
    it
}

/// Words of letters and digits.
pub(super) fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// The value that a word names.
pub(super) fn named(word: &str, it: &Information) -> Option<f64> {
    let value = match word {
        "RP" => Some(it.rp),
        "WS" => it.ws,
        "EV" => it.ev,
        "EEV" => it.eev,
        "EVPI" => it.evpi(),
        "VSS" => it.vss(),
        _ => return None,
    };
    Some(value.unwrap_or_else(|| panic!("{word} has no value: {it:?}")))
}

/// The value that a row asks for: by its name, or else by its parameters, or else that of the recourse problem.
pub(super) fn asked(row: &Row, it: &Information) -> f64 {
    words(&row.id).rev().chain(words(&row.params)).find_map(|word| named(word, it)).unwrap_or(it.rp)
}

/// A farm that divides its land among crops before it knows the weather (Birge and Louveaux 2011, section 1.1).
struct Farm {
    /// Land.
    land: f64,
    crops: Vec<Crop>,
    /// Factors of all yields, each as probable as the others.
    weather: Vec<f64>,
}

/// A crop, per unit of land or of harvest.
#[derive(Default)]
struct Crop {
    cost: f64,
    harvest: f64,
    need: f64,
    /// Price of what is bought, where it can be.
    buy: Option<f64>,
    /// Prices of what is sold, the dearest first, and how much of it at most.
    sell: Vec<(f64, f64)>,
}

impl Farm {
    fn read(it: &Value) -> Self {
        let number = |value: &Value| value.as_f64();
        let table = |key: &str| it[key].as_object().unwrap_or_else(|| panic!("the farm has no table `{key}`"));
        let crop = |(name, cost): (&String, &Value)| {
            let sold = |key: String| number(&it["sell"][key.as_str()]);
            let quota = number(&it["quota"]).or_else(|| number(&it["quota"][name.as_str()]));
            Crop {
                cost: number(cost).expect("a number"),
                harvest: number(&it["yield_mean"][name.as_str()]).expect("every crop has a yield"),
                need: number(&it["need"][name.as_str()]).unwrap_or(0.0),
                buy: number(&it["buy"][name.as_str()]),
                sell: [
                    sold(name.clone()).map(|price| (price, f64::INFINITY)),
                    sold(format!("{name}_quota")).map(|price| (price, quota.expect("a quota has a size"))),
                    sold(format!("{name}_excess")).map(|price| (price, f64::INFINITY)),
                ]
                .into_iter()
                .flatten()
                .collect(),
            }
        };
        Self {
            land: number(&it["land"]).expect("a farm has land"),
            crops: table("plant_cost").iter().map(crop).collect(),
            weather: table("scen").values().filter_map(number).collect(),
        }
    }

    /// The program of some weathers.
    fn program(&self, weathers: &[(f64, &f64)]) -> Extensive {
        let mut program = Extensive::default();
        let fields: Vec<usize> = self.crops.iter().map(|crop| program.continuous(crop.cost, 0.0, self.land)).collect();
        fields.iter().for_each(|field| program.first_stage(*field));
        program.at_most(fields.iter().map(|field| (*field, 1.0)), self.land);
        for (probability, factor) in weathers {
            for (crop, field) in self.crops.iter().zip(&fields) {
                // Sold, less what is bought, is at most the harvest less the need.
                let mut terms = vec![(*field, -crop.harvest * *factor)];
                terms.extend(crop.sell.iter().map(|(price, most)| (program.continuous(-probability * price, 0.0, *most), 1.0)));
                terms.extend(crop.buy.map(|price| (program.continuous(probability * price, 0.0, f64::INFINITY), -1.0)));
                program.at_most(terms, -crop.need);
            }
        }
        program
    }

    fn values(&self, name: &str) -> Information {
        let count = self.weather.len() as f64;
        let outlooks: Vec<(f64, f64)> = self.weather.iter().map(|factor| (1.0 / count, *factor)).collect();
        let mean = self.weather.iter().sum::<f64>() / count;
        valued(name, &outlooks, &mean, &programs(|weathers: &[(f64, &f64)]| self.program(weathers)))
    }
}

/// Papers that are ordered before it is known how many will be asked for.
struct Newsvendor {
    cost: f64,
    price: f64,
    salvage: f64,
    /// Probability and demand.
    demand: Vec<(f64, f64)>,
}

impl Newsvendor {
    fn read(it: &Value) -> Self {
        let number = |key: &str| it[key].as_f64().unwrap_or_else(|| panic!("the newsvendor has no `{key}`"));
        let list = |key: &str| it[key].as_array().map(|list| list.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
        let demand = list("demand").expect("a newsvendor has demand");
        let weights = list("weights").unwrap_or_else(|| vec![1.0; demand.len()]);
        assert_eq!(demand.len(), weights.len());
        let all: f64 = weights.iter().sum();
        let demand = weights.iter().map(|weight| weight / all).zip(demand).collect();
        Self { cost: number("unit_cost"), price: number("price"), salvage: number("salvage"), demand }
    }

    /// The program of some demands: what is sold is at most the demand, and what is left has its salvage.
    fn program(&self, demands: &[(f64, &f64)]) -> Extensive {
        let mut program = Extensive::default();
        let most = demands.iter().map(|(_, demand)| **demand).fold(0.0, f64::max).ceil();
        let order = program.integer(self.cost, 0.0, most);
        program.first_stage(order);
        for (probability, demand) in demands {
            let sold = program.continuous(-probability * self.price, 0.0, **demand);
            let left = program.continuous(-probability * self.salvage, 0.0, f64::INFINITY);
            program.equal([(sold, 1.0), (left, 1.0), (order, -1.0)], 0.0);
        }
        program
    }

    /// Most expected profit, and the order that has it.
    fn best(&self, name: &str) -> (f64, f64) {
        let outlooks: Vec<(f64, &f64)> = self.demand.iter().map(|(probability, demand)| (*probability, demand)).collect();
        let solved = proven(name, &programs(|demands: &[(f64, &f64)]| self.program(demands)), &outlooks);
        (-solved.objective, solved.first_stage[0])
    }
}

/// A scenario of the location of servers (Ntaimo and Sen 2005): each client who is present has one server, and overflow has a price.
#[derive(Default)]
struct Servers {
    capacity: f64,
    /// Cost of each server.
    fixed: Vec<f64>,
    /// Demand and revenue of each client who is present, at each server.
    clients: Vec<Vec<(f64, f64)>>,
}

/// Price of a unit of overflow.
const OVERFLOW: f64 = 1000.0;

impl Servers {
    /// The program of some scenarios.
    fn program(scenarios: &[(f64, &Self)]) -> Extensive {
        let mut program = Extensive::default();
        let open: Vec<usize> = scenarios[0].1.fixed.iter().map(|cost| program.integer(*cost, 0.0, 1.0)).collect();
        open.iter().for_each(|column| program.first_stage(*column));
        for (probability, it) in scenarios {
            let mut loads: Vec<Vec<(usize, f64)>> = open.iter().map(|column| vec![(*column, -it.capacity)]).collect();
            for client in &it.clients {
                let served: Vec<usize> = client.iter().map(|(_, revenue)| program.integer(-probability * revenue, 0.0, 1.0)).collect();
                for ((load, column), (demand, _)) in loads.iter_mut().zip(&served).zip(client) {
                    load.push((*column, *demand));
                }
                program.equal(served.into_iter().map(|column| (column, 1.0)), 1.0);
            }
            for mut load in loads {
                load.push((program.continuous(probability * OVERFLOW, 0.0, f64::INFINITY), -1.0));
                program.at_most(load, 0.0);
            }
        }
        program
    }

    /// Reads a scenario in Pyomo's form.
    fn read(text: &str) -> Self {
        let it = parameters(text);
        let column = |name: &str| it.get(name).map(|rows| rows.iter().map(|row| row[row.len() - 1]).collect::<Vec<_>>());
        let rows = |name: &str| it.get(name).unwrap_or_else(|| panic!("a scenario has no `{name}`"));
        let client = |(demand, revenue): (&Vec<f64>, &Vec<f64>)| demand[1..].iter().copied().zip(revenue[1..].iter().copied()).collect();
        let clients: Vec<Vec<(f64, f64)>> = rows("Demand").iter().zip(rows("Revenue")).map(client).collect();
        let present = column("ClientPresent").unwrap_or_else(|| vec![1.0; clients.len()]);
        let servers = Self {
            capacity: column("Capacity").expect("servers have a capacity")[0],
            fixed: column("FixedCost").expect("servers have a cost"),
            clients: clients.into_iter().zip(&present).filter(|(_, present)| **present > 0.0).map(|(client, _)| client).collect(),
        };
        assert_eq!(rows("NumServers")[0], [servers.fixed.len() as f64]);
        assert_eq!(rows("NumClients")[0], [present.len() as f64]);
        assert!(servers.clients.iter().all(|client| client.len() == servers.fixed.len()));
        servers
    }

    /// The scenarios of a folder, in the order of its list.
    fn folder(path: &Path) -> Vec<Self> {
        let list = read(&path.join("ScenarioStructure.dat"));
        let statement = list.split(';').find_map(|it| it.trim_start().strip_prefix("set Scenarios")).expect("a list of scenarios");
        let names = statement.split_whitespace().filter(|word| *word != ":=");
        names.map(|name| Self::read(&read(&path.join(format!("{name}.dat"))))).collect()
    }
}

/// Parameters of a Pyomo file: a number, a list of index and number, or a table whose rows begin with their index.
fn parameters(text: &str) -> BTreeMap<String, Vec<Vec<f64>>> {
    let statement = |it: &str| {
        let (head, body) = it.trim().strip_prefix("param")?.split_once(":=")?;
        let mut head = head.split([':', ' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
        let (name, columns) = (head.next()?.to_owned(), head.count());
        // A dot is a default, which is zero in these files.
        let number = |word: &str| if word == "." { 0.0 } else { word.parse().unwrap_or_else(|_| panic!("`{word}` is no number")) };
        let numbers: Vec<f64> = body.split_whitespace().map(number).collect();
        let width = if columns > 0 { columns + 1 } else { numbers.len().min(2) };
        assert!(numbers.len().is_multiple_of(width.max(1)), "`{name}` has a row that is too short");
        Some((name, numbers.chunks(width.max(1)).map(<[f64]>::to_vec).collect()))
    };
    text.split(';').filter_map(statement).collect()
}

/// Checks a row of the table.
fn check(row: &Row, path: &Path) {
    let value = if path.is_dir() {
        let scenarios = Servers::folder(path);
        assert!(row.number_after("").is_none_or(|count| count == scenarios.len() as f64), "{}: {}", row.id, row.params);
        let probability = 1.0 / scenarios.len() as f64;
        let all: Vec<(f64, &Servers)> = scenarios.iter().map(|it| (probability, it)).collect();
        proven(&row.id, &programs(Servers::program), &all).objective
    } else {
        let it: Value = serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", row.id));
        if it.get("plant_cost").is_some() {
            asked(row, &Farm::read(&it).values(&row.id))
        } else if it.get("salvage").is_some() {
            let (profit, order) = Newsvendor::read(&it).best(&row.id);
            assert!(row.number_after("optimal order").is_none_or(|known| known == order), "{}: {order}", row.id);
            profit
        } else {
            panic!("{}: no problem that is known", row.id)
        }
    };
    assert!(row.agrees(value), "{}: {} is published, {value} is found", row.id, row.optimum);
}

#[test]
fn two_stage_problems_have_their_published_values() {
    rows("two-stage problems", |row| row.folder() == "stoch").iter().for_each(|(row, path)| check(row, path));
}

#[test]
fn the_farmer_of_the_textbook() {
    // Wheat, corn and sugar beets; prices per ton, of beets up to a quota and beyond. Birge and Louveaux 2011, section 1.1, tables 1 to 5.
    let crop = |cost, harvest, need, buy, sell: &[(f64, f64)]| Crop { cost, harvest, need, buy, sell: sell.to_vec() };
    let any = f64::INFINITY;
    let farm = Farm {
        land: 500.0,
        crops: vec![
            crop(150.0, 2.5, 200.0, Some(238.0), &[(170.0, any)]),
            crop(230.0, 3.0, 240.0, Some(210.0), &[(150.0, any)]),
            crop(260.0, 20.0, 0.0, None, &[(36.0, 6000.0), (10.0, any)]),
        ],
        weather: vec![0.8, 1.0, 1.2],
    };
    let it = farm.values("farmer");
    let near = |value: Option<f64>, published: f64| assert!((value.unwrap() - published).abs() < 0.5, "{value:?} {published}");
    near(Some(it.rp), -108_390.0);
    near(it.ws, -115_405.6);
    near(it.ev, -118_600.0);
    near(it.eev, -107_240.0);
    near(it.evpi(), 7_015.6);
    near(it.vss(), 1_150.0);
}

#[test]
fn a_newsvendor_by_hand() {
    // 10, 20 or 30 with probabilities 0.5, 0.3, 0.2. A paper costs 6, sells at 10 and is worth 1 when left. The 11th gains 4 with
    // probability 0.5 and loses 5 with 0.5; 10 of them: 40. The critical ratio 4 / 9 is below 0.5.
    let mut vendor = Newsvendor { cost: 6.0, price: 10.0, salvage: 1.0, demand: vec![(0.5, 10.0), (0.3, 20.0), (0.2, 30.0)] };
    assert_eq!(vendor.best("newsvendor"), (40.0, 10.0));
    // At a cost of 5 the ratio is 5 / 9: 20, for 10 * 5 + 10 * (0.5 * 5 - 0.5 * 4) = 55.
    vendor.cost = 5.0;
    let (profit, order) = vendor.best("newsvendor");
    assert!((profit - 55.0).abs() < 1e-9 && order == 20.0, "{profit} {order}");
}

#[test]
fn servers_by_hand() {
    // Servers at 10 and 12 for 10 units each; a client takes 6 of the first or 7 of the second and pays as much. With one or two clients,
    // each as probable: two clients are too many for either server, so both open: 22 - (7 + 6 + 7) / 2 = 12. One client alone would have
    // the first, 10 - 6 = 4; two have both, 22 - 13 = 9; 6.5 on average.
    let client = || vec![(6.0, 6.0), (7.0, 7.0)];
    let servers = |count: usize| Servers { capacity: 10.0, fixed: vec![10.0, 12.0], clients: (0..count).map(|_| client()).collect() };
    let (one, two) = (servers(1), servers(2));
    let family = programs(Servers::program);
    let both = proven("servers", &family, &[(0.5, &one), (0.5, &two)]);
    assert!((both.objective - 12.0).abs() < 1e-9, "{both:?}");
    assert_eq!(both.first_stage, [1.0, 1.0]);
    let alone = [&one, &two].map(|it| proven("servers alone", &family, &[(1.0, it)]).objective);
    assert!((alone[0] - 4.0).abs() < 1e-9 && (alone[1] - 9.0).abs() < 1e-9, "{alone:?}");
}

#[test]
fn the_form_of_server_files() {
    let text = "param NumServers := 2 ;\nparam NumClients := 2 ;\nparam Capacity := 10.0 ;\nparam FixedCost:=\n1\t10\n2\t12\n;\n\nparam Revenue:\n  1 2 :=\n\
                1 6 7\n2 5 .\n;\nparam Demand: 1 2 :=\n1 6 7\n2 5 4\n;\nparam ClientPresent:=\n1 0\n2 1\n;\n";
    let it = Servers::read(text);
    assert_eq!((it.capacity, it.fixed), (10.0, vec![10.0, 12.0]));
    assert_eq!(it.clients, [vec![(5.0, 5.0), (4.0, 0.0)]]);
}
