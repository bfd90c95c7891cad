"""Runs whole processes and measures them; what benches/compare.sh, growth.sh and remote.sh share. Standard library only."""
import json, os, shutil, statistics, subprocess, tempfile, time

SBOMCTL = os.environ.get("SBOMCTL", "target/release/sbomctl")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
# Two cores on any machine, so that what is measured is what was asked for.
CPUS = sorted(os.sched_getaffinity(0))[:2]


def help_of_scan():
    shown = subprocess.run([SBOMCTL, "scan", "--help"], capture_output=True, text=True)
    if shown.returncode:
        raise SystemExit(f"{SBOMCTL} scan --help: {shown.stderr}")
    return shown.stdout


def scan(reference, scratch, *more, cache=None):
    """The arguments of a scan; without `cache` nothing is read from or left in one."""
    options = help_of_scan() if scan.help is None else scan.help
    scan.help = options
    if cache is not None:
        more = [*more, "--cache-dir", cache]
    elif "--no-cache" in options:
        more = [*more, "--no-cache"]
    return [SBOMCTL, "scan", "--quiet", reference, "-o", f"cyclonedx-json={scratch}/out.json", *more]


scan.help = None


class Failed(Exception):
    """A program ended with an error; the end of what it said."""


def measure(arguments, scratch, environment=None, cpus=None):
    """Wall time, CPU time and peak memory of a process and of those that it waited for: seconds, seconds, MB."""
    # Inherited by what is started; to set it between fork and exec would cost a copy of this process's memory map.
    os.sched_setaffinity(0, cpus or CPUS)
    with open(f"{scratch}/errors", "wb") as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=errors, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {}), "TMPDIR": scratch})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        with open(f"{scratch}/errors", errors="replace") as errors:
            raise Failed(errors.read()[-300:].strip().replace("\n", " ") or f"status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def median(rounds):
    return [statistics.median(column) for column in zip(*rounds)]


def scratch_folder():
    return tempfile.TemporaryDirectory(prefix="sbomctl-bench-")


def layers_of(layout):
    """Paths and media types of the layers of the one image of a layout."""
    blob = lambda digest: f"{layout}/blobs/{digest.replace(':', '/')}"
    with open(f"{layout}/index.json") as index:
        manifest = json.load(index)["manifests"][0]
    with open(blob(manifest["digest"])) as file:
        return [(blob(layer["digest"]), layer["mediaType"]) for layer in json.load(file)["layers"]]


def into_page_cache(layout):
    for path, _ in layers_of(layout):
        with open(path, "rb") as file:
            while file.read(1 << 20):
                pass


def load():
    return "load " + " ".join(f"{value:.2f}" for value in os.getloadavg())


def verdicts(rows):
    """Prints what was asked for beside what was measured; what is None was not measured."""
    print(f"\n{'asked':<62} {'measured':>14}  met")
    for asked, measured, met in rows:
        print(f"{asked:<62} {measured if measured is not None else '-':>14}  {'not measured' if measured is None else 'yes' if met else 'NO'}")
    missed = sum(measured is not None and not met for _, measured, met in rows)
    unknown = sum(measured is None for _, measured, _ in rows)
    print(f"{len(rows) - missed - unknown} met, {missed} not met, {unknown} not measured")
    return [{"asked": asked, "measured": measured, "met": None if measured is None else bool(met)} for asked, measured, met in rows]


def found(program):
    return shutil.which(program)
