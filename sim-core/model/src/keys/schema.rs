//! The JSON Schema of a scenario, for editors, written from the registry.

use serde_json::{Map, Value, json};

use super::{DISTRIBUTIONS, Key, Kind, Need, Range, TABLES, TableSpec, Unit};

/// JSON Schema (draft 2020-12) of `scenario.toml`.
#[must_use]
pub fn json_schema() -> Value {
    let mut properties = Map::new();
    properties.insert("extends".to_owned(), json!({ "type": "string", "description": "File that this one is laid over." }));
    for spec in TABLES {
        let table = table(spec);
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
    })
}

fn table(spec: &TableSpec) -> Value {
    let mut schema = object(spec.keys, spec.doc);
    if spec.variants.is_empty() {
        schema["additionalProperties"] = json!(false);
    } else {
        // Each kind adds its keys; what no kind evaluates is unknown.
        let kinds: Vec<Value> = spec
            .variants
            .iter()
            .map(|(kind, keys)| {
                let mut then = object(keys, "");
                then.as_object_mut().map(|then| then.remove("type"));
                json!({ "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] }, "then": then })
            })
            .collect();
        schema["allOf"] = Value::Array(kinds);
        schema["unevaluatedProperties"] = json!(false);
    }
    schema
}

fn object(keys: &[Key], doc: &str) -> Value {
    let mut properties = Map::new();
    for key in keys {
        properties.insert(key.name.to_owned(), property(key));
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !doc.is_empty() {
        schema["description"] = json!(doc);
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    let mut doc = key.doc.to_owned();
    match key.need {
        Need::Required => doc.push_str(" Required."),
        Need::Default("") | Need::Optional => {}
        Need::Default(text) | Need::Computed(text) => doc.push_str(&format!(" Default: {text}.")),
    }
    schema["description"] = json!(doc);
    schema
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Quantity(unit, range) => sourced(quantity(unit, *range)),
        Kind::Ratio(range) => sourced(ratio(*range)),
        Kind::Distribution(unit) => json!({ "anyOf": [sourced(quantity(unit, Range::NotNegative)), distribution(unit)] }),
        Kind::Profile(unit, range) => {
            let constant = if unit.name == "ratio" { ratio(*range) } else { quantity(unit, *range) };
            json!({ "anyOf": [sourced(constant), series()] })
        }
        Kind::Count(range) => sourced(json!({ "type": "integer", "minimum": i32::from(*range == Range::AtLeastOne) })),
        Kind::Integer => sourced(json!({ "type": "integer" })),
        Kind::Degrees(limit) => sourced(json!({ "type": "number", "minimum": -limit, "maximum": limit })),
        Kind::Boolean => sourced(json!({ "type": "boolean" })),
        // Editors hand a TOML date over as a string.
        Kind::Date => sourced(
            json!({ "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2}))?$" }),
        ),
        Kind::Text => sourced(json!({ "type": "string" })),
        Kind::Word => sourced(json!({ "type": "string", "minLength": 1 })),
        Kind::Name | Kind::Reference(_) => name(),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Words | Kind::Nations => json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true }),
        Kind::References(_) => json!({ "type": "array", "items": name(), "uniqueItems": true }),
        Kind::ListOf(words) => json!({ "type": "array", "items": { "enum": words }, "uniqueItems": true }),
        Kind::Targets => {
            json!({ "type": "array", "items": { "type": "string", "pattern": r"^(site|line|generator|link)\.(\*|[a-z][a-z0-9-]*)$" }, "uniqueItems": true })
        }
        Kind::Endpoint => json!({ "type": "string", "pattern": r"^(nation|site)\.[a-z][a-z0-9-]*$" }),
        Kind::RatiosOf(words) => {
            let properties: Map<String, Value> = words.iter().map(|word| ((*word).to_owned(), ratio(Range::Share))).collect();
            json!({ "type": "object", "properties": properties, "additionalProperties": false })
        }
        Kind::RatiosOfNations => json!({ "type": "object", "additionalProperties": ratio(Range::Share) }),
        Kind::Purchases => json!({ "type": "array", "minItems": 1, "items": { "anyOf": [name(), {
            "type": "object", "additionalProperties": false, "required": ["name"],
            "properties": { "name": name(), "cap": { "type": "integer", "minimum": 1 } },
        }] } }),
        Kind::Restoration => json!({ "type": "array", "minItems": 1, "items": {
            "type": "object", "additionalProperties": false, "required": ["after", "restored"],
            "properties": { "after": quantity(&super::unit::<bastide_units::Duration>(), Range::NotNegative), "restored": ratio(Range::Share) },
        } }),
        Kind::AppliesTo => {
            let list = json!({ "type": "array", "items": { "type": "string" } });
            let names = ["services", "campaigns", "datasets", "classes", "tiers", "nations"];
            let properties: Map<String, Value> = names.iter().map(|key| ((*key).to_owned(), list.clone())).collect();
            json!({ "type": "object", "additionalProperties": false, "properties": properties })
        }
    }
}

fn name() -> Value {
    json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64 })
}

fn ratio(range: Range) -> Value {
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
}

fn quantity(unit: &Unit, range: Range) -> Value {
    if unit.name == "ratio" {
        return ratio(range);
    }
    let sign = if range == Range::Any { "[+-]?" } else { r"\+?" };
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
}

/// A scalar, or the scalar with its provenance.
fn sourced(scalar: Value) -> Value {
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
            "source": { "type": "string" }, "verified": { "type": "boolean" },
        },
    })
}

fn distribution(unit: &Unit) -> Value {
    let kinds: Vec<Value> = DISTRIBUTIONS
        .iter()
        .flat_map(|(dist, sets)| sets.iter().map(move |set| (dist, set)))
        .map(|(dist, set)| {
            let mut properties = Map::new();
            properties.insert("dist".to_owned(), json!({ "const": dist }));
            for parameter in *set {
                let schema =
                    if ["shape", "sigma"].contains(parameter) { ratio(Range::NotNegative) } else { quantity(unit, Range::NotNegative) };
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
