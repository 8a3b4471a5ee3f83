//! Failover kinds and evacuations.

use bastide_model::model::Model;

use crate::support::*;

/// Two nations, a link between them, a store abroad without accelerators.
fn two_nations(gbit: f64) -> String {
    format!(
        "\n[[nation]]\nname = \"south\"\n\n[[bus]]\nname = \"south\"\nnation = \"south\"\nenergy_price = \"80 EUR/MWh\"\n\n[[generator]]\nname = \"south\"\nbus = \"south\"\ntechnology = \"hydro\"\ncapacity = \"10 MW\"\ncost = \"5 EUR/MWh\"\ncarbon = \"0 g/kWh\"\n\n[[link]]\nname = \"cable\"\nfrom = \"nation.north\"\nto = \"nation.south\"\nbandwidth = \"{gbit} Gbit/s\"\nlatency = \"5 ms\"\n"
    )
}

fn store() -> String {
    site("store", "bus = \"south\"")
}

fn dataset(name: &str, tb: f64, value: f64, more: &str) -> String {
    format!("\n[[dataset]]\nname = \"{name}\"\nnation = \"north\"\nsize = \"{tb} TB\"\nvalue = \"{value} EUR\"\n{more}\n")
}

/// Left burns down on day 11.
const BURNS: &str = "\n[[hazard]]\nname = \"fire\"\nkind = \"strike-campaign\"\ntargets = [\"site.left\"]\nat = 2027-01-11T00:00:00Z\nmunitions = 1\ninterception = 0\ndamage = { none = 1 }\nrepair = \"300 d\"\nnodes_destroyed = 1\n";

fn evacuation(more: &str) -> String {
    format!("\n[[evacuation]]\nname = \"out\"\nfrom = [\"left\"]\nto = [\"store\"]\n{more}\n")
}

fn courier(devices: u32, more: &str) -> String {
    format!("\n[[courier]]\nname = \"van\"\nevacuation = \"out\"\ndevices = {devices}\nload_rate = \"1 GB/s\"\n{more}\n")
}

fn run(parts: &[&str], replicas: &[&str]) -> (std::sync::Arc<Model>, Run) {
    let mut all = vec![header("40 d"), BASE.to_owned(), card(NO_FAILURES), site("left", "")];
    all.extend(parts.iter().map(|part| (*part).to_owned()));
    let texts: Vec<&str> = all.iter().map(String::as_str).collect();
    let model = load(&texts);
    let copy = |name: &&str| format!("\n[[replica]]\ndataset = \"{name}\"\nsite = \"left\"\n");
    let copies = replicas.iter().map(copy).collect::<Vec<_>>().concat();
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &copies)), 1);
    (model, run)
}

#[test]
fn ten_petabytes_take_93_days_over_10_gbit_or_125_devices() {
    // 10 PB x 8 bit / 10 Gbit/s = 8e6 s = 92.6 d.
    let data = dataset("all", 10_000.0, 1.0, "");
    let parts = [header("120 d"), BASE.to_owned(), card(NO_FAILURES), site("left", ""), two_nations(10.0), store(), data];
    let order = evacuation("at = 2027-01-01T00:00:00Z");
    let texts: Vec<&str> = parts.iter().map(String::as_str).chain([order.as_str()]).collect();
    let model = load(&texts);
    let copies = "\n[[replica]]\ndataset = \"all\"\nsite = \"left\"\n";
    let slow = simulate(&model, &plan(&model, &(build("left", 8) + copies)), 1);
    close(slow.value("evacuation", "out", "duration"), 8e6 / 3600.0);
    close(slow.value("evacuation", "out", "saved"), 10_000.0);
    // 125 devices of 80 TB, filled at once: one trip each, and the link idles at next to nothing.
    let (_, fast) = run(
        &[
            &two_nations(1e-6),
            &store(),
            &dataset("all", 10_000.0, 1.0, ""),
            &evacuation("at = 2027-01-01T00:00:00Z"),
            &courier(130, "first = \"0 h\""),
        ],
        &["all"],
    );
    assert_eq!(fast.value("evacuation", "out", "devices"), 125.0);
    assert_eq!(fast.value("evacuation", "out", "people"), 250.0);
    // 80 TB at 1 GB/s, then half of 7 d.
    let expected = (80e12 / 1e9 + 3.5 * 86_400.0) / 3600.0;
    assert!((fast.value("evacuation", "out", "duration") - expected).abs() < 1e-3);
}

#[test]
fn links_give_way_to_what_leaves_first_and_the_rest_is_lost() {
    // 10 d at 1 Gbit/s: 108 TB. First come: 60 TB, then 48 of 80 TB, then nothing.
    let data = dataset("a", 60.0, 6.0, "") + &dataset("b", 80.0, 40.0, "") + &dataset("c", 20.0, 4.0, "");
    let parts = [two_nations(1.0), store(), data, BURNS.to_owned()];
    let of = |order: &str, partial: bool| {
        let order = evacuation(&format!("hazard = \"fire\"\nwarning = \"10 d\"\norder = \"{order}\"\npartial = {partial}"));
        let texts: Vec<&str> = parts.iter().map(String::as_str).chain([order.as_str()]).collect();
        run(&texts, &["a", "b", "c"]).1
    };
    let first = of("first-come", false);
    close(first.value("evacuation", "out", "saved"), 108.0);
    close(first.value("evacuation", "out", "lost"), 52.0);
    close(first.value("evacuation", "out", "value_saved"), 6.0 / 50.0);
    close(of("first-come", true).value("evacuation", "out", "value_saved"), (6.0 + 40.0 * 48.0 / 80.0) / 50.0);
    // By value per byte: b (0.5), c (0.2), then 8 TB of a.
    let value = of("value", false);
    close(value.value("evacuation", "out", "value_saved"), 44.0 / 50.0);
    close(value.value("evacuation-class", "out: unclassified", "saved"), 108.0);
    close(value.value("dataset", "b", "data_lost"), 0.0);
    close(value.value("dataset", "a", "data_lost"), 60.0);
    // Causes: what is saved follows from the order, what is lost from the strike.
    let events = &value.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("copy-saved").cause_seq, Some(find("evacuation-begins").seq));
    assert_eq!(find("data-lost").cause_seq, Some(find("strike").seq));
    assert!(find("evacuation-ends").cause_seq.is_some());
    // The timeline ends where the metric does.
    let at = value.layout.find_channel("evacuation-class", "out: unclassified", "saved").unwrap();
    let bins = value.layout.bins;
    let line = &value.histories[0].timeline[at * bins..(at + 1) * bins];
    assert!(line.windows(2).all(|pair| pair[1] >= pair[0] - 1e-3) && (line[bins - 1] - 108.0).abs() < 1e-3, "{line:?}");
    // Half the flow at half the way: 54 TB after 5 d.
    let day_five = (5.0 * 86_400.0 / value.layout.bin.as_s()) as usize;
    assert!((line[day_five] - 54.0).abs() < 2.0, "{}", line[day_five]);
}

#[test]
fn nothing_leaves_before_the_law_is_in_force() {
    let law = "\n[[rule]]\nname = \"at-home\"\nkind = \"residency\"\nallow = [\"north\"]\nuntil = 2027-01-06T00:00:00Z\n";
    let order = evacuation("hazard = \"fire\"\nwarning = \"10 d\"");
    let data = dataset("a", 54.0, 1.0, "") + &dataset("b", 10.0, 1.0, "");
    let (_, with) = run(&[&two_nations(1.0), &store(), &data, BURNS, &order, law], &["a", "b"]);
    // The order comes on day 1, the law on day 6: 5 d of 1 Gbit/s are left, 54 TB, and b goes first (more value per byte).
    close(with.value("evacuation", "out", "saved"), 54.0);
    close(with.value("evacuation", "out", "legal_wait"), 120.0);
    close(with.value("evacuation", "out", "value_saved"), 0.5);
    let at = with.layout.find_channel("evacuation-class", "out: unclassified", "saved").unwrap();
    let (bins, bin) = (with.layout.bins, with.layout.bin.as_h());
    let line = &with.histories[0].timeline[at * bins..(at + 1) * bins];
    assert!(line[..(120.0 / bin) as usize].iter().all(|saved| *saved == 0.0));
    assert_eq!(with.value("system", "all", "residency_violations"), 0.0);
    // Couriers wait for the law as links do.
    let (_, road) = run(&[&two_nations(1e-6), &store(), &data, BURNS, &order, &courier(1, ""), law], &["a", "b"]);
    let leaves = road.histories[0].events.iter().find(|event| event.kind == "courier-leaves").unwrap();
    assert!(leaves.time.as_hours() >= 120.0, "{}", leaves.time.as_hours());
}

#[test]
fn couriers_wait_for_open_roads_and_may_be_lost() {
    let data = dataset("a", 36.0, 1.0, "");
    let order = evacuation("at = 2027-01-01T00:00:00Z");
    let closed = courier(
        1,
        "closed_from = 2027-01-02T00:00:00Z\nclosed_until = 2027-01-09T00:00:00Z\nround_trip = \"2 d\"\ntrip_cost = \"1000 EUR\"",
    );
    let (_, road) = run(&[&two_nations(1e-6), &store(), &data, &order, &closed], &["a"]);
    let events = &road.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    // There after 48 h, filled in 10 h, out when the road opens on day 9, there a day later.
    close(find("courier-leaves").time.as_hours(), 8.0 * 24.0);
    close(find("courier-arrives").time.as_hours(), 9.0 * 24.0);
    assert_eq!(find("courier-arrives").cause_seq, Some(find("courier-leaves").seq));
    assert_eq!(find("copy-saved").cause_seq, Some(find("courier-arrives").seq));
    assert_eq!((road.value("evacuation", "out", "courier_trips"), road.value("evacuation", "out", "cost")), (1.0, 1000.0));
    // Nearly every trip is lost: what was on the device is still at home and goes again.
    let (_, lost) = run(&[&two_nations(1e-6), &store(), &data, &order, &courier(1, "trip_loss = 0.999999")], &["a"]);
    assert_eq!(lost.histories[0].events.iter().filter(|event| event.kind == "courier-lost").count(), 1);
    close(lost.value("evacuation", "out", "on_soil"), 36.0);
    assert!(lost.value("evacuation", "out", "saved") < 0.01);
}

#[test]
fn power_cuts_stop_links_for_their_hours() {
    // 1 Gbit/s for 12 h a day: 5.4 TB a day; 54 TB take 10 d and not 5.
    let (_, cut) = run(
        &[&two_nations(1.0), &store(), &dataset("a", 54.0, 1.0, ""), &evacuation("at = 2027-01-01T00:00:00Z\npower_cuts = \"12 h\"")],
        &["a"],
    );
    assert!((cut.value("evacuation", "out", "duration") - 240.0).abs() < 1e-3);
    let (_, half) = run(
        &[&two_nations(1.0), &store(), &dataset("a", 54.0, 1.0, ""), &evacuation("at = 2027-01-01T00:00:00Z\nlink_share = 0.25")],
        &["a"],
    );
    assert!((half.value("evacuation", "out", "duration") - 480.0).abs() < 1e-3);
}

#[test]
fn more_warning_devices_and_bandwidth_never_save_less() {
    let data = dataset("a", 60.0, 6.0, "") + &dataset("b", 80.0, 40.0, "") + &dataset("c", 20.0, 4.0, "") + &dataset("d", 300.0, 10.0, "");
    let saved = |warning: u32, devices: u32, gbit: f64, order: &str| {
        let order = evacuation(&format!("hazard = \"fire\"\nwarning = \"{warning} h\"\norder = \"{order}\""));
        let van =
            courier(devices, "first = \"24 h\"\nround_trip = { dist = \"lognormal\", median = \"3 d\", p95 = \"6 d\" }\ntrip_loss = 0.1");
        let (_, run) = run(&[&two_nations(gbit), &store(), &data, BURNS, &order, &van], &["a", "b", "c", "d"]);
        run.value("evacuation", "out", "saved")
    };
    for order in ["value", "first-come", "random"] {
        let mut last = 0.0;
        for warning in [0, 12, 24, 48, 96, 168, 240] {
            let now = saved(warning, 2, 1.0, order);
            assert!(now >= last - 1e-6, "{order}, {warning} h: {now} after {last}");
            last = now;
        }
        assert!(last > 0.0 && saved(0, 2, 1.0, order) == 0.0);
        for (less, more) in [((120, 1, 1.0), (120, 4, 1.0)), ((120, 2, 0.5), (120, 2, 2.0))] {
            assert!(saved(more.0, more.1, more.2, order) >= saved(less.0, less.1, less.2, order) - 1e-6);
        }
    }
}

#[test]
fn a_found_order_is_followed_and_a_service_reads_what_was_saved() {
    let data = dataset("a", 60.0, 6.0, "") + &dataset("b", 80.0, 40.0, "");
    let order = evacuation("hazard = \"fire\"\nwarning = \"7 d\"");
    let elsewhere = site("right", "");
    let chat = chat(8, "dataset = \"a\"");
    let policy = policy("failover = \"any-legal\"\nfailover_time = \"1 h\"");
    let parts = [
        &header("40 d"),
        BASE,
        &card(NO_FAILURES),
        &site("left", ""),
        &two_nations(1.0),
        &store(),
        &data,
        BURNS,
        &order,
        &elsewhere,
        &chat,
        &policy,
    ];
    let model = load(&parts);
    let copies = "\n[[replica]]\ndataset = \"a\"\nsite = \"left\"\n\n[[replica]]\ndataset = \"b\"\nsite = \"left\"\n";
    let plan = plan(&model, &(build("left", 8) + &build("right", 8) + &place("left", 1.0) + copies));
    let layout = bastide_sim::Layout::new(&model);
    let served = |departures: Vec<Option<Vec<usize>>>| {
        let simulator = bastide_sim::Simulator::new(&model, &plan, &layout).unwrap().with_departures(departures);
        let history = simulator.simulate(7, 0, bastide_sim::Options::default());
        history.metrics[layout.find("service", "chat", "served_share").unwrap()]
    };
    // 75.6 TB leave in time: a, which the service reads, or the first part of b, which is worth more.
    let (kept, gone) = (served(vec![Some(vec![0, 1])]), served(vec![None]));
    close(kept, 1.0 - 1.0 / 960.0);
    close(gone, 0.25);
}

#[test]
fn a_lost_service_hour_leads_back_to_the_strike() {
    let data = dataset("a", 600.0, 6.0, "");
    let order = evacuation("hazard = \"fire\"\nwarning = \"7 d\"");
    let parts = [
        &header("40 d"),
        BASE,
        &card(NO_FAILURES),
        &site("left", ""),
        &two_nations(1.0),
        &store(),
        &data,
        BURNS,
        &order,
        &chat(8, "dataset = \"a\""),
    ];
    let model = load(&parts);
    let copies = "\n[[replica]]\ndataset = \"a\"\nsite = \"left\"\n";
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0) + copies)), 1);
    let events = &run.histories[0].events;
    let mut at = events.iter().find(|event| event.kind == "service-lost").unwrap();
    let mut chain = vec![at.kind];
    while let Some(cause) = at.cause_seq {
        at = events.iter().find(|event| event.seq == cause).unwrap();
        chain.push(at.kind);
    }
    assert_eq!(chain.last(), Some(&"strike"), "{chain:?}");
}

#[test]
fn readier_stand_bys_serve_more() {
    let noise = "mttf = \"400 h\"\nrepair = { dist = \"exponential\", mean = \"20 h\" }";
    let of = |failover: &str| {
        let parts = [
            &header("365 d"),
            BASE,
            &card(NO_FAILURES),
            &site("left", noise),
            &site("right", ""),
            &chat(8, failover),
            &policy("failover = \"planned\"\nfailover_time = \"30 min\""),
        ];
        let model = load(&parts);
        let text = build("left", 8) + &build("right", 8) + &place("left", 1.0) + &standby("left", "right", 1.0);
        simulate(&model, &plan(&model, &text), 20)
    };
    let time = "failover_time = { dist = \"uniform\", low = \"10 min\", high = \"2 h\" }";
    let (active, warm) = (of("failover = \"active-active\""), of(&format!("failover = \"warm\"\n{time}")));
    // Sites have accesses of 100 Gbit/s: 45 TB take an hour.
    let cold = of(&format!("failover = \"cold\"\nweights = \"45 TB\"\n{time}"));
    let served = |run: &Run| run.values("service", "chat", "served_share");
    let (a, w, c) = (served(&active), served(&warm), served(&cold));
    assert!(a.iter().all(|share| *share == 1.0), "{a:?}");
    assert!(w.iter().zip(&c).all(|(warm, cold)| warm >= cold), "each history");
    assert!(w.iter().sum::<f64>() > c.iter().sum::<f64>() && w.iter().any(|share| *share < 1.0));
    // The policy's own time, stated or not, is the same history.
    let (plain, stated) = (of(""), of("failover = \"warm\""));
    assert_eq!(served(&plain), served(&stated));
    // One hour more for each outage that lasts: begun and ended with causes.
    let events = &cold.histories[0].events;
    let begun = events.iter().find(|event| event.kind == "failover-begins").unwrap();
    let ended = events.iter().find(|event| event.kind == "failover-ends").unwrap();
    assert_eq!(ended.cause_seq, Some(begun.seq));
    assert!(events.iter().any(|event| Some(event.seq) == begun.cause_seq && event.kind == "site-down"));
    assert!(begun.value > 1.0 && begun.value < 3.0 + 1e-9, "{}", begun.value);
}

#[test]
fn cold_stand_bys_wait_for_a_path_to_the_weights() {
    // The stand-by lies abroad; the cable is cut when the site is lost, for a day. 450 GB over 1 Gbit/s take an hour.
    let cut =
        "\n[[hazard]]\nname = \"cut\"\nkind = \"cable-cut\"\ntargets = [\"link.cable\"]\nat = 2027-01-10T00:00:00Z\nrepair = \"48 h\"\n";
    let parts = [
        &header("40 d"),
        BASE,
        &card(NO_FAILURES),
        &site("left", ""),
        &site("right", "bus = \"south\""),
        &two_nations(1.0),
        BURNS,
        cut,
        &chat(8, "failover = \"cold\"\nfailover_time = \"2 h\"\nweights = \"450 GB\""),
        &policy("failover = \"planned\""),
    ];
    let model = load(&parts);
    let text = build("left", 8) + &build("right", 8) + &place("left", 1.0) + &standby("left", "right", 1.0);
    let run = simulate(&model, &plan(&model, &text), 1);
    // Lost on day 11, cable back a day later, then 1 h and 2 h.
    close(run.value("service", "chat", "served_share"), 1.0 - 27.0 / 960.0);
    let events = &run.histories[0].events;
    assert!(events.iter().any(|event| event.kind == "failover-begins" && event.note == "no path to the weights"));
    assert_eq!(events.iter().filter(|event| event.kind == "failover-ends").count(), 1);
}

#[test]
fn returning_capacity_serves_the_highest_tier_first() {
    // Half of the accelerators come back first: enough for one of two services.
    let wiper = "\n[[hazard]]\nname = \"wiper\"\nkind = \"wiper\"\nsegments = [\"*\"]\nat = 2027-01-11T00:00:00Z\nrestoration = [{ after = \"1 d\", restored = 0.5 }, { after = \"3 d\", restored = 1.0 }]\n";
    let low = chat(8, "").replace("chat", "low").replace("T1", "T2");
    let model = load(&[&header("40 d"), BASE, &card(NO_FAILURES), &site("left", ""), &low, &chat(8, ""), wiper]);
    let both = place("left", 1.0) + &place("left", 1.0).replace("chat", "low");
    let run = simulate(&model, &plan(&model, &(build("left", 16) + &both)), 1);
    close(run.value("service", "chat", "served_share"), 1.0 - 1.0 / 40.0);
    close(run.value("service", "low", "served_share"), 1.0 - 3.0 / 40.0);
}

#[test]
fn data_on_the_road_is_not_lost_with_its_site() {
    // 60 TB on one device: filled from 48 h on in 16.7 h, gone when the site burns on day 11, there half of 20 d later.
    let data = dataset("a", 60.0, 1.0, "");
    let order = evacuation("hazard = \"fire\"\nwarning = \"7 d\"");
    let (_, road) = run(&[&two_nations(1e-6), &store(), &data, BURNS, &order, &courier(1, "round_trip = \"20 d\"")], &["a"]);
    close(road.value("evacuation", "out", "value_saved"), 1.0);
    assert_eq!(road.value("dataset", "a", "data_lost"), 0.0);
    // The last of it was loaded 48 h after the order, 5 d before the loss.
    assert!((road.value("dataset", "a", "recovery_point") - 120.0).abs() < 1e-3, "{}", road.value("dataset", "a", "recovery_point"));
    // On a device that is still being filled when the site burns, it is lost.
    let late = courier(1, "first = \"166 h\"\nround_trip = \"20 d\"");
    let (_, late) = run(&[&two_nations(1e-6), &store(), &data, BURNS, &order, &late], &["a"]);
    close(late.value("dataset", "a", "data_lost"), 60.0);
    assert_eq!(late.value("evacuation", "out", "value_saved"), 0.0);
}

#[test]
fn data_takes_every_way_there_is() {
    // 3 Gbit/s by way of the east, which is wider, and 1 Gbit/s directly: 43.2 TB a day for two datasets.
    let east = "\n[[nation]]\nname = \"east\"\n\n[[link]]\nname = \"north-east\"\nfrom = \"nation.north\"\nto = \"nation.east\"\nbandwidth = \"3 Gbit/s\"\nlatency = \"5 ms\"\n\n[[link]]\nname = \"east-south\"\nfrom = \"nation.east\"\nto = \"nation.south\"\nbandwidth = \"9 Gbit/s\"\nlatency = \"5 ms\"\n";
    let data = dataset("a", 64.8, 2.0, "") + &dataset("b", 21.6, 0.1, "");
    let (_, both) = run(&[&two_nations(1.0), east, &store(), &data, &evacuation("at = 2027-01-01T00:00:00Z")], &["a", "b"]);
    assert!((both.value("evacuation", "out", "duration") - 48.0).abs() < 1e-3, "{}", both.value("evacuation", "out", "duration"));
}
