//! Writes the inputs below `fixtures`: images of invented packages, the same bytes every time.

use std::{fs, path::Path};

use sbomctl_testkit::ImageBuilder;

const OS_RELEASE: &str = "\
NAME=\"Demo Linux\"
ID=demo
ID_LIKE=alpine
VERSION_ID=1.0
PRETTY_NAME=\"Demo Linux 1.0\"
HOME_URL=\"https://demo.example/\"
";

const BASE: &str = "\
P:demo-base
V:1.0-r0
A:x86_64
L:Apache-2.0
T:Directories and accounts of Demo Linux
U:https://demo.example/
o:demo-base
m:Demo Developers <dev@demo.example>
F:etc
R:os-release

P:libdemo
V:2.3.1-r4
A:x86_64
L:MIT OR Apache-2.0
T:The library of the demonstration
o:demo
p:so:libdemo.so.2=2.3.1
F:usr
F:usr/lib
R:libdemo.so.2.3.1
R:libdemo.so.2

";

const APP: &str = "\
P:demo
V:2.3.1-r4
A:x86_64
L:GPL-2.0-or-later
T:A program that demonstrates
o:demo
D:libdemo so:libdemo.so.2
p:cmd:demo=2.3.1-r4
F:usr
F:usr/bin
R:demo

";

/// Writes all fixtures anew below `folder`.
pub(crate) fn write(folder: &Path) -> std::io::Result<()> {
    let demo = folder.join("demo");
    if demo.exists() {
        fs::remove_dir_all(&demo)?;
    }
    let app = format!("{BASE}{APP}");
    ImageBuilder::new()
        .platform("linux/amd64")
        .created("2026-01-01T00:00:00Z")
        .tag("latest")
        .label("org.opencontainers.image.vendor", "The sbomctl authors")
        .label("org.opencontainers.image.licenses", "Apache-2.0")
        .layer(|l| {
            l.file("etc/os-release", OS_RELEASE.as_bytes())
                .file("lib/apk/db/installed", BASE.as_bytes())
                .file("usr/lib/libdemo.so.2.3.1", b"a library would be here\n")
                .symlink("usr/lib/libdemo.so.2", "libdemo.so.2.3.1")
                .file("tmp/left-over", b"gone in the next layer\n")
        })
        .layer(|l| {
            l.file("lib/apk/db/installed", app.as_bytes())
                .file("etc/apk/world", b"demo\n")
                .file("usr/bin/demo", b"#!/bin/sh\necho demo\n")
                .whiteout("tmp/left-over")
        })
        .history("ADD rootfs.tar.gz /", true)
        .history("RUN apk add demo", true)
        .build()
        .write_oci_layout(&demo)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn files(folder: &Path, below: &Path, out: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                files(&path, below, out);
                continue;
            }
            let mut bytes = Vec::new();
            std::io::copy(&mut fs::File::open(&path).unwrap(), &mut bytes).unwrap();
            out.insert(path.strip_prefix(below).unwrap().display().to_string(), bytes);
        }
    }

    #[test]
    fn the_fixtures_are_those_that_this_file_writes() {
        let written = std::env::temp_dir().join(format!("sbomctl-fixtures-{}", std::process::id()));
        write(&written).unwrap();
        let (mut fresh, mut kept) = (BTreeMap::new(), BTreeMap::new());
        files(&written, &written, &mut fresh);
        fs::remove_dir_all(&written).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        files(&folder.join("demo"), &folder, &mut kept);
        assert_eq!(fresh, kept, "run `cargo xtask fixtures`");
    }
}
