//! Rules, residency and what they leave.

use bastide_units::Time;

use crate::folder::{Folder, codes, minimal};

/// The minimal scenario with a second nation, in which the right site lies.
fn two_nations(more: &str) -> String {
    let text = minimal().replace(
        "[[nation]]\nname = \"north\"",
        "[[nation]]\nname = \"north\"\ngroups = [\"eu\"]\n\n[[nation]]\nname = \"south\"\ngroups = [\"eu\", \"med\"]",
    );
    let text = text
        .replace("name = \"right\"\nbus = \"north\"", "name = \"right\"\nbus = \"north\"\nnation = \"south\"\ncertifications = [\"gold\"]");
    let link =
        "[[link]]\nname = \"route\"\nfrom = \"nation.north\"\nto = \"nation.south\"\nbandwidth = \"10 Gbit/s\"\nlatency = \"8 ms\"\n";
    text.replace("survive_site_loss = [\"T1\"]", "") + link + more
}

fn legal(more: &str) -> Vec<(Time, Time)> {
    let loaded = Folder::new().with("scenario.toml", two_nations(more)).load().unwrap_or_else(|list| panic!("{list:#?}"));
    loaded.model.legal_service[0].iter().map(|it| (it.from, it.until)).collect()
}

const ALWAYS: (Time, Time) = (Time::ZERO, Time::NEVER);
const NEVER: (Time, Time) = (Time::ZERO, Time::ZERO);

#[test]
fn rules_and_groups() {
    let rule = |body: &str| format!("[[rule]]\nname = \"law\"\n{body}\n");
    assert_eq!(legal(&rule("kind = \"residency\"\nallow = [\"eu\"]")), [ALWAYS, ALWAYS]);
    assert_eq!(legal(&rule("kind = \"residency\"\nallow = [\"med\"]")), [NEVER, ALWAYS]);
    assert_eq!(legal(&rule("kind = \"certification\"\nrequire = [\"gold\"]")), [NEVER, ALWAYS]);
    assert_eq!(legal(&rule("kind = \"operator\"\nallow = [\"north\"]")), [ALWAYS, NEVER]);
    assert_eq!(
        legal(&rule("kind = \"forbid\"\nsites = [\"left\"]\napplies_to = { tiers = [\"T1\"], nations = [\"eu\"] }")),
        [NEVER, ALWAYS]
    );
}

#[test]
fn effective_dates() {
    let rule = |dates: &str| format!("[[rule]]\nname = \"law\"\nkind = \"forbid\"\nsites = [\"left\"]\n{dates}\n");
    // Ten days are 240 h.
    let day_10 = Time::from_hours(240);
    assert_eq!(legal(&rule("from = 2027-01-11"))[0], (Time::ZERO, day_10));
    assert_eq!(legal(&rule("until = 2027-01-11"))[0], (day_10, Time::NEVER));
    // What is left on both sides: the part that leads to the end.
    assert_eq!(legal(&rule("from = 2027-01-05\nuntil = 2027-01-11"))[0], (day_10, Time::NEVER));
}

#[test]
fn what_rules_make_impossible() {
    let first = |more: &str| codes(&two_nations(more)).into_iter().map(|it| it.0).collect::<Vec<_>>();
    let all = "[[rule]]\nname = \"law\"\nkind = \"forbid\"\nsites = [\"left\", \"right\"]\n";
    assert_eq!(first(all), ["F0602"]);
    let disjoint = "[[rule]]\nname = \"a\"\nkind = \"residency\"\nallow = [\"north\"]\n[[rule]]\nname = \"b\"\nkind = \"residency\"\nallow = [\"south\"]\n";
    assert_eq!(first(disjoint), ["F0607"]);
    let copies = "[[dataset]]\nname = \"register\"\nnation = \"north\"\nsize = \"1 TB\"\nreplicas = 3\n";
    assert_eq!(first(copies), ["F0606"]);
    let idle = "[[rule]]\nname = \"a\"\nkind = \"forbid\"\nsites = [\"left\"]\napplies_to = { classes = [\"secret\"] }\n";
    assert_eq!(first(idle), ["F0311"], "nothing is of that class: the word is the mistake");
    let vital = "[[rule]]\nname = \"a\"\nkind = \"forbid\"\nsites = [\"left\"]\napplies_to = { tiers = [\"T0\"] }\n";
    assert_eq!(first(vital), ["F0609"]);
    let nowhere = "[[dataset]]\nname = \"register\"\nnation = \"north\"\nsize = \"1 TB\"\ncertification = [\"top\"]\n\
                   [[service]]\nname = \"files\"\nnation = \"north\"\ntier = \"T2\"\ndemand = \"1 k tokens/s\"\n\
                   tokens_per_accelerator = \"10 k tokens/s\"\nvalue = \"1 EUR/M tokens\"\ndataset = \"register\"\n";
    assert_eq!(first(nowhere), ["F0605"], "said of the dataset, not again of its service");
    let gang = "[[campaign]]\nname = \"big\"\nnation = \"north\"\ncompute = \"1e24 FLOP\"\naccelerators = 8000\ndeadline = 2027-06-01\n";
    assert_eq!(first(gang), ["F0610"]);
}

#[test]
fn latency_over_links() {
    let tight = two_nations("").replace("tier = \"T1\"", "tier = \"T1\"\nmax_latency = \"5 ms\"");
    assert_eq!(codes(&tight), vec![], "the left site is at home");
    let far = tight.replace("tokens/s\"\nvalue", "tokens/s\"\norigins = { south = 1 }\nresidency = [\"north\"]\nvalue");
    assert_eq!(codes(&far).into_iter().map(|it| it.0).collect::<Vec<_>>(), ["F0603"]);
    let model = Folder::new().with("scenario.toml", two_nations("")).load().unwrap().model;
    let reach = bastide_model::latencies(&model);
    assert_eq!(reach[0].iter().map(|it| it.unwrap().as_ms()).collect::<Vec<_>>(), [0.0, 8.0]);
}

#[test]
fn islands() {
    let text = minimal()
        + "\n[[bus]]\nname = \"isle\"\nnation = \"north\"\nenergy_price = \"80 EUR/MWh\"\n[[load]]\nname = \"village\"\nbus = \"isle\"\npower = \"1 MW\"\nvalue_of_lost_load = \"1 EUR/kWh\"\n";
    assert_eq!(codes(&text).into_iter().map(|it| it.0).collect::<Vec<_>>(), ["F0502"]);
    let joined = text + "[[line]]\nname = \"cable\"\nfrom = \"isle\"\nto = \"north\"\ncapacity = \"5 MW\"\n";
    assert_eq!(codes(&joined), vec![]);
    let short = minimal().replace("capacity = \"10 MW\"", "capacity = \"1 MW\"");
    assert_eq!(codes(&short).into_iter().map(|it| it.0).collect::<Vec<_>>(), ["F0503"]);
}
