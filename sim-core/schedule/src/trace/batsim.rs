//! Workloads of Batsim: JSON with jobs and their profiles (Dutot et al. 2016, "Batsim: a realistic language-independent resources
//! and jobs management systems simulator").

use std::collections::BTreeMap;
use std::io::BufRead;

use bastide_units::Time;
use serde::Deserialize;
use serde_json::Value;

use super::{Bad, Draft, TraceError};
use crate::ask::Ask;
use crate::job::{Job, Published};
use crate::span::Span;

#[derive(Deserialize)]
struct Workload {
    jobs: Vec<Listed>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

#[derive(Deserialize)]
struct Listed {
    id: Value,
    subtime: f64,
    res: f64,
    #[serde(default)]
    walltime: Option<f64>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    priority: Option<i64>,
    #[serde(default)]
    user: Option<String>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    delay: Option<f64>,
    #[serde(default)]
    runtime: Option<f64>,
}

pub fn read(text: impl BufRead, draft: &mut Draft) -> Result<(), TraceError> {
    let workload: Workload = serde_json::from_reader(text).map_err(|error| {
        if error.is_io() {
            return TraceError::Io(error.into());
        }
        let bad = Bad::new(error.line() as u64, error.column() as u32, format!("no workload of Batsim: {error}"));
        TraceError::Lines { first: vec![bad], count: 1 }
    })?;
    let mut by_limit: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, listed) in workload.jobs.iter().enumerate() {
        let profile = listed.profile.as_ref().and_then(|name| workload.profiles.get(name));
        let read = job(listed, profile, index, draft).map(|(job, limited)| {
            if limited {
                *by_limit.entry(profile.map_or("no profile", |it| it.kind.as_str())).or_default() += 1;
            }
            Some(job)
        });
        draft.take(read);
    }
    for (kind, count) in by_limit {
        draft.notices.push(format!(
            "{count} jobs ({kind}) run as long as their wall time: their work is given in operations and bytes, whose time depends on hosts and network"
        ));
    }
    draft.notices.push("resources are taken as GPUs: a platform of 128 hosts is `--cluster 128x1`".to_owned());
    Ok(())
}

/// A job, and whether its wall time stands for its run time. Jobs are numbered as lines, from 1: the file says no lines.
fn job(listed: &Listed, profile: Option<&Profile>, index: usize, draft: &mut Draft) -> Result<(Job, bool), Bad> {
    let id = match &listed.id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let bad = |what: &str| Bad::new(index as u64 + 1, 1, format!("job `{id}` (counted from 1): {what}"));
    let seconds = |value: f64, what: &str| {
        if (0.0..=9e9).contains(&value) {
            Ok(Span::from_s(value))
        } else {
            Err(bad(&format!("{what} {value} is no time in seconds from 0")))
        }
    };
    if !(listed.res >= 1.0 && listed.res <= 1e9 && listed.res.fract() == 0.0) {
        return Err(bad(&format!("`res` {} is no number of resources", listed.res)));
    }
    if let (None, Some(name)) = (profile, &listed.profile) {
        return Err(bad(&format!("its profile `{name}` is not in the file")));
    }
    // A wall time of -1 stands for none.
    let limit = listed.walltime.filter(|it| *it != -1.0).map(|it| seconds(it, "`walltime`")).transpose()?;
    let told = profile.and_then(|it| it.delay.or(it.runtime)).map(|it| seconds(it, "the delay of its profile")).transpose()?;
    let (runtime, limited) = match (told, limit) {
        // Batsim ends a job at its wall time.
        (Some(told), limit) => (limit.map_or(told, |limit| told.min(limit)), false),
        (None, Some(limit)) => (limit, true),
        (None, None) => {
            let kind = profile.map_or("", |it| it.kind.as_str());
            return Err(bad(&format!("its run time does not follow from its profile (`{kind}`), and it has no `walltime`")));
        }
    };
    let job = Job {
        id: id.as_str().into(),
        line: index as u32 + 1,
        submit: seconds(listed.subtime, "`subtime`")?.after(Time::ZERO),
        runtime,
        estimate: limit.filter(|it| *it > Span::ZERO),
        ask: Ask::gang_of(listed.res as u32),
        models: None,
        user: listed.user.as_deref().and_then(|word| draft.names.name(word)),
        nation: None,
        partition: None,
        priority: listed.priority.unwrap_or(0),
        published: Published::default(),
    };
    Ok((job, limited))
}
