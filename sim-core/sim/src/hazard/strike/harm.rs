//! Where things stand, and what a burst at a distance does to them.

use bastide_model::model::{BusId, Endpoint, FacilityId, Fragility, Model, Munition, Place, SiteId, Target};
use bastide_units::Quantity;

use crate::setup::Setup;

/// Kilometres of a degree of latitude.
const KM_PER_DEGREE: f64 = 6371.0 * std::f64::consts::PI / 180.0;
/// Standard deviations beyond which no damage is looked for: less than one in 10^6.
const FAR: f64 = 5.0;

pub(super) fn hardening(model: &Model, target: Target) -> usize {
    match target {
        Target::Site(id) => model.sites[id].hardening as usize,
        Target::Facility(id) => model.facilities[id].hardening as usize,
        _ => 0,
    }
}

/// Where a target stands; units stand at their bus, facilities at their site unless they say where, lines and links nowhere in particular.
pub(super) fn place_of(model: &Model, target: Target) -> Option<Place> {
    match target {
        Target::Site(id) => model.sites[id].place,
        Target::Bus(id) => model.buses[id].place,
        Target::Generator(id) => model.buses[model.generators[id].bus].place,
        Target::Facility(id) => {
            let facility = &model.facilities[id];
            let of_site = if let Endpoint::Site(site) = facility.at { model.sites[site].place } else { None };
            facility.place.or(of_site)
        }
        Target::Line(_) | Target::Link(_) => None,
    }
}

/// Defences that cover a target, in the order of the scenario.
pub(crate) fn covers(model: &Model, target: Target) -> Vec<usize> {
    let place = place_of(model, target);
    let within = |(centre, radius): (Place, bastide_units::Length)| place.is_some_and(|at| centre.distance_km(at) <= radius.as_km());
    let defences = model.defences.iter().enumerate();
    defences.filter(|(_, defence)| defence.targets.contains(&target) || defence.area.is_some_and(within)).map(|(at, _)| at).collect()
}

/// The place so far away in a direction; the map is flat over such distances.
pub(super) fn moved(from: Place, km: f64, bearing: f64) -> Place {
    let north = km * bearing.cos() / KM_PER_DEGREE;
    let east = km * bearing.sin() / KM_PER_DEGREE / from.latitude.to_radians().cos().max(1e-6);
    Place { latitude: from.latitude + north, longitude: from.longitude + east }
}

/// Sites, substations and facilities within a distance, with their distances \[km\]. Sites that the plan has not built are not there.
pub(super) fn around(setup: &Setup, centre: Place, radius_km: f64) -> Vec<(Target, f64)> {
    let model = setup.model;
    let sites = model.sites.iter().enumerate().filter(|(at, _)| setup.built[*at]);
    let sites = sites.map(|(at, site)| (Target::Site(SiteId::from_index(at)), site.place));
    let buses = model.buses.iter().enumerate().map(|(at, bus)| (Target::Bus(BusId::from_index(at)), bus.place));
    let facilities = (0..model.facilities.len()).map(|at| Target::Facility(FacilityId::from_index(at)));
    let facilities = facilities.map(|target| (target, place_of(model, target)));
    let near = |(target, place): (Target, Option<Place>)| {
        // A degree of latitude is never shorter, so most are left out without trigonometry.
        let place = place.filter(|place| (place.latitude - centre.latitude).abs() * KM_PER_DEGREE <= radius_km)?;
        let distance = centre.distance_km(place);
        (distance <= radius_km).then_some((target, distance))
    };
    sites.chain(buses).chain(facilities).filter_map(near).collect()
}

/// Cube root of the warhead [kg^(1/3)].
pub(super) fn cube_root_kg(munition: Option<&Munition>) -> f64 {
    let grams = munition.and_then(|munition| munition.warhead).map_or(0.0, Quantity::base);
    (grams / 1e3).cbrt().max(1e-9)
}

/// State of damage at a scaled distance, from none (0) to destroyed (3); `draw` is standard normal, and less of it is more damage.
pub(super) fn state(curve: &Fragility, scaled: f64, draw: f64) -> usize {
    let felt = scaled * (curve.dispersion * draw).exp();
    curve.median.iter().filter(|median| felt < **median).count()
}

/// Probability of any damage at a scaled distance; the normal distribution as a logistic one, within 0.01 (Bowling et al. 2009).
pub(super) fn probability_of_any(curve: &Fragility, scaled: f64) -> f64 {
    if scaled <= 0.0 {
        return 1.0;
    }
    let deviations = (curve.median[0] / scaled).ln() / curve.dispersion.max(1e-9);
    1.0 / (1.0 + (-1.702 * deviations).exp())
}

/// How far any damage reaches \[km\].
pub(super) fn reach_km(curves: &[Fragility; 3], cube_root_kg: f64) -> f64 {
    let farthest = curves.iter().map(|curve| curve.median[0] * (FAR * curve.dispersion).exp()).fold(0.0, f64::max);
    farthest * cube_root_kg * 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_distance_follows_hopkinson_and_cranz() {
        let curve = Fragility { median: [18.0, 9.0, 4.0], dispersion: 0.0 };
        // 8 times the explosive reaches twice as far.
        for (grams, metres) in [(1e3, 8.9), (8e3, 17.8), (1e6, 89.0)] {
            let root = (grams / 1e3_f64).cbrt();
            assert_eq!(state(&curve, metres / root, 0.0), 2);
            assert_eq!(state(&curve, metres / root * 1.02, 0.0), 1);
        }
        assert_eq!(state(&curve, 0.0, 3.0), 3);
        assert_eq!(state(&curve, 18.1, 0.0), 0);
    }

    #[test]
    fn a_place_moves_as_far_as_it_should() {
        let from = Place { latitude: 56.9, longitude: 24.1 };
        for bearing in [0.0, 1.0, 2.5, 4.0, 6.0] {
            let to = moved(from, 3.0, bearing);
            assert!((from.distance_km(to) - 3.0).abs() < 2e-3, "{}", from.distance_km(to));
        }
        // Riga to Tallinn.
        let tallinn = Place { latitude: 59.437, longitude: 24.754 };
        assert!((Place { latitude: 56.95, longitude: 24.105 }.distance_km(tallinn) - 279.0).abs() < 2.0);
    }

    #[test]
    fn published_curves_fall_with_hardening_and_state() {
        for pair in Fragility::PUBLISHED.windows(2) {
            assert!(pair[0].median.iter().zip(pair[1].median).all(|(weak, strong)| *weak > strong));
        }
        for curve in Fragility::PUBLISHED {
            assert!(curve.median[0] > curve.median[1] && curve.median[1] > curve.median[2]);
        }
    }
}
