//! Weather years: recorded years of load, wind, sun, inflow, and new years put together from their days.

use bastide_engine::Stream;

/// Recorded years from which every replication takes its own.
///
/// All series of a day come from the same recorded day, so whatever holds between wind, sun, inflow and demand within the hour,
/// the day and the block of days holds in the drawn years: a joint block bootstrap (Künsch 1989) that keeps the season,
/// because a block comes from the same part of the year.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// Recorded years, at least one; each is as likely -- constant.
    pub years: Vec<RecordedYear>,
    /// Days that follow each other as they were recorded; 0 takes a whole recorded year -- constant.
    pub block_days: usize,
    /// Furthest that a block may move within the year, in both directions \[days\] -- constant.
    pub window_days: usize,
    /// Moves by whole weeks only, so that a Sunday stays a Sunday -- constant.
    pub whole_weeks: bool,
}

/// Series of a recorded year, each over the hours of the system. An absent or empty one is that of the system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedYear {
    /// Firm load by area \[MW\] -- constant.
    pub load_mw: Vec<Vec<f64>>,
    /// Generation taken as it comes, by area \[MW\] -- constant.
    pub variable_mw: Vec<Vec<f64>>,
    /// Available share by class of units -- constant.
    pub profile: Vec<Vec<f64>>,
    /// Inflow by hydro \[MWh\] -- constant.
    pub inflow_mwh: Vec<Vec<f64>>,
}

impl Weather {
    /// For each day of a drawn year of `hours` hours, the recorded day it repeats: `year * days + day`. A last day that is not
    /// whole repeats one that is not whole either.
    pub fn draw(&self, hours: usize, stream: &mut Stream, days: &mut Vec<u32>) {
        days.clear();
        let (whole, all) = (hours / 24, hours.div_ceil(24));
        let block = if self.block_days == 0 { all.max(1) } else { self.block_days };
        let step = if self.whole_weeks { 7 } else { 1 };
        let reach = if self.block_days == 0 { 0 } else { self.window_days / step };
        let mut year = 0;
        let mut moved = 0;
        for day in 0..all {
            if day % block == 0 {
                year = stream.index(self.years.len().max(1));
                let shift = stream.index(2 * reach + 1) as i64 - reach as i64;
                moved = shift * step as i64;
            }
            let source = if day < whole { (day as i64 + moved).rem_euclid(whole as i64) as usize } else { day };
            days.push((year * all + source) as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weather(years: usize, block_days: usize, window_days: usize, whole_weeks: bool) -> Weather {
        Weather { years: vec![RecordedYear::default(); years], block_days, window_days, whole_weeks }
    }

    #[test]
    fn blocks_keep_their_days_together_and_their_season() {
        let mut days = Vec::new();
        let weather = weather(3, 5, 20, false);
        let mut years_seen = [0; 3];
        for replication in 0..200 {
            weather.draw(8760, &mut Stream::new(1, replication, 2), &mut days);
            assert_eq!(days.len(), 365);
            for (day, source) in days.iter().enumerate() {
                let (year, place) = (*source as usize / 365, *source as usize % 365);
                years_seen[year] += 1;
                let apart = (place as i64 - day as i64).rem_euclid(365);
                assert!(apart <= 20 || apart >= 345);
                if day % 5 > 0 {
                    assert_eq!((days[day - 1] as usize % 365 + 1) % 365, place);
                    assert_eq!(days[day - 1] as usize / 365, year);
                }
            }
        }
        assert!(years_seen.iter().all(|seen| (*seen - 200 * 365 / 3_i32).abs() < 3000), "{years_seen:?}");
    }

    #[test]
    fn weeks_and_whole_years_stay_whole() {
        let mut days = Vec::new();
        weather(2, 7, 30, true).draw(8736, &mut Stream::new(1, 0, 2), &mut days);
        assert!(days.iter().enumerate().all(|(day, source)| *source as usize % 364 % 7 == day % 7));
        weather(4, 0, 30, false).draw(30, &mut Stream::new(1, 7, 2), &mut days);
        assert_eq!(days.len(), 2);
        assert_eq!(days[1], days[0] + 1);
        // A last day of six hours repeats one of six hours.
        weather(4, 1, 30, false).draw(54, &mut Stream::new(1, 7, 2), &mut days);
        assert_eq!(days[2] % 3, 2);
    }
}
