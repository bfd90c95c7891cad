//! Which version a Go program is of, and of which version its toolchain.
//!
//! The build information names the main module's version only since Go 1.24, or where the program was installed
//! from a module proxy. Before, and in builds from archives, it is what the build script passed to the linker
//! (`-ldflags "-X main.version=1.2.3"`); under `-trimpath` that setting is not recorded, but the linker's symbol
//! for it is; and where all this is missing, the commit remains.

use std::collections::BTreeSet;

use super::{
    GoProgram,
    module_info::{BY_FILES, DEVEL},
};
use crate::detect::{Gap, GapKind, executable};

/// The version of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainVersion {
    /// With a leading `v`, as Go modules have it.
    pub text: String,
    /// What says so.
    pub source: VersionSource,
}

/// What the version of a program comes from, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionSource {
    /// The build information names it.
    BuildInfo,
    /// The linker was told to set a variable to it.
    LinkerFlags,
    /// A variable that the linker set, by the symbol it left.
    Symbol,
    /// A pseudo-version of the commit that was built.
    Commit,
}

impl VersionSource {
    /// How sure it is, in hundredths.
    pub fn confidence(self) -> u8 {
        match self {
            Self::BuildInfo => 100,
            Self::LinkerFlags => 90,
            Self::Symbol => 80,
            Self::Commit => 70,
        }
    }

    /// The name in documents; stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::BuildInfo => "build-info",
            Self::LinkerFlags => "linker-flags",
            Self::Symbol => "symbol",
            Self::Commit => "commit",
        }
    }
}

/// Finds the version of `found`, the program in `program`.
pub(super) fn of_main(
    found: &GoProgram,
    program: &executable::Program<'_>,
    gaps: &mut Vec<Gap>,
) -> Option<MainVersion> {
    let version = |text: String, source| Some(MainVersion { text, source });
    if let Some(stated) = found.main.as_ref().and_then(|main| semver(&main.version)) {
        return version(stated, VersionSource::BuildInfo);
    }
    let flags = found.setting("-ldflags").unwrap_or_default();
    match choose(linker_variables(flags), found) {
        Choice::One(text) => return version(text, VersionSource::LinkerFlags),
        // Of several that differ none is sure, and what is less sure does not help.
        Choice::Several => return None,
        Choice::None => {}
    }
    match program.symbols(|name| name.strip_suffix(b".str").is_some_and(is_version_variable)) {
        None => gaps.push(Gap::new(
            GapKind::Limit,
            "the symbols that may hold the program's version were not kept of so large a file; \
             raise --limit executable-bytes",
        )),
        Some(symbols) => match choose(symbol_values(program, &symbols), found) {
            Choice::One(text) => return version(text, VersionSource::Symbol),
            Choice::Several => return None,
            Choice::None => {}
        },
    }
    version(pseudo_version(found)?, VersionSource::Commit)
}

/// `text` as a version of a Go module with its leading `v`, if it is one: two to four numbers, and what may follow
/// them. A lone number, a branch or a date is none.
fn semver(text: &str) -> Option<String> {
    let digits = text.strip_prefix('v').unwrap_or(text);
    let (numbers, rest) = digits.split_at(digits.find(['-', '+']).unwrap_or(digits.len()));
    let count = numbers.split('.').count();
    let plain = |part: &str| !part.is_empty() && part.len() <= 10 && part.bytes().all(|b| b.is_ascii_digit());
    let ends_well = rest.is_empty()
        || (rest.len() > 1
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b'_')));
    let good = (2..=4).contains(&count) && numbers.split('.').all(plain) && ends_well && text.len() <= 200;
    good.then(|| format!("v{digits}"))
}

/// `IMPORT/PATH.NAME` and value of the variables that `-X` sets.
fn linker_variables(flags: &str) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut words = words(flags).into_iter();
    while let Some(word) = words.next() {
        let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        let definition = match flag {
            Some("X") => words.next(),
            Some(flag) => flag.strip_prefix("X=").map(str::to_owned),
            None => None,
        };
        if let Some((name, value)) = definition.as_deref().and_then(|text| text.split_once('=')) {
            variables.push((name.to_owned(), value.trim_matches(['"', '\'']).to_owned()));
        }
    }
    variables
}

/// Words with blanks between them; quotes hold a word together, as the `go` command has it.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Names and values of the strings behind `symbols`; the linker calls that of `main.version` `main.version.str`.
fn symbol_values(program: &executable::Program<'_>, symbols: &[executable::Symbol]) -> Vec<(String, String)> {
    let value = |symbol: &executable::Symbol| {
        let bytes = program.at_address(symbol.address, symbol.size.min(256))?;
        let name = String::from_utf8_lossy(symbol.name.strip_suffix(b".str")?).replace("%2e", ".");
        Some((name, std::str::from_utf8(bytes).ok()?.trim_end_matches('\0').to_owned()))
    };
    symbols.iter().filter_map(value).collect()
}

/// What the variables come to.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    None,
    One(String),
    Several,
}

/// Chooses among variables that may hold the version: those nearest to the main package decide.
fn choose(variables: Vec<(String, String)>, program: &GoProgram) -> Choice {
    let mut best: Option<u8> = None;
    let mut versions: BTreeSet<String> = BTreeSet::new();
    for (name, value) in variables {
        let Some(version) = semver(value.trim()).filter(|_| is_version_variable(name.as_bytes())) else {
            continue;
        };
        let rank = distance(&name, program);
        // Programs are stamped through well-known modules, whose variables go by these names.
        let stamps = |name: &str| [".version", ".gitversion"].iter().any(|end| name.ends_with(end));
        if rank == FOREIGN && !stamps(&name.to_ascii_lowercase()) {
            continue;
        }
        if best.is_none_or(|best| rank < best) {
            best = Some(rank);
            versions.clear();
        }
        if best == Some(rank) {
            versions.insert(version);
        }
    }
    let mut versions = versions.into_iter();
    match (versions.next(), versions.next()) {
        (None, _) => Choice::None,
        (Some(only), None) => Choice::One(only),
        _ => Choice::Several,
    }
}

/// Whether a variable is named as if it held the version of the program. `goVersion`, `apiVersion` and the like
/// hold that of something else.
fn is_version_variable(name: &[u8]) -> bool {
    let last = name.rsplit(|&b| b == b'.').next().unwrap_or_default().to_ascii_lowercase();
    let last: Vec<u8> = last.into_iter().filter(|b| !matches!(b, b'_' | b'-')).collect();
    matches!(
        last.as_slice(),
        b"version"
            | b"ver"
            | b"v"
            | b"appversion"
            | b"appver"
            | b"buildversion"
            | b"buildver"
            | b"cliversion"
            | b"currentversion"
            | b"fullversion"
            | b"gitversion"
            | b"gittag"
            | b"tag"
            | b"release"
            | b"releaseversion"
            | b"programversion"
            | b"projectversion"
            | b"semver"
            | b"semanticversion"
            | b"versionstring"
            | b"versionstr"
            | b"versiontag"
            | b"defaultversion"
            | b"rawversion"
    )
}

/// The [`distance`] of another module's packages.
const FOREIGN: u8 = 4;

/// How far from the main package the package of the variable `name` is: the main package itself, one of commands,
/// one for versions, another of the main module, one of another module.
fn distance(name: &str, program: &GoProgram) -> u8 {
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let dot = name.get(slash..).and_then(|tail| tail.find('.')).map_or(name.len(), |dot| slash + dot);
    let package = name.get(..dot).unwrap_or(name);
    if package == "main" || package == program.path {
        return 0;
    }
    let module = program.main.as_ref().map_or(program.path.as_str(), |main| main.path.as_str());
    let inside = package == module || package.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'));
    if !inside {
        return FOREIGN;
    }
    let mut segments = package.split('/').rev();
    if package.split('/').any(|segment| segment == "cmd") {
        return 1;
    }
    let telling =
        |segment: &str| matches!(segment, "version" | "versions" | "buildinfo" | "common" | "build" | "app");
    if segments.next().is_some_and(telling) { 2 } else { 3 }
}

/// `v0.0.0-20240102030405-abcdefabcdef`, as Go names a commit without a tag.
fn pseudo_version(program: &GoProgram) -> Option<String> {
    let revision = program.setting("vcs.revision")?.get(..12)?;
    let time = program.setting("vcs.time")?.strip_suffix('Z')?;
    let digits: String = time.chars().filter(char::is_ascii_digit).collect();
    let is_hex = revision.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex || digits.len() < 14 {
        return None;
    }
    let path = program.main.as_ref().map_or("", |main| main.path.as_str());
    let major = major(path).unwrap_or("0");
    let dirty = if program.setting("vcs.modified") == Some("true") { "+dirty" } else { "" };
    Some(format!("v{major}.0.0-{}-{revision}{dirty}", digits.get(..14)?))
}

/// The major version that a module's path ends with: `/v2`, or `.v2` at gopkg.in.
fn major(path: &str) -> Option<&str> {
    let (_, number) = path.rsplit_once("/v").or_else(|| path.strip_prefix("gopkg.in/")?.rsplit_once(".v"))?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

impl GoProgram {
    /// The path by which the program is known: of its main module, else of its main package; none if it was
    /// built from files alone.
    pub fn known_as(&self) -> Option<&str> {
        let path = self.main.as_ref().map_or(self.path.as_str(), |main| main.path.as_str());
        (!path.is_empty() && path != BY_FILES && path != DEVEL).then_some(path)
    }
}

/// A release of the Go toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `1.22.1`, `1.23rc1`.
    pub version: String,
    /// `1.22.1` and nothing, `1.23` and `rc1`, as CPE names divide it.
    pub cpe: (String, Option<String>),
}

/// The release that a toolchain's version names: `go1.22.1`, `go1.23rc1`, `go1.26.1-X:jsonv2`,
/// `go1.21.5 X:boringcrypto`, `go1.22.1 (Red Hat 1.22.1-1)`. None for one between releases: `devel go1.23-abc`, and
/// since Go 1.25 `go1.26-devel_abc`.
pub fn release(go_version: &str) -> Option<Release> {
    let text = go_version.strip_prefix("go")?;
    if text.contains("-devel") {
        return None;
    }
    let text = text.split([' ', '-', '+', '\t']).next()?;
    let numbers = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at_checked(numbers)?;
    let plain = |part: &str| !part.is_empty() && part.len() <= 6;
    let count = numbers.split('.').count();
    let candidate = rest.strip_prefix("rc").or_else(|| rest.strip_prefix("beta"));
    let rest_is_good = match candidate {
        None => rest.is_empty(),
        Some(number) => !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()),
    };
    let good = (2..=3).contains(&count) && numbers.split('.').all(plain) && rest_is_good;
    let update = Some(rest.to_owned()).filter(|rest| !rest.is_empty());
    good.then(|| Release { version: text.to_owned(), cpe: (numbers.to_owned(), update) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::go_binary::Module;

    fn program(path: &str, module: &str) -> GoProgram {
        let main = Module { path: module.into(), version: DEVEL.into(), ..Module::default() };
        GoProgram { path: path.into(), main: Some(main), ..GoProgram::default() }
    }

    fn check(flags: &str, expected: &Choice) {
        let program = program("example.org/app/cmd/tool", "example.org/app");
        assert_eq!(choose(linker_variables(flags), &program), *expected, "{flags}");
    }

    #[test]
    fn the_linkers_flags_name_the_version() {
        let one = |text: &str| Choice::One(text.into());
        check("-s -w -X main.version=1.2.3", &one("v1.2.3"));
        check("-s -w -X=main.version=v1.2.3 -extldflags '-static'", &one("v1.2.3"));
        check("-X 'main.Version=v1.2.3-rc.1' -X \"main.Commit=abc\"", &one("v1.2.3-rc.1"));
        check("-X main.version='1.2.3'", &one("v1.2.3"));
        check("'-X=example.org/app/internal/version.gitVersion=v2.0.0+build'", &one("v2.0.0+build"));
        check("-X github.com/prometheus/common/version.Version=2.53.0", &one("v2.53.0"));
        check("-X main.goVersion=1.22.1 -X main.apiVersion=1.0.0", &Choice::None);
        check("-X main.version=dev -X main.version=2024", &Choice::None);
        check("", &Choice::None);
        check("-X", &Choice::None);
    }

    #[test]
    fn the_nearest_variable_wins() {
        check(
            "-X k8s.io/component-base/version.gitVersion=v1.30.0 -X example.org/app/version.Version=3.0.0",
            &Choice::One("v3.0.0".into()),
        );
        check(
            "-X example.org/app/pkg/other.Version=1.0.0 -X example.org/app/cmd/tool.Version=2.0.0",
            &Choice::One("v2.0.0".into()),
        );
    }

    #[test]
    fn variables_that_contradict_one_another_name_nothing() {
        check("-X main.version=1.0.0 -X main.tag=2.0.0", &Choice::Several);
        check("-X main.version=1.0.0 -X main.tag=v1.0.0", &Choice::One("v1.0.0".into()));
    }

    #[test]
    fn a_commit_is_named_as_go_names_it() {
        let mut program = program("m/v3", "example.org/m/v3");
        program.settings = [
            ("vcs.revision", "5e16e5031a13f8a11057feb8544decebfc43b4ed"),
            ("vcs.time", "2024-12-13T18:30:11Z"),
            ("vcs.modified", "true"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
        assert_eq!(pseudo_version(&program).as_deref(), Some("v3.0.0-20241213183011-5e16e5031a13+dirty"));
    }

    #[test]
    fn toolchains_name_their_release_in_many_ways() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(release(text).map(|r| r.version).as_deref(), expected, "{text}");
        };
        check("go1.22.1", Some("1.22.1"));
        check("go1.20", Some("1.20"));
        check("go1.23rc1", Some("1.23rc1"));
        check("go1.26.1-X:jsonv2", Some("1.26.1"));
        check("go1.21.5 X:boringcrypto", Some("1.21.5"));
        check("go1.22.1 (Red Hat 1.22.1-1.el9)", Some("1.22.1"));
        check("go1.22.1+auto", Some("1.22.1"));
        check("devel go1.23-abcdef Mon", None);
        check("devel +abcdef", None);
        check("go1.26-devel_36863d6194 2025-10-17 01:07:59 -0700", None);
        check("go1", None);
        check("go1.2.3.4", None);
        check("go1..2", None);
        check("", None);
        assert_eq!(release("go1.23rc1").unwrap().cpe, ("1.23".into(), Some("rc1".into())));
    }
}
