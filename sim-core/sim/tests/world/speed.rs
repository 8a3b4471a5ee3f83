//! A year of the size of an alliance, to be timed from outside: `time cargo test --release -p bastide-sim --test world -- --ignored speed`.

use crate::support::*;

#[test]
#[ignore = "a measurement, run by hand"]
fn speed() {
    year("", bastide_sim::Options::default());
}

/// The same without the timeline: what measuring over time costs.
#[test]
#[ignore = "a measurement, run by hand"]
fn speed_without_timeline() {
    year("", bastide_sim::Options { timeline: false, ..bastide_sim::Options::default() });
}

/// The same with requests of known length.
#[test]
#[ignore = "a measurement, run by hand"]
fn speed_with_times_of_requests() {
    year("request_tokens = 300\nconcurrency = 16", bastide_sim::Options::default());
}

/// And with these times left out.
#[test]
#[ignore = "a measurement, run by hand"]
fn speed_without_times_of_requests() {
    year("request_tokens = 300\nconcurrency = 16", bastide_sim::Options { latency: false, ..bastide_sim::Options::default() });
}

fn year(of_service: &str, options: bastide_sim::Options) {
    let buses: Vec<String> = (0..7).map(|bus| format!("b{bus}")).collect();
    let mut text = header("365 d")
        + &card("node_failure_rate = \"6.5 / 1000 node d\"\nnode_repair = { dist = \"lognormal\", median = \"1 d\", p95 = \"4 d\" }");
    text += "\n[plan]\nbudget = \"100 bn EUR\"\nit_power = \"1 GW\"\naccelerators = [\"card\"]\ndiscount_rate = \"5 %\"\n[[nation]]\nname = \"north\"\n";
    for (at, bus) in buses.iter().enumerate() {
        text += &format!("[[bus]]\nname = \"{bus}\"\nnation = \"north\"\nenergy_price = {{ series = \"s.csv\", column = \"price\" }}\n");
        text += &format!(
            "[[load]]\nname = \"l{bus}\"\nbus = \"{bus}\"\npower = {{ series = \"s.csv\", column = \"load\", scale = 1.0 }}\nvalue_of_lost_load = \"10000 EUR/MWh\"\n"
        );
        for class in 0..9 {
            let availability = if class < 3 { "availability = { series = \"s.csv\", column = \"wind\" }\n" } else { "" };
            text += &format!(
                "[[generator]]\nname = \"g{at}-{class}\"\nbus = \"{bus}\"\ntechnology = \"x\"\ncapacity = \"{} MW\"\nunits = 6\n{availability}cost = \"{} EUR/MWh\"\ncarbon = \"300 g/kWh\"\nmttf = \"1000 h\"\nrepair = {{ dist = \"exponential\", mean = \"50 h\" }}\n",
                300 + 50 * class,
                5 + class * 11 + at
            );
        }
    }
    for line in 0..10 {
        let (from, to) = (line % 7, (line + 1 + line / 7) % 7);
        text += &format!(
            "[[line]]\nname = \"x{line}\"\nfrom = \"b{from}\"\nto = \"b{to}\"\ncapacity = \"500 MW\"\nmttf = \"2000 h\"\nrepair = {{ dist = \"exponential\", mean = \"48 h\" }}\n"
        );
    }
    let mut planned = String::new();
    for at in 0..40 {
        let more = format!(
            "bus = \"b{}\"\nmttf = \"4000 h\"\nrepair = {{ dist = \"exponential\", mean = \"24 h\" }}\ntemperature = {{ series = \"s.csv\", column = \"air\" }}\npue_rise = 0.005\nups = \"10 min\"\ngenerator_start = 0.95\nfuel = \"24 h\"\n",
            at % 7
        );
        text += &site(&format!("s{at}"), &more).replace("2 MW", "4 MW");
        planned += &build(&format!("s{at}"), 2400);
    }
    for service in 0..10 {
        text += &chat(5000, &format!("profile = {{ series = \"s.csv\", column = \"use\" }}\n{of_service}"))
            .replace("\"chat\"", &format!("\"c{service}\""))
            .replace("T1", ["T0", "T1", "T2", "T3"][service % 4]);
        for at in 0..4 {
            let (own, next) = (format!("s{}", 4 * service + at), format!("s{}", 4 * service + (at + 1) % 4));
            planned += &place(&own, 0.25).replace("chat", &format!("c{service}"));
            planned += &standby(&own, &next, 0.25).replace("chat", &format!("c{service}"));
        }
    }
    for at in 0..2 {
        text += &format!(
            "[[campaign]]\nname = \"m{at}\"\nnation = \"north\"\naccelerators = 1000\ncompute = \"1e30 FLOP\"\ndeadline = 2027-06-01T00:00:00Z\n"
        );
        planned += &format!("\n[[campaign]]\ncampaign = \"m{at}\"\nsite = \"s{at}\"\naccelerator = \"card\"\n");
    }
    text += "[[hazard]]\nname = \"salvo\"\nkind = \"strike-campaign\"\ntargets = [\"site.*\", \"line.x1\"]\nrate = \"2 / month\"\nmunitions = 20\ninterception = 0.7\ndamage = { none = 0.5 }\nrepair = { dist = \"exponential\", mean = \"10 d\" }\nnodes_destroyed = 0.02\n";
    text += &policy("failover = \"any-legal\"");
    let mut series = String::from("time,price [EUR/MWh],load [MW],wind [1],air [degC],use [1]\n");
    for hour in 0..8760_u32 {
        let (day, year) = (f64::from(hour) * std::f64::consts::TAU / 24.0, f64::from(hour) * std::f64::consts::TAU / 8760.0);
        let date = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].iter().try_fold((1, hour / 24), |(month, left), days| {
            if left < *days { Err((month, left + 1)) } else { Ok((month + 1, left - days)) }
        });
        let (month, dom) = date.unwrap_err();
        series += &format!(
            "2027-{month:02}-{dom:02}T{:02}:00:00Z,{:.3},{:.3},{:.4},{:.3},{:.4}\n",
            hour % 24,
            60.0 + 20.0 * day.sin(),
            2400.0 + 400.0 * day.sin() + 300.0 * year.cos(),
            0.35 + 0.3 * (day * 0.37).sin(),
            10.0 - 12.0 * year.cos() + 4.0 * day.sin(),
            1.0 + 0.4 * day.sin()
        );
    }
    let model = load_with(&[&text], &[("s.csv", &series)]);
    let run = simulate_with(&model, &plan(&model, &planned), 20, options);
    assert!(run.value("tier", "T0", "served_share") > 0.0);
}
