//! Layers read in part: the same bill as of the whole, by a fraction of its bytes, and the whole where that fails.

use std::collections::BTreeMap;

use sbomctl_testkit::{Compression, Image, ImageBuilder, LayerBuilder, Registry};
use serde_json::Value;

use crate::program::{Run, sbomctl};

const FORMS: [Compression; 3] =
    [Compression::None, Compression::Estargz(1 << 20), Compression::ZstdChunked(64 << 10)];

/// Bytes that no compression makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// What detectors want, between what nobody wants.
fn system(layer: LayerBuilder, large: usize, count: usize) -> LayerBuilder {
    let installed = "P:musl\nV:1-r0\nA:x86_64\nF:lib\nR:ld-musl\n\n".repeat(50);
    let mut layer = layer
        .dir("etc")
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")
        .symlink("bin/sh", "busybox")
        .file("srv/first.bin", noise(large))
        .file("lib/apk/db/installed", format!("{installed}P:zlib\nV:2-r0\nA:x86_64\n\n"))
        .file("etc/apk/world", "zlib\n");
    for n in 0..count {
        layer = layer.file(format!("srv/{n}.bin"), noise(large)).file(format!("srv/{n}.txt"), "small");
    }
    layer
        .mode(0o755)
        .file("usr/bin/script", "#!/bin/sh\nexit 0\n")
        .hardlink("usr/bin/other", "usr/bin/script")
}

fn image(form: Compression, large: usize, count: usize) -> ImageBuilder {
    ImageBuilder::new()
        .layer(|l| system(l, large, count).compression(form))
        .layer(|l| l.whiteout("etc/apk/world").file("srv/last.bin", noise(large)).compression(form))
}

struct Served {
    registry: Registry,
    name: String,
}

fn serve(image: &Image) -> Served {
    let registry = Registry::start();
    let name = registry.push("org/app", "1", &image.root());
    Served { registry, name }
}

impl Served {
    fn scan(&self, arguments: &[&str]) -> Run {
        sbomctl(&[&["scan", &self.name, "-o", "cyclonedx-json"], arguments].concat())
    }

    /// Scans in part; the document, what was said on standard error, and the bytes that moved.
    fn partial(&self) -> (Value, String, u64) {
        let before = self.registry.sent();
        let run = self.scan(&["--partial"]);
        (run.json(), run.stderr.clone(), self.registry.sent() - before)
    }

    fn whole(&self) -> Value {
        self.scan(&[]).json()
    }
}

/// Takes out of a document what tells that layers were read in part; what it tells, by name.
fn take_marks(document: &mut Value) -> BTreeMap<String, String> {
    let mut taken = BTreeMap::new();
    document.as_object_mut().unwrap().remove("serialNumber");
    // Without gaps nothing is known to be missing.
    document.as_object_mut().unwrap().remove("compositions");
    for pointer in ["/metadata/properties", "/metadata/component/properties"] {
        let Some(properties) = document.pointer_mut(pointer).and_then(Value::as_array_mut) else { continue };
        properties.retain(|property| {
            let (name, value) = (property["name"].as_str().unwrap(), property["value"].as_str().unwrap());
            let is_mark =
                name.ends_with(":partial") || name == "sbomctl:gap" && value.contains("\"partial\"");
            if is_mark {
                taken.insert(name.to_owned(), value.to_owned());
            }
            !is_mark && name != "sbomctl:gaps:count"
        });
    }
    taken
}

#[test]
fn the_bill_is_that_of_the_whole() {
    for form in FORMS {
        let served = serve(&image(form, 300_000, 3).build());
        let mut whole = served.whole();
        let (mut partial, said, _) = served.partial();
        let marks = take_marks(&mut partial);
        assert!(take_marks(&mut whole).is_empty(), "{whole}");
        assert_eq!(partial, whole, "{form:?}");
        let proof = match form {
            Compression::Estargz(_) => "estargz-toc",
            Compression::ZstdChunked(_) => "zstd-chunked-toc",
            _ => "unproved",
        };
        for layer in 0..2 {
            assert_eq!(marks[&format!("sbomctl:oci:layer:{layer}:partial")], proof);
        }
        assert!(said.contains("read in part"), "{said}");
    }
}

#[test]
fn less_than_a_fiftieth_of_a_large_image_moves() {
    for form in FORMS {
        let built = image(form, 2 << 20, 30).build();
        let size: usize = built.layers.iter().map(|layer| layer.blob.bytes.len()).sum();
        let served = serve(&built);
        let (_, _, moved) = served.partial();
        let requests = served.registry.requests().len();
        eprintln!(
            "{form:?}: {moved} of {size} bytes ({:.3} %), {requests} requests",
            moved as f64 * 100.0 / size as f64
        );
        assert!(moved * 50 < size as u64, "{form:?}: {moved} of {size} bytes");
    }
}
