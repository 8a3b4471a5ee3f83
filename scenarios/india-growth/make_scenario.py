#!/usr/bin/env python3
"""Writes scenario.toml from head.toml, the tables below and tail.toml, and series/year.csv. Standard library alone; the same bytes each time.

The shapes are synthetic: what is published is scaled to, the rest is an assumption and says so.
"""

import math
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Grid regions: share of the national load, energy price [EUR/MWh], AI share of what the grid lets connect, mean temperature and its swing [degC].
REGIONS = {
    "north": ("Northern region", 0.31, 74, 0.26, 24.5, 9.5, 28.6, 77.2),
    "west": ("Western region", 0.30, 78, 0.36, 27.0, 4.5, 19.1, 73.5),
    "south": ("Southern region", 0.25, 76, 0.28, 27.5, 3.5, 15.0, 79.0),
    "east": ("Eastern region", 0.125, 66, 0.08, 26.5, 6.0, 21.5, 85.0),
    "north-east": ("North-eastern region", 0.015, 70, 0.02, 24.0, 5.5, 26.2, 92.0),
}
PEAK_GW = 250.0  # 30 May 2024 (The Hindu)
GROWTH = 0.05  # of load and of generation: the margin stays that of the first year
YEARS = 10
# AI load that the grid operators let connect, by year [MW]; the last holds on.
HOSTING = [180, 300, 550, 900, 1350, 1600, 1850, 2100, 2350, 2600]

# Generation at the start [GW] by region, availability column, marginal cost [EUR/MWh], direct emissions [g/kWh], units of one GW.
PLANTS = [
    ("coal", "hard coal", "thermal", 38, 946, {"north": 53, "west": 84, "south": 44, "east": 48, "north-east": 1}),
    ("gas", "gas, combined cycle", "gas", 105, 367, {"north": 6, "west": 11, "south": 6, "north-east": 2}),
    ("nuclear", "nuclear", "nuclear", 12, 0, {"north": 2, "west": 3, "south": 3}),
    ("hydro", "hydro", "water", 2, 0, {"north": 21, "west": 8, "south": 12, "east": 7, "north-east": 4}),
    ("wind", "wind", "wind", 0, 0, {"west": 26, "south": 25}),
    ("sun", "solar", "sun", 0.5, 0, {"north": 34, "west": 32, "south": 38, "east": 2}),
]
LINES = [("north", "west", 22), ("north", "east", 14), ("west", "east", 12), ("west", "south", 18), ("south", "east", 6), ("east", "north-east", 3)]

# name, title, state, region, latitude, longitude, operator, existing, connection [MW], steps of connection (MW, most), factor on the
# cost of building, water [L/kWh], source of the place.
SITES = [
    ("navi-mumbai", "Navi Mumbai", "Maharashtra", "west", 18.99, 73.11, "yotta", True, 60, (75, 4), 1.0, 1.8,
     "Epoch AI, Data on GPU Clusters (CC BY 4.0): Yotta NM1, 4,096 H100 standing, 16,384 planned"),
    ("pune", "Pune", "Maharashtra", "west", 18.52, 73.86, "ctrls", False, 50, (50, 4), 0.97, 1.8, ""),
    ("jamnagar", "Jamnagar", "Gujarat", "west", 22.47, 70.07, "reliance", False, 150, (150, 5), 0.92, 2.8,
     "Epoch AI, Data on GPU Clusters (CC BY 4.0): Reliance plans 1,000 MW and 450,000 GB200"),
    ("greater-noida", "Greater Noida", "Uttar Pradesh", "north", 28.50, 77.54, "yotta", True, 60, (75, 3), 1.0, 2.2,
     "Epoch AI, Data on GPU Clusters (CC BY 4.0): Yotta D1, 16,384 H100 planned"),
    ("manesar", "Manesar", "Haryana", "north", 28.36, 76.94, "jio", True, 40, (50, 3), 1.0, 2.2, ""),
    ("hyderabad", "Hyderabad", "Telangana", "south", 17.38, 78.46, "yotta", True, 60, (75, 4), 0.96, 2.0,
     "Epoch AI, Data on GPU Clusters (CC BY 4.0): Telangana and Yotta, 4,000 and 25,000 accelerators, 50 MW"),
    ("chennai", "Chennai", "Tamil Nadu", "south", 13.08, 80.27, "ctrls", True, 50, (75, 4), 0.98, 1.4, ""),
    ("bhubaneswar", "Bhubaneswar", "Odisha", "east", 20.30, 85.82, "jio", False, 40, (50, 2), 0.95, 1.8, ""),
    ("guwahati", "Guwahati", "Assam", "north-east", 26.14, 91.74, "state", False, 10, (15, 2), 1.08, 1.2, ""),
]
# H100 onboarded by March 2026, by site; half of them stand at the start, as in June 2025.
FLEETS = {"navi-mumbai": 12800, "greater-noida": 9216, "manesar": 4096, "hyderabad": 8000, "chennai": 3904}

# Scheduled languages and the share of people who speak them first [%].
LANGUAGES = [
    ("hindi", 43.6), ("bengali", 8.0), ("marathi", 6.9), ("telugu", 6.7), ("tamil", 5.7), ("gujarati", 4.6), ("urdu", 4.2), ("kannada", 3.6),
    ("odia", 3.1), ("malayalam", 2.9), ("punjabi", 2.7), ("assamese", 1.3), ("maithili", 1.1), ("santali", 0.6), ("kashmiri", 0.56),
    ("nepali", 0.24), ("sindhi", 0.23), ("dogri", 0.21), ("konkani", 0.19), ("manipuri", 0.15), ("bodo", 0.12), ("sanskrit", 0.01),
]
LARGE = 12  # languages that a model of 24 billion parameters serves
GROUPS = [("north", "Hindi and its neighbours", 0.6), ("south", "Dravidian languages", 0.22), ("east", "eastern and other languages", 0.18)]


def hour_of_year():
    for hour in range(8760):
        # The year begins on 1 April at 00:00 UTC; India is 5.5 h ahead.
        local = hour + 5.5
        yield hour, (local / 24.0) % 365.0, local % 24.0


def bump(x, centre, width, period):
    d = abs((x - centre + period / 2.0) % period - period / 2.0)
    return math.exp(-((d / width) ** 2))


def write_series():
    rows, loads = [], []
    for hour, day, clock in hour_of_year():
        # May (day 45) is the peak, a second one in September, winter mornings are low.
        season = 0.84 + 0.16 * bump(day, 50, 38, 365) + 0.07 * bump(day, 165, 30, 365) + 0.03 * bump(day, 290, 30, 365)
        daily = 0.86 + 0.10 * bump(clock, 15, 4.5, 24) + 0.12 * bump(clock, 21, 2.5, 24) + 0.03 * bump(clock, 8, 2.0, 24)
        week = 0.97 if int(day) % 7 in (3,) else 1.0
        loads.append(season * daily * week)
        light = max(0.0, math.sin(math.pi * (clock - 6.0) / 12.5)) if 6.0 < clock < 18.5 else 0.0
        monsoon = bump(day, 115, 35, 365)
        sun = 0.82 * light * (1.0 - 0.35 * monsoon)
        wind = 0.12 + 0.42 * monsoon + 0.05 * math.sin(2 * math.pi * (hour % 97) / 97.0) + 0.03 * bump(clock, 22, 5, 24)
        water = 0.30 + 0.38 * bump(day, 140, 45, 365) + 0.16 * bump(clock, 20.5, 3.0, 24)
        thermal = 0.84 - 0.04 * bump(day, 260, 60, 365)
        cells = [sun, wind, water, thermal]
        for _, _, _, _, mean, swing, _, _ in REGIONS.values():
            cells.append(mean + swing * (bump(day, 45, 55, 365) * 1.6 - 1.3 * bump(day, 280, 60, 365)) + 4.5 * math.sin(2 * math.pi * (clock - 9.5) / 24.0))
        rows.append(cells)
    top = max(loads)
    head = "time,load [GW],sun [1],wind [1],water [1],thermal [1]," + ",".join(f"{name} [degC]" for name in REGIONS)
    lines = [head]
    for (hour, _, _), load, cells in zip(hour_of_year(), loads, rows):
        day, clock = divmod(hour, 24)
        month_days = [30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28, 31]
        month, rest = 0, day
        while rest >= month_days[month]:
            rest -= month_days[month]
            month += 1
        year, number = (2026, month + 4) if month < 9 else (2027, month - 8)
        stamp = f"{year}-{number:02}-{rest + 1:02}T{clock:02}:00:00Z"
        lines.append(f"{stamp},{load / top:.3f}," + ",".join(f"{x:.2f}" for x in cells[:4]) + "," + ",".join(f"{x:.0f}" for x in cells[4:]))
    (HERE / "series").mkdir(exist_ok=True)
    (HERE / "series" / "year.csv").write_text("\n".join(lines) + "\n")
    print(f"mean load {sum(loads) / top / 8760:.3f} of the peak")


def table(heading, **keys):
    lines = [f"[[{heading}]]"]
    for key, value in keys.items():
        if value is None:
            continue
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str) and not re.match(r"[{\[]|\d{4}-\d\d-\d\d", value):
            text = f'"{value}"'
        else:
            text = str(value)
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n\n"


def profile(column, **more):
    extra = "".join(f", {key} = {value}" for key, value in more.items())
    return f'{{ series = "series/year.csv", column = "{column}", repeat = true{extra} }}'


def grid():
    out = "# --- Grid: five regions; load and generation grow together\n\n"
    for name, (title, share, price, ai, _, _, lat, lon) in REGIONS.items():
        limits = ", ".join(f'"{round(ai * mw)} MW"' for mw in HOSTING)
        out += table(
            "bus", name=name, title=title, nation="india", latitude=lat, longitude=lon, energy_price=f"{price} EUR/MWh",
            hosting_limit=f"{round(ai * HOSTING[-1])} MW", hosting_limit_by_year=f"[{limits}]",
            source="assumption: 15 % of 1.2 GW of data centres today and of 9 GW in 2030 (Indian Express 2026; Grid India by way of civilswisdom.com 2026: 8-10 GW) is AI load that may connect, 250 MW more in each later year; industrial price not found, households pay 0.073 USD/kWh (Novosti 2025)",
            verified=False)
        out += table(
            "load", name=f"load-{name}", bus=name, power=profile("load", scale=round(PEAK_GW * share, 3), growth=GROWTH),
            value_of_lost_load="3000 EUR/MWh",
            source="peak 250 GW on 30 May 2024 (The Hindu by way of webjosh.com), here the peak of the first year; shares of regions, shape and growth of 5 % a year: assumption",
            verified=False)
    for name, technology, column, cost, carbon, by_region in PLANTS:
        for region, gw in by_region.items():
            # Capacity is that of the last year; availability grows to it, so that the margin stays.
            last = (1 + GROWTH) ** YEARS
            shape, factor = {"nuclear": ("thermal", 1.0), "gas": ("thermal", 0.9)}.get(column, (column, 1.0))
            availability = profile(shape, scale=round(factor / last, 6), growth=GROWTH)
            out += table(
                "generator", name=f"{name}-{region}", bus=region, technology=technology, capacity=f"{round(gw * last, 1)} GW",
                units=max(1, round(gw)), availability=availability, cost=f"{cost} EUR/MWh", carbon=f"{carbon} g/kWh",
                source="assumption: some 460 GW installed (The Hindu 2024) shared out by region and technology, growing by 5 % a year; emissions IPCC 2006 factors at 36 and 55 %; coal gave 75 % of the energy of 2023 (Our World in Data, Ember)",
                verified=False)
    for a, b, gw in LINES:
        out += table("line", name=f"{a}-{b}", **{"from": a}, to=b, capacity=f"{gw} GW", source="assumption: transfer capacity between regions in round numbers", verified=False)
    return out


def sites():
    out = "# --- Sites\n\n"
    for name, title, state, region, lat, lon, operator, existing, mw, (step, most), factor, water, source in SITES:
        out += table(
            "site", name=name, title=f"{title}, {state}", bus=region, tier="core" if mw >= 50 else "regional", latitude=lat, longitude=lon, existing=existing,
            connection=f"{mw} MW", pue=1.35, pue_rise=0.01, free_cooling="24 degC", cooling_limit="42 degC",
            temperature=profile(region), wue=f"{water} L/kWh", ups="10 min", generator_start="99 %", fuel="24 h",
            refuel='{ dist = "lognormal", median = "12 h", p95 = "48 h" }', restart="1 h", mttf="5 y", repair='{ dist = "exponential", mean = "6 h" }',
            operator=operator, lead_time=None if existing else "548 d",
            fixed_cost="0 EUR" if existing else "8 M EUR", building_cost=f"{round(8.9 * factor, 2)} M EUR/MW", connection_cost="0.25 M EUR/MW", fixed_upkeep="0.4 M EUR/y",
            upkeep="270 k EUR/MW/y",
            source=(source + "; " if source else "") + "assumption: connection, PUE, water, site factor on 9.9 USD/W (Turner & Townsend 2024, EMEA mean, 0.90 EUR/USD); build time 1 to 2 years (IEA 2025); upkeep Epoch AI 2026",
            verified=False)
        out += table(
            "expansion", name=f"{name}-bay", title=f"Transformer bays, {title}", site=name, connection=f"{step} MW", cost=f"{round(0.3 * step, 1)} M EUR", lead_time="1183 d", most=most,
            source="lead time 169 weeks, the middle of 128 to 210 weeks for transformers (Wood Mackenzie 2025; POWER 2024); cost and size: assumption", verified=False)
    for site, count in FLEETS.items():
        half = count // 2 // 8 * 8
        for part, number, date in (("standing", half, None), ("ordered", count - half, "2026-09-30T00:00:00Z")):
            out += table(
                "fleet", name=f"{site}-{part}", site=site, accelerator="h100", count=number, energised=date, retired="2031-09-29T12:00:00Z",
                source="38,000 accelerators onboarded (PIB by way of pibtracker.com, March 2026); half of them at work as in June 2025 (17,300 of 34,333: electronicsforyou.biz), the rest within the 6 months allowed; by site, and all of one type, and that they leave at the end of a quarter of the plan: assumption",
                verified=False)
    return out


def services():
    out = "# --- Services: what all languages share, one for each of the 22 scheduled languages, everyday use by group\n\n"
    path = "[1, 1.6, 5, 13, 28, 32, 36, 40, 43, 46, 48]"
    common = dict(nation="india", demand_by_year=path)
    note = "assumption: demand such that 36,000 H100 serve that of the start; it grows so that some 500,000 of today's newest type serve that of 2030"
    out += table("service", name="emergency", title="Emergency and disaster response", tier="T0", model="llama-3-70b", demand="530 k tokens/s", users=1400000000, value="100 EUR/M tokens", **common, source=note, verified=False)
    total = sum(share for _, share in LANGUAGES)
    for index, (language, share) in enumerate(LANGUAGES):
        small = index >= LARGE
        tokens = 16.5e6 * share / total
        out += table(
            "service", name=f"citizen-{language}", title=f"Public services in {language.capitalize()}", tier="T1", model="llama-3-70b" if small else "mistral-24b",
            demand=f"{tokens / 1e3:.1f} k tokens/s", value="10 EUR/M tokens", **common,
            source=note + "; shares of mother tongues of the census of 2011 in round numbers, not seen again" + ("; a small language needs the larger model" if small else ""), verified=False)
    out += table("service", name="industry", title="Industry, banks, telecoms", tier="T2", model="llama-3-70b", demand="5.3 M tokens/s", value="3 EUR/M tokens", **common, source=note, verified=False)
    for name, title, share in GROUPS:
        out += table("service", name=f"everyday-{name}", title=f"Everyday use, {title}", tier="T3", model="mistral-24b", demand=f"{28.7e3 * share:.0f} k tokens/s", value="0.5 EUR/M tokens", **common, source=note, verified=False)
    return out


def weather():
    out = "# --- Heat and drought: each year on its own\n\n"
    coal = ", ".join(f'"generator.coal-{region}"' for region in ("north", "west", "south", "east"))
    hydro = ", ".join(f'"generator.hydro-{region}"' for region in ("north", "west", "south", "east", "north-east"))
    for year in range(2026, 2036):
        out += table(
            "hazard", name=f"heat-{year}", title=f"Heatwave at the record peak, May {year}", kind="heatwave", degrees=5, targets=f"[{coal}]", derating="9 %", probability="40 %",
            **{"from": f"{year}-05-12T00:00:00Z"}, until=f"{year}-06-02T00:00:00Z",
            source="assumption: two of five years; the record of 250 GW fell in the heatwave of May 2024", verified=False)
        out += table(
            "hazard", name=f"monsoon-{year}", title=f"Weak monsoon, {year}", kind="heatwave", degrees=0, targets=f"[{hydro}]", derating="45 %", probability="20 %",
            **{"from": f"{year}-07-01T00:00:00Z"}, until=f"{year}-12-01T00:00:00Z", source="assumption: one of five years", verified=False)
    return out


def cases():
    def sure(*names):
        return "{ " + ", ".join(f'"hazard.{name}.probability" = 1' for name in names) + " }"

    years = range(2026, 2036)
    chosen = [
        ("heat", "A heatwave every May", sure(*(f"heat-{year}" for year in years))),
        ("monsoon", "A weak monsoon every year", sure(*(f"monsoon-{year}" for year in years))),
        ("late", "Transformers come late for sure", sure("transformers")),
        ("law", "The moratorium comes for sure", sure("moratorium")),
        ("subsidy", "The subsidy ends for sure", sure("subsidy-cut")),
    ]
    return "\n" + "".join(table("case", name=name, title=title, group="misfortune", set=what) for name, title, what in chosen).rstrip() + "\n"


def main():
    write_series()
    head, tail = ((HERE / name).read_text() for name in ("head.toml", "tail.toml"))
    (HERE / "scenario.toml").write_text(head + "\n" + grid() + sites() + services() + weather() + tail + cases())


if __name__ == "__main__":
    main()
