#!/usr/bin/env bash
# Measures a scan from a registry beside the mere download of the same blobs: a registry on the loopback address sends at
# most RATE bytes a second to all together, to curl (as many at a time as sbomctl has jobs) and to sbomctl in turn.
#
# Usage: benches/remote.sh [--json FILE] LAYOUT...     OCI layout folders; needs curl and python3
#   SBOMCTL  default target/release/sbomctl   ROUNDS  default 5   RATE  default 100000000   JOBS  default 2
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHONPATH=benches PYTHONDONTWRITEBYTECODE=1 exec python3 - "$@" <<'PYTHON'
import argparse, json, os, subprocess, sys
from measure import *

parser = argparse.ArgumentParser(prog="benches/remote.sh")
parser.add_argument("--json")
parser.add_argument("layouts", nargs="+")
options = parser.parse_args()
RATE, JOBS = os.environ.get("RATE", "100000000"), os.environ.get("JOBS", "2")


def download(registry, layers, scratch):
    urls = [f"http://{registry}/v2/bench/image/blobs/sha256:{os.path.basename(path)}" for path, _ in layers]
    outputs = sum((["-o", "/dev/null", url] for url in urls), [])
    return ["curl", "--silent", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", JOBS, *outputs]


rows, results = [], {}
print(f"{int(RATE) / 1e6:.0f} MB/s, {JOBS} at a time, {ROUNDS} rounds, {load()} before")
print(f"{'image':<18} {'what':<10} {'wall s':>8} {'cpu s':>8} {'peak MB':>8} {'MB/s':>7}")
for layout in options.layouts:
    name, layers = os.path.basename(os.path.abspath(layout)), layers_of(layout)
    stored = sum(os.path.getsize(path) for path, _ in layers)
    into_page_cache(layout)
    server = subprocess.Popen([sys.executable, "benches/limited_registry.py", layout, RATE], stdout=subprocess.PIPE, text=True)
    try:
        registry = f"127.0.0.1:{int(server.stdout.readline())}"
        runs = {"download": [], "scan": []}
        for _ in range(ROUNDS):
            with scratch_folder() as scratch:
                runs["download"].append(measure(download(registry, layers, scratch), scratch))
                remote = scan(f"registry:{registry}/bench/image:latest", scratch, "--insecure", "--jobs", JOBS)
                runs["scan"].append(measure(remote, scratch))
    finally:
        server.terminate()
        server.wait()
    medians = {what: median(figures) for what, figures in runs.items()}
    for what, (wall, cpu, peak) in medians.items():
        print(f"{name:<18} {what:<10} {wall:8.3f} {cpu:8.3f} {peak:8.0f} {stored / wall / 1e6:7.1f}", flush=True)
    ratio = medians["scan"][0] / medians["download"][0]
    results[name] = {"stored": stored, "ratio": ratio, **{what: dict(zip(("wall", "cpu", "peak"), f)) for what, f in medians.items()}}
    rows.append((f"{name}: the scan ends within 5 % of the download", f"{ratio:.3f}", ratio <= 1.05))
print(f"{load()} after")
asked = verdicts(rows)
if options.json:
    with open(options.json, "w") as file:
        json.dump({"rate": int(RATE), "jobs": int(JOBS), "rounds": ROUNDS, "images": results, "asked": asked}, file, indent=1, sort_keys=True)
PYTHON
