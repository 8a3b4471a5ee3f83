//! Services that need others.

use crate::support::*;

/// Portal of tier T0 that needs `chat` of tier T1, and forms of tier T2 that need the portal.
fn chain() -> String {
    let one = |name: &str, tier: &str, needs: &str| {
        format!(
            "\n[[service]]\nname = \"{name}\"\nnation = \"north\"\ntier = \"{tier}\"\ndemand = \"100 k tokens/s\"\ntokens_per_accelerator = \"10 k tokens/s\"\nvalue = \"5 EUR/M tokens\"\nneeds = [\"{needs}\"]\n"
        )
    };
    one("portal", "T0", "chat") + &one("forms", "T2", "portal")
}

fn places() -> String {
    place("left", 1.0)
        + "\n[[placement]]\nservice = \"portal\"\nsite = \"right\"\nshare = 1.0\n\n[[placement]]\nservice = \"forms\"\nsite = \"right\"\nshare = 1.0\n"
}

#[test]
fn the_loss_of_what_is_needed_takes_along_what_needs_it() {
    // The site of `chat` is out for 36 of 360 h; the others have all they want at theirs.
    let outage = "\n[[hazard]]\nname = \"fire\"\nkind = \"random-outage\"\ntargets = [\"site.left\"]\nat = 2027-01-03T00:00:00Z\nrepair = \"36 h\"\n";
    let parts = [&header("15 d"), BASE, &card(NO_FAILURES), &site("left", ""), &site("right", ""), &chat(10, ""), &chain(), outage];
    let model = load(&parts);
    let run = simulate(&model, &plan(&model, &(build("left", 16) + &build("right", 24) + &places())), 1);
    for service in ["chat", "portal", "forms"] {
        close(run.value("service", service, "served_share"), 0.9);
    }
    // Each loss names the one before it.
    let events = &run.histories[0].events;
    let lost = |name: &str| {
        let at = model.services.iter().position(|service| service.entity.name == name).unwrap();
        events.iter().find(|event| event.kind == "service-lost" && event.entity as usize == at).unwrap()
    };
    assert_eq!(lost("portal").cause_seq, Some(lost("chat").seq));
    assert_eq!(lost("forms").cause_seq, Some(lost("portal").seq));
}

#[test]
fn what_a_vital_service_needs_is_served_first() {
    // 24 accelerators for three services of 10 at one site. `chat` comes first, then the portal; the forms get what is left: 4 of 10.
    let model = load(&[&header("15 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(10, ""), &chain()]);
    let text = build("left", 24) + &places().replace("right", "left");
    let run = simulate(&model, &plan(&model, &text), 1);
    close(run.value("service", "chat", "served_share"), 1.0);
    close(run.value("service", "portal", "served_share"), 1.0);
    close(run.value("service", "forms", "served_share"), 0.4);
    // With 14 the portal has 4 of 10, and the forms, which want 4 of 10, nothing is left for.
    let run = simulate(&model, &plan(&model, &text.replace("count = 24", "count = 16")), 1);
    close(run.value("service", "portal", "served_share"), 0.6);
    close(run.value("service", "forms", "served_share"), 0.0);
}
