//! Laws that hold draw by draw.

use bastide_grid::adequacy::{SequentialOptions, System, simulate};

use crate::{rts79, slow, small};

fn annual(system: &System) -> Vec<f64> {
    small::run(system, 600).annual_eue_mwh
}

#[test]
fn threads_do_not_change_a_bit() {
    for system in [rts79::system(2850.0), slow::everything(600)] {
        let options = |threads| SequentialOptions { years: 1500, seed: 3, threads, ..SequentialOptions::default() };
        let one = simulate(&system, &options(1)).unwrap();
        assert!(one.system.lole_h.mean > 0.0);
        for threads in [2, 5] {
            assert_eq!(one, simulate(&system, &options(threads)).unwrap());
        }
    }
}

#[test]
fn more_never_hurts_under_the_same_draws() {
    let base = slow::everything(800);
    let before = annual(&base);
    assert!(before.iter().any(|mwh| *mwh > 0.0));
    let no_worse = |change: &dyn Fn(&mut System), what: &str| {
        let mut system = base.clone();
        change(&mut system);
        let after = annual(&system);
        assert!(after.iter().zip(&before).all(|(after, before)| *after <= before + 1e-6), "{what}");
        assert!(after.iter().sum::<f64>() < before.iter().sum::<f64>(), "{what}");
    };
    // Storage, hydro and limited hours are taken out: their use today can hurt tomorrow, whatever the rule.
    let mut plain = base.clone();
    plain.storages.clear();
    plain.hydros.clear();
    plain.areas[0].tiers[0].most_h_per_day = 24.0;
    let plain_before = annual(&plain);
    let plain_no_worse = |change: &dyn Fn(&mut System), what: &str| {
        let mut system = plain.clone();
        change(&mut system);
        let after = annual(&system);
        assert!(after.iter().zip(&plain_before).all(|(after, before)| *after <= before + 1e-6), "{what}");
        assert!(after.iter().sum::<f64>() < plain_before.iter().sum::<f64>(), "{what}");
    };
    plain_no_worse(&|system| system.units[0].capacity_mw += 3.0, "capacity");
    plain_no_worse(&|system| system.units[2].count += 1, "one more unit");
    plain_no_worse(&|system| system.ties[0].backward_mw += 20.0, "tie");
    plain_no_worse(&|system| system.storages.clone_from(&base.storages), "storage");
    plain_no_worse(&|system| system.hydros.clone_from(&base.hydros), "hydro");
    no_worse(&|system| system.units.push(small::unit("new", 0, 1, 400.0, bastide_grid::adequacy::TwoState::Perfect)), "plenty");
}

#[test]
fn storage_gives_no_more_than_it_takes() {
    let system = slow::everything(1200);
    let storage = &system.storages[0];
    let result = small::run(&system, 400);
    let used = &result.storages[0];
    let stored = used.charged_mwh.mean * storage.charge_efficiency - used.discharged_mwh.mean / storage.discharge_efficiency;
    let begin = storage.initial * storage.energy_mwh;
    assert!(used.discharged_mwh.mean > 0.0 && begin + stored >= -1e-9 && begin + stored <= storage.energy_mwh + 1e-9, "{stored}");
    let hydro = &system.hydros[0];
    let inflow: f64 = hydro.inflow_mwh.iter().sum();
    let kept = hydro.initial * hydro.energy_mwh + inflow - result.hydros[0].called_mwh.mean - result.hydros[0].overflow_mwh.mean;
    assert!(result.hydros[0].overflow_mwh.mean > 0.0 && (0.0..=hydro.energy_mwh + 1e-9).contains(&kept), "{kept}");
}
