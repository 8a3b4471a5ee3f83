//! Tables of statistics of request files: `value` of `metric` (`ttft_mean` .. `latency_p99`) of a replay of `request_file`.

use std::sync::Mutex;

use bastide_cost_models::compute::serving::{Deployment, Engine, Layout};
use bastide_cost_models::compute::{Format, Grade, Prediction};

use super::{Policy, ReplaySummary, Since, Trace, profile_of, serve};
use crate::library::{find_architecture, find_device};
use crate::{Answer, Family, Row, Table};

/// Reads a file whose name a table gives, relative to the table's folder.
pub type ReadFile = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// Statistics of request files.
pub struct Requests {
    read: Box<ReadFile>,
    /// The last replay: a table asks for many statistics of one.
    last: Mutex<Option<(String, ReplaySummary)>>,
}

/// The kind of table, where nobody reads files: it is recognised, and says what is missing.
pub struct Unread;

const COLUMNS: &[&str] = &["accelerator", "model", "precision", "tp", "dp", "ep", "engine", "max_num_seqs", "metric", "request_file"];
/// Half widths of 90 % intervals, as logarithms, on machines that have not been profiled: of times per token and latencies,
/// and of times to the first token. Twice the error of the data sheet's model on the machines that have been.
const UNPROFILED: [f64; 2] = [0.2, 0.4];
/// How much wider an interval is where tensors are cut over devices, if no run of the profile's fit did: the collectives are
/// those of another kind then.
const UNSEEN_LAYOUT: f64 = 2.0;

impl Requests {
    /// With what reads the files.
    #[must_use]
    pub fn new(read: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read), last: Mutex::new(None) }
    }

    fn predict(&self, row: Row<'_>) -> Result<Prediction, String> {
        let text = |column: &str| row.get(column).ok_or_else(|| format!("`{column}` is empty"));
        let (_, device) = find_device(text("accelerator")?)?;
        let (name, architecture) = find_architecture(text("model")?)?;
        let weights =
            Format::parse(text("precision")?).ok_or_else(|| format!("unknown precision: {}", text("precision").unwrap_or_default()))?;
        let degree = |column: &str| if row.get(column).is_some() { row.positive(column) } else { Ok(1.0) };
        let layout = Layout { tensor: degree("tp")?, data: degree("dp")?, expert: degree("ep")?, pipeline: 1.0 };
        let whole = |column: &str, default: u32| match row.get(column) {
            None => Ok(default),
            Some(_) => row.positive(column).and_then(|value| {
                if value.fract() == 0.0 && value < 1e9 {
                    Ok(value as u32)
                } else {
                    Err(format!("`{column}` is not a whole number: {value}"))
                }
            }),
        };
        let standard = Policy::default();
        let policy = Policy {
            max_num_seqs: whole("max_num_seqs", standard.max_num_seqs)?,
            max_num_batched_tokens: whole("max_num_batched_tokens", standard.max_num_batched_tokens)?,
            ..standard
        };
        let deployment = Deployment::new(device, architecture, weights, layout, Engine::parse(text("engine")?));
        let file = text("request_file")?;
        let asked = format!("{file} {name} {} {weights:?} {layout:?} {:?} {policy:?}", device.title, deployment.engine);
        let known = self.last.lock().ok().and_then(|last| last.clone()).filter(|(key, _)| *key == asked);
        let summary = match known {
            Some((_, summary)) => summary,
            None => {
                let trace = Trace::read(&(self.read)(file)?).map_err(|error| format!("{file}: {error}"))?;
                let outcome = serve(&trace, &deployment, &policy).map_err(|error| error.to_string())?;
                // Engines count from when they take a request into the queue.
                let summary = outcome.summary(Since::Queue);
                if let Ok(mut last) = self.last.lock() {
                    *last = Some((asked, summary.clone()));
                }
                summary
            }
        };
        let metric = text("metric")?;
        let value = metric.rsplit_once('_').and_then(|(time, statistic)| {
            let times = match time {
                "ttft" => summary.ttft,
                "tpot" => summary.tpot,
                "latency" => summary.latency,
                _ => return None,
            };
            times.get(statistic)
        });
        let scale = match row.get("unit") {
            Some("s") => 1.0,
            Some("ms") | None => 1e3,
            Some(unit) => return Err(format!("unknown unit: {unit}")),
        };
        let value = value.ok_or_else(|| format!("unknown metric: {metric}"))? * scale;
        let first = usize::from(metric.starts_with("ttft"));
        let (grade, spread) = match profile_of(&deployment) {
            Some(profile) => {
                let seen = layout.tensor <= 1.0 || profile.models.iter().any(|model| model == name);
                (Grade::Interpolated, [profile.spread, profile.spread_first][first] * if seen { 1.0 } else { UNSEEN_LAYOUT })
            }
            None => (Grade::Datasheet, UNPROFILED[first]),
        };
        Ok(Prediction { value, low90: value * (-spread).exp(), high90: value * spread.exp(), grade, terms: Vec::new() })
    }
}

fn answer(row: Row<'_>, outcome: Result<Prediction, String>) -> Vec<Answer> {
    let metric = row.get("metric").unwrap_or_default();
    // One summary for each time, over all its statistics.
    let metric = metric.rsplit_once('_').map_or(metric, |(time, _)| time).to_owned();
    vec![Answer { metric, unit: row.get("unit").unwrap_or("ms").to_owned(), measured: row.number("value"), outcome }]
}

impl Family for Requests {
    fn name(&self) -> &'static str {
        Unread.name()
    }

    fn columns(&self) -> &'static [&'static str] {
        COLUMNS
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        answer(row, self.predict(row))
    }

    fn fit(&self, _: &Table) -> Option<String> {
        None
    }
}

impl Family for Unread {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn columns(&self) -> &'static [&'static str] {
        COLUMNS
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        answer(row, Err(format!("the file `{}` is not read here", row.get("request_file").unwrap_or_default())))
    }

    fn fit(&self, _: &Table) -> Option<String> {
        None
    }
}
