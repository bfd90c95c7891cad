//! The cache as scans use it: what is found is what was read, and nothing that is wrong with its folder ends a scan.

use std::{
    fs,
    io::{self, Cursor, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::{
    bom::{Bom, FileScope, assemble},
    detect::{Captured, Detector, FileMeta, Findings, Gap, Want, builtin},
    digest::Digest,
    oci::{LayerDescriptor, Subject, SubjectKind},
    scan::{Options, Silent, scan},
    source::{LayerBytes, Source, SourceError},
};

mod bill;
mod results;

/// Layers in memory, and how often one was opened.
#[derive(Debug)]
struct Memory {
    subject: Subject,
    layers: Vec<Vec<u8>>,
    opened: AtomicUsize,
}

impl Memory {
    fn new(layers: Vec<Vec<u8>>) -> Self {
        let descriptor = |(index, bytes): (usize, &Vec<u8>)| LayerDescriptor {
            index,
            digest: Some(Digest::of(bytes)),
            size: Some(bytes.len() as u64),
            ..LayerDescriptor::default()
        };
        let descriptors = layers.iter().enumerate().map(descriptor).collect();
        let subject =
            Subject { kind: SubjectKind::Folder, name: "memory".into(), tag: None, layers: descriptors };
        Self { subject, layers, opened: AtomicUsize::new(0) }
    }

    fn opened(&self) -> usize {
        self.opened.swap(0, Ordering::Relaxed)
    }
}

impl Source for Memory {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(LayerBytes::Archive(Box::new(Cursor::new(self.layers[layer.index].clone()))))
    }
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        if let Some(target) = content.strip_prefix(b"-> ") {
            header.set_size(0);
            header.set_entry_type(tar::EntryType::Symlink);
            builder.append_link(&mut header, path, std::str::from_utf8(target).unwrap()).unwrap();
        } else {
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, *content).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

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
        archive(&[("lib/apk/db/installed", b"-> /data/packages")]),
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

#[test]
fn a_folder_is_not_kept_whatever_digest_it_is_said_to_have() {
    #[derive(Debug)]
    struct Folder(Subject, PathBuf);
    impl Source for Folder {
        fn subject(&self) -> &Subject {
            &self.0
        }
        fn open(&self, _: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
            Ok(LayerBytes::Folder(self.1.clone()))
        }
    }
    let kept = Kept::new();
    let folder = tempfile::tempdir().unwrap();
    let source = Folder(image().subject, folder.path().to_owned());
    scan(&source, &options(Some(kept.cache())), &Silent).unwrap();
    assert_eq!(kept.entries(), Vec::<PathBuf>::new());
}

#[test]
fn what_was_left_out_for_want_of_room_depends_on_other_layers_and_is_not_kept() {
    let (kept, image) = (Kept::new(), image());
    let mut small = options(Some(kept.cache()));
    small.limits.set("captured-bytes", 40);
    scan(&image, &small, &Silent).unwrap();
    small.jobs = NonZeroUsize::MIN;
    let first = scan(&image, &small, &Silent).unwrap();
    assert_eq!(scan(&image, &small, &Silent).unwrap(), first);
    assert!(first.gaps.iter().any(|gap| gap.message.contains("captured-bytes")), "{:?}", first.gaps);
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
fn a_folder_that_goes_away_meanwhile_is_no_fault() {
    let (kept, image) = (Kept::new(), image());
    let gone = Folder::writing_with(&kept.path(), |file, bytes| {
        file.write_all(bytes)?;
        Err(io::ErrorKind::NotFound.into())
    });
    let (bom, _, fault) = scan_with(&image, LayerCache::with(gone, DEFAULT_BYTES, Timestamp::UNKNOWN));
    assert_eq!((bom, fault), (plain(&image), None));
    let cache = kept.cache();
    fs::remove_dir_all(kept.path()).unwrap();
    assert_eq!(scan_with(&image, cache).2, None);
}

#[test]
fn an_entry_beyond_what_may_be_kept_now_is_not_found() {
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    let options = options(Some(LayerCache::new(&kept.path(), 40, Timestamp::UNKNOWN)));
    scan(&image, &options, &Silent).unwrap();
    assert_eq!(options.cache.unwrap().counts(), Counts { hits: 0, misses: 3, damaged: 0 });
}

#[test]
fn a_full_disk_is_one_warning() {
    let (kept, image) = (Kept::new(), image());
    let expected = plain(&image);
    let full = Folder::writing_with(&kept.path(), |file, bytes| {
        file.write_all(&bytes[..bytes.len() / 2])?;
        Err(io::ErrorKind::StorageFull.into())
    });
    let (bom, opened, fault) = scan_with(&image, LayerCache::with(full, DEFAULT_BYTES, Timestamp::UNKNOWN));
    assert_eq!((bom, opened), (expected, 2));
    assert!(fault.unwrap().contains("cannot be written to"));
    let left: Vec<_> = fs::read_dir(kept.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["CACHEDIR.TAG"]);
}

#[test]
fn a_slow_disk_is_left_alone() {
    let kept = Kept::new();
    let cache = kept.cache();
    cache.state().spent = PATIENCE;
    let (_, opened, fault) = scan_with(&image(), cache);
    assert_eq!(opened, 2);
    assert!(fault.unwrap().contains("slowly"));
    assert!(kept.entries().len() < 2);
}

#[test]
fn a_folder_that_cannot_be_made_is_one_warning() {
    let (kept, image) = (Kept::new(), image());
    let file = kept.folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    for path in [file.join("cache"), file] {
        let cache = LayerCache::new(&path, DEFAULT_BYTES, Timestamp::UNKNOWN);
        let (bom, opened, fault) = scan_with(&image, cache);
        assert_eq!((bom, opened), (plain(&image), 2));
        assert!(fault.is_some(), "{}", path.display());
    }
}

#[test]
fn an_entry_that_is_a_folder_is_one_warning() {
    let (kept, image) = (Kept::new(), image());
    let (expected, ..) = kept.scan(&image);
    let entry = &kept.entries()[0];
    fs::remove_file(entry).unwrap();
    fs::create_dir(entry).unwrap();
    let (bom, opened, fault) = kept.scan(&image);
    assert_eq!((bom, opened), (expected, 1));
    assert!(fault.is_some());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folder_and_entries_are_the_users_alone() {
        let kept = Kept::new();
        kept.scan(&image());
        assert_eq!(mode(&kept.path()), 0o700);
        for entry in kept.entries() {
            assert_eq!(mode(&entry), 0o600);
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_used() {
        let (kept, image) = (Kept::new(), image());
        kept.scan(&image);
        set_mode(&kept.path(), 0o770);
        let (_, opened, fault) = kept.scan(&image);
        assert_eq!(opened, 2);
        assert!(fault.unwrap().contains("others may write to it"));
        set_mode(&kept.path(), 0o755);
        assert_eq!(kept.scan(&image).1, 0);
    }

    #[test]
    fn an_entry_that_others_may_write_to_is_not_used() {
        let (kept, image) = (Kept::new(), image());
        kept.scan(&image);
        set_mode(&kept.entries()[0], 0o666);
        let (_, opened, fault) = kept.scan(&image);
        assert_eq!(opened, 1);
        assert!(fault.is_some());
        // It was replaced by one of the user's own.
        assert_eq!(kept.scan(&image).1, 0);
    }

    #[test]
    fn links_are_not_followed() {
        let (kept, image) = (Kept::new(), image());
        let (expected, ..) = kept.scan(&image);
        let entry = &kept.entries()[0];
        let elsewhere = kept.folder.path().join("elsewhere");
        fs::rename(entry, &elsewhere).unwrap();
        symlink(&elsewhere, entry).unwrap();
        let before = content(&elsewhere);
        let (bom, opened, fault) = kept.scan(&image);
        assert_eq!((bom, opened), (expected, 1));
        assert!(fault.unwrap().contains("a link"));
        assert_eq!(content(&elsewhere), before);
        let link = kept.folder.path().join("link");
        symlink(kept.path(), &link).unwrap();
        let (_, opened, fault) = scan_with(&image, LayerCache::new(&link, DEFAULT_BYTES, Timestamp::UNKNOWN));
        assert_eq!(opened, 2);
        assert!(fault.unwrap().contains("a link"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_still_gives_what_is_in_it() {
        if rustix::process::geteuid().is_root() {
            eprintln!("skipped: whoever may do everything can write everywhere");
            return;
        }
        let kept = Kept::new();
        kept.scan(&Memory::new(vec![base()]));
        set_mode(&kept.path(), 0o500);
        let (_, opened, fault) = kept.scan(&image());
        set_mode(&kept.path(), 0o700);
        assert_eq!(opened, 1);
        assert!(fault.unwrap().contains("cannot be written to"));
    }
}

#[test]
fn many_threads_with_caches_of_their_own_share_a_folder() {
    let kept = Kept::new();
    let expected = plain(&image());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let (bom, _, fault) = kept.scan(&image());
                    assert_eq!((bom, fault), (expected.clone(), None));
                }
            });
        }
    });
    assert_eq!(kept.scan(&image()).1, 0);
    assert_eq!(Contents::of(&kept.path()).unwrap().unfinished, 0);
}

#[test]
fn what_was_used_longest_ago_makes_room() {
    let kept = Kept::new();
    let layer =
        |n: u8| Memory::new(vec![archive(&[(&format!("etc/apk/world-{n}"), b"x"), ("etc/os-release", OS)])]);
    for n in 0..8 {
        kept.scan(&layer(n));
    }
    let bytes = Contents::of(&kept.path()).unwrap().bytes;
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for (age, entry) in (1..).zip(kept.entries()) {
        fs::File::options().write(true).open(entry).unwrap().set_modified(at(age * 1_000_000)).unwrap();
    }
    let kept_before = kept.entries();
    scan_with(&layer(8), LayerCache::new(&kept.path(), bytes, Timestamp::UNKNOWN));
    let after = Contents::of(&kept.path()).unwrap();
    assert!(after.bytes <= bytes / 10 * 9, "{after:?}");
    assert!(!kept.entries().contains(&kept_before[0]));
    assert!(kept.entries().contains(&kept_before[7]));
    assert_eq!(kept.scan(&layer(8)).1, 0);
}

#[test]
fn use_is_marked_once_a_day() {
    let (kept, image) = (Kept::new(), Memory::new(vec![base()]));
    kept.scan(&image);
    let entry = kept.entries().remove(0);
    let used = || fs::metadata(&entry).unwrap().modified().unwrap();
    let day = 24 * 60 * 60;
    let set = |seconds| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options().write(true).open(&entry).unwrap().set_modified(time).unwrap();
    };
    let scan_at = |seconds| {
        let now = Timestamp::from_unix(seconds).unwrap();
        scan_with(&image, LayerCache::new(&kept.path(), DEFAULT_BYTES, now));
    };
    set(day);
    scan_at(2 * day);
    assert_eq!(used(), SystemTime::UNIX_EPOCH + Duration::from_secs(day));
    scan_at(2 * day + 1);
    assert_eq!(used(), SystemTime::UNIX_EPOCH + Duration::from_secs(2 * day + 1));
}

#[test]
fn pruning_removes_what_is_asked_for_and_nothing_else() {
    let kept = Kept::new();
    kept.scan(&image());
    let now = |seconds| Timestamp::from_unix(seconds).unwrap();
    let stray = kept.path().join("notes.txt");
    fs::write(&stray, b"x").unwrap();
    let unfinished = kept.path().join(".unfinished-0123");
    fs::write(&unfinished, b"half").unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    fs::File::options().write(true).open(&unfinished).unwrap().set_modified(long_ago).unwrap();
    fs::File::options().write(true).open(&kept.entries()[0]).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(Contents::of(&kept.path()).unwrap().unfinished, 1);
    let pruned = Prune::UnusedFor(5000).run(&kept.path(), now(6000)).unwrap();
    assert_eq!((pruned.files, kept.entries().len()), (2, 1), "{pruned:?}");
    let pruned = Prune::To(u64::MAX).run(&kept.path(), now(6000)).unwrap();
    assert_eq!(pruned.files, 0);
    let pruned = Prune::All.run(&kept.path(), now(6000)).unwrap();
    assert_eq!((pruned.files, pruned.left, kept.entries().len(), kept.bills().len()), (2, 0, 0, 0));
    assert!(stray.exists());
    assert_eq!(Prune::All.run(&kept.path().join("none"), now(0)).unwrap(), Pruned::default());
}
