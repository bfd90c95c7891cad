//! The cache as scans use it: what is found is what was read, and nothing that is wrong with its folder ends a scan.

use std::{
    fs,
    io::{self, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use sbomctl_testkit::TarBuilder;

use super::*;
use crate::{
    bom::{Bom, FileScope, assemble},
    detect::{Captured, Detector, FileMeta, Findings, Gap, Want, builtin},
    digest::Digest,
    oci::{LayerDescriptor, Subject},
    scan::{Options, Silent, scan},
    source::{
        LayerBytes, Source, SourceError,
        testing::{Memory, archive},
    },
};

mod bill;
mod document;
mod folder;
mod results;

const OS: &[u8] = b"ID=alpine\nVERSION_ID=3.20.3\n";

fn base() -> Vec<u8> {
    archive(&[("etc/os-release", OS), ("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x86_64\n\nno record\n\n")])
}

fn image() -> Memory {
    Memory::new(vec![base(), archive(&[("usr/share/doc/b/copyright", b"Do what you like with it.")])])
}

/// A folder of a cache, and what scans with it give.
struct Kept {
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn cache(&self) -> LayerCache {
        LayerCache::new(&self.path(), DEFAULT_BYTES, Timestamp::UNKNOWN)
    }

    /// The files of all layers' results, sorted.
    fn entries(&self) -> Vec<PathBuf> {
        self.files("layer")
    }

    /// The files of all bills, sorted.
    fn bills(&self) -> Vec<PathBuf> {
        self.files("bill")
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(self.path()).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            all.filter(|path| path.extension().is_some_and(|other| other == extension)).collect();
        files.sort();
        files
    }

    /// Scans `source` by what was kept of its layers; gives the bill, how many layers were opened, and what to warn of.
    fn scan(&self, source: &Memory) -> (Bom, usize, Option<String>) {
        for bill in self.bills() {
            drop(fs::remove_file(bill));
        }
        scan_with(source, self.cache())
    }
}

fn scan_with(source: &Memory, cache: LayerCache) -> (Bom, usize, Option<String>) {
    let options = options(Some(cache));
    let bom = scan(source, &options, &Silent).unwrap();
    (bom, source.opened(), options.cache.and_then(|cache| cache.fault()))
}

fn options(cache: Option<LayerCache>) -> Options {
    Options { jobs: NonZeroUsize::new(2).unwrap(), cache, ..Options::default() }
}

fn plain(source: &Memory) -> Bom {
    let bom = scan(source, &options(None), &Silent).unwrap();
    source.opened();
    bom
}

fn content(path: &Path) -> Vec<u8> {
    crate::limits::read_capped(fs::File::open(path).unwrap(), crate::limits::Limits::default().file_bytes)
        .unwrap()
}

#[test]
fn a_second_scan_opens_no_layer_and_gives_the_same_bill() {
    let (kept, image) = (Kept::new(), image());
    let expected = plain(&image);
    assert!(!expected.gaps.is_empty());
    assert_eq!(kept.scan(&image), (expected.clone(), 2, None));
    assert_eq!(kept.scan(&image), (expected, 0, None));
}

#[test]
fn an_image_on_a_known_base_reads_its_own_layers_alone() {
    let kept = Kept::new();
    kept.scan(&image());
    let own = archive(&[("lib/apk/db/installed", b"P:c\nV:1-r0\nA:x86_64\n\n")]);
    let other = Memory::new(vec![base(), own]);
    let expected = plain(&other);
    assert_eq!(kept.scan(&other), (expected, 1, None));
}

#[test]
fn a_layer_that_lies_elsewhere_in_another_image_has_its_gaps_there() {
    let kept = Kept::new();
    kept.scan(&Memory::new(vec![base()]));
    let other = Memory::new(vec![archive(&[("x", b"x")]), base()]);
    let (bom, opened, _) = kept.scan(&other);
    assert_eq!((opened, &bom), (1, &plain(&other)));
    assert!(bom.gaps.iter().any(|gap| gap.layer == Some(1)), "{:?}", bom.gaps);
}

#[test]
fn files_behind_links_are_not_read_again_either() {
    let database = b"P:a\nV:1-r0\nA:x86_64\n\n";
    let image = Memory::new(vec![
        archive(&[("etc/os-release", OS), ("data/packages", database)]),
        TarBuilder::new().symlink("lib/apk/db/installed", "/data/packages").build(),
    ]);
    let kept = Kept::new();
    let expected = plain(&image);
    assert!(expected.components.iter().any(|component| component.name == "a"));
    assert_eq!(kept.scan(&image), (expected.clone(), 3, None));
    assert_eq!(kept.scan(&image), (expected, 0, None));
}

#[test]
fn whether_files_are_hashed_makes_two_results() {
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    let bill = assemble::Options { files: FileScope::All, ..assemble::Options::default() };
    let hashing = |cache| Options { bill: bill.clone(), ..options(cache) };
    let expected = scan(&image, &hashing(None), &Silent).unwrap();
    image.opened();
    for opened in [2, 0] {
        let bom = scan(&image, &hashing(Some(kept.cache())), &Silent).unwrap();
        assert_eq!((bom, image.opened()), (expected.clone(), opened));
    }
    assert_eq!(kept.scan(&image).1, 0);
}

#[test]
fn other_versions_of_detectors_and_other_limits_find_nothing() {
    #[derive(Debug)]
    struct Later;
    impl Detector for Later {
        fn id(&self) -> &'static str {
            "apk"
        }
        fn version(&self) -> u32 {
            1
        }
        fn wants(&self, _: &FileMeta<'_>) -> Want {
            Want::Nothing
        }
        fn detect(&self, _: &Captured<'_>, _: &mut Findings) -> Result<(), Gap> {
            Ok(())
        }
    }
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    let mut changed = options(Some(kept.cache()));
    for detector in &mut changed.detectors {
        if detector.id() == "apk" {
            *detector = Box::new(Later);
        }
    }
    scan(&image, &changed, &Silent).unwrap();
    assert_eq!(image.opened(), 2);
    let mut changed = options(Some(kept.cache()));
    changed.limits.set("packages", 7);
    scan(&image, &changed, &Silent).unwrap();
    assert_eq!(image.opened(), 2);
    assert_eq!(builtin::detectors().len(), options(None).detectors.len());
}

#[test]
fn a_damaged_entry_is_read_again_and_replaced() {
    let (kept, image) = (Kept::new(), image());
    let (expected, ..) = kept.scan(&image);
    for entry in kept.entries() {
        let whole = content(&entry);
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let damages = [
            Vec::new(),
            whole[..whole.len() - 1].to_vec(),
            whole[..10].to_vec(),
            [&whole[..], b"x"].concat(),
            [&whole[..], &whole[..]].concat(),
            vec![0; whole.len()],
            flipped,
        ];
        for damaged in damages {
            fs::write(&entry, damaged).unwrap();
            assert_eq!(kept.scan(&image), (expected.clone(), 1, None));
            assert_eq!(content(&entry), whole);
        }
    }
}

#[test]
fn entries_that_changed_places_are_not_believed() {
    let (kept, image) = (Kept::new(), image());
    let (expected, ..) = kept.scan(&image);
    let entries = kept.entries();
    let (one, other) = (content(&entries[0]), content(&entries[1]));
    fs::write(&entries[0], other).unwrap();
    fs::write(&entries[1], one).unwrap();
    assert_eq!(kept.scan(&image), (expected.clone(), 2, None));
    assert_eq!(kept.scan(&image), (expected, 0, None));
}

#[test]
fn what_is_damaged_is_counted() {
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    fs::write(&kept.entries()[0], b"x").unwrap();
    fs::write(&kept.bills()[0], b"x").unwrap();
    let options = options(Some(kept.cache()));
    scan(&image, &options, &Silent).unwrap();
    assert_eq!(options.cache.unwrap().counts(), Counts { hits: 1, misses: 2, damaged: 2 });
}

#[test]
fn a_layer_with_the_wrong_bytes_is_not_kept() {
    let kept = Kept::new();
    let mut image = Memory::new(vec![base()]);
    image.subject.layers[0].digest = Some(Digest::of(b"other"));
    assert!(scan(&image, &options(Some(kept.cache())), &Silent).is_err());
    assert_eq!(kept.entries(), Vec::<PathBuf>::new());
}

#[test]
fn a_layer_that_no_digest_binds_is_not_kept() {
    let kept = Kept::new();
    let mut image = Memory::new(vec![base()]);
    image.subject.layers[0].digest = None;
    assert_eq!(kept.scan(&image).1, 1);
    assert_eq!(kept.scan(&image).1, 1);
    assert_eq!(kept.entries(), Vec::<PathBuf>::new());
    let unpacked = Digest::of(&image.layers[0]);
    image.subject.layers[0].diff_id = Some(unpacked);
    assert_eq!(kept.scan(&image).1, 1);
    assert_eq!(kept.scan(&image).1, 0);
}

/// A folder that is said to be what an image is.
#[derive(Debug)]
struct AFolder(Subject, PathBuf);

impl Source for AFolder {
    fn subject(&self) -> &Subject {
        &self.0
    }

    fn open(&self, _: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        Ok(LayerBytes::Folder(self.1.clone()))
    }
}

#[test]
fn a_folder_is_not_kept_whatever_digest_it_is_said_to_have() {
    let kept = Kept::new();
    let folder = tempfile::tempdir().unwrap();
    let source = AFolder(image().subject, folder.path().to_owned());
    scan(&source, &options(Some(kept.cache())), &Silent).unwrap();
    assert_eq!(kept.entries(), Vec::<PathBuf>::new());
}

#[test]
fn what_is_left_out_for_want_of_room_is_the_same_of_what_was_kept() {
    let kept = Kept::new();
    let databases = (0..4).map(|n| format!("P:p{n}\nV:1-r0\nA:x86_64\n\n"));
    let layers = databases.enumerate().map(|(n, database)| {
        archive(&[(&format!("r{n}/lib/apk/db/installed"), database.as_bytes()), ("etc/os-release", OS)])
    });
    let image = Memory::new(layers.collect());
    let run = |cache| {
        let mut small = options(cache);
        small.limits.set("captured-bytes", 130);
        scan(&image, &small, &Silent).unwrap()
    };
    let expected = run(None);
    assert!(expected.gaps.iter().any(|gap| gap.message.contains("captured-bytes")), "{:?}", expected.gaps);
    assert!(expected.components.iter().any(|component| component.name == "p1"));
    assert!(!expected.components.iter().any(|component| component.name == "p3"));
    image.opened();
    for opened in [4, 0, 0] {
        assert_eq!((run(Some(kept.cache())), image.opened()), (expected.clone(), opened));
        for bill in kept.bills() {
            fs::remove_file(bill).unwrap();
        }
    }
}

#[test]
fn what_is_unpacked_needs_room_as_what_is_stored_does() {
    use std::io::Write as _;
    let text = |n: usize| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(format!("licence {n} {}", "of words ".repeat(10_000 + n)).as_bytes()).unwrap();
        gz.finish().unwrap()
    };
    let layer = |of: &[usize]| {
        let files: Vec<_> =
            of.iter().map(|n| (format!("usr/share/doc/p{n}/copyright.gz"), text(*n))).collect();
        let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        archive(&files.chain([("etc/os-release", OS)]).collect::<Vec<_>>())
    };
    let image = Memory::new(vec![layer(&[0, 1]), layer(&[2, 3, 4, 5]), layer(&[6])]);
    let run = |jobs, cache| {
        let mut options = Options { jobs, ..options(cache) };
        options.limits.set("captured-bytes", 300_000);
        scan(&image, &options, &Silent).unwrap()
    };
    let one = NonZeroUsize::MIN;
    let expected = run(one, None);
    let over = expected.gaps.iter().filter(|gap| gap.message.contains("captured-bytes"));
    let over: Vec<_> = over.filter_map(|gap| Some(gap.path.as_ref()?.to_string())).collect();
    let texts = [3, 4, 5, 6].map(|n| format!("/usr/share/doc/p{n}/copyright.gz"));
    assert_eq!(
        over.iter().filter(|path| path.contains("/doc/")).collect::<Vec<_>>(),
        texts.iter().collect::<Vec<_>>()
    );
    let kept = Kept::new();
    for jobs in [1, 2, 8] {
        let jobs = one.saturating_add(jobs - 1);
        assert_eq!(run(jobs, None), expected, "--jobs {jobs}");
        assert_eq!(run(jobs, Some(kept.cache())), expected, "--jobs {jobs}, kept");
        for bill in kept.bills() {
            fs::remove_file(bill).unwrap();
        }
    }
}

#[test]
fn what_was_too_large_to_be_kept_whole_counts_for_nothing_the_second_time_either() {
    let (kept, large) = (Kept::new(), vec![b'x'; 2500]);
    let image = Memory::new(vec![
        archive(&[("etc/os-release", OS), ("usr/share/doc/b/copyright", &large)]),
        archive(&[("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x86_64\n\n")]),
    ]);
    let within = |cache| {
        let mut options = options(cache);
        options.limits.set("file-bytes", 1000);
        options.limits.set("captured-bytes", 2400);
        scan(&image, &options, &Silent).unwrap()
    };
    let expected = within(None);
    assert!(expected.components.iter().any(|component| component.name == "a"), "{:?}", expected.gaps);
    for _ in 0..3 {
        assert_eq!(within(Some(kept.cache())), expected);
        for bill in kept.bills() {
            fs::remove_file(bill).unwrap();
        }
    }
}

#[test]
fn an_entry_beyond_what_may_be_kept_now_is_not_found() {
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    let options = options(Some(LayerCache::new(&kept.path(), 40, Timestamp::UNKNOWN)));
    scan(&image, &options, &Silent).unwrap();
    assert_eq!(options.cache.unwrap().counts(), Counts { hits: 0, misses: 3, damaged: 0 });
}
