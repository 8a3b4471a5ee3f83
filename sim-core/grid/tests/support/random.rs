//! Random cases, and flows by dense elimination.

#![allow(dead_code, reason = "each test binary uses its part")]

use bastide_engine::{Stream, stream_key};
use bastide_grid::{Branch, Bus, BusKind, Case, Convention, DcNetwork, Generator};

/// A stream of draws for a test.
pub fn stream(seed: u64) -> Stream {
    Stream::new(seed, 0, stream_key("case", "test"))
}

pub fn branch(from: usize, to: usize, reactance_pu: f64, rate: Option<f64>) -> Branch {
    Branch {
        from,
        to,
        in_service: true,
        resistance_pu: 0.0,
        reactance_pu,
        rate_a_mw: rate,
        rate_b_mw: rate,
        rate_c_mw: rate,
        tap: 1.0,
        shift_deg: 0.0,
        angle_min_deg: None,
        angle_max_deg: None,
    }
}

pub fn unit(bus: usize, output_mw: f64, max_mw: f64) -> Generator {
    Generator { bus, in_service: true, output_mw, min_mw: 0.0, max_mw, cost: None }
}

pub fn bus(number: u64, kind: BusKind, demand_mw: f64) -> Bus {
    Bus { number, kind, demand_mw, ..Bus::default() }
}

/// A case with everything that a file may hold: parallel branches and loops, isolated buses, rows out of service, negative loads,
/// ratings of zero, shifters; `rating` scales the ratings.
pub fn case(seed: u64, rating: f64) -> Case {
    let mut s = stream(seed);
    let n = 1 + s.index(14);
    let kind = |s: &mut Stream, place: usize| match (place, s.index(12)) {
        (0, _) => BusKind::Reference,
        (_, 0) => BusKind::Isolated,
        (_, 1..4) => BusKind::Generator,
        _ => BusKind::Load,
    };
    let buses: Vec<Bus> = (0..n)
        .map(|place| {
            let kind = kind(&mut s, place);
            let demand = if s.bernoulli(0.7) { s.uniform() * 100.0 } else { -s.uniform() * 20.0 };
            Bus { shunt_mw: if s.bernoulli(0.2) { s.uniform() * 3.0 } else { 0.0 }, ..bus(10 + place as u64, kind, demand) }
        })
        .collect();
    let branches = (0..s.index(3 * n + 1))
        .map(|_| {
            let rate = match s.index(8) {
                0 => None,
                1 => Some(0.0),
                _ => Some(rating * (1.0 + 99.0 * s.uniform())),
            };
            let mut row = branch(s.index(n), s.index(n), 0.01 + s.uniform(), rate);
            row.resistance_pu = 0.1 * s.uniform();
            row.in_service = s.bernoulli(0.9);
            row.shift_deg = if s.bernoulli(0.1) { 5.0 * s.uniform() } else { 0.0 };
            row.tap = if s.bernoulli(0.2) { 0.9 + 0.2 * s.uniform() } else { 1.0 };
            row
        })
        .collect();
    let generators = (0..s.index(n + 1))
        .map(|_| {
            let max = if s.bernoulli(0.1) { 0.0 } else { 300.0 * s.uniform() };
            let mut row = unit(s.index(n), max * s.uniform(), max);
            row.in_service = s.bernoulli(0.9);
            row
        })
        .collect();
    Case { base_mva: 100.0, buses, branches, generators, ..Case::default() }
}

/// Up to `most` rows below `n`, repeated at times.
pub fn rows(s: &mut Stream, n: usize, most: usize) -> Vec<u32> {
    (0..s.index(most + 1)).filter(|_| n > 0).map(|_| s.index(n.max(1)) as u32).collect()
}

/// Islands by search: the label of each bus (`usize::MAX` outside the network) and their number.
pub fn islands(network: &DcNetwork, alive: &[bool]) -> (Vec<usize>, usize) {
    let mut label = vec![usize::MAX; network.buses];
    let mut count = 0;
    for start in 0..network.buses {
        if label[start] != usize::MAX || !network.connected[start] {
            continue;
        }
        label[start] = count;
        let mut stack = vec![start];
        while let Some(here) = stack.pop() {
            for (row, &(from, to)) in network.ends.iter().enumerate() {
                for (a, b) in [(from, to), (to, from)] {
                    if alive[row] && a as usize == here && label[b as usize] == usize::MAX {
                        label[b as usize] = count;
                        stack.push(b as usize);
                    }
                }
            }
        }
        count += 1;
    }
    (label, count)
}

/// Flows by Gaussian elimination with pivoting on the dense matrix; the first bus of every island takes its imbalance.
pub fn flows(network: &DcNetwork, alive: &[bool], injection_mw: &[f64]) -> Vec<f64> {
    let n = network.buses;
    let (label, count) = islands(network, alive);
    let slacks: Vec<usize> = (0..count).map(|island| label.iter().position(|&of| of == island).unwrap()).collect();
    let mut a = vec![vec![0.0; n + 1]; n];
    for bus in 0..n {
        a[bus][n] = injection_mw[bus];
    }
    for (row, &(from, to)) in network.ends.iter().enumerate().filter(|(row, _)| alive[*row]) {
        let (from, to, b) = (from as usize, to as usize, network.susceptance_mw[row]);
        a[from][from] += b;
        a[to][to] += b;
        a[from][to] -= b;
        a[to][from] -= b;
        a[from][n] -= network.shift_mw[row];
        a[to][n] += network.shift_mw[row];
    }
    for bus in 0..n {
        if label[bus] == usize::MAX || slacks.contains(&bus) {
            a[bus].fill(0.0);
            a[bus][bus] = 1.0;
        }
    }
    for column in 0..n {
        let pivot = (column..n).max_by(|&x, &y| a[x][column].abs().total_cmp(&a[y][column].abs())).unwrap();
        a.swap(column, pivot);
        let pivot = a[column].clone();
        for (_, row) in a.iter_mut().enumerate().filter(|(row, _)| *row != column) {
            let factor = row[column] / pivot[column];
            if factor != 0.0 {
                row.iter_mut().zip(&pivot).for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
    }
    let angle: Vec<f64> = (0..n).map(|bus| a[bus][n] / a[bus][bus]).collect();
    let flow = |row: usize| {
        let (from, to) = network.ends[row];
        network.susceptance_mw[row] * (angle[from as usize] - angle[to as usize]) + network.shift_mw[row]
    };
    (0..network.ends.len()).map(|row| if alive[row] { flow(row) } else { 0.0 }).collect()
}

/// The network of a case and which of its branches carry anything.
pub fn network(case: &Case, convention: Convention) -> (DcNetwork, Vec<bool>) {
    let network = DcNetwork::new(case, convention);
    let alive = network.susceptance_mw.iter().map(|b| *b != 0.0).collect();
    (network, alive)
}
