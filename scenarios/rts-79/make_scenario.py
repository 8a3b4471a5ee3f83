#!/usr/bin/env python3
"""Writes scenario.toml and series/load.csv of this folder from the tables of the IEEE Reliability Test System of 1979.

Source of every table unless it says otherwise: IEEE RTS Task Force of the APM Subcommittee, "IEEE Reliability Test System",
IEEE Transactions on Power Apparatus and Systems, PAS-98(6), 1979, pp. 2047-2054.
"""
import datetime
import pathlib

PAPER = "IEEE RTS Task Force 1979, IEEE Trans. PAS-98(6) 2047-2054"
PEAK_MW = 2850

# Weekly peak load in percent of the annual peak, weeks 1 to 52.
WEEKLY = [86.2, 90.0, 87.8, 83.4, 88.0, 84.1, 83.2, 80.6, 74.0, 73.7, 71.5, 72.7, 70.4, 75.0, 72.1, 80.0, 75.4, 83.7,
          87.0, 88.0, 85.6, 81.1, 90.0, 88.7, 89.6, 86.1, 75.5, 81.6, 80.1, 88.0, 72.2, 77.6, 80.0, 72.9, 72.6, 70.5,
          78.0, 69.5, 72.4, 72.4, 74.3, 74.4, 80.0, 88.1, 88.5, 90.9, 94.0, 89.0, 94.2, 97.0, 100.0, 95.2]
# Daily peak load in percent of the weekly peak, Monday to Sunday.
DAILY = [93, 100, 98, 96, 94, 77, 75]
# Hourly load in percent of the daily peak, 0 to 23 h: (weekday, weekend) by season.
WINTER = ([67, 63, 60, 59, 59, 60, 74, 86, 95, 96, 96, 95, 95, 95, 93, 94, 99, 100, 100, 96, 91, 83, 73, 63],
          [78, 72, 68, 66, 64, 65, 66, 70, 80, 88, 90, 91, 90, 88, 87, 87, 91, 100, 99, 97, 94, 92, 87, 81])
SUMMER = ([64, 60, 58, 56, 56, 58, 64, 76, 87, 95, 99, 100, 99, 100, 100, 97, 96, 96, 93, 92, 92, 93, 87, 72],
          [74, 70, 66, 65, 64, 62, 62, 66, 81, 86, 91, 93, 93, 92, 91, 91, 92, 94, 95, 95, 100, 93, 88, 80])
SPRING = ([63, 62, 60, 58, 59, 65, 72, 85, 95, 99, 100, 99, 93, 92, 90, 88, 90, 92, 96, 98, 96, 90, 80, 70],
          [75, 73, 69, 66, 65, 65, 68, 74, 83, 89, 92, 94, 91, 90, 90, 86, 85, 88, 92, 100, 97, 95, 90, 85])
# Load of each bus at the annual peak [MW].
LOADS = {1: 108, 2: 97, 3: 180, 4: 74, 5: 71, 6: 136, 7: 125, 8: 171, 9: 175, 10: 195, 13: 265, 14: 194, 15: 317, 16: 100,
         18: 333, 19: 181, 20: 128}
# Class: capacity [MW], MTTF [h], MTTR [h], technology, fuel, heat rate at full output [Btu/kWh], variable cost [$/MWh].
CLASSES = {
    "u12": (12, 2940, 60, "oil steam", "oil-6", 12000, 0.90),
    "u20": (20, 450, 50, "oil combustion turbine", "oil-2", 14500, 5.00),
    "u50": (50, 1980, 20, "hydro", None, 0, 0.0),
    "u76": (76, 1960, 40, "coal steam", "coal", 12000, 0.90),
    "u100": (100, 1200, 50, "oil steam", "oil-6", 10000, 0.80),
    "u155": (155, 960, 40, "coal steam", "coal", 9700, 0.80),
    "u197": (197, 950, 50, "oil steam", "oil-6", 9600, 0.70),
    "u350": (350, 1150, 100, "coal steam", "coal", 9500, 0.70),
    "u400": (400, 1100, 150, "nuclear", "uranium", 10000, 0.30),
}
# Fuel: price [$/MBtu] of 1979, and grams of CO2 per MJ (IPCC 2006 guidelines, vol. 2, table 2.2).
FUELS = {"oil-6": (2.30, 77.4), "oil-2": (3.00, 74.1), "coal": (1.20, 94.6), "uranium": (0.60, 0.0)}
# Units at each bus: (class, number).
UNITS = {1: [("u20", 2), ("u76", 2)], 2: [("u20", 2), ("u76", 2)], 7: [("u100", 3)], 13: [("u197", 3)],
         15: [("u12", 5), ("u155", 1)], 16: [("u155", 1)], 18: [("u400", 1)], 21: [("u400", 1)], 22: [("u50", 6)],
         23: [("u155", 2), ("u350", 1)]}
# Lines and transformers: from, to, reactance [p.u. on 100 MVA], continuous rating [MVA], permanent outages per year, hours of one.
LINES = [
    (1, 2, .0139, 175, .24, 16), (1, 3, .2112, 175, .51, 10), (1, 5, .0845, 175, .33, 10), (2, 4, .1267, 175, .39, 10),
    (2, 6, .1920, 175, .48, 10), (3, 9, .1190, 175, .38, 10), (3, 24, .0839, 400, .02, 768), (4, 9, .1037, 175, .36, 10),
    (5, 10, .0883, 175, .34, 10), (6, 10, .0605, 175, .33, 35), (7, 8, .0614, 175, .30, 10), (8, 9, .1651, 175, .44, 10),
    (8, 10, .1651, 175, .44, 10), (9, 11, .0839, 400, .02, 768), (9, 12, .0839, 400, .02, 768), (10, 11, .0839, 400, .02, 768),
    (10, 12, .0839, 400, .02, 768), (11, 13, .0476, 500, .40, 11), (11, 14, .0418, 500, .39, 11), (12, 13, .0476, 500, .40, 11),
    (12, 23, .0966, 500, .52, 11), (13, 23, .0865, 500, .49, 11), (14, 16, .0389, 500, .38, 11), (15, 16, .0173, 500, .33, 11),
    (15, 21, .0490, 500, .41, 11), (15, 21, .0490, 500, .41, 11), (15, 24, .0519, 500, .41, 11), (16, 17, .0259, 500, .35, 11),
    (16, 19, .0231, 500, .34, 11), (17, 18, .0144, 500, .32, 11), (17, 22, .1053, 500, .54, 11), (18, 21, .0259, 500, .35, 11),
    (18, 21, .0259, 500, .35, 11), (19, 20, .0396, 500, .38, 11), (19, 20, .0396, 500, .38, 11), (20, 23, .0216, 500, .34, 11),
    (20, 23, .0216, 500, .34, 11), (21, 22, .0678, 500, .45, 11),
]

HEAD = f'''#:schema ../schema/scenario.schema.json
# The IEEE Reliability Test System of 1979. Written by make_scenario.py in this folder, which holds the tables.

[scenario]
format = 1
name = "rts-79"
title = "IEEE Reliability Test System 1979"
question = "How much AI load can the test system host, if it is firm, and if it yields?"
start = 2029-01-01T00:00:00Z     # a Monday, as week 1 of the load model begins
duration = "8736 h"              # 52 weeks
price_year = 2025

[[nation]]
name = "grid"
title = "The test system"
'''

TAIL = '''
# --- the question: two candidate sites of the same size, one firm in the middle of the load, one interruptible at the hydro plant ---

[[site]]
name = "firm"
title = "AI site at bus 18, firm"
bus = "bus-18"
tier = "core"
connection = "120 MW"
pue = 1.2
ups = "10 min"
generator_start = 0.98
fuel = "48 h"
operator = "operator"
building_cost = "10 M EUR/MW"
connection_cost = "0.4 M EUR/MW"
upkeep = "300 k EUR/MW/y"
source = "assumption: a question to ask of the test system"
verified = false

[[site]]
name = "yielding"
title = "AI site at bus 22, interruptible"
bus = "bus-22"
tier = "core"
interruptible = true
connection = "120 MW"
pue = 1.2
ups = "10 min"
generator_start = 0.98
fuel = "8 h"
operator = "operator"
building_cost = "9 M EUR/MW"
connection_cost = "0.4 M EUR/MW"
upkeep = "300 k EUR/MW/y"
source = "assumption: a question to ask of the test system; cheaper with little fuel"
verified = false

[[service]]
name = "chat"
nation = "grid"
tier = "T2"
tokens_per_accelerator = "1500 tokens/s"
demand = "30 M tokens/s"
value = "4 EUR/M tokens"
source = "assumption: fills about half of one site"
verified = false

[plan]
budget = "8 bn EUR"
it_power = "100 MW"
accelerators = ["b200"]
discount_rate = "6 %"

[[alternative]]
name = "all-firm"
title = "Firm site only"
sites = ["firm"]

[[alternative]]
name = "all-yielding"
title = "Interruptible site only"
sites = ["yielding"]
'''


def season(week):
    if week <= 8 or week >= 44:
        return WINTER
    return SUMMER if 18 <= week <= 30 else SPRING


def system_load():
    for week, of_year in enumerate(WEEKLY, 1):
        for day, of_week in enumerate(DAILY):
            for of_day in season(week)[day >= 5]:
                yield PEAK_MW * of_year * of_week * of_day / 1e6


def number(value):
    return f"{value:.10g}"


def main():
    folder = pathlib.Path(__file__).parent
    start = datetime.datetime(2029, 1, 1)
    rows = [f"{start + datetime.timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{number(mw)}" for hour, mw in enumerate(system_load())]
    (folder / "series").mkdir(exist_ok=True)
    (folder / "series/load.csv").write_text("time,system [MW]\n" + "\n".join(rows) + "\n")

    out = [HEAD]
    for bus in range(1, 25):
        level = 138 if bus <= 10 else 230
        out.append(f'''
[[bus]]
name = "bus-{bus}"
title = "Bus {bus}, {level} kV"
nation = "grid"
energy_price = {{ value = "60 EUR/MWh", source = "assumption: what a large consumer pays today", verified = false }}
''')
    seen = {}
    for a, b, x, rating, outages, hours in LINES:
        seen[a, b] = seen.get((a, b), 0) + 1
        name = f"l{a}-{b}" + (f"-{seen[a, b]}" if seen[a, b] > 1 else "")
        out.append(f'''
[[line]]
name = "{name}"
from = "bus-{a}"
to = "bus-{b}"
capacity = "{rating} MW"
reactance = {x}
failure_rate = "{outages} / y"
repair = {{ dist = "exponential", mean = "{hours} h" }}
source = "{PAPER}: impedance and rating data, outage data of lines and transformers; taps 1"
verified = false
''')
    for bus, classes in UNITS.items():
        for name, count in classes:
            mw, mttf, mttr, technology, fuel, heat, variable = CLASSES[name]
            price, grams = FUELS.get(fuel, (0.0, 0.0))
            cost = heat * price / 1000 + variable
            # 1 Btu = 1055.06 J.
            carbon = grams * heat * 1.05506e-3
            out.append(f'''
[[generator]]
name = "{name}-bus-{bus}"
bus = "bus-{bus}"
technology = "{technology}"
capacity = "{mw * count} MW"
units = {count}
cost = {{ value = "{number(cost)} EUR/MWh", source = "{PAPER}: heat rate at full output, fuel price and variable cost of 1979 (tables not seen again); dollars taken as euro", verified = false }}
carbon = {{ value = "{number(round(carbon))} g/kWh", source = "assumption: heat rate of the paper, emission factor of IPCC 2006", verified = false }}
mttf = "{mttf} h"
repair = {{ dist = "exponential", mean = "{mttr} h" }}
source = "{PAPER}: generating unit reliability data and locations"
verified = true
''')
    for bus, mw in LOADS.items():
        out.append(f'''
[[load]]
name = "load-{bus}"
bus = "bus-{bus}"
power = {{ series = "series/load.csv", column = "system", scale = {mw / PEAK_MW!r} }}
value_of_lost_load = {{ value = "10000 EUR/MWh", source = "assumption: usual in studies of adequacy", verified = false }}
source = "{PAPER}: load model, {mw} of {PEAK_MW} MW at the peak"
verified = true
''')
    out.append(TAIL)
    (folder / "scenario.toml").write_text("".join(out))


if __name__ == "__main__":
    main()
