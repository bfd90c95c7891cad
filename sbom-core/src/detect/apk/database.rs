//! The database of installed packages: records of lines `X:value`, an empty line after each.
//!
//! After a record's own fields come its files: `F:` a directory, `M:` its owner and mode, then for each file in it
//! `R:` the name, `a:` owner and mode, `Z:` the digest. An empty `F:` is the root.

use std::sync::Arc;

use memchr::memchr;

use super::{Checksum, Dependency, File, Gap, GapKind, Package};
use crate::{image_path::ImagePath, limits::Limits};

/// Gaps listed one by one of one database; beyond it they are counted.
const MAX_GAPS: usize = 100;
/// A directory is written once for all its files, so the paths may be longer than the database, but not by more.
const PATHS_PER_BYTE: usize = 4;

/// Reads all records that name a package.
pub(super) fn parse(bytes: &[u8], limits: &Limits, gaps: &mut Vec<Gap>) -> Vec<Arc<Package>> {
    let mut parser = Parser {
        packages: Vec::new(),
        record: Record::default(),
        path_bytes: bytes.len().saturating_mul(PATHS_PER_BYTE).saturating_add(1 << 20),
        files: limits.entries.as_usize(),
        dependencies: limits.packages.as_usize(),
        files_left_out: 0,
        dependencies_left_out: 0,
        gaps,
        unlisted: 0,
        listed: 0,
    };
    let mut offset = 0;
    while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            parser.finish_record();
            if limits.packages.check(parser.packages.len() as u64 + 1).is_err() {
                parser.gap(
                    Gap::new(GapKind::Limit, "further packages are not read: there are too many").at(offset),
                );
                break;
            }
        } else {
            parser.line(line, offset);
        }
        offset += end + 1;
    }
    parser.finish_record();
    parser.finish();
    parser.packages
}

struct Parser<'a> {
    packages: Vec<Arc<Package>>,
    record: Record,
    /// Bytes of paths that may still be kept.
    path_bytes: usize,
    /// Files that may still be kept.
    files: usize,
    /// Dependencies and the like that may still be kept.
    dependencies: usize,
    files_left_out: u64,
    dependencies_left_out: u64,
    gaps: &'a mut Vec<Gap>,
    listed: usize,
    unlisted: u64,
}

/// The record being read.
#[derive(Default)]
struct Record {
    package: Package,
    /// Where it begins; none before its first field.
    start: Option<usize>,
    directory: ImagePath,
    /// Whether the last file of `package` is the one that `Z` speaks of.
    in_file: bool,
}

impl Parser<'_> {
    fn line(&mut self, line: &[u8], offset: usize) {
        let [field, b':', value @ ..] = line else {
            self.gap(Gap::new(GapKind::Malformed, "a line that is no field of a package").at(offset));
            return;
        };
        self.record.start.get_or_insert(offset);
        let package = &mut self.record.package;
        match field {
            b'P' => package.name = text(value).unwrap_or_default(),
            b'V' => package.version = text(value).unwrap_or_default(),
            b'A' => package.arch = text(value),
            b'o' => package.origin = text(value),
            b'T' => package.description = text(value),
            b'U' => package.url = text(value),
            b'L' => package.license = text(value),
            b'm' => package.maintainer = text(value),
            b'c' => package.commit = text(value),
            b's' => package.repository_tag = text(value),
            b'f' => package.broken = text(value),
            b'D' => self.dependencies(value, |package| &mut package.depends),
            b'p' => self.dependencies(value, |package| &mut package.provides),
            b'r' => self.dependencies(value, |package| &mut package.replaces),
            b'i' => self.dependencies(value, |package| &mut package.install_if),
            b't' => self.number(value, offset, "build time", |package| &mut package.build_time),
            b'S' => self.number(value, offset, "size", |package| &mut package.package_size),
            b'I' => self.number(value, offset, "installed size", |package| &mut package.installed_size),
            b'k' => self.number(value, offset, "priority", |package| &mut package.provider_priority),
            b'q' => self.number(value, offset, "priority", |package| &mut package.replaces_priority),
            b'C' => match Checksum::parse(value) {
                Some(checksum) => package.checksum = Some(checksum),
                None => self.malformed(value, offset, "checksum"),
            },
            b'F' => {
                self.record.directory = ImagePath::new(value);
                self.record.in_file = false;
            }
            b'R' => self.file(value),
            b'Z' => self.digest(value, offset),
            // Owners and modes, and what later versions of apk may add.
            _ => {}
        }
    }

    fn file(&mut self, name: &[u8]) {
        let path = self.record.directory.join(name);
        let length = path.as_bytes().len();
        self.record.in_file = length <= self.path_bytes && self.files > 0;
        if self.record.in_file {
            self.path_bytes -= length;
            self.files -= 1;
            self.record.package.files.push(File { path, checksum: None });
        } else {
            self.files_left_out += 1;
        }
    }

    fn dependencies(&mut self, value: &[u8], field: fn(&mut Package) -> &mut Vec<Dependency>) {
        let value = String::from_utf8_lossy(value);
        let mut words = value.split_ascii_whitespace();
        let list = field(&mut self.record.package);
        let before = list.len();
        list.extend(words.by_ref().take(self.dependencies).filter_map(Dependency::parse));
        self.dependencies -= list.len() - before;
        self.dependencies_left_out += words.count() as u64;
    }

    fn digest(&mut self, value: &[u8], offset: usize) {
        if !self.record.in_file {
            return;
        }
        let Some(file) = self.record.package.files.last_mut() else { return };
        match Checksum::parse(value) {
            Some(checksum) => file.checksum = Some(checksum),
            None => self.malformed(value, offset, "digest"),
        }
    }

    fn number(
        &mut self,
        value: &[u8],
        offset: usize,
        what: &str,
        field: fn(&mut Package) -> &mut Option<u64>,
    ) {
        match std::str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok()) {
            Some(number) => *field(&mut self.record.package) = Some(number),
            None if value.is_empty() => {}
            None => self.malformed(value, offset, what),
        }
    }

    fn malformed(&mut self, value: &[u8], offset: usize, what: &str) {
        let value = String::from_utf8_lossy(value.get(..60).unwrap_or(value));
        self.gap(Gap::new(GapKind::Malformed, format!("no {what}: {value}")).at(offset));
    }

    fn finish_record(&mut self) {
        let record = std::mem::take(&mut self.record);
        let Some(start) = record.start else { return };
        let package = record.package;
        if package.name.is_empty() {
            self.gap(Gap::new(GapKind::Malformed, "a package without a name").at(start));
            return;
        }
        if package.version.is_empty() {
            let message = format!("the package {:.100} has no version", package.name);
            self.gap(Gap::new(GapKind::Malformed, message).at(start));
        }
        self.packages.push(Arc::new(package));
    }

    fn gap(&mut self, gap: Gap) {
        if self.listed < MAX_GAPS {
            self.listed += 1;
            self.gaps.push(gap);
        } else {
            self.unlisted += 1;
        }
    }

    fn finish(&mut self) {
        if self.unlisted > 0 {
            let message = format!("{} further faults in this database", self.unlisted);
            self.gaps.push(Gap::new(GapKind::Malformed, message));
        }
        for (count, what) in [(self.files_left_out, "files"), (self.dependencies_left_out, "dependencies")] {
            if count > 0 {
                let message = format!("{count} {what} of packages are left out: there are too many");
                self.gaps.push(Gap::new(GapKind::Limit, message));
            }
        }
    }
}

/// A value as text; bytes that are not UTF-8 become U+FFFD. None if it is blank.
fn text(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> (Vec<Arc<Package>>, Vec<Gap>) {
        let mut gaps = Vec::new();
        let packages = parse(bytes, &Limits::default(), &mut gaps);
        (packages, gaps)
    }

    /// `(name, version, files)` of each package, and the offsets of the gaps.
    fn check(text: &str, packages: &[(&str, &str, &[&str])], gaps: &[u64]) {
        let (found, found_gaps) = read(text.as_bytes());
        let found: Vec<(&str, &str, Vec<String>)> = found
            .iter()
            .map(|package| {
                let files = package.files.iter().map(|file| file.path.to_text()).collect();
                (package.name.as_str(), package.version.as_str(), files)
            })
            .collect();
        let expected: Vec<(&str, &str, Vec<String>)> = packages
            .iter()
            .map(|(name, version, files)| (*name, *version, files.iter().map(|f| (*f).to_owned()).collect()))
            .collect();
        assert_eq!(found, expected, "{text}");
        let offsets: Vec<u64> = found_gaps.iter().filter_map(|gap| gap.offset).collect();
        assert_eq!(offsets, gaps, "{found_gaps:?}");
    }

    #[test]
    fn records_end_at_empty_lines_and_at_the_end() {
        check("P:a\nV:1\n\n\nP:b\nV:2", &[("a", "1", &[]), ("b", "2", &[])], &[]);
        check("P:a\r\nV:1\r\n\r\nP:b\r\nV:2\r\n", &[("a", "1", &[]), ("b", "2", &[])], &[]);
        check("", &[], &[]);
    }

    #[test]
    fn an_empty_directory_line_is_the_root() {
        check("P:a\nV:1\nF:usr\nR:x\nF:\nM:0:0:1777\nR:y\n", &[("a", "1", &["/usr/x", "/y"])], &[]);
    }

    #[test]
    fn owners_and_digests_without_a_file_are_passed_over() {
        check(
            "P:a\nV:1\nF:\nM:0:0:755\na:0:0:644\nZ:Q1broken\nF:etc\nZ:x\nR:f\n",
            &[("a", "1", &["/etc/f"])],
            &[],
        );
    }

    #[test]
    fn a_bad_line_is_a_gap_and_its_record_stays() {
        check(
            "junk\nP:a\nV:1\nS:many\nC:Q1?\nR:f\nZ:bad\n\nP:b\nV:2\n",
            &[("a", "1", &["/f"]), ("b", "2", &[])],
            &[0, 13, 20, 30],
        );
    }

    #[test]
    fn versions_of_any_form_are_kept_and_a_missing_one_is_a_gap() {
        check(
            "P:a\nV:not a version!\n\nP:b\n\nV:1\nT:x\n",
            &[("a", "not a version!", &[]), ("b", "", &[])],
            &[22, 27],
        );
    }

    #[test]
    fn paths_stay_inside_the_root() {
        check("P:a\nV:1\nF:../../x\nR:../../y\nR:b c\n", &[("a", "1", &["/y", "/x/b c"])], &[]);
    }

    #[test]
    fn long_lines_are_read_whole() {
        let long = "long ".repeat(2 << 20);
        let (packages, gaps) = read(format!("P:a\nV:1\nT:{long}\nD:b\n").as_bytes());
        assert_eq!((packages[0].description.as_deref(), gaps.len()), (Some(long.trim()), 0));
        assert_eq!(packages[0].depends.len(), 1);
    }

    #[test]
    fn dependencies_and_files_beyond_the_limits_are_a_gap() {
        let mut limits = Limits::default();
        limits.set("packages", 3);
        limits.set("entries", 1);
        let mut gaps = Vec::new();
        let found = parse(b"P:a\nV:1\nD:b c\np:d e f\nR:x\nR:y\nZ:bad\n", &limits, &mut gaps);
        assert_eq!((found[0].depends.len(), found[0].provides.len(), found[0].files.len()), (2, 1, 1));
        assert_eq!(gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [GapKind::Limit, GapKind::Limit]);
    }

    #[test]
    fn many_files_in_a_long_directory_hit_a_limit() {
        let text = format!("P:a\nV:1\nF:{}\n{}", "d/".repeat(30_000), "R:f\n".repeat(100_000));
        let (packages, gaps) = read(text.as_bytes());
        let bytes: usize = packages[0].files.iter().map(|file| file.path.as_bytes().len()).sum();
        assert!(bytes <= 4 * text.len() + (1 << 20), "{bytes}");
        assert_eq!(gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [GapKind::Limit]);
    }

    #[test]
    fn a_database_of_nothing_but_faults_has_few_gaps() {
        let (packages, gaps) = read("x\n".repeat(100_000).as_bytes());
        assert_eq!((packages.len(), gaps.len()), (0, MAX_GAPS + 1));
        assert_eq!(gaps[MAX_GAPS].message, "99900 further faults in this database");
    }

    #[test]
    fn more_packages_than_allowed_are_a_gap() {
        let mut limits = Limits::default();
        limits.set("packages", 2);
        let mut gaps = Vec::new();
        let found = parse(b"P:a\nV:1\n\nP:b\nV:1\n\nP:c\nV:1\n\n", &limits, &mut gaps);
        assert_eq!((found.len(), gaps.len()), (2, 1));
    }

    #[test]
    fn real_records_are_read_in_full() {
        let read = |name: &str| {
            let path = sbomctl_testkit::shared(&format!("data/apk/{name}"))?;
            let file = std::fs::File::open(path).unwrap();
            Some(read(&crate::limits::read_capped(file, Limits::default().file_bytes).unwrap()))
        };
        let Some((base, gaps)) = read("base") else { return };
        assert_eq!(gaps, []);
        let package = &base[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("alpine-baselayout", "3.2.0-r6"));
        assert_eq!(
            package.checksum.as_ref().unwrap().to_text(),
            "sha1:9b230d7ddeeee6fe544e03477aad5edf5a938d95"
        );
        assert_eq!((package.package_size, package.installed_size), (Some(19917), Some(409_600)));
        assert_eq!(package.build_time, Some(1_590_679_557));
        assert_eq!(package.depends.len(), 2);
        assert_eq!(package.files[0].path.to_text(), "/etc/fstab");
        assert!(package.files.iter().all(|file| matches!(file.checksum, Some(Checksum::Sha1(_)))));

        let (corrupt, gaps) = read("corrupt").unwrap();
        assert_eq!((corrupt.len(), gaps.len()), (1, 1));
        assert_eq!(corrupt[0].replaces.len(), 1);

        let (empty, gaps) = read("empty-deps-and-provides").unwrap();
        assert_eq!((empty[0].depends.len(), empty[0].provides.len(), gaps.len()), (0, 0, 0));
        assert_eq!(empty[0].provider_priority, Some(0));

        let (attributes, gaps) = read("extra-file-attributes").unwrap();
        assert_eq!((attributes[0].files.len(), gaps.len()), (1, 0));
        assert!(attributes[0].files[0].checksum.is_some());
        assert_eq!(read("multiple-1").unwrap().0.len(), 4);
    }

    proptest! {
        #[test]
        fn nothing_in_a_database_makes_it_panic(lines in proptest::collection::vec(
            prop_oneof![
                "[A-Za-z]:[ -~]{0,12}",
                "[FRZMaC]:(Q[123])?[A-Za-z0-9+/=]{0,30}",
                Just(String::new()),
                "\\PC{0,6}",
            ], 0..40))
        {
            let text = lines.join("\n");
            let (packages, _) = read(text.as_bytes());
            prop_assert!(packages.len() <= lines.iter().filter(|line| line.starts_with("P:")).count());
        }
    }
}
