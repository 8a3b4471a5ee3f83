//! Plans as files.

use bastide_model::model::{AcceleratorId, CampaignId, DatasetId, Model, ServiceId, SiteId};
use bastide_model::plan::{
    Build, CampaignPlacement, Certificate, CostLine, Placement, Plan, PlanPlaces, Price, Replica, SolveStatus, StandBy, check_plan,
};
use bastide_units::TokenRate;
use proptest::prelude::*;

use crate::folder::{Folder, minimal};

fn model() -> std::sync::Arc<Model> {
    let text = minimal()
        + "[[dataset]]\nname = \"register\"\nnation = \"north\"\nsize = \"1 TB\"\nreplicas = 2\n\
           [[campaign]]\nname = \"base\"\nnation = \"north\"\ncompute = \"1e20 FLOP\"\naccelerators = 8\ndeadline = 2027-06-01\n";
    Folder::new().with("scenario.toml", text).load().unwrap_or_else(|list| panic!("{list:#?}")).model
}

fn sound() -> String {
    "schema = \"bastide/plan/1\"\nname = \"by-hand\"\n\
     [[build]]\nsite = \"left\"\naccelerator = \"card\"\ncount = 8\n[[build]]\nsite = \"right\"\naccelerator = \"card\"\ncount = 8\n\
     [[placement]]\nservice = \"chat\"\nsite = \"left\"\nshare = 0.5\n[[placement]]\nservice = \"chat\"\nsite = \"right\"\nshare = 0.5\n\
     [[campaign]]\ncampaign = \"base\"\nsite = \"left\"\naccelerator = \"card\"\n\
     [[replica]]\ndataset = \"register\"\nsite = \"left\"\n[[replica]]\ndataset = \"register\"\nsite = \"right\"\n"
        .to_owned()
}

/// Codes of a plan with one text replaced: of reading it, or else of checking it.
fn codes(from: &str, to: &str) -> Vec<(String, u32)> {
    let model = model();
    let text = sound();
    assert!(text.contains(from));
    let list = match Plan::read_with_places(&text.replacen(from, to, 1), "plan.toml", &model) {
        Ok((plan, places)) => check_plan(&model, &plan, &places),
        Err(list) => list,
    };
    list.into_iter().map(|it| (it.code.to_owned(), it.span().line)).collect()
}

#[test]
fn a_sound_plan_has_no_fault() {
    assert_eq!(codes("left", "left"), vec![]);
    let model = model();
    let plan = Plan::read(&sound(), "plan.toml", &model).unwrap();
    // Half of 80 k tokens/s at 10 k per accelerator is 4.
    assert_eq!(plan.placements[0].accelerators, vec![(AcceleratorId(0), 4.0)]);
    // 16 cards at 30 k EUR, 16 kW of building at 10 M EUR/MW: 0.48 + 0.16 M EUR.
    assert!((bastide_model::plan::capital(&model, &plan).as_meur() - 0.64).abs() < 1e-9);
}

#[test]
fn each_fault_has_its_code_and_line() {
    let one = |code: &str, line: u32| vec![(code.to_owned(), line)];
    assert_eq!(codes("bastide/plan/1", "bastide/plan/9"), one("F0901", 1));
    assert_eq!(codes("site = \"left\"", "site = \"lefd\""), one("F0301", 4));
    assert_eq!(codes("share = 0.5", "share = \"0.5 MW\""), one("F0206", 14));
    assert_eq!(codes("count = 8", "count = 12"), vec![("F0911".to_owned(), 3), ("F0909".to_owned(), 0)]);
    assert_eq!(codes("share = 0.5", "share = 0.6"), one("F0910", 15));
    assert_eq!(codes("count = 8", "count = 0"), vec![("F0906".to_owned(), 11), ("F0912".to_owned(), 19)]);
    assert_eq!(codes("[[replica]]\ndataset = \"register\"\nsite = \"left\"\n", ""), one("F0913", 0));
    assert_eq!(codes("site = \"right\"\naccelerator", "site = \"left\"\naccelerator"), one("F0904", 7));
}

prop_compose! {
    fn number()(mantissa in -1e6..1e6_f64, exponent in -20..20_i32) -> f64 { mantissa * 10_f64.powi(exponent) }
}

prop_compose! {
    fn plans()(
        counts in prop::collection::vec(0..1000_u32, 2), share in 0.0..=1.0_f64, numbers in prop::collection::vec(number(), 8),
        words in prop::collection::vec("[^\u{0}]{1,12}", 4), certificate in any::<bool>(), status in 0..4_usize, rows in 0..100_000_usize,
    ) -> Plan {
        let status = [SolveStatus::Optimal, SolveStatus::WithinGap, SolveStatus::LimitWithIncumbent, SolveStatus::Manual][status];
        let word = |index: usize| format!("w{}", words[index]);
        Plan {
            name: word(0),
            builds: counts.iter().enumerate().map(|(at, count)| Build { site: SiteId(at as u32), accelerator: AcceleratorId(0), count: *count }).collect(),
            investments: vec![],
            placements: vec![Placement { service: ServiceId(0), site: SiteId(1), share, accelerators: vec![(AcceleratorId(0), numbers[0].abs())] }],
            standbys: vec![StandBy { service: ServiceId(0), of: SiteId(1), site: SiteId(0), share }],
            campaigns: vec![CampaignPlacement { campaign: CampaignId(0), site: SiteId(0), accelerator: AcceleratorId(0), islands: 1 }],
            replicas: vec![Replica { dataset: DatasetId(0), site: SiteId(1) }, Replica { dataset: DatasetId(0), site: SiteId(0) }],
            links: vec![],
            unserved: vec![(ServiceId(0), TokenRate::from_tokens_per_s(numbers[1].abs()))],
            hedge: bastide_model::plan::Hedge {
                reserves: vec![bastide_model::plan::Reserve { service: ServiceId(0), site: SiteId(1), accelerators: vec![(AcceleratorId(0), share)] }],
                uncovered: vec![(ServiceId(0), TokenRate::from_tokens_per_s(numbers[0].abs()))],
                ..bastide_model::plan::Hedge::default()
            },
            cost: vec![CostLine { line: word(1), annual_eur: numbers[2], capital_eur: numbers[3] }],
            prices: vec![Price { constraint: word(2), annual_eur: numbers[4], unit: word(3), limit: numbers[5], place: "scenario.toml:3:1".to_owned() }],
            roadmap: None,
            certificate: certificate.then(|| Certificate { status, solver: word(1), objective_eur: numbers[6], bound_eur: numbers[7], gap: 1e-4, rows, columns: rows, integers: 0 }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_the_same(plan in plans()) {
        let model = model();
        let text = plan.write(&model);
        let again = Plan::read(&text, "plan.toml", &model).unwrap_or_else(|list| panic!("{list:#?}\n{text}"));
        prop_assert_eq!(again, plan);
    }
}

#[test]
fn a_plan_without_a_file_is_checked_too() {
    let model = model();
    let plan = Plan::read(&sound().replacen("count = 8", "count = 800", 1), "plan.toml", &model).unwrap();
    let list = check_plan(&model, &plan, &PlanPlaces::named("recommended"));
    assert!(list.iter().all(|it| &*it.span().file == "recommended"));
    assert!(list.iter().any(|it| it.code == "F0908"), "24 M EUR of cards: {list:#?}");
}

#[test]
fn plan_files_of_alternatives_are_checked_with_the_scenario() {
    let text = minimal() + "[[alternative]]\nname = \"by-hand\"\nplan = \"plans/hand.toml\"\n";
    let plan = "schema = \"bastide/plan/1\"\n[[build]]\nsite = \"left\"\naccelerator = \"card\"\ncount = 12\n";
    let folder = Folder::new().with("scenario.toml", text).with("plans/hand.toml", plan);
    let list = folder.load().unwrap_err();
    assert_eq!(list.iter().map(|it| (it.code, it.span().to_string())).collect::<Vec<_>>(), [("F0911", "plans/hand.toml:2:1".to_owned())]);
    let model = folder.with("plans/hand.toml", plan.replace("12", "16")).load().unwrap().model;
    assert!(model.inputs.iter().any(|input| input.path == "plans/hand.toml"));
}
