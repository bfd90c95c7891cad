#!/usr/bin/env bash
# Measures sbomctl beside Trivy, Syft and a floor on the same OCI layouts, in one run: whole processes on two cores,
# taken in turn, medians of ROUNDS rounds, and in the end what was asked for beside what was measured.
#
#   floor        every layer hashed by openssl and inflated by libdeflate-gunzip (zstd -dc, cat), two at a time, nothing else
#   sbomctl      with an empty cache, or none          sbomctl-warm   the same scan again, with the cache of the first
#   sbomctl-1    with an empty cache on one core, --jobs 1
#   trivy        with an empty cache                   trivy-warm     the same scan again
#                (without Java archives, for which it would fetch a database of 1 GB)
#   syft         with the detectors for operating system packages, Go and Rust
#
# Usage: benches/compare.sh [--json FILE] [--images FOLDER] LAYOUT...     OCI layout folders; FOLDER: of benches/images.sh
#   SBOMCTL  the program to measure   default target/release/sbomctl
#   PATH     must find the others; what is missing is left out, by name
#   ROUNDS   default 5                TOOLS  default all of the above
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHONPATH=benches PYTHONDONTWRITEBYTECODE=1 exec python3 - "$@" <<'PYTHON'
import argparse, json, os
from measure import *

parser = argparse.ArgumentParser(prog="benches/compare.sh")
parser.add_argument("--json")
parser.add_argument("--images")
parser.add_argument("layouts", nargs="*")
options = parser.parse_args()
built = [f"{options.images}/{name}" for name in ("stack", "large", "huge-layer")] if options.images else []
layouts = options.layouts + [layout for layout in built if os.path.isdir(layout)]
if not layouts:
    parser.error("no layouts")
scan_help = help_of_scan()
has_cache = "--cache-dir" in scan_help and "--no-cache" in scan_help
all_tools = ["floor", "sbomctl", "sbomctl-warm", "sbomctl-1", "trivy", "trivy-warm", "syft"]
wanted = os.environ.get("TOOLS", " ".join(all_tools)).split()

gunzip = "libdeflate-gunzip -c" if found("libdeflate-gunzip") else "gzip -dc"
notes = []
if "libdeflate" not in gunzip:
    notes.append("the floor inflates with gzip -dc, libdeflate-gunzip is not there: it is NOT the floor that was asked for")


def floor(layout):
    inflate = lambda kind: gunzip if "gzip" in kind else "zstd -dqc" if "zstd" in kind else "cat"
    lines = [f"openssl sha256 <{path}; {inflate(kind)} <{path}" for path, kind in layers_of(os.path.abspath(layout))]
    return ["sh", "-c", "printf '%s\\n' \"$@\" | xargs -P2 -d'\\n' -I{} sh -c '{ {}; } >/dev/null'", "floor", *lines]


def trivy(layout, scratch, cache):
    return ["trivy", "image", "--quiet", "--input", layout, "--cache-dir", cache, "--format", "cyclonedx",
            "--output", f"{scratch}/out.json", "--skip-db-update", "--skip-java-db-update", "--skip-version-check",
            "--offline-scan", "--scanners", "license", "--license-full=false",
            *sum((["--skip-files", f"**/*.{archive}"] for archive in ("jar", "war", "ear", "par")), [])]


def syft(layout, scratch):
    return ["syft", "scan", "--quiet", f"oci-dir:{layout}", "-o", f"cyclonedx-json={scratch}/out.json",
            "--override-default-catalogers", "apk-db-cataloger,dpkg-db-cataloger,go-module-binary-cataloger,cargo-auditable-binary-cataloger"]


def run(tool, layout, kept):
    """One measurement; `kept` is the folder in which caches of this image stay."""
    with scratch_folder() as scratch:
        image = f"oci:{layout}"
        if tool == "floor":
            return measure(floor(layout), scratch)
        if tool == "sbomctl":
            return measure(scan(image, scratch), scratch)
        if tool == "sbomctl-1":
            return measure(scan(image, scratch, "--jobs", "1"), scratch, cpus=CPUS[:1])
        if tool == "trivy":
            return measure(trivy(layout, scratch, f"{scratch}/cache"), scratch)
        if tool == "syft":
            return measure(syft(layout, scratch), scratch, {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_CACHE_DIR": f"{scratch}/cache"})
        cache = f"{kept}/{tool}"
        arguments = scan(image, scratch, cache=cache) if tool == "sbomctl-warm" else trivy(layout, scratch, cache)
        if not os.path.exists(f"{cache}-filled"):
            measure(arguments, scratch)
            open(f"{cache}-filled", "w").close()
        return measure(arguments, scratch)


def is_there(tool):
    if tool == "sbomctl-warm" and not has_cache:
        return f"{SBOMCTL} has no cache"
    program = {"floor": "openssl", "trivy-warm": "trivy"}.get(tool, tool)
    if not tool.startswith("sbomctl") and not found(program):
        return f"{program} is not there"
    return None


tools = []
for tool in wanted:
    missing = is_there(tool)
    notes.append(f"left out: {tool}: {missing}") if missing else tools.append(tool)
notes.append(f"{len(CPUS)} cores, {ROUNDS} rounds, {load()} before")
print("\n".join(notes))
print(f"{'image':<18} {'tool':<13} {'wall s':>8} {'cpu s':>8} {'peak MB':>8} {'x floor':>8} {'x sbomctl':>10}", flush=True)

results, rows = {}, []
for layout in layouts:
    name = os.path.basename(os.path.abspath(layout))
    layers = layers_of(layout)
    into_page_cache(layout)
    runs, failed = {tool: [] for tool in tools}, {}
    with scratch_folder() as kept:
        for _ in range(ROUNDS):
            for tool in tools:
                if tool not in failed:
                    try:
                        runs[tool].append(run(tool, layout, kept))
                    except Failed as error:
                        failed[tool] = str(error)
    medians = {tool: median(figures) for tool, figures in runs.items() if figures and tool not in failed}
    wall = {tool: figures[0] for tool, figures in medians.items()}
    for tool in tools:
        if tool in failed:
            print(f"{name:<18} {tool:<13} failed: {failed[tool]}")
            continue
        against = lambda other: f"{wall[tool] / wall[other]:.2f}" if other in wall else "-"
        print(f"{name:<18} {tool:<13} {medians[tool][0]:8.3f} {medians[tool][1]:8.3f} {medians[tool][2]:8.0f} "
              f"{against('floor'):>8} {against('sbomctl'):>10}", flush=True)
    results[name] = {"layers": len(layers), "stored": sum(os.path.getsize(path) for path, _ in layers), "failed": failed,
                     "tools": {tool: dict(zip(("wall", "cpu", "peak"), figures)) for tool, figures in medians.items()}}

    def ask(text, limit, value, unit="", at_most=True):
        met = value is not None and (value <= limit if at_most else value >= limit)
        rows.append((f"{name}: {text}", None if value is None else f"{value:.2f}{unit}", met))

    ratio = lambda one, other: wall[one] / wall[other] if one in wall and other in wall else None
    limit = 1.15 if len(layers) > 1 else 1.25
    ask(f"cold at most {limit} x the floor", limit, ratio("sbomctl", "floor"))
    ask("cold at least 2.5 x faster than Trivy cold", 2.5, ratio("trivy", "sbomctl"), at_most=False)
    ask("cold at least 12 x faster than Syft", 12, ratio("syft", "sbomctl"), at_most=False)
    ask("at most 96 MB", 96, medians["sbomctl"][2] if "sbomctl" in medians else None, " MB")
    ask("warm at most 20 ms", 20, wall["sbomctl-warm"] * 1000 if "sbomctl-warm" in wall else None, " ms")
    if len(layers) > 1 and len(CPUS) > 1:
        ask("2 cores at least 1.7 x 1 core", 1.7, ratio("sbomctl-1", "sbomctl"), at_most=False)

print(f"{load()} after")
asked = verdicts(rows)
if options.json:
    with open(options.json, "w") as file:
        json.dump({"notes": notes, "rounds": ROUNDS, "images": results, "asked": asked}, file, indent=1, sort_keys=True)
PYTHON
