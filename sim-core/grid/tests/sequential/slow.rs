//! A simulator that skips nothing: every hour of every year, two areas and a tie in closed form, its own draws.

use bastide_engine::{Estimate, Stream, stream_key};
use bastide_grid::adequacy::{
    DeratedState, Hydro, SequentialError, SnapshotOptions, Storage, System, Tie, TierKind, TwoState, WeightedMean, sample_snapshots,
};

use crate::small::{area, run, tier, unit};

/// States of a component at the beginning of each hour: 0 up, 1 derated, 2 down.
fn history(outage: TwoState, derated: Option<DeratedState>, hours: usize, stream: &mut Stream) -> Vec<usize> {
    let second = derated.map_or(TwoState::Perfect, |derated| derated.outage);
    let times = |law: TwoState| if let TwoState::Times { mttf_h, mttr_h } = law { Some((mttf_h, mttr_h)) } else { None };
    if let TwoState::Unavailability(share) = outage {
        return (0..hours).map(|_| if stream.bernoulli(share) { 2 } else { 0 }).collect();
    }
    let laws = [times(second), times(outage)];
    // Long before the horizon, so that the beginning is forgotten.
    let (mut state, mut now) = (0, -3000.0);
    let mut at = vec![0; hours];
    while now < hours as f64 {
        let until = if state == 0 {
            let candidates: Vec<(f64, usize)> =
                laws.iter().zip(1..).filter_map(|(law, next)| law.map(|(mttf_h, _)| (stream.exponential(mttf_h), next))).collect();
            let Some((sojourn, next)) = candidates.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)) else { return at };
            state = next;
            now + sojourn
        } else {
            let until = now + stream.exponential(laws[state - 1].unwrap().1);
            for (hour, at) in at.iter_mut().enumerate() {
                if hour as f64 >= now && (hour as f64) < until {
                    *at = state;
                }
            }
            state = 0;
            until
        };
        now = until;
    }
    at
}

/// Hours short, energy, events, hours of area b, tier energy, tier energy lost, energy discharged, energy called from hydro.
fn slow_year(system: &System, year: u32) -> [f64; 8] {
    let mut stream = Stream::new(99, year, stream_key("slow", "simulator"));
    let hours = system.hours;
    let mut supply = vec![vec![0.0; hours]; 2];
    for (supply, area) in supply.iter_mut().zip(&system.areas) {
        for (supply, variable) in supply.iter_mut().zip(&area.variable_mw) {
            *supply += variable;
        }
    }
    for unit in &system.units {
        for _ in 0..unit.count {
            let states = history(unit.outage, unit.derated, hours, &mut stream);
            for (hour, state) in states.iter().enumerate() {
                let left = [1.0, unit.derated.map_or(0.0, |derated| derated.capacity_share), 0.0][*state];
                let profile = unit.profile.get(hour).copied().unwrap_or(1.0);
                if !unit.maintenance.iter().any(|out| out.contains(&hour)) {
                    supply[unit.area][hour] += unit.capacity_mw * left * profile;
                }
            }
        }
    }
    let tie_states = history(system.ties[0].outage, None, hours, &mut stream);
    let storage_states = history(system.storages[0].outage, None, hours, &mut stream);
    let hydro_states = history(system.hydros[0].outage, None, hours, &mut stream);
    let (storage, hydro, tier) = (&system.storages[0], &system.hydros[0], &system.areas[0].tiers[0]);
    let mut stored = storage.initial * storage.energy_mwh;
    let mut water = hydro.initial * hydro.energy_mwh;
    let (mut fuel, mut last_run, mut today) = (0.0, None, 0.0);
    let mut out = [0.0; 8];
    let mut was_short = false;
    for hour in 0..hours {
        if hour % 24 == 0 {
            today = 0.0;
        }
        let mut left = [supply[0][hour], supply[1][hour]];
        let done = today + 1.0 > tier.most_h_per_day;
        let yields = if done { 0.0 } else { tier.mw[hour] };
        let mut firm = [system.areas[0].load_mw[hour] + tier.mw[hour] - yields, system.areas[1].load_mw[hour]];
        let mut soft = yields;
        let tie_up = tie_states[hour] == 0;
        // Room on the tie from 0 to 1 and back, as the flow stands.
        let mut room = if tie_up { [system.ties[0].forward_mw, system.ties[0].backward_mw] } else { [0.0; 2] };
        let send = |from: usize, source: &mut f64, sink: &mut f64, room: &mut [f64; 2]| {
            let mw = source.min(*sink).min(room[from]);
            *source -= mw;
            *sink -= mw;
            room[from] -= mw;
            room[1 - from] += mw;
        };
        for place in 0..2 {
            let mw = left[place].min(firm[place]);
            left[place] -= mw;
            firm[place] -= mw;
        }
        for from in 0..2 {
            send(from, &mut left[from], &mut firm[1 - from], &mut room);
        }
        let mw = left[0].min(soft);
        left[0] -= mw;
        soft -= mw;
        send(1, &mut left[1], &mut soft, &mut room);
        // Storage in area 0, hydro in area 1.
        let battery_could = if storage_states[hour] == 0 { storage.discharge_mw.min(stored * storage.discharge_efficiency) } else { 0.0 };
        let hydro_could = if hydro_states[hour] == 0 { hydro.power_mw.min(water + hydro.inflow_mwh[hour]) } else { 0.0 };
        let mut reserve = [battery_could, hydro_could];
        for place in 0..2 {
            let mw = reserve[place].min(firm[place]);
            reserve[place] -= mw;
            firm[place] -= mw;
        }
        for from in 0..2 {
            send(from, &mut reserve[from], &mut firm[1 - from], &mut room);
        }
        let mw = reserve[0].min(soft);
        reserve[0] -= mw;
        soft -= mw;
        send(1, &mut reserve[1], &mut soft, &mut room);
        let (battery, called) = (battery_could - reserve[0], hydro_could - reserve[1]);
        stored -= battery / storage.discharge_efficiency;
        water = (water + hydro.inflow_mwh[hour] - called).min(hydro.energy_mwh);
        out[6] += battery;
        out[7] += called;
        if storage_states[hour] == 0 && battery <= 0.0 {
            let mut wanted = storage.charge_mw.min((storage.energy_mwh - stored) / storage.charge_efficiency);
            let before = wanted;
            let mw = left[0].min(wanted);
            wanted -= mw;
            send(1, &mut left[1], &mut wanted, &mut room);
            stored += (before - wanted) * storage.charge_efficiency;
        }
        let short = firm[0] + firm[1] > 1e-6;
        if short {
            out[0] += 1.0;
            out[1] += firm[0] + firm[1];
            out[2] += f64::from(u8::from(!was_short));
            out[3] += f64::from(u8::from(firm[1] > 1e-6));
        }
        was_short = short;
        if soft > 1e-6 {
            today += 1.0;
            out[4] += soft;
            if last_run.is_none_or(|last| hour - last > 24) {
                fuel = tier.backup_mw * tier.backup_h;
            }
            let own = soft.min(tier.backup_mw).min(fuel);
            if own > 0.0 {
                fuel -= own;
                last_run = Some(hour);
            }
            out[5] += soft - own;
        }
    }
    out
}

/// Two areas with everything that a system can have.
pub fn everything(hours: usize) -> System {
    let wave = |base: f64, swing: f64, shift: f64| -> Vec<f64> {
        (0..hours)
            .map(|hour| {
                let day = (hour as f64 / 24.0 + shift).fract();
                let week = (hour as f64 / 168.0).fract();
                base + swing * (std::f64::consts::TAU * day).sin() + 0.3 * swing * (std::f64::consts::TAU * week).cos()
            })
            .collect()
    };
    let times = |mttf_h: f64, mttr_h: f64| TwoState::Times { mttf_h, mttr_h };
    let mut system =
        System { hours, areas: vec![area("a", wave(150.0, 50.0, 0.0)), area("b", wave(90.0, 30.0, 0.2))], ..System::default() };
    system.areas[1].variable_mw = wave(20.0, 10.0, 0.5);
    let mut ai = tier("ai", TierKind::Interruptible, vec![15.0; hours]);
    (ai.backup_mw, ai.backup_h, ai.most_h_per_day) = (8.0, 4.0, 5.0);
    system.areas[0].tiers = vec![ai];
    system.units = vec![
        unit("big", 0, 4, 50.0, times(300.0, 20.0)),
        unit("small", 0, 3, 15.0, times(200.0, 30.0)),
        unit("other", 1, 3, 35.0, times(250.0, 25.0)),
        unit("sun", 1, 1, 20.0, times(400.0, 50.0)),
    ];
    system.units[1].derated = Some(DeratedState { capacity_share: 0.4, outage: times(100.0, 15.0) });
    system.units[3].profile = wave(0.5, 0.3, 0.7);
    system.units[0].maintenance = Vec::new();
    system.units[1].maintenance = vec![100..190, 150..200];
    system.storages = vec![Storage {
        name: "battery".into(),
        area: 0,
        charge_mw: 10.0,
        discharge_mw: 12.0,
        energy_mwh: 40.0,
        charge_efficiency: 0.9,
        discharge_efficiency: 0.85,
        initial: 0.5,
        outage: times(500.0, 40.0),
    }];
    system.hydros = vec![Hydro {
        name: "lake".into(),
        area: 1,
        power_mw: 9.0,
        energy_mwh: 200.0,
        inflow_mwh: wave(1.0, 0.5, 0.1),
        initial: 0.3,
        outage: times(600.0, 30.0),
    }];
    system.ties = vec![Tie { name: "tie".into(), from: 0, to: 1, forward_mw: 20.0, backward_mw: 25.0, outage: times(100.0, 10.0) }];
    system
}

#[test]
fn skipping_changes_no_law() {
    let system = everything(24 * 21 + 5);
    let years = 4000;
    let slow: Vec<[f64; 8]> = (0..years).map(|year| slow_year(&system, year)).collect();
    let fast = run(&system, 4 * years);
    let fast = [
        &fast.system.lole_h,
        &fast.system.eue_mwh,
        &fast.system.events.as_ref().unwrap().frequency,
        &fast.areas[1].lole_h,
        &fast.tiers[0][0].curtailed_mwh,
        &fast.tiers[0][0].lost_mwh,
        &fast.storages[0].discharged_mwh,
        &fast.hydros[0].called_mwh,
    ];
    for (place, fast) in fast.into_iter().enumerate() {
        let slow = Estimate::of(&slow.iter().map(|year| year[place]).collect::<Vec<_>>()).unwrap();
        let error = (slow.stderr.unwrap().powi(2) + fast.stderr.unwrap().powi(2)).sqrt();
        let apart = (slow.mean - fast.mean) / error;
        assert!(apart.abs() < 3.5 && slow.mean > 0.0, "number {place}: {} and {}, {apart:.2} errors", slow.mean, fast.mean);
    }
}

#[test]
fn weighted_snapshots_agree_with_years_on_what_convolution_cannot_do() {
    let mut system = everything(24 * 14 + 5);
    system.storages.clear();
    let (hydro, limited) = (system.hydros.clone(), system.areas[0].tiers[0].most_h_per_day);
    let options = SnapshotOptions { relative_error: 0.005, ..SnapshotOptions::default() };
    assert!(matches!(sample_snapshots(&system, &options), Err(SequentialError::Method(_))));
    system.hydros.clear();
    assert!(matches!(sample_snapshots(&system, &options), Err(SequentialError::Method(_))));
    system.areas[0].tiers[0].most_h_per_day = 24.0;
    assert!(!hydro.is_empty() && limited < 24.0);
    let sampled = sample_snapshots(&system, &options).unwrap();
    let years = run(&system, 40_000);
    let agree = |sampled: WeightedMean, years: &Estimate, what: &str| {
        let error = (sampled.stderr.powi(2) + years.stderr.unwrap().powi(2)).sqrt();
        let apart = (sampled.mean - years.mean) / error;
        assert!(apart.abs() < 3.5 && years.mean > 0.0, "{what}: {sampled:?} and {years:?}, {apart:.2} errors");
    };
    let pairs = std::iter::once((&sampled.system, &years.system)).chain(sampled.areas.iter().zip(&years.areas));
    for (sampled, years) in pairs {
        let events = years.events.as_ref().unwrap();
        agree(sampled.lole_h, &years.lole_h, "hours");
        agree(sampled.eue_mwh, &years.eue_mwh, "energy");
        agree(sampled.peak_days, &years.peak_days, "peak days");
        agree(sampled.frequency.unwrap(), &events.frequency, "hourly events");
        agree(sampled.continuous_frequency.unwrap(), events.continuous_frequency.as_ref().unwrap(), "events");
        agree(sampled.duration_h.unwrap(), events.duration_h.as_ref().unwrap(), "duration");
    }
    agree(sampled.tiers[0][0].0, &years.tiers[0][0].hours, "tier hours");
    agree(sampled.tiers[0][0].1, &years.tiers[0][0].curtailed_mwh, "tier energy");
    for threads in [2, 3] {
        assert_eq!(sampled, sample_snapshots(&system, &SnapshotOptions { threads, ..options }).unwrap());
    }
}
