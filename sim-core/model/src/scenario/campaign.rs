//! Training campaigns: how they spread, and what they save.

use bastide_units::{Bandwidth, DataSize, Duration, Rate, Time};

use super::demand::{Demands, demands};
use super::each;
use crate::decode::{Context, Cursor};
use crate::keys;
use crate::model::{
    Campaign, CampaignMode, CheckpointInterval, CheckpointMode, Checkpoints, DatasetId, NationId, RemoteCheckpoints, SiteId, SlowExchange,
    Tier,
};
use crate::tree::Table;

/// Decodes `[[campaign]]`.
pub fn campaigns(ctx: &mut Context, root: &Table) -> Vec<(Campaign, Demands)> {
    let mut index = 0;
    each(ctx, root, "campaign", |cursor| {
        let entity = cursor.entity();
        let nation = NationId(cursor.reference("nation", "nation"));
        let (start, deadline) = times(cursor, &entity.name);
        let accelerators = cursor.count("accelerators");
        let campaign = Campaign {
            entity,
            nation,
            tier: Tier::ALL[cursor.one_of("tier", keys::TIERS)],
            compute: cursor.quantity("compute"),
            accelerators,
            mode: mode(cursor, accelerators),
            utilisation: cursor.ratio("utilisation"),
            start,
            deadline,
            checkpoints: checkpoints(cursor),
            detection: cursor.quantity("detection"),
            restart: cursor.distribution::<Duration>("restart"),
            relocate_after: cursor.quantity_opt("relocate_after"),
            planned_stops: cursor.quantity_opt("planned_stops").unwrap_or(Rate::ZERO),
            dataset: cursor.reference_opt("dataset", "dataset").map(DatasetId::from_index),
            cost_of_delay: cursor.quantity("cost_of_delay"),
            value: cursor.quantity("value"),
        };
        index += 1;
        (campaign, demands(cursor, index - 1))
    })
}

/// Start and deadline.
fn times(cursor: &mut Cursor<'_, '_>, name: &str) -> (Time, Time) {
    let start = cursor.date_opt("start").unwrap_or(Time::ZERO);
    let deadline = cursor.date_opt("deadline");
    let end = Time::from(cursor.ctx.duration);
    if start >= end {
        cursor.wrong("F0222", "start", format!("campaign `{name}` starts after the scenario's end"), "let the scenario last longer");
    }
    if let Some(deadline) = deadline {
        if deadline <= start {
            cursor.wrong("F0221", "deadline", "`deadline` is not after `start`", "give the campaign time");
        } else if deadline > end {
            cursor.wrong(
                "F0222",
                "deadline",
                "`deadline` lies after the scenario's end",
                "let the scenario last longer, or bring the deadline forward",
            );
        }
    }
    (start, deadline.unwrap_or(Time::NEVER))
}

/// Reports keys that mean nothing in the mode that was chosen.
fn refuse(cursor: &mut Cursor<'_, '_>, names: &[&str], mode: &str) {
    for name in names.iter().filter(|name| cursor.table.get(name).is_some()).collect::<Vec<_>>() {
        cursor.wrong("F0830", name, format!("`{name}` means nothing here"), format!("it belongs to `{mode}`"));
    }
}

/// A key without which a mode makes no sense; 1 after a message.
fn needed(cursor: &mut Cursor<'_, '_>, key: &str, mode: &str) -> u32 {
    if !cursor.has(key) {
        cursor.wrong("F0215", "mode", format!("`mode = \"{mode}\"` stands without `{key}`"), format!("add `{key}`"));
    }
    cursor.count_opt(key).unwrap_or(1)
}

fn mode(cursor: &mut Cursor<'_, '_>, accelerators: u32) -> CampaignMode {
    const ELASTIC: &[&str] = &["min_accelerators", "step", "resize"];
    const ISLANDS: &[&str] = &["islands", "sync_interval", "inner_steps", "sync_size", "sync_fragments", "sync_overlap", "sync_time"];
    let mode = keys::CAMPAIGN_MODES[cursor.one_of("mode", keys::CAMPAIGN_MODES)];
    if mode != "elastic" {
        refuse(cursor, ELASTIC, "mode = \"elastic\"");
    }
    if mode != "low-communication" {
        refuse(cursor, ISLANDS, "mode = \"low-communication\"");
    }
    match mode {
        "elastic" => {
            let least = needed(cursor, "min_accelerators", mode);
            if least > accelerators {
                let message = format!("`min_accelerators` is {least}, and the gang has {accelerators}");
                cursor.wrong("F0832", "min_accelerators", message, "it is the least size that the gang goes on with");
            }
            let step = cursor.count_opt("step").unwrap_or(1);
            CampaignMode::Elastic { least, step, resize: cursor.quantity_opt("resize").unwrap_or(Duration::from_min(1.0)) }
        }
        "low-communication" => {
            let islands = needed(cursor, "islands", mode);
            if islands == 0 || !accelerators.is_multiple_of(islands) {
                let message = format!("{accelerators} accelerators do not make {islands} islands of the same size");
                cursor.wrong("F0832", "islands", message, "`accelerators` counts those of all islands together");
            }
            if !cursor.has("sync_size") && !cursor.has("sync_time") {
                let hint = "give `sync_size`, about 2 bytes a parameter, or `sync_time`";
                cursor.wrong("F0215", "mode", "nothing says how long an exchange takes", hint);
            }
            let exchange = SlowExchange {
                interval: cursor.quantity_opt("sync_interval").unwrap_or(Duration::from_min(30.0)),
                inner_steps: cursor.count_opt("inner_steps").unwrap_or(100),
                size: cursor.quantity_opt("sync_size").unwrap_or(DataSize::ZERO),
                fragments: cursor.count_opt("sync_fragments").unwrap_or(1),
                overlap_steps: cursor.count_opt("sync_overlap").unwrap_or(0),
                time: cursor.quantity_opt("sync_time"),
            };
            CampaignMode::LowCommunication { islands, exchange }
        }
        _ => CampaignMode::Synchronous,
    }
}

fn checkpoints(cursor: &mut Cursor<'_, '_>) -> Checkpoints {
    let mode = keys::CHECKPOINT_MODES[cursor.one_of("checkpoint_mode", keys::CHECKPOINT_MODES)];
    if mode != "in-memory" {
        refuse(cursor, &["checkpoint_replicas", "persistent_interval", "persistent_time"], "checkpoint_mode = \"in-memory\"");
    }
    let size = cursor.quantity_opt::<DataSize>("checkpoint_size");
    let bandwidth = cursor.quantity_opt::<Bandwidth>("checkpoint_bandwidth");
    if bandwidth.is_some() && size.is_none() {
        cursor.wrong("F0215", "checkpoint_bandwidth", "`checkpoint_bandwidth` stands without `checkpoint_size`", "give both");
    }
    let written = size.zip(bandwidth).map(|(size, bandwidth)| Duration::from_s(size.as_bytes() / (bandwidth.as_gb_per_s() * 1e9)));
    let given = cursor.quantity_opt::<Duration>("checkpoint_time");
    let in_memory = mode == "in-memory";
    // In memory, size and bandwidth are those of the copies in the site's storage.
    let time = given.or(written.filter(|_| !in_memory)).unwrap_or(Duration::ZERO);
    let mode = match mode {
        "in-memory" => CheckpointMode::InMemory {
            replicas: cursor.count_opt("checkpoint_replicas").unwrap_or(1),
            persistent_interval: cursor.quantity_opt("persistent_interval").unwrap_or(Duration::from_h(3.0)),
            persistent_time: cursor.quantity_opt("persistent_time").or(written).unwrap_or(Duration::ZERO),
        },
        "asynchronous" => CheckpointMode::Asynchronous,
        _ => CheckpointMode::Blocking,
    };
    let interval = interval(cursor, time, mode);
    let burn = keys::CHECKPOINT_STORES[cursor.one_of("checkpoint_storage", keys::CHECKPOINT_STORES)] == "site";
    if !burn {
        refuse(cursor, &["checkpoint_remote", "checkpoint_remote_interval"], "checkpoint_storage = \"site\"");
        return Checkpoints { mode, interval, time, burn, remote: None };
    }
    Checkpoints { mode, interval, time, burn, remote: remote(cursor, size) }
}

fn interval(cursor: &mut Cursor<'_, '_>, time: Duration, mode: CheckpointMode) -> CheckpointInterval {
    let waits = mode != CheckpointMode::Asynchronous;
    if let Some(word) = cursor.word_instead("checkpoint_interval", keys::CHECKPOINT_INTERVALS) {
        if !waits || time <= Duration::ZERO {
            let message = format!("`{word}` has no time of writing to weigh");
            cursor.wrong(
                "F0831",
                "checkpoint_interval",
                message,
                "give `checkpoint_time` of checkpoints that training waits for, or an interval",
            );
        }
        return if word == "young" { CheckpointInterval::Young } else { CheckpointInterval::Daly };
    }
    let interval = cursor.quantity::<Duration>("checkpoint_interval");
    if waits && time >= interval {
        let key = if cursor.has("checkpoint_time") { "checkpoint_time" } else { "checkpoint_interval" };
        cursor.wrong("F0506", key, "writing a checkpoint takes as long as the work between two", "checkpoint less often, or faster");
    }
    CheckpointInterval::Fixed(interval)
}

fn remote(cursor: &mut Cursor<'_, '_>, size: Option<DataSize>) -> Option<RemoteCheckpoints> {
    let interval = cursor.quantity_opt::<Duration>("checkpoint_remote_interval");
    if !cursor.has("checkpoint_remote") {
        if interval.is_some() {
            let hint = "name the site that gets the copies";
            cursor.wrong("F0215", "checkpoint_remote_interval", "`checkpoint_remote_interval` stands without `checkpoint_remote`", hint);
        }
        return None;
    }
    let site = cursor.reference_opt("checkpoint_remote", "site").map(SiteId::from_index);
    if size.is_none() {
        cursor.wrong("F0215", "checkpoint_remote", "`checkpoint_remote` stands without `checkpoint_size`", "say how large a copy is");
    }
    Some(RemoteCheckpoints { site: site?, interval: interval.unwrap_or(Duration::from_h(6.0)), size: size? })
}
