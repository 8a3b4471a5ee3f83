//! The IEEE Reliability Test System of 1979: units and load of IEEE RTS Task Force, IEEE Trans. PAS-98(6), 2047-2054, 1979.

use bastide_grid::adequacy::{Area, System, TwoState, Unit};

/// Capacity \[MW\], number, mean time to failure and to repair \[h\] of the unit groups (table 5).
const UNITS: [(f64, u32, f64, f64); 9] = [
    (12.0, 5, 2940.0, 60.0),
    (20.0, 4, 450.0, 50.0),
    (50.0, 6, 1980.0, 20.0),
    (76.0, 4, 1960.0, 40.0),
    (100.0, 3, 1200.0, 50.0),
    (155.0, 4, 960.0, 40.0),
    (197.0, 3, 950.0, 50.0),
    (350.0, 1, 1150.0, 100.0),
    (400.0, 2, 1100.0, 150.0),
];

/// Weekly peaks in percent of the annual peak (table 1).
const WEEKS: [f64; 52] = [
    86.2, 90.0, 87.8, 83.4, 88.0, 84.1, 83.2, 80.6, 74.0, 73.7, 71.5, 72.7, 70.4, 75.0, 72.1, 80.0, 75.4, 83.7, 87.0, 88.0, 85.6, 81.1,
    90.0, 88.7, 89.6, 86.1, 75.5, 81.6, 80.1, 88.0, 72.2, 77.6, 80.0, 72.9, 72.6, 70.5, 78.0, 69.5, 72.4, 72.4, 74.3, 74.4, 80.0, 88.1,
    88.5, 90.9, 94.0, 89.0, 94.2, 97.0, 100.0, 95.2,
];

/// Daily peaks in percent of the weekly peak, Monday first (table 2).
const DAYS: [f64; 7] = [93.0, 100.0, 98.0, 96.0, 94.0, 77.0, 75.0];

/// Hourly load in percent of the daily peak (table 3): weekday and weekend of winter, summer, spring and autumn.
const HOURS: [[f64; 24]; 6] = [
    [
        67.0, 63.0, 60.0, 59.0, 59.0, 60.0, 74.0, 86.0, 95.0, 96.0, 96.0, 95.0, 95.0, 95.0, 93.0, 94.0, 99.0, 100.0, 100.0, 96.0, 91.0,
        83.0, 73.0, 63.0,
    ],
    [
        78.0, 72.0, 68.0, 66.0, 64.0, 65.0, 66.0, 70.0, 80.0, 88.0, 90.0, 91.0, 90.0, 88.0, 87.0, 87.0, 91.0, 100.0, 99.0, 97.0, 94.0,
        92.0, 87.0, 81.0,
    ],
    [
        64.0, 60.0, 58.0, 56.0, 56.0, 58.0, 64.0, 76.0, 87.0, 95.0, 99.0, 100.0, 99.0, 100.0, 100.0, 97.0, 96.0, 96.0, 93.0, 92.0, 92.0,
        93.0, 87.0, 72.0,
    ],
    [
        74.0, 70.0, 66.0, 65.0, 64.0, 62.0, 62.0, 66.0, 81.0, 86.0, 91.0, 93.0, 93.0, 92.0, 91.0, 91.0, 92.0, 94.0, 95.0, 95.0, 100.0,
        93.0, 88.0, 80.0,
    ],
    [
        63.0, 62.0, 60.0, 58.0, 59.0, 65.0, 72.0, 85.0, 95.0, 99.0, 100.0, 99.0, 93.0, 92.0, 90.0, 88.0, 90.0, 92.0, 96.0, 98.0, 96.0,
        90.0, 80.0, 70.0,
    ],
    [
        75.0, 73.0, 69.0, 66.0, 65.0, 65.0, 68.0, 74.0, 83.0, 89.0, 92.0, 94.0, 91.0, 90.0, 90.0, 86.0, 85.0, 88.0, 92.0, 100.0, 97.0,
        95.0, 90.0, 85.0,
    ],
];

/// Hourly load over 8736 hours; week 1 starts on a Monday.
pub fn load_mw(peak_mw: f64) -> Vec<f64> {
    let mut load = Vec::with_capacity(8736);
    for (week, weekly) in WEEKS.iter().enumerate() {
        let season = match week + 1 {
            1..=8 | 44..=52 => 0,
            18..=30 => 1,
            _ => 2,
        };
        for (day, daily) in DAYS.iter().enumerate() {
            let hours = &HOURS[2 * season + usize::from(day >= 5)];
            load.extend(hours.iter().map(|hourly| peak_mw * weekly * daily * hourly / 1e6));
        }
    }
    load
}

/// The generating units.
pub fn units() -> Vec<Unit> {
    UNITS.iter().map(|&(capacity_mw, count, mttf_h, mttr_h)| unit(capacity_mw, count, mttf_h, mttr_h)).collect()
}

/// A class of two-state units.
pub fn unit(capacity_mw: f64, count: u32, mttf_h: f64, mttr_h: f64) -> Unit {
    Unit {
        name: format!("U{capacity_mw}"),
        area: 0,
        count,
        capacity_mw,
        profile: Vec::new(),
        outage: TwoState::Times { mttf_h, mttr_h },
        derated: None,
        maintenance: Vec::new(),
    }
}

/// The system with all units and this annual peak, 2850 MW as published.
pub fn system(peak_mw: f64) -> System {
    area(load_mw(peak_mw), units())
}

/// A system of one area.
pub fn area(load_mw: Vec<f64>, units: Vec<Unit>) -> System {
    System { hours: load_mw.len(), areas: vec![Area { name: "area".into(), load_mw, ..Area::default() }], units, ..System::default() }
}
