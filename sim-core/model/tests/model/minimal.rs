//! The smallest scenario loads, and its numbers are those it says.

use crate::folder::scenarios;

#[test]
fn minimal_loads_as_written() {
    let loaded = bastide_model::load(&scenarios().join("minimal"), &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    let model = &loaded.model;
    assert_eq!(loaded.warnings, vec![]);
    assert_eq!(model.header.hours, 8760);
    assert_eq!(model.header.start, "2027-01-01T00:00:00Z");
    assert_eq!((model.sites.len(), model.services.len(), model.accelerators.len()), (2, 1, 1));
    // 1 MW of connection at a PUE of 1.25 carries 0.8 MW of IT power.
    assert!((model.sites[0].max_it_power.as_mw() - 0.8).abs() < 1e-12);
    assert!((model.token_rate[0][0].as_tokens_per_s() - 10_000.0).abs() < 1e-9);
    assert!(model.legal_service[0].iter().all(bastide_model::model::Legality::always));
    assert_eq!(model.inputs[0].path, "scenario.toml");
    let connection = model.assumptions.iter().find(|assumption| assumption.key == "site.left.connection").unwrap();
    assert_eq!((connection.value.as_str(), connection.source.as_deref()), ("1 MW", None));
}

#[test]
fn library_figures_keep_their_sources() {
    let text = crate::folder::patched("accelerators = [\"card\"]", "accelerators = [\"card\", \"h100\"]");
    let model = crate::folder::Folder::new().with("scenario.toml", text).load().unwrap().model;
    assert_eq!(model.accelerators.iter().map(|kind| kind.entity.name.as_str()).collect::<Vec<_>>(), ["card", "h100"]);
    let price = model.assumptions.iter().find(|assumption| assumption.key == "accelerator.h100.price").unwrap();
    assert!(price.source.is_some() && price.place == "library of accelerators");
}
