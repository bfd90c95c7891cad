//! Packages as the databases of dpkg and opkg record them. Source: deb-control(5), dpkg(1) "Package states".

use std::sync::Arc;

use super::{
    super::{Gap, GapKind},
    Report,
    installed::Conffile,
    relation::{self, Relation},
    stanza::{Field, Stanza, Stanzas},
};
use crate::limits::{LimitExceeded, Limits};

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// `Package`.
    pub name: String,
    /// `Version`, with its epoch.
    pub version: String,
    /// `Architecture`.
    pub architecture: Option<String>,
    /// `Status`; none where the database records only what is installed.
    pub status: Option<Status>,
    /// The name in `Source`, where it is given.
    pub source: Option<String>,
    /// The version in `Source`, where it differs from the package's.
    pub source_version: Option<String>,
    /// `Essential: yes`.
    pub essential: bool,
    /// `Priority`.
    pub priority: Option<String>,
    /// `Section`.
    pub section: Option<String>,
    /// `Multi-Arch`.
    pub multi_arch: Option<String>,
    /// `Origin`: who distributes it, where that is not the distribution.
    pub origin: Option<String>,
    /// `Maintainer`.
    pub maintainer: Option<String>,
    /// `Homepage`.
    pub homepage: Option<String>,
    /// `Bugs`.
    pub bugs: Option<String>,
    /// `Vcs-Git` and `Vcs-Browser`, in that order.
    pub vcs: Vec<String>,
    /// `License`, which opkg has.
    pub license: Option<String>,
    /// First line of `Description`.
    pub description: Option<String>,
    /// `Conffiles`.
    pub conffiles: Vec<Conffile>,
    /// Relations to other packages.
    pub relations: Relations,
}

/// The relations of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relations {
    /// `Pre-Depends`.
    pub pre_depends: Vec<Relation>,
    /// `Depends`.
    pub depends: Vec<Relation>,
    /// `Recommends`.
    pub recommends: Vec<Relation>,
    /// `Suggests`.
    pub suggests: Vec<Relation>,
    /// `Breaks`.
    pub breaks: Vec<Relation>,
    /// `Provides`.
    pub provides: Vec<Relation>,
}

/// The three words of `Status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What is wanted: `install`, `hold`, `deinstall`, `purge`.
    pub want: String,
    /// `ok`, or what is wrong.
    pub flag: String,
    /// What is the case: `installed`, `unpacked`, `half-configured`, …
    pub state: String,
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace().map(str::to_owned);
        Some(Self { want: words.next()?, flag: words.next()?, state: words.next()? })
    }

    /// Whether files of the package are there. The third word alone says so: a package that is to be removed
    /// is there until it is.
    pub fn is_installed(&self) -> bool {
        !matches!(self.state.as_str(), "not-installed" | "config-files")
    }
}

impl Package {
    /// Name and version of the source package. Source: dpkg, where a missing one is the package's own.
    pub fn source(&self) -> (&str, &str) {
        let name = self.source.as_deref().unwrap_or(&self.name);
        (name, self.source_version.as_deref().unwrap_or(&self.version))
    }

    /// Whether the package holds nothing and exists so that an old name leads to a new one.
    pub fn is_transitional(&self) -> bool {
        let described = self.description.as_deref().unwrap_or_default().to_ascii_lowercase();
        ["transitional package", "transitional dummy", "dummy package", "dummy transitional"]
            .iter()
            .any(|phrase| described.contains(phrase))
    }
}

/// Reads the installed packages of a database.
pub(super) fn read(bytes: &[u8], limits: &Limits, report: &mut Report<'_>) -> Vec<Arc<Package>> {
    let mut packages = Vec::new();
    let mut reader = Reader { report, relations: limits.edges.as_usize(), limits };
    for stanza in Stanzas::new(bytes) {
        let report = &mut *reader.report;
        stanza.problems.iter().for_each(|problem| report.gap(problem.into()));
        if let Err(limit) = limits.packages.check(packages.len() as u64 + 1) {
            report.gap(Gap::new(GapKind::Limit, limit.to_string()).at(stanza.offset));
            break;
        }
        packages.extend(reader.package(&stanza).map(Arc::new));
    }
    packages
}

struct Reader<'r, 'g> {
    report: &'r mut Report<'g>,
    /// Targets of relations that may still be kept.
    relations: usize,
    limits: &'r Limits,
}

impl Reader<'_, '_> {
    /// The package of one stanza; none if it is not installed or, with a gap, if it lacks what identifies it.
    fn package(&mut self, stanza: &Stanza<'_>) -> Option<Package> {
        let status = stanza.field("Status").and_then(|field| {
            let text = field.value.text();
            let status = Status::parse(&text);
            if status.is_none() {
                let message = format!("a package status that is not three words: {text:?}");
                self.report.gap(Gap::new(GapKind::Malformed, message).at(field.offset));
            }
            status
        });
        if status.as_ref().is_some_and(|status| !status.is_installed()) {
            return None;
        }
        let Some(name) = stanza.text("Package") else {
            self.report.gap(Gap::new(GapKind::Malformed, "a stanza that names no package").at(stanza.offset));
            return None;
        };
        let Some(version) = stanza.text("Version") else {
            let message = format!("the package {name} has no version");
            self.report.gap(Gap::new(GapKind::Malformed, message).at(stanza.offset));
            return None;
        };
        let source = stanza.text("Source").map(|text| split_source(&text));
        let (source, source_version) = source.map_or((None, None), |(name, version)| (Some(name), version));
        let yes = |name: &str| stanza.text(name).is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        Some(Package {
            name,
            version,
            architecture: stanza.text("Architecture"),
            status,
            source,
            source_version,
            essential: yes("Essential"),
            priority: stanza.text("Priority"),
            section: stanza.text("Section"),
            multi_arch: stanza.text("Multi-Arch"),
            origin: stanza.text("Origin"),
            maintainer: stanza.text("Maintainer"),
            homepage: stanza.text("Homepage"),
            bugs: stanza.text("Bugs"),
            vcs: ["Vcs-Git", "Vcs-Browser"].iter().filter_map(|name| stanza.text(name)).collect(),
            license: stanza.text("License"),
            description: stanza
                .get("Description")
                .map(|value| value.first_line().into_owned())
                .filter(|line| !line.is_empty()),
            conffiles: conffiles(stanza, self.report),
            relations: Relations {
                pre_depends: self.relations(stanza.field("Pre-Depends")),
                depends: self.relations(stanza.field("Depends")),
                recommends: self.relations(stanza.field("Recommends")),
                suggests: self.relations(stanza.field("Suggests")),
                breaks: self.relations(stanza.field("Breaks")),
                provides: self.relations(stanza.field("Provides")),
            },
        })
    }

    fn relations(&mut self, field: Option<&Field<'_>>) -> Vec<Relation> {
        let Some(field) = field else { return Vec::new() };
        let text = field.value.text();
        // Counted before it is taken apart: a comma becomes a hundred bytes.
        let targets = 1 + text.bytes().filter(|byte| matches!(byte, b',' | b'|')).count();
        let Some(left) = self.relations.checked_sub(targets) else {
            let limit = LimitExceeded { limit: self.limits.edges };
            self.report.gap(Gap::new(GapKind::Limit, limit.to_string()).at(field.offset));
            return Vec::new();
        };
        self.relations = left;
        let (relations, unread) = relation::parse(&text);
        if let Some(unread) = unread {
            let name = String::from_utf8_lossy(field.name);
            let message = format!("a relation in {name} that cannot be read: {unread:?}");
            self.report.gap(Gap::new(GapKind::Malformed, message).at(field.offset));
        }
        relations
    }
}

fn conffiles(stanza: &Stanza<'_>, report: &mut Report<'_>) -> Vec<Conffile> {
    let Some(field) = stanza.field("Conffiles") else { return Vec::new() };
    let mut conffiles = Vec::new();
    // opkg writes the first one beside the field's name.
    let first = std::iter::once(field.value.first_line());
    for line in first.chain(field.value.lines()).filter(|line| !line.trim().is_empty()) {
        if let Some(conffile) = Conffile::of_status(line.trim()) {
            conffiles.push(conffile);
        } else {
            let message = format!("a configuration file that cannot be read: {line:?}");
            report.gap(Gap::new(GapKind::Malformed, message).at(field.offset));
        }
    }
    conffiles
}

/// `name (version)` or `name`.
fn split_source(text: &str) -> (String, Option<String>) {
    match text.split_once('(') {
        Some((name, version)) => {
            let version = version.trim().trim_end_matches(')').trim();
            (name.trim().to_owned(), Some(version.to_owned()).filter(|version| !version.is_empty()))
        }
        None => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Vec<Arc<Package>>, Vec<Gap>) {
        let mut gaps = Vec::new();
        let limits = Limits::default();
        let packages = read(text.as_bytes(), &limits, &mut Report::new(&mut gaps, &limits));
        (packages, gaps)
    }

    fn check(text: &str, expected: &[&str], gaps: usize) {
        let (packages, found) = read_all(text);
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, expected, "{text}");
        assert_eq!(found.len(), gaps, "{found:?}");
    }

    #[test]
    fn the_third_word_of_the_status_decides() {
        for (status, installed) in [
            ("install ok installed", true),
            ("deinstall ok installed", true),
            ("purge ok half-installed", true),
            ("install ok unpacked", true),
            ("install reinstreq half-configured", true),
            ("hold ok triggers-pending", true),
            ("deinstall ok config-files", false),
            ("purge ok not-installed", false),
        ] {
            let expected: &[&str] = if installed { &["a"] } else { &[] };
            check(&format!("Package: a\nStatus: {status}\nVersion: 1\n"), expected, 0);
        }
    }

    #[test]
    fn one_bad_stanza_costs_no_other() {
        check("Package: a\nVersion: 1\n\nPackage: b\nStatus: ok\n\nPackage: c\nVersion: 1", &["a", "c"], 2);
        check(
            "Pakij: apt\nStratus: install ok installed\nwhat is this\n * x\n\nPackage: c\nVersion: 1",
            &["c"],
            2,
        );
        check("Package: a\nVersion: 1\nDepends: b\nDepends: c\n\nPackage: d\nVersion: 2\n", &["a", "d"], 1);
        check("Package: a\nVersion: 1\nInstalled-Size: 4KB\n", &["a"], 0);
        check("Package: purged\nStatus: purge ok not-installed\n", &[], 0);
    }

    #[test]
    fn gaps_say_where() {
        let (_, gaps) = read_all("Package: a\nVersion: 1\n\nPackage: b\n");
        assert_eq!(gaps[0].offset, Some(23));
        assert!(gaps[0].message.contains('b'));
    }

    #[test]
    fn a_missing_source_is_the_package_itself() {
        let source = |text: &str| {
            let (packages, _) = read_all(text);
            let (name, version) = packages[0].source();
            format!("{name} {version}")
        };
        assert_eq!(source("Package: a\nVersion: 1:2-3+b1\n"), "a 1:2-3+b1");
        assert_eq!(source("Package: a\nVersion: 2-3+b1\nSource: b (2-3)\n"), "b 2-3");
        assert_eq!(source("Package: a\nVersion: 2\nSource: b\n"), "b 2");
    }

    #[test]
    fn the_number_of_packages_is_bounded() {
        let mut gaps = Vec::new();
        let mut limits = Limits::default();
        limits.set("packages", 2);
        let text = "Package: a\nVersion: 1\n\n".repeat(3);
        assert_eq!(read(text.as_bytes(), &limits, &mut Report::new(&mut gaps, &limits)).len(), 2);
        assert_eq!(gaps[0].kind, GapKind::Limit);
    }

    #[test]
    fn real_databases_are_read() {
        for (name, expected, gaps) in [
            ("coreutils-relationships", 9, 0),
            ("doc-examples", 5, 11),
            ("libpam-runtime", 1, 5),
            ("deinstall", 1, 0),
            ("multiple", 2, 2),
            ("single", 1, 0),
            ("installed-size-4KB", 1, 0),
            ("corrupt", 0, 2),
        ] {
            let Some(path) = sbomctl_testkit::shared(&format!("data/dpkg/status.d/{name}")) else { return };
            let file = std::fs::File::open(path).unwrap();
            let bytes = crate::limits::read_capped(file, Limits::default().file_bytes).unwrap();
            let (packages, found) = read_all(&String::from_utf8_lossy(&bytes));
            assert_eq!((packages.len(), found.len()), (expected, gaps), "{name}: {found:?}");
        }
    }
}
