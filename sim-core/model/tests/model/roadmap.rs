//! Roadmaps as files: what is written reads back, and each fault has its code and line.

use bastide_model::model::Model;
use bastide_model::plan::{Plan, check_plan};

use crate::folder::{Folder, minimal};

fn model() -> std::sync::Arc<Model> {
    let text = minimal()
        .replace("[plan]\n", "[plan]\nhorizon = \"365 d\"\nbudget_by_year = [\"700 k EUR\"]\n")
        .replace("survive_site_loss = [\"T1\"]\n", "")
        + "[[order_book]]\nname = \"cards\"\naccelerator = \"card\"\nfrom = 2027-01-01\nuntil = 2027-06-01\ncap = 16\ncap_by_year = [16]\nlead_time = \"90 d\"\n\
           remaining_life = \"2 y\"\n\
           [[expansion]]\nname = \"bay\"\nsite = \"left\"\nconnection = \"1 MW\"\nlead_time = \"180 d\"\nmost = 1\n\
           [[export_cap]]\nname = \"cap\"\ncap = 16\n";
    Folder::new().with("scenario.toml", text).load().unwrap_or_else(|list| panic!("{list:#?}")).model
}

fn sound() -> String {
    "schema = \"bastide/plan/1\"\nname = \"by-hand\"\n\
     [[build]]\nsite = \"left\"\naccelerator = \"card\"\ncount = 8\norder_book = \"cards\"\nordered = 2027-01-01\ndelivered = 2027-04-02T06:00:00Z\nenergised = 2027-04-02T06:00:00Z\n\
     [[build]]\nsite = \"left\"\naccelerator = \"card\"\ncount = 8\norder_book = \"cards\"\nordered = 2027-04-02T06:00:00Z\ndelivered = 2027-07-02T12:00:00Z\n\
     energised = 2027-10-01T18:00:00Z\nretired = 2027-12-01\n\
     [[works]]\nsite = \"left\"\ndecided = 2027-01-01\nready = 2027-01-01\nopens = true\nit_power = \"16 kW\"\nconnection = \"20 kW\"\n\
     [[step]]\nexpansion = \"bay\"\ncount = 1\ndecided = 2027-01-01\nready = 2027-07-02T12:00:00Z\n\
     [[period]]\nfrom = 2027-01-01\nunserved = { chat = 80000.0 }\n\
     [[period]]\nfrom = 2027-04-02T06:00:00Z\nserved = { chat = { left = 1.0 } }\nbusy = { left = { card = 8.0 } }\n\
     [[period]]\nfrom = 2027-07-02T12:00:00Z\nserved = { chat = { left = 1.0 } }\n\
     [[period]]\nfrom = 2027-10-01T18:00:00Z\nserved = { chat = { left = 1.0 } }\n\
     [outlooks]\nvalue_of_stochastic_solution_eur = 12.5\n"
        .to_owned()
}

/// Codes of a roadmap with one text replaced.
fn codes(from: &str, to: &str) -> Vec<&'static str> {
    let model = model();
    let text = sound();
    assert!(text.contains(from));
    let list = match Plan::read_with_places(&text.replacen(from, to, 1), "plan.toml", &model) {
        Ok((plan, places)) => check_plan(&model, &plan, &places),
        Err(list) => list,
    };
    list.iter().map(|it| it.code).collect()
}

#[test]
fn what_is_written_reads_back_the_same() {
    let model = model();
    let plan = Plan::read(&sound(), "plan.toml", &model).unwrap_or_else(|list| panic!("{list:#?}"));
    let roadmap = plan.roadmap.as_ref().unwrap();
    assert_eq!((roadmap.lots.len(), roadmap.works.len(), roadmap.steps.len(), roadmap.periods.len()), (2, 1, 1, 4));
    assert_eq!(plan.builds.iter().map(|it| it.count).collect::<Vec<_>>(), [16], "what is at work in the last period");
    let text = plan.write(&model);
    let again = Plan::read(&text, "plan.toml", &model).unwrap_or_else(|list| panic!("{list:#?}\n{text}"));
    assert_eq!(again, plan);
}

#[test]
fn a_sound_roadmap_has_no_fault_and_each_fault_its_code() {
    assert_eq!(codes("left", "left"), Vec::<&str>::new());
    // Sooner than the lead time; before it is there; after the book is closed; twice as many as the book and the cap hold.
    assert_eq!(codes("delivered = 2027-04-02T06:00:00Z", "delivered = 2027-03-02"), ["F0927"]);
    assert_eq!(codes("energised = 2027-10-01T18:00:00Z", "energised = 2027-06-01"), ["F0927"]);
    assert_eq!(
        codes(
            "ordered = 2027-04-02T06:00:00Z\ndelivered = 2027-07-02T12:00:00Z\nenergised = 2027-10-01T18:00:00Z",
            "ordered = 2027-06-10\ndelivered = 2027-09-20\nenergised = 2027-10-01T18:00:00Z"
        ),
        ["F0928"]
    );
    assert_eq!(codes("count = 8", "count = 16"), ["F0928", "F0928", "F0928", "F0907", "F0909", "F0908"]);
    // No hall; a step too early; one too many.
    assert_eq!(codes("it_power = \"16 kW\"", "it_power = \"8 kW\""), ["F0907"]);
    assert_eq!(codes("ready = 2027-07-02T12:00:00Z", "ready = 2027-06-02"), ["F0927"]);
    assert_eq!(codes("expansion = \"bay\"\ncount = 1", "expansion = \"bay\"\ncount = 2"), ["F0928"]);
    assert_eq!(codes("left = 1.0", "nowhere = 1.0"), ["F0301"]);
}
