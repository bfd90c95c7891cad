#!/usr/bin/env bash
# Measures how CPU time and memory grow with the bytes, files and packages of an image, and what a second core brings:
# over the ladders that benches/images.sh makes, medians of ROUNDS scans without a cache. The exponent is that of the line
# through the logarithms (1: twice as much takes twice as long); the last step alone is given beside it, since start-up
# flattens the first ones.
#
# Usage: benches/growth.sh [--json FILE] FOLDER     FOLDER made by benches/images.sh; what is missing there is named
#   SBOMCTL  default target/release/sbomctl         ROUNDS  default 5
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHONPATH=benches PYTHONDONTWRITEBYTECODE=1 exec python3 - "$@" <<'PYTHON'
import argparse, json, math, os
from measure import *

parser = argparse.ArgumentParser(prog="benches/growth.sh")
parser.add_argument("--json")
parser.add_argument("folder")
options = parser.parse_args()
LADDERS = {"bytes": [1, 2, 4, 8], "files": [37500, 75000, 150000, 300000], "packages": [12500, 25000, 50000, 100000]}
# How far from 1 the exponent may be: linear in bytes, near-linear (n log n, and no more) in files and packages.
EXPONENTS = {"bytes": 1.05, "files": 1.15, "packages": 1.15}


def medians(names, *more, cpus=None):
    """The median of each image that is there, taken in turn."""
    there = [name for name in names if os.path.isdir(f"{options.folder}/{name}")]
    for name in sorted(set(names) - set(there)):
        print(f"left out: {name} is not in {options.folder}")
    runs = {name: [] for name in there}
    for name in there:
        into_page_cache(f"{options.folder}/{name}")
    for _ in range(ROUNDS):
        for name in there:
            with scratch_folder() as scratch:
                runs[name].append(measure(scan(f"oci:{options.folder}/{name}", scratch, *more), scratch, cpus=cpus))
    return {name: median(figures) for name, figures in runs.items()}


def exponent(points):
    logs = [(math.log(x), math.log(y)) for x, y in points]
    x0, y0 = (sum(column) / len(logs) for column in zip(*logs))
    return sum((x - x0) * (y - y0) for x, y in logs) / sum((x - x0) ** 2 for x, _ in logs)


rows, results = [], {}
print(f"{len(CPUS)} cores, {ROUNDS} rounds, {load()} before")
print(f"{'image':<18} {'wall s':>8} {'cpu s':>8} {'peak MB':>8}")
for kind, ladder in LADDERS.items():
    figures = medians([f"{kind}-{step}" for step in ladder])
    for name, (wall, cpu, peak) in figures.items():
        print(f"{name:<18} {wall:8.3f} {cpu:8.3f} {peak:8.0f}", flush=True)
        results[name] = {"wall": wall, "cpu": cpu, "peak": peak}
    points = [(step, figures[f"{kind}-{step}"]) for step in ladder if f"{kind}-{step}" in figures]
    asked, found_exponent = f"CPU time grows with {kind} to the power of at most {EXPONENTS[kind]}", None
    if len(points) == len(ladder):
        of = lambda column, points: exponent([(step, figures[column]) for step, figures in points])
        found_exponent = max(of(1, points), of(1, points[-2:]))
        print(f"{kind}: CPU time to the power of {of(1, points):.2f}, in the last step {of(1, points[-2:]):.2f}; "
              f"memory {of(2, points):.2f}, {of(2, points[-2:]):.2f}")
        results[kind] = {"cpu": of(1, points), "cpu_last": of(1, points[-2:]), "memory": of(2, points)}
    rows.append((asked, found_exponent and f"{found_exponent:.2f}", found_exponent and found_exponent <= EXPONENTS[kind]))
most = results.get("files-300000")
rows.append(("300,000 empty files: CPU time at most 1.5 s", most and f"{most['cpu']:.2f} s", most and most["cpu"] <= 1.5))
rows.append(("300,000 empty files: memory at most 150 MB", most and f"{most['peak']:.0f} MB", most and most["peak"] <= 150))
for name in ("stack", "large"):
    asked, speedup = f"{name}: 2 cores at least 1.7 x 1 core", None
    two = medians([name])
    if name in two and len(CPUS) > 1:
        one = medians([name], "--jobs", "1", cpus=CPUS[:1])
        speedup = one[name][0] / two[name][0]
        print(f"{name}: 1 core {one[name][0]:.3f} s, 2 cores {two[name][0]:.3f} s, {speedup:.2f} x", flush=True)
        results[name] = {"one_core": one[name][0], "two_cores": two[name][0], "peak": two[name][2]}
    rows.append((asked, speedup and f"{speedup:.2f}", speedup and speedup >= 1.7))
print(f"{load()} after")
asked = verdicts(rows)
if options.json:
    with open(options.json, "w") as file:
        json.dump({"rounds": ROUNDS, "figures": results, "asked": asked}, file, indent=1, sort_keys=True)
PYTHON
