//! The list of crates that `cargo auditable` puts into a program.
//!
//! JSON: `{"packages":[{"name","version","source","kind"?,"dependencies"?,"root"?}],"format"?}`. Dependencies are
//! indices into the list. Source: cargo-auditable, `cargo-auditable.schema.json` and `auditable-serde`.

use serde::{Deserialize, de::IgnoredAny};

use super::proc_macro;
use crate::{
    detect::{Gap, GapKind},
    limits::Limits,
};

/// The crates of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Revision of the format. In 0 a crate that only a procedural macro needs counts as one of run time.
    pub format: u32,
    /// The crates, in the order of the list; what is malformed in it is left out, and indices are adjusted.
    pub crates: Vec<Crate>,
}

/// One crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it was taken from.
    pub source: CrateSource,
    /// Whether it served the build alone: a build script or a procedural macro needed it.
    pub build_only: bool,
    /// Whether `build_only` is concluded from its use by procedural macros, not stated.
    pub concluded: bool,
    /// The crates that it needs: indices into [`Audit::crates`], ascending.
    pub dependencies: Vec<usize>,
    /// Whether it is the crate that the program was built from.
    pub root: bool,
}

/// Where a crate was taken from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrateSource {
    /// crates.io.
    CratesIo,
    /// A git repository; which one, and which commit, is not recorded.
    Git,
    /// A folder.
    Local,
    /// Another registry; which one is not recorded.
    Registry,
    /// Something that later versions of the format may say.
    Other(String),
}

impl CrateSource {
    /// As the list writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::CratesIo => "crates.io",
            Self::Git => "git",
            Self::Local => "local",
            Self::Registry => "registry",
            Self::Other(text) => text,
        }
    }

    fn of(text: String) -> Self {
        match text.as_str() {
            "crates.io" => Self::CratesIo,
            "git" => Self::Git,
            "local" => Self::Local,
            "registry" => Self::Registry,
            _ => Self::Other(text),
        }
    }
}

/// Reads the list. What is wrong with one crate, or with the graph, is a gap; the rest is kept.
pub(super) fn parse(json: &[u8], limits: &Limits, gaps: &mut Vec<Gap>) -> Option<Audit> {
    let raw: RawAudit = match serde_json::from_slice(json) {
        Ok(raw) => raw,
        Err(error) => {
            gaps.push(malformed(format!("the crate list of a Rust program cannot be read: {error}")));
            return None;
        }
    };
    let total = raw.packages.len();
    let allowed = limits.packages.as_usize();
    if total > allowed {
        let message = format!("{} further crates of a Rust program are not listed", total - allowed);
        gaps.push(Gap::new(GapKind::Limit, message));
    }
    let mut audit = Audit { format: raw.format.unwrap_or(0), crates: Vec::new() };
    // Where each entry of the list went.
    let mut places: Vec<Option<usize>> = Vec::new();
    let mut wanted: Vec<Vec<u64>> = Vec::new();
    for entry in raw.packages.into_iter().take(allowed) {
        places.push(entry.package().map(|raw| {
            wanted.push(raw.dependencies.unwrap_or_default());
            audit.crates.push(Crate {
                name: raw.name,
                version: raw.version,
                source: CrateSource::of(raw.source.unwrap_or_default()),
                build_only: raw.kind.as_deref() == Some("build"),
                concluded: false,
                dependencies: Vec::new(),
                root: raw.root.unwrap_or(false),
            });
            audit.crates.len() - 1
        }));
    }
    let unreadable = places.iter().filter(|place| place.is_none()).count();
    if unreadable > 0 {
        gaps.push(malformed(format!("{unreadable} crates of a Rust program's list cannot be read")));
    }
    let mut astray = 0_usize;
    for (package, wanted) in audit.crates.iter_mut().zip(wanted) {
        let place = |index: &u64| usize::try_from(*index).ok().and_then(|index| *places.get(index)?);
        let before = wanted.len();
        package.dependencies = wanted.iter().filter_map(place).collect();
        astray += before - package.dependencies.len();
        package.dependencies.sort_unstable();
        package.dependencies.dedup();
    }
    if astray > 0 {
        let message = format!("{astray} dependencies in a Rust program's crate list lead to no crate");
        gaps.push(malformed(message));
    }
    check_roots(&audit, gaps);
    if has_cycle(&audit.crates) {
        gaps.push(malformed("the crates of a Rust program depend on one another in a circle".to_owned()));
    }
    if audit.format == 0 {
        proc_macro::conclude(&mut audit.crates);
    }
    Some(audit)
}

fn check_roots(audit: &Audit, gaps: &mut Vec<Gap>) {
    let roots = audit.crates.iter().filter(|package| package.root).count();
    if roots != 1 {
        gaps.push(malformed(format!("the crate list of a Rust program has {roots} roots, not one")));
    }
}

fn malformed(message: String) -> Gap {
    Gap::new(GapKind::Malformed, message)
}

/// Takes away crates that nothing needs until none is left, which a circle prevents.
fn has_cycle(crates: &[Crate]) -> bool {
    let mut needed = vec![0_usize; crates.len()];
    for index in crates.iter().flat_map(|package| &package.dependencies) {
        if let Some(count) = needed.get_mut(*index) {
            *count += 1;
        }
    }
    let mut free: Vec<usize> =
        needed.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| index).collect();
    let mut taken = 0;
    while let Some(index) = free.pop() {
        taken += 1;
        for next in crates.get(index).map(|package| package.dependencies.as_slice()).unwrap_or_default() {
            if let Some(count) = needed.get_mut(*next) {
                *count -= 1;
                if *count == 0 {
                    free.push(*next);
                }
            }
        }
    }
    taken != crates.len()
}

#[derive(Deserialize)]
struct RawAudit {
    packages: Vec<RawEntry>,
    #[serde(default)]
    format: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawEntry {
    Package(RawPackage),
    Other(IgnoredAny),
}

impl RawEntry {
    fn package(self) -> Option<RawPackage> {
        match self {
            Self::Package(package) => Some(package).filter(|package| !package.name.is_empty()),
            Self::Other(IgnoredAny) => None,
        }
    }
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    version: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<u64>>,
    #[serde(default)]
    root: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> (Option<Audit>, Vec<String>) {
        let mut gaps = Vec::new();
        let audit = parse(json.as_bytes(), &Limits::default(), &mut gaps);
        (audit, gaps.into_iter().map(|gap| gap.message).collect())
    }

    const ROOT: &str =
        r#"{"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[0,0]}"#;

    #[test]
    fn crates_kinds_and_sources_are_read() {
        let (audit, gaps) = check(&format!(
            r#"{{"packages":[{{"name":"a","version":"1.0.0","source":"crates.io","kind":"build"}},{ROOT},
                {{"name":"b\u0062","version":"2.0.0","source":"a new one"}}],"format":1}}"#
        ));
        assert_eq!(gaps, [""; 0]);
        let audit = audit.unwrap();
        assert_eq!(audit.crates[1].dependencies, [0]);
        assert!(audit.crates[0].build_only && audit.crates[1].root);
        assert_eq!(audit.crates[2].name, "bb");
        assert_eq!(audit.crates[2].source, CrateSource::Other("a new one".into()));
    }

    #[test]
    fn one_bad_crate_loses_no_other_and_moves_no_index() {
        let (audit, gaps) = check(&format!(
            r#"{{"packages":[{{"name":7}},{{"name":"a","version":"1.0.0","source":"git","dependencies":[2,99,0]}},
                {{"name":"b","version":"1.0.0","source":"git"}},{ROOT}]}}"#
        ));
        let crates = audit.unwrap().crates;
        assert_eq!(crates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "app"]);
        assert_eq!(crates[0].dependencies, [1]);
        assert_eq!(
            gaps,
            [
                "1 crates of a Rust program's list cannot be read",
                "4 dependencies in a Rust program's crate list lead to no crate"
            ]
        );
    }

    #[test]
    fn circles_and_missing_roots_are_told_and_kept() {
        let (audit, gaps) = check(
            r#"{"packages":[{"name":"a","version":"1","source":"git","dependencies":[1]},
                {"name":"b","version":"1","source":"git","dependencies":[0]}]}"#,
        );
        assert_eq!(audit.unwrap().crates.len(), 2);
        assert_eq!(
            gaps,
            [
                "the crate list of a Rust program has 0 roots, not one",
                "the crates of a Rust program depend on one another in a circle"
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_a_gap() {
        for json in ["", "[]", "{}", "{\"packages\":7}", "\u{0}"] {
            let (audit, gaps) = check(json);
            assert_eq!((audit, gaps.len()), (None, 1), "{json}");
        }
        let mut gaps = Vec::new();
        assert_eq!(parse(b"{\"packages\":[{\"name\":\"\xff\"}]}", &Limits::default(), &mut gaps), None);
        assert_eq!(gaps.len(), 1);
    }

    #[test]
    fn more_crates_than_allowed_are_a_gap() {
        let mut limits = Limits::default();
        limits.set("packages", 10);
        let package = r#"{"name":"a","version":"1","source":"git"}"#;
        let json = format!(r#"{{"packages":[{}]}}"#, [package; 100].join(","));
        let mut gaps = Vec::new();
        assert_eq!(parse(json.as_bytes(), &limits, &mut gaps).unwrap().crates.len(), 10);
        assert!(gaps.iter().any(|gap| gap.kind == GapKind::Limit));
    }
}
