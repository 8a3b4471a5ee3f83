//! The JSON Schema of a scenario, for editors, written from the registry.

use bastide_units::{Duration, Ratio};
use serde_json::{Map, Value, json};

use super::{DISTRIBUTIONS, Key, Kind, Need, Range, TABLES, TableSpec, Unit};

/// Schemas that several keys share, by name.
type Shared = Map<String, Value>;

/// JSON Schema (draft 2020-12) of `scenario.toml`.
#[must_use]
pub fn json_schema() -> Value {
    let mut shared = Shared::new();
    let mut properties = Map::new();
    properties.insert("extends".to_owned(), json!({ "type": "string", "description": "File that this one is laid over." }));
    for spec in TABLES {
        let table = table(&mut shared, spec);
        let schema = if spec.array { json!({ "type": "array", "description": spec.doc, "items": table }) } else { table };
        properties.insert(spec.name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Bastide scenario, format 1",
        "description": "A file that extends another may leave out what that one says, so no table is required here.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "$defs": shared,
    })
}

/// A reference to a shared schema, which is made when it is first named.
fn share(shared: &mut Shared, name: &str, make: impl FnOnce(&mut Shared) -> Value) -> Value {
    let name = name.replace(", ", "-").replace(' ', "-");
    if !shared.contains_key(&name) {
        let schema = make(shared);
        shared.insert(name.clone(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn table(shared: &mut Shared, spec: &TableSpec) -> Value {
    let mut schema = object(shared, spec.keys, spec.doc);
    if spec.variants.is_empty() {
        schema["additionalProperties"] = json!(false);
    } else {
        // Each kind adds its keys; what no kind evaluates is unknown.
        let kinds: Vec<Value> = spec
            .variants
            .iter()
            .map(|(kind, keys)| {
                let mut then = object(shared, keys, "");
                then.as_object_mut().map(|then| then.remove("type"));
                json!({ "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] }, "then": then })
            })
            .collect();
        schema["allOf"] = Value::Array(kinds);
        schema["unevaluatedProperties"] = json!(false);
    }
    schema
}

fn object(shared: &mut Shared, keys: &[Key], doc: &str) -> Value {
    let mut properties = Map::new();
    for key in keys {
        properties.insert(key.name.to_owned(), property(shared, key));
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !doc.is_empty() {
        schema["description"] = json!(doc);
    }
    schema
}

fn property(shared: &mut Shared, key: &Key) -> Value {
    let mut schema = kind(shared, &key.kind);
    let mut doc = key.doc.to_owned();
    match key.need {
        Need::Required => doc.push_str(" Required."),
        Need::Default("") | Need::Optional => {}
        Need::Default(text) | Need::Computed(text) => doc = format!("{doc} Default: {text}."),
    }
    schema["description"] = json!(doc);
    schema
}

fn kind(shared: &mut Shared, kind: &Kind) -> Value {
    match kind {
        Kind::Quantity(unit, range) => sourced_quantity(shared, unit, *range),
        Kind::QuantityOr(unit, range, words) => json!({ "anyOf": [sourced_quantity(shared, unit, *range), { "enum": words }] }),
        Kind::Ratio(range) => sourced_quantity(shared, &super::unit::<Ratio>(), *range),
        Kind::Distribution(unit) => share(shared, &format!("{} distribution", unit.name), |shared| {
            let fixed = sourced_quantity(shared, unit, Range::NotNegative);
            json!({ "anyOf": [fixed, distribution(shared, unit)] })
        }),
        Kind::Profile(unit, range) => share(shared, &format!("{} profile{}", unit.name, suffix(*range)), |shared| {
            let constant = sourced_quantity(shared, unit, *range);
            json!({ "anyOf": [constant, share(shared, "series", |_| series())] })
        }),
        Kind::Count(range) => share(shared, &format!("count{}", suffix(*range)), |_| {
            sourced(&json!({ "type": "integer", "minimum": i32::from(*range == Range::AtLeastOne) }))
        }),
        Kind::Integer => share(shared, "integer", |_| sourced(&json!({ "type": "integer" }))),
        Kind::Degrees(limit) => {
            share(shared, &format!("degrees to {limit}"), |_| sourced(&json!({ "type": "number", "minimum": -limit, "maximum": limit })))
        }
        Kind::Boolean => share(shared, "boolean", |_| sourced(&json!({ "type": "boolean" }))),
        // Editors hand a TOML date over as a string.
        Kind::Date => share(shared, "date", |_| {
            let pattern = r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2}))?$";
            sourced(&json!({ "type": "string", "pattern": pattern }))
        }),
        Kind::Text => share(shared, "text", |_| sourced(&json!({ "type": "string" }))),
        Kind::Word => share(shared, "word", |_| sourced(&json!({ "type": "string", "minLength": 1 }))),
        Kind::Name | Kind::Reference(_) => name(shared),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Words | Kind::Nations => {
            share(shared, "words", |_| json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true }))
        }
        Kind::References(_) => share(shared, "names", |shared| json!({ "type": "array", "items": name(shared), "uniqueItems": true })),
        Kind::ListOf(words) => json!({ "type": "array", "items": { "enum": words }, "uniqueItems": true }),
        Kind::Targets => share(shared, "targets", |_| {
            let pattern = r"^(site|line|generator|link|bus|facility)\.(\*|[a-z][a-z0-9-]*)$";
            json!({ "type": "array", "items": { "type": "string", "pattern": pattern }, "uniqueItems": true })
        }),
        Kind::Dependants => {
            let pattern = r"^(site|service|link|line|generator)\.(\*|[a-z][a-z0-9-]*)$";
            json!({ "type": "array", "items": { "type": "string", "pattern": pattern }, "uniqueItems": true })
        }
        Kind::Endpoint => json!({ "type": "string", "pattern": r"^(nation|site)\.[a-z][a-z0-9-]*$" }),
        Kind::RatiosOf(words) => {
            let share = ratio(shared, Range::Share);
            let properties: Map<String, Value> = words.iter().map(|word| ((*word).to_owned(), share.clone())).collect();
            json!({ "type": "object", "properties": properties, "additionalProperties": false })
        }
        Kind::RatiosBy(_, range) => json!({ "type": "object", "additionalProperties": ratio(shared, *range) }),
        Kind::QuantityBy(unit, range, _) => {
            let one = quantity(shared, unit, *range);
            json!({ "anyOf": [sourced_quantity(shared, unit, *range), { "type": "object", "additionalProperties": one }] })
        }
        Kind::RatiosOfNations => json!({ "type": "object", "additionalProperties": ratio(shared, Range::Share) }),
        Kind::ByYear(unit, range) => json!({ "type": "array", "items": quantity(shared, unit, *range), "minItems": 1 }),
        Kind::Shape(length) => {
            json!({ "type": "array", "items": ratio(shared, Range::NotNegative), "minItems": length, "maxItems": length })
        }
        Kind::Purchases => {
            let name = name(shared);
            json!({ "type": "array", "minItems": 1, "items": { "anyOf": [name, {
                "type": "object", "additionalProperties": false, "required": ["name"],
                "properties": { "name": name, "cap": { "type": "integer", "minimum": 1 } },
            }] } })
        }
        Kind::Objectives => {
            let name = json!({ "enum": super::OBJECTIVES });
            json!({ "anyOf": [name, { "type": "array", "minItems": 1, "items": { "anyOf": [name, {
                "type": "object", "additionalProperties": false, "required": ["name"],
                "properties": { "name": name, "tolerance": ratio(shared, Range::Share) },
            }] } }] })
        }
        Kind::Munitions => {
            let one = json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, distribution(shared, &super::unit::<Ratio>())] });
            json!({ "anyOf": [sourced(&json!({ "type": "integer", "minimum": 1 })), distribution(shared, &super::unit::<Ratio>()),
                { "type": "object", "additionalProperties": one, "minProperties": 1 }] })
        }
        Kind::RatioByMunition => {
            let share = ratio(shared, Range::Share);
            json!({ "anyOf": [share, { "type": "object", "additionalProperties": share }] })
        }
        Kind::Table(spec) => inner(shared, spec),
        Kind::Tables(spec) => json!({ "type": "array", "items": inner(shared, spec) }),
        Kind::LinkStates => {
            let time = quantity(shared, &super::unit::<Duration>(), Range::NotNegative);
            let period = quantity(shared, &super::unit::<Duration>(), Range::Positive);
            let stay = self::kind(shared, &Kind::Distribution(super::unit::<Duration>()));
            let share = ratio(shared, Range::Share);
            json!({ "type": "array", "minItems": 2, "items": {
                "type": "object", "additionalProperties": false, "required": ["name"],
                "properties": {
                    "name": { "type": "string", "minLength": 1 }, "bandwidth": share, "duty": share,
                    "latency_factor": ratio(shared, Range::AtLeastOne), "loss": ratio(shared, Range::BelowOne),
                    "added_latency": time, "period": period, "stay": stay,
                    "next": { "type": "object", "additionalProperties": share },
                },
            } })
        }
        Kind::Restoration => {
            let after = quantity(shared, &super::unit::<Duration>(), Range::NotNegative);
            json!({ "type": "array", "minItems": 1, "items": {
                "type": "object", "additionalProperties": false, "required": ["after", "restored"],
                "properties": { "after": after, "restored": ratio(shared, Range::Share) },
            } })
        }
        Kind::Factors(unit) => {
            let pair = [quantity(shared, unit, Range::NotNegative), ratio(shared, Range::NotNegative)];
            json!({ "type": "array", "minItems": 1, "items": { "type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2 } })
        }
        // Any key of any table, dotted and in quotes, or nested.
        Kind::Settings => json!({ "type": "object" }),
        Kind::AppliesTo => {
            let list = json!({ "type": "array", "items": { "type": "string" } });
            let names = ["services", "campaigns", "datasets", "classes", "tiers", "nations"];
            let properties: Map<String, Value> = names.iter().map(|key| ((*key).to_owned(), list.clone())).collect();
            json!({ "type": "object", "additionalProperties": false, "properties": properties })
        }
    }
}

/// A table inside a table.
fn inner(shared: &mut Shared, spec: &TableSpec) -> Value {
    let mut schema = object(shared, spec.keys, spec.doc);
    schema["additionalProperties"] = json!(false);
    schema["required"] = json!(spec.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect::<Vec<_>>());
    schema
}

fn name(shared: &mut Shared) -> Value {
    share(shared, "name", |_| json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64 }))
}

/// What a range adds to the name of a shared schema.
const fn suffix(range: Range) -> &'static str {
    match range {
        Range::Any => "",
        Range::Positive => ", positive",
        Range::NotNegative => ", not negative",
        Range::Share => ", share",
        Range::PositiveShare => ", positive share",
        Range::BelowOne => ", below one",
        Range::AtLeastOne => ", at least one",
    }
}

fn ratio(shared: &mut Shared, range: Range) -> Value {
    share(shared, &format!("ratio{}", suffix(range)), |_| {
        let number = match range {
            Range::Any => json!({ "type": "number" }),
            Range::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
            Range::NotNegative => json!({ "type": "number", "minimum": 0 }),
            Range::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
            Range::PositiveShare => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }),
            Range::BelowOne => json!({ "type": "number", "minimum": 0, "exclusiveMaximum": 1 }),
            Range::AtLeastOne => json!({ "type": "number", "minimum": 1 }),
        };
        json!({ "anyOf": [number, { "type": "string", "pattern": r"^\s*[+-]?[0-9._]+([eE][+-]?\d+)?\s*%?\s*$" }] })
    })
}

fn quantity(shared: &mut Shared, unit: &Unit, range: Range) -> Value {
    if unit.name == "ratio" {
        return ratio(shared, range);
    }
    // A pattern only knows whether there is a sign.
    let signed = range == Range::Any;
    share(shared, &format!("{}{}", unit.name, if signed { " of either sign" } else { "" }), |_| {
        let sign = if signed { "[+-]?" } else { r"\+?" };
        let number = format!(r"^\s*{sign}[0-9._]+([eE][+-]?\d+)?\s*");
        // A rate may name its exposure: `/ 1000 node d`.
        let units = if unit.units.iter().any(|(name, _)| name.starts_with("/ ")) {
            let times: Vec<&str> = unit.units.iter().filter_map(|(name, _)| name.strip_prefix("/ ")).collect();
            format!(r"/\s*([0-9.]+\s+)?([A-Za-z]+\s+)?({})\s*$", times.join("|"))
        } else {
            let names: Vec<String> = unit.units.iter().map(|(name, _)| name.replace('(', r"\(").replace(')', r"\)")).collect();
            format!(r"({})\s*$", names.join("|"))
        };
        json!({ "type": "string", "pattern": number + &units, "examples": [unit.example] })
    })
}

/// A quantity, or one with its provenance.
fn sourced_quantity(shared: &mut Shared, unit: &Unit, range: Range) -> Value {
    let sign = match range {
        _ if unit.name == "ratio" => suffix(range),
        Range::Any => " of either sign",
        _ => "",
    };
    share(shared, &format!("{}{sign}, sourced", unit.name), |shared| {
        let scalar = quantity(shared, unit, range);
        sourced(&scalar)
    })
}

/// A scalar, or the scalar with its provenance.
fn sourced(scalar: &Value) -> Value {
    let wrapped = json!({
        "type": "object", "additionalProperties": false, "required": ["value"],
        "properties": { "value": scalar, "source": { "type": "string" }, "verified": { "type": "boolean" } },
    });
    json!({ "anyOf": [scalar, wrapped] })
}

fn series() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["series", "column"],
        "properties": {
            "series": { "type": "string" }, "column": { "type": "string" }, "scale": { "type": "number" },
            "repeat": { "type": "boolean" }, "growth": { "anyOf": [{ "type": "number" }, { "type": "string" }] },
            "source": { "type": "string" }, "verified": { "type": "boolean" },
        },
    })
}

fn distribution(shared: &mut Shared, unit: &Unit) -> Value {
    let kinds: Vec<Value> = DISTRIBUTIONS
        .iter()
        .flat_map(|(dist, sets)| sets.iter().map(move |set| (dist, set)))
        .map(|(dist, set)| {
            let mut properties = Map::new();
            properties.insert("dist".to_owned(), json!({ "const": dist }));
            for parameter in *set {
                let bare = ["shape", "sigma"].contains(parameter);
                let schema = if bare { ratio(shared, Range::NotNegative) } else { quantity(shared, unit, Range::NotNegative) };
                properties.insert((*parameter).to_owned(), schema);
            }
            for (key, form) in [("source", "string"), ("verified", "boolean")] {
                properties.insert(key.to_owned(), json!({ "type": form }));
            }
            let required: Vec<&str> = std::iter::once("dist").chain(set.iter().copied()).collect();
            json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
        })
        .collect();
    json!({ "anyOf": kinds })
}
