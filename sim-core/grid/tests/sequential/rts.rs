//! The IEEE Reliability Test System of 1979 (IEEE RTS Task Force, IEEE Trans. PAS-98(6), 1979).

use bastide_grid::adequacy::{Area, System, TwoState, Unit};

/// Capacity \[MW\], number, mean time to failure and to repair \[h\] (table 6 of the paper).
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

/// Daily peaks in percent of the weekly peak, from Monday (table 2).
const DAYS: [f64; 7] = [93.0, 100.0, 98.0, 96.0, 94.0, 77.0, 75.0];

/// Hourly loads in percent of the daily peak (table 3): winter, summer, spring and fall, each on weekdays and at weekends.
const HOURS: [[f64; 6]; 24] = [
    [67.0, 78.0, 64.0, 74.0, 63.0, 75.0],
    [63.0, 72.0, 60.0, 70.0, 62.0, 73.0],
    [60.0, 68.0, 58.0, 66.0, 60.0, 69.0],
    [59.0, 66.0, 56.0, 65.0, 58.0, 66.0],
    [59.0, 64.0, 56.0, 64.0, 59.0, 65.0],
    [60.0, 65.0, 58.0, 62.0, 65.0, 65.0],
    [74.0, 66.0, 64.0, 62.0, 72.0, 68.0],
    [86.0, 70.0, 76.0, 66.0, 85.0, 74.0],
    [95.0, 80.0, 87.0, 81.0, 95.0, 83.0],
    [96.0, 88.0, 95.0, 86.0, 99.0, 89.0],
    [96.0, 90.0, 99.0, 91.0, 100.0, 92.0],
    [95.0, 91.0, 100.0, 93.0, 99.0, 94.0],
    [95.0, 90.0, 99.0, 93.0, 93.0, 91.0],
    [95.0, 88.0, 100.0, 92.0, 92.0, 90.0],
    [93.0, 87.0, 100.0, 91.0, 90.0, 90.0],
    [94.0, 87.0, 97.0, 91.0, 88.0, 86.0],
    [99.0, 91.0, 96.0, 92.0, 90.0, 85.0],
    [100.0, 100.0, 96.0, 94.0, 92.0, 88.0],
    [100.0, 99.0, 93.0, 95.0, 96.0, 92.0],
    [96.0, 97.0, 92.0, 95.0, 98.0, 100.0],
    [91.0, 94.0, 92.0, 100.0, 96.0, 97.0],
    [83.0, 92.0, 93.0, 93.0, 90.0, 95.0],
    [73.0, 87.0, 87.0, 88.0, 80.0, 90.0],
    [63.0, 81.0, 72.0, 80.0, 70.0, 85.0],
];

/// The 8,736 hours of load for an annual peak.
pub fn load_mw(peak_mw: f64) -> Vec<f64> {
    let mut load = Vec::with_capacity(8736);
    for (week, weekly) in WEEKS.iter().enumerate() {
        let season = match week + 1 {
            1..=8 | 44..=52 => 0,
            18..=30 => 2,
            _ => 4,
        };
        for (day, daily) in DAYS.iter().enumerate() {
            for hourly in HOURS {
                load.push(peak_mw * (weekly / 100.0) * (daily / 100.0) * (hourly[season + usize::from(day >= 5)] / 100.0));
            }
        }
    }
    load
}

/// The units in an area.
pub fn units(area: usize) -> Vec<Unit> {
    UNITS
        .iter()
        .map(|(capacity_mw, count, mttf_h, mttr_h)| Unit {
            name: format!("U{capacity_mw}"),
            area,
            count: *count,
            capacity_mw: *capacity_mw,
            profile: Vec::new(),
            outage: TwoState::Times { mttf_h: *mttf_h, mttr_h: *mttr_h },
            derated: None,
            maintenance: Vec::new(),
        })
        .collect()
}

/// The system with a peak of 2,850 MW.
pub fn system() -> System {
    let area = Area { name: "RTS".into(), load_mw: load_mw(2850.0), ..Area::default() };
    System { hours: 8736, areas: vec![area], units: units(0), ..System::default() }
}
