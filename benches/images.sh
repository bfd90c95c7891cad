#!/usr/bin/env bash
# Makes the larger images that the benchmarks measure, as OCI layouts (tag `latest`) in FOLDER, from packages of Debian
# that `apt-get` of this machine finds, and from nothing. What is there already is kept, so a second run costs nothing.
# The same packages give the same bytes: names sorted, times fixed, gzip -6 without name and time.
#
# Usage: benches/images.sh FOLDER [NAME...]     needs Debian or a relative, python3, dpkg-deb; pigz where it is there
#   stack        Debian with Python, Node, Java: 9 layers, about 670 MB stored
#   large        the same and more: 13 layers, about 1.8 GB stored
#   huge-layer   the files of `stack` in one layer
#   bytes-N      N times the same files in one layer, N = 1 2 4 8         files-N     N empty files, N = 37500 ... 300000
#   packages-N   a status file of N packages, N = 12500 ... 100000
# Without NAME all of them: about 5 GB.
set -euo pipefail
case ${1:-} in "" | -*) echo "usage: benches/images.sh FOLDER [NAME...]" >&2; exit 2 ;; esac
folder=$1
mkdir -p "$folder"
exec python3 - "$(cd "$folder" && pwd)" "${@:2}" <<'PYTHON'
import hashlib, io, json, os, shutil, subprocess, sys, tarfile

folder, wanted = sys.argv[1], sys.argv[2:]
blobs, debs = folder + "/.blobs", folder + "/.debs"
STACK = [
    ["?essential", "apt", "ca-certificates"],
    ["curl", "git", "openssh-client", "procps"],
    ["build-essential", "pkg-config", "libssl-dev"],
    ["python3-dev", "python3-pip", "python3-venv"],
    ["python3-numpy", "python3-scipy"],
    ["nodejs"],
    ["openjdk-17-jdk"],
    ["maven"],
    ["ripgrep", "docker-registry", "docker.io"],
]
LARGE = STACK + [
    ["golang", "rustc", "cargo"],
    ["clang", "llvm-dev", "ghc"],
    ["chromium", "postgresql", "linux-image-amd64"],
    ["libreoffice-core", "fonts-noto-cjk", "texlive-latex-recommended"],
]
compressor = ["pigz", "-6", "-n", "-c"] if shutil.which("pigz") else ["gzip", "-6", "-n", "-c"]


class Layer:
    """An archive that is compressed and hashed as it is written; a blob below `.blobs` in the end."""

    def __init__(self):
        os.makedirs(blobs, exist_ok=True)
        self.path = f"{blobs}/writing-{os.getpid()}"
        self.stored, self.content = open(self.path, "wb"), hashlib.sha256()
        self.gzip = subprocess.Popen(compressor, stdin=subprocess.PIPE, stdout=self.stored)
        self.tar = tarfile.open(fileobj=self, mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20)
        self.names = set()

    def write(self, data):
        self.content.update(data)
        return self.gzip.stdin.write(data)

    def file(self, name, data=b"", mode=0o644):
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), mode
        self.add(member, io.BytesIO(data))

    def add(self, member, data=None):
        if member.name not in self.names:
            self.names.add(member.name)
            member.pax_headers, member.uname, member.gname = {}, "root", "root"
            self.tar.addfile(member, data)

    def done(self):
        self.tar.close()
        self.gzip.stdin.close()
        if self.gzip.wait():
            sys.exit(f"{compressor[0]} failed")
        self.stored.close()
        diff_id = "sha256:" + self.content.hexdigest()
        return {**stored(self.path, "application/vnd.oci.image.layer.v1.tar+gzip"), "diff_id": diff_id}


def stored(path, media_type):
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest() if sys.version_info >= (3, 11) else hash_of(file)
    os.replace(path, f"{blobs}/{digest}")
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": os.path.getsize(f"{blobs}/{digest}")}


def hash_of(file):
    hasher = hashlib.sha256()
    while chunk := file.read(1 << 20):
        hasher.update(chunk)
    return hasher.hexdigest()


def document(value, media_type):
    path = f"{blobs}/writing-{os.getpid()}"
    with open(path, "w") as file:
        json.dump(value, file, sort_keys=True)
    return stored(path, media_type)


def layout(name, layers):
    """The blobs are linked, so that images share what they have in common."""
    image = "application/vnd.oci.image."
    config = document({"architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "config": {},
                       "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
                       "history": [{"created_by": f"layer {at}"} for at in range(len(layers))]}, image + "config.v1+json")
    layers = [{key: layer[key] for key in ("mediaType", "digest", "size")} for layer in layers]
    manifest = document({"schemaVersion": 2, "mediaType": image + "manifest.v1+json", "config": config, "layers": layers},
                        image + "manifest.v1+json")
    made = f"{folder}/.{name}"
    shutil.rmtree(made, ignore_errors=True)
    os.makedirs(made + "/blobs/sha256")
    for blob in [config, manifest, *layers]:
        digest = blob["digest"].removeprefix("sha256:")
        if not os.path.exists(f"{made}/blobs/sha256/{digest}"):
            os.link(f"{blobs}/{digest}", f"{made}/blobs/sha256/{digest}")
    tagged = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
    with open(made + "/oci-layout", "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    with open(made + "/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [tagged]}, file)
    os.rename(made, f"{folder}/{name}")
    print(f"{name}: {len(layers)} layers, {sum(layer['size'] for layer in layers) / 1e6:.1f} MB stored", flush=True)


class Debian:
    """A root of Debian that grows: what is installed so far is what apt believes to be there."""

    def __init__(self):
        for archives in (debs, debs + "/none"):
            os.makedirs(archives + "/partial", exist_ok=True)
        self.status = f"{folder}/.status"
        self.paragraphs, self.seen = [], set()
        self.write_status()

    def write_status(self):
        with open(self.status, "w") as file:
            file.write("".join(self.paragraphs))

    def new(self, packages):
        """The files of packages that `packages` need and that are not there yet."""
        options = ["-qq", "--yes", "--no-install-recommends", "-o", f"Dir::State::status={self.status}",
                   "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
        apt = lambda archives, action: subprocess.run(
            ["apt-get", *options, "-o", f"Dir::Cache::archives={archives}", action, "install", *packages],
            check=True, capture_output=True, text=True)
        # What is in the archives already has no URI any more, so the list is asked for with none.
        uris = apt(debs + "/none", "--print-uris")
        apt(debs, "--download-only")
        return sorted(f"{debs}/{line.split()[1]}" for line in uris.stdout.splitlines() if line.startswith("'"))

    def install(self, packages, layer, below=""):
        for deb in self.new(packages):
            control = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout
            fields = dict(line.split(": ", 1) for line in control.splitlines() if ": " in line and line[0] != " ")
            self.paragraphs.append(control.replace("\n", "\nStatus: install ok installed\n", 1) + "\n")
            name = fields["Package"] + (":" + fields["Architecture"] if fields.get("Multi-Arch") == "same" else "")
            files, sums = self.unpack(deb, layer, below)
            layer.file(f"{below}var/lib/dpkg/info/{name}.list", "".join(files).encode())
            layer.file(f"{below}var/lib/dpkg/info/{name}.md5sums", "".join(sums).encode())
        self.write_status()
        layer.file(f"{below}var/lib/dpkg/status", "".join(self.paragraphs).encode())

    def unpack(self, deb, layer, below):
        files, sums = [], []
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    path = member.name.removeprefix("./").rstrip("/")
                    if path in ("", "."):
                        continue
                    files.append(f"/{path}\n")
                    member.name = below + path
                    if member.islnk():
                        member.linkname = below + member.linkname.removeprefix("./")
                    data = archive.extractfile(member).read() if member.isreg() else None
                    if data is not None:
                        sums.append(f"{hashlib.md5(data).hexdigest()}  {path}\n")
                    layer.add(member, io.BytesIO(data) if data is not None else None)
        if process.returncode:
            sys.exit(f"{deb}: dpkg-deb failed")
        return files, sums


def layers_of(groups):
    """One layer for each group, on those before."""
    debian, layers = Debian(), []
    for packages in groups:
        layer = Layer()
        debian.install(packages, layer)
        layers.append(layer.done())
    return layers


def small(name, fill):
    layer = Layer()
    layer.file("etc/os-release", b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    fill(layer)
    layout(name, [layer.done()])


def copies(count):
    def fill(layer):
        for copy in range(count):
            Debian().install(STACK[0], layer, f"srv/{copy}/" if copy else "")
    return fill


def empty_files(count):
    return lambda layer: [layer.file(f"srv/data/{at // 100:04}/file-{at:06}.txt") for at in range(count)]


def status_of(count):
    paragraph = ("Package: package-{0}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 64\n"
                 "Maintainer: Someone <someone@example.org>\nArchitecture: amd64\nSource: source-{1} (2.{0}-1)\nVersion: 1:2.{0}-1+b1\n"
                 "Depends: package-{2} (>= 1:2.0), package-{3}\nDescription: a package\n of several lines\n\n")
    text = lambda: "".join(paragraph.format(at, at // 3, at * 7 % count, (at * 7 + 31) % count) for at in range(count))
    return lambda layer: layer.file("var/lib/dpkg/status", text().encode())


makers = {
    "large": lambda: make_large(),
    "stack": lambda: make_large(),
    "huge-layer": lambda: small("huge-layer", lambda layer: Debian().install(sum(STACK, []), layer)),
    **{f"bytes-{n}": lambda n=n: small(f"bytes-{n}", copies(n)) for n in (1, 2, 4, 8)},
    **{f"files-{n}": lambda n=n: small(f"files-{n}", empty_files(n)) for n in (37500, 75000, 150000, 300000)},
    **{f"packages-{n}": lambda n=n: small(f"packages-{n}", status_of(n)) for n in (12500, 25000, 50000, 100000)},
}


def make_large():
    """`stack` is the beginning of `large`."""
    whole = "large" in (wanted or makers)
    layers = layers_of(LARGE if whole else STACK)
    if not os.path.isdir(folder + "/stack"):
        layout("stack", layers[: len(STACK)])
    if whole:
        layout("large", layers)


for name in wanted or makers:
    if name not in makers:
        sys.exit(f"{name} is none of the images: {' '.join(makers)}")
    if not os.path.isdir(f"{folder}/{name}"):
        makers[name]()
PYTHON
