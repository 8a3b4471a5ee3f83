//! What `bastide new` writes.

/// Files of a new scenario, by their path in its folder: a small nation that validates, with a comment at each choice.
#[must_use]
pub fn new_scenario(name: &str) -> Vec<(String, String)> {
    let fill = |text: &str| text.replace("{name}", name);
    vec![("scenario.toml".to_owned(), fill(SCENARIO)), ("README.md".to_owned(), fill(README))]
}

const README: &str = "# {name}\n\nWhat is asked, where the numbers come from, and what is left out.\n\n\
    Check it: `bastide validate .`. Run it: `bastide study .`. Any key: `bastide explain site.connection`.\n";

const SCENARIO: &str = r#"# Quantities carry their units; a bare number is an error. Every value may say where it comes from:
#   connection = { value = "40 MW", source = "grid operator, 2025", verified = true }

[scenario]
format = 1
name = "{name}"
title = "One nation, two candidate sites"
question = "Where should the nation build, and does it survive the loss of a site?"
start = 2027-01-01T00:00:00Z
duration = "365 d"
price_year = 2025

[[nation]]
name = "home"
groups = ["eu"]          # rules may name groups
latitude = 56.9
longitude = 24.1

# --- the electric grid: zones, what feeds them, what they need ---

[[bus]]
name = "west"
nation = "home"
energy_price = "80 EUR/MWh"    # or hourly: { series = "series/price.csv", column = "west" }

[[bus]]
name = "east"
nation = "home"
energy_price = "85 EUR/MWh"

[[line]]
name = "west-east"
from = "west"
to = "east"
capacity = "600 MW"
mttf = "200 d"
repair = { dist = "lognormal", median = "12 h", p95 = "3 d" }

[[generator]]
name = "gas"
bus = "west"
technology = "gas"
capacity = "900 MW"
units = 3                      # each fails by itself
cost = "75 EUR/MWh"
carbon = "370 g/kWh"
mttf = "60 d"
repair = { dist = "exponential", mean = "40 h" }

[[generator]]
name = "wind"
bus = "east"
technology = "wind"
capacity = "500 MW"
availability = "30 %"
cost = "0 EUR/MWh"
carbon = "0 g/kWh"

[[load]]
name = "west-users"
bus = "west"
power = "450 MW"
value_of_lost_load = "8000 EUR/MWh"

[[load]]
name = "east-users"
bus = "east"
power = "250 MW"
value_of_lost_load = "8000 EUR/MWh"

# --- sites: standing or to be built ---

[[site]]
name = "harbour"
bus = "west"
tier = "regional"              # core, regional, edge or pool
connection = "20 MW"
pue = 1.2
ups = "10 min"
generator_start = 0.98
fuel = "48 h"
restart = "2 h"
operator = "state"
building_cost = "10 M EUR/MW"
connection_cost = "0.4 M EUR/MW"
upkeep = "300 k EUR/MW/y"

[[site]]
name = "forest"
bus = "east"
tier = "core"
connection = "10 MW"
pue = 1.15
ups = "10 min"
generator_start = 0.98
fuel = "96 h"
restart = "2 h"
hardening = "hardened"         # none, hardened or bunker
operator = "state"
certifications = ["secret"]
building_cost = "14 M EUR/MW"
connection_cost = "0.4 M EUR/MW"
upkeep = "350 k EUR/MW/y"

# --- what must run: inference services by criticality (T0 is shed last), and training ---

[[service]]
name = "emergency"
nation = "home"
tier = "T0"
tokens_per_accelerator = "1500 tokens/s"    # or `model`, a name of the library
demand = "60 k tokens/s"
residency = ["home"]
value = "40 EUR/M tokens"

[[service]]
name = "public"
nation = "home"
tier = "T2"
tokens_per_accelerator = "1500 tokens/s"
demand = "300 k tokens/s"
value = "4 EUR/M tokens"

[[campaign]]
name = "national-model"
nation = "home"
compute = "1e23 FLOP"
accelerators = 128
deadline = 2027-10-01
checkpoint_time = "1 min"
value = "20 M EUR"

# --- what may go wrong, beyond the failures above ---

[[hazard]]
name = "drones"
kind = "strike-campaign"
targets = ["site.*"]
rate = "2 / y"
munitions = 3
interception = 0.7
damage = { none = 0.6, hardened = 0.2 }
repair = { dist = "lognormal", median = "14 d", p95 = "60 d" }

[policy]
failover = "any-legal"

# --- what may be spent ---

[plan]
budget = "150 M EUR"
it_power = "4 MW"
accelerators = ["h100"]
survive_site_loss = ["T0"]
discount_rate = "6 %"

# The recommended plan is compared with each alternative on the same draws.
[[alternative]]
name = "one-site"
max_sites = 1
survive_site_loss = []
"#;
