//! Two-stage placement problems (`placement-v1`, JSON) as scenarios: where to put blocks of accelerators before it is known how much of
//! each site and of each demand there will be.
//!
//! A block becomes a node of 100 accelerators. One unit of work is what a block of efficiency 1 does: 100,000 tokens/s, so that an accelerator
//! serves `1000 * eff` tokens/s. A million of the file's money is a million euros. Capital is written off in one year without interest, and
//! accelerators draw full power at all times, so that a year costs what the file says. Sites that a workload may use hold a
//! certificate of its name. The first scenario becomes the nominal outlook.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::ImportedScenario;
use crate::diag::Diagnostic;
use crate::source::Span;

/// Accelerators in a block.
const BLOCK: u32 = 100;
/// Tokens per second of one unit of work.
const TOKENS: f64 = 1e5;
/// Hours and seconds of a year.
const YEAR: (f64, f64) = (8760.0, 8760.0 * 3600.0);
/// The slack of a row of critical work costs so many times the penalty.
const SLACK: f64 = 3.0;

#[derive(Deserialize)]
struct File {
    kind: String,
    sites: Vec<Site>,
    gpus: Vec<Gpu>,
    workloads: Vec<Workload>,
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Site {
    id: u64,
    #[serde(default)]
    country: u64,
    power_mw: f64,
    rack_blocks: f64,
    pue: f64,
    fixed: f64,
    energy: f64,
}

#[derive(Deserialize)]
struct Gpu {
    id: u64,
    mw_block: f64,
    capex: f64,
    supply: f64,
}

#[derive(Deserialize)]
struct Workload {
    id: u64,
    sites: Vec<u64>,
    gpus: Vec<u64>,
    eff: BTreeMap<String, f64>,
    demand: f64,
    critical: f64,
    penalty: f64,
}

#[derive(Deserialize)]
struct Scenario {
    prob: f64,
    avail: Vec<f64>,
    dmult: Vec<f64>,
}

/// Makes a scenario of a placement problem. `strike` plans against the worst loss of so many sites.
///
/// # Errors
/// Where the file is none, contradicts itself, or holds what no scenario can say.
pub fn import_placement(text: &str, file: &str, strike: Option<u32>) -> Result<ImportedScenario, Vec<Diagnostic>> {
    let wrong = |message: String, line: usize, column: usize| {
        let mut span = Span::file(file);
        (span.line, span.column) = (line as u32, column as u32);
        span.text = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().take(240).collect::<String>().into();
        vec![Diagnostic::error("F0969", span, message).hint("a placement has `sites`, `gpus`, `workloads` and `scenarios`")]
    };
    let it: File = serde_json::from_str(text).map_err(|error| wrong(error.to_string(), error.line(), error.column().max(1)))?;
    check(&it).map_err(|message| wrong(message, 0, 0))?;
    let stem = std::path::Path::new(file).file_stem().map_or_else(|| "placement".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let name = word(&stem);
    Ok(ImportedScenario {
        files: vec![("scenario.toml".to_owned(), scenario(&it, &name, strike)), ("README.md".to_owned(), readme(&name, file))],
    })
}

/// A name for a scenario: `placement` where the file's has no letter to begin with.
fn word(stem: &str) -> String {
    let word: String = stem.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    let word = word.trim_matches(|c: char| !c.is_ascii_lowercase()).to_owned();
    if word.is_empty() { "placement".to_owned() } else { word }
}

/// What a scenario cannot say, or the file says twice.
fn check(it: &File) -> Result<(), String> {
    if it.kind != "placement-v1" {
        return Err(format!("`kind` is `{}`, not `placement-v1`", it.kind));
    }
    for (what, empty) in [
        ("sites", it.sites.is_empty()),
        ("gpus", it.gpus.is_empty()),
        ("workloads", it.workloads.is_empty()),
        ("scenarios", it.scenarios.is_empty()),
    ] {
        if empty {
            return Err(format!("`{what}` is empty"));
        }
    }
    let positive = |what: &str, id: u64, value: f64| {
        if value > 0.0 && value.is_finite() { Ok(()) } else { Err(format!("`{what}` of {id} must be above zero: {value}")) }
    };
    let not_negative = |what: &str, id: u64, value: f64| {
        if value >= 0.0 && value.is_finite() { Ok(()) } else { Err(format!("`{what}` of {id} must be zero or more: {value}")) }
    };
    for site in &it.sites {
        positive("power_mw", site.id, site.power_mw)?;
        not_negative("rack_blocks", site.id, site.rack_blocks)?;
        if !(site.pue >= 1.0 && site.pue.is_finite()) {
            return Err(format!("`pue` of {} must be one or more: {}", site.id, site.pue));
        }
        not_negative("fixed", site.id, site.fixed)?;
        not_negative("energy", site.id, site.energy)?;
    }
    for gpu in &it.gpus {
        positive("mw_block", gpu.id, gpu.mw_block)?;
        not_negative("capex", gpu.id, gpu.capex)?;
        not_negative("supply", gpu.id, gpu.supply)?;
    }
    for work in &it.workloads {
        for (what, value) in [("demand", work.demand), ("critical", work.critical), ("penalty", work.penalty)] {
            not_negative(what, work.id, value)?;
        }
        if work.critical > 1.0 {
            return Err(format!("`critical` of {} must be at most 1: {}", work.id, work.critical));
        }
        for gpu in &work.gpus {
            let eff = work.eff.get(&gpu.to_string()).copied();
            not_negative("eff", work.id, eff.unwrap_or(f64::NAN))?;
        }
    }
    for (at, scenario) in it.scenarios.iter().enumerate() {
        if scenario.avail.len() != it.sites.len() || scenario.dmult.len() != it.workloads.len() {
            return Err(format!("scenario {at} needs one `avail` for each site and one `dmult` for each workload"));
        }
        if !(0.0..=1.0).contains(&scenario.prob) {
            return Err(format!("`prob` of scenario {at} must be between 0 and 1: {}", scenario.prob));
        }
        scenario.avail.iter().try_for_each(|share| {
            if (0.0..=1.0).contains(share) { Ok(()) } else { Err(format!("`avail` in scenario {at} must be between 0 and 1: {share}")) }
        })?;
        scenario.dmult.iter().try_for_each(|factor| not_negative("dmult", at as u64, *factor))?;
    }
    let sum: f64 = it.scenarios.iter().map(|scenario| scenario.prob).sum();
    if (sum - 1.0).abs() > 1e-6 {
        return Err(format!("the probabilities sum to {sum:.6}, not to 1"));
    }
    unique("site", it.sites.iter().map(|it| it.id))?;
    unique("gpu", it.gpus.iter().map(|it| it.id))?;
    unique("workload", it.workloads.iter().map(|it| it.id))
}

fn unique(what: &str, ids: impl Iterator<Item = u64>) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    ids.into_iter().try_for_each(|id| if seen.insert(id) { Ok(()) } else { Err(format!("there are two of {what} {id}")) })
}

/// The scenario. Numbers are written so that they read back as the same.
fn scenario(it: &File, name: &str, strike: Option<u32>) -> String {
    let source = "source = \"as in the imported file\"\nverified = false";
    let mut out = format!(
        "#:schema ../schema/scenario.schema.json\n# Imported from a placement problem: see README.md for the units.\n\n[scenario]\nformat = 1\nname = \"{name}\"\ntitle = \"{name}\"\n\
         start = 2027-01-01T00:00:00Z\nduration = \"365 d\"\nprice_year = 2025\nseed = 1\n\n[[nation]]\nname = \"all\"\n"
    );
    // Writing to a String cannot fail.
    for gpu in &it.gpus {
        let share = f64::from(BLOCK);
        let _ = write!(
            out,
            "\n[[accelerator]]\nname = \"gpu-{}\"\npeak = \"1 PFLOP/s\"\nmemory = \"80 GB\"\nmemory_bandwidth = \"3 TB/s\"\npower = \"{:?} MW\"\nidle_share = 1.0\n\
             price = \"{:?} M EUR\"\nper_node = {BLOCK}\nnode_failure_rate = \"0 / d\"\nnode_repair = \"1 d\"\nlifetime = \"1 y\"\nvendor = \"example\"\nvendor_nation = \"all\"\n\
             {source}\n",
            gpu.id,
            gpu.mw_block / share,
            gpu.capex / share,
        );
    }
    for site in &it.sites {
        let certificates: Vec<String> =
            it.workloads.iter().filter(|work| certified(it, work).contains(&site.id)).map(|work| format!("\"work-{}\"", work.id)).collect();
        // A site without racks takes nothing; it stays a site that workloads may name.
        let racks = (site.rack_blocks.floor() * f64::from(BLOCK)).clamp(1.0, f64::from(u32::MAX));
        let _ = write!(
            out,
            "\n[[bus]]\nname = \"bus-{id}\"\nnation = \"all\"\nenergy_price = \"{price:?} EUR/MWh\"\n{source}\n\n[[site]]\nname = \"site-{id}\"\ntitle = \"Site {id}, country {country}\"\n\
             bus = \"bus-{id}\"\ntier = \"regional\"\nconnection = \"{power:?} MW\"\npue = {pue:?}\nmax_accelerators = {racks}\nfixed_cost = \"{fixed:?} M EUR\"\nbuilding_cost = \"0 M EUR/MW\"\n\
             operator = \"state\"\ncertifications = [{certificates}]\n{source}\n",
            id = site.id,
            country = site.country,
            price = site.energy * 1e6 / YEAR.0,
            power = site.power_mw,
            pue = site.pue,
            fixed = site.fixed,
            certificates = certificates.join(", "),
        );
    }
    for work in it.workloads.iter().filter(|work| work.demand > 0.0) {
        let value = work.penalty * 1e12 / (TOKENS * YEAR.1);
        let served = work.gpus.iter().filter_map(|gpu| Some((gpu, *work.eff.get(&gpu.to_string())?))).filter(|(_, eff)| *eff > 0.0);
        let known = served.filter(|(gpu, _)| !work.sites.is_empty() && it.gpus.iter().any(|other| other.id == **gpu));
        let rates: Vec<String> =
            known.map(|(gpu, eff)| format!("gpu-{gpu} = \"{:?} tokens/s\"", eff * TOKENS / f64::from(BLOCK))).collect();
        let _ = write!(
            out,
            "\n[[service]]\nname = \"work-{id}\"\nnation = \"all\"\ntier = \"T1\"\ntokens_per_accelerator = {{ {rates} }}\ndemand = \"{demand:?} tokens/s\"\nvalue = \"{value:?} EUR/M tokens\"\n\
             certification = [\"work-{id}\"]\n{source}\n",
            id = work.id,
            rates = rates.join(", "),
            demand = work.demand * TOKENS,
        );
        if work.critical > 0.0 {
            let _ = write!(out, "critical = {:?}\ncritical_penalty = \"{:?} EUR/M tokens\"\n", work.critical, SLACK * value);
        }
    }
    for (at, scenario) in it.scenarios.iter().enumerate() {
        let sites = it.sites.iter().zip(&scenario.avail).filter(|(_, share)| **share != 1.0);
        let availability: Vec<String> = sites.map(|(site, share)| format!("site-{} = {share:?}", site.id)).collect();
        let works = it.workloads.iter().zip(&scenario.dmult).filter(|(work, factor)| work.demand > 0.0 && **factor != 1.0);
        let demand: Vec<String> = works.map(|(work, factor)| format!("work-{} = {factor:?}", work.id)).collect();
        let _ = write!(
            out,
            "\n[[outlook]]\nname = \"scenario-{at}\"\nprobability = {:?}\navailability = {{ {} }}\ndemand = {{ {} }}\n{source}\n",
            scenario.prob,
            availability.join(", "),
            demand.join(", ")
        );
    }
    plan(&mut out, it, strike);
    out
}

/// Sites that hold the certificate of a workload: those that it may use, or any one where there is none; then it runs on nothing.
fn certified<'a>(it: &'a File, work: &'a Workload) -> &'a [u64] {
    static NONE: &[u64] = &[];
    if work.sites.is_empty() { it.sites.first().map_or(NONE, |site| std::slice::from_ref(&site.id)) } else { &work.sites }
}

fn plan(out: &mut String, it: &File, strike: Option<u32>) {
    let capital: f64 = it.sites.iter().map(|site| site.fixed).sum::<f64>() + it.gpus.iter().map(|gpu| gpu.capex * gpu.supply).sum::<f64>();
    let power: f64 = it.sites.iter().map(|site| site.power_mw).sum();
    let largest = it.gpus.iter().map(|gpu| gpu.mw_block).fold(0.0, f64::max);
    let bought: Vec<String> = it
        .gpus
        .iter()
        .filter(|gpu| gpu.supply >= 1.0)
        .map(|gpu| format!("{{ name = \"gpu-{}\", cap = {} }}", gpu.id, (gpu.supply.floor() * f64::from(BLOCK)).min(f64::from(u32::MAX))))
        .collect();
    let _ = write!(
        out,
        "\n[policy]\nheadroom = 1.0\n\n[plan]\nbudget = \"{:?} M EUR\"\nit_power = \"{:?} MW\"\naccelerators = [{}]\ndiscount_rate = 0.0\nbuilding_lifetime = \"1 y\"\ngap = 0.000001\n\
         time_limit = \"120 s\"\n",
        capital.ceil() + 1.0,
        power + largest,
        bought.join(", ")
    );
    if let Some(strike) = strike {
        let _ = writeln!(out, "strike = {strike}");
    }
}

fn readme(name: &str, file: &str) -> String {
    format!(
        "# {name}\n\nImported from `{file}`, a placement problem in two stages.\n\n- A block is a node of {BLOCK} accelerators.\n- One unit of work is 100,000 tokens/s.\n\
         - A million of the file's money is a million euros; the plan's objective is in euros a year.\n- Capital is written off in one year at no interest; power is drawn at all times.\n\
         - A site that a workload may use holds a certificate of its name.\n- The first scenario is the nominal outlook: critical work must keep running outside any one site in it.\n"
    )
}
