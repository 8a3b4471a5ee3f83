//! What to do next, derived from the numbers.

use bastide_sim::Better;

use super::{Facts, Step, is_clear, plans};
use crate::number;

/// Scenario and seed of the command that made the study, for further commands.
fn scenario(facts: &Facts<'_>) -> String {
    let mut words = facts.study.summary.command.split_whitespace();
    let found = words.by_ref().skip_while(|word| *word != "study").nth(1);
    found.filter(|word| !word.starts_with('-')).map_or_else(|| facts.study.summary.scenario.name.clone(), str::to_string)
}

pub(super) fn steps(facts: &Facts<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let folder = scenario(facts);
    let reference = &facts.alternatives[0];
    let mut prices = reference.plan.prices.iter().filter(|price| price.annual_eur > 0.0);
    if let Some((price, key)) = prices.clone().find_map(|price| Some((price, key(&price.constraint)?))) {
        let more = price.limit * 0.1;
        let text = format!(
            "Ask what more of the {} is worth: ten per cent ({}) would save about {} a year at first order, before the plan adapts.",
            plans::constraint_words(facts, &price.constraint),
            plans::limit(more, &price.unit),
            number::plain("EUR", more * price.annual_eur)
        );
        let limit = number::significant(price.limit * 1.1, 6).replace('\u{202f}', "");
        steps.push(Step { text, command: format!("bastide plan {folder} --set {key}=\"{limit} {}\"", price.unit) });
    }
    if let Some(price) = prices.find(|price| price.constraint.starts_with("loss of ")) {
        let text = format!(
            "Ask whether to insure against the {}: keeping {} ready costs about {} a year at first order.",
            plans::constraint_words(facts, &price.constraint),
            plans::limit(price.limit, &price.unit),
            number::plain("EUR", price.limit * price.annual_eur)
        );
        steps.push(Step { text, command: String::new() });
    }
    let [root, asset] = facts.incidents.largest(facts, 0);
    if let Some((words, estimate, share)) = root {
        let text = format!(
            "Look at what loses most under {}: \u{201c}{words}\u{201d} begins {} service hours of loss a history and hits {} % of histories.",
            reference.title,
            number::plus_minus(estimate.mean, estimate.stderr),
            number::significant(100.0 * share, 2)
        );
        steps.push(Step { text, command: String::new() });
    }
    if let Some((words, estimate, _)) = asset {
        let text = format!(
            "Protect the single point that hurts most: \u{201c}{words}\u{201d} stands directly before {} service hours of loss a history.",
            number::plus_minus(estimate.mean, estimate.stderr)
        );
        steps.push(Step { text, command: String::new() });
    }
    if let Some(step) = weakness(facts) {
        steps.push(step);
    }
    if let Some(step) = precision(facts, &folder) {
        steps.push(step);
    }
    let unverified = facts.study.assumptions.iter().filter(|x| x.verified != Some(true)).count();
    if unverified > 0 {
        let text = format!(
            "Verify sources: {unverified} assumptions are not marked as verified; begin with those of the largest sites and services."
        );
        steps.push(Step { text, command: format!("bastide show {folder} --resolved") });
    }
    steps
}

/// The scenario's key behind a limit, if one key sets it.
fn key(constraint: &str) -> Option<String> {
    match constraint {
        "budget" => Some("plan.budget".to_string()),
        "IT power" => Some("plan.it_power".to_string()),
        other => {
            let (what, name) = other.split_once(" of ")?;
            // Only words go into a command.
            let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            let key = match what {
                "connection" => format!("site.{name}.connection"),
                "IT power" => format!("site.{name}.max_it_power"),
                "accelerators" => format!("site.{name}.max_accelerators"),
                "hosting limit" => format!("bus.{name}.hosting_limit"),
                _ => return None,
            };
            Some(key).filter(|_| word)
        }
    }
}

/// Where the reference does clearly worst against a rival, by relative loss.
fn weakness(facts: &Facts<'_>) -> Option<Step> {
    let mut worst: Option<(f64, String)> = None;
    for line in facts.comparison.lines.iter().filter(|line| line.better != Better::Neither) {
        let best = *line.ranking().first()?;
        let (Some(here), Some(there)) = (line.estimate(0), line.estimate(best)) else { continue };
        let Some(difference) = line.difference(0, best).filter(|x| best != 0 && is_clear(x)) else { continue };
        let size = here.mean.abs().max(there.mean.abs());
        let relative = difference.mean.abs() / size;
        if worst.as_ref().is_none_or(|held| relative > held.0) {
            let scale = line.scale();
            let text = format!(
                "Weigh the weak side of {}: {} is {} against {} with {}.",
                facts.alternatives[0].title,
                line.words(),
                scale.with_unit(here.mean, here.stderr),
                scale.with_unit(there.mean, there.stderr),
                facts.alternatives[best].title
            );
            worst = Some((relative, text));
        }
    }
    worst.map(|(_, text)| Step { text, command: String::new() })
}

/// More histories where the two best cannot be told apart.
fn precision(facts: &Facts<'_>, folder: &str) -> Option<Step> {
    let line = facts.comparison.line("system", "all", "served_share")?;
    let order = line.ranking();
    let difference = line.difference(order[0], *order.get(1)?)?;
    let error = difference.stderr.filter(|error| *error > 0.0)?;
    if is_clear(&difference) || difference.mean == 0.0 {
        return None;
    }
    // The error falls with the root of the number of histories.
    let factor = (2.0 * error / difference.mean.abs()).powi(2);
    let needed = f64::from(facts.study.summary.replications) * factor;
    if needed > 20_000.0 {
        return None;
    }
    let needed = (needed / 10.0).ceil() * 10.0;
    let (seed, n) = (facts.study.summary.seed, number::fixed(needed, 0).replace('\u{202f}', ""));
    Some(Step {
        text: format!("Tell the two best apart: about {n} histories would make their difference twice its error, if it is real."),
        command: format!("bastide study {folder} --seed {seed} -n {n}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_limits_become_commands() {
        assert_eq!(key("budget").unwrap(), "plan.budget");
        assert_eq!(key("connection of riga").unwrap(), "site.riga.connection");
        assert_eq!(key("hosting limit of lv").unwrap(), "bus.lv.hosting_limit");
        assert_eq!(key("loss of riga"), None);
        assert_eq!(key("connection of $(reboot)"), None);
    }
}
