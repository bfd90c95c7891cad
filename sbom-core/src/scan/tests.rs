//! Scans of layers in memory: damage, order and threads change nothing in what is said.

use std::{
    io::{Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::*;
use crate::{
    cache::{self, LayerCache},
    detect::GapKind,
    oci::Subject,
    source::{
        LayerBytes, SourceError,
        testing::{Memory, archive},
    },
    timestamp::Timestamp,
};

fn options(jobs: usize) -> Options {
    Options { jobs: NonZeroUsize::new(jobs).unwrap(), ..Options::default() }
}

#[test]
fn of_several_bad_layers_the_lowest_is_reported_for_any_number_of_jobs() {
    let mut memory = Memory::new((0..12).map(|n| archive(&[(&format!("file-{n}"), b"x")])).collect());
    for bad in [3, 4, 9] {
        memory.layers[bad][600] ^= 1;
    }
    for jobs in [1, 2, 3, 8] {
        let error = scan(&memory, &options(jobs), &Silent).unwrap_err();
        assert!(
            matches!(&error, ScanError::Digest { layer, .. } if layer.starts_with("layer 3 ")),
            "{error}"
        );
    }
}

/// A gzip-compressed archive with `tail` behind its end, and then what no decompressor reads.
fn breaks_behind_its_end(tail: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let files: Vec<String> = (0..900).map(|n| format!("{}/{n}", "d".repeat(120))).collect();
    let mut entries: Vec<(&str, &[u8])> =
        files.iter().map(|name| (name.as_str(), &[b'a'; 700][..])).collect();
    entries.push(("etc/os-release", b"ID=alpine\nVERSION_ID=3.20\n"));
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(&archive(&entries)).unwrap();
    deflate.flush().unwrap();
    deflate.write_all(tail).unwrap();
    deflate.flush().unwrap();
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [&head[..], deflate.get_ref(), &[7], &[0xff; 2000]].concat()
}

#[test]
fn what_is_lost_where_unpacking_fails_is_the_same_for_any_number_of_jobs() {
    let noise: Vec<u8> = (0..900_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for tail in [0, 10_000, 60_000, 150_000, 300_000, 900_000] {
        let memory = Memory::new(vec![archive(&[("a", b"x")]), breaks_behind_its_end(&noise[..tail])]);
        let run = |jobs| format!("{:?}", scan(&memory, &options(jobs), &Silent));
        let expected = run(1);
        for jobs in [2, 3, 8, 2, 3, 8] {
            assert_eq!(run(jobs), expected, "{tail} bytes, --jobs {jobs}");
        }
    }
}

#[test]
fn licence_texts_beyond_the_limit_are_the_same_for_any_number_of_jobs_and_from_the_cache() {
    let names = ["MIT", "ISC", "Zlib", "BSD-3-Clause", "MIT", "X11", "BSL-1.0", "Apache-2.0"];
    let layers = names.iter().enumerate().map(|(n, name)| {
        let status =
            format!("Package: p{n}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n");
        let text = spdx::license_id(name).unwrap().text();
        archive(&[
            (&format!("usr/share/doc/p{n}/copyright"), text.as_bytes()),
            (&format!("var/lib/dpkg/status.d/p{n}"), status.as_bytes()),
        ])
    });
    let memory = Memory::new(layers.collect());
    let run = |jobs, cache| {
        let mut options = Options { cache, ..options(jobs) };
        options.limits.set("license-bytes", 5000);
        scan(&memory, &options, &Silent).unwrap()
    };
    let expected = run(1, None);
    let concluded = expected.components.iter().filter(|component| component.concluded.expression.is_some());
    assert!((2..names.len()).contains(&concluded.count()));
    assert!(expected.gaps.iter().any(|gap| gap.message.contains("license-bytes")), "{:?}", expected.gaps);
    for jobs in [1, 2, 3, 8] {
        let folder = tempfile::tempdir().unwrap();
        let cache = || Some(LayerCache::new(folder.path(), cache::DEFAULT_BYTES, Timestamp::UNKNOWN));
        assert_eq!(run(jobs, None), expected, "--jobs {jobs}");
        assert_eq!((run(jobs, cache()), run(jobs, cache())), (expected.clone(), expected.clone()));
    }
}

#[test]
fn what_has_no_room_is_the_same_for_any_number_of_jobs() {
    let layers = (0..8).map(|n| {
        let database = format!("P:p{n}\nV:1-r0\nA:x86_64\n\n{}", "\n".repeat(40_000 - n * 100));
        archive(&[(&format!("r{n}/lib/apk/db/installed"), database.as_bytes())])
    });
    let memory = Memory::new(layers.collect());
    let run = |jobs| {
        let mut options = options(jobs);
        options.limits.set("captured-bytes", 100_000);
        scan(&memory, &options, &Silent).unwrap()
    };
    let expected = run(1);
    let names: Vec<_> = expected.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["p0", "p1"]);
    assert_eq!(expected.gaps.iter().filter(|gap| gap.message.contains("captured-bytes")).count(), 6);
    for jobs in [2, 3, 8, 4, 4, 4, 4] {
        assert_eq!(run(jobs), expected, "--jobs {jobs}");
    }
}

#[test]
fn of_a_fold_and_a_read_that_fail_the_lower_layer_is_reported() {
    let packages: String = (0..5).map(|n| format!("P:p{n}\nV:1-r0\nA:x86_64\n\n")).collect();
    let mut memory = Memory::new(vec![
        archive(&[("lib/apk/db/installed", packages.as_bytes())]),
        archive(&[("lib/apk/db/installed", packages.as_bytes())]),
        archive(&[("b", &[7; 9000])]),
    ]);
    memory.layers[2][600] ^= 1;
    for jobs in [1, 2, 3, 8] {
        let mut options = options(jobs);
        options.limits.set("records", 7);
        let error = scan(&memory, &options, &Silent).unwrap_err();
        assert!(matches!(&error, ScanError::Limit { at, .. } if at == "layer 1"), "{jobs}: {error}");
        // One layer alone may be too much.
        options.limits.set("records", 2);
        let error = scan(&memory, &options, &Silent).unwrap_err();
        let of_layer_0 = |layer: &str| layer.starts_with("layer 0 ");
        assert!(matches!(&error, ScanError::Layer { layer, .. } if of_layer_0(layer)), "{jobs}: {error}");
    }
}

#[test]
fn where_little_may_be_held_the_bill_is_the_same_for_any_number_of_jobs() {
    let layers = (0..12).map(|n: usize| {
        let files: Vec<String> = (0..n * 90).map(|file| format!("{}/{file}", "d".repeat(90))).collect();
        let database = format!("P:p{n}\nV:1-r0\nA:x86_64\n\n");
        let database = [("lib/apk/db/installed", database.as_bytes())];
        archive(&files.iter().map(|name| (name.as_str(), &b"x"[..])).chain(database).collect::<Vec<_>>())
    });
    let memory = Memory::new(layers.collect());
    let expected = scan(&memory, &options(1), &Silent).unwrap();
    for jobs in [1, 2, 3, 8, 8, 8] {
        for held in [0, 1, 200_000, 500_000] {
            let mut options = options(jobs);
            options.limits.set("unfolded-bytes", held);
            assert_eq!(scan(&memory, &options, &Silent).unwrap(), expected, "{held} bytes, --jobs {jobs}");
        }
    }
}

#[test]
fn names_that_take_too_much_memory_end_the_scan_at_the_same_layer_for_any_number_of_jobs() {
    let layers = (0..6).map(|n| archive(&[(&format!("{n}{}", "d".repeat(80)), b"x")]));
    let memory = Memory::new(layers.collect());
    for jobs in [1, 2, 3, 8] {
        let mut options = options(jobs);
        options.limits.set("names-bytes", 300);
        let error = scan(&memory, &options, &Silent).unwrap_err();
        assert!(matches!(&error, ScanError::Limit { at, .. } if at == "layer 3"), "{jobs}: {error}");
        assert!(error.to_string().contains("--limit names-bytes="), "{error}");
        options.limits.set("names-bytes", 80);
        let error = scan(&memory, &options, &Silent).unwrap_err();
        let of_layer_0 = |layer: &str| layer.starts_with("layer 0 ");
        assert!(matches!(&error, ScanError::Layer { layer, .. } if of_layer_0(layer)), "{jobs}: {error}");
    }
}

#[test]
fn a_diff_id_binds_a_layer_that_has_no_other_digest() {
    let bytes = archive(&[("a", b"x")]);
    let mut memory = Memory::new(vec![bytes.clone()]);
    let layer = &mut memory.subject.layers[0];
    (layer.digest, layer.size) = (None, None);
    layer.diff_id = Some(Digest::of(&bytes));
    assert!(scan(&memory, &options(1), &Silent).is_ok());
    memory.subject.layers[0].diff_id = Some(Digest::of(b"other"));
    let error = scan(&memory, &options(1), &Silent).unwrap_err();
    assert!(matches!(error, ScanError::Digest { of: "unpacked bytes", .. }), "{error}");
}

#[test]
fn a_wrong_length_is_told_before_what_follows_from_it() {
    let mut memory = Memory::new(vec![archive(&[("a", &[7; 5000])])]);
    memory.layers[0].truncate(3000);
    let error = scan(&memory, &options(1), &Silent).unwrap_err();
    assert!(matches!(error, ScanError::Size { found: 3000, .. }), "{error}");
}

#[test]
fn a_reader_that_never_ends_is_cut_at_the_declared_length() {
    #[derive(Debug)]
    struct Endless(Memory);
    impl Source for Endless {
        fn subject(&self) -> &Subject {
            &self.0.subject
        }
        fn open(&self, _: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
            let head = Cursor::new(self.0.layers[0].clone());
            Ok(LayerBytes::Archive(Box::new(head.chain(std::io::repeat(0)))))
        }
    }
    let endless = Endless(Memory::new(vec![archive(&[("a", b"x")])]));
    let error = scan(&endless, &options(1), &Silent).unwrap_err();
    assert!(matches!(error, ScanError::Size { .. }), "{error}");
}

#[test]
fn bytes_behind_the_end_of_an_archive_are_hashed_too() {
    let mut bytes = archive(&[("a", b"x")]);
    bytes.extend_from_slice(&[0xff; 3000]);
    let mut memory = Memory::new(vec![bytes]);
    assert!(scan(&memory, &options(1), &Silent).is_ok());
    *memory.layers[0].last_mut().unwrap() = 0;
    assert!(matches!(scan(&memory, &options(1), &Silent), Err(ScanError::Digest { .. })));
}

#[test]
fn progress_hears_of_every_layer() {
    #[derive(Debug, Default)]
    struct Count {
        begun: AtomicU64,
        ended: AtomicU64,
    }
    impl Progress for Count {
        fn begin(&self, _: &LayerDescriptor) {
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
        fn advance(&self, _: &LayerDescriptor, _: u64) {}
        fn end(&self, _: &LayerDescriptor) {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }
    let memory = Memory::new(vec![archive(&[("a", b"x")]), archive(&[("b", b"y")])]);
    let count = Count::default();
    scan(&memory, &options(2), &count).unwrap();
    assert_eq!((count.begun.into_inner(), count.ended.into_inner()), (2, 2));
}

#[test]
fn an_image_without_layers_is_an_incomplete_bill() {
    let bom = scan(&Memory::new(Vec::new()), &options(2), &Silent).unwrap();
    assert_eq!(bom.gaps.len(), 1);
}

/// Layers of which is counted how many are being unpacked.
#[derive(Debug)]
struct Counted {
    memory: Memory,
    now: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

struct CountedReader {
    bytes: Cursor<Vec<u8>>,
    now: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
    began: bool,
}

impl Read for CountedReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // Behind the bytes that tell how it is compressed.
        if self.bytes.position() >= 512 && !self.began {
            self.began = true;
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.bytes.read(buffer)
    }
}

impl Drop for CountedReader {
    fn drop(&mut self) {
        if self.began {
            self.now.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Source for Counted {
    fn subject(&self) -> &Subject {
        self.memory.subject()
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        let (now, most) = (self.now.clone(), self.most.clone());
        let bytes = Cursor::new(self.memory.layers[layer.index].clone());
        Ok(LayerBytes::Archive(Box::new(CountedReader { bytes, now, most, began: false })))
    }
}

#[test]
fn as_many_zstd_layers_are_unpacked_at_a_time_as_their_windows_have_room_for() {
    let noise: Vec<u8> = (0..90_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let layers: Vec<Vec<u8>> = (0..8)
        .map(|n| {
            let packages = format!("P:p{n}\nV:1-r0\nA:x86_64\n\n");
            let files = archive(&[("lib/apk/db/installed", packages.as_bytes()), ("a", &noise)]);
            zstd::encode_all(&files[..], 1).unwrap()
        })
        .collect();
    let run = |jobs, window_bytes| {
        let mut memory = Memory::new(layers.clone());
        // Some say what they are, and have their window before they are opened.
        for layer in memory.subject.layers.iter_mut().step_by(2) {
            layer.media_type = "application/vnd.oci.image.layer.v1.tar+zstd".into();
        }
        let counted = Counted { memory, now: Arc::default(), most: Arc::default() };
        let mut options = options(jobs);
        options.limits.set("window-bytes", window_bytes);
        // Whoever has a window waits for this with it, and never the other way round.
        options.limits.set("memory-bytes", 1);
        let bom = scan(&counted, &options, &Silent).unwrap();
        (bom, counted.most.load(Ordering::SeqCst))
    };
    let (expected, most) = run(1, 1 << 40);
    assert_eq!(most, 1);
    for (window_bytes, at_most) in [(0, 1), (256 << 20, 2), (1 << 40, 8)] {
        let (bom, most) = run(8, window_bytes);
        assert!(most <= at_most, "{most} with {window_bytes}");
        assert_eq!(bom, expected);
    }
}

#[test]
fn a_global_header_is_a_gap_where_it_has_the_name_of_something() {
    let check = |name: &str, record: &str, file: &str, is_gap: bool| {
        let records = format!("{} path={record}\n", record.len() + 9);
        let records = if record.is_empty() { "8 a=b=c\n" } else { &records };
        let layer = sbomctl_testkit::TarBuilder::new().file(file, "x").entry(
            sbomctl_testkit::EntryType::XGlobalHeader,
            name.as_bytes(),
            b"",
            records.as_bytes(),
        );
        let bom = scan(&Memory::new(vec![layer.build()]), &options(1), &Silent).unwrap();
        let found = bom.gaps.iter().any(|gap| gap.kind == crate::detect::GapKind::Malformed);
        assert_eq!(found, is_gap, "{name:?} {record:?} {:?}", bom.gaps);
    };
    for usual in ["pax_global_header", "././@PaxHeader", "GlobalHead.0.0", "/pax_global_header", "", "/"] {
        check(usual, "", "etc/motd", false);
        check(usual, "a/b", "etc/motd", true);
    }
    check("etc/motd", "", "etc/motd", true);
    check("etc/motd", "pax_global_head", "usr/x", true);
    check("etc/.wh.motd", "", "usr/x", true);
    check("usr/pax_global_header", "", "usr/x", true);
    check("pax_global_header", "", "pax_global_header", true);
    check("pax_global_header", "", "pax_global_header/a/b", true);
    check("pax_global_header", "", "pax_global_header2", false);
}

#[test]
fn what_a_hard_link_leads_to_is_found_again_if_it_is_there_once() {
    use sbomctl_testkit::TarBuilder;
    let check = |layer: TarBuilder, package: &str, expected: &[GapKind]| {
        let bom = scan(&Memory::new(vec![layer.build()]), &options(1), &Silent).unwrap();
        let found = bom.components.iter().map(|component| &*component.name);
        assert!(found.clone().any(|name| name == package), "{:?}", found.collect::<Vec<_>>());
        assert_eq!(bom.gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), expected, "{:?}", bom.gaps);
    };
    let database = |package: &str| format!("P:{package}\nV:1-r0\nA:x86_64\n\n");
    let new = |package| TarBuilder::new().file("d/x", database(package));
    let link = "lib/apk/db/installed";
    check(new("a").hardlink(link, "d/x"), "a", &[]);
    check(new("a").symlink("l", "d").hardlink(link, "l/x"), "a", &[]);
    check(new("a").hardlink(link, "d/x").file("d/x", database("b")), "b", &[GapKind::Unresolved]);
}

#[test]
fn of_a_file_that_is_in_its_layer_many_times_the_last_counts_and_it_is_said_once() {
    let database = |package: &str| format!("P:{package}\nV:1-r0\nA:x86_64\n\n");
    let links = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
    let of = |last: &str| {
        let target = sbomctl_testkit::TarBuilder::new().symlink(links[0], "/d/x").symlink(links[1], "/d/x");
        let many = (0..50).fold(target, |layer, number| layer.file("d/x", database(&format!("p{number}"))));
        scan(&Memory::new(vec![many.file("d/x", last).build()]), &options(1), &Silent).unwrap()
    };
    let packages = |bom: &Bom| -> Vec<String> {
        let found = bom.components.iter().map(|component| component.name.clone());
        found.filter(|name| name.starts_with('p')).collect()
    };
    let said = |bom: &Bom| {
        let unresolved = bom.gaps.iter().filter(|gap| gap.kind == GapKind::Unresolved);
        unresolved.filter_map(|gap| Some(gap.path.as_ref()?.to_string())).collect::<Vec<_>>()
    };
    let bom = of(&database("plast"));
    assert_eq!(packages(&bom), ["plast"; 2], "{:?}", bom.gaps);
    assert_eq!(said(&bom), links.map(|link| format!("/{link}")));
    assert!(packages(&of("")).is_empty());

    let mut few = options(1);
    few.limits.captured_bytes.value = 1000;
    let layer = (0..50)
        .fold(sbomctl_testkit::TarBuilder::new().symlink(links[0], "/d/x"), |layer, number| {
            layer.file("d/x", database(&format!("p{number}")))
        });
    let bom = scan(&Memory::new(vec![layer.build()]), &few, &Silent).unwrap();
    assert!(packages(&bom).is_empty());
    assert!(bom.gaps.iter().any(|gap| gap.kind == GapKind::Limit), "{:?}", bom.gaps);
}

#[test]
fn what_is_read_while_it_passes_is_read_through_a_link_as_well() {
    use sbomctl_testkit::TarBuilder;
    let name = "var/lib/apt/lists/x_dists_y_main_binary-amd64_Packages";
    let package = "Package: p\nVersion: 1\nArchitecture: amd64\n";
    let list = |before: &str| format!("{before}{package}SHA256: {}\n", "ab".repeat(32));
    let base = || {
        let status = format!("{package}Status: install ok installed\n");
        TarBuilder::new().file("etc/os-release", "ID=debian\n").file("var/lib/dpkg/status", status)
    };
    let bill = |layer: TarBuilder, options: &Options| {
        scan(&Memory::new(vec![layer.build()]), options, &Silent).unwrap()
    };
    let digest = |bom: &Bom| {
        let package = bom.components.iter().find(|component| component.name == "p").unwrap();
        format!("{package:?}").contains(&"ab".repeat(32))
    };
    let plain = bill(base().file(name, list("")), &options(1));
    assert!(digest(&plain), "{:?}", plain.components);
    assert!(!digest(&bill(base(), &options(1))));
    let linked = bill(base().file("d/list", list("")).symlink(name, "/d/list"), &options(1));
    assert!(digest(&linked), "{:?}", linked.gaps);

    let mut few = options(1);
    few.limits.set("file-bytes", 1000);
    let bom = bill(base().file(name, list(&"x".repeat(1000))), &few);
    let gaps: Vec<_> = bom.gaps.iter().map(|gap| (gap.kind, gap.path.clone(), gap.detector)).collect();
    assert_eq!(gaps, [(GapKind::Limit, Some(name.into()), Some("dpkg"))]);
}
