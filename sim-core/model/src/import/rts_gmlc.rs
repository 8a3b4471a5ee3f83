//! The Reliability Test System of the Grid Modernization Laboratory Consortium (RTS-GMLC): source data as a case with hourly
//! loads and maxima, as an adequacy system, and as a scenario.
//!
//! C. Barrows et al., "The IEEE Reliability Test System: A Proposed 2019 Update", IEEE Trans. Power Systems 35(1), 2020.

mod adequacy;
mod read;
mod scenario;

use bastide_grid::Case;
use bastide_grid::adequacy::{Storage, TwoState};

pub use read::read_rts_gmlc;
pub use scenario::import_rts_gmlc;

/// RTS-GMLC as read.
#[derive(Clone, Debug, PartialEq)]
pub struct RtsGmlc {
    /// The network with rows in file order -- constant. Units have linear costs at full load; those that no hour-by-hour
    /// dispatch uses (solar thermal, storage, synchronous condensers) and the DC line, whose flow the source fixes, are out of service.
    pub case: Case,
    /// First hour, RFC 3339 in UTC -- constant.
    pub start: String,
    /// Hours of the day-ahead series -- constant.
    pub hours: usize,
    /// Demand by bus and hour: that of the area in proportion to the bus's `MW Load` \[MW\] -- constant.
    pub load_mw: Vec<Vec<f64>>,
    /// Units in the order of the case's generators -- constant.
    pub units: Vec<RtsUnit>,
    /// Names of the branches -- constant.
    pub branch_names: Vec<String>,
    /// Permanent failures per year and hours of a repair of each branch; zeros where it does not fail -- constant.
    pub branch_failures: Vec<(f64, f64)>,
    /// Names of the DC lines -- constant.
    pub dc_names: Vec<String>,
    /// Numbers of the areas, ascending -- constant.
    pub areas: Vec<u64>,
    /// Storage, with the position of its bus as area -- constant.
    pub storages: Vec<Storage>,
    /// Reserve products -- constant.
    pub reserves: Vec<RtsReserve>,
    /// Position of each bus's place: degrees north and east, where the source has them -- constant.
    pub places: Vec<Option<(f64, f64)>>,
}

/// A unit of RTS-GMLC, beside its row in the case.
#[derive(Clone, Debug, PartialEq)]
pub struct RtsUnit {
    /// `101_CT_1` -- constant.
    pub name: String,
    /// Group of equal units: `U20` -- constant.
    pub group: String,
    /// Technology in words: `Oil CT` -- constant.
    pub technology: String,
    /// Most output by hour, or empty where it is the capacity \[MW\] -- constant.
    pub max_mw: Vec<f64>,
    /// Failures -- constant.
    pub outage: TwoState,
    /// Direct emissions at full load \[g/kWh\] -- constant.
    pub carbon_g_per_kwh: f64,
}

/// A reserve product.
#[derive(Clone, Debug, PartialEq)]
pub struct RtsReserve {
    /// `Spin_Up_R1` -- constant.
    pub name: String,
    /// Time within which it must be there \[s\] -- constant.
    pub within_s: f64,
    /// Requirement \[MW\] -- constant.
    pub requirement_mw: f64,
    /// Areas that provide it -- constant.
    pub areas: Vec<u64>,
    /// Categories of units that may provide it -- constant.
    pub categories: Vec<String>,
    /// Up rather than down -- constant.
    pub up: bool,
}

impl RtsGmlc {
    /// Most output of a unit in an hour \[MW\].
    #[must_use]
    pub fn max_mw(&self, generator: usize, hour: usize) -> f64 {
        self.units[generator].max_mw.get(hour).copied().unwrap_or(self.case.generators[generator].max_mw)
    }
    /// The case at an hour: loads and maxima of that hour.
    #[must_use]
    pub fn case_at(&self, hour: usize) -> Case {
        let mut case = self.case.clone();
        for (bus, load) in case.buses.iter_mut().zip(&self.load_mw) {
            bus.demand_mw = load.get(hour).copied().unwrap_or(0.0);
        }
        for index in 0..case.generators.len() {
            case.generators[index].max_mw = self.max_mw(index, hour);
        }
        case
    }
    /// Position of a bus's area in [`Self::areas`].
    fn area(&self, bus: usize) -> usize {
        self.areas.binary_search(&self.case.buses[bus].area).unwrap_or(0)
    }
}
