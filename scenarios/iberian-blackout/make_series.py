"""Writes series/grid.csv: load and availability by hour, shapes that are assumptions, scaled to figures of scenario.toml."""
import datetime as dt
import math

HOURS = 120
START = dt.datetime(2025, 4, 28)
# MW for a mean of 1 MW, by local hour: a spring day with a flat noon, a winter day with its peak at 20 to 21 h.
SPRING = [.86, .81, .78, .77, .77, .80, .88, .98, 1.05, 1.08, 1.08, 1.07, 1.07, 1.08, 1.05, 1.02, 1.00, 1.00, 1.02, 1.06, 1.15, 1.16, 1.06, .95]
WINTER = [.85, .78, .74, .72, .73, .77, .88, 1.01, 1.08, 1.12, 1.12, 1.10, 1.08, 1.08, 1.05, 1.03, 1.04, 1.10, 1.20, 1.24, 1.24, 1.18, 1.05, .93]

with open("series/grid.csv", "w") as out:
    out.write("time,spring [MW],winter [MW],sun [1],wind [1]\n")
    for hour in range(HOURS):
        moment = START + dt.timedelta(hours=hour)
        local = (moment.hour + 2) % 24
        # The sun over Castile at the end of April: up from 7 to 21 h, local time, highest at 14 h.
        sun = max(0.0, math.sin(math.pi * (local + 0.5 - 7) / 14)) ** 1.5 * 0.36 if 7 <= local < 21 else 0.0
        wind = 0.13 + 0.04 * math.sin(2 * math.pi * hour / 57)
        mean = lambda shape: shape[local] / (sum(shape) / 24)
        out.write(f"{moment:%Y-%m-%dT%H:%M:%SZ},{mean(SPRING):.4f},{mean(WINTER):.4f},{sun:.4f},{wind:.4f}\n")
