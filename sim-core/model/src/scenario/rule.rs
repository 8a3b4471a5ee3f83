//! `[[rule]]`.

use bastide_units::Time;

use super::each;
use crate::decode::{Context, Cursor, suggestion};
use crate::keys;
use crate::model::{Entity, NationId, SiteId, Tier};
use crate::text::At;
use crate::tree::{Table, Value};

/// What a rule demands of a site.
#[derive(Clone, Debug)]
pub enum Demand {
    /// The site lies in one of these nations.
    Residency(Vec<NationId>),
    /// The operator is at home in one of these.
    Operator(Vec<NationId>),
    /// The site holds all of these.
    Certification(Vec<String>),
    /// The site is none of these.
    Forbid(Vec<SiteId>),
}

/// To what a rule applies; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Names of services.
    pub services: Option<Vec<String>>,
    /// Names of campaigns.
    pub campaigns: Option<Vec<String>>,
    /// Names of datasets.
    pub datasets: Option<Vec<String>>,
    /// Classes of data, with their places.
    pub classes: Option<Vec<(String, At)>>,
    /// Tiers.
    pub tiers: Option<Vec<Tier>>,
    /// Owners.
    pub nations: Option<Vec<NationId>>,
}

/// A decoded rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name.
    pub entity: Entity,
    /// Demand.
    pub demand: Demand,
    /// First moment.
    pub from: Time,
    /// End.
    pub until: Time,
    /// The nations and groups that it allows, as they stand.
    pub words: Vec<String>,
    /// Things meant.
    pub scope: Scope,
}

/// Decodes `[[rule]]`; a rule of an unknown kind, or with unknown names, is reported and left out.
pub fn rules(ctx: &mut Context, root: &Table) -> Vec<Rule> {
    let all = each(ctx, root, "rule", |cursor| {
        let entity = cursor.entity();
        let (from, until) = cursor.interval();
        let scope = scope(cursor);
        let kind = cursor.kind()?;
        let demand = match kind {
            "residency" | "operator" => {
                let nations = cursor.nations("allow");
                if nations.is_none() && cursor.has("allow") {
                    cursor.wrong("F0217", "allow", "`allow` is empty: nothing would be allowed", "name nations or groups");
                }
                if kind == "residency" { Demand::Residency(nations?) } else { Demand::Operator(nations?) }
            }
            "certification" => Demand::Certification(cursor.words("require")),
            _ => Demand::Forbid(cursor.references("sites", "site")?.into_iter().map(SiteId::from_index).collect()),
        };
        let words = cursor.plain_words("allow");
        Some(Rule { entity, demand, from, until, words, scope })
    });
    let usable = |index: usize| !ctx.is_poisoned("rule", index);
    all.into_iter().enumerate().filter(|(index, _)| usable(*index)).filter_map(|(_, rule)| rule).collect()
}

fn scope(cursor: &mut Cursor<'_, '_>) -> Scope {
    let mut scope = Scope::default();
    let Some(table) = cursor.subtable("applies_to") else { return scope };
    let known = ["services", "campaigns", "datasets", "classes", "tiers", "nations"];
    for entry in &table.entries {
        let key = entry.key.as_str();
        if !known.contains(&key) {
            cursor.ctx.error_hint("F0202", entry.key_at, format!("`applies_to` has no key `{key}`"), suggestion(key, &known, "key"));
            continue;
        }
        let Value::List(items) = &entry.node.value else {
            cursor.ctx.error("F0204", entry.node.at, format!("`{key}` must be a list, in brackets"));
            continue;
        };
        let mut words: Vec<(&str, At)> = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => words.push((text, item.at)),
                other => cursor.ctx.error("F0204", item.at, format!("`{key}` must be a list of texts, not of {}", other.word())),
            }
        }
        let named = |cursor: &mut Cursor<'_, '_>, table| {
            let names = words.iter().filter(|(word, at)| cursor.resolve(table, word, *at).is_some()).map(|(word, _)| (*word).to_owned());
            Some(names.collect::<Vec<String>>())
        };
        match key {
            "services" => scope.services = named(cursor, "service"),
            "campaigns" => scope.campaigns = named(cursor, "campaign"),
            "datasets" => scope.datasets = named(cursor, "dataset"),
            "classes" => scope.classes = Some(words.iter().map(|(word, at)| ((*word).to_owned(), *at)).collect()),
            "tiers" => {
                let mut tiers = Vec::new();
                for (word, at) in words {
                    match keys::TIERS.iter().position(|tier| *tier == word) {
                        Some(position) => tiers.push(Tier::ALL[position]),
                        None => cursor.ctx.error_hint("F0210", at, format!("there is no tier `{word}`"), "one of `T0`, `T1`, `T2`, `T3`"),
                    }
                }
                scope.tiers = Some(tiers);
            }
            _ => {
                let mut nations = Vec::new();
                for (word, at) in words {
                    nations.extend(cursor.nation_or_group(word, at));
                }
                scope.nations = Some(nations);
            }
        }
    }
    scope
}
