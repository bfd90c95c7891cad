//! Layers read in part: the same bill as of the whole, by a fraction of its bytes, and the whole where that fails.

use std::collections::BTreeMap;

use sbomctl_testkit::{Compression, FaultKind, Image, ImageBuilder, LayerBuilder, Registry};
use serde_json::Value;

use crate::{
    attest::Bench,
    program::{Run, sbomctl},
};

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
        let share = moved.saturating_mul(1_000_000) / size as u64;
        eprintln!("{form:?}: {moved} of {size} bytes, {share} of a million, {requests} requests");
        assert!(moved * 50 < size as u64, "{form:?}: {moved} of {size} bytes");
    }
}

/// A layer that is not read in part leaves no trace but one note.
fn check_whole(served: &Served, whole: &Value, what: &str) {
    let (mut found, said, _) = served.partial();
    assert!(take_marks(&mut found).is_empty(), "{what}: {found}");
    assert_eq!(found, *whole, "{what}");
    assert_eq!(said.matches("cannot be read in part and is read whole").count(), 1, "{what}: {said}");
}

#[test]
fn where_parts_are_refused_or_wrong_the_whole_is_read_with_one_note() {
    let status = |status| FaultKind::Status(status, String::new(), String::new());
    let faults = [
        FaultKind::IgnoreRange,
        status(416),
        status(501),
        FaultKind::OtherBytes,
        FaultKind::OtherRange,
        FaultKind::Header("Content-Range", "bytes 0-1/2".to_owned()),
        FaultKind::Body(vec![7; 400_000]),
    ];
    for form in FORMS {
        let built = ImageBuilder::new().layer(|l| system(l, 300_000, 1).compression(form)).build();
        let served = serve(&built);
        let mut whole = served.whole();
        take_marks(&mut whole);
        for fault in &faults {
            served.registry.fault(&built.layers[0].blob.digest, 1, fault.clone());
            // The first part of a plain archive begins where the whole does: another range cannot begin before it.
            if form == Compression::None && *fault == FaultKind::OtherRange {
                served.partial();
                continue;
            }
            check_whole(&served, &whole, &format!("{form:?}, {fault:?}"));
        }
    }
}

#[test]
fn a_table_that_lies_about_chunks_leads_back_to_the_whole() {
    for form in [Compression::Estargz(1 << 20), Compression::ZstdChunked(64 << 10)] {
        let built = ImageBuilder::new()
            .layer(|l| {
                system(l, 300_000, 1).compression(form).edit_toc(|toc| {
                    let entries = toc["entries"].as_array_mut().unwrap();
                    let database =
                        entries.iter_mut().find(|entry| entry["name"] == "lib/apk/db/installed").unwrap();
                    let other = format!("sha256:{}", "0".repeat(64));
                    database["chunkDigest"] = other.clone().into();
                    database["digest"] = other.into();
                })
            })
            .build();
        let served = serve(&built);
        let mut whole = served.whole();
        take_marks(&mut whole);
        check_whole(&served, &whole, &format!("{form:?}"));
    }
}

#[test]
fn parts_are_fetched_where_the_registry_sends_for_them() {
    for form in FORMS {
        let built = ImageBuilder::new().layer(|l| system(l, 1 << 20, 4).compression(form)).build();
        let (served, elsewhere) = (serve(&built), serve(&built));
        let digest = &built.layers[0].blob.digest;
        let location = format!("http://{}/v2/org/app/blobs/{digest}", elsewhere.registry.host());
        served.registry.fault(digest, usize::MAX, FaultKind::Redirect(location));
        let (document, said, moved) = served.partial();
        assert!(document.to_string().contains("sbomctl:oci:layer:0:partial"), "{said}");
        let all = moved + elsewhere.registry.sent();
        assert!(all < 300_000 && elsewhere.registry.sent() > 0, "{form:?}: {all} bytes");
    }
}

#[test]
fn a_transfer_that_breaks_off_is_tried_again() {
    let served = serve(&ImageBuilder::new().layer(|l| system(l, 300_000, 1).compression(FORMS[1])).build());
    served.registry.fault("/blobs/", 2, FaultKind::DropAfter(10));
    let (document, said, _) = served.partial();
    assert!(document.to_string().contains("sbomctl:oci:layer:0:partial"), "{said}");
}

#[test]
fn a_file_behind_a_link_is_fetched_by_its_parts() {
    for form in FORMS {
        let built = ImageBuilder::new()
            .layer(|l| {
                l.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")
                    .file("srv/large.bin", noise(400_000))
                    .file("data/packages", "P:musl\nV:1-r0\nA:x86_64\n\n")
                    .compression(form)
            })
            .layer(|l| l.symlink("lib/apk/db/installed", "/data/packages"))
            .build();
        let served = serve(&built);
        let (mut document, said, moved) = served.partial();
        assert_eq!(take_marks(&mut document).len(), 2, "{said}");
        let mut whole = served.whole();
        take_marks(&mut whole);
        assert_eq!(document, whole, "{form:?}");
        assert!(document.to_string().contains("musl") && moved < 150_000, "{form:?}: {moved}");
    }
}

#[test]
fn what_was_read_in_part_is_no_complete_bill() {
    let served = serve(&image(FORMS[1], 300_000, 1).build());
    let run = served.scan(&["--partial", "--strict"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert_eq!(served.scan(&["--strict"]).code, 0);
    let table = sbomctl(&["scan", &served.name, "--partial"]);
    assert!(table.stdout.contains("read in part"), "{}", table.stdout);
    let spdx = sbomctl(&["scan", &served.name, "--partial", "-o", "spdx-json"]);
    assert!(spdx.stdout.contains("sbomctl:oci:layer:1:partial"), "{}", spdx.stdout);
    assert_eq!(served.scan(&["--partial", "--files", "all"]).code, 2);
}

#[test]
fn a_bill_of_parts_is_signed_only_if_that_is_asked_for() {
    let served = serve(&image(FORMS[0], 300_000, 1).build());
    let bench = Bench::new();
    bench.done(&["scan", &served.name, "--partial", "-o", "cyclonedx-json=part.json"]);
    bench.done(&["scan", &served.name, "-o", "cyclonedx-json=whole.json"]);
    let attest = |predicate: &'static str| {
        ["attest", "--key", "k.key", "--type", "cyclonedx", "--predicate", predicate, served.name.as_str()]
    };
    assert!(bench.ends(3, &attest("part.json")).contains("--allow-partial"));
    bench.done(&attest("whole.json"));
    bench.done(&[&attest("part.json")[..], &["--allow-partial"]].concat());
}
