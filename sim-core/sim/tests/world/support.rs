//! Small scenarios for the tests of the world: text, loaded as a planner's would be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_sim::{History, Layout, Options, Simulator};

/// One nation, a bus with 100 MW of hydro power for a town of 2 MW; type `card` of 1 kW, 8 to a node, 10 k tokens/s for service `chat`.
pub const BASE: &str = r#"
[[nation]]
name = "north"

[[bus]]
name = "north"
nation = "north"
energy_price = "80 EUR/MWh"

[[generator]]
name = "hydro"
bus = "north"
technology = "hydro"
capacity = "100 MW"
cost = "5 EUR/MWh"
carbon = "20 g/kWh"

[[load]]
name = "town"
bus = "north"
power = "2 MW"
value_of_lost_load = "10000 EUR/MWh"

[plan]
budget = "10 bn EUR"
it_power = "100 MW"
accelerators = ["card"]
discount_rate = "5 %"
"#;

/// The accelerator type, with keys of its own for failures.
pub fn card(reliability: &str) -> String {
    format!(
        r#"
[[accelerator]]
name = "card"
peak = "1000 TFLOP/s"
memory = "80 GB"
memory_bandwidth = "3 TB/s"
power = "1 kW"
idle_share = "100 %"
price = "30 k EUR"
per_node = 8
lifetime = "5 y"
vendor = "example"
vendor_nation = "north"
{reliability}
"#
    )
}

pub const NO_FAILURES: &str = "node_failure_rate = \"0 / d\"\nnode_repair = \"1 d\"";

pub fn header(duration: &str) -> String {
    format!("[scenario]\nformat = 1\nname = \"test\"\nstart = 2027-01-01T00:00:00Z\nduration = \"{duration}\"\nprice_year = 2025\n")
}

pub fn site(name: &str, more: &str) -> String {
    let bus = if more.contains("bus =") { "" } else { "bus = \"north\"\n" };
    format!(
        "\n[[site]]\nname = \"{name}\"\n{bus}tier = \"regional\"\nconnection = \"2 MW\"\npue = 1.25\noperator = \"state\"\nbuilding_cost = \"10 M EUR/MW\"\n{more}\n"
    )
}

/// Service `chat` that needs this many accelerators.
pub fn chat(accelerators: u32, more: &str) -> String {
    format!(
        "\n[[service]]\nname = \"chat\"\nnation = \"north\"\ntier = \"T1\"\ndemand = \"{} tokens/s\"\ntokens_per_accelerator = \"10 k tokens/s\"\nvalue = \"5 EUR/M tokens\"\n{more}\n",
        accelerators * 10_000
    )
}

pub fn policy(text: &str) -> String {
    format!("\n[policy]\n{text}\n")
}

/// Loads a scenario; the parts may come in any order but the header first.
pub fn load(parts: &[&str]) -> Arc<Model> {
    load_with(parts, &[])
}

/// Loads a scenario with files beside it.
pub fn load_with(parts: &[&str], files: &[(&str, &str)]) -> Arc<Model> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "world-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("scenario.toml"), parts.concat()).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let loaded = bastide_model::load(&folder, &[]);
    std::fs::remove_dir_all(&folder).unwrap();
    loaded.unwrap_or_else(|errors| panic!("{errors:#?}\n{}", parts.concat())).model
}

pub fn plan(model: &Model, text: &str) -> Plan {
    let text = format!("schema = \"bastide/plan/1\"\nname = \"by-hand\"\nscenario = \"test\"\n{text}");
    Plan::read(&text, "plan.toml", model).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

pub fn build(site: &str, count: u32) -> String {
    format!("\n[[build]]\nsite = \"{site}\"\naccelerator = \"card\"\ncount = {count}\n")
}

pub fn place(site: &str, share: f64) -> String {
    format!("\n[[placement]]\nservice = \"chat\"\nsite = \"{site}\"\nshare = {share:?}\n")
}

pub fn standby(of: &str, site: &str, share: f64) -> String {
    format!("\n[[stand-by]]\nservice = \"chat\"\nof = \"{of}\"\nsite = \"{site}\"\nshare = {share:?}\n")
}

/// Histories of a plan, each of which balances.
pub struct Run {
    pub layout: Layout,
    pub histories: Vec<History>,
}

pub fn simulate(model: &Model, plan: &Plan, replications: u32) -> Run {
    simulate_with(model, plan, replications, Options::default())
}

pub fn simulate_with(model: &Model, plan: &Plan, replications: u32, options: Options) -> Run {
    let layout = Layout::new(model);
    let simulator = Simulator::new(model, plan, &layout).unwrap();
    let histories: Vec<History> = (0..replications).map(|replication| simulator.simulate(7, replication, options)).collect();
    for history in &histories {
        for (law, residual) in history.balance.residuals() {
            assert!(residual < 1e-9, "{law} is out of balance by {residual}: {:#?}", history.balance);
        }
        assert!(history.metrics.iter().all(|value| value.is_finite()));
        assert!(history.timeline.iter().all(|value| value.is_finite()));
    }
    Run { layout, histories }
}

impl Run {
    pub fn values(&self, kind: &str, entity: &str, metric: &str) -> Vec<f64> {
        let place = self.layout.find(kind, entity, metric).unwrap_or_else(|| panic!("no metric {kind} {entity} {metric}"));
        assert!(
            self.layout
                .metrics
                .iter()
                .enumerate()
                .all(|(at, def)| { def.entity_kind != kind || def.entity != entity || def.metric != metric || at == place })
        );
        self.histories.iter().map(|history| history.metrics[place]).collect()
    }

    /// The only history's value.
    pub fn value(&self, kind: &str, entity: &str, metric: &str) -> f64 {
        self.values(kind, entity, metric)[0]
    }

    /// Fails unless the mean is within three standard errors.
    pub fn expect(&self, kind: &str, entity: &str, metric: &str, expected: f64) {
        let estimate = bastide_engine::Estimate::of(&self.values(kind, entity, metric)).unwrap();
        let stderr = estimate.stderr.unwrap();
        assert!(
            (estimate.mean - expected).abs() <= 3.0 * stderr,
            "{kind} {entity} {metric}: {} +- {stderr}, expected {expected}",
            estimate.mean
        );
        assert!(stderr > 0.0 && stderr < 0.2 * expected.abs().max(1e-9), "the error says little: {stderr} of {expected}");
    }
}

/// Close up to rounding.
pub fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{value}, expected {expected}");
}
