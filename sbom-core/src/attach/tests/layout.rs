//! Layouts as stores: what lies in them is found, and what is put there is a layout still.

use sbomctl_testkit::ImageBuilder;

use super::*;
use crate::source::Choice;

fn layout() -> (tempfile::TempDir, Descriptor) {
    let folder = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new().layer(|l| l.file("a", "1")).tag("app:1").build();
    sbomctl_testkit::Layout::new([image.root()]).write(folder.path()).unwrap();
    let root = Layout::folder(folder.path(), &Limits::default()).unwrap().resolve(&Choice::Only).unwrap();
    (folder, root)
}

#[test]
fn what_is_attached_in_a_layout_is_found_and_the_image_is_still_the_only_one() {
    let (folder, root) = layout();
    let limits = Limits::default();
    let sink = LayoutFolder::open(folder.path(), &limits).unwrap();
    let (bundle, subjects) = (bundle("one"), [root.clone()]);
    let attachment = Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created: None };
    let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: true, limits: &limits };
    let attached = attach(&sink, &[attachment], &settings).unwrap().remove(0);
    assert_eq!(attached.listing, Listing::Store);
    assert!(!attach(&sink, &[attachment], &settings).unwrap().remove(0).new);
    let again = Layout::folder(folder.path(), &limits).unwrap();
    assert_eq!(again.resolve(&Choice::Only).unwrap().digest, root.digest);
    let found = find_all(&again, &root.digest);
    assert_eq!(found.signed().count(), 2, "the bundle, and its old form");
    assert!(found.is_complete() && found.notes.is_empty(), "{:?}", found.notes);
    assert!(sink.delete_manifest(&attached.manifest).unwrap());
    assert!(!sink.delete_manifest(&attached.manifest).unwrap());
    assert_eq!(find_all(&sink, &root.digest).signed().count(), 1);
}

#[test]
fn a_damaged_referrer_in_a_layout_is_noted() {
    let (folder, root) = layout();
    let limits = Limits::default();
    let sink = LayoutFolder::open(folder.path(), &limits).unwrap();
    let (one, two) = (bundle("one"), bundle("two"));
    let subjects = [root.clone()];
    let attachment = |bundle| Attachment { bundle, predicate_type: SPDX, subjects: &subjects, created: None };
    let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: false, limits: &limits };
    let attached = attach(&sink, &[attachment(&one), attachment(&two)], &settings).unwrap();
    let path = folder.path().join("blobs").join(attached[0].manifest.to_string().replace(':', "/"));
    std::fs::write(path, "{}").unwrap();
    let found = find_all(&Layout::folder(folder.path(), &limits).unwrap(), &root.digest);
    assert_eq!(found.signed().count(), 1);
    assert_eq!(notes(&found), ["unreadable"]);
}

#[test]
fn a_blob_that_is_not_what_it_should_be_is_not_kept() {
    let (folder, _) = layout();
    let sink = LayoutFolder::open(folder.path(), &Limits::default()).unwrap();
    let wanted = Descriptor::new("", Digest::of(b"right"), 5);
    for wrong in [&b"wrong"[..], b"right and more", b""] {
        let open = || -> Result<Box<dyn std::io::Read + Send>, _> { Ok(Box::new(wrong)) };
        assert!(sink.put_blob(&wanted, None, &open).is_err());
        assert!(!sink.has_blob(&wanted.digest).unwrap());
    }
    let blobs = std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap();
    assert!(blobs.flatten().all(|entry| !entry.file_name().to_string_lossy().contains("partial")));
}

#[cfg(unix)]
#[test]
fn links_in_a_layout_are_not_written_through() {
    use std::os::unix::fs::symlink;
    let (folder, root) = layout();
    let elsewhere = tempfile::tempdir().unwrap();
    let kept = elsewhere.path().join("kept");
    std::fs::write(&kept, "kept").unwrap();
    let empty = Digest::of(b"{}");
    symlink(&kept, folder.path().join(format!("blobs/sha256/.{}.partial", empty.hex()))).unwrap();
    symlink(&kept, folder.path().join("index.partial")).unwrap();
    let limits = Limits::default();
    let sink = LayoutFolder::open(folder.path(), &limits).unwrap();
    let (bundle, subjects) = (bundle("one"), [root.clone()]);
    let attachment = Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created: None };
    let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: false, limits: &limits };
    attach(&sink, &[attachment], &settings).unwrap();
    assert!(sink.has_blob(&empty).unwrap());
    assert_eq!(find_all(&sink, &root.digest).signed().count(), 1);
    let kept = std::fs::File::open(&kept).and_then(std::io::read_to_string).unwrap();
    assert_eq!(kept, "kept");
}
