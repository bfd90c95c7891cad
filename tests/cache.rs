//! Results of layers, bills of images and documents kept between runs: the same bytes come out whether they were, and nothing that is wrong with the
//! cache ends a scan.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sbomctl_testkit::{Compression, ImageBuilder};

use crate::program::{Run, command, finish};

const OS_RELEASE: &[u8] = b"ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
const COPYRIGHT: &[u8] =
    b"This configure script is free software; the Free Software Foundation gives unlimited \
    permission to copy, distribute and modify it.";

fn status(names: &[&str]) -> Vec<u8> {
    let stanza = |name: &&str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDepends: a (>= 1)\n\n"
        )
    };
    names.iter().map(stanza).collect::<String>().into_bytes()
}

/// Images that differ in what their layers do to one another.
pub(crate) fn images() -> Vec<ImageBuilder> {
    let base = || {
        ImageBuilder::new().layer(|l| {
            l.file("etc/os-release", OS_RELEASE)
                .file("var/lib/dpkg/status", status(&["a", "b"]))
                .file("var/lib/dpkg/info/a.list", b"/.\n/usr/share/doc/a/copyright\n")
                .file("usr/share/doc/a/copyright", COPYRIGHT)
        })
    };
    vec![
        base(),
        base().layer(|l| l.compression(Compression::Zstd).file("var/lib/dpkg/status", status(&["a", "c"]))),
        base().layer(|l| l.whiteout("var/lib/dpkg/status")),
        // A record that cannot be read, and a database behind a link.
        base().layer(|l| l.file("var/lib/dpkg/status", b"no record\n\n")),
        ImageBuilder::new()
            .layer(|l| {
                l.file("etc/os-release", OS_RELEASE).file("data/packages", b"P:a\nV:1-r0\nA:x86_64\n\n")
            })
            .layer(|l| l.symlink("lib/apk/db/installed", "/data/packages")),
    ]
}

/// A layout, and a folder for a cache beside it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn of(image: ImageBuilder) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        image.build().write_oci_layout(&place.path("layout")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let subject = format!("oci:{}", self.path("layout").display());
        command(&[&["scan", &subject, "-o", "cyclonedx-json"], arguments].concat())
    }

    pub(crate) fn scan(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments), &[])
    }

    pub(crate) fn scan_cached(&self, arguments: &[&str]) -> Run {
        let cache = self.path("cache");
        self.scan(&[&["--cache-dir", cache.to_str().unwrap()], arguments].concat())
    }

    /// Entries of this kind.
    pub(crate) fn kept(&self, kind: &str) -> Vec<PathBuf> {
        let of_kind = |entry: &PathBuf| entry.extension().is_some_and(|extension| extension == kind);
        entries(&self.path("cache")).into_iter().filter(of_kind).collect()
    }

    /// Takes the layers away, so that whatever reads one fails.
    pub(crate) fn lose_layers(&self) {
        let blobs = self.path("layout/blobs/sha256");
        for blob in fs::read_dir(blobs).unwrap().map(|blob| blob.unwrap().path()) {
            let mut start = [0; 1];
            std::io::Read::read_exact(&mut fs::File::open(&blob).unwrap(), &mut start).unwrap();
            if start != *b"{" {
                let length = fs::metadata(&blob).unwrap().len();
                fs::write(&blob, vec![0; usize::try_from(length).unwrap()]).unwrap();
            }
        }
    }
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(cache).into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_entry = |kind: &str| ["layer", "bill", "document"].contains(&kind);
    all.filter(|path| path.extension().is_some_and(|kind| is_entry(kind.to_str().unwrap()))).collect()
}

#[test]
fn the_same_bytes_come_out_cold_warm_and_without_cache() {
    for image in images() {
        let place = Place::of(image);
        for options in [&[][..], &["--files", "all"], &["--scope", "all-layers"]] {
            let expected = place.scan(&[options, &["--no-cache", "--jobs", "1"]].concat());
            assert_eq!(expected.code, 0, "{}", expected.stderr);
            for jobs in ["1", "2", "8", "1", "2", "8"] {
                let run = place.scan_cached(&[options, &["--jobs", jobs]].concat());
                assert_eq!(run.code, 0, "{}", run.stderr);
                assert!(run.stdout == expected.stdout, "--jobs {jobs} {options:?}");
                assert_eq!(run.stderr, expected.stderr);
            }
        }
    }
}

#[test]
fn a_warm_scan_reads_no_layer() {
    for image in images() {
        let place = Place::of(image);
        let first = place.scan_cached(&[]);
        place.lose_layers();
        assert_eq!(place.scan_cached(&[]).stdout, first.stdout);
        let without = place.scan(&["--no-cache"]);
        assert_eq!(without.code, 3, "{}", without.stderr);
    }
}

#[test]
fn an_image_that_lost_some_of_what_was_kept_comes_out_the_same() {
    for image in images() {
        let place = Place::of(image);
        let first = place.scan_cached(&[]);
        for kinds in [&["document"][..], &["document", "bill"], &["document", "bill", "layer"], &["layer"]] {
            for entry in kinds.iter().flat_map(|kind| place.kept(kind)) {
                fs::write(entry, b"damaged").unwrap();
            }
            let again = place.scan_cached(&[]);
            assert_eq!((again.code, &again.stdout, &again.stderr), (0, &first.stdout, &first.stderr));
        }
    }
}

#[test]
fn the_environment_says_where_the_cache_is() {
    let place = Place::of(images().remove(0));
    let home = place.path("home");
    let run = |variables: &[(&str, &str)]| {
        let mut command = place.command(&[]);
        command.envs(variables.iter().copied());
        let run = finish(command, &[]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    };
    run(&[]);
    run(&[("HOME", home.to_str().unwrap())]);
    assert_eq!(entries(&home.join(".cache/sbomctl")).len(), 3);
    let xdg = place.path("xdg");
    run(&[("HOME", home.to_str().unwrap()), ("XDG_CACHE_HOME", xdg.to_str().unwrap())]);
    assert_eq!(entries(&xdg.join("sbomctl")).len(), 3);
    let named = place.path("named");
    run(&[("XDG_CACHE_HOME", xdg.to_str().unwrap()), ("SBOMCTL_CACHE_DIR", named.to_str().unwrap())]);
    assert_eq!(entries(&named).len(), 3);
}

#[test]
fn a_folder_that_cannot_be_used_is_one_warning() {
    let place = Place::of(images().remove(0));
    let file = place.path("file");
    fs::write(&file, b"x").unwrap();
    let expected = place.scan(&[]).stdout;
    for folder in [file.clone(), file.join("below")] {
        let run = place.scan(&["--cache-dir", folder.to_str().unwrap()]);
        assert_eq!((run.code, &run.stdout), (0, &expected));
        assert_eq!(run.stderr.matches("warning:").count(), 1, "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn processes_that_run_at_once_share_a_cache() {
    let place = Place::of(images().remove(1));
    let expected = place.scan(&[]).stdout;
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let run = place.scan_cached(&[]);
                assert_eq!((run.code, run.stderr.as_str()), (0, ""));
                assert!(run.stdout == expected);
            });
        }
    });
    assert_eq!(entries(&place.path("cache")).len(), 4);
}

#[test]
fn the_cache_is_shown_and_pruned() {
    let place = Place::of(images().remove(1));
    let cache = place.path("cache");
    let manage = |arguments: &[&str]| {
        finish(command(&[&["cache"], arguments, &["--cache-dir", cache.to_str().unwrap()]].concat()), &[])
    };
    let info = manage(&["info", "--format", "json"]).json();
    assert_eq!((info["entries"].as_u64(), info["bytes"].as_u64()), (Some(0), Some(0)));
    place.scan_cached(&[]);
    let info = manage(&["info", "--format", "json"]).json();
    let bytes: u64 = entries(&cache).iter().map(|entry| fs::metadata(entry).unwrap().len()).sum();
    assert_eq!((info["entries"].as_u64(), info["bytes"].as_u64()), (Some(4), Some(bytes)));
    assert!(manage(&["info"]).stdout.contains("entries     4\n"));
    assert_eq!(manage(&["prune"]).stdout.lines().count(), 1);
    assert_eq!(manage(&["prune", "--older-than", "1d"]).code, 0);
    assert_eq!(entries(&cache).len(), 4);
    assert_eq!(manage(&["prune", "--size", "1"]).code, 0);
    assert_eq!(entries(&cache).len(), 0);
    place.scan_cached(&[]);
    let pruned = manage(&["prune", "--all", "--format", "json"]).json();
    assert_eq!((pruned["files"].as_u64(), pruned["left"].as_u64()), (Some(4), Some(0)));
    assert_eq!(manage(&["prune", "--all", "--size", "1"]).code, 2);
    let nowhere = finish(command(&["cache", "info"]), &[]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.stderr.contains("--cache-dir"), "{}", nowhere.stderr);
}

#[test]
fn what_does_not_fit_is_not_kept() {
    let place = Place::of(images().remove(1));
    let run = place.scan_cached(&["--cache-size", "100"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(entries(&place.path("cache")).len(), 0);
    let mut command = place.command(&["--cache-dir", place.path("cache").to_str().unwrap()]);
    command.env("SBOMCTL_CACHE_SIZE", "much");
    assert_eq!(finish(command, &[]).code, 2);
}
