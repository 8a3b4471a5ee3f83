//! `[[munition]]`, `[[defence]]`, and the keys of a `strike-campaign`.

use bastide_engine::Distribution;
use bastide_units::Duration;

use crate::decode::{Context, Cursor};
use crate::keys::{self, HIT_TARGETS};
use crate::model::{Aim, Defence, Effect, FollowUp, Fragility, Group, Harm, Munition, MunitionId, SharedArea, Strike, Target};
use crate::scenario::{each, entries};
use crate::text::At;
use crate::tree::{Table, Value};

/// Most munitions of one salvo, on average.
const MOST_MUNITIONS: f64 = 1e6;

/// Decodes `[[munition]]`.
pub fn munitions(ctx: &mut Context, root: &Table) -> Vec<Munition> {
    each(ctx, root, "munition", |cursor| Munition {
        entity: cursor.entity(),
        interception: cursor.ratio("interception"),
        cep: cursor.quantity("cep"),
        warhead: cursor.quantity_opt("warhead"),
    })
}

/// Decodes `[[defence]]`.
pub fn defences(ctx: &mut Context, root: &Table) -> Vec<Defence> {
    each(ctx, root, "defence", |cursor| {
        let entity = cursor.entity();
        let targets = cursor.targets("targets", HIT_TARGETS).into_iter().map(|(target, _)| target).collect();
        let (centre, radius) = (cursor.place_on_map(), cursor.quantity_opt("radius"));
        let parts = ["latitude", "longitude", "radius"];
        let missing = parts.iter().find(|key| !cursor.has(key));
        match (missing, parts.iter().find(|key| cursor.has(key))) {
            (Some(_), None) if !cursor.has("targets") => {
                let hint = "give `targets`, or `latitude`, `longitude` and `radius`";
                cursor.wrong("F0841", "name", format!("defence `{}` defends nothing", entity.name), hint);
            }
            (Some(missing), Some(given)) if *missing == "radius" || *given == "radius" => {
                cursor.wrong("F0841", given, format!("the area of the defence has no `{missing}`"), "a centre and a radius, or neither");
            }
            _ => {}
        }
        if !cursor.has("interceptors") && cursor.has("resupply") {
            let hint = "say how many there are, or leave it out: a stock that never ends needs none";
            cursor.wrong("F0215", "resupply", "`resupply` stands without `interceptors`", hint);
        }
        let (interception, interception_untyped) = cursor.ratio_by_munition("interception");
        Defence {
            entity,
            targets,
            area: centre.zip(radius),
            interception,
            interception_untyped,
            shots: cursor.count("shots"),
            interceptors: cursor.count_opt("interceptors"),
            resupply: cursor.quantity("resupply"),
        }
    })
}

/// Decodes what is special to a `strike-campaign`.
pub(super) fn strike(cursor: &mut Cursor<'_, '_>, root: &Table) -> Strike {
    let munitions: Vec<Group> = (cursor.munitions("munitions").into_iter())
        .map(|(munition, count)| Group { munition: munition.map(MunitionId::from_index), count })
        .collect();
    let expected: f64 = munitions.iter().map(|group| group.count.mean()).sum();
    if expected > MOST_MUNITIONS {
        let message = format!("a salvo has {expected:.0e} munitions");
        cursor.wrong("F0846", "munitions", message, "a million at most; the largest barrage until 2025 had about 800");
    }
    let typed = munitions.iter().all(|group| group.munition.is_some());
    if !typed && !cursor.has("interception") {
        cursor.miss("interception");
    }
    let interception = cursor.ratio_opt("interception");
    let aim = [Aim::Random, Aim::Value, Aim::Adaptive, Aim::List][cursor.one_of("aim", keys::AIMS)];
    if aim == Aim::List && !cursor.has("sequence") {
        cursor.wrong("F0844", "aim", "an attacker with a list needs one", "give `sequence = [\"site.riga\", \"bus.latvia\"]`");
    }
    let training_weight = cursor.ratio("training_weight");
    let harm = harm(cursor, root, typed);
    Strike {
        munitions,
        interception,
        aim,
        training_weight,
        effects: effects(cursor, !matches!(harm, Harm::Out(_))),
        harm,
        area: cursor.inner_table("area", &keys::SHARED_AREA, |cursor| SharedArea {
            radius: cursor.quantity("radius"),
            probability: cursor.ratio("probability"),
            outage: cursor.distribution::<Duration>("outage"),
        }),
        follow_up: cursor.inner_table("follow_up", &keys::FOLLOW_UP, |cursor| FollowUp {
            probability: cursor.ratio("probability"),
            after: cursor.distribution::<Duration>("after"),
            repair: cursor.distribution::<Duration>("repair"),
            crew_out: cursor.distribution::<Duration>("crew_out"),
        }),
        fire_cutoff: cursor.distribution_opt::<Duration>("fire_cutoff"),
    }
}

/// What it may aim at: its list, if it goes by one.
pub(super) fn targets(cursor: &mut Cursor<'_, '_>) -> Vec<Target> {
    let by_list = cursor.table.text("aim") == Some("list");
    if !by_list && !cursor.has("targets") {
        cursor.miss("targets");
    }
    let (targets, sequence) = (cursor.targets("targets", HIT_TARGETS), cursor.targets("sequence", HIT_TARGETS));
    let all = if by_list { sequence } else { targets };
    all.into_iter().map(|(target, _)| target).collect()
}

/// Which of `damage`, `states` and `fragility` says what a hit does.
fn harm(cursor: &mut Cursor<'_, '_>, root: &Table, typed: bool) -> Harm {
    let given: Vec<&str> = ["damage", "states", "fragility"].into_iter().filter(|key| cursor.has(key)).collect();
    if let [first, second, ..] = given.as_slice() {
        cursor.wrong("F0847", second, format!("`{first}` and `{second}` both say what a hit does"), "keep one of them");
    }
    match given.first() {
        Some(&"damage") => return Harm::Out(super::damage(cursor)),
        Some(&"states") => return Harm::States(states(cursor)),
        None if !typed => {
            cursor.miss("damage");
            return Harm::Out([f64::NAN; 3]);
        }
        _ => {}
    }
    need_warheads(cursor, root, typed);
    Harm::Blast(fragility(cursor))
}

/// Damage by distance needs the warhead of each munition.
fn need_warheads(cursor: &mut Cursor<'_, '_>, root: &Table, typed: bool) {
    let hint = "give `warhead = \"50 kg\"` of TNT, or `states` with the probability of each";
    if !typed {
        cursor.wrong("F0843", "munitions", "damage by distance needs munitions with a warhead", "name them: `munitions = { drone = 30 }`");
        return;
    }
    let Some(entry) = cursor.table.get("munitions") else { return };
    let Value::Table(named) = &entry.node.value else { return };
    for (munition, _) in entries(root, "munition") {
        let found = named.entries.iter().find(|entry| munition.text("name") == Some(entry.key.as_str()));
        if let (Some(found), None) = (found, munition.get("warhead")) {
            cursor.ctx.error_hint("F0843", found.key_at, format!("munition `{}` has no `warhead`", found.key), hint);
        }
    }
}

/// Position of the hardening or state that an entry is about; reports a second entry about the same.
fn once(cursor: &mut Cursor<'_, '_>, key: &str, words: &'static [&'static str], seen: &mut [bool; 3]) -> Option<usize> {
    let place = cursor.one_of_opt(key, words)?;
    if std::mem::replace(&mut seen[place], true) {
        cursor.wrong("F0303", key, format!("a second entry about `{}`", words[place]), "remove one");
        return None;
    }
    Some(place)
}

/// Fills what is not given with the next weaker hardening; reports what is worse than that.
fn by_hardening<T: Copy>(
    cursor: &mut Cursor<'_, '_>,
    key: &str,
    given: [Option<(T, At)>; 3],
    harms: impl Fn(&T, &T) -> bool,
) -> Option<[T; 3]> {
    let Some((first, _)) = given[0] else {
        cursor.wrong("F0203", key, format!("`{key}` has no entry for `hardening = \"none\"`"), "it is the base of the others");
        return None;
    };
    let mut all = [first; 3];
    for place in 1..3 {
        all[place] = given[place].map_or(all[place - 1], |(value, _)| value);
        if let Some((_, at)) = given[place]
            && harms(&all[place - 1], &all[place])
        {
            cursor.ctx.error_hint(
                "F0803",
                at,
                "hardening makes a hit worse",
                "`none` suffers at least as much as `hardened`, and that as `bunker`",
            );
        }
    }
    Some(all)
}

/// Probabilities of each state or worse, from those of each state.
fn states(cursor: &mut Cursor<'_, '_>) -> [[f64; 3]; 3] {
    let (mut given, mut seen) = ([None; 3], [false; 3]);
    cursor.inner_tables("states", &keys::STATES, |cursor| {
        let place = once(cursor, "hardening", keys::HARDENINGS, &mut seen);
        let each = keys::DAMAGES.map(|state| cursor.ratio(state));
        let sum: f64 = each.iter().sum();
        if sum > 1.0 + 1e-9 {
            let at = cursor.at;
            let hint = "what is missing to 1 is no damage";
            cursor.ctx.error_hint("F0845", at, format!("the probabilities of the states sum to {sum:.3}"), hint);
        }
        if let Some(place) = place {
            given[place] = Some(([sum.min(1.0), (each[1] + each[2]).min(1.0), each[2]], cursor.at));
        }
    });
    let worse = |weak: &[f64; 3], strong: &[f64; 3]| weak.iter().zip(strong).any(|(weak, strong)| *strong > *weak + 1e-9);
    by_hardening(cursor, "states", given, worse).unwrap_or([[f64::NAN; 3]; 3])
}

/// Curves by hardening; those published where none are given.
fn fragility(cursor: &mut Cursor<'_, '_>) -> [Fragility; 3] {
    if !cursor.has("fragility") {
        return Fragility::PUBLISHED;
    }
    let (mut given, mut seen) = ([None; 3], [false; 3]);
    cursor.inner_tables("fragility", &keys::FRAGILITY, |cursor| {
        let place = once(cursor, "hardening", keys::HARDENINGS, &mut seen);
        let median = keys::DAMAGES.map(|state| cursor.ratio(state));
        if median[0] < median[1] || median[1] < median[2] {
            let hint = "light damage reaches farthest: `light` >= `heavy` >= `destroyed`";
            cursor.wrong("F0845", "heavy", "worse damage reaches farther", hint);
        }
        let fragility = Fragility { median, dispersion: cursor.ratio("dispersion") };
        if let Some(place) = place {
            given[place] = Some((fragility, cursor.at));
        }
    });
    let worse = |weak: &Fragility, strong: &Fragility| weak.median.iter().zip(strong.median).any(|(weak, strong)| strong > *weak);
    by_hardening(cursor, "fragility", given, worse).unwrap_or(Fragility::PUBLISHED)
}

/// What damage of each state means; `repair` and `nodes_destroyed` of the campaign where `effects` does not say.
fn effects(cursor: &mut Cursor<'_, '_>, has_states: bool) -> [Effect; 3] {
    if cursor.has("effects") && !has_states {
        cursor.wrong(
            "F0847",
            "effects",
            "`effects` stands with `damage`, which has no states",
            "give `states` or `fragility` instead of `damage`",
        );
    }
    let mut seen = [false; 3];
    let mut given: [Option<Effect>; 3] = [None, None, None];
    cursor.inner_tables("effects", &keys::EFFECTS, |cursor| {
        let place = once(cursor, "damage", &keys::DAMAGES, &mut seen);
        let nodes_destroyed = cursor.ratio("nodes_destroyed");
        let effect = Effect {
            repair: cursor.distribution::<Duration>("repair"),
            nodes_destroyed,
            storage_lost: cursor.ratio_opt("storage_lost").unwrap_or(nodes_destroyed),
        };
        if let Some(place) = place {
            given[place] = Some(effect);
        }
    });
    let repair = cursor.distribution_opt::<Duration>("repair");
    if repair.is_none() && (!has_states || given.iter().any(Option::is_none)) {
        cursor.miss("repair");
    }
    let nodes_destroyed = cursor.ratio("nodes_destroyed");
    let base = Effect { repair: repair.unwrap_or(Distribution::Fixed(f64::NAN)), nodes_destroyed, storage_lost: nodes_destroyed };
    let [light, heavy, destroyed] = given;
    [light, heavy, destroyed].map(|effect| effect.unwrap_or_else(|| base.clone()))
}
