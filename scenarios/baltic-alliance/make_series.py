#!/usr/bin/env python3
"""Writes series/*.csv of the baltic-alliance scenario. Standard library only, fixed seed, the same bytes each time.

The hourly shapes are synthetic: no free hourly record was at hand. Each column is shaped by the assumptions below and then
scaled so that its yearly mean (and, for demand, its yearly peak and the energy of the cold week) is the published figure.
The table that is printed at the end is the one in README.md. Usage: python3 make_series.py [FOLDER]

Shape assumptions
  calendar     2027 has 365 days and starts on a Friday. Local hours: Poland and Sweden UTC+1, the others UTC+2, no summer time.
  weather      One daily anomaly for the whole region and one for each zone (autoregressive, correlation 0.8 from day to day).
  cold spell   Monday 11 to Sunday 17 January: all zones some 13 degrees below the season; little wind, almost no sun.
  temperature  Cosine of the year (coldest 22 January), cosine of the day (warmest 14:00), the weather's anomaly.
  demand       Daily and weekly profile, plus electric heating below 14 degC, plus slight cooling above 22 degC. The heating
               coefficient is found by bisection so that the cold week has the published energy (where one is published).
  wind         Autoregressive noise (hourly correlation 0.985) from a regional and a zonal part (correlation 0.6 between
               neighbours), stronger in winter, through a logistic curve to a capacity factor; mean by bisection.
  sun          Elevation of the sun at the zone's latitude, times a daily cloud factor; scaled to the mean.
  water        Spring flood for Latvia (15 March to 5 May) and Lithuania, flat for Poland, demand-led for Finland and Sweden.
  plants       Maintenance in summer; heat-led plants follow the cold; what northern Sweden sends south after its other exports.
  prices       Level by residual demand of the zone and its neighbours, mean by scaling, top at the published peak hour.
  use of AI    Working hours for government, health and industry; evenings for the public. Mean 1, at most 1.42.
"""

import math
import random
import sys
from pathlib import Path

SEED = 20270101
HOURS = 8760
ZONES = ["pl", "lt", "lv", "ee", "fi", "se4"]
OFFSET = {"pl": 1, "lt": 2, "lv": 2, "ee": 2, "fi": 2, "se4": 1}
COLD_FROM, COLD_TO = 10, 17  # days of the year, 0 = 1 January: 11 to 17 January

# Yearly demand [TWh] (Ember 2024; se4 derived), peak hour [MW] (records), cold week [GWh] (Litgrid, AST, Elering; January 2026).
DEMAND = {
    "pl": (173.02, 28660, None),
    "lt": (12.70, 2500, 334.0),
    "lv": (7.39, 1300, 179.0),
    "ee": (9.10, 1723, 230.0),
    "fi": (85.35, 15000, None),
    "se4": (23.00, 4600, None),
}
# Weight of heating in the shape of demand where no cold week is published (assumption).
HEATING = {"pl": 0.22, "fi": 0.38, "se4": 0.45}
# Mean temperature, half range of the year, half range of the day [degC] (assumption: climate in round numbers).
CLIMATE = {"pl": (9.5, 11.0, 3.5), "lt": (8.0, 11.5, 3.2), "lv": (7.8, 11.5, 3.0), "ee": (7.0, 11.5, 2.8), "fi": (6.0, 12.0, 2.8), "se4": (9.0, 9.5, 2.5)}
LATITUDE = {"pl": 52.0, "lt": 55.2, "lv": 56.9, "ee": 58.8, "fi": 61.5, "se4": 56.0}
# Capacity factors of wind and sun over the year (assumption; scenario.toml gives the capacities that go with them).
WIND = {"pl": 0.27, "lt": 0.30, "lv": 0.27, "ee": 0.28, "fi": 0.30, "se4": 0.30}
SUN = {"pl": 0.105, "lt": 0.105, "lv": 0.100, "ee": 0.100, "fi": 0.090, "se4": 0.100}
# Capacity factors of run-of-river and reservoir hydro over the year.
WATER = {"pl": 0.33, "lt": 0.40, "lv": 0.245, "fi": 0.52, "se4": 0.45}
# Yearly mean price [EUR/MWh] (Ember 2024, mean of months; se4 assumption) and the dearest hour.
PRICE = {"pl": (96.19, 430.0), "lt": (87.20, 500.0), "lv": (87.28, 500.0), "ee": (87.12, 500.0), "fi": (45.62, 400.0), "se4": (50.00, 350.0)}


def noise(rng, count, correlation):
    """Autoregressive normal noise with unit variance."""
    value, out = rng.gauss(0.0, 1.0), []
    fresh = math.sqrt(1.0 - correlation * correlation)
    for _ in range(count):
        out.append(value)
        value = correlation * value + fresh * rng.gauss(0.0, 1.0)
    return out


def mean(values):
    return math.fsum(values) / len(values)


def season(day, warmest_or_coldest):
    """1 on that day of the year, -1 half a year away."""
    return math.cos(2.0 * math.pi * (day - warmest_or_coldest) / 365.0)


def cold(day):
    """0 outside the cold spell, 1 inside, with a day of transition on either side."""
    if COLD_FROM <= day < COLD_TO:
        return 1.0
    return 0.5 if day in (COLD_FROM - 1, COLD_TO) else 0.0


def local(hour, zone):
    shifted = hour + OFFSET[zone]
    return shifted % 24, (shifted // 24) % 365, (4 + shifted // 24) % 7  # 1 January 2027 is a Friday; Monday is 0


def smooth(anchor, hour):
    """Cyclic linear interpolation between (hour, value) pairs."""
    points = anchor + [(anchor[0][0] + 24, anchor[0][1])]
    for (left, low), (right, high) in zip(points, points[1:]):
        at = hour if hour >= points[0][0] else hour + 24
        if left <= at <= right:
            return low + (high - low) * (at - left) / (right - left)
    raise ValueError(hour)


def fit_mean(make, target, low, high):
    """Bisection of a monotone rising parameter until the mean of make(parameter) is the target."""
    for _ in range(80):
        middle = 0.5 * (low + high)
        if mean(make(middle)) < target:
            low = middle
        else:
            high = middle
    return make(0.5 * (low + high))


def scale_to_mean(values, target, top=1.0):
    """A factor on values, clipped at top, so that the mean is the target."""
    return fit_mean(lambda k: [min(top, k * v) for v in values], target, 0.0, 100.0)


def make_temperature(rng):
    region = noise(rng, 367, 0.8)
    out = {}
    for zone in ZONES:
        own = noise(rng, 367, 0.8)
        average, year, day_swing = CLIMATE[zone]
        column = []
        for hour in range(HOURS):
            clock, day, _ = local(hour, zone)
            left = hour / 24.0
            first = int(left)
            part = left - first
            weather = (1 - part) * (0.8 * region[first] + 0.6 * own[first]) + part * (0.8 * region[first + 1] + 0.6 * own[first + 1])
            weather = (2.6 + 0.9 * season(day, 21)) * weather
            frost = cold(day)
            value = average - year * season(day, 21) + (1.0 - 0.55 * season(day, 355)) * day_swing * math.cos(2 * math.pi * (clock - 14) / 24)
            column.append(value + (1 - frost) * weather - 13.0 * frost)
        out[zone] = column
    return out


WEEKDAY = [(0, 0.70), (3, 0.64), (5, 0.68), (8, 0.97), (11, 1.00), (15, 0.95), (18, 1.02), (20, 0.98), (22, 0.84)]
WEEKEND = [(0, 0.70), (4, 0.62), (7, 0.68), (10, 0.84), (13, 0.85), (15, 0.82), (18, 0.93), (20, 0.90), (22, 0.80)]


def stretch(column, average, top, power):
    """k * column, with its highest part stretched so that the mean is average and the highest value is top."""
    highest = max(column)
    weight = [(v / highest) ** power for v in column]
    k = (average - top * mean(weight)) / (mean(column) - highest * mean(weight))
    return [k * v + (top - k * highest) * w for v, w in zip(column, weight)]


def make_demand(temperature):
    out = {}
    for zone in ZONES:
        energy, peak, week = DEMAND[zone]
        average = energy * 1e6 / HOURS
        fixed, heat, spell = [], [], []
        for hour in range(HOURS):
            clock, day, weekday = local(hour, zone)
            holiday = day in (0, 5, 120, 122, 304, 314, 358, 359, 360)  # public holidays, roughly
            base = smooth(WEEKDAY if weekday < 5 and not holiday else WEEKEND, clock)
            degree = temperature[zone][hour]
            fixed.append(base + 0.05 * season(day, 355) + 0.25 * max(0.0, degree - 22.0) / 30.0)
            heat.append(max(0.0, 14.0 - degree) / 30.0 * (0.85 + 0.15 * base))
            if COLD_FROM <= day < COLD_TO:
                spell.append(hour)

        def shape(heating):
            return stretch([f + heating * h for f, h in zip(fixed, heat)], average, peak, 30)

        if week is None:
            out[zone] = shape(HEATING[zone])
            continue
        low, high = 0.0, 12.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            column = shape(middle)
            if math.fsum(column[hour] for hour in spell) < week * 1e3:
                low = middle
            else:
                high = middle
        out[zone] = column
    return out


def make_wind(rng):
    region = noise(rng, HOURS, 0.985)
    out = {}
    for zone in ZONES:
        own = noise(rng, HOURS, 0.985)
        drive = []
        for hour in range(HOURS):
            _, day, _ = local(hour, zone)
            still = cold(day)
            value = math.sqrt(0.6) * region[hour] + math.sqrt(0.4) * own[hour] + 0.30 * season(day, 15)
            drive.append((1 - 0.6 * still) * value - 1.1 * still)
        out[zone] = fit_mean(lambda shift: [0.95 / (1 + math.exp(-1.6 * (v + shift))) for v in drive], WIND[zone], -5.0, 5.0)
    return out


def make_sun(rng):
    region = noise(rng, 366, 0.5)
    out = {}
    for zone in ZONES:
        own = noise(rng, 366, 0.5)
        latitude = math.radians(LATITUDE[zone])
        column = []
        for hour in range(HOURS):
            clock, day, _ = local(hour, zone)
            declination = math.radians(-23.44) * math.cos(2 * math.pi * (day + 10) / 365)
            angle = math.radians(15 * (clock + 0.5 - 12))
            elevation = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(angle)
            cloud = 1 / (1 + math.exp(-1.2 * (0.7 * region[day] + 0.7 * own[day] - 0.5 * season(day, 355))))
            column.append(max(0.0, elevation) ** 1.15 * (0.25 + 0.75 * cloud) * (1 - 0.7 * cold(day)))
        out[zone] = scale_to_mean(column, SUN[zone], top=0.85)
    return out


def make_water(demand):
    out = {}
    for zone in WATER:
        column = []
        low, high = min(demand[zone]), max(demand[zone])
        for hour in range(HOURS):
            _, day, _ = local(hour, zone)
            load = (demand[zone][hour] - low) / (high - low)
            if zone == "lv":
                flood = math.exp(-0.5 * ((day - 99) / 17) ** 2)
                value = 1.1 * flood + (1 - flood) * (0.16 + 0.05 * season(day, 350)) * (0.45 + 1.5 * load)
            elif zone == "lt":
                value = 0.32 + 0.45 * math.exp(-0.5 * ((day - 95) / 22) ** 2) + 0.08 * season(day, 355)
            elif zone == "pl":
                value = 0.30 + 0.08 * season(day, 90) + 0.10 * load
            else:
                value = 0.30 + 0.75 * load
            column.append(value)
        out[zone] = scale_to_mean(column, WATER[zone], top=0.95)
    return out


def make_plants(temperature):
    """thermal: availability of condensing plants after planned maintenance; heat: heat-led plants; nuclear: refuelling."""
    thermal, heat, nuclear, north = [], [], [], []
    for hour in range(HOURS):
        _, day, _ = local(hour, "lt")
        thermal.append(0.79 + 0.07 * season(day, 15))
        degree = mean([temperature[z][hour] for z in ("pl", "lt", "lv", "ee")])
        heat.append(min(0.95, max(0.12, 0.15 + 0.040 * (15.0 - degree))))
        nuclear.append(0.99 - 0.17 * max(0.0, math.cos(math.pi * (day - 150) / 80.0)) if abs(day - 150) < 40 else 0.99)
        north.append(0.62 + 0.06 * season(day, 140) + 0.10 * cold(day))
    nuclear = scale_to_mean(nuclear, 0.968)
    return {"thermal": thermal, "heat": heat, "nuclear": nuclear, "sweden-north": north}


def make_price(rng, demand, wind, sun, water):
    tight = {}
    # What a zone needs after wind, sun and water, in shares of its peak (installed shares in round numbers).
    share = {"pl": (0.33, 0.60, 0.01), "lt": (0.50, 0.75, 0.05), "lv": (0.10, 0.45, 1.15), "ee": (0.33, 0.55, 0.0), "fi": (0.50, 0.06, 0.21), "se4": (0.45, 0.13, 0.07)}
    for zone in ZONES:
        w, s, h = share[zone]
        flow = water.get(zone, [0.0] * HOURS)
        tight[zone] = [demand[zone][t] / DEMAND[zone][1] - w * wind[zone][t] - s * sun[zone][t] - h * flow[t] for t in range(HOURS)]
    baltic = [mean([tight[z][t] for z in ("lt", "lv", "ee")]) for t in range(HOURS)]
    common = noise(rng, HOURS, 0.97)
    out = {}
    for zone in ZONES:
        own = noise(rng, HOURS, 0.9)
        average, top = PRICE[zone]
        column = []
        for hour in range(HOURS):
            need = tight[zone][hour] if zone in ("pl", "fi", "se4") else 0.85 * baltic[hour] + 0.15 * tight[zone][hour]
            if zone in ("fi", "se4"):
                need = 0.75 * need + 0.25 * baltic[hour]
            spread = {"pl": 2.0, "fi": 3.4, "se4": 3.2}.get(zone, 2.6)
            column.append(math.exp(spread * (need - 0.4) + 0.10 * common[hour] + 0.06 * own[hour]))
        out[zone] = [max(0.0, v) for v in stretch(column, average, top, 10)]
    return out


OFFICE = [(0, 0.55), (5, 0.55), (8, 1.20), (10, 1.55), (12, 1.40), (14, 1.55), (17, 1.15), (20, 0.80), (22, 0.65)]
PUBLIC = [(0, 0.55), (4, 0.35), (7, 0.80), (10, 1.10), (14, 1.15), (18, 1.40), (21, 1.50), (23, 0.90)]


def make_use():
    office, public = [], []
    for hour in range(HOURS):
        clock, _, weekday = local(hour, "pl")
        office.append(smooth(OFFICE, clock) * (1.0 if weekday < 5 else 0.72))
        public.append(smooth(PUBLIC, clock) * (0.97 if weekday < 5 else 1.05))
    return {"office": scale_to_mean(office, 1.0, top=1.42), "public": scale_to_mean(public, 1.0, top=1.42)}


def write(folder, name, unit, digits, columns):
    path = folder / f"{name}.csv"
    labels = ",".join(f"{column} [{unit}]" for column in columns)
    month_days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    stamps = [f"2027-{m + 1:02d}-{d + 1:02d}T{h:02d}:00:00Z" for m in range(12) for d in range(month_days[m]) for h in range(24)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"time,{labels}\n")
        for hour, stamp in enumerate(stamps):
            values = []
            for column in columns.values():
                text = f"{column[hour]:.{digits}f}"
                values.append((text.rstrip("0").rstrip(".") or "0").replace("-0.0", "0") if digits else text)
            file.write(f"{stamp},{','.join(values)}\n")
    # What readers of the file get, after rounding.
    return {c: [round(v, digits) for v in values] for c, values in columns.items()}


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "series"
    folder.mkdir(parents=True, exist_ok=True)
    streams = {name: random.Random(f"{SEED} {name}") for name in ("temperature", "wind", "sun", "price")}
    temperature = make_temperature(streams["temperature"])
    demand = make_demand(temperature)
    wind = make_wind(streams["wind"])
    sun = make_sun(streams["sun"])
    water = make_water(demand)
    plants = make_plants(temperature)
    price = make_price(streams["price"], demand, wind, sun, water)
    use = make_use()

    demand = write(folder, "demand", "MW", 0, demand)
    renewables = write(
        folder,
        "availability",
        "1",
        3,
        {f"{z}-wind": wind[z] for z in ZONES} | {f"{z}-sun": sun[z] for z in ZONES} | {f"{z}-water": water[z] for z in water} | plants,
    )
    price = write(folder, "price", "EUR/MWh", 1, price)
    temperature = write(folder, "temperature", "degC", 1, {z: temperature[z] for z in ("pl", "lt", "lv", "ee")})
    use = write(folder, "use", "1", 3, use)

    print("| column | quantity | sourced | written | difference |")
    print("|---|---|---|---|---|")

    def row(column, quantity, wanted, got, unit):
        print(f"| {column} | {quantity} | {wanted:g} {unit} | {got:.5g} {unit} | {100 * (got / wanted - 1):+.3f} % |")

    for zone in ZONES:
        energy, peak, week = DEMAND[zone]
        row(f"demand/{zone}", "energy", energy, math.fsum(demand[zone]) / 1e6, "TWh")
        row(f"demand/{zone}", "peak hour", peak, max(demand[zone]), "MW")
        if week is not None:
            spell = [v for hour, v in enumerate(demand[zone]) if COLD_FROM <= local(hour, zone)[1] < COLD_TO]
            row(f"demand/{zone}", "cold week", week, math.fsum(spell) / 1e3, "GWh")
    for zone in ZONES:
        row(f"price/{zone}", "mean", PRICE[zone][0], mean(price[zone]), "EUR/MWh")
        row(f"price/{zone}", "dearest hour", PRICE[zone][1], max(price[zone]), "EUR/MWh")
    for kind, table in (("wind", WIND), ("sun", SUN), ("water", WATER)):
        for zone, wanted in table.items():
            row(f"availability/{zone}-{kind}", "mean", wanted, mean(renewables[f"{zone}-{kind}"]), "")
    for column in ("thermal", "heat", "nuclear", "sweden-north"):
        print(f"| availability/{column} | mean | - | {mean(renewables[column]):.3f} | - |")
    for column in ("office", "public"):
        row(f"use/{column}", "mean", 1.0, mean(use[column]), "")
    for zone, column in temperature.items():
        print(f"| temperature/{zone} | mean, least, most | - | {mean(column):.1f}, {min(column)}, {max(column)} degC | - |")


if __name__ == "__main__":
    main()
