//! What may be wrong with the folder, who else uses it, and what goes from it.

use super::*;

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
    // Both layers may be begun to be written at the same time, and nothing after them.
    assert!(kept.bills().is_empty());
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

#[test]
fn a_folder_that_is_named_like_an_entry_is_no_entry() {
    let kept = Kept::new();
    kept.scan(&image());
    let named = kept.path().join(format!("{}.layer", "0".repeat(64)));
    fs::create_dir(&named).unwrap();
    let entries = Contents::of(&kept.path()).unwrap().entries;
    assert_eq!(entries, 3);
    let (_, _, fault) =
        scan_with(&Memory::new(vec![base()]), LayerCache::new(&kept.path(), 1, Timestamp::UNKNOWN));
    assert_eq!(fault, None);
    let pruned = Prune::All.run(&kept.path(), Timestamp::UNKNOWN).unwrap();
    assert_eq!((pruned.files, pruned.left), (entries, 0));
    assert!(named.exists());
}

#[test]
fn what_others_are_writing_makes_no_entry_go() {
    let (kept, image) = (Kept::new(), image());
    let now = Timestamp::from_unix(100_000).unwrap();
    kept.scan(&image);
    let at = |path: &Path, seconds| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    kept.entries().iter().for_each(|entry| at(entry, 1000));
    let written = |name: &str, seconds| {
        let path = kept.path().join(name);
        fs::write(&path, vec![0; 1 << 20]).unwrap();
        at(&path, seconds);
        path
    };
    let (old, new) = (written(".unfinished-1", 90_000), written(".unfinished-2", 99_000));
    let entries = kept.entries();
    let more = Memory::new(vec![archive(&[("etc/os-release", OS), ("a", b"x")])]);
    assert_eq!(scan_with(&more, LayerCache::new(&kept.path(), 900_000, now)).2, None);
    assert!(entries.iter().all(|entry| entry.exists()) && new.exists() && !old.exists());
    let pruned = Prune::To(900_000).run(&kept.path(), now).unwrap();
    assert!(pruned.files == 0 && pruned.left < 900_000, "{pruned:?}");
}

#[test]
fn what_failed_to_be_read_is_not_read_again_once_something_was_written() {
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    let cache = kept.cache();
    cache.fail(CacheError::Read { path: kept.path(), source: io::ErrorKind::Other.into() });
    cache.keep(&Key::new([1; 32]), |_| Some(vec![1, 2, 3]));
    assert_eq!(kept.entries().len(), 3);
    assert_eq!(scan_with(&image, cache).1, 2);
}

#[test]
fn uses_are_marked_only_as_long_as_there_is_patience() {
    let (kept, image) = (Kept::new(), image());
    kept.scan(&image);
    let used = || -> Vec<_> {
        kept.entries().iter().map(|entry| fs::metadata(entry).unwrap().modified().unwrap()).collect()
    };
    let before = used();
    let late = Timestamp::from_unix(40_000_000_000).unwrap();
    let cache = || LayerCache::new(&kept.path(), DEFAULT_BYTES, late);
    let slow = cache();
    slow.state().spent = PATIENCE;
    let (bom, opened, fault) = scan_with(&image, slow);
    assert_eq!((bom, opened, used()), (plain(&image), 0, before.clone()));
    assert!(fault.unwrap().contains("slowly"));
    scan_with(&image, cache());
    assert!(used().iter().zip(before).all(|(after, before)| *after > before));
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
