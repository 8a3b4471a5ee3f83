//! Demand by local time, with noise and spikes.

use crate::support::*;

const DAY_S: f64 = 86_400.0;

fn on_site(cards: u32, service: &str, more: &[&str], duration: &str) -> Run {
    runs_on_site(cards, service, more, duration, 1)
}

fn runs_on_site(cards: u32, service: &str, more: &[&str], duration: &str, replications: u32) -> Run {
    let (head, kind, site) = (header(duration), card(NO_FAILURES), site("left", ""));
    let mut parts = vec![head.as_str(), BASE, &kind, &site, service];
    parts.extend(more);
    let model = load(&parts);
    simulate(&model, &plan(&model, &(build("left", cards) + &place("left", 1.0))), replications)
}

#[test]
fn half_a_day_at_twice_the_mean_is_the_mean() {
    let daily = format!("daily = [{}{}]", "0, ".repeat(12), "5, ".repeat(12));
    // 160 k tokens/s by day: all with 16 cards, half of it with 8.
    let all = on_site(16, &chat(8, &daily), &[], "10 d");
    close(all.value("service", "chat", "tokens_served"), 80e3 * 10.0 * DAY_S / 1e6);
    let half = on_site(8, &chat(8, &daily), &[], "10 d");
    close(half.value("service", "chat", "served_share"), 0.5);
    close(half.value("service", "chat", "tokens_lost"), 40e3 * 10.0 * DAY_S / 1e6);
}

#[test]
fn days_and_hours_are_those_of_the_origin() {
    // The first of January 2027 is a Friday.
    let friday = "weekly = [0, 0, 0, 0, 1, 0, 0]";
    close(on_site(100, &chat(8, friday), &[], "7 d").value("service", "chat", "tokens_served"), 80e3 * 7.0 * DAY_S / 1e6);
    let served = |offset: &str| {
        let base = BASE.replace("[[nation]]\nname = \"north\"", &format!("[[nation]]\nname = \"north\"\nutc_offset = \"{offset}\""));
        let model = load(&[&header("24 h"), &base, &card(NO_FAILURES), &site("left", ""), &chat(8, friday)]);
        let run = simulate(&model, &plan(&model, &(build("left", 100) + &place("left", 1.0))), 1);
        run.value("service", "chat", "tokens_served")
    };
    let hours = |hours: f64| 7.0 * 80e3 * hours * 3600.0 / 1e6;
    close(served("0 h"), hours(24.0));
    // Friday ends at 18:30 UTC in Colombo, at 22:15 in a place at +01:45, and begins at 05:00 UTC in New York.
    close(served("330 min"), hours(18.5));
    close(served("105 min"), hours(22.25));
    close(served("-5 h"), hours(19.0));
}

#[test]
fn origins_have_their_own_mornings() {
    let east = "\n[[nation]]\nname = \"east\"\nutc_offset = \"6 h\"\n[[link]]\nname = \"cable\"\nfrom = \"nation.north\"\nto = \"nation.east\"\nbandwidth = \"100 Gbit/s\"\nlatency = \"50 ms\"\n";
    let hour_six = format!("daily = [{}1, {}0]\norigins = {{ north = 0.5, east = 0.5 }}", "0, ".repeat(6), "0, ".repeat(16));
    // Six in the east is midnight UTC; six in the north six hours later. Each is 24 times the mean of its half.
    let run = on_site(96, &chat(8, &hour_six), &[east], "24 h");
    close(run.value("service", "chat", "served_share"), 1.0);
    let half = on_site(48, &chat(8, &hour_six), &[east], "24 h");
    close(half.value("service", "chat", "tokens_served"), 2.0 * 48.0 * 10e3 * 3600.0 / 1e6);
}

#[test]
fn noise_has_its_mean_and_deviation() {
    // 24 independent hours: the mean factor has a deviation of 0.5 / sqrt(24).
    let run = runs_on_site(1000, &chat(8, "demand_noise = 0.5"), &[], "24 h", 2000);
    run.expect("service", "chat", "tokens_served", 80e3 * DAY_S / 1e6);
    let values = run.values("service", "chat", "tokens_served");
    let deviation = bastide_engine::Estimate::of(&values).unwrap().stderr.unwrap() * (values.len() as f64).sqrt();
    let expected = 0.5 / 24.0_f64.sqrt() * 80e3 * DAY_S / 1e6;
    // The sample deviation of 2,000 is within 5 % (three of its errors); the factor is lognormal, whose tails are longer.
    assert!((deviation / expected - 1.0).abs() < 0.08, "{deviation} {expected}");
    // With correlation the hours of a day move together: for x correlated as r^k, Cov of the factors is (1 + v)^(r^k) - 1, v = 0.25.
    let run = runs_on_site(1000, &chat(8, "demand_noise = 0.5\nnoise_correlation = \"10 h\""), &[], "24 h", 2000);
    let values = run.values("service", "chat", "tokens_served");
    let deviation = bastide_engine::Estimate::of(&values).unwrap().stderr.unwrap() * (values.len() as f64).sqrt();
    let covariance = |lag: i32| 1.25_f64.powf((-f64::from(lag) / 10.0).exp()) - 1.0;
    let variance = (0..24).flat_map(|a| (0..24).map(move |b: i32| covariance((a - b).abs()))).sum::<f64>() / 576.0;
    let expected = variance.sqrt() * 80e3 * DAY_S / 1e6;
    assert!((deviation / expected - 1.0).abs() < 0.1, "{deviation} {expected}");
}

#[test]
fn a_trapezoid_above_a_limit_by_hand() {
    let spike =
        "\n[[spike]]\nname = \"news\"\nat = 2027-01-02T09:20:00Z\nfactor = 3\nrise = \"1 h\"\nduration = \"2 h\"\ndecay = \"3 h\"\n";
    // Twice the demand is served. Above that are half of each ramp, of mean height 1/2, and two hours of height 1.
    let run = on_site(16, &chat(8, ""), &[spike], "10 d");
    let excess_h = 0.5 * 0.5 + 2.0 + 1.5 * 0.5;
    close(run.value("service", "chat", "tokens_lost"), 80e3 * excess_h * 3600.0 / 1e6);
    close(run.value("service", "chat", "tokens_served"), 80e3 * (240.0 + 2.0 * (0.5 + 2.0 + 1.5) - excess_h) * 3600.0 / 1e6);
    // It concerns whom it says.
    let other = spike.replace("at =", "tiers = [\"T0\", \"T1\"]\norigins = [\"north\"]\nat =");
    close(on_site(16, &chat(8, ""), &[&other], "10 d").value("service", "chat", "tokens_lost"), 80e3 * excess_h * 3600.0 / 1e6);
    let second = chat(1, "").replace("\"chat\"", "\"talk\"");
    let named = spike.replace("at =", "services = [\"talk\"]\nat =");
    assert_eq!(on_site(16, &chat(8, ""), &[&second, &named], "10 d").value("service", "chat", "tokens_lost"), 0.0);
}

#[test]
fn spikes_at_random_times_lose_what_the_law_says() {
    // Two a day for 2 h at twice the demand, all of which was served: those under way are Poisson (M/G/infinity), of mean m(t) = min(t, 2 h) / 12 h,
    // and k of them are 2^k: the mean excess is exp(m) - 1.
    let spike = "\n[[spike]]\nname = \"news\"\nrate = \"2 / d\"\nfactor = 2\nduration = \"2 h\"\n";
    let run = runs_on_site(8, &chat(8, ""), &[spike], "20 d", 1000);
    let m = 2.0 / 12.0_f64;
    let rise_h = 12.0 * (m.exp() - 1.0) - 2.0;
    let excess_h = rise_h + (480.0 - 2.0) * (m.exp() - 1.0);
    run.expect("service", "chat", "tokens_lost", 80e3 * excess_h * 3600.0 / 1e6);
    assert!(run.values("service", "chat", "tokens_served").iter().all(|served| (served - 80e3 * 20.0 * DAY_S / 1e6).abs() < 1e-3));
    // Draws belong to the spike: another service changes nothing.
    let more = runs_on_site(8, &chat(8, ""), &[spike, &chat(1, "").replace("\"chat\"", "\"talk\"").replace("T1", "T3")], "20 d", 5);
    assert_eq!(more.values("service", "chat", "tokens_lost"), run.values("service", "chat", "tokens_lost")[..5]);
}
