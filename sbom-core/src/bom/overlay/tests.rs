//! Layers laid over one another as an engine would: what is left, and what was.

use super::*;
use crate::{
    bom::FileKind,
    layer::{Entry, EntryKind},
};

/// Entries as a shell would make them: `f PATH` file, `F PATH` file with a finding, `d PATH` directory,
/// `l PATH TARGET` symbolic link, `h PATH TARGET` hard link, `w PATH` whiteout, `o PATH` opaque directory.
fn layer(lines: &[&str]) -> LayerContent {
    let mut content = LayerContent::default();
    for line in lines {
        let mut words = line.split(' ');
        let (what, path) = (words.next().unwrap(), ImagePath::from(words.next().unwrap()));
        let kind = match what {
            "f" | "F" => EntryKind::File,
            "d" => EntryKind::Directory,
            "l" => EntryKind::Symlink(words.next().unwrap().as_bytes().into()),
            "h" => EntryKind::HardLink(words.next().unwrap().into()),
            "w" => EntryKind::Whiteout,
            "o" => EntryKind::OpaqueDirectory,
            _ => unreachable!(),
        };
        if what == "F" {
            let found = vec![Finding::OsRelease(Box::default())];
            content.findings.push((content.entries.len(), found));
        }
        content.entries.push(&Entry { path, kind, mode: 0o644, size: 0 });
    }
    content
}

fn overlay<'l>(limits: &'l Limits, layers: &[&[&str]]) -> Overlay<'l> {
    let mut overlay = Overlay::new(limits);
    for lines in layers {
        overlay.fold(layer(lines)).unwrap();
    }
    overlay
}

/// Folds `layers` and compares what is left of the files with findings: `PATH LAYER…`, `-` before a layer
/// that removed the file.
fn check(layers: &[&[&str]], expected: &[&str]) {
    let limits = Limits::default();
    let overlay = overlay(&limits, layers);
    let found: Vec<String> = overlay
        .files()
        .map(|(path, versions)| {
            let versions = versions.iter().map(|version| {
                format!(" {}{}", if version.found.is_some() { "" } else { "-" }, version.layer)
            });
            format!("{path}{}", versions.collect::<String>())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_higher_layer_replaces_a_file() {
    check(&[&["F db"], &["F db"]], &["/db 0 1"]);
    check(&[&["F db"], &["f db"]], &["/db 0 -1"]);
}

#[test]
fn of_one_path_twice_in_a_layer_the_later_counts() {
    check(&[&["F db", "f db"]], &[]);
    check(&[&["f db", "F db"]], &["/db 0"]);
}

#[test]
fn a_whiteout_hides_a_file_and_all_below_a_directory() {
    check(&[&["F a/db", "F a/b/db", "F c"], &["w a"]], &["/a/b/db 0 -1", "/a/db 0 -1", "/c 0"]);
}

#[test]
fn a_whiteout_does_not_hide_what_its_own_layer_adds() {
    check(&[&["F db"], &["F db", "w db"]], &["/db 0 1"]);
    check(&[&["F d/db"], &["F d/new", "o d"]], &["/d/db 0 -1", "/d/new 1"]);
}

#[test]
fn an_opaque_directory_hides_lower_files_and_stays() {
    check(&[&["F d/db"], &["d d", "o d"], &["F d/new"]], &["/d/db 0 -1", "/d/new 2"]);
    check(&[&["F db"], &["o ."]], &["/db 0 -1"]);
}

#[test]
fn whiteouts_of_nothing_are_harmless() {
    check(&[&["w a/b", "o c", "F db"]], &["/db 0"]);
}

#[test]
fn a_file_written_through_a_link_lies_where_the_link_leads() {
    check(
        &[&["l lib usr/lib", "d usr/lib", "F usr/lib/apk/db"], &["F lib/apk/db"]],
        &["/usr/lib/apk/db 0 1"],
    );
}

/// Folds `layers` and gives the paths of what could not be read.
fn gaps(layers: &[&[&str]]) -> Vec<String> {
    let limits = Limits::default();
    let gaps = overlay(&limits, layers).take_gaps();
    gaps.iter().map(|gap| gap.path.as_ref().unwrap().to_string()).collect()
}

const LINKED: &[&str] = &["F usr/x", "F usr/y", "l a usr", "l b a", "l none z"];

#[test]
fn what_a_layer_names_by_way_of_a_lower_link_is_disputed() {
    assert_eq!(gaps(&[LINKED, &["f a/x", "f a/y", "f b/z"], &["f a/x"]]), ["/a", "/b", "/a"]);
    assert_eq!(gaps(&[&["l c usr", "F c/x", "w c/x"]]), [""; 0]);
    assert_eq!(gaps(&[LINKED, &["d a", "f a/x"]]), [""; 0]);
    assert_eq!(gaps(&[LINKED, &["f usr/x", "w a", "l a usr", "f a/y"]]), [""; 0]);
}

#[test]
fn a_whiteout_follows_no_link() {
    let kept = ["/usr/x 0", "/usr/y 0"];
    for (marker, link) in [("w a/x", "/a"), ("w b/x", "/b"), ("o a", "/a"), ("o b", "/b")] {
        check(&[LINKED, &[marker]], &kept);
        assert_eq!(gaps(&[LINKED, &[marker]]), [link]);
    }
    // What takes the place of a link is a directory of its own, and mostly has a marker.
    for marker in ["w a/x", "o a"] {
        check(&[LINKED, &["d a", marker]], &kept);
        assert_eq!(gaps(&[LINKED, &["d a", marker]]), [""; 0]);
        assert_eq!(gaps(&[LINKED, &[marker, "d a"]]), ["/a"]);
    }
    check(&[LINKED, &["w a"]], &kept);
    assert_eq!(gaps(&[LINKED, &["w a", "w a/none", "w none/x", "o none"]]), [""; 0]);
}

#[test]
fn links_climb_no_higher_than_the_root() {
    check(&[&["l a/b ../../../../usr", "F a/b/db"]], &["/usr/db 0"]);
    check(&[&["l b /usr/x", "F b/db"]], &["/usr/x/db 0"]);
}

#[test]
fn a_directory_that_replaces_a_link_hides_what_lay_behind_it_under_that_name_only() {
    check(&[&["l lib usr/lib", "F usr/lib/db"], &["d lib", "F lib/db"]], &["/lib/db 1", "/usr/lib/db 0"]);
}

#[test]
fn what_follows_the_replacement_of_its_directory_lies_elsewhere() {
    check(&[&["F a/b/x", "l a/b /c", "F a/b/y"]], &["/c/y 0"]);
    check(&[&["F a/b/x", "l a /c", "F a/b/y"]], &["/c/b/y 0"]);
    check(&[&["F a/b/x"], &["l a/b /c", "F a/b/y"]], &["/a/b/x 0 -1", "/c/y 1"]);
    check(&[&["F a/b/x"], &["w a", "F a/b/y"]], &["/a/b/x 0 -1", "/a/b/y 1"]);
    check(&[&["F a/b/x"], &["o a", "F a/b/x"]], &["/a/b/x 0 1"]);
    check(
        &[&["F a/x", "F a/b/x", "F a/y", "F ab", "F a/b/y"]],
        &["/a/b/x 0", "/a/b/y 0", "/a/x 0", "/a/y 0", "/ab 0"],
    );
}

#[test]
fn a_file_that_becomes_a_directory_is_gone() {
    check(&[&["F a"], &["F a/db"]], &["/a 0 -1", "/a/db 1"]);
    check(&[&["F a/db"], &["F a"]], &["/a 1", "/a/db 0 -1"]);
    check(&[&["F a", "d a", "F a/db"]], &["/a/db 0"]);
}

#[test]
fn a_hard_link_has_the_findings_of_its_target() {
    check(&[&["F a", "h b a"]], &["/a 0", "/b 0"]);
    check(&[&["F a"], &["h b a"], &["w a"]], &["/a 0 -2", "/b 1"]);
}

#[test]
fn a_hard_link_to_nothing_is_a_gap() {
    let limits = Limits::default();
    let mut overlay = overlay(&limits, &[&["h b a"]]);
    assert_eq!(overlay.take_gaps().iter().count(), 1);
    assert!(!overlay.contains(&"b".into()));
}

#[test]
fn no_more_gaps_are_held_than_are_listed_and_the_others_are_counted() {
    let mut limits = Limits::default();
    limits.set("gaps", 3);
    let lines: Vec<String> = (0..50).rev().map(|n| format!("h {n:02} nothing")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut overlay = overlay(&limits, &[&lines, &lines]);
    let (listed, others) = overlay.take_gaps().list(Limits::default().gaps);
    let paths: Vec<_> = listed.iter().map(|gap| (gap.layer, gap.path.clone().unwrap().to_string())).collect();
    assert_eq!(paths, ["/00", "/01", "/02"].map(|path| (Some(0), path.to_owned())));
    assert_eq!(others, 97);
}

#[test]
fn what_is_replaced_or_removed_counts_no_longer() {
    let mut limits = Limits::default();
    limits.set("image-entries", 4);
    limits.set("names-bytes", 60);
    let mut overlay = Overlay::new(&limits);
    for _ in 0..20 {
        overlay.fold(layer(&["f d/some-file", "l d/link some-file", "h d/other d/some-file"])).unwrap();
    }
    for _ in 0..20 {
        overlay.fold(layer(&["w d", "f d/e", "l d/f e"])).unwrap();
        overlay.fold(layer(&["o d", "f d/g", "f d/h"])).unwrap();
    }
    assert_eq!(overlay.file_count(), 2);
    assert_eq!(overlay.fold(layer(&["f d/i", "f d/j"])).unwrap_err().limit.name, "image-entries");
}

/// The same with every file hashed: to as many bytes as `bytes` has of them.
fn hashed(lines: &[&str], bytes: u8) -> LayerContent {
    let mut content = layer(lines);
    for (entry, Entry { path, kind, .. }) in content.entries.clone().iter().enumerate() {
        if kind == EntryKind::File {
            let digests = ContentDigests { sha1: [bytes; 20], sha256: [bytes; 32] };
            content.hashed.push(HashedFile { entry, digests, path: path.clone() });
        }
    }
    content
}

#[test]
fn digests_of_files_that_are_there_no_longer_are_not_held() {
    let mut limits = Limits::default();
    limits.set("names-bytes", 3000);
    let mut overlay = Overlay::new(&limits);
    let many = vec!["f a"; 1000];
    overlay.fold(hashed(&["f d/kept", "h d/link d/kept", "f d/gone"], 1)).unwrap();
    for layer in 0..100 {
        overlay.fold(hashed(&many, layer)).unwrap();
        overlay.fold(hashed(&["w d/gone", "f b", "f c"], layer)).unwrap();
    }
    let held: usize = overlay.hashed.iter().map(|(_, files)| files.len()).sum();
    assert!(held <= 2 * overlay.nodes.len() + 1, "{held}");
    let mut files = overlay.visible_files();
    let mut found = Vec::new();
    while let Some(file) = files.next() {
        let FileKind::Regular { digests, .. } = file.kind() else { panic!("{file:?}") };
        found.push((file.to_path().to_string(), digests.unwrap().sha256[0]));
    }
    let expected = [("/a", 99), ("/b", 99), ("/c", 99), ("/d/kept", 1), ("/d/link", 1)];
    assert_eq!(found, expected.map(|(path, byte)| (path.to_owned(), byte)));
}

#[test]
fn what_a_file_says_that_has_no_place_is_not_held() {
    let limits = Limits::default();
    let overlay = overlay(&limits, &[&["l a a", "F a/db", "F a/b/db"]]);
    assert_eq!((overlay.found.len(), overlay.files().count()), (0, 0));
}

#[test]
fn a_circle_of_links_is_a_gap_and_ends() {
    let limits = Limits::default();
    let mut overlay = overlay(&limits, &[&["l a b", "l b a", "F a/db", "F ok"]]);
    assert_eq!(overlay.take_gaps().iter().count(), 1);
    assert_eq!(overlay.resolve(&"a".into()), None);
    assert_eq!(overlay.resolve(&"ok".into()), Some("ok".into()));
}

#[test]
fn links_are_resolved_across_layers() {
    let limits = Limits::default();
    let overlay = overlay(&limits, &[&["l etc/os-release ../usr/lib/os-release"], &["F usr/lib/os-release"]]);
    let link = ImagePath::from("etc/os-release");
    assert_eq!(overlay.resolve(&link), Some("usr/lib/os-release".into()));
    assert_eq!(overlay.resolve_parent(&link), Some(link.clone()));
    assert_eq!(overlay.findings_at(&link, 1).len(), 1);
    assert_eq!(overlay.findings_at(&link, 0).len(), 0);
    assert_eq!(overlay.layer_of(&link), Some(1));
}

#[test]
fn links_of_a_nested_root_lead_nowhere_else() {
    let limits = Limits::default();
    let layers: &[&[&str]] =
        &[&["f usr/a", "f jail/usr/a", "l jail/lib /usr", "l jail/up ../../usr", "l jail/out ../x", "f x"]];
    let overlay = overlay(&limits, layers);
    let within = |path: &str| overlay.resolve_within(&"jail".into(), &path.into()).map(|p| p.to_string());
    assert_eq!(within("jail/lib/a").as_deref(), Some("/jail/usr/a"));
    assert_eq!(within("jail/up/a").as_deref(), Some("/jail/usr/a"));
    assert_eq!(within("jail").as_deref(), Some("/jail"));
    assert_eq!((within("jail/out"), within("usr/a")), (None, None));
    assert_eq!(overlay.resolve(&"jail/lib/a".into()), Some("usr/a".into()));
}

#[test]
fn the_address_of_a_file_is_its_path_in_its_layer() {
    let limits = Limits::default();
    let overlay = overlay(&limits, &[&["l lib usr/lib", "d usr/lib"], &["f lib/a", "h b lib/a", "l c b"]]);
    let address = |path: &str| overlay.address(&path.into()).map(|a| (a.layer, a.path.to_string()));
    assert_eq!(address("usr/lib/a"), Some((1, "/lib/a".into())));
    assert_eq!(address("c"), Some((1, "/lib/a".into())));
    assert_eq!(address("usr"), None);
    let overlay = self::overlay(&limits, &[&["f usr/lib/a", "l lib usr/lib", "h b lib/a"]]);
    let address = |path: &str| overlay.address(&path.into()).map(|a| (a.layer, a.path.to_string()));
    assert_eq!(address("b"), Some((0, "/usr/lib/a".into())));
}

#[test]
fn files_are_counted_as_they_are_in_the_end() {
    let limits = Limits::default();
    assert_eq!(overlay(&limits, &[&["f a", "f b/c", "l d a"], &["w a", "f e"]]).file_count(), 2);
}
