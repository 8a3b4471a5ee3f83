#!/usr/bin/env python3
"""Writes scenario.toml from head.toml, the tables of data below, and tail.toml. Only the standard library."""

from pathlib import Path

HERE = Path(__file__).parent
COUNTS = "counts of ministries, registries and organisations: the question of the study"
# Registries of the state, 161 in all: name, title, how many, TB, M EUR. The first stand alone, the others by ministry.
REGISTRIES = [
    ("population", "Population and residence", 1, 38, 240),
    ("land-cadastre", "Land cadastre", 1, 95, 310),
    ("property-rights", "Rights in property", 1, 64, 290),
    ("companies", "Companies and entrepreneurs", 1, 22, 130),
    ("tax-accounts", "Tax accounts", 1, 118, 260),
    ("pensions", "Pensions and insurance", 1, 57, 210),
    ("health-records", "Electronic health records", 1, 190, 280),
    ("vehicles", "Vehicles and licences", 1, 41, 70),
    ("courts", "Court decisions and enforcement", 1, 83, 120),
    ("elections", "Register of voters", 1, 9, 60),
    ("customs", "Customs declarations", 1, 72, 90),
    ("education", "Education and diplomas", 1, 36, 55),
    ("registries-justice", "Registries of justice", 24, 110, 150),
    ("registries-social", "Registries of social policy", 21, 98, 125),
    ("registries-interior", "Registries of the interior", 19, 142, 165),
    ("registries-economy", "Registries of the economy", 22, 77, 70),
    ("registries-environment", "Registries of environment and soil", 18, 121, 60),
    ("registries-health", "Registries of health", 17, 105, 95),
    ("registries-transport", "Registries of transport and building", 16, 88, 65),
    ("registries-culture", "Registries of culture and science", 12, 34, 28),
]
# Size and value of the files and mail of each ministry: TB, M EUR.
MINISTRIES = [
    ("finance", 121, 62), ("justice", 92, 48), ("interior", 188, 74), ("defence", 164, 96), ("foreign-affairs", 71, 58), ("health", 139, 41),
    ("education", 97, 19), ("social-policy", 84, 27), ("economy", 66, 21), ("energy", 58, 33), ("infrastructure", 118, 29), ("digital", 47, 36),
    ("agriculture", 89, 14), ("environment", 103, 12), ("culture", 151, 11), ("youth-sport", 29, 3), ("veterans", 33, 7), ("reintegration", 41, 9),
    ("strategic-industry", 76, 39), ("regions", 62, 10), ("cabinet-office", 54, 44), ("security-council", 38, 41), ("statistics", 112, 23),
    ("treasury", 69, 46), ("customs-service", 87, 18), ("tax-service", 143, 37), ("emergency", 48, 13),
]
# 356 organisations by sector: how many, TB, M EUR.
ORGANISATIONS = [
    ("universities", "Universities", 82, 1480, 88), ("hospitals", "Hospitals", 74, 910, 97), ("research", "Research institutes", 31, 760, 71),
    ("banks", "State banks", 9, 330, 120), ("railways", "Railways", 4, 280, 46), ("energy-utilities", "Energy utilities", 27, 390, 83),
    ("municipalities", "Cities", 46, 520, 64), ("media", "Broadcasters and archives", 18, 640, 22), ("schools", "School networks", 29, 210, 9),
    ("post", "Post and logistics", 6, 130, 18), ("land-survey", "Surveys and maps", 11, 205, 26), ("others", "Others", 19, 53, 5),
]
assert len(MINISTRIES) == 27 and sum(row[2] for row in REGISTRIES) == 161 and sum(row[2] for row in ORGANISATIONS) == 356


def dataset(name, title, tb, meur, kind, certificate, more=""):
    return f"""
[[dataset]]
name = "{name}"
title = "{title}"
nation = "ukraine"
size = "{tb} TB"
value = "{meur} M EUR"
replication_interval = "1 h"
class = "{kind}"
certification = ["{certificate}"]
source = "assumption: sizes and values; {COUNTS}; 10 PB in all (Irish Times, 8 December 2022)"
verified = false
{more}"""


def main():
    rows = [dataset(n, f"{t}" + (f" ({c})" if c > 1 else ""), tb, eur, "registry", "state-a") for n, t, c, tb, eur in REGISTRIES]
    rows += [dataset(f"ministry-{n}", f"Ministry: {n.replace('-', ' ')}", tb, eur, "ministry", "state-a") for n, tb, eur in MINISTRIES]
    rows += [dataset(n, f"{t} ({c})", tb, eur, "organisation", "state-b") for n, t, c, tb, eur in ORGANISATIONS]
    rest = 10_000 - sum(r[3] for r in REGISTRIES) - sum(r[1] for r in MINISTRIES) - sum(r[3] for r in ORGANISATIONS)
    assert 50 < rest < 400, rest
    rows.append(dataset("national-models", "National models and their training data", rest, 45, "weights", "state-b"))
    # Whoever asks first is not whoever has most to lose: by name.
    rows.sort()
    text = (HERE / "head.toml").read_text() + "\n# --- Data: 10 PB\n" + "".join(rows) + "\n" + (HERE / "tail.toml").read_text()
    (HERE / "scenario.toml").write_text(text)


main()
