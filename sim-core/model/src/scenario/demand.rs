//! Datasets and services, with what rules ask about them and about campaigns.

use bastide_units::{DataSize, Money, Ratio, TokenRate};

use super::operation::{self, ReplicaKeys};
use super::{each, growth};
use crate::decode::{Context, Cursor, suggestion};
use crate::keys;
use crate::model::{Dataset, DatasetId, NationId, Service, ServiceId, Tier};
use crate::text::At;
use crate::tree::Table;

/// Throughput of an accelerator as the scenario gives it: of any type, or by type, in which case it runs on no other.
pub type StatedRate = Result<TokenRate, Vec<(usize, TokenRate)>>;

/// What a thing demands of the site where it runs, and what rules match it by.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// Position in the scenario's table.
    pub index: usize,
    /// Nations in which it must stay; `None` for anywhere.
    pub residency: Option<Vec<NationId>>,
    /// The words of `residency`: nations and groups.
    pub residency_words: Vec<String>,
    /// Where `residency` stands.
    pub residency_at: Option<At>,
    /// Certificates that the site must hold.
    pub certification: Vec<String>,
    /// Where `certification` stands.
    pub certification_at: Option<At>,
    /// Class of data.
    pub class: Option<String>,
    /// Throughput of one accelerator, where the scenario gives it.
    pub tokens_per_accelerator: Option<StatedRate>,
    /// Where the name stands.
    pub at: Option<At>,
    /// Where `max_latency` stands.
    pub latency_at: Option<At>,
    /// Where `model` stands.
    pub model_at: Option<At>,
    /// Where `accelerators`, the size of a gang, stands.
    pub gang_at: Option<At>,
    /// Where `replicas` stands.
    pub replicas_at: Option<At>,
    /// Of a service: size and law of its replicas.
    pub replica: ReplicaKeys,
}

pub(super) fn demands(cursor: &mut Cursor<'_, '_>, index: usize) -> Demands {
    let place = |cursor: &Cursor<'_, '_>, key: &str| cursor.has(key).then(|| cursor.place(key));
    Demands {
        index,
        residency: cursor.nations("residency"),
        residency_words: cursor.plain_words("residency"),
        residency_at: place(cursor, "residency"),
        certification: cursor.words("certification"),
        certification_at: place(cursor, "certification"),
        class: cursor.word_opt("class"),
        tokens_per_accelerator: None,
        at: Some(cursor.place("name")),
        latency_at: place(cursor, "max_latency"),
        model_at: place(cursor, "model"),
        gang_at: place(cursor, "accelerators"),
        replicas_at: place(cursor, "replicas"),
        replica: ReplicaKeys::default(),
    }
}

/// Decodes `[[dataset]]`.
pub fn datasets(ctx: &mut Context, root: &Table) -> Vec<(Dataset, Demands)> {
    let mut index = 0;
    each(ctx, root, "dataset", |cursor| {
        let entity = cursor.entity();
        let nation = NationId(cursor.reference("nation", "nation"));
        let size: DataSize = cursor.quantity("size");
        let demands = demands(cursor, index);
        let dataset = Dataset {
            entity,
            nation,
            size,
            class: demands.class.clone(),
            // All bytes alike where nobody says what they are worth.
            value: cursor.quantity_opt("value").unwrap_or(Money::from_eur(size.as_tb())),
            replicas: cursor.count("replicas"),
            replication_interval: cursor.quantity("replication_interval"),
            backup_interval: cursor.quantity_opt("backup_interval"),
            max_staleness: cursor.quantity_opt("max_staleness"),
        };
        if dataset.max_staleness.is_some_and(|most| most < dataset.replication_interval) {
            let message = format!("copies of dataset `{}` are too old before they are synchronised", dataset.entity.name);
            cursor.wrong("F0865", "max_staleness", message, "let `max_staleness` be no shorter than `replication_interval`");
        }
        index += 1;
        (dataset, demands)
    })
}

/// Decodes `[[service]]`, ordered by tier, then as written.
pub fn services(ctx: &mut Context, root: &Table) -> Vec<(Service, Demands)> {
    let mut index = 0;
    let mut services = each(ctx, root, "service", |cursor| {
        index += 1;
        service(cursor, index - 1)
    });
    services.sort_by_key(|(service, _)| service.tier);
    let mut place = vec![0; services.len()];
    for (at, (_, demands)) in services.iter().enumerate() {
        place[demands.index] = at;
    }
    for (service, _) in &mut services {
        for need in &mut service.operation.needs {
            *need = ServiceId::from_index(place.get(need.index()).copied().unwrap_or(0));
        }
    }
    services
}

fn service(cursor: &mut Cursor<'_, '_>, index: usize) -> (Service, Demands) {
    let entity = cursor.entity();
    let nation = NationId(cursor.reference("nation", "nation"));
    let tokens_per_accelerator = cursor.quantities_by::<TokenRate>("tokens_per_accelerator", "accelerator");
    let model = cursor.word_opt("model");
    match (&model, &tokens_per_accelerator) {
        (None, None) => {
            if !cursor.has("model") {
                let hint = "give `model`, or `tokens_per_accelerator`";
                cursor.wrong("F0215", "model", format!("nothing says how fast an accelerator serves `{}`", entity.name), hint);
            }
            cursor.poison();
        }
        (Some(name), None) if !bastide_cost_models::library().models.contains_key(name) => {
            let known: Vec<&str> = bastide_cost_models::library().models.keys().map(String::as_str).collect();
            let hint = format!("{}; or give `tokens_per_accelerator`", suggestion(name, &known, "model"));
            cursor.wrong("F0309", "model", format!("the library has no model `{name}`"), hint);
            cursor.poison();
        }
        _ => {}
    }
    let mut origins: Vec<(NationId, f64)> = Vec::new();
    let mut known = true;
    for (word, at, share) in cursor.ratios("origins") {
        match cursor.resolve("nation", word, at) {
            Some(index) => origins.push((NationId::from_index(index), share)),
            None => known = false,
        }
    }
    let sum: f64 = origins.iter().map(|(_, share)| share).sum();
    if cursor.has("origins") && known && (sum - 1.0).abs() > 1e-6 {
        cursor.wrong("F0220", "origins", format!("the shares of `origins` sum to {sum:.6}, not to 1"), "give every origin its share");
    }
    if origins.is_empty() {
        origins.push((nation, 1.0));
    }
    let tier = Tier::ALL[cursor.one_of("tier", keys::TIERS)];
    let value = cursor.quantity("value");
    let mut demands = Demands { tokens_per_accelerator, ..demands(cursor, index) };
    let service = Service {
        shape: operation::shape(cursor),
        operation: operation::operation(cursor, model.as_deref(), &mut demands),
        nation,
        tier,
        model: model.unwrap_or_else(|| "as given".to_owned()),
        demand: cursor.quantity("demand"),
        profile: {
            let profile = cursor.profile::<Ratio>("profile");
            growth::grown(cursor, profile)
        },
        origins,
        max_latency: cursor.quantity("max_latency"),
        bytes_per_token: cursor.quantity_opt("bytes_per_token"),
        dataset: cursor.reference_opt("dataset", "dataset").map(DatasetId::from_index),
        value,
        critical: super::uncertainty::critical(cursor),
        security_overhead: cursor.ratio("security_overhead"),
        users: cursor.count_opt("users"),
        entity,
    };
    if service.tier == Tier::T0 && service.value.as_eur_per_mtokens() <= 0.0 {
        let message = format!("service `{}` is of tier T0 and worth nothing", service.entity.name);
        cursor.wrong("F0514", "value", message, "a plan would serve everything else first: give its tokens a value");
    }
    (service, demands)
}
