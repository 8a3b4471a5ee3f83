//! Words for metrics, events and causes.

use bastide_sim::results::Study;

/// What a metric is called, e.g. `Tokens served`; the name itself in words if it is new.
#[must_use]
pub fn metric_words(kind: &str, metric: &str) -> String {
    let known = match (kind, metric) {
        ("system", "served_share") => "Demand served, all tiers",
        (_, "served_share") => "Demand served",
        (_, "tokens_served") => "Tokens served",
        (_, "tokens_lost") => "Tokens lost",
        (_, "training_progress") => "Training done, of all wanted",
        (_, "training_goodput") => "Training goodput",
        (_, "accelerator_hours_lost") => "Accelerator time lost by training",
        (_, "ai_energy") => "Energy taken from the grid",
        (_, "ai_unserved") => "Energy asked of the grid and not received",
        (_, "generator_energy") => "Energy from own generators",
        (_, "fuel") => "Diesel burnt",
        (_, "co2") => "Greenhouse gas (CO\u{2082} equivalent)",
        (_, "water") => "Water",
        (_, "land") => "Land",
        (_, "others_unserved") => "Energy that others lost",
        (_, "others_shed_hours") => "Time with others cut off",
        (_, "sites_up_share") => "Sites at work",
        (_, "cost_per_mtokens") => "Cost of tokens served",
        (_, "effective_sovereignty") => "Effective sovereignty",
        (_, "hhi_site") => "Concentration by site",
        (_, "hhi_operator") => "Concentration by operator",
        (_, "hhi_vendor") => "Concentration by vendor",
        (_, "it_power") => "IT power",
        (_, "residency_violations") => "Violations of residency rules",
        (_, "hours_below_90") => "Time below 90 % of demand",
        (_, "hours_below_50") => "Time below 50 % of demand",
        (_, "time_to_recover") => "Longest time below 90 %",
        (_, "resilience_area") => "Resilience area: service hours lost",
        (_, "worst_hour_share") => "Demand served in the worst hour",
        (_, "recovery_point") => "Recovery point",
        (_, "data_lost") => "Data lost for ever",
        (_, "spares_exhausted_after") => "Time until spare parts ran out",
        (_, "latency_p95") => "Network latency, 95th percentile",
        (_, "failed_over_share") => "Served away from the planned site",
        ("wiper", "restored_t0") => "Restored after the attack: T0",
        ("wiper", "restored_t1") => "Restored after the attack: T1",
        ("wiper", "restored_t2") => "Restored after the attack: T2",
        ("wiper", "restored_t3") => "Restored after the attack: T3",
        ("wiper", "restored_all") => "Restored after the attack: everything",
        ("users", "hours_lost") => "Hours that users lost",
        (_, "shed_energy") => "Expected unserved energy (EUE)",
        (_, "shed_hours") => "Loss of load expectation (LOLE)",
        (_, "hours_curtailed") => "Time with less than full power",
        _ => "",
    };
    if known.is_empty() { capital(&metric.replace('_', " ")) } else { known.to_string() }
}

/// With a capital first letter.
#[must_use]
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `a`, `a and b`, `a, b and 3 more`.
#[must_use]
pub(super) fn list(words: &[String], most: usize) -> String {
    match words {
        [] => "\u{2013}".to_string(),
        [one] => one.clone(),
        words if words.len() <= most => format!("{} and {}", words[..words.len() - 1].join(", "), words[words.len() - 1]),
        words => format!("{} and {} more", words[..most].join(", "), words.len() - most),
    }
}

/// Terms, then every metric with its meaning.
pub(super) fn glossary(study: &Study) -> Vec<(String, String)> {
    let mut terms: Vec<(String, String)> = [
        ("T0 to T3", "Tiers of criticality of a service: T0 defence and emergency, T1 government, health and energy, T2 finance and industry, T3 everything else. The lowest tier is shed first."),
        ("History", "One simulated course of events (a replication). All alternatives go through the same draws of weather, failures and attacks, so that their differences are not noise."),
        ("±", "Standard error of a mean over histories. The true mean lies within two standard errors in about 95 of 100 studies."),
        ("pp", "Percentage point: the difference of two percentages."),
        ("Marginal price", "What the last unit of a limit is worth: the yearly saving if the limit were one unit wider."),
        ("EUE, LOLE", "Expected unserved energy and expected time with load shed, for users of the grid other than the sites."),
        ("HHI", "Herfindahl-Hirschman index: the sum of squared shares, 1 if everything is in one hand, 1/n for n equal ones."),
        ("CVaR 95", "Mean of the worst 5 % of histories (conditional value at risk); in the table of estimates."),
    ]
    .map(|(word, meaning)| (word.to_string(), meaning.to_string()))
    .to_vec();
    for metric in &study.summary.metrics {
        if matches!(metric.entity_kind.as_str(), "system" | "tier" | "campaign" | "bus") {
            let word = metric_words(&metric.entity_kind, &metric.metric);
            if terms.iter().all(|term| term.0 != word) {
                terms.push((word, format!("{}.", capital(&metric.meaning))));
            }
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_well() {
        let words: Vec<String> = ["a", "b", "c", "d"].map(str::to_string).to_vec();
        assert_eq!(list(&words[..0], 3), "\u{2013}");
        assert_eq!(list(&words[..2], 3), "a and b");
        assert_eq!(list(&words[..3], 3), "a, b and c");
        assert_eq!(list(&words, 3), "a, b, c and 1 more");
        assert_eq!(metric_words("site", "new_thing"), "New thing");
    }
}
