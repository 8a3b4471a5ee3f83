//! What a policy is made of, and how it is written.

use std::collections::BTreeMap;

use crate::ask::Ask;
use crate::job::Job;
use crate::span::Span;

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Who came first.
    Arrival,
    /// Who runs for the shortest time, known in advance.
    Shortest,
    /// Who still has to run for the shortest time; pre-empts.
    ShortestRemaining,
    /// Who has the greatest priority.
    Priority,
    /// Whose owner has used the least of its share.
    FairShare,
}

/// Who may start before it is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backfill {
    /// Nobody.
    None,
    /// Who does not delay the first.
    Easy,
    /// Who does not delay anybody.
    Conservative,
}

/// Whose share a job uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Its user's.
    User,
    /// Its nation's.
    Nation,
    /// Its partition's.
    Partition,
}

/// Run time that a pre-emption costs a job, to save its state and to come back, by its number of GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Up to this many GPUs, this long; in rising order.
    steps: Vec<(u32, Span)>,
    /// With more.
    beyond: Span,
}

impl Cost {
    /// 7 s for one GPU, 30 s for up to a node of 8, 60 s for more (Hu et al. 2021, "Characterization and prediction of deep
    /// learning workloads in large-scale GPU datacenters", SC '21, their simulator).
    #[must_use]
    pub fn helios() -> Self {
        let s = Span::from_whole_s;
        Self { steps: vec![(1, s(7)), (8, s(30))], beyond: s(60) }
    }

    /// The cost for a job.
    #[must_use]
    pub fn of(&self, ask: &Ask) -> Span {
        self.steps.iter().find(|(most, _)| ask.gpus <= *most).map_or(self.beyond, |(_, cost)| *cost)
    }

    /// Reads `30` or `1:7/8:30/60`: up to 1 GPU 7 s, up to 8 GPUs 30 s, with more 60 s.
    fn parse(text: &str) -> Option<Self> {
        let seconds = |text: &str| text.trim().parse::<f64>().ok().filter(|it| (0.0..=1e9).contains(it)).map(Span::from_s);
        let (steps, last) = text.rsplit_once('/').map_or((None, text), |(steps, last)| (Some(steps), last));
        let step = |text: &str| {
            let (most, cost) = text.split_once(':')?;
            Some((most.trim().parse().ok()?, seconds(cost)?))
        };
        let steps: Vec<(u32, Span)> = steps.map_or(Some(Vec::new()), |steps| steps.split('/').map(step).collect())?;
        steps.is_sorted_by(|a, b| a.0 < b.0).then_some(())?;
        Some(Self { steps, beyond: seconds(last)? })
    }

    fn written(&self) -> String {
        let steps = self.steps.iter().map(|(most, cost)| format!("{most}:{}/", cost.as_s()));
        steps.collect::<String>() + &self.beyond.as_s().to_string()
    }
}

impl serde::Serialize for Cost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Settings {
    /// Its word.
    pub policy: String,
    /// Who is next.
    pub order: Order,
    /// Who may start before.
    pub backfill: Backfill,
    /// Whether greater priority takes the room of lower priority that runs.
    pub preempt: bool,
    /// What that costs the pre-empted.
    #[serde(rename = "preemption_cost_s")]
    pub preemption_cost: Cost,
    /// How long after its end a job still holds what it has, because nobody noticed yet.
    #[serde(rename = "release_delay_s", serialize_with = "in_seconds")]
    pub release_delay: Span,
    /// Estimates are the run time times this; without it those of the log, and where it has none the run time.
    pub estimate_factor: Option<f64>,
    /// Most jobs that backfilling looks at.
    pub depth: usize,
    /// Time in which past use loses half its weight.
    #[serde(rename = "half_life_s", serialize_with = "in_seconds")]
    pub half_life: Span,
    /// Who has shares.
    pub share_by: Owner,
    /// Shares that are not 1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, f64>,
    /// GPUs of each nation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub quotas: BTreeMap<String, u32>,
    /// Whether nations may run on GPUs that others do not use now.
    pub borrow: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn in_seconds<S: serde::Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_s())
}

/// A policy that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// Line of the file, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

fn wrong(message: impl Into<String>) -> PolicyError {
    PolicyError { line: None, message: message.into() }
}

/// Words of policies, what they mean, and their order, backfilling and pre-emption.
pub const WORDS: [(&str, &str, Order, Backfill, bool); 8] = [
    ("fifo", "first in, first out", Order::Arrival, Backfill::None, false),
    ("sjf", "shortest first, by the run time", Order::Shortest, Backfill::None, false),
    ("srtf", "shortest remaining time first, pre-empting", Order::ShortestRemaining, Backfill::None, true),
    ("easy", "first come with EASY backfilling", Order::Arrival, Backfill::Easy, false),
    ("conservative", "first come with conservative backfilling", Order::Arrival, Backfill::Conservative, false),
    ("fair-share", "least used share first", Order::FairShare, Backfill::None, false),
    ("priority", "greatest priority first, pre-empting", Order::Priority, Backfill::None, true),
    ("quotas", "quotas of nations, with borrowing", Order::Arrival, Backfill::None, true),
];

/// Keys that may be set.
const KEYS: &str = "policy, order, backfill, preempt, preemption_cost_s, release_delay_s, estimate_factor, depth, half_life_s, share_by, \
                    shares, quotas, borrow";

impl Settings {
    /// The policy of a word.
    ///
    /// # Errors
    /// For a word that names none.
    pub fn named(word: &str) -> Result<Self, PolicyError> {
        let plain = word.trim().to_ascii_lowercase().replace('_', "-");
        let found = WORDS.iter().find(|(name, ..)| *name == plain);
        let Some((name, _, order, backfill, preempt)) = found else {
            let known: Vec<&str> = WORDS.iter().map(|(name, ..)| *name).collect();
            return Err(wrong(format!("`{word}` is no policy; there are {}", known.join(", "))));
        };
        Ok(Self {
            policy: (*name).to_owned(),
            order: *order,
            backfill: *backfill,
            preempt: *preempt,
            preemption_cost: Cost::helios(),
            release_delay: Span::ZERO,
            estimate_factor: None,
            depth: 1000,
            half_life: Span::from_whole_s(7 * 86_400),
            share_by: Owner::User,
            shares: BTreeMap::new(),
            quotas: BTreeMap::new(),
            borrow: true,
        })
    }

    /// Reads a word and keys: `easy,estimate_factor=2`.
    ///
    /// # Errors
    /// For what is no policy, no key, or no value of one.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut table = toml::Table::new();
        for (index, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key.trim(), value.trim()),
                None if index == 0 => ("policy", part),
                None => return Err(wrong(format!("`{part}` is not KEY=VALUE; keys are {KEYS}"))),
            };
            let value = match (value.parse::<f64>(), value.parse::<bool>()) {
                (Ok(number), _) => toml::Value::Float(number),
                (_, Ok(truth)) => toml::Value::Boolean(truth),
                _ => toml::Value::String(value.to_owned()),
            };
            table.insert(key.to_owned(), value);
        }
        Self::of(&table)
    }

    /// Reads a TOML file with the same keys.
    ///
    /// # Errors
    /// As [`Settings::parse`], and for what is no TOML.
    pub fn from_toml(source: &str) -> Result<Self, PolicyError> {
        let table = source.parse::<toml::Table>().map_err(|error| {
            let line = error.span().map(|span| source[..span.start.min(source.len())].matches('\n').count() + 1);
            PolicyError { line, message: error.message().to_owned() }
        })?;
        Self::of(&table)
    }

    fn of(table: &toml::Table) -> Result<Self, PolicyError> {
        let quotas = table.contains_key("quotas");
        let word = table.get("policy").map_or(Some(if quotas { "quotas" } else { "fifo" }), toml::Value::as_str);
        let mut settings = Self::named(word.ok_or_else(|| wrong("`policy` is a word"))?)?;
        for (key, value) in table {
            settings.set(key, value)?;
        }
        if settings.policy == "quotas" && settings.quotas.is_empty() {
            return Err(wrong("policy `quotas` needs the GPUs of each nation, for example quotas=france:64/poland:32"));
        }
        settings.agree()?;
        Ok(settings)
    }

    /// Refuses what does not go together.
    fn agree(&self) -> Result<(), PolicyError> {
        let (order, backfills) = (self.order, self.backfill != Backfill::None);
        if self.backfill == Backfill::Conservative && order != Order::Arrival {
            return Err(wrong("conservative backfilling books in order of arrival, and in no other order"));
        }
        if backfills && order == Order::ShortestRemaining {
            return Err(wrong("shortest remaining time first fills all GPUs by itself: it takes no backfilling"));
        }
        if !self.quotas.is_empty() && (backfills || matches!(order, Order::ShortestRemaining | Order::FairShare)) {
            return Err(wrong("quotas go with the orders arrival, shortest and priority, without backfilling"));
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &toml::Value) -> Result<(), PolicyError> {
        let bad = |what: &str| wrong(format!("`{key}` is {what}, not `{}`", shown(value)));
        let number = || value.as_float().or_else(|| value.as_integer().map(|it| it as f64)).filter(|it| it.is_finite() && *it >= 0.0);
        let truth = || value.as_bool().ok_or_else(|| bad("true or false"));
        let seconds = || number().filter(|it| *it <= 1e9).map(Span::from_s).ok_or_else(|| bad("a number of seconds"));
        match key {
            "policy" => {}
            "order" => self.order = word(value).ok_or_else(|| bad("arrival, shortest, shortest-remaining, priority or fair-share"))?,
            "backfill" => self.backfill = word(value).ok_or_else(|| bad("none, easy or conservative"))?,
            "share_by" => self.share_by = word(value).ok_or_else(|| bad("user, nation or partition"))?,
            "preempt" => self.preempt = truth()?,
            "borrow" => self.borrow = truth()?,
            "preemption_cost_s" => {
                let text = number().map(|it| it.to_string()).or_else(|| value.as_str().map(str::to_owned));
                self.preemption_cost =
                    text.as_deref().and_then(Cost::parse).ok_or_else(|| bad("seconds, or seconds by GPUs such as 1:7/8:30/60"))?;
            }
            "release_delay_s" => self.release_delay = seconds()?,
            "half_life_s" => self.half_life = Some(seconds()?).filter(|it| *it > Span::ZERO).ok_or_else(|| bad("above 0"))?,
            "estimate_factor" => {
                let factor = number().filter(|it| *it >= 1.0 && *it <= 1e6).ok_or_else(|| bad("a number from 1"))?;
                self.estimate_factor = Some(factor);
            }
            "depth" => self.depth = number().filter(|it| it.fract() == 0.0 && *it <= 1e9).ok_or_else(|| bad("a number of jobs"))? as usize,
            "shares" => {
                self.shares = pairs(value, |share| (share > 0.0 && share <= 1e9).then_some(share))
                    .ok_or_else(|| bad("names with shares above 0, such as ann:2/bob:1"))?;
            }
            "quotas" => {
                self.quotas = pairs(value, |gpus| (gpus.fract() == 0.0 && (0.0..=1e9).contains(&gpus)).then_some(gpus as u32))
                    .ok_or_else(|| bad("nations with GPUs, such as france:64/poland:32"))?;
            }
            _ => return Err(wrong(format!("`{key}` is no key of a policy; keys are {KEYS}"))),
        }
        Ok(())
    }

    /// How long a job will run, as far as the policy knows.
    pub(crate) fn estimate(&self, job: &Job) -> Span {
        match self.estimate_factor {
            Some(factor) => Span::from_s(job.runtime.as_s() * factor).max(job.runtime),
            None => job.estimate.unwrap_or(job.runtime),
        }
    }
}

fn shown(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn word<T: serde::de::DeserializeOwned>(value: &toml::Value) -> Option<T> {
    value.clone().try_into().ok()
}

/// Names with numbers: a table, or `ann:2/bob:1`.
fn pairs<T>(value: &toml::Value, number: impl Fn(f64) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let entry = |name: &str, of: Option<f64>| Some((name.to_owned(), number(of?)?));
    match value {
        toml::Value::Table(table) => {
            table.iter().map(|(name, of)| entry(name, of.as_float().or_else(|| of.as_integer().map(|it| it as f64)))).collect()
        }
        toml::Value::String(text) => {
            text.split('/').map(|pair| pair.split_once(':').and_then(|(name, of)| entry(name.trim(), of.trim().parse().ok()))).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_word_and_keys() {
        let settings = Settings::parse("srtf,preemption_cost_s=1:7/8:30/60,release_delay_s=1").unwrap();
        assert_eq!(settings.preemption_cost, Cost::helios());
        assert_eq!(settings.release_delay, Span::from_whole_s(1));
        let seconds = |gpus: u32| settings.preemption_cost.of(&Ask::gang_of(gpus)).as_s();
        assert_eq!([1, 2, 8, 9].map(seconds), [7.0, 30.0, 30.0, 60.0]);
        assert_eq!(Settings::parse("EASY").unwrap().backfill, Backfill::Easy);
        assert_eq!(Settings::parse("fair_share").unwrap().order, Order::FairShare);
        assert_eq!(Settings::parse("quotas=france:64/poland:32").unwrap().quotas["poland"], 32);
        assert_eq!(Settings::from_toml("[quotas]\nfrance = 64\n").unwrap().quotas["france"], 64);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in [
            "lifo",
            "fifo,easy",
            "easy,depth=1.5",
            "easy,estimate_factor=0.5",
            "easy,estimate_factor=nan",
            "srtf,preemption_cost_s=8:30/1:7/60",
            "srtf,preemption_cost_s=-1",
            "fair-share,half_life_s=0",
            "quotas",
            "quotas=france",
            "fifo,colour=red",
        ] {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
        assert_eq!(Settings::from_toml("policy = \"fifo\"\ndepth = \n").unwrap_err().line, Some(2));
    }
}
