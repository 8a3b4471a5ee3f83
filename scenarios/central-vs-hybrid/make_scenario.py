#!/usr/bin/env python3
"""Writes scenario.toml and plans/*.toml of this folder: three layouts of one fleet at equal budget and equal power.

Edit the tables below, run it (standard library, no network, no randomness), and read the differences.
"""
import datetime
import math
import pathlib

HERE = pathlib.Path(__file__).parent
ACCELERATOR, PRICE_EUR, POWER_KW, PER_NODE = "b200", 52_200, 1.88, 8     # library of cost models
HEADROOM = 0.7
BUDGET_EUR, IT_MW = 7.1e9, 192.0

# Demand: accelerators at full load, tokens/s of one, value of a million tokens [EUR].
SERVICES = [
    ("defence", "Defence and emergency", "T0", "llama-3-405b", 111, 4_000, 200),
    ("state", "Government, health, energy", "T1", "llama-3-70b", 6_400, 10_000, 20),
    ("economy", "Finance and industry", "T2", "llama-3-70b", 6_400, 19_000, 3),
    ("public", "Everybody else", "T3", "llama-3-8b", 9_200, 13_000, 0.5),
]
GANG, ISLANDS = 12_288, 12        # of each campaign; the second as twelve islands of 1,024

# Eight regions, each with one 330 kV substation, its load and its plants [MW].
REGIONS = [
    ("north", 51.4, 31.3, 620), ("centre", 50.4, 30.5, 1_250), ("west", 49.8, 24.0, 640), ("south", 46.5, 30.7, 640),
    ("east", 50.0, 36.2, 850), ("river", 48.5, 35.0, 1_050), ("hills", 48.6, 25.6, 470), ("plain", 49.4, 27.0, 480),
]
PLANTS = [      # region, name, technology, capacity, units, cost, carbon
    ("plain", "nuclear-plain", "nuclear", 2_000, 2, 12, 0), ("south", "nuclear-south", "nuclear", 2_000, 2, 12, 0),
    ("centre", "gas-centre", "gas", 900, 6, 85, 367), ("east", "coal-east", "hard coal", 900, 4, 95, 896),
    ("river", "hydro-river", "hydro", 1_000, 8, 5, 0), ("river", "coal-river", "hard coal", 700, 4, 95, 896),
    ("hills", "coal-hills", "hard coal", 500, 3, 97, 896), ("west", "import-west", "import", 800, 4, 110, 300),
    ("hills", "import-hills", "import", 900, 4, 112, 300),
]
LINES = [("north", "centre"), ("centre", "plain"), ("centre", "east"), ("centre", "river"), ("plain", "west"), ("plain", "hills"),
         ("west", "hills"), ("plain", "south"), ("south", "river"), ("river", "east"), ("south", "centre")]

# Kinds of site: tier, PUE, building [EUR/MW], connection [EUR/MW], opening [EUR], upkeep [EUR/y], hours of fuel, UPS [min],
# probability that the generators start, MTTF [y], repair [h], hardening.
KINDS = {
    "campus": ("core", 1.15, 9.2e6, 0.25e6, 10e6, 0.7e6, 72, 10, "99 %", 8, 3.5, "none"),
    "core": ("core", 1.15, 12.0e6, 0.25e6, 19e6, 1e6, 96, 10, "99 %", 8, 3.5, "hardened"),
    "regional": ("regional", 1.2, 10.2e6, 0.25e6, 4e6, 0.6e6, 48, 10, "99 %", 4, 6.3, "none"),
    "edge": ("edge", 1.25, 12.6e6, 0.25e6, 2e6, 0.3e6, 12, 10, "97 %", 2, 12, "none"),
    "pool": ("pool", 1.1, 2.0e6, 0.0, 0.0, 0.0, 0, 0, None, 0.25, 12, "none"),
}


def nodes(accelerators):
    """Down to whole nodes."""
    return int(accelerators // PER_NODE * PER_NODE)


def mw(accelerators):
    return accelerators * POWER_KW / 1000.0


# Sites: name, title, kind, region, segment.
SITES = [(f"campus-{n}", f"Campus, building {n}", "campus", "centre", "campus-plane") for n in range(1, 7)]
SITES += [(f"core-{n}{half}", f"Core {n}, hall {half}", "core", region, f"core-{n}-plane")
          for n, region in ((1, "plain"), (2, "hills")) for half in "ab"]
NAMES = [region[0] for region in REGIONS]
SITES += [(f"regional-{n:02}", f"Regional site {n}", "regional", NAMES[n % 8], "regional-plane") for n in range(1, 21)]
SITES += [(f"town-{n:02}", f"Town {n}", "edge", NAMES[(n + 3) % 8], "edge-plane") for n in range(1, 21)]
SITES += [(f"edge-{n:02}", f"Edge site {n}", "edge", NAMES[(n + 5) % 8], "edge-plane") for n in range(1, 21)]
SITES += [(f"pool-{n}", f"Pool of {region}", "pool", region, "pool-plane") for n, region in enumerate(NAMES, 1)]
KIND = {site[0]: site[2] for site in SITES}


def capital(builds):
    total = 0.0
    for site, count in builds.items():
        _, pue, building, connection, opening = KINDS[KIND[site]][:5]
        total += count * PRICE_EUR + mw(count) * (building + pue * connection) + opening
    return total


def layout(shares):
    """The largest fleet in these proportions within budget and power."""
    low, high = 0.0, 200_000.0
    for _ in range(60):
        total = (low + high) / 2
        builds = {site: nodes(total * share) for site, share in shares.items()}
        fits = capital(builds) <= BUDGET_EUR and mw(sum(builds.values())) <= IT_MW
        low, high = (total, high) if fits else (low, total)
    return {site: nodes(low * share) for site, share in shares.items()}


def named(prefix):
    return [site[0] for site in SITES if site[0].startswith(prefix)]


def spread(weights):
    total = sum(weights.values())
    return {site: weight / total for site, weight in weights.items()}


ONE = layout(spread({site: 1.0 for site in named("campus-")}))
MANY = layout(spread({**{s: 4.2 for s in named("regional-")}, **{s: 2.8 for s in named("town-")}, **{s: 1.52 for s in named("edge-")},
                      **{s: 0.19 for s in named("pool-")}}))
HYBRID = layout(spread({**{s: 0.6 / 4 for s in named("core-")}, **{s: 0.3 / 20 for s in named("regional-")}, **{s: 0.1 / 20 for s in named("edge-")}}))


def plan(name, title, builds, synchronous, islands):
    """A plan file; `islands` by site. Services take what campaigns leave, in proportion."""
    taken = {site: 0 for site in builds}
    if synchronous:
        taken[synchronous] += GANG
    for site, count in islands.items():
        taken[site] += count * GANG // ISLANDS
    free = {site: max(0, builds[site] - taken[site]) for site in builds}
    total = sum(free.values())
    out = [f'schema = "bastide/plan/1"\nname = "{name}"\nscenario = "central-vs-hybrid"\n']
    out += [f'[[build]]\nsite = "{site}"\naccelerator = "{ACCELERATOR}"\ncount = {count}\n' for site, count in builds.items()]
    wanted = sum(service[5] for service in SERVICES)
    assert wanted <= HEADROOM * total, (name, wanted, HEADROOM * total)
    for service in SERVICES:
        sites = [site for site in builds if free[site] >= PER_NODE]
        served = sum(free[site] for site in sites)
        out += [f'[[placement]]\nservice = "{service[0]}"\nsite = "{site}"\nshare = {math.floor(1e9 * free[site] / served) / 1e9}\n' for site in sites]
    if synchronous:
        out.append(f'[[campaign]]\ncampaign = "frontier"\nsite = "{synchronous}"\naccelerator = "{ACCELERATOR}"\n')
    out += [f'[[campaign]]\ncampaign = "federated"\nsite = "{site}"\naccelerator = "{ACCELERATOR}"\nislands = {count}\n' for site, count in islands.items()]
    (HERE / "plans").mkdir(exist_ok=True)
    (HERE / "plans" / f"{name}.toml").write_text(f"# {title}. Written by make_scenario.py.\n" + "\n".join(out))
    print(f"{name}: {sum(builds.values())} accelerators, {mw(sum(builds.values())):.1f} MW, {capital(builds) / 1e9:.3f} bn EUR, "
          f"services may take {total}")


plan("one-campus", "A: one campus of six buildings", ONE, "campus-1", {f"campus-{n}": 3 for n in range(3, 7)})
plan("many-small", "B: sixty sites of 1 to 4 MW and a pool", MANY, None, {f"regional-{n:02}": 1 for n in range(1, 13)})
plan("hybrid", "C: hardened core, regional sites, edge", HYBRID, "core-1a", {"core-1b": 4, "core-2a": 4, "core-2b": 4})

DAY = [0.82, 0.78, 0.76, 0.75, 0.76, 0.81, 0.92, 1.03, 1.08, 1.09, 1.08, 1.07, 1.05, 1.04, 1.03, 1.04, 1.08, 1.14, 1.18, 1.17, 1.12, 1.05, 0.97, 0.88]
MEAN = sum(DAY) / 24
START = datetime.datetime(2027, 3, 1)
rows = [f"{START + datetime.timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{1000 * DAY[hour % 24] / MEAN:.1f}\n" for hour in range(720)]
(HERE / "series").mkdir(exist_ok=True)
(HERE / "series" / "load.csv").write_text("time,day [MW]\n" + "".join(rows))

HEAD = (HERE / "head.toml").read_text()
TAIL = (HERE / "tail.toml").read_text()
for word, kinds in (("STRUCK", ("campus", "core", "regional", "edge")), ("SMALL", ("regional", "edge", "pool")), ("CAMPUS", ("campus",))):
    TAIL = TAIL.replace(word, ", ".join(f'"site.{site[0]}"' for site in SITES if site[2] in kinds))
TAIL = TAIL.replace("TOWNS", ", ".join(f'"site.{name}"' for name in named("town-")))
body = []
for name, latitude, longitude, load in REGIONS:
    body.append(f'''[[bus]]
name = "{name}"
title = "{name.capitalize()} 330 kV"
nation = "nation"
latitude = {latitude}
longitude = {longitude}
energy_price = "90 EUR/MWh"

[[load]]
name = "load-{name}"
bus = "{name}"
power = {{ series = "series/load.csv", column = "day", scale = {load / 1000:g} }}
value_of_lost_load = "3000 EUR/MWh"
source = "assumption: a nation of 6 GW in the mean"
verified = false
''')
for region, name, technology, capacity, units, cost, carbon in PLANTS:
    body.append(f'''[[generator]]
name = "{name}"
bus = "{region}"
technology = "{technology}"
capacity = "{capacity} MW"
units = {units}
cost = "{cost} EUR/MWh"
carbon = "{carbon} g/kWh"
source = "assumption"
verified = false
''')
for one, other in LINES:
    body.append(f'''[[line]]
name = "{one}-{other}"
from = "{one}"
to = "{other}"
capacity = "1100 MW"
source = "assumption: two 330 kV circuits"
verified = false
''')
body.append("# --- Sites of all three layouts\n")
place = {region[0]: region for region in REGIONS}
for index, (name, title, kind, region, segment) in enumerate(SITES):
    tier, pue, building, connection, opening, upkeep, fuel, ups, start, mttf, repair, hardening = KINDS[kind]
    _, latitude, longitude, _ = place[region]
    # Small sites lie around their substation; halls of a campus or core beside one another.
    angle = 2.399963 * index
    reach = 0.005 if kind in ("campus", "core") else 0.45
    own = mw(max(layout.get(name, 0) for layout in (ONE, MANY, HYBRID))) * pue * 1.02
    lines = [f'name = "{name}"', f'title = "{title}"', f'bus = "{region}"', f'tier = "{tier}"',
             f"latitude = {latitude + reach * math.sin(angle):.4f}", f"longitude = {longitude + 1.5 * reach * math.cos(angle):.4f}",
             f'connection = "{own:.2f} MW"', f"pue = {pue}"]
    if start:
        lines += [f'ups = "{ups} min"', f'generator_start = "{start}"', f'fuel = "{fuel} h"', 'refuel = { dist = "lognormal", median = "12 h", p95 = "36 h" }']
    lines += [f'restart = "{"2 h" if kind in ("campus", "core") else "1 h"}"', f'mttf = "{mttf} y"', f'repair = {{ dist = "exponential", mean = "{repair} h" }}',
              f'hardening = "{hardening}"', f'operator = "{"nation" if kind != "pool" else "members"}"', f'segment = "{segment}"',
              *(['firmware = "one-controller"'] if kind in ("regional", "edge", "pool") else []),
              f'fixed_cost = "{opening / 1e6:g} M EUR"', f'building_cost = "{building / 1e6:g} M EUR/MW"', f'connection_cost = "{connection / 1e6:g} M EUR/MW"',
              f'fixed_upkeep = "{upkeep / 1e6:g} M EUR/y"', 'upkeep = "270 k EUR/MW/y"',
              'source = "assumption: sizes and effects of size; see the head of this file"', "verified = false"]
    body.append("[[site]]\n" + "\n".join(lines) + "\n")
for name, title, tier, model, rate, count, value in SERVICES:
    body.append(f'''[[service]]
name = "{name}"
title = "{title}"
nation = "nation"
tier = "{tier}"
model = "{model}"
tokens_per_accelerator = "{rate} tokens/s"
demand = "{rate * count / 1e3:g} k tokens/s"
max_latency = "100 ms"
value = "{value} EUR/M tokens"
source = "MLPerf 5.1 (AI News 247, September 2025), halved: assumption. Demand, value: assumption"
verified = false
''')
(HERE / "scenario.toml").write_text(HEAD + "\n" + "\n".join(body) + "\n" + TAIL)
