#!/usr/bin/env bash
# Measures sbomctl beside Trivy and Syft on the same OCI layouts, in one run: wall time, CPU time and peak memory of
# the whole process, medians of ROUNDS runs taken in turn. Trivy and Syft start with a cold cache each time and use
# the detectors for operating system packages, Go and Rust only.
#
# Usage: benches/compare.sh LAYOUT...      each an OCI layout folder with a tag `latest`
#   SBOMCTL  the program to measure   default target/release/sbomctl
#   PATH     must find trivy and syft; one that is missing is left out, by name
#   ROUNDS   default 5                TOOLS  default "sbomctl trivy syft floor"
#   floor: every layer hashed by openssl and inflated by gzip -dc (or zstd), two at a time, and nothing else
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 - "$@" <<'PYTHON'
import json, os, resource, shutil, statistics, subprocess, sys, tempfile, time

layouts = sys.argv[1:] or sys.exit("usage: benches/compare.sh LAYOUT...")
sbomctl = os.environ.get("SBOMCTL", "target/release/sbomctl")
rounds = int(os.environ.get("ROUNDS", "5"))
wanted = os.environ.get("TOOLS", "sbomctl trivy syft floor").split()

def floor_script(layout):
    manifest = json.load(open(layout + "/index.json"))["manifests"][0]
    blob = lambda digest: f"{layout}/blobs/{digest.replace(':', '/')}"
    layers = json.load(open(blob(manifest["digest"])))["layers"]
    inflate = lambda kind: "gzip -dc" if "gzip" in kind else "zstd -dqc" if "zstd" in kind else "cat"
    lines = [f"openssl sha256 {blob(l['digest'])}; {inflate(l['mediaType'])} {blob(l['digest'])}" for l in layers]
    return "printf '%s\\n' " + " ".join(f"'{line}'" for line in lines) + " | xargs -P2 -d'\\n' -I{} sh -c '{} >/dev/null'"

def command(tool, layout, scratch):
    if tool == "sbomctl":
        return [sbomctl, "scan", "--quiet", f"oci:{layout}", "-o", f"cyclonedx-json={scratch}/out.json"], {}
    if tool == "trivy":
        return ["trivy", "image", "--quiet", "--input", layout, "--cache-dir", f"{scratch}/cache", "--format", "cyclonedx",
                "--output", f"{scratch}/out.json", "--skip-db-update", "--skip-java-db-update", "--skip-version-check",
                "--offline-scan", "--scanners", "license", "--license-full=false"], {}
    if tool == "syft":
        return ["syft", "scan", "--quiet", f"oci-dir:{layout}", "-o", f"cyclonedx-json={scratch}/out.json",
                "--override-default-catalogers", "apk-db-cataloger,dpkg-db-cataloger,go-module-binary-cataloger,cargo-auditable-binary-cataloger"], \
               {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_CACHE_DIR": f"{scratch}/cache"}
    return ["sh", "-c", floor_script(layout)], {}

def measure(tool, layout):
    with tempfile.TemporaryDirectory() as scratch:
        arguments, extra = command(tool, layout, scratch)
        errors = open(f"{scratch}/errors", "wb")
        start = time.monotonic()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **extra, "TMPDIR": scratch})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status:
            return None, open(f"{scratch}/errors").read()[-300:]
        return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), None

tools = []
for tool in wanted:
    if tool == "floor" or os.path.exists(sbomctl if tool == "sbomctl" else shutil.which(tool) or ""):
        tools.append(tool)
    else:
        print(f"left out: {tool} is not there")
print(f"{'image':<18} {'tool':<8} {'wall s':>8} {'cpu s':>8} {'peak MB':>8}   wall against sbomctl, {rounds} rounds")
for layout in layouts:
    runs, failed = {tool: [] for tool in tools}, {}
    for _ in range(rounds):
        for tool in tools:
            if tool in failed:
                continue
            figures, error = measure(tool, layout)
            if error is None:
                runs[tool].append(figures)
            else:
                failed[tool] = error.strip().replace("\n", " ")
    median = {tool: [statistics.median(column) for column in zip(*figures)] for tool, figures in runs.items() if figures}
    for tool in tools:
        name = os.path.basename(layout.rstrip("/"))
        if tool in failed:
            print(f"{name:<18} {tool:<8} failed: {failed[tool]}")
            continue
        wall, cpu, peak = median[tool]
        ratio = wall / median["sbomctl"][0] if "sbomctl" in median else float("nan")
        print(f"{name:<18} {tool:<8} {wall:8.2f} {cpu:8.2f} {peak:8.0f}   {ratio:.2f}")
PYTHON
